//! What settling reads: the memory of the commit thread, and behind it the engine.

use std::cell::RefCell;
use std::sync::Arc;

use bimip_proto::{
    ConversationId, Device, DeviceName, Emoji, Entry, GroupId, GroupProfile, Offset, PushToken, Saved, Seq,
    UnixMs, UserId,
};
use bimip_session::ledger::{
    ConversationHead, EachMember, GroupHead, Known, Listed, Marked, Membership, PutKey, Revised, Standing,
    Stretch, Tally, UserHead, View,
};

use super::memo::{Memo, OfConversation, OfDevice, OfUser};
use super::names::{ConversationNo, UserNo};
use super::rows::Rows;
use crate::storage::StorageError;

/// The store before a batch, for the one thread that writes.
pub(super) struct BatchView<'e> {
    rows: Rows<'e>,
    memo: RefCell<&'e mut Memo>,
    last_sequence: u64,
}

impl<'e> BatchView<'e> {
    pub(super) const fn new(rows: Rows<'e>, memo: &'e mut Memo, last_sequence: u64) -> Self {
        Self { rows, memo: RefCell::new(memo), last_sequence }
    }

    /// For the writer, which goes on with the same memory and the same moment.
    pub(super) fn into_parts(self) -> (Rows<'e>, &'e mut Memo) {
        (self.rows, self.memo.into_inner())
    }

    fn user_no(&self, user: &UserId) -> Result<Option<UserNo>, StorageError> {
        Ok(self.memo.borrow_mut().user(user, &self.rows)?.map(|user| user.no))
    }

    fn conversation_no(&self, id: &ConversationId) -> Result<Option<ConversationNo>, StorageError> {
        Ok(self.memo.borrow_mut().conversation(id, &self.rows)?.map(|conversation| conversation.no))
    }
}

impl View for BatchView<'_> {
    type Error = StorageError;

    fn epoch(&self) -> u32 {
        self.rows.engine().epoch
    }

    fn last_sequence(&self) -> Result<u64, StorageError> {
        Ok(self.last_sequence)
    }

    fn mailbox_head(&self, user: &UserId) -> Result<Offset, StorageError> {
        let mut memo = self.memo.borrow_mut();
        let Some(known) = memo.user(user, &self.rows)? else { return Ok(Offset::ZERO) };
        if let Some(head) = known.head {
            return Ok(head);
        }
        let head = self.rows.mailbox_head(known.no, u64::MAX, Offset(u64::MAX))?;
        memo.set_user(user, OfUser { head: Some(head), ..known });
        Ok(head)
    }

    fn conversation(&self, id: &ConversationId) -> Result<ConversationHead, StorageError> {
        let mut memo = self.memo.borrow_mut();
        let Some(known) = memo.conversation(id, &self.rows)? else {
            return Ok(ConversationHead::default());
        };
        if let Some(head) = known.head {
            return Ok(head);
        }
        let (seq, stamp) = self.rows.history_head(known.no)?.unwrap_or_default();
        // Stamps rise, so the later of the two is the last.
        let head = ConversationHead { seq, stamp: stamp.max(self.rows.stamp(known.no)?) };
        memo.set_conversation(id, OfConversation { head: Some(head), ..known });
        Ok(head)
    }

    fn known(&self, key: &PutKey) -> Result<Option<Known>, StorageError> {
        let mut memo = self.memo.borrow_mut();
        let Some(device) = memo.device(&key.device, &self.rows)? else { return Ok(None) };
        self.rows.known(device.no, &key.client_ref)
    }

    fn entry(&self, sequence: u64) -> Result<Option<Arc<Entry>>, StorageError> {
        if let Some(entry) = self.memo.borrow().tail.get(sequence) {
            return Ok(Some(entry));
        }
        if sequence > self.last_sequence {
            return Ok(None);
        }
        self.rows.entry(sequence)
    }

    /// Stamps rise with the seq, and receipts are mostly about the last messages: in growing steps back from the
    /// end until the stamp is behind, then by halving.
    fn sequence_at(&self, id: &ConversationId, stamp: UnixMs) -> Result<Option<u64>, StorageError> {
        let Some(conversation) = self.conversation_no(id)? else { return Ok(None) };
        let mut high = self.conversation(id)?.seq.0;
        let (mut low, mut step) = (high, 1);
        while low > 1 && self.rows.history(conversation, Seq(low))?.0 > stamp {
            high = low - 1;
            low = high.saturating_sub(step).max(1);
            step *= 2;
        }
        while low <= high && high > 0 {
            let middle = low.midpoint(high);
            let (found, sequence) = self.rows.history(conversation, Seq(middle))?;
            if found == stamp {
                return Ok(Some(sequence));
            }
            if found < stamp {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        Ok(None)
    }

    fn sequence_of(&self, id: &ConversationId, seq: Seq) -> Result<Option<u64>, StorageError> {
        let Some(conversation) = self.conversation_no(id)? else { return Ok(None) };
        // Beyond the end there is nothing to read, and that is no damage.
        if seq == Seq(0) || seq > self.conversation(id)?.seq {
            return Ok(None);
        }
        self.rows.history(conversation, seq).map(|(_, sequence)| Some(sequence))
    }

    fn revised(&self, sequence: u64) -> Result<Revised, StorageError> {
        self.rows.revised(sequence)
    }

    fn marked(&self, sequence: u64, user: &UserId) -> Result<Marked, StorageError> {
        self.user_no(user)?.map_or_else(|| Ok(Marked::default()), |user| self.rows.marked(sequence, user))
    }

    /// Read when it is asked for: only marks and questions ask, and no message does.
    fn read_upto(&self, id: &ConversationId, user: &UserId) -> Result<Seq, StorageError> {
        let Some((conversation, user)) = self.conversation_no(id)?.zip(self.user_no(user)?) else {
            return Ok(Seq(0));
        };
        self.rows.read_upto(conversation, user)
    }

    fn peers(
        &self,
        user: &UserId,
        each: &mut dyn FnMut(&UserId) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let Some(user) = self.user_no(user)? else { return Ok(()) };
        for peer in self.rows.all_contacts(user) {
            each(&peer?)?;
        }
        Ok(())
    }

    fn cursor(&self, device: &Device) -> Result<Offset, StorageError> {
        let mut memo = self.memo.borrow_mut();
        let Some(known) = memo.device(device, &self.rows)? else { return Ok(Offset::ZERO) };
        if let Some(cursor) = known.cursor {
            return Ok(cursor);
        }
        let cursor = self.rows.cursor(known.no)?;
        memo.set_device(device, OfDevice { cursor: Some(cursor), ..known });
        Ok(cursor)
    }

    /// Read when it is asked for, like the lists behind it: only questions ask.
    fn row(&self, user: &UserId, offset: Offset) -> Result<Option<u64>, StorageError> {
        self.user_no(user)?.map_or(Ok(None), |user| self.rows.row(user, offset))
    }

    fn devices(&self, user: &UserId, most: usize) -> Result<Vec<(DeviceName, Offset)>, StorageError> {
        self.user_no(user)?.map_or_else(|| Ok(Vec::new()), |user| self.rows.cursors(user, most))
    }

    fn group(&self, group: &GroupId) -> Result<Option<GroupHead>, StorageError> {
        self.memo.borrow_mut().group(group, &self.rows)
    }

    /// Read when it is asked for: only changes of a group ask, and no message does.
    fn group_profile(&self, group: &GroupId) -> Result<Arc<GroupProfile>, StorageError> {
        let no = self.conversation_no(&ConversationId::Group(group.clone()))?;
        no.map_or_else(|| Ok(Arc::default()), |no| self.rows.group_profile(no))
    }

    fn membership(&self, group: &GroupId, user: &UserId) -> Result<Membership, StorageError> {
        self.memo.borrow_mut().membership(group, user, &self.rows)
    }

    fn members(&self, group: &GroupId) -> Result<Arc<[UserId]>, StorageError> {
        self.memo.borrow_mut().members(group, &self.rows)
    }

    /// Read when it is asked for: no commit asks.
    fn contacts(&self, user: &UserId) -> Result<Vec<UserId>, StorageError> {
        self.user_no(user)?.map_or_else(|| Ok(Vec::new()), |user| self.rows.contacts(user))
    }

    fn memberships(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        each: EachMember<'_, StorageError>,
    ) -> Result<(), StorageError> {
        let Some(no) = self.conversation_no(&ConversationId::Group(group.clone()))? else { return Ok(()) };
        let Some(after) = after else { return self.rows.memberships(no, None, each) };
        match self.user_no(after)? {
            Some(after) if self.rows.membership(no, after)?.is_some() => {
                self.rows.memberships(no, Some(after), each)
            }
            _ => Ok(()),
        }
    }

    fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, StorageError> {
        Ok(self.memo.borrow_mut().groups_of(user, &self.rows)?.to_vec())
    }

    fn feed_head(&self, group: &GroupId) -> Result<Option<u64>, StorageError> {
        self.memo.borrow_mut().feed_head(group, &self.rows)
    }

    fn fed(&self, group: &GroupId, place: u64) -> Result<Option<u64>, StorageError> {
        self.memo.borrow_mut().fed(group, place, &self.rows)
    }

    fn pulls_of(&self, user: &UserId) -> Result<Vec<(GroupId, Vec<Stretch>)>, StorageError> {
        Ok(self.memo.borrow_mut().pulls_of(user, &self.rows)?.to_vec())
    }

    /// Read when it is asked for: only decisions about an account ask, and no message does.
    fn standing(&self, user: &UserId) -> Result<Arc<Standing>, StorageError> {
        self.user_no(user)?.map_or_else(|| Ok(Arc::default()), |user| self.rows.standing(user))
    }

    fn push_tokens(&self, user: &UserId) -> Result<Vec<(DeviceName, PushToken)>, StorageError> {
        self.user_no(user)?.map_or_else(|| Ok(Vec::new()), |user| self.rows.push_tokens(user))
    }

    /// Read when it is asked for, as marks are.
    fn tally(&self, sequence: u64) -> Result<Arc<Tally>, StorageError> {
        self.rows.tally(sequence)
    }

    fn reacted(&self, sequence: u64, user: &UserId) -> Result<Vec<Emoji>, StorageError> {
        self.user_no(user)?.map_or_else(|| Ok(Vec::new()), |user| self.rows.reacted(sequence, user))
    }

    /// Read when it is asked for, as all that follows but who is blocked: only what users do about themselves asks, and
    /// questions.
    fn user_head(&self, user: &UserId) -> Result<UserHead, StorageError> {
        self.user_no(user)?.map_or_else(|| Ok(UserHead::default()), |user| self.rows.user_head(user))
    }

    fn saved(&self, user: &UserId, other: &UserId) -> Result<Option<Arc<str>>, StorageError> {
        self.user_no(user)?.map_or(Ok(None), |user| self.rows.saved(user, other))
    }

    fn address_book(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        rows: usize,
    ) -> Result<Vec<Saved>, StorageError> {
        let Some(user) = self.user_no(user)? else { return Ok(Vec::new()) };
        self.rows.address_book(user, after).take(rows).collect()
    }

    /// Remembered with the conversation of the two, since every message between them asks.
    fn has_blocked(&self, user: &UserId, other: &UserId) -> Result<bool, StorageError> {
        if let Some(blocked) = self.memo.borrow_mut().has_blocked(user, other) {
            return Ok(blocked);
        }
        let Some(no) = self.user_no(user)? else { return Ok(false) };
        let blocked = self.rows.has_blocked(no, other)?;
        self.memo.borrow_mut().set_blocked(user, other, blocked);
        Ok(blocked)
    }

    fn blocked(&self, user: &UserId) -> Result<Vec<UserId>, StorageError> {
        self.user_no(user)?.map_or_else(|| Ok(Vec::new()), |user| self.rows.blocked(user))
    }

    fn last_seen(&self, user: &UserId) -> Result<UnixMs, StorageError> {
        self.user_no(user)?.map_or(Ok(UnixMs(0)), |user| self.rows.last_seen(user))
    }

    fn listed(&self, user: &UserId) -> Result<Vec<(DeviceName, Listed)>, StorageError> {
        self.user_no(user)?.map_or_else(|| Ok(Vec::new()), |user| self.rows.listed(user))
    }
}

#[cfg(test)]
mod tests;
