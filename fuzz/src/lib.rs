//! Fuzz targets as plain functions: any bytes in, a panic if something is wrong.
//!
//! They are compiled and run by the ordinary tests ([`TARGETS`]), so they cannot rot between two runs of a fuzzer.
#![forbid(unsafe_code)]

mod codec;
mod content;
mod replay;
mod server;
mod source;
mod store;
mod token;
mod vectors;

pub use crate::codec::{
    decode_chat, decode_deployed, decode_scheme, decode_voiceping, roundtrip_deployed, roundtrip_scheme,
    roundtrip_voiceping,
};
pub use crate::content::content;
pub use crate::replay::{corpus, replay};
pub use crate::server::server_core;
pub use crate::store::store_open;
pub use crate::token::sign_in_token;
pub use crate::vectors::vectors;

/// A target.
pub type Entry = fn(&[u8]);

/// Every target with its name, which is also that of its binary and its corpus.
pub const TARGETS: [(&str, Entry); 11] = [
    ("decode_voiceping", decode_voiceping),
    ("decode_scheme", decode_scheme),
    ("decode_deployed", decode_deployed),
    ("decode_chat", decode_chat),
    ("roundtrip_voiceping", roundtrip_voiceping),
    ("roundtrip_scheme", roundtrip_scheme),
    ("roundtrip_deployed", roundtrip_deployed),
    ("server_core", server_core),
    ("store_open", store_open),
    ("sign_in_token", sign_in_token),
    ("content", content),
];
