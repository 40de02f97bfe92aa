//! The gate through which the further streams of one session join.

use crate::protocol::StreamNumber;
use crate::session::connection::join::{SessionContext, StreamQueue};
use crate::session::sync::Monitor;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long a stream may wait for the gate to open. The dialler may know that the transfer begins before this side
/// has read the message.
const AHEAD: Duration = Duration::from_secs(1);

/// The gate of one session. It is open only while a transfer waits for streams, admits only as many as expected,
/// and each number once.
pub(crate) struct JoinGate {
    pub(crate) shared: SessionContext,
    /// Set when the session has ended.
    pub(crate) ended: SessionEnd,
    state: Monitor<GateState>,
}

/// When a session ended, once it has.
pub(crate) type SessionEnd = Arc<OnceLock<Instant>>;

#[derive(Default)]
struct GateState {
    used: HashSet<StreamNumber>,
    open: Option<(Arc<StreamQueue>, u16)>,
}

impl JoinGate {
    /// A gate that is closed.
    pub(crate) fn new(shared: SessionContext) -> Self {
        JoinGate {
            shared,
            ended: SessionEnd::default(),
            state: Monitor::default(),
        }
    }

    /// Lets `count` streams into `queue`, until that is closed.
    pub(crate) fn open(&self, queue: Arc<StreamQueue>, count: u16) {
        self.state.change(|state| state.open = Some((queue, count)));
    }

    /// The queue for a proven stream; `None` if the stream was not expected.
    pub(crate) fn admit(&self, number: StreamNumber) -> Option<Arc<StreamQueue>> {
        let is_closed = |state: &GateState| match &state.open {
            Some((queue, _)) => queue.is_closed(),
            None => true,
        };
        let mut state = self.state.wait_while_for(AHEAD, is_closed);
        if state.used.contains(&number) {
            return None;
        }
        let (queue, left) = state.open.as_mut()?;
        *left = left.checked_sub(1)?;
        let queue = Arc::clone(queue);
        state.used.insert(number);
        Some(queue)
    }
}

impl Drop for JoinGate {
    fn drop(&mut self) {
        // Only a second call could fail, and a gate is dropped once.
        let _ = self.ended.set(Instant::now());
    }
}
