//! Panics, which are always a bug, never the fault of a person or a peer.

use crate::cli::error::CliError;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

/// Reports the panic of any thread in one line with its location, but without its message, which may hold
/// a name or a piece of a secret.
pub(crate) fn announce_panics() {
    panic::set_hook(Box::new(|info| {
        let line = announcement(info);
        let _ = std::io::stderr().write_all(line.as_bytes());
    }));
}

/// Runs `work`; a panic in it becomes [`CliError::Bug`].
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, CliError>) -> Result<T, CliError> {
    // Nothing relies on state that `work` leaves half changed behind its locks.
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(CliError::Bug))
}

fn announcement(info: &PanicHookInfo<'_>) -> String {
    match info.location() {
        Some(place) => format!("peerbridge: panic at {}:{}\n", place.file(), place.line()),
        None => "peerbridge: panic\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_exit_1_and_repeats_nothing() {
        let error = caught::<()>(|| panic::resume_unwind(Box::new("hunter2"))).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        assert!(!error.to_string().contains("hunter2"));
        assert!(error.hint().unwrap().contains("report"));
    }

    #[test]
    fn other_results_pass() {
        assert_eq!(caught(|| Ok(5)).unwrap(), 5);
        let error = caught::<()>(|| Err(CliError::usage("x", "y"))).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
