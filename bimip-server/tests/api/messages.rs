//! Messages: sent, read back, edited, deleted, marked.

use bimip_proto::{Entry, ServerPacket};
use serde_json::{Value, json};

use crate::client::Person;
use crate::support::Running;

async fn send(person: &Person<'_>, to: &str, content: &str) -> Value {
    let answer = person.post("/messages", &json!({ "to": to, "content": content })).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn texts(page: &Value) -> Vec<&str> {
    page["messages"].as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap()).collect()
}

// MISSION E1
// MISSION M2
// HT-SEND-1, HT-MSG-1
#[tokio::test]
async fn a_message_is_sent_and_reaches_every_device() {
    let running = Running::start().await;
    let mut bob = running.phone("bob", "phone").await;
    let ann = Person::new(&running, "ann");
    let body = json!({ "conversation_id": "d:ann:bob", "content": "hello @bob", "message_type": "text",
        "mentions": [{ "user_id": "bob", "offset": 6, "length": 4 }] });
    let answer = ann.post("/messages", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let sent = answer.json();
    assert_eq!(sent["conversation_id"], "d:ann:bob");
    assert_eq!((&sent["content"], &sent["message_type"]), (&json!("hello @bob"), &json!("text")));
    assert_eq!((&sent["status"], &sent["seq"]), (&json!("sent"), &json!(1)));
    assert_eq!((&sent["sender_user_id"], &sent["sender_device_id"]), (&json!("ann"), &json!("http")));
    assert_eq!(sent["mentions"], body["mentions"]);
    assert!(sent["created_at"].as_str().unwrap().ends_with('Z'));
    match bob.next().await {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) => assert_eq!(message.head.id.to_string(), sent["id"]),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
    let reply = json!({ "to": "ann", "content": "hi", "reply_to_id": sent["id"] });
    let reply = Person::new(&running, "bob").post("/api/v1/messages/", &reply).await;
    assert_eq!((reply.status, &reply.json()["reply_to_id"]), (201, &sent["id"]));
    assert_eq!(
        ann.post("~/messages", &json!({ "to": "bob", "content": "" })).await.field(),
        "content",
        "the same without /api/v1"
    );
    let read = ann.get("~/messages/d:ann:bob").await.good();
    assert_eq!(texts(&read), ["hi", "hello @bob"]);
    assert_eq!(read["messages"][0]["reply_to_id"], sent["id"]);
    assert_eq!(read["messages"][1]["mentions"], body["mentions"]);
    assert_eq!(read["has_more"], json!(false));
}

// MISSION A8
// HT-KEY-1
#[tokio::test]
async fn the_same_key_is_the_same_message_in_every_dialect() {
    let running = Running::start().await;
    let ann = Person::new(&running, "ann").with("idempotency-key", "key-1");
    let first = ann.post("/messages", &json!({ "to": "bob", "content": "once" })).await;
    let again = ann.post("/messages", &json!({ "to": "bob", "content": "once" })).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json(), again.json());
    let other = ann.post("/messages", &json!({ "to": "bob", "content": "twice" })).await;
    assert_eq!(other.refused(), "409 CONFLICT");
    let tablet = ann.with("x-device-id", "tablet");
    let own = tablet.post("/messages", &json!({ "to": "bob", "content": "twice" })).await;
    assert_eq!(own.status, 201, "another device has names of its own");
    let named = json!({ "to": "bob", "content": "once", "client_id": "key-1" });
    let named = Person::new(&running, "ann").post("/messages", &named).await;
    assert_eq!(named.json()["id"], first.json()["id"]);
    assert_eq!(texts(&ann.get("/messages/d:ann:bob").await.good()), ["twice", "once"]);
}

// MISSION E1
// HT-SEND-2
#[tokio::test]
async fn what_is_no_message_is_refused_with_its_field() {
    let running = Running::start().await;
    let ann = Person::new(&running, "ann");
    let long = "é".repeat(10_001);
    let cases = [
        (json!({ "content": "x" }), "conversation_id"),
        (json!({ "to": "bob" }), "content"),
        (json!({ "to": "bob", "content": "" }), "content"),
        (json!({ "to": "bob", "content": 7 }), "content"),
        (json!({ "to": "bob", "content": long }), "content"),
        (json!({ "to": "bob", "content": "x", "message_type": "voice" }), "message_type"),
        (json!({ "to": "bob", "content": "x", "reply_to_id": "y" }), "reply_to_id"),
        (
            json!({ "to": "bob", "content": "x", "mentions": [{ "user_id": "b", "offset": 0, "length": 2 }] }),
            "mentions",
        ),
        (json!({ "to": "bob", "conversation_id": "d:ann:carol", "content": "x" }), "to"),
        (json!({ "to": "a/b", "content": "x" }), "to"),
        (json!({ "to": "bob", "content": "x", "client_id": "" }), "client_id"),
    ];
    for (body, field) in cases {
        assert_eq!(ann.post("/messages", &body).await.field(), field, "{body}");
    }
    let most = json!({ "to": "bob", "content": "é".repeat(10_000) });
    assert_eq!(ann.post("/messages", &most).await.status, 201);
    let as_another = json!({ "to": "bob", "content": "x", "sender_user_id": "carol" });
    assert_eq!(ann.post("/messages", &as_another).await.refused(), "403 NOT_YOURSELF");
    let no_member = json!({ "conversation_id": "g:team", "content": "x" });
    assert_eq!(ann.post("/messages", &no_member).await.refused(), "403 NOT_MEMBER");
    let of_others = json!({ "conversation_id": "d:bob:carol", "content": "x" });
    assert_eq!(ann.post("/messages", &of_others).await.refused(), "403 NOT_MEMBER");
    for body in ["", "[]", "{", "7", "{\"to\":\"bob\",}"] {
        assert_eq!(
            ann.with("content-type", "application/json").ask("POST", "/messages", body).await.status,
            400,
            "{body}"
        );
    }
}

// MISSION M3
// MISSION M6
// HT-REV-1, HT-REV-2, HT-MSG-2
#[tokio::test]
async fn a_message_is_edited_and_deleted_by_its_author() {
    let running = Running::start().await;
    let (ann, bob) = (Person::new(&running, "ann"), Person::new(&running, "bob"));
    let sent = send(&ann, "bob", "frist").await;
    let path = format!("/messages/{}", sent["id"].as_str().unwrap());
    let edited = ann.put(&path, &json!({ "content": "first" })).await.good();
    assert_eq!(
        (&edited["id"], &edited["content"], &edited["edition"]),
        (&sent["id"], &json!("first"), &json!(1))
    );
    assert_eq!(edited["is_edited"], json!(true));
    assert_eq!(ann.patch(&path, &json!({ "content": "First" })).await.good()["edition"], 2);
    let read = bob.get("/messages/d:ann:bob").await.good();
    assert_eq!((texts(&read), &read["messages"][0]["is_edited"]), (vec!["First"], &json!(true)));
    assert_eq!(bob.put(&path, &json!({ "content": "mine" })).await.status, 404);
    assert_eq!(bob.delete(&path).await.status, 404);
    let deleted = ann.delete(&path).await.good();
    assert_eq!((&deleted["deleted"], &deleted["edition"]), (&json!(true), &json!(3)));
    let read = bob.get("/messages/d:ann:bob").await.good();
    assert_eq!((texts(&read), &read["messages"][0]["deleted"]), (vec![""], &json!(true)));
    assert_eq!(ann.put(&path, &json!({ "content": "again" })).await.refused(), "410 DELETED");
}

// MISSION E4
// HT-READ-1, HT-READ-2, HT-MARK-1, HT-DLV-1, HT-STAT-1
#[tokio::test]
async fn what_is_said_about_a_message_is_told_to_its_author() {
    let running = Running::start().await;
    let (ann, bob) = (Person::new(&running, "ann"), Person::new(&running, "bob"));
    let ids: Vec<Value> =
        [send(&ann, "bob", "1").await, send(&ann, "bob", "2").await, send(&ann, "bob", "3").await]
            .into_iter()
            .map(|sent| sent["id"].clone())
            .collect();
    let status = format!("/messages/{}/status", ids[0].as_str().unwrap());
    let before = ann.get(&status).await.good();
    assert_eq!(
        (&before["status"], &before["recipients"][0]["reason"]),
        (&json!("pending"), &json!("never_connected"))
    );
    let arrived = bob.post("/messages/delivered", &json!({ "message_ids": ids })).await.good();
    assert_eq!(arrived["marked_count"], 3);
    assert_eq!(ann.get(&status).await.good()["status"], "delivered");
    let nowhere = "00000000000000000010";
    let read =
        bob.post("/messages/read", &json!({ "message_ids": [ids[0], ids[1], nowhere, "?"] })).await.good();
    assert_eq!(read["marked_count"], 2);
    let one = bob.post("/messages/read", &json!({ "message_id": nowhere })).await;
    assert_eq!(one.refused(), "404 NO_SUCH_MESSAGE");
    let path = format!("/messages/{}", ids[2].as_str().unwrap());
    assert_eq!(bob.ask("POST", &format!("{path}/read"), "").await.good()["marked_count"], 1);
    let marked = bob.post(&format!("{path}/marks"), &json!({ "status": "forwarded" })).await.good();
    assert_eq!(marked, json!({ "message_id": ids[2], "status": "forwarded" }));
    let told = ann.get(&status).await.good();
    assert_eq!((&told["status"], &told["recipients"][0]["user_id"]), (&json!("read"), &json!("bob")));
    assert!(told["recipients"][0]["read_at"].is_string(), "{told}");
    let page = ann.get("/messages/d:ann:bob").await.good();
    assert_eq!(page["messages"][0]["marks"], json!(["delivered", "read", "forwarded"]));
}

// HT-RCT-1
#[tokio::test]
async fn reactions_are_set_and_taken_back() {
    let running = Running::start().await;
    let (ann, bob) = (Person::new(&running, "ann"), Person::new(&running, "bob"));
    let sent = send(&ann, "bob", "party").await;
    let path = format!("/messages/{}/reactions/%F0%9F%8E%89", sent["id"].as_str().unwrap());
    let set = bob.ask("PUT", &path, "").await.good();
    assert_eq!((&set["emoji"], &set["count"], &set["on"]), (&json!("🎉"), &json!(1), &json!(true)));
    let page = ann.get("/messages/d:ann:bob").await.good();
    assert_eq!(
        page["messages"][0]["reactions"],
        json!([{ "emoji": "🎉", "count": 1, "mine": false, "users": ["bob"] }])
    );
    assert_eq!(bob.delete(&path).await.good()["count"], 0);
}

// MISSION A3
// HT-HIST-2, HT-HIST-1
#[tokio::test]
async fn the_conversation_with_a_user_is_paged_both_ways() {
    let running = Running::start().await;
    let (ann, bob) = (Person::new(&running, "ann"), Person::new(&running, "bob"));
    let mut ids = Vec::new();
    for content in ["0", "1", "2", "3", "4"] {
        ids.push(send(&ann, "bob", content).await["id"].as_str().unwrap().to_owned());
    }
    let page = async |query: &str| {
        let page = bob.get(&format!("~/v1.0/messages/ann?{query}")).await.good();
        let entities = page["messages"][0]["payload"].as_array().cloned().unwrap_or_default();
        let texts = entities.iter().map(|it| it["messageText"].as_str().unwrap().to_owned());
        (texts.collect::<Vec<_>>().join(""), page["has_more"] == json!(true))
    };
    assert_eq!(page("limit=2").await, ("43".to_owned(), true));
    assert_eq!(page(&format!("limit=2&before_id={}", ids[3])).await, ("21".to_owned(), true));
    assert_eq!(page(&format!("limit=2&before_id={}", ids[1])).await, ("0".to_owned(), false));
    assert_eq!(page(&format!("limit=2&after_id={}", ids[0])).await, ("21".to_owned(), true));
    assert_eq!(page(&format!("after_id={}", ids[4])).await, (String::new(), false));
    let flat = bob.get(&format!("/messages/d:ann:bob?limit=2&after_id={}", ids[2])).await.good();
    assert_eq!((texts(&flat), &flat["has_more"]), (vec!["4", "3"], &json!(false)));
}
