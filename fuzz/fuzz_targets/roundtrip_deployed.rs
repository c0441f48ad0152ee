//! What can be read in the deployed protobuf layout can be written and read again.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::roundtrip_deployed(bytes));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    fuzz::replay("roundtrip_deployed", fuzz::roundtrip_deployed)
}
