//! One connection: frames that wait to be written, and the transport.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};

use crate::connect::Transport;

/// Frames of one turn: what they mean is made durable together.
const TURN_FRAMES: usize = 64;

/// Bytes of one turn, above which no further frame is taken.
const TURN_BYTES: usize = 1024 * 1024;

/// Writes and reads at the same time: a peer that does not read for a while must not keep us from reading, or two
/// such peers would wait for each other.
#[derive(Debug)]
pub(crate) struct Wire<T> {
    transport: T,
    /// Bounded by what the session has on the wire.
    unwritten: VecDeque<Bytes>,
    flushed: bool,
    /// The other side is gone, after frames that were handed over first.
    end: Option<io::Result<()>>,
}

impl<T: Transport> Wire<T> {
    pub(crate) const fn new(transport: T) -> Self {
        Self { transport, unwritten: VecDeque::new(), flushed: true, end: None }
    }

    /// Adds a frame to be written by the next [`turn`](Self::turn).
    pub(crate) fn push(&mut self, frame: Bytes) {
        self.unwritten.push_back(frame);
    }

    /// Writes what waits and, where `reads`, gives the frames that are there, at least one; none when the other side
    /// is gone. Cancel safe.
    pub(crate) async fn turn(&mut self, reads: bool) -> io::Result<Vec<Bytes>> {
        poll_fn(|cx| {
            if let Poll::Ready(Err(error)) = self.poll_write(cx) {
                return Poll::Ready(Err(error));
            }
            if reads { self.poll_read(cx) } else { Poll::Pending }
        })
        .await
    }

    /// Loses nothing when it is dropped after this: what was taken is given in the same call.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Vec<Bytes>>> {
        if let Some(end) = self.end.take() {
            return Poll::Ready(end.map(|()| Vec::new()));
        }
        let (mut frames, mut bytes) = (Vec::new(), 0);
        while frames.len() < TURN_FRAMES && bytes < TURN_BYTES {
            match self.transport.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    bytes += frame.len();
                    frames.push(frame);
                }
                Poll::Pending if frames.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(end) => {
                    let end = end.transpose().map(drop);
                    if frames.is_empty() {
                        return Poll::Ready(end.map(|()| Vec::new()));
                    }
                    self.end = Some(end);
                    break;
                }
            }
        }
        Poll::Ready(Ok(frames))
    }

    /// Writes what waits and closes.
    pub(crate) async fn finish(mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_write(cx)).await?;
        self.transport.close().await
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unwritten.is_empty() {
            ready!(self.transport.poll_ready_unpin(cx))?;
            if let Some(frame) = self.unwritten.pop_front() {
                self.flushed = false;
                self.transport.start_send_unpin(frame)?;
            }
        }
        if !self.flushed {
            ready!(self.transport.poll_flush_unpin(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }
}
