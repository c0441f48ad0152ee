//! Sign-in by signed tokens (JSON Web Tokens).
//!
//! [`JwtAuth`] is an [`Authenticator`] over a set of [`Keys`] and a [`Policy`]. The rules it holds tokens to are in
//! docs/protocol/sign-in.md; the short form: the key decides the algorithm, the token never does; every token ends;
//! whatever is wrong, the stranger hears the same "no", and the operator reads the reason in a counter.
//!
//! ```
//! use std::time::Duration;
//!
//! use bimip_proto::UserId;
//! use bimip_server::jwt::{JwtAuth, Keys, NewToken, Policy, Secret};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new("a word that is long enough to be a secret")?;
//! let mut keys = Keys::new();
//! keys.add_secret(None, &secret)?;
//! let auth = JwtAuth::new(keys, Policy::default());
//!
//! let token = NewToken::new(UserId::new("ann")?, Duration::from_secs(3600));
//! let token = token.sign(&secret, &Policy::default())?;
//! # let _ = (auth, token);
//! # Ok(())
//! # }
//! ```

mod claims;
mod deployed;
mod key_file;
mod key_set;
mod keys;
mod mint;
mod policy;
mod reason;

use std::time::{SystemTime, UNIX_EPOCH};

use bimip_codec::Dialect;
use bimip_proto::{Device, Reject, TokenTask};
use bimip_session::server::{Grant, Refused, Vouched};
use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;

pub use self::key_file::{KEY_FILE, KeyFileError, own_secret, read_public, read_secret};
pub use self::keys::{Algorithm, KeyError, Keys, Secret};
pub use self::mint::{MintError, NewToken};
pub use self::policy::{Legacy, Policy};

use self::claims::{Claims, Revocable};
use self::reason::{Reason, Reasons};
use crate::auth::{Authenticator, SignIn};

/// The longest token that is looked at. What common HTTP servers take in one header; a token with a few hundred
/// groups fits. In a first frame a token is shorter, since that frame has at most 4 KiB.
pub const TOKEN_BYTES: usize = 8 * 1024;
/// The longest name of a key. Names are looked up as they are, and real ones are a date or a digest.
pub const KEY_ID_BYTES: usize = 64;
/// Groups that one token may name. More belongs into a directory that the server asks, not into each request.
pub const TOKEN_GROUPS: usize = 256;

/// Lets in who brings a token that one of the keys has signed and the policy allows.
#[derive(Debug)]
pub struct JwtAuth {
    keys: Keys,
    policy: Policy,
    deployed: Option<Deployed>,
    reasons: Reasons,
}

/// Whose tokens are good on the door of the deployed protobuf layout.
#[derive(Debug)]
struct Deployed {
    keys: Keys,
    issuer: String,
}

impl JwtAuth {
    /// An authenticator with these keys and rules.
    #[must_use]
    pub fn new(keys: Keys, policy: Policy) -> Self {
        keys::choose_backend();
        Self { keys, policy, deployed: None, reasons: Reasons::default() }
    }

    /// Lets in on the door of the deployed protobuf layout who brings a token as its backends make them: signed by
    /// one of `keys`, of `issuer`, for a session (`type` is `access`). Tokens of other doors are then no good there,
    /// nor the other way round.
    #[must_use]
    pub fn deployed(mut self, keys: Keys, issuer: &str) -> Self {
        self.deployed = Some(Deployed { keys, issuer: issuer.to_owned() });
        self
    }

    fn judge(&self, now_unix_ms: u64, sign_in: &SignIn) -> Result<Grant, Reason> {
        match (&self.deployed, sign_in.dialect) {
            (Some(deployed), Some(Dialect::Deployed)) => {
                let (claims, _) = opened::<deployed::Claims>(&deployed.keys, &sign_in.token)?;
                claims.grant(&deployed.issuer, &self.policy, now_unix_ms, sign_in)
            }
            _ => self.opened(&sign_in.token)?.grant(&self.policy, now_unix_ms, sign_in),
        }
    }

    /// The claims of a token of ours.
    fn opened(&self, token: &[u8]) -> Result<Claims, Reason> {
        let (mut claims, signed) = opened::<Claims>(&self.keys, token)?;
        claims.name_by(signed);
        Ok(claims)
    }

    /// What may be done with a token that somebody shows who is signed in.
    fn vouch(&self, now_unix_ms: u64, task: TokenTask, sign_in: &SignIn) -> Result<Vouched, No> {
        match task {
            TokenTask::Validate => Ok(Vouched { grant: self.judge(now_unix_ms, sign_in)?, token: None }),
            TokenTask::Revoke => {
                let Revocable { user, name, expires } = self.revocable(sign_in)?;
                let mut grant = Grant::new(Device::new(user, sign_in.device_or_default()));
                (grant.token_id, grant.expires) = (Some(name), expires);
                Ok(Vouched { grant, token: None })
            }
            TokenTask::Refresh => self.refresh(now_unix_ms, sign_in),
            _ => Err(No::Unsupported),
        }
    }

    fn revocable(&self, shown: &SignIn) -> Result<Revocable, Reason> {
        match (&self.deployed, shown.dialect) {
            (Some(deployed), Some(Dialect::Deployed)) => {
                let (claims, _) = opened::<deployed::Claims>(&deployed.keys, &shown.token)?;
                claims.revocable(&deployed.issuer)
            }
            _ => self.opened(&shown.token)?.revocable(&self.policy),
        }
    }

    /// Only tokens of ours: those of the deployed server's backends are theirs to renew.
    fn refresh(&self, now_unix_ms: u64, shown: &SignIn) -> Result<Vouched, No> {
        let theirs = self.deployed.is_some() && shown.dialect == Some(Dialect::Deployed);
        let signer = self.keys.signer().filter(|_| self.policy.refresh_for.is_some() && !theirs);
        let signer = signer.ok_or(No::Unsupported)?;
        let claims = self.opened(&shown.token)?;
        claims.grant(&self.policy, now_unix_ms, shown)?;
        let (token, dates) = claims.renewed(&self.policy, now_unix_ms)?;
        let token = token.dated(signer, &self.policy, dates).map_err(No::Unmade)?;
        let newer = SignIn { token: token.into(), ..shown.clone() };
        // By the same rules that it will meet at the door.
        let grant = self.judge(now_unix_ms, &newer)?;
        Ok(Vouched { grant, token: Some(newer.token) })
    }

    fn count(&self, reason: Reason) {
        self.reasons.count(reason);
        // Without the token: whoever reads the log must not be able to use it.
        tracing::debug!(reason = reason.name(), "a token is refused");
    }
}

/// Why nothing is done with a token.
#[derive(Debug, PartialEq, Eq)]
enum No {
    /// It is not good.
    Bad(Reason),
    /// This server never does it.
    Unsupported,
    /// It could not be done.
    Unmade(MintError),
}

impl From<Reason> for No {
    fn from(reason: Reason) -> Self {
        Self::Bad(reason)
    }
}

/// What a token says, once one of the keys vouches for it, and the part of it that was signed. Nothing of it is
/// believed before.
fn opened<'t, C: DeserializeOwned>(keys: &Keys, token: &'t [u8]) -> Result<(C, &'t str), Reason> {
    if token.len() > TOKEN_BYTES {
        return Err(Reason::Malformed);
    }
    let token = std::str::from_utf8(token).map_err(|_| Reason::Malformed)?;
    let (signed, signature) = token.rsplit_once('.').ok_or(Reason::Malformed)?;
    let (_, claims) = signed.split_once('.').ok_or(Reason::Malformed)?;
    // Also refuses `none` and what else is no algorithm of ours.
    let header = jsonwebtoken::decode_header(token).map_err(|_| Reason::Malformed)?;
    if header.crit.is_some() {
        // "Refuse this unless you understand it", and we know no extensions.
        return Err(Reason::Malformed);
    }
    if header.kid.as_ref().is_some_and(|kid| kid.len() > KEY_ID_BYTES) {
        return Err(Reason::UnknownKey);
    }
    let mut keys = keys.of(header.kid.as_deref(), header.alg).peekable();
    if keys.peek().is_none() {
        return Err(Reason::UnknownKey);
    }
    if !keys.any(|key| key.has_signed(signed.as_bytes(), signature)) {
        return Err(Reason::BadSignature);
    }
    let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).map_err(|_| Reason::Malformed)?;
    // A list would be read as the claims in their order here.
    if !claims.trim_ascii_start().starts_with(b"{") {
        return Err(Reason::BadClaims);
    }
    let claims = serde_json::from_slice(&claims).map_err(|_| Reason::BadClaims)?;
    Ok((claims, signed))
}

impl Authenticator for JwtAuth {
    async fn authenticate(&self, sign_in: SignIn) -> Result<Grant, Refused> {
        self.judge(unix_ms(), &sign_in).map_err(|reason| {
            self.count(reason);
            Refused
        })
    }

    async fn token(&self, task: TokenTask, sign_in: SignIn) -> Result<Vouched, Reject> {
        self.vouch(unix_ms(), task, &sign_in).map_err(|no| match no {
            No::Bad(reason) => {
                self.count(reason);
                Reject::BadToken
            }
            No::Unsupported => Reject::Unsupported,
            No::Unmade(error) => {
                tracing::warn!(%error, "no newer token is made");
                Reject::Unavailable
            }
        })
    }

    fn counters(&self) -> Vec<(String, u64)> {
        self.reasons.list()
    }
}

/// A wall clock before 1970 is a broken one; every token is then too long-lived.
fn unix_ms() -> u64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(unix.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
