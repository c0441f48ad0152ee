//! The protobuf dialect.

use std::hint::black_box;
use std::sync::Arc;

use bimip_codec::scheme::v1::message_scheme::Payload;
use bimip_codec::scheme::v1::{MessageScheme, Signal};
use bimip_codec::{Codec, Dialect, Frames};
use bimip_proto::{
    Address, Body, BodyKind, ClientRef, Device, DeviceName, Entry, Form, Head, IdError, Message, MessageId,
    Noted, Offset, Receipt, Row, Seq, ServerPacket, Status, UnixMs, UserId,
};
use bytes::{Bytes, BytesMut};
use prost::Message as _;

use super::{Measured, table};
use crate::load::frames::{self, Draft};
use crate::micro::{Case, measure};
use crate::report::{Report, goal};

const ME: &str = "acme_alice";
const PEER: &str = "acme_bob";
/// How much more than prost alone the codec may take.
const GOAL: f64 = 1.2;

pub(super) fn run(rounds: usize, report: &mut Report) {
    let decoded: Vec<Measured> =
        samples().into_iter().map(|(name, bytes)| decode(name, &bytes, rounds)).collect();
    let ways = [("memcpy", "memcpy"), ("codec", "`Codec::decode_client`"), ("prost", "prost")];
    report.say("### bimip.v1, a client's frame is read");
    report.table(&table(&decoded, &ways, Some(("codec", "prost", "codec / prost"))));

    let encoded: Vec<Measured> =
        packets().into_iter().map(|(name, packet)| encode(name, &packet, rounds)).collect();
    let ways = [("memcpy", "memcpy"), ("codec", "`Codec::encode_server`"), ("prost", "prost, built before")];
    report.say("### bimip.v1, a server's packet is written");
    report.table(&table(&encoded, &ways, Some(("codec", "prost", "codec / prost"))));
    let bars = |measured: &[Measured], what: &str| -> Vec<(String, f64)> {
        let message = measured.iter().find(|one| one.frame == "message");
        let costs = message.into_iter().flat_map(|one| &one.costs);
        costs.map(|cost| (format!("{what}, {}", cost.name), cost.ns.median)).collect()
    };
    let both: Vec<(String, f64)> =
        bars(&decoded, "read").into_iter().chain(bars(&encoded, "write")).collect();
    report.bars("a message of 150 bytes, ns", &both);
    let reached = |measured: &[Measured]| {
        let message = measured.iter().find(|one| one.frame == "message");
        message.is_some_and(|one| one.ns("codec") <= GOAL * one.ns("prost"))
    };
    report.say(&format!(
        "Goals for a message: read ≤ {GOAL} × prost: {}; write ≤ {GOAL} × prost: {}.",
        goal(reached(&decoded)),
        goal(reached(&encoded)),
    ));
}

fn samples() -> Vec<(&'static str, Bytes)> {
    let message = Draft::new(ME, "phone", PEER).next(77, 0).to_vec();
    let read =
        Signal { status: 3, r#type: 1, signal_id: MessageId::new(1, 77).to_string(), ..Signal::default() };
    vec![
        ("message", message.into()),
        ("dispose", frames::dispose(77).into()),
        ("read", frames::scheme(7, Payload::Signal(read)).into()),
    ]
}

fn decode(name: &'static str, bytes: &Bytes, rounds: usize) -> Measured {
    let mut codec = Codec::new(Dialect::Scheme);
    codec.signed_in(&device(ME, "phone"));
    let mut out = Vec::with_capacity(1);
    let mut copy = BytesMut::zeroed(bytes.len());
    let cases = vec![
        Case::new("memcpy", move || {
            copy.copy_from_slice(black_box(bytes));
            black_box(&copy);
        }),
        Case::new("codec", move || {
            codec.decode_client(black_box(bytes).clone(), &mut out).expect("a frame made for this");
            black_box(&out);
            out.clear();
        }),
        Case::new("prost", || drop(black_box(MessageScheme::decode(black_box(bytes).clone())))),
    ];
    Measured { frame: name, bytes: bytes.len(), costs: measure(cases, rounds) }
}

fn packets() -> Vec<(&'static str, ServerPacket)> {
    let body = Bytes::from(Draft::body(77, 0));
    let body = Body { kind: BodyKind::Text, form: Form::Json, bytes: body, seal: None };
    let message = Entry::Message(Message { head: head(), body });
    let receipt = |messages| {
        Entry::Receipt(Receipt {
            by: device(PEER, "phone"),
            status: Status::Delivered,
            at: UnixMs(1_763_652_000_000),
            messages: vec![head().names(); messages],
        })
    };
    let deliver =
        |entry| ServerPacket::Deliver(Row { prev: Offset(6), offset: Offset(7), entry: Arc::new(entry) });
    vec![
        ("message", deliver(message)),
        (
            "accepted",
            ServerPacket::Accepted { client_ref: head().client_ref, head: head(), offset: Offset(7) },
        ),
        ("receipt of 1", deliver(receipt(1))),
        ("receipt of 32", deliver(receipt(32))),
        ("disposed", ServerPacket::Noted(Noted::Disposed(Offset(7)))),
    ]
}

fn encode(name: &'static str, packet: &ServerPacket, rounds: usize) -> Measured {
    let mut codec = Codec::new(Dialect::Scheme);
    codec.signed_in(&device(PEER, "phone"));
    let mut frames = Frames::new();
    codec.encode_server(packet, &mut frames).expect("a packet of this dialect");
    let written: Vec<Bytes> = frames.drain().collect();
    let bytes: Bytes = written.concat().into();
    let schemes: Vec<MessageScheme> = written
        .iter()
        .map(|frame| MessageScheme::decode(frame.clone()).expect("a frame of this dialect"))
        .collect();
    let (mut copy, mut plain) = (BytesMut::zeroed(bytes.len()), BytesMut::with_capacity(1 << 16));
    let all = bytes.clone();
    let cases = vec![
        Case::new("memcpy", move || {
            copy.copy_from_slice(black_box(&all));
            black_box(&copy);
        }),
        Case::new("codec", move || {
            codec.encode_server(black_box(packet), &mut frames).expect("a packet of this dialect");
            for frame in frames.drain() {
                drop(black_box(frame));
            }
        }),
        Case::new("prost", move || {
            plain.clear();
            for scheme in &schemes {
                black_box(scheme).encode(&mut plain).expect("a buffer that grows");
            }
            black_box(&plain);
        }),
    ];
    Measured { frame: name, bytes: bytes.len(), costs: measure(cases, rounds) }
}

fn made<T>(id: Result<T, IdError>) -> T {
    id.expect("a constant that is an id")
}

fn device(user: &str, name: &str) -> Device {
    Device::new(made(UserId::new(user)), made(DeviceName::new(name)))
}

fn head() -> Head {
    Head {
        id: MessageId::new(0x5a5a_5a5a, 77),
        from: device(ME, "phone"),
        to: Address::User(made(UserId::new(PEER))),
        client_ref: Some(made(ClientRef::new("m0000000000000077"))),
        client_time: Some(UnixMs(1_763_652_000_000)),
        at: UnixMs(1_763_652_000_123),
        stamp: UnixMs(1_763_652_000_123),
        seq: Seq(77),
        kind: BodyKind::Text,
    }
}
