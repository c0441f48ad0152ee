//! Bytes as a schedule: who says what to a server core, and when its store answers.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::server_core(bytes));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    fuzz::replay("server_core", fuzz::server_core)
}
