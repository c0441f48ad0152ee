//! How far messages got: when they were delivered and read, with whom, and who is told.

use bimip_proto::{
    Address, Ask, ClientPacket, DeviceState, Found, MessageId, MessageRef, MessageStatus, Offset, Reached,
    Status, UnixMs, UserId,
};

use super::Subject;
use super::world::{World, accepted, draft, group, user};
use crate::storage::{Reader, Storage};

/// What is stored of how far a message got: all pages of so many recipients, these by name.
pub(super) fn status<R: Reader>(
    reader: &R,
    who: &str,
    message: &MessageRef,
    limit: u32,
) -> Option<MessageStatus> {
    let page = |after: Option<UserId>| match reader
        .query(&user(who), &Ask::Status { message: message.clone(), after, limit })
    {
        Ok(Found::Status(status)) => status,
        other => panic!("{who} asks how far {message:?} got: {other:?}"),
    };
    let mut whole = page(None)?;
    while whole.more {
        let after = whole.recipients.last().map(|it| it.user.clone());
        let next = page(after).unwrap_or_else(|| panic!("{message:?} is gone between two pages"));
        assert_eq!((next.id, next.counts), (whole.id, whole.counts));
        assert!(!next.more || !next.recipients.is_empty(), "more, and nobody to go on from");
        whole.recipients.extend(next.recipients);
        whole.more = next.more;
    }
    whole.recipients.sort_by(|one, other| one.user.cmp(&other.user));
    Some(*whole)
}

fn of<S: Storage>(world: &World<S>, who: &str, id: MessageId) -> Option<MessageStatus> {
    status(&world.reader, who, &MessageRef::Id(id), 0)
}

fn passes<S: Storage>(world: &mut World<S>, ms: u64) -> Option<UnixMs> {
    world.now.unix_ms += ms;
    Some(world.now.stamp())
}

// DM-STAT-1, DM-STAT-2
pub(super) fn times_of_marks_survive_reopening<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    let first = world.sent(a, "", "b", "x").0.id;
    let second = world.sent(a, "", "b", "y").0.id;
    let had = passes(&mut world, 5);
    world.say(b, ClientPacket::Dispose(Offset(1)));
    world.commit();
    let read = passes(&mut world, 5);
    world.mark(b, &MessageRef::Id(second), Status::Read);
    world.commit();
    let read_later = passes(&mut world, 5);
    for status in [Status::Read, Status::Played] {
        world.mark(b, &MessageRef::Id(first), status);
    }
    world.commit();
    passes(&mut world, 5);
    world.mark(b, &MessageRef::Id(first), Status::Read);
    world.say(b, ClientPacket::Dispose(Offset(4)));
    world.commit();
    let check = |world: &World<S>| {
        for (id, times, row) in [(first, (had, read_later), 1), (second, (read, read), 2)] {
            for who in ["a", "b"] {
                let asked = of(world, who, id).unwrap_or_else(|| panic!("{who} is told of nothing"));
                let it = &asked.recipients[0];
                assert_eq!(((it.delivered_at, it.read_at), it.row), (times, Some(Offset(row))), "{who}");
                assert_eq!((asked.counts.first_delivered_at, asked.counts.first_read_at), times);
                let devices = it.devices.iter().flatten().map(|it| (it.name.as_str(), it.state));
                assert!(devices.eq([("1", DeviceState::Acknowledged)]), "{asked:?}");
            }
        }
    };
    check(&world);
    if let Some(world) = world.reopen(subject) {
        check(&world);
    }
}

// DM-STAT-6
pub(super) fn everybody_it_went_to_is_told_of_once<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::with_row_members(subject.open(), 5);
    // Names of users are seen in another order than that of the alphabet.
    let names = ["m", "c", "x", "a", "k", "b", "z"];
    let conns = names.map(|name| {
        let conn = world.open(name, "1");
        world.say(conn, ClientPacket::Join(group("g")));
        world.commit();
        conn
    });
    let posts = |world: &mut World<S>| {
        let mut draft = draft("", "b", bimip_proto::Body::text("x"));
        draft.to = Address::Group(group("g"));
        world.say(conns[0], ClientPacket::Send(draft));
        world.commit();
        let placed = accepted(&world.heard(conns[0]));
        placed.first().map(|(head, _)| head.id).unwrap_or_else(|| panic!("it was not accepted"))
    };
    let first = posts(&mut world);
    world.say(conns[6], ClientPacket::Leave(group("g")));
    let late = world.open("d", "1");
    world.say(late, ClientPacket::Join(group("g")));
    world.commit_all();
    let second = posts(&mut world);
    world.commit_all();
    world.mark(conns[4], &MessageRef::Id(second), Status::Read);
    world.mark(late, &MessageRef::Id(second), Status::Delivered);
    world.commit_all();
    let check = |world: &World<S>| {
        for (id, expected, counts) in [(first, "a b c k x z", [6, 0, 0]), (second, "a b c d k x", [6, 2, 1])]
        {
            for limit in [1, 2, 4, 6, 0] {
                let asked = status(&world.reader, "m", &MessageRef::Id(id), limit);
                let asked = asked.unwrap_or_else(|| panic!("an author is told of nothing"));
                let users: Vec<_> = asked.recipients.iter().map(|it| it.user.as_str()).collect();
                assert_eq!(users.join(" "), expected, "in pages of {limit}");
                let it = asked.counts;
                assert_eq!(([it.recipients, it.delivered, it.read], it.exact), (counts, true));
                let has_read = |it: &&bimip_proto::RecipientStatus| it.reached() == Reached::Read;
                assert_eq!(asked.recipients.iter().filter(has_read).count(), counts[2] as usize);
            }
        }
    };
    check(&world);
    if let Some(world) = world.reopen(subject) {
        check(&world);
    }
}

// DM-STAT-3
pub(super) fn a_stranger_is_told_of_no_message<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    let between = world.sent(a, "", "b", "x").0.id;
    for conn in [a, b] {
        world.say(conn, ClientPacket::Join(group("g")));
    }
    world.commit();
    let mut draft = draft("", "b", bimip_proto::Body::text("x"));
    draft.to = Address::Group(group("g"));
    world.heard(a);
    world.say(a, ClientPacket::Send(draft));
    world.commit();
    let in_group = accepted(&world.heard(a)).first().map_or(MessageId::NONE, |(head, _)| head.id);
    let c = world.open("c", "1");
    world.say(c, ClientPacket::Join(group("g")));
    world.commit();
    let sequence = in_group.sequence();
    let receipts = (1..=sequence + 9).map(|sequence| MessageId::new(between.epoch(), sequence));
    let ids: Vec<_> = receipts.chain([MessageId::new(between.epoch() ^ 1, sequence)]).collect();
    for who in ["c", "eve", "g"] {
        assert!(ids.iter().all(|id| of(&world, who, *id).is_none()), "{who}");
    }
    for who in ["a", "b"] {
        let told: Vec<_> = ids.iter().filter(|id| of(&world, who, **id).is_some()).copied().collect();
        assert_eq!(told, [between, in_group], "{who}");
    }
}
