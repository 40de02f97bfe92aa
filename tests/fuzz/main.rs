//! Mutated inputs for everything that reads foreign data: it may refuse them, but must not panic, hang, or
//! accept what is invalid.
//!
//! Each target runs for `PEERBRIDGE_FUZZ_SECONDS` (default 1) with a seed that it prints and that
//! `PEERBRIDGE_TEST_SEED` repeats. Its first inputs are in its folder in `corpus/`. Add inputs that found a
//! fault there.

#[path = "../harness/chance.rs"]
pub mod chance;

mod mutate;
mod readers;
mod sealed;
mod wire;

use chance::Chance;
use mutate::Mutator;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// Feeds `target` with its corpus, and then with inputs made from it, until the time is over.
pub fn fuzz(name: &str, mut target: impl FnMut(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(name);
    let mut corpus: Vec<Vec<u8>> = std::fs::read_dir(&folder)
        .expect("a corpus")
        .map(|item| std::fs::read(item.expect("a file").path()).expect("a file"))
        .collect();
    corpus.sort();
    corpus.iter().for_each(|input| target(input));
    let mut mutator = Mutator::new(Chance::new(Chance::seed()), corpus);
    let mut rounds = 0_u64;
    let end = Instant::now() + time();
    while Instant::now() < end {
        let input = mutator.next();
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
            panic!("{name} fails on {} bytes: {hex}", input.len());
        }
        rounds += 1;
    }
    println!("{name}: {rounds} inputs");
}

/// How long each target runs.
fn time() -> Duration {
    let given = std::env::var("PEERBRIDGE_FUZZ_SECONDS").ok();
    let seconds = given.map_or(1, |text| text.parse().expect("a number of seconds"));
    Duration::from_secs(seconds)
}
