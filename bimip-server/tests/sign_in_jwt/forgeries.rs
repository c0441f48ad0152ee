//! Tokens that must not let anybody in.

use crate::jwt::{self, HS256, SECRET, hs256, now_s, ours, token, unsigned};

/// Every forgery with the counter that tells the operator why.
pub(crate) fn all() -> Vec<(&'static str, String, &'static str)> {
    let now = now_s();
    let good = || ours("ann", "");
    let with = |claims: &str| token(&format!(r#"{{"iss":"bimip","aud":"bimip",{claims}}}"#));
    let headed = |rest: &str| hs256(&format!(r#"{{"alg":"HS256",{rest}}}"#), &good(), SECRET.as_bytes());
    let none = |alg: &str| format!("{}.", unsigned(&format!(r#"{{"alg":"{alg}"}}"#), &good()));
    let signed = token(&good());
    let (rest, signature) = signed.rsplit_once('.').unwrap();
    let (header, claims) = rest.split_once('.').unwrap();
    let public = jwt::RS256_PUBLIC.as_bytes();
    let hour = now + 3600;
    vec![
        // No algorithm, or somebody else's choice of one.
        ("alg none", none("none"), "token_malformed"),
        ("alg None", none("None"), "token_malformed"),
        ("alg NONE", none("NONE"), "token_malformed"),
        ("alg nOnE", none("nOnE"), "token_malformed"),
        ("alg empty", none(""), "token_malformed"),
        (
            "alg none with a signature",
            hs256(r#"{"alg":"none"}"#, &good(), SECRET.as_bytes()),
            "token_malformed",
        ),
        ("no alg", hs256(r#"{"typ":"JWT"}"#, &good(), SECRET.as_bytes()), "token_malformed"),
        ("two algs", hs256(r#"{"alg":"none","alg":"HS256"}"#, &good(), SECRET.as_bytes()), "token_malformed"),
        ("alg as a list", hs256(r#"{"alg":["HS256"]}"#, &good(), SECRET.as_bytes()), "token_malformed"),
        (
            "an algorithm without a key",
            hs256(r#"{"alg":"HS512"}"#, &good(), SECRET.as_bytes()),
            "token_unknown_key",
        ),
        ("the public key as a secret", hs256(HS256, &good(), public), "token_bad_signature"),
        (
            "the public key's text as a secret",
            hs256(HS256, &good(), public.trim_ascii_end()),
            "token_bad_signature",
        ),
        (
            "RS256 over a digest of the secret",
            hs256(r#"{"alg":"RS256"}"#, &good(), SECRET.as_bytes()),
            "token_bad_signature",
        ),
        (
            "RS256 with the public key as a secret",
            hs256(r#"{"alg":"RS256"}"#, &good(), public),
            "token_bad_signature",
        ),
        ("PS256 of the RSA key", hs256(r#"{"alg":"PS256"}"#, &good(), public), "token_unknown_key"),
        // Another key.
        ("another secret", hs256(HS256, &good(), b"another secret"), "token_bad_signature"),
        ("an empty secret", hs256(HS256, &good(), b""), "token_bad_signature"),
        ("no signature", format!("{rest}."), "token_bad_signature"),
        ("half a signature", format!("{rest}.{}", &signature[..20]), "token_bad_signature"),
        (
            "claims of another token",
            {
                let other = unsigned(HS256, &ours("eve", ""));
                format!("{other}.{signature}")
            },
            "token_bad_signature",
        ),
        (
            "a header of another token",
            format!("{}.{claims}.{signature}", unsigned(r#"{"alg":"HS256"}"#, "").trim_end_matches('.')),
            "token_bad_signature",
        ),
        // Names of keys.
        ("an unknown kid", headed(r#""kid":"2027""#), "token_unknown_key"),
        ("an empty kid", headed(r#""kid":"""#), "token_unknown_key"),
        ("a kid that is a path", headed(r#""kid":"../../../../dev/null""#), "token_unknown_key"),
        ("a kid that is an address", headed(r#""kid":"https://evil.example/key.pem""#), "token_unknown_key"),
        ("a kid that is a query", headed(r#""kid":"x' UNION SELECT 'key' --""#), "token_unknown_key"),
        ("a kid of 65 bytes", headed(&format!(r#""kid":"{}""#, "k".repeat(65))), "token_unknown_key"),
        ("a kid that is a number", headed(r#""kid":1"#), "token_malformed"),
        ("the kid of another algorithm's key", headed(r#""kid":"curve-1""#), "token_unknown_key"),
        // Keys and rules that come with the token.
        (
            "a key behind jku",
            hs256(r#"{"alg":"HS256","jku":"https://evil.example/jwks.json"}"#, &good(), b"evil"),
            "token_bad_signature",
        ),
        (
            "a key behind x5u",
            hs256(r#"{"alg":"HS256","x5u":"https://evil.example/cert.pem"}"#, &good(), b"evil"),
            "token_bad_signature",
        ),
        (
            "a key in jwk",
            hs256(r#"{"alg":"HS256","jwk":{"kty":"oct","k":"ZXZpbA"}}"#, &good(), b"evil"),
            "token_bad_signature",
        ),
        ("a critical extension", headed(r#""crit":["b64"],"b64":false"#), "token_malformed"),
        // Shapes.
        ("nothing", ".".to_owned(), "token_malformed"),
        ("two dots", "..".to_owned(), "token_malformed"),
        ("no dots", signed.replace('.', ""), "token_malformed"),
        ("one dot", rest.to_owned(), "token_malformed"),
        ("four parts", format!("{signed}.x"), "token_malformed"),
        ("five parts", format!("{signed}.x.y"), "token_malformed"),
        ("padding", format!("{header}=.{claims}.{signature}"), "token_malformed"),
        ("padding behind", format!("{signed}="), "token_bad_signature"),
        (
            "a letter that is no base64url",
            format!("{header}.{claims}.+{}", &signature[1..]),
            "token_bad_signature",
        ),
        ("9 KiB", format!("{signed}{}", "A".repeat(9 * 1024)), "token_malformed"),
        ("a header that is no JSON", hs256("HS256", &good(), SECRET.as_bytes()), "token_malformed"),
        ("claims that are no JSON", token("hello"), "token_bad_claims"),
        (
            "claims that are a list",
            token(&format!(r#"["bimip","bimip","ann",null,null,null,null,null,null,{hour},null,null]"#)),
            "token_bad_claims",
        ),
        ("claims twice", token(&format!("{0}{0}", good())), "token_bad_claims"),
        (
            "claims 200 deep",
            token(&format!(r#"{{"groups":{}{}}}"#, "[".repeat(200), "]".repeat(200))),
            "token_bad_claims",
        ),
        // Times.
        ("no exp", with(r#""sub":"ann""#), "token_bad_claims"),
        ("exp null", with(r#""sub":"ann","exp":null"#), "token_bad_claims"),
        ("exp as text", with(&format!(r#""sub":"ann","exp":"{hour}""#)), "token_bad_claims"),
        ("exp with a fraction", with(&format!(r#""sub":"ann","exp":{hour}.5"#)), "token_bad_claims"),
        ("exp as a float", with(r#""sub":"ann","exp":1e300"#), "token_bad_claims"),
        ("exp negative", with(r#""sub":"ann","exp":-1"#), "token_bad_claims"),
        ("exp beyond 64 bits", with(r#""sub":"ann","exp":99999999999999999999"#), "token_bad_claims"),
        (
            "exp as large as can be",
            with(&format!(r#""sub":"ann","exp":{}"#, u64::MAX)),
            "token_too_long_lived",
        ),
        (
            "exp in a year",
            with(&format!(r#""sub":"ann","exp":{}"#, now + 365 * 24 * 3600)),
            "token_too_long_lived",
        ),
        ("exp a second ago", with(&format!(r#""sub":"ann","exp":{}"#, now - 1)), "token_expired"),
        ("exp 0", with(r#""sub":"ann","exp":0"#), "token_expired"),
        (
            "nbf in a minute",
            with(&format!(r#""sub":"ann","exp":{hour},"nbf":{}"#, now + 60)),
            "token_not_yet",
        ),
        ("nbf as text", with(&format!(r#""sub":"ann","exp":{hour},"nbf":"0""#)), "token_bad_claims"),
        // Who, by whom, for whom.
        (
            "another issuer",
            token(&format!(r#"{{"iss":"other","aud":"bimip","sub":"ann","exp":{hour}}}"#)),
            "token_wrong_issuer",
        ),
        (
            "an audience only",
            token(&format!(r#"{{"aud":"bimip","sub":"ann","exp":{hour}}}"#)),
            "token_wrong_issuer",
        ),
        (
            "another audience",
            token(&format!(r#"{{"iss":"bimip","aud":"other","sub":"ann","exp":{hour}}}"#)),
            "token_wrong_audience",
        ),
        (
            "an issuer only",
            token(&format!(r#"{{"iss":"bimip","sub":"ann","exp":{hour}}}"#)),
            "token_wrong_audience",
        ),
        ("two subjects", with(&format!(r#""sub":"ann","sub":"eve","exp":{hour}"#)), "token_bad_claims"),
        ("no user", with(&format!(r#""exp":{hour}"#)), "token_no_user"),
        ("an empty user", with(&format!(r#""sub":"","exp":{hour}"#)), "token_no_user"),
        ("a user that is a path", with(&format!(r#""sub":"../etc","exp":{hour}"#)), "token_no_user"),
        (
            "a user that is an object",
            with(&format!(r#""sub":{{"$gt":""}},"exp":{hour}"#)),
            "token_bad_claims",
        ),
        (
            "257 groups",
            with(&format!(r#""sub":"ann","exp":{hour},"groups":{:?}"#, vec![1; 257])),
            "token_bad_groups",
        ),
        (
            "a token for another device",
            with(&format!(r#""sub":"ann","exp":{hour},"device":"desk""#)),
            "token_other_device",
        ),
    ]
}
