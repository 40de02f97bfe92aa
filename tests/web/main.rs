//! The page of `peerbridge web`: in a real browser, over raw sockets, and against those that have no business there.

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
