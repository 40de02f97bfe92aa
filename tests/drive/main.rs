//! Runs the program itself, as a person or a script does.
//!
//! Inspects processes through `/proc`, so this runs on Linux only.

#![cfg(target_os = "linux")]

#[path = "../harness/mod.rs"]
pub mod harness;

#[cfg(target_os = "linux")]
#[path = "../discovery/network.rs"]
pub mod network;

mod openers;
mod terminal;

mod agreement;
mod archives;
#[cfg(target_os = "linux")]
mod beyond;
mod by_code;
mod counted;
mod dialogue;
mod existing;
mod foreign_disks;
mod given_up;
mod interrupted;
mod left_behind;
mod links;
mod meeting;
mod memory;
mod output;
mod over_line;
mod over_ssh;
mod packed;
mod piped;
mod places;
mod progress;
mod random_archives;
mod refused;
mod secrets;
mod sources;
mod transfers;
mod unzip;
mod words;
mod zip64;
mod zipped;
