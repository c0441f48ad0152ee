//! Accounts as files of a folder, one each.
//!
//! ```text
//! accounts/lock                 held by whoever changes something
//! accounts/draft                what is being written
//! accounts/7c/7c9e….json        an account, under the SHA-256 of its user
//! accounts/logouts/7c9e….json   who is to be logged out, and up to when
//! ```
//!
//! Files rather than a database, because the command line changes accounts while a server runs, and the embedded databases
//! that we use let in one process at a time. A file is written as a draft, synced and renamed, and the folder is synced
//! after it: under its own name it is whole, or as it was. A log-out is written before the account that asks for it, so
//! that a crash in between logs out more than was asked, and never less.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use bimip_proto::{UnixMs, UserId};
use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::store::logs_out;
use super::{Account, AccountStore, ChangeError};
use crate::durable::{create_durably, sync_directory};

const LOCK: &str = "lock";
const DRAFT: &str = "draft";
const LOGOUTS: &str = "logouts";
/// Larger than any account that was written here; a file beyond it is the wrong file.
const FILE_BYTES: u64 = 16 * 1024;
/// The layout of the files.
const FORMAT: u32 = 1;

/// A folder of the local file system. Several processes may use it at once.
#[derive(Debug)]
pub struct FolderAccounts {
    path: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Written {
    format: u32,
    user: String,
    hash: String,
    created_ms: u64,
    changed_ms: u64,
    void_before_ms: u64,
    disabled: bool,
    removed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct LogOut {
    user: String,
    before_ms: u64,
}

impl FolderAccounts {
    /// Opens a folder, and makes it where it is missing, for its owner alone.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let it = Self { path: path.into() };
        create_durably(&it.path.join(LOGOUTS))?;
        make_private(&it.path)?;
        Ok(it)
    }

    fn account(&self, user: &UserId) -> PathBuf {
        let name = name(user);
        self.path.join(&name[..2]).join(format!("{name}.json"))
    }

    fn log_out(&self, user: &UserId) -> PathBuf {
        self.path.join(LOGOUTS).join(format!("{}.json", name(user)))
    }

    /// Nobody else changes anything until it is dropped, in whatever process.
    fn lock(&self) -> io::Result<File> {
        let file = private(&self.path.join(LOCK), false)?;
        file.lock()?;
        Ok(file)
    }

    /// Only under the lock: there is one draft.
    fn write(&self, path: &Path, content: &impl Serialize) -> io::Result<()> {
        let Some(folder) = path.parent() else { return Err(ErrorKind::InvalidInput.into()) };
        create_durably(folder)?;
        let draft = self.path.join(DRAFT);
        let mut file = private(&draft, true)?;
        file.write_all(&serde_json::to_vec(content)?)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        sync_directory(folder)
    }
}

impl AccountStore for FolderAccounts {
    fn get(&self, user: &UserId) -> io::Result<Option<Account>> {
        read::<Written>(&self.account(user))?.map(|written| written.account(user)).transpose()
    }

    fn change(
        &self,
        user: &UserId,
        change: &mut dyn FnMut(Option<Account>) -> Result<Account, ChangeError>,
    ) -> Result<Account, ChangeError> {
        let _lock = self.lock()?;
        let before = self.get(user)?;
        let after = change(before.clone())?;
        if logs_out(before.as_ref(), &after) {
            let log_out = LogOut { user: user.as_str().to_owned(), before_ms: after.void_before.0 };
            self.write(&self.log_out(user), &log_out)?;
        }
        self.write(&self.account(user), &Written::of(&after))?;
        Ok(after)
    }

    fn list(&self) -> io::Result<Vec<Account>> {
        let mut accounts = Vec::new();
        for shelf in fs::read_dir(&self.path)? {
            let shelf = shelf?;
            let named = shelf.file_name();
            if !shelf.file_type()?.is_dir() || named.len() != 2 {
                continue;
            }
            for file in fs::read_dir(shelf.path())? {
                let Some(written) = read::<Written>(&file?.path())? else { continue };
                let user = user(&written.user)?;
                accounts.push(written.account(&user)?);
            }
        }
        accounts.sort_by(|one, other| one.user.cmp(&other.user));
        Ok(accounts)
    }

    fn unsettled(&self) -> io::Result<Vec<(UserId, UnixMs)>> {
        let mut users = Vec::new();
        for file in fs::read_dir(self.path.join(LOGOUTS))? {
            // It may be settled by now.
            let Some(LogOut { user: named, before_ms }) = read(&file?.path())? else { continue };
            users.push((user(&named)?, UnixMs(before_ms)));
        }
        Ok(users)
    }

    fn settled(&self, user: &UserId, upto: UnixMs) -> io::Result<()> {
        let _lock = self.lock()?;
        let path = self.log_out(user);
        match read::<LogOut>(&path)? {
            Some(wanted) if wanted.before_ms <= upto.0 => fs::remove_file(path),
            _ => Ok(()),
        }
    }
}

impl Written {
    fn of(account: &Account) -> Self {
        Self {
            format: FORMAT,
            user: account.user.as_str().to_owned(),
            hash: account.hash.clone(),
            created_ms: account.created.0,
            changed_ms: account.changed.0,
            void_before_ms: account.void_before.0,
            disabled: account.disabled,
            removed: account.removed,
        }
    }

    fn account(self, user: &UserId) -> io::Result<Account> {
        if self.format != FORMAT {
            let words = format!(
                "an account has format {}; use the version that wrote it, or a later one",
                self.format
            );
            return Err(io::Error::new(ErrorKind::InvalidData, words));
        }
        if self.user != user.as_str() {
            return Err(io::Error::new(ErrorKind::InvalidData, "the file of an account is another user's"));
        }
        Ok(Account {
            user: user.clone(),
            hash: self.hash,
            created: UnixMs(self.created_ms),
            changed: UnixMs(self.changed_ms),
            void_before: UnixMs(self.void_before_ms),
            disabled: self.disabled,
            removed: self.removed,
        })
    }
}

/// A name for every file system, whatever is in the user's.
fn name(user: &UserId) -> String {
    HEXLOWER.encode(&Sha256::digest(user.as_str().as_bytes()))
}

fn user(named: &str) -> io::Result<UserId> {
    UserId::new(named).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

/// What is in a file; `None` if there is none.
fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let bytes = match fs::metadata(path) {
        Ok(file) if file.len() > FILE_BYTES => return Err(wrong(path, "too large")),
        Ok(_) => fs::read(path),
        Err(error) => Err(error),
    };
    match bytes {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| wrong(path, error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The error names the file, and nothing of what is in it.
fn wrong(path: &Path, what: impl std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{}: {what}", path.display()))
}

/// A file that its owner alone may read: hashes can be guessed at by whoever has them.
fn private(path: &Path, empty: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(empty);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))
}

/// Elsewhere folders have the rights of those above.
#[cfg(not(unix))]
fn make_private(_folder: &Path) -> io::Result<()> {
    Ok(())
}
