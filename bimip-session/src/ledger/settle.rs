//! Everything that is decided about a batch of tickets, in one place, for every storage backend.

mod feed;
mod find;
mod manage;
mod mark;
mod member;
mod message;
mod react;
mod revise;
mod setting;
mod user;

pub(super) use self::find::named;
pub use self::find::readable;

use std::collections::BTreeMap;
use std::sync::Arc;

use bimip_proto::{Address, Entry, GroupId, Head, Names, Offset, Reject, Seq, Status, UserId};

use self::member::Mover;
use super::group::{GroupHead, Membership};
use super::overlay::Overlay;
use super::put::{Guard, Put, Record};
use super::rights::{may_join, may_manage, may_post};
use super::ticket::{Committed, Delivery, Failed, Failure, Outcome, Ticket};
use super::view::{Known, View, Write};

/// May it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Yes.
    Granted,
    /// No, and nothing of it is stored.
    Refused(Reject),
}

/// What a put is about, as the transaction sees it: what a guard looks at.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "tests build it")]
pub struct About<'a> {
    /// The message that a mark names.
    pub message: Option<&'a Head>,
    /// The group that is joined, posted to, or that the message went to.
    pub group: Option<GroupHead>,
    /// What the group knows of whoever asks.
    pub membership: Option<&'a Membership>,
    /// What the group knows of the user whose place in it is to change.
    pub target: Option<&'a Membership>,
    /// Whether the one user it is to has blocked whoever asks.
    pub blocked: bool,
}

/// Judges a put by its guard.
///
/// Pure: the same put and the same facts give the same verdict everywhere.
#[must_use]
pub fn judge(put: &Put, about: &About<'_>) -> Verdict {
    let stranger = Membership::default();
    let member = about.membership.unwrap_or(&stranger);
    let (granted, otherwise) = match (put.guard, &put.record) {
        // The sign-in lets into what is closed, but not into what is no more, nor who was put out for good.
        (Guard::None, Record::Join { .. }) => {
            let gone = about.group.is_some_and(|group| group.deleted);
            (!gone && !member.is_banned(), Reject::NotMember)
        }
        (Guard::None, _) => (true, Reject::Unsupported),
        (Guard::Recipient, Record::Mark { by, .. }) => {
            let received = about.message.is_some_and(|head| received(head, &by.user, about.membership));
            (received, Reject::NoSuchMessage)
        }
        (Guard::MayPost, Record::Message { .. }) => return verdict(may_post(about.group, member)),
        (Guard::MayWrite, Record::Message { .. }) => (!about.blocked, Reject::Blocked),
        (Guard::Author, Record::Revise { by, .. }) => {
            (about.message.is_some_and(|head| head.from.user == by.user), Reject::NoSuchMessage)
        }
        (Guard::Reader, Record::React { by, react, .. }) => {
            let may = may_react(about.message, &by.user, about.membership);
            // Who is blocked may still take back what they said.
            let unheard = react.on && about.blocked;
            return verdict(may.and(if unheard { Err(Reject::Blocked) } else { Ok(()) }));
        }
        (Guard::MayJoin, Record::Join { opens, .. }) => {
            return verdict(may_join(about.group, member, *opens));
        }
        (Guard::MayManage, Record::Group { by, command, .. }) => {
            let to_self = command.act.subject() == Some(&by.user);
            return verdict(may_manage(&command.act, about.group, member, about.target, to_self));
        }
        _ => (false, Reject::Unsupported),
    };
    if granted { Verdict::Granted } else { Verdict::Refused(otherwise) }
}

fn verdict(may: Result<(), Reject>) -> Verdict {
    may.map_or_else(Verdict::Refused, |()| Verdict::Granted)
}

/// The author of a message and those who received it, while they are in its conversation. Who may not post there may
/// react all the same.
fn may_react(message: Option<&Head>, by: &UserId, membership: Option<&Membership>) -> Result<(), Reject> {
    // What went to nobody has no place, and nobody to speak about it.
    let head = message.filter(|head| head.seq != Seq(0)).ok_or(Reject::NoSuchMessage)?;
    if head.from.user != *by && !received(head, by, membership) {
        return Err(Reject::NoSuchMessage);
    }
    match head.to {
        Address::Group(_) if !membership.is_some_and(Membership::is_member) => Err(Reject::NotMember),
        _ => Ok(()),
    }
}

fn received(head: &Head, by: &UserId, membership: Option<&Membership>) -> bool {
    match head.to {
        Address::Group(_) => head.is_for(by) && membership.is_some_and(|it| it.saw(head.seq)),
        _ => head.is_for(by),
    }
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
    /// Groups whose feeds grew.
    pub(super) fed: Vec<GroupId>,
    /// The cursor stays where it is.
    pub(super) adrift: bool,
}

/// Marks of one ticket that raised something, by the author to be told and status: they share receipt rows. No author
/// where it is news to the speaker's own devices only.
type Raised = BTreeMap<(Option<UserId>, Status), Vec<Names>>;

fn decide<V: View>(ticket: &Ticket, overlay: &mut Overlay<'_, V>) -> Result<Decision, V::Error> {
    let mut decision = Decision::default();
    let mut raised = Raised::new();
    for put in ticket.puts() {
        let outcome = match &put.record {
            _ if told_otherwise(put, overlay)? => Outcome::Refused(Reject::Conflict),
            Record::Message { .. } => message::settle(put, overlay, &mut decision)?,
            Record::Mark { .. } => mark::settle(put, overlay, &mut raised)?,
            Record::Revise { .. } => revise::settle(put, overlay, &mut decision)?,
            Record::Group { .. } => manage::settle(put, overlay, &mut decision)?,
            Record::Join { by, at, group, opens, row_members } => {
                let mover = Mover { by, at: *at, group, row_members: *row_members };
                member::join(put, mover, *opens, overlay, &mut decision)?
            }
            Record::Pull { user, rows, bytes } => {
                feed::pull(user, *rows, (*bytes).into(), overlay, &mut decision.deliveries)?
            }
            Record::Leave { by, at, group } => {
                // Nobody comes in, so that no group grows too large by it.
                let mover = Mover { by, at: *at, group, row_members: u32::MAX };
                member::leave(mover, overlay, &mut decision)?
            }
            Record::Setting { by, at, setting } => setting::settle(by, *at, setting, overlay)?,
            Record::React { .. } => react::settle(put, overlay, &mut decision)?,
            Record::User { .. } => user::settle(put, overlay, &mut decision)?,
            Record::Sighted(sightings) => user::sighted(sightings, overlay)?,
        };
        remember_refusal(put, &outcome, overlay)?;
        decision.outcomes.push(outcome);
    }
    if let Some(Put { audience, record: Record::Mark { by, at, .. }, .. }) = ticket.puts().last() {
        mark::receipts(raised, audience, by, *at, overlay, &mut decision.deliveries)?;
    }
    if let Some((device, offset)) = ticket.cursor() {
        decision.adrift = !overlay.cursor(device, ticket.cursor_from(), *offset)?;
    }
    Ok(decision)
}

/// Whether a later session of the same device was told that nothing of this name is stored. What an earlier one asked for
/// may reach storage after that, by another core, and may by then be allowed: it would appear though it was refused.
fn told_otherwise<V: View>(put: &Put, overlay: &Overlay<'_, V>) -> Result<bool, V::Error> {
    let Some(key) = put.key.as_ref().filter(|_| put.session > 0) else { return Ok(false) };
    Ok(matches!(overlay.known(key)?, Some(Known::Refused { session }) if put.session < session))
}

/// Says so to those who come too late. Only where there may be any.
fn remember_refusal<V: View>(
    put: &Put,
    outcome: &Outcome,
    overlay: &mut Overlay<'_, V>,
) -> Result<(), V::Error> {
    let Some(key) = put.key.as_ref().filter(|_| put.session > 0) else { return Ok(()) };
    if matches!(outcome, Outcome::Refused(_))
        && overlay.known(key)?.is_none_or(|known| known.is_before(put.session))
    {
        overlay.key(key.clone(), Known::Refused { session: put.session });
    }
    Ok(())
}

/// As [`deliver`], and the row in the author's own mailbox; zero when there is none.
fn deliver_with_own<V: View>(
    users: &[UserId],
    author: &UserId,
    sequence: u64,
    entry: &Arc<Entry>,
    overlay: &mut Overlay<'_, V>,
    deliveries: &mut Vec<Delivery>,
) -> Result<Offset, V::Error> {
    let first = deliveries.len();
    deliver(users, sequence, entry, overlay, deliveries)?;
    let own = deliveries[first..].iter().find(|delivery| delivery.user == *author);
    Ok(own.map_or(Offset::ZERO, |delivery| delivery.offset))
}

/// One row for each of `users`, who are named once each.
fn deliver<'u, V: View>(
    users: impl IntoIterator<Item = &'u UserId>,
    sequence: u64,
    entry: &Arc<Entry>,
    overlay: &mut Overlay<'_, V>,
    deliveries: &mut Vec<Delivery>,
) -> Result<(), V::Error> {
    for user in users {
        let offset = overlay.row(user, sequence)?;
        deliveries.push(Delivery { user: user.clone(), offset, entry: Arc::clone(entry) });
    }
    Ok(())
}
