//! The program itself under attack: its memory, its exit codes and its output.

use crate::budgets::serve;
use crate::frames::{LENGTHS, begun};
use crate::harness::Running;
use crate::peer::{Line, Peer, hello};
use crate::real::{SECRET, Side, wait_until};
use crate::tree::Ground;
use crate::wire::{abort, ping};
use peerbridge::internals::{DiallerRole, FrameKind, Role};

/// The program as a listening receiver.
fn receive(ground: &Ground) -> Running {
    let receive = "receive destination --yes --port 0 --bind 127.0.0.1";
    let receive = ground.run(receive).args(["--wait", "30"]);
    let receive = receive.args(["--idle-timeout", "5", "--retry", "0"]);
    receive.start()
}

#[cfg(target_os = "linux")]
#[test]
fn no_length_makes_memory_grow() {
    const GROWTH: u64 = 16 << 20;
    let ground = Ground::small();
    let program = receive(&ground);
    let mut peer = Peer::dial_as(program.port(), DiallerRole::Ping);
    peer.say(&ping(1, 1000));
    assert!(peer.hear().is_some());
    drop(peer);
    let before = program.memory("VmHWM");
    for length in LENGTHS {
        for kind in [1, 2, 4, 5, 6, 9] {
            let mut line = Line::dial(program.port());
            line.send(&begun(length, kind));
        }
        for kind in [FrameKind::Message as u8, FrameKind::Part as u8] {
            let mut peer = Peer::dial_as(program.port(), DiallerRole::Ping);
            peer.line.send(&begun(length, kind));
            assert!(peer.hear().is_none(), "{length} {kind}");
        }
    }
    let grown = program.memory("VmHWM") - before;
    assert!(grown < GROWTH, "{grown} bytes more");
    let sender = Side::default().send_dialling(&ground.source, program.port());
    sender.end().expect("it still serves");
    program.ends().exits(0);
    ground.expect_whole();
}

/// So that nothing of it can be taken for the log's own words.
#[test]
fn what_a_peer_says_ends_its_line_of_the_log() {
    let ground = Ground::small();
    let program = serve(&ground, "");
    let mut peer = Peer::dial(program.port(), Role::Send);
    peer.say(&abort(1, b"gone\nreceived \"tree\" from \"bob\""));
    wait_until("it is logged", || program.error().contains("gone"));
    let log = program.error();
    let line = log.lines().find(|line| line.contains("gone"));
    let line = line.expect("a whole line");
    assert!(
        line.ends_with(r#": gone\nreceived "tree" from "bob""#),
        "{line}"
    );
}

#[test]
fn five_guesses_end_the_program_with_3_and_no_secret_is_printed() {
    let ground = Ground::small();
    let program = receive(&ground);
    for _ in 0..5 {
        let mut line = Line::dial(program.port());
        hello(&mut line, DiallerRole::Transfer(Role::Send));
    }
    let said = program.ends().exits(3).error();
    let errors: Vec<_> = said
        .lines()
        .filter(|line| line.contains("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{said}");
    assert!(errors[0].contains('5'), "{said}");
    assert!(said.contains("hint: "), "{said}");
    assert!(!said.contains(SECRET), "{said}");
    assert!(
        !said.contains(|c: char| c.is_control() && c != '\n'),
        "{said:?}"
    );
    ground.expect_untouched();
}
