//! How hard to compress: what the processor has left is spent on ratio, and no more.

use super::Level;
use super::heartbeat::lock;
use super::pace::{Climb, Lean, Measured, Pace};
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
    Following { pace: Pace, judge: Mutex<Judge> },
}

/// A part that was sent.
pub(super) struct SentPart {
    /// What [`Effort::compression`] said for it.
    pub(super) compression: Compression,
    /// Its contents, in bytes.
    pub(super) raw: usize,
    /// What went over the line for it, in bytes.
    pub(super) sealed: usize,
}

/// Says where on the ladder a transfer is, and goes on from what each window showed.
pub(super) struct Judge {
    climb: Climb,
    /// Bytes of this window, as contents and as sealed.
    raw: u64,
    sealed: u64,
    before: Option<Judged>,
}

/// What a window came to.
#[derive(Clone, Copy)]
struct Judged {
    rate: f64,
    /// Contents for each byte that went over the line.
    density: f64,
    is_line_bound: bool,
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
                    judge: Mutex::new(Judge::new(start)),
                };
            }
        };
        Effort::Fixed(fixed)
    }

    /// For the next part.
    pub(super) fn compression(&self) -> Compression {
        match self {
            Effort::Fixed(compression) => *compression,
            Effort::Following { judge, .. } => lock(judge).compression(),
        }
    }

    /// A part took so long to read and seal, and so long to write, on one of `streams`.
    pub(super) fn note(&self, part: &SentPart, busy: Duration, blocked: Duration, streams: usize) {
        let Effort::Following { pace, judge } = self else {
            return;
        };
        let mut judge = lock(judge);
        if part.compression != judge.compression() {
            // It was begun before the last step, which is to be judged by what came after it.
            judge.restart();
            pace.restart();
            return;
        }
        judge.raw += part.raw as u64;
        judge.sealed += part.sealed as u64;
        if let Some(measured) = pace.note(part.raw, busy, blocked, streams) {
            judge.step(measured);
        }
    }
}

impl Judge {
    fn new(start: usize) -> Self {
        Judge {
            climb: Climb::new(start, LADDER.len() - 1, GAIN),
            raw: 0,
            sealed: 0,
            before: None,
        }
    }

    fn compression(&self) -> Compression {
        LADDER[self.climb.position()]
    }

    fn restart(&mut self) {
        (self.raw, self.sealed) = (0, 0);
    }

    /// Where the line was the limit before a step and still is, the step has brought what it has saved on
    /// the line: that is known to the byte, while rates go up and down with everything on the way.
    fn step(&mut self, measured: Measured) {
        const LINE_BOUND: f64 = 0.5;
        const COMPUTE_BOUND: f64 = 0.25;
        let lean = if measured.blocked > LINE_BOUND {
            Lean::Up
        } else if measured.blocked < COMPUTE_BOUND {
            Lean::Down
        } else {
            Lean::Stay
        };
        let density = self.raw as f64 / self.sealed.max(1) as f64;
        let is_line_bound = lean == Lean::Up;
        let rate = match self.before {
            Some(before) if before.is_line_bound && is_line_bound => {
                before.rate * density / before.density
            }
            _ => measured.rate,
        };
        self.before = Some(Judged {
            rate,
            density,
            is_line_bound,
        });
        self.climb.step(rate, lean);
        self.restart();
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
        sent(&effort, 1 << 20, Duration::from_secs(1));
        assert_eq!(effort.compression(), Compression::Zstd(9));
        let stored = Effort::new(Level::Fixed(0), far());
        assert_eq!(stored.compression(), Compression::Stored);
        let most = Effort::new(Level::Fixed(200), far());
        assert_eq!(most.compression(), Compression::Zstd(9));
    }

    /// Windows that end with every part.
    fn following(start: usize) -> Effort {
        Effort::Following {
            pace: Pace::new(Duration::ZERO),
            judge: Mutex::new(Judge::new(start)),
        }
    }

    /// A part of a MiB, sealed in so many bytes, that was worked on for a tenth of a second.
    fn sent(effort: &Effort, sealed: usize, blocked: Duration) {
        let part = SentPart {
            compression: effort.compression(),
            raw: 1 << 20,
            sealed,
        };
        effort.note(&part, Duration::from_millis(100), blocked, 0);
    }

    #[test]
    fn on_a_slow_line_what_a_step_saves_decides_however_the_rate_goes() {
        let effort = following(3);
        let slow = Duration::from_secs(10);
        for saved in 0..10 {
            sent(&effort, 500_000 - 20_000 * saved, slow);
        }
        assert_eq!(effort.compression(), LADDER[7]);
        let effort = following(3);
        for _ in 0..4 {
            sent(&effort, 500_000, slow);
        }
        assert_eq!(effort.compression(), LADDER[3], "it saved nothing");
    }

    #[test]
    fn what_was_begun_before_a_step_does_not_judge_it() {
        let effort = following(3);
        let (late, slow) = (effort.compression(), Duration::from_secs(10));
        sent(&effort, 500_000, slow);
        assert_eq!(effort.compression(), LADDER[4]);
        let part = SentPart {
            compression: late,
            raw: 1 << 20,
            sealed: 900_000,
        };
        effort.note(&part, slow, slow, 0);
        assert_eq!(effort.compression(), LADDER[4]);
        sent(&effort, 400_000, slow);
        assert_eq!(effort.compression(), LADDER[5]);
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
