//! Groups: heads, memberships, and the groups of a user.
//!
//! Keys hold numbers, and a list is asked for by name, so the rows that make a list end with the name that their
//! key stands for:
//!
//! ```text
//! head        = open (0 / 1), members                   two numbers
//! membership  = stays, delivered, read, (joined [left])*, user
//! group of    = group
//! ```
//!
//! `stays` is one byte: how many there are, and in the top bit whether the last of them lasts and so has no `left`.

use bimip_proto::{GroupId, Seq, UserId};
use bimip_session::ledger::{GroupHead, Membership, Stay};
use fjall::{Readable, Slice};

use super::{CHECKSUM, Rows, SHAPE, name};
use crate::storage::StorageError;
use crate::storage::embedded::checksum::unseal;
use crate::storage::embedded::engine::damaged;
use crate::storage::embedded::fields::{Fields, Garbage, put_u64};
use crate::storage::embedded::keys;
use crate::storage::embedded::names::{ConversationNo, UserNo};

/// In the byte that counts the stays: the last one has no end.
const LASTS: u8 = 0x80;

impl Rows<'_> {
    /// A group, by its conversation.
    pub(in super::super) fn group_head(
        &self,
        group: ConversationNo,
    ) -> Result<Option<GroupHead>, StorageError> {
        let place = || format!("group {}", group.0);
        match self.numbers(&keys::group_head(group), place)? {
            None => Ok(None),
            Some(numbers) => head(numbers).map(Some).ok_or_else(|| damaged(place(), SHAPE)),
        }
    }

    /// What is known about a user in a group.
    pub(in super::super) fn membership(
        &self,
        group: ConversationNo,
        user: UserNo,
    ) -> Result<Option<Membership>, StorageError> {
        let key = keys::member(group, user);
        let Some(sealed) = self.snapshot.get(&self.engine.small, key)? else { return Ok(None) };
        let place = || format!("user {} in group {}", user.0, group.0);
        let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
        let (membership, _) = membership(value).map_err(|_| damaged(place(), SHAPE))?;
        Ok(Some(membership))
    }

    /// Everybody who is in a group, by name.
    pub(in super::super) fn members(&self, group: ConversationNo) -> Result<Vec<UserId>, StorageError> {
        let all = keys::member(group, UserNo(0))..=keys::member(group, UserNo(u64::MAX));
        let mut members = Vec::new();
        for row in self.snapshot.range(&self.engine.small, all) {
            let (key, sealed): (Slice, Slice) = row.into_inner()?;
            let place = || format!("a member of group {}", group.0);
            let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
            let (membership, user) = membership(value).map_err(|_| damaged(place(), SHAPE))?;
            if membership.is_member() {
                members.push(user);
            }
        }
        members.sort_unstable();
        Ok(members)
    }

    /// The groups that a user is in, by name.
    pub(in super::super) fn groups_of(&self, user: UserNo) -> Result<Vec<GroupId>, StorageError> {
        let all = keys::group_of(user, ConversationNo(0))..=keys::group_of(user, ConversationNo(u64::MAX));
        let mut groups = Vec::new();
        for row in self.snapshot.range(&self.engine.small, all) {
            let (key, sealed): (Slice, Slice) = row.into_inner()?;
            let place = || format!("a group of user {}", user.0);
            let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
            groups.push(group_name(value).map_err(|_| damaged(place(), SHAPE))?);
        }
        groups.sort_unstable();
        Ok(groups)
    }
}

/// A head as it is stored.
pub(in super::super) fn head_numbers(head: GroupHead) -> [u64; 2] {
    [u64::from(head.open), u64::from(head.members)]
}

pub(in super::super) fn head([open, members]: [u64; 2]) -> Option<GroupHead> {
    let open = match open {
        0 => false,
        1 => true,
        _ => return None,
    };
    Some(GroupHead { open, members: u32::try_from(members).ok()? })
}

/// Appends a membership and whose it is.
pub(in super::super) fn put_membership(value: &mut Vec<u8>, membership: &Membership, user: &UserId) {
    let stays = membership.stays();
    let count = u8::try_from(stays.len()).unwrap_or(u8::MAX);
    debug_assert!(count < LASTS, "the ledger keeps few stays");
    value.push(count | if membership.is_member() { LASTS } else { 0 });
    put_u64(value, membership.delivered().0);
    put_u64(value, membership.read().0);
    for stay in stays {
        put_u64(value, stay.joined.0);
        if let Some(left) = stay.left {
            put_u64(value, left.0);
        }
    }
    value.extend_from_slice(user.as_str().as_bytes());
}

/// Reads what [`put_membership`] wrote.
pub(in super::super) fn membership(value: &[u8]) -> Result<(Membership, UserId), Garbage> {
    let mut fields = Fields::new(value);
    let stays = fields.u8()?;
    let (count, lasts) = (stays & !LASTS, stays & LASTS != 0);
    let (delivered, read) = (Seq(fields.u64()?), Seq(fields.u64()?));
    let mut stays = Vec::new();
    for number in 1..=count {
        let joined = Seq(fields.u64()?);
        let left = if lasts && number == count { None } else { Some(Seq(fields.u64()?)) };
        stays.push(Stay { joined, left });
    }
    if lasts && count == 0 {
        return Err(Garbage);
    }
    let user = name(fields.take(fields.left())?, UserId::new)?;
    Ok((Membership::restore(stays, delivered, read).ok_or(Garbage)?, user))
}

/// The name in a row of a user's groups.
pub(in super::super) fn group_name(value: &[u8]) -> Result<GroupId, Garbage> {
    name(value, GroupId::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(stays: &[Stay]) -> (Membership, Vec<u8>) {
        let membership = Membership::restore(stays.to_vec(), Seq(7), Seq(5)).unwrap();
        let mut value = Vec::new();
        put_membership(&mut value, &membership, &UserId::new("ann").unwrap());
        (membership, value)
    }

    #[test]
    fn memberships_are_stored_and_so_never_change() {
        let past = Stay { joined: Seq(1), left: Some(Seq(2)) };
        let now = Stay { joined: Seq(3), left: None };
        let (_, value) = stored(&[past, now]);
        let number = |number: u8| [0, 0, 0, 0, 0, 0, 0, number];
        let numbers = [7, 5, 1, 2, 3].map(number).concat();
        assert_eq!(value, [&[0x82][..], &numbers, b"ann"].concat());
        assert_eq!(head_numbers(GroupHead { open: true, members: 9 }), [1, 9]);
    }

    #[test]
    fn what_was_stored_is_read_back_and_nothing_else() {
        let past = |at| Stay { joined: Seq(at), left: Some(Seq(at + 1)) };
        let now = Stay { joined: Seq(90), left: None };
        for stays in [
            vec![],
            vec![past(1)],
            vec![now],
            vec![past(1), past(5), now],
            (0..8).map(|at| past(at * 3)).collect(),
        ] {
            let (expected, value) = stored(&stays);
            assert_eq!(membership(&value), Ok((expected, UserId::new("ann").unwrap())));
            for cut in 0..value.len() - 3 {
                assert_eq!(membership(&value[..cut]).ok(), None, "cut at {cut}");
            }
        }
        let (_, mut value) = stored(&[past(1)]);
        value[0] = LASTS;
        assert_eq!(membership(&value), Err(Garbage), "a stay that lasts and is not there");
        assert_eq!(head([2, 1]), None);
        assert_eq!(head([1, u64::MAX]), None);
        assert_eq!(group_name(b"g").unwrap().as_str(), "g");
        assert_eq!(group_name(&[0xff]), Err(Garbage));
    }
}
