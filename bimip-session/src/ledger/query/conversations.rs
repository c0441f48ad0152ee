//! The list of a user's conversations.

use std::collections::BTreeMap;

use bimip_proto::{ConversationId, ConversationState, MessageId, PageFrom, Seq, UserId, limits};

use super::place::sequence;
use super::seen::Seen;
use super::{Page, history, weight};
use crate::ledger::view::View;

/// Conversations with a message that the user may see, the one with the newest first: those with somebody, and the groups
/// that the user is in. And whether there are more.
///
/// It looks at the last message of each conversation that the user has, and remembers no more than a page of them. Their
/// order is that of the log, so that a conversation in which something happens meanwhile moves up, out of the way of the
/// pages that follow, and none is skipped for it.
pub(super) fn page<V: View>(
    user: &UserId,
    from: PageFrom<MessageId>,
    rows: u32,
    view: &V,
) -> Result<(Vec<ConversationState>, bool), V::Error> {
    let (after, before) = match from {
        PageFrom::Latest => (None, u64::MAX),
        PageFrom::Before(id) => (None, sequence(id, view)),
        PageFrom::After(id) => (Some(sequence(id, view)), u64::MAX),
    };
    let mut nearest = Nearest { after, before, most: rows as usize + 1, found: BTreeMap::new() };
    nearest.look_at(Seen::by(user, ConversationId::direct(user.clone(), user.clone()), view)?, view)?;
    view.peers(user, &mut |peer| {
        nearest.look_at(Seen::by(user, ConversationId::direct(user.clone(), peer.clone()), view)?, view)
    })?;
    for group in view.groups_of(user)? {
        nearest.look_at(Seen::by(user, ConversationId::Group(group), view)?, view)?;
    }
    let found = nearest.found.into_values();
    if after.is_none() {
        return gather(found.rev(), rows, view);
    }
    let (mut conversations, more) = gather(found, rows, view)?;
    conversations.reverse();
    Ok((conversations, more))
}

fn gather<V: View>(
    found: impl Iterator<Item = Seen>,
    rows: u32,
    view: &V,
) -> Result<(Vec<ConversationState>, bool), V::Error> {
    let mut page = Page::new(rows);
    for seen in found {
        if page.is_full() {
            break;
        }
        let Some(state) = state(&seen, view)? else { continue };
        let bytes = weight(&state.last) + (state.deleted.len() * size_of::<Seq>()) as u64;
        if !page.push(state, bytes) {
            break;
        }
    }
    Ok((page.rows, page.more))
}

/// The conversations that are next to a place, among those that were looked at.
struct Nearest {
    after: Option<u64>,
    before: u64,
    most: usize,
    /// By the log entries of their last messages.
    found: BTreeMap<u64, Seen>,
}

impl Nearest {
    fn look_at<V: View>(&mut self, seen: Seen, view: &V) -> Result<(), V::Error> {
        let Some(last) = seen.last() else { return Ok(()) };
        let Some(sequence) = view.sequence_of(&seen.conversation, last)? else { return Ok(()) };
        if sequence < self.before && self.after.is_none_or(|after| sequence > after) {
            self.found.insert(sequence, seen);
        }
        if self.found.len() > self.most {
            if self.after.is_some() {
                self.found.pop_last()
            } else {
                self.found.pop_first()
            };
        }
        Ok(())
    }
}

/// A conversation as it stands in the list; `None` where the user sees nothing of it.
pub(super) fn state<V: View>(seen: &Seen, view: &V) -> Result<Option<ConversationState>, V::Error> {
    let Some(last) = seen.last() else { return Ok(None) };
    let Some(last) = history::message(seen, last, view)? else { return Ok(None) };
    let read = view.read_upto(&seen.conversation, &seen.user)?;
    let unread = seen.after(read);
    let mut deleted = Vec::new();
    for seq in seen.back_from(Seq(u64::MAX)).take_while(|seq| *seq > read).take(limits::UNREAD_MESSAGES) {
        let sequence = view.sequence_of(&seen.conversation, seq)?;
        if sequence.map_or(Ok(false), |sequence| view.revised(sequence).map(|it| it.deleted))? {
            deleted.push(seq);
        }
    }
    Ok(Some(ConversationState {
        last,
        messages: seen.count(),
        read,
        unread: unread - deleted.len() as u64,
        deleted,
        exact: unread <= limits::UNREAD_MESSAGES as u64,
    }))
}
