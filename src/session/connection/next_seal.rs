//! The seal of a stream's next message, prepared in advance by an idle thread. Deriving the keys is most of the
//! cost of a message, and the peer would wait for it.

use crate::crypto::{Position, Prepared, SealingKeys};
use crate::protocol::StreamNumber;
use crate::session::sync::Monitor;
use std::time::Instant;

/// Shared by the thread that writes messages and the thread that prepares their seals.
pub(crate) struct NextSeal {
    keys: SealingKeys,
    stream: StreamNumber,
    state: Monitor<SealState>,
}

enum SealState {
    /// Nothing is wanted.
    Idle,
    /// The seal of the message with this number is wanted and not begun.
    Wanted(u64),
    /// It is being prepared.
    Begun,
    Ready(u64, Box<Prepared>),
    Closed,
}

impl NextSeal {
    /// Prepares seals for the messages of a stream.
    pub(crate) fn new(keys: SealingKeys, stream: StreamNumber) -> Self {
        NextSeal {
            keys,
            stream,
            state: Monitor::new(SealState::Idle),
        }
    }

    /// Message `sequence` comes next.
    pub(crate) fn want(&self, sequence: u64) {
        self.state.change(|state| {
            if let SealState::Idle | SealState::Ready(..) = *state {
                *state = SealState::Wanted(sequence);
            }
        });
    }

    /// The seal of message `sequence`, if it was begun. Waits until it is ready.
    pub(crate) fn take(&self, sequence: u64) -> Option<Prepared> {
        let mut state = self
            .state
            .wait_while(|state| matches!(state, SealState::Begun));
        if let SealState::Closed = *state {
            return None;
        }
        match std::mem::replace(&mut *state, SealState::Idle) {
            SealState::Ready(number, prepared) if number == sequence => Some(*prepared),
            _ => None,
        }
    }

    /// Prepares wanted seals in the calling thread until `due`. False if it was closed.
    pub(crate) fn serve_until(&self, due: Instant) -> bool {
        loop {
            let left = due.saturating_duration_since(Instant::now());
            let is_idle =
                |state: &SealState| !matches!(state, SealState::Wanted(_) | SealState::Closed);
            let mut state = self.state.wait_while_for(left, is_idle);
            match *state {
                SealState::Closed => return false,
                SealState::Wanted(sequence) => {
                    *state = SealState::Begun;
                    drop(state);
                    let prepared = self.prepare(sequence);
                    self.state.change(|state| {
                        if let SealState::Begun = *state {
                            *state = prepared;
                        }
                    });
                }
                _ => return true,
            }
        }
    }

    /// Closes it: ends the preparing thread, and wakes threads that wait for a seal.
    pub(crate) fn close(&self) {
        self.state.change(|state| *state = SealState::Closed);
    }

    /// If this fails, the thread that needs the seal makes it itself and gets the error.
    fn prepare(&self, sequence: u64) -> SealState {
        let stream = self.stream.get();
        let position = Position::Message { stream, sequence };
        match Prepared::new(&self.keys, position) {
            Ok(prepared) => SealState::Ready(sequence, Box::new(prepared)),
            Err(_) => SealState::Idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn next_seal() -> NextSeal {
        NextSeal::new(SealingKeys::of_no_session(), StreamNumber::FIRST)
    }

    /// Prepares what is wanted, and returns.
    fn serve(next_seal: &NextSeal) {
        assert!(next_seal.serve_until(Instant::now()));
    }

    #[test]
    fn what_is_wanted_is_ready_when_it_was_prepared() {
        let next_seal = next_seal();
        next_seal.want(3);
        serve(&next_seal);
        assert!(next_seal.take(3).is_some());
        assert!(next_seal.take(3).is_none(), "each is used once");
    }

    #[test]
    fn what_nobody_has_begun_is_not_waited_for() {
        let next_seal = next_seal();
        next_seal.want(0);
        assert!(next_seal.take(0).is_none());
        serve(&next_seal);
        assert!(next_seal.take(0).is_none(), "nor prepared any more");
    }

    #[test]
    fn a_seal_is_for_one_number_only() {
        let next_seal = next_seal();
        next_seal.want(0);
        serve(&next_seal);
        assert!(next_seal.take(1).is_none());
        next_seal.want(0);
        serve(&next_seal);
        next_seal.want(1);
        serve(&next_seal);
        assert!(next_seal.take(1).is_some());
    }

    #[test]
    fn what_has_been_begun_is_waited_for() {
        let next_seal = next_seal();
        *next_seal.state.lock() = SealState::Begun;
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| next_seal.take(0));
            std::thread::sleep(Duration::from_millis(20));
            next_seal
                .state
                .change(|state| *state = next_seal.prepare(0));
            assert!(waiting.join().unwrap().is_some());
        });
    }

    #[test]
    fn the_end_wakes_both_sides() {
        let next_seal = next_seal();
        *next_seal.state.lock() = SealState::Begun;
        let far = Instant::now() + Duration::from_secs(3600);
        std::thread::scope(|scope| {
            let taking = scope.spawn(|| next_seal.take(0));
            let serving = scope.spawn(|| next_seal.serve_until(far));
            next_seal.close();
            assert!(taking.join().unwrap().is_none());
            assert!(!serving.join().unwrap());
        });
        next_seal.want(0);
        assert!(next_seal.take(0).is_none());
    }
}
