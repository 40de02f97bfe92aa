//! How many threads share a task, and how they start.

use crate::session::error::Error;
use std::thread::{self, Scope};

/// Threads for work that the processor does: one for each core, at most `most`.
pub(crate) fn threads_within(most: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    cores.min(most)
}

/// Has `count` threads do the same work, the calling one among them. Fewer do it where the system refuses
/// one.
pub(crate) fn on_threads(count: usize, work: impl Fn() + Sync) {
    thread::scope(|scope| {
        for _ in 1..count {
            if spawn_in(scope, &work).is_err() {
                break;
            }
        }
        work();
    });
}

/// Starts a thread of `scope`.
///
/// # Errors
/// [`Error::System`] when the system has none to give.
pub(crate) fn spawn_in<'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() + Send + 'scope,
) -> Result<(), Error> {
    let thread = thread::Builder::new().spawn_scoped(scope, work);
    thread.map(drop).map_err(Error::system)
}
