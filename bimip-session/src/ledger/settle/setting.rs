//! A user decides something about their own account.

use std::sync::Arc;

use bimip_proto::{Device, Reject, UnixMs, limits};

use crate::ledger::overlay::Overlay;
use crate::ledger::standing::Setting;
use crate::ledger::ticket::Outcome;
use crate::ledger::view::View;

pub(super) fn settle<V: View>(
    by: &Device,
    at: UnixMs,
    setting: &Setting,
    overlay: &mut Overlay<'_, V>,
) -> Result<Outcome, V::Error> {
    let user = &by.user;
    let mut standing = (*overlay.standing(user)?).clone();
    match setting {
        Setting::Visible(visible) => standing.hidden = !visible,
        Setting::Revoke { token, until } => {
            if let Err(reason) = standing.revoke(token.clone(), *until, at) {
                return Ok(Outcome::Refused(reason));
            }
        }
        Setting::LogOutDevice(name) => {
            standing.log_out_device(name.clone(), at);
            overlay.set_push_token(Device::new(user.clone(), name.clone()), None)?;
        }
        Setting::LogOutAccount => {
            standing.log_out_account(at);
            for (name, _) in overlay.push_tokens(user)? {
                overlay.set_push_token(Device::new(user.clone(), name), None)?;
            }
        }
        Setting::PushToken(token) => {
            let others = overlay.push_tokens(user)?.iter().filter(|(name, _)| *name != by.name).count();
            if token.token.is_some() && others >= limits::PUSH_TOKENS {
                return Ok(Outcome::Refused(Reject::Full));
            }
            let token = token.token.is_some().then(|| token.clone());
            overlay.set_push_token(by.clone(), token)?;
            return Ok(Outcome::Noted);
        }
    }
    let standing = Arc::new(standing);
    overlay.set_standing(user.clone(), Arc::clone(&standing))?;
    Ok(Outcome::Stands { user: user.clone(), standing })
}
