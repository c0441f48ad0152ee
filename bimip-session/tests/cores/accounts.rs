//! What a user decides about the account on one core holds on all.

use bimip_proto::{
    Caps, ClientPacket, CloseReason, Device, DeviceName, LogOut, ServerPacket, TokenId, TokenTask, UnixMs,
};
use bimip_session::server::{ConnId, Grant, Input, Subject, Vouched};
use bytes::Bytes;

use super::cluster::{Cluster, POLL_MS, Post, device, user};

fn by_token(cluster: &Cluster, device: Device, token: &str) -> Grant {
    let mut grant = Grant::new(device);
    grant.token_id = Some(TokenId::new(token).unwrap());
    grant.issued = Some(UnixMs(1_763_652_000_000 + cluster.mono_ms - 1_000));
    grant
}

#[test]
fn what_is_revoked_on_one_core_is_revoked_on_all() {
    // DM-ACC-1, BM-TOKEN-3.
    for (post, wait_ms) in [(Post::Delivers, 0), (Post::Doubles, 0), (Post::Loses, POLL_MS)] {
        let mut cluster = Cluster::new(2);
        cluster.wait(2_000);
        let grants = ["1", "2", "3"].map(|name| by_token(&cluster, device("a", name), &format!("t{name}")));
        let [one, two, three] = [0, 1, 1];
        let one = cluster.open_with(one, Caps::FULL, grants[0].clone());
        let two = cluster.open_with(two, Caps::FULL, grants[1].clone());
        let three = cluster.open_with(three, Caps::FULL, grants[2].clone());
        cluster.post = post;
        cluster.tell(one, ClientPacket::Token { task: TokenTask::Revoke, token: Bytes::from_static(b"t2") });
        cluster.input(0, Input::Token(one, Ok(Vouched { grant: grants[1].clone(), token: None })));
        cluster.settle();
        // The token is no way in again, whatever the core there has heard.
        let mut again = grants[1].clone();
        again.device = device("a", "9");
        let again = cluster.open_with(1, Caps::FULL, again);
        assert!(cluster.closed.contains(&(again, CloseReason::Refused)), "{post:?}: {:?}", cluster.closed);
        cluster.closed.retain(|(conn, _)| *conn != again);
        cluster.wait(wait_ms);
        let ended: Vec<ConnId> = cluster.closed.iter().map(|(conn, _)| *conn).collect();
        assert_eq!(ended, [two], "{post:?}");
        cluster.says(three, ClientPacket::LogOut(LogOut::Account));
        cluster.wait(wait_ms);
        assert_eq!(cluster.closed[1..], [(three, CloseReason::LoggedOut), (one, CloseReason::LoggedOut)]);
    }
}

#[test]
fn a_session_without_a_token_is_logged_out_elsewhere_too_and_may_come_again() {
    for (post, wait_ms) in [(Post::Delivers, 0), (Post::Loses, POLL_MS)] {
        let mut cluster = Cluster::new(2);
        let one = cluster.open(0, &device("a", "1"));
        let two = cluster.open(1, &device("a", "2"));
        let three = cluster.open(1, &device("a", "3"));
        cluster.wait(10);
        cluster.post = post;
        cluster.says(one, ClientPacket::LogOut(LogOut::Device(DeviceName::new("2").ok())));
        cluster.wait(wait_ms);
        assert_eq!(cluster.closed, [(two, CloseReason::LoggedOut)], "{post:?}");
        cluster.wait(1);
        let two = cluster.open(1, &device("a", "2"));
        cluster.input(1, Input::Woken(vec![Subject::Account(user("a"))]));
        cluster.settle();
        assert_eq!(cluster.closed.len(), 1, "what was logged out before ends nothing that began since");
        for conn in [two, three] {
            cluster.heard(conn);
            cluster.says(conn, ClientPacket::Ping(Default::default()));
            assert_eq!(cluster.heard(conn).len(), 1);
        }
    }
}

#[test]
fn being_seen_or_not_is_the_same_on_all_cores() {
    let mut cluster = Cluster::new(2);
    let one = cluster.open(0, &device("a", "1"));
    let two = cluster.open(1, &device("a", "2"));
    cluster.heard(two);
    cluster.says(one, ClientPacket::SetVisible { id: None, visible: false });
    assert_eq!(cluster.heard(two), [ServerPacket::Visible { id: None, visible: false }]);
    cluster.says(two, ClientPacket::SetVisible { id: None, visible: true });
    assert_eq!(cluster.heard(one).last(), Some(&ServerPacket::Visible { id: None, visible: true }));
}

/// Nobody was told, and nobody has to be: who comes brings storage's word along.
#[test]
fn a_sign_in_brings_what_was_not_heard_of() {
    let mut cluster = Cluster::new(2);
    cluster.wait(2_000);
    let one = cluster.open(0, &device("a", "1"));
    let grant = by_token(&cluster, device("a", "2"), "t2");
    let two = cluster.open_with(1, Caps::FULL, grant.clone());
    cluster.post = Post::Loses;
    cluster.tell(one, ClientPacket::Token { task: TokenTask::Revoke, token: Bytes::from_static(b"t2") });
    cluster.input(0, Input::Token(one, Ok(Vouched { grant, token: None })));
    cluster.settle();
    assert!(cluster.is_open(two), "nobody told it");
    cluster.open(1, &device("a", "3"));
    assert_eq!(cluster.closed, [(two, CloseReason::Revoked)]);
}

#[test]
fn an_answer_older_than_a_decision_undoes_nothing() {
    let mut cluster = Cluster::new(2);
    let one = cluster.open(0, &device("a", "1"));
    let two = cluster.open(0, &device("a", "2"));
    cluster.heard(two);
    // Storage is read, then the user hides, and only then the answer comes.
    cluster.input(0, Input::Woken(vec![Subject::Account(user("a"))]));
    cluster.read(0);
    cluster.tell(one, ClientPacket::SetVisible { id: None, visible: false });
    cluster.commit(1);
    cluster.prove(0);
    cluster.answer(0);
    cluster.settle();
    assert_eq!(cluster.heard(two), [ServerPacket::Visible { id: None, visible: false }]);
}

/// A machine accepts any sequence of inputs.
#[test]
fn an_answer_that_nobody_asked_for_changes_nothing() {
    let mut cluster = Cluster::new(2);
    let one = cluster.open(0, &device("a", "1"));
    let two = cluster.open(0, &device("a", "2"));
    let mut forged = cluster.book.attach(&device("a", "2"));
    forged.standing = std::sync::Arc::new(bimip_session::ledger::Standing {
        revoked_before: UnixMs(u64::MAX),
        ..bimip_session::ledger::Standing::default()
    });
    cluster.input(0, Input::Attached(two, Some(forged.clone())));
    cluster.input(0, Input::Woken(vec![Subject::Account(user("a"))]));
    cluster.input(0, Input::Attached(two, Some(forged)));
    cluster.settle();
    assert!(cluster.is_open(one) && cluster.is_open(two), "{:?}", cluster.closed);
}

/// The connection through which storage was asked goes before it answers: another asks.
#[test]
fn a_question_does_not_go_with_the_connection_that_asked() {
    let mut cluster = Cluster::new(2);
    cluster.wait(2_000);
    let asks = cluster.open(0, &device("a", "1"));
    let grant = by_token(&cluster, device("a", "2"), "t2");
    let two = cluster.open_with(0, Caps::FULL, grant.clone());
    let far = cluster.open(1, &device("a", "3"));
    cluster.post = Post::Loses;
    cluster.tell(far, ClientPacket::Token { task: TokenTask::Revoke, token: Bytes::from_static(b"t2") });
    cluster.input(1, Input::Token(far, Ok(Vouched { grant, token: None })));
    cluster.settle();
    assert!(cluster.is_open(two));
    cluster.input(0, Input::Woken(vec![Subject::Account(user("a"))]));
    cluster.hang_up(asks);
    cluster.settle();
    assert_eq!(cluster.closed, [(two, CloseReason::Revoked)]);
}
