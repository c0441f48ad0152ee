//! A bimip device inside an application: it connects, keeps messages, and says what became of them.
//!
//! ```no_run
//! use bimip_client::{Client, DiskStore, Event, Page};
//! use bimip_proto::{Address, Device, DeviceName, UserId};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let device = Device::new(UserId::new("alice")?, DeviceName::new("phone")?);
//! let (client, mut events) = Client::builder(device)
//!     .token("alice") // with open sign-in: the user
//!     .store(DiskStore::open("alice-phone")?)
//!     .server("ws://127.0.0.1:8080") // or wss://, tls://, tcp://
//!     .start()
//!     .await?; // the server need not be there
//!
//! // What is kept can be read at once, and written to, connected or not.
//! let bob = Address::User(UserId::new("bob")?);
//! for line in client.history(&client.conversation(&bob), Page::last(20)).await? {
//!     println!("{}: {}", line.message.head.from.user, line.text().unwrap_or_default());
//! }
//! client.send_text(bob, "hello").await?;
//!
//! while let Some(event) = events.next_event().await? {
//!     match event {
//!         // Sending, sent, delivered, read: one message, several times.
//!         Event::Message(line) if line.mine => println!("{} is {}", line.text().unwrap_or_default(), line.progress),
//!         Event::Message(line) => client.read(&line).await?,
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | to | there is |
//! |---|---|
//! | write | [`send_text`](Client::send_text), [`send`](Client::send); [`retry`](Client::retry) and [`discard`](Client::discard) what failed |
//! | change | [`edit`](Client::edit), [`delete`](Client::delete), for everybody |
//! | say what kind it is | [`send_content`](Client::send_content), [`edit_content`](Client::edit_content), [`Line::content`] |
//! | react | [`react`](Client::react), [`unreact`](Client::unreact) |
//! | read | [`history`](Client::history), [`conversations`](Client::conversations), [`message`](Client::message) |
//! | say that something was read | [`read`](Client::read), [`mark`](Client::mark) |
//! | know what happens | [`Events::next_event`] |
//! | talk | [`press`](Client::press), [`voice`](Client::voice), [`release`](Client::release), with [`Dialect::VoicePing`] |
//! | be seen, type, log out | [`live`](Client::live) |
//!
//! # How it works
//!
//! ```text
//!  Client ─▶ commands ─▶ driver task (ClientSession) ─▶ events ─▶ Events
//!    │                     │  ▲                │
//!    │ history             ▼  │ frames         ▼ one commit a turn
//!    └──────────────────▶ transport           Store
//! ```
//!
//! One task, one loop. When to dial, what to send again, what is new and what is known: all of that is decided by
//! [`ClientSession`](bimip_session::client::ClientSession); the driver carries it out. What one read of the socket brings
//! is made durable by one commit. Only then does the app hear of it, and only then is the server told that this device
//! has it; a draft is durable before it is sent. So a crash at any moment loses nothing and doubles nothing.
//!
//! | where | bound | reason |
//! |---|---|---|
//! | commands | 64 commands | a caller waits for the driver, which never waits for the app |
//! | events | 256 events | a window of rows; when the app falls behind, the socket is not read, and the server waits |
//! | outbox | `unacked_drafts`, `unnoted_marks` of the [`Config`] | a device that is offline for long says [`SendError::Full`] instead of growing |
//! | a turn | 64 frames or 1 MiB | what one commit holds |
//! | frames to write | what the session has on the wire: `window_drafts` drafts, and its marks | the session waits for answers before it says more |
//!
//! # What is kept
//!
//! | kept | until |
//! |---|---|
//! | the outbox: drafts, in order | the server has them, or refuses them |
//! | marks: what was read, played, forwarded | the server has noted them |
//! | edits, deletions, reactions, commands about groups | the server has answered them |
//! | the place in the mailbox | for ever; with it nothing comes twice |
//! | a refreshed token | the app comes with another one |
//! | messages and what was said about them, by conversation | for ever |
//!
//! [`DiskStore`] keeps it in one file, [`MemoryStore`] (the default) as long as the process. A database that an application
//! has already becomes a [`Store`] with about forty lines, and [`store::conformance`] checks them. An application that
//! keeps messages in tables of its own says [`own_history`](Builder::own_history): it then gets rows until it says that it
//! has them.
//!
//! A message has one name from the moment it is written: its `client_ref`. The server's id, its time and its place in the
//! conversation come with the answer ([`Line`]).
//!
//! A list on a screen can be fed by the views of [`bimip_session::client::view`]: with every
//! [`Event::Session`], and with pages of [`history`](Client::history), whose lines are
//! [`HistoryItem`](bimip_session::client::view::HistoryItem)s.
//!
//! # Connections
//!
//! [`Builder::server`] takes an address:
//!
//! | scheme | means |
//! |---|---|
//! | `ws`, `wss` | a web socket; without a path, at the door that our server has for the dialect |
//! | `tcp`, `tls` | frames with their length before them, for `bimip.v1` |
//!
//! `wss` and `tls` trust whom the system trusts; [`Builder::tls`] adds others. Anything else that carries frames is a
//! [`Transport`], and what makes one a [`Connect`]: a closure will do.
//!
//! A [`Dialect`] is a matter of configuration. Headers or first frame, welcome or none, what may be sent twice: that
//! follows from it. In [`Dialect::VoicePing`], whose drafts have no names, a message whose answer was lost is
//! [`Unsure`](Progress::Unsure) instead of being sent again.
//!
//! # Features
//!
//! `disk` is [`DiskStore`], `tls` is `wss` and `tls` by rustls (it needs a C compiler, for ring). Both are on by default; an
//! app for the same machine or with a store of its own does without them.
#![forbid(unsafe_code)]

mod builder;
mod client;
mod clock;
mod command;
mod connect;
mod dial;
mod driver;
mod events;
mod history;
mod keep;
pub mod store;
mod wire;

pub use bimip_codec::Dialect;
pub use bimip_session::client::{Config, Event as SessionEvent, Heard, Listener, Live, Pace, Sound, TalkEnd};

pub use crate::builder::{Builder, Missing, StartError};
pub use crate::client::Client;
pub use crate::command::{
    AskError, Closed, GroupError, MarkError, PressError, ReadError, RetryError, SendError, UserError,
};
pub use crate::connect::{Caller, Connect, ConnectError, Transport};
#[cfg(feature = "tls")]
pub use crate::dial::Tls;
pub use crate::dial::{AddressError, Dial, Socket};
pub use crate::events::{Event, Events};
pub use crate::history::{Conversation, Line, Page, Position, Progress};
#[cfg(feature = "disk")]
pub use crate::store::DiskStore;
pub use crate::store::{MemoryStore, Store, StoreError};
