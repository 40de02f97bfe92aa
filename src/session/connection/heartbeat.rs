//! Signs of life while a side has nothing else to send.

use crate::protocol::{Message, Ping};
use crate::session::connection::channel::MessageWriter;
use crate::session::connection::clock::Liveness;
use crate::session::connection::next_seal::NextSeal;
use crate::session::sync::lock;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The writer of a session's first stream, which several threads use.
pub(crate) type SharedWriter = Arc<Mutex<MessageWriter>>;

/// A thread that sends a heartbeat on the first stream as often as [`Liveness::heartbeat`] says, until
/// dropped. In between it prepares the seal of the next message.
pub(crate) struct Heartbeat {
    ahead: Arc<NextSeal>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Heartbeat {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system's error if it has no thread to give.
    pub(crate) fn start(writer: SharedWriter, liveness: &Liveness) -> std::io::Result<Self> {
        let ahead = lock(&writer).prepare_ahead();
        let pause = liveness.heartbeat();
        let thread = std::thread::Builder::new()
            .name("heartbeat".into())
            .stack_size(256 * 1024)
            .spawn({
                let ahead = Arc::clone(&ahead);
                move || beat(&writer, &ahead, pause)
            })?;
        Ok(Heartbeat {
            ahead,
            thread: Some(thread),
        })
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.ahead.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has only ended the heartbeats.
            let _ = thread.join();
        }
    }
}

fn beat(writer: &SharedWriter, ahead: &NextSeal, pause: Duration) {
    let _closing = ClosedAtEnd(ahead);
    let mut due = Instant::now() + pause;
    while ahead.serve_until(due) {
        // No heartbeat is needed if the writer is busy: it is sending something else. If the connection is lost,
        // other threads notice.
        if let Ok(mut writer) = writer.try_lock()
            && writer.send(&Message::Ping(Ping::default())).is_err()
        {
            break;
        }
        due = Instant::now() + pause;
    }
}

/// However the thread ends, no other thread may wait for a seal from it any more.
struct ClosedAtEnd<'a>(&'a NextSeal);

impl Drop for ClosedAtEnd<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
