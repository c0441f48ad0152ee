//! As `bimip-session/tests/strangers.rs`, in the bytes of every dialect: what an outsider is sent about what is not theirs is to
//! the byte what they are sent where it is not there.
#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "../../bimip-session/tests/harness/mod.rs"]
mod harness;
#[path = "../../bimip-session/tests/outsiders/mod.rs"]
mod outsiders;

use bimip_codec::{Codec, Dialect, Frames};
use bimip_proto::{Caps, ClientPacket, Device, Said, ServerPacket};
use outsiders::{Mouth, Tally, outsiders_learn_nothing};

/// Both ends of a connection.
#[derive(Debug)]
struct Spoken {
    dialect: Dialect,
    client: Codec,
    server: Codec,
}

impl Spoken {
    fn new(dialect: Dialect) -> Self {
        Self { dialect, client: Codec::new(dialect), server: Codec::new(dialect) }
    }
}

impl Mouth for Spoken {
    fn caps(&self) -> Caps {
        self.dialect.caps()
    }

    fn connect(&mut self, device: &Device) {
        self.client.signed_in(device);
        self.server.signed_in(device);
    }

    fn says(&mut self, packet: &ClientPacket) -> Option<Vec<Said>> {
        let (mut frames, mut said) = (Frames::new(), Vec::new());
        self.client.encode_client(packet, &mut frames).ok()?;
        for frame in frames.drain() {
            self.server.decode_client(frame, &mut said).ok()?;
        }
        (!said.is_empty()).then_some(said)
    }

    fn hears(&mut self, packet: &ServerPacket) -> Vec<u8> {
        let mut frames = Frames::new();
        self.server.encode_server(packet, &mut frames).unwrap_or_else(|error| panic!("{error}: {packet:?}"));
        frames.drain().flat_map(|frame| frame.to_vec()).collect()
    }
}

fn all_seeds(dialect: Dialect, kinds: &[&str]) {
    let mut tally = Tally::default();
    for seed in 100..120 {
        outsiders_learn_nothing(seed, &|| Box::new(Spoken::new(dialect)), &mut tally);
    }
    assert!(tally.twins > 300 && tally.former > 20, "{tally:?}");
    assert!(kinds.iter().all(|kind| tally.said.contains_key(kind)), "{tally:?}");
}

// MISSION A1
// DM-GRP-5, DM-GRP-16, DM-GRP-19, DM-RCP-4, DM-REV-1, DM-HIS-5
#[test]
fn an_outsider_is_sent_the_same_bytes_in_bimip_v1() {
    let kinds = ["Send", "Mark", "Revise", "Group", "Join", "Leave", "Aware", "Signal", "Track", "Query"];
    all_seeds(Dialect::Scheme, &kinds);
}

#[test]
fn an_outsider_is_sent_the_same_bytes_in_the_deployed_layout() {
    // It names messages by their places in conversations of its user: what is not theirs it has no words for.
    all_seeds(Dialect::Deployed, &["Send", "Signal", "Track"]);
}

#[test]
fn an_outsider_is_sent_the_same_bytes_in_msgpack() {
    all_seeds(Dialect::VoicePing, &["Send", "Talk", "Delivered", "Mark", "Join", "Leave"]);
}
