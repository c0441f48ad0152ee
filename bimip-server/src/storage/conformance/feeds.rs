//! Groups too large for a row in every mailbox.

use bimip_proto::{Address, Body, ClientPacket, ClientRef, Draft, MessageRef, Offset, Revise};
use bimip_session::server::ConnId;

use super::Subject;
use super::world::{World, accepted, delivered, group, heads, offsets};
use crate::storage::Storage;

/// Groups of more than two have a feed.
fn world<S: Storage>(subject: &Subject<'_, S>) -> World<S> {
    World::with_row_members(subject.open(), 2)
}

fn joins<S: Storage>(world: &mut World<S>, conn: ConnId) {
    world.say(conn, ClientPacket::Join(group("g")));
    world.commit_all();
    world.heard(conn);
}

fn post<S: Storage>(world: &mut World<S>, conn: ConnId, text: &str) -> MessageRef {
    let to = Address::Group(group("g"));
    let draft =
        Draft { client_ref: ClientRef::new(text).ok(), to, client_time: None, body: Body::text(text) };
    world.say(conn, ClientPacket::Send(draft));
    world.commit_all();
    let heard = world.heard(conn);
    let accepted = accepted(&heard);
    let [(head, _)] = &accepted[..] else { panic!("{text}: {heard:?}") };
    MessageRef::Id(head.id)
}

fn texts<S: Storage>(world: &World<S>, who: &str) -> Vec<String> {
    let rows = world.rows(who, 0);
    assert_eq!(offsets(&rows), (1..=rows.len() as u64).collect::<Vec<u64>>(), "{who}");
    let names = heads(&rows).into_iter().map(|head| head.client_ref.map(|name| name.to_string()));
    names.map(Option::unwrap_or_default).collect()
}

// DM-FEED-1, DM-FEED-2, DM-FEED-3
pub(super) fn a_large_group_fills_the_mailboxes_of_those_who_are_here<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = world(subject);
    let conns = ["a", "b", "c"].map(|who| world.open(who, "1"));
    for conn in &conns[..2] {
        joins(&mut world, *conn);
    }
    post(&mut world, conns[0], "rows");
    joins(&mut world, conns[2]);
    post(&mut world, conns[0], "fed");
    assert_eq!(texts(&world, "a"), ["rows", "fed"], "the author's other devices read it there");
    assert_eq!(texts(&world, "b"), ["rows", "fed"]);
    assert_eq!(texts(&world, "c"), ["fed"]);
    assert_eq!(delivered(&world.heard(conns[1])).len(), 2);
    // Nobody is here but the author.
    let mut world = world.restart();
    let a = world.open("a", "1");
    for text in ["1", "2", "3"] {
        post(&mut world, a, text);
    }
    assert_eq!(
        (texts(&world, "b").len(), texts(&world, "c").len()),
        (2, 1),
        "nothing is written for who is not here"
    );
    assert!(world.attach("b", "1").behind && !world.attach("a", "1").behind);
    let mut world = match subject.reopen {
        Some(_) => world.reopen(subject).unwrap_or_else(|| unreachable!("it can be opened again")),
        None => world.restart(),
    };
    let b = world.open("b", "1");
    world.commit_all();
    assert_eq!(texts(&world, "b"), ["rows", "fed", "1", "2", "3"]);
    assert_eq!(delivered(&world.heard(b)).len(), 5, "nothing of it was disposed of before");
    assert!(!world.attach("b", "1").behind && world.attach("c", "1").behind);
    world.commit_all();
    assert_eq!(world.rows("b", 0).len(), 5, "once");
}

// DM-FEED-2, DM-FEED-4, DM-GRP-6
pub(super) fn a_feed_is_for_members_as_long_as_they_are<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = world(subject);
    let conns = ["a", "b", "c"].map(|who| world.open(who, "1"));
    for conn in conns {
        joins(&mut world, conn);
    }
    let mut world = world.restart();
    let a = world.open("a", "1");
    let first = post(&mut world, a, "before");
    // B leaves by way of a device that is told nothing: its mailbox is full of other things.
    let b = world.open("b", "2");
    world.say(b, ClientPacket::Leave(group("g")));
    world.commit_all();
    post(&mut world, a, "after");
    joins(&mut world, b);
    post(&mut world, a, "again");
    assert_eq!(texts(&world, "b"), ["before", "again"]);
    // What is taken back reaches nobody who did not have it.
    world.say(
        a,
        ClientPacket::Revise(Revise {
            client_ref: ClientRef::new("gone").unwrap_or_else(|error| panic!("{error}")),
            message: first,
            body: None,
        }),
    );
    world.commit_all();
    world.open("c", "1");
    world.commit_all();
    assert_eq!(texts(&world, "c"), ["after", "again"]);
    assert_eq!(world.rows("c", 0).len(), 4, "the deletion in the place of the message, and in its own turn");
    assert_eq!(world.attach("c", "1").head, Offset(4));
}
