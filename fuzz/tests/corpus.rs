//! Every target over its corpus, and over cheap mutations of it: the part of fuzzing that needs no fuzzer.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use bimip_session::sim::Rng;
use fuzz::{Entry, TARGETS};

/// Mutations of each target.
const MUTATIONS: u64 = 20_000;
/// Of one that opens a store each time.
const SLOW_MUTATIONS: u64 = 300;
/// A mutation that grows stops here.
const LONGEST: usize = 2_048;

fn target(name: &str) -> (Entry, Vec<Vec<u8>>) {
    let (_, entry) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let files = fuzz::corpus(name).unwrap();
    assert!(!files.is_empty(), "{name} has no corpus");
    (entry, files.iter().map(|file| std::fs::read(file).unwrap()).collect())
}

fn run(name: &str) {
    run_times(name, MUTATIONS);
}

fn run_times(name: &str, mutations: u64) {
    let (entry, corpus) = target(name);
    for bytes in &corpus {
        check(name, entry, bytes);
    }
    let mut rng = Rng::new(1);
    for _ in 0..mutations {
        check(name, entry, &mutated(&mut rng, &corpus));
    }
}

/// A panic names the bytes, to be put into a file of the corpus.
fn check(name: &str, entry: Entry, bytes: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| entry(bytes))).is_err() {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{name} panicked over {hex}");
    }
}

fn mutated(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    const TELLING: [u8; 12] = [0, 1, 0x7f, 0x80, 0x91, 0x95, 0xa0, 0xc0, 0xc4, 0xdb, 0xdd, 0xff];
    let mut bytes = corpus[rng.index(corpus.len())].clone();
    for _ in 0..rng.between(1, 4) {
        let at = rng.index(bytes.len() + 1);
        match rng.between(0, 6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.word().to_le_bytes()[0]),
            2 if at < bytes.len() => {
                bytes.remove(at);
            }
            3 if at < bytes.len() => bytes[at] ^= 1 << rng.between(0, 7),
            4 if at < bytes.len() => bytes[at] = TELLING[rng.index(TELLING.len())],
            5 => {
                let other = &corpus[rng.index(corpus.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[rng.index(other.len() + 1)..]);
            }
            _ => {
                let to = rng.index(bytes.len() + 1);
                let part = bytes[at.min(to)..at.max(to)].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

// MISSION L4
#[test]
fn decode_voiceping() {
    run("decode_voiceping");
}

// MISSION L4
#[test]
fn decode_scheme() {
    run("decode_scheme");
}

// MISSION L4 B11
#[test]
fn decode_deployed() {
    run("decode_deployed");
}

// MISSION L4 A4
#[test]
fn decode_chat() {
    run("decode_chat");
}

// MISSION L4
#[test]
fn roundtrip_voiceping() {
    run("roundtrip_voiceping");
}

// MISSION L4
#[test]
fn roundtrip_scheme() {
    run("roundtrip_scheme");
}

// MISSION L4 B11
#[test]
fn roundtrip_deployed() {
    run("roundtrip_deployed");
}

// MISSION L4
#[test]
fn server_core() {
    run("server_core");
}

// MISSION L4 L3
#[test]
fn store_open() {
    run_times("store_open", SLOW_MUTATIONS);
}

// MISSION L4 E9
#[test]
fn sign_in_token() {
    run("sign_in_token");
}

// MISSION L4 M1
#[test]
fn content() {
    run("content");
}

#[test]
fn every_target_is_tested_and_has_its_binary() {
    let source = include_str!("corpus.rs");
    for (name, _) in TARGETS {
        assert!(source.contains(&format!("fn {name}()")), "{name} has no test");
        let target = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz_targets/{name}.rs"));
        assert!(std::fs::read_to_string(target).unwrap().contains(&format!("fuzz::{name}")));
    }
}
