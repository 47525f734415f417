//! `kalakan_fuzz::normalize` under libFuzzer.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| kalakan_fuzz::normalize(data));

#[cfg(not(fuzzing))]
fn main() {
    kalakan_fuzz::run(kalakan_fuzz::normalize);
}
