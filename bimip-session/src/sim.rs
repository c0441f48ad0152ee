//! A whole world in one thread: clients, network, servers and disks, from one seed.
//!
//! [`World`] drives the real machines: one to three [`ServerCore`](crate::server::ServerCore)s over one disk, and a
//! [`ClientSession`](crate::client::ClientSession) for every device. Everything around them is simulated, and goes wrong:
//!
//! * links delay, break, and die in one direction without a word;
//! * cores crash alone or all at once, and a power cut takes what the disk had not synced;
//! * the disk is full for a while, fails to sync, or cannot be read;
//! * apps crash and forget what they had not synced; some are slow;
//! * wake-ups between cores are lost, doubled and late, and so are timers; the wall clock jumps by up to a day.
//!
//! Apps send, read, talk and ask, edit and delete, make and manage groups, come and go, hide, type and move, whether they may or
//! not.
//!
//! Every choice is drawn from one seed, so that a run can be had again to the byte: with its [story](World::story), or
//! compared by its [digest](World::digest).
//!
//! ```
//! use bimip_session::sim::{Plan, World};
//!
//! let mut world = World::new(7, Plan::gate());
//! world.run();
//! assert_eq!(world.violations(), &[] as &[String]);
//!
//! // A seed that fails on one machine fails on every other.
//! let mut again = World::new(7, Plan::gate()).telling();
//! again.run();
//! assert_eq!(again.digest(), world.digest());
//! assert!(again.story().len() > 1_000);
//! ```
//!
//! # What is checked
//!
//! The [checkers](checker) are apart from the world, and each has one job. They look at what leaves the cores, at what
//! apps are told, at the disk and at the clock; they know nothing of how the machines work. A run in liveness mode stops
//! the faults and must come to rest in time; a run in safety mode is stopped in the midst of them
//! ([`Plan::safety_percent`]). Disks can be told to [lie](Lie): the checkers must notice, or they check nothing.
//!
//! # How much goes wrong
//!
//! | plan | what for |
//! |---|---|
//! | [`gate`](Plan::gate) | every fault in a small world; runs with every build |
//! | [`small`](Plan::small) | the same with less to do |
//! | [`big`](Plan::big) | three cores, 20 users, 2 000 messages; for long runs |
//! | [`calm`](Plan::calm) | nothing goes wrong: what fails here fails in production first |
//! | [`swizzle`](Plan::swizzle) | links stop one by one, and come back in another order |
//! | [`one_slow`](Plan::one_slow) | one device or core is ten times slower than the others |
//!
//! `cargo xtask seeds 10000 --profile big` runs many, `cargo xtask seed 7` tells the story of one.
//!
//! # Your own app in it
//!
//! A [`Bot`] sees the events of its session and says what to do. The world stores rows for it, crashes it, and lets a new
//! one begin from what the old one had [kept](Hand::keep). So a model of what your screen shows, an unread counter or a
//! bot that answers can be run through everything that goes wrong, and say at the end whether it is right.
//!
//! ```
//! use bimip_proto::{Address, Entry};
//! use bimip_session::client::Event;
//! use bimip_session::sim::{Bot, Hand, Plan, Rest, World};
//!
//! /// Counts the messages that others sent, and answers the first.
//! #[derive(Debug, Default)]
//! struct Counter {
//!     count: usize,
//! }
//!
//! impl Bot for Counter {
//!     fn start(&mut self, hand: &mut Hand<'_>) {
//!         // After a crash: what the store still has.
//!         self.count = hand.rows().iter().filter(|(_, row)| matches!(&**row, Entry::Message(_))).count();
//!     }
//!
//!     fn event(&mut self, hand: &mut Hand<'_>, event: &Event) {
//!         let Event::Received(row) = event else { return };
//!         let Entry::Message(message) = &*row.entry else { return };
//!         self.count += 1;
//!         if self.count == 1 {
//!             hand.send(Address::User(message.head.from.user.clone()), "I am here");
//!         }
//!     }
//!
//!     fn at_rest(&self, rest: &Rest<'_>) -> Result<(), String> {
//!         let messages = rest.rows.iter().filter(|(_, row)| matches!(&**row, Entry::Message(_))).count();
//!         if self.count == messages { Ok(()) } else { Err(format!("{} of {messages}", self.count)) }
//!     }
//! }
//!
//! let mut world = World::new(3, Plan::small()).with_bots(|device| {
//!     // Not for walkie-talkies: they are told of some messages twice.
//!     (device.name.as_str() != "voiceping").then(|| Box::<Counter>::default() as Box<dyn Bot>)
//! });
//! world.run();
//! assert_eq!(world.violations(), &[] as &[String]);
//! ```
//!
//! The example `simulate` does that with the model of a chat's screen. A [`Wire`] can take every packet through a codec
//! on its way ([`World::with_wires`]).
//!
//! What is deliberately absent: a network that reorders within a connection (the transports do not), retention, groups
//! above 32 members, and any knowledge of bytes.

pub mod checker;

mod bot;
mod disk;
mod host;
mod lie;
mod node;
mod plan;
mod rng;
mod store;
mod story;
mod wire;
mod world;

pub use self::bot::{Bot, Hand, Rest};
pub use self::lie::Lie;
pub use self::plan::Plan;
pub use self::rng::Rng;
pub use self::wire::{Direct, DirectWalkie, Wire};
pub use self::world::World;
