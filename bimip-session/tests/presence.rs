//! Who is told what somebody is doing, and who is not.
#![allow(clippy::unwrap_used, reason = "tests")]

mod harness;

use bimip_proto::{
    Act, Address, Aware, Awareness, Caps, ClientPacket, ClientRef, Device, GroupId, Location, Presence,
    Reject, ServerPacket, Signal, Track, limits,
};
use bimip_session::Machine;
use bimip_session::server::{ConnId, Grant, Input, Output};
use harness::{House, device, draft, user};

fn watched() -> House {
    let mut house = House::new();
    house.watch = true;
    house
}

/// `a` and `b` have written to each other; `c` has written to nobody. Nobody is connected.
fn acquainted() -> House {
    let mut house = watched();
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.input(Input::Closed(a));
    house.sent.clear();
    house
}

fn doing(presence: Presence) -> Awareness {
    Awareness { id: None, to: None, presence, location: None, ttl_s: 0, at: None }
}

fn to(name: &str, presence: Presence) -> ClientPacket {
    ClientPacket::Aware(Awareness { to: Some(Address::User(user(name))), ..doing(presence) })
}

fn typing(to: Address) -> ClientPacket {
    ClientPacket::Signal(Signal { id: Some(ClientRef::new("t").unwrap()), to, act: Act::Typing, at: None })
}

/// What a connection was told of presence since it was last asked: who, and what.
fn told(house: &mut House, conn: ConnId) -> Vec<(Device, Presence)> {
    let mut told = Vec::new();
    for packet in house.heard(conn) {
        match packet {
            ServerPacket::Aware(it) => told.push((it.from, it.awareness.presence)),
            ServerPacket::Around(list) => {
                told.extend(list.into_iter().map(|it| (it.from, it.awareness.presence)));
            }
            _ => {}
        }
    }
    told
}

fn signals(house: &mut House, conn: ConnId) -> Vec<ServerPacket> {
    let live = |packet: &ServerPacket| {
        matches!(packet, ServerPacket::Signal { .. } | ServerPacket::Track { .. } | ServerPacket::Aware(_))
    };
    house.heard(conn).into_iter().filter(live).collect()
}

fn hide(house: &mut House, conn: ConnId, visible: bool) {
    house.says(conn, ClientPacket::SetVisible { id: None, visible });
}

// MISSION B8
#[test]
fn who_shares_a_conversation_is_told_and_nobody_else() {
    // BM-AWARE-2, DM-PRS-1, DM-PRS-2.
    let mut house = acquainted();
    let (a1, b1) = (device("a", "1"), device("b", "1"));
    let (b, c) = (house.open(Caps::FULL, &b1), house.open(Caps::FULL, &device("c", "1")));
    let walkie = house.open(Caps::WALKIE, &device("b", "voiceping"));
    let a = house.open(Caps::FULL, &a1);
    assert_eq!(told(&mut house, b), [(a1.clone(), Presence::Online)]);
    assert_eq!(told(&mut house, a), [(b1, Presence::Online)], "who is here already comes at once");
    // A second device of somebody who is here is no news.
    let other = house.open(Caps::FULL, &device("a", "2"));
    assert_eq!(told(&mut house, b), []);
    house.says(a, ClientPacket::Aware(doing(Presence::Busy)));
    assert_eq!(told(&mut house, b), [(a1.clone(), Presence::Busy)]);
    assert_eq!(told(&mut house, other).last(), Some(&(a1.clone(), Presence::Busy)), "one's own devices");
    house.input(Input::Closed(a));
    assert_eq!(told(&mut house, b), []);
    house.input(Input::Closed(other));
    assert_eq!(told(&mut house, b), [(a1, Presence::Offline)], "with the last connection");
    assert_eq!(told(&mut house, c), [], "a stranger");
    assert_eq!(told(&mut house, walkie), [], "no words for it");
}

// MISSION B8
#[test]
fn members_of_a_group_are_told() {
    let mut house = watched();
    let team = GroupId::new("team").unwrap();
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.says(a, ClientPacket::Join(team.clone()));
    let b = house.open(Caps::FULL, &device("b", "1"));
    house.says(b, ClientPacket::Join(team.clone()));
    assert_eq!(told(&mut house, a), [(device("b", "1"), Presence::Online)], "who comes into a group is news");
    assert_eq!(told(&mut house, b), [(device("a", "1"), Presence::Online)], "and sees who is there");
    house.says(b, ClientPacket::Join(team.clone()));
    assert_eq!(told(&mut house, a), [], "who was in it is not");
    house.says(b, ClientPacket::Aware(doing(Presence::Away)));
    assert_eq!(told(&mut house, a), [(device("b", "1"), Presence::Away)]);
    // DM-PRS-3: live signals of a group go to its members, and only members say them.
    house.says(b, typing(Address::Group(team.clone())));
    assert_eq!(signals(&mut house, a).len(), 1);
    let c = house.open(Caps::FULL, &device("c", "1"));
    house.heard(c);
    house.says(c, typing(Address::Group(team)));
    assert_eq!(signals(&mut house, a), []);
    let refused = house.heard(c);
    assert!(
        matches!(&refused[..], [ServerPacket::Declined { reason: Reject::NotMember, id: Some(_), .. }]),
        "{refused:?}"
    );
    house.input(Input::Closed(b));
    assert_eq!(
        told(&mut house, a),
        [(device("b", "1"), Presence::Offline)],
        "also who is gone is remembered so far"
    );
}

/// Seed 28759 of the gate: the device comes back at once, and storage cannot be read.
// MISSION B8
// DM-PRS-2
#[test]
fn who_went_is_told_of_also_when_the_next_connection_is_not_let_in() {
    let mut house = acquainted();
    let b = house.open(Caps::FULL, &device("b", "1"));
    let a = house.open(Caps::FULL, &device("a", "1"));
    assert_eq!(told(&mut house, b), [(device("a", "1"), Presence::Online)]);
    house.core_only(Input::Closed(a));
    let mut asks = std::iter::from_fn(|| house.core.poll_output());
    assert!(asks.any(|it| matches!(it, Output::Contacts(who) if who == user("a"))));
    let (conn, grant) = (ConnId(99), Some(Grant::new(device("a", "1"))));
    house.core_only(Input::Opened { conn, caps: Caps::FULL, grant });
    house.core_only(Input::Attached(conn, None));
    let asked = std::iter::from_fn(|| house.core.poll_output());
    assert!(asked.into_iter().any(|it| matches!(it, Output::Close(..))));
    house.input(Input::Contacts(user("a"), Some(vec![user("b")])));
    assert_eq!(told(&mut house, b), [(device("a", "1"), Presence::Offline)]);
}

/// So many users with a connection each, all in one group.
fn crowd(count: usize, group: &GroupId) -> (House, Vec<ConnId>) {
    let mut house = watched();
    let mut conns = Vec::new();
    for number in 0..count {
        let conn = house.open(Caps::FULL, &device(&format!("u{number}"), "1"));
        house.says(conn, ClientPacket::Join(group.clone()));
        conns.push(conn);
    }
    house.sent.clear();
    (house, conns)
}

// DM-PRS-1
#[test]
fn in_a_group_with_many_who_are_here_nobody_is_told_through_it() {
    let town = GroupId::new("town").unwrap();
    let most = limits::ROW_MEMBERS as usize;
    let (mut house, conns) = crowd(most, &town);
    let before = house.core.counters().presence_told;
    house.says(conns[0], ClientPacket::Aware(doing(Presence::Busy)));
    assert_eq!(house.core.counters().presence_told - before, most as u64 - 1, "so many are all told");
    assert_eq!(told(&mut house, conns[1]), [(device("u0", "1"), Presence::Busy)]);

    let (mut house, conns) = crowd(300, &town);
    let before = house.core.counters().presence_told;
    house.says(conns[0], ClientPacket::Aware(doing(Presence::Busy)));
    let late = house.open(Caps::FULL, &device("late", "1"));
    house.says(late, ClientPacket::Join(town.clone()));
    assert_eq!(told(&mut house, late), [], "who comes in is shown nobody");
    house.input(Input::Closed(late));
    let late = house.open(Caps::FULL, &device("late", "1"));
    assert_eq!(told(&mut house, late), [], "nor who comes again");
    house.wait(2 * limits::PRESENCE_REFRESH_MS);
    let live: Vec<ConnId> =
        conns.iter().copied().filter(|conn| !told(&mut house, *conn).is_empty()).collect();
    assert_eq!((live, house.core.counters().presence_told), (vec![], before), "nothing was said to anybody");
}

// DM-PRS-1, DM-PRS-3
#[test]
fn what_is_not_of_a_large_group_is_told_in_it_as_elsewhere() {
    let town = GroupId::new("town").unwrap();
    let (mut house, conns) = crowd(limits::ROW_MEMBERS as usize + 1, &town);
    let [first, second, third] = [conns[0], conns[1], conns[2]];
    house.says(first, ClientPacket::Send(draft("r", "u1", "hello")));
    house.sent.clear();
    house.says(first, ClientPacket::Aware(doing(Presence::Busy)));
    assert_eq!(told(&mut house, second), [(device("u0", "1"), Presence::Busy)], "two with a conversation");
    assert_eq!(told(&mut house, third), []);
    house.says(first, typing(Address::Group(town)));
    assert_eq!(signals(&mut house, third).len(), 1, "what one does in the group is one word to each");
    // With one more gone than too many they are few enough; of the one who goes they knew nothing.
    house.input(Input::Closed(third));
    assert_eq!(told(&mut house, second), []);
    house.says(first, ClientPacket::Aware(doing(Presence::Away)));
    assert_eq!(told(&mut house, conns[3]), [(device("u0", "1"), Presence::Away)]);
}

// MISSION B6 B8
#[test]
fn live_words_reach_the_one_they_are_for() {
    // BM-LIVE-1, BM-LOC-1, DM-PRS-3.
    let mut house = acquainted();
    let (a1, b1) = (device("a", "1"), device("b", "1"));
    let (a, b) = (house.open(Caps::FULL, &a1), house.open(Caps::FULL, &b1));
    let c = house.open(Caps::FULL, &device("c", "1"));
    for conn in [a, b, c] {
        house.heard(conn);
    }
    house.says(a, typing(Address::User(user("b"))));
    let heard = signals(&mut house, b);
    let [ServerPacket::Signal { from, signal }] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((from, signal.act, signal.at), (&a1, Act::Typing, Some(house.now.stamp())));
    house.says(a, to("b", Presence::Recording));
    assert_eq!(told(&mut house, b), [(a1.clone(), Presence::Recording)]);
    let location = Location::new(52.5, 13.4, None).unwrap();
    let track = Track { id: None, to: Address::User(user("b")), location, at: None };
    house.says(a, ClientPacket::Track(track));
    assert!(matches!(&signals(&mut house, b)[..], [ServerPacket::Track { .. }]));
    // A word to one's own other devices.
    let a2 = house.open(Caps::FULL, &device("a", "2"));
    house.heard(a2);
    house.says(a, ClientPacket::Aware(doing(Presence::Resumed)));
    assert_eq!(told(&mut house, a2), [(a1, Presence::Resumed)]);
    assert_eq!((signals(&mut house, b), signals(&mut house, c)), (vec![], vec![]));
    assert!(house.held.is_empty() && house.core.counters().drafts == 1, "nothing of it is stored");
}

// MISSION B8
#[test]
fn of_a_hidden_user_nothing_leaves() {
    // BM-VIS-1, BM-VIS-2, DM-PRS-4.
    let mut house = acquainted();
    let (a1, b1) = (device("a", "1"), device("b", "1"));
    let (a, a2, b) =
        (house.open(Caps::FULL, &a1), house.open(Caps::FULL, &device("a", "2")), house.open(Caps::FULL, &b1));
    for conn in [a, a2, b] {
        house.heard(conn);
    }
    hide(&mut house, a, false);
    assert_eq!(house.heard(a), [ServerPacket::Visible { id: None, visible: false }]);
    assert_eq!(house.heard(a2), [ServerPacket::Visible { id: None, visible: false }], "all devices");
    let location = Location::new(0.0, 0.0, None).unwrap();
    for said in [
        ClientPacket::Aware(doing(Presence::Away)),
        to("b", Presence::Typing),
        typing(Address::User(user("b"))),
        ClientPacket::Track(Track { id: None, to: Address::User(user("b")), location, at: None }),
    ] {
        house.says(a, said);
    }
    house.wait(10 * limits::PRESENCE_REFRESH_MS / 8);
    let hidden = house.core.counters().presence_hidden;
    assert!(hidden >= 4, "{hidden}");
    // A call is no presence.
    let call = Signal { id: None, to: Address::User(user("b")), act: Act::Calling, at: None };
    house.says(a, ClientPacket::Signal(call));
    assert!(matches!(&signals(&mut house, b)[..], [ServerPacket::Signal { .. }]));
    // Going and coming, on a server that was started anew, is not told either.
    for conn in [a, a2] {
        house.input(Input::Closed(conn));
    }
    let a = house.open(Caps::FULL, &a1);
    assert_eq!(signals(&mut house, b), []);
    assert!(house.heard(a).contains(&ServerPacket::Visible { id: None, visible: false }), "told at sign-in");
    // Who comes is not told of who is hidden.
    house.input(Input::Closed(b));
    let b = house.open(Caps::FULL, &b1);
    assert_eq!(told(&mut house, b), []);
    // Asking again is answered again; being seen again is told at once.
    hide(&mut house, a, false);
    hide(&mut house, a, true);
    let answers = house.heard(a);
    assert!(
        answers.contains(&ServerPacket::Visible { id: None, visible: false })
            && answers.contains(&ServerPacket::Visible { id: None, visible: true }),
        "{answers:?}"
    );
    assert_eq!(told(&mut house, b), [(a1, Presence::Online)]);
}

// MISSION B8
#[test]
fn what_changes_nothing_about_being_seen_is_told_to_nobody() {
    // BM-VIS-1, BM-VIS-2.
    let mut house = acquainted();
    let walkie = house.open(Caps::WALKIE, &device("a", "voiceping"));
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    for conn in [walkie, a, b] {
        house.heard(conn);
    }
    hide(&mut house, a, true);
    assert_eq!(told(&mut house, b), [], "seen before and after");
    let late = ConnId(77);
    let grant = Grant::new(device("a", "late"));
    house.core_only(Input::Opened { conn: late, caps: Caps::FULL, grant: Some(grant) });
    let attachment = house.take_attach();
    hide(&mut house, a, false);
    assert_eq!(house.heard(walkie), [], "no words for it");
    assert_eq!(house.heard(late), [], "not before the welcome");
    house.input(Input::Attached(late, Some(attachment)));
    let heard = house.heard(late);
    assert!(
        matches!(heard[..], [ServerPacket::Welcome(_), ServerPacket::Visible { visible: false, .. }, ..]),
        "{heard:?}"
    );
}

// MISSION B8
#[test]
fn hidden_is_hidden_from_the_proof_on_and_not_before() {
    let mut house = acquainted();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    for conn in [a, b] {
        house.heard(conn);
    }
    house.hold_commits = true;
    hide(&mut house, a, false);
    assert_eq!(house.heard(a), [], "not before it is durable");
    house.fail_held();
    let answer = house.heard(a);
    assert!(
        matches!(
            &answer[..],
            [ServerPacket::Declined { reason: Reject::Unavailable, retry_after_ms: Some(_), .. }]
        ),
        "{answer:?}"
    );
    house.says(a, ClientPacket::Aware(doing(Presence::Away)));
    assert_eq!(told(&mut house, b).len(), 1, "still seen");
}

// MISSION B8
#[test]
fn a_presence_runs_out_and_being_here_is_said_again() {
    // BM-AWARE-4.
    let mut house = acquainted();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    for conn in [a, b] {
        house.heard(conn);
    }
    let location = Location::new(52.5, 13.4, None);
    house.says(a, ClientPacket::Aware(Awareness { ttl_s: 90, location, ..doing(Presence::Away) }));
    let aware = |house: &mut House| -> Vec<(Presence, u32, bool)> {
        let aware = house.heard(b).into_iter().filter_map(|packet| match packet {
            ServerPacket::Aware(Aware { awareness: it, .. }) => {
                Some((it.presence, it.ttl_s, it.location.is_some()))
            }
            _ => None,
        });
        aware.collect()
    };
    assert_eq!(aware(&mut house), [(Presence::Away, 90, true)]);
    house.wait(60_000);
    assert_eq!(aware(&mut house), [(Presence::Away, 30, true)], "said again, with what is left of it");
    house.wait(30_000);
    assert_eq!(aware(&mut house), [(Presence::Online, limits::PRESENCE_TTL_S, false)]);
}

// MISSION B8
#[test]
fn a_presence_is_told_for_two_minutes_at_most_and_going_offline_for_none() {
    // BM-AWARE-2.
    let mut house = acquainted();
    let [a, own, b] =
        [("a", "1"), ("a", "2"), ("b", "1")].map(|(user, name)| house.open(Caps::FULL, &device(user, name)));
    for (presence, said_s, told_s) in [
        (Presence::Busy, 0, 120),
        (Presence::Busy, 1, 1),
        (Presence::Busy, 119, 119),
        (Presence::Busy, 120, 120),
        (Presence::Away, 86_400, 120),
        (Presence::Offline, 0, 0),
        (Presence::Offline, 60, 0),
    ] {
        for conn in [own, b] {
            house.heard(conn);
        }
        house.says(a, ClientPacket::Aware(Awareness { ttl_s: said_s, ..doing(presence) }));
        for conn in [own, b] {
            let told = house.heard(conn);
            let [ServerPacket::Aware(Aware { awareness, .. })] = &told[..] else { panic!("{told:?}") };
            assert_eq!((awareness.presence, awareness.ttl_s), (presence, told_s), "{said_s} s");
        }
    }
}

#[test]
fn a_talkative_client_costs_one_question_at_a_time() {
    let mut house = acquainted();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let b = house.open(Caps::FULL, &device("b", "1"));
    for conn in [a, b] {
        house.heard(conn);
    }
    for presence in [Presence::Away, Presence::Busy, Presence::DoNotDisturb] {
        house.core_only(Input::Packets(a, vec![ClientPacket::Aware(doing(presence)).into()]));
    }
    let mut questions = 0;
    while let Some(output) = house.core.poll_output() {
        questions += usize::from(matches!(output, Output::Contacts(_)));
    }
    assert_eq!(questions, 1);
    house.input(Input::Contacts(user("a"), Some(vec![user("b")])));
    assert_eq!(told(&mut house, b), [(device("a", "1"), Presence::DoNotDisturb)], "what is true by then");
    // A store that cannot be read costs the news, and nothing else.
    house.core_only(Input::Packets(a, vec![ClientPacket::Aware(doing(Presence::Away)).into()]));
    while house.core.poll_output().is_some() {}
    house.input(Input::Contacts(user("a"), None));
    house.says(a, ClientPacket::Aware(doing(Presence::Busy)));
    assert_eq!(told(&mut house, b), [(device("a", "1"), Presence::Busy)]);
}

#[test]
fn a_device_that_takes_over_its_own_connection_was_never_gone() {
    let mut house = acquainted();
    let (a1, b1) = (device("a", "1"), device("b", "1"));
    let b = house.open(Caps::FULL, &b1);
    house.open(Caps::FULL, &a1);
    assert_eq!(told(&mut house, b), [(a1.clone(), Presence::Online)]);
    house.open(Caps::FULL, &a1);
    assert_eq!(house.closed.len(), 1);
    assert_eq!(told(&mut house, b), []);
}

#[test]
fn two_who_meet_see_each_other_and_nobody_is_asked_about_for_nothing() {
    // DM-PRS-1, DM-PRS-2.
    let mut house = watched();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    assert_eq!((told(&mut house, a), told(&mut house, b)), (vec![], vec![]));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    assert_eq!(told(&mut house, a), [(device("b", "1"), Presence::Online)]);
    assert_eq!(told(&mut house, b), [(device("a", "1"), Presence::Online)]);
    house.says(a, ClientPacket::Send(draft("r2", "b", "hello again")));
    assert_eq!(told(&mut house, b), [], "they know each other");
    house.wait(limits::PRESENCE_REFRESH_MS);
    assert_eq!((told(&mut house, a).len(), told(&mut house, b).len()), (1, 1));
    house.input(Input::Closed(b));
    let mut questions = Vec::new();
    for _ in 0..3 {
        house.now.mono_ms += limits::PRESENCE_REFRESH_MS;
        house.core.handle_timeout(house.now);
        let outputs: Vec<_> = std::iter::from_fn(|| house.core.poll_output()).collect();
        questions.push(outputs.iter().filter(|it| matches!(it, Output::Contacts(_))).count());
        house.input(Input::Contacts(user("a"), Some(vec![user("b")])));
    }
    assert_eq!(questions, [1, 0, 0], "once nobody heard it, nobody is asked for");
}
