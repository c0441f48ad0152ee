//! What a group is, and who is in it, to those who are.

use bimip_proto::{Entry, GroupId, GroupMember, GroupNews, GroupState, UnixMs, UserId, limits};

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

/// Those who are in a group, after one of whom it knows something, and after whom to go on; nobody for a stranger.
pub(super) fn members<V: View>(
    group: &GroupId,
    asker: &UserId,
    after: Option<&UserId>,
    rows: u32,
    view: &V,
) -> Result<(Vec<GroupMember>, Option<UserId>), V::Error> {
    let (mut members, mut next, mut looked) = (Vec::new(), None, 0);
    if !view.membership(group, asker)?.is_member() {
        return Ok((members, next));
    }
    view.memberships(group, after, &mut |user, membership| {
        if membership.is_member() {
            if members.len() >= rows as usize {
                next = members.last().map(|last: &GroupMember| last.user.clone());
                return Ok(false);
            }
            members.push(GroupMember { user: user.clone(), role: membership.role() });
        }
        // There may be very many who have left between two who have not.
        looked += 1;
        next = (looked == limits::PAGE_MEMBERSHIPS).then(|| user.clone());
        Ok(next.is_none())
    })?;
    Ok((members, next))
}
