//! What settling reads from a storage, and what it asks a storage to write.

use std::sync::Arc;

use bimip_proto::{
    ConversationId, Device, DeviceName, Emoji, Entry, GroupId, GroupProfile, Marks, Offset, PushToken, Saved,
    Seq, Status, UnixMs, UserId,
};

use super::feed::Stretch;
use super::group::{GroupHead, Membership};
use super::put::PutKey;
use super::standing::Standing;
use super::tally::Tally;
use super::user::{Listed, UserHead};

/// What a storage backend can say about what it holds, inside the transaction of a batch.
///
/// Every answer is about the state before the batch; [`settle`](super::settle()) itself keeps track of what the
/// batch adds.
pub trait View {
    /// Why a read failed. It fails the batch.
    type Error;

    /// The random number of this store, changed only by a restore or repair. Never 0.
    fn epoch(&self) -> u32;

    /// The sequence of the last log entry; 0 in an empty store.
    ///
    /// # Errors
    /// As the backend reads.
    fn last_sequence(&self) -> Result<u64, Self::Error>;

    /// The last row of a user's mailbox.
    ///
    /// # Errors
    /// As the backend reads.
    fn mailbox_head(&self, user: &UserId) -> Result<Offset, Self::Error>;

    /// The last message of a conversation.
    ///
    /// # Errors
    /// As the backend reads.
    fn conversation(&self, conversation: &ConversationId) -> Result<ConversationHead, Self::Error>;

    /// What became of a key.
    ///
    /// # Errors
    /// As the backend reads.
    fn known(&self, key: &PutKey) -> Result<Option<Known>, Self::Error>;

    /// A log entry.
    ///
    /// # Errors
    /// As the backend reads.
    fn entry(&self, sequence: u64) -> Result<Option<Arc<Entry>>, Self::Error>;

    /// The log entry of the message with this stamp in a conversation.
    ///
    /// # Errors
    /// As the backend reads.
    fn sequence_at(&self, conversation: &ConversationId, stamp: UnixMs) -> Result<Option<u64>, Self::Error>;

    /// The log entry of the message at this place of a conversation.
    ///
    /// # Errors
    /// As the backend reads.
    fn sequence_of(&self, conversation: &ConversationId, seq: Seq) -> Result<Option<u64>, Self::Error>;

    /// What became of the message of a log entry since; the default where nothing did.
    ///
    /// # Errors
    /// As the backend reads.
    fn revised(&self, sequence: u64) -> Result<Revised, Self::Error>;

    /// What a user has said about the message of a log entry, and when; the default where they said nothing.
    ///
    /// # Errors
    /// As the backend reads.
    fn marked(&self, sequence: u64, user: &UserId) -> Result<Marked, Self::Error>;

    /// What a user has said about the message of a log entry.
    ///
    /// # Errors
    /// As the backend reads.
    fn marks(&self, sequence: u64, user: &UserId) -> Result<Marks, Self::Error> {
        Ok(self.marked(sequence, user)?.marks)
    }

    /// Up to where a user has read a conversation, or written in it; zero where they never did.
    ///
    /// # Errors
    /// As the backend reads.
    fn read_upto(&self, conversation: &ConversationId, user: &UserId) -> Result<Seq, Self::Error>;

    /// Everybody with whom a user has a conversation of two ([`Write::Contact`]), once each, in any order. They may be many,
    /// so they are not gathered first.
    ///
    /// # Errors
    /// As the backend reads, and the first one of `each`, which ends it.
    fn peers(
        &self,
        user: &UserId,
        each: &mut dyn FnMut(&UserId) -> Result<(), Self::Error>,
    ) -> Result<(), Self::Error>;

    /// The first of them, in an order of the backend's that does not change: at most [`CONTACTS`](bimip_proto::limits::CONTACTS), who
    /// are told of this user's presence. Given in the order of their names.
    ///
    /// # Errors
    /// As the backend reads.
    fn contacts(&self, user: &UserId) -> Result<Vec<UserId>, Self::Error>;

    /// The cursor of a device; [`Offset::ZERO`] for an unknown one.
    ///
    /// # Errors
    /// As the backend reads.
    fn cursor(&self, device: &Device) -> Result<Offset, Self::Error>;

    /// The log entry of a row of a user's mailbox.
    ///
    /// # Errors
    /// As the backend reads.
    fn row(&self, user: &UserId, offset: Offset) -> Result<Option<u64>, Self::Error>;

    /// Devices of a user that have a cursor, with it: the first `most` by their names.
    ///
    /// # Errors
    /// As the backend reads.
    fn devices(&self, user: &UserId, most: usize) -> Result<Vec<(DeviceName, Offset)>, Self::Error>;

    /// A group, if there is one of that name.
    ///
    /// # Errors
    /// As the backend reads.
    fn group(&self, group: &GroupId) -> Result<Option<GroupHead>, Self::Error>;

    /// What a group is called; the default where nobody said.
    ///
    /// # Errors
    /// As the backend reads.
    fn group_profile(&self, group: &GroupId) -> Result<Arc<GroupProfile>, Self::Error>;

    /// What is known about a user in a group; the default for a stranger.
    ///
    /// # Errors
    /// As the backend reads.
    fn membership(&self, group: &GroupId, user: &UserId) -> Result<Membership, Self::Error>;

    /// Everybody who is in a group now, once each, in the order of their names. Asked for every message to a group.
    ///
    /// # Errors
    /// As the backend reads.
    fn members(&self, group: &GroupId) -> Result<Arc<[UserId]>, Self::Error>;

    /// Everybody of whom a group knows something, who is or was in it: those after `after`, or from the first one on, in an
    /// order of the backend's that never changes, until `each` says that it is enough (`false`). They may be very many. Nobody
    /// comes after somebody of whom the group knows nothing: where in the order such a one would be is not for members to find
    /// out.
    ///
    /// # Errors
    /// As the backend reads, and the first one of `each`, which ends it.
    fn memberships(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        each: EachMember<'_, Self::Error>,
    ) -> Result<(), Self::Error>;

    /// The groups that a user is in now, once each, in the order of their names.
    ///
    /// # Errors
    /// As the backend reads.
    fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, Self::Error>;

    /// The last place of a group's feed, 0 when nothing was said in it yet; `None` for a group without a feed.
    ///
    /// # Errors
    /// As the backend reads.
    fn feed_head(&self, group: &GroupId) -> Result<Option<u64>, Self::Error>;

    /// The log entry at a place of a group's feed.
    ///
    /// # Errors
    /// As the backend reads.
    fn fed(&self, group: &GroupId, place: u64) -> Result<Option<u64>, Self::Error>;

    /// The parts of feeds that are a user's and not in the mailbox yet, by group in the order of their names; for each group
    /// as they were written last.
    ///
    /// # Errors
    /// As the backend reads.
    fn pulls_of(&self, user: &UserId) -> Result<Vec<(GroupId, Vec<Stretch>)>, Self::Error>;

    /// What a user decided about their account; the default for who never did.
    ///
    /// # Errors
    /// As the backend reads.
    fn standing(&self, user: &UserId) -> Result<Arc<Standing>, Self::Error>;

    /// Where to push to for a user's devices, in the order of their names.
    ///
    /// # Errors
    /// As the backend reads.
    fn push_tokens(&self, user: &UserId) -> Result<Vec<(DeviceName, PushToken)>, Self::Error>;

    /// The reactions to the message of a log entry, counted; the default where nobody ever reacted.
    ///
    /// # Errors
    /// As the backend reads.
    fn tally(&self, sequence: u64) -> Result<Arc<Tally>, Self::Error>;

    /// What a user has reacted with to the message of a log entry, in the order in which they did.
    ///
    /// # Errors
    /// As the backend reads.
    fn reacted(&self, sequence: u64, user: &UserId) -> Result<Vec<Emoji>, Self::Error>;

    /// What a user keeps; the default for who never kept anything.
    ///
    /// # Errors
    /// As the backend reads.
    fn user_head(&self, user: &UserId) -> Result<UserHead, Self::Error>;

    /// A user's own name for another one in the address book; `None` for who is not in it.
    ///
    /// # Errors
    /// As the backend reads.
    fn saved(&self, user: &UserId, other: &UserId) -> Result<Option<Arc<str>>, Self::Error>;

    /// Entries of a user's address book after `after`, in the order of their ids, at most `rows`.
    ///
    /// # Errors
    /// As the backend reads.
    fn address_book(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        rows: usize,
    ) -> Result<Vec<Saved>, Self::Error>;

    /// Whether a user has blocked another one. Asked for every message between two.
    ///
    /// # Errors
    /// As the backend reads.
    fn has_blocked(&self, user: &UserId, other: &UserId) -> Result<bool, Self::Error>;

    /// Everybody whom a user has blocked, in the order of their ids.
    ///
    /// # Errors
    /// As the backend reads.
    fn blocked(&self, user: &UserId) -> Result<Vec<UserId>, Self::Error>;

    /// When a user was last seen; 0 for who never was, or only while hidden.
    ///
    /// # Errors
    /// As the backend reads.
    fn last_seen(&self, user: &UserId) -> Result<UnixMs, Self::Error>;

    /// The devices of a user that are listed, in the order of their names.
    ///
    /// # Errors
    /// As the backend reads.
    fn listed(&self, user: &UserId) -> Result<Vec<(DeviceName, Listed)>, Self::Error>;
}

/// Takes one of many memberships, and says whether it wants another.
pub type EachMember<'a, E> = &'a mut dyn FnMut(&UserId, &Membership) -> Result<bool, E>;

/// The last message of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "storage backends build it")]
pub struct ConversationHead {
    /// Its place.
    pub seq: Seq,
    /// The latest stamp given in the conversation, to a message or not.
    pub stamp: UnixMs,
}

/// What became of a message since it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "storage backends build it")]
pub struct Revised {
    /// The edition that holds; 0 for a message as it was sent.
    pub edition: u32,
    /// The log entry of that edition.
    pub sequence: u64,
    /// It is the deletion.
    pub deleted: bool,
}

/// What a user has said about a message, and when the server first heard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "storage backends build it")]
pub struct Marked {
    /// All that was said so far.
    pub marks: Marks,
    /// When they had it; `None` where they did not say so, or before times were kept.
    pub delivered_at: Option<UnixMs>,
    /// When they had read it; `None` likewise.
    pub read_at: Option<UnixMs>,
}

impl Marked {
    /// This, and what is said now. A time once known stays.
    pub(super) fn with(self, status: Status, at: UnixMs) -> Self {
        let marks = self.marks.with(status);
        let time = |status: Status, before: Option<UnixMs>| {
            let news = marks.has(status) && !self.marks.has(status);
            if news { Some(at).filter(|at| *at > UnixMs(0)) } else { before }
        };
        Self {
            marks,
            delivered_at: time(Status::Delivered, self.delivered_at),
            read_at: time(Status::Read, self.read_at),
        }
    }
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "storage backends build it")]
pub enum Known {
    /// It names what is stored.
    Stored {
        /// The log entry; never 0.
        sequence: u64,
        /// Its row in the sender's own mailbox.
        offset: Offset,
        /// What the draft said, digested.
        digest: u64,
    },
    /// Nothing is stored, and its sender was told so. Only where several cores share a store.
    Refused {
        /// The number of the session that was told: what an earlier one asked for under this name is refused too.
        session: u64,
    },
}

impl Known {
    /// Whether it is a refusal that an earlier session than this one was told.
    pub(super) const fn is_before(self, session: u64) -> bool {
        matches!(self, Self::Refused { session: told } if told < session)
    }
}

/// One row for a storage backend to write. A batch is written all or not at all.
///
/// They are applied in order: what a later one says replaces what an earlier one said. Applying one twice is the same
/// as applying it once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Write {
    /// A log entry: the body, once.
    Log {
        /// Its key, higher than any before.
        sequence: u64,
        /// What.
        entry: Arc<Entry>,
    },
    /// A row of a mailbox, which refers to a log entry.
    Row {
        /// Whose mailbox.
        user: UserId,
        /// The next offset of that mailbox.
        offset: Offset,
        /// The log entry.
        sequence: u64,
    },
    /// A message's place in its conversation.
    History {
        /// Which conversation.
        conversation: ConversationId,
        /// The next seq of that conversation.
        seq: Seq,
        /// The message's stamp, higher than any before it in the conversation.
        stamp: UnixMs,
        /// The log entry.
        sequence: u64,
    },
    /// A stamp of a conversation that was given away without a message in it.
    Stamp {
        /// Which conversation.
        conversation: ConversationId,
        /// Higher than any before it.
        stamp: UnixMs,
    },
    /// What became of a key: replaces what was there.
    Key {
        /// The key.
        key: PutKey,
        /// What.
        known: Known,
    },
    /// What became of a message: replaces what was there.
    Revised {
        /// The message's log entry.
        sequence: u64,
        /// All of it.
        revised: Revised,
    },
    /// What a user has said about a message: replaces what was there.
    Marks {
        /// The message's log entry.
        sequence: u64,
        /// Who.
        user: UserId,
        /// All that was said so far.
        marked: Marked,
    },
    /// Up to where a user has read a conversation, or written in it: replaces what was there, and is beyond it.
    ReadUpto {
        /// Which conversation.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// Everything up to here.
        seq: Seq,
    },
    /// Where a device stands: replaces what was there, and is never behind it.
    Cursor {
        /// Which device.
        device: Device,
        /// Everything up to here is stored by it.
        offset: Offset,
    },
    /// A group: replaces what was there.
    Group {
        /// Its name.
        group: GroupId,
        /// All about it.
        head: GroupHead,
    },
    /// What a group is called: replaces what was there.
    GroupProfile {
        /// Which group.
        group: GroupId,
        /// All of it.
        profile: Arc<GroupProfile>,
    },
    /// A user in a group: replaces what was there. Whether the user is in it now is
    /// [`Membership::is_member`].
    Member {
        /// Which group.
        group: GroupId,
        /// Who.
        user: UserId,
        /// All about it.
        membership: Membership,
    },
    /// A group has a feed from now on, with nothing in it.
    FeedOpened {
        /// Which group.
        group: GroupId,
    },
    /// Something was said in a group that has a feed.
    Feed {
        /// Which group.
        group: GroupId,
        /// The next place of its feed.
        place: u64,
        /// The log entry.
        sequence: u64,
    },
    /// What of a group's feed is a user's and not in the mailbox yet: replaces what was there, or takes it away when empty.
    Pull {
        /// Who.
        user: UserId,
        /// Which group.
        group: GroupId,
        /// Oldest first, at most [`STAYS`](bimip_proto::limits::STAYS).
        stretches: Vec<Stretch>,
    },
    /// Two users have a conversation of their own, from now on. Written once for each of them.
    Contact {
        /// Who.
        user: UserId,
        /// With whom.
        other: UserId,
    },
    /// What a user decided about their account: replaces what was there.
    Standing {
        /// Who.
        user: UserId,
        /// All of it.
        standing: Arc<Standing>,
    },
    /// Where to push to for a device: replaces what was there, or takes it away.
    PushToken {
        /// Which device.
        device: Device,
        /// Where to. Its `id` is not kept.
        token: Option<PushToken>,
    },
    /// The reactions to a message, counted: replaces what was there.
    Tally {
        /// The message's log entry.
        sequence: u64,
        /// All of them.
        tally: Arc<Tally>,
    },
    /// What a user has reacted with to a message: replaces what was there, or takes it away when empty.
    Reacted {
        /// The message's log entry.
        sequence: u64,
        /// Who.
        user: UserId,
        /// In the order in which they did, at most [`REACTIONS_PER_USER`](bimip_proto::limits::REACTIONS_PER_USER).
        emojis: Vec<Emoji>,
    },
    /// What a user keeps: replaces what was there.
    UserHead {
        /// Who.
        user: UserId,
        /// All of it.
        head: UserHead,
    },
    /// An entry of an address book: replaces what was there, or takes it away.
    Saved {
        /// Whose address book.
        user: UserId,
        /// Who is in it.
        other: UserId,
        /// The owner's own name for them.
        name: Option<Arc<str>>,
    },
    /// A user has blocked another one, or has no more.
    Blocked {
        /// Who.
        user: UserId,
        /// Whom.
        other: UserId,
        /// Whether they have.
        blocked: bool,
    },
    /// When a user was last seen: replaces what was there, and is after it.
    LastSeen {
        /// Who.
        user: UserId,
        /// When.
        at: UnixMs,
    },
    /// A device that is listed: replaces what was there, or takes it away.
    Listed {
        /// Which device.
        device: Device,
        /// What is known of it.
        listed: Option<Listed>,
    },
}

/// The log entry of the message whose words a log entry has: its own, or those that it was edited to, or a reaction to it.
#[must_use]
pub fn speaks_for(entry: &Entry, sequence: u64) -> Option<u64> {
    match entry {
        Entry::Message(_) => Some(sequence),
        Entry::Revised(revision) if !revision.is_deletion() => Some(revision.message.id.sequence()),
        Entry::Reacted(reaction) => Some(reaction.message.id.sequence()),
        _ => None,
    }
}

/// What a mailbox row that refers to this log entry shows: the entry, or the deletion in the place of a message that is
/// deleted, of its edits, and of the reactions to it. What was taken back reaches no device that did not have it yet.
///
/// # Errors
/// As the view reads.
pub fn shown<V: View>(entry: &Arc<Entry>, sequence: u64, view: &V) -> Result<Arc<Entry>, V::Error> {
    let Some(message) = speaks_for(entry, sequence) else { return Ok(Arc::clone(entry)) };
    let revised = view.revised(message)?;
    let deletion = if revised.deleted { view.entry(revised.sequence)? } else { None };
    Ok(deletion.unwrap_or_else(|| Arc::clone(entry)))
}
