//! The node's side of all connections: outputs grouped by connection, handed over once per turn.

use std::collections::HashMap;
use std::sync::Arc;

use bimip_codec::Dialect;
use bimip_proto::CloseReason;
use bimip_session::server::ConnId;

use crate::counts::Counts;
use crate::outbox::{Out, Outbox};

#[derive(Debug)]
pub(crate) struct Peers {
    peers: HashMap<ConnId, Peer>,
    /// Those with something staged.
    dirty: Vec<ConnId>,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Peer {
    /// `None` for a virtual connection.
    dialect: Option<Dialect>,
    outbox: Arc<Outbox>,
    staged: Vec<Out>,
}

impl Peers {
    pub(crate) fn new(counts: Arc<Counts>) -> Self {
        Self { peers: HashMap::new(), dirty: Vec::new(), counts }
    }

    pub(crate) fn add(&mut self, conn: ConnId, dialect: Option<Dialect>, outbox: Arc<Outbox>) {
        self.peers.insert(conn, Peer { dialect, outbox, staged: Vec::new() });
    }

    /// What a connection speaks, while it is there.
    pub(crate) fn dialect(&self, conn: ConnId) -> Option<Dialect> {
        self.peers.get(&conn).and_then(|peer| peer.dialect)
    }

    pub(crate) fn stage(&mut self, conn: ConnId, out: Out) {
        let Some(peer) = self.peers.get_mut(&conn) else { return };
        if peer.staged.is_empty() {
            self.dirty.push(conn);
        }
        peer.staged.push(out);
    }

    /// The core is done with a connection: it ends after what is staged.
    pub(crate) fn close(&mut self, conn: ConnId, reason: CloseReason) {
        self.stage(conn, Out::Close(reason));
        self.remove(conn);
    }

    /// A connection is done with the core; it may still write what is staged.
    pub(crate) fn remove(&mut self, conn: ConnId) {
        let Some(peer) = self.peers.remove(&conn) else { return };
        if let Ok(dropped) = peer.outbox.push(peer.staged) {
            self.counts.live_dropped.add(dropped);
        }
        peer.outbox.close();
    }

    /// One hand-over for each connection. Gives back those whose task is gone without a word.
    pub(crate) fn flush(&mut self) -> Vec<ConnId> {
        let mut gone = Vec::new();
        for conn in self.dirty.drain(..) {
            let Some(peer) = self.peers.get_mut(&conn) else { continue };
            let staged = std::mem::take(&mut peer.staged);
            match peer.outbox.push(staged) {
                Ok(dropped) => self.counts.live_dropped.add(dropped),
                Err(_) => gone.push(conn),
            }
        }
        for conn in &gone {
            self.peers.remove(conn);
        }
        gone
    }
}

impl Drop for Peers {
    /// Whoever is still there has to go.
    fn drop(&mut self) {
        for peer in self.peers.values() {
            peer.outbox.close();
        }
    }
}
