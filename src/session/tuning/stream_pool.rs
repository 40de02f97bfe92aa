//! The further streams of one transfer: few at first, more while they raise the throughput.

use crate::protocol::StreamNumber;
use crate::session::connection::join::{
    JoinedStream, Popped, SessionContext, StreamQueue, dial_stream,
};
use crate::session::connection::session::{Origin, Session};
use crate::session::error::Error;
use crate::session::sync::lock;
use crate::session::threads::spawn_in;
use crate::session::tuning::stream_count::{Seen, StreamTuner, Work};
use crate::session::tuning::window::Window;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Streams at the start, including the first, if the operator does not set their number (chosen).
const AT_FIRST: u16 = 4;

/// The bounds of a window's length, which grows with the round trip (chosen). The first window is short, because
/// it is compared with nothing.
const SHORTEST_WINDOW: Duration = Duration::from_millis(250);
const SHORTEST_FIRST_WINDOW: Duration = Duration::from_millis(100);
const LONGEST_WINDOW: Duration = Duration::from_secs(2);

/// A window in round trips (chosen). A new stream doubles its bytes in flight in each round trip.
const ROUND_TRIPS: u32 = 6;

/// The least number of streams to expect if the peer opens them (chosen).
const SOON_OF_A_PEER: usize = 8;

/// How often the pool checks whether a window has ended (chosen).
const TICK: Duration = Duration::from_millis(50);

/// How many streams there may be, and who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamLimit {
    /// Exactly this many.
    Fixed(u16),
    /// At most this many; more are opened while throughput rises.
    UpTo(u16),
}

impl StreamLimit {
    /// The most streams there may be.
    pub(crate) fn most(self) -> u16 {
        let (StreamLimit::Fixed(most) | StreamLimit::UpTo(most)) = self;
        most
    }

    /// The same, but no more than `limit`, and at least the first stream.
    pub(crate) fn at_most(self, limit: u16) -> Self {
        match self {
            _ if limit <= 1 => StreamLimit::Fixed(1),
            StreamLimit::Fixed(count) => StreamLimit::Fixed(count.min(limit)),
            StreamLimit::UpTo(most) => StreamLimit::UpTo(most.min(limit)),
        }
    }
}

/// What one side of a transfer does on its streams.
pub(crate) trait StreamWork: Sync {
    /// How much work is left, to decide about more streams.
    fn left(&self) -> Work;

    /// This many streams take parts from now on, including the first.
    fn set_streams(&self, count: u16);

    /// Works on a stream that has joined until the transfer is over or the stream is lost.
    fn on_joined(&self, stream: JoinedStream, context: &SessionContext, pool: &StreamPool);

    /// A stream has joined, but the system has no thread for it.
    fn on_lost(&self, stream: StreamNumber);
}

/// Opens the further streams of a transfer, or lets them in.
pub(crate) struct StreamPool {
    queue: Arc<StreamQueue>,
    most: u16,
    /// Set on the side that dialled the session: it opens the streams.
    dialler: Option<StreamDialler>,
}

struct StreamDialler {
    peer: SocketAddr,
    shared: SessionContext,
    /// The next unused number of a joined stream.
    next: Arc<AtomicU16>,
    /// The shortest time that connecting took, in microseconds; `u64::MAX` before the first stream has joined.
    round_trip: Arc<AtomicU64>,
    following: Option<Following>,
}

/// Adapts the number of streams to the line.
struct Following {
    tuner: Mutex<StreamTuner>,
    /// A window, and the session's bytes on the wire when it began.
    window: Mutex<(Window, u64)>,
    /// Streams that were requested, including the first.
    asked: AtomicU16,
}

impl StreamPool {
    /// Runs a transfer: `first` on the session's first stream, and `work` on each stream that joins, in a thread
    /// of its own.
    ///
    /// # Errors
    /// [`Error`]: what ended the session first, on whichever stream.
    pub(crate) fn run<T>(
        session: &mut Session,
        limit: StreamLimit,
        work: &impl StreamWork,
        first: impl FnOnce(&mut Session, &StreamPool) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let pool = StreamPool::open(session, limit);
        let context = session.shared.clone();
        let result = thread::scope(|scope| {
            let accept_streams = || {
                loop {
                    match pool.queue.pop(pool.following().map(|_| TICK)) {
                        Popped::Closed => return,
                        Popped::Stream(stream) => {
                            let number = stream.number;
                            let joined = || work.on_joined(stream, &context, &pool);
                            if spawn_in(scope, joined).is_err() {
                                work.on_lost(number);
                            }
                        }
                        Popped::Nothing => {
                            if let Some(count) = pool.follow(|| work.left()) {
                                work.set_streams(count);
                            }
                        }
                    }
                }
            };
            let accepting = match limit {
                StreamLimit::Fixed(1) => Ok(()),
                _ => spawn_in(scope, accept_streams),
            };
            let result = accepting.and_then(|()| first(session, &pool));
            // Ends every stream, and wakes the stream acceptor.
            pool.queue.close();
            result
        });
        result.map_err(|error| context.cause.take().unwrap_or(error))
    }

    /// The further streams of one transfer.
    fn open(session: &Session, limit: StreamLimit) -> Self {
        let mut pool = StreamPool {
            queue: Arc::default(),
            most: limit.most(),
            dialler: None,
        };
        match &session.origin {
            Origin::Accepted(gate) => {
                gate.open(Arc::clone(&pool.queue), pool.most.saturating_sub(1))
            }
            Origin::Dialled => {
                let (at_first, following) = match limit {
                    StreamLimit::Fixed(count) => (count, None),
                    StreamLimit::UpTo(most) => {
                        let count = AT_FIRST.min(most);
                        let following = Following {
                            tuner: Mutex::new(StreamTuner::new(count, most)),
                            window: Mutex::new((Window::new(), session.shared.traffic.total())),
                            asked: AtomicU16::new(count),
                        };
                        (count, Some(following))
                    }
                };
                let dialler = pool.dialler.insert(StreamDialler {
                    peer: session.peer,
                    shared: session.shared.clone(),
                    next: Arc::clone(&session.next_stream),
                    round_trip: Arc::new(AtomicU64::new(u64::MAX)),
                    following,
                });
                dialler.dial(at_first.saturating_sub(1), &pool.queue);
            }
        }
        pool
    }

    fn following(&self) -> Option<&Following> {
        self.dialler.as_ref()?.following.as_ref()
    }

    /// How many streams to expect soon, at least the `working` ones.
    pub(crate) fn soon(&self, working: usize) -> usize {
        match (&self.dialler, self.following()) {
            (_, Some(following)) => working.max(lock(&following.tuner).soon().into()),
            (Some(_), None) => self.most.into(),
            // This side does not know how many streams the peer will open.
            (None, None) => working.max(SOON_OF_A_PEER.min(self.most.into())),
        }
    }

    /// Counts a part: its thread worked for `busy` and waited for `blocked`.
    pub(crate) fn note(&self, busy: Duration, blocked: Duration) {
        if let Some(following) = self.following() {
            lock(&following.window).0.note(busy, blocked);
        }
    }

    /// Ends the window if it is long enough, and opens more streams if they are worth a try. Returns the new
    /// number of streams that take parts, if it changed.
    fn follow(&self, work: impl Fn() -> Work) -> Option<u16> {
        let dialler = self.dialler.as_ref()?;
        let following = dialler.following.as_ref()?;
        let mut tuner = lock(&following.tuner);
        let round_trip = match dialler.round_trip.load(Ordering::Relaxed) {
            u64::MAX => return None,
            micros => Duration::from_micros(micros),
        };
        let shortest = match tuner.is_beginning() {
            true => SHORTEST_FIRST_WINDOW,
            false => SHORTEST_WINDOW,
        };
        let length = (round_trip * ROUND_TRIPS).clamp(shortest, LONGEST_WINDOW);
        let length = length * tuner.window_lengths();
        let window = {
            let mut current = lock(&following.window);
            if current.0.began.elapsed() < length {
                return None;
            }
            let moved = dialler.shared.traffic.total();
            let (mut window, before) = std::mem::replace(&mut *current, (Window::new(), moved));
            window.bytes = moved.saturating_sub(before);
            window
        };
        let before = tuner.count();
        let count = tuner.step(Seen {
            measured: window.measured(),
            parts: window.parts,
            work: work(),
            round_trip: round_trip.as_secs_f64(),
        });
        let asked = following.asked.fetch_max(count, Ordering::Relaxed);
        dialler.dial(count.saturating_sub(asked), &self.queue);
        (count != before).then_some(count)
    }
}

impl StreamDialler {
    /// Opens more streams, each in a thread of its own that is not joined: if it cannot connect, it ends, and the
    /// transfer goes on without it.
    fn dial(&self, count: u16, queue: &Arc<StreamQueue>) {
        for _ in 0..count {
            let number = self
                .next
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
                    next.checked_add(1)
                });
            let Some(number) = number.ok().and_then(StreamNumber::joined) else {
                return;
            };
            let (peer, shared, queue) = (self.peer, self.shared.clone(), Arc::clone(queue));
            let round_trip = Arc::clone(&self.round_trip);
            let thread = thread::Builder::new().name(format!("join {}", number.get()));
            // Without a thread or a connection there is one stream less, but nothing is lost.
            let _ = thread.stack_size(256 * 1024).spawn(move || {
                if let Ok((stream, connected)) = dial_stream(peer, &shared, number) {
                    let took = u64::try_from(connected.as_micros()).unwrap_or(u64::MAX - 1);
                    round_trip.fetch_min(took, Ordering::Relaxed);
                    queue.push(stream);
                }
            });
        }
    }
}
