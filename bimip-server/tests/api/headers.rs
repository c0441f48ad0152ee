//! What every answer has, and who is let in.

use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Config, Rate};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Person;
use crate::support::{Running, soon};

// MISSION A8
// HT-AUTH-1, HT-ERR-1, HT-ERR-3
#[tokio::test]
async fn nobody_comes_in_without_a_token() {
    let running = Running::start().await;
    let nobody = Person::nobody(&running);
    for path in ["/messages/d:ann:bob", "/conversations", "/api/v1/profile"] {
        let answer = nobody.get(path).await;
        assert_eq!(
            (answer.refused(), answer.header("www-authenticate")),
            ("401 UNAUTHENTICATED".to_owned(), "Bearer")
        );
    }
    assert_eq!(Person::new(&running, "../etc").get("/profile").await.refused(), "401 UNAUTHENTICATED");
    let ann = nobody.with("token", "ann");
    assert_eq!(ann.get("/profile").await.good()["user_id"], "ann");
    let device =
        ann.with("x-device-id", "tablet").post("/messages", &json!({ "to": "bob", "content": "x" })).await;
    assert_eq!(device.good()["sender_device_id"], "tablet");
    let long = "x".repeat(257);
    assert_eq!(ann.with("x-device-id", &long).get("/profile").await.field(), "X-Device-ID");
}

// HT-ERR-1, HT-ERR-2, HT-REQ-2, HT-ID-3
#[tokio::test]
async fn whatever_is_wrong_is_said_in_one_shape() {
    let running = Running::start().await;
    let ann = Person::new(&running, "ann");
    for path in ["/api", "/api/", "/api/v2/x", "/api/v1/nowhere", "/api/v1/messages/x/y/z"] {
        assert_eq!(ann.get(path).await.refused(), "404 NOT_FOUND", "{path}");
    }
    let wrong = ann.ask("PUT", "/conversations", "{}").await;
    assert_eq!(
        (wrong.refused(), wrong.header("allow")),
        ("405 METHOD_NOT_ALLOWED".to_owned(), "GET, HEAD, OPTIONS, POST")
    );
    let form = ann.with("content-type", "text/plain").ask("POST", "/messages", "{}").await;
    assert_eq!(form.refused(), "415 NOT_JSON");
    let large = format!("{{\"to\":\"bob\",\"content\":\"{}\"}}", "x".repeat(512 * 1024));
    assert_eq!(ann.ask("POST", "/messages", &large).await.refused(), "413 TOO_LARGE");
    let large = json!({ "to": "bob", "payload": "AAAA".repeat(127 * 1024) });
    assert_eq!(ann.post("/messages", &large).await.status, 201, "what a frame holds");
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=+1", "limit"),
        ("limit=1&limit=2", "limit"),
        ("before_id=x", "before_id"),
        ("after_id=%ff", "after_id"),
    ] {
        assert_eq!(ann.get(&format!("/messages/d:ann:bob?{query}")).await.field(), field, "{query}");
    }
    let key =
        ann.with("idempotency-key", "a b").post("/messages", &json!({ "to": "bob", "content": "x" })).await;
    assert_eq!(key.field(), "Idempotency-Key");
    assert_eq!(ann.with("x-request-id", "mine-1").get("/profile").await.header("x-request-id"), "mine-1");
    assert_eq!(ann.with("x-request-id", "<script>").get("/profile").await.header("x-request-id").len(), 16);
}

// HT-REQ-3
#[tokio::test]
async fn a_connection_goes_on_behind_a_body_that_nobody_read() {
    let running = Running::start().await;
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    let head = |bytes: usize| {
        format!("POST /api/v1/nowhere HTTP/1.1\r\nhost: test\r\ncontent-length: {bytes}\r\n\r\n").into_bytes()
    };
    for _ in 0..2 {
        socket.write_all(&head(2)).await.unwrap();
        socket.flush().await.unwrap();
        socket.write_all(b"{}").await.unwrap();
        let answer = soon(answer(&mut socket)).await;
        assert!(answer.starts_with("HTTP/1.1 404") && !answer.contains("connection: close"), "{answer}");
    }
    // Nobody waits for ever: what does not come ends the connection, and is told so.
    socket.write_all(&head(2)).await.unwrap();
    let answer = soon(answer(&mut socket)).await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("connection: close"), "{answer}");
    assert_eq!(soon(socket.read(&mut [0])).await.unwrap(), 0);
}

/// One answer with a body of JSON, which ends with its object.
async fn answer(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\"}") {
        assert_ne!(socket.read_buf(&mut bytes).await.unwrap(), 0, "{}", String::from_utf8_lossy(&bytes));
    }
    String::from_utf8(bytes).unwrap()
}

// MISSION A8
// HT-ETAG-1, HT-ETAG-2
#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let running = Running::start().await;
    let ann = Person::new(&running, "ann");
    let first = ann.get("/profile").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && first.header("cache-control") == "private, no-cache", "{first:?}");
    let again = ann.with("if-none-match", &format!("\"x\", W/{tag}")).get("/profile").await;
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", tag.as_str()));
    ann.patch("/profile", &json!({ "name": "Ann" })).await.good();
    let changed = ann.with("if-none-match", &tag).get("/profile").await;
    assert_eq!(changed.status, 200);
    let zipped = ann.with("accept-encoding", "gzip").get("/api/v1/openapi.json").await;
    assert_eq!((zipped.status, zipped.header("content-encoding")), (200, "gzip"));
    assert!(zipped.header("etag").starts_with("W/\""), "{:?}", zipped.headers);
    let head = ann.ask("HEAD", "/profile", "").await;
    assert_eq!((head.status, head.body.as_str(), head.header("etag")), (200, "", changed.header("etag")));
}

// MISSION A8
// HT-CORS-1, HT-CORS-2
#[tokio::test]
async fn pages_of_browsers_ask_if_their_origin_is_let_in() {
    let mut config = Config::default();
    let open = Running::start().await;
    let nobody = Person::nobody(&open);
    let preflight = nobody
        .with("origin", "https://a.example")
        .with("access-control-request-method", "PUT")
        .ask("OPTIONS", "/messages/x", "")
        .await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, "*"));
    assert_eq!(preflight.header("access-control-allow-methods"), "GET,POST,PUT,PATCH,DELETE");
    assert_eq!(preflight.header("allow"), "DELETE, GET, HEAD, OPTIONS, PATCH, PUT");
    config.origins = vec!["https://a.example".to_owned()];
    let listed = Running::over(MemoryStorage::new(), config).await;
    let ann = Person::new(&listed, "ann");
    let good = ann.with("origin", "https://a.example").get("/profile").await;
    assert_eq!(good.header("access-control-allow-origin"), "https://a.example");
    let other = ann.with("origin", "https://b.example").get("/profile").await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    for (origin, is_let_in) in [("https://a.example", true), ("https://b.example", false)] {
        let knocked = listed.knock("/ws", &[("token", "ann"), ("origin", origin)]).await;
        assert_eq!(knocked.is_ok(), is_let_in, "{origin}");
    }
}

// MISSION A8
// HT-RATE-1, HT-RATE-2
#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let mut config = Config::default();
    config.call_rate = Rate { per_second: 1, burst: 2 };
    let running = Running::over(MemoryStorage::new(), config).await;
    let ann = Person::new(&running, "ann");
    let first = ann.get("/profile").await;
    assert_eq!((first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")), ("2", "1"));
    assert_eq!(ann.get("/profile").await.status, 200);
    let refused = ann.get("/profile").await;
    assert_eq!((refused.refused(), refused.header("retry-after")), ("429 RATE_LIMITED".to_owned(), "1"));
    assert_eq!(Person::new(&running, "bob").get("/profile").await.status, 200);
}
