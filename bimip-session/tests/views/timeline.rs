//! [`Timeline`]: drafts, acknowledgements, rows, pages, receipts, edits, deletions and reactions, in any order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bimip_proto::{
    Address, Body, ClientRef, ConversationId, Device, DeviceName, Draft, Emoji, Entry, GroupId, Head, Marks,
    Message, MessageId, MessageRef, Now, Offset, React, Reaction, ReactionCount, ReactionSummary, Reactions,
    Receipt, Reject, Row, Seq, Status, UnixMs, UserId, Welcome, Window,
};
use bimip_session::client::Event;
use bimip_session::client::view::{
    Bounds, Delivery, Failure, HistoryItem, LocalId, Merged, PageRequest, Timeline, TimelineItem,
};

use super::draws::{Draws, carry_out, sequences};

pub(crate) fn device(user: &str, name: &str) -> Device {
    Device::new(UserId::new(user).unwrap(), DeviceName::new(name).unwrap())
}

pub(crate) fn welcome(epoch: u32) -> Welcome {
    Welcome {
        epoch,
        resume_from: Offset(0),
        first: Offset(1),
        head: Offset(1),
        window: Window::default(),
        heartbeat_ms: 1,
        server_time: UnixMs(0),
        connection_id: 1,
        dedup_days: 7,
    }
}

pub(crate) fn gap() -> Event {
    Event::Gap { seen: Offset(0), resume_from: Offset(0), welcome: welcome(7) }
}

pub(crate) fn received(entry: &Arc<Entry>) -> Event {
    Event::Received(Row { prev: Offset(0), offset: Offset(0), entry: Arc::clone(entry) })
}

/// What the view is to be told.
#[derive(Debug, Clone)]
enum Told {
    Row(Arc<Entry>),
    Marked(MessageRef, Status),
    Edited(MessageRef, u64, Body),
    Deleted(MessageRef),
    Own(React, u32, u32),
}

/// What a sequence is allowed to do.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// Everything comes in any order and twice, but nothing is lost. Else it comes in order, as rows of a mailbox do,
    /// and some of it is lost in gaps and resets.
    any_order: bool,
    /// Acknowledgements say the place in the conversation.
    acks_have_seq: bool,
}

struct World {
    draws: Draws,
    rules: Rules,
    me: Device,
    to: Address,
    others: Vec<Device>,
    conversation: ConversationId,
    epoch: u32,
    sequence: u64,
    names: u64,
    /// Message by message, the first at place 1.
    truth: Vec<HistoryItem>,
    /// The reactions to each message: how often they changed, and who is there with what.
    reacted: BTreeMap<usize, (u32, BTreeMap<Emoji, BTreeSet<UserId>>)>,
    /// Given to the session, and not answered as far as it knows.
    unacked: VecDeque<Draft>,
    /// The first of them are at the server already.
    accepted: usize,
    coming: VecDeque<Told>,
    acks: VecDeque<(Draft, Head)>,
    failed: BTreeSet<LocalId>,
    asked: Vec<PageRequest<Seq>>,
    answers: Vec<(PageRequest<Seq>, Vec<HistoryItem>, bool)>,
    view: Timeline,
    shown: Vec<TimelineItem>,
    bounds: Bounds,
    /// How far the marks of each message had come.
    risen: BTreeMap<MessageId, (BTreeMap<UserId, Marks>, u64, bool)>,
}

impl World {
    fn new(seed: u64, any_order: bool) -> Self {
        let mut draws = Draws::new(seed);
        let rules = Rules { any_order, acks_have_seq: draws.chance(70) };
        let mut bounds = Bounds::default();
        bounds.held_items = [5, 8, 20, 1000][draws.below(4)];
        bounds.page_items = 1 + draws.below(4);
        bounds.waiting_items = if any_order { 1000 } else { [2, 6, 1000][draws.below(3)] };
        bounds.changes = [3, 1000][draws.below(2)];
        let group = draws.chance(50);
        let me = device("a", "1");
        let to = if group {
            Address::Group(GroupId::new("g").unwrap())
        } else {
            Address::User(UserId::new("b").unwrap())
        };
        let mut others = vec![device("a", "2"), device("b", "1")];
        others.extend(group.then(|| device("c", "1")));
        let conversation = ConversationId::of(&me.user, &to);
        let mut world = Self {
            view: Timeline::new(me.clone(), conversation.clone(), bounds),
            draws,
            rules,
            me,
            to,
            others,
            conversation,
            epoch: 7,
            sequence: 0,
            names: 0,
            truth: Vec::new(),
            reacted: BTreeMap::new(),
            unacked: VecDeque::new(),
            accepted: 0,
            coming: VecDeque::new(),
            acks: VecDeque::new(),
            failed: BTreeSet::new(),
            asked: Vec::new(),
            answers: Vec::new(),
            shown: Vec::new(),
            bounds,
            risen: BTreeMap::new(),
        };
        world.view.set_recipients(Some(world.recipients()));
        for _ in 0..world.draws.below(12) {
            world.others_write();
            world.somebody_marks();
            world.somebody_reacts();
        }
        world.coming.clear();
        world
    }

    fn recipients(&self) -> u32 {
        if matches!(self.to, Address::Group(_)) { 2 } else { 1 }
    }

    // ---- the server -----------------------------------------------------------------------------------

    fn store(&mut self, from: &Device, client_ref: Option<ClientRef>, body: Body) -> Head {
        self.sequence += 1 + self.draws.below(3) as u64;
        let to = match &self.to {
            Address::User(user) if *user == from.user => Address::User(self.me.user.clone()),
            to => to.clone(),
        };
        let seq = Seq(self.truth.len() as u64 + 1);
        let at = UnixMs(1_000 + seq.0);
        let head = Head {
            id: MessageId::new(self.epoch, self.sequence),
            from: from.clone(),
            to,
            client_ref,
            client_time: None,
            at,
            stamp: at,
            seq,
            kind: body.kind,
        };
        let mut item = HistoryItem::from(Message { head: head.clone(), body });
        item.recipients = Some(self.recipients());
        self.truth.push(item);
        head
    }

    fn others_write(&mut self) {
        let from = self.others[self.draws.below(self.others.len())].clone();
        self.names += 1;
        // Names belong to devices: the same ones as this device uses.
        let name = ClientRef::new(&format!("r{}", self.draws.below(5) + 1)).ok();
        let name = if self
            .truth
            .iter()
            .any(|item| item.message.head.from == from && item.message.head.client_ref == name)
        {
            ClientRef::new(&format!("x{}", self.names)).ok()
        } else {
            name
        };
        let text = format!("text {}", self.names);
        let head = self.store(&from, name, Body::text(&text));
        let entry = Entry::Message(Message { head, body: Body::text(&text) });
        self.coming.push_back(Told::Row(Arc::new(entry)));
    }

    fn accept(&mut self) {
        let Some(draft) = self.unacked.get(self.accepted).cloned() else { return };
        self.accepted += 1;
        let me = self.me.clone();
        let mut head = self.store(&me, draft.client_ref.clone(), draft.body.clone());
        if !self.rules.acks_have_seq {
            head.seq = Seq(0);
        }
        self.acks.push_back((draft, head));
    }

    fn refuse(&mut self) {
        let Some(draft) = self.unacked.get(self.accepted).cloned() else { return };
        self.unacked.remove(self.accepted);
        let reason = if self.draws.chance(50) { Reject::NotMember } else { Reject::TooLarge };
        self.view.on_event(&Event::Refused { draft: draft.clone(), reason });
        let item =
            self.view.iter().find(|item| item.client_ref == draft.client_ref && item.author == self.me);
        let item = item.unwrap();
        assert_eq!(item.delivery(), Delivery::Failed(Failure::Refused(reason)));
        self.failed.extend(item.local);
    }

    fn any(&mut self) -> Option<usize> {
        (!self.truth.is_empty()).then(|| self.draws.below(self.truth.len()))
    }

    fn reference(&mut self, at: usize) -> MessageRef {
        let head = &self.truth[at].message.head;
        if self.draws.chance(50) {
            MessageRef::Id(head.id)
        } else {
            MessageRef::Place { conversation: self.conversation.clone(), seq: head.seq }
        }
    }

    fn somebody_marks(&mut self) {
        let Some(at) = self.any() else { return };
        let status = [Status::Delivered, Status::Read, Status::Played][self.draws.below(3)];
        let own = self.truth[at].message.head.from.user == self.me.user;
        let by = if own {
            self.others[1 + self.draws.below(self.others.len() - 1)].clone()
        } else {
            [self.me.clone(), self.others[0].clone()][self.draws.below(2)].clone()
        };
        let item = &mut self.truth[at];
        let held = item.marks.iter_mut().find(|(user, _)| *user == by.user);
        match held {
            Some((_, marks)) => *marks = marks.with(status),
            None => item.marks.push((by.user.clone(), Marks::NONE.with(status))),
        }
        if by == self.me {
            let message = self.reference(at);
            self.coming.push_back(Told::Marked(message, status));
        } else {
            let mut messages = vec![self.truth[at].message.head.names()];
            if self.draws.chance(50) {
                messages[0].alias = None;
            }
            let receipt = Receipt { by, status, at: UnixMs(0), messages };
            self.coming.push_back(Told::Row(Arc::new(Entry::Receipt(receipt))));
        }
    }

    fn edit(&mut self) {
        let Some(at) = self.any() else { return };
        let message = self.reference(at);
        let item = &mut self.truth[at];
        if item.deleted {
            return;
        }
        item.edition += 1;
        item.message.body = Body::text(&format!("edition {} of {at}", item.edition));
        let (edition, body) = (item.edition, item.message.body.clone());
        self.coming.push_back(Told::Edited(message, edition, body));
    }

    fn delete(&mut self) {
        let Some(at) = self.any() else { return };
        let message = self.reference(at);
        self.truth[at].deleted = true;
        self.coming.push_back(Told::Deleted(message));
    }

    fn somebody_reacts(&mut self) {
        let Some(at) = self.any().filter(|at| !self.truth[*at].deleted) else { return };
        let emoji = Emoji::new(["x", "y", "z"][self.draws.below(3)]).unwrap();
        let by = match self.draws.below(self.others.len() + 1) {
            0 => self.me.clone(),
            other => self.others[other - 1].clone(),
        };
        let message = self.reference(at);
        let (edition, there) = self.reacted.entry(at).or_default();
        *edition += 1;
        let users = there.entry(emoji.clone()).or_default();
        let on = users.insert(by.user.clone());
        if !on {
            users.remove(&by.user);
        }
        let (edition, count) = (*edition, u32::try_from(users.len()).unwrap());
        let counts =
            there.iter().filter(|(_, users)| !users.is_empty()).map(|(emoji, users)| ReactionCount {
                emoji: emoji.clone(),
                count: u32::try_from(users.len()).unwrap(),
                mine: users.contains(&self.me.user),
                users: users.iter().take(1).cloned().collect(),
            });
        let summary = ReactionSummary { edition, counts: counts.collect() };
        let client_ref = ClientRef::new("r").unwrap();
        let item = &mut self.truth[at];
        item.reactions = Reactions::new(&self.me.user, summary);
        let head = &item.message.head;
        self.coming.push_back(if by == self.me {
            Told::Own(React { client_ref, message, emoji, on }, edition, count)
        } else {
            Told::Row(Arc::new(Entry::Reacted(Reaction {
                message: head.names(),
                conversation: head.conversation(),
                seq: head.seq,
                edition,
                by,
                client_ref,
                at: UnixMs(1),
                emoji,
                on,
                count,
            })))
        });
    }

    fn answer(&self, request: &PageRequest<Seq>) -> (Vec<HistoryItem>, bool) {
        let places: BTreeMap<Seq, &HistoryItem> =
            self.truth.iter().map(|item| (item.message.head.seq, item)).collect();
        let range = places.range((request.from, request.to));
        let all: Vec<HistoryItem> = range.map(|(_, item)| (*item).clone()).collect();
        let more = all.len() > request.limit_items;
        let limit = request.limit_items.min(all.len());
        let page = if request.newest_first { &all[all.len() - limit..] } else { &all[..limit] };
        (page.to_vec(), more)
    }

    // ---- the way --------------------------------------------------------------------------------------

    fn tell(&mut self) {
        if self.coming.is_empty() {
            return;
        }
        let at = if self.rules.any_order { self.draws.below(self.coming.len()) } else { 0 };
        let again = self.rules.any_order && self.draws.chance(20);
        let told = if again { self.coming.get(at).cloned() } else { self.coming.remove(at) };
        match told.unwrap() {
            Told::Row(entry) => self.view.on_event(&received(&entry)),
            Told::Marked(message, status) => self.view.on_event(&Event::Marked { message, status }),
            Told::Edited(message, edition, body) => self.view.edited(&message, edition, &body),
            Told::Deleted(message) => self.view.deleted(&message),
            Told::Own(react, edition, count) => {
                self.view.on_event(&Event::Reacted { react, edition, count, offset: Offset(0) });
            }
        }
    }

    /// Acknowledgements wait for no backlog.
    fn acknowledge(&mut self) {
        if let Some((draft, head)) = self.acks.pop_front() {
            self.unacked.pop_front();
            self.accepted -= 1;
            self.view.on_event(&Event::Sent { client_ref: draft.client_ref, head, offset: Offset(0) });
        }
    }

    fn compose(&mut self) {
        self.names += 1;
        let draft = Draft {
            client_ref: ClientRef::new(&format!("r{}", self.names)).ok(),
            to: self.to.clone(),
            client_time: None,
            body: Body::text(&format!("draft {}", self.names)),
        };
        let local = self.view.sending(Now::default(), &draft).unwrap();
        assert_eq!(self.view.get(local).unwrap().delivery(), Delivery::Sending);
        self.unacked.push_back(draft);
    }

    fn deal_with_failure(&mut self) {
        let Some(local) = self.failed.pop_first() else { return };
        let again = self.view.get(local).unwrap().delivery();
        let Delivery::Failed(failure) = again else { panic!("{again:?}") };
        match self.view.retry(Now::default(), local) {
            Some(draft) => {
                assert!(failure.can_retry());
                self.unacked.push_back(draft);
            }
            None => {
                assert!(!failure.can_retry());
                assert!(self.view.discard(local).is_some());
                assert_eq!(self.view.discard(local), None);
            }
        }
    }

    /// The server lets go of rows; or it is another server.
    fn breaks(&mut self) {
        if self.rules.any_order {
            return;
        }
        if self.draws.chance(70) {
            let lost = self.draws.below(self.coming.len() + 1);
            self.coming.drain(..lost);
            self.view.on_event(&gap());
        } else {
            self.epoch += 1;
            self.truth.clear();
            self.reacted.clear();
            self.coming.clear();
            self.acks.clear();
            self.accepted = 0;
            self.risen.clear();
            self.view.on_event(&Event::Reset(welcome(self.epoch)));
        }
    }

    fn ask(&mut self) {
        self.asked.extend(self.view.wants());
    }

    fn read(&mut self) {
        if !self.asked.is_empty() {
            let at = self.draws.below(self.asked.len());
            let request = self.asked.swap_remove(at);
            let (items, more) = self.answer(&request);
            self.answers.push((request, items, more));
        }
    }

    fn arrive(&mut self) {
        if !self.answers.is_empty() {
            let at = self.draws.below(self.answers.len());
            let again = self.draws.chance(10);
            let (request, items, more) =
                if again { self.answers[at].clone() } else { self.answers.swap_remove(at) };
            if self.draws.chance(10) {
                self.view.failed(&request);
            }
            let _ = self.view.page(&request, items, more);
        }
    }

    fn step(&mut self) {
        match self.draws.below(64) {
            0..6 => self.others_write(),
            6..11 => self.compose(),
            11..15 => self.accept(),
            15 => self.refuse(),
            16 => self.deal_with_failure(),
            17..22 => self.somebody_marks(),
            22..24 => self.edit(),
            24 => self.delete(),
            25..38 => self.tell(),
            38..42 => self.acknowledge(),
            42..46 => self.ask(),
            46..50 => self.read(),
            50..54 => self.arrive(),
            54 => self.breaks(),
            55 => self.view.load_newer(),
            60.. => self.somebody_reacts(),
            56 if !self.rules.any_order => self.view.jump_to_newest(),
            _ => self.view.load_older(),
        }
        self.check();
    }

    // ---- what holds -----------------------------------------------------------------------------------

    fn check(&mut self) {
        let items: Vec<TimelineItem> = self.view.iter().cloned().collect();
        let placed = self.view.placed().oldest_first();
        assert!(placed.windows(2).all(|pair| pair[0].seq() < pair[1].seq()), "out of order: {placed:?}");
        let mut ids = BTreeSet::new();
        let mut names = BTreeSet::new();
        for item in &items {
            assert!(item.id().is_none() || ids.insert(item.id()), "twice: {item:?}");
            let name = item.client_ref.as_ref().map(|name| (item.author.clone(), name.clone()));
            assert!(name.is_none_or(|name| names.insert(name)), "twice: {item:?}");
            self.check_rising(item);
        }
        // What was let go may come again as events tell it, one by one.
        self.risen.retain(|id, _| ids.contains(id));
        assert!(self.view.placed().len() <= self.bounds.held_items);
        while let Some(change) = self.view.poll_change() {
            carry_out(&mut self.shown, change, &items);
        }
        assert_eq!(self.shown, items, "the changes lead elsewhere");
        if self.coming.is_empty() && self.acks.is_empty() {
            self.check_known();
        }
    }

    fn check_rising(&mut self, item: &TimelineItem) {
        let (marks, edition, deleted) = self.risen.entry(item.id()).or_default();
        if item.id().is_none() {
            return;
        }
        for (user, before) in &*marks {
            let now = item.marks.get(user).copied().unwrap_or_default();
            assert_eq!(now.bits() & before.bits(), before.bits(), "a mark was taken back: {item:?}");
        }
        assert!(item.edition >= *edition && (item.deleted || !*deleted), "{item:?}");
        (*marks, *edition, *deleted) = (item.marks.clone(), item.edition, item.deleted);
    }

    /// Once everything was told, what the view takes for known is true and nothing is missing there.
    fn check_known(&self) {
        let placed = self.view.placed().oldest_first();
        let missing: Vec<(Seq, Seq)> = self.view.missing().collect();
        let (Some(first), Some(last)) = (placed.first(), placed.last()) else { return };
        let known = |seq: Seq| {
            let below = self.view.has_older() && seq < first.seq();
            let above = seq > last.seq() && !(self.view.is_complete() && self.rules.acks_have_seq);
            !below && !above && !missing.iter().any(|(low, high)| (*low..=*high).contains(&seq))
        };
        let truth: Vec<_> =
            self.truth.iter().filter(|item| known(item.message.head.seq)).map(of_truth).collect();
        let shown: Vec<_> = placed.iter().filter(|item| known(item.seq())).map(of_view).collect();
        assert_eq!(shown, truth, "missing {missing:?}");
    }

    /// Everything arrives: the view is what a full reload would show, and then the drafts.
    fn settle(&mut self) {
        while !self.coming.is_empty() || self.accepted < self.unacked.len() || !self.acks.is_empty() {
            self.tell();
            self.accept();
            self.acknowledge();
            self.check();
        }
        if let Some(request) = self.view.placed().loading().cloned() {
            self.view.failed(&request);
        }
        self.load_all();
        while !self.view.placed().follows() {
            self.view.load_newer();
            self.load_all();
        }
        assert!(self.view.is_complete(), "{:?}", self.view.missing().collect::<Vec<_>>());
        while self.view.has_older() && self.view.placed().len() < self.bounds.held_items {
            self.view.load_older();
            self.load_all();
            if !self.view.placed().follows() {
                return;
            }
        }
        let items: Vec<_> = self.view.iter().filter(|item| item.head.is_some()).map(of_view).collect();
        let truth: Vec<_> = self.truth[self.truth.len() - items.len()..].iter().map(of_truth).collect();
        assert_eq!(items, truth);
        assert!(self.view.has_older() || items.len() == self.truth.len());
        let drafts: BTreeSet<LocalId> =
            self.view.iter().filter(|item| item.head.is_none()).filter_map(|item| item.local).collect();
        assert_eq!(drafts, self.failed, "every other draft is a message now");
    }

    fn load_all(&mut self) {
        let mut pages = 0;
        while let Some(request) = self.view.wants() {
            let (items, more) = self.answer(&request);
            assert_eq!(self.view.page(&request, items, more), Merged::Done);
            self.check();
            pages += 1;
            assert!(pages < 1000, "it never has enough: {request:?}");
        }
    }
}

/// What is compared: all that a reader sees of a message.
type Seen = (MessageId, u64, Vec<u8>, bool, BTreeMap<UserId, u8>, Vec<(String, u32, bool)>, &'static str);

fn seen(
    id: MessageId,
    edition: u64,
    body: &Body,
    deleted: bool,
    marks: BTreeMap<UserId, Marks>,
    item: &TimelineItem,
) -> Seen {
    let delivery = match item.delivery() {
        Delivery::Sent => "sent",
        Delivery::Delivered => "delivered",
        Delivery::Read => "read",
        other => panic!("{other:?}"),
    };
    let marks = marks.into_iter().map(|(user, marks)| (user, marks.bits())).collect();
    let body = if deleted { Vec::new() } else { body.bytes.to_vec() };
    let reactions = item.reactions.iter().map(|it| (it.emoji.to_string(), it.count, it.mine)).collect();
    (id, edition, body, deleted, marks, reactions, delivery)
}

fn of_truth(item: &HistoryItem) -> Seen {
    let marks: BTreeMap<UserId, Marks> = item.marks.iter().cloned().collect();
    let shown = TimelineItem::from(item.clone());
    let head = &item.message.head;
    seen(head.id, item.edition, &item.message.body, item.deleted, marks, &shown)
}

fn of_view(item: &TimelineItem) -> Seen {
    seen(item.id(), item.edition, &item.body, item.deleted, item.marks.clone(), item)
}

fn run(seed: u64, any_order: bool) {
    let mut world = World::new(seed, any_order);
    for _ in 0..5 + seed % 120 {
        world.step();
    }
    world.settle();
}

// MISSION M5 A6
#[test]
fn whatever_the_order_each_message_is_there_once_as_it_is() {
    sequences(6_000, |seed| run(seed, true));
}

// MISSION M5 A6
#[test]
fn what_a_gap_a_reset_or_a_full_buffer_lost_is_loaded_again() {
    sequences(6_000, |seed| run(seed, false));
}
