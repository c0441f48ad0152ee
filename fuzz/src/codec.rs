//! Codecs: they read anything without a panic, and what they read they can write.

use bimip_codec::voiceping::{Frame, IdText};
use bimip_codec::{Codec, DecodeError, Dialect, EncodeError, Frames, Shared};
use bimip_proto::{ClientPacket, Device, DeviceName, Said, ServerPacket, UserId};
use bytes::Bytes;

/// Any bytes, as a VoicePing frame of either side.
pub fn decode_voiceping(bytes: &[u8]) {
    decode(Dialect::VoicePing, bytes);
}

/// Any bytes, as a `bimip.v1` frame of either side.
pub fn decode_scheme(bytes: &[u8]) {
    decode(Dialect::Scheme, bytes);
}

/// Any bytes, as a frame of the deployed protobuf layout of either side.
pub fn decode_deployed(bytes: &[u8]) {
    decode(Dialect::Deployed, bytes);
}

/// Any bytes, as a frame of the chat dialect of either side.
pub fn decode_chat(bytes: &[u8]) {
    decode(Dialect::Chat, bytes);
}

/// What can be read in VoicePing can be written and read again, and is the same.
pub fn roundtrip_voiceping(bytes: &[u8]) {
    let Ok(frame) = Frame::decode(Bytes::copy_from_slice(bytes)) else { return };
    let again = Frame::decode(frame.to_builder().build()).expect("a frame that was just written");
    assert_eq!(parts(&frame), parts(&again));
    roundtrip(Dialect::VoicePing, bytes);
}

/// What can be read in `bimip.v1` can be written and read again, and is the same.
pub fn roundtrip_scheme(bytes: &[u8]) {
    roundtrip(Dialect::Scheme, bytes);
}

/// What can be read in the deployed protobuf layout can be written and read again. What a client says is the same; of
/// what a server says that is not asked, since an id may end like the digest that the server takes off.
pub fn roundtrip_deployed(bytes: &[u8]) {
    let dialect = Dialect::Deployed;
    let frame = Bytes::copy_from_slice(bytes);
    let mut said = Vec::new();
    if signed_in(dialect).decode_client(frame.clone(), &mut said).is_ok() {
        for Said { packet, .. } in said {
            // An echo that the server's end asks of the core; no client writes it.
            if !matches!(&packet, ClientPacket::Ping(ping) if ping.id.first().is_none_or(|first| *first == 0))
            {
                client_trip(dialect, &packet);
            }
        }
    }
    let mut heard = Vec::new();
    if signed_in(dialect).decode_server(frame, &mut heard).is_ok() {
        for packet in heard {
            let once = said_by_server(dialect, &packet);
            assert!(once.is_none_or(|once| once.len() == 1), "{packet:?}");
        }
    }
}

/// As text, since a number that is none is not equal to itself.
fn parts(frame: &Frame) -> String {
    // Where no target is needed, number 0 is as good as none.
    let to = frame.to().filter(|to| *to != IdText::Number(0));
    let slots = (frame.channel(), frame.kind(), frame.from(), to, frame.message_id());
    format!("{slots:?} {:?}", frame.payload())
}

fn decode(dialect: Dialect, bytes: &[u8]) {
    for mut codec in [Codec::new(dialect), signed_in(dialect)] {
        let mut said = Vec::new();
        let read = codec.decode_client(Bytes::copy_from_slice(bytes), &mut said);
        judge(read, said.len(), bytes);
        let mut heard = Vec::new();
        // Twice: what one frame leaves behind must not confuse the next.
        for _ in 0..2 {
            let before = heard.len();
            let read = codec.decode_server(Bytes::copy_from_slice(bytes), &mut heard);
            judge(read, heard.len() - before, bytes);
        }
    }
}

/// A frame says something, or nothing and why.
fn judge(read: Result<(), DecodeError>, packets: usize, bytes: &[u8]) {
    assert!(packets <= bytes.len(), "more packets than bytes");
    if let Err(error) = read {
        assert_eq!(packets, 0, "an error, and packets all the same");
        assert!(error.fault().details.len() < 200, "an answer that grows with the frame");
    }
}

fn roundtrip(dialect: Dialect, bytes: &[u8]) {
    let frame = Bytes::copy_from_slice(bytes);
    let mut said = Vec::new();
    if signed_in(dialect).decode_client(frame.clone(), &mut said).is_ok() {
        for Said { packet, .. } in said {
            client_trip(dialect, &packet);
        }
    }
    let mut heard = Vec::new();
    if signed_in(dialect).decode_server(frame, &mut heard).is_ok() {
        for packet in heard {
            server_trip(dialect, &packet);
        }
    }
}

fn client_trip(dialect: Dialect, packet: &ClientPacket) {
    if matches!(packet, ClientPacket::Unfit { .. }) {
        // Not said by a client, but what a codec makes of a draft that it must refuse by name.
        return;
    }
    let mut codec = signed_in(dialect);
    let mut frames = Frames::new();
    match codec.encode_client(packet, &mut frames) {
        Ok(()) => {}
        Err(EncodeError::TooLong { .. }) => return,
        Err(error) => panic!("{error}: {packet:?}"),
    }
    let mut said = Vec::new();
    for frame in frames.drain() {
        codec.decode_client(frame, &mut said).expect("a frame that was just written");
    }
    let said: Vec<ClientPacket> = said.into_iter().map(|said| said.packet).collect();
    if said.is_empty() {
        assert_eq!(*packet, ClientPacket::Delivered(Vec::new()), "only nothing is written as nothing");
    } else {
        assert_eq!(said, std::slice::from_ref(packet));
    }
}

/// What a server says loses what the dialect has no words for: once, and not again.
fn server_trip(dialect: Dialect, packet: &ServerPacket) {
    let Some(once) = said_by_server(dialect, packet) else { return };
    for packet in once {
        let again = said_by_server(dialect, &packet).expect("what was written can be written again");
        assert_eq!(again, [packet]);
    }
}

fn said_by_server(dialect: Dialect, packet: &ServerPacket) -> Option<Vec<ServerPacket>> {
    let mut codec = signed_in(dialect);
    let mut frames = Frames::new();
    match codec.encode_server(packet, &mut frames) {
        Ok(()) => {}
        Err(error) => panic!("{error}: {packet:?}"),
    }
    shared_trip(dialect, packet, &frames);
    let mut heard = Vec::new();
    for frame in frames.drain() {
        match codec.decode_server(frame, &mut heard) {
            Ok(()) => {}
            // Written with more ceremony than it came with, at the edge of the limit.
            Err(DecodeError::TooLong { .. }) => return None,
            Err(error) => panic!("{error}: {packet:?}"),
        }
    }
    Some(heard)
}

/// Whoever writes it first, the next one writes the same.
fn shared_trip(dialect: Dialect, packet: &ServerPacket, alone: &Frames) {
    let shared = Shared::new();
    for _ in 0..2 {
        let mut frames = Frames::new();
        signed_in(dialect).encode_shared(packet, &shared, &mut frames).expect("what one alone can write");
        assert!(frames.iter().eq(alone.iter()), "{packet:?}");
    }
}

fn signed_in(dialect: Dialect) -> Codec {
    let mut codec = Codec::new(dialect);
    let user = UserId::new("acme_alice").expect("a constant");
    codec.signed_in(&Device::new(user, DeviceName::new("phone").expect("a constant")));
    codec
}
