//! The functions that are fuzzed, from seeds: each on a part of what the captures hold of its kind, as it is and damaged.
//! What fuzzing found is here as well, on bytes of our own.

use std::path::Path;
use std::thread;

#[allow(dead_code, clippy::expect_used, reason = "it is used by the targets of libFuzzer, too")]
#[path = "../../fuzz/src/mutate.rs"]
mod mutate;
#[allow(dead_code, clippy::expect_used, reason = "it is used by the targets of libFuzzer, too")]
#[path = "../../fuzz/src/seeds.rs"]
mod seeds;
#[allow(dead_code, clippy::expect_used, reason = "it is used by the targets of libFuzzer, too")]
#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;

use mutate::{Random, mutate};

/// Seeds of one target, and damaged copies of each.
const SEEDS: usize = 12;
const COPIES: usize = 6;

/// What fuzzing found, on bytes of our own: the target, and what it was given.
const FOUND: [(&str, &[u8]); 1] = [
    // A segment for which there is no room makes some: of a thousand that alternate with lost ones each comes out. Operations
    // of three bytes behind the first number: 34 bytes that come, 34 that are lost.
    ("tcp", b"\0\0\0\x01\x00\x02\x20\x02\x20\x02"),
];

#[test]
fn what_was_found_holds() {
    for (name, bytes) in FOUND {
        let (head, again) = bytes.split_at(4);
        targets::run(name, &[head, &again.repeat(1_000)].concat());
    }
}

#[test]
fn the_fuzzed_functions_hold_on_seeds_and_on_damaged_ones() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (captures, data) = (root.join("captures"), root.join("tests/data"));
    let mut seeds = seeds::seeds(&[&captures], 9);
    for (name, more) in seeds::seeds(&[&data], 1) {
        seeds.entry(name).or_default().extend(more);
    }
    let without: Vec<_> = targets::TARGETS.iter().map(|(name, _)| *name).filter(|n| !seeds.contains_key(n)).collect();
    assert!(without.len() <= 1, "nothing to begin with for {without:?}");
    thread::scope(|scope| {
        for half in targets::TARGETS.chunks(targets::TARGETS.len().div_ceil(2)) {
            let seeds = &seeds;
            scope.spawn(move || half.iter().for_each(|(name, body)| some(name, *body, seeds)));
        }
    });
}

fn some(name: &str, body: targets::Body, seeds: &seeds::Seeds) {
    let all = seeds.get(name).cloned().unwrap_or_default();
    let every = all.len().div_ceil(SEEDS).max(1);
    let mut random = Random::new(1);
    for seed in all.iter().step_by(every) {
        body(seed);
        body(&targets::swollen(seed));
        for _ in 0..COPIES {
            let mut bytes = seed.clone();
            mutate(&mut bytes, &all[random.below(all.len())], &mut random);
            body(&bytes);
        }
    }
}
