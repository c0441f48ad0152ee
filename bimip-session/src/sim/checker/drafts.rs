//! What became of every draft: stored once, and as its app was told (I1, I2, I4, I10, I13). One pass at the end.

use std::collections::BTreeMap;

use bimip_proto::{Device, Entry};

use super::Fate;
use super::findings::Findings;
use crate::ledger::Book;

pub(super) fn judge(findings: &mut Findings, durable: &Book, fates: &[Fate], at_rest: bool) {
    let mut stored: BTreeMap<(Device, Vec<u8>), (u32, u64)> = BTreeMap::new();
    for (sequence, entry) in durable.log() {
        let Entry::Message(message) = &**entry else { continue };
        let key = (message.head.from.clone(), tag_of(&message.body.bytes));
        let (count, _) = stored.entry(key).or_insert((0, sequence));
        *count += 1;
    }
    let mut by_device: BTreeMap<&Device, Vec<(u64, u64, &str)>> = BTreeMap::new();
    for fate in fates {
        let key = (fate.device.clone(), fate.tag.clone().into_bytes());
        let (count, sequence) = stored.get(&key).copied().unwrap_or_default();
        let Fate { device, tag, sent, unsure, refused, lost, .. } = fate;
        findings.check(count <= 1, || format!("I2: {device} {tag} is stored {count} times"));
        findings.check(!sent || count == 1 || *unsure, || {
            format!("I1: {device} {tag} was acknowledged and is gone")
        });
        findings.check(!refused || count == 0, || format!("I10: {device} {tag} was refused and is stored"));
        findings.check(!at_rest || *sent || *unsure || *refused || *lost, || {
            format!("I13: {device} {tag} was never answered")
        });
        if count == 1 && fate.place > 0 {
            by_device.entry(device).or_default().push((fate.place, sequence, tag));
        }
    }
    for (device, mut drafts) in by_device {
        drafts.sort_unstable();
        for pair in drafts.windows(2) {
            findings.check(pair[0].1 < pair[1].1, || {
                format!("I4: {device}: {} was sent before {} and stored after it", pair[0].2, pair[1].2)
            });
        }
    }
}

/// The `<…>` that the world puts into every text, whatever a dialect wraps around it.
fn tag_of(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte == b'<');
    let end = bytes.iter().position(|byte| *byte == b'>');
    match (start, end) {
        (Some(start), Some(end)) if start < end => bytes[start..=end].to_vec(),
        _ => Vec::new(),
    }
}
