//! What an app reads: messages as this device knows them, and the conversations they are in.

use core::fmt;

use bimip_codec::content;
use bimip_proto::{
    ClientRef, Content, ConversationId, Form, Marks, Message, MessageRef, Reactions, Reject, UserId,
};
use bimip_session::client::view::HistoryItem;

/// A message of a conversation, as this device knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// The conversation it is in.
    pub conversation: ConversationId,
    /// Its place there. That of a message on its way is after everything else, until the server gives it one; its
    /// [`client_ref`](Self::client_ref) stays the same.
    pub position: Position,
    /// The message. Until the server has it, its id is [`MessageId::NONE`](bimip_proto::MessageId::NONE) and its time
    /// is this device's.
    pub message: Message,
    /// Whether this user wrote it, on whichever device.
    pub mine: bool,
    /// How far it got.
    pub progress: Progress,
    /// What was said about it: by recipients about this user's own, by this user about those of others. In a group:
    /// what any of its members said.
    pub marks: Marks,
    /// And who said it, of up to 64 users.
    pub marks_by: Vec<(UserId, Marks)>,
    /// Which edition of the message this is: 0 as it was sent, and one more with every edit.
    pub edition: u32,
    /// Whether it is deleted. It keeps its place, and says nothing.
    pub deleted: bool,
    /// The reactions to it, as far as rows told of them; none once it is deleted.
    pub reactions: Reactions,
}

/// How far a message got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The server has not said that it has it. It is sent, again if need be, without being asked.
    Sending,
    /// The server has it, durably.
    Sent,
    /// A device of a recipient has it; of somebody else's message: this one.
    Delivered,
    /// A recipient has read it; of somebody else's message: this user.
    Read,
    /// The server does not take it, and it is not tried again by itself: [`retry`](crate::Client::retry) it, or
    /// [`discard`](crate::Client::discard) it.
    Failed(Reject),
    /// The connection broke before the answer, in a dialect where sending it again could double it. Only the user can
    /// decide: [`retry`](crate::Client::retry) it, or [`discard`](crate::Client::discard) it.
    Unsure,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sending => f.write_str("sending"),
            Self::Sent => f.write_str("sent"),
            Self::Delivered => f.write_str("delivered"),
            Self::Read => f.write_str("read"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::Unsure => f.write_str("unsure"),
        }
    }
}

impl Line {
    /// This user's own name for a message of this device, from the moment it was written.
    #[must_use]
    pub const fn client_ref(&self) -> Option<&ClientRef> {
        self.message.head.client_ref.as_ref()
    }

    /// How the server knows it, for [`mark`](crate::Client::mark). It knows nothing of a message on its way.
    #[must_use]
    pub fn reference(&self) -> MessageRef {
        self.message.head.reference()
    }

    /// What it says, where its kind is said and it can be read: text, attachments, mentions. Which kind it is:
    /// [`Body::kind`](bimip_proto::Body::kind) of the message.
    #[must_use]
    pub fn content(&self) -> Option<Content> {
        content::of(&self.message.body)
    }

    /// Its text: of a JSON object, as texts are in `bimip.v1`, what is called `text` in it. `None` for what is no
    /// text.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let body = &self.message.body;
        if !body.is_readable() {
            return None;
        }
        if let Some(content) = self.content() {
            return Some(content.text).filter(|text| !text.is_empty());
        }
        if body.form != Form::Text
            && let Ok(json) = serde_json::from_slice::<serde_json::Value>(&body.bytes)
            && let Some(text) = json["text"].as_str()
        {
            return Some(text.to_owned());
        }
        String::from_utf8(body.bytes.to_vec()).ok().filter(|text| !text.is_empty())
    }
}

impl From<Line> for HistoryItem {
    /// For a page of a [`Timeline`](bimip_session::client::view::Timeline).
    fn from(line: Line) -> Self {
        Self {
            marks: line.marks_by,
            edition: line.edition.into(),
            deleted: line.deleted,
            reactions: line.reactions,
            ..Self::from(line.message)
        }
    }
}

/// A place in a conversation. Places of one conversation compare; those of two mean nothing to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// How often the server's store was another one, before this message.
    pub(crate) era: u32,
    /// Rising in an era.
    pub(crate) place: u64,
}

impl Position {
    const ON_ITS_WAY: u32 = u32::MAX;

    pub(crate) const fn on_its_way(number: u64) -> Self {
        Self { era: Self::ON_ITS_WAY, place: number }
    }

    /// Whether the server has not given it a place yet.
    #[must_use]
    pub const fn is_on_its_way(self) -> bool {
        self.era == Self::ON_ITS_WAY
    }
}

/// Which part of a history to read. A page is always in the order of the conversation.
///
/// ```
/// use bimip_client::Page;
///
/// let newest = Page::last(50);
/// # let _ = newest;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub(crate) end: End,
    pub(crate) limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Last,
    Before(Position),
    After(Position),
}

impl Page {
    /// The most lines of a page.
    pub const LINES: usize = 1000;

    /// The newest `limit` lines.
    #[must_use]
    pub fn last(limit: usize) -> Self {
        Self { end: End::Last, limit: limit.min(Self::LINES) }
    }

    /// The `limit` lines before a line, for scrolling back.
    #[must_use]
    pub fn before(line: Position, limit: usize) -> Self {
        Self { end: End::Before(line), limit: limit.min(Self::LINES) }
    }

    /// The `limit` lines after a line, for scrolling forth.
    #[must_use]
    pub fn after(line: Position, limit: usize) -> Self {
        Self { end: End::After(line), limit: limit.min(Self::LINES) }
    }
}

/// A conversation in the list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conversation {
    /// Which one.
    pub id: ConversationId,
    /// Its newest message.
    pub last: Line,
    /// Messages of others in it after the last one that this user has read or written, on whichever device.
    pub unread: u64,
}
