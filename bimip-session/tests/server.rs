//! The server's machine, one named flow at a time.

mod harness;

use bimip_proto::{
    Address, BodyKind, Caps, Claim, ClientPacket, CloseReason, DeviceName, Entry, Fault, FaultKind, Floor,
    GroupId, MessageId, MessageRef, Noted, Offset, Ping, Reject, Said, ServerPacket, Status, Talk, TalkAct,
    UnixMs, limits,
};
use bimip_session::Machine;
use bimip_session::ledger::View;
use bimip_session::server::{Config, ConnId, Grant, Input};
use bytes::Bytes;

use harness::{House, device, draft, rows, user};

fn accepted(packets: &[ServerPacket]) -> Vec<(MessageId, Offset)> {
    packets
        .iter()
        .filter_map(|packet| match packet {
            ServerPacket::Accepted { head, offset, .. } => Some((head.id, *offset)),
            _ => None,
        })
        .collect()
}

fn receipts(packets: &[ServerPacket]) -> Vec<(Status, usize)> {
    packets
        .iter()
        .filter_map(|packet| match packet {
            ServerPacket::Deliver(row) => match &*row.entry {
                Entry::Receipt(receipt) => Some((receipt.status, receipt.messages.len())),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

fn talk(to: &str, act: TalkAct) -> ClientPacket {
    ClientPacket::Talk(Talk { from: user("a"), to: Address::User(user(to)), act })
}

fn start() -> TalkAct {
    TalkAct::Start { label: None, payload: Bytes::from_static(&[5]) }
}

fn audio() -> TalkAct {
    TalkAct::Audio { label: None, payload: Bytes::from_static(&[0xc4, 1, 9]) }
}

// MISSION B3
// DM-ACK-1, DM-ACK-2, DM-BOX-3
#[test]
fn a_message_is_in_both_mailboxes_before_it_is_acknowledged() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    house.hold_commits = true;
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    assert!(accepted(&house.heard(a)).is_empty(), "nothing is promised before the commit");
    assert!(rows(&house.heard(b)).is_empty(), "nothing is shown before the commit");
    house.commit_held();
    assert_eq!(accepted(&house.heard(a)), [(MessageId::new(7, 1), Offset(1))]);
    assert_eq!(rows(&house.heard(b)), [Offset(1)]);
    assert_eq!(
        house.book.page(&user("a"), Offset(0), 9, 999),
        house.book.page(&user("b"), Offset(0), 9, 999)
    );
}

// MISSION B10
// DM-DUP-1, DM-DUP-2, DM-ACK-3
#[test]
fn a_resend_gets_the_first_ack_and_another_body_is_a_conflict() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    let heard = house.heard(a);
    assert_eq!(accepted(&heard), [(MessageId::new(7, 1), Offset(1)); 2]);
    let before = house.book.clone();
    house.says(a, ClientPacket::Send(draft("r1", "b", "another")));
    let refused = house.heard(a);
    assert!(
        matches!(
            &refused[..],
            [ServerPacket::Rejected { reason: Reject::Conflict, retry_after_ms: None, .. }]
        ),
        "{refused:?}"
    );
    assert_eq!(house.book, before, "a refused draft leaves no trace");
    assert_eq!(house.core.counters().repeats, 1);
}

// MISSION B5
// DM-CUR-5, DM-ROW-1
#[test]
fn the_senders_other_devices_get_a_copy_and_the_sender_does_not() {
    let mut house = House::new();
    let (a1, a2) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("a", "2")));
    house.says(a1, ClientPacket::Send(draft("r1", "b", "hello")));
    assert_eq!(rows(&house.heard(a1)), []);
    let a2_heard = house.heard(a2);
    assert_eq!(rows(&a2_heard), [Offset(1)]);
    house.says(a2, ClientPacket::Send(draft("r2", "b", "and back")));
    let ServerPacket::Deliver(row) = &house.heard(a1)[0] else { panic!("a1 gets a2's message") };
    assert_eq!((row.prev, row.offset), (Offset(0), Offset(2)), "a1's own row is no gap in its view");
    house.says(a2, ClientPacket::Dispose(Offset(1)));
    assert_eq!(house.core.counters().marks, 0, "what one wrote oneself is not delivered by storing it");
}

// MISSION B4
// DM-CUR-1, DM-CUR-2, DM-CUR-3, DM-CUR-4
#[test]
fn a_device_gets_what_it_has_not_disposed_of_and_nothing_twice() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    for n in 0..5 {
        house.says(a, ClientPacket::Send(draft(&format!("r{n}"), "b", "hello")));
    }
    let b1 = house.open(Caps::FULL, &device("b", "1"));
    assert_eq!(rows(&house.heard(b1)), (1..=5).map(Offset).collect::<Vec<_>>());
    house.says(b1, ClientPacket::Dispose(Offset(3)));
    house.says(b1, ClientPacket::Dispose(Offset(2)));
    let noted: Vec<_> =
        house.heard(b1).into_iter().filter(|packet| matches!(packet, ServerPacket::Noted(_))).collect();
    assert_eq!(
        noted,
        [ServerPacket::Noted(Noted::Disposed(Offset(3))), ServerPacket::Noted(Noted::Disposed(Offset(3)))]
    );
    assert_eq!(house.book.cursor(&device("b", "1")), Ok(Offset(3)), "a cursor never goes back");
    house.input(Input::Closed(b1));
    let b1 = house.open(Caps::FULL, &device("b", "1"));
    assert_eq!(rows(&house.heard(b1)), [Offset(4), Offset(5)]);
    let b2 = house.open(Caps::FULL, &device("b", "2"));
    assert_eq!(rows(&house.heard(b2)).len(), 5, "another device has a cursor of its own");
}

// DM-CUR-3
#[test]
fn a_disposal_beyond_what_was_sent_is_clamped_and_counted() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.heard(b);
    house.says(b, ClientPacket::Dispose(Offset(99)));
    assert_eq!(house.heard(b), [ServerPacket::Noted(Noted::Disposed(Offset(1)))]);
    assert_eq!(house.core.counters().dispose_clamped, 1);
    house.says(b, ClientPacket::Dispose(Offset(1)));
    assert_eq!(house.core.counters().dispose_clamped, 1, "all that was sent is not beyond it");
}

// DM-RCP-1, DM-RCP-6
#[test]
fn receipts_of_one_disposal_share_rows() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    for n in 0..70 {
        house.says(a, ClientPacket::Send(draft(&format!("r{n}"), "b", "hello")));
    }
    house.heard(a);
    house.says(b, ClientPacket::Dispose(Offset(70)));
    assert_eq!(receipts(&house.heard(a)), [(Status::Delivered, 64), (Status::Delivered, 6)]);
}

// DM-RCP-2, DM-RCP-5, DM-ACK-4
#[test]
fn receipts_only_rise_and_reading_implies_delivery() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    let b2 = house.open(Caps::FULL, &device("b", "2"));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.heard(a);
    house.heard(b2);
    let message = MessageRef::Id(MessageId::new(7, 1));
    house.says(b, ClientPacket::Mark { message: message.clone(), status: Status::Read });
    house.says(b, ClientPacket::Dispose(Offset(1)));
    house.says(b, ClientPacket::Mark { message, status: Status::Read });
    assert_eq!(receipts(&house.heard(a)), [(Status::Read, 1)], "told once, and nothing less afterwards");
    assert_eq!(receipts(&house.heard(b2)), [(Status::Read, 1)], "the reader's other device knows");
    let noted = house
        .heard(b)
        .into_iter()
        .filter(|packet| matches!(packet, ServerPacket::Noted(Noted::Marked { .. })));
    assert_eq!(noted.count(), 2, "each command is answered");
}

// DM-RCP-4
#[test]
fn a_stranger_to_a_message_can_say_nothing_about_it() {
    let mut house = House::new();
    let (a, c) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("c", "1")));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    let before = house.book.clone();
    house.heard(c);
    for id in [MessageId::new(7, 1), MessageId::new(7, 2), MessageId::new(8, 1)] {
        house.says(c, ClientPacket::Mark { message: MessageRef::Id(id), status: Status::Read });
        let heard = house.heard(c);
        assert!(
            matches!(&heard[..], [ServerPacket::Noted(Noted::Refused { reason: Reject::NoSuchMessage, .. })]),
            "existing or not, the answer is the same: {heard:?}"
        );
    }
    assert_eq!(house.book, before);
}

// MISSION V2
// DM-TLK-1, DM-TLK-2
#[test]
fn a_private_talk_is_relayed_and_becomes_a_message() {
    let mut house = House::new();
    let (a, b) = (
        house.open(Caps::WALKIE, &device("a", "voiceping")),
        house.open(Caps::WALKIE, &device("b", "voiceping")),
    );
    house.heard(a);
    house.heard(b);
    house.says(a, talk("b", start()));
    house.wait(3_120);
    house.says(a, talk("b", audio()));
    house.says(a, talk("b", TalkAct::Stop));
    let heard = house.heard(a);
    let [ServerPacket::Floor(Floor::Granted { .. }), ServerPacket::Floor(Floor::Ended { head })] = &heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!(head.kind, BodyKind::Voice { duration_ms: 3_120 });
    let heard = house.heard(b);
    let [
        ServerPacket::Talk(Talk { act: TalkAct::Start { .. }, .. }),
        ServerPacket::Talk(Talk { act: TalkAct::Audio { .. }, .. }),
        ServerPacket::Deliver(row),
    ] = &heard[..]
    else {
        panic!("{heard:?}")
    };
    assert!(matches!(&*row.entry, Entry::Message(message) if message.head == *head));
}

// MISSION V2
// DM-TLK-3
#[test]
fn a_stop_without_a_start_has_an_id_and_goes_nowhere() {
    let mut house = House::new();
    let (a, b) = (
        house.open(Caps::WALKIE, &device("a", "voiceping")),
        house.open(Caps::WALKIE, &device("b", "voiceping")),
    );
    house.heard(a);
    house.heard(b);
    let mut aliases = Vec::new();
    for _ in 0..2 {
        house.says(a, talk("b", TalkAct::Stop));
        let heard = house.heard(a);
        let [ServerPacket::Floor(Floor::Ended { head })] = &heard[..] else { panic!("{heard:?}") };
        aliases.push(head.alias().to_string());
    }
    assert_ne!(aliases[0], aliases[1], "ids are unique in the same millisecond too");
    let guessed = MessageRef::Alias(aliases[0].parse().unwrap());
    house.says(b, ClientPacket::Mark { message: guessed, status: Status::Read });
    assert!(matches!(&house.heard(b)[..], [ServerPacket::Noted(Noted::Refused { .. })]), "nobody got it");
    assert_eq!(house.heard(b), []);
    assert_eq!(house.book.page(&user("b"), Offset(0), 9, 999), []);
    assert_eq!(house.book.page(&user("a"), Offset(0), 9, 999), []);
}

// DM-TLK-4
#[test]
fn a_talk_is_cut_at_its_greatest_length() {
    let mut house = House::new();
    let (a, b) = (
        house.open(Caps::WALKIE, &device("a", "voiceping")),
        house.open(Caps::WALKIE, &device("b", "voiceping")),
    );
    house.says(a, talk("b", start()));
    for _ in 0..4 {
        house.wait(limits::TALK_MS / 4);
        house.says(a, ClientPacket::Ping(Ping::default()));
        house.says(b, ClientPacket::Ping(Ping::default()));
    }
    house.heard(a);
    house.heard(b);
    house.wait(1);
    house.says(a, talk("b", audio()));
    house.says(a, talk("b", audio()));
    let (to_a, to_b) = (house.heard(a), house.heard(b));
    assert!(matches!(&to_a[..], [ServerPacket::Floor(Floor::Ended { .. })]), "{to_a:?}");
    assert_eq!(rows(&to_b), [Offset(1)], "a message, not raw audio: {to_b:?}");
    assert_eq!(to_b.len(), 1, "later audio waits for a new start");
    assert_eq!(house.core.counters().talks_cut, 1);
}

// DM-TLK-4
#[test]
fn a_talk_to_nobody_is_forgotten() {
    let mut house = House::new();
    let a = house.open(Caps::WALKIE, &device("a", "voiceping"));
    assert_eq!((limits::TALK_MS, limits::TALK_FORGOTTEN_MS), (90_000, 95_000));
    house.says(a, talk("00000", start()));
    for _ in 0..3 {
        house.wait(limits::TALK_FORGOTTEN_MS / 2);
        house.says(a, ClientPacket::Ping(Ping::default()));
    }
    house.input(Input::Closed(a));
    assert_eq!(house.book.users().count(), 0, "nothing was stored of it");
}

// DM-TLK-4
#[test]
fn a_talker_who_vanishes_has_stopped() {
    let mut house = House::new();
    let (a, b) = (
        house.open(Caps::WALKIE, &device("a", "voiceping")),
        house.open(Caps::WALKIE, &device("b", "voiceping")),
    );
    house.says(a, talk("b", start()));
    house.says(a, talk("b", audio()));
    house.heard(b);
    house.wait(500);
    house.input(Input::Closed(a));
    assert_eq!(rows(&house.heard(b)), [Offset(1)]);
}

#[test]
fn talking_to_oneself_comes_back() {
    let mut house = House::new();
    let a = house.open(Caps::WALKIE, &device("a", "voiceping"));
    house.heard(a);
    house.says(a, ClientPacket::Send(draft("", "a", "note")));
    let heard = house.heard(a);
    assert_eq!((accepted(&heard).len(), rows(&heard).len()), (1, 1), "{heard:?}");
    house.says(a, talk("a", start()));
    assert_eq!(house.heard(a).len(), 2, "the grant and the relayed start");
}

// DM-BAR-1, DM-BAR-2
#[test]
fn a_barrier_moves_the_cursor_and_delivers_nothing() {
    let mut house = House::new();
    let (a, b) =
        (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::WALKIE, &device("b", "voiceping")));
    house.says(a, ClientPacket::Send(draft("r1", "b", "one")));
    house.says(a, ClientPacket::Send(draft("r2", "b", "two")));
    assert_eq!(house.barriers, [(b, 1)], "one question at a time");
    house.heard(a);
    house.input(Input::Barrier(b, 1));
    assert_eq!(house.barriers, [(b, 1), (b, 2)]);
    house.input(Input::Barrier(b, 2));
    assert_eq!(house.book.cursor(&device("b", "voiceping")), Ok(Offset(2)));
    assert_eq!(receipts(&house.heard(a)), [], "arriving is not storing");
    let ids = [2, 1].map(|sequence| MessageRef::Id(MessageId::new(7, sequence)));
    house.says(b, ClientPacket::Delivered(ids.to_vec()));
    assert_eq!(receipts(&house.heard(a)), [(Status::Delivered, 2)], "in any order, in one row");
    house.hold_commits = true;
    house.input(Input::Barrier(b, 2));
    assert!(house.held.is_empty(), "a cursor that stands there already is not written again");
}

// MISSION B11
// Rule BD-COMMIT-3: what has no commit of its own goes by the barrier, and never past a message that has one.
#[test]
fn a_cursor_by_message_asks_for_a_barrier_only_for_the_rest() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::DEPLOYED, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    house.says(b, ClientPacket::Send(draft("r1", "a", "one")));
    assert_eq!(house.barriers, [], "a message is committed by its own word");
    // A receipt behind the message waits for it.
    house.says(a, ClientPacket::Send(draft("r2", "b", "two")));
    house.says(b, ClientPacket::Dispose(Offset(2)));
    assert_eq!(rows(&house.heard(a)), [Offset(1), Offset(3)]);
    assert_eq!(house.barriers, []);
    house.input(Input::Barrier(a, 3));
    assert_eq!(house.book.cursor(&device("a", "1")), Ok(Offset::ZERO), "nobody asked");
    house.says(a, ClientPacket::Dispose(Offset(1)));
    assert_eq!(house.barriers, [(a, 3)]);
    house.input(Input::Barrier(a, 3));
    assert_eq!(house.book.cursor(&device("a", "1")), Ok(Offset(3)));
}

// MISSION B11
// Rule BD-COMMIT-3: a client without any word of storing is not cut off by a full window; one that has such a word is
// waited for.
#[test]
fn a_client_that_commits_nothing_is_moved_on_when_its_window_stays_full() {
    let mut config = Config::default();
    (config.window.rows, config.commit_patience_ms) = (4, 1_000);
    for commits in [false, true] {
        let mut house = House::with(config.clone());
        let b = house.open(Caps::FULL, &device("b", "1"));
        for number in 1..=9 {
            house.says(b, ClientPacket::Send(draft(&format!("r{number}"), "a", "x")));
        }
        let a = house.open(Caps::DEPLOYED, &device("a", "1"));
        let ping = || ClientPacket::Ping(Ping { id: "p".into() });
        house.says(a, ping());
        house.wait(999);
        house.says(a, ping());
        assert_eq!(rows(&house.heard(a)), [1, 2, 3, 4].map(Offset));
        assert_eq!(house.barriers, [], "it may still be storing them");
        house.wait(1);
        if commits {
            house.says(a, ClientPacket::Dispose(Offset(1)));
        }
        house.says(a, ping());
        let cursor = |house: &House| house.book.cursor(&device("a", "1")).unwrap();
        if commits {
            assert_eq!((house.barriers.len(), cursor(&house)), (0, Offset(1)), "the rest is in its hands");
            continue;
        }
        assert_eq!(house.barriers, [(a, 4)]);
        house.input(Input::Barrier(a, 4));
        assert_eq!((cursor(&house), rows(&house.heard(a))), (Offset(4), [5, 6, 7, 8].map(Offset).to_vec()));
        // It is known now, until it commits after all.
        assert_eq!(house.barriers, [(a, 4), (a, 8)]);
        house.says(a, ClientPacket::Dispose(Offset(5)));
        house.input(Input::Barrier(a, 8));
        assert_eq!(cursor(&house), Offset(5));
        assert_eq!(receipts(&house.heard(b)).len(), 1, "arriving is not storing");
    }
}

// BD-COMMIT-3
#[test]
fn a_client_with_room_in_its_window_is_not_taken_for_one_that_commits_nothing() {
    let mut config = Config::default();
    (config.window.rows, config.commit_patience_ms) = (4, 1_000);
    let mut house = House::with(config);
    let b = house.open(Caps::FULL, &device("b", "1"));
    for number in 1..=3 {
        house.says(b, ClientPacket::Send(draft(&format!("r{number}"), "a", "x")));
    }
    let a = house.open(Caps::DEPLOYED, &device("a", "1"));
    for _ in 0..5 {
        house.says(a, ClientPacket::Ping(Ping { id: "p".into() }));
        house.wait(1_000);
    }
    assert_eq!(rows(&house.heard(a)), [1, 2, 3].map(Offset));
    assert_eq!(house.barriers, [], "it may take as long as it likes");
}

// MISSION B11
#[test]
fn a_message_is_found_by_its_place_by_who_is_part_of_the_conversation() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let (b, eve) =
        (house.open(Caps::DEPLOYED, &device("b", "1")), house.open(Caps::DEPLOYED, &device("eve", "1")));
    house.says(a, ClientPacket::Send(draft("r1", "b", "one")));
    house.heard(a);
    let mark = |seq| ClientPacket::Mark {
        message: MessageRef::Place {
            conversation: bimip_proto::ConversationId::direct(user("a"), user("b")),
            seq: bimip_proto::Seq(seq),
        },
        status: Status::Read,
    };
    for (conn, seq) in [(eve, 1), (b, 0), (b, 2), (a, 1)] {
        house.says(conn, mark(seq));
        let heard = house.heard(conn);
        let refused = matches!(heard.last(), Some(ServerPacket::Noted(Noted::Refused { .. })));
        assert!(refused, "{seq}: {heard:?}");
    }
    house.says(b, mark(1));
    assert_eq!(receipts(&house.heard(a)), [(Status::Read, 1)]);
}

// MISSION V3
#[test]
fn a_receipt_finds_its_message_by_alias_even_when_ids_hold_the_separator() {
    let mut house = House::new();
    let a = house.open(Caps::WALKIE, &device("x_a", "voiceping"));
    let b = house.open(Caps::WALKIE, &device("x_b_x", "voiceping"));
    house.says(a, ClientPacket::Send(draft("", "x_b_x", "hello")));
    let heard = house.heard(a);
    let Some(ServerPacket::Accepted { head, .. }) = heard.last() else { panic!("{heard:?}") };
    let alias = head.alias().to_string().parse().unwrap();
    house.says(b, ClientPacket::Mark { message: MessageRef::Alias(alias), status: Status::Read });
    assert_eq!(receipts(&house.heard(a)), [(Status::Read, 1)]);
}

// DM-SES-1
#[test]
fn nobody_speaks_for_somebody_else() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.heard(a);
    let said = |packet| Said { claim: Claim::Other(user("b")), origin: 6, packet };
    house.input(Input::Packets(a, vec![said(ClientPacket::Send(draft("r1", "c", "as b")))]));
    let heard = house.heard(a);
    assert!(matches!(&heard[..], [ServerPacket::Rejected { reason: Reject::NotYourself, .. }]), "{heard:?}");
    house.input(Input::Packets(a, vec![said(ClientPacket::Dispose(Offset(1)))]));
    let heard = house.heard(a);
    assert!(
        matches!(&heard[..], [ServerPacket::Fault(Fault { kind: FaultKind::NotYourself, .. })]),
        "{heard:?}"
    );
    assert_eq!(house.core.counters().of(FaultKind::NotYourself), 2);
    assert_eq!(house.book.users().count(), 0);
}

// DM-WIN-1, DM-WIN-2, DM-ROW-1
#[test]
fn the_window_bounds_what_flies_and_the_backlog_follows() {
    let mut config = Config::default();
    config.window.rows = 4;
    let mut house = House::with(config);
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    for n in 0..10 {
        house.says(a, ClientPacket::Send(draft(&format!("r{n}"), "b", "hello")));
    }
    assert_eq!(rows(&house.heard(b)), (1..=4).map(Offset).collect::<Vec<_>>());
    house.says(b, ClientPacket::Dispose(Offset(1)));
    assert_eq!(rows(&house.heard(b)), [], "not a page for every row");
    house.says(a, ClientPacket::Send(draft("r10", "b", "hello")));
    assert_eq!(rows(&house.heard(b)), [], "nothing overtakes what is still to be read");
    house.says(b, ClientPacket::Dispose(Offset(4)));
    assert_eq!(rows(&house.heard(b)), (5..=8).map(Offset).collect::<Vec<_>>());
    house.says(b, ClientPacket::Dispose(Offset(8)));
    let ServerPacket::Deliver(row) = &house.heard(b)[1] else { panic!("the rest follows") };
    assert_eq!((row.prev, row.offset), (Offset(8), Offset(9)));
}

// DM-CUR-4
#[test]
fn the_cursor_of_a_device_that_only_writes_rides_along_every_64_rows() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let mut cursors = Vec::new();
    for n in 1..=130 {
        house.says(a, ClientPacket::Send(draft(&format!("r{n}"), "b", "x")));
        cursors.push(house.book.cursor(&device("a", "1")).unwrap().0);
    }
    // The row of a ticket is there when it is proven, and so a cursor is one ticket behind.
    let expected: Vec<u64> = (1..=130).map(|row| (row - 1) / 64 * 64).collect();
    assert_eq!(cursors, expected);
}

// DM-WIN-2
#[test]
fn the_next_page_waits_until_half_of_the_bytes_are_free() {
    let mut config = Config::default();
    config.window.bytes = 1_000;
    let mut house = House::with(config);
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    for n in 1..=6 {
        // Each weighs 300 bytes, with what is around it.
        house.says(a, ClientPacket::Send(draft(&format!("r{n}"), "b", &"x".repeat(236))));
    }
    assert_eq!(rows(&house.heard(b)), [1, 2, 3].map(Offset));
    house.says(b, ClientPacket::Dispose(Offset(1)));
    assert_eq!(rows(&house.heard(b)), [], "400 bytes are free");
    house.says(b, ClientPacket::Dispose(Offset(2)));
    assert_eq!(rows(&house.heard(b)), [4, 5].map(Offset), "700 bytes are free");
}

#[test]
fn rows_committed_while_a_device_attaches_are_not_lost() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.hold_commits = true;
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    // Storage is asked where the device stands before the row is durable, and answers after it.
    let b = ConnId(99);
    let grant = Some(Grant::new(device("b", "1")));
    house.core_only(Input::Opened { conn: b, caps: Caps::FULL, grant });
    let asked = house.take_attach();
    house.commit_held();
    assert_eq!(asked.head, Offset::ZERO);
    house.input(Input::Attached(b, Some(asked)));
    let heard = house.heard(b);
    let Some(ServerPacket::Welcome(welcome)) = heard.first() else { panic!("{heard:?}") };
    assert_eq!((welcome.head, rows(&heard)), (Offset(1), vec![Offset(1)]));
}

// DM-SES-4
#[test]
fn the_newest_session_of_a_device_wins() {
    let mut house = House::new();
    let old = house.open(Caps::FULL, &device("a", "1"));
    let new = house.open(Caps::FULL, &device("a", "1"));
    assert_eq!(house.closed, [(old, CloseReason::Replaced { by: None })]);
    house.input(Input::Closed(old));
    house.says(new, ClientPacket::Ping(Ping::default()));
    assert!(
        matches!(house.heard(new).last(), Some(ServerPacket::Pong { .. })),
        "the late close harms nobody"
    );
}

#[test]
fn another_handset_of_the_same_user_is_told_which() {
    let mut house = House::new();
    let labelled = |label: &str| {
        let mut grant = Grant::new(device("a", "voiceping"));
        grant.label = Some(DeviceName::new(label).unwrap());
        grant
    };
    let first = house.open_with(Caps::WALKIE, labelled("devX"));
    let again = house.open_with(Caps::WALKIE, labelled("devX"));
    house.open_with(Caps::WALKIE, labelled("devZ"));
    let by = DeviceName::new("devZ").ok();
    assert_eq!(
        house.closed,
        [(first, CloseReason::Replaced { by: None }), (again, CloseReason::Replaced { by })]
    );
}

// DM-SES-5, DM-SES-6
#[test]
fn signing_in_comes_first_and_soon() {
    let mut house = House::new();
    let (slow, early) = (house.stranger(Caps::FULL), house.stranger(Caps::FULL));
    house.says(early, ClientPacket::Send(draft("r1", "b", "hello")));
    let heard = house.heard(early);
    assert!(
        matches!(&heard[..], [ServerPacket::Fault(Fault { kind: FaultKind::OutOfPlace, .. })]),
        "{heard:?}"
    );
    let sign_in = |token: &'static str| ClientPacket::SignIn {
        user: Some(user("a")),
        device: DeviceName::new("1").ok(),
        token: Bytes::from_static(token.as_bytes()),
    };
    house.says(early, sign_in("a"));
    assert!(matches!(house.heard(early).last(), Some(ServerPacket::Welcome(_))));
    house.says(early, sign_in("a"));
    assert_eq!(house.heard(early), [], "a question about a token now, for the authenticator");
    assert_eq!(house.asked.len(), 1);
    let liar = house.stranger(Caps::FULL);
    house.says(liar, sign_in("b"));
    assert!(house.closed.contains(&(liar, CloseReason::Refused)));
    house.wait(limits::SIGN_IN_MS);
    assert!(house.closed.contains(&(slow, CloseReason::SignInTimeout)));
}

// DM-SES-6
#[test]
fn twenty_bad_frames_close_a_connection_and_unknown_ones_do_not() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let fault = |kind| Fault { kind, origin: 0, details: "".into() };
    for _ in 0..100 {
        house.input(Input::Garbled(a, fault(FaultKind::Unknown)));
    }
    for _ in 1..limits::STRIKES {
        house.input(Input::Garbled(a, fault(FaultKind::Malformed)));
    }
    assert_eq!(house.closed, []);
    house.wait(limits::STRIKE_FORGIVEN_MS);
    house.input(Input::Garbled(a, fault(FaultKind::Malformed)));
    assert_eq!(house.closed, [], "one was forgiven");
    house.input(Input::Garbled(a, fault(FaultKind::Malformed)));
    assert_eq!(house.closed, [(a, CloseReason::Strikes)]);
}

// DM-ACK-3
#[test]
fn a_failed_store_refuses_by_name_and_says_when_to_try_again() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.heard(a);
    house.hold_commits = true;
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.fail_held();
    let heard = house.heard(a);
    assert!(
        matches!(
            &heard[..],
            [ServerPacket::Rejected { reason: Reject::Unavailable, retry_after_ms: Some(_), .. }]
        ),
        "{heard:?}"
    );
}

// DM-ORD-3, DM-SES-3, DM-DUP-4
#[test]
fn commits_under_way_are_bounded_and_the_rest_waits_in_order() {
    let mut config = Config::default();
    config.commits_per_connection = 2;
    let mut house = House::with(config);
    let a = house.open(Caps::WALKIE, &device("a", "voiceping"));
    house.hold_commits = true;
    house.heard(a);
    for n in 0..100 {
        house.says(a, ClientPacket::Send(draft("", "b", &format!("{n}"))));
    }
    assert_eq!(house.held.len(), 2);
    assert_eq!(house.paused, [(a, true)], "the socket is read no more");
    house.commit_held();
    assert_eq!(house.paused, [(a, true), (a, false)]);
    let stored = house.book.page(&user("b"), Offset(0), 999, 99_999);
    let texts = stored.iter().filter_map(|(_, entry)| match &**entry {
        Entry::Message(message) => String::from_utf8(message.body.bytes.to_vec()).ok(),
        _ => None,
    });
    let texts: Vec<_> = texts.collect();
    assert_eq!(
        texts,
        (0..100).map(|n| n.to_string()).collect::<Vec<_>>(),
        "nothing is lost, nothing overtakes"
    );
}

// DM-SES-3
#[test]
fn reading_stops_at_the_64th_packet_that_waits_and_not_before() {
    let mut config = Config::default();
    config.commits_per_connection = 1;
    let mut house = House::with(config);
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.hold_commits = true;
    for number in 0..=limits::PAUSE_PACKETS {
        assert_eq!(house.paused, [], "{number}");
        house.says(a, ClientPacket::Send(draft(&format!("r{number}"), "b", "x")));
    }
    assert_eq!(house.paused, [(a, true)]);
}

#[test]
fn who_has_only_one_word_to_say_gets_a_turn_too() {
    let mut config = Config::default();
    config.commits_in_flight = 1;
    let mut house = House::with(config);
    let conns = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    house.hold_commits = true;
    for conn in conns {
        house.says(conn, ClientPacket::Send(draft("r1", "c", "x")));
    }
    assert_eq!(house.held.len(), 1);
    house.commit_held();
    for conn in conns {
        assert_eq!(accepted(&house.heard(conn)).len(), 1);
    }
}

#[test]
fn everybody_who_waits_gets_a_turn() {
    let mut config = Config::default();
    config.commits_in_flight = 1;
    let mut house = House::with(config);
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    house.hold_commits = true;
    for n in 0..3 {
        house.says(a, ClientPacket::Send(draft(&format!("a{n}"), "c", "x")));
        house.says(b, ClientPacket::Send(draft(&format!("b{n}"), "c", "x")));
    }
    assert_eq!(house.held.len(), 1);
    house.commit_held();
    assert_eq!(accepted(&house.heard(a)).len(), 3);
    assert_eq!(accepted(&house.heard(b)).len(), 3);
}

// DM-SES-3
#[test]
fn a_burst_before_the_welcome_waits_however_long_it_is() {
    let mut house = House::new();
    let conn = house.stranger(Caps::FULL);
    let sign_in = ClientPacket::SignIn {
        user: Some(user("a")),
        device: DeviceName::new("1").ok(),
        token: Bytes::from_static(b"a"),
    };
    let drafts = (0..500).map(|n| ClientPacket::Send(draft(&format!("r{n}"), "b", "x")));
    let burst = std::iter::once(sign_in).chain(drafts).map(Said::from).collect();
    house.input(Input::Packets(conn, burst));
    assert_eq!(accepted(&house.heard(conn)).len(), 500);
    assert_eq!(house.closed, []);
}

#[test]
fn a_window_of_one_row_does_not_spin() {
    let mut config = Config::default();
    config.window.rows = 1;
    let mut house = House::with(config);
    let a = house.open(Caps::FULL, &device("a", "1"));
    for n in 0..3 {
        house.says(a, ClientPacket::Send(draft(&format!("r{n}"), "b", "x")));
    }
    let b = house.open(Caps::FULL, &device("b", "1"));
    assert_eq!(rows(&house.heard(b)), [Offset(1)]);
    house.says(b, ClientPacket::Dispose(Offset(1)));
    assert_eq!(rows(&house.heard(b)), [Offset(2)]);
}

#[test]
fn a_body_too_large_is_refused_by_name() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.heard(a);
    house.says(a, ClientPacket::Send(draft("r1", "b", &"x".repeat(limits::BODY_BYTES + 1))));
    let heard = house.heard(a);
    assert!(matches!(&heard[..], [ServerPacket::Rejected { reason: Reject::TooLarge, .. }]));
    house.says(a, ClientPacket::Send(draft("r2", "b", &"x".repeat(limits::BODY_BYTES))));
    assert_eq!(accepted(&house.heard(a)).len(), 1, "a byte less fits");
}

// DM-SES-8
#[test]
fn draining_answers_what_is_under_way_and_then_says_goodbye() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    house.heard(a);
    house.hold_commits = true;
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.input(Input::Drain(CloseReason::GoingAway));
    assert_eq!(house.closed, [(b, CloseReason::GoingAway)]);
    house.says(a, ClientPacket::Send(draft("r2", "b", "too late")));
    assert!(!house.core.is_drained());
    house.commit_held();
    let heard = house.heard(a);
    assert!(
        matches!(
            &heard[..],
            [
                ServerPacket::Rejected { reason: Reject::Unavailable, .. },
                ServerPacket::Accepted { .. },
                ServerPacket::Bye(CloseReason::GoingAway)
            ]
        ),
        "{heard:?}"
    );
    assert!(house.core.is_drained());
    let late = house.open(Caps::FULL, &device("c", "1"));
    assert!(house.closed.contains(&(late, CloseReason::GoingAway)));
}

// DM-SES-8, DM-ACK-3
#[test]
fn draining_refuses_by_name_what_waits() {
    let refused = |heard: &[ServerPacket], name: &str| {
        matches!(
            heard,
            [.., ServerPacket::Rejected { client_ref: Some(by), reason: Reject::Unavailable, .. }, ServerPacket::Bye(_)]
                if by.as_str() == name
        )
    };
    // Behind a join, and behind what others have under way.
    let mut config = Config::default();
    config.commits_in_flight = 1;
    let mut house = House::with(config);
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    house.hold_commits = true;
    house.says(a, ClientPacket::Join(GroupId::new("g").unwrap()));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.says(b, ClientPacket::Send(draft("r2", "a", "hello")));
    house.input(Input::Drain(CloseReason::GoingAway));
    let heard = house.heard(b);
    assert!(refused(&heard, "r2"), "{heard:?}");
    house.commit_held();
    let heard = house.heard(a);
    assert!(refused(&heard, "r1"), "{heard:?}");
    assert!(house.core.is_drained());
}

// DM-SES-7
#[test]
fn silence_is_asked_about_and_then_ended() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    assert_eq!((Config::default().probe_ms, Config::default().idle_ms), (54_000, 120_000));
    house.wait(Config::default().probe_ms + 1);
    assert_eq!(house.barriers, [(a, 0), (b, 0)]);
    house.input(Input::Barrier(a, 0));
    house.wait(Config::default().idle_ms - Config::default().probe_ms);
    assert_eq!(house.closed, [(b, CloseReason::Idle)]);
    // Whoever answered is asked again after the next silence.
    for _ in 0..3 {
        house.input(Input::Barrier(a, 0));
        house.barriers.clear();
        house.wait(Config::default().idle_ms - 1);
        assert_eq!(house.barriers, [(a, 0)]);
    }
    house.wait(Config::default().idle_ms);
    assert_eq!(house.closed.last(), Some(&(a, CloseReason::Idle)));
}

// SI-END-1
#[test]
fn a_grant_runs_out_on_its_own_clock() {
    let mut house = House::new();
    let mut grant = Grant::new(device("a", "1"));
    grant.expires = Some(UnixMs(house.now.unix_ms + 10_000));
    let a = house.open_with(Caps::FULL, grant);
    house.now.unix_ms -= 5_000;
    house.wait(10_000);
    assert_eq!(house.closed, [], "the wall clock went back: not yet");
    house.wait(5_000);
    assert_eq!(house.closed, [(a, CloseReason::Expired)]);
}

#[test]
fn nothing_is_due_for_those_who_are_gone() {
    let mut house = House::new();
    for _ in 0..100 {
        let mut grant = Grant::new(device("a", "1"));
        grant.expires = Some(UnixMs(house.now.unix_ms + 365 * 24 * 3_600_000));
        let a = house.open_with(Caps::FULL, grant);
        house.input(Input::Closed(a));
    }
    house.wait(Config::default().idle_ms);
    assert_eq!(house.core.poll_timeout(), None);
    // Nor does a grant without a sensible end upset a core whose wall clock stands at its beginning.
    house.now.unix_ms = 0;
    let mut grant = Grant::new(device("a", "1"));
    grant.expires = Some(UnixMs(u64::MAX));
    house.open_with(Caps::FULL, grant);
    house.wait(1);
    assert_eq!(house.core.connections(), 1);
}

// DM-ORD-1, DM-ORD-2
#[test]
fn stamps_rise_though_the_clock_does_not() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.says(a, ClientPacket::Send(draft("r1", "b", "one")));
    house.now.unix_ms -= 60_000;
    house.says(a, ClientPacket::Send(draft("r2", "b", "two")));
    let heard = house.heard(a);
    let heads: Vec<_> = heard
        .iter()
        .filter_map(|packet| match packet {
            ServerPacket::Accepted { head, .. } => Some(head.clone()),
            _ => None,
        })
        .collect();
    assert!(heads[0].stamp < heads[1].stamp, "an alias names one message");
    assert!(heads[1].at < heads[0].at, "and the time is the clock's");
    assert_eq!((heads[0].seq.0, heads[1].seq.0), (1, 2));
}

// DM-SES-2, DM-SES-3
#[test]
fn a_client_may_speak_before_it_is_welcomed() {
    let mut house = House::new();
    let conn = house.stranger(Caps::FULL);
    let sign_in = ClientPacket::SignIn {
        user: Some(user("a")),
        device: DeviceName::new("1").ok(),
        token: Bytes::from_static(b"a"),
    };
    let burst = [sign_in, ClientPacket::Send(draft("r1", "b", "hello"))];
    house.input(Input::Packets(conn, burst.into_iter().map(Said::from).collect()));
    let heard = house.heard(conn);
    assert!(
        matches!(&heard[..], [ServerPacket::Welcome(_), ServerPacket::Accepted { .. }]),
        "nothing of an opening burst is lost: {heard:?}"
    );
}

#[test]
fn an_input_about_nobody_harms_nobody() {
    let mut house = House::new();
    let ghost = ConnId(999);
    house.input(Input::Closed(ghost));
    house.input(Input::Barrier(ghost, 5));
    house.input(Input::Packets(ghost, vec![Said::from(ClientPacket::Bye)]));
    house.core.handle_timeout(house.now);
    assert!(house.core.poll_output().is_none());
}

// Rule DM-CUR-4: nothing at or before the cursor is sent again, also while it is on its way to the disk.
#[test]
fn a_device_that_comes_straight_back_is_not_sent_again_what_it_has() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "a1"));
    let walkie = house.open(Caps::WALKIE, &device("b", "voiceping"));
    house.says(a, ClientPacket::Send(draft("r1", "b", "x")));
    house.hold_commits = true;
    let (conn, upto) = house.barriers.pop().unwrap();
    assert_eq!(conn, walkie);
    house.input(Input::Barrier(walkie, upto));
    house.input(Input::Closed(walkie));
    assert_eq!(house.held.len(), 1);
    let back = house.open(Caps::WALKIE, &device("b", "voiceping"));
    assert_eq!(rows(&house.heard(back)), []);
    house.commit_held();
    assert_eq!(rows(&house.heard(back)), []);
    house.says(a, ClientPacket::Send(draft("r2", "b", "y")));
    assert_eq!(rows(&house.heard(back)), [Offset(2)]);
}

// Rule DM-CUR-4, once more: the store looked before the cursor was durable, and its answer comes after it is.
#[test]
fn a_cursor_that_moves_while_a_device_attaches_is_not_lost() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    house.says(a, ClientPacket::Send(draft("r1", "b", "x")));
    house.hold_commits = true;
    house.says(b, ClientPacket::Dispose(Offset(1)));
    let back = ConnId(99);
    house.core_only(Input::Opened {
        conn: back,
        caps: Caps::FULL,
        grant: Some(Grant::new(device("b", "1"))),
    });
    let asked = house.take_attach();
    assert_eq!(asked.cursor, Offset::ZERO);
    house.commit_held();
    house.heard(b);
    house.input(Input::Attached(back, Some(asked)));
    let heard = house.heard(back);
    let [ServerPacket::Welcome(welcome)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(welcome.resume_from, Offset(1));
}

#[test]
fn a_goodbye_comes_after_the_answers() {
    // BM-BYE-2, DM-ORD-3, DM-ACK-4.
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    house.heard(a);
    house.hold_commits = true;
    for n in 0..3 {
        house.says(a, ClientPacket::Send(draft(&format!("r{n}"), "b", "hello")));
    }
    house.says(a, ClientPacket::Bye);
    assert_eq!((house.heard(a), house.closed.len()), (vec![], 0), "not before they are stored");
    house.says(a, ClientPacket::Send(draft("r9", "b", "too late")));
    assert!(matches!(&house.heard(a)[..], [ServerPacket::Rejected { .. }]));
    house.commit_held();
    let heard = house.heard(a);
    assert!(
        matches!(
            &heard[..],
            [
                ServerPacket::Accepted { .. },
                ServerPacket::Accepted { .. },
                ServerPacket::Accepted { .. },
                ServerPacket::Bye(CloseReason::Bye)
            ]
        ),
        "{heard:?}"
    );
    assert_eq!(house.closed, [(a, CloseReason::Bye)]);
}

#[test]
fn a_window_is_kept_to_the_byte_also_by_rows_as_they_come() {
    // DM-WIN-1: one row always fits, and no row goes over.
    let mut config = Config::default();
    config.window.bytes = 1_000;
    let mut house = House::with(config);
    let (a, b1) = (device("a", "1"), device("b", "1"));
    let (a, b) = (house.open(Caps::FULL, &a), house.open(Caps::FULL, &b1));
    house.heard(b);
    let text = "x".repeat(400);
    for n in 0..4 {
        house.says(a, ClientPacket::Send(draft(&format!("r{n}"), "b", &text)));
    }
    house.says(a, ClientPacket::Send(draft("long", "b", &"x".repeat(5_000))));
    assert_eq!(rows(&house.heard(b)), [Offset(1), Offset(2)], "a third would be over");
    house.says(b, ClientPacket::Dispose(Offset(1)));
    assert_eq!(rows(&house.heard(b)), [Offset(3)]);
    house.says(b, ClientPacket::Dispose(Offset(3)));
    assert_eq!(rows(&house.heard(b)), [Offset(4)], "what fits nowhere waits until it is alone");
    house.says(b, ClientPacket::Dispose(Offset(4)));
    assert_eq!(rows(&house.heard(b)), [Offset(5)]);
}

// DM-ACK-2: an acknowledgement does not wait behind rows.
#[test]
fn an_ack_overtakes_a_backlog() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    for n in 0..300 {
        house.says(a, ClientPacket::Send(draft(&format!("r{n}"), "b", "x")));
    }
    let b = house.open(Caps::FULL, &device("b", "1"));
    assert_eq!(rows(&house.heard(b)).len(), 256, "the window is full");
    house.says(b, ClientPacket::Send(draft("r1", "a", "at once")));
    let heard = house.heard(b);
    assert_eq!(accepted(&heard), [(MessageId::new(7, 301), Offset(301))]);
    assert_eq!(rows(&heard), []);
}

// DM-WIN-1
#[test]
fn the_window_is_256_rows_or_one_mebibyte() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let body = "x".repeat(400 * 1024);
    for n in 0..4 {
        house.says(a, ClientPacket::Send(draft(&format!("r{n}"), "b", &body)));
    }
    for n in 4..400 {
        house.says(a, ClientPacket::Send(draft(&format!("r{n}"), "b", "x")));
    }
    let b = house.open(Caps::FULL, &device("b", "1"));
    assert_eq!(rows(&house.heard(b)), [Offset(1), Offset(2)]);
    house.says(b, ClientPacket::Dispose(Offset(2)));
    assert_eq!(rows(&house.heard(b)).len(), 256);

    let mut config = Config::default();
    config.window.bytes = 1;
    let mut house = House::with(config);
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    house.says(a, ClientPacket::Send(draft("r1", "b", "one")));
    house.says(a, ClientPacket::Send(draft("r2", "b", "two")));
    assert_eq!(rows(&house.heard(b)), [Offset(1)], "one row always fits");
    house.says(b, ClientPacket::Dispose(Offset(1)));
    assert_eq!(rows(&house.heard(b)), [Offset(2)]);
}

// DM-CUR-6
#[test]
fn a_row_without_words_is_passed_over() {
    let mut house = House::new();
    let (a, b) =
        (house.open(Caps::WALKIE, &device("a", "voiceping")), house.open(Caps::FULL, &device("b", "1")));
    house.says(a, ClientPacket::Send(draft("", "b", "hello")));
    house.heard(a);
    let before = house.barriers.clone();
    let message = MessageRef::Id(MessageId::new(7, 1));
    house.says(b, ClientPacket::Mark { message, status: Status::Played });
    assert_eq!(house.heard(a), [], "a walkie-talkie has no word for played");
    assert_eq!(house.barriers, before, "and there is nothing to ask about");
    let rows_of_b = house.book.page(&user("b"), Offset(0), 9, 9_999).len();
    house.says(a, ClientPacket::Send(draft("", "a", "note")));
    assert_eq!(rows(&house.heard(a)), [Offset(3)]);
    let (conn, upto) = house.barriers.pop().unwrap();
    house.input(Input::Barrier(conn, upto));
    assert_eq!(house.book.cursor(&device("a", "voiceping")), Ok(Offset(3)));
    assert_eq!(house.book.page(&user("b"), Offset(0), 9, 9_999).len(), rows_of_b, "no receipt was made");
}

// DM-RCP-1, DM-RCP-4
#[test]
fn a_list_of_deliveries_is_answered_as_a_whole_and_one_alone_by_what_became_of_it() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.heard(b);
    let [none, one] = [99, 1].map(|sequence| MessageRef::Id(MessageId::new(7, sequence)));
    let refused = Noted::Refused {
        message: none.clone(),
        status: Status::Delivered,
        reason: Reject::NoSuchMessage,
        retry_after_ms: None,
    };
    let both = vec![none.clone(), one.clone()];
    for (said, answer) in [
        (vec![none], refused),
        (both.clone(), Noted::Delivered(both)),
        (vec![one.clone()], Noted::Delivered(vec![one])),
    ] {
        house.says(b, ClientPacket::Delivered(said));
        assert_eq!(house.heard(b), [ServerPacket::Noted(answer)]);
    }
    assert_eq!(receipts(&house.heard(a)), [(Status::Delivered, 1)]);
}

// DM-RCP-3
#[test]
fn played_and_forwarded_are_marks_of_their_own() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    house.says(a, ClientPacket::Send(draft("r1", "b", "hello")));
    house.heard(a);
    let marks = [Status::Forwarded, Status::Read, Status::Played, Status::Forwarded, Status::Played];
    for status in marks {
        house.says(b, ClientPacket::Mark { message: MessageRef::Id(MessageId::new(7, 1)), status });
    }
    let told = receipts(&house.heard(a));
    assert_eq!(told, [(Status::Forwarded, 1), (Status::Read, 1), (Status::Played, 1)], "each once");
}
