//! Every frame of `docs/protocol/vectors` through the targets of its dialect, and each with one byte changed or cut off.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;

use fuzz::TARGETS;

/// Longer frames are walked through in as many steps.
const STEPS: usize = 200;

fn unhex(text: &str) -> Vec<u8> {
    let word = |word: &str| {
        let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        bytes.repeat(times.parse().unwrap())
    };
    text.split_whitespace().flat_map(word).collect()
}

/// The frames of a folder; transcripts have several in a file.
fn frames(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol/vectors").join(folder);
    let mut frames = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        frames.extend(text.lines().filter_map(|line| line.strip_prefix("hex:")).map(unhex));
    }
    assert!(!frames.is_empty());
    frames
}

fn run(targets: [&str; 2], folders: &[&str]) {
    let entries = targets.map(|name| TARGETS.into_iter().find(|(known, _)| *known == name).unwrap().1);
    for mut frame in folders.iter().flat_map(|folder| frames(folder)) {
        for entry in entries {
            entry(&frame);
            for at in (0..frame.len()).step_by(frame.len() / STEPS + 1) {
                entry(&frame[..at]);
                for change in [0x80, 0x01] {
                    frame[at] ^= change;
                    entry(&frame);
                    frame[at] ^= change;
                }
            }
        }
    }
}

#[test]
fn voiceping_vectors_near_and_far() {
    run(["decode_voiceping", "roundtrip_voiceping"], &["voiceping", "transcripts"]);
}

#[test]
fn bimip_vectors_near_and_far() {
    run(["decode_scheme", "roundtrip_scheme"], &["bimip.v1", "deployed"]);
}
