//! Every example, run to its end.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Dialect, OpenAuth, Server};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

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

impl Running {
    /// As a crash does.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
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
fn chat_server_and_chat() {
    let server = Running::start(env!("CARGO_BIN_EXE_chat_server"), &["127.0.0.1:0"]);
    let line = server.line().unwrap();
    let url = line.strip_prefix("listening on ").unwrap();
    let folders = TempDir::new().unwrap();
    let mut alice = chat(&folders, url, "alice", "bob");
    alice.types("hello \"bob\"");
    alice.until("me: hello \"bob\" [sent]");
    let mut bob = chat(&folders, url, "bob", "alice");
    bob.until("alice: hello \"bob\"");
    alice.until("me: hello \"bob\" [read]");
    bob.types("hello alice");
    alice.until("bob: hello alice");
    alice.end();
    bob.end();
    assert_eq!(server.end(), ["goodbye"]);
}

fn chat(folders: &TempDir, url: &str, me: &str, peer: &str) -> Running {
    let folder = folders.path().join(me);
    Running::start(env!("CARGO_BIN_EXE_chat"), &[url, me, peer, folder.to_str().unwrap()])
}

/// A server with its store in a folder, on a port that stays the same.
struct House {
    runtime: Runtime,
    folder: TempDir,
    address: SocketAddr,
    server: Option<Server>,
}

impl House {
    /// Nobody listens yet, and nobody else gets the port.
    fn new() -> (Self, TcpSocket) {
        let runtime = Runtime::new().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        (Self { runtime, folder: TempDir::new().unwrap(), address, server: None }, socket)
    }

    fn open(&mut self, socket: Option<TcpSocket>) {
        let _inside = self.runtime.enter();
        let socket = socket.unwrap_or_else(|| {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseaddr(true).unwrap();
            socket.bind(self.address).unwrap();
            socket
        });
        let storage = EmbeddedStorage::open(self.folder.path()).unwrap();
        let server = Server::builder().storage(storage).authenticate(OpenAuth).start().unwrap();
        self.runtime.spawn(server.clone().serve_http(socket.listen(64).unwrap()));
        self.server = Some(server);
    }

    fn close(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

// MISSION L4 A6 V11
#[test]
fn a_newcomer_chats_without_a_server_and_with_one_that_comes_and_goes() {
    let (mut house, socket) = House::new();
    let url = format!("ws://{}", house.address);
    let folders = TempDir::new().unwrap();
    let mut alice = chat(&folders, &url, "alice", "bob");
    alice.types("hello");
    alice.until("me: hello [sending]");
    alice.kill();

    let mut alice = chat(&folders, &url, "alice", "bob");
    assert_eq!(alice.line().as_deref(), Some("me: hello [sending]"), "it is there before there is a server");
    assert!(alice.line().unwrap().starts_with("* no connection, trying again: "));
    house.open(Some(socket));
    alice.until("* connected");
    alice.until("me: hello [sent]");
    let mut bob = chat(&folders, &url, "bob", "alice");
    bob.until("alice: hello");
    alice.until("me: hello [read]");
    bob.types("hello alice");
    alice.until("bob: hello alice");
    bob.until("me: hello alice [read]");

    house.close();
    alice.until("* offline, trying again");
    alice.types("are you there?");
    alice.until("me: are you there? [sending]");
    house.open(None);
    bob.until("alice: are you there?");
    alice.until("me: are you there? [read]");
    alice.end();
    house.close();

    let alice = chat(&folders, &url, "alice", "bob");
    let history: Vec<String> = std::iter::from_fn(|| alice.line()).take(3).collect();
    assert_eq!(history, ["me: hello [read]", "bob: hello alice", "me: are you there? [read]"]);
}

// MISSION L2 L4
#[test]
fn plain_client() {
    let runtime = Runtime::new().unwrap();
    let server = Server::builder().storage(MemoryStorage::new()).authenticate(OpenAuth);
    let (_inside, server) = (runtime.enter(), server);
    let server = server.start().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    runtime.spawn(server.clone().serve_tcp(listener, Dialect::Scheme));

    let bob = Running::start(env!("CARGO_BIN_EXE_plain_client"), &[&address, "bob", "alice"]);
    bob.until("* connected");
    let alice =
        Running::start(env!("CARGO_BIN_EXE_plain_client"), &[&address, "alice", "bob", "no tokio here"]);
    bob.until(r#"alice: {"text":"no tokio here"}"#);
    bob.end();
    let lines = alice.end();
    assert_eq!(lines[0], "* connected");
    assert!(lines[1].starts_with("sent as "), "{lines:?}");
    // That it was read says that it was delivered, and may be said first.
    assert_eq!(lines.last().unwrap(), "Read by bob");
    runtime.block_on(server.shutdown());
}

// MISSION L4
#[test]
fn usages() {
    let usage = Running::start(env!("CARGO_BIN_EXE_chat_server"), &["--help"]).end();
    assert_eq!(usage[0], "usage: chat_server [ADDRESS:PORT]");
    let usage = Running::start(env!("CARGO_BIN_EXE_chat"), &["--help"]).end();
    assert_eq!(usage[0], "usage: chat URL ME PEER [FOLDER]");
    let usage = Running::start(env!("CARGO_BIN_EXE_plain_client"), &[]).end();
    assert_eq!(usage[0], "usage: plain_client ADDRESS:PORT ME PEER [TEXT]");
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
    assert_eq!(lines[0], "bob received: through a pipe");
    assert_eq!(lines[1..3], ["alice knows: sending", "alice knows: sent"]);
    assert_eq!(lines.last().unwrap(), "alice knows: read");
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
