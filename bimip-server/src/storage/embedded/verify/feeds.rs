//! Feeds of large groups: that their places are whole, and that what is to be pulled is of somebody and of a feed.

use bimip_proto::{Address, ConversationId, Entry};

use super::checker::Checker;
use crate::storage::embedded::keys::Key;
use crate::storage::embedded::names::{ConversationNo, UserNo};
use crate::storage::embedded::rows::SHAPE;
use crate::storage::embedded::rows::feeds::stretches;

impl Checker<'_, '_> {
    pub(super) fn fed(&mut self, key: &Key, bytes: &[u8], value: &[u8], group: ConversationNo, place: u64) {
        let Some([sequence]) = self.numbers(key, bytes, value) else { return };
        let before = self.feed.replace((group, place)).filter(|(of, _)| *of == group);
        if before.map_or(0, |(_, last)| last + 1) != place {
            self.find(key, bytes, "places before it are missing");
        }
        if place == 0 {
            if sequence != 0 {
                self.find(key, bytes, SHAPE);
            }
            if !self.is_group(group) {
                self.find(key, bytes, "there is no such group");
            }
            return;
        }
        let Some(entry) = Self::there(self.rows.entry(sequence)) else {
            return self.find(key, bytes, format!("there is no log record {sequence}"));
        };
        let of = match &*entry {
            Entry::Message(message) => message.head.conversation(),
            Entry::Revised(revision) => revision.conversation.clone(),
            Entry::Reacted(reaction) => reaction.conversation.clone(),
            Entry::Group(change) => ConversationId::Group(change.group.clone()),
            _ => {
                return self.find(
                    key,
                    bytes,
                    format!("log record {sequence} is nothing that is said in a group"),
                );
            }
        };
        if self.conversation(&of) != Some(group) {
            self.find(key, bytes, format!("log record {sequence} is of another conversation"));
        }
    }

    pub(super) fn pull(
        &mut self,
        key: &Key,
        bytes: &[u8],
        value: &[u8],
        user: UserNo,
        group: ConversationNo,
    ) {
        let Ok((stretches, name)) = stretches(value) else { return self.find(key, bytes, SHAPE) };
        if self.conversation(&ConversationId::Group(name.clone())) != Some(group) {
            self.find(key, bytes, format!("group {name} has another number"));
        }
        if !self.is_user(user) {
            self.find(key, bytes, "there is no such user");
        }
        let Ok(head) = self.rows.feed_head(group) else { return };
        let Some(head) = head else { return self.find(key, bytes, "the group has no feed") };
        if stretches.iter().any(|it| it.after > head || it.until.is_some_and(|until| until > head)) {
            self.find(key, bytes, format!("the feed ends at {head}"));
        }
        let member = self.rows.membership(group, user).is_ok_and(|it| it.is_some_and(|it| it.is_member()));
        if member != stretches.last().is_some_and(|it| it.until.is_none()) {
            self.find(key, bytes, "the membership says otherwise");
        }
    }

    /// Whether a record is of a group that has a feed: its rows come when their readers do.
    pub(super) fn is_fed(&self, sequence: u64) -> bool {
        let group = match Self::there(self.rows.entry(sequence)).as_deref() {
            Some(Entry::Message(message)) => match &message.head.to {
                Address::Group(group) => ConversationId::Group(group.clone()),
                _ => return false,
            },
            Some(Entry::Revised(revision)) => revision.conversation.clone(),
            Some(Entry::Reacted(reaction)) => reaction.conversation.clone(),
            Some(Entry::Group(change)) => ConversationId::Group(change.group.clone()),
            _ => return false,
        };
        let group = self.conversation(&group);
        group.is_some_and(|group| Self::there(self.rows.feed_head(group)).is_some())
    }
}
