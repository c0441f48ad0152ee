//! Typed reads of one moment of the store. Whatever is not as it was written is an error that names it.

pub(super) mod account;
pub(super) mod feeds;
pub(super) mod groups;
pub(super) mod marks;
pub(super) mod reactions;
pub(super) mod users;

use std::sync::Arc;

use bimip_proto::{ClientRef, DeviceName, Entry, GroupId, Offset, Seq, UnixMs, UserId};
use bimip_session::ledger::{Known, Revised, speaks_for};
use fjall::{Readable, Slice, Snapshot};

use super::checksum::unseal;
use super::engine::{Engine, damaged};
use super::fields::Garbage;
use super::keys::{self, Key};
use super::names::{ConversationNo, DeviceNo, UserNo};
use super::record;
use crate::storage::StorageError;

pub(super) const CHECKSUM: &str = "its checksum does not fit";
pub(super) const SHAPE: &str = "its shape is unknown";
const DANGLING: &str = "it refers to a log record that is not there";
const GAP: &str = "rows before it are missing";

/// The store at one moment.
pub(super) struct Rows<'e> {
    engine: &'e Engine,
    snapshot: Snapshot,
}

impl<'e> Rows<'e> {
    pub(super) fn now(engine: &'e Engine) -> Self {
        Self { engine, snapshot: engine.db.snapshot() }
    }

    /// The moment after the last batch that was proven: nothing in it can be taken back.
    pub(super) fn proven(engine: &'e Engine) -> Self {
        Self { engine, snapshot: engine.settled() }
    }

    pub(super) const fn engine(&self) -> &'e Engine {
        self.engine
    }

    // ---- names --------------------------------------------------------------------------------------

    pub(super) fn user(&self, user: &UserId) -> Result<Option<UserNo>, StorageError> {
        let number = self.numbers(&keys::user(user), || format!("the number of user {user}"))?;
        Ok(number.map(|[number]| UserNo(number)))
    }

    pub(super) fn device(&self, user: UserNo, name: &DeviceName) -> Result<Option<DeviceNo>, StorageError> {
        let number = self.numbers(&keys::device(user, name), || format!("the number of device {name}"))?;
        Ok(number.map(|[number]| DeviceNo(number)))
    }

    pub(super) fn direct(&self, low: UserNo, high: UserNo) -> Result<Option<ConversationNo>, StorageError> {
        let place = || format!("the number of the conversation of users {} and {}", low.0, high.0);
        let number = self.numbers(&keys::direct(low, high), place)?;
        Ok(number.map(|[number]| ConversationNo(number)))
    }

    /// All conversations of two, with the users in the order of their names.
    pub(super) fn all_direct(
        &self,
    ) -> impl Iterator<Item = Result<(UserNo, UserNo, ConversationNo), StorageError>> {
        let all = keys::direct(UserNo(0), UserNo(0))..=keys::direct(UserNo(u64::MAX), UserNo(u64::MAX));
        self.snapshot.range(&self.engine.small, all).map(|row| {
            let (key, sealed): (Slice, Slice) = row.into_inner()?;
            let place = || "the number of a conversation of two".to_owned();
            let Ok(Key::Direct(low, high)) = Key::read(&key) else { return Err(damaged(place(), SHAPE)) };
            let [number] = numbers(&key, &sealed, place)?;
            Ok((low, high, ConversationNo(number)))
        })
    }

    pub(super) fn group(&self, group: &GroupId) -> Result<Option<ConversationNo>, StorageError> {
        let number = self.numbers(&keys::group(group), || format!("the number of group {group}"))?;
        Ok(number.map(|[number]| ConversationNo(number)))
    }

    // ---- the log ------------------------------------------------------------------------------------

    pub(super) fn entry(&self, sequence: u64) -> Result<Option<Arc<Entry>>, StorageError> {
        let key = keys::log(sequence);
        let Some(sealed) = self.snapshot.get(&self.engine.log, key)? else { return Ok(None) };
        let place = || format!("log record {sequence}");
        let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
        let entry = record::decode(value).map_err(|_| damaged(place(), SHAPE))?;
        Ok(Some(Arc::new(entry)))
    }

    /// The sequence of the last log record; 0 in an empty log.
    pub(super) fn last_sequence(&self) -> Result<u64, StorageError> {
        let Some(last) = self.snapshot.last_key_value(&self.engine.log) else { return Ok(0) };
        keys::sequence(&last.key()?).ok_or_else(|| damaged("the end of the log", SHAPE))
    }

    // ---- mailboxes ----------------------------------------------------------------------------------

    /// The last row of a mailbox whose log record is not beyond `upto`, of those up to `last`.
    pub(super) fn mailbox_head(&self, user: UserNo, upto: u64, last: Offset) -> Result<Offset, StorageError> {
        for row in self.mailbox(user, Offset::ZERO).rev() {
            let (offset, sequence) = mailbox_row(user, row)?;
            if sequence <= upto && offset <= last {
                return Ok(offset);
            }
        }
        Ok(Offset::ZERO)
    }

    /// The first row of a mailbox; the one after its last when it is empty.
    pub(super) fn mailbox_first(&self, user: UserNo) -> Result<Offset, StorageError> {
        match self.mailbox(user, Offset::ZERO).next() {
            Some(row) => mailbox_row(user, row).map(|(offset, _)| offset),
            None => Ok(Offset(1)),
        }
    }

    /// The rows of a mailbox after `after` whose log records are not beyond `upto`, with those records.
    pub(super) fn page(
        &self,
        user: UserNo,
        after: Offset,
        upto: u64,
        until: Offset,
    ) -> impl Iterator<Item = Result<(Offset, Arc<Entry>), StorageError>> {
        let mut last = after.0;
        let rows = self.mailbox(user, after).map(move |row| {
            let (offset, sequence) = mailbox_row(user, row)?;
            // Nothing in this format takes rows away, so a page begins right after `after`.
            if last.checked_add(1) != Some(offset.0) {
                return Err(damaged(row_place(user, offset), GAP));
            }
            last = offset.0;
            Ok((offset, sequence))
        });
        let proven = rows.take_while(move |row| {
            row.as_ref().map_or(true, |(offset, sequence)| *sequence <= upto && *offset <= until)
        });
        proven.map(move |row| {
            let (offset, sequence) = row?;
            let there =
                |entry: Option<Arc<Entry>>| entry.ok_or_else(|| damaged(row_place(user, offset), DANGLING));
            let entry = there(self.entry(sequence)?)?;
            let Some(message) = speaks_for(&entry, sequence) else { return Ok((offset, entry)) };
            // What was taken back leaves no more, once that is proven.
            let revised = self.revised(message)?;
            let gone = revised.deleted && revised.sequence <= upto;
            Ok((offset, if gone { there(self.entry(revised.sequence)?)? } else { entry }))
        })
    }

    fn mailbox(&self, user: UserNo, after: Offset) -> fjall::Iter {
        let first = keys::row(user, Offset(after.0.saturating_add(1)));
        self.snapshot.range(&self.engine.small, first..=keys::row(user, Offset(u64::MAX)))
    }

    // ---- conversations ------------------------------------------------------------------------------

    /// The last message of a conversation: its seq and stamp.
    pub(super) fn history_head(
        &self,
        conversation: ConversationNo,
    ) -> Result<Option<(Seq, UnixMs)>, StorageError> {
        let all = keys::history(conversation, Seq(0))..=keys::history(conversation, Seq(u64::MAX));
        let Some(last) = self.snapshot.range(&self.engine.small, all).next_back() else { return Ok(None) };
        let (key, sealed) = last.into_inner()?;
        let place = || format!("the end of conversation {}", conversation.0);
        let seq = keys::last_number(&key).ok_or_else(|| damaged(place(), SHAPE))?;
        let [stamp, _sequence] = numbers(&key, &sealed, place)?;
        Ok(Some((Seq(seq), UnixMs(stamp))))
    }

    /// A message of a conversation: its stamp and log record.
    pub(super) fn history(
        &self,
        conversation: ConversationNo,
        seq: Seq,
    ) -> Result<(UnixMs, u64), StorageError> {
        let place = || format!("message {} of conversation {}", seq.0, conversation.0);
        let row = self.numbers(&keys::history(conversation, seq), place)?;
        let [stamp, sequence] = row.ok_or_else(|| damaged(place(), "it is not there"))?;
        Ok((UnixMs(stamp), sequence))
    }

    /// The last stamp that a conversation gave to something that is no message of it.
    pub(super) fn stamp(&self, conversation: ConversationNo) -> Result<UnixMs, StorageError> {
        let place = || format!("the stamp of conversation {}", conversation.0);
        let row = self.numbers(&keys::stamp(conversation), place)?;
        Ok(row.map_or(UnixMs(0), |[stamp]| UnixMs(stamp)))
    }

    // ---- the rest -----------------------------------------------------------------------------------

    pub(super) fn known(
        &self,
        device: DeviceNo,
        client_ref: &ClientRef,
    ) -> Result<Option<Known>, StorageError> {
        let place = || format!("draft {client_ref} of device {}", device.0);
        let row = self.numbers(&keys::known(device, client_ref), place)?;
        Ok(row.map(known))
    }

    /// What became of the message of a log record.
    pub(super) fn revised(&self, sequence: u64) -> Result<Revised, StorageError> {
        let place = || format!("what became of log record {sequence}");
        match self.numbers(&keys::revised(sequence), place)? {
            None => Ok(Revised::default()),
            Some(numbers) => revised(numbers).ok_or_else(|| damaged(place(), SHAPE)),
        }
    }

    /// Up to where a user has read a conversation.
    pub(super) fn read_upto(&self, conversation: ConversationNo, user: UserNo) -> Result<Seq, StorageError> {
        let key = Key::ReadUpto(conversation, user);
        let row = self.numbers(&keys::read_upto(conversation, user), || key.to_string())?;
        Ok(row.map_or(Seq(0), |[seq]| Seq(seq)))
    }

    pub(super) fn cursor(&self, device: DeviceNo) -> Result<Offset, StorageError> {
        let row = self.numbers(&keys::cursor(device), || format!("the cursor of device {}", device.0))?;
        Ok(row.map_or(Offset::ZERO, |[offset]| Offset(offset)))
    }

    /// Devices of a user that have a cursor, with it: the first `most` by their names.
    pub(super) fn cursors(
        &self,
        user: UserNo,
        most: usize,
    ) -> Result<Vec<(DeviceName, Offset)>, StorageError> {
        let mut cursors = Vec::new();
        for row in self.snapshot.prefix(&self.engine.small, keys::devices(user)) {
            let (key, sealed): (Slice, Slice) = row.into_inner()?;
            let place = || format!("a device of user {}", user.0);
            let Ok(Key::Device(_, name)) = Key::read(&key) else { return Err(damaged(place(), SHAPE)) };
            let [number] = numbers(&key, &sealed, place)?;
            let device = DeviceNo(number);
            let key = Key::Cursor(device);
            let cursor: Option<[u64; 1]> = self.numbers(&keys::cursor(device), || key.to_string())?;
            // A device that only ever wrote has a name, and no cursor.
            if let Some([offset]) = cursor {
                cursors.push((name, Offset(offset)));
                if cursors.len() >= most {
                    break;
                }
            }
        }
        Ok(cursors)
    }

    /// The log record of a row of a mailbox.
    pub(super) fn row(&self, user: UserNo, offset: Offset) -> Result<Option<u64>, StorageError> {
        let row: Option<[u64; 1]> = self.numbers(&keys::row(user, offset), || row_place(user, offset))?;
        Ok(row.map(|[sequence]| sequence))
    }

    /// The log record of the first message of a conversation.
    pub(super) fn first_message(&self, conversation: ConversationNo) -> Result<Option<u64>, StorageError> {
        let place = || format!("the beginning of conversation {}", conversation.0);
        let row: Option<[u64; 2]> = self.numbers(&keys::history(conversation, Seq(1)), place)?;
        Ok(row.map(|[_stamp, sequence]| sequence))
    }

    // ---- everything ---------------------------------------------------------------------------------

    pub(super) fn all_log(&self) -> fjall::Iter {
        self.snapshot.iter(&self.engine.log)
    }

    pub(super) fn all_small(&self) -> fjall::Iter {
        self.snapshot.iter(&self.engine.small)
    }

    pub(super) fn has_entry(&self, sequence: u64) -> Result<bool, StorageError> {
        Ok(self.snapshot.contains_key(&self.engine.log, keys::log(sequence))?)
    }

    pub(super) fn has_small(&self, key: &[u8]) -> Result<bool, StorageError> {
        Ok(self.snapshot.contains_key(&self.engine.small, key)?)
    }

    /// A row of numbers.
    pub(super) fn numbers<const N: usize>(
        &self,
        key: &[u8],
        place: impl Fn() -> String,
    ) -> Result<Option<[u64; N]>, StorageError> {
        let Some(sealed) = self.snapshot.get(&self.engine.small, key)? else { return Ok(None) };
        numbers(key, &sealed, place).map(Some)
    }
}

fn row_place(user: UserNo, offset: Offset) -> String {
    format!("row {offset} of the mailbox of user {}", user.0)
}

fn mailbox_row(user: UserNo, row: fjall::Guard) -> Result<(Offset, u64), StorageError> {
    let (key, sealed): (Slice, Slice) = row.into_inner()?;
    let offset = keys::last_number(&key);
    let offset = offset.ok_or_else(|| damaged(format!("the mailbox of user {}", user.0), SHAPE))?;
    let [sequence] = numbers(&key, &sealed, || row_place(user, Offset(offset)))?;
    Ok((Offset(offset), sequence))
}

/// What a row says that became of a key: no log record has the number 0.
pub(super) const fn known(numbers: [u64; 3]) -> Known {
    match numbers {
        [0, _, session] => Known::Refused { session },
        [sequence, offset, digest] => Known::Stored { sequence, offset: Offset(offset), digest },
    }
}

/// As [`known`] reads it.
pub(super) const fn known_numbers(known: Known) -> [u64; 3] {
    match known {
        Known::Refused { session } => [0, 0, session],
        Known::Stored { sequence, offset, digest } => [sequence, offset.0, digest],
    }
}

/// What a row says that became of a message; `None` if no store wrote it.
pub(super) fn revised([edition, sequence, deleted]: [u64; 3]) -> Option<Revised> {
    let edition = u32::try_from(edition).ok().filter(|edition| *edition > 0)?;
    (deleted <= 1).then_some(Revised { edition, sequence, deleted: deleted == 1 })
}

/// The name that a value ends with.
fn name<T, E>(bytes: &[u8], new: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Garbage> {
    let text = str::from_utf8(bytes).map_err(|_| Garbage)?;
    new(text).map_err(|_| Garbage)
}

fn numbers<const N: usize>(
    key: &[u8],
    sealed: &[u8],
    place: impl Fn() -> String,
) -> Result<[u64; N], StorageError> {
    let value = unseal(key, sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
    let (words, rest) = value.as_chunks::<8>();
    match <&[[u8; 8]; N]>::try_from(words) {
        Ok(words) if rest.is_empty() => Ok(words.map(u64::from_be_bytes)),
        _ => Err(damaged(place(), SHAPE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_key_reads_as_it_was_written() {
        for known in
            [Known::Stored { sequence: 1, offset: Offset(2), digest: 3 }, Known::Refused { session: 4 }]
        {
            assert_eq!(super::known(known_numbers(known)), known);
        }
    }
}
