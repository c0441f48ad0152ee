//! What is there after the store was opened again.

use bimip_proto::{ClientPacket, MessageRef, Offset, Seq, Status};

use super::Subject;
use super::world::{World, heads};
use crate::storage::Storage;

// DM-DUP-1, DM-CUR-3
pub(super) fn everything_survives_reopening<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    let sent: Vec<_> = (0..30).map(|number| world.sent(a, &format!("r{number}"), "b", "hello")).collect();
    world.say(b, ClientPacket::Dispose(Offset(20)));
    world.mark(b, &MessageRef::Id(sent[3].0.id), Status::Read);
    world.commit();
    let look = |world: &World<S>| {
        let mailboxes = ["a", "b", "c"].map(|who| world.rows(who, 0));
        let devices = [("a", "1"), ("b", "1"), ("b", "2"), ("c", "1")];
        (mailboxes, devices.map(|(user, name)| world.attach(user, name)))
    };
    let before = look(&world);
    for time in 1..=3 {
        let Some(reopened) = world.reopen(subject) else { return };
        world = reopened;
        assert!(look(&world) == before, "the same after reopening {time} times");
        let a = world.open("a", "1");
        for (number, first) in sent.iter().enumerate() {
            assert_eq!(world.sent(a, &format!("r{number}"), "b", "hello"), *first, "a resend of r{number}");
        }
        assert!(look(&world) == before, "resends add nothing");
    }
}

// DM-BOX-2, DM-ORD-2
pub(super) fn numbers_go_on_after_reopening<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    for round in 0..4_u64 {
        let a = world.open("a", "1");
        let stranger = format!("new{round}");
        // A clock that is set back at every restart.
        world.now.unix_ms -= 10_000;
        let (head, offset) = world.sent(a, "", "b", "x");
        assert_eq!((head.seq, offset), (Seq(round + 1), Offset(round * 2 + 1)));
        world.sent(a, "", &stranger, "x");
        assert_eq!(heads(&world.rows(&stranger, 0)).len(), 1, "a new name has nobody else's mailbox");
        let heads = heads(&world.rows("b", 0));
        assert!(heads.windows(2).all(|pair| pair[0].id < pair[1].id && pair[0].stamp < pair[1].stamp));
        match world.reopen(subject) {
            Some(reopened) => world = reopened,
            None => return,
        }
    }
}
