//! The durable floor: a log file, and one fdatasync for everything that came while the last one ran.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::raw;
use super::relay::{Line, lock};

/// Then the log begins again, so that a run of a minute does not fill a disk.
const LOG_BYTES: usize = 1024 * 1024 * 1024;

/// Messages on their way to the disk. They are passed on and acknowledged when they are there.
#[derive(Debug, Clone)]
pub(super) struct Journal(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    batch: Mutex<Batch>,
    /// There is something in the batch.
    more: Condvar,
}

#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    frame: Range<usize>,
    from: Arc<Line>,
    to: Arc<[Arc<Line>]>,
}

impl Journal {
    /// Starts the thread that writes. A disk that fails ends the process: a floor that stands is none.
    pub(super) fn start(path: &Path) -> io::Result<Self> {
        let mut file = File::create_new(path)?;
        let shared = Arc::new(Shared::default());
        let journal = Self(Arc::clone(&shared));
        thread::spawn(move || {
            let (mut batch, mut written) = (Batch::default(), 0);
            loop {
                shared.next(&mut batch);
                if let Err(error) = keep(&mut file, &mut written, &batch.bytes) {
                    eprintln!("the relay's log: {error}");
                    std::process::exit(1);
                }
                batch.release();
            }
        });
        Ok(journal)
    }

    pub(super) fn add(&self, frame: &[u8], from: &Arc<Line>, to: &Arc<[Arc<Line>]>) {
        let mut batch = lock(&self.0.batch);
        let start = batch.bytes.len();
        batch.bytes.extend_from_slice(frame);
        let frame = start..batch.bytes.len();
        batch.held.push(Held { frame, from: Arc::clone(from), to: Arc::clone(to) });
        if batch.held.len() == 1 {
            self.0.more.notify_one();
        }
    }
}

impl Shared {
    /// Waits for messages and takes all of them.
    fn next(&self, batch: &mut Batch) {
        let waiting = self.more.wait_while(lock(&self.batch), |batch| batch.held.is_empty());
        std::mem::swap(&mut *waiting.unwrap_or_else(std::sync::PoisonError::into_inner), batch);
    }
}

fn keep(file: &mut File, written: &mut usize, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_data()?;
    *written += bytes.len();
    if *written > LOG_BYTES {
        *written = 0;
        file.rewind()?;
    }
    Ok(())
}

impl Batch {
    /// Passes on and acknowledges, with one write for each connection.
    fn release(&mut self) {
        let mut touched = Vec::new();
        for held in self.held.drain(..) {
            let frame = &self.bytes[held.frame];
            let number = raw::word(frame, 0).unwrap_or_default();
            for to in held.to.iter() {
                to.owe(frame);
                touched.push(Arc::clone(to));
            }
            held.from.owe(&raw::frame(raw::ACK, &[number], raw::ACK_BYTES));
            touched.push(held.from);
        }
        self.bytes.clear();
        touched.sort_unstable_by_key(Arc::as_ptr);
        touched.dedup_by(|one, other| Arc::ptr_eq(one, other));
        for line in touched {
            // The end of a connection is the business of its own task.
            let _ = line.flush();
        }
    }
}
