//! A look at the engine's lists of tables, and at the ends of its tables, before the engine reads them.
//!
//! Each keyspace has a file `current` that names the file of its newest list and that one's checksum (xxh3, 128
//! bits). The engine writes the checksum and does not compare it when it opens: a list with a flipped bit may lack
//! tables, which the engine would then remove as nobody's, or ask for more memory than there is. Lists and tables
//! are archives with a table of contents at their end; the engine compares its checksum too, but only after it has
//! asked for as much memory as the contents claim to need. What is in a table's blocks it compares as it reads them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use super::engine::damaged;
use super::fields::{Fields, Garbage};
use crate::storage::StorageError;

/// The number of the one kind of checksum there is.
const XXH3: u8 = 0;

/// At the end of an archive: `SFA!`, version, kind of checksum, checksum of the contents, their place and length.
const TRAILER_BYTES: usize = 4 + 1 + 1 + 16 + 8 + 8;
/// Where a table of contents begins.
const CONTENTS: [u8; 4] = *b"TOC!";
/// A dozen sections have a few hundred bytes of contents.
const CONTENTS_BYTES: u64 = 64 * 1024;

const CHECKSUM: &str = "its checksum does not fit";
const SHAPE: &str = "its shape is unknown";
const GONE: &str = "it is not there";

/// Refuses a keyspace whose list of tables is not as it was written, or whose tables have no good end.
pub(super) fn check(keyspace: &Path) -> Result<(), StorageError> {
    let current = keyspace.join("current");
    let (version, checksum) = named(&fs::read(&current)?).map_err(|_| damaged(place(&current), SHAPE))?;
    let path = keyspace.join(format!("v{version}"));
    let list = fs::read(&path).map_err(|error| missing(&path, error))?;
    if xxh3_128(&list) != checksum {
        return Err(damaged(place(&path), CHECKSUM));
    }
    // Other tables are what a crash left half written: nothing in them was ever needed.
    for table in tables(&list).map_err(|_| damaged(place(&path), SHAPE))? {
        let path = keyspace.join("tables").join(table.to_string());
        let mut file = File::open(&path).map_err(|error| missing(&path, error))?;
        let (contents, checksum) = contents(&mut file)?.ok_or_else(|| damaged(place(&path), SHAPE))?;
        if xxh3_128(&contents) != checksum {
            return Err(damaged(place(&path), CHECKSUM));
        }
    }
    Ok(())
}

fn place(path: &Path) -> String {
    format!("the engine's file {}", path.display())
}

fn missing(path: &Path, error: io::Error) -> StorageError {
    if error.kind() == ErrorKind::NotFound { damaged(place(path), GONE) } else { error.into() }
}

/// The number of the newest list, and its checksum.
fn named(current: &[u8]) -> Result<(u64, u128), Garbage> {
    let mut fields = Fields::new(current);
    let version = u64::from_le_bytes(fields.array()?);
    let checksum = u128::from_le_bytes(fields.array()?);
    let kind = fields.u8()?;
    fields.end()?;
    if kind == XXH3 { Ok((version, checksum)) } else { Err(Garbage) }
}

/// The table of contents of an archive with the checksum it should have; `None` where there is none.
fn contents(mut file: impl Read + Seek) -> io::Result<Option<(Vec<u8>, u128)>> {
    let mut trailer = [0; TRAILER_BYTES];
    let length = file.seek(SeekFrom::End(0))?;
    let Some(end) = length.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
    file.seek(SeekFrom::Start(end))?;
    file.read_exact(&mut trailer)?;
    let Ok((checksum, begin)) = ended(&trailer) else { return Ok(None) };
    let Some(bytes) = end.checked_sub(begin).filter(|bytes| *bytes <= CONTENTS_BYTES) else {
        return Ok(None);
    };
    let mut contents = Vec::new();
    file.seek(SeekFrom::Start(begin))?;
    file.take(bytes).read_to_end(&mut contents)?;
    Ok(Some((contents, checksum)))
}

/// The checksum of the contents, and where they begin.
fn ended(trailer: &[u8]) -> Result<(u128, u64), Garbage> {
    let mut fields = Fields::new(trailer);
    if fields.array()? != *b"SFA!" || fields.array()? != [1, XXH3] {
        return Err(Garbage);
    }
    let checksum = u128::from_le_bytes(fields.array()?);
    Ok((checksum, u64::from_le_bytes(fields.array()?)))
}

/// The numbers of the tables in a list whose checksum was right.
fn tables(list: &[u8]) -> Result<Vec<u64>, Garbage> {
    let contents = contents(io::Cursor::new(list)).ok().flatten().ok_or(Garbage)?.0;
    let mut fields = Fields::new(section(&contents, list, b"tables")?);
    let mut tables = Vec::new();
    for _level in 0..fields.u8()? {
        for _run in 0..fields.u8()? {
            for _table in 0..u32::from_le_bytes(fields.array()?) {
                tables.push(u64::from_le_bytes(fields.array()?));
                let (_kind, _checksum, _seqno) = (fields.u8()?, fields.take(16)?, fields.take(8)?);
            }
        }
    }
    fields.end()?;
    Ok(tables)
}

/// A section of an archive by its name.
fn section<'l>(contents: &[u8], list: &'l [u8], wanted: &[u8]) -> Result<&'l [u8], Garbage> {
    let mut fields = Fields::new(contents);
    if fields.array()? != CONTENTS {
        return Err(Garbage);
    }
    for _entry in 0..u32::from_le_bytes(fields.array()?) {
        let begin = usize::try_from(u64::from_le_bytes(fields.array()?)).map_err(|_| Garbage)?;
        let length = usize::try_from(u64::from_le_bytes(fields.array()?)).map_err(|_| Garbage)?;
        let name = u16::from_le_bytes(fields.array()?);
        if fields.take(usize::from(name))? == wanted {
            return list.get(begin..).and_then(|rest| rest.get(..length)).ok_or(Garbage);
        }
    }
    Err(Garbage)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::storage::Storage;
    use crate::storage::embedded::EmbeddedStorage;

    /// The keyspaces of a store of which there are tables.
    fn keyspaces(directory: &Path) -> [std::path::PathBuf; 3] {
        EmbeddedStorage::open(directory).unwrap().close().unwrap();
        ["0", "1", "2"].map(|number| directory.join("store/engine/keyspaces").join(number))
    }

    #[test]
    fn every_flipped_bit_of_a_list_and_of_the_end_of_a_table_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let keyspaces = keyspaces(directory.path());
        let mut tables = 0;
        for keyspace in &keyspaces {
            check(keyspace).unwrap();
            let (version, _) = named(&fs::read(keyspace.join("current")).unwrap()).unwrap();
            let list = keyspace.join(format!("v{version}"));
            let mut files = vec![(keyspace.join("current"), 0), (list.clone(), 0)];
            for table in super::tables(&fs::read(&list).unwrap()).unwrap() {
                let path = keyspace.join("tables").join(table.to_string());
                let bytes = contents(File::open(&path).unwrap()).unwrap().unwrap().0.len();
                // All but the length of the contents, which nobody reads.
                files.push((path, bytes + TRAILER_BYTES));
                tables += 1;
            }
            for (path, end) in files {
                let good = fs::read(&path).unwrap();
                let bytes = if end == 0 { 0..good.len() } else { good.len() - end..good.len() - 8 };
                for byte in bytes {
                    let mut bad = good.clone();
                    bad[byte] ^= 1 << (byte % 8);
                    fs::write(&path, &bad).unwrap();
                    let error = check(keyspace).unwrap_err();
                    assert!(
                        matches!(error, StorageError::Damaged { .. }),
                        "{byte} of {}: {error}",
                        path.display()
                    );
                }
                fs::write(&path, &good).unwrap();
            }
        }
        assert!(tables > 0, "there was a table");
    }

    #[test]
    fn a_table_that_a_crash_left_half_written_is_nobodys() {
        let directory = tempfile::tempdir().unwrap();
        let [_, _, keyspace] = keyspaces(directory.path());
        fs::write(keyspace.join("tables/77"), b"half").unwrap();
        check(&keyspace).unwrap();
        let (version, _) = named(&fs::read(keyspace.join("current")).unwrap()).unwrap();
        fs::remove_file(keyspace.join(format!("v{version}"))).unwrap();
        assert!(matches!(check(&keyspace), Err(StorageError::Damaged { .. })));
    }
}
