//! What `doctor` says about discovery: whether a query of this machine comes back, and what may block it.

use crate::filters::{BROADCAST, IPV6_GROUP, MULTICAST};
use crate::network::{Machine, can_make_networks, home};
use std::process::Stdio;

/// The line about discovery that `doctor` prints on that machine.
fn found(machine: &Machine) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut doctor = machine.command(env!("CARGO_BIN_EXE_peerbridge"));
    doctor
        .args(["doctor", "--port", "0"])
        .arg(folder.path())
        .env("HOME", folder.path())
        .env("PEERBRIDGE_DISCOVERY", "on")
        .stdin(Stdio::null());
    let said = doctor.output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let mut lines = said.lines();
    let line = lines.find(|line| line.contains("discovery: "));
    line.unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[test]
fn the_doctor_says_whether_a_query_of_this_machine_comes_back() {
    if !can_make_networks() {
        return;
    }
    let (one, _other) = home();
    let open = found(&one);
    assert!(open.contains("comes back over"), "{open}");
    assert!(open.contains("10.77.0.1"), "{open}");
    one.filter("input", &[MULTICAST, BROADCAST, IPV6_GROUP]);
    assert_eq!(
        found(&one),
        "look  discovery: a query comes back within this machine, but over none of its networks"
    );
    one.filter("output", &["udp dport 8080-8089 drop"]);
    assert_eq!(
        found(&one),
        "look  discovery: a query of this machine does not come back"
    );
}
