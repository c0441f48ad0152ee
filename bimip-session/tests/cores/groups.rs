//! Who is in a group: known on every core within the bound, and voice goes to nobody else.

use bimip_proto::{
    Address, Caps, ClientPacket, ClientRef, Floor, GroupAct, GroupCommand, MayPost, Noted, Reject,
    ServerPacket, Talk, TalkAct,
};
use bimip_session::server::{ConnId, Grant, Input, Subject};
use bytes::Bytes;

use super::cluster::{Cluster, POLL_MS, Post, device, group, user};

fn walkie(cluster: &mut Cluster, core: usize, name: &str) -> ConnId {
    cluster.open_with(core, Caps::WALKIE, Grant::new(device(name, "voiceping")))
}

fn talk(from: &str, act: TalkAct) -> ClientPacket {
    ClientPacket::Talk(Talk { from: user(from), to: Address::Group(group()), act })
}

fn start() -> TalkAct {
    TalkAct::Start { label: None, payload: Bytes::from_static(&[5]) }
}

fn piece() -> TalkAct {
    TalkAct::Audio { label: None, payload: Bytes::from_static(&[0xc4, 1, 9]) }
}

fn hears(cluster: &mut Cluster, conn: ConnId) -> usize {
    cluster.heard(conn).iter().filter(|it| matches!(it, ServerPacket::Talk(_))).count()
}

/// I9: no live voice to or from somebody who left, beyond the bound.
#[test]
fn who_left_on_another_core_hears_no_voice_and_is_not_heard() {
    for (post, wait_ms) in [(Post::Delivers, 0), (Post::Doubles, 0), (Post::Loses, POLL_MS)] {
        let mut cluster = Cluster::new(2);
        let (ann, bob) = (walkie(&mut cluster, 0, "ann"), walkie(&mut cluster, 0, "bob"));
        for conn in [ann, bob] {
            cluster.says(conn, ClientPacket::Join(group()));
        }
        cluster.says(ann, talk("ann", start()));
        cluster.says(ann, talk("ann", piece()));
        assert_eq!(hears(&mut cluster, bob), 2);
        // With another of their devices, on the other core.
        cluster.post = post;
        let desk = cluster.open(1, &device("bob", "desk"));
        cluster.says(desk, ClientPacket::Leave(group()));
        assert_eq!(cluster.heard(desk).last(), Some(&ServerPacket::Noted(Noted::Left(group()))));
        cluster.wait(wait_ms);
        cluster.says(ann, talk("ann", piece()));
        assert_eq!(hears(&mut cluster, bob), 0, "{post:?}");
        // The talker, too: what is under way ends, and nothing new begins.
        let desk = cluster.open(1, &device("ann", "desk"));
        cluster.says(desk, ClientPacket::Leave(group()));
        cluster.says(bob, ClientPacket::Join(group()));
        cluster.wait(wait_ms);
        cluster.heard(bob);
        cluster.says(ann, talk("ann", piece()));
        assert_eq!(hears(&mut cluster, bob), 0, "{post:?}");
        cluster.heard(ann);
        cluster.says(ann, talk("ann", start()));
        let denied = Floor::Denied { to: Address::Group(group()), reason: Reject::NotMember };
        assert_eq!(cluster.heard(ann), [ServerPacket::Floor(denied)], "{post:?}");
    }
}

#[test]
fn who_joined_on_another_core_is_in_at_once() {
    let mut cluster = Cluster::new(2);
    let (ann, bob) = (walkie(&mut cluster, 0, "ann"), walkie(&mut cluster, 0, "bob"));
    cluster.says(ann, ClientPacket::Join(group()));
    let desk = cluster.open(1, &device("bob", "desk"));
    cluster.says(desk, ClientPacket::Join(group()));
    cluster.says(ann, talk("ann", start()));
    assert_eq!(hears(&mut cluster, bob), 1);
}

/// Proofs and answers come by different ways: the last word is storage's.
#[test]
fn a_proof_that_comes_after_a_newer_answer_does_not_have_the_last_word() {
    let mut cluster = Cluster::new(2);
    let (ann, bob) = (walkie(&mut cluster, 0, "ann"), walkie(&mut cluster, 0, "bob"));
    let desk = cluster.open(1, &device("bob", "desk"));
    cluster.says(ann, ClientPacket::Join(group()));
    cluster.says(bob, ClientPacket::Join(group()));
    // Bob leaves on core 0, whose proof is slow, and joins again on core 1, whose wake-up is fast.
    cluster.tell(bob, ClientPacket::Leave(group()));
    cluster.commit(1);
    cluster.tell(desk, ClientPacket::Join(group()));
    cluster.commit(1);
    cluster.input(0, Input::Woken(vec![Subject::Account(user("bob"))]));
    cluster.read(0);
    cluster.answer(0);
    assert!(cluster.questions.is_empty() && cluster.prove(0), "the slow proof");
    cluster.settle();
    cluster.says(ann, talk("ann", start()));
    assert_eq!(hears(&mut cluster, bob), 1);
}

#[test]
fn an_answer_older_than_a_leave_brings_nobody_back() {
    let mut cluster = Cluster::new(2);
    let (ann, bob) = (walkie(&mut cluster, 0, "ann"), walkie(&mut cluster, 0, "bob"));
    for conn in [ann, bob] {
        cluster.says(conn, ClientPacket::Join(group()));
    }
    cluster.says(ann, talk("ann", start()));
    cluster.heard(bob);
    cluster.input(0, Input::Woken(vec![Subject::Account(user("bob"))]));
    cluster.read(0);
    cluster.tell(bob, ClientPacket::Leave(group()));
    cluster.commit(1);
    cluster.prove(0);
    cluster.answer(0);
    // Before the next answer.
    cluster.tell(ann, talk("ann", piece()));
    assert_eq!(hears(&mut cluster, bob), 0);
}

/// Bob leaves with a device on a core that tells nobody; his next device here brings storage's word along.
#[test]
fn a_talk_ends_when_a_sign_in_shows_that_the_talker_left() {
    let mut cluster = Cluster::new(2);
    let (ann, bob) = (walkie(&mut cluster, 0, "ann"), walkie(&mut cluster, 0, "bob"));
    for conn in [ann, bob] {
        cluster.says(conn, ClientPacket::Join(group()));
    }
    cluster.says(bob, talk("bob", start()));
    let desk = cluster.open(1, &device("bob", "desk"));
    cluster.post = Post::Loses;
    cluster.says(desk, ClientPacket::Leave(group()));
    cluster.open(0, &device("bob", "phone"));
    cluster.heard(ann);
    cluster.says(bob, talk("bob", piece()));
    assert_eq!(hears(&mut cluster, ann), 0);
}

/// What a core knows may be older than what its own command meets: then the command changes something, and looks as if it
/// did not.
#[test]
fn a_leave_that_is_no_news_here_is_news_elsewhere() {
    let mut cluster = Cluster::new(2);
    cluster.post = Post::Keeps;
    let ann = walkie(&mut cluster, 1, "ann");
    let (desk, bob) = (cluster.open(0, &device("bob", "desk")), walkie(&mut cluster, 1, "bob"));
    for conn in [ann, bob] {
        cluster.says(conn, ClientPacket::Join(group()));
    }
    cluster.says(desk, ClientPacket::Leave(group()));
    cluster.post = Post::Delivers;
    cluster.settle();
    cluster.says(ann, talk("ann", start()));
    assert_eq!(hears(&mut cluster, bob), 0);
}

/// Who manages a group does so on one core, and whom it concerns is on another.
// DM-GRP-12, DM-GRP-14
#[test]
fn who_is_put_out_or_hushed_on_another_core_is_not_heard() {
    let hush = GroupAct::Edit { title: None, about: None, open: None, post: Some(MayPost::Admins) };
    let cases = [(GroupAct::Remove(user("bob")), Reject::NotMember), (hush, Reject::Role)];
    for (post, wait_ms) in [(Post::Delivers, 0), (Post::Doubles, 0), (Post::Loses, POLL_MS)] {
        for (act, reason) in cases.clone() {
            let mut cluster = Cluster::new(2);
            let (ann, bob) = (cluster.open(0, &device("ann", "desk")), walkie(&mut cluster, 1, "bob"));
            let carl = walkie(&mut cluster, 1, "carl");
            for conn in [ann, bob, carl] {
                cluster.says(conn, ClientPacket::Join(group()));
            }
            cluster.says(bob, talk("bob", start()));
            cluster.says(bob, talk("bob", piece()));
            assert_eq!(hears(&mut cluster, carl), 2);
            cluster.post = post;
            let client_ref = ClientRef::new("c").unwrap();
            cluster.says(ann, ClientPacket::Group(GroupCommand { client_ref, group: group(), act }));
            let heard = cluster.heard(ann);
            let done = |it: &ServerPacket| matches!(it, ServerPacket::Noted(Noted::Grouped { .. }));
            assert!(heard.iter().any(done), "{heard:?}");
            cluster.wait(wait_ms);
            cluster.heard(bob);
            cluster.says(bob, talk("bob", piece()));
            assert_eq!(hears(&mut cluster, carl), 0, "{post:?}");
            cluster.says(bob, talk("bob", start()));
            let denied = Floor::Denied { to: Address::Group(group()), reason };
            assert!(cluster.heard(bob).contains(&ServerPacket::Floor(denied)), "{post:?}");
        }
    }
}
