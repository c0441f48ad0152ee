//! The API over HTTP: a table of routes, and what requests and answers mean.
//!
//! A request is a packet that waits for its answer: a `POST` is a draft that waits for its acknowledgement, a `GET` is a
//! question. This module reads the one and writes the other, with the readers and writers of JSON events, so that both
//! speak of the same things in the same words. Sockets, tokens and headers are the business of a door.
//!
//! [`ROUTES`] is the only list of what there is: a door makes its router of it, and [`openapi`] its description. Rules:
//! `docs/protocol/http.md`.
//!
//! ```
//! use bimip_codec::rest::{self, Request};
//! use bimip_proto::{ClientPacket, Device, DeviceName, UserId};
//!
//! let me = Device::new(UserId::new("ann")?, DeviceName::new("http")?);
//! let route = rest::routes().find(|route| route.name == "sendMessage").expect("a route of the table");
//! let body = br#"{"to": "bob", "content": "hello"}"#;
//! let request = Request { me: &me, path: &[], query: "", key: Some("c-1"), fresh: "f-1", body };
//! let asked = route.read(&request).expect("it is as the table says");
//! let ClientPacket::Send(draft) = &asked.said()[0].packet else { panic!("it is a draft") };
//! assert_eq!((draft.to.as_str(), draft.client_ref.as_ref().unwrap().as_str()), ("bob", "c-1"));
//! # Ok::<(), bimip_proto::IdError>(())
//! ```

mod answer;
mod bodies;
mod conversation;
mod device;
mod draft;
mod group;
mod history;
mod live;
mod mark;
mod objects;
mod openapi;
mod parameter;
mod refusal;
mod request;
mod revision;
mod session;
mod shape;
mod streams;
mod table;
mod user;

pub use self::answer::{Answer, Asked};
pub(crate) use self::draft::write_flat;
pub use self::openapi::openapi;
pub use self::parameter::{Parameter, Place};
pub use self::refusal::Refusal;
pub use self::request::Request;
pub use self::streams::{StreamAsked, read_ack, stored};
pub use self::table::{Door, Method, ROUTES, Reads, Route, Says, Serves, routes};
