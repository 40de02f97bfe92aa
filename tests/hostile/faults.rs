//! Connections that are cut, damaged or fall silent anywhere: a clean end, and a complete transfer when it is
//! run again.

use crate::harness::chance::Chance;
use crate::harness::proxy::{Line, PASS, Proxy, Way, to_dialler, to_listener};
use crate::real::{Running, Side, exit_code};
use crate::tree::Ground;
use peerbridge::{Error, Summary};
use std::sync::atomic::Ordering;
use std::time::Duration;

type Ends = (Result<Summary, Error>, Result<Vec<Summary>, Error>);

fn side() -> Side {
    Side {
        idle: Duration::from_millis(1500),
        ..Side::with_streams(2)
    }
}

/// Runs a transfer whose connection `number` is treated as `line` says.
fn run(ground: &Ground, number: usize, line: Line) -> Ends {
    let receiver = side().receive_listening(&ground.destination);
    let line = move |n| if n == number { line } else { PASS };
    let proxy = Proxy::by_connection(receiver.port, line);
    let sender = side().send_dialling(&ground.source, proxy.port());
    let sent = sender.end();
    ground.expect_nothing_partial();
    // A receiver that has met no peer keeps waiting, so the second run can use it.
    if sent.is_err() && !was_met(&receiver) {
        let sender = side().send_dialling(&ground.source, receiver.port);
        sender.end().expect("the right peer is served");
    }
    (sent, receiver.end())
}

fn was_met(receiver: &Running<Vec<Summary>>) -> bool {
    (0..60).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        receiver.seen.authenticated.load(Ordering::SeqCst)
    })
}

/// Runs the transfer again, without faults.
fn run_again(ground: &Ground) {
    let (sent, received) = run(ground, 0, PASS);
    sent.expect("nothing is in the way");
    received.expect("nothing is in the way");
    ground.expect_whole();
}

/// If a side reports success, everything has arrived. Any other end must be one that a person can act on.
fn expect_honest(ground: &Ground, ends: Ends, what: &str) {
    let (sent, received) = ends;
    if sent.is_ok() || received.is_ok() {
        assert!(ground.is_whole(), "{what}: done, and not whole");
    }
    ground.expect_nothing_partial();
    let shown = format!("{what}: {sent:?} {received:?}");
    for code in [exit_code(sent), exit_code(received)] {
        assert!([0, 2, 3, 5, 10, 11, 12].contains(&code), "{shown}");
    }
}

/// Bytes in each direction of each connection of a transfer without faults.
fn lengths(ground: &Ground) -> Vec<[usize; 2]> {
    let receiver = side().receive_listening(&ground.destination);
    let proxy = Proxy::by(receiver.port, PASS);
    let sender = side().send_dialling(&ground.source, proxy.port());
    sender.end().expect("nothing is in the way");
    receiver.end().expect("nothing is in the way");
    let recordings = proxy.recordings().into_iter();
    recordings
        .map(|r| [r.to_listener.len(), r.to_dialler.len()])
        .collect()
}

fn one_way(direction: usize, way: Way) -> Line {
    match direction {
        0 => to_listener(way),
        _ => to_dialler(way),
    }
}

/// A connection, a direction and an offset in it: often in the handshake, otherwise random.
fn place(random: &mut Chance, lengths: &[[usize; 2]], case: usize) -> (usize, usize, usize) {
    let number = match case % 5 {
        0 => lengths.len() - 1,
        _ => 0,
    };
    let direction = case % 2;
    let length = lengths[number][direction];
    let bound = match case % 3 {
        0 => length.min(300),
        _ => length,
    };
    (number, direction, random.place(bound))
}

#[test]
fn a_cut_anywhere_ends_cleanly_and_a_second_run_completes() {
    let seed = 20_261_123;
    println!("seed {seed}");
    let mut random = Chance::new(seed);
    let lengths = lengths(&Ground::large());
    for case in 0..30 {
        let (number, direction, at) = place(&mut random, &lengths, case);
        let way = match case % 4 {
            3 => Way::Reset(at),
            _ => Way::Cut(at),
        };
        println!("connection {number}, direction {direction}, {way:?}");
        let ground = Ground::large();
        let ends = run(&ground, number, one_way(direction, way));
        expect_honest(&ground, ends, &format!("connection {number}, {way:?}"));
        run_again(&ground);
    }
}

#[test]
fn a_flipped_bit_is_never_taken() {
    let seed = 20_261_124;
    println!("seed {seed}");
    let mut random = Chance::new(seed);
    let lengths = lengths(&Ground::large());
    for case in 0..60 {
        let (number, direction, at) = place(&mut random, &lengths, case);
        let way = Way::Flip(at * 8 + random.place(8));
        let ground = Ground::large();
        let ends = run(&ground, number, one_way(direction, way));
        expect_honest(&ground, ends, &format!("connection {number}, {way:?}"));
    }
}

#[test]
fn a_line_that_falls_silent_is_given_up_by_both() {
    // After the handshake, so that the idle limit ends it and not the handshake's deadline.
    for (direction, at) in [(0, 3000), (1, 400)] {
        let ground = Ground::large();
        let ends = run(&ground, 0, one_way(direction, Way::Silence(at)));
        let (sent, received) = ends;
        assert!(matches!(exit_code(sent), 5 | 12));
        // A receiver that only lacks the sender's Bye has everything.
        assert!(received.is_ok() == ground.is_whole());
        assert!(matches!(exit_code(received), 0 | 5 | 12));
        ground.expect_nothing_partial();
        run_again(&ground);
    }
}

#[test]
fn a_further_stream_that_falls_silent_loses_nothing() {
    let ground = Ground::large();
    let (sent, received) = run(&ground, 1, one_way(0, Way::Silence(500_000)));
    sent.expect("the first stream lives");
    received.expect("the first stream lives");
    ground.expect_whole();
}
