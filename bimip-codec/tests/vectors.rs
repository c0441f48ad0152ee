//! The vectors of `docs/protocol/vectors`: frames of the original encoders and of other libraries, and what they say.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "vectors/files.rs"]
mod files;

use bimip_codec::scheme::v1::{MessageScheme, message_scheme::Payload};
use bimip_codec::voiceping::{Frame, FrameBuilder, IdText, Kind, Value};
use bimip_codec::{Codec, DecodeError, Dialect, Frames};
use bimip_proto::{Channel, Claim, ClientPacket, Device, DeviceName, Reject, Said, UserId};
use bytes::Bytes;
use files::{Case, as_rmpv, hex, load, one, plain, transcripts};
use prost::Message as _;
use serde_json::{Value as Json, json};

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
        Value::Int(it) => json!(it),
        Value::Date(it) => json!({ "$date": it }),
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

/// A frame in plain JSON.
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
        slots.push(frame.message_id().map_or(Json::Null, |id| json!(id)));
    }
    if elements > 4 {
        slots.push(json_of(frame.payload()));
    }
    Json::Array(slots)
}

fn check_frame(name: &str, bytes: &Bytes, meaning: &Json) -> Frame {
    let frame = Frame::decode(bytes.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut stated = plain(&as_rmpv(meaning));
    let slots = stated.as_array_mut().unwrap();
    if matches!(frame.kind(), Kind::UserAdd | Kind::UserRemove) {
        // Nobody looks at slot 2 of these.
        slots[2] = json_of_id(frame.from());
    }
    let elements = slots.len();
    assert_eq!(json_of_frame(&frame, elements), stated, "{name}");
    frame
}

fn signed_in(dialect: Dialect, user: &str) -> Codec {
    let mut codec = Codec::new(dialect);
    codec.signed_in(&Device::new(UserId::new(user).unwrap(), DeviceName::new("phone").unwrap()));
    codec
}

/// Written by another library from its meaning, a frame is the same bytes.
#[test]
fn voiceping_frames_are_what_they_mean() {
    for case in load("voiceping") {
        let Some(meaning) = case.meaning() else { continue };
        let mut packed = Vec::new();
        rmpv::encode::write_value(&mut packed, &as_rmpv(&meaning)).unwrap();
        let is_wide = case.name() == "start_wide_integers";
        assert_eq!(hex(&packed) == hex(&case.bytes()), !is_wide, "{}", case.name());
    }
}

#[test]
fn voiceping_frames_decode_and_encode_to_the_same_bytes() {
    // MISSION V1: 3 to 6 elements are read, each type in the shape clients expect. VP-FRAME-1.
    let (mut golden, mut made) = ([0; 2], [0; 2]);
    for case in load("voiceping") {
        let Some(meaning) =
            case.meaning().filter(|_| case.error().is_none_or(|(word, _)| word != "malformed"))
        else {
            continue;
        };
        let (name, bytes) = (case.name(), case.bytes());
        if name == "bad_text_too_long" || name == "bad_kind_negative" {
            continue;
        }
        let frame = check_frame(name, &bytes, &meaning);
        let written = frame.to_builder().build();
        let again = Frame::decode(written.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (mut again, mut before) = (json_of_frame(&again, 6), json_of_frame(&frame, 6));
        if before[3].is_null() {
            // Nobody is written as 0.
            (again[3], before[3]) = (Json::Null, Json::Null);
        }
        assert_eq!(again, before, "{name}");
        // The original encoder and ours write alike; what another library was told to write has more forms.
        if case.is_golden() {
            assert_eq!(hex(&written), hex(&bytes), "{name}");
        }
        let counts = if case.is_golden() { &mut golden } else { &mut made };
        counts[usize::from(case.is_from_client())] += 1;
    }
    // 31 + 19 of clients, one that killed the original and one of an unknown kind; 15 of servers.
    assert_eq!(golden, [15, 52]);
    assert!(made[0] >= 35 && made[1] >= 90, "{made:?}");
}

#[test]
fn voiceping_bad_frames_are_refused_each_for_its_reason() {
    // VP-FRAME-2, VP-KIND-1, VP-ID-1, VP-ID-3, VP-TEXT-2, VP-AUDIO-1, VP-RECEIPT-1, VP-GROUP-1.
    let mut refused = 0;
    for case in load("voiceping").iter().filter(|case| case.is_from_client()) {
        let mut codec = signed_in(Dialect::VoicePing, case.get("user").unwrap());
        let mut said = Vec::new();
        check_fault(case, codec.decode_client(case.bytes(), &mut said), said.first());
        refused += usize::from(case.error().is_some());
        // MISSION V9: never fatal. The connection reads on.
        said.clear();
        codec.decode_client(Bytes::from_static(b"\x95\x01\x11\xa1a\xa1b\xa1t"), &mut said).unwrap();
        assert_eq!(said.len(), 1);
    }
    assert!(refused >= 80, "{refused}");
}

/// What a codec finds out by itself; the rest is for who knows the connection and the store.
fn check_fault(case: &Case, read: Result<(), DecodeError>, said: Option<&Said>) {
    let claim = said.map(|said| &said.claim);
    const KNOWN_TO_THE_SERVER: [&str; 6] =
        ["not_member", "no_such_message", "conflict", "too_large", "refused", "out_of_place"];
    let name = case.name();
    match case.error() {
        None => assert_eq!(read, Ok(()), "{name}"),
        Some((word, _)) if KNOWN_TO_THE_SERVER.contains(&word) => assert_eq!(read, Ok(()), "{name}"),
        // What one dialect cannot say the other may, and a server need not serve all of it.
        Some(("unsupported", _)) if case.get("dialect") == Some("bimip.v1") && read.is_ok() => {}
        Some(("not_yourself", _)) => {
            assert!(read.is_ok() && matches!(claim, Some(Claim::Other(_))), "{name}");
        }
        // A frame with a name is refused by its name.
        Some((word @ ("field" | "too_long"), _)) if read.is_ok() => match said.map(|said| &said.packet) {
            Some(ClientPacket::Unfit { reason, .. }) => {
                assert_eq!(*reason == Reject::TooLarge, word == "too_long", "{name}");
            }
            other => panic!("{name}: {other:?}"),
        },
        Some((word, origin)) => {
            let fault = read.expect_err(name).fault();
            assert_eq!((fault.kind.name(), fault.origin), (word, origin), "{name}");
            assert_eq!(claim, None);
        }
    }
    if case.error().is_none() {
        assert!(!matches!(claim, Some(Claim::Other(_))), "{name}");
    }
}

#[test]
fn voiceping_frame_that_killed_the_original_is_survived() {
    // MISSION V4: a nil payload is refused, never a crash. VP-TEXT-2.
    let case = one("voiceping", "kills_the_original");
    check_frame("must survive", &case.bytes(), &case.meaning().unwrap());
    let mut codec = signed_in(Dialect::VoicePing, "acme_p1");
    let refused = codec.decode_client(case.bytes(), &mut Vec::new());
    assert_eq!(refused, Err(DecodeError::Field { origin: 17, field: "payload" }));
}

#[test]
fn voiceping_transcripts_read_at_frame_level() {
    let mut frames = 0;
    for (scenario, events) in transcripts() {
        for event in events {
            let Some(meaning) = event.meaning() else { continue };
            check_frame(&scenario, &event.bytes(), &meaning);
            frames += 1;
        }
    }
    assert_eq!((transcripts().len(), frames), (15, 69));
}

/// Every frame on the group channel that an original router or client wrote: golden, and from the transcripts.
fn group_frames(from_client: bool) -> Vec<(String, Bytes)> {
    let golden = load("voiceping").into_iter().filter(|case| case.is_golden() && case.error().is_none());
    let golden = golden.map(|case| (case.name().to_owned(), case));
    let heard = transcripts().into_iter().flat_map(|(scenario, events)| {
        events
            .into_iter()
            .filter(|event| event.get("hex").is_some())
            .map(move |event| (scenario.clone(), event))
    });
    let mut frames = golden.chain(heard).collect::<Vec<_>>();
    frames.retain(|(_, frame)| frame.is_from_client() == from_client && frame.meaning().unwrap()[0] == 0);
    frames.into_iter().map(|(name, frame)| (name, frame.bytes())).collect()
}

#[test]
fn voiceping_group_frames_pass_in_both_directions() {
    // MISSION V8: what the original clients and routers say in groups is read, and written to the byte.
    let (mut read, mut same) = (0, 0);
    for (name, bytes) in group_frames(true) {
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
    for (name, bytes) in group_frames(false) {
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
    let all = load("deployed");
    assert_eq!(all.len(), 34);
    let mut treated = Vec::new();
    for case in all {
        let (bytes, meaning) = (case.bytes(), case.meaning().unwrap());
        // Of the payloads that fit the deployed layout exactly, only the message is laid out anew.
        let shared = meaning.get("message").is_none();
        treated.push(match case.get("layout").unwrap() {
            "deployed" if shared => {
                let scheme = MessageScheme::decode(bytes.clone()).unwrap();
                assert_eq!(i64::from(tag(&scheme)), scheme.route, "{}", case.name());
                assert_eq!(hex(&scheme.encode_to_vec()), hex(&bytes), "{}", case.name());
                Treated::Same
            }
            "bimip.v1" => {
                older_listing(&bytes, &meaning["message"]);
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
        Payload::Revision(_) => 17,
        Payload::Query(_) => 18,
        Payload::Group(_) => 19,
        Payload::User(_) => 20,
        Payload::Reaction(_) => 21,
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

#[test]
fn bimip_frames_are_refused_each_for_its_reason() {
    // DM-ID-2, BM-FRAME-1, BM-FRAME-2, BM-FRAME-3, BM-AUTH-1, BM-ID-1, BM-SEND-1, BM-GROUP-1, BM-MARK-1, BM-MARK-3, BM-ERR-1.
    let (mut taken, mut refused) = (0, 0);
    for case in load("bimip.v1").iter().filter(|case| case.is_from_client()) {
        let mut codec = signed_in(Dialect::Scheme, case.get("user").unwrap());
        let mut said = Vec::new();
        check_fault(case, codec.decode_client(case.bytes(), &mut said), said.first());
        *(if case.error().is_some() { &mut refused } else { &mut taken }) += 1;
        said.clear();
        codec.decode_client(one("bimip.v1", "ping").bytes(), &mut said).unwrap();
        assert_eq!(said.len(), 1);
    }
    assert!(taken >= 25 && refused >= 100, "{taken} {refused}");
}

#[test]
fn bimip_frames_that_no_client_should_take() {
    // BM-FRAME-1, BM-FRAME-3, BM-WELCOME-1, BM-DELIVER-1, BM-REV-3, BM-RCT-3, BM-GRP-3, BM-USR-3, BM-QRY-4, BM-QRY-5.
    let mut refused = 0;
    for case in load("bimip.v1").iter().filter(|case| !case.is_from_client()) {
        let mut codec = signed_in(Dialect::Scheme, case.get("user").unwrap());
        let read = codec.decode_server(case.bytes(), &mut Vec::new());
        let fault = read.err().map(|error| error.fault());
        let found = fault.as_ref().map(|fault| (fault.kind.name(), fault.origin));
        assert_eq!(found, case.error(), "{}", case.name());
        refused += usize::from(found.is_some());
    }
    assert_eq!(refused, 28);
}
