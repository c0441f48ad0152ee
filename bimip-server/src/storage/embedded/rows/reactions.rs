//! Reactions: how many there are beside a message, and what each user reacted with.
//!
//! ```text
//! tally   = edition, count of emojis, (emoji, users, count of names, name*)*
//! reacted = count of emojis, emoji*
//! ```
//!
//! The edition and the users are u32. A user who reacts with nothing any more has no row; the tally stays, since its edition
//! only rises.

use std::sync::Arc;

use bimip_proto::{Emoji, UserId, limits};
use bimip_session::ledger::{Count, Tally};
use fjall::Readable;

use super::{CHECKSUM, Rows, SHAPE};
use crate::storage::StorageError;
use crate::storage::embedded::checksum::unseal;
use crate::storage::embedded::engine::damaged;
use crate::storage::embedded::fields::{Fields, Garbage, put_bytes, put_length, put_u32};
use crate::storage::embedded::keys::{self, Key};
use crate::storage::embedded::names::UserNo;

impl Rows<'_> {
    /// The reactions to the message of a log record, counted.
    pub(in super::super) fn tally(&self, sequence: u64) -> Result<Arc<Tally>, StorageError> {
        let key = keys::tally(sequence);
        let Some(sealed) = self.snapshot.get(&self.engine.small, key)? else { return Ok(Arc::default()) };
        let place = || Key::Reactions(sequence).to_string();
        let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
        tally(value).map(Arc::new).map_err(|_| damaged(place(), SHAPE))
    }

    /// What a user has reacted with to the message of a log record.
    pub(in super::super) fn reacted(&self, sequence: u64, user: UserNo) -> Result<Vec<Emoji>, StorageError> {
        let key = keys::reacted(sequence, user);
        let Some(sealed) = self.snapshot.get(&self.engine.small, key)? else { return Ok(Vec::new()) };
        let place = || Key::Reacted(sequence, user).to_string();
        let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
        reacted(value).map_err(|_| damaged(place(), SHAPE))
    }
}

/// Appends a tally.
pub(in super::super) fn put_tally(value: &mut Vec<u8>, tally: &Tally) {
    put_u32(value, tally.edition);
    put_length(value, tally.counts.len());
    for Count { emoji, users, named } in &tally.counts {
        put_bytes(value, emoji.as_str().as_bytes());
        put_u32(value, *users);
        put_length(value, named.len());
        named.iter().for_each(|user| put_bytes(value, user.as_str().as_bytes()));
    }
}

/// Reads what [`put_tally`] wrote.
pub(in super::super) fn tally(value: &[u8]) -> Result<Tally, Garbage> {
    let mut fields = Fields::new(value);
    let edition = fields.u32()?;
    let count = bounded(fields.length()?, limits::REACTION_KINDS)?;
    let counts = (0..count).map(|_| {
        let (emoji, users) = (emoji(&mut fields)?, fields.u32()?);
        let names = bounded(fields.length()?, limits::REACTION_USERS)?;
        let named = (0..names).map(|_| UserId::new(fields.text()?).map_err(|_| Garbage));
        let named = named.collect::<Result<Vec<_>, _>>()?;
        if users as usize >= named.len().max(1) { Ok(Count { emoji, users, named }) } else { Err(Garbage) }
    });
    let tally = Tally { edition, counts: counts.collect::<Result<_, _>>()? };
    fields.end()?;
    Ok(tally)
}

/// Appends what a user reacted with.
pub(in super::super) fn put_reacted(value: &mut Vec<u8>, emojis: &[Emoji]) {
    put_length(value, emojis.len());
    emojis.iter().for_each(|emoji| put_bytes(value, emoji.as_str().as_bytes()));
}

/// Reads what [`put_reacted`] wrote.
pub(in super::super) fn reacted(value: &[u8]) -> Result<Vec<Emoji>, Garbage> {
    let mut fields = Fields::new(value);
    let count = bounded(fields.length()?, limits::REACTIONS_PER_USER)?;
    let emojis = (0..count).map(|_| emoji(&mut fields)).collect::<Result<Vec<_>, _>>()?;
    fields.end()?;
    if emojis.is_empty() { Err(Garbage) } else { Ok(emojis) }
}

fn emoji(fields: &mut Fields<'_>) -> Result<Emoji, Garbage> {
    Emoji::new(fields.text()?).map_err(|_| Garbage)
}

const fn bounded(count: usize, max: usize) -> Result<usize, Garbage> {
    if count <= max { Ok(count) } else { Err(Garbage) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emojis(all: &[&str]) -> Vec<Emoji> {
        all.iter().map(|text| Emoji::new(text).unwrap()).collect()
    }

    fn counted() -> Tally {
        let users = |all: &[&str]| all.iter().map(|name| UserId::new(name).unwrap()).collect();
        let [thumb, party] = emojis(&["👍", ":p:"]).try_into().unwrap();
        let counts = vec![
            Count { emoji: thumb, users: 300, named: users(&["ann", "b"]) },
            Count { emoji: party, users: 1, named: Vec::new() },
        ];
        Tally { edition: 7, counts }
    }

    #[test]
    fn reactions_are_stored_and_so_never_change() {
        let mut value = Vec::new();
        put_tally(&mut value, &counted());
        let stored =
            [&b"\0\0\0\x07\x02\x04"[..], "👍".as_bytes(), b"\0\0\x01\x2c\x02\x03ann\x01b\x03:p:\0\0\0\x01\0"];
        assert_eq!(value, stored.concat());
        let mut value = Vec::new();
        put_reacted(&mut value, &emojis(&["👍", "+1"]));
        assert_eq!(value, [b"\x02\x04", "👍".as_bytes(), b"\x02+1"].concat());
    }

    #[test]
    fn what_was_stored_is_read_back_and_nothing_else() {
        for expected in [Tally::default(), counted()] {
            let mut value = Vec::new();
            put_tally(&mut value, &expected);
            assert_eq!(tally(&value), Ok(expected));
            for cut in 0..value.len() {
                assert_eq!(tally(&value[..cut]), Err(Garbage), "cut at {cut}");
            }
            value.push(0);
            assert_eq!(tally(&value), Err(Garbage), "something is left over");
        }
        assert_eq!(tally(b"\0\0\0\x01\x01\x01x\0\0\0\0\0"), Err(Garbage), "nobody uses it");
        let mut value = Vec::new();
        put_reacted(&mut value, &emojis(&["a", "b"]));
        assert_eq!(reacted(&value), Ok(emojis(&["a", "b"])));
        assert_eq!(reacted(&value[..3]), Err(Garbage));
        assert_eq!(reacted(b"\0"), Err(Garbage), "without any there is no row");
        let mut many = Vec::new();
        put_reacted(&mut many, &vec![Emoji::new("a").unwrap(); limits::REACTIONS_PER_USER + 1]);
        assert_eq!(reacted(&many), Err(Garbage));
    }
}
