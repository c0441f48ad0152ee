//! What happens, one thing at a time.

use bimip_proto::{Address, Body, ClientRef, Device, Draft, Row, SoundName, Status, Talk};

use super::{Down, Happening, Link, Up, World, describe};
use crate::Machine;
use crate::client;
use crate::server::{self, ConnId, Grant};
use crate::sim::checker::Fate;

impl World {
    pub(super) fn happen(&mut self, happening: Happening) {
        let this_life = self.server_life;
        match happening {
            Happening::Dialed { node, life } if self.nodes[node].life == life => self.dialed(node),
            Happening::Up(conn, up) => self.goes_up(conn, up),
            Happening::Down(conn, down) => self.goes_down(conn, down),
            Happening::Write { life } if life == this_life => self.write(),
            Happening::Sync { life } if life == this_life => self.sync(),
            Happening::Page { life, page } if life == this_life => self.input(server::Input::Page(page)),
            Happening::Attach { life, conn, device } if life == this_life => {
                let attachment = self.disk.attach(&device);
                self.input(server::Input::Attached(conn, Some(attachment)));
            }
            Happening::Contacts { life, user } if life == this_life => {
                let contacts = self.disk.durable().contacts(&user);
                self.input(server::Input::Contacts(user, Some(contacts)));
            }
            Happening::Grant { life, conn, device } if life == this_life => {
                let grant = self.grant(device);
                self.input(server::Input::Granted(conn, Ok(grant)));
            }
            Happening::Kept { life, sound } if life == this_life => {
                // Now and then there is no room for it.
                let name = SoundName(sound.0.into());
                let name = self.rng.chance(80).then_some(name);
                self.input(server::Input::Kept(sound, name));
            }
            Happening::Store { node, life, row } if self.nodes[node].life == life => self.store(node, &row),
            Happening::Read { node, life, message } if self.nodes[node].life == life => {
                let it = &mut self.nodes[node];
                if !it.is_walkie() {
                    it.app.marks.push((message.clone(), Status::Read));
                }
                let _full = it.session.mark(self.now, message, Status::Read);
            }
            Happening::Send { node, to, tag } => self.send(node, to, tag),
            Happening::Talk { node, to, act } => {
                let from = self.nodes[node].device.user.clone();
                self.nodes[node].session.talk(self.now, Talk { from, to, act });
            }
            Happening::Move { node, group, join } => {
                let (now, group) = (self.now, self.groups[group].clone());
                let session = &mut self.nodes[node].session;
                if join { session.join(now, group) } else { session.leave_group(now, group) }
            }
            Happening::Cut { node } => self.cut(node),
            Happening::CrashServer => self.crash_server(),
            Happening::CrashClient { node } => self.crash_client(node),
            Happening::ClockJump { back, by_ms } => {
                self.tell(|_| {
                    format!("the wall clock jumps {by_ms} ms {}", if back { "back" } else { "ahead" })
                });
                let unix_ms = self.now.unix_ms;
                self.now.unix_ms = if back { unix_ms - by_ms } else { unix_ms + by_ms };
            }
            _ => {}
        }
        self.drain();
    }

    pub(super) fn input(&mut self, input: server::Input) {
        self.core.handle_input(self.now, input);
    }

    pub(super) fn dialed(&mut self, node: usize) {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        self.links.insert(conn, Link { node, up_ms: self.now.mono_ms, down_ms: self.now.mono_ms });
        let it = &mut self.nodes[node];
        it.conn = Some(conn);
        it.wire.connect(&it.device);
        let (caps, by_header) = (it.wire.caps(), it.is_walkie());
        let device = it.device.clone();
        let grant = by_header.then(|| self.grant(device));
        self.tell(|world| format!("{} connects as {conn}", world.nodes[node].name));
        self.input(server::Input::Opened { conn, caps, grant });
        self.nodes[node].session.handle_input(self.now, client::Input::Connected);
    }

    fn grant(&self, device: Device) -> Grant {
        let mut grant = Grant::new(device);
        if self.granted.contains(&grant.device.user) {
            grant.groups.clone_from(&self.groups);
        }
        grant
    }

    pub(super) fn goes_up(&mut self, conn: ConnId, up: Up) {
        if !self.links.contains_key(&conn) {
            return;
        }
        match up {
            Up::Said(packets) => self.input(server::Input::Packets(conn, packets)),
            Up::Pong(upto) => self.input(server::Input::Barrier(conn, upto)),
        }
    }

    pub(super) fn goes_down(&mut self, conn: ConnId, down: Down) {
        let Some(node) = self.links.get(&conn).map(|link| link.node) else { return };
        match down {
            Down::Packet(packet) => {
                self.tell(|world| format!("server -> {} {}", world.nodes[node].name, describe(&packet)));
                for packet in self.nodes[node].wire.down(packet) {
                    self.nodes[node].session.handle_input(self.now, client::Input::Packet(packet));
                }
            }
            Down::Ping(upto) => self.fly_up(conn, Up::Pong(upto)),
            Down::Close => self.unlink(conn, false),
        }
    }

    pub(super) fn write(&mut self) {
        let batch = std::mem::take(&mut self.tickets);
        let (proven, failed) = self.disk.write(batch);
        for proof in proven {
            self.input(server::Input::Committed(proof));
        }
        for failure in failed {
            self.input(server::Input::Failed(failure));
        }
        let life = self.server_life;
        self.soon(20, Happening::Sync { life });
    }

    pub(super) fn sync(&mut self) {
        self.sync_due = false;
        let proven = self.disk.sync();
        self.tell(|_| format!("disk sync, {} tickets", proven.len()));
        let devices: Vec<_> = self.nodes.iter().map(|node| &node.device).collect();
        self.checker.synced(&devices, self.disk.durable());
        for proof in proven {
            self.input(server::Input::Committed(proof));
        }
        if !self.tickets.is_empty() {
            self.write_soon();
        }
    }

    pub(super) fn write_soon(&mut self) {
        if !self.sync_due {
            self.sync_due = true;
            let life = self.server_life;
            self.soon(5, Happening::Write { life });
        }
    }

    pub(super) fn send(&mut self, node: usize, to: Address, tag: u32) {
        let it = &self.nodes[node];
        let tag = format!("<{}-{tag}>", it.name);
        let client_ref = if it.is_walkie() { None } else { ClientRef::new(&tag).ok() };
        let draft = Draft { client_ref, to, client_time: None, body: Body::text(&tag) };
        self.fates.push(Fate { device: it.device.clone(), tag, sent: 0, unsure: false, refused: false });
        let it = &mut self.nodes[node];
        if it.is_walkie() && !it.session.is_up() {
            // Its app sends when it is connected, and keeps nothing.
            self.fates.pop();
            return;
        }
        it.app.unacked.push(draft.clone());
        let _full = it.session.send(self.now, draft);
    }

    pub(super) fn store(&mut self, node: usize, row: &Row) {
        let it = &mut self.nodes[node];
        it.store(row);
        if !it.is_walkie() {
            it.session.stored(self.now, it.app.epoch, row.offset);
        }
    }
}
