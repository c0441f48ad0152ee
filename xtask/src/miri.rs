//! `miri`: the tests of the core crates in an interpreter that sees undefined behaviour.

use crate::shell::{self, Shell, Stop};
use crate::stages::Stages;

const HELP: &str = "\
Runs the tests of bimip-proto, bimip-codec and bimip-session under miri, an interpreter that stops at undefined
behaviour: their own code has no `unsafe`, that of their dependencies has. It is some hundred times slower than the
machine, so tests that draw or repeat do so a few times only (`cfg!(miri)`).

Usage: cargo xtask miri [CRATE ...] [-- TEST ...]

It needs the nightly toolchain with the components miri and rust-src:
  rustup toolchain install nightly --component miri --component rust-src

Examples:
  cargo xtask miri
  cargo xtask miri bimip-proto bimip-codec
  cargo xtask miri bimip-session -- a_resend
";

const CRATES: [&str; 3] = ["bimip-proto", "bimip-codec", "bimip-session"];

pub(crate) fn run(shell: &Shell, stages: &mut Stages, rest: &[String]) -> Result<(), Stop> {
    if rest.iter().any(|word| ["-h", "--help", "help"].contains(&word.as_str())) {
        print!("{HELP}");
        return Ok(());
    }
    let (crates, tests) = parse(rest)?;
    installed(shell)?;
    for name in crates {
        let advice = "miri's report above says where; `cargo xtask miri CRATE -- TEST` runs one test again.";
        stages.stage(&format!("miri {name}"), advice, || shell::run(miri(shell, name, tests)))?;
    }
    Ok(())
}

/// The crates to test, and the names of tests.
fn parse(rest: &[String]) -> Result<(Vec<&str>, &[String]), Stop> {
    let end = rest.iter().position(|word| word == "--").unwrap_or(rest.len());
    let (crates, tests) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
    let crates: Vec<&str> = crates.iter().map(String::as_str).collect();
    if let Some(other) = crates.iter().find(|name| !CRATES.contains(name)) {
        let known = CRATES.join(", ");
        return Err(Stop::new(format!("miri runs {known}, not `{other}`. See `cargo xtask miri --help`.")));
    }
    Ok((if crates.is_empty() { CRATES.into() } else { crates }, tests))
}

/// What is missing is said before anything is built.
fn installed(shell: &Shell) -> Result<(), Stop> {
    let nightly = ["run", "nightly"];
    let works = |words: &[&str]| {
        let mut rustup = shell.program("rustup");
        rustup.args(nightly).args(words);
        shell::works(rustup)
    };
    if !works(&["cargo", "--version"]) {
        let install = "rustup toolchain install nightly --component miri --component rust-src";
        return Err(Stop::new(format!("miri needs the nightly toolchain: `{install}`.")));
    }
    if !works(&["cargo", "miri", "--version"]) {
        let install = "rustup component add --toolchain nightly miri rust-src";
        return Err(Stop::new(format!(
            "the nightly toolchain is here without its component miri: `{install}`."
        )));
    }
    Ok(())
}

fn miri(shell: &Shell, name: &str, tests: &[String]) -> std::process::Command {
    let mut cargo = shell.program("rustup");
    cargo.args(["run", "nightly", "cargo", "miri", "test", "-p", name, "--all-features", "--"]).args(tests);
    // Vectors are read from files, and proptest looks for what failed before.
    cargo.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", "4");
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_come_before_tests() {
        let words: Vec<String> = ["bimip-codec", "--", "text"].map(str::to_owned).into();
        let (crates, tests) = parse(&words).unwrap();
        assert_eq!((crates, tests), (vec!["bimip-codec"], &words[2..]));
        assert_eq!(parse(&[]).unwrap().0, CRATES);
        assert_eq!(parse(&words[1..]).unwrap().0, CRATES);
        let stop = parse(&["bimip-server".to_owned()]).unwrap_err().to_string();
        assert!(stop.contains("bimip-server") && stop.contains("--help"), "{stop}");
    }
}
