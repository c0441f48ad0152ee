//! What is done with tokens of those who are signed in.

use super::*;

const DAY_S: u64 = 24 * HOUR_S;

fn vouch(auth: &JwtAuth, task: TokenTask, claims: &str) -> Result<Vouched, No> {
    auth.vouch(NOW_S * 1000, task, &sign_in(claims, Dialect::Scheme))
}

fn refresh(auth: &JwtAuth, claims: &str) -> Result<Vouched, No> {
    vouch(auth, TokenTask::Refresh, claims)
}

/// What the newer token says.
fn written(vouched: &Vouched) -> serde_json::Value {
    let token = String::from_utf8(vouched.token.clone().unwrap().to_vec()).unwrap();
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap()
}

const fn expires(grant: &Grant) -> u64 {
    grant.expires.unwrap().0 / 1000
}

/// SI-REFRESH-1, SI-REFRESH-2.
#[test]
fn a_newer_token_says_the_same_and_lives_as_long() {
    let auth = auth(|_| {});
    let (iat, exp) = (NOW_S - 3000, NOW_S + 600);
    let rest = r#""device":"phone","groups":["crew"],"channelIds":[7]"#;
    let old = ours(&format!(r#""iat":{iat},"exp":{exp},"jti":"old","extra":1,{rest}"#));
    let newer = refresh(&auth, &old).unwrap();
    let claims = written(&newer);
    let text = |claim: &str| claims[claim].as_str().unwrap().to_owned();
    assert_eq!((text("iss"), text("aud"), text("sub")), ("bimip".into(), "bimip".into(), "ann".into()));
    assert_eq!((text("device"), claims["groups"].to_string()), ("phone".into(), r#"["crew","7"]"#.into()));
    assert_eq!((claims["iat"].as_u64(), claims["exp"].as_u64()), (Some(NOW_S - 5), Some(NOW_S - 5 + 3600)));
    assert_eq!(claims["auth_time"].as_u64(), Some(iat), "that is when the user signed in");
    assert_ne!(text("jti"), "old");
    assert_eq!(newer.grant.token_id.as_ref().unwrap().as_str(), text("jti"));
    assert_eq!(newer.grant.issued, Some(UnixMs((NOW_S - 5) * 1000)));
    assert_eq!(newer.grant.device.to_string(), "ann/phone");
    let again = refresh(&auth, &old).unwrap();
    assert_ne!(again.grant.token_id, newer.grant.token_id, "each has a name of its own");
}

/// SI-REFRESH-2.
#[test]
fn a_newer_token_is_never_worse() {
    let auth = auth(|_| {});
    let ends = |iat: u64, exp: u64| {
        let newer = refresh(&auth, &ours(&format!(r#""iat":{iat},"exp":{exp}"#))).unwrap();
        (newer.grant.issued.unwrap().0 / 1000, expires(&newer.grant))
    };
    assert_eq!(ends(NOW_S, NOW_S + 60), (NOW_S, NOW_S + 60), "made just now: as it is");
    assert_eq!(ends(NOW_S - 3, NOW_S + 60), (NOW_S - 3, NOW_S + 60));
    assert_eq!(ends(NOW_S - 10, NOW_S + 50), (NOW_S - 5, NOW_S + 55));
    // A longer life than any that is allowed.
    assert_eq!(ends(NOW_S - 10 * DAY_S, NOW_S + 60), (NOW_S - 5, NOW_S - 5 + DAY_S));
    assert_eq!(ends(NOW_S - 10 * DAY_S, NOW_S + DAY_S + 4), (NOW_S - 5, NOW_S + DAY_S + 4));
}

/// SI-REFRESH-3.
#[test]
fn a_chain_of_tokens_comes_to_an_end() {
    let month = auth(|_| {});
    let judge = |auth: &JwtAuth, claims: &str| {
        refresh(auth, &ours(&format!(r#"{claims},"exp":{}"#, NOW_S + 60))).map(|newer| written(&newer))
    };
    let too_late = Err(No::Bad(Reason::NotRenewable));
    let signed_in = NOW_S - 30 * DAY_S;
    let newer = judge(&month, &format!(r#""iat":{},"auth_time":{signed_in}"#, NOW_S - 60)).unwrap();
    assert_eq!(newer["auth_time"].as_u64(), Some(signed_in), "the date goes from token to token");
    let late = format!(r#""iat":{},"auth_time":{}"#, NOW_S - 60, signed_in - 1);
    assert_eq!(judge(&month, &late), too_late);
    assert_eq!(judge(&month, &format!(r#""iat":{}"#, signed_in - 1)), too_late);
    // Who does not say when, or not in a way that makes sense.
    assert_eq!(judge(&month, r#""jti":"no date""#), too_late);
    for wrong in ["-1", "\"now\"", "[1]", "1e300", "18446744073709551616"] {
        assert_eq!(judge(&month, &format!(r#""iat":{wrong}"#)), too_late, "{wrong}");
        let auth_time = format!(r#""iat":{},"auth_time":{wrong}"#, NOW_S - 60);
        assert_eq!(judge(&month, &auth_time), too_late, "{wrong}");
    }
    assert_eq!(judge(&month, &format!(r#""iat":{}"#, NOW_S + 6)), too_late, "made in the future");
    assert!(judge(&month, &format!(r#""iat":{}.5"#, NOW_S - 60)).is_ok(), "dates may have a fraction");

    let hour = auth(|policy| policy.refresh_for = Some(std::time::Duration::from_secs(HOUR_S)));
    assert!(judge(&hour, &format!(r#""iat":{}"#, NOW_S - HOUR_S)).is_ok());
    assert_eq!(judge(&hour, &format!(r#""iat":{}"#, NOW_S - HOUR_S - 1)), too_late);
}

/// SI-REFRESH-1, SI-REFRESH-4.
#[test]
fn what_is_not_good_is_not_renewed() {
    let iat = NOW_S - 60;
    let good = ours(&format!(r#""iat":{iat},"exp":{}"#, NOW_S + 60));
    let bad = |reason| Err(No::Bad(reason));
    let auth_ = auth(|_| {});
    let result = |claims: &str| refresh(&auth_, claims).map(|_| ());
    assert_eq!(result(&good), Ok(()));
    assert_eq!(result(&ours(&format!(r#""iat":{iat},"exp":{NOW_S}"#))), bad(Reason::Expired));
    assert_eq!(
        result(&format!(r#"{{"uid":"ann","iat":{iat},"exp":{}}}"#, NOW_S + 60)),
        bad(Reason::WrongIssuer)
    );
    let mut other =
        sign_in(&ours(&format!(r#""iat":{iat},"device":"desk","exp":{}"#, NOW_S + 60)), Dialect::Scheme);
    other.device = Some(DeviceName::new("phone").unwrap());
    let other = auth_.vouch(NOW_S * 1000, TokenTask::Refresh, &other).map(|_| ());
    assert_eq!(other, bad(Reason::OtherDevice));
    // On the door where it is good, too: a newer token would be another kind of token.
    let legacy = sign_in(&format!(r#"{{"uid":"ann","iat":{iat},"exp":{}}}"#, NOW_S + 60), Dialect::VoicePing);
    let legacy = auth_.vouch(NOW_S * 1000, TokenTask::Refresh, &legacy).map(|_| ());
    assert_eq!(legacy, bad(Reason::WrongIssuer));

    let never = auth(|policy| policy.refresh_for = None);
    assert_eq!(refresh(&never, &good).map(|_| ()), Err(No::Unsupported));
    let mut keys = Keys::new();
    let public = include_str!("../../../tests/support/keys/rs256.public.pem");
    keys.add_public(None, Algorithm::Rs256, public).unwrap();
    let unsigning = JwtAuth::new(keys, Policy::default());
    assert_eq!(refresh(&unsigning, &good).map(|_| ()), Err(No::Unsupported), "there is nothing to sign with");
}

/// SI-REFRESH-4: a newer token carries the name of the key that it is checked with.
#[test]
fn a_newer_token_is_signed_with_the_first_secret() {
    let mut keys = Keys::new();
    keys.add_secret(Some("2026"), &Secret::new("a secret for what the server makes itself").unwrap())
        .unwrap();
    keys.add_secret(None, &secret()).unwrap();
    let auth = JwtAuth::new(keys, Policy::default());
    let newer = refresh(&auth, &ours(&format!(r#""iat":{NOW_S},"exp":{}"#, NOW_S + 60))).unwrap();
    let token = newer.token.unwrap();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!((header.alg, header.kid.as_deref()), (Alg::HS256, Some("2026")));
}

/// SI-REVOKE-1: revoking lets nobody in, so less is asked of the token.
#[test]
fn what_has_run_out_can_be_taken_back() {
    let auth = auth(|_| {});
    let revoke = |claims: &str| {
        let grant = vouch(&auth, TokenTask::Revoke, claims)?.grant;
        let name = grant.token_id.unwrap().as_str().to_owned();
        Ok((grant.device.user.to_string(), name, grant.expires.map(|at| at.0 / 1000)))
    };
    let named = |exp: u64| Ok(("ann".to_owned(), "t-1".to_owned(), Some(exp)));
    for exp in [NOW_S + 60, NOW_S - 60, NOW_S + 999 * DAY_S] {
        let device = r#""jti":"t-1","device":"another""#;
        assert_eq!(revoke(&ours(&format!(r#"{device},"exp":{exp}"#))), named(exp));
        assert_eq!(
            revoke(&format!(r#"{{"uid":"ann",{device},"exp":{exp}}}"#)),
            named(exp),
            "of whatever door"
        );
    }
    assert_eq!(revoke(r#"{"uid":"ann","jti":"t-1"}"#), Ok(("ann".into(), "t-1".into(), None)));
    assert_eq!(revoke(r#"{"sub":"ann","iss":"other","aud":"bimip"}"#), Err(No::Bad(Reason::WrongIssuer)));
    let mut forged = sign_in(&ours(r#""exp":1"#), Dialect::Scheme);
    forged.token = Bytes::from([&forged.token[..], b"x"].concat());
    let forged = auth.vouch(NOW_S * 1000, TokenTask::Revoke, &forged).map(|_| ());
    assert_eq!(forged, Err(No::Bad(Reason::BadSignature)));
}

/// SI-REVOKE-3, SI-JWT-5.
#[test]
fn a_token_has_a_name_and_a_date_whatever_it_says() {
    let auth = auth(|_| {});
    let granted = |rest: &str| {
        let claims = ours(&format!(r#""exp":{}{rest}"#, NOW_S + 60));
        let grant = judge(&auth, &claims, Dialect::Scheme).unwrap();
        (grant.token_id.unwrap().as_str().to_owned(), grant.issued.unwrap().0)
    };
    assert_eq!(
        granted(&format!(r#","jti":"t-1","iat":{}"#, NOW_S - 60)),
        ("t-1".into(), (NOW_S - 60) * 1000)
    );
    let (nameless, dateless) = granted("");
    assert_eq!((nameless.len(), dateless), (43, 0), "a digest, and as old as can be");
    assert_eq!(granted("").0, nameless);
    assert_ne!(granted(r#","x":1"#).0, nameless);
    for iat in [format!("{}", NOW_S + 6), "-1".into(), "null".into(), "\"yesterday\"".into()] {
        assert_eq!(granted(&format!(r#","iat":{iat}"#)).1, 0, "{iat}");
    }
    assert_eq!(granted(&format!(r#","iat":{}"#, NOW_S + 5)).1, (NOW_S + 5) * 1000);
}

/// Another signature of the same words is the same token: those of ES256 can be changed by whoever has one.
#[test]
fn a_signature_is_no_part_of_a_name() {
    let other = Secret::new("another secret, for the same words").unwrap();
    let mut keys = Keys::new();
    keys.add_secret(None, &secret()).unwrap();
    keys.add_secret(None, &other).unwrap();
    let auth = JwtAuth::new(keys, Policy::default());
    let mut token = sign_in(&ours(&format!(r#""exp":{}"#, NOW_S + 60)), Dialect::Scheme);
    let name = |token: &SignIn| auth.judge(NOW_S * 1000, token).unwrap().token_id.unwrap();
    let first = name(&token);
    let text = String::from_utf8(token.token.to_vec()).unwrap();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let again =
        crypto::sign(signed.as_bytes(), &EncodingKey::from_secret(other.as_bytes()), Alg::HS256).unwrap();
    assert_ne!(again, signature);
    token.token = Bytes::from(format!("{signed}.{again}"));
    assert_eq!(name(&token), first);
}
