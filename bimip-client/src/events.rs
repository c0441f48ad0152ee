//! What the app hears, and the queue to it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bimip_session::client::Event as SessionEvent;
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::connect::ConnectError;
use crate::history::Line;
use crate::store::StoreError;

/// Events that wait for the app: a window of rows. Above it the socket is not read.
const EVENTS: usize = 256;

/// What happens to a client.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A message is new, or something about it has changed: how far it got, its id and time, what was said about it. The
    /// store has it. A message of this device keeps its [`client_ref`](Line::client_ref), every other one its
    /// [`position`](Line::position): show it in place of the one that was shown before.
    Message(Box<Line>),
    /// There is no connection, for this reason. The client tries again, save after a sign-in that was refused.
    Unreachable(ConnectError),
    /// What the session says: that it is up or down, presence, live voice, tokens; and rows and answers as they came, for
    /// an app that keeps its own or feeds a view. Where the store keeps the history, what follows from those for a
    /// message comes right after, as [`Message`](Self::Message).
    Session(SessionEvent),
}

type Told = Result<Event, StoreError>;

/// What happens to a client, in order. Also a [`Stream`].
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Receiver<Told>,
}

impl Events {
    /// The next event; `None` when the client has left and said all.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// [`StoreError`] once, as the last word of a client whose store failed.
    pub async fn next_event(&mut self) -> Result<Option<Event>, StoreError> {
        self.queue.recv().await.transpose()
    }
}

impl Stream for Events {
    type Item = Told;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Told>> {
        self.queue.poll_recv(cx)
    }
}

/// The driver's end. Telling never waits; what the queue has no room for stays here until
/// [`catch_up`](Self::catch_up), and meanwhile the driver reads nothing that could make it more.
#[derive(Debug)]
pub(crate) struct Outlet {
    queue: mpsc::Sender<Told>,
    backlog: VecDeque<Told>,
}

pub(crate) fn channel() -> (Outlet, Events) {
    let (sender, queue) = mpsc::channel(EVENTS);
    (Outlet { queue: sender, backlog: VecDeque::new() }, Events { queue })
}

impl Outlet {
    pub(crate) fn tell(&mut self, told: Told) {
        if !self.has_room() {
            return self.backlog.push_back(told);
        }
        match self.queue.try_send(told) {
            // An app that does not listen has its reasons.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(told)) => self.backlog.push_back(told),
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.backlog.is_empty()
    }

    /// Hands over one that waits, when there is room for it. Cancel safe.
    pub(crate) async fn catch_up(&mut self) {
        match self.queue.reserve().await {
            Ok(room) => {
                if let Some(told) = self.backlog.pop_front() {
                    room.send(told);
                }
            }
            Err(_) => self.backlog.clear(),
        }
    }
}
