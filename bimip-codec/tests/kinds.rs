//! What kind of message it is: said in `bimip.v1`, told there, and shown to clients of the msgpack dialect.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;

use bimip_codec::scheme::v1::message_scheme::Payload;
use bimip_codec::scheme::v1::{self, MessageScheme};
use bimip_codec::voiceping::{self, Value};
use bimip_codec::{Codec, Dialect, Frames};
use bimip_proto::{
    Address, Alias, AliasKind, Body, BodyKind, Channel, ClientPacket, ClientRef, ConversationId, Device,
    DeviceName, Entry, Form, Head, Message, MessageId, Names, Offset, Reject, Revision, Row, Seal, Seq,
    ServerPacket, UnixMs, UserId, limits,
};
use bytes::Bytes;
use prost::Message as _;

const PICTURE: &str = r#"{"attachments":[{"url":"https://x/y.jpg","kind":"image"}],"color":"red"}"#;
const STICKER: &str = r#"{"attachments":[{"url":"/s","kind":"sticker"}]}"#;

fn codec(dialect: Dialect, user: &str) -> Codec {
    let mut codec = Codec::new(dialect);
    codec.signed_in(&Device::new(UserId::new(user).unwrap(), DeviceName::new("phone").unwrap()));
    codec
}

fn said(payload: Payload) -> ClientPacket {
    let route = if matches!(payload, Payload::Revision(_)) { 17 } else { 6 };
    let scheme = MessageScheme { route, payload: Some(payload) };
    let mut said = Vec::new();
    codec(Dialect::Scheme, "ann").decode_client(scheme.encode_to_vec().into(), &mut said).unwrap();
    said.remove(0).packet
}

fn draft(kind: i32, payload: &str) -> v1::Message {
    v1::Message {
        id: "c-1".into(),
        to: Some(v1::Identity { eid: "bob".into(), ..Default::default() }),
        r#type: 1,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        kind,
        ..Default::default()
    }
}

/// What comes of a draft: its kind and form, or the field that is wrong.
fn sent(draft: v1::Message) -> Result<(BodyKind, Form), &'static str> {
    match said(Payload::Message(draft)) {
        ClientPacket::Send(draft) => Ok((draft.body.kind, draft.body.form)),
        ClientPacket::Unfit { reason: Reject::Field(field), .. } => Err(field),
        other => panic!("{other:?}"),
    }
}

// BM-KIND-1, CT-KIND-2, CT-JSON-3
// MISSION B7 M1
#[test]
fn a_kind_that_is_said_is_checked_and_nothing_else_is() {
    for payload in ["", "hello", "{}", "\u{0}", STICKER] {
        assert_eq!(sent(draft(0, payload)), Ok((BodyKind::Text, Form::Opaque)), "{payload}");
    }
    let content = |kind| Ok((kind, Form::Content));
    assert_eq!(sent(draft(1, r#"{"text":"hi"}"#)), content(BodyKind::Text));
    assert_eq!(sent(draft(2, PICTURE)), content(BodyKind::Image));
    assert_eq!(sent(draft(7, STICKER)), content(BodyKind::Sticker));
    for (number, attached) in [(3, "video"), (4, "file"), (5, "voice"), (6, "circle_video")] {
        let payload = format!(r#"{{"attachments":[{{"url":"/a","kind":"{attached}"}}]}}"#);
        assert_eq!(sent(draft(number, &payload)).map(|(_, form)| form), Ok(Form::Content), "{number}");
    }
    assert_eq!(sent(draft(1, "hello")), Err("payload"));
    assert_eq!(sent(draft(1, "{}")), Err("payload.text"));
    assert_eq!(sent(draft(2, STICKER)), Err("payload.attachments.kind"));
    assert_eq!(sent(draft(7, PICTURE)), Err("payload.attachments.kind"));
    // Talks and forms are not a client's to say, and no other number is anything.
    for number in [8, 9, 10, -1] {
        assert_eq!(sent(draft(number, r#"{"text":"hi"}"#)), Err("kind"), "{number}");
    }
    assert_eq!(sent(v1::Message { r#type: 2, ..draft(1, r#"{"text":"hi"}"#) }), Err("kind"));
    // What is encrypted cannot be looked at, and is what its sender says.
    let sealed = v1::Message { encryption_type: "mls".into(), ..draft(7, "\u{1}") };
    assert_eq!(sent(sealed), content(BodyKind::Sticker));
    let open = v1::Message { encryption_type: "none".into(), ..draft(7, "x") };
    assert_eq!(sent(open), Err("payload"));
}

// BM-KIND-1, BM-REV-1
#[test]
fn an_edit_says_the_kind_of_its_message() {
    let revised = |action, kind, payload: &str| {
        let revision = v1::Revision {
            r#type: 1,
            id: "e-1".into(),
            signal_id: MessageId::new(7, 1).to_string(),
            action,
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            kind,
            ..Default::default()
        };
        match said(Payload::Revision(revision)) {
            ClientPacket::Revise(revise) => Ok(revise.body.map(|body| (body.kind, body.form))),
            ClientPacket::Unfit { reason: Reject::Field(field), .. } => Err(field),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(revised(1, 0, "x"), Ok(Some((BodyKind::Text, Form::Opaque))));
    assert_eq!(revised(1, 7, STICKER), Ok(Some((BodyKind::Sticker, Form::Content))));
    assert_eq!(revised(1, 7, PICTURE), Err("payload.attachments.kind"));
    assert_eq!((revised(2, 0, ""), revised(2, 1, "")), (Ok(None), Err("payload")));
}

fn row(body: Body) -> ServerPacket {
    let head = Head {
        id: MessageId::new(7, 42),
        from: Device::new(UserId::new("ann").unwrap(), DeviceName::new("phone").unwrap()),
        to: Address::User(UserId::new("bob").unwrap()),
        client_ref: None,
        client_time: None,
        at: UnixMs(1_763_652_000_000),
        stamp: UnixMs(1_763_652_000_000),
        seq: Seq(1),
        kind: body.kind,
    };
    let entry = Arc::new(Entry::Message(Message { head, body }));
    ServerPacket::Deliver(Row { prev: Offset::ZERO, offset: Offset(1), entry })
}

fn body(kind: BodyKind, form: Form, bytes: &str) -> Body {
    Body { kind, form, bytes: Bytes::copy_from_slice(bytes.as_bytes()), seal: None }
}

// BM-KIND-2, MISSION M1
#[test]
fn rows_tell_the_kind() {
    let told = |body| {
        let mut frames = Frames::new();
        codec(Dialect::Scheme, "bob").encode_server(&row(body), &mut frames).unwrap();
        match MessageScheme::decode(frames.drain().next().unwrap()).unwrap().payload {
            Some(Payload::Message(message)) => (message.kind, message.payload),
            other => panic!("{other:?}"),
        }
    };
    let content = Bytes::from_static(STICKER.as_bytes());
    assert_eq!(told(body(BodyKind::Sticker, Form::Content, STICKER)), (7, content), "as it was sent");
    assert_eq!(told(body(BodyKind::Text, Form::Content, "{}")).0, 1);
    // Of the msgpack dialect: a text, an image in it, a form, a talk.
    assert_eq!(told(Body::text("hi")).0, 0);
    let image = Bytes::from_static(b"\xff\xd8");
    let inline = Body { kind: BodyKind::Image, form: Form::Opaque, bytes: image.clone(), seal: None };
    assert_eq!(told(inline), (2, image));
    assert_eq!(told(body(BodyKind::Interactive, Form::Json, r#"{"form":1}"#)).0, 9);
    assert_eq!(told(Body::voice(3_120, None)).0, 8);
    assert_eq!(told(body(BodyKind::Notification, Form::Opaque, "x")).0, 0);
}

/// What a push-to-talk client is shown.
fn shown(body: Body) -> (u32, String) {
    let mut frames = Frames::new();
    codec(Dialect::VoicePing, "bob").encode_server(&row(body), &mut frames).unwrap();
    let frame = voiceping::Frame::decode(frames.drain().next().unwrap()).unwrap();
    let Value::Str(json) = frame.payload() else { panic!("{frame:?}") };
    (frame.kind().number(), json.to_owned())
}

// CT-SHOW-1, VP-TEXT-6, MISSION M1
#[test]
fn a_push_to_talk_client_is_shown_a_text() {
    let kinds = [
        (BodyKind::Image, "image", 18),
        (BodyKind::Video, "video", 17),
        (BodyKind::Audio, "file", 17),
        (BodyKind::VoiceNote, "voice", 17),
        (BodyKind::CircleVideo, "circle_video", 17),
        (BodyKind::Sticker, "sticker", 17),
    ];
    for (kind, attached, number) in kinds {
        let attachments = format!(r#""attachments":[{{"url":"https://x/y","kind":"{attached}"}}]"#);
        let id = format!("1_{number}_bob_ann_1763652000000.txt");
        assert_eq!(
            shown(body(kind, Form::Content, &format!("{{{attachments}}}"))),
            (number, format!(r#"{{"message_id":"{id}","text":"[{attached}] https://x/y",{attachments}}}"#))
        );
    }
    let text = r#"{"attachments":[{"url":"/a","kind":"image"}],"text":"look"}"#;
    let (number, json) = shown(body(BodyKind::Text, Form::Content, text));
    assert_eq!((number, json.contains(r#""text":"look""#), json.contains("[image]")), (17, true, false));
    let two = r#"{"text":"","attachments":[{"url":"/a","kind":"image"},{"url":"/b","kind":"image"}]}"#;
    let (_, json) = shown(body(BodyKind::Image, Form::Content, two));
    assert_eq!(json.matches("\"text\"").count(), 1, "{json}");
    assert!(json.contains(r#""text":"[image] /a\n[image] /b""#), "{json}");
}

fn edit(body: Body) -> ServerPacket {
    let [ann, bob] = ["ann", "bob"].map(|name| UserId::new(name).unwrap());
    let conversation = ConversationId::direct(ann.clone(), bob);
    let stamp = UnixMs(1_763_652_000_000);
    let alias = Alias::new(Channel::Private, AliasKind::Text, "bob".into(), "ann".into(), stamp);
    let entry = Entry::Revised(Revision {
        message: Names { id: MessageId::new(1, 1), alias: Some(alias), client_ref: None },
        conversation,
        seq: Seq(1),
        edition: 1,
        by: Device::new(ann, DeviceName::new("phone").unwrap()),
        client_ref: ClientRef::new("e-1").unwrap(),
        at: UnixMs(1_763_652_000_777),
        body: Some(body),
    });
    ServerPacket::Deliver(Row { prev: Offset(1), offset: Offset(2), entry: Arc::new(entry) })
}

// VP-TEXT-7, MISSION X1
#[test]
fn a_push_to_talk_client_is_shown_an_edit_as_a_text_that_says_so() {
    let mut walkie = codec(Dialect::VoicePing, "bob");
    let mut frames = Frames::new();
    let sealed =
        Body { seal: Some(Seal { encryption_type: "aes".into(), ..Seal::default() }), ..Body::text("x") };
    for (said, shown) in [
        (Body::text("rather so"), "[edited] rather so"),
        (body(BodyKind::Text, Form::Json, r#"{"text":"json","k":1}"#), "[edited] json"),
        (
            body(BodyKind::Image, Form::Content, r#"{"attachments":[{"url":"/a","kind":"image"}]}"#),
            "[edited] [image] /a",
        ),
        (body(BodyKind::Text, Form::Opaque, "plain"), "[edited] plain"),
        (sealed, "[edited] [encrypted message]"),
        (Body::text(&"x".repeat(limits::WALKIE_FRAME_BYTES)), "[edited] [message too long for this client]"),
    ] {
        walkie.encode_server(&edit(said), &mut frames).unwrap();
        let frame = voiceping::Frame::decode(frames.drain().next().unwrap()).unwrap();
        let Value::Str(json) = frame.payload() else { panic!("{frame:?}") };
        let expected = format!(
            r#"{{"message_id":"1_17_bob_ann_1763652000777.txt","text":"{shown}","edited_message_id":"1_17_bob_ann_1763652000000.txt"}}"#
        );
        assert_eq!((frame.kind().number(), json), (17, expected.as_str()));
    }
    let mut deletion = edit(Body::text(""));
    if let ServerPacket::Deliver(row) = &mut deletion
        && let Entry::Revised(revision) = Arc::make_mut(&mut row.entry)
    {
        revision.body = None;
    }
    walkie.encode_server(&deletion, &mut frames).unwrap();
    assert!(frames.is_empty(), "no words");
}
