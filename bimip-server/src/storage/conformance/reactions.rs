//! Reactions: rows in their turn, and what is counted.

use std::sync::Arc;

use bimip_proto::{
    Address, Ask, Body, ClientPacket, ClientRef, Emoji, Entry, Found, MessageId, MessageRef, Noted, PageFrom,
    React, ReactionSummary, Reject, Revise, ServerPacket,
};
use bimip_session::server::ConnId;

use super::Subject;
use super::world::{Rows, World, draft, group, user};
use crate::storage::{Reader, Storage};

fn name(text: &str) -> ClientRef {
    ClientRef::new(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(super) fn react(client_ref: &str, message: MessageRef, with: &str, on: bool) -> ClientPacket {
    let emoji = Emoji::new(with).unwrap_or_else(|error| panic!("{with}: {error}"));
    ClientPacket::React(React { client_ref: name(client_ref), message, emoji, on })
}

/// Edition and count, or why not.
fn answers<S: Storage>(world: &mut World<S>, conn: ConnId) -> Vec<Result<(u32, u32), Reject>> {
    let heard = world.heard(conn).into_iter();
    heard
        .filter_map(|packet| match packet {
            ServerPacket::Noted(Noted::Reacted { edition, count, .. }) => Some(Ok((edition, count))),
            ServerPacket::Noted(Noted::Unreacted { reason, .. }) => Some(Err(reason)),
            _ => None,
        })
        .collect()
}

/// The reactions among rows: edition, with what, on or off, how many then.
fn reactions(rows: &Rows) -> Vec<(u32, String, bool, u32)> {
    let reaction = |entry: &Arc<Entry>| match &**entry {
        Entry::Reacted(it) => Some((it.edition, it.emoji.to_string(), it.on, it.count)),
        _ => None,
    };
    rows.iter().filter_map(|(_, entry)| reaction(entry)).collect()
}

/// What is told beside the last message of a conversation.
fn summary<S: Storage>(world: &World<S>, who: &str, of: &Address) -> ReactionSummary {
    let ask = Ask::History { of: of.clone(), from: PageFrom::Latest, limit: 1 };
    match world.reader.query(&user(who), &ask) {
        Ok(Found::History { mut messages, .. }) if messages.len() == 1 => messages.remove(0).reactions,
        other => panic!("{who}: {other:?}"),
    }
}

/// How many of each, which of them are one's own, and who is named.
fn counts(summary: &ReactionSummary) -> Vec<(&str, u32, bool, Vec<&str>)> {
    let counts = summary.counts.iter();
    counts
        .map(|it| {
            (it.emoji.as_str(), it.count, it.mine, it.users.iter().map(bimip_proto::UserId::as_str).collect())
        })
        .collect()
}

// DM-RCT-1, DM-RCT-2, DM-RCT-3, DM-RCT-6
pub(super) fn reactions_are_rows_and_are_counted<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b, c) = (world.open("a", "1"), world.open("b", "1"), world.open("c", "1"));
    let id = world.sent(a, "r1", "b", "hello").0.id;
    for (conn, client_ref, with, on) in [
        (b, "1", "👍", true),
        (a, "1", "👍", true),
        (b, "2", ":x:", true),
        (b, "3", "👍", false),
        (c, "1", "👍", true),
    ] {
        world.say(conn, react(client_ref, MessageRef::Id(id), with, on));
        world.commit();
    }
    assert_eq!(answers(&mut world, b), [Ok((1, 1)), Ok((3, 1)), Ok((4, 1))]);
    assert_eq!(answers(&mut world, a), [Ok((2, 2))]);
    assert_eq!(answers(&mut world, c), [Err(Reject::NoSuchMessage)], "a stranger");
    let told = [(1, "👍", true, 1), (2, "👍", true, 2), (3, ":x:", true, 1), (4, "👍", false, 1)];
    let told = told.map(|(edition, with, on, count)| (edition, with.to_owned(), on, count));
    let (with_a, with_b) = (Address::User(user("a")), Address::User(user("b")));
    let check = |world: &World<S>| {
        for who in ["a", "b"] {
            assert_eq!(reactions(&world.rows(who, 1)), told, "{who}");
        }
        let [of_a, of_b] = [summary(world, "a", &with_b), summary(world, "b", &with_a)];
        assert_eq!((of_a.edition, of_b.edition), (4, 4));
        assert_eq!(counts(&of_a), [("👍", 1, true, vec!["a"]), (":x:", 1, false, vec!["b"])]);
        assert_eq!(counts(&of_b), [("👍", 1, false, vec!["a"]), (":x:", 1, true, vec!["b"])]);
    };
    check(&world);
    if let Some(mut world) = world.reopen(subject) {
        check(&world);
        let b = world.open("b", "1");
        // A repeat, what changes nothing, and what does.
        for (client_ref, with, on) in
            [("3", "👍", false), ("4", ":x:", true), ("4", ":x:", true), ("5", ":x:", false)]
        {
            world.say(b, react(client_ref, MessageRef::Id(id), with, on));
            world.commit();
        }
        assert_eq!(answers(&mut world, b), [Ok((4, 1)), Ok((4, 1)), Ok((4, 1)), Ok((5, 0))]);
        assert_eq!(reactions(&world.rows("a", 1)).len(), 5, "one row more");
        assert_eq!(counts(&summary(&world, "b", &with_a)), [("👍", 1, false, vec!["a"])]);
    }
}

// DM-RCT-3, DM-RCT-4
pub(super) fn a_batch_sees_its_own_reactions<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    let id = MessageRef::Id(world.sent(a, "r1", "b", "hello").0.id);
    for (conn, client_ref, on) in
        [(a, "1", true), (b, "1", true), (b, "1", true), (a, "2", false), (a, "3", true)]
    {
        world.say(conn, react(client_ref, id.clone(), "👍", on));
    }
    for number in 0..8 {
        let client_ref = format!("n{number}");
        world.say(b, react(&client_ref, id.clone(), &client_ref, true));
    }
    world.commit();
    assert_eq!(answers(&mut world, a), [Ok((1, 1)), Ok((3, 1)), Ok((4, 2))]);
    let heard = answers(&mut world, b);
    assert_eq!((&heard[..2], heard[8], heard[9]), (&[Ok((2, 2)); 2][..], Ok((11, 1)), Err(Reject::Full)));
    assert_eq!(reactions(&world.rows("b", 1)).len(), 11, "each once");
}

// DM-RCT-5
pub(super) fn a_deletion_takes_the_reactions_along<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    let id = world.sent(a, "r1", "b", "secret").0.id;
    world.say(b, react("1", MessageRef::Id(id), ":secret:", true));
    let revise = Revise { client_ref: name("d"), message: MessageRef::Id(id), body: None };
    world.say(a, ClientPacket::Revise(revise));
    world.say(b, react("2", MessageRef::Id(id), ":late:", true));
    world.commit();
    assert_eq!(answers(&mut world, b), [Ok((1, 1)), Err(Reject::Deleted)]);
    let check = |world: &World<S>| {
        for (who, of) in [("a", "b"), ("b", "a")] {
            assert_eq!(summary(world, who, &Address::User(user(of))), ReactionSummary::default());
            let rows = world.rows(who, 0);
            assert_eq!((rows.len(), reactions(&rows)), (3, Vec::new()), "{who}");
            assert!(!format!("{rows:?}").contains("secret"), "what was taken back leaves no more");
        }
    };
    check(&world);
    if let Some(world) = world.reopen(subject) {
        check(&world);
    }
}

// DM-RCT-2, DM-FEED-2
pub(super) fn reactions_come_by_the_feed<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::with_row_members(subject.open(), 1);
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    for conn in [a, b] {
        world.say(conn, ClientPacket::Join(group("g")));
        world.commit_all();
    }
    let mut post = draft("r1", "b", Body::text("to all"));
    post.to = Address::Group(group("g"));
    world.say(a, ClientPacket::Send(post));
    world.commit_all();
    let Some(id) = summary_id(&world, "a") else { panic!("a message") };
    world.say(b, react("1", MessageRef::Id(id), "👍", true));
    world.commit_all();
    for who in ["a", "b"] {
        assert_eq!(reactions(&world.rows(who, 0)), [(1, "👍".to_owned(), true, 1)], "{who}");
    }
    // Who is not here gets it when they are.
    let mut world = world.restart();
    let b = world.open("b", "1");
    world.commit_all();
    world.say(b, react("2", MessageRef::Id(id), "👎", true));
    world.commit_all();
    assert_eq!(reactions(&world.rows("a", 0)).len(), 1);
    world.open("a", "1");
    world.commit_all();
    assert_eq!(reactions(&world.rows("a", 0)).len(), 2);
}

fn summary_id<S: Storage>(world: &World<S>, who: &str) -> Option<MessageId> {
    let ask = Ask::History { of: Address::Group(group("g")), from: PageFrom::Latest, limit: 1 };
    match world.reader.query(&user(who), &ask) {
        Ok(Found::History { messages, .. }) => messages.first().map(|it| it.message.head.id),
        _ => None,
    }
}
