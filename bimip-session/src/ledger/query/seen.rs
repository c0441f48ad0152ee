//! What a user may see of a conversation.

use bimip_proto::{ConversationId, Head, Seq, UserId};

use crate::ledger::group::Membership;
use crate::ledger::view::View;

/// The messages of a conversation that one user may see, by their places.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) user: UserId,
    pub(super) conversation: ConversationId,
    /// In a group: what the group knows of the user.
    pub(super) membership: Membership,
    /// First to last of each stretch, apart from each other and in order.
    stretches: Vec<(u64, u64)>,
}

impl Seen {
    /// Between two, everything, for each of them. In a group what was said during one's stays. Nothing for others.
    pub(super) fn by<V: View>(
        user: &UserId,
        conversation: ConversationId,
        view: &V,
    ) -> Result<Self, V::Error> {
        let mut membership = Membership::default();
        let stays = match &conversation {
            ConversationId::Group(group) => {
                membership = view.membership(group, user)?;
                membership
                    .stays()
                    .iter()
                    .map(|stay| (stay.joined.0 + 1, stay.left.map(|left| left.0)))
                    .collect()
            }
            two if two.peer_of(user).is_some() => vec![(1, None)],
            _ => Vec::new(),
        };
        // Whoever never was there costs no look at what is there.
        let head = if stays.is_empty() { 0 } else { view.conversation(&conversation)?.seq.0 };
        let ends = stays.into_iter().map(|(first, last)| (first, last.unwrap_or(head).min(head)));
        let stretches = ends.filter(|(first, last)| first <= last).collect();
        Ok(Self { user: user.clone(), conversation, membership, stretches })
    }

    /// Whether a message's edits are this user's to see. A store knows which edition of a message holds, and not whether it was
    /// made before a stay ended: so after the stay that saw the message none is told. One's own edits are, since only a
    /// member edits.
    pub(super) fn follows(&self, head: &Head) -> bool {
        head.from.user == self.user || self.goes_on(head)
    }

    /// Whether the stay that saw a message lasts, so that what is said about it now is for this user.
    pub(super) fn goes_on(&self, head: &Head) -> bool {
        let lasts =
            || self.membership.stays().last().is_some_and(|it| it.left.is_none() && it.joined < head.seq);
        !matches!(self.conversation, ConversationId::Group(_)) || lasts()
    }

    /// The last message.
    pub(super) fn last(&self) -> Option<Seq> {
        self.stretches.last().map(|(_, last)| Seq(*last))
    }

    /// How many messages.
    pub(super) fn count(&self) -> u64 {
        self.after(Seq(0))
    }

    /// How many messages after this place.
    pub(super) fn after(&self, place: Seq) -> u64 {
        let beyond =
            |(first, last): &(u64, u64)| (last + 1).saturating_sub((*first).max(place.0.saturating_add(1)));
        self.stretches.iter().map(beyond).sum()
    }

    /// The message that has so many before it.
    pub(super) fn nth(&self, before: u64) -> Option<Seq> {
        let mut left = before;
        self.stretches.iter().find_map(|(first, last)| {
            let seq = first.saturating_add(left);
            left = left.saturating_sub(last - first + 1);
            (seq <= *last).then_some(Seq(seq))
        })
    }

    /// Those after this place, in order.
    pub(super) fn from(&self, place: Seq) -> impl Iterator<Item = Seq> + '_ {
        let place = place.0.saturating_add(1);
        self.stretches.iter().flat_map(move |(first, last)| (*first).max(place)..=*last).map(Seq)
    }

    /// Those before this place, the last one first.
    pub(super) fn back_from(&self, place: Seq) -> impl Iterator<Item = Seq> + '_ {
        let stretches = self.stretches.iter().rev();
        stretches
            .flat_map(move |(first, last)| (*first..=(*last).min(place.0.saturating_sub(1))).rev())
            .map(Seq)
    }
}
