//! What the machines want done.

use bimip_proto::{Device, Draft, Entry, Row, ServerPacket};

use super::{Down, Happening, Up, World, describe_client, fate, refused, unsure};
use crate::Machine;
use crate::client::{self, Event};
use crate::server::{self, ConnId, SoundAct};

impl World {
    pub(super) fn drain(&mut self) {
        loop {
            let mut idle = true;
            while let Some(output) = self.core.poll_output() {
                idle = false;
                self.carry_out(output);
            }
            for node in 0..self.nodes.len() {
                while let Some(output) = self.nodes[node].session.poll_output() {
                    idle = false;
                    self.obey(node, output);
                }
            }
            if idle {
                return;
            }
        }
    }

    pub(super) fn carry_out(&mut self, output: server::Output) {
        let life = self.server_life;
        match output {
            server::Output::Send(conn, outgoing) => self.leaves(conn, outgoing.into_packet()),
            server::Output::SendAll(conns, outgoing) => {
                for conn in conns.iter() {
                    self.leaves(*conn, outgoing.packet().clone());
                }
            }
            server::Output::Replay(conn, outgoing, _) => self.leaves(conn, outgoing.into_packet()),
            // Where the sound goes is of no interest here; that the talk waits for it is.
            server::Output::Sound(_, SoundAct::Piece(_) | SoundAct::Drop) => {}
            server::Output::Sound(sound, SoundAct::Keep) => {
                self.soon(200, Happening::Kept { life, sound });
            }
            server::Output::Barrier(conn, upto) => self.fly_down(conn, Down::Ping(upto)),
            server::Output::Close(conn, _) => self.fly_down(conn, Down::Close),
            server::Output::Authenticate { conn, user, device, .. } => {
                if let (Some(user), Some(device)) = (user, device) {
                    self.soon(10, Happening::Grant { life, conn, device: Device::new(user, device) });
                }
            }
            server::Output::Attach(conn, device) => self.soon(10, Happening::Attach { life, conn, device }),
            server::Output::Contacts(user) => self.soon(10, Happening::Contacts { life, user }),
            // Nobody here asks about tokens.
            server::Output::Token { .. } => {}
            server::Output::Commit(ticket) => {
                self.tickets.push(ticket);
                self.write_soon();
            }
            // This server is alone with its disk.
            server::Output::Wake(_) => {}
            // What was said is on its way already; the core keeps it.
            server::Output::Pause(_) | server::Output::Resume(_) => {}
            server::Output::Read(request) => {
                let page = self.disk.page(&request);
                self.soon(10, Happening::Page { life, page });
            }
        }
    }

    fn leaves(&mut self, conn: ConnId, packet: ServerPacket) {
        if let Some(link) = self.links.get(&conn) {
            self.checker.leaves(&self.nodes[link.node].device, &packet, self.disk.durable());
        }
        self.fly_down(conn, Down::Packet(packet));
    }

    pub(super) fn obey(&mut self, node: usize, output: client::Output) {
        match output {
            client::Output::Connect => {
                let life = self.nodes[node].life;
                let delay_ms = self.plan.delay_ms;
                self.soon(delay_ms, Happening::Dialed { node, life });
            }
            client::Output::Transmit(packet) => {
                self.tell(|world| {
                    format!("{} -> server {}", world.nodes[node].name, describe_client(&packet))
                });
                let said = self.nodes[node].wire.up(packet);
                if let Some(conn) = self.nodes[node].conn.filter(|_| !said.is_empty()) {
                    self.fly_up(conn, Up::Said(said));
                }
            }
            client::Output::Hangup => {
                if let Some(conn) = self.nodes[node].conn.take() {
                    self.unlink(conn, true);
                }
            }
            client::Output::Event(event) => self.event(node, event),
        }
    }

    pub(super) fn event(&mut self, node: usize, event: Event) {
        let it = &mut self.nodes[node];
        match event {
            Event::Resumed(welcome) => it.app.epoch = welcome.epoch,
            Event::Sent { client_ref, head, .. } => {
                let is_it = |draft: &Draft| match &client_ref {
                    Some(name) => draft.client_ref.as_ref() == Some(name),
                    None => draft.to == head.to,
                };
                if let Some(at) = it.app.unacked.iter().position(is_it) {
                    let draft = it.app.unacked.remove(at);
                    if let Some(fate) = fate(&mut self.fates, &it.device, &draft) {
                        fate.sent += 1;
                    }
                }
            }
            Event::Unsure(draft) => {
                it.app.unacked.retain(|other| *other != draft);
                unsure(&mut self.fates, &it.device, &draft);
            }
            Event::Refused { draft, .. } => {
                it.app.unacked.retain(|other| *other != draft);
                refused(&mut self.fates, &it.device, &draft);
            }
            Event::Marked { message, status } | Event::MarkRefused { message, status, .. } => {
                it.app.marks.retain(|mark| *mark != (message.clone(), status));
            }
            Event::Received(row) => self.received(node, row),
            _ => {}
        }
    }

    pub(super) fn received(&mut self, node: usize, row: Row) {
        let it = &mut self.nodes[node];
        let (life, walkie) = (it.life, it.is_walkie());
        self.checker.arrives(&it.device, &row.entry);
        if let Entry::Message(message) = &*row.entry {
            let reference = message.head.names().reference();
            let mine = message.head.is_for(&it.device.user);
            if let Some(message) = reference.filter(|_| mine) {
                if walkie {
                    it.session.delivered(self.now, vec![message.clone()]);
                }
                if self.rng.chance(self.plan.reads_percent) {
                    self.soon(3_000, Happening::Read { node, life, message });
                }
            }
        }
        if walkie {
            // Nothing but the network is between it and its user: what arrived is heard.
            return self.store(node, &row);
        }
        // Apps store in the order they receive.
        let at_ms = self.now.mono_ms + 50;
        self.at(at_ms, Happening::Store { node, life, row });
    }

    pub(super) fn fly_up(&mut self, conn: ConnId, up: Up) {
        let delay_ms = self.rng.between(0, self.plan.delay_ms);
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.up_ms = link.up_ms.max(self.now.mono_ms + delay_ms);
        let at_ms = link.up_ms;
        self.at(at_ms, Happening::Up(conn, up));
    }

    pub(super) fn fly_down(&mut self, conn: ConnId, down: Down) {
        let delay_ms = self.rng.between(0, self.plan.delay_ms);
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.down_ms = link.down_ms.max(self.now.mono_ms + delay_ms);
        let at_ms = link.down_ms;
        self.at(at_ms, Happening::Down(conn, down));
    }
}
