//! A device that is killed again and again, while it sends and receives as fast as it can: nothing is lost, nothing
//! comes twice, everything is in order.
//!
//! `BIMIP_CRASHES=500 cargo test -p bimip-client --test crash -- --nocapture` kills it more often.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bimip_client::{Client, DiskStore, Event, Line, Page, Position, Progress, SendError};
use bimip_proto::{Address, Device, DeviceName, UserId};
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{OpenAuth, Server};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// Enough to meet every step of a turn, few enough for every run of the tests.
const CRASHES: usize = 12;

const PATIENCE: Duration = Duration::from_secs(60);

fn address(name: &str) -> Address {
    Address::User(UserId::new(name).unwrap())
}

fn device(user: &str, name: &str) -> Device {
    Device::new(UserId::new(user).unwrap(), DeviceName::new(name).unwrap())
}

/// All of a conversation, page by page.
async fn history(client: &Client, with: &str) -> Vec<Line> {
    let conversation = client.conversation(&address(with));
    let mut page = client.history(&conversation, Page::last(500)).await.unwrap();
    let mut all: Vec<Line> = Vec::new();
    while let Some(first) = page.first().map(|line| line.position) {
        all.splice(..0, page);
        page = client.history(&conversation, Page::before(first, 500)).await.unwrap();
    }
    all
}

fn numbers(lines: &[Line], mine: bool) -> Vec<u64> {
    let of_author = lines.iter().filter(|line| line.mine == mine);
    of_author.map(|line| line.text().unwrap().parse().unwrap()).collect()
}

/// Alice in a process of her own. Says `kept N` when the store has message N.
#[test]
#[ignore = "the process that the other test kills"]
fn alice() {
    let (Ok(url), Ok(folder)) = (env::var("BIMIP_CRASH_URL"), env::var("BIMIP_CRASH_FOLDER")) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = DiskStore::open(folder).unwrap();
        let builder = Client::builder(device("alice", "phone")).store(store).server(&url);
        let (client, mut events) = builder.config(|config| config.redial_min_ms = 10).start().await.unwrap();
        let last = numbers(&history(&client, "bob").await, true).into_iter().max().unwrap_or_default();
        // Room comes with an answer, and an answer is an event.
        let told = Arc::new(Notify::new());
        let telling = Arc::clone(&told);
        tokio::spawn(async move {
            while let Some(event) = events.next_event().await.unwrap() {
                drop::<Event>(event);
                telling.notify_one();
            }
        });
        println!("ready");
        for number in last + 1.. {
            while let Err(error) = client.send_text(address("bob"), &number.to_string()).await {
                assert!(matches!(error, SendError::Full(_)), "{error}");
                told.notified().await;
            }
            println!("kept {number}");
        }
    });
}

/// Starts Alice, kills her after so long, from her start (`early`) or from when she is ready; gives the last message that
/// she said was kept.
fn run_and_kill(url: &str, folder: &Path, after: Duration, early: bool) -> u64 {
    let mut alice = Command::new(env::current_exe().unwrap())
        .args(["--exact", "alice", "--ignored", "--nocapture"])
        .envs([("BIMIP_CRASH_URL", url), ("BIMIP_CRASH_FOLDER", folder.to_str().unwrap())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(alice.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(early || lines.any(|line| line.ends_with("ready")), "her store cannot be opened");
    let killer = thread::spawn(move || {
        thread::sleep(after);
        alice.kill().unwrap();
        alice.wait().unwrap()
    });
    let kept = lines.filter_map(|line| line.strip_prefix("kept ")?.parse().ok()).last().unwrap_or_default();
    assert!(!killer.join().unwrap().success(), "she ended by herself");
    kept
}

// MISSION A6 L3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_killed_loses_nothing_and_doubles_nothing() {
    let crashes = env::var("BIMIP_CRASHES").map_or(CRASHES, |text| text.parse().unwrap());
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    println!("seed {seed}");
    let server = Server::builder().storage(MemoryStorage::new()).authenticate(OpenAuth).start().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    tokio::spawn(server.clone().serve_http(listener));
    let folder = TempDir::new().unwrap();

    let (bob, mut to_bob) = Client::builder(device("bob", "phone")).server(&url).start().await.unwrap();
    tokio::spawn(async move { while to_bob.next_event().await.unwrap().is_some() {} });
    let (mut draws, mut kept, mut said) = (u64::from(seed) | 1, 0, 0);
    for _ in 0..crashes {
        draws ^= draws << 13;
        draws ^= draws >> 7;
        draws ^= draws << 17;
        let (url, folder) = (url.clone(), folder.path().to_owned());
        let (after, early) = (Duration::from_millis(draws % 150), draws & (1 << 40) != 0);
        let alice = tokio::task::spawn_blocking(move || run_and_kill(&url, &folder, after, early));
        for _ in 0..20 {
            said += 1;
            bob.send_text(address("alice"), &said.to_string()).await.unwrap();
        }
        kept = alice.await.unwrap().max(kept);
    }

    // She comes back for the last time, and is left in peace until everything is said.
    let store = DiskStore::open(folder.path()).unwrap();
    let builder = Client::builder(device("alice", "phone")).store(store).server(&url);
    let (alice, mut events) = builder.start().await.unwrap();
    let begin = Instant::now();
    let lines = loop {
        let lines = history(&alice, "bob").await;
        let settled = lines.iter().all(|line| line.progress != Progress::Sending);
        if settled && numbers(&lines, false).len() as u64 >= said {
            break lines;
        }
        assert!(begin.elapsed() < PATIENCE, "something is missing: {} lines", lines.len());
        let _ = tokio::time::timeout(Duration::from_secs(1), events.next_event()).await;
    };
    let written = numbers(&lines, true);
    println!("{crashes} crashes, {} messages sent and {said} received", written.len());
    assert!(written.len() as u64 >= kept, "what was kept is there: {} of {kept}", written.len());
    assert!(written.iter().copied().eq(1..=written.len() as u64), "once, in order");
    assert!(numbers(&lines, false).into_iter().eq(1..=said), "once, in order");
    let positions: Vec<Position> = lines.iter().map(|line| line.position).collect();
    assert!(positions.is_sorted());

    // What others have of her is the same.
    let witness = Client::builder(device("bob", "witness")).server(&url);
    let (witness, mut to_witness) = witness.start().await.unwrap();
    let mut seen = Vec::new();
    let watch = async {
        while seen.len() < written.len() {
            if let Event::Message(line) = to_witness.next_event().await.unwrap().unwrap()
                && !line.mine
            {
                seen.push(line.text().unwrap().parse::<u64>().unwrap());
            }
        }
    };
    tokio::time::timeout(PATIENCE, watch).await.expect("the server has all of them");
    assert_eq!(seen, written);
    assert_eq!(numbers(&history(&witness, "alice").await, false), written);
    server.shutdown().await;
}
