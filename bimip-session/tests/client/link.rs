//! The connection: when to dial, when to give up, when to stay away.

use bimip_proto::{
    ClientPacket, CloseReason, Fault, FaultKind, Offset, Reject, ServerPacket, TokenAnswer, TokenTask, UnixMs,
};
use bimip_session::Machine;
use bimip_session::client::{ClientSession, Config, Event, Input, Output, Resume};

use bytes::Bytes;

use super::harness::device;
use super::{T0, at, events, outputs, said, up, welcome, welcome_from};

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
    let known = |seen| Resume { epoch: 7, seen: Offset(seen), ..Resume::default() };
    assert!(matches!(start(known(5), 7, 5), (Event::Resumed(_), Offset(5))));
    assert!(matches!(start(known(5), 7, 3), (Event::Resumed(_), Offset(5))), "the last disposal was lost");
    assert!(
        matches!(start(known(5), 7, 9), (Event::Resumed(_), Offset(9))),
        "its own rows are not sent to it"
    );
    assert!(matches!(start_from(known(5), 7, 5, 6), (Event::Resumed(_), Offset(5))));
    let gap = start_from(known(5), 7, 6, 7);
    let mut session = ClientSession::new(Config::new(device("a", "1")), known(5), T0);
    assert_eq!((session.epoch(), session.is_over()), (7, false));
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    session.handle_input(T0, welcome(8, 0));
    assert_eq!(session.epoch(), 8, "for the next resume");
    assert!(matches!(gap, (Event::Gap { seen: Offset(5), resume_from: Offset(6), .. }, Offset(6))));
    assert!(matches!(start(known(5), 8, 0), (Event::Reset(_), Offset(0))));
    assert!(matches!(start(Resume::default(), 7, 0), (Event::Resumed(_), Offset(0))));
}

// EV-STORE-2, CH-STORE-2
#[test]
fn who_says_what_is_stored_says_so_before_anything_can_come() {
    let mut config = Config::new(device("a", "1"));
    config.announce = true;
    let resume = Resume { epoch: 7, seen: Offset(5), ..Resume::default() };
    let mut session = ClientSession::new(config.clone(), resume, T0);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    let said_first = said(&mut session);
    let [ClientPacket::SignIn { .. }, ClientPacket::Dispose(Offset::ZERO)] = &said_first[..] else {
        panic!("{said_first:?}, and of offsets the epoch is not known yet");
    };
    session.handle_input(T0, welcome(7, 3));
    assert!(said(&mut session).is_empty(), "once");

    config.token = None;
    let mut session = ClientSession::new(config, Resume::default(), T0);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    assert_eq!(said(&mut session), [ClientPacket::Dispose(Offset::ZERO)], "headers said who it is");
}

// CL-LIVE-1
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
// BM-BYE-3, CL-LINK-4
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

// CL-LINK-2
#[test]
fn the_server_says_when_to_come_back_and_the_app_may_know_better() {
    let mut session = ClientSession::new(Config::new(device("a", "1")), Resume::default(), T0);
    session.handle_timeout(T0);
    assert_eq!(outputs(&mut session), [Output::Connect]);
    session.handle_input(T0, Input::TurnedAway { retry_after_ms: 20_000 });
    let due = session.poll_timeout().unwrap() - T0.mono_ms;
    assert!((20_000..=20_500).contains(&due), "{due}");
    session.handle_timeout(at(19_999));
    assert_eq!(outputs(&mut session), []);
    session.redial(at(19_999));
    session.handle_timeout(at(19_999));
    assert_eq!(outputs(&mut session), [Output::Connect]);
    session.redial(at(19_999));
    session.handle_timeout(at(19_999));
    assert_eq!(outputs(&mut session), [], "one dial at a time");
}

// CL-LINK-1
#[test]
fn a_server_that_lets_one_in_and_closes_again_is_not_dialled_ever_faster() {
    let mut session = up(Resume::default());
    let mut longest = 0;
    let mut ms = 0;
    for _ in 0..40 {
        session.handle_input(at(ms), Input::Disconnected);
        let due = session.poll_timeout().unwrap();
        longest = longest.max(due - at(ms).mono_ms);
        ms = due - T0.mono_ms;
        session.handle_timeout(at(ms));
        session.handle_input(at(ms), Input::Connected);
        session.handle_input(at(ms), welcome(7, 0));
    }
    assert!(longest > 10_000, "{longest}");
    session.handle_input(at(ms + 10_000), Input::Disconnected);
    let due = session.poll_timeout().unwrap();
    assert!(due <= at(ms + 10_500).mono_ms, "a connection that held for a while was a good one");
}

// CL-LINK-3
#[test]
fn a_crowd_that_is_sent_away_does_not_come_back_at_once() {
    let waits: Vec<_> = (0..200)
        .map(|seed| {
            let mut config = Config::new(device("a", "1"));
            config.seed = seed * 7919;
            let mut session = ClientSession::new(config, Resume::default(), T0);
            session.handle_timeout(T0);
            session.handle_input(T0, Input::Connected);
            session.handle_input(T0, welcome(7, 0));
            session.handle_input(T0, Input::Packet(ServerPacket::Bye(CloseReason::GoingAway)));
            session.poll_timeout().unwrap() - T0.mono_ms
        })
        .collect();
    assert!(waits.iter().all(|wait| *wait <= 4_000));
    let late = waits.iter().filter(|wait| **wait > 2_000).count();
    assert!((50..150).contains(&late), "{late} of 200 in the second half");
}

// CL-LINK-5
#[test]
fn nobody_waits_longer_than_patience_for_a_dial_or_a_welcome() {
    let mut session = ClientSession::new(Config::new(device("a", "1")), Resume::default(), T0);
    session.handle_timeout(T0);
    assert_eq!(session.poll_timeout(), Some(at(10_000).mono_ms));
    session.handle_timeout(at(10_000));
    assert_eq!(outputs(&mut session), [Output::Connect, Output::Hangup]);
    session.handle_input(at(10_000), Input::Connected);
    assert_eq!(outputs(&mut session), [], "a dial that was given up");
    session.handle_timeout(at(10_500));
    session.handle_input(at(10_500), Input::Connected);
    assert_eq!(session.poll_timeout(), Some(at(20_500).mono_ms));
    session.handle_timeout(at(20_500));
    assert_eq!(outputs(&mut session).last(), Some(&Output::Hangup));
}

// SI-END-4, CL-LINK-4
#[test]
fn a_refused_sign_in_ends_the_session_until_there_is_another_token() {
    let mut session = ClientSession::new(Config::new(device("a", "1")), Resume::default(), T0);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Refused);
    assert_eq!(events(&mut session), [Event::Ended(CloseReason::Refused)]);
    assert_eq!((session.poll_timeout(), session.is_over()), (None, true));
    session.handle_input(T0, Input::Disconnected);
    session.renew(T0, Bytes::from_static(b"newer"), None);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    let signs_in =
        |packet: &ClientPacket| matches!(packet, ClientPacket::SignIn { token, .. } if token == "newer");
    assert!(said(&mut session).iter().any(signs_in));
}

fn with_token(expires_in_ms: u64) -> ClientSession {
    let mut config = Config::new(device("a", "1"));
    config.token = Some(Bytes::from_static(b"first"));
    // The welcome says that it is zero o'clock, whatever this device's own clock says.
    config.token_expires = Some(UnixMs(expires_in_ms));
    let mut session = ClientSession::new(config, Resume::default(), T0);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    session.handle_input(T0, welcome(7, 0));
    outputs(&mut session);
    session
}

fn keep_alive(session: &mut ClientSession, upto_ms: u64) -> Vec<ClientPacket> {
    let mut packets = Vec::new();
    while let Some(due) = session.poll_timeout().filter(|due| *due <= at(upto_ms).mono_ms) {
        let now = at(due - T0.mono_ms);
        session.handle_timeout(now);
        session
            .handle_input(now, Input::Packet(ServerPacket::Pong { ping: Default::default(), at: UnixMs(0) }));
        packets.extend(said(session));
    }
    packets.retain(|packet| !matches!(packet, ClientPacket::Ping(_)));
    packets
}

// BM-TOKEN-1, SI-REFRESH-5, CL-TOK-1
#[test]
fn a_token_is_renewed_before_it_runs_out_by_the_clock_of_the_server() {
    let mut session = with_token(3_600_000);
    assert_eq!(keep_alive(&mut session, 3_299_999), []);
    let asked = ClientPacket::Token { task: TokenTask::Refresh, token: Bytes::from_static(b"first") };
    assert_eq!(keep_alive(&mut session, 3_300_000), [asked]);
    let now = at(3_300_001);
    let answer = TokenAnswer {
        task: TokenTask::Refresh,
        token: Some(Bytes::from_static(b"second")),
        // By the server's clock, which began at zero.
        expires: Some(UnixMs(3_300_001 + 60_000)),
    };
    session.handle_input(now, Input::Packet(ServerPacket::Token(answer.clone())));
    let told = Event::Token { token: Bytes::from_static(b"second"), expires: answer.expires };
    assert_eq!(events(&mut session), [told]);
    let asked = ClientPacket::Token { task: TokenTask::Refresh, token: Bytes::from_static(b"second") };
    assert_eq!(keep_alive(&mut session, 3_330_001), [asked], "half of what a short one has left");
}

// BM-TOKEN-1, CL-TOK-1
#[test]
fn an_app_whose_server_renews_nothing_is_asked_for_a_token() {
    let mut session = with_token(3_600_000);
    assert_eq!(keep_alive(&mut session, 3_300_000).len(), 1);
    let declined =
        ServerPacket::Declined { origin: 5, id: None, reason: Reject::Unsupported, retry_after_ms: None };
    session.handle_input(at(3_300_000), Input::Packet(declined));
    assert_eq!(events(&mut session), [Event::TokenWanted]);
    session.renew(at(3_300_001), Bytes::from_static(b"mine"), None);
    let shown = ClientPacket::Token { task: TokenTask::Validate, token: Bytes::from_static(b"mine") };
    assert_eq!(said(&mut session), [shown], "the session lives as long as the newer one");
}

/// A device that was suspended finds its connection dead after one question, and sleeps through no timer for good.
// CL-LIVE-1
#[test]
fn a_long_sleep_ends_in_a_question() {
    let mut session = up(Resume { seen: Offset(3), epoch: 7, ..Resume::default() });
    outputs(&mut session);
    session.handle_timeout(at(8 * 3_600_000));
    assert!(matches!(said(&mut session)[..], [ClientPacket::Ping(_)]));
    assert_eq!(session.poll_timeout(), Some(at(8 * 3_600_000 + 10_000).mono_ms));
}

// CL-TOK-1
#[test]
fn a_refresh_that_is_not_answered_or_not_now_is_asked_again_and_then_the_app_is() {
    let mut session = with_token(3_600_000);
    assert_eq!(keep_alive(&mut session, 3_300_000).len(), 1);
    let busy =
        ServerPacket::Declined { origin: 5, id: None, reason: Reject::Unavailable, retry_after_ms: None };
    session.handle_input(at(3_300_000), Input::Packet(busy));
    assert_eq!(keep_alive(&mut session, 3_449_999), []);
    assert_eq!(keep_alive(&mut session, 3_450_000).len(), 1, "after half of what was left");
    // And now there is no answer at all.
    assert!(!keep_alive(&mut session, 3_590_000).is_empty());
    let mut wanted = with_token(3_600_000);
    keep_alive(&mut wanted, 3_300_000);
    let fault = Fault { kind: FaultKind::Unsupported, origin: 5, details: "not served here".into() };
    wanted.handle_input(at(3_300_000), Input::Packet(ServerPacket::Fault(fault.clone())));
    assert_eq!(events(&mut wanted), [Event::TokenWanted], "as the codec reads a server that renews nothing");
    wanted.handle_input(at(3_300_001), Input::Packet(ServerPacket::Fault(fault.clone())));
    assert_eq!(events(&mut wanted), [Event::Fault(fault)]);
}

// CL-TOK-1
#[test]
fn a_token_with_too_little_left_to_ask_again_is_the_apps_to_renew() {
    // Twice the time that an answer is waited for, and then half of that.
    let mut session = with_token(40_000);
    assert_eq!(keep_alive(&mut session, 20_000).len(), 1);
    let (reason, retry_after_ms) = (Reject::Unavailable, None);
    let busy = ServerPacket::Declined { origin: 5, id: None, reason, retry_after_ms };
    session.handle_input(at(20_000), Input::Packet(busy));
    assert_eq!(events(&mut session), [Event::TokenWanted]);
    assert_eq!(keep_alive(&mut session, 60_000), []);
}

/// Its dialect has no word for a token: a newer one is for the next dial.
// CL-TOK-1
#[test]
fn where_the_transport_carries_the_token_a_newer_one_is_not_shown() {
    let mut config = Config::new(device("a", "1"));
    (config.welcome, config.token) = (false, None);
    let mut session = ClientSession::new(config, Resume::default(), T0);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    outputs(&mut session);
    session.renew(at(1), Bytes::from_static(b"newer"), Some(UnixMs(at(100_000).unix_ms)));
    assert_eq!(outputs(&mut session), []);
    assert!(session.is_up());
}

/// The clock of this device is two hours ahead, and the newer token lives for one.
// CL-TOK-1
#[test]
fn a_wrong_clock_makes_no_storm_of_refreshes() {
    let mut session = with_token(3_600_000);
    assert_eq!(keep_alive(&mut session, 3_300_000).len(), 1);
    let answer = TokenAnswer {
        task: TokenTask::Refresh,
        token: Some(Bytes::from_static(b"second")),
        expires: Some(UnixMs(7_200_000)),
    };
    session.handle_input(at(3_300_000), Input::Packet(ServerPacket::Token(answer)));
    events(&mut session);
    assert_eq!(keep_alive(&mut session, 6_899_999), []);
    assert_eq!(keep_alive(&mut session, 6_900_000).len(), 1);
}

// CL-LINK-4
#[test]
fn who_was_replaced_stays_away_with_another_token_too() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    session.send(T0, super::harness::draft("r1", "b", "x")).unwrap();
    session.handle_input(T0, Input::Packet(ServerPacket::Bye(CloseReason::Replaced { by: None })));
    session.renew(at(1), Bytes::from_static(b"newer"), None);
    assert_eq!(session.poll_timeout(), None);
    session.redial(at(2));
    session.handle_timeout(at(2));
    session.handle_input(at(2), Input::Connected);
    session.handle_input(at(2), welcome(7, 0));
    assert!(said(&mut session).iter().any(|it| matches!(it, ClientPacket::Send(_))), "said again");
    session.leave(at(3));
    session.redial(at(4));
    session.handle_timeout(at(4));
    session.handle_input(at(4), Input::Connected);
    session.handle_input(at(4), welcome(7, 0));
    assert!(said(&mut session).iter().any(|it| matches!(it, ClientPacket::Send(_))), "after leaving too");
}
