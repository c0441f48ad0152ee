//! What a group is to those who are in it.

use bimip_proto::{Entry, GroupId, GroupNews, GroupState, UnixMs, UserId};

use crate::ledger::group::Membership;
use crate::ledger::view::View;

/// What `asker` may see of a group. `None` also where there is none: to a stranger it does not exist.
pub(super) fn state<V: View>(
    group: &GroupId,
    asker: &UserId,
    view: &V,
) -> Result<Option<GroupState>, V::Error> {
    let membership = view.membership(group, asker)?;
    let Some(head) = view.group(group)?.filter(|_| membership.is_member()) else { return Ok(None) };
    Ok(Some(GroupState {
        group: group.clone(),
        edition: head.edition,
        profile: view.group_profile(group)?,
        open: head.open,
        post: head.post,
        members: head.members,
        role: membership.role(),
        since: since(group, asker, &membership, view)?,
    }))
}

/// When a member came. A membership knows which log entry was the next one, which is the one that told of it where anybody
/// was told; else it is about something else, which may be long after.
fn since<V: View>(
    group: &GroupId,
    user: &UserId,
    membership: &Membership,
    view: &V,
) -> Result<Option<UnixMs>, V::Error> {
    let entry = view.entry(membership.since())?;
    let Some(Entry::Group(change)) = entry.as_deref() else { return Ok(None) };
    let came = match &change.what {
        GroupNews::Created(users) => change.by.user == *user || users.contains(user),
        GroupNews::Added(users) => users.contains(user),
        GroupNews::Joined => change.by.user == *user,
        _ => false,
    };
    Ok(Some(change.at).filter(|_| came && change.group == *group))
}
