//! Cancellation: a program can end a session at any time.

use crate::session::error::Error;
use crate::session::sync::Monitor;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Stops a call from another thread. Every clone stops the same call: waiting, dialling and transferring
/// end with [`Error::Cancelled`], and serving ends without an error. Data that arrived is kept, so
/// the transfer can be resumed.
///
/// ```
/// use peerbridge::Cancel;
///
/// let cancel = Cancel::new();
/// let other = cancel.clone();
/// std::thread::spawn(move || other.cancel()).join().unwrap();
/// assert!(cancel.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct Cancel(Arc<Monitor<CancelState>>);

#[derive(Default)]
struct CancelState {
    is_cancelled: bool,
    connections: Vec<Weak<TcpStream>>,
    wakers: Vec<Box<dyn Fn() + Send>>,
}

impl Cancel {
    /// Creates a handle that has not been used yet.
    pub fn new() -> Self {
        Cancel::default()
    }

    /// Stops everything that holds a clone of this. A connection attempt under way still runs until it
    /// succeeds or fails. This cannot be undone.
    pub fn cancel(&self) {
        self.0.change(|state| {
            state.is_cancelled = true;
            let connections = state.connections.drain(..);
            for connection in connections.filter_map(|weak| weak.upgrade()) {
                // It may be gone already.
                let _ = connection.shutdown(Shutdown::Both);
            }
            for wake in state.wakers.drain(..) {
                wake();
            }
        });
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.lock().is_cancelled
    }

    /// # Errors
    /// [`Error::Cancelled`] where it was.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.is_cancelled() {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    }

    /// From now on, cancelling also shuts this connection down.
    pub(crate) fn watch(&self, connection: &Arc<TcpStream>) {
        let mut state = self.0.lock();
        if state.is_cancelled {
            let _ = connection.shutdown(Shutdown::Both);
            return;
        }
        state.connections.retain(|known| known.strong_count() > 0);
        state.connections.push(Arc::downgrade(connection));
    }

    /// From now on, cancelling also calls `wake`, which must not block.
    pub(crate) fn wake(&self, wake: impl Fn() + Send + 'static) {
        self.0.lock().wakers.push(Box::new(wake));
    }

    /// Sleeps for `pause`, or until it is cancelled.
    pub(crate) fn sleep(&self, pause: Duration) {
        drop(self.0.wait_while_for(pause, |state| !state.is_cancelled));
    }

    /// The error to report: [`Error::Cancelled`] if cancelling caused `error`.
    pub(crate) fn cause(&self, error: Error) -> Error {
        self.check().err().unwrap_or(error)
    }
}
