//! Coming and going.

use bimip_proto::{ConversationId, GroupId, Reject, UserId, limits};

use super::{About, Verdict, feed, judge};
use crate::ledger::group::GroupHead;
use crate::ledger::overlay::Overlay;
use crate::ledger::put::Put;
use crate::ledger::ticket::Outcome;
use crate::ledger::view::View;

pub(super) fn join<V: View>(
    put: &Put,
    user: &UserId,
    group: &GroupId,
    (opens, row_members): (bool, u32),
    overlay: &mut Overlay<'_, V>,
) -> Result<Outcome, V::Error> {
    let (head, mut membership) = (overlay.group(group)?, overlay.membership(group, user)?);
    let about = About { group: head, membership: Some(&membership), ..About::default() };
    if let Verdict::Refused(reject) = judge(put, &about) {
        return Ok(Outcome::Refused(reject));
    }
    let joined = Outcome::Joined { user: user.clone(), group: group.clone() };
    if membership.is_member() {
        return Ok(joined);
    }
    let head = head.unwrap_or(GroupHead { open: opens, members: 0 });
    if head.members >= limits::GROUP_MEMBERS || overlay.groups_of(user)?.len() >= limits::GROUPS_PER_USER {
        return Ok(Outcome::Refused(Reject::Full));
    }
    if head.members >= row_members {
        feed::open(group, overlay)?;
    }
    if let Err(reject) = feed::enter(user, group, overlay)? {
        return Ok(Outcome::Refused(reject));
    }
    let conversation = ConversationId::Group(group.clone());
    let seq = overlay.conversation(&conversation)?.seq;
    membership.join(seq);
    // Coming into a group reads all that was before.
    overlay.read(conversation, user, seq)?;
    overlay.moved(group.clone(), user.clone(), membership)?;
    overlay.set_group(group.clone(), GroupHead { members: head.members + 1, ..head });
    Ok(joined)
}

pub(super) fn leave<V: View>(
    user: &UserId,
    group: &GroupId,
    overlay: &mut Overlay<'_, V>,
) -> Result<Outcome, V::Error> {
    let left = Outcome::Left { user: user.clone(), group: group.clone() };
    let mut membership = overlay.membership(group, user)?;
    let Some(head) = overlay.group(group)?.filter(|_| membership.is_member()) else { return Ok(left) };
    feed::exit(user, group, overlay)?;
    membership.leave(overlay.conversation(&ConversationId::Group(group.clone()))?.seq);
    overlay.moved(group.clone(), user.clone(), membership)?;
    overlay.set_group(group.clone(), GroupHead { members: head.members.saturating_sub(1), ..head });
    Ok(left)
}
