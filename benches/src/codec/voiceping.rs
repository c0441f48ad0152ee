//! The msgpack dialect.

use std::hint::black_box;
use std::sync::Arc;

use bimip_codec::voiceping::{Frame, FrameBuilder, IdText, Kind, Value};
use bimip_codec::{Codec, Dialect, Frames};
use bimip_proto::{
    Address, Body, BodyKind, Channel, ClientRef, Device, DeviceName, Entry, Floor, Form, Head, IdError,
    Message, MessageId, Offset, Receipt, Row, Seq, ServerPacket, Status, Talk, TalkAct, UnixMs, UserId,
};
use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;

use super::{Measured, table};
use crate::micro::{Case, measure};
use crate::report::{Report, goal};

const ME: &str = "acme_alice";
const PEER: &str = "acme_bob";
const ALIAS: &str = "1_17_acme_bob_acme_alice_1763652000000.txt";
const TEXT: &str = r#"{"text":"on my way, twelve minutes out; the gate code is 4711"}"#;

/// Limits that end the program.
const DECODE_NS: f64 = 60.0;
/// Goals that do not.
const GOAL_NS: f64 = 40.0;

/// Five elements with bytes, as plain serde sees them.
type Plain5Bytes = (u8, u8, String, String, ByteBuf);
type Plain5 = (u8, u8, String, String, String);
type Plain4 = (u8, u8, String, String);
type Plain6 = (u8, u8, String, String, String, String);

pub(super) fn run(rounds: usize, report: &mut Report) {
    let decoded: Vec<Measured> = frames().into_iter().map(|sample| sample.decode(rounds)).collect();
    report.say("### VoicePing, a client's frame is read");
    let ways = [
        ("memcpy", "memcpy"),
        ("frame", "`Frame::decode`"),
        ("codec", "`Codec::decode_client`"),
        ("serde", "rmp-serde, owned"),
    ];
    report.table(&table(&decoded, &ways, Some(("codec", "serde", "codec / serde"))));
    check(&decoded, report);

    let encoded: Vec<Measured> = packets().into_iter().map(|sample| sample.encode(rounds)).collect();
    report.say("### VoicePing, a server's packet is written");
    let ways = [
        ("memcpy", "memcpy"),
        ("builder", "`FrameBuilder`"),
        ("codec", "`Codec::encode_server`"),
        ("serde", "rmp-serde, owned"),
    ];
    report.table(&table(&encoded, &ways, Some(("codec", "serde", "codec / serde"))));
    let audio: Vec<(String, f64)> =
        decoded
            .iter()
            .filter(|one| one.frame == "audio")
            .flat_map(|one| one.costs.iter().map(|cost| (format!("read, {}", cost.name), cost.ns.median)))
            .chain(encoded.iter().filter(|one| one.frame == "audio").flat_map(|one| {
                one.costs.iter().map(|cost| (format!("write, {}", cost.name), cost.ns.median))
            }))
            .collect();
    report.bars("a frame of audio, ns", &audio);
    let reached = |measured: &[Measured], way| {
        measured.iter().find(|one| one.frame == "audio").is_some_and(|one| one.ns(way) <= GOAL_NS)
    };
    report.say(&format!(
        "Goals for audio: read ≤ {GOAL_NS:.0} ns: {}; write ≤ {GOAL_NS:.0} ns: {}.",
        goal(reached(&decoded, "frame")),
        goal(reached(&encoded, "codec")),
    ));
}

/// The hard limits of reading a frame.
fn check(decoded: &[Measured], report: &mut Report) {
    for one in decoded {
        let Some(cost) = one.cost("frame") else { continue };
        if cost.allocs > 0.0 {
            report.fail(format!("Frame::decode of {} allocates {} times", one.frame, cost.allocs));
        }
        // A busy machine makes some rounds slow, none fast.
        if one.frame == "audio" && cost.ns.min > DECODE_NS {
            let ns = cost.ns.min;
            report.fail(format!("Frame::decode of audio takes {ns:.0} ns at best, over {DECODE_NS:.0} ns"));
        }
    }
}

// ---- reading ----------------------------------------------------------------------------------------------

struct Sample {
    name: &'static str,
    bytes: Bytes,
    serde: fn(&[u8]),
}

/// Reads a frame with plain serde, into values that own what they hold.
fn plain<T: DeserializeOwned>(bytes: &[u8]) {
    black_box(rmp_serde::from_slice::<T>(bytes).ok());
}

fn frame<'a>(kind: Kind) -> FrameBuilder<'a> {
    FrameBuilder::new(Channel::Private, kind, IdText::Text(ME)).to(IdText::Text(PEER))
}

fn frames() -> Vec<Sample> {
    let audio = [0x5a_u8; 60];
    let ids = format!("[\"{ALIAS}\"]");
    let sample =
        |name, frame: FrameBuilder<'_>, serde: fn(&[u8])| Sample { name, bytes: frame.build(), serde };
    vec![
        sample("audio", frame(Kind::Audio).payload(Value::Bin(&audio)), plain::<Plain5Bytes>),
        sample("start", frame(Kind::Start).payload(Value::Str("hello")), plain::<Plain5>),
        sample("stop", frame(Kind::Stop), plain::<Plain4>),
        sample("text", frame(Kind::Text).payload(Value::Str(TEXT)), plain::<Plain5>),
        sample("delivered", frame(Kind::Delivered).payload(Value::Str(&ids)), plain::<Plain5>),
        sample("read", frame(Kind::Read).payload(Value::Str(ALIAS)), plain::<Plain5>),
    ]
}

impl Sample {
    fn decode(self, rounds: usize) -> Measured {
        let mut codec = Codec::new(Dialect::VoicePing);
        codec.signed_in(&device(ME));
        let mut out = Vec::with_capacity(1);
        let bytes = &self.bytes;
        // Reading alone: counting who shares the bytes belongs to the socket that they came from.
        let unshared = Bytes::from_static(Box::leak(bytes.to_vec().into_boxed_slice()));
        let cases = vec![
            memcpy(bytes),
            Case::new("frame", || drop(black_box(Frame::decode(black_box(&unshared).clone())))),
            Case::new("codec", move || {
                codec.decode_client(black_box(bytes).clone(), &mut out).expect("a frame made for this");
                black_box(&out);
                out.clear();
            }),
            Case::new("serde", || (self.serde)(black_box(bytes))),
        ];
        Measured { frame: self.name, bytes: bytes.len(), costs: measure(cases, rounds) }
    }
}

fn memcpy(bytes: &Bytes) -> Case<'_> {
    let mut copy = BytesMut::zeroed(bytes.len());
    Case::new("memcpy", move || {
        copy.copy_from_slice(black_box(bytes));
        black_box(&copy);
    })
}

// ---- writing ----------------------------------------------------------------------------------------------

/// Writes one value with plain serde.
type Plainly = Box<dyn Fn(&mut Vec<u8>)>;

struct Packet {
    name: &'static str,
    packet: ServerPacket,
    /// Writes the same with the builder, where no text has to be made for it.
    builder: Option<fn(&mut BytesMut)>,
    serde: Plainly,
}

/// Writes a value with plain serde, into a buffer that is used again.
fn plainly<T: Serialize + 'static>(value: T) -> Plainly {
    Box::new(move |to| rmp_serde::encode::write(to, black_box(&value)).expect("a vector takes everything"))
}

fn packets() -> Vec<Packet> {
    let (me, peer, alias) = (ME.to_owned(), PEER.to_owned(), ALIAS.to_owned());
    let audio =
        FrameBuilder::new(Channel::Private, Kind::Audio, IdText::Text(ME)).payload(Value::Bin(&[0x5a; 60]));
    let payload = Frame::decode(audio.to(IdText::Text(PEER)).build()).map(|frame| frame.payload_raw());
    let payload = payload.expect("a frame made for this");
    let acknowledged = "Acknowledged".to_owned();
    let with_id = TEXT.replacen('{', &format!("{{\"message_id\":\"{ALIAS}\","), 1);
    let talk = |act| ServerPacket::Talk(Talk { from: user(ME), to: Address::User(user(PEER)), act });
    vec![
        Packet {
            name: "audio",
            packet: talk(TalkAct::Audio { label: None, payload }),
            builder: Some(|to| frame(Kind::Audio).payload(Value::Bin(&[0x5a; 60])).write(to)),
            serde: plainly::<Plain5Bytes>((1, 3, me.clone(), peer.clone(), ByteBuf::from([0x5a; 60]))),
        },
        Packet {
            name: "start answer",
            packet: ServerPacket::Floor(Floor::Granted {
                to: Address::User(user(PEER)),
                label: None,
                payload: Bytes::from_static(b"\xa5hello"),
            }),
            builder: Some(|to| frame(Kind::StartAck).payload(Value::Str("hello")).write(to)),
            serde: plainly::<Plain5>((1, 6, me.clone(), peer.clone(), "hello".to_owned())),
        },
        Packet {
            name: "stop answer",
            packet: ServerPacket::Floor(Floor::Ended { head: head(BodyKind::Voice { duration_ms: 3_120 }) }),
            builder: None,
            serde: plainly::<Plain6>((1, 7, me.clone(), peer.clone(), alias.clone(), acknowledged.clone())),
        },
        Packet {
            name: "text",
            packet: deliver(Entry::Message(message(BodyKind::Text))),
            builder: None,
            serde: plainly::<Plain5>((1, 17, me.clone(), peer.clone(), with_id)),
        },
        Packet {
            name: "text answer",
            packet: ServerPacket::Accepted {
                client_ref: None,
                head: head(BodyKind::Text),
                offset: Offset(7),
            },
            builder: None,
            serde: plainly::<Plain6>((1, 22, me.clone(), peer.clone(), alias.clone(), acknowledged)),
        },
        Packet {
            name: "delivered",
            packet: deliver(Entry::Receipt(Receipt {
                by: device(ME),
                status: Status::Delivered,
                at: UnixMs(1_763_652_000_000),
                messages: vec![head(BodyKind::Text).names()],
            })),
            builder: Some(|to| frame(Kind::Delivered).payload(Value::Str(ALIAS)).write(to)),
            serde: plainly::<Plain5>((1, 20, me, peer, alias)),
        },
    ]
}

impl Packet {
    fn encode(self, rounds: usize) -> Measured {
        let mut codec = Codec::new(Dialect::VoicePing);
        codec.signed_in(&device(PEER));
        let mut frames = Frames::new();
        codec.encode_server(&self.packet, &mut frames).expect("a packet of this dialect");
        let bytes = frames.drain().next().expect("a packet that writes a frame");
        let (mut built, mut plain) = (BytesMut::with_capacity(4_096), Vec::with_capacity(4_096));
        let packet = &self.packet;
        let mut cases = vec![
            memcpy(&bytes),
            Case::new("codec", move || {
                codec.encode_server(black_box(packet), &mut frames).expect("a packet of this dialect");
                for frame in frames.drain() {
                    drop(black_box(frame));
                }
            }),
            Case::new("serde", || {
                plain.clear();
                (self.serde)(&mut plain);
                black_box(&plain);
            }),
        ];
        if let Some(build) = self.builder {
            cases.push(Case::new("builder", move || {
                built.clear();
                build(&mut built);
                black_box(&built);
            }));
        }
        Measured { frame: self.name, bytes: bytes.len(), costs: measure(cases, rounds) }
    }
}

fn user(name: &str) -> UserId {
    made(UserId::new(name))
}

fn device(name: &str) -> Device {
    Device::new(user(name), made(DeviceName::new("voiceping")))
}

fn made<T>(id: Result<T, IdError>) -> T {
    id.expect("a constant that is an id")
}

fn head(kind: BodyKind) -> Head {
    Head {
        id: MessageId::new(1, 77),
        from: device(ME),
        to: Address::User(user(PEER)),
        client_ref: Some(made(ClientRef::new("c-1"))),
        client_time: None,
        at: UnixMs(1_763_652_000_000),
        stamp: UnixMs(1_763_652_000_000),
        seq: Seq(77),
        kind,
    }
}

fn message(kind: BodyKind) -> Message {
    let body = Body { kind, form: Form::Json, bytes: Bytes::from_static(TEXT.as_bytes()), seal: None };
    Message { head: head(kind), body }
}

fn deliver(entry: Entry) -> ServerPacket {
    ServerPacket::Deliver(Row { prev: Offset(6), offset: Offset(7), entry: Arc::new(entry) })
}
