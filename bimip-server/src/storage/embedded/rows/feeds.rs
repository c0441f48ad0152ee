//! Feeds of large groups, and what of them is to be put into mailboxes.
//!
//! ```text
//! place       = sequence                        one number; 0 at place 0
//! to be pulled = stretches, (after [until])*, group
//! ```
//!
//! `stretches` is one byte: how many there are, and in the top bit whether the last of them lasts and so has no `until`.

use bimip_proto::GroupId;
use bimip_session::ledger::Stretch;
use fjall::{Readable, Slice};

use super::groups::group_name;
use super::{CHECKSUM, Rows, SHAPE};
use crate::storage::StorageError;
use crate::storage::embedded::checksum::unseal;
use crate::storage::embedded::engine::damaged;
use crate::storage::embedded::fields::{Fields, Garbage, put_u64};
use crate::storage::embedded::keys;
use crate::storage::embedded::names::{ConversationNo, UserNo};

/// In the byte that counts the stretches: the last one has no end.
const LASTS: u8 = 0x80;

impl Rows<'_> {
    /// The last place of a group's feed, if it has one.
    pub(in super::super) fn feed_head(&self, group: ConversationNo) -> Result<Option<u64>, StorageError> {
        let all = keys::feed(group, 0)..=keys::feed(group, u64::MAX);
        let Some(row) = self.snapshot.range(&self.engine.small, all).next_back() else { return Ok(None) };
        let key = row.key()?;
        keys::last_number(&key)
            .map(Some)
            .ok_or_else(|| damaged(format!("the feed of group {}", group.0), SHAPE))
    }

    /// The log record at a place of a group's feed.
    pub(in super::super) fn fed(
        &self,
        group: ConversationNo,
        place: u64,
    ) -> Result<Option<u64>, StorageError> {
        if place == 0 {
            return Ok(None);
        }
        let numbers = self.numbers(&keys::feed(group, place), || {
            format!("place {place} of the feed of group {}", group.0)
        })?;
        Ok(numbers.map(|[sequence]| sequence))
    }

    /// What a user has not got of feeds, by group.
    pub(in super::super) fn pulls_of(
        &self,
        user: UserNo,
    ) -> Result<Vec<(GroupId, Vec<Stretch>)>, StorageError> {
        let mut pulls = Vec::new();
        self.each_pull(user, |_, stretches, group| {
            pulls.push((group, stretches));
            Ok(())
        })?;
        pulls.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(pulls)
    }

    /// Whether something waits in a feed for a user.
    pub(in super::super) fn is_behind(&self, user: UserNo) -> Result<bool, StorageError> {
        let mut behind = false;
        self.each_pull(user, |group, stretches, _| {
            let head = self.feed_head(group)?.unwrap_or(0);
            behind |= stretches.iter().any(|stretch| stretch.has_more(head));
            Ok(())
        })?;
        Ok(behind)
    }

    fn each_pull(
        &self,
        user: UserNo,
        mut each: impl FnMut(ConversationNo, Vec<Stretch>, GroupId) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let all = keys::pull(user, ConversationNo(0))..=keys::pull(user, ConversationNo(u64::MAX));
        for row in self.snapshot.range(&self.engine.small, all) {
            let (key, sealed): (Slice, Slice) = row.into_inner()?;
            let place = || format!("what user {} has not got of feeds", user.0);
            let group = keys::last_number(&key).ok_or_else(|| damaged(place(), SHAPE))?;
            let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
            let (stretches, name) = stretches(value).map_err(|_| damaged(place(), SHAPE))?;
            each(ConversationNo(group), stretches, name)?;
        }
        Ok(())
    }
}

/// Appends stretches and the name of their group.
pub(in super::super) fn put_stretches(value: &mut Vec<u8>, stretches: &[Stretch], group: &GroupId) {
    let lasts = stretches.last().is_some_and(|stretch| stretch.until.is_none());
    let count = u8::try_from(stretches.len()).unwrap_or(u8::MAX);
    debug_assert!(count < LASTS, "the ledger keeps few stretches");
    value.push(count | if lasts { LASTS } else { 0 });
    for stretch in stretches {
        put_u64(value, stretch.after);
        if let Some(until) = stretch.until {
            put_u64(value, until);
        }
    }
    value.extend_from_slice(group.as_str().as_bytes());
}

/// Reads what [`put_stretches`] wrote: in order, and of which only the last may last.
pub(in super::super) fn stretches(value: &[u8]) -> Result<(Vec<Stretch>, GroupId), Garbage> {
    let mut fields = Fields::new(value);
    let count = fields.u8()?;
    let (count, lasts) = (count & !LASTS, count & LASTS != 0);
    let mut stretches = Vec::new();
    for number in 1..=count {
        let after = fields.u64()?;
        let until = if lasts && number == count { None } else { Some(fields.u64()?) };
        stretches.push(Stretch { after, until });
    }
    let in_order = stretches.windows(2).all(|pair| pair[0].until.is_some_and(|until| until <= pair[1].after));
    let sane = stretches.iter().all(|stretch| stretch.until.is_none_or(|until| stretch.after < until));
    if stretches.is_empty() || !in_order || !sane {
        return Err(Garbage);
    }
    Ok((stretches, group_name(fields.take(fields.left())?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAST: Stretch = Stretch { after: 1, until: Some(4) };
    const NOW: Stretch = Stretch { after: 6, until: None };

    fn stored(of: &[Stretch]) -> Vec<u8> {
        let mut value = Vec::new();
        put_stretches(&mut value, of, &GroupId::new("g").unwrap());
        value
    }

    #[test]
    fn stretches_are_stored_and_so_never_change() {
        let number = |number: u8| [0, 0, 0, 0, 0, 0, 0, number];
        assert_eq!(stored(&[PAST, NOW]), [&[0x82][..], &[1, 4, 6].map(number).concat(), b"g"].concat());
    }

    #[test]
    fn what_was_stored_is_read_back_and_nothing_else() {
        for of in [vec![PAST], vec![NOW], vec![PAST, NOW]] {
            let value = stored(&of);
            assert_eq!(stretches(&value), Ok((of, GroupId::new("g").unwrap())));
            for cut in 0..value.len() {
                assert_eq!(stretches(&value[..cut]).ok(), None, "cut at {cut}");
            }
        }
        for of in [vec![], vec![NOW, PAST], vec![PAST, PAST], vec![Stretch { after: 4, until: Some(4) }]] {
            assert_eq!(stretches(&stored(&of)), Err(Garbage), "{of:?}");
        }
    }
}
