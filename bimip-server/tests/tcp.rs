//! Raw TCP: frames with their length before them, cut and joined in every way a network may.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use bimip_codec::{Codec, Frames};
use bimip_proto::{
    Address, Body, BodyKind, ClientPacket, ClientRef, CloseReason, DeviceName, Draft, Entry, Fault,
    FaultKind, Form, Noted, Offset, Ping, ServerPacket, limits,
};
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Config, Dialect, Silence};
use bytes::Bytes;
use support::msgpack::{V, array};
use support::{Running, device, is_about_the_test, soon, user};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A client that writes and reads the framing itself.
struct Line {
    socket: TcpStream,
    codec: Codec,
}

impl Line {
    async fn open(address: SocketAddr) -> Self {
        let mut codec = Codec::new(Dialect::Scheme);
        codec.signed_in(&device("ann", "line"));
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, codec }
    }

    async fn welcomed(address: SocketAddr, name: &str) -> Self {
        let mut line = Self::open(address).await;
        line.codec.signed_in(&device(name, "line"));
        line.say(&sign_in(name)).await;
        let hello = line.next().await;
        assert!(matches!(hello, ServerPacket::Welcome(_)), "{hello:?}");
        line
    }

    /// A packet's frame with its length before it.
    fn bytes(&mut self, packet: &ClientPacket) -> Vec<u8> {
        let mut frames = Frames::default();
        self.codec.encode_client(packet, &mut frames).unwrap();
        frames.drain().flat_map(|frame| framed(&frame)).collect()
    }

    async fn write(&mut self, bytes: &[u8]) {
        soon(self.socket.write_all(bytes)).await.unwrap();
    }

    async fn say(&mut self, packet: &ClientPacket) {
        let bytes = self.bytes(packet);
        self.write(&bytes).await;
    }

    /// The next packet, or `None` when the stream has ended between two frames.
    async fn hear(&mut self) -> Option<ServerPacket> {
        loop {
            match self.frame().await {
                Some(packet) if !is_about_the_test(&packet) => {}
                heard => return heard,
            }
        }
    }

    async fn frame(&mut self) -> Option<ServerPacket> {
        let mut length = [0; 4];
        match soon(self.socket.read_exact(&mut length)).await {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return None,
            read => read.unwrap(),
        };
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        soon(self.socket.read_exact(&mut frame)).await.unwrap();
        let mut packets = Vec::new();
        self.codec.decode_server(frame.into(), &mut packets).unwrap();
        assert_eq!(packets.len(), 1);
        packets.pop()
    }

    async fn next(&mut self) -> ServerPacket {
        self.hear().await.expect("the stream has ended")
    }

    /// Whether the connection lives: nothing else may come before the answer.
    async fn lives(&mut self) {
        self.say(&ClientPacket::Ping(Ping::default())).await;
        let pong = self.next().await;
        assert!(matches!(pong, ServerPacket::Pong { .. }), "{pong:?}");
    }
}

fn framed(frame: &[u8]) -> Vec<u8> {
    [&u32::try_from(frame.len()).unwrap().to_be_bytes(), frame].concat()
}

fn sign_in(name: &str) -> ClientPacket {
    ClientPacket::SignIn {
        user: None,
        device: Some(DeviceName::new("line").unwrap()),
        token: Bytes::copy_from_slice(name.as_bytes()),
    }
}

fn draft(to: &str, reference: &str, body: impl Into<Bytes>) -> ClientPacket {
    ClientPacket::Send(Draft {
        client_ref: Some(ClientRef::new(reference).unwrap()),
        to: Address::User(user(to)),
        client_time: None,
        body: Body { kind: BodyKind::Text, form: Form::Opaque, bytes: body.into(), seal: None },
    })
}

fn too_long() -> ServerPacket {
    let details = "the frame is too long".into();
    ServerPacket::Fault(Fault { kind: FaultKind::TooLong, origin: 0, details })
}

// MISSION B3 B4
#[tokio::test]
async fn a_story_between_tcp_and_the_web_sockets() {
    let running = Running::start().await;
    let tcp = running.tcp().await;
    let mut ann = Line::welcomed(tcp, "ann").await;
    let mut bob = running.walkie("bob").await;
    bob.pong().await;
    let mut desk = running.phone("ann", "desk").await;

    ann.say(&draft("bob", "c-1", "hello over TCP")).await;
    let ServerPacket::Accepted { head, .. } = ann.next().await else { panic!("no ack") };
    let text = bob.words().await;
    assert!(text.contains("hello over TCP"), "{text}");
    let ServerPacket::Deliver(copy) = desk.next().await else { panic!("no copy") };
    let Entry::Message(message) = copy.entry.as_ref() else { panic!("not a message") };
    assert_eq!((message.head.id, message.head.from.name.as_str()), (head.id, "line"));

    bob.send(array(&[V::Int(1), V::Int(17), V::Str("bob"), V::Str("ann"), V::Str("and back")])).await;
    let ack = bob.words().await;
    assert!(ack.starts_with(r#"[1,22,"bob","ann","#), "{ack}");
    let row = loop {
        let ServerPacket::Deliver(row) = ann.next().await else { panic!("nothing delivered") };
        if let Entry::Message(message) = row.entry.as_ref() {
            assert!(message.body.bytes.windows(8).any(|bytes| bytes == b"and back"));
            break row;
        }
    };
    ann.say(&ClientPacket::Dispose(row.offset)).await;
    assert_eq!(ann.next().await, ServerPacket::Noted(Noted::Disposed(row.offset)));
    drop(ann);
    // What was disposed of does not come again.
    let mut ann = Line::open(tcp).await;
    ann.say(&sign_in("ann")).await;
    let ServerPacket::Welcome(welcome) = ann.next().await else { panic!("no welcome") };
    assert_eq!((welcome.resume_from, welcome.head), (row.offset, row.offset));
    ann.lives().await;
}

// TC-FRAME-1, TC-TLS-1, SI-WAY-4
#[tokio::test]
async fn frames_come_in_any_pieces() {
    let running = Running::start().await;
    let tcp = running.tcp().await;
    let mut ann = Line::open(tcp).await;
    let mut bytes = ann.bytes(&sign_in("ann"));
    bytes.extend(ann.bytes(&draft("bob", "c-0", "byte by byte")));
    for byte in bytes {
        ann.write(&[byte]).await;
    }
    assert!(matches!(ann.next().await, ServerPacket::Welcome(_)));
    assert!(matches!(ann.next().await, ServerPacket::Accepted { .. }));

    // Many in one write, with half of another behind them; more than one batch.
    let mut bytes = Vec::new();
    for number in 1..=300 {
        bytes.extend(ann.bytes(&draft("bob", &format!("c-{number}"), "one of many")));
    }
    let last = ann.bytes(&draft("bob", "last", "in two halves"));
    let (head, tail) = last.split_at(last.len() / 2);
    bytes.extend(head);
    ann.write(&bytes).await;
    for number in 1..=300 {
        let ServerPacket::Accepted { client_ref, .. } = ann.next().await else { panic!("no ack") };
        assert_eq!(client_ref.unwrap().as_str(), format!("c-{number}"));
    }
    ann.write(tail).await;
    let ServerPacket::Accepted { client_ref, .. } = ann.next().await else { panic!("no ack") };
    assert_eq!(client_ref.unwrap().as_str(), "last");
}

// TC-FRAME-2, TC-END-1, DM-SES-5, DM-SES-6
#[tokio::test]
async fn large_frames_are_for_those_who_are_known() {
    let running = Running::start().await;
    let tcp = running.tcp().await;
    let large = Bytes::from(vec![7; limits::BODY_BYTES]);
    let mut ann = Line::welcomed(tcp, "ann").await;
    ann.say(&draft("bob", "c-1", large.clone())).await;
    assert!(matches!(ann.next().await, ServerPacket::Accepted { .. }));
    let mut bob = Line::welcomed(tcp, "bob").await;
    let ServerPacket::Deliver(row) = bob.next().await else { panic!("nothing delivered") };
    let Entry::Message(message) = row.entry.as_ref() else { panic!("not a message") };
    assert_eq!((row.offset, &message.body.bytes), (Offset(1), &large));

    // One byte more than a frame may have; nothing of it has to come.
    ann.write(&u32::try_from(limits::FRAME_BYTES + 1).unwrap().to_be_bytes()).await;
    assert_eq!(ann.next().await, too_long());
    assert_eq!(ann.next().await, ServerPacket::Bye(CloseReason::TooLong));
    assert_eq!(ann.hear().await, None);
    // Exactly as long is a frame, if one that says nothing.
    bob.write(&framed(&vec![0; limits::FRAME_BYTES])).await;
    let fault = bob.next().await;
    assert!(matches!(&fault, ServerPacket::Fault(fault) if fault.kind == FaultKind::Malformed), "{fault:?}");
    bob.lives().await;

    let mut stranger = Line::open(tcp).await;
    stranger.write(&u32::try_from(limits::STRANGER_FRAME_BYTES + 1).unwrap().to_be_bytes()).await;
    assert_eq!(stranger.next().await, too_long());
    assert_eq!(stranger.next().await, ServerPacket::Bye(CloseReason::TooLong));
    assert_eq!(stranger.hear().await, None);
    assert_eq!(running.counter("oversize_frames").await, 2);
}

/// What comes behind a sign-in that is not answered yet is read when it is, and by the new limit.
// TC-FRAME-2, SI-WAY-4
#[tokio::test]
async fn a_large_frame_may_follow_the_sign_in_at_once() {
    let running = Running::start().await;
    let mut ann = Line::open(running.tcp().await).await;
    let mut bytes = ann.bytes(&sign_in("ann"));
    bytes.extend(ann.bytes(&draft("bob", "c-1", vec![7; 100_000])));
    ann.write(&bytes).await;
    assert!(matches!(ann.next().await, ServerPacket::Welcome(_)));
    assert!(matches!(ann.next().await, ServerPacket::Accepted { .. }));
}

// MISSION B1
// TC-FRAME-1, TC-FRAME-3, DM-SES-6, BM-BYE-1
#[tokio::test]
async fn what_is_no_frame_is_answered_or_let_go() {
    let running = Running::start().await;
    let tcp = running.tcp().await;
    // Another protocol: its first four bytes are the length of a giant.
    let mut browser = Line::open(tcp).await;
    browser.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(browser.next().await, too_long());
    assert_eq!(browser.next().await, ServerPacket::Bye(CloseReason::TooLong));
    assert_eq!(browser.hear().await, None);

    let mut ann = Line::welcomed(tcp, "ann").await;
    for garbage in [b"".as_slice(), b"\xff", b"\x9f\x4d\x1b\xe0\x7a"] {
        ann.write(&framed(garbage)).await;
        let fault = ann.next().await;
        assert!(
            matches!(&fault, ServerPacket::Fault(fault) if fault.kind == FaultKind::Malformed),
            "{fault:?}"
        );
    }
    ann.lives().await;
    for _ in 3..limits::STRIKES {
        ann.write(&framed(b"\xff")).await;
        assert!(matches!(ann.next().await, ServerPacket::Fault(_)));
    }
    assert_eq!(ann.next().await, ServerPacket::Bye(CloseReason::Strikes));
    assert_eq!(ann.hear().await, None);

    // Half a frame and the end of the stream: nothing of it is obeyed.
    let mut bob = Line::welcomed(tcp, "bob").await;
    let half = bob.bytes(&draft("ann", "c-1", "never"));
    bob.write(&half[..half.len() - 1]).await;
    bob.socket.shutdown().await.unwrap();
    assert_eq!(bob.hear().await, None);
    assert_eq!(running.counter("accepted").await, 0);
}

// SI-WAY-4, SI-NO-1
#[tokio::test]
async fn nobody_is_heard_before_the_sign_in() {
    let running = Running::start().await;
    let tcp = running.tcp().await;
    let mut ann = Line::open(tcp).await;
    ann.say(&draft("bob", "c-1", "not yet")).await;
    let fault = ann.next().await;
    assert!(matches!(&fault, ServerPacket::Fault(fault) if fault.kind == FaultKind::OutOfPlace), "{fault:?}");
    ann.say(&sign_in("ann")).await;
    assert!(matches!(ann.next().await, ServerPacket::Welcome(_)));

    let mut mallory = Line::open(tcp).await;
    mallory.say(&sign_in("../etc")).await;
    assert_eq!(mallory.next().await, ServerPacket::Bye(CloseReason::Refused));
    assert_eq!(mallory.hear().await, None);
    assert_eq!(running.counter("accepted").await, 0);
}

// SI-WAY-4, DM-SES-5
#[tokio::test]
async fn whoever_does_not_sign_in_has_to_go() {
    let mut config = Config::default();
    config.core.sign_in_ms = 50;
    let running = Running::over(MemoryStorage::new(), config).await;
    let tcp = running.tcp().await;
    // Not a byte, and a sign-in that never ends.
    let mut silent = Line::open(tcp).await;
    let mut slow = Line::open(tcp).await;
    let bytes = slow.bytes(&sign_in("ann"));
    slow.write(&bytes[..bytes.len() - 1]).await;
    for line in [&mut silent, &mut slow] {
        assert_eq!(line.next().await, ServerPacket::Bye(CloseReason::SignInTimeout));
        assert_eq!(line.hear().await, None);
    }
    assert_eq!(running.counter("sign_in_timeouts").await, 2);
}

/// There is no transport ping: a client that says nothing is let go, whatever it reads.
// TC-LIVE-1
#[tokio::test]
async fn the_heartbeat_is_the_clients() {
    let mut config = Config::default();
    config.silences.bimip = Silence::of(60);
    let running = Running::over(MemoryStorage::new(), config).await;
    let mut ann = Line::welcomed(running.tcp().await, "ann").await;
    assert_eq!(ann.next().await, ServerPacket::Bye(CloseReason::Idle), "no other frame comes before");
    assert_eq!(ann.hear().await, None);
    assert_eq!(running.counter("idle").await, 1);
}

// TC-FULL-1
#[tokio::test]
async fn a_full_house_is_full_at_every_door() {
    let mut config = Config::default();
    config.connections = 1;
    let running = Running::over(MemoryStorage::new(), config).await;
    let tcp = running.tcp().await;
    let ann = Line::welcomed(tcp, "ann").await;
    let mut second = Line::open(tcp).await;
    // Closed without a word; a reset, if what it had said was not read.
    assert_eq!(soon(second.socket.read(&mut [0; 16])).await.unwrap(), 0);
    assert!(running.knock("/", &[("token", "bob")]).await.is_err());
    assert_eq!(running.counter("door_full").await, 2);
    drop(ann);
    soon(async {
        // A place is free again once the server has noticed.
        while running.knock("/", &[("token", "bob")]).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

// MISSION E10
// TC-END-1, DM-SES-8
#[tokio::test]
async fn a_shutdown_answers_and_says_goodbye() {
    let running = Running::start().await;
    let tcp = running.tcp().await;
    let mut ann = Line::welcomed(tcp, "ann").await;
    let mut stranger = Line::open(tcp).await;
    ann.say(&draft("bob", "c-1", "the last one")).await;
    assert!(matches!(ann.next().await, ServerPacket::Accepted { .. }));
    // The stranger is in once it is counted.
    soon(async {
        while running.server.report().await.unwrap().connections < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let server = running.server.clone();
    let shutdown = tokio::spawn(async move { server.shutdown().await });
    for line in [&mut ann, &mut stranger] {
        assert_eq!(line.next().await, ServerPacket::Bye(CloseReason::GoingAway));
        assert_eq!(line.hear().await, None);
    }
    drop((ann, stranger));
    soon(shutdown).await.unwrap();
    soon(async {
        while TcpStream::connect(tcp).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

// TC-LIVE-2
#[tokio::test]
async fn a_dialect_that_needs_a_ping_is_not_served() {
    let running = Running::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = soon(running.server.clone().serve_tcp(listener, Dialect::VoicePing)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("voiceping needs a ping"), "{refused}");
}

/// A peer that reads nothing is let go after the write stall; its cursor stays where it was.
#[tokio::test]
async fn a_peer_that_does_not_read_is_let_go() {
    let mut config = Config::default();
    config.write_stall = Duration::from_millis(50);
    config.core.window.bytes = 64 * 1024 * 1024;
    let running = Running::over(MemoryStorage::new(), config).await;
    let tcp = running.tcp().await;
    let _bob = Line::welcomed(tcp, "bob").await;
    let mut ann = Line::welcomed(tcp, "ann").await;
    let body = Bytes::from(vec![0; 400_000]);
    let mut number = 0;
    while running.counter("write_stalls").await == 0 {
        number += 1;
        ann.say(&draft("bob", &format!("c-{number}"), body.clone())).await;
        assert!(matches!(ann.next().await, ServerPacket::Accepted { .. }));
        assert!(number < 200, "the window was full before the socket");
    }
    ann.lives().await;
}
