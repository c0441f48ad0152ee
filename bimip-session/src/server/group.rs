//! Joining and leaving, from a put to the roster.

use bimip_proto::{Address, ClientPacket, Device, GroupId, Now, UserId};

use super::connection::{Connection, Phase};
use super::core::ServerCore;
use super::io::ConnId;
use crate::ledger::{Ack, Audience, Guard, Outcome, Put, Record, Ticket};

impl ServerCore {
    /// A client wants to be in a group. Many join again whenever they connect: that writes nothing, but the answer
    /// is made from storage's word all the same.
    pub(super) fn join(&mut self, conn: ConnId, device: &Device, group: GroupId) {
        self.counters.group_moves += 1;
        let put = self.join_put(Guard::MayJoin, device, group.clone());
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
            return self.hold_first(conn, ClientPacket::Leave(group));
        }
        self.counters.group_moves += 1;
        let record = Record::Leave { user: device.user.clone(), group: group.clone() };
        let put = moving(Guard::None, record);
        self.store(conn, vec![put], Ack::Left(group));
    }

    /// Joins the groups that the sign-in granted. Most are known; only the store can say which.
    pub(super) fn enter(&mut self, conn: ConnId, device: &Device, groups: Vec<GroupId>) {
        let puts: Vec<Put> =
            groups.into_iter().map(|group| self.join_put(Guard::None, device, group)).collect();
        if !puts.is_empty() {
            self.bar(conn);
            self.commit(conn, Ticket::new(conn, puts, None, Ack::Entered));
        }
    }

    fn join_put(&self, guard: Guard, device: &Device, group: GroupId) -> Put {
        moving(
            guard,
            Record::Join {
                user: device.user.clone(),
                group,
                opens: self.config.open_groups,
                row_members: self.config.row_members,
            },
        )
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

    /// Somebody came or went, durably. What another of their connections began to say meanwhile is over.
    pub(super) fn moved(&mut self, now: Now, outcome: &Outcome) {
        let (user, group, joined) = match outcome {
            Outcome::Joined { user, group } => (user, group, true),
            Outcome::Left { user, group } => (user, group, false),
            _ => return,
        };
        let news = self.moves(now, user, group, joined);
        self.moved_here(user, group, joined, news);
    }

    /// A user is in a group now, or is no more. Whether that is news.
    pub(super) fn moves(&mut self, now: Now, user: &UserId, group: &GroupId, joined: bool) -> bool {
        for conn in self.roster.of(user) {
            if let Some(Connection { phase: Phase::Attaching { moves, .. }, .. }) = self.conns.get_mut(conn) {
                moves.push((group.clone(), joined));
            }
        }
        let news = self.roster.moved(user, group, joined);
        if joined && news {
            self.shown(user);
            self.entered(now, user, group);
        }
        if !joined {
            // No message comes of it: it is said by nobody in the group.
            if let Some(over) = self.bursts.end(now, user, &Address::Group(group.clone()), &mut self.timers) {
                self.bursts.tapes.drop(over.tape);
                self.tapes_dropped();
            }
        }
        news
    }
}

/// A put that changes who is in a group. Nobody's mailbox gets a row of it.
const fn moving(guard: Guard, record: Record) -> Put {
    Put::new(guard, Audience::Users(Vec::new()), record)
}
