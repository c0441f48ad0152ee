//! Groups that somebody manages, worked out anew from the log, one entry after the other: who may do what, who is in it and
//! who is told; and what the store says of it in the end (I19).

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{
    Address, Entry, GroupChange, GroupId, GroupNews, MayPost, Message, Offset, Revision, Role, Seq, UserId,
};

use super::findings::Findings;
use super::truth::head;
use crate::ledger::{Book, View};

/// A group as its changes say.
#[derive(Debug, Default)]
struct Group {
    edition: u32,
    open: bool,
    post: MayPost,
    deleted: bool,
    /// With their roles, and the log entry with which they came.
    members: BTreeMap<UserId, (Role, u64)>,
    banned: BTreeSet<UserId>,
}

impl Group {
    fn role(&self, user: &UserId) -> Option<Role> {
        self.members.get(user).map(|(role, _)| *role)
    }

    fn may_post(&self, user: &UserId) -> bool {
        self.role(user).is_some_and(|role| self.post == MayPost::Everyone || role >= Role::Admin)
    }

    fn users(&self) -> BTreeSet<UserId> {
        self.members.keys().cloned().collect()
    }

    fn come(&mut self, user: &UserId, role: Role, since: u64) -> bool {
        let news = self.role(user).is_none() && !self.banned.contains(user);
        if news {
            self.members.insert(user.clone(), (role, since));
        }
        news
    }

    fn set_role(&mut self, user: &UserId, role: Role) {
        if let Some((held, _)) = self.members.get_mut(user) {
            *held = role;
        }
    }

    /// The admin who has been in it longest, else the member who has.
    fn heir(&self) -> Option<UserId> {
        let rank = |(user, (role, since)): &(&UserId, &(Role, u64))| {
            (std::cmp::Reverse(*role), *since, (*user).clone())
        };
        self.members.iter().min_by_key(rank).map(|(user, _)| user.clone())
    }

    /// Whether who did it may do that. That somebody joins who was not let in may be the sign-in's doing.
    fn may(&self, change: &GroupChange) -> bool {
        let Some(role) = self.role(&change.by.user) else {
            return matches!(change.what, GroupNews::Joined) && !self.banned.contains(&change.by.user);
        };
        match &change.what {
            GroupNews::Edited | GroupNews::Added(_) | GroupNews::Unbanned(_) => role >= Role::Admin,
            GroupNews::Removed(user) | GroupNews::Banned(user) => {
                role >= Role::Admin && self.role(user).is_none_or(|other| other < role)
            }
            GroupNews::Deleted | GroupNews::Role { .. } => role == Role::Owner,
            GroupNews::Left { .. } => true,
            _ => false,
        }
    }

    /// Carries a change out. Whether it changes what it says.
    fn apply(&mut self, at: u64, change: &GroupChange) -> bool {
        let by = &change.by.user;
        let changes = match &change.what {
            GroupNews::Created(users) => {
                self.come(by, Role::Owner, at) && users.iter().all(|user| self.come(user, Role::Member, at))
            }
            GroupNews::Added(users) => {
                !users.is_empty() && users.iter().all(|user| self.come(user, Role::Member, at))
            }
            GroupNews::Removed(user) => self.members.remove(user).is_some(),
            GroupNews::Banned(user) => {
                self.members.remove(user);
                self.banned.insert(user.clone())
            }
            GroupNews::Unbanned(user) => self.banned.remove(user),
            GroupNews::Role { user, role } => {
                let changes = self.role(user).is_some_and(|before| before != *role);
                if *role == Role::Owner {
                    self.set_role(by, Role::Admin);
                }
                self.set_role(user, *role);
                changes
            }
            GroupNews::Joined => {
                // Whoever comes into an empty group owns it.
                let role = if self.members.is_empty() { Role::Owner } else { Role::Member };
                !self.deleted && self.come(by, role, at)
            }
            GroupNews::Left { heir } => {
                let owned = self.role(by) == Some(Role::Owner);
                let went = self.members.remove(by).is_some();
                let next = self.heir().filter(|_| owned);
                if let Some(next) = &next {
                    self.set_role(next, Role::Owner);
                }
                went && *heir == next
            }
            GroupNews::Deleted => {
                self.members.clear();
                !std::mem::replace(&mut self.deleted, true)
            }
            _ => true,
        };
        (self.edition, self.open, self.post) = (change.edition, change.open, change.post);
        changes && change.members as usize == self.members.len()
    }
}

#[derive(Debug, Default)]
struct Replay {
    /// `None` of a group that somebody joined before anybody managed it.
    groups: BTreeMap<GroupId, Option<Group>>,
    /// Whom each entry of the log is for.
    told: BTreeMap<u64, (GroupId, BTreeSet<UserId>)>,
}

impl Replay {
    fn change(&mut self, findings: &mut Findings, sequence: u64, change: &GroupChange) {
        let name = &change.group;
        let known = self.groups.entry(name.clone()).or_insert_with(|| {
            let made = matches!(change.what, GroupNews::Created(_)) && change.edition == 1;
            made.then(Group::default)
        });
        let Some(group) = known else { return };
        let may = group.edition == 0 || group.may(change);
        findings.check(may, || format!("I19: {} may not do {:?} to {name}", change.by, change.what));
        // Whoever found nothing to change is answered, and nobody is told.
        if change.edition == group.edition {
            self.told.insert(sequence, (name.clone(), BTreeSet::new()));
            return;
        }
        findings.check(change.edition == group.edition + 1, || {
            format!("I19: edition {} of {name} comes after {}", change.edition, group.edition)
        });
        let mut told = group.users();
        let changes = group.apply(sequence, change);
        findings.check(changes, || format!("I19: {name} is not what {change:?} says: {group:?}"));
        told.extend(group.users());
        // Those who are in it after it, and those who are not any more because of it: all who were.
        self.told.insert(sequence, (name.clone(), told));
    }

    fn message(&mut self, findings: &mut Findings, sequence: u64, message: &Message) {
        let Address::Group(name) = &message.head.to else { return };
        let Some(Some(group)) = self.groups.get(name) else { return };
        if message.head.seq == Seq(0) {
            // The end of a talk in which nothing was heard: it is nobody's.
            return;
        }
        let author = &message.head.from;
        findings.check(group.may_post(&author.user), || {
            format!("I19: {author} may not post to {name}, and {:?} is stored", message.head.id)
        });
        self.told.insert(sequence, (name.clone(), group.users()));
    }

    fn revision(&self, findings: &mut Findings, durable: &Book, revision: &Revision) {
        let Some(Address::Group(name)) = head(durable, revision.message.id.sequence()).map(|head| head.to)
        else {
            return;
        };
        let Some(Some(group)) = self.groups.get(&name) else { return };
        findings.check(revision.is_deletion() || group.may_post(&revision.by.user), || {
            format!("I19: {} may not edit in {name}, and did", revision.by)
        });
    }
}

pub(super) fn judge(findings: &mut Findings, durable: &Book, at_rest: bool) {
    let mut replay = Replay::default();
    for (sequence, entry) in durable.log() {
        match &**entry {
            Entry::Group(change) => replay.change(findings, sequence, change),
            Entry::Message(message) => replay.message(findings, sequence, message),
            Entry::Revised(revision) => replay.revision(findings, durable, revision),
            _ => {}
        }
    }
    for (name, group) in &replay.groups {
        if let Some(group) = group {
            judge_store(findings, durable, name, group);
        }
    }
    judge_mailboxes(findings, durable, &replay.told, at_rest);
}

/// What the store says of a group is what its changes come to.
fn judge_store(findings: &mut Findings, durable: &Book, name: &GroupId, group: &Group) {
    let Ok(head) = durable.group(name);
    let same = head.is_some_and(|head| {
        head.open == group.open
            && head.post == group.post
            && head.deleted == group.deleted
            && head.edition == group.edition
            && head.members as usize == group.members.len()
    });
    findings.check(same, || format!("I19: {name} is {head:?}, and {group:?} by its changes"));
    for (user, membership) in durable.everybody_ever_in(name) {
        let role = membership.is_member().then(|| membership.role());
        let same = role == group.role(user) && membership.is_banned() == group.banned.contains(user);
        findings
            .check(same, || format!("I19: {user} is {membership:?} in {name}, and {group:?} by its changes"));
    }
}

/// Nobody has what was said while they were not in it; everybody has the rest, changes in their order.
fn judge_mailboxes(
    findings: &mut Findings,
    durable: &Book,
    told: &BTreeMap<u64, (GroupId, BTreeSet<UserId>)>,
    at_rest: bool,
) {
    let mut with: BTreeMap<u64, BTreeSet<UserId>> = BTreeMap::new();
    for user in durable.users() {
        let mut editions: BTreeMap<&GroupId, u32> = BTreeMap::new();
        for (offset, sequence, entry) in durable.rows(user, Offset::ZERO) {
            if let Entry::Group(change) = &**entry {
                let before = editions.insert(&change.group, change.edition);
                findings.check(before < Some(change.edition), || {
                    format!("I19: {user} is told of {} out of order at {offset}", change.group)
                });
            }
            if told.contains_key(&sequence) {
                with.entry(sequence).or_default().insert(user.clone());
            }
        }
    }
    for (sequence, (group, users)) in told {
        let with = with.remove(sequence).unwrap_or_default();
        let fed = durable.is_fed(group, *sequence);
        let right = if at_rest || !fed { with == *users } else { with.is_subset(users) };
        findings
            .check(right, || format!("I19: entry {sequence} of {group} is with {with:?}, and for {users:?}"));
    }
}
