//! What the disk does by itself: the floor of everything that is on the disk before it is answered.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::clock;
use crate::stats::Histogram;

/// What a message of the loads comes to in the store's journal, about.
const APPEND_BYTES: usize = 1_024;

/// Appends so often for so long, and syncs each time.
pub(super) fn syncs(folder: &Path, per_second: u64, time: Duration) -> Result<Histogram, String> {
    let path = folder.join("disk");
    let result = append(&path, per_second, time).map_err(|error| format!("{}: {error}", path.display()));
    let _ = fs::remove_file(&path);
    result
}

fn append(path: &Path, per_second: u64, time: Duration) -> io::Result<Histogram> {
    let (mut file, mut syncs) = (File::create(path)?, Histogram::new());
    let begun = clock::ns();
    let until = begun + clock::to_ns(time);
    for number in 0.. {
        let due_ns = begun + number * 1_000_000_000 / per_second.max(1);
        if due_ns >= until {
            break;
        }
        thread::sleep(Duration::from_nanos(due_ns.saturating_sub(clock::ns())));
        file.write_all(&[b'x'; APPEND_BYTES])?;
        let asked = clock::ns();
        file.sync_data()?;
        syncs.add(clock::ns() - asked);
    }
    Ok(syncs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_append_is_synced_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let syncs = syncs(folder.path(), 1_000, Duration::from_millis(20)).unwrap();
        assert_eq!(syncs.count(), 20);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
