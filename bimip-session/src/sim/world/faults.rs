//! What goes wrong.

use super::{World, unsure};
use crate::Machine;
use crate::client;
use crate::server::{self, ConnId, ServerCore};

impl World {
    pub(super) fn cut(&mut self, node: usize) {
        if let Some(conn) = self.nodes[node].conn {
            self.tell(|world| format!("{} is cut off", world.nodes[node].name));
            self.unlink(conn, true);
        }
    }

    /// A connection ends: what is in the air is lost, and both sides find out.
    pub(super) fn unlink(&mut self, conn: ConnId, tell_server: bool) {
        let Some(link) = self.links.remove(&conn) else { return };
        if tell_server {
            self.input(server::Input::Closed(conn));
        }
        let it = &mut self.nodes[link.node];
        if it.conn == Some(conn) {
            it.conn = None;
            it.session.handle_input(self.now, client::Input::Disconnected);
        }
    }

    pub(super) fn crash_server(&mut self) {
        self.tell(|_| "the server crashes".to_owned());
        self.server_life += 1;
        self.tickets.clear();
        self.sync_due = false;
        self.disk.crash();
        self.core = ServerCore::new(self.config.clone());
        let conns: Vec<_> = self.links.keys().copied().collect();
        for conn in conns {
            self.unlink(conn, false);
        }
    }

    pub(super) fn crash_client(&mut self, node: usize) {
        self.tell(|world| format!("{} crashes and starts again", world.nodes[node].name));
        let conn = self.nodes[node].conn.take();
        if let Some(conn) = conn {
            self.unlink(conn, true);
        }
        let seed = self.rng.word();
        let it = &mut self.nodes[node];
        if it.is_walkie() {
            for draft in it.app.unacked.drain(..) {
                unsure(&mut self.fates, &it.device, &draft);
            }
        }
        it.restart(self.now, seed);
    }
}
