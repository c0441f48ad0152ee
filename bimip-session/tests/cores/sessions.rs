//! The same device on several cores: the newest session wins, and an older one that was not told does no harm.

use bimip_proto::{
    Address, Caps, ClientPacket, ClientRef, CloseReason, DeviceName, Offset, Ping, Reject, ServerPacket,
    UnixMs, limits,
};
use bimip_session::server::{ConnId, Grant, Input, Subject};

use super::cluster::{Cluster, POLL_MS, Post, device, group, rows, send, to};
use super::{accepted, texts};

/// Longer than clocks may be apart.
const LATER_MS: u64 = limits::CLOCK_SKEW_MS + 1;

fn is_alive(cluster: &mut Cluster, conn: ConnId) -> bool {
    cluster.heard(conn);
    cluster.says(conn, ClientPacket::Ping(Ping::default()));
    matches!(&cluster.heard(conn)[..], [ServerPacket::Pong { .. }])
}

// DM-SES-4
#[test]
fn the_newest_session_of_a_device_wins_on_whatever_core() {
    let mut cluster = Cluster::new(3);
    let old = cluster.open(0, &device("a", "1"));
    let other = cluster.open(0, &device("a", "2"));
    cluster.wait(LATER_MS);
    let new = cluster.open(1, &device("a", "1"));
    assert_eq!(cluster.closed, [(old, CloseReason::Replaced { by: None })]);
    // Back again, and the words about both come late, twice, and in the wrong order.
    cluster.post = Post::Keeps;
    cluster.wait(LATER_MS);
    let newest = cluster.open(0, &device("a", "1"));
    let began = UnixMs(1_763_652_000_000 + LATER_MS);
    let late = Subject::Session { device: device("a", "1"), label: None, began };
    let at = cluster.wakes.iter().position(|(core, _)| *core == 1).unwrap();
    cluster.deliver(at, true);
    cluster.input(0, Input::Woken(vec![late.clone()]));
    cluster.input(1, Input::Woken(vec![late]));
    cluster.deliver(at, false);
    cluster.settle();
    assert_eq!(cluster.closed[1..], [(new, CloseReason::Replaced { by: None })]);
    assert!(is_alive(&mut cluster, newest) && is_alive(&mut cluster, other));
}

#[test]
fn the_old_session_hears_which_hardware_took_its_place() {
    let mut cluster = Cluster::new(2);
    let grant = |label: &str| {
        let mut grant = Grant::new(device("a", "voiceping"));
        grant.label = DeviceName::new(label).ok();
        grant
    };
    let old = cluster.open_with(0, Caps::WALKIE, grant("one"));
    cluster.wait(LATER_MS);
    let new = cluster.open_with(1, Caps::WALKIE, grant("two"));
    cluster.wait(LATER_MS);
    cluster.open_with(0, Caps::WALKIE, grant("two"));
    let by = DeviceName::new("two").ok();
    assert_eq!(
        cluster.closed,
        [(old, CloseReason::Replaced { by }), (new, CloseReason::Replaced { by: None }),]
    );
}

/// A session that is told that it was replaced may not come back by itself: it must not be the newer one.
#[test]
fn clocks_that_disagree_never_end_the_newer_session() {
    for (ahead_ms, late_ms) in [(900, 5_000), (60_000, 0), (60_000, 5_000), (86_400_000, 60_000)] {
        let mut cluster = Cluster::new(1);
        let ahead = cluster.add_core(ahead_ms);
        cluster.post = Post::Keeps;
        let old = cluster.open(ahead, &device("a", "1"));
        cluster.wait(50);
        let new = cluster.open(0, &device("a", "1"));
        cluster.wait(late_ms);
        cluster.post = Post::Doubles;
        cluster.settle();
        assert!(is_alive(&mut cluster, new), "{ahead_ms} ms ahead, {late_ms} ms late: {:?}", cluster.closed);
        // The older one is not known to be older, and lives on.
        assert!(is_alive(&mut cluster, old));
    }
}

// DM-SES-4
#[test]
fn clocks_may_be_apart_by_so_much_and_no_more() {
    const T0: u64 = 1_763_652_000_000;
    let mut cluster = Cluster::new(1);
    let old = cluster.open(0, &device("a", "1"));
    let begins = |cluster: &mut Cluster, began: u64| {
        let session = Subject::Session { device: device("a", "1"), label: None, began: UnixMs(T0 + began) };
        cluster.input(0, Input::Woken(vec![session]));
        is_alive(cluster, old)
    };
    assert!(begins(&mut cluster, limits::CLOCK_SKEW_MS), "it may be as old as this one");
    cluster.wait(10);
    assert!(begins(&mut cluster, 10 + limits::CLOCK_SKEW_MS + 1), "a clock that far ahead says nothing");
    assert!(!begins(&mut cluster, 10 + limits::CLOCK_SKEW_MS));
}

#[test]
fn an_older_session_that_was_not_told_does_no_harm() {
    let mut cluster = Cluster::new(3);
    let b = cluster.open(2, &device("b", "1"));
    cluster.post = Post::Loses;
    let old = cluster.open(0, &device("a", "1"));
    let new = cluster.open(1, &device("a", "1"));
    cluster.post = Post::Delivers;
    for text in ["m1", "m2", "m3"] {
        cluster.says(b, send(text, to("a")));
    }
    assert_eq!(texts(&cluster.heard(new)), ["m1", "m2", "m3"]);
    assert_eq!(texts(&cluster.heard(old)), ["m1", "m2", "m3"]);
    // The cursor only rises, and what is delivered is told once.
    cluster.heard(b);
    cluster.says(new, ClientPacket::Dispose(Offset(3)));
    cluster.says(old, ClientPacket::Dispose(Offset(1)));
    assert_eq!(cluster.book.attach(&device("a", "1")).cursor, Offset(3));
    assert_eq!(rows(&cluster.heard(b)).len(), 1, "three deliveries, one row, told once");
}

// DM-DUP-1, DM-DUP-2
#[test]
fn another_text_under_a_name_takes_nothing_from_what_is_stored_under_it() {
    let mut cluster = Cluster::new(2);
    let a = cluster.open(0, &device("a", "1"));
    cluster.says(a, send("m1", to("b")));
    let first = accepted(&cluster.heard(a));
    assert_eq!(first.len(), 1);
    cluster.says(a, send("m1", to("c")));
    let heard = cluster.heard(a);
    assert!(matches!(heard[..], [ServerPacket::Rejected { reason: Reject::Conflict, .. }]), "{heard:?}");
    let again = cluster.open(1, &device("a", "1"));
    cluster.says(again, send("m1", to("b")));
    assert_eq!(accepted(&cluster.heard(again)), first);
}

// DM-DUP-5
#[test]
fn what_was_refused_is_not_stored_by_an_older_copy_of_it() {
    let post = |name: &str| {
        let mut draft = match send("to the group", Address::Group(group())) {
            ClientPacket::Send(draft) => draft,
            other => panic!("{other:?}"),
        };
        draft.client_ref = ClientRef::new(name).ok();
        ClientPacket::Send(draft)
    };
    let mut cluster = Cluster::new(3);
    cluster.post = Post::Loses;
    let owner = cluster.open(0, &device("b", "1"));
    cluster.says(owner, ClientPacket::Join(group()));
    let old = cluster.open(0, &device("a", "1"));
    let other = cluster.open(2, &device("a", "2"));
    // Two copies are with the first core's commit thread, which is slow.
    cluster.tell(old, post("r1"));
    cluster.tell(old, post("r2"));
    let slow: Vec<_> = cluster.tickets.drain(..).collect();
    let new = cluster.open(1, &device("a", "1"));
    cluster.heard(new);
    cluster.says(new, post("r1"));
    let refused = cluster.heard(new);
    assert!(matches!(refused[..], [ServerPacket::Rejected { reason: Reject::NotMember, .. }]), "{refused:?}");
    cluster.says(other, ClientPacket::Join(group()));
    cluster.heard(old);
    cluster.tickets.extend(slow);
    cluster.settle();
    let late = cluster.heard(old);
    assert!(
        matches!(
            late[..],
            [ServerPacket::Rejected { reason: Reject::Conflict, .. }, ServerPacket::Accepted { .. },]
        ),
        "only what nobody was told to be refused: {late:?}"
    );
    // Whoever was told may ask again, and is a member by now; so may later sessions.
    cluster.says(new, post("r1"));
    let stored = cluster.heard(new);
    assert!(stored.iter().any(|it| matches!(it, ServerPacket::Accepted { .. })), "{stored:?}");
    let newest = cluster.open(2, &device("a", "1"));
    cluster.heard(newest);
    cluster.says(newest, post("r1"));
    let again = cluster.heard(newest);
    assert!(
        again.iter().any(|it| matches!(it, ServerPacket::Accepted { .. })),
        "the first acknowledgement: {again:?}"
    );
    cluster.wait(POLL_MS);
    assert_eq!(texts(&cluster.heard(owner)), ["to the group", "to the group"], "each once");
}

#[test]
fn a_wake_up_that_comes_back_to_its_own_core_ends_nothing() {
    let mut cluster = Cluster::new(2);
    cluster.post = Post::Keeps;
    let one = cluster.open(0, &device("a", "1"));
    let (_, own) = cluster.wakes.pop().unwrap();
    assert!(matches!(&own[..], [Subject::Session { .. }]), "{own:?}");
    cluster.input(0, Input::Woken(own));
    cluster.settle();
    assert!(cluster.closed.is_empty() && cluster.is_open(one));
}
