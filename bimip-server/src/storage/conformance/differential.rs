//! The same words to the store under test and to the model, and the same answers from both.

use bimip_proto::{
    Address, Ask, Body, Caps, ClientPacket, ClientRef, DeviceName, Found, GroupAct, Head, HistoryPlace,
    LogOut, MayPost, MessageId, MessageRef, Offset, PageFrom, PushToken, Revise, Role, Seq, ServerPacket,
    Status, Talk, TalkAct, TokenTask, UserAct, limits,
};
use bimip_session::server::ConnId;
use bytes::Bytes;

use super::Subject;
use super::managed::{self, command, create};
use super::reactions::react;
use super::statuses;
use super::users::{command as keeps, named, save};
use super::world::{Rows, World, accepted, draft, group, user};
use crate::storage::memory::MemoryStorage;
use crate::storage::{Reader, Storage, StorageError};

const USERS: [&str; 5] = ["a", "b", "a_b", "ünï", "0"];
const DEVICES: [&str; 2] = ["1", "phone/2"];
const GROUPS: [&str; 3] = ["g", "a", "g_h"];
const TOKENS: usize = 40;
const SEEDS: u64 = 4;
const STEPS: u32 = 400;
/// Of so many messages it is compared how far they got.
const STATUSES: usize = 40;

pub(super) fn it_agrees_with_the_model<S: Storage>(subject: &Subject<'_, S>) {
    for seed in 0..SEEDS {
        let mut pair = Pair::new(subject, seed);
        for step in 0..STEPS {
            pair.step(subject);
            assert_eq!(pair.one_heard, pair.other_heard, "seed {seed}, step {step}");
        }
        pair.commit();
        pair.compare(seed);
    }
}

/// The store under test and the model, in step.
struct Pair<S: Storage> {
    one: Option<World<S>>,
    other: Option<World<MemoryStorage>>,
    one_heard: Vec<ServerPacket>,
    other_heard: Vec<ServerPacket>,
    conns: Vec<(ConnId, &'static str, &'static str)>,
    sent: Vec<Head>,
    dice: Dice,
}

impl<S: Storage> Pair<S> {
    fn new(subject: &Subject<'_, S>, seed: u64) -> Self {
        // Every other seed has groups with feeds.
        let row_members = if seed.is_multiple_of(2) { u32::MAX } else { 1 };
        let one = World::with_row_members(subject.open(), row_members);
        let other = MemoryStorage::with_epoch(one.attach("a", "1").epoch);
        let other = World::with_row_members(other, row_members);
        let mut pair = Self {
            one: Some(one),
            other: Some(other),
            one_heard: Vec::new(),
            other_heard: Vec::new(),
            conns: Vec::new(),
            sent: Vec::new(),
            dice: Dice(seed),
        };
        pair.connect();
        pair
    }

    fn connect(&mut self) {
        self.conns.clear();
        for who in USERS {
            for name in DEVICES {
                let opened = self.open(who, name);
                self.conns.push((opened, who, name));
            }
        }
    }

    /// By one of few tokens, of which some are revoked; where the clock was set back they may all be too old.
    fn open(&mut self, who: &str, name: &str) -> ConnId {
        let caps = if name == "1" { Caps::FULL } else { Caps::WALKIE };
        let token = format!("t{}", self.dice.below(TOKENS));
        self.each(
            |one| one.open_by_token(caps, who, name, &token),
            |other| other.open_by_token(caps, who, name, &token),
        )
    }

    /// Who was logged out signs in again.
    fn come_back(&mut self) {
        let closed = self.each(World::closed, World::closed);
        for (closed, _) in closed {
            let Some(at) = self.conns.iter().position(|(conn, ..)| *conn == closed) else { continue };
            let (_, who, name) = self.conns[at];
            self.conns[at].0 = self.open(who, name);
        }
    }

    /// Does the same to both.
    fn each<T: PartialEq + std::fmt::Debug>(
        &mut self,
        one: impl FnOnce(&mut World<S>) -> T,
        other: impl FnOnce(&mut World<MemoryStorage>) -> T,
    ) -> T {
        let one = self.one.as_mut().map(one);
        let other = self.other.as_mut().map(other);
        assert_eq!(one, other);
        one.unwrap_or_else(|| panic!("a world was lost while it was reopened"))
    }

    fn step(&mut self, subject: &Subject<'_, S>) {
        let (conn, ..) = self.conns[self.dice.below(self.conns.len())];
        match self.dice.below(60) {
            0..14 => self.say(conn, |pair| pair.send()),
            14..20 => self.say(conn, |pair| ClientPacket::Dispose(Offset(pair.dice.below(60) as u64))),
            20..26 => self.say(conn, |pair| {
                let status = [Status::Delivered, Status::Read, Status::Played, Status::Forwarded];
                ClientPacket::Mark { message: pair.reference(), status: status[pair.dice.below(4)] }
            }),
            34..36 => self.say(conn, Self::revise),
            56..60 => self.say(conn, Self::react),
            44..48 => self.say(conn, Self::manage),
            48..55 => self.say(conn, Self::keep),
            55 => {
                self.each(|one| one.wait(limits::SEEN_MS), |other| other.wait(limits::SEEN_MS));
            }
            26..28 => self.say(conn, |pair| {
                let count = pair.dice.below(5);
                ClientPacket::Delivered((0..count).map(|_| pair.reference()).collect())
            }),
            28 => self.say(conn, |pair| {
                let to = Address::User(user(USERS[pair.dice.below(USERS.len())]));
                ClientPacket::Talk(Talk { from: user("a"), to, act: TalkAct::Stop })
            }),
            29..31 => self.clock(),
            32..34 => self.say(conn, |pair| {
                let name = group(GROUPS[pair.dice.below(GROUPS.len())]);
                if pair.dice.below(3) == 0 { ClientPacket::Leave(name) } else { ClientPacket::Join(name) }
            }),
            31 if self.dice.below(6) == 0 => self.restart(subject),
            40..44 => self.say(conn, Self::decision),
            _ => self.commit(),
        }
    }

    fn decision(&mut self) -> ClientPacket {
        let device = DeviceName::new(DEVICES[self.dice.below(DEVICES.len())]);
        match self.dice.below(12) {
            0..4 => ClientPacket::SetVisible { id: None, visible: self.dice.below(2) == 0 },
            4..8 => {
                let token =
                    ["x", "y"].get(self.dice.below(3)).map(|token| Bytes::from_static(token.as_bytes()));
                ClientPacket::PushToken(PushToken { id: None, service: "fcm".into(), token })
            }
            8..10 => {
                let token = format!("t{}", self.dice.below(TOKENS)).into();
                ClientPacket::Token { task: TokenTask::Revoke, token }
            }
            10 => ClientPacket::LogOut(LogOut::Device(device.ok())),
            _ => ClientPacket::LogOut(LogOut::Account),
        }
    }

    fn say(&mut self, conn: ConnId, packet: impl FnOnce(&mut Self) -> ClientPacket) {
        let packet = packet(self);
        self.each(|one| one.say(conn, packet.clone()), |other| other.say(conn, packet.clone()));
    }

    /// Few names and bodies, so that resends and conflicts are common.
    fn send(&mut self) -> ClientPacket {
        let name = match self.dice.below(4) {
            0 => String::new(),
            _ => format!("r{}", self.dice.below(40)),
        };
        let to = USERS[self.dice.below(USERS.len())];
        let size = [0, 5, 5, 300, 9_000][self.dice.below(5)];
        let mut draft = draft(&name, to, Body::text(&"x".repeat(size)));
        if self.dice.below(3) == 0 {
            draft.to = Address::Group(group(GROUPS[self.dice.below(GROUPS.len())]));
        }
        ClientPacket::Send(draft)
    }

    /// Of a group that is there, or was, or never will be, about whomever.
    fn manage(&mut self) -> ClientPacket {
        let who = USERS[self.dice.below(USERS.len())];
        let act = match self.dice.below(12) {
            0 => create("made", &[who, "a", who]),
            1 | 2 => GroupAct::Add(vec![user(who), user("a")]),
            3 => GroupAct::Remove(user(who)),
            4 | 5 => {
                let role = [Role::Member, Role::Admin, Role::Owner][self.dice.below(3)];
                GroupAct::SetRole { user: user(who), role }
            }
            6 => GroupAct::Ban(user(who)),
            7 => GroupAct::Unban(user(who)),
            8 if self.dice.below(6) == 0 => GroupAct::Delete,
            _ => {
                let post = [None, Some(MayPost::Everyone), Some(MayPost::Admins)][self.dice.below(3)];
                let open = [None, Some(true), Some(false)][self.dice.below(3)];
                let title = (self.dice.below(2) > 0).then(|| who.into());
                GroupAct::Edit { title, about: None, open, post }
            }
        };
        let name = format!("g{}", self.dice.below(60));
        command(&name, GROUPS[self.dice.below(GROUPS.len())], act)
    }

    /// About the few users there are, so that they block and save each other again and again.
    fn keep(&mut self) -> ClientPacket {
        let who = USERS[self.dice.below(USERS.len())];
        let act = match self.dice.below(14) {
            0..2 => named(["Ann", ""][self.dice.below(2)]),
            2..5 => save(who, ["One", "", "ünï"][self.dice.below(3)]),
            5 | 6 => UserAct::Forget(user(who)),
            7..10 => UserAct::Block(user(who)),
            10..13 => UserAct::Unblock(user(who)),
            _ => match DeviceName::new(DEVICES[self.dice.below(DEVICES.len())]) {
                Ok(name) => UserAct::RemoveDevice(name),
                Err(error) => panic!("{error}"),
            },
        };
        keeps(&format!("k{}", self.dice.below(80)), act)
    }

    /// Of a message of whoever says it, or of somebody else.
    fn revise(&mut self) -> ClientPacket {
        let client_ref = ClientRef::new(&format!("r{}", self.dice.below(40)));
        let message = self.reference();
        let body = (self.dice.below(4) > 0).then(|| Body::text(&"y".repeat(self.dice.below(9))));
        match client_ref {
            Ok(client_ref) => ClientPacket::Revise(Revise { client_ref, message, body }),
            Err(error) => panic!("{error}"),
        }
    }

    /// By whomever, to whatever message.
    fn react(&mut self) -> ClientPacket {
        let (name, message) = (format!("r{}", self.dice.below(40)), self.reference());
        react(&name, message, ["👍", ":x:", "+1"][self.dice.below(3)], self.dice.below(3) > 0)
    }

    /// A message that was sent, one that was not, or one by its other name.
    fn reference(&mut self) -> MessageRef {
        let head = match self.sent.len() {
            0 => return MessageRef::Id(MessageId::new(1, 1)),
            sent => self.sent[self.dice.below(sent)].clone(),
        };
        match self.dice.below(8) {
            0 => MessageRef::Id(MessageId::new(head.id.epoch(), head.id.sequence() + 1)),
            1..4 => head.alias().to_string().parse().map_or(MessageRef::Id(head.id), MessageRef::Alias),
            _ => MessageRef::Id(head.id),
        }
    }

    fn clock(&mut self) {
        let (by, back) = (self.dice.below(50) as u64, self.dice.below(3) == 0);
        let turn = |now: &mut bimip_proto::Now| {
            now.unix_ms = if back { now.unix_ms.saturating_sub(by) } else { now.unix_ms + by };
        };
        self.each(|one| turn(&mut one.now), |other| turn(&mut other.now));
    }

    fn commit(&mut self) {
        self.each(World::commit, World::commit);
        self.hear();
    }

    fn hear(&mut self) {
        self.one_heard.clear();
        self.other_heard.clear();
        for (conn, ..) in &self.conns {
            self.one_heard.extend(self.one.iter_mut().flat_map(|one| one.heard(*conn)));
            self.other_heard.extend(self.other.iter_mut().flat_map(|other| other.heard(*conn)));
        }
        self.sent.extend(accepted(&self.one_heard).into_iter().map(|(head, _)| head));
        self.come_back();
    }

    /// Both with a new core, the store under test opened again where it can be.
    fn restart(&mut self, subject: &Subject<'_, S>) {
        self.commit();
        self.one = self.one.take().and_then(|one| match subject.reopen {
            Some(_) => one.reopen(subject),
            None => Some(one.restart()),
        });
        self.other = self.other.take().map(World::restart);
        self.connect();
        self.hear();
    }

    fn compare(&mut self, seed: u64) {
        assert_eq!(self.one_heard, self.other_heard, "seed {seed}, at the end");
        for who in USERS {
            for (after, rows, bytes) in [(0, u32::MAX, u64::MAX), (3, 5, u64::MAX), (1, 100, 700)] {
                let page = |rows: Rows| format!("{rows:?}");
                self.each(
                    |one| page(one.page(who, after, rows, bytes)),
                    |other| page(other.page(who, after, rows, bytes)),
                );
            }
            self.each(
                |one| (one.standing(who), one.contacts(who)),
                |other| (other.standing(who), other.contacts(who)),
            );
            for ask in asks() {
                let found = |found: Result<Found, StorageError>| format!("{found:?}");
                self.each(
                    |one| found(one.reader.query(&user(who), &ask)),
                    |other| found(other.reader.query(&user(who), &ask)),
                );
            }
            for name in GROUPS {
                let limit = [1, 2, 0][self.dice.below(3)];
                self.each(
                    |one| managed::members(&one.reader, who, name, limit),
                    |other| managed::members(&other.reader, who, name, limit),
                );
            }
            for name in DEVICES {
                self.each(|one| one.attach(who, name), |other| other.attach(who, name));
            }
            for head in self.sent.iter().rev().take(STATUSES).cloned().collect::<Vec<_>>() {
                let (message, limit) = (MessageRef::Id(head.id), [1, 2, 3][self.dice.below(3)]);
                self.each(
                    |one| statuses::status(&one.reader, who, &message, limit),
                    |other| statuses::status(&other.reader, who, &message, limit),
                );
                // Where it is, and in a conversation that it may not be in.
                for of in [head.to.clone(), Address::User(user(USERS[self.dice.below(USERS.len())]))] {
                    for from in [PageFrom::Before(head.id), PageFrom::After(head.id)] {
                        let ask = Ask::History { of: of.clone(), from: from.map(HistoryPlace::Id), limit };
                        let found = |found: Result<Found, StorageError>| format!("{found:?}");
                        self.each(
                            |one| found(one.reader.query(&user(who), &ask)),
                            |other| found(other.reader.query(&user(who), &ask)),
                        );
                    }
                }
            }
        }
    }
}

/// Questions about everybody and every group.
fn asks() -> Vec<Ask> {
    let mut asks = Vec::new();
    let users = USERS.map(|who| Address::User(user(who)));
    for of in users.into_iter().chain(GROUPS.map(|name| Address::Group(group(name)))) {
        for (from, limit) in [
            (PageFrom::Latest, 3),
            (PageFrom::Before(Seq(5)), 9),
            (PageFrom::After(Seq(2)), 2),
            (PageFrom::Latest, 0),
        ] {
            asks.push(Ask::History { of: of.clone(), from: from.map(HistoryPlace::Seq), limit });
        }
        asks.push(Ask::Conversation(of));
    }
    asks.extend(USERS.map(|who| Ask::Profile(user(who))));
    asks.extend(GROUPS.map(|name| Ask::Group(group(name))));
    for (after, limit) in [(None, 2), (Some(user("a")), 0), (Some(user("a_")), 1)] {
        asks.push(Ask::AddressBook { after: after.clone(), limit });
        asks.push(Ask::Blocked { after, limit });
    }
    asks.push(Ask::Devices);
    asks.push(Ask::Around { after: None });
    asks.push(Ask::Conversations { from: PageFrom::Latest, limit: 2 });
    asks.push(Ask::Conversations { from: PageFrom::Latest, limit: 0 });
    asks
}

/// Numbers that look random and are the same every time (`splitmix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % (bound as u64).max(1)).unwrap_or(0)
    }
}
