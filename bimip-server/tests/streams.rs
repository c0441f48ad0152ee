//! Streams and polls over real sockets, by a plain client.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

use std::time::Duration;

use bimip_proto::{Address, Body, ClientPacket, ClientRef, Draft, UserId};
use bimip_server::Config;
use bimip_server::storage::memory::MemoryStorage;
use support::{Running, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request whose answer is read as it comes.
struct Reads {
    socket: TcpStream,
    text: String,
}

impl Reads {
    async fn open(running: &Running, method: &str, path: &str, headers: &str, body: &str) -> Self {
        let mut socket = TcpStream::connect(running.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n{headers}\r\n{body}"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        Self { socket, text: String::new() }
    }

    async fn get(running: &Running, path: &str) -> Self {
        Self::open(running, "GET", path, "", "").await
    }

    /// Everything up to the next place where this stands.
    async fn until(&mut self, wanted: &str) -> String {
        loop {
            if let Some(at) = self.text.find(wanted) {
                let rest = self.text.split_off(at + wanted.len());
                return std::mem::replace(&mut self.text, rest);
            }
            let mut some = [0; 4096];
            let count = soon(self.socket.read(&mut some)).await.unwrap();
            assert!(count > 0, "it ended before {wanted:?}: {}", self.text);
            self.text.push_str(std::str::from_utf8(&some[..count]).unwrap());
        }
    }

    async fn rest(mut self) -> String {
        soon(self.socket.read_to_string(&mut self.text)).await.unwrap();
        self.text
    }
}

async fn send(running: &Running, from: &str, to: &str, names: impl IntoIterator<Item = u32>) {
    let mut phone = running.phone(from, "phone").await;
    for name in names {
        let name = name.to_string();
        let (client_ref, to) = (ClientRef::new(&name).ok(), Address::User(UserId::new(to).unwrap()));
        phone
            .say(&ClientPacket::Send(Draft { client_ref, to, client_time: None, body: Body::text(&name) }))
            .await;
        phone.next().await;
    }
}

async fn connections(running: &Running) -> usize {
    soon(running.server.report()).await.unwrap().connections
}

/// Waits until nobody is connected.
async fn all_gone(running: &Running) {
    soon(async {
        while connections(running).await > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

// MISSION E8
// ST-SSE-1, ST-SSE-2, ST-SSE-3
#[tokio::test]
async fn a_stream_goes_on_where_its_client_was() {
    let running = Running::start().await;
    send(&running, "ann", "bob", 1..=2).await;
    let mut stream = Reads::get(&running, "/api/v1/events?token=bob").await;
    let head = stream.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("content-type: text/event-stream\r\n") && head.contains("cache-control: no-store\r\n")
    );
    let first = stream.until("\"type\":\"welcome\"").await;
    assert!(first.contains("retry: 3000\n\n"), "{first}");
    stream.until("\nid: 1\ndata: {\"type\":\"new_message\"").await;
    stream.until("\nid: 2\ndata: ").await;
    drop(stream);
    all_gone(&running).await;
    let mut stream =
        Reads::open(&running, "GET", "/api/v1/events", "token: bob\r\nlast-event-id: 1\r\n", "").await;
    let said = stream.until("\nid: 2\ndata: ").await;
    assert!(!said.contains("id: 1\n"), "{said}");
    send(&running, "ann", "bob", [3]).await;
    stream.until("\nid: 3\ndata: ").await;
    drop(stream);
    all_gone(&running).await;
    // Of another mailbox, by its epoch, or since there is no such row: it says nothing.
    for has in ["last_event_id=99", "last_event_id=3&epoch=0"] {
        let mut stream = Reads::get(&running, &format!("/api/v1/events?token=bob&{has}")).await;
        stream.until("\nid: 2\n").await;
        stream.until("\nid: 3\n").await;
    }
}

// ST-SSE-1
#[tokio::test]
async fn whoever_only_asks_for_the_head_opens_no_stream() {
    let running = Running::start().await;
    for path in ["/api/v1/events?token=bob", "/api/v1/sync?token=bob"] {
        let answer = Reads::open(&running, "HEAD", path, "", "").await.rest().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    assert_eq!(running.counter("signed_in").await, 0);
}

// ST-SSE-5
#[tokio::test]
async fn a_stream_ends_with_a_full_window_and_says_so() {
    let running = Running::start().await;
    send(&running, "ann", "bob", 1..=300).await;
    let stream = Reads::get(&running, "/api/v1/events?token=bob").await.rest().await;
    assert_eq!(stream.matches("\nid: ").count(), 256);
    assert!(stream.contains("retry: 100\n\ndata: {\"type\":\"bye\",\"reason\":\"come_back\"}\n\n"));
    let mut stream = Reads::get(&running, "/api/v1/events?token=bob&last_event_id=256").await;
    let said = stream.until("\nid: 300\n").await;
    assert_eq!(said.matches("\nid: ").count(), 44);
    assert_eq!(running.counter("returns").await, 1);
}

// ST-ACK-1
#[tokio::test]
async fn what_is_stored_is_said_by_a_request_of_the_same_device() {
    let running = Running::start().await;
    let ack = async |offset: u32| {
        let body = format!("{{\"offset\":{offset}}}");
        Reads::open(&running, "POST", "/api/v1/ack?device_id=desk", "token: bob\r\n", &body)
            .await
            .rest()
            .await
    };
    assert!(ack(1).await.contains("\"code\":\"NO_STREAM\""));
    send(&running, "ann", "bob", 1..=2).await;
    let mut stream = Reads::get(&running, "/api/v1/events?token=bob&device_id=desk").await;
    stream.until("\nid: 2\n").await;
    let answer = ack(1).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("{\"offset\":1}"), "{answer}");
    drop(stream);
    let mut stream = Reads::get(&running, "/api/v1/events?token=bob&device_id=desk").await;
    let said = stream.until("\nid: 2\n").await;
    assert!(!said.contains("id: 1\n"), "{said}");
}

// MISSION E8
// ST-SYNC-1, ST-SYNC-2
#[tokio::test]
async fn a_poll_waits_for_the_first_row() {
    let running = Running::start().await;
    let poll = Reads::get(&running, "/api/v1/sync?token=bob").await;
    soon(async {
        while running.counter("signed_in").await == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    send(&running, "ann", "bob", [1]).await;
    let answer = poll.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"next\":1,\"head\":1"),
        "{answer}"
    );
    assert!(answer.contains("cache-control: no-store\r\n") && !answer.contains("\r\netag:"), "{answer}");
    let answer = Reads::get(&running, "/api/v1/sync?token=bob&since=1&timeout=0").await.rest().await;
    assert!(
        answer.ends_with("\"since\":1,\"next\":1,\"head\":1,\"has_more\":false,\"events\":[]}"),
        "{answer}"
    );
    all_gone(&running).await;
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_ends_its_streams() {
    let running = Running::start().await;
    let mut stream = Reads::get(&running, "/api/v1/events?token=bob").await;
    stream.until("\"type\":\"welcome\"").await;
    let poll = Reads::get(&running, "/api/v1/sync?token=eve").await;
    soon(async {
        while connections(&running).await < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    soon(running.server.shutdown()).await;
    assert!(stream.rest().await.contains("{\"type\":\"bye\",\"reason\":\"going_away\"}"));
    let answer = poll.rest().await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
}

// ST-SSE-4
#[tokio::test]
async fn a_stream_that_is_read_is_never_taken_for_silent() {
    let mut config = Config::default();
    (config.core.probe_ms, config.core.idle_ms) = (100, 300);
    let running = Running::over(MemoryStorage::new(), config).await;
    let mut stream = Reads::get(&running, "/api/v1/events?token=bob").await;
    for _ in 0..8 {
        stream.until("\n:\n\n").await;
    }
    assert_eq!(running.counter("idle").await, 0);
}

// ST-SSE-7
#[cfg(target_os = "linux")]
#[tokio::test]
async fn whoever_reads_nothing_more_gives_up_their_place() {
    let mut config = Config::default();
    // Far more than the buffers of both sides take.
    (config.unread_wait, config.core.window.bytes) = (Duration::from_millis(300), 64 << 20);
    let running = Running::over(MemoryStorage::new(), config).await;
    let mut phone = running.phone("ann", "phone").await;
    let text = "x".repeat(200_000);
    let mut stream = Reads::get(&running, "/api/v1/events?token=bob").await;
    stream.until("\"type\":\"welcome\"").await;
    let before = connections(&running).await;
    for name in 0..100 {
        let to = Address::User(UserId::new("bob").unwrap());
        let client_ref = ClientRef::new(&name.to_string()).ok();
        phone
            .say(&ClientPacket::Send(Draft { client_ref, to, client_time: None, body: Body::text(&text) }))
            .await;
        phone.next().await;
    }
    soon(async {
        while connections(&running).await == before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

// ST-AUTH-1
#[tokio::test]
async fn nobody_is_told_why_they_are_not_let_in() {
    let running = Running::start().await;
    for (method, path) in [("GET", "/api/v1/events"), ("GET", "/api/v1/sync"), ("POST", "/api/v1/ack")] {
        let answer = Reads::open(&running, method, path, "", "{\"offset\":1}").await.rest().await;
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("\"UNAUTHENTICATED\""), "{answer}");
    }
    let answer = Reads::get(&running, "/api/v1/events?token=bob&device_id=%ff").await.rest().await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"field\":\"device_id\""), "{answer}");
}
