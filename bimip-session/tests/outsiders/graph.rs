//! A random graph: who has written to whom, who is in which group, and what was said there.

use bimip_proto::{
    Address, Body, Caps, ClientPacket, ClientRef, Draft, Entry, GroupAct, GroupCommand, GroupId,
    GroupProfile, Head, MayPost, MessageRef, Now, Revise, Role, Seq, Status, UserId,
};
use bimip_session::ledger::{Book, Membership, View, Write};
use bimip_session::server::{Config, ConnId};
use bimip_session::sim::Rng;

use super::super::harness::{House, device, user};

/// No name is a part of another one, so that a stored row says by its text whom it is about.
pub const USERS: [&str; 6] = ["ann", "bob", "cat", "dan", "eve", "fay"];
/// Closed ones that grow and shrink, and one into which anybody comes.
pub const GROUPS: [&str; 4] = ["team", "hall", "isle", "club"];
pub const OPEN: &str = "club";
const TURNS: usize = 200;

pub fn group(name: &str) -> GroupId {
    GroupId::new(name).unwrap()
}

/// A group in which its owner is alone.
pub fn own_group(owner: &UserId) -> GroupId {
    group(&format!("own-{owner}"))
}

/// A world as it was stored, step by step.
#[derive(Debug)]
pub struct Graph {
    pub config: Config,
    pub now: Now,
    pub book: Book,
    pub writes: Vec<Write>,
}

/// Something that can be named.
#[derive(Debug, Clone)]
pub enum Thing {
    Message(Head),
    Group(GroupId),
    User(UserId),
}

impl Graph {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut config = Config::default();
        config.open_groups = false;
        if rng.chance(50) {
            // Larger groups have a feed.
            config.row_members = 2;
        }
        let mut maker = Maker::new(rng, House::with(config.clone()));
        maker.begin();
        for _ in 0..TURNS {
            maker.turn();
        }
        // The last word is nobody's business, and stays in every twin.
        let zed = maker.house.open(Caps::FULL, &device("zed", "phone"));
        maker.send(zed, Address::User(user("zed")));
        let House { book, written, now, .. } = maker.house;
        Self { config, now, book, writes: written }
    }

    pub fn membership(&self, group: &GroupId, user: &UserId) -> Membership {
        let Ok(membership) = self.book.membership(group, user);
        membership
    }

    /// Whether a thing is nothing to a user: they neither wrote nor received it, were never in it, share nothing with it.
    pub fn is_foreign(&self, thing: &Thing, to: &UserId) -> bool {
        match thing {
            Thing::Message(head) => {
                let received = match &head.to {
                    Address::Group(group) => self.membership(group, to).saw(head.seq),
                    address => *address == Address::User(to.clone()),
                };
                head.from.user != *to && !received
            }
            // Who was put out before they ever came is told that there is no such group.
            Thing::Group(group) => {
                let never = self.membership(group, to).stays().is_empty();
                never && !self.mailbox_names(to, &quoted(group.as_str()))
            }
            Thing::User(user) => {
                user != to
                    && !self.book.contacts(to).contains(user)
                    && !self.mailbox_names(to, &quoted(user.as_str()))
                    && GROUPS.iter().all(|name| {
                        let stays = |of| self.membership(&group(name), of).stays().is_empty();
                        stays(to) || stays(user)
                    })
            }
        }
    }

    fn mailbox_names(&self, of: &UserId, text: &str) -> bool {
        self.book.rows(of, bimip_proto::Offset::ZERO).any(|(_, _, entry)| format!("{entry:?}").contains(text))
    }

    pub fn things(&self) -> Vec<Thing> {
        let messages = self.book.log().filter_map(|(_, entry)| match &**entry {
            Entry::Message(it) if it.head.seq > Seq(0) && it.head.from.user.as_str() != "zed" => {
                Some(Thing::Message(it.head.clone()))
            }
            _ => None,
        });
        let own = USERS.iter().map(|name| own_group(&user(name)));
        let groups = GROUPS.iter().map(|name| group(name)).chain(own).map(Thing::Group);
        messages.chain(groups).chain(USERS.iter().map(|name| Thing::User(user(name)))).collect()
    }
}

pub fn quoted(name: &str) -> String {
    format!("{name:?}")
}

/// Makes a graph by what its users say.
struct Maker {
    rng: Rng,
    house: House,
    conns: Vec<ConnId>,
    /// Who writes to whom, and who is ever let into which group.
    knows: Vec<Vec<bool>>,
    belongs: Vec<Vec<bool>>,
    last: u32,
}

impl Maker {
    fn new(mut rng: Rng, mut house: House) -> Self {
        let conns = USERS.iter().map(|name| house.open(Caps::FULL, &device(name, "phone"))).collect();
        let mut table = |width: usize, percent: u64| -> Vec<Vec<bool>> {
            USERS.iter().map(|_| (0..width).map(|_| rng.chance(percent)).collect()).collect()
        };
        let (knows, belongs) = (table(USERS.len(), 30), table(GROUPS.len(), 45));
        Self { rng, house, conns, knows, belongs, last: 0 }
    }

    fn name(&mut self) -> ClientRef {
        self.last += 1;
        ClientRef::new(&format!("n{}", self.last)).unwrap()
    }

    fn says(&mut self, conn: ConnId, packet: ClientPacket) {
        self.house.says(conn, packet);
        self.house.sent.clear();
    }

    fn send(&mut self, conn: ConnId, to: Address) {
        let client_ref = Some(self.name());
        let body = Body::text(&format!("text {}", self.last));
        self.says(conn, ClientPacket::Send(Draft { client_ref, to, client_time: None, body }));
    }

    fn asks(&mut self, who: usize, group: GroupId, act: GroupAct) {
        let command = GroupCommand { client_ref: self.name(), group, act };
        self.says(self.conns[who], ClientPacket::Group(command));
    }

    fn begin(&mut self) {
        for (at, name) in GROUPS.iter().enumerate() {
            let belongs: Vec<usize> = (0..USERS.len()).filter(|who| self.belongs[*who][at]).collect();
            if let Some(owner) = belongs.first() {
                self.asks(*owner, group(name), create(*name == OPEN));
            }
        }
        for (who, name) in USERS.iter().enumerate() {
            self.asks(who, own_group(&user(name)), create(false));
        }
    }

    fn turn(&mut self) {
        let (who, other) = (self.rng.index(USERS.len()), self.rng.index(USERS.len()));
        let at = self.rng.index(GROUPS.len());
        let named = group(GROUPS[at]);
        let belong: Vec<usize> = (0..USERS.len()).filter(|who| self.belongs[*who][at]).collect();
        match self.rng.index(14) {
            0..=2 if self.knows[who][other] => {
                self.send(self.conns[who], Address::User(user(USERS[other])));
            }
            3 | 4 if self.belongs[who][at] => self.send(self.conns[who], Address::Group(named)),
            5..=8 if belong.len() > 1 => {
                // Mostly whoever made it.
                let by = if self.rng.chance(70) { 0 } else { self.rng.index(belong.len()) };
                let user = user(USERS[belong[1 + self.rng.index(belong.len() - 1)]]);
                let act = match self.rng.index(10) {
                    0..=5 => GroupAct::Add(vec![user]),
                    6 => GroupAct::Remove(user),
                    7 => GroupAct::Ban(user),
                    8 => GroupAct::Unban(user),
                    _ => GroupAct::SetRole { user, role: Role::Admin },
                };
                self.asks(belong[by], named, act);
            }
            9 if self.belongs[who][at] => {
                let packet =
                    if self.rng.chance(60) { ClientPacket::Join(named) } else { ClientPacket::Leave(named) };
                self.says(self.conns[who], packet);
            }
            10 | 11 => self.marks(who),
            12 | 13 => self.revises(who),
            _ => {}
        }
    }

    fn some_message(&mut self, of: impl Fn(&Head) -> bool) -> Option<MessageRef> {
        let ids = self.house.book.log().filter_map(|(_, entry)| match &**entry {
            Entry::Message(it) if it.head.seq > Seq(0) && of(&it.head) => Some(MessageRef::Id(it.head.id)),
            _ => None,
        });
        let ids: Vec<MessageRef> = ids.collect();
        (!ids.is_empty()).then(|| ids[self.rng.index(ids.len())].clone())
    }

    /// Of a message that was not for them this is refused.
    fn marks(&mut self, who: usize) {
        if let Some(message) = self.some_message(|_| true) {
            self.says(self.conns[who], ClientPacket::Mark { message, status: Status::Read });
        }
    }

    fn revises(&mut self, who: usize) {
        let me = user(USERS[who]);
        let Some(message) = self.some_message(|head| head.from.user == me) else { return };
        let body = self.rng.chance(60).then(|| Body::text("edited"));
        let client_ref = self.name();
        self.says(self.conns[who], ClientPacket::Revise(Revise { client_ref, message, body }));
    }
}

fn create(open: bool) -> GroupAct {
    let profile = GroupProfile { title: "T".into(), about: "".into() };
    GroupAct::Create { profile, open, post: MayPost::Everyone, members: Vec::new() }
}
