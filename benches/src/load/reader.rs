//! A reader of `bimip.v1`: takes rows as they come, checks their order, disposes of them in time.

use std::time::Duration;

use super::clock;
use super::frames::{self, Heard};
use super::peer::Peer;
use crate::stats::Histogram;

/// Rows are disposed of when there are so many,
const DISPOSE_ROWS: u64 = 32;
/// or when the first of them has waited so long.
const DISPOSE_WAIT: Duration = Duration::from_millis(20);
/// How often a reader who hears nothing looks around.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Reader {
    peer: Peer,
    /// The number that the next message has to have, and how far they are apart.
    next: u64,
    stride: u64,
    pub(super) received: u64,
    /// Messages from this number on are timed.
    pub(super) timed_from: u64,
    pub(super) delays: Histogram,
    /// The last row, and rows up to which are no news on this connection.
    seen: u64,
    known: u64,
    /// Rows that wait to be disposed of, and until when.
    rows: u64,
    due_ns: u64,
}

impl Reader {
    /// How an error begins that is no end of a connection.
    pub(super) const BROKEN: &str = "out of order:";

    pub(super) fn new(peer: Peer, first: u64, stride: u64) -> Self {
        Self {
            peer,
            next: first,
            stride,
            received: 0,
            timed_from: u64::MAX,
            delays: Histogram::new(),
            seen: 0,
            known: 0,
            rows: 0,
            due_ns: u64::MAX,
        }
    }

    /// Goes on with another connection of the same device, on which rows that it has may come again.
    pub(super) fn come_back(&mut self, peer: Peer) {
        self.peer = peer;
        self.known = self.seen;
        (self.rows, self.due_ns) = (0, u64::MAX);
    }

    /// Reads so many bytes at most, and looks at none of them.
    pub(super) fn sip(&mut self, most_bytes: usize) -> Result<(), String> {
        self.peer.sip(most_bytes)
    }

    /// Takes what has arrived: how many messages.
    pub(super) fn listen(&mut self, now: u64) -> Result<u64, String> {
        let before = self.received;
        while let Some(frame) = self.peer.next()? {
            match frames::read(self.peer.bytes(frame)) {
                Some(Heard::Delivery { number, stamp, offset }) => self.take(now, number, stamp, offset)?,
                Some(Heard::Refused(code)) => {
                    return Err(format!("the server says no, or goodbye, with code {code}"));
                }
                Some(_) => {}
                None => return Err("a frame that cannot be read".to_owned()),
            }
        }
        Ok(self.received - before)
    }

    fn take(&mut self, now: u64, number: u64, stamp: u64, offset: u64) -> Result<(), String> {
        if offset <= self.known {
            return Ok(());
        }
        if number != self.next || offset <= self.seen {
            return Err(format!(
                "{} message {number} of row {offset} came after row {}, instead of message {}",
                Self::BROKEN,
                self.seen,
                self.next
            ));
        }
        (self.next, self.seen) = (number + self.stride, offset);
        self.received += 1;
        if number >= self.timed_from {
            self.delays.add(now.saturating_sub(stamp));
        }
        if self.rows == 0 {
            self.due_ns = now + clock::to_ns(DISPOSE_WAIT);
        }
        self.rows += 1;
        Ok(())
    }

    /// Says what is to be said by now.
    pub(super) fn answer(&mut self, now: u64) -> Result<(), String> {
        if self.rows >= DISPOSE_ROWS || (self.rows > 0 && now >= self.due_ns) {
            self.peer.queue(&frames::dispose(self.seen));
            (self.rows, self.due_ns) = (0, u64::MAX);
        }
        self.peer.flush()
    }

    /// Until something arrives, or something is to be said, or some time has passed.
    pub(super) async fn wait(&mut self, now: u64) -> Result<(), String> {
        let until = (now + clock::to_ns(LOOK)).min(self.due_ns);
        tokio::select! {
            heard = self.peer.hear() => heard,
            () = tokio::time::sleep_until(clock::instant(until)) => Ok(()),
        }
    }
}
