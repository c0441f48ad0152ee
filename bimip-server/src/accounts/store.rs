//! Where accounts are kept: the contract, and memory.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bimip_proto::{UnixMs, UserId};
use thiserror::Error;

use super::{Account, Refusal};

/// Keeps accounts. Called from threads that may block.
///
/// * What [`change`](Self::change) has returned is durable, whole or not at all, and [`get`](Self::get) has it.
/// * Whose [`void_before`](Account::void_before) a change raised is in [`unsettled`](Self::unsettled) from then on, at the
///   latest when the change can be seen, until [`settled`](Self::settled) says otherwise. So nobody stays logged in whom a
///   crash let slip.
pub trait AccountStore: Send + Sync + 'static {
    /// The account of a user, also a disabled or removed one.
    ///
    /// # Errors
    /// When it cannot be read.
    fn get(&self, user: &UserId) -> io::Result<Option<Account>>;

    /// Changes or makes one account: `change` is given what there is, and says what is to be. Nobody else changes anything
    /// meanwhile. Gives back how it is now.
    ///
    /// # Errors
    /// What `change` says, and then nothing is changed; or [`ChangeError::Io`].
    fn change(
        &self,
        user: &UserId,
        change: &mut dyn FnMut(Option<Account>) -> Result<Account, ChangeError>,
    ) -> Result<Account, ChangeError>;

    /// All accounts, in the order of their names; for an operator's list.
    ///
    /// # Errors
    /// When they cannot be read.
    fn list(&self) -> io::Result<Vec<Account>>;

    /// Users of whom every token made up to a date is void, and of whom the message store may not know that yet.
    ///
    /// # Errors
    /// When they cannot be read.
    fn unsettled(&self) -> io::Result<Vec<(UserId, UnixMs)>>;

    /// The message store has it up to this date.
    ///
    /// # Errors
    /// When that cannot be written: it is done again.
    fn settled(&self, user: &UserId, upto: UnixMs) -> io::Result<()>;
}

/// Why an account is as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// It is not to be changed like this.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The accounts cannot be read or written.
    #[error("the accounts: {0}")]
    Io(#[from] io::Error),
}

/// Whether a change logs out what the account was good for.
pub(super) fn logs_out(before: Option<&Account>, after: &Account) -> bool {
    before.is_some_and(|before| before.void_before < after.void_before)
}

/// Accounts in memory: gone with the process.
#[derive(Debug, Default)]
pub struct MemoryAccounts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    accounts: BTreeMap<UserId, Account>,
    unsettled: BTreeMap<UserId, UnixMs>,
}

impl MemoryAccounts {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccountStore for MemoryAccounts {
    fn get(&self, user: &UserId) -> io::Result<Option<Account>> {
        Ok(self.lock().accounts.get(user).cloned())
    }

    fn change(
        &self,
        user: &UserId,
        change: &mut dyn FnMut(Option<Account>) -> Result<Account, ChangeError>,
    ) -> Result<Account, ChangeError> {
        let mut state = self.lock();
        let before = state.accounts.get(user).cloned();
        let after = change(before.clone())?;
        if logs_out(before.as_ref(), &after) {
            state.unsettled.insert(user.clone(), after.void_before);
        }
        state.accounts.insert(user.clone(), after.clone());
        Ok(after)
    }

    fn list(&self) -> io::Result<Vec<Account>> {
        Ok(self.lock().accounts.values().cloned().collect())
    }

    fn unsettled(&self) -> io::Result<Vec<(UserId, UnixMs)>> {
        Ok(self.lock().unsettled.iter().map(|(user, upto)| (user.clone(), *upto)).collect())
    }

    fn settled(&self, user: &UserId, upto: UnixMs) -> io::Result<()> {
        let mut state = self.lock();
        if state.unsettled.get(user).is_some_and(|wanted| *wanted <= upto) {
            state.unsettled.remove(user);
        }
        Ok(())
    }
}
