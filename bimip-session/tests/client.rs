//! The client's machine, driven by hand, without tokio.

mod harness;

use bimip_proto::{
    Address, Aware, Awareness, ClientPacket, ClientRef, CloseReason, Draft, Entry, GroupId, Head, Message,
    MessageId, MessageRef, Noted, Now, Offset, Presence, Reject, Row, Seq, ServerPacket, Status, UnixMs,
    Welcome, Window,
};
use bimip_session::Machine;
use bimip_session::client::{ClientSession, Config, Event, Full, Heard, Input, Live, Output, Resume};

use harness::{device, draft, user};

const T0: Now = Now { mono_ms: 1_000, unix_ms: 1_763_652_000_000 };

fn at(ms: u64) -> Now {
    Now { mono_ms: T0.mono_ms + ms, unix_ms: T0.unix_ms + ms }
}

fn outputs(session: &mut ClientSession) -> Vec<Output> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

fn welcome(epoch: u32, resume_from: u64) -> Input {
    welcome_from(epoch, resume_from, 1)
}

fn welcome_from(epoch: u32, resume_from: u64, first: u64) -> Input {
    Input::Packet(ServerPacket::Welcome(Welcome {
        epoch,
        resume_from: Offset(resume_from),
        first: Offset(first),
        head: Offset(99),
        window: Window::default(),
        heartbeat_ms: 25_000,
        server_time: UnixMs(0),
        connection_id: 1,
        dedup_days: 7,
    }))
}

fn head(sequence: u64) -> Head {
    let draft = draft("r1", "b", "x");
    Head {
        id: MessageId::new(7, sequence),
        from: device("a", "1"),
        to: draft.to,
        client_ref: None,
        client_time: None,
        at: UnixMs(0),
        stamp: UnixMs(0),
        seq: Seq(sequence),
        kind: draft.body.kind,
    }
}

fn row(prev: u64, offset: u64) -> Input {
    let message = Message { head: head(offset), body: draft("r", "a", "x").body };
    let entry = std::sync::Arc::new(Entry::Message(message));
    Input::Packet(ServerPacket::Deliver(Row { prev: Offset(prev), offset: Offset(offset), entry }))
}

fn up(resume: Resume) -> ClientSession {
    let mut session = ClientSession::new(Config::new(device("a", "1")), resume, T0);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    session.handle_input(T0, welcome(7, 0));
    assert!(session.is_up());
    session
}

fn sent_refs(outputs: &[Output]) -> Vec<String> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Transmit(ClientPacket::Send(draft)) => draft.client_ref.as_ref().map(ToString::to_string),
            _ => None,
        })
        .collect()
}

fn received(outputs: &[Output]) -> Vec<Offset> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Event(Event::Received(row)) => Some(row.offset),
            _ => None,
        })
        .collect()
}

// DM-ACK-4, DM-DUP-1
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

// DM-ROW-1, DM-WIN-2, DM-CUR-4
#[test]
fn rows_are_taken_in_order_once_and_disposed_of_when_stored() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    for input in [row(0, 1), row(1, 3), row(1, 3)] {
        session.handle_input(T0, input);
    }
    assert_eq!(received(&outputs(&mut session)), [Offset(1), Offset(3)]);
    assert_eq!(
        session.poll_timeout(),
        Some(T0.mono_ms + 25_000),
        "nothing to dispose of before it is stored"
    );
    session.stored(at(5), 7, Offset(1));
    session.stored(at(6), 7, Offset(3));
    assert_eq!(outputs(&mut session), []);
    session.handle_timeout(at(25));
    assert_eq!(
        outputs(&mut session),
        [Output::Transmit(ClientPacket::Dispose(Offset(3)))],
        "one word for both"
    );
    session.handle_input(at(30), row(1, 3));
    session.handle_timeout(at(30));
    assert_eq!(outputs(&mut session), [Output::Transmit(ClientPacket::Dispose(Offset(3)))], "said again");
}

// DM-ROW-1
#[test]
fn a_hole_in_the_rows_ends_the_connection_and_loses_nothing() {
    let mut session = up(Resume::default());
    session.handle_input(T0, row(0, 1));
    outputs(&mut session);
    session.handle_input(T0, row(4, 5));
    let told = outputs(&mut session);
    assert_eq!(told, [Output::Hangup, Output::Event(Event::Offline)]);
    assert_eq!(session.seen(), Offset(1));
}

// DM-SES-2, BM-WELCOME-1
#[test]
fn the_welcome_says_resumed_gap_or_reset() {
    let start_from = |resume: Resume, epoch, resume_from, first| {
        let mut session = ClientSession::new(Config::new(device("a", "1")), resume, T0);
        session.handle_timeout(T0);
        session.handle_input(T0, Input::Connected);
        session.handle_input(T0, welcome_from(epoch, resume_from, first));
        let event = outputs(&mut session).into_iter().find_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        });
        (event.unwrap(), session.seen())
    };
    let start = |resume, epoch, resume_from| start_from(resume, epoch, resume_from, 1);
    let known = |seen| Resume { epoch: 7, seen: Offset(seen), unacked: Vec::new(), marks: Vec::new() };
    assert!(matches!(start(known(5), 7, 5), (Event::Resumed(_), Offset(5))));
    assert!(matches!(start(known(5), 7, 3), (Event::Resumed(_), Offset(5))), "the last disposal was lost");
    assert!(
        matches!(start(known(5), 7, 9), (Event::Resumed(_), Offset(9))),
        "its own rows are not sent to it"
    );
    assert!(matches!(start_from(known(5), 7, 5, 6), (Event::Resumed(_), Offset(5))));
    let gap = start_from(known(5), 7, 6, 7);
    assert!(matches!(gap, (Event::Gap { seen: Offset(5), resume_from: Offset(6), .. }, Offset(6))));
    assert!(matches!(start(known(5), 8, 0), (Event::Reset(_), Offset(0))));
    assert!(matches!(start(Resume::default(), 7, 0), (Event::Resumed(_), Offset(0))));
}

// DM-ACK-3
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

// DM-ACK-4
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
fn silence_ends_in_a_new_dial() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    session.handle_timeout(at(25_000));
    assert!(matches!(&outputs(&mut session)[..], [Output::Transmit(ClientPacket::Ping(_))]));
    session.handle_timeout(at(35_000));
    assert_eq!(outputs(&mut session)[0], Output::Hangup);
    assert!(!session.is_up());
    let redial = session.poll_timeout().unwrap();
    assert!(redial <= at(35_000).mono_ms + 500, "soon, the first time");
}

/// SI-END-4. Dialling again would take the place of the device's newer session, or bring a token that is good no more.
// MISSION B9
// BM-BYE-3
#[test]
fn a_session_that_was_ended_for_good_stays_away() {
    for reason in [
        CloseReason::Replaced { by: None },
        CloseReason::Refused,
        CloseReason::Expired,
        CloseReason::Revoked,
        CloseReason::LoggedOut,
        CloseReason::Bye,
    ] {
        let mut session = up(Resume::default());
        outputs(&mut session);
        session.handle_input(T0, Input::Packet(ServerPacket::Bye(reason.clone())));
        assert_eq!(outputs(&mut session), [Output::Hangup, Output::Event(Event::Ended(reason))]);
        assert_eq!(session.poll_timeout(), None);
    }
}

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

// DM-WIN-2
#[test]
fn thirty_two_stored_rows_are_disposed_of_at_once() {
    let mut session = up(Resume::default());
    for offset in 1..=40 {
        session.handle_input(T0, row(offset - 1, offset));
    }
    outputs(&mut session);
    for offset in 1..=31 {
        session.stored(T0, 7, Offset(offset));
    }
    assert_eq!(outputs(&mut session), []);
    session.stored(T0, 7, Offset(32));
    assert_eq!(outputs(&mut session), [Output::Transmit(ClientPacket::Dispose(Offset(32)))]);
    // And the rest, when no more come.
    for offset in 33..=40 {
        session.stored(T0, 7, Offset(offset));
    }
    session.handle_timeout(at(20));
    assert_eq!(outputs(&mut session), [Output::Transmit(ClientPacket::Dispose(Offset(40)))]);
}
