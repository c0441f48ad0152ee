//! Push-to-talk: the steps of a talk, and sound at an even pace.

use bimip_proto::{
    Address, BodyKind, ClientPacket, Entry, Floor, GroupId, Message, Now, Reject, ServerPacket, Talk, TalkAct,
};
use bimip_session::Machine;
use bimip_session::client::{
    ClientSession, Event, Input, Listener, NotNow, Output, Pace, Resume, Sound, TalkEnd,
};
use bytes::Bytes;

use super::harness::{draft, user};
use super::{T0, at, events, head, outputs, said, up};

fn team() -> Address {
    Address::Group(GroupId::new("team").unwrap())
}

fn piece(number: u8) -> Bytes {
    Bytes::from(vec![0xc4, 1, number])
}

fn granted() -> Input {
    Input::Packet(ServerPacket::Floor(Floor::Granted { to: team(), label: None, payload: Bytes::new() }))
}

fn denied() -> Input {
    Input::Packet(ServerPacket::Floor(Floor::Denied { to: team(), reason: Reject::Busy }))
}

fn ended() -> (Input, TalkEnd) {
    let mut head = head(1);
    head.to = team();
    (Input::Packet(ServerPacket::Floor(Floor::Ended { head: head.clone() })), TalkEnd::Kept(head))
}

fn acts(session: &mut ClientSession) -> Vec<TalkAct> {
    let act = |packet| match packet {
        ClientPacket::Talk(Talk { act, .. }) => Some(act),
        _ => None,
    };
    said(session).into_iter().filter_map(act).collect()
}

fn pressed() -> ClientSession {
    let mut session = up(Resume::default());
    outputs(&mut session);
    session.press(T0, team()).unwrap();
    assert!(matches!(acts(&mut session)[..], [TalkAct::Start { .. }]));
    session
}

const fn sound(payload: Bytes) -> TalkAct {
    TalkAct::Audio { label: None, payload }
}

fn over(session: &mut ClientSession) -> Vec<TalkEnd> {
    let end = |event| match event {
        Event::TalkEnded { to, end } if to == team() => Some(end),
        _ => None,
    };
    events(session).into_iter().filter_map(end).collect()
}

// MISSION V11
// CL-TALK-1
#[test]
fn what_was_said_while_the_floor_was_asked_for_is_heard_when_it_is_granted() {
    let mut session = pressed();
    assert_eq!(session.press(T0, team()), Err(NotNow), "one talk at a time");
    for number in 0..60 {
        assert!(session.voice(T0, piece(number)));
    }
    assert_eq!(acts(&mut session), []);
    session.handle_input(at(50), granted());
    let heard: Vec<_> = (10..60).map(|number| sound(piece(number))).collect();
    assert_eq!(acts(&mut session), heard, "in order, and not more than three seconds of it");
    session.voice(at(60), piece(60));
    session.release(at(61));
    assert!(!session.voice(at(62), piece(61)), "nobody talks any more");
    session.release(at(62));
    assert_eq!(acts(&mut session), [sound(piece(60)), TalkAct::Stop]);
    let (answer, kept) = ended();
    session.handle_input(at(70), answer);
    assert_eq!(over(&mut session), [kept]);
    assert!(session.press(at(71), team()).is_ok());
}

// CL-TALK-1
#[test]
fn a_talk_that_is_denied_or_not_answered_is_over() {
    let mut session = pressed();
    session.handle_input(at(1), denied());
    assert_eq!(over(&mut session), [TalkEnd::Denied(Reject::Busy)]);
    assert!(!session.voice(at(2), piece(1)));
    session.press(at(2), team()).unwrap();
    session.handle_timeout(at(10_002));
    assert_eq!(over(&mut session), [TalkEnd::Unanswered]);
    session.handle_input(at(10_003), granted());
    assert!(!session.voice(at(10_003), piece(1)), "an answer that comes too late");
}

// CL-TALK-1
#[test]
fn what_is_heard_of_another_talk_changes_nothing_of_this_one() {
    let elsewhere = || Address::User(user("b"));
    let mut about_other = head(1);
    about_other.to = elsewhere();
    let others = [
        Floor::Granted { to: elsewhere(), label: None, payload: Bytes::new() },
        Floor::Denied { to: elsewhere(), reason: Reject::Busy },
        Floor::Ended { head: about_other },
    ];
    let mut session = pressed();
    for steps in 0..3 {
        for floor in &others {
            session.handle_input(T0, Input::Packet(ServerPacket::Floor(floor.clone())));
            assert_eq!(events(&mut session), [Event::Floor(floor.clone())], "after {steps} steps");
        }
        match steps {
            0 => session.handle_input(T0, granted()),
            _ => session.release(T0),
        }
        outputs(&mut session);
    }
    let (answer, kept) = ended();
    session.handle_input(at(1), answer);
    assert_eq!(over(&mut session), [kept]);
}

// CL-TALK-1
#[test]
fn a_talk_ends_by_itself_where_the_server_would_end_it() {
    let mut session = pressed();
    session.handle_input(T0, granted());
    outputs(&mut session);
    let mut ms = 0;
    while acts(&mut session).is_empty() {
        ms = session.poll_timeout().unwrap() - T0.mono_ms;
        session.handle_timeout(at(ms));
        let pong = ServerPacket::Pong { ping: Default::default(), at: at(ms).stamp() };
        session.handle_input(at(ms), Input::Packet(pong));
    }
    assert_eq!(ms, 90_000);
    let (answer, kept) = ended();
    session.handle_input(at(ms), answer);
    assert_eq!(over(&mut session), [kept]);
}

#[test]
fn a_cut_ends_a_talk_at_each_of_its_steps() {
    for steps in 0..3 {
        let mut session = pressed();
        if steps > 0 {
            session.handle_input(T0, granted());
        }
        if steps > 1 {
            session.release(T0);
        }
        outputs(&mut session);
        session.handle_input(at(1), Input::Disconnected);
        assert_eq!(over(&mut session), [TalkEnd::Cut], "after {steps} steps");
        assert_eq!(session.press(at(2), team()), Err(NotNow), "nobody would hear");
    }
}

// ---- the listener -----------------------------------------------------------------------------------------

fn talk(act: TalkAct) -> Talk {
    Talk { from: user("b"), to: team(), act }
}

const fn mono(ms: u64) -> Now {
    Now { mono_ms: ms, unix_ms: 0 }
}

/// Runs a listener over what arrives when, and gives what it plays when; a late piece is `None`.
fn played(arrivals: &[(u64, TalkAct)]) -> Vec<(u64, Option<u8>)> {
    played_at(Pace::default(), arrivals)
}

fn played_at(pace: Pace, arrivals: &[(u64, TalkAct)]) -> Vec<(u64, Option<u8>)> {
    let mut listener = Listener::new(pace);
    let mut played = Vec::new();
    let mut arrivals = arrivals.iter().peekable();
    loop {
        let due = listener.poll_timeout();
        let next = arrivals.peek().map(|(ms, _)| *ms);
        let Some(ms) = due.into_iter().chain(next).min() else { return played };
        if next == Some(ms)
            && let Some((_, act)) = arrivals.next()
        {
            listener.handle_input(mono(ms), talk(act.clone()));
        } else {
            listener.handle_timeout(mono(ms));
        }
        while let Some(sound) = listener.poll_output() {
            match sound {
                Sound::Piece { payload, .. } => played.push((ms, Some(payload[2]))),
                Sound::Missing { .. } => played.push((ms, None)),
                _ => {}
            }
        }
        assert!(ms < 1_000_000, "it does not come to rest");
    }
}

// MISSION V11
// CL-TALK-2
#[test]
fn pieces_that_come_unevenly_are_played_evenly() {
    let arrivals: Vec<_> = [0, 70, 115, 190, 250, 300, 355, 431, 480]
        .into_iter()
        .zip(1..)
        .map(|(ms, number)| (ms, sound(piece(number))))
        .chain([(500, TalkAct::Stop)])
        .collect();
    let even: Vec<_> = (1..=9).map(|number| (70 + u64::from(number - 1) * 60, Some(number))).collect();
    assert_eq!(played(&arrivals), even);
}

// CL-TALK-2
#[test]
fn a_stall_is_filled_once_and_makes_the_listener_wait_for_more() {
    let arrivals: Vec<_> = [0, 60, 600, 600, 600, 600, 660]
        .into_iter()
        .zip(1..)
        .map(|(ms, number)| (ms, sound(piece(number))))
        .chain([(660, TalkAct::Stop)])
        .collect();
    let heard = played(&arrivals);
    let pieces: Vec<_> = heard.iter().filter_map(|(_, number)| *number).collect();
    assert_eq!(pieces, [1, 2, 3, 4, 5, 6, 7], "each once, in order");
    assert_eq!(heard.iter().filter(|(_, number)| number.is_none()).count(), 1);
    assert_eq!(heard[3], (600, Some(3)), "three are there: it goes on");
}

// CL-TALK-2
#[test]
fn who_comes_late_hears_the_rest_and_an_end_that_is_lost_ends_by_silence() {
    let mut listener = Listener::new(Pace::default());
    for (ms, number) in [(0, 40), (60, 41)] {
        listener.handle_input(mono(ms), talk(sound(piece(number))));
    }
    let mut told = Vec::new();
    while let Some(due) = listener.poll_timeout() {
        listener.handle_timeout(mono(due));
        while let Some(sound) = listener.poll_output() {
            told.push((due, sound));
        }
    }
    assert!(matches!(&told[..], [.., (3_060, Sound::Ends { .. })]), "{told:?}");
    assert!(told.iter().any(|(_, sound)| matches!(sound, Sound::Piece { payload, .. } if payload[2] == 41)));
}

/// The end of a talk comes as the message that it became.
// CL-TALK-2
#[test]
fn the_message_of_a_talk_ends_it_when_all_is_played() {
    let mut listener = Listener::new(Pace::default());
    listener.handle_input(mono(0), talk(sound(piece(1))));
    assert_eq!(listener.poll_output(), None, "one piece is not enough to begin with");
    let mut head = head(1);
    (head.from.user, head.to, head.kind) = (user("b"), team(), BodyKind::Voice { duration_ms: 60 });
    let entry = Entry::Message(Message { head, body: draft("", "team", "x").body });
    listener.row(mono(10), &entry);
    let sounds: Vec<_> = std::iter::from_fn(|| listener.poll_output()).collect();
    assert!(matches!(sounds[..], [Sound::Begins { .. }, Sound::Piece { .. }]), "{sounds:?}");
    listener.handle_timeout(mono(70));
    assert!(matches!(listener.poll_output(), Some(Sound::Ends { .. })));
    assert_eq!(listener.poll_timeout(), None);
}

fn sounds(listener: &mut Listener) -> Vec<Sound> {
    std::iter::from_fn(|| listener.poll_output()).collect()
}

/// The numbers of the pieces that are to be played now.
fn pieces(listener: &mut Listener) -> Vec<u8> {
    let number = |sound: Sound| match sound {
        Sound::Piece { payload, .. } => Some(payload[2]),
        _ => None,
    };
    sounds(listener).into_iter().filter_map(number).collect()
}

// CL-TALK-2
#[test]
fn an_app_that_comes_late_hears_the_rest_at_an_even_pace() {
    let mut listener = Listener::new(Pace::default());
    for number in 1..=6 {
        listener.handle_input(mono(0), talk(sound(piece(number))));
    }
    assert_eq!(pieces(&mut listener), [1]);
    for (ms, number, next) in [(60, 2, 120), (130, 3, 180), (239, 4, 240), (300, 5, 360)] {
        listener.handle_timeout(mono(ms));
        assert_eq!((pieces(&mut listener), listener.poll_timeout()), (vec![number], Some(next)), "{ms}");
    }
}

// CL-TALK-2
#[test]
fn who_stumbles_again_and_again_is_waited_for_up_to_a_bound() {
    let mut pace = Pace::default();
    pace.depth_max_pieces = 3;
    let arrivals: Vec<_> = [0, 1_000, 2_000, 3_000].into_iter().map(|ms| (ms, sound(piece(1)))).collect();
    let played = played_at(pace, &arrivals);
    let begun: Vec<u64> = played.iter().filter(|(_, piece)| piece.is_some()).map(|(ms, _)| *ms).collect();
    assert_eq!(begun, [120, 1_180, 2_180, 3_180], "two pieces of time at first, and then three");
}

#[test]
fn of_too_many_pieces_the_oldest_go() {
    let mut pace = Pace::default();
    pace.held_pieces = 3;
    let mut listener = Listener::new(pace);
    for number in 1..=5 {
        listener.handle_input(mono(0), talk(sound(piece(number))));
    }
    let mut heard = pieces(&mut listener);
    for round in 1..=3 {
        listener.handle_timeout(mono(round * 60));
        heard.extend(pieces(&mut listener));
    }
    assert_eq!(heard, [1, 3, 4, 5]);
}

// CL-TALK-2
#[test]
fn a_talk_of_which_nothing_was_played_ends_in_silence_without_a_word() {
    let mut listener = Listener::new(Pace::default());
    let start = || talk(TalkAct::Start { label: None, payload: Bytes::new() });
    listener.handle_input(mono(0), talk(TalkAct::Stop));
    assert_eq!(listener.poll_timeout(), None, "the end of nothing");
    listener.handle_input(mono(0), start());
    assert_eq!(listener.poll_timeout(), Some(3_000));
    listener.handle_input(mono(1_000), start());
    listener.handle_timeout(mono(3_000));
    assert_eq!(listener.poll_timeout(), Some(4_000), "somebody is there");
    listener.handle_timeout(mono(4_000));
    assert_eq!((listener.poll_timeout(), sounds(&mut listener)), (None, vec![]));
}

// CL-TALK-2
#[test]
fn a_talk_that_goes_on_after_its_end_is_waited_for_again() {
    let arrivals = [(0, sound(piece(1))), (0, sound(piece(2))), (10, TalkAct::Stop), (20, sound(piece(3)))];
    let heard = [(0, Some(1)), (60, Some(2)), (120, Some(3)), (180, None)];
    assert_eq!(played(&arrivals), heard, "there may be more");
    assert_eq!(played(&arrivals[..3]), heard[..2], "and here nothing is missing");
}

/// Only the message of a talk ends one.
#[test]
fn a_text_of_the_talker_ends_no_talk() {
    let mut listener = Listener::new(Pace::default());
    listener.handle_input(mono(0), talk(sound(piece(1))));
    let mut head = head(1);
    (head.from.user, head.to) = (user("b"), team());
    listener.row(mono(10), &Entry::Message(Message { head, body: draft("", "team", "x").body }));
    assert_eq!((listener.poll_timeout(), sounds(&mut listener)), (Some(120), vec![]));
}

#[test]
fn what_a_listener_holds_is_bounded() {
    let mut listener = Listener::new(Pace::default());
    for number in 0..100_u8 {
        for _ in 0..10 {
            let from = user(&format!("u{}", number % 40));
            let talk = Talk { from, to: team(), act: sound(piece(number)) };
            listener.handle_input(mono(0), talk);
        }
    }
    let (mut begins, mut ends, mut pieces) = (0, 0, 0);
    loop {
        while let Some(sound) = listener.poll_output() {
            match sound {
                Sound::Begins { .. } => begins += 1,
                Sound::Ends { .. } => ends += 1,
                Sound::Piece { .. } => pieces += 1,
                _ => {}
            }
        }
        let Some(due) = listener.poll_timeout() else { break };
        listener.handle_timeout(mono(due));
    }
    assert_eq!(begins, ends);
    assert!(
        ends > 40 && pieces < 1_000,
        "of 40 talkers only 16 are held at once: {ends} ends, {pieces} pieces"
    );
}

#[test]
fn a_session_hands_on_the_talks_of_others() {
    let mut session = up(Resume::default());
    outputs(&mut session);
    session.handle_input(T0, Input::Packet(ServerPacket::Talk(talk(sound(piece(1))))));
    assert_eq!(outputs(&mut session), [Output::Event(Event::Talk(talk(sound(piece(1)))))]);
}
