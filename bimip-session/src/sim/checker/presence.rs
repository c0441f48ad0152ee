//! What is live is told to whom it is for, of who is hidden to nobody, and of who is gone that they are (I20).

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{Address, Aware, Device, Presence, Reach, ServerPacket, Signal, Track, UserId, limits};

use super::findings::Findings;
use super::members::Members;
use super::rest::Bounds;
use crate::ledger::{Book, View};
use crate::server::ConnId;

/// From the end of a user's last connection until others are told: a core hears of a broken link within half a second, and
/// storage is asked whom to tell.
const GONE_MS: u64 = 1_000;

#[derive(Debug, Default)]
pub(super) struct Presences {
    /// How long a core may act on what is no more so.
    late_ms: u64,
    /// How long it takes to ask storage and to be answered.
    asks_ms: u64,
    alone: bool,
    conns: BTreeMap<ConnId, Conn>,
    /// The connections of a user to a core, signed in or not; and since when there are none.
    here: BTreeMap<(usize, UserId), Here>,
    /// Since when a user is hidden, durably.
    hidden_ms: BTreeMap<UserId, u64>,
    /// Since when a user is not hidden any more.
    shown_ms: BTreeMap<UserId, u64>,
    /// Cores that have said so to the user's own devices.
    knows: BTreeSet<(usize, UserId)>,
    /// Who has to be told by when that somebody is gone.
    owed: BTreeMap<(ConnId, UserId), u64>,
    /// Of whom storage could not say whom to tell: nobody was, once.
    unread: BTreeSet<UserId>,
}

#[derive(Debug)]
struct Conn {
    core: usize,
    device: Device,
    /// Its dialect has words for presence.
    tells: bool,
    welcomed: bool,
    /// Who is here, as it was told, and until when that holds.
    told: BTreeMap<UserId, u64>,
}

#[derive(Debug, Default)]
struct Here {
    conns: BTreeSet<ConnId>,
    gone_ms: u64,
}

impl Presences {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            late_ms: bounds.late_ms(),
            asks_ms: GONE_MS + bounds.lag_ms,
            alone: bounds.stale_ms == 0,
            ..Self::default()
        }
    }

    // ---- what is so -----------------------------------------------------------------------------------

    pub(super) fn opens(&mut self, core: usize, conn: ConnId, device: &Device, tells: bool) {
        let it = Conn { core, device: device.clone(), tells, welcomed: false, told: BTreeMap::new() };
        self.conns.insert(conn, it);
        self.here.entry((core, device.user.clone())).or_default().conns.insert(conn);
        self.owed.retain(|(to, user), _| {
            *user != device.user || self.conns.get(to).is_none_or(|it| it.core != core)
        });
    }

    pub(super) fn gone(&mut self, now_ms: u64, conn: ConnId, durable: &Book, members: &Members) {
        let Some(Conn { core, device, .. }) = self.conns.remove(&conn) else { return };
        self.owed.retain(|(to, _), _| *to != conn);
        let here = self.here.entry((core, device.user.clone())).or_default();
        here.conns.remove(&conn);
        if !here.conns.is_empty() {
            return;
        }
        here.gone_ms = now_ms;
        let due_ms = now_ms + self.asks_ms;
        let told = self.conns.iter().filter(|(_, it)| it.core == core && it.told.contains_key(&device.user));
        let told: Vec<_> = told.map(|(to, it)| (*to, it.device.user.clone())).collect();
        for (to, other) in told {
            if self.must_tell(durable, members, now_ms, &device.user, &other) {
                self.owed.insert((to, device.user.clone()), due_ms);
            } else if let Some(it) = self.conns.get_mut(&to) {
                // Of who shares nothing any more, as far as the core knows, it is left to run out.
                it.told.remove(&device.user);
            }
        }
    }

    /// Storage could not say whom to tell of a user: what was told before is left to run out.
    pub(super) fn unread(&mut self, user: &UserId) {
        self.owed.retain(|(_, of), _| of != user);
        for it in self.conns.values_mut() {
            it.told.remove(user);
        }
        self.unread.insert(user.clone());
    }

    pub(super) fn synced(&mut self, findings: &mut Findings, now_ms: u64, durable: &Book, members: &Members) {
        let users: BTreeSet<&UserId> = self.here.keys().map(|(_, user)| user).collect();
        for user in users {
            let Ok(standing) = durable.standing(user);
            if standing.hidden {
                if !self.hidden_ms.contains_key(user) {
                    self.hidden_ms.insert(user.clone(), now_ms);
                }
            } else if self.hidden_ms.remove(user).is_some() {
                self.shown_ms.insert(user.clone(), now_ms);
                self.knows.retain(|(_, of)| of != user);
            }
        }
        self.due(findings, now_ms, durable, members);
    }

    /// Who was told that somebody is here is told that they went.
    fn due(&mut self, findings: &mut Findings, now_ms: u64, durable: &Book, members: &Members) {
        if self.owed.values().all(|due_ms| *due_ms > now_ms) {
            return;
        }
        let due: Vec<_> =
            self.owed.iter().filter(|(_, due_ms)| **due_ms <= now_ms).map(|(key, _)| key.clone()).collect();
        for (conn, user) in due {
            self.owed.remove(&(conn, user.clone()));
            let still = self.conns.get_mut(&conn).and_then(|it| it.told.remove(&user));
            let still = still.is_some_and(|until_ms| until_ms > now_ms);
            let Some(it) = self.conns.get(&conn) else { continue };
            let shares = self.must_tell(durable, members, now_ms, &user, &it.device.user);
            // For all that this core knew.
            let shown_ms = self.shown_ms.get(&user).map(|since_ms| since_ms + self.late_ms + self.asks_ms);
            let hidden =
                self.hidden_ms.contains_key(&user) || shown_ms.is_some_and(|until_ms| now_ms <= until_ms);
            findings.check(!still || !shares || hidden, || {
                format!(
                    "I20: {} was told that {user} is here, and not that they went by {now_ms} ms",
                    it.device
                )
            });
        }
    }

    /// Whether a user is told of by what every core knows: another one may not have heard yet who came into a group.
    fn must_tell(
        &self,
        durable: &Book,
        members: &Members,
        now_ms: u64,
        one: &UserId,
        other: &UserId,
    ) -> bool {
        durable.contacts(one).contains(other)
            || (self.alone && shares(durable, members, (now_ms, 0), one, other))
    }

    // ---- what is said ---------------------------------------------------------------------------------

    pub(super) fn tells(
        &mut self,
        findings: &mut Findings,
        now_ms: u64,
        (core, conn): (usize, ConnId),
        packet: &ServerPacket,
        durable: &Book,
        members: &Members,
    ) {
        let Some(it) = self.conns.get(&conn) else { return };
        let (to, now) = (it.device.clone(), (now_ms, self.late_ms));
        let may_hear = |address: &Address, from: &UserId| match address {
            Address::User(user) => *user == to.user,
            Address::Group(group) => {
                [from, &to.user].iter().all(|user| members.was_lately(now_ms, self.late_ms, group, user))
            }
            _ => false,
        };
        let (from, shows, theirs) = match packet {
            ServerPacket::Welcome(_) => {
                if let Some(it) = self.conns.get_mut(&conn) {
                    it.welcomed = true;
                }
                return;
            }
            ServerPacket::Visible { visible: false, .. } => {
                if self.hidden_ms.contains_key(&to.user) {
                    self.knows.insert((core, to.user));
                }
                return;
            }
            ServerPacket::Around(list) => {
                findings.check(list.len() <= limits::AROUND, || format!("I20: {} at once", list.len()));
                for aware in list {
                    self.aware(findings, now_ms, (core, conn), aware);
                    let theirs = shares(durable, members, now, &aware.from.user, &to.user);
                    self.judge(findings, now_ms, core, (&aware.from, &to), (true, theirs));
                }
                return;
            }
            ServerPacket::Aware(aware) => {
                let theirs = match (aware.awareness.presence.reach(), &aware.awareness.to) {
                    (Reach::Contacts, _) => {
                        self.aware(findings, now_ms, (core, conn), aware);
                        shares(durable, members, now, &aware.from.user, &to.user)
                    }
                    (Reach::Peer, Some(Address::User(user))) => *user == to.user,
                    _ => false,
                };
                (&aware.from, true, theirs)
            }
            ServerPacket::Signal { from, signal: Signal { to: address, act, .. } } => {
                (from, act.is_presence(), may_hear(address, &from.user))
            }
            ServerPacket::Track { from, track: Track { to: address, .. } } => {
                (from, true, may_hear(address, &from.user))
            }
            _ => return,
        };
        self.judge(findings, now_ms, core, (from, &to), (shows, theirs));
    }

    /// What a connection is told of who is here.
    fn aware(&mut self, findings: &mut Findings, now_ms: u64, (core, conn): (usize, ConnId), aware: &Aware) {
        let user = &aware.from.user;
        self.owed.remove(&(conn, user.clone()));
        let Some(it) = self.conns.get_mut(&conn).filter(|it| it.device.user != *user) else { return };
        let Presence::Offline = aware.awareness.presence else {
            let ttl_s = aware.awareness.ttl_s;
            findings.check((1..=limits::PRESENCE_TTL_S).contains(&ttl_s), || {
                format!("I20: {} is told for {ttl_s} s that {user} is here", it.device)
            });
            it.told.insert(user.clone(), now_ms + u64::from(ttl_s) * 1_000);
            let here = self.here.get(&(core, user.clone()));
            let gone = here.is_none_or(|it| it.conns.is_empty() && now_ms > it.gone_ms + self.asks_ms);
            return findings.check(!gone, || format!("I20: {} is told of {user}, who is gone", it.device));
        };
        findings.check(aware.awareness.ttl_s == 0, || format!("I20: {user} is gone for a while only"));
        it.told.remove(user);
    }

    fn judge(
        &self,
        findings: &mut Findings,
        now_ms: u64,
        core: usize,
        (from, to): (&Device, &Device),
        (shows, theirs): (bool, bool),
    ) {
        // One's own devices see each other.
        if from.user == to.user {
            return;
        }
        findings.check(theirs, || format!("I9: {to} is told of {from}, with whom they share nothing"));
        let Some(since_ms) = self.hidden_ms.get(&from.user).filter(|_| shows) else { return };
        let knows = self.knows.contains(&(core, from.user.clone()));
        findings.check(!knows && now_ms <= since_ms + self.late_ms, || {
            format!("I20: {to} is told of {from}, who is hidden since {since_ms} ms")
        });
    }

    // ---- the end --------------------------------------------------------------------------------------

    /// Everybody who is here and shows it is seen by those who may. Of what another core knows nothing is told.
    pub(super) fn at_rest(
        &mut self,
        findings: &mut Findings,
        now_ms: u64,
        durable: &Book,
        members: &Members,
    ) {
        self.due(findings, now_ms, durable, members);
        if !self.alone {
            return;
        }
        let here: BTreeSet<&UserId> =
            self.conns.values().filter(|it| it.welcomed).map(|it| &it.device.user).collect();
        for it in self.conns.values().filter(|it| it.welcomed && it.tells) {
            for user in &here {
                let seen = !self.hidden_ms.contains_key(*user) && !self.unread.contains(*user);
                if **user == it.device.user
                    || !seen
                    || !shares(durable, members, (now_ms, 0), user, &it.device.user)
                {
                    continue;
                }
                // What is about to run out is said again when its timer fires.
                let told = it.told.get(*user).is_some_and(|until_ms| until_ms + 1_000 > now_ms);
                findings.check(told, || format!("I20: {} is not told that {user} is here", it.device));
            }
        }
    }
}

/// Whether two users share a conversation, or did so until lately.
fn shares(
    durable: &Book,
    members: &Members,
    (now_ms, late_ms): (u64, u64),
    one: &UserId,
    other: &UserId,
) -> bool {
    let both = |group| [one, other].iter().all(|user| members.was_lately(now_ms, late_ms, group, user));
    durable.contacts(one).contains(other) || members.groups().any(both)
}
