//! Discovery on networks of every layout, made of namespaces: nothing here sends on a network of the
//! machine that runs it.
//!
//! A peer is this same executable, run inside a namespace with a job (`peer`). Namespaces need Linux and root;
//! without them the tests say so and check nothing.

#![cfg(target_os = "linux")]

mod network;
mod peer;

mod doctor;
mod filters;
mod firewalls;
mod layouts;
mod load;
mod meetings;
mod reach;

#[test]
#[ignore = "not a test: what the tests here run inside their namespaces"]
fn inside() {
    peer::work();
}
