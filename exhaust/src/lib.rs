//! A world so small that everything that can happen in it is tried.
//!
//! Two users send one message each to a third, who has two devices. The machines are the real ones:
//! [`ServerCore`](bimip_session::server::ServerCore), [`settle`](bimip_session::ledger::settle()) over a
//! [`Book`](bimip_session::ledger::Book), and four [`ClientSession`](bimip_session::client::ClientSession)s. Packets
//! arrive one by one, the disk syncs when it likes, connections are cut, the server dies: [`stateright`] tries every
//! order of it and asks in every state whether what must hold holds. Where the simulator draws long stories, this is
//! every short one.
//!
//! The machines cannot be cloned, since tickets cannot, and that is on purpose. So a [`State`] is the path to it, with
//! what was found there; the next one is that path again and one step more. Two states are one when everything that
//! decides their future prints alike.
#![forbid(unsafe_code)]

mod client;
mod small_world;
mod state;

pub use crate::small_world::{Action, Faults};
pub use crate::state::{SmallWorld, State};
