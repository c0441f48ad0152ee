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
use bimip_session::server::{Grant, Refused};
use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;

pub use self::key_file::{KEY_FILE, KeyFileError, own_secret, read_public, read_secret};
pub use self::keys::{Algorithm, KeyError, Keys, Secret};
pub use self::mint::{MintError, NewToken};
pub use self::policy::{Legacy, Policy};

use self::claims::Claims;
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
                let claims: deployed::Claims = opened(&deployed.keys, &sign_in.token)?;
                claims.grant(&deployed.issuer, &self.policy, now_unix_ms, sign_in)
            }
            _ => {
                let claims: Claims = opened(&self.keys, &sign_in.token)?;
                claims.grant(&self.policy, now_unix_ms, sign_in)
            }
        }
    }
}

/// What a token says, once one of the keys vouches for it. Nothing of it is believed before.
fn opened<C: DeserializeOwned>(keys: &Keys, token: &[u8]) -> Result<C, Reason> {
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
    serde_json::from_slice(&claims).map_err(|_| Reason::BadClaims)
}

impl Authenticator for JwtAuth {
    async fn authenticate(&self, sign_in: SignIn) -> Result<Grant, Refused> {
        self.judge(unix_ms(), &sign_in).map_err(|reason| {
            self.reasons.count(reason);
            // Without the token: whoever reads the log must not be able to use it.
            tracing::debug!(reason = reason.name(), "a token is refused");
            Refused
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
