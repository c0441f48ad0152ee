//! One message, as its reader or its sender sees it.

use std::collections::BTreeMap;

use bimip_proto::{
    Address, Body, BodyKind, ClientRef, ConversationId, Device, Draft, Form, Head, Marks, Message, MessageId,
    MessageRef, Names, Reactions, Reject, Revision, Seq, Status, UnixMs, UserId,
};
use bytes::Bytes;

use super::super::merge::Item;

/// A draft of this device, for as long as the view lives: its name from the moment it is composed, also where the
/// dialect has none, and when it has become a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId(pub(super) u64);

/// What became of a message.
///
/// ```text
/// sending ──> sent ──> delivered ──> read
///    │  ^       ^
///    v  │ retry │ it was stored after all
///   failed ─────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The server has not accepted it yet. It is sent as soon, and as often, as it takes.
    Sending,
    /// It was not sent, and is not tried again by itself.
    Failed(Failure),
    /// The server has it.
    Sent,
    /// It is stored on a device of everybody it was sent to.
    Delivered,
    /// Everybody it was sent to has read it.
    Read,
}

/// Why a draft was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The server refused it.
    Refused(Reject),
    /// The connection broke, and sending it again could double it. Only a dialect without names for drafts leaves it
    /// there; whether to [retry](super::Timeline::retry) is for its author to say.
    Unsure,
}

impl Failure {
    /// Whether the same draft may be sent again under the same name: the reason may pass, and nothing was stored.
    #[must_use]
    pub const fn can_retry(self) -> bool {
        match self {
            Self::Unsure => true,
            Self::Refused(reason) => matches!(
                reason,
                Reject::NotMember | Reject::Full | Reject::Busy | Reject::Unavailable | Reject::BadToken
            ),
        }
    }
}

/// A message of a [`Timeline`](super::Timeline).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimelineItem {
    /// Its name in this view, if this device composed it while the view was there.
    pub local: Option<LocalId>,
    /// Who wrote it, on which device.
    pub author: Device,
    /// To whom.
    pub to: Address,
    /// What its author calls it.
    pub client_ref: Option<ClientRef>,
    /// What the server made of it; `None` while it is being sent, or has failed.
    pub head: Option<Head>,
    /// When the server took it in, or, before that, when it was composed. Display data.
    pub at: UnixMs,
    /// What it says: the latest edition. Empty once it is deleted.
    pub body: Body,
    /// 0 as it was sent; rises with every edit.
    pub edition: u64,
    /// Whether it is deleted. It keeps its place.
    pub deleted: bool,
    /// What those it was sent to have said about it.
    pub marks: BTreeMap<UserId, Marks>,
    /// The reactions to it; none once it is deleted.
    pub reactions: Reactions,
    /// To how many users it was sent, where that is known.
    pub recipients: Option<u32>,
    pub(super) client_time: Option<UnixMs>,
    pub(super) failure: Option<Failure>,
}

/// A message as a page of history has it: as it is now, not only as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "apps build it from what their source says")]
pub struct HistoryItem {
    /// The message, with the body of its latest edition.
    pub message: Message,
    /// What those it was sent to have said about it.
    pub marks: Vec<(UserId, Marks)>,
    /// 0 as it was sent; rises with every edit.
    pub edition: u64,
    /// Whether it is deleted.
    pub deleted: bool,
    /// To how many users it was sent, where that is known.
    pub recipients: Option<u32>,
    /// The reactions to it.
    pub reactions: Reactions,
}

impl From<Message> for HistoryItem {
    /// A message of which nothing is known but itself.
    fn from(message: Message) -> Self {
        let reactions = Reactions::default();
        Self { message, marks: Vec::new(), edition: 0, deleted: false, recipients: None, reactions }
    }
}

impl HistoryItem {
    /// What is left of a message that was deleted before it was here: its place, and whose it was.
    pub(in super::super) fn deletion(revision: &Revision) -> Self {
        let to = match &revision.conversation {
            ConversationId::Group(group) => Address::Group(group.clone()),
            two => Address::User(two.peer_of(&revision.by.user).unwrap_or(&revision.by.user).clone()),
        };
        let body = Body { kind: BodyKind::Text, form: Form::Text, bytes: Bytes::new(), seal: None };
        let head = Head {
            id: revision.message.id,
            from: revision.by.clone(),
            to,
            client_ref: revision.message.client_ref.clone(),
            client_time: None,
            at: revision.at,
            stamp: revision.at,
            seq: revision.seq,
            kind: body.kind,
        };
        let edition = u64::from(revision.edition);
        Self { edition, deleted: true, ..Self::from(Message { head, body }) }
    }
}

impl TimelineItem {
    pub(super) fn draft_of(author: &Device, local: LocalId, at: UnixMs, draft: &Draft) -> Self {
        Self {
            local: Some(local),
            author: author.clone(),
            to: draft.to.clone(),
            client_ref: draft.client_ref.clone(),
            head: None,
            at,
            body: draft.body.clone(),
            edition: 0,
            deleted: false,
            marks: BTreeMap::new(),
            reactions: Reactions::default(),
            recipients: alone(&draft.to),
            client_time: draft.client_time,
            failure: None,
        }
    }

    /// The draft that it is, to be sent.
    pub(super) fn draft(&self) -> Draft {
        Draft {
            client_ref: self.client_ref.clone(),
            to: self.to.clone(),
            client_time: self.client_time,
            body: self.body.clone(),
        }
    }

    /// The server has accepted it.
    pub(super) fn accept(&mut self, head: Head) {
        self.at = head.at;
        self.client_ref = self.client_ref.take().or_else(|| head.client_ref.clone());
        self.failure = None;
        match &mut self.head {
            None => self.head = Some(head),
            Some(held) => fill(held, head),
        }
    }

    pub(in super::super) fn mark(&mut self, by: &UserId, status: Status) {
        let marks = self.marks.entry(by.clone()).or_default();
        *marks = marks.with(status);
    }

    pub(in super::super) fn edit(&mut self, edition: u64, body: &Body) {
        if edition > self.edition {
            self.edition = edition;
            if !self.deleted {
                self.body = body.clone();
            }
        }
    }

    pub(in super::super) fn delete(&mut self) {
        self.deleted = true;
        self.body.bytes = Bytes::new();
        self.body.seal = None;
        self.reactions = Reactions::default();
    }

    pub(in super::super) fn react(&mut self, react: impl FnOnce(&mut Reactions) -> bool) {
        if !self.deleted {
            react(&mut self.reactions);
        }
    }

    /// Its id; [`MessageId::NONE`] where there is none yet, or the dialect has none.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.head.as_ref().map_or(MessageId::NONE, |head| head.id)
    }

    /// Its place in the conversation; 0 where it is not known yet.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.head.as_ref().map_or(Seq(0), |head| head.seq)
    }

    /// How to speak about it to the server, once it is there.
    #[must_use]
    pub fn reference(&self) -> Option<MessageRef> {
        self.head.as_ref().map(|head| match head.names().reference() {
            Some(MessageRef::Id(id)) => MessageRef::Id(id),
            Some(other) if head.seq == Seq(0) => other,
            _ => MessageRef::Place { conversation: head.conversation(), seq: head.seq },
        })
    }

    /// What became of it: of all that it was sent to, as far as it has come for every one of them. Where it is not
    /// known how many they are it stays [`Sent`](Delivery::Sent); see [`delivered_to`](Self::delivered_to) and
    /// [`read_by`](Self::read_by) then.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        if let Some(failure) = self.failure {
            return Delivery::Failed(failure);
        }
        if self.head.is_none() {
            return Delivery::Sending;
        }
        let everybody = |status| {
            let told = self.who(status).count();
            self.recipients.is_some_and(|all| all > 0 && told >= all as usize)
        };
        if everybody(Status::Read) {
            Delivery::Read
        } else if everybody(Status::Delivered) {
            Delivery::Delivered
        } else {
            Delivery::Sent
        }
    }

    /// On a device of how many users it is stored.
    #[must_use]
    pub fn delivered_to(&self) -> usize {
        self.who(Status::Delivered).count()
    }

    /// How many users have read it.
    #[must_use]
    pub fn read_by(&self) -> usize {
        self.who(Status::Read).count()
    }

    /// Who has said this about it, or more.
    pub fn who(&self, status: Status) -> impl Iterator<Item = &UserId> {
        let to_oneself = matches!(&self.to, Address::User(to) if *to == self.author.user);
        let others = self.marks.iter().filter(move |(user, _)| to_oneself || **user != self.author.user);
        others.filter(move |(_, marks)| marks.has(status)).map(|(user, _)| user)
    }

    /// Whether a message goes by one of these names.
    pub(in super::super) fn goes_by(&self, names: &Names) -> bool {
        let Some(head) = &self.head else { return false };
        if !names.id.is_none() && !head.id.is_none() {
            return head.id == names.id;
        }
        names.alias.as_ref().is_some_and(|alias| head.stamp == alias.stamp && head.alias() == *alias)
    }

    /// Whether this speaks about it.
    pub(in super::super) fn is_meant(&self, by: &MessageRef) -> bool {
        let Some(head) = &self.head else { return false };
        match by {
            MessageRef::Id(id) => head.id == *id && !id.is_none(),
            MessageRef::Alias(alias) => head.stamp == alias.stamp && head.alias() == *alias,
            MessageRef::Place { conversation, seq } => {
                head.seq == *seq && *seq != Seq(0) && head.conversation() == *conversation
            }
            _ => false,
        }
    }

    /// Whether it was accepted before another one, as far as ids of one store tell.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        let (id, than) = (self.id(), other.id());
        !id.is_none() && id.epoch() == than.epoch() && id < than
    }

    /// Whether both are one message. A client's name belongs to its device.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let named = self.client_ref.is_some() && self.client_ref == other.client_ref;
        if named && self.author == other.author {
            return true;
        }
        self.head.as_ref().is_some_and(|head| other.goes_by(&head.names()))
    }
}

impl From<HistoryItem> for TimelineItem {
    fn from(known: HistoryItem) -> Self {
        let HistoryItem { message: Message { head, body }, marks, edition, deleted, recipients, reactions } =
            known;
        let mut item = Self {
            local: None,
            author: head.from.clone(),
            to: head.to.clone(),
            client_ref: head.client_ref.clone(),
            at: head.at,
            body,
            edition,
            deleted,
            marks: marks.into_iter().collect(),
            reactions,
            recipients: recipients.or_else(|| alone(&head.to)),
            client_time: head.client_time,
            failure: None,
            head: Some(head),
        };
        if deleted {
            item.delete();
        }
        item
    }
}

impl Item for TimelineItem {
    type Key = Seq;
    type Place = Seq;

    fn key(&self) -> Seq {
        self.seq()
    }

    fn place(&self) -> Seq {
        self.seq()
    }

    fn join(&mut self, other: Self) {
        // The author's own copy knows best what its bytes are.
        if other.edition > self.edition || (other.edition == self.edition && other.local.is_some()) {
            (self.edition, self.body) = (other.edition, other.body);
        }
        self.reactions.join(other.reactions);
        if self.deleted || other.deleted {
            self.delete();
        }
        self.local = self.local.or(other.local);
        for (user, marks) in other.marks {
            let held = self.marks.entry(user).or_default();
            *held = Marks::from_bits(held.bits() | marks.bits());
        }
        self.recipients = self.recipients.max(other.recipients);
        self.client_time = self.client_time.or(other.client_time);
        if let Some(head) = other.head {
            self.accept(head);
        }
    }
}

/// Not every dialect carries all of a head.
fn fill(held: &mut Head, other: Head) {
    if held.id.is_none() {
        held.id = other.id;
    }
    if held.seq == Seq(0) {
        held.seq = other.seq;
    }
    held.client_ref = held.client_ref.take().or(other.client_ref);
    held.client_time = held.client_time.or(other.client_time);
}

fn alone(to: &Address) -> Option<u32> {
    matches!(to, Address::User(_)).then_some(1)
}
