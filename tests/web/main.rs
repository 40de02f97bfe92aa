//! The page of `peerbridge web`: in a real browser, over raw sockets, and against attackers.

#![cfg(unix)]

#[path = "../harness/mod.rs"]
pub mod harness;

mod api;
mod axe;
mod browser;
mod desktop;
mod driver;
mod dropped;
mod hostile;
mod keyboard;
mod meeting;
mod page;
mod side;
