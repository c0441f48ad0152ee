//! Sign-in by signed tokens, over real sockets: who comes in, at which door, for how long; and who does not.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "sign_in_jwt/forgeries.rs"]
mod forgeries;
#[path = "support/jwt.rs"]
mod jwt;
#[path = "support/support.rs"]
mod support;

use bimip_proto::{ClientPacket, CloseReason, DeviceName, ServerPacket};
use bimip_server::jwt::{Algorithm, JwtAuth, Keys, Policy, Secret};
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Config, Grant, Refused, SignIn, VoicePingSessions};
use bytes::Bytes;
use jwt::{HS256, SECRET, eddsa, es256, hs256, legacy, now_s, ours, rs256, token};
use support::msgpack::{V, array};
use support::{Phone, Running, Wire, soon, user};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Error;

fn keys() -> Keys {
    let mut keys = Keys::new();
    keys.add_secret(None, &Secret::new(SECRET).unwrap()).unwrap();
    keys.add_public(None, Algorithm::Rs256, jwt::RS256_PUBLIC).unwrap();
    keys.add_public(Some("curve-1"), Algorithm::Es256, jwt::ES256_PUBLIC).unwrap();
    keys.add_public(Some("edwards-1"), Algorithm::EdDsa, jwt::EDDSA_PUBLIC).unwrap();
    keys
}

async fn start() -> Running {
    start_with(Config::default()).await
}

async fn start_with(config: Config) -> Running {
    Running::with(MemoryStorage::new(), config, JwtAuth::new(keys(), Policy::default())).await
}

/// The status of a door that stays shut.
async fn refused(running: &Running, path: &str, headers: &[(&str, &str)]) -> u16 {
    match running.knock(path, headers).await {
        Err(Error::Http(response)) => {
            // The same words for every reason.
            let body = response.body().as_deref().unwrap_or_default();
            assert!(body.is_empty() || body == b"Unauthorized", "{}", String::from_utf8_lossy(body));
            response.status().as_u16()
        }
        Err(other) => panic!("not an answer: {other}"),
        Ok(_) => panic!("let in"),
    }
}

async fn welcomed(running: &Running, headers: &[(&str, &str)]) -> Phone {
    let wire = running.knock("/bimip", headers).await.unwrap().0;
    let mut phone = Phone::new(wire, "ann", "phone");
    let hello = phone.next().await;
    assert!(matches!(hello, ServerPacket::Welcome(_)), "{hello:?}");
    phone
}

/// Asks the msgpack server who it takes us for.
async fn walkie_is(wire: &mut Wire, user: &str) {
    wire.send(array(&[V::Int(1), V::Int(25), V::Str(user), V::Int(0), V::Str("?")])).await;
    assert_eq!(wire.words().await, format!(r#"[1,26,0,"{user}","?"]"#));
}

// MISSION E9 V10
// SI-NO-1, SI-NO-2, SI-KEY-1, SI-KEY-2, SI-KEY-3, SI-JWT-1
#[tokio::test]
async fn every_forgery_is_refused_alike_and_counted() {
    let running = start().await;
    let mut count = 0;
    for (name, token, counter) in forgeries::all() {
        for path in ["/", "/bimip"] {
            let before = running.counter(counter).await;
            let headers = [("token", token.as_str()), ("device_id", "phone")];
            assert_eq!(refused(&running, path, &headers).await, 401, "{name} at {path}");
            assert_eq!(running.counter(counter).await, before + 1, "{name} at {path}: not {counter}");
            count += 1;
        }
    }
    assert!(count >= 2 * 60, "{count}");
    assert_eq!(running.counter("door_refused").await, count);
    assert_eq!(running.counter("opened").await, 0);
    // Another machine's wall clock can be wrong, and a user unlucky: the door itself still works.
    let good = token(&ours("ann", ""));
    welcomed(&running, &[("token", &good), ("device_id", "phone")]).await;
}

// MISSION E9
// SI-KEY-1, SI-KEY-2, SI-KEY-3
#[tokio::test]
async fn every_algorithm_with_its_own_key_is_let_in() {
    let running = start().await;
    let claims = ours("ann", "");
    let good = [
        token(&claims),
        rs256(r#"{"alg":"RS256"}"#, &claims),
        es256(r#"{"alg":"ES256","kid":"curve-1"}"#, &claims),
        eddsa(r#"{"alg":"EdDSA","kid":"edwards-1"}"#, &claims),
        // What the token brings along is not looked at.
        hs256(r#"{"alg":"HS256","jku":"https://evil.example/"}"#, &claims, SECRET.as_bytes()),
    ];
    for token in &good {
        welcomed(&running, &[("token", token), ("device_id", "phone")]).await;
    }
    // A key with a name is for tokens that name it.
    for nameless in [es256(r#"{"alg":"ES256"}"#, &claims), eddsa(r#"{"alg":"EdDSA"}"#, &claims)] {
        assert_eq!(refused(&running, "/bimip", &[("token", &nameless)]).await, 401);
    }
    assert_eq!(running.counter("token_unknown_key").await, 2);
}

// MISSION V10 E9
// SI-WAY-2, SI-JWT-3
#[tokio::test]
async fn a_walkie_token_comes_in_every_way() {
    let running = start().await;
    let old = token(&legacy("acme_ann", r#","name":"Ann""#));
    let new = token(&ours("acme_ann", ""));
    for token in [&old, &new] {
        let bearer = format!("Bearer {token}");
        let protocols = format!("{token}, radio");
        for headers in [
            [("token", token.as_str()), ("device_id", "radio")],
            [("VoicePingToken", token.as_str()), ("DeviceId", "radio")],
            [("authorization", bearer.as_str()), ("device_id", "radio")],
            [("sec-websocket-protocol", protocols.as_str()), ("x-nothing", "")],
        ] {
            let (mut wire, response) = running.knock("/", &headers).await.unwrap();
            walkie_is(&mut wire, "acme_ann").await;
            let selected =
                response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap());
            assert_eq!(selected, (headers[0].1 == protocols).then_some(token.as_str()));
        }
    }
    // A token of old is good on its own door alone, in whatever way it comes.
    assert_eq!(refused(&running, "/bimip", &[("token", &old)]).await, 401);
    assert_eq!(running.counter("token_wrong_issuer").await, 1);
    // And a bare name is nothing any more.
    assert_eq!(refused(&running, "/", &[("token", "acme_ann")]).await, 401);
}

// MISSION E9 B1
// SI-WAY-2, SI-WAY-3, SI-WAY-4
#[tokio::test]
async fn a_protobuf_token_comes_in_every_way() {
    let running = start().await;
    let good = token(&ours("ann", ""));
    let bearer = format!("Bearer {good}");
    welcomed(&running, &[("token", &good), ("device_id", "phone")]).await;
    welcomed(&running, &[("token", &bearer), ("device_id", "phone")]).await;
    welcomed(&running, &[("authorization", &bearer), ("device_id", "phone")]).await;
    let coded = data_encoding::BASE64URL_NOPAD.encode(good.as_bytes());
    let protocols = format!("bimip.v1, token.{coded}, device.cGhvbmU");
    welcomed(&running, &[("sec-websocket-protocol", &protocols)]).await;

    let mut first_frame = stranger(&running).await;
    first_frame.say(&sign_in(Some("ann"), Some("phone"), &good)).await;
    assert!(matches!(first_frame.next().await, ServerPacket::Welcome(_)));
}

fn sign_in(claimed: Option<&str>, device: Option<&str>, token: &str) -> ClientPacket {
    ClientPacket::SignIn {
        user: claimed.map(user),
        device: device.map(|device| DeviceName::new(device).unwrap()),
        token: Bytes::copy_from_slice(token.as_bytes()),
    }
}

async fn stranger(running: &Running) -> Phone {
    Phone::new(running.knock("/bimip", &[]).await.unwrap().0, "ann", "phone")
}

// MISSION E9
// SI-NO-1, SI-WHO-1, SI-WHO-2
#[tokio::test]
async fn a_first_frame_with_a_bad_token_ends_with_one_word() {
    let running = start().await;
    let bound = token(&ours("ann", r#","device":"phone""#));
    for packet in [
        sign_in(None, None, "hello"),
        sign_in(None, None, &token(&legacy("ann", ""))),
        sign_in(None, None, &hs256(HS256, &ours("ann", ""), b"another secret")),
        sign_in(Some("bob"), None, &token(&ours("ann", ""))),
        sign_in(Some("ann"), Some("desk"), &bound),
    ] {
        let mut mallory = stranger(&running).await;
        mallory.say(&packet).await;
        assert_eq!(mallory.next().await, ServerPacket::Bye(CloseReason::Refused));
        assert_eq!(mallory.hear().await, Err(Some(1008)));
    }
    assert_eq!(running.counter("sign_in_refused").await, 5);
    let mut ann = stranger(&running).await;
    ann.say(&sign_in(None, None, &bound)).await;
    assert!(matches!(ann.next().await, ServerPacket::Welcome(_)));
}

/// A token that ends in the next second but one.
fn short(claims: impl Fn(u64) -> String) -> String {
    token(&claims(now_s() + 2))
}

// MISSION E9
// SI-END-1
#[tokio::test]
async fn a_session_ends_with_its_token() {
    let running = start().await;
    let ours = short(|exp| format!(r#"{{"iss":"bimip","aud":"bimip","sub":"ann","exp":{exp}}}"#));
    let old = short(|exp| format!(r#"{{"uid":"bob","exp":{exp}}}"#));
    let mut headers = welcomed(&running, &[("token", &ours), ("device_id", "phone")]).await;
    let mut first_frame = stranger(&running).await;
    first_frame.say(&sign_in(Some("ann"), Some("desk"), &ours)).await;
    assert!(matches!(first_frame.next().await, ServerPacket::Welcome(_)));
    let mut walkie = running.knock("/", &[("token", &old)]).await.unwrap().0;
    walkie_is(&mut walkie, "bob").await;

    for phone in [&mut headers, &mut first_frame] {
        assert_eq!(phone.next().await, ServerPacket::Bye(CloseReason::Expired));
        assert_eq!(phone.hear().await, Err(Some(4401)));
    }
    // The msgpack dialect has no word for it; the code of the web socket says it.
    assert_eq!(walkie.next().await, Err(Some(4401)));
    assert_eq!(running.counter("expired").await, 3);
    assert_eq!(refused(&running, "/bimip", &[("token", &ours)]).await, 401);
    assert_eq!(running.counter("token_expired").await, 1);
}

/// Lets in by tokens, and tells the test what it granted.
async fn watched(config: Config) -> (Running, UnboundedReceiver<Grant>) {
    let (tell, granted): (UnboundedSender<Grant>, _) = unbounded_channel();
    let inner = std::sync::Arc::new(JwtAuth::new(keys(), Policy::default()));
    let who = move |sign_in: SignIn| {
        let (inner, tell) = (std::sync::Arc::clone(&inner), tell.clone());
        async move {
            let grant = bimip_server::Authenticator::authenticate(&*inner, sign_in).await?;
            tell.send(grant.clone()).map_err(|_| Refused)?;
            Ok(grant)
        }
    };
    (Running::with(MemoryStorage::new(), config, who).await, granted)
}

// MISSION E9 V10
// SI-JWT-1, SI-WHO-2
#[tokio::test]
async fn a_grant_is_what_the_token_says() {
    let (running, mut granted) = watched(Config::default()).await;
    let exp = now_s() + 60;
    let claims = format!(r#"{{"uid":7,"exp":{exp},"jti":"t-1","channelIds":["crew",7,"crew"]}}"#);
    let mut walkie = running.knock("/", &[("token", &token(&claims))]).await.unwrap().0;
    walkie_is(&mut walkie, "7").await;
    let grant = soon(granted.recv()).await.unwrap();
    assert_eq!(grant.device.user, user("7"));
    assert_eq!(grant.expires.unwrap().0, exp * 1000);
    assert_eq!(grant.token_id.unwrap().as_str(), "t-1");
    assert_eq!(grant.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>(), ["crew", "7"]);

    let ours = token(&ours("ann", r#","device":"phone","groups":["drivers"]"#));
    welcomed(&running, &[("token", &ours)]).await;
    let grant = soon(granted.recv()).await.unwrap();
    assert_eq!(grant.device.to_string(), "ann/phone", "the token names the device");
    assert_eq!(grant.groups[0].as_str(), "drivers");
}

async fn walkie(running: &Running, device: &str) -> Wire {
    let token = token(&legacy("ann", ""));
    let mut wire = running.knock("/", &[("token", &token), ("device_id", device)]).await.unwrap().0;
    walkie_is(&mut wire, "ann").await;
    wire
}

// MISSION V10
// SI-VP-1, VP-BYE-1
#[tokio::test]
async fn under_replace_a_walkie_takes_the_place_of_walkies_alone() {
    let running = start().await;
    let ours = token(&ours("ann", ""));
    let mut phone = welcomed(&running, &[("token", &ours), ("device_id", "radio")]).await;
    let mut first = walkie(&running, "radio").await;
    let mut second = walkie(&running, "other radio").await;
    let told = first.words().await;
    assert_eq!(told, r#"[1,9,0,"ann","userId ann has logged in from another deviceId other radio"]"#);
    assert_eq!(first.next().await, Err(None));
    let mut third = walkie(&running, "other radio").await;
    assert_eq!(second.next().await, Err(None), "the same device again, without a word");
    walkie_is(&mut third, "ann").await;
    phone.wire.pong().await;
    assert_eq!(running.counter("replaced").await, 2);
}

// MISSION V10
// SI-VP-2
#[tokio::test]
async fn under_multi_each_device_has_its_own() {
    let mut config = Config::default();
    config.voiceping_sessions = VoicePingSessions::Multi;
    let running = start_with(config).await;
    let (mut one, mut two) = (walkie(&running, "one").await, walkie(&running, "two").await);
    // The same device twice: the newest wins, without a word.
    let mut again = walkie(&running, "two").await;
    assert_eq!(two.next().await, Err(None));
    assert_eq!(running.counter("replaced").await, 1);
    let bob = token(&legacy("bob", ""));
    let mut bob = running.knock("/", &[("token", &bob)]).await.unwrap().0;
    bob.send(array(&[V::Int(1), V::Int(17), V::Str("bob"), V::Str("ann"), V::Str("to both")])).await;
    for wire in [&mut one, &mut again] {
        assert!(wire.words().await.contains("to both"));
    }
}

// MISSION V10 E9
// SI-WHO-2
#[tokio::test]
async fn a_walkie_token_for_one_device_is_no_good_on_another() {
    let running = start().await;
    let bound = token(&legacy("ann", r#","device":"radio""#));
    assert_eq!(refused(&running, "/", &[("token", &bound), ("device_id", "other")]).await, 401);
    assert_eq!(running.counter("token_other_device").await, 1);
    for headers in [vec![("token", bound.as_str())], vec![("token", &bound), ("device_id", "radio")]] {
        let mut wire = running.knock("/", &headers).await.unwrap().0;
        walkie_is(&mut wire, "ann").await;
    }
}
