//! A store whose files are not as they were left: it does not open, or it does not read, or it reads as it was.
//!
//! A small store is made once. Each run writes its files anew, changed as the input says, and opens them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bimip_proto::{
    Address, Body, Caps, ClientPacket, ClientRef, Device, DeviceName, Draft, Entry, Now, Offset, Said, UserId,
};
use bimip_server::storage::embedded::{EmbeddedStorage, Options};
use bimip_server::storage::{Reader, Storage, StorageError};
use bimip_session::Machine;
use bimip_session::ledger::Ticket;
use bimip_session::server::{Attachment, Config, ConnId, Grant, Input, Output, ServerCore};
use tempfile::TempDir;

use crate::source::Source;

const NOW: Now = Now { mono_ms: 1, unix_ms: 1_763_652_000_000 };
const USERS: [&str; 2] = ["ann", "bob"];
/// Changes of one input. More of them only hide each other.
const CHANGES: usize = 6;

/// A file of a store, below its folder, and what it holds.
type File = (PathBuf, Vec<u8>);

/// The files of a store, and what is in it.
struct Template {
    files: Vec<File>,
    contents: Contents,
    /// Where runs write their copies, one at a time.
    place: Mutex<TempDir>,
}

/// All rows, and where all devices stand.
#[derive(Debug, PartialEq, Eq)]
struct Contents {
    mailboxes: Vec<Vec<(Offset, Arc<Entry>)>>,
    places: Vec<Attachment>,
}

impl Contents {
    /// `other` has some of these rows from the first on, and no others.
    fn begins_like(&self, other: &Self) -> bool {
        self.mailboxes.iter().zip(&other.mailboxes).all(|(rows, some)| rows.starts_with(some))
    }
}

/// Opens a store in whose files the input changed bytes, cut ends off and put parts elsewhere.
///
/// # Panics
/// When the store reads as something else than it was, or when opening it took something away.
pub fn store_open(bytes: &[u8]) {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    let template = TEMPLATE.get_or_init(Template::make);
    // Tests run targets from several threads, and there is one place.
    let place = template.place.lock().unwrap_or_else(PoisonError::into_inner);
    let mut files = template.files.clone();
    let mut source = Source::new(bytes);
    for _ in 0..CHANGES {
        if source.is_empty() {
            break;
        }
        change(&mut files, &mut source);
    }
    let store = place.path().join("store");
    write(&store, &files).expect("a place for a small store");
    match read(&store) {
        Ok(contents) => {
            let told = |((name, now), (_, before)): (&File, &File)| {
                (now != before)
                    .then(|| format!("{} ({} to {} bytes)", name.display(), before.len(), now.len()))
            };
            let changed: Vec<String> = files.iter().zip(&template.files).filter_map(told).collect();
            let rows = |contents: &Contents| contents.mailboxes.iter().map(Vec::len).collect::<Vec<_>>();
            // Without its witness a store whose journal was cut looks like one that crashed earlier.
            let witness = changed.iter().any(|file| file.contains("proven"));
            assert!(
                contents == template.contents || (witness && template.contents.begins_like(&contents)),
                "{changed:?} changed, and {:?} rows read as {:?}",
                rows(&template.contents),
                rows(&contents)
            );
        }
        Err(_) => untouched(&store, &files),
    }
}

/// One change of one file.
fn change(files: &mut [File], source: &mut Source<'_>) {
    let count = files.len();
    let which = usize::from(source.byte()) % count;
    let other = files[usize::from(source.byte()) % count].1.clone();
    let file = &mut files[which].1;
    let at = place(source, file.len());
    let run = 1 + usize::from(source.byte());
    match source.below(8) {
        0..=2 if at < file.len() => file[at] ^= 1 << (run % 8),
        3 if at < file.len() => file[at] = source.byte(),
        4 => file.truncate(at),
        5 => {
            let end = file.len().min(at + run);
            file.drain(at..end);
        }
        6 => {
            let from = place(source, other.len());
            let part = &other[from..other.len().min(from + run)];
            let end = file.len().min(at + part.len());
            file.splice(at..end, part.iter().copied());
        }
        _ => {
            let value = source.byte();
            file.splice(at..at, std::iter::repeat_n(value, run));
        }
    }
}

/// A place in so many bytes, its end included.
fn place(source: &mut Source<'_>, len: usize) -> usize {
    let word = usize::from(source.byte()) << 8 | usize::from(source.byte());
    // In large files only every so many bytes can be named, and the first and last ones all can.
    match (len, word) {
        (..=0xffff, word) => word % (len + 1),
        (_, 0..0x4000) => word,
        (_, 0xc000..) => len - (0xffff - word),
        (_, word) => (word - 0x4000) * (len / 0x8000),
    }
}

impl Template {
    /// A store that was closed once and then cut off: tables and a journal.
    fn make() -> Self {
        let place = tempdir().expect("a place for a small store");
        let store = place.path().join("made");
        let mut desk = Desk::open(&store);
        desk.live(0);
        desk.storage.close().expect("a healthy store");
        let mut desk = Desk::open(&store);
        desk.live(100);
        // What a killed process leaves is what its files hold while it lives.
        let mut files = Vec::new();
        gather(&store, &store, &mut files).expect("files of a healthy store");
        let contents = contents(&desk.storage).expect("a healthy store");
        assert!(contents.mailboxes.iter().all(|rows| rows.len() > 8), "a store with something in it");
        drop(desk);
        fs::remove_dir_all(&store).expect("what was made here");
        Self { files, contents, place: Mutex::new(place) }
    }
}

/// In memory where there is such a place: thousands of stores are opened.
fn tempdir() -> io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
}

fn gather(root: &Path, folder: &Path, files: &mut Vec<File>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            gather(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root).map_err(io::Error::other)?.to_owned();
            files.push((name, fs::read(path)?));
        }
    }
    Ok(())
}

fn write(store: &Path, files: &[File]) -> io::Result<()> {
    if store.exists() {
        fs::remove_dir_all(store)?;
    }
    for (name, bytes) in files {
        let path = store.join(name);
        fs::create_dir_all(path.parent().unwrap_or(store))?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// A store that cannot be read keeps its tables, for somebody who can.
fn untouched(store: &Path, files: &[File]) {
    let tables = |(name, _): &&File| name.components().any(|part| part.as_os_str() == "tables");
    for (name, bytes) in files.iter().filter(tables) {
        let now = fs::read(store.join(name));
        assert!(now.is_ok_and(|now| now == *bytes), "{} is not as it was found", name.display());
    }
}

fn options() -> Options {
    let mut options = Options::default();
    // A store of a few rows in a place that may be small.
    (options.cache_bytes, options.min_free_bytes) = (1 << 20, 0);
    options
}

fn read(store: &Path) -> Result<Contents, StorageError> {
    contents(&EmbeddedStorage::open_with(store, &options())?)
}

fn contents(storage: &EmbeddedStorage) -> Result<Contents, StorageError> {
    let reader = storage.reader();
    let (mut mailboxes, mut places) = (Vec::new(), Vec::new());
    for name in USERS {
        let device = device(name);
        mailboxes.push(reader.rows(&device.user, Offset::ZERO, u32::MAX, u64::MAX)?);
        places.push(reader.attach(&device)?);
    }
    Ok(Contents { mailboxes, places })
}

fn device(user: &str) -> Device {
    let user = UserId::new(user).expect("a constant");
    Device::new(user, DeviceName::new("1").expect("a constant"))
}

/// A store under a core.
struct Desk {
    storage: EmbeddedStorage,
    core: ServerCore,
}

impl Desk {
    fn open(store: &Path) -> Self {
        let storage = EmbeddedStorage::open_with(store, &options()).expect("a healthy store");
        Self { storage, core: ServerCore::new(Config::default()) }
    }

    /// Some messages, and a cursor.
    fn live(&mut self, first: u64) {
        for number in first..first + 6 {
            let to = Address::User(device(USERS[1]).user);
            let client_ref = ClientRef::new(&format!("r{number}")).ok();
            let body = Body::text(&format!("message {number}"));
            let draft = Draft { client_ref, to, client_time: None, body };
            self.say(ConnId(2 * number), USERS[0], ClientPacket::Send(draft));
        }
        self.say(ConnId(2 * first + 1), USERS[1], ClientPacket::Dispose(Offset(first / 50 + 2)));
    }

    fn say(&mut self, conn: ConnId, user: &str, packet: ClientPacket) {
        let grant = Some(Grant::new(device(user)));
        self.core.handle_input(NOW, Input::Opened { conn, caps: Caps::FULL, grant });
        self.carry_out();
        self.core.handle_input(NOW, Input::Packets(conn, vec![Said::from(packet)]));
        self.carry_out();
        self.core.handle_input(NOW, Input::Closed(conn));
        self.carry_out();
    }

    fn carry_out(&mut self) {
        loop {
            let tickets: Vec<Ticket> = self.wants();
            if tickets.is_empty() {
                return;
            }
            for answer in self.storage.commit(tickets) {
                self.core.handle_input(NOW, answer.map_or_else(Input::Failed, Input::Committed));
            }
        }
    }

    fn wants(&mut self) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Commit(ticket) => tickets.push(ticket),
                Output::Attach(conn, device) => {
                    let place = self.storage.reader().attach(&device).ok();
                    self.core.handle_input(NOW, Input::Attached(conn, place));
                }
                Output::Read(request) => {
                    let page = self.storage.reader().page(&request);
                    self.core.handle_input(NOW, Input::Page(page));
                }
                _ => {}
            }
        }
        tickets
    }
}
