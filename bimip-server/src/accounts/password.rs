//! Passwords, and their hashes: slow and large on purpose, so few at a time.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use bimip_proto::limits;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The memory of one hash, as the OWASP cheat sheet has it for Argon2id with two passes.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// A password that an account may get. Neither printed nor kept.
#[derive(Clone)]
pub struct Password(String);

/// Why a password is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotAPassword {
    /// It would be guessed.
    #[error("a password has at least {} bytes", limits::PASSWORD_MIN_BYTES)]
    TooShort,
    /// Nobody types it.
    #[error("a password has at most {} bytes", limits::PASSWORD_BYTES)]
    TooLong,
    /// The operating system gives no randomness, or the machine no memory.
    #[error("no hash can be made")]
    NoHash,
}

impl Password {
    /// Of these words. They are taken as they are, byte by byte.
    ///
    /// # Errors
    /// [`NotAPassword`].
    pub fn new(words: &str) -> Result<Self, NotAPassword> {
        match words.len() {
            0..limits::PASSWORD_MIN_BYTES => Err(NotAPassword::TooShort),
            limits::PASSWORD_MIN_BYTES..=limits::PASSWORD_BYTES => Ok(Self(words.to_owned())),
            _ => Err(NotAPassword::TooLong),
        }
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// The Argon2id hash of a password, with a salt of its own, as a PHC string. Takes 19 MiB and some hundredths of a second.
///
/// # Errors
/// [`NotAPassword::NoHash`].
pub fn hash(password: &Password) -> Result<String, NotAPassword> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|_| NotAPassword::NoHash)?;
    let salt = SaltString::encode_b64(&salt).map_err(|_| NotAPassword::NoHash)?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| NotAPassword::NoHash)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.0.as_bytes(), &salt).map_err(|_| NotAPassword::NoHash)?;
    Ok(hash.to_string())
}

/// By the parameters that the hash names.
fn is_of(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Hashes under way. So logins can neither take all memory nor all processors, nor the threads that files are read on.
#[derive(Debug)]
pub(super) struct Hashes {
    /// A place for each that runs.
    running: Arc<Semaphore>,
    /// A place for each that runs or waits.
    places: Arc<Semaphore>,
    /// Of a password that nobody knows: looked at where there is no account, so that the answer takes as long.
    nobody: String,
}

/// Too many are under way.
#[derive(Debug)]
pub(super) struct Busy;

impl Hashes {
    pub(super) fn new() -> Result<Self, NotAPassword> {
        let mut words = [0; 32];
        getrandom::fill(&mut words).map_err(|_| NotAPassword::NoHash)?;
        let nobody = hash(&Password(data_encoding::HEXLOWER.encode(&words)))?;
        Ok(Self {
            running: Arc::new(Semaphore::new(limits::HASHES_AT_ONCE)),
            places: Arc::new(Semaphore::new(limits::HASHES_AT_ONCE + limits::HASHES_WAITING)),
            nobody,
        })
    }

    pub(super) async fn make(&self, password: Password) -> Result<String, Busy> {
        self.run(move || hash(&password)).await?.map_err(|_| Busy)
    }

    /// Whether a password is the one of this hash. Without a hash it is not, and that takes as long.
    pub(super) async fn check(&self, password: &str, hash: Option<String>) -> Result<bool, Busy> {
        let password = password.to_owned();
        let known = hash.is_some();
        let hash = hash.filter(|hash| !hash.is_empty()).unwrap_or_else(|| self.nobody.clone());
        let right = self.run(move || is_of(&password, &hash)).await?;
        Ok(right && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
        // Whoever asked may be gone before it is done: its place is taken until then.
        let worked = spawn_blocking(move || {
            let done = work();
            drop((turn, place));
            done
        });
        worked.await.map_err(|_| Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SI-ACC-3
    #[test]
    fn a_hash_is_argon2id_with_a_salt_of_its_own() {
        let password = Password::new("correct horse").unwrap();
        let (one, other) = (hash(&password).unwrap(), hash(&password).unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, other);
        assert!(is_of("correct horse", &one) && is_of("correct horse", &other));
        assert!(!is_of("correct horsE", &one) && !is_of("", &one) && !is_of("correct horse", "garbage"));
        assert_eq!(format!("{password:?}"), "Password");
    }

    // SI-ACC-2
    #[test]
    fn passwords_have_a_size() {
        let long = "x".repeat(limits::PASSWORD_BYTES);
        assert!(Password::new("12345678").is_ok() && Password::new(&long).is_ok());
        assert_eq!(Password::new("1234567").unwrap_err(), NotAPassword::TooShort);
        assert_eq!(Password::new(&format!("{long}x")).unwrap_err(), NotAPassword::TooLong);
    }

    // SI-ACC-4
    #[tokio::test]
    async fn hashes_are_few_at_a_time_and_their_number_is_bounded() {
        let hashes = Hashes::new().unwrap();
        let most = limits::HASHES_AT_ONCE + limits::HASHES_WAITING;
        let held = Arc::clone(&hashes.places).acquire_many_owned(u32::try_from(most).unwrap()).await.unwrap();
        assert!(hashes.check("correct horse", None).await.is_err(), "no place");
        drop(held);
        assert!(!hashes.check("correct horse", None).await.unwrap());
        assert!(!hashes.check("correct horse", Some(String::new())).await.unwrap(), "a removed account");
        assert_eq!(hashes.places.available_permits(), most);
        assert_eq!(hashes.running.available_permits(), limits::HASHES_AT_ONCE);
    }
}
