//! The reference and the server, doing the same thing and compared after every step.

use std::collections::BTreeMap;

use bimip_proto::{
    Body, ClientPacket, ClientRef, CloseReason, ConversationId, Draft, Entry, Head, MessageRef, Offset, Ping,
};
use bimip_session::ledger::View;
use bimip_session::server::ConnId;

use crate::ops::{Change, Dev, Group, Naming, Op, To, Upto, User, WORLD_DEVICES, WORLD_USERS, Word};
use crate::reference::{Command, Msg, Reference, Row, Verdict};
use crate::sessions::{Phase, Said, Session, Sessions};
use crate::system::System;

/// GRP-9 remembers 8 stays in a group. Which of more are forgotten is not a rule, so nobody has more.
const LEAVES: u32 = 7;

#[derive(Debug)]
pub(crate) struct Twins {
    pub(crate) reference: Reference,
    pub(crate) sessions: Sessions,
    pub(crate) system: System,
    /// What the server made of each message of the reference. Learned once, and the same ever after.
    pub(crate) heads: Vec<Head>,
    /// What each device ever sent under a name: the name, to whom and what.
    drafts: [Vec<(u32, To, String)>; WORLD_DEVICES],
    texts: u32,
    leaves: BTreeMap<(User, Group), u32>,
    /// Where the store says that each device stands.
    cursors: [u64; WORLD_DEVICES],
    /// The last row that each device was ever sent.
    pub(crate) seen: [u64; WORLD_DEVICES],
    /// How often what happened, so that nobody takes a reference for proof that is never asked.
    pub(crate) tally: Tally,
}

pub(crate) type Tally = BTreeMap<&'static str, u32>;

impl Twins {
    pub(crate) fn new() -> Self {
        Self {
            reference: Reference::default(),
            sessions: Sessions::default(),
            system: System::new(),
            heads: Vec::new(),
            drafts: Default::default(),
            texts: 0,
            leaves: BTreeMap::new(),
            cursors: [0; WORLD_DEVICES],
            seen: [0; WORLD_DEVICES],
            tally: Tally::new(),
        }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// Does one thing with both, and compares what came of it.
    ///
    /// # Errors
    /// What the server did and must not, or did not and must.
    pub(crate) fn step(&mut self, op: &Op) -> Result<(), String> {
        match op {
            Op::Connect(device) => self.connect(*device),
            Op::Cut(device) => {
                if let Some(conn) = self.sessions.of(*device).map(|session| session.conn) {
                    self.sessions.all.retain(|session| session.conn != conn);
                    self.system.cut(conn);
                }
            }
            Op::Say(device, word) => self.say(*device, word),
            Op::Call(device, word) => self.call(*device, word),
            Op::HangUp => {
                if let Some(conn) = self.sessions.all.iter().find(|it| it.calls).map(|it| it.conn) {
                    self.sessions.all.retain(|session| session.conn != conn);
                    self.system.cut(conn);
                    self.count("a call that is hung up");
                }
            }
            Op::Sync(count) => self.sync((*count).into(), true)?,
            Op::Fail(count) => {
                let count = self.sessions.under_way.len().min((*count).into());
                for _ in 0..count {
                    self.sessions.answer(None, &self.reference);
                }
                self.system.fail(count);
            }
            Op::Look => self.system.look(),
            Op::Answer(count) => {
                for _ in 0..*count {
                    self.system.answer();
                    self.hear()?;
                }
            }
            Op::Crash { durable } => {
                let lost = self.sessions.under_way.len().saturating_sub((*durable).into());
                self.count(if lost > 0 {
                    "a crash that loses commands"
                } else {
                    "a crash that loses nothing"
                });
                self.sync((*durable).into(), false)?;
                self.sessions.all.clear();
                self.sessions.under_way.clear();
                self.system.crash();
                self.compare_all()?;
            }
            Op::Wait { ms, jump_ms } => self.wait(*ms, *jump_ms),
        }
        self.hear()?;
        self.at_rest()
    }

    /// SES-4: the newest session wins.
    fn connect(&mut self, device: Dev) {
        if let Some(old) = self.sessions.of(device) {
            old.phase = Phase::Parting(CloseReason::Replaced { by: None });
        }
        let conn = self.system.connect(device);
        self.sessions.all.push(Session::new(device, conn, self.system.now.mono_ms));
    }

    /// SES-7: only what is received counts.
    fn wait(&mut self, ms: u64, jump_ms: i64) {
        const IDLE_MS: u64 = 120_000;
        self.system.wait(ms, jump_ms);
        // A call ends with its answer, whenever that is.
        for session in self.sessions.all.iter_mut().filter(|session| !session.calls) {
            if session.heard_mono_ms + IDLE_MS <= self.system.now.mono_ms {
                session.phase = Phase::Parting(CloseReason::Idle);
            }
        }
    }

    /// The first commands under way are carried out.
    fn sync(&mut self, count: usize, tell: bool) -> Result<(), String> {
        let count = self.sessions.under_way.len().min(count);
        let before = self.reference.log.len();
        let rows: [u64; WORLD_USERS] =
            std::array::from_fn(|user| User::all().nth(user).map_or(0, |user| self.reference.head(user)));
        let batch: Vec<_> = self.sessions.under_way.iter().take(count).cloned().collect();
        let verdicts: Vec<_> =
            batch.iter().map(|(_, device, command)| self.reference.carry_out(*device, command)).collect();
        let repeated = |it: &&Verdict| matches!(it, Verdict::Accepted { message, .. } if *message < before);
        for _ in 0..verdicts.iter().filter(repeated).count() {
            self.count("a repeat");
        }
        let proofs = self.system.sync(count);
        self.compare_new(rows, before)?;
        self.compare_cursors()?;
        for (verdict, proof) in verdicts.into_iter().zip(proofs).filter(|_| tell) {
            self.sessions.answer(Some(verdict), &self.reference);
            self.system.prove(proof);
            self.hear()?;
        }
        Ok(())
    }

    fn say(&mut self, device: Dev, word: &Word) {
        if self.sessions.of(device).is_none() {
            // It said goodbye, and no connection is left to say it on.
            return;
        }
        let Some((packet, said)) = self.worded(device, word) else { return };
        let now_mono_ms = self.system.now.mono_ms;
        let Some(session) = self.sessions.of(device) else { return };
        session.heard_mono_ms = now_mono_ms;
        let conn = session.conn;
        self.sessions.say(conn, said, &self.reference);
        self.system.say(conn, packet);
    }

    /// CALL-1: one thing is said, and goodbye, which comes after the answer.
    fn call(&mut self, device: Dev, word: &Word) {
        let Some((packet, said)) = self.worded(device, word) else { return };
        let conn = self.system.call(device);
        self.sessions.all.push(Session::call(device, conn, self.system.now.mono_ms));
        for (packet, said) in [(packet, said), (ClientPacket::Bye, Said::Bye)] {
            self.sessions.say(conn, said, &self.reference);
            self.system.say(conn, packet);
        }
    }

    /// What a device says, for both. `None` where it has nothing to say it about.
    fn worded(&mut self, device: Dev, word: &Word) -> Option<(ClientPacket, Said)> {
        Some(match word {
            Word::Send { to, named } => {
                self.texts += 1;
                let (name, text) = (self.texts, format!("{device:?} {}", self.texts));
                if *named {
                    self.drafts[device.index()].push((name, *to, text.clone()));
                }
                self.draft(named.then_some(name), *to, text)
            }
            Word::Resend { back, change } => {
                let drafts = &self.drafts[device.index()];
                let (name, mut to, mut text) = drafts.iter().rev().nth((*back).into())?.clone();
                match change {
                    Change::Nothing => {}
                    Change::Text => text.push('!'),
                    Change::To(other) => to = *other,
                }
                self.draft(Some(name), to, text)
            }
            Word::Dispose(upto) => {
                let upto = self.upto(device, *upto);
                (ClientPacket::Dispose(Offset(upto)), Said::Dispose(upto))
            }
            Word::Delivered { back, count, naming } => {
                let last = self.heads.len().checked_sub(usize::from(*back))?;
                let list: Vec<_> = (0..last)
                    .rev()
                    .take((*count).into())
                    .map(|message| (message, self.naming(message, *naming)))
                    .collect();
                let named: Vec<_> = list.iter().map(|(message, it)| self.name(*message, *it)).collect();
                if named.is_empty() {
                    return None;
                }
                (ClientPacket::Delivered(named), Said::Ask(Command::Delivered(list)))
            }
            Word::Mark { back, naming, status } => {
                let about = self.heads.len().checked_sub(usize::from(*back) + 1)?;
                let naming = self.naming(about, *naming);
                let packet = ClientPacket::Mark { message: self.name(about, naming), status: *status };
                (packet, Said::Ask(Command::Mark { about, naming, status: *status }))
            }
            Word::Join(group) => (
                ClientPacket::Join(self.system.names.group(*group).clone()),
                Said::Ask(Command::Join(*group)),
            ),
            Word::Leave(group) => {
                let leaves = self.leaves.entry((device.user(), *group)).or_default();
                *leaves += 1;
                if *leaves > LEAVES {
                    return None;
                }
                let packet = ClientPacket::Leave(self.system.names.group(*group).clone());
                (packet, Said::Ask(Command::Leave(*group)))
            }
            Word::Ping => (ClientPacket::Ping(Ping::default()), Said::Ping),
            Word::Bye => (ClientPacket::Bye, Said::Bye),
        })
    }

    fn draft(&self, name: Option<u32>, to: To, text: String) -> (ClientPacket, Said) {
        let draft = Draft {
            client_ref: name.map(client_ref),
            to: self.system.names.address(to),
            client_time: None,
            body: Body::text(&text),
        };
        (ClientPacket::Send(draft), Said::Ask(Command::Send { name, to, text }))
    }

    fn upto(&mut self, device: Dev, upto: Upto) -> u64 {
        let stored = self.sessions.stored[device.index()];
        let Some(session) = self.sessions.of(device) else { return 0 };
        let last = session.shown.max(stored);
        match upto {
            Upto::Some(count) => {
                session.in_flight.iter().take(count.into()).next_back().copied().unwrap_or(last)
            }
            Upto::Before => session.in_flight.front().map_or(last, |first| first - 1),
            // Of what is carried out later nobody knows how much was sent until then.
            Upto::Beyond(more) if session.is_heard() => last + u64::from(more),
            Upto::All | Upto::Beyond(_) => last,
        }
    }

    /// A place is a name in conversations of two.
    fn naming(&self, message: Msg, naming: Naming) -> Naming {
        match (naming, self.reference.log[message].to) {
            (Naming::Place, To::Group(_)) => Naming::Id,
            _ => naming,
        }
    }

    pub(crate) fn name(&self, message: Msg, naming: Naming) -> MessageRef {
        let head = &self.heads[message];
        match naming {
            Naming::Id => MessageRef::Id(head.id),
            Naming::Alias => MessageRef::Alias(head.alias()),
            Naming::Place => MessageRef::Place { conversation: head.conversation(), seq: head.seq },
        }
    }

    // ---- the store --------------------------------------------------------------------------------------

    /// I1, I3, I5: the rows that the last commits added are those of the reference, and no others.
    fn compare_new(&mut self, rows: [u64; WORLD_USERS], before: usize) -> Result<(), String> {
        let mut learned: BTreeMap<Msg, Head> = BTreeMap::new();
        for (user, after) in User::all().zip(rows) {
            let expected = &self.reference.mailbox(user)[usize::try_from(after).unwrap_or(0)..];
            let page = self.system.book.page(self.system.names.user(user), Offset(after), u32::MAX, u64::MAX);
            if page.len() != expected.len() {
                return Err(format!("I1, I3: {} new rows for {user:?}, not {}", page.len(), expected.len()));
            }
            for (place, ((offset, entry), row)) in (after + 1..).zip(page.into_iter().zip(expected)) {
                if offset != Offset(place) {
                    return Err(format!("I5: {user:?} has {offset} where {place} comes next"));
                }
                if let (Row::Message(message), Entry::Message(it)) = (row, &*entry)
                    && *message >= self.heads.len()
                {
                    learned.entry(*message).or_insert_with(|| it.head.clone());
                }
            }
        }
        for (message, head) in learned {
            self.learn(before, message, head)?;
        }
        for (user, after) in User::all().zip(rows) {
            self.compare_rows(user, after)?;
        }
        Ok(())
    }

    /// ACK-2, ORD-2: ids rise, and so do the stamps of a conversation, whatever the clock does.
    fn learn(&mut self, before: usize, message: Msg, head: Head) -> Result<(), String> {
        if message != self.heads.len() || message < before {
            return Err(format!("I2: message {message} comes after {} that are known", self.heads.len()));
        }
        let conversation: ConversationId = head.conversation();
        let earlier = self.heads.iter().rev().find(|other| other.conversation() == conversation);
        if earlier.is_some_and(|earlier| earlier.stamp >= head.stamp) {
            return Err(format!("I16: the stamps of {conversation} do not rise at {head:?}"));
        }
        if self.heads.last().is_some_and(|last| last.id >= head.id) {
            return Err(format!("I2: ids do not rise at {head:?}"));
        }
        self.heads.push(head);
        Ok(())
    }

    fn compare_rows(&self, user: User, after: u64) -> Result<(), String> {
        let page = self.system.book.page(self.system.names.user(user), Offset(after), u32::MAX, u64::MAX);
        for (offset, entry) in page {
            self.compare_row(user, offset.0, &entry)?;
        }
        Ok(())
    }

    /// I1, I2, I3, I5 for everything that was ever stored.
    pub(crate) fn compare_all(&self) -> Result<(), String> {
        for user in User::all() {
            let rows = self.system.book.page(self.system.names.user(user), Offset::ZERO, u32::MAX, u64::MAX);
            if rows.len() as u64 != self.reference.head(user) {
                return Err(format!(
                    "I1: {user:?} has {} rows, not {}",
                    rows.len(),
                    self.reference.head(user)
                ));
            }
            self.compare_rows(user, 0)?;
        }
        Ok(())
    }

    /// I6: cursors only rise, and never past a row that the device was to store and did not.
    fn compare_cursors(&mut self) -> Result<(), String> {
        for device in Dev::all() {
            let Ok(cursor) = self.system.book.cursor(self.system.names.device(device));
            let (before, now) = (self.cursors[device.index()], cursor.0);
            let stored = self.sessions.stored[device.index()];
            if now < before {
                return Err(format!("I6: the cursor of {device:?} went from {before} back to {now}"));
            }
            if now > self.reference.head(device.user())
                || (now > stored && self.reference.shows_between(device, stored, now))
            {
                return Err(format!("I6, I8: {device:?} stored {stored} and has its cursor at {now}"));
            }
            self.cursors[device.index()] = now;
        }
        Ok(())
    }

    pub(crate) fn cursor(&self, device: Dev) -> u64 {
        self.cursors[device.index()]
    }

    pub(crate) fn session(&mut self, conn: ConnId) -> Result<&mut Session, String> {
        self.sessions.by_conn(conn).ok_or_else(|| format!("something is sent to {conn}, which is gone"))
    }
}

pub(crate) fn client_ref(name: u32) -> ClientRef {
    ClientRef::new(&format!("n{name}")).unwrap()
}
