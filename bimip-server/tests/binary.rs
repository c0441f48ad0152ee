//! The binary, from outside.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
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
        let flags = ["--storage", "memory", "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"];
        let mut child = server(&flags).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        soon(stdout.read_line(&mut line)).await.unwrap();
        let addresses = line.strip_prefix("listening on http://").unwrap().trim_end();
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
    }
}

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
