//! Pages of history, the list of conversations, and what is unread.

use bimip_proto::{
    Address, Ask, ClientPacket, ClientRef, ConversationState, Found, HistoryMessage, HistoryPlace,
    MessageRef, PageFrom, Revise, Seq, Status,
};

use super::Subject;
use super::world::{World, group, user};
use crate::storage::{Reader, Storage};

fn history<S: Storage>(
    world: &World<S>,
    who: &str,
    of: &Address,
    from: PageFrom<HistoryPlace>,
    limit: u32,
) -> (Vec<HistoryMessage>, bool) {
    match world.reader.query(&user(who), &Ask::History { of: of.clone(), from, limit }) {
        Ok(Found::History { messages, more }) => (messages, more),
        other => panic!("{who} asks for {of}: {other:?}"),
    }
}

fn list<S: Storage>(world: &World<S>, who: &str) -> Vec<ConversationState> {
    match world.reader.query(&user(who), &Ask::Conversations { from: PageFrom::Latest, limit: 0 }) {
        Ok(Found::Conversations { conversations, more: false }) => conversations,
        other => panic!("{who}: {other:?}"),
    }
}

fn seqs(messages: &[HistoryMessage]) -> Vec<u64> {
    messages.iter().map(|it| it.message.head.seq.0).collect()
}

// DM-HIS-2
pub(super) fn pages_of_history_meet_while_messages_come<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    for number in 0..40 {
        // Other conversations are stored between.
        world.send(a, "", if number % 2 == 0 { "b" } else { "c" }, "x");
    }
    world.commit();
    let b = Address::User(user("b"));
    let (mut seen, mut from) = (Vec::new(), PageFrom::Latest);
    loop {
        let (page, more) = history(&world, "a", &b, from, 7);
        seen.splice(0..0, seqs(&page));
        world.send(a, "", "b", "meanwhile");
        world.commit();
        if !more {
            break;
        }
        // By its place, or by its id.
        let first: HistoryPlace =
            if seen.len() % 2 == 0 { Seq(seen[0]).into() } else { page[0].message.head.id.into() };
        from = PageFrom::Before(first);
    }
    assert_eq!(seen, (1..=20).collect::<Vec<_>>());
    loop {
        let (page, more) = history(&world, "a", &b, PageFrom::After(Seq(seen.len() as u64).into()), 2);
        seen.extend(seqs(&page));
        if !more {
            break;
        }
    }
    assert_eq!(seen, (1..=23).collect::<Vec<_>>());
}

// DM-HIS-4, DM-HIS-6, DM-HIS-7
pub(super) fn what_is_found_survives_reopening<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    for conn in [b, a] {
        world.say(conn, ClientPacket::Join(group("g")));
    }
    world.commit();
    let edited = world.sent(a, "r1", "b", "helo").0.id;
    let deleted = world.sent(a, "r2", "b", "secret").0.id;
    world.sent(a, "r3", "b", "three");
    world.sent(a, "r4", "a", "a note");
    let revise = |name: &str, message, body| {
        let client_ref = ClientRef::new(name).unwrap_or_else(|error| panic!("{error}"));
        ClientPacket::Revise(Revise { client_ref, message: MessageRef::Id(message), body })
    };
    world.say(a, revise("e1", edited, Some(bimip_proto::Body::text("hello"))));
    world.say(a, revise("d1", deleted, None));
    world.mark(b, &MessageRef::Id(edited), Status::Read);
    world.commit();
    let check = |world: &World<S>| {
        for (who, with) in [("a", "b"), ("b", "a")] {
            let (page, _) = history(world, who, &Address::User(user(with)), PageFrom::Latest, 0);
            let told: Vec<_> = page
                .iter()
                .map(|it| (&*it.message.body.bytes, it.edition, it.deleted, it.marks.has(Status::Read)))
                .collect();
            let expected =
                [(&b"hello"[..], 1, false, true), (b"", 1, true, false), (b"three", 0, false, false)];
            assert_eq!(told, expected, "{who}");
        }
        let told = |who: &str| -> Vec<_> {
            let list = list(world, who);
            list.iter().map(|it| (it.conversation().to_string(), it.messages, it.read.0, it.unread)).collect()
        };
        assert_eq!(told("a"), [("d:a:a".to_owned(), 1, 1, 0), ("d:a:b".into(), 3, 3, 0)]);
        assert_eq!(
            told("b"),
            [("d:a:b".to_owned(), 3, 1, 1)],
            "read to the first, and the second is deleted"
        );
    };
    check(&world);
    if let Some(world) = world.reopen(subject) {
        check(&world);
    }
}

// DM-HIS-5
pub(super) fn a_stranger_finds_nothing<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    for conn in [a, b] {
        world.say(conn, ClientPacket::Join(group("g")));
        world.commit();
        let mut draft = super::world::draft("", "b", bimip_proto::Body::text("x"));
        draft.to = Address::Group(group("g"));
        world.say(conn, ClientPacket::Send(draft));
        world.send(conn, "", "b", "x");
        world.commit();
    }
    let of = [
        Address::Group(group("g")),
        Address::Group(group("h")),
        Address::User(user("a")),
        Address::User(user("x")),
    ];
    for who in ["eve", "nobody"] {
        for of in &of {
            assert_eq!(history(&world, who, of, PageFrom::Latest, 0), (Vec::new(), false), "{who}, {of}");
        }
        assert_eq!(list(&world, who), []);
    }
    let seen = |who: &str| seqs(&history(&world, who, &of[0], PageFrom::Latest, 0).0);
    assert_eq!((seen("a"), seen("b")), (vec![1, 2], vec![2]), "who came later sees less");
}

// DM-HIS-9
pub(super) fn a_question_finds_what_is_proven_and_no_more<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let early = world.reader.clone();
    let a = world.open("a", "1");
    let ask = Ask::Conversation(Address::User(user("a")));
    let found = |reader: &S::Reader| match reader.query(&user("b"), &ask) {
        Ok(Found::Conversations { conversations, .. }) => conversations.first().map_or(0, |it| it.unread),
        other => panic!("{other:?}"),
    };
    for proven in 0..4 {
        world.send(a, "", "b", "x");
        assert_eq!((found(&early), found(&world.store.reader())), (proven, proven), "before the commit");
        world.commit();
        assert_eq!(found(&early), proven + 1, "after it");
    }
}
