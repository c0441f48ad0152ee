//! What users keep: profiles, address books, blocks, when they were seen and with which devices.
//!
//! ```text
//! profile = edition u32, saved u32, name, about, avatar
//! book    = the owner's own name for the other one
//! block   = nothing
//! seen    = when u64
//! device  = first u64, last u64
//! ```
//!
//! Who is in an address book, who is blocked and which device it is, the key says. Who keeps nothing has no profile.

use std::sync::Arc;

use bimip_proto::{DeviceName, Saved, UnixMs, UserId, UserProfile, limits};
use bimip_session::ledger::{Listed, UserHead};
use fjall::{Readable, Slice};

use super::{CHECKSUM, Rows, SHAPE, numbers};
use crate::storage::StorageError;
use crate::storage::embedded::checksum::unseal;
use crate::storage::embedded::engine::damaged;
use crate::storage::embedded::fields::{Fields, Garbage, put_bytes, put_u32};
use crate::storage::embedded::keys::{self, Key};
use crate::storage::embedded::names::UserNo;

impl Rows<'_> {
    /// What a user keeps.
    pub(in super::super) fn user_head(&self, user: UserNo) -> Result<UserHead, StorageError> {
        let key = keys::user_head(user);
        let Some(sealed) = self.snapshot.get(&self.engine.small, key)? else {
            return Ok(UserHead::default());
        };
        let place = || Key::UserHead(user).to_string();
        let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
        user_head(value).map_err(|_| damaged(place(), SHAPE))
    }

    /// A user's own name for another one in the address book.
    pub(in super::super) fn saved(
        &self,
        user: UserNo,
        other: &UserId,
    ) -> Result<Option<Arc<str>>, StorageError> {
        let key = keys::saved(user, other);
        let Some(sealed) = self.snapshot.get(&self.engine.small, &key)? else { return Ok(None) };
        let place = || Key::Saved(user, other.clone()).to_string();
        let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
        saved_name(value).map(Some).map_err(|_| damaged(place(), SHAPE))
    }

    /// Entries of an address book, after this one, in the order of the ids.
    pub(in super::super) fn address_book(
        &self,
        user: UserNo,
        after: Option<&UserId>,
    ) -> impl Iterator<Item = Result<Saved, StorageError>> {
        let place = move || format!("the address book of user {}", user.0);
        let mut first = after.map_or_else(|| keys::address_book(user).to_vec(), |it| keys::saved(user, it));
        if after.is_some() {
            // The next key there can be. No id has such a byte, so that none is left out.
            first.push(0);
        }
        let end = keys::address_book(UserNo(user.0.saturating_add(1))).to_vec();
        self.snapshot.range(&self.engine.small, first..end).map(move |row| {
            let (key, sealed): (Slice, Slice) = row.into_inner()?;
            let Ok(Key::Saved(_, other)) = Key::read(&key) else { return Err(damaged(place(), SHAPE)) };
            let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
            Ok(Saved { user: other, name: saved_name(value).map_err(|_| damaged(place(), SHAPE))? })
        })
    }

    /// Whether a user has blocked another one.
    pub(in super::super) fn has_blocked(&self, user: UserNo, other: &UserId) -> Result<bool, StorageError> {
        let key = keys::blocked(user, other);
        let Some(sealed) = self.snapshot.get(&self.engine.small, &key)? else { return Ok(false) };
        let place = || Key::Blocked(user, other.clone()).to_string();
        match unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))? {
            [] => Ok(true),
            _ => Err(damaged(place(), SHAPE)),
        }
    }

    /// Everybody whom a user has blocked, in the order of their ids.
    pub(in super::super) fn blocked(&self, user: UserNo) -> Result<Vec<UserId>, StorageError> {
        let place = || format!("whom user {} has blocked", user.0);
        let mut blocked = Vec::new();
        for row in self.snapshot.prefix(&self.engine.small, keys::all_blocked(user)) {
            let (key, sealed): (Slice, Slice) = row.into_inner()?;
            let Ok(Key::Blocked(_, other)) = Key::read(&key) else { return Err(damaged(place(), SHAPE)) };
            unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
            blocked.push(other);
        }
        Ok(blocked)
    }

    /// When a user was last seen.
    pub(in super::super) fn last_seen(&self, user: UserNo) -> Result<UnixMs, StorageError> {
        let row = self.numbers(&keys::last_seen(user), || Key::LastSeen(user).to_string())?;
        Ok(row.map_or(UnixMs(0), |[at]| UnixMs(at)))
    }

    /// The devices of a user that are listed, by name.
    pub(in super::super) fn listed(&self, user: UserNo) -> Result<Vec<(DeviceName, Listed)>, StorageError> {
        let place = || format!("the devices of user {}", user.0);
        let mut devices = Vec::new();
        for row in self.snapshot.prefix(&self.engine.small, keys::all_listed(user)) {
            let (key, sealed): (Slice, Slice) = row.into_inner()?;
            let Ok(Key::Listed(_, name)) = Key::read(&key) else { return Err(damaged(place(), SHAPE)) };
            let [first, last] = numbers(&key, &sealed, place)?;
            devices.push((name, Listed { first: UnixMs(first), last: UnixMs(last) }));
        }
        Ok(devices)
    }
}

/// Appends what a user keeps.
pub(in super::super) fn put_user_head(value: &mut Vec<u8>, head: &UserHead) {
    let UserHead { edition, saved, profile } = head;
    put_u32(value, *edition);
    put_u32(value, *saved);
    for text in [&profile.name, &profile.about, &profile.avatar] {
        put_bytes(value, text.as_bytes());
    }
}

/// Reads what [`put_user_head`] wrote.
pub(in super::super) fn user_head(value: &[u8]) -> Result<UserHead, Garbage> {
    let mut fields = Fields::new(value);
    let (edition, saved) = (fields.u32()?, fields.u32()?);
    let profile = UserProfile {
        name: fields.text()?.into(),
        about: fields.text()?.into(),
        avatar: fields.text()?.into(),
    };
    fields.end()?;
    Ok(UserHead { edition, saved, profile: Arc::new(profile) })
}

/// The name in an entry of an address book.
pub(in super::super) fn saved_name(value: &[u8]) -> Result<Arc<str>, Garbage> {
    let name = str::from_utf8(value).map_err(|_| Garbage)?;
    if name.len() > limits::USER_NAME_BYTES { Err(Garbage) } else { Ok(name.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_keep_is_stored_and_so_never_changes() {
        let profile = UserProfile { name: "Ann".into(), about: "ü".into(), avatar: "".into() };
        let head = UserHead { edition: 2, saved: 258, profile: Arc::new(profile) };
        let mut value = Vec::new();
        put_user_head(&mut value, &head);
        assert_eq!(value, b"\0\0\0\x02\0\0\x01\x02\x03Ann\x02\xc3\xbc\0");
        assert_eq!(user_head(&value), Ok(head));
        for cut in 0..value.len() {
            assert_eq!(user_head(&value[..cut]), Err(Garbage), "cut at {cut}");
        }
        value.push(0);
        assert_eq!(user_head(&value), Err(Garbage), "something is left over");
    }

    #[test]
    fn a_name_in_an_address_book_is_text_and_not_long() {
        assert_eq!(saved_name("Björn".as_bytes()), Ok("Björn".into()));
        assert_eq!(saved_name(b""), Ok("".into()));
        assert_eq!(saved_name(b"\xff"), Err(Garbage));
        assert_eq!(saved_name(&[b'x'; limits::USER_NAME_BYTES + 1]), Err(Garbage));
    }
}
