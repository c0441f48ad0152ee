//! A transport over a web socket.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bimip_proto::limits;
use bytes::Bytes;
use futures_util::{Sink, Stream};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::connect::Connect;

/// Bytes kept for reading; larger frames get a buffer of their own while they last.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// The text is no address of a web socket.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{url:?} is no web socket address of this version: {what}; give one like ws://127.0.0.1:8080/bimip")]
#[non_exhaustive]
pub struct AddressError {
    /// The text.
    pub url: String,
    /// What is wrong with it.
    pub what: String,
}

/// Dials one address: what [`Builder::websocket`](crate::Builder::websocket) makes.
#[derive(Debug, Clone)]
pub struct WebSocketUrl(String);

impl WebSocketUrl {
    pub(crate) fn checked(url: &str) -> (Self, Result<(), AddressError>) {
        let what = match url.into_client_request() {
            Ok(request) if request.uri().scheme_str() == Some("ws") => None,
            Ok(_) => Some("the scheme is not ws".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        let address = what.map_or(Ok(()), |what| Err(AddressError { url: url.to_owned(), what }));
        (Self(url.to_owned()), address)
    }
}

impl Connect for WebSocketUrl {
    type Transport = WebSocket;

    async fn connect(&self) -> io::Result<WebSocket> {
        WebSocket::connect(&self.0).await
    }
}

/// A web socket after its handshake. Pings are answered while it is read.
#[derive(Debug)]
pub struct WebSocket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl WebSocket {
    /// Dials and shakes hands.
    ///
    /// # Errors
    /// When nobody answers, or not with a web socket.
    pub async fn connect(url: &str) -> io::Result<Self> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(limits::FRAME_BYTES))
            .max_frame_size(Some(limits::FRAME_BYTES));
        // Small frames must not wait for the answer to the ones before them.
        let no_delay = true;
        let (socket, _) = connect_async_with_config(url, Some(config), no_delay).await.map_err(to_io)?;
        Ok(Self(socket))
    }
}

impl Stream for WebSocket {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut self.0).poll_next(cx)) {
                Some(Ok(Message::Binary(frame))) => Some(Ok(frame)),
                // Answered by the library; asking it for more is what writes the answer.
                Some(Ok(_)) => continue,
                Some(Err(error)) => Some(Err(to_io(error))),
                None => None,
            });
        }
    }
}

impl Sink<Bytes> for WebSocket {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_ready(cx).map_err(to_io)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        Pin::new(&mut self.0).start_send(Message::Binary(frame)).map_err(to_io)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx).map_err(to_io)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx).map_err(to_io)
    }
}

fn to_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_checked_before_it_is_dialled() {
        let check = |url| WebSocketUrl::checked(url).1;
        assert_eq!(check("ws://127.0.0.1:8080/bimip"), Ok(()));
        for bad in ["", "127.0.0.1:8080", "http://127.0.0.1/", "wss://127.0.0.1/bimip", "ws://a b/"] {
            assert_eq!(check(bad).unwrap_err().url, bad);
        }
    }
}
