//! Which connections belong to which user, and which users that are here to which group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bimip_proto::{GroupId, UserId};

use super::io::ConnId;
use crate::ledger::{Place, Standing};

#[derive(Debug, Default)]
pub(super) struct Roster {
    users: BTreeMap<UserId, Here>,
    groups: BTreeMap<GroupId, BTreeSet<UserId>>,
}

/// What is left of a user whose last connection is gone.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) groups: Vec<GroupId>,
    pub(super) hidden: bool,
    pub(super) blocked: Arc<BTreeSet<UserId>>,
}

/// A user with at least one connection.
#[derive(Debug, Default)]
struct Here {
    conns: Vec<ConnId>,
    /// The groups they are in, and whether they may speak there.
    groups: BTreeMap<GroupId, Place>,
    /// As storage said, or as it was decided since; `None` until storage has answered.
    standing: Option<Arc<Standing>>,
    /// Whom they have blocked, likewise.
    blocked: Option<Arc<BTreeSet<UserId>>>,
}

impl Roster {
    pub(super) fn join(&mut self, user: &UserId, conn: ConnId) {
        match self.users.get_mut(user) {
            Some(here) => here.conns.push(conn),
            None => {
                self.users.insert(user.clone(), Here { conns: vec![conn], ..Here::default() });
            }
        }
    }

    /// What is known of a user is forgotten with their last connection, and given back.
    pub(super) fn leave(&mut self, user: &UserId, conn: ConnId) -> Option<Left> {
        let here = self.users.get_mut(user)?;
        here.conns.retain(|other| *other != conn);
        if !here.conns.is_empty() {
            return None;
        }
        let here = self.users.remove(user)?;
        for group in here.groups.keys() {
            self.gone(user, group);
        }
        let hidden = here.standing.is_none_or(|standing| standing.hidden);
        let blocked = here.blocked.unwrap_or_default();
        Some(Left { groups: here.groups.into_keys().collect(), hidden, blocked })
    }

    /// What would be left of a user who is here.
    pub(super) fn as_left(&self, user: &UserId) -> Left {
        let (groups, hidden) = (self.groups_of(user), self.is_hidden(user));
        Left { groups, hidden, blocked: self.blocked(user) }
    }

    /// Whether storage has spoken of a user who is here.
    pub(super) fn knows(&self, user: &UserId) -> bool {
        self.users.get(user).is_some_and(|here| here.standing.is_some())
    }

    /// How a user who is here stands. Somebody of whom storage has not spoken yet decided nothing, and is hidden.
    pub(super) fn standing(&self, user: &UserId) -> Arc<Standing> {
        let here = self.users.get(user).and_then(|here| here.standing.as_ref());
        here.map(Arc::clone).unwrap_or_default()
    }

    /// Whether nobody is told what a user is doing.
    pub(super) fn is_hidden(&self, user: &UserId) -> bool {
        let here = self.users.get(user).and_then(|here| here.standing.as_ref());
        here.is_none_or(|standing| standing.hidden)
    }

    /// Storage's word on a user who just came; what was decided since it was asked stands.
    pub(super) fn learn(&mut self, user: &UserId, standing: &Arc<Standing>, blocked: &Arc<BTreeSet<UserId>>) {
        if let Some(here) = self.users.get_mut(user) {
            here.standing.get_or_insert_with(|| Arc::clone(standing));
            here.blocked.get_or_insert_with(|| Arc::clone(blocked));
        }
    }

    /// Whom a user who is here has blocked. Nobody while storage has not spoken: such a user is told of nobody, and hidden.
    pub(super) fn blocked(&self, user: &UserId) -> Arc<BTreeSet<UserId>> {
        let here = self.users.get(user).and_then(|here| here.blocked.as_ref());
        here.map(Arc::clone).unwrap_or_default()
    }

    /// Whether a user who is here takes nothing from another one: they blocked them, or storage has not said yet whom they
    /// block.
    pub(super) fn shuts_out(&self, user: &UserId, other: &UserId) -> bool {
        let Some(here) = self.users.get(user) else { return false };
        user != other && here.blocked.as_ref().is_none_or(|blocked| blocked.contains(other))
    }

    /// A user blocks these from now on: whom they blocked before, if they are here.
    pub(super) fn set_blocked(
        &mut self,
        user: &UserId,
        blocked: Arc<BTreeSet<UserId>>,
    ) -> Option<Arc<BTreeSet<UserId>>> {
        self.users.get_mut(user)?.blocked.replace(blocked)
    }

    /// A user decided something, durably. How they stood before, if they are here.
    pub(super) fn set_standing(&mut self, user: &UserId, standing: Arc<Standing>) -> Option<Arc<Standing>> {
        self.users.get_mut(user)?.standing.replace(standing)
    }

    /// The groups of a user who is here.
    pub(super) fn groups_of(&self, user: &UserId) -> Vec<GroupId> {
        self.users.get(user).map(|here| here.groups.keys().cloned().collect()).unwrap_or_default()
    }

    /// A user's connections, oldest first.
    pub(super) fn of(&self, user: &UserId) -> &[ConnId] {
        self.users.get(user).map_or(&[], |here| here.conns.as_slice())
    }

    /// The groups of a user who is here, as storage just said.
    pub(super) fn know(&mut self, user: &UserId, groups: BTreeMap<GroupId, Place>) {
        let Some(here) = self.users.get_mut(user) else { return };
        let before = std::mem::replace(&mut here.groups, groups);
        for group in here.groups.keys().filter(|group| !before.contains_key(*group)) {
            self.groups.entry(group.clone()).or_default().insert(user.clone());
        }
        let left: Vec<GroupId> =
            before.into_keys().filter(|group| !here.groups.contains_key(group)).collect();
        for group in left {
            self.gone(user, &group);
        }
    }

    /// A user is this to a group now: what they were before. Nothing to remember while they are not here.
    pub(super) fn moved(&mut self, user: &UserId, group: &GroupId, place: Place) -> Option<Place> {
        let here = self.users.get_mut(user)?;
        if place == Place::Out {
            let before = here.groups.remove(group);
            self.gone(user, group);
            return Some(before.unwrap_or(Place::Out));
        }
        self.groups.entry(group.clone()).or_default().insert(user.clone());
        Some(here.groups.insert(group.clone(), place).unwrap_or(Place::Out))
    }

    /// What a user who is here is to their groups.
    pub(super) fn places_of(&self, user: &UserId) -> BTreeMap<GroupId, Place> {
        self.users.get(user).map(|here| here.groups.clone()).unwrap_or_default()
    }

    /// What a user who is here is to a group.
    pub(super) fn place(&self, group: &GroupId, user: &UserId) -> Place {
        let here = self.users.get(user).and_then(|here| here.groups.get(group));
        here.copied().unwrap_or(Place::Out)
    }

    /// Whether a user who is here is in a group.
    pub(super) fn is_member(&self, group: &GroupId, user: &UserId) -> bool {
        self.groups.get(group).is_some_and(|members| members.contains(user))
    }

    /// The members of a group who are here.
    pub(super) fn members(&self, group: &GroupId) -> impl Iterator<Item = &UserId> {
        self.groups.get(group).into_iter().flatten()
    }

    /// How many members of a group are here.
    pub(super) fn members_here(&self, group: &GroupId) -> usize {
        self.groups.get(group).map_or(0, BTreeSet::len)
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
