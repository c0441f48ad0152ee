//! `src/scheme/v1.rs` is what the published `.proto` says.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

fn generate() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let include = root.join("../bimip-proto/proto");
    let schema = include.join("bimip/v1/bimip.proto");
    let files = protox::compile([&schema], [&include]).unwrap();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scheme");
    std::fs::create_dir_all(&out).unwrap();
    prost_build::Config::new().bytes(["."]).out_dir(&out).compile_fds(files).unwrap();
    let text = std::fs::read_to_string(out.join("bimip.v1.rs")).unwrap();
    format!(
        "// Generated from bimip-proto/proto/bimip/v1/bimip.proto by tests/generated.rs; do not edit.\n{text}"
    )
}

/// Run with `BIMIP_BLESS=1` after a change of the schema.
#[test]
fn generated_code_is_current() {
    let fresh = generate();
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scheme/v1.rs");
    if std::env::var_os("BIMIP_BLESS").is_some() {
        std::fs::write(&path, &fresh).unwrap();
        return;
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        checked_in == fresh,
        "{} is stale: the schema changed. Run `BIMIP_BLESS=1 cargo test -p bimip-codec --test generated` \
         and review the difference.",
        path.display()
    );
}
