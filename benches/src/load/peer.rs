//! One connection of the generator, in either language: whole frames in, whole frames out, few system calls.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::pin::Pin;
use std::task::Poll;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use super::raw;

/// How frames are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// The server's: masked with zeros outwards, which costs the server what any mask costs it.
    WebSocket,
    /// The relay's.
    Raw,
}

#[derive(Debug)]
pub(super) struct Peer {
    socket: TcpStream,
    framing: Framing,
    /// Read and not taken: `input[taken..filled]`.
    input: Vec<u8>,
    taken: usize,
    filled: usize,
    /// To be written: `output[written..]`.
    output: Vec<u8>,
    written: usize,
}

impl Peer {
    /// To the relay, as `me`, whose frames go to `target`.
    pub(super) async fn to_relay(address: SocketAddr, me: u32, target: u32) -> Result<Self, String> {
        let mut peer = Self::connect(address, Framing::Raw).await?;
        peer.queue(&raw::frame(raw::HELLO, &[me.into(), target.into()], 0));
        peer.flush()?;
        peer.frame().await?;
        Ok(peer)
    }

    /// To the server, through a path, as this user with this device.
    pub(super) async fn to_server(
        address: SocketAddr,
        path: &str,
        user: &str,
        device: &str,
    ) -> Result<Self, String> {
        Self::connect(address, Framing::WebSocket).await?.shake_hands(address, path, user, device).await
    }

    /// The same, with room for so many bytes that arrived and were not read: what the server writes beyond them waits there.
    pub(super) async fn to_server_with_room(
        address: SocketAddr,
        path: &str,
        user: &str,
        device: &str,
        room_bytes: u32,
    ) -> Result<Self, String> {
        let failed = |error| format!("cannot connect to {address}: {error}");
        let socket = TcpSocket::new_v4().map_err(failed)?;
        socket.set_recv_buffer_size(room_bytes).map_err(failed)?;
        let socket = socket.connect(address).await.map_err(failed)?;
        Self::over(socket, Framing::WebSocket).shake_hands(address, path, user, device).await
    }

    async fn shake_hands(
        mut self,
        address: SocketAddr,
        path: &str,
        user: &str,
        device: &str,
    ) -> Result<Self, String> {
        let peer = &mut self;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             token: {user}\r\ndevice_id: {device}\r\n\r\n"
        );
        peer.output.extend_from_slice(request.as_bytes());
        peer.flush()?;
        let end = loop {
            let input = &peer.input[..peer.filled];
            if let Some(at) = input.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            peer.hear().await?;
        };
        let answer = String::from_utf8_lossy(&peer.input[..end]).into_owned();
        peer.taken = end;
        if answer.starts_with("HTTP/1.1 101 ") {
            return Ok(self);
        }
        Err(format!("the handshake on {path} was answered: {}", answer.lines().next().unwrap_or_default()))
    }

    async fn connect(address: SocketAddr, framing: Framing) -> Result<Self, String> {
        let failed = |error| format!("cannot connect to {address}: {error}");
        let socket = TcpStream::connect(address).await.map_err(failed)?;
        socket.set_nodelay(true).map_err(failed)?;
        Ok(Self::over(socket, framing))
    }

    fn over(socket: TcpStream, framing: Framing) -> Self {
        let (input, output) = (vec![0; 1024], Vec::new());
        Self { socket, framing, input, taken: 0, filled: 0, output, written: 0 }
    }

    // ---- out ----------------------------------------------------------------------------------------------

    /// Adds a frame to what is to be written.
    pub(super) fn queue(&mut self, frame: &[u8]) {
        match self.framing {
            Framing::Raw => raw::put(frame, &mut self.output),
            Framing::WebSocket => self.websocket(0x82, frame),
        }
    }

    fn websocket(&mut self, first: u8, frame: &[u8]) {
        match u8::try_from(frame.len()) {
            Ok(len @ 0..126) => self.output.extend_from_slice(&[first, 0x80 | len]),
            _ => {
                let len = u16::try_from(frame.len()).expect("the generator's frames are small");
                self.output.extend_from_slice(&[first, 0xfe]);
                self.output.extend_from_slice(&len.to_be_bytes());
            }
        }
        self.output.extend_from_slice(&[0; 4]);
        self.output.extend_from_slice(frame);
    }

    /// Writes what the socket takes.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        while self.written < self.output.len() {
            match self.socket.try_write(&self.output[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(format!("writing failed: {error}")),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }

    // ---- in -----------------------------------------------------------------------------------------------

    /// Waits until something arrives, or until the socket takes more of what is to be written. Cancel safe.
    pub(super) async fn hear(&mut self) -> Result<(), String> {
        self.make_room();
        if self.written < self.output.len() {
            tokio::select! {
                writable = self.socket.writable() => {
                    writable.map_err(|error| format!("writing failed: {error}"))?;
                    return self.flush();
                }
                readable = self.socket.readable() => readable.map_err(|error| format!("reading failed: {error}"))?,
            }
        }
        let (socket, input, filled) = (&mut self.socket, &mut self.input, &mut self.filled);
        let read = poll_fn(|cx| {
            let mut room = ReadBuf::new(&mut input[*filled..]);
            match Pin::new(&mut *socket).poll_read(cx, &mut room) {
                Poll::Ready(Ok(())) => {
                    let count = room.filled().len();
                    *filled += count;
                    Poll::Ready(if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) })
                }
                other => other,
            }
        });
        read.await.map_err(|error| format!("the connection ended: {error}"))
    }

    /// Reads so many bytes at most, if any are there.
    pub(super) fn sip(&mut self, most_bytes: usize) -> Result<(), String> {
        self.make_room();
        let end = self.input.len().min(self.filled + most_bytes);
        match self.socket.try_read(&mut self.input[self.filled..end]) {
            Ok(0) => Err("the connection ended".to_owned()),
            Ok(count) => {
                self.filled += count;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(format!("the connection ended: {error}")),
        }
    }

    fn make_room(&mut self) {
        if self.taken > 0 {
            self.input.copy_within(self.taken..self.filled, 0);
            self.filled -= self.taken;
            self.taken = 0;
        }
        if self.filled == self.input.len() {
            self.input.resize(2 * self.filled, 0);
        }
    }

    /// The next whole frame that has arrived. Pings are answered.
    pub(super) fn next(&mut self) -> Result<Option<Range<usize>>, String> {
        if self.framing == Framing::Raw {
            let Some((frame, end)) = raw::split(&self.input[self.taken..self.filled]) else {
                return Ok(None);
            };
            let end = self.taken + end;
            let start = end - frame.len();
            self.taken = end;
            return Ok(Some(start..end));
        }
        loop {
            let Some((first, payload)) = split(&self.input[self.taken..self.filled]) else { return Ok(None) };
            let payload = self.taken + payload.start..self.taken + payload.end;
            self.taken = payload.end;
            match first {
                0x82 => return Ok(Some(payload)),
                0x89 => {
                    let number = self.input[payload].to_vec();
                    self.websocket(0x8a, &number);
                }
                0x8a => {}
                0x88 => return Err("the server closed the connection".to_owned()),
                other => return Err(format!("a web socket frame that begins with {other:#x}")),
            }
        }
    }

    /// The bytes of a frame, until the next one is heard.
    pub(super) fn bytes(&self, frame: Range<usize>) -> &[u8] {
        &self.input[frame]
    }

    /// Waits for one frame. For the beginning of a connection.
    pub(super) async fn frame(&mut self) -> Result<Vec<u8>, String> {
        loop {
            if let Some(frame) = self.next()? {
                let frame = self.bytes(frame).to_vec();
                self.flush()?;
                return Ok(frame);
            }
            self.hear().await?;
        }
    }
}

/// The first byte of a web socket frame that is not masked, and where its payload is.
fn split(bytes: &[u8]) -> Option<(u8, Range<usize>)> {
    let [first, len] = *bytes.first_chunk()?;
    let (start, len) = match len {
        126 => (4, u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?).into()),
        127 => (10, usize::try_from(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)).ok()?),
        len => (2, len.into()),
    };
    let end = start + len;
    (bytes.len() >= end).then_some((first, start..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_socket_frames_are_found() {
        assert_eq!(split(b"\x82\x03abcd"), Some((0x82, 2..5)));
        assert_eq!(split(b"\x82\x03ab"), None);
        let mut long = vec![0x82, 126, 1, 0];
        long.resize(4 + 256, 7);
        assert_eq!(split(&long), Some((0x82, 4..260)));
        assert_eq!(split(&long[..259]), None);
    }
}
