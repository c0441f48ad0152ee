//! The binary, from outside.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/jwt.rs"]
mod jwt;

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

fn server(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bimip-server"));
    command.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), what).await.expect("it never happened")
}

async fn fails(flags: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = soon(server(flags).output()).await.unwrap();
    assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn it_says_where_and_stops_in_order() {
    for signal in ["-INT", "-TERM"] {
        let flags = "--storage memory --listen 127.0.0.1:0 --listen 127.0.0.1:0 --tcp 127.0.0.1:0";
        let flags: Vec<&str> = flags.split(' ').collect();
        let mut child = server(&flags).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        soon(stdout.read_line(&mut line)).await.unwrap();
        let addresses = line.strip_prefix("listening on http://").unwrap().trim_end();
        let (addresses, tcp) = addresses.split_once(" tcp ").unwrap();
        TcpStream::connect(tcp).await.unwrap();
        let addresses: Vec<&str> = addresses.split(" http://").collect();
        assert_eq!(addresses.len(), 2, "{line}");
        for address in addresses {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            soon(socket.read_to_string(&mut answer)).await.unwrap();
            assert!(answer.contains("Welcome to VoicePing Router "), "{answer}");
        }
        let pid = child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
        assert_eq!(soon(child.wait()).await.unwrap().code(), Some(0));
        line.clear();
        soon(stdout.read_line(&mut line)).await.unwrap();
        assert_eq!(line, "", "more than one line on stdout");
        let mut log = String::new();
        soon(child.stderr.take().unwrap().read_to_string(&mut log)).await.unwrap();
        assert!(log.contains("shutting down") && !log.contains('\u{1b}'), "a log in a file: {log}");
    }
}

// SI-OPEN-1
#[tokio::test]
async fn open_sign_in_is_refused_on_an_address_of_others() {
    let (code, stderr) = fails(&["serve", "--storage", "memory", "--listen", "0.0.0.0:0"]).await;
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("--insecure-open") && stderr.contains("127.0.0.1"), "{stderr}");
}

#[tokio::test]
async fn what_cannot_be_had_is_an_error_with_a_hint() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, stderr) = fails(&["--storage", "memory", "--listen", &address]).await;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("cannot listen on") && stderr.contains("--listen"), "{stderr}");
    let (code, stderr) = fails(&["--listen", "here"]).await;
    assert_eq!(code, Some(2), "{stderr}");
}

/// What a command prints, when all goes well.
async fn prints(flags: &[&str]) -> String {
    let Output { status, stdout, stderr } = soon(server(flags).output()).await.unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// A running server, and where it listens for HTTP.
async fn running(flags: &[&str]) -> (Child, String) {
    let listen = ["--storage", "memory", "--listen", "127.0.0.1:0", "--tcp", "off"];
    let mut child = server(&[&listen, flags].concat()).spawn().unwrap();
    let mut line = String::new();
    soon(BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line)).await.unwrap();
    let address = line.trim_end().strip_prefix("listening on http://").expect("not ready").to_owned();
    assert!(!address.contains(' '), "no TCP: {line}");
    (child, address)
}

/// The status of the answer to an upgrade with this token.
async fn knock(address: &str, path: &str, token: &str) -> u16 {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ntoken: {token}\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut line = String::new();
    soon(BufReader::new(socket).read_line(&mut line)).await.unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

// MISSION E9
// SI-KEY-4
#[tokio::test]
async fn a_token_lets_in_whichever_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    // Before there is a server, or a directory; and several at once.
    let make = ["token", "--data", data, "--user", "ann", "--groups", "crew,drivers"];
    let (one, two, three) = tokio::join!(prints(&make), prints(&make), prints(&make));
    let (_server, address) = running(&["--auth", "jwt", "--data", data]).await;
    // And while it runs.
    let four = prints(&["token", "--data", data, "--user", "ann", "--ttl", "90s"]).await;
    for token in [&one, &two, &three, &four] {
        let token = token.strip_suffix('\n').unwrap();
        assert!(!token.contains('\n'), "one line: {token}");
        for path in ["/", "/bimip"] {
            assert_eq!(knock(&address, path, token).await, 101);
        }
    }
    assert_ne!(one, two, "each token has a name of its own");
    assert_eq!(knock(&address, "/bimip", "ann").await, 401);

    let other = folder.path().join("other");
    let stranger = prints(&["token", "--data", other.to_str().unwrap(), "--user", "ann"]).await;
    assert_eq!(knock(&address, "/bimip", stranger.trim_end()).await, 401);
    let long = prints(&["token", "--data", data, "--user", "ann", "--ttl", "30d"]).await;
    assert_eq!(knock(&address, "/bimip", long.trim_end()).await, 401);
}

// MISSION E9 V10
// SI-KEY-5, SI-JWT-3
#[tokio::test]
async fn a_secret_of_a_backend_is_good_for_its_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "awesome\n").unwrap();
    let secret = path.to_str().unwrap();
    let claims = jwt::legacy("7", r#","channelIds":[1,2]"#);
    let legacy = jwt::hs256(jwt::HS256, &claims, b"awesome");
    let endless = jwt::hs256(jwt::HS256, r#"{"uid":"7"}"#, b"awesome");
    let ours = prints(&["token", "--jwt-hs256-key", secret, "--user", "7"]).await;
    for (policy, old, without) in [("on", 101, 401), ("off", 401, 401), ("without-exp", 101, 101)] {
        let flags = ["--auth", "jwt", "--jwt-hs256-key", secret, "--jwt-legacy-voiceping", policy];
        let (_server, address) = running(&flags).await;
        assert_eq!(knock(&address, "/", &legacy).await, old, "{policy}");
        assert_eq!(knock(&address, "/", &endless).await, without, "{policy}");
        assert_eq!(knock(&address, "/", ours.trim_end()).await, 101, "{policy}");
        assert_eq!(knock(&address, "/bimip", &legacy).await, 401, "{policy}");
    }
}

// MISSION E9
// SI-KEY-2, SI-KEY-6, SI-JWT-1
#[tokio::test]
async fn keys_of_issuers_are_told_apart_by_name() {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/keys");
    let (rsa, curve) = (format!("2026={keys}/rs256.public.pem"), format!("{keys}/es256.public.pem"));
    let edwards = format!("{keys}/eddsa.public.pem");
    let keys = ["--jwt-rs256-key", &rsa, "--jwt-es256-key", &curve, "--jwt-eddsa-key", &edwards];
    let issuer = ["--auth", "jwt", "--jwt-issuer", "https://accounts.example", "--jwt-audience", "chat"];
    let (_server, address) = running(&[&issuer[..], &keys].concat()).await;
    let claims = jwt::ours("ann", "").replace(r#""iss":"bimip""#, r#""iss":"https://accounts.example""#);
    let claims = claims.replace(r#""aud":"bimip""#, r#""aud":["other","chat"]"#);
    for (token, status) in [
        (jwt::rs256(r#"{"alg":"RS256","kid":"2026"}"#, &claims), 101),
        (jwt::rs256(r#"{"alg":"RS256"}"#, &claims), 401),
        (jwt::rs256(r#"{"alg":"RS256","kid":"2026"}"#, &jwt::ours("ann", "")), 401),
        (jwt::es256(r#"{"alg":"ES256"}"#, &claims), 101),
        (jwt::eddsa(r#"{"alg":"EdDSA"}"#, &claims), 101),
        (jwt::token(&claims), 401),
    ] {
        assert_eq!(knock(&address, "/bimip", &token).await, status, "{token}");
    }

    let set = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/keys/jwks.json");
    let (_server, address) = running(&["--auth", "jwt", "--jwt-jwks", set]).await;
    let claims = jwt::ours("ann", "");
    for (token, status) in [
        (jwt::rs256(r#"{"alg":"RS256","kid":"rsa-1"}"#, &claims), 101),
        (jwt::es256(r#"{"alg":"ES256","kid":"curve-1"}"#, &claims), 101),
        (jwt::eddsa(r#"{"alg":"EdDSA","kid":"edwards-1"}"#, &claims), 101),
        (jwt::rs256(r#"{"alg":"RS256","kid":"rsa-encrypts"}"#, &claims), 401),
        (jwt::rs256(r#"{"alg":"RS256"}"#, &claims), 401),
    ] {
        assert_eq!(knock(&address, "/bimip", &token).await, status, "{token}");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_is_an_error_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty");
    std::fs::write(&path, "\n").unwrap();
    let empty = path.to_str().unwrap();
    let private = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/keys/rs256.private.pem");
    for (flag, file, word) in [
        ("--jwt-hs256-key", empty, "the secret is empty"),
        ("--jwt-hs256-key", "/nowhere/at/all", "/nowhere/at/all"),
        ("--jwt-rs256-key", private, "openssl pkey -in FILE -pubout"),
        ("--jwt-es256-key", empty, "BEGIN PUBLIC KEY"),
    ] {
        let flags =
            ["--storage", "memory", "--listen", "127.0.0.1:0", "--tcp", "off", "--auth", "jwt", flag, file];
        let (code, stderr) = fails(&flags).await;
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains(word), "{stderr}");
    }
    let (code, stderr) = fails(&["--jwt-hs256-key", empty]).await;
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("--auth jwt"), "{stderr}");
    let (code, stderr) = fails(&["token", "--user", "a/b"]).await;
    assert_eq!(code, Some(2), "{stderr}");
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, stderr) = fails(&["--storage", "memory", "--listen", "127.0.0.1:0", "--tcp", &address]).await;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("--tcp"), "{stderr}");
}

/// The commands of README.md, "With accounts", as they stand there: on a free port and another folder.
// MISSION A12
// SI-ACC-8
#[tokio::test]
async fn a_newcomer_has_accounts_with_three_commands() {
    let readme = include_str!("../../README.md");
    let (_, after) = readme.split_once("### With accounts").unwrap();
    let block = after.split("```").nth(1).unwrap().strip_prefix("sh\n").unwrap();
    let commands: Vec<&str> = block.lines().collect();
    let [add, serve, login] = commands[..] else { panic!("{block}") };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let ours = |command: &str| {
        let binary = env!("CARGO_BIN_EXE_bimip-server");
        assert!(command.contains("target/release/bimip-server"), "{command}");
        format!("{} --data {}", command.replace("target/release/bimip-server", binary), data.display())
    };
    let sh = |command: String| {
        let mut sh = Command::new("sh");
        sh.args(["-c", &command]).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        sh
    };
    let added = soon(sh(ours(add)).output()).await.unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));

    let command = format!("exec {} --listen 127.0.0.1:0 --tcp off", ours(serve));
    let mut child = sh(command).spawn().unwrap();
    let mut line = String::new();
    soon(BufReader::new(child.stdout.take().unwrap()).read_line(&mut line)).await.unwrap();
    let address = line.strip_prefix("listening on http://").unwrap().trim_end();

    // What curl would do.
    let (kind, rest) = login.split_once("-H '").unwrap().1.split_once('\'').unwrap();
    let (body, url) = rest.split_once("-d '").unwrap().1.split_once('\'').unwrap();
    let path = url.split_once("http://127.0.0.1:8080").unwrap().1.trim();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\n{kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(socket.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"token\":\"ey"), "{answer}");
    child.kill().await.unwrap();
}

// MISSION A12
// SI-ACC-2, SI-ACC-6, SI-ACC-8
#[tokio::test]
async fn accounts_are_looked_after_without_a_password_in_sight() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap().to_owned();
    let account = async |what: &str, user: Option<&str>, typed: &str| {
        let mut flags = vec!["account", what, "--data", &data];
        flags.extend(user.iter().flat_map(|user| ["--user", user]));
        let mut child = server(&flags).stdin(Stdio::piped()).spawn().unwrap();
        // One that fails at once does not read it.
        let _ = child.stdin.take().unwrap().write_all(typed.as_bytes()).await;
        let Output { status, stdout, stderr } = soon(child.wait_with_output()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.success(), text(stdout), text(stderr))
    };
    assert!(account("add", Some("ann"), "a good password\r\nand no more").await.0);
    let (again, _, why) = account("add", Some("ann"), "a good password\n").await;
    assert!(!again && why.contains("taken"), "{why}");
    let (short, _, why) = account("add", Some("bob"), "short\n").await;
    assert!(!short && why.contains("at least 8 bytes"), "{why}");
    assert!(account("passwd", Some("ann"), "another password").await.0);
    for missing in ["passwd", "disable", "enable", "remove"] {
        let (done, _, why) = account(missing, Some("nobody"), "a good password\n").await;
        assert!(!done && why.contains("no such account"), "{missing}: {why}");
    }
    assert!(account("disable", Some("ann"), "").await.0);
    let (_, list, _) = account("list", None, "").await;
    assert!(list.starts_with("ann  made 2") && list.ends_with("  disabled\n"), "{list}");
    assert!(account("enable", Some("ann"), "").await.0);
    assert!(account("remove", Some("ann"), "").await.0);
    let (_, list, _) = account("list", None, "").await;
    assert!(list.ends_with("  removed\n") && list.lines().count() == 1, "{list}");
    assert!(
        account("add", Some("ann"), "a third password\n").await.0,
        "the operator may give the name again"
    );
}
