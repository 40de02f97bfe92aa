//! How many threads share a task, and how they start.

use crate::session::error::Error;
use std::thread::{self, Scope};

/// How many threads to use for computing: one for each core, at most `most`.
pub(crate) fn threads_within(most: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    cores.min(most)
}

/// Runs the same work on `count` threads, including the calling one. On fewer if the system refuses a thread.
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
/// [`Error::System`] if the system has no thread to give.
pub(crate) fn spawn_in<'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() + Send + 'scope,
) -> Result<(), Error> {
    let thread = thread::Builder::new().spawn_scoped(scope, work);
    thread.map(drop).map_err(Error::system)
}
