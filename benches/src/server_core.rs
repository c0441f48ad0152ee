//! `bench core`: one message through the core and the ledger, without sockets and without a store.
//!
//! A turn is what a node does with one batch: each sender says some drafts, the tickets are settled, the proofs go
//! back to the core, which answers the senders and delivers to the receivers; these dispose of their rows, and the
//! senders of the receipts.

mod shelf;

use std::convert::Infallible;
use std::sync::Arc;

use bimip_proto::{
    Address, Body, BodyKind, Caps, ClientPacket, ClientRef, Device, DeviceName, Draft, Entry, Form, IdError,
    Now, Offset, Said, ServerPacket, UserId,
};
use bimip_session::Machine;
use bimip_session::ledger::{Committed, Failed, Outgoing, Settlement, Ticket, settle};
use bimip_session::server::{Attachment, Config, ConnId, Grant, Input, Output, ServerCore};
use bytes::Bytes;

use self::shelf::Shelf;
use crate::alloc;
use crate::args::Args;
use crate::machine::thread_ns;
use crate::report::{Report, Table};
use crate::stats::{Spread, digits};

const ROUNDS: usize = 7;
const PAIRS: usize = 64;
/// Drafts of one batch of one sender.
const DRAFTS: usize = 32;
/// Messages that are settled together, as the server's commit thread does.
const SETTLED: usize = 256;
const TURNS: usize = 40;
const BODY_BYTES: usize = 150;

/// The steps of a message, each with the time and the allocations it took.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Core: drafts to tickets.
    Send,
    /// Ledger: tickets to writes and proofs.
    Settle,
    /// Core: proofs to answers and deliveries.
    Prove,
    /// Core: disposals to tickets.
    Dispose,
    /// Ledger: disposals to cursors and receipts.
    SettleDispose,
    /// Core: their proofs to answers and receipts.
    ProveDispose,
}

const STEPS: [(Step, &str, &str); 6] = [
    (Step::Send, "core", "drafts become tickets"),
    (Step::Settle, "settle", "tickets of messages become writes and proofs"),
    (Step::Prove, "core", "proofs become answers and deliveries"),
    (Step::Dispose, "core", "disposals of rows and receipts become tickets"),
    (Step::SettleDispose, "settle", "disposals become cursors and receipts"),
    (Step::ProveDispose, "core", "their proofs become answers and receipts"),
];

/// One round: time and allocations of each step.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    spent_ns: [u64; STEPS.len()],
    allocs: [u64; STEPS.len()],
    messages: u64,
}

impl Round {
    fn us(&self, step: usize) -> f64 {
        self.spent_ns[step] as f64 / 1e3 / self.messages as f64
    }

    fn allocations(&self, step: usize) -> f64 {
        self.allocs[step] as f64 / self.messages as f64
    }

    fn us_of(&self, part: &str) -> f64 {
        (0..STEPS.len()).filter(|step| STEPS[*step].1 == part).map(|step| self.us(step)).sum()
    }
}

pub(crate) fn run(args: &Args, report: &mut Report) -> Result<(), String> {
    let rounds = args.rounds_or(ROUNDS);
    let mut house = House::open()?;
    // The first turns fill tables and warm up.
    house.turns(TURNS / 4)?;
    house.round = Round::default();
    let mut done = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        house.turns(TURNS)?;
        done.push(std::mem::take(&mut house.round));
    }

    report.heading("Core and ledger");
    report.say(&format!(
        "µs of one thread for one message of {BODY_BYTES} bytes: {PAIRS} pairs, {DRAFTS} drafts in a batch, {SETTLED} \
         settled together, a dispose for every {DRAFTS} rows; median of {rounds} rounds (min–max). No sockets, no \
         codec, and a view in memory that keeps only what settling reads."
    ));
    let mut table = Table::new(&["step", "part", "µs / message", "allocs / message"]);
    for (step, (_, part, name)) in STEPS.iter().enumerate() {
        let us = Spread::over(&done, |round| round.us(step)).to_string();
        let allocs = digits(Spread::over(&done, |round| round.allocations(step)).median);
        table.row([(*name).to_owned(), (*part).to_owned(), us, allocs]);
    }
    for part in ["core", "settle"] {
        let us = Spread::over(&done, |round| round.us_of(part)).to_string();
        table.row(["sum".to_owned(), part.to_owned(), us, String::new()]);
    }
    let all = Spread::over(&done, |round| round.us_of("core") + round.us_of("settle")).to_string();
    let allocs = |round: &Round| (0..STEPS.len()).map(|step| round.allocations(step)).sum();
    let allocs = digits(Spread::over(&done, allocs).median);
    table.row(["sum".to_owned(), "both".to_owned(), all, allocs]);
    report.table(&table);
    let bars: Vec<(String, f64)> = STEPS
        .iter()
        .enumerate()
        .map(|(step, (_, part, name))| {
            (format!("{part}: {name}"), Spread::over(&done, |round| round.us(step)).median)
        })
        .collect();
    report.bars("µs / message", &bars);
    Ok(())
}

/// A core, its view, and the pairs that use it.
struct House {
    core: ServerCore,
    shelf: Shelf,
    now: Now,
    round: Round,
    drafts: u64,
    /// The last row sent to each connection, and how many wait for its disposal.
    rows: Vec<(Offset, usize)>,
    tickets: Vec<Ticket>,
    accepted: u64,
    delivered: u64,
}

/// The connection of a pair's sender; the receiver's is the next.
const fn sender(pair: usize) -> ConnId {
    ConnId(2 * pair as u64)
}

impl House {
    fn open() -> Result<Self, String> {
        let mut house = Self {
            core: ServerCore::new(Config::default()),
            shelf: Shelf::new(),
            now: Now { mono_ms: 1, unix_ms: 1_763_652_000_000 },
            round: Round::default(),
            drafts: 0,
            rows: vec![(Offset::ZERO, 0); 2 * PAIRS],
            tickets: Vec::new(),
            accepted: 0,
            delivered: 0,
        };
        for index in 0..2 * PAIRS {
            let (conn, grant) = (ConnId(index as u64), Grant::new(device(index)));
            house.core.handle_input(house.now, Input::Opened { conn, caps: Caps::FULL, grant: Some(grant) });
            let attachment = Attachment {
                epoch: 1,
                session: 0,
                cursor: Offset::ZERO,
                first: Offset(1),
                head: Offset::ZERO,
                sequence: 0,
                groups: Vec::new(),
                listens: Vec::new(),
                standing: Arc::default(),
                contacts: Vec::new(),
                behind: false,
                blocked: Arc::default(),
            };
            house.core.handle_input(house.now, Input::Attached(conn, Some(attachment)));
        }
        house.outputs()?;
        Ok(house)
    }

    fn turns(&mut self, turns: usize) -> Result<(), String> {
        for _ in 0..turns {
            self.turn()?;
        }
        let sent = self.drafts;
        if (self.accepted, self.delivered) == (sent, sent) {
            return Ok(());
        }
        Err(format!("{sent} drafts became {} answers and {} deliveries", self.accepted, self.delivered))
    }

    fn turn(&mut self) -> Result<(), String> {
        self.now = Now { mono_ms: self.now.mono_ms + 1, unix_ms: self.now.unix_ms + 1 };
        let said: Vec<Vec<Said>> = (0..PAIRS).map(|pair| self.drafts(pair)).collect();
        self.round.messages += (PAIRS * DRAFTS) as u64;
        self.step(Step::Send, |house| {
            for (pair, said) in said.into_iter().enumerate() {
                house.core.handle_input(house.now, Input::Packets(sender(pair), said));
            }
            house.outputs()
        })?;
        self.commit(Step::Settle, Step::Prove)?;
        // Receivers dispose of messages, then senders of the receipts that this makes.
        for _ in 0..2 {
            let disposals = self.disposals();
            self.step(Step::Dispose, |house| {
                for (conn, said) in disposals {
                    house.core.handle_input(house.now, Input::Packets(conn, vec![said]));
                }
                house.outputs()
            })?;
            self.commit(Step::SettleDispose, Step::ProveDispose)?;
        }
        Ok(())
    }

    /// Settles what waits, batch by batch, and hands the proofs to the core.
    fn commit(&mut self, settling: Step, proving: Step) -> Result<(), String> {
        let mut waiting = std::mem::take(&mut self.tickets);
        while !waiting.is_empty() {
            let rest = waiting.split_off(SETTLED.min(waiting.len()));
            let batch = std::mem::replace(&mut waiting, rest);
            let settlement = self.step(settling, |house| settled(batch, &house.shelf));
            // What a store does with the writes is not the ledger's time.
            self.shelf.apply(settlement.writes());
            let proofs: Vec<Committed> = self.step(settling, |_| settlement.committed());
            self.step(proving, |house| {
                for proof in proofs {
                    house.core.handle_input(house.now, Input::Committed(proof));
                }
                house.outputs()
            })?;
        }
        Ok(())
    }

    fn step<R>(&mut self, step: Step, work: impl FnOnce(&mut Self) -> R) -> R {
        let (start, before) = (thread_ns(), alloc::count());
        let result = work(self);
        self.round.spent_ns[step as usize] += thread_ns() - start;
        self.round.allocs[step as usize] += alloc::count() - before;
        result
    }

    /// Takes what the core wants done, as a driver would.
    fn outputs(&mut self) -> Result<(), String> {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(conn, outgoing) => self.sent(conn, outgoing),
                Output::Commit(ticket) => self.tickets.push(ticket),
                Output::Attach(..) => {}
                // Nobody of these has a conversation yet when the first one is asked about.
                Output::Contacts(user) => {
                    self.core.handle_input(self.now, Input::Contacts(user, Some(Vec::new())));
                }
                other => {
                    return Err(format!("the core wants something that this bench does not give: {other:?}"));
                }
            }
        }
        Ok(())
    }

    fn sent(&mut self, conn: ConnId, outgoing: Outgoing) {
        match outgoing.into_packet() {
            ServerPacket::Accepted { .. } => self.accepted += 1,
            ServerPacket::Deliver(row) => {
                self.delivered += u64::from(matches!(*row.entry, Entry::Message(_)));
                let at = usize::try_from(conn.0).unwrap_or_default();
                self.rows[at] = (row.offset, self.rows[at].1 + 1);
            }
            _ => {}
        }
    }

    fn disposals(&mut self) -> Vec<(ConnId, Said)> {
        let waiting = self.rows.iter_mut().enumerate().filter(|(_, (_, rows))| *rows > 0);
        let disposals = waiting.map(|(at, (offset, rows))| {
            *rows = 0;
            (ConnId(at as u64), Said::from(ClientPacket::Dispose(*offset)))
        });
        disposals.collect()
    }

    fn drafts(&mut self, pair: usize) -> Vec<Said> {
        let to = device(2 * pair + 1).user;
        let body = Bytes::from(vec![b'x'; BODY_BYTES]);
        let drafts = (0..DRAFTS).map(|_| {
            self.drafts += 1;
            let body = Body { kind: BodyKind::Text, form: Form::Text, bytes: body.clone(), seal: None };
            let client_ref = Some(made(ClientRef::new(&format!("c{:020}", self.drafts))));
            Said::from(ClientPacket::Send(Draft {
                client_ref,
                to: Address::User(to.clone()),
                client_time: None,
                body,
            }))
        });
        drafts.collect()
    }
}

fn settled(batch: Vec<Ticket>, shelf: &Shelf) -> Settlement {
    let settled: Result<_, (Vec<Failed>, Infallible)> = settle(batch, shelf);
    let Ok(settlement) = settled;
    settlement
}

fn device(index: usize) -> Device {
    Device::new(made(UserId::new(&format!("bench_user_{index:04}"))), made(DeviceName::new("phone")))
}

fn made<T>(id: Result<T, IdError>) -> T {
    id.expect("a constant that is an id")
}
