//! Drafts, marks, revisions, reactions and commands that wait for their answer.

use std::collections::VecDeque;

use bimip_proto::{Address, ClientRef, Draft, GroupCommand, MessageRef, React, Revise, Status, UserCommand};

/// Drafts in the order the app gave them: the first `on_wire` of them sent on this connection, the first `tried` on
/// any.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    queue: VecDeque<Waits>,
    on_wire: usize,
    tried: usize,
}

#[derive(Debug)]
struct Waits {
    draft: Draft,
    /// Refused on this connection, but not for good.
    for_now: bool,
}

impl Drafts {
    pub(super) fn new(queue: Vec<Draft>) -> Self {
        // Whether an earlier run had sent them is not known.
        let tried = queue.len();
        let queue = queue.into_iter().map(|draft| Waits { draft, for_now: false }).collect();
        Self { on_wire: 0, tried, queue }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Draft> {
        self.queue.iter().map(|it| &it.draft)
    }

    pub(super) fn push(&mut self, draft: Draft) {
        self.queue.push_back(Waits { draft, for_now: false });
    }

    /// The next draft to send, while fewer than `window` are on the wire.
    ///
    /// What was refused for now goes again, in order, when all that is on the wire is answered: no draft overtakes another
    /// for good, and none is on the wire twice, where its second copy could be stored after its first was refused for
    /// good.
    pub(super) fn next(&mut self, window: usize) -> Option<Draft> {
        if self.holds_back() {
            return None;
        }
        if self.queue.iter().take(self.on_wire).any(|it| it.for_now) {
            self.rewind();
        }
        let next = self.queue.get(self.on_wire).filter(|_| self.on_wire < window)?.draft.clone();
        self.on_wire += 1;
        self.tried = self.tried.max(self.on_wire);
        Some(next)
    }

    /// Whether what was refused for now waits for the answer to another one on the wire.
    pub(super) fn holds_back(&self) -> bool {
        let on_wire = || self.queue.iter().take(self.on_wire);
        on_wire().any(|it| it.for_now) && on_wire().any(|it| !it.for_now)
    }

    /// A draft is refused for now: which one is found as by [`answered`](Self::answered).
    pub(super) fn refused_for_now(&mut self, client_ref: Option<&ClientRef>, to: Option<&Address>) {
        let mut on_wire = self.queue.iter_mut().take(self.on_wire);
        if let Some(it) = on_wire.find(|it| !it.for_now && is_meant(&it.draft, client_ref, to)) {
            it.for_now = true;
        }
    }

    /// A draft is answered: the one of this name, or, in dialects without names, the oldest on the wire to this
    /// target, since acks come in the order of the drafts.
    pub(super) fn answered(&mut self, client_ref: Option<&ClientRef>, to: Option<&Address>) -> Option<Draft> {
        // Without a name it cannot be one that was answered already.
        let waits = |it: &Waits| (client_ref.is_some() || !it.for_now) && is_meant(&it.draft, client_ref, to);
        let at = self.queue.iter().take(self.on_wire).position(waits)?;
        self.take(at)
    }

    /// The last one on the wire that is this draft was not written.
    pub(super) fn unwritten(&mut self, draft: &Draft) -> Option<Draft> {
        let at = self.queue.iter().take(self.on_wire).rposition(|it| it.draft == *draft)?;
        self.take(at)
    }

    fn take(&mut self, at: usize) -> Option<Draft> {
        let it = self.queue.remove(at)?;
        self.on_wire -= 1;
        self.tried -= 1;
        Some(it.draft)
    }

    /// Takes back a draft that was never on the wire: what was may be stored already.
    pub(super) fn take_back(&mut self, client_ref: &ClientRef) -> Option<Draft> {
        let mut waiting = self.queue.iter().enumerate().skip(self.tried);
        let (at, _) = waiting.find(|(_, it)| it.draft.client_ref.as_ref() == Some(client_ref))?;
        self.queue.remove(at).map(|it| it.draft)
    }

    /// The connection is gone: everything is sent again.
    pub(super) fn rewind(&mut self) {
        for it in self.queue.iter_mut().take(self.on_wire) {
            it.for_now = false;
        }
        self.on_wire = 0;
    }

    /// The connection is gone, and nothing may be sent again: what was on the wire is given up.
    pub(super) fn give_up(&mut self) -> Vec<Draft> {
        let on_wire = std::mem::take(&mut self.on_wire);
        self.tried -= on_wire;
        self.queue.drain(..on_wire).map(|it| it.draft).collect()
    }
}

fn is_meant(draft: &Draft, client_ref: Option<&ClientRef>, to: Option<&Address>) -> bool {
    match client_ref {
        Some(name) => draft.client_ref.as_ref() == Some(name),
        None => draft.client_ref.is_none() && to.is_none_or(|to| draft.to == *to),
    }
}

/// Commands that are not answered yet, in the order the app gave them. Each of them may be said twice, so all are said
/// again after a cut.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    queue: VecDeque<Item<T>>,
    /// How many of them are on the wire.
    on_wire: usize,
}

#[derive(Debug)]
struct Item<T> {
    what: T,
    on_wire: bool,
}

/// What is said about messages.
pub(super) type Marks = Waiting<(MessageRef, Status)>;

/// Edits and deletions.
pub(super) type Revisions = Waiting<Revise>;

/// Reactions, set and taken back.
pub(super) type Reactions = Waiting<React>;

/// Commands about groups.
pub(super) type Commands = Waiting<GroupCommand>;

/// Commands about the user.
pub(super) type UserCommands = Waiting<UserCommand>;

impl<T: Clone + PartialEq> Waiting<T> {
    pub(super) fn new(waiting: Vec<T>) -> Self {
        let mut all = Self { queue: VecDeque::new(), on_wire: 0 };
        for what in waiting {
            all.push(what);
        }
        all
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.queue.iter().map(|item| &item.what)
    }

    pub(super) fn has(&self, what: &T) -> bool {
        self.iter().any(|it| it == what)
    }

    /// Adds one that is not there yet.
    pub(super) fn push(&mut self, what: T) {
        if !self.has(&what) {
            self.queue.push_back(Item { what, on_wire: false });
        }
    }

    /// The next one to say, while fewer than `window` are on the wire, and none that `waits_for` one before it.
    pub(super) fn next(&mut self, window: usize, waits_for: impl Fn(&T, &T) -> bool) -> Option<T> {
        if self.on_wire >= window {
            return None;
        }
        let free = |at: usize| {
            let item = &self.queue[at];
            !item.on_wire && !self.queue.range(..at).any(|before| waits_for(&item.what, &before.what))
        };
        let at = (0..self.queue.len()).find(|at| free(*at))?;
        let item = &mut self.queue[at];
        item.on_wire = true;
        self.on_wire += 1;
        Some(item.what.clone())
    }

    /// This one was refused for now: it is said again.
    pub(super) fn again(&mut self, is_it: impl Fn(&T) -> bool) {
        if let Some(item) = self.queue.iter_mut().find(|item| is_it(&item.what))
            && std::mem::take(&mut item.on_wire)
        {
            self.on_wire -= 1;
        }
    }

    /// This one is answered: gives it back if it was waited for.
    pub(super) fn answered(&mut self, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let at = self.queue.iter().position(|item| is_it(&item.what))?;
        let item = self.queue.remove(at)?;
        self.on_wire -= usize::from(item.on_wire);
        Some(item.what)
    }

    /// The connection is gone: everything is said again.
    pub(super) fn rewind(&mut self) {
        self.on_wire = 0;
        for item in &mut self.queue {
            item.on_wire = false;
        }
    }
}
