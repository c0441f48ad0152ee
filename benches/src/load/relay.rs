//! The floor: a relay over bare TCP, in one thread. It passes frames on, acknowledges them at once, and keeps nothing.
//!
//! A connection is a socket, what is left of its last read, and what it could not write yet: no buffer while it is
//! idle. Reads share one buffer.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::raw;

/// One read.
const READ_BYTES: usize = 64 * 1024;
/// What a connection that does not read may owe, before it is closed.
const OWED_BYTES: usize = 64 * 1024 * 1024;

/// The way back to a connection.
#[derive(Debug)]
struct Line {
    socket: TcpStream,
    owed: Mutex<Vec<u8>>,
    /// Something is owed that the socket did not take.
    stuck: Notify,
}

type Lines = Arc<Mutex<HashMap<u32, Arc<Line>>>>;

/// Runs until stdin ends.
pub(crate) fn main() -> Result<(), String> {
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin().lock().take(u64::MAX), &mut io::sink());
        std::process::exit(0);
    });
    super::block_on(async {
        let failed = |error: io::Error| format!("the relay cannot listen: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        println!("listening on http://{}", listener.local_addr().map_err(failed)?);
        let lines = Lines::default();
        loop {
            let (socket, _) = listener.accept().await.map_err(failed)?;
            let _ = socket.set_nodelay(true);
            let line = Arc::new(Line { socket, owed: Mutex::default(), stuck: Notify::new() });
            tokio::spawn(serve(line, Arc::clone(&lines)));
        }
    })
}

async fn serve(line: Arc<Line>, lines: Lines) {
    let mut connection = Connection { line, lines, me: raw::NOBODY, target: None, rest: Vec::new() };
    // An error is the end of the connection, and the generator's to notice.
    let _ = connection.run().await;
    lock(&connection.lines).remove(&connection.me);
}

struct Connection {
    line: Arc<Line>,
    lines: Lines,
    me: u32,
    target: Option<(u32, Option<Arc<Line>>)>,
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
            if let Some((_, Some(target))) = &self.target {
                // The other side's end is the other side's business.
                let _ = target.flush();
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
        self.target = Some((word(1), None)).filter(|(target, _)| *target != raw::NOBODY);
        lock(&self.lines).insert(self.me, Arc::clone(&self.line));
        self.line.owe(frame);
    }

    fn pass_on(&mut self, frame: &[u8]) {
        let Some((number, line)) = &mut self.target else { return };
        if line.is_none() {
            *line = lock(&self.lines).get(number).cloned();
        }
        if let Some(line) = line {
            line.owe(frame);
        }
    }
}

impl Line {
    fn owe(&self, frame: &[u8]) {
        let mut owed = lock(&self.owed);
        if owed.len() < OWED_BYTES {
            raw::put(frame, &mut owed);
        }
    }

    /// Writes what the socket takes.
    fn flush(&self) -> io::Result<()> {
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // One thread, and nothing that can leave a value half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
