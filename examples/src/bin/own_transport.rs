//! A transport of your own: any stream and sink of frames. Here a pipe in memory with the framing of raw TCP (four
//! bytes of length before each frame); put a `TcpStream` in place of the pipe, and it is raw TCP.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::error::Error;
use std::io;

use bimip_client::{Client, Connect, Event, Events, Progress};
use bimip_proto::{Address, Device, DeviceName, UserId, limits};
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Dialect, Frame, OpenAuth, Server, Transport};
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, TryStreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

fn framed<T: AsyncRead + AsyncWrite>(pipe: T) -> Framed<T, LengthDelimitedCodec> {
    let codec = LengthDelimitedCodec::builder().max_frame_length(limits::FRAME_BYTES).new_codec();
    Framed::new(pipe, codec)
}

/// The server's end. There is no ping in this framing, so a dialect that needs one must not be spoken over it.
fn server_end(pipe: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> impl Transport {
    let binary = |frame| match frame {
        Frame::Binary(frame) => Some(Ok::<Bytes, io::Error>(frame)),
        _ => None,
    };
    framed(pipe)
        .map_ok(|frame| Frame::Binary(frame.freeze()))
        .with_flat_map(move |frame| stream::iter(binary(frame)))
}

/// The client's end: each connection is a new pipe, and the server attached to its other end.
fn through(server: &Server) -> impl Connect + use<> {
    let server = server.clone();
    move || {
        let (ours, theirs) = duplex(4 * 1024);
        let server = server.clone();
        tokio::spawn(async move {
            if let Err(full) = server.attach(server_end(theirs), Dialect::Scheme, None).await {
                println!("{full}");
            }
        });
        async move { Ok(framed(ours).map_ok(BytesMut::freeze)) }
    }
}

async fn start(server: &Server, name: &str) -> Result<(Client, Events), Box<dyn Error>> {
    let device = Device::new(UserId::new(name)?, DeviceName::new("pipe")?);
    Ok(Client::builder(device).connect(through(server)).start().await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().storage(MemoryStorage::new()).authenticate(OpenAuth).start()?;
    let (alice, mut to_alice) = start(&server, "alice").await?;
    let (bob, mut to_bob) = start(&server, "bob").await?;

    alice.send_text(Address::User(UserId::new("bob")?), "through a pipe").await?;
    while let Some(event) = to_bob.next_event().await? {
        if let Event::Message(line) = event {
            println!("bob received: {}", line.text().unwrap_or_default());
            bob.read(&line).await?;
            break;
        }
    }
    while let Some(event) = to_alice.next_event().await? {
        if let Event::Message(line) = event {
            println!("alice knows: {}", line.progress);
            if line.progress == Progress::Read {
                break;
            }
        }
    }
    server.shutdown().await;
    Ok(())
}
