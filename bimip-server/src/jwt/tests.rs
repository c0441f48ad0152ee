use bimip_codec::Dialect;
use bimip_proto::{DeviceName, UnixMs};
use bytes::Bytes;
use jsonwebtoken::{Algorithm as Alg, EncodingKey, Header, crypto};

use super::*;

mod tasks;

const NOW_S: u64 = 1_800_000_000;
const HOUR_S: u64 = 3600;

fn secret() -> Secret {
    Secret::new("a secret of the tests, known to everybody").unwrap()
}

fn auth(change: impl FnOnce(&mut Policy)) -> JwtAuth {
    let (mut keys, mut policy) = (Keys::new(), Policy::default());
    keys.add_secret(None, &secret()).unwrap();
    change(&mut policy);
    JwtAuth::new(keys, policy)
}

fn sign_in(claims: &str, dialect: Dialect) -> SignIn {
    let header = serde_json::to_vec(&Header::default()).unwrap();
    let signed = [header.as_slice(), claims.as_bytes()].map(|part| BASE64URL_NOPAD.encode(part)).join(".");
    let key = EncodingKey::from_secret(secret().as_bytes());
    let signature = crypto::sign(signed.as_bytes(), &key, Alg::HS256).unwrap();
    let mut sign_in = SignIn::new(Bytes::from(format!("{signed}.{signature}")));
    sign_in.dialect = Some(dialect);
    sign_in
}

fn judge(auth: &JwtAuth, claims: &str, dialect: Dialect) -> Result<Grant, Reason> {
    auth.judge(NOW_S * 1000, &sign_in(claims, dialect))
}

fn ours(rest: &str) -> String {
    format!(r#"{{"iss":"bimip","aud":"bimip","sub":"ann",{rest}}}"#)
}

// SI-JWT-1, SI-JWT-2
#[test]
fn an_end_is_needed_and_taken_as_it_is() {
    let auth = auth(|_| {});
    let end = |exp: String| {
        let granted = judge(&auth, &ours(&format!(r#""exp":{exp}"#)), Dialect::Scheme);
        granted.map(|grant| grant.expires.unwrap())
    };
    assert_eq!(end(format!("{}", NOW_S + 1)), Ok(UnixMs((NOW_S + 1) * 1000)));
    assert_eq!(end(format!("{NOW_S}")), Err(Reason::Expired));
    assert_eq!(end(format!("{}", NOW_S - 1)), Err(Reason::Expired));
    assert_eq!(end("0".to_owned()), Err(Reason::Expired));
    // A day, and the leeway for an issuer whose clock is ahead.
    assert!(end(format!("{}", NOW_S + 24 * HOUR_S + 5)).is_ok());
    assert_eq!(end(format!("{}", NOW_S + 24 * HOUR_S + 6)), Err(Reason::TooLongLived));
    assert_eq!(end(format!("{}", u64::MAX)), Err(Reason::TooLongLived));
    for wrong in
        ["null", "-1", "1.8e9", "1800000001.5", "\"1800000001\"", "[1800000001]", "18446744073709551616"]
    {
        assert_eq!(end(wrong.to_owned()), Err(Reason::BadClaims), "{wrong}");
    }
}

// SI-JWT-2
#[test]
fn a_beginning_is_waited_for() {
    let auth = auth(|_| {});
    let begin = |nbf: u64| {
        let claims = ours(&format!(r#""exp":{},"nbf":{nbf}"#, NOW_S + 60));
        judge(&auth, &claims, Dialect::Scheme).map(|_| ())
    };
    assert_eq!(begin(NOW_S + 5), Ok(()));
    assert_eq!(begin(NOW_S + 6), Err(Reason::NotYet));
    assert_eq!(begin(u64::MAX), Err(Reason::NotYet));
}

/// Which policy lets in which token at which door.
// SI-JWT-3
#[test]
fn tokens_without_an_address_are_good_at_one_door() {
    let legacy = format!(r#"{{"uid":"ann","exp":{}}}"#, NOW_S + 30 * 24 * HOUR_S);
    let accept = auth(|_| {});
    assert_eq!(judge(&accept, &legacy, Dialect::VoicePing).unwrap().device.to_string(), "ann/voiceping");
    assert_eq!(judge(&accept, &legacy, Dialect::Scheme), Err(Reason::WrongIssuer));
    let mut elsewhere = sign_in(&legacy, Dialect::VoicePing);
    elsewhere.dialect = None;
    assert_eq!(accept.judge(NOW_S * 1000, &elsewhere), Err(Reason::WrongIssuer), "an unknown door");

    let refuse = auth(|policy| policy.legacy = Legacy::Refuse);
    assert_eq!(judge(&refuse, &legacy, Dialect::VoicePing), Err(Reason::WrongIssuer));

    let endless = r#"{"uid":"ann"}"#;
    assert_eq!(judge(&accept, endless, Dialect::VoicePing), Err(Reason::BadClaims));
    let without = auth(|policy| policy.legacy = Legacy::AcceptWithoutExpiry);
    let grant = judge(&without, endless, Dialect::VoicePing).unwrap();
    assert_eq!(grant.expires, Some(UnixMs((NOW_S + 366 * 24 * HOUR_S) * 1000)));
    let ours = r#"{"iss":"bimip","aud":"bimip","sub":"ann"}"#;
    assert_eq!(judge(&without, ours, Dialect::VoicePing), Err(Reason::BadClaims), "only those of old");
}

/// Half an address is no licence to be taken for a token of old.
// SI-JWT-4, SI-JWT-1
#[test]
fn an_address_has_to_be_ours() {
    let auth = auth(|_| {});
    let exp = NOW_S + 60;
    for (claims, reason) in [
        (format!(r#"{{"uid":"ann","sub":"ann","iss":"other","exp":{exp}}}"#), Reason::WrongIssuer),
        (format!(r#"{{"uid":"ann","sub":"ann","aud":"bimip","exp":{exp}}}"#), Reason::WrongIssuer),
        (format!(r#"{{"uid":"ann","sub":"ann","iss":"bimip","exp":{exp}}}"#), Reason::WrongAudience),
        (format!(r#"{{"sub":"ann","iss":"bimip","aud":"other","exp":{exp}}}"#), Reason::WrongAudience),
        (format!(r#"{{"sub":"ann","iss":"bimip","aud":[],"exp":{exp}}}"#), Reason::WrongAudience),
        (format!(r#"{{"uid":"ann","iss":"bimip","aud":"bimip","exp":{exp}}}"#), Reason::NoUser),
        (format!(r#"{{"sub":7,"iss":"bimip","aud":"bimip","exp":{exp}}}"#), Reason::NoUser),
        (format!(r#"{{"sub":"ann","iss":["bimip"],"aud":"bimip","exp":{exp}}}"#), Reason::BadClaims),
    ] {
        for dialect in [Dialect::VoicePing, Dialect::Scheme] {
            assert_eq!(judge(&auth, &claims, dialect), Err(reason), "{claims}");
        }
    }
    let several = format!(r#"{{"sub":"ann","iss":"bimip","aud":["other","bimip"],"exp":{exp}}}"#);
    assert!(judge(&auth, &several, Dialect::Scheme).is_ok());
}

// SI-JWT-3
#[test]
fn users_of_old_have_many_names_for_one() {
    let auth = auth(|_| {});
    let user = |claims: &str| {
        let claims = format!(r#"{{{claims},"exp":{}}}"#, NOW_S + 60);
        judge(&auth, &claims, Dialect::VoicePing).map(|grant| grant.device.user.to_string())
    };
    for claims in [r#""uid":"7""#, r#""userId":"7""#, r#""user_id":"7""#, r#""sub":"7""#, r#""uid":7"#] {
        assert_eq!(user(claims), Ok("7".to_owned()), "{claims}");
    }
    assert_eq!(user(r#""uid":7,"sub":"7","name":"Ann""#), Ok("7".to_owned()));
    for claims in [r#""name":"ann""#, r#""uid":"7","userId":"8""#, r#""uid":"""#, r#""uid":"a/b""#] {
        assert_eq!(user(claims), Err(Reason::NoUser), "{claims}");
    }
    for claims in
        [r#""uid":-7"#, r#""uid":7.5"#, r#""uid":true"#, r#""uid":{"$ne":""}"#, r#""uid":"a","uid":"a""#]
    {
        assert_eq!(user(claims), Err(Reason::BadClaims), "{claims}");
    }
}

// SI-JWT-1
#[test]
fn groups_are_named_once_and_not_too_many() {
    let auth = auth(|_| {});
    let groups = |claims: &str| {
        let claims = format!(r#"{{"uid":"ann",{claims},"exp":{}}}"#, NOW_S + 60);
        let grant = judge(&auth, &claims, Dialect::VoicePing)?;
        Ok(grant.groups.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(groups(r#""channelIds":["b",7,"a","7"]"#), Ok(vec!["b".into(), "7".into(), "a".into()]));
    assert_eq!(groups(r#""groups":["a"],"channelIds":["a","b"]"#), Ok(vec!["a".into(), "b".into()]));
    assert_eq!(groups(r#""channelIds":null"#), Ok(vec![]));
    for wrong in [r#"["a/b"]"#, r#"[""]"#, r#"["a\u0000"]"#] {
        assert_eq!(groups(&format!(r#""groups":{wrong}"#)), Err(Reason::BadGroups), "{wrong}");
    }
    for wrong in [r#""a""#, r#"[null]"#, r#"[["a"]]"#, r#"{"a":1}"#] {
        assert_eq!(groups(&format!(r#""groups":{wrong}"#)), Err(Reason::BadClaims), "{wrong}");
    }
    let many = |count: usize| serde_json::to_string(&(0..count).collect::<Vec<_>>()).unwrap();
    assert_eq!(groups(&format!(r#""groups":{}"#, many(256))).map(|groups| groups.len()), Ok(256));
    assert_eq!(groups(&format!(r#""groups":{}"#, many(257))), Err(Reason::BadGroups));
}

// SI-WHO-2
#[test]
fn a_token_for_one_device_is_no_good_on_another() {
    let auth = auth(|_| {});
    let bound = ours(&format!(r#""device":"phone","jti":"t-1","exp":{}"#, NOW_S + 60));
    let mut sign_in = sign_in(&bound, Dialect::Scheme);
    for (claimed, granted) in [
        (None, Ok("ann/phone".to_owned())),
        (Some("phone"), Ok("ann/phone".to_owned())),
        (Some("desk"), Err(Reason::OtherDevice)),
    ] {
        sign_in.device = claimed.map(|device| DeviceName::new(device).unwrap());
        let grant = auth.judge(NOW_S * 1000, &sign_in);
        assert_eq!(grant.clone().map(|grant| grant.device.to_string()), granted);
        assert!(grant.is_err() || grant.unwrap().token_id.unwrap().as_str() == "t-1");
    }
}

#[test]
fn a_token_of_ours_is_good() {
    let auth = auth(|_| {});
    let mut token =
        NewToken::new(bimip_proto::UserId::new("ann").unwrap(), std::time::Duration::from_secs(60));
    token.groups.push(bimip_proto::GroupId::new("crew").unwrap());
    token.device = Some(DeviceName::new("phone").unwrap());
    let sign = |token: &NewToken| token.sign(&secret(), &Policy::default());
    let (one, two) = (sign(&token).unwrap(), sign(&token).unwrap());
    let mut granted = [&one, &two].map(|token| {
        let mut sign_in = SignIn::new(Bytes::from(token.clone()));
        sign_in.dialect = Some(Dialect::Scheme);
        auth.judge(unix_ms(), &sign_in).unwrap()
    });
    assert_ne!(granted[0].token_id, granted[1].token_id, "each token has a name of its own");
    assert_eq!(granted[0].device.to_string(), "ann/phone");
    assert_eq!(granted[0].groups, token.groups);
    granted[1].groups.clear();
    token.life = std::time::Duration::from_millis(999);
    assert_eq!(sign(&token), Err(MintError::NoLife));
    token.life = std::time::Duration::from_secs(60);
    token.groups = vec![token.groups[0].clone(); 257];
    assert_eq!(sign(&token), Err(MintError::TooManyGroups));
}

// SI-KEY-1, SI-KEY-2
#[test]
fn keys_are_looked_at_before_they_are_taken() {
    const RSA: &str = include_str!("../../tests/support/keys/rs256.public.pem");
    const P384: &str = include_str!("../../tests/support/keys/p384.public.pem");
    let mut keys = Keys::new();
    let mut add = |kid: Option<&str>, algorithm, pem: &str| keys.add_public(kid, algorithm, pem);
    assert_eq!(add(Some("a"), Algorithm::Rs256, RSA), Ok(()));
    assert_eq!(add(Some("a"), Algorithm::Rs256, RSA), Err(KeyError::Twice("a".to_owned())));
    assert_eq!(add(Some(""), Algorithm::Rs256, RSA), Err(KeyError::Name));
    assert_eq!(add(Some(&"k".repeat(65)), Algorithm::Rs256, RSA), Err(KeyError::Name));
    let small = include_str!("../../tests/support/keys/rsa1024.public.pem");
    assert_eq!(add(None, Algorithm::Rs256, small), Err(KeyError::TooSmall));
    let private = include_str!("../../tests/support/keys/rs256.private.pem");
    assert_eq!(add(None, Algorithm::Rs256, private), Err(KeyError::Private));
    for (algorithm, pem) in [
        (Algorithm::Rs256, P384),
        (Algorithm::Es256, RSA),
        (Algorithm::Es256, P384),
        (Algorithm::EdDsa, P384),
        (Algorithm::Rs256, "hello"),
    ] {
        assert_eq!(add(None, algorithm, pem), Err(KeyError::NotPublic(algorithm)), "{algorithm:?}");
    }
    for kid in 0..15 {
        assert_eq!(add(Some(&kid.to_string()), Algorithm::Rs256, RSA), Ok(()));
    }
    assert_eq!(add(None, Algorithm::Rs256, RSA), Err(KeyError::TooMany));
}

/// As an issuer publishes it: with keys for other purposes, and of algorithms that are not ours.
// SI-KEY-6
#[test]
fn a_set_of_keys_is_taken_as_it_is_published() {
    let set = include_str!("../../tests/support/keys/jwks.json");
    let mut keys = Keys::new();
    keys.add_set(set).unwrap();
    let has = |kid, alg| keys.of(kid, alg).count();
    for (kid, alg) in [("rsa-1", Alg::RS256), ("curve-1", Alg::ES256), ("edwards-1", Alg::EdDSA)] {
        assert_eq!(has(Some(kid), alg), 1, "{kid}");
        assert_eq!(has(Some(kid), Alg::HS256), 0, "{kid}");
        assert_eq!(has(None, alg), 0, "{kid} has a name");
    }
    for kid in ["rsa-512", "rsa-encrypts", "curve-384"] {
        assert!(
            [Alg::RS256, Alg::RS512, Alg::ES256, Alg::ES384].iter().all(|alg| has(Some(kid), *alg) == 0),
            "{kid}"
        );
    }
    assert_eq!(keys.add_set(set), Err(KeyError::Twice("rsa-1".to_owned())));
    for (set, error) in [
        ("hello", KeyError::NoSet),
        ("{}", KeyError::NoSet),
        (r#"{"keys":[]}"#, KeyError::NoneUseful),
        (r#"{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"s"}]}"#, KeyError::Private),
        (r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}]}"#, KeyError::Private),
        (r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#, KeyError::TooSmall),
        (r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB"}]}"#, KeyError::NoSet),
        (r#"{"keys":[{"kty":"RSA","n":"+/","e":"AQAB"}]}"#, KeyError::NoSet),
    ] {
        assert_eq!(Keys::new().add_set(set), Err(error), "{set}");
    }
}
