//! Locks that survive a panic of another thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Locks a mutex, even if a thread has panicked while it held the lock. That is safe here: every value behind a
/// lock is consistent between two statements, and a panic ends only its own connection.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value that threads wait for.
#[derive(Default)]
pub(crate) struct Monitor<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T> Monitor<T> {
    /// Guards `value`.
    pub(crate) fn new(value: T) -> Self {
        Monitor {
            value: Mutex::new(value),
            changed: Condvar::new(),
        }
    }

    /// Locks the value to read it. To change something that others wait for, use [`Monitor::change`].
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        lock(&self.value)
    }

    /// Changes the value and wakes all waiting threads.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    /// Wakes all waiting threads. Call it after a change, while the lock is held or just after it was released.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits while `condition` holds.
    pub(crate) fn wait_while(&self, condition: impl Fn(&T) -> bool) -> MutexGuard<'_, T> {
        let mut value = self.lock();
        // std's own loop would end early after a thread panicked with the lock.
        while condition(&value) {
            let waited = self.changed.wait(value);
            value = waited.unwrap_or_else(PoisonError::into_inner);
        }
        value
    }

    /// Waits while `condition` holds, for at most `time`.
    pub(crate) fn wait_while_for(
        &self,
        time: Duration,
        condition: impl Fn(&T) -> bool,
    ) -> MutexGuard<'_, T> {
        let end = Instant::now().checked_add(time);
        let mut value = self.lock();
        while condition(&value) {
            let left = end.map_or(time, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(value, left);
            value = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_goes_on_while_the_condition_holds_also_after_a_panic() {
        let monitor = Monitor::new(0);
        let (looking, looks) = std::sync::mpsc::channel();
        let is_small = move |value: &i32| {
            looking.send(()).unwrap();
            *value < 2
        };
        std::thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _held = monitor.lock();
                std::panic::resume_unwind(Box::new("on purpose"));
            });
            assert!(panics.join().is_err());
            let waits = scope.spawn(|| {
                let long = Duration::from_secs(600);
                let first = *monitor.wait_while(is_small);
                (first, *monitor.wait_while_for(long, |value| *value < 4))
            });
            for value in 1..=4 {
                // The condition is checked under the lock, which is free once that thread waits. If it had stopped
                // waiting too early, no check would come.
                if value <= 2 {
                    let _ = looks.recv();
                }
                monitor.change(|changed| *changed = value);
            }
            let (first, second) = waits.join().unwrap();
            assert!(first >= 2 && second == 4, "{first} {second}");
        });
    }

    #[test]
    fn waiting_for_a_time_ends_without_a_change() {
        let monitor = Monitor::new(7);
        assert_eq!(*monitor.wait_while_for(Duration::ZERO, |_| true), 7);
    }
}
