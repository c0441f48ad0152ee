//! Who may depend on whom.

use std::collections::BTreeSet;

use super::metadata::Metadata;
use crate::shell::{self, Shell, Stop};

/// Exactly these, themselves included, and no more: with every feature, proc macros aside.
const EXACT: [(&str, &[&str]); 2] = [
    ("bimip-proto", &["bimip-proto", "bytes", "thiserror"]),
    ("bimip-session", &["bimip-proto", "bimip-session", "bytes", "thiserror"]),
];

/// Siblings: a dialect cannot leak into behaviour, since there is no path for it.
const STRANGERS: [(&str, &str); 2] = [("bimip-codec", "bimip-session"), ("bimip-session", "bimip-codec")];

pub(super) fn broken(shell: &Shell, metadata: &Metadata) -> Result<Vec<String>, Stop> {
    let mut findings = Vec::new();
    for (name, allowed) in EXACT {
        let edges =
            ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}", "--all-features"];
        let mut cargo = shell.cargo(&["tree", "-p", name]);
        cargo.args(edges);
        findings.extend(difference(name, &names(&shell::read(cargo)?), allowed));
    }
    for (from, to) in STRANGERS {
        if metadata.reaches(from, to) {
            findings.push(format!("{from} reaches {to} (by a normal, dev or build dependency)"));
        }
    }
    Ok(findings)
}

/// The first word of each line: `bytes v1.2.3` is `bytes`.
fn names(tree: &str) -> BTreeSet<&str> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

fn difference(name: &str, found: &BTreeSet<&str>, allowed: &[&str]) -> Vec<String> {
    let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
    let extra = found.difference(&allowed).map(|other| format!("{name} may not depend on {other}"));
    let gone = allowed
        .difference(found)
        .map(|other| format!("{name} does not depend on {other} any more: say so here"));
    extra.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_must_match_exactly() {
        let tree = "core v0.1.0 (/a/b)\nbytes v1.12.1\nserde v1.0.0\nbytes v1.12.1 (*)\n";
        let found = names(tree);
        assert_eq!(found, BTreeSet::from(["bytes", "core", "serde"]));
        assert_eq!(difference("core", &found, &["core", "bytes", "serde"]), Vec::<String>::new());
        assert_eq!(difference("core", &found, &["core", "bytes"]), ["core may not depend on serde"]);
        assert_eq!(difference("core", &BTreeSet::from(["core"]), &["core", "bytes"]).len(), 1);
    }
}
