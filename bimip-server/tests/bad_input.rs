//! What the server says to bad input, one row for each case: the answer, whether the connection stays, and the
//! counter that moves. `cargo test --test bad_input -- --nocapture` prints the table.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "bad_input/phone.rs"]
mod phone;
#[path = "support/support.rs"]
mod support;
#[path = "bad_input/walkie.rs"]
mod walkie;

use std::collections::BTreeMap;

use bimip_codec::Dialect::{self, Scheme};
use support::{Running, Wire, msgpack, protobuf};

/// One case.
struct Row {
    name: &'static str,
    dialect: Dialect,
    who: Who,
    sends: Sends,
    /// Every frame that comes back, in words.
    answers: Vec<String>,
    then: Then,
    /// Every one of [`WATCHED`] that moves, and by how much.
    moves: &'static [(&'static str, u64)],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Ann, signed in by headers.
    Ann,
    /// Nobody yet.
    Stranger,
}

enum Sends {
    Frame(Vec<u8>),
    Text(&'static str),
    /// The same frame, so many times.
    Times(usize, Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// A ping is answered afterwards; a stranger can still sign in.
    Stays,
    Closed(Option<u16>),
}

/// Counters that must not move unless a row says so; and all whose name begins with `fault_`.
const WATCHED: [&str; 7] =
    ["accepted", "rejected", "sign_in_refused", "strikes_closed", "talks", "text_frames", "oversize_frames"];

impl std::fmt::Display for Then {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stays => f.write_str("stays"),
            Self::Closed(Some(code)) => write!(f, "closed, {code}"),
            Self::Closed(None) => f.write_str("closed without a code"),
        }
    }
}

#[tokio::test]
async fn every_row_of_the_table_holds() {
    println!("| dialect | case | answer | connection | counters |\n|---|---|---|---|---|");
    let rows = walkie::rows().into_iter().chain(phone::rows());
    for row in rows {
        let shown = format!("{} | {}", row.dialect, row.name);
        let (answers, then, moved) = play(&row).await;
        let moved: Vec<String> = moved.iter().map(|(name, by)| format!("{name} +{by}")).collect();
        let expected: Vec<String> = row.moves.iter().map(|(name, by)| format!("{name} +{by}")).collect();
        println!("| {shown} | {} | {} | {} |", in_short(&answers), then, moved.join(", "));
        assert_eq!(answers, row.answers, "{shown}");
        assert_eq!(then, row.then, "{shown}");
        assert_eq!(moved, expected, "{shown}");
    }
}

/// Plays a row against a server of its own.
async fn play(row: &Row) -> (Vec<String>, Then, BTreeMap<String, u64>) {
    let running = Running::start().await;
    let mut wire = connect(&running, row).await;
    let before = watched(&running).await;
    match &row.sends {
        Sends::Frame(frame) => wire.send_large(frame.clone()).await,
        Sends::Text(text) => wire.send_text(text).await,
        Sends::Times(times, frame) => {
            for _ in 0..*times {
                wire.send_large(frame.clone()).await;
            }
        }
    }
    // The connection may be gone already; then this is lost, and that is seen below.
    let (ping, pong) = heartbeat(row);
    wire.send_large(ping).await;
    let (mut answers, mut alive) = (Vec::new(), false);
    let then = loop {
        // What is committed is answered later than a ping; everything else before it.
        if alive && answers.len() >= row.answers.len() {
            break Then::Stays;
        }
        match wire.next().await {
            Ok(frame) => match words(row.dialect, &frame) {
                words if settle(&words) == pong => alive = true,
                words => answers.push(settle(&words)),
            },
            Err(code) => break Then::Closed(code),
        }
    };
    let mut moved = watched(&running).await;
    if row.who == Who::Stranger && then == Then::Stays {
        // That was the ping.
        *moved.entry("fault_out_of_place".to_owned()).or_default() -= 1;
    }
    moved.retain(|name, count| {
        *count -= before[name];
        *count > 0
    });
    if row.who == Who::Stranger && then == Then::Stays {
        wire.send(phone::sign_in("ann", "ann")).await;
        let welcome = wire.next().await.unwrap();
        assert!(words(Scheme, &welcome).starts_with("{1:16 "), "{}: no welcome", row.name);
    }
    (answers, then, moved)
}

/// The same answer many times is shown once.
fn in_short(answers: &[String]) -> String {
    let runs = answers.chunk_by(PartialEq::eq).map(|run| match run.len() {
        1 => run[0].clone(),
        times => format!("{times} × {}", run[0]),
    });
    let shown = runs.collect::<Vec<_>>().join(" ");
    if shown.is_empty() { "none".to_owned() } else { shown }
}

async fn connect(running: &Running, row: &Row) -> Wire {
    match (row.dialect, row.who) {
        (Scheme, Who::Stranger) => running.knock("/bimip", &[]).await.unwrap().0,
        (Scheme, Who::Ann) => {
            let headers = [("token", "ann"), ("device_id", "phone")];
            let mut wire = running.knock("/bimip", &headers).await.unwrap().0;
            let welcome = wire.next().await.unwrap();
            assert!(words(Scheme, &welcome).starts_with("{1:16 "), "no welcome");
            wire
        }
        _ => {
            let mut wire = running.walkie("ann").await;
            let (ping, pong) = heartbeat(row);
            wire.send(ping).await;
            assert_eq!(wire.words().await, pong);
            wire
        }
    }
}

/// A question that shows that the connection lives, and its answer.
fn heartbeat(row: &Row) -> (Vec<u8>, String) {
    match (row.dialect, row.who) {
        (Scheme, Who::Stranger) => (phone::ping(), r#"{1:11 11:{1:405 2:3 3:"sign in first"}}"#.to_owned()),
        (Scheme, Who::Ann) => {
            (phone::ping(), r#"{1:3 3:{1:"after" 2:{1:"ann" 2:"phone"} 3:2 4:<ms>}}"#.to_owned())
        }
        _ => (walkie::ping(), r#"[1,26,0,"ann","after"]"#.to_owned()),
    }
}

async fn watched(running: &Running) -> BTreeMap<String, u64> {
    let counters = running.counters().await.into_iter();
    counters.filter(|(name, _)| name.starts_with("fault_") || WATCHED.contains(&name.as_str())).collect()
}

fn words(dialect: Dialect, frame: &[u8]) -> String {
    if dialect == Scheme { protobuf::words(frame) } else { msgpack::words(frame) }
}

/// Ids and times differ from run to run.
fn settle(words: &str) -> String {
    let mut settled = String::new();
    for part in words.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
        let (body, end) = part.split_at(part.len() - part.chars().last().map_or(0, char::len_utf8));
        let is_time = body.len() == 13 && body.bytes().all(|byte| byte.is_ascii_digit());
        let is_id = body.len() == 20 && body.bytes().all(|byte| byte.is_ascii_alphanumeric());
        match body.rsplit_once('_') {
            Some((kept, time)) if time.len() == 13 => settled.extend([kept, "_<ms>"]),
            _ if is_time => settled.push_str("<ms>"),
            _ if is_id => settled.push_str("<id>"),
            _ => settled.push_str(body),
        }
        settled.push_str(end);
    }
    settled
}
