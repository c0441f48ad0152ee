//! Every frame of `docs/protocol/vectors` through the targets of its dialect, and each with one byte changed or cut off.
#![allow(clippy::unwrap_used, reason = "tests")]

use fuzz::TARGETS;

/// Longer frames are walked through in as many steps.
const STEPS: usize = 200;
/// Those that are as long as they may be, in so many: they are one thing again and again.
const FEW_STEPS: usize = 4;
const LONG_BYTES: usize = 64 * 1024;

fn near_and_far(target: &str) {
    let (_, entry) = TARGETS.into_iter().find(|(known, _)| *known == target).unwrap();
    let frames = fuzz::vectors(target).unwrap();
    assert!(frames.len() > 30, "{target} has {} vectors", frames.len());
    for mut frame in frames {
        entry(&frame);
        let steps = if frame.len() > LONG_BYTES { FEW_STEPS } else { STEPS };
        for at in (0..frame.len()).step_by(frame.len() / steps + 1) {
            entry(&frame[..at]);
            for change in [0x80, 0x01] {
                frame[at] ^= change;
                entry(&frame);
                frame[at] ^= change;
            }
        }
    }
}

#[test]
fn voiceping_vectors() {
    near_and_far("decode_voiceping");
    near_and_far("roundtrip_voiceping");
}

#[test]
fn bimip_v1_vectors() {
    near_and_far("decode_scheme");
    near_and_far("roundtrip_scheme");
}

#[test]
fn deployed_vectors() {
    near_and_far("decode_deployed");
    near_and_far("roundtrip_deployed");
}

#[test]
fn events_vectors() {
    near_and_far("decode_events");
    near_and_far("roundtrip_events");
}

#[test]
fn chat_vectors() {
    near_and_far("decode_chat");
}
