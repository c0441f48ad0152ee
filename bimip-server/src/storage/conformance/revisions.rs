//! Edits and deletions.

use std::sync::Arc;

use bimip_proto::{
    Body, ClientPacket, ClientRef, Entry, MessageId, MessageRef, Noted, Reject, Revise, Revision,
    ServerPacket,
};
use bimip_session::server::ConnId;

use super::Subject;
use super::world::{Rows, World, heads};
use crate::storage::{Reader, Storage};

fn revise(name: &str, message: MessageId, text: Option<&str>) -> ClientPacket {
    let client_ref = ClientRef::new(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    ClientPacket::Revise(Revise { client_ref, message: MessageRef::Id(message), body: text.map(Body::text) })
}

fn answers<S: Storage>(world: &mut World<S>, conn: ConnId) -> Vec<Result<u32, Reject>> {
    let heard = world.heard(conn).into_iter();
    heard
        .filter_map(|packet| match packet {
            ServerPacket::Noted(Noted::Revised { edition, .. }) => Some(Ok(edition)),
            ServerPacket::Noted(Noted::Unrevised { reason, .. }) => Some(Err(reason)),
            _ => None,
        })
        .collect()
}

fn revisions(rows: &Rows) -> Vec<Revision> {
    let revision = |entry: &Arc<Entry>| match &**entry {
        Entry::Revised(revision) => Some(revision.clone()),
        _ => None,
    };
    rows.iter().filter_map(|(_, entry)| revision(entry)).collect()
}

// DM-REV-1, DM-REV-2, DM-REV-3
pub(super) fn a_revision_is_in_the_mailboxes_of_its_message<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    let id = world.sent(a, "r1", "b", "helo").0.id;
    for (name, text) in [("e1", "hello"), ("e2", "hello!")] {
        world.say(a, revise(name, id, Some(text)));
        world.commit();
    }
    assert_eq!(answers(&mut world, a), [Ok(1), Ok(2)]);
    let shown = |world: &World<S>, who: &str| -> Vec<_> {
        let revisions = revisions(&world.rows(who, 1));
        assert!(revisions.iter().all(|it| (it.message.id, it.seq.0) == (id, 1)));
        let said = |it: &Revision| it.body.as_ref().map(|body| body.bytes.clone());
        revisions.iter().map(|it| (it.edition, said(it))).collect()
    };
    for who in ["a", "b"] {
        assert_eq!(shown(&world, who), [(1, Some("hello".into())), (2, Some("hello!".into()))], "{who}");
    }
    world.say(a, revise("d1", id, None));
    world.say(b, revise("x", id, None));
    world.say(a, revise("e3", id, Some("late")));
    world.commit();
    assert_eq!(answers(&mut world, b), [Err(Reject::NoSuchMessage)], "not the author");
    assert_eq!(answers(&mut world, a), [Ok(3), Err(Reject::Deleted)]);
    let check = |world: &World<S>| {
        for who in ["a", "b"] {
            assert_eq!(
                shown(world, who),
                [(3, None), (3, None), (3, None)],
                "{who}: no edition of it leaves"
            );
        }
    };
    check(&world);
    if let Some(mut world) = world.reopen(subject) {
        check(&world);
        let a = world.open("a", "2");
        world.say(a, revise("e4", id, Some("late")));
        world.commit();
        assert_eq!(answers(&mut world, a), [Err(Reject::Deleted)], "after reopening");
    }
}

// DM-REV-5
pub(super) fn a_deletion_stands_in_the_place_of_its_message<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    let (kept, gone) = (world.sent(a, "r1", "b", "kept").0, world.sent(a, "r2", "b", "secret").0);
    world.say(a, revise("e0", gone.id, Some("secret too")));
    world.say(a, revise("d1", gone.id, None));
    world.say(a, revise("e1", kept.id, Some("kept!")));
    world.commit();
    let check = |world: &World<S>| {
        let rows = world.rows("b", 0);
        assert!(!format!("{rows:?}").contains("secret"), "what was taken back leaves no more");
        assert_eq!(heads(&rows), std::slice::from_ref(&kept));
        let of: Vec<_> = revisions(&rows).iter().map(|it| (it.message.id, it.edition)).collect();
        assert_eq!(
            of,
            [(gone.id, 2), (gone.id, 2), (gone.id, 2), (kept.id, 1)],
            "in its place, and in its turn"
        );
        let (b, gone) = (super::world::user("b"), MessageRef::Id(gone.id));
        let found = world.reader.message(&b, &gone).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(found, None);
    };
    check(&world);
    if let Some(world) = world.reopen(subject) {
        check(&world);
    }
}

// DM-REV-3, DM-REV-4
pub(super) fn a_batch_sees_its_own_revisions<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    let id = world.sent(a, "r1", "b", "x").0.id;
    for (name, text) in [("e1", Some("y")), ("e1", Some("y")), ("d1", None), ("e2", Some("z")), ("d1", None)]
    {
        world.say(a, revise(name, id, text));
    }
    world.commit();
    assert_eq!(answers(&mut world, a), [Ok(1), Ok(1), Ok(2), Err(Reject::Deleted), Ok(2)]);
    assert_eq!(revisions(&world.rows("b", 1)).len(), 2, "each once");
}
