//! What a transfer leaves behind when it is killed, loses its connection, runs out of disk or reads files that
//! change; and that the same command then completes it.
//!
//! `PEERBRIDGE_TEST_SEED` repeats a run of the random tests, `PEERBRIDGE_CRASH_ROUNDS` sets how many kills
//! the crash loop makes, `PEERBRIDGE_RANDOM_RUNS` how many transfers of sources that change,
//! `PEERBRIDGE_TEST_LONG=1` adds the tests that take minutes.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
pub mod harness;

mod builds;
mod cut;
mod disk_full;
mod faults;
mod kill;
mod large;
mod metadata;
mod piped;
mod repeat;
mod sides;
mod silence;
mod sources;
mod versions;
