//! What users do with their tokens while they are signed in, and how they log out: over real sockets, on every door.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/jwt.rs"]
mod jwt;
#[path = "tokens/line.rs"]
mod line;
#[path = "support/support.rs"]
mod support;

use std::time::Duration;

use bimip_proto::{
    ClientPacket, CloseReason, DeviceName, FaultKind, LogOut, Noted, Ping, Reject, ServerPacket, TokenAnswer,
    TokenTask,
};
use bimip_server::jwt::{Algorithm, JwtAuth, Keys, Policy, Secret};
use bimip_server::storage::Storage;
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Config, OpenAuth};
use bytes::Bytes;
use jwt::{SECRET, now_s, token};
use line::Line;
use support::msgpack::{V, array};
use support::{Phone, Running, Wire, soon};
use tokio_tungstenite::tungstenite::Error;

const HOUR_S: u64 = 3600;

fn auth(policy: Policy) -> JwtAuth {
    let mut keys = Keys::new();
    keys.add_secret(None, &Secret::new(SECRET).unwrap()).unwrap();
    JwtAuth::new(keys, policy)
}

async fn start() -> Running {
    over(MemoryStorage::new()).await
}

async fn over(storage: impl Storage) -> Running {
    Running::with(storage, Config::default(), auth(Policy::default())).await
}

/// A token that was made at `iat` and is good until `exp`.
fn dated(user: &str, iat: u64, exp: u64, rest: &str) -> String {
    token(&format!(r#"{{"iss":"bimip","aud":"bimip","sub":"{user}","iat":{iat},"exp":{exp}{rest}}}"#))
}

/// One that was made a minute ago, called `jti`.
fn named(user: &str, jti: &str) -> String {
    dated(user, now_s() - 60, now_s() + HOUR_S, &format!(r#","jti":"{jti}""#))
}

/// One that was made after all that was done so far. Dates of tokens are whole seconds, and clocks may differ by five.
fn newer(user: &str, jti: &str) -> String {
    dated(user, now_s() + 2, now_s() + HOUR_S, &format!(r#","jti":"{jti}""#))
}

async fn phone(running: &Running, user: &str, device: &str, token: &str) -> Phone {
    let wire = running.knock("/bimip", &[("token", token), ("device_id", device)]).await.unwrap().0;
    let mut phone = Phone::new(wire, user, device);
    let hello = phone.next().await;
    assert!(matches!(hello, ServerPacket::Welcome(_)), "{hello:?}");
    phone
}

async fn line(running: &Running, user: &str, token: &str) -> Line {
    let mut line = Line::open(running.tcp().await, user, token).await;
    let hello = line.hear().await;
    assert!(matches!(hello, Some(ServerPacket::Welcome(_))), "{hello:?}");
    line
}

async fn walkie(running: &Running, user: &str, token: &str) -> Wire {
    let mut wire = running.knock("/", &[("token", token), ("device_id", "radio")]).await.unwrap().0;
    wire.send(array(&[V::Int(1), V::Int(25), V::Str(user), V::Int(0), V::Str("?")])).await;
    assert_eq!(wire.words().await, format!(r#"[1,26,0,"{user}","?"]"#));
    wire
}

/// That a door stays shut, before the upgrade.
async fn shut(running: &Running, path: &str, device: &str, token: &str) {
    let before = running.counter("token_revoked").await;
    match running.knock(path, &[("token", token), ("device_id", device)]).await {
        Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 401, "{path}"),
        Err(other) => panic!("not an answer: {other}"),
        Ok(_) => panic!("let in at {path}"),
    }
    assert_eq!(running.counter("token_revoked").await, before + 1, "{path}: refused for another reason");
}

async fn ask(phone: &mut Phone, task: TokenTask, token: &str) -> ServerPacket {
    phone.say(&ClientPacket::Token { task, token: Bytes::copy_from_slice(token.as_bytes()) }).await;
    phone.next().await
}

async fn refresh(phone: &mut Phone, old: &str) -> (String, u64) {
    let ServerPacket::Token(answer) = ask(phone, TokenTask::Refresh, old).await else { panic!("no answer") };
    assert_eq!(answer.task, TokenTask::Refresh);
    (String::from_utf8(answer.token.unwrap().to_vec()).unwrap(), answer.expires.unwrap().0 / 1000)
}

fn revoked() -> ServerPacket {
    ServerPacket::Token(TokenAnswer { task: TokenTask::Revoke, token: None, expires: None })
}

/// That a question about a token is answered with a no that names no reason.
async fn declined(phone: &mut Phone, task: TokenTask, token: &str) {
    let answer = ask(phone, task, token).await;
    let no = matches!(&answer, ServerPacket::Declined { origin: 5, reason: Reject::BadToken, .. });
    assert!(no, "{task:?}: {answer:?}");
}

async fn lives(phone: &mut Phone) {
    phone.say(&ClientPacket::Ping(Ping::default())).await;
    let pong = phone.next().await;
    assert!(matches!(pong, ServerPacket::Pong { .. }), "{pong:?}");
}

async fn ends(phone: &mut Phone, reason: CloseReason, code: u16) {
    assert_eq!(phone.next().await, ServerPacket::Bye(reason));
    assert_eq!(phone.hear().await, Err(Some(code)));
}

async fn line_ends(line: &mut Line, reason: CloseReason) {
    assert_eq!(line.hear().await, Some(ServerPacket::Bye(reason)));
    assert_eq!(line.hear().await, None);
}

fn device(name: &str) -> LogOut {
    LogOut::Device(Some(DeviceName::new(name).unwrap()))
}

/// BM-TOKEN-1, SI-REFRESH-1, SI-TOKEN-2.
// MISSION B9
#[tokio::test]
async fn a_newer_token_opens_every_door_and_so_does_the_older_one() {
    let running = start().await;
    let old = named("ann", "old");
    let mut ann = phone(&running, "ann", "phone", &old).await;
    let (new, _) = refresh(&mut ann, &old).await;
    assert_ne!(new, old);
    lives(&mut ann).await;
    for (token, device) in [(&new, "desk"), (&old, "tablet")] {
        lives(&mut phone(&running, "ann", device, token).await).await;
        walkie(&running, "ann", token).await;
        line(&running, "ann", token).await;
    }
    // A newer one of the newer one.
    let (newest, _) = refresh(&mut ann, &new).await;
    let expires = match ask(&mut ann, TokenTask::Validate, &newest).await {
        ServerPacket::Token(TokenAnswer { task: TokenTask::Validate, token: None, expires }) => expires,
        other => panic!("{other:?}"),
    };
    assert!(expires.unwrap().0 > now_s() * 1000);
    declined(&mut ann, TokenTask::Validate, "no token").await;
    declined(&mut ann, TokenTask::Refresh, "no token").await;
    lives(&mut ann).await;
}

/// BM-TOKEN-3, SI-TOKEN-1, SI-REVOKE-1, SI-REVOKE-2.
// MISSION B9
#[tokio::test]
async fn a_revoked_token_ends_its_sessions_and_opens_no_door() {
    let folder = tempfile::tempdir().unwrap();
    let running = over(EmbeddedStorage::open(folder.path()).unwrap()).await;
    let (stolen, mine) = (named("ann", "stolen"), named("ann", "mine"));
    let mut desk = phone(&running, "ann", "desk", &mine).await;
    let mut thief = phone(&running, "ann", "phone", &stolen).await;
    let mut thief_line = line(&running, "ann", &stolen).await;
    let mut thief_walkie = walkie(&running, "ann", &stolen).await;

    assert_eq!(ask(&mut desk, TokenTask::Revoke, &stolen).await, revoked());
    ends(&mut thief, CloseReason::Revoked, 4401).await;
    line_ends(&mut thief_line, CloseReason::Revoked).await;
    // The msgpack dialect has no word for it; the code of the web socket says it.
    assert_eq!(thief_walkie.next().await, Err(Some(4401)));
    lives(&mut desk).await;
    assert_eq!(running.counter("revoked").await, 3);

    for path in ["/", "/bimip"] {
        shut(&running, path, "phone", &stolen).await;
    }
    let file = running.http("GET", &format!("/files/text/none?token={stolen}")).await;
    assert!(file.starts_with("HTTP/1.1 401 "), "{file}");
    let file = running.http("GET", &format!("/files/text/none?token={mine}")).await;
    assert!(file.starts_with("HTTP/1.1 404 "), "{file}");
    let mut again = Line::open(running.tcp().await, "ann", &stolen).await;
    assert_eq!(again.hear().await, Some(ServerPacket::Bye(CloseReason::Refused)));
    assert_eq!(running.counter("token_revoked").await, 4);
    // Nor is it worth anything to whoever is signed in with another; taking it back twice is no mistake.
    for task in [TokenTask::Validate, TokenTask::Refresh] {
        declined(&mut desk, task, &stolen).await;
    }
    assert_eq!(ask(&mut desk, TokenTask::Revoke, &stolen).await, revoked());

    soon(running.server.shutdown()).await;
    drop(running);
    let running = over(EmbeddedStorage::open(folder.path()).unwrap()).await;
    for path in ["/", "/bimip"] {
        shut(&running, path, "phone", &stolen).await;
    }
    // Who takes back their own token is answered, and goes.
    let mut desk = phone(&running, "ann", "desk", &mine).await;
    assert_eq!(ask(&mut desk, TokenTask::Revoke, &mine).await, revoked());
    ends(&mut desk, CloseReason::Revoked, 4401).await;
    shut(&running, "/bimip", "desk", &mine).await;
}

/// SI-REVOKE-4: taking back one token is not enough against who may have made another of it; a date is.
// MISSION B9
#[tokio::test]
async fn what_was_made_of_a_stolen_token_is_logged_out_by_date() {
    let running = start().await;
    let (stolen, mine) = (named("ann", "stolen"), named("ann", "mine"));
    let mut thief = phone(&running, "ann", "phone", &stolen).await;
    let (made_of_it, _) = refresh(&mut thief, &stolen).await;
    let mut desk = phone(&running, "ann", "desk", &mine).await;
    assert_eq!(ask(&mut desk, TokenTask::Revoke, &stolen).await, revoked());
    lives(&mut thief).await;
    lives(&mut phone(&running, "ann", "tablet", &made_of_it).await).await;

    desk.say(&ClientPacket::LogOut(LogOut::Account)).await;
    ends(&mut desk, CloseReason::LoggedOut, 1000).await;
    ends(&mut thief, CloseReason::LoggedOut, 1000).await;
    shut(&running, "/bimip", "phone", &made_of_it).await;
}

/// SI-REVOKE-3: the name of a token that has none is what was signed.
// MISSION B9
#[tokio::test]
async fn a_token_without_a_name_can_be_revoked() {
    let running = start().await;
    let nameless = dated("ann", now_s() - 60, now_s() + HOUR_S, "");
    let other = dated("ann", now_s() - 61, now_s() + HOUR_S, "");
    let mut ann = phone(&running, "ann", "phone", &nameless).await;
    let mut desk = phone(&running, "ann", "desk", &other).await;
    assert_eq!(ask(&mut desk, TokenTask::Revoke, &nameless).await, revoked());
    ends(&mut ann, CloseReason::Revoked, 4401).await;
    shut(&running, "/bimip", "phone", &nameless).await;
    lives(&mut desk).await;
}

/// BM-TOKEN-3, SI-REVOKE-1.
// MISSION B9
#[tokio::test]
async fn nobody_does_anything_with_a_token_of_somebody_else() {
    let running = start().await;
    let (ann_token, bob_token) = (named("ann", "same name"), named("bob", "same name"));
    let mut ann = phone(&running, "ann", "phone", &ann_token).await;
    let mut bob = phone(&running, "bob", "phone", &bob_token).await;
    for task in [TokenTask::Revoke, TokenTask::Refresh, TokenTask::Validate] {
        declined(&mut bob, task, &ann_token).await;
    }
    let forged = jwt::hs256(jwt::HS256, &jwt::ours("bob", r#","jti":"x""#), b"another secret");
    declined(&mut bob, TokenTask::Revoke, &forged).await;
    lives(&mut ann).await;
    // A token of the same name is another one.
    assert_eq!(ask(&mut bob, TokenTask::Revoke, &bob_token).await, revoked());
    ends(&mut bob, CloseReason::Revoked, 4401).await;
    lives(&mut ann).await;
    phone(&running, "ann", "desk", &ann_token).await;
}

/// BM-LOGOUT-1, BM-LOGOUT-2, SI-END-3.
// MISSION B9
#[tokio::test]
async fn a_device_is_logged_out_and_the_others_live() {
    let running = start().await;
    let (old, desks) = (named("ann", "old"), named("ann", "desk's"));
    let mut ann = phone(&running, "ann", "phone", &old).await;
    let mut desk = phone(&running, "ann", "desk", &desks).await;
    let mut bob = phone(&running, "bob", "phone", &named("bob", "old")).await;
    desk.say(&ClientPacket::LogOut(device("phone"))).await;
    ends(&mut ann, CloseReason::LoggedOut, 1000).await;
    assert_eq!(desk.next().await, ServerPacket::Noted(Noted::LoggedOut(device("phone"))));
    lives(&mut desk).await;
    lives(&mut bob).await;

    // No token that was made before lets that device in; another device it does, and a newer one it is.
    shut(&running, "/bimip", "phone", &old).await;
    shut(&running, "/bimip", "phone", &desks).await;
    lives(&mut phone(&running, "ann", "tablet", &old).await).await;
    lives(&mut phone(&running, "ann", "phone", &newer("ann", "new")).await).await;

    desk.say(&ClientPacket::LogOut(LogOut::Device(None))).await;
    ends(&mut desk, CloseReason::LoggedOut, 1000).await;
    shut(&running, "/bimip", "desk", &desks).await;
}

/// The walkie-talkies of a user are one device, by the name of its cursor.
// MISSION B9
#[tokio::test]
async fn the_walkies_of_a_user_are_logged_out_together() {
    let running = start().await;
    let old = named("ann", "old");
    let mut radio = walkie(&running, "ann", &old).await;
    let mut desk = phone(&running, "ann", "desk", &old).await;
    desk.say(&ClientPacket::LogOut(device("voiceping"))).await;
    assert_eq!(desk.next().await, ServerPacket::Noted(Noted::LoggedOut(device("voiceping"))));
    assert_eq!(radio.next().await, Err(Some(1000)));
    shut(&running, "/", "any radio", &old).await;
    walkie(&running, "ann", &newer("ann", "new")).await;
}

/// BM-LOGOUT-1, SI-END-3.
// MISSION B9
#[tokio::test]
async fn an_account_is_logged_out_on_every_door() {
    let folder = tempfile::tempdir().unwrap();
    let running = over(EmbeddedStorage::open(folder.path()).unwrap()).await;
    let (old, other, dateless) = (named("ann", "old"), named("ann", "other"), jwt::ours("ann", ""));
    let mut ann = phone(&running, "ann", "phone", &old).await;
    let mut desk = phone(&running, "ann", "desk", &other).await;
    let mut anns_line = line(&running, "ann", &token(&dateless)).await;
    let mut radio = walkie(&running, "ann", &old).await;
    let mut bob = phone(&running, "bob", "phone", &named("bob", "old")).await;

    ann.say(&ClientPacket::LogOut(LogOut::Account)).await;
    for phone in [&mut ann, &mut desk] {
        ends(phone, CloseReason::LoggedOut, 1000).await;
    }
    line_ends(&mut anns_line, CloseReason::LoggedOut).await;
    assert_eq!(radio.next().await, Err(Some(1000)));
    lives(&mut bob).await;
    let new = newer("ann", "new");

    soon(running.server.shutdown()).await;
    drop(running);
    let running = over(EmbeddedStorage::open(folder.path()).unwrap()).await;
    for old in [&old, &other, &token(&dateless)] {
        shut(&running, "/bimip", "never seen", old).await;
        shut(&running, "/", "never seen", old).await;
    }
    let mut ann = phone(&running, "ann", "phone", &new).await;
    // What was logged out does not come back by way of a newer token.
    declined(&mut ann, TokenTask::Refresh, &old).await;
    refresh(&mut ann, &new).await;
    walkie(&running, "ann", &new).await;
}

/// BM-LOGOUT-1: the session and its token; no other session, and no other token.
// MISSION B9
#[tokio::test]
async fn a_session_is_logged_out_with_its_token() {
    let running = start().await;
    let (old, other) = (named("ann", "old"), named("ann", "other"));
    let mut ann = phone(&running, "ann", "phone", &old).await;
    let mut same = phone(&running, "ann", "tablet", &old).await;
    let mut desk = phone(&running, "ann", "desk", &other).await;
    ann.say(&ClientPacket::LogOut(LogOut::Session)).await;
    ends(&mut ann, CloseReason::LoggedOut, 1000).await;
    ends(&mut same, CloseReason::Revoked, 4401).await;
    lives(&mut desk).await;
    shut(&running, "/bimip", "phone", &old).await;
    lives(&mut phone(&running, "ann", "phone", &other).await).await;
}

/// BM-TOKEN-2, SI-TOKEN-1, SI-REFRESH-5, SI-END-1.
// MISSION B9
#[tokio::test]
async fn a_session_lives_as_long_as_the_last_good_token_that_it_showed() {
    let running = start().await;
    let (iat, exp) = (now_s() - HOUR_S, now_s() + 3);
    let short = dated("ann", iat, exp, "");
    let mut idle = phone(&running, "ann", "idle", &short).await;
    let mut refreshed = phone(&running, "ann", "refreshed", &short).await;
    let mut validated = phone(&running, "ann", "validated", &short).await;
    let mut mistaken = phone(&running, "ann", "mistaken", &short).await;
    let (_, expires) = refresh(&mut refreshed, &short).await;
    assert!(expires > exp, "{expires} is not after {exp}");
    let answer = ask(&mut validated, TokenTask::Validate, &named("ann", "long")).await;
    assert!(matches!(answer, ServerPacket::Token(_)), "{answer:?}");
    // A token for another device is no reason to stay.
    let bound = dated("ann", iat, now_s() + HOUR_S, r#","device":"desk""#);
    declined(&mut mistaken, TokenTask::Validate, &bound).await;

    for phone in [&mut idle, &mut mistaken] {
        ends(phone, CloseReason::Expired, 4401).await;
    }
    assert!(now_s() >= exp);
    for phone in [&mut refreshed, &mut validated] {
        lives(phone).await;
    }
    declined(&mut refreshed, TokenTask::Refresh, &short).await;
    // What has run out can still be taken back, and nobody is the worse for it.
    assert_eq!(ask(&mut refreshed, TokenTask::Revoke, &short).await, revoked());
    lives(&mut validated).await;
}

/// SI-REFRESH-3, SI-REFRESH-4, SI-TOKEN-3.
// MISSION B9
#[tokio::test]
async fn tokens_are_renewed_within_bounds_and_by_who_can() {
    let mut policy = Policy::default();
    policy.refresh_for = Some(Duration::from_secs(HOUR_S));
    let running = Running::with(MemoryStorage::new(), Config::default(), auth(policy)).await;
    let signed_in = |ago_s: u64| {
        let auth_time = format!(r#","auth_time":{}"#, now_s() - ago_s);
        dated("ann", now_s() - 60, now_s() + HOUR_S, &auth_time)
    };
    let late = signed_in(HOUR_S + 1);
    let mut ann = phone(&running, "ann", "phone", &late).await;
    declined(&mut ann, TokenTask::Refresh, &late).await;
    assert_eq!(running.counter("token_not_renewable").await, 1);
    refresh(&mut ann, &signed_in(HOUR_S - 60)).await;

    let mut keys = Keys::new();
    keys.add_public(None, Algorithm::Rs256, jwt::RS256_PUBLIC).unwrap();
    let running =
        Running::with(MemoryStorage::new(), Config::default(), JwtAuth::new(keys, Policy::default())).await;
    let issued = jwt::rs256(r#"{"alg":"RS256"}"#, &jwt::ours("ann", &format!(r#","iat":{}"#, now_s())));
    let mut ann = phone(&running, "ann", "phone", &issued).await;
    unsupported(ask(&mut ann, TokenTask::Refresh, &issued).await);
    assert!(matches!(ask(&mut ann, TokenTask::Validate, &issued).await, ServerPacket::Token(_)));
    assert_eq!(ask(&mut ann, TokenTask::Revoke, &issued).await, revoked());

    let running = Running::with(MemoryStorage::new(), Config::default(), OpenAuth).await;
    let mut ann = phone(&running, "ann", "phone", "ann").await;
    let answer = ask(&mut ann, TokenTask::Refresh, "ann").await;
    let same = TokenAnswer { task: TokenTask::Refresh, token: Some("ann".into()), expires: None };
    assert_eq!(answer, ServerPacket::Token(same));
    unsupported(ask(&mut ann, TokenTask::Revoke, "ann").await);
    declined(&mut ann, TokenTask::Validate, "bob").await;
    // There is no token to take back, but a session to end.
    ann.say(&ClientPacket::LogOut(LogOut::Session)).await;
    ends(&mut ann, CloseReason::LoggedOut, 1000).await;
    phone(&running, "ann", "phone", "ann").await;
}

fn unsupported(answer: ServerPacket) {
    let no = matches!(&answer, ServerPacket::Fault(fault) if fault.kind == FaultKind::Unsupported);
    assert!(no, "{answer:?}");
}
