//! The door of the deployed protobuf layout, over real sockets: who comes in, and what goes to and fro.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/jwt.rs"]
mod jwt;
#[path = "support/support.rs"]
mod support;

use std::sync::Arc;

use bimip_proto::{
    Address, Body, ClientPacket, ClientRef, CloseReason, ConversationId, Draft, Entry, Head, MessageRef,
    Noted, Offset, Ping, Reject, Seq, ServerPacket, Status, UnixMs, limits,
};
use bimip_server::Config;
use bimip_server::jwt::{Algorithm, JwtAuth, Keys, Policy, Secret};
use bimip_server::storage::memory::MemoryStorage;
use jwt::{SECRET, now_s, rs256};
use support::msgpack::{V, array};
use support::{Phone, Running, user};
use tokio_tungstenite::tungstenite::Error;

const PATH: &str = "/application/development";
const RS256: &str = r#"{"alg":"RS256","typ":"JWT"}"#;

fn keys(algorithm: Algorithm, pem: &str) -> Keys {
    let mut keys = Keys::new();
    keys.add_public(None, algorithm, pem).unwrap();
    keys
}

async fn start() -> Running {
    let mut ours = Keys::new();
    ours.add_secret(None, &Secret::new(SECRET).unwrap()).unwrap();
    let auth =
        JwtAuth::new(ours, Policy::default()).deployed(keys(Algorithm::Rs256, jwt::RS256_PUBLIC), "Joken");
    Running::with(MemoryStorage::new(), Config::default(), auth).await
}

/// Claims as the backends write them, good for so many seconds.
fn claims(kind: &str, seconds: u64) -> String {
    let now = now_s();
    let exp = now + seconds;
    format!(
        r#"{{"eid":"ann","device_id":"phone","jti":"t-1","type":"{kind}","iss":"Joken","aud":"Joken",
             "exp":{exp},"iat":{now},"nbf":{now},"user_id":"7"}}"#
    )
}

fn draft(id: &str, to: &str, at: u64, text: &str) -> ClientPacket {
    ClientPacket::Send(Draft {
        client_ref: Some(ClientRef::new(id).unwrap()),
        to: Address::User(user(to)),
        client_time: Some(UnixMs(at)),
        body: Body::text(text),
    })
}

fn accepted(packet: ServerPacket) -> (String, u64) {
    match packet {
        ServerPacket::Accepted { client_ref, head, .. } => (client_ref.unwrap().to_string(), head.seq.0),
        other => panic!("not accepted: {other:?}"),
    }
}

fn entry(packet: ServerPacket) -> (Offset, Arc<Entry>) {
    match packet {
        ServerPacket::Deliver(row) => (row.offset, row.entry),
        other => panic!("no row: {other:?}"),
    }
}

fn message(packet: ServerPacket) -> (Offset, Head, String) {
    let (offset, entry) = entry(packet);
    match &*entry {
        Entry::Message(it) => (offset, it.head.clone(), String::from_utf8(it.body.bytes.to_vec()).unwrap()),
        other => panic!("no message: {other:?}"),
    }
}

/// Who says what about the message of which id.
fn receipt(packet: ServerPacket) -> (String, Status, String) {
    match &*entry(packet).1 {
        Entry::Receipt(it) => {
            let id = it.messages[0].client_ref.as_ref().unwrap().to_string();
            (it.by.user.to_string(), it.status, id)
        }
        other => panic!("no receipt: {other:?}"),
    }
}

fn place(one: &str, other: &str, seq: u64) -> MessageRef {
    MessageRef::Place { conversation: ConversationId::direct(user(one), user(other)), seq: Seq(seq) }
}

/// What comes next, beside who is there and who is not.
async fn next(phone: &mut Phone) -> ServerPacket {
    loop {
        match phone.next().await {
            ServerPacket::Aware(_) | ServerPacket::Around(_) => {}
            packet => return packet,
        }
    }
}

fn stored(one: &str, other: &str, seq: u64) -> ClientPacket {
    ClientPacket::Delivered(vec![place(one, other, seq)])
}

// MISSION B11
// BD-AUTH-1, BD-AUTH-2
#[tokio::test]
async fn a_token_of_the_backends_opens_the_door_and_nothing_else_does() {
    let running = start().await;
    let token = rs256(RS256, &claims("access", 3600));
    for token in [token.clone(), format!("Bearer {token}")] {
        let headers = [("token", token.as_str()), ("user-agent", "app/1")];
        let (mut wire, response) = running.knock(PATH, &headers).await.unwrap();
        let said = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((said("x-status"), said("x-connection")), ("101".to_owned(), "connected".to_owned()));
        assert_eq!((said("x-message"), said("x-user_agent")), ("Successful".to_owned(), "app/1".to_owned()));
        assert_eq!((said("x-ip"), said("x-host")), ("127.0.0.1".to_owned(), running.address.to_string()));
        assert!(said("x-port").parse::<u16>().unwrap() > 0);
        assert!(said("x-connection_time").parse::<u64>().unwrap() / 1000 >= now_s() - 60);
        wire.pong().await;
    }

    let mut refused = vec![
        ("no token".to_owned(), None, ""),
        ("refresh".to_owned(), Some(rs256(RS256, &claims("refresh", 3600))), "token_not_access"),
        ("our own".to_owned(), Some(jwt::token(&jwt::ours("ann", ""))), "token_unknown_key"),
        (
            "ended".to_owned(),
            Some(rs256(RS256, &claims("access", 3600).replace("\"exp\":", "\"exp\":1,\"x\":"))),
            "token_expired",
        ),
    ];
    for (name, from, to, counter) in [
        ("issuer", "\"iss\":\"Joken\"", "\"iss\":\"bimip\"", "token_wrong_issuer"),
        ("no jti", "\"jti\":\"t-1\",", "", "token_bad_claims"),
        ("no device", "\"device_id\":\"phone\",", "", "token_bad_claims"),
        ("not yet", "\"nbf\":", "\"nbf\":99999999999,\"y\":", "token_not_yet"),
        ("a path", "\"eid\":\"ann\"", "\"eid\":\"../ann\"", "token_no_user"),
    ] {
        let claims = claims("access", 3600).replace(from, to);
        refused.push((name.to_owned(), Some(rs256(RS256, &claims)), counter));
    }
    for (name, token, counter) in refused {
        let token = token.as_deref().map(|token| ("token", token));
        match running.knock(PATH, token.as_slice()).await {
            Err(Error::Http(response)) => {
                assert_eq!(response.status(), 401, "{name}");
                assert!(response.body().as_ref().is_none_or(Vec::is_empty), "{name}");
                assert_eq!(response.headers()["x-status"], "400", "{name}");
                assert_eq!(response.headers()["x-connection"], "dis_connected", "{name}");
                let reason = if token.is_some() { "Invalid token" } else { "Missing token" };
                assert_eq!(response.headers()["x-message"], reason, "{name}");
            }
            other => panic!("{name}: {:?}", other.map(|_| ())),
        }
        if !counter.is_empty() {
            assert!(running.counter(counter).await > 0, "{name}");
        }
    }
    // Nor is a token of this door good at another, or on another device.
    let other_device = [("token", token.as_str()), ("device_id", "tablet")];
    for (path, headers) in [("/bimip", &other_device[..1]), (PATH, &other_device)] {
        assert!(running.knock(path, headers).await.is_err(), "{path}");
    }
}

// MISSION B11
// BD-AUTH-3, BD-BYE-2
#[tokio::test]
async fn a_session_ends_with_its_token() {
    let running = start().await;
    let token = rs256(RS256, &claims("access", 2));
    let wire = running.knock(PATH, &[("token", &token)]).await.unwrap().0;
    let mut phone = Phone::speaking(bimip_codec::Dialect::Deployed, wire, "ann", "phone");
    assert_eq!(next(&mut phone).await, ServerPacket::Bye(CloseReason::Expired));
    assert_eq!(phone.hear().await.unwrap_err(), Some(4401));
}

// MISSION B11
// BD-ACK-1, BD-ACK-2, BD-KEY-1, BD-COMMIT-1, BD-RECEIPT-1, BD-AUTH-4, BD-BODY-1
#[tokio::test]
async fn one_conversation_in_three_dialects() {
    let running = Running::start().await;
    let mut ann = running.deployed("ann", "1").await;
    let mut bob = running.phone("bob", "phone").await;
    let mut walkie = running.walkie("bob").await;

    ann.say(&draft("1", "bob", 10, "hello")).await;
    assert_eq!(accepted(next(&mut ann).await), ("1".to_owned(), 1));
    let (offset, head, body) = message(next(&mut bob).await);
    assert_eq!((body.as_str(), head.seq), (r#"{"text":"hello"}"#, Seq(1)));
    assert!(head.client_ref.unwrap().as_str().starts_with("1~"));
    let text = walkie.words().await;
    assert!(text.contains("hello"), "{text}");

    // The same again is the same; another time makes it another message.
    ann.say(&draft("1", "bob", 10, "hello")).await;
    assert_eq!(accepted(next(&mut ann).await), ("1".to_owned(), 1));
    ann.say(&draft("1", "bob", 11, "again")).await;
    assert_eq!(accepted(next(&mut ann).await), ("1".to_owned(), 2));
    ann.say(&draft("1", "bob", 11, "something else")).await;
    match next(&mut ann).await {
        ServerPacket::Rejected { client_ref, reason, .. } => {
            assert_eq!((client_ref.unwrap().as_str(), reason), ("1", Reject::Conflict));
        }
        other => panic!("{other:?}"),
    }

    bob.say(&ClientPacket::Dispose(offset)).await;
    assert_eq!(receipt(next(&mut ann).await), ("bob".to_owned(), Status::Delivered, "1".to_owned()));
    let read = ClientPacket::Mark { message: MessageRef::Id(head.id), status: Status::Read };
    bob.say(&read).await;
    assert_eq!(receipt(next(&mut ann).await), ("bob".to_owned(), Status::Read, "1".to_owned()));

    // And back: a walkie-talkie's text, and what the deployed client says about it.
    walkie.send(array(&[V::Int(1), V::Int(17), V::Str("bob"), V::Str("ann"), V::Str("over")])).await;
    let (_, head, body) = message(next(&mut ann).await);
    assert_eq!((head.from.user.as_str(), head.seq), ("bob", Seq(3)));
    assert!(body.contains("over"), "{body}");
    ann.say(&stored("ann", "bob", 3)).await;
    assert_eq!(next(&mut ann).await, ServerPacket::Noted(Noted::Delivered(vec![place("ann", "bob", 3)])));
    let read = ClientPacket::Mark { message: place("ann", "bob", 3), status: Status::Read };
    ann.say(&read).await;
    let marked = Noted::Marked { message: place("ann", "bob", 3), status: Status::Read };
    assert_eq!(next(&mut ann).await, ServerPacket::Noted(marked));
    ann.say(&ClientPacket::Bye).await;
    assert_eq!(next(&mut ann).await, ServerPacket::Bye(CloseReason::Bye));
    assert_eq!(ann.hear().await.unwrap_err(), Some(1000));
}

// MISSION B11
// BD-COMMIT-1, BD-MARK-1
#[tokio::test]
async fn what_was_committed_does_not_come_again_and_the_rest_does() {
    let running = Running::start().await;
    let mut bob = running.deployed("bob", "1").await;
    for (id, at) in [("1", 1), ("2", 2), ("3", 3)] {
        bob.say(&draft(id, "ann", at, id)).await;
        accepted(next(&mut bob).await);
    }
    let mut ann = running.deployed("ann", "1").await;
    for seq in 1..=3 {
        assert_eq!(message(next(&mut ann).await).1.seq, Seq(seq));
    }
    // Out of order: the receipt is made, the cursor waits.
    ann.say(&stored("ann", "bob", 1)).await;
    ann.say(&stored("ann", "bob", 3)).await;
    for seq in [1, 3] {
        assert_eq!(
            next(&mut ann).await,
            ServerPacket::Noted(Noted::Delivered(vec![place("ann", "bob", seq)]))
        );
    }
    for id in ["1", "3"] {
        assert_eq!(receipt(next(&mut bob).await), ("ann".to_owned(), Status::Delivered, id.to_owned()));
    }
    let mut ann = running.deployed("ann", "1").await;
    for seq in 2..=3 {
        assert_eq!(message(next(&mut ann).await).1.seq, Seq(seq));
    }
    // What an earlier session was given can be spoken about, and nobody's else.
    for (peer, seq, known) in [("bob", 1, true), ("bob", 4, false), ("eve", 1, false)] {
        let read = ClientPacket::Mark { message: place("ann", peer, seq), status: Status::Read };
        ann.say(&read).await;
        match next(&mut ann).await {
            ServerPacket::Noted(Noted::Marked { .. }) => assert!(known, "{peer} {seq}"),
            ServerPacket::Noted(Noted::Refused { reason, .. }) => {
                assert_eq!((reason, known), (Reject::NoSuchMessage, false), "{peer} {seq}");
            }
            other => panic!("{other:?}"),
        }
    }
}

// MISSION B11
// BD-COMMIT-3
#[tokio::test]
async fn a_client_that_never_commits_hears_everything() {
    let mut config = Config::default();
    config.core.commit_patience_ms = 0;
    let running = Running::over(MemoryStorage::new(), config).await;
    let many = u64::from(limits::WINDOW_ROWS) + 50;
    let mut bob = running.deployed("bob", "1").await;
    for at in 1..=many {
        bob.say(&draft("m", "ann", at, "x")).await;
        assert_eq!(accepted(next(&mut bob).await).1, at);
    }
    let mut ann = running.deployed("ann", "1").await;
    for seq in 1..=many {
        if seq == 2 {
            ann.say(&ClientPacket::Ping(Ping { id: "there".into() })).await;
        }
        let row = loop {
            match next(&mut ann).await {
                ServerPacket::Pong { .. } => {}
                row => break row,
            }
        };
        assert_eq!(message(row).1.seq, Seq(seq));
    }
    // And one that only sends is not held up by the receipts that it has no word for.
    let mut ann = running.phone("ann", "phone").await;
    let mut last = Offset::ZERO;
    for heard in 1..=many {
        last = loop {
            match next(&mut ann).await {
                ServerPacket::Noted(Noted::Disposed(_)) => {}
                row => break message(row).0,
            }
        };
        ann.say(&ClientPacket::Dispose(last)).await;
        assert_eq!(receipt(next(&mut bob).await).1, Status::Delivered, "{heard}");
    }
    assert!(last >= Offset(many));
    bob.say(&ClientPacket::Ping(Ping { id: "end".into() })).await;
    assert!(matches!(next(&mut bob).await, ServerPacket::Pong { .. }));
}
