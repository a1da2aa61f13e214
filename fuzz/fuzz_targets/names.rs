#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lookaside_fuzz::targets::names::run(data));
