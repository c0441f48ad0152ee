//! What the sessions want done, and the apps that use them.

use bimip_proto::{Address, Ask, Body, ClientRef, Draft, Entry, MessageId, MessageRef, Query, Row, Status};

use super::World;
use super::beginning::SLOW;
use super::happening::{Happening, HowFar};
use super::network::Up;
use crate::client::{self, Event};
use crate::ledger::View;
use crate::sim::bot::{Act, Bot, Hand};
use crate::sim::checker::Fate;
use crate::sim::lie::Lie;
use crate::sim::story::describe_client;

impl World {
    pub(super) fn obey(&mut self, node: usize, output: client::Output) {
        match output {
            client::Output::Connect => self.dial(node),
            client::Output::Transmit(packet) => {
                self.tell(|world| format!("{} -> core {}", world.nodes[node].name, describe_client(&packet)));
                let said = self.nodes[node].wire.up(packet);
                if let Some(conn) = self.nodes[node].conn.filter(|_| !said.is_empty()) {
                    self.fly_up(conn, Up::Said(said));
                }
            }
            client::Output::Hangup => self.client_hangs_up(node),
            client::Output::Event(event) => self.event(node, event),
        }
    }

    fn event(&mut self, node: usize, event: Event) {
        if self.nodes[node].bot.is_some() {
            self.with_bot(node, |bot, hand| bot.event(hand, &event));
        }
        match event {
            Event::Resumed(welcome) => self.nodes[node].store.epoch(welcome.epoch),
            Event::Sent { client_ref, head, .. } => {
                let it = &mut self.nodes[node];
                let durable = self.disk.durable();
                self.checker.sent(&it.device, client_ref.as_ref(), &head, durable);
                self.checker.answered(&it.device, it.window);
                let draft = it.store.answered(|draft| match &client_ref {
                    Some(name) => draft.client_ref.as_ref() == Some(name),
                    None => draft.to == head.to,
                });
                if let Some(draft) = draft {
                    self.fate(&draft, |fate| fate.sent = true);
                }
                self.store_soon(node);
            }
            Event::Unsure(draft) => {
                self.nodes[node].store.answered(|other| *other == draft);
                self.fate(&draft, |fate| fate.unsure = true);
            }
            Event::Refused { draft, .. } => {
                self.nodes[node].store.answered(|other| *other == draft);
                self.fate(&draft, |fate| fate.refused = true);
                self.store_soon(node);
            }
            Event::Revised { revise, edition, offset } => {
                self.revised(node, &revise, Some((edition, offset)));
            }
            Event::RevisionRefused { revise, .. } => self.revised(node, &revise, None),
            Event::Grouped { command, edition, offset } => {
                self.grouped(node, &command, Some((edition, offset)));
            }
            Event::GroupRefused { command, .. } => self.grouped(node, &command, None),
            Event::Marked { message, status } => self.marked(node, &message, status, true),
            Event::MarkRefused { message, status, .. } => self.marked(node, &message, status, false),
            Event::Answer { query, found } => {
                let durable = self.disk.durable();
                self.checker.answered_with(&self.nodes[node].device, &query, &found, durable);
            }
            Event::Received(row) => self.received(node, &row),
            Event::Ended(_) => {
                let life = self.nodes[node].life;
                self.soon(1_000, Happening::Restart { node, life });
            }
            _ => {}
        }
    }

    fn fate(&mut self, draft: &Draft, change: impl FnOnce(&mut Fate)) {
        if let Some(fate) = tag_of(&draft.body.bytes).and_then(|tag| self.fates.get_mut(tag)) {
            change(fate);
        }
    }

    // ---- what apps say --------------------------------------------------------------------------------

    pub(super) fn send(&mut self, node: usize, to: Address) {
        let it = &self.nodes[node];
        if it.is_walkie() && !it.session.is_up() {
            // Its app sends when it is connected, and keeps nothing.
            return;
        }
        if it.is_walkie() && matches!(&to, Address::Group(group) if self.made.contains(group)) {
            // It is not told that somebody put its user out, and would wait for ever.
            return;
        }
        self.tags += 1;
        let tag = format!("<{}-{}>", it.name, self.tags);
        let client_ref = if it.is_walkie() { None } else { ClientRef::new(&tag).ok() };
        self.post(node, Draft { client_ref, to, client_time: None, body: Body::text(&tag) });
    }

    fn post(&mut self, node: usize, draft: Draft) {
        let it = &mut self.nodes[node];
        let ordered = !it.is_walkie() && self.plan.disk_failures == 0;
        if let Some(tag) = tag_of(&draft.body.bytes) {
            let fate = Fate {
                device: it.device.clone(),
                tag: tag.to_owned(),
                place: number_of(tag).filter(|_| ordered).unwrap_or(0),
                sent: false,
                unsure: false,
                refused: false,
                lost: false,
            };
            self.fates.insert(tag.to_owned(), fate);
        }
        it.store.draft(draft.clone());
        let now = self.now;
        let _full = self.session(node).send(now, draft);
        self.store_soon(node);
    }

    /// What was lost with the app is said again, under the same name.
    pub(super) fn again(&mut self, node: usize, draft: Draft) {
        self.fate(&draft, |fate| fate.lost = false);
        let it = &mut self.nodes[node];
        it.store.draft(draft.clone());
        let now = self.now;
        let _full = self.session(node).send(now, draft);
        self.store_soon(node);
    }

    pub(super) fn mark(&mut self, node: usize, message: MessageRef, status: Status) {
        let it = &mut self.nodes[node];
        // A dialect that resends nothing answers no marks either.
        if !it.is_walkie() {
            it.store.mark(message.clone(), status);
            self.checker.marks(&it.device, &message, status);
        }
        let now = self.now;
        let _full = self.session(node).mark(now, message, status);
        self.store_soon(node);
    }

    fn marked(&mut self, node: usize, message: &MessageRef, status: Status, noted: bool) {
        let it = &mut self.nodes[node];
        it.store.marked(message, status);
        self.checker.answered(&it.device, it.window);
        self.checker.marked(&it.device, message, status, noted, self.disk.durable());
        self.store_soon(node);
    }

    /// Apps ask while they are connected, where the dialect has words for it, and show what they are told.
    pub(super) fn ask_about(&mut self, node: usize, query: Query) {
        let it = &self.nodes[node];
        if it.session.is_up() && it.wire.caps().queries {
            self.checker.asks(&it.device, &query, self.disk.durable());
            let now = self.now;
            let _full = self.session(node).ask(now, query);
        }
    }

    /// As [`ask_about`](Self::ask_about): how far something got that somebody said, whoever it was.
    pub(super) fn ask_how_far(&mut self, node: usize, asking: HowFar) {
        let durable = self.disk.durable();
        let Ok(last) = durable.last_sequence();
        let message = MessageRef::Id(MessageId::new(durable.epoch(), asking.pick % (last + 2)));
        let ask = Ask::Status { message, after: asking.after, limit: asking.limit };
        self.ask_about(node, Query { id: asking.id, ask });
    }

    // ---- what apps hear -------------------------------------------------------------------------------

    fn received(&mut self, node: usize, row: &Row) {
        self.busy_mono_ms = self.now.mono_ms;
        self.touched.push(node);
        let it = &mut self.nodes[node];
        let (life, walkie) = (it.life, it.is_walkie());
        self.checker.received(&it.device, row, self.disk.durable());
        if let Entry::Message(message) = &*row.entry {
            let reference = message.head.names().reference();
            let mine = message.head.is_for(&it.device.user);
            if let Some(message) = reference.filter(|_| mine) {
                if walkie {
                    it.session.delivered(self.now, vec![message.clone()]);
                }
                if self.rng.chance(self.plan.reads_percent) {
                    let most_ms = if self.calm { 200 } else { 3_000 };
                    self.soon(most_ms, Happening::Read { node, life, message });
                }
            }
        }
        self.nodes[node].store.row(row);
        if walkie {
            // Nothing but the network is between it and its user: what arrived is heard.
            self.nodes[node].store.sync();
        } else if self.plan.lie == Some(Lie::DisposedBeforeStored) {
            let it = &mut self.nodes[node];
            it.session.stored(self.now, it.store.of_epoch(), row.offset);
        }
        self.store_soon(node);
    }

    /// The app syncs its store soon after it wrote.
    pub(super) fn store_soon(&mut self, node: usize) {
        let it = &mut self.nodes[node];
        if !std::mem::replace(&mut it.sync_due, true) {
            let life = it.life;
            let most_ms = if it.slow { 100 * SLOW } else { 100 };
            self.soon(most_ms, Happening::Store { node, life });
        }
    }

    /// What was written survives from here on: only now the session is told.
    pub(super) fn store(&mut self, node: usize) {
        self.touched.push(node);
        let it = &mut self.nodes[node];
        it.sync_due = false;
        it.store.sync();
        self.checker.stored(&it.device);
        if !it.is_walkie() {
            it.session.stored(self.now, it.store.of_epoch(), it.store.stored());
        }
    }

    // ---- bots -----------------------------------------------------------------------------------------

    pub(super) fn start_bot(&mut self, node: usize) {
        if let Some(maker) = &mut self.makers {
            self.nodes[node].bot = (maker.0)(&self.nodes[node].device);
            self.with_bot(node, |bot, hand| bot.start(hand));
        }
    }

    pub(super) fn with_bot(&mut self, node: usize, call: impl FnOnce(&mut dyn Bot, &mut Hand<'_>)) {
        let it = &mut self.nodes[node];
        let Some(mut bot) = it.bot.take() else { return };
        let mut hand = Hand {
            now: self.now,
            device: &it.device,
            name: &it.name,
            store: &mut it.store,
            rng: &mut self.rng,
            tag: &mut self.tags,
            acts: Vec::new(),
        };
        call(&mut *bot, &mut hand);
        let acts = hand.acts;
        it.bot = Some(bot);
        let (life, now) = (it.life, self.now);
        for act in acts {
            match act {
                Act::Send(mut draft) => {
                    let it = &self.nodes[node];
                    if it.is_walkie() {
                        draft.client_ref = None;
                    }
                    if !it.is_walkie() || it.session.is_up() {
                        self.post(node, draft);
                    }
                }
                Act::Mark(message, status) => self.mark(node, message, status),
                // One that finds no room was never asked for.
                Act::Group(command) => drop(self.session(node).group(now, command)),
                Act::Join(group) => self.session(node).join(now, group),
                Act::Leave(group) => self.session(node).leave_group(now, group),
                Act::WakeIn(after_ms) => self.at(now.mono_ms + after_ms, Happening::Wake { node, life }),
                Act::Sync => self.store_soon(node),
            }
        }
    }
}

/// Tags are numbered in the order in which apps send.
fn number_of(tag: &str) -> Option<u64> {
    tag.trim_end_matches('>').rsplit('-').next()?.parse().ok()
}

/// The `<…>` by which a text is known again.
pub(super) fn tag_of(bytes: &[u8]) -> Option<&str> {
    let start = bytes.iter().rposition(|byte| *byte == b'<')?;
    let end = bytes.iter().rposition(|byte| *byte == b'>').filter(|end| *end > start)?;
    std::str::from_utf8(&bytes[start..=end]).ok()
}
