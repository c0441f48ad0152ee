//! What a device runs over: anything that carries frames both ways.

use std::future::Future;
use std::io;

use bytes::Bytes;
use futures_util::{Sink, Stream};

/// Frames in and frames out. One item is one whole frame of the dialect, at most
/// [`FRAME_BYTES`](bimip_proto::limits::FRAME_BYTES) long; the transport sees to where frames begin and end.
///
/// The stream ends when the other side is gone. Whatever the transport has for a heartbeat (web socket pings and
/// their pongs) is its own business.
pub trait Transport:
    Stream<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Send + Unpin + 'static
{
}

impl<T> Transport for T where
    T: Stream<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Send + Unpin + 'static
{
}

/// Makes connections, one after the other, as often as the session asks.
///
/// Implemented for closures:
///
/// ```
/// use bimip_client::{Connect, WebSocket};
///
/// fn by_name(host: &'static str) -> impl Connect {
///     move || async move { WebSocket::connect(&format!("ws://{host}/bimip")).await }
/// }
/// ```
pub trait Connect: Send + Sync + 'static {
    /// What it connects over.
    type Transport: Transport;

    /// Dials once. It may take its time: the session gives up after its patience, drops the future, and asks again.
    fn connect(&self) -> impl Future<Output = io::Result<Self::Transport>> + Send;
}

impl<F, R, T> Connect for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = io::Result<T>> + Send,
    T: Transport,
{
    type Transport = T;

    fn connect(&self) -> impl Future<Output = io::Result<T>> + Send {
        self()
    }
}
