//! What a user may see of another one, and of their own devices.

use std::sync::Arc;

use bimip_proto::{ConversationId, Device, OwnDevice, ProfileState, Seq, UnixMs, UserId};

use crate::ledger::view::View;

/// What `asker` may see of `owner`. `None` also where there is no such user: a stranger learns nothing.
pub(super) fn profile<V: View>(
    owner: &UserId,
    asker: &UserId,
    view: &V,
) -> Result<Option<ProfileState>, V::Error> {
    if !may_see(owner, asker, view)? {
        return Ok(None);
    }
    let head = view.user_head(owner)?;
    let told = owner == asker || !(view.standing(owner)?.hidden || view.has_blocked(asker, owner)?);
    let seen = if told { view.last_seen(owner)? } else { UnixMs(0) };
    Ok(Some(ProfileState {
        user: owner.clone(),
        edition: head.edition,
        profile: Arc::clone(&head.profile),
        last_seen: Some(seen).filter(|at| *at > UnixMs(0)),
    }))
}

/// Whether a user shows themselves to another one: to whom they have in their address book, have a conversation with, or
/// are in a group with, and have not blocked. Whom somebody else has in theirs is not for that one to decide.
fn may_see<V: View>(owner: &UserId, asker: &UserId, view: &V) -> Result<bool, V::Error> {
    if owner == asker {
        return Ok(true);
    }
    if view.has_blocked(owner, asker)? {
        return Ok(false);
    }
    let conversation = ConversationId::direct(owner.clone(), asker.clone());
    if view.saved(owner, asker)?.is_some() || view.conversation(&conversation)?.seq > Seq(0) {
        return Ok(true);
    }
    for group in view.groups_of(asker)? {
        if view.membership(&group, owner)?.is_member() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The devices of a user that are listed, in the order of their names.
pub(super) fn devices<V: View>(user: &UserId, view: &V) -> Result<Vec<OwnDevice>, V::Error> {
    let (standing, tokens) = (view.standing(user)?, view.push_tokens(user)?);
    let mut devices = Vec::new();
    for (name, listed) in view.listed(user)? {
        let date = standing.logged_out_before(&name);
        devices.push(OwnDevice {
            first_seen: listed.first,
            last_seen: listed.last,
            cursor: view.cursor(&Device::new(user.clone(), name.clone()))?,
            push: tokens.iter().any(|(of, _)| *of == name),
            logged_out_before: Some(date).filter(|date| *date > UnixMs(0)),
            name,
        });
    }
    Ok(devices)
}
