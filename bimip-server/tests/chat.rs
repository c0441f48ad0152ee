//! The door of the chat dialect, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

use bimip_proto::{ClientPacket, Entry, MessageRef, Offset, ServerPacket, Status};
use serde_json::{Value, json};
use support::{Running, Wire};
use tokio_tungstenite::tungstenite::Error;

const CHAT: &str = "/chat?encoding=text";

/// A chat client.
struct Chat {
    wire: Wire,
    /// What the welcome said.
    welcome: Value,
}

impl Chat {
    async fn connect(server: &Running, name: &str) -> Self {
        let mut wire = server.knock(CHAT, &[]).await.unwrap().0;
        wire.send_text(&json!({"type": "auth", "token": name}).to_string()).await;
        Self::welcomed(wire).await
    }

    async fn welcomed(mut wire: Wire) -> Self {
        let welcome: Value = serde_json::from_str(&wire.next_text().await.unwrap()).unwrap();
        assert_eq!(welcome["type"], "welcome");
        Self { wire, welcome }
    }

    async fn say(&mut self, frame: Value) {
        self.wire.send_text(&frame.to_string()).await;
    }

    async fn entities(&mut self, payload: Value) {
        let connection = self.welcome["connection_id"].clone();
        self.say(json!({"connection_id": connection, "payload": payload})).await;
    }

    async fn next(&mut self) -> Value {
        serde_json::from_str(&self.wire.next_text().await.unwrap()).unwrap()
    }

    /// The only entity of the next live frame.
    async fn entity(&mut self) -> Value {
        let mut frame = self.next().await;
        assert_eq!(frame["connection_id"], self.welcome["connection_id"], "{frame}");
        let payload = frame["payload"].as_array_mut().unwrap();
        assert_eq!(payload.len(), 1, "{payload:?}");
        payload.remove(0)
    }

    /// The only entity of the next frame of what was missed.
    async fn missed(&mut self) -> Value {
        let mut frame = self.next().await;
        assert_eq!(frame.as_object().unwrap().len(), 1, "{frame}");
        frame["messages"][0]["payload"][0].take()
    }

    /// Sends a text and waits until it is stored.
    async fn send(&mut self, to: &str, text: &str) -> Value {
        self.entities(json!([{"receiverId": to, "messageId": text, "messageText": text}])).await;
        let stored = self.entity().await;
        assert_eq!(
            (&stored["messageId"], &stored["receivedServer"]),
            (&json!(text), &json!(true)),
            "{stored}"
        );
        stored
    }

    /// Answers what the server asked meanwhile: that is how it knows what arrived.
    async fn breathe(&mut self) {
        self.say(json!({"type": "ping"})).await;
        assert_eq!(self.next().await["type"], "pong");
    }
}

// MISSION A4
// CH-AUTH-1, CH-CONN-1, CH-ACK-1, CH-RCP-1, CH-RCP-2, CH-STORE-2, CH-LIVE-1
#[tokio::test]
async fn two_clients_chat() {
    let server = Running::start().await;
    let mut ann = Chat::connect(&server, "ann").await;
    let mut bob = Chat::connect(&server, "bob").await;
    assert_ne!(ann.welcome["connection_id"], bob.welcome["connection_id"]);

    let stored = ann.send("bob", "hello").await;
    let heard = bob.entity().await;
    assert_eq!((&heard["id"], &heard["messageText"]), (&stored["id"], &json!("hello")));
    assert_eq!((&heard["senderId"], &heard["senderDeviceId"]), (&json!("ann"), &json!("chat")));

    // Bob never says what he has stored; that his client answered the ping is enough.
    bob.breathe().await;
    let delivered = ann.entity().await;
    assert_eq!((&delivered["messageId"], &delivered["id"]), (&json!("hello"), &stored["id"]));
    assert_eq!((&delivered["by"], &delivered["delivered"]), (&json!("bob"), &json!(true)));
    assert_eq!(delivered["read"], false);

    // With the name that he got, on a connection that is not his.
    bob.say(json!({"connection_id": "0", "payload": [{"messageId": heard["messageId"], "read": true}]}))
        .await;
    assert_eq!(bob.entity().await["receivedServer"], true);
    let read = ann.entity().await;
    assert_eq!((&read["messageId"], &read["read"]), (&json!("hello"), &json!(true)));

    bob.say(json!({"type": "typing", "receiverId": "ann"})).await;
    let typing = ann.next().await;
    assert_eq!((&typing["senderId"], &typing["isTyping"]), (&json!("bob"), &json!(true)));
}

// MISSION A4
// CH-ROW-1, CH-ROW-2, CH-STORE-1
#[tokio::test]
async fn what_was_missed_comes_as_such_and_once() {
    let server = Running::start().await;
    let mut ann = Chat::connect(&server, "ann").await;
    for text in ["1", "2", "3"] {
        ann.send("bob", text).await;
    }
    let mut bob = Chat::connect(&server, "bob").await;
    for (offset, text) in [(1, "1"), (2, "2"), (3, "3")] {
        let missed = bob.missed().await;
        assert_eq!((&missed["messageText"], &missed["offset"]), (&json!(text), &json!(offset)));
    }
    bob.say(json!({"ack": 2})).await;
    assert_eq!(bob.next().await, json!({"ack": 2}));
    let mut delivered = 0;
    while delivered < 2 {
        delivered += ann.next().await["payload"].as_array().unwrap().len();
    }
    drop(bob);
    let mut bob = Chat::connect(&server, "bob").await;
    assert_eq!(bob.welcome["resume_from"], 2);
    assert_eq!(bob.missed().await["messageText"], "3");
    ann.send("bob", "4").await;
    assert_eq!(bob.entity().await["messageText"], "4");
}

// MISSION A4
// CH-SEND-1, CH-ERR-1, CH-ERR-2, CH-ERR-3, CH-ID-2
#[tokio::test]
async fn one_bad_message_does_not_take_the_others_with_it() {
    let server = Running::start().await;
    let mut ann = Chat::connect(&server, "ann").await;
    let mut bob = Chat::connect(&server, "bob").await;
    ann.entities(json!([
        {"messageId": "1", "receiverId": "bob", "messageText": "one"},
        {"messageId": "2", "messageText": "to nobody"},
        {"messageText": "to nobody, without a name"},
        {"messageId": "3", "receiverId": "bob", "messageText": "as eve", "senderId": "eve"},
        {"messageId": "4", "groupId": "strangers", "messageText": "not ours"},
        {"messageId": "1", "receiverId": "bob", "messageText": "one"},
        {"messageId": "1", "receiverId": "bob", "messageText": "another"},
        {"messageId": "5", "receiverId": "bob", "messageText": "five", "senderId": "ann"},
    ]))
    .await;
    let mut answers = Vec::new();
    for _ in 0..8 {
        let answer = ann.entity().await;
        let what = answer["error"]["code"].as_str().unwrap_or("stored").to_owned();
        answers.push((answer["messageId"].as_str().map(str::to_owned), what));
    }
    answers.sort();
    let stated = [
        (None, "FIELD"),
        (Some("1"), "CONFLICT"),
        (Some("1"), "stored"),
        (Some("1"), "stored"),
        (Some("2"), "FIELD"),
        (Some("3"), "NOT_YOURSELF"),
        (Some("4"), "NOT_MEMBER"),
        (Some("5"), "stored"),
    ];
    assert_eq!(answers, stated.map(|(name, what)| (name.map(str::to_owned), what.to_owned())));
    for text in ["one", "five"] {
        assert_eq!(bob.entity().await["messageText"], text);
    }
    for (text, code) in
        [("{", "MALFORMED"), ("{\"type\":\"dance\"}", "UNKNOWN"), ("{\"ack\":\"x\"}", "FIELD")]
    {
        ann.wire.send_text(text).await;
        assert_eq!(ann.next().await["code"], code);
    }
    // A frame that says it is binary is as good.
    ann.wire.send(json!({"type": "ping", "id": "p"}).to_string().into_bytes()).await;
    assert_eq!(ann.next().await["id"], "p");
}

// MISSION X1 A4
// CH-MSG-1, CH-MSG-2, CH-ATT-2, CH-REV-1, CH-REV-2, CH-ID-1
#[tokio::test]
async fn a_walkie_a_phone_and_a_chat_client_share_a_conversation() {
    let server = Running::start().await;
    let mut walkie = server.walkie("bob").await;
    let mut phone = server.phone("bob", "phone").await;
    let mut ann = Chat::connect(&server, "ann").await;
    let cat = "https://h/cat.jpg";
    ann.entities(
        json!([{"messageId": "c-1", "receiverId": "bob", "attachment": true, "attachmentURI": cat}]),
    )
    .await;
    let stored = ann.entity().await;
    assert_eq!(stored["kind"], "image");
    let words = walkie.words().await;
    assert!(words.contains("[image] https://h/cat.jpg"), "{words}");
    let ServerPacket::Deliver(row) = phone.next().await else { panic!("not a row") };
    let Entry::Message(message) = &*row.entry else { panic!("not a message") };
    let content = bimip_codec::content::of(&message.body).unwrap();
    assert_eq!((message.head.id.to_string(), content.attachments[0].url.as_str()), (id(&stored), cat));
    phone.say(&ClientPacket::Dispose(Offset(row.offset.0))).await;
    assert_eq!(ann.entity().await["byDeviceId"], "phone");
    phone.say(&ClientPacket::Mark { message: MessageRef::Id(message.head.id), status: Status::Read }).await;
    assert_eq!(ann.entity().await["read"], true);

    let mut tablet = Chat::welcomed(
        server.knock(CHAT, &[("authorization", "Bearer ann"), ("x-device-id", "tablet")]).await.unwrap().0,
    )
    .await;
    let missed = tablet.missed().await;
    assert_eq!((&missed["attachmentURI"], &missed["clientMessageId"]), (&json!([cat]), &json!("c-1")));

    // An edit says all of it again.
    let edit = |name: &str, uris: &[&str]| json!([{"messageId": name, "id": stored["id"], "edited": true, "messageText": "my cat", "attachmentURI": uris}]);
    ann.entities(edit("e-1", &[])).await;
    let refused = ann.entity().await;
    assert_eq!((&refused["messageId"], &refused["error"]["request"]), (&json!("e-1"), &json!("edit")));
    ann.entities(edit("e-2", &[cat])).await;
    assert_eq!(ann.entity().await["edition"], 1);
    ann.entities(json!([{"messageId": "e-3", "id": stored["id"], "deleted": true}])).await;
    assert_eq!(ann.entity().await["edition"], 2);
    // Receipts of the phone were missed, too; then what happens now.
    let mut revisions = Vec::new();
    while revisions.len() < 2 {
        let frame = tablet.next().await;
        let entities = frame["payload"].as_array().or_else(|| frame["messages"][0]["payload"].as_array());
        revisions.extend(entities.unwrap().iter().filter(|it| it["by"].is_null()).cloned());
    }
    let parts = |it: &Value| ["id", "edited", "deleted", "messageText"].map(|name| it[name].clone());
    assert_eq!(parts(&revisions[0]), [stored["id"].clone(), json!(true), Value::Null, json!("my cat")]);
    assert_eq!(parts(&revisions[1]), [stored["id"].clone(), Value::Null, json!(true), json!("")]);
}

fn id(entity: &Value) -> String {
    entity["id"].as_str().unwrap().to_owned()
}

// MISSION A4
// CH-DOOR-1, CH-AUTH-1, SI-WAY-3, SI-WHO-2
#[tokio::test]
async fn the_door_says_what_it_serves() {
    let server = Running::start().await;
    let refused = server.knock("/chat?encoding=json", &[("token", "ann")]).await;
    let Err(Error::Http(answer)) = refused.map(|_| ()) else { panic!("it was let in") };
    assert_eq!(answer.status(), 400);
    let answer = server.http("GET", "/chat?encoding=protobuf").await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("encoding=text"), "{answer}");
    let answer = server.http("GET", CHAT).await;
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");

    let offered = [("sec-websocket-protocol", "bimip.chat, token.YW5u, device.dHY")];
    let (tv, response) = server.knock("/chat", &offered).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "bimip.chat");
    Chat::welcomed(tv).await;
}
