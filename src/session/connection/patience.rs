//! How long a connection waits for its peer, and how fast the peer must send.

use crate::model::limits;
use crate::session::connection::clock::{Deadline, Liveness};
use crate::session::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to wait for the peer.
#[derive(Clone, Debug)]
pub(crate) enum Patience {
    /// Until a deadline, however slowly the bytes come.
    Until(Deadline),
    /// As long as the peer is heard on any stream of the session.
    WhileAlive(Arc<Liveness>),
}

impl Patience {
    /// How long the next read may block. An error if the time is over.
    pub(super) fn read_wait(&self) -> io::Result<Duration> {
        self.wait(Liveness::read_wait)
    }

    /// How long the next write may block. An error if the time is over.
    pub(super) fn write_wait(&self) -> io::Result<Duration> {
        self.wait(Liveness::write_wait)
    }

    fn wait(&self, while_alive: impl Fn(&Liveness) -> Duration) -> io::Result<Duration> {
        match self {
            Patience::Until(deadline) => deadline.remaining().ok_or(io::ErrorKind::TimedOut.into()),
            Patience::WhileAlive(liveness) => Ok(while_alive(liveness)),
        }
    }

    /// The liveness of the session; `None` before the proof.
    pub(super) fn liveness(&self) -> Option<&Arc<Liveness>> {
        match self {
            Patience::Until(_) => None,
            Patience::WhileAlive(liveness) => Some(liveness),
        }
    }

    /// Checks that the peer has not stalled for too long.
    ///
    /// # Errors
    /// [`Error::Stalled`].
    pub(super) fn check_progress(&self) -> Result<(), Error> {
        match self.liveness() {
            Some(liveness) if liveness.is_making_way() || liveness.is_standing_still() => {
                let seconds = liveness.stall.stalled().as_secs();
                Err(Error::Stalled { seconds })
            }
            _ => Ok(()),
        }
    }

    /// Whether to give up after a read that brought nothing.
    pub(super) fn is_over_for_reads(&self) -> bool {
        self.liveness().is_some_and(|liveness| liveness.is_silent())
    }

    /// Whether to give up a write that made no progress for `time`. Heartbeats don't help a peer that reads
    /// nothing.
    pub(super) fn is_over_for_writes(&self, time: Duration) -> bool {
        self.liveness()
            .is_some_and(|liveness| time >= liveness.idle_limit())
    }

    /// Bytes came.
    pub(super) fn heard(&self) {
        if let Some(liveness) = self.liveness() {
            liveness.heard();
        }
    }

    /// How long the peer was silent, for the error.
    pub(super) fn seconds(&self) -> u64 {
        let idle_limit = self.liveness().map(|liveness| liveness.idle_limit());
        idle_limit.map_or(limits::HANDSHAKE_SECONDS, |limit| limit.as_secs())
    }
}

/// How fast a peer must send something that it has begun: within a grace period, or at a rate from then on.
#[derive(Debug)]
pub(crate) struct Pace {
    /// What the peer is sending, for the error.
    what: &'static str,
    /// The end of the grace period.
    from: Instant,
    bytes_per_second: u64,
    /// Bytes received that count for the pace.
    pub(super) brought: u64,
}

impl Pace {
    /// Starts when `what` begins to arrive.
    pub(crate) fn new(what: &'static str, grace: Duration, bytes_per_second: u64) -> Self {
        Pace {
            what,
            from: Instant::now() + grace,
            bytes_per_second,
            brought: 0,
        }
    }

    /// Checks that the peer keeps the pace. `of_frame` are the bytes of an incomplete frame.
    ///
    /// # Errors
    /// [`Error::DeclinedHere`].
    pub(super) fn check(&self, of_frame: u64) -> Result<(), Error> {
        let late = Instant::now().saturating_duration_since(self.from);
        let due = late.as_millis() * u128::from(self.bytes_per_second) / 1000;
        match u128::from(self.brought + of_frame) >= due {
            true => Ok(()),
            false => Err(Error::DeclinedHere {
                reason: format!("{} comes too slowly", self.what),
            }),
        }
    }
}
