//! Groups that somebody manages: who may, who hears of it, and what it means for what is said at the same time.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use bimip_proto::{
    Address, Body, Caps, ClientPacket, ClientRef, Draft, Entry, Floor, GroupAct, GroupChange, GroupCommand,
    GroupId, GroupProfile, MayPost, MessageRef, Noted, Offset, Reject, Revise, Role, ServerPacket, Status,
    Talk, TalkAct, UserId, limits,
};
use bimip_session::client::view::{Bounds, ConversationList, GroupStates};
use bimip_session::client::{ClientSession, Config, Event, Full, Input, Output, Resume};
use bimip_session::ledger::{View, readable};
use bimip_session::server::{ConnId, Grant};
use bimip_session::{Machine, server};
use bytes::Bytes;

use harness::{House, device, user};

fn team() -> GroupId {
    GroupId::new("team").unwrap()
}

fn users(names: &[&str]) -> Vec<UserId> {
    names.iter().map(|name| user(name)).collect()
}

fn create(members: &[&str]) -> GroupAct {
    let profile = GroupProfile { title: "Team".into(), about: "".into() };
    GroupAct::Create { profile, open: false, post: MayPost::Everyone, members: users(members) }
}

fn edit(title: Option<&str>, open: Option<bool>, post: Option<MayPost>) -> GroupAct {
    GroupAct::Edit { title: title.map(Into::into), about: None, open, post }
}

fn role(name: &str, role: Role) -> GroupAct {
    GroupAct::SetRole { user: user(name), role }
}

fn command(name: &str, act: GroupAct) -> GroupCommand {
    GroupCommand { client_ref: ClientRef::new(name).unwrap(), group: team(), act }
}

/// Members by one letter, each with a phone.
struct Team {
    house: House,
    conns: Vec<(String, ConnId)>,
    last: u32,
}

impl Team {
    /// Everybody is here, and in a group that the first of them made.
    fn new(members: &[&str], others: &[&str]) -> Self {
        Self::with(House::new(), members, others)
    }

    fn with(house: House, members: &[&str], others: &[&str]) -> Self {
        let mut team = Self { house, conns: Vec::new(), last: 0 };
        for name in members.iter().chain(others) {
            let conn = team.house.open(Caps::FULL, &device(name, "1"));
            team.conns.push(((*name).to_owned(), conn));
        }
        if let Some((owner, members)) = members.split_first() {
            assert_eq!(team.does(owner, create(members)), Ok(1));
        }
        team.hush();
        team
    }

    fn conn(&self, name: &str) -> ConnId {
        self.conns.iter().find(|(who, _)| who == name).unwrap().1
    }

    fn hush(&mut self) {
        for at in 0..self.conns.len() {
            self.house.heard(self.conns[at].1);
        }
    }

    fn asks(&mut self, who: &str, act: GroupAct) -> ClientRef {
        self.last += 1;
        let command = command(&format!("c{}", self.last), act);
        let name = command.client_ref.clone();
        self.house.says(self.conn(who), ClientPacket::Group(command));
        name
    }

    /// The answer to a command: its edition.
    fn answer(&self, who: &str, name: &ClientRef) -> Result<u32, Reject> {
        let conn = self.conn(who);
        let answer = |packet: &ServerPacket| match packet {
            ServerPacket::Noted(Noted::Grouped { client_ref, edition, .. }) if client_ref == name => {
                Some(Ok(*edition))
            }
            ServerPacket::Noted(Noted::Ungrouped { client_ref, reason, .. }) if client_ref == name => {
                Some(Err(*reason))
            }
            _ => None,
        };
        self.house.sent.iter().filter(|(to, _)| *to == conn).find_map(|(_, packet)| answer(packet)).unwrap()
    }

    fn does(&mut self, who: &str, act: GroupAct) -> Result<u32, Reject> {
        let name = self.asks(who, act);
        self.answer(who, &name)
    }

    fn says(&mut self, who: &str, text: &str) {
        let to = Address::Group(team());
        let draft =
            Draft { client_ref: ClientRef::new(text).ok(), to, client_time: None, body: Body::text(text) };
        self.house.says(self.conn(who), ClientPacket::Send(draft));
    }

    fn posts(&mut self, who: &str, text: &str) -> Result<(), Reject> {
        self.says(who, text);
        let heard = self.house.heard(self.conn(who));
        let answer = heard.iter().find_map(|packet| match packet {
            ServerPacket::Accepted { .. } => Some(Ok(())),
            ServerPacket::Rejected { reason, .. } => Some(Err(*reason)),
            _ => None,
        });
        answer.unwrap()
    }

    fn joins(&mut self, who: &str) -> bool {
        let conn = self.conn(who);
        self.house.says(conn, ClientPacket::Join(team()));
        self.house.heard(conn).contains(&ServerPacket::Noted(Noted::Joined(team())))
    }

    fn leaves(&mut self, who: &str) {
        self.house.says(self.conn(who), ClientPacket::Leave(team()));
    }

    fn role_of(&self, who: &str) -> Option<Role> {
        let Ok(membership) = self.house.book.membership(&team(), &user(who));
        membership.is_member().then(|| membership.role())
    }

    /// The whole mailbox of a user: changes by their edition and what they are, messages by their text.
    fn mailbox(&self, who: &str) -> Vec<String> {
        let rows = self.house.book.page(&user(who), Offset::ZERO, 999, u64::MAX);
        rows.iter().filter_map(|(_, entry)| line(entry)).collect()
    }
}

fn line(entry: &Entry) -> Option<String> {
    match entry {
        Entry::Message(message) => Some(String::from_utf8_lossy(&message.body.bytes).into_owned()),
        Entry::Group(change) => Some(format!("{} {:?} by {}", change.edition, change.what, change.by)),
        _ => None,
    }
}

fn changes(packets: &[ServerPacket]) -> Vec<GroupChange> {
    let change = |packet: &ServerPacket| match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Group(change) => Some(change.clone()),
            _ => None,
        },
        _ => None,
    };
    packets.iter().filter_map(change).collect()
}

// MISSION M3
// DM-GRP-11, DM-GRP-12
#[test]
fn members_hear_of_every_change_in_order_and_on_every_device() {
    let mut team = Team::new(&["a", "b"], &["c"]);
    let tablet = team.house.open(Caps::FULL, &device("b", "2"));
    assert_eq!(team.does("a", GroupAct::Add(users(&["c", "b", "c"]))), Ok(2));
    assert_eq!(team.does("a", edit(Some("The team"), None, None)), Ok(3));
    assert_eq!(team.does("a", role("b", Role::Admin)), Ok(4));
    assert_eq!(team.does("b", GroupAct::Remove(user("c"))), Ok(5));
    team.leaves("b");
    let told = team.mailbox("b");
    assert_eq!(
        told,
        [
            "1 Created([\"b\"]) by a/1",
            "2 Added([\"c\"]) by a/1",
            "3 Edited by a/1",
            "4 Role { user: \"b\", role: Admin } by a/1",
            "5 Removed(\"c\") by b/1",
            "6 Left { heir: None } by b/1",
        ]
    );
    assert_eq!(team.mailbox("c"), told[1..5], "from being let in until being put out");
    assert_eq!(team.mailbox("a"), told);
    // What a device did itself it is answered, and not told.
    let heard = |packets: &[ServerPacket]| changes(packets).iter().map(|it| it.edition).collect::<Vec<_>>();
    let (phone, desk) = (team.conn("b"), team.conn("a"));
    assert_eq!(heard(&team.house.heard(phone)), [2, 3, 4, 6], "a leave has no name to be answered by");
    assert_eq!(heard(&team.house.heard(tablet)), [1, 2, 3, 4, 5, 6]);
    assert_eq!(heard(&team.house.heard(desk)), [5, 6]);
    // A device that comes later hears all of it, and what the group is after each.
    let late = team.house.open(Caps::FULL, &device("c", "9"));
    let told = changes(&team.house.heard(late));
    let states: Vec<(&str, u32)> = told.iter().map(|it| (&*it.profile.title, it.members)).collect();
    assert_eq!(states, [("Team", 3), ("The team", 3), ("The team", 3), ("The team", 2)]);
}

// MISSION M3
// DM-GRP-13
#[test]
fn who_may_not_changes_nothing_and_is_told_why() {
    let mut team = Team::new(&["a", "b", "c", "d"], &["x"]);
    assert_eq!(team.does("a", role("b", Role::Admin)), Ok(2));
    let before = team.house.book.clone();
    for (who, act, reason) in [
        ("c", edit(Some("mine"), None, None), Reject::Role),
        ("c", GroupAct::Add(users(&["x"])), Reject::Role),
        ("c", GroupAct::Remove(user("d")), Reject::Role),
        ("b", GroupAct::Remove(user("a")), Reject::Role),
        ("b", GroupAct::Ban(user("a")), Reject::Role),
        ("b", role("c", Role::Admin), Reject::Role),
        ("b", GroupAct::Delete, Reject::Role),
        ("a", GroupAct::Remove(user("a")), Reject::Field("user")),
        ("a", role("x", Role::Admin), Reject::Field("user")),
        ("a", role("a", Role::Member), Reject::Field("user")),
        ("a", create(&[]), Reject::Taken),
        ("x", create(&[]), Reject::Taken),
        ("x", GroupAct::Add(users(&["x"])), Reject::NotMember),
        ("x", GroupAct::Delete, Reject::NotMember),
    ] {
        assert_eq!(team.does(who, act.clone()), Err(reason), "{who} {act:?}");
    }
    let long = "x".repeat(limits::GROUP_TITLE_BYTES + 1);
    assert_eq!(team.does("a", edit(Some(&long), None, None)), Err(Reject::Field("title")));
    let about = Some("x".repeat(limits::GROUP_ABOUT_BYTES + 1).into());
    let wordy = GroupAct::Edit { title: None, about, open: None, post: None };
    assert_eq!(team.does("a", wordy), Err(Reject::Field("about")));
    let many = (0..=limits::GROUP_ADD_USERS).map(|at| user(&format!("u{at}"))).collect();
    assert_eq!(team.does("a", GroupAct::Add(many)), Err(Reject::Field("users")));
    assert!(team.house.book == before, "not a row of it");
    // A group that is not there is answered as one that may not be seen.
    let other = GroupCommand { group: GroupId::new("none").unwrap(), ..command("o", GroupAct::Delete) };
    team.house.says(team.conn("x"), ClientPacket::Group(other));
    assert_eq!(team.answer("x", &ClientRef::new("o").unwrap()), Err(Reject::NotMember));
}

// DM-GRP-15, DM-DUP-1, DM-DUP-2
#[test]
fn a_command_is_carried_out_once_under_its_name() {
    let mut team = Team::new(&["a", "b"], &["c"]);
    let a = team.conn("a");
    let add = command("n1", GroupAct::Add(users(&["c"])));
    team.house.says(a, ClientPacket::Group(add.clone()));
    let first = team.house.heard(a);
    assert!(matches!(&first[..], [ServerPacket::Noted(Noted::Grouped { edition: 2, .. })]), "{first:?}");
    assert_eq!(team.does("a", GroupAct::Remove(user("c"))), Ok(3));
    team.house.heard(a);
    team.house.says(a, ClientPacket::Group(add));
    assert_eq!(team.house.heard(a), first, "a repeat gets the first answer");
    assert_eq!(team.role_of("c"), None, "and lets nobody in again");
    team.house.says(a, ClientPacket::Group(command("n1", GroupAct::Delete)));
    assert_eq!(team.answer("a", &ClientRef::new("n1").unwrap()), Err(Reject::Conflict));
    // What changes nothing tells nobody, and its name is remembered all the same.
    let rows = team.mailbox("b").len();
    team.house.heard(a);
    let out = command("n2", GroupAct::Remove(user("c")));
    team.house.says(a, ClientPacket::Group(out.clone()));
    let still = Noted::Grouped { client_ref: out.client_ref.clone(), edition: 3, offset: Offset::ZERO };
    assert_eq!(team.house.heard(a), [ServerPacket::Noted(still.clone())]);
    assert_eq!(team.does("a", GroupAct::Add(users(&["c"]))), Ok(4));
    team.house.heard(a);
    team.house.says(a, ClientPacket::Group(out));
    assert_eq!(team.house.heard(a), [ServerPacket::Noted(still)]);
    assert_eq!((team.role_of("c"), team.mailbox("b").len()), (Some(Role::Member), rows + 1));
}

// MISSION M3
// DM-GRP-12, DM-GRP-6
#[test]
fn a_kick_and_a_message_in_one_batch_agree_in_either_order() {
    for kick_first in [true, false] {
        let mut team = Team::new(&["a", "b", "c"], &[]);
        team.house.hold_commits = true;
        let name = if kick_first { Some(team.asks("a", GroupAct::Remove(user("c")))) } else { None };
        team.says("b", "to whom");
        team.says("c", "still here");
        let name = name.unwrap_or_else(|| team.asks("a", GroupAct::Remove(user("c"))));
        assert_eq!(team.house.held.len(), 3, "one batch");
        team.house.commit_held();
        assert_eq!(team.answer("a", &name), Ok(2));
        let told = "2 Removed(\"c\") by a/1";
        let created = "1 Created([\"b\", \"c\"]) by a/1";
        let (c, conn) = (team.mailbox("c"), team.conn("c"));
        let heard = team.house.heard(conn);
        let refused =
            heard.iter().any(|it| matches!(it, ServerPacket::Rejected { reason: Reject::NotMember, .. }));
        assert_eq!(refused, kick_first);
        if kick_first {
            assert_eq!(c, [created, told]);
            assert_eq!(team.mailbox("a"), [created, told, "to whom"]);
        } else {
            assert_eq!(c, [created, "to whom", "still here", told]);
            assert_eq!(team.mailbox("a"), [created, "to whom", "still here", told]);
        }
    }
}

// MISSION A1
// DM-GRP-14
#[test]
fn where_only_admins_post_members_listen() {
    let mut team = Team::new(&["a", "b", "c"], &["x"]);
    team.posts("b", "while I may").unwrap();
    let id =
        team.house.book.messages(&bimip_proto::ConversationId::Group(team_id())).last().map(|(_, entry)| {
            let Entry::Message(message) = &**entry else { panic!("a message") };
            message.head.id
        });
    assert_eq!(team.does("a", edit(None, None, Some(MayPost::Admins))), Ok(2));
    assert_eq!(team.does("a", role("c", Role::Admin)), Ok(3));
    team.hush();
    let talk = |to| Talk {
        from: user("b"),
        to,
        act: TalkAct::Start { label: None, payload: Bytes::from_static(&[5]) },
    };
    for (who, may) in [("a", Ok(())), ("b", Err(Reject::Role)), ("c", Ok(())), ("x", Err(Reject::NotMember))]
    {
        assert_eq!(team.posts(who, who), may);
        // Nor is anybody heard live who may not post.
        let conn = team.house.open(Caps::WALKIE, &device(who, "walkie"));
        team.house.heard(conn);
        let to = Address::Group(team_id());
        team.house.says(conn, ClientPacket::Talk(talk(to.clone())));
        let answer = team.house.heard(conn);
        match may {
            Ok(()) => {
                assert!(matches!(answer[..], [ServerPacket::Floor(Floor::Granted { .. })]), "{answer:?}");
                team.house.says(conn, ClientPacket::Talk(Talk { act: TalkAct::Stop, ..talk(to) }));
            }
            Err(reason) => assert_eq!(answer, [ServerPacket::Floor(Floor::Denied { to, reason })]),
        }
    }
    // What was said stays said: it may be taken back, and not said anew.
    let b = team.conn("b");
    for (name, text, answer) in [("e", Some("anew"), false), ("d", None, true)] {
        team.house.heard(b);
        let body = text.map(Body::text);
        let message = MessageRef::Id(id.unwrap());
        let client_ref = ClientRef::new(name).unwrap();
        team.house.says(b, ClientPacket::Revise(Revise { client_ref, message, body }));
        let heard = team.house.heard(b);
        let done = heard.iter().any(|it| matches!(it, ServerPacket::Noted(Noted::Revised { .. })));
        let role = |it: &ServerPacket| {
            matches!(it, ServerPacket::Noted(Noted::Unrevised { reason: Reject::Role, .. }))
        };
        assert_eq!((done, heard.iter().any(role)), (answer, !answer));
    }
    assert_eq!(team.does("a", edit(None, None, Some(MayPost::Everyone))), Ok(4));
    assert_eq!(team.posts("b", "again"), Ok(()));
}

fn team_id() -> GroupId {
    team()
}

// DM-GRP-14
#[test]
fn a_talk_ends_when_its_talker_may_speak_no_more() {
    for act in [GroupAct::Remove(user("b")), edit(None, None, Some(MayPost::Admins))] {
        let mut team = Team::new(&["a", "b", "c"], &[]);
        let [talker, hearer] = ["b", "c"].map(|who| team.house.open(Caps::WALKIE, &device(who, "walkie")));
        let say = |house: &mut House, act| {
            let talk = Talk { from: user("b"), to: Address::Group(team_id()), act };
            house.says(talker, ClientPacket::Talk(talk));
        };
        let audio = || TalkAct::Audio { label: None, payload: Bytes::from_static(&[0xc4, 1, 9]) };
        say(&mut team.house, TalkAct::Start { label: None, payload: Bytes::from_static(&[5]) });
        say(&mut team.house, audio());
        let voice = |house: &mut House| {
            let heard = house.heard(hearer);
            heard.iter().filter(|it| matches!(it, ServerPacket::Talk(_))).count()
        };
        assert_eq!(voice(&mut team.house), 2);
        assert_eq!(team.does("a", act), Ok(2));
        say(&mut team.house, audio());
        assert_eq!(voice(&mut team.house), 0);
        assert!(team.house.tapes.is_empty(), "and nothing is recorded any more");
    }
}

// DM-GRP-16
#[test]
fn who_is_banned_neither_joins_nor_is_let_in() {
    let mut team = Team::new(&["a", "b"], &["c"]);
    assert_eq!(team.does("a", edit(None, Some(true), None)), Ok(2));
    assert!(team.joins("c"));
    assert_eq!(team.mailbox("a").last().unwrap(), "3 Joined by c/1");
    assert_eq!(team.does("a", GroupAct::Ban(user("c"))), Ok(4));
    assert_eq!(team.mailbox("c").last().unwrap(), "4 Banned(\"c\") by a/1");
    assert!(!team.joins("c"));
    assert_eq!(team.does("a", GroupAct::Add(users(&["d", "c"]))), Err(Reject::Field("users")));
    assert_eq!(team.role_of("d"), None, "all of them or nobody");
    // Nor by a sign-in that names the group.
    let mut grant = Grant::new(device("c", "2"));
    grant.groups = vec![team_id()];
    team.house.open_with(Caps::FULL, grant);
    assert_eq!(team.role_of("c"), None);
    assert_eq!(team.does("a", GroupAct::Ban(user("nobody"))), Ok(5), "also who never was in it");
    assert_eq!(team.does("a", GroupAct::Unban(user("c"))), Ok(6));
    assert!(team.joins("c"));
}

// DM-GRP-17
#[test]
fn a_group_always_has_an_owner_while_somebody_is_in_it() {
    let mut team = Team::new(&["a", "b", "c", "d"], &["e"]);
    assert_eq!(team.does("a", role("d", Role::Admin)), Ok(2));
    team.leaves("a");
    assert_eq!(team.role_of("d"), Some(Role::Owner), "an admin before those who were there longer");
    assert_eq!(team.mailbox("b").last().unwrap(), "3 Left { heir: Some(\"d\") } by a/1");
    assert_eq!(team.does("d", GroupAct::Add(users(&["e"]))), Ok(4));
    // Giving it away makes an admin of the owner.
    assert_eq!(team.does("d", role("e", Role::Owner)), Ok(5));
    assert_eq!((team.role_of("d"), team.role_of("e")), (Some(Role::Admin), Some(Role::Owner)));
    assert_eq!(team.does("e", role("d", Role::Member)), Ok(6));
    team.leaves("e");
    assert_eq!(team.role_of("b"), Some(Role::Owner), "who was there longest");
    for who in ["b", "c", "d"] {
        team.leaves(who);
    }
    let Ok(Some(head)) = team.house.book.group(&team_id()) else { panic!("it stays") };
    assert_eq!((head.members, head.deleted), (0, false));
    assert!(!team.joins("a"), "it is closed");
}

// DM-GRP-18
#[test]
fn a_deleted_group_leaves_its_messages_and_its_name() {
    let mut team = Team::new(&["a", "b"], &["c"]);
    team.posts("a", "for the record").unwrap();
    assert_eq!(team.does("a", GroupAct::Delete), Ok(2));
    for who in ["a", "b"] {
        assert_eq!(team.mailbox(who).last().unwrap(), "2 Deleted by a/1");
        assert_eq!(team.role_of(who), None);
        assert_eq!(team.posts(who, "hello?"), Err(Reject::NotMember));
        assert!(!team.joins(who));
    }
    assert_eq!(team.does("b", create(&[])), Err(Reject::Taken));
    let mut grant = Grant::new(device("c", "2"));
    grant.groups = vec![team_id()];
    team.house.open_with(Caps::FULL, grant);
    assert_eq!(team.role_of("c"), None);
    // As to who left: what they received stays theirs.
    let conversation = bimip_proto::ConversationId::Group(team_id());
    let sequence = team.house.book.sequence_of(&conversation, bimip_proto::Seq(1));
    let Ok(Some(sequence)) = sequence else { panic!("it is there") };
    let message = MessageRef::Id(bimip_proto::MessageId::new(7, sequence));
    for (who, may) in [("a", true), ("b", true), ("c", false)] {
        let Ok(found) = readable(&message, &user(who), &team.house.book);
        assert_eq!(found.is_some(), may, "{who}");
    }
    let b = team.conn("b");
    team.house.says(b, ClientPacket::Mark { message: message.clone(), status: Status::Read });
    let read = Noted::Marked { message, status: Status::Read };
    assert!(team.house.heard(b).contains(&ServerPacket::Noted(read)));
}

// DM-GRP-11
#[test]
fn a_channel_that_nobody_manages_comes_and_goes_without_a_word() {
    let mut team = Team::new(&[], &["a", "b", "c"]);
    for who in ["a", "b", "c"] {
        assert!(team.joins(who));
    }
    assert_eq!((team.role_of("a"), team.role_of("b")), (Some(Role::Owner), Some(Role::Member)));
    team.leaves("c");
    assert!(team.mailbox("a").is_empty());
    // The first command makes it one that is told of.
    let walkie = team.house.open(Caps::WALKIE, &device("b", "walkie"));
    team.house.heard(walkie);
    assert_eq!(team.does("a", edit(Some("Site 7"), None, None)), Ok(1));
    assert!(team.joins("c"));
    assert_eq!(team.mailbox("b"), ["1 Edited by a/1", "2 Joined by c/1"]);
    assert_eq!(team.house.heard(walkie), [], "which has no words for it");
    assert_eq!(team.does("a", GroupAct::Remove(user("b"))), Ok(3));
    let draft = Draft {
        client_ref: None,
        to: Address::Group(team_id()),
        client_time: None,
        body: Body::text("hello?"),
    };
    team.house.says(walkie, ClientPacket::Send(draft));
    let heard = team.house.heard(walkie);
    assert!(matches!(&heard[..], [ServerPacket::Rejected { reason: Reject::NotMember, .. }]), "{heard:?}");
}

// DM-GRP-2
#[test]
fn what_the_sign_in_makes_is_owned_by_nobody() {
    let mut house = House::new();
    for who in ["a", "b"] {
        let mut grant = Grant::new(device(who, "1"));
        grant.groups = vec![team()];
        house.open_with(Caps::FULL, grant);
        let Ok(membership) = house.book.membership(&team(), &user(who));
        assert!(membership.is_member() && membership.role() == Role::Member);
    }
}

/// What its members are told does not say by which way somebody came, so whoever comes into an empty group owns it.
// DM-GRP-13
#[test]
fn whoever_comes_first_into_a_managed_group_without_members_owns_it_also_by_the_sign_in() {
    let mut team = Team::new(&["a"], &[]);
    let conn = team.conn("a");
    team.house.says(conn, ClientPacket::Leave(team_id()));
    for (who, expected) in [("b", Role::Owner), ("c", Role::Member)] {
        let mut grant = Grant::new(device(who, "1"));
        grant.groups = vec![team_id()];
        let conn = team.house.open_with(Caps::FULL, grant);
        let Ok(membership) = team.house.book.membership(&team_id(), &user(who));
        assert!(membership.is_member() && membership.role() == expected, "{who}");
        let mut told = GroupStates::new(user(who));
        for packet in team.house.heard(conn) {
            if let ServerPacket::Deliver(row) = packet {
                told.on_event(&Event::Received(row));
            }
        }
        assert_eq!(told.get(&team_id()).and_then(|state| state.role()), Some(expected), "{who}");
    }
}

// DM-GRP-8
#[test]
fn a_group_is_as_large_as_groups_may_be() {
    let mut team = Team::new(&["a"], &[]);
    let mut left = limits::GROUP_MEMBERS as usize - 1;
    let mut next = 0;
    let mut named = |count: usize| -> Vec<UserId> {
        next += count;
        (next - count..next).map(|at| user(&format!("m{at}"))).collect()
    };
    while left > 0 {
        let count = left.min(limits::GROUP_ADD_USERS);
        assert!(team.does("a", GroupAct::Add(named(count))).is_ok());
        left -= count;
    }
    assert_eq!(team.does("a", GroupAct::Add(named(1))), Err(Reject::Full));
    let last = team.house.book.members(&team_id()).unwrap().len();
    assert_eq!(last, limits::GROUP_MEMBERS as usize);
    assert!(team.does("a", GroupAct::Delete).is_ok());
    assert!(team.house.book.members(&team_id()).unwrap().is_empty());
}

/// Everything that a machine wants said.
fn said(session: &mut ClientSession) -> (Vec<ClientPacket>, Vec<Event>) {
    let (mut packets, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = session.poll_output() {
        match output {
            Output::Transmit(packet) => packets.push(packet),
            Output::Event(event) => events.push(event),
            _ => {}
        }
    }
    (packets, events)
}

fn session(resume: Resume) -> ClientSession {
    let mut config = Config::new(device("a", "1"));
    config.unnoted_marks = 2;
    ClientSession::new(config, resume, bimip_proto::Now::default())
}

fn up(session: &mut ClientSession) {
    let now = bimip_proto::Now::default();
    // It dials at once.
    session.handle_timeout(now);
    session.handle_input(now, Input::Connected);
    let mut house = House::new();
    let conn = house.open(Caps::FULL, &device("a", "1"));
    let welcome = house.heard(conn).remove(0);
    said(session);
    session.handle_input(now, Input::Packet(welcome));
}

// CL-OUT-7
#[test]
fn a_command_is_kept_until_it_is_answered_and_commands_about_a_group_go_one_by_one() {
    let now = bimip_proto::Now::default();
    let mut first = session(Resume::default());
    let (make, add) = (command("1", create(&[])), command("2", GroupAct::Add(users(&["b"]))));
    for it in [&make, &add, &add] {
        assert_eq!(first.group(now, it.clone()), Ok(()));
    }
    let third = command("3", GroupAct::Delete);
    assert_eq!(first.group(now, third.clone()), Err(Full(third)));
    assert_eq!(first.ungrouped().collect::<Vec<_>>(), [&make, &add]);
    // A device that starts again says all of it again.
    let mut again = session(Resume { groups: first.ungrouped().cloned().collect(), ..Resume::default() });
    up(&mut again);
    assert_eq!(said(&mut again).0, [ClientPacket::Group(make.clone())]);
    let answer = |command: &GroupCommand| Noted::Grouped {
        client_ref: command.client_ref.clone(),
        edition: 1,
        offset: Offset(1),
    };
    again.handle_input(now, Input::Packet(ServerPacket::Noted(answer(&make))));
    let done = Event::Grouped { command: make, edition: 1, offset: Offset(1) };
    assert_eq!(said(&mut again), (vec![ClientPacket::Group(add.clone())], vec![done]));
    let client_ref = add.client_ref.clone();
    let refused = Noted::Ungrouped { client_ref, reason: Reject::Full, retry_after_ms: None };
    again.handle_input(now, Input::Packet(ServerPacket::Noted(refused)));
    let event = Event::GroupRefused { command: add, reason: Reject::Full };
    assert_eq!(said(&mut again).1, [event]);
    assert!(again.is_settled());
}

// MISSION M3
// DM-GRP-12
#[test]
fn a_device_knows_from_changes_what_it_is_in_a_group_in_whatever_order_answers_come() {
    let received = |change: &GroupChange| {
        let row = bimip_proto::Row {
            prev: Offset::ZERO,
            offset: Offset(1),
            entry: std::sync::Arc::new(Entry::Group(change.clone())),
        };
        Event::Received(row)
    };
    let mut team = Team::new(&["a", "b"], &[]);
    let tablet = team.house.open(Caps::FULL, &device("b", "2"));
    assert_eq!(team.does("a", role("b", Role::Admin)), Ok(2));
    let about = GroupAct::Edit { title: None, about: Some("ours".into()), open: None, post: None };
    assert_eq!(team.does("a", about), Ok(3));
    let title = edit(Some("Title"), None, None);
    assert_eq!(team.does("b", title.clone()), Ok(4));
    assert_eq!(team.does("a", edit(None, None, Some(MayPost::Admins))), Ok(5));
    let rows = changes(&team.house.heard(tablet));
    assert_eq!(rows.len(), 5);
    // The device that edited hears its answer before the rows that came before it, and not its own row.
    let mut list = ConversationList::new(user("b"), Bounds::default());
    let done = Event::Grouped { command: command("t", title), edition: 4, offset: Offset(4) };
    for event in [received(&rows[0]), done, received(&rows[1]), received(&rows[2]), received(&rows[4])] {
        list.on_event(&event);
    }
    let state = list.groups().get(&team_id()).unwrap();
    assert_eq!((state.title(), state.about(), state.role()), ("Title", "ours", Some(Role::Admin)));
    assert!(state.may_post() && !state.is_open() && !state.is_deleted());
    // Giving the group away, leaving it and coming back are all told.
    let mut all = vec![team.does("a", role("b", Role::Owner)), team.does("a", role("b", Role::Member))];
    assert_eq!((all.remove(0), all.remove(0)), (Ok(6), Err(Reject::Role)));
    assert_eq!(team.does("b", edit(None, Some(true), None)), Ok(7));
    team.leaves("b");
    assert!(team.joins("b"));
    assert_eq!(team.does("a", GroupAct::Delete), Ok(10));
    let roles: Vec<Option<Role>> = changes(&team.house.heard(tablet))
        .iter()
        .map(|change| {
            list.on_event(&received(change));
            list.groups().get(&team_id()).unwrap().role()
        })
        .collect();
    assert_eq!(roles, [Some(Role::Owner), Some(Role::Owner), None, Some(Role::Member), None]);
    assert!(list.groups().get(&team_id()).unwrap().is_deleted());
}

// DM-GRP-12
#[test]
fn a_change_is_as_heavy_as_what_it_says() {
    let mut team = Team::new(&["a"], &[]);
    let many = (0..limits::GROUP_ADD_USERS).map(|at| user(&format!("m{at}"))).collect();
    assert_eq!(team.does("a", GroupAct::Add(many)), Ok(2));
    let rows = team.house.book.page(&user("a"), Offset::ZERO, 9, u64::MAX);
    let weights: Vec<u64> = rows.iter().map(|(_, entry)| server::weight(entry)).collect();
    assert_eq!(weights, [64 + 4, 64 + 4 + 32 * 256]);
}

/// A house in which a group with more than two members has a feed.
fn crowd() -> House {
    let mut config = server::Config::default();
    config.row_members = 2;
    House::with(config)
}

// DM-GRP-12
#[test]
fn a_large_group_tells_of_its_changes_in_turn_too() {
    let mut team = Team::with(crowd(), &["a", "b", "c"], &["d"]);
    team.posts("a", "one").unwrap();
    assert_eq!(team.does("a", GroupAct::Add(users(&["d"]))), Ok(2));
    team.posts("d", "two").unwrap();
    // Nobody of c is here who would read it, so that all of it waits.
    assert_eq!(team.does("a", GroupAct::Remove(user("c"))), Ok(3));
    team.posts("a", "three").unwrap();
    assert_eq!(team.posts("c", "four"), Err(Reject::NotMember));
    let (created, added, removed) =
        ("1 Created([\"b\", \"c\"]) by a/1", "2 Added([\"d\"]) by a/1", "3 Removed(\"c\") by a/1");
    for (who, told) in [
        ("b", &[created, "one", added, "two", removed, "three"][..]),
        ("c", &[created, "one", added, "two", removed]),
        ("d", &[added, "two", removed, "three"]),
    ] {
        // Mailboxes are filled while somebody reads them.
        let conn = team.house.open(Caps::FULL, &device(who, "late"));
        assert_eq!(harness::rows(&team.house.heard(conn)).len(), told.len(), "{who}");
        assert_eq!(team.mailbox(who), told, "{who}");
    }
}

// DM-GRP-17, DM-GRP-18
#[test]
fn in_a_large_group_a_batch_sees_who_came_and_went() {
    let mut team = Team::with(crowd(), &["a", "b", "c"], &["d"]);
    team.house.hold_commits = true;
    let names = [
        team.asks("a", GroupAct::Remove(user("b"))),
        team.asks("a", GroupAct::Add(users(&["d"]))),
        team.asks("a", role("d", Role::Admin)),
    ];
    // What a connection says after a command waits for it.
    while !team.house.held.is_empty() {
        team.house.commit_held();
        team.house.hold_commits = true;
    }
    assert_eq!(names.map(|name| team.answer("a", &name)), [Ok(2), Ok(3), Ok(4)]);
    team.house.hold_commits = false;
    team.leaves("a");
    assert_eq!((team.role_of("b"), team.role_of("d")), (None, Some(Role::Owner)));
    assert_eq!(team.does("d", GroupAct::Delete), Ok(6));
    for who in ["a", "b", "c", "d"] {
        assert_eq!(team.role_of(who), None, "{who}");
        assert!(team.house.book.groups_of(&user(who)).unwrap().is_empty());
    }
}
