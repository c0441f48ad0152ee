//! The same world twice, with and without a thing, and what an outsider hears in each.

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{
    Ask, Caps, ClientPacket, Device, GroupAct, GroupId, Offset, Reach, Said, ServerPacket, UserId,
};
use bimip_session::ledger::{Book, Known, Write};
use bimip_session::server::{ConnId, Input};
use bimip_session::sim::Rng;

use super::super::harness::{House, device, user};
use super::graph::{GROUPS, Graph, OPEN, Thing, USERS, group, quoted};
use super::probes::{Names, addressed, probes};

/// One end of a connection, in its own words.
pub trait Mouth {
    /// What its dialect can say.
    fn caps(&self) -> Caps;
    /// A new connection of this device.
    fn connect(&mut self, device: &Device);
    /// What a server makes of a packet; `None` where the dialect has no words for it.
    fn says(&mut self, packet: &ClientPacket) -> Option<Vec<Said>>;
    /// What comes back, to the byte.
    fn hears(&mut self, packet: &ServerPacket) -> Vec<u8>;
}

/// What was looked at, so that a test of nothing is found out.
#[derive(Debug, Default)]
pub struct Tally {
    pub twins: u64,
    pub former: u64,
    pub said: BTreeMap<&'static str, u64>,
}

/// Messages that are looked at for each outsider: more would only take longer.
const MESSAGES: usize = 5;

/// Lets two outsiders of a graph say all that can be said about what is not theirs.
///
/// # Panics
/// When they can tell it from what is not there, or when something of it is stored or told.
pub fn outsiders_learn_nothing(seed: u64, mouth: &dyn Fn() -> Box<dyn Mouth>, tally: &mut Tally) {
    let graph = Graph::new(seed);
    let mut rng = Rng::new(seed ^ 0x5eed);
    for _ in 0..2 {
        let me = user(USERS[rng.index(USERS.len())]);
        let mut things: Vec<Thing> =
            graph.things().into_iter().filter(|thing| graph.is_foreign(thing, &me)).collect();
        let mut messages = 0;
        for left in (1..things.len()).rev() {
            things.swap(left, rng.index(left + 1));
        }
        things.retain(|thing| {
            messages += usize::from(matches!(thing, Thing::Message(_)));
            !matches!(thing, Thing::Message(_)) || messages <= MESSAGES
        });
        for thing in things {
            tally.twins += 1;
            let context = format!("seed {seed}, {me} and {thing:?}");
            twins(&graph, &me, &thing, mouth, tally, &context);
        }
    }
    for name in USERS {
        former(&graph, &user(name), mouth, tally, seed);
    }
}

/// A world, and the outsider's place in it.
struct World {
    house: House,
    mouth: Box<dyn Mouth>,
    conn: ConnId,
    others: Vec<(UserId, ConnId)>,
}

impl World {
    fn new(
        graph: &Graph,
        me: &Device,
        without: Option<&Thing>,
        absent: Option<&UserId>,
        mut mouth: Box<dyn Mouth>,
    ) -> Self {
        let mut house = House::with(graph.config.clone());
        (house.watch, house.now) = (true, graph.now);
        house.book = match without {
            Some(thing) => stored_without(&graph.writes, thing, &me.user),
            None => graph.book.clone(),
        };
        let mut others = Vec::new();
        for name in USERS.iter().filter(|name| **name != me.user.as_str()) {
            for (caps, of) in [(Caps::FULL, format!("{name}-phone")), (Caps::WALKIE, "voiceping".to_owned())]
            {
                let conn = if absent.is_none_or(|absent| absent.as_str() != *name) {
                    house.open(caps, &device(name, &of))
                } else {
                    // So that connections have the same numbers.
                    house.stranger(caps)
                };
                others.push((user(name), conn));
            }
        }
        mouth.connect(me);
        let conn = house.open(mouth.caps(), me);
        let mut it = Self { house, mouth, conn, others };
        it.heard();
        it
    }

    fn says(&mut self, packet: &ClientPacket) -> bool {
        let Some(said) = self.mouth.says(packet) else { return false };
        self.house.written.clear();
        self.house.input(Input::Packets(self.conn, said));
        true
    }

    /// What the outsider heard, to the byte; and who else heard anything.
    fn heard(&mut self) -> (Vec<Vec<u8>>, BTreeSet<UserId>) {
        let sent = std::mem::take(&mut self.house.sent);
        self.house.replayed.clear();
        let (mine, others): (Vec<_>, Vec<_>) = sent.into_iter().partition(|(conn, _)| *conn == self.conn);
        let mine = mine.into_iter().map(|(_, packet)| self.mouth.hears(&packet)).collect();
        let name = |conn| self.others.iter().find(|(_, of)| *of == conn).map(|(name, _)| name.clone());
        let others = others.into_iter().filter(|(_, packet)| !is_around(packet));
        (mine, others.filter_map(|(conn, _)| name(conn)).collect())
    }
}

/// Who has a new contact is said to be here again to all who are told so anyway.
fn is_around(packet: &ServerPacket) -> bool {
    match packet {
        ServerPacket::Aware(aware) => aware.awareness.presence.reach() == Reach::Contacts,
        ServerPacket::Around(_) => true,
        _ => false,
    }
}

fn twins(
    graph: &Graph,
    me: &UserId,
    thing: &Thing,
    mouth: &dyn Fn() -> Box<dyn Mouth>,
    tally: &mut Tally,
    context: &str,
) {
    let me = device(me.as_str(), "phone");
    // Whether somebody is here is told to whoever they have written to: a user that is looked for is not.
    let absent = match thing {
        Thing::User(user) => Some(user),
        _ => None,
    };
    let mut with = World::new(graph, &me, None, absent, mouth());
    let mut without = World::new(graph, &me, Some(thing), absent, mouth());
    let mut names = Names(0);
    for kind in ClientPacket::KINDS {
        for packet in probes(kind, thing, &me, &mut names) {
            // Names of groups are given once: who asks for one is told that it is taken. What is open lets everybody in.
            if is_taken(&packet) || matches!(&packet, ClientPacket::Join(name) if name.as_str() == OPEN) {
                continue;
            }
            assert_eq!(packet.kind(), *kind);
            if !with.says(&packet) {
                continue;
            }
            *tally.said.entry(kind).or_default() += 1;
            assert!(without.says(&packet));
            let ((mine, others), (twin, _)) = (with.heard(), without.heard());
            assert_eq!(mine, twin, "{context}: {packet:?} is answered otherwise than where it is not there");
            let to = addressed(&packet, &me);
            let told: Vec<_> = others.iter().filter(|user| Some(*user) != to).collect();
            assert!(told.is_empty(), "{context}: {packet:?} is told to {told:?}");
            // What a log-out writes is the outsider's own.
            if to.is_none() && !matches!(packet, ClientPacket::LogOut(_)) {
                let stored = &with.house.written;
                assert!(stored.is_empty(), "{context}: {packet:?} is stored: {stored:?}");
            }
        }
    }
}

fn is_taken(packet: &ClientPacket) -> bool {
    matches!(packet, ClientPacket::Group(command) if matches!(command.act, GroupAct::Create { .. }))
}

/// What was said while they were there stays theirs.
fn is_kept(packet: &ClientPacket) -> bool {
    matches!(packet, ClientPacket::Query(query) if matches!(query.ask, Ask::History { .. } | Ask::Conversation(_)))
}

/// To who has left a group, or was put out, it is what another group is that does not exist, but for its name.
fn former(graph: &Graph, me: &UserId, mouth: &dyn Fn() -> Box<dyn Mouth>, tally: &mut Tally, seed: u64) {
    let me = device(me.as_str(), "phone");
    for name in GROUPS.iter().filter(|name| **name != OPEN) {
        let membership = graph.membership(&group(name), &me.user);
        if membership.is_member() || membership.stays().is_empty() {
            continue;
        }
        tally.former += 1;
        let ghost: GroupId = group(&"x".repeat(name.len()));
        let mut world = World::new(graph, &me, None, None, mouth());
        for kind in ["Send", "Talk", "Group", "Join", "Leave", "Aware", "Signal", "Track", "Query"] {
            let (mut names, mut others) = (Names(0), Names(0));
            let of = |group, names| probes(kind, &Thing::Group(group), &me, names);
            for (packet, twin) in of(group(name), &mut names).into_iter().zip(of(ghost.clone(), &mut others))
            {
                if is_taken(&packet) || is_kept(&packet) || !world.says(&packet) {
                    continue;
                }
                let (mine, told) = world.heard();
                assert!(world.house.written.is_empty() && told.is_empty(), "seed {seed}: {packet:?}");
                assert!(world.says(&twin));
                let (twin, _) = world.heard();
                let named = |bytes: &Vec<u8>| replaced(bytes, name.as_bytes(), ghost.as_str().as_bytes());
                let mine: Vec<_> = mine.iter().map(named).collect();
                assert_eq!(mine, twin, "seed {seed}: {me}, who was in {name}: {packet:?}");
            }
        }
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..(bytes.len() + 1).saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

/// The store without a thing and all that was said about it. Numbers of the log stay as they are: they rise with gaps. Those of
/// mailboxes have none.
///
/// # Panics
/// When something of it is in the outsider's mailbox.
fn stored_without(writes: &[Write], thing: &Thing, me: &UserId) -> Book {
    let mut gone: BTreeSet<u64> = BTreeSet::new();
    let names = |text: &str| match thing {
        Thing::Message(head) => text.contains(&format!("{:?}", head.id) as &str),
        Thing::Group(group) => text.contains(&quoted(group.as_str())),
        Thing::User(user) => text.contains(&quoted(user.as_str())),
    };
    let mut rows: BTreeMap<UserId, u64> = BTreeMap::new();
    let mut kept = Vec::with_capacity(writes.len());
    for write in writes {
        let about = match write {
            Write::Log { sequence, entry } => {
                let its = match thing {
                    Thing::Message(head) => *sequence == head.id.sequence(),
                    _ => false,
                };
                if its || names(&format!("{entry:?}")) {
                    gone.insert(*sequence);
                }
                gone.contains(sequence)
            }
            Write::Row { user, sequence, .. } => {
                let about = gone.contains(sequence);
                assert!(!about || user != me, "{me} has a row about {thing:?}");
                about || names(&format!("{write:?}"))
            }
            Write::History { sequence, .. } | Write::Feed { sequence, .. } => gone.contains(sequence),
            Write::Revised { sequence, revised } => {
                gone.contains(sequence) || gone.contains(&revised.sequence)
            }
            Write::Marks { sequence, .. }
            | Write::Tally { sequence, .. }
            | Write::Reacted { sequence, .. } => gone.contains(sequence),
            Write::Key { known: Known::Stored { sequence, .. }, .. } => gone.contains(sequence),
            other => !matches!(thing, Thing::Message(_)) && names(&format!("{other:?}")),
        };
        if about {
            continue;
        }
        let mut write = write.clone();
        if let Write::Row { user, offset, .. } = &mut write {
            let last = rows.entry(user.clone()).or_default();
            *last += 1;
            *offset = Offset(*last);
        }
        kept.push(write);
    }
    let mut book = Book::new(7);
    book.apply(&kept);
    book
}
