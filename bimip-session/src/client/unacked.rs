//! Drafts and marks that wait for their answer.

use std::collections::VecDeque;

use bimip_proto::{Address, ClientRef, Draft, MessageRef, Status};

/// Drafts in the order the app gave them: the first `on_wire` of them sent on this connection, the first `tried` on
/// any.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    queue: VecDeque<Draft>,
    on_wire: usize,
    tried: usize,
}

impl Drafts {
    pub(super) fn new(queue: Vec<Draft>) -> Self {
        // Whether an earlier run had sent them is not known.
        Self { on_wire: 0, tried: queue.len(), queue: queue.into() }
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
        self.tried = self.tried.max(self.on_wire);
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
        self.tried -= 1;
        self.queue.remove(at)
    }

    /// Takes back a draft that was never on the wire: what was may be stored already.
    pub(super) fn take_back(&mut self, client_ref: &ClientRef) -> Option<Draft> {
        let mut waiting = self.queue.iter().enumerate().skip(self.tried);
        let (at, _) = waiting.find(|(_, draft)| draft.client_ref.as_ref() == Some(client_ref))?;
        self.queue.remove(at)
    }

    /// The connection is gone: everything is sent again.
    pub(super) const fn rewind(&mut self) {
        self.on_wire = 0;
    }

    /// The connection is gone, and nothing may be sent again: what was on the wire is given up.
    pub(super) fn give_up(&mut self) -> Vec<Draft> {
        let on_wire = std::mem::take(&mut self.on_wire);
        self.tried -= on_wire;
        self.queue.drain(..on_wire).collect()
    }
}

/// Marks that are not noted yet, in the order the app made them. Saying one twice is harmless, so all are said again
/// after a cut.
#[derive(Debug, Default)]
pub(super) struct Marks {
    queue: VecDeque<Mark>,
    /// How many of them are on the wire.
    on_wire: usize,
}

#[derive(Debug)]
struct Mark {
    message: MessageRef,
    status: Status,
    on_wire: bool,
}

impl Marks {
    pub(super) fn new(waiting: Vec<(MessageRef, Status)>) -> Self {
        let mut marks = Self::default();
        for (message, status) in waiting {
            marks.push(message, status);
        }
        marks
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&MessageRef, Status)> {
        self.queue.iter().map(|mark| (&mark.message, mark.status))
    }

    pub(super) fn has(&self, message: &MessageRef, status: Status) -> bool {
        self.position(message, status).is_some()
    }

    /// Adds one that is not there yet.
    pub(super) fn push(&mut self, message: MessageRef, status: Status) {
        if !self.has(&message, status) {
            self.queue.push_back(Mark { message, status, on_wire: false });
        }
    }

    /// The next mark to say, while fewer than `window` are on the wire.
    pub(super) fn next(&mut self, window: usize) -> Option<(MessageRef, Status)> {
        if self.on_wire >= window {
            return None;
        }
        let mark = self.queue.iter_mut().find(|mark| !mark.on_wire)?;
        mark.on_wire = true;
        self.on_wire += 1;
        Some((mark.message.clone(), mark.status))
    }

    /// This one was refused for now: it is said again.
    pub(super) fn again(&mut self, message: &MessageRef, status: Status) {
        if let Some(at) = self.position(message, status)
            && std::mem::take(&mut self.queue[at].on_wire)
        {
            self.on_wire -= 1;
        }
    }

    /// This one is answered: whether it was waited for.
    pub(super) fn answered(&mut self, message: &MessageRef, status: Status) -> bool {
        let Some(mark) = self.position(message, status).and_then(|at| self.queue.remove(at)) else {
            return false;
        };
        self.on_wire -= usize::from(mark.on_wire);
        true
    }

    /// The connection is gone: everything is said again.
    pub(super) fn rewind(&mut self) {
        self.on_wire = 0;
        for mark in &mut self.queue {
            mark.on_wire = false;
        }
    }

    fn position(&self, message: &MessageRef, status: Status) -> Option<usize> {
        self.queue.iter().position(|mark| mark.status == status && mark.message == *message)
    }
}
