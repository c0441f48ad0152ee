//! How far a message got, as far as it is stored. The core that answers adds what it knows of its connections.

use bimip_proto::{
    Address, Device, DeviceState, DeviceStatus, Entry, GroupId, Head, MessageRef, MessageStatus, NotYet,
    Offset, RecipientStatus, Status, StatusCounts, UnixMs, UserId, limits,
};

use super::history::in_group;
use crate::ledger::feed::Stretch;
use crate::ledger::group::Membership;
use crate::ledger::settle::named;
use crate::ledger::view::{Marked, View};

/// How far a message got; `None` where it is not this user's to know of.
pub(super) fn of<V: View>(
    message: &MessageRef,
    asker: &UserId,
    after: Option<&UserId>,
    users: u32,
    view: &V,
) -> Result<Option<MessageStatus>, V::Error> {
    let Some(entry) = named(message, asker, true, view)? else { return Ok(None) };
    let Entry::Message(found) = &*entry else { return Ok(None) };
    let head = &found.head;
    let deleted = view.revised(head.id.sequence())?.deleted;
    let mut inquiry = Inquiry { view, asker, head, deleted, rows_left: limits::STATUS_ROWS };
    let mut status = MessageStatus {
        id: head.id,
        client_ref: head.client_ref.clone(),
        from: head.from.clone(),
        to: head.to.clone(),
        seq: head.seq,
        at: head.at,
        deleted,
        counts: StatusCounts { exact: true, ..StatusCounts::default() },
        recipients: Vec::new(),
        more: false,
    };
    match &head.to {
        Address::Group(group) if head.from.user == *asker => {
            inquiry.of_group(group, after, users as usize, &mut status)?;
        }
        // An author has other recipients than themselves, or none but; anybody else who may ask is one.
        to => {
            let recipient = match to {
                Address::User(to) => to,
                _ => asker,
            };
            let membership = match to {
                Address::Group(group) => Some(view.membership(group, recipient)?),
                _ => None,
            };
            let marked = inquiry.marked(recipient, membership.as_ref())?;
            count(&mut status.counts, marked);
            if after.is_none_or(|after| recipient > after) {
                status.recipients.push(inquiry.recipient(recipient, membership.as_ref(), true, marked)?);
            }
        }
    }
    Ok(Some(status))
}

/// One question about one message.
struct Inquiry<'a, V> {
    view: &'a V,
    asker: &'a UserId,
    head: &'a Head,
    deleted: bool,
    /// How many more rows of mailboxes may be looked at.
    rows_left: u32,
}

impl<V: View> Inquiry<'_, V> {
    /// Everybody to whom a message of a group went.
    fn of_group(
        &mut self,
        group: &GroupId,
        after: Option<&UserId>,
        users: usize,
        status: &mut MessageStatus,
    ) -> Result<(), V::Error> {
        // In a large group the author's own row says when the first had it.
        let first = self.view.marked(self.head.id.sequence(), &self.head.from.user)?;
        status.counts.first_delivered_at = first.delivered_at;
        status.counts.first_read_at = first.read_at;
        let mut looked = 0;
        self.view.memberships(group, None, &mut |user, membership| {
            looked += 1;
            status.counts.exact = looked <= limits::STATUS_MEMBERS;
            if status.counts.exact && self.went_to(user, membership) {
                count(&mut status.counts, self.marked(user, Some(membership))?);
            }
            Ok(status.counts.exact)
        })?;
        // Those of the page, and one more. They may be far behind those who came later.
        let (mut page, mut passed) = (Vec::new(), 0);
        self.view.memberships(group, after, &mut |user, membership| {
            if self.went_to(user, membership) {
                page.push((user.clone(), membership.clone()));
                passed = 0;
            } else {
                passed += 1;
            }
            Ok(page.len() <= users && passed < limits::STATUS_MEMBERS)
        })?;
        status.more = page.len() > users;
        page.truncate(users);
        let both = self.view.membership(group, self.asker)?.is_member();
        for (user, membership) in page {
            let marked = self.marked(&user, Some(&membership))?;
            let tells = both && membership.is_member();
            status.recipients.push(self.recipient(&user, Some(&membership), tells, marked)?);
        }
        Ok(())
    }

    fn went_to(&self, user: &UserId, membership: &Membership) -> bool {
        *user != self.head.from.user && membership.saw(self.head.seq)
    }

    /// What a recipient said, by message or by place.
    fn marked(&self, user: &UserId, membership: Option<&Membership>) -> Result<Marked, V::Error> {
        let mut marked = self.view.marked(self.head.id.sequence(), user)?;
        if let Some(membership) = membership {
            marked.marks = in_group(marked.marks, membership, self.head.seq);
        }
        Ok(marked)
    }

    /// One recipient. `tells` is whether the asker may know of their devices, as far as the two of them are concerned.
    fn recipient(
        &mut self,
        user: &UserId,
        membership: Option<&Membership>,
        tells: bool,
        marked: Marked,
    ) -> Result<RecipientStatus, V::Error> {
        let standing = self.view.standing(user)?;
        let tells = *user == *self.asker || (tells && !standing.hidden);
        let mut recipient = RecipientStatus {
            user: user.clone(),
            row: None,
            marks: marked.marks,
            delivered_at: marked.delivered_at,
            read_at: marked.read_at,
            why: None,
            devices: None,
            more_devices: false,
        };
        let mut why = None;
        if tells {
            let filled = self.is_filled(user)?;
            recipient.row = if filled { self.row_of(user)? } else { None };
            let mut devices = self.view.devices(user, limits::STATUS_DEVICES + 1)?;
            recipient.more_devices = devices.len() > limits::STATUS_DEVICES;
            devices.truncate(limits::STATUS_DEVICES);
            let mut told = Vec::with_capacity(devices.len());
            for (name, cursor) in devices {
                let device = Device::new(user.clone(), name);
                // A row is not sent to the device that wrote it.
                if device == self.head.from {
                    continue;
                }
                let state = match recipient.row {
                    Some(row) if row <= cursor => DeviceState::Acknowledged,
                    None if filled => DeviceState::Unknown,
                    _ => match standing.logged_out_before(&device.name) {
                        UnixMs(0) => DeviceState::Offline { since: None },
                        at => DeviceState::LoggedOut { at },
                    },
                };
                told.push(DeviceStatus { name: device.name, state, connected_at: None });
            }
            if !filled {
                why = Some(NotYet::NotFilled);
            } else if told.is_empty() && *user != self.head.from.user {
                why = Some(NotYet::NeverConnected);
            }
            recipient.devices = Some(told);
        } else {
            why = Some(NotYet::Untold);
        }
        let left = membership.is_some_and(|it| !it.is_member());
        recipient.why = match why {
            _ if recipient.marks.has(Status::Delivered) => None,
            _ if self.deleted => Some(NotYet::Deleted),
            _ if left => Some(NotYet::LeftGroup),
            why => why,
        };
        Ok(recipient)
    }

    /// Whether the message is in a mailbox, and does not wait in the feed of its group.
    fn is_filled(&self, user: &UserId) -> Result<bool, V::Error> {
        let Address::Group(group) = &self.head.to else { return Ok(true) };
        let Some(head) = self.view.feed_head(group)? else { return Ok(true) };
        let Some(place) = self.place_in_feed(group, head)? else { return Ok(true) };
        let pulls = self.view.pulls_of(user)?;
        let of_group = pulls.iter().filter(|(of, _)| of == group).flat_map(|(_, stretches)| stretches);
        let waits = |it: &Stretch| it.after < place && place <= it.until.unwrap_or(head);
        Ok(!of_group.into_iter().any(waits))
    }

    /// A feed is in the order of the log.
    fn place_in_feed(&self, group: &GroupId, head: u64) -> Result<Option<u64>, V::Error> {
        let (mut low, mut high) = (1, head);
        while low <= high {
            let middle = low.midpoint(high);
            let Some(sequence) = self.view.fed(group, middle)? else { return Ok(None) };
            if sequence == self.head.id.sequence() {
                return Ok(Some(middle));
            }
            if sequence < self.head.id.sequence() {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        Ok(None)
    }

    /// The message's row in a mailbox. Mailboxes are in the order of the log, but for what came from feeds: what halving
    /// does not find is looked for from the end.
    fn row_of(&mut self, user: &UserId) -> Result<Option<Offset>, V::Error> {
        let wanted = self.head.id.sequence();
        let last = self.view.mailbox_head(user)?.0;
        let (mut low, mut high) = (1, last);
        while low <= high {
            let middle = low.midpoint(high);
            let Some(sequence) = self.look_at(user, middle)? else { return Ok(None) };
            if sequence == wanted {
                return Ok(Some(Offset(middle)));
            }
            if sequence < wanted {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        for offset in (1..=last).rev() {
            match self.look_at(user, offset)? {
                Some(sequence) if sequence == wanted => return Ok(Some(Offset(offset))),
                Some(_) => {}
                None => break,
            }
        }
        Ok(None)
    }

    fn look_at(&mut self, user: &UserId, offset: u64) -> Result<Option<u64>, V::Error> {
        let Some(left) = self.rows_left.checked_sub(1) else { return Ok(None) };
        self.rows_left = left;
        self.view.row(user, Offset(offset))
    }
}

fn count(counts: &mut StatusCounts, marked: Marked) {
    let earlier = |one: Option<UnixMs>, other: Option<UnixMs>| match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    counts.recipients += 1;
    counts.delivered += u32::from(marked.marks.has(Status::Delivered));
    counts.read += u32::from(marked.marks.has(Status::Read));
    counts.first_delivered_at = earlier(counts.first_delivered_at, marked.delivered_at);
    counts.first_read_at = earlier(counts.first_read_at, marked.read_at);
}
