//! All conversations of a user, the one with the newest message first.

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{
    Body, ClientRef, ConversationId, Draft, Entry, Head, Message, MessageId, MessageRef, Names, Row, Seq,
    Status, Unread, UserId,
};

use super::change::Change;
use super::early::{Early, Moment, Word};
use super::groups::GroupStates;
use super::merge::{Bounds, Item, Merge};
use super::page::{Merged, Page, PageRequest};
use super::timeline::{HistoryItem, TimelineItem};
use crate::client::Event;

/// Messages whose place is remembered by their id, since receipts name only that.
const PLACES: usize = 4096;
/// Drafts under way, whose text an acknowledgement does not repeat.
const DRAFTS: usize = 1024;

/// A conversation in a [`ConversationList`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationItem {
    /// Which one.
    pub conversation: ConversationId,
    /// Its last message.
    pub last: TimelineItem,
    unread: Unread,
    /// Whether a server has counted, or the view was there from the first message on.
    counted: bool,
}

impl ConversationItem {
    /// How many messages the user has not read; `None` until that is known.
    #[must_use]
    pub fn unread(&self) -> Option<u64> {
        self.counted.then(|| self.unread.count())
    }

    /// What the count is made of.
    #[must_use]
    pub const fn counter(&self) -> &Unread {
        &self.unread
    }
}

impl Item for ConversationItem {
    type Key = ConversationId;
    type Place = MessageId;

    fn key(&self) -> ConversationId {
        self.conversation.clone()
    }

    fn place(&self) -> MessageId {
        self.last.id()
    }

    fn join(&mut self, other: Self) {
        self.unread.join(&other.unread);
        self.counted |= other.counted;
        if other.last.id() > self.last.id() {
            self.last = other.last;
        } else if other.last.id() == self.last.id() {
            self.last.join(other.last);
        }
    }
}

/// A conversation as a page has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "apps build it from what their source says")]
pub struct ConversationSummary {
    /// Its last message.
    pub last: HistoryItem,
    /// How many the user has not read, by the formula that servers and clients share.
    pub unread: Unread,
}

/// What a [`ConversationList`] needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// A page of conversations, in the order of the ids of their last messages.
    Page(PageRequest<MessageId>),
    /// What a server knows about one conversation: the view has met it and cannot tell what is unread in it.
    One(ConversationRequest),
}

/// A question about one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationRequest {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Which request this is, so that an answer to another one is known for what it is.
    number: u64,
}

/// All conversations, newest activity first, with their last message and what is unread.
///
/// Feed it every [`Event`] of the session, the pages it [wants](Self::wants), and every draft that is
/// [sent](Self::sending). The order is that of the messages' ids, never of a clock, so it needs a dialect that has ids.
/// [`is_complete`](Merge::is_complete) of its list says that nothing is missing as far as events have come.
#[derive(Debug, Clone)]
pub struct ConversationList {
    me: UserId,
    groups: GroupStates,
    list: Merge<ConversationItem>,
    places: BTreeMap<MessageId, (ConversationId, Seq)>,
    drafts: Vec<Draft>,
    early: Early,
    asked_at: Moment,
    /// Conversations to be asked for, and the one that was.
    unknown: BTreeSet<ConversationId>,
    asked_one: Option<(ConversationRequest, Moment)>,
    last_number: u64,
}

impl ConversationList {
    /// An empty list of this user.
    #[must_use]
    pub fn new(me: UserId, mut bounds: Bounds) -> Self {
        bounds.newest_first = true;
        let early = Early::new(bounds.waiting_items);
        let asked_at = early.moment();
        Self {
            groups: GroupStates::new(me.clone()),
            me,
            list: Merge::new(bounds),
            places: BTreeMap::new(),
            drafts: Vec::new(),
            early,
            asked_at,
            unknown: BTreeSet::new(),
            asked_one: None,
            last_number: 0,
        }
    }

    /// What is known of the groups of the user: their titles, and who may post.
    #[must_use]
    pub const fn groups(&self) -> &GroupStates {
        &self.groups
    }

    /// A draft goes to the session. Its acknowledgement will not repeat what it says; a list that was not told of the
    /// draft asks the server.
    pub fn sending(&mut self, draft: &Draft) {
        if self.drafts.len() >= DRAFTS {
            self.drafts.remove(0);
        }
        self.drafts.push(draft.clone());
    }

    /// Something happened.
    pub fn on_event(&mut self, event: &Event) {
        self.groups.on_event(event);
        match event {
            Event::Received(row) => self.row(row),
            Event::Sent { client_ref, head, .. } => self.sent(client_ref.as_ref(), head),
            Event::Refused { draft, .. } | Event::Unsure(draft) => {
                self.drafts.retain(|kept| kept != draft);
            }
            Event::Marked { message, status: Status::Read } => self.read_by_me(message),
            // Its own row is not sent to the device that wrote it.
            Event::Revised { revise, edition, .. } => match &revise.body {
                Some(body) => self.edited(&revise.message, u64::from(*edition), body),
                None => self.deleted(&revise.message),
            },
            Event::Gap { .. } => self.broken(),
            Event::Reset(_) => self.reset(),
            _ => {}
        }
    }

    fn row(&mut self, row: &Row) {
        match &*row.entry {
            Entry::Message(message) => self.take(message.clone(), true),
            Entry::Receipt(receipt) if receipt.by.user == self.me => {
                for names in receipt.messages.iter().filter(|_| receipt.status == Status::Read) {
                    self.read_by_me(&MessageRef::Id(names.id));
                }
            }
            Entry::Receipt(receipt) => {
                for names in &receipt.messages {
                    self.marked(names, &receipt.by.user, receipt.status);
                }
            }
            Entry::Revised(revision) => {
                let conversation = revision.conversation.clone();
                let message = MessageRef::Place { conversation, seq: revision.seq };
                match &revision.body {
                    Some(body) => self.edited(&message, u64::from(revision.edition), body),
                    None => {
                        // It may be in the place of a message that was never here.
                        if !self.places.contains_key(&revision.message.id) {
                            self.take(HistoryItem::deletion(revision).message, false);
                        }
                        self.deleted(&message);
                    }
                }
            }
            _ => {}
        }
    }

    fn sent(&mut self, client_ref: Option<&ClientRef>, head: &Head) {
        let drafted = self
            .drafts
            .iter()
            .position(|draft| draft.client_ref.as_ref() == client_ref && draft.to == head.to);
        let drafted = drafted.map(|at| self.drafts.remove(at));
        match drafted {
            Some(draft) if head.seq != Seq(0) => {
                self.message(Message { head: head.clone(), body: draft.body });
            }
            _ => self.ask_for(head.conversation()),
        }
    }

    /// There is a message, which came by whatever way.
    pub fn message(&mut self, message: Message) {
        self.take(message, false);
    }

    fn take(&mut self, message: Message, in_turn: bool) {
        let (id, seq, conversation) = (message.head.id, message.head.seq, message.head.conversation());
        if id.is_none() || seq == Seq(0) {
            return;
        }
        let mut unread = Unread::default();
        if message.head.from.user == self.me {
            unread.wrote(seq);
        } else {
            unread.arrived(seq);
        }
        let last = TimelineItem::from(HistoryItem::from(message));
        // Whoever is told of the first message in its turn is told of all that follow.
        let counted = in_turn && seq == Seq(1);
        self.put(ConversationItem { conversation, last, unread, counted }, in_turn);
    }

    /// Rows come in turn: what is newer comes after them. Acknowledgements and answers do not.
    fn put(&mut self, mut item: ConversationItem, in_turn: bool) {
        let key = item.key();
        self.remember(&item);
        self.apply_early(&mut item);
        if in_turn {
            self.list.put(item);
        } else {
            self.list.put_copy(item);
        }
        if self.list.get_by_key(&key).is_some_and(|held| !held.counted) {
            self.ask_for(key);
        }
    }

    fn remember(&mut self, item: &ConversationItem) {
        self.places.insert(item.last.id(), (item.key(), item.last.seq()));
        if self.places.len() > PLACES {
            self.places.pop_first();
        }
    }

    fn apply_early(&self, item: &mut ConversationItem) {
        for word in self.early.words() {
            item.hear(word);
        }
    }

    fn place_of(&self, message: &MessageRef) -> Option<(ConversationId, Seq)> {
        match message {
            MessageRef::Place { conversation, seq } => Some((conversation.clone(), *seq)),
            MessageRef::Id(id) => self.places.get(id).cloned(),
            _ => None,
        }
    }

    fn read_by_me(&mut self, message: &MessageRef) {
        match self.place_of(message) {
            Some((conversation, seq)) => self.read(&conversation, seq),
            // It could be any of them.
            None => self.broken(),
        }
    }

    /// The user has read up to this message, on any device.
    pub fn read(&mut self, conversation: &ConversationId, seq: Seq) {
        let message = MessageRef::Place { conversation: conversation.clone(), seq };
        let word = Word::Marked { message, by: self.me.clone(), status: Status::Read };
        self.hear(conversation, word);
    }

    fn marked(&mut self, names: &Names, by: &UserId, status: Status) {
        let word = Word::Mark { message: names.clone(), by: by.clone(), status };
        match self.places.get(&names.id).cloned() {
            Some((conversation, _)) => self.hear(&conversation, word),
            None => self.keep(word),
        }
    }

    /// A message says something else now; see [`Timeline::edited`](super::Timeline::edited).
    pub fn edited(&mut self, message: &MessageRef, edition: u64, body: &Body) {
        let word = Word::Edited { message: message.clone(), edition, body: body.clone() };
        match self.place_of(message) {
            Some((conversation, _)) => self.hear(&conversation, word),
            None => self.keep(word),
        }
    }

    /// A message is deleted; see [`Timeline::deleted`](super::Timeline::deleted).
    pub fn deleted(&mut self, message: &MessageRef) {
        match self.place_of(message) {
            Some((conversation, seq)) => {
                let message = MessageRef::Place { conversation: conversation.clone(), seq };
                self.hear(&conversation, Word::Deleted { message });
            }
            // It may be one that counts as unread.
            None => self.broken(),
        }
    }

    /// The conversation is no more, or this user is not part of it any more.
    pub fn remove(&mut self, conversation: &ConversationId) {
        self.unknown.remove(conversation);
        self.list.remove(conversation);
    }

    /// Does what a word says to the conversation it is about. The word is kept, since a page that is loading may be older.
    fn hear(&mut self, conversation: &ConversationId, word: Word) {
        self.list.update(conversation, |item| item.hear(&word));
        self.keep(word);
    }

    fn keep(&mut self, word: Word) {
        let Some(gone) = self.early.keep(word) else { return };
        if self.asked_at < gone {
            self.list.doubt();
        }
        if let Some((request, _)) = self.asked_one.take_if(|(_, at)| *at < gone) {
            self.ask_for(request.conversation);
        }
    }

    fn ask_for(&mut self, conversation: ConversationId) {
        if self.unknown.len() >= PLACES {
            self.unknown.clear();
            self.broken();
        } else {
            self.unknown.insert(conversation);
        }
    }

    fn broken(&mut self) {
        self.list.broken();
        if let Some((request, _)) = self.asked_one.take() {
            self.unknown.insert(request.conversation);
        }
    }

    fn reset(&mut self) {
        let (me, drafts) = (self.me.clone(), std::mem::take(&mut self.drafts));
        let mut list = self.list.clone();
        list.reload();
        *self = Self { drafts, list, last_number: self.last_number, ..Self::new(me, self.list.bounds()) };
    }

    // ---- pages ----------------------------------------------------------------------------------------

    /// What the list needs next, if it does. One page and one conversation at a time.
    pub fn wants(&mut self) -> Option<Wanted> {
        if let Some(request) = self.list.wants() {
            self.asked_at = self.early.moment();
            return Some(Wanted::Page(request));
        }
        // One conversation says nothing about the others: it is merged into a list that stands on a page.
        if self.asked_one.is_some() || self.list.is_loading() {
            return None;
        }
        let conversation = self.unknown.pop_first()?;
        self.last_number += 1;
        let request = ConversationRequest { conversation, number: self.last_number };
        self.asked_one = Some((request.clone(), self.early.moment()));
        Some(Wanted::One(request))
    }

    /// The answer to [`Wanted::Page`].
    pub fn page(
        &mut self,
        request: &PageRequest<MessageId>,
        page: Vec<ConversationSummary>,
        more: bool,
    ) -> Merged {
        let mut items: Vec<ConversationItem> = page.into_iter().map(ConversationItem::from).collect();
        for item in &mut items {
            self.remember(item);
            self.apply_early(item);
        }
        self.list.page(request, Page { items, more })
    }

    /// The answer to [`Wanted::One`]; `None` when there is no such conversation.
    pub fn one(&mut self, request: &ConversationRequest, summary: Option<ConversationSummary>) {
        if self.asked_one.take_if(|(asked, _)| asked == request).is_none() {
            return;
        }
        if let Some(summary) = summary {
            self.put(ConversationItem::from(summary), false);
        }
    }

    /// The page cannot be loaded now; see [`Merge::failed`].
    pub fn failed(&mut self, wanted: &Wanted) {
        match wanted {
            Wanted::Page(request) => self.list.failed(request),
            Wanted::One(request) => {
                if let Some((asked, _)) = self.asked_one.take_if(|(asked, _)| asked == request) {
                    self.ask_for(asked.conversation);
                }
            }
        }
    }

    /// The reader is at the end of the list: some older conversations, please.
    pub fn load_older(&mut self) {
        self.list.load_older();
    }

    /// The reader is at the top of a list that has let newer conversations go: some of them, please.
    pub const fn load_newer(&mut self) {
        self.list.load_newer();
    }

    pub(super) const fn me(&self) -> &UserId {
        &self.me
    }

    // ---- what is known --------------------------------------------------------------------------------

    /// The next change to show, newest first.
    pub fn poll_change(&mut self) -> Option<Change<ConversationItem>> {
        self.list.poll_change()
    }

    /// The conversations, newest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &ConversationItem> + ExactSizeIterator {
        self.list.iter()
    }

    /// The list itself: what it holds, what is known and what is missing.
    #[must_use]
    pub const fn list(&self) -> &Merge<ConversationItem> {
        &self.list
    }

    /// Whether every count is known.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.unknown.is_empty() && self.asked_one.is_none()
    }
}

impl ConversationItem {
    /// Does what a word says, if it is about this conversation.
    fn hear(&mut self, word: &Word) {
        if word.is_about(&self.last) {
            word.apply(&mut self.last);
        }
        match word {
            Word::Deleted { message: MessageRef::Place { conversation, seq } }
                if *conversation == self.conversation =>
            {
                self.unread.deleted(*seq);
            }
            // Others speak by the names of a message, the user by its place.
            Word::Marked {
                message: MessageRef::Place { conversation, seq }, status: Status::Read, ..
            } if *conversation == self.conversation => {
                self.unread.marked(*seq);
            }
            _ => {}
        }
    }
}

impl From<ConversationSummary> for ConversationItem {
    fn from(summary: ConversationSummary) -> Self {
        let conversation = summary.last.message.head.conversation();
        let last = TimelineItem::from(summary.last);
        Self { conversation, last, unread: summary.unread, counted: true }
    }
}
