//! Both sides of a transfer, as these tests start them.

use crate::harness::{Ended, LISTEN, Run};
use std::path::Path;

/// `receive INTO` with `--json` and without questions.
pub fn receive(into: &Path, rest: &[&str]) -> Run {
    let run = beside(into, "receive").arg(into);
    run.args(["--json", "--yes"]).args(rest)
}

/// `send FROM` with `--json`.
pub fn send(from: &Path, rest: &[&str]) -> Run {
    beside(from, "send").arg(from).arg("--json").args(rest)
}

fn beside(path: &Path, verb: &str) -> Run {
    Run::new(path.parent().expect("a folder of the test"), verb)
}

/// A whole transfer: the receiver listens, the sender dials it. Returns how both ended, the sender first.
pub fn transfer(from: &Path, sends: &[&str], into: &Path, receives: &[&str]) -> (Ended, Ended) {
    let receiver = receive(into, &[&LISTEN, receives].concat()).start();
    let sender = send(from, &[&["--to", "@"], sends].concat());
    let sender = sender.to(receiver.port()).start();
    (sender.ends(), receiver.ends())
}
