//! What a member may see of a group.

use std::sync::Arc;

use bimip_proto::{GroupId, GroupProfile, Role, UserId};

use super::group::GroupHead;
use super::view::View;

/// A group, as its members see it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what there is to see, complete")]
pub struct GroupInfo {
    /// All about it but who is in it.
    pub head: GroupHead,
    /// What it is called.
    pub profile: Arc<GroupProfile>,
    /// Who is in it, and as what, in the order of their names.
    pub members: Vec<(UserId, Role)>,
}

/// What `asker` may see of a group. `None` also where there is none: to a stranger it does not exist.
///
/// # Errors
/// As the view reads.
pub fn group_info<V: View>(view: &V, asker: &UserId, group: &GroupId) -> Result<Option<GroupInfo>, V::Error> {
    if !view.membership(group, asker)?.is_member() {
        return Ok(None);
    }
    let Some(head) = view.group(group)? else { return Ok(None) };
    let mut members = Vec::new();
    for user in view.members(group)?.iter() {
        members.push((user.clone(), view.membership(group, user)?.role()));
    }
    Ok(Some(GroupInfo { head, profile: view.group_profile(group)?, members }))
}
