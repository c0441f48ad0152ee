//! From format 4 to 5: up to where each user has read each conversation.

use std::collections::BTreeMap;

use bimip_proto::{ConversationId, Entry, Head, Status};
use fjall::Slice;

use crate::storage::StorageError;
use crate::storage::embedded::engine::Engine;
use crate::storage::embedded::keys::{self, Key};
use crate::storage::embedded::names::ConversationNo;
use crate::storage::embedded::rows::Rows;
use crate::storage::embedded::writer::{Tally, durable_batch, insert_sealed};

/// Places by the keys of their rows.
type Readings = BTreeMap<[u8; 17], u64>;

/// Writes the highest place that each user has written at, marked as read, or come into a group at.
pub(super) fn add(engine: &Engine, mut tally: Tally, batch_rows: usize) -> Result<Tally, StorageError> {
    let (rows, mut readings) = (Rows::now(engine), Readings::new());
    for row in rows.all_small() {
        let (key, _): (Slice, Slice) = row.into_inner()?;
        let Some((key, place)) = reading(&rows, &key)? else { continue };
        let furthest = readings.entry(key).or_default();
        *furthest = place.max(*furthest);
        if readings.len() >= batch_rows {
            tally = write(engine, &mut readings, tally)?;
        }
    }
    if readings.is_empty() { Ok(tally) } else { write(engine, &mut readings, tally) }
}

/// What a row says about how far somebody has read.
fn reading(rows: &Rows<'_>, key: &[u8]) -> Result<Option<([u8; 17], u64)>, StorageError> {
    Ok(match Key::read(key) {
        Ok(Key::History(conversation, seq)) => {
            let (_, sequence) = rows.history(conversation, seq)?;
            let author = match head(rows, sequence)? {
                Some(head) => rows.user(&head.from.user)?,
                None => None,
            };
            author.map(|author| (keys::read_upto(conversation, author), seq.0))
        }
        Ok(Key::Marks(sequence, user)) if rows.marked(sequence, user)?.marks.has(Status::Read) => {
            let Some(head) = head(rows, sequence)? else { return Ok(None) };
            let conversation = conversation(rows, &head)?;
            conversation.map(|conversation| (keys::read_upto(conversation, user), head.seq.0))
        }
        Ok(Key::Member(group, user)) => {
            let membership = rows.membership(group, user)?.unwrap_or_default();
            let joined = membership.stays().last().map_or(0, |stay| stay.joined.0);
            Some((keys::read_upto(group, user), joined.max(membership.read().0)))
        }
        _ => None,
    })
}

fn head(rows: &Rows<'_>, sequence: u64) -> Result<Option<Head>, StorageError> {
    Ok(match rows.entry(sequence)?.as_deref() {
        Some(Entry::Message(message)) => Some(message.head.clone()),
        _ => None,
    })
}

fn conversation(rows: &Rows<'_>, head: &Head) -> Result<Option<ConversationNo>, StorageError> {
    match head.conversation() {
        ConversationId::Direct { 0: low, 1: high, .. } => match rows.user(&low)?.zip(rows.user(&high)?) {
            Some((low, high)) => rows.direct(low, high),
            None => Ok(None),
        },
        ConversationId::Group(group) => rows.group(&group),
        _ => Ok(None),
    }
}

/// One durable batch. A batch before it may have had a place of the same user.
fn write(engine: &Engine, readings: &mut Readings, mut tally: Tally) -> Result<Tally, StorageError> {
    let before = Rows::now(engine);
    let mut batch = durable_batch(&engine.db, readings.len() + 1);
    for (key, place) in std::mem::take(readings) {
        let known = before.numbers(&key, || "how far a conversation is read".to_owned())?;
        if place > known.map_or(0, |[known]| known) {
            insert_sealed(&mut batch, &engine.small, &key, place.to_be_bytes().to_vec());
        }
    }
    tally.batch += 1;
    insert_sealed(&mut batch, &engine.small, &keys::TALLY, tally.to_bytes());
    batch.commit()?;
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::Arc;

    use bimip_proto::{
        Address, Body, BodyKind, Device, DeviceName, GroupId, Marks, Message, MessageId, Seq, UnixMs, UserId,
    };
    use bimip_session::ledger::{GroupHead, Marked, Membership, Stay, Write};
    use fjall::PersistMode;

    use crate::storage::embedded::EmbeddedStorage;
    use crate::storage::embedded::writer::Writer;

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    /// A message as a store of format 4 has it: nobody has read anything.
    fn message(sequence: u64, from: &str, to: &Address, seq: u64) -> [Write; 2] {
        let head = Head {
            id: MessageId::new(1, sequence),
            from: Device::new(user(from), DeviceName::new("d").unwrap()),
            to: to.clone(),
            client_ref: None,
            client_time: None,
            at: UnixMs(seq),
            stamp: UnixMs(seq),
            seq: Seq(seq),
            kind: BodyKind::Text,
        };
        let conversation = head.conversation();
        let entry = Arc::new(Entry::Message(Message { head, body: Body::text("x") }));
        [
            Write::Log { sequence, entry },
            Write::History { conversation, seq: Seq(seq), stamp: UnixMs(seq), sequence },
        ]
    }

    // MISSION N3
    #[test]
    fn how_far_users_have_read_follows_from_what_they_did() {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = EmbeddedStorage::open(directory.path()).unwrap();
        let group = GroupId::new("g").unwrap();
        let (ann, bob, team) =
            (Address::User(user("ann")), Address::User(user("bob")), Address::Group(group.clone()));
        let mut writes = Vec::new();
        for (sequence, from, to, seq) in [
            (1, "ann", &bob, 1),
            (2, "bob", &ann, 2),
            (3, "ann", &bob, 3),
            (4, "ann", &bob, 4),
            (5, "ann", &team, 1),
            (6, "ann", &team, 2),
        ] {
            writes.extend(message(sequence, from, to, seq));
        }
        let marks = |sequence, status| {
            let marked = Marked { marks: Marks::NONE.with(status), ..Marked::default() };
            Write::Marks { sequence, user: user("bob"), marked }
        };
        writes.extend([marks(3, Status::Read), marks(4, Status::Delivered)]);
        let stays = vec![Stay { joined: Seq(1), left: None }];
        let membership = Membership::restore(stays, Seq(0), Seq(0)).unwrap();
        writes.push(Write::Group {
            group: group.clone(),
            head: GroupHead { members: 1, ..GroupHead::default() },
        });
        writes.push(Write::Member { group: group.clone(), user: user("cid"), membership });
        let rows = Rows::now(&storage.engine);
        let mut writer = Writer::new(rows, &mut storage.memo, storage.tally, writes.len());
        writes.iter().for_each(|write| writer.add(write).unwrap());
        let tally = writer.commit(PersistMode::SyncData).unwrap();
        storage.prove(tally);

        // In small batches, and again: an earlier one has a place of the same user already.
        for batch_rows in [1, 2, 100] {
            let tally = add(&storage.engine, storage.tally, batch_rows).unwrap();
            storage.prove(tally);
            let rows = Rows::now(&storage.engine);
            let no = |name| rows.user(&user(name)).unwrap().unwrap();
            let direct = rows.direct(no("ann"), no("bob")).unwrap().unwrap();
            let team = rows.group(&group).unwrap().unwrap();
            let read = |conversation, name| rows.read_upto(conversation, no(name)).unwrap().0;
            assert_eq!((read(direct, "ann"), read(direct, "bob"), read(direct, "cid")), (4, 3, 0));
            assert_eq!((read(team, "ann"), read(team, "bob"), read(team, "cid")), (2, 0, 1));
        }
        drop(storage);
        assert!(EmbeddedStorage::open(directory.path()).is_ok(), "it ends where its tally says");
    }
}
