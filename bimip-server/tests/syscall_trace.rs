//! The binary's system calls: no ack is written to a socket before the sync of the journal that came after the write
//! of that very message. Needs `strace`; `cargo xtask test` installs it.
#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "syscall_trace/analyser.rs"]
mod analyser;
#[path = "support/support.rs"]
mod support;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use analyser::{Acked, Found, analyse};
use bimip_proto::{Address, Body, ClientPacket, ClientRef, Draft, ServerPacket};
use support::msgpack::{V, array};
use support::{Phone, Wire, soon, user};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Messages that are sent one by one, each when the one before has its ack.
const SINGLES: usize = 6;
/// Messages that are sent at once.
const BURST: usize = 24;

/// Starts the server under a tracer, has clients of both dialects write, ends it in good order.
async fn traced(syncs_are_lies: bool) -> Found {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-xx", "-s", "1048576", "-o"]).arg(&file);
    strace.args(["-e", "trace=write,writev,pwrite64,sendto,sendmsg,fdatasync,fsync"]);
    if syncs_are_lies {
        strace.args(["-e", "inject=fdatasync,fsync:retval=0"]);
    }
    strace.arg("--").arg(env!("CARGO_BIN_EXE_bimip-server"));
    strace.args(["--listen", "127.0.0.1:0", "--tcp", "off", "--data"]).arg(directory.path().join("data"));
    strace.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = strace.spawn().unwrap_or_else(|error| {
        panic!("strace does not start ({error}); install it, as in `apt-get install strace`")
    });
    let mut line = String::new();
    soon(BufReader::new(child.stdout.take().unwrap()).read_line(&mut line)).await.unwrap();
    let address = line.trim_end().strip_prefix("listening on http://");
    let address = address.expect("strace may not trace here, or the server does not start").parse().unwrap();

    let mut messages = Vec::new();
    let (one, other) = tokio::join!(phone(address, "ann"), phone(address, "bob"));
    messages.extend(one);
    messages.extend(other);
    messages.extend(walkie(address).await);
    assert_eq!(messages.len(), 3 * (SINGLES + BURST));

    // The server is the tracer's child: the first that it heard of.
    let server = first_thread(&file);
    assert!(Command::new("kill").arg(server).status().await.unwrap().success());
    assert!(soon(child.wait()).await.unwrap().success(), "the server ends in good order");
    analyse(&fs::read_to_string(&file).unwrap(), &messages)
}

fn first_thread(trace: &Path) -> String {
    fs::read_to_string(trace).unwrap().split_whitespace().next().unwrap().to_owned()
}

/// The one that messages go to is away, so what leaves about them are their acks.
async fn phone(address: SocketAddr, name: &str) -> Vec<Acked> {
    let wire = Wire::open(address, "/bimip", &[("token", name), ("device_id", "phone")]).await.unwrap().0;
    let mut phone = Phone::new(wire, name, "phone");
    assert!(matches!(phone.next().await, ServerPacket::Welcome(_)));
    let mut messages = Vec::new();
    for number in 0..SINGLES + BURST {
        let message =
            Acked { record: format!("body {number} of {name};"), ack: format!("{name}-calls-it-{number};") };
        phone.say(&draft(&message)).await;
        if number < SINGLES {
            accepted(&mut phone, &message).await;
        }
        messages.push(message);
    }
    for message in &messages[SINGLES..] {
        accepted(&mut phone, message).await;
    }
    messages
}

fn draft(message: &Acked) -> ClientPacket {
    ClientPacket::Send(Draft {
        client_ref: Some(ClientRef::new(&message.ack).unwrap()),
        to: Address::User(user("away")),
        client_time: None,
        body: Body::text(&message.record),
    })
}

async fn accepted(phone: &mut Phone, message: &Acked) {
    let ServerPacket::Accepted { client_ref, .. } = phone.next().await else { panic!("no ack") };
    assert_eq!(client_ref.unwrap().as_str(), message.ack);
}

/// Its acks name messages by ids of the server, in the order of the drafts.
async fn walkie(address: SocketAddr) -> Vec<Acked> {
    let mut wire = Wire::open(address, "/", &[("token", "eve"), ("device_id", "walkie")]).await.unwrap().0;
    let mut messages = Vec::new();
    let record = |number: usize| format!("body {number} of eve;");
    for number in 0..SINGLES {
        say(&mut wire, &record(number)).await;
        messages.push(Acked { record: record(number), ack: ack(&mut wire).await });
    }
    for number in SINGLES..SINGLES + BURST {
        say(&mut wire, &record(number)).await;
    }
    for number in SINGLES..SINGLES + BURST {
        messages.push(Acked { record: record(number), ack: ack(&mut wire).await });
    }
    messages
}

async fn say(wire: &mut Wire, text: &str) {
    wire.send(array(&[V::Int(1), V::Int(17), V::Str("eve"), V::Str("away"), V::Str(text)])).await;
}

/// The id in the next ack.
async fn ack(wire: &mut Wire) -> String {
    let words = wire.words().await;
    let id = words.strip_prefix(r#"[1,22,"eve","away",""#).and_then(|rest| rest.split_once('"'));
    id.unwrap_or_else(|| panic!("not an ack: {words}")).0.to_owned()
}

// MISSION L3
// DM-ACK-1
#[tokio::test]
async fn acks_leave_after_the_sync_of_their_message() {
    let found = traced(false).await;
    assert!(found.early.is_empty() && found.unseen.is_empty(), "{found:?}");
    assert_eq!(found.good, 3 * (SINGLES + BURST));
    assert!(found.syncs >= 2 * SINGLES, "singles of three do not all share their syncs: {}", found.syncs);
}

/// Otherwise the test above would prove nothing.
#[tokio::test]
async fn a_server_whose_syncs_are_lies_is_found_out() {
    let found = traced(true).await;
    assert_eq!((found.good, found.syncs), (0, 0));
    assert_eq!(found.early.len(), 3 * (SINGLES + BURST), "{found:?}");
}
