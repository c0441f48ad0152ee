//! The rules of `docs/protocol/bimip-v1.md`, frame by frame. Rule ids stand beside what proves them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use bimip_codec::scheme::v1::message_scheme::Payload;
use bimip_codec::scheme::v1::{self, Identity, MessageScheme};
use bimip_codec::{Codec, DecodeError, Dialect, EncodeError, Frames};
use bimip_proto::{
    Address, Body, BodyKind, Claim, ClientPacket, ClientRef, Device, DeviceName, Draft, Entry, Form,
    GroupAct, GroupCommand, GroupId, GroupProfile, Head, MayPost, Message, MessageId, MessageRef, Names,
    Noted, Offset, Receipt, Reject, Role, Row, Said, Seal, Seq, ServerPacket, Status, Talk, TalkAct, UnixMs,
    UserId, limits,
};
use bytes::Bytes;
use prost::Message as _;

fn device(user: &str, name: &str) -> Device {
    Device::new(UserId::new(user).unwrap(), DeviceName::new(name).unwrap())
}

fn codec() -> Codec {
    let mut codec = Codec::new(Dialect::Scheme);
    codec.signed_in(&device("alice", "a1"));
    codec
}

fn identity(user: &str, device: Option<&str>) -> Option<Identity> {
    Some(Identity { eid: user.into(), connection_resource_id: device.map(Into::into), node: None })
}

fn frame(route: i64, payload: Option<Payload>) -> Bytes {
    MessageScheme { route, payload }.encode_to_vec().into()
}

fn heard(frame: Bytes) -> Result<Said, DecodeError> {
    let mut said = Vec::new();
    codec().decode_client(frame, &mut said)?;
    assert_eq!(said.len(), 1);
    Ok(said.remove(0))
}

fn message(change: impl FnOnce(&mut v1::Message)) -> Result<Said, DecodeError> {
    let mut message = v1::Message {
        id: "c-1".into(),
        from: identity("alice", Some("a1")),
        to: identity("bob", None),
        r#type: 1,
        timestamp: 5,
        payload: Bytes::from_static(b"\xff not JSON"),
        status: 1,
        ..v1::Message::default()
    };
    change(&mut message);
    heard(frame(6, Some(Payload::Message(message))))
}

fn signal(change: impl FnOnce(&mut v1::Signal)) -> Result<ClientPacket, DecodeError> {
    let mut signal = v1::Signal { r#type: 1, ..v1::Signal::default() };
    change(&mut signal);
    heard(frame(7, Some(Payload::Signal(signal)))).map(|said| said.packet)
}

fn written(packet: &ServerPacket) -> Vec<Payload> {
    let mut frames = Frames::new();
    codec().encode_server(packet, &mut frames).unwrap();
    frames.drain().map(|frame| MessageScheme::decode(frame).unwrap().payload.unwrap()).collect()
}

fn head(to: &str) -> Head {
    Head {
        id: MessageId::new(7, 42),
        from: device("alice", "a1"),
        to: Address::User(UserId::new(to).unwrap()),
        client_ref: Some(ClientRef::new("c-1").unwrap()),
        client_time: Some(UnixMs(5)),
        at: UnixMs(1000),
        stamp: UnixMs(1001),
        seq: Seq(3),
        kind: BodyKind::Text,
    }
}

fn deliver(entry: Entry) -> ServerPacket {
    ServerPacket::Deliver(Row { prev: Offset(8), offset: Offset(10), entry: Arc::new(entry) })
}

#[test]
fn route_and_payload_belong_together() {
    // BM-FRAME-1, BM-FRAME-2, MISSION B1.
    let ping = || Some(Payload::PingPong(v1::PingPong { r#type: 1, ..v1::PingPong::default() }));
    assert!(heard(frame(3, ping())).is_ok());
    assert_eq!(heard(frame(6, ping())), Err(DecodeError::Mismatched { origin: 6 }));
    assert_eq!(heard(frame(3, None)), Err(DecodeError::Missing { origin: 3 }));
    for route in [0, 1, 13, 14, 15, 30, 99] {
        let origin = u32::try_from(route).unwrap();
        assert_eq!(heard(frame(route, ping())), Err(DecodeError::Unknown { origin }));
    }
    assert_eq!(heard(frame(-1, ping())), Err(DecodeError::Unknown { origin: 0 }));
    assert_eq!(heard(Bytes::new()), Err(DecodeError::Malformed { at: "empty frame" }));
    assert_eq!(heard(Bytes::from_static(b"\xff")), Err(DecodeError::Malformed { at: "protobuf" }));
    let broken = Bytes::from_static(b"\x08\x03\x1a\x02\x0a\x05");
    assert_eq!(heard(broken), Err(DecodeError::Malformed { at: "protobuf" }));
    // Two payloads in one frame are nobody's.
    let two = [&frame(3, ping())[..], &frame(6, Some(Payload::Message(v1::Message::default())))].concat();
    assert_eq!(heard(two.into()), Err(DecodeError::Mismatched { origin: 6 }));
    // A server's words, from a client.
    for (route, payload) in
        [(11, Payload::Error(v1::ErrorMessage::default())), (16, Payload::Welcome(v1::Welcome::default()))]
    {
        let origin = u32::try_from(route).unwrap();
        assert_eq!(heard(frame(route, Some(payload))), Err(DecodeError::Unsupported { origin }));
    }
    // Fields of a later version are skipped.
    let mut later = frame(3, ping()).to_vec();
    later.extend(b"\xf8\x07\x01");
    assert!(heard(later.into()).is_ok());
}

#[test]
fn drafts_are_taken_as_they_are() {
    // BM-SEND-1, MISSION B2, B7.
    let said = message(|it| {
        it.signal_offset = "99".into();
        it.user_offset = "99".into();
        it.to = identity("bob", Some("b1"));
    })
    .unwrap();
    assert_eq!((said.origin, said.claim), (6, Claim::Own));
    let draft = Draft {
        client_ref: Some(ClientRef::new("c-1").unwrap()),
        to: Address::User(UserId::new("bob").unwrap()),
        client_time: Some(UnixMs(5)),
        body: Body {
            kind: BodyKind::Text,
            form: Form::Opaque,
            bytes: Bytes::from_static(b"\xff not JSON"),
            seal: None,
        },
    };
    assert_eq!(said.packet, ClientPacket::Send(draft));
    let seal = Seal { signature: "s".into(), ..Seal::default() };
    let sealed = message(|it| it.signature = "s".into()).unwrap().packet;
    assert!(
        matches!(sealed, ClientPacket::Send(Draft { body: Body { seal: Some(it), .. }, .. }) if it == seal)
    );
    let notification = message(|it| it.r#type = 2).unwrap().packet;
    assert!(matches!(
        notification,
        ClientPacket::Send(Draft { body: Body { kind: BodyKind::Notification, .. }, .. })
    ));
    assert!(message(|it| it.status = 0).is_ok());

    let nameless = |field| Err(DecodeError::Field { origin: 6, field });
    assert_eq!(message(|it| it.id.clear()), nameless("id"));
    assert_eq!(message(|it| it.id = "x".repeat(129)), nameless("id"));
    // BM-ACK-2: what has a name is refused by it.
    let refused = |reason| {
        let packet = ClientPacket::Unfit { id: ClientRef::new("c-1").ok(), reason };
        Ok(Said { claim: Claim::Own, origin: 6, packet })
    };
    let wrong = |field| refused(Reject::Field(field));
    assert_eq!(message(|it| it.to = None), wrong("to.eid"));
    assert_eq!(message(|it| it.to = identity("a/b", None)), wrong("to.eid"));
    assert_eq!(message(|it| it.timestamp = -1), wrong("timestamp"));
    assert_eq!(message(|it| it.r#type = 3), wrong("type"));
    assert_eq!(message(|it| it.status = -1), wrong("status"));
    assert_eq!(message(|it| it.status = 13), wrong("status"));
    let max_bytes = limits::BODY_BYTES;
    let long = message(|it| {
        it.payload = vec![0; max_bytes].into();
        it.signature = "s".into();
    });
    assert_eq!(long, refused(Reject::TooLarge));
    // Alone over the limit it is refused by its name, which the machine does.
    assert!(message(|it| it.payload = vec![0; max_bytes + 1].into()).is_ok());
}

#[test]
fn groups_are_named_by_their_conversation() {
    // BM-GROUP-1.
    let team = || Address::Group(GroupId::new("team 7").unwrap());
    let sent = |conversation: &str, to: Option<Identity>| {
        message(|it| {
            it.conversation = conversation.into();
            it.to = to;
        })
        .map(|said| match said.packet {
            ClientPacket::Send(draft) => Ok(draft.to),
            ClientPacket::Unfit { reason: Reject::Field(field), .. } => Err(field),
            other => panic!("{other:?}"),
        })
        .unwrap()
    };
    for to in [None, identity("", None), identity("team 7", None), identity("team 7", Some("d"))] {
        assert_eq!(sent("g:team%207", to), Ok(team()));
    }
    let bob = || Address::User(UserId::new("bob").unwrap());
    assert_eq!(sent("", identity("bob", None)), Ok(bob()));
    assert_eq!(sent("d:alice:bob", identity("bob", None)), Ok(bob()));
    let note = Address::User(UserId::new("alice").unwrap());
    assert_eq!(sent("d:alice:alice", identity("alice", None)), Ok(note));
    // Where two fields disagree, neither is believed.
    let wrong = Err;
    assert_eq!(sent("g:team%207", identity("bob", None)), wrong("to.eid"));
    for conversation in ["d:alice:carol", "d:bob:bob", "d:bob:carol"] {
        assert_eq!(sent(conversation, identity("bob", None)), wrong("conversation"), "{conversation}");
    }
    assert_eq!(sent("d:alice:bob", None), wrong("to.eid"));
    // A conversation that cannot be read might have been a group.
    for conversation in ["team", "g:", "g:team 7", "g:team%2x", "g:%74eam", "g:a%2Fb", "d:bob:alice", "x:bob"]
    {
        assert_eq!(sent(conversation, identity("bob", None)), wrong("conversation"), "{conversation}");
    }
    // BM-MARK-3: of a message sent back as a word about it, only the word counts.
    let mark = message(|it| {
        it.conversation = "g:other".into();
        it.status = 3;
        it.signal_id = MessageId::new(7, 42).to_string();
    });
    assert!(matches!(mark.unwrap().packet, ClientPacket::Mark { .. }));
}

#[test]
fn groups_hear_what_is_said_in_them() {
    // BM-GROUP-2.
    let head = Head { to: Address::Group(GroupId::new("team 7").unwrap()), ..head("bob") };
    let ack = written(&ServerPacket::Accepted {
        client_ref: head.client_ref.clone(),
        head: head.clone(),
        offset: Offset(9),
    });
    let [Payload::Signal(ack)] = &ack[..] else { panic!() };
    assert_eq!(ack.to, identity("team 7", None));
    let row = written(&deliver(Entry::Message(Message { head, body: Body::text("t") })));
    let [Payload::Message(message)] = &row[..] else { panic!() };
    assert_eq!((message.conversation.as_str(), &message.to), ("g:team%207", &identity("team 7", None)));
    assert_eq!(message.from, identity("alice", Some("a1")));
    // BM-ERR-1: why not.
    for (reason, code) in [(Reject::NotMember, 442), (Reject::Full, 471)] {
        let to = Some(Address::Group(GroupId::new("team 7").unwrap()));
        let client_ref = Some(ClientRef::new("c-1").unwrap());
        let refused = written(&ServerPacket::Rejected { client_ref, to, reason, retry_after_ms: None });
        let [Payload::Signal(signal)] = &refused[..] else { panic!() };
        assert_eq!((signal.r#type, signal.code, signal.id.as_str()), (3, code, "c-1"));
    }
    // BM-GRP-4: a group is joined and left without a name for it.
    let group = GroupId::new("team 7").unwrap();
    let moves = [
        (ClientPacket::Join(group.clone()), Noted::Joined(group.clone()), 9),
        (ClientPacket::Leave(group.clone()), Noted::Left(group), 10),
    ];
    for (packet, noted, action) in moves {
        let mut frames = Frames::new();
        codec().encode_client(&packet, &mut frames).unwrap();
        let answer = written(&ServerPacket::Noted(noted));
        let [Payload::Group(answer)] = &answer[..] else { panic!() };
        assert_eq!((answer.r#type, answer.action, answer.group.as_str()), (2, action, "team 7"));
        assert_eq!(answer.id, "");
    }
}

#[test]
fn claims_are_compared_with_the_session() {
    // BM-ID-1.
    let claim = |from| message(|it| it.from = from).map(|said| said.claim);
    assert_eq!(claim(None), Ok(Claim::Own));
    assert_eq!(claim(identity("", Some("x"))), Ok(Claim::Own));
    assert_eq!(claim(identity("alice", Some("other"))), Ok(Claim::Own));
    assert_eq!(claim(identity("bob", None)), Ok(Claim::Other(UserId::new("bob").unwrap())));
    assert_eq!(claim(identity("..", None)), Err(DecodeError::Field { origin: 6, field: "from.eid" }));
}

#[test]
fn words_about_messages() {
    // BM-DISPOSE-1, BM-MARK-1, BM-MARK-3.
    let id = MessageId::new(7, 42);
    let alias = "1_17_alice_bob_5.txt";
    let mark = |status| ClientPacket::Mark { message: MessageRef::Id(id), status };
    let about = |status, signal_id: &str| {
        signal(|it| {
            it.status = status;
            it.signal_id = signal_id.into();
        })
    };
    let text = id.to_string();
    assert_eq!(about(2, &text), Ok(ClientPacket::Delivered(vec![MessageRef::Id(id)])));
    assert_eq!(about(3, &text), Ok(mark(Status::Read)));
    assert_eq!(about(4, &text), Ok(mark(Status::Forwarded)));
    assert_eq!(about(5, &text), Ok(mark(Status::Played)));
    let by_alias = MessageRef::Alias(alias.parse().unwrap());
    assert_eq!(about(3, alias), Ok(ClientPacket::Mark { message: by_alias, status: Status::Read }));
    let dispose = |text: &str| {
        signal(|it| {
            it.status = 2;
            it.user_offset = text.into();
        })
    };
    assert_eq!(dispose("17"), Ok(ClientPacket::Dispose(Offset(17))));
    let wrong = |field| Err(DecodeError::Field { origin: 7, field });
    for text in ["-1", "+1", "01", "x", "18446744073709551616"] {
        assert_eq!(dispose(text), wrong("user_offset"), "{text}");
    }
    assert_eq!(about(2, ""), wrong("signal_id"));
    assert_eq!(about(3, "x"), wrong("signal_id"));
    assert_eq!(about(1, &text), wrong("status"));
    assert_eq!(about(13, &text), wrong("status"));
    for live in 6..=12 {
        // Not about a message: to somebody, who is not named here.
        assert_eq!(about(live, &text), wrong("to.eid"));
    }
    assert_eq!(signal(|it| it.r#type = 2), wrong("type"));
    let sent_back = message(|it| {
        it.status = 3;
        it.signal_id = text.clone();
    });
    assert_eq!(sent_back.unwrap().packet, mark(Status::Read));
}

#[test]
fn sign_in_and_goodbye() {
    // BM-AUTH-1, BM-BYE-2.
    let token = |task, to| {
        let token = v1::TokenAuthority { to, token: "tok".into(), r#type: 1, task, ..Default::default() };
        heard(frame(5, Some(Payload::TokenAuthority(token)))).map(|said| said.packet)
    };
    let sign_in = |user: Option<&str>, device: Option<&str>| ClientPacket::SignIn {
        user: user.map(|user| UserId::new(user).unwrap()),
        device: device.map(|name| DeviceName::new(name).unwrap()),
        token: Bytes::from_static(b"tok"),
    };
    assert_eq!(token(3, identity("bob", Some("b/1"))), Ok(sign_in(Some("bob"), Some("b/1"))));
    assert_eq!(token(3, None), Ok(sign_in(None, None)));
    assert_eq!(token(4, None), Err(DecodeError::Field { origin: 5, field: "task" }));
    let logout = |scope, to| {
        let logout = v1::Logout { r#type: 1, status: 4, scope, to, ..Default::default() };
        heard(frame(12, Some(Payload::Logout(logout))))
    };
    assert_eq!(logout(0, None).unwrap().packet, ClientPacket::Bye);
    assert_eq!(logout(1, identity("bob", None)).unwrap().claim, Claim::Other(UserId::new("bob").unwrap()));
    assert_eq!(logout(4, None), Err(DecodeError::Field { origin: 12, field: "scope" }));
}

#[test]
fn acks_and_refusals() {
    // BM-ACK-1, BM-ACK-2.
    let client_ref = Some(ClientRef::new("c-1").unwrap());
    let ack = written(&ServerPacket::Accepted {
        client_ref: client_ref.clone(),
        head: head("bob"),
        offset: Offset(9),
    });
    let expected = v1::Signal {
        id: "c-1".into(),
        signal_offset: "42".into(),
        user_offset: "9".into(),
        status: 1,
        timestamp: 1000,
        from: identity("alice", Some("a1")),
        to: identity("bob", None),
        r#type: 2,
        signal_id: MessageId::new(7, 42).to_string(),
        ..v1::Signal::default()
    };
    assert_eq!(ack, [Payload::Signal(expected)]);
    let refused = written(&ServerPacket::Rejected {
        client_ref,
        to: None,
        reason: Reject::Busy,
        retry_after_ms: Some(250),
    });
    let [Payload::Signal(signal)] = &refused[..] else { panic!() };
    assert_eq!((signal.r#type, signal.code, signal.retry_after_ms), (3, 429, 250));
    assert_eq!((signal.id.as_str(), signal.error.as_deref()), ("c-1", Some("busy, try again")));
}

#[test]
fn rows_say_where_they_stand() {
    // BM-DELIVER-1, MISSION B2.
    let sent = Message {
        head: head("bob"),
        body: Body {
            form: Form::Opaque,
            bytes: Bytes::from_static(b"\xff\0"),
            seal: Some(Seal { encryption_type: "mls".into(), ..Seal::default() }),
            ..Body::text("")
        },
    };
    let expected = v1::Message {
        id: "c-1".into(),
        signal_id: MessageId::new(7, 42).to_string(),
        from: identity("alice", Some("a1")),
        to: identity("bob", None),
        r#type: 1,
        timestamp: 5,
        payload: Bytes::from_static(b"\xff\0"),
        encryption_type: "mls".into(),
        encrypted: String::new(),
        signature: String::new(),
        status: 1,
        signal_offset: "42".into(),
        user_offset: "10".into(),
        conversation: "d:alice:bob".into(),
        conversation_seq: 3,
        prev_offset: 8,
        server_time: 1000,
        kind: 0,
    };
    assert_eq!(written(&deliver(Entry::Message(sent))), [Payload::Message(expected)]);
}

#[test]
fn bodies_of_the_other_dialect_are_converted_here() {
    // BM-BODY-1, MISSION B7.
    let payload = |kind, form, bytes: &[u8]| {
        let body = Body { kind, form, bytes: Bytes::copy_from_slice(bytes), seal: None };
        let written = written(&deliver(Entry::Message(Message { head: head("bob"), body })));
        let [Payload::Message(message)] = &written[..] else { panic!() };
        message.payload.clone()
    };
    assert_eq!(payload(BodyKind::Text, Form::Text, "h\"é".as_bytes()), "{\"text\":\"h\\\"é\"}".as_bytes());
    let json = br#"{"message_id":"x","text":"t","n":1.0}"#;
    assert_eq!(payload(BodyKind::Text, Form::Json, json), &br#"{"text":"t","n":1.0}"#[..]);
    assert_eq!(payload(BodyKind::Interactive, Form::Json, b"{ \"q\":1}"), &b"{ \"q\":1}"[..]);
    let voice = BodyKind::Voice { duration_ms: 3120 };
    assert_eq!(payload(voice, Form::Opaque, b""), &br#"{"kind":"voice","duration_ms":3120}"#[..]);
    // VP-FILE-1: where its sound is, if there is any. The id of the head above, whose sender is not to be trusted in a
    // path.
    let sound = b"000102030405060708090a0b0c0d0e0f";
    let with_sound = |mut head: Head| {
        head.kind = voice;
        let body = Body { kind: voice, form: Form::Opaque, bytes: Bytes::from_static(sound), seal: None };
        let written = written(&deliver(Entry::Message(Message { head, body })));
        let [Payload::Message(message)] = &written[..] else { panic!() };
        String::from_utf8(message.payload.to_vec()).unwrap()
    };
    let mut of = head("bob");
    of.from.user = UserId::new("a b?é").unwrap();
    let alias = Head { kind: voice, ..of.clone() }.alias().to_string();
    let escaped = alias.replace("a b?é", "a%20b%3F%C3%A9");
    let expected = format!(r#"{{"kind":"voice","duration_ms":3120,"uri":"/files/audio/{escaped}"}}"#);
    assert_eq!(with_sound(of), expected);
    assert_eq!(payload(BodyKind::Image, Form::Opaque, b"\x89PNG"), &b"\x89PNG"[..]);
    let controls = payload(BodyKind::Text, Form::Text, &vec![1; limits::WALKIE_FRAME_BYTES - 100]);
    assert_eq!(controls, &br#"{"text":"[message too long for this client]"}"#[..]);
}

#[test]
fn receipts_come_in_parts_and_the_last_has_the_place() {
    // BM-DELIVER-2.
    let names = |sequence| Names {
        id: MessageId::new(7, sequence),
        alias: None,
        client_ref: Some(ClientRef::new("c-1").unwrap()),
    };
    let receipt = Receipt {
        by: device("bob", "b1"),
        status: Status::Read,
        at: UnixMs(2000),
        messages: vec![names(1), names(2), names(3)],
    };
    let packet = deliver(Entry::Receipt(receipt));
    let parts = written(&packet);
    let places: Vec<_> = parts
        .iter()
        .map(|part| match part {
            Payload::Signal(it) => {
                assert_eq!((it.r#type, it.status, it.timestamp), (4, 3, 2000));
                assert_eq!(it.from, identity("bob", Some("b1")));
                (it.user_offset.as_str(), it.prev_offset)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(places, [("", 0), ("", 0), ("10", 8)]);

    // A reader that lost the last part has no row, and the next receipt begins anew.
    let mut frames = Frames::new();
    codec().encode_server(&packet, &mut frames).unwrap();
    let frames: Vec<_> = frames.drain().collect();
    let (mut reader, mut rows) = (codec(), Vec::new());
    reader.decode_server(frames[0].clone(), &mut rows).unwrap();
    assert!(rows.is_empty());
    let other = Receipt { by: device("carol", "c1"), ..receipt_of(&packet) };
    let other = deliver(Entry::Receipt(other));
    let mut others = Frames::new();
    codec().encode_server(&other, &mut others).unwrap();
    for frame in others.drain() {
        reader.decode_server(frame, &mut rows).unwrap();
    }
    assert_eq!(rows, [other]);
    // Parts without an end are bounded.
    let refused = (0..=limits::RECEIPT_MESSAGES)
        .map(|_| reader.decode_server(frames[0].clone(), &mut rows))
        .find_map(Result::err);
    assert_eq!(refused, Some(DecodeError::Field { origin: 7, field: "signal_id" }));
}

fn receipt_of(packet: &ServerPacket) -> Receipt {
    match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Receipt(receipt) => receipt.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_dialect_has_no_word_for() {
    let talk = Talk {
        from: UserId::new("alice").unwrap(),
        to: Address::User(UserId::new("bob").unwrap()),
        act: TalkAct::Stop,
    };
    assert!(written(&ServerPacket::Talk(talk.clone())).is_empty());
    let mut frames = Frames::new();
    let refused = codec().encode_client(&ClientPacket::Talk(talk), &mut frames);
    assert_eq!(refused, Err(EncodeError::NotSpoken));
    let nameless = Draft {
        client_ref: None,
        to: Address::User(UserId::new("bob").unwrap()),
        client_time: None,
        body: Body::text("t"),
    };
    let refused = codec().encode_client(&ClientPacket::Send(nameless.clone()), &mut frames);
    assert_eq!(refused, Err(EncodeError::Unsayable { field: "client_ref" }));
    let long = Draft {
        client_ref: Some(ClientRef::new("c").unwrap()),
        body: Body {
            form: Form::Opaque,
            bytes: vec![0; limits::FRAME_BYTES].into(),
            ..nameless.body.clone()
        },
        ..nameless
    };
    let refused = codec().encode_client(&ClientPacket::Send(long), &mut frames);
    assert!(matches!(refused, Err(EncodeError::TooLong { .. })));
    assert!(frames.is_empty());
}

// BM-GRP-1, BM-GRP-2
#[test]
fn groups_are_managed_by_commands_with_names() {
    let group = |change: fn(&mut v1::Group)| {
        let id = "g-1".to_owned();
        let mut group = v1::Group { r#type: 1, id, group: "team".into(), ..v1::Group::default() };
        change(&mut group);
        heard(frame(19, Some(Payload::Group(group)))).map(|said| said.packet)
    };
    let command = |act| {
        let (client_ref, group) = (ClientRef::new("g-1").unwrap(), GroupId::new("team").unwrap());
        Ok(ClientPacket::Group(GroupCommand { client_ref, group, act }))
    };
    let bob = || UserId::new("bob").unwrap();
    // What an edit does not name stays, and who says nothing about posting lets everybody.
    let title = Some("T".into());
    let edit = GroupAct::Edit { title, about: None, open: None, post: None };
    assert_eq!(group(|it| (it.action, it.title) = (2, Some("T".into()))), command(edit));
    let profile = GroupProfile::default();
    let create = GroupAct::Create { profile, open: false, post: MayPost::Everyone, members: vec![bob()] };
    assert_eq!(group(|it| (it.action, it.users) = (1, vec!["bob".into()])), command(create));
    let role = GroupAct::SetRole { user: bob(), role: Role::Admin };
    assert_eq!(group(|it| (it.action, it.users, it.role) = (6, vec!["bob".into()], 2)), command(role));
    // What cannot be read is refused by its name, and so are more users than one command names.
    let id = ClientRef::new("g-1").unwrap();
    for (said, field) in [
        (group(|it| it.action = 99), "action"),
        (group(|it| (it.action, it.post) = (2, 3)), "post"),
        (group(|it| it.action = 5), "users"),
        (group(|it| (it.action, it.users) = (4, vec!["u".into(); limits::GROUP_ADD_USERS + 1])), "users"),
    ] {
        assert_eq!(said, Ok(ClientPacket::Unfit { id: Some(id.clone()), reason: Reject::Field(field) }));
    }
    // The answers, and the refusal of what was unfit.
    let done = Noted::Grouped { client_ref: id.clone(), edition: 7, offset: Offset(9) };
    let answer = written(&ServerPacket::Noted(done));
    let [Payload::Group(done)] = &answer[..] else { panic!() };
    assert_eq!((done.r#type, done.edition, done.user_offset.as_str()), (2, 7, "9"));
    for (reason, code) in [(Reject::Role, 443), (Reject::Taken, 444), (Reject::Field("users"), 422)] {
        let (client_ref, retry_after_ms) = (id.clone(), None);
        let refusals = [
            ServerPacket::Noted(Noted::Ungrouped { client_ref, reason, retry_after_ms }),
            ServerPacket::Declined { origin: 19, id: Some(id.clone()), reason, retry_after_ms },
        ];
        for refusal in refusals {
            let answer = written(&refusal);
            let [Payload::Group(refused)] = &answer[..] else { panic!() };
            assert_eq!((refused.r#type, refused.code, refused.id.as_str()), (3, code, "g-1"));
        }
    }
}
