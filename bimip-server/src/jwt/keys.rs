//! The keys whose signatures count, each bound to one algorithm.

use std::collections::BTreeMap;
use std::fmt;

use jsonwebtoken::{Algorithm as Alg, DecodingKey, EncodingKey, crypto};
use thiserror::Error;

use super::KEY_ID_BYTES;

/// Keys of one server. A rotation needs two; the rest is room for several issuers.
const KEYS: usize = 16;
/// A secret: more than one digest block adds nothing, and a file of megabytes is the wrong file.
const SECRET_BYTES: usize = 1024;
/// A smaller modulus can be factored. Its bytes are most of the key's encoding.
pub(super) const RSA_MODULUS_BYTES: usize = 256;
/// An uncompressed point of the curve P-256.
pub(super) const P256_POINT_BYTES: usize = 65;
/// A point of the curve of Ed25519.
pub(super) const ED25519_BYTES: usize = 32;

/// How a public key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSA with PKCS #1 v1.5 and SHA-256; 2048 bits and more.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// Why a key is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nobody can sign with nothing; everybody can.
    #[error("the secret is empty")]
    Empty,
    /// The wrong file, most likely.
    #[error("the secret is longer than {SECRET_BYTES} bytes")]
    TooLong,
    /// It is not what it has to be.
    #[error("not a public key of {0:?} in PEM form (`-----BEGIN PUBLIC KEY-----`)")]
    NotPublic(Algorithm),
    /// It is not what it has to be.
    #[error("not a set of public keys (`{{\"keys\": [...]}}`)")]
    NoSet,
    /// The wrong file, most likely.
    #[error("none of its keys signs with RS256, ES256 (P-256) or EdDSA (Ed25519)")]
    NoneUseful,
    /// A server has no business with it.
    #[error(
        "this is a private or secret key, which only the issuer may have; give the public one \
         (`openssl pkey -in FILE -pubout`)"
    )]
    Private,
    /// It can be broken.
    #[error("an RSA key must have at least 2048 bits")]
    TooSmall,
    /// A name of a key that is none.
    #[error("the name of a key has 1 to {KEY_ID_BYTES} bytes")]
    Name,
    /// Which one would it be?
    #[error("two keys are named {0:?}")]
    Twice(String),
    /// More than a server has use for.
    #[error("more than {KEYS} keys")]
    TooMany,
}

/// What both who signs and who checks must know. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the bytes of `text` as they are.
    ///
    /// # Errors
    /// [`KeyError::Empty`] and [`KeyError::TooLong`].
    pub fn new(text: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        match text.as_ref() {
            [] => Err(KeyError::Empty),
            bytes if bytes.len() > SECRET_BYTES => Err(KeyError::TooLong),
            bytes => Ok(Self(bytes.to_vec())),
        }
    }

    /// Whether it has fewer bytes than its digest: then guessing it may be easier than breaking the digest.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.0.len() < 32
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Says which of its backends the token library uses, unless the program has said so already: it would not choose
/// by itself in a program that has built both.
pub(super) fn choose_backend() {
    let _ = crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
}

/// The keys whose signatures count.
///
/// A key with a name (`kid`) is used for tokens that name it and for no others; a key without one for tokens that
/// name none.
///
/// The first secret also signs what the server makes itself: newer tokens for old ones. Of public keys alone it makes
/// none.
#[derive(Debug, Default)]
pub struct Keys {
    named: BTreeMap<String, Key>,
    nameless: Vec<Key>,
    signer: Option<Signer>,
}

impl Keys {
    /// No keys: nobody comes in.
    #[must_use]
    pub const fn new() -> Self {
        Self { named: BTreeMap::new(), nameless: Vec::new(), signer: None }
    }

    /// Adds a secret for HS256.
    ///
    /// # Errors
    /// As the name is none or taken, and [`KeyError::TooMany`].
    pub fn add_secret(&mut self, kid: Option<&str>, secret: &Secret) -> Result<(), KeyError> {
        self.add(kid, Key { algorithm: Alg::HS256, key: DecodingKey::from_secret(secret.as_bytes()) })?;
        self.signer.get_or_insert_with(|| Signer::new(kid, secret));
        Ok(())
    }

    /// What the server signs with, if it has a secret.
    pub(super) const fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// Adds a public key in PEM form.
    ///
    /// # Errors
    /// As the key is none or too small, the name none or taken, and [`KeyError::TooMany`].
    pub fn add_public(&mut self, kid: Option<&str>, algorithm: Algorithm, pem: &str) -> Result<(), KeyError> {
        if pem.contains("PRIVATE KEY") {
            return Err(KeyError::Private);
        }
        let (alg, key) = match algorithm {
            Algorithm::Rs256 => (Alg::RS256, DecodingKey::from_rsa_pem(pem.as_bytes())),
            Algorithm::Es256 => (Alg::ES256, DecodingKey::from_ec_pem(pem.as_bytes())),
            Algorithm::EdDsa => (Alg::EdDSA, DecodingKey::from_ed_pem(pem.as_bytes())),
        };
        let key = key.map_err(|_| KeyError::NotPublic(algorithm))?;
        let len_bytes = key.try_get_as_bytes().map_or(0, <[u8]>::len);
        match algorithm {
            Algorithm::Rs256 if len_bytes < RSA_MODULUS_BYTES => return Err(KeyError::TooSmall),
            Algorithm::Es256 if len_bytes != P256_POINT_BYTES => {
                return Err(KeyError::NotPublic(algorithm));
            }
            _ => {}
        }
        self.add(kid, Key { algorithm: alg, key })
    }

    pub(super) fn add(&mut self, kid: Option<&str>, key: Key) -> Result<(), KeyError> {
        if self.named.len() + self.nameless.len() >= KEYS {
            return Err(KeyError::TooMany);
        }
        match kid {
            None => self.nameless.push(key),
            Some(kid) if kid.is_empty() || kid.len() > KEY_ID_BYTES => return Err(KeyError::Name),
            Some(kid) if self.named.contains_key(kid) => return Err(KeyError::Twice(kid.to_owned())),
            Some(kid) => {
                self.named.insert(kid.to_owned(), key);
            }
        }
        Ok(())
    }

    /// The keys that may have signed a token with this header. A key never becomes another algorithm's: where the
    /// token says something else than the key's entry, the key is not among them.
    pub(super) fn of(&self, kid: Option<&str>, algorithm: Alg) -> impl Iterator<Item = &Key> {
        let named = kid.and_then(|kid| self.named.get(kid));
        let nameless: &[Key] = if kid.is_none() { &self.nameless } else { &[] };
        named.into_iter().chain(nameless).filter(move |key| key.algorithm == algorithm)
    }
}

/// A key and what it is for.
#[derive(Debug)]
pub(super) struct Key {
    algorithm: Alg,
    key: DecodingKey,
}

impl Key {
    pub(super) const fn new(algorithm: Alg, key: DecodingKey) -> Self {
        Self { algorithm, key }
    }

    /// Compares in constant time where that matters.
    pub(super) fn has_signed(&self, signed: &[u8], signature: &str) -> bool {
        crypto::verify(signature, signed, &self.key, self.algorithm).unwrap_or(false)
    }
}

/// A secret to sign with, and its name.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) kid: Option<String>,
    pub(super) key: EncodingKey,
}

impl Signer {
    pub(super) fn new(kid: Option<&str>, secret: &Secret) -> Self {
        Self { kid: kid.map(ToOwned::to_owned), key: EncodingKey::from_secret(secret.as_bytes()) }
    }
}
