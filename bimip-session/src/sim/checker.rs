//! What must hold, checked from outside: against what leaves the core, what apps were told, and the disk.
//!
//! | id | what |
//! |---|---|
//! | I1 | an acknowledgement is durable at the moment it leaves |
//! | I2 | a draft is stored once and acknowledged with one id and one offset |
//! | I3 | a message is in both mailboxes, or in none |
//! | I4 | every mailbox and device has a conversation in the order of its seq |
//! | I5 | offsets and seqs are dense; stamps rise |
//! | I6 | cursors never go back, and never beyond the mailbox |
//! | I7 | receipts rise, are told once, and have a cause |
//! | I8 | a device that comes to rest has its whole mailbox, in order, once |
//! | I9 | nobody is told what is not theirs |
//! | I13 | when the faults stop, everything comes to rest |

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{
    Address, ClientRef, ConversationId, Device, Entry, Floor, Head, MessageId, Noted, Offset, Seq,
    ServerPacket, Status, Talk, UserId,
};

use crate::ledger::{Book, View};

/// Collects violations. One world, one checker.
#[derive(Debug, Default)]
pub struct Checker {
    violations: Vec<String>,
    acked: BTreeMap<(Device, ClientRef), (MessageId, Offset)>,
    cursors: BTreeMap<Device, Offset>,
    /// Messages that reached some device of a user, by id or alias.
    reached: BTreeSet<(UserId, String)>,
}

/// What one device's app holds at rest.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the world fills it")]
pub struct Held<'a> {
    /// Which device.
    pub device: &'a Device,
    /// Whether it is a walkie-talkie: no numbers of rows, at least once instead of exactly once.
    pub walkie: bool,
    /// What its app stored, in order.
    pub rows: Vec<(Offset, &'a Entry)>,
}

/// What one draft came to.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "the world fills it")]
pub struct Fate {
    /// Who sent it.
    pub device: Device,
    /// The text it can be known by, in any dialect.
    pub tag: String,
    /// How often the app was told that it is sent.
    pub sent: u32,
    /// The app was told that it is not known what became of it.
    pub unsure: bool,
    /// The app was told that it is refused, which only a group does that its author is not in.
    pub refused: bool,
}

impl Checker {
    /// What was found.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.violations.len() < 20 {
            self.violations.push(what());
        }
    }

    // ---- on the way -----------------------------------------------------------------------------------

    /// A packet leaves the core for a device.
    pub fn leaves(&mut self, device: &Device, packet: &ServerPacket, durable: &Book) {
        match packet {
            ServerPacket::Accepted { client_ref, head, offset } => {
                self.check(is_durable(durable, head), || {
                    format!("I1: ack of {:?} before it is durable", head.id)
                });
                let both = !matches!(&head.to, Address::User(to) if !has(durable, to, head.id));
                self.check(both && has(durable, &head.from.user, head.id), || {
                    format!("I3: ack of {:?}, which is not in both mailboxes", head.id)
                });
                if let Some(name) = client_ref {
                    let first =
                        *self.acked.entry((device.clone(), name.clone())).or_insert((head.id, *offset));
                    self.check(first == (head.id, *offset), || format!("I2: {device} {name}: another ack"));
                }
            }
            ServerPacket::Floor(Floor::Ended { head }) => {
                self.check(is_durable(durable, head), || {
                    format!("I1: end of talk {:?} not durable", head.id)
                });
            }
            ServerPacket::Noted(Noted::Disposed(upto)) => {
                let Ok(cursor) = durable.cursor(device);
                self.check(cursor >= *upto, || format!("I1: {device}: disposal of {upto} not durable"));
            }
            ServerPacket::Deliver(row) => self.row_leaves(device, row.offset, &row.entry, durable),
            ServerPacket::Talk(Talk { to: Address::Group(group), from, .. }) => {
                for user in [&device.user, from] {
                    let Ok(membership) = durable.membership(group, user);
                    self.check(membership.is_member(), || {
                        format!("I9: {device} hears {from} in {group}, where {user} is a stranger")
                    });
                }
            }
            _ => {}
        }
    }

    fn row_leaves(&mut self, device: &Device, offset: Offset, entry: &Entry, durable: &Book) {
        let stored = durable.page(&device.user, Offset(offset.0 - 1), 1, u64::MAX);
        let same = stored.first().is_some_and(|(at, stored)| *at == offset && **stored == *entry);
        self.check(same, || format!("I5: {device} is shown row {offset}, which is not durable there"));
        let theirs = match entry {
            Entry::Message(message) => is_theirs(durable, &message.head, &device.user),
            Entry::Receipt(receipt) => {
                receipt.by.user == device.user
                    || receipt
                        .messages
                        .iter()
                        .all(|names| author(durable, names.id).is_some_and(|it| it == device.user))
            }
            _ => false,
        };
        self.check(theirs, || format!("I9: {device} is shown row {offset}, which is not theirs"));
    }

    /// Something became durable.
    pub fn synced(&mut self, devices: &[&Device], durable: &Book) {
        for device in devices {
            let (Ok(cursor), Ok(head)) = (durable.cursor(device), durable.mailbox_head(&device.user));
            let before = self.cursors.insert((*device).clone(), cursor).unwrap_or_default();
            self.check(before <= cursor && cursor <= head, || {
                format!("I6: {device}: {before} to {cursor} of {head}")
            });
        }
    }

    /// A message reaches an app.
    pub fn arrives(&mut self, device: &Device, entry: &Entry) {
        if let Entry::Message(message) = entry {
            // By the name the dialect carried: what else it carries, such as the stamp, may be less.
            let head = &message.head;
            let name = if head.id.is_none() { head.alias().to_string() } else { head.id.to_string() };
            self.reached.insert((device.user.clone(), name));
        }
    }

    // ---- at rest --------------------------------------------------------------------------------------

    /// The faults stopped long enough ago.
    pub fn at_rest(&mut self, rested: bool, durable: &Book, held: &[Held<'_>], fates: &[Fate]) {
        self.check(rested, || "I13: the world does not come to rest".to_owned());
        self.mailboxes(durable);
        self.drafts(durable, fates);
        self.receipts(durable, held);
        for device in held {
            if device.walkie { self.walkie(durable, device) } else { self.device(durable, device) }
        }
    }

    fn mailboxes(&mut self, durable: &Book) {
        let mut conversations = BTreeSet::new();
        let users: Vec<_> = durable.users().cloned().collect();
        for user in &users {
            let mut last = BTreeMap::new();
            for (place, (offset, entry)) in (1..).zip(all(durable, user)) {
                self.check(offset == Offset(place), || format!("I5: {user} has no row {place}"));
                let Entry::Message(message) = &*entry else { continue };
                let (head, conversation) = (&message.head, message.head.conversation());
                let before = last.insert(conversation.clone(), head.seq).unwrap_or_default();
                self.check(before < head.seq, || {
                    format!("I4: {user}: {conversation} out of order at {offset}")
                });
                self.check(is_theirs(durable, head, user), || format!("I9: {user} has {:?}", head.id));
                let mut parties = recipients(durable, head);
                parties.push(head.from.user.clone());
                for party in parties {
                    self.check(has(durable, &party, head.id), || {
                        format!("I3: {:?} is not with {party}", head.id)
                    });
                }
                conversations.insert(conversation);
            }
        }
        for conversation in conversations {
            self.conversation(durable, &conversation);
        }
    }

    fn conversation(&mut self, durable: &Book, id: &ConversationId) {
        let mut stamp = None;
        let messages: Vec<_> = durable.messages(id).map(|(seq, entry)| (seq, entry.clone())).collect();
        for (place, (seq, entry)) in (1..).zip(messages) {
            self.check(seq == Seq(place), || format!("I5: {id} has no message {place}"));
            let Entry::Message(message) = &*entry else { continue };
            self.check(stamp < Some(message.head.stamp), || {
                format!("I5: {id}: stamps do not rise at {place}")
            });
            stamp = Some(message.head.stamp);
        }
    }

    fn drafts(&mut self, durable: &Book, fates: &[Fate]) {
        let mut stored: BTreeMap<(Device, Vec<u8>), u32> = BTreeMap::new();
        let users: Vec<_> = durable.users().cloned().collect();
        for user in &users {
            for (_, entry) in all(durable, user) {
                let Entry::Message(message) = &*entry else { continue };
                if message.head.from.user == *user {
                    let key = (message.head.from.clone(), tag_of(&message.body.bytes));
                    *stored.entry(key).or_default() += 1;
                }
            }
        }
        for fate in fates {
            let count =
                stored.get(&(fate.device.clone(), fate.tag.clone().into_bytes())).copied().unwrap_or(0);
            let Fate { device, tag, sent, unsure, refused } = fate;
            self.check(count <= 1, || format!("I2: {device} {tag} is stored {count} times"));
            self.check(*sent <= 1, || format!("I2: {device} {tag} was reported sent {sent} times"));
            self.check(*sent == 0 || count == 1, || {
                format!("I1: {device} {tag} was acknowledged and is gone")
            });
            self.check(!refused || count == 0, || format!("I10: {device} {tag} was refused and is stored"));
            self.check(*sent == 1 || *unsure || *refused, || {
                format!("I13: {device} {tag} was never answered")
            });
        }
    }

    fn device(&mut self, durable: &Book, held: &Held<'_>) {
        let device = held.device;
        let shown = |entry: &Entry| match entry {
            Entry::Message(message) => message.head.from != *device,
            Entry::Receipt(receipt) => receipt.by != *device,
            _ => true,
        };
        let mailbox = all(durable, &device.user);
        let want: Vec<_> =
            mailbox.iter().filter(|(_, entry)| shown(entry)).map(|(at, it)| (*at, print(it))).collect();
        let have: Vec<_> = held.rows.iter().map(|(at, entry)| (*at, print(entry))).collect();
        self.check(want == have, || {
            let at = want.iter().zip(&have).position(|(want, have)| want != have);
            let at = at.unwrap_or_else(|| want.len().min(have.len()));
            format!(
                "I8: {device} holds {} rows of {}: {:?} for {:?}",
                have.len(),
                want.len(),
                have.get(at),
                want.get(at)
            )
        });
    }

    /// At least once, in the order of the first time.
    fn walkie(&mut self, durable: &Book, held: &Held<'_>) {
        let device = held.device;
        let mut want = Vec::new();
        for (_, entry) in all(durable, &device.user) {
            let Entry::Message(message) = &*entry else { continue };
            let heard = match &message.head.to {
                Address::Group(_) => message.head.from != *device,
                _ => message.head.from.user != device.user || message.head.is_to(&device.user),
            };
            if heard {
                want.push(message.head.alias().to_string());
            }
        }
        let mut have = Vec::new();
        for (_, entry) in &held.rows {
            let Entry::Message(message) = entry else { continue };
            let alias = message.head.alias().to_string();
            if !have.contains(&alias) {
                have.push(alias);
            }
        }
        self.check(want == have, || format!("I8: {device} heard {have:?} of {want:?}"));
    }

    fn receipts(&mut self, durable: &Book, held: &[Held<'_>]) {
        let mut told: BTreeMap<(UserId, MessageId, UserId), Vec<Status>> = BTreeMap::new();
        let users: Vec<_> = durable.users().cloned().collect();
        for user in &users {
            for (_, entry) in all(durable, user) {
                let Entry::Receipt(receipt) = &*entry else { continue };
                for names in &receipt.messages {
                    let key = (user.clone(), names.id, receipt.by.user.clone());
                    told.entry(key).or_default().push(receipt.status);
                    let alias = names.alias.as_ref().map(ToString::to_string).unwrap_or_default();
                    let reached = |name| self.reached.contains(&(receipt.by.user.clone(), name));
                    let caused = reached(names.id.to_string()) || reached(alias);
                    self.check(caused, || {
                        format!("I7: receipt for {:?}, which {} never got", names.id, receipt.by)
                    });
                }
            }
        }
        for ((user, id, by), statuses) in &told {
            let rank =
                |status: &Status| matches!(status, Status::Delivered | Status::Read).then_some(*status);
            let ranks: Vec<_> = statuses.iter().filter_map(rank).collect();
            let once = statuses.iter().collect::<BTreeSet<_>>().len() == statuses.len();
            let rising = once && ranks.is_sorted();
            self.check(rising, || format!("I7: {user} is told of {id:?} by {by}: {statuses:?}"));
        }
        for head in messages(durable) {
            for to in recipients(durable, &head) {
                let stored = |it: &Held<'_>| !it.walkie && it.device.user == to && it.device != &head.from;
                let known = told.contains_key(&(head.from.user.clone(), head.id, to.clone()));
                self.check(known || !held.iter().any(stored), || {
                    format!("I7: the author of {:?} is not told that {to} has it", head.id)
                });
                let Ok(marks) = durable.marks(head.id.sequence(), &to);
                for author in [&head.from.user, &to] {
                    let statuses = told.get(&(author.clone(), head.id, to.clone()));
                    let read = statuses.is_some_and(|it| it.contains(&Status::Read));
                    self.check(read == marks.has(Status::Read), || {
                        format!("I7: {author} and the mark on {:?}", head.id)
                    });
                }
            }
        }
    }
}

fn all(durable: &Book, user: &UserId) -> Vec<(Offset, std::sync::Arc<Entry>)> {
    durable.page(user, Offset::ZERO, u32::MAX, u64::MAX)
}

fn messages(durable: &Book) -> Vec<Head> {
    let mut heads = Vec::new();
    for user in durable.users() {
        for (_, entry) in all(durable, user) {
            if let Entry::Message(message) = &*entry
                && message.head.from.user == *user
            {
                heads.push(message.head.clone());
            }
        }
    }
    heads
}

/// Everybody it was for. The small groups of a simulated world tell their authors of every member.
fn recipients(durable: &Book, head: &Head) -> Vec<UserId> {
    match &head.to {
        Address::User(to) => vec![to.clone()],
        Address::Group(group) => {
            let members = durable.everybody_ever_in(group);
            let saw = members.filter(|(user, it)| **user != head.from.user && it.saw(head.seq));
            saw.map(|(user, _)| user.clone()).collect()
        }
        _ => Vec::new(),
    }
}

fn is_theirs(durable: &Book, head: &Head, user: &UserId) -> bool {
    head.from.user == *user || recipients(durable, head).contains(user)
}

fn is_durable(durable: &Book, head: &Head) -> bool {
    let Ok(entry) = durable.entry(head.id.sequence());
    matches!(entry.as_deref(), Some(Entry::Message(message)) if message.head == *head)
}

fn has(durable: &Book, user: &UserId, id: MessageId) -> bool {
    all(durable, user)
        .iter()
        .any(|(_, entry)| matches!(&**entry, Entry::Message(message) if message.head.id == id))
}

fn author(durable: &Book, id: MessageId) -> Option<UserId> {
    let Ok(entry) = durable.entry(id.sequence());
    match entry.as_deref() {
        Some(Entry::Message(message)) => Some(message.head.from.user.clone()),
        _ => None,
    }
}

/// A row as it can be told apart in any dialect that numbers its rows.
fn print(entry: &Entry) -> String {
    match entry {
        Entry::Message(message) => format!("{:?}", message.head.id),
        Entry::Receipt(receipt) => {
            let ids: Vec<_> = receipt.messages.iter().map(|names| names.id).collect();
            format!("{} {:?} {ids:?}", receipt.by.user, receipt.status)
        }
        _ => String::new(),
    }
}

/// The `<…>` that the world puts into every text, whatever a dialect wraps around it.
fn tag_of(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte == b'<');
    let end = bytes.iter().position(|byte| *byte == b'>');
    match (start, end) {
        (Some(start), Some(end)) if start < end => bytes[start..=end].to_vec(),
        _ => Vec::new(),
    }
}
