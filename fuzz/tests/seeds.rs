//! Every frame of the vectors is in the corpus of the targets that read its dialect: `BIMIP_BLESS=1 cargo test -p fuzz
//! --test seeds` writes those that are missing.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::Value;

/// The frames of a dialect: a name, and the bytes.
type Frames = Vec<(String, Vec<u8>)>;

/// Which targets read which list of the vectors.
const LISTS: [(&str, [&str; 2]); 3] = [
    ("voiceping", ["decode_voiceping", "roundtrip_voiceping"]),
    ("voiceping_bad_frames", ["decode_voiceping", "roundtrip_voiceping"]),
    ("bimip", ["decode_scheme", "roundtrip_scheme"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The only place that knows where the vectors are and what they look like.
fn vectors(list: &str) -> Frames {
    let file = root().join("../bimip-codec/tests/vectors/vectors.json");
    let all: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let cases = all[list].as_array().unwrap().iter().enumerate();
    // Very long frames are told by their length and a checksum; they are no good seeds.
    let frames = cases.filter_map(|(index, case)| {
        let hex = case["hex"].as_str()?;
        let name = case["name"].as_str().map_or_else(|| format!("{list}_{index:02}"), str::to_owned);
        Some((name, HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).unwrap()))
    });
    frames.collect()
}

#[test]
fn every_vector_is_a_seed() {
    let bless = std::env::var_os("BIMIP_BLESS").is_some();
    let mut missing = Vec::new();
    for (list, targets) in LISTS {
        let frames = vectors(list);
        assert!(frames.len() > 10, "{list} has only {} vectors", frames.len());
        for target in targets {
            let known: Vec<Vec<u8>> =
                fuzz::corpus(target).unwrap().iter().map(|file| fs::read(file).unwrap()).collect();
            for (name, bytes) in frames.iter().filter(|(_, bytes)| !known.contains(bytes)) {
                if bless {
                    fs::write(root().join("corpus").join(target).join(name), bytes).unwrap();
                } else {
                    missing.push(format!("{target}/{name}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "run me with BIMIP_BLESS=1 to write these seeds: {missing:?}");
}
