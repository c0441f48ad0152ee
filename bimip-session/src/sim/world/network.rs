//! Connections: how they come to be, what they carry, and how their ends part.

use bimip_proto::{Said, ServerPacket};

use super::World;
use super::beginning::SLOW;
use super::happening::Happening;
use crate::Machine;
use crate::client;
use crate::server::{self, ConnId};
use crate::sim::story::{describe, facts};

/// A connection on the air: packets of one direction never overtake each other. Each end may have gone without the
/// other knowing it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) node: usize,
    pub(super) core: usize,
    up_ms: u64,
    down_ms: u64,
    /// Nothing arrives in this direction any more, and nobody is told.
    pub(super) up_dead: bool,
    pub(super) down_dead: bool,
    client_left: bool,
    server_left: bool,
}

#[derive(Debug)]
pub(super) enum Up {
    Said(Vec<Said>),
    Pong(u64),
    Fin,
}

#[derive(Debug)]
pub(super) enum Down {
    Packet(ServerPacket),
    Ping(u64),
    Fin,
}

impl World {
    /// Whether a device has a connection that works, and is signed in.
    pub(super) fn is_linked(&self, node: usize) -> bool {
        let it = &self.nodes[node];
        let link = it.conn.and_then(|conn| self.links.get(&conn));
        it.session.is_up() && link.is_some_and(|link| !link.up_dead && !link.down_dead && !link.server_left)
    }

    pub(super) fn dial(&mut self, node: usize) {
        let it = &mut self.nodes[node];
        it.dial += 1;
        let dial = it.dial;
        let delay_ms = self.delay_of(node);
        self.soon(delay_ms, Happening::Dialed { node, dial });
    }

    pub(super) fn dialed(&mut self, node: usize) {
        if self.nodes[node].stopped {
            // No answer: the device gives up by itself.
            return;
        }
        let core = self.rng.index(self.cores.len());
        if self.cores[core].up_mono_ms > self.now.mono_ms {
            let retry_after_ms = self.rng.between(0, 1_000);
            let away = self.rng.chance(50);
            let no =
                if away { client::Input::TurnedAway { retry_after_ms } } else { client::Input::Disconnected };
            let now = self.now;
            return self.session(node).handle_input(now, no);
        }
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        let (up_ms, down_ms) = (self.now.mono_ms, self.now.mono_ms);
        let link = Link {
            node,
            core,
            up_ms,
            down_ms,
            up_dead: false,
            down_dead: false,
            client_left: false,
            server_left: false,
        };
        self.links.insert(conn, link);
        self.busy_mono_ms = self.now.mono_ms;
        let it = &mut self.nodes[node];
        it.conn = Some(conn);
        it.wire.connect(&it.device);
        let (caps, by_header) = (it.wire.caps(), it.is_walkie());
        let device = it.device.clone();
        let grant = by_header.then(|| self.grant(device.clone()));
        self.tell(|world| format!("{} connects to core {core} as {conn}", world.nodes[node].name));
        self.checker.opens(core, conn, &device, caps.presence);
        self.input(core, server::Input::Opened { conn, caps, grant });
        let now = self.now;
        self.session(node).handle_input(now, client::Input::Connected);
    }

    // ---- on the air -----------------------------------------------------------------------------------

    fn delay_of(&self, node: usize) -> u64 {
        self.plan.delay_ms * if self.nodes[node].slow { SLOW } else { 1 }
    }

    pub(super) fn fly_up(&mut self, conn: ConnId, up: Up) {
        let Some(link) = self.links.get(&conn).filter(|link| !link.up_dead) else { return };
        let delay_ms = self.delay_of(link.node);
        let delay_ms = self.rng.between(0, delay_ms);
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.up_ms = link.up_ms.max(self.now.mono_ms + delay_ms);
        let at_ms = link.up_ms;
        self.at(at_ms, Happening::Up(conn, up));
    }

    pub(super) fn fly_down(&mut self, conn: ConnId, down: Down) {
        let Some(link) = self.links.get(&conn).filter(|link| !link.down_dead) else { return };
        let delay_ms = self.delay_of(link.node);
        let delay_ms = self.rng.between(0, delay_ms);
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.down_ms = link.down_ms.max(self.now.mono_ms + delay_ms);
        let at_ms = link.down_ms;
        self.at(at_ms, Happening::Down(conn, down));
    }

    pub(super) fn goes_up(&mut self, conn: ConnId, up: Up) {
        let Some(link) = self.links.get(&conn).filter(|link| !link.up_dead && !link.server_left) else {
            return;
        };
        let core = link.core;
        match up {
            Up::Said(packets) => {
                for said in &packets {
                    self.checker.hears(conn, &said.packet);
                }
                self.input(core, server::Input::Packets(conn, packets));
            }
            Up::Pong(upto) => self.input(core, server::Input::Barrier(conn, upto)),
            Up::Fin => {
                self.links.remove(&conn);
                self.checker.gone(conn, self.disk.durable());
                self.input(core, server::Input::Closed(conn));
            }
        }
    }

    pub(super) fn goes_down(&mut self, conn: ConnId, down: Down) {
        let Some(link) = self.links.get(&conn).filter(|link| !link.down_dead && !link.client_left) else {
            return;
        };
        let node = link.node;
        match down {
            Down::Packet(packet) => {
                self.story.fold(&facts(&packet));
                self.tell(|world| format!("core -> {} {}", world.nodes[node].name, describe(&packet)));
                let now = self.now;
                for packet in self.nodes[node].wire.down(packet) {
                    self.session(node).handle_input(now, client::Input::Packet(packet));
                }
            }
            Down::Ping(upto) => self.fly_up(conn, Up::Pong(upto)),
            Down::Fin => {
                self.links.remove(&conn);
                self.client_loses(node, conn);
            }
        }
    }

    // ---- the ends -------------------------------------------------------------------------------------

    /// The device hangs up. The core finds out when the word arrives, or by the silence.
    pub(super) fn client_hangs_up(&mut self, node: usize) {
        self.nodes[node].dial += 1;
        let Some(conn) = self.nodes[node].conn.take() else { return };
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.client_left = true;
        if link.server_left {
            self.links.remove(&conn);
        } else {
            self.fly_up(conn, Up::Fin);
        }
    }

    /// The core hangs up. The device finds out when the word arrives, or by the silence.
    pub(super) fn server_hangs_up(&mut self, conn: ConnId) {
        self.checker.gone(conn, self.disk.durable());
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.server_left = true;
        if link.client_left {
            self.links.remove(&conn);
        } else {
            self.fly_down(conn, Down::Fin);
        }
    }

    /// The device is told that its connection is gone.
    pub(super) fn client_loses(&mut self, node: usize, conn: ConnId) {
        let it = &mut self.nodes[node];
        if it.conn == Some(conn) {
            it.conn = None;
            let now = self.now;
            self.session(node).handle_input(now, client::Input::Disconnected);
        }
    }

    /// A connection breaks: what is in the air is lost. The device finds out at once and the core soon, unless the core
    /// is what broke.
    pub(super) fn breaks(&mut self, conn: ConnId, core_lives: bool) {
        let Some(link) = self.links.remove(&conn) else { return };
        if core_lives && !link.server_left {
            let (core, life) = (link.core, self.cores[link.core].life);
            self.soon(500, Happening::Input { core, life, input: server::Input::Closed(conn) });
        }
        self.checker.gone(conn, self.disk.durable());
        if !link.client_left {
            self.client_loses(link.node, conn);
        }
    }
}
