//! What tests share: folders and trees, programs that run in them, a line between two sides, seeded chance.
//!
//! Each test crate includes it as `pub mod`: what one crate leaves out another one uses.

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
use std::time::{Duration, Instant};

/// The limit of each wait: only a hang runs into it, also on a machine that is busy with other things.
pub const LIMIT: Duration = Duration::from_secs(180);

/// Asks again until there is an answer.
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

/// Whether tests that take minutes are wanted.
pub fn is_long() -> bool {
    std::env::var_os("PEERBRIDGE_TEST_LONG").is_some_and(|value| value == "1")
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> u16 {
    let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    socket.local_addr().expect("an address").port()
}

/// Whether permissions mean nothing to this process.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
