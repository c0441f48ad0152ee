//! Any bytes, as a `bimip.v1` frame of either side.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::decode_scheme(bytes));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    fuzz::replay("decode_scheme", fuzz::decode_scheme)
}
