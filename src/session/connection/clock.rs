//! Deadlines and liveness, measured with one clock.

use crate::model::number64;
use crate::session::connection::stall::StallClock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// A side with nothing else to send sends a heartbeat at least this often.
const LONGEST_HEARTBEAT: Duration = Duration::from_secs(3);

/// How long a peer may be silent while another proven peer waits: three heartbeats. Usually the two are the same
/// peer, which came back after a lost connection that this side has not noticed.
const SILENCE_WHILE_OTHERS_WAIT: Duration = Duration::from_secs(9);

/// After this much silence a peer may be gone: one heartbeat, and time for it to arrive.
const MAYBE_GONE: Duration = Duration::from_secs(4);

/// The shortest and the longest time after which a blocked call looks at the clock.
const TICKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// A point in time by which something must have happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// `duration` from now.
    pub(crate) fn after(duration: Duration) -> Self {
        Deadline(Instant::now() + duration)
    }

    /// The time left; `None` if it has passed.
    pub(crate) fn remaining(self) -> Option<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

/// When a peer was last heard, over all streams of a session. A peer is alive while any stream brings bytes. It is
/// silent when none did for the idle limit.
#[derive(Debug)]
pub(crate) struct Liveness {
    start: Instant,
    heard: AtomicU64,
    idle_limit: Duration,
    /// How long this side has waited for the peer without progress.
    pub(crate) stall: StallClock,
    longest_stall: OnceLock<Duration>,
    may_pause: AtomicBool,
    makes_way: AtomicBool,
    others_waiting: OnceLock<Arc<AtomicUsize>>,
}

impl Liveness {
    /// Starts to count now.
    pub(crate) fn new(idle_limit: Duration) -> Self {
        Liveness {
            start: Instant::now(),
            heard: AtomicU64::new(0),
            idle_limit,
            stall: StallClock::new(),
            longest_stall: OnceLock::new(),
            may_pause: AtomicBool::new(false),
            makes_way: AtomicBool::new(false),
            others_waiting: OnceLock::new(),
        }
    }

    /// From now on, the peer may be silent only for a shorter time while `waiting` is above zero.
    pub(crate) fn hurry_while(&self, waiting: &Arc<AtomicUsize>) {
        // Only a second call could fail, and it would set the same count.
        let _ = self.others_waiting.set(Arc::clone(waiting));
    }

    /// From now on, the peer may make no progress for at most `longest`.
    pub(crate) fn limit_stalls(&self, longest: Duration) {
        // Only a second call could fail: a session has one such limit.
        let _ = self.longest_stall.set(longest);
    }

    /// Sets whether the peer may pause for any time. It may while it sends contents as they come to it.
    pub(crate) fn let_pause(&self, may_pause: bool) {
        self.may_pause.store(may_pause, Ordering::Relaxed);
    }

    /// Ends the session so that another can begin: every blocked read returns within a tick.
    pub(crate) fn make_way(&self) {
        self.makes_way.store(true, Ordering::Relaxed);
    }

    /// Whether the session ends so that another can begin.
    pub(crate) fn is_making_way(&self) -> bool {
        self.makes_way.load(Ordering::Relaxed)
    }

    /// Whether there was no progress for longer than allowed.
    pub(crate) fn is_standing_still(&self) -> bool {
        let longest = self.longest_stall.get();
        longest.is_some_and(|longest| self.stall.stalled() >= *longest)
            && !self.may_pause.load(Ordering::Relaxed)
    }

    /// Whether this side waits for the peer and has heard nothing for longer than a heartbeat takes.
    pub(crate) fn may_be_gone(&self) -> bool {
        let unheard = self.start.elapsed().saturating_sub(self.last_heard());
        self.stall.stalled().min(unheard) >= MAYBE_GONE
    }

    /// Bytes came.
    pub(crate) fn heard(&self) {
        let now = number64(self.start.elapsed().as_millis());
        self.heard.fetch_max(now, Ordering::Relaxed);
    }

    /// Whether the peer has been silent for too long. Call this only after a read that brought nothing: what the
    /// peer sent while this side was busy with a disk or a person may still be unread.
    pub(crate) fn is_silent(&self) -> bool {
        self.left().is_zero()
    }

    /// Whether the peer was heard `time` after `since` or later.
    pub(crate) fn was_heard_after(&self, since: Instant, time: Duration) -> bool {
        self.start + self.last_heard() >= since + time
    }

    /// The idle limit.
    pub(crate) fn idle_limit(&self) -> Duration {
        self.idle_limit
    }

    /// How long a blocked read may wait before it looks at the clock.
    pub(crate) fn read_wait(&self) -> Duration {
        self.left().clamp(TICKS.0, self.write_wait())
    }

    /// How long a blocked write may wait before it looks at the clock.
    pub(crate) fn write_wait(&self) -> Duration {
        (self.idle_limit / 4).clamp(TICKS.0, TICKS.1)
    }

    /// How often to send a heartbeat: often enough for a peer with a shorter idle limit, too.
    pub(crate) fn heartbeat(&self) -> Duration {
        (self.idle_limit / 3).clamp(TICKS.0, LONGEST_HEARTBEAT)
    }

    fn left(&self) -> Duration {
        let waiting = self.others_waiting.get();
        let limit = match waiting.map_or(0, |count| count.load(Ordering::Relaxed)) {
            0 => self.idle_limit,
            _ => self.idle_limit.min(SILENCE_WHILE_OTHERS_WAIT),
        };
        limit.saturating_sub(self.start.elapsed().saturating_sub(self.last_heard()))
    }

    fn last_heard(&self) -> Duration {
        Duration::from_millis(self.heard.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_from_the_last_byte() {
        let liveness = Liveness::new(Duration::from_secs(3600));
        liveness.heard();
        assert!(!liveness.is_silent());
        let liveness = Liveness::new(Duration::ZERO);
        assert!(liveness.is_silent());
    }

    #[test]
    fn a_read_wakes_up_in_time_to_find_silence() {
        let liveness = Liveness::new(Duration::from_secs(3600));
        assert_eq!(liveness.read_wait(), TICKS.1);
        assert_eq!(Liveness::new(Duration::ZERO).read_wait(), TICKS.0);
    }

    #[test]
    fn the_last_sign_of_life_is_remembered() {
        let begun = Instant::now();
        let liveness = Liveness::new(Duration::from_secs(1));
        assert!(liveness.was_heard_after(begun, Duration::ZERO));
        assert!(!liveness.was_heard_after(begun, Duration::from_secs(60)));
    }

    #[test]
    fn a_peer_that_moves_nothing_stands_still_unless_it_may_pause() {
        let liveness = Liveness::new(Duration::from_secs(3600));
        let _waiting = liveness.stall.wait();
        std::thread::sleep(Duration::from_millis(5));
        assert!(!liveness.is_standing_still(), "without a limit");
        liveness.limit_stalls(Duration::from_millis(1));
        assert!(liveness.is_standing_still());
        liveness.let_pause(true);
        assert!(!liveness.is_standing_still());
    }

    #[test]
    fn a_deadline_passes() {
        assert!(
            Deadline::after(Duration::from_secs(60))
                .remaining()
                .is_some()
        );
        assert!(Deadline::after(Duration::ZERO).remaining().is_none());
    }
}
