//! The floor: a relay over bare TCP, in one thread. It passes frames on, acknowledges them at once, and keeps nothing;
//! or, for a durable floor, first has a second thread sync them to a log.
//!
//! A connection is a socket, what is left of its last read, and what it could not write yet: no buffer while it is
//! idle. Reads share one buffer.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::journal::Journal;
use super::raw;

/// One read.
const READ_BYTES: usize = 64 * 1024;
/// What a connection that does not read may owe, before it is closed.
const OWED_BYTES: usize = 64 * 1024 * 1024;

/// The way back to a connection.
#[derive(Debug)]
pub(super) struct Line {
    socket: TcpStream,
    owed: Mutex<Vec<u8>>,
    /// Something is owed that the socket did not take.
    stuck: Notify,
}

type Lines = Arc<Mutex<HashMap<u32, Arc<Line>>>>;

/// Runs until stdin ends.
pub(crate) fn main(log: Option<&Path>) -> Result<(), String> {
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin().lock().take(u64::MAX), &mut io::sink());
        std::process::exit(0);
    });
    let journal = log.map(Journal::start).transpose();
    let journal = journal.map_err(|error| format!("the relay cannot make its log: {error}"))?;
    super::block_on(async {
        let failed = |error: io::Error| format!("the relay cannot listen: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        println!("listening on http://{}", listener.local_addr().map_err(failed)?);
        let lines = Lines::default();
        loop {
            let (socket, _) = listener.accept().await.map_err(failed)?;
            let _ = socket.set_nodelay(true);
            let line = Arc::new(Line { socket, owed: Mutex::default(), stuck: Notify::new() });
            tokio::spawn(serve(line, Arc::clone(&lines), journal.clone()));
        }
    })
}

async fn serve(line: Arc<Line>, lines: Lines, journal: Option<Journal>) {
    let (me, target, to) = (raw::NOBODY, raw::NOBODY, Arc::default());
    let mut connection = Connection { line, lines, journal, me, target, to, rest: Vec::new() };
    // An error is the end of the connection, and the generator's to notice.
    let _ = connection.run().await;
    lock(&connection.lines).remove(&connection.me);
}

struct Connection {
    line: Arc<Line>,
    lines: Lines,
    journal: Option<Journal>,
    me: u32,
    target: u32,
    /// The ways to the target, once they were looked for.
    to: Arc<[Arc<Line>]>,
    /// The beginning of a frame whose end has not come.
    rest: Vec<u8>,
}

thread_local! {
    static SCRATCH: std::cell::RefCell<Vec<u8>> = std::cell::RefCell::new(vec![0; READ_BYTES]);
}

impl Connection {
    async fn run(&mut self) -> io::Result<()> {
        loop {
            tokio::select! {
                readable = self.line.socket.readable() => readable?,
                () = self.line.stuck.notified() => self.line.socket.writable().await?,
            }
            while SCRATCH.with_borrow_mut(|scratch| self.read(scratch))? {}
            self.line.flush()?;
            if self.journal.is_none() {
                for to in self.to.iter() {
                    // The other side's end is the other side's business.
                    let _ = to.flush();
                }
            }
        }
    }

    /// One read, and what it holds. `false` when there is nothing more for now.
    fn read(&mut self, scratch: &mut [u8]) -> io::Result<bool> {
        let count = match self.line.socket.try_read(scratch) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut rest = std::mem::take(&mut self.rest);
        let mut bytes = &scratch[..count];
        if !rest.is_empty() {
            rest.extend_from_slice(bytes);
            bytes = &rest;
        }
        while let Some((frame, end)) = raw::split(bytes) {
            self.frame(frame);
            bytes = &bytes[end..];
        }
        self.rest = bytes.to_vec();
        Ok(count == scratch.len())
    }

    fn frame(&mut self, frame: &[u8]) {
        match frame.first() {
            Some(&raw::HELLO) => self.hello(frame),
            Some(&raw::MESSAGE) => {
                let number = raw::word(frame, 0).unwrap_or_default();
                if let Some(journal) = self.journal.clone() {
                    self.look();
                    return journal.add(frame, &self.line, &self.to);
                }
                self.pass_on(frame);
                self.line.owe(&raw::frame(raw::ACK, &[number], raw::ACK_BYTES));
            }
            Some(&raw::VOICE) => self.pass_on(frame),
            Some(&raw::DISPOSE) => self.line.owe(&raw::frame(raw::DISPOSED, &[], raw::DISPOSED_BYTES)),
            _ => {}
        }
    }

    fn hello(&mut self, frame: &[u8]) {
        let word =
            |index| raw::word(frame, index).and_then(|word| u32::try_from(word).ok()).unwrap_or(raw::NOBODY);
        self.me = word(0);
        self.target = word(1);
        lock(&self.lines).insert(self.me, Arc::clone(&self.line));
        self.line.owe(frame);
    }

    fn pass_on(&mut self, frame: &[u8]) {
        self.look();
        for to in self.to.iter() {
            to.owe(frame);
        }
    }

    /// Finds the ways to the target, unless that was done.
    fn look(&mut self) {
        if self.target == raw::NOBODY || !self.to.is_empty() {
            return;
        }
        let (lines, me, target) = (lock(&self.lines), self.me, self.target);
        let is_meant = |other| other == target || (target == raw::EVERYBODY && other != me);
        self.to =
            lines.iter().filter(|(other, _)| is_meant(**other)).map(|(_, line)| Arc::clone(line)).collect();
    }
}

impl Line {
    pub(super) fn owe(&self, frame: &[u8]) {
        let mut owed = lock(&self.owed);
        if owed.len() < OWED_BYTES {
            raw::put(frame, &mut owed);
        }
    }

    /// Writes what the socket takes.
    pub(super) fn flush(&self) -> io::Result<()> {
        let mut owed = lock(&self.owed);
        let mut done = 0;
        while done < owed.len() {
            match self.socket.try_write(&owed[done..]) {
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stuck.notify_one();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        owed.drain(..done);
        if owed.is_empty() && owed.capacity() > 4 * READ_BYTES {
            *owed = Vec::new();
        }
        Ok(())
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under a lock can leave a value half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
