//! What holds for every authenticator: nobody is somebody else, and what was revoked lets nobody in.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use bimip_proto::{Reject, TokenTask};
use bimip_session::server::{Grant, Refused, Vouched};

use crate::auth::{Authenticator, SignIn};
use crate::reads::Standings;

/// An authenticator behind a pointer, with the checks that hold for all of them.
pub(crate) struct Gate {
    authenticator: Box<dyn Boxed>,
    standings: Standings,
    /// Tokens refused because they, or everything made before some date, were revoked.
    revoked: AtomicU64,
}

impl Gate {
    pub(crate) fn new(authenticator: impl Authenticator, standings: Standings) -> Self {
        Self { authenticator: Box::new(authenticator), standings, revoked: AtomicU64::new(0) }
    }

    /// Who is this, and may they still come in?
    pub(crate) async fn sign_in(&self, sign_in: SignIn) -> Result<Grant, Refused> {
        let grant = self.ask(sign_in).await?;
        self.admit(grant).await
    }

    /// The same, for what no core looks at again: while the store cannot be read, nobody with a token comes in.
    pub(crate) async fn sign_in_alone(&self, sign_in: SignIn) -> Result<Grant, Refused> {
        let grant = self.ask(sign_in).await?;
        // What is logged out at the door of the walkie-talkies is their common device.
        let mut seated = grant.clone();
        seated.device.name = crate::auth::voiceping_device();
        for named in [&grant, &seated] {
            if self.is_revoked(named).await != Some(false) {
                return Err(Refused);
            }
        }
        Ok(grant)
    }

    /// The same, for one request of HTTP, whose device is its own.
    pub(crate) async fn caller(&self, sign_in: SignIn) -> Result<Grant, NoCaller> {
        let grant = self.ask(sign_in).await.map_err(|Refused| NoCaller::Refused)?;
        match self.is_revoked(&grant).await {
            Some(false) => Ok(grant),
            Some(true) => Err(NoCaller::Refused),
            None => Err(NoCaller::Unread),
        }
    }

    /// A claim to be somebody else than the token's user is refused.
    pub(crate) async fn ask(&self, sign_in: SignIn) -> Result<Grant, Refused> {
        let claimed = sign_in.user.clone();
        let grant = self.authenticator.ask(sign_in).await?;
        if claimed.is_some_and(|claimed| claimed != grant.device.user) {
            return Err(Refused);
        }
        Ok(grant)
    }

    /// Refuses what was revoked, for the device as the core will know it. The core asks again when it attaches, so
    /// whoever slips through meanwhile, or while the store cannot be read, comes no further.
    pub(crate) async fn admit(&self, grant: Grant) -> Result<Grant, Refused> {
        match self.is_revoked(&grant).await {
            Some(true) => Err(Refused),
            Some(false) | None => Ok(grant),
        }
    }

    /// `None` when the store cannot be read.
    async fn is_revoked(&self, grant: &Grant) -> Option<bool> {
        if grant.token_id.is_none() && grant.issued.is_none() {
            return Some(false);
        }
        let standing = self.standings.of(&grant.device.user).await?;
        let revoked = standing.refuses(&grant.device.name, grant.token_id.as_ref(), grant.issued);
        if revoked {
            self.revoked.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(reason = REVOKED, "a token is refused");
        }
        Some(revoked)
    }

    /// What is the token worth that somebody shows who is signed in?
    pub(crate) async fn token(&self, task: TokenTask, sign_in: SignIn) -> Result<Vouched, Reject> {
        let shown = sign_in.clone();
        let vouched = self.authenticator.token(task, sign_in).await?;
        if task == TokenTask::Refresh {
            // The answer is about the newer token alone; the one that was shown must not have been revoked.
            let shown = self.ask(shown).await.map_err(|Refused| Reject::BadToken)?;
            match self.is_revoked(&shown).await {
                Some(false) => {}
                Some(true) => return Err(Reject::BadToken),
                None => return Err(Reject::Unavailable),
            }
        }
        Ok(vouched)
    }

    pub(crate) fn counters(&self) -> Vec<(String, u64)> {
        let mut counters = self.authenticator.counts();
        counters.push((REVOKED.to_owned(), self.revoked.load(Ordering::Relaxed)));
        counters
    }
}

/// Why a request of HTTP is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoCaller {
    /// For whatever reason.
    Refused,
    /// The store cannot be read, so that nobody knows what was revoked.
    Unread,
}

/// The counter, named like those of the other reasons to refuse a token.
const REVOKED: &str = "token_revoked";

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

type Asking<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

trait Boxed: Send + Sync {
    fn ask(&self, sign_in: SignIn) -> Asking<'_, Grant, Refused>;
    fn token(&self, task: TokenTask, sign_in: SignIn) -> Asking<'_, Vouched, Reject>;
    fn counts(&self) -> Vec<(String, u64)>;
}

impl<A: Authenticator> Boxed for A {
    fn ask(&self, sign_in: SignIn) -> Asking<'_, Grant, Refused> {
        Box::pin(self.authenticate(sign_in))
    }

    fn token(&self, task: TokenTask, sign_in: SignIn) -> Asking<'_, Vouched, Reject> {
        Box::pin(Authenticator::token(self, task, sign_in))
    }

    fn counts(&self) -> Vec<(String, u64)> {
        self.counters()
    }
}

#[cfg(test)]
mod tests {
    use bimip_proto::{Device, UserId};
    use bytes::Bytes;

    use super::*;
    use crate::auth::OpenAuth;

    fn sign_in(user: Option<&str>, token: &'static str) -> SignIn {
        let mut sign_in = SignIn::new(Bytes::from_static(token.as_bytes()));
        sign_in.user = user.map(|user| UserId::new(user).unwrap());
        sign_in
    }

    fn gate(authenticator: impl Authenticator) -> Gate {
        Gate::new(authenticator, Standings::default())
    }

    #[tokio::test]
    async fn a_token_is_the_user_under_open_sign_in() {
        let gate = gate(OpenAuth);
        let grant = gate.sign_in(sign_in(None, "ann")).await.unwrap();
        assert_eq!(grant.device.to_string(), "ann/default");
        assert_eq!(gate.sign_in(sign_in(None, "")).await, Err(Refused));
        assert_eq!(gate.sign_in(sign_in(None, "../etc")).await, Err(Refused));
    }

    #[tokio::test]
    async fn nobody_signs_in_as_somebody_else() {
        let gate = gate(OpenAuth);
        assert!(gate.sign_in(sign_in(Some("ann"), "ann")).await.is_ok());
        assert_eq!(gate.sign_in(sign_in(Some("bob"), "ann")).await, Err(Refused));
    }

    /// The answers that each kind of authenticator gives without more being written: SI-TOKEN-3.
    #[tokio::test]
    async fn what_knows_nothing_of_tokens_says_so() {
        let open = gate(OpenAuth);
        let refreshed = open.token(TokenTask::Refresh, sign_in(Some("ann"), "ann")).await.unwrap();
        assert_eq!(refreshed.token.as_deref(), Some(&b"ann"[..]));
        let good = open.token(TokenTask::Validate, sign_in(Some("ann"), "ann")).await.unwrap();
        assert_eq!((good.grant.device.to_string(), good.token), ("ann/default".to_owned(), None));
        let other = open.token(TokenTask::Refresh, sign_in(Some("ann"), "bob")).await;
        assert_eq!(other, Err(Reject::BadToken), "somebody else's");

        let closure = gate(|sign_in: SignIn| async move {
            let user = UserId::new("ali_baba").map_err(|_| Refused)?;
            let good = sign_in.token.as_ref() == b"sesame";
            good.then(|| Grant::new(Device::new(user, sign_in.device_or_default()))).ok_or(Refused)
        });
        assert!(closure.token(TokenTask::Validate, sign_in(None, "sesame")).await.is_ok());
        assert_eq!(closure.token(TokenTask::Validate, sign_in(None, "salt")).await, Err(Reject::BadToken));
        for gate in [open, closure] {
            let revoked = gate.token(TokenTask::Revoke, sign_in(None, "sesame")).await;
            assert_eq!(revoked, Err(Reject::Unsupported));
        }
    }
}
