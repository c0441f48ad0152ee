//! A look at the engine's journals before the engine opens them.
//!
//! The engine takes the first thing in a journal that makes no sense for the end of it, and cuts the file there.
//! That is right for the batch that a crash interrupted, which is the last one and was never proven. It is wrong
//! for a damaged batch that was proven, and even more so when there are others behind it: they would be gone
//! without a word. So before the engine may cut, this looks whether a whole batch follows the place where it
//! would, and whether the batches before it are all that were proven.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::engine::damaged;
use super::fields::{Fields, Garbage};
use super::keys;
use crate::storage::StorageError;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
/// After the checksum of a batch.
const TRAILER: [u8; 4] = *b"FJL\x03";

/// The journals of the engine in this directory, the oldest first.
pub(super) fn files(engine: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for file in fs::read_dir(engine)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            files.push(path);
        }
    }
    // They are numbered without leading zeros.
    files.sort_by_cached_key(|path| (path.as_os_str().len(), path.clone()));
    Ok(files)
}

/// Refuses journals in which a batch makes no sense that was proven: others follow it, or the store's own count
/// of proven batches, `proven`, says so.
pub(super) fn check(engine: &Path, proven: Option<u64>) -> Result<(), StorageError> {
    let mut last = None;
    for file in files(engine)? {
        // At most a little over 64 MiB: then the engine begins another.
        let journal = fs::read(&file)?;
        let place = |at| format!("byte {at} of the engine's journal {}", file.display());
        match walk(&journal, &mut last) {
            Ok(end) if follows(&journal, end, last) => {
                return Err(damaged(place(end), "a batch makes no sense, and others follow"));
            }
            Ok(end) if journal[end..].iter().any(|byte| *byte != 0) && is_before(last, proven) => {
                return Err(damaged(place(end), "a batch makes no sense, and it was proven"));
            }
            Ok(_) => {}
            Err(at) => {
                return Err(damaged(place(at), "the number of a batch does not follow the one before it"));
            }
        }
    }
    Ok(())
}

/// Whether a batch is missing behind this one that was proven.
fn is_before(last: Option<Batch>, proven: Option<u64>) -> bool {
    let last = last.and_then(|last| last.tally);
    last.zip(proven).is_some_and(|(last, proven)| last < proven)
}

/// Where the batches of a journal end; or the one whose number, which no checksum covers, is out of order.
fn walk(journal: &[u8], last: &mut Option<Batch>) -> Result<usize, usize> {
    let mut at = 0;
    while let Some(Ok(batch)) = journal.get(at..).map(batch) {
        let next = match *last {
            Some(before) => before.seqno < batch.seqno && batch.seqno - before.seqno <= SOON,
            None => batch.seqno < NEVER,
        };
        if !next {
            return Err(at);
        }
        *last = Some(batch);
        at += batch.bytes;
    }
    Ok(at)
}

/// Whether there is a whole batch somewhere behind the place where the batches end. A torn one has none inside:
/// it would have to be what somebody wrote into a message, with the right number, just before the power went.
fn follows(journal: &[u8], end: usize, last: Option<Batch>) -> bool {
    let written = journal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let rest = journal.get(end..written).unwrap_or_default();
    let later = |seqno: u64| last.is_none_or(|last| seqno > last.seqno && seqno - last.seqno <= SOON);
    let starts = rest.iter().enumerate().filter(|(_, byte)| **byte == START).map(|(at, _)| at);
    starts.filter_map(|at| batch(&rest[at..]).ok()).any(|batch| later(batch.seqno))
}

/// How far the number of a batch can be from the one before it: the engine also counts what it does between them.
const SOON: u64 = 1 << 20;
/// No batch has such a number, and the engine ends itself a little beyond it.
const NEVER: u64 = 1 << 62;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Batch {
    seqno: u64,
    bytes: usize,
    /// Which of the store's batches it is.
    tally: Option<u64>,
}

/// The shape of a batch. Its checksum the engine checks itself, and loudly.
fn batch(journal: &[u8]) -> Result<Batch, Garbage> {
    let mut fields = Fields::new(journal);
    expect(&mut fields, [START])?;
    let items = u32::from_le_bytes(fields.array()?);
    let seqno = u64::from_le_bytes(fields.array()?);
    if items == 0 {
        return Err(Garbage);
    }
    let mut tally = None;
    for _ in 0..items {
        let (key, value) = item(&mut fields)?;
        if key == keys::TALLY {
            tally = value.first_chunk().map(|number| u64::from_be_bytes(*number));
        }
    }
    expect(&mut fields, [END])?;
    let _checksum: [u8; 8] = fields.array()?;
    expect(&mut fields, TRAILER)?;
    Ok(Batch { seqno, bytes: journal.len() - fields.left(), tally })
}

/// Key and value of a row, the value as it is stored.
fn item<'j>(fields: &mut Fields<'j>) -> Result<(&'j [u8], &'j [u8]), Garbage> {
    expect(fields, [ITEM])?;
    let [kind, compression] = fields.array()?;
    // A value or one of two ways to take one away, never compressed: the store is opened so.
    if kind > 2 || compression != 0 {
        return Err(Garbage);
    }
    let _keyspace: [u8; 8] = fields.array()?;
    let key = u16::from_le_bytes(fields.array()?);
    let value = u32::from_le_bytes(fields.array()?);
    let stored = u32::from_le_bytes(fields.array()?);
    if stored != value {
        return Err(Garbage);
    }
    Ok((fields.take(usize::from(key))?, fields.take(usize::try_from(stored).map_err(|_| Garbage)?)?))
}

fn expect<const N: usize>(fields: &mut Fields<'_>, bytes: [u8; N]) -> Result<(), Garbage> {
    if fields.array()? == bytes { Ok(()) } else { Err(Garbage) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch as the engine writes it.
    fn written(seqno: u64, value: &[u8]) -> Vec<u8> {
        let mut bytes = vec![START, 1, 0, 0, 0];
        bytes.extend(seqno.to_le_bytes());
        bytes.extend([ITEM, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        let length = u32::try_from(value.len()).unwrap().to_le_bytes();
        bytes.extend([length, length].concat());
        bytes.push(b'k');
        bytes.extend(value);
        bytes.push(END);
        bytes.extend([9; 8]);
        bytes.extend(TRAILER);
        bytes
    }

    fn verdict(journal: &[u8]) -> Result<(), &'static str> {
        let mut last = None;
        match walk(journal, &mut last) {
            Ok(end) if follows(journal, end, last) => Err("others follow"),
            Ok(_) => Ok(()),
            Err(_) => Err("out of order"),
        }
    }

    #[test]
    fn a_torn_end_is_no_damage() {
        let whole = [written(1, b"one"), written(2, b"two")].concat();
        let last = written(3, &[1; 40]);
        for cut in 0..last.len() {
            let torn = [&whole, &last[..cut], &[0; 64][..]].concat();
            assert_eq!(verdict(&torn), Ok(()), "cut at {cut}");
        }
    }

    #[test]
    fn numbers_go_up_in_small_steps() {
        for (first, second, good) in
            [(1, 2, true), (5, 5, false), (5, 4, false), (1, 1 << 40, false), (1 << 63, 1, false)]
        {
            let journal = [written(first, b"one"), written(second, b"two")].concat();
            assert_eq!(verdict(&journal).is_ok(), good, "{first}, {second}");
        }
    }

    #[test]
    fn a_damaged_batch_with_others_behind_it_is_found() {
        let batches = [written(1, b"one"), written(2, b"two"), written(3, b"three"), vec![0; 64]];
        let journal = batches.concat();
        assert_eq!(verdict(&journal), Ok(()));
        let second = batches[0].len()..batches[0].len() + batches[1].len();
        let (mut structure, mut other) = (0, 0);
        for bit in second.start * 8..second.end * 8 {
            let mut flipped = journal.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // What is left are the contents, which the checksum of the batch covers, and the checksum.
            if verdict(&flipped).is_err() { structure += 1 } else { other += 1 }
        }
        assert!(structure > other, "{structure} of {} bits", structure + other);
    }
}
