//! Which tokens are good, beside being signed.

use std::time::Duration;

/// What the server asks of a token.
///
/// ```
/// use bimip_server::jwt::Policy;
///
/// let mut policy = Policy::default();
/// policy.issuer = "https://accounts.example".to_owned();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Who must have issued it (`iss`). `bimip` when nothing else is said.
    pub issuer: String,
    /// For whom it must be (`aud`). `bimip` when nothing else is said.
    pub audience: String,
    /// The longest that a token may still live when it is used, and so the longest that a session lasts: a stolen
    /// token is worth something until then.
    pub max_life: Duration,
    /// For how long after the user really signed in newer tokens are given for older ones; `None` for never. Whoever
    /// has stolen a token can renew it for so long, too.
    pub refresh_for: Option<Duration>,
    /// How far ahead of ours the clock of an issuer may be: for `nbf`, `iat` and [`max_life`](Self::max_life). The end of a
    /// token is taken as it is, since a session ends there too.
    pub leeway: Duration,
    /// Whether tokens of the first days are let in on the msgpack door.
    pub legacy: Legacy,
    /// As [`max_life`](Self::max_life), for those. Longer, since their makers cannot be asked.
    pub legacy_max_life: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        const HOUR_S: u64 = 3600;
        Self {
            issuer: "bimip".to_owned(),
            audience: "bimip".to_owned(),
            max_life: Duration::from_secs(24 * HOUR_S),
            refresh_for: Some(Duration::from_secs(30 * 24 * HOUR_S)),
            leeway: Duration::from_secs(5),
            legacy: Legacy::Accept,
            legacy_max_life: Duration::from_secs(366 * 24 * HOUR_S),
        }
    }
}

/// What becomes of tokens with neither issuer nor audience, as push-to-talk backends make them. They are good on
/// the msgpack door alone: a token that was meant for something else entirely must not open the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Legacy {
    /// They are refused.
    Refuse,
    /// They are let in while they last.
    #[default]
    Accept,
    /// So are those that say no end; their sessions end after [`Policy::legacy_max_life`].
    AcceptWithoutExpiry,
}
