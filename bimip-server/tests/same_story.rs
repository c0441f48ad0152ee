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
            // Chat has words for typing only, and its clients say nothing else that is live.
            Err(EncodeError::NotSpoken) if self.dialect == Dialect::Chat && is_live(&packet) => {}
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

const fn is_live(packet: &ClientPacket) -> bool {
    matches!(
        packet,
        ClientPacket::Aware(_)
            | ClientPacket::Signal(_)
            | ClientPacket::Track(_)
            | ClientPacket::SetVisible { .. }
    )
}

/// The dialect of a device by where it is among all that are made: walkie-talkies speak VoicePing.
type Dialects = fn(walkie: bool, index: usize) -> Dialect;

fn failing(seeds: std::ops::Range<u64>, plan: &Plan, dialects: Dialects) -> Vec<(u64, Vec<String>)> {
    let fails = |seed| {
        let mut index = 0;
        let mut world = World::with_wires(seed, plan.clone(), &mut |walkie| {
            index += 1;
            Box::new(Spoken::new(dialects(walkie, index)))
        });
        world.run();
        let violations = world.violations().to_vec();
        (!violations.is_empty()).then_some((seed, violations))
    };
    seeds.filter_map(fails).collect()
}

fn protobuf(walkie: bool, _: usize) -> Dialect {
    if walkie { Dialect::VoicePing } else { Dialect::Scheme }
}

/// Some devices of a user speak protobuf and some JSON.
fn mixed(walkie: bool, index: usize) -> Dialect {
    match (walkie, index % 2) {
        (true, _) => Dialect::VoicePing,
        (false, 0) => Dialect::Scheme,
        (false, _) => Dialect::Events,
    }
}

/// And some as chat.
fn with_chat(walkie: bool, index: usize) -> Dialect {
    match (walkie, index % 3) {
        (true, _) => Dialect::VoicePing,
        (false, 0) => Dialect::Scheme,
        (false, 1) => Dialect::Events,
        (false, _) => Dialect::Chat,
    }
}

#[test]
fn same_story_in_two_dialects() {
    let failing = failing(0..100, &Plan::small(), protobuf);
    assert!(failing.is_empty(), "{failing:#?}");
}

// MISSION X1 E3
#[test]
fn same_story_in_three_dialects() {
    let failing = failing(1_000..1_100, &Plan::small(), mixed);
    assert!(failing.is_empty(), "{failing:#?}");
}

// MISSION A4
#[test]
fn same_story_with_chat() {
    let failing = failing(2_000..2_100, &Plan::small(), with_chat);
    assert!(failing.is_empty(), "{failing:#?}");
}

#[test]
fn same_story_when_nothing_goes_wrong() {
    for dialects in [protobuf as Dialects, mixed, with_chat] {
        let failing = failing(0..20, &Plan::calm(), dialects);
        assert!(failing.is_empty(), "{failing:#?}");
    }
}
