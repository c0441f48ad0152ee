//! The embedded store: what it does with its files, and with files that are not as it left them.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bimip_proto::{
    Address, Ask, Body, Caps, ClientPacket, ClientRef, Device, DeviceName, Draft, Entry, MessageRef, Noted,
    Now, Offset, PageFrom, Reject, Said, ServerPacket, Status, UserId,
};
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::{Reader, Storage, StorageError};
use bimip_session::Machine;
use bimip_session::ledger::Ticket;
use bimip_session::server::{Config, ConnId, Grant, Input, Output, ServerCore};
use fjall::{Database, KeyspaceCreateOptions, PersistMode, Readable};

/// One client, `a`, that writes to `b`.
struct Client {
    core: ServerCore,
    storage: EmbeddedStorage,
    sent: u64,
}

const CONN: ConnId = ConnId(1);
const NOW: Now = Now { mono_ms: 1, unix_ms: 1_763_652_000_000 };

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn device(name: &str) -> Device {
    Device::new(user(name), DeviceName::new("1").unwrap())
}

impl Client {
    /// `None` when the store cannot say where the device stands.
    fn new(storage: EmbeddedStorage) -> Option<Self> {
        let mut client = Self { core: ServerCore::new(Config::default()), storage, sent: 0 };
        let grant = Some(Grant::new(device("a")));
        client.core.handle_input(NOW, Input::Opened { conn: CONN, caps: Caps::FULL, grant });
        let (heard, _) = client.pump();
        heard.iter().any(|packet| matches!(packet, ServerPacket::Welcome(_))).then_some(client)
    }

    fn open(path: &Path) -> Self {
        Self::new(EmbeddedStorage::open(path).unwrap()).unwrap()
    }

    /// What the client hears, and what the core wants stored.
    fn pump(&mut self) -> (Vec<ServerPacket>, Vec<Ticket>) {
        let (mut heard, mut tickets) = (Vec::new(), Vec::new());
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(_, outgoing) => heard.push(outgoing.into_packet()),
                Output::Commit(ticket) => tickets.push(ticket),
                Output::Attach(conn, device) => {
                    let attachment = self.storage.reader().attach(&device).ok();
                    self.core.handle_input(NOW, Input::Attached(conn, attachment));
                }
                Output::Read(request) => {
                    let page = self.storage.reader().page(&request);
                    self.core.handle_input(NOW, Input::Page(page));
                }
                _ => {}
            }
        }
        (heard, tickets)
    }

    /// Says something, commits what it wants in a batch of its own, and gives what is heard then.
    fn say(&mut self, conn: ConnId, packet: ClientPacket) -> Vec<ServerPacket> {
        self.core.handle_input(NOW, Input::Packets(conn, vec![Said::from(packet)]));
        self.settle()
    }

    /// Says several things at once, and commits them in one batch.
    fn commit(&mut self, packets: Vec<Said>) -> Vec<ServerPacket> {
        self.core.handle_input(NOW, Input::Packets(CONN, packets));
        self.settle()
    }

    fn settle(&mut self) -> Vec<ServerPacket> {
        let (_, tickets) = self.pump();
        for answer in self.storage.commit(tickets) {
            self.core.handle_input(
                NOW,
                match answer {
                    Ok(proof) => Input::Committed(proof),
                    Err(failed) => Input::Failed(failed),
                },
            );
        }
        self.pump().0
    }

    /// `b` says they read a message, by its alias.
    fn is_read(&mut self, message: &Entry) -> bool {
        let Entry::Message(message) = message else { return true };
        let grant = Some(Grant::new(device("b")));
        self.core.handle_input(NOW, Input::Opened { conn: ConnId(2), caps: Caps::FULL, grant });
        self.pump();
        let message = MessageRef::Alias(message.head.alias());
        let heard = self.say(ConnId(2), ClientPacket::Mark { message, status: Status::Read });
        heard.iter().any(|packet| matches!(packet, ServerPacket::Noted(Noted::Marked { .. })))
    }

    /// Sends one message of this size in a batch of its own.
    fn send(&mut self, bytes: usize) -> Result<Offset, Reject> {
        self.sent += 1;
        let draft = Draft {
            client_ref: ClientRef::new(&format!("r{}", self.sent)).ok(),
            to: Address::User(user("b")),
            client_time: None,
            body: Body::text(&"x".repeat(bytes)),
        };
        let heard = self.say(CONN, ClientPacket::Send(draft));
        let answer = heard.into_iter().find_map(|packet| match packet {
            ServerPacket::Accepted { offset, .. } => Some(Ok(offset)),
            ServerPacket::Rejected { reason, .. } => Some(Err(reason)),
            _ => None,
        });
        answer.unwrap()
    }
}

fn contacts(storage: &EmbeddedStorage, who: &str) -> Result<Vec<UserId>, StorageError> {
    storage.reader().contacts(&user(who))
}

fn rows(storage: &EmbeddedStorage, user: &str) -> Result<usize, StorageError> {
    storage
        .reader()
        .rows(&UserId::new(user).unwrap(), Offset::ZERO, u32::MAX, u64::MAX)
        .map(|rows| rows.len())
}

/// A closed store of three messages.
fn three_messages() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut client = Client::open(directory.path());
    for number in 1..=3 {
        assert_eq!(client.send(100), Ok(Offset(number)));
    }
    client.storage.close().unwrap();
    directory
}

fn store(directory: &tempfile::TempDir) -> PathBuf {
    directory.path().join("store")
}

/// Changes the engine's rows from outside.
fn with_engine(directory: &tempfile::TempDir, change: impl FnOnce(&Database, [&fjall::Keyspace; 2])) {
    let db = Database::builder(store(directory).join("engine")).open().unwrap();
    let log = db.keyspace("log", KeyspaceCreateOptions::default).unwrap();
    let small = db.keyspace("small", KeyspaceCreateOptions::default).unwrap();
    change(&db, [&log, &small]);
    db.persist(PersistMode::SyncAll).unwrap();
}

// MISSION L3
#[test]
fn a_store_is_made_where_there_is_none_and_keeps_its_epoch() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("not/there/yet");
    let epoch = |storage: &EmbeddedStorage| storage.reader().attach(&device("a")).unwrap().epoch;
    let storage = EmbeddedStorage::open(&path).unwrap();
    let first = epoch(&storage);
    assert_ne!(first, 0);
    drop(storage);
    assert_eq!(epoch(&EmbeddedStorage::open(&path).unwrap()), first);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(epoch(&EmbeddedStorage::open(other.path()).unwrap()), first, "another store, another epoch");
}

// MISSION L3
#[test]
fn a_store_whose_making_was_interrupted_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let draft = directory.path().join("store.new");
    fs::create_dir_all(draft.join("engine")).unwrap();
    fs::write(draft.join("engine/0.jnl"), b"half").unwrap();
    fs::write(directory.path().join("notes.txt"), b"not ours").unwrap();
    assert_eq!(Client::open(directory.path()).send(1), Ok(Offset(1)));
    assert!(!draft.exists());
    assert_eq!(fs::read(directory.path().join("notes.txt")).unwrap(), b"not ours", "what is not ours stays");
}

// MISSION L3
#[test]
fn another_format_is_refused_and_left_alone() {
    let directory = three_messages();
    let format = store(&directory).join("format");
    fs::write(store(&directory).join("writer"), "bimip-server 9.9.9\n").unwrap();
    for (text, found) in [("bimip store 7\n", Some(7)), ("bimip store 0\n", Some(0)), ("something\n", None)] {
        fs::write(&format, text).unwrap();
        match (EmbeddedStorage::open(directory.path()).unwrap_err(), found) {
            (error @ StorageError::Format { known: 6, .. }, Some(expected)) => {
                let text = error.to_string();
                assert!(
                    text.contains(&format!("has format {expected}, written by bimip-server 9.9.9,")),
                    "{text}"
                );
            }
            (StorageError::Damaged { .. }, None) => {}
            (error, _) => panic!("{text:?}: {error}"),
        }
    }
    fs::write(&format, "bimip store 6\n").unwrap();
    assert_eq!(rows(&EmbeddedStorage::open(directory.path()).unwrap(), "b").unwrap(), 3);
}

// MISSION L3
#[test]
fn one_store_has_one_owner() {
    let directory = three_messages();
    let first = EmbeddedStorage::open(directory.path()).unwrap();
    let second = EmbeddedStorage::open(directory.path());
    assert!(matches!(second, Err(StorageError::InUse)), "{second:?}");
    let reader = first.reader();
    drop(first);
    let third = EmbeddedStorage::open(directory.path());
    assert!(matches!(third, Err(StorageError::InUse)), "a reader is still there: {third:?}");
    drop(reader);
    assert_eq!(rows(&EmbeddedStorage::open(directory.path()).unwrap(), "b").unwrap(), 3);
}

// MISSION L3
#[test]
fn a_flipped_bit_in_any_value_is_loud() {
    let directory = three_messages();
    let mut keys = Vec::new();
    with_engine(&directory, |db, keyspaces| {
        for (which, keyspace) in keyspaces.iter().enumerate() {
            let all = db.snapshot().iter(keyspace).map(|row| row.key().unwrap()).collect::<Vec<_>>();
            keys.extend(all.into_iter().map(|key| (which, key)));
        }
    });
    // 3 records; identity, tally, 2 users, 1 device, 1 conversation, 6 rows, 3 places, 3 drafts, 2 contacts, how far the
    // author has read.
    assert_eq!(keys.len(), 3 + 21);
    for (at, (which, key)) in keys.iter().enumerate() {
        let flip = |bit: usize| {
            with_engine(&directory, |_, keyspaces| {
                let mut value = keyspaces[*which].get(key).unwrap().unwrap().to_vec();
                let byte = bit % value.len();
                value[byte] ^= 1 << (bit % 8);
                keyspaces[*which].insert(key.clone(), value).unwrap();
            });
        };
        flip(at * 7);
        assert!(is_loud(directory.path()), "{key:?} in keyspace {which}");
        flip(at * 7);
    }
    assert!(!is_loud(directory.path()), "mended");
}

/// Opens a store of three messages and needs every row of it: reads both mailboxes, lists of contacts and of conversations, resends,
/// sends more, and looks for messages by alias. Whether anything was amiss.
fn is_loud(path: &Path) -> bool {
    let Ok(storage) = EmbeddedStorage::open(path) else { return true };
    let conversations = Ask::Conversations { from: PageFrom::Latest, limit: 0 };
    if ["a", "b"].iter().any(|who| {
        let listed = storage.reader().query(&user(who), &conversations);
        rows(&storage, who).is_err() || contacts(&storage, who).is_err() || listed.is_err()
    }) {
        return true;
    }
    let before = rows(&storage, "b").unwrap();
    let Some(mut client) = Client::new(storage) else { return true };
    let resent = [1, 2, 3].map(|offset| client.send(100) == Ok(Offset(offset)));
    client.sent = 1_000;
    let refused = client.send(1) == Err(Reject::Unavailable);
    assert!(!refused || rows(&client.storage, "b").unwrap() == before, "what is refused is not stored");
    let page = client.storage.reader().rows(&user("b"), Offset::ZERO, 3, u64::MAX).unwrap();
    refused || resent != [true; 3] || !page.iter().all(|(_, entry)| client.is_read(entry))
}

// MISSION L3
#[test]
fn a_row_without_its_record_is_no_shorter_page() {
    let directory = three_messages();
    with_engine(&directory, |_, [log, _]| log.remove(2_u64.to_be_bytes()).unwrap());
    let storage = EmbeddedStorage::open(directory.path()).unwrap();
    let error = rows(&storage, "b").unwrap_err();
    assert!(
        matches!(&error, StorageError::Damaged { place, .. } if place.starts_with("row 2 of")),
        "{error}"
    );
    let page = storage.reader().rows(&user("b"), Offset::ZERO, 1, u64::MAX).unwrap();
    assert_eq!(page.len(), 1, "rows before it can be read");
}

// MISSION L3
#[test]
fn a_missing_row_is_no_gap_in_a_page() {
    let directory = three_messages();
    with_engine(&directory, |db, [_, small]| {
        let rows = db.snapshot().prefix(small, [0x10]).map(|row| row.key().unwrap()).collect::<Vec<_>>();
        for row in rows.iter().filter(|row| row.ends_with(&2_u64.to_be_bytes())) {
            small.remove(row.clone()).unwrap();
        }
    });
    let storage = EmbeddedStorage::open(directory.path()).unwrap();
    let error = rows(&storage, "b").unwrap_err();
    assert!(
        matches!(&error, StorageError::Damaged { place, .. } if place.starts_with("row 3 of")),
        "{error}"
    );
}

// MISSION L3
#[test]
fn a_log_that_lost_its_end_does_not_open() {
    let directory = three_messages();
    with_engine(&directory, |_, [log, _]| log.remove(3_u64.to_be_bytes()).unwrap());
    let error = EmbeddedStorage::open(directory.path()).unwrap_err();
    assert!(matches!(&error, StorageError::Damaged { place, .. } if place == "the log"), "{error}");
}

// MISSION L3
#[test]
fn a_lost_file_of_the_engine_is_loud_and_the_rest_stays() {
    let directory = three_messages();
    let engine = store(&directory).join("engine");
    let files = ["version", "keyspaces/0/current", "keyspaces/1/current", "keyspaces/2/current", "0.jnl"];
    for file in files {
        let (there, away) = (engine.join(file), directory.path().join("away"));
        fs::rename(&there, &away).unwrap();
        let error = EmbeddedStorage::open(directory.path()).unwrap_err();
        assert!(matches!(error, StorageError::Damaged { .. }), "{file}: {error}");
        fs::rename(&away, &there).unwrap();
        assert_eq!(rows(&EmbeddedStorage::open(directory.path()).unwrap(), "b").unwrap(), 3, "{file}");
    }
}

/// A row that cannot be read is the business of those who need it, and of nobody else.
// MISSION L3
#[test]
fn a_damaged_row_refuses_only_those_who_need_it() {
    let directory = three_messages();
    with_engine(&directory, |db, [_, small]| {
        let rows = db.snapshot().prefix(small, [0x10]).map(|row| row.key().unwrap()).collect::<Vec<_>>();
        // The end of the mailbox of `b`, who got their number after `a`.
        small.insert(rows.last().unwrap().clone(), b"not what was stored").unwrap();
    });
    let mut client = Client::open(directory.path());
    client.sent = 100;
    let draft = |client: &mut Client, to: &str| {
        client.sent += 1;
        let client_ref = ClientRef::new(&format!("r{}", client.sent)).ok();
        let to = Address::User(user(to));
        ClientPacket::Send(Draft { client_ref, to, client_time: None, body: Body::text("x") })
    };
    let mut offset = 3;
    for round in 0..4 {
        let packets = ["c", "b", "d", "c"].map(|to| Said::from(draft(&mut client, to)));
        let heard = client.commit(packets.into());
        let answers: Vec<Option<u64>> = heard
            .iter()
            .filter_map(|packet| match packet {
                ServerPacket::Accepted { offset, .. } => Some(Some(offset.0)),
                ServerPacket::Rejected { reason: Reject::Unavailable, .. } => Some(None),
                _ => None,
            })
            .collect();
        if round == 0 {
            assert_eq!(answers, [None; 4], "the first batch fails as one");
        } else {
            assert_eq!(
                answers,
                [Some(offset + 1), None, Some(offset + 2), Some(offset + 3)],
                "round {round}"
            );
            offset += 3;
        }
        assert!(!client.storage.is_failed());
    }
    assert!(matches!(rows(&client.storage, "b"), Err(StorageError::Damaged { .. })));
    assert_eq!(rows(&client.storage, "c").unwrap(), 6);
    drop(client);
    assert_eq!(rows(&EmbeddedStorage::open(directory.path()).unwrap(), "c").unwrap(), 6, "and it is durable");
}

/// A store that was not closed: its rows are in the journal only.
fn in_the_journal(messages: u64) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let mut client = Client::open(directory.path());
    for number in 1..=messages {
        assert_eq!(client.send(20), Ok(Offset(number)));
    }
    drop(client);
    let journal = store(&directory).join("engine/0.jnl");
    let bytes = fs::read(&journal).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    (directory, journal, bytes[..end].to_vec())
}

// MISSION L3
#[test]
fn damage_anywhere_in_the_journal_is_loud_or_harmless() {
    let (directory, journal, good) = in_the_journal(4);
    let mut harmless = 0;
    for at in 0..good.len() {
        // Every byte of the last batch, and some of the others.
        if at < good.len() * 3 / 4 && at % 13 != 0 {
            continue;
        }
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&journal, &bad).unwrap();
        match EmbeddedStorage::open(directory.path()) {
            Err(StorageError::Damaged { .. }) => {
                let kept = fs::read(&journal).unwrap() == bad;
                assert!(kept, "byte {at}: what is not understood stays");
            }
            Err(error) => assert!(matches!(error, StorageError::Engine(_)), "byte {at}: {error}"),
            // The number of the last batch may be any that is higher.
            Ok(storage) => {
                assert_eq!(rows(&storage, "b").unwrap(), 4, "byte {at}");
                harmless += 1;
            }
        }
    }
    assert!(harmless <= 8, "{harmless} bytes");
    fs::write(&journal, &good).unwrap();
    assert_eq!(rows(&EmbeddedStorage::open(directory.path()).unwrap(), "b").unwrap(), 4);
}

// MISSION L3
#[test]
fn a_journal_that_lost_proven_batches_is_loud() {
    let (directory, journal, good) = in_the_journal(4);
    for cut in [good.len() - 1, good.len() / 2, 30, 0] {
        fs::write(&journal, &good[..cut]).unwrap();
        let error = EmbeddedStorage::open(directory.path()).unwrap_err();
        assert!(matches!(error, StorageError::Damaged { .. }), "cut at {cut}: {error}");
    }
}

// MISSION L3
#[test]
fn a_batch_that_a_crash_interrupted_is_dropped() {
    let (directory, journal, good) = in_the_journal(4);
    let torn = [&good[..], &good[..50], &[0; 300]].concat();
    fs::write(&journal, torn).unwrap();
    let mut client = Client::open(directory.path());
    assert_eq!(rows(&client.storage, "b").unwrap(), 4);
    client.sent = 4;
    assert_eq!(client.send(1), Ok(Offset(5)), "and the next one takes its place");
    drop(client);
    assert_eq!(rows(&EmbeddedStorage::open(directory.path()).unwrap(), "b").unwrap(), 5);
}

const FULL_DISK: &str = "BIMIP_TEST_FULL_DISK";

/// A disk that takes no more, from a process whose files may not grow.
// MISSION L3
#[cfg(unix)]
#[test]
fn after_a_write_that_failed_nothing_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    drop(EmbeddedStorage::open(directory.path()).unwrap());
    // The shell ignores the signal of the limit, and so does the program it becomes: writes fail instead.
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" --exact full_disk_child --ignored --nocapture";
    let mut child = Command::new("sh");
    child.arg("-c").arg(script).arg(std::env::current_exe().unwrap()).env(FULL_DISK, directory.path());
    let child = child.output().unwrap();
    let heard = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{heard}\n{}", String::from_utf8_lossy(&child.stderr));
    let accepted: usize =
        heard.split("accepted ").nth(1).and_then(|it| it.split_whitespace().next()?.parse().ok()).unwrap();
    assert!(accepted > 3, "{heard}");

    let note = store(&directory).join("failed");
    assert!(note.exists(), "it leaves a note");
    let storage = EmbeddedStorage::open(directory.path()).unwrap();
    assert!(!note.exists(), "which is gone when the store is open again");
    let stored = rows(&storage, "b").unwrap();
    assert!(stored == accepted || stored == accepted + 1, "{stored} rows of {accepted} accepted messages");
}

#[test]
#[ignore = "run by after_a_write_that_failed_nothing_is_taken"]
fn full_disk_child() {
    let Some(path) = std::env::var_os(FULL_DISK) else { return };
    let mut client = Client::open(Path::new(&path));
    let mut accepted = 0;
    let reason = loop {
        match client.send(1_000) {
            Ok(_) => accepted += 1,
            Err(reason) => break reason,
        }
        assert!(accepted < 1_000, "the limit of the files did not hold");
    };
    assert_eq!(reason, Reject::Unavailable);
    println!("accepted {accepted}");
    client.sent = 0;
    assert_eq!(client.send(1_000), Err(Reject::Unavailable), "not even a resend is answered");
    assert_eq!(rows(&client.storage, "b").unwrap(), accepted, "reading goes on, of what was proven");
    assert!(client.storage.close().is_err());
}
