//! How hard to compress: what the processor has left is spent on ratio, and no more.

use crate::crypto::Compression;
use crate::model::limits;
use crate::session::options::Level;
use crate::session::sync::lock;
use crate::session::tuning::hill_climb::{HillClimb, Lean};
use crate::session::tuning::window::{Measured, Window};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

/// A way to compress.
struct Rung {
    compression: Compression,
    /// What sealing a part costs, where zstd 1 is 1.
    work: f64,
    /// What one compressor holds in memory, in bytes.
    memory: usize,
}

/// From no work to as much as fits into the memory of a stream (work and memory measured).
const LADDER: [Rung; 8] = [
    rung(Compression::Stored, 0.3, 0),
    rung(Compression::Zstd(-5), 0.8, 1),
    rung(Compression::Zstd(-1), 0.9, 1),
    rung(Compression::Zstd(1), 1.0, 1),
    rung(Compression::Zstd(3), 1.7, 3),
    rung(Compression::Zstd(6), 4.0, 5),
    rung(Compression::Zstd(8), 6.0, 8),
    rung(Compression::Zstd(9), 6.5, 13),
];

const fn rung(compression: Compression, work: f64, mebibytes: usize) -> Rung {
    Rung {
        compression,
        work,
        memory: mebibytes * MEBIBYTE,
    }
}

const MEBIBYTE: usize = 1024 * 1024;

/// What a side may have resident, in bytes: all of `STREAMS_WITHIN_MEMORY` streams together, and each beyond
/// (chosen: the bound that PERFORMANCE promises).
const MEMORY: usize = 64 * MEBIBYTE;
const STREAMS_WITHIN_MEMORY: usize = 8;
const MEMORY_OF_EACH_BEYOND: usize = 6 * MEBIBYTE;

/// What it takes without any stream (measured).
const MEMORY_OF_THE_REST: usize = 5 * MEBIBYTE;

/// The share of the free computing power that a level may use (chosen): a higher level also takes more
/// contents into each byte on the line, and other programs want some of it.
const PLANNED: f64 = 0.7;

/// With this much headroom after two parts, step up without waiting for a full window (chosen).
const CLEARLY: f64 = 4.0;

/// Where to begin on an unknown line: zstd 1 (chosen).
const START: usize = 3;

/// Where to begin within one machine, where the line is faster than any compressor (measured).
const START_WITHIN: usize = 0;

/// Long enough to see a difference through the noise of a busy machine (chosen).
const SHORTEST_WINDOW: Duration = Duration::from_millis(150);

/// After this many windows the buffers on the way are full (chosen). Before that, a sender that does not wait
/// says nothing about the line.
const BUFFERS_FILL_WITHIN: u32 = 5;

/// A window has at least this many parts of each stream (chosen).
const PARTS_OF_EACH: usize = 2;

/// A step must raise the rate by this factor to be kept (chosen, above the noise).
const GAIN: f64 = 1.03;

/// The compression of a transfer's parts, for all its threads.
pub(crate) enum CompressionTuner {
    /// As the operator said.
    Fixed(Compression),
    /// Adapted to the line and the processor.
    Following {
        tuner: Box<Mutex<LevelTuner>>,
        /// Threads that can compute at once.
        cores: usize,
    },
}

/// A part that was sent.
pub(crate) struct SentPart {
    /// What [`CompressionTuner::compression`] said for it.
    pub(crate) compression: Compression,
    /// Its contents, in bytes.
    pub(crate) raw: usize,
    /// What went over the line for it, in bytes.
    pub(crate) sealed: usize,
}

/// Where on the ladder a transfer is; each window moves it.
pub(crate) struct LevelTuner {
    climb: HillClimb,
    /// The highest position that there is memory for.
    top: usize,
    /// The highest position that was taken.
    highest: usize,
    /// Bytes of this window, as contents and as sealed.
    raw: u64,
    sealed: u64,
    window: Window,
    /// The shortest window.
    shortest: Duration,
    before: Option<Judged>,
    /// For how many windows buffers may still be filling.
    unfilled: u32,
    /// Bytes a second that the line carried when it was last what limited the transfer.
    line: Option<f64>,
}

/// What a window came to.
#[derive(Clone, Copy)]
struct Judged {
    rate: f64,
    /// Contents for each byte that went over the line.
    density: f64,
    is_line_bound: bool,
}

impl Judged {
    /// Bytes a second that went over the line.
    fn on_the_line(&self) -> f64 {
        self.rate / self.density
    }
}

impl CompressionTuner {
    /// What `level` asks for on the way to `peer`.
    pub(crate) fn new(level: Level, peer: SocketAddr) -> Self {
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
                return CompressionTuner::Following {
                    tuner: Box::new(Mutex::new(LevelTuner::new(start, SHORTEST_WINDOW))),
                    cores: std::thread::available_parallelism().map_or(1, |cores| cores.get()),
                };
            }
        };
        CompressionTuner::Fixed(fixed)
    }

    /// For a part on its own.
    pub(crate) fn compression(&self) -> Compression {
        match self {
            CompressionTuner::Fixed(compression) => *compression,
            CompressionTuner::Following { tuner, .. } => lock(tuner).compression(),
        }
    }

    /// For the next part of up to `part_bytes` on one of `streams`, which together keep within their memory.
    /// Count the streams that may soon be there as well: a compressor does not give its memory back.
    pub(crate) fn compression_within(&self, streams: usize, part_bytes: usize) -> Compression {
        if let CompressionTuner::Following { tuner, .. } = self {
            lock(tuner).limit(top(streams, part_bytes));
        }
        self.compression()
    }

    /// How many streams keep within their memory at the highest level so far, with parts of up to
    /// `part_bytes`.
    pub(crate) fn streams_within(&self, part_bytes: usize) -> usize {
        match self {
            CompressionTuner::Fixed(_) => usize::MAX,
            CompressionTuner::Following { tuner, .. } => {
                streams_within(lock(tuner).highest, part_bytes)
            }
        }
    }

    /// Takes note of a part on one of `streams`: it took `busy` to read and seal and `blocked` to write.
    pub(crate) fn note(&self, part: &SentPart, busy: Duration, blocked: Duration, streams: usize) {
        let CompressionTuner::Following { tuner, cores } = self else {
            return;
        };
        let mut tuner = lock(tuner);
        if part.compression != tuner.compression() {
            // It was begun before the last step, which is tunerd by the parts after it.
            tuner.restart();
            return;
        }
        if part.compression != Compression::Stored && part.sealed >= part.raw {
            // It was stored all the same: that shows neither what a level costs nor what it saves.
            return;
        }
        tuner.note(part, busy, blocked);
        let measured = tuner.window.measured();
        let room = room(measured, streams, *cores);
        if tuner.is_window_full(streams) {
            tuner.step(measured, room);
        } else if tuner.window.parts > 1 && room >= CLEARLY {
            tuner.leap(measured, room);
        }
    }
}

/// How many streams keep within their memory at that position, at least one.
fn streams_within(position: usize, part_bytes: usize) -> usize {
    let fit = |streams: &usize| top(*streams, part_bytes) >= position;
    let streams = 1..=usize::from(limits::STREAMS);
    streams.rev().find(fit).unwrap_or(1)
}

/// The highest position at which this many streams keep within their memory. Each holds a part as it was read
/// and as it is sealed.
fn top(streams: usize, part_bytes: usize) -> usize {
    let streams = streams.max(1);
    let beyond = streams.saturating_sub(STREAMS_WITHIN_MEMORY);
    let memory = MEMORY - MEMORY_OF_THE_REST + beyond * MEMORY_OF_EACH_BEYOND;
    let left = (memory / streams).saturating_sub(2 * part_bytes);
    let fits = LADDER.iter().rposition(|rung| rung.memory <= left);
    fits.unwrap_or(0)
}

/// How many times the present work the threads could do, from how long they waited.
fn room(measured: Measured, streams: usize, cores: usize) -> f64 {
    let streams = streams.max(1);
    let at_work = streams as f64 * (1.0 - measured.blocked);
    streams.min(cores) as f64 / at_work.max(1e-3)
}

impl LevelTuner {
    fn new(start: usize, shortest: Duration) -> Self {
        LevelTuner {
            shortest,
            climb: HillClimb::new(start),
            top: LADDER.len() - 1,
            highest: start,
            raw: 0,
            sealed: 0,
            window: Window::new(),
            before: None,
            unfilled: BUFFERS_FILL_WITHIN,
            line: None,
        }
    }

    fn compression(&self) -> Compression {
        LADDER[self.climb.position()].compression
    }

    fn limit(&mut self, top: usize) {
        self.top = top;
        self.climb.limit(top);
        self.highest = self.highest.max(self.climb.position());
    }

    /// Begins a new window.
    fn restart(&mut self) {
        (self.raw, self.sealed) = (0, 0);
        self.window = Window::new();
    }

    fn note(&mut self, part: &SentPart, busy: Duration, blocked: Duration) {
        self.raw += part.raw as u64;
        self.sealed += part.sealed as u64;
        self.window.bytes += part.raw as u64;
        self.window.note(busy, blocked);
    }

    /// Whether the window is long enough to judge by, and has a few parts of each of `streams`.
    fn is_window_full(&self, streams: usize) -> bool {
        let parts = usize::try_from(self.window.parts).unwrap_or(usize::MAX);
        self.window.began.elapsed() >= self.shortest && parts >= streams * PARTS_OF_EACH
    }

    fn step(&mut self, measured: Measured, room: f64) {
        const LINE_BOUND: f64 = 0.5;
        const COMPUTE_BOUND: f64 = 0.25;
        let now = Judged {
            rate: measured.rate,
            density: self.raw as f64 / self.sealed.max(1) as f64,
            is_line_bound: measured.blocked > LINE_BOUND,
        };
        self.unfilled = match now.is_line_bound {
            true => 0,
            false => self.unfilled.saturating_sub(1),
        };
        let lean = if now.is_line_bound {
            Lean::UpTo(self.affordable(room))
        } else if measured.blocked < COMPUTE_BOUND && self.unfilled == 0 && !self.is_line_full(now)
        {
            Lean::Down
        } else {
            Lean::Stay
        };
        let pays = self.before.is_none_or(|before| self.pays(before, now));
        // The first window filled the buffers on the way, and no later one can be as fast.
        if self.before.is_some() {
            self.line = match self.line {
                Some(line) if !now.is_line_bound => Some(line.max(now.on_the_line())),
                None if !now.is_line_bound => None,
                _ => Some(now.on_the_line()),
            };
        }
        self.before = Some(now);
        self.climb.step(pays, lean);
        self.restart();
    }

    /// Whether a step paid. Where the line was the limit before and still is, that is what it has saved on the
    /// line: it is known to the byte, while rates go up and down with everything on the way.
    fn pays(&self, before: Judged, now: Judged) -> bool {
        if before.is_line_bound && now.is_line_bound {
            return now.density >= before.density * GAIN;
        }
        match (before.is_line_bound, self.line) {
            (true, Some(line)) => now.rate >= line * before.density * GAIN,
            // The speed of the line is not known yet.
            (true, None) => true,
            (false, _) => now.rate >= before.rate * GAIN,
        }
    }

    /// Whether the line is full although the threads do not wait for it.
    fn is_line_full(&self, now: Judged) -> bool {
        const FULL: f64 = 0.9;
        self.line
            .is_some_and(|line| now.on_the_line() >= line * FULL)
    }

    /// Goes up by what a few parts show, where that is possible; also beyond a step that is being tried.
    fn leap(&mut self, measured: Measured, room: f64) {
        let target = self.affordable(room);
        if target <= self.climb.position() || !self.climb.may_rise() {
            return;
        }
        if self.climb.is_trying() {
            self.climb.raise(target);
            self.restart();
        } else {
            self.step(measured, room);
        }
    }

    /// The highest position whose work is at most `room` times that of the present one, less a reserve. The
    /// next one is tried without a reserve: a step too far costs little.
    fn affordable(&self, room: f64) -> usize {
        let position = self.climb.position();
        let work = LADDER[position].work * room;
        let fits = |work: f64| LADDER.iter().rposition(|rung| rung.work <= work);
        let next = fits(work).unwrap_or(0).min(position + 1);
        let planned = fits(work * PLANNED).unwrap_or(0);
        planned.max(next).min(self.top)
    }
}

#[cfg(test)]
mod tests;
