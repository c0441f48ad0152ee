//! A message says something else, or nothing more.

use std::sync::Arc;

use bimip_proto::{
    Address, Body, BodyKind, ConversationId, Entry, Form, Head, Offset, Reject, Revise, Revision, Seq,
    UnixMs, UserId,
};

use super::find::{Side, find};
use super::{About, Decision, Verdict, deliver_with_own, judge};
use crate::ledger::overlay::Overlay;
use crate::ledger::put::{Put, Record, digest_of_revision};
use crate::ledger::rights::may_post;
use crate::ledger::ticket::Outcome;
use crate::ledger::view::{Known, Revised, View};

pub(super) fn settle<V: View>(
    put: &Put,
    overlay: &mut Overlay<'_, V>,
    decision: &mut Decision,
) -> Result<Outcome, V::Error> {
    let Record::Revise { by, at, revise } = &put.record else {
        return Ok(Outcome::Refused(Reject::Unsupported));
    };
    let found = find(&revise.message, &by.user, Side::Author, overlay)?;
    let (head, said) = match found.as_deref() {
        Some(Entry::Message(found)) if found.head.seq != Seq(0) => (&found.head, &found.body),
        _ => return Ok(Outcome::Refused(Reject::NoSuchMessage)),
    };
    if let Verdict::Refused(reject) = judge(put, &About { message: Some(head), ..About::default() }) {
        return Ok(Outcome::Refused(reject));
    }
    let digest = digest_of_revision(head.id, revise.body.as_ref());
    if let Some(key) = &put.key
        && let Some(Known::Stored { sequence, offset, digest: first }) = overlay.known(key)?
    {
        if first != digest {
            return Ok(Outcome::Refused(Reject::Conflict));
        }
        return repeat(sequence, offset, overlay);
    }
    let before = overlay.revised(head.id.sequence())?;
    if let Some(reject) = may_not(revise, said, before) {
        return Ok(Outcome::Refused(reject));
    }
    let users = match readers(revise, head, overlay)? {
        Ok(users) => users,
        Err(reject) => return Ok(Outcome::Refused(reject)),
    };
    let at = if revise.body.is_some() { stamp(*at, head.conversation(), overlay)? } else { *at };
    let revision = Revision {
        message: head.names(),
        conversation: head.conversation(),
        seq: head.seq,
        edition: before.edition + 1,
        by: by.clone(),
        client_ref: revise.client_ref.clone(),
        at,
        // What kind of message it is does not change with what it says.
        body: revise.body.clone().map(|body| Body { kind: head.kind, ..body }),
    };
    let (edition, deleted) = (revision.edition, revision.is_deletion());
    let entry = Arc::new(Entry::Revised(revision));
    let sequence = overlay.log(Arc::clone(&entry));
    overlay.revise(head.id.sequence(), Revised { edition, sequence, deleted });
    if let Address::Group(group) = &head.to
        && overlay.feed(group, sequence)?
    {
        decision.fed.push(group.clone());
    }
    let offset = deliver_with_own(&users, &by.user, sequence, &entry, overlay, &mut decision.deliveries)?;
    if let Some(key) = &put.key {
        overlay.key(key.clone(), Known::Stored { sequence, offset, digest });
    }
    Ok(Outcome::Revised { edition, offset })
}

/// Nothing comes after a deletion, a talk has no words to change, and what kind of message it is stays: content of a kind
/// becomes content of that kind, and what is none becomes none.
fn may_not(revise: &Revise, said: &Body, before: Revised) -> Option<Reject> {
    if before.deleted || before.edition == u32::MAX {
        return Some(Reject::Deleted);
    }
    let body = revise.body.as_ref()?;
    let content = |body: &Body| (body.form == Form::Content).then_some(body.kind);
    match said.kind {
        BodyKind::Voice { .. } => Some(Reject::Unsupported),
        _ if content(body) != content(said) => Some(Reject::Field("kind")),
        _ => None,
    }
}

/// Those who have the message and may hear more of it, and the author. What is said after somebody left a group is not
/// for them; nor may somebody who left, or may not post any more, say more there, but take back what they said.
fn readers<V: View>(
    revise: &Revise,
    head: &Head,
    overlay: &Overlay<'_, V>,
) -> Result<Result<Vec<UserId>, Reject>, V::Error> {
    let author = &head.from.user;
    let group = match &head.to {
        Address::Group(group) => group,
        Address::User(to) if to == author => return Ok(Ok(vec![author.clone()])),
        // An edit says something new, to somebody who takes nothing new.
        Address::User(to) if revise.body.is_some() && overlay.has_blocked(to, author)? => {
            return Ok(Err(Reject::Blocked));
        }
        Address::User(to) => return Ok(Ok(vec![author.clone(), to.clone()])),
        _ => return Ok(Err(Reject::NotMember)),
    };
    if revise.body.is_some()
        && let Err(reject) = may_post(overlay.group(group)?, &overlay.membership(group, author)?)
    {
        return Ok(Err(reject));
    }
    // In a group that has a feed everybody reads it there, but for an author who left.
    if overlay.feed_head(group)?.is_some() {
        let member = overlay.membership(group, author)?.is_member();
        return Ok(Ok(if member { Vec::new() } else { vec![author.clone()] }));
    }
    let mut users = Vec::new();
    for user in overlay.members(group)?.iter() {
        if overlay.membership(group, user)?.saw(head.seq) {
            users.push(user.clone());
        }
    }
    if !users.contains(author) {
        users.push(author.clone());
    }
    Ok(Ok(users))
}

/// An edit is a text of its own to those who know no edits, with an id of its own: it takes a stamp, and no place.
fn stamp<V: View>(
    at: UnixMs,
    conversation: ConversationId,
    overlay: &mut Overlay<'_, V>,
) -> Result<UnixMs, V::Error> {
    let mut last = overlay.conversation(&conversation)?;
    last.stamp = UnixMs(at.0.max(last.stamp.0 + 1));
    overlay.stamp(conversation, last);
    Ok(last.stamp)
}

fn repeat<V: View>(sequence: u64, offset: Offset, overlay: &Overlay<'_, V>) -> Result<Outcome, V::Error> {
    Ok(match overlay.entry(sequence)?.as_deref() {
        Some(Entry::Revised(first)) => Outcome::Revised { edition: first.edition, offset },
        _ => Outcome::Refused(Reject::Conflict),
    })
}
