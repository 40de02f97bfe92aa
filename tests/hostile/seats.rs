//! The slots of a drop box: heartbeats alone keep none for long.

use crate::drop_box::{DropBox, secret};
use crate::peer::Line;
use crate::real::wait_until;
use crate::tree::Ground;
use peerbridge::internals::{DiallerRole, DiallerWaitsForHello, FrameKind, Role, frame};
use peerbridge::{SendOptions, Unattended, send};
use std::time::Duration;

/// A proven session of bob in which nothing is sent.
fn hold_a_seat(port: u16) -> Line {
    let mut line = Line::dial(port);
    let role = DiallerRole::Transfer(Role::Send);
    let begun = DiallerWaitsForHello::start(&secret("bob's"), role, Some("bob"));
    let (state, body) = begun.expect("random bytes");
    line.send(&frame(FrameKind::Hello, &body));
    let (_, body) = line.read_frame().expect("a Hello");
    let (state, confirm) = state.on_hello(&body).expect("a good Hello");
    line.send(&frame(FrameKind::Confirm, &confirm));
    let (kind, body) = line.read_frame().expect("a Confirm");
    assert_eq!(kind, FrameKind::Confirm as u8);
    state.on_confirm(&body).expect("one secret");
    line
}

/// How many of these sessions the drop box has ended.
fn ended(seats: &mut [Line]) -> usize {
    let mut ended = 0;
    for seat in seats {
        seat.0.set_nonblocking(true).unwrap();
        let mut heard = [0; 4096];
        let is_over = loop {
            match std::io::Read::read(&mut seat.0, &mut heard) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => break error.kind() != std::io::ErrorKind::WouldBlock,
            }
        };
        ended += usize::from(is_over);
    }
    ended
}

#[test]
fn whoever_holds_all_seats_gives_one_up_to_somebody_who_has_none() {
    let ground = Ground::small();
    let served = DropBox::with(&ground.destination, DropBox::two_secrets(), |options| {
        options.max_peers = 4;
    });
    let mut seats: Vec<_> = (0..4).map(|_| hold_a_seat(served.port)).collect();
    let alice = served.connect(Some("alice"), "alice's");
    let options = SendOptions::new(vec![ground.source.clone()]);
    send(&alice, &options, &Unattended).expect("there is a seat for alice");
    assert_eq!(ended(&mut seats), 1, "and the others of bob go on");
}

#[test]
fn a_session_in_which_nothing_moves_ends_and_a_new_one_begins() {
    let ground = Ground::small();
    let served = DropBox::with(&ground.destination, DropBox::two_secrets(), |options| {
        options.max_peers = 1;
        options.stall_timeout = Duration::from_millis(300);
    });
    let mut seats = [hold_a_seat(served.port)];
    wait_until("it ends", || {
        let mut seats = seats
            .each_ref()
            .map(|seat| Line(seat.0.try_clone().unwrap()));
        ended(&mut seats) == 1
    });
    assert_eq!(ended(&mut seats), 1);
    let bob = served.connect(Some("bob"), "bob's");
    let options = SendOptions::new(vec![ground.source.clone()]);
    wait_until("the seat is free again", || {
        send(&bob, &options, &Unattended).is_ok()
    });
}
