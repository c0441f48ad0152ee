//! The node's inbox, as others see it.

use std::sync::Arc;

use bimip_codec::Dialect;
use bimip_session::server::{ConnId, Grant, Input, Level};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::outbox::Outbox;
use crate::server::Report;

/// What the inbox holds: batches, one for each socket read, commit or page. What sockets bring is bounded in bytes, too
/// ([`Room`]). A full inbox makes sockets wait, which makes their peers wait.
pub(crate) const INBOX_BATCHES: usize = 256;

/// The bytes of what was read from sockets and that the core has not seen.
///
/// What a connection has read already is in its own hands while it waits for room: one batch of
/// [`READ_PACKETS`](crate::connection::READ_PACKETS) or [`READ_BYTES`](crate::connection::READ_BYTES), and the frame that
/// went over that.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    free: Arc<Semaphore>,
    most: u32,
}

impl Room {
    pub(crate) fn new(bytes: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(bytes as usize)), most: bytes }
    }

    /// Waits for room, which is given back when the answer is dropped. Who comes first is served first. What is larger than
    /// all of it waits for all of it. `None` never comes: the room is not closed.
    pub(crate) async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.most);
        Arc::clone(&self.free).acquire_many_owned(bytes).await.ok()
    }

    /// How much is taken, and how much there is.
    pub(crate) fn level(&self) -> Level {
        let free = self.free.available_permits() as u64;
        Level { used: u64::from(self.most).saturating_sub(free), most: self.most.into() }
    }
}

/// One item of the inbox.
#[derive(Debug)]
pub(crate) enum ToNode {
    /// A new connection.
    Open { conn: ConnId, dialect: Dialect, grant: Option<Grant>, outbox: Arc<Outbox> },
    /// A virtual connection, with its opening and what is said on it first, and the room that it takes until the core has
    /// seen it.
    Line { conn: ConnId, outbox: Arc<Outbox>, inputs: Vec<Input>, room: Option<OwnedSemaphorePermit> },
    /// Inputs for the core, in order.
    Inputs(Vec<Input>),
    /// What a connection said, in order, and the room that it takes until the core has seen it.
    Heard(Vec<Input>, Option<OwnedSemaphorePermit>),
    /// How is it going?
    Report(oneshot::Sender<Report>),
}

/// A way into the inbox for those that answer the node. It does not keep the node alive.
#[derive(Debug, Clone)]
pub(crate) struct Post(mpsc::WeakSender<ToNode>);

impl Post {
    pub(crate) fn new(inbox: &mpsc::Sender<ToNode>) -> Self {
        Self(inbox.downgrade())
    }

    /// From a thread. The node never waits for threads, so this ends; when the node is gone, nobody is left to
    /// answer.
    pub(crate) fn send_blocking(&self, inputs: Vec<Input>) {
        if let Some(inbox) = self.0.upgrade() {
            let _ = inbox.blocking_send(ToNode::Inputs(inputs));
        }
    }

    /// From a task.
    pub(crate) async fn send(&self, inputs: Vec<Input>) {
        if let Some(inbox) = self.0.upgrade() {
            let _ = inbox.send(ToNode::Inputs(inputs)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    // DM-FLOW-5
    #[tokio::test]
    async fn the_room_is_bytes_and_comes_back() {
        let room = Room::new(100);
        let first = room.take(60).await;
        assert_eq!(room.level(), Level { used: 60, most: 100 });
        assert!(room.take(41).now_or_never().is_none(), "no room");
        let second = room.take(40).now_or_never().flatten();
        assert!(second.is_some());
        assert_eq!(room.level().used, 100);
        drop((first, second));
        assert!(
            room.take(1_000_000).now_or_never().flatten().is_some(),
            "more than all of it takes all of it"
        );
        assert_eq!(room.level().used, 0);
    }
}
