//! A store in memory: the reference for every backend, and the disk of the simulator.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use bimip_proto::{
    ConversationId, Device, DeviceName, Emoji, Entry, GroupId, GroupProfile, Offset, PushToken, Saved, Seq,
    UnixMs, UserId, limits,
};

use super::feed::Stretch;
use super::group::{GroupHead, Membership};
use super::put::PutKey;
use super::rights::listens;
use super::standing::Standing;
use super::tally::Tally;
use super::user::{Listed, UserHead};
use super::view::{ConversationHead, EachMember, Known, Marked, Revised, View, Write, shown};
use crate::server::Attachment;

/// Everything a store holds, in ordered maps. It keeps nothing beyond the life of the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    epoch: u32,
    log: BTreeMap<u64, Arc<Entry>>,
    mailboxes: BTreeMap<UserId, BTreeMap<Offset, u64>>,
    history: BTreeMap<ConversationId, BTreeMap<Seq, (UnixMs, u64)>>,
    stamps: BTreeMap<ConversationId, UnixMs>,
    known: BTreeMap<PutKey, Known>,
    revised: BTreeMap<u64, Revised>,
    marks: BTreeMap<(u64, UserId), Marked>,
    read_upto: BTreeMap<(ConversationId, UserId), Seq>,
    cursors: BTreeMap<Device, Offset>,
    groups: BTreeMap<GroupId, GroupHead>,
    profiles: BTreeMap<GroupId, Arc<GroupProfile>>,
    memberships: BTreeMap<(GroupId, UserId), Membership>,
    members: BTreeMap<GroupId, BTreeSet<UserId>>,
    groups_of: BTreeMap<UserId, BTreeSet<GroupId>>,
    contacts: BTreeMap<UserId, BTreeSet<UserId>>,
    standings: BTreeMap<UserId, Arc<Standing>>,
    push_tokens: BTreeMap<Device, PushToken>,
    feeds: BTreeMap<GroupId, BTreeMap<u64, u64>>,
    pulls: BTreeMap<UserId, BTreeMap<GroupId, Vec<Stretch>>>,
    tallies: BTreeMap<u64, Arc<Tally>>,
    reacted: BTreeMap<(u64, UserId), Vec<Emoji>>,
    user_heads: BTreeMap<UserId, UserHead>,
    address_books: BTreeMap<UserId, BTreeMap<UserId, Arc<str>>>,
    blocked: BTreeMap<UserId, BTreeSet<UserId>>,
    last_seen: BTreeMap<UserId, UnixMs>,
    listed: BTreeMap<UserId, BTreeMap<DeviceName, Listed>>,
}

impl Book {
    /// An empty store with this epoch, which the caller draws at random; 0 is not an epoch and becomes 1.
    #[must_use]
    pub const fn new(epoch: u32) -> Self {
        Self {
            epoch: if epoch == 0 { 1 } else { epoch },
            log: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            history: BTreeMap::new(),
            stamps: BTreeMap::new(),
            known: BTreeMap::new(),
            revised: BTreeMap::new(),
            marks: BTreeMap::new(),
            read_upto: BTreeMap::new(),
            cursors: BTreeMap::new(),
            groups: BTreeMap::new(),
            profiles: BTreeMap::new(),
            memberships: BTreeMap::new(),
            members: BTreeMap::new(),
            groups_of: BTreeMap::new(),
            contacts: BTreeMap::new(),
            standings: BTreeMap::new(),
            push_tokens: BTreeMap::new(),
            feeds: BTreeMap::new(),
            pulls: BTreeMap::new(),
            tallies: BTreeMap::new(),
            reacted: BTreeMap::new(),
            user_heads: BTreeMap::new(),
            address_books: BTreeMap::new(),
            blocked: BTreeMap::new(),
            last_seen: BTreeMap::new(),
            listed: BTreeMap::new(),
        }
    }

    /// Applies the writes of a settled batch.
    pub fn apply(&mut self, writes: &[Write]) {
        for write in writes {
            self.apply_one(write);
        }
    }

    fn apply_one(&mut self, write: &Write) {
        match write {
            Write::Log { sequence, entry } => {
                self.log.insert(*sequence, Arc::clone(entry));
            }
            Write::Row { user, offset, sequence } => {
                self.mailboxes.entry(user.clone()).or_default().insert(*offset, *sequence);
            }
            Write::History { conversation, seq, stamp, sequence } => {
                self.history.entry(conversation.clone()).or_default().insert(*seq, (*stamp, *sequence));
                self.stamps.insert(conversation.clone(), *stamp);
            }
            Write::Stamp { conversation, stamp } => {
                self.stamps.insert(conversation.clone(), *stamp);
            }
            Write::Key { key, known } => {
                self.known.insert(key.clone(), *known);
            }
            Write::Revised { sequence, revised } => {
                self.revised.insert(*sequence, *revised);
            }
            Write::Marks { sequence, user, marked } => {
                self.marks.insert((*sequence, user.clone()), *marked);
            }
            Write::ReadUpto { conversation, user, seq } => {
                self.read_upto.insert((conversation.clone(), user.clone()), *seq);
            }
            Write::Cursor { device, offset } => {
                self.cursors.insert(device.clone(), *offset);
            }
            Write::Group { group, head } => {
                self.groups.insert(group.clone(), *head);
            }
            Write::GroupProfile { group, profile } => {
                self.profiles.insert(group.clone(), Arc::clone(profile));
            }
            Write::Member { group, user, membership } => {
                let members = self.members.entry(group.clone()).or_default();
                let groups = self.groups_of.entry(user.clone()).or_default();
                if membership.is_member() {
                    members.insert(user.clone());
                    groups.insert(group.clone());
                } else {
                    members.remove(user);
                    groups.remove(group);
                }
                self.memberships.insert((group.clone(), user.clone()), membership.clone());
            }
            Write::FeedOpened { group } => {
                self.feeds.entry(group.clone()).or_default();
            }
            Write::Feed { group, place, sequence } => {
                self.feeds.entry(group.clone()).or_default().insert(*place, *sequence);
            }
            Write::Pull { user, group, stretches } => {
                let pulls = self.pulls.entry(user.clone()).or_default();
                if stretches.is_empty() {
                    pulls.remove(group);
                } else {
                    pulls.insert(group.clone(), stretches.clone());
                }
            }
            Write::Contact { user, other } => {
                self.contacts.entry(user.clone()).or_default().insert(other.clone());
            }
            Write::Standing { user, standing } => {
                self.standings.insert(user.clone(), Arc::clone(standing));
            }
            Write::PushToken { device, token: Some(token) } => {
                self.push_tokens.insert(device.clone(), token.clone());
            }
            Write::PushToken { device, token: None } => {
                self.push_tokens.remove(device);
            }
            Write::Tally { sequence, tally } => {
                self.tallies.insert(*sequence, Arc::clone(tally));
            }
            Write::Reacted { sequence, user, emojis } if emojis.is_empty() => {
                self.reacted.remove(&(*sequence, user.clone()));
            }
            Write::Reacted { sequence, user, emojis } => {
                self.reacted.insert((*sequence, user.clone()), emojis.clone());
            }
            Write::UserHead { user, head } => {
                self.user_heads.insert(user.clone(), head.clone());
            }
            Write::Saved { user, other, name } => {
                let book = self.address_books.entry(user.clone()).or_default();
                match name {
                    Some(name) => book.insert(other.clone(), Arc::clone(name)),
                    None => book.remove(other),
                };
            }
            Write::Blocked { user, other, blocked } => {
                let all = self.blocked.entry(user.clone()).or_default();
                let _ = if *blocked { all.insert(other.clone()) } else { all.remove(other) };
            }
            Write::LastSeen { user, at } => {
                self.last_seen.insert(user.clone(), *at);
            }
            Write::Listed { device, listed } => {
                let all = self.listed.entry(device.user.clone()).or_default();
                match listed {
                    Some(listed) => all.insert(device.name.clone(), *listed),
                    None => all.remove(&device.name),
                };
            }
        }
    }

    /// The rows of a mailbox after `after`: at most `rows`, and no more than `bytes` of bodies unless the first
    /// row alone is larger.
    #[must_use]
    pub fn page(&self, user: &UserId, after: Offset, rows: u32, bytes: u64) -> Vec<(Offset, Arc<Entry>)> {
        let Some(mailbox) = self.mailboxes.get(user) else { return Vec::new() };
        let mut page = Vec::new();
        let mut weight = 0;
        for (offset, sequence) in mailbox.range(after.next()..).take(rows as usize) {
            let Some(entry) = self.log.get(sequence) else { break };
            let Ok(entry) = shown(entry, *sequence, self);
            weight += super::super::server::weight(&entry);
            if weight > bytes && !page.is_empty() {
                break;
            }
            page.push((*offset, entry));
        }
        page
    }

    /// The rows of a mailbox after `after` with the log entries that they refer to, as those were stored: also those of
    /// messages that are deleted.
    pub fn rows(&self, user: &UserId, after: Offset) -> impl Iterator<Item = (Offset, u64, &Arc<Entry>)> {
        let rows = self.mailboxes.get(user).into_iter().flat_map(move |rows| rows.range(after.next()..));
        rows.filter_map(|(offset, sequence)| Some((*offset, *sequence, self.log.get(sequence)?)))
    }

    /// The first row that a mailbox still has; the one after its last when it is empty.
    #[must_use]
    pub fn mailbox_first(&self, user: &UserId) -> Offset {
        let first = self.mailboxes.get(user).and_then(|mailbox| mailbox.keys().next().copied());
        first.unwrap_or(Offset(1))
    }

    /// Where a device stands: the answer to [`Output::Attach`](crate::server::Output::Attach).
    #[must_use]
    pub fn attach(&self, device: &Device) -> Attachment {
        let (Ok(cursor), Ok(head)) = (self.cursor(device), self.mailbox_head(&device.user));
        let Ok(sequence) = self.last_sequence();
        let (Ok(groups), Ok(standing)) = (self.groups_of(&device.user), self.standing(&device.user));
        let Ok(listens) = listens(self, &device.user, &groups);
        let Ok(blocked) = self.blocked(&device.user);
        Attachment {
            epoch: self.epoch,
            session: 0,
            cursor,
            first: self.mailbox_first(&device.user),
            head,
            sequence,
            groups,
            listens,
            standing,
            contacts: self.contacts(&device.user),
            behind: self.is_behind(&device.user),
            blocked: Arc::new(blocked.into_iter().collect()),
        }
    }

    fn is_behind(&self, user: &UserId) -> bool {
        self.pulls.get(user).into_iter().flatten().any(|(group, stretches)| {
            let Ok(head) = self.feed_head(group);
            stretches.iter().any(|stretch| stretch.has_more(head.unwrap_or(0)))
        })
    }

    /// Whom a user has a conversation of two with, in the order of their names, at most
    /// [`CONTACTS`](limits::CONTACTS): the answer to [`Output::Contacts`](crate::server::Output::Contacts).
    #[must_use]
    pub fn contacts(&self, user: &UserId) -> Vec<UserId> {
        self.contacts.get(user).into_iter().flatten().take(limits::CONTACTS).cloned().collect()
    }

    /// Everything that was ever said, in order.
    pub fn log(&self) -> impl Iterator<Item = (u64, &Arc<Entry>)> {
        self.log.iter().map(|(sequence, entry)| (*sequence, entry))
    }

    /// What was said after a log entry, in order.
    pub fn log_after(&self, sequence: u64) -> impl Iterator<Item = (u64, &Arc<Entry>)> {
        self.log.range(sequence.saturating_add(1)..).map(|(sequence, entry)| (*sequence, entry))
    }

    /// Whether a log entry has a place in the feed of a group.
    #[must_use]
    pub fn is_fed(&self, group: &GroupId, sequence: u64) -> bool {
        self.feeds.get(group).is_some_and(|feed| feed.values().rev().any(|it| *it == sequence))
    }

    /// Every user who has a mailbox.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.mailboxes.keys()
    }

    /// Every group.
    pub fn groups(&self) -> impl Iterator<Item = &GroupId> {
        self.groups.keys()
    }

    /// Everybody who is or was in a group.
    pub fn everybody_ever_in(&self, group: &GroupId) -> impl Iterator<Item = (&UserId, &Membership)> {
        let all = self.memberships.iter().filter(move |((of, _), _)| of == group);
        all.map(|((_, user), membership)| (user, membership))
    }

    /// The messages of a conversation as they were sent, in order.
    pub fn messages(&self, conversation: &ConversationId) -> impl Iterator<Item = (Seq, &Arc<Entry>)> {
        let history = self.history.get(conversation).into_iter().flatten();
        history.filter_map(|(seq, (_, sequence))| self.log.get(sequence).map(|entry| (*seq, entry)))
    }
}

impl View for Book {
    type Error = Infallible;

    fn epoch(&self) -> u32 {
        self.epoch
    }

    fn last_sequence(&self) -> Result<u64, Infallible> {
        Ok(self.log.keys().next_back().copied().unwrap_or(0))
    }

    fn mailbox_head(&self, user: &UserId) -> Result<Offset, Infallible> {
        let last = self.mailboxes.get(user).and_then(|mailbox| mailbox.keys().next_back().copied());
        Ok(last.unwrap_or(Offset::ZERO))
    }

    fn conversation(&self, conversation: &ConversationId) -> Result<ConversationHead, Infallible> {
        let last = self.history.get(conversation).and_then(|history| history.keys().next_back().copied());
        Ok(ConversationHead {
            seq: last.unwrap_or_default(),
            stamp: self.stamps.get(conversation).copied().unwrap_or_default(),
        })
    }

    fn known(&self, key: &PutKey) -> Result<Option<Known>, Infallible> {
        Ok(self.known.get(key).copied())
    }

    fn entry(&self, sequence: u64) -> Result<Option<Arc<Entry>>, Infallible> {
        Ok(self.log.get(&sequence).map(Arc::clone))
    }

    /// Stamps rise with the seq, so the place of one is found by halving.
    fn sequence_at(&self, conversation: &ConversationId, stamp: UnixMs) -> Result<Option<u64>, Infallible> {
        let Some(history) = self.history.get(conversation) else { return Ok(None) };
        let (mut low, mut high) = (1, history.keys().next_back().map_or(0, |seq| seq.0));
        while low <= high {
            let middle = low.midpoint(high);
            match history.get(&Seq(middle)) {
                Some((found, sequence)) if *found == stamp => return Ok(Some(*sequence)),
                Some((found, _)) if *found < stamp => low = middle + 1,
                Some(_) => high = middle - 1,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    fn sequence_of(&self, conversation: &ConversationId, seq: Seq) -> Result<Option<u64>, Infallible> {
        Ok(self
            .history
            .get(conversation)
            .and_then(|history| history.get(&seq))
            .map(|(_, sequence)| *sequence))
    }

    fn revised(&self, sequence: u64) -> Result<Revised, Infallible> {
        Ok(self.revised.get(&sequence).copied().unwrap_or_default())
    }

    fn marked(&self, sequence: u64, user: &UserId) -> Result<Marked, Infallible> {
        Ok(self.marks.get(&(sequence, user.clone())).copied().unwrap_or_default())
    }

    fn read_upto(&self, conversation: &ConversationId, user: &UserId) -> Result<Seq, Infallible> {
        Ok(self.read_upto.get(&(conversation.clone(), user.clone())).copied().unwrap_or_default())
    }

    fn peers(
        &self,
        user: &UserId,
        each: &mut dyn FnMut(&UserId) -> Result<(), Infallible>,
    ) -> Result<(), Infallible> {
        self.contacts.get(user).into_iter().flatten().try_for_each(each)
    }

    fn cursor(&self, device: &Device) -> Result<Offset, Infallible> {
        Ok(self.cursors.get(device).copied().unwrap_or_default())
    }

    fn row(&self, user: &UserId, offset: Offset) -> Result<Option<u64>, Infallible> {
        Ok(self.mailboxes.get(user).and_then(|mailbox| mailbox.get(&offset)).copied())
    }

    fn devices(&self, user: &UserId, most: usize) -> Result<Vec<(DeviceName, Offset)>, Infallible> {
        let all = self.cursors.iter().filter(|(device, _)| device.user == *user).take(most);
        Ok(all.map(|(device, cursor)| (device.name.clone(), *cursor)).collect())
    }

    fn group(&self, group: &GroupId) -> Result<Option<GroupHead>, Infallible> {
        Ok(self.groups.get(group).copied())
    }

    fn group_profile(&self, group: &GroupId) -> Result<Arc<GroupProfile>, Infallible> {
        Ok(self.profiles.get(group).map(Arc::clone).unwrap_or_default())
    }

    fn membership(&self, group: &GroupId, user: &UserId) -> Result<Membership, Infallible> {
        Ok(self.memberships.get(&(group.clone(), user.clone())).cloned().unwrap_or_default())
    }

    fn members(&self, group: &GroupId) -> Result<Arc<[UserId]>, Infallible> {
        Ok(self.members.get(group).into_iter().flatten().cloned().collect())
    }

    fn contacts(&self, user: &UserId) -> Result<Vec<UserId>, Infallible> {
        Ok(Self::contacts(self, user))
    }

    fn memberships(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        each: EachMember<'_, Infallible>,
    ) -> Result<(), Infallible> {
        if after.is_some_and(|after| !self.memberships.contains_key(&(group.clone(), after.clone()))) {
            return Ok(());
        }
        let all = self.everybody_ever_in(group);
        for (user, membership) in all.filter(|(user, _)| after.is_none_or(|after| *user > after)) {
            if !each(user, membership)? {
                break;
            }
        }
        Ok(())
    }

    fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, Infallible> {
        Ok(self.groups_of.get(user).into_iter().flatten().cloned().collect())
    }

    fn feed_head(&self, group: &GroupId) -> Result<Option<u64>, Infallible> {
        Ok(self.feeds.get(group).map(|feed| feed.keys().next_back().copied().unwrap_or(0)))
    }

    fn fed(&self, group: &GroupId, place: u64) -> Result<Option<u64>, Infallible> {
        Ok(self.feeds.get(group).and_then(|feed| feed.get(&place)).copied())
    }

    fn pulls_of(&self, user: &UserId) -> Result<Vec<(GroupId, Vec<Stretch>)>, Infallible> {
        let pulls = self.pulls.get(user).into_iter().flatten();
        Ok(pulls.map(|(group, stretches)| (group.clone(), stretches.clone())).collect())
    }

    fn standing(&self, user: &UserId) -> Result<Arc<Standing>, Infallible> {
        Ok(self.standings.get(user).map(Arc::clone).unwrap_or_default())
    }

    fn push_tokens(&self, user: &UserId) -> Result<Vec<(DeviceName, PushToken)>, Infallible> {
        let all = self.push_tokens.iter().filter(|(device, _)| device.user == *user);
        Ok(all.map(|(device, token)| (device.name.clone(), token.clone())).collect())
    }

    fn tally(&self, sequence: u64) -> Result<Arc<Tally>, Infallible> {
        Ok(self.tallies.get(&sequence).map(Arc::clone).unwrap_or_default())
    }

    fn reacted(&self, sequence: u64, user: &UserId) -> Result<Vec<Emoji>, Infallible> {
        Ok(self.reacted.get(&(sequence, user.clone())).cloned().unwrap_or_default())
    }

    fn user_head(&self, user: &UserId) -> Result<UserHead, Infallible> {
        Ok(self.user_heads.get(user).cloned().unwrap_or_default())
    }

    fn saved(&self, user: &UserId, other: &UserId) -> Result<Option<Arc<str>>, Infallible> {
        Ok(self.address_books.get(user).and_then(|book| book.get(other)).map(Arc::clone))
    }

    fn address_book(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        rows: usize,
    ) -> Result<Vec<Saved>, Infallible> {
        let book = self.address_books.get(user).into_iter().flatten();
        let page = book.filter(|(other, _)| after.is_none_or(|after| *other > after)).take(rows);
        Ok(page.map(|(user, name)| Saved { user: user.clone(), name: Arc::clone(name) }).collect())
    }

    fn has_blocked(&self, user: &UserId, other: &UserId) -> Result<bool, Infallible> {
        Ok(self.blocked.get(user).is_some_and(|blocked| blocked.contains(other)))
    }

    fn blocked(&self, user: &UserId) -> Result<Vec<UserId>, Infallible> {
        Ok(self.blocked.get(user).into_iter().flatten().cloned().collect())
    }

    fn last_seen(&self, user: &UserId) -> Result<UnixMs, Infallible> {
        Ok(self.last_seen.get(user).copied().unwrap_or_default())
    }

    fn listed(&self, user: &UserId) -> Result<Vec<(DeviceName, Listed)>, Infallible> {
        let all = self.listed.get(user).into_iter().flatten();
        Ok(all.map(|(name, listed)| (name.clone(), *listed)).collect())
    }
}
