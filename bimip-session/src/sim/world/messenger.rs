//! What a messenger has beside messages: edits and deletions, groups that somebody manages, and what is live.

use std::sync::Arc;

use bimip_proto::{
    Act, Address, Awareness, Body, ClientRef, Entry, GroupAct, GroupCommand, GroupId, GroupProfile, Location,
    MayPost, MessageId, MessageRef, Offset, Presence, Revise, Role, Seq, Signal, Track, UserId,
};

use super::World;
use super::happening::Happening;
use crate::client::Live;
use crate::ledger::View;

/// What a user is, to whom it concerns.
const STATES: [Presence; 5] =
    [Presence::Online, Presence::Away, Presence::Busy, Presence::DoNotDisturb, Presence::Online];
/// What a user does for somebody, in passing.
const PASSING: [Presence; 4] = [Presence::Typing, Presence::Recording, Presence::Read, Presence::Forwarded];

impl World {
    pub(super) fn schedule_messenger(&mut self) {
        for _ in 0..self.plan.revisions {
            let (at, node) = self.when_and_who();
            self.at(at, Happening::Revise { node });
        }
        for number in 0..if self.made.is_empty() { 0 } else { self.plan.commands } {
            self.schedule_command(number);
        }
        for _ in 0..self.plan.lives {
            let (at, node) = self.when_and_who();
            let live = self.something_live();
            self.at(at, Happening::Live { node, live });
        }
    }

    /// The first commands make the groups, at once; the others are whatever somebody likes.
    fn schedule_command(&mut self, number: usize) {
        let (mut at, node) = self.when_and_who();
        let makes = number < self.made.len();
        let group = if makes { number } else { self.rng.index(self.made.len()) };
        let act = if makes { self.creation() } else { self.some_act() };
        if makes {
            at = 0;
        }
        let group = self.made[group].clone();
        self.at(at, Happening::Command { node, group, act });
    }

    fn some_act(&mut self) -> GroupAct {
        let user = self.some_user();
        match self.rng.index(24) {
            0 => self.creation(),
            1..=6 => GroupAct::Add(vec![user]),
            7 => GroupAct::Add(vec![user, self.some_user()]),
            8..=10 => GroupAct::Remove(user),
            11..=14 => {
                let role = [Role::Member, Role::Admin, Role::Admin, Role::Owner][self.rng.index(4)];
                GroupAct::SetRole { user, role }
            }
            15 | 16 => GroupAct::Ban(user),
            17..=19 => GroupAct::Unban(user),
            20 if self.rng.chance(15) => GroupAct::Delete,
            _ => GroupAct::Edit {
                title: self.rng.chance(50).then(|| "another title".into()),
                about: None,
                open: [None, Some(true), Some(false)][self.rng.index(3)],
                post: [None, Some(MayPost::Everyone), Some(MayPost::Admins)][self.rng.index(3)],
            },
        }
    }

    fn creation(&mut self) -> GroupAct {
        GroupAct::Create {
            profile: GroupProfile { title: "made".into(), about: "".into() },
            open: self.rng.chance(50),
            post: [MayPost::Everyone, MayPost::Everyone, MayPost::Admins][self.rng.index(3)],
            members: vec![self.some_user()],
        }
    }

    fn some_user(&mut self) -> UserId {
        self.users[self.rng.index(self.users.len())].clone()
    }

    fn something_live(&mut self) -> Live {
        let id = ClientRef::new(&format!("live {}", self.serial)).ok();
        let place = Location::new(52.5, 13.4, None);
        let aware = |presence, to, ttl_s, location| {
            Live::Aware(Awareness { id: None, to, presence, location, ttl_s, at: None })
        };
        match self.rng.index(12) {
            0..=2 => Live::Visible { id, visible: self.rng.chance(50) },
            3 | 4 => {
                let location = place.filter(|_| self.rng.chance(50));
                aware(STATES[self.rng.index(5)], None, [0, 0, 5, 30][self.rng.index(4)], location)
            }
            5 => {
                let to = Some(Address::User(self.some_user()));
                aware(PASSING[self.rng.index(4)], to, 0, None)
            }
            6 => aware(Presence::Resumed, None, 0, None),
            7 | 8 if place.is_some() => {
                let to = Address::User(self.some_user());
                match place {
                    Some(location) => Live::Track(Track { id, to, location, at: None }),
                    None => Live::Visible { id, visible: true },
                }
            }
            _ => {
                let act = Act::ALL[self.rng.index(Act::ALL.len())];
                Live::Signal(Signal { id, to: self.somebody(), act, at: None })
            }
        }
    }

    /// Whether somebody has made a group.
    pub(super) fn is_made(&self, group: &GroupId) -> bool {
        let Ok(head) = self.disk.durable().group(group);
        head.is_some()
    }

    // ---- when it happens ------------------------------------------------------------------------------

    pub(super) fn live(&mut self, node: usize, live: Live) {
        if self.nodes[node].wire.caps().presence {
            let now = self.now;
            self.session(node).live(now, live);
        }
    }

    /// A name that no device has given before.
    fn new_name(&mut self, node: usize) -> Option<ClientRef> {
        self.tags += 1;
        ClientRef::new(&format!("<{}-{}>", self.nodes[node].name, self.tags)).ok()
    }

    pub(super) fn command(&mut self, node: usize, group: GroupId, act: GroupAct) {
        if !self.nodes[node].wire.caps().group_changes {
            return;
        }
        let Some(client_ref) = self.new_name(node) else { return };
        let command = GroupCommand { client_ref, group, act };
        let it = &mut self.nodes[node];
        self.checker.commands(&it.device, &command.client_ref);
        it.store.command(command.clone());
        let now = self.now;
        let _full = self.session(node).group(now, command);
        self.store_soon(node);
    }

    /// Mostly one of the last messages of one's own; now and then that of somebody else, or of nobody.
    pub(super) fn revise(&mut self, node: usize) {
        if !self.nodes[node].wire.caps().revisions {
            return;
        }
        let Some(id) = self.some_message(node) else { return };
        let Some(client_ref) = self.new_name(node) else { return };
        let body = self.rng.chance(65).then(|| Body::text(&format!("edit {}", self.tags)));
        let it = &mut self.nodes[node];
        // Of a dialect that has another name for it the wire knows that.
        let revise = Revise { client_ref, message: MessageRef::Id(id), body };
        self.checker.commands(&it.device, &revise.client_ref);
        it.store.revise(revise.clone());
        let now = self.now;
        let _full = self.session(node).revise(now, revise);
        self.store_soon(node);
    }

    fn some_message(&mut self, node: usize) -> Option<MessageId> {
        let durable = self.disk.durable();
        let stray = self.rng.chance(15);
        let user = &self.nodes[node].device.user;
        let id = |entry: &Arc<Entry>| match &**entry {
            Entry::Message(it) if it.head.seq > Seq(0) && (stray || it.head.from.user == *user) => {
                Some(it.head.id)
            }
            _ => None,
        };
        let ids: Vec<MessageId> = durable.log().filter_map(|(_, entry)| id(entry)).collect();
        if stray && self.rng.chance(10) {
            return ids.last().map(|last| MessageId::new(last.epoch(), last.sequence() + 1_000_000));
        }
        let last = &ids[ids.len().saturating_sub(20)..];
        (!last.is_empty()).then(|| last[self.rng.index(last.len())])
    }

    // ---- what apps are told ---------------------------------------------------------------------------

    pub(super) fn revised(&mut self, node: usize, revise: &Revise, done: Option<(u32, Offset)>) {
        self.nodes[node].store.revised(revise);
        self.commanded(node, &revise.client_ref, done);
    }

    pub(super) fn grouped(&mut self, node: usize, command: &GroupCommand, done: Option<(u32, Offset)>) {
        self.nodes[node].store.commanded(command);
        self.commanded(node, &command.client_ref, done);
    }

    fn commanded(&mut self, node: usize, name: &ClientRef, done: Option<(u32, Offset)>) {
        let it = &self.nodes[node];
        // Those about one group, or one message, are said one by one.
        self.checker.answered(&it.device, 1);
        self.checker.commanded(&it.device, name, done, self.disk.durable());
        self.store_soon(node);
    }
}
