//! Which connections belong to which user, and which users that are here to which group.

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{GroupId, UserId};

use super::io::ConnId;

#[derive(Debug, Default)]
pub(super) struct Roster {
    users: BTreeMap<UserId, Here>,
    groups: BTreeMap<GroupId, BTreeSet<UserId>>,
}

/// A user with at least one connection.
#[derive(Debug, Default)]
struct Here {
    conns: Vec<ConnId>,
    groups: BTreeSet<GroupId>,
}

impl Roster {
    pub(super) fn join(&mut self, user: &UserId, conn: ConnId) {
        match self.users.get_mut(user) {
            Some(here) => here.conns.push(conn),
            None => {
                self.users.insert(user.clone(), Here { conns: vec![conn], groups: BTreeSet::new() });
            }
        }
    }

    pub(super) fn leave(&mut self, user: &UserId, conn: ConnId) {
        let Some(here) = self.users.get_mut(user) else { return };
        here.conns.retain(|other| *other != conn);
        if !here.conns.is_empty() {
            return;
        }
        for group in self.users.remove(user).unwrap_or_default().groups {
            self.gone(user, &group);
        }
    }

    /// A user's connections, oldest first.
    pub(super) fn of(&self, user: &UserId) -> &[ConnId] {
        self.users.get(user).map_or(&[], |here| here.conns.as_slice())
    }

    /// The groups of a user who is here, as storage just said.
    pub(super) fn know(&mut self, user: &UserId, groups: impl IntoIterator<Item = GroupId>) {
        let Some(here) = self.users.get_mut(user) else { return };
        let groups: BTreeSet<GroupId> = groups.into_iter().collect();
        let before = std::mem::replace(&mut here.groups, groups);
        for group in here.groups.difference(&before) {
            self.groups.entry(group.clone()).or_default().insert(user.clone());
        }
        let left: Vec<GroupId> = before.difference(&here.groups).cloned().collect();
        for group in left {
            self.gone(user, &group);
        }
    }

    /// A user joined or left a group. Nothing to remember while they are not here.
    pub(super) fn moved(&mut self, user: &UserId, group: &GroupId, joined: bool) {
        let Some(here) = self.users.get_mut(user) else { return };
        if joined {
            here.groups.insert(group.clone());
            self.groups.entry(group.clone()).or_default().insert(user.clone());
        } else {
            here.groups.remove(group);
            self.gone(user, group);
        }
    }

    /// Whether a user who is here is in a group.
    pub(super) fn is_member(&self, group: &GroupId, user: &UserId) -> bool {
        self.groups.get(group).is_some_and(|members| members.contains(user))
    }

    /// The members of a group who are here.
    pub(super) fn members(&self, group: &GroupId) -> impl Iterator<Item = &UserId> {
        self.groups.get(group).into_iter().flatten()
    }

    fn gone(&mut self, user: &UserId, group: &GroupId) {
        if let Some(members) = self.groups.get_mut(group) {
            members.remove(user);
            if members.is_empty() {
                self.groups.remove(group);
            }
        }
    }
}
