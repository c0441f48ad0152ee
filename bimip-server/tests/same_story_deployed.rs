//! The simulator of `bimip-session` with devices that speak the deployed protobuf layout, among others.
//!
//! The simulated client counts on numbers of rows, which this layout does not have. So the wire carries those beside
//! the frames: rows come with their numbers again once their frames were read and agree, and a disposal becomes a word
//! about each message. What moves a cursor is then what the server's end of the codec makes of these words, and the
//! checkers must not notice.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;

use bimip_codec::{Codec, Dialect, Frames};
use bimip_proto::{
    Act, Caps, ClientPacket, Device, Entry, MessageId, MessageRef, Noted, Offset, Ping, Said, ServerPacket,
    UnixMs,
};
use bimip_session::sim::{Plan, Wire, World};

#[derive(Debug)]
struct Spoken {
    client: Codec,
    server: Codec,
    /// The messages of this connection that were given and not committed.
    given: BTreeMap<Offset, MessageRef>,
    /// What messages are called on the wire, of all connections.
    places: BTreeMap<MessageId, MessageRef>,
}

impl Spoken {
    fn new() -> Self {
        let codec = || Codec::new(Dialect::Deployed);
        Self { client: codec(), server: codec(), given: BTreeMap::new(), places: BTreeMap::new() }
    }

    fn frame_up(&mut self, packet: &ClientPacket, said: &mut Vec<Said>) {
        let mut frames = Frames::new();
        let live = matches!(
            packet,
            ClientPacket::Aware(_)
                | ClientPacket::Signal(_)
                | ClientPacket::Track(_)
                | ClientPacket::SetVisible { .. }
        );
        match self.client.encode_client(packet, &mut frames) {
            // It has words for some of what is live, and its clients say nothing else.
            Err(_) if live => return,
            written => written.unwrap_or_else(|error| panic!("{error}: {packet:?}")),
        }
        for frame in frames.drain() {
            let read = self.server.decode_client(frame, said);
            read.unwrap_or_else(|error| panic!("{error}: {packet:?}"));
        }
    }

    fn frame_down(&mut self, packet: &ServerPacket) -> Vec<ServerPacket> {
        let (mut frames, mut heard) = (Frames::new(), Vec::new());
        self.server.encode_server(packet, &mut frames).unwrap_or_else(|error| panic!("{error}: {packet:?}"));
        for frame in frames.drain() {
            match self.client.decode_server(frame, &mut heard) {
                // To oneself it is the word with which a client of this layout begins, and no signal.
                Err(_) if matches!(packet, ServerPacket::Signal { signal, .. } if signal.act == Act::Resumed) =>
                    {}
                read => read.unwrap_or_else(|error| panic!("{error}: {packet:?}")),
            }
        }
        heard
    }

    /// What the simulated client calls a message.
    fn id(&self, message: &MessageRef) -> MessageRef {
        let known = self.places.iter().find(|(_, place)| *place == message);
        known.map_or_else(|| message.clone(), |(id, _)| MessageRef::Id(*id))
    }
}

impl Wire for Spoken {
    fn caps(&self) -> Caps {
        Dialect::Deployed.caps()
    }

    fn connect(&mut self, device: &Device) {
        *self = Self { places: std::mem::take(&mut self.places), ..Self::new() };
        self.client.signed_in(device);
        self.server.signed_in(device);
    }

    fn up(&mut self, packet: ClientPacket) -> Vec<Said> {
        let mut said = Vec::new();
        match packet {
            // At the door.
            ClientPacket::SignIn { .. } => said.push(packet.into()),
            ClientPacket::Send(mut draft) => {
                draft.client_time = Some(UnixMs(1));
                self.frame_up(&ClientPacket::Send(draft), &mut said);
            }
            ClientPacket::Dispose(upto) => {
                let later = self.given.split_off(&upto.next());
                let stored = std::mem::replace(&mut self.given, later).into_values().collect();
                self.frame_up(&ClientPacket::Delivered(stored), &mut said);
            }
            ClientPacket::Mark { message: MessageRef::Id(id), status } => {
                let message = self.places[&id].clone();
                self.frame_up(&ClientPacket::Mark { message, status }, &mut said);
            }
            // Here they have a name.
            ClientPacket::Ping(_) => self.frame_up(&ClientPacket::Ping(Ping { id: "p".into() }), &mut said),
            other => self.frame_up(&other, &mut said),
        }
        said
    }

    fn down(&mut self, packet: ServerPacket) -> Vec<ServerPacket> {
        let heard = self.frame_down(&packet);
        match (packet, &heard[..]) {
            (packet @ ServerPacket::Welcome(_), []) => vec![packet],
            (ServerPacket::Accepted { head, offset, .. }, [ServerPacket::Accepted { client_ref, .. }]) => {
                vec![ServerPacket::Accepted { client_ref: client_ref.clone(), head, offset }]
            }
            (ServerPacket::Deliver(row), heard) => {
                if let Entry::Message(given) = &*row.entry {
                    let [ServerPacket::Deliver(read)] = heard else { panic!("{heard:?}") };
                    let Entry::Message(read) = &*read.entry else { panic!("{read:?}") };
                    assert_eq!((&read.head.from, read.head.seq), (&given.head.from, given.head.seq));
                    assert_eq!(read.head.conversation(), given.head.conversation());
                    let conversation = given.head.conversation();
                    let place = MessageRef::Place { conversation, seq: given.head.seq };
                    self.places.insert(given.head.id, place.clone());
                    self.given.insert(row.offset, place);
                }
                if let Entry::Receipt(given) = &*row.entry {
                    assert_eq!(heard.len(), given.messages.len(), "a frame for each message");
                }
                vec![ServerPacket::Deliver(row)]
            }
            (_, heard) => heard
                .iter()
                .map(|packet| match packet {
                    ServerPacket::Noted(Noted::Marked { message, status }) => {
                        ServerPacket::Noted(Noted::Marked { message: self.id(message), status: *status })
                    }
                    ServerPacket::Noted(Noted::Refused { message, status, reason, .. }) => {
                        let (message, status, reason) = (self.id(message), *status, *reason);
                        ServerPacket::Noted(Noted::Refused { message, status, reason, retry_after_ms: None })
                    }
                    other => other.clone(),
                })
                .collect(),
        }
    }
}

/// Another codec at both ends, whose packets say everything.
#[derive(Debug)]
struct Plain {
    dialect: Dialect,
    client: Codec,
    server: Codec,
}

impl Plain {
    fn new(dialect: Dialect) -> Self {
        Self { dialect, client: Codec::new(dialect), server: Codec::new(dialect) }
    }
}

impl Wire for Plain {
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
        self.client.encode_client(&packet, &mut frames).unwrap();
        frames.drain().for_each(|frame| self.server.decode_client(frame, &mut said).unwrap());
        said
    }

    fn down(&mut self, packet: ServerPacket) -> Vec<ServerPacket> {
        let (mut frames, mut heard) = (Frames::new(), Vec::new());
        self.server.encode_server(&packet, &mut frames).unwrap();
        frames.drain().for_each(|frame| self.client.decode_server(frame, &mut heard).unwrap());
        heard
    }
}

/// Conversations of two: the layout has no words for groups. And clients that keep what arrived: a receipt is committed
/// by arriving (BD-COMMIT-3), so one that forgets it before it is stored has lost it, which the checkers rightly
/// say of a client whose rows have numbers.
fn without_groups(mut plan: Plan) -> Plan {
    (plan.groups, plan.moves, plan.client_crashes) = (0, 0, 0);
    (plan.made, plan.commands) = (0, 0);
    plan
}

fn failing(seeds: std::ops::Range<u64>, plan: &Plan) -> Vec<(u64, Vec<String>)> {
    let fails = |seed| {
        let mut number = seed;
        let mut world = World::with_wires(seed, plan.clone(), &mut |walkie| -> Box<dyn Wire> {
            number += 1;
            match (walkie, number % 3) {
                (true, _) => Box::new(Plain::new(Dialect::VoicePing)),
                (false, 0) => Box::new(Plain::new(Dialect::Scheme)),
                (false, _) => Box::new(Spoken::new()),
            }
        });
        world.run();
        let violations = world.violations().to_vec();
        (!violations.is_empty()).then_some((seed, violations))
    };
    seeds.filter_map(fails).collect()
}

// MISSION B11
#[test]
fn same_story_in_the_deployed_layout() {
    let failing = failing(0..100, &without_groups(Plan::small()));
    assert!(failing.is_empty(), "{failing:#?}");
}

// MISSION B11
#[test]
fn same_story_in_the_deployed_layout_when_nothing_goes_wrong() {
    let failing = failing(0..20, &without_groups(Plan::calm()));
    assert!(failing.is_empty(), "{failing:#?}");
}
