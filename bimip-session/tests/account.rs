//! Tokens, logging out, push registrations: what a user decides about the account, and what follows at once.
#![allow(clippy::unwrap_used, reason = "tests")]

mod harness;

use std::sync::Arc;

use bimip_proto::{
    Caps, ClientPacket, ClientRef, CloseReason, Device, DeviceName, LogOut, Noted, PushToken, Reject,
    ServerPacket, TokenAnswer, TokenId, TokenTask, UnixMs, limits,
};
use bimip_session::ledger::{Standing, View, Write};
use bimip_session::server::{ConnId, Grant, Input, Vouched};
use bytes::Bytes;
use harness::{House, device, draft, user};

/// A grant by a token of this name, made `age_ms` ago and good for an hour.
fn by_token(house: &House, device: Device, token: &str, age_ms: u64) -> Grant {
    let mut grant = Grant::new(device);
    grant.token_id = Some(TokenId::new(token).unwrap());
    grant.issued = Some(UnixMs(house.now.unix_ms - age_ms));
    grant.expires = Some(UnixMs(house.now.unix_ms + 3_600_000));
    grant
}

fn signed_in(house: &mut House, user: &str, name: &str, token: &str) -> ConnId {
    let grant = by_token(house, device(user, name), token, 1_000);
    let conn = house.open_with(Caps::FULL, grant);
    assert!(house.heard(conn).iter().any(|it| matches!(it, ServerPacket::Welcome(_))), "{user}/{name} is in");
    conn
}

fn is_let_in(house: &mut House, user: &str, name: &str, token: &str, age_ms: u64) -> bool {
    let grant = by_token(house, device(user, name), token, age_ms);
    let conn = house.open_with(Caps::FULL, grant);
    let welcome = house.heard(conn).iter().any(|it| matches!(it, ServerPacket::Welcome(_)));
    house.input(Input::Closed(conn));
    house.closed.retain(|(it, _)| *it != conn);
    welcome
}

fn ask(house: &mut House, conn: ConnId, task: TokenTask) {
    house.says(conn, ClientPacket::Token { task, token: Bytes::from_static(b"tok") });
}

fn closed(house: &mut House) -> Vec<(ConnId, CloseReason)> {
    std::mem::take(&mut house.closed)
}

// MISSION B9
#[test]
fn a_revoked_token_ends_its_sessions_and_opens_no_more() {
    // BM-TOKEN-3, DM-ACC-1.
    let mut house = House::new();
    let a1 = signed_in(&mut house, "a", "1", "t1");
    let a2 = signed_in(&mut house, "a", "2", "t1");
    let a3 = signed_in(&mut house, "a", "3", "t2");
    ask(&mut house, a3, TokenTask::Revoke);
    let asked = house.asked.pop().unwrap();
    assert_eq!(asked, (a3, TokenTask::Revoke, Bytes::from_static(b"tok")));
    // What is said meanwhile waits for the answer.
    house.says(a3, ClientPacket::Send(draft("r1", "b", "later")));
    assert_eq!(house.heard(a3), []);
    let grant = by_token(&house, device("a", "1"), "t1", 1_000);
    house.input(Input::Token(a3, Ok(Vouched { grant, token: None })));
    let heard = house.heard(a3);
    let done = TokenAnswer { task: TokenTask::Revoke, token: None, expires: None };
    assert_eq!(heard[0], ServerPacket::Token(done));
    assert!(matches!(heard[1], ServerPacket::Accepted { .. }), "{heard:?}");
    assert_eq!(closed(&mut house), [(a1, CloseReason::Revoked), (a2, CloseReason::Revoked)]);
    assert!(!is_let_in(&mut house, "a", "1", "t1", 1_000) && is_let_in(&mut house, "a", "1", "t3", 1_000));
    assert!(is_let_in(&mut house, "b", "1", "t1", 1_000), "names of tokens are a user's own");
    assert_eq!(house.core.counters().revoked, 2);
}

// MISSION B9
#[test]
fn only_ones_own_tokens_and_only_good_ones() {
    // BM-TOKEN-1, BM-TOKEN-2.
    let mut house = House::new();
    let a = signed_in(&mut house, "a", "1", "t1");
    let declined = |reason| ServerPacket::Declined { origin: 0, id: None, reason, retry_after_ms: None };
    ask(&mut house, a, TokenTask::Revoke);
    let stolen = by_token(&house, device("b", "1"), "t9", 0);
    house.input(Input::Token(a, Ok(Vouched { grant: stolen, token: None })));
    assert_eq!(house.heard(a), [declined(Reject::BadToken)]);
    ask(&mut house, a, TokenTask::Validate);
    house.input(Input::Token(a, Err(Reject::BadToken)));
    assert_eq!(house.heard(a), [declined(Reject::BadToken)]);
    // One without a name cannot be taken back by it.
    ask(&mut house, a, TokenTask::Revoke);
    house.input(Input::Token(a, Ok(Vouched { grant: Grant::new(device("a", "1")), token: None })));
    assert_eq!(house.heard(a), [declined(Reject::Unsupported)]);
    // An answer that nobody asked for changes nothing.
    let grant = by_token(&house, device("a", "1"), "t1", 0);
    house.input(Input::Token(a, Ok(Vouched { grant, token: None })));
    assert_eq!((house.heard(a), closed(&mut house)), (vec![], vec![]));
}

// MISSION B9
#[test]
fn a_session_lives_as_long_as_the_last_token_it_showed() {
    // BM-TOKEN-2.
    let mut house = House::new();
    let a = signed_in(&mut house, "a", "1", "t1");
    ask(&mut house, a, TokenTask::Refresh);
    let mut grant = by_token(&house, device("a", "1"), "t2", 0);
    grant.expires = Some(UnixMs(house.now.unix_ms + 7_200_000));
    let answer = TokenAnswer {
        task: TokenTask::Refresh,
        token: Some(Bytes::from_static(b"new")),
        expires: grant.expires,
    };
    let vouched = Vouched { grant: grant.clone(), token: answer.token.clone() };
    house.input(Input::Token(a, Ok(vouched)));
    assert_eq!(house.heard(a), [ServerPacket::Token(answer)]);
    // A token for another device is good, and prolongs nothing here.
    ask(&mut house, a, TokenTask::Validate);
    let mut other = by_token(&house, device("a", "2"), "t3", 0);
    other.expires = Some(UnixMs(house.now.unix_ms + 90_000_000));
    house.input(Input::Token(a, Ok(Vouched { grant: other, token: None })));
    assert!(matches!(&house.heard(a)[..], [ServerPacket::Token(_)]));
    for _ in 0..4_000 {
        house.wait(1_000);
        house.says(a, ClientPacket::Ping(Default::default()));
    }
    assert_eq!(closed(&mut house), [], "past the end of the first token");
    for _ in 0..3_300 {
        house.wait(1_000);
        house.says(a, ClientPacket::Ping(Default::default()));
    }
    assert_eq!(closed(&mut house), [(a, CloseReason::Expired)]);
}

// MISSION B9
#[test]
fn a_session_shows_no_token_that_was_revoked_meanwhile() {
    let mut house = House::new();
    let a = signed_in(&mut house, "a", "1", "t1");
    let b = signed_in(&mut house, "a", "2", "t2");
    ask(&mut house, a, TokenTask::Validate);
    ask(&mut house, b, TokenTask::Revoke);
    let grant = by_token(&house, device("a", "1"), "t3", 0);
    house.input(Input::Token(b, Ok(Vouched { grant: grant.clone(), token: None })));
    house.input(Input::Token(a, Ok(Vouched { grant, token: None })));
    assert!(matches!(&house.heard(a)[..], [ServerPacket::Declined { reason: Reject::BadToken, .. }]));
}

// MISSION B9
#[test]
fn a_device_is_logged_out_by_another_or_by_itself() {
    // BM-LOGOUT-1, BM-LOGOUT-2.
    let mut house = House::new();
    let a1 = signed_in(&mut house, "a", "1", "t1");
    let a2 = signed_in(&mut house, "a", "2", "t2");
    let token = Some(Bytes::from_static(b"push"));
    house.says(a2, ClientPacket::PushToken(PushToken { id: None, service: "fcm".into(), token }));
    assert_eq!(house.heard(a2), [ServerPacket::Noted(Noted::PushToken { id: None, registered: true })]);
    let two = LogOut::Device(DeviceName::new("2").ok());
    house.says(a1, ClientPacket::LogOut(two.clone()));
    assert_eq!(house.heard(a1), [ServerPacket::Noted(Noted::LoggedOut(two))]);
    assert_eq!(house.heard(a2), [ServerPacket::Bye(CloseReason::LoggedOut)]);
    assert_eq!(closed(&mut house), [(a2, CloseReason::LoggedOut)]);
    assert_eq!(house.book.push_tokens(&user("a")), Ok(vec![]), "nothing is pushed to it");
    assert!(!is_let_in(&mut house, "a", "2", "t9", 0) && is_let_in(&mut house, "a", "3", "t9", 0));
    house.wait(10);
    assert!(is_let_in(&mut house, "a", "2", "t9", 0), "a token that was made since");

    house.says(a1, ClientPacket::LogOut(LogOut::Device(None)));
    assert_eq!(house.heard(a1), [ServerPacket::Bye(CloseReason::LoggedOut)], "the answer is the goodbye");
    assert!(!is_let_in(&mut house, "a", "1", "t1", 1_000));
}

// MISSION B9
#[test]
fn a_session_is_logged_out_alone_and_an_account_altogether() {
    // BM-LOGOUT-1.
    let mut house = House::new();
    let a1 = signed_in(&mut house, "a", "1", "t1");
    let a2 = signed_in(&mut house, "a", "2", "t2");
    house.says(a1, ClientPacket::LogOut(LogOut::Session));
    assert_eq!(closed(&mut house), [(a1, CloseReason::LoggedOut)]);
    assert!(!is_let_in(&mut house, "a", "1", "t1", 1_000) && is_let_in(&mut house, "a", "1", "t3", 1_000));

    let walkie = house.open(Caps::WALKIE, &device("a", "voiceping"));
    let b = signed_in(&mut house, "b", "1", "t1");
    house.says(a2, ClientPacket::LogOut(LogOut::Account));
    assert_eq!(closed(&mut house), [(a2, CloseReason::LoggedOut), (walkie, CloseReason::LoggedOut)]);
    assert!(!is_let_in(&mut house, "a", "7", "t7", 0), "every token made before");
    house.wait(10);
    assert!(is_let_in(&mut house, "a", "7", "t7", 0));
    house.says(b, ClientPacket::Ping(Default::default()));
    assert!(matches!(&house.heard(b)[..], [ServerPacket::Pong { .. }]), "nobody else");
}

/// Dates of whole seconds may be a moment ahead.
// DM-ACC-1
#[test]
fn a_token_that_is_dated_ahead_is_logged_out_too() {
    for what in [LogOut::Account, LogOut::Device(None)] {
        let mut house = House::new();
        let mut grant = Grant::new(device("a", "1"));
        grant.issued = Some(UnixMs(house.now.unix_ms + 900));
        let a = house.open_with(Caps::FULL, grant.clone());
        house.says(a, ClientPacket::LogOut(what));
        let again = house.open_with(Caps::FULL, grant.clone());
        assert!(house.closed.contains(&(again, CloseReason::Refused)), "{:?}", house.closed);
        grant.issued = Some(UnixMs(house.now.unix_ms + 2_000));
        let later = house.open_with(Caps::FULL, grant);
        assert!(house.closed.iter().all(|(conn, _)| *conn != later));
    }
}

// MISSION B9
#[test]
fn logging_out_is_answered_from_the_proof() {
    let mut house = House::new();
    let a = signed_in(&mut house, "a", "1", "t1");
    house.hold_commits = true;
    house.says(a, ClientPacket::LogOut(LogOut::Account));
    assert_eq!((house.heard(a), closed(&mut house)), (vec![], vec![]));
    house.fail_held();
    let heard = house.heard(a);
    assert!(
        matches!(
            &heard[..],
            [ServerPacket::Declined { reason: Reject::Unavailable, retry_after_ms: Some(_), .. }]
        ),
        "{heard:?}"
    );
    assert_eq!(closed(&mut house), [], "still in, since the tokens are still good");
}

// MISSION B9
#[test]
fn what_is_revoked_while_a_device_is_being_let_in_is_not_let_in() {
    let mut house = House::new();
    let a = signed_in(&mut house, "a", "1", "t1");
    let grant = by_token(&house, device("a", "2"), "t2", 1_000);
    let late = ConnId(77);
    house.core_only(Input::Opened { conn: late, caps: Caps::FULL, grant: Some(grant) });
    let before = house.take_attach();
    house.says(a, ClientPacket::LogOut(LogOut::Account));
    house.input(Input::Attached(late, Some(before)));
    let closed = closed(&mut house);
    assert!(closed.iter().any(|(conn, _)| *conn == late), "{closed:?}");
}

#[test]
fn push_tokens_are_bounded() {
    // BM-PUSH-1, DM-ACC-3.
    let mut house = House::new();
    let id = ClientRef::new("p").ok();
    for number in 0..=limits::PUSH_TOKENS {
        let conn = house.open(Caps::FULL, &device("a", &number.to_string()));
        house.heard(conn);
        let token = Some(Bytes::from_static(b"push"));
        house
            .says(conn, ClientPacket::PushToken(PushToken { id: id.clone(), service: String::new(), token }));
        let heard = house.heard(conn);
        if number < limits::PUSH_TOKENS {
            let noted = Noted::PushToken { id: id.clone(), registered: true };
            assert_eq!(heard, [ServerPacket::Noted(noted)]);
        } else {
            assert!(matches!(&heard[..], [ServerPacket::Declined { reason: Reject::Full, .. }]), "{heard:?}");
        }
    }
    let tokens = house.book.push_tokens(&user("a")).unwrap();
    assert_eq!(tokens.len(), limits::PUSH_TOKENS);
    assert!(
        tokens.iter().all(|(_, token)| token.id.is_none()),
        "how a client called it is over with the answer"
    );
}

// MISSION B9
#[test]
fn a_log_out_that_has_no_room_is_refused_and_ends_nothing() {
    // BM-LOGOUT-1, DM-ACC-2.
    let mut house = House::new();
    let a = signed_in(&mut house, "a", "1", "t1");
    ask(&mut house, a, TokenTask::Refresh);
    let grant = by_token(&house, device("a", "1"), "t2", 0);
    house.input(Input::Token(a, Ok(Vouched { grant, token: Some(Bytes::from_static(b"new")) })));
    house.heard(a);
    let later = UnixMs(house.now.unix_ms + 60_000);
    let token = |number: usize| (TokenId::new(&format!("x{number}")).unwrap(), later);
    let tokens = (1..limits::REVOKED_TOKENS).map(token).collect();
    let standing = Arc::new(Standing { tokens, ..Standing::default() });
    house.book.apply(&[Write::Standing { user: user("a"), standing }]);
    // There is room for one of the two tokens that it showed.
    house.says(a, ClientPacket::LogOut(LogOut::Session));
    let full = ServerPacket::Declined { origin: 0, id: None, reason: Reject::Full, retry_after_ms: None };
    assert_eq!(house.heard(a), std::slice::from_ref(&full));
    ask(&mut house, a, TokenTask::Revoke);
    let grant = by_token(&house, device("a", "1"), "t2", 0);
    house.input(Input::Token(a, Ok(Vouched { grant, token: None })));
    assert_eq!((house.heard(a), closed(&mut house)), (vec![full], vec![]));
}

// MISSION B9
#[test]
fn a_session_that_is_logged_out_takes_every_token_it_showed_with_it() {
    // BM-LOGOUT-1.
    let mut house = House::new();
    let a = signed_in(&mut house, "a", "1", "t1");
    for token in ["t2", "t3"] {
        ask(&mut house, a, TokenTask::Refresh);
        let grant = by_token(&house, device("a", "1"), token, 0);
        house.input(Input::Token(a, Ok(Vouched { grant, token: Some(Bytes::from_static(b"new")) })));
    }
    house.heard(a);
    house.says(a, ClientPacket::LogOut(LogOut::Session));
    assert_eq!(closed(&mut house), [(a, CloseReason::LoggedOut)]);
    for token in ["t1", "t2", "t3"] {
        assert!(!is_let_in(&mut house, "a", "1", token, 500), "{token}");
    }
    assert!(is_let_in(&mut house, "a", "1", "t4", 500));
}

/// Of more tokens than are remembered the one that the session came with stays, and the latest.
// MISSION B9
#[test]
fn the_tokens_that_a_session_showed_are_bounded() {
    // BM-LOGOUT-1.
    let mut house = House::new();
    let a = signed_in(&mut house, "a", "1", "t0");
    let last = limits::SHOWN_TOKENS + 1;
    for number in 1..=last {
        ask(&mut house, a, TokenTask::Validate);
        // One that is shown twice is one.
        for _ in 0..2 {
            let grant = by_token(&house, device("a", "1"), &format!("t{number}"), 0);
            house.input(Input::Token(a, Ok(Vouched { grant, token: None })));
        }
    }
    house.says(a, ClientPacket::LogOut(LogOut::Session));
    let good: Vec<usize> =
        (0..=last).filter(|number| is_let_in(&mut house, "a", "1", &format!("t{number}"), 500)).collect();
    assert_eq!(good, [1]);
}

/// Whoever keeps the accounts says it, not the user: nobody is connected under its name.
// MISSION A12
// SI-ACC-7, DM-ACC-1
#[test]
fn an_account_is_logged_out_from_outside_with_a_date_of_its_own() {
    let mut house = House::new();
    let issued = |house: &mut House, name: &str, ms: u64| {
        let mut grant = Grant::new(device("a", name));
        grant.issued = Some(UnixMs(ms));
        house.open_with(Caps::FULL, grant)
    };
    let (old, new) = (issued(&mut house, "1", 1_000), issued(&mut house, "2", 3_000));
    let other = house.open(Caps::FULL, &device("b", "1"));
    house.heard(new);
    house.hold_commits = true;
    house.input(Input::LogOut(user("a"), UnixMs(2_000)));
    assert_eq!(house.closed, [], "not before it is durable");
    house.commit_held();
    assert_eq!(house.closed, [(old, CloseReason::Revoked)]);
    assert_eq!(house.heard(new), []);
    let late = issued(&mut house, "3", 2_000);
    assert_eq!(house.closed.last(), Some(&(late, CloseReason::Refused)));
    // Again changes nothing, and an older date takes nothing back.
    house.input(Input::LogOut(user("a"), UnixMs(1_500)));
    let again = issued(&mut house, "4", 1_900);
    assert_eq!(house.closed.last(), Some(&(again, CloseReason::Refused)));
    house.says(new, ClientPacket::Ping(bimip_proto::Ping::default()));
    assert!(matches!(house.heard(new)[..], [ServerPacket::Pong { .. }]));
    assert!(house.core.budgets().iter().all(|(_, level)| level.used == 0), "and leaves nothing behind");
    let _ = other;
}
