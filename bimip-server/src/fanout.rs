//! Which packets of a turn are the same for several connections.

use std::sync::Arc;

use bimip_codec::Shared;
use bimip_proto::{Address, Entry, ServerPacket};
use bimip_session::ledger::Outgoing;

/// Notices that rows are about one message. The rows of a commit come one after the other, so the last is all there is
/// to remember.
#[derive(Debug, Default)]
pub(crate) struct Fanout {
    last: Option<(Arc<Entry>, Arc<Shared>)>,
}

impl Fanout {
    /// What the frames of this packet have in common with those of others; `None` where looking is not worth it.
    pub(crate) fn of(&mut self, outgoing: &Outgoing) -> Option<Arc<Shared>> {
        let ServerPacket::Deliver(row) = outgoing.packet() else { return None };
        let Entry::Message(message) = &*row.entry else { return None };
        if !matches!(message.head.to, Address::Group(_)) {
            return None;
        }
        if let Some((entry, shared)) = &self.last
            && Arc::ptr_eq(entry, &row.entry)
        {
            return Some(Arc::clone(shared));
        }
        let shared = Arc::new(Shared::default());
        self.last = Some((Arc::clone(&row.entry), Arc::clone(&shared)));
        Some(shared)
    }

    /// The turn is over: nothing is kept alive for a row that may never come.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }
}
