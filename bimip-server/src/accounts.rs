//! Accounts of our own, for those who have none yet: names and passwords, and tokens for who knows them.
//!
//! [`Accounts`] registers, checks and changes passwords, and answers with the signed tokens of [`jwt`](crate::jwt), so that
//! every door works as with an issuer elsewhere. [`AccountAuth`] is the [`Authenticator`](crate::Authenticator) behind those
//! doors: a token is good while its account is there, is not disabled, and was not logged out since. Where accounts are
//! kept is an [`AccountStore`]: a folder that the command line can change while a server runs, or memory.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bimip_server::accounts::{Accounts, Credentials, MemoryAccounts};
//! use bimip_server::jwt::{Policy, Secret};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = Secret::new("a word that is long enough to be a secret")?;
//! let accounts = Accounts::new(MemoryAccounts::default(), secret, Policy::default())?.open_registration(true);
//! let accounts = Arc::new(accounts);
//!
//! let ann = Credentials::new("ann", "a password of hers");
//! let pass = accounts.register(None, &ann).await?;
//! let again = accounts.log_in(None, &ann).await?;
//! assert_ne!(pass.token, again.token);
//! // Server::builder().accounts(&accounts).authenticate(accounts.authenticator()?) …
//! # Ok(())
//! # }
//! ```

mod account;
mod attempts;
mod auth;
mod date;
mod folder;
mod password;
mod store;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bimip_proto::{DeviceName, UnixMs, UserId};
use thiserror::Error;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

pub use self::account::Account;
pub use self::auth::AccountAuth;
pub use self::date::rfc3339;
pub use self::folder::FolderAccounts;
pub use self::password::{NotAPassword, Password, hash};
pub use self::store::{AccountStore, ChangeError, MemoryAccounts};

use self::attempts::Attempts;
use self::password::{Busy, Hashes};
use crate::counts::Count;
use crate::jwt::{JwtAuth, KeyError, Keys, NewToken, Policy, Secret};

/// Who somebody says they are, and how they know. Its `Debug` does not show the password.
#[derive(Clone)]
#[non_exhaustive]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password, as it was typed.
    pub password: String,
    /// The only device that the token is to be good for; without one, it is good for any of the user's.
    pub device: Option<DeviceName>,
}

impl Credentials {
    /// For any device.
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: password.to_owned(), device: None }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

/// What somebody who knows a password is given. Its `Debug` does not show the token.
#[derive(Clone)]
#[non_exhaustive]
pub struct Pass {
    /// A signed token, for every door.
    pub token: String,
    /// When it runs out.
    pub expires: UnixMs,
    /// Until when newer ones are made of it, where they are.
    pub refresh_until: Option<UnixMs>,
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such account, or this is not its password, or it is disabled: the answer does not say which.
    #[error("user or password is wrong")]
    BadCredentials,
    /// Accounts are made by the operator alone.
    #[error("registration is closed")]
    Closed,
    /// There is or was an account of this name.
    #[error("the name is taken")]
    Taken,
    /// The name is none that a user can have.
    #[error("this is no name for a user")]
    BadName,
    /// The new password is none.
    #[error(transparent)]
    BadPassword(#[from] NotAPassword),
    /// Too many attempts for this user, or from this address.
    #[error("too many attempts, try again later")]
    TooMany {
        /// When the next one is looked at, in milliseconds.
        retry_after_ms: u64,
    },
    /// Too many passwords are being looked at.
    #[error("busy, try again")]
    Busy {
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The accounts cannot be read or written.
    #[error("unavailable, try again")]
    Unavailable,
}

/// How long whoever comes when too many are there should wait: a hash takes a twentieth of it.
const BUSY_MS: u64 = 1_000;

/// Names, passwords and tokens.
pub struct Accounts {
    store: Arc<dyn AccountStore>,
    hashes: Hashes,
    attempts: Mutex<Attempts>,
    secret: Secret,
    policy: Policy,
    open: bool,
    /// Somebody is to be logged out.
    changed: Notify,
    counts: Counts,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("open", &self.open).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Counts {
    registered: Count,
    logins: Count,
    failed: Count,
    limited: Count,
    busy: Count,
    passwords_changed: Count,
    refused: Count,
}

impl Accounts {
    /// Over this store; tokens are signed with `secret`, as the issuer and for the audience of `policy`, and live as long as
    /// it lets them.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn new(store: impl AccountStore, secret: Secret, policy: Policy) -> Result<Self, NotAPassword> {
        Ok(Self {
            store: Arc::new(store),
            hashes: Hashes::new()?,
            attempts: Mutex::default(),
            secret,
            policy,
            open: false,
            changed: Notify::new(),
            counts: Counts::default(),
        })
    }

    /// Whether anybody may make an account. Else only the operator does.
    #[must_use]
    pub fn open_registration(self, open: bool) -> Self {
        Self { open, ..self }
    }

    /// The authenticator of every door.
    ///
    /// # Errors
    /// [`KeyError`]; not to be expected of one secret.
    pub fn authenticator(self: &Arc<Self>) -> Result<AccountAuth, KeyError> {
        let mut keys = Keys::new();
        keys.add_secret(None, &self.secret)?;
        Ok(AccountAuth::new(JwtAuth::new(keys, self.policy.clone()), Arc::clone(self)))
    }

    /// Makes an account, and lets its user in. `address` is where they come from, where that is known.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn register(&self, address: Option<IpAddr>, who: &Credentials) -> Result<Pass, Refusal> {
        if !self.open {
            return Err(Refusal::Closed);
        }
        let user = UserId::new(&who.user).map_err(|_| Refusal::BadName)?;
        let password = Password::new(&who.password)?;
        self.attempt(address, &who.user)?;
        let hash = self.hashes.make(password).await.map_err(|busy| self.busy(busy))?;
        let account = Account::new(user, hash, now());
        let made = self.change(account.user.clone(), move |before| match before {
            None => Ok(account.clone()),
            // A name that was removed stays taken: whoever gets it gets the messages.
            Some(_) => Err(ChangeError::Refused(Refusal::Taken)),
        });
        let account = made.await?;
        self.counts.registered.one();
        self.pass(&account, who.device.as_ref())
    }

    /// Lets in who knows the password.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn log_in(&self, address: Option<IpAddr>, who: &Credentials) -> Result<Pass, Refusal> {
        let account = self.check(address, who).await?;
        self.counts.logins.one();
        self.pass(&account, who.device.as_ref())
    }

    /// Gives an account another password, and logs out everything that came in by the one before.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn change_password(
        &self,
        address: Option<IpAddr>,
        who: &Credentials,
        new_password: &str,
    ) -> Result<Pass, Refusal> {
        let new_password = Password::new(new_password)?;
        let account = self.check(address, who).await?;
        let hash = self.hashes.make(new_password).await.map_err(|busy| self.busy(busy))?;
        let (known, at) = (account.hash, now());
        let changed = self.change(account.user, move |before| match before {
            // Somebody else changed it meanwhile: then this was not its password.
            Some(before) if before.hash == known && before.is_good() => {
                Ok(before.with_password(hash.clone(), at))
            }
            _ => Err(ChangeError::Refused(Refusal::BadCredentials)),
        });
        let account = changed.await?;
        self.counts.passwords_changed.one();
        self.changed.notify_one();
        self.pass(&account, who.device.as_ref())
    }

    /// The account, for who knows its password. Whether there is none, or it is disabled, or the password is wrong, takes
    /// the same time.
    async fn check(&self, address: Option<IpAddr>, who: &Credentials) -> Result<Account, Refusal> {
        self.attempt(address, &who.user)?;
        let user = UserId::new(&who.user).ok();
        let account = match user {
            Some(user) => self.get(user).await?,
            None => None,
        };
        let known = account.as_ref().map(|account| account.hash.clone());
        let right = self.hashes.check(&who.password, known).await.map_err(|busy| self.busy(busy))?;
        match account.filter(|account| right && account.is_good()) {
            Some(account) => {
                self.attempts().succeeded(Instant::now(), address, &who.user);
                Ok(account)
            }
            None => {
                self.counts.failed.one();
                Err(Refusal::BadCredentials)
            }
        }
    }

    fn attempt(&self, address: Option<IpAddr>, user: &str) -> Result<(), Refusal> {
        self.attempts().attempt(Instant::now(), address, user).map_err(|wait| {
            self.counts.limited.one();
            Refusal::TooMany { retry_after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) }
        })
    }

    fn attempts(&self) -> std::sync::MutexGuard<'_, Attempts> {
        // Nothing that runs under the lock can leave it half changed.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self, _: Busy) -> Refusal {
        self.counts.busy.one();
        Refusal::Busy { retry_after_ms: BUSY_MS }
    }

    fn pass(&self, account: &Account, device: Option<&DeviceName>) -> Result<Pass, Refusal> {
        let mut token = NewToken::new(account.user.clone(), self.policy.max_life);
        token.device = device.cloned();
        let iat_s = account.token_date_s(now().0 / 1000);
        let signed = token.sign_at(&self.secret, &self.policy, iat_s).map_err(|error| {
            tracing::error!(%error, "no token is made");
            Refusal::Unavailable
        })?;
        let after = |time: Duration| UnixMs(iat_s.saturating_add(time.as_secs()).saturating_mul(1000));
        let refresh_until = self.policy.refresh_for.map(after);
        Ok(Pass { token: signed, expires: after(self.policy.max_life), refresh_until })
    }

    // ---- the store --------------------------------------------------------------------------------------

    async fn get(&self, user: UserId) -> Result<Option<Account>, Refusal> {
        let store = Arc::clone(&self.store);
        let got = spawn_blocking(move || store.get(&user)).await;
        got.map_err(|_| Refusal::Unavailable)?.map_err(|error| {
            tracing::error!(%error, "an account cannot be read");
            Refusal::Unavailable
        })
    }

    async fn change(
        &self,
        user: UserId,
        mut change: impl FnMut(Option<Account>) -> Result<Account, ChangeError> + Send + 'static,
    ) -> Result<Account, Refusal> {
        let store = Arc::clone(&self.store);
        let changed = spawn_blocking(move || store.change(&user, &mut change)).await;
        changed.map_err(|_| Refusal::Unavailable)?.map_err(|error| match error {
            ChangeError::Refused(refusal) => refusal,
            ChangeError::Io(error) => {
                tracing::error!(%error, "an account cannot be written");
                Refusal::Unavailable
            }
        })
    }

    /// Whether a token that was made at `issued` is still good for this user. `None` when the store cannot be read.
    pub(crate) async fn vouches(&self, user: &UserId, issued: Option<UnixMs>) -> Option<bool> {
        let account = self.get(user.clone()).await.ok()?;
        let good = account.is_some_and(|it| it.is_good() && issued.is_some_and(|at| at > it.void_before));
        if !good {
            self.counts.refused.one();
        }
        Some(good)
    }

    /// Users who are to be logged out, each with the date. Said again until [`settled`](Self::settled).
    pub(crate) async fn unsettled(&self) -> Vec<(UserId, UnixMs)> {
        let store = Arc::clone(&self.store);
        match spawn_blocking(move || store.unsettled()).await {
            Ok(Ok(users)) => users,
            Ok(Err(error)) => {
                tracing::error!(%error, "who is to be logged out cannot be read; their tokens are refused at the door");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    /// The message store has it that a user is logged out up to a date.
    pub(crate) async fn settled(&self, user: UserId, upto: UnixMs) {
        let store = Arc::clone(&self.store);
        if let Ok(Err(error)) = spawn_blocking(move || store.settled(&user, upto)).await {
            tracing::warn!(%error, "that somebody was logged out is not noted; it will be done again");
        }
    }

    /// Until somebody is to be logged out. Not for changes that another process makes.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(crate) fn counters(&self) -> Vec<(String, u64)> {
        let Counts { registered, logins, failed, limited, busy, passwords_changed, refused } = &self.counts;
        let counts = [
            ("accounts_registered", registered),
            ("account_logins", logins),
            ("account_logins_failed", failed),
            ("account_attempts_limited", limited),
            ("account_hashes_busy", busy),
            ("account_passwords_changed", passwords_changed),
            ("account_tokens_refused", refused),
        ];
        counts.into_iter().map(|(name, count)| (name.to_owned(), count.get())).collect()
    }
}

/// The wall clock: dates of accounts are compared with dates of tokens.
pub(crate) fn now() -> UnixMs {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(u64::try_from(unix.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
