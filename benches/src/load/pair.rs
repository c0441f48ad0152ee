//! One sender and one receiver: keeps the window full, or the pace; checks and times everything it hears.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use super::frames::{self, Draft, Heard};
use super::peer::Peer;
use super::{clock, raw};
use crate::stats::Histogram;

/// Rows are disposed of when there are so many,
const DISPOSE_ROWS: u64 = 32;
/// or when the first of them has waited so long.
const DISPOSE_WAIT: Duration = Duration::from_millis(20);
/// Until everything that was sent has to be there.
const DRAIN: Duration = Duration::from_secs(30);
/// Once everything is there, whatever comes in this time is one too many.
const LINGER: Duration = Duration::from_millis(200);
/// How often a pair that hears nothing looks whether the phase has changed.
const LOOK: Duration = Duration::from_millis(100);

/// What all pairs share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    phase: AtomicU8,
    /// Messages that were delivered.
    delivered: AtomicU64,
}

/// What a pair does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    WarmUp = 0,
    Measure = 1,
    /// Nothing more is sent; what was sent has to arrive.
    Drain = 2,
}

impl Shared {
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::WarmUp,
            1 => Phase::Measure,
            _ => Phase::Drain,
        }
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }
}

/// When a sender sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) first_ns: u64,
    pub(super) every_ns: u64,
}

impl Pace {
    /// That of one of so many, so that all together keep the rate.
    pub(super) fn share(index: u32, of: u32, rate: u64) -> Self {
        let every_ns = u64::from(of) * 1_000_000_000 / rate.max(1);
        let share = every_ns / u64::from(of) * u64::from(index);
        Self { first_ns: clock::ns() + 100_000_000 + share, every_ns }
    }
}

/// The language of the other side.
#[derive(Debug)]
pub(super) enum Tongue {
    Bimip(Box<Draft>),
    /// Messages of so many bytes.
    Raw(usize),
}

/// What a pair found.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) acks: Histogram,
    pub(super) deliveries: Histogram,
    pub(super) sent: u64,
    pub(super) receipts: u64,
    /// How far behind its pace it was at worst.
    pub(super) late_ns: u64,
}

#[derive(Debug)]
pub(super) struct Pair {
    pub(super) shared: Arc<Shared>,
    tongue: Tongue,
    sender: End,
    receiver: End,
    window: u64,
    pace: Option<Pace>,
    phase: Phase,
    /// When the messages in flight were sent, by number.
    sent_at: Vec<u64>,
    acked: u64,
    received: u64,
    tally: Tally,
}

/// A connection, and its rows that wait to be disposed of.
#[derive(Debug)]
struct End {
    peer: Peer,
    rows: u64,
    offset: u64,
    due_ns: u64,
}

impl End {
    const fn new(peer: Peer) -> Self {
        Self { peer, rows: 0, offset: 0, due_ns: u64::MAX }
    }

    fn row(&mut self, now: u64, offset: u64) {
        if self.rows == 0 {
            self.due_ns = now + clock::to_ns(DISPOSE_WAIT);
        }
        self.rows += 1;
        self.offset = offset;
    }

    fn dispose_if_due(&mut self, now: u64, tongue: &Tongue) {
        if self.rows >= DISPOSE_ROWS || (self.rows > 0 && now >= self.due_ns) {
            match tongue {
                Tongue::Bimip(_) => self.peer.queue(&frames::dispose(self.offset)),
                Tongue::Raw(_) => self.peer.queue(&raw::frame(raw::DISPOSE, &[], raw::DISPOSE_BYTES)),
            }
            (self.rows, self.due_ns) = (0, u64::MAX);
        }
    }
}

impl Pair {
    pub(super) fn new(
        shared: Arc<Shared>,
        tongue: Tongue,
        (sender, receiver): (Peer, Peer),
        window: u64,
        pace: Option<Pace>,
    ) -> Self {
        let (acks, deliveries) = (Histogram::new(), Histogram::new());
        Self {
            shared,
            tongue,
            sender: End::new(sender),
            receiver: End::new(receiver),
            window,
            pace,
            phase: Phase::WarmUp,
            sent_at: vec![0; usize::try_from(window).unwrap_or(1)],
            acked: 0,
            received: 0,
            tally: Tally { acks, deliveries, sent: 0, receipts: 0, late_ns: 0 },
        }
    }

    /// Until everything that was sent before the drain has arrived.
    pub(super) async fn run(mut self) -> Result<Tally, String> {
        let (mut give_up_ns, mut over_ns) = (u64::MAX, u64::MAX);
        loop {
            let now = clock::ns();
            self.phase = self.shared.phase();
            self.heard_by_sender(now)?;
            self.heard_by_receiver(now)?;
            self.say(now);
            self.sender.dispose_if_due(now, &self.tongue);
            self.receiver.dispose_if_due(now, &self.tongue);
            self.sender.peer.flush()?;
            self.receiver.peer.flush()?;
            if self.phase == Phase::Drain {
                if self.is_done() {
                    over_ns = over_ns.min(now + clock::to_ns(LINGER));
                }
                if now >= over_ns {
                    return Ok(self.tally);
                }
                give_up_ns = give_up_ns.min(now + clock::to_ns(DRAIN));
                if now >= give_up_ns && over_ns == u64::MAX {
                    return Err(self.what_is_missing());
                }
            }
            self.wait(now).await?;
        }
    }

    fn is_done(&self) -> bool {
        let sent = self.tally.sent;
        let receipts = matches!(self.tongue, Tongue::Raw(_)) || self.tally.receipts == sent;
        self.acked == sent && self.received == sent && receipts
    }

    fn what_is_missing(&self) -> String {
        let (sent, acked, received, receipts) =
            (self.tally.sent, self.acked, self.received, self.tally.receipts);
        format!(
            "of {sent} messages, {acked} were acknowledged, {received} delivered, {receipts} receipted within {} s",
            DRAIN.as_secs()
        )
    }

    async fn wait(&mut self, now: u64) -> Result<(), String> {
        let mut until = (now + clock::to_ns(LOOK)).min(self.sender.due_ns).min(self.receiver.due_ns);
        if let Some(pace) = self.pace.filter(|_| self.phase != Phase::Drain) {
            until = until.min(pace.first_ns);
        }
        tokio::select! {
            heard = self.sender.peer.hear() => heard,
            heard = self.receiver.peer.hear() => heard,
            () = tokio::time::sleep_until(clock::instant(until)) => Ok(()),
        }
    }

    /// Fills the window, or keeps the pace as far as the window lets it.
    fn say(&mut self, now: u64) {
        while self.phase != Phase::Drain && self.tally.sent - self.acked < self.window {
            if let Some(pace) = &mut self.pace {
                if now < pace.first_ns {
                    break;
                }
                self.tally.late_ns = self.tally.late_ns.max(now - pace.first_ns);
                pace.first_ns += pace.every_ns;
            }
            self.tally.sent += 1;
            let number = self.tally.sent;
            match &mut self.tongue {
                Tongue::Bimip(draft) => self.sender.peer.queue(draft.next(number, now)),
                Tongue::Raw(bytes) => {
                    self.sender.peer.queue(&raw::frame(raw::MESSAGE, &[number, now], *bytes));
                }
            }
            let at = self.place(number);
            self.sent_at[at] = now;
        }
    }

    fn place(&self, number: u64) -> usize {
        usize::try_from(number % self.window).unwrap_or_default()
    }

    fn heard_by_sender(&mut self, now: u64) -> Result<(), String> {
        while let Some(frame) = self.sender.peer.next()? {
            match self.tongue.read(self.sender.peer.bytes(frame))? {
                Heard::Ack(number) => {
                    if number != self.acked + 1 {
                        return Err(format!("acknowledged {number} after {}", self.acked));
                    }
                    self.acked = number;
                    if self.phase == Phase::Measure {
                        let at = self.place(number);
                        self.tally.acks.add(now.saturating_sub(self.sent_at[at]));
                    }
                }
                Heard::Receipt { offset } => {
                    self.tally.receipts += 1;
                    if let Some(offset) = offset {
                        self.sender.row(now, offset);
                    }
                }
                Heard::Refused(code) => return Err(format!("the server refused with code {code}")),
                Heard::Delivery { .. } => return Err("the sender was sent a message".to_owned()),
                Heard::Welcome | Heard::Other => {}
            }
        }
        Ok(())
    }

    fn heard_by_receiver(&mut self, now: u64) -> Result<(), String> {
        let before = self.received;
        while let Some(frame) = self.receiver.peer.next()? {
            match self.tongue.read(self.receiver.peer.bytes(frame))? {
                Heard::Delivery { number, stamp, offset } => {
                    if number != self.received + 1 {
                        return Err(format!("delivered {number} after {}", self.received));
                    }
                    self.received = number;
                    self.receiver.row(now, offset);
                    if self.phase == Phase::Measure {
                        self.tally.deliveries.add(now.saturating_sub(stamp));
                    }
                }
                Heard::Refused(code) => return Err(format!("the server refused with code {code}")),
                _ => {}
            }
        }
        self.shared.delivered.fetch_add(self.received - before, Ordering::Relaxed);
        Ok(())
    }
}

impl Tongue {
    fn read(&self, frame: &[u8]) -> Result<Heard, String> {
        let heard = match self {
            Self::Bimip(_) => frames::read(frame),
            Self::Raw(_) => read_raw(frame),
        };
        heard.ok_or_else(|| "a frame that cannot be read".to_owned())
    }
}

fn read_raw(frame: &[u8]) -> Option<Heard> {
    Some(match *frame.first()? {
        raw::ACK => Heard::Ack(raw::word(frame, 0)?),
        raw::MESSAGE => Heard::Delivery {
            number: raw::word(frame, 0)?,
            stamp: raw::word(frame, 1)?,
            offset: raw::word(frame, 0)?,
        },
        _ => Heard::Other,
    })
}
