//! Keys in files: the one that a server makes for itself, and those that it is given.
//!
//! A secret's file is text, and the secret is that text without its line end: what stands in the file can be pasted
//! into any other program that signs tokens, and the secret of such a program can be put into a file.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use thiserror::Error;

use super::keys::{KeyError, Secret};
use crate::durable::{create_durably, sync_directory};

/// The server's own key, in its data directory: 32 random bytes as base64url.
pub const KEY_FILE: &str = "jwt-hs256.key";

/// As long as the digest.
const RANDOM_BYTES: usize = 32;
/// Larger than any set of keys with its certificates; a file beyond it is the wrong file.
const FILE_BYTES: u64 = 64 * 1024;

/// Why a key's file is of no use.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The operating system says no.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// Others may have read the server's own key.
    #[error(
        "{}: others on this machine may read this secret (mode {mode:03o}); run `chmod 600` on it, or remove it \
         to have a new one made, which ends every token signed with it",
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Not a file of text.
    #[error("{}: not text, or larger than {FILE_BYTES} bytes", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// It holds no key.
    #[error("{}: {error}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: KeyError,
    },
    /// The operating system gives no randomness.
    #[error("no randomness for a new key: {0}")]
    Randomness(String),
}

/// The server's own secret in its data directory; made where there is none.
///
/// Safe against others doing the same at the same moment: one makes it and all read it. A key has its name once it
/// is whole and durable.
///
/// # Errors
/// [`KeyFileError`], and nobody but the owner may be able to read the file.
pub fn own_secret(data: &Path) -> Result<Secret, KeyFileError> {
    let path = data.join(KEY_FILE);
    match read(&path) {
        Err(KeyFileError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => {
            make(data, &path)?;
            own(&path, read(&path)?)
        }
        text => own(&path, text?),
    }
}

fn own(path: &Path, text: Text) -> Result<Secret, KeyFileError> {
    match text.exposed() {
        Some(mode) => Err(KeyFileError::Exposed { path: path.to_owned(), mode }),
        None => text.secret(path),
    }
}

/// A secret that the operator has put into a file. A mode that lets others read it, or a short secret, is only
/// warned of: the ways to hand secrets to a container, and the backends of old, leave no choice.
///
/// # Errors
/// [`KeyFileError`], when it cannot be read or is none.
pub fn read_secret(path: &Path) -> Result<Secret, KeyFileError> {
    let text = read(path)?;
    if let Some(mode) = text.exposed() {
        let mode = format!("{mode:03o}");
        tracing::warn!(path = %path.display(), mode, "others on this machine may read this secret");
    }
    let secret = text.secret(path)?;
    if secret.is_short() {
        tracing::warn!(path = %path.display(), "a secret of less than 32 bytes may be guessed from any token");
    }
    Ok(secret)
}

/// The text of a file with a public key, or a set of them.
///
/// # Errors
/// [`KeyFileError`], when it cannot be read or is no text.
pub fn read_public(path: &Path) -> Result<String, KeyFileError> {
    read(path).map(|text| text.text)
}

struct Text {
    text: String,
    mode: u32,
}

impl Text {
    /// Its permissions, if group or others have any.
    const fn exposed(&self) -> Option<u32> {
        if self.mode & 0o077 == 0 { None } else { Some(self.mode) }
    }

    fn secret(&self, path: &Path) -> Result<Secret, KeyFileError> {
        let line = self.text.strip_suffix('\n').unwrap_or(&self.text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        Secret::new(line).map_err(|error| KeyFileError::Key { path: path.to_owned(), error })
    }
}

fn read(path: &Path) -> Result<Text, KeyFileError> {
    let failed = |error| KeyFileError::Io { path: path.to_owned(), error };
    let not_text = || KeyFileError::NotText { path: path.to_owned() };
    let file = File::open(path).map_err(failed)?;
    // Of the file that is open, whatever its name means by now.
    let mode = mode(&file).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(not_text());
    }
    let text = String::from_utf8(bytes).map_err(|_| not_text())?;
    Ok(Text { text, mode })
}

fn make(data: &Path, path: &Path) -> Result<(), KeyFileError> {
    let failed = |error| KeyFileError::Io { path: path.to_owned(), error };
    let mut random = [0; RANDOM_BYTES];
    let mut suffix = [0; 8];
    for bytes in [&mut random[..], &mut suffix[..]] {
        getrandom::fill(bytes).map_err(|error| KeyFileError::Randomness(error.to_string()))?;
    }
    create_durably(data).map_err(failed)?;
    let draft = data.join(format!("{KEY_FILE}.{}.new", BASE64URL_NOPAD.encode(&suffix)));
    let written = write(&draft, &BASE64URL_NOPAD.encode(&random)).and_then(|()| publish(&draft, path));
    // Its content is under its name now, or worth nothing.
    let removed = fs::remove_file(&draft);
    written.and(removed).and_then(|()| sync_directory(data)).map_err(failed)
}

fn write(draft: &Path, text: &str) -> io::Result<()> {
    let mut file = private(draft)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

/// Gives a draft its name, unless somebody else was first: a rename would take theirs away, a link does not.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A new file that only its owner may read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn mode(file: &File) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o777)
}

/// Elsewhere there are no such bits; the folder's access list decides.
#[cfg(not(unix))]
fn mode(_file: &File) -> io::Result<u32> {
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // SI-KEY-4
    #[test]
    fn many_that_want_a_key_at_once_have_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("not/there/yet");
        let secrets: Vec<Secret> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..16).map(|_| scope.spawn(|| own_secret(&data).unwrap())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        let files: Vec<_> = fs::read_dir(&data).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files, [KEY_FILE], "a draft was left behind");
        let text = fs::read_to_string(data.join(KEY_FILE)).unwrap();
        assert_eq!(BASE64URL_NOPAD.decode(text.trim_end().as_bytes()).unwrap().len(), RANDOM_BYTES);
        assert_eq!(secrets[0], Secret::new(text.trim_end()).unwrap());
    }

    // SI-KEY-4, SI-KEY-5
    #[cfg(unix)]
    #[test]
    fn a_key_of_ours_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let secret = own_secret(folder.path()).unwrap();
        let path = folder.path().join(KEY_FILE);
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for open in [0o640, 0o604, 0o644] {
            mode(open);
            let refused = own_secret(folder.path()).unwrap_err();
            assert!(matches!(refused, KeyFileError::Exposed { .. }), "{refused}");
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
            assert_eq!(read_secret(&path).unwrap(), secret, "given by hand it is only warned of");
        }
        mode(0o400);
        assert_eq!(own_secret(folder.path()).unwrap(), secret);
    }

    // SI-KEY-5
    #[test]
    fn a_secret_is_its_text_without_the_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let reads = |text: &str| {
            fs::write(&path, text).unwrap();
            read_secret(&path)
        };
        let awesome = Secret::new("awesome key").unwrap();
        for text in ["awesome key", "awesome key\n", "awesome key\r\n"] {
            assert_eq!(reads(text).unwrap(), awesome, "{text:?}");
        }
        assert_ne!(reads("awesome key\n\n").unwrap(), awesome);
        assert!(matches!(reads("\n").unwrap_err(), KeyFileError::Key { error: KeyError::Empty, .. }));
        assert!(reads(&"x".repeat(2_000)).is_err() && reads(&"x".repeat(70_000)).is_err());
        assert!(!format!("{awesome:?}").contains("awesome"), "a secret is not printed");
    }
}
