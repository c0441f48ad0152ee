//! A chat's screen in worlds where links break, disks fail and cores die, and everybody edits and deletes what they wrote: at
//! rest every device shows what the store holds.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use bimip_proto::{
    Address, Ask, Body, ClientRef, ConversationId, Device, Entry, Found, HistoryMessage, MessageRef, Offset,
    PageFrom, Revise, Row, Seq, UserId,
};
use bimip_session::client::Event;
use bimip_session::client::view::{Bounds, Timeline};
use bimip_session::ledger::{Book, find};
use bimip_session::sim::{Bot, Hand, Plan, Rest, World};
use bytes::Bytes;

/// The view of the conversation with one other user.
#[derive(Debug)]
struct Screen {
    with: UserId,
    chat: RefCell<Timeline>,
    seen: Rc<Seen>,
}

/// What all of them showed, so that worlds in which nothing happens are found out.
#[derive(Debug, Default)]
struct Seen {
    whole: Cell<u64>,
    edited: Cell<u64>,
    deleted: Cell<u64>,
}

fn count(of: &Cell<u64>) {
    of.set(of.get() + 1);
}

impl Screen {
    fn new(device: &Device, seen: Rc<Seen>) -> Self {
        let with = UserId::new(if device.user.as_str() == "a_0" { "b_1" } else { "a_0" }).unwrap();
        let conversation = ConversationId::direct(device.user.clone(), with.clone());
        let mut bounds = Bounds::default();
        bounds.page_items = 7;
        let chat = RefCell::new(Timeline::new(device.clone(), conversation, bounds));
        Self { with, chat, seen }
    }

    fn told(&self, offset: Offset, entry: &Arc<Entry>) {
        let row = Row { prev: Offset::ZERO, offset, entry: Arc::clone(entry) };
        self.chat.borrow_mut().on_event(&Event::Received(row));
    }

    /// Loads what the view wants, and all that is older.
    fn load(&self, user: &UserId, disk: &Book) {
        let mut chat = self.chat.borrow_mut();
        loop {
            while let Some(request) = chat.wants() {
                let Ok(found) = find(&chat.ask(&request), user, disk);
                let _ = chat.answer(&request, found);
            }
            if !chat.has_older() {
                return;
            }
            chat.load_older();
        }
    }

    fn truth(&self, user: &UserId, disk: &Book) -> Vec<HistoryMessage> {
        let of = Address::User(self.with.clone());
        let (mut all, mut after) = (Vec::new(), Seq(0));
        loop {
            let ask = Ask::History { of: of.clone(), from: PageFrom::After(after.into()), limit: 0 };
            let Ok(Found::History { messages, more }) = find(&ask, user, disk) else { panic!("{ask:?}") };
            after = messages.last().map_or(after, |last| last.message.head.seq);
            all.extend(messages);
            if !more {
                return all;
            }
        }
    }

    /// What is shown that the store does not say.
    fn wrong(&self, truth: &[HistoryMessage]) -> Option<String> {
        let chat = self.chat.borrow();
        let wrong = chat.iter().filter(|item| item.seq() > Seq(0)).find(|item| {
            let said = truth.iter().find(|it| it.message.head.seq == item.seq());
            said.is_none_or(|it| it.deleted != item.deleted || it.message.body.bytes != item.body.bytes)
        });
        wrong.map(|item| format!("shows {:?}", (item.id(), item.edition, item.deleted, &item.body.bytes)))
    }
}

/// What this device did, as it was kept: an edition without words is a deletion.
fn revised(name: &str, said: &Bytes) -> Event {
    let (edition, id) = name.split_once('-').unwrap();
    let body = (!said.is_empty()).then(|| Body { bytes: said.clone(), ..Body::text("") });
    let revise = Revise {
        client_ref: ClientRef::new("kept").unwrap(),
        message: MessageRef::Id(id.parse().unwrap()),
        body,
    };
    Event::Revised { revise, edition: edition.parse().unwrap(), offset: Offset::ZERO }
}

impl Bot for Screen {
    fn start(&mut self, hand: &mut Hand<'_>) {
        for (offset, entry) in hand.rows() {
            self.told(*offset, entry);
        }
        for (name, said) in hand.all_kept() {
            self.chat.borrow_mut().on_event(&revised(name, said));
        }
    }

    fn event(&mut self, hand: &mut Hand<'_>, event: &Event) {
        self.chat.borrow_mut().on_event(event);
        // A device is not sent its own revisions, so it has to remember them.
        if let Event::Revised { revise: Revise { message: MessageRef::Id(id), body, .. }, edition, .. } =
            event
        {
            let said = body.as_ref().map(|body| body.bytes.clone()).unwrap_or_default();
            hand.keep(&format!("{edition}-{id}"), said);
        }
    }

    fn at_rest(&self, rest: &Rest<'_>) -> Result<(), String> {
        let user = &rest.device.user;
        let truth = self.truth(user, rest.disk);
        // By rows and answers alone.
        if let Some(wrong) = self.wrong(&truth) {
            return Err(format!("before it asked it {wrong}"));
        }
        self.load(user, rest.disk);
        if let Some(wrong) = self.wrong(&truth) {
            return Err(wrong);
        }
        let chat = self.chat.borrow();
        let shown = chat.iter().filter(|item| item.seq() > Seq(0)).count();
        if shown != truth.len() || !chat.is_complete() {
            return Err(format!("shows {shown} of {} messages", truth.len()));
        }
        for item in chat.iter() {
            let of = [&self.seen.whole, &self.seen.edited][usize::from(item.edition > 0)];
            count(if item.deleted { &self.seen.deleted } else { of });
        }
        Ok(())
    }
}

// MISSION M3
// MISSION M5
// DM-REV-2, DM-REV-3, DM-REV-5, DM-HIS-4
#[test]
fn at_rest_every_screen_shows_what_is_edited_and_deleted() {
    let seen = Rc::new(Seen::default());
    for seed in 0..150 {
        let shared = Rc::clone(&seen);
        let make = move |device: &Device| {
            let screen = Screen::new(device, Rc::clone(&shared));
            (device.name.as_str() != "voiceping").then(|| Box::new(screen) as Box<dyn Bot>)
        };
        let mut world = World::new(seed, Plan::gate()).with_bots(make);
        world.run();
        assert_eq!(world.violations(), &[] as &[String], "seed {seed}");
    }
    let Seen { whole, edited, deleted } = &*seen;
    let all = [whole.get(), edited.get(), deleted.get()];
    assert!(all.iter().all(|count| *count > 150), "as sent, edited and deleted: {all:?}");
}
