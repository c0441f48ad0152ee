//! Messages of a history, and how they change.

use bimip_proto::{
    Body, BodyKind, ClientRef, ConversationId, Device, Draft, Form, Head, Marks, Message, MessageId,
    MessageRef, React, Reaction, Receipt, Revision, Seq, Status, UnixMs, UserId,
};
use bytes::Bytes;
use prost::Message as _;

use super::kept::{self, Kept, State};
use super::record::{self, Summary};
use super::{Keeper, Waiting, keys};
use crate::history::{Line, Position};
use crate::store::{Scan, StoreError};

/// Lines read at a time.
const PAGE: usize = 64;

/// A draft as a message: the server knows nothing of it yet.
pub(super) fn of_draft(me: &Device, draft: &Draft, now: UnixMs) -> Kept {
    let head = Head {
        id: MessageId::NONE,
        from: me.clone(),
        to: draft.to.clone(),
        client_ref: draft.client_ref.clone(),
        client_time: draft.client_time,
        at: now,
        stamp: UnixMs(0),
        seq: Seq(0),
        kind: draft.body.kind,
    };
    let message = Message { head, body: draft.body.clone() };
    Kept::new(message, State::Waiting)
}

pub(super) fn line_of(me: &Device, position: Position, kept: Kept) -> Line {
    let mine = kept.message.head.from.user == me.user;
    Line {
        conversation: kept.message.head.conversation(),
        position,
        mine,
        progress: kept.progress(mine),
        marks: kept.marks,
        marks_by: kept.by,
        edition: kept.edition,
        deleted: kept.deleted,
        reactions: kept.reactions,
        message: kept.message,
    }
}

impl Keeper {
    /// The server has a draft.
    pub(super) fn sent(
        &mut self,
        waiting: &Waiting,
        head: &Head,
        now: UnixMs,
    ) -> Result<Option<Line>, StoreError> {
        if !self.history {
            return Ok(None);
        }
        let (was, mut kept) = self.waiting_line(waiting, now)?;
        let (from, client_time) = (self.me.clone(), kept.message.head.client_time);
        kept.message.head = Head { from, client_time, ..head.clone() };
        kept.state = State::Stored;
        let was = keys::line(&head.conversation(), was);
        let position = match self.find(head)? {
            // It came as a row before its answer did.
            Some(known) if known != was => {
                let (position, other) = self.at(&known)?;
                kept.marks = Marks::from_bits(kept.marks.bits() | other.marks.bits());
                if kept.by.is_empty() {
                    kept.by = other.by;
                }
                if other.edition > kept.edition {
                    (kept.edition, kept.deleted) = (other.edition, other.deleted);
                    kept.message.body = other.message.body;
                }
                kept.reactions.join(other.reactions);
                position
            }
            _ => self.place_of(head),
        };
        self.take_early(&mut kept);
        self.put_line(position, kept, Some(was)).map(Some)
    }

    /// A message came. `None` if it is known.
    pub(super) fn arrived(&mut self, message: &Message) -> Result<Option<Line>, StoreError> {
        let head = &message.head;
        if self.find(head)?.is_some() {
            return Ok(None);
        }
        let mut kept = Kept::new(message.clone(), State::Stored);
        self.take_early(&mut kept);
        self.put_line(self.place_of(head), kept, None).map(Some)
    }

    /// A talk of this device became a message.
    pub(super) fn talked(&mut self, head: &Head) -> Result<Option<Line>, StoreError> {
        self.arrived(&Message { head: head.clone(), body: nothing(head.kind) })
    }

    pub(super) fn receipt(&mut self, receipt: &Receipt) -> Result<Vec<Line>, StoreError> {
        let own = receipt.by.user == self.me.user;
        let mut changed = Vec::new();
        for names in &receipt.messages {
            let known = match &names.alias {
                _ if !names.id.is_none() => self.line_key(&keys::by_id(names.id))?,
                Some(alias) => self.line_key(&keys::by_alias(alias))?,
                None => None,
            };
            let key = match (&known, &names.client_ref) {
                // Its own answer is still on its way, or the dialect has no other name.
                (None, Some(name)) => self.line_key(&keys::by_client_ref(name))?,
                _ => known,
            };
            match key {
                // What this user says about messages of others; what others say about this user's.
                Some(key) => {
                    changed
                        .extend(self.mark_line(key, &receipt.by.user, receipt.status, |mine| !own || !mine)?);
                }
                None => self.keep_early(names, &receipt.by.user, receipt.status),
            }
        }
        Ok(changed)
    }

    /// A revision came as a row. Of a message of this user whose own answer is still on its way, only the author's name for it
    /// is known here.
    pub(super) fn revision(&mut self, it: &Revision) -> Result<Option<Line>, StoreError> {
        let key = match (self.line_key(&keys::by_id(it.message.id))?, &it.message.client_ref) {
            (None, Some(name)) if it.by.user == self.me.user => self.line_key(&keys::by_client_ref(name))?,
            (known, _) => known,
        };
        key.map_or(Ok(None), |key| self.revise_line(key, it.edition, it.body.as_ref()))
    }

    /// A message says something else now, or nothing more. `None` where that is not new, or the message is not here.
    pub(super) fn revised(
        &mut self,
        message: &MessageRef,
        edition: u32,
        body: Option<&Body>,
    ) -> Result<Option<Line>, StoreError> {
        let Some(key) = self.find_reference(message)? else { return Ok(None) };
        self.revise_line(key, edition, body)
    }

    /// A reaction came as a row. `None` where that is not new, or the message is not here.
    pub(super) fn reaction(&mut self, it: &Reaction) -> Result<Option<Line>, StoreError> {
        let key = match (self.line_key(&keys::by_id(it.message.id))?, &it.message.client_ref) {
            // Its own answer is still on its way.
            (None, Some(name)) => self.line_key(&keys::by_client_ref(name))?,
            (known, _) => known,
        };
        let Some(key) = key else { return Ok(None) };
        let (position, mut kept) = self.at(&key)?;
        // Names belong to devices: another one may call a message of its own so.
        let head = &kept.message.head;
        let same = head.conversation() == it.conversation && (head.id == it.message.id || head.id.is_none());
        let me = self.me.user.clone();
        if !same || kept.deleted || !kept.reactions.hear(&me, it) {
            return Ok(None);
        }
        self.put_line(position, kept, None).map(Some)
    }

    /// A reaction of this user is there, or taken back. `None` as [`reaction`](Self::reaction).
    pub(super) fn reacted(
        &mut self,
        react: &React,
        edition: u32,
        count: u32,
    ) -> Result<Option<Line>, StoreError> {
        let Some(key) = self.find_reference(&react.message)? else { return Ok(None) };
        let (position, mut kept) = self.at(&key)?;
        let me = self.me.user.clone();
        if kept.deleted || !kept.reactions.mine(&me, &react.emoji, (edition, react.on, count)) {
            return Ok(None);
        }
        self.put_line(position, kept, None).map(Some)
    }

    fn revise_line(
        &mut self,
        key: Vec<u8>,
        edition: u32,
        body: Option<&Body>,
    ) -> Result<Option<Line>, StoreError> {
        let (position, mut kept) = self.at(&key)?;
        if !kept.revise(edition, body) {
            return Ok(None);
        }
        let line = self.put_line(position, kept, None)?;
        if line.deleted && !line.mine {
            self.discount(&line)?;
        }
        Ok(Some(line))
    }

    /// DM-UNREAD-2: what is deleted does not count.
    fn discount(&mut self, line: &Line) -> Result<(), StoreError> {
        let key = keys::summary(&line.conversation);
        let Some(bytes) = self.get(&key)? else { return Ok(()) };
        let mut summary: Summary = record::read(&bytes, "a conversation")?;
        if line.position > (Position { era: summary.mark_era, place: summary.mark_place }) {
            summary.unread = summary.unread.saturating_sub(1);
            self.put(key, summary.encode_to_vec());
        }
        Ok(())
    }

    /// Notes a status about a line, if that says anything new.
    pub(super) fn mark_line(
        &mut self,
        key: Vec<u8>,
        by: &UserId,
        status: Status,
        concerns: impl Fn(bool) -> bool,
    ) -> Result<Option<Line>, StoreError> {
        let (position, mut kept) = self.at(&key)?;
        let mine = kept.message.head.from.user == self.me.user;
        if !concerns(mine) || !kept.mark(by, status) {
            return Ok(None);
        }
        self.put_line(position, kept, None).map(Some)
    }

    /// Writes a line where it belongs, and what follows from it. `was` is where it stood, if that was elsewhere.
    pub(super) fn put_line(
        &mut self,
        position: Position,
        kept: Kept,
        was: Option<Vec<u8>>,
    ) -> Result<Line, StoreError> {
        let conversation = kept.message.head.conversation();
        let key = keys::line(&conversation, position);
        let moved = was.filter(|was| *was != key);
        let known = moved.is_some() || self.get(&key)?.is_some();
        self.put(key.clone(), kept::line_bytes(&kept));
        moved.into_iter().for_each(|was| self.delete(was));
        self.index(&key, &kept.message.head)?;
        let line = line_of(&self.me, position, kept);
        self.summarize(&line, !known)?;
        Ok(line)
    }

    fn index(&mut self, key: &[u8], head: &Head) -> Result<(), StoreError> {
        if !head.id.is_none() {
            self.put(keys::by_id(head.id), key.to_vec());
        } else if head.seq == Seq(0) && head.stamp != UnixMs(0) {
            self.put(keys::by_alias(&head.alias()), key.to_vec());
        }
        let Some(name) = head.client_ref.as_ref().filter(|_| head.from.user == self.me.user) else {
            return Ok(());
        };
        let by_name = keys::by_client_ref(name);
        // Another device of this user may use the same name; where ids tell them apart it means this device's.
        if head.from == self.me || (head.id.is_none() && self.line_key(&by_name)?.is_none()) {
            self.put(by_name, key.to_vec());
        }
        Ok(())
    }

    /// The formula of [`Unread`](bimip_proto::Unread): what comes after the last message that was read or written.
    fn summarize(&mut self, line: &Line, new: bool) -> Result<(), StoreError> {
        let (conversation, at) = (&line.conversation, line.position);
        let key = keys::summary(conversation);
        let before: Summary = match self.get(&key)? {
            Some(bytes) => record::read(&bytes, "a conversation")?,
            None => Summary::default(),
        };
        let mut summary = before.clone();
        let mark = Position { era: before.mark_era, place: before.mark_place };
        if new {
            self.delete(keys::recency(summary.recency, conversation));
            summary.recency = self.number();
            self.put(keys::recency(summary.recency, conversation), Vec::new());
            summary.unread += u64::from(!line.mine && at > mark);
        }
        let read = line.mine || line.marks.has(Status::Read);
        if read && !at.is_on_its_way() && at > mark {
            summary.unread = summary.unread.saturating_sub(self.others_between(conversation, mark, at)?);
            (summary.mark_era, summary.mark_place) = (at.era, at.place);
        }
        if summary != before {
            self.put(key, summary.encode_to_vec());
        }
        Ok(())
    }

    /// Messages of others after one place, up to another.
    fn others_between(
        &self,
        conversation: &ConversationId,
        after: Position,
        upto: Position,
    ) -> Result<u64, StoreError> {
        let next = |at| {
            let mut key = keys::line(conversation, at);
            key.push(0);
            key
        };
        let (mut from, until, mut count) = (next(after), next(upto), 0);
        let is_other = |bytes| {
            let kept = kept::read_line(bytes)?;
            Ok(!kept.deleted && kept.message.head.from.user != self.me.user)
        };
        let batch = || self.batch.range(next(after)..next(upto));
        for (_, value) in batch() {
            if let Some(value) = value {
                count += u64::from(is_other(value.clone())?);
            }
        }
        loop {
            let scan = Scan { from, until: until.clone(), backwards: false, limit: PAGE };
            let page = self.store.scan(&scan)?;
            let last = page.last().filter(|_| page.len() == PAGE).map(|(key, _)| key.clone());
            for (key, value) in page {
                // What the batch changes was looked at.
                if !self.batch.contains_key(&key) {
                    count += u64::from(is_other(value)?);
                }
            }
            let Some(last) = last else { return Ok(count) };
            from = last;
            from.push(0);
        }
    }

    // ---- where things are -----------------------------------------------------------------------------

    /// Messages of a conversation in the order of the server, by what the dialect tells of it: ids and numbers rise
    /// with it, and stamps do.
    const fn place_of(&self, head: &Head) -> Position {
        let place = match (head.id.is_none(), head.seq) {
            (false, _) => head.id.sequence(),
            (true, Seq(0)) => head.stamp.0,
            (true, Seq(seq)) => seq,
        };
        Position { era: self.place.era, place }
    }

    /// The key of a message that is known.
    fn find(&self, head: &Head) -> Result<Option<Vec<u8>>, StoreError> {
        if !head.id.is_none() {
            return self.line_key(&keys::by_id(head.id));
        }
        if head.seq == Seq(0) {
            return self.line_key(&keys::by_alias(&head.alias()));
        }
        let key = keys::line(&head.conversation(), self.place_of(head));
        Ok(self.get(&key)?.map(|_| key))
    }

    pub(super) fn find_reference(&self, message: &MessageRef) -> Result<Option<Vec<u8>>, StoreError> {
        match message {
            MessageRef::Id(id) => self.line_key(&keys::by_id(*id)),
            MessageRef::Alias(alias) => self.line_key(&keys::by_alias(alias)),
            MessageRef::Place { conversation, seq } => {
                let at = Position { era: self.place.era, place: seq.0 };
                let key = keys::line(conversation, at);
                Ok(self.get(&key)?.map(|_| key))
            }
            _ => Ok(None),
        }
    }

    /// What a name leads to, if that is still there.
    fn line_key(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(key) = self.get(name)? else { return Ok(None) };
        Ok(self.get(&key)?.map(|_| key))
    }

    fn at(&self, key: &[u8]) -> Result<(Position, Kept), StoreError> {
        let position = keys::position(key).ok_or_else(|| StoreError::unreadable("the place of a message"))?;
        let bytes = self.get(key)?.ok_or_else(|| StoreError::unreadable("a message that has a name"))?;
        Ok((position, kept::read_line(bytes)?))
    }

    pub(super) fn own_line(&self, name: &ClientRef) -> Result<Option<(Vec<u8>, Kept)>, StoreError> {
        let Some(key) = self.line_key(&keys::by_client_ref(name))? else { return Ok(None) };
        let (_, kept) = self.at(&key)?;
        Ok(Some((key, kept)))
    }

    /// The line of a draft; made of the draft where messages were not kept when it was written.
    pub(super) fn waiting_line(
        &self,
        waiting: &Waiting,
        now: UnixMs,
    ) -> Result<(Position, Kept), StoreError> {
        let position = Position::on_its_way(waiting.number);
        let conversation = ConversationId::of(&self.me.user, &waiting.to);
        if let Some(bytes) = self.get(&keys::line(&conversation, position))? {
            return Ok((position, kept::read_line(bytes)?));
        }
        // Deleted in this batch, since it is answered; the store still has it.
        let bytes = self.store.get(&keys::draft(waiting.number))?;
        let bytes = bytes.ok_or_else(|| StoreError::unreadable("a draft that waits"))?;
        let (draft, _) = record::read_draft(&bytes)?;
        Ok((position, of_draft(&self.me, &draft, now)))
    }
}

/// What is said of a message that has no bytes here.
const fn nothing(kind: BodyKind) -> Body {
    Body { kind, form: Form::Opaque, bytes: Bytes::new(), seal: None }
}
