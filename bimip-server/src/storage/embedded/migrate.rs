//! Bringing a store of an older format up to date, where it lies.

mod readings;

use std::path::Path;

use bimip_proto::{ConversationId, Entry, UserId};

use super::directory::{FORMAT, note_format, note_writer};
use super::engine::{Engine, damaged};
use super::keys;
use super::names::ConversationNo;
use super::opening::introduce;
use super::rows::Rows;
use super::writer::{Tally, durable_batch, insert_sealed};
use crate::storage::StorageError;

/// Contacts that are written in one batch. Bounds the memory that it takes.
const BATCH_ROWS: usize = 8_192;
/// Conversations between two words about how far it is.
const PROGRESS_CONVERSATIONS: u64 = 100_000;

/// Brings the store into the format of this program: in durable batches first what its format asks for, then what the
/// store says of itself, and after that the file that names the format. Whatever ends the process, the next start does
/// what is not done, and a row that is written again is the same.
///
/// From 1 to 2 no row changes: groups are new, and nobody is in one yet. From 2 to 3 contacts are new: those with whom
/// there is a conversation. Standings and push tokens are new too, and nobody has one yet.
/// From 3 to 4 no row changes: revisions are new, and no message has one yet. From 4 to 5 it is new how far users have
/// read, which follows from what they wrote, what they marked, and when they came into groups.
/// Also from 4 to 5 nobody managed a group yet, and what a group without roles is written as is the same.
/// From 5 to 6 no row changes: what is new is kept in rows of its own, and nobody has one yet.
pub(super) fn migrate(
    engine: &Engine,
    store: &Path,
    found: u32,
    epoch: u32,
    tally: Tally,
) -> Result<Tally, StorageError> {
    let mut tally = tally;
    note_writer(store)?;
    if found < 3 {
        tally = add_contacts(engine, tally, BATCH_ROWS)?;
    }
    if found < 5 {
        tally = readings::add(engine, tally, BATCH_ROWS)?;
    }
    if found != FORMAT {
        tally.batch += 1;
        introduce(&engine.db, &engine.small, epoch, tally)?;
    }
    note_format(store)?;
    tracing::info!(from = found, to = FORMAT, "the store was brought into the format of this version");
    Ok(tally)
}

/// Writes who has a conversation with whom, from the conversations of two that have a message in them.
fn add_contacts(engine: &Engine, mut tally: Tally, batch_rows: usize) -> Result<Tally, StorageError> {
    let rows = Rows::now(engine);
    let mut batch = Vec::new();
    for (number, conversation) in (1..).zip(rows.all_direct()) {
        let (low_no, high_no, conversation) = conversation?;
        if low_no != high_no
            && let Some((low, high)) = names(&rows, conversation)?
        {
            batch.push((keys::contact(low_no, high_no), high));
            batch.push((keys::contact(high_no, low_no), low));
        }
        if batch.len() >= batch_rows {
            tally = write(engine, &mut batch, tally)?;
        }
        if number % PROGRESS_CONVERSATIONS == 0 {
            tracing::info!(
                conversations = number,
                "the store is being brought into the format of this version"
            );
        }
    }
    if batch.is_empty() { Ok(tally) } else { write(engine, &mut batch, tally) }
}

/// Between whom a conversation of two is, in the order of their names: its first message says it. `None` where it has
/// none.
fn names(rows: &Rows<'_>, conversation: ConversationNo) -> Result<Option<(UserId, UserId)>, StorageError> {
    let Some(sequence) = rows.first_message(conversation)? else { return Ok(None) };
    match rows.entry(sequence)?.as_deref() {
        Some(Entry::Message(message)) => match message.head.conversation() {
            ConversationId::Direct { 0: low, 1: high, .. } => Ok(Some((low, high))),
            _ => Err(wrong(conversation)),
        },
        _ => Err(wrong(conversation)),
    }
}

fn wrong(conversation: ConversationNo) -> StorageError {
    damaged(
        format!("message 1 of conversation {}", conversation.0),
        "it is not the message that is stored for it",
    )
}

/// One durable batch of contacts.
fn write(
    engine: &Engine,
    contacts: &mut Vec<([u8; 17], UserId)>,
    mut tally: Tally,
) -> Result<Tally, StorageError> {
    let mut batch = durable_batch(&engine.db, contacts.len() + 1);
    for (key, other) in contacts.drain(..) {
        insert_sealed(&mut batch, &engine.small, &key, other.as_str().as_bytes().to_vec());
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
        Address, Body, BodyKind, Device, DeviceName, GroupId, Head, Message, MessageId, Seq, UnixMs,
    };
    use bimip_session::ledger::Write;
    use fjall::PersistMode;

    use crate::storage::embedded::EmbeddedStorage;
    use crate::storage::embedded::writer::Writer;
    use crate::storage::{Reader, Storage};

    fn user(number: u64) -> UserId {
        UserId::new(&format!("u{number}")).unwrap()
    }

    /// The first message of a conversation as a store of format 2 has it: without contacts.
    fn message(sequence: u64, from: u64, to: Address) -> [Write; 2] {
        let head = Head {
            id: MessageId::new(1, sequence),
            from: Device::new(user(from), DeviceName::new("d").unwrap()),
            to: to.clone(),
            client_ref: None,
            client_time: None,
            at: UnixMs(1),
            stamp: UnixMs(1),
            seq: Seq(1),
            kind: BodyKind::Text,
        };
        let conversation = ConversationId::of(&user(from), &to);
        let entry = Arc::new(Entry::Message(Message { head, body: Body::text("x") }));
        [
            Write::Log { sequence, entry },
            Write::History { conversation, seq: Seq(1), stamp: UnixMs(1), sequence },
        ]
    }

    fn write(storage: &mut EmbeddedStorage, writes: &[Write]) {
        let rows = Rows::now(&storage.engine);
        let mut writer = Writer::new(rows, &mut storage.memo, storage.tally, writes.len());
        writes.iter().for_each(|write| writer.add(write).unwrap());
        let tally = writer.commit(PersistMode::SyncData).unwrap();
        storage.prove(tally);
    }

    // MISSION N3
    #[test]
    fn contacts_are_written_in_batches_and_again_where_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = EmbeddedStorage::open(directory.path()).unwrap();
        let mut writes = Vec::new();
        for other in 1..=10 {
            // Some were written to, and some wrote.
            let (from, to) = if other % 2 == 0 { (0, other) } else { (other, 0) };
            writes.extend(message(other, from, Address::User(user(to))));
        }
        writes.extend(message(11, 0, Address::User(user(0))));
        writes.extend(message(12, 0, Address::Group(GroupId::new("g").unwrap())));
        let conversation = ConversationId::of(&user(0), &Address::User(user(99)));
        writes.push(Write::Stamp { conversation, stamp: UnixMs(1) });
        write(&mut storage, &writes);
        let reader = storage.reader();
        assert_eq!(reader.contacts(&user(0)).unwrap(), []);

        for _ in 0..2 {
            let before = storage.tally;
            let tally = add_contacts(&storage.engine, before, 6).unwrap();
            assert_eq!(
                (tally.batch, tally.sequence, tally.name),
                (before.batch + 4, before.sequence, before.name)
            );
            storage.prove(tally);
            let mut others: Vec<UserId> = (1..=10).map(user).collect();
            others.sort_unstable();
            assert_eq!(reader.contacts(&user(0)).unwrap(), others);
            for other in others {
                assert_eq!(reader.contacts(&other).unwrap(), [user(0)]);
            }
            assert_eq!(reader.contacts(&user(99)).unwrap(), []);
        }
        drop((reader, storage));
        assert!(EmbeddedStorage::open(directory.path()).is_ok(), "it ends where its tally says");
    }

    // MISSION N3
    #[test]
    fn a_conversation_whose_first_message_is_of_another_is_damage() {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = EmbeddedStorage::open(directory.path()).unwrap();
        let [log, _] = message(1, 0, Address::Group(GroupId::new("g").unwrap()));
        let conversation = ConversationId::of(&user(0), &Address::User(user(1)));
        let history = Write::History { conversation, seq: Seq(1), stamp: UnixMs(1), sequence: 1 };
        write(&mut storage, &[log, history]);
        let error = add_contacts(&storage.engine, storage.tally, 6).unwrap_err();
        assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
        assert_eq!(storage.reader().contacts(&user(0)).unwrap(), []);
    }
}
