//! Which connections belong to which user.

use std::collections::BTreeMap;

use bimip_proto::UserId;

use super::io::ConnId;

#[derive(Debug, Default)]
pub(super) struct Roster {
    users: BTreeMap<UserId, Vec<ConnId>>,
}

impl Roster {
    pub(super) fn join(&mut self, user: &UserId, conn: ConnId) {
        match self.users.get_mut(user) {
            Some(conns) => conns.push(conn),
            None => {
                self.users.insert(user.clone(), vec![conn]);
            }
        }
    }

    pub(super) fn leave(&mut self, user: &UserId, conn: ConnId) {
        let Some(conns) = self.users.get_mut(user) else { return };
        conns.retain(|other| *other != conn);
        if conns.is_empty() {
            self.users.remove(user);
        }
    }

    /// A user's connections, oldest first.
    pub(super) fn of(&self, user: &UserId) -> &[ConnId] {
        self.users.get(user).map_or(&[], Vec::as_slice)
    }
}
