//! The program itself under attack: its memory, its exit codes, what it prints.

use crate::frames::{LENGTHS, begun};
use crate::peer::{Line, Peer, hello};
use crate::real::{SECRET, Side};
use crate::tree::Ground;
use crate::wire::ping;
use peerbridge::internals::{DiallerRole, FrameKind, Role};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

/// The program as a receiver that listens; killed when dropped.
struct Program {
    child: Child,
    errors: BufReader<ChildStderr>,
    port: u16,
}

impl Program {
    fn receive(ground: &Ground) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_peerbridge"))
            .args(["receive", "--yes", "--port", "0", "--bind", "127.0.0.1"])
            .args(["--wait", "30", "--idle-timeout", "5", "--retry", "0"])
            .arg(&ground.destination)
            .env("PEERBRIDGE_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let errors = child.stderr.take().expect("it is piped");
        let mut errors = BufReader::new(errors);
        let mut line = String::new();
        errors
            .read_line(&mut line)
            .expect("it says where it listens");
        let port = line.trim().rsplit(':').next().and_then(|p| p.parse().ok());
        Program {
            child,
            errors,
            port: port.unwrap_or_else(|| panic!("no port: {line}")),
        }
    }

    /// The most memory that it has had, in KiB.
    #[cfg(target_os = "linux")]
    fn most_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|n| n.parse().ok()).expect("a number")
    }

    /// Its exit code and what it said.
    fn end(mut self) -> (i32, String) {
        let status = self.child.wait().expect("it ends");
        let mut said = String::new();
        self.errors.read_to_string(&mut said).expect("text");
        (status.code().expect("it ends by itself"), said)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_length_makes_memory_grow() {
    const GROWTH_KIB: u64 = 16 * 1024;
    let ground = Ground::small();
    let program = Program::receive(&ground);
    let mut peer = Peer::dial_as(program.port, DiallerRole::Ping);
    peer.say(&ping(1, 1000));
    assert!(peer.hear().is_some());
    drop(peer);
    let before = program.most_memory();
    for length in LENGTHS {
        for kind in [1, 2, 4, 5, 6, 9] {
            let mut line = Line::dial(program.port);
            line.send(&begun(length, kind));
        }
        for kind in [FrameKind::Message as u8, FrameKind::Part as u8] {
            let mut peer = Peer::dial_as(program.port, DiallerRole::Ping);
            peer.line.send(&begun(length, kind));
            assert!(peer.hear().is_none(), "{length} {kind}");
        }
    }
    let grown = program.most_memory() - before;
    assert!(grown < GROWTH_KIB, "{grown} KiB more");
    let sender = Side::default().send_dialling(&ground.source, program.port);
    sender.end().expect("it still serves");
    assert_eq!(program.end().0, 0);
    ground.expect_whole();
}

#[test]
fn five_guesses_end_the_program_with_3_and_no_secret_is_printed() {
    let ground = Ground::small();
    let program = Program::receive(&ground);
    for _ in 0..5 {
        let mut line = Line::dial(program.port);
        hello(&mut line, DiallerRole::Transfer(Role::Send));
    }
    let (code, said) = program.end();
    assert_eq!(code, 3, "{said}");
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
