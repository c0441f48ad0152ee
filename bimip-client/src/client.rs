//! The handle of a running client.

use bimip_proto::{Address, Body, ClientRef, Device, Draft, MessageRef, Offset, Status};
use bimip_session::client::Live;
use tokio::sync::{mpsc, oneshot};

use crate::builder::{Builder, Missing};
use crate::command::{Closed, Command, MarkError, SendError};
use crate::store::MemoryStore;

/// A running client. Clones are handles of the same one; when the last is dropped, it leaves.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) commands: mpsc::Sender<Command>,
}

impl Client {
    /// A client of this device, to be put together.
    #[must_use]
    pub fn builder(device: Device) -> Builder<Missing, MemoryStore> {
        Builder::new(device)
    }

    /// Takes a draft. When this returns the store has it; from then on it is sent, again if need be, until
    /// [`Event::Sent`](crate::Event::Sent) or [`Event::Refused`](crate::Event::Refused).
    ///
    /// A draft without a client reference is given one; it comes back, and in the event.
    ///
    /// # Errors
    /// [`SendError`] when there is no room for it, or nobody there.
    pub async fn send(&self, draft: Draft) -> Result<ClientRef, SendError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Command::Send(Box::new(draft), answer)).await?;
        answered.await.map_err(|_| Closed)?
    }

    /// [`send`](Self::send) for a text.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_text(&self, to: Address, text: &str) -> Result<ClientRef, SendError> {
        self.send(Draft { client_ref: None, to, client_time: None, body: Body::text(text) }).await
    }

    /// Says that a message was read, played or forwarded; said again until
    /// [`Event::Marked`](crate::Event::Marked) or [`Event::MarkRefused`](crate::Event::MarkRefused). Marks are
    /// not kept over a restart.
    ///
    /// # Errors
    /// [`MarkError`] when there is no room for it, or nobody there.
    pub async fn mark(&self, message: MessageRef, status: Status) -> Result<(), MarkError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Command::Mark(message, status, answer)).await?;
        answered.await.map_err(|_| Closed)?
    }

    /// The app has every row up to `offset`: the server may forget them for this device, and the sender is told
    /// that they are delivered. Until then rows come again with every start.
    ///
    /// # Errors
    /// [`Closed`]: then they come again.
    pub async fn stored(&self, offset: Offset) -> Result<(), Closed> {
        self.ask(Command::Stored(offset)).await
    }

    /// Says something beside messages, now or never: presence, typing, being seen, about a token, logging out.
    /// Whether it was said: it is not while the session is down, and not kept either. What comes back is an
    /// [`Event::Heard`](crate::Event::Heard).
    ///
    /// # Errors
    /// [`Closed`]: nobody is there to say it.
    pub async fn live(&self, live: Live) -> Result<bool, Closed> {
        let (answer, answered) = oneshot::channel();
        self.ask(Command::Live(Box::new(live), answer)).await?;
        answered.await.map_err(|_| Closed)
    }

    /// Says goodbye, and returns when that is said. Drafts that are not answered stay in the store.
    pub async fn leave(self) {
        let (answer, answered) = oneshot::channel();
        if self.ask(Command::Leave(answer)).await.is_ok() {
            // An error means that it ended meanwhile.
            let _ = answered.await;
        }
    }

    async fn ask(&self, command: Command) -> Result<(), Closed> {
        self.commands.send(command).await.map_err(|_| Closed)
    }
}
