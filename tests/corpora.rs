//! Every seed of every fuzz target, once: what fuzzing found stays found. `make fuzz` looks for more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test"
)]

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_seed_of_every_fuzz_target_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, run) in targets::TARGETS {
        let seeds = std::fs::read_dir(corpus.join(name));
        let seeds = seeds.unwrap_or_else(|error| panic!("seeds of {name}: {error}"));
        let mut count = 0;
        for seed in seeds {
            let path = seed.unwrap().path();
            let data = std::fs::read(&path).unwrap();
            println!("{}", path.display());
            run(&data);
            count += 1;
        }
        assert!(count > 0, "{name} has no seeds");
        println!("{name}: {count} seeds");
    }
}

#[test]
fn every_corpus_has_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let folders: BTreeSet<String> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let targets = targets::TARGETS.iter().map(|(name, _)| (*name).to_owned());
    assert_eq!(folders, targets.collect());
}
