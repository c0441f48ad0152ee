//! What a connection's dialect can say: all that a machine needs to know about it.

use crate::{Address, Entry, Status, UserId};

/// How a connection's cursor moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CursorBy {
    /// The client says how far it has stored; that is also the delivery.
    Dispose,
    /// The dialect has no such word: a transport ping sent after the rows, whose answer proves that they
    /// arrived. It makes no receipt.
    Barrier,
    /// The client says which messages it has stored, as by [`Dispose`](Self::Dispose), and has no such word for other
    /// rows: those go by the barrier once no message is before them. A client that leaves a full window
    /// without such a word for long is moved on by the barrier altogether, or it would hear nothing more.
    Message,
    /// What arrived counts as stored and delivered, by a transport ping as for [`Barrier`](Self::Barrier), until the client
    /// says for the first time how far it has stored; from then on its word counts alone, as by
    /// [`Dispose`](Self::Dispose).
    Arrival,
    /// The client says how far it has stored when it comes back, which is also the delivery of what it was given before; or
    /// meanwhile, by a call ([`Caps::calls`]). Rows that it has are not given to it again. Where it says nothing meanwhile and
    /// its window is full, the connection ends, so that it comes back.
    Return,
}

/// What one connection can speak. A row it has no words for is passed over: the cursor moves, nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it; a new capability is a decision for each")]
pub struct Caps {
    /// How the cursor moves.
    pub cursor: CursorBy,
    /// Live voice is relayed to it.
    pub talks: bool,
    /// It is shown what other devices of the same user did: sent copies, own read marks.
    pub own_copies: bool,
    /// It is given its own messages to itself, as the msgpack clients expect.
    pub self_echo: bool,
    /// It knows the marks beyond delivered and read.
    pub fine_marks: bool,
    /// It is told what others are doing: presence, typing, positions.
    pub presence: bool,
    /// It knows messages to groups.
    pub groups: bool,
    /// It knows that messages are edited and deleted.
    pub revisions: bool,
    /// It hears of an edit as of a new text, where it does not know revisions.
    pub edits: bool,
    /// It has words for questions about what is stored.
    pub queries: bool,
    /// It knows that groups are managed, and hears what happens to them.
    pub group_changes: bool,
    /// It knows reactions.
    pub reactions: bool,
    /// It hears what its user's other devices change about the user, and in what the user keeps.
    pub user_changes: bool,
    /// How long a connection may say nothing, where that is not what the server says for all of them.
    pub silence: Option<Silence>,
    /// It has words for a command that is refused and may be sent again.
    pub refusals: bool,
    /// Its user is here for others while it lasts.
    pub present: bool,
    /// It asks something and goes: it is given no rows and no welcome, and takes the place of no other connection of its
    /// device.
    pub calls: bool,
}

/// How long a connection may say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "when to ask and when to give up, complete")]
pub struct Silence {
    /// After so long it is asked for a sign of life, where its transport has a word for that.
    pub probe_ms: u64,
    /// After so long it is ended; with the last one its user is offline.
    pub idle_ms: u64,
}

impl Silence {
    /// Ended after `idle_ms`, and asked a little before half of it, so that there is time for an answer.
    #[must_use]
    pub const fn of(idle_ms: u64) -> Self {
        Self { probe_ms: idle_ms.saturating_mul(9) / 20, idle_ms }
    }
}

impl Caps {
    /// The protobuf dialect, and the model spoken directly.
    pub const FULL: Self = Self {
        cursor: CursorBy::Dispose,
        talks: false,
        own_copies: true,
        self_echo: false,
        fine_marks: true,
        presence: true,
        groups: true,
        revisions: true,
        edits: true,
        queries: true,
        group_changes: true,
        reactions: true,
        user_changes: true,
        silence: None,
        refusals: true,
        present: true,
        calls: false,
    };

    /// The protobuf dialect of the deployed server, which names messages by their place in a conversation of two.
    pub const DEPLOYED: Self = Self {
        cursor: CursorBy::Message,
        groups: false,
        revisions: false,
        edits: false,
        queries: false,
        group_changes: false,
        reactions: false,
        user_changes: false,
        ..Self::FULL
    };

    /// JSON events, of clients that may know nothing of offsets.
    pub const EVENTS: Self = Self { cursor: CursorBy::Arrival, ..Self::FULL };

    /// A stream of events that goes one way.
    pub const STREAM: Self = Self { cursor: CursorBy::Return, ..Self::FULL };

    /// A stream that ends with the first events: what is live is over when the next one begins.
    pub const POLL: Self = Self { presence: false, present: false, ..Self::STREAM };

    /// One request and its answer.
    pub const CALL: Self = Self { presence: false, present: false, calls: true, ..Self::FULL };

    /// JSON entities of messages: chat, and what is said about it.
    pub const CHAT: Self = Self {
        fine_marks: false,
        queries: false,
        group_changes: false,
        reactions: false,
        user_changes: false,
        ..Self::EVENTS
    };

    /// The msgpack push-to-talk dialect.
    pub const WALKIE: Self = Self {
        cursor: CursorBy::Barrier,
        talks: true,
        own_copies: false,
        self_echo: true,
        fine_marks: false,
        presence: false,
        groups: true,
        revisions: false,
        edits: true,
        queries: false,
        group_changes: false,
        reactions: false,
        user_changes: false,
        silence: None,
        refusals: false,
        present: true,
        calls: false,
    };

    /// Whether a connection of `user` has words for `entry`.
    #[must_use]
    pub fn speaks(&self, user: &UserId, entry: &Entry) -> bool {
        match entry {
            // In a group everybody sees who speaks, so that what one's other device said needs no words of its own.
            Entry::Message(message) => match &message.head.to {
                Address::Group(_) => self.groups,
                Address::User(to) => self.own_copies || message.head.from.user != *user || to == user,
            },
            Entry::Receipt(receipt) => {
                let known = self.fine_marks || matches!(receipt.status, Status::Delivered | Status::Read);
                known && (self.own_copies || receipt.by.user != *user)
            }
            Entry::Revised(revision) => {
                let known = self.revisions || (self.edits && !revision.is_deletion());
                known && (self.own_copies || revision.by.user != *user)
            }
            Entry::Group(_) => self.group_changes,
            Entry::Reacted(reaction) => self.reactions && (self.own_copies || reaction.by.user != *user),
            Entry::User(_) => self.user_changes,
        }
    }
}
