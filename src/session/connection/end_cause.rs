//! Carries the error that ends a session from any thread to the one that reads its first stream.

use crate::session::error::Error;
use crate::session::sync::lock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// The first error of a session's other threads. A blocked read of the first stream returns it within a tick.
#[derive(Debug, Default)]
pub(crate) struct EndCause {
    is_raised: AtomicBool,
    error: Mutex<Option<Error>>,
}

impl EndCause {
    /// Ends the session with `error`, unless another error ended it before.
    pub(crate) fn raise(&self, error: Error) {
        lock(&self.error).get_or_insert(error);
        self.is_raised.store(true, Ordering::Release);
    }

    /// Whether an error was raised.
    pub(crate) fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Acquire)
    }

    /// The error, for the thread that ends the session.
    pub(crate) fn take(&self) -> Option<Error> {
        match self.is_raised() {
            true => lock(&self.error).take(),
            false => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_counts_and_is_taken_once() {
        let cause = EndCause::default();
        assert!(!cause.is_raised() && cause.take().is_none());
        cause.raise(Error::PhraseDiffers);
        cause.raise(Error::Cancelled);
        assert!(cause.is_raised());
        assert!(matches!(cause.take(), Some(Error::PhraseDiffers)));
        assert!(cause.take().is_none());
    }
}
