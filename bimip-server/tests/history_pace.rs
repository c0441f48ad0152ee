//! How long a page of history takes out of a large store: two million messages in two hundred conversations.
//!
//! `cargo test --release -p bimip-server --test history_pace -- --ignored --nocapture` says it; it takes some minutes and
//! about a gigabyte of disk where temporary files go.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code that talks")]

use std::time::{Duration, Instant};

use bimip_proto::{
    Address, Ask, Body, Caps, ClientPacket, Device, DeviceName, Draft, Found, MessageId, Now, PageFrom, Said,
    Seq, UserId,
};
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::{Reader, Storage};
use bimip_session::Machine;
use bimip_session::ledger::Ticket;
use bimip_session::server::{Config, ConnId, Grant, Input, Output, ServerCore};

const PEERS: u64 = 200;
const MESSAGES: u64 = 2_000_000;
/// Of each peer in one batch.
const AT_ONCE: u64 = 20;
const PAGES: u64 = 2_000;
const GOAL: Duration = Duration::from_millis(5);

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn peer(number: u64) -> UserId {
    user(&format!("peer{number:03}"))
}

/// Hands on what the core wants until it wants nothing; gives the tickets.
fn pump(core: &mut ServerCore, reader: &impl Reader, now: Now) -> Vec<Ticket> {
    let mut tickets = Vec::new();
    while let Some(output) = core.poll_output() {
        match output {
            Output::Commit(ticket) => tickets.push(ticket),
            Output::Attach(conn, device) => {
                core.handle_input(now, Input::Attached(conn, Some(reader.attach(&device).unwrap())));
            }
            Output::Contacts(user) => core.handle_input(now, Input::Contacts(user, Some(Vec::new()))),
            Output::Read(request) => core.handle_input(now, Input::Page(reader.page(&request))),
            _ => {}
        }
    }
    tickets
}

/// Everybody writes to Ann, in turns.
fn fill(store: &mut EmbeddedStorage) {
    let (mut core, reader) = (ServerCore::new(Config::default()), store.reader());
    let mut now = Now { mono_ms: 1, unix_ms: 1_763_652_000_000 };
    for number in 0..PEERS {
        let device = Device::new(peer(number), DeviceName::new("phone").unwrap());
        // Without presence, of which two hundred would tell each other.
        let caps = Caps { presence: false, ..Caps::FULL };
        core.handle_input(now, Input::Opened { conn: ConnId(number), caps, grant: Some(Grant::new(device)) });
        assert!(pump(&mut core, &reader, now).is_empty());
    }
    let text = "a message of a hundred bytes ".repeat(4);
    let draft = Draft {
        client_ref: None,
        to: Address::User(user("ann")),
        client_time: None,
        body: Body::text(&text[..100]),
    };
    for _ in 0..MESSAGES / PEERS / AT_ONCE {
        now.unix_ms += 10;
        now.mono_ms += 10;
        for number in 0..PEERS {
            let packets = (0..AT_ONCE).map(|_| Said::from(ClientPacket::Send(draft.clone()))).collect();
            core.handle_input(now, Input::Packets(ConnId(number), packets));
        }
        let tickets = pump(&mut core, &reader, now);
        for proof in store.commit(tickets) {
            core.handle_input(now, Input::Committed(proof.unwrap()));
        }
        assert!(pump(&mut core, &reader, now).is_empty());
    }
}

/// The median and the 99th of a hundred.
fn timed(what: &str, mut query: impl FnMut(u64)) -> Duration {
    let mut took: Vec<Duration> = (0..PAGES)
        .map(|number| {
            let begin = Instant::now();
            query(number);
            begin.elapsed()
        })
        .collect();
    took.sort_unstable();
    let (middle, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("{what}: p50 {middle:?}, p99 {most:?}");
    most
}

// DM-HIS-2
#[test]
#[ignore = "fills a store with two million messages; only a release build says anything"]
fn a_page_of_fifty_comes_in_time_out_of_two_million() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = EmbeddedStorage::open(directory.path()).unwrap();
    let begin = Instant::now();
    fill(&mut store);
    println!("filled in {:?}", begin.elapsed());
    let (reader, ann) = (store.reader(), user("ann"));
    let each = MESSAGES / PEERS;
    let page = timed("a page of 50", |number| {
        // Far apart from each other, so that hardly anything is in memory.
        let (of, place) = (number * 77 % PEERS, 51 + number * 7_919 % (each - 50));
        let from = PageFrom::Before(Seq(place).into());
        let ask = Ask::History { of: Address::User(peer(of)), from, limit: 50 };
        match reader.query(&ann, &ask).unwrap() {
            Found::History { messages, .. } => assert_eq!(messages.len(), 50),
            other => panic!("{other:?}"),
        }
    });
    let Found::History { messages, .. } = reader
        .query(&ann, &Ask::History { of: Address::User(peer(0)), from: PageFrom::Latest, limit: 1 })
        .unwrap()
    else {
        panic!()
    };
    let epoch = messages[0].message.head.id.epoch();
    let by_id = timed("a page of 50 before an id", |number| {
        let id = MessageId::new(epoch, MESSAGES / 2 + number * 7_919 % (MESSAGES / 2));
        let (of, from) = (Address::User(peer(number * 77 % PEERS)), PageFrom::Before(id.into()));
        match reader.query(&ann, &Ask::History { of, from, limit: 50 }).unwrap() {
            Found::History { messages, .. } => assert_eq!(messages.len(), 50),
            other => panic!("{other:?}"),
        }
    });
    timed("a list of 20 out of 200 conversations", |_| {
        let ask = Ask::Conversations { from: PageFrom::Latest, limit: 20 };
        match reader.query(&ann, &ask).unwrap() {
            Found::Conversations { conversations, more: true } => assert_eq!(conversations.len(), 20),
            other => panic!("{other:?}"),
        }
    });
    assert!(page <= GOAL && by_id <= GOAL, "{page:?}, {by_id:?}");
}
