//! The `peerbridge` program.
fn main() {}
