//! What users keep, and what is live.

use bimip_proto::ServerPacket;
use bimip_server::Config;
use bimip_server::storage::memory::MemoryStorage;
use serde_json::json;

use crate::client::Person;
use crate::support::{Running, soon};

// MISSION A12
// HT-USR-1, HT-USR-2, HT-USR-3, HT-USR-4
#[tokio::test]
async fn a_user_keeps_a_profile_an_address_book_and_blocks() {
    let running = Running::start().await;
    let (ann, bob) = (Person::new(&running, "ann"), Person::new(&running, "bob"));
    let nobody = json!({ "user_id": "ann", "edition": 0, "name": "", "about": "", "avatar": "" });
    assert_eq!(ann.get("/profile").await.good(), nobody);
    let edited = ann.patch("/profile", &json!({ "name": "Ann", "avatar": null })).await.good();
    assert_eq!((&edited["name"], &edited["edition"]), (&json!("Ann"), &json!(1)));
    assert_eq!(bob.get("/users/ann").await.refused(), "404 NOT_FOUND");
    let saved = ann.put("/contacts/bob", &json!({ "name": "Bobby" })).await.good();
    assert_eq!(saved, json!({ "user_id": "bob", "name": "Bobby" }));
    assert_eq!(bob.get("/users/ann").await.good()["name"], "Ann");
    ann.put("/contacts/carol", &json!({})).await.good();
    let page = ann.get("/contacts?limit=1").await.good();
    assert_eq!(page, json!({ "contacts": [saved], "has_more": true }));
    let rest = ann.get("/contacts?after_user=bob").await.good();
    assert_eq!(rest, json!({ "contacts": [{ "user_id": "carol", "name": "" }], "has_more": false }));
    ann.delete("/contacts/carol").await.done();
    ann.delete("/contacts/carol").await.done();

    ann.ask("PUT", "/blocks/bob", "").await.done();
    assert_eq!(ann.get("/blocks").await.good(), json!({ "blocked": ["bob"], "has_more": false }));
    assert_eq!(bob.get("/users/ann").await.refused(), "404 NOT_FOUND");
    assert_eq!(bob.post("/messages", &json!({ "to": "ann", "content": "?" })).await.refused(), "403 BLOCKED");
    ann.delete("/blocks/bob").await.done();
    assert_eq!(bob.get("/users/ann").await.good()["name"], "Ann");
}

// HT-DEV-1, HT-DEV-2
#[tokio::test]
async fn devices_are_listed_and_removed() {
    let mut config = Config::default();
    config.core.seen_ms = 1;
    let running = Running::over(MemoryStorage::new(), config).await;
    let phone = running.phone("ann", "phone").await;
    let ann = Person::new(&running, "ann").with("x-device-id", "phone");
    let token = json!({ "service": "fcm", "token": "t" });
    assert_eq!(ann.put("/devices/phone/push_token", &token).await.good(), json!({ "registered": true }));
    assert_eq!(ann.put("/devices/tablet/push_token", &token).await.refused(), "404 NOT_FOUND");
    let listed = soon(async {
        loop {
            let listed = ann.get("/devices").await.good();
            if listed["devices"] != json!([]) {
                break listed;
            }
        }
    });
    let listed = listed.await;
    let names: Vec<_> = listed["devices"].as_array().unwrap().iter().map(|it| &it["device_id"]).collect();
    assert_eq!(names, ["phone"], "{listed}");
    assert_eq!(listed["devices"][0]["push"], json!(true));
    assert_eq!(ann.delete("/devices/phone/push_token").await.good(), json!({ "registered": false }));
    ann.with("x-device-id", "tablet").delete("/devices/phone").await.done();
    drop(phone);
    assert_eq!(ann.get("/devices").await.good(), json!({ "devices": [] }));
}

// HT-LIVE-1, HT-LIVE-2, HT-LIVE-3, HT-LIVE-4
#[tokio::test]
async fn what_is_live_is_heard_by_those_who_are_here() {
    let running = Running::start().await;
    let ann = Person::new(&running, "ann");
    assert_eq!(ann.post("/messages", &json!({ "to": "bob", "content": "hi" })).await.status, 201);
    let mut bob = running.phone("bob", "phone").await;
    assert!(matches!(bob.next().await, ServerPacket::Deliver(_)));
    ann.post("/messages/typing", &json!({ "conversation_id": "d:ann:bob", "is_typing": true })).await.done();
    loop {
        match bob.next().await {
            ServerPacket::Signal { from, .. } => break assert_eq!(from.to_string(), "ann/http"),
            ServerPacket::Aware(_) | ServerPacket::Around(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let around = ann.get("/presence").await.good();
    assert_eq!(
        (&around["presences"][0]["user_id"], &around["presences"][0]["status"]),
        (&json!("bob"), &json!("online"))
    );
    ann.put("/presence", &json!({ "status": "busy", "ttl_s": 60 })).await.done();
    assert_eq!(ann.put("/presence", &json!({ "status": "typing" })).await.field(), "status");
    assert_eq!(
        ann.put("/visibility", &json!({ "visible": false })).await.good(),
        json!({ "visible": false })
    );
    assert_eq!(ann.put("/visibility", &json!({})).await.field(), "visible");
}
