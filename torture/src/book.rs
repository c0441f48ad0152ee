//! The checker: what clients saw, and whether it can all be true together.
//!
//! It knows the promises of docs/protocol/delivery.md and nothing of how a server keeps them. Whatever any client
//! read is compared with everything that was read before, over all lives of the server.

mod conversations;
mod drafts;
mod mailbox;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{MessageId, Row, UnixMs, Welcome};

use self::conversations::Conversations;
pub(crate) use self::drafts::Ack;
use self::drafts::{Draft, Side};
use self::mailbox::Mailbox;
use crate::people::{Key, PEOPLE, READER, WRITER, Who};

/// What is broken. The words of the table at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wrong {
    /// An acknowledged message is not where it must be.
    Lost,
    /// A message, an id or a receipt is there twice.
    Doubled,
    /// Devices disagree about an order, or there is a gap.
    Disordered,
    /// A cursor went back, a body changed, an epoch changed, an ack came that may not.
    Other,
}

/// A device of somebody.
pub(crate) type DeviceKey = (Who, &'static str);

/// How far a device is, as it knows it.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// All rows up to here have come.
    seen: u64,
    /// The greatest cursor that it asked for.
    asked: u64,
    /// The greatest cursor that was confirmed.
    confirmed: u64,
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub(crate) struct Book {
    drafts: [Vec<Draft>; PEOPLE],
    mailboxes: [Mailbox; PEOPLE],
    conversations: Conversations,
    places: BTreeMap<DeviceKey, Place>,
    /// Acknowledged, and not seen yet at every place where they must be.
    open: BTreeSet<Key>,
    epoch: Option<u32>,
    /// What is heard now proves nothing: the power is being cut.
    pub(crate) frozen: bool,
    /// Somebody was refused: what is sent from now on in this life may not be acknowledged.
    pub(crate) refused: bool,
    /// Goes up with everything that is heard.
    pub(crate) events: u64,
    pub(crate) acked: u64,
    pub(crate) resent: u64,
    pub(crate) refusals: u64,
    wrongs: BTreeMap<Wrong, u64>,
    /// The first of them, in words.
    pub(crate) words: Vec<String>,
}

/// Words are for people: nobody reads more.
const WORDS: usize = 20;

impl Book {
    pub(crate) fn wrong(&mut self, wrong: Wrong, words: String) {
        *self.wrongs.entry(wrong).or_default() += 1;
        if self.words.len() < WORDS {
            self.words.push(format!("{wrong:?}: {words}"));
        }
    }

    pub(crate) fn wrongs(&self, wrong: Wrong) -> u64 {
        self.wrongs.get(&wrong).copied().unwrap_or_default()
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.wrongs.is_empty()
    }

    /// Another life of the server begins.
    pub(crate) fn begin(&mut self) {
        self.frozen = false;
        self.refused = false;
    }

    // ---- what clients do --------------------------------------------------------------------------

    /// A new draft is about to be sent.
    pub(crate) fn draft(&mut self, by: Who, to: Who) -> Key {
        let drafts = &mut self.drafts[by.at()];
        let number = u32::try_from(drafts.len()).expect("fewer drafts than that");
        drafts.push(Draft::new(to, self.refused));
        Key { by, number }
    }

    /// A draft is about to be sent again.
    pub(crate) fn resend(&mut self, key: Key) {
        self.resent += 1;
        let late = self.refused;
        if let Some(draft) = self.get_mut(key) {
            draft.late = late;
        }
    }

    pub(crate) fn to(&self, key: Key) -> Who {
        self.drafts[key.by.at()][key.number as usize].to
    }

    /// The drafts that have no ack, the oldest first.
    pub(crate) fn unacked(&self, by: Who) -> Vec<Key> {
        let numbered = (0_u32..).zip(&self.drafts[by.at()]);
        numbered.filter(|(_, draft)| draft.ack.is_none()).map(|(number, _)| Key { by, number }).collect()
    }

    /// How many drafts there are.
    pub(crate) fn drafted(&self, by: Who) -> u32 {
        u32::try_from(self.drafts[by.at()].len()).unwrap_or(u32::MAX)
    }

    /// Whether a draft has an ack.
    pub(crate) fn is_acked(&self, key: Key) -> bool {
        self.get(key).is_some_and(|draft| draft.ack.is_some())
    }

    pub(crate) fn seen(&self, device: DeviceKey) -> u64 {
        self.places.get(&device).map_or(0, |place| place.seen)
    }

    pub(crate) fn asked(&mut self, device: DeviceKey, cursor: u64) {
        let place = self.places.entry(device).or_default();
        place.asked = place.asked.max(cursor);
    }

    // ---- what clients hear ------------------------------------------------------------------------

    /// `known` rows of the mailbox were read before the device connected.
    pub(crate) fn welcome(&mut self, device: DeviceKey, welcome: &Welcome, known: u64) {
        if self.frozen {
            return;
        }
        self.events += 1;
        let epoch = *self.epoch.get_or_insert(welcome.epoch);
        if epoch != welcome.epoch {
            self.wrong(Wrong::Lost, format!("the store has epoch {}, before it had {epoch}", welcome.epoch));
        }
        let (resume, head) = (welcome.resume_from.0, welcome.head.0);
        let place = self.places.entry(device).or_default();
        let Place { seen, asked, confirmed } = *place;
        // What it has beyond its cursor comes again; a cursor also passes over what the device wrote itself, which
        // it is not given: that those rows are its own is checked at the end.
        place.seen = resume;
        self.mailboxes[device.0.at()].skipped(device.1, seen + 1..resume + 1);
        let beyond = resume > asked && device.1 != WRITER;
        if resume < confirmed || beyond || resume > head {
            let (who, name) = (device.0.name(), device.1);
            self.wrong(
                Wrong::Other,
                format!("the cursor of {who}/{name} is {resume}; {confirmed} was confirmed, {asked} asked for, the head is {head}"),
            );
        }
        if head < known {
            self.wrong(
                Wrong::Lost,
                format!("the mailbox of {} ends at {head}, {known} rows were read", device.0.name()),
            );
        }
    }

    pub(crate) fn disposed(&mut self, device: DeviceKey, cursor: u64) {
        if self.frozen {
            return;
        }
        self.events += 1;
        let place = self.places.entry(device).or_default();
        let Place { asked, confirmed, .. } = *place;
        place.confirmed = confirmed.max(cursor);
        if cursor < confirmed || cursor > asked {
            self.wrong(
                Wrong::Other,
                format!(
                    "a cursor of {} is confirmed at {cursor} after {confirmed}, {asked} was asked for",
                    device.0.name()
                ),
            );
        }
    }

    pub(crate) fn acked(&mut self, key: Key, ack: Ack) {
        self.events += 1;
        let Some(draft) = self.get(key) else {
            return self.wrong(Wrong::Other, format!("an ack of {key}, which nobody sent"));
        };
        // Even while the power goes: a store that has failed says so from then on.
        if draft.late {
            self.wrong(Wrong::Other, format!("an ack of {key}, sent after the store had failed"));
        }
        if self.frozen {
            return;
        }
        let draft = &mut self.drafts[key.by.at()][key.number as usize];
        match draft.ack {
            None => {
                draft.ack = Some(ack);
                self.acked += 1;
            }
            Some(first) if first == ack => return,
            Some(first) => {
                return self
                    .wrong(Wrong::Doubled, format!("{key} was acked as {first:?} and then as {ack:?}"));
            }
        }
        let (at_author, id) = (draft.row(Side::Author), draft.id);
        if let (Some(offset), Some(place)) = (ack.offset, at_author)
            && place != offset
        {
            self.wrong(Wrong::Doubled, format!("{key} was acked as row {offset}, and is row {place}"));
        }
        if let (Some(acked), Some(id)) = (ack.id, id)
            && acked != id
        {
            self.wrong(Wrong::Doubled, format!("{key} was acked as {acked}, and is {id}"));
        }
        self.settle(key);
    }

    pub(crate) fn refused(&mut self, key: Option<Key>) {
        self.refusals += 1;
        self.events += 1;
        if let Some(key) = key
            && self.is_acked(key)
            && !self.refused
        {
            self.wrong(Wrong::Other, format!("{key} was acked, and then refused"));
        }
        self.refused = true;
    }

    /// A row came to a device of a dialect with offsets.
    pub(crate) fn row(&mut self, device: DeviceKey, row: &Row) {
        if self.frozen {
            return;
        }
        self.events += 1;
        let (offset, prev) = (row.offset.0, row.prev.0);
        let seen = self.seen(device);
        if offset <= seen {
            return self.compare(device.0, row.offset, &row.entry);
        }
        if prev > seen {
            let (who, name) = (device.0.name(), device.1);
            self.wrong(
                Wrong::Disordered,
                format!("{who}/{name} has seen {seen} and is given {offset} after {prev}"),
            );
        }
        self.places.entry(device).or_default().seen = offset;
        if device.1 != WRITER && offset != seen + 1 {
            self.wrong(
                Wrong::Disordered,
                format!("the mailbox of {} has {offset} after {seen}", device.0.name()),
            );
        }
        self.mailboxes[device.0.at()].skipped(device.1, seen + 1..offset);
        self.compare(device.0, row.offset, &row.entry);
    }

    /// A message came to a device of the dialect without offsets.
    pub(crate) fn heard(&mut self, by: Who, bytes: &[u8], from: Option<Who>, stamp: UnixMs) {
        if self.frozen {
            return;
        }
        self.events += 1;
        let Some(key) = Key::find(bytes).filter(|key| Some(key.by) == from) else {
            return self.wrong(Wrong::Other, format!("{} heard what nobody said", by.name()));
        };
        let Some(draft) = self.get_mut(key).filter(|draft| draft.to == by) else {
            return self.wrong(Wrong::Other, format!("{} heard {key}, which was not for them", by.name()));
        };
        let first = *draft.stamp.get_or_insert(stamp);
        let acked = draft.ack.and_then(|ack| ack.stamp);
        draft.heard = true;
        if first != stamp || acked.is_some_and(|acked| acked != stamp) {
            self.wrong(Wrong::Doubled, format!("{key} has the stamps {first:?}, {stamp:?} and {acked:?}"));
        }
        self.settle(key);
    }

    // ---- what must be ------------------------------------------------------------------------------

    /// Whether every acked message was seen wherever it must be.
    pub(crate) fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// Nothing more comes: what is not there now is lost.
    pub(crate) fn give_up(&mut self) {
        for key in std::mem::take(&mut self.open) {
            let draft = &self.drafts[key.by.at()][key.number as usize];
            let words = format!("{key} was acked as {:?} and has the rows {:?}", draft.ack, draft.rows());
            self.wrong(Wrong::Lost, words);
        }
    }

    /// At the end of everything: rows that devices were not given are their own, and what was delivered has its
    /// receipt.
    pub(crate) fn last_look(&mut self) {
        for who in Who::all() {
            let confirmed = self.places.get(&(who, READER)).map_or(0, |place| place.confirmed);
            if let Some(offset) = self.mailboxes[who.at()].skipped_wrongly() {
                self.wrong(
                    Wrong::Lost,
                    format!("row {offset} of {} was not given to their writer", who.name()),
                );
            }
            let mut silent = Vec::new();
            for author in Who::all() {
                for (number, draft) in (0_u32..).zip(&self.drafts[author.at()]) {
                    let there = draft.row(Side::Receiver).is_some_and(|offset| offset <= confirmed);
                    if draft.to == who && there && !draft.delivered {
                        silent.push(Key { by: author, number });
                    }
                }
            }
            for key in silent {
                self.wrong(Wrong::Lost, format!("{} has {key}, and its author was not told", who.name()));
            }
        }
    }

    /// How many rows of a mailbox are known.
    pub(crate) fn rows_of(&self, who: Who) -> u64 {
        self.mailboxes[who.at()].len()
    }

    fn settle(&mut self, key: Key) {
        let Some(draft) = self.get(key) else { return };
        if draft.ack.is_none() {
            return;
        }
        if draft.is_complete() {
            self.open.remove(&key);
        } else {
            self.open.insert(key);
        }
    }

    fn get(&self, key: Key) -> Option<&Draft> {
        self.drafts.get(key.by.at())?.get(key.number as usize)
    }

    fn get_mut(&mut self, key: Key) -> Option<&mut Draft> {
        self.drafts.get_mut(key.by.at())?.get_mut(key.number as usize)
    }
}

/// Whether an id was decoded by a dialect that has ids.
pub(crate) fn known_id(id: MessageId) -> Option<MessageId> {
    (!id.is_none()).then_some(id)
}

#[cfg(test)]
mod tests;
