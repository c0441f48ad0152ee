//! Whoever asks about what is not theirs is answered as about what is not there, on every route.

use bimip_codec::rest::{self, Method, Place, Route, Serves};
use bimip_server::Config;
use bimip_server::storage::memory::MemoryStorage;
use serde_json::{Value, json};

use crate::client::{Answer, Person};
use crate::support::Running;

/// A body for every route that reads one, about a conversation, a message and a user.
fn body(route: &Route, conversation: &str, message: &str, user: &str) -> Value {
    match route.name {
        "sendMessage" => json!({ "conversation_id": conversation, "content": "x" }),
        "editMessage" | "patchMessage" => json!({ "content": "x" }),
        "markRead" => json!({ "message_id": message }),
        "markDelivered" => json!({ "message_ids": [message] }),
        "mark" => json!({ "status": "played" }),
        "typing" => json!({ "conversation_id": conversation }),
        "createConversation" => json!({ "conversation_type": "direct", "participant_ids": [user] }),
        "editGroup" => json!({ "title": "x" }),
        "addMembers" => json!({ "user_ids": ["mallory"] }),
        "setRole" => json!({ "role": "admin" }),
        "setPresence" => json!({ "status": "away" }),
        "setVisibility" => json!({ "visible": true }),
        "setPushToken" => json!({ "token": "t" }),
        "refresh" => json!({ "token": "t" }),
        "logOut" => json!({ "scope": "session" }),
        _ => json!({}),
    }
}

/// What is named in a path by its first segment in braces.
fn named<'n>(route: &Route, group: &'n str, message: &'n str, conversation: &'n str) -> &'n str {
    let about = route.parameters.iter().find(|it| it.place == Place::Path).map_or("", |it| it.what);
    match route.tag {
        "groups" => group,
        "devices" => "phone",
        _ if about.contains("d:low:high") => conversation,
        _ => message,
    }
}

async fn ask(eve: &Person<'_>, route: &Route, names: [&str; 4]) -> Answer {
    let [group, message, conversation, user] = names;
    let path = route.path.replace("{id}", named(route, group, message, conversation));
    let path = path.replace("{user}", user).replace("{emoji}", "x");
    let body =
        if route.has_body() { body(route, conversation, message, user).to_string() } else { String::new() };
    eve.ask(route.method.name(), &path, &body).await
}

/// Without what differs by itself: names of requests, moments, counts of the bucket.
fn told(mut answer: Answer, names: [&str; 4]) -> String {
    let request = answer.header("x-request-id").to_owned();
    for header in ["x-request-id", "date", "x-ratelimit-remaining", "x-ratelimit-reset", "etag"] {
        answer.headers.remove(header);
    }
    let mut body = answer.body.replace(&request, "");
    for name in names {
        body = body.replace(name, "…");
    }
    let length = body.len();
    if let Some(length_of) = answer.headers.get_mut("content-length") {
        *length_of = length.to_string();
    }
    let body = match serde_json::from_str::<Value>(&body) {
        Ok(mut json) => {
            for moment in ["created_at", "read_at", "delivered_at", "edited_at", "deleted_at"] {
                if json.get(moment).is_some() {
                    json[moment] = Value::Null;
                }
            }
            json.to_string()
        }
        Err(_) => body,
    };
    format!("{} {:?} {body}", answer.status, answer.headers)
}

// MISSION A1
// HT-STR-1
#[tokio::test]
async fn what_is_not_theirs_is_answered_as_what_is_not_there() {
    let mut config = Config::default();
    // Else whoever joins what is not there makes it.
    config.core.open_groups = false;
    config.call_rate.per_second = 0;
    let running = Running::over(MemoryStorage::new(), config).await;
    let ann = Person::new(&running, "ann");
    let sent = ann.post("/messages", &json!({ "to": "bob", "content": "secret" })).await.good();
    ann.patch("/profile", &json!({ "name": "Ann" })).await.good();
    let create =
        json!({ "conversation_type": "group", "participant_ids": ["bob"], "id": "club", "title": "secret" });
    assert_eq!(ann.post("/conversations", &create).await.status, 201);
    let in_group =
        ann.post("/messages", &json!({ "conversation_id": "g:club", "content": "secret" })).await.good();
    let (sent, in_group) = (sent["id"].as_str().unwrap(), in_group["id"].as_str().unwrap());

    let eve = Person::new(&running, "eve");
    let nowhere = "vvvvvvvvvvvvvvvvvvv0";
    let there = [["club", sent, "d:ann:bob", "ann"], ["club", in_group, "g:club", "bob"]];
    let not_there = [["klub", nowhere, "d:anm:bob", "anm"], ["klub", nowhere, "g:klub", "bop"]];
    let mut compared = 0;
    for route in rest::routes().filter(|route| matches!(route.serves, Serves::Core(_))) {
        // What one says of oneself tells nothing of others; and a log-out ends this.
        if matches!(route.name, "logOut")
            || (route.method == Method::Post && route.name == "createConversation")
        {
            continue;
        }
        for (there, not_there) in there.into_iter().zip(not_there) {
            let of_theirs = told(ask(&eve, route, there).await, there);
            let of_nothing = told(ask(&eve, route, not_there).await, not_there);
            assert!(!of_theirs.contains("secret"), "{}: {of_theirs}", route.name);
            assert_eq!(of_theirs, of_nothing, "{}", route.name);
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared}");
}
