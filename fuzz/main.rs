//! One program for every target: `FUZZ_TARGET=name fuzz CORPUS...`. See `fuzz/run`.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

mod targets;

fuzz_target!(|data: &[u8]| {
    static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();
    let run = TARGET.get_or_init(|| {
        let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
        let found = targets::TARGETS.iter().find(|(known, _)| *known == name);
        found
            .unwrap_or_else(|| panic!("FUZZ_TARGET '{name}' is none"))
            .1
    });
    run(data);
});
