//! A group is made, changed or taken away, and those whom it concerns are told.

use std::collections::BTreeSet;
use std::sync::Arc;

use bimip_proto::{
    ClientRef, ConversationId, Device, Entry, GroupAct, GroupChange, GroupCommand, GroupId, GroupNews,
    GroupProfile, Offset, Reject, Role, Seq, UnixMs, UserId, limits,
};

use super::{About, Decision, Verdict, deliver_with_own, feed, judge};
use crate::ledger::group::{GroupHead, Membership};
use crate::ledger::overlay::Overlay;
use crate::ledger::put::{Put, Record, digest_of_command};
use crate::ledger::rights::{Place, place};
use crate::ledger::ticket::Outcome;
use crate::ledger::view::{Known, View};

pub(super) fn settle<V: View>(
    put: &Put,
    overlay: &mut Overlay<'_, V>,
    decision: &mut Decision,
) -> Result<Outcome, V::Error> {
    let Record::Group { by, at, command, row_members } = &put.record else {
        return Ok(Outcome::Refused(Reject::Unsupported));
    };
    let digest = digest_of_command(command);
    if let Some(key) = &put.key
        && let Some(Known::Stored { sequence, offset, digest: first }) = overlay.known(key)?
    {
        return if first == digest {
            repeat(sequence, offset, &command.group, overlay)
        } else {
            Ok(Outcome::Refused(Reject::Conflict))
        };
    }
    let group = &command.group;
    let target = match command.act.subject() {
        Some(user) => Some(overlay.membership(group, user)?),
        None => None,
    };
    let (head, membership) = (overlay.group(group)?, overlay.membership(group, &by.user)?);
    let target_of = target.as_ref();
    let about = About { group: head, membership: Some(&membership), target: target_of, ..About::default() };
    if let Verdict::Refused(reject) = judge(put, &about) {
        return Ok(Outcome::Refused(reject));
    }
    let asker = Asker { user: &by.user, membership };
    let step = match plan(command, head.unwrap_or_default(), asker, target, overlay)? {
        Ok(step) => step,
        Err(reject) => return Ok(Outcome::Refused(reject)),
    };
    let moves = step.moves(overlay, group)?;
    let told = Told { group, by, client_ref: Some(&command.client_ref), at: *at, row_members: *row_members };
    let (sequence, edition, offset) = told.carry_out(step, overlay, decision)?;
    if let Some(key) = &put.key {
        overlay.key(key.clone(), Known::Stored { sequence, offset, digest });
    }
    Ok(Outcome::Grouped { group: group.clone(), edition, offset, moves })
}

fn repeat<V: View>(
    sequence: u64,
    offset: Offset,
    group: &GroupId,
    overlay: &Overlay<'_, V>,
) -> Result<Outcome, V::Error> {
    Ok(match overlay.entry(sequence)?.as_deref() {
        Some(Entry::Group(first)) => {
            Outcome::Grouped { group: group.clone(), edition: first.edition, offset, moves: Vec::new() }
        }
        _ => Outcome::Refused(Reject::Conflict),
    })
}

/// What a change comes to, before anybody is told.
pub(super) struct Step {
    /// As the group is after it, but for its edition.
    pub(super) head: GroupHead,
    /// What it is called from now on, where that changes.
    pub(super) profile: Option<Arc<GroupProfile>>,
    /// Whose place in the group changes, and to what.
    pub(super) memberships: Vec<(UserId, Membership)>,
    /// Who comes in by it.
    pub(super) came: Vec<UserId>,
    /// Who goes by it: told beside those who are in it after that.
    pub(super) gone: Vec<UserId>,
    pub(super) what: GroupNews,
    /// Nothing changes: nobody is told, and only its name is remembered.
    still: bool,
    /// Who may post changes.
    heard: bool,
}

impl Step {
    pub(super) fn new(head: GroupHead, what: GroupNews) -> Self {
        let (memberships, came, gone) = (Vec::new(), Vec::new(), Vec::new());
        Self { head, profile: None, memberships, came, gone, what, still: false, heard: false }
    }

    fn still(head: GroupHead, what: GroupNews) -> Self {
        Self { still: true, ..Self::new(head, what) }
    }

    /// What it changes for live voice.
    fn moves<V: View>(
        &self,
        overlay: &Overlay<'_, V>,
        group: &GroupId,
    ) -> Result<Vec<(UserId, Place)>, V::Error> {
        let head = Some(self.head);
        if !self.heard {
            let all = self.memberships.iter();
            return Ok(all.map(|(user, membership)| (user.clone(), place(head, membership))).collect());
        }
        let mut moves = Vec::new();
        for user in overlay.everybody(group)?.iter() {
            moves.push((user.clone(), place(head, &overlay.membership(group, user)?)));
        }
        Ok(moves)
    }
}

struct Asker<'a> {
    user: &'a UserId,
    membership: Membership,
}

type Planned = Result<Step, Reject>;

fn plan<V: View>(
    command: &GroupCommand,
    head: GroupHead,
    asker: Asker<'_>,
    target: Option<Membership>,
    overlay: &Overlay<'_, V>,
) -> Result<Planned, V::Error> {
    let group = &command.group;
    if head.edition == u32::MAX {
        return Ok(Err(Reject::Full));
    }
    Ok(match (&command.act, target) {
        (GroupAct::Create { profile, open, post, members }, _) => {
            let head = GroupHead { open: *open, post: *post, ..GroupHead::default() };
            let users = once(members.iter().filter(|user| *user != asker.user));
            let all = [std::slice::from_ref(asker.user), &users].concat();
            let let_in = match let_in(group, head, all, overlay)? {
                Ok(let_in) => let_in,
                Err(reject) => return Ok(Err(reject)),
            };
            let mut step = Step { profile: Some(Arc::new(profile.clone())), ..let_in };
            step.what = GroupNews::Created(users);
            step.memberships[0].1.set_role(Role::Owner);
            Ok(step)
        }
        (GroupAct::Edit { title, about, open, post }, _) => {
            let before = overlay.group_profile(group)?;
            let profile = GroupProfile {
                title: title.clone().unwrap_or_else(|| Arc::clone(&before.title)),
                about: about.clone().unwrap_or_else(|| Arc::clone(&before.about)),
            };
            let after =
                GroupHead { open: open.unwrap_or(head.open), post: post.unwrap_or(head.post), ..head };
            if profile == *before && after == head {
                return Ok(Ok(Step::still(head, GroupNews::Edited)));
            }
            let step = Step::new(after, GroupNews::Edited);
            Ok(Step { profile: Some(Arc::new(profile)), heard: after.post != head.post, ..step })
        }
        (GroupAct::Delete, _) => Ok(deleted(group, head, overlay)?),
        (GroupAct::Add(users), _) => let_in(group, head, once(users), overlay)?,
        (GroupAct::Remove(user), Some(target)) => put_out(group, head, user, target, overlay)?,
        (GroupAct::Ban(user), Some(target)) => {
            let news = GroupNews::Banned(user.clone());
            if target.is_banned() {
                return Ok(Ok(Step::still(head, news)));
            }
            if head.banned >= limits::GROUP_BANNED {
                return Ok(Err(Reject::Full));
            }
            let head = GroupHead { banned: head.banned + 1, ..head };
            put_out(group, head, user, target.clone(), overlay)?.map(|mut step| {
                if step.still {
                    step = Step::new(head, news.clone());
                    step.memberships.push((user.clone(), target));
                }
                step.memberships[0].1.set_banned(true);
                Step { what: news, ..step }
            })
        }
        (GroupAct::Unban(user), Some(mut target)) => {
            let news = GroupNews::Unbanned(user.clone());
            if !target.is_banned() {
                return Ok(Ok(Step::still(head, news)));
            }
            target.set_banned(false);
            let mut step = Step::new(GroupHead { banned: head.banned.saturating_sub(1), ..head }, news);
            step.memberships.push((user.clone(), target));
            Ok(step)
        }
        (GroupAct::SetRole { user, role }, Some(target)) => Ok(with_role(head, asker, user, *role, target)),
        _ => Err(Reject::Unsupported),
    })
}

/// These users come in, those who are not in it yet.
fn let_in<V: View>(
    group: &GroupId,
    head: GroupHead,
    users: Vec<UserId>,
    overlay: &Overlay<'_, V>,
) -> Result<Planned, V::Error> {
    let (seq, since) = (last_seq(group, overlay)?, overlay.next_sequence());
    let mut came = Vec::new();
    for user in users {
        let mut membership = overlay.membership(group, &user)?;
        if membership.is_member() {
            continue;
        }
        if membership.is_banned() {
            return Ok(Err(Reject::Field("users")));
        }
        if overlay.groups_of(&user)?.len() >= limits::GROUPS_PER_USER {
            return Ok(Err(Reject::Full));
        }
        if !feed::has_room(&user, group, overlay)? {
            return Ok(Err(Reject::Full));
        }
        membership.join(seq, since);
        came.push((user, membership));
    }
    let news = GroupNews::Added(came.iter().map(|(user, _)| user.clone()).collect());
    if came.is_empty() {
        return Ok(Ok(Step::still(head, news)));
    }
    let members = u32::try_from(came.len()).unwrap_or(u32::MAX).saturating_add(head.members);
    if members > limits::GROUP_MEMBERS {
        return Ok(Err(Reject::Full));
    }
    let names = came.iter().map(|(user, _)| user.clone()).collect();
    Ok(Ok(Step { memberships: came, came: names, ..Step::new(GroupHead { members, ..head }, news) }))
}

fn put_out<V: View>(
    group: &GroupId,
    head: GroupHead,
    user: &UserId,
    mut target: Membership,
    overlay: &Overlay<'_, V>,
) -> Result<Planned, V::Error> {
    let news = GroupNews::Removed(user.clone());
    if !target.is_member() {
        return Ok(Ok(Step::still(head, news)));
    }
    target.leave(last_seq(group, overlay)?);
    let mut step = Step::new(GroupHead { members: head.members.saturating_sub(1), ..head }, news);
    step.memberships.push((user.clone(), target));
    step.gone.push(user.clone());
    Ok(Ok(step))
}

/// Nobody is in it any more. What was said in it stays where it is, and so does its name.
fn deleted<V: View>(group: &GroupId, head: GroupHead, overlay: &Overlay<'_, V>) -> Result<Step, V::Error> {
    let after = GroupHead { members: 0, open: false, deleted: true, ..head };
    let mut step = Step::new(after, GroupNews::Deleted);
    let (members, seq) = (overlay.everybody(group)?, last_seq(group, overlay)?);
    for user in members.iter() {
        let mut membership = overlay.membership(group, user)?;
        membership.leave(seq);
        step.memberships.push((user.clone(), membership));
    }
    step.gone = members.to_vec();
    Ok(step)
}

fn with_role(
    head: GroupHead,
    mut asker: Asker<'_>,
    user: &UserId,
    role: Role,
    mut target: Membership,
) -> Step {
    let news = GroupNews::Role { user: user.clone(), role };
    if target.role() == role {
        return Step::still(head, news);
    }
    target.set_role(role);
    let mut step = Step::new(head, news);
    step.memberships.push((user.clone(), target));
    if role == Role::Owner {
        asker.membership.set_role(Role::Admin);
        step.memberships.push((asker.user.clone(), asker.membership));
    }
    step
}

/// Each once, in the order they are named.
fn once<'u>(users: impl IntoIterator<Item = &'u UserId>) -> Vec<UserId> {
    let mut seen = BTreeSet::new();
    users.into_iter().filter(|user| seen.insert(*user)).cloned().collect()
}

/// The last message of a group.
pub(super) fn last_seq<V: View>(group: &GroupId, overlay: &Overlay<'_, V>) -> Result<Seq, V::Error> {
    Ok(overlay.conversation(&ConversationId::Group(group.clone()))?.seq)
}

/// Users come into a group that has so many members then. Coming into a group reads all that was before.
pub(super) fn come_in<V: View>(
    group: &GroupId,
    users: &[UserId],
    counts: (u32, u32),
    overlay: &mut Overlay<'_, V>,
) -> Result<(), V::Error> {
    let conversation = ConversationId::Group(group.clone());
    let seq = overlay.conversation(&conversation)?.seq;
    for user in users {
        overlay.read(conversation.clone(), user, seq)?;
    }
    feed::come_in(group, users, counts, overlay)
}

/// Who did something to which group, and when.
pub(super) struct Told<'a> {
    pub(super) group: &'a GroupId,
    pub(super) by: &'a Device,
    pub(super) client_ref: Option<&'a ClientRef>,
    pub(super) at: UnixMs,
    /// A group with more members than this gets a feed.
    pub(super) row_members: u32,
}

impl Told<'_> {
    /// Stores a change and tells those whom it concerns. Gives its log entry, its edition, and its row in the mailbox of
    /// whoever did it.
    pub(super) fn carry_out<V: View>(
        &self,
        step: Step,
        overlay: &mut Overlay<'_, V>,
        decision: &mut Decision,
    ) -> Result<(u64, u32, Offset), V::Error> {
        let edition = step.head.edition.saturating_add(u32::from(!step.still));
        let head = GroupHead { edition, ..step.head };
        let profile = match step.profile {
            Some(profile) => {
                overlay.set_group_profile(self.group.clone(), Arc::clone(&profile));
                profile
            }
            None => overlay.group_profile(self.group)?,
        };
        if !step.still {
            overlay.set_group(self.group.clone(), head);
        }
        let change = GroupChange {
            group: self.group.clone(),
            edition,
            by: self.by.clone(),
            client_ref: self.client_ref.cloned(),
            at: self.at,
            what: step.what,
            profile,
            open: head.open,
            post: head.post,
            members: head.members,
        };
        let entry = Arc::new(Entry::Group(change));
        let sequence = overlay.log(Arc::clone(&entry));
        if step.still {
            return Ok((sequence, edition, Offset::ZERO));
        }
        // Who comes reads it in the feed, if there is one, and so does who goes: it is the last that is theirs.
        come_in(self.group, &step.came, (head.members, self.row_members), overlay)?;
        let fed = overlay.feed(self.group, sequence)?;
        feed::go(self.group, &step.gone, overlay)?;
        overlay.moved(self.group, step.memberships)?;
        if fed {
            decision.fed.push(self.group.clone());
            return Ok((sequence, edition, Offset::ZERO));
        }
        let mut users = step.gone;
        users.extend(overlay.members(self.group)?.iter().cloned());
        let deliveries = &mut decision.deliveries;
        let offset = deliver_with_own(&users, &self.by.user, sequence, &entry, overlay, deliveries)?;
        Ok((sequence, edition, offset))
    }
}
