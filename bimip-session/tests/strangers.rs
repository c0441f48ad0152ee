//! Random users who meet, save and block each other, hide, come and go: whoever may not know learns nothing of a profile,
//! of when somebody was last seen, and of what they are doing.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{
    Act, Address, Ask, Awareness, Caps, ClientPacket, ClientRef, Found, GroupId, Presence, Saved,
    ServerPacket, Signal, UnixMs, UserAct, UserCommand, limits,
};
use bimip_session::ledger::find;
use bimip_session::server::{Config, ConnId, Input};
use proptest::prelude::*;

use harness::{House, device, draft, user};

const USERS: [&str; 4] = ["a", "b", "c", "d"];
const GROUPS: [&str; 2] = ["g", "h"];

#[derive(Debug, Clone, Copy)]
enum Op {
    Come(usize),
    Go(usize),
    Write(usize, usize),
    Move(usize, usize, bool),
    Save(usize, usize, bool),
    Block(usize, usize, bool),
    Hide(usize, bool),
    Rename(usize),
    Does(usize, bool),
    Types(usize, usize),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let who = || 0..USERS.len();
    prop_oneof![
        4 => who().prop_map(Op::Come),
        3 => who().prop_map(Op::Go),
        3 => (who(), who()).prop_map(|(from, to)| Op::Write(from, to)),
        2 => (who(), 0..GROUPS.len(), any::<bool>()).prop_map(|(who, group, joins)| Op::Move(who, group, joins)),
        2 => (who(), who(), any::<bool>()).prop_map(|(who, other, saves)| Op::Save(who, other, saves)),
        4 => (who(), who(), any::<bool>()).prop_map(|(who, other, blocks)| Op::Block(who, other, blocks)),
        2 => (who(), any::<bool>()).prop_map(|(who, hides)| Op::Hide(who, hides)),
        1 => who().prop_map(Op::Rename),
        1 => (who(), any::<bool>()).prop_map(|(who, away)| Op::Does(who, away)),
        2 => (who(), who()).prop_map(|(who, to)| Op::Types(who, to)),
        2 => prop::sample::select(vec![1_u64, 1_000, limits::SEEN_MS, limits::PRESENCE_REFRESH_MS]).prop_map(Op::Wait),
    ]
}

/// What has happened, kept in the plainest way.
#[derive(Debug, Default)]
struct Past {
    /// Both ways.
    met: BTreeSet<(usize, usize)>,
    members: BTreeSet<(usize, usize)>,
    saved: BTreeSet<(usize, usize)>,
    blocked: BTreeSet<(usize, usize)>,
    hidden: BTreeSet<usize>,
    /// When somebody came or went while they were seen.
    seen: BTreeMap<usize, BTreeSet<u64>>,
}

impl Past {
    fn share_a_group(&self, one: usize, other: usize) -> bool {
        (0..GROUPS.len()).any(|it| self.members.contains(&(it, one)) && self.members.contains(&(it, other)))
    }

    fn cut_off(&self, one: usize, other: usize) -> bool {
        self.blocked.contains(&(one, other)) || self.blocked.contains(&(other, one))
    }

    fn may_see_profile(&self, owner: usize, asker: usize) -> bool {
        let known = self.met.contains(&(owner, asker))
            || self.share_a_group(owner, asker)
            || self.saved.contains(&(owner, asker));
        owner == asker || known && !self.blocked.contains(&(owner, asker))
    }

    fn may_see_presence(&self, owner: usize, asker: usize) -> bool {
        let known = self.met.contains(&(owner, asker)) || self.share_a_group(owner, asker);
        owner == asker || known && !self.cut_off(owner, asker) && !self.hidden.contains(&owner)
    }
}

struct World {
    house: House,
    past: Past,
    conns: BTreeMap<usize, ConnId>,
    names: u64,
}

impl World {
    fn new() -> Self {
        // Clients there give no sign of life by themselves.
        let mut config = Config::default();
        (config.probe_ms, config.idle_ms) = (1 << 40, 1 << 40);
        let mut house = House::with(config);
        house.watch = true;
        Self { house, past: Past::default(), conns: BTreeMap::new(), names: 0 }
    }

    fn name(&mut self) -> ClientRef {
        self.names += 1;
        ClientRef::new(&format!("n{}", self.names)).unwrap()
    }

    fn command(&mut self, who: usize, act: UserAct) {
        let client_ref = self.name();
        if let Some(conn) = self.conns.get(&who) {
            self.house.says(*conn, ClientPacket::User(UserCommand { client_ref, act }));
        }
    }

    fn spotted(&mut self, who: usize) {
        if !self.past.hidden.contains(&who) {
            self.past.seen.entry(who).or_default().insert(self.house.now.unix_ms);
        }
    }

    fn step(&mut self, op: Op) {
        let here = |world: &Self, who: usize| world.conns.get(&who).copied();
        match op {
            Op::Come(who) if here(self, who).is_none() => {
                self.spotted(who);
                let conn = self.house.open(Caps::FULL, &device(USERS[who], "1"));
                self.conns.insert(who, conn);
            }
            Op::Go(who) => {
                if let Some(conn) = self.conns.remove(&who) {
                    self.spotted(who);
                    self.house.input(Input::Closed(conn));
                }
            }
            Op::Write(from, to) => self.write(from, to),
            Op::Move(who, group, joins) => {
                let Some(conn) = here(self, who) else { return };
                let name = GroupId::new(GROUPS[group]).unwrap();
                if joins {
                    self.past.members.insert((group, who));
                    self.house.says(conn, ClientPacket::Join(name));
                } else {
                    self.past.members.remove(&(group, who));
                    self.house.says(conn, ClientPacket::Leave(name));
                }
            }
            Op::Save(who, other, saves) if here(self, who).is_some() => {
                let act = if saves {
                    self.past.saved.insert((who, other));
                    UserAct::Save(Saved { user: user(USERS[other]), name: "".into() })
                } else {
                    self.past.saved.remove(&(who, other));
                    UserAct::Forget(user(USERS[other]))
                };
                self.command(who, act);
            }
            Op::Block(who, other, blocks) if who != other && here(self, who).is_some() => {
                let act = if blocks {
                    self.past.blocked.insert((who, other));
                    UserAct::Block(user(USERS[other]))
                } else {
                    self.past.blocked.remove(&(who, other));
                    UserAct::Unblock(user(USERS[other]))
                };
                self.command(who, act);
            }
            Op::Hide(who, hides) => {
                let Some(conn) = here(self, who) else { return };
                // What was seen and is not written down yet is not written down of who is hidden by then.
                self.house.wait(limits::SEEN_MS);
                self.check_heard();
                if hides {
                    self.past.hidden.insert(who);
                } else {
                    self.past.hidden.remove(&who);
                }
                self.house.says(conn, ClientPacket::SetVisible { id: None, visible: !hides });
            }
            Op::Rename(who) => {
                let name = Some(self.names.to_string().into());
                self.command(who, UserAct::EditProfile { name, about: None, avatar: None });
            }
            Op::Does(who, away) => {
                let Some(conn) = here(self, who) else { return };
                let presence = if away { Presence::Away } else { Presence::Online };
                let said = Awareness { id: None, to: None, presence, location: None, ttl_s: 0, at: None };
                self.house.says(conn, ClientPacket::Aware(said));
            }
            Op::Types(who, to) => {
                let Some(conn) = here(self, who) else { return };
                let to = Address::User(user(USERS[to]));
                let typing = Signal { id: None, to, act: Act::Typing, at: None };
                self.house.says(conn, ClientPacket::Signal(typing));
            }
            Op::Wait(ms) => self.house.wait(ms),
            _ => {}
        }
    }

    fn write(&mut self, from: usize, to: usize) {
        let Some(conn) = self.conns.get(&from).copied() else { return };
        let name = self.name();
        let refused = self.past.blocked.contains(&(to, from));
        if !refused {
            self.past.met.extend([(from, to), (to, from)]);
        }
        let before = self.house.book.clone();
        self.house.says(conn, ClientPacket::Send(draft(name.as_str(), USERS[to], "hello")));
        let was = self
            .house
            .sent
            .iter()
            .any(|(conn_of, packet)| *conn_of == conn && matches!(packet, ServerPacket::Rejected { .. }));
        assert_eq!(was, refused, "from {from} to {to}");
        assert!(!refused || self.house.book == before, "a refusal leaves nothing");
    }

    /// Whatever was sent since the last time was for somebody who may know it.
    fn check_heard(&mut self) {
        let number = |name: &str| USERS.iter().position(|it| *it == name).unwrap();
        for (conn, packet) in std::mem::take(&mut self.house.sent) {
            let Some((hearer, _)) = self.conns.iter().find(|(_, it)| **it == conn) else { continue };
            let about: Vec<usize> = match &packet {
                ServerPacket::Aware(it) => vec![number(it.from.user.as_str())],
                ServerPacket::Around(all) => all.iter().map(|it| number(it.from.user.as_str())).collect(),
                ServerPacket::Signal { from, .. } => {
                    // Typing between two needs no message before it.
                    let from = number(from.user.as_str());
                    assert!(
                        !self.past.cut_off(from, *hearer) && !self.past.hidden.contains(&from),
                        "{packet:?}"
                    );
                    continue;
                }
                _ => continue,
            };
            for about in about {
                assert!(self.past.may_see_presence(about, *hearer), "{hearer} heard {packet:?}");
            }
        }
    }

    fn check_found(&self) {
        for (asker, asker_name) in USERS.iter().enumerate() {
            for (owner, owner_name) in USERS.iter().enumerate() {
                let ask = Ask::Profile(user(owner_name));
                let Ok(Found::Profile(found)) = find(&ask, &user(asker_name), &self.house.book) else {
                    panic!()
                };
                let may = self.past.may_see_profile(owner, asker);
                assert_eq!(found.is_some(), may, "{asker_name} asks about {owner_name}");
                let Some(UnixMs(at)) = found.and_then(|it| it.last_seen) else { continue };
                assert!(
                    self.past.seen.get(&owner).is_some_and(|seen| seen.contains(&at)),
                    "{owner_name} at {at}"
                );
                let told = !self.past.hidden.contains(&owner) && !self.past.cut_off(owner, asker);
                assert!(told || owner == asker, "{asker_name} learns when {owner_name} was seen");
            }
        }
    }
}

// MISSION A7 A12 B8
// DM-USR-3, DM-USR-6, DM-BLK-1, DM-BLK-2, DM-PRS-4
proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
    #[test]
    fn a_stranger_learns_nothing(ops in prop::collection::vec(op(), 1..60)) {
        let mut world = World::new();
        for op in ops {
            world.step(op);
            world.check_heard();
            world.check_found();
        }
        // Everybody who is known and whom nothing keeps apart is seen after all: the checks do not hold for want of words.
        for (owner, asker) in [(0, 1), (1, 0)] {
            if world.conns.contains_key(&owner) || !world.past.may_see_presence(owner, asker) {
                continue;
            }
            if let Some(conn) = world.conns.get(&asker).copied() {
                world.house.sent.clear();
                world.step(Op::Come(owner));
                let told = |(to, packet): &(ConnId, ServerPacket)| *to == conn && matches!(packet, ServerPacket::Aware(_));
                prop_assert!(world.house.sent.iter().any(told));
            }
        }
    }
}
