//! What a device knows of the groups of its user from what it was told.

use std::collections::BTreeMap;
use std::sync::Arc;

use bimip_proto::{
    Entry, GroupAct, GroupChange, GroupCommand, GroupId, GroupNews, MayPost, Role, UserId, limits,
};

use crate::client::Event;

/// Groups that are remembered: those that a user is in, and as many that they left three times over.
const GROUPS: usize = 4 * limits::GROUPS_PER_USER;

/// One part of a group, and with which change of the group it came. Answers to this device overtake rows, so that
/// every part is only replaced by what is not older.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Held<T> {
    value: T,
    edition: u32,
}

impl<T> Held<T> {
    fn set(&mut self, edition: u32, value: T) {
        if edition >= self.edition {
            *self = Self { value, edition };
        }
    }
}

/// A group, as far as this device was told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupState {
    title: Held<Arc<str>>,
    about: Held<Arc<str>>,
    open: Held<bool>,
    post: Held<MayPost>,
    mine: Held<Option<Role>>,
    deleted: bool,
}

impl GroupState {
    /// Its title; empty where it has none, or where that is not known.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title.value
    }

    /// What it is about.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about.value
    }

    /// Whether anybody may join.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open.value
    }

    /// What this user is in it; `None`: not in it, or it is not known.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        self.mine.value
    }

    /// Whether this user may post to it.
    #[must_use]
    pub fn may_post(&self) -> bool {
        let needed = if self.post.value == MayPost::Admins { Role::Admin } else { Role::Member };
        self.role().is_some_and(|role| role >= needed)
    }

    /// Whether it is no more.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.deleted
    }
}

/// The groups of a user that somebody manages. Feed it every [`Event`] of the session.
#[derive(Debug, Clone)]
pub struct GroupStates {
    me: UserId,
    groups: BTreeMap<GroupId, GroupState>,
}

impl GroupStates {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new(me: UserId) -> Self {
        Self { me, groups: BTreeMap::new() }
    }

    /// What is known of a group.
    #[must_use]
    pub fn get(&self, group: &GroupId) -> Option<&GroupState> {
        self.groups.get(group)
    }

    /// All groups that something is known of.
    pub fn iter(&self) -> impl Iterator<Item = (&GroupId, &GroupState)> {
        self.groups.iter()
    }

    /// Something happened.
    pub fn on_event(&mut self, event: &Event) {
        match event {
            Event::Received(row) => {
                if let Entry::Group(change) = &*row.entry {
                    self.changed(change);
                }
            }
            // Its own row is not sent to the device that did it. What changed nothing is true of that edition all the same.
            Event::Grouped { command, edition, .. } => self.did(command, *edition),
            Event::Reset(_) => self.groups.clear(),
            _ => {}
        }
    }

    fn changed(&mut self, change: &GroupChange) {
        let role = self.role_after(change);
        let Some(state) = self.state(&change.group) else { return };
        let edition = change.edition;
        state.title.set(edition, Arc::clone(&change.profile.title));
        state.about.set(edition, Arc::clone(&change.profile.about));
        state.open.set(edition, change.open);
        state.post.set(edition, change.post);
        state.deleted |= change.what == GroupNews::Deleted;
        if let Some(role) = role {
            state.mine.set(edition, role);
        }
    }

    /// What this user is in the group after a change; `None` if it is not about that.
    fn role_after(&self, change: &GroupChange) -> Option<Option<Role>> {
        let (mine, named) = (change.by.user == self.me, change.what.users().contains(&self.me));
        match &change.what {
            GroupNews::Created(_) if mine => Some(Some(Role::Owner)),
            GroupNews::Created(_) | GroupNews::Added(_) if named => Some(Some(Role::Member)),
            GroupNews::Removed(_) | GroupNews::Banned(_) if named => Some(None),
            GroupNews::Role { role, .. } if named => Some(Some(*role)),
            GroupNews::Role { role: Role::Owner, .. } if mine => Some(Some(Role::Admin)),
            GroupNews::Deleted => Some(None),
            // Whoever comes into an empty group owns it.
            GroupNews::Joined if mine && change.members == 1 => Some(Some(Role::Owner)),
            GroupNews::Joined if mine => Some(Some(Role::Member)),
            GroupNews::Left { .. } if mine => Some(None),
            GroupNews::Left { heir: Some(_) } if named => Some(Some(Role::Owner)),
            _ => None,
        }
    }

    /// This device did something.
    fn did(&mut self, command: &GroupCommand, edition: u32) {
        let Some(state) = self.state(&command.group) else { return };
        match &command.act {
            GroupAct::Create { profile, open, post, .. } => {
                state.title.set(edition, Arc::clone(&profile.title));
                state.about.set(edition, Arc::clone(&profile.about));
                state.open.set(edition, *open);
                state.post.set(edition, *post);
                state.mine.set(edition, Some(Role::Owner));
            }
            GroupAct::Edit { title, about, open, post } => {
                if let Some(title) = title {
                    state.title.set(edition, Arc::clone(title));
                }
                if let Some(about) = about {
                    state.about.set(edition, Arc::clone(about));
                }
                if let Some(open) = open {
                    state.open.set(edition, *open);
                }
                if let Some(post) = post {
                    state.post.set(edition, *post);
                }
            }
            GroupAct::Delete => {
                state.deleted = true;
                state.mine.set(edition, None);
            }
            GroupAct::SetRole { role: Role::Owner, .. } => state.mine.set(edition, Some(Role::Admin)),
            _ => {}
        }
    }

    /// The state of a group, if there is room for it: one that the user is not in makes way.
    fn state(&mut self, group: &GroupId) -> Option<&mut GroupState> {
        if self.groups.len() >= GROUPS && !self.groups.contains_key(group) {
            let left = self.groups.iter().find(|(_, state)| state.role().is_none());
            let left = left.map(|(left, _)| left.clone())?;
            self.groups.remove(&left);
        }
        Some(self.groups.entry(group.clone()).or_default())
    }
}
