//! Sets of public keys as issuers publish them (JSON Web Key Sets), from a file.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm as Alg, DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::Value;

use super::keys::{ED25519_BYTES, Key, KeyError, Keys, P256_POINT_BYTES, RSA_MODULUS_BYTES};

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Keys {
    /// Adds the keys of a set that sign with an algorithm of ours, under the names they have there. Keys for other
    /// purposes and other algorithms are passed over: an issuer publishes all of its keys in one place.
    ///
    /// # Errors
    /// As the text is no set, or holds a key that is not public, none that is of use, or one that is refused
    /// alone, too.
    pub fn add_set(&mut self, json: &str) -> Result<(), KeyError> {
        let set: Set = serde_json::from_str(json).map_err(|_| KeyError::NoSet)?;
        let mut useful = 0;
        for key in set.keys {
            if key.get("d").is_some() || key.get("k").is_some() {
                return Err(KeyError::Private);
            }
            let Ok(key) = serde_json::from_value::<Jwk>(key) else { continue };
            let Some(algorithm) = algorithm(&key) else { continue };
            let public = DecodingKey::from_jwk(&key).map_err(|_| KeyError::NoSet)?;
            check(algorithm, &public)?;
            self.add(key.common.key_id.as_deref(), Key::new(algorithm, public))?;
            useful += 1;
        }
        if useful == 0 { Err(KeyError::NoneUseful) } else { Ok(()) }
    }
}

/// What a key is for, if that is something of ours. Said here, once; a token cannot change it.
fn algorithm(key: &Jwk) -> Option<Alg> {
    let signs = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let (alg, named) = match &key.algorithm {
        AlgorithmParameters::RSA(_) => (Alg::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Alg::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Alg::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    let fits = key.common.key_algorithm.is_none_or(|algorithm| algorithm == named);
    (signs && fits).then_some(alg)
}

fn check(algorithm: Alg, key: &DecodingKey) -> Result<(), KeyError> {
    match (algorithm, key.kind()) {
        (_, DecodingKeyKind::RsaModulusExponent { n, .. }) => {
            let zeros = n.iter().take_while(|byte| **byte == 0).count();
            if n.len() - zeros < RSA_MODULUS_BYTES { Err(KeyError::TooSmall) } else { Ok(()) }
        }
        (Alg::ES256, DecodingKeyKind::SecretOrDer(point)) if point.len() == P256_POINT_BYTES => Ok(()),
        (Alg::EdDSA, DecodingKeyKind::SecretOrDer(point)) if point.len() == ED25519_BYTES => Ok(()),
        _ => Err(KeyError::NoSet),
    }
}
