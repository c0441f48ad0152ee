//! The rules of `docs/protocol/voiceping.md`, frame by frame. Rule ids stand beside what proves them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "vectors/files.rs"]
#[allow(dead_code, reason = "shared by several tests")]
mod files;

use std::sync::Arc;

use bimip_codec::voiceping::{Frame, SEALED, TOO_LONG, UNREADABLE, Value};
use bimip_codec::{Codec, DecodeError, Dialect, EncodeError, Frames, Replay, Shared};
use bimip_proto::{
    Address, Body, BodyKind, Claim, ClientPacket, CloseReason, Device, DeviceName, Draft, Entry, Fault,
    FaultKind, Floor, Form, GroupId, Head, Message, MessageId, MessageRef, Names, Noted, Offset, Ping,
    PushToken, Receipt, Reject, Row, Said, Seal, Seq, ServerPacket, Status, Talk, TalkAct, UnixMs, UserId,
    limits,
};
use bytes::Bytes;

const STAMP: UnixMs = UnixMs(1_763_652_000_000);

fn user(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

fn group(text: &str) -> Address {
    Address::Group(GroupId::new(text).unwrap())
}

fn to_user(text: &str) -> Address {
    Address::User(user(text))
}

fn codec(me: &str) -> Codec {
    let mut codec = Codec::new(Dialect::VoicePing);
    codec.signed_in(&Device::new(user(me), DeviceName::new("phone").unwrap()));
    codec
}

/// A frame from the notation `[1, 17, "a", "b", ...]`, written by another library.
fn frame(slots: Vec<rmpv::Value>) -> Bytes {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &rmpv::Value::Array(slots)).unwrap();
    bytes.into()
}

macro_rules! frame {
    ($($slot:expr),* $(,)?) => { frame(vec![$(rmpv::Value::from($slot)),*]) };
}

fn heard(codec: &mut Codec, frame: Bytes) -> Result<Said, DecodeError> {
    let mut said = Vec::new();
    codec.decode_client(frame, &mut said)?;
    assert_eq!(said.len(), 1);
    Ok(said.remove(0))
}

fn alice_says(frame: Bytes) -> Result<ClientPacket, DecodeError> {
    heard(&mut codec("acme_alice"), frame).map(|said| said.packet)
}

fn draft_body(frame: Bytes) -> Body {
    match alice_says(frame).unwrap() {
        ClientPacket::Send(draft) => draft.body,
        other => panic!("{other:?}"),
    }
}

fn written(codec: &mut Codec, packet: &ServerPacket) -> Vec<Bytes> {
    let mut frames = Frames::new();
    codec.encode_server(packet, &mut frames).unwrap();
    frames.drain().collect()
}

fn head(from: &str, to: Address, kind: BodyKind) -> Head {
    Head {
        id: MessageId::new(7, 42),
        from: Device::new(user(from), DeviceName::new("phone").unwrap()),
        to,
        client_ref: None,
        client_time: None,
        at: STAMP,
        stamp: STAMP,
        seq: Seq(1),
        kind,
    }
}

fn deliver(from: &str, to: Address, body: Body) -> ServerPacket {
    let head = head(from, to, body.kind);
    let entry = Arc::new(Entry::Message(Message { head, body }));
    ServerPacket::Deliver(Row { prev: Offset::ZERO, offset: Offset(1), entry })
}

fn body(kind: BodyKind, form: Form, bytes: &[u8]) -> Body {
    Body { kind, form, bytes: Bytes::copy_from_slice(bytes), seal: None }
}

/// The golden frame of this name.
fn golden(name: &str) -> Bytes {
    files::one("voiceping", name).bytes()
}

/// What Bob is shown of a body of Alice's.
fn shown(body: Body) -> String {
    let frames = written(&mut codec("acme_bob"), &deliver("acme_alice", to_user("acme_bob"), body));
    Frame::decode(frames[0].clone()).unwrap().payload().as_str().unwrap().to_owned()
}

#[test]
fn acks_are_the_golden_ones() {
    // VP-ACK-1, MISSION V4, V5.
    let mut alice = codec("acme_alice");
    let accepted = |kind, to| {
        let head = head("acme_alice", to, kind);
        ServerPacket::Accepted { client_ref: None, head, offset: Offset(1) }
    };
    let text = written(&mut alice, &accepted(BodyKind::Text, to_user("acme_bob")));
    assert_eq!(text, [golden("text_ack_6elem")]);
    let talk = BodyKind::Voice { duration_ms: 3120 };
    for (to, name) in
        [(to_user("acme_bob"), "stop_ack_private_6elem"), (group("acme_team"), "stop_ack_group_6elem")]
    {
        let ended = ServerPacket::Floor(Floor::Ended { head: head("acme_alice", to.clone(), talk) });
        assert_eq!(written(&mut alice, &ended), [golden(name)]);
        assert_eq!(written(&mut alice, &accepted(talk, to)), [golden(name)]);
    }
    let kind = |packet| Frame::decode(written(&mut codec("acme_alice"), &packet)[0].clone()).unwrap().kind();
    assert_eq!(kind(accepted(BodyKind::Image, to_user("b"))).number(), 22);
    assert_eq!(kind(accepted(BodyKind::Notification, to_user("b"))).number(), 22);
    assert_eq!(kind(accepted(BodyKind::Interactive, to_user("b"))).number(), 24);
}

#[test]
fn texts_reach_clients_as_the_golden_ones() {
    // VP-TEXT-3, MISSION V4: the server's id always replaces the client's.
    let mut bob = codec("acme_bob");
    let from_old_client = draft_body(golden("text_private_json"));
    assert_eq!(from_old_client.form, Form::Json);
    let packet = deliver("acme_alice", to_user("acme_bob"), from_old_client);
    assert_eq!(written(&mut bob, &packet), [golden("text_forward")]);
    let packet = deliver("acme_alice", to_user("acme_bob"), Body::text("Hello"));
    assert_eq!(written(&mut bob, &packet), [golden("text_forward")]);
    // VP-TEXT-5: interactive payloads are encoded once more.
    let interactive = draft_body(golden("interactive_private"));
    let packet = deliver("acme_alice", to_user("acme_bob"), interactive);
    assert_eq!(written(&mut bob, &packet), [golden("interactive_forward")]);
}

#[test]
fn every_other_key_passes_unchanged() {
    // VP-TEXT-3, MISSION V4.
    let id = r#""message_id":"1_17_acme_bob_acme_alice_1763652000000.txt""#;
    let json = r#"{"z":1.50,"text":"t","message_id":"mine","big":123456789012345678901234567890,"a":{"message_id":"kept"}}"#;
    assert_eq!(
        shown(body(BodyKind::Text, Form::Json, json.as_bytes())),
        format!(
            r#"{{{id},"z":1.50,"text":"t","big":123456789012345678901234567890,"a":{{"message_id":"kept"}}}}"#
        )
    );
    assert_eq!(shown(body(BodyKind::Text, Form::Json, b"{}")), format!("{{{id}}}"));
    // From a client of the other dialect: its JSON, its text, or neither.
    assert_eq!(shown(body(BodyKind::Text, Form::Opaque, b"{\"x\":1}")), format!("{{{id},\"x\":1}}"));
    assert_eq!(shown(body(BodyKind::Text, Form::Opaque, b"hi")), format!("{{{id},\"text\":\"hi\"}}"));
    assert_eq!(
        shown(body(BodyKind::Notification, Form::Opaque, b"\xff")),
        format!("{{{id},\"text\":\"{UNREADABLE}\"}}")
    );
    // MISSION B7: encrypted bodies are shown to nobody who cannot read them.
    let mut sealed = body(BodyKind::Text, Form::Opaque, b"{\"text\":\"secret\"}");
    sealed.seal = Some(Seal { encryption_type: "mls".into(), ..Seal::default() });
    assert_eq!(shown(sealed), format!("{{{id},\"text\":\"{SEALED}\"}}"));
    let long = "\"".repeat(limits::WALKIE_FRAME_BYTES - 100);
    assert_eq!(shown(Body::text(&long)), format!("{{{id},\"text\":\"{TOO_LONG}\"}}"));
}

#[test]
fn payloads_of_text_in_every_type() {
    // VP-TEXT-1 and VP-TEXT-2, MISSION V1: JSON as str or bin; V4: plain text, map, nothing.
    let text = |payload: rmpv::Value| frame![1, 17, "acme_alice", "acme_bob", payload];
    let sent = |payload| {
        let body = draft_body(text(payload));
        (body.form, String::from_utf8(body.bytes.to_vec()).unwrap())
    };
    assert_eq!(sent("hi".into()), (Form::Text, "hi".into()));
    assert_eq!(sent("".into()), (Form::Text, String::new()));
    assert_eq!(sent(rmpv::Value::Binary(b"hi".to_vec())), (Form::Text, "hi".into()));
    assert_eq!(sent("{\"text\":1}".into()), (Form::Json, "{\"text\":1}".into()));
    assert_eq!(sent(rmpv::Value::Binary(b"{\"a\":1}".to_vec())), (Form::Json, "{\"a\":1}".into()));
    assert_eq!(sent("[1]".into()), (Form::Text, "[1]".into()));
    assert_eq!(sent(7.into()), (Form::Text, "7".into()));
    assert_eq!(sent((-7).into()), (Form::Text, "-7".into()));
    assert_eq!(sent(1.5.into()), (Form::Text, "1.5".into()));
    assert_eq!(sent(true.into()), (Form::Text, "true".into()));
    let map = rmpv::Value::Map(vec![
        ("text".into(), "m\n".into()),
        (1.into(), rmpv::Value::Array(vec![rmpv::Value::Nil, (-1).into()])),
    ]);
    assert_eq!(sent(map), (Form::Json, r#"{"text":"m\n","1":[null,-1]}"#.into()));
    assert_eq!(draft_body(text(rmpv::Value::Binary(vec![0xff]))).form, Form::Opaque);

    let refused = Err(DecodeError::Field { origin: 17, field: "payload" });
    assert_eq!(alice_says(text(rmpv::Value::Nil)), refused);
    assert_eq!(alice_says(text(rmpv::Value::Ext(0, vec![0]))), refused);
    assert_eq!(alice_says(frame![1, 17, "acme_alice", "acme_bob"]), refused);
    let binary_in_map = rmpv::Value::Map(vec![("a".into(), rmpv::Value::Binary(vec![1]))]);
    assert_eq!(alice_says(text(binary_in_map)), refused);
}

#[test]
fn images_are_texts_or_bytes() {
    // VP-IMAGE-1.
    let png = draft_body(golden("image_group_bin"));
    assert_eq!((png.kind, png.form, &png.bytes[..]), (BodyKind::Image, Form::Opaque, &b"\x89PNG"[..]));
    let frames = written(&mut codec("acme_bob"), &deliver("acme_alice", group("acme_team"), png));
    let id = "0_18_acme_team_acme_alice_1763652000000.txt";
    let expected = frame![0, 18, "acme_alice", "acme_team", id, rmpv::Value::Binary(b"\x89PNG".to_vec())];
    assert_eq!(frames, [expected]);
    let link = draft_body(frame![1, 18, "acme_alice", "acme_bob", "{\"url\":\"x\"}"]);
    assert_eq!(shown(link), r#"{"message_id":"1_18_acme_bob_acme_alice_1763652000000.txt","url":"x"}"#);
}

#[test]
fn talks_are_relayed_as_they_come() {
    // VP-TALK-1, VP-TALK-2.
    let mut alice = codec("acme_alice");
    let start = heard(&mut alice, golden("start_private_str")).unwrap();
    assert_eq!((start.origin, &start.claim), (1, &Claim::Own));
    let ClientPacket::Talk(talk) = start.packet else { panic!() };
    assert_eq!(talk.to, to_user("acme_bob"));
    let relayed = written(&mut codec("acme_bob"), &ServerPacket::Talk(talk.clone()));
    assert_eq!(relayed, [golden("start_private_str")]);
    let TalkAct::Start { label, payload } = talk.act else { panic!() };
    let granted = |to, label, payload| ServerPacket::Floor(Floor::Granted { to, label, payload });
    let acks = written(&mut alice, &granted(to_user("acme_bob"), label.clone(), payload.clone()));
    assert_eq!(acks, [golden("start_ack_private_int")]);
    let acks = written(&mut alice, &granted(group("acme_team"), label, payload));
    assert_eq!(acks, [golden("start_ack_group_string")]);
    for nothing in [&b""[..], b"\xc0", b"\xc2", b"\x00", b"\xa0", b"\xcb\0\0\0\0\0\0\0\0"] {
        let nothing = Bytes::copy_from_slice(nothing);
        let acks = written(&mut alice, &granted(to_user("acme_bob"), None, nothing.clone()));
        assert_eq!(acks, [golden("start_ack_private_default")]);
        let acks = written(&mut alice, &granted(group("acme_team"), None, nothing));
        assert_eq!(acks, [golden("start_ack_group_default")]);
    }
    // A label stays in the acknowledgement and in the forward.
    let labelled = frame![1, 1, "acme_alice", "acme_bob", "mid-x", 5];
    let ClientPacket::Talk(talk) = alice_says(labelled.clone()).unwrap() else { panic!() };
    assert_eq!(written(&mut codec("acme_bob"), &ServerPacket::Talk(talk.clone())), [labelled]);
    let TalkAct::Start { label, payload } = talk.act else { panic!() };
    let acks = written(&mut alice, &granted(to_user("acme_bob"), label, payload));
    assert_eq!(acks, [frame![1, 6, "acme_alice", "acme_bob", "mid-x", 5]]);
    // No payload leaves as nil, never as the clients' `undefined`.
    let ClientPacket::Talk(talk) = alice_says(golden("start_private_4elem")).unwrap() else { panic!() };
    let relayed = written(&mut codec("acme_bob"), &ServerPacket::Talk(talk));
    assert_eq!(relayed, [frame![1, 1, "acme_alice", "acme_bob", rmpv::Value::Nil]]);
    for stop in ["stop_private_4elem", "stop_private_5elem"] {
        assert!(matches!(
            alice_says(golden(stop)).unwrap(),
            ClientPacket::Talk(Talk { act: TalkAct::Stop, .. })
        ));
    }
}

// DM-TLK-5
#[test]
fn audio_keeps_its_type_and_has_a_limit() {
    // VP-AUDIO-1.
    for sound in [rmpv::Value::Binary(vec![7; 300]), "sound".into()] {
        let audio = frame![1, 3, "acme_alice", "acme_bob", sound];
        let ClientPacket::Talk(talk) = alice_says(audio.clone()).unwrap() else { panic!() };
        assert_eq!(written(&mut codec("acme_bob"), &ServerPacket::Talk(talk)), [audio]);
    }
    let sized = |len| {
        alice_says(frame![1, 3, "acme_alice", "acme_bob", rmpv::Value::Binary(vec![0; len])]).map(|_| ())
    };
    assert_eq!(sized(limits::AUDIO_BYTES), Ok(()));
    let (len_bytes, max_bytes) = (limits::AUDIO_BYTES + 1, limits::AUDIO_BYTES);
    assert_eq!(sized(len_bytes), Err(DecodeError::TooLong { len_bytes, max_bytes }));
}

#[test]
fn floors_are_denied_as_the_golden_ones() {
    // VP-TALK-3, VP-GROUP-2.
    let denied = |to, reason| ServerPacket::Floor(Floor::Denied { to, reason });
    let busy = written(&mut codec("acme_bob"), &denied(group("acme_team"), Reject::Busy));
    assert_eq!(busy, [golden("start_failed_busy")]);
    let stranger = written(&mut codec("acme_alice"), &denied(group("acme_team"), Reject::NotMember));
    assert_eq!(stranger, [golden("unauthorized_group"), golden("start_failed_unauthorized")]);
    // Kind 27 says that the user is no member: for any other reason it would be untrue.
    for reason in [Reject::Unsupported, Reject::Unavailable, Reject::NotYourself] {
        let other = written(&mut codec("acme_alice"), &denied(group("acme_team"), reason));
        assert_eq!(other, [golden("start_failed_unauthorized")]);
    }
    let private = written(&mut codec("acme_alice"), &denied(to_user("acme_bob"), Reject::NotMember));
    assert_eq!(private, [frame![1, 8, "acme_alice", "acme_bob", "Ack Failed"]]);
    let private = written(&mut codec("acme_alice"), &denied(to_user("acme_bob"), Reject::Unavailable));
    assert_eq!(private, [frame![1, 8, "acme_alice", "acme_bob", "Ack Failed"]]);
}

#[test]
fn recorded_talks_end_in_a_stop() {
    // VP-TALK-4, MISSION V5.
    let recorded = body(BodyKind::Voice { duration_ms: 3120 }, Form::Opaque, b"");
    let frames = written(&mut codec("acme_bob"), &deliver("acme_alice", to_user("acme_bob"), recorded));
    let json = r#"{"message_id":"1_3_acme_bob_acme_alice_1763652000000_3120ms.opus","duration":3120}"#;
    assert_eq!(frames, [frame![1, 2, "acme_alice", "acme_bob", json]]);
}

#[test]
fn a_recorded_talk_is_played_again() {
    // VP-REPLAY-1, MISSION V6.
    let (stamp, recorded) =
        (1_763_652_000_000_u64, body(BodyKind::Voice { duration_ms: 3120 }, Form::Opaque, b""));
    let mut codec = codec("7");
    let ServerPacket::Deliver(row) = deliver("acme_alice", to_user("7"), recorded) else { panic!() };
    let Entry::Message(message) = &*row.entry else { panic!() };
    let replayed = |codec: &mut Codec, step| {
        let mut frames = Frames::new();
        codec.encode_replay(message, step, &mut frames);
        frames.drain().collect::<Vec<_>>()
    };
    assert_eq!(replayed(&mut codec, Replay::Start), [frame![1, 1, "acme_alice", "7", stamp - 3120]]);
    let sound = rmpv::Value::Binary(vec![7; 300]);
    let frame = frame![1, 3, "acme_alice", "7", sound];
    assert_eq!(replayed(&mut codec, Replay::Sound(&[7; 300])), std::slice::from_ref(&frame));
    // The very frame that is relayed live, sound and all.
    let live = alice_says(frame![1, 3, "acme_alice", "7", rmpv::Value::Binary(vec![7; 300])]).unwrap();
    let ClientPacket::Talk(Talk { act: TalkAct::Audio { payload, .. }, .. }) = &live else { panic!() };
    assert_eq!(bimip_codec::voiceping::sound(payload), Some(&[7; 300][..]));
    let ClientPacket::Talk(live) = live else { panic!() };
    assert_eq!(written(&mut codec, &ServerPacket::Talk(live)), [frame]);
    // In the form of ids that the client writes; and not at all where there is no live voice.
    codec.decode_client(frame![1, 25, 7, 0, "?"], &mut Vec::new()).unwrap();
    assert_eq!(replayed(&mut codec, Replay::Start), [frame![1, 1, "acme_alice", 7, stamp - 3120]]);
    let mut phone = Codec::new(Dialect::Scheme);
    assert!(replayed(&mut phone, Replay::Start).is_empty());
}

#[test]
fn receipts_name_messages_by_either_name() {
    // VP-RECEIPT-1.
    let alias = "1_3_acme_bob_acme_alice_1763652000000_3120ms.opus";
    let by_alias = MessageRef::Alias(alias.parse().unwrap());
    let by_id = MessageRef::Id(MessageId::new(7, 42));
    let id = MessageId::new(7, 42).to_string();
    let delivered = |payload: rmpv::Value| alice_says(frame![1, 20, "acme_alice", "acme_bob", payload]);
    assert_eq!(delivered(alias.into()), Ok(ClientPacket::Delivered(vec![by_alias.clone()])));
    assert_eq!(delivered(id.as_str().into()), Ok(ClientPacket::Delivered(vec![by_id.clone()])));
    let many = format!("[\"{alias}\", \"{id}\"]");
    let both = Ok(ClientPacket::Delivered(vec![by_alias.clone(), by_id]));
    assert_eq!(delivered(many.as_str().into()), both);
    assert_eq!(delivered(rmpv::Value::Binary(many.into_bytes())), both);
    let of_six = frame![1, 20, "acme_alice", "acme_bob", alias, "Acknowledged"];
    assert_eq!(alice_says(of_six), Ok(ClientPacket::Delivered(vec![by_alias.clone()])));
    let read = alice_says(frame![1, 21, "acme_alice", "acme_bob", alias]).unwrap();
    assert_eq!(read, ClientPacket::Mark { message: by_alias, status: Status::Read });

    let too_many = format!("[{}\"{alias}\"]", format!("\"{alias}\",").repeat(limits::DELIVERED_IDS));
    for wrong in ["", "x", "[\"x\",\"y\"]", "1_17_../b_a_5.txt", "{}", too_many.as_str()] {
        let refused = Err(DecodeError::Field { origin: 20, field: "payload" });
        assert_eq!(delivered(wrong.into()), refused, "{wrong:.20}");
    }
    assert!(alice_says(frame![1, 21, "acme_alice", "acme_bob", "[]"]).is_err());

    // VP-RECEIPT-2: towards the sender one frame for each, and only what this dialect names.
    let names = |text: &str| Names { id: MessageId::new(7, 42), alias: text.parse().ok(), client_ref: None };
    let group_text = "0_17_acme_team_acme_alice_1763652000000.txt";
    let receipt = |status| {
        let by = Device::new(user("acme_bob"), DeviceName::new("phone").unwrap());
        let messages = vec![names(alias), names("none"), names(group_text)];
        let entry = Arc::new(Entry::Receipt(Receipt { by, status, at: STAMP, messages }));
        ServerPacket::Deliver(Row { prev: Offset(1), offset: Offset(2), entry })
    };
    for (status, kind) in [(Status::Delivered, 20), (Status::Read, 21)] {
        let frames = written(&mut codec("acme_alice"), &receipt(status));
        let expected = [
            frame![1, kind, "acme_bob", "acme_alice", alias],
            frame![0, kind, "acme_bob", "acme_alice", group_text],
        ];
        assert_eq!(frames, expected);
    }
    assert!(written(&mut codec("acme_alice"), &receipt(Status::Played)).is_empty());
}

#[test]
fn ids_take_the_form_of_the_client() {
    // VP-ID-2.
    let mut seven = codec("7");
    let packet = deliver("8", to_user("7"), Body::text("t"));
    let json = r#"{"message_id":"1_17_7_8_1763652000000.txt","text":"t"}"#;
    assert_eq!(written(&mut seven, &packet), [frame![1, 17, "8", "7", json]]);
    // 0 is nobody, so it teaches nothing.
    heard(&mut seven, frame![1, 25, "7", 0, "p"]).unwrap();
    assert_eq!(written(&mut seven, &packet), [frame![1, 17, "8", "7", json]]);
    assert_eq!(heard(&mut seven, frame![1, 17, 7, "8", "t"]).unwrap().claim, Claim::Own);
    assert_eq!(written(&mut seven, &packet), [frame![1, 17, 8, 7, json]]);
    // Once numbers, always numbers; other ids stay texts.
    heard(&mut seven, frame![1, 17, "7", "8", "t"]).unwrap();
    assert_eq!(written(&mut seven, &packet), [frame![1, 17, 8, 7, json]]);
    let named = ServerPacket::Talk(Talk { from: user("08"), to: to_user("7"), act: start(b"\x05") });
    assert_eq!(written(&mut seven, &named), [frame![1, 1, "08", 7, 5]]);
    // Golden: a group text between numbers.
    heard(&mut seven, golden("text_num")).unwrap_or_else(|error| panic!("{error}"));
    let packet = deliver("7", group("18"), Body::text("num"));
    assert_eq!(written(&mut seven, &packet), [golden("text_forward_group_num")]);
}

fn start(payload: &'static [u8]) -> TalkAct {
    TalkAct::Start { label: None, payload: Bytes::from_static(payload) }
}

#[test]
fn claims_are_compared_with_the_session() {
    // VP-ID-3.
    let mut codec = codec("7");
    let claim = |codec: &mut Codec, frame| heard(codec, frame).map(|said| said.claim);
    assert_eq!(claim(&mut codec, frame![1, 17, 7, 8, "t"]), Ok(Claim::Own));
    assert_eq!(claim(&mut codec, frame![1, 17, "7", 8, "t"]), Ok(Claim::Own));
    assert_eq!(claim(&mut codec, frame![1, 17, "07", 8, "t"]), Ok(Claim::Other(user("07"))));
    assert_eq!(claim(&mut codec, frame![1, 17, 0, 8, "t"]), Ok(Claim::Other(user("0"))));
    assert_eq!(claim(&mut codec, frame![1, 25, 0, 0, "t"]), Ok(Claim::Own));
    let wrong = Err(DecodeError::Field { origin: 17, field: "from" });
    assert_eq!(claim(&mut codec, frame![1, 17, "../x", 8, "t"]), wrong);
    assert_eq!(claim(&mut codec, frame![1, 17, "", 8, "t"]), wrong);
    // A spoofed talk is still from the session's user: the machine decides with the claim.
    let said = heard(&mut codec, frame![1, 1, "8", "9", 5]).unwrap();
    assert_eq!(said.claim, Claim::Other(user("8")));
    assert!(matches!(said.packet, ClientPacket::Talk(talk) if talk.from == user("7")));

    let early = Codec::new(Dialect::VoicePing).decode_client(frame![1, 17, 7, 8, "t"], &mut Vec::new());
    assert_eq!(early, Err(DecodeError::OutOfPlace { origin: 17 }));
}

#[test]
fn slots_hold_what_they_may() {
    // VP-FRAME-2, VP-ID-1.
    let refused = |at, frame: Bytes| {
        assert_eq!(Frame::decode(frame).err(), Some(DecodeError::Malformed { at }));
    };
    let nil = || rmpv::Value::Nil;
    for id in [nil(), true.into(), 1.5.into(), (-1).into(), rmpv::Value::Array(vec![]), (1_u64 << 31).into()]
    {
        refused("from", frame![1, 17, id.clone(), "b", "t"]);
        refused("to", frame![1, 17, "a", id, "t"]);
    }
    assert!(Frame::decode(frame![1, 17, 2_147_483_647, 1, "t"]).is_ok());
    refused("to", frame![1, 17, "a"]);
    refused("to", frame![1, 17, "a", 0, "t"]);
    for kind in [4, 5, 19, 25] {
        for frame in [frame![1, kind, "a"], frame![1, kind, "a", 0], frame![1, kind, "a", nil(), "p"]] {
            assert!(Frame::decode(frame).is_ok());
        }
    }
    refused("kind", frame![1, "17", "a", "b", "t"]);
    refused("kind", frame![1, 1.0, "a", "b", "t"]);
    refused("channel", frame!["1", 17, "a", "b", "t"]);
    refused("message id", frame![1, 17, "a", "b", 5, "t"]);
    refused("payload", Bytes::from_static(b"\x95\x01\x11\xa1a\xa1b\xa1\xff"));
    refused("from", Bytes::from_static(b"\x95\x01\x11\xa1\xff\xa1b\xa1t"));
    let ext = |kind, bytes: &[u8]| frame![1, 1, "a", "b", rmpv::Value::Ext(kind, bytes.to_vec())];
    assert_eq!(Frame::decode(ext(0, &[0])).unwrap().payload(), Value::Nil);
    assert_eq!(Frame::decode(ext(0, &[0, 0, 0, 0, 0, 0, 0, 5])).unwrap().payload(), Value::Date(5));
    for (kind, bytes) in [(0, &[1][..]), (1, &[0]), (1, &[0; 8]), (-1, &[0; 4]), (0, &[0; 16]), (0, &[0; 3])]
    {
        refused("payload", ext(kind, bytes));
        let nested = rmpv::Value::Array(vec![rmpv::Value::Ext(kind, bytes.to_vec())]);
        refused("payload", frame![1, 1, "a", "b", nested]);
    }
    // An empty message id is none, as for the clients.
    let empty = Frame::decode(frame![1, 1, "a", "b", "", 5]).unwrap();
    assert_eq!((empty.message_id(), empty.payload()), (None, Value::Uint(5)));
}

#[test]
fn every_kind_is_answered_as_a_value() {
    // VP-KIND-1, MISSION V9.
    for kind in 0..32_u32 {
        for channel in [0, 1] {
            let read = alice_says(frame![channel, kind, "acme_alice", "acme_bob", "p"]);
            match kind {
                1..=4 | 17 | 18 | 23 | 25 => assert!(read.is_ok(), "{kind} {read:?}"),
                15 | 16 if channel == 0 => assert!(read.is_ok(), "{kind} {read:?}"),
                20 | 21 => assert_eq!(read, Err(DecodeError::Field { origin: kind, field: "payload" })),
                0..28 => assert_eq!(read, Err(DecodeError::Unsupported { origin: kind })),
                _ => assert_eq!(read, Err(DecodeError::Unknown { origin: kind })),
            }
        }
    }
    let fault = DecodeError::Unsupported { origin: 19 }.fault();
    assert_eq!((fault.kind, fault.origin), (FaultKind::Unsupported, 19));
}

#[test]
fn push_tokens_and_heartbeats() {
    // VP-PUSH-1, VP-PING-1.
    let said = |token| ClientPacket::PushToken(PushToken { id: None, service: String::new(), token });
    let token = said(Some(Bytes::from_static(b"push-device-token")));
    assert_eq!(alice_says(golden("connection_5elem")), Ok(token));
    assert_eq!(alice_says(frame![0, 4, "acme_alice", "", ""]), Ok(said(None)), "taken back");
    let mut heard = Vec::new();
    codec("acme_alice").decode_client(golden("android_connection_3elem"), &mut heard).unwrap();
    assert_eq!(heard, [], "an app that opens without a token says nothing");
    for (name, number) in [("connection_test_private", 1), ("connection_test_group", 2)] {
        let ClientPacket::Ping(ping) = alice_says(golden(name)).unwrap() else { panic!() };
        let frames = written(&mut codec("acme_alice"), &ServerPacket::Pong { ping, at: STAMP });
        assert_eq!(frames, [frame![1, 26, 0, "acme_alice", format!("ping-{number}")]]);
    }
    let pong = ServerPacket::Pong { ping: Ping::default(), at: STAMP };
    assert_eq!(written(&mut codec("a"), &pong), [frame![1, 26, 0, "a", rmpv::Value::Nil]]);
}

#[test]
fn goodbye_and_silence() {
    // VP-BYE-1: the only goodbye with a word.
    let mut alice = codec("acme_alice");
    let by = Some(DeviceName::new("devZ").unwrap());
    let replaced = ServerPacket::Bye(CloseReason::Replaced { by });
    assert_eq!(written(&mut alice, &replaced), [golden("login_duplicated")]);
    for packet in [
        ServerPacket::Bye(CloseReason::Replaced { by: None }),
        ServerPacket::Bye(CloseReason::Idle),
        ServerPacket::Rejected { client_ref: None, to: None, reason: Reject::Busy, retry_after_ms: None },
        ServerPacket::Noted(Noted::Disposed(Offset(1))),
        ServerPacket::Noted(Noted::Joined(GroupId::new("acme_team").unwrap())),
        ServerPacket::Noted(Noted::Left(GroupId::new("acme_team").unwrap())),
        ServerPacket::Fault(Fault { kind: FaultKind::Malformed, origin: 0, details: "x".into() }),
    ] {
        assert!(written(&mut alice, &packet).is_empty(), "{packet:?}");
    }
    // What cannot be put into a frame leaves none behind.
    let mut frames = Frames::new();
    let broken = Talk { from: user("a"), to: to_user("b"), act: start(b"\xa5two") };
    let refused = alice.encode_server(&ServerPacket::Talk(broken), &mut frames);
    assert_eq!(refused, Err(EncodeError::Unsayable { field: "payload" }));
    assert!(frames.is_empty());
}

fn team() -> GroupId {
    GroupId::new("acme_team").unwrap()
}

#[test]
fn groups_are_joined_and_left() {
    // VP-GROUP-1, MISSION V8.
    let mut alice = codec("acme_alice");
    let join = heard(&mut alice, golden("join_group")).unwrap();
    assert_eq!(join, Said { claim: Claim::Own, origin: 15, packet: ClientPacket::Join(team()) });
    let leave = heard(&mut alice, golden("leave_group")).unwrap();
    assert_eq!(leave, Said { claim: Claim::Own, origin: 16, packet: ClientPacket::Leave(team()) });
    for (packet, name) in [(join.packet, "join_group"), (leave.packet, "leave_group")] {
        let mut frames = Frames::new();
        alice.encode_client(&packet, &mut frames).unwrap();
        assert_eq!(frames.drain().collect::<Vec<_>>(), [golden(name)]);
    }
    // Group 18 is group "18".
    let by_number = heard(&mut codec("1"), golden("join_group_num")).unwrap();
    assert_eq!(by_number.packet, ClientPacket::Join(GroupId::new("18").unwrap()));

    // Slot 2 is not looked at, whatever it holds: the connection's user counts.
    let nobody = [
        rmpv::Value::Nil,
        rmpv::Value::Ext(0, vec![0]),
        0.into(),
        "".into(),
        "acme_bob".into(),
        "../x".into(),
        (-1).into(),
        u64::MAX.into(),
        true.into(),
        1.5.into(),
        rmpv::Value::Array(vec![1.into(), "a".into()]),
        rmpv::Value::Binary(b"acme_alice".to_vec()),
    ];
    for from in nobody {
        for kind in [15, 16] {
            let said = heard(&mut alice, frame![0, kind, from.clone(), "acme_team"]).unwrap();
            assert_eq!(said.claim, Claim::Own, "{from}");
            assert!(matches!(said.packet, ClientPacket::Join(it) | ClientPacket::Leave(it) if it == team()));
        }
        // Elsewhere it is looked at.
        let text = heard(&mut alice, frame![0, 17, from, "acme_team", "t"]);
        assert!(text.is_err() || text.is_ok_and(|said| said.claim != Claim::Own));
    }
    // What follows the group means nothing.
    for frame in
        [frame![0, 15, "acme_alice", "acme_team", "p"], frame![0, 15, "acme_alice", "acme_team", "m", 5]]
    {
        assert_eq!(alice_says(frame), Ok(ClientPacket::Join(team())));
    }
    for frame in
        [frame![0, 15, "acme_alice"], frame![0, 15, "acme_alice", rmpv::Value::Nil], frame![0, 15, "a", 0]]
    {
        assert_eq!(alice_says(frame), Err(DecodeError::Malformed { at: "to" }));
    }
    let no_group = frame![0, 16, "acme_alice", "a/b"];
    assert_eq!(alice_says(no_group), Err(DecodeError::Field { origin: 16, field: "to" }));
    let cut_off = Bytes::from_static(b"\x94\x00\x0f\xa9acme");
    assert_eq!(alice_says(cut_off), Err(DecodeError::Malformed { at: "from" }));
    // Between two users there is nothing to join.
    for kind in [15, 16] {
        let private = alice_says(frame![1, kind, "acme_alice", "acme_team"]);
        assert_eq!(private, Err(DecodeError::Unsupported { origin: kind }));
    }
}

#[test]
fn strangers_are_told_so() {
    // VP-GROUP-2, MISSION V8.
    let mut alice = codec("acme_alice");
    let barred = |reason| ServerPacket::Noted(Noted::Barred { group: team(), reason, retry_after_ms: None });
    for reason in [Reject::NotMember, Reject::Full] {
        assert_eq!(written(&mut alice, &barred(reason)), [golden("unauthorized_group")]);
    }
    let rejected = |to, reason| ServerPacket::Rejected { client_ref: None, to, reason, retry_after_ms: None };
    let foreign = rejected(Some(group("acme_team")), Reject::NotMember);
    assert_eq!(written(&mut alice, &foreign), [golden("unauthorized_group")]);
    for silent in [
        // A member who joins once more, or leaves, while the store takes nothing, is a member.
        barred(Reject::Unavailable),
        barred(Reject::Busy),
        rejected(Some(group("acme_team")), Reject::Unavailable),
        rejected(Some(to_user("acme_bob")), Reject::NotMember),
        rejected(None, Reject::NotMember),
    ] {
        assert!(written(&mut alice, &silent).is_empty(), "{silent:?}");
    }
    // In numbers, where the client writes them.
    let mut one = codec("1");
    heard(&mut one, golden("join_group_num")).unwrap();
    let group = GroupId::new("18").unwrap();
    let barred_18 = Noted::Barred { group, reason: Reject::NotMember, retry_after_ms: None };
    assert_eq!(
        written(&mut one, &ServerPacket::Noted(barred_18)),
        [frame![0, 27, 1, 18, "Unauthorized Group"]]
    );

    // A client reads what is said, and no more: kind 27 has one reason, kind 8 has none but busy.
    let heard_of = |packet: &ServerPacket| {
        let mut heard = Vec::new();
        for frame in written(&mut codec("acme_alice"), packet) {
            codec("acme_alice").decode_server(frame, &mut heard).unwrap();
        }
        heard
    };
    let denied = |reason| ServerPacket::Floor(Floor::Denied { to: self::group("acme_team"), reason });
    assert_eq!(heard_of(&foreign), [barred(Reject::NotMember)]);
    assert_eq!(heard_of(&barred(Reject::Full)), [barred(Reject::NotMember)]);
    assert_eq!(
        heard_of(&denied(Reject::NotMember)),
        [barred(Reject::NotMember), denied(Reject::Unsupported)]
    );
}

#[test]
fn groups_hear_what_is_said_in_them() {
    // VP-GROUP-3, MISSION V8: texts, images and talks name the group, whoever reads them.
    let text = ClientPacket::Send(Draft {
        client_ref: None,
        to: group("acme_team"),
        client_time: None,
        body: draft_body(golden("text_group_json")),
    });
    assert_eq!(alice_says(golden("text_group_json")), Ok(text.clone()));
    let ClientPacket::Send(draft) = text else { unreachable!() };
    let packet = deliver("acme_alice", draft.to, draft.body);
    let json = r#"{"message_id":"0_17_acme_team_acme_alice_1763652000000.txt","text":"grp"}"#;
    let expected = [frame![0, 17, "acme_alice", "acme_team", json]];
    assert_eq!(written(&mut codec("acme_bob"), &packet), expected);
    // Another device of the author reads it as everybody else does.
    assert_eq!(written(&mut codec("acme_alice"), &packet), expected);

    // MISSION V7: live, the payload keeps its type, and sound is verbatim, between numbers too.
    let ClientPacket::Talk(talk) = alice_says(golden("start_group_str")).unwrap() else { panic!() };
    assert_eq!(talk.to, group("acme_team"));
    assert_eq!(written(&mut codec("acme_bob"), &ServerPacket::Talk(talk)), [golden("start_group_str")]);
    let ClientPacket::Talk(talk) = heard(&mut codec("1"), golden("audio_group_num")).unwrap().packet else {
        panic!()
    };
    let mut two = codec("2");
    heard(&mut two, frame![0, 15, 2, 18]).unwrap();
    assert_eq!(written(&mut two, &ServerPacket::Talk(talk)), [golden("audio_group_num")]);

    // VP-TALK-4: a talk to a group ends as one between two does.
    let recorded = body(BodyKind::Voice { duration_ms: 3120 }, Form::Opaque, b"");
    let frames = written(&mut codec("acme_bob"), &deliver("acme_alice", group("acme_team"), recorded));
    let json = r#"{"message_id":"0_3_acme_team_acme_alice_1763652000000_3120ms.opus","duration":3120}"#;
    assert_eq!(frames, [frame![0, 2, "acme_alice", "acme_team", json]]);
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "a Shared was used with the packet of another")]
fn what_is_shared_belongs_to_one_packet() {
    let shared = Shared::new();
    for text in ["one", "another"] {
        let packet = deliver("acme_alice", group("acme_team"), Body::text(text));
        codec("acme_bob").encode_shared(&packet, &shared, &mut Frames::new()).unwrap();
    }
}
