//! A reader who does not keep up, and who writes to them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::ask::signed_in;
use super::clock;
use super::fill::Fill;
use super::frames::{self, Draft, Heard};
use super::pair::{Pace, Phase, Shared};
use super::peer::Peer;
use super::reader::Reader;

/// What waits for each of them from the start: more than a window of rows.
pub(super) const BACKLOG: u64 = 300;
/// What a body to them weighs.
pub(super) const BODY_BYTES: usize = 1024;
/// What their sockets take and the system does not give back.
const ROOM_BYTES: u32 = 4 * 1024;
/// Those that read at all read so much,
const SIP_BYTES: usize = 16;
/// so often.
const SIP: Duration = Duration::from_millis(250);
/// Until they have everything, once they read.
const DRAIN: Duration = Duration::from_secs(30);
/// Once everything is there, whatever comes in this time is one too many.
const LINGER: Duration = Duration::from_millis(200);
/// Connections that one of them needs at most.
const CONNECTIONS: u32 = 8;

#[derive(Debug)]
pub(super) struct Sluggish {
    pub(super) index: u32,
    pub(super) pace: Pace,
    address: SocketAddr,
    shared: Arc<Shared>,
    sender: Peer,
    draft: Draft,
    /// `None` before its first connection.
    reader: Option<Reader>,
    sent: u64,
    acked: u64,
    window: u64,
    connections: u32,
    /// The connection has ended.
    gone: bool,
}

fn user(index: u32) -> String {
    format!("bench_slow_{index:04}")
}

impl Sluggish {
    /// Fills the backlog; then it connects, unless it is to come only when it reads.
    pub(super) async fn prepare(
        address: SocketAddr,
        index: u32,
        window: u64,
        here: bool,
        shared: Arc<Shared>,
    ) -> Result<Self, String> {
        let (from, into) = (format!("bench_slow_sender_{index:04}"), user(index));
        let draft = || Draft::sized(&from, "phone", &into, BODY_BYTES);
        let fill = Fill {
            peer: signed_in(address, &from, "phone").await?,
            drafts: vec![draft()],
            each: BACKLOG,
            window,
            stored: Arc::default(),
        };
        let sender = fill.run().await?;
        let mut reader = None;
        if here {
            let peer = Peer::to_server_with_room(address, "/bimip", &into, "phone", ROOM_BYTES).await?;
            reader = Some(Reader::new(peer, 1, 1));
        }
        Ok(Self {
            index,
            pace: Pace { first_ns: u64::MAX, every_ns: 1 },
            address,
            shared,
            sender,
            draft: draft(),
            reader,
            sent: BACKLOG,
            acked: BACKLOG,
            window,
            connections: here.into(),
            gone: false,
        })
    }

    /// Until it has everything. How much that was.
    pub(super) async fn run(mut self, let_go: Arc<AtomicU64>) -> Result<u64, String> {
        let reads = self.index.is_multiple_of(2);
        let mut sip_ns = 0;
        while self.shared.phase() != Phase::Drain {
            let now = clock::ns();
            if reads && now >= sip_ns {
                sip_ns = now + clock::to_ns(SIP);
                // That it ended is found out again when it is read in earnest.
                self.gone |= self.reader.as_mut().is_some_and(|reader| reader.sip(SIP_BYTES).is_err());
            }
            self.write(now);
            self.sender.flush()?;
            let until = self.pace.first_ns.min(now + clock::to_ns(SIP));
            tokio::select! {
                heard = self.sender.hear() => heard?,
                () = tokio::time::sleep_until(clock::instant(until)) => {}
            }
            self.acks()?;
        }
        self.catch_up().await?;
        if self.connections > 1 {
            let_go.fetch_add(1, Ordering::Relaxed);
        }
        Ok(self.received())
    }

    fn received(&self) -> u64 {
        self.reader.as_ref().map_or(0, |reader| reader.received)
    }

    /// Sends what is due, as far as the window lets it.
    fn write(&mut self, now: u64) {
        while now >= self.pace.first_ns && self.sent - self.acked < self.window {
            self.pace.first_ns += self.pace.every_ns;
            self.sent += 1;
            self.sender.queue(self.draft.next(self.sent, now));
        }
    }

    fn acks(&mut self) -> Result<(), String> {
        while let Some(frame) = self.sender.next()? {
            match frames::read(self.sender.bytes(frame)) {
                Some(Heard::Ack(number)) if number == self.acked + 1 => self.acked = number,
                Some(Heard::Ack(number)) => {
                    return Err(format!("acknowledged {number} after {}", self.acked));
                }
                Some(Heard::Refused(code)) => return Err(format!("the server refused with code {code}")),
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads until everything is there, on another connection where this one is gone.
    async fn catch_up(&mut self) -> Result<(), String> {
        let give_up_ns = clock::ns() + clock::to_ns(DRAIN);
        let mut over_ns = u64::MAX;
        loop {
            let now = clock::ns();
            if now >= over_ns {
                return Ok(());
            }
            if now >= give_up_ns {
                return Err(format!(
                    "a slow reader has {} of {} messages, of which {} are acknowledged, after {} s",
                    self.received(),
                    self.sent,
                    self.acked,
                    DRAIN.as_secs()
                ));
            }
            if let Err(error) = self.read(now).await {
                if error.starts_with(Reader::BROKEN) {
                    return Err(error);
                }
                self.come_back(&error).await?;
            }
            self.acks()?;
            if self.received() == self.sent && self.acked == self.sent {
                over_ns = over_ns.min(now + clock::to_ns(LINGER));
            } else if self.received() > self.sent {
                return Err("a slow reader got a message too many".to_owned());
            }
        }
    }

    async fn read(&mut self, now: u64) -> Result<(), String> {
        let Some(reader) = self.reader.as_mut().filter(|_| !std::mem::take(&mut self.gone)) else {
            return Err("there is no connection".to_owned());
        };
        reader.listen(now)?;
        reader.answer(now)?;
        self.sender.flush()?;
        tokio::select! {
            heard = reader.wait(now) => heard,
            heard = self.sender.hear() => heard,
        }
    }

    async fn come_back(&mut self, error: &str) -> Result<(), String> {
        self.connections += 1;
        if self.connections > CONNECTIONS {
            return Err(format!("a slow reader is let go again and again: {error}"));
        }
        let peer = signed_in(self.address, &user(self.index), "phone").await?;
        match &mut self.reader {
            Some(reader) => reader.come_back(peer),
            None => self.reader = Some(Reader::new(peer, 1, 1)),
        }
        Ok(())
    }
}
