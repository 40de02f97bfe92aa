//! Random numbers that a seed repeats.

use std::time::{SystemTime, UNIX_EPOCH};

/// A generator (xorshift64*, Vigna 2016): good enough to scatter tests.
pub struct Chance(u64);

impl Chance {
    /// One that `seed` determines.
    pub fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The seed of this test run, printed so that the run can be repeated.
    pub fn seed() -> u64 {
        let given = std::env::var("PEERBRIDGE_TEST_SEED").ok();
        let seed = given.and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(1, |now| now.as_nanos() as u64 % 1_000_000_007)
        });
        println!("PEERBRIDGE_TEST_SEED={seed}");
        seed
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Bytes that hardly compress: one block of noise again and again, with another beginning each time, so
    /// that no block can stand for another one.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        const BLOCK: usize = 32 * 1024;
        let noise: Vec<u8> = (0..length.min(BLOCK).div_ceil(8))
            .flat_map(|_| self.next().to_le_bytes())
            .collect();
        let mut bytes = Vec::with_capacity(length + BLOCK);
        while bytes.len() < length {
            bytes.extend(self.next().to_le_bytes());
            bytes.extend_from_slice(&noise);
        }
        bytes.truncate(length);
        bytes
    }
}
