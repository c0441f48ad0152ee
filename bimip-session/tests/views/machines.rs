//! Views on real machines: sessions, a server core, and pages out of its store.

use std::collections::BTreeMap;

use bimip_proto::{
    Address, Body, Caps, ClientRef, ConversationId, Device, Draft, Entry, Marks, MessageRef, Offset, Revise,
    Seq, Status,
};
use bimip_session::Machine;
use bimip_session::client::view::{
    Bounds, ConversationItem, ConversationList, Delivery, HistoryItem, PageRequest, Timeline, TimelineItem,
};
use bimip_session::client::{ClientSession, Config, Input, Output, Resume};
use bimip_session::ledger::{Book, View, find};
use bimip_session::server::{self, ConnId, Grant};

use super::super::harness::{House, user};
use super::timeline::device;

/// An app: a session and what it shows.
struct App {
    device: Device,
    session: ClientSession,
    conn: Option<ConnId>,
    /// Whether the network carries anything.
    up: bool,
    /// Whether what the server says is lost.
    deaf: bool,
    chat: Timeline,
    list: ConversationList,
    names: u64,
}

fn with_bob() -> ConversationId {
    ConversationId::direct(user("ann"), user("bob"))
}

fn small() -> Bounds {
    let mut bounds = Bounds::default();
    bounds.page_items = 7;
    bounds
}

impl App {
    fn new(house: &House, device: Device) -> Self {
        let mut config = Config::new(device.clone());
        config.token = None;
        Self {
            session: ClientSession::new(config, Resume::default(), house.now),
            conn: None,
            up: true,
            deaf: false,
            chat: Timeline::new(device.clone(), with_bob(), small()),
            list: ConversationList::new(device.user.clone(), small()),
            names: 0,
            device,
        }
    }

    fn write(&mut self, house: &House, to: &str, text: &str) {
        self.names += 1;
        let draft = Draft {
            client_ref: ClientRef::new(&format!("r{}", self.names)).ok(),
            to: Address::User(user(to)),
            client_time: None,
            body: Body::text(text),
        };
        if ConversationId::of(&self.device.user, &draft.to) == with_bob() {
            self.chat.sending(house.now, &draft).unwrap();
        }
        self.list.sending(&draft);
        self.session.send(house.now, draft).unwrap();
    }

    /// Edits the latest message that says this, or deletes it.
    fn revise(&mut self, house: &House, said: &str, text: Option<&str>) {
        self.names += 1;
        let item = self.chat.iter().rfind(|item| text_of(item) == said).unwrap();
        let revise = Revise {
            client_ref: ClientRef::new(&format!("r{}", self.names)).unwrap(),
            message: MessageRef::Id(item.id()),
            body: text.map(Body::text),
        };
        self.session.revise(house.now, revise).unwrap();
    }

    fn read_all(&mut self, house: &House) {
        for message in self.chat.to_read().collect::<Vec<_>>() {
            self.session.mark(house.now, message, Status::Read).unwrap();
        }
    }

    /// Carries out what the session wants; says whether there was anything.
    fn pump(&mut self, house: &mut House) -> bool {
        let mut busy = false;
        self.session.handle_timeout(house.now);
        while let Some(output) = self.session.poll_output() {
            busy = true;
            match output {
                Output::Connect if self.up => {
                    self.conn = Some(house.open_with(Caps::FULL, Grant::new(self.device.clone())));
                    self.session.handle_input(house.now, Input::Connected);
                }
                Output::Connect => self.session.handle_input(house.now, Input::Disconnected),
                Output::Transmit(packet) => {
                    if let Some(conn) = self.conn {
                        house.says(conn, packet);
                    }
                }
                Output::Hangup => self.cut(house),
                Output::Event(event) => {
                    self.chat.on_event(&event);
                    self.list.on_event(&event);
                    if let bimip_session::client::Event::Received(row) = event {
                        let epoch = self.session.epoch();
                        self.session.stored(house.now, epoch, row.offset);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        if let Some(conn) = self.conn {
            let heard = house.heard(conn);
            for packet in heard.into_iter().filter(|_| !self.deaf) {
                busy = true;
                self.session.handle_input(house.now, Input::Packet(packet));
            }
        }
        busy
    }

    /// The connection is gone, with what was on its way.
    fn cut(&mut self, house: &mut House) {
        if let Some(conn) = self.conn.take() {
            house.heard(conn);
            house.input(server::Input::Closed(conn));
            self.session.handle_input(house.now, Input::Disconnected);
        }
    }

    /// Loads what the views want.
    fn load(&mut self, book: &Book) {
        while let Some(request) = self.chat.wants() {
            let Ok(found) = find(&self.chat.ask(&request), &self.device.user, book);
            let _ = self.chat.answer(&request, found);
        }
        while let Some(wanted) = self.list.wants() {
            let Ok(found) = find(&self.list.ask(&wanted), &self.device.user, book);
            let _ = self.list.answer(&wanted, found);
        }
    }

    fn texts(&self) -> Vec<String> {
        let ticked = |item: &TimelineItem| {
            let tick = if item.author.user == self.device.user { tick(item) } else { "" };
            format!("{}{tick}", text_of(item))
        };
        self.chat.iter().map(ticked).collect()
    }
}

fn text_of(item: &TimelineItem) -> String {
    String::from_utf8_lossy(&item.body.bytes).into_owned()
}

fn tick(item: &TimelineItem) -> &'static str {
    match item.delivery() {
        Delivery::Sending => " ...",
        Delivery::Sent => "",
        Delivery::Delivered => " +",
        Delivery::Read => " ++",
        other => panic!("{other:?}"),
    }
}

fn known(book: &Book, entry: &Entry) -> HistoryItem {
    let Entry::Message(message) = entry else { panic!("{entry:?}") };
    let mut item = HistoryItem::from(message.clone());
    let Ok(to) = match &message.head.to {
        Address::User(user) => {
            book.marks(message.head.id.sequence(), user).map(|marks| (user.clone(), marks))
        }
        Address::Group(group) => panic!("{group:?}"),
        other => panic!("{other:?}"),
    };
    item.marks.extend(Some(to).filter(|(_, marks)| *marks != Marks::NONE));
    let Ok(revised) = book.revised(message.head.id.sequence());
    let Ok(latest) = book.entry(revised.sequence);
    if let Some(Entry::Revised(revision)) = latest.as_deref() {
        item.edition = revised.edition.into();
        item.deleted = revised.deleted;
        match &revision.body {
            Some(body) => item.message.body = body.clone(),
            None => item.message.body.bytes = bytes::Bytes::new(),
        }
    }
    item
}

fn history(book: &Book, request: &PageRequest<Seq>) -> (Vec<HistoryItem>, bool) {
    let all: BTreeMap<Seq, HistoryItem> =
        book.messages(&with_bob()).map(|(seq, entry)| (seq, known(book, entry))).collect();
    let range: Vec<HistoryItem> =
        all.range((request.from, request.to)).map(|(_, item)| item.clone()).collect();
    let more = range.len() > request.limit_items;
    let left = range.len().saturating_sub(request.limit_items);
    if request.newest_first {
        (range[left..].to_vec(), more)
    } else {
        (range.into_iter().take(request.limit_items).collect(), more)
    }
}

/// Lets everything happen that wants to, with more time passing than a session waits before it dials again.
fn settle(house: &mut House, apps: &mut [&mut App]) {
    let mut quiet = 0;
    while quiet < 40 {
        let busy = apps.iter_mut().fold(false, |busy, app| app.pump(house) | busy);
        if !busy {
            house.wait(1_000);
            quiet += 1;
        }
    }
}

// MISSION M5 A6
// DM-ORD-1, DM-RCP-2, DM-RCP-5
#[test]
fn at_rest_every_device_shows_what_the_store_holds() {
    let mut house = House::new();
    let mut bob = App::new(&house, device("bob", "phone"));
    let mut phone = App::new(&house, device("ann", "phone"));
    let mut tablet = App::new(&house, device("ann", "tablet"));
    // Bob has written before Ann's devices come, and again while they load.
    for n in 1..=30 {
        bob.write(&house, "ann", &format!("b{n}"));
    }
    settle(&mut house, &mut [&mut bob]);
    let first_page = phone.chat.wants().unwrap();
    let (items, more) = history(&house.book, &first_page);
    bob.write(&house, "ann", "while it loads");
    phone.write(&house, "bob", "and so do I");
    settle(&mut house, &mut [&mut bob, &mut phone]);
    assert_eq!(phone.chat.page(&first_page, items, more), bimip_session::client::view::Merged::Done);
    phone.load(&house.book);
    assert!(phone.chat.is_complete() && !phone.chat.has_older());
    let mut told: Vec<String> = (1..=30).map(|n| format!("b{n}")).collect();
    told.extend(["while it loads".to_owned(), "and so do I +".to_owned()]);
    assert_eq!(phone.texts(), told);

    // Ann reads on the tablet, which was not there until now. Both devices and Bob see it.
    tablet.load(&house.book);
    settle(&mut house, &mut [&mut tablet, &mut phone, &mut bob]);
    let counted = |app: &App| app.list.iter().map(ConversationItem::unread).collect::<Vec<_>>();
    phone.load(&house.book);
    tablet.load(&house.book);
    assert_eq!(counted(&phone), [Some(0)], "she wrote after it");
    bob.write(&house, "ann", "did you see?");
    settle(&mut house, &mut [&mut tablet, &mut phone, &mut bob]);
    assert_eq!((counted(&phone), counted(&tablet)), (vec![Some(1)], vec![Some(1)]));
    tablet.read_all(&house);
    settle(&mut house, &mut [&mut tablet, &mut phone, &mut bob]);
    assert_eq!((counted(&phone), counted(&tablet)), (vec![Some(0)], vec![Some(0)]));
    assert!(bob.texts().ends_with(&["did you see? ++".to_owned()]), "{:?}", bob.texts());
    bob.load(&house.book);
    for app in [&mut phone, &mut tablet, &mut bob] {
        while app.chat.has_older() {
            app.chat.load_older();
            app.load(&house.book);
        }
    }
    let store: Vec<TimelineItem> = house
        .book
        .messages(&with_bob())
        .map(|(_, entry)| TimelineItem::from(known(&house.book, entry)))
        .collect();
    for app in [&phone, &tablet, &bob] {
        let seen = |item: &TimelineItem| {
            // Nobody is told that they have got what they have got; that they have read it, they are.
            let own = item.author.user == app.device.user;
            let tick = if own || item.delivery() == Delivery::Read { tick(item) } else { "" };
            (item.id(), item.seq(), text_of(item), tick)
        };
        let shown: Vec<_> = app.chat.iter().map(seen).collect();
        assert_eq!(shown, store.iter().map(seen).collect::<Vec<_>>(), "{}", app.device);
    }
}

// MISSION A6
// DM-DUP-1
#[test]
fn a_draft_whose_acknowledgement_was_lost_is_shown_once() {
    let mut house = House::new();
    let mut bob = App::new(&house, device("bob", "phone"));
    let mut phone = App::new(&house, device("ann", "phone"));
    settle(&mut house, &mut [&mut bob, &mut phone]);
    phone.load(&house.book);
    // Composed offline.
    phone.up = false;
    phone.cut(&mut house);
    phone.write(&house, "bob", "one");
    phone.write(&house, "bob", "two");
    settle(&mut house, &mut [&mut bob, &mut phone]);
    assert_eq!(phone.texts(), ["one ...", "two ..."]);
    // They reach the server, and the answers are lost.
    phone.up = true;
    while phone.conn.is_none() {
        house.wait(100);
        phone.pump(&mut house);
    }
    phone.deaf = true;
    phone.pump(&mut house);
    assert_eq!(house.book.messages(&with_bob()).count(), 2);
    phone.deaf = false;
    phone.up = false;
    phone.cut(&mut house);
    // A history page has them first.
    phone.chat.on_event(&bimip_session::client::Event::Gap {
        seen: Offset(0),
        resume_from: Offset(0),
        welcome: super::timeline::welcome(7),
    });
    phone.load(&house.book);
    settle(&mut house, &mut [&mut bob]);
    assert_eq!(phone.chat.len(), 2, "{:?}", phone.texts());
    phone.up = true;
    settle(&mut house, &mut [&mut bob, &mut phone]);
    assert!(phone.session.is_settled());
    assert_eq!(phone.texts(), ["one +", "two +"]);
    // Bob reads, by the place of the last one only.
    let second = MessageRef::Place { conversation: with_bob(), seq: Seq(2) };
    bob.session.mark(house.now, second, Status::Read).unwrap();
    settle(&mut house, &mut [&mut bob, &mut phone]);
    assert_eq!(phone.texts(), ["one +", "two ++"]);
}

/// Edits and deletions reach every view, also one that never had the message.
// MISSION M3 M5
// DM-REV-2, DM-REV-3, DM-REV-5, DM-UNREAD-2
#[test]
fn what_is_edited_and_deleted_is_shown_so_on_every_device() {
    let mut house = House::new();
    let mut bob = App::new(&house, device("bob", "phone"));
    let mut phone = App::new(&house, device("ann", "phone"));
    let mut tablet = App::new(&house, device("ann", "tablet"));
    settle(&mut house, &mut [&mut bob, &mut phone]);
    bob.load(&house.book);
    phone.load(&house.book);
    for said in ["one", "two", "three"] {
        bob.write(&house, "ann", said);
    }
    settle(&mut house, &mut [&mut bob, &mut phone]);
    for app in [&mut bob, &mut phone] {
        app.load(&house.book);
    }
    bob.revise(&house, "one", Some("ONE"));
    bob.revise(&house, "three", None);
    settle(&mut house, &mut [&mut bob, &mut phone]);
    assert_eq!(phone.texts(), ["ONE", "two", ""]);
    assert_eq!(bob.texts(), ["ONE +", "two +", " +"]);
    // The tablet reads its whole mailbox, in which the third message never comes.
    settle(&mut house, &mut [&mut tablet]);
    assert_eq!(tablet.texts(), ["ONE", "two", ""]);
    tablet.load(&house.book);
    phone.load(&house.book);
    for app in [&phone, &tablet] {
        let unread: Vec<_> = app.list.iter().map(ConversationItem::unread).collect();
        assert_eq!(
            (app.texts(), unread),
            (["ONE", "two", ""].map(String::from).to_vec(), vec![Some(2)]),
            "{}",
            app.device
        );
        assert!(app.chat.iter().last().unwrap().deleted);
    }
}
