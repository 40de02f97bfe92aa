//! Signs of life while a side has nothing to say.

use super::channel::MessageWriter;
use super::clock::Liveness;
use crate::protocol::{Message, Ping};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The writer of a session's first stream, which several threads use.
pub(super) type SharedWriter = Arc<Mutex<MessageWriter>>;

/// Locks, also after a thread that panicked held the lock: every value behind a lock here is whole
/// between two statements, and a panic ends its own connection only.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that sends a heartbeat on the first stream as often as [`Liveness::heartbeat`] says, until
/// dropped.
pub(super) struct Heartbeat {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Heartbeat {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the system says when it has no thread to give.
    pub(super) fn start(writer: SharedWriter, liveness: &Liveness) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let pause = liveness.heartbeat();
        let thread = std::thread::Builder::new()
            .name("heartbeat".into())
            .stack_size(256 * 1024)
            .spawn({
                let stop = Arc::clone(&stop);
                move || beat(&writer, &stop, pause)
            })?;
        Ok(Heartbeat {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        *lock(&self.stop.0) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // It can only have panicked, which ended nothing but the heartbeats.
            let _ = thread.join();
        }
    }
}

fn beat(writer: &SharedWriter, stop: &(Mutex<bool>, Condvar), pause: Duration) {
    let mut stopped = lock(&stop.0);
    while !*stopped {
        let waited = stop.1.wait_timeout(stopped, pause);
        let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        stopped = guard;
        if *stopped || !timeout.timed_out() {
            continue;
        }
        drop(stopped);
        // A writer that is busy says enough by what it writes; one that is lost is found by others.
        if let Ok(mut writer) = writer.try_lock()
            && writer.send(&Message::Ping(Ping::default())).is_err()
        {
            return;
        }
        stopped = lock(&stop.0);
    }
}
