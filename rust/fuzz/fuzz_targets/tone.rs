//! `kalakan_fuzz::tone` under libFuzzer.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| kalakan_fuzz::tone(data));

#[cfg(not(fuzzing))]
fn main() {
    kalakan_fuzz::run(kalakan_fuzz::tone);
}
