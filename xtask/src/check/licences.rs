//! Licences of all packages against the allow list in deny.toml: a small check that needs nothing installed.

use std::collections::BTreeSet;

use super::metadata::Metadata;

/// One line for each package that no allowed choice of licences covers.
pub(super) fn refused(metadata: &Metadata, deny: &str) -> Vec<String> {
    let allowed = allow_list(deny);
    let mut findings = Vec::new();
    for package in metadata.foreign() {
        match &package.licence {
            Some(licence) if is_allowed(licence, &allowed) => {}
            Some(licence) => findings.push(format!("{} {}: {licence}", package.name, package.version)),
            None => {
                findings.push(format!("{} {}: its manifest names no licence", package.name, package.version));
            }
        }
    }
    findings
}

/// The strings of `allow = [..]` in the `[licenses]` part.
fn allow_list(deny: &str) -> BTreeSet<&str> {
    let lines = deny.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let part =
        lines.skip_while(|line| *line != "[licenses]").skip(1).take_while(|line| !line.starts_with('['));
    let list = part.skip_while(|line| !line.starts_with("allow")).enumerate();
    let list = list.take_while(|(index, line)| *index == 0 || !line.starts_with(']')).map(|(_, line)| line);
    list.flat_map(|line| line.split('"').skip(1).step_by(2)).collect()
}

/// Whether an SPDX expression can be met: `AND` binds tighter than `OR`; `/` is an old way to write `OR`.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, at: 0, allowed };
    let met = parser.any();
    met && parser.at == words.len()
}

struct Parser<'a> {
    words: &'a [&'a str],
    at: usize,
    allowed: &'a BTreeSet<&'a str>,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> bool {
        let mut met = self.all();
        while self.take("OR") {
            met |= self.all();
        }
        met
    }

    fn all(&mut self) -> bool {
        let mut met = self.one();
        while self.take("AND") {
            met &= self.one();
        }
        met
    }

    fn one(&mut self) -> bool {
        if self.take("(") {
            let met = self.any();
            return self.take(")") && met;
        }
        let name = self.next();
        if self.take("WITH") {
            let exception = self.next();
            return self.allowed.contains(format!("{name} WITH {exception}").as_str());
        }
        self.allowed.contains(name)
    }

    /// The next word; at the end an empty one, which no list allows.
    fn next(&mut self) -> &'a str {
        let word = self.words.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        word
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::metadata::tests::small;

    const DENY: &str = "[advisories]\nallow = [\"X\"]\n\n[licenses]\n# allow = [\"Y\"]\n\
                        allow = [\n    \"MIT\",\n    \"Apache-2.0 WITH LLVM-exception\", # why\n]\n\n[bans]\nallow = [\"Z\"]\n";

    #[test]
    fn the_allow_list_is_that_of_its_part() {
        assert_eq!(allow_list(DENY), BTreeSet::from(["Apache-2.0 WITH LLVM-exception", "MIT"]));
        assert_eq!(allow_list("[licenses]\nallow = [\"MIT\", \"ISC\"]\n"), BTreeSet::from(["ISC", "MIT"]));
    }

    #[test]
    fn expressions_are_judged_as_spdx_says() {
        let allowed = allow_list(DENY);
        for good in
            ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "(GPL-3.0 OR MIT) AND MIT", "GPL-3.0 AND MIT OR MIT"]
        {
            assert!(is_allowed(good, &allowed), "{good}");
        }
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR GPL-3.0", &allowed));
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "MIT MIT", "(MIT", "", "MIT AND"] {
            assert!(!is_allowed(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn a_refused_package_is_named() {
        assert_eq!(refused(&small(), DENY), ["bytes 1.2.3: ISC"]);
        assert!(refused(&small(), "[licenses]\nallow = [\"ISC\"]\n").is_empty());
    }
}
