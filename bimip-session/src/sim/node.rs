//! One device in the world: its session, its store, and its app.

use bimip_proto::{Caps, CursorBy, Device, Now};

use super::bot::Bot;
use super::lie::Lie;
use super::store::Store;
use super::wire::Wire;
use crate::client::{ClientSession, Config, Resume};
use crate::server::ConnId;

/// The longest silence before a device asks for a sign of life.
pub(super) const HEARTBEAT_MS: u64 = 25_000;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) device: Device,
    pub(super) wire: Box<dyn Wire>,
    pub(super) session: ClientSession,
    pub(super) store: Store,
    pub(super) bot: Option<Box<dyn Bot>>,
    pub(super) conn: Option<ConnId>,
    /// Raised by a crash: what was scheduled for the life before is void.
    pub(super) life: u64,
    /// A sync of its store is under way.
    pub(super) sync_due: bool,
    /// Its link is stopped: nothing passes, and no dial is answered.
    pub(super) stopped: bool,
    /// The dial under way: an answer to an earlier one comes too late.
    pub(super) dial: u64,
    /// Ten times slower than the others.
    pub(super) slow: bool,
    /// A timer that fires late: not before this time.
    pub(super) timer_mono_ms: u64,
    /// Drafts, or marks, that it has on the wire at once; the fewer of them.
    pub(super) window: usize,
}

impl Node {
    pub(super) fn new(
        name: String,
        device: Device,
        wire: Box<dyn Wire>,
        seed: u64,
        lie: Option<Lie>,
    ) -> Self {
        let config = config(&device, wire.caps(), seed);
        let window = config.window_drafts.min(config.window_marks);
        let session = ClientSession::new(config, Resume::default(), Now::default());
        Self {
            name,
            device,
            wire,
            session,
            store: Store::new(lie),
            bot: None,
            conn: None,
            life: 0,
            sync_due: false,
            stopped: false,
            dial: 0,
            slow: false,
            timer_mono_ms: 0,
            window,
        }
    }

    pub(super) fn is_walkie(&self) -> bool {
        self.wire.caps().cursor == CursorBy::Barrier
    }

    /// The app starts again from what its store has.
    pub(super) fn restart(&mut self, now: Now, seed: u64) {
        self.life += 1;
        self.sync_due = false;
        self.dial += 1;
        self.timer_mono_ms = 0;
        let config = config(&self.device, self.wire.caps(), seed);
        self.window = config.window_drafts.min(config.window_marks);
        self.session = ClientSession::new(config, self.store.resume(), now);
    }
}

fn config(device: &Device, caps: Caps, seed: u64) -> Config {
    let mut config = Config::new(device.clone());
    config.seed = seed;
    config.heartbeat_max_ms = HEARTBEAT_MS;
    config.unacked_drafts = 4096;
    config.unnoted_marks = 4096;
    config.window_marks = 1 + usize::try_from(seed >> 16).unwrap_or(0) % 64;
    config.dispose_rows = 1 + seed % 8;
    config.window_drafts = 1 + usize::try_from(seed >> 8).unwrap_or(0) % 64;
    if caps.cursor == CursorBy::Barrier {
        config.token = None;
        config.welcome = false;
        config.resend = false;
    }
    config.announce = caps.cursor == CursorBy::Arrival;
    config
}
