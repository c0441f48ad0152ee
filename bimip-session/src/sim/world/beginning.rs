//! Who is in the world, and what will happen to them.

use bimip_proto::{Address, Device, DeviceName, GroupId, TalkAct, UserId};
use bytes::Bytes;

use super::{Happening, World};
use crate::sim::node::Node;
use crate::sim::rng::Rng;
use crate::sim::wire::Wire;

impl World {
    pub(super) fn populate(&mut self, rng: &mut Rng, wire: &mut dyn FnMut(bool) -> Box<dyn Wire>) {
        for group in 0..self.plan.groups {
            self.groups.extend(GroupId::new(&format!("g_{group}")));
        }
        for user in 0..self.plan.users.max(2) {
            let letter = ["a", "b", "c", "d", "e", "f", "g", "h"][user % 8];
            let name = format!("{letter}_{user}");
            let Ok(id) = UserId::new(&name) else { continue };
            self.users.push(id.clone());
            let walkie = rng.chance(self.plan.walkies_percent);
            if walkie || rng.chance(50) {
                self.granted.insert(id.clone());
            }
            let devices = rng.between(u64::from(!walkie), self.plan.devices as u64);
            for device in 1..=devices {
                self.settle_in(
                    &id,
                    &format!("{letter}{device}"),
                    &format!("{letter}{device}"),
                    wire(false),
                    rng.word(),
                );
            }
            if walkie {
                self.settle_in(&id, "voiceping", &format!("{letter}w"), wire(true), rng.word());
            }
        }
    }

    pub(super) fn settle_in(
        &mut self,
        user: &UserId,
        device: &str,
        name: &str,
        wire: Box<dyn Wire>,
        seed: u64,
    ) {
        if let Ok(device) = DeviceName::new(device) {
            self.nodes.push(Node::new(name.to_owned(), Device::new(user.clone(), device), wire, seed));
        }
    }

    pub(super) fn schedule(&mut self) {
        let until = self.plan.faults_until_ms;
        for tag in 0..self.plan.messages {
            let node = self.rng.index(self.nodes.len());
            let to = self.somebody();
            let tag = u32::try_from(tag).unwrap_or(u32::MAX);
            let at = self.rng.between(0, until);
            self.at(at, Happening::Send { node, to, tag });
        }
        let walkies: Vec<_> = (0..self.nodes.len()).filter(|node| self.nodes[*node].is_walkie()).collect();
        for _ in 0..if walkies.is_empty() { 0 } else { self.plan.talks } {
            self.schedule_talk(&walkies);
        }
        for _ in 0..if self.groups.is_empty() { 0 } else { self.plan.moves } {
            self.schedule_move();
        }
        for _ in 0..self.plan.cuts {
            let (at, node) = (self.rng.between(0, until), self.rng.index(self.nodes.len()));
            self.at(at, Happening::Cut { node });
        }
        for _ in 0..self.plan.crashes {
            let at = self.rng.between(0, until);
            self.at(at, Happening::CrashServer);
        }
        for _ in 0..self.plan.client_crashes {
            let (at, node) = (self.rng.between(0, until), self.rng.index(self.nodes.len()));
            self.at(at, Happening::CrashClient { node });
        }
        for _ in 0..self.plan.clock_jumps {
            let (at, back) = (self.rng.between(0, until), self.rng.chance(50));
            let by_ms = self.rng.between(1, 86_400_000);
            self.at(at, Happening::ClockJump { back, by_ms });
        }
    }

    pub(super) fn schedule_talk(&mut self, walkies: &[usize]) {
        let node = walkies[self.rng.index(walkies.len())];
        let to = self.somebody();
        let mut at = self.rng.between(0, self.plan.faults_until_ms);
        let payload = Bytes::from_static(&[0xc4, 1, 7]);
        self.at(
            at,
            Happening::Talk {
                node,
                to: to.clone(),
                act: TalkAct::Start { label: None, payload: Bytes::new() },
            },
        );
        for _ in 0..self.rng.between(0, 4) {
            at += 60;
            self.at(
                at,
                Happening::Talk {
                    node,
                    to: to.clone(),
                    act: TalkAct::Audio { label: None, payload: payload.clone() },
                },
            );
        }
        if self.rng.chance(80) {
            self.at(at + 60, Happening::Talk { node, to, act: TalkAct::Stop });
        }
    }

    /// A user, or now and then a group.
    fn somebody(&mut self) -> Address {
        if !self.groups.is_empty() && self.rng.chance(25) {
            return Address::Group(self.groups[self.rng.index(self.groups.len())].clone());
        }
        Address::User(self.users[self.rng.index(self.users.len())].clone())
    }

    fn schedule_move(&mut self) {
        let (node, group) = (self.rng.index(self.nodes.len()), self.rng.index(self.groups.len()));
        let (at, join) = (self.rng.between(0, self.plan.faults_until_ms), self.rng.chance(60));
        if !self.granted.contains(&self.nodes[node].device.user) {
            self.at(at, Happening::Move { node, group, join });
        }
    }
}
