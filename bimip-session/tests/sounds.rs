//! What is recorded of talks, what waits for it, and who may hear it later.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use bimip_proto::{
    Address, Body, BodyKind, Caps, ClientPacket, Draft, Entry, Floor, Form, GroupId, Message, MessageId,
    MessageRef, Noted, Offset, Reject, ServerPacket, SoundName, Talk, TalkAct, UserId,
};
use bimip_session::ledger::readable;
use bimip_session::server::{Config, ConnId, Input};
use bytes::Bytes;

use harness::{House, device, draft, rows, user};

fn talk(from: &str, to: &str, act: TalkAct) -> ClientPacket {
    ClientPacket::Talk(Talk { from: user(from), to: Address::User(user(to)), act })
}

fn group_talk(from: &str, act: TalkAct) -> ClientPacket {
    ClientPacket::Talk(Talk { from: user(from), to: Address::Group(group()), act })
}

fn group() -> GroupId {
    GroupId::new("acme_team").unwrap()
}

fn start() -> TalkAct {
    TalkAct::Start { label: None, payload: Bytes::from_static(&[5]) }
}

fn audio(payload: &'static [u8]) -> TalkAct {
    TalkAct::Audio { label: None, payload: Bytes::from_static(payload) }
}

fn walkie(house: &mut House, name: &str) -> ConnId {
    let conn = house.open(Caps::WALKIE, &device(name, "voiceping"));
    house.heard(conn);
    conn
}

/// The recorded talks that a user has, by the names of their sounds.
fn voices(house: &House, name: &str) -> Vec<(u32, Option<SoundName>)> {
    let rows = house.book.page(&user(name), Offset::ZERO, 99, u64::MAX);
    let voice = |(_, entry): &(Offset, std::sync::Arc<Entry>)| match &**entry {
        Entry::Message(Message { head, body }) => match head.kind {
            BodyKind::Voice { duration_ms } => Some((duration_ms, body.sound())),
            _ => None,
        },
        _ => None,
    };
    rows.iter().filter_map(voice).collect()
}

fn ended(packets: &[ServerPacket]) -> usize {
    packets.iter().filter(|it| matches!(it, ServerPacket::Floor(Floor::Ended { .. }))).count()
}

// MISSION V6, V7
/// DM-TLK-9, DM-TLK-10.
#[test]
fn a_talk_is_recorded_piece_by_piece_and_named_by_its_message() {
    let mut house = House::new();
    let (a, b) = (walkie(&mut house, "a"), walkie(&mut house, "b"));
    house.hold_sounds = true;
    house.says(a, talk("a", "b", start()));
    house.says(a, talk("a", "b", audio(b"one")));
    house.wait(60);
    house.says(a, talk("a", "b", audio(b"two")));
    assert_eq!(house.heard(b).len(), 3, "relayed at once");
    house.says(a, talk("a", "b", TalkAct::Stop));
    assert_eq!(ended(&house.heard(a)), 0, "nothing is promised before the sound is safe");
    assert_eq!(house.heard(b), []);
    house.keep_next(true);
    assert_eq!(ended(&house.heard(a)), 1);
    assert_eq!(rows(&house.heard(b)).len(), 1);
    let name = SoundName(1);
    assert_eq!(voices(&house, "b"), [(60, Some(name))]);
    assert_eq!(house.sounds[&name], [Bytes::from_static(b"one"), Bytes::from_static(b"two")]);
    assert_eq!(house.core.counters().sounds_kept, 1);
}

/// DM-ACK-1 in the order of the drafts: VP-ACK-1.
#[test]
fn what_is_said_after_a_talk_is_answered_after_it() {
    let mut house = House::new();
    let (a, b) = (walkie(&mut house, "a"), walkie(&mut house, "b"));
    house.hold_sounds = true;
    for packet in [start(), audio(b"one"), TalkAct::Stop] {
        house.says(a, talk("a", "b", packet));
    }
    house.says(a, ClientPacket::Send(draft("", "b", "a text")));
    house.says(a, talk("a", "b", start()));
    house.says(a, talk("a", "b", audio(b"two")));
    let heard = house.heard(a);
    assert!(matches!(&heard[..], [ServerPacket::Floor(Floor::Granted { .. })]), "{heard:?}");
    house.keep_next(true);
    let mut heard = house.heard(a);
    // An answer without a promise waits for no commit, only for its turn.
    heard.retain(|it| !matches!(it, ServerPacket::Floor(Floor::Granted { .. })));
    assert!(
        matches!(&heard[..], [ServerPacket::Floor(Floor::Ended { .. }), ServerPacket::Accepted { .. }]),
        "{heard:?}"
    );
    let heard = house.heard(b);
    let talks = heard.iter().filter(|it| matches!(it, ServerPacket::Talk(_))).count();
    assert_eq!((rows(&heard), talks), (vec![Offset(1), Offset(2)], 4), "{heard:?}");
    house.says(a, talk("a", "b", TalkAct::Stop));
    house.keep_next(true);
    assert_eq!(voices(&house, "b"), [(0, Some(SoundName(1))), (0, Some(SoundName(2)))]);
}

/// DM-TLK-11.
#[test]
fn a_talk_without_its_sound_is_kept_all_the_same() {
    let mut config = Config::default();
    config.sounds_bytes = 3 + 16;
    let mut house = House::with(config);
    let (a, b) = (walkie(&mut house, "a"), walkie(&mut house, "b"));
    house.hold_sounds = true;
    for late in [false, true] {
        for packet in [start(), audio(b"one"), TalkAct::Stop] {
            house.says(a, talk("a", "b", packet));
        }
        assert_eq!(ended(&house.heard(a)), 0);
        if late {
            house.wait(4_999);
            assert_eq!(ended(&house.heard(a)), 0);
            house.wait(1);
        } else {
            house.keep_next(false);
        }
        assert_eq!(ended(&house.heard(a)), 1);
        assert_eq!(rows(&house.heard(b)).len(), 1);
    }
    // As long as the store has not answered it holds what it was given, so there is no room for more.
    for packet in [start(), audio(b"two"), TalkAct::Stop] {
        house.says(a, talk("a", "b", packet));
    }
    assert_eq!((house.unstored.len(), voices(&house, "b").len()), (1, 3));
    // An answer that comes when nobody waits any more.
    house.keep_next(true);
    for packet in [start(), audio(b"two"), TalkAct::Stop] {
        house.says(a, talk("a", "b", packet));
    }
    house.keep_next(true);
    let sounds: Vec<_> = voices(&house, "b").into_iter().map(|(_, sound)| sound.is_some()).collect();
    assert_eq!(sounds, [false, false, false, true]);
    assert_eq!((house.core.counters().sounds_lost, house.core.counters().sounds_kept), (3, 1));
}

#[test]
fn a_recording_is_bounded_and_so_are_all_together() {
    let mut config = Config::default();
    // A piece counts 16 more than it has.
    (config.sound_bytes, config.sounds_bytes) = (64, 96);
    let mut house = House::with(config);
    let (a, b) = (walkie(&mut house, "a"), walkie(&mut house, "b"));
    let thirty: &[u8] = &[0; 16];
    let thirty: &'static [u8] = thirty.to_vec().leak();
    for (conn, from, to) in [(a, "a", "b"), (b, "b", "a")] {
        house.says(conn, talk(from, to, start()));
        house.says(conn, talk(from, to, audio(thirty)));
    }
    house.says(a, talk("a", "b", audio(thirty)));
    assert_eq!(house.tapes.values().map(Vec::len).sum::<usize>(), 3);
    // One too many for all, so the second talk gives up, and its room is free again.
    house.says(b, talk("b", "a", audio(thirty)));
    assert_eq!(house.tapes.values().map(Vec::len).collect::<Vec<_>>(), [2]);
    // One too many for the first talk itself.
    house.says(a, talk("a", "b", audio(b"")));
    assert!(house.tapes.is_empty());
    for (conn, from, to) in [(a, "a", "b"), (b, "b", "a")] {
        house.says(conn, talk(from, to, audio(thirty)));
        house.says(conn, talk(from, to, TalkAct::Stop));
        assert_eq!(ended(&house.heard(conn)), 1);
        house.says(conn, talk(from, to, start()));
        house.says(conn, talk(from, to, audio(thirty)));
        house.says(conn, talk(from, to, TalkAct::Stop));
    }
    let kept: Vec<_> = voices(&house, "b").into_iter().map(|(_, sound)| sound.is_some()).collect();
    assert_eq!(kept, [false, true, false, true]);
    assert_eq!(house.core.counters().sounds_lost, 2);
}

#[test]
fn nothing_is_recorded_where_the_server_says_so_or_nobody_started() {
    let mut config = Config::default();
    config.sound_bytes = 0;
    let mut house = House::with(config);
    let (a, b) = (walkie(&mut house, "a"), walkie(&mut house, "b"));
    for packet in [start(), audio(b"one"), TalkAct::Stop] {
        house.says(a, talk("a", "b", packet));
    }
    assert_eq!((voices(&house, "b"), house.core.counters().sounds_lost), (vec![(0, None)], 0));

    let mut house = House::new();
    let (a, _) = (walkie(&mut house, "a"), walkie(&mut house, "b"));
    house.says(a, talk("a", "b", audio(b"one")));
    assert!(house.tapes.is_empty());
    // Nor is anything left of what was begun anew, or forgotten.
    for _ in 0..2 {
        house.says(a, talk("a", "b", start()));
        house.says(a, talk("a", "b", audio(b"one")));
    }
    assert_eq!(house.tapes.len(), 1);
    house.wait(95_000);
    assert!(house.tapes.is_empty() && house.sounds.is_empty());
    let _ = b;
}

/// DM-TLK-12: who is leaving by another device has nobody to talk to, and nothing is kept of it.
#[test]
fn of_a_talk_that_nobody_may_end_any_more_nothing_is_kept() {
    let mut house = House::new();
    let ann = walkie(&mut house, "ann");
    let tablet = house.open(Caps::FULL, &device("ann", "tablet"));
    house.says(ann, ClientPacket::Join(group()));
    house.hold_commits = true;
    house.says(tablet, ClientPacket::Leave(group()));
    house.says(ann, group_talk("ann", start()));
    house.says(ann, group_talk("ann", audio(b"one")));
    assert_eq!(house.tapes.len(), 1, "the leave is not durable yet");
    house.commit_held();
    house.says(ann, group_talk("ann", TalkAct::Stop));
    assert!(house.tapes.is_empty() && house.sounds.is_empty());
    assert_eq!(voices(&house, "ann"), []);
}

// MISSION V7
/// DM-TLK-4, DM-TLK-7: a talk that is cut, abandoned or displaced is kept with what was heard of it.
#[test]
fn whoever_ends_a_talk_its_sound_is_kept() {
    let mut house = House::new();
    let conns = ["ann", "bob", "cem"].map(|name| walkie(&mut house, name));
    for conn in conns {
        house.says(conn, ClientPacket::Join(group()));
        house.heard(conn);
    }
    let [ann, bob, cem] = conns;
    // Displaced: the message comes when the talker stops.
    house.says(ann, group_talk("ann", start()));
    house.says(ann, group_talk("ann", audio(b"a")));
    house.wait(3_000);
    house.says(bob, group_talk("bob", start()));
    house.says(ann, group_talk("ann", audio(b"unheard")));
    house.says(bob, group_talk("bob", audio(b"b")));
    house.says(ann, group_talk("ann", TalkAct::Stop));
    // Abandoned.
    house.input(Input::Closed(bob));
    // Cut.
    house.says(cem, group_talk("cem", start()));
    house.says(cem, group_talk("cem", audio(b"c")));
    for _ in 0..31 {
        house.wait(2_990);
        house.says(cem, group_talk("cem", audio(b"c")));
    }
    let voices = voices(&house, "ann");
    assert_eq!(
        voices,
        [(0, Some(SoundName(1))), (0, Some(SoundName(2))), (90_000, Some(SoundName(3)))],
        "the first was silent after its first piece"
    );
    assert_eq!(house.sounds[&SoundName(1)], [Bytes::from_static(b"a")]);
    assert_eq!(house.sounds[&SoundName(2)], [Bytes::from_static(b"b")]);
    assert_eq!(house.sounds[&SoundName(3)].len(), 31, "until 90 s");
    assert!(house.tapes.is_empty());
}

/// DM-GRP-7: what was said in the group comes before the leave.
#[test]
fn a_leave_waits_for_the_talk_that_it_ends() {
    let mut house = House::new();
    let (ann, bob) = (walkie(&mut house, "ann"), walkie(&mut house, "bob"));
    for conn in [ann, bob] {
        house.says(conn, ClientPacket::Join(group()));
    }
    house.says(ann, group_talk("ann", start()));
    house.says(ann, group_talk("ann", audio(b"a")));
    house.heard(ann);
    house.hold_sounds = true;
    house.says(ann, ClientPacket::Leave(group()));
    house.says(ann, ClientPacket::Send(draft("", "bob", "after")));
    assert_eq!(house.heard(ann), []);
    house.keep_next(true);
    let heard = house.heard(ann);
    assert!(
        matches!(&heard[..], [ServerPacket::Noted(Noted::Left(_)), ServerPacket::Accepted { .. }]),
        "{heard:?}"
    );
    assert_eq!(voices(&house, "bob"), [(0, Some(SoundName(1)))]);
}

/// DM-SES-8: what is under way is answered, and a recording is part of it.
#[test]
fn a_drain_waits_for_recordings() {
    let mut house = House::new();
    let (a, b) = (walkie(&mut house, "a"), walkie(&mut house, "b"));
    house.hold_sounds = true;
    for packet in [start(), audio(b"one"), TalkAct::Stop, start(), audio(b"held")] {
        house.says(a, talk("a", "b", packet));
    }
    for packet in [start(), audio(b"two")] {
        house.says(b, talk("b", "a", packet));
    }
    house.input(Input::Drain(bimip_proto::CloseReason::GoingAway));
    assert_eq!(house.unstored.len(), 2, "the talk that runs ends");
    assert!(!house.core.is_drained());
    house.keep_next(true);
    house.keep_next(true);
    assert!(house.core.is_drained());
    assert_eq!(ended(&house.heard(a)), 1);
    assert_eq!(voices(&house, "a"), [(0, Some(SoundName(1))), (0, Some(SoundName(2)))]);
}

// MISSION V6
/// VP-REPLAY-1.
#[test]
fn a_missed_talk_is_played_again_where_the_server_says_so() {
    for replays in [true, false] {
        let mut config = Config::default();
        config.replay_talks = replays;
        let mut house = House::with(config);
        let a = walkie(&mut house, "a");
        for packet in [start(), audio(b"one"), TalkAct::Stop, start(), TalkAct::Stop] {
            house.says(a, talk("a", "b", packet));
        }
        house.says(a, ClientPacket::Send(draft("", "b", "a text")));
        let b = house.open(Caps::WALKIE, &device("b", "voiceping"));
        let expected: &[_] = if replays { &[(b, SoundName(1))] } else { &[] };
        assert_eq!(house.replayed, expected, "the silent talk has nothing to play");
        assert_eq!(rows(&house.heard(b)), [Offset(1), Offset(2), Offset(3)]);
        // What is heard live is not played again; nor is one's own, nor to a dialect without live voice.
        for packet in [start(), audio(b"two"), TalkAct::Stop] {
            house.says(a, talk("a", "b", packet));
        }
        let desk = house.open(Caps::FULL, &device("b", "desk"));
        house.input(Input::Closed(a));
        house.open(Caps::WALKIE, &device("a", "another"));
        assert_eq!(house.replayed, expected);
        assert_eq!(rows(&house.heard(desk)).len(), 4);
        assert_eq!(house.core.counters().talks_replayed, u64::from(replays));
    }
}

/// VP-REPLAY-1, VP-REPLAY-2, DM-FEED-2: rows of a group with a feed come into the mailbox only once somebody reads it. What was said
/// before the connection was there is missed all the same, and what it heard live is not.
#[test]
fn a_missed_talk_of_a_group_with_a_feed_is_played_again() {
    let mut config = Config::default();
    (config.replay_talks, config.row_members) = (true, 0);
    let mut house = House::with(config);
    let (a, b) = (walkie(&mut house, "a"), walkie(&mut house, "b"));
    for conn in [a, b] {
        house.says(conn, ClientPacket::Join(group()));
    }
    for packet in [start(), audio(b"heard"), TalkAct::Stop] {
        house.says(a, group_talk("a", packet));
    }
    let upto = *house.barriers.iter().rfind(|(conn, _)| *conn == b).unwrap();
    house.input(Input::Barrier(b, upto.1));
    assert_eq!((rows(&house.heard(b)), &house.replayed[..]), (vec![Offset(1)], &[][..]), "it was here");
    house.input(Input::Closed(b));
    for packet in [start(), audio(b"missed"), TalkAct::Stop] {
        house.says(a, group_talk("a", packet));
    }
    assert_eq!(voices(&house, "b").len(), 1, "for who is not here nothing is written");
    let b = house.open(Caps::WALKIE, &device("b", "voiceping"));
    assert_eq!(house.replayed, [(b, SoundName(2))], "of the row that was not in the mailbox yet");
    house.heard(b);
    for packet in [start(), audio(b"heard"), TalkAct::Stop] {
        house.says(a, group_talk("a", packet));
    }
    assert!(!rows(&house.heard(b)).is_empty());
    assert_eq!(house.replayed.len(), 1, "and nothing that was heard");
}

/// DM-WIN-1: sound that is played again counts against the window.
// DM-WIN-1
#[test]
fn a_talk_that_was_heard_weighs_no_more_than_its_message() {
    let mut house = House::new();
    let (a, b) = (walkie(&mut house, "a"), walkie(&mut house, "b"));
    house.sent.clear();
    let longest_ms = Config::default().talk_ms;
    for _ in 0..4 {
        house.says(a, talk("a", "b", start()));
        house.says(a, talk("a", "b", audio(&[0xc4, 1, 7])));
        house.wait(longest_ms - 1);
        house.says(a, talk("a", "b", TalkAct::Stop));
        // It lives, and has not said that anything arrived.
        house.input(Input::Barrier(b, 0));
    }
    assert_eq!(rows(&house.heard(b)), [1, 2, 3, 4].map(Offset));
}

#[test]
fn a_backlog_of_talks_comes_in_parts() {
    let mut config = Config::default();
    config.replay_talks = true;
    config.window.bytes = 100_000;
    let mut house = House::with(config);
    let a = walkie(&mut house, "a");
    for _ in 0..4 {
        house.says(a, talk("a", "b", start()));
        house.wait(20_000);
        for packet in [audio(b"one"), TalkAct::Stop] {
            house.says(a, talk("a", "b", packet));
        }
    }
    let b = house.open(Caps::WALKIE, &device("b", "voiceping"));
    assert_eq!(rows(&house.heard(b)), [Offset(1), Offset(2)], "80 KB each, and one always fits");
    let (_, upto) = *house.barriers.last().unwrap();
    house.input(Input::Barrier(b, upto));
    assert_eq!(rows(&house.heard(b)), [Offset(3), Offset(4)]);
    assert_eq!(house.replayed.len(), 4);
}

/// A voice body names what is stored beside the message, so it is nothing to be written by clients.
#[test]
fn nobody_sends_a_voice_message_by_hand() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.heard(a);
    let mut forged = draft("r", "b", "x");
    forged.body = Body::voice(5, Some(SoundName(1)));
    house.says(a, ClientPacket::Send(forged));
    let heard = house.heard(a);
    assert!(matches!(&heard[..], [ServerPacket::Rejected { reason: Reject::Unsupported, .. }]), "{heard:?}");
}

// MISSION V6
/// DM-FILE-1: the author and those who received it, by either name; nobody else.
#[test]
fn a_message_is_read_by_its_author_and_those_who_received_it() {
    let mut house = House::new();
    let names = ["x_ann", "ann", "bob", "cem"];
    let conns = names.map(|name| house.open(Caps::FULL, &device(name, "1")));
    let [x_ann, ann, bob, cem] = conns;
    for conn in [ann, bob] {
        house.says(conn, ClientPacket::Join(group()));
    }
    let to_group = |text: &str| {
        let body = Body { form: Form::Opaque, ..Body::text(text) };
        ClientPacket::Send(Draft { client_ref: None, to: Address::Group(group()), client_time: None, body })
    };
    for conn in conns {
        house.heard(conn);
    }
    house.says(ann, ClientPacket::Send(draft("r1", "bob", "to bob")));
    house.says(ann, to_group("to all"));
    house.says(ann, ClientPacket::Leave(group()));
    house.says(cem, ClientPacket::Join(group()));
    let heads: Vec<_> = house
        .heard(ann)
        .into_iter()
        .filter_map(|it| if let ServerPacket::Accepted { head, .. } = it { Some(head) } else { None })
        .collect();
    let [private, public] = &heads[..] else { panic!("{heads:?}") };
    let reads = |house: &House, reference: &MessageRef| {
        names.map(|name| {
            let Ok(entry) = readable(reference, &user(name), &house.book);
            entry.is_some()
        })
    };
    for (head, who) in [(private, [false, true, true, false]), (public, [false, true, true, false])] {
        assert_eq!(reads(&house, &MessageRef::Id(head.id)), who);
        assert_eq!(reads(&house, &MessageRef::Alias(head.alias())), who, "{}", head.alias());
    }
    assert_eq!(reads(&house, &MessageRef::Id(MessageId::new(8, private.id.sequence()))), [false; 4], "epoch");
    assert_eq!(reads(&house, &MessageRef::Id(MessageId::new(7, 999))), [false; 4]);
    // A talk that went to nobody is nobody's.
    let lonely = ClientPacket::Talk(Talk {
        from: UserId::new("x_ann").unwrap(),
        to: Address::User(user("ann")),
        act: TalkAct::Stop,
    });
    house.says(x_ann, lonely);
    let heard = house.heard(x_ann);
    let Some(ServerPacket::Floor(Floor::Ended { head })) = heard.last() else { panic!("{heard:?}") };
    assert_eq!(reads(&house, &MessageRef::Id(head.id)), [false; 4]);
    let _ = bob;
}
