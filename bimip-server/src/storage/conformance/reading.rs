//! What a reader sees.

use std::sync::atomic::{AtomicBool, Ordering};

use bimip_proto::{Address, Body, ClientPacket, Draft, Entry, Head, MessageId, MessageRef, Offset};
use bimip_session::server::{Attachment, weight};

use super::Subject;
use super::world::{World, accepted, draft, group, offsets, user};
use crate::storage::{Reader, Storage};

// DM-WIN-1
pub(super) fn a_page_is_bounded<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    for size in [10, 10, 2_000, 10, 10] {
        world.send(a, "", "b", &"x".repeat(size));
    }
    world.commit();
    let weights: Vec<u64> = world.rows("b", 0).iter().map(|(_, entry)| weight(entry)).collect();
    let two = weights[0] + weights[1];
    for (after, rows, bytes, expected) in [
        (0, 3, u64::MAX, &[1, 2, 3][..]),
        (0, 0, u64::MAX, &[]),
        (0, 9, two, &[1, 2]),
        (0, 9, two - 1, &[1]),
        (0, 9, 0, &[1]),
        (2, 9, 1, &[3]),
        (2, 9, weights[2] + weights[3] - 1, &[3]),
        (4, 9, u64::MAX, &[5]),
        (5, 9, u64::MAX, &[]),
        (1_000, 9, u64::MAX, &[]),
        (u64::MAX - 1, 9, u64::MAX, &[]),
    ] {
        let page = world.page("b", after, rows, bytes);
        assert_eq!(offsets(&page), expected, "after {after}, at most {rows} rows and {bytes} bytes");
    }
}

// DM-BOX-2, DM-CUR-2
pub(super) fn pages_join_without_a_gap<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    for batch in 0..12 {
        for number in 0..batch {
            world.send(a, "", if number % 3 == 0 { "c" } else { "b" }, &"x".repeat(number * 40));
        }
        world.say(b, ClientPacket::Dispose(Offset(batch as u64 * 2)));
        world.commit();
    }
    for who in ["a", "b", "c", "d"] {
        let all = world.rows(who, 0);
        assert_eq!(offsets(&all), (1..=all.len() as u64).collect::<Vec<u64>>(), "the mailbox of {who}");
        assert_eq!(world.attach(who, "1").head, Offset(all.len() as u64), "the head is the last row");
        assert_eq!(world.attach(who, "1").first, Offset(1));
        for (rows, bytes) in [(1, u64::MAX), (7, u64::MAX), (u32::MAX, 500)] {
            let mut joined = Vec::new();
            loop {
                let after = joined.last().map_or(0, |(offset, _): &(Offset, _)| offset.0);
                let page = world.page(who, after, rows, bytes);
                if page.is_empty() {
                    break;
                }
                joined.extend(page);
            }
            assert!(joined == all, "pages of {rows} rows and {bytes} bytes of the mailbox of {who}");
        }
    }
}

// DM-CUR-1, DM-CUR-3
pub(super) fn a_cursor_never_goes_back<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    assert_eq!(world.attach("b", "1").cursor, Offset::ZERO, "a new device");
    for _ in 0..5 {
        world.send(a, "", "b", "x");
    }
    world.commit();
    for (upto, stands) in [(2, 2), (4, 4), (3, 4), (4, 4), (5, 5)] {
        world.say(b, ClientPacket::Dispose(Offset(upto)));
        world.commit();
        assert_eq!(world.attach("b", "1").cursor, Offset(stands), "after disposing of {upto}");
    }
    assert_eq!(world.attach("b", "2").cursor, Offset::ZERO, "another device stands elsewhere");
    assert_eq!(world.attach("a", "1").cursor, Offset::ZERO, "and so does another user's of the same name");
    // A second session of the device begins before the first one's last word is stored, and stays behind it.
    world.send(a, "", "b", "y");
    world.commit();
    world.say(b, ClientPacket::Dispose(Offset(6)));
    let behind = world.open("b", "1");
    world.commit();
    world.say(behind, ClientPacket::Dispose(Offset(5)));
    world.commit();
    assert_eq!(world.attach("b", "1").cursor, Offset(6), "after the word of a session that is behind");
    if let Some(world) = world.reopen(subject) {
        assert_eq!(world.attach("b", "1").cursor, Offset(6), "after reopening");
    }
}

// DM-BOX-1
pub(super) fn an_unknown_user_has_an_empty_mailbox<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let empty = world.attach("b", "1");
    assert!(empty.epoch != 0, "0 is no epoch");
    assert_eq!((empty.cursor, empty.first, empty.head), (Offset::ZERO, Offset(1), Offset::ZERO));
    assert!(world.rows("b", 0).is_empty());
    let a = world.open("a", "1");
    let (said, _) = world.sent(a, "r1", "ab", "to somebody whose name begins alike");
    // One log, also for whom nothing is in it.
    assert_eq!(world.attach("b", "1"), Attachment { sequence: said.id.sequence(), ..empty.clone() });
    assert_eq!((empty.sequence, world.attach("a", "1").sequence), (0, said.id.sequence()));
    assert_eq!(world.attach("a", "1").epoch, empty.epoch, "one store, one epoch");
}

// DM-ACK-1
pub(super) fn readers_see_what_is_proven_and_no_more<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let early = world.reader.clone();
    let a = world.open("a", "1");
    for proven in 0..4 {
        world.send(a, "", "b", "x");
        for reader in [&early, &world.store.reader()] {
            let rows = reader.rows(&user("b"), Offset::ZERO, 9, u64::MAX).map(|rows| rows.len());
            assert!(matches!(rows, Ok(rows) if rows == proven), "{rows:?} of {proven}, before the commit");
        }
        world.commit();
        let rows = early.rows(&user("b"), Offset::ZERO, 9, u64::MAX).map(|rows| rows.len());
        assert!(matches!(rows, Ok(rows) if rows == proven + 1), "{rows:?}, after the commit");
    }
}

pub(super) fn a_reader_finds_messages_by_name<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let [a, b, c] = ["a", "b", "c"].map(|who| world.open(who, "1"));
    for conn in [a, b] {
        world.say(conn, ClientPacket::Join(group("g")));
    }
    world.commit();
    let mut heads: Vec<Head> =
        (0..5).map(|number| world.sent(a, "", "b", &format!("text {number}")).0).collect();
    let to_group = Draft { to: Address::Group(group("g")), ..draft("", "b", Body::text("to all")) };
    world.say(a, ClientPacket::Send(to_group));
    let unproven = MessageRef::Id(MessageId::new(heads[0].id.epoch(), heads[4].id.sequence() + 1));
    let early = world.reader.clone();
    assert!(matches!(early.message(&user("a"), &unproven), Ok(None)), "before the commit");
    world.commit();
    heads.extend(accepted(&world.heard(a)).pop().map(|(head, _)| head));
    world.say(a, ClientPacket::Leave(group("g")));
    world.say(c, ClientPacket::Join(group("g")));
    world.commit();
    let check = |reader: &S::Reader| {
        for head in &heads {
            for name in [MessageRef::Id(head.id), MessageRef::Alias(head.alias())] {
                for (who, may) in [("a", true), ("b", true), ("c", false), ("nobody", false)] {
                    let found = reader.message(&user(who), &name).unwrap_or_else(|error| panic!("{error}"));
                    let found = found.as_deref().map(|entry| match entry {
                        Entry::Message(message) => message.head.clone(),
                        other => panic!("{other:?}"),
                    });
                    assert_eq!(found, may.then(|| head.clone()), "{name:?} for {who}");
                }
            }
        }
    };
    check(&early);
    check(&world.store.reader());
    drop(early);
    if let Some(world) = world.reopen(subject) {
        check(&world.reader);
    }
}

// DM-BOX-1
pub(super) fn readers_keep_up_with_a_writer<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let a = world.open("a", "1");
    let (reader, done) = (world.reader.clone(), AtomicBool::new(false));
    let (b, device) = (user("b"), super::world::device("b", "1"));
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = Vec::new();
            loop {
                let last = done.load(Ordering::Acquire);
                let after = Offset(seen.len() as u64);
                let head = reader.attach(&device).unwrap_or_else(|error| panic!("{error}")).head;
                let page = reader.rows(&b, after, 1_000, u64::MAX);
                let page = page.unwrap_or_else(|error| panic!("{error}"));
                assert!(
                    page.iter().map(|(offset, _)| offset.0).eq(after.0 + 1..=after.0 + page.len() as u64)
                );
                assert!(head.0 <= after.0 + page.len() as u64, "rows up to a head that was told are there");
                seen.extend(page);
                if last {
                    return seen;
                }
            }
        });
        for batch in 0..30 {
            for _ in 0..batch {
                world.send(a, "", "b", "x");
            }
            world.commit();
        }
        done.store(true, Ordering::Release);
        let seen = watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        assert!(seen == world.rows("b", 0), "what was read is what is there");
    });
}
