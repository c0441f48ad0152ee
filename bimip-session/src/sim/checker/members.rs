//! Who is in which group, and since when somebody is not any more: read from the disk whenever something became durable.

use std::collections::BTreeMap;

use bimip_proto::{GroupId, UserId};

use crate::ledger::{Book, View};

/// By user, the log entry before which the stay began: another one is another stay.
type Stays = BTreeMap<UserId, u64>;

#[derive(Debug, Default)]
pub(super) struct Members {
    now: BTreeMap<GroupId, Stays>,
    before: BTreeMap<GroupId, Stays>,
    left_ms: BTreeMap<GroupId, BTreeMap<UserId, u64>>,
}

impl Members {
    pub(super) fn synced(&mut self, now_ms: u64, durable: &Book) {
        self.before = std::mem::take(&mut self.now);
        for group in durable.groups() {
            let Ok(members) = durable.members(group);
            let stays = members.iter().map(|user| {
                let Ok(membership) = durable.membership(group, user);
                (user.clone(), membership.since())
            });
            let stays: Stays = stays.collect();
            for user in self.before.get(group).into_iter().flat_map(Stays::keys) {
                if !stays.contains_key(user) {
                    self.left_ms.entry(group.clone()).or_default().insert(user.clone(), now_ms);
                }
            }
            self.now.insert(group.clone(), stays);
        }
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &GroupId> {
        self.now.keys()
    }

    /// Whether a user is in a group, or was so until `late_ms` ago.
    pub(super) fn was_lately(&self, now_ms: u64, late_ms: u64, group: &GroupId, user: &UserId) -> bool {
        let left_ms = || self.left_ms.get(group).and_then(|left| left.get(user));
        self.is(group, user) || left_ms().is_some_and(|left_ms| now_ms.saturating_sub(*left_ms) <= late_ms)
    }

    pub(super) fn is(&self, group: &GroupId, user: &UserId) -> bool {
        self.now.get(group).is_some_and(|stays| stays.contains_key(user))
    }

    /// Those who were in a group all the time between the last two syncs, and those who were so at some time.
    pub(super) fn between(&self, group: &GroupId) -> (Vec<UserId>, Vec<UserId>) {
        let none = Stays::new();
        let (before, now) = (self.before.get(group).unwrap_or(&none), self.now.get(group).unwrap_or(&none));
        let all = before.iter().filter(|(user, since)| now.get(*user) == Some(since));
        let some = before.keys().chain(now.keys());
        (all.map(|(user, _)| user.clone()).collect(), some.cloned().collect())
    }
}
