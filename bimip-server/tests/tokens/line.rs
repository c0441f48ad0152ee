//! A client of bimip.v1 over raw TCP, with somebody else's framing.

use std::net::SocketAddr;

use bimip_codec::{Codec, Dialect, Frames};
use bimip_proto::{ClientPacket, DeviceName, ServerPacket};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::support::{device, is_about_the_test, soon};

pub(crate) struct Line {
    frames: Framed<TcpStream, LengthDelimitedCodec>,
    codec: Codec,
}

impl Line {
    /// Signs in; what the server says to it is still to be read.
    pub(crate) async fn open(address: SocketAddr, user: &str, token: &str) -> Self {
        let socket = soon(TcpStream::connect(address)).await.unwrap();
        let mut codec = Codec::new(Dialect::Scheme);
        codec.signed_in(&device(user, "line"));
        let mut line = Self { frames: Framed::new(socket, LengthDelimitedCodec::new()), codec };
        let token = Bytes::copy_from_slice(token.as_bytes());
        let name = DeviceName::new("line").unwrap();
        line.say(&ClientPacket::SignIn { user: None, device: Some(name), token }).await;
        line
    }

    pub(crate) async fn say(&mut self, packet: &ClientPacket) {
        let mut frames = Frames::default();
        self.codec.encode_client(packet, &mut frames).unwrap();
        for frame in frames.drain() {
            soon(self.frames.send(frame)).await.unwrap();
        }
    }

    /// The next packet, or `None` when the stream has ended.
    pub(crate) async fn hear(&mut self) -> Option<ServerPacket> {
        loop {
            let frame = soon(self.frames.next()).await?.unwrap();
            let mut packets = Vec::new();
            self.codec.decode_server(frame.freeze(), &mut packets).unwrap();
            packets.retain(is_about_the_test);
            if let Some(packet) = packets.pop() {
                return Some(packet);
            }
        }
    }
}
