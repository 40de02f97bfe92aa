//! Sources that change between runs whose sides are killed at any time, under every policy: each delivered file
//! is of one version. `tests/random_transfers.rs` does the same with connections that are cut.

use crate::harness::chance::Chance;
use crate::harness::story::{RunEnd, Settings, Told, tell_stories};
use crate::harness::{LISTEN, Run};
use crate::sides;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Transfers of all lanes together, unless `PEERBRIDGE_RANDOM_RUNS` sets the number.
const RUNS: u64 = 120;

/// Trees that are sent at the same time.
const LANES: u64 = 3;

/// A kill comes within this time, in milliseconds: most transfers are over by then.
const KILLED_WITHIN: u64 = 600;

#[test]
fn killed_at_any_time_what_is_delivered_is_of_one_version() {
    let kills = AtomicU64::new(0);
    tell_stories(RUNS, LANES, |from, into, settings, chance| {
        run(from, into, settings, chance, &kills)
    });
    let kills = kills.into_inner();
    println!("{kills} kills");
    assert!(kills > 0, "nothing was killed");
}

/// One run of two programs, of which one or both may be killed.
fn run(
    from: &Path,
    into: &Path,
    settings: Settings,
    chance: Option<&mut Chance>,
    kills: &AtomicU64,
) -> RunEnd {
    let existing = settings.existing.word();
    let comparing = |run: Run, is_compared: bool| match is_compared {
        true => run.arg("--checksum"),
        false => run,
    };
    let receiver = sides::receive(into, &LISTEN);
    let receiver = receiver.args(["--retry", "0", "--existing", existing]);
    let mut receiver = comparing(receiver, settings.receiver_compares).start();
    let streams = settings.streams.to_string();
    let sender = sides::send(from, &["--to", "@", "--retry", "0", "-n", &streams]);
    let mut sender = comparing(sender, settings.sender_compares)
        .to(receiver.port())
        .start();
    if let Some(chance) = chance {
        let victims = chance.below(4);
        let end = Instant::now() + Duration::from_millis(chance.below(KILLED_WITHIN));
        while Instant::now() < end && !(sender.is_over() && receiver.is_over()) {
            std::thread::sleep(Duration::from_millis(1));
        }
        if victims & 1 != 0 {
            kills.fetch_add(sender.kill().into(), Ordering::Relaxed);
        }
        if victims & 2 != 0 {
            kills.fetch_add(receiver.kill().into(), Ordering::Relaxed);
        }
        // A receiver may be waiting for a sender that was killed before it came.
        let grace = Duration::from_secs(if victims == 0 { 60 } else { 2 });
        if !receiver.ends_within(grace) {
            receiver.kill();
        }
    }
    let (sent, received) = (sender.ends(), receiver.ends());
    let output = received.output();
    RunEnd {
        told: output.lines().filter_map(told_of_a_file).collect(),
        is_complete: sent.code() == Some(0) && received.code() == Some(0),
    }
}

/// The file and the result in a line of events; `None` if the line was cut off, as the last one may be.
fn told_of_a_file(line: &str) -> Option<(PathBuf, Told)> {
    let event: Value = serde_json::from_str(line).ok()?;
    let name = event["path"].as_str()?.strip_prefix("tree/")?;
    let told = match event["result"].as_str()? {
        "delivered" => Told::Delivered,
        "identical" => Told::Identical,
        _ => Told::Untouched,
    };
    Some((name.into(), told))
}
