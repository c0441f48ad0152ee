//! The chat dialect, as it looks.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use bimip_codec::{Codec, DecodeError, Dialect, EncodeError, Frames, Shared, content};
use bimip_proto::{
    Act, Address, Alias, Attachment, AttachmentKind, Aware, Awareness, Body, BodyKind, Claim, ClientPacket,
    ClientRef, CloseReason, Content, Device, DeviceName, Draft, Entry, Fault, FaultKind, Form, GroupId, Head,
    Message, MessageId, MessageRef, Names, Noted, Offset, Ping, Presence, Receipt, Reject, Revise, Revision,
    Row, Said, Seal, Seq, ServerPacket, Signal, SoundName, Status, UnixMs, UserId, Welcome, Window, limits,
};
use bytes::Bytes;
use serde_json::{Value, json};

const AT: UnixMs = UnixMs(1_763_652_000_123);
const TEXT_AT: &str = "2025-11-20T15:20:00.123Z";

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
    Address::Group(GroupId::new("team").unwrap())
}

fn id() -> MessageId {
    MessageId::new(7, 42)
}

fn codec() -> Codec {
    let mut codec = Codec::new(Dialect::Chat);
    codec.signed_in(&device("ann", "web"));
    codec
}

/// After a welcome to a mailbox of eight rows.
fn welcomed() -> (Codec, Value) {
    let (mut codec, mut frames) = (codec(), Frames::new());
    codec.encode_server(&ServerPacket::Welcome(welcome()), &mut frames).unwrap();
    let welcome = serde_json::from_slice(&frames.drain().next().unwrap()).unwrap();
    (codec, welcome)
}

fn welcome() -> Welcome {
    Welcome {
        epoch: 9,
        resume_from: Offset(3),
        first: Offset(1),
        head: Offset(8),
        window: Window::default(),
        heartbeat_ms: 45_000,
        server_time: AT,
        connection_id: 18,
        dedup_days: 7,
    }
}

fn read(frame: &Value) -> Result<Vec<Said>, DecodeError> {
    let mut said = Vec::new();
    codec().decode_client(frame.to_string().into(), &mut said)?;
    Ok(said)
}

/// What one entity says.
fn entity(entity: &Value) -> Said {
    let mut said = read(&json!({"payload": [entity]})).unwrap();
    assert_eq!(said.len(), 1);
    said.remove(0)
}

fn said(it: &Value) -> ClientPacket {
    let said = entity(it);
    assert_eq!(said.claim, Claim::Own);
    said.packet
}

/// By which name an entity is refused, and why.
fn unfit(it: &Value) -> (Option<ClientRef>, Reject) {
    match said(it) {
        ClientPacket::Unfit { id, reason } => (id, reason),
        other => panic!("{it}: {other:?}"),
    }
}

fn field(it: &Value) -> &'static str {
    match unfit(it).1 {
        Reject::Field(field) => field,
        other => panic!("{it}: {other:?}"),
    }
}

fn draft(it: &Value) -> Draft {
    match said(it) {
        ClientPacket::Send(draft) => draft,
        other => panic!("{it}: {other:?}"),
    }
}

fn frames_of(codec: &mut Codec, packet: &ServerPacket) -> Vec<Value> {
    let mut frames = Frames::new();
    codec.encode_server(packet, &mut frames).unwrap();
    frames.drain().map(|frame| serde_json::from_slice(&frame).unwrap()).collect()
}

fn frame(packet: &ServerPacket) -> Value {
    let mut frames = frames_of(&mut welcomed().0, packet);
    assert_eq!(frames.len(), 1, "{frames:?}");
    frames.remove(0)
}

/// The entities of a live frame.
fn told(packet: &ServerPacket) -> Vec<Value> {
    let mut frame = frame(packet);
    assert_eq!(frame["connection_id"], "18");
    assert_eq!(frame.as_object().unwrap().len(), 2, "{frame}");
    frame["payload"].as_array_mut().unwrap().drain(..).collect()
}

fn one(packet: &ServerPacket) -> Value {
    let mut told = told(packet);
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
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

fn message(body: Body) -> ServerPacket {
    row(Entry::Message(Message { head: head(bob(), body.kind), body }))
}

fn has(entity: &Value, expected: Value) {
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(entity[key], *value, "{key} of {entity}");
    }
}

fn pictures(kind: BodyKind, text: &str, attachments: &[(AttachmentKind, &str)]) -> Body {
    let attachments = attachments.iter().map(|(kind, url)| Attachment::new(*kind, url)).collect();
    content::body(kind, &Content { attachments, ..Content::text(text) }).unwrap()
}

// MISSION A4
// CH-FRAME-1, CH-FRAME-2, CH-CONN-1, CH-SEND-1
#[test]
fn the_entities_of_a_frame_are_words_in_their_order() {
    let frame = json!({
        "connection_id": "somebody's", "more": [1],
        "payload": [
            {"messageId": "c-1", "receiverId": "bob", "messageText": "hello", "timestamp": 1_763_652_000_123_u64},
            {"messageId": "c-2", "groupId": "team", "senderId": "ann", "messageText": "hi", "receiverId": null, "x": {}},
            {"id": id().to_string(), "read": true},
        ],
    });
    let said: Vec<_> = read(&frame).unwrap().into_iter().map(|said| said.packet).collect();
    let send = |client_ref: &str, to, client_time, text: &str| {
        let body = Body::text(text);
        ClientPacket::Send(Draft { client_ref: Some(name(client_ref)), to, client_time, body })
    };
    assert_eq!(
        said,
        [
            send("c-1", bob(), Some(AT), "hello"),
            send("c-2", team(), None, "hi"),
            ClientPacket::Mark { message: MessageRef::Id(id()), status: Status::Read },
        ]
    );
    let mut twice = Vec::new();
    let text = r#"{"ack":3,"ack":4}"#;
    codec().decode_client(text.into(), &mut twice).unwrap();
    assert_eq!(twice[0].packet, ClientPacket::Dispose(Offset(3)));

    let many = |count| {
        let one = json!({"messageId": "c", "receiverId": "bob", "messageText": "x"});
        read(&json!({"payload": vec![one; count]})).map(|said| said.len())
    };
    assert_eq!(many(limits::CHAT_ENTITIES), Ok(limits::CHAT_ENTITIES));
    assert!(matches!(many(limits::CHAT_ENTITIES + 1), Err(DecodeError::Field { field: "payload", .. })));
    assert!(matches!(many(0), Err(DecodeError::Field { field: "payload", .. })));
}

// CH-FRAME-3
#[test]
fn who_writes_every_field_says_what_they_mean() {
    let mut whole = json!({
        "senderId": "", "receiverId": "bob", "groupId": "", "messageId": "c-1", "id": "", "timestamp": "",
        "attachment": false, "attachmentURI": "", "messageText": "hello",
        "receivedServer": false, "delivered": false, "read": false, "edited": false, "deleted": false,
    });
    let expected =
        Draft { client_ref: Some(name("c-1")), to: bob(), client_time: None, body: Body::text("hello") };
    assert_eq!(draft(&whole), expected);
    // With something to say it is a message, whatever else stands there.
    whole["read"] = json!(true);
    assert_eq!(draft(&whole), expected);

    whole["messageId"] = json!(id().to_string());
    (whole["messageText"], whole["attachmentURI"]) = (json!(""), json!([]));
    let message = MessageRef::Id(id());
    assert_eq!(said(&whole), ClientPacket::Mark { message: message.clone(), status: Status::Read });
    (whole["read"], whole["delivered"]) = (json!(false), json!(true));
    assert_eq!(said(&whole), ClientPacket::Delivered(vec![message]));
    whole["delivered"] = json!(false);
    assert_eq!(draft(&whole).body, Body::text(""), "an empty text is one");
    whole["deleted"] = json!(true);
    assert_eq!(field(&whole), "id");
}

// CH-ERR-2, CH-ERR-3
#[test]
fn what_is_wrong_with_one_is_not_wrong_with_the_others() {
    let several = json!({"payload": [
        {"messageId": "bad", "messageText": "to nobody"},
        5,
        {"messageText": "without a name, and to nobody"},
        {"messageId": "x".repeat(129), "receiverId": "bob", "messageText": "a name that is too long"},
        {"messageId": "good", "receiverId": "bob", "messageText": "hello"},
        {"messageId": "eve's", "receiverId": "bob", "messageText": "x", "senderId": "eve"},
    ]});
    let said = read(&several).unwrap();
    let reasons: Vec<_> = said
        .iter()
        .map(|said| match &said.packet {
            ClientPacket::Unfit { id, reason } => Err((id.as_ref().map(|id| id.as_str()), *reason)),
            ClientPacket::Send(draft) => Ok(draft.client_ref.as_ref().unwrap().as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        reasons,
        [
            Err((Some("bad"), Reject::Field("receiverId"))),
            Err((None, Reject::Field("payload"))),
            Err((None, Reject::Field("receiverId"))),
            Err((None, Reject::Field("messageId"))),
            Ok("good"),
            Ok("eve's"),
        ]
    );
    assert_eq!(said[5].claim, Claim::Other(user("eve")));

    for text in ["", "1", "[]", "{", "\u{1}", r#"{"type":1}"#, r#"{"ack":1} {"ack":1}"#] {
        let refused = codec().decode_client(text.into(), &mut Vec::new());
        assert!(refused.is_err(), "{text}: {refused:?}");
    }
    for (whole, wrong) in [
        (json!({}), "payload"),
        (json!({"payload": {}}), "payload"),
        (json!({"payload": "x"}), "payload"),
        (json!({"ack": -1}), "ack"),
        (json!({"ack": "1"}), "ack"),
    ] {
        assert!(matches!(read(&whole), Err(DecodeError::Field { field, .. }) if field == wrong), "{whole}");
    }
    assert!(matches!(read(&json!({"type": "send"})), Err(DecodeError::Unknown { .. })));

    let fault = Fault { kind: FaultKind::Field, origin: 3, details: "ack is missing or not valid".into() };
    let error =
        json!({"type": "error", "request": "ack", "code": "FIELD", "message": "ack is missing or not valid"});
    assert_eq!(frame(&ServerPacket::Fault(fault)), error);
}

// CH-ID-1, CH-ID-2, CH-RCP-1
#[test]
fn messages_go_by_two_names_and_nobody_speaks_as_another() {
    let alias: Alias = "1_17_ann_bob_1763652000000.txt".parse().unwrap();
    for (text, message) in
        [(id().to_string(), MessageRef::Id(id())), (alias.to_string(), MessageRef::Alias(alias.clone()))]
    {
        let read = ClientPacket::Mark { message: message.clone(), status: Status::Read };
        assert_eq!(said(&json!({"messageId": text, "read": true})), read);
        assert_eq!(said(&json!({"messageId": "c-9", "id": text, "read": true, "delivered": true})), read);
        let delivered = ClientPacket::Delivered(vec![message]);
        assert_eq!(said(&json!({"messageId": text, "delivered": true})), delivered);
    }
    let nothing = unfit(&json!({"messageId": "c-9", "delivered": true}));
    assert_eq!(nothing, (Some(name("c-9")), Reject::Field("messageId")));

    let claim =
        |who: &str| entity(&json!({"messageId": id().to_string(), "read": true, "senderId": who})).claim;
    assert_eq!((claim("ann"), claim(""), claim("eve")), (Claim::Own, Claim::Own, Claim::Other(user("eve"))));
    let typing = json!({"type": "typing", "receiverId": "bob", "senderId": "eve"});
    assert_eq!(read(&typing).unwrap()[0].claim, Claim::Other(user("eve")));
}

// CH-TO-1, CH-TIME-1
#[test]
fn a_message_goes_to_a_user_or_to_a_group() {
    let to = |fields: Value| {
        let mut entity = json!({"messageId": "c", "messageText": "x"});
        entity.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        entity
    };
    assert_eq!(draft(&to(json!({"receiverId": "bob"}))).to, bob());
    assert_eq!(draft(&to(json!({"groupId": "team", "receiverId": ""}))).to, team());
    for wrong in [json!({}), json!({"receiverId": "bob", "groupId": "team"}), json!({"receiverId": 7})] {
        assert_eq!(field(&to(wrong)), "receiverId");
    }
    for time in [json!(TEXT_AT), json!("2025-11-20T17:20:00.1239+02:00"), json!(AT.0)] {
        let at = draft(&to(json!({"receiverId": "bob", "timestamp": time}))).client_time;
        assert_eq!(at, Some(AT));
    }
    assert_eq!(field(&to(json!({"receiverId": "bob", "timestamp": "noon"}))), "timestamp");
}

// MISSION A4
// CH-SEND-2, CH-ATT-1, CH-ATT-2
#[test]
fn what_is_attached_is_content_of_a_kind() {
    use AttachmentKind::{File, Image, Video};
    let say = |uris: Value, text: Value| json!({"messageId": "c", "receiverId": "bob", "messageText": text, "attachment": true, "attachmentURI": uris});
    let cat = "https://files.example/cat.jpg";
    for uris in [json!(cat), json!([cat])] {
        assert_eq!(
            draft(&say(uris, json!("my cat"))).body,
            pictures(BodyKind::Image, "my cat", &[(Image, cat)])
        );
    }
    let (film, song, paper) = ("/m/film.MP4?t=1", "http://h/song.mp3", "https://h/paper.pdf");
    for (uris, kind, attachments) in [
        (json!([film]), BodyKind::Video, &[(Video, film)][..]),
        (json!([song, song]), BodyKind::Audio, &[(File, song), (File, song)]),
        (json!([paper]), BodyKind::Text, &[(File, paper)]),
        (json!([cat, film, song]), BodyKind::Text, &[(Image, cat), (Video, film), (File, song)]),
    ] {
        assert_eq!(draft(&say(uris, Value::Null)).body, pictures(kind, "", attachments));
    }
    let plain = json!({"receiverId": "bob", "attachmentURI": cat});
    assert_eq!(draft(&plain).body.kind, BodyKind::Image, "the flag need not be there");

    for wrong in [
        json!([]),
        json!(""),
        json!(["ftp://h/x"]),
        json!(["a b"]),
        json!(vec![cat; 17]),
        json!(7),
        json!([7]),
    ] {
        let wrong = say(wrong, json!("x"));
        assert_eq!((unfit(&wrong).0, field(&wrong)), (Some(name("c")), "attachmentURI"), "{wrong}");
    }
    assert_eq!(field(&say(json!(cat), json!("x".repeat(limits::CONTENT_TEXT_CHARS + 1)))), "messageText");
    assert_eq!(field(&json!({"messageId": "c", "receiverId": "bob"})), "messageText");
    let long =
        json!({"messageId": "c", "receiverId": "bob", "messageText": "x".repeat(limits::BODY_BYTES + 1)});
    assert_eq!(unfit(&long), (Some(name("c")), Reject::TooLarge));
}

// CH-AUTH-1, CH-WELCOME-1, CH-PING-1, CH-BYE-1
#[test]
fn what_is_beside_messages_is_said_as_in_events() {
    let sign_in = read(&json!({"type": "auth", "token": "secret", "device_id": "web"})).unwrap().remove(0);
    let device = Some(DeviceName::new("web").unwrap());
    let token = Bytes::from_static(b"secret");
    assert_eq!(sign_in.packet, ClientPacket::SignIn { user: None, device, token });
    let ping = read(&json!({"type": "ping", "id": "p"})).unwrap().remove(0);
    assert_eq!(ping.packet, ClientPacket::Ping(Ping { id: Bytes::from_static(b"p") }));
    assert_eq!(read(&json!({"type": "bye"})).unwrap()[0].packet, ClientPacket::Bye);

    let welcome = welcomed().1;
    has(&welcome, json!({"type": "welcome", "connection_id": "18", "epoch": 9, "resume_from": 3, "head": 8}));
    let pong = ServerPacket::Pong { ping: Ping::default(), at: AT };
    assert_eq!(frame(&pong), json!({"type": "pong", "timestamp": TEXT_AT}));
    assert_eq!(frame(&ServerPacket::Bye(CloseReason::Expired)), json!({"type": "bye", "reason": "expired"}));
    let declined =
        ServerPacket::Declined { origin: 9, id: None, reason: Reject::NotMember, retry_after_ms: None };
    has(&frame(&declined), json!({"type": "refused", "request": "typing", "code": "NOT_MEMBER"}));
}

// MISSION A4
// CH-ACK-1, CH-ACK-2, CH-CONN-1
#[test]
fn what_is_stored_is_answered_by_the_name_it_was_said_by() {
    let head = head(bob(), BodyKind::Text);
    let accepted = ServerPacket::Accepted { client_ref: head.client_ref.clone(), head, offset: Offset(4) };
    assert_eq!(
        one(&accepted),
        json!({
            "senderId": "ann", "receiverId": "bob", "messageId": "c-1", "id": id().to_string(), "timestamp": TEXT_AT,
            "receivedServer": true, "delivered": false, "read": false, "seq": 5, "kind": "text",
            "senderDeviceId": "phone", "offset": 4,
        })
    );
    let message = MessageRef::Id(id());
    let called = id().to_string();
    let noted = |it| one(&ServerPacket::Noted(it));
    assert_eq!(
        noted(Noted::Delivered(vec![message.clone()])),
        json!({"messageId": called, "receivedServer": true, "delivered": true, "read": false})
    );
    assert_eq!(
        noted(Noted::Marked { message, status: Status::Read }),
        json!({"messageId": called, "delivered": true, "read": true, "receivedServer": true})
    );
    assert_eq!(
        noted(Noted::Revised { client_ref: name("e-1"), edition: 2, offset: Offset(7) }),
        json!({"messageId": "e-1", "receivedServer": true, "edition": 2, "offset": 7})
    );
    assert_eq!(frame(&ServerPacket::Noted(Noted::Disposed(Offset(3)))), json!({"ack": 3}));
}

// CH-ERR-1
#[test]
fn what_is_not_carried_out_is_said_with_a_reason() {
    let refused = ServerPacket::Rejected {
        client_ref: Some(name("c-1")),
        to: Some(bob()),
        reason: Reject::Busy,
        retry_after_ms: Some(1_000),
    };
    let busy = Reject::Busy.to_string();
    assert_eq!(
        one(&refused),
        json!({"messageId": "c-1", "error": {"request": "send", "code": "BUSY", "message": busy, "retry_after_ms": 1000}})
    );
    let message = MessageRef::Id(id());
    let (status, reason, retry_after_ms) = (Status::Delivered, Reject::NoSuchMessage, None);
    let unmarked = one(&ServerPacket::Noted(Noted::Refused { message, status, reason, retry_after_ms }));
    has(&unmarked, json!({"messageId": id().to_string(), "delivered": true}));
    has(&unmarked["error"], json!({"request": "delivered", "code": "NO_SUCH_MESSAGE"}));
    let unrevised =
        Noted::Unrevised { client_ref: name("e-1"), reason: Reject::Deleted, retry_after_ms: None };
    let unrevised = one(&ServerPacket::Noted(unrevised));
    has(&unrevised["error"], json!({"request": "edit", "code": "DELETED"}));
    // What the codec could not carry over.
    for (origin, request) in [(2, "send"), (7, "edit"), (8, "edit"), (4, "delivered"), (5, "read_receipt")] {
        let (reason, retry_after_ms) = (Reject::Field("messageText"), None);
        let declined = one(&ServerPacket::Declined { origin, id: None, reason, retry_after_ms });
        assert_eq!(declined["messageId"], Value::Null);
        has(&declined["error"], json!({"request": request, "code": "FIELD", "message": reason.to_string()}));
    }
}

// MISSION A4
// CH-MSG-1, CH-ROW-1, CH-ROW-2
#[test]
fn a_row_is_an_entity_at_its_place() {
    let called = id().to_string();
    let entity = |offset: u64, prev: u64| {
        json!({
            "senderId": "ann", "receiverId": "bob", "messageId": called, "id": called, "timestamp": TEXT_AT,
            "messageText": "hello", "attachment": false, "attachmentURI": [],
            "receivedServer": true, "delivered": false, "read": false, "seq": 5, "kind": "text",
            "senderDeviceId": "phone", "clientMessageId": "c-1", "offset": offset, "prevOffset": prev,
        })
    };
    assert_eq!(one(&message(Body::text("hello"))), entity(9, 8));
    // What was missed: all up to the head.
    let ServerPacket::Deliver(live) = message(Body::text("hello")) else { unreachable!() };
    let missed = ServerPacket::Deliver(Row { prev: Offset(6), offset: Offset(8), ..live.clone() });
    assert_eq!(frame(&missed), json!({"messages": [{"payload": [entity(8, 6)]}]}));

    // Shared between readers, it is the same to the byte.
    let shared = Shared::new();
    for row in [&ServerPacket::Deliver(live), &missed] {
        let (mut codec, _) = welcomed();
        let (mut alone, mut together) = (Frames::new(), Frames::new());
        codec.encode_server(row, &mut alone).unwrap();
        codec.encode_shared(row, &shared, &mut together).unwrap();
        assert!(alone.iter().eq(together.iter()));
    }
    let mut to_group = head(team(), BodyKind::Text);
    to_group.client_time = Some(AT);
    let told = one(&row(Entry::Message(Message { head: to_group, body: Body::text("x") })));
    has(&told, json!({"groupId": "team", "receiverId": null, "clientTimestamp": TEXT_AT}));
}

// CH-MSG-2, CH-MSG-3
#[test]
fn messages_of_other_dialects_are_shown() {
    let shows = |body: Body, text: &str, uris: Value| {
        let told = one(&message(body));
        has(&told, json!({"messageText": text, "attachment": uris != json!([]), "attachmentURI": uris}));
        told
    };
    let cat = "https://h/cat.jpg";
    let picture = pictures(BodyKind::Image, "my cat", &[(AttachmentKind::Image, cat)]);
    assert_eq!(shows(picture, "my cat", json!([cat]))["kind"], "image");
    let sticker = pictures(BodyKind::Sticker, "", &[(AttachmentKind::Sticker, "/s/1")]);
    assert_eq!(shows(sticker, "", json!(["/s/1"]))["kind"], "sticker");
    shows(Body { form: Form::Json, ..Body::text(r#"{"text":"hi","color":"red"}"#) }, "hi", json!([]));
    shows(Body { form: Form::Json, ..Body::text(r#"{"url":"https://h"}"#) }, "", json!([]));
    // What was sent as text is text.
    shows(Body::text(r#"{"text":"hi"}"#), r#"{"text":"hi"}"#, json!([]));

    let talk = shows(
        Body::voice(1500, Some(SoundName(7))),
        "",
        json!(["/files/audio/1_3_bob_ann_1763652000123_1500ms.opus"]),
    );
    has(&talk, json!({"kind": "voice", "durationMs": 1500}));
    has(&shows(Body::voice(1500, None), "", json!([])), json!({"kind": "voice", "durationMs": 1500}));

    let bytes = Body { form: Form::Opaque, bytes: Bytes::from_static(b"\xff\xd8"), ..Body::text("") };
    shows(bytes, "[message in a form this client cannot show]", json!([]));
    let seal = Some(Seal { encryption_type: "x".into(), ..Seal::default() });
    shows(Body { seal, ..Body::text("c2VjcmV0") }, "[encrypted message]", json!([]));
    let control = "\u{1}".repeat(limits::FRAME_BYTES / 6);
    shows(Body::text(&control), "[message too long for this client]", json!([]));
}

// MISSION A4
// CH-RCP-2
#[test]
fn receipts_are_heard_by_the_name_the_sender_gave() {
    let names = |id: u32, client_ref: Option<&str>| Names {
        id: MessageId::new(id, 1),
        alias: None,
        client_ref: client_ref.map(name),
    };
    let receipt = Receipt {
        by: device("bob", "phone"),
        status: Status::Read,
        at: AT,
        messages: vec![names(1, Some("c-1")), names(2, None)],
    };
    let packet = row(Entry::Receipt(receipt));
    let entity = |called: &str, id: u32| {
        json!({
            "messageId": called, "id": MessageId::new(id, 1).to_string(), "receiverId": "bob", "by": "bob",
            "byDeviceId": "phone", "receivedServer": true, "delivered": true, "read": true, "timestamp": TEXT_AT,
            "offset": 9, "prevOffset": 8,
        })
    };
    let second = MessageId::new(2, 1).to_string();
    assert_eq!(told(&packet), [entity("c-1", 1), entity(&second, 2)]);
    let mut frames = Frames::new();
    codec().encode_server(&packet, &mut frames).unwrap();
    let mut heard = Vec::new();
    codec().decode_server(frames.drain().next().unwrap(), &mut heard).unwrap();
    assert_eq!(heard, [packet], "they are one row");
}

// MISSION A4
// CH-REV-1, CH-REV-2
#[test]
fn edits_and_deletions() {
    let revise =
        |body| ClientPacket::Revise(Revise { client_ref: name("e-1"), message: MessageRef::Id(id()), body });
    let id = id().to_string();
    let edit = json!({"messageId": "e-1", "id": id, "edited": true, "messageText": "hi"});
    assert_eq!(said(&edit), revise(Some(Body::text("hi"))));
    assert_eq!(
        said(&json!({"messageId": "e-1", "id": id, "deleted": true, "messageText": "x"})),
        revise(None)
    );
    assert_eq!(unfit(&json!({"messageId": "e-1", "id": id, "edited": true})).1, Reject::Field("messageText"));
    assert_eq!(
        unfit(&json!({"messageId": "e-1", "edited": true, "messageText": "x"})).1,
        Reject::Field("id")
    );
    assert_eq!(unfit(&json!({"id": id, "deleted": true})), (None, Reject::Field("messageId")));

    let heard = |body| {
        one(&row(Entry::Revised(Revision {
            message: head(bob(), BodyKind::Text).names(),
            conversation: head(bob(), BodyKind::Text).conversation(),
            seq: Seq(5),
            edition: 2,
            by: device("ann", "phone"),
            client_ref: name("e-1"),
            at: AT,
            body,
        })))
    };
    let both = json!({
        "senderId": "ann", "senderDeviceId": "phone", "receiverId": "bob", "messageId": id, "id": id, "seq": 5,
        "clientMessageId": "c-1", "revisionId": "e-1", "edition": 2, "timestamp": TEXT_AT, "offset": 9, "prevOffset": 8,
    });
    let edited = heard(Some(Body::text("hi")));
    has(&edited, both.clone());
    has(&edited, json!({"edited": true, "deleted": null, "messageText": "hi"}));
    let deleted = heard(None);
    has(&deleted, both);
    has(&deleted, json!({"deleted": true, "edited": null, "messageText": "", "attachmentURI": []}));
}

// CH-LIVE-1
#[test]
fn typing_is_said_and_heard() {
    let signal = |act, at| Signal { id: None, to: bob(), act, at };
    let said = |frame: Value| read(&frame).unwrap().remove(0).packet;
    assert_eq!(
        said(json!({"type": "typing", "receiverId": "bob"})),
        ClientPacket::Signal(signal(Act::Typing, None))
    );
    assert_eq!(
        said(
            json!({"type": "typing", "receiverId": "bob", "groupId": "", "isTyping": false, "timestamp": AT.0})
        ),
        ClientPacket::Signal(signal(Act::Cancelled, Some(AT)))
    );
    let heard = ServerPacket::Signal { from: device("eve", "web"), signal: signal(Act::Typing, Some(AT)) };
    assert_eq!(
        frame(&heard),
        json!({
            "type": "typing", "senderId": "eve", "receiverId": "bob", "senderDeviceId": "web", "isTyping": true,
            "timestamp": TEXT_AT,
        })
    );
}

// CH-NONE-1
#[test]
fn what_there_are_no_words_for_is_passed_over() {
    let presence =
        Awareness { id: None, to: None, presence: Presence::Away, location: None, ttl_s: 0, at: Some(AT) };
    let calling = Signal { id: None, to: bob(), act: Act::Calling, at: None };
    for packet in [
        ServerPacket::Aware(Aware { from: device("bob", "phone"), awareness: presence.clone() }),
        ServerPacket::Signal { from: device("bob", "phone"), signal: calling.clone() },
        ServerPacket::Visible { id: None, visible: true },
    ] {
        assert_eq!(frames_of(&mut codec(), &packet), Vec::<Value>::new());
    }
    let mut frames = Frames::new();
    let unsaid = Draft {
        client_ref: None,
        to: bob(),
        client_time: None,
        body: Body { form: Form::Json, ..Body::text("{}") },
    };
    for (packet, why) in [
        (ClientPacket::Aware(presence), EncodeError::NotSpoken),
        (ClientPacket::Signal(calling), EncodeError::NotSpoken),
        (ClientPacket::Send(unsaid), EncodeError::Unsayable { field: "body" }),
    ] {
        assert_eq!(codec().encode_client(&packet, &mut frames), Err(why));
    }
    assert!(frames.is_empty());
}

// CH-CONN-1
#[test]
fn a_client_says_which_connection_it_means() {
    let (mut client, mut server, mut frames) = (codec(), codec(), Frames::new());
    server.encode_server(&ServerPacket::Welcome(welcome()), &mut frames).unwrap();
    let mut heard = Vec::new();
    client.decode_server(frames.drain().next().unwrap(), &mut heard).unwrap();
    assert_eq!(heard, [ServerPacket::Welcome(welcome())]);
    let read = ClientPacket::Mark { message: MessageRef::Id(id()), status: Status::Read };
    client.encode_client(&read, &mut frames).unwrap();
    let said: Value = serde_json::from_slice(&frames.drain().next().unwrap()).unwrap();
    assert_eq!(
        said,
        json!({"connection_id": "18", "payload": [{"messageId": id().to_string(), "read": true}]})
    );
}
