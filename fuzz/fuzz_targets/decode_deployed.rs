//! Any bytes, as a frame of the deployed protobuf layout of either side.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::decode_deployed(bytes));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    fuzz::replay("decode_deployed", fuzz::decode_deployed)
}
