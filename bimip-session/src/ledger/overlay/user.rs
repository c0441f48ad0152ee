//! What a batch changes of what users keep.

use std::collections::BTreeMap;
use std::sync::Arc;

use bimip_proto::{Device, DeviceName, UnixMs, UserId};

use super::Overlay;
use crate::ledger::user::{Listed, UserHead};
use crate::ledger::view::{View, Write};

/// As the batch leaves it, each once.
#[derive(Default)]
pub(super) struct Keeps {
    heads: BTreeMap<UserId, UserHead>,
    /// Without a name: taken out.
    saved: BTreeMap<(UserId, UserId), Option<Arc<str>>>,
    blocked: BTreeMap<(UserId, UserId), bool>,
    last_seen: BTreeMap<UserId, UnixMs>,
    /// Of each user whose list changes, all of it.
    listed: BTreeMap<UserId, BTreeMap<DeviceName, Listed>>,
    changed: BTreeMap<Device, Option<Listed>>,
}

impl Keeps {
    pub(super) fn into_writes(self, writes: &mut Vec<Write>) {
        let Self { heads, saved, blocked, last_seen, listed: _, changed } = self;
        writes.extend(heads.into_iter().map(|(user, head)| Write::UserHead { user, head }));
        let saved = saved.into_iter();
        writes.extend(saved.map(|((user, other), name)| Write::Saved { user, other, name }));
        let blocked = blocked.into_iter();
        writes.extend(blocked.map(|((user, other), blocked)| Write::Blocked { user, other, blocked }));
        writes.extend(last_seen.into_iter().map(|(user, at)| Write::LastSeen { user, at }));
        writes.extend(changed.into_iter().map(|(device, listed)| Write::Listed { device, listed }));
    }
}

impl<V: View> Overlay<'_, V> {
    pub(in crate::ledger) fn user_head(&self, user: &UserId) -> Result<UserHead, V::Error> {
        match self.keeps.heads.get(user) {
            Some(head) => Ok(head.clone()),
            None => self.view.user_head(user),
        }
    }

    pub(in crate::ledger) fn set_user_head(&mut self, user: &UserId, head: UserHead) {
        self.keeps.heads.insert(user.clone(), head);
    }

    pub(in crate::ledger) fn saved(
        &self,
        user: &UserId,
        other: &UserId,
    ) -> Result<Option<Arc<str>>, V::Error> {
        match self.keeps.saved.get(&(user.clone(), other.clone())) {
            Some(name) => Ok(name.clone()),
            None => self.view.saved(user, other),
        }
    }

    pub(in crate::ledger) fn set_saved(&mut self, user: &UserId, other: &UserId, name: Option<Arc<str>>) {
        self.keeps.saved.insert((user.clone(), other.clone()), name);
    }

    pub(in crate::ledger) fn has_blocked(&self, user: &UserId, other: &UserId) -> Result<bool, V::Error> {
        // Nearly no batch blocks anybody, and nearly every message asks.
        if !self.keeps.blocked.is_empty()
            && let Some(blocked) = self.keeps.blocked.get(&(user.clone(), other.clone()))
        {
            return Ok(*blocked);
        }
        self.view.has_blocked(user, other)
    }

    /// In any order.
    pub(in crate::ledger) fn blocked(&self, user: &UserId) -> Result<Vec<UserId>, V::Error> {
        let mut blocked = self.view.blocked(user)?;
        for ((_, other), is_blocked) in self.keeps.blocked.iter().filter(|((of, _), _)| of == user) {
            blocked.retain(|it| it != other);
            if *is_blocked {
                blocked.push(other.clone());
            }
        }
        Ok(blocked)
    }

    pub(in crate::ledger) fn set_blocked(&mut self, user: &UserId, other: &UserId, blocked: bool) {
        self.keeps.blocked.insert((user.clone(), other.clone()), blocked);
    }

    pub(in crate::ledger) fn last_seen(&self, user: &UserId) -> Result<UnixMs, V::Error> {
        match self.keeps.last_seen.get(user) {
            Some(at) => Ok(*at),
            None => self.view.last_seen(user),
        }
    }

    pub(in crate::ledger) fn set_last_seen(&mut self, user: &UserId, at: UnixMs) {
        self.keeps.last_seen.insert(user.clone(), at);
    }

    pub(in crate::ledger) fn listed(&self, user: &UserId) -> Result<BTreeMap<DeviceName, Listed>, V::Error> {
        match self.keeps.listed.get(user) {
            Some(listed) => Ok(listed.clone()),
            None => Ok(self.view.listed(user)?.into_iter().collect()),
        }
    }

    pub(in crate::ledger) fn set_listed(
        &mut self,
        device: &Device,
        listed: Option<Listed>,
    ) -> Result<(), V::Error> {
        let mut all = self.listed(&device.user)?;
        match listed {
            Some(listed) => all.insert(device.name.clone(), listed),
            None => all.remove(&device.name),
        };
        self.keeps.listed.insert(device.user.clone(), all);
        self.keeps.changed.insert(device.clone(), listed);
        Ok(())
    }
}
