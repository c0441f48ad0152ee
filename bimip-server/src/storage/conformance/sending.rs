//! What becomes of a draft.

use bimip_proto::{
    Address, Body, BodyKind, Caps, ClientPacket, Entry, Floor, Form, Offset, Reject, Seal, Seq, ServerPacket,
    Talk, TalkAct, limits,
};
use bytes::Bytes;

use super::Subject;
use super::world::{World, accepted, draft, heads, offsets, rejected, user};
use crate::storage::Storage;

// DM-BOX-2, DM-BOX-3
pub(super) fn a_send_is_in_both_mailboxes<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    for number in 1..=3 {
        let (head, offset) = world.sent(a, &format!("r{number}"), "b", "hello");
        assert_eq!(offset, Offset(number), "the sender's own row");
        assert_eq!(head.seq, Seq(number));
        for who in ["a", "b"] {
            let rows = world.rows(who, 0);
            assert_eq!(offsets(&rows), (1..=number).collect::<Vec<u64>>(), "dense in the mailbox of {who}");
            assert_eq!(heads(&rows).last(), Some(&head), "what was acknowledged is what {who} has");
        }
    }
    assert!(world.rows("c", 0).is_empty());
}

// DM-BOX-3
pub(super) fn a_message_to_oneself_has_one_row<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    let (_, offset) = world.sent(a, "r1", "a", "note");
    assert_eq!(offset, Offset(1));
    assert_eq!(offsets(&world.rows("a", 0)), [1]);
}

// DM-DUP-1
pub(super) fn a_resend_is_stored_once<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    let first = world.sent(a, "r1", "b", "hello");
    world.now.unix_ms += 5_000;
    assert_eq!(world.sent(a, "r1", "b", "hello"), first, "in a later batch");
    world.send(a, "r2", "b", "twice");
    world.send(a, "r2", "b", "twice");
    world.commit();
    let twice = accepted(&world.heard(a));
    assert!(matches!(&twice[..], [one, other] if one == other), "in one batch: {twice:?}");
    for who in ["a", "b"] {
        assert_eq!(offsets(&world.rows(who, 0)), [1, 2], "the mailbox of {who}");
    }
    if let Some(mut world) = world.reopen(subject) {
        let a = world.open("a", "1");
        assert_eq!(world.sent(a, "r1", "b", "hello"), first, "after reopening");
        assert_eq!(offsets(&world.rows("b", 0)), [1, 2]);
    }
}

// DM-DUP-2, DM-DUP-3, DM-ACK-3
pub(super) fn another_body_under_a_name_is_refused<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    let first = world.sent(a, "r1", "b", "hello");
    for (to, text) in [("b", "something else"), ("c", "hello")] {
        world.send(a, "r1", to, text);
        world.commit();
        assert_eq!(rejected(&world.heard(a)), [Reject::Conflict], "{text:?} to {to}");
    }
    let nothing_more = |world: &World<S>| {
        for (who, rows) in [("a", 1), ("b", 1), ("c", 0)] {
            assert_eq!(world.rows(who, 0).len(), rows, "nothing of it is stored for {who}");
        }
    };
    nothing_more(&world);
    // Names are kept as long as the messages: opening again, and again, forgets none.
    for _ in 0..2 {
        let Some(reopened) = world.reopen(subject) else { return };
        world = reopened;
        world.now.unix_ms += u64::from(limits::DEDUP_DAYS) * 24 * 3_600_000;
        let a = world.open("a", "1");
        let welcome = world.heard(a).into_iter().find_map(|packet| match packet {
            ServerPacket::Welcome(welcome) => Some(welcome.dedup_days),
            _ => None,
        });
        assert!(welcome.is_some_and(|days| days >= 7), "how long is announced: {welcome:?}");
        world.send(a, "r1", "b", "something else");
        world.commit();
        assert_eq!(rejected(&world.heard(a)), [Reject::Conflict], "after reopening");
        assert_eq!(world.sent(a, "r1", "b", "hello"), first, "and the first is still found");
        nothing_more(&world);
    }
}

// DM-DUP-1, DM-DUP-4
pub(super) fn names_belong_to_devices<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let clients =
        [("a", "1"), ("a", "2"), ("b", "1"), ("a1", "1")].map(|(user, name)| world.open(user, name));
    let ids = clients.map(|conn| world.sent(conn, "r1", "c", "hello").0.id);
    assert!((1..ids.len()).all(|at| !ids[..at].contains(&ids[at])), "four messages: {ids:?}");
    world.send(clients[0], "", "c", "without a name");
    world.send(clients[0], "", "c", "without a name");
    world.commit();
    assert_eq!(offsets(&world.rows("c", 0)), [1, 2, 3, 4, 5, 6], "what has no name is never a resend");
}

// DM-ORD-1
pub(super) fn a_batch_sees_its_own_tickets<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    for number in 0..40 {
        world.send(a, &format!("a{number}"), "b", "from a");
        world.send(b, &format!("b{number}"), "a", "from b");
        world.send(a, &format!("a{number}"), "b", "from a");
        world.send(b, &format!("a{number}"), "b", "to myself");
    }
    world.commit();
    assert_eq!(offsets(&world.rows("a", 0)), (1..=80).collect::<Vec<u64>>());
    assert_eq!(offsets(&world.rows("b", 0)), (1..=120).collect::<Vec<u64>>());
    let between = heads(&world.rows("a", 0));
    assert!(between.iter().map(|head| head.seq.0).eq(1..=80), "one count for both directions");
    assert_eq!(accepted(&world.heard(a)).len(), 80, "resends are acknowledged too");
}

// DM-ORD-1, DM-ORD-2, DM-ACK-2
pub(super) fn seqs_are_dense_and_stamps_rise<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    let start = world.now.unix_ms;
    // A clock that stands still, jumps ahead, and is set back.
    for (number, clock) in [0, 0, 10, 3, 3, 0, 20, 20].into_iter().enumerate() {
        world.now.unix_ms = start + clock;
        world.send(if number % 2 == 0 { a } else { b }, "", if number % 2 == 0 { "b" } else { "a" }, "x");
        if number % 3 == 0 {
            world.commit();
        }
    }
    world.commit();
    let heads = heads(&world.rows("b", 0));
    assert!(heads.iter().map(|head| head.seq.0).eq(1..=8), "{heads:?}");
    assert!(heads.windows(2).all(|pair| pair[0].stamp < pair[1].stamp), "stamps rise: {heads:?}");
    assert!(heads.windows(2).all(|pair| pair[0].id < pair[1].id), "ids rise: {heads:?}");
    assert!(heads.iter().all(|head| head.at.0 <= head.stamp.0), "{heads:?}");
}

// DM-TLK-3, DM-ORD-2
pub(super) fn a_stamp_for_nobody_is_given_once<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open_with(Caps::WALKIE, "a", "1");
    let ended = |world: &mut World<S>| {
        let talk = Talk { from: user("a"), to: Address::User(user("b")), act: TalkAct::Stop };
        world.say(a, ClientPacket::Talk(talk));
        world.commit();
        match world.heard(a).pop() {
            Some(ServerPacket::Floor(Floor::Ended { head })) => head,
            heard => panic!("a talk that never began ends with an id, heard {heard:?}"),
        }
    };
    let heads = [
        ended(&mut world),
        world.sent(a, "", "b", "between").0,
        ended(&mut world),
        ended(&mut world),
        world.sent(a, "", "b", "after").0,
    ];
    assert!(heads.windows(2).all(|pair| pair[0].stamp < pair[1].stamp), "{heads:?}");
    assert_eq!(heads.map(|head| head.seq.0), [0, 1, 0, 0, 2], "only messages have a place");
    assert_eq!(offsets(&world.rows("b", 0)), [1, 2]);
}

// DM-ORD-3
pub(super) fn answers_are_in_order<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    for number in 0..200 {
        world.send(a, &format!("r{number}"), "b", "x");
    }
    world.commit();
    let names: Vec<String> = accepted(&world.heard(a))
        .iter()
        .filter_map(|(head, _)| Some(head.client_ref.as_ref()?.to_string()))
        .collect();
    assert!(
        names.iter().eq((0..200).map(|number| format!("r{number}")).collect::<Vec<_>>().iter()),
        "{names:?}"
    );
    world.commit();
    assert!(world.heard(a).is_empty(), "a batch of nothing is answered with nothing");
}

// DM-BOX-4
pub(super) fn bodies_come_back_as_sent<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    let seal = Seal { encryption_type: "x".into(), encrypted: String::new(), signature: "é".repeat(999) };
    let kinds = [BodyKind::Text, BodyKind::Image, BodyKind::Interactive, BodyKind::Notification];
    let sizes = [0, 1, 127, 128, 4_095, 4_097, 70_000, 400_000];
    let forms = [Form::Text, Form::Json, Form::Opaque];
    let bodies: Vec<Body> = (sizes.iter().enumerate())
        .map(|(at, size)| Body {
            kind: kinds[at % kinds.len()],
            form: forms[at % forms.len()],
            bytes: Bytes::from((0..*size).map(|byte: u32| byte.to_le_bytes()[0]).collect::<Vec<u8>>()),
            seal: (at % 2 == 1).then(|| seal.clone()),
        })
        .collect();
    for body in &bodies {
        world.say(a, ClientPacket::Send(draft("", "b", body.clone())));
    }
    world.commit();
    let same = |world: &World<S>| {
        let rows = world.rows("b", 0);
        assert_eq!(rows.len(), bodies.len());
        for ((_, entry), body) in rows.iter().zip(&bodies) {
            let Entry::Message(message) = &**entry else { panic!("a message, not {entry:?}") };
            assert!(message.body == *body, "{} bytes of {:?}", body.bytes.len(), body.kind);
        }
    };
    same(&world);
    if let Some(world) = world.reopen(subject) {
        same(&world);
    }
}
