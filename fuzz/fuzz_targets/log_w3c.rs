#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| why502_fuzz::targets::run("log_w3c", bytes));
