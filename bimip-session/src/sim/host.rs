//! A server core, and its way to the disk.

use super::disk::Owner;
use crate::ledger::Ticket;
use crate::server::{Config, ServerCore};

/// One core. It crashes alone.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) core: ServerCore,
    /// Raised by a crash: what was under way for the life before is void.
    pub(super) life: u64,
    /// It takes no connections before this time.
    pub(super) up_mono_ms: u64,
    /// Answers of the disk never overtake each other.
    pub(super) answers_mono_ms: u64,
    /// A timer that fires late: not before this time.
    pub(super) timer_mono_ms: u64,
    /// Ten times slower than the others.
    pub(super) slow: bool,
}

impl Host {
    pub(super) fn new(config: Config) -> Self {
        Self {
            core: ServerCore::new(config),
            life: 0,
            up_mono_ms: 0,
            answers_mono_ms: 0,
            timer_mono_ms: 0,
            slow: false,
        }
    }

    pub(super) fn restart(&mut self, config: Config, up_mono_ms: u64) {
        *self = Self { life: self.life + 1, up_mono_ms, slow: self.slow, ..Self::new(config) };
    }
}

/// Tickets on their way to the disk, of one core or of all.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) tickets: Vec<(Owner, Ticket)>,
    pub(super) write_due: bool,
}
