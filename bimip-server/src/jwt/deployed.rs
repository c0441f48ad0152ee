//! Tokens as the backends of the deployed BIMIP server make them.

use bimip_proto::{Device, DeviceName, TokenId, UnixMs, UserId};
use bimip_session::server::Grant;
use serde::Deserialize;

use super::claims::{Revocable, end};
use super::policy::Policy;
use super::reason::Reason;
use crate::auth::SignIn;

/// The claims that mean something here. `aud` is there too and was never compared; who the token is for follows from
/// the key, which is given for this door alone.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    eid: String,
    device_id: String,
    jti: String,
    #[serde(rename = "type")]
    kind: String,
    iss: String,
    exp: u64,
    nbf: u64,
    iat: u64,
}

impl Claims {
    /// Whom they let in.
    pub(super) fn grant(
        &self,
        issuer: &str,
        policy: &Policy,
        now_unix_ms: u64,
        sign_in: &SignIn,
    ) -> Result<Grant, Reason> {
        if self.iss != issuer {
            return Err(Reason::WrongIssuer);
        }
        if self.kind != "access" {
            return Err(Reason::NotAccess);
        }
        let user = UserId::new(&self.eid).map_err(|_| Reason::NoUser)?;
        let device = DeviceName::new(&self.device_id).map_err(|_| Reason::BadClaims)?;
        if sign_in.device.as_ref().is_some_and(|claimed| *claimed != device) {
            return Err(Reason::OtherDevice);
        }
        let begins = Some(self.nbf.max(self.iat));
        let end_unix_ms = end(self.exp, begins, policy.max_life, policy.leeway, now_unix_ms)?;
        let mut grant = Grant::new(Device::new(user, device));
        grant.expires = Some(UnixMs(end_unix_ms));
        grant.token_id = Some(self.name()?);
        grant.issued = Some(UnixMs(self.iat.saturating_mul(1000)));
        Ok(grant)
    }

    /// What is needed to take it back, also when it has run out.
    pub(super) fn revocable(&self, issuer: &str) -> Result<Revocable, Reason> {
        if self.iss != issuer {
            return Err(Reason::WrongIssuer);
        }
        let user = UserId::new(&self.eid).map_err(|_| Reason::NoUser)?;
        Ok(Revocable { user, name: self.name()?, expires: Some(UnixMs(self.exp.saturating_mul(1000))) })
    }

    fn name(&self) -> Result<TokenId, Reason> {
        TokenId::new(&self.jti).map_err(|_| Reason::BadClaims)
    }
}
