//! Pseudorandom numbers for tests that try many inputs.

use std::time::{SystemTime, UNIX_EPOCH};

/// SplitMix64. Its seed is printed, so that a failing run can be repeated.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn from_clock() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Random::from_seed(now.as_nanos() as u64)
    }

    pub(super) fn from_seed(seed: u64) -> Self {
        println!("seed {seed}");
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Up to `longest` bytes; mostly small, so that counts and lengths are plausible.
    pub(super) fn bytes(&mut self, longest: usize) -> Vec<u8> {
        let length = self.below(longest + 1);
        (0..length)
            .map(|_| {
                let number = self.next();
                if number & 0x300 == 0 {
                    number as u8
                } else {
                    (number as u8) % 4
                }
            })
            .collect()
    }
}
