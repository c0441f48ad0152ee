//! What goes wrong.

use bimip_proto::{ClientRef, Draft};

use super::World;
use super::clients::tag_of;
use super::happening::Happening;
use crate::Machine;
use crate::sim::lie::Lie;

/// The longest time in which a core that crashed takes no connections.
const DOWN_MS: u64 = 2_000;

impl World {
    pub(super) fn cut(&mut self, node: usize) {
        if let Some(conn) = self.nodes[node].conn {
            self.tell(|world| format!("{} is cut off", world.nodes[node].name));
            self.breaks(conn, true);
        }
    }

    /// The link of a device goes on in one direction, or in none.
    pub(super) fn die(&mut self, node: usize, up: bool, down: bool) {
        let Some(link) = self.nodes[node].conn.and_then(|conn| self.links.get_mut(&conn)) else { return };
        link.up_dead |= up;
        link.down_dead |= down;
        self.tell(|world| format!("the link of {} dies (up {up}, down {down})", world.nodes[node].name));
    }

    pub(super) fn stop(&mut self, node: usize) {
        self.nodes[node].stopped = true;
        self.die(node, true, true);
    }

    /// One core crashes. What it had not handed to the disk is gone; what it had may become durable, and it will never
    /// know.
    pub(super) fn crash_core(&mut self, core: usize) {
        self.tell(|_| format!("core {core} crashes"));
        let up_mono_ms = self.now.mono_ms + self.rng.between(0, DOWN_MS);
        self.cores[core].restart(self.config.clone(), up_mono_ms);
        for queue in &mut self.queues {
            queue.tickets.retain(|(owner, _)| owner.core != core);
        }
        let conns: Vec<_> =
            self.links.iter().filter(|(_, link)| link.core == core).map(|(conn, _)| *conn).collect();
        for conn in conns {
            self.breaks(conn, false);
        }
    }

    /// Everything stops, and the disk forgets what was not synced.
    pub(super) fn cut_power(&mut self) {
        self.tell(|_| "the power is cut".to_owned());
        self.disk_life += 1;
        self.disk.crash();
        for core in 0..self.cores.len() {
            self.crash_core(core);
        }
    }

    /// An app crashes, and starts again with what it had synced.
    pub(super) fn crash_client(&mut self, node: usize) {
        self.tell(|world| format!("{} crashes and starts again", world.nodes[node].name));
        if let Some(conn) = self.nodes[node].conn {
            self.breaks(conn, true);
        }
        let it = &mut self.nodes[node];
        let walkie = it.is_walkie();
        let mut lost = it.store.crash();
        self.checker.restarts(&it.device);
        if walkie {
            lost.append(it.store.unacked_mut());
        } else if self.plan.lie == Some(Lie::RenamedDrafts) {
            for draft in it.store.unacked_mut() {
                draft.client_ref = ClientRef::new(&format!("again {}", self.serial)).ok();
                self.serial += 1;
            }
        }
        let seed = self.rng.word();
        self.nodes[node].restart(self.now, seed);
        self.touched.push(node);
        for draft in self.nodes[node].store.unacked_mut() {
            // What it was told of this one is forgotten.
            if let Some(fate) = tag_of(&draft.body.bytes).and_then(|tag| self.fates.get_mut(tag)) {
                fate.refused = false;
            }
        }
        for draft in lost {
            self.loses(node, draft, walkie);
        }
        self.start_bot(node);
    }

    /// A draft that was sent and not kept may have arrived or not. Its user may send it again, under the same name.
    fn loses(&mut self, node: usize, draft: Draft, walkie: bool) {
        if let Some(fate) = tag_of(&draft.body.bytes).and_then(|tag| self.fates.get_mut(tag)) {
            fate.lost = true;
            fate.unsure |= walkie;
            fate.place = 0;
        }
        if !walkie && !self.calm && self.rng.chance(50) {
            let life = self.nodes[node].life;
            self.soon(3_000, Happening::Again { node, life, draft });
        }
    }

    /// A session that is over begins again: its app signs in anew, or is started anew.
    pub(super) fn start_over(&mut self, node: usize) {
        if !self.nodes[node].session.is_over() {
            return;
        }
        self.tell(|world| format!("{} begins again", world.nodes[node].name));
        if self.rng.chance(50) {
            let now = self.now;
            return self.session(node).redial(now);
        }
        if self.nodes[node].is_walkie() {
            return self.crash_client(node);
        }
        self.store(node);
        let seed = self.rng.word();
        self.nodes[node].restart(self.now, seed);
        self.touched.push(node);
        self.start_bot(node);
    }

    pub(super) fn fail_disk(&mut self, full: bool) {
        if !self.calm {
            self.tell(|_| format!("the disk {}", if full { "is full" } else { "will fail to sync" }));
            self.disk.fail(full);
        }
    }

    /// The wall clock jumps, and everybody is asked whether something is due: nothing is.
    pub(super) fn jump(&mut self, back: bool, by_ms: u64) {
        self.tell(|_| format!("the wall clock jumps {by_ms} ms {}", if back { "back" } else { "ahead" }));
        let unix_ms = self.now.unix_ms;
        self.now.unix_ms = if back { unix_ms - by_ms } else { unix_ms + by_ms };
        let mono_ms = self.now.mono_ms;
        let mut ended = None;
        for (number, host) in (0..).zip(&mut self.cores) {
            if host.core.poll_timeout().is_none_or(|due| due > mono_ms) {
                let before = host.core.connections();
                host.core.handle_timeout(self.now);
                if host.core.connections() < before {
                    ended = Some(format!("a session of core {number}"));
                }
            }
        }
        for (number, node) in (0..).zip(&mut self.nodes) {
            self.touched.push(number);
            if node.session.poll_timeout().is_none_or(|due| due > mono_ms) {
                let before = node.session.is_up();
                node.session.handle_timeout(self.now);
                if node.session.is_up() != before {
                    ended = Some(format!("the session of {}", node.name));
                }
            }
        }
        self.checker.jumps(ended.as_deref());
    }

    /// Everybody is asked whether something is due, without a reason.
    pub(super) fn ask_all_timers(&mut self) {
        for host in &mut self.cores {
            host.core.handle_timeout(self.now);
        }
        let now = self.now;
        for node in 0..self.nodes.len() {
            self.session(node).handle_timeout(now);
        }
    }

    /// Nothing goes wrong from here on. Links that are dead stay so until their ends find out.
    pub(super) fn calms(&mut self) {
        self.tell(|_| "calm".to_owned());
        self.calm = true;
        self.disk.heal();
        for node in &mut self.nodes {
            node.stopped = false;
        }
        self.checker.calms();
    }
}
