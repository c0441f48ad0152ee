//! A transport over a web socket or over raw TCP.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bimip_codec::Dialect;
use bytes::{Bytes, BytesMut};
use futures_util::Sink;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::stream::Stream;

/// Bytes kept for reading; it grows for larger frames.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// A connection that [`Dial`](super::Dial) made. Pings of a web socket are answered while it is read: that is how
/// the server knows what arrived, in dialects that have no word for it.
#[derive(Debug)]
pub struct Socket(Inner);

#[derive(Debug)]
enum Inner {
    /// And whether its frames are text.
    Web(Box<WebSocketStream<Stream>>, bool),
    /// TC-FRAME-1: each frame after its length, four bytes, the most significant first.
    Raw(Box<Framed<Stream, LengthDelimitedCodec>>),
}

impl Socket {
    pub(super) fn web_socket(socket: WebSocketStream<Stream>, dialect: Dialect) -> Self {
        Self(Inner::Web(Box::new(socket), dialect.is_text()))
    }

    pub(super) fn framed(stream: Stream, dialect: Dialect) -> Self {
        let codec = LengthDelimitedCodec::builder().max_frame_length(dialect.frame_bytes()).new_codec();
        Self(Inner::Raw(Box::new(Framed::with_capacity(stream, codec, READ_BUFFER_BYTES))))
    }
}

impl futures_util::Stream for Socket {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match &mut self.0 {
            Inner::Web(socket, text) => loop {
                return Poll::Ready(match ready!(Pin::new(&mut **socket).poll_next(cx)) {
                    Some(Ok(Message::Binary(frame))) => Some(Ok(frame)),
                    Some(Ok(Message::Text(frame))) if *text => Some(Ok(frame.into())),
                    // Answered by the library; asking it for more is what writes the answer.
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => Some(Err(to_io(error))),
                    None => None,
                });
            },
            Inner::Raw(framed) => {
                let frame = ready!(Pin::new(&mut **framed).poll_next(cx));
                Poll::Ready(frame.map(|frame| frame.map(BytesMut::freeze)))
            }
        }
    }
}

impl Sink<Bytes> for Socket {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inner::Web(socket, _) => Pin::new(&mut **socket).poll_ready(cx).map_err(to_io),
            Inner::Raw(framed) => Sink::<Bytes>::poll_ready(Pin::new(&mut **framed), cx),
        }
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        match &mut self.0 {
            Inner::Web(socket, true) => {
                let text = Utf8Bytes::try_from(frame).map_err(io::Error::other)?;
                Pin::new(&mut **socket).start_send(Message::Text(text)).map_err(to_io)
            }
            Inner::Web(socket, false) => {
                Pin::new(&mut **socket).start_send(Message::Binary(frame)).map_err(to_io)
            }
            Inner::Raw(framed) => Pin::new(&mut **framed).start_send(frame),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inner::Web(socket, _) => Pin::new(&mut **socket).poll_flush(cx).map_err(to_io),
            Inner::Raw(framed) => Sink::<Bytes>::poll_flush(Pin::new(&mut **framed), cx),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inner::Web(socket, _) => Pin::new(&mut **socket).poll_close(cx).map_err(to_io),
            Inner::Raw(framed) => Sink::<Bytes>::poll_close(Pin::new(&mut **framed), cx),
        }
    }
}

pub(super) fn to_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
