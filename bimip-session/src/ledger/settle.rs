//! Everything that is decided about a batch of tickets, in one place, for every storage backend.

use std::collections::BTreeMap;
use std::sync::Arc;

use bimip_proto::{
    Body, BodyKind, ConversationId, Device, Entry, Head, Message, MessageId, MessageRef, Names, Offset,
    Receipt, Reject, Seq, Status, UnixMs, UserId, limits,
};

use super::overlay::Overlay;
use super::put::{Audience, Guard, Put, Record, digest};
use super::ticket::{Committed, Delivery, Failed, Failure, Outcome, Placed, Ticket};
use super::view::{ConversationHead, Known, View, Write};

/// May it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Yes.
    Granted,
    /// No, and nothing of it is stored.
    Refused(Reject),
}

/// Judges a put by its guard. `about` is the message it is about, as the transaction sees it.
///
/// Pure: the same put and message give the same verdict everywhere.
#[must_use]
pub fn judge(put: &Put, about: Option<&Head>) -> Verdict {
    let granted = match (put.guard, &put.record) {
        (Guard::None, _) => true,
        (Guard::Recipient, Record::Mark { by, .. }) => about.is_some_and(|head| head.is_to(&by.user)),
        (Guard::Recipient, _) => false,
    };
    if granted { Verdict::Granted } else { Verdict::Refused(Reject::NoSuchMessage) }
}

/// A batch whose every number is given and every question answered, but of which nothing is stored yet.
#[derive(Debug)]
#[must_use = "tickets that are never settled are commands that are never answered"]
pub struct Settlement {
    writes: Vec<Write>,
    settled: Vec<Committed>,
}

impl Settlement {
    /// What to store, all of it or nothing. Empty when no ticket changes anything.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The proofs. **Call it only when every write is durable**: from here on clients are told so.
    #[must_use]
    pub fn committed(self) -> Vec<Committed> {
        self.settled
    }

    /// The honest answer when the writes could not be made durable.
    #[must_use]
    pub fn failed(self, failure: Failure) -> Vec<Failed> {
        self.settled.into_iter().map(|settled| settled.into_failed(failure)).collect()
    }
}

/// Decides a batch of tickets, in order, each seeing what the ones before it do.
///
/// # Errors
/// When the view cannot be read: nothing is decided, and the tickets come back as [`Failed`].
pub fn settle<V: View>(tickets: Vec<Ticket>, view: &V) -> Result<Settlement, (Vec<Failed>, V::Error)> {
    let mut overlay = match Overlay::new(view) {
        Ok(overlay) => overlay,
        Err(error) => return Err((fail(tickets), error)),
    };
    let mut decided = Vec::with_capacity(tickets.len());
    for ticket in &tickets {
        match decide(ticket, &mut overlay) {
            Ok(decision) => decided.push(decision),
            Err(error) => return Err((fail(tickets), error)),
        }
    }
    let writes = overlay.into_writes();
    let settled =
        tickets.into_iter().zip(decided).map(|(ticket, decision)| ticket.settled(decision)).collect();
    Ok(Settlement { writes, settled })
}

fn fail(tickets: Vec<Ticket>) -> Vec<Failed> {
    tickets.into_iter().map(|ticket| ticket.failed(Failure::Unavailable)).collect()
}

/// What a ticket comes to.
#[derive(Debug, Default)]
pub(super) struct Decision {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) deliveries: Vec<Delivery>,
}

/// Marks of one ticket that raised something, by author and status: they share receipt rows.
type Raised = BTreeMap<(UserId, Status), Vec<Names>>;

fn decide<V: View>(ticket: &Ticket, overlay: &mut Overlay<'_, V>) -> Result<Decision, V::Error> {
    let mut decision = Decision::default();
    let mut raised = Raised::new();
    for put in ticket.puts() {
        let outcome = match &put.record {
            Record::Message { .. } => message(put, overlay, &mut decision.deliveries)?,
            Record::Mark { .. } => mark(put, overlay, &mut raised)?,
        };
        decision.outcomes.push(outcome);
    }
    if let Some(Put { audience, record: Record::Mark { by, at, .. }, .. }) = ticket.puts().last() {
        receipts(raised, audience, by, *at, overlay, &mut decision.deliveries)?;
    }
    if let Some((device, offset)) = ticket.cursor() {
        overlay.cursor(device, *offset)?;
    }
    Ok(decision)
}

fn message<V: View>(
    put: &Put,
    overlay: &mut Overlay<'_, V>,
    deliveries: &mut Vec<Delivery>,
) -> Result<Outcome, V::Error> {
    let Record::Message { from, to, client_ref, client_time, at, body } = &put.record else {
        return Ok(Outcome::Refused(Reject::Unsupported));
    };
    let digest = digest(to, body);
    if let Some(key) = &put.key
        && let Some(known) = overlay.known(key)?
    {
        return repeat(known, digest, overlay);
    }
    if let Verdict::Refused(reject) = judge(put, None) {
        return Ok(Outcome::Refused(reject));
    }
    let Audience::Users(users) = &put.audience else {
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
    deliver(users.iter(), sequence, &entry, overlay, deliveries)?;
    let own = deliveries.iter().rev().find(|delivery| delivery.user == from.user);
    let offset = own.map_or(Offset::ZERO, |delivery| delivery.offset);
    if let Some(key) = &put.key {
        overlay.key(key.clone(), Known { sequence, offset, digest });
    }
    Ok(Outcome::Stored(Placed { head, offset }))
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

fn repeat<V: View>(known: Known, digest: u64, overlay: &Overlay<'_, V>) -> Result<Outcome, V::Error> {
    if known.digest != digest {
        return Ok(Outcome::Refused(Reject::Conflict));
    }
    Ok(match overlay.entry(known.sequence)?.as_deref() {
        Some(Entry::Message(first)) => {
            Outcome::Repeat(Placed { head: first.head.clone(), offset: known.offset })
        }
        // Retention took the message: what its first ack said is gone, and a second copy must not appear.
        _ => Outcome::Refused(Reject::Conflict),
    })
}

fn mark<V: View>(put: &Put, overlay: &mut Overlay<'_, V>, raised: &mut Raised) -> Result<Outcome, V::Error> {
    let Record::Mark { by, status, message, .. } = &put.record else {
        return Ok(Outcome::Refused(Reject::Unsupported));
    };
    let found = find(message, &by.user, overlay)?;
    // A message that went to nobody has no place in its conversation, and nobody to speak about it.
    let head = match found.as_deref() {
        Some(Entry::Message(found)) if found.head.seq != Seq(0) => Some(&found.head),
        _ => None,
    };
    if let Verdict::Refused(reject) = judge(put, head) {
        return Ok(Outcome::Refused(reject));
    }
    let Some(head) = head else { return Ok(Outcome::Refused(Reject::NoSuchMessage)) };
    let sequence = head.id.sequence();
    let before = overlay.marks(sequence, &by.user)?;
    let after = before.with(*status);
    if after != before {
        overlay.mark(sequence, by.user.clone(), after);
        raised.entry((head.from.user.clone(), *status)).or_default().push(head.names());
    }
    Ok(Outcome::Noted)
}

/// The message that `reference` names, as `reader` may name it.
fn find<V: View>(
    reference: &MessageRef,
    reader: &UserId,
    overlay: &Overlay<'_, V>,
) -> Result<Option<Arc<Entry>>, V::Error> {
    match reference {
        MessageRef::Id(id) if id.epoch() == overlay.epoch() => overlay.entry(id.sequence()),
        MessageRef::Alias(alias) => {
            // The reader is the one party known for sure; ids may hold the separator.
            for (to, from) in alias.candidates().filter(|(to, _)| *to == reader.as_str()) {
                let (Ok(to), Ok(from)) = (UserId::new(to), UserId::new(from)) else { continue };
                let conversation = ConversationId::direct(to, from);
                let Some(sequence) = overlay.sequence_at(&conversation, alias.stamp)? else { continue };
                let entry = overlay.entry(sequence)?;
                if matches!(entry.as_deref(), Some(Entry::Message(message)) if message.head.alias() == *alias)
                {
                    return Ok(entry);
                }
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}

fn receipts<V: View>(
    raised: Raised,
    audience: &Audience,
    by: &Device,
    at: UnixMs,
    overlay: &mut Overlay<'_, V>,
    deliveries: &mut Vec<Delivery>,
) -> Result<(), V::Error> {
    for ((author, status), messages) in raised {
        let mut users = vec![author];
        if matches!(audience, Audience::Author { and_self: true }) {
            users.push(by.user.clone());
        }
        for part in messages.chunks(limits::RECEIPT_MESSAGES) {
            let receipt = Receipt { by: by.clone(), status, at, messages: part.to_vec() };
            let entry = Arc::new(Entry::Receipt(receipt));
            let sequence = overlay.log(Arc::clone(&entry));
            deliver(users.iter(), sequence, &entry, overlay, deliveries)?;
        }
    }
    Ok(())
}

/// One row for each user, however often named.
fn deliver<'u, V: View>(
    users: impl Iterator<Item = &'u UserId>,
    sequence: u64,
    entry: &Arc<Entry>,
    overlay: &mut Overlay<'_, V>,
    deliveries: &mut Vec<Delivery>,
) -> Result<(), V::Error> {
    let first = deliveries.len();
    for user in users {
        if deliveries[first..].iter().any(|delivery| delivery.user == *user) {
            continue;
        }
        let offset = overlay.row(user, sequence)?;
        deliveries.push(Delivery { user: user.clone(), offset, entry: Arc::clone(entry) });
    }
    Ok(())
}

/// A voice body that a talk of this length becomes; its sound is kept elsewhere.
pub(crate) fn voice_body(duration_ms: u32) -> Body {
    Body {
        kind: BodyKind::Voice { duration_ms },
        form: bimip_proto::Form::Opaque,
        bytes: bytes::Bytes::new(),
        seal: None,
    }
}
