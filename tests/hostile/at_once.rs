//! Many handshakes at the same time with one listener: each guess is counted, and the right secret is accepted.

use crate::handshake::{expect_served, wrong_secret};
use crate::handshakes::{Answer, Handshakes};
use crate::real::Side;
use crate::tree::Ground;
use crate::wire::ping;
use peerbridge::internals::{DiallerRole, Role};

#[test]
fn the_right_secret_gets_through_while_wrong_ones_are_in_flight() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let mut handshakes = Handshakes::with(receiver.port, DiallerRole::Ping);
    let wrong = handshakes.begin_wrong(4);
    let right = handshakes.begin_right(1).start;
    let answers = handshakes.answers();
    assert_eq!(answers.len(), 5);
    assert!(answers.iter().all(|(_, answer)| *answer == Answer::Hello));
    for number in wrong.clone() {
        handshakes.confirm(number);
    }
    handshakes.confirm(right);
    for number in wrong {
        assert!(handshakes.proven(number).is_none(), "{number}");
    }
    receiver.expect_failed_proofs(4);
    let mut peer = handshakes.proven(right).expect("the secret is right");
    peer.say(&ping(1, 100));
    assert!(peer.hear().is_some());
    drop((peer, handshakes));
    ground.expect_untouched();
    expect_served(&receiver, &ground);
}

#[test]
fn hanging_up_on_many_hellos_at_once_is_a_guess_each() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let role = DiallerRole::Transfer(Role::Send);
    let mut handshakes = Handshakes::with(receiver.port, role);
    handshakes.begin_right(12);
    let answered: Vec<_> = (0..5)
        .map(|_| handshakes.next_answer().expect("a Hello is out"))
        .collect();
    assert!(answered.iter().all(|(_, answer)| *answer == Answer::Hello));
    assert_eq!(receiver.failed_proofs(), 0, "none is spent yet");
    for (count, (number, _)) in (1..).zip(answered) {
        handshakes.hang_up(number);
        receiver.expect_failed_proofs(count);
    }
    let others = handshakes.answers();
    assert!(others.iter().all(|(_, answer)| *answer != Answer::Hello));
    assert_eq!(wrong_secret(receiver.end()), 5);
    ground.expect_untouched();
}
