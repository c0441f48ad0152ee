//! `model`: the server against its reference, for longer than a test run has time for.

use crate::shell::{self, Shell, Stop};

const HELP: &str = "\
Runs random sequences of 200 operations on the server and on a reference of it, and compares after each operation. A
sequence that fails is made as short as it can be, and printed. The normal tests run 20000 sequences.

Usage: cargo xtask model COUNT [--seed N] [--release]

Options:
  --seed N     other sequences: the same N draws the same ones (0 is what the normal tests draw)
  --release    build with all optimisations

Examples:
  cargo xtask model 1000000
  cargo xtask model 5000000 --seed 7 --release
";

#[derive(Debug, PartialEq, Eq)]
struct Wish {
    count: u32,
    seed: u32,
    release: bool,
}

pub(crate) fn run(shell: &Shell, rest: &[String]) -> Result<(), Stop> {
    if rest.iter().any(|word| ["-h", "--help", "help"].contains(&word.as_str())) {
        print!("{HELP}");
        return Ok(());
    }
    let wish = parse(rest)?;
    let mut cargo = shell.cargo(&["test", "--quiet", "-p", "bimip-session", "--test", "model"]);
    if wish.release {
        cargo.arg("--release");
    }
    cargo.args(["half", "--", "--nocapture"]);
    cargo.env("BIMIP_SEQUENCES", wish.count.to_string()).env("BIMIP_SEED", wish.seed.to_string());
    shell::run(cargo)
}

fn parse(rest: &[String]) -> Result<Wish, Stop> {
    let number = |text: &str| {
        text.parse::<u32>().map_err(|_| {
            Stop::new(format!("`{text}` is not a number up to {}. See `cargo xtask model --help`.", u32::MAX))
        })
    };
    let (mut count, mut seed, mut release) = (None, 0, false);
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--release" => release = true,
            "--seed" => seed = number(words.next().ok_or_else(|| Stop::new("--seed needs a number."))?)?,
            other if other.starts_with('-') => return Err(Stop::new(format!("there is no option {other}."))),
            other if count.is_none() => count = Some(number(other)?),
            other => return Err(Stop::new(format!("one number is enough; what is `{other}`?"))),
        }
    }
    let count = count.ok_or_else(|| Stop::new("how many sequences? `cargo xtask model 1000000`"))?;
    Ok(Wish { count, seed, release })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Wish, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse(&words).map_err(|stop| stop.to_string())
    }

    #[test]
    fn a_count_and_its_options_come_in_any_order() {
        assert_eq!(parsed(&["7"]), Ok(Wish { count: 7, seed: 0, release: false }));
        assert_eq!(parsed(&["--seed", "3", "7", "--release"]), Ok(Wish { count: 7, seed: 3, release: true }));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        assert!(parsed(&[]).unwrap_err().contains("cargo xtask model 1000000"));
        assert!(parsed(&["many"]).unwrap_err().contains("--help"));
        assert!(parsed(&["7", "--sed", "3"]).unwrap_err().contains("--sed"));
        assert!(parsed(&["7", "8"]).unwrap_err().contains('8'));
    }
}
