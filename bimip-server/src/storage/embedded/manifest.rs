//! A look at the engine's lists of tables before the engine reads them.
//!
//! Each keyspace has a file `current` that names the file of its newest list and that one's checksum (xxh3, 128
//! bits). The engine writes the checksum and does not compare it when it opens: a list with a flipped bit may lack
//! tables, which the engine would then remove as nobody's, or ask for more memory than there is.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use super::engine::damaged;
use super::fields::Fields;
use crate::storage::StorageError;

/// Of checksums. There is one.
const XXH3: u8 = 0;

/// Refuses a keyspace whose list of tables is not as it was written.
pub(super) fn check(keyspace: &Path) -> Result<(), StorageError> {
    let current = keyspace.join("current");
    let place = |path: &Path| format!("the engine's file {}", path.display());
    let bytes = fs::read(&current)?;
    let Some((version, checksum)) = read(&bytes) else {
        return Err(damaged(place(&current), "it names no list of tables"));
    };
    let list = keyspace.join(format!("v{version}"));
    match fs::read(&list) {
        Ok(bytes) if xxh3_128(&bytes) == checksum => Ok(()),
        Ok(_) => Err(damaged(place(&list), "its checksum does not fit the one in the file `current`")),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(damaged(place(&list), "it is not there")),
        Err(error) => Err(error.into()),
    }
}

/// The number of the list and its checksum.
fn read(current: &[u8]) -> Option<(u64, u128)> {
    let mut fields = Fields::new(current);
    let version = fields.array().ok().map(u64::from_le_bytes)?;
    let checksum = fields.array().ok().map(u128::from_le_bytes)?;
    let kind = fields.u8().ok()?;
    (kind == XXH3 && fields.end().is_ok()).then_some((version, checksum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_both_files_is_seen() {
        let keyspace = tempfile::tempdir().unwrap();
        let (current, list) = (keyspace.path().join("current"), keyspace.path().join("v7"));
        let tables = b"the tables of this keyspace".to_vec();
        let mut named = [7_u64.to_le_bytes().to_vec(), xxh3_128(&tables).to_le_bytes().to_vec()].concat();
        named.push(XXH3);
        let write = |path: &Path, bytes: &[u8]| fs::write(path, bytes).unwrap();
        write(&current, &named);
        write(&list, &tables);
        assert!(check(keyspace.path()).is_ok());
        for (path, good) in [(&current, &named), (&list, &tables)] {
            for bit in 0..good.len() * 8 {
                let mut bad = good.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                write(path, &bad);
                let error = check(keyspace.path()).unwrap_err();
                assert!(matches!(error, StorageError::Damaged { .. }), "bit {bit} of {}: {error}", path.display());
            }
            write(path, good);
        }
        fs::remove_file(&list).unwrap();
        assert!(matches!(check(keyspace.path()), Err(StorageError::Damaged { .. })));
    }
}
