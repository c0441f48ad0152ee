//! Groups: that heads, memberships and the lists of users say the same.

use bimip_proto::{GroupId, UserId};
use bimip_session::ledger::GroupHead;

use super::checker::Checker;
use crate::storage::embedded::keys::{self, Key};
use crate::storage::embedded::names::{ConversationNo, UserNo};
use crate::storage::embedded::rows::SHAPE;
use crate::storage::embedded::rows::groups::{group_name, head, membership};

/// The group whose memberships are being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct InGroup {
    group: ConversationNo,
    members: u32,
}

impl Checker<'_, '_> {
    pub(super) fn group_head(&mut self, key: &Key, bytes: &[u8], numbers: [u64; 2], group: ConversationNo) {
        let Some(GroupHead { members, .. }) = head(numbers) else { return self.find(key, bytes, SHAPE) };
        if !self.is_group(group) {
            self.find(key, bytes, "there is no such group");
        }
        if members > 0 && self.rows.members(group).is_ok_and(|there| there.is_empty()) {
            self.find(key, bytes, format!("it counts {members} members, and none is there"));
        }
    }

    pub(super) fn member(
        &mut self,
        key: &Key,
        bytes: &[u8],
        value: &[u8],
        group: ConversationNo,
        user: UserNo,
    ) {
        if self.group.is_none_or(|before| before.group != group) {
            self.group_ends();
            self.group = Some(InGroup { group, members: 0 });
            if !self.is_group(group) {
                self.find(key, bytes, "there is no such group");
            }
        }
        let Ok((membership, name)) = membership(value) else { return self.find(key, bytes, SHAPE) };
        if !self.is_name(&name, user) {
            self.find(key, bytes, format!("user {name} has another number"));
        }
        if let Some(counted) = &mut self.group {
            counted.members += u32::from(membership.is_member());
        }
        let Ok(listed) = self.rows.has_small(&keys::group_of(user, group)) else { return };
        if listed != membership.is_member() {
            self.find(key, bytes, "the user's own list of groups says otherwise");
        }
    }

    /// All memberships of a group are read: its head has to count the same.
    pub(super) fn group_ends(&mut self) {
        let Some(InGroup { group, members }) = self.group.take() else { return };
        let bytes = keys::group_head(group);
        match self.rows.group_head(group) {
            Ok(Some(head)) if head.members == members => {}
            Ok(Some(head)) => {
                let what = format!("it counts {} members, and {members} are there", head.members);
                self.find(&Key::GroupHead(group), &bytes, what);
            }
            Ok(None) => self.find(&Key::GroupHead(group), &bytes, "it is not there, and has members"),
            // Found where it is read itself.
            Err(_) => {}
        }
    }

    pub(super) fn group_of(
        &mut self,
        key: &Key,
        bytes: &[u8],
        value: &[u8],
        user: UserNo,
        group: ConversationNo,
    ) {
        let Ok(name) = group_name(value) else { return self.find(key, bytes, SHAPE) };
        if !self.is_group_name(&name, group) {
            self.find(key, bytes, format!("group {name} has another number"));
        }
        if !self.is_user(user) {
            self.find(key, bytes, "there is no such user");
        }
        if self.rows.membership(group, user).is_ok_and(|it| !it.is_some_and(|it| it.is_member())) {
            self.find(key, bytes, "the user is not in this group");
        }
    }

    pub(super) fn is_name(&self, name: &UserId, user: UserNo) -> bool {
        Self::there(self.rows.user(name)) == Some(user)
    }

    fn is_group_name(&self, name: &GroupId, group: ConversationNo) -> bool {
        Self::there(self.rows.group(name)) == Some(group)
    }
}
