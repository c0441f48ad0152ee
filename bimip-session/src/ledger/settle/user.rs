//! A user changes their profile, their address book, whom they block, or which devices they have.

use std::collections::BTreeSet;
use std::sync::Arc;

use bimip_proto::{
    Device, DeviceName, Entry, Offset, Reject, Saved, UnixMs, UserAct, UserChange, UserId, UserNews,
    UserProfile, limits,
};

use super::{Decision, deliver_with_own};
use crate::ledger::overlay::Overlay;
use crate::ledger::put::{Put, Record, digest_of_user};
use crate::ledger::standing::Standing;
use crate::ledger::ticket::{Decided, Outcome};
use crate::ledger::user::{Listed, Sighting};
use crate::ledger::view::{Known, View};

pub(super) fn settle<V: View>(
    put: &Put,
    overlay: &mut Overlay<'_, V>,
    decision: &mut Decision,
) -> Result<Outcome, V::Error> {
    let Record::User { by, at, command } = &put.record else {
        return Ok(Outcome::Refused(Reject::Unsupported));
    };
    let digest = digest_of_user(&command.act);
    if let Some(key) = &put.key
        && let Some(Known::Stored { sequence, offset, digest: first }) = overlay.known(key)?
    {
        return if first == digest {
            repeat(sequence, offset, overlay)
        } else {
            Ok(Outcome::Refused(Reject::Conflict))
        };
    }
    let step = match carry_out(&by.user, *at, &command.act, overlay)? {
        Ok(step) => step,
        Err(reject) => return Ok(Outcome::Refused(reject)),
    };
    let edition = overlay.user_head(&by.user)?.edition;
    let (client_ref, what) = (command.client_ref.clone(), step.what);
    let change = UserChange { by: by.clone(), client_ref, at: *at, edition, what };
    let entry = Arc::new(Entry::User(change));
    let sequence = overlay.log(Arc::clone(&entry));
    // What changes nothing is remembered by its name, and told to nobody.
    let users = if step.still { &[][..] } else { std::slice::from_ref(&by.user) };
    let offset = deliver_with_own(users, &by.user, sequence, &entry, overlay, &mut decision.deliveries)?;
    if let Some(key) = &put.key {
        overlay.key(key.clone(), Known::Stored { sequence, offset, digest });
    }
    Ok(Outcome::User { edition, offset, decided: step.decided })
}

fn repeat<V: View>(sequence: u64, offset: Offset, overlay: &Overlay<'_, V>) -> Result<Outcome, V::Error> {
    Ok(match overlay.entry(sequence)?.as_deref() {
        Some(Entry::User(first)) => Outcome::User { edition: first.edition, offset, decided: None },
        _ => Outcome::Refused(Reject::Conflict),
    })
}

/// What a command comes to.
struct Step {
    what: UserNews,
    /// Nothing changes.
    still: bool,
    /// What sessions have to know of it.
    decided: Option<Decided>,
}

impl Step {
    const fn new(what: UserNews, still: bool) -> Self {
        Self { what, still, decided: None }
    }
}

fn carry_out<V: View>(
    user: &UserId,
    at: UnixMs,
    act: &UserAct,
    overlay: &mut Overlay<'_, V>,
) -> Result<Result<Step, Reject>, V::Error> {
    Ok(match act {
        UserAct::EditProfile { name, about, avatar } => {
            let mut head = overlay.user_head(user)?;
            let before = &head.profile;
            let or = |text: &Option<Arc<str>>, before: &Arc<str>| {
                text.as_ref().map_or_else(|| Arc::clone(before), Arc::clone)
            };
            let profile = Arc::new(UserProfile {
                name: or(name, &before.name),
                about: or(about, &before.about),
                avatar: or(avatar, &before.avatar),
            });
            let still = profile == head.profile;
            if !still {
                if head.edition == u32::MAX {
                    return Ok(Err(Reject::Full));
                }
                head.edition += 1;
                head.profile = Arc::clone(&profile);
                overlay.set_user_head(user, head);
            }
            Ok(Step::new(UserNews::Profile(profile), still))
        }
        UserAct::Save(saved) => save(user, saved, overlay)?,
        UserAct::Forget(other) => {
            let there = overlay.saved(user, other)?.is_some();
            if there {
                let mut head = overlay.user_head(user)?;
                head.saved = head.saved.saturating_sub(1);
                overlay.set_user_head(user, head);
                overlay.set_saved(user, other, None);
            }
            Ok(Step::new(UserNews::Forgotten(other.clone()), !there))
        }
        UserAct::Block(other) => block(user, other, true, overlay)?,
        UserAct::Unblock(other) => block(user, other, false, overlay)?,
        UserAct::RemoveDevice(name) => Ok(remove(user, at, name, overlay)?),
        _ => Err(Reject::Unsupported),
    })
}

fn save<V: View>(
    user: &UserId,
    saved: &Saved,
    overlay: &mut Overlay<'_, V>,
) -> Result<Result<Step, Reject>, V::Error> {
    let before = overlay.saved(user, &saved.user)?;
    let still = before.as_ref() == Some(&saved.name);
    if before.is_none() {
        let mut head = overlay.user_head(user)?;
        if head.saved >= limits::SAVED_USERS {
            return Ok(Err(Reject::Full));
        }
        head.saved += 1;
        overlay.set_user_head(user, head);
    }
    if !still {
        overlay.set_saved(user, &saved.user, Some(Arc::clone(&saved.name)));
    }
    Ok(Ok(Step::new(UserNews::Saved(saved.clone()), still)))
}

fn block<V: View>(
    user: &UserId,
    other: &UserId,
    blocks: bool,
    overlay: &mut Overlay<'_, V>,
) -> Result<Result<Step, Reject>, V::Error> {
    let news = if blocks { UserNews::Blocked(other.clone()) } else { UserNews::Unblocked(other.clone()) };
    let mut blocked: BTreeSet<UserId> = overlay.blocked(user)?.into_iter().collect();
    if blocked.contains(other) == blocks {
        return Ok(Ok(Step::new(news, true)));
    }
    if blocks {
        if blocked.len() >= limits::BLOCKED_USERS {
            return Ok(Err(Reject::Full));
        }
        blocked.insert(other.clone());
    } else {
        blocked.remove(other);
    }
    overlay.set_blocked(user, other, blocks);
    let decided = Decided::Blocked { user: user.clone(), blocked: Arc::new(blocked), other: other.clone() };
    Ok(Ok(Step { decided: Some(decided), ..Step::new(news, false) }))
}

/// Also of a device that is not listed: what has a token is there all the same.
fn remove<V: View>(
    user: &UserId,
    at: UnixMs,
    name: &DeviceName,
    overlay: &mut Overlay<'_, V>,
) -> Result<Step, V::Error> {
    let device = Device::new(user.clone(), name.clone());
    let mut standing: Standing = (*overlay.standing(user)?).clone();
    standing.log_out_device(name.clone(), at);
    let standing = Arc::new(standing);
    overlay.set_standing(user.clone(), Arc::clone(&standing))?;
    overlay.set_push_token(device.clone(), None)?;
    overlay.set_listed(&device, None)?;
    let decided = Decided::DeviceRemoved { user: user.clone(), device: name.clone(), standing };
    let news = UserNews::DeviceRemoved(name.clone());
    Ok(Step { decided: Some(decided), ..Step::new(news, false) })
}

/// Devices came or went. Of several words about one the latest counts, in whatever order they come.
pub(super) fn sighted<V: View>(
    sightings: &[Sighting],
    overlay: &mut Overlay<'_, V>,
) -> Result<Outcome, V::Error> {
    for Sighting { device, since, at } in sightings {
        let standing = overlay.standing(&device.user)?;
        // When somebody was here who is hidden is not written down: it would be told once they are not.
        if !standing.hidden && *at > overlay.last_seen(&device.user)? {
            overlay.set_last_seen(&device.user, *at);
        }
        let gone = standing.logged_out_before(&device.name);
        let listed = overlay.listed(&device.user)?;
        match listed.get(&device.name) {
            Some(before) if before.last >= *at => {}
            Some(before) => overlay.set_listed(device, Some(Listed { last: *at, ..*before }))?,
            // The end of a session that was removed does not bring its device back.
            None if gone > UnixMs(0) && *since <= gone => {}
            None => {
                if listed.len() >= limits::LISTED_DEVICES
                    && let Some((oldest, _)) = listed.iter().min_by_key(|(_, it)| it.last)
                {
                    overlay.set_listed(&Device::new(device.user.clone(), oldest.clone()), None)?;
                }
                overlay.set_listed(device, Some(Listed { first: *since, last: *at }))?;
            }
        }
    }
    Ok(Outcome::Noted)
}
