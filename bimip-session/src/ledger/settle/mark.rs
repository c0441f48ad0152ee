//! What is said about a message, and the receipts that come of it.

use std::sync::Arc;

use bimip_proto::{
    Address, Device, Entry, GroupId, Head, Receipt, Reject, Seq, Status, UnixMs, UserId, limits,
};

use super::find::{Side, find};
use super::{About, Raised, Verdict, deliver, judge};
use crate::ledger::group::{GroupHead, Membership};
use crate::ledger::overlay::Overlay;
use crate::ledger::put::{Audience, Put, Record};
use crate::ledger::ticket::{Delivery, Outcome};
use crate::ledger::view::View;

pub(super) fn settle<V: View>(
    put: &Put,
    overlay: &mut Overlay<'_, V>,
    raised: &mut Raised,
) -> Result<Outcome, V::Error> {
    let Record::Mark { by, status, at, message } = &put.record else {
        return Ok(Outcome::Refused(Reject::Unsupported));
    };
    let found = find(message, &by.user, Side::Receiver, overlay)?;
    // A message that went to nobody has no place in its conversation, and nobody to speak about it.
    let Some(Entry::Message(found)) = found.as_deref() else { return no_such_message() };
    let head = &found.head;
    if head.seq == Seq(0) {
        return no_such_message();
    }
    let group = match &head.to {
        Address::Group(group) => Some(InGroup::read(group, &by.user, overlay)?),
        _ => None,
    };
    let about = About {
        message: Some(head),
        group: group.as_ref().map(|it| it.head),
        membership: group.as_ref().map(|it| &it.membership),
        ..About::default()
    };
    if let Verdict::Refused(reject) = judge(put, &about) {
        return Ok(Outcome::Refused(reject));
    }
    if *status == Status::Read {
        overlay.read(head.conversation(), &by.user, head.seq)?;
    }
    let news = match group {
        Some(group) if group.is_large() => group.mark(by, *status, *at, head, overlay)?,
        _ if raise(head.id.sequence(), &by.user, *status, *at, overlay)? => News::ToAuthor,
        _ => News::None,
    };
    let author = match news {
        News::ToAuthor => Some(head.from.user.clone()),
        News::ToOwnDevices => None,
        News::None => return Ok(Outcome::Noted),
    };
    raised.entry((author, *status)).or_default().push(head.names());
    Ok(Outcome::Noted)
}

#[expect(clippy::unnecessary_wraps, reason = "what a put comes to, like its neighbours")]
const fn no_such_message<E>() -> Result<Outcome, E> {
    Ok(Outcome::Refused(Reject::NoSuchMessage))
}

/// Who is told of a mark.
enum News {
    /// The author, and, where it was said on purpose, the speaker's other devices.
    ToAuthor,
    /// Only the latter.
    ToOwnDevices,
    None,
}

/// Notes a mark under a user's name. Whether it says something new.
fn raise<V: View>(
    sequence: u64,
    user: &UserId,
    status: Status,
    at: UnixMs,
    overlay: &mut Overlay<'_, V>,
) -> Result<bool, V::Error> {
    let before = overlay.marked(sequence, user)?;
    let after = before.with(status, at);
    if after != before {
        overlay.mark(sequence, user.clone(), after);
    }
    Ok(after != before)
}

/// A group, and the one who speaks about a message in it.
struct InGroup<'a> {
    group: &'a GroupId,
    head: GroupHead,
    membership: Membership,
}

impl<'a> InGroup<'a> {
    fn read<V: View>(group: &'a GroupId, user: &UserId, overlay: &Overlay<'_, V>) -> Result<Self, V::Error> {
        let (head, membership) = (overlay.group(group)?, overlay.membership(group, user)?);
        Ok(Self { group, head: head.unwrap_or_default(), membership })
    }

    const fn is_large(&self) -> bool {
        self.head.members > limits::RECEIPT_MEMBERS
    }

    /// In a large group a member is remembered by how far they are, not by message; and the author hears of the
    /// first of each kind. Who was first is remembered under the author's own name, who says nothing about an own
    /// message.
    fn mark<V: View>(
        mut self,
        by: &Device,
        status: Status,
        at: UnixMs,
        head: &Head,
        overlay: &mut Overlay<'_, V>,
    ) -> Result<News, V::Error> {
        let before = (self.membership.delivered(), self.membership.read());
        self.membership.mark(status, head.seq);
        let further = (self.membership.delivered(), self.membership.read()) != before;
        if further {
            overlay.set_membership(self.group.clone(), by.user.clone(), self.membership);
        }
        let first = raise(head.id.sequence(), &head.from.user, status, at, overlay)?;
        // What was said while the group was small was told then.
        let told = first && overlay.marks(head.id.sequence(), &by.user)?.has(status);
        Ok(match first && !told {
            true => News::ToAuthor,
            false if further => News::ToOwnDevices,
            false => News::None,
        })
    }
}

/// One row for each author and status, and up to so many messages.
pub(super) fn receipts<V: View>(
    raised: Raised,
    audience: &Audience,
    by: &Device,
    at: UnixMs,
    overlay: &mut Overlay<'_, V>,
    deliveries: &mut Vec<Delivery>,
) -> Result<(), V::Error> {
    for ((author, status), messages) in raised {
        let and_self = matches!(audience, Audience::Author { and_self: true });
        let own = (and_self && author.as_ref() != Some(&by.user)).then_some(&by.user);
        let users = author.iter().chain(own);
        if users.clone().next().is_none() {
            continue;
        }
        for part in messages.chunks(limits::RECEIPT_MESSAGES) {
            let receipt = Receipt { by: by.clone(), status, at, messages: part.to_vec() };
            let entry = Arc::new(Entry::Receipt(receipt));
            let sequence = overlay.log(Arc::clone(&entry));
            deliver(users.clone(), sequence, &entry, overlay, deliveries)?;
        }
    }
    Ok(())
}
