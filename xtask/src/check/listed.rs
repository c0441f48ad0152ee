//! Every direct dependency has a line in docs/dependencies.md that says why.

use std::collections::{BTreeMap, BTreeSet};

use super::metadata::Metadata;

/// Direct dependencies of any member and any kind without a line, with who uses them.
pub(super) fn missing(metadata: &Metadata, document: &str) -> Vec<String> {
    let rows = rows(document);
    let unlisted = used(metadata).into_iter().filter(|(name, _)| !rows.contains(name.as_str()));
    unlisted.map(|(name, users)| format!("{name} (used by {})", users.join(", "))).collect()
}

/// Lines for what nobody uses.
pub(super) fn stale<'a>(metadata: &Metadata, document: &'a str) -> Vec<&'a str> {
    let used = used(metadata);
    rows(document).into_iter().filter(|name| !used.contains_key(*name)).collect()
}

fn used(metadata: &Metadata) -> BTreeMap<String, Vec<String>> {
    let ours: BTreeSet<&str> = metadata.members().map(|package| package.name.as_str()).collect();
    let mut used: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for member in metadata.members() {
        for name in member.direct.iter().filter(|name| !ours.contains(name.as_str())) {
            used.entry(name.clone()).or_default().push(member.name.clone());
        }
    }
    used
}

/// The first cell of each row of a table `crate | used by | why` whose third cell is not empty.
fn rows(document: &str) -> BTreeSet<&str> {
    let lines = document.lines().filter(|line| line.starts_with('|'));
    let cells = lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let rows = cells.filter(|cells| cells.len() >= 3 && !cells[2].is_empty());
    rows.map(|cells| cells[0].trim_matches('`'))
        .filter(|name| *name != "crate" && !name.starts_with('-'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::metadata::tests::small;

    #[test]
    fn a_line_without_a_reason_does_not_count() {
        let table =
            "| crate | used by | why |\n|---|---|---|\n| `serde` | codec | shapes |\n| bytes | core | |\n";
        assert_eq!(rows(table), BTreeSet::from(["serde"]));
        assert_eq!(missing(&small(), table), ["bytes (used by core)"]);
        assert_eq!(stale(&small(), table), ["serde"]);
        assert!(missing(&small(), "| bytes | core | buffers |").is_empty());
    }
}
