//! A view of a store that keeps what settling will ask for, and nothing that would make it slower with time.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use bimip_proto::{
    ConversationId, Device, DeviceName, Emoji, Entry, GroupId, GroupProfile, Offset, PushToken, Saved, Seq,
    UnixMs, UserId,
};
use bimip_session::ledger::{
    ConversationHead, EachMember, GroupHead, Known, Listed, Marked, Membership, PutKey, Revised, Standing,
    Stretch, Tally, UserHead, View, Write,
};

/// Log entries kept: far more than are in flight at once.
const ENTRIES: usize = 1 << 15;

/// Heads of everything, and a ring of the last log entries.
#[derive(Debug)]
pub(super) struct Shelf {
    sequence: u64,
    entries: Vec<Option<Arc<Entry>>>,
    mailboxes: HashMap<UserId, Offset>,
    conversations: HashMap<ConversationId, ConversationHead>,
    cursors: HashMap<Device, Offset>,
}

impl Shelf {
    pub(super) fn new() -> Self {
        Self {
            sequence: 0,
            entries: vec![None; ENTRIES],
            mailboxes: HashMap::new(),
            conversations: HashMap::new(),
            cursors: HashMap::new(),
        }
    }

    pub(super) fn apply(&mut self, writes: &[Write]) {
        for write in writes {
            match write {
                Write::Log { sequence, entry } => {
                    self.sequence = *sequence;
                    self.entries[place(*sequence)] = Some(Arc::clone(entry));
                }
                Write::Row { user, offset, .. } => {
                    self.mailboxes.insert(user.clone(), *offset);
                }
                Write::History { conversation, seq, stamp, .. } => {
                    let head = ConversationHead { seq: *seq, stamp: *stamp };
                    self.conversations.insert(conversation.clone(), head);
                }
                Write::Cursor { device, offset } => {
                    self.cursors.insert(device.clone(), *offset);
                }
                // Every key and every mark is new here.
                _ => {}
            }
        }
    }
}

fn place(sequence: u64) -> usize {
    usize::try_from(sequence).unwrap_or_default() % ENTRIES
}

impl View for Shelf {
    type Error = Infallible;

    fn epoch(&self) -> u32 {
        1
    }

    fn last_sequence(&self) -> Result<u64, Infallible> {
        Ok(self.sequence)
    }

    fn mailbox_head(&self, user: &UserId) -> Result<Offset, Infallible> {
        Ok(self.mailboxes.get(user).copied().unwrap_or_default())
    }

    fn conversation(&self, conversation: &ConversationId) -> Result<ConversationHead, Infallible> {
        Ok(self.conversations.get(conversation).copied().unwrap_or_default())
    }

    fn known(&self, _: &PutKey) -> Result<Option<Known>, Infallible> {
        Ok(None)
    }

    fn entry(&self, sequence: u64) -> Result<Option<Arc<Entry>>, Infallible> {
        Ok(self.entries[place(sequence)].clone())
    }

    fn sequence_of(&self, _: &ConversationId, _: Seq) -> Result<Option<u64>, Infallible> {
        Ok(None)
    }

    fn sequence_at(&self, _: &ConversationId, _: UnixMs) -> Result<Option<u64>, Infallible> {
        Ok(None)
    }

    fn revised(&self, _: u64) -> Result<Revised, Infallible> {
        Ok(Revised::default())
    }

    fn marked(&self, _: u64, _: &UserId) -> Result<Marked, Infallible> {
        Ok(Marked::default())
    }

    // The load is between two.
    fn group(&self, _: &GroupId) -> Result<Option<GroupHead>, Infallible> {
        Ok(None)
    }

    fn group_profile(&self, _: &GroupId) -> Result<Arc<GroupProfile>, Infallible> {
        Ok(Arc::default())
    }

    fn membership(&self, _: &GroupId, _: &UserId) -> Result<Membership, Infallible> {
        Ok(Membership::default())
    }

    fn contacts(&self, _: &UserId) -> Result<Vec<UserId>, Infallible> {
        Ok(Vec::new())
    }

    fn memberships(
        &self,
        _: &GroupId,
        _: Option<&UserId>,
        _: EachMember<'_, Infallible>,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    fn members(&self, _: &GroupId) -> Result<Arc<[UserId]>, Infallible> {
        Ok(Arc::from([]))
    }

    fn feed_head(&self, _: &GroupId) -> Result<Option<u64>, Infallible> {
        Ok(None)
    }

    fn fed(&self, _: &GroupId, _: u64) -> Result<Option<u64>, Infallible> {
        Ok(None)
    }

    fn pulls_of(&self, _: &UserId) -> Result<Vec<(GroupId, Vec<Stretch>)>, Infallible> {
        Ok(Vec::new())
    }

    fn groups_of(&self, _: &UserId) -> Result<Vec<GroupId>, Infallible> {
        Ok(Vec::new())
    }

    fn standing(&self, _: &UserId) -> Result<Arc<Standing>, Infallible> {
        Ok(Arc::default())
    }

    fn push_tokens(&self, _: &UserId) -> Result<Vec<(DeviceName, PushToken)>, Infallible> {
        Ok(Vec::new())
    }

    // Nobody asks what is stored.
    fn row(&self, _: &UserId, _: Offset) -> Result<Option<u64>, Infallible> {
        Ok(None)
    }

    fn devices(&self, _: &UserId, _: usize) -> Result<Vec<(DeviceName, Offset)>, Infallible> {
        Ok(Vec::new())
    }

    fn read_upto(&self, _: &ConversationId, _: &UserId) -> Result<Seq, Infallible> {
        Ok(Seq(0))
    }

    fn peers(
        &self,
        _: &UserId,
        _: &mut dyn FnMut(&UserId) -> Result<(), Infallible>,
    ) -> Result<(), Infallible> {
        Ok(())
    }

    // Nobody reacts.
    fn tally(&self, _: u64) -> Result<Arc<Tally>, Infallible> {
        Ok(Arc::default())
    }

    fn reacted(&self, _: u64, _: &UserId) -> Result<Vec<Emoji>, Infallible> {
        Ok(Vec::new())
    }

    fn cursor(&self, device: &Device) -> Result<Offset, Infallible> {
        Ok(self.cursors.get(device).copied().unwrap_or_default())
    }

    // Nobody keeps anything, and nobody is blocked.
    fn user_head(&self, _: &UserId) -> Result<UserHead, Infallible> {
        Ok(UserHead::default())
    }

    fn saved(&self, _: &UserId, _: &UserId) -> Result<Option<Arc<str>>, Infallible> {
        Ok(None)
    }

    fn address_book(&self, _: &UserId, _: Option<&UserId>, _: usize) -> Result<Vec<Saved>, Infallible> {
        Ok(Vec::new())
    }

    fn has_blocked(&self, _: &UserId, _: &UserId) -> Result<bool, Infallible> {
        Ok(false)
    }

    fn blocked(&self, _: &UserId) -> Result<Vec<UserId>, Infallible> {
        Ok(Vec::new())
    }

    fn last_seen(&self, _: &UserId) -> Result<UnixMs, Infallible> {
        Ok(UnixMs(0))
    }

    fn listed(&self, _: &UserId) -> Result<Vec<(DeviceName, Listed)>, Infallible> {
        Ok(Vec::new())
    }
}
