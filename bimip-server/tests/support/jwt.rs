//! Tokens, made by hand: the way a forger would.

#![allow(dead_code, reason = "each test target uses its part of it")]

use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};

/// What VoicePing backends have in their environment: any text.
pub(crate) const SECRET: &str = "a secret of the tests, known to everybody";
pub(crate) const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
pub(crate) const RS256_PUBLIC: &str = include_str!("keys/rs256.public.pem");
const RS256_PRIVATE: &[u8] = include_bytes!("keys/rs256.private.pem");
pub(crate) const ES256_PUBLIC: &str = include_str!("keys/es256.public.pem");
const ES256_PRIVATE: &[u8] = include_bytes!("keys/es256.private.pem");
pub(crate) const EDDSA_PUBLIC: &str = include_str!("keys/eddsa.public.pem");
const EDDSA_PRIVATE: &[u8] = include_bytes!("keys/eddsa.private.pem");

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Claims of a token of ours for an hour, with these beside them.
pub(crate) fn ours(user: &str, rest: &str) -> String {
    let exp = now_s() + 3600;
    format!(r#"{{"iss":"bimip","aud":"bimip","sub":"{user}","exp":{exp}{rest}}}"#)
}

/// Claims as push-to-talk backends write them, for an hour.
pub(crate) fn legacy(user: &str, rest: &str) -> String {
    format!(r#"{{"uid":"{user}","exp":{}{rest}}}"#, now_s() + 3600)
}

/// `header.claims`, without a signature.
pub(crate) fn unsigned(header: &str, claims: &str) -> String {
    [header, claims].map(|part| BASE64URL_NOPAD.encode(part.as_bytes())).join(".")
}

/// A token with this header, whatever it says, signed by HS256.
pub(crate) fn hs256(header: &str, claims: &str, secret: &[u8]) -> String {
    sign(&unsigned(header, claims), Algorithm::HS256, &EncodingKey::from_secret(secret))
}

/// A good token for HS256.
pub(crate) fn token(claims: &str) -> String {
    hs256(HS256, claims, SECRET.as_bytes())
}

pub(crate) fn rs256(header: &str, claims: &str) -> String {
    let key = EncodingKey::from_rsa_pem(RS256_PRIVATE).unwrap();
    sign(&unsigned(header, claims), Algorithm::RS256, &key)
}

pub(crate) fn es256(header: &str, claims: &str) -> String {
    let key = EncodingKey::from_ec_pem(ES256_PRIVATE).unwrap();
    sign(&unsigned(header, claims), Algorithm::ES256, &key)
}

pub(crate) fn eddsa(header: &str, claims: &str) -> String {
    let key = EncodingKey::from_ed_pem(EDDSA_PRIVATE).unwrap();
    sign(&unsigned(header, claims), Algorithm::EdDSA, &key)
}

fn sign(message: &str, algorithm: Algorithm, key: &EncodingKey) -> String {
    format!("{message}.{}", crypto::sign(message.as_bytes(), key, algorithm).unwrap())
}
