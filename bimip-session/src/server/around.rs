//! Who is here, for those who ask: what storage knows of a user's contacts, and what this core knows of its connections.

use bimip_proto::{Found, Now, UserId, limits};

use super::core::ServerCore;

impl ServerCore {
    /// Those of whom the beginning of a session would tell, after one of them. They are not told when it changes: who wants to
    /// be is connected, and has been told of them.
    pub(super) fn around(
        &self,
        now: Now,
        asker: &UserId,
        after: Option<&UserId>,
        contacts: &[UserId],
    ) -> Found {
        let (groups, blocked) = (self.roster.groups_of(asker), self.roster.blocked(asker));
        let users = self.neighbours(asker, contacts, &groups, &blocked).into_iter();
        let later = users.filter(|user| after.is_none_or(|after| user > after));
        let mut here = later.filter_map(|user| self.shows(now, &user));
        let around = here.by_ref().take(limits::AROUND).collect();
        Found::Around { around, more: here.next().is_some(), contacts: Vec::new() }
    }
}
