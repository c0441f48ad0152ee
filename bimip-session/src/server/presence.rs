//! Who is doing what, and who is told: live, never stored, gone with a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bimip_proto::{
    Address, Aware, Awareness, Device, GroupId, Location, Now, Presence, Reach, Reject, ServerPacket, Signal,
    Track, UserId, limits,
};

use super::connection::Phase;
use super::core::ServerCore;
use super::io::{ConnId, Output};
use super::roster::Left;
use super::timers::Due;
use crate::ledger::Outgoing;

/// What every user who is here is doing.
#[derive(Debug, Default)]
pub(super) struct Presences(BTreeMap<UserId, Doing>);

#[derive(Debug)]
struct Doing {
    presence: Presence,
    location: Option<Location>,
    /// The device that said it, or that came first.
    by: Device,
    /// Until when, if its client said so; then the user is merely here again.
    until_mono_ms: Option<u64>,
    /// When it is looked at again.
    due_mono_ms: u64,
    /// Somebody was told who may still be there: only then is it said again.
    watched: bool,
    /// Storage was asked who is to be told. What is true when it answers is told, however often it changed.
    asked: bool,
    /// The last connection is gone, and with it the roster's knowledge of the user.
    gone: Option<Left>,
}

impl Presences {
    /// What a user who is not gone is doing. Whether they are hidden, the roster knows.
    fn here(&mut self, user: &UserId) -> Option<&mut Doing> {
        self.0.get_mut(user).filter(|doing| doing.gone.is_none())
    }
}

impl Doing {
    fn aware(&self, now: Now) -> Aware {
        // What the client limited is told with what is left of it; the rest is said again before it runs out.
        let left_ms = self.until_mono_ms.map(|until| until.saturating_sub(now.mono_ms));
        let left_s = left_ms.map_or(0, |ms| u32::try_from(ms.div_ceil(1_000)).unwrap_or(u32::MAX).max(1));
        let ttl_s = told_ttl_s(self.presence, left_s);
        let awareness = Awareness {
            id: None,
            to: None,
            presence: self.presence,
            location: self.location,
            ttl_s,
            at: Some(now.stamp()),
        };
        Aware { from: self.by.clone(), awareness }
    }
}

/// For how long a presence is told to hold of which its client said `said_s`, 0 for as long as it likes.
const fn told_ttl_s(presence: Presence, said_s: u32) -> u32 {
    match (presence, said_s) {
        (Presence::Offline, _) => 0,
        (_, 1..limits::PRESENCE_TTL_S) => said_s,
        _ => limits::PRESENCE_TTL_S,
    }
}

impl ServerCore {
    /// A session begins: its user is here, and it is told who else is.
    pub(super) fn came(&mut self, now: Now, conn: ConnId, device: &Device, contacts: &[UserId]) {
        let returned = self.presences.0.get_mut(&device.user).map(|doing| doing.gone.take().is_some());
        if returned != Some(false) {
            self.begin(now, device);
            self.tell_who(now, &device.user, contacts);
        }
        let tells = self.conns.get(&conn).is_some_and(|it| it.caps.presence);
        if !tells {
            return;
        }
        if self.roster.is_hidden(&device.user) {
            self.send_live(vec![conn], ServerPacket::Visible { id: None, visible: false });
        }
        let groups = self.roster.groups_of(&device.user);
        let blocked = self.roster.blocked(&device.user);
        let users = self.neighbours(&device.user, contacts, &groups, &blocked);
        self.show_around(now, &[conn], users);
    }

    /// Who comes into a group sees who of it is here.
    pub(super) fn entered(&mut self, now: Now, user: &UserId, group: &GroupId) {
        let blocked = self.roster.blocked(user);
        let users = self.neighbours(user, &[], std::slice::from_ref(group), &blocked);
        let mut conns = Vec::new();
        self.onlookers(user, None, &mut conns);
        self.show_around(now, &conns, users);
    }

    fn show_around(&mut self, now: Now, conns: &[ConnId], users: Vec<UserId>) {
        if conns.is_empty() {
            return;
        }
        let mut around = Vec::new();
        for user in users {
            if self.roster.is_hidden(&user) {
                continue;
            }
            if let Some(doing) = self.presences.here(&user) {
                doing.watched = true;
                around.push(doing.aware(now));
            }
        }
        for part in around.chunks(limits::AROUND) {
            self.send_live(conns.to_vec(), ServerPacket::Around(part.to_vec()));
        }
    }

    /// What a user is doing who is here and not hidden.
    pub(super) fn shows(&self, now: Now, user: &UserId) -> Option<Aware> {
        let here = self.presences.0.get(user).filter(|doing| doing.gone.is_none());
        here.filter(|_| !self.roster.is_hidden(user)).map(|doing| doing.aware(now))
    }

    fn begin(&mut self, now: Now, device: &Device) {
        self.unset_presence(&device.user);
        let due_mono_ms = now.mono_ms + self.config.presence_refresh_ms;
        let doing = Doing {
            presence: Presence::Online,
            location: None,
            by: device.clone(),
            until_mono_ms: None,
            due_mono_ms,
            watched: false,
            asked: self.presences.0.get(&device.user).is_some_and(|before| before.asked),
            gone: None,
        };
        self.presences.0.insert(device.user.clone(), doing);
        self.timers.set(due_mono_ms, Due::Presence(device.user.clone()));
    }

    fn unset_presence(&mut self, user: &UserId) {
        if let Some(doing) = self.presences.0.get(user) {
            self.timers.unset(doing.due_mono_ms, Due::Presence(user.clone()));
        }
    }

    /// Whether a connection of a user says that they are here.
    pub(super) fn is_present(&self, user: &UserId) -> bool {
        let says = |conn: &ConnId| self.conns.get(conn).is_some_and(|it| it.caps.present);
        self.roster.of(user).iter().any(says)
    }

    /// The last connection of a user is gone, or the last that said that they are here.
    pub(super) fn went(&mut self, user: &UserId, left: Left) {
        self.unset_presence(user);
        let ends = self.is_draining();
        let Some(doing) = self.presences.0.get_mut(user) else { return };
        if doing.gone.is_some() {
            // It was only being let in. That the user went is about to be told already.
            return;
        }
        (doing.presence, doing.location, doing.until_mono_ms) = (Presence::Offline, None, None);
        let hidden = left.hidden;
        doing.gone = Some(left);
        // When the server ends, everybody goes.
        if hidden || ends {
            self.presences.0.remove(user);
        } else {
            self.tell(user);
        }
    }

    /// Asks who is to be told what a user is doing.
    fn tell(&mut self, user: &UserId) {
        match self.presences.0.get_mut(user) {
            Some(doing) if !doing.asked => doing.asked = true,
            _ => return,
        }
        self.output(Output::Contacts(user.clone()));
    }

    /// The answer to [`Output::Contacts`].
    pub(super) fn contacts(&mut self, now: Now, user: &UserId, contacts: Option<&[UserId]>) {
        let Some(doing) = self.presences.0.get_mut(user) else { return };
        doing.asked = false;
        if let Some(contacts) = contacts {
            self.tell_who(now, user, contacts);
        }
        if self.presences.here(user).is_none() {
            self.presences.0.remove(user);
        }
    }

    /// Tells everybody who may know and is here. Nobody, if the user is hidden.
    fn tell_who(&mut self, now: Now, user: &UserId, contacts: &[UserId]) {
        let Some(doing) = self.presences.0.get(user) else { return };
        if doing.gone.is_none() && self.roster.is_hidden(user) {
            self.counters.presence_hidden += 1;
            return;
        }
        let aware = doing.aware(now);
        let (groups, blocked) = match &doing.gone {
            Some(left) => (left.groups.clone(), Arc::clone(&left.blocked)),
            None => (self.roster.groups_of(user), self.roster.blocked(user)),
        };
        let mut conns = Vec::new();
        for other in self.neighbours(user, contacts, &groups, &blocked) {
            self.onlookers(&other, None, &mut conns);
        }
        if let Some(doing) = self.presences.here(user) {
            doing.watched = !conns.is_empty();
        }
        self.send_live(conns, ServerPacket::Aware(aware));
    }

    /// Everybody who shares a conversation with a user, or a group that is not too large, once each, and not the user. Nobody
    /// of two of whom one has blocked the other: neither sees what the other is doing.
    pub(super) fn neighbours(
        &self,
        user: &UserId,
        contacts: &[UserId],
        groups: &[GroupId],
        blocked: &BTreeSet<UserId>,
    ) -> Vec<UserId> {
        let groups = groups.iter().filter(|group| self.tells_presence(group, user));
        let members = groups.flat_map(|group| self.roster.members(group));
        let mut all: Vec<UserId> = contacts.iter().chain(members).filter(|it| *it != user).cloned().collect();
        all.sort_unstable();
        all.dedup();
        all.retain(|it| !blocked.contains(it) && !self.roster.shuts_out(it, user));
        all
    }

    /// Whether members of a group are told of a user through it. Where everybody tells everybody the work is the square of
    /// those who are here, so in a large group nobody does. Who just went is counted as if they were still here.
    fn tells_presence(&self, group: &GroupId, user: &UserId) -> bool {
        let others = self.roster.members_here(group) - usize::from(self.roster.is_member(group, user));
        others < limits::ROW_MEMBERS as usize
    }

    /// The connections of a user that are told what others are doing.
    fn onlookers(&self, user: &UserId, except: Option<ConnId>, conns: &mut Vec<ConnId>) {
        for conn in self.roster.of(user) {
            let Some(it) = self.conns.get(conn) else { continue };
            if matches!(it.phase, Phase::Live { .. }) && it.caps.presence && Some(*conn) != except {
                conns.push(*conn);
            }
        }
    }

    fn send_live(&mut self, conns: Vec<ConnId>, packet: ServerPacket) {
        if !conns.is_empty() {
            self.counters.presence_told += conns.len() as u64;
            self.output(Output::SendAll(conns.into(), Outgoing::live(packet)));
        }
    }

    // ---- what clients say ---------------------------------------------------------------------------------

    /// A client says what its user is doing.
    pub(super) fn awareness(&mut self, now: Now, conn: ConnId, device: &Device, said: Awareness) {
        let awareness = Awareness { at: Some(now.stamp()), ..said };
        let mut aware = Aware { from: device.clone(), awareness };
        let mut conns = Vec::new();
        match (aware.awareness.presence.reach(), &aware.awareness.to) {
            (Reach::Contacts, _) => {
                self.onlookers(&device.user, Some(conn), &mut conns);
                self.does(now, device, &aware.awareness);
                aware.awareness.ttl_s = told_ttl_s(aware.awareness.presence, aware.awareness.ttl_s);
            }
            (Reach::Own, _) => self.onlookers(&device.user, Some(conn), &mut conns),
            (Reach::Peer, Some(Address::User(to))) if !self.hides(&device.user) => {
                if self.is_cut_off(&device.user, to, true) {
                    return;
                }
                self.onlookers(to, Some(conn), &mut conns);
            }
            (Reach::Peer, _) => return,
        }
        self.send_live(conns, ServerPacket::Aware(aware));
    }

    fn does(&mut self, now: Now, device: &Device, said: &Awareness) {
        self.unset_presence(&device.user);
        let Some(doing) = self.presences.0.get_mut(&device.user) else { return };
        (doing.presence, doing.location, doing.by) = (said.presence, said.location, device.clone());
        doing.until_mono_ms = (said.ttl_s > 0).then(|| now.mono_ms + u64::from(said.ttl_s) * 1_000);
        let refresh = now.mono_ms + self.config.presence_refresh_ms;
        doing.due_mono_ms = doing.until_mono_ms.map_or(refresh, |until| until.min(refresh));
        self.timers.set(doing.due_mono_ms, Due::Presence(device.user.clone()));
        if !self.hides(&device.user) {
            self.tell(&device.user);
        }
    }

    /// What a user is doing is said again before it runs out, or has run out.
    pub(super) fn presence_due(&mut self, now: Now, user: &UserId) {
        let Some(doing) = self.presences.0.get_mut(user) else { return };
        if doing.until_mono_ms.is_some_and(|until| until <= now.mono_ms) {
            (doing.presence, doing.location, doing.until_mono_ms) = (Presence::Online, None, None);
        }
        let watched = doing.watched;
        let refresh = now.mono_ms + self.config.presence_refresh_ms;
        doing.due_mono_ms = doing.until_mono_ms.map_or(refresh, |until| until.min(refresh));
        self.timers.set(doing.due_mono_ms, Due::Presence(user.clone()));
        if watched && !self.roster.is_hidden(user) {
            self.tell(user);
        }
    }

    /// A client says what its user does in a conversation.
    pub(super) fn signal(&mut self, now: Now, conn: ConnId, device: &Device, origin: u32, said: Signal) {
        if said.act.is_presence() && self.hides(&device.user) {
            return;
        }
        if let Address::User(to) = &said.to
            && self.is_cut_off(&device.user, to, said.act.is_presence())
        {
            return;
        }
        match self.listening(conn, device, &said.to) {
            Ok(conns) => {
                let signal = Signal { at: Some(now.stamp()), ..said };
                self.send_live(conns, ServerPacket::Signal { from: device.clone(), signal });
            }
            Err(reason) => self.decline(conn, origin, said.id, reason),
        }
    }

    /// A client says where its user is.
    pub(super) fn track(&mut self, conn: ConnId, device: &Device, origin: u32, track: Track) {
        if self.hides(&device.user) {
            return;
        }
        if let Address::User(to) = &track.to
            && self.is_cut_off(&device.user, to, true)
        {
            return;
        }
        match self.listening(conn, device, &track.to) {
            Ok(conns) => self.send_live(conns, ServerPacket::Track { from: device.clone(), track }),
            Err(reason) => self.decline(conn, origin, track.id, reason),
        }
    }

    /// The connections at the other end of a conversation.
    fn listening(&self, conn: ConnId, device: &Device, to: &Address) -> Result<Vec<ConnId>, Reject> {
        let mut conns = Vec::new();
        match to {
            Address::User(user) => self.onlookers(user, Some(conn), &mut conns),
            Address::Group(group) if self.roster.is_member(group, &device.user) => {
                for member in self.roster.members(group) {
                    self.onlookers(member, Some(conn), &mut conns);
                }
            }
            _ => return Err(Reject::NotMember),
        }
        Ok(conns)
    }

    /// Whether a user's presence stays here. Counted, since nothing else tells.
    fn hides(&mut self, user: &UserId) -> bool {
        let hidden = self.roster.is_hidden(user);
        self.counters.presence_hidden += u64::from(hidden);
        hidden
    }

    /// Whether what a user says to another one stays here, because that one has blocked them; what tells what somebody is
    /// doing, also because they have blocked that one. Counted, since nobody is told.
    pub(super) fn is_cut_off(&mut self, from: &UserId, to: &UserId, presence: bool) -> bool {
        let cut_off = self.roster.shuts_out(to, from) || presence && self.roster.shuts_out(from, to);
        self.counters.live_blocked += u64::from(cut_off);
        cut_off
    }

    /// Whom a user has blocked, from now on. Those who are blocked no more and the user see each other again. That somebody
    /// is blocked they are not told, nor that the user went: what they know runs out.
    pub(super) fn blocks(&mut self, user: &UserId, blocked: &Arc<BTreeSet<UserId>>) {
        let Some(before) = self.roster.set_blocked(user, Arc::clone(blocked)) else { return };
        let mut freed = before.difference(blocked).peekable();
        if freed.peek().is_some() {
            self.shown(user);
        }
        for other in freed {
            self.shown(other);
        }
    }

    /// There are others to be told what a user is doing: the user is seen again, came into a group, or has a new contact.
    pub(super) fn shown(&mut self, user: &UserId) {
        if !self.roster.is_hidden(user) {
            self.tell(user);
        }
    }
}
