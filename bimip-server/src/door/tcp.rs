//! Raw TCP: frames with their length before them, and a [`Transport`](crate::Transport) over them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::serve::Listener;
use bimip_codec::Dialect;
use bimip_proto::{CursorBy, limits};
use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::io::AsyncWrite;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::length_delimited::LengthDelimitedCodecError;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use crate::server::Server;
use crate::transport::Frame;

/// What an idle connection keeps for reading; it grows for larger frames.
const READ_BUFFER_BYTES: usize = 4 * 1024;

impl Server {
    /// Serves a dialect over raw TCP, until a shutdown begins: each frame after its length as four bytes, the most
    /// significant first. The first frame signs in.
    ///
    /// There is no ping in this framing, so only a dialect whose clients say themselves what they have stored can be
    /// spoken over it: [`Dialect::Scheme`].
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput), at once, for a dialect that needs a ping.
    pub async fn serve_tcp(self, mut listener: TcpListener, dialect: Dialect) -> io::Result<()> {
        if dialect.caps().cursor != CursorBy::Dispose {
            let why = format!("{dialect} needs a ping, which raw TCP has not");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let mut stopping = std::pin::pin!(self.stopping());
        loop {
            let (socket, _) = tokio::select! {
                () = &mut stopping => return Ok(()),
                // Waits a moment when the process has too many files open.
                accepted = Listener::accept(&mut listener) => accepted,
            };
            // Without a place it is closed without a word: a stranger is owed none.
            if let Some(place) = self.place() {
                tokio::spawn(self.serve(Framing::new(socket), dialect, None, place));
            }
        }
    }
}

/// A socket and its frames.
#[derive(Debug)]
struct Framing {
    frames: Framed<TcpStream, LengthDelimitedCodec>,
    /// What was written has left, and so has the end of the stream.
    ended: bool,
}

impl Framing {
    fn new(socket: TcpStream) -> Self {
        // Small frames must not wait for the answer to the ones before them.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a socket keeps its delay");
        }
        // A stranger cannot make us keep room for a frame that it only announces.
        let codec =
            LengthDelimitedCodec::builder().max_frame_length(limits::STRANGER_FRAME_BYTES).new_codec();
        Self { frames: Framed::with_capacity(socket, codec, READ_BUFFER_BYTES), ended: false }
    }
}

impl Stream for Framing {
    type Item = io::Result<Frame>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let frame = match ready!(Pin::new(&mut self.frames).poll_next(cx)) {
            Some(Ok(frame)) => Ok(Frame::Binary(frame.freeze())),
            Some(Err(error)) if is_oversize(&error) => Ok(Frame::Oversize),
            Some(Err(error)) => Err(error),
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(frame))
    }
}

fn is_oversize(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<LengthDelimitedCodecError>())
}

impl Sink<Frame> for Framing {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Sink::<Bytes>::poll_ready(Pin::new(&mut self.frames), cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> io::Result<()> {
        match frame {
            Frame::Binary(frame) => Pin::new(&mut self.frames).start_send(frame),
            Frame::Limit(frame_bytes) => {
                self.frames.codec_mut().set_max_frame_length(frame_bytes);
                Ok(())
            }
            // The goodbye was said in the dialect's words; the question for a sign of life is the client's to ask.
            Frame::Ping(_) | Frame::Close(_) => Ok(()),
            Frame::Pong(_) | Frame::Text | Frame::Oversize => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Sink::<Bytes>::poll_flush(Pin::new(&mut self.frames), cx)
    }

    /// Ends the stream, then reads the peer's rest and throws it away: closing a socket with something unread in it
    /// makes the system take back what the peer has not read yet, the goodbye included.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            ready!(self.as_mut().poll_flush(cx))?;
            ready!(Pin::new(self.frames.get_mut()).poll_shutdown(cx))?;
            self.ended = true;
        }
        super::poll_drain(self.frames.get_mut(), cx)
    }
}
