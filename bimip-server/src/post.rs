//! The node's inbox, as others see it.

use std::sync::Arc;

use bimip_codec::Dialect;
use bimip_session::server::{ConnId, Grant, Input};
use tokio::sync::{mpsc, oneshot};

use crate::outbox::Outbox;
use crate::server::Report;

/// What the inbox holds: batches, one for each socket read, commit or page. A full inbox makes sockets wait, which
/// makes their peers wait; together with [`READ_PACKETS`](crate::connection::READ_PACKETS) this is the bound of
/// what was heard and not yet answered.
pub(crate) const INBOX_BATCHES: usize = 256;

/// One item of the inbox.
#[derive(Debug)]
pub(crate) enum ToNode {
    /// A new connection.
    Open { conn: ConnId, dialect: Dialect, grant: Option<Grant>, outbox: Arc<Outbox> },
    /// Inputs for the core, in order.
    Inputs(Vec<Input>),
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
