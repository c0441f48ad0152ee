//! The API over HTTP, by a plain client over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

#[path = "api/client.rs"]
mod client;
#[path = "api/groups.rs"]
mod groups;
#[path = "api/headers.rs"]
mod headers;
#[path = "api/messages.rs"]
mod messages;
#[path = "api/strangers.rs"]
mod strangers;
#[path = "api/users.rs"]
mod users;
