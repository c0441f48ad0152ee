//! One pass over each keyspace. What a row refers to is looked up; nothing is kept but the numbers of names.

use std::collections::HashMap;
use std::sync::Arc;

use bimip_proto::{ConversationId, Entry, Offset, Seq, UnixMs, UserId};

use super::groups::InGroup;
use super::reactions::Counted;
use super::{Finding, Heard, Summary};
use crate::storage::StorageError;
use crate::storage::embedded::checksum::unseal;
use crate::storage::embedded::directory::FORMAT;
use crate::storage::embedded::keys::{self, Key};
use crate::storage::embedded::names::{ConversationNo, DeviceNo, UserNo};
use crate::storage::embedded::record;
use crate::storage::embedded::rows::{CHECKSUM, Rows, SHAPE};
use crate::storage::embedded::writer::Tally;

/// Rows between two words about how far it is.
const PROGRESS_ROWS: u64 = 100_000;

pub(super) struct Checker<'e, 'h> {
    pub(super) rows: Rows<'e>,
    hear: &'h mut dyn FnMut(Heard<'_>),
    pub(super) summary: Summary,
    /// What the store says of itself.
    pub(super) format: Option<u64>,
    epoch: Option<u64>,
    tally: Option<Tally>,
    names: HashMap<u64, Name>,
    /// The row before, where rows form an order.
    pub(super) mailbox: Option<(UserNo, Offset, u64)>,
    pub(super) history: Option<(ConversationNo, Seq, UnixMs)>,
    pub(super) feed: Option<(ConversationNo, u64)>,
    /// The group whose memberships are being read.
    pub(super) group: Option<InGroup>,
    /// Whose push tokens are being read, and how many there were.
    pub(super) push_tokens: Option<(UserNo, usize)>,
    /// The message whose reactions are being read.
    pub(super) reactions: Option<Counted>,
    /// Whose address book, blocks and devices are being read, and how many there were.
    pub(super) saved: Option<(UserNo, u32)>,
    pub(super) blocked: Option<(UserNo, usize)>,
    pub(super) listed: Option<(UserNo, usize)>,
}

/// What a number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    User,
    Device(UserNo),
    Direct,
    Group,
}

impl<'e, 'h> Checker<'e, 'h> {
    pub(super) fn new(rows: Rows<'e>, hear: &'h mut dyn FnMut(Heard<'_>)) -> Self {
        Self {
            rows,
            hear,
            summary: Summary::default(),
            format: None,
            epoch: None,
            tally: None,
            names: HashMap::new(),
            mailbox: None,
            history: None,
            feed: None,
            group: None,
            push_tokens: None,
            reactions: None,
            saved: None,
            blocked: None,
            listed: None,
        }
    }

    pub(super) fn finish(self) -> Summary {
        self.summary
    }

    /// Reads everything. `proven` is what the store's witness says.
    pub(super) fn check(&mut self, proven: Option<u64>) {
        self.identity(proven);
        self.log();
        self.small();
        let names = self.names.len() as u64;
        if let Some(tally) = self.tally.filter(|tally| tally.name != names) {
            self.find(
                &Key::Tally,
                &keys::TALLY,
                format!("it counts {} names, and {names} are there", tally.name),
            );
        }
    }

    // ---- findings -----------------------------------------------------------------------------------

    pub(super) fn find(&mut self, key: &Key, bytes: &[u8], what: impl Into<String>) {
        self.note("small", bytes, &key.to_string(), what.into());
    }

    fn find_in_log(&mut self, bytes: &[u8], what: impl Into<String>) {
        let words = keys::sequence(bytes).map_or_else(String::new, |number| format!("log record {number}"));
        self.note("log", bytes, &words, what.into());
    }

    fn note(&mut self, keyspace: &str, bytes: &[u8], words: &str, what: String) {
        let mut key = keyspace.to_owned();
        if !bytes.is_empty() {
            key.push(' ');
            key.extend(bytes.iter().map(|byte| format!("{byte:02x}")));
        }
        if !words.is_empty() {
            key.extend([" (", words, ")"]);
        }
        self.summary.findings += 1;
        (self.hear)(Heard::Finding(&Finding { key, what }));
    }

    fn count(&mut self, key: &[u8], value: &[u8]) {
        self.summary.rows += 1;
        self.summary.bytes += (key.len() + value.len()) as u64;
        if self.summary.rows.is_multiple_of(PROGRESS_ROWS) {
            (self.hear)(Heard::Progress { rows: self.summary.rows });
        }
    }

    // ---- values -------------------------------------------------------------------------------------

    pub(super) fn numbers<const N: usize>(
        &mut self,
        key: &Key,
        bytes: &[u8],
        value: &[u8],
    ) -> Option<[u64; N]> {
        let (words, rest) = value.as_chunks::<8>();
        match <&[[u8; 8]; N]>::try_from(words) {
            Ok(words) if rest.is_empty() => Some(words.map(u64::from_be_bytes)),
            _ => {
                self.find(key, bytes, SHAPE);
                None
            }
        }
    }

    /// A row that another refers to. One that cannot be read is a finding of its own.
    pub(super) fn there<T>(row: Result<Option<T>, StorageError>) -> Option<T> {
        row.ok().flatten()
    }

    pub(super) fn message(&self, sequence: u64) -> Option<Arc<Entry>> {
        Self::there(self.rows.entry(sequence)).filter(|entry| matches!(**entry, Entry::Message(_)))
    }

    pub(super) fn conversation(&self, id: &ConversationId) -> Option<ConversationNo> {
        match id {
            ConversationId::Direct { 0: low, 1: high, .. } => {
                let no = |user: &UserId| Self::there(self.rows.user(user));
                Self::there(self.rows.direct(no(low)?, no(high)?))
            }
            ConversationId::Group(group) => Self::there(self.rows.group(group)),
            _ => None,
        }
    }

    pub(super) fn is_user(&self, user: UserNo) -> bool {
        self.names.get(&user.0) == Some(&Name::User)
    }

    pub(super) fn is_group(&self, conversation: ConversationNo) -> bool {
        self.names.get(&conversation.0) == Some(&Name::Group)
    }

    pub(super) fn is_conversation(&self, conversation: ConversationNo) -> bool {
        matches!(self.names.get(&conversation.0), Some(Name::Direct | Name::Group))
    }

    pub(super) fn owner(&self, device: DeviceNo) -> Option<UserNo> {
        match self.names.get(&device.0) {
            Some(Name::Device(user)) => Some(*user),
            _ => None,
        }
    }

    // ---- the store itself ---------------------------------------------------------------------------

    fn identity(&mut self, proven: Option<u64>) {
        match self.rows.numbers(&keys::IDENTITY, || Key::Identity.to_string()) {
            Ok(Some([format, epoch])) => {
                if !(1..=u64::from(FORMAT)).contains(&format) {
                    let what = format!("it has format {format}, and this program reads up to {FORMAT}");
                    self.find(&Key::Identity, &keys::IDENTITY, what);
                }
                if epoch == 0 || epoch > u64::from(u32::MAX) {
                    self.find(&Key::Identity, &keys::IDENTITY, "its epoch is none");
                }
                self.format = Some(format);
                self.epoch = Some(epoch);
            }
            Ok(None) => self.find(&Key::Identity, &keys::IDENTITY, "it is not there"),
            // Found when the rows are read one by one.
            Err(_) => {}
        }
        match self.rows.numbers(&keys::TALLY, || Key::Tally.to_string()) {
            Ok(Some(numbers)) => {
                let tally = Tally::from_numbers(numbers);
                if proven.is_some_and(|proven| proven > tally.batch) {
                    self.find(&Key::Tally, &keys::TALLY, "batches after it were proven, and are missing");
                }
                self.tally = Some(tally);
            }
            Ok(None) => self.find(&Key::Tally, &keys::TALLY, "it is not there"),
            Err(_) => {}
        }
    }

    fn log(&mut self) {
        let mut last = 0;
        for row in self.rows.all_log() {
            match row.into_inner() {
                Ok((key, value)) => {
                    self.count(&key, &value);
                    last = self.log_record(&key, &value).unwrap_or(last);
                }
                Err(error) => {
                    return self.note("log", &[], "", format!("the engine cannot read on: {error}"));
                }
            }
        }
        if self.tally.is_some_and(|tally| tally.sequence != last) {
            self.find(&Key::Tally, &keys::TALLY, format!("the log ends at {last}, and not where it says"));
        }
    }

    fn log_record(&mut self, key: &[u8], sealed: &[u8]) -> Option<u64> {
        let Some(sequence) = keys::sequence(key).filter(|sequence| *sequence > 0) else {
            self.find_in_log(key, "its key is unknown");
            return None;
        };
        match unseal(key, sealed).ok_or(CHECKSUM).and_then(|value| record::decode(value).map_err(|_| SHAPE)) {
            Ok(Entry::Message(message)) => {
                self.summary.messages += 1;
                let id = message.head.id;
                if id.sequence() != sequence || self.epoch.is_some_and(|epoch| epoch != u64::from(id.epoch()))
                {
                    self.find_in_log(key, "the message in it has the id of another");
                }
            }
            Ok(Entry::Receipt(_)) => self.summary.receipts += 1,
            Ok(Entry::Revised(_)) => self.summary.revisions += 1,
            Ok(Entry::Group(_)) => self.summary.group_changes += 1,
            Ok(Entry::Reacted(_)) => self.summary.reactions += 1,
            Ok(Entry::User(_)) => self.summary.user_changes += 1,
            Ok(_) => {}
            Err(what) => self.find_in_log(key, what),
        }
        Some(sequence)
    }

    // ---- small rows ---------------------------------------------------------------------------------

    fn small(&mut self) {
        for row in self.rows.all_small() {
            match row.into_inner() {
                Ok((key, value)) => {
                    self.count(&key, &value);
                    self.row(&key, &value);
                }
                Err(error) => {
                    return self.note("small", &[], "", format!("the engine cannot read on: {error}"));
                }
            }
        }
        self.group_ends();
        self.reactions_end();
        self.address_book_ends();
    }

    fn row(&mut self, bytes: &[u8], sealed: &[u8]) {
        let Ok(key) = Key::read(bytes) else {
            return self.note(
                "small",
                bytes,
                "",
                "its key is of a kind that this version does not know".into(),
            );
        };
        let Some(value) = unseal(bytes, sealed) else { return self.find(&key, bytes, CHECKSUM) };
        match &key {
            Key::Identity => drop(self.numbers::<2>(&key, bytes, value)),
            Key::Tally => drop(self.numbers::<3>(&key, bytes, value)),
            Key::User(_) => self.name(&key, bytes, value, Name::User, &[]),
            Key::Device(user, _) => self.name(&key, bytes, value, Name::Device(*user), &[*user]),
            Key::Direct(low, high) => self.name(&key, bytes, value, Name::Direct, &[*low, *high]),
            Key::Group(_) => self.name(&key, bytes, value, Name::Group, &[]),
            Key::Row(user, offset) => self.mailbox_row(&key, bytes, value, *user, *offset),
            Key::History(conversation, seq) => self.place(&key, bytes, value, *conversation, *seq),
            Key::Stamp(conversation) => {
                if self.numbers::<1>(&key, bytes, value).is_some() && !self.is_conversation(*conversation) {
                    self.find(&key, bytes, "there is no such conversation");
                }
            }
            Key::Known(device, _) => self.draft(&key, bytes, value, *device),
            Key::Marks(sequence, user) => self.marks(&key, bytes, value, *sequence, *user),
            Key::ReadUpto(conversation, user) => self.read_upto(&key, bytes, value, *conversation, *user),
            Key::Cursor(device) => self.cursor(&key, bytes, value, *device),
            Key::Revised(sequence) => self.revised(&key, bytes, value, *sequence),
            Key::GroupHead(group) => {
                if let Some(numbers) = self.numbers::<2>(&key, bytes, value) {
                    self.group_head(&key, bytes, numbers, *group);
                }
            }
            Key::Member(group, user) => self.member(&key, bytes, value, *group, *user),
            Key::GroupOf(user, group) => self.group_of(&key, bytes, value, *user, *group),
            Key::Feed(group, place) => self.fed(&key, bytes, value, *group, *place),
            Key::Pull(user, group) => self.pull(&key, bytes, value, *user, *group),
            Key::GroupProfile(group) => self.group_profile(&key, bytes, value, *group),
            Key::Standing(user) => self.standing(&key, bytes, value, *user),
            Key::PushToken(user, _) => self.push_token(&key, bytes, value, *user),
            Key::Reactions(sequence) => self.tallied(&key, bytes, value, *sequence),
            Key::Reacted(sequence, user) => self.reacted(&key, bytes, value, *sequence, *user),
            Key::Contact(user, other) => self.contact(&key, bytes, value, *user, *other),
            Key::UserHead(user) => self.user_head(&key, bytes, value, *user),
            Key::Saved(user, _) => self.saved(&key, bytes, value, *user),
            Key::Blocked(user, other) => self.blocked(&key, bytes, value, *user, other),
            Key::LastSeen(user) => self.last_seen(&key, bytes, value, *user),
            Key::Listed(user, _) => self.listed(&key, bytes, value, *user),
        }
    }

    fn name(&mut self, key: &Key, bytes: &[u8], value: &[u8], name: Name, users: &[UserNo]) {
        let Some([number]) = self.numbers(key, bytes, value) else { return };
        match name {
            Name::User => self.summary.users += 1,
            Name::Device(_) => self.summary.devices += 1,
            Name::Direct => {
                self.summary.conversations += 1;
                self.has_contacts(key, bytes, users, ConversationNo(number));
            }
            Name::Group => self.summary.groups += 1,
        }
        if number == 0 || self.tally.is_some_and(|tally| number > tally.name) {
            self.find(key, bytes, format!("number {number} was never given"));
        }
        if self.names.insert(number, name).is_some() {
            self.find(key, bytes, format!("number {number} is given to another name too"));
        }
        for user in users {
            if !self.is_user(*user) {
                self.find(key, bytes, format!("there is no user {}", user.0));
            }
        }
    }
}
