//! The frames of `docs/protocol/vectors`: the best seeds there are. The README there states the format.

use std::io;
use std::path::Path;

/// Which folders hold frames of a target's dialect.
const fn folders(target: &str) -> &'static [&'static str] {
    match target.as_bytes() {
        b"decode_voiceping" | b"roundtrip_voiceping" => &["voiceping", "transcripts"],
        b"decode_scheme" | b"roundtrip_scheme" => &["bimip.v1", "deployed"],
        b"decode_deployed" | b"roundtrip_deployed" => &["deployed", "bimip.v1"],
        b"decode_events" | b"roundtrip_events" => &["events", "conversations"],
        b"decode_chat" => &["chat", "chat_conversations"],
        _ => &[],
    }
}

/// The frames that are seeds of a target; none for one that reads no frames.
///
/// # Errors
/// When a file cannot be read, or does not hold what the README says.
pub fn vectors(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol/vectors");
    let mut frames = Vec::new();
    for folder in folders(target) {
        let mut files = std::fs::read_dir(all.join(folder))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file)?;
            // A transcript has several.
            for line in text.lines().filter_map(|line| line.strip_prefix("hex:")) {
                frames.push(
                    unhex(line).ok_or_else(|| io::Error::other(format!("{}: {line}", file.display())))?,
                );
            }
        }
    }
    Ok(frames)
}

/// Hexadecimal words, each as often as the number behind its `*` says.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
        let pairs = (0..digits.len()).step_by(2);
        let word: Option<Vec<u8>> =
            pairs.map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect();
        bytes.extend(word?.repeat(times.parse().ok()?));
    }
    Some(bytes)
}
