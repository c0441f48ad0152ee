//! Golden vectors: frames made by the encoders of the original systems, and what they say.
//!
//! `vectors/vectors.json` is never edited, only added to. A byte string is `{"$bin": hex}`, a map
//! `{"$map": {..}}`, and long values are given by rule: `{"$bin_repeat": [hex, n]}`, `{"$str_repeat": [text, n]}`.
#![allow(clippy::unwrap_used, reason = "tests")]

use bimip_codec::scheme::v1::{MessageScheme, message_scheme::Payload};
use bimip_codec::voiceping::{Frame, FrameBuilder, IdText, Kind, Value};
use bimip_codec::{Codec, DecodeError, Dialect, Frames};
use bimip_proto::{Channel, Device, DeviceName, UserId};
use bytes::Bytes;
use prost::Message as _;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

fn vectors() -> Json {
    serde_json::from_str(include_str!("vectors/vectors.json")).unwrap()
}

fn list<'a>(vectors: &'a Json, name: &str) -> &'a [Json] {
    vectors[name].as_array().unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Msgpack of a JSON value of the vectors, by the rules of the original encoder, written by another library.
fn pack(value: &Json, to: &mut Vec<u8>) {
    rmpv::encode::write_value(to, &as_rmpv(value)).unwrap();
}

fn as_rmpv(value: &Json) -> rmpv::Value {
    match value {
        Json::Null => rmpv::Value::Nil,
        Json::Bool(it) => (*it).into(),
        Json::Number(it) if it.is_u64() => it.as_u64().unwrap().into(),
        Json::Number(it) if it.is_i64() => it.as_i64().unwrap().into(),
        Json::Number(it) => it.as_f64().unwrap().into(),
        Json::String(it) => it.as_str().into(),
        Json::Array(it) => rmpv::Value::Array(it.iter().map(as_rmpv).collect()),
        Json::Object(it) => {
            let (key, inner) = it.iter().next().unwrap();
            let times = || usize::try_from(inner[1].as_u64().unwrap()).unwrap();
            match key.as_str() {
                "$bin" => rmpv::Value::Binary(unhex(inner.as_str().unwrap())),
                "$bin_repeat" => rmpv::Value::Binary(unhex(inner[0].as_str().unwrap()).repeat(times())),
                "$str_repeat" => inner[0].as_str().unwrap().repeat(times()).into(),
                "$map" => {
                    let entries = inner.as_object().unwrap().iter();
                    rmpv::Value::Map(
                        entries.map(|(key, value)| (key.as_str().into(), as_rmpv(value))).collect(),
                    )
                }
                "$undefined" => rmpv::Value::Ext(0, vec![0]),
                other => panic!("unknown rule {other}"),
            }
        }
    }
}

/// The frame of a vector: its hex, or where it is too long for that, built by its rule and checked by its hash.
fn bytes_of(vector: &Json) -> Bytes {
    let bytes = match vector.get("hex") {
        Some(text) => unhex(text.as_str().unwrap()),
        None => {
            let mut built = Vec::new();
            pack(&vector["decoded"], &mut built);
            assert!(hex(&built).starts_with(vector["hex_prefix"].as_str().unwrap()));
            built
        }
    };
    if let Some(sum) = vector.get("sha256") {
        assert_eq!(hex(&Sha256::digest(&bytes)), sum.as_str().unwrap());
        assert_eq!(bytes.len() as u64, vector["len"].as_u64().unwrap());
    }
    bytes.into()
}

fn json_of_id(id: IdText<'_>) -> Json {
    match id {
        IdText::Text(text) => json!(text),
        IdText::Number(number) => json!(number),
    }
}

fn json_of(value: Value<'_>) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Bool(it) => json!(it),
        Value::Uint(it) => json!(it),
        Value::Int(it) | Value::Date(it) => json!(it),
        Value::Float(it) => json!(it),
        Value::Str(it) => json!(it),
        Value::Bin(it) => json!({ "$bin": hex(it) }),
        Value::Array(items) => items.map(json_of).collect(),
        Value::Map(mut items) => {
            let mut map = serde_json::Map::new();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                map.insert(key.as_str().unwrap().to_owned(), json_of(value));
            }
            json!({ "$map": map })
        }
        other => panic!("{other:?}"),
    }
}

/// A frame in the notation of the vectors.
fn json_of_frame(frame: &Frame, elements: usize) -> Json {
    let channel = match frame.channel() {
        Channel::Group => 0,
        Channel::Private => 1,
    };
    let mut slots = vec![json!(channel), json!(frame.kind().number()), json_of_id(frame.from())];
    if elements > 3 {
        slots.push(frame.to().map_or(Json::Null, json_of_id));
    }
    if elements > 5 {
        slots.push(json!(frame.message_id().unwrap()));
    }
    if elements > 4 {
        slots.push(json_of(frame.payload()));
    }
    Json::Array(slots)
}

/// The notation with its rules carried out, `undefined` read as nil.
fn expanded(value: &Json) -> Json {
    match value {
        Json::Array(items) => items.iter().map(expanded).collect(),
        Json::Object(map) => match map.iter().next().map(|(key, value)| (key.as_str(), value)) {
            Some(("$bin_repeat" | "$str_repeat", _)) => match as_rmpv(value) {
                rmpv::Value::Binary(bytes) => json!({ "$bin": hex(&bytes) }),
                text => json!(text.as_str().unwrap()),
            },
            Some(("$undefined", _)) => Json::Null,
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

fn check_frame(name: &str, bytes: &Bytes, decoded: &Json) -> Frame {
    let frame = Frame::decode(bytes.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let elements = decoded.as_array().unwrap().len();
    assert_eq!(json_of_frame(&frame, elements), expanded(decoded), "{name}");
    frame
}

#[test]
fn voiceping_frames_decode_and_encode_to_the_same_bytes() {
    // MISSION V1: 3 to 6 elements are read, each type in the shape clients expect.
    let vectors = vectors();
    let mut by_direction = [0; 3];
    for vector in list(&vectors, "voiceping") {
        let name = vector["name"].as_str().unwrap();
        let bytes = bytes_of(vector);
        let frame = check_frame(name, &bytes, &vector["decoded"]);
        assert_eq!(hex(&frame.to_builder().build()), hex(&bytes), "{name}");
        by_direction[match vector["dir"].as_str().unwrap() {
            "c2s" => 0,
            "s2c" => 1,
            _ => 2,
        }] += 1;
    }
    assert_eq!(by_direction.iter().sum::<u32>(), 65);
    assert_eq!(by_direction, [31, 15, 19]);
}

#[test]
fn voiceping_bad_frames_are_refused_each_for_its_reason() {
    let vectors = vectors();
    let malformed = |at| DecodeError::Malformed { at };
    let expected = [
        ("c1", malformed("array header")),
        ("9501", malformed("kind")),
        ("80", malformed("array header")),
        ("", malformed("array header")),
        ("92a178a179", malformed("element count")),
        ("950201a161a16201", malformed("channel")),
        ("950163a161a162a17a", DecodeError::Unknown { origin: 99 }),
        ("9501", malformed("kind")),
        ("ddffffffff", malformed("element count")),
        ("950101a161dbffffffff", malformed("to")),
        ("950101a161a16201ff", malformed("end of frame")),
    ];
    let bad = list(&vectors, "voiceping_bad_frames");
    assert_eq!(bad.len(), 11);
    let mut codec = signed_in(Dialect::VoicePing, "a");
    for (vector, (text, error)) in bad.iter().zip(expected) {
        assert_eq!(vector["hex"], text);
        let mut said = Vec::new();
        assert_eq!(codec.decode_client(unhex(text).into(), &mut said), Err(error), "{}", vector["note"]);
        assert!(said.is_empty());
        // MISSION V9: never fatal. The connection reads on.
        codec.decode_client(Bytes::from_static(b"\x95\x01\x11\xa1a\xa1b\xa1t"), &mut said).unwrap();
        assert_eq!(said.len(), 1);
    }
}

#[test]
fn voiceping_frame_that_killed_the_original_is_survived() {
    // MISSION V4: a nil payload is refused, never a crash.
    let vectors = vectors();
    let vector = &vectors["voiceping_must_survive"];
    let bytes: Bytes = unhex(vector["frame"].as_str().unwrap()).into();
    check_frame("must survive", &bytes, &vector["decoded"]);
    let mut codec = signed_in(Dialect::VoicePing, "acme_p1");
    let refused = codec.decode_client(bytes, &mut Vec::new());
    assert_eq!(refused, Err(DecodeError::Field { origin: 17, field: "payload" }));
}

#[test]
fn voiceping_transcripts_read_at_frame_level() {
    let vectors = vectors();
    let mut frames = 0;
    for transcript in list(&vectors, "voiceping_transcripts") {
        for event in transcript["events"].as_array().unwrap() {
            let Some(text) = event.get("hex") else { continue };
            let bytes = unhex(text.as_str().unwrap()).into();
            check_frame(transcript["scenario"].as_str().unwrap(), &bytes, &event["decoded"]);
            frames += 1;
        }
    }
    assert!(frames > 60, "{frames}");
}

/// Every frame on the group channel that an original router or client wrote: golden, and from the transcripts.
fn group_frames(vectors: &Json, dir: &str) -> Vec<(String, Bytes)> {
    let golden = list(vectors, "voiceping").iter().map(|vector| (vector["name"].to_string(), vector));
    let heard = list(vectors, "voiceping_transcripts").iter().flat_map(|transcript| {
        let events =
            transcript["events"].as_array().unwrap().iter().filter(|event| event.get("hex").is_some());
        events.map(|event| (transcript["scenario"].to_string(), event))
    });
    let mut frames = golden.chain(heard).collect::<Vec<_>>();
    frames.retain(|(_, frame)| frame["dir"] == dir && frame["decoded"][0] == 0);
    frames.into_iter().map(|(name, frame)| (name, bytes_of(frame))).collect()
}

#[test]
fn voiceping_group_frames_pass_in_both_directions() {
    // MISSION V8: what the original clients and routers say in groups is read, and written to the byte.
    let vectors = vectors();
    let (mut read, mut same) = (0, 0);
    for (name, bytes) in group_frames(&vectors, "c2s") {
        let frame = Frame::decode(bytes.clone()).unwrap();
        if !matches!(frame.kind().number(), 1 | 3 | 15..=18) {
            continue;
        }
        let mut codec = signed_in(Dialect::VoicePing, &frame.from().to_string());
        let mut said = Vec::new();
        codec.decode_client(bytes.clone(), &mut said).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut frames = Frames::new();
        codec.encode_client(&said[0].packet, &mut frames).unwrap();
        let written = frames.drain().next().unwrap();
        let mut again = Vec::new();
        codec.decode_client(written.clone(), &mut again).unwrap();
        assert_eq!(said, again, "{name}");
        read += 1;
        // This end writes ids as strings.
        if matches!(frame.to(), Some(IdText::Text(_))) {
            assert_eq!(hex(&written), hex(&bytes), "{name}");
            same += 1;
        }
    }
    assert_eq!((read, same), (11, 9));

    let mut passed = 0;
    for (name, bytes) in group_frames(&vectors, "s2c") {
        let frame = Frame::decode(bytes.clone()).unwrap();
        let mut codec = signed_in(Dialect::VoicePing, &frame.from().to_string());
        if let (IdText::Number(_), Some(group)) = (frame.from(), frame.to()) {
            let join = FrameBuilder::new(Channel::Group, Kind::UserAdd, frame.from()).to(group).build();
            codec.decode_client(join, &mut Vec::new()).unwrap();
        }
        let mut heard = Vec::new();
        codec.decode_server(bytes.clone(), &mut heard).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut frames = Frames::new();
        codec.encode_server(&heard[0], &mut frames).unwrap();
        let written: Vec<String> = frames.drain().map(|frame| hex(&frame)).collect();
        assert_eq!(written, [hex(&bytes)], "{name}");
        passed += 1;
    }
    assert_eq!(passed, 13);
}

/// How a vector of the deployed protobuf server relates to `bimip.v1`.
#[derive(Debug, PartialEq, Clone, Copy)]
enum Treated {
    /// The payload has one layout in both: the same bytes come out again.
    Same,
    /// The layout of `bimip.v1` itself: the stated values come out.
    Older,
    /// Another layout: read without harm, whatever comes out.
    Foreign,
}

#[test]
fn bimip_frames_of_the_deployed_layout() {
    // MISSION B1.
    let vectors = vectors();
    let all = list(&vectors, "bimip");
    assert_eq!(all.len(), 34);
    let mut treated = Vec::new();
    for vector in all {
        let bytes: Bytes = unhex(vector["hex"].as_str().unwrap()).into();
        // Of the payloads that fit the deployed layout exactly, only the message is laid out anew.
        let shared = vector["payload"] != "message";
        let clean = vector["clean_under_seed_schema"].as_bool().unwrap();
        let name = vector["name"].as_str().unwrap_or_default();
        treated.push(match (shared && clean, name) {
            (true, _) => {
                let scheme = MessageScheme::decode(bytes.clone()).unwrap();
                assert_eq!(i64::from(tag(&scheme)), scheme.route, "{vector}");
                assert_eq!(hex(&scheme.encode_to_vec()), hex(&bytes), "{vector}");
                Treated::Same
            }
            (_, "older_listing_message") => {
                older_listing(&bytes, &vector["decoded"]["message"]);
                Treated::Older
            }
            _ => Treated::Foreign,
        });
        // Whatever it is, both ends live on.
        let mut codec = signed_in(Dialect::Scheme, "a@domain.com");
        let _ = codec.decode_client(bytes.clone(), &mut Vec::new());
        let _ = codec.decode_server(bytes, &mut Vec::new());
    }
    let count = |what| treated.iter().filter(|it| **it == what).count();
    assert_eq!((count(Treated::Same), count(Treated::Older), count(Treated::Foreign)), SPLIT);
}

const SPLIT: (usize, usize, usize) = (14, 1, 19);

fn tag(scheme: &MessageScheme) -> u8 {
    match scheme.payload.as_ref().unwrap() {
        Payload::Awareness(_) => 2,
        Payload::PingPong(_) => 3,
        Payload::AwarenessVisibility(_) => 4,
        Payload::TokenAuthority(_) => 5,
        Payload::Message(_) => 6,
        Payload::Signal(_) => 7,
        Payload::PushNotification(_) => 8,
        Payload::LocationStream(_) => 9,
        Payload::Body(_) => 10,
        Payload::Error(_) => 11,
        Payload::Logout(_) => 12,
        Payload::Welcome(_) => 16,
    }
}

/// The layout that `bimip.v1` keeps.
fn older_listing(bytes: &Bytes, stated: &Json) {
    let scheme = MessageScheme::decode(bytes.clone()).unwrap();
    let Some(Payload::Message(message)) = scheme.payload else { panic!("a message") };
    let (from, to) = (message.from.unwrap(), message.to.unwrap());
    assert_eq!(message.id, stated["id"].as_str().unwrap());
    assert_eq!(message.signal_id, stated["signal_id"].as_str().unwrap());
    assert_eq!(from.eid, stated["from"]["eid"].as_str().unwrap());
    assert_eq!(from.connection_resource_id.as_deref(), stated["from"]["connection_resource_id"].as_str());
    assert_eq!(to.eid, stated["to"]["eid"].as_str().unwrap());
    assert_eq!(to.connection_resource_id.as_deref(), stated["to"]["connection_resource_id"].as_str());
    assert_eq!(i64::from(message.r#type), stated["type"].as_i64().unwrap());
    assert_eq!(message.timestamp.to_string(), stated["timestamp"].as_str().unwrap());
    assert_eq!(&message.payload[..], "{\"text\":\"Hello from BIMIP 👋\",\"attachments\":[]}".as_bytes());
    assert_eq!(message.encryption_type, stated["encryption_type"].as_str().unwrap());
    assert_eq!(message.status.to_string(), stated["status"].as_str().unwrap());
}

fn signed_in(dialect: Dialect, user: &str) -> Codec {
    let mut codec = Codec::new(dialect);
    codec.signed_in(&Device::new(UserId::new(user).unwrap(), DeviceName::new("d").unwrap()));
    codec
}
