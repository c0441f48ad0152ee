//! What the commit thread remembers about groups, so that a message to one costs neither a scan nor a read.

use std::sync::Arc;

use bimip_proto::{ConversationId, GroupId, UserId};
use bimip_session::ledger::{GroupHead, Membership};

use super::Memo;
use crate::storage::StorageError;
use crate::storage::embedded::names::{ConversationNo, UserNo};
use crate::storage::embedded::recent::Recent;
use crate::storage::embedded::rows::Rows;

/// Heads, who somebody is in a group, and both kinds of lists. Lists count as many as are in them.
#[derive(Debug)]
pub(super) struct Groups {
    heads: Recent<GroupId, Option<GroupHead>>,
    memberships: Recent<(GroupId, UserId), Membership>,
    members: Recent<GroupId, Arc<[UserId]>>,
    of_users: Recent<UserId, Arc<[GroupId]>>,
}

impl Groups {
    pub(super) fn new(names: usize, listed: usize) -> Self {
        Self {
            heads: Recent::new(names),
            memberships: Recent::new(names),
            members: Recent::weighing(listed, |members| members.len()),
            of_users: Recent::weighing(listed, |groups| groups.len()),
        }
    }

    pub(super) fn forget(&mut self) {
        let Self { heads, memberships, members, of_users } = self;
        heads.forget();
        memberships.forget();
        members.forget();
        of_users.forget();
    }
}

impl Memo {
    pub(super) fn group_no(
        &mut self,
        group: &GroupId,
        rows: &Rows<'_>,
    ) -> Result<Option<ConversationNo>, StorageError> {
        let id = ConversationId::Group(group.clone());
        Ok(self.conversation(&id, rows)?.map(|conversation| conversation.no))
    }

    pub(super) fn user_no(&mut self, user: &UserId, rows: &Rows<'_>) -> Result<Option<UserNo>, StorageError> {
        Ok(self.user(user, rows)?.map(|user| user.no))
    }

    pub(in super::super) fn group(
        &mut self,
        group: &GroupId,
        rows: &Rows<'_>,
    ) -> Result<Option<GroupHead>, StorageError> {
        if let Some(known) = self.groups.heads.get(group) {
            return Ok(known);
        }
        let head = match self.group_no(group, rows)? {
            Some(no) => rows.group_head(no)?,
            None => None,
        };
        self.groups.heads.set(group, head);
        Ok(head)
    }

    pub(in super::super) fn membership(
        &mut self,
        group: &GroupId,
        user: &UserId,
        rows: &Rows<'_>,
    ) -> Result<Membership, StorageError> {
        let key = (group.clone(), user.clone());
        if let Some(known) = self.groups.memberships.get(&key) {
            return Ok(known);
        }
        let membership = match (self.group_no(group, rows)?, self.user_no(user, rows)?) {
            (Some(group), Some(user)) => rows.membership(group, user)?.unwrap_or_default(),
            _ => Membership::default(),
        };
        self.groups.memberships.set(&key, membership.clone());
        Ok(membership)
    }

    pub(in super::super) fn members(
        &mut self,
        group: &GroupId,
        rows: &Rows<'_>,
    ) -> Result<Arc<[UserId]>, StorageError> {
        if let Some(known) = self.groups.members.get(group) {
            return Ok(known);
        }
        let members: Arc<[UserId]> = match self.group_no(group, rows)? {
            Some(no) => rows.members(no)?.into(),
            None => Arc::default(),
        };
        self.groups.members.set(group, Arc::clone(&members));
        Ok(members)
    }

    pub(in super::super) fn groups_of(
        &mut self,
        user: &UserId,
        rows: &Rows<'_>,
    ) -> Result<Arc<[GroupId]>, StorageError> {
        if let Some(known) = self.groups.of_users.get(user) {
            return Ok(known);
        }
        let groups: Arc<[GroupId]> = match self.user_no(user, rows)? {
            Some(no) => rows.groups_of(no)?.into(),
            None => Arc::default(),
        };
        self.groups.of_users.set(user, Arc::clone(&groups));
        Ok(groups)
    }

    // ---- what a batch changes -----------------------------------------------------------------------

    pub(in super::super) fn set_group(&mut self, group: &GroupId, head: GroupHead) {
        self.groups.heads.set(group, Some(head));
    }

    /// Lists follow where they are remembered.
    pub(in super::super) fn set_membership(
        &mut self,
        group: &GroupId,
        user: &UserId,
        membership: &Membership,
    ) {
        self.groups.memberships.set(&(group.clone(), user.clone()), membership.clone());
        let is_member = membership.is_member();
        // Nobody asks for the members of a group that has a feed, and there may be very many.
        let fed = matches!(self.feeds.heads.get(group), Some(Some(_)));
        if fed {
            self.groups.members.remove(group);
        } else if let Some(members) = self.groups.members.get(group) {
            self.groups.members.set(group, listed(&members, user, is_member));
        }
        if let Some(groups) = self.groups.of_users.get(user) {
            self.groups.of_users.set(user, listed(&groups, group, is_member));
        }
    }
}

/// The list, in order, with or without somebody.
fn listed<T: Ord + Clone>(list: &Arc<[T]>, who: &T, there: bool) -> Arc<[T]> {
    match (list.binary_search(who), there) {
        (Ok(_), true) | (Err(_), false) => Arc::clone(list),
        (Ok(at), false) => list[..at].iter().chain(&list[at + 1..]).cloned().collect(),
        (Err(at), true) => list[..at].iter().chain([who]).chain(&list[at..]).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_stay_in_order_and_hold_everybody_once() {
        let mut list: Arc<[u8]> = Arc::default();
        for (who, there) in [(5, true), (1, true), (9, true), (5, true), (1, false), (7, false), (6, true)] {
            list = listed(&list, &who, there);
        }
        assert_eq!(*list, [5, 6, 9]);
    }
}
