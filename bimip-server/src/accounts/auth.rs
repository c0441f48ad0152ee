//! Who comes in by an account.

use std::sync::Arc;

use bimip_proto::{Reject, TokenTask};
use bimip_session::server::{Grant, Refused, Vouched};

use super::Accounts;
use crate::auth::{Authenticator, SignIn};
use crate::jwt::JwtAuth;

/// Lets in who brings a token of ours, while the account it is for is there, is not disabled, and was not logged out since.
#[derive(Debug)]
pub struct AccountAuth {
    jwt: JwtAuth,
    accounts: Arc<Accounts>,
}

impl AccountAuth {
    pub(super) const fn new(jwt: JwtAuth, accounts: Arc<Accounts>) -> Self {
        Self { jwt, accounts }
    }

    /// `None` when the accounts cannot be read.
    async fn vouches(&self, grant: &Grant) -> Option<bool> {
        self.accounts.vouches(&grant.device.user, grant.issued).await
    }
}

impl Authenticator for AccountAuth {
    async fn authenticate(&self, sign_in: SignIn) -> Result<Grant, Refused> {
        let grant = self.jwt.authenticate(sign_in).await?;
        match self.vouches(&grant).await {
            Some(true) => Ok(grant),
            Some(false) | None => Err(Refused),
        }
    }

    async fn token(&self, task: TokenTask, sign_in: SignIn) -> Result<Vouched, Reject> {
        let vouched = Authenticator::token(&self.jwt, task, sign_in).await?;
        if task == TokenTask::Revoke {
            // Whatever has become of the account.
            return Ok(vouched);
        }
        match self.vouches(&vouched.grant).await {
            Some(true) => Ok(vouched),
            Some(false) => Err(Reject::BadToken),
            None => Err(Reject::Unavailable),
        }
    }

    fn counters(&self) -> Vec<(String, u64)> {
        let mut counters = self.jwt.counters();
        counters.extend(self.accounts.counters());
        counters
    }
}
