//! What users decide about their account, where to push to, and with whom they have a conversation.

use bimip_proto::{
    Address, Ask, Caps, ClientPacket, CloseReason, DeviceName, Found, LogOut, Noted, PushToken, Reject,
    ServerPacket, TokenAnswer, UnixMs, limits,
};
use bimip_session::server::ConnId;
use bytes::Bytes;

use super::Subject;
use super::world::{TOKEN_MS, World, draft, group, user};
use crate::storage::{Reader, Storage};

pub(super) fn what_is_decided_survives_reopening<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let stranger = world.standing("a");
    assert_eq!(*stranger, bimip_session::ledger::Standing::default(), "nobody decided anything");
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    visible(&mut world, a, false);
    visible(&mut world, b, false);
    let (revoked, logged_out) = (world.now.unix_ms, world.now.unix_ms + 5);
    world.revoke(a, "stolen");
    world.now.unix_ms = logged_out;
    world.say(a, ClientPacket::LogOut(LogOut::Device(DeviceName::new("lost").ok())));
    world.say(b, ClientPacket::LogOut(LogOut::Account));
    world.commit();
    for time in 1..=3 {
        let standing = world.standing("a");
        assert!(standing.hidden);
        assert_eq!(standing.revoked_before, UnixMs(0));
        let devices: Vec<_> = standing.devices.iter().map(|(name, at)| (name.as_str(), at.0)).collect();
        assert_eq!(devices, [("lost", logged_out)]);
        let tokens: Vec<_> = standing.tokens.iter().map(|(token, until)| (token.as_str(), until.0)).collect();
        assert_eq!(tokens, [("stolen", revoked + TOKEN_MS)]);
        assert_eq!(world.attach("a", "1").standing, standing, "signing in is told the same");
        assert_eq!(
            (world.standing("b").revoked_before, world.standing("b").hidden),
            (UnixMs(logged_out), true)
        );
        assert_eq!(world.standing("c"), stranger);

        let Some(reopened) = world.reopen(subject) else { return };
        world = reopened;
        // A clock that was set back: dates are not.
        world.now.unix_ms = logged_out - 1_000 * time;
        let (a, b) = (world.open("a", "1"), world.open("b", "1"));
        world.say(a, ClientPacket::LogOut(LogOut::Device(DeviceName::new("lost").ok())));
        world.say(b, ClientPacket::LogOut(LogOut::Account));
        world.commit();
    }
    let a = world.open("a", "1");
    visible(&mut world, a, true);
    assert!(!world.standing("a").hidden, "seen again");
    assert_eq!(world.standing("a").tokens.len(), 1, "and nothing else has changed");
    let c = world.open("c", "1");
    visible(&mut world, c, false);
    visible(&mut world, c, true);
    assert_eq!(world.standing("c"), stranger, "who goes back on it stands as before");
}

pub(super) fn who_is_logged_out_stays_out<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let mut now = world.now.unix_ms;
    let first = world.open_by_token(Caps::FULL, "a", "1", "t1");
    world.open_by_token(Caps::FULL, "a", "2", "t2");
    let thief = world.open_by_token(Caps::FULL, "a", "3", "t3");
    assert_eq!(world.closed(), []);
    world.revoke(first, "t3");
    world.commit();
    assert_eq!(world.closed(), [(thief, CloseReason::Revoked)]);
    world.say(first, ClientPacket::LogOut(LogOut::Device(DeviceName::new("2").ok())));
    world.commit();
    world.closed();
    for time in 1..=3 {
        let Some(reopened) = world.reopen(subject) else { return };
        world = reopened;
        // With the tokens of then, and with one that was made later.
        world.now.unix_ms = now;
        for (name, token, stays) in
            [("1", "t1", true), ("2", "t2", false), ("3", "t3", false), ("3", "t4", true)]
        {
            let conn = world.open_by_token(Caps::FULL, "a", name, token);
            let closed = world.closed();
            let expected = if stays { vec![] } else { vec![(conn, CloseReason::Refused)] };
            assert_eq!(closed, expected, "{name} by {token}, reopened {time} times");
        }
        world.now.unix_ms += 1;
        let conn = world.open_by_token(Caps::FULL, "a", "2", "t2");
        assert_eq!(world.closed(), [], "a token that was made later");
        world.say(conn, ClientPacket::LogOut(LogOut::Device(None)));
        now = world.now.unix_ms;
        world.commit();
        assert_eq!(world.closed(), [(conn, CloseReason::LoggedOut)]);
    }
}

// DM-ACC-2
pub(super) fn revoked_tokens_are_bounded<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let mut a = world.open("a", "1");
    for number in 0..limits::REVOKED_TOKENS {
        world.revoke(a, &format!("t{number}"));
    }
    commit_all(&mut world);
    world.heard(a);
    for time in 1..=2 {
        world.revoke(a, "one more");
        world.revoke(a, "t7");
        world.commit();
        let answers: Vec<Option<Reject>> = world.heard(a).iter().filter_map(declined).collect();
        assert_eq!(answers, [Some(Reject::Full), None], "the second is revoked already");
        assert_eq!(world.standing("a").tokens.len(), limits::REVOKED_TOKENS);
        let Some(reopened) = world.reopen(subject) else { return };
        world = reopened;
        assert_eq!(world.standing("a").tokens.len(), limits::REVOKED_TOKENS, "reopened {time} times");
        a = world.open("a", "1");
        world.heard(a);
    }
    // They run out by themselves.
    world.now.unix_ms += TOKEN_MS + 1;
    world.revoke(a, "one more");
    world.commit();
    let standing = world.standing("a");
    assert_eq!(standing.tokens.keys().map(|token| token.as_str()).collect::<Vec<_>>(), ["one more"]);
}

// DM-ACC-3
pub(super) fn push_tokens_are_replaced_and_bounded<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let name = |number: usize| format!("d{number}");
    for number in 0..limits::PUSH_TOKENS {
        assert_eq!(registers(&mut world, &name(number), Some("x")), Ok(()));
    }
    let last = name(limits::PUSH_TOKENS);
    for time in 0..3 {
        assert_eq!(registers(&mut world, &last, Some("x")), Err(Reject::Full), "reopened {time} times");
        assert_eq!(registers(&mut world, &last, None), Ok(()), "nothing to take away");
        assert_eq!(registers(&mut world, &name(5), Some("y")), Ok(()), "one for another");
        assert_eq!(registers(&mut world, &name(6), None), Ok(()), "takes it away");
        assert_eq!(registers(&mut world, &last, Some("x")), Ok(()));
        // A log-out takes it away too, and in the same batch there is room for another.
        let conn = world.open("a", "1");
        world.say(conn, ClientPacket::LogOut(LogOut::Device(DeviceName::new(&last).ok())));
        let other = world.open("a", &name(6));
        world.say(other, push(Some("x")));
        world.commit();
        assert_eq!(registered(&world.heard(other)), [Ok(())]);
        match world.reopen(subject) {
            Some(reopened) => world = reopened,
            None => return,
        }
    }
    let conn = world.open("a", "1");
    world.say(conn, ClientPacket::LogOut(LogOut::Account));
    world.commit();
    for number in 0..limits::PUSH_TOKENS {
        assert_eq!(registers(&mut world, &format!("new{number}"), Some("x")), Ok(()));
    }
    assert_eq!(registers(&mut world, &last, Some("x")), Err(Reject::Full));
    // Of one user: another has their own.
    let other = world.open("b", "1");
    world.say(other, push(Some("x")));
    world.commit();
    assert_eq!(registered(&world.heard(other)), [Ok(())]);
}

pub(super) fn contacts_are_made_once_and_for_both<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let [a, b] = ["a", "b"].map(|who| world.open(who, "1"));
    world.say(a, ClientPacket::Join(group("g")));
    world.commit();
    assert_eq!((world.contacts("a"), world.contacts("nobody")), (vec![], vec![]));
    for (conn, name, to) in
        [(a, "r1", "ünï"), (a, "r1", "ünï"), (a, "r2", "b"), (b, "", "a"), (a, "", "a"), (a, "", "b")]
    {
        world.send(conn, name, to, "hello");
    }
    let mut to_group = draft("", "x", bimip_proto::Body::text("hello"));
    to_group.to = Address::Group(group("g"));
    world.say(a, ClientPacket::Send(to_group));
    assert!(world.tickets.len() > 1, "in one batch");
    world.commit();
    let expected =
        [("a", vec!["b", "ünï"]), ("b", vec!["a"]), ("ünï", vec!["a"]), ("g", vec![]), ("x", vec![])];
    for time in 1..=3 {
        for (who, contacts) in &expected {
            let contacts: Vec<_> = contacts.iter().map(|name| user(name)).collect();
            assert_eq!(world.contacts(who), contacts, "of {who}, reopened {time} times");
            assert_eq!(world.attach(who, "1").contacts, contacts);
        }
        let Some(reopened) = world.reopen(subject) else { return };
        world = reopened;
        let b = world.open("b", "1");
        world.sent(b, "", "a", "again");
    }
}

pub(super) fn contacts_are_bounded<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    for number in 0..limits::CONTACTS + 3 {
        world.send(a, "", &format!("{number:05}"), "x");
    }
    commit_all(&mut world);
    let look = |world: &World<S>| {
        let contacts = world.contacts("a");
        assert_eq!(contacts.len(), limits::CONTACTS);
        assert!(contacts.is_sorted_by(|one, next| one < next), "once each, by name");
        assert_eq!(world.attach("a", "1").contacts, contacts);
        assert_eq!(world.contacts("00003"), [user("a")]);
        // A core makes the answer of it.
        let found = world.reader.query(&user("a"), &Ask::Around { after: None });
        let half = Found::Around { around: Vec::new(), more: false, contacts: contacts.clone() };
        assert_eq!(found.unwrap_or_else(|error| panic!("{error}")), half);
        contacts
    };
    let before = look(&world);
    if let Some(world) = world.reopen(subject) {
        assert_eq!(look(&world), before);
    }
}

/// What is more than may wait for storage at a time comes in batches of its own.
fn commit_all<S: Storage>(world: &mut World<S>) {
    while !world.tickets.is_empty() {
        world.commit();
    }
}

fn visible<S: Storage>(world: &mut World<S>, conn: ConnId, visible: bool) {
    world.heard(conn);
    world.say(conn, ClientPacket::SetVisible { id: None, visible });
    world.commit();
    assert!(world.heard(conn).contains(&ServerPacket::Visible { id: None, visible }));
}

fn push(token: Option<&str>) -> ClientPacket {
    let token = token.map(|token| Bytes::copy_from_slice(token.as_bytes()));
    ClientPacket::PushToken(PushToken { id: None, service: "fcm".into(), token })
}

/// Asks for a push token of a device of `a`.
fn registers<S: Storage>(world: &mut World<S>, name: &str, token: Option<&str>) -> Result<(), Reject> {
    let conn = world.open("a", name);
    world.say(conn, push(token));
    world.commit();
    let answers = registered(&world.heard(conn));
    let [answer] = answers[..] else { panic!("one answer, not {answers:?}") };
    answer
}

fn registered(heard: &[ServerPacket]) -> Vec<Result<(), Reject>> {
    let answers = heard.iter().filter_map(|packet| match packet {
        ServerPacket::Noted(Noted::PushToken { .. }) => Some(Ok(())),
        ServerPacket::Declined { reason, .. } => Some(Err(*reason)),
        _ => None,
    });
    answers.collect()
}

/// The answer to a revocation: why not, if not.
fn declined(packet: &ServerPacket) -> Option<Option<Reject>> {
    match packet {
        ServerPacket::Token(TokenAnswer { .. }) => Some(None),
        ServerPacket::Declined { reason, .. } => Some(Some(*reason)),
        _ => None,
    }
}
