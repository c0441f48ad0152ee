//! The generated code is what the published `.proto` files say.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

/// What the service says about itself, for whoever asks.
#[test]
#[cfg_attr(miri, ignore = "it compiles schemas, and the code that it writes is not run")]
fn descriptors_of_the_service_are_current() {
    use prost::Message;
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bimip-proto/proto");
    let mut files = protox::compile([include.join("message/message.proto")], [&include]).unwrap();
    for file in &mut files.file {
        // Where something stood in the text: half of the bytes, and nobody asks for it.
        file.source_code_info = None;
    }
    let fresh = files.encode_to_vec();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/grpc/message.bin");
    if std::env::var_os("BIMIP_BLESS").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    assert!(std::fs::read(&path).unwrap_or_default() == fresh, "src/grpc/message.bin is stale");
}

fn generate(schema: &str, package: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let include = root.join("../bimip-proto/proto");
    let files = protox::compile([include.join(schema)], [&include]).unwrap();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package);
    std::fs::create_dir_all(&out).unwrap();
    prost_build::Config::new().bytes(["."]).out_dir(&out).compile_fds(files).unwrap();
    let text = std::fs::read_to_string(out.join(format!("{package}.rs"))).unwrap();
    format!("// Generated from bimip-proto/proto/{schema} by tests/generated.rs; do not edit.\n{text}")
}

/// Run with `BIMIP_BLESS=1` after a change of the schema.
fn is_current(schema: &str, package: &str, code: &str) {
    let fresh = generate(schema, package);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(code);
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

#[test]
#[cfg_attr(miri, ignore = "it compiles schemas, and the code that it writes is not run")]
fn generated_code_is_current() {
    is_current("bimip/v1/bimip.proto", "bimip.v1", "src/scheme/v1.rs");
}

#[test]
#[cfg_attr(miri, ignore = "it compiles schemas, and the code that it writes is not run")]
fn generated_code_of_the_deployed_layout_is_current() {
    is_current("bimip/deployed/bimip.proto", "bimip.deployed", "src/scheme/deployed/wire.rs");
}

#[test]
#[cfg_attr(miri, ignore = "it compiles schemas, and the code that it writes is not run")]
fn generated_code_of_the_service_is_current() {
    is_current("message/message.proto", "message", "src/grpc/wire.rs");
}
