//! Which message a reference names, and who may read it.

use std::sync::Arc;

use bimip_proto::{Address, Alias, Channel, ConversationId, Entry, GroupId, MessageRef, Seq, UserId};

use super::received;
use crate::ledger::overlay::Overlay;
use crate::ledger::view::View;

/// The message that `reference` names, if `user` wrote it or received it: [`Guard::Recipient`], and the author.
/// `None` also where there is no such message: a stranger learns nothing.
///
/// [`Guard::Recipient`]: crate::ledger::Guard::Recipient
///
/// # Errors
/// As the view reads.
pub fn readable<V: View>(
    reference: &MessageRef,
    user: &UserId,
    view: &V,
) -> Result<Option<Arc<Entry>>, V::Error> {
    named(reference, user, false, view)
}

/// As [`readable`], also what is deleted if `deleted_too`.
pub(in crate::ledger) fn named<V: View>(
    reference: &MessageRef,
    user: &UserId,
    deleted_too: bool,
    view: &V,
) -> Result<Option<Arc<Entry>>, V::Error> {
    let overlay = Overlay::new(view)?;
    for side in [Side::Receiver, Side::Author] {
        let Some(entry) = find(reference, user, side, &overlay)? else { continue };
        let Entry::Message(message) = &*entry else { continue };
        let head = &message.head;
        // What went to nobody is nobody's to read.
        let may = head.seq != Seq(0)
            && (head.from.user == *user
                || match &head.to {
                    Address::Group(group) => received(head, user, Some(&overlay.membership(group, user)?)),
                    _ => received(head, user, None),
                });
        if may && (deleted_too || !overlay.revised(head.id.sequence())?.deleted) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// What the one who names a message is to it. Ids may hold the separator, so that an alias alone cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Receiver,
    Author,
}

/// The message that `reference` names, as `user` may name it.
pub(super) fn find<V: View>(
    reference: &MessageRef,
    user: &UserId,
    side: Side,
    overlay: &Overlay<'_, V>,
) -> Result<Option<Arc<Entry>>, V::Error> {
    match reference {
        MessageRef::Id(id) if id.epoch() == overlay.epoch() => overlay.entry(id.sequence()),
        MessageRef::Alias(alias) => {
            for conversation in conversations(alias, user, side, overlay)? {
                let Some(sequence) = overlay.sequence_at(&conversation, alias.stamp)? else { continue };
                let entry = overlay.entry(sequence)?;
                if matches!(entry.as_deref(), Some(Entry::Message(message)) if message.head.alias() == *alias)
                {
                    return Ok(entry);
                }
            }
            Ok(None)
        }
        // Groups are not named by place in any dialect.
        MessageRef::Place { conversation, seq } if conversation.peer_of(user).is_some() => {
            overlay.sequence_of(conversation, *seq)?.map_or(Ok(None), |sequence| overlay.entry(sequence))
        }
        _ => Ok(None),
    }
}

/// The conversations that an alias can mean. Ids may hold the separator, so only what the user is known to be part of
/// is tried: being the receiver, or the author, or being in the group.
fn conversations<V: View>(
    alias: &Alias,
    user: &UserId,
    side: Side,
    overlay: &Overlay<'_, V>,
) -> Result<Vec<ConversationId>, V::Error> {
    let mut found = Vec::new();
    match alias.channel {
        Channel::Private => {
            let own = |to: &str, from: &str| match side {
                Side::Receiver => to == user.as_str(),
                Side::Author => from == user.as_str(),
            };
            for (to, from) in alias.candidates().filter(|(to, from)| own(to, from)) {
                let (Ok(to), Ok(from)) = (UserId::new(to), UserId::new(from)) else { continue };
                found.push(ConversationId::direct(to, from));
            }
        }
        Channel::Group if side == Side::Author => {
            // An author speaks about what they wrote also after they left.
            for (to, _) in alias.candidates().filter(|(_, from)| *from == user.as_str()) {
                found.extend(GroupId::new(to).map(ConversationId::Group));
            }
        }
        Channel::Group => {
            let groups = overlay.groups_of(user)?;
            for (to, _) in alias.candidates() {
                let group = groups.binary_search_by(|group| group.as_str().cmp(to));
                found.extend(group.map(|at| ConversationId::Group(groups[at].clone())));
            }
        }
    }
    Ok(found)
}
