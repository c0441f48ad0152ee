//! How a user stands: seen or hidden, and what no longer lets them in.

use std::collections::BTreeMap;

use bimip_proto::{DeviceName, PushToken, Reject, TokenId, UnixMs, limits};

/// What a user decided about their own account. One small row for each user who ever decided anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "storage backends keep it")]
pub struct Standing {
    /// Nobody is told what they are doing.
    pub hidden: bool,
    /// Tokens made at or before this are good no more.
    pub revoked_before: UnixMs,
    /// The same for single devices, at most [`REVOKED_DEVICES`](limits::REVOKED_DEVICES).
    pub devices: BTreeMap<DeviceName, UnixMs>,
    /// Tokens that are good no more, until they run out by themselves; at most
    /// [`REVOKED_TOKENS`](limits::REVOKED_TOKENS).
    pub tokens: BTreeMap<TokenId, UnixMs>,
}

impl Standing {
    /// Up to when a device is logged out: zero if it never was.
    #[must_use]
    pub fn logged_out_before(&self, device: &DeviceName) -> UnixMs {
        self.devices.get(device).copied().unwrap_or_default().max(self.revoked_before)
    }

    /// Whether a token lets a device in no more. What has no date (`issued`) and no name is no token, and is never
    /// revoked: a server without tokens has nothing to revoke.
    #[must_use]
    pub fn refuses(&self, device: &DeviceName, token: Option<&TokenId>, issued: Option<UnixMs>) -> bool {
        let before = self.logged_out_before(device);
        token.is_some_and(|token| self.tokens.contains_key(token))
            || before > UnixMs::default() && issued.is_some_and(|issued| issued <= before)
    }

    /// One token is good no more. It is kept in mind until it runs out.
    pub(super) fn revoke(&mut self, token: TokenId, until: UnixMs, now: UnixMs) -> Result<(), Reject> {
        self.tokens.retain(|_, until| *until > now);
        if until <= now || self.tokens.contains_key(&token) {
            return Ok(());
        }
        if self.tokens.len() >= limits::REVOKED_TOKENS {
            return Err(Reject::Full);
        }
        self.tokens.insert(token, until);
        Ok(())
    }

    /// No token of a device that was made up to now is good any more. Dates never go back, whatever the clock does.
    pub(super) fn log_out_device(&mut self, device: DeviceName, now: UnixMs) {
        let date = self.devices.entry(device).or_default();
        *date = (*date).max(now);
        if self.devices.len() <= limits::REVOKED_DEVICES {
            return;
        }
        // Revokes more than it has to, and never less.
        if let Some((oldest, date)) =
            self.devices.iter().map(|(name, at)| (name.clone(), *at)).min_by_key(|it| it.1)
        {
            self.devices.remove(&oldest);
            self.revoked_before = self.revoked_before.max(date);
        }
    }

    /// No token that was made up to now is good any more.
    pub(super) fn log_out_account(&mut self, now: UnixMs) {
        self.revoked_before = self.revoked_before.max(now);
        let before = self.revoked_before;
        self.devices.retain(|_, date| *date > before);
        self.tokens.retain(|_, until| *until > now);
    }
}

/// A change of a user's standing, or of what is kept with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// Others may see what they are doing, or may not.
    Visible(bool),
    /// Where to push to while the device that says it is away.
    PushToken(PushToken),
    /// A token is good no more.
    Revoke {
        /// Which.
        token: TokenId,
        /// When it runs out by itself.
        until: UnixMs,
    },
    /// A device is logged out: tokens made for it before are good no more, and nothing is pushed to it.
    LogOutDevice(DeviceName),
    /// Every device is logged out.
    LogOutAccount,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DeviceName {
        DeviceName::new(text).unwrap()
    }

    fn token(text: &str) -> TokenId {
        TokenId::new(text).unwrap()
    }

    const fn at(ms: u64) -> UnixMs {
        UnixMs(ms)
    }

    #[test]
    fn a_revoked_token_is_forgotten_when_it_has_run_out() {
        let mut standing = Standing::default();
        standing.revoke(token("t"), at(100), at(10)).unwrap();
        assert!(standing.refuses(&name("a"), Some(&token("t")), Some(at(5))));
        assert!(!standing.refuses(&name("a"), Some(&token("u")), Some(at(5))));
        standing.revoke(token("u"), at(300), at(200)).unwrap();
        assert_eq!(standing.tokens.keys().cloned().collect::<Vec<_>>(), [token("u")]);
        standing.revoke(token("late"), at(150), at(200)).unwrap();
        assert_eq!(standing.tokens.len(), 1, "what has run out needs no revoking");
    }

    // DM-ACC-2
    #[test]
    fn revoked_tokens_are_bounded_and_the_refusal_is_honest() {
        let mut standing = Standing::default();
        for number in 0..limits::REVOKED_TOKENS {
            standing.revoke(token(&number.to_string()), at(100), at(1)).unwrap();
        }
        assert_eq!(standing.revoke(token("one more"), at(100), at(1)), Err(Reject::Full));
        assert_eq!(standing.revoke(token("7"), at(100), at(1)), Ok(()), "it is revoked already");
        assert_eq!(standing.revoke(token("one more"), at(300), at(200)), Ok(()), "the others ran out");
    }

    #[test]
    fn a_device_is_logged_out_alone_and_an_account_altogether() {
        let mut standing = Standing::default();
        standing.log_out_device(name("a"), at(50));
        assert!(
            standing.refuses(&name("a"), None, Some(at(50)))
                && !standing.refuses(&name("a"), None, Some(at(51)))
        );
        assert!(!standing.refuses(&name("b"), None, Some(at(50))));
        standing.log_out_device(name("a"), at(40));
        assert!(standing.refuses(&name("a"), None, Some(at(50))), "the clock went back, the date did not");
        standing.log_out_account(at(60));
        assert!(
            standing.refuses(&name("b"), None, Some(at(60)))
                && !standing.refuses(&name("b"), None, Some(at(61)))
        );
        assert!(!standing.refuses(&name("b"), None, None), "a server without tokens has nothing to revoke");
    }

    // DM-ACC-2
    #[test]
    fn dates_of_devices_are_bounded_and_never_forgotten() {
        let mut standing = Standing::default();
        for number in 0..=limits::REVOKED_DEVICES {
            standing.log_out_device(name(&number.to_string()), at(1_000 + number as u64));
        }
        assert_eq!(standing.devices.len(), limits::REVOKED_DEVICES);
        assert!(standing.refuses(&name("0"), None, Some(at(1_000))), "now by the account's date");
        assert!(standing.refuses(&name("1"), None, Some(at(1_001))));
    }
}
