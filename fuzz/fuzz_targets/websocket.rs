#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| why502_fuzz::targets::run("websocket", bytes));
