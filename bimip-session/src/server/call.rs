//! Calls: connections that ask something and go.
//!
//! What is stored needs nothing to be known of who asks: the commit and the lookup judge it. What is live does, so that a call
//! for it asks storage first, as the beginning of a session does, unless its user is here anyway.

use bimip_proto::{ClientPacket, CloseReason, Device, Now, Said};

use super::account::refused;
use super::connection::{Connection, Phase};
use super::core::ServerCore;
use super::io::{ConnId, Grant, Output};

impl ServerCore {
    /// Somebody calls. Storage judged the grant a moment ago; what was decided since is known of a user who is here.
    pub(super) fn call(&mut self, now: Now, conn: ConnId, grant: Grant) {
        self.counters.calls += 1;
        if refused(&self.roster.standing(&grant.device.user), &grant) {
            self.counters.sign_in_refused += 1;
            return self.close(now, conn, CloseReason::Refused);
        }
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.phase = Phase::Calling { grant };
        }
    }

    /// Whether carrying out a packet takes what storage knows about the user of a call, which is not known here.
    pub(super) fn has_to_learn(&self, conn: ConnId, packet: &ClientPacket) -> bool {
        let live =
            matches!(packet, ClientPacket::Signal(_) | ClientPacket::Track(_) | ClientPacket::Aware(_));
        let grant = self.conns.get(&conn).and_then(Connection::grant);
        live && grant.is_some_and(|grant| !self.roster.knows(&grant.device.user))
    }

    /// Asks storage; what was said waits for the answer, and so does what is said after it.
    pub(super) fn learn_first(&mut self, conn: ConnId, said: Said) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let Some(grant) = connection.grant().cloned() else { return };
        let device = grant.device.clone();
        connection.phase = Phase::attaching(grant, self.pulls.fed);
        self.hold_first(conn, said);
        if !self.roster.of(&device.user).contains(&conn) {
            self.roster.join(&device.user, conn);
        }
        self.output(Output::Attach(conn, device));
    }

    /// The connection that a device is given its rows on.
    pub(super) fn stream_of(&self, device: &Device) -> Option<ConnId> {
        let reads = |conn: &&ConnId| match self.conns.get(conn).map(|it| &it.phase) {
            Some(Phase::Live { grant, .. }) => grant.device == *device,
            _ => false,
        };
        self.roster.of(&device.user).iter().find(reads).copied()
    }
}
