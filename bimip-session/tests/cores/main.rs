//! Several cores over one store: storage is the truth, a wake-up is a hint.
#![allow(clippy::unwrap_used, reason = "test code")]

mod accounts;
mod cluster;
mod feeds;
mod groups;
mod schedules;
mod sessions;

use std::convert::Infallible;

use bimip_proto::{Caps, ClientPacket, Entry, MessageId, Now, Offset, ServerPacket};
use bimip_session::Machine;
use bimip_session::ledger::{Book, settle};
use bimip_session::server::{Config, ConnId, Grant, Input, Output, Page, ServerCore, Subject};

use cluster::{Cluster, POLL_MS, Post, device, group, rows, send, to, user};

fn accepted(packets: &[ServerPacket]) -> Vec<(MessageId, Offset)> {
    let id = |packet: &ServerPacket| match packet {
        ServerPacket::Accepted { head, offset, .. } => Some((head.id, *offset)),
        _ => None,
    };
    packets.iter().filter_map(id).collect()
}

pub(crate) fn texts(packets: &[ServerPacket]) -> Vec<String> {
    let text = |packet: &ServerPacket| match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) => Some(String::from_utf8_lossy(&message.body.bytes).into()),
            _ => None,
        },
        _ => None,
    };
    packets.iter().filter_map(text).collect()
}

#[test]
fn a_message_reaches_whoever_is_on_another_core() {
    let mut cluster = Cluster::new(3);
    let (a, b) = (cluster.open(0, &device("a", "1")), cluster.open(1, &device("b", "1")));
    let own = cluster.open(2, &device("a", "2"));
    cluster.heard(b);
    cluster.says(a, send("m1", to("b")));
    assert_eq!(texts(&cluster.heard(b)), ["m1"]);
    assert_eq!(texts(&cluster.heard(own)), ["m1"], "one's own other device, on a third core");
    assert_eq!(accepted(&cluster.heard(a)).len(), 1);
    // The receipt comes back the same way.
    cluster.says(b, ClientPacket::Dispose(Offset(1)));
    assert_eq!(rows(&cluster.heard(a)), [Offset(2)]);
}

#[test]
fn a_wake_up_twice_late_and_about_nothing_changes_nothing() {
    let mut cluster = Cluster::new(2);
    cluster.post = Post::Doubles;
    let (a, b) = (cluster.open(0, &device("a", "1")), cluster.open(1, &device("b", "1")));
    cluster.heard(b);
    cluster.says(a, send("m1", to("b")));
    assert_eq!(texts(&cluster.heard(b)), ["m1"]);
    let reads = |cluster: &mut Cluster, head| {
        cluster.input(1, Input::Woken(vec![Subject::Mailbox { user: user("b"), head }]));
        let reads = cluster.questions.len();
        cluster.settle();
        reads
    };
    assert_eq!(reads(&mut cluster, Offset(1)), 0, "known already");
    assert_eq!(reads(&mut cluster, Offset(99)), 1, "there is no such row: one look, and that is that");
    assert_eq!(reads(&mut cluster, Offset(u64::MAX)), 1);
    let nobody = [Subject::Account(user("x")), Subject::Mailbox { user: user("x"), head: Offset(5) }];
    cluster.input(1, Input::Woken(nobody.to_vec()));
    assert!(cluster.questions.is_empty());
    cluster.input(1, Input::Woken(vec![Subject::Account(user("b"))]));
    cluster.settle();
    assert_eq!(cluster.heard(b), []);
    cluster.says(a, send("m2", to("b")));
    assert_eq!(texts(&cluster.heard(b)), ["m2"], "a wrong hint hides nothing that comes after");
}

#[test]
fn a_wake_up_that_comes_while_a_page_is_read_is_not_forgotten() {
    let mut cluster = Cluster::new(2);
    cluster.post = Post::Keeps;
    let (a, b) = (cluster.open(0, &device("a", "1")), cluster.open(1, &device("b", "1")));
    cluster.wakes.clear();
    cluster.heard(b);
    // The page is read, and says: nothing. Then a row comes, and its wake-up overtakes the page.
    cluster.input(1, Input::Woken(vec![Subject::Mailbox { user: user("b"), head: Offset(u64::MAX) }]));
    cluster.read(0);
    cluster.tell(a, send("m1", to("b")));
    cluster.commit(1);
    cluster.prove(0);
    let at = cluster.wakes.iter().position(|(core, _)| *core == 1).unwrap();
    cluster.deliver(at, false);
    cluster.answer(0);
    cluster.settle();
    assert_eq!(texts(&cluster.heard(b)), ["m1"]);
}

#[test]
fn a_lost_wake_up_costs_a_poll_and_no_message() {
    let mut cluster = Cluster::new(2);
    cluster.post = Post::Loses;
    let (a, b) = (cluster.open(0, &device("a", "1")), cluster.open(1, &device("b", "1")));
    cluster.heard(b);
    cluster.says(a, send("m1", to("b")));
    assert_eq!(cluster.heard(b), [], "nobody told it");
    cluster.wait(POLL_MS);
    assert_eq!(texts(&cluster.heard(b)), ["m1"]);
    // The row that is heard of brings along the one that was not, in order.
    cluster.says(a, send("m2", to("b")));
    cluster.post = Post::Delivers;
    cluster.says(a, send("m3", to("b")));
    assert_eq!(texts(&cluster.heard(b)), ["m2", "m3"]);
}

#[test]
fn what_could_not_be_read_is_asked_again_at_the_next_poll() {
    let mut cluster = Cluster::new(2);
    let (a, b) = (cluster.open(0, &device("a", "1")), cluster.open(1, &device("b", "1")));
    cluster.heard(b);
    cluster.post = Post::Loses;
    cluster.says(a, send("m1", to("b")));
    let woken = [Subject::Account(user("b")), Subject::Mailbox { user: user("b"), head: Offset(1) }];
    cluster.input(1, Input::Woken(woken.to_vec()));
    assert_eq!(std::mem::take(&mut cluster.questions).len(), 2);
    cluster.input(1, Input::Attached(b, None));
    cluster.input(1, Input::Page(Page { conn: b, rows: None }));
    cluster.settle();
    assert!(cluster.is_open(b) && cluster.heard(b).is_empty());
    cluster.wait(POLL_MS);
    assert_eq!(texts(&cluster.heard(b)), ["m1"]);
}

#[test]
fn polls_are_spread_and_never_later_than_they_say() {
    let mut cluster = Cluster::new(2);
    cluster.post = Post::Loses;
    let users: Vec<String> = (0..40).map(|number| format!("u{number}")).collect();
    for name in &users {
        cluster.open(0, &device(name, "1"));
        // A second device of the same user asks nothing of its own.
        cluster.open(0, &device(name, "2"));
    }
    let before = cluster.counters(0).looks;
    let mut moments = 0;
    for _ in 0..POLL_MS / 100 {
        let looks = cluster.counters(0).looks;
        cluster.wait(100);
        moments += u64::from(cluster.counters(0).looks > looks);
    }
    let polls = cluster.counters(0).looks - before;
    assert!((40..=80).contains(&polls), "each user once in {POLL_MS} ms, at most a quarter sooner: {polls}");
    assert!(moments >= 10, "not all at once: {moments}");
}

#[test]
fn who_comes_while_a_message_is_under_way_hears_of_it() {
    let mut cluster = Cluster::new(2);
    cluster.post = Post::Keeps;
    let a = cluster.open(0, &device("a", "1"));
    cluster.wakes.clear();
    // Storage has said where the device stands, but the core has not heard it when the message is stored.
    let b = cluster.dial(1, Caps::FULL, Grant::new(device("b", "1")));
    cluster.read(0);
    cluster.tell(a, send("m1", to("b")));
    cluster.commit(1);
    cluster.prove(0);
    let at = cluster.wakes.iter().position(|(core, _)| *core == 1).unwrap();
    cluster.deliver(at, false);
    cluster.settle();
    assert_eq!(texts(&cluster.heard(b)), ["m1"]);
}

#[test]
fn a_retry_on_another_core_is_answered_as_the_first_was() {
    let mut cluster = Cluster::new(3);
    let b = cluster.open(1, &device("b", "1"));
    let a = cluster.open(0, &device("a", "1"));
    cluster.says(a, send("m1", to("b")));
    let first = accepted(&cluster.heard(a));
    let again = cluster.open(2, &device("a", "1"));
    cluster.says(again, send("m1", to("b")));
    assert_eq!(accepted(&cluster.heard(again)), first);
    assert_eq!(texts(&cluster.heard(b)), ["m1"], "once");
    // Both in one batch, before either is answered.
    cluster.tell(again, send("m2", to("b")));
    let third = cluster.dial(0, Caps::FULL, Grant::new(device("a", "1")));
    cluster.read(0);
    cluster.answer(0);
    cluster.tell(third, send("m2", to("b")));
    cluster.settle();
    assert_eq!(texts(&cluster.heard(b)), ["m2"]);
    assert_eq!(accepted(&cluster.heard(third)), accepted(&cluster.heard(again)));
}

#[test]
fn a_device_goes_on_elsewhere_when_its_core_dies() {
    let mut cluster = Cluster::new(2);
    let (a, b) = (cluster.open(0, &device("a", "1")), cluster.open(1, &device("b", "1")));
    cluster.says(a, send("m1", to("b")));
    cluster.says(b, ClientPacket::Dispose(Offset(1)));
    cluster.says(a, send("m2", to("b")));
    cluster.heard(b);
    // Stored, and its core is gone before it can say so.
    cluster.tell(b, send("r1", to("a")));
    cluster.commit(1);
    cluster.crash(1);
    cluster.settle();
    let b = cluster.open(0, &device("b", "1"));
    let heard = cluster.heard(b);
    assert!(matches!(&heard[0], ServerPacket::Welcome(it) if it.resume_from == Offset(1)), "{heard:?}");
    assert_eq!(texts(&heard), ["m2"]);
    cluster.says(b, send("r1", to("a")));
    let first = accepted(&cluster.heard(b));
    assert_eq!(first.len(), 1);
    // The core whose proof died with it woke nobody: its row is found by the repeat's readers at the next poll.
    cluster.wait(POLL_MS);
    assert_eq!(texts(&cluster.heard(a)), ["r1"], "once, though it was said twice");
}

#[test]
fn rows_are_in_order_whichever_core_wrote_them() {
    let mut cluster = Cluster::new(3);
    let writers: Vec<ConnId> =
        (0..3).map(|core| cluster.open(core, &device(&format!("w{core}"), "1"))).collect();
    let b = cluster.open(0, &device("b", "1"));
    cluster.heard(b);
    cluster.post = Post::Keeps;
    for round in 0..20 {
        for (core, writer) in writers.iter().enumerate() {
            cluster.tell(*writer, send(&format!("{core}-{round}"), to("b")));
        }
    }
    cluster.settle();
    // The core of the reader only has its own proofs; the rest it learns in whatever order.
    while !cluster.wakes.is_empty() {
        cluster.deliver(cluster.wakes.len() / 2, false);
        cluster.settle();
    }
    let offsets: Vec<u64> = rows(&cluster.heard(b)).iter().map(|offset| offset.0).collect();
    assert_eq!(offsets, (1..=60).collect::<Vec<_>>());
}

#[test]
fn a_core_that_is_alone_wakes_nobody_and_never_polls() {
    let now = Now { mono_ms: 0, unix_ms: 1_763_652_000_000 };
    let mut core = ServerCore::new(Config::default());
    let mut book = Book::new(7);
    let mut asked = 0;
    let mut run = |core: &mut ServerCore, input| {
        core.handle_input(now, input);
        while let Some(output) = core.poll_output() {
            match output {
                Output::Attach(conn, device) => {
                    asked += 1;
                    core.handle_input(now, Input::Attached(conn, Some(book.attach(&device))));
                }
                Output::Commit(ticket) => {
                    let settled: Result<_, (Vec<_>, Infallible)> = settle(vec![ticket], &book);
                    let Ok(settlement) = settled;
                    book.apply(settlement.writes());
                    for proof in settlement.committed() {
                        core.handle_input(now, Input::Committed(proof));
                    }
                }
                Output::Wake(subjects) => panic!("{subjects:?}"),
                _ => {}
            }
        }
        asked
    };
    let grant = Grant::new(device("a", "1"));
    run(&mut core, Input::Opened { conn: ConnId(1), caps: Caps::FULL, grant: Some(grant) });
    for packet in [send("m1", to("b")), ClientPacket::Join(group())] {
        run(&mut core, Input::Packets(ConnId(1), vec![packet.into()]));
    }
    let woken = vec![Subject::Account(user("a")), Subject::Mailbox { user: user("a"), head: Offset(9) }];
    assert_eq!(run(&mut core, Input::Woken(woken)), 1, "asked once, when the session began");
    let now = Now { mono_ms: 50_000, ..now };
    core.handle_timeout(now);
    let asks = |output: &Output| !matches!(output, Output::Commit(_));
    assert!(
        !std::iter::from_fn(|| core.poll_output()).any(|it| asks(&it)),
        "who was seen is written down, no more"
    );
    assert_eq!((core.counters().wakes, core.counters().woken, core.counters().looks), (0, 0, 0));
}
