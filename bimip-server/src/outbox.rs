//! What waits to be written to one connection: the hand-over between the node and the connection's task.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use bimip_codec::Shared;
use bimip_proto::{CloseReason, Device, ServerPacket, SoundName};
use bimip_session::ledger::Outgoing;

/// One thing for a connection's task to do, in order.
#[derive(Debug)]
pub(crate) enum Out {
    /// Write this.
    Packet(Outgoing),
    /// Write this, of which other connections are given the same.
    Shared(Outgoing, Arc<Shared>),
    /// Write this row of a recorded talk, and the talk before it.
    Replay(Outgoing, SoundName),
    /// Ask whether everything so far has arrived.
    Barrier(u64),
    /// The first frame's sign-in was accepted: this is who speaks from here on.
    SignedIn(Box<Device>),
    /// Read no more for now.
    Pause,
    /// Read on.
    Resume,
    /// Close for this reason, after what was written before.
    Close(CloseReason),
}

impl Out {
    /// Worth nothing when late, so the first to go when there is no room.
    const fn is_live(&self) -> bool {
        match self {
            Self::Packet(outgoing) | Self::Shared(outgoing, _) => {
                matches!(
                    outgoing.packet(),
                    ServerPacket::Talk(_)
                        | ServerPacket::Aware(_)
                        | ServerPacket::Signal { .. }
                        | ServerPacket::Track { .. }
                )
            }
            _ => false,
        }
    }
}

/// A queue of [`Out`] with one writer, the node, and one reader, the connection.
///
/// A list behind a lock rather than a channel: the node appends a turn's worth at once and wakes once, the
/// connection takes all there is at once, and an idle connection owns no buffer.
///
/// The bound: what is live, voice and presence, is dropped at `room` entries. Everything else is bounded where it comes from: rows by
/// the device's window, answers to commands by the core's limit of commits, other answers because a connection
/// that has something to write does not read.
#[derive(Debug)]
pub(crate) struct Outbox {
    room: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queue: Vec<Out>,
    /// Neither side has let go.
    open: bool,
    waker: Option<Waker>,
}

/// The connection's task is gone, without having said so.
#[derive(Debug)]
pub(crate) struct Gone;

impl Outbox {
    pub(crate) fn new(room: usize) -> Arc<Self> {
        Arc::new(Self { room, state: Mutex::new(State { queue: Vec::new(), open: true, waker: None }) })
    }

    /// Appends a turn's worth. Gives back how many live packets there was no room for.
    pub(crate) fn push(&self, mut batch: Vec<Out>) -> Result<u64, Gone> {
        let mut state = self.lock();
        if !state.open {
            return Err(Gone);
        }
        let mut dropped = 0;
        if state.queue.is_empty() && batch.len() <= self.room {
            state.queue = batch;
        } else {
            for out in batch.drain(..) {
                if out.is_live() && state.queue.len() >= self.room {
                    dropped += 1;
                } else {
                    state.queue.push(out);
                }
            }
        }
        Self::wake(state);
        Ok(dropped)
    }

    /// Nothing more comes, or nothing more is taken. What is queued can still be taken.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.open = false;
        Self::wake(state);
    }

    /// Everything there is, or `None` after the last. Cancel safe.
    pub(crate) async fn take(&self) -> Option<Vec<Out>> {
        std::future::poll_fn(|cx| {
            let mut state = self.lock();
            if !state.queue.is_empty() {
                return Poll::Ready(Some(std::mem::take(&mut state.queue)));
            }
            if !state.open {
                return Poll::Ready(None);
            }
            state.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn wake(mut state: MutexGuard<'_, State>) {
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_pushed_before_the_close_is_taken() {
        let outbox = Outbox::new(4);
        outbox.push(vec![Out::Barrier(1)]).unwrap();
        outbox.push(vec![Out::Barrier(2), Out::Barrier(3)]).unwrap();
        outbox.close();
        let taken = outbox.take().await.unwrap();
        assert!(matches!(taken[..], [Out::Barrier(1), Out::Barrier(2), Out::Barrier(3)]));
        assert!(outbox.take().await.is_none());
        assert!(outbox.push(vec![Out::Barrier(4)]).is_err());
    }

    #[tokio::test]
    async fn a_push_wakes_the_taker() {
        let outbox = Outbox::new(4);
        let taker = tokio::spawn({
            let outbox = Arc::clone(&outbox);
            async move { outbox.take().await.map(|batch| batch.len()) }
        });
        tokio::task::yield_now().await;
        outbox.push(vec![Out::Barrier(1)]).unwrap();
        assert_eq!(taker.await.unwrap(), Some(1));
    }
}
