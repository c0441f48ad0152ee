//! Two push-to-talk clients made of nothing but a web socket and the codec, and what they say to each other.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::error::Error;

use bimip_codec::{Codec, Dialect, Frames};
use bimip_proto::{
    Address, ClientPacket, Device, DeviceName, Entry, Floor, MessageRef, Ping, ServerPacket, Status, Talk,
    TalkAct, UserId,
};
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{OpenAuth, Server};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Failure = Box<dyn Error>;

struct Walkie {
    user: UserId,
    codec: Codec,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Walkie {
    /// This dialect signs in by headers, and nobody says welcome; the answer to a ping is as good.
    async fn connect(url: &str, name: &str) -> Result<Self, Failure> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("token", name.parse()?);
        request.headers_mut().insert("device_id", "walkie-1".parse()?);
        let (socket, _) = connect_async(request).await?;
        let user = UserId::new(name)?;
        let mut codec = Codec::new(Dialect::VoicePing);
        codec.signed_in(&Device::new(user.clone(), DeviceName::new("walkie-1")?));
        let mut walkie = Self { user, codec, socket };
        walkie.say(ClientPacket::Ping(Ping::default())).await?;
        walkie.hear().await?;
        Ok(walkie)
    }

    async fn say(&mut self, packet: ClientPacket) -> Result<(), Failure> {
        let mut frames = Frames::new();
        self.codec.encode_client(&packet, &mut frames)?;
        for frame in frames.drain() {
            self.socket.send(Message::Binary(frame)).await?;
        }
        Ok(())
    }

    async fn talk(&mut self, to: &UserId, act: TalkAct) -> Result<(), Failure> {
        let talk = Talk { from: self.user.clone(), to: Address::User(to.clone()), act };
        self.say(ClientPacket::Talk(talk)).await
    }

    /// The next packet. Pings of the server are answered by the library: that is how it knows what arrived.
    async fn hear(&mut self) -> Result<ServerPacket, Failure> {
        let mut packets = Vec::new();
        while let Some(message) = self.socket.next().await {
            if let Message::Binary(frame) = message? {
                self.codec.decode_server(frame, &mut packets)?;
                if let Some(packet) = packets.pop() {
                    println!("{} hears {}", self.user, describe(&packet));
                    return Ok(packet);
                }
            }
        }
        Err("the server is gone".into())
    }
}

fn describe(packet: &ServerPacket) -> String {
    match packet {
        ServerPacket::Pong { .. } => "that the server is there".to_owned(),
        ServerPacket::Floor(Floor::Granted { to, .. }) => format!("START_ACK: talk to {to}"),
        ServerPacket::Floor(Floor::Ended { head }) => format!("STOP_ACK: recorded as a talk to {}", head.to),
        ServerPacket::Talk(Talk { from, act: TalkAct::Start { .. }, .. }) => format!("START of {from}"),
        ServerPacket::Talk(Talk { from, act: TalkAct::Audio { payload, .. }, .. }) => {
            format!("AUDIO of {from}, {} bytes", payload.len())
        }
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) => format!("STOP of {}, kept as a message", message.head.from.user),
            Entry::Receipt(receipt) => format!("that {} has it: {:?}", receipt.by.user, receipt.status),
            _ => "something new".to_owned(),
        },
        other => format!("{other:?}"),
    }
}

/// The name by which a talk is known in this dialect, from its STOP_ACK or from the message it became.
fn reference(packet: &ServerPacket) -> Option<MessageRef> {
    match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) => message.head.names().reference(),
            _ => None,
        },
        _ => None,
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server = Server::builder().storage(MemoryStorage::new()).authenticate(OpenAuth).start()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/", listener.local_addr()?);
    tokio::spawn(server.clone().serve_http(listener));

    let mut alice = Walkie::connect(&url, "alice").await?;
    let mut bob = Walkie::connect(&url, "bob").await?;
    let to = bob.user.clone();

    alice.talk(&to, TalkAct::Start { label: None, payload: Bytes::new() }).await?;
    alice.hear().await?;
    bob.hear().await?;
    // Sound is one msgpack value; this one is four bytes. It is relayed as it is, and not stored.
    let sound = Bytes::from_static(&[0xc4, 4, 0xde, 0xad, 0xbe, 0xef]);
    for _ in 0..3 {
        alice.talk(&to, TalkAct::Audio { label: None, payload: sound.clone() }).await?;
        bob.hear().await?;
    }
    alice.talk(&to, TalkAct::Stop).await?;
    alice.hear().await?;

    // Bob hears of the end as a message, and says what became of it.
    let kept = bob.hear().await?;
    let message = reference(&kept).ok_or("a message without a name")?;
    bob.say(ClientPacket::Delivered(vec![message.clone()])).await?;
    alice.hear().await?;
    bob.say(ClientPacket::Mark { message, status: Status::Read }).await?;
    alice.hear().await?;

    // Who hangs up need not be waited for.
    drop((alice, bob));
    server.shutdown().await;
    println!("over and out");
    Ok(())
}
