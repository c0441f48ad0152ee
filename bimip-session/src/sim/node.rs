//! One device in the world: its session, and the app that stores what it receives.

use bimip_proto::{Caps, CursorBy, Device, Draft, Entry, MessageRef, Offset, Row, Status};
use std::sync::Arc;

use super::wire::Wire;
use crate::client::{ClientSession, Config, Resume};
use crate::server::ConnId;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) device: Device,
    pub(super) wire: Box<dyn Wire>,
    pub(super) session: ClientSession,
    pub(super) app: App,
    pub(super) conn: Option<ConnId>,
    /// Raised by a crash: what was scheduled for the life before is void.
    pub(super) life: u64,
}

/// What survives a crash of the client: it is stored when it is said to be.
#[derive(Debug, Default)]
pub(super) struct App {
    pub(super) epoch: u32,
    pub(super) stored: Offset,
    pub(super) rows: Vec<(Offset, Arc<Entry>)>,
    pub(super) unacked: Vec<Draft>,
    pub(super) marks: Vec<(MessageRef, Status)>,
}

impl Node {
    pub(super) fn new(name: String, device: Device, wire: Box<dyn Wire>, seed: u64) -> Self {
        let config = config(&device, wire.caps(), seed);
        let session = ClientSession::new(config, Resume::default(), bimip_proto::Now::default());
        Self { name, device, wire, session, app: App::default(), conn: None, life: 0 }
    }

    pub(super) fn is_walkie(&self) -> bool {
        self.wire.caps().cursor == CursorBy::Barrier
    }

    /// The client crashes and starts again from what its app stored.
    pub(super) fn restart(&mut self, now: bimip_proto::Now, seed: u64) {
        self.life += 1;
        let App { epoch, stored: seen, unacked, marks, .. } = &self.app;
        let resume = Resume { epoch: *epoch, seen: *seen, unacked: unacked.clone(), marks: marks.clone() };
        self.session = ClientSession::new(config(&self.device, self.wire.caps(), seed), resume, now);
    }

    /// The app stores a row.
    pub(super) fn store(&mut self, row: &Row) {
        if row.offset == Offset::ZERO {
            self.app.rows.push((row.offset, Arc::clone(&row.entry)));
        } else if row.offset > self.app.stored {
            self.app.stored = row.offset;
            self.app.rows.push((row.offset, Arc::clone(&row.entry)));
        }
    }
}

fn config(device: &Device, caps: Caps, seed: u64) -> Config {
    let mut config = Config::new(device.clone());
    config.seed = seed;
    config.unacked_drafts = 4096;
    config.dispose_rows = 1 + seed % 8;
    if caps.cursor == CursorBy::Barrier {
        config.token = None;
        config.welcome = false;
        config.resend = false;
    }
    config
}
