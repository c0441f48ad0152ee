//! The server's machine.
//!
//! [`ServerCore`] owns the connections, the readers of mailboxes, the talks and the timers. A driver gives it
//! sockets and a store: see [`Input`] and [`Output`] for the whole of that interface.

mod account;
mod burst;
mod connection;
mod core;
mod counters;
mod cursors;
mod delivery;
mod draft;
mod floor;
mod group;
mod io;
mod look;
mod presence;
mod reader;
mod receipt;
mod roster;
mod siblings;
mod speech;
mod talk;
mod tape;
mod timers;
mod wake;

pub use self::core::ServerCore;
pub use self::counters::Counters;
pub use self::io::{
    Attachment, Config, ConnId, Grant, Input, Output, Page, ReadPage, Refused, SoundAct, SoundId, Vouched,
};
pub use self::wake::{Siblings, Subject};

/// What an entry counts against a window or a page: its body, and a little for the envelope.
#[must_use]
pub fn weight(entry: &bimip_proto::Entry) -> u64 {
    match entry {
        bimip_proto::Entry::Message(message) => 64 + message.body.bytes.len() as u64,
        bimip_proto::Entry::Receipt(receipt) => 64 * receipt.messages.len() as u64,
        _ => 64,
    }
}
