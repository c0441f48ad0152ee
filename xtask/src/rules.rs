//! Which test proves which rule of docs/protocol: a comment in or above a test names the rule, `VP-TEXT-3`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::check;
use crate::mission::test_at;
use crate::shell::{self, Shell, Stop};

const FOLDER: &str = "docs/protocol";
const TABLE: &str = "docs/protocol/rules.md";

/// All rules and who quotes them.
#[derive(Debug, Default)]
struct Rules {
    /// In the order of the pages: the rule and its page.
    defined: Vec<(String, String)>,
    /// Rule to tests, `path::function`.
    quoted: BTreeMap<String, BTreeSet<String>>,
}

/// Every rule is quoted by a test, no test quotes a rule that is not there, and the table says so.
pub(crate) fn check(shell: &Shell) -> Result<(), Stop> {
    let rules = collect(shell)?;
    Stop::unless_empty("the rules of docs/protocol and the tests do not agree:", &rules.findings())?;
    if shell.read_file(TABLE).is_ok_and(|there| there == rules.table()) {
        return Ok(());
    }
    Err(Stop::new(format!("{TABLE} is not what the sources say; run `cargo xtask rules --write`.")))
}

/// Prints the table, or writes it into docs/protocol.
pub(crate) fn run(shell: &Shell, rest: &[String]) -> Result<(), Stop> {
    let rules = collect(shell)?;
    match rest {
        [] => print!("{}", rules.table()),
        [word] if word == "--write" => shell::write_file(&shell.path(TABLE), &rules.table())?,
        _ => return Err(Stop::new("`rules` takes nothing or --write.")),
    }
    Stop::unless_empty("the rules of docs/protocol and the tests do not agree:", &rules.findings())
}

fn collect(shell: &Shell) -> Result<Rules, Stop> {
    let mut rules = Rules::default();
    let mut files = check::tracked_files(shell)?;
    files.sort();
    for path in files {
        let name = path.display().to_string();
        let whole = shell.path(&path);
        // A file may be listed and just deleted.
        if !whole.is_file() || name == TABLE {
            continue;
        }
        if path.parent() == Some(Path::new(FOLDER)) && has_extension(&path, "md") {
            rules.define(&name, &shell::read_file(&whole)?);
        } else if has_extension(&path, "rs") || is_python_test(&path) {
            rules.quote(&name, &shell::read_file(&whole)?);
        }
    }
    Ok(rules)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|it| it == extension)
}

fn is_python_test(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.starts_with("interop") && has_extension(path, "py") && name.starts_with("test_")
}

impl Rules {
    /// A rule is an item of a list that begins with its id in bold.
    fn define(&mut self, page: &str, text: &str) {
        for line in text.lines() {
            let item = line.strip_prefix("* **").or_else(|| line.strip_prefix("- **"));
            let id = item.and_then(|item| item.split_once("**")).map(|(id, _)| id);
            self.defined.extend(id.filter(|id| is_id(id)).map(|id| (id.to_owned(), page.to_owned())));
        }
    }

    fn quote(&mut self, path: &str, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        let first = first_test_line(path, &lines);
        for (index, line) in lines.iter().enumerate().skip(first) {
            let Some(comment) = comment(line) else { continue };
            let mut named = ids(comment).peekable();
            if named.peek().is_none() {
                continue;
            }
            // A comment about a whole file proves nothing by itself.
            let Some(test) = test_at(&lines, index) else { continue };
            for id in named {
                self.quoted.entry(id.to_owned()).or_default().insert(format!("{path}::{test}"));
            }
        }
    }

    fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        let mut seen = BTreeMap::new();
        for (id, page) in &self.defined {
            if let Some(other) = seen.insert(id, page) {
                findings.push(format!("{id} is defined twice: in {other} and in {page}"));
            }
            if !self.quoted.contains_key(id) {
                findings.push(format!("{id} of {page} is quoted by no test"));
            }
        }
        for (id, tests) in self.quoted.iter().filter(|(id, _)| !seen.contains_key(id)) {
            findings.extend(tests.iter().map(|test| format!("{test} quotes {id}, which no page defines")));
        }
        findings
    }

    fn table(&self) -> String {
        let mut table = String::from(
            "# Rules and the tests that prove them\n\nWritten by `cargo xtask rules --write`; `cargo xtask check` \
             fails while it is stale.\n\n| rule | tests |\n|---|---|\n",
        );
        for (id, page) in &self.defined {
            let page = page.trim_start_matches("docs/protocol/");
            let tests = self.quoted.get(id).into_iter().flatten().map(|test| format!("`{test}`"));
            let tests: Vec<String> = tests.collect();
            table.push_str(&format!("| [{id}]({page}) | {} |\n", tests.join(" ")));
        }
        table
    }
}

/// Where the tests of a Rust file begin: all of it below a folder `tests` and in the suites that storage backends
/// must pass, else behind `#[cfg(test)]`. The sources of this command quote examples.
fn first_test_line(path: &str, lines: &[&str]) -> usize {
    if path.starts_with("xtask/") {
        return lines.len();
    }
    let is_test = path.contains("/tests/") || path.contains("/conformance/") || path.ends_with("/tests.rs");
    if is_test || path.ends_with(".py") {
        return 0;
    }
    lines.iter().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(lines.len())
}

/// What a line says in a comment.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start();
    if text.starts_with("#[") || text.starts_with("#!") {
        return None;
    }
    let at = if text.starts_with('#') { Some(0) } else { text.find("//") };
    at.or_else(|| text.find("  # ")).map(|at| &text[at..])
}

/// The ids in a text: two capitals, a word in capitals, a number, with hyphens between.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| is_id(word))
}

fn is_id(word: &str) -> bool {
    let capitals = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase());
    let parts: Vec<&str> = word.split('-').collect();
    matches!(parts[..], [page, word, number]
        if page.len() == 2 && capitals(page) && capitals(word)
            && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(page: &str, sources: &[(&str, &str)]) -> Rules {
        let mut rules = Rules::default();
        rules.define("docs/protocol/a.md", page);
        for (path, text) in sources {
            rules.quote(path, text);
        }
        rules
    }

    const PAGE: &str = "Such as **VP-B-1**.\n- **VP-A-1** Text (VP-B-1).\n* **VP-A-2** More, **bold**.\n";
    const RUST: &str = "#[test]\nfn first() {\n    // VP-A-1, VP-A-2: why\n}\n";

    #[test]
    fn rules_that_are_quoted_have_no_findings() {
        let rules = rules(PAGE, &[("a/tests/b.rs", RUST)]);
        assert_eq!(rules.findings(), Vec::<String>::new());
        assert!(rules.table().ends_with(
            "| [VP-A-1](a.md) | `a/tests/b.rs::first` |\n| [VP-A-2](a.md) | `a/tests/b.rs::first` |\n"
        ));
    }

    #[test]
    fn every_disagreement_is_named() {
        let python =
            "# VP-A-1\n@pytest.mark.parametrize(\"a\", [1])\nasync def test_b(a):\n    b()  # VP-C-3\n";
        let twice = format!("{PAGE}- **VP-A-1** again\n");
        assert_eq!(
            rules(&twice, &[("interop/test_a.py", python)]).findings(),
            [
                "VP-A-2 of docs/protocol/a.md is quoted by no test",
                "VP-A-1 is defined twice: in docs/protocol/a.md and in docs/protocol/a.md",
                "interop/test_a.py::test_b quotes VP-C-3, which no page defines",
            ]
        );
    }

    #[test]
    fn only_comments_of_tests_count() {
        let source = "/// VP-A-1\nfn not_a_test() {}\n\n#[cfg(test)]\nmod tests {\n    // VP-A-2\n    #[test]\n    fn it() {}\n}\n";
        let found = rules(PAGE, &[("a/src/b.rs", source)]);
        assert_eq!(found.findings(), ["VP-A-1 of docs/protocol/a.md is quoted by no test"]);
        for none in ["//! VP-A-1, VP-A-2\n\nfn a() {}\n", "fn a() {\n    let b = \"VP-A-1 VP-A-2\";\n}\n"] {
            assert_eq!(rules(PAGE, &[("a/tests/b.rs", none)]).findings().len(), 2, "{none}");
        }
        assert_eq!(rules(PAGE, &[("xtask/src/rules.rs", RUST)]).findings().len(), 2);
    }

    #[test]
    fn ids_are_whole_words() {
        let text = "(VP-A-1), XVP-A-1 VP-A-1x VP-A-12. VP-A VP-1-A UTF-8-1 BM-ACK-1/BM-ACK-2 MISSION V3";
        assert_eq!(ids(text).collect::<Vec<_>>(), ["VP-A-1", "VP-A-12", "BM-ACK-1", "BM-ACK-2"]);
    }
}
