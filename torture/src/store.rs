//! A look into the store itself, between two lives of the server.

use std::path::Path;

use bimip_proto::Offset;
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::{Reader, Storage};

use crate::book::{Book, Wrong};
use crate::people::Who;

const PAGE_ROWS: u32 = 4_096;
const PAGE_BYTES: u64 = 16 * 1024 * 1024;

/// Compares the mailboxes with what clients saw, each from the row after `from` on. What is there and was not
/// seen yet goes into the book. Gives where each mailbox ends.
pub(crate) fn compare(data: &Path, book: &mut Book, from: &[u64]) -> Result<Vec<u64>, String> {
    let storage = EmbeddedStorage::open(data).map_err(|error| format!("the store does not open: {error}"))?;
    let reader = storage.reader();
    let mut ends = Vec::new();
    for who in Who::all() {
        let mut last = from.get(who.at()).copied().unwrap_or_default();
        loop {
            let page = reader.rows(&who.user(), Offset(last), PAGE_ROWS, PAGE_BYTES);
            let page = page.map_err(|error| format!("the mailbox of {}: {error}", who.name()))?;
            let Some((end, _)) = page.last() else { break };
            let end = end.0;
            for (offset, entry) in &page {
                if offset.0 != last + 1 {
                    book.wrong(
                        Wrong::Disordered,
                        format!("the mailbox of {} has {offset} after {last}", who.name()),
                    );
                }
                last = offset.0;
                book.compare(who, *offset, entry);
            }
            last = end;
        }
        if last < book.rows_of(who) {
            let (name, known) = (who.name(), book.rows_of(who));
            book.wrong(Wrong::Lost, format!("the mailbox of {name} ends at {last}, {known} rows were read"));
        }
        ends.push(last);
    }
    Ok(ends)
}

/// How many messages the store has, whatever they are.
pub(crate) fn count(data: &Path) -> Result<u64, String> {
    let storage = EmbeddedStorage::open(data).map_err(|error| format!("the store does not open: {error}"))?;
    let mut messages = 0;
    for who in Who::all() {
        let rows = storage.reader().rows(&who.user(), Offset::ZERO, u32::MAX, u64::MAX);
        let rows = rows.map_err(|error| format!("the mailbox of {}: {error}", who.name()))?;
        messages +=
            rows.iter().filter(|(_, entry)| matches!(**entry, bimip_proto::Entry::Message(_))).count() as u64;
    }
    // Each is in two mailboxes.
    Ok(messages / 2)
}
