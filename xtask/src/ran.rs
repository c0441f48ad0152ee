//! Which tests ran and how they ended, read from what `cargo test` and pytest print.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::shell::{self, Shell, Stop};

/// Full test names with how they ended. Kept in `target/xtask/ran.txt` between commands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ran(BTreeMap<String, Ended>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Passed,
    Failed,
    Ignored,
}

impl Ran {
    /// What the last run left, nothing if there was none.
    pub(crate) fn load(shell: &Shell) -> Self {
        shell::read_file(&place(shell)).map(|text| Self::parse(&text)).unwrap_or_default()
    }

    pub(crate) fn save(&self, shell: &Shell) -> Result<(), Stop> {
        let lines: Vec<String> =
            self.0.iter().map(|(name, ended)| format!("{} {name}\n", ended.word())).collect();
        shell::write_file(&place(shell), &lines.concat())
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Self(lines.filter_map(|(word, name)| Some((name.to_owned(), Ended::from_word(word)?))).collect())
    }

    pub(crate) fn add(&mut self, name: String, ended: Ended) {
        self.0.insert(name, ended);
    }

    /// Forgets the tests whose name starts so: they are about to run again.
    pub(crate) fn forget(&mut self, prefix: &str) {
        self.0.retain(|name, _| !name.starts_with(prefix));
    }

    /// How a test ended. A pytest test with parameters is all its cases together.
    pub(crate) fn ended(&self, name: &str) -> Option<Ended> {
        let cases =
            self.0.range(format!("{name}[")..).take_while(|(case, _)| case.starts_with(&format!("{name}[")));
        let all = self.0.get_key_value(name).into_iter().chain(cases).map(|(_, ended)| *ended);
        all.max_by_key(|ended| match ended {
            Ended::Passed => 0,
            Ended::Ignored => 1,
            Ended::Failed => 2,
        })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| name.split_once('[').map_or(name.as_str(), |(test, _)| test))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Ended {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Ignored => "ignored",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Passed, Self::Failed, Self::Ignored].into_iter().find(|ended| ended.word() == word)
    }
}

fn place(shell: &Shell) -> PathBuf {
    shell.target().join("xtask/ran.txt")
}

/// The programs that `cargo test --no-run --message-format=json` built.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// File name of a test program to the prefix of its tests' names: `vectors-0123` to `bimip-codec::vectors`.
    tests: BTreeMap<String, String>,
    /// Name of a binary that is not a test to where it is.
    pub(crate) binaries: BTreeMap<String, PathBuf>,
}

impl Built {
    pub(crate) fn see(&mut self, line: &str) {
        let Ok(json) = serde_json::from_str::<Value>(line) else { return };
        let (Some(program), Some(target)) = (json["executable"].as_str(), json["target"]["name"].as_str())
        else {
            return;
        };
        if json["profile"]["test"] != Value::Bool(true) {
            self.binaries.insert(target.to_owned(), program.into());
            return;
        }
        let package = json["manifest_path"].as_str().and_then(|path| path.rsplit(['/', '\\']).nth(1));
        let Some(package) = package else { return };
        let in_library =
            json["target"]["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "lib"));
        let alone = in_library || target == package;
        let prefix = if alone { package.to_owned() } else { format!("{package}::{target}") };
        self.tests.insert(file_name(program).to_owned(), prefix);
    }
}

/// Reads the output of `cargo test` line by line.
#[derive(Debug)]
pub(crate) struct CargoTest<'a> {
    built: &'a Built,
    prefix: String,
    /// Named, but something else was printed before their verdict.
    open: Vec<String>,
    seen: usize,
    /// Programs whose own count is not what was read: their lines were torn.
    pub(crate) torn: Vec<String>,
}

impl<'a> CargoTest<'a> {
    pub(crate) fn new(built: &'a Built) -> Self {
        Self { built, prefix: String::new(), open: Vec::new(), seen: 0, torn: Vec::new() }
    }

    pub(crate) fn see(&mut self, line: &str, ran: &mut Ran) {
        let line = line.trim();
        if let Some(program) = line.strip_prefix("Running ").and_then(|rest| rest.rsplit_once('(')) {
            let name = file_name(program.1.trim_end_matches(')'));
            self.begin(self.built.tests.get(name).cloned().unwrap_or_else(|| name.to_owned()));
        } else if let Some(name) = line.strip_prefix("Doc-tests ") {
            self.begin(format!("{}::doc", name.replace('_', "-")));
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            self.end(rest, ran);
        } else if let Some((name, verdict)) =
            line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "))
        {
            self.test(name, verdict, ran);
        } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ...")) {
            self.test(name, "", ran);
        }
    }

    fn is_doc(&self) -> bool {
        self.prefix.ends_with("::doc")
    }

    fn begin(&mut self, prefix: String) {
        self.prefix = prefix;
        self.open.clear();
        self.seen = 0;
    }

    fn test(&mut self, name: &str, verdict: &str, ran: &mut Ran) {
        if name.contains('/') && !self.is_doc() {
            return; // a test that prints like one, as trybuild does
        }
        let name = name.trim_end_matches(" - should panic");
        let name = format!("{}::{name}", self.prefix);
        self.seen += 1;
        match verdict.split([' ', ',']).next() {
            Some("ok") => ran.add(name, Ended::Passed),
            Some("FAILED") => ran.add(name, Ended::Failed),
            Some("ignored") => ran.add(name, Ended::Ignored),
            _ => self.open.push(name),
        }
    }

    /// `ok. 3 passed; 0 failed; 0 ignored; ..`: where all passed, those without a verdict did too.
    fn end(&mut self, summary: &str, ran: &mut Ran) {
        let counts = summary.split(['.', ';']).skip(1).take(3);
        let total: usize =
            counts.filter_map(|part| part.split_whitespace().next()?.parse::<usize>().ok()).sum();
        let ended = if summary.starts_with("ok") { Ended::Passed } else { Ended::Failed };
        for name in self.open.drain(..) {
            ran.add(name, ended);
        }
        // rustdoc runs some of its tests in a second program of its own: its names do not matter here.
        if total != self.seen && !self.is_doc() {
            self.torn.push(self.prefix.clone());
        }
        self.seen = 0;
    }
}

/// One line of `pytest -v`: `interop/test_x.py::test_y[a case] PASSED [ 10%]`.
pub(crate) fn see_pytest(line: &str, ran: &mut Ran) {
    const WORDS: [(&str, Ended); 6] = [
        (" PASSED", Ended::Passed),
        (" SKIPPED", Ended::Ignored),
        (" XFAIL", Ended::Ignored),
        (" FAILED", Ended::Failed),
        (" ERROR", Ended::Failed),
        (" XPASS", Ended::Failed),
    ];
    let file = line.split("::").next().unwrap_or_default();
    if !file.ends_with(".py") || file.contains(' ') {
        return; // the summary repeats names after the verdict
    }
    if let Some((at, ended)) = WORDS.into_iter().find_map(|(word, ended)| Some((line.rfind(word)?, ended))) {
        ran.add(line[..at].to_owned(), ended);
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built() -> Built {
        let mut built = Built::default();
        for line in [
            r#"{"reason":"compiler-artifact","manifest_path":"/r/bimip-codec/Cargo.toml","profile":{"test":true},"target":{"kind":["lib"],"name":"bimip_codec"},"executable":"/r/target/debug/deps/bimip_codec-1f"}"#,
            r#"{"reason":"compiler-artifact","manifest_path":"/r/bimip-codec/Cargo.toml","profile":{"test":true},"target":{"kind":["test"],"name":"vectors"},"executable":"/r/target/debug/deps/vectors-2f"}"#,
            r#"{"reason":"compiler-artifact","manifest_path":"/r/bimip-server/Cargo.toml","profile":{"test":false},"target":{"kind":["bin"],"name":"bimip-server"},"executable":"/r/target/debug/bimip-server"}"#,
            r#"{"reason":"compiler-artifact","profile":{"test":false},"target":{"kind":["lib"],"name":"bytes"},"executable":null}"#,
            "not json",
        ] {
            built.see(line);
        }
        built
    }

    fn read(lines: &str) -> (Ran, Vec<String>) {
        let (built, mut ran) = (built(), Ran::default());
        let mut reader = CargoTest::new(&built);
        lines.lines().for_each(|line| reader.see(line, &mut ran));
        let torn = reader.torn;
        (ran, torn)
    }

    #[test]
    fn names_carry_the_crate_and_the_test_file() {
        let (ran, torn) = read(
            "     Running unittests src/lib.rs (target/debug/deps/bimip_codec-1f)\n\
             running 2 tests\n\
             test scheme::tests::a ... ok\n\
             test scheme::tests::b - should panic ... ok\n\
             test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             \x20    Running tests/vectors.rs (target/debug/deps/vectors-2f)\n\
             test text ... FAILED\n\
             test slow ... ignored, by hand\n\
             test result: FAILED. 0 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        );
        assert_eq!(ran.ended("bimip-codec::scheme::tests::a"), Some(Ended::Passed));
        assert_eq!(ran.ended("bimip-codec::scheme::tests::b"), Some(Ended::Passed));
        assert_eq!(ran.ended("bimip-codec::vectors::text"), Some(Ended::Failed));
        assert_eq!(ran.ended("bimip-codec::vectors::slow"), Some(Ended::Ignored));
        assert_eq!((ran.len(), torn.len()), (4, 0));
    }

    #[test]
    fn a_torn_line_is_settled_by_the_summary_and_a_lost_one_is_told() {
        let (ran, torn) = read(
            "Running tests/vectors.rs (target/debug/deps/vectors-2f)\n\
             test tests/forged/case.rs ... ok\n\
             test text ... a word from elsewhere\n\
             ok\n\
             test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             Running tests/vectors.rs (target/debug/deps/vectors-2f)\n\
             test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        );
        assert_eq!(ran.ended("bimip-codec::vectors::text"), Some(Ended::Passed));
        assert_eq!(torn, ["bimip-codec::vectors"]);
    }

    #[test]
    fn the_binary_that_was_built_on_the_way_is_known() {
        assert_eq!(built().binaries["bimip-server"], PathBuf::from("/r/target/debug/bimip-server"));
        assert_eq!(built().binaries.len(), 1);
    }

    #[test]
    fn cases_of_one_python_test_count_together() {
        let mut ran = Ran::default();
        for line in [
            "interop/test_a.py::test_b[x] PASSED [ 10%]",
            "interop/test_a.py::test_b[y z] PASSED",
            "interop/test_a.py::test_c PASSED [ 30%]",
            "interop/test_a.py::test_d SKIPPED (no) [ 40%]",
            "FAILED interop/test_a.py::test_c - assert",
        ] {
            see_pytest(line, &mut ran);
        }
        assert_eq!(ran.len(), 4);
        assert_eq!(ran.ended("interop/test_a.py::test_b"), Some(Ended::Passed));
        assert_eq!(ran.ended("interop/test_a.py::test_c"), Some(Ended::Passed));
        assert_eq!(ran.ended("interop/test_a.py::test_d"), Some(Ended::Ignored));
        assert_eq!(ran.ended("interop/test_a.py::test"), None);
        see_pytest("interop/test_a.py::test_b[w] FAILED [ 50%]", &mut ran);
        assert_eq!(ran.ended("interop/test_a.py::test_b"), Some(Ended::Failed));
    }

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let text = "passed a::b\nfailed c.py::d[e f]\nignored g\n";
        let mut ran = Ran::parse(text);
        assert_eq!(ran.len(), 3);
        assert_eq!(ran.ended("c.py::d"), Some(Ended::Failed));
        ran.forget("c.py");
        assert_eq!(ran.len(), 2);
    }
}
