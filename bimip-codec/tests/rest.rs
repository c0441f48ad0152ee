//! The API over HTTP: what requests ask, what answers say, and the document of it.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

use std::collections::BTreeSet;
use std::sync::Arc;

use bimip_codec::rest::{self, Answer, Asked, Place, Refusal, Request, Route, Serves};
use bimip_proto::{
    Act, Address, Ask, Aware, Awareness, Body, BodyKind, Claim, ClientPacket, ClientRef, ConversationState,
    Device, DeviceName, Draft, Emoji, Form, Found, GroupAct, GroupCommand, GroupId, GroupMember,
    GroupProfile, GroupState, Head, HistoryMessage, HistoryPlace, LogOut, Marks, MayPost, Message, MessageId,
    MessageRef, Noted, Offset, OwnDevice, PageFrom, Presence, ProfileState, PushToken, React,
    ReactionSummary, Reject, Revise, Role, Saved, Seq, ServerPacket, Status, TokenAnswer, TokenTask, UnixMs,
    UserAct, UserCommand, UserId, UserProfile, limits,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const AT: UnixMs = UnixMs(1_763_652_000_123);
const NOW: &str = "2025-11-20T15:20:00.123Z";
const FRESH: &str = "f0000000-0000-4000-8000-000000000000";

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn me() -> Device {
    Device::new(user("ann"), DeviceName::new("http").unwrap())
}

fn named(name: &str) -> ClientRef {
    ClientRef::new(name).unwrap()
}

fn group() -> GroupId {
    GroupId::new("team").unwrap()
}

fn id() -> MessageId {
    MessageId::new(7, 42)
}

fn route(name: &str) -> &'static Route {
    rest::routes().find(|route| route.name == name).unwrap_or_else(|| panic!("{name}"))
}

fn asked(name: &str, path: &[&str], query: &str, body: &str) -> Result<Asked, Refusal> {
    let me = me();
    let request = Request { me: &me, path, query, key: Some("k"), fresh: FRESH, body: body.as_bytes() };
    route(name).read(&request)
}

/// The packets of a request.
fn said(name: &str, path: &[&str], body: &Value) -> Vec<ClientPacket> {
    let asked =
        asked(name, path, "", &body.to_string()).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
    asked.said().iter().map(|said| said.packet.clone()).collect()
}

fn one(name: &str, path: &[&str], body: &Value) -> ClientPacket {
    let mut said = said(name, path, body);
    assert_eq!(said.len(), 1, "{said:?}");
    said.remove(0)
}

fn question(name: &str, path: &[&str], query: &str) -> Vec<Ask> {
    let asked = asked(name, path, query, "").unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
    let asks = asked.said().iter().map(|said| match &said.packet {
        ClientPacket::Query(query) => {
            assert_eq!(query.id.as_str(), FRESH, "a question is never the one before");
            query.ask.clone()
        }
        other => panic!("{other:?}"),
    });
    asks.collect()
}

fn field(refused: Result<Asked, Refusal>) -> &'static str {
    let refusal = refused.unwrap_err();
    assert_eq!((refusal.status, refusal.code), (400, "FIELD"), "{refusal:?}");
    refusal.field.unwrap()
}

/// The answer of a request whose packets were answered so.
fn told(name: &str, path: &[&str], body: &Value, answers: Vec<ServerPacket>) -> (u16, Value) {
    let asked = asked(name, path, "", &body.to_string()).unwrap();
    let answers: Vec<_> = answers.into_iter().map(Some).collect();
    let Answer { status, json } =
        asked.answer(&answers, AT).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
    (status, if json.is_empty() { Value::Null } else { serde_json::from_str(&json).unwrap() })
}

fn found(found: Found) -> ServerPacket {
    ServerPacket::Answer { id: named(FRESH), found }
}

fn head(body: &Body) -> Head {
    let to = Address::User(user("bob"));
    Head {
        id: id(),
        from: me(),
        to,
        client_ref: Some(named("k")),
        client_time: None,
        at: AT,
        stamp: AT,
        seq: Seq(5),
        kind: body.kind,
    }
}

fn kept(body: Body) -> HistoryMessage {
    HistoryMessage {
        message: Message { head: head(&body), body },
        edition: 0,
        deleted: false,
        marks: Marks::NONE,
        reactions: ReactionSummary::default(),
    }
}

// MISSION E1
// HT-SEND-1, HT-SEND-2, HT-MSG-1, HT-KEY-1
#[test]
fn a_draft_waits_for_its_acknowledgement() {
    let flat = json!({ "conversation_id": "d:ann:bob", "content": "hello" });
    let draft = |kind, body: Body| {
        let to = Address::User(user("bob"));
        ClientPacket::Send(Draft {
            client_ref: Some(named("k")),
            to,
            client_time: None,
            body: Body { kind, ..body },
        })
    };
    assert_eq!(one("sendMessage", &[], &flat), draft(BodyKind::Text, Body::text("hello")));
    let image = json!({ "to": "bob", "content": "hello", "message_type": "image" });
    assert_eq!(one("sendMessage", &[], &image), draft(BodyKind::Image, Body::text("hello")));

    let rich = json!({ "to": "bob", "content": "hi bob", "message_type": "audio", "reply_to_id": id().to_string(),
        "mentions": [{ "user_id": "bob", "offset": 3, "length": 3 }] });
    let ClientPacket::Send(it) = one("sendMessage", &[], &rich) else { panic!("no draft") };
    assert_eq!((it.body.kind, it.body.form), (BodyKind::Audio, Form::Content));
    let content = bimip_codec::content::of(&it.body).unwrap();
    assert_eq!((content.text.as_str(), content.reply_to, content.mentions.len()), ("hi bob", Some(id()), 1));

    let accepted = ServerPacket::Accepted { client_ref: None, head: head(&it.body), offset: Offset(1) };
    let (status, sent) = told("sendMessage", &[], &rich, vec![accepted]);
    let expected = json!({ "id": id().to_string(), "conversation_id": "d:ann:bob", "seq": 5, "sender_user_id": "ann",
        "sender_device_id": "http", "client_id": "k", "message_type": "audio", "content": "hi bob",
        "body": { "text": "hi bob", "reply_to": id().to_string(), "mentions": rich["mentions"] },
        "status": "sent", "created_at": NOW, "mentions": rich["mentions"], "reply_to_id": id().to_string() });
    assert_eq!((status, sent), (201, expected));
    let me = me();
    let named_in_body =
        json!({ "to": "bob", "content": "x", "client_id": "own", "sender_user_id": "carol" }).to_string();
    let request =
        Request { me: &me, path: &[], query: "", key: None, fresh: FRESH, body: named_in_body.as_bytes() };
    let asked = route("sendMessage").read(&request).unwrap();
    assert_eq!(asked.said()[0].claim, Claim::Other(user("carol")));
    assert!(matches!(&asked.said()[0].packet, ClientPacket::Send(it) if it.client_ref == Some(named("own"))));
}

// HT-SEND-2, HT-BODY-2, HT-ID-2
#[test]
fn a_draft_that_is_none_is_refused_with_its_field() {
    let wrong = |body: Value| field(asked("sendMessage", &[], "", &body.to_string()));
    assert_eq!(wrong(json!({ "to": "bob", "content": "" })), "content");
    assert_eq!(
        wrong(json!({ "to": "bob", "content": "x", "message_type": "sticker" })),
        "content",
        "it has none"
    );
    let form = json!({ "to": "bob", "content": "x", "message_type": "interactive", "reply_to_id": id().to_string() });
    assert_eq!(wrong(form), "message_type", "it has no content");
    assert_eq!(wrong(json!({ "to": "bob", "content": "x".repeat(10_001) })), "content");
    assert_eq!(wrong(json!({ "to": null, "content": "x" })), "conversation_id");
    assert_eq!(wrong(json!({ "to": "bob", "content": "x", "mentions": [7] })), "mentions");
    assert_eq!(wrong(json!({ "to": "bob", "content": "x", "reply_to_id": "0".repeat(20) })), "reply_to_id");
    let others =
        asked("sendMessage", &[], "", r#"{"conversation_id":"d:bob:carol","content":"x"}"#).unwrap_err();
    assert_eq!((others.status, others.code), (403, "NOT_MEMBER"));
    for text in ["", "[]", "{", "\u{1}"] {
        let refusal = asked("sendMessage", &[], "", text).unwrap_err();
        assert_eq!(refusal.status, 400, "{text}");
    }
}

// MISSION E2
// HT-HIST-1, HT-MSG-2, HT-ID-1, HT-ID-2
#[test]
fn history_is_a_question_and_the_newest_is_first() {
    let of = Address::User(user("bob"));
    let history = |from, limit| vec![Ask::History { of: of.clone(), from, limit }];
    let place = HistoryPlace::Id(id());
    assert_eq!(question("getMessages", &["d:ann:bob"], ""), history(PageFrom::Latest, 50));
    let before = format!("limit=7&before_id={}", id());
    assert_eq!(question("getMessages", &["d:ann:bob"], &before), history(PageFrom::Before(place), 7));
    let after = format!("x=y&after_id={}", id());
    assert_eq!(
        question("getMessagesOfConversation", &["d:ann:bob"], &after),
        history(PageFrom::After(place), 50)
    );
    let bare = question("getMessages", &["team"], "");
    assert!(matches!(&bare[0], Ask::History { of: Address::Group(it), .. } if *it == group()));
    for query in ["limit=0", "limit=101", "limit=x", "limit=", "limit=1&limit=1"] {
        assert_eq!(field(asked("getMessages", &["team"], query, "")), "limit", "{query}");
    }
    assert_eq!(
        field(asked("getMessages", &["team"], &format!("before_id={0}&after_id={0}", id()), "")),
        "after_id"
    );
    for path in ["d:bob:carol", "d:x", "a/b"] {
        assert_eq!(asked("getMessages", &[path], "", "").unwrap_err().code, "NOT_MEMBER", "{path}");
    }

    let (mut edited, mut deleted) = (kept(Body::text("new")), kept(Body::text("")));
    edited.edition = 2;
    (deleted.edition, deleted.deleted) = (1, true);
    let page = Found::History { messages: vec![deleted, edited], more: true };
    let (status, page) = told("getMessages", &["d:ann:bob"], &json!({}), vec![found(page)]);
    assert_eq!((status, &page["has_more"]), (200, &json!(true)));
    let [new, old] = page["messages"].as_array().unwrap().as_slice() else { panic!("{page}") };
    assert_eq!(
        (&new["content"], &new["is_edited"], &new["edition"]),
        (&json!("new"), &json!(true), &json!(2))
    );
    assert_eq!((&old["content"], &old["deleted"], old.get("is_edited")), (&json!(""), &json!(true), None));
}

// MISSION A3
// HT-HIST-2
#[test]
fn the_conversation_with_a_user_is_told_in_entities_of_chat() {
    let place = PageFrom::After(HistoryPlace::Id(id()));
    let ask = Ask::History { of: Address::User(user("bob")), from: place, limit: 3 };
    assert_eq!(question("getChat", &["bob"], &format!("limit=3&after_id={}", id())), [ask]);
    let (mut read, mut deleted) = (kept(Body::text("hi")), kept(Body::text("")));
    read.marks = Marks::NONE.with(Status::Delivered).with(Status::Read);
    deleted.deleted = true;
    let page = Found::History { messages: vec![read, deleted], more: true };
    let (_, page) = told("getChat", &["bob"], &json!({}), vec![found(page)]);
    assert_eq!(page["has_more"], json!(true));
    let [gone, read] = page["messages"][0]["payload"].as_array().unwrap().as_slice() else {
        panic!("{page}")
    };
    assert_eq!(
        (&gone["deleted"], &gone["messageText"], &gone["read"]),
        (&json!(true), &json!(""), &json!(false))
    );
    let expected = json!({ "senderId": "ann", "receiverId": "bob", "messageId": id().to_string(), "id": id().to_string(),
        "timestamp": NOW, "messageText": "hi", "attachment": false, "attachmentURI": [], "receivedServer": true,
        "delivered": true, "read": true, "seq": 5, "kind": "text", "senderDeviceId": "http", "clientMessageId": "k" });
    assert_eq!(read, &expected);
    let nothing = Found::History { messages: Vec::new(), more: false };
    let (_, page) = told("getChat", &["bob"], &json!({}), vec![found(nothing)]);
    assert_eq!(page, json!({ "messages": [], "has_more": false }));
}

// HT-REV-1, HT-REV-2, HT-RCT-1
#[test]
fn what_becomes_of_a_message() {
    let (path, message) = (id().to_string(), MessageRef::Id(id()));
    let revise =
        |body| ClientPacket::Revise(Revise { client_ref: named("k"), message: message.clone(), body });
    let body = json!({ "content": "new" });
    for name in ["editMessage", "patchMessage"] {
        assert_eq!(one(name, &[&path], &body), revise(Some(Body::text("new"))));
    }
    let revised =
        ServerPacket::Noted(Noted::Revised { client_ref: named("k"), edition: 2, offset: Offset(3) });
    let expected = json!({ "id": path, "message_type": "text", "content": "new", "is_edited": true, "edition": 2, "edited_at": NOW });
    assert_eq!(told("editMessage", &[&path], &body, vec![revised.clone()]), (200, expected));
    assert_eq!(one("deleteMessage", &[&path], &json!({})), revise(None));
    let expected = json!({ "id": path, "deleted": true, "edition": 2, "deleted_at": NOW });
    assert_eq!(told("deleteMessage", &[&path], &json!({}), vec![revised]), (200, expected));
    assert_eq!(asked("deleteMessage", &["nothing"], "", "").unwrap_err().code, "NO_SUCH_MESSAGE");
    for (name, on) in [("react", true), ("takeReactionBack", false)] {
        let react =
            React {
                client_ref: named("k"), message: message.clone(), emoji: Emoji::new("🎉").unwrap(), on
            };
        assert_eq!(one(name, &[&path, "🎉"], &json!({})), ClientPacket::React(react));
        let noted = Noted::Reacted { client_ref: named("k"), edition: 4, count: 1, offset: Offset(1) };
        let expected = json!({ "message_id": path, "emoji": "🎉", "on": on, "count": 1, "edition": 4 });
        assert_eq!(told(name, &[&path, "🎉"], &json!({}), vec![ServerPacket::Noted(noted)]), (200, expected));
    }
    assert_eq!(field(asked("react", &[&path, ""], "", "")), "emoji");
}

// HT-READ-1, HT-READ-2, HT-DLV-1, HT-MARK-1, HT-STAT-1, HT-ID-1
#[test]
fn what_is_said_about_messages() {
    let (text, message) = (id().to_string(), MessageRef::Id(id()));
    let read = |status| ClientPacket::Mark { message: message.clone(), status };
    assert_eq!(said("markRead", &[], &json!({ "message_id": text })), [read(Status::Read)]);
    assert_eq!(one("markOneRead", &[&text], &json!({})), read(Status::Read));
    let several = json!({ "message_ids": [text, "?", text] });
    assert_eq!(said("markRead", &[], &several), [read(Status::Read), read(Status::Read)]);
    let good = ServerPacket::Noted(Noted::Marked { message: message.clone(), status: Status::Read });
    let refused = |reason| {
        let (message, status) = (message.clone(), Status::Read);
        ServerPacket::Noted(Noted::Refused { message, status, reason, retry_after_ms: None })
    };
    let answers = vec![good.clone(), refused(Reject::NoSuchMessage)];
    let expected = json!({ "marked_count": 1, "read_at": NOW });
    assert_eq!(told("markRead", &[], &several, answers), (200, expected));
    let asked_for = asked("markRead", &[], "", &several.to_string()).unwrap();
    let busy = asked_for.answer(&[Some(good.clone()), Some(refused(Reject::Busy))], AT).unwrap_err();
    assert_eq!((busy.status, busy.retry_after_ms), (503, Some(1_000)), "some are not said yet");
    let alone = asked("markRead", &[], "", &json!({ "message_id": text }).to_string()).unwrap();
    assert_eq!(alone.answer(&[Some(refused(Reject::NoSuchMessage))], AT).unwrap_err().status, 404);
    assert_eq!(asked("markRead", &[], "", r#"{"message_id":"?"}"#).unwrap_err().code, "NO_SUCH_MESSAGE");
    assert_eq!(field(asked("markRead", &[], "", "{}")), "message_ids");
    let many = json!({ "message_ids": vec![text.as_str(); limits::BATCH_PARTS + 1] });
    assert_eq!(field(asked("markRead", &[], "", &many.to_string())), "message_ids");

    let delivered = ClientPacket::Delivered(vec![message.clone()]);
    assert_eq!(one("markDelivered", &[], &json!({ "message_ids": [text] })), delivered);
    let noted = ServerPacket::Noted(Noted::Delivered(vec![message.clone()]));
    let expected = json!({ "marked_count": 1, "delivered_at": NOW });
    assert_eq!(
        told("markDelivered", &[], &json!({ "message_id": text }), vec![noted.clone()]),
        (200, expected)
    );
    let none = json!({ "marked_count": 0, "delivered_at": NOW });
    assert_eq!(told("markDelivered", &[], &json!({ "message_ids": ["?"] }), vec![]), (200, none));

    assert_eq!(one("mark", &[&text], &json!({ "status": "played" })), read(Status::Played));
    assert_eq!(one("mark", &[&text], &json!({ "status": "delivered" })), delivered);
    let expected = json!({ "message_id": text, "status": "delivered" });
    assert_eq!(told("mark", &[&text], &json!({ "status": "delivered" }), vec![noted]), (200, expected));
    assert_eq!(field(asked("mark", &[&text], "", r#"{"status":"sent"}"#)), "status");

    let ask = Ask::Status { message, after: Some(user("b c")), limit: 50 };
    assert_eq!(question("getMessageStatus", &[&text], "after_user=b+c"), [ask]);
    let nothing = asked("getMessageStatus", &[&text], "", "").unwrap();
    assert_eq!(nothing.answer(&[Some(found(Found::Status(None)))], AT).unwrap_err().code, "NO_SUCH_MESSAGE");
}

fn state() -> Found {
    let (group, profile) = (group(), Arc::new(GroupProfile { title: "T".into(), about: "".into() }));
    let (open, post, role) = (false, MayPost::Everyone, Role::Admin);
    Found::Group(Some(Box::new(GroupState {
        group,
        edition: 3,
        profile,
        open,
        post,
        members: 2,
        role,
        since: None,
    })))
}

// MISSION M6
// HT-CONV-1, HT-CONV-2, HT-CONV-3
#[test]
fn conversations_are_listed_and_begun() {
    let list = |from| vec![Ask::Conversations { from, limit: 20 }];
    assert_eq!(question("getConversations", &[], ""), list(PageFrom::Latest));
    assert_eq!(
        question("getConversations", &[], &format!("before_id={}", id())),
        list(PageFrom::Before(id()))
    );
    let conversation = ConversationState {
        last: kept(Body::text("hi")),
        messages: 5,
        read: Seq(4),
        unread: 1,
        deleted: Vec::new(),
        exact: true,
    };
    let page = Found::Conversations { conversations: vec![conversation], more: true };
    let (_, page) = told("getConversations", &[], &json!({}), vec![found(page)]);
    let it = &page["conversations"][0];
    assert_eq!((&page["next"], &it["cursor"]), (&json!(id().to_string()), &json!(id().to_string())));
    assert_eq!(
        (&it["conversation_type"], &it["participant_ids"]),
        (&json!("direct"), &json!(["ann", "bob"]))
    );
    assert_eq!((&it["unread_count"], &it["last_activity_at"]), (&json!(1), &json!(NOW)));

    let silent = || found(Found::Conversations { conversations: Vec::new(), more: false });
    let begin = json!({ "conversation_type": "direct", "participant_ids": ["bob"] });
    let expected = json!({ "id": "d:ann:bob", "conversation_type": "direct", "message_count": 0, "unread_count": 0,
        "participant_ids": ["ann", "bob"] });
    assert_eq!(told("createConversation", &[], &begin, vec![silent()]), (201, expected.clone()));
    assert_eq!(told("getConversation", &["d:ann:bob"], &json!({}), vec![silent()]), (200, expected));
    let (_, of_group) = told("getConversation", &["team"], &json!({}), vec![silent(), found(state())]);
    assert_eq!((&of_group["id"], &of_group["title"]), (&json!("g:team"), &json!("T")));
    let stranger = asked("getConversation", &["team"], "", "").unwrap();
    let refusal = stranger.answer(&[Some(silent()), Some(found(Found::Group(None)))], AT).unwrap_err();
    assert_eq!(refusal.code, "NOT_MEMBER");

    let begin = json!({ "conversation_type": "group", "participant_ids": ["bob"], "title": "T" });
    let profile = GroupProfile { title: "T".into(), about: "".into() };
    let act = GroupAct::Create { profile, open: false, post: MayPost::Everyone, members: vec![user("bob")] };
    let command = GroupCommand { client_ref: named("k"), group: GroupId::new(FRESH).unwrap(), act };
    assert_eq!(one("createConversation", &[], &begin), ClientPacket::Group(command));
    let noted = ServerPacket::Noted(Noted::Grouped { client_ref: named("k"), edition: 1, offset: Offset(1) });
    let (status, made) = told("createConversation", &[], &begin, vec![noted]);
    assert_eq!(
        (status, &made["id"], &made["participant_ids"]),
        (201, &json!(format!("g:{FRESH}")), &json!(["ann", "bob"]))
    );
    for (body, wrong) in [
        (json!({ "conversation_type": "direct", "participant_ids": ["bob", "carol"] }), "participant_ids"),
        (json!({ "conversation_type": "direct", "participant_ids": [] }), "participant_ids"),
        (json!({ "conversation_type": "party", "participant_ids": ["bob"] }), "conversation_type"),
    ] {
        assert_eq!(field(asked("createConversation", &[], "", &body.to_string())), wrong);
    }
}

// MISSION M3
// HT-GRP-1, HT-GRP-2, HT-GRP-3
#[test]
fn groups_are_managed_by_methods_on_their_paths() {
    let command = |act| ClientPacket::Group(GroupCommand { client_ref: named("k"), group: group(), act });
    let cases = [
        ("deleteGroup", vec!["team"], json!({}), GroupAct::Delete),
        ("addMembers", vec!["team"], json!({ "user_ids": ["bob"] }), GroupAct::Add(vec![user("bob")])),
        (
            "setRole",
            vec!["team", "bob"],
            json!({ "role": "admin" }),
            GroupAct::SetRole { user: user("bob"), role: Role::Admin },
        ),
        ("removeMember", vec!["team", "bob"], json!({}), GroupAct::Remove(user("bob"))),
        ("ban", vec!["team", "bob"], json!({}), GroupAct::Ban(user("bob"))),
        ("unban", vec!["team", "bob"], json!({}), GroupAct::Unban(user("bob"))),
    ];
    for (name, path, body, act) in cases {
        assert_eq!(one(name, &path, &body), command(act), "{name}");
        let noted =
            ServerPacket::Noted(Noted::Grouped { client_ref: named("k"), edition: 9, offset: Offset(1) });
        let expected = json!({ "group_id": "team", "edition": 9 });
        assert_eq!(told(name, &path, &body, vec![noted]), (200, expected), "{name}");
    }
    let edit = said("editGroup", &["team"], &json!({ "title": "T", "open": true, "about": null }));
    let act = GroupAct::Edit { title: Some("T".into()), about: None, open: Some(true), post: None };
    assert_eq!(edit[0], command(act));
    assert!(matches!(&edit[1], ClientPacket::Query(it) if it.ask == Ask::Group(group())));
    assert_eq!(one("join", &["team"], &json!({})), ClientPacket::Join(group()));
    assert_eq!(one("leave", &["team"], &json!({})), ClientPacket::Leave(group()));
    let (_, got) = told("getGroup", &["team"], &json!({}), vec![found(state())]);
    assert_eq!(
        (&got["group_id"], &got["role"], &got["edition"]),
        (&json!("team"), &json!("admin"), &json!(3))
    );
    let members = Found::Members {
        members: vec![GroupMember { user: user("bob"), role: Role::Owner }],
        next: Some(user("carol")),
    };
    let (_, page) = told("getMembers", &["team"], &json!({}), vec![found(state()), found(members)]);
    let expected =
        json!({ "members": [{ "user_id": "bob", "role": "owner" }], "has_more": true, "next": "carol" });
    assert_eq!(page, expected);
    assert_eq!(field(asked("addMembers", &["team"], "", r#"{"user_ids":[]}"#)), "user_ids");
}

// HT-USR-1, HT-USR-2, HT-USR-3, HT-USR-4, HT-DEV-1, HT-DEV-2
#[test]
fn what_a_user_keeps() {
    let command = |act| ClientPacket::User(UserCommand { client_ref: named("k"), act });
    let edit = said("editProfile", &[], &json!({ "name": "Ann", "about": "" }));
    let act = UserAct::EditProfile { name: Some("Ann".into()), about: Some("".into()), avatar: None };
    assert_eq!(edit[0], command(act));
    assert!(matches!(&edit[1], ClientPacket::Query(it) if it.ask == Ask::Profile(user("ann"))));
    assert_eq!(question("getProfile", &[], ""), [Ask::Profile(user("ann"))]);
    let (_, nothing) = told("getProfile", &[], &json!({}), vec![found(Found::Profile(None))]);
    assert_eq!(nothing, json!({ "user_id": "ann", "edition": 0, "name": "", "about": "", "avatar": "" }));
    let stranger = asked("getUser", &["bob"], "", "").unwrap();
    assert_eq!(stranger.answer(&[Some(found(Found::Profile(None)))], AT).unwrap_err(), Refusal::NOT_FOUND);
    let profile = Arc::new(UserProfile { name: "Bob".into(), about: "".into(), avatar: "a".into() });
    let seen = ProfileState { user: user("bob"), edition: 1, profile, last_seen: Some(AT) };
    let (_, bob) = told("getUser", &["bob"], &json!({}), vec![found(Found::Profile(Some(seen)))]);
    assert_eq!(
        bob,
        json!({ "user_id": "bob", "edition": 1, "name": "Bob", "about": "", "avatar": "a", "last_seen": NOW })
    );

    let saved = || Saved { user: user("bob"), name: "B".into() };
    assert_eq!(one("saveContact", &["bob"], &json!({ "name": "B" })), command(UserAct::Save(saved())));
    assert_eq!(one("forgetContact", &["bob"], &json!({})), command(UserAct::Forget(user("bob"))));
    assert_eq!(one("block", &["bob"], &json!({})), command(UserAct::Block(user("bob"))));
    assert_eq!(one("unblock", &["bob"], &json!({})), command(UserAct::Unblock(user("bob"))));
    assert_eq!(question("getContacts", &[], "limit=5"), [Ask::AddressBook { after: None, limit: 5 }]);
    let book = Found::AddressBook { saved: vec![saved()], more: false };
    let (_, book) = told("getContacts", &[], &json!({}), vec![found(book)]);
    assert_eq!(book, json!({ "contacts": [{ "user_id": "bob", "name": "B" }], "has_more": false }));
    assert_eq!(
        question("getBlocks", &[], "after_user=%62ob"),
        [Ask::Blocked { after: Some(user("bob")), limit: 100 }]
    );
    let (_, blocks) = told(
        "getBlocks",
        &[],
        &json!({}),
        vec![found(Found::Blocked { users: vec![user("bob")], more: true })],
    );
    assert_eq!(blocks, json!({ "blocked": ["bob"], "has_more": true }));
    assert_eq!(field(asked("block", &["a/b"], "", "")), "user");

    let device = OwnDevice {
        name: DeviceName::new("phone").unwrap(),
        first_seen: AT,
        last_seen: AT,
        cursor: Offset(3),
        push: true,
        logged_out_before: None,
    };
    let (_, devices) = told("getDevices", &[], &json!({}), vec![found(Found::Devices(vec![device]))]);
    let expected =
        json!({ "device_id": "phone", "first_seen": NOW, "last_seen": NOW, "cursor": 3, "push": true });
    assert_eq!(devices["devices"], json!([expected]));
    let phone = UserAct::RemoveDevice(DeviceName::new("phone").unwrap());
    assert_eq!(one("removeDevice", &["phone"], &json!({})), command(phone));
    let push = |token| ClientPacket::PushToken(PushToken { id: None, service: String::new(), token });
    assert_eq!(one("setPushToken", &["http"], &json!({ "token": "t" })), push(Some("t".into())));
    assert_eq!(one("removePushToken", &["http"], &json!({})), push(None));
    let another = asked("setPushToken", &["phone"], "", r#"{"token":"t"}"#).unwrap_err();
    assert_eq!(another, Refusal::NOT_FOUND);
}

// HT-LIVE-1, HT-LIVE-2, HT-LIVE-3, HT-LIVE-4, HT-AUTH-2, HT-AUTH-3
#[test]
fn what_is_live_and_what_is_about_tokens() {
    let ClientPacket::Signal(signal) = one("typing", &[], &json!({ "to": "bob", "is_typing": false })) else {
        panic!()
    };
    assert_eq!((signal.act, signal.to), (Act::Cancelled, Address::User(user("bob"))));
    let asked_for = asked("typing", &[], "", r#"{"to":"bob"}"#).unwrap();
    assert_eq!(asked_for.answer(&[None], AT).unwrap().status, 204);
    let ClientPacket::Aware(it) =
        one("setPresence", &[], &json!({ "status": "dnd", "ttl_s": 9, "to": "bob" }))
    else {
        panic!()
    };
    assert_eq!((it.ttl_s, it.to), (9, None));
    for body in [r#"{"status":"typing"}"#, r#"{"status":"read"}"#, "{}"] {
        assert_eq!(field(asked("setPresence", &[], "", body)), "status");
    }
    assert_eq!(question("getPresence", &[], "after_user=bob"), [Ask::Around { after: Some(user("bob")) }]);
    let awareness =
        Awareness { id: None, to: None, presence: Presence::Busy, location: None, ttl_s: 60, at: Some(AT) };
    let around = vec![Aware { from: me(), awareness }];
    let around = found(Found::Around { around, more: false, contacts: Vec::new() });
    let expected =
        json!({ "user_id": "ann", "device_id": "http", "status": "busy", "ttl_s": 60, "timestamp": NOW });
    let (_, page) = told("getPresence", &[], &json!({}), vec![around]);
    assert_eq!(page, json!({ "presences": [expected], "has_more": false }));
    assert_eq!(
        one("setVisibility", &[], &json!({ "visible": false })),
        ClientPacket::SetVisible { id: None, visible: false }
    );
    let visible = ServerPacket::Visible { id: None, visible: true };
    assert_eq!(
        told("setVisibility", &[], &json!({ "visible": true }), vec![visible]),
        (200, json!({ "visible": true }))
    );

    let refresh = ClientPacket::Token { task: TokenTask::Refresh, token: "t".into() };
    assert_eq!(one("refresh", &[], &json!({ "token": "t" })), refresh);
    let token = TokenAnswer { task: TokenTask::Refresh, token: Some("n".into()), expires: Some(AT) };
    let newer = told("refresh", &[], &json!({ "token": "t" }), vec![ServerPacket::Token(token)]);
    assert_eq!(newer, (200, json!({ "token": "n", "expires_at": NOW })));
    assert_eq!(one("logOut", &[], &json!({ "scope": "session" })), ClientPacket::LogOut(LogOut::Session));
    let device = LogOut::Device(Some(DeviceName::new("phone").unwrap()));
    assert_eq!(
        one("logOut", &[], &json!({ "scope": "device", "device_id": "phone" })),
        ClientPacket::LogOut(device)
    );
    assert_eq!(field(asked("logOut", &[], "", r#"{"scope":"all"}"#)), "scope");
}

// HT-ERR-1, HT-ERR-2
#[test]
fn refusals_have_one_shape() {
    let cases = [
        (Reject::Field("x"), 400, "FIELD"),
        (Reject::BadToken, 401, "BAD_TOKEN"),
        (Reject::NotYourself, 403, "NOT_YOURSELF"),
        (Reject::NotMember, 403, "NOT_MEMBER"),
        (Reject::Role, 403, "ROLE"),
        (Reject::Blocked, 403, "BLOCKED"),
        (Reject::NoSuchMessage, 404, "NO_SUCH_MESSAGE"),
        (Reject::Conflict, 409, "CONFLICT"),
        (Reject::Taken, 409, "TAKEN"),
        (Reject::Full, 409, "FULL"),
        (Reject::NoStream, 409, "NO_STREAM"),
        (Reject::Deleted, 410, "DELETED"),
        (Reject::TooLarge, 413, "TOO_LARGE"),
        (Reject::Unsupported, 501, "UNSUPPORTED"),
        (Reject::Busy, 503, "BUSY"),
        (Reject::Unavailable, 503, "UNAVAILABLE"),
    ];
    for (reason, status, code) in cases {
        let refusal = Refusal::of(reason, None);
        assert_eq!((refusal.status, refusal.code), (status, code));
        assert_eq!(refusal.retry_after_ms.is_some(), status == 503);
    }
    let json: Value = serde_json::from_str(&Refusal::of(Reject::Busy, Some(7)).json("r")).unwrap();
    let expected = json!({ "code": "BUSY", "message": "busy, try again", "details": { "retry_after_ms": 7 }, "request_id": "r" });
    assert_eq!(json, expected);
    let json: Value = serde_json::from_str(&Refusal::field("content").json("r")).unwrap();
    assert_eq!(json["details"], json!({ "field": "content" }));
}

// HT-DOC-1, HT-REQ-2
#[test]
fn the_document_has_every_route_and_everything_that_is_referred_to() {
    let text = rest::openapi();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for reference in text.split("\"$ref\":\"#/components/").skip(1) {
        let (kind, name) = reference.split('"').next().unwrap().split_once('/').unwrap();
        assert!(document["components"][kind].get(name).is_some(), "{kind}/{name}");
    }
    assert!(schemas.len() > 30, "{}", schemas.len());
    let mut names = BTreeSet::new();
    for route in rest::routes() {
        let method = route.method.name().to_ascii_lowercase();
        let operation = &document["paths"][route.path][&method];
        assert_eq!(operation["operationId"], route.name);
        assert!(names.insert(route.name), "{} is there twice", route.name);
        assert!(
            !route.summary.is_empty() && !route.tag.is_empty() && !route.answers.is_empty(),
            "{}",
            route.name
        );
        assert_eq!(operation["security"] == json!([]), route.is_open(), "{}", route.name);
        assert_eq!(operation.get("requestBody").is_some(), route.has_body(), "{}", route.name);
        for path in route.paths() {
            let in_path = |it: &&&rest::Parameter| it.place == Place::Path;
            let braces: Vec<&str> = path.split('{').skip(1).map(|it| it.split('}').next().unwrap()).collect();
            let known: Vec<&str> = route.parameters.iter().filter(in_path).map(|it| it.name).collect();
            assert_eq!(braces, known, "{path}");
        }
    }
    assert_eq!(text, rest::openapi());
}

fn any_segment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("ffff0000000000000010".to_owned()),
        Just("d:ann:bob".to_owned()),
        Just("team".to_owned()),
        ".*".prop_map(String::from)
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!("bob")),
        Just(json!(["bob", "carol"])),
        Just(json!({ "text": "x" })),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

const FIELDS: [&str; 20] = [
    "to",
    "conversation_id",
    "content",
    "message_type",
    "mentions",
    "reply_to_id",
    "body",
    "data",
    "payload",
    "encryption",
    "message_id",
    "message_ids",
    "status",
    "conversation_type",
    "participant_ids",
    "title",
    "role",
    "user_ids",
    "scope",
    "token",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // Whatever a request says, it is read or refused, and its answer is one or a refusal.
    #[test]
    fn any_request_is_safe(
        path in prop::collection::vec(any_segment(), 0..3),
        query in "[a-z_=&%0-9]{0,40}",
        key in prop::option::of("[ -~]{0,140}"),
        fields in prop::collection::btree_map(prop::sample::select(&FIELDS[..]), any_value(), 0..6),
        raw in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
    ) {
        let me = me();
        let body = raw.unwrap_or_else(|| serde_json::to_vec(&fields).unwrap());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        for route in rest::routes().filter(|route| matches!(route.serves, Serves::Core(_))) {
            let request = Request { me: &me, path: &path, query: &query, key: key.as_deref(), fresh: FRESH, body: &body };
            match route.read(&request) {
                Ok(asked) => {
                    prop_assert!(asked.said().len() <= limits::BATCH_PARTS);
                    let answers = vec![Some(ServerPacket::Around(Vec::new())); asked.said().len()];
                    if let Ok(answer) = asked.answer(&answers, AT) {
                        prop_assert!(answer.json.is_empty() || serde_json::from_str::<Value>(&answer.json).is_ok());
                    }
                }
                Err(refusal) => prop_assert!((400..500).contains(&refusal.status)),
            }
        }
    }
}
