//! What becomes of a mark.

use bimip_proto::{ClientPacket, MessageId, MessageRef, Offset, Reject, Seq, Status, limits};
use bimip_session::server::ConnId;

use super::Subject;
use super::world::{World, offsets, receipts, rejected};
use crate::storage::Storage;

// DM-BOX-1, DM-RCP-2, DM-RCP-5
pub(super) fn a_mark_is_told_once<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    let message = MessageRef::Id(world.sent(a, "r1", "b", "hello").0.id);
    let told = |world: &World<S>| -> Vec<Status> {
        receipts(&world.rows("a", 0)).iter().map(|receipt| receipt.status).collect()
    };
    for (status, after) in [
        (Status::Delivered, &[Status::Delivered][..]),
        (Status::Delivered, &[Status::Delivered]),
        (Status::Read, &[Status::Delivered, Status::Read]),
        (Status::Delivered, &[Status::Delivered, Status::Read]),
        (Status::Read, &[Status::Delivered, Status::Read]),
        (Status::Played, &[Status::Delivered, Status::Read, Status::Played]),
    ] {
        world.mark(b, &message, status);
        world.mark(b, &message, status);
        world.commit();
        assert_eq!(rejected(&world.heard(b)), [], "a mark that says nothing new is no mistake");
        assert_eq!(told(&world), after, "after {status:?}");
    }
    if let Some(mut world) = world.reopen(subject) {
        let b = world.open("b", "2");
        world.mark(b, &message, Status::Read);
        world.commit();
        assert_eq!(told(&world), [Status::Delivered, Status::Read, Status::Played], "after reopening");
    }
}

// DM-RCP-1, DM-RCP-6
pub(super) fn receipts_share_rows<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    let messages = u64::try_from(limits::RECEIPT_MESSAGES).unwrap_or(u64::MAX) + 6;
    for number in 0..messages {
        world.send(a, &format!("r{number}"), "b", "x");
    }
    world.commit();
    let sent: Vec<MessageId> = super::world::heads(&world.rows("b", 0)).iter().map(|head| head.id).collect();
    world.say(b, ClientPacket::Dispose(Offset(messages)));
    world.commit();
    let receipts = receipts(&world.rows("a", messages));
    let counts: Vec<usize> = receipts.iter().map(|receipt| receipt.messages.len()).collect();
    assert_eq!(counts, [limits::RECEIPT_MESSAGES, 6], "as few rows as hold them");
    let told: Vec<MessageId> = receipts.iter().flat_map(|it| &it.messages).map(|names| names.id).collect();
    assert_eq!(told, sent, "each once, in order");
    assert_eq!(world.attach("b", "1").cursor, Offset(messages), "in the commit that moved the cursor");
}

// DM-RCP-4
pub(super) fn a_mark_of_a_stranger_is_refused<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b, c) = (world.open("a", "1"), world.open("b", "1"), world.open("c", "1"));
    let (head, _) = world.sent(a, "r1", "b", "hello");
    let refused = |world: &mut World<S>, who: ConnId, message: MessageRef| {
        world.mark(who, &message, Status::Read);
        world.commit();
        assert_eq!(rejected(&world.heard(who)), [Reject::NoSuchMessage], "{message:?}");
    };
    refused(&mut world, a, MessageRef::Id(head.id));
    refused(&mut world, c, MessageRef::Id(head.id));
    refused(&mut world, c, MessageRef::Alias(head.alias()));
    let (epoch, sequence) = (head.id.epoch(), head.id.sequence());
    for id in [
        MessageId::new(epoch, sequence + 1),
        MessageId::new(epoch, u64::MAX),
        MessageId::new(epoch, 0),
        MessageId::new(epoch.wrapping_add(1), sequence),
    ] {
        refused(&mut world, b, MessageRef::Id(id));
    }
    assert_eq!(offsets(&world.rows("a", 0)), [1], "and nothing of it is stored");
}

// VP-MSGID-1
pub(super) fn every_message_is_found_by_its_alias<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a_1", "1"), world.open("b_2", "1"));
    let start = world.now.unix_ms;
    // Some in the same millisecond, some far apart, in several batches.
    let heads: Vec<_> = (0..41_u64)
        .map(|number| {
            world.now.unix_ms = start + number * number / 3;
            world.sent(a, "", "b_2", "x").0
        })
        .collect();
    for (number, head) in (1_u64..).zip(&heads) {
        let Ok(alias) = head.alias().to_string().parse() else { panic!("an alias reads back") };
        world.mark(b, &MessageRef::Alias(alias), Status::Read);
        world.commit();
        let rows = world.rows("a_1", 0);
        let told = receipts(&rows).pop().map(|receipt| receipt.messages);
        assert_eq!(told, Some(vec![head.names()]), "message {number}");
    }
    let mut alias = heads[40].alias();
    alias.stamp.0 += 1;
    world.heard(b);
    world.mark(b, &MessageRef::Alias(alias), Status::Played);
    world.commit();
    assert_eq!(rejected(&world.heard(b)), [Reject::NoSuchMessage], "a stamp that was not given");
}

pub(super) fn every_message_is_found_by_its_place<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b, c) = (world.open("a", "1"), world.open("b", "1"), world.open("c", "1"));
    let heads: Vec<_> = (0..5)
        .map(|number| {
            // Places are of a conversation: another one between changes nothing.
            world.sent(a, &format!("c{number}"), "c", "x");
            world.sent(a, &format!("r{number}"), "b", "x").0
        })
        .collect();
    let conversation = heads[0].conversation();
    for head in &heads {
        let place = MessageRef::Place { conversation: conversation.clone(), seq: head.seq };
        world.mark(b, &place, Status::Forwarded);
        world.commit();
        let rows = world.rows("a", 0);
        let told = receipts(&rows).pop().map(|receipt| receipt.messages);
        assert_eq!(told, Some(vec![head.names()]), "{place:?}");
    }
    for seq in [0, 6, u64::MAX] {
        world.heard(b);
        let place = MessageRef::Place { conversation: conversation.clone(), seq: Seq(seq) };
        world.mark(b, &place, Status::Forwarded);
        world.commit();
        assert_eq!(rejected(&world.heard(b)), [Reject::NoSuchMessage], "{place:?}");
    }
    world.heard(c);
    world.mark(c, &MessageRef::Place { conversation, seq: Seq(1) }, Status::Forwarded);
    world.commit();
    assert_eq!(rejected(&world.heard(c)), [Reject::NoSuchMessage], "a stranger to the conversation");
}
