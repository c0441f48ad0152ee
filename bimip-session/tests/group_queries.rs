//! What a group is, and who is in it, for those who ask.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use bimip_proto::{
    Ask, Caps, ClientPacket, ClientRef, Found, GroupAct, GroupCommand, GroupId, GroupMember, GroupProfile,
    GroupState, MayPost, Query, Role, Seq, ServerPacket, UnixMs, UserId, limits,
};
use bimip_session::ledger::{Membership, Stay, Write, find};
use bimip_session::server::ConnId;

use harness::{House, device, user};

fn team() -> GroupId {
    GroupId::new("team").unwrap()
}

fn users(names: &[&str]) -> Vec<UserId> {
    names.iter().map(|name| user(name)).collect()
}

fn create(members: &[&str]) -> GroupAct {
    let profile = GroupProfile { title: "Team".into(), about: "us".into() };
    GroupAct::Create { profile, open: false, post: MayPost::Admins, members: users(members) }
}

/// The owner does it, and time goes by.
fn does(house: &mut House, owner: ConnId, act: GroupAct) {
    house.wait(10);
    let client_ref = ClientRef::new(&format!("c{}", house.now.unix_ms)).unwrap();
    house.says(owner, ClientPacket::Group(GroupCommand { client_ref, group: team(), act }));
}

fn state(house: &House, who: &str, group: &GroupId) -> Option<GroupState> {
    match find(&Ask::Group(group.clone()), &user(who), &house.book) {
        Ok(Found::Group(state)) => state.map(|state| *state),
        other => panic!("{other:?}"),
    }
}

/// The role of somebody in the team, and since when.
fn place(house: &House, who: &str) -> Option<(Role, Option<UnixMs>)> {
    state(house, who, &team()).map(|state| (state.role, state.since))
}

// DM-GRP-19, DM-GRP-20
// MISSION A1
#[test]
fn a_member_is_told_what_a_group_is() {
    let mut house = House::new();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    does(&mut house, ann, create(&["bob"]));
    let made = house.now.stamp();
    let promoted = GroupAct::SetRole { user: user("bob"), role: Role::Admin };
    does(&mut house, ann, promoted);
    let edit = GroupAct::Edit { title: Some("The team".into()), about: None, open: Some(true), post: None };
    does(&mut house, ann, edit);
    let told = GroupState {
        group: team(),
        edition: 3,
        profile: GroupProfile { title: "The team".into(), about: "us".into() }.into(),
        open: true,
        post: MayPost::Admins,
        members: 2,
        role: Role::Admin,
        since: Some(made),
    };
    assert_eq!(state(&house, "bob", &team()), Some(told.clone()));
    assert_eq!(state(&house, "ann", &team()), Some(GroupState { role: Role::Owner, ..told.clone() }));

    // By a connection, as everywhere.
    house.heard(ann);
    let query = Query { id: ClientRef::new("q").unwrap(), ask: Ask::Group(team()) };
    house.says(ann, ClientPacket::Query(query.clone()));
    let found = Found::Group(Some(Box::new(GroupState { role: Role::Owner, ..told })));
    assert_eq!(house.heard(ann), [ServerPacket::Answer { id: query.id, found }]);
}

// DM-GRP-20
#[test]
fn since_when_is_told_where_it_was_told_that_they_came() {
    let mut house = House::new();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    let cid = house.open(Caps::FULL, &device("cid", "phone"));
    does(&mut house, ann, create(&[]));
    let made = house.now.stamp();
    does(&mut house, ann, GroupAct::Add(users(&["bob"])));
    let added = house.now.stamp();
    does(&mut house, ann, GroupAct::Edit { title: None, about: None, open: Some(true), post: None });
    house.wait(10);
    house.says(cid, ClientPacket::Join(team()));
    let joined = house.now.stamp();
    assert_eq!(place(&house, "ann"), Some((Role::Owner, Some(made))));
    assert_eq!(place(&house, "bob"), Some((Role::Member, Some(added))));
    assert_eq!(place(&house, "cid"), Some((Role::Member, Some(joined))));
    // Who comes again came again, and a later role is no coming.
    does(&mut house, ann, GroupAct::Remove(user("bob")));
    assert_eq!(place(&house, "bob"), None);
    does(&mut house, ann, GroupAct::Add(users(&["bob"])));
    let again = house.now.stamp();
    does(&mut house, ann, GroupAct::SetRole { user: user("bob"), role: Role::Admin });
    assert_eq!(place(&house, "bob"), Some((Role::Admin, Some(again))));
}

// DM-GRP-20
#[test]
fn nobody_was_told_who_came_into_a_channel() {
    let mut house = House::new();
    let [ann, bob] = ["ann", "bob"].map(|name| house.open(Caps::FULL, &device(name, "phone")));
    for conn in [ann, bob] {
        house.says(conn, ClientPacket::Join(team()));
    }
    let told = state(&house, "bob", &team()).unwrap();
    assert_eq!((told.edition, told.members, told.open, told.role), (0, 2, true, Role::Member));
    assert_eq!((told.profile, told.since), (GroupProfile::default().into(), None));
    // The log entry that came next is not about them, whatever it is.
    does(&mut house, ann, GroupAct::Edit { title: Some("Ours".into()), about: None, open: None, post: None });
    assert_eq!(state(&house, "bob", &team()).unwrap().since, None);
}

// DM-GRP-19
// MISSION A1
#[test]
fn to_anybody_else_a_group_does_not_exist() {
    let mut house = House::new();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    does(&mut house, ann, create(&["bob", "cid"]));
    does(&mut house, ann, GroupAct::Remove(user("bob")));
    does(&mut house, ann, GroupAct::Ban(user("cid")));
    let none = GroupId::new("none").unwrap();
    for (who, group) in [("bob", team()), ("cid", team()), ("eve", team()), ("ann", none)] {
        assert_eq!(state(&house, who, &group), None, "{who}");
    }
    does(&mut house, ann, GroupAct::Delete);
    assert_eq!(state(&house, "ann", &team()), None, "nor does one that is deleted");
}

// ---- who is in it -------------------------------------------------------------------------------------

type Page = (Vec<(String, Role)>, Option<UserId>);

fn members(house: &House, who: &str, group: &GroupId, after: Option<&str>, limit: u32) -> Page {
    let ask = Ask::Members { group: group.clone(), after: after.map(user), limit };
    let Ok(Found::Members { members, next }) = find(&ask, &user(who), &house.book) else { panic!() };
    let told = |it: GroupMember| (it.user.as_str().to_owned(), it.role);
    (members.into_iter().map(told).collect(), next)
}

fn named(page: &Page) -> Vec<&str> {
    page.0.iter().map(|(name, _)| name.as_str()).collect()
}

// DM-GRP-21
// MISSION A1
#[test]
fn members_are_told_in_pages_that_meet() {
    let mut house = House::new();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    does(&mut house, ann, create(&["bob", "cid", "dan", "eve"]));
    does(&mut house, ann, GroupAct::SetRole { user: user("bob"), role: Role::Admin });
    let first = members(&house, "bob", &team(), None, 2);
    assert_eq!(first.0, [("ann".to_owned(), Role::Owner), ("bob".into(), Role::Admin)]);
    assert_eq!(first.1, Some(user("bob")));
    // Who was the last one of a page may leave meanwhile, also without a trace.
    does(&mut house, ann, GroupAct::Remove(user("cid")));
    does(&mut house, ann, GroupAct::Remove(user("bob")));
    let second = members(&house, "ann", &team(), Some("bob"), 2);
    assert_eq!((named(&second), &second.1), (vec!["dan", "eve"], &None));
    let whole = members(&house, "ann", &team(), None, 0);
    assert_eq!((named(&whole), &whole.1), (vec!["ann", "dan", "eve"], &None));
    let full = members(&house, "ann", &team(), None, 3);
    assert_eq!((named(&full), &full.1), (vec!["ann", "dan", "eve"], &None), "nobody comes after a page");
}

// DM-GRP-19, DM-GRP-21
// MISSION A1
#[test]
fn who_is_not_in_it_is_told_of_nobody() {
    let mut house = House::new();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    does(&mut house, ann, create(&["bob", "cid"]));
    does(&mut house, ann, GroupAct::Remove(user("bob")));
    does(&mut house, ann, GroupAct::Ban(user("cid")));
    let none = GroupId::new("none").unwrap();
    for (who, group) in [("bob", team()), ("cid", team()), ("eve", team()), ("ann", none)] {
        for after in [None, Some("ann"), Some("bob"), Some("eve")] {
            assert_eq!(members(&house, who, &group, after, 0), (Vec::new(), None), "{who}");
        }
    }
    assert_eq!(members(&house, "ann", &team(), Some("a stranger"), 0), (Vec::new(), None));
    does(&mut house, ann, GroupAct::Delete);
    assert_eq!(members(&house, "ann", &team(), None, 0), (Vec::new(), None));
}

// DM-GRP-21
#[test]
fn a_page_looks_at_so_many_and_says_where_to_go_on() {
    let mut house = House::new();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    does(&mut house, ann, create(&["zoe"]));
    let left = Stay { joined: Seq(1), left: Some(Seq(2)) };
    let former = Membership::restore(vec![left], Seq(0), Seq(0)).unwrap();
    let count = 2 * limits::PAGE_MEMBERSHIPS;
    let writes: Vec<Write> = (0..count)
        .map(|number| Write::Member {
            group: team(),
            user: user(&format!("m{number:05}")),
            membership: former.clone(),
        })
        .collect();
    house.book.apply(&writes);
    let (mut pages, mut after, mut all) = (0, None::<UserId>, Vec::new());
    loop {
        let page = members(&house, "ann", &team(), after.as_ref().map(UserId::as_str), 0);
        all.extend(named(&page).into_iter().map(str::to_owned));
        pages += 1;
        after = page.1;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((pages, all), (3, vec!["ann".to_owned(), "zoe".into()]));
}
