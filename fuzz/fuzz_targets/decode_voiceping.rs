//! Any bytes, as a VoicePing frame of either side.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::decode_voiceping(bytes));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    fuzz::replay("decode_voiceping", fuzz::decode_voiceping)
}
