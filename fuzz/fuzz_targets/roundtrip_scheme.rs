//! What can be read in `bimip.v1` can be written and read again.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::roundtrip_scheme(bytes));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    fuzz::replay("roundtrip_scheme", fuzz::roundtrip_scheme)
}
