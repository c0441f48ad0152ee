//! Somebody reacts to a message, or takes a reaction back.

use std::sync::Arc;

use bimip_proto::{Address, Emoji, Entry, Head, Offset, React, Reaction, Reject, UserId, limits};

use super::find::{Side, find};
use super::{About, Decision, Verdict, deliver_with_own, judge};
use crate::ledger::overlay::Overlay;
use crate::ledger::put::{Put, Record, digest_of_reaction};
use crate::ledger::tally::Tally;
use crate::ledger::ticket::Outcome;
use crate::ledger::view::{Known, View};

pub(super) fn settle<V: View>(
    put: &Put,
    overlay: &mut Overlay<'_, V>,
    decision: &mut Decision,
) -> Result<Outcome, V::Error> {
    let Record::React { by, at, react } = &put.record else {
        return Ok(Outcome::Refused(Reject::Unsupported));
    };
    let digest = digest_of_reaction(react);
    // Before anything else: whoever left meanwhile is told what became of it, too.
    if let Some(key) = &put.key
        && let Some(Known::Stored { sequence, offset, digest: first }) = overlay.known(key)?
    {
        if first != digest {
            return Ok(Outcome::Refused(Reject::Conflict));
        }
        return repeat(sequence, offset, overlay);
    }
    let head = match named(put, react, &by.user, overlay)? {
        Ok(head) => head,
        Err(reject) => return Ok(Outcome::Refused(reject)),
    };
    let message = head.id.sequence();
    if overlay.revised(message)?.deleted {
        return Ok(Outcome::Refused(Reject::Deleted));
    }
    let mut tally = overlay.tally(message)?;
    let mut own = overlay.reacted(message, &by.user)?;
    let changes = own.contains(&react.emoji) != react.on;
    if changes && !change(react, &by.user, &mut own, Arc::make_mut(&mut tally)) {
        return Ok(Outcome::Refused(Reject::Full));
    }
    let (edition, count) = (tally.edition, tally.users(&react.emoji));
    let reaction = Reaction {
        message: head.names(),
        conversation: head.conversation(),
        seq: head.seq,
        edition,
        by: by.clone(),
        client_ref: react.client_ref.clone(),
        at: *at,
        emoji: react.emoji.clone(),
        on: react.on,
        count,
    };
    let entry = Arc::new(Entry::Reacted(reaction));
    let sequence = overlay.log(Arc::clone(&entry));
    let mut offset = Offset::ZERO;
    if changes {
        overlay.react(message, &by.user, tally, own);
        if let Address::Group(group) = &head.to
            && overlay.feed(group, sequence)?
        {
            decision.fed.push(group.clone());
        }
        let users = readers(&head, overlay)?;
        offset = deliver_with_own(&users, &by.user, sequence, &entry, overlay, &mut decision.deliveries)?;
    }
    if let Some(key) = &put.key {
        overlay.key(key.clone(), Known::Stored { sequence, offset, digest });
    }
    Ok(Outcome::Reacted { edition, count, offset })
}

/// Whether there is room for it.
fn change(react: &React, user: &UserId, own: &mut Vec<Emoji>, tally: &mut Tally) -> bool {
    if !react.on {
        own.retain(|emoji| *emoji != react.emoji);
        return tally.take(&react.emoji, user);
    }
    if own.len() >= limits::REACTIONS_PER_USER {
        return false;
    }
    own.push(react.emoji.clone());
    tally.add(&react.emoji, user)
}

/// The message that is meant, if this user may react to it. Ids may hold the separator of a msgpack name, so that such a
/// name may mean two messages: one that this user wrote, and one that they received.
fn named<V: View>(
    put: &Put,
    react: &React,
    user: &UserId,
    overlay: &Overlay<'_, V>,
) -> Result<Result<Head, Reject>, V::Error> {
    let mut why = Reject::NoSuchMessage;
    for side in [Side::Receiver, Side::Author] {
        let found = find(&react.message, user, side, overlay)?;
        let Some(Entry::Message(message)) = found.as_deref() else { continue };
        let (group, membership) = match &message.head.to {
            Address::Group(group) => (overlay.group(group)?, Some(overlay.membership(group, user)?)),
            _ => (None, None),
        };
        let blocked = match other(&message.head, user) {
            Some(other) => overlay.has_blocked(other, user)?,
            None => false,
        };
        let about = About {
            message: Some(&message.head),
            group,
            membership: membership.as_ref(),
            blocked,
            ..About::default()
        };
        match judge(put, &about) {
            Verdict::Granted => return Ok(Ok(message.head.clone())),
            Verdict::Refused(reject) if why == Reject::NoSuchMessage => why = reject,
            Verdict::Refused(_) => {}
        }
    }
    Ok(Err(why))
}

/// Of a conversation of two, the other one.
fn other<'h>(head: &'h Head, user: &UserId) -> Option<&'h UserId> {
    match &head.to {
        Address::User(to) if to == user => Some(&head.from.user),
        Address::User(to) => Some(to),
        _ => None,
    }
}

/// Those who have the message and may hear more of it. Nobody where the group has a feed: everybody reads it there.
fn readers<V: View>(head: &Head, overlay: &Overlay<'_, V>) -> Result<Vec<UserId>, V::Error> {
    let author = &head.from.user;
    let group = match &head.to {
        Address::User(to) if to == author => return Ok(vec![author.clone()]),
        Address::User(to) => return Ok(vec![author.clone(), to.clone()]),
        Address::Group(group) => group,
        _ => return Ok(Vec::new()),
    };
    let mut users = Vec::new();
    if overlay.feed_head(group)?.is_none() {
        for user in overlay.members(group)?.iter() {
            if overlay.membership(group, user)?.saw(head.seq) {
                users.push(user.clone());
            }
        }
    }
    Ok(users)
}

fn repeat<V: View>(sequence: u64, offset: Offset, overlay: &Overlay<'_, V>) -> Result<Outcome, V::Error> {
    Ok(match overlay.entry(sequence)?.as_deref() {
        Some(Entry::Reacted(first)) => {
            Outcome::Reacted { edition: first.edition, count: first.count, offset }
        }
        _ => Outcome::Refused(Reject::Conflict),
    })
}
