//! Where the further streams of one session come in.

use crate::protocol::StreamNumber;
use crate::session::connection::join::{SessionContext, StreamQueue};
use crate::session::sync::Monitor;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long a stream may be ahead of the answer that it came by: its dialler knows already that the
/// transfer begins, and this side is about to read it.
const AHEAD: Duration = Duration::from_secs(1);

/// The gate of one session: open only while a transfer waits for streams, for no more than it waits for,
/// and for each number once.
pub(crate) struct JoinGate {
    pub(crate) shared: SessionContext,
    /// Where it is noted that the session has ended.
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

    /// Where a stream that has proven itself belongs; `None` when it was not asked for.
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
        // It is dropped once.
        let _ = self.ended.set(Instant::now());
    }
}
