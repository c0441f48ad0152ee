//! The inputs that are worth changing: those of the repository, and those that went somewhere new.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Inputs in memory. A target that has this many places to go to is not told apart by one more.
const INPUTS: usize = 50_000;

pub(crate) struct Corpus {
    /// To be run once before anything else.
    pub(crate) seeds: Vec<Vec<u8>>,
    pub(crate) inputs: Vec<Vec<u8>>,
    folder: PathBuf,
}

impl Corpus {
    /// The corpus of the repository, its vectors, and what earlier runs kept.
    pub(crate) fn open(target: &str, keep: &Path) -> io::Result<Self> {
        let folder = keep.join("corpus");
        fs::create_dir_all(&folder)?;
        let mut kept = fs::read_dir(&folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        kept.sort();
        let files = fuzz::corpus(target)?.into_iter().chain(kept);
        let mut seeds = files.map(fs::read).collect::<io::Result<Vec<_>>>()?;
        seeds.extend(fuzz::vectors(target)?);
        Ok(Self { seeds, inputs: vec![Vec::new()], folder })
    }

    /// Keeps an input, for this run and the next ones.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.inputs.len() >= INPUTS {
            return Ok(());
        }
        fs::write(self.folder.join(name(bytes)), bytes)?;
        self.inputs.push(bytes.to_vec());
        Ok(())
    }
}

/// A name that the same input has again: FNV-1a.
pub(crate) fn name(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
