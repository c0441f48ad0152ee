//! `bimip-server account`: looking after accounts, while a server runs on them or not.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use bimip_proto::{UnixMs, UserId, limits};
use bimip_server::accounts::{
    Account, AccountStore, ChangeError, FolderAccounts, Password, Refusal, hash, rfc3339,
};
use clap::{Args, Subcommand};

use crate::{ACCOUNTS, fail};

pub(crate) const EXAMPLES: &str = "\
Examples:
  bimip-server account add --user ann
      Asks for ann's password, twice.
  echo \"$PASSWORD\" | bimip-server account add --user ann --data /var/lib/bimip
      Takes it from stdin: the first line.
  bimip-server account passwd --user ann
      Another password: whoever came in by the one before is logged out.
  bimip-server account disable --user ann
      Logs ann out, and lets nobody in until `account enable`.
  bimip-server account list

A server that runs with --auth accounts on the same --data sees a change at the next sign-in, and ends the sessions that it
logs out within a second or two; one that does not run, when it starts. A password is never an argument: others on the
machine see those.";

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Makes an account.
    Add(Which),
    /// Gives an account another password, and logs its user out everywhere.
    Passwd(Which),
    /// Logs a user out everywhere and lets nobody in by the account.
    Disable(Which),
    /// Lets a user in again.
    Enable(Which),
    /// Takes an account away. Its name stays taken, as its messages stay; only `account add` gives it to somebody.
    Remove(Which),
    /// Prints the accounts: name, when it was made and last changed, and what is the matter with it.
    List(Where),
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Whose account.
    #[arg(long, value_name = "USER")]
    user: UserId,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
pub(crate) struct Where {
    /// The data directory of the server; made if it does not exist.
    #[arg(long, value_name = "DIR", default_value = "./bimip-data")]
    data: PathBuf,
}

impl AccountCommand {
    pub(crate) fn run(&self) -> ExitCode {
        match self.carry_out() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }

    fn carry_out(&self) -> Result<(), String> {
        match self {
            Self::Add(which) => which.with_password(|before, hash, now, user| match before {
                Some(before) if !before.removed => Err(Refusal::Taken.into()),
                Some(before) => {
                    // Who has the name now begins where the other one ended.
                    let mut again = before.with_password(hash, now);
                    (again.removed, again.disabled) = (false, false);
                    Ok(again)
                }
                None => Ok(Account::new(user, hash, now)),
            }),
            Self::Passwd(which) => which.with_password(|before, hash, now, _| match before {
                Some(before) if !before.removed => Ok(before.with_password(hash, now)),
                _ => Err(missing()),
            }),
            Self::Disable(which) => which.change(|it, now| it.with_disabled(true, now)),
            Self::Enable(which) => which.change(|it, now| it.with_disabled(false, now)),
            Self::Remove(which) => which.change(Account::without),
            Self::List(place) => place.list(),
        }
    }
}

fn missing() -> ChangeError {
    io::Error::new(io::ErrorKind::NotFound, "there is no such account").into()
}

impl Which {
    /// Asks for a password, and does something with its hash.
    fn with_password(
        &self,
        make: impl Fn(Option<Account>, String, UnixMs, UserId) -> Result<Account, ChangeError>,
    ) -> Result<(), String> {
        // Before anybody types something in vain.
        let store = self.place.open()?;
        let password = ask().map_err(|error| format!("no password: {error}"))?;
        let password = Password::new(&password).map_err(|error| error.to_string())?;
        let hash = hash(&password).map_err(|error| error.to_string())?;
        self.changed(&store, &mut |before| make(before, hash.clone(), now(), self.user.clone()))
    }

    fn change(&self, make: impl Fn(Account, UnixMs) -> Account) -> Result<(), String> {
        let store = self.place.open()?;
        self.changed(&store, &mut |before| match before {
            Some(before) if !before.removed => Ok(make(before, now())),
            _ => Err(missing()),
        })
    }

    fn changed(
        &self,
        store: &FolderAccounts,
        change: &mut dyn FnMut(Option<Account>) -> Result<Account, ChangeError>,
    ) -> Result<(), String> {
        store.change(&self.user, change).map(drop).map_err(|error| format!("{}: {error}", self.user))
    }
}

impl Where {
    fn open(&self) -> Result<FolderAccounts, String> {
        let path = self.data.join(ACCOUNTS);
        FolderAccounts::open(&path)
            .map_err(|error| format!("cannot open the accounts in {}: {error}", path.display()))
    }

    fn list(&self) -> Result<(), String> {
        let accounts =
            self.open()?.list().map_err(|error| format!("the accounts cannot be read: {error}"))?;
        let mut stdout = io::stdout().lock();
        for it in accounts {
            let matter = match (it.removed, it.disabled) {
                (true, _) => "  removed",
                (_, true) => "  disabled",
                _ => "",
            };
            let (user, created, changed) = (&it.user, rfc3339(it.created), rfc3339(it.changed));
            writeln!(stdout, "{user}  made {created}  changed {changed}{matter}")
                .map_err(|error| format!("the list cannot be printed: {error}"))?;
        }
        Ok(())
    }
}

fn now() -> UnixMs {
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMs(u64::try_from(unix.as_millis()).unwrap_or(u64::MAX))
}

/// A password: typed twice and not shown, or the first line of stdin.
fn ask() -> io::Result<String> {
    if !io::stdin().is_terminal() {
        return line();
    }
    let first = prompt("Password: ")?;
    if prompt("Again: ")? == first {
        Ok(first)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "that was not the same"))
    }
}

fn prompt(words: &str) -> io::Result<String> {
    let mut stderr = io::stderr();
    write!(stderr, "{words}")?;
    stderr.flush()?;
    let typed = {
        let _quiet = Quiet::new()?;
        line()
    };
    writeln!(stderr)?;
    typed
}

/// No more than a password takes is read, whatever comes.
fn line() -> io::Result<String> {
    let mut line = Vec::new();
    let most = limits::PASSWORD_BYTES as u64 + 2;
    io::Read::take(io::stdin().lock(), most).read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    String::from_utf8(line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
}

/// While it lives, what is typed is not shown.
#[cfg(unix)]
struct Quiet(rustix::termios::Termios);

#[cfg(unix)]
impl Quiet {
    fn new() -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Flush, &self.0);
    }
}

/// Elsewhere a terminal cannot be asked for that.
#[cfg(not(unix))]
struct Quiet;

#[cfg(not(unix))]
impl Quiet {
    fn new() -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "give the password on stdin"))
    }
}
