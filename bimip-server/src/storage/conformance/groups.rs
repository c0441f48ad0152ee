//! Who is in a group, and what that means for messages and receipts.

use bimip_proto::{
    Address, Body, ClientPacket, Head, MessageRef, Noted, Reject, ServerPacket, Status, limits,
};
use bimip_session::server::ConnId;

use super::Subject;
use super::world::{Rows, World, accepted, draft, group, heads, offsets, receipts, rejected};
use crate::storage::Storage;

// DM-BOX-3, DM-GRP-1, DM-GRP-5, DM-ORD-1
pub(super) fn a_group_message_is_in_every_mailbox<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let conns = ["a", "b", "c", "d"].map(|who| world.open(who, "1"));
    for conn in &conns[..3] {
        assert!(joins(&mut world, *conn, "g"));
    }
    for number in 1..=3 {
        let (head, offset) = post(&mut world, conns[0], "", "g").unwrap_or_else(|reject| panic!("{reject}"));
        assert_eq!((head.seq.0, offset.0), (number, number));
        for who in ["a", "b", "c"] {
            let rows = world.rows(who, 0);
            assert_eq!(offsets(&rows), (1..=number).collect::<Vec<u64>>(), "the mailbox of {who}");
            assert_eq!(heads(&rows).last(), Some(&head));
        }
    }
    assert_eq!(post(&mut world, conns[3], "", "g"), Err(Reject::NotMember), "from outside");
    assert_eq!(
        post(&mut world, conns[0], "", "other"),
        Err(Reject::NotMember),
        "to a group that is not there"
    );
    assert!(world.rows("d", 0).is_empty());
    // The name of a group is nobody's name.
    world.sent(conns[0], "", "g", "to a user called g");
    assert_eq!((world.rows("g", 0).len(), world.rows("b", 0).len()), (1, 3));
}

// DM-GRP-3, DM-GRP-6
pub(super) fn who_left_a_group_gets_no_more_of_it<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let (a, b) = (world.open("a", "1"), world.open("b", "1"));
    let mut expected = 0;
    for round in 0..4 {
        for conn in [a, b, b] {
            assert!(joins(&mut world, conn, "g"));
        }
        assert!(post(&mut world, a, "", "g").is_ok());
        expected += 1;
        assert!(post(&mut world, b, "", "g").is_ok());
        expected += 1;
        world.say(b, ClientPacket::Leave(group("g")));
        world.say(b, ClientPacket::Leave(group("g")));
        commit_all(&mut world);
        let left = ServerPacket::Noted(Noted::Left(group("g")));
        assert_eq!(world.heard(b).iter().filter(|packet| **packet == left).count(), 2, "said twice");
        assert_eq!(post(&mut world, b, "", "g"), Err(Reject::NotMember));
        assert!(post(&mut world, a, "", "g").is_ok());
        assert_eq!(world.rows("b", 0).len(), expected, "round {round}");
        assert!(world.attach("b", "1").groups.is_empty());
        assert_eq!(world.attach("a", "1").groups, [group("g")]);
    }
}

// DM-GRP-6
pub(super) fn a_batch_sees_who_comes_and_goes<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let [a, b, c] = ["a", "b", "c"].map(|who| world.open(who, "1"));
    assert!(joins(&mut world, a, "g") && joins(&mut world, c, "g"));
    world.say(a, to_group("", "g", "before"));
    world.say(b, ClientPacket::Join(group("g")));
    world.say(c, ClientPacket::Leave(group("g")));
    world.say(a, to_group("", "g", "after"));
    assert_eq!(world.tickets.len(), 4, "in one batch");
    world.commit();
    for (who, rows) in [("a", vec![1, 2]), ("b", vec![2]), ("c", vec![1])] {
        let seqs: Vec<u64> = heads(&world.rows(who, 0)).iter().map(|head| head.seq.0).collect();
        assert_eq!(seqs, rows, "what {who} has");
    }
    assert_eq!(world.attach("b", "1").groups, [group("g")]);
    assert!(world.attach("c", "1").groups.is_empty());
}

// DM-GRP-3
pub(super) fn groups_survive_reopening<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let names = ["g", "g2", "ünï", "a"];
    let conns = ["a", "b", "c"].map(|who| world.open(who, "1"));
    for (at, name) in names.iter().enumerate() {
        for conn in &conns[at % 2..] {
            assert!(joins(&mut world, *conn, name));
        }
    }
    let early = post(&mut world, conns[1], "r1", "g").unwrap_or_else(|reject| panic!("{reject}"));
    world.say(conns[2], ClientPacket::Leave(group("g")));
    world.commit();
    let late = post(&mut world, conns[0], "", "g").unwrap_or_else(|reject| panic!("{reject}"));
    for time in 1..=3 {
        let groups = |world: &World<S>| ["a", "b", "c", "d"].map(|who| world.attach(who, "1").groups);
        let before = groups(&world);
        assert_eq!(before[0], ["g", "ünï"].map(group), "by name, in order");
        assert_eq!(before[2], ["a", "g2", "ünï"].map(group));
        let Some(reopened) = world.reopen(subject) else { return };
        world = reopened;
        assert_eq!(groups(&world), before, "reopened {time} times");
        let [a, b, c] = ["a", "b", "c"].map(|who| world.open(who, "1"));
        assert_eq!(post(&mut world, b, "r1", "g").as_ref(), Ok(&early), "a resend");
        assert_eq!(post(&mut world, c, "", "g"), Err(Reject::NotMember));
        // What came while somebody was in it is theirs to speak about, and what came later is not.
        world.mark(c, &MessageRef::Id(early.0.id), Status::Read);
        world.mark(c, &MessageRef::Id(late.0.id), Status::Read);
        world.commit();
        assert_eq!(rejected(&world.heard(c)), [Reject::NoSuchMessage]);
        let (head, _) = post(&mut world, a, "", "g").unwrap_or_else(|reject| panic!("{reject}"));
        assert_eq!(head.seq.0, late.0.seq.0 + time, "numbers go on");
        assert_eq!(heads(&world.rows("b", 0)).last(), Some(&head));
        assert_eq!(heads(&world.rows("c", 0)).len(), 1);
    }
}

pub(super) fn a_large_group_tells_authors_once<S: Storage>(subject: &Subject<'_, S>) {
    let mut world = World::new(subject.open());
    let names: Vec<String> = (0..=limits::RECEIPT_MEMBERS).map(|number| format!("m{number:02}")).collect();
    for name in &names {
        let conn = world.open(name, "1");
        assert!(joins(&mut world, conn, "g"));
    }
    let author = world.open(&names[0], "1");
    let sent: Vec<Head> = (0..3)
        .map(|_| post(&mut world, author, "", "g").unwrap_or_else(|reject| panic!("{reject}")).0)
        .collect();
    for round in 0..2 {
        for name in &names[1..] {
            let conn = world.open(name, "1");
            for head in &sent {
                world.mark(conn, &MessageRef::Id(head.id), Status::Read);
            }
            world.commit();
        }
        let told = |rows: &Rows| receipts(rows).iter().map(|receipt| receipt.messages.len()).sum::<usize>();
        assert_eq!(told(&world.rows(&names[0], 0)), sent.len(), "the first of each, in round {round}");
        match world.reopen(subject) {
            Some(reopened) => world = reopened,
            None => return,
        }
    }
}

/// What follows a join or a leave waits for it, and so comes in a batch of its own.
fn commit_all<S: Storage>(world: &mut World<S>) {
    while !world.tickets.is_empty() {
        world.commit();
    }
}

/// Whether a group lets somebody in.
fn joins<S: Storage>(world: &mut World<S>, conn: ConnId, name: &str) -> bool {
    world.heard(conn);
    world.say(conn, ClientPacket::Join(group(name)));
    commit_all(world);
    world.heard(conn).contains(&ServerPacket::Noted(Noted::Joined(group(name))))
}

fn to_group(name: &str, to: &str, text: &str) -> ClientPacket {
    let mut draft = draft(name, "x", Body::text(text));
    draft.to = Address::Group(group(to));
    ClientPacket::Send(draft)
}

/// Sends to a group.
fn post<S: Storage>(
    world: &mut World<S>,
    conn: ConnId,
    name: &str,
    to: &str,
) -> Result<(Head, bimip_proto::Offset), Reject> {
    world.heard(conn);
    world.say(conn, to_group(name, to, "hello"));
    commit_all(world);
    let heard = world.heard(conn);
    match (accepted(&heard).pop(), rejected(&heard).pop()) {
        (Some(accepted), None) => Ok(accepted),
        (None, Some(reject)) => Err(reject),
        _ => panic!("one answer, not {heard:?}"),
    }
}
