//! Words that may not be in the sources. Clippy's `disallowed-methods` says the same about calls; this also
//! catches imports, macros and what a clippy attribute could allow.

use std::path::{Path, PathBuf};

use crate::shell::{self, Shell, Stop};

/// No clock, randomness, thread, unordered map, I/O or runtime in the core crates.
const NOT_IN_CORE: [&str; 21] = [
    "Instant",
    "SystemTime",
    "std::time",
    "rand::",
    "thread_rng",
    "getrandom",
    "RandomState",
    "std::thread",
    "thread::spawn",
    "thread_local!",
    "HashMap",
    "HashSet",
    "std::net",
    "std::fs",
    "std::io",
    "std::env",
    "std::process",
    "tokio",
    "println!",
    "eprintln!",
    "async fn",
];

/// Written in parts, so that this file passes its own check.
const NOT_ANYWHERE: [&str; 2] = [concat!("../", "shared"), concat!("todo", "!")];

/// What is wrong in the sources of one core crate.
pub(super) fn core_crate(shell: &Shell, name: &str) -> Result<Vec<String>, Stop> {
    let mut files = Vec::new();
    walk(&shell.path(name).join("src"), &mut files)?;
    let mut findings = Vec::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let text = shell::read_file(path)?;
        let place = path.strip_prefix(shell.path("")).unwrap_or(path).display().to_string();
        findings.extend(core_words(&text).map(|(line, word)| format!("{place}:{line}: {word}")));
    }
    if !shell.read_file(&format!("{name}/src/lib.rs"))?.contains("#![forbid(unsafe_code)]") {
        findings.push(format!("{name}/src/lib.rs: lacks #![forbid(unsafe_code)]"));
    }
    Ok(findings)
}

fn core_words(text: &str) -> impl Iterator<Item = (usize, &'static str)> + '_ {
    text.lines().enumerate().flat_map(|(index, line)| {
        let code = without_comment(line);
        NOT_IN_CORE.into_iter().filter(move |word| has_word(code, word)).map(move |word| (index + 1, word))
    })
}

/// The line up to a comment. A `//` after a colon is part of an address in a string.
fn without_comment(line: &str) -> &str {
    let mut from = 0;
    while let Some(at) = line[from..].find("//").map(|at| from + at) {
        if !line[..at].ends_with(':') {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

/// Whether `word` stands in `code` and does not go on to the left or right as an identifier.
fn has_word(code: &str, word: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let ends_open = !joins(word.chars().last());
    code.match_indices(word).any(|(at, _)| {
        let after = code[at + word.len()..].chars().next();
        !joins(code[..at].chars().last()) && (ends_open || !joins(after))
    })
}

/// What no file of the repository may say.
pub(super) fn tracked(shell: &Shell) -> Result<Vec<String>, Stop> {
    let mut findings = Vec::new();
    for path in tracked_files(shell)? {
        let Ok(text) = std::fs::read_to_string(shell.path(&path)) else { continue }; // binary, or just deleted
        for (index, line) in text.lines().enumerate() {
            for word in NOT_ANYWHERE.into_iter().filter(|word| line.contains(word)) {
                findings.push(format!("{}:{}: {word}", path.display(), index + 1));
            }
        }
    }
    Ok(findings)
}

/// Tracked files and those that would be added; without git, all but what is built.
pub(crate) fn tracked_files(shell: &Shell) -> Result<Vec<PathBuf>, Stop> {
    let mut git = shell.program("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    git.stderr(std::process::Stdio::null());
    if let Ok(output) = git.output()
        && output.status.success()
    {
        let names = String::from_utf8_lossy(&output.stdout);
        return Ok(names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect());
    }
    let mut files = Vec::new();
    walk(&shell.path(""), &mut files)?;
    let root = shell.path("");
    Ok(files.iter().filter_map(|path| path.strip_prefix(&root).ok()).map(Path::to_owned).collect())
}

/// All files below `folder`, in order, build results and hidden folders of git aside.
pub(crate) fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Stop> {
    let broken = |error| Stop::new(format!("cannot list {}: {error}", folder.display()));
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(broken)?;
    entries.sort();
    for path in entries {
        let skipped = [".git", "target", "__pycache__", ".venv"];
        if !path.is_dir() {
            files.push(path);
        } else if !path.file_name().is_some_and(|name| skipped.iter().any(|skip| name == *skip)) {
            walk(&path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_code_and_not_in_comments_or_longer_names() {
        let text = "use std::collections::HashMap;\n\
                    /// Like a HashMap, std::net or tokio.\n\
                    let a = Instantly; // Instant\n\
                    let url = \"ws://host\"; let b = std::time::Duration::ZERO;\n\
                    let c = operand::x(); rand::random();\n";
        let found: Vec<_> = core_words(text).collect();
        assert_eq!(found, [(1, "HashMap"), (4, "std::time"), (5, "rand::")]);
    }

    // MISSION L1
    #[test]
    fn the_core_has_no_clock_no_randomness_no_thread_and_no_io() {
        let shell = Shell::new().unwrap();
        for name in ["bimip-proto", "bimip-codec", "bimip-session"] {
            assert_eq!(core_crate(&shell, name).unwrap(), [] as [String; 0], "{name}");
        }
    }

    #[test]
    fn a_comment_ends_the_code() {
        assert_eq!(without_comment("a(); // b"), "a(); ");
        assert_eq!(without_comment("\"ws://a\" // b"), "\"ws://a\" ");
        assert_eq!(without_comment("//! doc"), "");
    }
}
