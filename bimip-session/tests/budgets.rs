//! Budgets: what is refused for want of room was never said, and nothing is forgotten to be given back.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use std::convert::Infallible;

use bimip_proto::{
    Act, Address, Awareness, Body, Caps, ClientPacket, ClientRef, CloseReason, Entry, GroupAct, GroupCommand,
    GroupId, GroupProfile, LogOut, MayPost, MessageId, MessageRef, Noted, Offset, PageFrom, Ping, Presence,
    PushToken, Query, Reject, Revise, Said, ServerPacket, Signal, Status, Talk, TalkAct, UserId, limits,
};
use bimip_session::ledger::{Failed, settle};
use bimip_session::server::{Config, ConnId, Input, Level};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config as Runs, RngAlgorithm, TestRng, TestRunner};

use harness::{House, device, draft, user};

const GROUP: &str = "team";
/// The most that one command of these tests weighs: the rows of a group, a text, and two envelopes.
const COMMAND_BYTES: u64 = 256 * 64 + 8 * 1024;

/// What happens in a sequence. Numbers are taken by what there is of it.
#[derive(Debug, Clone)]
enum Op {
    Say(usize, Word),
    /// Storage answers so many tickets.
    Sync(usize),
    /// Storage fails so many tickets.
    Fail(usize),
    Wait(u64),
    /// A barrier comes back, with whatever number it had.
    Pong(usize),
    /// The device comes (back).
    Open(usize),
    Cut(usize),
}

#[derive(Debug, Clone)]
enum Word {
    Text { name: u8, to: u8, bytes: usize },
    Post { name: u8, bytes: usize },
    Revise { name: u8, message: u64, delete: bool },
    Dispose(u64),
    Mark(u64),
    Delivered(u64),
    Join,
    Leave,
    Manage { name: u8, who: u8 },
    Query(u8),
    Ping(usize),
    Aware,
    Signal,
    Visible(bool),
    PushToken(u8),
    LogOut,
    Start,
    Audio,
    Stop,
    Bye,
}

fn word() -> impl Strategy<Value = Word> {
    let (name, who, bytes) = (0..12_u8, 0..4_u8, 0..3_000_usize);
    prop_oneof![
        6 => (name.clone(), who.clone(), bytes.clone()).prop_map(|(name, to, bytes)| Word::Text { name, to, bytes }),
        2 => (name.clone(), bytes).prop_map(|(name, bytes)| Word::Post { name, bytes }),
        2 => (name.clone(), 1..20_u64, any::<bool>())
            .prop_map(|(name, message, delete)| Word::Revise { name, message, delete }),
        3 => (0..30_u64).prop_map(Word::Dispose),
        2 => (1..20_u64).prop_map(Word::Mark),
        1 => (1..20_u64).prop_map(Word::Delivered),
        1 => Just(Word::Join),
        1 => Just(Word::Leave),
        1 => (name.clone(), who).prop_map(|(name, who)| Word::Manage { name, who }),
        1 => name.clone().prop_map(Word::Query),
        1 => (0..500_usize).prop_map(Word::Ping),
        1 => Just(Word::Aware),
        1 => Just(Word::Signal),
        1 => any::<bool>().prop_map(Word::Visible),
        1 => name.prop_map(Word::PushToken),
        1 => Just(Word::LogOut),
        1 => Just(Word::Start),
        1 => Just(Word::Audio),
        1 => Just(Word::Stop),
        1 => Just(Word::Bye),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        20 => (0..DEVICES.len(), word()).prop_map(|(who, word)| Op::Say(who, word)),
        3 => (1..5_usize).prop_map(Op::Sync),
        1 => (1..3_usize).prop_map(Op::Fail),
        1 => (1..3_000_u64).prop_map(Op::Wait),
        2 => (0..DEVICES.len()).prop_map(Op::Pong),
        3 => (0..DEVICES.len()).prop_map(Op::Open),
        1 => (0..DEVICES.len()).prop_map(Op::Cut),
    ]
}

const DEVICES: [(&str, &str, Caps); 4] = [
    ("a", "1", Caps::FULL),
    ("a", "2", Caps::FULL),
    ("b", "1", Caps::FULL),
    ("w", "voiceping", Caps::WALKIE),
];

#[derive(Debug, Clone)]
struct Budget {
    commits: u32,
    commit_bytes: (u64, u64),
    held_bytes: (u64, u64),
    row_members: u32,
}

fn budget() -> impl Strategy<Value = Budget> {
    let commits = prop_oneof![Just(1), Just(4), Just(limits::COMMITS_IN_FLIGHT)];
    (commits, (1..4_000_u64, 1..8_000_u64), (300..4_000_u64, 300..8_000_u64), prop_oneof![Just(0), Just(256)])
        .prop_map(|(commits, commit_bytes, held_bytes, row_members)| Budget {
            commits,
            commit_bytes,
            held_bytes,
            row_members,
        })
}

fn config(budget: &Budget) -> Config {
    let mut config = Config::default();
    config.commits_in_flight = budget.commits;
    (config.commit_bytes_per_connection, config.commit_bytes_in_flight) = budget.commit_bytes;
    (config.held_bytes_per_connection, config.held_bytes) = budget.held_bytes;
    config.row_members = budget.row_members;
    config
}

/// One server, and who is connected to it.
struct Side {
    house: House,
    conns: [Option<ConnId>; DEVICES.len()],
}

impl Side {
    fn new(budget: &Budget) -> Self {
        let mut house = House::with(config(budget));
        house.hold_commits = true;
        Self { house, conns: [None; DEVICES.len()] }
    }

    fn open(&mut self, who: usize) {
        let (user, name, caps) = DEVICES[who];
        self.conns[who] = Some(self.house.open(caps, &device(user, name)));
    }

    /// Storage answers the tickets at the front.
    fn sync(&mut self, count: usize) {
        let rest = self.house.held.split_off(count.min(self.house.held.len()));
        let batch = std::mem::replace(&mut self.house.held, rest);
        let settled: Result<_, (Vec<Failed>, Infallible)> = settle(batch, &self.house.book);
        let Ok(settlement) = settled;
        self.house.book.apply(settlement.writes());
        for proof in settlement.committed() {
            self.house.input(Input::Committed(proof));
        }
    }

    fn fail(&mut self, count: usize) {
        let rest = self.house.held.split_off(count.min(self.house.held.len()));
        for ticket in std::mem::replace(&mut self.house.held, rest) {
            self.house.input(Input::Failed(ticket.failed(bimip_session::ledger::Failure::Unavailable)));
        }
    }

    fn pong(&mut self, who: usize) {
        let Some(conn) = self.conns[who] else { return };
        let asked = self.house.barriers.iter().position(|(of, _)| *of == conn);
        if let Some(at) = asked {
            let (conn, upto) = self.house.barriers.remove(at);
            self.house.input(Input::Barrier(conn, upto));
        }
    }

    /// Nobody is connected any more, storage has answered everything: nothing may be taken.
    fn rest(&mut self) {
        for who in 0..DEVICES.len() {
            if let Some(conn) = self.conns[who].take() {
                self.house.input(Input::Closed(conn));
            }
        }
        while !self.house.held.is_empty() {
            self.sync(usize::MAX);
        }
        for (name, level) in self.house.core.budgets().iter() {
            assert_eq!(level.used, 0, "{name} is given back");
        }
    }
}

fn packet(who: usize, word: &Word) -> ClientPacket {
    let name = |name: &u8| ClientRef::new(&format!("r{name}")).unwrap();
    let message = |sequence: &u64| MessageRef::Id(MessageId::new(7, *sequence));
    let somebody = |who: &u8| user(["a", "b", "w", "nobody"][usize::from(*who)]);
    let group = || GroupId::new(GROUP).unwrap();
    let talk =
        |act| ClientPacket::Talk(Talk { from: user(DEVICES[who].0), to: Address::User(user("w")), act });
    match word {
        Word::Text { name: called, to, bytes } => {
            let called = if DEVICES[who].2 == Caps::WALKIE { String::new() } else { format!("r{called}") };
            ClientPacket::Send(draft(&called, somebody(to).as_str(), &"x".repeat(*bytes)))
        }
        Word::Post { name: called, bytes } => {
            let mut draft = draft(&format!("r{called}"), "b", &"x".repeat(*bytes));
            draft.to = Address::Group(group());
            ClientPacket::Send(draft)
        }
        Word::Revise { name: called, message: of, delete } => ClientPacket::Revise(Revise {
            client_ref: name(called),
            message: message(of),
            body: (!delete).then(|| Body::text("edited")),
        }),
        Word::Dispose(upto) => ClientPacket::Dispose(Offset(*upto)),
        Word::Mark(of) => ClientPacket::Mark { message: message(of), status: Status::Read },
        Word::Delivered(of) => ClientPacket::Delivered(vec![message(of)]),
        Word::Join => ClientPacket::Join(group()),
        Word::Leave => ClientPacket::Leave(group()),
        Word::Manage { name: called, who } => ClientPacket::Group(GroupCommand {
            client_ref: name(called),
            group: group(),
            act: match who {
                0 => GroupAct::Create {
                    profile: GroupProfile { title: "a title".into(), about: "what about".into() },
                    open: true,
                    post: MayPost::Everyone,
                    members: vec![user("b")],
                },
                who => GroupAct::Add(vec![somebody(who)]),
            },
        }),
        Word::Query(called) => {
            let of = Address::User(user("b"));
            let ask = bimip_proto::Ask::History { of, from: PageFrom::Latest, limit: 3 };
            ClientPacket::Query(Query { id: name(called), ask })
        }
        Word::Ping(bytes) => ClientPacket::Ping(Ping { id: Bytes::from(vec![b'p'; *bytes]) }),
        Word::Aware => ClientPacket::Aware(Awareness {
            id: None,
            to: None,
            presence: Presence::Away,
            location: None,
            ttl_s: 60,
            at: None,
        }),
        Word::Signal => ClientPacket::Signal(Signal {
            id: None,
            to: Address::User(user("b")),
            act: Act::Typing,
            at: None,
        }),
        Word::Visible(visible) => {
            ClientPacket::SetVisible { id: ClientRef::new("v").ok(), visible: *visible }
        }
        Word::PushToken(called) => ClientPacket::PushToken(PushToken {
            id: Some(name(called)),
            service: "apns".to_owned(),
            token: Some(Bytes::from_static(b"token")),
        }),
        Word::LogOut => ClientPacket::LogOut(LogOut::Device(Some(device("a", "old").name))),
        Word::Start => talk(TalkAct::Start { label: None, payload: Bytes::new() }),
        Word::Audio => talk(TalkAct::Audio { label: None, payload: Bytes::from_static(&[7]) }),
        Word::Stop => talk(TalkAct::Stop),
        Word::Bye => ClientPacket::Bye,
    }
}

/// Whether this is "no room", and then whether it is as it has to be: typed, and with a hint.
fn busy(packet: &ServerPacket) -> bool {
    let (ServerPacket::Rejected { reason, retry_after_ms, .. }
    | ServerPacket::Unanswered { reason, retry_after_ms, .. }
    | ServerPacket::Declined { reason, retry_after_ms, .. }
    | ServerPacket::Noted(
        Noted::Refused { reason, retry_after_ms, .. }
        | Noted::Unrevised { reason, retry_after_ms, .. }
        | Noted::Ungrouped { reason, retry_after_ms, .. }
        | Noted::Barred { reason, retry_after_ms, .. },
    )) = packet
    else {
        return false;
    };
    assert!(
        *reason != Reject::Busy || retry_after_ms.is_some(),
        "it may pass, and nothing says when: {packet:?}"
    );
    *reason == Reject::Busy
}

/// What happened how often, so that nobody takes a sequence without pressure for proof.
#[derive(Debug, Default)]
struct Tally {
    refused: u32,
    ended: u32,
    waited: u32,
    carried: u32,
}

/// Does the same with a server and with its twin, which is never told what the first one refused for want of room.
fn run(budget: &Budget, ops: &[Op], tally: &mut Tally) {
    let (mut server, mut twin) = (Side::new(budget), Side::new(budget));
    let mut twins: Vec<(ConnId, CloseReason)> = Vec::new();
    for op in ops {
        match op {
            Op::Say(who, word) => say(&mut server, &mut twin, &mut twins, (*who, word), tally),
            Op::Sync(count) => both(&mut server, &mut twin, |side| side.sync(*count)),
            Op::Fail(count) => both(&mut server, &mut twin, |side| side.fail(*count)),
            Op::Wait(ms) => both(&mut server, &mut twin, |side| side.house.wait(*ms)),
            Op::Pong(who) => both(&mut server, &mut twin, |side| side.pong(*who)),
            Op::Open(who) => both(&mut server, &mut twin, |side| side.open(*who)),
            Op::Cut(who) => both(&mut server, &mut twin, |side| {
                if let Some(conn) = side.conns[*who].take() {
                    side.house.input(Input::Closed(conn));
                }
            }),
        }
        compare(&mut server, &mut twin, &mut twins);
        within(&server, budget);
    }
    both(&mut server, &mut twin, Side::rest);
    assert_eq!(server.house.book, twin.house.book, "nothing of what was refused is stored");
}

fn both(server: &mut Side, twin: &mut Side, mut does: impl FnMut(&mut Side)) {
    does(server);
    does(twin);
}

fn say(
    server: &mut Side,
    twin: &mut Side,
    twins: &mut Vec<(ConnId, CloseReason)>,
    (who, word): (usize, &Word),
    tally: &mut Tally,
) {
    let Some(conn) = server.conns[who] else { return };
    let said = Said::from(packet(who, word));
    let (sent, closed) = (server.house.sent.len(), server.house.closed.len());
    let turned_away = server.house.core.counters().turned_away;
    let waiting = server.house.core.budgets().held_bytes.used;
    server.house.input(Input::Packets(conn, vec![said.clone()]));
    if server.house.core.counters().turned_away == turned_away {
        let waits = server.house.core.budgets().held_bytes.used > waiting;
        if waits {
            tally.waited += 1;
        } else {
            tally.carried += 1;
        }
        return twin.house.input(Input::Packets(conn, vec![said]));
    }
    let ended = server.house.closed.len() > closed;
    if ended {
        // No word for it: the connection ends, as if its client had gone before it spoke.
        tally.ended += 1;
        assert_eq!(server.house.closed.last(), Some(&(conn, CloseReason::Unavailable)));
        twin.house.input(Input::Closed(conn));
        twins.push((conn, CloseReason::Unavailable));
        server
            .house
            .sent
            .retain(|(to, it)| *to != conn || *it != ServerPacket::Bye(CloseReason::Unavailable));
        (server.conns[who], twin.conns[who]) = (None, None);
        return;
    }
    tally.refused += 1;
    assert_eq!(server.house.sent.len(), sent + 1, "one word, and it is the refusal");
    let (to, refusal) = server.house.sent.pop().unwrap();
    assert!(to == conn && busy(&refusal), "{refusal:?}");
}

/// The same words to the same connections, and the same rows.
fn compare(server: &mut Side, twin: &mut Side, twins: &mut Vec<(ConnId, CloseReason)>) {
    let sent = std::mem::take(&mut server.house.sent);
    for (_, packet) in &sent {
        busy(packet);
    }
    assert_eq!(sent, std::mem::take(&mut twin.house.sent));
    assert_eq!(server.house.barriers, twin.house.barriers);
    assert_eq!(server.house.held.len(), twin.house.held.len(), "what is under way");
    assert_eq!(server.house.core.budgets(), twin.house.core.budgets());
    assert_eq!(server.house.core.connections(), twin.house.core.connections());
    assert_eq!(server.house.core.poll_timeout_ms(), twin.house.core.poll_timeout_ms());
    let mut closed = std::mem::take(&mut twin.house.closed);
    closed.append(twins);
    assert_eq!(std::mem::take(&mut server.house.closed), closed);
    assert_eq!(server.house.book, twin.house.book);
}

/// No budget is exceeded by more than the command that was let in last.
fn within(side: &Side, budget: &Budget) {
    let budgets = side.house.core.budgets();
    let Level { used, most } = budgets.held_bytes;
    // A leave that was begun and waits for the end of a talk was let in already.
    assert!(used <= 2 * most + 512, "{used} of {most} wait");
    // Whoever comes is let into the groups of the sign-in, and a talk ends, whatever is under way: one for each.
    let Level { used, most } = budgets.commit_bytes;
    let beyond = 1_000 * DEVICES.len() as u64;
    let pull = u64::from(budget.row_members == 0) * 2 * limits::WINDOW_BYTES;
    assert!(used <= most + COMMAND_BYTES + beyond + pull, "{used} of {most} are under way");
}

trait DueMs {
    fn poll_timeout_ms(&self) -> Option<u64>;
}

impl DueMs for bimip_session::server::ServerCore {
    fn poll_timeout_ms(&self) -> Option<u64> {
        bimip_session::Machine::poll_timeout(self)
    }
}

// MISSION A9
// DM-FLOW-1, DM-FLOW-2, DM-FLOW-3
#[test]
fn what_is_refused_for_want_of_room_was_never_said() {
    let cases = if cfg!(miri) { 2 } else { 3_000 };
    let runs = Runs { cases, failure_persistence: None, ..Runs::default() };
    let mut runner = TestRunner::new_with_rng(runs, TestRng::from_seed(RngAlgorithm::XorShift, &[7; 16]));
    let tally = std::cell::RefCell::new(Tally::default());
    let result = runner.run(&(budget(), vec(op(), 1..150)), |(budget, ops)| {
        run(&budget, &ops, &mut tally.borrow_mut());
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let tally = tally.into_inner();
    eprintln!("{tally:?}");
    let all = [tally.refused, tally.ended, tally.waited, tally.carried];
    assert!(cfg!(miri) || all.iter().all(|count| *count > 1_000), "{tally:?}");
}

fn text(bytes: usize, name: usize) -> ClientPacket {
    ClientPacket::Send(draft(&format!("r{name}"), "b", &"x".repeat(bytes)))
}

// MISSION A9
// DM-FLOW-1
#[test]
fn a_command_waits_for_room_in_bytes_too() {
    let mut config = Config::default();
    config.commit_bytes_per_connection = 10_000;
    let mut house = House::with(config);
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    house.hold_commits = true;
    for name in 0..4 {
        house.says(a, text(6_000, name));
    }
    assert_eq!(house.held.len(), 2, "the second one was let in while there was room");
    house.says(b, text(6_000, 0));
    assert_eq!(house.held.len(), 3, "others have their own");
    assert_eq!(house.paused, []);
    house.commit_held();
    assert_eq!(house.book.page(&user("b"), Offset(0), 99, 999_999).len(), 5);
}

// MISSION A9
// DM-FLOW-1
#[test]
fn reading_stops_when_much_waits() {
    let mut config = Config::default();
    config.commits_in_flight = 1;
    config.held_bytes = 200_000;
    let mut house = House::with(config);
    let [a, b, c] = ["a", "b", "c"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    house.hold_commits = true;
    house.says(a, text(1, 0));
    house.says(a, text(60_000, 1));
    assert_eq!(house.paused, []);
    house.says(a, text(10_000, 2));
    assert_eq!(house.paused, [(a, true)], "64 KiB of one connection");
    house.says(b, text(40_000, 0));
    assert_eq!(house.paused.len(), 2, "half of what may wait: {:?}", house.paused);
    house.says(c, text(1, 0));
    assert_eq!(house.paused, [(a, true), (b, true), (c, true)], "from here on everybody who waits");
    house.commit_held();
    assert_eq!(&house.paused[3..].len(), &3, "{:?}", house.paused);
}

// MISSION A9
// DM-FLOW-2
#[test]
fn nothing_takes_the_place_of_what_was_refused() {
    let mut config = Config::default();
    config.commits_per_connection = 1;
    config.held_bytes_per_connection = 4_000;
    let mut house = House::with(config);
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.heard(a);
    house.hold_commits = true;
    for (name, bytes) in [1, 1, 5_000, 1].into_iter().enumerate() {
        house.says(a, text(bytes, name));
    }
    let heard = house.heard(a);
    let refused = heard.iter().filter_map(|packet| match packet {
        ServerPacket::Rejected { client_ref: Some(name), reason: Reject::Busy, .. } => Some(name.as_str()),
        _ => None,
    });
    assert_eq!(
        refused.collect::<Vec<_>>(),
        ["r2", "r3"],
        "the small one would have gone before the large one"
    );
    house.commit_held();
    assert_eq!(house.heard(a).len(), 2);
    // This one was on its way when the other was refused.
    house.says(a, text(1, 4));
    assert!(matches!(house.heard(a)[..], [ServerPacket::Rejected { reason: Reject::Busy, .. }]));
    house.says(a, text(5_000, 2));
    assert!(matches!(house.heard(a)[..], [ServerPacket::Accepted { .. }]), "the same name, a moment later");
    house.says(a, text(1, 3));
    assert!(matches!(house.heard(a)[..], [ServerPacket::Accepted { .. }]), "and those after it");
}

// MISSION A9
// DM-FLOW-2
#[test]
fn who_gave_up_what_was_refused_is_heard_again() {
    let mut config = Config::default();
    config.commits_per_connection = 1;
    config.held_bytes_per_connection = 4_000;
    for fails in [true, false] {
        let mut house = House::with(config.clone());
        let a = house.open(Caps::FULL, &device("a", "1"));
        house.hold_commits = true;
        for (name, bytes) in [1, 1, 5_000].into_iter().enumerate() {
            house.says(a, text(bytes, name));
        }
        if fails {
            // What failed was said before what was refused, and is said again before it.
            house.fail_held();
        } else {
            house.commit_held();
            house.wait(limits::IN_TURN_MS);
        }
        house.heard(a);
        house.says(a, text(1, if fails { 0 } else { 9 }));
        let heard = house.heard(a);
        assert!(matches!(heard[..], [ServerPacket::Accepted { .. }]), "{heard:?}");
    }
}

// MISSION A9
// DM-FLOW-3
#[test]
fn who_has_no_word_for_busy_is_let_go_and_not_answered_with_silence() {
    let mut config = Config::default();
    config.commits_per_connection = 1;
    config.held_bytes_per_connection = 1_000;
    let mut house = House::with(config);
    let (w, a) =
        (house.open(Caps::WALKIE, &device("w", "voiceping")), house.open(Caps::FULL, &device("a", "1")));
    house.hold_commits = true;
    for _ in 0..2 {
        house.says(w, ClientPacket::Send(draft("", "b", &"x".repeat(300))));
        house.says(a, ClientPacket::Dispose(Offset(0)));
    }
    assert_eq!(house.closed, []);
    for _ in 0..3 {
        house.says(w, ClientPacket::Send(draft("", "b", &"x".repeat(300))));
    }
    assert_eq!(house.closed, [(w, CloseReason::Unavailable)]);
    for _ in 0..7 {
        house.says(a, ClientPacket::Ping(Ping { id: Bytes::new() }));
    }
    assert_eq!(house.closed, [(w, CloseReason::Unavailable), (a, CloseReason::Unavailable)]);
    house.commit_held();
    assert!(house.core.budgets().iter().all(|(_, level)| level.used == 0));
}

// MISSION A9
// DM-FLOW-3
#[test]
fn before_the_welcome_nothing_is_refused_and_the_connection_ends() {
    let mut config = Config::default();
    config.held_bytes_per_connection = 1_000;
    let mut house = House::with(config);
    let conn = house.stranger(Caps::FULL);
    let sign_in = ClientPacket::SignIn {
        user: Some(user("a")),
        device: Some(device("a", "1").name),
        token: Bytes::from_static(b"a"),
    };
    let burst = [sign_in, text(1, 0), text(1_900, 1)].map(Said::from).to_vec();
    house.input(Input::Packets(conn, burst));
    assert_eq!(house.closed, [(conn, CloseReason::Unavailable)]);
    assert_eq!(house.heard(conn), [ServerPacket::Bye(CloseReason::Unavailable)]);
}

/// A disposal has a ticket each time it is said, and a barrier each time it comes back.
// MISSION A9
// DM-FLOW-1
#[test]
fn cursors_wait_for_room_like_the_rest() {
    let mut config = Config::default();
    config.commits_per_connection = 3;
    config.window.rows = 1;
    let mut house = House::with(config);
    let a = house.open(Caps::FULL, &device("a", "1"));
    for name in 0..8 {
        house.says(a, ClientPacket::Send(draft(&format!("r{name}"), "w", "x")));
    }
    house.open(Caps::WALKIE, &device("w", "voiceping"));
    house.hold_commits = true;
    for _ in 0..100 {
        house.says(a, ClientPacket::Dispose(Offset(1)));
    }
    assert_eq!(house.held.len(), 3, "and 97 wait");
    for _ in 0..8 {
        if let Some((conn, upto)) = house.barriers.pop() {
            house.input(Input::Barrier(conn, upto));
        }
    }
    assert_eq!(house.held.len(), 6, "three cursors of the walkie-talkie's");
    assert_eq!(house.book.attach(&device("w", "voiceping")).cursor, Offset(0));
    house.commit_held();
    for _ in 0..8 {
        if let Some((conn, upto)) = house.barriers.pop() {
            house.input(Input::Barrier(conn, upto));
        }
    }
    assert_eq!(house.book.attach(&device("w", "voiceping")).cursor, Offset(8), "and all of it comes");
    assert_eq!(house.closed, []);
}

/// One word to a large group wakes all who are there. Their mailboxes are filled a few at a time.
// MISSION A9
// DM-FLOW-4
#[test]
fn fillings_wait_for_room_and_come_in_turn() {
    let mut config = Config::default();
    config.row_members = 2;
    config.commits_in_flight = 4;
    let mut house = House::with(config);
    let names: Vec<String> = (0..40).map(|number| format!("m{number:02}")).collect();
    let conns: Vec<ConnId> = names.iter().map(|name| house.open(Caps::FULL, &device(name, "1"))).collect();
    for conn in &conns {
        house.says(*conn, ClientPacket::Join(GroupId::new(GROUP).unwrap()));
    }
    let post = |name: &str| {
        let mut post = draft(name, "b", "to everybody");
        post.to = Address::Group(GroupId::new(GROUP).unwrap());
        ClientPacket::Send(post)
    };
    house.hold_commits = true;
    house.says(conns[0], post("r1"));
    let mut fillings = Vec::new();
    let mut said = 0;
    while !house.held.is_empty() {
        assert!(house.held.len() <= 4, "{} are under way", house.held.len());
        let held = std::mem::take(&mut house.held);
        fillings.push(held.len());
        // Somebody talks all the while, and must not keep the others from what they are owed.
        if said < 30 {
            said += 1;
            house.says(conns[1], text(1, said));
        }
        let settled: Result<_, (Vec<Failed>, Infallible)> = settle(held, &house.book);
        let Ok(settlement) = settled;
        house.book.apply(settlement.writes());
        for proof in settlement.committed() {
            house.input(Input::Committed(proof));
        }
    }
    for name in &names {
        let rows = house.book.page(&UserId::new(name).unwrap(), Offset(0), 99, 999_999);
        let posts = rows.iter().filter(|(_, entry)| match &**entry {
            Entry::Message(message) => matches!(message.head.to, Address::Group(_)),
            _ => false,
        });
        assert_eq!(posts.count(), 1, "{name}");
    }
    assert!(house.core.budgets().iter().all(|(_, level)| level.used == 0));
    assert_eq!(said, 30, "and what was said meanwhile is stored");
}

/// However many flood a store that does not answer, what the core keeps is within what it says.
// MISSION A9
// DM-FLOW-1, DM-FLOW-2
#[test]
fn a_flood_against_a_store_that_does_not_answer_is_bounded() {
    const BODY: usize = 64 * 1024;
    let mut config = Config::default();
    config.commit_bytes_in_flight = 4 * 1024 * 1024;
    config.held_bytes = 2 * 1024 * 1024;
    let mut house = House::with(config.clone());
    let conns: Vec<ConnId> =
        (0..100).map(|number| house.open(Caps::FULL, &device(&format!("u{number}"), "1"))).collect();
    house.hold_commits = true;
    let (mut said, mut refused) = (0_u64, 0_u64);
    // More than a thousand times as much as there is room for would show nothing else.
    for round in 0..20 {
        for conn in &conns {
            house.says(*conn, text(BODY, round));
            said += 1;
        }
        refused += house.sent.iter().filter(|(_, packet)| busy(packet)).count() as u64;
        house.sent.clear();
    }
    let budgets = house.core.budgets();
    let under_way: usize = house
        .held
        .iter()
        .flat_map(bimip_session::ledger::Ticket::puts)
        .map(|put| size_of_val(put) + BODY)
        .sum();
    let largest = BODY as u64 + 1_024;
    assert!((under_way as u64) <= config.commit_bytes_in_flight + largest, "{under_way} under way");
    assert!(budgets.held_bytes.used <= config.held_bytes);
    let kept = (config.commit_bytes_in_flight + config.held_bytes) / BODY as u64 + 1;
    assert!(said - refused <= kept, "{said} said, {refused} refused, room for {kept}");
    assert!(said - refused >= kept * 9 / 10, "and room is used: {said} said, {refused} refused");
    assert!(house.paused.iter().any(|(_, paused)| *paused));
    // And everything that was let in is stored when the store answers.
    house.commit_held();
    assert_eq!(house.core.counters().accepted, said - refused);
    assert!(house.core.budgets().iter().all(|(_, level)| level.used == 0));
}

/// A message as large as they come passes the smallest budget.
// DM-FLOW-1
#[test]
fn what_is_larger_than_a_budget_passes_alone() {
    let mut config = Config::default();
    (config.commit_bytes_in_flight, config.commit_bytes_per_connection) = (1, 1);
    let mut house = House::with(config);
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.heard(a);
    house.says(a, text(limits::BODY_BYTES, 0));
    house.says(a, text(limits::BODY_BYTES, 1));
    let heard = house.heard(a);
    assert!(matches!(heard[..], [ServerPacket::Accepted { .. }, ServerPacket::Accepted { .. }]), "{heard:?}");
}

/// Refusing is work, too.
// MISSION A9
// DM-FLOW-2
#[test]
fn who_is_refused_is_read_no_more_until_the_store_answers() {
    let mut config = Config::default();
    config.commits_in_flight = 1;
    config.held_bytes = 1_000;
    let mut house = House::with(config);
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    house.hold_commits = true;
    house.says(a, text(1, 0));
    house.says(b, text(2_000, 0));
    assert_eq!(house.paused, [(b, true)], "though nothing of it waits");
    house.says(b, text(2_000, 0));
    assert_eq!(house.paused.len(), 1);
    house.commit_held();
    assert_eq!(house.paused, [(b, true), (b, false)]);
    house.says(b, text(2_000, 0));
    assert!(house.heard(b).iter().any(|it| matches!(it, ServerPacket::Accepted { .. })));
}
