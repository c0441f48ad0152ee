//! What the doors say before anybody is let in.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

use bimip_proto::{ClientPacket, CloseReason, FaultKind, Ping, ServerPacket};
use support::{Phone, Running, soon};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::http::StatusCode;

fn status(refused: Result<(support::Wire, impl Sized), Error>) -> StatusCode {
    match refused {
        Err(Error::Http(response)) => response.status(),
        Err(other) => panic!("not an answer: {other}"),
        Ok(_) => panic!("let in"),
    }
}

fn assert_answer(answer: &str, status: u16, body: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
}

#[tokio::test]
async fn the_banner_and_what_is_not_there() {
    let running = Running::start().await;
    let banner = format!("Welcome to VoicePing Router {}", env!("CARGO_PKG_VERSION"));
    assert_answer(&running.http("GET", "/").await, 200, &banner);
    assert_answer(&running.http("POST", "/").await, 403, "Forbidden");
    assert_answer(&running.http("GET", "/nowhere").await, 404, "Not Found");
    for path in ["/bimip", "/ws", "/chat"] {
        assert!(running.http("GET", path).await.starts_with("HTTP/1.1 426 "), "{path}");
    }
}

// MISSION E10
#[tokio::test]
async fn health_counts() {
    let running = Running::start().await;
    let mut walkie = running.walkie("ann").await;
    walkie.pong().await;
    let health = running.http("GET", "/health").await;
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    assert!(health.contains("content-type: application/json"), "{health}");
    for part in [r#""status":"ok""#, r#""connections":1"#, r#""opened":1"#, r#""fault_malformed":0"#] {
        assert!(health.contains(part), "{part} is not in {health}");
    }
}

// MISSION V10
// SI-NO-1, SI-NO-2, SI-WAY-3
#[tokio::test]
async fn without_a_token_nobody_comes_in() {
    let running = Running::start().await;
    assert_eq!(status(running.knock("/", &[]).await), StatusCode::UNAUTHORIZED);
    assert_eq!(status(running.knock("/", &[("token", "../etc")]).await), StatusCode::UNAUTHORIZED);
    assert_eq!(status(running.knock("/bimip", &[("token", "a/b")]).await), StatusCode::UNAUTHORIZED);
    let padded = [("sec-websocket-protocol", "bimip.v1, token.YQ==")];
    assert_eq!(status(running.knock("/bimip", &padded).await), StatusCode::BAD_REQUEST);
    assert_eq!(running.counter("door_refused").await, 4);
    assert_eq!(running.counter("opened").await, 0);
}

// MISSION V10
// SI-WAY-2
#[tokio::test]
async fn the_first_subprotocol_is_echoed() {
    let running = Running::start().await;
    let offered = [("sec-websocket-protocol", "acme_ann, browser")];
    let (mut wire, response) = running.knock("/any/path", &offered).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "acme_ann");
    wire.pong().await;

    let offered = [("sec-websocket-protocol", "bimip.v1, token.YW5u, device.cGhvbmU")];
    let (mut wire, response) = running.knock("/bimip", &offered).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "bimip.v1");
    assert!(wire.next().await.is_ok(), "no welcome");
    let (_wire, response) = running.knock("/", &[("token", "acme_ann")]).await.unwrap();
    assert!(!response.headers().contains_key("sec-websocket-protocol"));
}

#[tokio::test]
async fn a_full_house_is_said_at_the_door() {
    let mut config = bimip_server::Config::default();
    config.connections = 1;
    let running = Running::over(bimip_server::storage::memory::MemoryStorage::new(), config).await;
    let first = running.walkie("ann").await;
    let second = running.knock("/", &[("token", "bob")]).await;
    assert_eq!(status(second), StatusCode::SERVICE_UNAVAILABLE);
    drop(first);
    soon(async {
        // A place is free again once the server has noticed.
        while running.knock("/", &[("token", "bob")]).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

// SI-WAY-5
#[tokio::test]
async fn a_cookie_signs_nobody_in() {
    let running = Running::start().await;
    let cookie = ("cookie", "token=ann; device_id=phone; VoicePingToken=ann");
    assert_eq!(status(running.knock("/", &[cookie]).await), StatusCode::UNAUTHORIZED);
    let mut phone = Phone::new(running.knock("/bimip", &[cookie]).await.unwrap().0, "ann", "phone");
    phone.say(&ClientPacket::Ping(Ping::default())).await;
    let fault = phone.next().await;
    assert!(matches!(&fault, ServerPacket::Fault(fault) if fault.kind == FaultKind::OutOfPlace), "{fault:?}");
    assert_eq!(running.counter("accepted").await, 0);
}

// SI-WAY-3
#[tokio::test]
async fn a_device_of_more_than_256_bytes_is_none() {
    let running = Running::start().await;
    let (most, long) = ("d".repeat(256), "d".repeat(257));
    let knock = |path, device: &str| {
        let device = device.to_owned();
        let running = &running;
        async move { running.knock(path, &[("token", "ann"), ("device_id", &device)]).await }
    };
    assert!(knock("/bimip", &most).await.is_ok());
    assert_eq!(status(knock("/bimip", &long).await), StatusCode::BAD_REQUEST);
    assert!(knock("/", &long).await.is_ok());
}

// SI-WHO-2
#[tokio::test]
async fn who_names_no_device_is_the_device_default() {
    let running = Running::start().await;
    let wire = running.knock("/bimip", &[("token", "ann")]).await.unwrap().0;
    let mut nameless = Phone::new(wire, "ann", "default");
    assert!(matches!(nameless.next().await, ServerPacket::Welcome(_)));
    let _named = running.phone("ann", "default").await;
    assert!(matches!(nameless.next().await, ServerPacket::Bye(CloseReason::Replaced { .. })));
}
