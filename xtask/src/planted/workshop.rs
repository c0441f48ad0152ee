//! A copy of the core crates in which bugs are planted one at a time, built again and put to the proof.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::bug::{Bug, Edit, Finder};
use crate::shell::{self, Shell, Stop};

/// What is copied: the machines, and what they are built on.
const COPIED: [&str; 2] = ["bimip-proto", "bimip-session"];

/// The tests of bimip-session that are left out: what does not compile is another matter, and whole worlds and long
/// sequences are too slow to be asked a thousand times.
const LEFT_OUT: [&str; 4] = ["forged", "model", "seeds", "views"];

/// All others in one program, which is linked once, and a few worlds.
pub(crate) const MACHINES: &str = "machines";

/// Quick to build and quick to run; what a run asserts, it asserts here too.
const PROFILE: &str = "
[profile.dev]
opt-level = 1
debug = false
";

const RUNNER: &str = "\
[package]
name = \"runner\"
version = \"0.0.0\"
edition = \"2024\"

[dependencies]
bimip-session = { path = \"../bimip-session\", features = [\"sim\"] }
";

/// What became of a bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// The simulator saw it: the first seed, and the first thing that was wrong.
    BySeed(u64, String),
    /// This test failed.
    ByTest(String),
    Missed,
    /// It could not be planted, or does not build.
    NotPlanted(String),
}

impl Found {
    pub(super) const fn is_caught(&self) -> bool {
        matches!(self, Self::BySeed(..) | Self::ByTest(_))
    }
}

/// The copy.
pub(crate) struct Workshop<'s> {
    shell: &'s Shell,
    root: PathBuf,
    /// The files of the copy as they are without a bug.
    sources: BTreeMap<PathBuf, String>,
    /// Held while the copy is in use.
    _lock: File,
}

impl<'s> Workshop<'s> {
    /// Makes the copy, or brings it up to date.
    pub(crate) fn open(shell: &'s Shell) -> Result<Self, Stop> {
        let root = shell.target().join("planted");
        let lock = lock(&root)?;
        let mut sources = BTreeMap::new();
        for name in COPIED {
            collect(&shell.path(name), &root.join(name), &mut sources)?;
        }
        let members =
            "[workspace]\nresolver = \"3\"\nmembers = [\"bimip-proto\", \"bimip-session\", \"runner\"]\n";
        let manifest = shared_sections(&shell.read_file("Cargo.toml")?);
        sources.insert(root.join("Cargo.toml"), format!("{members}{manifest}{PROFILE}"));
        sources.insert(root.join("Cargo.lock"), shell.read_file("Cargo.lock")?);
        sources.insert(root.join("runner/Cargo.toml"), RUNNER.to_owned());
        sources.insert(root.join("runner/src/main.rs"), include_str!("runner/main.rs").to_owned());
        sources.insert(root.join(format!("bimip-session/tests/{MACHINES}.rs")), machines(&sources, &root));
        remove_what_is_gone(&root, &sources)?;
        let workshop = Self { shell, root, sources, _lock: lock };
        for (path, text) in &workshop.sources {
            workshop.put(path, text)?;
        }
        Ok(workshop)
    }

    /// The worlds without any bug: they must hold, or nothing that follows means anything.
    pub(super) fn control(&self, seeds: u64) -> Result<(), Stop> {
        let mut found = self.simulate(seeds)?;
        if let Found::NotPlanted(_) = found {
            // A compiler that was stopped in the midst of its work can leave half of it behind.
            let _gone = std::fs::remove_dir_all(self.root.join("target"));
            found = self.simulate(seeds)?;
        }
        match found {
            Found::Missed => Ok(()),
            Found::BySeed(seed, violation) => Err(Stop::new(format!(
                "without a bug seed {seed} fails: {violation}\nReplay it with `cargo xtask seed {seed}`."
            ))),
            other => Err(Stop::new(format!("the copy in {} is of no use: {other:?}", self.root.display()))),
        }
    }

    /// Plants a bug, looks who finds it, and takes it out again.
    pub(super) fn prove(&self, bug: &Bug, seeds: u64) -> Result<Found, Stop> {
        let changed = match self.planted(bug) {
            Ok(changed) => changed,
            Err(stop) => return Ok(Found::NotPlanted(stop.to_string())),
        };
        for (path, text) in &changed {
            self.put(path, text)?;
        }
        let found = match bug.finder {
            Finder::Simulator => self.simulate(seeds),
            Finder::Tests(_) => self.test(),
        };
        for path in changed.keys() {
            self.put(path, &self.sources[path])?;
        }
        found
    }

    /// The files that a bug changes, changed.
    fn planted(&self, bug: &Bug) -> Result<BTreeMap<PathBuf, String>, Stop> {
        let mut changed: BTreeMap<PathBuf, String> = BTreeMap::new();
        for edit in bug.edits {
            let path = self.root.join("bimip-session/src").join(edit.file);
            let text = changed.get(&path).or_else(|| self.sources.get(&path));
            let text = text.ok_or_else(|| Stop::new(format!("there is no file {}.", edit.file)))?;
            changed.insert(path, apply(edit, text)?);
        }
        Ok(changed)
    }

    fn simulate(&self, seeds: u64) -> Result<Found, Stop> {
        let mut cargo = self.cargo(&["run", "--quiet", "-p", "runner", "--"]);
        cargo.arg(seeds.to_string());
        let (said, errors, _) = outcome(cargo)?;
        if said.trim() == "held" {
            return Ok(Found::Missed);
        }
        let caught = said.trim().strip_prefix("caught ").and_then(|rest| rest.split_once(' '));
        let caught = caught.and_then(|(seed, text)| Some((seed.parse().ok()?, text.to_owned())));
        Ok(caught.map_or(Found::NotPlanted(errors), |(seed, text)| Found::BySeed(seed, text)))
    }

    fn test(&self) -> Result<Found, Stop> {
        let mut cargo =
            self.cargo(&["test", "--quiet", "-p", "bimip-session", "--features", "sim", "--no-fail-fast"]);
        cargo.args(["--lib", "--test", MACHINES]);
        let (said, errors, passed) = outcome(cargo)?;
        let failed = said.lines().find_map(|line| line.strip_prefix("---- ")?.strip_suffix(" stdout ----"));
        Ok(match failed {
            Some(name) => Found::ByTest(name.to_owned()),
            None if passed => Found::Missed,
            None => Found::NotPlanted(errors),
        })
    }

    /// Cargo in the copy, which builds below it.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = self.shell.cargo(arguments);
        cargo.current_dir(&self.root).env("CARGO_TARGET_DIR", self.root.join("target"));
        // A bug may leave something unused.
        cargo.env("RUSTFLAGS", "--cap-lints allow");
        cargo
    }

    /// Writes a file where it is not so already: what was not touched is not built again.
    fn put(&self, path: &Path, text: &str) -> Result<(), Stop> {
        if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        shell::write_file(path, text)
    }
}

/// Two commands would plant into each other's sources.
fn lock(root: &Path) -> Result<File, Stop> {
    let path = root.join("in-use");
    let unmade = |error| Stop::new(format!("cannot make {}: {error}", path.display()));
    std::fs::create_dir_all(root).map_err(unmade)?;
    let file = File::create(&path).map_err(unmade)?;
    file.try_lock().map_err(|_| {
        let folder = root.display();
        Stop::new(format!("another command works in {folder}; wait for it, or set CARGO_TARGET_DIR."))
    })?;
    Ok(file)
}

/// The program of all tests that drive the machines by hand.
fn machines(sources: &BTreeMap<PathBuf, String>, root: &Path) -> String {
    let tests = root.join("bimip-session/tests");
    let mut text = String::new();
    for path in sources.keys().filter_map(|path| path.strip_prefix(&tests).ok()) {
        let file = path.display().to_string();
        let name = file.strip_suffix("/main.rs").or_else(|| file.strip_suffix(".rs"));
        let Some(name) = name.filter(|name| !name.contains('/') && !LEFT_OUT.contains(name)) else {
            continue;
        };
        text.push_str(&format!("#[path = \"{file}\"]\nmod {name};\n"));
    }
    text + include_str!("runner/worlds.rs")
}

/// Applies one edit. Its text must occur exactly once.
pub(super) fn apply(edit: &Edit, text: &str) -> Result<String, Stop> {
    match text.matches(edit.find).count() {
        1 => Ok(text.replacen(edit.find, edit.put, 1)),
        times => {
            Err(Stop::new(format!("{} has this {times} times, not once: {}", edit.file, edit.find.trim())))
        }
    }
}

/// The tables of the root manifest that members inherit from.
fn shared_sections(manifest: &str) -> String {
    let mut kept = String::new();
    let mut keep = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            let shared = ["[workspace.package]", "[workspace.dependencies]", "[workspace.lints"];
            keep = shared.iter().any(|header| line.starts_with(header));
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Every file below a folder, by where it goes.
fn collect(from: &Path, to: &Path, sources: &mut BTreeMap<PathBuf, String>) -> Result<(), Stop> {
    let unread = |error| Stop::new(format!("cannot read {}: {error}", from.display()));
    for entry in std::fs::read_dir(from).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            collect(&path, &target, sources)?;
        } else {
            sources.insert(target, shell::read_file(&path)?);
        }
    }
    Ok(())
}

/// A file that was copied and is no longer in the repository would still be built.
fn remove_what_is_gone(root: &Path, sources: &BTreeMap<PathBuf, String>) -> Result<(), Stop> {
    let mut there = BTreeMap::new();
    for name in COPIED.iter().map(|name| root.join(name)).filter(|name| name.is_dir()) {
        collect(&name, &name, &mut there)?;
    }
    for path in there.keys().filter(|path| !sources.contains_key(*path)) {
        std::fs::remove_file(path)
            .map_err(|error| Stop::new(format!("cannot remove {}: {error}", path.display())))?;
    }
    Ok(())
}

/// Runs it to its end: what it said, what it complained about, and whether it was content.
fn outcome(mut command: Command) -> Result<(String, String, bool), Stop> {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = output.map_err(|error| Stop::new(format!("cargo did not start: {error}.")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((text(&output.stdout), text(&output.stderr), output.status.success()))
}

#[cfg(test)]
mod tests {
    use super::super::bug::edit;
    use super::*;

    #[test]
    fn a_text_must_be_there_once() {
        let once = edit("a.rs", "b", "x");
        assert_eq!(apply(&once, "abc").unwrap(), "axc");
        let none = apply(&once, "ac").unwrap_err().to_string();
        assert_eq!(none, "a.rs has this 0 times, not once: b");
        assert!(apply(&once, "abcb").unwrap_err().to_string().contains("2 times"));
    }

    #[test]
    fn the_copy_inherits_and_builds_nothing_else() {
        let manifest = "[workspace]\nmembers = [\"a\"]\n\n[workspace.package]\nversion = \"1\"\n[workspace.lints.rust]\n\
                        unsafe_code = \"deny\"\n[profile.dev]\ndebug = 1\n";
        let kept = shared_sections(manifest);
        assert_eq!(
            kept,
            "[workspace.package]\nversion = \"1\"\n[workspace.lints.rust]\nunsafe_code = \"deny\"\n"
        );
    }
}
