//! JSON events, as they look.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use bimip_codec::{Codec, DecodeError, Dialect, Frames, Shared};
use bimip_proto::{
    Act, Address, Alias, Ask, Aware, Awareness, Body, BodyKind, Claim, ClientPacket, ClientRef, CloseReason,
    ConversationState, Device, DeviceName, DeviceState, DeviceStatus, Draft, Emoji, Entry, Fault, FaultKind,
    Form, Found, GroupAct, GroupChange, GroupId, GroupMember, GroupNews, GroupProfile, GroupState, Head,
    HistoryMessage, Location, LogOut, Marks, MayPost, Message, MessageId, MessageRef, MessageStatus, NotYet,
    Noted, Offset, PageFrom, Ping, Presence, PushToken, Query, React, Reaction, ReactionCount,
    ReactionSummary, Receipt, RecipientStatus, Reject, Revision, Role, Row, Said, Saved, Seal, Seq,
    ServerPacket, Signal, SoundName, Status, StatusCounts, TokenAnswer, TokenTask, UnixMs, UserAct,
    UserChange, UserId, UserNews, Welcome, Window,
};
use bytes::Bytes;
use serde_json::{Value, json};

const AT: UnixMs = UnixMs(1_763_652_000_123);

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn device(user_name: &str, name: &str) -> Device {
    Device::new(user(user_name), DeviceName::new(name).unwrap())
}

fn name(text: &str) -> ClientRef {
    ClientRef::new(text).unwrap()
}

fn bob() -> Address {
    Address::User(user("bob"))
}

fn team() -> Address {
    Address::Group(GroupId::new("team 1").unwrap())
}

fn id() -> MessageId {
    MessageId::new(7, 42)
}

fn codec() -> Codec {
    let mut codec = Codec::new(Dialect::Events);
    codec.signed_in(&device("ann", "web"));
    codec
}

fn read(event: &Value) -> Result<Said, DecodeError> {
    let mut said = Vec::new();
    codec().decode_client(event.to_string().into(), &mut said)?;
    assert_eq!(said.len(), 1);
    Ok(said.remove(0))
}

fn said(event: &Value) -> ClientPacket {
    let said = read(event).unwrap();
    assert_eq!(said.claim, Claim::Own);
    said.packet
}

fn wrong(event: &Value) -> &'static str {
    match read(event) {
        Err(DecodeError::Field { field, .. }) => field,
        other => panic!("{event}: {other:?}"),
    }
}

fn unfit(event: &Value) -> Reject {
    match said(event) {
        ClientPacket::Unfit { id, reason } => {
            assert_eq!(id, name("c"));
            reason
        }
        other => panic!("{event}: {other:?}"),
    }
}

fn written(packet: &ServerPacket) -> Vec<Value> {
    let mut frames = Frames::new();
    codec().encode_server(packet, &mut frames).unwrap();
    frames.drain().map(|frame| serde_json::from_slice(&frame).unwrap()).collect()
}

fn event(packet: &ServerPacket) -> Value {
    let mut events = written(packet);
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

fn draft(client_ref: Option<&str>, to: Address, body: Body) -> ClientPacket {
    ClientPacket::Send(Draft { client_ref: client_ref.map(name), to, client_time: None, body })
}

fn head(to: Address, kind: BodyKind) -> Head {
    Head {
        id: id(),
        from: device("ann", "phone"),
        to,
        client_ref: Some(name("c-1")),
        client_time: None,
        at: AT,
        stamp: AT,
        seq: Seq(5),
        kind,
    }
}

fn row(entry: Entry) -> ServerPacket {
    ServerPacket::Deliver(Row { prev: Offset(8), offset: Offset(9), entry: Arc::new(entry) })
}

fn message(body: Body) -> Value {
    let message = Message { head: head(bob(), body.kind), body };
    event(&row(Entry::Message(message)))["message"].take()
}

/// What several fields of an object are.
fn parts<const N: usize>(object: &Value, names: [&str; N]) -> [Value; N] {
    names.map(|name| object[name].clone())
}

// MISSION E3
// EV-FRAME-1
#[test]
fn an_event_is_flat_or_has_a_payload() {
    let hello = draft(Some("c-1"), bob(), Body::text("hello"));
    assert_eq!(said(&json!({"type": "send", "client_id": "c-1", "to": "bob", "content": "hello"})), hello);
    let nested = json!({"type": "send", "payload": {"client_id": "c-1", "to": "bob", "content": "hello"}});
    assert_eq!(said(&nested), hello);
    let padded = json!({"type": "send", "x": [1, {}], "client_time": null, "client_id": "c-1", "to": "bob", "content": "hello"});
    assert_eq!(said(&padded), hello);
    let mut twice = Vec::new();
    let text = r#"{"type":"ack","offset":3,"offset":4}"#;
    codec().decode_client(text.into(), &mut twice).unwrap();
    assert_eq!(twice[0].packet, ClientPacket::Dispose(Offset(3)));
}

// EV-ERR-2
#[test]
fn what_is_no_event() {
    for text in ["", "1", "[]", "{", "{}", r#"{"type":1}"#, "\u{1}", r#"{"type":"ack"} {"type":"ack"}"#] {
        let refused = codec().decode_client(text.into(), &mut Vec::new());
        assert!(matches!(refused, Err(DecodeError::Malformed { .. })), "{text}: {refused:?}");
    }
    let broken = Bytes::from_static(b"{\"type\":\"ack\xff\"}");
    assert!(matches!(codec().decode_client(broken, &mut Vec::new()), Err(DecodeError::Malformed { .. })));
    assert!(matches!(read(&json!({"type": "dance"})), Err(DecodeError::Unknown { .. })));
    assert_eq!(wrong(&json!({"type": "ack"})), "offset");
    assert_eq!(wrong(&json!({"type": "ack", "offset": -1})), "offset");
    assert_eq!(wrong(&json!({"type": "ack", "offset": "1"})), "offset");

    // What has a name is refused by it.
    assert_eq!(unfit(&json!({"type": "send", "client_id": "c", "to": "bob"})), Reject::Field("content"));
    assert_eq!(
        unfit(&json!({"type": "send", "client_id": "c", "to": "", "content": "x"})),
        Reject::Field("to")
    );
    assert_eq!(
        unfit(&json!({"type": "edit", "client_id": "c", "content": "x"})),
        Reject::Field("message_id")
    );
    assert_eq!(unfit(&json!({"type": "group", "client_id": "c", "group_id": "g"})), Reject::Field("action"));
    assert_eq!(unfit(&json!({"type": "history", "id": "c"})), Reject::Field("to"));
    let long = "x".repeat(bimip_proto::limits::BODY_BYTES + 1);
    assert_eq!(
        unfit(&json!({"type": "send", "client_id": "c", "to": "bob", "content": long})),
        Reject::TooLarge
    );
    assert_eq!(wrong(&json!({"type": "send", "to": "bob"})), "content", "it has no name");

    let fault = Fault { kind: FaultKind::Field, origin: 3, details: "kind or route 3: offset".into() };
    let told = event(&ServerPacket::Fault(fault));
    assert_eq!(
        told,
        json!({"type": "error", "request": "ack", "code": "FIELD", "message": "kind or route 3: offset"})
    );
}

// EV-ID-1, EV-ID-2
#[test]
fn messages_go_by_two_names_and_nobody_speaks_as_another() {
    let about = |text: &str| said(&json!({"type": "read_receipt", "message_id": text, "read_at": 1}));
    let by_id = MessageRef::Id(id());
    assert_eq!(about(&id().to_string()), ClientPacket::Mark { message: by_id, status: Status::Read });
    let alias: Alias = "1_17_ann_bob_1763652000000.txt".parse().unwrap();
    let by_alias = ClientPacket::Mark { message: MessageRef::Alias(alias.clone()), status: Status::Read };
    assert_eq!(about(&alias.to_string()), by_alias);
    assert_eq!(wrong(&json!({"type": "read_receipt", "message_id": "x"})), "message_id");

    let claimed = |who: &str| read(&json!({"type": "ping", "sender_user_id": who})).unwrap().claim;
    assert_eq!((claimed("ann"), claimed("eve")), (Claim::Own, Claim::Other(user("eve"))));
}

// EV-TIME-1
#[test]
fn times_are_read_in_many_ways_and_written_in_one() {
    let at = |time: Value| match said(
        &json!({"type": "send", "to": "bob", "content": "x", "client_time": time}),
    ) {
        ClientPacket::Send(draft) => draft.client_time.unwrap(),
        other => panic!("{other:?}"),
    };
    for time in [
        json!("2025-11-20T15:20:00.123Z"),
        json!("2025-11-20T17:20:00.1239+02:00"),
        json!(1_763_652_000_123_u64),
    ] {
        assert_eq!(at(time), AT);
    }
    assert_eq!(
        wrong(&json!({"type": "send", "to": "bob", "content": "x", "client_time": "noon"})),
        "client_time"
    );
    let pong = ServerPacket::Pong { ping: Ping { id: Bytes::from_static(b"p") }, at: AT };
    assert_eq!(event(&pong), json!({"type": "pong", "id": "p", "timestamp": "2025-11-20T15:20:00.123Z"}));
}

// EV-TO-1
#[test]
fn a_target_is_a_user_or_a_conversation() {
    let to = |fields: Value| {
        let mut event = json!({"type": "send", "content": "x"});
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        match read(&event) {
            Ok(Said { packet: ClientPacket::Send(draft), .. }) => Ok(draft.to),
            Err(DecodeError::Field { field, .. }) => Err(field),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(to(json!({"to": "bob"})), Ok(bob()));
    assert_eq!(to(json!({"conversation_id": "d:ann:bob"})), Ok(bob()));
    assert_eq!(to(json!({"conversation_id": "d:ann:bob", "to": "bob"})), Ok(bob()));
    assert_eq!(to(json!({"conversation_id": "d:ann:ann"})), Ok(Address::User(user("ann"))));
    assert_eq!(to(json!({"conversation_id": "g:team%201"})), Ok(team()));
    assert_eq!(to(json!({"conversation_id": "team 1"})), Ok(team()));
    let uuid = "0b8f7c5e-6a1e-4f7c-9d6b-1f2a3b4c5d6e";
    assert_eq!(to(json!({"conversation_id": uuid})), Ok(Address::Group(GroupId::new(uuid).unwrap())));

    assert_eq!(to(json!({})), Err("to"));
    assert_eq!(to(json!({"conversation_id": "d:bob:eve"})), Err("conversation_id"), "somebody else's");
    assert_eq!(to(json!({"conversation_id": "d:bob"})), Err("conversation_id"));
    assert_eq!(to(json!({"conversation_id": "d:ann:bob", "to": "eve"})), Err("to"));
    assert_eq!(to(json!({"conversation_id": "g:team", "to": "bob"})), Err("to"), "a group is no user");
    assert_eq!(to(json!({"conversation_id": "team", "to": "bob"})), Err("conversation_id"));
}

// EV-AUTH-1, EV-WELCOME-1
#[test]
fn a_first_frame_signs_in_and_is_welcomed() {
    let sign_in = said(&json!({"type": "auth", "token": "secret", "device_id": "web"}));
    let device = Some(DeviceName::new("web").unwrap());
    assert_eq!(sign_in, ClientPacket::SignIn { user: None, device, token: Bytes::from_static(b"secret") });
    assert_eq!(wrong(&json!({"type": "auth"})), "token");

    let welcome = ServerPacket::Welcome(Welcome {
        epoch: 9,
        resume_from: Offset(3),
        first: Offset(1),
        head: Offset(4),
        window: Window { rows: 256, bytes: 1 },
        heartbeat_ms: 60_000,
        server_time: AT,
        connection_id: 12,
        dedup_days: 7,
    });
    let told = event(&welcome);
    assert_eq!(
        parts(
            &told,
            ["type", "epoch", "resume_from", "first", "head", "window", "heartbeat_ms", "connection_id"]
        ),
        [json!("welcome"), json!(9), json!(3), json!(1), json!(4), json!(256), json!(60_000), json!("12")]
    );
    assert_eq!(parts(&told, ["server_time", "dedup_days"]), [json!("2025-11-20T15:20:00.123Z"), json!(7)]);
    assert!(told["features"].as_array().unwrap().contains(&json!("queries")));
}

// EV-STORE-1, EV-PING-1, EV-BYE-1
#[test]
fn storing_pings_and_goodbyes() {
    assert_eq!(said(&json!({"type": "ack", "offset": 7})), ClientPacket::Dispose(Offset(7)));
    assert_eq!(
        event(&ServerPacket::Noted(Noted::Disposed(Offset(7)))),
        json!({"type": "acked", "offset": 7})
    );
    assert_eq!(said(&json!({"type": "ping"})), ClientPacket::Ping(Ping::default()));
    assert_eq!(said(&json!({"type": "bye"})), ClientPacket::Bye);
    let bye = |reason| event(&ServerPacket::Bye(reason));
    assert_eq!(bye(CloseReason::SignInTimeout), json!({"type": "bye", "reason": "sign_in_timeout"}));
    let by = Some(DeviceName::new("tv").unwrap());
    assert_eq!(
        bye(CloseReason::Replaced { by }),
        json!({"type": "bye", "reason": "replaced", "device_id": "tv"})
    );
}

// EV-ACCOUNT-1
#[test]
fn words_about_the_account() {
    let token = said(&json!({"type": "token", "task": "refresh", "token": "t"}));
    assert_eq!(token, ClientPacket::Token { task: TokenTask::Refresh, token: Bytes::from_static(b"t") });
    let answer =
        TokenAnswer { task: TokenTask::Refresh, token: Some(Bytes::from_static(b"u")), expires: Some(AT) };
    assert_eq!(
        event(&ServerPacket::Token(answer)),
        json!({"type": "token", "task": "refresh", "token": "u", "expires_at": "2025-11-20T15:20:00.123Z"})
    );
    let tv = Some(DeviceName::new("tv").unwrap());
    assert_eq!(
        said(&json!({"type": "logout", "scope": "device", "device_id": "tv"})),
        ClientPacket::LogOut(LogOut::Device(tv.clone()))
    );
    assert_eq!(said(&json!({"type": "logout", "scope": "account"})), ClientPacket::LogOut(LogOut::Account));
    assert_eq!(wrong(&json!({"type": "logout", "scope": "all"})), "scope");
    assert_eq!(
        event(&ServerPacket::Noted(Noted::LoggedOut(LogOut::Device(tv)))),
        json!({"type": "done", "request": "logout", "scope": "device", "device_id": "tv"})
    );
    let push = |token: &[u8]| {
        let token = (!token.is_empty()).then(|| Bytes::copy_from_slice(token));
        ClientPacket::PushToken(PushToken { id: None, service: "fcm".to_owned(), token })
    };
    assert_eq!(said(&json!({"type": "push_token", "service": "fcm", "token": "abc"})), push(b"abc"));
    assert_eq!(said(&json!({"type": "push_token", "service": "fcm", "token_base64": "/w=="})), push(b"\xff"));
    assert_eq!(said(&json!({"type": "push_token", "service": "fcm"})), push(b""));
    assert_eq!(
        event(&ServerPacket::Noted(Noted::PushToken { id: Some(name("p")), registered: true })),
        json!({"type": "done", "request": "push_token", "id": "p", "registered": true})
    );
    assert_eq!(
        said(&json!({"type": "visibility", "visible": false})),
        ClientPacket::SetVisible { id: None, visible: false }
    );
    let seen = ServerPacket::Visible { id: None, visible: true };
    assert_eq!(event(&seen), json!({"type": "visibility", "visible": true}));
}

// EV-ACK-1, EV-DONE-1, EV-ERR-1
#[test]
fn answers_name_what_they_are_about() {
    let sent = ServerPacket::Accepted {
        client_ref: Some(name("c-1")),
        head: head(bob(), BodyKind::Text),
        offset: Offset(6),
    };
    let told = event(&sent);
    assert_eq!(
        parts(
            &told,
            ["type", "client_id", "message_id", "conversation_id", "seq", "offset", "status", "created_at"]
        ),
        [
            json!("sent"),
            json!("c-1"),
            json!(id().to_string()),
            json!("d:ann:bob"),
            json!(5),
            json!(6),
            json!("sent"),
            json!("2025-11-20T15:20:00.123Z"),
        ]
    );
    let refused = ServerPacket::Rejected {
        client_ref: Some(name("c-1")),
        to: None,
        reason: Reject::Busy,
        retry_after_ms: Some(250),
    };
    assert_eq!(
        event(&refused),
        json!({"type": "refused", "request": "send", "client_id": "c-1", "code": "BUSY",
               "message": "busy, try again", "retry_after_ms": 250})
    );
    let noted = |it| event(&ServerPacket::Noted(it));
    let message = MessageRef::Id(id());
    assert_eq!(
        noted(Noted::Marked { message: message.clone(), status: Status::Read }),
        json!({"type": "done", "request": "mark", "message_id": id().to_string(), "status": "read"})
    );
    assert_eq!(
        noted(Noted::Delivered(vec![message.clone()])),
        json!({"type": "done", "request": "delivered", "message_ids": [id().to_string()]})
    );
    let refused = Noted::Refused {
        message,
        status: Status::Played,
        reason: Reject::NoSuchMessage,
        retry_after_ms: None,
    };
    assert_eq!(
        parts(&noted(refused), ["request", "status", "code"]),
        [json!("mark"), json!("played"), json!("NO_SUCH_MESSAGE")]
    );
    for (done, request) in [
        (Noted::Revised { client_ref: name("c"), edition: 2, offset: Offset(4) }, "edit"),
        (Noted::Grouped { client_ref: name("c"), edition: 2, offset: Offset(4) }, "group"),
    ] {
        assert_eq!(
            noted(done),
            json!({"type": "done", "request": request, "client_id": "c", "edition": 2, "offset": 4})
        );
    }
    let group = GroupId::new("g").unwrap();
    assert_eq!(
        noted(Noted::Joined(group.clone())),
        json!({"type": "done", "request": "join", "group_id": "g"})
    );
    let barred = noted(Noted::Barred { group, reason: Reject::NotMember, retry_after_ms: None });
    assert_eq!(
        parts(&barred, ["type", "request", "group_id", "code"]),
        [json!("refused"), json!("join"), json!("g"), json!("NOT_MEMBER")]
    );
    let declined =
        ServerPacket::Declined { origin: 9, id: None, reason: Reject::NotMember, retry_after_ms: None };
    assert_eq!(parts(&event(&declined), ["type", "request"]), [json!("refused"), json!("typing")]);
}

// EV-SEND-1, EV-SEND-2
#[test]
fn a_body_is_a_text_an_object_or_bytes() {
    let body = |fields: Value| {
        let mut event = json!({"type": "send", "client_id": "c", "to": "bob"});
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        match said(&event) {
            ClientPacket::Send(draft) => Ok(draft.body),
            ClientPacket::Unfit { reason, .. } => Err(reason),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(body(json!({"content": "hé\n"})), Ok(Body::text("hé\n")));
    let image = Body { kind: BodyKind::Image, form: Form::Json, bytes: r#"{"url":"x"}"#.into(), seal: None };
    assert_eq!(body(json!({"message_type": "image", "data": {"url": "x"}})), Ok(image));
    let seal = Seal { encryption_type: "mls".into(), encrypted: "h".into(), signature: String::new() };
    let sealed = Body {
        kind: BodyKind::Text,
        form: Form::Opaque,
        bytes: Bytes::from_static(b"\0\xff"),
        seal: Some(seal),
    };
    assert_eq!(body(json!({"payload": "AP8=", "encryption": {"type": "mls", "encrypted": "h"}})), Ok(sealed));
    assert_eq!(body(json!({"payload": "AP8"})), Err(Reject::Field("payload")));
    assert_eq!(body(json!({"content": "x", "message_type": "voice"})), Err(Reject::Field("message_type")));
    assert_eq!(
        said(&json!({"type": "send", "to": "bob", "content": "x"})),
        draft(None, bob(), Body::text("x"))
    );
}

// EV-MSG-1, EV-BODY-1, EV-ROW-1
#[test]
fn a_message_is_an_object() {
    let packet = row(Entry::Message(Message {
        head: head(team(), BodyKind::Text),
        body: Body::text("hello \"you\""),
    }));
    assert_eq!(
        event(&packet),
        json!({
            "type": "new_message",
            "message": {
                "id": id().to_string(), "conversation_id": "g:team%201", "seq": 5, "sender_user_id": "ann",
                "sender_device_id": "phone", "client_id": "c-1", "message_type": "text", "content": "hello \"you\"",
                "status": "sent", "created_at": "2025-11-20T15:20:00.123Z",
            },
            "offset": 9, "prev_offset": 8,
        })
    );
    // What readers have in common is made once, and is the same to the byte.
    let (shared, mut frames, mut alone) = (Shared::new(), Frames::new(), Frames::new());
    for _ in 0..2 {
        codec().encode_shared(&packet, &shared, &mut frames).unwrap();
        codec().encode_server(&packet, &mut alone).unwrap();
    }
    assert!(frames.iter().eq(alone.iter()));

    let object = |text: &str| {
        message(Body { kind: BodyKind::Text, form: Form::Json, bytes: text.to_owned().into(), seal: None })
    };
    let told = object(r#"{"message_id":"1_17","text":"hi","n":12345678901234567890}"#);
    assert_eq!(
        parts(&told, ["content", "data"]),
        [json!("hi"), json!({"text": "hi", "n": 12_345_678_901_234_567_890_u64})]
    );
    assert_eq!(object(r#"{"x":1}"#)["content"], "");
    let looks_like = message(Body::text(r#"{"text":"not an object"}"#));
    assert_eq!(parts(&looks_like, ["content", "data"]), [json!(r#"{"text":"not an object"}"#), Value::Null]);
}

// EV-BODY-2, EV-BODY-3
#[test]
fn what_is_no_text_says_what_it_is() {
    let talk = message(Body::voice(3_120, Some(SoundName(5))));
    assert_eq!(
        parts(&talk, ["message_type", "content", "duration_ms", "url"]),
        [
            json!("voice"),
            json!(""),
            json!(3_120),
            json!("/files/audio/1_3_bob_ann_1763652000123_3120ms.opus")
        ]
    );
    assert_eq!(message(Body::voice(7, None))["url"], Value::Null);
    let bytes = message(Body {
        kind: BodyKind::Text,
        form: Form::Opaque,
        bytes: Bytes::from_static(b"\xff"),
        seal: None,
    });
    assert_eq!(
        parts(&bytes, ["content", "payload"]),
        [json!("[message in a form this client cannot show]"), json!("/w==")]
    );
    let seal = Seal { encryption_type: "mls".into(), encrypted: "h".into(), signature: "s".into() };
    let sealed = message(Body { seal: Some(seal), ..Body::text("x") });
    assert_eq!(
        parts(&sealed, ["content", "payload", "encryption"]),
        [
            json!("[encrypted message]"),
            json!("eA=="),
            json!({"type": "mls", "encrypted": "h", "signature": "s"})
        ]
    );
    // Each of these characters takes six in JSON.
    let long = message(Body::text(&"\u{1}".repeat(90_000)));
    assert_eq!(
        parts(&long, ["content", "payload"]),
        [json!("[message too long for this client]"), Value::Null]
    );
}

// EV-RCP-1, EV-MARK-1
#[test]
fn receipts_and_marks() {
    let names = |sequence| Head { id: MessageId::new(7, sequence), ..head(bob(), BodyKind::Text) }.names();
    let receipt =
        Receipt { by: device("bob", "tv"), status: Status::Read, at: AT, messages: vec![names(1), names(2)] };
    let told = written(&row(Entry::Receipt(receipt)));
    let one = |sequence, place: Value| {
        let mut event = json!({
            "type": "message_read", "reader_id": "bob", "device_id": "tv", "read_at": "2025-11-20T15:20:00.123Z",
            "message_id": MessageId::new(7, sequence).to_string(), "client_id": "c-1",
        });
        event.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        event
    };
    assert_eq!(told, [one(1, json!({})), one(2, json!({"offset": 9, "prev_offset": 8}))]);

    let (here, there) = (MessageRef::Id(id()), MessageRef::Id(MessageId::new(7, 43)));
    let mark =
        |status: &str| said(&json!({"type": "mark", "message_id": id().to_string(), "status": status}));
    assert_eq!(mark("played"), ClientPacket::Mark { message: here.clone(), status: Status::Played });
    assert_eq!(mark("delivered"), ClientPacket::Delivered(vec![here.clone()]));
    assert_eq!(wrong(&json!({"type": "mark", "message_id": id().to_string(), "status": "sent"})), "status");
    let several = json!({"type": "delivered", "message_ids": [here_text(0), here_text(1)]});
    assert_eq!(said(&several), ClientPacket::Delivered(vec![here, there]));
    let many: Vec<String> = (0..257).map(here_text).collect();
    assert_eq!(wrong(&json!({"type": "delivered", "message_ids": many})), "message_ids");
    assert_eq!(wrong(&json!({"type": "delivered"})), "message_ids");
}

fn here_text(ahead: u64) -> String {
    MessageId::new(7, 42 + ahead).to_string()
}

// MISSION M3
// EV-REV-1, EV-REV-2
#[test]
fn edits_and_deletions() {
    let edit = said(&json!({"type": "edit", "client_id": "e", "message_id": here_text(0), "content": "new"}));
    let ClientPacket::Revise(edit) = edit else { panic!("{edit:?}") };
    assert_eq!(
        (edit.client_ref, edit.message, edit.body),
        (name("e"), MessageRef::Id(id()), Some(Body::text("new")))
    );
    let delete = said(&json!({"type": "delete", "client_id": "e", "message_id": here_text(0)}));
    assert!(matches!(delete, ClientPacket::Revise(it) if it.body.is_none()));

    let revision = |body: Option<Body>| {
        let head = head(bob(), BodyKind::Text);
        event(&row(Entry::Revised(Revision {
            message: head.names(),
            conversation: head.conversation(),
            seq: head.seq,
            edition: 3,
            by: device("ann", "web"),
            client_ref: name("e"),
            at: AT,
            body,
        })))
    };
    let edited = revision(Some(Body::text("new")));
    assert_eq!(
        edited,
        json!({
            "type": "message_edited", "message_id": here_text(0), "message_client_id": "c-1", "conversation_id": "d:ann:bob",
            "seq": 5, "edition": 3, "user_id": "ann", "device_id": "web", "client_id": "e", "message_type": "text",
            "content": "new", "timestamp": "2025-11-20T15:20:00.123Z", "offset": 9, "prev_offset": 8,
        })
    );
    let deleted = revision(None);
    assert_eq!(
        parts(&deleted, ["type", "content", "edition"]),
        [json!("message_deleted"), Value::Null, json!(3)]
    );
}

// EV-LIVE-1, EV-LIVE-2, EV-LIVE-3
#[test]
fn what_is_live() {
    let typing = said(&json!({"type": "typing", "conversation_id": "d:ann:bob", "is_typing": true}));
    assert_eq!(typing, ClientPacket::Signal(Signal { id: None, to: bob(), act: Act::Typing, at: None }));
    let stopped = said(&json!({"type": "typing", "to": "bob", "is_typing": false}));
    assert!(matches!(stopped, ClientPacket::Signal(it) if it.act == Act::Cancelled));
    let calling = said(&json!({"type": "signal", "to": "bob", "act": "calling"}));
    assert!(matches!(calling, ClientPacket::Signal(it) if it.act == Act::Calling));
    let signal = Signal { id: None, to: bob(), act: Act::Typing, at: Some(AT) };
    assert_eq!(
        event(&ServerPacket::Signal { from: device("ann", "web"), signal }),
        json!({
            "type": "typing", "is_typing": true, "user_id": "ann", "device_id": "web", "conversation_id": "d:ann:bob",
            "timestamp": "2025-11-20T15:20:00.123Z",
        })
    );

    let place = Location::new(52.5, 13.25, None).unwrap();
    let away = Awareness {
        id: None,
        to: None,
        presence: Presence::Away,
        location: Some(place),
        ttl_s: 60,
        at: None,
    };
    let place_text = json!({"latitude": 52.5, "longitude": 13.25});
    assert_eq!(
        said(&json!({"type": "presence", "status": "away", "ttl_s": 60, "location": place_text})),
        ClientPacket::Aware(away.clone())
    );
    assert_eq!(wrong(&json!({"type": "presence", "status": "away", "ttl_s": 86_401})), "ttl_s");
    assert_eq!(wrong(&json!({"type": "presence", "status": "gone"})), "status");
    let aware = Aware { from: device("bob", "tv"), awareness: away };
    let told = json!({
        "user_id": "bob", "device_id": "tv", "status": "away", "location": place_text, "ttl_s": 60,
    });
    let mut alone = told.clone();
    alone["type"] = json!("presence");
    assert_eq!(event(&ServerPacket::Aware(aware.clone())), alone);
    assert_eq!(event(&ServerPacket::Around(vec![aware])), json!({"type": "around", "presences": [told]}));

    let track = said(&json!({"type": "location", "to": "bob", "location": place_text}));
    assert!(matches!(track, ClientPacket::Track(it) if it.location == place));
    assert_eq!(
        wrong(&json!({"type": "location", "to": "bob", "location": {"latitude": 91, "longitude": 0}})),
        "latitude"
    );
}

// EV-GRP-1, EV-GRP-2, EV-GRP-3
#[test]
fn groups_are_managed() {
    let asked = |fields: Value| {
        let mut event = json!({"type": "group", "client_id": "c", "group_id": "team"});
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        match said(&event) {
            ClientPacket::Group(command) => Ok(command.act),
            ClientPacket::Unfit { reason, .. } => Err(reason),
            other => panic!("{other:?}"),
        }
    };
    let profile = GroupProfile { title: "The team".into(), about: "".into() };
    let create = GroupAct::Create {
        profile: profile.clone(),
        open: true,
        post: MayPost::Everyone,
        members: vec![user("bob")],
    };
    assert_eq!(
        asked(json!({"action": "create", "title": "The team", "open": true, "users": ["bob"]})),
        Ok(create)
    );
    let edit =
        GroupAct::Edit { title: None, about: Some("x".into()), open: None, post: Some(MayPost::Admins) };
    assert_eq!(asked(json!({"action": "edit", "about": "x", "post": "admins"})), Ok(edit));
    let role = GroupAct::SetRole { user: user("bob"), role: Role::Admin };
    assert_eq!(asked(json!({"action": "role", "users": ["bob"], "role": "admin"})), Ok(role));
    for (action, act) in [
        ("remove", GroupAct::Remove(user("bob"))),
        ("ban", GroupAct::Ban(user("bob"))),
        ("unban", GroupAct::Unban(user("bob"))),
        ("add", GroupAct::Add(vec![user("bob")])),
        ("delete", GroupAct::Delete),
    ] {
        assert_eq!(asked(json!({"action": action, "users": ["bob"]})), Ok(act));
    }
    assert_eq!(asked(json!({"action": "ban", "users": []})), Err(Reject::Field("users")));
    assert_eq!(asked(json!({"action": "ban", "users": ["a", "b"]})), Err(Reject::Field("users")));
    assert_eq!(asked(json!({"action": "explode"})), Err(Reject::Field("action")));
    let group = GroupId::new("team").unwrap();
    assert_eq!(said(&json!({"type": "join", "group_id": "team"})), ClientPacket::Join(group.clone()));
    assert_eq!(said(&json!({"type": "leave", "group_id": "team"})), ClientPacket::Leave(group.clone()));

    let change = GroupChange {
        group,
        edition: 4,
        by: device("ann", "web"),
        client_ref: Some(name("c")),
        at: AT,
        what: GroupNews::Role { user: user("bob"), role: Role::Admin },
        profile: Arc::new(profile),
        open: true,
        post: MayPost::Admins,
        members: 3,
    };
    assert_eq!(
        event(&row(Entry::Group(change))),
        json!({
            "type": "group", "group_id": "team", "action": "role", "users": ["bob"], "role": "admin", "edition": 4,
            "user_id": "ann", "device_id": "web", "client_id": "c", "title": "The team", "about": "", "open": true,
            "post": "admins", "members": 3, "timestamp": "2025-11-20T15:20:00.123Z", "offset": 9, "prev_offset": 8,
        })
    );
}

// EV-QRY-1, EV-QRY-2
#[test]
fn questions_and_answers() {
    let asked = |event: Value| match said(&event) {
        ClientPacket::Query(Query { ask, .. }) => Ok(ask),
        ClientPacket::Unfit { reason, .. } => Err(reason),
        other => panic!("{other:?}"),
    };
    let history = Ask::History { of: bob(), from: PageFrom::Before(Seq(9).into()), limit: 50 };
    assert_eq!(
        asked(json!({"type": "history", "id": "c", "to": "bob", "before": 9, "limit": 50})),
        Ok(history)
    );
    let by_id = Ask::History { of: bob(), from: PageFrom::After(id().into()), limit: 0 };
    assert_eq!(
        asked(json!({"type": "history", "id": "c", "to": "bob", "after_id": here_text(0)})),
        Ok(by_id)
    );
    for (name, twice) in [("before", "after"), ("before", "after_id"), ("after", "before_id")] {
        let place = |name: &str| if name.ends_with("id") { json!(here_text(0)) } else { json!(9) };
        let both = json!({"type": "history", "id": "c", "to": "bob", name: place(name), twice: place(twice)});
        assert_eq!(asked(both), Err(Reject::Field("after")));
    }
    let two = json!({"type": "history", "id": "c", "to": "bob", "before": 9, "before_id": here_text(0)});
    assert_eq!(asked(two), Err(Reject::Field("before_id")));
    assert_eq!(
        asked(json!({"type": "conversation", "id": "c", "conversation_id": "g:team%201"})),
        Ok(Ask::Conversation(team()))
    );
    let list = Ask::Conversations { from: PageFrom::After(id()), limit: 0 };
    assert_eq!(asked(json!({"type": "conversations", "id": "c", "after_id": here_text(0)})), Ok(list));

    let told = HistoryMessage {
        message: Message { head: head(bob(), BodyKind::Text), body: Body::text("hi") },
        edition: 2,
        deleted: false,
        marks: Marks::NONE.with(Status::Read),
        reactions: ReactionSummary::default(),
    };
    let found = Found::History { messages: vec![told.clone()], more: true };
    let answer = event(&ServerPacket::Answer { id: name("q"), found });
    assert_eq!(parts(&answer, ["type", "id", "has_more"]), [json!("answer"), json!("q"), json!(true)]);
    assert_eq!(
        parts(&answer["messages"][0], ["content", "edition", "deleted", "marks"]),
        [json!("hi"), json!(2), Value::Null, json!(["delivered", "read"])]
    );
    let state = ConversationState {
        last: told,
        messages: 8,
        read: Seq(5),
        unread: 3,
        deleted: vec![Seq(6)],
        exact: true,
    };
    let found = Found::Conversations { conversations: vec![state], more: false };
    let answer = event(&ServerPacket::Answer { id: name("q"), found });
    let row = &answer["conversations"][0];
    assert_eq!(
        parts(row, ["id", "message_count", "read_seq", "unread_count", "unread_exact", "unread_deleted"]),
        [json!("d:ann:bob"), json!(8), json!(5), json!(3), json!(true), json!([6])]
    );
    assert_eq!(row["last_message"]["content"], "hi");
    let refused = ServerPacket::Unanswered { id: name("q"), reason: Reject::Busy, retry_after_ms: Some(9) };
    assert_eq!(
        parts(&event(&refused), ["type", "request", "id", "code"]),
        [json!("refused"), json!("query"), json!("q"), json!("BUSY")]
    );
}

// MISSION M3
// EV-RCT-1, EV-RCT-2, EV-RCT-3
#[test]
fn reactions() {
    let thumb = Emoji::new("\u{1f44d}").unwrap();
    let asked = |on: Value| {
        said(
            &json!({"type": "react", "client_id": "r", "message_id": here_text(0), "emoji": "\u{1f44d}", "on": on}),
        )
    };
    for (on, expected) in [(json!(null), true), (json!(true), true), (json!(false), false)] {
        let react = React {
            client_ref: name("r"),
            message: MessageRef::Id(id()),
            emoji: thumb.clone(),
            on: expected,
        };
        assert_eq!(asked(on), ClientPacket::React(react));
    }
    let empty = json!({"type": "react", "client_id": "c", "message_id": here_text(0), "emoji": ""});
    assert_eq!(unfit(&empty), Reject::Field("emoji"));
    let done = Noted::Reacted { client_ref: name("r"), edition: 2, count: 7, offset: Offset(4) };
    assert_eq!(
        event(&ServerPacket::Noted(done)),
        json!({"type": "done", "request": "react", "client_id": "r", "edition": 2, "offset": 4, "count": 7})
    );
    let head = head(bob(), BodyKind::Text);
    let reaction = Reaction {
        message: head.names(),
        conversation: head.conversation(),
        seq: head.seq,
        edition: 3,
        by: device("bob", "tv"),
        client_ref: name("r"),
        at: AT,
        emoji: thumb.clone(),
        on: true,
        count: 2,
    };
    assert_eq!(
        event(&row(Entry::Reacted(reaction))),
        json!({
            "type": "message_reaction", "message_id": here_text(0), "message_client_id": "c-1", "conversation_id": "d:ann:bob",
            "seq": 5, "emoji": "\u{1f44d}", "on": true, "edition": 3, "count": 2, "user_id": "bob", "device_id": "tv",
            "client_id": "r", "timestamp": "2025-11-20T15:20:00.123Z", "offset": 9, "prev_offset": 8,
        })
    );
    let count = ReactionCount { emoji: thumb, count: 2, mine: true, users: vec![user("bob")] };
    let message = HistoryMessage {
        message: Message { head, body: Body::text("hi") },
        edition: 0,
        deleted: false,
        marks: Marks::NONE,
        reactions: ReactionSummary { edition: 3, counts: vec![count] },
    };
    let found = Found::History { messages: vec![message], more: false };
    let answer = event(&ServerPacket::Answer { id: name("q"), found });
    assert_eq!(
        parts(&answer["messages"][0], ["reaction_edition", "reactions"]),
        [json!(3), json!([{"emoji": "\u{1f44d}", "count": 2, "mine": true, "users": ["bob"]}])]
    );
}

// EV-GRP-4
#[test]
fn what_a_group_is() {
    let Address::Group(group) = team() else { panic!() };
    let asked = said(&json!({"type": "group_state", "id": "q", "group_id": "team 1"}));
    assert_eq!(asked, ClientPacket::Query(Query { id: name("q"), ask: Ask::Group(group.clone()) }));
    assert_eq!(wrong(&json!({"type": "group_state", "group_id": "team 1"})), "id");
    let refused = said(&json!({"type": "group_state", "id": "q", "group_id": ""}));
    assert!(matches!(refused, ClientPacket::Unfit { reason: Reject::Field("group_id"), .. }), "{refused:?}");
    let state = GroupState {
        group,
        edition: 3,
        profile: GroupProfile { title: "Team".into(), about: "".into() }.into(),
        open: true,
        post: MayPost::Admins,
        members: 9,
        role: Role::Admin,
        since: Some(AT),
    };
    let told = |found| event(&ServerPacket::Answer { id: name("q"), found: Found::Group(found) });
    assert_eq!(
        told(Some(Box::new(state))),
        json!({"type": "answer", "id": "q", "group": {
            "group_id": "team 1", "edition": 3, "title": "Team", "about": "", "open": true, "post": "admins",
            "members": 9, "role": "admin", "since": "2025-11-20T15:20:00.123Z",
        }})
    );
    assert_eq!(told(None), json!({"type": "answer", "id": "q", "group": {}}));
}

// EV-GRP-5
#[test]
fn who_is_in_a_group() {
    let Address::Group(group) = team() else { panic!() };
    let asked = json!({"type": "members", "id": "q", "group_id": "team 1", "after_user": "bob", "limit": 5});
    let ask = Ask::Members { group, after: Some(user("bob")), limit: 5 };
    assert_eq!(said(&asked), ClientPacket::Query(Query { id: name("q"), ask }));
    let told = |members, next| {
        event(&ServerPacket::Answer { id: name("q"), found: Found::Members { members, next } })
    };
    let members = vec![GroupMember { user: user("cid"), role: Role::Owner }];
    assert_eq!(
        told(members, Some(user("dan"))),
        json!({
            "type": "answer", "id": "q", "members": [{"user_id": "cid", "role": "owner"}], "has_more": true,
            "after_user": "dan",
        })
    );
    assert_eq!(told(vec![], None), json!({"type": "answer", "id": "q", "members": [], "has_more": false}));
}

// EV-LIVE-4
#[test]
fn who_is_here() {
    let asked = said(&json!({"type": "around", "id": "q", "after_user": "bob"}));
    let ask = Ask::Around { after: Some(user("bob")) };
    assert_eq!(asked, ClientPacket::Query(Query { id: name("q"), ask }));
    let awareness =
        Awareness { id: None, to: None, presence: Presence::Away, location: None, ttl_s: 120, at: Some(AT) };
    let around = vec![Aware { from: device("cid", "phone"), awareness }];
    // What storage knows is told to nobody.
    let found = Found::Around { around, more: true, contacts: vec![user("dan")] };
    assert_eq!(
        event(&ServerPacket::Answer { id: name("q"), found }),
        json!({
            "type": "answer", "id": "q", "has_more": true,
            "presences": [{
                "user_id": "cid", "device_id": "phone", "status": "away", "ttl_s": 120,
                "timestamp": "2025-11-20T15:20:00.123Z",
            }],
        })
    );
}

// MISSION A1 E4
// EV-STAT-1, EV-STAT-2
#[test]
fn how_far_a_message_got() {
    let asked = said(
        &json!({"type": "status", "id": "q", "message_id": here_text(0), "after_user": "bob", "limit": 5}),
    );
    let ask = Ask::Status { message: MessageRef::Id(id()), after: Some(user("bob")), limit: 5 };
    assert_eq!(asked, ClientPacket::Query(Query { id: name("q"), ask }));

    let phone = DeviceStatus {
        name: DeviceName::new("phone").unwrap(),
        state: DeviceState::WindowFull { rows_before: 3 },
        connected_at: Some(AT),
    };
    let recipient = RecipientStatus {
        user: user("bob"),
        row: None,
        marks: Marks::NONE,
        delivered_at: None,
        read_at: None,
        why: Some(NotYet::NotFilled),
        devices: Some(vec![phone]),
        more_devices: false,
    };
    let head = head(bob(), BodyKind::Text);
    let status = MessageStatus {
        id: head.id,
        client_ref: None,
        from: head.from,
        to: head.to,
        seq: head.seq,
        at: AT,
        deleted: false,
        counts: StatusCounts { recipients: 1, exact: true, ..StatusCounts::default() },
        recipients: vec![recipient],
        more: false,
    };
    let answer = event(&ServerPacket::Answer { id: name("q"), found: Found::Status(Some(Box::new(status))) });
    let told = &answer["status"];
    assert_eq!(
        parts(told, ["message_id", "conversation_id", "seq", "status", "counts"]),
        [
            json!(here_text(0)),
            json!("d:ann:bob"),
            json!(5),
            json!("pending"),
            json!({"recipients": 1, "delivered": 0, "read": 0, "exact": true}),
        ]
    );
    assert_eq!(
        told["recipients"],
        json!([{
            "user_id": "bob", "status": "pending", "marks": [], "reason": "not_filled", "more_devices": false,
            "devices": [{"device_id": "phone", "state": "window_full", "rows_before": 3, "connected_at": "2025-11-20T15:20:00.123Z"}],
        }])
    );
    let nothing = event(&ServerPacket::Answer { id: name("q"), found: Found::Status(None) });
    assert_eq!(nothing, json!({"type": "answer", "id": "q", "status": {}}));
}

// MISSION M1 E1
// EV-KIND-1
#[test]
fn content_of_a_kind() {
    let sticker = json!({"attachments": [{"url": "/s", "kind": "sticker"}]});
    let send = |kind: &str, body: Value| json!({"type": "send", "client_id": "c", "to": "bob", "message_type": kind, "body": body});
    let ClientPacket::Send(draft) = said(&send("sticker", sticker.clone())) else { panic!("not a draft") };
    assert_eq!((draft.body.kind, draft.body.form), (BodyKind::Sticker, Form::Content));
    let text = json!({"attachments": [{"url": "/s", "kind": "sticker"}], "text": "x"});
    assert_eq!(unfit(&send("sticker", text)), Reject::Field("payload.text"));
    let plain =
        json!({"type": "send", "client_id": "c", "to": "bob", "message_type": "video", "content": "x"});
    assert_eq!(unfit(&plain), Reject::Field("body"));
    let told = message(draft.body);
    assert_eq!(
        parts(&told, ["message_type", "content", "body"]),
        [json!("sticker"), json!("[sticker] /s"), sticker]
    );
}

// MISSION A12
// EV-USR-1, EV-USR-2, EV-USR-3
#[test]
fn what_a_user_keeps() {
    let asked = |fields: Value| {
        let mut event = json!({"type": "user", "client_id": "c"});
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        match said(&event) {
            ClientPacket::User(command) => Ok(command.act),
            ClientPacket::Unfit { reason, .. } => Err(reason),
            other => panic!("{other:?}"),
        }
    };
    let edit = UserAct::EditProfile { name: Some("Ann".into()), about: None, avatar: None };
    assert_eq!(asked(json!({"action": "profile", "name": "Ann"})), Ok(edit));
    let saved = Saved { user: user("bob"), name: "Bobby".into() };
    assert_eq!(asked(json!({"action": "save", "user_id": "bob", "name": "Bobby"})), Ok(UserAct::Save(saved)));
    assert_eq!(asked(json!({"action": "block", "user_id": "bob"})), Ok(UserAct::Block(user("bob"))));
    assert_eq!(asked(json!({"action": "block"})), Err(Reject::Field("user_id")));
    assert_eq!(asked(json!({"action": "sing"})), Err(Reject::Field("action")));
    let done = Noted::UserChanged { client_ref: name("c"), edition: 2, offset: Offset(4) };
    assert_eq!(
        event(&ServerPacket::Noted(done)),
        json!({"type": "done", "request": "user", "client_id": "c", "edition": 2, "offset": 4})
    );
    let change = UserChange {
        by: device("ann", "web"),
        client_ref: name("c"),
        at: AT,
        edition: 0,
        what: UserNews::Blocked(user("bob")),
    };
    assert_eq!(
        event(&row(Entry::User(change))),
        json!({
            "type": "user", "action": "block", "user_id": "bob", "by": {"user_id": "ann", "device_id": "web"},
            "client_id": "c", "edition": 0, "timestamp": "2025-11-20T15:20:00.123Z", "offset": 9, "prev_offset": 8,
        })
    );
    let ask = said(&json!({"type": "profile", "id": "q", "user_id": "bob"}));
    assert_eq!(ask, ClientPacket::Query(Query { id: name("q"), ask: Ask::Profile(user("bob")) }));
    let nobody = event(&ServerPacket::Answer { id: name("q"), found: Found::Profile(None) });
    assert_eq!(nobody, json!({"type": "answer", "id": "q", "profile": {}}));
    let blocked = Found::Blocked { users: vec![user("bob")], more: false };
    let told = event(&ServerPacket::Answer { id: name("q"), found: blocked });
    assert_eq!(told, json!({"type": "answer", "id": "q", "blocked": ["bob"], "has_more": false}));
}
