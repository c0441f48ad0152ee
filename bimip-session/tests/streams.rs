//! Streams that go one way: their clients say what they have by coming back, or by calls meanwhile.
#![allow(clippy::unwrap_used, reason = "tests")]

mod harness;

use bimip_proto::{
    Awareness, Body, Caps, ClientPacket, CloseReason, Device, Draft, Entry, Noted, Offset, Presence, Reject,
    Said, ServerPacket, Status, Window,
};
use bimip_session::ledger::View;
use bimip_session::server::{Config, ConnId, Grant, Input};
use harness::{House, device, draft, rows, user};
use proptest::prelude::*;

fn with_window(rows: u32, bytes: u64) -> House {
    let mut config = Config::default();
    config.window = Window { rows, bytes };
    House::with(config)
}

fn small() -> House {
    with_window(4, 100_000)
}

fn web() -> Device {
    device("bob", "stream")
}

fn send(house: &mut House, names: impl IntoIterator<Item = u64>) {
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    for name in names {
        house.says(ann, ClientPacket::Send(draft(&name.to_string(), "bob", &name.to_string())));
    }
    house.heard(ann);
    house.input(Input::Closed(ann));
}

/// Comes back with what it has, before it is known what there is, as the door says it.
fn returns(house: &mut House, caps: Caps, has: u64) -> ConnId {
    let conn = ConnId(1_000 + house.core.counters().opened);
    let said = vec![Said::from(ClientPacket::Dispose(Offset(has)))];
    house.core_only(Input::Opened { conn, caps, grant: Some(Grant::new(web())) });
    house.input(Input::Packets(conn, said));
    // What is due at once.
    house.wait(0);
    conn
}

fn given(house: &mut House, conn: ConnId) -> Vec<u64> {
    rows(&house.heard(conn)).into_iter().map(|offset| offset.0).collect()
}

fn has_ended(house: &House, conn: ConnId) -> Option<CloseReason> {
    house.closed.iter().find(|(it, _)| *it == conn).map(|(_, reason)| reason.clone())
}

/// Of how many messages the author was told that they are delivered.
fn delivered(house: &House) -> usize {
    let page = house.book.page(&user("ann"), Offset::ZERO, u32::MAX, u64::MAX);
    let told = page.iter().filter_map(|(_, entry)| match &**entry {
        Entry::Receipt(it) if it.status == Status::Delivered => Some(it.messages.len()),
        _ => None,
    });
    told.sum()
}

fn cursor(house: &House) -> Offset {
    house.book.cursor(&web()).unwrap()
}

fn acks(house: &mut House, upto: u64) -> ServerPacket {
    let conn = house.open(Caps::CALL, &web());
    house.says(conn, ClientPacket::Dispose(Offset(upto)));
    house.says(conn, ClientPacket::Bye);
    house.heard(conn).remove(0)
}

// DM-STRM-1
#[test]
fn coming_back_is_the_delivery_of_what_was_given_before() {
    let mut house = House::new();
    send(&mut house, 1..=3);
    let conn = returns(&mut house, Caps::STREAM, 0);
    assert_eq!(given(&mut house, conn), [1, 2, 3]);
    assert_eq!((delivered(&house), cursor(&house)), (0, Offset::ZERO), "it may have lost them");
    assert!(house.barriers.iter().all(|(_, upto)| *upto == 0), "that they arrived is nobody's question");

    let conn = returns(&mut house, Caps::STREAM, 2);
    assert_eq!(given(&mut house, conn), [3], "what it has is not given again");
    assert_eq!((delivered(&house), cursor(&house)), (2, Offset(2)));
    // The same again, less, and nothing: what is stored stays stored.
    for has in [2, 1, 0] {
        let conn = returns(&mut house, Caps::STREAM, has);
        assert_eq!(given(&mut house, conn), [3], "{has}");
    }
    let conn = returns(&mut house, Caps::STREAM, 3);
    assert_eq!((given(&mut house, conn).len(), delivered(&house), cursor(&house)), (0, 3, Offset(3)));
    send(&mut house, 4..=4);
    let conn = returns(&mut house, Caps::STREAM, 3);
    assert_eq!(given(&mut house, conn), [4]);
}

// DM-STRM-1
#[test]
fn what_is_beyond_the_mailbox_was_in_another_one() {
    let mut house = House::new();
    send(&mut house, 1..=3);
    let conn = returns(&mut house, Caps::STREAM, 4);
    assert_eq!(given(&mut house, conn), [1, 2, 3]);
    assert_eq!((delivered(&house), house.core.counters().dispose_clamped), (0, 1));
    let conn = returns(&mut house, Caps::STREAM, u64::MAX);
    assert_eq!(given(&mut house, conn), [1, 2, 3]);
}

// DM-STRM-2
#[test]
fn a_full_window_sends_the_client_away_and_back_until_everything_came_once() {
    let mut house = small();
    send(&mut house, 1..=11);
    let (mut has, mut got, mut times) = (0, Vec::new(), 0);
    loop {
        let conn = returns(&mut house, Caps::STREAM, has);
        let rows = given(&mut house, conn);
        has = rows.last().copied().unwrap_or(has);
        got.extend(rows);
        times += 1;
        match has_ended(&house, conn) {
            Some(reason) => assert_eq!(reason, CloseReason::ComeBack),
            None => break,
        }
    }
    assert_eq!((got, times), ((1..=11).collect(), 3));
    assert_eq!((delivered(&house), house.core.counters().returns), (8, 2));
    // One that is full and has it all stays, until there is more.
    let conn = returns(&mut house, Caps::STREAM, 7);
    assert_eq!(given(&mut house, conn), [9, 10, 11], "8 is stored");
    send(&mut house, 12..=12);
    assert_eq!((given(&mut house, conn), has_ended(&house, conn)), (vec![12], None));
    send(&mut house, 13..=13);
    house.wait(0);
    assert_eq!((given(&mut house, conn), has_ended(&house, conn)), (vec![], Some(CloseReason::ComeBack)));
    let conn = returns(&mut house, Caps::STREAM, 12);
    assert_eq!((given(&mut house, conn), delivered(&house)), (vec![13], 12));
}

// DM-STRM-2
#[test]
fn a_window_that_is_half_full_by_its_bytes_sends_the_client_away_too() {
    let mut house = with_window(100, 10_000);
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    for len in [6_000, 3_000, 3_000, 6_000] {
        let body = Body::text(&"x".repeat(len));
        let to = bimip_proto::Address::User(user("bob"));
        house.says(ann, ClientPacket::Send(Draft { client_ref: None, to, client_time: None, body }));
    }
    let (mut has, mut got) = (0, Vec::new());
    for _ in 0..4 {
        let conn = returns(&mut house, Caps::STREAM, has);
        let rows = given(&mut house, conn);
        has = rows.last().copied().unwrap_or(has);
        got.extend(rows);
        if has_ended(&house, conn).is_none() {
            break;
        }
    }
    assert_eq!(got, [1, 2, 3, 4]);
}

// DM-STRM-1
#[test]
fn a_claim_goes_through_pages_that_are_larger_than_the_window() {
    let mut house = small();
    send(&mut house, 1..=30);
    let conn = returns(&mut house, Caps::STREAM, 27);
    assert_eq!((given(&mut house, conn), has_ended(&house, conn)), (vec![28, 29, 30], None));
    assert_eq!((delivered(&house), cursor(&house)), (27, Offset(27)));
}

// DM-STRM-1
#[test]
fn own_rows_between_those_that_are_claimed_are_in_nobodys_way() {
    let mut house = small();
    send(&mut house, 1..=2);
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i"] {
        let conn = house.open(Caps::CALL, &web());
        house.says(conn, ClientPacket::Send(draft(name, "ann", name)));
        house.input(Input::Closed(conn));
    }
    send(&mut house, 3..=4);
    let conn = returns(&mut house, Caps::STREAM, 11);
    assert_eq!((given(&mut house, conn), delivered(&house)), (vec![12, 13], 2));
    let conn = returns(&mut house, Caps::STREAM, 13);
    assert_eq!((given(&mut house, conn), delivered(&house), cursor(&house)), (vec![], 4, Offset(13)));
}

// DM-STRM-1, DM-CUR-7
#[test]
fn a_claim_that_cannot_be_stored_ends_the_stream_and_is_said_again() {
    let mut house = House::new();
    send(&mut house, 1..=3);
    house.hold_commits = true;
    let conn = returns(&mut house, Caps::STREAM, 2);
    house.fail_held();
    assert_eq!(has_ended(&house, conn), Some(CloseReason::Unavailable));
    assert_eq!((delivered(&house), cursor(&house)), (0, Offset::ZERO));
    let conn = returns(&mut house, Caps::STREAM, 3);
    assert_eq!((given(&mut house, conn), delivered(&house), cursor(&house)), (vec![], 3, Offset(3)));
}

// DM-CALL-4
#[test]
fn what_is_stored_is_said_by_a_call_meanwhile() {
    let mut house = small();
    send(&mut house, 1..=3);
    let conn = returns(&mut house, Caps::STREAM, 0);
    assert_eq!(given(&mut house, conn), [1, 2, 3]);
    assert_eq!(acks(&mut house, 2), ServerPacket::Noted(Noted::Disposed(Offset(2))));
    assert_eq!((delivered(&house), cursor(&house)), (2, Offset(2)));
    // Its word counts from here on: a full window waits for it.
    send(&mut house, 4..=9);
    house.wait(0);
    assert_eq!((given(&mut house, conn), has_ended(&house, conn)), (vec![4, 5, 6], None));
    assert_eq!(acks(&mut house, 6), ServerPacket::Noted(Noted::Disposed(Offset(6))));
    assert_eq!((given(&mut house, conn), delivered(&house)), (vec![7, 8, 9], 6));
    // And what it said is not given again when it comes back.
    let conn = returns(&mut house, Caps::STREAM, 4);
    assert_eq!(given(&mut house, conn), [7, 8, 9]);
}

// DM-CALL-4, DM-CUR-7
#[test]
fn an_acknowledgement_by_a_call_that_cannot_be_stored_ends_the_stream() {
    for gone in [false, true] {
        let mut house = House::new();
        send(&mut house, 1..=2);
        let stream = returns(&mut house, Caps::STREAM, 0);
        house.hold_commits = true;
        let conn = house.open(Caps::CALL, &web());
        house.says(conn, ClientPacket::Dispose(Offset(2)));
        house.says(conn, ClientPacket::Bye);
        if gone {
            house.input(Input::Closed(conn));
        }
        house.fail_held();
        assert_eq!(has_ended(&house, stream), Some(CloseReason::Unavailable), "gone: {gone}");
        assert!(
            !house.heard(conn).iter().any(|it| matches!(it, ServerPacket::Noted(_))),
            "it is not answered"
        );
        assert_eq!(house.core.connections(), 0);
        let conn = returns(&mut house, Caps::STREAM, 2);
        assert_eq!((given(&mut house, conn), delivered(&house)), (vec![], 2));
    }
}

// DM-CALL-4
#[test]
fn what_arrived_counts_on_a_stream_until_a_call_says_what_is_stored() {
    let mut house = House::new();
    send(&mut house, 1..=2);
    let conn = house.open(Caps::EVENTS, &web());
    let (_, upto) = *house.barriers.last().unwrap();
    house.input(Input::Barrier(conn, upto));
    assert_eq!(delivered(&house), 2);
    assert_eq!(acks(&mut house, 1), ServerPacket::Noted(Noted::Disposed(Offset(2))), "as far as it stands");
    house.barriers.clear();
    send(&mut house, 3..=4);
    assert!(house.barriers.iter().all(|(_, upto)| *upto == 0), "nobody asks what arrived");
    assert_eq!(acks(&mut house, 3), ServerPacket::Noted(Noted::Disposed(Offset(3))));
    assert_eq!(delivered(&house), 3);
    house.input(Input::Closed(conn));
    assert!(matches!(acks(&mut house, 4), ServerPacket::Declined { reason: Reject::NoStream, .. }));
}

// DM-STRM-3
#[test]
fn the_newest_stream_of_a_device_is_the_one() {
    let mut house = House::new();
    send(&mut house, 1..=1);
    let first = returns(&mut house, Caps::STREAM, 0);
    let second = returns(&mut house, Caps::POLL, 0);
    assert_eq!(has_ended(&house, first), Some(CloseReason::Replaced { by: None }));
    assert_eq!(given(&mut house, second), [1]);
}

// DM-STRM-4
#[test]
fn whoever_polls_is_not_here_and_hears_nothing_live() {
    let mut house = House::new();
    house.watch = true;
    let doing = |house: &mut House, conn: ConnId| {
        let told = house.heard(conn).into_iter().filter_map(|packet| match packet {
            ServerPacket::Aware(it) => Some(it.awareness.presence),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    send(&mut house, 1..=1);
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    house.heard(ann);
    let poll = returns(&mut house, Caps::POLL, 0);
    assert_eq!((doing(&mut house, ann), given(&mut house, poll)), (vec![], vec![1]));
    let busy = Awareness { id: None, to: None, presence: Presence::Away, location: None, ttl_s: 0, at: None };
    house.says(ann, ClientPacket::Aware(busy));
    assert!(!house.heard(poll).iter().any(|it| matches!(it, ServerPacket::Aware(_))));
    // A phone that comes and goes is here and gone, whoever polls beside it.
    let phone = house.open(Caps::FULL, &device("bob", "phone"));
    assert_eq!(doing(&mut house, ann), [Presence::Online]);
    house.input(Input::Closed(phone));
    assert_eq!(doing(&mut house, ann), [Presence::Offline]);
    let phone = house.open(Caps::FULL, &device("bob", "phone"));
    assert_eq!(doing(&mut house, ann), [Presence::Online]);
    house.input(Input::Closed(poll));
    assert_eq!(doing(&mut house, ann), []);
    house.input(Input::Closed(phone));
    assert_eq!(doing(&mut house, ann), [Presence::Offline]);
    // A stream is here.
    let stream = returns(&mut house, Caps::STREAM, 0);
    assert_eq!(doing(&mut house, ann), [Presence::Online]);
    house.input(Input::Closed(stream));
    assert_eq!(doing(&mut house, ann), [Presence::Offline]);
}

/// What storage does with what is said in a step.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Stored,
    Late,
    Fails,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// So many messages for the client.
    Send(u64),
    /// One of its own, by a call.
    Own,
    /// The client stores so many of the rows that it was given.
    Store(usize),
    /// The stream is cut.
    Cut,
    /// The client comes back; `true` to poll.
    Return(bool, Fate),
    /// It says by a call what it has stored.
    Ack(Fate),
}

/// A client that keeps what it stores, whatever happens to its streams.
struct Kept {
    house: House,
    conn: Option<ConnId>,
    /// Given and not stored, since it last came back.
    given: std::collections::VecDeque<u64>,
    stored: Vec<u64>,
    sent: u64,
    own: u64,
}

impl Kept {
    fn new() -> Self {
        Self {
            house: small(),
            conn: None,
            given: std::collections::VecDeque::new(),
            stored: Vec::new(),
            sent: 0,
            own: 0,
        }
    }

    fn has(&self) -> u64 {
        self.stored.last().copied().unwrap_or(0)
    }

    fn take(&mut self) {
        let Some(conn) = self.conn else { return };
        self.house.wait(0);
        for row in given(&mut self.house, conn) {
            let last = self.given.back().copied().unwrap_or_else(|| self.has());
            assert!(row > last, "{row} after {last}");
            self.given.push_back(row);
        }
        if has_ended(&self.house, conn).is_some() {
            self.conn = None;
        }
    }

    fn settle(&mut self, fate: Fate) {
        self.take();
        match fate {
            Fate::Stored => {}
            Fate::Late => self.house.commit_held(),
            Fate::Fails => self.house.fail_held(),
        }
        self.take();
    }

    fn step(&mut self, step: Step) {
        let has = self.has();
        match step {
            Step::Send(count) => {
                let from = self.sent;
                self.sent += count;
                send(&mut self.house, from..from + count);
            }
            Step::Own => {
                self.own += 1;
                let conn = self.house.open(Caps::CALL, &web());
                let name = format!("own {}", self.own);
                self.house.says(conn, ClientPacket::Send(draft(&name, "ann", &name)));
                self.house.input(Input::Closed(conn));
            }
            Step::Store(count) => {
                let rows = self.given.len().min(count);
                self.stored.extend(self.given.drain(..rows));
            }
            Step::Cut => {
                if let Some(conn) = self.conn.take() {
                    self.house.input(Input::Closed(conn));
                }
            }
            Step::Return(polls, fate) => {
                self.given.clear();
                self.house.hold_commits = !matches!(fate, Fate::Stored);
                let caps = if polls { Caps::POLL } else { Caps::STREAM };
                self.conn = Some(returns(&mut self.house, caps, has));
                self.settle(fate);
            }
            Step::Ack(fate) => {
                self.house.hold_commits = !matches!(fate, Fate::Stored);
                let conn = self.house.open(Caps::CALL, &web());
                self.house.says(conn, ClientPacket::Dispose(Offset(has)));
                self.settle(fate);
                self.house.input(Input::Closed(conn));
            }
        }
        self.take();
        // Only what the client has is delivered.
        assert!(
            delivered(&self.house) <= self.stored.len(),
            "{} of {:?}",
            delivered(&self.house),
            self.stored
        );
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = || prop_oneof![3 => Just(Fate::Stored), 1 => Just(Fate::Late), 1 => Just(Fate::Fails)];
    let step = prop_oneof![
        4 => (1..6u64).prop_map(Step::Send),
        1 => Just(Step::Own),
        4 => (0..6usize).prop_map(Step::Store),
        1 => Just(Step::Cut),
        4 => (any::<bool>(), fate()).prop_map(|(polls, fate)| Step::Return(polls, fate)),
        3 => fate().prop_map(Step::Ack),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    // DM-STRM-1, DM-STRM-2, DM-CALL-4
    #[test]
    fn whatever_happens_everything_comes_once_and_its_author_is_told(steps in steps()) {
        let mut kept = Kept::new();
        for step in steps {
            kept.step(step);
        }
        // Then all goes well for long enough.
        for _ in 0..200 {
            kept.step(Step::Return(false, Fate::Stored));
            kept.step(Step::Store(usize::MAX));
            if kept.conn.is_some() {
                break;
            }
        }
        kept.step(Step::Return(false, Fate::Stored));
        prop_assert_eq!(kept.stored.len() as u64, kept.sent, "each message once");
        prop_assert!(kept.stored.windows(2).all(|two| two[0] < two[1]));
        prop_assert_eq!(delivered(&kept.house) as u64, kept.sent);
        prop_assert_eq!(kept.house.core.connections(), 1);
    }
}
