//! What gRPC says, beside what JSON says.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use bimip_codec::grpc::wire::{
    Encryption, GetMessagesRequest, Mention, Message as Wire, MessageEvent, SendMessageRequest,
};
use bimip_codec::grpc::{self, Call, Code};
use bimip_codec::rest::{Answer, Refusal, Request};
use bimip_proto::{
    Act, Address, Ask, Body, BodyKind, Claim, ClientPacket, ClientRef, CloseReason, Content, ConversationId,
    Device, DeviceName, Entry, Form, Head, Message, MessageId, Names, Offset, PageFrom, Query, Receipt,
    Reject, Revision, Row, Said, Seal, Seq, ServerPacket, Signal, Status, UnixMs, UserId,
};

const AT: UnixMs = UnixMs(1_763_652_000_123);

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn device(name: &str) -> Device {
    Device::new(user(name), DeviceName::new("grpc").unwrap())
}

fn id() -> MessageId {
    MessageId::new(7, 42)
}

fn reads(call: &Call) -> Result<Said, Refusal> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let me = device("ann");
    let request = Request {
        me: &me,
        path: &path,
        query: &call.query,
        key: None,
        fresh: "fresh",
        body: call.body.as_bytes(),
    };
    Ok(call.route()?.read(&request)?.said()[0].clone())
}

fn body_of(request: &SendMessageRequest) -> Result<Body, Refusal> {
    match reads(&Call::send(request)?)?.packet {
        ClientPacket::Send(draft) => Ok(draft.body),
        other => panic!("{other:?}"),
    }
}

fn hello() -> SendMessageRequest {
    SendMessageRequest { to: "bob".into(), content: "hello".into(), ..SendMessageRequest::default() }
}

// GR-SEND-1
#[test]
fn a_message_is_the_draft_of_the_api_over_http() {
    let request = SendMessageRequest {
        conversation_id: "d:ann:bob".into(),
        sender_user_id: "ann".into(),
        client_id: "c-1".into(),
        message_type: "image".into(),
        mentions: vec![Mention { user_id: "bob".into(), offset: 0, length: 5 }],
        reply_to_id: Some(id().to_string()),
        ..hello()
    };
    let said = reads(&Call::send(&request).unwrap()).unwrap();
    let ClientPacket::Send(draft) = &said.packet else { panic!("{said:?}") };
    assert_eq!(
        (&draft.client_ref, &draft.to),
        (&Some(ClientRef::new("c-1").unwrap()), &Address::User(user("bob")))
    );
    assert_eq!((said.claim, draft.body.form), (Claim::Own, Form::Content));
    let content = bimip_codec::content::of(&draft.body).unwrap();
    assert_eq!((content.text.as_str(), content.reply_to, content.mentions.len()), ("hello", Some(id()), 1));

    assert_eq!(body_of(&hello()).unwrap(), Body::text("hello"));
    let sealed = SendMessageRequest {
        payload: Some(vec![0, 255].into()),
        encryption: Some(Encryption { r#type: "aes".into(), ..Encryption::default() }),
        ..hello()
    };
    let body = body_of(&sealed).unwrap();
    assert_eq!(
        (&body.bytes[..], body.seal.map(|it| it.encryption_type)),
        (&[0, 255][..], Some("aes".into()))
    );
    let sticker = SendMessageRequest {
        message_type: "sticker".into(),
        body: r#"{"attachments":[{"kind":"sticker","url":"https://x/y"}]}"#.into(),
        ..hello()
    };
    assert_eq!(body_of(&sticker).map(|it| it.kind), Ok(BodyKind::Sticker));
    for (wrong, field) in [
        (SendMessageRequest { content: String::new(), ..hello() }, "content"),
        (SendMessageRequest { content: "x".repeat(10_001), ..hello() }, "content"),
        (SendMessageRequest { message_type: "odd".into(), ..hello() }, "message_type"),
        (SendMessageRequest { body: "[]".into(), ..hello() }, "body"),
        (SendMessageRequest { to: String::new(), ..hello() }, "conversation_id"),
        (SendMessageRequest { reply_to_id: Some("x".into()), ..hello() }, "reply_to_id"),
        (
            SendMessageRequest {
                mentions: vec![Mention { user_id: "bob".into(), offset: -1, length: 1 }],
                ..hello()
            },
            "mentions",
        ),
    ] {
        assert_eq!(body_of(&wrong).unwrap_err().field, Some(field));
    }
}

// GR-HIST-1
#[test]
fn a_page_is_asked_for_as_over_http() {
    let asks = |limit, before: Option<String>| -> Result<_, Refusal> {
        let request = GetMessagesRequest { conversation_id: "d:ann:bob".into(), limit, before_id: before };
        match reads(&Call::get(&request)?)?.packet {
            ClientPacket::Query(Query { ask: Ask::History { of, from, limit }, .. }) => Ok((of, from, limit)),
            other => panic!("{other:?}"),
        }
    };
    let bob = || Address::User(user("bob"));
    assert_eq!(asks(0, None), Ok((bob(), PageFrom::Latest, 50)));
    assert_eq!(asks(7, Some(String::new())), Ok((bob(), PageFrom::Latest, 7)));
    let (of, from, limit) = asks(7, Some(id().to_string())).unwrap();
    assert_eq!((of, limit), (bob(), 7));
    assert_ne!(from, PageFrom::Latest);
    for (limit, before, field) in
        [(101, None, "limit"), (-1, None, "limit"), (1, Some("a&b=c".into()), "before_id")]
    {
        assert_eq!(asks(limit, before).unwrap_err().field, Some(field));
    }
}

fn head(kind: BodyKind) -> Head {
    Head {
        id: id(),
        from: device("ann"),
        to: Address::User(user("bob")),
        client_ref: Some(ClientRef::new("c-1").unwrap()),
        client_time: None,
        at: AT,
        stamp: AT,
        seq: Seq(3),
        kind,
    }
}

fn events(packet: &ServerPacket) -> Vec<MessageEvent> {
    let mut events = Vec::new();
    grpc::events(packet, &mut events).unwrap();
    events
}

fn row(entry: Entry) -> ServerPacket {
    ServerPacket::Deliver(Row { prev: Offset(4), offset: Offset(5), entry: Arc::new(entry) })
}

fn answering() -> Body {
    let content = Content { text: "better".into(), reply_to: Some(id()), ..Content::default() };
    bimip_codec::content::body(BodyKind::Text, &content).unwrap()
}

// GR-EVT-1, GR-MSG-1
#[test]
fn a_new_message_is_a_message() {
    let body = Body {
        seal: Some(Seal { encryption_type: "aes".into(), encrypted: "yes".into(), signature: String::new() }),
        ..Body { kind: BodyKind::Text, form: Form::Opaque, bytes: vec![0, 255].into(), seal: None }
    };
    let all = events(&row(Entry::Message(Message { head: head(BodyKind::Text), body })));
    let [event] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((event.r#type.as_str(), event.offset, event.prev_offset), ("new_message", 5, 4));
    let expected = Wire {
        id: id().to_string(),
        conversation_id: "d:ann:bob".into(),
        sender_user_id: "ann".into(),
        sender_device_id: "grpc".into(),
        client_id: "c-1".into(),
        seq: 3,
        message_type: "text".into(),
        content: "[encrypted message]".into(),
        payload: Some(vec![0, 255].into()),
        encryption: Some(Encryption {
            r#type: "aes".into(),
            encrypted: "yes".into(),
            ..Encryption::default()
        }),
        status: "sent".into(),
        created_at: 1_763_652_000_123,
        ..Wire::default()
    };
    assert_eq!(event.message, Some(expected));
    assert!(event.json.is_empty());
    let said = events(&row(Entry::Message(Message { head: head(BodyKind::Text), body: answering() })));
    let message = said[0].message.as_ref().unwrap();
    assert_eq!(
        (message.content.as_str(), message.reply_to_id.as_deref()),
        ("better", Some(&*id().to_string()))
    );
}

// GR-EVT-1
#[test]
fn what_happens_to_a_message_says_which_and_what() {
    let names = Names { id: id(), alias: None, client_ref: ClientRef::new("c-1").ok() };
    let receipt =
        Receipt { by: device("bob"), at: AT, status: Status::Read, messages: vec![names.clone(), names] };
    let all = events(&row(Entry::Receipt(receipt)));
    assert_eq!(
        all.iter().map(|it| (it.r#type.as_str(), it.offset)).collect::<Vec<_>>(),
        [("message_read", 0), ("message_read", 5)]
    );
    let message = all[1].message.as_ref().unwrap();
    assert_eq!(
        (message.id.as_str(), message.status.as_str(), message.client_id.as_str()),
        (&*id().to_string(), "read", "c-1")
    );
    assert_eq!(
        (all[1].user_id.as_str(), all[1].device_id.as_str(), all[1].at),
        ("bob", "grpc", 1_763_652_000_123)
    );

    let revision = |body: Option<Body>| {
        Entry::Revised(Revision {
            message: Names { id: id(), alias: None, client_ref: None },
            conversation: ConversationId::of(&user("ann"), &Address::User(user("bob"))),
            seq: Seq(3),
            edition: 2,
            by: device("ann"),
            client_ref: ClientRef::new("r").unwrap(),
            at: AT,
            body,
        })
    };
    let edited = events(&row(revision(Some(answering())))).remove(0);
    let message = edited.message.unwrap();
    assert_eq!(
        (edited.r#type.as_str(), message.status.as_str(), message.edition),
        ("message_edited", "edited", 2)
    );
    assert_eq!((message.content.as_str(), message.reply_to_id), ("better", Some(id().to_string())));
    let deleted = events(&row(revision(None))).remove(0);
    let message = deleted.message.unwrap();
    assert_eq!(
        (deleted.r#type.as_str(), message.deleted, message.content.as_str()),
        ("message_deleted", true, "")
    );
    assert_eq!((message.id, message.seq), (id().to_string(), 3));
}

// GR-EVT-2
#[test]
fn what_has_no_fields_has_its_json() {
    let signal = Signal { id: None, to: Address::User(user("bob")), act: Act::Typing, at: Some(AT) };
    let typing = events(&ServerPacket::Signal { from: device("ann"), signal }).remove(0);
    assert_eq!(
        (typing.r#type.as_str(), typing.user_id.as_str(), typing.conversation_id.as_str()),
        ("typing", "ann", "d:ann:bob")
    );
    assert!(typing.json.starts_with(r#"{"type":"typing""#) && typing.message.is_none(), "{typing:?}");
    let bye = events(&ServerPacket::Bye(CloseReason::GoingAway)).remove(0);
    assert_eq!(bye.json, r#"{"type":"bye","reason":"going_away"}"#);
}

// GR-ERR-1
#[test]
fn every_refusal_has_a_code() {
    for (reason, code) in [
        (Reject::Field("x"), Code::InvalidArgument),
        (Reject::BadToken, Code::Unauthenticated),
        (Reject::NotYourself, Code::PermissionDenied),
        (Reject::NotMember, Code::PermissionDenied),
        (Reject::Role, Code::PermissionDenied),
        (Reject::Blocked, Code::PermissionDenied),
        (Reject::NoSuchMessage, Code::NotFound),
        (Reject::Conflict, Code::AlreadyExists),
        (Reject::Taken, Code::AlreadyExists),
        (Reject::Full, Code::ResourceExhausted),
        (Reject::TooLarge, Code::ResourceExhausted),
        (Reject::Deleted, Code::FailedPrecondition),
        (Reject::NoStream, Code::FailedPrecondition),
        (Reject::Unsupported, Code::Unimplemented),
        (Reject::Busy, Code::Unavailable),
        (Reject::Unavailable, Code::Unavailable),
    ] {
        assert_eq!(grpc::code(&Refusal::of(reason, None)), code, "{reason:?}");
    }
    assert_eq!(grpc::code(&Refusal::UNAUTHENTICATED), Code::Unauthenticated);
    assert_eq!(grpc::code(&Refusal::NOT_FOUND), Code::NotFound);
}

#[test]
fn an_answer_that_is_none_is_no_message() {
    let answer = Answer { status: 200, json: "[]".into() };
    assert!(grpc::sent(&answer).is_err() && grpc::got(&answer).is_err());
}
