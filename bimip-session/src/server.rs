//! The server's machine.
//!
//! [`ServerCore`] owns the connections, the readers of mailboxes, the talks and the timers. A driver gives it
//! sockets and a store: see [`Input`] and [`Output`] for the whole of that interface.
//!
//! # Several cores over one store
//!
//! One for each processor, or for each machine: tell each that it has [`Siblings`], make their tickets durable one
//! batch after the other, give every proof to the core that its ticket came from, and carry every [`Output::Wake`] to
//! all other cores as [`Input::Woken`]. What is lost on that way costs time, never a message.
//!
//! ```
//! use bimip_proto::{Address, Body, Caps, ClientPacket, Device, DeviceName, Draft, Now, Said, ServerPacket, UserId};
//! use bimip_session::Machine;
//! use bimip_session::ledger::{Book, settle};
//! use bimip_session::server::{Config, ConnId, Grant, Input, Output, Page, ServerCore, Siblings};
//!
//! fn device(user: &str) -> Device {
//!     Device::new(UserId::new(user).unwrap(), DeviceName::new("phone").unwrap())
//! }
//!
//! let mut config = Config::default();
//! config.siblings = Some(Siblings::default());
//! let mut cores = [ServerCore::new(config.clone()), ServerCore::new(config)];
//! let (mut book, now) = (Book::new(1), Now::default());
//!
//! // Alice is on the first core, Bob on the second.
//! for (core, conn, user) in [(0, ConnId(1), "alice"), (1, ConnId(2), "bob")] {
//!     let grant = Some(Grant::new(device(user)));
//!     cores[core].handle_input(now, Input::Opened { conn, caps: Caps::FULL, grant });
//! }
//! let to = Address::User(UserId::new("bob").unwrap());
//! let draft = Draft { client_ref: None, to, client_time: None, body: Body::text("hello") };
//! cores[0].handle_input(now, Input::Packets(ConnId(1), vec![Said::from(ClientPacket::Send(draft))]));
//!
//! let mut heard = Vec::new();
//! while let Some((at, output)) = (0..2).find_map(|at| Some((at, cores[at].poll_output()?))) {
//!     match output {
//!         Output::Wake(subjects) => cores[1 - at].handle_input(now, Input::Woken(subjects)),
//!         Output::Commit(ticket) => {
//!             let settlement = settle(vec![ticket], &book).expect("a book can always be read");
//!             book.apply(settlement.writes());
//!             for proof in settlement.committed() {
//!                 cores[at].handle_input(now, Input::Committed(proof));
//!             }
//!         }
//!         Output::Attach(conn, device) => {
//!             cores[at].handle_input(now, Input::Attached(conn, Some(book.attach(&device))));
//!         }
//!         Output::Read(it) => {
//!             let rows = Some(book.page(&it.user, it.after, it.rows, it.bytes));
//!             cores[at].handle_input(now, Input::Page(Page { conn: it.conn, rows }));
//!         }
//!         Output::Send(ConnId(2), outgoing) => heard.push(outgoing.into_packet()),
//!         _ => {}
//!     }
//! }
//! assert!(heard.iter().any(|it| matches!(it, ServerPacket::Deliver(_))));
//! ```

mod account;
mod around;
mod budget;
mod burst;
mod connection;
mod core;
mod counters;
mod cursors;
mod delivery;
mod departed;
mod draft;
mod floor;
mod group;
mod io;
mod look;
mod presence;
mod pull;
mod query;
mod reader;
mod receipt;
mod roster;
mod seen;
mod siblings;
mod speech;
mod status;
mod talk;
mod tape;
mod timers;
mod wake;

pub use self::budget::{Budgets, Level};
pub use self::core::ServerCore;
pub use self::counters::Counters;
pub use self::io::{
    Answered, Attachment, Config, ConnId, Grant, Input, Lookup, Output, Page, ReadPage, Refused, SoundAct,
    SoundId, Vouched,
};
pub use self::wake::{Siblings, Subject};

/// What an entry counts against a window or a page: its body, and a little for the envelope.
#[must_use]
pub fn weight(entry: &bimip_proto::Entry) -> u64 {
    match entry {
        bimip_proto::Entry::Message(message) => 64 + message.body.bytes.len() as u64,
        bimip_proto::Entry::Revised(revision) => {
            64 + revision.body.as_ref().map_or(0, |body| body.bytes.len() as u64)
        }
        bimip_proto::Entry::Group(change) => {
            let texts = change.profile.title.len() + change.profile.about.len();
            64 + texts as u64 + 32 * change.what.users().len() as u64
        }
        bimip_proto::Entry::Reacted(reaction) => 64 + reaction.emoji.as_str().len() as u64,
        bimip_proto::Entry::User(change) => match &change.what {
            bimip_proto::UserNews::Profile(it) => {
                64 + (it.name.len() + it.about.len() + it.avatar.len()) as u64
            }
            _ => 64,
        },
        bimip_proto::Entry::Receipt(receipt) => 64 * receipt.messages.len() as u64,
        _ => 64,
    }
}
