//! What is said now or never.

use bimip_proto::{
    Act, Address, Aware, Awareness, ClientPacket, CloseReason, GroupId, Presence, Reject, ServerPacket,
    Signal, Talk, TalkAct,
};
use bimip_session::Machine;
use bimip_session::client::{ACT_MS, ClientSession, Config, Event, Heard, Input, Live, Output, Resume};

use super::harness::{device, user};
use super::{T0, at, events, outputs, row, up};

#[test]
fn what_is_live_is_said_now_or_never_and_heard_beside_the_rows() {
    let doing = |presence| Awareness { id: None, to: None, presence, location: None, ttl_s: 0, at: None };
    let mut down = ClientSession::new(Config::new(device("a", "1")), Resume::default(), T0);
    assert!(!down.live(T0, Live::Aware(doing(Presence::Busy))), "nobody is there");
    let mut session = up(Resume::default());
    outputs(&mut session);
    assert!(session.live(T0, Live::Aware(doing(Presence::Away))));
    assert_eq!(outputs(&mut session), [Output::Transmit(ClientPacket::Aware(doing(Presence::Away)))]);

    let aware = |name| Aware { from: device(name, "1"), awareness: doing(Presence::Online) };
    let declined =
        ServerPacket::Declined { origin: 7, id: None, reason: Reject::NotMember, retry_after_ms: None };
    for packet in [ServerPacket::Around(vec![aware("b"), aware("c")]), declined] {
        session.handle_input(T0, Input::Packet(packet));
    }
    let heard = [
        Heard::Aware(aware("b")),
        Heard::Aware(aware("c")),
        Heard::Declined { id: None, reason: Reject::NotMember, retry_after_ms: None },
    ];
    assert_eq!(outputs(&mut session), heard.map(|it| Output::Event(Event::Heard(it))));
    session.handle_input(T0, Input::Packet(ServerPacket::Bye(CloseReason::Revoked)));
    let ended = Output::Event(Event::Ended(CloseReason::Revoked));
    assert!(outputs(&mut session).contains(&ended), "it does not dial with that token again");
}

#[test]
fn what_an_app_says_by_hand_is_said_as_it_is() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    let team = GroupId::new("team").unwrap();
    let talk = Talk { from: user("a"), to: Address::Group(team.clone()), act: TalkAct::Stop };
    session.join(T0, team.clone());
    session.talk(T0, talk.clone());
    session.leave_group(T0, team.clone());
    let said = [ClientPacket::Join(team.clone()), ClientPacket::Talk(talk), ClientPacket::Leave(team)];
    assert_eq!(outputs(&mut session), said.map(Output::Transmit));
}

fn doing(presence: Presence, ttl_s: u32) -> Awareness {
    Awareness { id: None, to: None, presence, location: None, ttl_s, at: None }
}

// MISSION B8
// BM-AWARE-4, CL-PRS-1
#[test]
fn what_was_heard_of_somebody_runs_out_by_itself() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    let hear = |session: &mut ClientSession, name, presence, ttl_s| {
        let aware = Aware { from: device(name, "1"), awareness: doing(presence, ttl_s) };
        session.handle_input(T0, Input::Packet(ServerPacket::Aware(aware)));
    };
    hear(&mut session, "b", Presence::Away, 5);
    hear(&mut session, "c", Presence::Online, 120);
    hear(&mut session, "d", Presence::Online, 120);
    hear(&mut session, "d", Presence::Offline, 0);
    assert_eq!(session.presence(&user("b")), Some(&doing(Presence::Away, 5)));
    assert_eq!(session.presence(&user("d")), None);
    outputs(&mut session);
    session.handle_input(at(1), Input::Disconnected);
    assert_eq!(session.presence(&user("b")), Some(&doing(Presence::Away, 5)), "a cut says nothing of others");
    outputs(&mut session);
    session.handle_timeout(at(5_000));
    assert!(events(&mut session).contains(&Event::Heard(Heard::Gone(user("b")))));
    assert_eq!(session.presence(&user("b")), None);
    assert_eq!(session.presence(&user("c")), Some(&doing(Presence::Online, 120)));
}

// MISSION E5
// CL-PRS-1
#[test]
fn typing_ends_with_a_message_or_by_itself() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    let me = Address::User(user("a"));
    let hear = |session: &mut ClientSession, ms, name, act| {
        let signal = Signal { id: None, to: me.clone(), act, at: None };
        let packet = ServerPacket::Signal { from: device(name, "1"), signal };
        session.handle_input(at(ms), Input::Packet(packet));
        outputs(session);
    };
    let acting = |session: &ClientSession| -> Vec<_> {
        session.acting().map(|(from, _, act)| (from.user.to_string(), act)).collect()
    };
    hear(&mut session, 0, "b", Act::Typing);
    hear(&mut session, 0, "c", Act::Recording);
    hear(&mut session, 0, "d", Act::Calling);
    assert_eq!(acting(&session), [("b".to_owned(), Act::Typing), ("c".to_owned(), Act::Recording)]);
    hear(&mut session, 9_000, "b", Act::Typing);
    hear(&mut session, 9_000, "c", Act::Cancelled);
    assert_eq!(acting(&session), [("b".to_owned(), Act::Typing)]);
    session.handle_timeout(at(9_000 + ACT_MS - 1));
    assert_eq!(acting(&session).len(), 1);
    session.handle_timeout(at(9_000 + ACT_MS));
    let ceased = Heard::Ceased { from: device("b", "1"), to: me.clone() };
    assert!(events(&mut session).contains(&Event::Heard(ceased)));
    assert_eq!(acting(&session), []);
}

// MISSION E5
// CL-PRS-1
#[test]
fn typing_ends_with_what_was_typed_and_with_who_typed_it() {
    let mut session = up(Resume::default());
    let to = Address::User(user("b"));
    let acting = |session: &ClientSession| -> Vec<_> {
        session.acting().map(|(from, _, act)| (from.to_string(), act)).collect()
    };
    let hear = |session: &mut ClientSession, name, awareness| {
        let aware = Aware { from: device(name, "1"), awareness };
        session.handle_input(T0, Input::Packet(ServerPacket::Aware(aware)));
    };
    for (name, presence) in [("a", Presence::Typing), ("c", Presence::Recording), ("d", Presence::Read)] {
        hear(&mut session, name, Awareness { to: Some(to.clone()), ..doing(presence, 0) });
    }
    let [a, c] = [("a/1".to_owned(), Act::Typing), ("c/1".to_owned(), Act::Recording)];
    assert_eq!(acting(&session), [a, c.clone()], "also where it is said as a presence");
    session.handle_input(T0, row(0, 1));
    assert_eq!(acting(&session), [c], "the message of a/1 to b is there");
    hear(&mut session, "c", doing(Presence::Offline, 5));
    assert_eq!((acting(&session), session.presence(&user("c"))), (vec![], None));
    // Of somebody who is online for no time nothing is known.
    hear(&mut session, "c", doing(Presence::Online, 5));
    assert!(session.presence(&user("c")).is_some());
    hear(&mut session, "c", doing(Presence::Online, 0));
    assert_eq!(session.presence(&user("c")), None);
    for act in [Act::Paused, Act::Resumed] {
        let signal = Signal { id: None, to: to.clone(), act, at: None };
        session.handle_input(T0, Input::Packet(ServerPacket::Signal { from: device("d", "1"), signal }));
        assert_eq!(acting(&session), [("d/1".to_owned(), act)]);
    }
}

#[test]
fn strangers_without_number_do_not_fill_the_memory() {
    let mut session = up(Resume::default());
    for number in 0..5_000 {
        let from = device(&format!("u{number}"), "1");
        let aware = Aware { from, awareness: doing(Presence::Online, 120 + number) };
        session.handle_input(T0, Input::Packet(ServerPacket::Aware(aware)));
        outputs(&mut session);
    }
    let kept = (0..5_000).filter(|number| session.presence(&user(&format!("u{number}"))).is_some()).count();
    assert_eq!(kept, 2_048);
    assert!(session.presence(&user("u4999")).is_some(), "what runs out first is forgotten first");
}
