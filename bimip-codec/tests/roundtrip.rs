//! Whatever a dialect can say survives the wire, and whatever comes over the wire is survived.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "roundtrip/any.rs"]
mod any;
#[path = "roundtrip/chat.rs"]
mod chat;
#[path = "roundtrip/events.rs"]
mod events;

use bimip_codec::scheme::v1::MessageScheme;
use bimip_codec::{Codec, DecodeError, Dialect, Frames, Shared};
use bimip_proto::{Claim, ClientPacket, Device, DeviceName, Said, ServerPacket, UserId, limits};
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;

fn codec(dialect: Dialect) -> Codec {
    let mut codec = Codec::new(dialect);
    codec.signed_in(&me());
    codec
}

fn me() -> Device {
    Device::new(UserId::new("acme_me").unwrap(), DeviceName::new("voiceping").unwrap())
}

fn up(dialect: Dialect, packet: &ClientPacket) -> Vec<Said> {
    let (mut client, mut server, mut frames) = (codec(dialect), codec(dialect), Frames::new());
    client.encode_client(packet, &mut frames).unwrap();
    let mut said = Vec::new();
    for frame in frames.drain() {
        server.decode_client(frame, &mut said).unwrap();
    }
    said
}

fn down(dialect: Dialect, packet: &ServerPacket) -> Vec<ServerPacket> {
    let (mut client, mut server, mut frames) = (codec(dialect), codec(dialect), Frames::new());
    server.encode_server(packet, &mut frames).unwrap();
    let mut heard = Vec::new();
    for frame in frames.drain() {
        client.decode_server(frame, &mut heard).unwrap();
    }
    heard
}

/// Feeds bytes to both ends; nothing but the result is of interest.
fn feed(dialect: Dialect, bytes: &Bytes) {
    let mut codec = codec(dialect);
    let mut said = Vec::new();
    if codec.decode_client(bytes.clone(), &mut said).is_err() {
        assert!(said.is_empty(), "a failed decode leaves nothing behind");
    }
    let mut heard = Vec::new();
    if codec.decode_server(bytes.clone(), &mut heard).is_err() {
        assert!(heard.is_empty(), "a failed decode leaves nothing behind");
    }
    // What was understood can be answered or passed on, or is refused as a value.
    let mut frames = Frames::new();
    for packet in &heard {
        let _ = codec.encode_server(packet, &mut frames);
    }
    for said in &said {
        let _ = codec.encode_client(&said.packet, &mut frames);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 512 }))]

    #[test]
    fn voiceping_client_packets_survive(packet in any::voiceping_client(&me())) {
        let said = up(Dialect::VoicePing, &packet);
        prop_assert_eq!(said.len(), 1);
        prop_assert_eq!(&said[0].claim, &Claim::Own);
        prop_assert_eq!(&said[0].packet, &packet);
    }

    #[test]
    fn voiceping_server_packets_survive(packet in any::voiceping_server()) {
        prop_assert_eq!(down(Dialect::VoicePing, &packet), vec![packet]);
    }

    #[test]
    fn scheme_client_packets_survive(packet in any::scheme_client()) {
        let said = up(Dialect::Scheme, &packet);
        prop_assert_eq!(said.len(), 1);
        prop_assert_eq!(&said[0].claim, &Claim::Own);
        prop_assert_eq!(&said[0].packet, &packet);
    }

    #[test]
    fn scheme_server_packets_survive(packet in any::scheme_server()) {
        prop_assert_eq!(down(Dialect::Scheme, &packet), vec![packet]);
    }

    #[test]
    fn event_client_packets_survive(packet in any::scheme_client()) {
        let said = up(Dialect::Events, &packet);
        prop_assert_eq!(said.len(), 1);
        prop_assert_eq!(&said[0].claim, &Claim::Own);
        prop_assert_eq!(&said[0].packet, &events::said(packet));
    }

    #[test]
    fn event_server_packets_survive(packet in any::scheme_server()) {
        prop_assert_eq!(down(Dialect::Events, &packet), vec![events::told(packet)]);
    }

    // MISSION A4
    #[test]
    fn chat_client_packets_survive(packet in any::scheme_client(), body in chat::body()) {
        let packet = match packet {
            ClientPacket::Send(draft) => chat::with(draft, body),
            packet => packet,
        };
        if let Some(expected) = chat::said(&packet) {
            let said = up(Dialect::Chat, &packet);
            prop_assert_eq!(said.len(), 1);
            prop_assert_eq!(&said[0].claim, &Claim::Own);
            prop_assert_eq!(&said[0].packet, &expected);
        } else {
            prop_assert!(!matches!(packet, ClientPacket::Send(_)), "all of these have words");
        }
    }

    // MISSION A4
    #[test]
    fn chat_server_packets_say_what_there_are_words_for(packet in any::scheme_server(), body in chat::body()) {
        let packet = chat::possible(packet);
        let heard = down(Dialect::Chat, &packet);
        prop_assert!(chat::is_told(&packet, &heard), "{heard:?}");
        for once in heard {
            prop_assert_eq!(down(Dialect::Chat, &once), vec![once]);
        }
        if let Some(whole) = chat::row_with(&packet, &body) {
            prop_assert_eq!(down(Dialect::Chat, &whole), vec![whole]);
        }
    }

    #[test]
    fn damaged_chat_is_survived(
        packet in any::scheme_client(), answer in any::scheme_server(), damage in any::damage(),
    ) {
        let (mut codec, mut frames) = (codec(Dialect::Chat), Frames::new());
        let _ = codec.encode_client(&packet, &mut frames);
        codec.encode_server(&answer, &mut frames).unwrap();
        for frame in frames.drain() {
            feed(Dialect::Chat, &damage.apply(&frame));
        }
    }

    #[test]
    fn damaged_events_are_survived(
        packet in any::scheme_client(), answer in any::scheme_server(), damage in any::damage(),
    ) {
        for frame in written(Dialect::Events, &packet, &answer) {
            feed(Dialect::Events, &damage.apply(&frame));
        }
    }

    #[test]
    fn any_text_is_survived(text: String) {
        feed(Dialect::Events, &Bytes::from(text.clone()));
        feed(Dialect::Chat, &Bytes::from(text));
    }

    #[test]
    fn what_is_shared_is_what_each_would_be_written(
        packet in any_packet(), readers in proptest::collection::vec(any::reader(), 1..12),
    ) {
        // VP-GROUP-4.
        let (shared, mut frames, mut plain) = (Shared::new(), Frames::new(), Frames::new());
        for reader in readers {
            let packet = reader.place(&packet);
            let mut codec = reader.codec();
            let written = codec.encode_shared(&packet, &shared, &mut frames);
            prop_assert_eq!(written, codec.encode_server(&packet, &mut plain));
            // To the byte, so that they are read alike.
            let (written, alone): (Vec<_>, Vec<_>) = (frames.drain().collect(), plain.drain().collect());
            prop_assert_eq!(written, alone);
        }
    }

    #[test]
    fn scheme_frames_are_those_of_the_generated_code(packet in any_packet()) {
        let mut frames = Frames::new();
        if codec(Dialect::Scheme).encode_server(&packet, &mut frames).is_ok() {
            for frame in frames.drain() {
                let read = MessageScheme::decode(frame.clone()).unwrap();
                prop_assert_eq!(read.encode_to_vec(), frame);
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        feed(Dialect::VoicePing, &bytes);
        feed(Dialect::Scheme, &bytes);
        feed(Dialect::Events, &bytes);
        feed(Dialect::Chat, &bytes);
    }

    #[test]
    fn msgpack_is_read_as_others_read_it(bytes in any::frame_like()) {
        // A frame of ours is one whole value to another reader.
        if bimip_codec::voiceping::Frame::decode(bytes.clone().into()).is_ok() {
            let mut rest = bytes.as_slice();
            prop_assert!(rmpv::decode::read_value(&mut rest).is_ok());
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn damaged_voiceping_frames_are_survived(
        packet in any::voiceping_client(&me()), answer in any::voiceping_server(),
        damage in any::damage(),
    ) {
        for frame in written(Dialect::VoicePing, &packet, &answer) {
            feed(Dialect::VoicePing, &damage.apply(&frame));
        }
    }

    #[test]
    fn damaged_scheme_frames_are_survived(
        packet in any::scheme_client(), answer in any::scheme_server(), damage in any::damage(),
    ) {
        for frame in written(Dialect::Scheme, &packet, &answer) {
            feed(Dialect::Scheme, &damage.apply(&frame));
        }
    }
}

/// Of either dialect: what came in one is written in both.
fn any_packet() -> impl Strategy<Value = ServerPacket> {
    prop_oneof![any::voiceping_server(), any::scheme_server()]
}

fn written(dialect: Dialect, packet: &ClientPacket, answer: &ServerPacket) -> Vec<Bytes> {
    let (mut codec, mut frames) = (codec(dialect), Frames::new());
    codec.encode_client(packet, &mut frames).unwrap();
    codec.encode_server(answer, &mut frames).unwrap();
    frames.drain().collect()
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| {
        let mut frame = b"\x95\x01\x11\xa1a\xa1b".to_vec();
        frame.extend(std::iter::repeat_n(0x91, depth));
        frame.push(0xc0);
        bimip_codec::voiceping::Frame::decode(frame.into())
    };
    assert!(nested(limits::DEPTH).is_ok());
    let refused = Some(DecodeError::Malformed { at: "payload" });
    assert_eq!(nested(limits::DEPTH + 1).err(), refused);
    assert_eq!(nested(200_000).err(), refused);

    // Protobuf: a list of empty elements costs fifty times its bytes, so it is never built.
    let list = [&[0x08, 10, 0x52, 0xa0, 0x8d, 0x06][..], &[0x12, 0].repeat(50_000)].concat();
    assert_eq!(list.len(), 6 + 100_000);
    let refused = codec(Dialect::Scheme).decode_client(list.into(), &mut Vec::new());
    assert_eq!(refused, Err(DecodeError::Field { origin: 10, field: "message" }));
}

#[test]
fn lengths_are_claims() {
    for claim in [
        &b"\x95\x01\x11\xa1a\xa1b\xdb\xff\xff\xff\xff"[..],
        b"\x95\x01\x11\xa1a\xa1b\xc6\xff\xff\xff\xff",
        b"\x95\x01\x11\xa1a\xa1b\xdd\xff\xff\xff\xff",
        b"\x95\x01\x11\xa1a\xa1b\xdf\xff\xff\xff\xff",
        b"\x95\x01\x11\xa1a\xdb\xff\xff\xff\xff",
        b"\x96\x01\x11\xa1a\xa1b\xdb\xff\xff\xff\xff",
    ] {
        let refused = codec(Dialect::VoicePing).decode_client(Bytes::from_static(claim), &mut Vec::new());
        assert!(matches!(refused, Err(DecodeError::Malformed { .. })), "{refused:?}");
    }
    for dialect in Dialect::ALL {
        let long = Bytes::from(vec![0; dialect.frame_bytes() + 1]);
        let refused = codec(dialect).decode_client(long.clone(), &mut Vec::new());
        assert!(matches!(refused, Err(DecodeError::TooLong { .. })));
        assert!(matches!(
            codec(dialect).decode_server(long, &mut Vec::new()),
            Err(DecodeError::TooLong { .. })
        ));
    }
}
