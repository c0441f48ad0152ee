//! Tokens: any bytes as one, and any header and claims with a good signature under them.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bimip_server::jwt::{JwtAuth, Keys, Legacy, Policy, Secret, TOKEN_GROUPS};
use bimip_server::{Authenticator, Dialect, Grant, Refused, SignIn};
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};

const SECRET: &str = "the secret of the fuzzer, which it does not know";
/// Long enough for the corpus to be good for as long as anybody reads it.
const CENTURY: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// A token. Where there is a line end, also a header and, behind it, claims to be signed.
///
/// # Panics
/// When a token is good that must not be, or a grant says more than a token may.
pub fn sign_in_token(bytes: &[u8]) {
    let auth = auth();
    for dialect in Dialect::ALL {
        assert_eq!(ask(&auth, dialect, bytes.to_vec()), Err(Refused), "nobody has signed this");
    }
    signed(&auth, bytes);
}

/// How many doors are open to what stands before and behind the first line end, once a good key has signed it.
fn signed(auth: &JwtAuth, bytes: &[u8]) -> usize {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return 0 };
    let signed = [&bytes[..end], &bytes[end + 1..]].map(|part| BASE64URL_NOPAD.encode(part)).join(".");
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let Ok(signature) = crypto::sign(signed.as_bytes(), &key, Algorithm::HS256) else { return 0 };
    let mut open = 0;
    for dialect in Dialect::ALL {
        let Ok(grant) = ask(auth, dialect, format!("{signed}.{signature}").into_bytes()) else { continue };
        assert!(grant.expires.is_some(), "every session ends");
        assert!(grant.groups.len() <= TOKEN_GROUPS);
        assert_eq!(
            serde_json::from_slice::<Header>(&bytes[..end]).map(|header| header.alg).ok(),
            Some("HS256".into())
        );
        let addressed =
            String::from_utf8_lossy(&bytes[end..]).contains("iss") || bytes[end..].contains(&b'\\');
        assert!(dialect == Dialect::VoicePing || addressed, "a token of old at a door of today");
        open += 1;
    }
    open
}

#[derive(serde::Deserialize)]
struct Header {
    alg: String,
}

fn auth() -> JwtAuth {
    let (mut keys, mut policy) = (Keys::new(), Policy::default());
    let secret = Secret::new(SECRET).expect("a secret");
    keys.add_secret(None, &secret).expect("room for one");
    keys.add_secret(Some("named"), &secret).expect("room for another");
    (policy.max_life, policy.legacy_max_life) = (CENTURY, CENTURY);
    policy.legacy = Legacy::AcceptWithoutExpiry;
    JwtAuth::new(keys, policy)
}

fn ask(auth: &JwtAuth, dialect: Dialect, token: Vec<u8>) -> Result<Grant, Refused> {
    let mut sign_in = SignIn::new(Bytes::from(token));
    sign_in.dialect = Some(dialect);
    match pin!(auth.authenticate(sign_in)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits for nobody"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fuzzer that never gets past the door would find nothing behind it.
    #[test]
    fn the_corpus_opens_doors() {
        let every = Dialect::ALL.len();
        for (bytes, doors) in [
            (include_bytes!("../corpus/sign_in_token/ours").as_slice(), every),
            (include_bytes!("../corpus/sign_in_token/kid"), every),
            (include_bytes!("../corpus/sign_in_token/escaped"), every),
            (include_bytes!("../corpus/sign_in_token/legacy"), 1),
            (include_bytes!("../corpus/sign_in_token/legacy_endless"), 1),
            (include_bytes!("../corpus/sign_in_token/expired"), 0),
            (include_bytes!("../corpus/sign_in_token/list"), 0),
        ] {
            assert_eq!(signed(&auth(), bytes), doors, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
