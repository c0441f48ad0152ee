//! The same device on several cores: the newest session wins, and an older one that was not told does no harm.

use bimip_proto::{Caps, ClientPacket, CloseReason, Offset};
use bimip_session::server::{Generation, Grant, Input, Subject};

use super::cluster::{Cluster, Post, device, rows, send, to};
use super::texts;

#[test]
fn the_newest_session_of_a_device_wins_on_whatever_core() {
    let mut cluster = Cluster::new(3);
    let old = cluster.open(0, &device("a", "1"));
    let other = cluster.open(0, &device("a", "2"));
    let new = cluster.open(1, &device("a", "1"));
    assert_eq!(cluster.closed, [(old, CloseReason::Replaced { by: None })]);
    // Back again: a late word of the session in between ends nothing.
    cluster.post = Post::Keeps;
    let newest = cluster.open(0, &device("a", "1"));
    let of = |core| move |it: &(usize, Vec<Subject>)| it.0 == core;
    let at = cluster.wakes.iter().position(of(1)).unwrap();
    cluster.deliver(at, true);
    assert_eq!(cluster.closed[1..], [(new, CloseReason::Replaced { by: None })]);
    let late = Generation { number: 1, core: 2 };
    let late = Subject::Session { device: device("a", "1"), label: None, generation: late };
    cluster.input(0, Input::Woken(vec![late]));
    cluster.deliver(at, false);
    cluster.settle();
    assert_eq!(cluster.closed.len(), 2);
    for conn in [newest, other] {
        cluster.heard(conn);
        cluster.says(conn, ClientPacket::Ping(Default::default()));
        assert_eq!(cluster.heard(conn).len(), 1);
    }
}

#[test]
fn clocks_that_disagree_do_not_keep_the_older_session() {
    let mut cluster = Cluster::new(1);
    let behind = cluster.len();
    cluster.add_core(0);
    let ahead = cluster.add_core(60_000);
    let old = cluster.open(ahead, &device("a", "1"));
    cluster.wait(5);
    let new = cluster.open(behind, &device("a", "1"));
    assert_eq!(cluster.closed, [(old, CloseReason::Replaced { by: None })]);
    cluster.heard(new);
    cluster.says(new, ClientPacket::Ping(Default::default()));
    assert_eq!(cluster.heard(new).len(), 1);
}

#[test]
fn of_two_that_begin_at_once_one_is_left() {
    let mut cluster = Cluster::new(2);
    let grant = || Grant::new(device("a", "1"));
    let conns = [0, 1].map(|core| cluster.dial(core, Caps::FULL, grant()));
    cluster.settle();
    assert_eq!(
        cluster.closed,
        [(conns[0], CloseReason::Replaced { by: None })],
        "the higher core's is the later"
    );
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
