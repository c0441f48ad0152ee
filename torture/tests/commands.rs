//! The command line. That this is a test of the binary also has `cargo test` build it.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::process::{Command, Output};

fn torture(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_torture")).args(words).output().unwrap()
}

#[test]
fn help_has_examples() {
    for words in [&["--help"][..], &["kill9", "--help"], &[]] {
        let out = torture(words);
        assert!(out.status.success(), "{words:?}");
        assert!(String::from_utf8(out.stdout).unwrap().contains("cargo xtask kill9 1000"), "{words:?}");
    }
}

#[test]
fn a_wrong_line_is_an_error_that_says_what_to_do() {
    for words in [
        &["burn"][..],
        &["kill9", "many"],
        &["kill9", "--seed"],
        &["kill9", "--server", "/not/there"],
        &["faults", "3"],
    ] {
        let out = torture(words);
        assert_eq!(out.status.code(), Some(2), "{words:?}");
        assert!(String::from_utf8(out.stderr).unwrap().contains("--help"), "{words:?}");
    }
}
