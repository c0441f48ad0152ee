//! A bimip device inside an application: tokio around the session of `bimip-session`.
//!
//! ```no_run
//! use bimip_client::{Client, Event};
//! use bimip_proto::{Address, Device, DeviceName, Entry, UserId};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let device = Device::new(UserId::new("alice")?, DeviceName::new("phone")?);
//! let (client, mut events) =
//!     Client::builder(device).token("alice").websocket("ws://127.0.0.1:8080/bimip").start().await?;
//!
//! // Connected or not: it is kept, and sent until the server has it.
//! client.send_text(Address::User(UserId::new("bob")?), "hello").await?;
//!
//! while let Some(event) = events.next_event().await? {
//!     if let Event::Received(row) = event {
//!         if let Entry::Message(message) = &*row.entry {
//!             println!("{}: {}", message.head.from, String::from_utf8_lossy(&message.body.bytes));
//!         }
//!         // Only now may the server forget the row for this device.
//!         client.stored(row.offset).await?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! ```text
//!  Client ─▶ commands ─▶ driver task (ClientSession) ─▶ events ─▶ Events
//!                          │  ▲                │
//!                          ▼  │ frames         ▼
//!                        transport           Store
//! ```
//!
//! One task, one loop. When to dial, what to send again, what is new and what is known: all of that is decided by
//! [`ClientSession`](bimip_session::client::ClientSession); the driver carries it out.
//!
//! | where | bound | reason |
//! |---|---|---|
//! | commands | 64 commands | a caller waits for the driver, which never waits for the app |
//! | events | 256 events | a window of rows; when the app falls behind, the socket is not read, and the server waits |
//! | outbox | `unacked_drafts`, `unnoted_marks` of the session | a device that is offline for long says [`SendError::Full`] instead of growing |
//! | frames to write | what the session has on the wire: `window_drafts` drafts, and its marks | the session waits for answers before it says more |
//!
//! # What is kept
//!
//! A [`Store`] keeps the drafts that are not answered and the place in the mailbox. [`MemoryStore`] keeps them as
//! long as the process; an application with a database of its own implements [`Store`] over it, and what was
//! handed to [`Client::send`] then survives a crash.
#![forbid(unsafe_code)]

mod builder;
mod client;
mod clock;
mod command;
mod connect;
mod driver;
mod events;
mod store;
mod websocket;
mod wire;

pub use bimip_session::client::{Config, Event, Heard, Live, Resume};

pub use crate::builder::{Builder, Missing, StartError};
pub use crate::client::Client;
pub use crate::command::{Closed, MarkError, SendError};
pub use crate::connect::{Connect, Transport};
pub use crate::events::Events;
pub use crate::store::{MemoryStore, Store, StoreError};
pub use crate::websocket::{AddressError, WebSocket, WebSocketUrl};
