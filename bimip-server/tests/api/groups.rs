//! Conversations and groups.

use serde_json::json;

use crate::client::Person;
use crate::support::Running;

// MISSION M6
// MISSION E2
// HT-CONV-1, HT-CONV-2, HT-CONV-3
#[tokio::test]
async fn conversations_are_listed_with_the_newest_first() {
    let running = Running::start().await;
    let (ann, bob) = (Person::new(&running, "ann"), Person::new(&running, "bob"));
    let begun = ann
        .post("/conversations", &json!({ "conversation_type": "direct", "participant_ids": ["bob"] }))
        .await;
    let empty = json!({ "id": "d:ann:bob", "conversation_type": "direct", "message_count": 0, "unread_count": 0,
        "participant_ids": ["ann", "bob"] });
    assert_eq!((begun.status, begun.json()), (201, empty.clone()));
    assert_eq!(ann.get("/conversations/d:ann:bob").await.good(), empty);
    for to in ["bob", "carol", "dave"] {
        assert_eq!(ann.post("/messages", &json!({ "to": to, "content": to })).await.status, 201);
    }
    let first = ann.get("/conversations?limit=2").await.good();
    let ids = |page: &serde_json::Value| -> Vec<String> {
        page["conversations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        (ids(&first), &first["has_more"]),
        (vec!["d:ann:dave".to_owned(), "d:ann:carol".to_owned()], &json!(true))
    );
    let next = ann.get(&format!("/conversations?before_id={}", first["next"].as_str().unwrap())).await.good();
    assert_eq!((ids(&next), &next["has_more"]), (vec!["d:ann:bob".to_owned()], &json!(false)));
    let seen = &bob.get("/conversations").await.good()["conversations"][0];
    assert_eq!((&seen["unread_count"], &seen["message_count"]), (&json!(1), &json!(1)));
    assert_eq!(seen["last_message"]["content"], "bob");
    assert_eq!(seen["last_activity_at"], seen["last_message"]["created_at"]);
    assert_eq!(seen["participant_ids"], json!(["ann", "bob"]));
}

// MISSION M3
// MISSION M6
// HT-GRP-1, HT-GRP-2, HT-CONV-3
#[tokio::test]
async fn a_group_is_made_and_managed_by_those_who_may() {
    let running = Running::start().await;
    let [ann, bob, eve] = ["ann", "bob", "eve"].map(|name| Person::new(&running, name));
    let create = json!({ "conversation_type": "group", "participant_ids": ["bob", "carol"], "title": "Team",
        "description": "all of us" });
    let keyed = ann.with("idempotency-key", "g1");
    let made = keyed.post("/conversations", &create).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        keyed.post("/conversations", &create).await.json()["id"],
        id,
        "the same key is the same group"
    );
    let group = format!("/groups/{}", id.strip_prefix("g:").unwrap());
    let seen = bob.get(&group).await.good();
    assert_eq!(
        (&seen["title"], &seen["about"], &seen["members"]),
        (&json!("Team"), &json!("all of us"), &json!(3))
    );
    assert_eq!(
        (&seen["role"], ann.get(&group).await.good()["role"].clone()),
        (&json!("member"), json!("owner"))
    );
    assert_eq!(eve.get(&group).await.refused(), "403 NOT_MEMBER");

    let members = bob.get(&format!("{group}/members?limit=2")).await.good();
    let rest = members["next"].as_str().unwrap();
    let rest = bob.get(&format!("{group}/members?after_user={rest}")).await.good();
    let mut names: Vec<_> =
        [&members, &rest].iter().flat_map(|it| it["members"].as_array().unwrap()).collect();
    names.sort_by_key(|it| it["user_id"].to_string());
    let of = |user: &str, role: &str| json!({ "user_id": user, "role": role });
    assert_eq!(names, [&of("ann", "owner"), &of("bob", "member"), &of("carol", "member")]);
    assert_eq!(eve.get(&format!("{group}/members")).await.refused(), "403 NOT_MEMBER");

    let talk = bob.post("/messages", &json!({ "conversation_id": id, "content": "hi all" })).await;
    assert_eq!((talk.status, &talk.json()["conversation_id"]), (201, &json!(id)));
    let listed = ann.get(&format!("/conversations/{id}")).await.good();
    assert_eq!((&listed["title"], &listed["unread_count"]), (&json!("Team"), &json!(1)));

    assert_eq!(bob.patch(&group, &json!({ "title": "Mine" })).await.refused(), "403 ROLE");
    let edited = ann.patch(&group, &json!({ "title": "The team" })).await.good();
    assert_eq!((&edited["title"], &edited["about"]), (&json!("The team"), &json!("all of us")));
    let role = ann.put(&format!("{group}/members/bob"), &json!({ "role": "admin" })).await.good();
    assert_eq!(role["group_id"], seen["group_id"]);
    bob.post(&format!("{group}/members"), &json!({ "user_ids": ["eve"] })).await.good();
    assert_eq!(eve.get(&group).await.good()["members"], 4);
    bob.delete(&format!("{group}/members/eve")).await.good();
    bob.ask("PUT", &format!("{group}/bans/eve"), "").await.good();
    bob.delete(&format!("{group}/bans/eve")).await.good();
    ann.patch(&group, &json!({ "open": true })).await.good();
    eve.ask("POST", &format!("{group}/join"), "").await.done();
    eve.ask("POST", &format!("{group}/leave"), "").await.done();
    assert_eq!(bob.delete(&group).await.refused(), "403 ROLE");
    ann.delete(&group).await.good();
    assert_eq!(ann.get(&group).await.refused(), "403 NOT_MEMBER");
    let taken = json!({ "conversation_type": "group", "participant_ids": ["bob"], "id": &group[8..] });
    assert_eq!(ann.post("/conversations", &taken).await.refused(), "409 TAKEN");
}
