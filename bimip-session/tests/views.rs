//! Views against the plain truth: what a full reload would show.
//!
//! Each sequence is drawn from a number, which a failure names. `BIMIP_VIEWS=200000 cargo test -p bimip-session --test
//! views` draws more of them.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

mod views {
    mod conversations;
    mod draws;
    mod machines;
    mod merge;
    mod rebuild;
    mod timeline;
}
