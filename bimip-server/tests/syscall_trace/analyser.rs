//! Reads what strace wrote: which bytes had reached the disk when which bytes went to a socket.

use std::collections::BTreeMap;

/// A message: bytes of it that its journal record has, and bytes that its ack has and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct Acked {
    pub(crate) record: String,
    pub(crate) ack: String,
}

/// What a trace shows.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Acks that left after the sync of their record.
    pub(crate) good: usize,
    /// Acks that left before it.
    pub(crate) early: Vec<String>,
    /// Acks that were not seen at all.
    pub(crate) unseen: Vec<String>,
    /// Syncs of the journal that took place.
    pub(crate) syncs: usize,
}

/// One system call, as far as a line tells: its beginning, its end, or both.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    thread: u32,
    name: String,
    /// What the descriptor is, with the bytes that are written; `None` in the end of a call.
    begins: Option<(String, Vec<u8>)>,
    /// Whether it has succeeded, and really took place; `None` in the beginning of a call.
    ends: Option<bool>,
}

/// Follows the calls in their order. Only a sync counts that began after the record was written, had returned
/// before the ack was sent, said that all is well, and took place.
pub(crate) fn analyse(trace: &str, messages: &[Acked]) -> Found {
    let (mut found, mut open) = (Found::default(), BTreeMap::new());
    let mut journal = Journal::default();
    let mut waiting: Vec<&Acked> = messages.iter().collect();
    for call in trace.lines().filter_map(read) {
        if let Some((file, bytes)) = call.begins {
            if file.starts_with("socket:") || file.starts_with("TCP") {
                let sent = String::from_utf8_lossy(&bytes).into_owned();
                waiting.retain(|message| {
                    if !sent.contains(&message.ack) {
                        return true;
                    }
                    if journal.has_durably(&message.record) {
                        found.good += 1;
                    } else {
                        found.early.push(message.ack.clone());
                    }
                    false
                });
            }
            open.insert(call.thread, (call.name, file, bytes, journal.bytes.len()));
        }
        let Some(success) = call.ends else { continue };
        let Some((name, file, bytes, before)) = open.remove(&call.thread) else { continue };
        if !file.ends_with(".jnl") || !success {
            continue;
        }
        match name.as_str() {
            "fdatasync" | "fsync" => {
                journal.durable = journal.durable.max(before);
                found.syncs += 1;
            }
            _ => journal.bytes.extend(bytes),
        }
    }
    found.unseen.extend(waiting.into_iter().map(|message| message.ack.clone()));
    found
}

/// All that was written to journals, and how much of it is on the disk.
#[derive(Debug, Default)]
struct Journal {
    bytes: Vec<u8>,
    durable: usize,
}

impl Journal {
    fn has_durably(&self, record: &str) -> bool {
        self.bytes[..self.durable].windows(record.len()).any(|window| window == record.as_bytes())
    }
}

/// A line of `strace -f -y -xx`.
fn read(line: &str) -> Option<Call> {
    let (thread, rest) = line.split_once(' ')?;
    let (thread, rest) = (thread.parse().ok()?, rest.trim_start());
    if let Some(resumed) = rest.strip_prefix("<... ") {
        let (name, rest) = resumed.split_once(" resumed>")?;
        return Some(Call { thread, name: name.to_owned(), begins: None, ends: Some(success(rest)) });
    }
    let (name, rest) = rest.split_once('(')?;
    let file = unhex(rest.split_once('<')?.1.split_once('>')?.0);
    let bytes: Vec<u8> = rest.split('"').skip(1).step_by(2).flat_map(unhex).collect();
    let file = String::from_utf8_lossy(&file).into_owned();
    let ends = (!rest.ends_with("<unfinished ...>")).then(|| success(rest));
    Some(Call { thread, name: name.to_owned(), begins: Some((file, bytes)), ends })
}

/// `.. = 36` is one, `.. = -1 EIO (..)` is none, and neither is `.. = 0 (INJECTED)`: the tracer answered it.
fn success(line: &str) -> bool {
    let result = line.rsplit_once(" = ").map_or("", |(_, result)| result);
    !result.starts_with('-') && !result.is_empty() && !result.contains("INJECTED")
}

/// `\x6a\x6e`; what is not hexadecimal stands for itself.
fn unhex(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hex = rest.strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[4..];
            }
            None => {
                bytes.extend(first.to_string().as_bytes());
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: &str = r#"7 write(13</d/0.jnl>, "\x6f\x6e\x65", 3) = 3"#;
    const SYNC: &str = "7 fdatasync(13</d/0.jnl>) = 0";
    const ACK: &str = r#"8 sendto(20<socket:[5]>, "\x61\x63\x6b", 3, MSG_NOSIGNAL, NULL, 0) = 3"#;

    /// Good, early, unseen.
    fn counts(lines: &[&str]) -> (usize, usize, usize) {
        let message = Acked { record: "one".to_owned(), ack: "ack".to_owned() };
        let found = analyse(&lines.join("\n"), &[message]);
        (found.good, found.early.len(), found.unseen.len())
    }

    #[test]
    fn the_order_decides() {
        assert_eq!(counts(&[WRITE, SYNC, ACK]), (1, 0, 0));
        assert_eq!(counts(&[WRITE, ACK, SYNC]), (0, 1, 0), "an ack before the sync");
        assert_eq!(counts(&[SYNC, WRITE, ACK]), (0, 1, 0), "a sync before the write");
        assert_eq!(counts(&[ACK]), (0, 1, 0), "no write at all");
        assert_eq!(counts(&[WRITE, SYNC]), (0, 0, 1), "no ack");
    }

    #[test]
    fn a_sync_has_to_take_place() {
        for sync in [
            "7 fdatasync(13</d/0.jnl>) = 0 (INJECTED)",
            "7 fdatasync(13</d/0.jnl>) = -1 EIO (Input/output error)",
            "7 fdatasync(14</d/proven>) = 0",
            "7 fdatasync(13</d/0.jnl> <unfinished ...>",
        ] {
            assert_eq!(counts(&[WRITE, sync, ACK]), (0, 1, 0), "{sync}");
        }
        let failed = r#"7 write(13</d/0.jnl>, "\x6f\x6e\x65", 3) = -1 ENOSPC (No space left on device)"#;
        assert_eq!(counts(&[failed, SYNC, ACK]), (0, 1, 0));
    }

    #[test]
    fn calls_of_threads_overlap() {
        let begins = "7 fdatasync(13</d/0.jnl> <unfinished ...>";
        let ends = "7 <... fdatasync resumed>) = 0";
        assert_eq!(counts(&[WRITE, begins, ends, ACK]), (1, 0, 0));
        assert_eq!(counts(&[WRITE, begins, ACK, ends]), (0, 1, 0));
        let writes = r#"9 write(13</d/0.jnl>, "\x6f\x6e\x65", 3 <unfinished ...>"#;
        let written = "9 <... write resumed>) = 3";
        assert_eq!(counts(&[writes, begins, written, ends, ACK]), (0, 1, 0), "a sync that began too early");
        assert_eq!(counts(&[writes, written, begins, ends, ACK]), (1, 0, 0));
    }
}
