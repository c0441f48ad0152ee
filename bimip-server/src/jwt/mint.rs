//! Making tokens: for an operator's command line, and for an application that is its own issuer.

use std::time::Duration;

use bimip_proto::{DeviceName, GroupId, UserId};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::Header;
use serde::Serialize;
use thiserror::Error;

use super::keys::{Secret, Signer, choose_backend};
use super::policy::Policy;
use super::{TOKEN_BYTES, TOKEN_GROUPS, unix_ms};

/// Random bytes in the name of a token: nobody draws the same twice.
const TOKEN_ID_BYTES: usize = 16;

/// A token to be made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewToken {
    /// Whom it lets in.
    pub user: UserId,
    /// The only device it is good for; any device of the user without one.
    pub device: Option<DeviceName>,
    /// Groups that the user is in.
    pub groups: Vec<GroupId>,
    /// How long it is good for, from now, in whole seconds.
    pub life: Duration,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MintError {
    /// It would be refused.
    #[error("a token lives for at least a second")]
    NoLife,
    /// It would be refused.
    #[error("a token names at most {TOKEN_GROUPS} groups")]
    TooManyGroups,
    /// It would be refused.
    #[error("the token would have more than {TOKEN_BYTES} bytes; name fewer groups")]
    TooLong,
    /// The operating system gives no randomness.
    #[error("no randomness: {0}")]
    Randomness(String),
    /// The library cannot sign; not to be expected of a secret.
    #[error("it cannot be signed: {0}")]
    Signing(String),
}

#[derive(Serialize)]
struct Written<'t> {
    iss: &'t str,
    aud: &'t str,
    sub: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'t str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<&'t str>,
    iat: u64,
    exp: u64,
    auth_time: u64,
    jti: String,
}

/// In seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dates {
    /// When the token was made.
    pub(super) iat: u64,
    /// When it runs out.
    pub(super) exp: u64,
    /// When the user really signed in: a token that was made from another keeps its date.
    pub(super) auth_time: u64,
}

impl NewToken {
    /// A token for any device of a user.
    #[must_use]
    pub const fn new(user: UserId, life: Duration) -> Self {
        Self { user, device: None, groups: Vec::new(), life }
    }

    /// Signs it, as the issuer and for the audience of `policy`.
    ///
    /// # Errors
    /// When it would be refused anyway, or the operating system gives no randomness.
    pub fn sign(&self, secret: &Secret, policy: &Policy) -> Result<String, MintError> {
        self.sign_at(secret, policy, unix_ms() / 1000)
    }

    /// The same, made at `iat_s`, in seconds since 1970.
    pub(crate) fn sign_at(&self, secret: &Secret, policy: &Policy, iat_s: u64) -> Result<String, MintError> {
        if self.life.as_secs() == 0 {
            return Err(MintError::NoLife);
        }
        let dates = Dates { iat: iat_s, exp: iat_s.saturating_add(self.life.as_secs()), auth_time: iat_s };
        self.dated(&Signer::new(None, secret), policy, dates)
    }

    /// The same, with dates that are given. [`life`](Self::life) says nothing then.
    pub(super) fn dated(&self, signer: &Signer, policy: &Policy, dates: Dates) -> Result<String, MintError> {
        if self.groups.len() > TOKEN_GROUPS {
            return Err(MintError::TooManyGroups);
        }
        let mut jti = [0; TOKEN_ID_BYTES];
        getrandom::fill(&mut jti).map_err(|error| MintError::Randomness(error.to_string()))?;
        let Dates { iat, exp, auth_time } = dates;
        let written = Written {
            iss: &policy.issuer,
            aud: &policy.audience,
            sub: self.user.as_str(),
            device: self.device.as_ref().map(DeviceName::as_str),
            groups: self.groups.iter().map(GroupId::as_str).collect(),
            iat,
            exp,
            auth_time,
            jti: BASE64URL_NOPAD.encode(&jti),
        };
        choose_backend();
        let header = Header { kid: signer.kid.clone(), ..Header::default() };
        let token = jsonwebtoken::encode(&header, &written, &signer.key)
            .map_err(|error| MintError::Signing(error.to_string()))?;
        if token.len() > TOKEN_BYTES { Err(MintError::TooLong) } else { Ok(token) }
    }
}
