//! People at terminals: the guided dialogue, and the questions of the verbs.

use super::terminal::{CTRL_C, CTRL_D, CTRL_Z, Terminal};
use crate::harness::trees::assert_same;
use crate::harness::{SECRET, Scene, has_tool};
use rustix::process::Signal;
use std::fs;
use std::time::{Duration, UNIX_EPOCH};

const PLACE: &str = "[s/r] ";
const DIRECTION: &str = "(s)end or (r)eceive? ";
const OWN_PORT: &str = "Port to wait on";
const ADDRESS: &str = "Address of the other side";
const PORT: &str = "Its port";
const HIDDEN: &str = "Secret (the same on both sides, not shown): ";
const SOURCE: &str = "What to send";
const ARCHIVE: &str = "As one encrypted archive? ";
const FOLDER: &str = "Folder to save it in";
const ACCEPT: &str = "[y/N] ";
const CODE: &str = "Code (Enter makes one): ";
const MORE: &str = "Send one more? [y/N] ";

fn dialogue(scene: &Scene) -> Terminal {
    let run = scene.run("").without("PEERBRIDGE_SECRET");
    // Three hours east of Greenwich.
    Terminal::start(run.env("TZ", "XYZ-3"))
}

/// Types the secret once the terminal no longer echoes.
#[track_caller]
fn types_the_secret(terminal: &mut Terminal) {
    terminal.shows(HIDDEN);
    terminal.echo_becomes(false);
    terminal.types(SECRET);
}

/// A receiver that waits, and its port.
fn waiting(scene: &Scene) -> (Terminal, u16) {
    let mut receiver = dialogue(scene);
    receiver.answers(PLACE, "w");
    receiver.answers(DIRECTION, "");
    receiver.answers(OWN_PORT, "0");
    types_the_secret(&mut receiver);
    receiver.answers(FOLDER, "in");
    let port = receiver.port();
    (receiver, port)
}

/// A sender that dials, up to the question for what to send.
fn dialling(scene: &Scene, port: u16) -> Terminal {
    let mut sender = dialogue(scene);
    sender.answers(PLACE, "i");
    sender.answers(DIRECTION, "s");
    sender.answers(ADDRESS, "localhost");
    sender.answers(PORT, &port.to_string());
    types_the_secret(&mut sender);
    sender
}

#[test]
fn two_people_send_one_thing_after_the_other() {
    let scene = Scene::new();
    let first = scene.file("first file", "1");
    scene.file("tree/second", "2");
    let (mut receiver, port) = waiting(&scene);
    let mut sender = dialling(&scene, port);
    sender.answers(SOURCE, "'first file'");
    sender.answers(ARCHIVE, "");
    receiver.shows("offers first file");
    receiver.answers(ACCEPT, "y");
    receiver.shows("done: 1 file");
    sender.shows("verified by the receiver");
    sender.answers(MORE, "y");
    sender.answers(SOURCE, "tree");
    sender.answers(ARCHIVE, "n");
    receiver.answers(ACCEPT, "yes");
    receiver.shows("done: ");
    sender.shows("verified by the receiver");
    sender.answers(MORE, "");
    sender.exits(0);
    receiver.exits(0);
    assert_same(&first, &scene.path("in/first file"));
    assert_same(&scene.path("tree"), &scene.path("in/tree"));
    for terminal in [sender, receiver] {
        assert!(!terminal.everything().contains(SECRET), "the secret showed");
    }
}

#[test]
fn the_sender_may_wait_and_the_receiver_dial() {
    let scene = Scene::new();
    let file = scene.file("file", "1");
    let mut sender = dialogue(&scene);
    sender.answers(PLACE, "wait");
    sender.answers(DIRECTION, "send");
    sender.answers(OWN_PORT, "0");
    types_the_secret(&mut sender);
    sender.answers(SOURCE, "file");
    sender.answers(ARCHIVE, "no");
    let port = sender.port();
    let mut receiver = dialogue(&scene);
    receiver.answers(PLACE, "i");
    receiver.answers(DIRECTION, "r");
    receiver.answers(ADDRESS, &format!("127.0.0.1:{port}"));
    types_the_secret(&mut receiver);
    receiver.answers(FOLDER, "in");
    receiver.answers(ACCEPT, "y");
    sender.answers(MORE, "n");
    sender.exits(0);
    receiver.exits(0);
    assert_same(&file, &scene.path("in/file"));
}

#[test]
fn where_nobody_can_be_found_the_address_comes_last() {
    let scene = Scene::new();
    let file = scene.file("my file", "1");
    let mut sender = dialogue(&scene);
    sender.answers(PLACE, "?");
    sender.shows("s sends a file or folder");
    sender.answers(PLACE, "s");
    sender.answers(SOURCE, "my\\ file");
    sender.answers(ARCHIVE, "n");
    sender.answers(CODE, "");
    let code = shown_code(&mut sender);
    let receiver = scene.run("receive in --port 0").secret(&code);
    let mut receiver = Terminal::start(receiver);
    let port = receiver.port();
    sender.answers(
        "(Enter: wait until it dials): ",
        &format!("127.0.0.1:{port}"),
    );
    receiver.answers(ACCEPT, "?");
    receiver.shows("y accepts");
    receiver.answers(ACCEPT, "y");
    sender.answers(MORE, "n");
    sender.exits(0);
    receiver.exits(0);
    assert_same(&file, &scene.path("in/my file"));
}

/// The code that a terminal shows.
fn shown_code(terminal: &mut Terminal) -> String {
    terminal.shows("Code:  ");
    terminal.shows("On the other machine:");
    let everything = terminal.everything();
    let (_, rest) = everything.rsplit_once("Code:  ").unwrap();
    rest.lines().next().unwrap().trim().to_owned()
}

/// A terminal at which the other side is searched for on this machine.
fn near(scene: &Scene) -> Terminal {
    let run = scene.run("").without("PEERBRIDGE_SECRET");
    Terminal::start(run.env("PEERBRIDGE_DISCOVERY", "loopback"))
}

#[test]
fn two_people_meet_by_a_code_and_send_one_more() {
    let scene = Scene::new();
    let first = scene.file("my file", "1");
    let second = scene.file("second", "2");
    let mut sender = near(&scene);
    sender.answers(PLACE, "s");
    sender.shows(SOURCE);
    sender.presses_all("my\t");
    sender.shows("my file");
    sender.types("");
    sender.answers(ARCHIVE, "");
    sender.answers(CODE, "");
    let code = shown_code(&mut sender);
    let mut receiver = near(&scene);
    receiver.answers(PLACE, "r");
    receiver.answers(FOLDER, "in");
    receiver.shows(CODE);
    // The last word is completed by Tab, the rest is pasted with blanks.
    let (begin, last) = code.rsplit_once('-').unwrap();
    receiver.presses_all(&begin.replace('-', " ").to_uppercase());
    receiver.presses_all(&format!(" {}\t", &last[..last.len().min(5)]));
    receiver.types("");
    receiver.answers(ACCEPT, "y");
    sender.answers(MORE, "y");
    sender.answers(SOURCE, &format!("file://{}", second.display()));
    sender.answers(ARCHIVE, "");
    receiver.answers(ACCEPT, "y");
    sender.answers(MORE, "");
    sender.exits(0);
    receiver.exits(0);
    assert_same(&first, &scene.path("in/my file"));
    assert_same(&second, &scene.path("in/second"));
}

#[test]
fn a_peer_that_is_not_found_may_be_dialled() {
    let scene = Scene::new();
    let file = scene.file("file", "1");
    let mut sender = near(&scene);
    sender.answers(PLACE, "s");
    sender.answers(SOURCE, "file");
    sender.answers(ARCHIVE, "");
    sender.answers(CODE, "");
    let code = shown_code(&mut sender);
    let receiver = scene.run("receive in --yes --port 0").secret(&code).start();
    sender.answers("(Enter: go on looking): ", "no-such-host..invalid");
    sender.shows("No address is known for no-such-host..invalid");
    let address = format!("127.0.0.1:{}", receiver.port());
    sender.answers("(Enter: go on looking): ", &address);
    sender.answers(MORE, "");
    sender.exits(0);
    receiver.ends().exits(0);
    assert_same(&file, &scene.path("in/file"));
}

#[test]
fn the_question_is_withdrawn_if_the_peer_is_found_after_all() {
    let scene = Scene::new();
    let file = scene.file("file", "1");
    let mut receiver = near(&scene);
    receiver.answers(PLACE, "r");
    receiver.answers(FOLDER, "in");
    receiver.answers(CODE, "");
    let code = shown_code(&mut receiver);
    receiver.shows("(Enter: go on looking): ");
    receiver.presses_all("half an add");
    let mut sender = near(&scene);
    sender.answers(PLACE, "s");
    sender.answers(SOURCE, "file");
    sender.answers(ARCHIVE, "");
    sender.answers(CODE, &code);
    receiver.shows("offers file");
    receiver.answers(ACCEPT, "y");
    sender.answers(MORE, "");
    sender.exits(0);
    receiver.exits(0);
    assert_same(&file, &scene.path("in/file"));
}

#[test]
fn keys_at_a_line_that_is_edited() {
    let scene = Scene::new();
    scene.file("one", "1");
    scene.file("other", "1");
    let mut terminal = near(&scene);
    terminal.becomes_wide(20);
    terminal.answers(PLACE, "s");
    terminal.shows(SOURCE);
    // On a narrow terminal the question has a row of its own.
    terminal.shows("> ");
    terminal.presses_all("o\t");
    terminal.shows("one  other");
    terminal.presses_all("then no such file\x15one");
    terminal.types("");
    terminal.shows(ARCHIVE);
    terminal.echo_becomes(true);
    terminal.types("");
    terminal.shows("Code (Enter");
    terminal.presses(CTRL_C);
    terminal.is_interrupted();
    for signal in [Signal::TERM, Signal::KILL] {
        let mut terminal = near(&scene);
        terminal.answers(PLACE, "s");
        terminal.shows(SOURCE);
        terminal.echo_becomes(false);
        terminal.is_killed(signal);
    }
}

#[test]
fn ctrl_z_at_a_line_that_is_edited_stops_and_the_shell_goes_on_with_it() {
    if !has_tool("bash") {
        return;
    }
    let scene = Scene::new();
    scene.file("one", "1");
    let run = scene.run("").without("PEERBRIDGE_SECRET");
    let mut terminal = Terminal::start(run.under(["bash", "-mc", "\"$0\" \"$@\"; stty -a; fg"]));
    terminal.answers(PLACE, "s");
    terminal.shows(SOURCE);
    terminal.presses_all("on");
    terminal.echo_becomes(false);
    terminal.presses(CTRL_Z);
    // The shell finds the terminal in its original state.
    terminal.shows(" echo ");
    terminal.shows(SOURCE);
    terminal.echo_becomes(false);
    terminal.types("e");
    terminal.shows(ARCHIVE);
    terminal.presses(CTRL_D);
    terminal.shows("Goodbye.");
    terminal.exits(0);
}

#[test]
fn only_what_failed_is_asked_again() {
    let scene = Scene::new();
    scene.file("file", "1");
    let receiver = scene.run("receive in --yes --port 0").start();
    let mut sender = dialogue(&scene);
    sender.answers(PLACE, "i");
    sender.answers(DIRECTION, "s");
    sender.answers(ADDRESS, "no-such-host..invalid");
    sender.shows("No address is known for no-such-host..invalid");
    let address = format!("127.0.0.1:{}", receiver.port());
    sender.answers(ADDRESS, &address);
    sender.shows(HIDDEN);
    sender.echo_becomes(false);
    sender.types("another word");
    sender.answers(SOURCE, "file");
    sender.answers(ARCHIVE, "n");
    sender.shows("error: the secrets differ");
    types_the_secret(&mut sender);
    sender.answers(MORE, "n");
    sender.exits(0);
    receiver.ends().exits(0);
    assert!(scene.path("in/file").exists());
}

#[test]
fn wrong_entries_are_asked_again() {
    let scene = Scene::new();
    scene.file("file", "1");
    let (mut receiver, port) = waiting(&scene);
    let mut sender = dialogue(&scene);
    sender.answers(PLACE, "");
    sender.shows("Type s to send or r to receive");
    sender.answers(PLACE, "perhaps");
    sender.answers(PLACE, "I");
    sender.answers(DIRECTION, "x");
    sender.shows("Type s or r.");
    sender.answers(DIRECTION, "");
    sender.answers(ADDRESS, "");
    sender.shows("Type a name or an address.");
    sender.answers(ADDRESS, "a b");
    sender.answers(ADDRESS, "127.0.0.1");
    for wrong in ["http", "0", "65536", "-1"] {
        sender.answers(PORT, wrong);
    }
    sender.answers(PORT, &port.to_string());
    sender.shows(HIDDEN);
    sender.echo_becomes(false);
    sender.types("");
    sender.shows("empty");
    types_the_secret(&mut sender);
    sender.answers(SOURCE, "no such file");
    sender.shows("cannot read no such file");
    sender.answers(SOURCE, "file");
    sender.answers(ARCHIVE, "maybe");
    sender.shows("Type y or n.");
    sender.answers(ARCHIVE, "n");
    receiver.answers(ACCEPT, "what?");
    receiver.answers(ACCEPT, "y");
    sender.answers(MORE, "n");
    sender.exits(0);
    receiver.exits(0);
}

#[test]
fn a_receiver_says_no() {
    let scene = Scene::new();
    scene.file("file", "1");
    let (mut receiver, port) = waiting(&scene);
    let mut sender = dialling(&scene, port);
    sender.answers(SOURCE, "file");
    sender.answers(ARCHIVE, "");
    receiver.answers(ACCEPT, "");
    receiver.shows("you said no");
    receiver.exits(14);
    sender.shows("the person on the other side declined");
    sender.exits(6);
    assert!(scene.names_in("in").is_empty());
}

/// Whether the program itself echoes at this question, or nothing is echoed.
fn takes_the_terminal(question: &str) -> bool {
    [HIDDEN, SOURCE].contains(&question)
}

/// Leaves the dialogue at every question in turn, with a key.
fn leaves_at_each_question(key: u8, check: impl Fn(&mut Terminal)) {
    let scene = Scene::new();
    scene.file("file", "1");
    let questions = [
        (PLACE, "i"),
        (DIRECTION, "s"),
        (ADDRESS, "127.0.0.1"),
        (PORT, "1"),
        (HIDDEN, SECRET),
        (SOURCE, "file"),
        (ARCHIVE, "n"),
    ];
    for last in 0..questions.len() {
        let mut terminal = dialogue(&scene);
        for (question, answer) in &questions[..last] {
            terminal.shows(question);
            terminal.echo_becomes(!takes_the_terminal(question));
            terminal.types(answer);
        }
        let (question, _) = questions[last];
        terminal.shows(question);
        terminal.echo_becomes(!takes_the_terminal(question));
        terminal.presses(key);
        check(&mut terminal);
    }
}

#[test]
fn ctrl_c_at_each_question_leaves_the_terminal_as_it_was() {
    leaves_at_each_question(CTRL_C, Terminal::is_interrupted);
}

#[test]
fn ctrl_d_at_each_question_ends_politely() {
    leaves_at_each_question(CTRL_D, |terminal| {
        terminal.shows("Goodbye.");
        terminal.exits(0);
    });
}

#[test]
fn a_person_sends_an_archive_and_types_its_password_twice() {
    let scene = Scene::new();
    let file = fs::File::open(scene.file("tree/file", "1")).unwrap();
    let noon = UNIX_EPOCH + Duration::from_secs(1_719_835_200);
    file.set_modified(noon).unwrap();
    let (mut receiver, port) = waiting(&scene);
    let mut sender = dialling(&scene, port);
    sender.answers(SOURCE, "tree");
    sender.answers(ARCHIVE, "y");
    for question in [
        "Password of the archive (not shown): ",
        "The same once more: ",
    ] {
        sender.shows(question);
        sender.echo_becomes(false);
        sender.types("archive-only-Xk3");
    }
    receiver.shows("offers tree.zip");
    receiver.answers(ACCEPT, "y");
    sender.answers(MORE, "");
    sender.exits(0);
    receiver.exits(0);
    scene
        .run("unzip in/tree.zip out")
        .env("PEERBRIDGE_ZIP_PASSWORD", "archive-only-Xk3")
        .ends()
        .exits(0);
    assert_eq!(fs::read(scene.path("out/tree/file")).unwrap(), b"1");
    // The time for DOS is local: the first of July 2024, three in the afternoon.
    let archive = fs::read(scene.path("in/tree.zip")).unwrap();
    let name = archive.windows(9).position(|name| name == b"tree/file");
    let header = name.unwrap() - 30;
    let local = u32::from(15_u16 << 11) | (44 << 9 | 7 << 5 | 1) << 16;
    assert_eq!(archive[header + 10..][..4], local.to_le_bytes());
}

#[test]
fn ctrl_d_instead_of_one_more_is_a_no() {
    let scene = Scene::new();
    scene.file("file", "1");
    let (mut receiver, port) = waiting(&scene);
    let mut sender = dialling(&scene, port);
    sender.answers(SOURCE, "file");
    sender.answers(ARCHIVE, "");
    receiver.answers(ACCEPT, "y");
    sender.shows(MORE);
    sender.presses(CTRL_D);
    sender.exits(0);
    receiver.exits(0);
    assert!(scene.path("in/file").exists());
}

#[test]
fn a_receiver_at_a_terminal_is_asked_and_told_what_to_type() {
    let scene = Scene::new();
    let file = scene.file("file", "1");
    let mut receiver = Terminal::start(scene.run("receive in --port 0"));
    let port = receiver.port();
    receiver.shows("on the other machine");
    receiver.shows("peerbridge send PATH --to ");
    let sender = scene.run("send file --to @").to(port).start();
    receiver.shows("127.0.0.1 offers file");
    receiver.shows("1 file, 1 B");
    receiver.answers("Receive it into in? [y/N] ", "y");
    receiver.exits(0);
    sender.ends().exits(0);
    assert_same(&file, &scene.path("in/file"));
}

#[test]
fn names_in_the_way_are_asked_about() {
    for (answer, exit, expected) in [
        ("s", 0, "old"),
        ("o", 0, "new"),
        ("n", 0, "new"),
        ("d", 7, "old"),
        ("", 7, "old"),
    ] {
        let scene = Scene::new();
        scene.file("in/file", "old");
        let past = 1_000_000_000;
        crate::harness::trees::set_modified(&scene.path("in/file"), past, 0);
        scene.file("file", "new");
        let mut receiver = Terminal::start(scene.run("receive in --port 0"));
        let port = receiver.port();
        let sender = scene.run("send file --to @").to(port).start();
        receiver.answers("Receive it into in? [y/N] ", "y");
        receiver.shows("Already there: ");
        receiver.answers("(d)ecline? [d] ", "what?");
        receiver.answers("(d)ecline? [d] ", answer);
        receiver.exits(exit);
        sender.ends().exits(if exit == 0 { 0 } else { 6 });
        assert_eq!(fs::read_to_string(scene.path("in/file")).unwrap(), expected);
    }
}

#[test]
fn a_name_that_is_offered_cannot_command_the_terminal() {
    let scene = Scene::new();
    let name = "x\x1b[2J\rReceive it? [y] y";
    scene.file(name, "1");
    let mut receiver = Terminal::start(scene.run("receive in --port 0"));
    let port = receiver.port();
    let sender = scene.run("send --to @").arg(name).to(port).start();
    receiver.shows("offers x\\x1b[2J\\rReceive it? [y] y");
    receiver.answers("Receive it into in? [y/N] ", "y");
    receiver.exits(0);
    sender.ends().exits(0);
    assert!(!receiver.everything().contains("\x1b[2J"));
}

#[test]
fn a_bar_is_drawn_on_a_terminal_and_taken_away() {
    let scene = Scene::new();
    scene.file("file", crate::harness::trees::noise(5, 24 << 20));
    for no_color in ["", "1"] {
        let receiver = scene
            .run("receive --yes --port 0")
            .in_folder(scene.folder(format!("in{no_color}")));
        let receiver = receiver.start();
        let wire = crate::harness::proxy::Proxy::holding_at(receiver.port(), 8 << 20);
        let sender = scene
            .run("send file --to @ --level 0")
            .env("NO_COLOR", no_color);
        let mut sender = Terminal::start(sender.to(wire.port()));
        wire.wait_for_acts(1);
        // Longer than the time after which a bar is drawn.
        std::thread::sleep(std::time::Duration::from_millis(400));
        wire.release();
        sender.shows(" of 24.0 MiB");
        sender.shows("\r\x1b[K");
        sender.shows("done");
        sender.shows(": 1 file");
        sender.exits(0);
        receiver.ends().exits(0);
        let has_colour = sender.everything().contains("\x1b[32m");
        assert_eq!(has_colour, no_color.is_empty(), "{}", sender.everything());
    }
}

#[test]
fn the_secret_is_asked_for_by_a_verb_as_well() {
    let scene = Scene::new();
    scene.file("file", "1");
    let receiver = scene.run("receive in --yes --port 0").start();
    let sender = scene
        .run("send file --to @")
        .to(receiver.port())
        .without("PEERBRIDGE_SECRET");
    let mut sender = Terminal::start(sender);
    types_the_secret(&mut sender);
    sender.shows("verified by the receiver");
    sender.exits(0);
    receiver.ends().exits(0);
    let mut interrupted =
        Terminal::start(scene.run("receive --listen").without("PEERBRIDGE_SECRET"));
    interrupted.shows(HIDDEN);
    interrupted.echo_becomes(false);
    interrupted.presses(CTRL_C);
    interrupted.is_interrupted();
}

#[test]
fn whatever_ends_it_at_the_secret_leaves_the_terminal_as_it_was() {
    let scene = Scene::new();
    for signal in [Signal::TERM, Signal::HUP, Signal::KILL] {
        let mut terminal =
            Terminal::start(scene.run("receive --listen").without("PEERBRIDGE_SECRET"));
        terminal.shows(HIDDEN);
        terminal.echo_becomes(false);
        terminal.is_killed(signal);
    }
}

#[test]
fn a_person_may_think_longer_than_the_peer_bears_silence() {
    let scene = Scene::new();
    let file = scene.file("file", "1");
    let mut receiver = Terminal::start(scene.run("receive in --port 0 --idle-timeout 3"));
    let port = receiver.port();
    let sender = scene
        .run("send file --to @ --idle-timeout 3 --retry 0")
        .to(port)
        .start();
    receiver.shows("Receive it into in? [y/N] ");
    std::thread::sleep(std::time::Duration::from_secs(5));
    receiver.types("y");
    receiver.exits(0);
    sender.ends().exits(0);
    assert_same(&file, &scene.path("in/file"));
}
