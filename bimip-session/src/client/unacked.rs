//! Drafts and marks that wait for their answer.

use std::collections::VecDeque;

use bimip_proto::{Address, ClientPacket, ClientRef, Draft, MessageRef, Status};

/// Drafts in the order the app gave them, the first `on_wire` of them sent on this connection.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    queue: VecDeque<Draft>,
    on_wire: usize,
}

impl Drafts {
    pub(super) fn new(queue: Vec<Draft>) -> Self {
        Self { queue: queue.into(), on_wire: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Draft> {
        self.queue.iter()
    }

    pub(super) fn push(&mut self, draft: Draft) {
        self.queue.push_back(draft);
    }

    /// The next draft to send, while fewer than `window` are on the wire.
    pub(super) fn next(&mut self, window: usize) -> Option<Draft> {
        let next = self.queue.get(self.on_wire).filter(|_| self.on_wire < window)?.clone();
        self.on_wire += 1;
        Some(next)
    }

    /// A draft is answered: the one of this name, or, in dialects without names, the oldest on the wire to this
    /// target, since acks come in the order of the drafts.
    pub(super) fn answered(&mut self, client_ref: Option<&ClientRef>, to: Option<&Address>) -> Option<Draft> {
        let is_it = |draft: &Draft| match client_ref {
            Some(name) => draft.client_ref.as_ref() == Some(name),
            None => draft.client_ref.is_none() && to.is_none_or(|to| draft.to == *to),
        };
        let at = self.queue.iter().take(self.on_wire).position(is_it)?;
        self.on_wire -= 1;
        self.queue.remove(at)
    }

    /// The connection is gone: everything is sent again.
    pub(super) const fn rewind(&mut self) {
        self.on_wire = 0;
    }

    /// The connection is gone, and nothing may be sent again: what was on the wire is given up.
    pub(super) fn give_up(&mut self) -> Vec<Draft> {
        let on_wire = std::mem::take(&mut self.on_wire);
        self.queue.drain(..on_wire).collect()
    }
}

/// Marks that are not noted yet. Saying one twice is harmless, so all are said again after a cut.
#[derive(Debug, Default)]
pub(super) struct Marks {
    waiting: Vec<(MessageRef, Status)>,
    /// Refused for a while: said again when that is over.
    again: Vec<(MessageRef, Status)>,
}

impl Marks {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn push(&mut self, message: MessageRef, status: Status) {
        self.waiting.push((message, status));
    }

    pub(super) fn packets(&self) -> impl Iterator<Item = ClientPacket> {
        self.waiting
            .iter()
            .map(|(message, status)| ClientPacket::Mark { message: message.clone(), status: *status })
    }

    /// This one was refused for now.
    pub(super) fn again(&mut self, message: MessageRef, status: Status) {
        if self.waiting.iter().any(|(other, said)| *other == message && *said == status) {
            self.again.push((message, status));
        }
    }

    /// The while is over.
    pub(super) fn take_again(&mut self) -> Vec<(MessageRef, Status)> {
        std::mem::take(&mut self.again)
    }

    pub(super) fn answered(&mut self, message: &MessageRef, status: Status) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(other, said)| !(other == message && *said == status));
        self.waiting.len() < before
    }
}
