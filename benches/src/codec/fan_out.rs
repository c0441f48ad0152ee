//! One packet for many connections: what each of them costs.

use std::hint::black_box;
use std::sync::Arc;

use bimip_codec::{Codec, Dialect, Frames, Shared};
use bimip_proto::{
    Address, Body, BodyKind, ClientRef, Device, DeviceName, Entry, Form, GroupId, Head, IdError, Message,
    MessageId, Offset, Row, Seq, ServerPacket, Talk, TalkAct, UnixMs, UserId,
};
use bytes::Bytes;

use super::{Measured, table};
use crate::load::frames::Draft;
use crate::micro::{Case, measure};
use crate::report::Report;

/// Who gets each packet.
const READERS: usize = 500;
const ME: &str = "acme_alice";
const READER: &str = "acme_bob";

pub(super) fn run(rounds: usize, report: &mut Report) {
    let measured: Vec<Measured> = [
        ("VoicePing, message", Dialect::VoicePing, message()),
        ("VoicePing, audio", Dialect::VoicePing, audio()),
        ("bimip.v1, message", Dialect::Scheme, message()),
    ]
    .into_iter()
    .map(|(name, dialect, packet)| encode(name, dialect, &packet, rounds))
    .collect();
    report.say(&format!("### To a group of {READERS}, for each reader"));
    let ways =
        [("memcpy", "memcpy"), ("plain", "`Codec::encode_server`"), ("shared", "`Codec::encode_shared`")];
    report.table(&table(&measured, &ways, Some(("shared", "plain", "shared / plain"))));
}

fn encode(name: &'static str, dialect: Dialect, packet: &ServerPacket, rounds: usize) -> Measured {
    let (mut plain, mut sharing) = (codec(dialect), codec(dialect));
    let (mut frames, mut written) = (Frames::new(), Frames::new());
    plain.encode_server(packet, &mut frames).expect("a packet of this dialect");
    let frame = frames.drain().next().expect("a packet that writes a frame");
    let mut copy = frame.to_vec();
    let from = frame.clone();
    let (mut shared, mut readers) = (Shared::new(), 0);
    let cases = vec![
        Case::new("memcpy", move || {
            copy.copy_from_slice(black_box(&from));
            black_box(&copy);
        }),
        Case::new("plain", move || {
            plain.encode_server(black_box(packet), &mut frames).expect("a packet of this dialect");
            for frame in frames.drain() {
                drop(black_box(frame));
            }
        }),
        Case::new("shared", move || {
            if readers == READERS {
                (shared, readers) = (Shared::new(), 0);
            }
            readers += 1;
            sharing
                .encode_shared(black_box(packet), &shared, &mut written)
                .expect("a packet of this dialect");
            for frame in written.drain() {
                drop(black_box(frame));
            }
        }),
    ];
    Measured { frame: name, bytes: frame.len(), costs: measure(cases, rounds) }
}

fn codec(dialect: Dialect) -> Codec {
    let mut codec = Codec::new(dialect);
    codec.signed_in(&device(READER));
    codec
}

fn message() -> ServerPacket {
    let kind = BodyKind::Text;
    let head = Head {
        id: MessageId::new(0x5a5a_5a5a, 77),
        from: device(ME),
        to: team(),
        client_ref: Some(made(ClientRef::new("m0000000000000077"))),
        client_time: Some(UnixMs(1_763_652_000_000)),
        at: UnixMs(1_763_652_000_123),
        stamp: UnixMs(1_763_652_000_123),
        seq: Seq(77),
        kind,
    };
    let body = Body { kind, form: Form::Json, bytes: Draft::body(77, 0).into(), seal: None };
    let entry = Arc::new(Entry::Message(Message { head, body }));
    ServerPacket::Deliver(Row { prev: Offset(6), offset: Offset(7), entry })
}

fn audio() -> ServerPacket {
    // 60 bytes, as a msgpack value.
    let payload = Bytes::from([&[0xc4, 60][..], &[0x5a; 60]].concat());
    let act = TalkAct::Audio { label: None, payload };
    ServerPacket::Talk(Talk { from: device(ME).user, to: team(), act })
}

fn team() -> Address {
    Address::Group(made(GroupId::new("acme_team")))
}

fn device(user: &str) -> Device {
    Device::new(made(UserId::new(user)), made(DeviceName::new("phone")))
}

fn made<T>(id: Result<T, IdError>) -> T {
    id.expect("a constant that is an id")
}
