//! Tests with windows and parts as lines and processors would produce them.

use super::*;
use crate::crypto::SealingKeys;

fn far() -> SocketAddr {
    "192.0.2.1:8080".parse().unwrap()
}

#[test]
fn a_fixed_level_stays() {
    let compression = CompressionTuner::new(Level::Fixed(9), far());
    sent(&compression, 1 << 20, Duration::from_secs(1));
    assert_eq!(compression.compression(), Compression::Zstd(9));
    let stored = CompressionTuner::new(Level::Fixed(0), far());
    assert_eq!(stored.compression(), Compression::Stored);
    let most = CompressionTuner::new(Level::Fixed(200), far());
    assert_eq!(most.compression(), Compression::Zstd(9));
}

/// Windows that end with every part.
fn following(start: usize) -> CompressionTuner {
    CompressionTuner::Following {
        tuner: Box::new(Mutex::new(LevelTuner::new(start, Duration::ZERO))),
        cores: 1,
    }
}

/// A part of one MiB, sealed in this many bytes, that took a tenth of a second.
fn sent(compression: &CompressionTuner, sealed: usize, blocked: Duration) {
    let part = SentPart {
        compression: compression.compression(),
        raw: 1 << 20,
        sealed,
    };
    compression.note(&part, Duration::from_millis(100), blocked, 0);
}

#[test]
fn on_a_slow_line_what_a_step_saves_decides_however_the_rate_goes() {
    let compression = following(3);
    let slow = Duration::from_secs(10);
    for saved in 0..10 {
        sent(&compression, 500_000 - 20_000 * saved, slow);
    }
    assert_eq!(compression.compression(), LADDER[7].compression);
    let compression = following(3);
    for _ in 0..4 {
        sent(&compression, 500_000, slow);
    }
    assert_eq!(
        compression.compression(),
        LADDER[3].compression,
        "it saved nothing"
    );
}

/// A part of a MiB on the only stream.
fn sent_alone(compression: &CompressionTuner, sealed: usize, busy: u64, blocked: u64) {
    let part = SentPart {
        compression: compression.compression(),
        raw: 1 << 20,
        sealed,
    };
    let (busy, blocked) = (Duration::from_millis(busy), Duration::from_millis(blocked));
    compression.note(&part, busy, blocked, 1);
}

#[test]
fn two_parts_are_enough_where_the_line_clearly_is_the_limit() {
    let compression = CompressionTuner::Following {
        tuner: Box::new(Mutex::new(LevelTuner::new(3, SHORTEST_WINDOW))),
        cores: 1,
    };
    sent_alone(&compression, 500_000, 100, 10_000);
    assert_eq!(compression.compression(), LADDER[3].compression);
    sent_alone(&compression, 500_000, 100, 10_000);
    assert_eq!(compression.compression(), LADDER[7].compression);
}

#[test]
fn a_step_becomes_a_leap_and_one_too_far_is_gone_back() {
    let compression = following(3);
    for _ in 0..2 {
        sent_alone(&compression, 500_000, 100, 150);
    }
    assert_eq!(compression.compression(), LADDER[4].compression);
    let CompressionTuner::Following { tuner, .. } = &compression else {
        panic!("it follows the line");
    };
    let clear = Measured {
        rate: 1e6,
        blocked: 0.95,
    };
    lock(tuner).leap(clear, 20.0);
    assert_eq!(compression.compression(), LADDER[7].compression);
    for _ in 0..2 {
        sent_alone(&compression, 400_000, 1000, 10);
    }
    assert_eq!(compression.compression(), LADDER[6].compression);
}

#[test]
fn what_does_not_shrink_says_nothing_about_a_level() {
    let compression = CompressionTuner::new(Level::Auto, far());
    for _ in 0..10 {
        sent_alone(&compression, (1 << 20) + 172, 1, 1000);
    }
    assert_eq!(compression.compression(), LADDER[START].compression);
}

#[test]
fn buffers_that_fill_are_no_reason_to_compress_less() {
    let busy = |compression: &CompressionTuner, windows: u32| {
        for _ in 0..2 * windows {
            sent_alone(compression, 500_000, 100, 5);
        }
    };
    let compression = following(3);
    busy(&compression, BUFFERS_FILL_WITHIN - 1);
    assert_eq!(compression.compression(), LADDER[3].compression);
    busy(&compression, 1);
    assert_eq!(compression.compression(), LADDER[2].compression);
}

#[test]
fn the_next_step_needs_no_reserve() {
    let mut tuner = LevelTuner::new(2, Duration::ZERO);
    assert_eq!(tuner.affordable(1.2), 3);
    assert_eq!(tuner.affordable(1.05), 2);
    tuner.climb = HillClimb::new(3);
    assert_eq!(tuner.affordable(1.6), 3);
    assert_eq!(tuner.affordable(1.8), 4);
    assert_eq!(tuner.affordable(5.0), 4, "further ones do");
}

#[test]
fn a_full_line_is_no_reason_to_compress_less() {
    let mut tuner = LevelTuner::new(3, Duration::ZERO);
    tuner.line = Some(1000.0);
    let window = |rate, density| Judged {
        rate,
        density,
        is_line_bound: false,
    };
    assert!(tuner.is_line_full(window(3800.0, 4.0)));
    assert!(!tuner.is_line_full(window(3000.0, 4.0)));
    let before = Judged {
        is_line_bound: true,
        ..window(9000.0, 3.0)
    };
    assert!(
        tuner.pays(before, window(3800.0, 4.0)),
        "the line is known by now"
    );
    assert!(!tuner.pays(before, window(2500.0, 4.0)));
}

#[test]
fn compressors_keep_within_the_memory_of_all_streams() {
    for part_bytes in [1, 2, 4, 8].map(|mebibytes| mebibytes * MEBIBYTE) {
        for streams in 1..=64 {
            let rung = &LADDER[top(streams, part_bytes)];
            let each = rung.memory + 2 * part_bytes;
            let allowed = MEMORY + streams.saturating_sub(8) * MEMORY_OF_EACH_BEYOND;
            let is_least = rung.memory == 0;
            assert!(is_least || MEMORY_OF_THE_REST + streams * each <= allowed);
        }
    }
    let usual = 2 * MEBIBYTE;
    assert_eq!(LADDER[top(4, usual)].compression, Compression::Zstd(8));
    assert_eq!(LADDER[top(8, usual)].compression, Compression::Zstd(3));
    assert_eq!(streams_within(top(4, usual), usual), 4);
    assert_eq!(streams_within(START, usual), 64);
}

#[test]
fn more_streams_bring_a_lower_level() {
    let compression = following(7);
    assert_eq!(
        compression.compression_within(1, MEBIBYTE),
        LADDER[7].compression
    );
    assert_eq!(compression.streams_within(2 * MEBIBYTE), 3);
    let less = compression.compression_within(8, 2 * MEBIBYTE);
    assert_eq!(less, Compression::Zstd(3));
    assert_eq!(
        compression.streams_within(2 * MEBIBYTE),
        3,
        "memory is not given back"
    );
}

#[test]
fn what_was_begun_before_a_step_does_not_tuner_it() {
    let compression = following(3);
    let (late, slow) = (compression.compression(), Duration::from_millis(150));
    sent(&compression, 500_000, slow);
    assert_eq!(compression.compression(), LADDER[4].compression);
    let part = SentPart {
        compression: late,
        raw: 1 << 20,
        sealed: 900_000,
    };
    compression.note(&part, Duration::ZERO, slow, 0);
    assert_eq!(compression.compression(), LADDER[4].compression);
    sent(&compression, 400_000, Duration::from_secs(1));
    assert_eq!(compression.compression(), LADDER[7].compression);
}

#[test]
fn every_rung_seals() {
    let (keys, raw) = (SealingKeys::of_no_session(), [7; 4096]);
    let mut sealer = crate::crypto::Sealer::new();
    for (index, rung) in (0..).zip(&LADDER) {
        let position = crate::crypto::Position::Part {
            transfer: 0,
            round: 0,
            index,
        };
        assert!(sealer.seal(&keys, position, &raw, rung.compression).is_ok());
    }
}
