//! An app's own model in the simulated world: does a chat's screen show the right ticks whatever goes wrong?
//!
//! [`Screen`] is what an app might draw: the texts it was sent, and its own with one tick (sent), two (delivered), or
//! two blue ones (read). It crashes, comes back from what its store had synced, and at the end is compared with what the
//! server's disk says. Run it with `cargo run -p bimip-session --features sim --example simulate`; give a number to run
//! that many seeds. Make a mistake in `Screen` and see how soon it is found.
#![allow(clippy::print_stdout, reason = "an example")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use bimip_proto::{Entry, MessageId, Status};
use bimip_session::client::Event;
use bimip_session::ledger::View;
use bimip_session::sim::{Bot, Hand, Plan, Rest, World};

/// Received messages in order, and how far each of one's own is.
#[derive(Debug, Default)]
struct Screen {
    received: Vec<MessageId>,
    sent: BTreeMap<MessageId, Status>,
    /// What was said about a message before this device learned that it was sent: receipts may come first.
    early: BTreeMap<MessageId, Status>,
}

impl Screen {
    fn show(&mut self, entry: &Entry) {
        match entry {
            Entry::Message(message) => self.received.push(message.head.id),
            Entry::Receipt(receipt) => {
                for names in &receipt.messages {
                    let ticks = self.sent.get_mut(&names.id);
                    let ticks = ticks.unwrap_or_else(|| self.early.entry(names.id).or_insert(Status::Sent));
                    *ticks = receipt.status.max(*ticks);
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, id: MessageId) {
        let status = self.early.remove(&id).unwrap_or(Status::Sent);
        self.sent.entry(id).or_insert(status);
    }
}

impl Bot for Screen {
    fn start(&mut self, hand: &mut Hand<'_>) {
        for (id, _) in hand.all_kept() {
            self.sent.extend(id.parse().map(|id: MessageId| (id, Status::Sent)));
        }
        for (_, entry) in hand.rows() {
            self.show(entry);
        }
    }

    fn event(&mut self, hand: &mut Hand<'_>, event: &Event) {
        match event {
            Event::Received(row) => self.show(&row.entry),
            Event::Sent { head, .. } => {
                // A device is not sent its own messages, so it has to remember them.
                hand.keep(&head.id.to_string(), "");
                self.tick(head.id);
            }
            _ => {}
        }
    }

    fn at_rest(&self, rest: &Rest<'_>) -> Result<(), String> {
        let mut truth =
            Self { sent: self.sent.keys().map(|id| (*id, Status::Sent)).collect(), ..Self::default() };
        for (_, entry) in rest.mailbox {
            match &**entry {
                Entry::Message(message) if message.head.from == *rest.device => {}
                // What this device said about messages of others is no row of its own.
                Entry::Receipt(receipt) if receipt.by == *rest.device => {}
                entry => truth.show(entry),
            }
        }
        // This screen goes on showing what is deleted, if it came before that.
        let stays = |id: &&MessageId| {
            let Ok(revised) = rest.disk.revised(id.sequence());
            !revised.deleted
        };
        if !self.received.iter().filter(stays).eq(truth.received.iter().filter(stays)) {
            return Err(format!("shows {} messages, not {}", self.received.len(), truth.received.len()));
        }
        let wrong = self.sent.iter().find(|(id, status)| truth.sent.get(id) != Some(*status));
        wrong.map_or(Ok(()), |(id, status)| {
            Err(format!("shows {id} as {status:?}, not {:?}", truth.sent.get(id)))
        })
    }
}

fn main() -> ExitCode {
    let seeds = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(200);
    for seed in 0..seeds {
        let mut world = World::new(seed, Plan::gate()).with_bots(|device| {
            // A walkie-talkie has no ticks.
            (device.name.as_str() != "voiceping").then(|| Box::<Screen>::default() as Box<dyn Bot>)
        });
        world.run();
        if !world.violations().is_empty() {
            println!("seed {seed}: {:#?}", world.violations());
            return ExitCode::FAILURE;
        }
    }
    println!("{seeds} worlds, and every screen was right at the end");
    ExitCode::SUCCESS
}
