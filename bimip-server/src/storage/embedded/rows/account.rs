//! Accounts: what users decided about them, where to push to, and with whom they have a conversation.
//!
//! Keys hold numbers, and a list is asked for by name, so the row of a contact is the name that its key stands for:
//!
//! ```text
//! standing   = flags, before, devices (name date)*, tokens (token until)*
//! push token = service, token
//! contact    = other
//! ```
//!
//! Of the flags only the lowest means something: hidden. What is there several times has its count before it, as a
//! length, and is in order. Whoever stands as everybody does at first has no row.

use std::collections::BTreeMap;
use std::sync::Arc;

use bimip_proto::{DeviceName, PushToken, TokenId, UnixMs, UserId, limits};
use bimip_session::ledger::Standing;
use bytes::Bytes;
use fjall::{Readable, Slice};

use super::{CHECKSUM, Rows, SHAPE};
use crate::storage::StorageError;
use crate::storage::embedded::checksum::unseal;
use crate::storage::embedded::engine::damaged;
use crate::storage::embedded::fields::{Fields, Garbage, put_bytes, put_length, put_u64};
use crate::storage::embedded::keys;
use crate::storage::embedded::names::UserNo;

/// Nobody is told what the user is doing.
const HIDDEN: u8 = 1;

impl Rows<'_> {
    /// What a user decided about their account.
    pub(in super::super) fn standing(&self, user: UserNo) -> Result<Arc<Standing>, StorageError> {
        let key = keys::standing(user);
        let Some(sealed) = self.snapshot.get(&self.engine.small, key)? else { return Ok(Arc::default()) };
        let place = || format!("the standing of user {}", user.0);
        let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
        standing(value).map(Arc::new).map_err(|_| damaged(place(), SHAPE))
    }

    /// Where to push to for the devices of a user, by name.
    pub(in super::super) fn push_tokens(
        &self,
        user: UserNo,
    ) -> Result<Vec<(DeviceName, PushToken)>, StorageError> {
        let mut tokens = Vec::new();
        for row in self.snapshot.prefix(&self.engine.small, keys::push_tokens(user)) {
            let (key, sealed): (Slice, Slice) = row.into_inner()?;
            let place = || format!("a push token of user {}", user.0);
            let Ok(keys::Key::PushToken(_, name)) = keys::Key::read(&key) else {
                return Err(damaged(place(), SHAPE));
            };
            let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
            tokens.push((name, push_token(value).map_err(|_| damaged(place(), SHAPE))?));
        }
        Ok(tokens)
    }

    /// Whom a user has a conversation of two with, by name: of more than [`CONTACTS`](limits::CONTACTS) those who
    /// were seen first.
    pub(in super::super) fn contacts(&self, user: UserNo) -> Result<Vec<UserId>, StorageError> {
        let mut contacts: Vec<_> =
            self.all_contacts(user).take(limits::CONTACTS).collect::<Result<_, _>>()?;
        contacts.sort_unstable();
        Ok(contacts)
    }

    /// Whom a user has a conversation of two with, those first who were seen first.
    pub(in super::super) fn all_contacts(
        &self,
        user: UserNo,
    ) -> impl Iterator<Item = Result<UserId, StorageError>> {
        self.snapshot.prefix(&self.engine.small, keys::contacts(user)).map(move |row| {
            let (key, sealed): (Slice, Slice) = row.into_inner()?;
            let place = || format!("a contact of user {}", user.0);
            let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
            contact(value).map_err(|_| damaged(place(), SHAPE))
        })
    }
}

/// Appends what a user decided.
pub(in super::super) fn put_standing(value: &mut Vec<u8>, standing: &Standing) {
    let Standing { hidden, revoked_before, devices, tokens } = standing;
    value.push(if *hidden { HIDDEN } else { 0 });
    put_u64(value, revoked_before.0);
    put_length(value, devices.len());
    for (name, date) in devices {
        put_bytes(value, name.as_str().as_bytes());
        put_u64(value, date.0);
    }
    put_length(value, tokens.len());
    for (token, until) in tokens {
        put_bytes(value, token.as_str().as_bytes());
        put_u64(value, until.0);
    }
}

/// Reads what [`put_standing`] wrote.
pub(in super::super) fn standing(value: &[u8]) -> Result<Standing, Garbage> {
    let mut fields = Fields::new(value);
    let hidden = match fields.u8()? {
        0 => false,
        HIDDEN => true,
        _ => return Err(Garbage),
    };
    let standing = Standing {
        hidden,
        revoked_before: UnixMs(fields.u64()?),
        devices: dates(&mut fields, DeviceName::new)?,
        tokens: dates(&mut fields, TokenId::new)?,
    };
    fields.end()?;
    Ok(standing)
}

/// Names with a date each, in order.
fn dates<K: Ord, E>(
    fields: &mut Fields<'_>,
    new: impl Fn(&str) -> Result<K, E>,
) -> Result<BTreeMap<K, UnixMs>, Garbage> {
    let mut dates = BTreeMap::new();
    for _ in 0..fields.length()? {
        let name = new(fields.text()?).map_err(|_| Garbage)?;
        if dates.last_key_value().is_some_and(|(last, _)| *last >= name) {
            return Err(Garbage);
        }
        dates.insert(name, UnixMs(fields.u64()?));
    }
    Ok(dates)
}

/// Appends where to push to; the name of the request is not kept.
pub(in super::super) fn put_push_token(value: &mut Vec<u8>, service: &str, token: &[u8]) {
    put_bytes(value, service.as_bytes());
    put_bytes(value, token);
}

/// Reads what [`put_push_token`] wrote.
pub(in super::super) fn push_token(value: &[u8]) -> Result<PushToken, Garbage> {
    let mut fields = Fields::new(value);
    let service = fields.text()?.to_owned();
    let token = Some(Bytes::copy_from_slice(fields.bytes()?));
    fields.end()?;
    Ok(PushToken { id: None, service, token })
}

/// The name in the row of a contact.
pub(in super::super) fn contact(value: &[u8]) -> Result<UserId, Garbage> {
    super::name(value, UserId::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided() -> Standing {
        let device = |name| DeviceName::new(name).unwrap();
        let token = |name| TokenId::new(name).unwrap();
        Standing {
            hidden: true,
            revoked_before: UnixMs(1),
            devices: [(device("b"), UnixMs(2)), (device("a"), UnixMs(3))].into(),
            tokens: [(token("t"), UnixMs(4))].into(),
        }
    }

    #[test]
    fn accounts_are_stored_and_so_never_change() {
        let mut value = Vec::new();
        put_standing(&mut value, &decided());
        let number = |number: u8| [0, 0, 0, 0, 0, 0, 0, number];
        let stored =
            [&[1], &number(1)[..], b"\x02\x01a", &number(3), b"\x01b", &number(2), b"\x01\x01t", &number(4)];
        assert_eq!(value, stored.concat());
        let mut value = Vec::new();
        put_push_token(&mut value, "fcm", b"\xff!");
        assert_eq!(value, b"\x03fcm\x02\xff!");
    }

    #[test]
    fn what_was_stored_is_read_back_and_nothing_else() {
        for expected in [Standing::default(), decided()] {
            let mut value = Vec::new();
            put_standing(&mut value, &expected);
            assert_eq!(standing(&value), Ok(expected));
            for cut in 0..value.len() {
                assert_eq!(standing(&value[..cut]), Err(Garbage), "cut at {cut}");
            }
            value.push(0);
            assert_eq!(standing(&value), Err(Garbage), "something is left over");
        }
        let number = [0; 8];
        assert_eq!(standing(&[&[2], &number[..], &[0, 0]].concat()), Err(Garbage), "an unknown flag");
        for names in [b"ba", b"aa"] {
            let devices = names.map(|name| [&[1, name], &number[..]].concat()).concat();
            let value = [&[0], &number[..], &[2], &devices, &[0]].concat();
            assert_eq!(standing(&value), Err(Garbage), "out of order, or twice");
        }
        let mut value = Vec::new();
        put_push_token(&mut value, "", b"");
        let empty = PushToken { id: None, service: String::new(), token: Some(Bytes::new()) };
        assert_eq!(push_token(&value), Ok(empty));
        assert_eq!((push_token(b"\x01\xff\0"), push_token(b"\0\0\0")), (Err(Garbage), Err(Garbage)));
        assert_eq!(contact(b"ann").unwrap().as_str(), "ann");
        assert_eq!((contact(b""), contact(b"\xff")), (Err(Garbage), Err(Garbage)));
    }
}
