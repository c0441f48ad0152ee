//! A web socket and a codec: one connection of one device.

use std::net::SocketAddr;

use bimip_codec::{Codec, Dialect, Frames};
use bimip_proto::{ClientPacket, ServerPacket};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::people::Who;

/// The connection is gone, however that came.
#[derive(Debug)]
pub(crate) struct Gone;

/// One connection.
pub(crate) struct Wire {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    codec: Codec,
    frames: Frames,
}

impl Wire {
    pub(crate) async fn connect(
        address: SocketAddr,
        dialect: Dialect,
        who: Who,
        device: &str,
    ) -> Result<Self, Gone> {
        let path = if dialect == Dialect::VoicePing { "" } else { "bimip" };
        let mut request = format!("ws://{address}/{path}").into_client_request().map_err(|_| Gone)?;
        for (name, value) in [("token", who.name()), ("device_id", device.to_owned())] {
            request.headers_mut().insert(name, HeaderValue::from_str(&value).map_err(|_| Gone)?);
        }
        let (socket, _) = connect_async(request).await.map_err(|_| Gone)?;
        let mut codec = Codec::new(dialect);
        codec.signed_in(&who.device(device));
        Ok(Self { socket, codec, frames: Frames::new() })
    }

    /// Writes without flushing.
    pub(crate) async fn feed(&mut self, packet: &ClientPacket) -> Result<(), Gone> {
        self.codec.encode_client(packet, &mut self.frames).map_err(|_| Gone)?;
        for frame in self.frames.drain() {
            self.socket.feed(Message::Binary(frame)).await.map_err(|_| Gone)?;
        }
        Ok(())
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        self.socket.flush().await.map_err(|_| Gone)
    }

    /// The next packets; an unreadable frame is a wrong of its own. Pings are answered on the way. May be
    /// cancelled without losing a frame.
    pub(crate) async fn next(&mut self) -> Result<Result<Vec<ServerPacket>, String>, Gone> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(frame))) => {
                    let mut packets = Vec::new();
                    let read = self.codec.decode_server(frame, &mut packets);
                    return Ok(read.map(|()| packets).map_err(|error| error.to_string()));
                }
                Some(Ok(Message::Ping(_))) => self.flush().await?,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
                Some(Ok(_)) => {}
            }
        }
    }
}
