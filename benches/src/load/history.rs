//! Pages of what is stored, out of millions of messages: from the disk and from memory, alone and asked by many at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bimip_codec::scheme::v1::{Group, Query};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::ask::{Seat, signed_in};
use super::block_on;
use super::child::{Kind, Program, Running};
use super::clock;
use super::fill::{self, Fill};
use super::frames::{BODY_BYTES, Draft, identity};
use super::pair::{Pace, Pair, Phase, Shared, Tongue};
use crate::args::Args;
use crate::machine;
use crate::report::{Report, Table, goal};
use crate::stats::{Histogram, Spread, digits};

/// The user with all the conversations.
const ANN: &str = "bench_ann";
/// A group whose messages are rows of its members, and one that has a feed, each of it with a hundredth of the messages.
const SMALL: &str = "bench_small";
const SMALL_MEMBERS: u32 = 16;
const LARGE: &str = "bench_large";
const LARGE_MEMBERS: u32 = 300;
const AT_ONCE: u32 = 250;
/// Rows of a page.
const PAGE: u32 = 50;
/// Pages of each kind that are asked for, one after the other.
const PAGES: u64 = 1_000;
const LIST: &str = "20 conversations, the newest";
/// Of a page of messages, the 99th of a hundred.
const GOAL_MS: f64 = 5.0;
/// Devices that ask for lists while others ask for pages.
const LISTERS: u32 = 50;
/// Until the store is filled.
const FILL: Duration = Duration::from_secs(900);
/// Between two who sign in while others ask.
const KNOCK: Duration = Duration::from_millis(20);
const CREATE: i32 = 1;
const ADD: i32 = 4;

pub(super) fn history(args: &Args, program: &Program, report: &mut Report) -> Result<(), String> {
    let (peers, time) = (args.readers, args.seconds_or(5));
    let each = (args.messages_or(2_000_000) / u64::from(peers)).max(u64::from(2 * PAGE));
    eprint!("history: filling …");
    let running = program.start(Kind::Server)?;
    let (all, in_group) = block_on(fill(running.address(), peers, each, args.window))?;
    let store = running.data().map_or(Ok(0), machine::disk_bytes);
    let store = store.map_err(|error| format!("the size of the store: {error}"))?;
    report.say(&format!(
        "### History\n\n{all} messages of {BODY_BYTES} bytes, {} MiB on the disk: {peers} conversations of two with one user, of \
         {each} messages each, a group of {SMALL_MEMBERS} and one of {LARGE_MEMBERS} members with {in_group} each. That user asks \
         for pages of {PAGE}, {PAGES} of each kind one after the other, at places far apart; first after the server was started \
         again and its files were put out of memory, then the same once more.",
        store / 1_048_576
    ));
    eprint!(" starting again, and asking …");
    let running = program.restart(running)?;
    if let Some(data) = running.data() {
        machine::forget_files(data).map_err(|error| format!("files stay in memory: {error}"))?;
    }
    let cold = block_on(pages(running.address(), peers, each, in_group))?;
    let warm = block_on(pages(running.address(), peers, each, in_group))?;
    let mut table = Table::new(&["", "from disk, p50 ms", "p99 ms", "again, p50 ms", "p99 ms"]);
    let mut worst = 0.0_f64;
    for ((name, cold), (_, warm)) in cold.iter().zip(&warm) {
        let numbers = [cold.ms(50.0), cold.ms(99.0), warm.ms(50.0), warm.ms(99.0)];
        if *name != LIST {
            worst = numbers.into_iter().fold(worst, f64::max);
        }
        let columns = ["from disk, p50 ms", "from disk, p99 ms", "again, p50 ms", "again, p99 ms"];
        for (column, number) in columns.into_iter().zip(numbers) {
            report.record("history", "bimip-server", &format!("{name}: {column}"), Spread::of(vec![number]));
        }
        table.row(std::iter::once((*name).to_owned()).chain(numbers.map(digits)));
    }
    report.table(&table);
    let bars: Vec<(String, f64)> =
        cold.iter().map(|(name, cold)| ((*name).to_owned(), cold.ms(99.0))).collect();
    report.bars("history: from disk, p99 ms", &bars);
    report.say(&format!("Goal: p99 of every page of messages ≤ {GOAL_MS} ms: {}.", goal(worst <= GOAL_MS)));
    eprintln!();
    crowd(&running, peers, each, time, report)?;
    running.stop()
}

fn peer(index: u32) -> String {
    format!("bench_peer_{index:04}")
}

/// Fills the store. How many messages there are, and how many in each group.
async fn fill(address: SocketAddr, peers: u32, each: u64, window: u64) -> Result<(u64, u64), String> {
    for (name, members) in [(SMALL, SMALL_MEMBERS), (LARGE, LARGE_MEMBERS)] {
        let mut owner = Seat::take(address, &format!("{name}_owner"), "phone").await?;
        let group = Group { group: name.to_owned(), title: Some(name.to_owned()), ..Group::default() };
        owner.manage(Group { action: CREATE, ..group.clone() }).await?;
        let everybody = std::iter::once(ANN.to_owned()).chain((2..members).map(|at| format!("{name}_{at}")));
        let everybody: Vec<String> = everybody.collect();
        for users in everybody.chunks(usize::try_from(AT_ONCE).unwrap_or(1)) {
            owner.manage(Group { action: ADD, users: users.to_vec(), title: None, ..group.clone() }).await?;
        }
    }
    let all = each * u64::from(peers);
    let in_group = (all / 100).max(u64::from(2 * PAGE));
    let stored = Arc::new(AtomicU64::new(0));
    let mut fills = Vec::new();
    let mut add = async |from: String, draft: Draft, each: u64| -> Result<(), String> {
        let peer = signed_in(address, &from, "phone").await?;
        fills.push(Fill { peer, drafts: vec![draft], each, window, stored: Arc::clone(&stored) });
        Ok(())
    };
    for index in 0..peers {
        let from = peer(index);
        let draft = Draft::new(&from, "phone", ANN);
        add(from, draft, each).await?;
    }
    for name in [SMALL, LARGE] {
        let from = format!("{name}_owner");
        let draft = Draft::to_group(&from, "phone", name);
        add(from, draft, in_group).await?;
    }
    let all = all + 2 * in_group;
    fill::all(fills, &stored, all, FILL).await?;
    Ok((all, in_group))
}

/// Messages of a conversation, next to a place.
fn messages(of: &str, group: bool, before: Option<u64>, after: Option<u64>) -> Query {
    let question = Query { ask: 1, before, after, limit: PAGE, ..Query::default() };
    if group {
        Query { conversation: format!("g:{of}"), ..question }
    } else {
        Query { to: Some(identity(of, None)), ..question }
    }
}

/// A place with a page on both sides, far from that of the number before.
fn place(number: u64, of: u64) -> u64 {
    let page = u64::from(PAGE);
    page + 1 + number * 7_919 % (of - 2 * page).max(1)
}

type Timed = Vec<(&'static str, Histogram)>;

/// Asks for pages of every kind, one after the other.
async fn pages(address: SocketAddr, peers: u32, each: u64, in_group: u64) -> Result<Timed, String> {
    let mut ann = Seat::take(address, ANN, "phone").await?;
    let name = |number: u64| peer(u32::try_from(number * 77 % u64::from(peers)).unwrap_or_default());
    let kinds: [(&'static str, &dyn Fn(u64) -> Query); 6] = [
        ("of two, the newest", &|number| messages(&name(number), false, None, None)),
        ("of two, before a place", &|number| messages(&name(number), false, Some(place(number, each)), None)),
        ("of two, after a place", &|number| messages(&name(number), false, None, Some(place(number, each)))),
        ("small group, before a place", &|number| messages(SMALL, true, Some(place(number, in_group)), None)),
        ("large group, before a place", &|number| messages(LARGE, true, Some(place(number, in_group)), None)),
        (LIST, &|_| Query { ask: 3, limit: 20, ..Query::default() }),
    ];
    let mut timed = Vec::new();
    for (kind, question) in kinds {
        let mut times = Histogram::new();
        for number in 0..PAGES {
            let question = question(number);
            let (ns, answer) = ann.ask(question.clone()).await?;
            check(&question, &answer).map_err(|error| format!("{kind}: {error}"))?;
            times.add(ns);
        }
        timed.push((kind, times));
    }
    Ok(timed)
}

/// Whether an answer has the rows that it has to have.
fn check(question: &Query, answer: &Query) -> Result<(), String> {
    let rows = u32::try_from(answer.rows.len()).unwrap_or(u32::MAX);
    let places =
        answer.rows.iter().map(|row| row.message.as_ref().map_or(0, |message| message.conversation_seq));
    let places: Vec<u64> = places.collect();
    // A list has at most as many as there are conversations; a page is full wherever this program asks.
    if rows == 0 || rows > question.limit || (question.ask == 1 && rows != question.limit) {
        return Err(format!("{rows} rows instead of {}", question.limit));
    }
    let page = u64::from(PAGE);
    let first = question.before.map(|before| before - page).or_else(|| question.after.map(|after| after + 1));
    let in_order = places.windows(2).all(|two| two[0] + 1 == two[1]);
    if question.ask == 1 && (!in_order || first.is_some_and(|first| places[0] != first)) {
        return Err(format!("places {places:?}"));
    }
    Ok(())
}

/// What those wait for who do something else.
struct Bystanders {
    deliveries: Histogram,
    sign_ins: Histogram,
}

/// Many ask at once, while somebody writes and others sign in.
fn crowd(
    running: &Running,
    peers: u32,
    each: u64,
    time: Duration,
    report: &mut Report,
) -> Result<(), String> {
    let address = running.address();
    let quiet = block_on(bystanders(address, "quiet", time))?;
    let before = running.usage();
    let (busy, pages, lists) = block_on(async {
        // Everybody is there before anybody asks.
        let (mut here, mut devices) = (Vec::new(), Vec::new());
        for index in 0..peers {
            here.push((index, Seat::take(address, &peer(index), "phone").await?));
        }
        for index in 0..LISTERS {
            devices.push(Seat::take(address, ANN, &format!("tablet {index}")).await?);
        }
        let ends = clock::ns() + clock::to_ns(time + time / 5);
        let (mut askers, mut listers) = (JoinSet::new(), JoinSet::new());
        for (index, seat) in here {
            askers.spawn(ask_until(seat, ends, u64::from(index) * 31, move |number| {
                messages(ANN, false, Some(place(number, each)), None)
            }));
        }
        for seat in devices {
            listers.spawn(ask_until(seat, ends, 0, |_| Query { ask: 3, limit: 20, ..Query::default() }));
        }
        let busy = bystanders(address, "busy", time).await?;
        Ok((busy, all_of(askers).await?, all_of(listers).await?))
    })?;
    let (answers, seconds) = (pages.count() + lists.count(), (time + time / 5).as_secs_f64());
    let cpu = (running.usage().cpu_s() - before.cpu_s()) * 1e3 / answers as f64;
    let rate = |count: u64| count as f64 / seconds;
    report.say(&format!(
        "{peers} clients ask for pages of {PAGE} of their own conversations without a pause, and {LISTERS} devices of the one user for \
         20 conversations, each with more than a hundred unread messages, for {seconds} s. Meanwhile 200 messages / s go from one \
         user to another, and every {} ms somebody signs in.",
        KNOCK.as_millis()
    ));
    let mut table = Table::new(&["", "alone", "beside them"]);
    let rows: [(&str, Option<f64>, f64); 11] = [
        ("pages / s", None, rate(pages.count())),
        ("lists / s", None, rate(lists.count())),
        ("processor s / 1000 answers", None, cpu),
        ("a list, p50 ms", None, lists.ms(50.0)),
        ("a list, p99 ms", None, lists.ms(99.0)),
        ("a page, p50 ms", None, pages.ms(50.0)),
        ("a page, p99 ms", None, pages.ms(99.0)),
        ("send to delivery, p50 ms", Some(quiet.deliveries.ms(50.0)), busy.deliveries.ms(50.0)),
        ("send to delivery, p99 ms", Some(quiet.deliveries.ms(99.0)), busy.deliveries.ms(99.0)),
        ("sign-in, p50 ms", Some(quiet.sign_ins.ms(50.0)), busy.sign_ins.ms(50.0)),
        ("sign-in, p99 ms", Some(quiet.sign_ins.ms(99.0)), busy.sign_ins.ms(99.0)),
    ];
    for (name, alone, beside) in rows {
        let cells = [alone.map_or_else(|| "–".to_owned(), digits), digits(beside)];
        for (column, number) in [("alone", alone), ("beside a crowd", Some(beside))] {
            if let Some(number) = number {
                report.record("history", column, name, Spread::of(vec![number]));
            }
        }
        table.row(std::iter::once(name.to_owned()).chain(cells));
    }
    report.table(&table);
    Ok(())
}

/// One of those who ask, one thing after the other.
async fn ask_until(
    mut seat: Seat,
    ends: u64,
    first: u64,
    question: impl Fn(u64) -> Query,
) -> Result<Histogram, String> {
    let mut times = Histogram::new();
    for number in first.. {
        if clock::ns() >= ends {
            break;
        }
        let question = question(number);
        let (ns, answer) = seat.ask(question.clone()).await?;
        check(&question, &answer)?;
        times.add(ns);
    }
    Ok(times)
}

async fn all_of(mut askers: JoinSet<Result<Histogram, String>>) -> Result<Histogram, String> {
    let mut times = Histogram::new();
    while let Some(asked) = askers.join_next().await {
        times.merge(&asked.map_err(|error| format!("somebody who asks failed: {error}"))??);
    }
    Ok(times)
}

/// Somebody writes to somebody else, and others come and go.
async fn bystanders(address: SocketAddr, name: &str, time: Duration) -> Result<Bystanders, String> {
    let shared = Arc::new(Shared::default());
    let (from, into) = (format!("bench_{name}_sender"), format!("bench_{name}_receiver"));
    let peers = (signed_in(address, &from, "phone").await?, signed_in(address, &into, "phone").await?);
    let tongue = Tongue::Bimip(Box::new(Draft::new(&from, "phone", &into)));
    let pace = Pace { first_ns: clock::ns(), every_ns: 5_000_000 };
    let pair = tokio::spawn(Pair::new(Arc::clone(&shared), tongue, peers, 256, Some(pace)).run());
    shared.enter(Phase::Measure);
    let (mut sign_ins, mut visitors) = (Histogram::new(), 0);
    let ends = clock::ns() + clock::to_ns(time);
    while clock::ns() < ends {
        visitors += 1;
        let begun = clock::ns();
        drop(signed_in(address, &format!("bench_{name}_visitor_{visitors}"), "phone").await?);
        sign_ins.add(clock::ns() - begun);
        sleep(KNOCK).await;
    }
    shared.enter(Phase::Drain);
    let tally = pair.await.map_err(|error| format!("a pair failed: {error}"))??;
    Ok(Bystanders { deliveries: tally.deliveries, sign_ins })
}
