//! Groups that somebody manages.

use std::collections::BTreeSet;

use bimip_proto::{
    Address, Ask, Body, ClientPacket, ClientRef, Entry, Found, GroupAct, GroupCommand, GroupMember,
    GroupProfile, MayPost, Noted, Reject, Role, ServerPacket, UserId, page_rows,
};
use bimip_session::server::ConnId;

use super::Subject;
use super::world::{World, accepted, draft, group, rejected, user};
use crate::storage::{Reader, Storage};

pub(super) fn command(name: &str, to: &str, act: GroupAct) -> ClientPacket {
    let client_ref = ClientRef::new(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    ClientPacket::Group(GroupCommand { client_ref, group: group(to), act })
}

pub(super) fn create(title: &str, members: &[&str]) -> GroupAct {
    let profile = GroupProfile { title: title.into(), about: "ünï".into() };
    let members = members.iter().map(|name| user(name)).collect();
    GroupAct::Create { profile, open: true, post: MayPost::Everyone, members }
}

fn does<S: Storage>(world: &mut World<S>, conn: ConnId, name: &str, act: GroupAct) -> Result<u32, Reject> {
    world.heard(conn);
    world.say(conn, command(name, "g", act));
    while !world.tickets.is_empty() {
        world.commit();
    }
    let heard = world.heard(conn).into_iter();
    let mut answers = heard.filter_map(|packet| match packet {
        ServerPacket::Noted(Noted::Grouped { edition, .. }) => Some(Ok(edition)),
        ServerPacket::Noted(Noted::Ungrouped { reason, .. }) => Some(Err(reason)),
        _ => None,
    });
    answers.next().unwrap_or_else(|| panic!("no answer to {name}"))
}

fn posts<S: Storage>(world: &mut World<S>, conn: ConnId) -> Result<(), Reject> {
    world.heard(conn);
    let mut draft = draft("", "x", Body::text("hello"));
    draft.to = Address::Group(group("g"));
    world.say(conn, ClientPacket::Send(draft));
    world.commit();
    let heard = world.heard(conn);
    match (accepted(&heard).len(), rejected(&heard).pop()) {
        (1, None) => Ok(()),
        (0, Some(reject)) => Err(reject),
        _ => panic!("one answer, not {heard:?}"),
    }
}

/// What a mailbox says of groups: edition, title, how many are in it.
fn told<S: Storage>(world: &World<S>, who: &str) -> Vec<(u32, String, u32)> {
    let rows = world.rows(who, 0);
    let changes = rows.iter().filter_map(|(_, entry)| match &**entry {
        Entry::Group(change) => Some((change.edition, change.profile.title.to_string(), change.members)),
        _ => None,
    });
    changes.collect()
}

/// All who are in a group, as a user pages through them, by name.
pub(super) fn members<R: Reader>(reader: &R, who: &str, of: &str, limit: u32) -> Vec<GroupMember> {
    let (mut all, mut from) = (Vec::new(), None);
    loop {
        let ask = Ask::Members { group: group(of), after: from.take(), limit };
        let Ok(Found::Members { members, next }) = reader.query(&user(who), &ask) else {
            panic!("{who} asks who is in {of}")
        };
        assert!(members.len() <= page_rows(limit) as usize);
        all.extend(members);
        match next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    all.sort_by(|one, other| one.user.cmp(&other.user));
    all
}

// DM-GRP-21
pub(super) fn pages_of_members_meet_while_they_come_and_go<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    let names: Vec<String> = (0..40).map(|number| format!("m{number:02}")).collect();
    let [stay, leave] = [0, 1].map(|rest| names.iter().skip(rest).step_by(2).map(String::as_str));
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(does(&mut world, a, "1", create("One", &all)), Ok(1));
    let page = |world: &World<S>, after: Option<&UserId>| {
        let ask = Ask::Members { group: group("g"), after: after.cloned(), limit: 3 };
        match world.reader.query(&user("a"), &ask) {
            Ok(Found::Members { members, next }) => (members, next),
            other => panic!("{other:?}"),
        }
    };
    let (mut seen, mut after, mut left) = (Vec::new(), None, leave.clone());
    loop {
        let (members, next) = page(&world, after.as_ref());
        seen.extend(members.into_iter().map(|it| it.user));
        // Also the one after whom it goes on.
        for who in next.iter().map(|it| it.as_str()).chain(left.next()).filter(|it| *it != "a") {
            let out = does(&mut world, a, &format!("out {who}"), GroupAct::Remove(user(who)));
            assert!(out.is_ok(), "{who}: {out:?}");
        }
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let once: BTreeSet<&UserId> = seen.iter().collect();
    assert_eq!(once.len(), seen.len(), "nobody twice");
    for who in stay {
        assert!(once.contains(&user(who)), "{who} was there all the time, or until they were told of");
    }
    assert_eq!(page(&world, Some(&user("stranger"))), (Vec::new(), None));
    assert_eq!(members(&world.reader, "stranger", "g", 0), []);
    let told = members(&world.reader, "a", "g", 2);
    assert_eq!(told, members(&world.reader, "a", "g", 0));
    assert_eq!(told[0], GroupMember { user: user("a"), role: Role::Owner });
    if let Some(world) = world.reopen(subject) {
        assert_eq!(members(&world.reader, "a", "g", 2), told);
    }
}

// DM-GRP-11, DM-GRP-12, DM-GRP-13, DM-GRP-14
pub(super) fn roles_and_names_of_groups_survive_reopening<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    assert_eq!(does(&mut world, a, "1", create("One", &["b", "c"])), Ok(1));
    assert_eq!(does(&mut world, a, "2", GroupAct::SetRole { user: user("b"), role: Role::Admin }), Ok(2));
    let title = GroupAct::Edit { title: Some("Two".into()), about: None, open: None, post: None };
    assert_eq!(does(&mut world, b, "1", title), Ok(3));
    let post = Some(MayPost::Admins);
    assert_eq!(
        does(&mut world, b, "2", GroupAct::Edit { title: None, about: None, open: None, post }),
        Ok(4)
    );
    let all = [(1, "One", 3), (2, "One", 3), (3, "Two", 3), (4, "Two", 3)];
    let all = all.map(|(edition, title, members)| (edition, title.to_owned(), members));
    for round in 0..2 {
        let [a, b, c] = ["a", "b", "c"].map(|who| world.open(who, "1"));
        for who in ["a", "b", "c"] {
            assert_eq!(told(&world, who), all, "what {who} was told, in round {round}");
        }
        assert_eq!((posts(&mut world, b), posts(&mut world, c)), (Ok(()), Err(Reject::Role)));
        assert_eq!(world.attach("c", "1").listens, [group("g")]);
        assert!(world.attach("b", "1").listens.is_empty());
        assert_eq!(does(&mut world, b, "x", GroupAct::Delete), Err(Reject::Role));
        assert_eq!(does(&mut world, c, "x", GroupAct::Add(vec![user("d")])), Err(Reject::Role));
        assert_eq!(does(&mut world, a, "1", create("One", &["b", "c"])), Ok(1), "a repeat");
        assert_eq!(does(&mut world, a, "9", create("Again", &[])), Err(Reject::Taken));
        match world.reopen(subject) {
            Some(reopened) => world = reopened,
            None => return,
        }
    }
}

// DM-GRP-16, DM-GRP-17, DM-GRP-18
pub(super) fn who_was_put_out_stays_out<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    assert_eq!(does(&mut world, a, "1", create("One", &["b", "c"])), Ok(1));
    assert_eq!(does(&mut world, a, "2", GroupAct::Ban(user("b"))), Ok(2));
    assert_eq!(does(&mut world, a, "3", GroupAct::Ban(user("z"))), Ok(3));
    world.say(a, ClientPacket::Leave(group("g")));
    world.commit();
    for deleted in [false, true] {
        let [b, c] = ["b", "c"].map(|who| world.open(who, "1"));
        world.say(b, ClientPacket::Join(group("g")));
        while !world.tickets.is_empty() {
            world.commit();
        }
        let barred = |packet: &ServerPacket| {
            matches!(packet, ServerPacket::Noted(Noted::Barred { reason: Reject::NotMember, .. }))
        };
        assert!(world.heard(b).iter().any(barred));
        assert!(world.attach("b", "1").groups.is_empty());
        // The owner left, and there is another.
        let answer = does(&mut world, c, if deleted { "2" } else { "1" }, GroupAct::Delete);
        assert_eq!(answer, if deleted { Err(Reject::NotMember) } else { Ok(5) });
        assert_eq!(does(&mut world, c, "3", create("Again", &[])), Err(Reject::Taken));
        assert_eq!(told(&world, "c").len(), 5);
        assert_eq!(told(&world, "b").len(), 2, "up to being put out");
        match world.reopen(subject) {
            Some(reopened) => world = reopened,
            None => return,
        }
    }
}

// DM-GRP-15
pub(super) fn a_batch_sees_who_manages_what<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let [a, b, c] = ["a", "b", "c"].map(|who| world.open(who, "1"));
    let role = |name: &str, role| GroupAct::SetRole { user: user(name), role };
    world.say(a, command("1", "g", create("One", &["b", "c"])));
    world.say(b, command("1", "g", GroupAct::Remove(user("c"))));
    world.commit();
    world.say(a, command("2", "g", role("b", Role::Owner)));
    world.say(b, command("2", "g", role("a", Role::Member)));
    world.say(c, command("1", "g", GroupAct::Delete));
    world.commit();
    world.say(a, command("3", "g", GroupAct::Delete));
    world.say(b, command("3", "g", GroupAct::Remove(user("c"))));
    world.commit();
    let answers = |world: &mut World<S>, conn| -> Vec<Result<u32, Reject>> {
        let heard = world.heard(conn).into_iter();
        let answer = |packet| match packet {
            ServerPacket::Noted(Noted::Grouped { edition, .. }) => Some(Ok(edition)),
            ServerPacket::Noted(Noted::Ungrouped { reason, .. }) => Some(Err(reason)),
            _ => None,
        };
        heard.filter_map(answer).collect()
    };
    assert_eq!(answers(&mut world, a), [Ok(1), Ok(2), Err(Reject::Role)]);
    assert_eq!(answers(&mut world, b), [Err(Reject::Role), Ok(3), Ok(4)]);
    assert_eq!(answers(&mut world, c), [Err(Reject::Role)]);
    assert_eq!(told(&world, "c").len(), 4);
}
