//! Outsiders in a random graph of conversations and groups, and the same world without what is not theirs: whatever they name,
//! they must not be able to tell the two apart.
//!
//! A new kind of packet, of command about groups or of question is in [`ClientPacket::KINDS`](bimip_proto::ClientPacket::KINDS)
//! and the like, and has to be given its words in `probes.rs`: until then the test fails and says so.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "test code")]

mod graph;
mod probes;
mod twin;

pub use self::twin::{Mouth, Tally, outsiders_learn_nothing};
