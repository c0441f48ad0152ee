//! Recorded talks over real sockets and a real folder: kept, fetched by those who may, played again.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

use std::io;
use std::path::Path;

use bimip_proto::{ClientPacket, Entry, Offset, Row, ServerPacket};
use bimip_server::objects::{FolderObjects, Objects};
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Config, OpenAuth, Server};
use bytes::Bytes;
use support::msgpack::{V, array};
use support::{Phone, Running, Wire, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server over the files of a directory, as the binary puts it together.
async fn over(directory: &Path, config: Config) -> Running {
    let storage = EmbeddedStorage::open(directory).unwrap();
    let objects = FolderObjects::open(directory.join("objects"), 0).unwrap();
    with(storage, objects, config).await
}

async fn with(
    storage: impl bimip_server::storage::Storage,
    objects: impl Objects,
    config: Config,
) -> Running {
    let builder = Server::builder().storage(storage).authenticate(OpenAuth).config(config);
    let server = builder.objects(objects).start().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server.clone().serve_http(listener));
    Running { server, address }
}

/// An answer over HTTP.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")))?;
        Some(line.trim())
    }
}

async fn ask(running: &Running, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    socket.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    soon(socket.read_to_end(&mut answer)).await.unwrap();
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: answer[end + 4..].to_vec() }
}

async fn get(running: &Running, path: &str, user: &str) -> Answer {
    ask(running, "GET", path, &[("token", user)]).await
}

/// The next row; who is there at the moment is told in between.
async fn row(phone: &mut Phone) -> Row {
    loop {
        if let ServerPacket::Deliver(row) = phone.next().await {
            return row;
        }
    }
}

/// A private talk of these pieces; gives its id.
async fn talk(wire: &mut Wire, from: &str, to: &str, pieces: &[&[u8]]) -> String {
    let frame =
        |kind, rest: &[V<'_>]| array(&[&[V::Int(1), V::Int(kind), V::Str(from), V::Str(to)], rest].concat());
    wire.send(frame(1, &[V::Int(1_763_652_000_000)])).await;
    wire.words().await;
    for piece in pieces {
        wire.send(frame(3, &[V::Bin(piece)])).await;
    }
    wire.send(frame(2, &[])).await;
    let ack = wire.words().await;
    assert!(ack.starts_with("[1,7,"), "{ack}");
    ack.split(',').nth(4).unwrap().trim_matches('"').to_owned()
}

fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let count = |entry: io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path) } else { 1 }
    };
    entries.map(count).sum()
}

// MISSION V6, V7
/// VP-FILE-1, VP-FILE-2, VP-FILE-4.
#[tokio::test]
async fn a_talk_is_fetched_by_those_who_may_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let running = over(directory.path(), Config::default()).await;
    let (mut ann, bob) = (running.walkie("ann").await, running.walkie("b_ob").await);
    let long = vec![3; 700];
    let id = talk(&mut ann, "ann", "b_ob", &[b"one", b"two", &long]).await;
    assert_eq!(files(&directory.path().join("objects/sounds")), 1);
    drop((ann, bob));
    soon(running.server.shutdown()).await;
    drop(running);

    let running = over(directory.path(), Config::default()).await;
    let path = format!("/files/audio/{id}");
    let heard = get(&running, &path, "b_ob").await;
    assert_eq!((heard.status, heard.header("content-type")), (200, Some("audio/ogg")));
    assert_eq!(heard.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(heard.header("content-length"), Some(heard.body.len().to_string().as_str()));
    let mut packets = ogg::PacketReader::new(io::Cursor::new(&heard.body));
    let packets: Vec<_> = std::iter::from_fn(|| packets.read_packet().unwrap()).map(|it| it.data).collect();
    assert!(packets[0].starts_with(b"OpusHead") && packets[1].starts_with(b"OpusTags"));
    assert_eq!(packets[2..], [b"one".to_vec(), b"two".to_vec(), long]);
    assert_eq!(get(&running, &path, "ann").await.body, heard.body, "the author may hear it too");
    // The other name of the message, the same escaped, and a player that sets no headers.
    let row = row(&mut running.phone("b_ob", "desk").await).await;
    let Entry::Message(message) = &*row.entry else { panic!() };
    assert_eq!(get(&running, &format!("/files/audio/{}", message.head.id), "b_ob").await.body, heard.body);
    let escaped = path.replace('.', "%2E").replace('_', "%5f");
    assert_eq!(ask(&running, "GET", &format!("{escaped}?token=b%5Fob"), &[]).await.body, heard.body);

    let part = ask(&running, "GET", &path, &[("token", "ann"), ("range", "bytes=4-7")]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &heard.body[4..8]));
    let whole = heard.body.len();
    assert_eq!(part.header("content-range"), Some(format!("bytes 4-7/{whole}").as_str()));
    let beyond = [("token", "ann"), ("range", "bytes=999999-")];
    assert_eq!(ask(&running, "GET", &path, &beyond).await.status, 416);
    let head = ask(&running, "HEAD", &path, &[("token", "ann")]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(whole.to_string().as_str()));

    // Not for Cem, not there, no text, no id: all alike. Without a valid token nobody learns even that.
    let nothing = get(&running, &path, "cem").await;
    let later = id.replace("_3_b_ob_ann_", "_3_b_ob_ann_1");
    let text = format!("/files/text/{id}");
    for other in [&format!("/files/audio/{later}"), &text, "/files/audio/x", "/files/audio/..%2F..%2Flock"] {
        let answer = get(&running, other, "ann").await;
        assert_eq!((answer.status, &answer.body), (404, &nothing.body), "{other}");
    }
    assert_eq!((nothing.status, nothing.body.as_slice()), (404, b"Not Found".as_slice()));
    assert_eq!(ask(&running, "GET", &path, &[]).await.status, 401);
    assert_eq!(get(&running, &path, "a/b").await.status, 401);
    assert_eq!(ask(&running, "POST", &path, &[("token", "ann")]).await.status, 405);
    assert_eq!(get(&running, "/files", "ann").await.status, 404);
}

// MISSION V6
/// VP-FILE-5.
#[tokio::test]
async fn a_text_is_fetched_as_it_was_stored() {
    let running = Running::start().await;
    let mut ann = running.walkie("ann").await;
    let texts =
        [("plain \u{e9}", "text/plain; charset=utf-8"), (r#"{"text":"t","n":1.0}"#, "application/json")];
    for (text, kind) in texts {
        ann.send(array(&[V::Int(1), V::Int(17), V::Str("ann"), V::Str("bob"), V::Str(text)])).await;
        let ack = ann.words().await;
        let id = ack.split(',').nth(4).unwrap().trim_matches('"').to_owned();
        let path = format!("/files/text/{id}");
        let answer = get(&running, &path, "bob").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)));
        assert_eq!(answer.body, text.as_bytes());
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(get(&running, &path, "cem").await.status, 404);
        assert_eq!(get(&running, &format!("/files/audio/{id}"), "bob").await.status, 404);
    }
    soon(running.server.shutdown()).await;
    // The store is closed, so nothing is looked up; but the listener is closed too.
    assert!(TcpStream::connect(running.address).await.is_err());
}

/// Everything of a connection up to the answer to a question asked now, in words.
async fn all(wire: &mut Wire, user: &str) -> Vec<String> {
    wire.send(array(&[V::Int(1), V::Int(25), V::Str(user), V::Int(0), V::Str("?")])).await;
    let mut words = Vec::new();
    loop {
        let next = wire.words().await;
        if next.starts_with("[1,26,") {
            return words;
        }
        words.push(next);
    }
}

// MISSION V6, V7
/// VP-REPLAY-1, VP-REPLAY-2.
#[tokio::test]
async fn a_missed_talk_is_played_again_from_the_folder() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.core.replay_talks = true;
    let running = over(directory.path(), config).await;
    let mut ann = running.walkie("ann").await;
    let first = talk(&mut ann, "ann", "bob", &[b"one", &[7; 90]]).await;
    let second = talk(&mut ann, "ann", "bob", &[&[8; 20]]).await;
    let mut frames = Vec::new();
    let mut bob = running.walkie("bob").await;
    while frames.iter().filter(|words: &&String| words.starts_with("[1,2,")).count() < 2 {
        frames.push(bob.words().await);
    }
    let starts = ["[1,1,", "[1,3,", "[1,3,", "[1,2,", "[1,1,", "[1,3,", "[1,2,"];
    assert!(frames.iter().zip(starts).all(|(words, start)| words.starts_with(start)), "{frames:#?}");
    assert_eq!(frames.len(), starts.len(), "{frames:#?}");
    assert_eq!(frames[1], r#"[1,3,"ann","bob",bin(3)]"#);
    assert_eq!(frames[2], r#"[1,3,"ann","bob",bin(90)]"#);
    assert!(frames[3].contains(&first) && frames[6].contains(&second), "{frames:#?}");
    // What is heard live is not played again.
    let third = talk(&mut ann, "ann", "bob", &[b"live"]).await;
    let live: Vec<String> = [bob.words().await, bob.words().await, bob.words().await].into();
    assert!(live[2].contains(&third), "{live:#?}");
    assert_eq!(all(&mut bob, "bob").await, [""; 0]);

    // A sound that is lost is a talk without it.
    std::fs::remove_dir_all(directory.path().join("objects/sounds")).unwrap();
    let mut cem_talks = running.walkie("ann").await;
    let kept = talk(&mut cem_talks, "ann", "cem", &[b"kept"]).await;
    std::fs::remove_dir_all(directory.path().join("objects/sounds")).unwrap();
    let mut cem = running.walkie("cem").await;
    let stop = cem.words().await;
    assert!(stop.starts_with("[1,2,") && stop.contains(&kept), "{stop}");
    assert_eq!(all(&mut cem, "cem").await, [""; 0]);
    assert_eq!(running.counter("not_replayed").await, 1);
}

/// A store of objects that takes nothing.
struct Broken;

impl Objects for Broken {
    fn put(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn len(&self, _: &str) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn read(&self, _: &str, _: u64, _: usize) -> io::Result<Bytes> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// DM-TLK-11.
#[tokio::test]
async fn a_talk_whose_sound_cannot_be_stored_is_a_talk_all_the_same() {
    let running = with(MemoryStorage::new(), Broken, Config::default()).await;
    let mut ann = running.walkie("ann").await;
    let id = talk(&mut ann, "ann", "bob", &[b"one"]).await;
    assert_eq!(running.counter("sounds_lost").await, 1);
    assert_eq!(get(&running, &format!("/files/audio/{id}"), "ann").await.status, 404);
    let mut bob = running.phone("bob", "desk").await;
    let row = row(&mut bob).await;
    let Entry::Message(message) = &*row.entry else { panic!("not a message") };
    let body = std::str::from_utf8(&message.body.bytes).unwrap();
    assert!(body.starts_with(r#"{"kind":"voice","duration_ms":"#) && !body.contains("uri"), "{body}");
    bob.say(&ClientPacket::Dispose(Offset(1))).await;
    while !matches!(bob.next().await, ServerPacket::Noted(_)) {}
}
