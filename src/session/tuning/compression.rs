//! How hard to compress: idle processor time is spent on a better ratio, but no more than that.

use crate::crypto::Compression;
use crate::model::limits;
use crate::session::options::Level;
use crate::session::sync::lock;
use crate::session::tuning::hill_climb::{HillClimb, Lean};
use crate::session::tuning::window::{Measured, Window};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

/// One compression setting.
struct Rung {
    compression: Compression,
    /// The cost of sealing a part, relative to zstd 1.
    work: f64,
    /// The memory of one compressor, in bytes.
    memory: usize,
}

/// All settings, from no work to the most that fits into a stream's memory (work and memory measured).
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

/// The most resident memory of one side, in bytes: for up to `STREAMS_WITHIN_MEMORY` streams together, and for
/// each stream beyond (chosen: the bounds that PERFORMANCE.md promises).
const MEMORY: usize = 64 * MEBIBYTE;
const STREAMS_WITHIN_MEMORY: usize = 8;
const MEMORY_OF_EACH_BEYOND: usize = 6 * MEBIBYTE;

/// The resident memory without any stream (measured).
const MEMORY_OF_THE_REST: usize = 5 * MEBIBYTE;

/// The share of the free computing power that a level may use (chosen): a higher level also needs more contents
/// for each byte on the line, and other programs need some of it.
const PLANNED: f64 = 0.7;

/// With this much headroom after two parts, step up without waiting for a full window (chosen).
const CLEARLY: f64 = 4.0;

/// The first position on an unknown line: zstd 1 (chosen).
const START: usize = 3;

/// The first position within one machine, where the line is faster than any compressor (measured).
const START_WITHIN: usize = 0;

/// The shortest window: long enough to see a difference in spite of the noise of a busy machine (chosen).
const SHORTEST_WINDOW: Duration = Duration::from_millis(150);

/// After this many windows, the buffers on the way are full (chosen). Before that, a sender that does not wait
/// proves nothing about the line.
const BUFFERS_FILL_WITHIN: u32 = 5;

/// A window has at least this many parts from each stream (chosen).
const PARTS_OF_EACH: usize = 2;

/// A step must raise the rate by this factor to be kept (chosen, above the noise).
const GAIN: f64 = 1.03;

/// The compression of a transfer's parts, for all its threads.
pub(crate) enum CompressionTuner {
    /// As the operator said.
    Fixed(Compression),
    /// Follows the line and the processor.
    Following {
        tuner: Box<Mutex<LevelTuner>>,
        /// How many threads can compute at once.
        cores: usize,
    },
}

/// A part that was sent.
pub(crate) struct SentPart {
    /// The setting that [`CompressionTuner::compression`] returned for it.
    pub(crate) compression: Compression,
    /// Its contents, in bytes.
    pub(crate) raw: usize,
    /// Its bytes on the line.
    pub(crate) sealed: usize,
}

/// The position of a transfer on the ladder. Each window may move it.
pub(crate) struct LevelTuner {
    climb: HillClimb,
    /// The highest position that fits into memory.
    top: usize,
    /// The highest position so far.
    highest: usize,
    /// Bytes of this window: contents, and after sealing.
    raw: u64,
    sealed: u64,
    window: Window,
    /// The shortest window.
    shortest: Duration,
    before: Option<Judged>,
    /// In how many more windows the buffers may still be filling.
    unfilled: u32,
    /// Bytes a second on the line when it last was the limit.
    line: Option<f64>,
}

/// The result of a window.
#[derive(Clone, Copy)]
struct Judged {
    rate: f64,
    /// Bytes of contents for each byte on the line.
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
    /// The tuner for `level` and the line to `peer`.
    pub(crate) fn new(level: Level, peer: SocketAddr) -> Self {
        let fixed = match level {
            Level::Fixed(0) => Compression::Stored,
            // Above 9, one compressor would need more memory than a whole transfer may use.
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

    /// The setting for a single part.
    pub(crate) fn compression(&self) -> Compression {
        match self {
            CompressionTuner::Fixed(compression) => *compression,
            CompressionTuner::Following { tuner, .. } => lock(tuner).compression(),
        }
    }

    /// The setting for the next part of up to `part_bytes` on one of `streams`. It keeps all streams together
    /// within the memory limit. `streams` must include those that may soon be opened, because a compressor does
    /// not give its memory back.
    pub(crate) fn compression_within(&self, streams: usize, part_bytes: usize) -> Compression {
        if let CompressionTuner::Following { tuner, .. } = self {
            lock(tuner).limit(top(streams, part_bytes));
        }
        self.compression()
    }

    /// How many streams fit into the memory limit at the highest level so far, with parts of up to `part_bytes`.
    pub(crate) fn streams_within(&self, part_bytes: usize) -> usize {
        match self {
            CompressionTuner::Fixed(_) => usize::MAX,
            CompressionTuner::Following { tuner, .. } => {
                streams_within(lock(tuner).highest, part_bytes)
            }
        }
    }

    /// Counts a part on one of `streams`, which took `busy` to read and seal and `blocked` to write.
    pub(crate) fn note(&self, part: &SentPart, busy: Duration, blocked: Duration, streams: usize) {
        let CompressionTuner::Following { tuner, cores } = self else {
            return;
        };
        let mut tuner = lock(tuner);
        if part.compression != tuner.compression() {
            // The part was begun before the last step, which is judged by later parts.
            tuner.restart();
            return;
        }
        if part.compression != Compression::Stored && part.sealed >= part.raw {
            // The part did not shrink and was stored, so it shows neither the cost nor the gain of a level.
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

/// How many streams fit into the memory limit at that position, at least one.
fn streams_within(position: usize, part_bytes: usize) -> usize {
    let fit = |streams: &usize| top(*streams, part_bytes) >= position;
    let streams = 1..=usize::from(limits::STREAMS);
    streams.rev().find(fit).unwrap_or(1)
}

/// The highest position at which this many streams fit into the memory limit. Each holds a part twice: as read,
/// and sealed.
fn top(streams: usize, part_bytes: usize) -> usize {
    let streams = streams.max(1);
    let beyond = streams.saturating_sub(STREAMS_WITHIN_MEMORY);
    let memory = MEMORY - MEMORY_OF_THE_REST + beyond * MEMORY_OF_EACH_BEYOND;
    let left = (memory / streams).saturating_sub(2 * part_bytes);
    let fits = LADDER.iter().rposition(|rung| rung.memory <= left);
    fits.unwrap_or(0)
}

/// How many times the current work the threads could do, judged by how long they waited.
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

    /// Whether the window is long enough to judge by, and has a few parts from each of `streams`.
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
        // The first window only filled the buffers on the way, so no later one can be as fast.
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

    /// Whether a step paid off. If the line was the limit before and still is, only the bytes that the step saved
    /// on the line count. They are known exactly, while rates vary with everything on the way.
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

    /// Steps up early if a few parts already show enough headroom, even during a step that is being tried.
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

    /// The highest position whose work is at most `room` times the current work, less a reserve. The next position
    /// needs no reserve, because one step too far costs little.
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
