//! The command line.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuzz::{Entry, TARGETS};

pub(crate) const USAGE: &str = "\
Changes inputs of a target at random until something breaks, or the time is over.

Usage: fuzzer TARGET SECONDS --keep FOLDER [--seed N] [--max-bytes N] [--hang SECONDS]

  --keep FOLDER     where inputs that go somewhere new are kept for the next run, and what broke is written
  --seed N          the same choices again; otherwise the clock chooses
  --max-bytes N     no input gets longer (4096)
  --hang SECONDS    an input that takes longer hangs (10)

`cargo xtask fuzz` names the targets and chooses the folder.
";

pub(crate) struct Args {
    pub(crate) target: String,
    pub(crate) entry: Entry,
    pub(crate) time: Duration,
    pub(crate) keep: PathBuf,
    pub(crate) seed: u64,
    pub(crate) max_bytes: usize,
    pub(crate) hang: Duration,
    /// A run takes so long that the clock costs nothing.
    pub(crate) slow: bool,
}

impl Args {
    /// `None` when help was asked for.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut plain, mut keep, mut seed, mut max_bytes, mut hang) = (Vec::new(), None, None, 4_096, 10);
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "-h" | "--help" => return Ok(None),
                "--keep" => keep = Some(PathBuf::from(value()?)),
                "--seed" => seed = Some(number(&value()?)?),
                "--max-bytes" => max_bytes = number(&value()?)?,
                "--hang" => hang = number(&value()?)?,
                other if other.starts_with('-') => return Err(format!("there is no option {other}")),
                _ => plain.push(word),
            }
        }
        let [target, seconds] = plain.as_slice() else {
            return Err("a target and a number of seconds".into());
        };
        let names = || TARGETS.map(|(name, _)| name).join(", ");
        let (_, entry) = TARGETS
            .into_iter()
            .find(|(name, _)| name == target)
            .ok_or_else(|| format!("there is no target {target}; there are {}", names()))?;
        Ok(Some(Self {
            entry,
            time: Duration::from_secs(number(seconds)?),
            keep: keep.ok_or("--keep is needed")?.join(target),
            seed: seed.unwrap_or_else(clock),
            max_bytes: usize::try_from(max_bytes).unwrap_or(usize::MAX),
            hang: Duration::from_secs(hang),
            slow: !target.starts_with("decode") && !target.starts_with("roundtrip"),
            target: target.clone(),
        }))
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is not a number"))
}

/// Something else each time.
fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs())
}
