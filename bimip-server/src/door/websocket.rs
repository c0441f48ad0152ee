//! The web socket: the handshake's answer, and a [`Transport`](crate::Transport) over it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bimip_codec::Dialect;
use bimip_session::server::Grant;
use futures_util::{Sink, Stream};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWrite;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::pooled::Pooled;
use super::questions::Questions;
use crate::server::{Place, Server};
use crate::transport::Frame;

/// What the library keeps for reading before the first frame, and takes from the socket at a time; frames get a
/// buffer of their own size while they last. It is copied from one that all connections of a thread share.
const READ_BUFFER_BYTES: usize = 256;

pub(super) fn is_upgrade(request: &Request) -> bool {
    let upgrades = request.headers().get_all(header::UPGRADE).iter();
    let mut names = upgrades.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    names.any(|name| name.trim().eq_ignore_ascii_case("websocket"))
}

/// Answers the handshake and serves what follows.
///
/// By hand rather than by axum's own extractor, which hides the socket: an oversize frame could not be told from
/// a broken one, and its sender would see a reset instead of the reason.
pub(super) fn upgrade(
    server: Server,
    dialect: Dialect,
    grant: Option<Grant>,
    place: Place,
    protocol: Option<HeaderValue>,
    mut request: Request,
) -> Response {
    let Ok(mut response) = create_response_with_body(&request, Body::empty) else {
        return (StatusCode::BAD_REQUEST, "not a web socket handshake of version 13").into_response();
    };
    if let Some(protocol) = protocol {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let questions = match (dialect, &grant) {
        (Dialect::VoicePing, Some(grant)) => Questions::voiceping(&grant.device.user),
        _ => Questions::Numbered,
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // The wait for the handshake in one box, the conversation in another: the first is freed before the
        // second is made.
        let Some(socket) = Box::pin(WebSocket::accept(upgrade, dialect, questions)).await else {
            return;
        };
        let conversation = Box::pin(server.serve(socket, dialect, grant, place));
        drop(server);
        conversation.await;
    });
    response
}

type Socket = Pooled<TokioIo<Upgraded>>;

/// A web socket after its handshake.
#[derive(Debug)]
struct WebSocket {
    frames: WebSocketStream<Socket>,
    closing: Closing,
    questions: Questions,
    /// A close frame was read or written: no data follows it.
    closed: bool,
    /// Its dialect is text: frames go out as such, and are taken as whatever they come.
    text: bool,
}

/// How far the closing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// The close frame goes out.
    Writing,
    /// Then the end of the stream.
    Ending,
    /// Then the peer's rest is read and thrown away: closing a socket with something unread in it makes the
    /// system take back what the peer has not read yet, the goodbye included.
    Draining,
}

impl WebSocket {
    /// Waits until the handshake's answer is written.
    async fn accept(upgrade: OnUpgrade, dialect: Dialect, questions: Questions) -> Option<Self> {
        let (upgraded, frame_bytes) = (upgrade.await, dialect.frame_bytes());
        if let Err(error) = &upgraded {
            tracing::debug!(%error, "a handshake was not finished");
        }
        let socket = Pooled::new(TokioIo::new(upgraded.ok()?));
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(frame_bytes))
            .max_frame_size(Some(frame_bytes));
        let frames = WebSocketStream::from_raw_socket(socket, Role::Server, Some(config)).await;
        Some(Self { frames, closing: Closing::Writing, questions, closed: false, text: dialect.is_text() })
    }
}

impl Stream for WebSocket {
    type Item = io::Result<Frame>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = match ready!(Pin::new(&mut self.frames).poll_next(cx)) {
                Some(Ok(Message::Binary(frame))) => Frame::Binary(frame),
                Some(Ok(Message::Text(frame))) if self.text => Frame::Binary(frame.into()),
                Some(Ok(Message::Text(_))) => Frame::Text,
                Some(Ok(Message::Pong(payload))) => match self.questions.answered(&payload) {
                    Some(number) => Frame::Pong(number),
                    None => continue,
                },
                // Answered by the library; asking it for more is what writes the answer.
                Some(Ok(message)) => {
                    self.closed |= message.is_close();
                    continue;
                }
                Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => Frame::Oversize,
                Some(Err(error)) => return Poll::Ready(Some(Err(to_io(error)))),
                None => {
                    // The answer to a close frame may still be there; whoever closed does not have to read it.
                    let _ = Pin::new(self.frames.get_mut()).poll_flush(cx);
                    return Poll::Ready(None);
                }
            };
            return Poll::Ready(Some(Ok(frame)));
        }
    }
}

impl Sink<Frame> for WebSocket {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.frames).poll_ready(cx)).map_err(to_io)?;
        self.frames.get_mut().poll_room(cx)
    }

    /// The library keeps the memory of the largest frame that it wrote for as long as the connection lasts. So data
    /// goes past it into the shared buffer, where the library puts its own frames too, one whole frame at a time.
    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> io::Result<()> {
        let message = match frame {
            // One limit for all of its life: what is too long before the sign-in is refused when it is read.
            Frame::Limit(_) => return Ok(()),
            Frame::Binary(_) if self.closed => return Err(io::ErrorKind::BrokenPipe.into()),
            Frame::Binary(data) => {
                let kind = if self.text { Data::Text } else { Data::Binary };
                let header = FrameHeader { opcode: OpCode::Data(kind), ..FrameHeader::default() };
                let output = self.frames.get_mut().output();
                header.format(data.len() as u64, output).map_err(to_io)?;
                output.extend_from_slice(&data);
                return Ok(());
            }
            Frame::Ping(number) => match self.questions.ask(number) {
                Some(payload) => Message::Ping(payload),
                None => return Ok(()),
            },
            Frame::Close(code) => {
                self.closed = true;
                let reason = Utf8Bytes::from_static("");
                Message::Close(code.map(|code| CloseFrame { code: code.into(), reason }))
            }
            Frame::Pong(_) | Frame::Text | Frame::Oversize => return Err(io::ErrorKind::InvalidInput.into()),
        };
        Pin::new(&mut self.frames).start_send(message).map_err(to_io)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.frames).poll_flush(cx)).map_err(to_io)?;
        Pin::new(self.frames.get_mut()).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing == Closing::Writing {
            ready!(Pin::new(&mut self.frames).poll_close(cx)).map_err(to_io)?;
            self.closing = Closing::Ending;
        }
        if self.closing == Closing::Ending {
            ready!(Pin::new(self.frames.get_mut()).poll_shutdown(cx))?;
            self.closing = Closing::Draining;
        }
        super::poll_drain(self.frames.get_mut(), cx)
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

    /// There is one for each idle connection.
    #[test]
    fn a_conversation_is_small() {
        fn size<A, R>(_: impl FnOnce(A) -> R) -> usize {
            size_of::<R>()
        }
        let conversation = size(|(server, socket, place): (&'static Server, WebSocket, Place)| {
            server.serve(socket, Dialect::Scheme, None, place)
        });
        assert!(conversation <= 768, "{conversation} bytes");
        assert!(size_of::<Socket>() <= 112, "{} bytes", size_of::<Socket>());
    }
}
