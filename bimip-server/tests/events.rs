//! The door of JSON events, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

use bimip_proto::{
    Address, Body, ClientPacket, ClientRef, Draft, Entry, MessageRef, Offset, ServerPacket, Status,
};
use serde_json::{Value, json};
use support::{Running, Wire, user};

/// A browser, or what looks like one.
struct Browser(Wire);

impl Browser {
    async fn connect(server: &Running, name: &str) -> Self {
        let mut browser = Self(server.knock("/ws", &[]).await.unwrap().0);
        browser.say(json!({"type": "auth", "token": name})).await;
        assert_eq!(browser.next().await["type"], "welcome");
        browser
    }

    async fn say(&mut self, event: Value) {
        self.0.send_text(&event.to_string()).await;
    }

    /// The next event that is about the test: who is there is told beside it.
    async fn next(&mut self) -> Value {
        loop {
            let text = self.0.next_text().await.unwrap();
            // EV-FRAME-2: it would not be read if there were two.
            let event: Value = serde_json::from_str(&text).unwrap();
            if event["type"] != "presence" && event["type"] != "around" {
                return event;
            }
        }
    }

    /// Answers what the server asked meanwhile: that is how it knows what arrived.
    async fn breathe(&mut self) {
        self.say(json!({"type": "ping"})).await;
        self.event("pong").await;
    }

    async fn event(&mut self, kind: &str) -> Value {
        let event = self.next().await;
        assert_eq!(event["type"], kind, "{event}");
        event
    }

    /// Sends a text and waits until it is stored.
    async fn send(&mut self, to: &str, text: &str) -> Value {
        self.say(json!({"type": "send", "client_id": text, "to": to, "content": text})).await;
        self.event("sent").await
    }
}

// MISSION E3
// EV-AUTH-1, EV-FRAME-2, SI-WAY-4
#[tokio::test]
async fn two_browsers_chat() {
    let server = Running::start().await;
    let mut ann = Browser::connect(&server, "ann").await;
    let mut bob = Browser::connect(&server, "bob").await;
    let mut tablet = Browser(
        server.knock("/ws", &[("authorization", "Bearer ann"), ("x-device-id", "tablet")]).await.unwrap().0,
    );
    assert_eq!(tablet.next().await["type"], "welcome");

    let sent = ann.send("bob", "hello").await;
    let heard = bob.event("new_message").await;
    assert_eq!(heard["message"]["id"], sent["message_id"]);
    assert_eq!(heard["message"]["content"], "hello");
    assert_eq!(heard["message"]["sender_device_id"], "events");
    assert_eq!(
        tablet.event("new_message").await["message"]["id"],
        sent["message_id"],
        "one's other devices get it"
    );

    bob.breathe().await;
    // Bob's browser never says what it has stored; that it answered the ping is enough.
    assert_eq!(ann.event("message_delivered").await["reader_id"], "bob");
    bob.say(json!({"type": "read_receipt", "message_id": sent["message_id"], "read_at": 1})).await;
    assert_eq!(bob.event("done").await["request"], "mark");
    let read = ann.event("message_read").await;
    assert_eq!((&read["message_id"], &read["reader_id"]), (&sent["message_id"], &json!("bob")));

    bob.say(json!({"type": "typing", "conversation_id": sent["conversation_id"]})).await;
    let typing = ann.event("typing").await;
    assert_eq!((&typing["user_id"], &typing["is_typing"]), (&json!("bob"), &json!(true)));
}

// MISSION E3
#[tokio::test]
async fn what_was_missed_comes_once_and_in_order() {
    let server = Running::start().await;
    let mut ann = Browser::connect(&server, "ann").await;
    for text in ["1", "2", "3"] {
        ann.send("bob", text).await;
    }
    let mut bob = Browser::connect(&server, "bob").await;
    for text in ["1", "2", "3"] {
        assert_eq!(bob.event("new_message").await["message"]["content"], text);
    }
    bob.breathe().await;
    for _ in 0..3 {
        ann.event("message_delivered").await;
    }
    drop(bob);
    let mut bob = Browser::connect(&server, "bob").await;
    ann.send("bob", "4").await;
    assert_eq!(bob.event("new_message").await["message"]["content"], "4");
}

// MISSION X1 E3
#[tokio::test]
async fn a_walkie_a_phone_and_a_browser_share_a_conversation() {
    let server = Running::start().await;
    let mut walkie = server.walkie("bob").await;
    let mut phone = server.phone("bob", "phone").await;
    let mut ann = Browser::connect(&server, "ann").await;

    let sent = ann.send("bob", "hello").await;
    let words = walkie.words().await;
    assert!(words.contains("hello"), "{words}");
    let ServerPacket::Deliver(row) = phone.next().await else { panic!("not a row") };
    let Entry::Message(message) = &*row.entry else { panic!("not a message") };
    assert_eq!(
        (message.head.id.to_string(), &message.body.bytes[..]),
        (sent["message_id"].as_str().unwrap().to_owned(), &br#"{"text":"hello"}"#[..])
    );
    phone.say(&ClientPacket::Dispose(Offset(row.offset.0))).await;
    assert_eq!(ann.event("message_delivered").await["device_id"], "phone");
    phone.say(&ClientPacket::Mark { message: MessageRef::Id(message.head.id), status: Status::Read }).await;
    assert_eq!(ann.event("message_read").await["message_id"], sent["message_id"]);

    let draft = Draft {
        client_ref: Some(ClientRef::new("p-1").unwrap()),
        to: Address::User(user("ann")),
        client_time: None,
        body: Body::text("and you?"),
    };
    phone.say(&ClientPacket::Send(draft)).await;
    let heard = ann.event("new_message").await;
    assert_eq!(heard["message"]["content"], "and you?");
    ann.say(json!({"type": "history", "id": "h", "to": "bob"})).await;
    // The answer may come before or after what is said about delivery.
    let answer = loop {
        let event = ann.next().await;
        if event["type"] == "answer" {
            break event;
        }
    };
    let contents: Vec<&Value> =
        answer["messages"].as_array().unwrap().iter().map(|it| &it["content"]).collect();
    assert_eq!(contents, [&json!("hello"), &json!("and you?")]);
}

// EV-ERR-2, SI-WAY-3, SI-WHO-2
#[tokio::test]
async fn bad_events_are_answered_and_the_door_says_what_it_is() {
    let server = Running::start().await;
    let mut ann = Browser::connect(&server, "ann").await;
    for (text, code) in
        [("{", "MALFORMED"), ("{\"type\":\"dance\"}", "UNKNOWN"), ("{\"type\":\"ack\"}", "FIELD")]
    {
        ann.0.send_text(text).await;
        assert_eq!(ann.event("error").await["code"], code);
    }
    ann.say(json!({"type": "send", "client_id": "c", "to": "bob"})).await;
    let refused = ann.event("refused").await;
    assert_eq!((&refused["client_id"], &refused["code"]), (&json!("c"), &json!("FIELD")));
    ann.say(json!({"type": "send", "client_id": "d", "to": "bob", "content": "x", "sender_user_id": "eve"}))
        .await;
    assert_eq!(ann.event("refused").await["code"], "NOT_YOURSELF");
    // A frame that says it is binary is as good.
    ann.0.send(json!({"type": "ping", "id": "p"}).to_string().into_bytes()).await;
    assert_eq!(ann.event("pong").await["id"], "p");

    let answer = server.http("GET", "/ws").await;
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    let offered = [("sec-websocket-protocol", "bimip.events, token.YW5u, device.dHY")];
    let (mut tv, response) = server.knock("/ws", &offered).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "bimip.events");
    assert!(tv.next_text().await.unwrap().contains("welcome"));
}
