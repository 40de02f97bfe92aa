//! How hard to compress: what the processor has left is spent on ratio, and no more.

use super::Level;
use super::heartbeat::lock;
use super::pace::{Climb, Lean, Pace};
use crate::crypto::Compression;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

/// From no work to as much as fits into the memory of a stream.
const LADDER: [Compression; 8] = [
    Compression::Stored,
    Compression::Zstd(-5),
    Compression::Zstd(-1),
    Compression::Zstd(1),
    Compression::Zstd(3),
    Compression::Zstd(5),
    Compression::Zstd(7),
    Compression::Zstd(9),
];

/// Where to begin on a line of which nothing is known: zstd 1.
const START: usize = 3;

/// Where to begin within one machine, where the line is faster than any compressor.
const START_WITHIN: usize = 0;

/// Long enough to see a difference through the noise of a busy machine.
const SHORTEST_WINDOW: Duration = Duration::from_millis(150);

/// A step must pay at least this.
const GAIN: f64 = 1.03;

/// The compression of a transfer's parts, for all its threads.
pub(super) enum Effort {
    /// As the operator said.
    Fixed(Compression),
    /// As the line asks for.
    Following { pace: Pace, climb: Mutex<Climb> },
}

impl Effort {
    /// What `level` asks for on the way to `peer`.
    pub(super) fn new(level: Level, peer: SocketAddr) -> Self {
        let fixed = match level {
            Level::Fixed(0) => Compression::Stored,
            // Beyond 9 one stream's compressor would need more memory than a whole transfer may.
            Level::Fixed(level) => Compression::Zstd(level.min(9).into()),
            Level::Auto => {
                let start = if peer.ip().is_loopback() {
                    START_WITHIN
                } else {
                    START
                };
                return Effort::Following {
                    pace: Pace::new(SHORTEST_WINDOW),
                    climb: Mutex::new(Climb::new(start, LADDER.len() - 1, GAIN)),
                };
            }
        };
        Effort::Fixed(fixed)
    }

    /// For the next part.
    pub(super) fn compression(&self) -> Compression {
        match self {
            Effort::Fixed(compression) => *compression,
            Effort::Following { climb, .. } => LADDER[lock(climb).position()],
        }
    }

    /// A part of `bytes` took so long to read and seal, and so long to write, on one of `streams`.
    pub(super) fn note(&self, bytes: usize, busy: Duration, blocked: Duration, streams: usize) {
        const LINE_BOUND: f64 = 0.5;
        const COMPUTE_BOUND: f64 = 0.25;
        let Effort::Following { pace, climb } = self else {
            return;
        };
        if let Some(measured) = pace.note(bytes, busy, blocked, streams) {
            let lean = if measured.blocked > LINE_BOUND {
                Lean::Up
            } else if measured.blocked < COMPUTE_BOUND {
                Lean::Down
            } else {
                Lean::Stay
            };
            lock(climb).step(measured.rate, lean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random_bytes;

    fn far() -> SocketAddr {
        "192.0.2.1:8080".parse().unwrap()
    }

    #[test]
    fn a_fixed_level_stays() {
        let effort = Effort::new(Level::Fixed(9), far());
        effort.note(1, Duration::ZERO, Duration::from_secs(1), 1);
        assert_eq!(effort.compression(), Compression::Zstd(9));
        let stored = Effort::new(Level::Fixed(0), far());
        assert_eq!(stored.compression(), Compression::Stored);
        let most = Effort::new(Level::Fixed(200), far());
        assert_eq!(most.compression(), Compression::Zstd(9));
    }

    #[test]
    fn every_rung_seals() {
        let (keys, raw) = (test_keys(), [7; 4096]);
        let mut sealer = crate::crypto::Sealer::new();
        for (index, compression) in (0..).zip(LADDER) {
            let position = crate::crypto::Position::Part { transfer: 0, index };
            assert!(sealer.seal(&keys, position, &raw, compression).is_ok());
        }
    }

    fn test_keys() -> crate::crypto::SealingKeys {
        use crate::crypto::{Cpace, Secret, Side, TranscriptHash, UnprovenKeys};
        let secret = Secret::from_text("x").unwrap();
        let nonce: [u8; 32] = random_bytes().unwrap();
        let one = Cpace::start(&secret, b"c", &nonce).unwrap();
        let two = Cpace::start(&secret, b"c", &nonce).unwrap();
        let share = *two.share();
        let shared = one.finish(Side::Dialler, &share, b"", b"").ok().unwrap();
        UnprovenKeys::derive(Side::Dialler, shared, TranscriptHash::of(b"", b"")).sealing_keys()
    }
}
