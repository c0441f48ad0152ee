//! What a device runs over: anything that carries frames both ways.

use std::future::Future;
use std::io;

use bimip_codec::Dialect;
use bimip_proto::Device;
use bytes::Bytes;
use futures_util::{Sink, Stream};
use thiserror::Error;

/// Frames in and frames out. One item is one whole frame of the dialect, at most
/// [`frame_bytes`](Dialect::frame_bytes) long; the transport sees to where frames begin and end.
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

/// Who dials, for a connector that says so before the first frame.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Caller {
    /// What will be spoken.
    pub dialect: Dialect,
    /// Which device it is.
    pub device: Device,
    /// The newest token, if there is one.
    pub token: Option<Bytes>,
}

/// Why there is no connection. The client dials again by itself, save after [`Refused`](Self::Refused).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The sign-in was refused before the first frame.
    #[error("the sign-in was refused ({0}); it needs another token")]
    Refused(String),
    /// The server takes nobody now.
    #[error("the server takes nobody now ({what}){}", after(*retry_after_ms))]
    TurnedAway {
        /// Its answer.
        what: String,
        /// After how long it may be asked again, where it said so.
        retry_after_ms: Option<u64>,
    },
    /// There is a server, and it is not the one that it should be.
    #[error(
        "the server's certificate is not trusted ({0}); if the server has one of its own, hand its roots to \
         Builder::tls"
    )]
    Certificate(String),
    /// An answer that is none of a bimip server's.
    #[error(
        "the server answers {0}, and not with a web socket; see whether the address and its path are right"
    )]
    Answer(String),
    /// Nobody answers.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn after(retry_after_ms: Option<u64>) -> String {
    retry_after_ms.map_or_else(String::new, |ms| format!(", and says to come back after {ms} ms"))
}

/// Makes connections, one after the other, as often as the session asks.
///
/// Implemented for closures:
///
/// ```
/// use bimip_client::Connect;
/// use bytes::BytesMut;
/// use futures_util::TryStreamExt;
/// use tokio::net::TcpStream;
/// use tokio_util::codec::LengthDelimitedCodec;
///
/// fn through_a_tunnel(port: u16) -> impl Connect {
///     move || async move {
///         let stream = TcpStream::connect(("127.0.0.1", port)).await?;
///         let framed = LengthDelimitedCodec::builder().max_frame_length(512 * 1024).new_framed(stream);
///         Ok(framed.map_ok(BytesMut::freeze))
///     }
/// }
/// ```
pub trait Connect: Send + Sync + 'static {
    /// What it connects over.
    type Transport: Transport;

    /// Dials once. It may take its time: the session gives up after its patience, drops the future, and asks again.
    fn connect(&self, caller: Caller) -> impl Future<Output = Result<Self::Transport, ConnectError>> + Send;
}

impl<F, R, T> Connect for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = io::Result<T>> + Send,
    T: Transport,
{
    type Transport = T;

    async fn connect(&self, _: Caller) -> Result<T, ConnectError> {
        Ok(self().await?)
    }
}
