//! The content of messages as JSON: what is read, what is refused, and that both ways meet.
#![allow(clippy::unwrap_used, reason = "test code")]

use bimip_codec::content;
use bimip_proto::{
    Attachment, AttachmentKind, Body, BodyKind, Content, Form, Mention, MessageId, Seal, UnixMs, UserId,
    limits,
};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn field(json: &str, kind: BodyKind) -> &'static str {
    content::read(json.as_bytes(), kind).err().map_or("", |error| error.field)
}

// CT-JSON-1, CT-JSON-2
// MISSION M1
#[test]
fn everything_that_a_message_says_is_read() {
    let json = r#" {"reply_to": "00000000000000000g00", "text": "see @ann", "date": 1763652000000, "color": {"x": [1]},
        "attachments": [{"kind": "image", "url": "https://x/y.jpg", "mime": "image/jpeg", "size": 9, "name": "y.jpg", "w": 3},
                        {"url": "/files/v", "kind": "video", "duration_ms": 1200, "name": null}],
        "mentions": [{"length": 4, "offset": 4, "user_id": "ann"}]} "#;
    let read = content::read(json.as_bytes(), BodyKind::Text).unwrap();
    let picture = Attachment {
        name: Some("y.jpg".into()),
        size: Some(9),
        mime: Some("image/jpeg".into()),
        ..Attachment::new(AttachmentKind::Image, "https://x/y.jpg")
    };
    let video = Attachment { duration_ms: Some(1_200), ..Attachment::new(AttachmentKind::Video, "/files/v") };
    let expected = Content {
        text: "see @ann".into(),
        date: Some(UnixMs(1_763_652_000_000)),
        attachments: vec![picture, video],
        reply_to: Some("00000000000000000g00".parse().unwrap()),
        mentions: vec![Mention { user: UserId::new("ann").unwrap(), offset: 4, length: 4 }],
    };
    assert_eq!(read, expected);
    assert_eq!(
        content::write(&read),
        r#"{"text":"see @ann","date":1763652000000,"attachments":[{"url":"https://x/y.jpg","kind":"image","name":"y.jpg","size":9,"mime":"image/jpeg"},{"url":"/files/v","kind":"video","duration_ms":1200}],"reply_to":"00000000000000000g00","mentions":[{"user_id":"ann","offset":4,"length":4}]}"#
    );
}

// CT-JSON-1, CT-JSON-2, CT-JSON-3
#[test]
fn what_is_not_as_the_grammar_says_is_refused_by_its_field() {
    let attached = |attachment: &str| format!(r#"{{"text":"x","attachments":[{attachment}]}}"#);
    let mentioned = |mention: &str| format!(r#"{{"text":"@ann","mentions":[{mention}]}}"#);
    for (json, wrong) in [
        ("", "payload"),
        ("hello", "payload"),
        ("[1]", "payload"),
        ("{\"text\":\"x\"", "payload"),
        (r#"{"text":"x"} {}"#, "payload"),
        (r#"{"text":"x","text":"y"}"#, "payload"),
        (r#"{"text":"x","te\u0078t":"y"}"#, "payload"),
        (r#"{"text":"x","color":1,"color":2}"#, ""),
        (r#"{"text":"x","date":null,"attachments":null,"reply_to":null,"mentions":null}"#, ""),
        ("{}", "payload.text"),
        (r#"{"text":null}"#, "payload.text"),
        (r#"{"text":1}"#, "payload.text"),
        (r#"{"text":"\ud800"}"#, "payload.text"),
        (r#"{"text":"x","date":"2025-01-01"}"#, "payload.date"),
        (r#"{"text":"x","date":-1}"#, "payload.date"),
        (r#"{"text":"x","date":1.5}"#, "payload.date"),
        (r#"{"text":"x","date":9007199254740992}"#, "payload.date"),
        (r#"{"text":"x","reply_to":""}"#, "payload.reply_to"),
        (r#"{"text":"x","reply_to":"1_17_bob_ann_1763652000000.txt"}"#, "payload.reply_to"),
        (r#"{"text":"x","attachments":{}}"#, "payload.attachments"),
        (r#"{"text":"x","mentions":"ann"}"#, "payload.mentions"),
        (&attached("1"), "payload.attachments"),
        (&attached(r#"{"url":"/x","url":"/y","kind":"image"}"#), "payload.attachments"),
        (&attached(r#"{"kind":"image"}"#), "payload.attachments.url"),
        (&attached(r#"{"url":"javascript:x","kind":"image"}"#), "payload.attachments.url"),
        (&attached(r#"{"url":"/x"}"#), "payload.attachments.kind"),
        (&attached(r#"{"url":"/x","kind":"audio"}"#), "payload.attachments.kind"),
        (&attached(r#"{"url":"/x","kind":"image","name":1}"#), "payload.attachments.name"),
        (&attached(r#"{"url":"/x","kind":"image","size":-1}"#), "payload.attachments.size"),
        (&attached(r#"{"url":"/x","kind":"image","duration_ms":"1"}"#), "payload.attachments.duration_ms"),
        (&attached(r#"{"url":"/x","kind":"image","mime":"jpeg"}"#), "payload.attachments.mime"),
        (&mentioned(r#"{"user_id":"ann","offset":0,"length":4}"#), ""),
        (&mentioned(r#"{"user_id":"ann","offset":0,"length":5}"#), "payload.mentions"),
        (&mentioned(r#"{"user_id":"a/b","offset":0,"length":4}"#), "payload.mentions"),
        (&mentioned(r#"{"user_id":"ann","length":4}"#), "payload.mentions"),
        (&mentioned(r#"{"user_id":"ann","offset":4294967296,"length":4}"#), "payload.mentions"),
    ] {
        assert_eq!(field(json, BodyKind::Text), wrong, "{json}");
    }
    let many = vec![r#"{"url":"/x","kind":"image"}"#; limits::ATTACHMENTS + 1].join(",");
    assert_eq!(field(&attached(&many), BodyKind::Text), "payload.attachments");
    let many = vec![r#"{"user_id":"ann","offset":0,"length":4}"#; limits::MENTIONS + 1].join(",");
    assert_eq!(field(&mentioned(&many), BodyKind::Text), "payload.mentions");
    assert_eq!(content::read(b"{\"text\":\"\xff\"}", BodyKind::Text).unwrap_err().field, "payload");
    let deep = format!(r#"{{"text":"x","other":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let _no_panic = field(&deep, BodyKind::Text);
}

#[test]
fn only_content_that_can_be_read_is_content() {
    let body = content::body(BodyKind::Text, &Content::text("x")).unwrap();
    assert_eq!(content::of(&body), Some(Content::text("x")));
    let seal = Some(Seal { encryption_type: "mls".into(), ..Seal::default() });
    for other in [
        Body { seal, ..body.clone() },
        Body { form: Form::Opaque, ..body.clone() },
        Body { form: Form::Json, ..body.clone() },
        Body { kind: BodyKind::Sticker, ..body.clone() },
        Body { bytes: Bytes::new(), ..body },
    ] {
        assert_eq!(content::of(&other), None, "{other:?}");
    }
    assert_eq!(content::body(BodyKind::Sticker, &Content::text("x")).unwrap_err().field, "payload.text");
}

fn attachment(kind: AttachmentKind) -> impl Strategy<Value = Attachment> {
    let url = prop_oneof!["https://[a-z]{1,9}/[!-~]{0,20}", "/[a-zé🦀]{1,20}"];
    let number = || option::of(0..(1_u64 << 53));
    (url, option::of("[^\\p{C}]{1,20}"), number(), number(), option::of("[a-z]{1,9}/[a-z.+-]{1,9}")).prop_map(
        move |(url, name, size, duration_ms, mime)| Attachment { url, kind, name, size, duration_ms, mime },
    )
}

/// A kind, and something that is its content.
fn content() -> impl Strategy<Value = (BodyKind, Content)> {
    let kind = (0..BodyKind::WITH_CONTENT.len()).prop_map(|at| BodyKind::WITH_CONTENT[at]);
    kind.prop_flat_map(|kind| {
        let (attached, count) = match kind {
            BodyKind::Image => (AttachmentKind::Image, 0..4),
            BodyKind::Video => (AttachmentKind::Video, 0..4),
            BodyKind::VoiceNote => (AttachmentKind::Voice, 1..2),
            BodyKind::CircleVideo => (AttachmentKind::CircleVideo, 1..2),
            BodyKind::Sticker => (AttachmentKind::Sticker, 1..2),
            _ => (AttachmentKind::File, 0..4),
        };
        let alone = matches!(kind, BodyKind::CircleVideo | BodyKind::Sticker);
        let text = if alone { "".boxed() } else { ".{1,40}".boxed() };
        let reply_to = option::of(
            (any::<u32>(), 1..u64::MAX).prop_map(|(epoch, sequence)| MessageId::new(epoch.max(1), sequence)),
        );
        let mention = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
        (text, option::of(0..(1_u64 << 53)), vec(attachment(attached), count), reply_to, vec(mention, 0..4))
            .prop_map(move |(text, date, attachments, reply_to, places)| {
                let chars = text.chars().count();
                let mention = |(from, to): (prop::sample::Index, prop::sample::Index)| {
                    let offset = from.index(chars);
                    let length = 1 + to.index(chars - offset);
                    let user = UserId::new("ünï").unwrap();
                    Mention { user, offset: offset.try_into().unwrap(), length: length.try_into().unwrap() }
                };
                let mentions = places.into_iter().filter(|_| chars > 0).map(mention).collect();
                (kind, Content { text, date: date.map(UnixMs), attachments, reply_to, mentions })
            })
    })
}

proptest! {
    // CT-JSON-4
    #[test]
    fn what_is_written_is_read_the_same((kind, content) in content()) {
        let body = content::body(kind, &content).unwrap();
        prop_assert_eq!(content::read(&body.bytes, kind), Ok(content.clone()));
        prop_assert_eq!(content::of(&body), Some(content));
    }

    #[test]
    fn bytes_of_any_kind_are_answered(bytes: Vec<u8>) {
        for kind in BodyKind::WITH_CONTENT {
            let _ = content::read(&bytes, kind);
        }
    }

    /// A change anywhere: read or not, and what is read is written and read the same.
    #[test]
    fn damaged_content_is_answered((kind, content) in content(), at: prop::sample::Index, byte: u8) {
        let mut bytes = content::body(kind, &content).unwrap().bytes.to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = content::read(&bytes, kind) {
            prop_assert_eq!(content::read(content::write(&read).as_bytes(), kind), Ok(read));
        }
    }
}
