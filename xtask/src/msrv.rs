//! Does each crate build with the oldest toolchain that its manifest promises?

use std::collections::BTreeMap;

use crate::check::metadata;
use crate::shell::{self, Shell, Stop};
use crate::{setup, stages::Stages};

pub(crate) fn run(shell: &Shell, stages: &mut Stages) -> Result<(), Stop> {
    for (version, members) in by_version(&metadata::read(shell)?) {
        let version = full(&version);
        let advice = "Use what that toolchain has, or raise `rust-version` in a minor release.";
        stages.stage(&format!("Rust {version}: {}", members.join(", ")), advice, || {
            setup::toolchain(shell, &version)?;
            let mut command = shell.program("rustup");
            command.args(["run", &version, "cargo", "check"]);
            for member in &members {
                command.args(["-p", member]);
            }
            shell::run(command)
        })?;
    }
    Ok(())
}

/// The published members by the version they promise.
fn by_version(metadata: &metadata::Metadata) -> BTreeMap<String, Vec<String>> {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata.members().filter(|package| package.published) {
        if let Some(version) = &package.rust_version {
            versions.entry(version.clone()).or_default().push(package.name.clone());
        }
    }
    versions
}

/// `1.88` is `1.88.0` to rustup.
fn full(version: &str) -> String {
    if version.matches('.').count() < 2 { format!("{version}.0") } else { version.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers_are_filled_up() {
        assert_eq!(full("1.88"), "1.88.0");
        assert_eq!(full("1.90.1"), "1.90.1");
    }
}
