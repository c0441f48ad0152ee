//! A server on a free port, and clients that say what they are told to, byte by byte.

#![allow(dead_code, reason = "each test target uses its part of it")]

use std::net::SocketAddr;
use std::time::Duration;

use bimip_codec::{Codec, Dialect, Frames};
use bimip_proto::{ClientPacket, Device, DeviceName, ServerPacket, UserId};
use bimip_server::storage::Storage;
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Authenticator, Config, OpenAuth, Server};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) mod msgpack;
pub(crate) mod protobuf;

/// Nothing on loopback takes this long; a test that waits for it hangs otherwise.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what is bound to happen.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it never happened")
}

/// A server under test.
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::over(MemoryStorage::new(), Config::default()).await
    }

    pub(crate) async fn over(storage: impl Storage, config: Config) -> Self {
        Self::with(storage, config, OpenAuth).await
    }

    pub(crate) async fn with(storage: impl Storage, config: Config, who: impl Authenticator) -> Self {
        let server = Server::builder().storage(storage).authenticate(who).config(config).start().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(server.clone().serve_http(listener));
        Self { server, address }
    }

    /// A counter, as of now: everything the node heard before is in it.
    pub(crate) async fn counter(&self, name: &str) -> u64 {
        soon(self.server.report()).await.unwrap().counter(name)
    }

    pub(crate) async fn counters(&self) -> Vec<(String, u64)> {
        soon(self.server.report()).await.unwrap().counters
    }

    /// An upgrade with these headers.
    pub(crate) async fn knock(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<(Wire, Response<()>), Error> {
        Wire::open(self.address, path, headers).await
    }

    /// A push-to-talk client.
    pub(crate) async fn walkie(&self, user: &str) -> Wire {
        self.knock("/", &[("token", user), ("device_id", "test device")]).await.unwrap().0
    }

    /// A client of the protobuf dialect, welcomed.
    pub(crate) async fn phone(&self, user: &str, device: &str) -> Phone {
        let wire = self.knock("/bimip", &[("token", user), ("device_id", device)]).await.unwrap().0;
        let mut phone = Phone::new(wire, user, device);
        let hello = phone.next().await;
        assert!(matches!(hello, ServerPacket::Welcome(_)), "{hello:?}");
        phone
    }

    /// A client of the deployed protobuf layout.
    pub(crate) async fn deployed(&self, user: &str, device: &str) -> Phone {
        let headers = [("token", user), ("device_id", device)];
        let wire = self.knock("/application/development", &headers).await.unwrap().0;
        Phone::speaking(Dialect::Deployed, wire, user, device)
    }

    /// A port for raw TCP.
    pub(crate) async fn tcp(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(self.server.clone().serve_tcp(listener, Dialect::Scheme));
        address
    }

    /// A plain request over HTTP, and all of its answer.
    pub(crate) async fn http(&self, method: &str, path: &str) -> String {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(socket.read_to_string(&mut answer)).await.unwrap();
        answer
    }
}

/// A client's web socket.
pub(crate) struct Wire(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// How a connection ended: the close code, if one came.
pub(crate) type Ended = Option<u16>;

impl Wire {
    /// An upgrade with these headers.
    pub(crate) async fn open(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<(Self, Response<()>), Error> {
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        let (socket, response) = soon(connect_async(request)).await?;
        Ok((Self(socket), response.map(|_| ())))
    }

    pub(crate) async fn send(&mut self, frame: impl Into<Bytes>) {
        soon(self.0.send(Message::Binary(frame.into()))).await.unwrap();
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        soon(self.0.send(Message::text(text))).await.unwrap();
    }

    /// Sends what may be too much: the other side may hang up in the middle of it.
    pub(crate) async fn send_large(&mut self, frame: Vec<u8>) {
        let _ = soon(self.0.send(Message::Binary(frame.into()))).await;
    }

    /// The next binary frame, or how it ended. Pings are answered on the way.
    pub(crate) async fn next(&mut self) -> Result<Bytes, Ended> {
        loop {
            match soon(self.0.next()).await {
                Some(Ok(Message::Binary(frame))) => return Ok(frame),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// The next text frame, or how it ended. Pings are answered on the way.
    pub(crate) async fn next_text(&mut self) -> Result<String, Ended> {
        loop {
            match soon(self.0.next()).await {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// The next frame, as a msgpack array in words.
    pub(crate) async fn words(&mut self) -> String {
        match self.next().await {
            Ok(frame) => msgpack::words(&frame),
            Err(code) => format!("closed {code:?}"),
        }
    }

    /// Asks for a web socket pong and waits for it: other frames that come first are an error.
    pub(crate) async fn pong(&mut self) {
        soon(self.0.send(Message::Ping(Bytes::from_static(b"there?")))).await.unwrap();
        loop {
            match soon(self.0.next()).await {
                Some(Ok(Message::Pong(payload))) if payload.as_ref() == b"there?" => return,
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("not a pong: {other:?}"),
            }
        }
    }
}

/// A client of the protobuf dialect.
pub(crate) struct Phone {
    pub(crate) wire: Wire,
    codec: Codec,
    heard: std::collections::VecDeque<ServerPacket>,
}

impl Phone {
    pub(crate) fn new(wire: Wire, user: &str, device: &str) -> Self {
        Self::speaking(Dialect::Scheme, wire, user, device)
    }

    pub(crate) fn speaking(dialect: Dialect, wire: Wire, user: &str, device: &str) -> Self {
        let mut codec = Codec::new(dialect);
        codec.signed_in(&self::device(user, device));
        Self { wire, codec, heard: std::collections::VecDeque::new() }
    }

    pub(crate) async fn say(&mut self, packet: &ClientPacket) {
        let mut frames = Frames::default();
        self.codec.encode_client(packet, &mut frames).unwrap();
        for frame in frames.drain() {
            self.wire.send(frame).await;
        }
    }

    pub(crate) async fn hear(&mut self) -> Result<ServerPacket, Ended> {
        while self.heard.is_empty() {
            let frame = self.wire.next().await?;
            let mut packets = Vec::new();
            self.codec.decode_server(frame, &mut packets).unwrap();
            packets.retain(is_about_the_test);
            self.heard.extend(packets);
        }
        Ok(self.heard.pop_front().unwrap())
    }

    pub(crate) async fn next(&mut self) -> ServerPacket {
        self.hear().await.unwrap()
    }
}

/// Who is there is told beside what most tests are about; those that are about it read frames themselves.
pub(crate) const fn is_about_the_test(packet: &ServerPacket) -> bool {
    !matches!(packet, ServerPacket::Aware(_) | ServerPacket::Around(_))
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

pub(crate) fn device(user: &str, name: &str) -> Device {
    Device::new(self::user(user), DeviceName::new(name).unwrap())
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}
