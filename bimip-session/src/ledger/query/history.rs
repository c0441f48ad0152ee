//! Pages of a conversation's messages, as they are now.

use bimip_proto::{
    Address, Body, Entry, Form, HistoryMessage, HistoryPlace, Marks, PageFrom, ReactionCount,
    ReactionSummary, Seq, Status, limits,
};
use bytes::Bytes;

use super::seen::Seen;
use super::{Page, place, weight};
use crate::ledger::group::Membership;
use crate::ledger::view::{Revised, View};

/// The messages in their order, and whether there are more of them that way.
pub(super) fn page<V: View>(
    seen: &Seen,
    from: PageFrom<HistoryPlace>,
    rows: u32,
    view: &V,
) -> Result<(Vec<HistoryMessage>, bool), V::Error> {
    match from {
        PageFrom::After(place) => gather(seen, seen.from(place::after(seen, place, view)?), rows, view),
        PageFrom::Latest => backwards(seen, Seq(u64::MAX), rows, view),
        PageFrom::Before(place) => backwards(seen, place::before(seen, place, view)?, rows, view),
    }
}

fn backwards<V: View>(
    seen: &Seen,
    before: Seq,
    rows: u32,
    view: &V,
) -> Result<(Vec<HistoryMessage>, bool), V::Error> {
    let (mut messages, more) = gather(seen, seen.back_from(before), rows, view)?;
    messages.reverse();
    Ok((messages, more))
}

fn gather<V: View>(
    seen: &Seen,
    places: impl Iterator<Item = Seq>,
    rows: u32,
    view: &V,
) -> Result<(Vec<HistoryMessage>, bool), V::Error> {
    let mut page = Page::new(rows);
    for seq in places {
        if page.is_full() {
            break;
        }
        let Some(message) = message(seen, seq, view)? else { continue };
        let bytes = weight(&message);
        if !page.push(message, bytes) {
            break;
        }
    }
    Ok((page.rows, page.more))
}

/// A message as it is for this user; `None` where there is none any more.
pub(super) fn message<V: View>(seen: &Seen, seq: Seq, view: &V) -> Result<Option<HistoryMessage>, V::Error> {
    let Some(sequence) = view.sequence_of(&seen.conversation, seq)? else { return Ok(None) };
    let entry = view.entry(sequence)?;
    let Some(Entry::Message(message)) = entry.as_deref() else { return Ok(None) };
    let mut message = message.clone();
    let mut revised = view.revised(sequence)?;
    if !revised.deleted && !seen.follows(&message.head) {
        revised = Revised::default();
    }
    if revised.deleted {
        message.body = Body { kind: message.head.kind, form: Form::Opaque, bytes: Bytes::new(), seal: None };
    } else if revised.edition > 0
        && let Some(Entry::Revised(revision)) = view.entry(revised.sequence)?.as_deref()
        && let Some(body) = &revision.body
    {
        message.body = body.clone();
    }
    let marks = match &message.head.to {
        Address::User(to) => view.marks(sequence, to)?,
        _ if message.head.from.user == seen.user => Marks::NONE,
        _ => in_group(view.marks(sequence, &seen.user)?, &seen.membership, seq),
    };
    // Beside a body that fills a page there may be no room in a frame.
    let fits = message.body.bytes.len() as u64 <= limits::PAGE_BYTES;
    let told = !revised.deleted && fits && seen.goes_on(&message.head);
    let reactions = if told { reactions(seen, sequence, view)? } else { ReactionSummary::default() };
    Ok(Some(HistoryMessage { message, edition: revised.edition, deleted: revised.deleted, marks, reactions }))
}

/// The reactions to a message, and which of them are this user's.
fn reactions<V: View>(seen: &Seen, sequence: u64, view: &V) -> Result<ReactionSummary, V::Error> {
    let tally = view.tally(sequence)?;
    // Nearly every message: nobody reacts to it, or nobody does any more.
    if tally.counts.is_empty() {
        return Ok(ReactionSummary { edition: tally.edition, counts: Vec::new() });
    }
    let own = view.reacted(sequence, &seen.user)?;
    let counts = tally.counts.iter().map(|it| ReactionCount {
        emoji: it.emoji.clone(),
        count: it.users,
        mine: own.contains(&it.emoji),
        users: it.named.clone(),
    });
    Ok(ReactionSummary { edition: tally.edition, counts: counts.collect() })
}

/// In a large group a member has one mark for all messages up to a place.
pub(super) fn in_group(marks: Marks, membership: &Membership, seq: Seq) -> Marks {
    if seq <= membership.read() {
        marks.with(Status::Read)
    } else if seq <= membership.delivered() {
        marks.with(Status::Delivered)
    } else {
        marks
    }
}
