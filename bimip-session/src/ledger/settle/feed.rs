//! What is said in large groups: once into the feed, and from there into the mailboxes of those who are here.
//!
//! A row costs a write for every member, and most members of a large group are not here. So a group with more members
//! than the core's configuration allows rows for gets a feed, for good. What is said there has one place in it, and a
//! member's mailbox is filled by a put of its own ([`Record::Pull`]), while somebody reads it. For those who are not here
//! nothing is written.

use std::collections::BTreeSet;
use std::sync::Arc;

use bimip_proto::{Entry, GroupId, UserId, limits};

use super::deliver;
use crate::ledger::feed::Stretch;
use crate::ledger::overlay::Overlay;
use crate::ledger::ticket::{Delivery, Outcome};
use crate::ledger::view::{View, speaks_for};

/// A group has become too large: from here on it has a feed, and everybody who is in it reads that from its beginning.
/// Before the newest member is in.
fn open<V: View>(group: &GroupId, overlay: &mut Overlay<'_, V>) -> Result<(), V::Error> {
    if overlay.feed_head(group)?.is_some() {
        return Ok(());
    }
    for user in overlay.members(group)?.iter() {
        overlay.set_stretches(user, group, vec![Stretch { after: 0, until: None }])?;
    }
    overlay.open_feed(group.clone());
    Ok(())
}

/// Whether there is room to remember that a user comes into a group. Stretches that were not read yet stay.
pub(super) fn has_room<V: View>(
    user: &UserId,
    group: &GroupId,
    overlay: &Overlay<'_, V>,
) -> Result<bool, V::Error> {
    Ok(overlay.feed_head(group)?.is_none() || overlay.stretches(user, group)?.len() < limits::STAYS)
}

/// Users come into a group, for whom there is room, and which has so many members then. One that becomes too large has a
/// feed from here on.
pub(super) fn come_in<V: View>(
    group: &GroupId,
    users: &[UserId],
    (members, row_members): (u32, u32),
    overlay: &mut Overlay<'_, V>,
) -> Result<(), V::Error> {
    if users.is_empty() {
        return Ok(());
    }
    if members > row_members {
        open(group, overlay)?;
    }
    let Some(head) = overlay.feed_head(group)? else { return Ok(()) };
    for user in users {
        let mut stretches = overlay.stretches(user, group)?;
        stretches.push(Stretch { after: head, until: None });
        overlay.set_stretches(user, group, stretches)?;
    }
    Ok(())
}

/// Users leave a group.
pub(super) fn go<V: View>(
    group: &GroupId,
    users: &[UserId],
    overlay: &mut Overlay<'_, V>,
) -> Result<(), V::Error> {
    users.iter().try_for_each(|user| exit(user, group, overlay))
}

/// A user leaves a group: what was said until here is still theirs.
fn exit<V: View>(user: &UserId, group: &GroupId, overlay: &mut Overlay<'_, V>) -> Result<(), V::Error> {
    let Some(head) = overlay.feed_head(group)? else { return Ok(()) };
    let mut stretches = overlay.stretches(user, group)?;
    for stretch in stretches.iter_mut().filter(|stretch| stretch.until.is_none()) {
        stretch.until = Some(head);
    }
    stretches.retain(|stretch| !stretch.is_done());
    overlay.set_stretches(user, group, stretches)
}

/// One stretch that is being read.
struct Source {
    group: GroupId,
    /// Among the user's stretches of this group.
    index: usize,
    after: u64,
    upto: u64,
}

/// Fills a mailbox with what its user has not got yet, in the order it was said: at most `rows`, and no more than `bytes`
/// of bodies, but always one row.
pub(super) fn pull<V: View>(
    user: &UserId,
    rows: u32,
    bytes: u64,
    overlay: &mut Overlay<'_, V>,
    deliveries: &mut Vec<Delivery>,
) -> Result<Outcome, V::Error> {
    let mut sources = Vec::new();
    // By the log record of each source's next place: the oldest is first.
    let mut next = BTreeSet::new();
    let pulls = overlay.pulls_of(user)?;
    for (group, stretches) in &pulls {
        let head = overlay.feed_head(group)?.unwrap_or(0);
        for (index, stretch) in stretches.iter().enumerate() {
            let upto = stretch.until.unwrap_or(head);
            let source = Source { group: group.clone(), index, after: stretch.after, upto };
            if let Some(sequence) = source.next(overlay)? {
                next.insert((sequence, sources.len()));
            }
            sources.push(source);
        }
    }
    let (mut looked, mut brought) = (0, 0_u64);
    while looked < rows.max(1)
        && brought < bytes.max(1)
        && let Some((sequence, at)) = next.pop_first()
    {
        looked += 1;
        sources[at].after += 1;
        if let Some(entry) = theirs(user, &sources[at].group, sequence, overlay)? {
            brought += crate::server::weight(&entry);
            deliver([user], sequence, &entry, overlay, deliveries)?;
        }
        if let Some(sequence) = sources[at].next(overlay)? {
            next.insert((sequence, at));
        }
    }
    for (group, before) in pulls {
        let mut after = before.clone();
        for source in sources.iter().filter(|source| source.group == group) {
            after[source.index].after = source.after;
        }
        after.retain(|stretch| !stretch.is_done());
        if after != before {
            overlay.note_stretches(user, &group, after);
        }
    }
    Ok(Outcome::Pulled { user: user.clone(), more: !next.is_empty() })
}

impl Source {
    fn next<V: View>(&self, overlay: &Overlay<'_, V>) -> Result<Option<u64>, V::Error> {
        if self.after >= self.upto { Ok(None) } else { overlay.fed(&self.group, self.after + 1) }
    }
}

/// What a record of the feed comes to in this user's mailbox: nothing where it is about a message that was said before
/// they came, and the deletion in the place of what is deleted.
fn theirs<V: View>(
    user: &UserId,
    group: &GroupId,
    sequence: u64,
    overlay: &Overlay<'_, V>,
) -> Result<Option<Arc<Entry>>, V::Error> {
    let Some(entry) = overlay.entry(sequence)? else { return Ok(None) };
    let seq = match &*entry {
        Entry::Message(message) => message.head.seq,
        Entry::Revised(revision) => revision.seq,
        Entry::Reacted(reaction) => reaction.seq,
        _ => return Ok(Some(entry)),
    };
    let author = matches!(&*entry, Entry::Revised(revision) if revision.by.user == *user);
    if !author && !overlay.membership(group, user)?.saw(seq) {
        return Ok(None);
    }
    let Some(message) = speaks_for(&entry, sequence) else { return Ok(Some(entry)) };
    let revised = overlay.revised(message)?;
    let deletion = if revised.deleted { overlay.entry(revised.sequence)? } else { None };
    Ok(Some(deletion.unwrap_or(entry)))
}
