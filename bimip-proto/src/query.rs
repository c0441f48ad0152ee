//! What is stored, as a client asks for it: pages of history, and the list of conversations.

use crate::{
    Address, Aware, ClientRef, ConversationId, GroupId, GroupMember, GroupState, Marks, Message, MessageId,
    MessageRef, MessageStatus, OwnDevice, ProfileState, ReactionSummary, Saved, Seq, UserId, limits,
};

/// A question about what is stored. It changes nothing, and is answered once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "clients build it; a new part is a breaking change on purpose")]
pub struct Query {
    /// The client's own name for it, which comes back in the answer.
    pub id: ClientRef,
    /// What it wants to know.
    pub ask: Ask,
}

/// What a client wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ask {
    /// Messages of one conversation: [`Found::History`].
    History {
        /// Which conversation: the group, or the user that it is with.
        of: Address,
        /// Which of its messages.
        from: PageFrom<HistoryPlace>,
        /// At most so many; 0 and more than [`PAGE_ROWS`](limits::PAGE_ROWS) are that many.
        limit: u32,
    },
    /// One conversation as it stands in the list: [`Found::Conversations`] with one or none.
    Conversation(Address),
    /// Conversations, the one with the newest message first: [`Found::Conversations`].
    Conversations {
        /// Which of them, by their last messages.
        from: PageFrom<MessageId>,
        /// At most so many; 0 and more than [`PAGE_ROWS`](limits::PAGE_ROWS) are that many.
        limit: u32,
    },
    /// How far one message got: [`Found::Status`].
    Status {
        /// Which message. Its author asks about everybody it went to, one of those about themselves.
        message: MessageRef,
        /// Of the recipients those after this one, which was the last of the page before; `None` for the first of them.
        /// They are in an order of the store's, which does not change.
        after: Option<UserId>,
        /// At most so many recipients; 0 and more than [`STATUS_USERS`](limits::STATUS_USERS) are that many.
        limit: u32,
    },
    /// What a user tells about themselves: [`Found::Profile`].
    Profile(UserId),
    /// The address book of the user who asks, in the order of its ids: [`Found::AddressBook`].
    AddressBook {
        /// Those after this one; `None` from the beginning.
        after: Option<UserId>,
        /// At most so many; 0 and more than [`PAGE_ROWS`](limits::PAGE_ROWS) are that many.
        limit: u32,
    },
    /// The devices of the user who asks: [`Found::Devices`].
    Devices,
    /// Whom the user who asks has blocked, in the order of their ids: [`Found::Blocked`].
    Blocked {
        /// Those after this one; `None` from the beginning.
        after: Option<UserId>,
        /// At most so many; 0 and more than [`PAGE_ROWS`](limits::PAGE_ROWS) are that many.
        limit: u32,
    },
    /// What a group is that the user who asks is in: [`Found::Group`].
    Group(GroupId),
    /// Who is in a group that the user who asks is in: [`Found::Members`].
    Members {
        /// Which group.
        group: GroupId,
        /// Those after this one, which the page before named in `next`; `None` from the first of them on. They are in an
        /// order of the store's, which does not change. After somebody of whom the group knows nothing is nobody.
        after: Option<UserId>,
        /// At most so many; 0 and more than [`PAGE_ROWS`](limits::PAGE_ROWS) are that many.
        limit: u32,
    },
    /// Who is here of those whom the user who asks may see, and what they are doing: [`Found::Around`]. What the beginning of
    /// a session tells, at any time.
    Around {
        /// Those after this one, in the order of their ids; `None` from the beginning.
        after: Option<UserId>,
    },
}

/// Which part of a long list a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the end, and both ways from a place")]
pub enum PageFrom<P> {
    /// The newest.
    Latest,
    /// The newest of those before this place.
    Before(P),
    /// The oldest of those after this place.
    After(P),
}

impl<P> PageFrom<P> {
    /// The same part, by another name of its place.
    #[must_use]
    pub fn map<Q>(self, name: impl FnOnce(P) -> Q) -> PageFrom<Q> {
        match self {
            Self::Latest => PageFrom::Latest,
            Self::Before(place) => PageFrom::Before(name(place)),
            Self::After(place) => PageFrom::After(name(place)),
        }
    }
}

/// A place in a conversation, by either of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a message has a place and an id")]
pub enum HistoryPlace {
    /// The place itself. There need be no message.
    Seq(Seq),
    /// That of the message with this id. There need be none in the conversation: what was stored earlier is before it, and
    /// what was stored later is after it. In another store everything is after it.
    Id(MessageId),
}

impl From<Seq> for HistoryPlace {
    fn from(seq: Seq) -> Self {
        Self::Seq(seq)
    }
}

impl From<MessageId> for HistoryPlace {
    fn from(id: MessageId) -> Self {
        Self::Id(id)
    }
}

/// How many rows a page has at most.
#[must_use]
pub const fn page_rows(limit: u32) -> u32 {
    if limit == 0 || limit > limits::PAGE_ROWS { limits::PAGE_ROWS } else { limit }
}

/// How many recipients a page of a status has at most.
#[must_use]
pub const fn status_users(limit: u32) -> u32 {
    if limit == 0 || limit > limits::STATUS_USERS { limits::STATUS_USERS } else { limit }
}

/// The answer to a [`Query`]: what is stored, and may be seen by whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// Messages of a conversation, in its order.
    History {
        /// The messages.
        messages: Vec<HistoryMessage>,
        /// Whether there are more of them in the direction that was asked for.
        more: bool,
    },
    /// Conversations, the one with the newest message first.
    Conversations {
        /// The conversations.
        conversations: Vec<ConversationState>,
        /// Whether there are more.
        more: bool,
    },
    /// How far a message got. `None` where there is no such message, or it is not the asker's to know of.
    Status(Option<Box<MessageStatus>>),
    /// What a user tells about themselves; `None` where there is nothing to see for who asks, whether there is such a user
    /// or not.
    Profile(Option<ProfileState>),
    /// Entries of the own address book, in the order of their ids.
    AddressBook {
        /// The entries.
        saved: Vec<Saved>,
        /// Whether there are more after them.
        more: bool,
    },
    /// The own devices, in the order of their names.
    Devices(Vec<OwnDevice>),
    /// Users who are blocked, in the order of their ids.
    Blocked {
        /// The users.
        users: Vec<UserId>,
        /// Whether there are more after them.
        more: bool,
    },
    /// What a group is; `None` for who is not in it, whether there is such a group or not.
    Group(Option<Box<GroupState>>),
    /// Some of those who are in a group now, in the store's order; nobody for who is not in it.
    Members {
        /// They, and what they may do. Fewer than were asked for, or none, where many between them have left.
        members: Vec<GroupMember>,
        /// After whom to go on, where there may be more: the last of these, or somebody who has left.
        next: Option<UserId>,
    },
    /// Who is here, in the order of their ids.
    Around {
        /// What they are doing, at most [`AROUND`](limits::AROUND).
        around: Vec<Aware>,
        /// Whether there are more after them.
        more: bool,
        /// With whom the user who asks has a conversation of two, at most [`CONTACTS`](limits::CONTACTS): what storage knows,
        /// from which a core tells who is here. It is told to nobody.
        contacts: Vec<UserId>,
    },
}

/// A message as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct HistoryMessage {
    /// The message, with the body of the edition that holds; with an empty one if it is deleted.
    pub message: Message,
    /// The edition that holds; 0 for a message as it was sent.
    pub edition: u32,
    /// Whether it is deleted. It keeps its place.
    pub deleted: bool,
    /// What was said about it: in a conversation of two by the one it was sent to, in a group by the one who asks.
    pub marks: Marks,
    /// The reactions to it; none if it is deleted.
    pub reactions: ReactionSummary,
}

/// A conversation as one user sees it now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct ConversationState {
    /// Its last message that the user may see. When it was sent is when something last happened there.
    pub last: HistoryMessage,
    /// How many messages of it the user may see, deleted ones among them.
    pub messages: u64,
    /// The user has read, or written, up to here.
    pub read: Seq,
    /// How many messages the user has not read, by the formula of [`Unread`](crate::Unread).
    pub unread: u64,
    /// The deleted ones among those that come after `read`, which do not count: whoever counts on needs to know them.
    pub deleted: Vec<Seq>,
    /// Whether `unread` is the number. Of many unread messages only the last
    /// [`UNREAD_MESSAGES`](limits::UNREAD_MESSAGES) are looked at: of those before, deleted ones are counted too.
    pub exact: bool,
}

impl ConversationState {
    /// Which conversation.
    #[must_use]
    pub fn conversation(&self) -> ConversationId {
        self.last.message.head.conversation()
    }
}
