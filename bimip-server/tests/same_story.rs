//! The simulator of `bimip-session`, with every packet written to bytes and read back on its way: devices speak
//! `bimip.v1`, walkie-talkies VoicePing, and the checkers must not notice.

use bimip_codec::{Codec, Dialect, EncodeError, Frames};
use bimip_proto::{Caps, ClientPacket, Device, Said, ServerPacket};
use bimip_session::sim::{Plan, Wire, World};

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

impl Wire for Spoken {
    fn caps(&self) -> Caps {
        self.dialect.caps()
    }

    fn connect(&mut self, device: &Device) {
        *self = Self::new(self.dialect);
        self.client.signed_in(device);
        self.server.signed_in(device);
    }

    fn up(&mut self, packet: ClientPacket) -> Vec<Said> {
        let (mut frames, mut said) = (Frames::new(), Vec::new());
        match self.client.encode_client(&packet, &mut frames) {
            // bimip.v1 has no word for it: its users are in the groups that their sign-in names.
            Err(EncodeError::NotSpoken)
                if matches!(packet, ClientPacket::Join(_) | ClientPacket::Leave(_)) => {}
            written => written.unwrap_or_else(|error| panic!("{error}: {packet:?}")),
        }
        for frame in frames.drain() {
            let read = self.server.decode_client(frame, &mut said);
            read.unwrap_or_else(|error| panic!("{error}: {packet:?}"));
        }
        said
    }

    fn down(&mut self, packet: ServerPacket) -> Vec<ServerPacket> {
        let (mut frames, mut heard) = (Frames::new(), Vec::new());
        self.server.encode_server(&packet, &mut frames).unwrap_or_else(|error| panic!("{error}: {packet:?}"));
        for frame in frames.drain() {
            let read = self.client.decode_server(frame, &mut heard);
            read.unwrap_or_else(|error| panic!("{error}: {packet:?}"));
        }
        heard
    }
}

fn failing(seeds: std::ops::Range<u64>, plan: &Plan) -> Vec<(u64, Vec<String>)> {
    let fails = |seed| {
        let dialect = |walkie| if walkie { Dialect::VoicePing } else { Dialect::Scheme };
        let mut world =
            World::with_wires(seed, plan.clone(), &mut |walkie| Box::new(Spoken::new(dialect(walkie))));
        world.run();
        let violations = world.violations().to_vec();
        (!violations.is_empty()).then_some((seed, violations))
    };
    seeds.filter_map(fails).collect()
}

#[test]
fn same_story_in_two_dialects() {
    let failing = failing(0..100, &Plan::small());
    assert!(failing.is_empty(), "{failing:#?}");
}

#[test]
fn same_story_when_nothing_goes_wrong() {
    let failing = failing(0..20, &Plan::calm());
    assert!(failing.is_empty(), "{failing:#?}");
}
