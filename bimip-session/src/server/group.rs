//! Joining and leaving, from a put to the roster.

use bimip_proto::{Address, ClientPacket, Device, GroupId, Now, UserId};

use super::connection::{Connection, Phase};
use super::core::ServerCore;
use super::io::ConnId;
use crate::ledger::{Ack, Audience, Committed, Guard, Outcome, Place, Put, Record, Ticket};

impl ServerCore {
    /// A client wants to be in a group. Many join again whenever they connect: that writes nothing, but the answer
    /// is made from storage's word all the same.
    pub(super) fn join(&mut self, now: Now, conn: ConnId, device: &Device, group: GroupId) {
        self.counters.group_moves += 1;
        let put = self.join_put(now, Guard::MayJoin, device, group.clone());
        self.store(conn, vec![put], Ack::Joined(group));
    }

    /// A client wants to be in a group no more. What it was saying there ends first, while it still may speak.
    pub(super) fn leave_group(&mut self, now: Now, conn: ConnId, device: &Device, group: GroupId) {
        let to = Address::Group(group.clone());
        if let Some(over) = self.bursts.end(now, &device.user, &to, &mut self.timers) {
            self.end_talk(now, conn, device, to, Some(over), Ack::None);
        }
        if self.conns.get(&conn).is_some_and(|connection| connection.barred > 0) {
            // The end of the talk waits for its sound, and nothing of a talk is said by who has left.
            return self.hold_first(conn, ClientPacket::Leave(group).into());
        }
        self.counters.group_moves += 1;
        let record = Record::Leave { by: device.clone(), at: now.stamp(), group: group.clone() };
        let put = moving(Guard::None, record);
        self.store(conn, vec![put], Ack::Left(group));
    }

    /// Joins the groups that the sign-in granted. Most are known; only the store can say which.
    pub(super) fn enter(&mut self, now: Now, conn: ConnId, device: &Device, groups: Vec<GroupId>) {
        let puts: Vec<Put> =
            groups.into_iter().map(|group| self.join_put(now, Guard::None, device, group)).collect();
        if !puts.is_empty() {
            self.bar(conn);
            self.commit(conn, Ticket::new(conn, puts, None, Ack::Entered));
        }
    }

    fn join_put(&self, now: Now, guard: Guard, device: &Device, group: GroupId) -> Put {
        let (opens, row_members) = (self.config.open_groups, self.config.row_members);
        moving(guard, Record::Join { by: device.clone(), at: now.stamp(), group, opens, row_members })
    }

    /// What a connection says from here on waits until storage has answered.
    pub(super) fn bar(&mut self, conn: ConnId) {
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.barred += 1;
        }
    }

    /// Storage has answered something that the connection's next words wait for.
    pub(super) fn unbar(&mut self, now: Now, conn: ConnId) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        connection.barred = connection.barred.saturating_sub(1);
        if connection.barred == 0 {
            self.release(now, conn);
        }
    }

    /// Somebody came or went, or is heard no more, durably. What another of their connections began to say meanwhile is
    /// over.
    pub(super) fn moved(&mut self, now: Now, outcome: &Outcome) {
        match outcome {
            Outcome::Joined { user, group, place } => self.moved_to(now, user, group, *place),
            Outcome::Left { user, group, heir } => {
                self.moved_to(now, user, group, Place::Out);
                if let Some(heir) = heir {
                    self.moved_to(now, heir, group, Place::Speaks);
                }
            }
            Outcome::Grouped { group, moves, .. } => {
                for (user, place) in moves {
                    self.moved_to(now, user, group, *place);
                }
            }
            _ => {}
        }
    }

    /// Who goes from a group that has a feed has yet to read there that they did.
    pub(super) fn goodbyes(&mut self, proof: &Committed) {
        if proof.fed().is_empty() {
            return;
        }
        for outcome in proof.outcomes() {
            match outcome {
                Outcome::Left { user, .. } => self.want_pull(user, false),
                Outcome::Grouped { moves, .. } => {
                    for (user, _) in moves.iter().filter(|(_, place)| *place == Place::Out) {
                        self.want_pull(user, false);
                    }
                }
                _ => {}
            }
        }
    }

    fn moved_to(&mut self, now: Now, user: &UserId, group: &GroupId, place: Place) {
        let news = self.moves(now, user, group, place);
        self.moved_here(user, group, place, news);
    }

    /// What a user is to a group now. Whether that is news.
    pub(super) fn moves(&mut self, now: Now, user: &UserId, group: &GroupId, place: Place) -> bool {
        for conn in self.roster.of(user) {
            if let Some(Connection { phase: Phase::Attaching { moves, .. }, .. }) = self.conns.get_mut(conn) {
                moves.push((group.clone(), place));
            }
        }
        let before = self.roster.moved(user, group, place);
        if before == Some(Place::Out) && place != Place::Out {
            self.shown(user);
            self.entered(now, user, group);
        }
        if place != Place::Speaks {
            // No message comes of it: it is said by nobody who may.
            if let Some(over) = self.bursts.end(now, user, &Address::Group(group.clone()), &mut self.timers) {
                self.bursts.tapes.drop(over.tape);
                self.tapes_dropped();
            }
        }
        before.is_some_and(|before| before != place)
    }
}

/// A put that changes who is in a group. Nobody's mailbox gets a row of it.
const fn moving(guard: Guard, record: Record) -> Put {
    Put::new(guard, Audience::Users(Vec::new()), record)
}
