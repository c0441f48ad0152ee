//! When a run is over, and what is judged then.

use bimip_proto::Offset;

use super::World;
use super::happening::Happening;
use crate::sim::bot::Rest;
use crate::sim::checker::{Fate, Held};

impl World {
    /// Nothing is under way, and nothing has happened for so long that nothing was forgotten.
    pub(super) fn has_rested(&self) -> bool {
        self.is_quiet() && self.now.mono_ms >= self.busy_mono_ms + self.quiet_ms
    }

    fn is_quiet(&self) -> bool {
        self.queue.values().all(|it| Happening::is_idle(it))
            && self.queues.iter().all(|queue| queue.tickets.is_empty())
            && !self.disk.is_waiting()
            && (0..self.nodes.len()).all(|node| self.is_linked(node) && self.is_settled(node))
    }

    fn is_settled(&self, node: usize) -> bool {
        let it = &self.nodes[node];
        // A walkie-talkie is not told that a draft was refused, and waits.
        it.is_walkie() || it.session.is_settled()
    }

    pub(super) fn judge(&mut self) {
        let rested = self.has_rested();
        let mut fates: Vec<Fate> = self.fates.values().cloned().collect();
        if self.refuses {
            // Walkie-talkies have no word for a refusal, and take the next answer for one to what was refused.
            for node in self.nodes.iter().filter(|node| node.is_walkie()) {
                fates
                    .iter_mut()
                    .filter(|fate| fate.device == node.device)
                    .for_each(|fate| fate.unsure = true);
            }
        }
        let held: Vec<_> = self
            .nodes
            .iter()
            .map(|node| Held {
                device: &node.device,
                walkie: node.is_walkie(),
                caps: node.wire.caps(),
                rows: node.store.rows().iter().map(|(offset, entry)| (*offset, &**entry)).collect(),
            })
            .collect();
        let durable = self.disk.durable();
        if self.safety {
            return self.checker.stopped(durable, &held, &fates);
        }
        self.checker.at_rest(rested, self.busy_mono_ms, durable, &held, &fates);
        for node in &self.nodes {
            let Some(bot) = &node.bot else { continue };
            let mailbox = durable.page(&node.device.user, Offset::ZERO, u32::MAX, u64::MAX);
            let rest =
                Rest { device: &node.device, mailbox: &mailbox, rows: node.store.rows(), disk: durable };
            if let Err(what) = bot.at_rest(&rest) {
                self.checker.found(format!("bot: {}: {what}", node.device));
            }
        }
    }
}
