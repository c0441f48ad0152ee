//! What users keep: profiles, address books, blocks, devices, and when they were seen.

use bimip_proto::{
    Ask, ClientPacket, ClientRef, DeviceName, Entry, Found, Noted, Reject, Saved, ServerPacket, UnixMs,
    UserAct, UserCommand, limits,
};
use bimip_session::server::ConnId;

use super::Subject;
use super::world::{World, accepted, rejected, user};
use crate::storage::{Reader, Storage};

pub(super) fn command(name: &str, act: UserAct) -> ClientPacket {
    let client_ref = ClientRef::new(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    ClientPacket::User(UserCommand { client_ref, act })
}

pub(super) fn named(name: &str) -> UserAct {
    UserAct::EditProfile { name: Some(name.into()), about: Some("ünï".into()), avatar: None }
}

pub(super) fn save(who: &str, name: &str) -> UserAct {
    UserAct::Save(Saved { user: user(who), name: name.into() })
}

fn does<S: Storage>(world: &mut World<S>, conn: ConnId, name: &str, act: UserAct) -> Result<u32, Reject> {
    world.heard(conn);
    world.say(conn, command(name, act));
    world.commit_all();
    answers(world, conn).pop().unwrap_or_else(|| panic!("no answer to {name}"))
}

fn answers<S: Storage>(world: &mut World<S>, conn: ConnId) -> Vec<Result<u32, Reject>> {
    let heard = world.heard(conn).into_iter();
    let answers = heard.filter_map(|packet| match packet {
        ServerPacket::Noted(Noted::UserChanged { edition, .. }) => Some(Ok(edition)),
        ServerPacket::Noted(Noted::UserUnchanged { reason, .. }) => Some(Err(reason)),
        _ => None,
    });
    answers.collect()
}

fn asks<S: Storage>(world: &World<S>, who: &str, ask: &Ask) -> Found {
    world.reader.query(&user(who), ask).unwrap_or_else(|error| panic!("{who}: {error}"))
}

fn address_book<S: Storage>(world: &World<S>, who: &str, after: Option<&str>) -> Vec<(String, String)> {
    match asks(world, who, &Ask::AddressBook { after: after.map(user), limit: 0 }) {
        Found::AddressBook { saved, .. } => {
            saved.iter().map(|it| (it.user.to_string(), it.name.to_string())).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn blocked<S: Storage>(world: &World<S>, who: &str) -> Vec<String> {
    match asks(world, who, &Ask::Blocked { after: None, limit: 0 }) {
        Found::Blocked { users, .. } => users.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

/// Names of the listed devices, with when they were first and last seen.
fn devices<S: Storage>(world: &World<S>, who: &str) -> Vec<(String, u64, u64)> {
    match asks(world, who, &Ask::Devices) {
        Found::Devices(devices) => {
            devices.iter().map(|it| (it.name.to_string(), it.first_seen.0, it.last_seen.0)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn last_seen<S: Storage>(world: &World<S>, asker: &str, who: &str) -> Option<UnixMs> {
    match asks(world, asker, &Ask::Profile(user(who))) {
        Found::Profile(found) => found.and_then(|it| it.last_seen),
        other => panic!("{other:?}"),
    }
}

// DM-USR-1, DM-USR-2, DM-USR-4
pub(super) fn what_users_keep_survives_reopening<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    assert_eq!(does(&mut world, a, "1", named("Ann")), Ok(1));
    for (number, who) in ["b", "bb", "a", "ü"].into_iter().enumerate() {
        assert_eq!(does(&mut world, a, &format!("s{number}"), save(who, &who.to_uppercase())), Ok(1));
    }
    assert_eq!(does(&mut world, a, "f", UserAct::Forget(user("b"))), Ok(1));
    assert_eq!(does(&mut world, a, "n", save("bb", "")), Ok(1), "another name, which is none");
    assert_eq!(does(&mut world, a, "k", UserAct::Block(user("ü"))), Ok(1));
    assert_eq!(does(&mut world, a, "l", UserAct::Block(user("c"))), Ok(1));
    assert_eq!(does(&mut world, a, "m", UserAct::Unblock(user("ü"))), Ok(1));
    for time in 1..=3 {
        let found = asks(&world, "a", &Ask::Profile(user("a")));
        let Found::Profile(Some(found)) = found else { panic!("{found:?}") };
        assert_eq!((found.edition, &*found.profile.name, &*found.profile.about), (1, "Ann", "ünï"));
        let entry = |who: &str, name: &str| (who.to_owned(), name.to_owned());
        assert_eq!(address_book(&world, "a", None), [entry("a", "A"), entry("bb", ""), entry("ü", "Ü")]);
        assert_eq!(address_book(&world, "a", Some("b")), [entry("bb", ""), entry("ü", "Ü")]);
        assert_eq!(address_book(&world, "a", Some("bb")), [entry("ü", "Ü")]);
        assert_eq!(address_book(&world, "b", None), []);
        assert_eq!(blocked(&world, "a"), ["c"]);
        let attached = world.attach("a", "1").blocked;
        assert_eq!(attached.iter().collect::<Vec<_>>(), [&user("c")], "a session is told the same");
        let news = world.rows("a", 0);
        let news = news.iter().filter(|(_, entry)| matches!(**entry, Entry::User(_))).count();
        assert_eq!(news, 10, "each change is a row");
        match world.reopen(subject) {
            Some(reopened) => world = reopened,
            None => return,
        }
        let a = world.open("a", "1");
        assert_eq!(does(&mut world, a, "1", named("Ann")), Ok(1), "a repeat, reopened {time} times");
        assert_eq!(does(&mut world, a, "1", named("Bob")), Err(Reject::Conflict));
    }
}

// DM-BLK-1
pub(super) fn a_batch_sees_who_blocks_whom<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let [mut a, mut b] = ["a", "b"].map(|who| world.open(who, "1"));
    // Before they have a conversation, and when they have one.
    for round in 0..3 {
        let name = |what: &str| format!("{what}-{round}");
        world.send(b, &name("before"), "a", "hello");
        world.say(a, command(&name("block"), UserAct::Block(user("b"))));
        world.send(b, &name("after"), "a", "hello");
        world.send(a, &name("back"), "b", "hello");
        world.commit();
        let heard = world.heard(b);
        assert_eq!((accepted(&heard).len(), rejected(&heard)), (1, vec![Reject::Blocked]), "round {round}");
        assert_eq!(accepted(&world.heard(a)).len(), 1);
        // In a batch of its own, with what a store remembers of the last.
        world.send(b, &name("later"), "a", "hello");
        world.commit();
        assert_eq!(rejected(&world.heard(b)), [Reject::Blocked]);
        world.say(a, command(&name("unblock"), UserAct::Unblock(user("b"))));
        world.send(b, &name("later"), "a", "hello");
        world.commit();
        assert_eq!(accepted(&world.heard(b)).len(), 1);
        world.say(a, command(&name("again"), UserAct::Block(user("b"))));
        world.commit();
        match world.reopen(subject) {
            Some(reopened) => world = reopened,
            None => return,
        }
        [a, b] = ["a", "b"].map(|who| world.open(who, "1"));
        world.send(b, &name("reopened"), "a", "hello");
        world.commit();
        assert_eq!(rejected(&world.heard(b)), [Reject::Blocked], "round {round}");
        assert_eq!(does(&mut world, a, &name("free"), UserAct::Unblock(user("b"))), Ok(0));
        world.heard(b);
    }
}

// DM-USR-5, DM-USR-6
pub(super) fn who_was_seen_survives_reopening<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let began = world.now.unix_ms;
    let a = world.open("a", "1");
    world.open("a", "2");
    world.send(a, "1", "b", "hello");
    world.wait(limits::SEEN_MS);
    world.commit_all();
    world.wait(1_000);
    world.close(a);
    let gone = world.now.unix_ms;
    world.wait(limits::SEEN_MS);
    world.commit_all();
    let seen = |name: &str, first, last| (name.to_owned(), first, last);
    let mut listed = vec![seen("1", began, gone), seen("2", began, began)];
    for _ in 0..3 {
        assert_eq!(devices(&world, "a"), listed);
        assert_eq!(last_seen(&world, "b", "a"), Some(UnixMs(gone)));
        assert_eq!(last_seen(&world, "c", "a"), None);
        match world.reopen(subject) {
            Some(reopened) => world = reopened,
            None => return,
        }
    }
    // Removed, and hidden.
    let a = world.open("a", "3");
    let remove = UserAct::RemoveDevice(DeviceName::new("2").unwrap_or_else(|error| panic!("{error}")));
    assert_eq!(does(&mut world, a, "x", remove), Ok(0));
    world.say(a, ClientPacket::SetVisible { id: None, visible: false });
    world.commit_all();
    let came = world.now.unix_ms;
    world.wait(limits::SEEN_MS);
    world.commit_all();
    listed = vec![seen("1", began, gone), seen("3", came, came)];
    for _ in 0..2 {
        assert_eq!(devices(&world, "a"), listed);
        assert_eq!((last_seen(&world, "b", "a"), last_seen(&world, "a", "a")), (None, Some(UnixMs(gone))));
        match world.reopen(subject) {
            Some(reopened) => world = reopened,
            None => return,
        }
    }
}
