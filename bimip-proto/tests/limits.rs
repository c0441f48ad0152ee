//! `docs/protocol/limits.md` says what `src/limits.rs` says.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "\
# Limits

Every bound that a client or an operator can meet: the constants of `bimip-proto/src/limits.rs`, from which this table is made
(`BIMIP_BLESS=1 cargo test -p bimip-proto --test limits`). The unit is the end of the name. What is larger is refused with a typed
error, or waits; nothing is cut short in silence.

| limit | value | what for |
|---|---|---|
";
const TAIL: &str = "
An operator sets the longest talk (`--max-talk`), the silence after which the floor is lost (`--floor-idle`) and a connection ended
(`--voiceping-idle`, `--bimip-idle`, `--deployed-idle`), the free space that the store leaves on its disk (`--min-free-mib`) and how long
tokens may live (`--jwt-max-life`). A reader that takes nothing for 10 s is let go.
";

/// The constants, with their values and docs, in order.
fn constants(source: &str) -> Vec<(String, u64, String)> {
    let (mut known, mut all) = (BTreeMap::new(), Vec::new());
    let mut doc = String::new();
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("/// ") {
            doc = format!("{doc} {text}");
        } else if let Some(item) = line.strip_prefix("pub const ") {
            let (name, rest) = item.split_once(": ").unwrap();
            let (_, value) = rest.trim_end_matches(';').split_once(" = ").unwrap();
            let value = sum(value, &known);
            known.insert(name.to_owned(), value);
            all.push((name.to_owned(), value, plain(std::mem::take(&mut doc).trim())));
        }
    }
    all
}

/// `A - B`, each a product.
fn sum(text: &str, known: &BTreeMap<String, u64>) -> u64 {
    let mut parts = text.split(" - ").map(|part| product(part, known));
    let first = parts.next().unwrap();
    parts.fold(first, |left, right| left - right)
}

fn product(text: &str, known: &BTreeMap<String, u64>) -> u64 {
    text.split(" * ").map(|factor| known.get(factor).copied().unwrap_or_else(|| number(factor))).product()
}

fn number(text: &str) -> u64 {
    text.replace('_', "").parse().unwrap_or_else(|_| panic!("{text} is no number and no limit before it"))
}

/// Links of rustdoc as code.
fn plain(doc: &str) -> String {
    let mut text = String::new();
    let mut rest = doc;
    while let Some((before, after)) = rest.split_once("[`") {
        let (name, after) = after.split_once("`]").unwrap();
        write!(text, "{before}`{name}`").unwrap();
        rest = after.strip_prefix('(').and_then(|link| link.split_once(')')).map_or(after, |(_, rest)| rest);
    }
    text + rest
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[test]
fn the_page_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = constants(&std::fs::read_to_string(root.join("src/limits.rs")).unwrap());
    assert!(all.len() > 30, "{all:?}");
    let mut page = HEAD.to_owned();
    for (name, value, doc) in &all {
        assert!(!doc.is_empty(), "{name} says no reason");
        writeln!(page, "| `{name}` | {} | {doc} |", grouped(*value)).unwrap();
    }
    page += TAIL;
    let path = root.join("../docs/protocol/limits.md");
    if std::env::var_os("BIMIP_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "limits.md is stale; run BIMIP_BLESS=1 cargo test -p bimip-proto --test limits");
    // The reading above is not the compiler's: two that would show if it went wrong.
    let of = |name: &str| all.iter().find(|(known, ..)| known == name).unwrap().1;
    assert_eq!(of("BODY_BYTES"), bimip_proto::limits::BODY_BYTES as u64);
    assert_eq!(of("WINDOW_BYTES"), bimip_proto::limits::WINDOW_BYTES);
}
