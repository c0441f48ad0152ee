//! [`ConversationList`]: several conversations, what is last in them and what is unread.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bimip_proto::{
    Address, Body, ClientRef, ConversationId, Draft, Entry, GroupId, Head, Message, MessageId, MessageRef,
    Offset, Receipt, Seq, Status, UnixMs, Unread, UserId, unread_of,
};
use bimip_session::client::Event;
use bimip_session::client::view::{
    Bounds, ConversationItem, ConversationList, ConversationRequest, ConversationSummary, HistoryItem,
    Merged, PageRequest, Wanted,
};

use super::draws::{Draws, carry_out, sequences};
use super::timeline::{device, gap, received, welcome};

#[derive(Debug, Clone)]
enum Told {
    Row(Arc<Entry>),
    Read(MessageRef),
    Edited(MessageRef, u64, Body),
    Deleted(MessageRef),
}

type Answer = (Wanted, Vec<ConversationSummary>, bool);

struct World {
    draws: Draws,
    epoch: u32,
    sequence: u64,
    names: u64,
    truth: BTreeMap<ConversationId, Vec<HistoryItem>>,
    /// How far this user has said to have read.
    read: BTreeMap<ConversationId, Seq>,
    coming: VecDeque<Told>,
    acks: VecDeque<Head>,
    asked: Vec<Wanted>,
    answers: Vec<Answer>,
    list: ConversationList,
    shown: Vec<ConversationItem>,
    bounds: Bounds,
}

fn me() -> UserId {
    UserId::new("a").unwrap()
}

impl World {
    fn new(seed: u64) -> Self {
        let mut draws = Draws::new(seed);
        let mut bounds = Bounds::default();
        bounds.held_items = [3, 5, 1000][draws.below(3)];
        bounds.page_items = 1 + draws.below(4);
        bounds.waiting_items = [2, 6, 1000][draws.below(3)];
        bounds.changes = [3, 1000][draws.below(2)];
        let mut world = Self {
            draws,
            epoch: 7,
            sequence: 0,
            names: 0,
            truth: BTreeMap::new(),
            read: BTreeMap::new(),
            coming: VecDeque::new(),
            acks: VecDeque::new(),
            asked: Vec::new(),
            answers: Vec::new(),
            list: ConversationList::new(me(), bounds),
            shown: Vec::new(),
            bounds,
        };
        for _ in 0..world.draws.below(12) {
            world.write();
            world.read_somewhere();
        }
        world.coming.clear();
        world
    }

    fn target(&mut self) -> Address {
        let at = self.draws.below(8);
        if at < 4 {
            Address::User(UserId::new(["b", "c", "d", "e"][at]).unwrap())
        } else {
            Address::Group(GroupId::new(&format!("g{at}")).unwrap())
        }
    }

    fn store(&mut self, own: bool, device_name: &str) -> Message {
        self.sequence += 1 + self.draws.below(3) as u64;
        self.names += 1;
        let target = self.target();
        let conversation = ConversationId::of(&me(), &target);
        let (from, to) = match (&target, own) {
            (_, true) => (device("a", device_name), target),
            (Address::User(user), false) => (device(user.as_str(), "1"), Address::User(me())),
            (_, false) => (device("z", "1"), target),
        };
        let messages = self.truth.entry(conversation).or_default();
        let body = Body::text(&format!("text {}", self.names));
        let at = UnixMs(self.names);
        let head = Head {
            id: MessageId::new(self.epoch, self.sequence),
            from,
            to,
            client_ref: ClientRef::new(&format!("r{}", self.names)).ok(),
            client_time: None,
            at,
            stamp: at,
            seq: Seq(messages.len() as u64 + 1),
            kind: body.kind,
        };
        let message = Message { head, body };
        messages.push(HistoryItem::from(message.clone()));
        message
    }

    fn write(&mut self) {
        let own = self.draws.chance(25);
        let message = self.store(own, "2");
        self.coming.push_back(Told::Row(Arc::new(Entry::Message(message))));
    }

    fn send(&mut self) {
        let message = self.store(true, "1");
        let Message { head, body } = message;
        let draft =
            Draft { client_ref: head.client_ref.clone(), to: head.to.clone(), client_time: None, body };
        if self.draws.chance(80) {
            self.list.sending(&draft);
        }
        self.acks.push_back(head);
    }

    fn any(&mut self) -> Option<(ConversationId, usize)> {
        let at = self.draws.below(self.truth.len());
        let (conversation, messages) = self.truth.iter().nth(at)?;
        let (conversation, len) = (conversation.clone(), messages.len());
        Some((conversation, self.draws.below(len)))
    }

    fn reference(&mut self, conversation: &ConversationId, at: usize) -> MessageRef {
        let head = &self.truth[conversation][at].message.head;
        if self.draws.chance(50) {
            MessageRef::Id(head.id)
        } else {
            MessageRef::Place { conversation: conversation.clone(), seq: head.seq }
        }
    }

    fn read_somewhere(&mut self) {
        let Some((conversation, at)) = self.any() else { return };
        let head = self.truth[&conversation][at].message.head.clone();
        if head.from.user == me() {
            return;
        }
        let read = self.read.entry(conversation.clone()).or_default();
        *read = head.seq.max(*read);
        if self.draws.chance(50) {
            let message = self.reference(&conversation, at);
            self.coming.push_back(Told::Read(message));
        } else {
            let by = device("a", "2");
            let receipt = Receipt { by, status: Status::Read, at: UnixMs(0), messages: vec![head.names()] };
            self.coming.push_back(Told::Row(Arc::new(Entry::Receipt(receipt))));
        }
    }

    fn edit(&mut self) {
        let Some((conversation, at)) = self.any() else { return };
        let message = self.reference(&conversation, at);
        let item = &mut self.truth.get_mut(&conversation).unwrap()[at];
        if !item.deleted {
            item.edition += 1;
            item.message.body = Body::text(&format!("edition {}", item.edition));
            self.coming.push_back(Told::Edited(message, item.edition, item.message.body.clone()));
        }
    }

    fn delete(&mut self) {
        let Some((conversation, at)) = self.any() else { return };
        let message = self.reference(&conversation, at);
        self.truth.get_mut(&conversation).unwrap()[at].deleted = true;
        self.coming.push_back(Told::Deleted(message));
    }

    // ---- what a server answers ------------------------------------------------------------------------

    fn own_mark(&self, conversation: &ConversationId) -> Seq {
        let own = self.truth[conversation].iter().filter(|item| item.message.head.from.user == me());
        let wrote = own.map(|item| item.message.head.seq).max().unwrap_or_default();
        wrote.max(self.read.get(conversation).copied().unwrap_or_default())
    }

    fn summary(&self, conversation: &ConversationId) -> ConversationSummary {
        let messages = &self.truth[conversation];
        let last = messages.last().unwrap().clone();
        let deleted = messages.iter().filter(|item| item.deleted).map(|item| item.message.head.seq);
        let unread = Unread::new(last.message.head.seq, self.own_mark(conversation), deleted);
        ConversationSummary { last, unread }
    }

    fn page(&self, request: &PageRequest<MessageId>) -> (Vec<ConversationSummary>, bool) {
        let all = self.truth.keys().map(|conversation| self.summary(conversation));
        let places: BTreeMap<MessageId, ConversationSummary> =
            all.map(|summary| (summary.last.message.head.id, summary)).collect();
        let all: Vec<_> = places.range((request.from, request.to)).map(|(_, item)| item.clone()).collect();
        let more = all.len() > request.limit_items;
        let limit = request.limit_items.min(all.len());
        let page = if request.newest_first { &all[all.len() - limit..] } else { &all[..limit] };
        (page.to_vec(), more)
    }

    fn answer(&self, wanted: &Wanted) -> (Vec<ConversationSummary>, bool) {
        match wanted {
            Wanted::Page(request) => self.page(request),
            Wanted::One(ConversationRequest { conversation, .. }) => (
                self.truth
                    .contains_key(conversation)
                    .then(|| self.summary(conversation))
                    .into_iter()
                    .collect(),
                false,
            ),
            other => panic!("{other:?}"),
        }
    }

    fn give(&mut self, (wanted, mut items, more): Answer) -> Merged {
        match wanted {
            Wanted::Page(request) => self.list.page(&request, items, more),
            Wanted::One(request) => {
                self.list.one(&request, items.pop());
                Merged::Done
            }
            other => panic!("{other:?}"),
        }
    }

    // ---- the way --------------------------------------------------------------------------------------

    fn tell(&mut self) {
        match self.coming.pop_front() {
            Some(Told::Row(entry)) => self.list.on_event(&received(&entry)),
            Some(Told::Read(message)) => {
                self.list.on_event(&Event::Marked { message, status: Status::Read });
            }
            Some(Told::Edited(message, edition, body)) => self.list.edited(&message, edition, &body),
            Some(Told::Deleted(message)) => self.list.deleted(&message),
            None => {}
        }
    }

    fn acknowledge(&mut self) {
        if let Some(head) = self.acks.pop_front() {
            self.list.on_event(&Event::Sent { client_ref: head.client_ref.clone(), head, offset: Offset(0) });
        }
    }

    fn breaks(&mut self) {
        if self.draws.chance(80) {
            let lost = self.draws.below(self.coming.len() + 1);
            self.coming.drain(..lost);
            self.list.on_event(&gap());
        } else {
            self.epoch += 1;
            self.truth.clear();
            self.read.clear();
            self.coming.clear();
            self.acks.clear();
            self.list.on_event(&Event::Reset(welcome(self.epoch)));
        }
    }

    fn read_answer(&mut self) {
        if !self.asked.is_empty() {
            let at = self.draws.below(self.asked.len());
            let wanted = self.asked.swap_remove(at);
            let (items, more) = self.answer(&wanted);
            self.answers.push((wanted, items, more));
        }
    }

    fn arrive(&mut self) {
        if !self.answers.is_empty() {
            let at = self.draws.below(self.answers.len());
            let answer = self.answers.swap_remove(at);
            if self.draws.chance(10) {
                self.list.failed(&answer.0);
            }
            let _ = self.give(answer);
        }
    }

    fn step(&mut self) {
        match self.draws.below(50) {
            0..9 => self.write(),
            9..12 => self.send(),
            12..16 => self.read_somewhere(),
            16..18 => self.edit(),
            18..20 => self.delete(),
            20..32 => self.tell(),
            32..35 => self.acknowledge(),
            35..39 => self.asked.extend(self.list.wants()),
            39..43 => self.read_answer(),
            43..46 => self.arrive(),
            46 => self.breaks(),
            47 => self.list.load_newer(),
            _ => self.list.load_older(),
        }
        self.check();
    }

    fn check(&mut self) {
        let items: Vec<ConversationItem> = self.list.iter().cloned().collect();
        assert!(
            items.windows(2).all(|pair| pair[0].last.id() > pair[1].last.id()),
            "out of order: {items:?}"
        );
        assert!(items.len() <= self.bounds.held_items);
        while let Some(change) = self.list.poll_change() {
            carry_out(&mut self.shown, change, &items);
        }
        assert_eq!(self.shown, items, "the changes lead elsewhere");
    }

    fn settle(&mut self) {
        while !self.coming.is_empty() || !self.acks.is_empty() {
            self.tell();
            self.acknowledge();
            self.check();
        }
        if let Some(request) = self.list.list().loading().cloned() {
            self.list.failed(&Wanted::Page(request));
        }
        for wanted in self.asked.drain(..).chain(self.answers.drain(..).map(|answer| answer.0)) {
            self.list.failed(&wanted);
        }
        self.load_all();
        while !self.list.list().follows() {
            self.list.load_newer();
            self.load_all();
        }
        assert!(self.list.list().is_complete() && self.list.is_counted());
        while self.list.list().has_older() && self.list.list().len() < self.bounds.held_items {
            self.list.load_older();
            self.load_all();
            if !self.list.list().follows() {
                return;
            }
        }
        let mut truth: Vec<_> = self.truth.keys().map(|conversation| self.of_truth(conversation)).collect();
        truth.sort();
        truth.reverse();
        let shown: Vec<_> = self.list.iter().map(of_view).collect();
        assert_eq!(shown, truth[..shown.len()]);
        assert!(self.list.list().has_older() || shown.len() == truth.len());
    }

    fn load_all(&mut self) {
        let mut pages = 0;
        while let Some(wanted) = self.list.wants() {
            let (items, more) = self.answer(&wanted);
            assert_eq!(self.give((wanted.clone(), items, more)), Merged::Done);
            self.check();
            pages += 1;
            assert!(pages < 1000, "it never has enough: {wanted:?}");
        }
    }

    /// Counted from scratch.
    fn of_truth(&self, conversation: &ConversationId) -> Seen {
        let messages = &self.truth[conversation];
        let all = messages.iter().map(|item| {
            let head = &item.message.head;
            (head.seq, head.from.user == me(), item.deleted)
        });
        let read = self.read.get(conversation).copied().unwrap_or_default();
        let last = messages.last().unwrap();
        let text = if last.deleted { Vec::new() } else { last.message.body.bytes.to_vec() };
        (last.message.head.id, conversation.to_string(), text, Some(unread_of(read, all)))
    }
}

type Seen = (MessageId, String, Vec<u8>, Option<u64>);

fn of_view(item: &ConversationItem) -> Seen {
    let text = item.last.body.bytes.to_vec();
    (item.last.id(), item.conversation.to_string(), text, item.unread())
}

// MISSION M5
// DM-UNREAD-1, DM-UNREAD-2, DM-UNREAD-4
#[test]
fn the_list_is_in_order_and_counts_like_the_server() {
    sequences(6_000, |seed| {
        let mut world = World::new(seed);
        for _ in 0..5 + seed % 120 {
            world.step();
        }
        world.settle();
    });
}
