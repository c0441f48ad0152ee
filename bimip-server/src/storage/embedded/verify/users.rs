//! What users keep: that it can be read, is somebody's and is bounded, and that address books have as many entries as
//! their owners count.

use bimip_proto::{UserId, limits};

use super::checker::Checker;
use crate::storage::embedded::keys::{self, Key};
use crate::storage::embedded::names::UserNo;
use crate::storage::embedded::rows::SHAPE;
use crate::storage::embedded::rows::users::{saved_name, user_head};

impl Checker<'_, '_> {
    pub(super) fn user_head(&mut self, key: &Key, bytes: &[u8], value: &[u8], user: UserNo) {
        let Ok(head) = user_head(value) else { return self.find(key, bytes, SHAPE) };
        let profile = &head.profile;
        let bounds = [
            ("display name", profile.name.len(), limits::USER_NAME_BYTES),
            ("text about the user", profile.about.len(), limits::USER_ABOUT_BYTES),
            ("picture", profile.avatar.len(), limits::AVATAR_BYTES),
        ];
        for (what, length, bound) in bounds {
            if length > bound {
                self.find(key, bytes, format!("its {what} has {length} bytes, and at most {bound} are kept"));
            }
        }
        self.of_somebody(key, bytes, user);
        if head.saved > 0 && self.rows.address_book(user, None).next().is_none() {
            let what = format!("it counts {} entries of the address book, and none is there", head.saved);
            self.find(key, bytes, what);
        }
    }

    pub(super) fn saved(&mut self, key: &Key, bytes: &[u8], value: &[u8], user: UserNo) {
        if self.saved.is_none_or(|(of, _)| of != user) {
            self.address_book_ends();
            self.of_somebody(key, bytes, user);
        }
        self.saved = Some((user, self.saved.map_or(1, |(_, count)| count + 1)));
        if saved_name(value).is_err() {
            self.find(key, bytes, SHAPE);
        }
    }

    /// All entries of an address book are read: its owner has to count the same.
    pub(super) fn address_book_ends(&mut self) {
        let Some((user, saved)) = self.saved.take() else { return };
        // One that cannot be read is found where it is read itself.
        let Ok(head) = self.rows.user_head(user) else { return };
        if head.saved != saved {
            let what = format!("it counts {} entries of the address book, and {saved} are there", head.saved);
            self.find(&Key::UserHead(user), &keys::user_head(user), what);
        }
    }

    pub(super) fn blocked(&mut self, key: &Key, bytes: &[u8], value: &[u8], user: UserNo, other: &UserId) {
        let before = self.blocked.filter(|(of, _)| *of == user).map_or(0, |(_, count)| count);
        self.blocked = Some((user, before + 1));
        if before == limits::BLOCKED_USERS {
            let bound = limits::BLOCKED_USERS;
            self.find(key, bytes, format!("the user has blocked more users than the {bound} that are kept"));
        }
        if !value.is_empty() {
            self.find(key, bytes, SHAPE);
        }
        if self.is_name(other, user) {
            self.find(key, bytes, "nobody blocks themselves");
        }
        self.of_somebody(key, bytes, user);
    }

    pub(super) fn last_seen(&mut self, key: &Key, bytes: &[u8], value: &[u8], user: UserNo) {
        if self.numbers::<1>(key, bytes, value).is_some() {
            self.of_somebody(key, bytes, user);
        }
    }

    pub(super) fn listed(&mut self, key: &Key, bytes: &[u8], value: &[u8], user: UserNo) {
        let before = self.listed.filter(|(of, _)| *of == user).map_or(0, |(_, count)| count);
        self.listed = Some((user, before + 1));
        if before == limits::LISTED_DEVICES {
            let bound = limits::LISTED_DEVICES;
            self.find(key, bytes, format!("the user has more devices than the {bound} that are listed"));
        }
        if self.numbers::<2>(key, bytes, value).is_some() {
            self.of_somebody(key, bytes, user);
        }
    }

    fn of_somebody(&mut self, key: &Key, bytes: &[u8], user: UserNo) {
        if !self.is_user(user) {
            self.find(key, bytes, "there is no such user");
        }
    }
}
