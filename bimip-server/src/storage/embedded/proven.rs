//! A witness outside the engine: the number of the last batch that was proven.
//!
//! The engine ends its journal where it stops making sense. After a crash that is right, since what follows was
//! never proven; after damage it would take proven batches along, without a word. So the number of each proven
//! batch is written here too, after the sync of the batch and without one of its own: it is never ahead of what
//! is durable, and a store that has fewer batches than this says has lost some.

use std::fs::File;
use std::io;
use std::path::Path;

use super::checksum::{seal, unseal};

/// The open file.
#[derive(Debug)]
pub(super) struct Proven {
    file: File,
}

/// What the checksum is about, in the place of a key.
const KEY: &[u8] = b"proven";

impl Proven {
    /// Opens the file, making it where it is missing, and reads it. A number that was not written to its end, as
    /// a power cut may leave it, is none.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Option<u64>)> {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        let number = number(&file)?;
        Ok((Self { file }, number))
    }

    /// Only reads it. A file that is not there has no number.
    pub(super) fn look(path: &Path) -> io::Result<Option<u64>> {
        match File::open(path) {
            Ok(file) => number(&file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes a batch.
    pub(super) fn note(&self, batch: u64) -> io::Result<()> {
        let mut value = batch.to_be_bytes().to_vec();
        seal(KEY, &mut value);
        write_at_start(&self.file, &value)
    }

    /// Makes the last note durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

fn number(file: &File) -> io::Result<Option<u64>> {
    let mut sealed = [0; 12];
    match read_at_start(file, &mut sealed) {
        Ok(()) => Ok(unseal(KEY, &sealed).and_then(|value| value.try_into().ok().map(u64::from_be_bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_at_start(mut file: &File, bytes: &mut [u8]) -> io::Result<()> {
    io::Seek::rewind(&mut file)?;
    io::Read::read_exact(&mut file, bytes)
}

#[cfg(unix)]
fn write_at_start(file: &File, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

#[cfg(not(unix))]
fn write_at_start(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    io::Seek::rewind(&mut file)?;
    io::Write::write_all(&mut file, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_note_is_read_back_and_half_a_note_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("proven");
        let (proven, number) = Proven::open(&path).unwrap();
        assert_eq!(number, None);
        proven.note(7).unwrap();
        proven.note(8).unwrap();
        assert_eq!(Proven::open(&path).unwrap().1, Some(8));
        File::options().write(true).open(&path).unwrap().set_len(11).unwrap();
        assert_eq!(Proven::open(&path).unwrap().1, None);
    }
}
