//! Asking storage again about a user who is here, since another core may have changed something.
//!
//! The question is the one that began the session, and its answer says all that can have changed: how far the mailbox
//! reaches, the groups, the standing. It is asked after a wake-up and now and then, through one connection for each
//! user.

use std::collections::BTreeMap;
use std::sync::Arc;

use bimip_proto::{CloseReason, GroupId, Now, UserId};

use super::connection::Connection;
use super::core::{ServerCore, known_groups};
use super::io::{Attachment, ConnId, Output};
use super::timers::Due;
use crate::ledger::{Place, Standing};

/// A question that storage has not answered yet.
#[derive(Debug)]
pub(super) struct Look {
    /// Through which connection it was asked.
    pub(super) conn: ConnId,
    /// The answer may be older than the last reason to ask, so it is asked once more.
    again: bool,
    /// Groups that the user came into and left meanwhile by commands of this core: the answer may be older. Bounded by
    /// the tickets under way.
    moves: Vec<(GroupId, Place)>,
    /// The same for decisions about the account.
    decided: bool,
    /// How often a feed had grown when storage was asked.
    fed: u64,
}

impl Look {
    pub(super) fn moved(&mut self, group: &GroupId, place: Place) {
        self.moves.push((group.clone(), place));
        self.again = true;
    }

    pub(super) const fn decided(&mut self) {
        self.decided = true;
        self.again = true;
    }
}

impl ServerCore {
    /// Something about a user may have changed. Asked at once, or again when the question that is out is answered.
    pub(super) fn look(&mut self, user: &UserId) {
        let (spokesman, fed) = (self.spokesman(user), self.pulls.fed);
        let Some(others) = &mut self.others else { return };
        // What is being let in looks once more when it is in.
        others.outdate(self.roster.of(user));
        if let Some(look) = others.looks.get_mut(user) {
            look.again = true;
            return;
        }
        let Some((conn, device)) = spokesman else { return };
        others
            .looks
            .insert(user.clone(), Look { conn, again: false, moves: Vec::new(), decided: false, fed });
        self.counters.looks += 1;
        self.output(Output::Attach(conn, device));
    }

    /// It is time to look at a user, woken or not.
    pub(super) fn poll_due(&mut self, now: Now, user: &UserId) {
        let Some(conn) = self.roster.of(user).first().copied() else { return };
        let Some(others) = &mut self.others else { return };
        let due_mono_ms = now.mono_ms + others.poll_in_ms(conn);
        others.polls.insert(user.clone(), due_mono_ms);
        self.timers.set(due_mono_ms, Due::Poll(user.clone()));
        self.look(user);
    }

    /// Storage's answer about a user who is here already. What could not be read is asked again at the next poll.
    pub(super) fn looked(&mut self, now: Now, conn: ConnId, attachment: Option<Attachment>) {
        let Some(others) = &mut self.others else { return };
        let Some(user) = self.conns.get(&conn).and_then(Connection::grant).map(|it| it.device.user.clone())
        else {
            return;
        };
        if others.looks.get(&user).is_none_or(|look| look.conn != conn) {
            return;
        }
        let Some(look) = others.looks.remove(&user) else { return };
        let Some(attachment) = attachment else { return };
        self.may_have_grown(&user, attachment.head);
        if attachment.behind || look.fed < self.pulls.fed {
            self.want_pull(&user, attachment.behind);
        }
        if !look.decided {
            self.stands_elsewhere(now, &user, &attachment.standing);
            self.blocks(&user, &attachment.blocked);
        }
        self.moved_elsewhere(now, &user, &known_groups(attachment.groups, &attachment.listens, look.moves));
        if look.again {
            self.look(&user);
        }
    }

    /// What was decided on another core ends sessions here, as if it had been decided here.
    fn stands_elsewhere(&mut self, now: Now, user: &UserId, standing: &Arc<Standing>) {
        let Some(others) = &self.others else { return };
        let ended = |conn: &ConnId| {
            let grant = self.conns.get(conn).and_then(Connection::grant);
            grant.is_some_and(|it| others.logged_out(*conn, standing.logged_out_before(&it.device.name)))
        };
        let ended: Vec<ConnId> = self.roster.of(user).iter().copied().filter(ended).collect();
        let hidden = self.roster.is_hidden(user);
        for conn in ended {
            self.counters.logged_out += 1;
            self.close(now, conn, CloseReason::LoggedOut);
        }
        self.stands(now, user, standing);
        if hidden != standing.hidden {
            self.say_visible(user, !standing.hidden, None);
        }
    }

    /// The groups of a user, as storage said when a session began. A user who was here already may have moved on another
    /// core since.
    pub(super) fn know_groups(&mut self, now: Now, user: &UserId, groups: BTreeMap<GroupId, Place>) {
        if self.others.is_some() && self.roster.of(user).len() > 1 {
            return self.moved_elsewhere(now, user, &groups);
        }
        self.roster.know(user, groups);
    }

    fn moved_elsewhere(&mut self, now: Now, user: &UserId, groups: &BTreeMap<GroupId, Place>) {
        let before = self.roster.places_of(user);
        for group in before.keys().filter(|group| !groups.contains_key(*group)) {
            self.moves(now, user, group, Place::Out);
        }
        for (group, place) in groups.iter().filter(|(group, place)| before.get(*group) != Some(*place)) {
            self.moves(now, user, group, *place);
        }
    }
}
