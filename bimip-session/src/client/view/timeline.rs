//! One conversation, as a chat view shows it.

mod item;

use std::collections::BTreeMap;

use bimip_proto::{
    Address, Body, ConversationId, Device, Draft, Entry, Head, Message, MessageRef, Now, Reaction, Revision,
    Row, Seq, Status, UnixMs, UserId,
};

pub use self::item::{Delivery, Failure, HistoryItem, LocalId, TimelineItem};
use super::change::{Change, Changes};
use super::early::{Early, Moment, Word};
use super::merge::{Bounds, Item as _, Merge};
use super::page::{Merged, Page, PageRequest};
use crate::client::{Event, Full};

/// Drafts of one view that wait or have failed. As many as a session keeps.
const DRAFTS: usize = 1024;

/// One conversation: its messages in their order, then what this device has composed and the server has not placed yet.
///
/// Feed it every [`Event`] of the session, the pages it [wants](Self::wants), and every draft that is
/// [sent](Self::sending). It picks what belongs to it, and tells what [changed](Self::poll_change).
///
/// * Each message is there once, however often and by whichever way it comes: as a row, in a page, by the
///   acknowledgement of its draft.
/// * Statuses only rise. What is said about a message before it is there is kept until it comes.
/// * Messages stand by their [`Seq`], so a missing one is known to be missing, and asked for.
/// * A message without a `Seq` stands at the end, in the order of its coming, until a page places it: the dialect has
///   none (VoicePing), or its acknowledgements have none. Without seqs nothing can be missed.
#[derive(Debug, Clone)]
pub struct Timeline {
    me: Device,
    conversation: ConversationId,
    placed: Merge<TimelineItem>,
    /// What has no place yet: drafts, and messages that were not told with one.
    tail: Vec<Unplaced>,
    /// Drafts that the session has no answer to, some of which may be messages already.
    unanswered: BTreeMap<LocalId, (Draft, UnixMs)>,
    early: Early,
    /// Words that came after this may be missing in the page that is loading.
    asked_at: Moment,
    recipients: Option<u32>,
    next_local: u64,
    held_items: usize,
    changes: Changes<TimelineItem>,
}

#[derive(Debug, Clone)]
struct Unplaced {
    item: TimelineItem,
    /// Words about it came after this ...
    since: Moment,
    /// ... and some of those that did were let go.
    missed: bool,
}

impl Timeline {
    /// An empty view of one conversation, on this device. The bounds are those of [`Merge`]; the newest message is the
    /// last.
    #[must_use]
    pub const fn new(me: Device, conversation: ConversationId, mut bounds: Bounds) -> Self {
        bounds.newest_first = false;
        let early = Early::new(bounds.waiting_items);
        let asked_at = early.moment();
        Self {
            me,
            conversation,
            placed: Merge::new(bounds),
            tail: Vec::new(),
            unanswered: BTreeMap::new(),
            early,
            asked_at,
            recipients: None,
            next_local: 1,
            held_items: bounds.held_items,
            changes: Changes::new(bounds.changes),
        }
    }

    // ---- drafts ---------------------------------------------------------------------------------------

    /// Shows a draft that the app gives to the session. At a start, those of
    /// [`Resume::unacked`](crate::client::Resume::unacked) too.
    ///
    /// # Errors
    /// [`Full`] when 1 024 drafts of this view are under way or have failed. Then it is not shown; do not send it.
    pub fn sending<'a>(&mut self, now: Now, draft: &'a Draft) -> Result<LocalId, Full<&'a Draft>> {
        let failed = self.tail.iter().filter(|unplaced| unplaced.item.failure.is_some()).count();
        if failed + self.unanswered.len() >= DRAFTS {
            return Err(Full(draft));
        }
        let local = LocalId(self.next_local);
        self.next_local += 1;
        self.unanswered.insert(local, (draft.clone(), now.stamp()));
        self.show_draft(local, draft, now.stamp());
        Ok(local)
    }

    fn show_draft(&mut self, local: LocalId, draft: &Draft, at: UnixMs) {
        let mut item = TimelineItem::draft_of(&self.me, local, at, draft);
        item.recipients = item.recipients.or(self.recipients);
        self.push_tail(item);
    }

    /// Gives back a draft that failed, to be sent again, and shows it as being sent. It keeps its name: nothing of a
    /// refused draft is stored, so the name is free. `None` where [it cannot help](Failure::can_retry): compose it anew
    /// under another name then, from what [`discard`](Self::discard) gives back.
    pub fn retry(&mut self, now: Now, local: LocalId) -> Option<Draft> {
        let at =
            self.failed_at(local).filter(|at| self.tail[*at].item.failure.is_some_and(Failure::can_retry))?;
        let mut unplaced = self.tail.remove(at);
        (unplaced.item.failure, unplaced.item.at) = (None, now.stamp());
        let (from, item) = (self.placed.len() + at, unplaced.item.clone());
        self.tail.push(unplaced);
        let draft = item.draft();
        self.unanswered.insert(local, (draft.clone(), now.stamp()));
        self.changes.push(Change::Move { from, to: self.len() - 1, item });
        Some(draft)
    }

    /// Takes a draft that failed out of the view, and gives it back.
    pub fn discard(&mut self, local: LocalId) -> Option<Draft> {
        let at = self.failed_at(local)?;
        self.changes.push(Change::Remove { at: self.placed.len() + at });
        Some(self.tail.remove(at).item.draft())
    }

    fn failed_at(&self, local: LocalId) -> Option<usize> {
        self.tail.iter().position(|unplaced| {
            unplaced.item.local == Some(local) && matches!(unplaced.item.delivery(), Delivery::Failed(_))
        })
    }

    // ---- what happens ---------------------------------------------------------------------------------

    /// Something happened. Events about other conversations are passed over.
    pub fn on_event(&mut self, event: &Event) {
        match event {
            Event::Received(row) => self.row(row),
            Event::Sent { client_ref, head, .. } if head.conversation() == self.conversation => {
                self.sent(client_ref.as_ref(), head);
            }
            Event::Refused { draft, reason } => self.fail(draft, Failure::Refused(*reason)),
            Event::Unsure(draft) => self.fail(draft, Failure::Unsure),
            Event::Marked { message, status } => {
                let by = self.me.user.clone();
                self.marked(message, &by, *status);
            }
            // Its own row is not sent to the device that wrote it.
            Event::Revised { revise, edition, .. } => match &revise.body {
                Some(body) => self.edited(&revise.message, u64::from(*edition), body),
                None => self.deleted(&revise.message),
            },
            Event::Reacted { react, edition, count, .. } => {
                let change = (*edition, react.on, *count);
                let (me, emoji) = (self.me.user.clone(), react.emoji.clone());
                self.hear(Word::Own { message: react.message.clone(), me, emoji, change });
            }
            Event::Gap { .. } => self.broken(),
            Event::Reset(_) => self.reset(),
            _ => {}
        }
    }

    fn row(&mut self, row: &Row) {
        match &*row.entry {
            Entry::Message(message) if message.head.conversation() == self.conversation => {
                self.message(message.clone());
            }
            Entry::Receipt(receipt) => {
                for names in &receipt.messages {
                    let (by, status) = (receipt.by.user.clone(), receipt.status);
                    self.hear(Word::Mark { message: names.clone(), by, status });
                }
            }
            Entry::Revised(revision) if revision.conversation == self.conversation => self.revised(revision),
            Entry::Reacted(reaction) if reaction.conversation == self.conversation => self.reacted(reaction),
            _ => {}
        }
    }

    fn revised(&mut self, revision: &Revision) {
        let message = MessageRef::Id(revision.message.id);
        match &revision.body {
            Some(body) => self.edited(&message, u64::from(revision.edition), body),
            None => {
                self.deleted(&message);
                let tail = self.tail.iter().map(|unplaced| &unplaced.item);
                let mut items = self.placed.oldest_first().iter().chain(tail);
                // It came in the place of a message that was never here.
                if !items.any(|item| item.is_meant(&message)) {
                    self.take(TimelineItem::from(HistoryItem::deletion(revision)));
                }
            }
        }
    }

    /// A message of this conversation, which came by another way than an event or a page: from a push, say.
    pub fn message(&mut self, message: Message) {
        if message.head.conversation() == self.conversation {
            let mut item = TimelineItem::from(HistoryItem::from(message));
            item.recipients = item.recipients.or(self.recipients);
            self.take(item);
        }
    }

    /// Somebody said something about a message.
    pub fn marked(&mut self, message: &MessageRef, by: &UserId, status: Status) {
        self.hear(Word::Marked { message: message.clone(), by: by.clone(), status });
    }

    /// A message says something else now. Editions of a message rise with every edit, and are not given twice; an older
    /// one that comes after a newer one changes nothing. Nor does one that comes after the deletion.
    pub fn edited(&mut self, message: &MessageRef, edition: u64, body: &Body) {
        self.hear(Word::Edited { message: message.clone(), edition, body: body.clone() });
    }

    /// A message is deleted, for good. It keeps its place, without its body.
    pub fn deleted(&mut self, message: &MessageRef) {
        self.hear(Word::Deleted { message: message.clone() });
    }

    /// Somebody reacted to a message, or took a reaction back.
    pub fn reacted(&mut self, reaction: &Reaction) {
        let (message, me) = (MessageRef::Id(reaction.message.id), self.me.user.clone());
        self.hear(Word::Reacted { message, me, reaction: Box::new(reaction.clone()) });
    }

    /// To how many users a message to this group goes, so that "read by all" can be told from "read by some". Counts for
    /// messages that come from now on without saying it themselves. Not needed between two.
    pub const fn set_recipients(&mut self, users: Option<u32>) {
        self.recipients = users;
    }

    fn hear(&mut self, word: Word) {
        if let Some(held) = self.placed.oldest_first().iter().rfind(|item| word.is_about(item)) {
            self.placed.update(&held.key(), |item| word.apply(item));
            self.tell_placed();
        } else if let Some(at) = self.tail.iter().position(|unplaced| word.is_about(&unplaced.item)) {
            self.change_tail(at, |item| word.apply(item));
        }
        if let Some(gone) = self.keep(word) {
            for unplaced in self.tail.iter_mut().filter(|unplaced| unplaced.since < gone) {
                unplaced.missed = true;
            }
            if self.asked_at < gone {
                self.placed.doubt();
            }
        }
    }

    fn keep(&mut self, word: Word) -> Option<Moment> {
        if let Word::Marked { message, .. }
        | Word::Edited { message, .. }
        | Word::Deleted { message }
        | Word::Own { message, .. } = &word
            && let MessageRef::Place { conversation, seq } = message
            && *conversation == self.conversation
        {
            self.placed.exists(seq);
        }
        self.early.keep(word)
    }

    fn fail(&mut self, draft: &Draft, failure: Failure) {
        let found = self.tail.iter().position(|unplaced| {
            let item = &unplaced.item;
            let named = item.client_ref == draft.client_ref && item.to == draft.to;
            item.head.is_none()
                && item.failure.is_none()
                && named
                && (named_at_all(draft) || item.body == draft.body)
        });
        let Some(at) = found else { return };
        if let Some(local) = self.tail[at].item.local {
            self.unanswered.remove(&local);
        }
        self.change_tail(at, |item| item.failure = Some(failure));
    }

    fn sent(&mut self, client_ref: Option<&bimip_proto::ClientRef>, head: &Head) {
        self.unanswered
            .retain(|_, (draft, _)| client_ref.is_none() || draft.client_ref.as_ref() != client_ref);
        let found = self.tail.iter().position(|unplaced| {
            let item = &unplaced.item;
            // Without names the oldest is meant: acknowledgements come in the order of the drafts.
            let waits = client_ref.is_some() || item.failure.is_none();
            item.local.is_some() && item.head.is_none() && waits && item.client_ref.as_ref() == client_ref
        });
        if let Some(at) = found {
            let mut item = self.tail[at].item.clone();
            item.local.and_then(|local| self.unanswered.remove(&local));
            item.accept(head.clone());
            self.take(item);
        } else if head.seq != Seq(0) {
            // Sent before this view was there. It asks for what it was not shown.
            self.placed.exists(&head.seq);
        } else if !self.holds(head) {
            self.placed.doubt_newest();
        }
    }

    fn holds(&self, head: &Head) -> bool {
        let names = head.names();
        let tail = self.tail.iter().map(|unplaced| &unplaced.item);
        self.placed.oldest_first().iter().chain(tail).any(|item| item.goes_by(&names))
    }

    fn broken(&mut self) {
        self.placed.broken();
        // What was said about drafts that the server has, and this device does not know of yet, may be among the rows
        // that were missed.
        for unplaced in &mut self.tail {
            unplaced.missed = true;
        }
    }

    fn reset(&mut self) {
        // Places and ids of another store mean nothing; what that store had is in no mailbox of this one.
        self.placed.reload();
        self.early.clear();
        self.tail.retain(|unplaced| unplaced.item.head.is_none());
        self.tell_placed();
        // What the old store had accepted, and the session does not know of, goes to the new one.
        for (local, (draft, at)) in self.unanswered.clone() {
            if self.get(local).is_none() {
                self.show_draft(local, &draft, at);
            }
        }
    }

    // ---- where it stands ------------------------------------------------------------------------------

    /// A message that the server has.
    fn take(&mut self, mut item: TimelineItem) {
        self.early.apply(&mut item);
        let from = self.tail.iter().position(|unplaced| unplaced.item.is_same(&item));
        if item.seq() == Seq(0) {
            self.take_unplaced(from, item);
            return;
        }
        let Some(at) = from else {
            self.placed.put(item);
            self.tell_placed();
            return;
        };
        let from = self.placed.len() + at;
        let Unplaced { item: local, missed, .. } = self.tail.remove(at);
        item.join(local);
        if missed {
            self.placed.put_unsure(item);
        } else {
            self.placed.put(item);
        }
        // What was at the end and is in its place now has moved, unless it is there already, or out of the window.
        match self.placed.poll_change() {
            Some(Change::Insert { at, item }) if at == from => self.changes.push(Change::Update { at, item }),
            Some(Change::Insert { at, item }) => self.changes.push(Change::Move { from, to: at, item }),
            other => {
                self.changes.push(Change::Remove { at: from });
                other.into_iter().for_each(|change| self.changes.push(change));
            }
        }
        self.tell_placed();
    }

    fn take_unplaced(&mut self, tail: Option<usize>, item: TimelineItem) {
        if let Some(at) = tail {
            self.accepted_in_tail(at, item);
        } else if let Some(held) = self.placed.oldest_first().iter().rfind(|held| held.is_same(&item)) {
            self.placed.update(&held.key(), |held| held.join(item));
            self.tell_placed();
        } else {
            let to = self.slot_in_tail(&item);
            self.tail.insert(to, Unplaced { item: item.clone(), since: self.early.moment(), missed: false });
            self.changes.push(Change::Insert { at: self.placed.len() + to, item });
            self.trim_tail();
            self.tell_placed();
        }
    }

    /// A draft was accepted, and it was not said for which place.
    fn accepted_in_tail(&mut self, at: usize, item: TimelineItem) {
        let before = self.tail[at].item.clone();
        let mut unplaced = self.tail.remove(at);
        unplaced.item.join(item);
        if unplaced.missed {
            self.placed.doubt_newest();
        }
        let to = self.slot_in_tail(&unplaced.item);
        let (item, ahead) = (unplaced.item.clone(), self.placed.len());
        self.tail.insert(to, unplaced);
        if to != at {
            self.changes.push(Change::Move { from: ahead + at, to: ahead + to, item });
        } else if item != before {
            self.changes.push(Change::Update { at: ahead + at, item });
        }
        self.tell_placed();
    }

    /// Messages stand before drafts, in the order of their ids where they have some.
    fn slot_in_tail(&self, item: &TimelineItem) -> usize {
        let accepted = self.tail.iter().filter(|unplaced| unplaced.item.head.is_some());
        accepted.filter(|unplaced| !item.is_older_than(&unplaced.item)).count()
    }

    fn push_tail(&mut self, item: TimelineItem) {
        self.tail.push(Unplaced { item: item.clone(), since: self.early.moment(), missed: false });
        self.changes.push(Change::Insert { at: self.len() - 1, item });
    }

    fn change_tail(&mut self, at: usize, change: impl FnOnce(&mut TimelineItem)) {
        let before = self.tail[at].item.clone();
        change(&mut self.tail[at].item);
        let item = self.tail[at].item.clone();
        if item != before {
            self.changes.push(Change::Update { at: self.placed.len() + at, item });
        }
    }

    /// Messages without a place are held like those with one; drafts stay until they are dealt with.
    fn trim_tail(&mut self) {
        let accepted = self.tail.iter().filter(|unplaced| unplaced.item.head.is_some()).count();
        if accepted > self.held_items {
            let oldest =
                self.tail.iter().position(|unplaced| unplaced.item.head.is_some()).unwrap_or_default();
            self.tail.remove(oldest);
            self.changes.push(Change::Remove { at: self.placed.len() + oldest });
        }
    }

    fn tell_placed(&mut self) {
        while let Some(change) = self.placed.poll_change() {
            self.changes.push(change);
        }
        if !self.placed.has_older() {
            return;
        }
        // What turns out to be older than the window is let go with the rest.
        let Some(first) = self.placed.oldest_first().first() else { return };
        while let Some(at) = self.tail.iter().position(|unplaced| unplaced.item.is_older_than(first)) {
            self.tail.remove(at);
            self.changes.push(Change::Remove { at: self.placed.len() + at });
        }
    }

    // ---- pages ----------------------------------------------------------------------------------------

    /// The page of history that the view needs next, if it does; see [`Merge::wants`].
    pub fn wants(&mut self) -> Option<PageRequest<Seq>> {
        let request = self.placed.wants();
        if request.is_some() {
            self.asked_at = self.early.moment();
        }
        request
    }

    /// The answer to a request: the messages of this range that the user may see, and whether there are more of them.
    pub fn page(&mut self, request: &PageRequest<Seq>, items: Vec<HistoryItem>, more: bool) -> Merged {
        let items = items.into_iter().filter(|item| item.message.head.conversation() == self.conversation);
        let items: Vec<TimelineItem> =
            items.map(TimelineItem::from).filter(|item| item.seq() > Seq(0)).collect();
        let before = self.placed.len();
        let merged = self.placed.page(request, Page { items, more });
        // What has its place now is not shown at the end any more, and not for one moment twice.
        let mut found = Vec::new();
        for at in (0..self.tail.len()).rev() {
            let placed = self.placed.oldest_first();
            if let Some(held) = placed.iter().rfind(|held| held.is_same(&self.tail[at].item)) {
                found.push((held.key(), self.tail.remove(at)));
                self.changes.push(Change::Remove { at: before + at });
            }
        }
        self.tell_placed();
        for (seq, unplaced) in found {
            self.placed.update(&seq, |held| held.join(unplaced.item));
        }
        for word in self.early.words() {
            if let Some(held) = self.placed.oldest_first().iter().rfind(|held| word.is_about(held)) {
                self.placed.update(&held.key(), |held| word.apply(held));
            }
        }
        self.tell_placed();
        merged
    }

    /// The page cannot be loaded now; see [`Merge::failed`].
    pub fn failed(&mut self, request: &PageRequest<Seq>) {
        self.placed.failed(request);
    }

    /// The reader is at the oldest message: some before it, please.
    pub fn load_older(&mut self) {
        self.placed.load_older();
    }

    /// The reader is at the newest message of a view that has let newer ones go: some after it, please.
    pub const fn load_newer(&mut self) {
        self.placed.load_newer();
    }

    /// The reader wants to be at the newest message, whatever is between.
    pub fn jump_to_newest(&mut self) {
        if !self.placed.follows() {
            self.placed.reload();
            self.tell_placed();
        }
    }

    // ---- what is known --------------------------------------------------------------------------------

    /// The next change to show.
    pub fn poll_change(&mut self) -> Option<Change<TimelineItem>> {
        self.changes.pop()
    }

    /// The messages, then what is not placed yet.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &TimelineItem> {
        self.placed.oldest_first().iter().chain(self.tail.iter().map(|unplaced| &unplaced.item))
    }

    /// How many messages and drafts are shown.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.placed.len() + self.tail.len()
    }

    /// Whether nothing is shown.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The draft or message of this name.
    #[must_use]
    pub fn get(&self, local: LocalId) -> Option<&TimelineItem> {
        self.iter().rfind(|item| item.local == Some(local))
    }

    /// The messages of others that this user has not read, oldest first: what to say
    /// [`mark`](crate::client::ClientSession::mark) about once they are on the screen.
    pub fn to_read(&self) -> impl Iterator<Item = MessageRef> {
        let me = &self.me.user;
        let unread = self.iter().filter(move |item| {
            let to_me = item.author.user != *me || matches!(&item.to, Address::User(to) if to == me);
            to_me && !item.deleted && !item.marks.get(me).is_some_and(|marks| marks.has(Status::Read))
        });
        unread.filter_map(TimelineItem::reference)
    }

    pub(super) const fn me(&self) -> &Device {
        &self.me
    }

    /// Which conversation it is.
    #[must_use]
    pub const fn conversation(&self) -> &ConversationId {
        &self.conversation
    }

    /// The messages that have their place: what is known about them, and what is missing.
    #[must_use]
    pub const fn placed(&self) -> &Merge<TimelineItem> {
        &self.placed
    }

    /// Messages that are known to be missing, or may be out of date, first and last of each stretch, oldest first.
    pub fn missing(&self) -> impl Iterator<Item = (Seq, Seq)> {
        self.placed.holes().map(|(low, high)| {
            let low = match low {
                std::ops::Bound::Included(seq) => seq,
                std::ops::Bound::Excluded(Seq(seq)) => Seq(seq + 1),
                std::ops::Bound::Unbounded => Seq(1),
            };
            let high = match high {
                std::ops::Bound::Included(seq) => seq,
                std::ops::Bound::Excluded(Seq(seq)) => Seq(seq - 1),
                std::ops::Bound::Unbounded => Seq(u64::MAX),
            };
            (low, high)
        })
    }

    /// Whether nothing is missing from the oldest message shown to the newest that the view was told of; see
    /// [`Merge::is_complete`].
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.placed.is_complete()
    }

    /// Whether there may be messages before the oldest.
    #[must_use]
    pub fn has_older(&self) -> bool {
        self.placed.has_older()
    }
}

const fn named_at_all(draft: &Draft) -> bool {
    draft.client_ref.is_some()
}
