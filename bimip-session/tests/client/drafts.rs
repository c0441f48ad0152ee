//! Drafts and marks: sent until they are answered.

use bimip_proto::{
    Address, ClientPacket, ClientRef, Draft, GroupId, MessageId, MessageRef, Noted, Offset, Ping, Reject,
    Revise, ServerPacket, Status, UnixMs, limits,
};
use bimip_session::Machine;
use bimip_session::client::{ClientSession, Config, Event, Full, Input, Output, Resume};

use super::harness::{device, draft, user};
use super::{T0, at, back, events, head, outputs, said, sent_refs, up, welcome};

// DM-ACK-4, DM-DUP-1, CL-OUT-1
#[test]
fn a_draft_is_sent_again_until_it_is_answered_and_reported_once() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    for name in ["r1", "r2"] {
        session.send(T0, draft(name, "b", "x")).unwrap();
    }
    assert_eq!(sent_refs(&outputs(&mut session)), ["r1", "r2"]);
    session.handle_input(at(1), Input::Disconnected);
    session.handle_timeout(at(60_000));
    session.handle_input(at(60_000), Input::Connected);
    session.handle_input(at(60_000), welcome(7, 0));
    assert_eq!(sent_refs(&outputs(&mut session)), ["r1", "r2"], "again, in order");
    let accepted =
        ServerPacket::Accepted { client_ref: ClientRef::new("r1").ok(), head: head(1), offset: Offset(1) };
    session.handle_input(at(60_001), Input::Packet(accepted.clone()));
    session.handle_input(at(60_001), Input::Packet(accepted));
    let told = outputs(&mut session);
    assert!(matches!(&told[..], [Output::Event(Event::Sent { .. })]), "{told:?}");
    assert_eq!(session.unacked().count(), 1);
}

// DM-ORD-3, CL-OUT-1
#[test]
fn what_is_sent_again_keeps_its_order() {
    let mut session = up(Resume::default());
    let names = ["r1", "r2", "r3", "r4"];
    for name in names {
        session.send(T0, draft(name, "b", "x")).unwrap();
    }
    let accepted =
        ServerPacket::Accepted { client_ref: ClientRef::new("r2").ok(), head: head(1), offset: Offset(1) };
    session.handle_input(at(1), Input::Packet(accepted));
    outputs(&mut session);
    back(&mut session, 2);
    assert_eq!(sent_refs(&outputs(&mut session)), ["r1", "r3", "r4"]);
    // The same from what the app kept.
    let unacked: Vec<Draft> = session.unacked().cloned().collect();
    let mut next = up(Resume { unacked, ..Resume::default() });
    assert_eq!(sent_refs(&outputs(&mut next)), ["r1", "r3", "r4"]);
}

// CL-OUT-1
#[test]
fn a_window_of_drafts_is_on_the_wire_and_the_rest_waits() {
    let mut session = up(Resume::default());
    let window = Config::new(device("a", "1")).window_drafts;
    for number in 0..window + 2 {
        session.send(T0, draft(&format!("r{number}"), "b", "x")).unwrap();
    }
    assert_eq!(sent_refs(&outputs(&mut session)).len(), window);
    let accepted =
        ServerPacket::Accepted { client_ref: ClientRef::new("r0").ok(), head: head(1), offset: Offset(1) };
    session.handle_input(at(1), Input::Packet(accepted));
    assert_eq!(sent_refs(&outputs(&mut session)), [format!("r{window}")]);
}

// DM-ACK-3, CL-OUT-3
#[test]
fn a_refusal_that_passes_is_tried_again_and_others_come_back() {
    let mut session = up(Resume::default());
    for name in ["r1", "r2"] {
        session.send(T0, draft(name, "b", "x")).unwrap();
    }
    outputs(&mut session);
    let refuse = |name, reason, retry_after_ms| {
        Input::Packet(ServerPacket::Rejected {
            client_ref: ClientRef::new(name).ok(),
            to: None,
            reason,
            retry_after_ms,
        })
    };
    session.handle_input(T0, refuse("r2", Reject::Conflict, None));
    let told = outputs(&mut session);
    assert!(
        matches!(&told[..], [Output::Event(Event::Refused { reason: Reject::Conflict, .. })]),
        "{told:?}"
    );
    session.handle_input(T0, refuse("r1", Reject::Busy, Some(1_000)));
    session.send(T0, draft("r3", "b", "x")).unwrap();
    assert_eq!(sent_refs(&outputs(&mut session)), [] as [&str; 0], "patience, for those behind it too");
    assert_eq!(session.poll_timeout(), Some(T0.mono_ms + 1_000));
    session.handle_timeout(at(1_000));
    assert_eq!(sent_refs(&outputs(&mut session)), ["r1", "r3"], "in order");
}

// CL-OUT-3
#[test]
fn what_is_not_answered_goes_once_on_each_connection() {
    let mut session = up(Resume::default());
    let message = MessageRef::Id(MessageId::new(7, 1));
    session.mark(T0, message.clone(), Status::Read).unwrap();
    for name in ["r1", "r2", "r3"] {
        session.send(T0, draft(name, "b", "x")).unwrap();
    }
    assert_eq!(sent_refs(&outputs(&mut session)), ["r1", "r2", "r3"]);
    let busy =
        Noted::Refused { message, status: Status::Read, reason: Reject::Busy, retry_after_ms: Some(1_000) };
    session.handle_input(T0, Input::Packet(ServerPacket::Noted(busy)));
    session.handle_timeout(at(1_000));
    let again = said(&mut session);
    assert!(matches!(&again[..], [ClientPacket::Mark { .. }]), "the mark alone: {again:?}");
    // Nor while one of them is refused for now, and another may still be refused for good.
    let refuse = |name, reason, retry_after_ms| {
        let client_ref = ClientRef::new(name).ok();
        Input::Packet(ServerPacket::Rejected { client_ref, to: None, reason, retry_after_ms })
    };
    session.handle_input(at(1_000), refuse("r1", Reject::Busy, Some(500)));
    session.send(at(1_000), draft("r4", "b", "x")).unwrap();
    session.handle_timeout(at(2_000));
    assert_eq!(sent_refs(&outputs(&mut session)), [] as [&str; 0]);
    session.handle_input(at(2_000), refuse("r2", Reject::NotMember, None));
    assert_eq!(sent_refs(&outputs(&mut session)), [] as [&str; 0]);
    session.handle_input(at(2_000), refuse("r3", Reject::Busy, Some(500)));
    session.handle_timeout(at(2_500));
    assert_eq!(sent_refs(&outputs(&mut session)), ["r1", "r3", "r4"]);
}

// CL-OUT-3
#[test]
fn the_draft_that_was_refused_for_now_goes_again_and_no_other() {
    let mut session = up(Resume::default());
    for name in ["r1", "r2"] {
        session.send(T0, draft(name, "b", "x")).unwrap();
    }
    outputs(&mut session);
    let named = |name| ClientRef::new(name).ok();
    let (reason, retry_after_ms) = (Reject::Busy, Some(1_000));
    let busy = ServerPacket::Rejected { client_ref: named("r2"), to: None, reason, retry_after_ms };
    session.handle_input(T0, Input::Packet(busy));
    let accepted = ServerPacket::Accepted { client_ref: named("r1"), head: head(1), offset: Offset(1) };
    session.handle_input(at(1), Input::Packet(accepted));
    outputs(&mut session);
    session.handle_timeout(at(1_000));
    assert_eq!(sent_refs(&outputs(&mut session)), ["r2"]);
}

/// A server that forgets a draft must not hold back all the others for as long as the connection lives.
// CL-OUT-3
#[test]
fn an_answer_that_never_comes_ends_the_connection_when_others_wait_for_it() {
    let mut session = up(Resume::default());
    for name in ["r1", "r2"] {
        session.send(T0, draft(name, "b", "x")).unwrap();
    }
    outputs(&mut session);
    let named = |name| ClientRef::new(name).ok();
    let (reason, retry_after_ms) = (Reject::Busy, Some(1_000));
    let busy = |name| {
        Input::Packet(ServerPacket::Rejected { client_ref: named(name), to: None, reason, retry_after_ms })
    };
    session.handle_input(T0, busy("r2"));
    session.handle_timeout(at(1_000));
    // The server is there all the time, and answers something else.
    let pong = || Input::Packet(ServerPacket::Pong { ping: Ping::default(), at: UnixMs(0) });
    for second in 2..=30 {
        session.handle_input(at(1_000 * second), pong());
        session.handle_timeout(at(1_000 * second));
    }
    assert!(session.is_up() && sent_refs(&outputs(&mut session)).is_empty());
    session.send(at(30_500), draft("r3", "b", "x")).unwrap();
    assert_eq!(session.poll_timeout(), Some(T0.mono_ms + 1_000 + limits::HELD_BACK_MS));
    session.handle_timeout(at(1_000 + limits::HELD_BACK_MS));
    assert_eq!(outputs(&mut session), [Output::Hangup, Output::Event(Event::Offline)]);
    back(&mut session, 40_000);
    assert_eq!(sent_refs(&outputs(&mut session)), ["r1", "r2", "r3"]);
    // Where nothing is held back, nothing ends.
    session.handle_timeout(at(40_000 + limits::HELD_BACK_MS));
    session.handle_input(at(70_001), pong());
    assert!(session.is_up());
}

// DM-ACK-4, CL-OUT-5
#[test]
fn a_mark_is_said_until_it_is_noted() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    let message = MessageRef::Id(MessageId::new(7, 1));
    session.mark(T0, message.clone(), Status::Read).unwrap();
    assert_eq!(outputs(&mut session).len(), 1);
    session.handle_input(at(1), Input::Disconnected);
    session.handle_timeout(at(60_000));
    session.handle_input(at(60_000), Input::Connected);
    session.handle_input(at(60_000), welcome(7, 0));
    let again = outputs(&mut session);
    assert!(
        again.contains(&Output::Transmit(ClientPacket::Mark {
            message: message.clone(),
            status: Status::Read
        }))
    );
    let noted = ServerPacket::Noted(Noted::Marked { message, status: Status::Read });
    session.handle_input(at(60_001), Input::Packet(noted));
    assert!(session.is_settled());
}

#[test]
fn a_session_is_settled_when_nothing_waits_for_an_answer() {
    let mark = (MessageRef::Id(MessageId::new(7, 1)), Status::Read);
    let revise = Revise { client_ref: ClientRef::new("e").unwrap(), message: mark.0.clone(), body: None };
    let one_thing = [
        Resume { unacked: vec![draft("r1", "b", "x")], ..Resume::default() },
        Resume { marks: vec![mark], ..Resume::default() },
        Resume { revisions: vec![revise], ..Resume::default() },
    ];
    for resume in one_thing {
        assert!(!up(resume.clone()).is_settled(), "{resume:?}");
    }
    assert!(up(Resume::default()).is_settled());
}

// CL-OUT-2
#[test]
fn the_outbox_is_bounded_and_gives_the_draft_back() {
    let mut config = Config::new(device("a", "1"));
    config.unacked_drafts = 1;
    let mut session = ClientSession::new(config, Resume::default(), T0);
    session.send(T0, draft("r1", "b", "x")).unwrap();
    assert_eq!(session.send(T0, draft("r2", "b", "x")), Err(Full(draft("r2", "b", "x"))));
}

#[test]
fn an_ack_is_for_whom_the_draft_was() {
    let mut session = up(Resume::default());
    let team = Address::Group(GroupId::new("team").unwrap());
    let to_team = Draft { to: team.clone(), ..draft("r1", "team", "x") };
    session.send(T0, to_team).unwrap();
    outputs(&mut session);
    let mut told = head(1);
    told.to = Address::User(user("team"));
    let client_ref = ClientRef::new("r1").ok();
    session.handle_input(
        T0,
        Input::Packet(ServerPacket::Accepted { client_ref, head: told, offset: Offset(1) }),
    );
    let events = outputs(&mut session);
    assert!(
        matches!(&events[..], [Output::Event(Event::Sent { head, .. })] if head.to == team),
        "{events:?}"
    );
}

// DM-ACK-4, CL-OUT-2, CL-OUT-5
#[test]
fn marks_outlive_the_app_and_go_in_their_order_a_window_at_a_time() {
    let mark = |sequence| (MessageRef::Id(MessageId::new(7, sequence)), Status::Read);
    let mut session = up(Resume { marks: (1..=100).map(mark).collect(), ..Resume::default() });
    let packet = |sequence| {
        let (message, status) = mark(sequence);
        ClientPacket::Mark { message, status }
    };
    assert_eq!(said(&mut session)[1..], (1..=64).map(packet).collect::<Vec<_>>());
    let noted = |sequence| {
        let (message, status) = mark(sequence);
        Input::Packet(ServerPacket::Noted(Noted::Marked { message, status }))
    };
    session.handle_input(T0, noted(2));
    session.handle_input(T0, noted(2));
    assert_eq!(said(&mut session), [packet(65)], "an answer makes room for one, once");
    session.mark(T0, mark(100).0, Status::Read).unwrap();
    assert_eq!(session.unnoted().count(), 99, "what waits already waits once");
    back(&mut session, 10);
    let again: Vec<_> = (1..=65).filter(|it| *it != 2).map(packet).collect();
    assert_eq!(said(&mut session)[1..], again);
}

// DM-ACK-3, CL-OUT-3, CL-LINK-2
#[test]
fn a_mark_that_is_refused_for_now_is_said_again_and_one_that_is_refused_is_not() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    let message = MessageRef::Id(MessageId::new(7, 1));
    session.mark(T0, message.clone(), Status::Read).unwrap();
    let refused = |retry_after_ms| {
        let message = message.clone();
        let reason = Reject::Busy;
        Input::Packet(ServerPacket::Noted(Noted::Refused {
            message,
            status: Status::Read,
            reason,
            retry_after_ms,
        }))
    };
    outputs(&mut session);
    session.handle_input(T0, refused(Some(u32::MAX)));
    assert_eq!(session.poll_timeout(), Some(at(25_000).mono_ms), "the heartbeat comes first");
    assert_eq!(outputs(&mut session), []);
    session.handle_timeout(at(600_000));
    assert!(said(&mut session).iter().any(|it| matches!(it, ClientPacket::Mark { .. })), "never for days");
    session.handle_input(at(600_001), refused(None));
    assert!(matches!(events(&mut session)[..], [Event::MarkRefused { reason: Reject::Busy, .. }]));
    assert!(session.is_settled());
}

// CL-OUT-2, CL-OUT-3
#[test]
fn a_mark_that_was_refused_for_now_leaves_its_place_in_the_window() {
    let mut config = Config::new(device("a", "1"));
    config.window_marks = 2;
    let mark = |sequence| (MessageRef::Id(MessageId::new(7, sequence)), Status::Read);
    let resume = Resume { marks: (1..=4).map(mark).collect(), ..Resume::default() };
    let mut session = ClientSession::new(config, resume, T0);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    session.handle_input(T0, welcome(7, 0));
    let packet = |sequence| {
        let (message, status) = mark(sequence);
        ClientPacket::Mark { message, status }
    };
    assert_eq!(said(&mut session)[1..], [packet(1), packet(2)]);
    let (message, status) = mark(2);
    let busy = Noted::Refused { message, status, reason: Reject::Busy, retry_after_ms: Some(1_000) };
    session.handle_input(T0, Input::Packet(ServerPacket::Noted(busy)));
    session.handle_timeout(at(1_000));
    assert_eq!(said(&mut session), [packet(2)], "two are on the wire again, and not three");
}

// CL-OUT-2
#[test]
fn marks_are_bounded_and_given_back() {
    let mut config = Config::new(device("a", "1"));
    config.unnoted_marks = 1;
    let mut session = ClientSession::new(config, Resume::default(), T0);
    let message = |sequence| MessageRef::Id(MessageId::new(7, sequence));
    session.mark(T0, message(1), Status::Read).unwrap();
    assert_eq!(session.mark(T0, message(2), Status::Read), Err(Full(message(2))));
    session.mark(T0, message(1), Status::Read).unwrap();
}

// CL-OUT-6
#[test]
fn what_was_never_on_the_wire_can_be_taken_back() {
    let name = |text| ClientRef::new(text).unwrap();
    let mut session = ClientSession::new(Config::new(device("a", "1")), Resume::default(), T0);
    for text in ["r1", "r2"] {
        session.send(T0, draft(text, "b", "x")).unwrap();
    }
    assert_eq!(session.discard(&name("r2")), Some(draft("r2", "b", "x")));
    assert_eq!(session.discard(&name("r2")), None);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    session.handle_input(T0, welcome(7, 0));
    assert_eq!(sent_refs(&outputs(&mut session)), ["r1"]);
    session.handle_input(at(1), Input::Disconnected);
    assert_eq!(session.discard(&name("r1")), None, "it may be stored: only its ack tells");
    let resume = Resume { unacked: vec![draft("r1", "b", "x")], ..Resume::default() };
    let mut restarted = ClientSession::new(Config::new(device("a", "1")), resume, T0);
    assert_eq!(restarted.discard(&name("r1")), None, "nor does a restart know");
}

// CL-OUT-4, CL-OUT-6
#[test]
fn what_was_answered_or_given_up_says_nothing_about_what_comes_after() {
    for resend in [true, false] {
        let mut config = Config::new(device("a", "1"));
        config.resend = resend;
        let mut session = ClientSession::new(config, Resume::default(), T0);
        session.handle_timeout(T0);
        session.handle_input(T0, Input::Connected);
        session.handle_input(T0, welcome(7, 0));
        session.send(T0, draft("r1", "b", "x")).unwrap();
        if resend {
            let client_ref = ClientRef::new("r1").ok();
            let accepted = ServerPacket::Accepted { client_ref, head: head(1), offset: Offset(1) };
            session.handle_input(T0, Input::Packet(accepted));
        }
        session.handle_input(at(1), Input::Disconnected);
        session.send(at(2), draft("r2", "b", "x")).unwrap();
        let name = ClientRef::new("r2").unwrap();
        assert_eq!(session.discard(&name), Some(draft("r2", "b", "x")), "never on the wire");
    }
}

#[test]
fn what_cannot_be_written_is_refused_by_the_session_itself() {
    let mut session = up(Resume::default());
    session.send(T0, draft("r1", "b", "x")).unwrap();
    let message = MessageRef::Id(MessageId::new(7, 1));
    session.mark(T0, message.clone(), Status::Played).unwrap();
    for packet in said(&mut session) {
        session.handle_input(T0, Input::Unwritable(Box::new(packet), Reject::Unsupported));
    }
    let told = events(&mut session);
    let refused = Event::Refused { draft: draft("r1", "b", "x"), reason: Reject::Unsupported };
    let mark = Event::MarkRefused { message, status: Status::Played, reason: Reject::Unsupported };
    assert_eq!(told, [refused, mark]);
    assert!(session.is_settled());
}

/// Acks of the msgpack dialect carry no name: they come in the order of the drafts to each target.
// CL-OUT-4
#[test]
fn a_dialect_without_names_matches_by_order_and_resends_nothing() {
    let mut config = Config::new(device("a", "1"));
    (config.token, config.welcome, config.resend) = (None, false, false);
    let mut session = ClientSession::new(config, Resume::default(), T0);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    for (to, text) in [("b", "1"), ("c", "2"), ("b", "3"), ("b", "4")] {
        session.send(T0, draft("", to, text)).unwrap();
    }
    outputs(&mut session);
    let accepted = |to: &str| {
        let mut head = head(1);
        head.to = Address::User(user(to));
        Input::Packet(ServerPacket::Accepted { client_ref: None, head, offset: Offset::ZERO })
    };
    session.handle_input(T0, accepted("c"));
    session.handle_input(T0, accepted("b"));
    assert_eq!(session.unacked().map(|it| it.body.bytes.clone()).collect::<Vec<_>>(), ["3", "4"]);
    outputs(&mut session);
    let message = MessageRef::Id(MessageId::new(7, 1));
    session.mark(T0, message, Status::Read).unwrap();
    assert_eq!(said(&mut session).len(), 1);
    assert_eq!(session.unnoted().count(), 0, "no answer will come");
    session.handle_input(T0, Input::Disconnected);
    let unsure = ["3", "4"].map(|text| Event::Unsure(draft("", "b", text)));
    assert_eq!(events(&mut session), [unsure[0].clone(), unsure[1].clone(), Event::Offline]);
}

/// The msgpack dialect has one word for a strange group, whatever was asked of it.
#[test]
fn without_names_a_refusal_is_of_the_very_draft_that_was_refused() {
    let mut config = Config::new(device("a", "1"));
    (config.token, config.welcome, config.resend) = (None, false, false);
    let mut session = ClientSession::new(config, Resume::default(), T0);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    let team = GroupId::new("team").unwrap();
    let to_team = |text| Draft { to: Address::Group(team.clone()), ..draft("", "team", text) };
    for text in ["1", "2"] {
        session.send(T0, draft("", "b", text)).unwrap();
    }
    session.send(T0, to_team("3")).unwrap();
    outputs(&mut session);
    let sealed = ClientPacket::Send(draft("", "b", "2"));
    session.handle_input(T0, Input::Unwritable(Box::new(sealed), Reject::Unsupported));
    let refused = Event::Refused { draft: draft("", "b", "2"), reason: Reject::Unsupported };
    assert_eq!(events(&mut session), [refused], "and not the one before it");
    let barred = || {
        let (group, reason) = (team.clone(), Reject::NotMember);
        Input::Packet(ServerPacket::Noted(Noted::Barred { group, reason, retry_after_ms: None }))
    };
    session.join(T0, team.clone());
    session.handle_input(T0, barred());
    assert_eq!(session.unacked().count(), 2, "that was the answer to the join");
    session.handle_input(T0, barred());
    let left: Vec<_> = session.unacked().map(|it| it.body.bytes.clone()).collect();
    assert_eq!(left, ["1"], "and that the one to the draft");
}

/// As above: what was answered to a join says nothing of what is said to the group afterwards.
#[test]
fn without_names_a_join_is_answered_once() {
    let mut config = Config::new(device("a", "1"));
    (config.token, config.welcome, config.resend) = (None, false, false);
    let mut session = ClientSession::new(config, Resume::default(), T0);
    let [team, other] = ["team", "other"].map(|name| GroupId::new(name).unwrap());
    session.join(T0, team.clone());
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    assert_eq!(said(&mut session), [], "said now or never");
    for group in [&team, &other] {
        session.join(T0, group.clone());
        let to = Address::Group(group.clone());
        session.send(T0, Draft { to, ..draft("", "b", group.as_str()) }).unwrap();
    }
    let noted = |noted| Input::Packet(ServerPacket::Noted(noted));
    session.handle_input(T0, noted(Noted::Joined(team.clone())));
    outputs(&mut session);
    for (group, refused) in [(&other, None), (&team, Some("team")), (&other, Some("other"))] {
        let (group, reason) = (group.clone(), Reject::NotMember);
        session.handle_input(T0, noted(Noted::Barred { group, reason, retry_after_ms: None }));
        let told = events(&mut session);
        let draft = told.iter().find_map(|event| match event {
            Event::Refused { draft, .. } => Some(draft.to.as_str()),
            _ => None,
        });
        assert_eq!(draft, refused, "{told:?}");
    }
}

/// More joins than a user can be in groups are not remembered: the last of them is not told from a draft.
#[test]
fn without_names_the_joins_that_wait_are_bounded() {
    let mut config = Config::new(device("a", "1"));
    (config.token, config.welcome, config.resend) = (None, false, false);
    let mut session = ClientSession::new(config, Resume::default(), T0);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    let group = |number: usize| GroupId::new(&format!("g{number}")).unwrap();
    for number in 0..=limits::GROUPS_PER_USER {
        session.join(T0, group(number));
    }
    let to = Address::Group(group(limits::GROUPS_PER_USER));
    session.send(T0, Draft { to, ..draft("", "b", "x") }).unwrap();
    for number in [limits::GROUPS_PER_USER - 1, limits::GROUPS_PER_USER] {
        let before = session.unacked().count();
        let noted = Noted::Barred { group: group(number), reason: Reject::Full, retry_after_ms: None };
        session.handle_input(T0, Input::Packet(ServerPacket::Noted(noted)));
        let refused = before - session.unacked().count();
        assert_eq!(refused, usize::from(number == limits::GROUPS_PER_USER), "{number}");
    }
}
