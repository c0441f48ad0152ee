//! Accounts: that what users decided can be read and is bounded, and that contacts are those who have a conversation.

use bimip_proto::limits;

use super::checker::Checker;
use crate::storage::embedded::keys::{self, Key};
use crate::storage::embedded::names::{ConversationNo, UserNo};
use crate::storage::embedded::rows::SHAPE;
use crate::storage::embedded::rows::account::{contact, push_token, standing};

/// The first format that has contacts.
const CONTACTS_SINCE: u64 = 3;

impl Checker<'_, '_> {
    pub(super) fn standing(&mut self, key: &Key, bytes: &[u8], value: &[u8], user: UserNo) {
        let Ok(standing) = standing(value) else { return self.find(key, bytes, SHAPE) };
        let bounds = [
            ("devices", standing.devices.len(), limits::REVOKED_DEVICES),
            ("tokens", standing.tokens.len(), limits::REVOKED_TOKENS),
        ];
        for (what, count, bound) in bounds {
            if count > bound {
                self.find(key, bytes, format!("it has {count} {what}, and at most {bound} are kept"));
            }
        }
        if !self.is_user(user) {
            self.find(key, bytes, "there is no such user");
        }
    }

    pub(super) fn push_token(&mut self, key: &Key, bytes: &[u8], value: &[u8], user: UserNo) {
        let before = self.push_tokens.filter(|(of, _)| *of == user).map_or(0, |(_, count)| count);
        self.push_tokens = Some((user, before + 1));
        if before == limits::PUSH_TOKENS {
            let bound = limits::PUSH_TOKENS;
            self.find(key, bytes, format!("the user has more push tokens than the {bound} that are kept"));
        }
        if push_token(value).is_err() {
            self.find(key, bytes, SHAPE);
        }
        if !self.is_user(user) {
            self.find(key, bytes, "there is no such user");
        }
    }

    pub(super) fn contact(&mut self, key: &Key, bytes: &[u8], value: &[u8], user: UserNo, other: UserNo) {
        let Ok(name) = contact(value) else { return self.find(key, bytes, SHAPE) };
        if !self.is_name(&name, other) {
            self.find(key, bytes, format!("user {name} has another number"));
        }
        if !self.is_user(user) {
            self.find(key, bytes, "there is no such user");
        }
        if self.rows.has_small(&keys::contact(other, user)).is_ok_and(|there| !there) {
            self.find(key, bytes, "the user is no contact of this one");
        }
        let of = [(user, other), (other, user)].map(|(low, high)| Self::there(self.rows.direct(low, high)));
        if !of.into_iter().flatten().any(|conversation| self.has_messages(conversation)) {
            self.find(key, bytes, "the two have no conversation");
        }
    }

    /// Whoever has a conversation of two is a contact of the other.
    pub(super) fn has_contacts(
        &mut self,
        key: &Key,
        bytes: &[u8],
        users: &[UserNo],
        conversation: ConversationNo,
    ) {
        let &[low, high] = users else { return };
        if self.format < Some(CONTACTS_SINCE) || low == high || !self.has_messages(conversation) {
            return;
        }
        for contact in [keys::contact(low, high), keys::contact(high, low)] {
            if self.rows.has_small(&contact).is_ok_and(|there| !there) {
                self.find(key, bytes, "they wrote to each other, and are not contacts of each other");
                return;
            }
        }
    }

    fn has_messages(&self, conversation: ConversationNo) -> bool {
        // A message that cannot be read is there all the same.
        self.rows.first_message(conversation).map_or(true, |first| first.is_some())
    }
}
