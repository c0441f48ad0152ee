//! Random schedules: whatever the order in which things happen, and whatever is lost between cores, no message is lost,
//! doubled or out of order, and what was changed anywhere is known everywhere within the bound.

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{
    Act, Address, Body, Caps, ClientPacket, ClientRef, CloseReason, Device, Draft, Entry, MessageId, Offset,
    ServerPacket, Signal, UserId,
};
use bimip_session::ledger::View;
use bimip_session::server::{ConnId, Grant};
use proptest::prelude::*;

use super::cluster::{Cluster, POLL_MS, Post, device, group, to};

const USERS: [&str; 3] = ["ann", "bob", "cid"];
const NAMES: [&str; 2] = ["1", "2"];
const CORES: usize = 3;

/// One thing that happens; what it happens to is picked by a number, modulo how many there are.
#[derive(Debug, Clone, Copy)]
enum Step {
    Dial {
        phone: usize,
        core: usize,
    },
    HangUp {
        phone: usize,
    },
    Send {
        phone: usize,
        to: usize,
    },
    /// Says again what was not answered, or was.
    Retry {
        phone: usize,
        which: usize,
    },
    Store {
        phone: usize,
    },
    Join {
        phone: usize,
    },
    Leave {
        phone: usize,
    },
    Commit {
        tickets: usize,
    },
    Prove {
        core: usize,
    },
    Read {
        which: usize,
    },
    Answer {
        which: usize,
    },
    Wake {
        which: usize,
        again: bool,
    },
    LoseWake {
        which: usize,
    },
    Pass {
        ms: u64,
    },
    Crash {
        core: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let phone = || 0..USERS.len() * NAMES.len();
    let which = || 0..16_usize;
    let step = prop_oneof![
        6 => (phone(), 0..CORES).prop_map(|(phone, core)| Step::Dial { phone, core }),
        2 => phone().prop_map(|phone| Step::HangUp { phone }),
        12 => (phone(), 0..=USERS.len()).prop_map(|(phone, to)| Step::Send { phone, to }),
        4 => (phone(), which()).prop_map(|(phone, which)| Step::Retry { phone, which }),
        6 => phone().prop_map(|phone| Step::Store { phone }),
        3 => phone().prop_map(|phone| Step::Join { phone }),
        2 => phone().prop_map(|phone| Step::Leave { phone }),
        14 => (1..5_usize).prop_map(|tickets| Step::Commit { tickets }),
        14 => (0..CORES).prop_map(|core| Step::Prove { core }),
        16 => which().prop_map(|which| Step::Read { which }),
        16 => which().prop_map(|which| Step::Answer { which }),
        10 => (which(), any::<bool>()).prop_map(|(which, again)| Step::Wake { which, again }),
        4 => which().prop_map(|which| Step::LoseWake { which }),
        3 => (1..POLL_MS / 2).prop_map(|ms| Step::Pass { ms }),
        1 => (0..CORES).prop_map(|core| Step::Crash { core }),
    ];
    prop::collection::vec(step, 1..250)
}

/// A device that keeps what it stored, as an app does.
#[derive(Debug)]
struct Phone {
    device: Device,
    conn: Option<ConnId>,
    drafts: Vec<Draft>,
    /// Of the connection that is.
    seen: Offset,
    stored: Offset,
    rows: BTreeMap<Offset, MessageId>,
    answers: BTreeMap<ClientRef, (MessageId, Offset)>,
}

#[derive(Debug)]
struct World {
    cluster: Cluster,
    /// Which core has which number now: a crashed one comes back as a new one.
    slots: Vec<usize>,
    phones: Vec<Phone>,
}

impl World {
    fn new() -> Self {
        let all = USERS.iter().flat_map(|user| NAMES.iter().map(|name| device(user, name)));
        let phone = |device| Phone {
            device,
            conn: None,
            drafts: Vec::new(),
            seen: Offset::ZERO,
            stored: Offset::ZERO,
            rows: BTreeMap::new(),
            answers: BTreeMap::new(),
        };
        let mut cluster = Cluster::new(CORES);
        cluster.post = Post::Keeps;
        Self { cluster, slots: (0..CORES).collect(), phones: all.map(phone).collect() }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Dial { phone, core } => self.dial(phone, core),
            Step::HangUp { phone } => {
                if let Some(conn) = self.phones[phone].conn.take() {
                    self.cluster.hang_up(conn);
                }
            }
            Step::Send { phone, to: whom } => {
                let it = &mut self.phones[phone];
                let to = USERS.get(whom).map_or_else(|| Address::Group(group()), |name| to(name));
                let name = ClientRef::new(&format!("m{}", it.drafts.len())).unwrap();
                let draft = Draft { client_ref: Some(name), to, client_time: None, body: Body::text("hi") };
                it.drafts.push(draft.clone());
                self.tell(phone, ClientPacket::Send(draft));
            }
            Step::Retry { phone, which } => {
                let drafts = &self.phones[phone].drafts;
                if let Some(draft) = drafts.get(which % drafts.len().max(1)).cloned() {
                    self.tell(phone, ClientPacket::Send(draft));
                }
            }
            Step::Store { phone } => self.store(phone),
            Step::Join { phone } => self.tell(phone, ClientPacket::Join(group())),
            Step::Leave { phone } => self.tell(phone, ClientPacket::Leave(group())),
            Step::Commit { tickets } => self.cluster.commit(tickets),
            Step::Prove { core } => drop(self.cluster.prove(self.slots[core])),
            Step::Read { which } => {
                if let Some(at) = pick(which, self.cluster.questions.len()) {
                    self.cluster.read(at);
                }
            }
            Step::Answer { which } => {
                if let Some(at) = pick(which, self.cluster.answers.len()) {
                    self.cluster.answer(at);
                }
            }
            Step::Wake { which, again } => {
                if let Some(at) = pick(which, self.cluster.wakes.len()) {
                    self.cluster.deliver(at, again);
                }
            }
            Step::LoseWake { which } => {
                if let Some(at) = pick(which, self.cluster.wakes.len()) {
                    self.cluster.wakes.swap_remove(at);
                }
            }
            Step::Pass { ms } => self.cluster.pass(ms),
            Step::Crash { core } => {
                self.cluster.crash(self.slots[core]);
                self.slots[core] = self.cluster.add_core(0);
            }
        }
        self.listen();
    }

    fn dial(&mut self, phone: usize, core: usize) {
        let it = &mut self.phones[phone];
        if let Some(conn) = it.conn.take() {
            self.cluster.hang_up(conn);
        }
        it.seen = it.stored;
        let grant = Grant::new(it.device.clone());
        it.conn = Some(self.cluster.dial(self.slots[core], Caps::FULL, grant));
    }

    fn tell(&mut self, phone: usize, packet: ClientPacket) {
        if let Some(conn) = self.phones[phone].conn {
            self.cluster.tell(conn, packet);
        }
    }

    fn store(&mut self, phone: usize) {
        let it = &mut self.phones[phone];
        if it.seen > it.stored {
            it.stored = it.seen;
            let upto = it.stored;
            self.tell(phone, ClientPacket::Dispose(upto));
        }
    }

    /// Everybody hears what was sent to them.
    fn listen(&mut self) {
        for it in &mut self.phones {
            let Some(conn) = it.conn else { continue };
            for packet in self.cluster.heard(conn) {
                match packet {
                    // It may be past what was stored: what a device wrote itself it need not be given.
                    ServerPacket::Welcome(welcome) => it.seen = welcome.resume_from,
                    ServerPacket::Deliver(row) => {
                        assert!(
                            row.prev <= it.seen && it.seen < row.offset,
                            "{}: {row:?} after {}",
                            it.device,
                            it.seen
                        );
                        it.seen = row.offset;
                        if let Entry::Message(message) = &*row.entry {
                            let first = *it.rows.entry(row.offset).or_insert(message.head.id);
                            assert_eq!(first, message.head.id, "one row, two messages");
                        }
                    }
                    ServerPacket::Accepted { client_ref: Some(name), head, offset } => {
                        let first = *it.answers.entry(name).or_insert((head.id, offset));
                        assert_eq!(first, (head.id, offset), "one draft, two answers");
                    }
                    _ => {}
                }
            }
        }
        for (conn, reason) in std::mem::take(&mut self.cluster.closed) {
            assert!(matches!(reason, CloseReason::Replaced { .. }), "{reason:?}");
            for it in self.phones.iter_mut().filter(|it| it.conn == Some(conn)) {
                it.conn = None;
            }
        }
    }

    /// Everybody is somewhere, and everything is carried out. Where wake-ups were lost, and all that are left are, one
    /// poll is enough; otherwise no time has to pass.
    fn converge(&mut self, post: Post) {
        self.cluster.post = post;
        self.cluster.settle();
        self.listen();
        for phone in 0..self.phones.len() {
            let there = self.phones[phone].conn.is_some_and(|conn| self.cluster.is_open(conn));
            if !there {
                self.dial(phone, phone % CORES);
            }
        }
        self.cluster.settle();
        self.listen();
        for phone in 0..self.phones.len() {
            for draft in self.phones[phone].drafts.clone() {
                self.tell(phone, ClientPacket::Send(draft));
            }
        }
        self.cluster.settle();
        if post == Post::Loses {
            self.cluster.wait(POLL_MS);
        }
        self.listen();
    }

    fn check_mailboxes(&self) {
        let mut stored = BTreeSet::new();
        for it in &self.phones {
            let whole = self.cluster.book.page(&it.device.user, Offset::ZERO, u32::MAX, u64::MAX);
            let mut expected = BTreeMap::new();
            for (offset, entry) in whole {
                if let Entry::Message(message) = &*entry {
                    stored.insert((
                        message.head.from.clone(),
                        message.head.client_ref.clone(),
                        message.head.id,
                    ));
                    if message.head.from != it.device {
                        expected.insert(offset, message.head.id);
                    }
                }
            }
            assert_eq!(it.rows, expected, "what {} was given is what its mailbox has", it.device);
        }
        let names: BTreeSet<_> = stored.iter().map(|(from, name, _)| (from, name)).collect();
        assert_eq!(names.len(), stored.len(), "a draft was stored twice");
    }

    /// What is said in the group goes to those who are in it by storage's word, and comes only from them. Typing, since
    /// nobody has to come anew for it.
    fn check_groups(&mut self) {
        let members: Vec<UserId> = self.cluster.book.members(&group()).unwrap().to_vec();
        let may = |phone: &Phone| members.contains(&phone.device.user);
        let core =
            |world: &Self, phone: usize| world.phones[phone].conn.and_then(|it| world.cluster.core_of(it));
        for speaker in 0..self.phones.len() {
            self.listen();
            let to = Address::Group(group());
            self.tell(speaker, ClientPacket::Signal(Signal { id: None, to, act: Act::Typing, at: None }));
            for hearer in (0..self.phones.len()).filter(|it| *it != speaker) {
                let Some(conn) = self.phones[hearer].conn else { continue };
                let heard = self.cluster.heard(conn);
                let heard = heard.iter().any(|it| matches!(it, ServerPacket::Signal { .. }));
                let there = core(self, speaker).is_some() && core(self, speaker) == core(self, hearer);
                let (from, to) = (&self.phones[speaker], &self.phones[hearer]);
                let due = there && may(from) && may(to);
                assert_eq!(heard, due, "{} to {}: {members:?}", from.device, to.device);
            }
        }
    }
}

fn pick(which: usize, len: usize) -> Option<usize> {
    (len > 0).then(|| which % len.max(1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_poll_makes_good_whatever_was_lost(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.converge(Post::Loses);
        world.check_mailboxes();
        world.check_groups();
    }

    #[test]
    fn nothing_waits_for_a_poll_where_no_wake_up_is_lost(steps in steps(), doubles in any::<bool>()) {
        let mut world = World::new();
        for step in steps {
            // What a core had proven and not told dies with it.
            if !matches!(step, Step::LoseWake { .. } | Step::Crash { .. } | Step::Pass { .. }) {
                world.step(step);
            }
        }
        world.converge(if doubles { Post::Doubles } else { Post::Delivers });
        world.check_mailboxes();
        world.check_groups();
    }
}
