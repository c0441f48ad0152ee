//! Every example, run to its end.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than any of them takes; a machine under load is no failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program and its lines. Killed if it is still there at the end.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Running {
    fn start(path: &str, args: &[&str]) -> Self {
        let mut command = Command::new(path);
        let mut child =
            command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, lines }
    }

    fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            Err(timeout) => panic!("{timeout}"),
        }
    }

    fn until(&self, expected: &str) {
        while self.line().expect(expected) != expected {}
    }

    fn types(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Its input ends; gives the rest of its lines.
    fn end(mut self) -> Vec<String> {
        self.stdin = None;
        let rest = std::iter::from_fn(|| self.line()).collect();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// MISSION L4
#[test]
fn chat_server_and_chat_client() {
    let server = Running::start(env!("CARGO_BIN_EXE_chat_server"), &["127.0.0.1:0"]);
    let line = server.line().unwrap();
    let url = line.strip_prefix("listening on ").unwrap();
    let mut alice = Running::start(env!("CARGO_BIN_EXE_chat_client"), &[url, "alice", "bob"]);
    alice.types("hello \"bob\"");
    alice.until("* sent");
    let mut bob = Running::start(env!("CARGO_BIN_EXE_chat_client"), &[url, "bob", "alice"]);
    bob.until("alice: hello \"bob\"");
    alice.until("* Delivered by bob");
    bob.types("hello alice");
    alice.until("bob: hello alice");
    alice.end();
    bob.end();
    assert_eq!(server.end(), ["goodbye"]);
}

// MISSION L4
#[test]
fn usages() {
    let usage = Running::start(env!("CARGO_BIN_EXE_chat_server"), &["--help"]).end();
    assert_eq!(usage[0], "usage: chat_server [ADDRESS:PORT]");
    let usage = Running::start(env!("CARGO_BIN_EXE_chat_client"), &[]).end();
    assert_eq!(usage[0], "usage: chat_client URL ME PEER");
}

// MISSION L4
#[test]
fn push_to_talk() {
    let lines = Running::start(env!("CARGO_BIN_EXE_push_to_talk"), &[]).end();
    let expected = [
        "alice hears that the server is there",
        "bob hears that the server is there",
        "alice hears START_ACK: talk to bob",
        "bob hears START of alice",
        "bob hears AUDIO of alice, 6 bytes",
        "bob hears AUDIO of alice, 6 bytes",
        "bob hears AUDIO of alice, 6 bytes",
        "alice hears STOP_ACK: recorded as a talk to bob",
        "bob hears STOP of alice, kept as a message",
        "alice hears that bob has it: Delivered",
        "alice hears that bob has it: Read",
        "over and out",
    ];
    assert_eq!(lines, expected);
}

// MISSION L4
#[test]
fn own_transport() {
    let lines = Running::start(env!("CARGO_BIN_EXE_own_transport"), &[]).end();
    assert_eq!(lines, [r#"bob received {"text":"through a pipe"}"#, "alice knows: Delivered by bob"]);
}

// MISSION L4
#[test]
fn own_storage() {
    let lines = Running::start(env!("CARGO_BIN_EXE_own_storage"), &[]).end();
    assert!(lines[0].starts_with("it keeps the contract in "), "{lines:?}");
    assert!(
        lines[1].starts_with("stored as 00001") || lines[1].contains(", message 1 of its log"),
        "{lines:?}"
    );
    assert_eq!(lines[2..], ["synced: true"]);
}

// MISSION L2 L4
#[test]
fn no_tokio_client() {
    let lines = Running::start(env!("CARGO_BIN_EXE_no_tokio_client"), &[]).end();
    let expected = [
        "alice: I may talk to bob",
        "bob: sound of alice",
        "bob: sound of alice",
        "alice: ack_stop, 1_3_bob_alice_1763652000240_180ms.opus",
        "bob: a talk of alice, kept as Voice { duration_ms: 180 }",
        "bob: I have it, and heard it (said: true)",
        "alice: Delivered by bob",
        "alice: Read by bob",
    ];
    assert_eq!(lines, expected);
}
