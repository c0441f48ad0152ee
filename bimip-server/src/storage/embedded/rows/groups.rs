//! Groups: heads, memberships, and the groups of a user.
//!
//! Keys hold numbers, and a list is asked for by name, so the rows that make a list end with the name that their
//! key stands for:
//!
//! ```text
//! head        = what holds, how many                    two numbers
//! membership  = stays, delivered, read, (joined [left])*, [rank since], user
//! group of    = group
//! profile     = title, about
//! ```
//!
//! `stays` is one byte: how many there are, in the top bit whether the last of them lasts and so has no `left`, and in the
//! one below whether there is a rank: one byte, whose low two bits are the role and whose top bit says that the user is
//! banned. What holds: open 1, only admins post 2, deleted 4, and in the upper half the edition. How many: members, and in
//! the upper half banned users. So what an older format wrote of groups that nobody managed reads as it was meant.

use std::sync::Arc;

use bimip_proto::{GroupId, GroupProfile, MayPost, Role, Seq, UserId};
use bimip_session::ledger::{EachMember, GroupHead, Membership, Stay};
use fjall::{Readable, Slice};

use super::{CHECKSUM, Rows, SHAPE, name};
use crate::storage::StorageError;
use crate::storage::embedded::checksum::unseal;
use crate::storage::embedded::engine::damaged;
use crate::storage::embedded::fields::{Fields, Garbage, put_bytes, put_u64};
use crate::storage::embedded::keys;
use crate::storage::embedded::names::{ConversationNo, UserNo};

/// In the byte that counts the stays: the last one has no end.
const LASTS: u8 = 0x80;
/// In the byte that counts the stays: a rank follows them.
const RANKED: u8 = 0x40;
/// In the byte of a rank: the user is banned.
const BANNED: u8 = 0x80;

/// What holds in a group, in the lower half of its first number.
mod holds {
    pub(super) const OPEN: u64 = 1;
    pub(super) const ADMINS_POST: u64 = 2;
    pub(super) const DELETED: u64 = 4;
    pub(super) const ALL: u64 = 7;
}

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

    /// What a group is called.
    pub(in super::super) fn group_profile(
        &self,
        group: ConversationNo,
    ) -> Result<Arc<GroupProfile>, StorageError> {
        let key = keys::group_profile(group);
        let Some(sealed) = self.snapshot.get(&self.engine.small, key)? else { return Ok(Arc::default()) };
        let place = || format!("what group {} is called", group.0);
        let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
        group_profile(value).map(Arc::new).map_err(|_| damaged(place(), SHAPE))
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

    /// Everybody of whom a group knows something, after one of them: in the order of their numbers, which never changes, until
    /// `each` says that it is enough.
    pub(in super::super) fn memberships(
        &self,
        group: ConversationNo,
        after: Option<UserNo>,
        each: EachMember<'_, StorageError>,
    ) -> Result<(), StorageError> {
        let first = after.map_or(0, |after| after.0.saturating_add(1));
        let all = keys::member(group, UserNo(first))..=keys::member(group, UserNo(u64::MAX));
        for row in self.snapshot.range(&self.engine.small, all) {
            let (key, sealed): (Slice, Slice) = row.into_inner()?;
            let place = || format!("a member of group {}", group.0);
            let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
            let (membership, user) = membership(value).map_err(|_| damaged(place(), SHAPE))?;
            if !each(&user, &membership)? {
                break;
            }
        }
        Ok(())
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
    let flag = |set: bool, flag| if set { flag } else { 0 };
    let holding = flag(head.open, holds::OPEN)
        | flag(head.post == MayPost::Admins, holds::ADMINS_POST)
        | flag(head.deleted, holds::DELETED);
    [halves(holding, head.edition), halves(head.members.into(), head.banned)]
}

const fn halves(low: u64, high: u32) -> u64 {
    (high as u64) << 32 | low
}

pub(in super::super) fn head([holding, counts]: [u64; 2]) -> Option<GroupHead> {
    let upper = |number: u64| u32::try_from(number >> 32).ok();
    let lower = |number: u64| number & u64::from(u32::MAX);
    let has = |flag| holding & flag != 0;
    if lower(holding) & !holds::ALL != 0 {
        return None;
    }
    Some(GroupHead {
        open: has(holds::OPEN),
        members: u32::try_from(lower(counts)).ok()?,
        post: if has(holds::ADMINS_POST) { MayPost::Admins } else { MayPost::Everyone },
        deleted: has(holds::DELETED),
        edition: upper(holding)?,
        banned: upper(counts)?,
    })
}

/// Appends what a group is called.
pub(in super::super) fn put_group_profile(value: &mut Vec<u8>, profile: &GroupProfile) {
    put_bytes(value, profile.title.as_bytes());
    put_bytes(value, profile.about.as_bytes());
}

/// Reads what [`put_group_profile`] wrote.
pub(in super::super) fn group_profile(value: &[u8]) -> Result<GroupProfile, Garbage> {
    let mut fields = Fields::new(value);
    let profile = GroupProfile { title: fields.text()?.into(), about: fields.text()?.into() };
    fields.end()?;
    Ok(profile)
}

/// Appends a membership and whose it is.
pub(in super::super) fn put_membership(value: &mut Vec<u8>, membership: &Membership, user: &UserId) {
    let stays = membership.stays();
    let count = u8::try_from(stays.len()).unwrap_or(u8::MAX);
    debug_assert!(count < RANKED, "the ledger keeps few stays");
    let rank = rank(membership);
    let ranked = rank != 0 || membership.since() != 0;
    let lasts = if membership.is_member() { LASTS } else { 0 };
    value.push(count | lasts | if ranked { RANKED } else { 0 });
    put_u64(value, membership.delivered().0);
    put_u64(value, membership.read().0);
    for stay in stays {
        put_u64(value, stay.joined.0);
        if let Some(left) = stay.left {
            put_u64(value, left.0);
        }
    }
    if ranked {
        value.push(rank);
        put_u64(value, membership.since());
    }
    value.extend_from_slice(user.as_str().as_bytes());
}

fn rank(membership: &Membership) -> u8 {
    let role = match membership.role() {
        Role::Owner => 2,
        Role::Admin => 1,
        _ => 0,
    };
    role | if membership.is_banned() { BANNED } else { 0 }
}

/// Reads what [`put_membership`] wrote.
pub(in super::super) fn membership(value: &[u8]) -> Result<(Membership, UserId), Garbage> {
    let mut fields = Fields::new(value);
    let stays = fields.u8()?;
    let (count, lasts) = (stays & !(LASTS | RANKED), stays & LASTS != 0);
    let ranked = stays & RANKED != 0;
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
    let mut membership = Membership::restore(stays, delivered, read).ok_or(Garbage)?;
    if ranked {
        let rank = fields.u8()?;
        let role = match rank & !BANNED {
            0 => Role::Member,
            1 => Role::Admin,
            2 => Role::Owner,
            _ => return Err(Garbage),
        };
        membership = membership.ranked(role, fields.u64()?, rank & BANNED != 0).ok_or(Garbage)?;
    }
    let user = name(fields.take(fields.left())?, UserId::new)?;
    Ok((membership, user))
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
        let channel = GroupHead { open: true, members: 9, ..GroupHead::default() };
        assert_eq!(head_numbers(channel), [1, 9], "as format 4 wrote it");
        let managed = GroupHead {
            open: false,
            members: 9,
            post: MayPost::Admins,
            deleted: true,
            edition: 3,
            banned: 2,
        };
        assert_eq!(head_numbers(managed), [0x3_0000_0006, 0x2_0000_0009]);
        for known in [channel, managed] {
            assert_eq!(head(head_numbers(known)), Some(known));
        }
        let ann = UserId::new("ann").unwrap();
        for (stay, role, since, banned, stored) in [
            (now, Role::Owner, 5, false, &[2][..]),
            (now, Role::Admin, 0, false, &[1]),
            (now, Role::Member, 5, false, &[0]),
            (past, Role::Member, 0, true, &[0x80]),
        ] {
            let ranked = Membership::restore(vec![stay], Seq(7), Seq(5)).unwrap();
            let ranked = ranked.ranked(role, since, banned).unwrap();
            let mut value = Vec::new();
            put_membership(&mut value, &ranked, &ann);
            assert_eq!(value[0] & RANKED, RANKED);
            assert!(value.ends_with(&[stored, &since.to_be_bytes()[..], b"ann"].concat()), "{value:?}");
            assert_eq!(membership(&value), Ok((ranked, ann.clone())));
            let at = value.len() - 12;
            value[at] = 3;
            assert_eq!(membership(&value), Err(Garbage), "a role that nobody has");
        }
        let profile = GroupProfile { title: "ünï".into(), about: "".into() };
        let mut value = Vec::new();
        put_group_profile(&mut value, &profile);
        assert_eq!(value, "\u{5}ünï\0".as_bytes());
        assert_eq!(group_profile(&value), Ok(profile));
        assert_eq!(group_profile(&[&value[..], b"x"].concat()), Err(Garbage));
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
        assert_eq!(head([8, 1]), None);
        assert_eq!(group_name(b"g").unwrap().as_str(), "g");
        assert_eq!(group_name(&[0xff]), Err(Garbage));
    }
}
