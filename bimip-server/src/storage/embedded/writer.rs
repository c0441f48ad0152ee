//! The writes of a settled batch as one batch of the engine.

use std::collections::HashMap;

use bimip_proto::{ConversationId, Device, GroupId, Offset, PushToken, UserId};
use bimip_session::ledger::{
    ConversationHead, Listed, Membership, Revised, Standing, Stretch, UserHead, Write,
};
use fjall::{Database, Keyspace, OwnedWriteBatch, PersistMode, Slice};

use super::checksum::seal;
use super::keys;
use super::memo::{Memo, OfConversation, OfDevice, OfUser};
use super::names::{ConversationNo, DeviceNo, UserNo};
use super::record;
use super::rows::account::{put_push_token, put_standing};
use super::rows::feeds::put_stretches;
use super::rows::groups::{head_numbers, put_group_profile, put_membership};
use super::rows::marks::put_marked;
use super::rows::reactions::{put_reacted, put_tally};
use super::rows::users::put_user_head;
use super::rows::{Rows, known_numbers};
use crate::storage::StorageError;

/// How far the store is. Written with every batch, and compared with the log when the store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// How many batches were written.
    pub(super) batch: u64,
    /// The last log record.
    pub(super) sequence: u64,
    /// The last number given to a name.
    pub(super) name: u64,
}

impl Tally {
    pub(super) const fn to_numbers(self) -> [u64; 3] {
        [self.batch, self.sequence, self.name]
    }

    /// The row as it is stored, but for its checksum.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        self.to_numbers().map(u64::to_be_bytes).concat()
    }

    pub(super) const fn from_numbers([batch, sequence, name]: [u64; 3]) -> Self {
        Self { batch, sequence, name }
    }
}

/// A batch of the engine in the making.
pub(super) struct Writer<'e> {
    rows: Rows<'e>,
    memo: &'e mut Memo,
    tally: Tally,
    batch: OwnedWriteBatch,
    /// Without a value: taken away.
    small: Vec<(Slice, Option<Slice>)>,
    /// Names that got their number in this batch, should the memory forget one before the batch ends.
    fresh: HashMap<Vec<u8>, u64>,
    value: Vec<u8>,
    /// The last record before this batch.
    begun: u64,
    /// Rows that refer to records before this batch.
    late: Vec<(UserNo, Offset)>,
}

impl<'e> Writer<'e> {
    pub(super) fn new(rows: Rows<'e>, memo: &'e mut Memo, tally: Tally, capacity: usize) -> Self {
        let batch = durable_batch(&rows.engine().db, capacity);
        Self {
            rows,
            memo,
            tally,
            batch,
            fresh: HashMap::new(),
            value: Vec::new(),
            begun: tally.sequence,
            late: Vec::new(),
            small: Vec::with_capacity(capacity),
        }
    }

    /// Adds one write.
    pub(super) fn add(&mut self, write: &Write) -> Result<(), StorageError> {
        match write {
            Write::Log { sequence, entry } => {
                self.value.clear();
                record::encode(entry, &mut self.value).map_err(|_| unknown("an entry"))?;
                let key = keys::log(*sequence);
                seal(&key, &mut self.value);
                self.batch.insert(&self.rows.engine().log, key.as_slice(), self.value.as_slice());
                self.memo.tail.push(*sequence, entry);
                self.tally.sequence = *sequence;
            }
            Write::Row { user, offset, sequence } => {
                let no = match self.memo.raise_mailbox(user, *offset) {
                    Some(no) => no,
                    None => {
                        let known = self.user(user)?;
                        self.memo.set_user(user, OfUser { head: Some(*offset), ..known });
                        known.no
                    }
                };
                if *sequence <= self.begun {
                    self.late.push((no, *offset));
                }
                self.numbers(&keys::row(no, *offset), [*sequence]);
            }
            Write::History { conversation, seq, stamp, sequence } => {
                let head = ConversationHead { seq: *seq, stamp: *stamp };
                let no = match self.memo.raise_conversation(conversation, head) {
                    Some(no) => no,
                    None => {
                        let known = self.conversation(conversation)?;
                        let known = OfConversation { head: Some(head), ..known };
                        self.memo.set_conversation(conversation, known);
                        known.no
                    }
                };
                self.numbers(&keys::history(no, *seq), [stamp.0, *sequence]);
            }
            Write::Stamp { conversation, stamp } => {
                let known = self.conversation(conversation)?;
                let head = known.head.map(|head| ConversationHead { stamp: *stamp, ..head });
                self.memo.set_conversation(conversation, OfConversation { head, ..known });
                self.numbers(&keys::stamp(known.no), [stamp.0]);
            }
            Write::Key { key, known } => {
                let device = self.device(&key.device)?;
                self.numbers(&keys::known(device.no, &key.client_ref), known_numbers(*known));
            }
            Write::Marks { sequence, user, marked } => {
                let user = self.user(user)?;
                self.value.clear();
                put_marked(&mut self.value, *marked);
                self.put_small(&keys::marks(*sequence, user.no));
            }
            Write::Revised { sequence, revised } => {
                let Revised { edition, sequence: last, deleted } = *revised;
                self.numbers(&keys::revised(*sequence), [edition.into(), last, deleted.into()]);
            }
            Write::ReadUpto { conversation, user, seq } => {
                let key = keys::read_upto(self.conversation(conversation)?.no, self.user(user)?.no);
                self.numbers(&key, [seq.0]);
            }
            Write::Cursor { device, offset } => {
                let known = self.device(device)?;
                self.memo.set_device(device, OfDevice { cursor: Some(*offset), ..known });
                self.numbers(&keys::cursor(known.no), [offset.0]);
            }
            Write::Group { group, head } => {
                let no = self.conversation(&ConversationId::Group(group.clone()))?.no;
                self.numbers(&keys::group_head(no), head_numbers(*head));
                self.memo.set_group(group, *head);
            }
            Write::FeedOpened { group } => self.feed(group, 0, 0)?,
            Write::Feed { group, place, sequence } => self.feed(group, *place, *sequence)?,
            Write::Pull { user, group, stretches } => self.pull(user, group, stretches)?,
            Write::GroupProfile { group, profile } => {
                let no = self.conversation(&ConversationId::Group(group.clone()))?.no;
                self.value.clear();
                put_group_profile(&mut self.value, profile);
                self.put_small(&keys::group_profile(no));
            }
            Write::Member { group, user, membership } => self.member(group, user, membership)?,
            Write::Contact { user, other } => {
                let key = keys::contact(self.user(user)?.no, self.user(other)?.no);
                self.value.clear();
                self.value.extend_from_slice(other.as_str().as_bytes());
                self.put_small(&key);
            }
            Write::Standing { user, standing } => {
                let key = keys::standing(self.user(user)?.no);
                // Who stands as everybody does at first has no row.
                if **standing == Standing::default() {
                    self.take_small(&key);
                } else {
                    self.value.clear();
                    put_standing(&mut self.value, standing);
                    self.put_small(&key);
                }
            }
            Write::PushToken { device, token } => {
                let key = keys::push_token(self.user(&device.user)?.no, &device.name);
                match token {
                    Some(PushToken { service, token: Some(token), .. }) => {
                        self.value.clear();
                        put_push_token(&mut self.value, service, token);
                        self.put_small(&key);
                    }
                    _ => self.take_small(&key),
                }
            }
            Write::Tally { sequence, tally } => {
                self.value.clear();
                put_tally(&mut self.value, tally);
                self.put_small(&keys::tally(*sequence));
            }
            Write::Reacted { sequence, user, emojis } => {
                let key = keys::reacted(*sequence, self.user(user)?.no);
                if emojis.is_empty() {
                    self.take_small(&key);
                } else {
                    self.value.clear();
                    put_reacted(&mut self.value, emojis);
                    self.put_small(&key);
                }
            }
            Write::UserHead { .. }
            | Write::Saved { .. }
            | Write::Blocked { .. }
            | Write::LastSeen { .. }
            | Write::Listed { .. } => self.keeps(write)?,
            _ => return Err(unknown("a write")),
        }
        Ok(())
    }

    /// Nothing of it will be written: the memory, which is ahead of the store now, starts anew.
    pub(super) fn forget(self) {
        self.memo.forget();
    }

    /// Makes all of it durable. When this returns the new tally, everything before it is on the disk; where it is
    /// told to wait for less, after the next sync.
    pub(super) fn commit(mut self, durability: PersistMode) -> Result<Tally, StorageError> {
        self.tally.batch += 1;
        self.numbers(&keys::TALLY, self.tally.to_numbers());
        // Neighbours one after the other: the engine finds the place of each near the one before. What was written
        // last under a key stays the last: a conversation may give away several stamps in a batch.
        self.small.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (key, value) in self.small {
            let small = &self.rows.engine().small;
            match value {
                Some(value) => self.batch.insert(small, key, value),
                None => self.batch.remove(small, key),
            }
        }
        self.rows.engine().late.hide(&self.late);
        self.batch.durability(Some(durability)).commit()?;
        Ok(self.tally)
    }

    /// Somebody in a group; their list of groups changes only when they come or go.
    fn member(
        &mut self,
        group: &GroupId,
        user: &UserId,
        membership: &Membership,
    ) -> Result<(), StorageError> {
        let was_member = self.memo.membership(group, user, &self.rows)?.is_member();
        let group_no = self.conversation(&ConversationId::Group(group.clone()))?.no;
        let user_no = self.user(user)?.no;
        self.value.clear();
        put_membership(&mut self.value, membership, user);
        self.put_small(&keys::member(group_no, user_no));
        let group_of = keys::group_of(user_no, group_no);
        match (was_member, membership.is_member()) {
            (false, true) => {
                self.value.clear();
                self.value.extend_from_slice(group.as_str().as_bytes());
                self.put_small(&group_of);
            }
            (true, false) => self.take_small(&group_of),
            _ => {}
        }
        self.memo.set_membership(group, user, membership);
        Ok(())
    }

    fn feed(&mut self, group: &GroupId, place: u64, sequence: u64) -> Result<(), StorageError> {
        let no = self.conversation(&ConversationId::Group(group.clone()))?.no;
        self.numbers(&keys::feed(no, place), [sequence]);
        self.memo.set_fed(group, place, sequence);
        Ok(())
    }

    fn pull(&mut self, user: &UserId, group: &GroupId, stretches: &[Stretch]) -> Result<(), StorageError> {
        let group_no = self.conversation(&ConversationId::Group(group.clone()))?.no;
        let key = keys::pull(self.user(user)?.no, group_no);
        if stretches.is_empty() {
            self.take_small(&key);
        } else {
            self.value.clear();
            put_stretches(&mut self.value, stretches, group);
            self.put_small(&key);
        }
        self.memo.set_stretches(user, group, stretches);
        Ok(())
    }

    /// What users keep.
    fn keeps(&mut self, write: &Write) -> Result<(), StorageError> {
        match write {
            Write::UserHead { user, head } => {
                let key = keys::user_head(self.user(user)?.no);
                if *head == UserHead::default() {
                    self.take_small(&key);
                } else {
                    self.value.clear();
                    put_user_head(&mut self.value, head);
                    self.put_small(&key);
                }
            }
            Write::Saved { user, other, name } => {
                let key = keys::saved(self.user(user)?.no, other);
                match name {
                    Some(name) => {
                        self.value.clear();
                        self.value.extend_from_slice(name.as_bytes());
                        self.put_small(&key);
                    }
                    None => self.take_small(&key),
                }
            }
            Write::Blocked { user, other, blocked } => {
                let key = keys::blocked(self.user(user)?.no, other);
                if *blocked {
                    self.value.clear();
                    self.put_small(&key);
                } else {
                    self.take_small(&key);
                }
                self.memo.set_blocked(user, other, *blocked);
            }
            Write::LastSeen { user, at } => {
                let key = keys::last_seen(self.user(user)?.no);
                self.numbers(&key, [at.0]);
            }
            Write::Listed { device, listed } => {
                let key = keys::listed(self.user(&device.user)?.no, &device.name);
                match listed {
                    Some(Listed { first, last }) => self.numbers(&key, [first.0, last.0]),
                    None => self.take_small(&key),
                }
            }
            _ => return Err(unknown("a write")),
        }
        Ok(())
    }

    // ---- names --------------------------------------------------------------------------------------

    fn user(&mut self, user: &UserId) -> Result<OfUser, StorageError> {
        if let Some(known) = self.memo.user(user, &self.rows)? {
            return Ok(known);
        }
        let no = UserNo(self.name(keys::user(user)));
        let known = OfUser { no, head: None };
        self.memo.set_user(user, known);
        Ok(known)
    }

    fn device(&mut self, device: &Device) -> Result<OfDevice, StorageError> {
        if let Some(known) = self.memo.device(device, &self.rows)? {
            return Ok(known);
        }
        let user = self.user(&device.user)?;
        let no = DeviceNo(self.name(keys::device(user.no, &device.name)));
        let known = OfDevice { no, cursor: None };
        self.memo.set_device(device, known);
        Ok(known)
    }

    fn conversation(&mut self, id: &ConversationId) -> Result<OfConversation, StorageError> {
        if let Some(known) = self.memo.conversation(id, &self.rows)? {
            return Ok(known);
        }
        let key = match id {
            ConversationId::Direct { 0: low, 1: high, .. } => {
                let (low, high) = (self.user(low)?, self.user(high)?);
                keys::direct(low.no, high.no).to_vec()
            }
            ConversationId::Group(group) => keys::group(group),
            _ => return Err(unknown("a conversation")),
        };
        let no = ConversationNo(self.name(key));
        let known = OfConversation { no, head: None, blocked: [None; 2] };
        self.memo.set_conversation(id, known);
        Ok(known)
    }

    /// The number of a name that the store does not have: the next one, unless this batch gave it one already.
    fn name(&mut self, key: Vec<u8>) -> u64 {
        if let Some(number) = self.fresh.get(&key) {
            return *number;
        }
        self.tally.name += 1;
        self.numbers(&key, [self.tally.name]);
        self.fresh.insert(key, self.tally.name);
        self.tally.name
    }

    // ---- values -------------------------------------------------------------------------------------

    fn numbers<const N: usize>(&mut self, key: &[u8], numbers: [u64; N]) {
        self.value.clear();
        self.value.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        self.put_small(key);
    }

    fn take_small(&mut self, key: &[u8]) {
        self.small.push((key.into(), None));
    }

    fn put_small(&mut self, key: &[u8]) {
        seal(key, &mut self.value);
        self.small.push((key.into(), Some(self.value.as_slice().into())));
    }
}

/// A batch that is on the disk when its commit returns. Every batch of the store is made here: the engine's own
/// default does not wait for the disk.
pub(super) fn durable_batch(db: &Database, capacity: usize) -> OwnedWriteBatch {
    OwnedWriteBatch::with_capacity(db.clone(), capacity).durability(Some(PersistMode::SyncData))
}

/// Adds a row to a batch that no [`Writer`] makes.
pub(super) fn insert_sealed(batch: &mut OwnedWriteBatch, small: &Keyspace, key: &[u8], mut value: Vec<u8>) {
    seal(key, &mut value);
    batch.insert(small, key, value);
}

fn unknown(what: &str) -> StorageError {
    StorageError::Engine(format!("{what} of a kind that this format cannot hold"))
}
