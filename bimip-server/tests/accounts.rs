//! Accounts of the server's own, over real sockets: passwords in, tokens out, and what becomes of sessions.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;

use bimip_proto::{CloseReason, ServerPacket, UnixMs};
use bimip_server::accounts::{Account, AccountStore, Accounts, FolderAccounts, MemoryAccounts};
use bimip_server::jwt::{Policy, Secret};
use bimip_server::storage::Storage;
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Config, Server};
use serde_json::Value;
use support::{Phone, Running, soon, user};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const WORDS: &str = "a password of hers";
const JSON: &str = "application/json";

fn accounts(store: impl AccountStore) -> Arc<Accounts> {
    let secret = Secret::new("a word that is long enough to be a secret").unwrap();
    let accounts = Accounts::new(store, secret, Policy::default()).unwrap();
    Arc::new(accounts.open_registration(true))
}

async fn over(storage: impl Storage, accounts: &Arc<Accounts>) -> Running {
    let doors = accounts.authenticator().unwrap();
    let server = Server::builder().storage(storage).accounts(accounts).authenticate(doors);
    let server = server.config(Config::default()).start().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server.clone().serve_http(listener));
    Running { server, address }
}

async fn start(store: impl AccountStore) -> Running {
    over(MemoryStorage::new(), &accounts(store)).await
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        assert!(self.head.contains("content-type: application/json"), "{}", self.head);
        assert!(self.head.contains("cache-control: no-store"), "{}", self.head);
        serde_json::from_str(&self.body).unwrap()
    }

    fn token(&self) -> String {
        assert!(matches!(self.status, 200 | 201), "{} {}", self.status, self.body);
        self.json()["token"].as_str().unwrap().to_owned()
    }

    /// The code of a refusal, which has its shape and nothing else.
    fn code(&self) -> String {
        let json = self.json();
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["code", "message", "details", "request_id"]);
        let id = json["request_id"].as_str().unwrap();
        assert!(self.head.contains(&format!("x-request-id: {id}")), "{}", self.head);
        assert!(!json["message"].as_str().unwrap().is_empty());
        let field = json["details"]["field"].as_str().map(|field| format!(" {field}"));
        format!("{} {}{}", self.status, json["code"].as_str().unwrap(), field.unwrap_or_default())
    }
}

async fn post_as(running: &Running, kind: &str, path: &str, body: &str) -> Answer {
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    let head = format!(
        "POST /api/v1/auth/{path} HTTP/1.1\r\nhost: test\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.unwrap();
    let mut answer = Vec::new();
    // The server may close before it has read a body that is too large.
    let _ = soon(socket.read_to_end(&mut answer)).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

async fn post(running: &Running, path: &str, who: (&str, &str)) -> Answer {
    let body = serde_json::json!({ "user": who.0, "password": who.1 }).to_string();
    post_as(running, JSON, path, &body).await
}

async fn change(running: &Running, who: (&str, &str), new: &str) -> Answer {
    let body = serde_json::json!({ "user": who.0, "password": who.1, "new_password": new }).to_string();
    post_as(running, JSON, "password", &body).await
}

async fn phone(running: &Running, user: &str, token: &str) -> Phone {
    let headers = [("token", token), ("device_id", "phone")];
    let wire = running.knock("/bimip", &headers).await.unwrap().0;
    let mut phone = Phone::new(wire, user, "phone");
    let hello = phone.next().await;
    assert!(matches!(hello, ServerPacket::Welcome(_)), "{hello:?}");
    phone
}

async fn is_shut(running: &Running, token: &str) -> bool {
    running.knock("/bimip", &[("token", token), ("device_id", "phone")]).await.is_err()
}

// MISSION A12
// SI-ACC-1, SI-ACC-2, SI-ACC-3, SI-ACC-9
#[tokio::test]
async fn who_registers_comes_in_at_every_door() {
    let running = start(MemoryAccounts::default()).await;
    let made = post(&running, "register", ("ann", WORDS)).await;
    let token = made.token();
    assert_eq!(made.status, 201);
    let json = made.json();
    for date in ["expires_at", "refresh_until"] {
        let date = json[date].as_str().unwrap();
        assert!(date.len() == 20 && date.ends_with('Z'), "{date}");
    }
    phone(&running, "ann", &token).await;
    running.knock("/", &[("token", &token), ("device_id", "radio")]).await.unwrap();
    let again = post(&running, "login", ("ann", WORDS)).await;
    assert_eq!(again.status, 200);
    phone(&running, "ann", &again.token()).await;

    let body = serde_json::json!({ "user": "ann", "password": WORDS, "device_id": "tablet" }).to_string();
    let tablet = post_as(&running, "application/json; charset=utf-8", "login", &body).await.token();
    assert!(is_shut(&running, &tablet).await, "it is good for another device alone");
    running.knock("/bimip", &[("token", &tablet), ("device_id", "tablet")]).await.unwrap();

    assert_eq!(post(&running, "register", ("ann", WORDS)).await.code(), "409 TAKEN");
    assert_eq!(running.counter("account_logins").await, 2);
}

// MISSION A12
// SI-ACC-3, SI-ACC-9
#[tokio::test]
async fn whatever_is_wrong_is_said_in_one_shape() {
    let running = start(MemoryAccounts::default()).await;
    post(&running, "register", ("ann", WORDS)).await.token();
    let wrong = post(&running, "login", ("ann", "another password")).await;
    let unknown = post(&running, "login", ("nobody", WORDS)).await;
    assert_eq!((wrong.code(), unknown.code()), (unknown.code(), wrong.code()), "a stranger learns nothing");
    assert_eq!(wrong.code(), "401 BAD_CREDENTIALS");
    assert_eq!(wrong.json()["message"], unknown.json()["message"]);
    assert_eq!(post(&running, "register", ("../etc", WORDS)).await.code(), "400 FIELD user");
    assert_eq!(post(&running, "register", ("bob", "short")).await.code(), "400 FIELD password");
    assert_eq!(change(&running, ("ann", WORDS), "short").await.code(), "400 FIELD new_password");
    assert_eq!(post(&running, "password", ("ann", WORDS)).await.code(), "400 FIELD new_password");
    for body in ["", "[]", "{}", "{\"user\":\"ann\"}", "not json", "{\"user\":1,\"password\":2}"] {
        assert_eq!(post_as(&running, JSON, "login", body).await.code(), "400 MALFORMED", "{body}");
    }
    let form = post_as(&running, "application/x-www-form-urlencoded", "login", "user=ann").await;
    assert_eq!(form.code(), "415 NOT_JSON");
    let large = format!("{{\"user\":\"ann\",\"password\":\"{}\"}}", "x".repeat(4_096));
    assert_eq!(post_as(&running, JSON, "login", &large).await.code(), "413 TOO_LARGE");
    assert!(running.http("GET", "/api/v1/auth/login").await.starts_with("HTTP/1.1 405 "));

    let without = Running::start().await;
    assert_eq!(post(&without, "login", ("ann", WORDS)).await.status, 404, "it keeps no accounts");
}

// SI-ACC-1
#[tokio::test]
async fn accounts_are_made_by_the_operator_alone_unless_told() {
    let secret = Secret::new("a word that is long enough to be a secret").unwrap();
    let closed = Arc::new(Accounts::new(MemoryAccounts::default(), secret, Policy::default()).unwrap());
    let running = over(MemoryStorage::new(), &closed).await;
    assert_eq!(post(&running, "register", ("ann", WORDS)).await.code(), "403 REGISTRATION_CLOSED");
}

// MISSION A12
// SI-ACC-5
#[tokio::test]
async fn guessing_is_slow_and_the_answer_says_when_to_try_again() {
    let running = start(MemoryAccounts::default()).await;
    post(&running, "register", ("ann", WORDS)).await.token();
    let mut guesses = 0;
    let limited = loop {
        let answer = post(&running, "login", ("ann", "a guess of mine")).await;
        if answer.code() == "429 RATE_LIMITED" {
            break answer;
        }
        guesses += 1;
        assert!(guesses < 10, "nobody is stopped");
    };
    let wait = limited.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    assert!((1..=30).contains(&wait.parse::<u64>().unwrap()), "{wait}");
    assert_eq!(post(&running, "login", ("bob", "a guess of mine")).await.code(), "401 BAD_CREDENTIALS");
    assert_eq!(running.counter("account_attempts_limited").await, 1);
}

/// The session that is open, the token that opened it, and one that was never used: all of them end.
// MISSION A12, B9
// SI-ACC-6, SI-ACC-7
#[tokio::test]
async fn another_password_logs_out_what_came_in_by_the_one_before() {
    let running = start(MemoryAccounts::default()).await;
    let first = post(&running, "register", ("ann", WORDS)).await.token();
    let second = post(&running, "login", ("ann", WORDS)).await.token();
    let bob = post(&running, "register", ("bob", WORDS)).await.token();
    let (mut ann, _bob) = (phone(&running, "ann", &first).await, phone(&running, "bob", &bob).await);
    assert_eq!(change(&running, ("ann", "not hers"), "another password").await.code(), "401 BAD_CREDENTIALS");
    let new = change(&running, ("ann", WORDS), "another password").await.token();
    assert!(is_shut(&running, &first).await && is_shut(&running, &second).await, "from the answer on");
    let goodbye = ann.next().await;
    assert!(matches!(goodbye, ServerPacket::Bye(CloseReason::Revoked)), "{goodbye:?}");
    phone(&running, "ann", &new).await;
    phone(&running, "bob", &bob).await;
    assert_eq!(post(&running, "login", ("ann", WORDS)).await.code(), "401 BAD_CREDENTIALS");
    assert_eq!(running.counter("revoked").await, 1, "nobody else was logged out");
}

fn edit(folder: &Path, edit: impl Fn(Account, UnixMs) -> Account) {
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = UnixMs(u64::try_from(unix.as_millis()).unwrap());
    let other = FolderAccounts::open(folder).unwrap();
    other.change(&user("ann"), &mut |before| Ok(edit(before.unwrap(), now))).unwrap();
}

/// What the command line does while the server runs.
// MISSION A12
// SI-ACC-6, SI-ACC-7, SI-ACC-8
#[tokio::test]
async fn what_another_process_does_to_an_account_counts_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(FolderAccounts::open(folder.path()).unwrap()).await;
    let token = post(&running, "register", ("ann", WORDS)).await.token();
    let mut ann = phone(&running, "ann", &token).await;
    edit(folder.path(), |it, now| it.with_disabled(true, now));
    assert!(is_shut(&running, &token).await);
    assert_eq!(post(&running, "login", ("ann", WORDS)).await.code(), "401 BAD_CREDENTIALS");
    let goodbye = ann.next().await;
    assert!(matches!(goodbye, ServerPacket::Bye(CloseReason::Revoked)), "{goodbye:?}");
    edit(folder.path(), |it, now| it.with_disabled(false, now));
    assert!(is_shut(&running, &token).await, "what was logged out stays out");
    let token = post(&running, "login", ("ann", WORDS)).await.token();
    phone(&running, "ann", &token).await;
    edit(folder.path(), Account::without);
    assert!(is_shut(&running, &token).await);
    assert_eq!(
        post(&running, "register", ("ann", WORDS)).await.code(),
        "409 TAKEN",
        "its messages are there"
    );
}

/// A crash between the change of an account and the log-out, or a change while no server ran.
// MISSION A12
// SI-ACC-7
#[tokio::test]
async fn a_log_out_that_was_not_carried_out_is_when_the_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (store, names) = (folder.path().join("store"), folder.path().join("accounts"));
    let running = {
        let accounts = accounts(FolderAccounts::open(&names).unwrap());
        over(EmbeddedStorage::open(&store).unwrap(), &accounts).await
    };
    let token = post(&running, "register", ("ann", WORDS)).await.token();
    phone(&running, "ann", &token).await;
    soon(running.server.shutdown()).await;
    edit(&names, |it, now| {
        let hash = it.hash.clone();
        it.with_password(hash, now)
    });
    let left = FolderAccounts::open(&names).unwrap();
    assert_eq!(left.unsettled().unwrap().len(), 1);

    let again = accounts(FolderAccounts::open(&names).unwrap());
    let running = over(EmbeddedStorage::open(&store).unwrap(), &again).await;
    soon(async {
        while !left.unsettled().unwrap().is_empty() {
            running.server.report().await.unwrap();
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(is_shut(&running, &token).await);
    soon(running.server.shutdown()).await;
}
