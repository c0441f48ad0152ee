//! A directory as one text file: small, readable in a difference, and unpacked with nothing but the standard library.
//!
//! ```text
//! file store/format
//! 62696d69702073746f726520310a
//! file store/engine/0.jnl
//! 0103…
//! zeros 67108000
//! ```
//!
//! A line of hex is those bytes, `zeros` that many of them: the engine allocates its journals ahead.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Shorter runs are written out.
const RUN_BYTES: usize = 64;
const LINE_BYTES: usize = 60;

/// Every file below a directory, in the order of their names.
pub(crate) fn pack(root: &Path) -> String {
    let mut text = String::new();
    for path in files(root) {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        writeln!(text, "file {name}").unwrap();
        runs(&fs::read(&path).unwrap(), &mut text);
    }
    text
}

/// Makes the files again.
pub(crate) fn unpack(text: &str, root: &Path) {
    let mut open: Option<(PathBuf, Vec<u8>)> = None;
    let close = |file: Option<(PathBuf, Vec<u8>)>| {
        let Some((path, bytes)) = file else { return };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("file ") {
            close(open.replace((root.join(name), Vec::new())));
            continue;
        }
        let (_, bytes) = open.as_mut().unwrap();
        if let Some(count) = line.strip_prefix("zeros ") {
            bytes.resize(bytes.len() + count.parse::<usize>().unwrap(), 0);
        } else {
            let pairs = line.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
            bytes.extend(pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()));
        }
    }
    close(open);
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    found.sort();
    found.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn runs(mut bytes: &[u8], text: &mut String) {
    while !bytes.is_empty() {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros >= RUN_BYTES || zeros == bytes.len() {
            writeln!(text, "zeros {zeros}").unwrap();
            bytes = &bytes[zeros..];
            continue;
        }
        let end = bytes.windows(RUN_BYTES).position(|window| window.iter().all(|byte| *byte == 0));
        let (run, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        for line in run.chunks(LINE_BYTES) {
            line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
            text.push('\n');
        }
        bytes = rest;
    }
}

#[test]
fn what_is_packed_comes_out_again() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(from.path().join("d")).unwrap();
    let contents: [&[u8]; 5] = [b"", b"text", &[0; 9], &[&[1; 70][..], &[0; 64], &[2]].concat(), &[0; 5_000]];
    for (at, bytes) in contents.iter().enumerate() {
        fs::write(from.path().join(format!("d/{at}")), bytes).unwrap();
    }
    let text = pack(from.path());
    assert!(text.len() < 400, "{text}");
    unpack(&text, to.path());
    for (at, bytes) in contents.iter().enumerate() {
        assert_eq!(fs::read(to.path().join(format!("d/{at}"))).unwrap(), *bytes);
    }
}
