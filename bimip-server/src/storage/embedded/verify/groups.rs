//! Groups: that heads, memberships and the lists of users say the same.

use bimip_proto::{GroupId, Role, UserId};
use bimip_session::ledger::GroupHead;

use super::checker::Checker;
use crate::storage::embedded::keys::{self, Key};
use crate::storage::embedded::names::{ConversationNo, UserNo};
use crate::storage::embedded::rows::SHAPE;
use crate::storage::embedded::rows::groups::{group_name, group_profile, head, membership};

/// The group whose memberships are being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct InGroup {
    group: ConversationNo,
    members: u32,
    banned: u32,
    owners: u32,
}

impl Checker<'_, '_> {
    pub(super) fn group_head(&mut self, key: &Key, bytes: &[u8], numbers: [u64; 2], group: ConversationNo) {
        let Some(GroupHead { members, deleted, .. }) = head(numbers) else {
            return self.find(key, bytes, SHAPE);
        };
        if !self.is_group(group) {
            self.find(key, bytes, "there is no such group");
        }
        if deleted && members > 0 {
            self.find(key, bytes, format!("it is no more, and counts {members} members"));
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
            self.group = Some(InGroup { group, members: 0, banned: 0, owners: 0 });
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
            counted.banned += u32::from(membership.is_banned());
            counted.owners += u32::from(membership.role() == Role::Owner);
        }
        let Ok(listed) = self.rows.has_small(&keys::group_of(user, group)) else { return };
        if listed != membership.is_member() {
            self.find(key, bytes, "the user's own list of groups says otherwise");
        }
    }

    /// All memberships of a group are read: its head has to count the same.
    pub(super) fn group_ends(&mut self) {
        let Some(InGroup { group, members, banned, owners }) = self.group.take() else { return };
        let bytes = keys::group_head(group);
        match self.rows.group_head(group) {
            Ok(Some(_)) if owners > 1 => {
                self.find(&Key::GroupHead(group), &bytes, format!("it has {owners} owners"));
            }
            Ok(Some(head)) if head.banned != banned => {
                let what = format!("it counts {} banned users, and {banned} are there", head.banned);
                self.find(&Key::GroupHead(group), &bytes, what);
            }
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

    pub(super) fn group_profile(&mut self, key: &Key, bytes: &[u8], value: &[u8], group: ConversationNo) {
        if group_profile(value).is_err() {
            return self.find(key, bytes, SHAPE);
        }
        // Only a change of the group says what it is called.
        if !matches!(self.rows.group_head(group), Ok(Some(head)) if head.edition > 0) {
            self.find(key, bytes, "nobody ever changed this group");
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
