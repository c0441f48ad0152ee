//! The handle of a running client.

mod questions;

use bimip_codec::content;
use bimip_proto::{
    Address, Body, BodyKind, ClientRef, Content, ConversationId, Device, Draft, Emoji, GroupAct, GroupId,
    MessageRef, Offset, Status, UnixMs, UserAct,
};
use bimip_session::client::{Live, NotNow};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use crate::builder::{Builder, Missing};
use crate::command::{
    Closed, Command, GroupError, MarkError, PressError, ReadError, RetryError, SendError, UserError,
};
use crate::history::{Conversation, Line, Page};
use crate::keep::Reading;
use crate::store::StoreError;

/// A running client. Clones are handles of the same one; when the last is dropped, it leaves.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) reading: Reading,
}

impl Client {
    /// A client of this device, to be put together.
    #[must_use]
    pub fn builder(device: Device) -> Builder<Missing> {
        Builder::new(device)
    }

    /// Which device this is.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.reading.me
    }

    /// The conversation with somebody, or of a group.
    #[must_use]
    pub fn conversation(&self, with: &Address) -> ConversationId {
        ConversationId::of(&self.device().user, with)
    }

    // ---- messages -------------------------------------------------------------------------------------

    /// Takes a draft, connected or not. When this returns the store has it; from then on it is sent, again if need be,
    /// until the server has it or refuses it. Events of its [`Line`] say so.
    ///
    /// A draft without a client reference is given one, which names the message here from now on.
    ///
    /// # Errors
    /// [`SendError`] when there is no room for it, or nobody there.
    pub async fn send(&self, draft: Draft) -> Result<ClientRef, SendError> {
        self.asked(|answer| Command::Send(Box::new(draft), answer)).await?
    }

    /// [`send`](Self::send) for a text.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_text(&self, to: Address, text: &str) -> Result<ClientRef, SendError> {
        self.send(Draft { client_ref: None, to, client_time: None, body: Body::text(text) }).await
    }

    /// [`send`](Self::send) for a message whose kind is said: a picture, a sticker, a text that mentions somebody.
    ///
    /// ```no_run
    /// # use bimip_proto::{Address, Attachment, AttachmentKind, BodyKind, Content};
    /// # async fn run(client: bimip_client::Client, bob: Address) -> Result<(), bimip_client::SendError> {
    /// let picture = Attachment::new(AttachmentKind::Image, "https://files.example/cat.jpg");
    /// let content = Content { attachments: vec![picture], ..Content::text("my cat") };
    /// client.send_content(bob, BodyKind::Image, &content).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send), and [`SendError::Content`].
    pub async fn send_content(
        &self,
        to: Address,
        kind: BodyKind,
        content: &Content,
    ) -> Result<ClientRef, SendError> {
        let body = content::body(kind, content)?;
        self.send(Draft { client_ref: None, to, client_time: None, body }).await
    }

    /// Sends a message again that [failed](crate::Progress::Failed) or is [unsure](crate::Progress::Unsure): as a new one,
    /// in place of the old one.
    ///
    /// # Errors
    /// [`RetryError`].
    pub async fn retry(&self, name: ClientRef) -> Result<ClientRef, RetryError> {
        self.asked(|answer| Command::Retry(name, answer)).await?
    }

    /// Forgets a message that failed, is unsure, or has not left this device.
    ///
    /// # Errors
    /// [`RetryError`].
    pub async fn discard(&self, name: ClientRef) -> Result<(), RetryError> {
        self.asked(|answer| Command::Discard(name, answer)).await?
    }

    /// This user has read a message: its author is told, now or when there is a connection. One's own and those that are
    /// read already need no word.
    ///
    /// # Errors
    /// As [`mark`](Self::mark).
    pub async fn read(&self, message: &Line) -> Result<(), MarkError> {
        if message.mine || message.marks.has(Status::Read) {
            return Ok(());
        }
        self.mark(message.reference(), Status::Read).await
    }

    /// Says that a message was read, played or forwarded. When this returns the store has it; it is said until the
    /// server notes it.
    ///
    /// # Errors
    /// [`MarkError`] when there is no room for it, or nobody there.
    pub async fn mark(&self, message: MessageRef, status: Status) -> Result<(), MarkError> {
        self.asked(|answer| Command::Mark(message, status, answer)).await?
    }

    /// Changes the text of a message of this user. When this returns the store has it; it is said until the server
    /// answers, and the line changes when it does: [`Event::Message`](crate::Event::Message) for everybody who has it.
    ///
    /// # Errors
    /// As [`mark`](Self::mark).
    pub async fn edit(&self, message: &Line, text: &str) -> Result<(), MarkError> {
        // What kind of message it is stays, and so does what is attached; whom the old text mentioned, the new one need not.
        let body = match message.content() {
            Some(content) => {
                let content = Content { text: text.to_owned(), mentions: Vec::new(), ..content };
                content::body(message.message.body.kind, &content)?
            }
            None => Body::text(text),
        };
        self.revise(message.reference(), Some(body)).await
    }

    /// Changes a message of this user whose kind is said, to other content of that kind: as [`edit`](Self::edit).
    ///
    /// # Errors
    /// As [`mark`](Self::mark), and [`MarkError::Content`].
    pub async fn edit_content(&self, message: &Line, content: &Content) -> Result<(), MarkError> {
        let body = content::body(message.message.body.kind, content)?;
        self.revise(message.reference(), Some(body)).await
    }

    /// Reacts to a message. When this returns the store has it; it is said until the server answers, and the line changes when
    /// it does: [`Event::Message`](crate::Event::Message) for everybody who has it.
    ///
    /// # Errors
    /// As [`mark`](Self::mark).
    pub async fn react(&self, message: &Line, emoji: Emoji) -> Result<(), MarkError> {
        self.asked(|answer| Command::React(message.reference(), emoji, true, answer)).await?
    }

    /// Takes a reaction back: as [`react`](Self::react).
    ///
    /// # Errors
    /// As [`mark`](Self::mark).
    pub async fn unreact(&self, message: &Line, emoji: Emoji) -> Result<(), MarkError> {
        self.asked(|answer| Command::React(message.reference(), emoji, false, answer)).await?
    }

    /// Takes a message of this user back, for everybody: as [`edit`](Self::edit).
    ///
    /// # Errors
    /// As [`mark`](Self::mark).
    pub async fn delete(&self, message: &Line) -> Result<(), MarkError> {
        self.revise(message.reference(), None).await
    }

    /// Makes, changes or deletes a group, or says who is in it. When this returns the store has it; it is said until the
    /// server answers, under the name that this gives:
    /// [`Event::Grouped`](bimip_session::client::Event::Grouped) or
    /// [`Event::GroupRefused`](bimip_session::client::Event::GroupRefused).
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn group(&self, group: GroupId, act: GroupAct) -> Result<ClientRef, GroupError> {
        self.asked(|answer| Command::Group(group, act, answer)).await?
    }

    /// Changes something about this user, or in what they keep: profile, address book, blocks, devices. When this returns the
    /// store has it; it is said until the server answers, under the name that this gives:
    /// [`Event::UserChanged`](bimip_session::client::Event::UserChanged) or
    /// [`Event::UserRefused`](bimip_session::client::Event::UserRefused).
    ///
    /// # Errors
    /// [`UserError`].
    pub async fn user(&self, act: UserAct) -> Result<ClientRef, UserError> {
        self.asked(|answer| Command::User(act, answer)).await?
    }

    /// Edits a message to this body, or deletes it where there is none.
    ///
    /// # Errors
    /// As [`mark`](Self::mark).
    pub async fn revise(&self, message: MessageRef, body: Option<Body>) -> Result<(), MarkError> {
        self.asked(|answer| Command::Revise(message, body, answer)).await?
    }

    // ---- what is kept ---------------------------------------------------------------------------------

    /// A part of a conversation, oldest first, connected or not.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn history(&self, conversation: &ConversationId, page: Page) -> Result<Vec<Line>, ReadError> {
        let conversation = conversation.clone();
        self.look(move |reading| reading.history(&conversation, page)).await
    }

    /// Up to `limit` conversations, the one with the newest message first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn conversations(&self, limit: usize) -> Result<Vec<Conversation>, ReadError> {
        self.look(move |reading| reading.conversations(limit.min(Page::LINES))).await
    }

    /// A message that this device has written.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn message(&self, name: ClientRef) -> Result<Option<Line>, ReadError> {
        self.look(move |reading| reading.message(&name)).await
    }

    async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Reading) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, ReadError> {
        let reading = self.reading.clone();
        Ok(spawn_blocking(move || look(&reading)).await.map_err(|_| Closed)??)
    }

    // ---- what is said now or never --------------------------------------------------------------------

    /// Says something beside messages, now or never: presence, typing, being seen, about a token, logging out.
    /// Whether it was said: it is not while the session is down, and not kept either. What comes back is an event.
    ///
    /// # Errors
    /// [`Closed`]: nobody is there to say it.
    pub async fn live(&self, live: Live) -> Result<bool, Closed> {
        self.asked(|answer| Command::Live(Box::new(live), answer)).await
    }

    /// Asks to be in a group, while the session is up. An app says so whenever it comes up: joining again changes
    /// nothing.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn join(&self, group: GroupId) -> Result<(), Closed> {
        self.say(Command::Join(group)).await
    }

    /// Asks to be in a group no more, while the session is up.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn leave_group(&self, group: GroupId) -> Result<(), Closed> {
        self.say(Command::LeaveGroup(group)).await
    }

    /// The button is pressed: asks for the floor, in a dialect with live voice.
    ///
    /// # Errors
    /// [`PressError`] while there is no connection, or another talk of this device is under way.
    pub async fn press(&self, to: Address) -> Result<(), PressError> {
        let pressed = self.asked(|answer| Command::Press(to, answer)).await?;
        pressed.map_err(|NotNow| PressError::NotNow)
    }

    /// A piece of sound, as one encoded value of the dialect. Whether it was taken: it is not when nobody talks.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn voice(&self, sound: Bytes) -> Result<bool, Closed> {
        self.asked(|answer| Command::Voice(sound, answer)).await
    }

    /// The button is let go. The talk becomes a message.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn release(&self) -> Result<(), Closed> {
        self.say(Command::Release).await
    }

    // ---- the connection -------------------------------------------------------------------------------

    /// Dials now instead of when the wait is over: the network is back, or the user asked for it. A session that has ended
    /// begins again.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn redial(&self) -> Result<(), Closed> {
        self.say(Command::Redial).await
    }

    /// The token to sign in with from now on, of the same user and device, and when it runs out. A session that has ended for
    /// want of a good one dials again.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn renew(&self, token: impl Into<Bytes>, expires: Option<UnixMs>) -> Result<(), Closed> {
        self.say(Command::Renew(token.into(), expires)).await
    }

    /// Says goodbye, and returns when that is said. Drafts that are not answered stay in the store, which can be opened
    /// again when this returns and there is no other handle.
    pub async fn leave(self) {
        // An error means that it ended meanwhile.
        let _ = self.asked(Command::Leave).await;
    }

    // ---- for an app that keeps its own rows -----------------------------------------------------------

    /// The app has every row up to `offset` of the mailbox of this `epoch`, which the welcome before them said: the server
    /// may forget them for this device, and the sender is told that they are delivered. Until then rows come again with
    /// every start. Of another epoch than the session's it says nothing: those rows are of a store that is no more. Only
    /// after [`Builder::own_history`](crate::Builder::own_history) is it the app's to say.
    ///
    /// # Errors
    /// [`Closed`]: then they come again.
    pub async fn stored(&self, epoch: u32, offset: Offset) -> Result<(), Closed> {
        self.say(Command::Stored(epoch, offset)).await
    }

    /// As [`stored`](Self::stored), in dialects whose rows have no offsets: these messages are kept.
    ///
    /// # Errors
    /// [`Closed`]: then they come again.
    pub async fn delivered(&self, messages: Vec<MessageRef>) -> Result<(), Closed> {
        self.say(Command::Delivered(messages)).await
    }

    async fn say(&self, command: Command) -> Result<(), Closed> {
        self.commands.send(command).await.map_err(|_| Closed)
    }

    async fn asked<R>(&self, command: impl FnOnce(oneshot::Sender<R>) -> Command) -> Result<R, Closed> {
        let (answer, answered) = oneshot::channel();
        self.say(command(answer)).await?;
        answered.await.map_err(|_| Closed)
    }
}
