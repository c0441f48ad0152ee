//! A draft becomes a message: repeat or not, who may, which numbers, whose mailboxes.

use std::borrow::Cow;
use std::sync::Arc;

use bimip_proto::{
    Address, ConversationId, Entry, GroupId, Head, Message, MessageId, Offset, Reject, Seq, UnixMs, UserId,
};

use super::{About, Decision, Verdict, deliver_with_own, judge};
use crate::ledger::overlay::Overlay;
use crate::ledger::put::{Audience, Put, Record, digest};
use crate::ledger::ticket::{Outcome, Placed};
use crate::ledger::view::{ConversationHead, Known, View};

pub(super) fn settle<V: View>(
    put: &Put,
    overlay: &mut Overlay<'_, V>,
    decision: &mut Decision,
) -> Result<Outcome, V::Error> {
    let Record::Message { from, to, client_ref, client_time, at, body } = &put.record else {
        return Ok(Outcome::Refused(Reject::Unsupported));
    };
    let digest = digest(to, body);
    if let Some(key) = &put.key
        && let Some(Known::Stored { sequence, offset, digest: first }) = overlay.known(key)?
    {
        if first != digest {
            return Ok(Outcome::Refused(Reject::Conflict));
        }
        return repeat(sequence, offset, overlay);
    }
    if let Verdict::Refused(reject) = may(put, &from.user, to, overlay)? {
        return Ok(Outcome::Refused(reject));
    }
    let Some(users) = audience(put, overlay)? else {
        return Ok(Outcome::Refused(Reject::Unsupported));
    };

    let conversation = ConversationId::of(&from.user, to);
    let mut last = overlay.conversation(&conversation)?;
    last.stamp = UnixMs(at.0.max(last.stamp.0 + 1));
    if !users.is_empty() {
        last.seq = Seq(last.seq.0 + 1);
    }
    let head = Head {
        id: MessageId::new(overlay.epoch(), overlay.next_sequence()),
        from: from.clone(),
        to: to.clone(),
        client_ref: client_ref.clone(),
        client_time: *client_time,
        at: *at,
        stamp: last.stamp,
        seq: if users.is_empty() { Seq(0) } else { last.seq },
        kind: body.kind,
    };
    let entry = Arc::new(Entry::Message(Message { head: head.clone(), body: body.clone() }));
    let sequence = overlay.log(Arc::clone(&entry));
    place(conversation, last, users.is_empty(), sequence, overlay);
    if !users.is_empty() {
        overlay.wrote(head.conversation(), &from.user, head.seq);
    }
    if let (Address::User(to), Seq(1)) = (to, head.seq)
        && *to != from.user
    {
        overlay.contact(&from.user, to);
    }
    let offset = match &users {
        // The author's other devices read it there too, each in its turn.
        Readers::Feed(group) => {
            overlay.feed(group, sequence)?;
            decision.fed.push(group.clone());
            Offset::ZERO
        }
        Readers::Users(users) => {
            deliver_with_own(users, &from.user, sequence, &entry, overlay, &mut decision.deliveries)?
        }
    };
    if let Some(key) = &put.key {
        overlay.key(key.clone(), Known::Stored { sequence, offset, digest });
    }
    Ok(Outcome::Stored(Placed { head, offset }))
}

fn may<V: View>(
    put: &Put,
    from: &UserId,
    to: &Address,
    overlay: &Overlay<'_, V>,
) -> Result<Verdict, V::Error> {
    let Address::Group(group) = to else {
        // Nobody blocks themselves.
        let blocked = match to {
            Address::User(to) if to != from => overlay.has_blocked(to, from)?,
            _ => false,
        };
        return Ok(judge(put, &About { blocked, ..About::default() }));
    };
    let (head, membership) = (overlay.group(group)?, overlay.membership(group, from)?);
    Ok(judge(put, &About { group: head, membership: Some(&membership), ..About::default() }))
}

/// Whose mailboxes, each once. Groups answer for themselves, by name in order and without repeats.
fn audience<'p, V: View>(put: &'p Put, overlay: &Overlay<'_, V>) -> Result<Option<Readers<'p>>, V::Error> {
    Ok(match &put.audience {
        Audience::Users(users) => {
            let repeated = users.iter().enumerate().any(|(at, user)| users[..at].contains(user));
            Some(Readers::Users(Members::Named(if repeated { once(users) } else { Cow::Borrowed(users) })))
        }
        Audience::Group(group) if overlay.feed_head(group)?.is_some() => Some(Readers::Feed(group.clone())),
        Audience::Group(group) => Some(Readers::Users(Members::Group(overlay.members(group)?))),
        Audience::Author { .. } | Audience::Readers => None,
    })
}

/// Who gets it, and where.
enum Readers<'p> {
    Users(Members<'p>),
    Feed(GroupId),
}

impl Readers<'_> {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Users(users) if users.is_empty())
    }
}

enum Members<'p> {
    Named(Cow<'p, [UserId]>),
    Group(Arc<[UserId]>),
}

impl std::ops::Deref for Members<'_> {
    type Target = [UserId];

    fn deref(&self) -> &[UserId] {
        match self {
            Self::Named(users) => users,
            Self::Group(users) => users,
        }
    }
}

fn once(users: &[UserId]) -> Cow<'_, [UserId]> {
    let mut named = Vec::with_capacity(users.len());
    for user in users {
        if !named.contains(user) {
            named.push(user.clone());
        }
    }
    Cow::Owned(named)
}

/// A message for nobody takes a stamp of its conversation, so that its id is unique, but no place in it.
fn place<V: View>(
    conversation: ConversationId,
    head: ConversationHead,
    nobody: bool,
    sequence: u64,
    overlay: &mut Overlay<'_, V>,
) {
    if nobody {
        overlay.stamp(conversation, head);
    } else {
        overlay.history(conversation, head, sequence);
    }
}

fn repeat<V: View>(sequence: u64, offset: Offset, overlay: &Overlay<'_, V>) -> Result<Outcome, V::Error> {
    Ok(match overlay.entry(sequence)?.as_deref() {
        Some(Entry::Message(first)) => Outcome::Repeat(Placed { head: first.head.clone(), offset }),
        // Retention took the message: what its first ack said is gone, and a second copy must not appear.
        _ => Outcome::Refused(Reject::Conflict),
    })
}
