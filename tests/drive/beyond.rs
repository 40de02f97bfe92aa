//! Tests send nothing to the networks of the machine that runs them. Host names that must not exist have an
//! empty label, for which no resolver sends a query.

use super::network::{Machine, can_make_networks, home};

/// Tests that search by code, listen, dial, ping and serve, in the environment that the harness sets for all
/// tests.
const REPRESENTATIVE: [&str; 4] = ["by_code::", "meeting::", "over_line::", "left_behind::"];

/// A machine on a network with another machine, and a counter of what it sends there.
fn watched() -> (Machine, Machine) {
    let (machine, other) = home();
    machine.run("ip route add default via 10.77.0.2");
    let beyond = "oifname != \"lo\" meta l4proto { tcp, udp } counter";
    machine.filter("output", &[beyond]);
    (machine, other)
}

/// Number of packets that programs sent beyond loopback.
fn sent_beyond(machine: &Machine) -> u64 {
    let rules = machine.run("nft list table inet of_output");
    let (_, rest) = rules.split_once("counter packets ").expect("a counter");
    let count = rest.split(' ').next().expect("a number");
    count.parse().expect("a number")
}

#[test]
fn representative_tests_send_nothing_beyond_loopback() {
    if !can_make_networks() {
        return;
    }
    let (machine, _other) = watched();
    let tests = std::env::current_exe().expect("this executable");
    let mut run = machine.command(tests.to_str().expect("UTF-8"));
    let output = run.args(REPRESENTATIVE).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let passed = said
        .split(" passed")
        .next()
        .and_then(|s| s.rsplit(' ').next());
    let passed: u32 = passed.and_then(|s| s.parse().ok()).expect("a number");
    assert!(passed > 20, "only {passed} tests ran: {said}");
    assert_eq!(sent_beyond(&machine), 0);
}

#[test]
fn the_count_sees_a_search_that_is_not_held_back() {
    if !can_make_networks() {
        return;
    }
    let (machine, _other) = watched();
    let mut ping = machine.command(env!("CARGO_BIN_EXE_peerbridge"));
    let output = ping.arg("ping").output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    assert!(sent_beyond(&machine) > 0);
}
