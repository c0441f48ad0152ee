//! What the store is told: the one place that decides it, for every store alike.
//!
//! Facts go in, changes of a batch come out, and [`Keeper::commit`] makes them durable together. Within a batch what was
//! changed is read as changed. Nothing here waits or talks to anybody; a store's calls block.

mod early;
mod kept;
mod keys;
mod lines;
mod open;
mod reading;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bimip_proto::{
    Address, ClientRef, Device, Draft, Entry, Floor, GroupCommand, MessageRef, Offset, React, Revise, Row,
    Status, UnixMs, UserCommand,
};
use bimip_session::client::{Event, TalkEnd};
use bytes::Bytes;
use prost::Message as _;

use self::early::Early;
use self::kept::State;
use crate::history::{Line, Position};
use crate::store::{Change, Store, StoreError};

pub(crate) use self::open::Opened;
pub(crate) use self::reading::Reading;

/// What this version writes. Another number is another layout; new fields of records need none.
const FORMAT: u32 = 1;

/// Puts facts into a store.
pub(crate) struct Keeper {
    store: Arc<dyn Store>,
    me: Device,
    /// Whether messages are kept, or only what the session needs.
    history: bool,
    place: record::Place,
    /// The token that the app gave.
    given: Bytes,
    /// Numbers drafts, marks and changes of the list of conversations; never used twice.
    next: u64,
    /// In order.
    drafts: VecDeque<Waiting>,
    /// In order.
    marks: Vec<(u64, MessageRef, Status)>,
    /// In order.
    revisions: Vec<(u64, Revise)>,
    /// In order.
    commands: Vec<(u64, GroupCommand)>,
    /// In order.
    user_commands: Vec<(u64, UserCommand)>,
    /// In order.
    reactions: Vec<(u64, React)>,
    /// In order.
    early: VecDeque<Early>,
    batch: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

/// A draft that waits for its answer.
struct Waiting {
    number: u64,
    name: ClientRef,
    to: Address,
    /// It was given to a connection, in a dialect where it must not be sent twice.
    attempted: bool,
}

impl Keeper {
    // ---- what the app says ----------------------------------------------------------------------------

    /// A draft with its name, before it is sent. Gives the line it has from now on.
    pub(crate) fn draft(&mut self, draft: &Draft, now: UnixMs) -> Result<Option<Line>, StoreError> {
        let Some(name) = draft.client_ref.clone() else { return Ok(None) };
        let number = self.number();
        self.put(keys::draft(number), record::draft_bytes(draft, false));
        self.drafts.push_back(Waiting { number, name, to: draft.to.clone(), attempted: false });
        if !self.history {
            return Ok(None);
        }
        let kept = lines::of_draft(&self.me, draft, now);
        self.put_line(Position::on_its_way(number), kept, None).map(Some)
    }

    /// A mark, before it is said. Gives the line it is about, where that changes.
    pub(crate) fn mark(&mut self, message: &MessageRef, status: Status) -> Result<Option<Line>, StoreError> {
        let same = |(_, other, said): &(u64, MessageRef, Status)| other == message && *said == status;
        if !self.marks.iter().any(same) {
            let number = self.number();
            self.put(keys::mark(number), record::mark_bytes(message, status));
            self.marks.push((number, message.clone(), status));
        }
        match self.find_reference(message)? {
            Some(key) if self.history => {
                let me = self.me.user.clone();
                self.mark_line(key, &me, status, |mine| !mine)
            }
            _ => Ok(None),
        }
    }

    /// An edit or a deletion, before it is said.
    pub(crate) fn revise(&mut self, revise: Revise) {
        let number = self.number();
        self.put(keys::revision(number), record::revision_bytes(&revise));
        self.revisions.push((number, revise));
    }

    /// A reaction, before it is said.
    pub(crate) fn react(&mut self, react: React) {
        let number = self.number();
        self.put(keys::reaction(number), record::reaction_bytes(&react));
        self.reactions.push((number, react));
    }

    /// A command about a group, before it is said.
    pub(crate) fn command(&mut self, command: GroupCommand) {
        let number = self.number();
        self.put(keys::command(number), record::command_bytes(&command));
        self.commands.push((number, command));
    }

    /// A command about the user, before it is said.
    pub(crate) fn user_command(&mut self, command: UserCommand) {
        let number = self.number();
        self.put(keys::user_command(number), record::user_command_bytes(&command));
        self.user_commands.push((number, command));
    }

    /// The app has all rows up to here.
    pub(crate) fn stored(&mut self, offset: Offset) {
        self.move_to(self.place.epoch, offset.0.max(self.place.seen), self.place.era);
    }

    /// A message that failed, as a draft without a name.
    pub(crate) fn failed(&self, name: &ClientRef) -> Result<Option<Draft>, StoreError> {
        let Some((_, kept)) = self.own_line(name)? else { return Ok(None) };
        let failed = matches!(kept.state, State::Failed(_) | State::Unsure);
        let (to, body) = (kept.message.head.to, kept.message.body);
        Ok(failed.then_some(Draft { client_ref: None, to, client_time: None, body }))
    }

    /// Forgets a message that the server never took.
    pub(crate) fn forget(&mut self, name: &ClientRef) -> Result<(), StoreError> {
        self.answered(Some(name), |_| false);
        if let Some((key, _)) = self.own_line(name)? {
            self.delete(key);
            self.delete(keys::by_client_ref(name));
        }
        Ok(())
    }

    /// A draft is about to be given to a connection, in a dialect where it must not be sent twice.
    pub(crate) fn attempted(&mut self, to: &Address) -> Result<(), StoreError> {
        let Some(at) = self.drafts.iter().position(|draft| !draft.attempted && draft.to == *to) else {
            return Ok(());
        };
        let key = keys::draft(self.drafts[at].number);
        let bytes = self.get(&key)?.ok_or_else(|| StoreError::unreadable("a draft that waits"))?;
        let (draft, _) = record::read_draft(&bytes)?;
        self.put(key, record::draft_bytes(&draft, true));
        self.drafts[at].attempted = true;
        Ok(())
    }

    /// The drafts that the last run gave to a connection, in a dialect where they must not be sent twice: given up.
    pub(crate) fn unsure(&mut self, now: UnixMs) -> Result<Vec<Line>, StoreError> {
        let mut lines = Vec::new();
        while let Some(name) =
            self.drafts.iter().find(|draft| draft.attempted).map(|draft| draft.name.clone())
        {
            let Some(waiting) = self.answered(Some(&name), |_| false) else { break };
            lines.extend(self.give_up(&waiting, State::Unsure, now)?);
        }
        Ok(lines)
    }

    // ---- what the session says ------------------------------------------------------------------------

    /// Whatever an event means to the store. Gives the lines that change.
    pub(crate) fn event(&mut self, event: &mut Event, now: UnixMs) -> Result<Vec<Line>, StoreError> {
        let line = match event {
            Event::Sent { client_ref, head, .. } => {
                let to = head.to.clone();
                let Some(waiting) = self.answered(client_ref.as_ref(), |draft| draft.to == to) else {
                    return Ok(Vec::new());
                };
                // Not every dialect gives the name back.
                *client_ref = Some(waiting.name.clone());
                head.client_ref = client_ref.clone();
                self.sent(&waiting, head, now)?
            }
            Event::Refused { draft, reason } => self.gave_up(draft, State::Failed(*reason), now)?,
            Event::Unsure(draft) => self.gave_up(draft, State::Unsure, now)?,
            Event::Received(row) => return self.received(row),
            Event::Floor(Floor::Ended { head }) | Event::TalkEnded { end: TalkEnd::Kept(head), .. }
                if self.history =>
            {
                self.talked(head)?
            }
            Event::Marked { message, status } | Event::MarkRefused { message, status, .. } => {
                self.noted(message, *status);
                None
            }
            Event::Revised { revise, edition, .. } => {
                self.answered_revision(&revise.client_ref);
                if self.history {
                    self.revised(&revise.message, *edition, revise.body.as_ref())?
                } else {
                    None
                }
            }
            Event::RevisionRefused { revise, .. } => {
                self.answered_revision(&revise.client_ref);
                None
            }
            Event::Reacted { react, edition, count, .. } => {
                self.answered_reaction(&react.client_ref);
                if self.history { self.reacted(react, *edition, *count)? } else { None }
            }
            Event::ReactionRefused { react, .. } => {
                self.answered_reaction(&react.client_ref);
                None
            }
            Event::Grouped { command, .. } | Event::GroupRefused { command, .. } => {
                if let Some(at) = self.commands.iter().position(|(_, other)| other == command) {
                    let (number, _) = self.commands.remove(at);
                    self.delete(keys::command(number));
                }
                None
            }
            Event::UserChanged { command, .. } | Event::UserRefused { command, .. } => {
                if let Some(at) = self.user_commands.iter().position(|(_, other)| other == command) {
                    let (number, _) = self.user_commands.remove(at);
                    self.delete(keys::user_command(number));
                }
                None
            }
            Event::Resumed(welcome) | Event::Gap { welcome, .. } => {
                let seen = self.place.seen.max(welcome.resume_from.0);
                self.move_to(welcome.epoch, seen, self.place.era);
                None
            }
            Event::Reset(welcome) => {
                self.move_to(welcome.epoch, welcome.resume_from.0, self.place.era + 1);
                None
            }
            Event::Token { token, expires } => {
                let expires_ms = expires.map_or(0, |at| at.0);
                let given = self.given.clone();
                let token = record::Token { given, refreshed: token.clone(), expires_ms };
                self.put(keys::TOKEN.to_vec(), token.encode_to_vec());
                None
            }
            _ => None,
        };
        Ok(line.into_iter().collect())
    }

    fn received(&mut self, row: &Row) -> Result<Vec<Line>, StoreError> {
        if !self.history {
            return Ok(Vec::new());
        }
        let lines = match &*row.entry {
            Entry::Message(message) => self.arrived(message)?.into_iter().collect(),
            Entry::Receipt(receipt) => self.receipt(receipt)?,
            Entry::Revised(it) => self.revision(it)?.into_iter().collect(),
            Entry::Reacted(it) => self.reaction(it)?.into_iter().collect(),
            _ => Vec::new(),
        };
        self.stored(row.offset);
        Ok(lines)
    }

    /// Marks of dialects that answer none are forgotten when they are said.
    pub(crate) fn noted(&mut self, message: &MessageRef, status: Status) {
        if let Some(at) = self.marks.iter().position(|(_, other, said)| other == message && *said == status) {
            let (number, ..) = self.marks.remove(at);
            self.delete(keys::mark(number));
        }
    }

    fn answered_revision(&mut self, name: &ClientRef) {
        if let Some(at) = self.revisions.iter().position(|(_, revise)| revise.client_ref == *name) {
            let (number, _) = self.revisions.remove(at);
            self.delete(keys::revision(number));
        }
    }

    fn answered_reaction(&mut self, name: &ClientRef) {
        if let Some(at) = self.reactions.iter().position(|(_, react)| react.client_ref == *name) {
            let (number, _) = self.reactions.remove(at);
            self.delete(keys::reaction(number));
        }
    }

    /// The token that the app has now.
    pub(crate) fn given(&mut self, token: Bytes) {
        self.given = token;
    }

    /// Whether a draft of this name waits for its answer.
    pub(crate) fn is_waiting(&self, name: &ClientRef) -> bool {
        self.drafts.iter().any(|draft| draft.name == *name)
    }

    /// Whether another mark has room, or is there already.
    pub(crate) fn has_room(&self, message: &MessageRef, status: Status, most: usize) -> bool {
        self.marks.len() < most
            || self.marks.iter().any(|(_, other, said)| other == message && *said == status)
    }

    /// The marks that are not noted, in order.
    pub(crate) fn unnoted(&self) -> Vec<(MessageRef, Status)> {
        self.marks.iter().map(|(_, message, status)| (message.clone(), *status)).collect()
    }

    /// Forgets a draft: the one of this name or, where a dialect gives no names back, the oldest that it may be.
    fn answered(&mut self, name: Option<&ClientRef>, may_be: impl Fn(&Waiting) -> bool) -> Option<Waiting> {
        let is_it = |draft: &Waiting| name.map_or_else(|| may_be(draft), |name| draft.name == *name);
        let at = self.drafts.iter().position(is_it)?;
        let waiting = self.drafts.remove(at)?;
        self.delete(keys::draft(waiting.number));
        Some(waiting)
    }

    fn gave_up(&mut self, draft: &mut Draft, state: State, now: UnixMs) -> Result<Option<Line>, StoreError> {
        let to = draft.to.clone();
        let Some(waiting) = self.answered(draft.client_ref.as_ref(), |other| other.to == to) else {
            return Ok(None);
        };
        draft.client_ref = Some(waiting.name.clone());
        self.give_up(&waiting, state, now)
    }

    fn give_up(&mut self, waiting: &Waiting, state: State, now: UnixMs) -> Result<Option<Line>, StoreError> {
        if !self.history {
            return Ok(None);
        }
        let (position, mut kept) = self.waiting_line(waiting, now)?;
        kept.state = state;
        self.put_line(position, kept, None).map(Some)
    }

    // ---- the batch ------------------------------------------------------------------------------------

    /// Makes the batch durable. Without changes nothing is done.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        let changes: Vec<Change> = batch.into_iter().map(|(key, value)| Change { key, value }).collect();
        self.store.commit(&changes)
    }

    fn move_to(&mut self, epoch: u32, seen: u64, era: u32) {
        let place = record::Place { epoch, seen, era };
        if place != self.place {
            self.put(keys::PLACE.to_vec(), place.encode_to_vec());
            self.place = place;
        }
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        self.put(keys::NEXT.to_vec(), self.next.to_be_bytes().to_vec());
        number
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.batch.insert(key, Some(value));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.batch.insert(key, None);
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.batch.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.store.get(key),
        }
    }
}
