//! One account.

use bimip_proto::{UnixMs, UserId};

/// A user's name, and how they prove that it is theirs. Its `Debug` does not show the hash.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// Whose.
    pub user: UserId,
    /// The password's hash, as a PHC string: it names its parameters.
    pub hash: String,
    /// When it was made.
    pub created: UnixMs,
    /// When it was last changed.
    pub changed: UnixMs,
    /// Tokens made at or before this are good no more.
    pub void_before: UnixMs,
    /// Nobody comes in by it until it is enabled again.
    pub disabled: bool,
    /// It is no more, and its name stays taken: whoever got it would get the messages.
    pub removed: bool,
}

impl Account {
    /// A new one. Tokens of whoever had the name before are good no more.
    #[must_use]
    pub const fn new(user: UserId, hash: String, now: UnixMs) -> Self {
        Self { user, hash, created: now, changed: now, void_before: now, disabled: false, removed: false }
    }

    /// Whether somebody may come in by it.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        !self.disabled && !self.removed
    }

    /// With another password: everything that came in by the one before is out.
    #[must_use]
    pub fn with_password(self, hash: String, now: UnixMs) -> Self {
        Self { hash, ..self }.logged_out(now)
    }

    /// Disabled, which logs it out, or enabled again.
    #[must_use]
    pub fn with_disabled(self, disabled: bool, now: UnixMs) -> Self {
        let it = Self { disabled, ..self };
        if disabled { it.logged_out(now) } else { Self { changed: it.changed.max(now), ..it } }
    }

    /// No more. What is left is its name.
    #[must_use]
    pub fn without(self, now: UnixMs) -> Self {
        Self { hash: String::new(), removed: true, ..self }.logged_out(now)
    }

    /// The date of a token that is made at `now_s`, in seconds since 1970: after the last log-out. Dates of tokens are whole
    /// seconds, and one of the second of a log-out would be logged out with it.
    pub(super) fn token_date_s(&self, now_s: u64) -> u64 {
        now_s.max(self.void_before.0 / 1000 + 1)
    }

    /// Dates never go back, whatever the clock does, and what was given out since the last log-out is logged out, too, though
    /// it may have the date of the next second.
    fn logged_out(self, now: UnixMs) -> Self {
        let (changed, given_out) = (self.changed.max(now), UnixMs(self.token_date_s(0).saturating_mul(1000)));
        Self { changed, void_before: given_out.max(now), ..self }
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("user", &self.user)
            .field("created", &self.created)
            .field("changed", &self.changed)
            .field("void_before", &self.void_before)
            .field("disabled", &self.disabled)
            .field("removed", &self.removed)
            .finish_non_exhaustive()
    }
}
