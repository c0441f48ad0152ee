//! Questions about what is stored, answered in the order in which they were asked.

use bimip_proto::{Ask, Device, Found, Now, Query, Reject, UserId, limits};

use super::core::ServerCore;
use super::io::{Answered, ConnId, Lookup, Output};
use crate::ledger::{Ack, Outgoing};

impl ServerCore {
    /// One question of a connection is asked at a time, so that its answers come in order whoever reads them. Few wait: an
    /// answer is as large as a frame, and a client that does not read asks with a hundredth of that.
    pub(super) fn query(&mut self, conn: ConnId, by: &Device, query: Query) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        self.counters.queries += 1;
        if connection.queries.len() >= limits::QUERIES_IN_FLIGHT {
            return self.refuse(conn, &Ack::Query(query.id), Reject::Busy);
        }
        let lookup = Lookup { conn, user: by.user.clone(), ask: query.ask.clone() };
        connection.queries.push_back(query);
        if connection.queries.len() == 1 {
            self.output(Output::Query(lookup));
        }
    }

    /// The answer to [`Output::Query`].
    pub(super) fn looked_up(&mut self, now: Now, answered: Answered) {
        let conn = answered.conn;
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let Some(query) = connection.queries.pop_front() else { return };
        let user = connection.grant().map(|grant| grant.device.user.clone());
        let next = connection.queries.front().map(|next| next.ask.clone());
        let mut found = answered.found;
        match (&mut found, &user) {
            (Some(Found::Status(Some(status))), Some(user)) => self.add_live(user, status),
            (Some(Found::Around { contacts, .. }), Some(user)) => {
                let (contacts, after) = (std::mem::take(contacts), around_after(&query.ask));
                found = Some(self.around(now, user, after, &contacts));
            }
            _ => {}
        }
        match found {
            Some(found) => self.output(Output::Send(conn, Outgoing::answer(query.id, found))),
            None => self.refuse(conn, &Ack::Query(query.id), Reject::Unavailable),
        }
        if let Some((user, ask)) = user.zip(next) {
            self.output(Output::Query(Lookup { conn, user, ask }));
        }
        self.part_if_due(now, conn);
    }
}

const fn around_after(ask: &Ask) -> Option<&UserId> {
    match ask {
        Ask::Around { after } => after.as_ref(),
        _ => None,
    }
}
