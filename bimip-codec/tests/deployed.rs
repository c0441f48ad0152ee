//! The layout of the deployed server: bytes that were seen in the field, and what they mean.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "vectors/files.rs"]
#[allow(dead_code, reason = "each test target uses its part of it")]
mod files;

use std::sync::Arc;

use bimip_codec::scheme::deployed::{ID_BYTES, wire};
use bimip_codec::{Codec, DecodeError, Dialect, Frames};
use bimip_proto::{
    Act, Address, Body, BodyKind, Claim, ClientPacket, ClientRef, CloseReason, ConversationId, Device,
    DeviceName, Draft, Entry, Fault, FaultKind, Form, Head, Location, Message, MessageId, MessageRef, Names,
    Noted, Offset, Ping, Presence, Receipt, Reject, Row, Said, Seal, Seq, ServerPacket, Status, TokenTask,
    UnixMs, UserId, Welcome, Window,
};
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;
use wire::message_scheme::Payload;

const ALICE: &str = "a@domain.com";
const BOB: &str = "b@domain.com";

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn device(name: &str, device: &str) -> Device {
    Device::new(user(name), DeviceName::new(device).unwrap())
}

fn unhex(hex: &str) -> Bytes {
    files::unhex(hex).into()
}

/// The published frames: name, bytes, whether they are of this layout.
fn vectors() -> Vec<(String, Bytes, bool)> {
    let vector =
        |case: files::Case| (case.name().to_owned(), case.bytes(), case.get("layout") == Some("deployed"));
    files::load("deployed").into_iter().map(vector).collect()
}

fn vector(name: &str) -> Bytes {
    files::one("deployed", name).bytes()
}

fn signed_in(me: &Device) -> Codec {
    let mut codec = Codec::new(Dialect::Deployed);
    codec.signed_in(me);
    codec
}

fn read(codec: &mut Codec, frame: Bytes) -> Result<Vec<Said>, DecodeError> {
    let mut said = Vec::new();
    codec.decode_client(frame, &mut said).map(|()| said)
}

/// What a frame says, of somebody who may say it.
fn packets(codec: &mut Codec, frame: Bytes) -> Vec<ClientPacket> {
    let said = read(codec, frame).unwrap();
    assert!(said.iter().all(|said| said.claim == Claim::Own));
    said.into_iter().map(|said| said.packet).collect()
}

fn written(codec: &mut Codec, packet: &ServerPacket) -> Vec<Bytes> {
    let mut frames = Frames::new();
    codec.encode_server(packet, &mut frames).unwrap();
    frames.drain().collect()
}

fn payloads(codec: &mut Codec, packet: &ServerPacket) -> Vec<(i64, Payload)> {
    let frames = written(codec, packet).into_iter().map(|frame| wire::MessageScheme::decode(frame).unwrap());
    frames.map(|scheme| (scheme.route, scheme.payload.unwrap())).collect()
}

fn frame(route: i64, payload: Payload) -> Bytes {
    wire::MessageScheme { route, payload: Some(payload) }.encode_to_vec().into()
}

fn identity(name: &str, device: &str) -> Option<wire::Identity> {
    let connection_resource_id = Some(device.to_owned());
    Some(wire::Identity { eid: name.to_owned(), connection_resource_id, node: None })
}

/// A draft as clients write it.
fn draft() -> wire::Message {
    wire::Message {
        id: "1".to_owned(),
        from: identity(ALICE, "a2"),
        to: identity(BOB, ""),
        r#type: 1,
        timestamp: 1_762_300_800_000,
        payload: Bytes::from_static(br#"{"text":"hi"}"#),
        encryption_type: "none".to_owned(),
        status: 1,
        ..Default::default()
    }
}

fn signal(status: i32, seq: u64, from: &str, to: &str) -> wire::Signal {
    wire::Signal {
        id: "s".to_owned(),
        signal_offset: seq.to_string(),
        user_offset: seq.to_string(),
        status,
        timestamp: 5,
        from: identity(from, "1"),
        to: identity(to, ""),
        r#type: 1,
        error: None,
    }
}

fn said(codec: &mut Codec, signal: wire::Signal) -> Vec<ClientPacket> {
    packets(codec, frame(7, Payload::Signal(signal)))
}

fn place(peer: &str, me: &str, seq: u64) -> MessageRef {
    MessageRef::Place { conversation: ConversationId::direct(user(peer), user(me)), seq: Seq(seq) }
}

fn row(offset: u64, from: &Device, to: &str, seq: u64) -> ServerPacket {
    let head = Head {
        id: MessageId::new(7, 100 + offset),
        from: from.clone(),
        to: Address::User(user(to)),
        client_ref: ClientRef::new("m~0123456789abcdef").ok(),
        client_time: Some(UnixMs(11)),
        at: UnixMs(12),
        stamp: UnixMs(12),
        seq: Seq(seq),
        kind: BodyKind::Text,
    };
    let entry = Arc::new(Entry::Message(Message { head, body: Body::text("hi") }));
    ServerPacket::Deliver(Row { prev: Offset::ZERO, offset: Offset(offset), entry })
}

// MISSION B11
// BD-LAYOUT-1
#[test]
fn every_frame_of_this_layout_is_read_and_written_byte_for_byte() {
    let mut clean = 0;
    for (name, bytes, is_clean) in vectors() {
        if is_clean {
            let scheme = wire::MessageScheme::decode(bytes.clone()).unwrap();
            assert!(scheme.payload.is_some(), "{name}");
            assert_eq!(Bytes::from(scheme.encode_to_vec()), bytes, "{name}");
            clean += 1;
        }
    }
    assert_eq!(clean, 15, "frames of this layout among the vectors");
}

// MISSION B11
#[test]
fn what_is_optional_is_there_or_not() {
    let Payload::Signal(ack) =
        wire::MessageScheme::decode(vector("seed_era_signal_sent_ack")).unwrap().payload.unwrap()
    else {
        panic!("no signal")
    };
    assert_eq!(ack.error.as_deref(), Some(""));
    let resume = wire::MessageScheme::decode(vector("seed_era_signal_resume")).unwrap().payload.unwrap();
    let Payload::Signal(resume) = resume else { panic!("no signal") };
    assert_eq!((resume.error, resume.to.unwrap().connection_resource_id.as_deref()), (None, Some("")));
}

// MISSION B11
// BD-VIS-1, BD-TOKEN-1, BD-LOC-1
#[test]
fn clients_frames_of_the_field_mean_something() {
    let mut codec = signed_in(&device(ALICE, "aaaaa2"));
    let send = packets(&mut codec, vector("seed001_sample_message"));
    let [ClientPacket::Send(draft)] = &send[..] else { panic!("{send:?}") };
    assert_eq!(draft.client_ref.as_ref().unwrap().as_str(), "1~0d4cbacb84cfb21e");
    assert_eq!((&draft.to, draft.client_time), (&Address::User(user(BOB)), Some(UnixMs(1_762_300_800_000))));
    assert_eq!(draft.body.bytes, r#"{"text":"Hello from BIMIP 👋","attachments":[]}"#);
    assert_eq!(packets(&mut codec, vector("logout_request_route12")), [ClientPacket::Bye]);
    let resume = packets(&mut codec, vector("seed_era_signal_resume"));
    assert!(matches!(&resume[..], [ClientPacket::Ping(_)]), "{resume:?}");

    let mut bob = signed_in(&device(BOB, "bbbbb1"));
    let delivered = packets(&mut bob, vector("seed_era_signal_delivered"));
    assert_eq!(delivered, [ClientPacket::Delivered(vec![place(ALICE, BOB, 5)])]);
    // These are of the sender's other device, which is one's own all the same.
    let token = packets(&mut codec, vector("token_refresh_request"));
    assert_eq!(token, [ClientPacket::Token { task: TokenTask::Refresh, token: "tok".into() }]);
    let visible = packets(&mut codec, vector("visibility_enable"));
    assert_eq!(visible, [ClientPacket::SetVisible { id: ClientRef::new("1").ok(), visible: true }]);
    let track = packets(&mut codec, vector("location_stream"));
    let [ClientPacket::Track(track)] = &track[..] else { panic!("{track:?}") };
    assert_eq!(Some(track.location), Location::new(6.5, 3.25, Some(0.0)));
    let error = read(&mut codec, vector("push_notification")).unwrap_err();
    assert_eq!(error, DecodeError::Unsupported { origin: 8 });
}

// MISSION B11
// BD-PING-1
#[test]
fn what_the_field_sends_to_clients_comes_out_as_it_went_in() {
    for frame in [vector("ping_pong_13"), vector("awareness_presence_broadcast"), vector("location_stream")] {
        let mut codec = signed_in(&device(ALICE, "aaaaa1"));
        let mut packets = Vec::new();
        codec.decode_server(frame.clone(), &mut packets).unwrap();
        assert_eq!(written(&mut codec, &packets[0]), [frame]);
    }
}

// MISSION B11
// BD-LAYOUT-2
#[test]
fn frames_of_other_layouts_are_refused_in_words() {
    let mut codec = signed_in(&device(ALICE, "aaaaa2"));
    let error = read(&mut codec, vector("older_listing_message")).unwrap_err();
    assert!(error.to_string().contains("older layout") && error.to_string().contains("/bimip"), "{error}");
    assert_eq!(error.fault().kind, FaultKind::Field);

    // Signal with its sender at 5, as before; and with another type at 9, as after.
    let older = unhex("08073a0c0a01332a070a05616c696365");
    assert!(read(&mut codec, older).unwrap_err().to_string().contains("older layout"));
    let error = read(&mut codec, vector("signal_15")).unwrap_err();
    assert!(error.to_string().contains("later layout"), "{error}");
}

// MISSION B11
// BD-LAYOUT-3
#[test]
fn offsets_may_be_numbers() {
    // {id "1", signal_offset 5, user_offset 5, status 3, from bob, to alice, type 1}
    let mut inner = Vec::new();
    inner.extend_from_slice(&[0x0a, 1, b'1', 0x10, 5, 0x18, 5, 0x20, 3, 0x28, 1]);
    inner.extend_from_slice(&[0x32, 9, 0x0a, 3, b'b', b'o', b'b', 0x12, 2, b'b', b'1']);
    inner.extend_from_slice(&[0x3a, 7, 0x0a, 5, b'a', b'l', b'i', b'c', b'e', 0x40, 1]);
    let mut bytes = vec![0x08, 7, 0x3a, u8::try_from(inner.len()).unwrap()];
    bytes.extend(inner);
    let mut codec = signed_in(&device("bob", "b1"));
    let delivered = packets(&mut codec, bytes.into());
    assert_eq!(delivered, [ClientPacket::Delivered(vec![place("alice", "bob", 5)])]);
}

// BD-FRAME-1
#[test]
fn the_payload_decides_not_the_route() {
    let mut codec = signed_in(&device(ALICE, "a2"));
    for route in [0, 6, 7, 10, 14, -1, i64::MAX] {
        let read = packets(&mut codec, frame(route, Payload::Message(draft())));
        assert!(matches!(&read[..], [ClientPacket::Send(_)]), "{route}");
    }
    for (bytes, expected) in [
        ("", DecodeError::Malformed { at: "empty frame" }),
        ("ff", DecodeError::Malformed { at: "protobuf" }),
        ("0806", DecodeError::Missing { origin: 6 }),
        ("0863", DecodeError::Unknown { origin: 99 }),
        ("08063200 3a00", DecodeError::Mismatched { origin: 7 }),
        ("080a5200", DecodeError::Unsupported { origin: 10 }),
    ] {
        assert_eq!(read(&mut codec, unhex(&bytes.replace(' ', ""))).unwrap_err(), expected, "{bytes}");
    }
}

// MISSION B11
// BD-SEND-1, BD-ERR-1, BD-FRAME-2
#[test]
fn a_draft_keeps_the_rules_or_hears_which_it_broke() {
    let mut codec = signed_in(&device(ALICE, "a2"));
    type Change = fn(&mut wire::Message);
    let broken: [(&str, Change); 12] = [
        ("id", |it| it.id.clear()),
        ("id", |it| it.id = "i".repeat(ID_BYTES + 1)),
        ("from.eid", |it| it.from = None),
        ("from.connection_resource_id", |it| it.from = identity(ALICE, "")),
        ("to.eid", |it| it.to = None),
        ("to.eid", |it| it.to = identity("a/b", "")),
        ("type", |it| it.r#type = 3),
        ("status", |it| it.status = 2),
        ("timestamp", |it| it.timestamp = 0),
        ("timestamp", |it| it.timestamp = -1),
        ("payload", |it| it.payload = Bytes::from_static(b"hi")),
        ("encryption_type", |it| it.encryption_type.clear()),
    ];
    for (field, change) in broken {
        let mut message = draft();
        change(&mut message);
        let error = read(&mut codec, frame(6, Payload::Message(message))).unwrap_err();
        assert!(error.to_string().starts_with(&format!("Field '{field}' → ")), "{error}");
        // BD-ERR-1
        let answer = payloads(&mut codec, &ServerPacket::Fault(error.fault()));
        let [(6, Payload::Message(answer))] = &answer[..] else { panic!("{answer:?}") };
        assert_eq!((answer.r#type, answer.status), (3, 3));
        assert_eq!((&answer.from, &answer.to), (&identity(ALICE, "a2"), &identity(ALICE, "a2")));
        let text: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(text["error"], error.to_string());
    }
    // The device of the recipient may be left out.
    let read = packets(&mut codec, frame(6, Payload::Message(draft())));
    assert!(matches!(&read[..], [ClientPacket::Send(_)]));
}

// BD-FROM-1
#[test]
fn nobody_speaks_as_somebody_else() {
    let mut codec = signed_in(&device("eve", "1"));
    written(&mut codec, &row(1, &device(ALICE, "a2"), "eve", 5));
    let logout =
        wire::Logout { to: identity(ALICE, "a2"), r#type: 1, status: 4, timestamp: 1, ..Default::default() };
    let ping = wire::PingPong {
        id: "p".to_owned(),
        from: identity(ALICE, "a2"),
        r#type: 1,
        timestamp: 1,
        ..Default::default()
    };
    for payload in [
        Payload::Message(draft()),
        Payload::Signal(signal(3, 5, ALICE, "eve")),
        Payload::Logout(logout),
        Payload::PingPong(ping),
    ] {
        let said = read(&mut codec, frame(0, payload)).unwrap();
        assert_eq!(said[0].claim, Claim::Other(user(ALICE)));
    }
    let stored = said(&mut codec, signal(3, 5, "eve", ALICE));
    assert_eq!(stored[1..], [ClientPacket::Dispose(Offset(1))], "nothing was noted");
}

// MISSION B11
// BD-COMMIT-1, BD-COMMIT-4
#[test]
fn a_cursor_moves_over_what_is_stored_without_a_gap() {
    let (bob, alice, carol) = (device(BOB, "1"), device(ALICE, "a2"), device("carol", "c"));
    let mut codec = signed_in(&bob);
    written(&mut codec, &row(4, &alice, BOB, 5));
    written(&mut codec, &row(6, &carol, BOB, 5));
    written(&mut codec, &row(7, &alice, BOB, 6));
    // The receipts between are not named by any word; they go with what is after them.
    assert_eq!(
        said(&mut codec, signal(3, 5, BOB, "carol")),
        [ClientPacket::Delivered(vec![place("carol", BOB, 5)])]
    );
    let delivered = |seq| ClientPacket::Delivered(vec![place(ALICE, BOB, seq)]);
    assert_eq!(said(&mut codec, signal(3, 5, BOB, ALICE)), [delivered(5), ClientPacket::Dispose(Offset(6))]);
    assert_eq!(said(&mut codec, signal(3, 6, BOB, ALICE)), [delivered(6), ClientPacket::Dispose(Offset(7))]);
    assert_eq!(
        said(&mut codec, signal(3, 6, BOB, ALICE)),
        [ClientPacket::Delivered(vec![place(ALICE, BOB, 6)])]
    );

    // Each word is answered once, when what it says is durable: by itself, or with the row.
    let answered = |codec: &mut Codec, noted| {
        let of = |(_, payload)| match payload {
            Payload::Signal(it) => {
                (it.id, it.signal_offset, it.status, it.r#type, it.to.unwrap().eid, it.error)
            }
            other => panic!("{other:?}"),
        };
        payloads(codec, &ServerPacket::Noted(noted)).into_iter().map(of).collect::<Vec<_>>()
    };
    let answer =
        |seq: &str, to: &str| ("s".to_owned(), seq.to_owned(), 3, 2, to.to_owned(), Some(String::new()));
    let delivered = Noted::Delivered(vec![place("carol", BOB, 5)]);
    assert_eq!(answered(&mut codec, delivered), [answer("5", "carol")]);
    assert_eq!(answered(&mut codec, Noted::Disposed(Offset(7))), []);
    for seq in [5, 6, 6] {
        let delivered = Noted::Delivered(vec![place(ALICE, BOB, seq)]);
        assert_eq!(answered(&mut codec, delivered), [answer(&seq.to_string(), ALICE)]);
    }
}

// BD-COMMIT-2
#[test]
fn a_copy_of_what_another_device_sent_is_committed_too() {
    let phone = device(ALICE, "phone");
    let mut codec = signed_in(&phone);
    written(&mut codec, &row(1, &device(ALICE, "a2"), BOB, 1));
    written(&mut codec, &row(2, &device(ALICE, "a2"), BOB, 2));
    assert_eq!(said(&mut codec, signal(1, 2, ALICE, BOB)), [], "it waits, and delivers nothing");
    assert_eq!(said(&mut codec, signal(1, 1, ALICE, BOB)), [ClientPacket::Dispose(Offset(2))]);
    assert_eq!(payloads(&mut codec, &ServerPacket::Noted(Noted::Disposed(Offset(2)))).len(), 2);
}

// MISSION B11
// BD-MARK-1, BD-STATUS-1
#[test]
fn reading_is_a_mark_and_says_that_it_is_stored() {
    let mut codec = signed_in(&device(BOB, "1"));
    written(&mut codec, &row(3, &device(ALICE, "a2"), BOB, 9));
    let mark = |status| ClientPacket::Mark { message: place(ALICE, BOB, 9), status };
    assert_eq!(
        said(&mut codec, signal(4, 9, BOB, ALICE)),
        [mark(Status::Read), ClientPacket::Dispose(Offset(3))]
    );
    assert_eq!(said(&mut codec, signal(5, 9, BOB, ALICE)), [mark(Status::Forwarded)]);
    assert_eq!(said(&mut codec, signal(6, 9, BOB, ALICE)), [mark(Status::Played)]);
    let refused = Noted::Refused {
        message: place(ALICE, BOB, 9),
        status: Status::Read,
        reason: Reject::NoSuchMessage,
        retry_after_ms: None,
    };
    let answer = payloads(&mut codec, &ServerPacket::Noted(refused));
    let [(7, Payload::Signal(answer))] = &answer[..] else { panic!("{answer:?}") };
    assert_eq!((answer.r#type, answer.status, answer.id.as_str()), (3, 4, "s"));
    assert_eq!(answer.error.as_deref(), Some("no such message for this user"));
}

// BD-LIVE-1, BD-STATUS-1
#[test]
fn what_is_said_in_passing_is_relayed() {
    let (mut bob, mut alice) = (signed_in(&device(BOB, "1")), signed_in(&device(ALICE, "a2")));
    for (status, out, act) in [
        (2, 8, Act::Recording),
        (7, 7, Act::Typing),
        (8, 8, Act::Recording),
        (9, 9, Act::Paused),
        (10, 10, Act::Cancelled),
        (12, 12, Act::Calling),
        (13, 13, Act::Declined),
    ] {
        let heard = said(&mut bob, signal(status, 9, BOB, ALICE));
        let [ClientPacket::Signal(heard)] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!(heard.act, act);
        let told =
            payloads(&mut alice, &ServerPacket::Signal { from: device(BOB, "1"), signal: heard.clone() });
        let [(7, Payload::Signal(told))] = &told[..] else { panic!("{told:?}") };
        assert_eq!((told.status, told.r#type, told.signal_offset.as_str()), (out, 2, ""));
        assert_eq!(told.from, identity(BOB, "1"));
    }
}

// MISSION B11
// BD-AWARE-1, BD-AWARE-2
#[test]
fn presence_is_said_and_told() {
    let mut codec = signed_in(&device(ALICE, "aaaaa1"));
    let said = wire::Awareness {
        id: "1".to_owned(),
        from: identity(ALICE, "aaaaa1"),
        to: identity(BOB, ""),
        r#type: 1,
        status: 6,
        location_sharing: 2,
        latitude: 1.0,
        ttl: 5,
        timestamp: 9,
        ..Default::default()
    };
    let heard = packets(&mut codec, frame(2, Payload::Awareness(said.clone())));
    let [ClientPacket::Aware(heard)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((heard.presence, &heard.to), (Presence::Typing, &Some(Address::User(user(BOB)))));
    assert_eq!(heard.location, None, "a place that is not shared is not looked at");
    type Change = fn(&mut wire::Awareness);
    let broken: [(&str, Change); 7] = [
        ("id", |it| it.id.clear()),
        ("to.eid", |it| it.to = identity("", "")),
        ("type", |it| it.r#type = 2),
        ("status", |it| it.status = 12),
        ("location_sharing", |it| it.location_sharing = 0),
        ("ttl", |it| it.ttl = 0),
        ("timestamp", |it| it.timestamp = 0),
    ];
    for (field, change) in broken {
        let mut said = said.clone();
        change(&mut said);
        let error = read(&mut codec, frame(2, Payload::Awareness(said))).unwrap_err();
        assert!(error.to_string().starts_with(&format!("Field '{field}' → ")), "{error}");
        let answer = payloads(&mut codec, &ServerPacket::Fault(error.fault()));
        let [(2, Payload::Awareness(answer))] = &answer[..] else { panic!("{answer:?}") };
        assert_eq!((answer.r#type, answer.status, answer.location_sharing), (3, 0, 2));
        assert_eq!((&answer.from, &answer.to), (&identity(ALICE, "aaaaa1"), &identity(ALICE, "aaaaa1")));
        assert_eq!(answer.details, error.to_string());
    }
}

// BD-RESUME-1
#[test]
fn a_resume_is_answered_in_its_turn() {
    let mut codec = signed_in(&device(ALICE, "a2"));
    let echo = said(&mut codec, signal(11, 1, ALICE, BOB));
    let [ClientPacket::Ping(ping)] = &echo[..] else { panic!("{echo:?}") };
    let answer = payloads(&mut codec, &ServerPacket::Pong { ping: ping.clone(), at: UnixMs(9) });
    let [(7, Payload::Signal(answer))] = &answer[..] else { panic!("{answer:?}") };
    assert_eq!((answer.id.as_str(), answer.status, answer.r#type, answer.timestamp), ("s", 11, 2, 9));
    assert_eq!(answer.to.as_ref().unwrap().eid, BOB);
}

// MISSION B11
// BD-ACK-1, BD-OFFSET-1, BD-KEY-1
#[test]
fn an_ack_has_the_shape_of_the_field() {
    let mut codec = signed_in(&device(ALICE, "aaaaa2"));
    let send = packets(&mut codec, vector("seed001_sample_message"));
    let [ClientPacket::Send(draft)] = &send[..] else { panic!("{send:?}") };
    let ServerPacket::Deliver(stored) = row(5, &device(ALICE, "aaaaa2"), BOB, 5) else { unreachable!() };
    let Entry::Message(Message { head, .. }) = &*stored.entry else { unreachable!() };
    let at = UnixMs(1_762_300_800_000);
    let head = Head { client_ref: draft.client_ref.clone(), at, ..head.clone() };
    let accepted = ServerPacket::Accepted {
        client_ref: draft.client_ref.clone(),
        head: head.clone(),
        offset: Offset(8),
    };
    let frames = written(&mut codec, &accepted);
    // But for the recipient's device, which the model does not keep.
    let mut expected = wire::MessageScheme::decode(vector("seed_era_signal_sent_ack")).unwrap();
    let Some(Payload::Signal(signal)) = &mut expected.payload else { panic!("no signal") };
    signal.to.as_mut().unwrap().connection_resource_id = None;
    assert_eq!(frames, [Bytes::from(expected.encode_to_vec())]);

    // A receipt about it is named by the id and by the place.
    let names = Names { id: head.id, alias: Some(head.alias()), client_ref: head.client_ref };
    let receipt =
        Receipt { by: device(BOB, "b1"), status: Status::Read, at: UnixMs(4), messages: vec![names] };
    let entry = Arc::new(Entry::Receipt(receipt));
    let told =
        payloads(&mut codec, &ServerPacket::Deliver(Row { prev: Offset(8), offset: Offset(9), entry }));
    let [(7, Payload::Signal(told))] = &told[..] else { panic!("{told:?}") };
    assert_eq!((told.id.as_str(), told.signal_offset.as_str(), told.user_offset.as_str()), ("1", "5", "5"));
    assert_eq!((told.status, told.r#type), (4, 2));
    assert_eq!((&told.from, &told.to), (&identity(BOB, "b1"), &identity(ALICE, "aaaaa2")));
}

// MISSION B11
// BD-DELIVER-1
#[test]
fn a_delivery_has_all_that_a_client_looks_at() {
    let mut codec = signed_in(&device(BOB, "b1"));
    let told = payloads(&mut codec, &row(8, &device(ALICE, "a2"), BOB, 5));
    let [(6, Payload::Message(told))] = &told[..] else { panic!("{told:?}") };
    let expected = wire::Message {
        id: "m".to_owned(),
        signal_offset: "5".to_owned(),
        user_offset: "5".to_owned(),
        from: identity(ALICE, "a2"),
        to: identity(BOB, "b1"),
        r#type: 1,
        timestamp: 11,
        payload: Bytes::from_static(br#"{"text":"hi"}"#),
        encryption_type: "none".to_owned(),
        status: 1,
        ..Default::default()
    };
    assert_eq!(*told, expected);
}

// BD-BYE-1
#[test]
fn a_logout_is_answered_on_route_14() {
    let mut codec = signed_in(&device(ALICE, "a2"));
    for (reason, details) in [(CloseReason::Bye, ""), (CloseReason::Expired, "expired")] {
        let bye = payloads(&mut codec, &ServerPacket::Bye(reason));
        let [(14, Payload::Logout(bye))] = &bye[..] else { panic!("{bye:?}") };
        assert_eq!((bye.r#type, bye.status, bye.details.as_str()), (2, 1, details));
    }
}

#[test]
fn what_has_no_words_writes_nothing_and_before_sign_in_nothing_is_read() {
    let mut codec = Codec::new(Dialect::Deployed);
    let error = read(&mut codec, frame(6, Payload::Message(draft()))).unwrap_err();
    assert_eq!(error, DecodeError::OutOfPlace { origin: 6 });
    let mut codec = signed_in(&device(ALICE, "a2"));
    let welcome = Welcome {
        epoch: 1,
        resume_from: Offset::ZERO,
        first: Offset(1),
        head: Offset::ZERO,
        window: Window::default(),
        heartbeat_ms: 1,
        server_time: UnixMs(1),
        connection_id: 1,
        dedup_days: 7,
    };
    assert!(written(&mut codec, &ServerPacket::Welcome(welcome)).is_empty());
    let fault = Fault { kind: FaultKind::Unsupported, origin: 0, details: "x".into() };
    assert!(matches!(&payloads(&mut codec, &ServerPacket::Fault(fault))[..], [(11, Payload::Error(_))]));
}

fn id() -> impl Strategy<Value = String> {
    "[a-z0-9~é]{1,12}"
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut codec = signed_in(&device(ALICE, "a2"));
        let _ = read(&mut codec, bytes.clone().into());
        let _ = codec.decode_server(bytes.into(), &mut Vec::new());
    }

    // MISSION B11
    #[test]
    fn drafts_go_round(name in id(), at in 1..i64::MAX as u64, to in "[a-z]{1,8}", text in ".{0,40}", seal in id()) {
        let me = device(ALICE, "a2");
        let bytes: Bytes = serde_json::json!({ "text": text }).to_string().into();
        let seal = Some(Seal { encryption_type: seal, ..Seal::default() });
        let draft = Draft {
            client_ref: ClientRef::new(&name).ok(),
            to: Address::User(user(&to)),
            client_time: Some(UnixMs(at)),
            body: Body { kind: BodyKind::Text, form: Form::Opaque, bytes, seal },
        };
        let (mut client, mut server, mut frames) = (signed_in(&me), signed_in(&me), Frames::new());
        client.encode_client(&ClientPacket::Send(draft.clone()), &mut frames).unwrap();
        let read = packets(&mut server, frames.drain().next().unwrap());
        let [ClientPacket::Send(read)] = &read[..] else { panic!("{read:?}") };
        prop_assert_eq!((&read.to, read.client_time, &read.body), (&draft.to, draft.client_time, &draft.body));

        // Sent again it is the same; the client hears its own name.
        client.encode_client(&ClientPacket::Send(read.clone()), &mut frames).unwrap();
        prop_assert_eq!(&packets(&mut server, frames.drain().next().unwrap()), &[ClientPacket::Send(read.clone())]);
        let rejected = ServerPacket::Rejected {
            client_ref: read.client_ref.clone(), to: None, reason: Reject::Busy, retry_after_ms: None,
        };
        let mut heard = Vec::new();
        for frame in written(&mut server, &rejected) {
            client.decode_server(frame, &mut heard).unwrap();
        }
        let name = ClientRef::new(&name).ok();
        prop_assert_eq!(heard, vec![ServerPacket::Rejected {
            client_ref: name, to: None, reason: Reject::Busy, retry_after_ms: Some(1_000),
        }], "what may pass is tried again, though the layout has no time for it");
    }

    // MISSION B11
    #[test]
    fn words_about_messages_go_round(peer in "[a-z]{1,8}", seq in 1..u64::MAX, which in 0..4_usize, ping in id()) {
        let me = device(ALICE, "a2");
        let message = place(&peer, ALICE, seq);
        let status = [Status::Delivered, Status::Read, Status::Forwarded, Status::Played][which];
        let word = match status {
            Status::Delivered => ClientPacket::Delivered(vec![message.clone()]),
            status => ClientPacket::Mark { message: message.clone(), status },
        };
        let (mut client, mut server, mut frames) = (signed_in(&me), signed_in(&me), Frames::new());
        for word in [word, ClientPacket::Ping(Ping { id: ping.into() }), ClientPacket::Bye] {
            client.encode_client(&word, &mut frames).unwrap();
            prop_assert_eq!(packets(&mut server, frames.drain().next().unwrap()), vec![word]);
        }
        let noted = match status {
            Status::Delivered => Noted::Delivered(vec![message]),
            status => Noted::Marked { message, status },
        };
        let noted = ServerPacket::Noted(noted);
        let mut heard = Vec::new();
        for frame in written(&mut server, &noted) {
            client.decode_server(frame, &mut heard).unwrap();
        }
        prop_assert_eq!(heard, vec![noted]);
    }
}
