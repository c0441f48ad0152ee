//! Views that are rebuilt by asking the server, as a client does after a gap or a reset: no row reaches them.

use std::collections::BTreeMap;

use bimip_proto::{
    Address, Body, Caps, ClientPacket, ClientRef, ConversationId, Draft, MessageRef, Query, Revise, Seq,
    ServerPacket,
};
use bimip_session::Machine;
use bimip_session::client::view::{Bounds, ConversationList, PageRequest, Timeline, Wanted};
use bimip_session::client::{ClientSession, Config, Event, Input, NoAnswer, Output, Resume};
use bimip_session::ledger::View;
use bimip_session::server::{self, ConnId, Grant};

use super::super::harness::{House, user};
use super::timeline::device;

enum Asked {
    Chat(PageRequest<Seq>),
    List(Wanted),
}

/// An app that shows what it asks for.
struct App {
    session: ClientSession,
    conn: Option<ConnId>,
    chat: Timeline,
    list: ConversationList,
    asked: BTreeMap<ClientRef, Asked>,
    names: u64,
    resets: u32,
    lost: u32,
}

fn with_bob() -> ConversationId {
    ConversationId::direct(user("ann"), user("bob"))
}

impl App {
    fn new(house: &House, resume: Resume) -> Self {
        let me = device("ann", "phone");
        let mut config = Config::new(me.clone());
        config.token = None;
        let mut bounds = Bounds::default();
        bounds.page_items = 7;
        Self {
            session: ClientSession::new(config, resume, house.now),
            conn: None,
            chat: Timeline::new(me.clone(), with_bob(), bounds),
            list: ConversationList::new(me.user, bounds),
            asked: BTreeMap::new(),
            names: 0,
            resets: 0,
            lost: 0,
        }
    }

    /// Asks what the views want to know.
    fn ask(&mut self, house: &House) {
        let chat = self.chat.wants().map(|request| (self.chat.ask(&request), Asked::Chat(request)));
        let list = self.list.wants().map(|wanted| (self.list.ask(&wanted), Asked::List(wanted)));
        for (ask, asked) in chat.into_iter().chain(list) {
            self.names += 1;
            let id = ClientRef::new(&format!("q{}", self.names)).unwrap();
            self.asked.insert(id.clone(), asked);
            self.session.ask(house.now, Query { id, ask }).unwrap();
        }
    }

    fn event(&mut self, house: &House, event: &Event) {
        match event {
            Event::Answer { query, found } => match self.asked.remove(&query.id).unwrap() {
                Asked::Chat(request) => drop(self.chat.answer(&request, found.clone())),
                Asked::List(wanted) => drop(self.list.answer(&wanted, found.clone())),
            },
            Event::Unanswered { query, why } => {
                assert_eq!(*why, NoAnswer::Offline);
                self.lost += 1;
                match self.asked.remove(&query.id).unwrap() {
                    Asked::Chat(request) => self.chat.failed(&request),
                    Asked::List(wanted) => self.list.failed(&wanted),
                }
            }
            Event::Received(row) => {
                let epoch = self.session.epoch();
                self.session.stored(house.now, epoch, row.offset);
            }
            other => {
                self.resets += u32::from(matches!(other, Event::Reset(_)));
                self.chat.on_event(other);
                self.list.on_event(other);
            }
        }
    }

    fn pump(&mut self, house: &mut House) -> bool {
        let mut busy = false;
        self.session.handle_timeout(house.now);
        while let Some(output) = self.session.poll_output() {
            busy = true;
            match output {
                Output::Connect => {
                    let grant = Grant::new(device("ann", "phone"));
                    self.conn = Some(house.open_with(Caps::FULL, grant));
                    self.session.handle_input(house.now, Input::Connected);
                }
                Output::Transmit(packet) => house.says(self.conn.unwrap(), packet),
                Output::Event(event) => self.event(house, &event),
                other => panic!("{other:?}"),
            }
        }
        for packet in self.conn.map(|conn| house.heard(conn)).into_iter().flatten() {
            busy = true;
            self.session.handle_input(house.now, Input::Packet(packet));
        }
        busy
    }

    fn cut(&mut self, house: &mut House) {
        let conn = self.conn.take().unwrap();
        house.input(server::Input::Closed(conn));
        self.session.handle_input(house.now, Input::Disconnected);
    }

    /// Until everything is answered, going back to the first message.
    fn load(&mut self, house: &mut House) {
        for _ in 0..400 {
            if self.session.is_up() {
                self.ask(house);
            }
            if !self.pump(house) {
                house.wait(1_000);
            }
            if self.chat.has_older() && self.asked.is_empty() {
                self.chat.load_older();
            }
            if self.list.list().has_older() && self.asked.is_empty() {
                self.list.load_older();
            }
        }
        assert!(self.asked.is_empty() && self.chat.is_complete() && self.list.is_counted());
    }

    fn shown(&self) -> Vec<(u64, String, u64, bool)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.chat.iter().map(|it| (it.seq().0, text(&it.body.bytes), it.edition, it.deleted)).collect()
    }

    fn listed(&self) -> Vec<(String, Option<u64>)> {
        self.list.iter().map(|it| (it.conversation.to_string(), it.unread())).collect()
    }
}

fn says(house: &mut House, conn: ConnId, to: &str, text: &str) -> MessageRef {
    let to = Address::User(user(to));
    let draft = Draft { client_ref: None, to, client_time: None, body: Body::text(text) };
    house.says(conn, ClientPacket::Send(draft));
    let accepted = house.heard(conn).into_iter().find_map(|packet| match packet {
        ServerPacket::Accepted { head, .. } => Some(MessageRef::Id(head.id)),
        _ => None,
    });
    accepted.unwrap()
}

/// Bob writes to Ann and so do others; he edits every fifth message, and deletes every seventh.
fn a_story(house: &mut House) -> Vec<(u64, String, u64, bool)> {
    let bob = house.open(Caps::FULL, &device("bob", "phone"));
    let mut told = Vec::new();
    for seq in 1..=40_u64 {
        let message = says(house, bob, "ann", &format!("b{seq}"));
        let (edited, deleted) = (seq % 5 == 0, seq % 7 == 0);
        for (name, body) in
            [("e", edited.then(|| Some(Body::text("edited")))), ("d", deleted.then_some(None))]
        {
            let Some(body) = body else { continue };
            let client_ref = ClientRef::new(&format!("{name}{seq}")).unwrap();
            house.says(bob, ClientPacket::Revise(Revise { client_ref, message: message.clone(), body }));
        }
        let text = match (edited, deleted) {
            (_, true) => String::new(),
            (true, _) => "edited".to_owned(),
            _ => format!("b{seq}"),
        };
        told.push((seq, text, u64::from(edited) + u64::from(deleted), deleted));
    }
    for number in 1..=20 {
        let other = house.open(Caps::FULL, &device(&format!("u{number:02}"), "phone"));
        says(house, other, "ann", "hello");
    }
    told
}

// DM-HIS-2, DM-HIS-4, DM-HIS-6, DM-UNREAD-4
// MISSION A1 M5 M6
#[test]
fn after_a_reset_everything_is_rebuilt_from_history() {
    let mut house = House::new();
    let told = a_story(&mut house);
    // What this device knew was of another store.
    let mut app = App::new(&house, Resume { epoch: 6, ..Resume::default() });
    app.load(&mut house);
    assert_eq!((app.resets, app.lost), (1, 0));
    assert_eq!(app.shown(), told);
    let mut expected: Vec<_> =
        (1..=20).rev().map(|number| (format!("d:ann:u{number:02}"), Some(1))).collect();
    expected.push(("d:ann:bob".to_owned(), Some(40 - 5)));
    assert_eq!(app.listed(), expected);
    let Ok(read) = house.book.read_upto(&with_bob(), &user("ann"));
    assert_eq!(read, Seq(0), "looking reads nothing");
}

// DM-HIS-8
// MISSION A1 M5
#[test]
fn what_is_not_answered_when_the_connection_goes_is_said_and_asked_again() {
    let mut house = House::new();
    let told = a_story(&mut house);
    let mut app = App::new(&house, Resume { epoch: 6, ..Resume::default() });
    while !app.session.is_up() {
        app.pump(&mut house);
    }
    app.pump(&mut house);
    house.hold_queries = true;
    app.ask(&house);
    app.pump(&mut house);
    assert_eq!(app.asked.len(), 2);
    app.cut(&mut house);
    app.pump(&mut house);
    assert_eq!((app.lost, app.asked.len()), (2, 0), "each is told, and none is asked again by itself");
    house.hold_queries = false;
    house.answer_next(true);
    app.load(&mut house);
    assert_eq!(app.shown(), told);
}

// DM-HIS-8
#[test]
fn what_is_asked_while_nobody_is_there_is_said_at_once() {
    let house = House::new();
    let mut app = App::new(&house, Resume::default());
    app.ask(&house);
    let mut events = Vec::new();
    while let Some(output) = app.session.poll_output() {
        if let Output::Event(event) = output {
            events.push(event);
        }
    }
    assert!(matches!(
        events[..],
        [Event::Unanswered { why: NoAnswer::Offline, .. }, Event::Unanswered { .. }]
    ));
}
