//! A view that sees what the batch has added so far.

mod user;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bimip_proto::{
    ConversationId, Device, DeviceName, Emoji, Entry, GroupId, GroupProfile, Marks, Offset, PushToken, Seq,
    UnixMs, UserId,
};

use self::user::Keeps;
use super::feed::Stretch;
use super::group::{GroupHead, Membership};
use super::put::PutKey;
use super::standing::Standing;
use super::tally::Tally;
use super::view::{ConversationHead, Known, Marked, Revised, View, Write};

/// The storage's view with the batch's own writes on top, and the list of those writes.
pub(super) struct Overlay<'v, V: View> {
    view: &'v V,
    sequence: u64,
    mailboxes: BTreeMap<UserId, Offset>,
    conversations: BTreeMap<ConversationId, ConversationHead>,
    stamps: BTreeMap<(ConversationId, UnixMs), u64>,
    known: BTreeMap<PutKey, Known>,
    entries: BTreeMap<u64, Arc<Entry>>,
    revised: BTreeMap<u64, Revised>,
    marks: BTreeMap<(u64, UserId), Marked>,
    read_upto: BTreeMap<(ConversationId, UserId), Seq>,
    cursors: BTreeMap<Device, Offset>,
    groups: BTreeMap<GroupId, GroupHead>,
    profiles: BTreeMap<GroupId, Arc<GroupProfile>>,
    memberships: BTreeMap<(GroupId, UserId), Membership>,
    members: BTreeMap<GroupId, Arc<[UserId]>>,
    groups_of: BTreeMap<UserId, Vec<GroupId>>,
    standings: BTreeMap<UserId, Arc<Standing>>,
    /// In any order.
    push_tokens: BTreeMap<UserId, Vec<(DeviceName, PushToken)>>,
    feed_heads: BTreeMap<GroupId, u64>,
    fed: BTreeMap<(GroupId, u64), u64>,
    stretches: BTreeMap<(UserId, GroupId), Vec<Stretch>>,
    tallies: BTreeMap<u64, Arc<Tally>>,
    reacted: BTreeMap<(u64, UserId), Vec<Emoji>>,
    keeps: Keeps,
    writes: Vec<Write>,
}

impl<'v, V: View> Overlay<'v, V> {
    pub(super) fn new(view: &'v V) -> Result<Self, V::Error> {
        Ok(Self {
            view,
            sequence: view.last_sequence()?,
            mailboxes: BTreeMap::new(),
            conversations: BTreeMap::new(),
            stamps: BTreeMap::new(),
            known: BTreeMap::new(),
            entries: BTreeMap::new(),
            revised: BTreeMap::new(),
            marks: BTreeMap::new(),
            read_upto: BTreeMap::new(),
            cursors: BTreeMap::new(),
            groups: BTreeMap::new(),
            profiles: BTreeMap::new(),
            memberships: BTreeMap::new(),
            members: BTreeMap::new(),
            groups_of: BTreeMap::new(),
            standings: BTreeMap::new(),
            push_tokens: BTreeMap::new(),
            feed_heads: BTreeMap::new(),
            fed: BTreeMap::new(),
            stretches: BTreeMap::new(),
            tallies: BTreeMap::new(),
            reacted: BTreeMap::new(),
            keeps: Keeps::default(),
            writes: Vec::new(),
        })
    }

    /// The writes of the batch: what a batch may change several times, once each.
    pub(super) fn into_writes(mut self) -> Vec<Write> {
        let marks = self.marks.into_iter();
        self.writes.extend(marks.map(|((sequence, user), marked)| Write::Marks { sequence, user, marked }));
        let revised = self.revised.into_iter();
        self.writes.extend(revised.map(|(sequence, revised)| Write::Revised { sequence, revised }));
        self.writes.extend(self.read_upto.into_iter().map(|((conversation, user), seq)| Write::ReadUpto {
            conversation,
            user,
            seq,
        }));
        self.writes.extend(self.cursors.into_iter().map(|(device, offset)| Write::Cursor { device, offset }));
        self.writes.extend(self.groups.into_iter().map(|(group, head)| Write::Group { group, head }));
        let profiles = self.profiles.into_iter();
        self.writes.extend(profiles.map(|(group, profile)| Write::GroupProfile { group, profile }));
        let members = self.memberships.into_iter();
        self.writes.extend(members.map(|((group, user), membership)| Write::Member {
            group,
            user,
            membership,
        }));
        let stretches = self.stretches.into_iter();
        self.writes.extend(stretches.map(|((user, group), stretches)| Write::Pull {
            user,
            group,
            stretches,
        }));
        self.writes
            .extend(self.standings.into_iter().map(|(user, standing)| Write::Standing { user, standing }));
        self.keeps.into_writes(&mut self.writes);
        self.writes
            .extend(self.tallies.into_iter().map(|(sequence, tally)| Write::Tally { sequence, tally }));
        let reacted = self.reacted.into_iter();
        self.writes.extend(reacted.map(|((sequence, user), emojis)| Write::Reacted {
            sequence,
            user,
            emojis,
        }));
        self.writes
    }

    pub(super) fn epoch(&self) -> u32 {
        self.view.epoch()
    }

    pub(super) const fn next_sequence(&self) -> u64 {
        self.sequence + 1
    }

    pub(super) fn conversation(&self, id: &ConversationId) -> Result<ConversationHead, V::Error> {
        match self.conversations.get(id) {
            Some(head) => Ok(*head),
            None => self.view.conversation(id),
        }
    }

    pub(super) fn known(&self, key: &PutKey) -> Result<Option<Known>, V::Error> {
        match self.known.get(key) {
            Some(known) => Ok(Some(*known)),
            None => self.view.known(key),
        }
    }

    pub(super) fn entry(&self, sequence: u64) -> Result<Option<Arc<Entry>>, V::Error> {
        match self.entries.get(&sequence) {
            Some(entry) => Ok(Some(Arc::clone(entry))),
            None => self.view.entry(sequence),
        }
    }

    pub(super) fn sequence_at(&self, id: &ConversationId, stamp: UnixMs) -> Result<Option<u64>, V::Error> {
        match self.stamps.get(&(id.clone(), stamp)) {
            Some(sequence) => Ok(Some(*sequence)),
            None => self.view.sequence_at(id, stamp),
        }
    }

    /// Of the messages before this batch: nobody was told the place of one that is in it.
    pub(super) fn sequence_of(&self, id: &ConversationId, seq: Seq) -> Result<Option<u64>, V::Error> {
        self.view.sequence_of(id, seq)
    }

    pub(super) fn marked(&self, sequence: u64, user: &UserId) -> Result<Marked, V::Error> {
        match self.marks.get(&(sequence, user.clone())) {
            Some(marked) => Ok(*marked),
            None => self.view.marked(sequence, user),
        }
    }

    pub(super) fn marks(&self, sequence: u64, user: &UserId) -> Result<Marks, V::Error> {
        Ok(self.marked(sequence, user)?.marks)
    }

    pub(super) fn revised(&self, sequence: u64) -> Result<Revised, V::Error> {
        match self.revised.get(&sequence) {
            Some(revised) => Ok(*revised),
            None => self.view.revised(sequence),
        }
    }

    pub(super) fn revise(&mut self, sequence: u64, revised: Revised) {
        self.revised.insert(sequence, revised);
    }

    pub(super) fn tally(&self, sequence: u64) -> Result<Arc<Tally>, V::Error> {
        match self.tallies.get(&sequence) {
            Some(tally) => Ok(Arc::clone(tally)),
            None => self.view.tally(sequence),
        }
    }

    pub(super) fn reacted(&self, sequence: u64, user: &UserId) -> Result<Vec<Emoji>, V::Error> {
        match self.reacted.get(&(sequence, user.clone())) {
            Some(emojis) => Ok(emojis.clone()),
            None => self.view.reacted(sequence, user),
        }
    }

    /// The reactions to a message are these from now on, and this user's own of them those.
    pub(super) fn react(&mut self, sequence: u64, user: &UserId, tally: Arc<Tally>, own: Vec<Emoji>) {
        self.tallies.insert(sequence, tally);
        self.reacted.insert((sequence, user.clone()), own);
    }

    /// Appends an entry to the log under [`next_sequence`](Self::next_sequence).
    pub(super) fn log(&mut self, entry: Arc<Entry>) -> u64 {
        self.sequence += 1;
        self.entries.insert(self.sequence, Arc::clone(&entry));
        self.writes.push(Write::Log { sequence: self.sequence, entry });
        self.sequence
    }

    /// Appends a row to a mailbox and gives its offset.
    pub(super) fn row(&mut self, user: &UserId, sequence: u64) -> Result<Offset, V::Error> {
        let head = match self.mailboxes.get(user) {
            Some(head) => *head,
            None => self.view.mailbox_head(user)?,
        };
        let offset = head.next();
        self.mailboxes.insert(user.clone(), offset);
        self.writes.push(Write::Row { user: user.clone(), offset, sequence });
        Ok(offset)
    }

    pub(super) fn history(&mut self, id: ConversationId, head: ConversationHead, sequence: u64) {
        self.stamps.insert((id.clone(), head.stamp), sequence);
        self.conversations.insert(id.clone(), head);
        self.writes.push(Write::History { conversation: id, seq: head.seq, stamp: head.stamp, sequence });
    }

    pub(super) fn stamp(&mut self, id: ConversationId, head: ConversationHead) {
        self.conversations.insert(id.clone(), head);
        self.writes.push(Write::Stamp { conversation: id, stamp: head.stamp });
    }

    pub(super) fn key(&mut self, key: PutKey, known: Known) {
        self.known.insert(key.clone(), known);
        self.writes.push(Write::Key { key, known });
    }

    pub(super) fn mark(&mut self, sequence: u64, user: UserId, marked: Marked) {
        self.marks.insert((sequence, user), marked);
    }

    /// A user has read a conversation up to here.
    pub(super) fn read(&mut self, id: ConversationId, user: &UserId, seq: Seq) -> Result<(), V::Error> {
        let key = (id, user.clone());
        let before = match self.read_upto.get(&key) {
            Some(before) => *before,
            None => self.view.read_upto(&key.0, user)?,
        };
        if seq > before {
            self.read_upto.insert(key, seq);
        }
        Ok(())
    }

    /// A user has written the last message of a conversation, and so has read all of it.
    pub(super) fn wrote(&mut self, id: ConversationId, user: &UserId, seq: Seq) {
        self.read_upto.insert((id, user.clone()), seq);
    }

    /// Moves a cursor, never back, and only from `from` or beyond: whether it stood there.
    pub(super) fn cursor(&mut self, device: &Device, from: Offset, offset: Offset) -> Result<bool, V::Error> {
        let stands = match self.cursors.get(device) {
            Some(stands) => *stands,
            None => self.view.cursor(device)?,
        };
        if stands >= from && offset > stands {
            self.cursors.insert(device.clone(), offset);
        }
        Ok(stands >= from)
    }

    pub(super) fn group(&self, group: &GroupId) -> Result<Option<GroupHead>, V::Error> {
        match self.groups.get(group) {
            Some(head) => Ok(Some(*head)),
            None => self.view.group(group),
        }
    }

    pub(super) fn set_group(&mut self, group: GroupId, head: GroupHead) {
        self.groups.insert(group, head);
    }

    pub(super) fn membership(&self, group: &GroupId, user: &UserId) -> Result<Membership, V::Error> {
        match self.memberships.get(&(group.clone(), user.clone())) {
            Some(membership) => Ok(membership.clone()),
            None => self.view.membership(group, user),
        }
    }

    /// Notes a change that leaves the user where they were: in the group, or out of it.
    pub(super) fn set_membership(&mut self, group: GroupId, user: UserId, membership: Membership) {
        self.memberships.insert((group, user), membership);
    }

    pub(super) fn group_profile(&self, group: &GroupId) -> Result<Arc<GroupProfile>, V::Error> {
        match self.profiles.get(group) {
            Some(profile) => Ok(Arc::clone(profile)),
            None => self.view.group_profile(group),
        }
    }

    pub(super) fn set_group_profile(&mut self, group: GroupId, profile: Arc<GroupProfile>) {
        self.profiles.insert(group, profile);
    }

    /// Notes what users are to a group from now on: some came or went.
    pub(super) fn moved(
        &mut self,
        group: &GroupId,
        memberships: Vec<(UserId, Membership)>,
    ) -> Result<(), V::Error> {
        // Nobody asks for the list of members of a group that has a feed at every turn, and it may be very long.
        let mut members = match self.feed_head(group)? {
            None => Some(self.members(group)?.to_vec()),
            Some(_) => None,
        };
        for (user, membership) in memberships {
            let is_in = membership.is_member();
            if let Some(members) = &mut members {
                put_or_take(members, &user, is_in);
            }
            let mut groups = self.groups_of(&user)?;
            put_or_take(&mut groups, group, is_in);
            self.groups_of.insert(user.clone(), groups);
            self.set_membership(group.clone(), user, membership);
        }
        if let Some(members) = members {
            self.members.insert(group.clone(), members.into());
        }
        Ok(())
    }

    pub(super) fn members(&self, group: &GroupId) -> Result<Arc<[UserId]>, V::Error> {
        match self.members.get(group) {
            Some(members) => Ok(Arc::clone(members)),
            None => self.view.members(group),
        }
    }

    /// As [`members`](Self::members), also of a group that has a feed: whoever asks reads all of them.
    pub(super) fn everybody(&self, group: &GroupId) -> Result<Arc<[UserId]>, V::Error> {
        let members = self.members(group)?;
        if self.feed_head(group)?.is_none() {
            return Ok(members);
        }
        let mut all: BTreeSet<UserId> = members.iter().cloned().collect();
        for ((_, user), membership) in self.memberships.iter().filter(|((of, _), _)| of == group) {
            if membership.is_member() {
                all.insert(user.clone());
            } else {
                all.remove(user);
            }
        }
        Ok(all.into_iter().collect())
    }

    pub(super) fn feed_head(&self, group: &GroupId) -> Result<Option<u64>, V::Error> {
        match self.feed_heads.get(group) {
            Some(head) => Ok(Some(*head)),
            None => self.view.feed_head(group),
        }
    }

    /// A group has a feed from here on.
    pub(super) fn open_feed(&mut self, group: GroupId) {
        self.feed_heads.insert(group.clone(), 0);
        self.writes.push(Write::FeedOpened { group });
    }

    /// Appends a log entry to the feed of a group: whether it has one.
    pub(super) fn feed(&mut self, group: &GroupId, sequence: u64) -> Result<bool, V::Error> {
        let Some(head) = self.feed_head(group)? else { return Ok(false) };
        let place = head + 1;
        self.feed_heads.insert(group.clone(), place);
        self.fed.insert((group.clone(), place), sequence);
        self.writes.push(Write::Feed { group: group.clone(), place, sequence });
        Ok(true)
    }

    pub(super) fn fed(&self, group: &GroupId, place: u64) -> Result<Option<u64>, V::Error> {
        match self.fed.get(&(group.clone(), place)) {
            Some(sequence) => Ok(Some(*sequence)),
            None => self.view.fed(group, place),
        }
    }

    /// What of feeds is a user's and not in the mailbox yet. Some of it may be empty.
    pub(super) fn pulls_of(&self, user: &UserId) -> Result<BTreeMap<GroupId, Vec<Stretch>>, V::Error> {
        let mut pulls: BTreeMap<_, _> = self.view.pulls_of(user)?.into_iter().collect();
        let own = self.stretches.iter().filter(|((of, _), _)| of == user);
        pulls.extend(own.map(|((_, group), stretches)| (group.clone(), stretches.clone())));
        Ok(pulls)
    }

    pub(super) fn stretches(&self, user: &UserId, group: &GroupId) -> Result<Vec<Stretch>, V::Error> {
        match self.stretches.get(&(user.clone(), group.clone())) {
            Some(stretches) => Ok(stretches.clone()),
            None => {
                let all = self.view.pulls_of(user)?;
                Ok(all.into_iter().find(|(of, _)| of == group).map(|(_, it)| it).unwrap_or_default())
            }
        }
    }

    pub(super) fn set_stretches(
        &mut self,
        user: &UserId,
        group: &GroupId,
        stretches: Vec<Stretch>,
    ) -> Result<(), V::Error> {
        if self.stretches(user, group)? != stretches {
            self.note_stretches(user, group, stretches);
        }
        Ok(())
    }

    /// As [`set_stretches`](Self::set_stretches), of what is known to be news.
    pub(super) fn note_stretches(&mut self, user: &UserId, group: &GroupId, stretches: Vec<Stretch>) {
        self.stretches.insert((user.clone(), group.clone()), stretches);
    }

    /// Two users write to each other for the first time.
    pub(super) fn contact(&mut self, user: &UserId, other: &UserId) {
        self.writes.push(Write::Contact { user: user.clone(), other: other.clone() });
        self.writes.push(Write::Contact { user: other.clone(), other: user.clone() });
    }

    pub(super) fn standing(&self, user: &UserId) -> Result<Arc<Standing>, V::Error> {
        match self.standings.get(user) {
            Some(standing) => Ok(Arc::clone(standing)),
            None => self.view.standing(user),
        }
    }

    pub(super) fn set_standing(&mut self, user: UserId, standing: Arc<Standing>) -> Result<(), V::Error> {
        if *self.standing(&user)? != *standing {
            self.standings.insert(user, standing);
        }
        Ok(())
    }

    pub(super) fn push_tokens(&self, user: &UserId) -> Result<Vec<(DeviceName, PushToken)>, V::Error> {
        match self.push_tokens.get(user) {
            Some(tokens) => Ok(tokens.clone()),
            None => self.view.push_tokens(user),
        }
    }

    /// Notes where to push to for a device. Writes nothing where that is known already.
    pub(super) fn set_push_token(
        &mut self,
        device: Device,
        token: Option<PushToken>,
    ) -> Result<(), V::Error> {
        let token = token.map(|token| PushToken { id: None, ..token });
        let mut tokens = self.push_tokens(&device.user)?;
        let before = tokens.iter().position(|(name, _)| *name == device.name).map(|at| tokens.remove(at).1);
        if before == token {
            return Ok(());
        }
        tokens.extend(token.clone().map(|token| (device.name.clone(), token)));
        self.push_tokens.insert(device.user.clone(), tokens);
        self.writes.push(Write::PushToken { device, token });
        Ok(())
    }

    pub(super) fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, V::Error> {
        match self.groups_of.get(user) {
            Some(groups) => Ok(groups.clone()),
            None => self.view.groups_of(user),
        }
    }
}

/// Sees to it that something is in a sorted list, or is not.
fn put_or_take<T: Ord + Clone>(sorted: &mut Vec<T>, it: &T, is_in: bool) {
    match (sorted.binary_search(it), is_in) {
        (Err(at), true) => sorted.insert(at, it.clone()),
        (Ok(at), false) => {
            sorted.remove(at);
        }
        _ => {}
    }
}
