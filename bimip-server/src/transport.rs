//! What a connection runs over.

use std::io;

use bytes::Bytes;
use futures_util::{Sink, Stream};

/// What a transport carries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// One frame of the connection's dialect, either way.
    Binary(Bytes),
    /// Outwards: has everything written before this arrived? The transport sees to the answer, for example by a
    /// web socket ping with the number as its payload. A transport without such a word drops it; then nobody
    /// should speak a dialect over it that needs one.
    Ping(u64),
    /// Inwards: the answer. The other side's own pings are the transport's business and not reported.
    Pong(u64),
    /// Inwards: a text frame. What it says is of no interest to a binary dialect.
    Text,
    /// Inwards: a frame over the transport's limit. Nothing after it can be read.
    Oversize,
    /// Outwards: the other side has signed in; from here on it may send frames of up to so many bytes. A transport
    /// that takes frames of any length, or the same always, drops it: frames that are too long are seen by who
    /// reads them too, only later.
    Limit(usize),
    /// Outwards: the last frame, with a web socket close code where the transport has use for one.
    Close(Option<u16>),
}

/// Frames in and frames out: whatever is a stream and a sink of [`Frame`].
///
/// The stream ends when the other side is gone. Closing the sink writes what is buffered and lets the other side
/// read it.
pub trait Transport:
    Stream<Item = io::Result<Frame>> + Sink<Frame, Error = io::Error> + Send + Unpin + 'static
{
}

impl<T> Transport for T where
    T: Stream<Item = io::Result<Frame>> + Sink<Frame, Error = io::Error> + Send + Unpin + 'static
{
}
