//! The programs that this command only builds and starts: the simulator and the benchmarks.

use crate::shell::{self, Shell, Stop};

/// `seeds N [--profile NAME] [--from K] [--threads N]` and `seed K [--profile NAME]`. The core crates are optimised in the dev profile too, and there the
/// debug assertions are on: that is the default.
pub(crate) fn simulate(shell: &Shell, command: &str, rest: &[String]) -> Result<(), Stop> {
    let (release, rest) = take_release(rest);
    let asks = rest.iter().any(|it| ***it == *"--help" || ***it == *"-h");
    if !asks && rest.first().is_none_or(|number| number.parse::<u64>().is_err()) {
        return Err(Stop::new(format!("`{command}` takes a number first, as in `cargo xtask {command} 7`.")));
    }
    let mut cargo = shell.cargo(&["run", "--quiet", "-p", "bimip-session", "--features", "sim"]);
    if release {
        cargo.arg("--release");
    }
    cargo.args(["--example", "seeds", "--", command]).args(rest);
    shell::run(cargo)
}

pub(crate) fn bench(shell: &Shell, rest: &[String]) -> Result<(), Stop> {
    let mut cargo = shell.cargo(&["run", "--quiet", "--release", "-p", "benches", "--bin", "bench", "--"]);
    cargo.args(rest);
    shell::run(cargo)
}

/// Splits `--release`, which is ours, from the arguments that go on.
pub(crate) fn take_release(rest: &[String]) -> (bool, Vec<&String>) {
    let others: Vec<&String> = rest.iter().filter(|argument| *argument != "--release").collect();
    (others.len() < rest.len(), others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_is_taken_out_wherever_it_stands() {
        let rest: Vec<String> = ["10", "--release", "--from", "3"].map(str::to_owned).into();
        let (release, others) = take_release(&rest);
        assert!(release);
        assert_eq!(others, ["10", "--from", "3"]);
    }
}
