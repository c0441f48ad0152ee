//! `fuzz`: looks for inputs that break a target, for a while.

use std::path::{Path, PathBuf};

use crate::shell::{self, Shell, Stop};

const HELP: &str = "\
Looks for inputs that break a target of the crate `fuzz`, until the time is over or one is found.

Usage: cargo xtask fuzz TARGET SECONDS [--seed N] [--engine own|libfuzzer]

Targets: the names of the folders of fuzz/corpus, which hold the inputs it begins with. What it learns is kept in
target/fuzzing/TARGET/corpus for the next run, what breaks is written to target/fuzzing/TARGET/found, with the command
that shows it again.

Options:
  --seed N          the same choices again
  --engine own      the default: needs a stable compiler and nothing else, guided by its coverage counters
  --engine libfuzzer
                    `cargo +nightly fuzz run`: needs a nightly compiler, a C++ compiler and `cargo install cargo-fuzz`

Examples:
  cargo xtask fuzz decode_scheme 60
  cargo xtask fuzz server_core 1800
  cargo xtask fuzz store_open 600 --seed 7
";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    target: String,
    seconds: u64,
    seed: Option<u64>,
    libfuzzer: bool,
}

pub(crate) fn run(shell: &Shell, rest: &[String]) -> Result<(), Stop> {
    if rest.iter().any(|word| ["-h", "--help", "help"].contains(&word.as_str())) {
        print!("{HELP}");
        return Ok(());
    }
    let wish = parse(rest)?;
    let known = targets(&shell.path("fuzz/corpus"))?;
    if !known.contains(&wish.target) {
        let known = known.join(", ");
        return Err(Stop::new(format!("there is no target {}; there are {known}.", wish.target)));
    }
    if wish.libfuzzer { libfuzzer(shell, &wish) } else { own(shell, &wish) }
}

fn parse(rest: &[String]) -> Result<Wish, Stop> {
    let number = |text: &String| {
        text.parse::<u64>()
            .map_err(|_| Stop::new(format!("`{text}` is not a number. See `cargo xtask fuzz --help`.")))
    };
    let (mut plain, mut seed, mut libfuzzer) = (Vec::new(), None, false);
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| Stop::new(format!("{word} needs a value.")));
        match word.as_str() {
            "--seed" => seed = Some(number(value()?)?),
            "--engine" => {
                libfuzzer = match value()?.as_str() {
                    "own" => false,
                    "libfuzzer" => true,
                    other => return Err(Stop::new(format!("there is no engine {other}: own or libfuzzer."))),
                }
            }
            other if other.starts_with('-') => return Err(Stop::new(format!("there is no option {other}."))),
            _ => plain.push(word),
        }
    }
    let [target, seconds] = plain.as_slice() else {
        return Err(Stop::new("which target, and for how many seconds? `cargo xtask fuzz decode_scheme 60`"));
    };
    Ok(Wish { target: (*target).clone(), seconds: number(seconds)?, seed, libfuzzer })
}

/// A target has a folder of inputs.
fn targets(corpus: &Path) -> Result<Vec<String>, Stop> {
    let unread = |error| Stop::new(format!("cannot read {}: {error}", corpus.display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(corpus).map_err(unread)? {
        names.push(entry.map_err(unread)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Everything that is built for it, and all that it keeps.
fn folder(shell: &Shell) -> PathBuf {
    shell.target().join("fuzzing")
}

fn own(shell: &Shell, wish: &Wish) -> Result<(), Stop> {
    let folder = folder(shell);
    let host = host(shell)?;
    let mut cargo = shell.cargo(&["run", "--quiet", "--profile", "fuzzing", "-p", "fuzz", "--bin", "fuzzer"]);
    // For a named target, even if it is this machine: otherwise build scripts would be counted too.
    cargo.args(["--target", &host, "--target-dir"]).arg(&folder);
    cargo.env("RUSTFLAGS", "-C instrument-coverage --cfg fuzz_coverage");
    // The counters are read while it runs; nobody wants the report that they were made for.
    cargo.env("LLVM_PROFILE_FILE", "/dev/null");
    cargo.arg("--").args([&wish.target, &wish.seconds.to_string(), "--keep"]).arg(&folder);
    if let Some(seed) = wish.seed {
        cargo.args(["--seed", &seed.to_string()]);
    }
    println!("building the target with its counters; the first time takes some minutes");
    shell::run(cargo)
}

fn libfuzzer(shell: &Shell, wish: &Wish) -> Result<(), Stop> {
    let toolchain = ["run", "nightly", "cargo", "fuzz"];
    let mut version = shell.program("rustup");
    version.args(toolchain).arg("--version");
    if !shell::works(version) {
        return Err(Stop::new(
            "libFuzzer needs `rustup toolchain install nightly` and `cargo install cargo-fuzz`.",
        ));
    }
    let corpus = folder(shell).join(&wish.target).join("corpus");
    std::fs::create_dir_all(&corpus)
        .map_err(|error| Stop::new(format!("cannot make {}: {error}", corpus.display())))?;
    let mut cargo = shell.program("rustup");
    cargo.args(toolchain).args(["run", "--fuzz-dir", "fuzz", &wish.target]);
    // What is found goes into the first folder.
    cargo.arg(corpus).arg(shell.path("fuzz/corpus").join(&wish.target));
    cargo.args(["--", &format!("-max_total_time={}", wish.seconds)]);
    if let Some(seed) = wish.seed {
        cargo.arg(format!("-seed={seed}"));
    }
    shell::run(cargo)
}

/// The name of the machine that the compiler runs on.
fn host(shell: &Shell) -> Result<String, Stop> {
    let mut rustc = shell.program(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.arg("-vV");
    let said = shell::read(rustc)?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Stop::new("`rustc -vV` names no host."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Wish, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .map_err(|stop| stop.to_string())
    }

    #[test]
    fn wishes_are_understood() {
        let wish = Wish { target: "decode_scheme".to_owned(), seconds: 60, seed: None, libfuzzer: false };
        assert_eq!(parsed("decode_scheme 60"), Ok(wish));
        let wish = Wish { target: "server_core".to_owned(), seconds: 1_800, seed: Some(7), libfuzzer: true };
        assert_eq!(parsed("--engine libfuzzer server_core --seed 7 1800"), Ok(wish));
        for (line, word) in [
            ("", "which target"),
            ("decode_scheme", "which target"),
            ("decode_scheme soon", "not a number"),
            ("decode_scheme 60 --seed", "needs a value"),
            ("decode_scheme 60 --engine afl", "no engine"),
            ("decode_scheme 60 --fast", "no option"),
        ] {
            assert!(parsed(line).unwrap_err().contains(word), "{line}");
        }
    }
}
