//! The further streams of one transfer: few at first, more while they make it faster.

use super::heartbeat::lock;
use super::join_gate::JoinGate;
use super::pace::{Climb, Lean, Pace};
use super::streams::{JoinedStream, Shared, StreamQueue, dial_stream};
use crate::protocol::StreamNumber;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Streams to begin with, the first one included, unless the operator says how many.
const AT_FIRST: u16 = 4;

/// Long enough for new streams to find their speed on a long line.
const SHORTEST_WINDOW: Duration = Duration::from_millis(500);

/// Twice the streams must bring at least this.
const GAIN: f64 = 1.1;

/// Above this share of waiting the line is what limits a transfer.
const LINE_BOUND: f64 = 0.5;

/// How many streams there may be, and who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// So many at once.
    Fixed(u16),
    /// Up to so many, as the line asks for.
    UpTo(u16),
}

impl Width {
    /// How many there may be.
    pub(super) fn most(self) -> u16 {
        let (Width::Fixed(most) | Width::UpTo(most)) = self;
        most
    }

    /// The same, but no more than `limit`, and at least the first stream.
    pub(super) fn at_most(self, limit: u16) -> Self {
        match self {
            _ if limit <= 1 => Width::Fixed(1),
            Width::Fixed(count) => Width::Fixed(count.min(limit)),
            Width::UpTo(most) => Width::UpTo(most.min(limit)),
        }
    }
}

/// Makes the further streams of a transfer, or lets them in. Always the dialler makes them.
pub(super) struct StreamPool {
    queue: Arc<StreamQueue>,
    maker: Maker,
    growth: Option<Growth>,
}

enum Maker {
    Dialler {
        peer: SocketAddr,
        shared: Shared,
        /// The first number that no joined stream of the session has had.
        next: Arc<AtomicU16>,
    },
    Listener,
}

struct Growth {
    pace: Pace,
    climb: Mutex<Climb>,
    most: u16,
    /// Streams that were asked for, the first one included.
    count: AtomicU16,
}

impl StreamPool {
    /// The streams of a dialler.
    pub(super) fn dialling(
        peer: SocketAddr,
        shared: &Shared,
        next: &Arc<AtomicU16>,
        width: Width,
    ) -> Self {
        let (at_first, growth) = match width {
            Width::Fixed(count) => (count, None),
            Width::UpTo(most) => {
                let count = AT_FIRST.min(most);
                let doublings = (most / count.max(1)).ilog2() as usize;
                let growth = Growth {
                    pace: Pace::new(SHORTEST_WINDOW),
                    climb: Mutex::new(Climb::new(0, doublings, GAIN)),
                    most,
                    count: AtomicU16::new(count),
                };
                (count, Some(growth))
            }
        };
        let pool = StreamPool {
            queue: Arc::default(),
            maker: Maker::Dialler {
                peer,
                shared: shared.clone(),
                next: Arc::clone(next),
            },
            growth,
        };
        pool.dial(at_first.saturating_sub(1));
        pool
    }

    /// The streams that a dialler makes here.
    pub(super) fn listening(gate: &JoinGate, width: Width) -> Self {
        let queue = Arc::default();
        gate.open(Arc::clone(&queue), width.most().saturating_sub(1));
        StreamPool {
            queue,
            maker: Maker::Listener,
            growth: None,
        }
    }

    /// Waits for a stream that has joined; `None` when the transfer is over.
    pub(super) fn pop(&self) -> Option<JoinedStream> {
        self.queue.pop()
    }

    /// The transfer is over: ends every stream and wakes whoever waits for one.
    pub(super) fn close(&self) {
        self.queue.close();
    }

    /// A thread worked for `busy` and waited for `blocked` to move a part: opens more streams where that
    /// may help. They are never closed again: one that is not needed costs little.
    pub(super) fn note(&self, bytes: usize, busy: Duration, blocked: Duration) {
        let Some(growth) = &self.growth else {
            return;
        };
        let count = growth.count.load(Ordering::Relaxed);
        if count >= growth.most {
            return;
        }
        let Some(measured) = growth.pace.note(bytes, busy, blocked, 1) else {
            return;
        };
        let lean = if measured.blocked > LINE_BOUND {
            Lean::Up
        } else {
            Lean::Stay
        };
        let position = lock(&growth.climb).step(measured.rate, lean);
        let wanted = (AT_FIRST << position).min(growth.most);
        let missing = wanted.saturating_sub(count);
        if missing > 0 {
            growth.count.store(wanted, Ordering::Relaxed);
            self.dial(missing);
            growth.pace.restart();
        }
    }

    /// The threads are not waited for: one whose connection cannot be made ends by itself, after the
    /// transfer has gone on without it.
    fn dial(&self, count: u16) {
        let Maker::Dialler { peer, shared, next } = &self.maker else {
            return;
        };
        for _ in 0..count {
            let number = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
                next.checked_add(1)
            });
            let Some(number) = number.ok().and_then(StreamNumber::joined) else {
                return;
            };
            let (peer, shared, queue) = (*peer, shared.clone(), Arc::clone(&self.queue));
            let thread = std::thread::Builder::new().name(format!("join {}", number.get()));
            // Without a thread, or without a connection, there is one stream less; nothing is lost.
            let _ = thread.stack_size(256 * 1024).spawn(move || {
                if let Ok(stream) = dial_stream(peer, &shared, number) {
                    queue.push(stream);
                }
            });
        }
    }
}
