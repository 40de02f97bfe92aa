//! Shared by tests: folders and trees, programs that run in them, a proxy between two sides, seeded randomness.
//!
//! Each test crate includes it as `pub mod`, because each uses only a part of it.

pub mod archive_builder;
pub mod chance;
pub mod disks;
pub mod ended;
pub mod library;
pub mod program;
pub mod proxy;
pub mod running;
pub mod story;
pub mod tools;
pub mod trees;

pub use ended::Ended;
pub use program::{LISTEN, Run, SECRET, Scene, meet};
pub use running::{Capture, Running};
pub use tools::has_tool;

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The limit of each wait. Only a hang reaches it, even on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(180);

/// Calls `ask` until it returns an answer.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} never comes");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether tests that take minutes are enabled.
pub fn is_long() -> bool {
    std::env::var_os("PEERBRIDGE_TEST_LONG").is_some_and(|value| value == "1")
}

/// A free port for a later listener. It is below the ports that the system assigns to connections, of which
/// other tests open thousands.
pub fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let is_free = |port: &u16| TcpListener::bind(("0.0.0.0", *port)).is_ok();
    let ports = std::iter::repeat_with(|| {
        let number = std::process::id() + TRIED.fetch_add(1, Ordering::Relaxed);
        10_000 + u16::try_from(number % 20_000).expect("a port")
    });
    ports.take(1000).find(is_free).expect("a free port")
}

/// Whether this process may ignore permissions.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
