//! Coming and going.

use std::cmp::Reverse;

use bimip_proto::{Device, GroupId, GroupNews, Reject, Role, UnixMs, UserId, limits};

use super::manage::{Step, Told, come_in, last_seq};
use super::{About, Decision, Verdict, feed, judge};
use crate::ledger::group::GroupHead;
use crate::ledger::overlay::Overlay;
use crate::ledger::put::{Guard, Put};
use crate::ledger::rights::{Place, place};
use crate::ledger::ticket::Outcome;
use crate::ledger::view::View;

/// Who comes or goes, with which device, and when.
#[derive(Clone, Copy)]
pub(super) struct Mover<'a> {
    pub(super) by: &'a Device,
    pub(super) at: UnixMs,
    pub(super) group: &'a GroupId,
    /// A group with more members than this gets a feed.
    pub(super) row_members: u32,
}

impl<'a> Mover<'a> {
    /// Where nobody ever managed a group, its members come and go without a word: a channel of a thousand
    /// walkie-talkies would be a million rows every morning.
    fn carry_out<V: View>(
        self,
        step: Step,
        overlay: &mut Overlay<'_, V>,
        decision: &mut Decision,
    ) -> Result<(), V::Error> {
        let Self { by, at, group, row_members } = self;
        if step.head.edition == 0 {
            overlay.set_group(group.clone(), step.head);
            come_in(group, &step.came, (step.head.members, row_members), overlay)?;
            feed::go(group, &step.gone, overlay)?;
            return overlay.moved(group, step.memberships);
        }
        let told = Told { group, by, client_ref: None, at, row_members };
        told.carry_out(step, overlay, decision).map(drop)
    }

    const fn user(self) -> &'a UserId {
        &self.by.user
    }
}

pub(super) fn join<V: View>(
    put: &Put,
    mover: Mover<'_>,
    opens: bool,
    overlay: &mut Overlay<'_, V>,
    decision: &mut Decision,
) -> Result<Outcome, V::Error> {
    let (group, user) = (mover.group, mover.user());
    let (head, mut membership) = (overlay.group(group)?, overlay.membership(group, user)?);
    let about = About { group: head, membership: Some(&membership), ..About::default() };
    if let Verdict::Refused(reject) = judge(put, &about) {
        return Ok(Outcome::Refused(reject));
    }
    let joined = |place: Place| Outcome::Joined { user: user.clone(), group: group.clone(), place };
    if membership.is_member() {
        return Ok(joined(place(head, &membership)));
    }
    let head = head.unwrap_or_else(|| GroupHead { open: opens, ..GroupHead::default() });
    if head.members >= limits::GROUP_MEMBERS || overlay.groups_of(user)?.len() >= limits::GROUPS_PER_USER {
        return Ok(Outcome::Refused(Reject::Full));
    }
    if !feed::has_room(user, group, overlay)? {
        return Ok(Outcome::Refused(Reject::Full));
    }
    membership.join(last_seq(group, overlay)?, overlay.next_sequence());
    // What the sign-in makes is managed by whoever makes the sign-ins, and not by the first who comes. What somebody managed
    // is told of who comes, which does not say by which way.
    if head.members == 0 && (put.guard == Guard::MayJoin || head.edition > 0) {
        membership.set_role(Role::Owner);
    }
    let head = GroupHead { members: head.members + 1, ..head };
    let outcome = joined(place(Some(head), &membership));
    let mut step = Step::new(head, GroupNews::Joined);
    step.memberships.push((user.clone(), membership));
    step.came.push(user.clone());
    mover.carry_out(step, overlay, decision)?;
    Ok(outcome)
}

pub(super) fn leave<V: View>(
    mover: Mover<'_>,
    overlay: &mut Overlay<'_, V>,
    decision: &mut Decision,
) -> Result<Outcome, V::Error> {
    let (group, user) = (mover.group, mover.user());
    let left = |heir| Outcome::Left { user: user.clone(), group: group.clone(), heir };
    let mut membership = overlay.membership(group, user)?;
    let Some(head) = overlay.group(group)?.filter(|_| membership.is_member()) else { return Ok(left(None)) };
    let owned = membership.role() == Role::Owner;
    membership.leave(last_seq(group, overlay)?);
    let heir = if owned { heir(group, user, overlay)? } else { None };
    let news = GroupNews::Left { heir: heir.clone() };
    let mut step = Step::new(GroupHead { members: head.members.saturating_sub(1), ..head }, news);
    step.memberships.push((user.clone(), membership));
    step.gone.push(user.clone());
    if let Some(heir) = &heir {
        let mut membership = overlay.membership(group, heir)?;
        membership.set_role(Role::Owner);
        step.memberships.push((heir.clone(), membership));
    }
    mover.carry_out(step, overlay, decision)?;
    Ok(left(heir))
}

/// Who owns a group when its owner leaves: the admin who has been in it longest, else the member who has.
fn heir<V: View>(
    group: &GroupId,
    owner: &UserId,
    overlay: &Overlay<'_, V>,
) -> Result<Option<UserId>, V::Error> {
    let mut eldest = None;
    for user in overlay.everybody(group)?.iter().filter(|user| *user != owner) {
        let membership = overlay.membership(group, user)?;
        let rank = (Reverse(membership.role()), membership.since());
        if eldest.as_ref().is_none_or(|(first, _)| rank < *first) {
            eldest = Some((rank, user.clone()));
        }
    }
    Ok(eldest.map(|(_, user)| user))
}
