//! The state machines of bimip: everything that is decided about messages, without I/O.
//!
//! * [`ServerCore`](server::ServerCore) is a server: connections, mailboxes, readers, receipts, talks.
//! * [`ClientSession`](client::ClientSession) is one device: its unsent drafts, its place in its mailbox, its link.
//! * [`ledger`] is the chain of custody between a command and its acknowledgement.
//! * `sim` (feature `sim`) is a world of both with a faulty network and a faulty disk, from one seed.
//!
//! All machines have the same four methods ([`Machine`]). They read no clock ([`Now`](bimip_proto::Now) is an
//! argument), draw no random numbers, start no threads and know nothing of bytes on a wire: packets come in and
//! go out, and a codec is somebody else's.
//!
//! # Driving a machine
//!
//! ```
//! use bimip_proto::{Body, ClientPacket, ClientRef, Device, DeviceName, Draft, Address, Now, UserId};
//! use bimip_session::{Machine, client::{self, ClientSession}};
//!
//! let alice = Device::new(UserId::new("alice")?, DeviceName::new("phone")?);
//! let mut session = ClientSession::new(client::Config::new(alice), client::Resume::default(), Now::default());
//! session.handle_timeout(Now::default());
//! assert!(matches!(session.poll_output(), Some(client::Output::Connect)));
//!
//! // The driver dialled; the session signs in.
//! session.handle_input(Now::default(), client::Input::Connected);
//! assert!(matches!(session.poll_output(), Some(client::Output::Transmit(ClientPacket::SignIn { .. }))));
//! # Ok::<(), bimip_proto::IdError>(())
//! ```
//!
//! What is deliberately absent: sockets, codecs, storage engines, retries by wall clock, and any way to say
//! "stored" without having stored it.
#![forbid(unsafe_code)]

pub mod client;
pub mod ledger;
mod machine;
pub mod server;
#[cfg(feature = "sim")]
pub mod sim;

pub use crate::machine::Machine;
