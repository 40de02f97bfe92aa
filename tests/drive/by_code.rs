//! One code and no address, at two terminals of this machine.

use crate::harness::{Run, Scene};
use crate::network::{Machine, can_make_networks, home, is_long};
use crate::terminal::{CTRL_D, Terminal};
use std::time::Instant;

/// Runs at a terminal, with a search on this machine only.
fn at_terminal(run: Run) -> Terminal {
    Terminal::start(
        run.without("PEERBRIDGE_SECRET")
            .without("PEERBRIDGE_DISCOVERY")
            .env("PEERBRIDGE_DISCOVERY", "loopback"),
    )
}

/// The code that a terminal shows.
fn code(terminal: &mut Terminal) -> String {
    terminal.shows("Code:  ");
    terminal.shows("On the other machine:");
    let everything = terminal.everything();
    let (_, rest) = everything.rsplit_once("Code:  ").unwrap();
    rest.lines().next().unwrap().trim().to_owned()
}

#[test]
fn the_sender_shows_a_code_and_the_receiver_types_it_with_blanks() {
    let scene = Scene::new();
    scene.tree("source", 1);
    let mut sender = at_terminal(scene.run("send source --port 0"));
    let code = code(&mut sender);
    let mut receiver = at_terminal(scene.run("receive in --port 0"));
    receiver.answers("Code (Enter makes one): ", "4271-nosuchword");
    receiver.shows("no code has the word nosuchword");
    let typed = code.replace('-', " ").to_uppercase();
    receiver.answers("Code (Enter makes one): ", &typed);
    receiver.answers("[y/N] ", "y");
    sender.shows("verified by the receiver");
    sender.exits(0);
    receiver.exits(0);
    scene.assert_same("source", "in/source");
}

/// Prints the time from Enter behind the code until the file has arrived and the program has ended.
#[test]
fn two_machines_that_have_never_met_need_a_code_and_no_address() {
    if !can_make_networks() {
        return;
    }
    let (one, other) = home();
    let scene = Scene::new();
    scene.file("file", "1");
    let at = |machine: &Machine, line: &str| {
        let run = scene.run(line).without("PEERBRIDGE_SECRET");
        let run = run.under(["ip", "netns", "exec", &machine.name]);
        Terminal::start(run.env("PEERBRIDGE_DISCOVERY", "on"))
    };
    let mut times = Vec::new();
    for number in 0..if is_long() { 30 } else { 1 } {
        let mut sender = at(&one, "send file");
        let code = code(&mut sender);
        let mut receiver = at(&other, &format!("receive in{number} --yes"));
        receiver.shows("Code (Enter makes one): ");
        let begun = Instant::now();
        receiver.types(&code);
        receiver.exits(0);
        times.push(begun.elapsed());
        sender.exits(0);
        scene.assert_same("file", &format!("in{number}/file"));
    }
    times.sort_unstable();
    let (least, most) = (times[0], times[times.len() - 1]);
    let median = times[times.len() / 2];
    eprintln!(
        "{} meetings: {least:?} to {most:?}, median {median:?}",
        times.len()
    );
}

#[test]
fn the_receiver_makes_the_code_and_may_start_first() {
    let scene = Scene::new();
    scene.file("file", "1");
    let mut receiver = at_terminal(scene.run("receive in --port 0 --yes"));
    receiver.answers("Code (Enter makes one): ", "");
    let code = code(&mut receiver);
    receiver.shows("peerbridge send PATH --code");
    let mut sender = at_terminal(scene.run("send file --code --port 0"));
    sender.answers("Code (Enter makes one): ", &code);
    sender.exits(0);
    receiver.exits(0);
    scene.assert_same("file", "in/file");
}

#[test]
fn other_words_under_the_same_number_are_a_wrong_secret() {
    let scene = Scene::new();
    scene.file("file", "1");
    let mut sender = at_terminal(scene.run("send file --port 0 --wait 5"));
    let code = code(&mut sender);
    let (begin, last) = code.rsplit_once('-').unwrap();
    let other = if last == "acorn" { "almond" } else { "acorn" };
    let mut receiver = at_terminal(scene.run("receive in --port 0 --wait 5"));
    receiver.answers("Code (Enter makes one): ", &format!("{begin}-{other}"));
    sender.shows("Try again with a fresh code? [y/N] ");
    sender.types("");
    sender.exits(3);
    receiver.answers("Try again with a fresh code? [y/N] ", "n");
    receiver.exits(3);
    assert!(!scene.path("in/file").exists());
}

#[test]
fn after_wrong_words_both_meet_by_a_fresh_code() {
    let scene = Scene::new();
    scene.file("file", "1");
    let mut sender = at_terminal(scene.run("send file --port 0 --wait 5"));
    let first = code(&mut sender);
    let (begin, last) = first.rsplit_once('-').unwrap();
    let other = if last == "acorn" { "almond" } else { "acorn" };
    let mut receiver = at_terminal(scene.run("receive in --yes --port 0 --wait 5"));
    receiver.answers("Code (Enter makes one): ", &format!("{begin}-{other}"));
    receiver.shows("Try again with a fresh code? [y/N] ");
    sender.answers("Try again with a fresh code? [y/N] ", "y");
    let second = code(&mut sender);
    assert_ne!(first, second);
    receiver.types("y");
    receiver.answers("Code (Enter makes one): ", &second);
    sender.exits(0);
    receiver.exits(0);
    scene.assert_same("file", "in/file");
}

#[test]
fn without_discovery_the_code_is_the_secret_of_a_dial() {
    let scene = Scene::new();
    scene.file("file", "1");
    let mut sender = at_terminal(scene.run("send file --no-discovery --port 0"));
    let code = code(&mut sender);
    let port = sender.port();
    let receiver = scene.run("receive in --yes --from @").secret(&code);
    receiver.to(port).ends().exits(0);
    sender.exits(0);
    scene.assert_same("file", "in/file");
}

/// As users of other tools try it.
#[test]
fn a_code_on_the_command_line_is_refused_with_what_asks_for_it() {
    let scene = Scene::new();
    scene.file("file", "1");
    for (line, asking) in [
        ("receive 9260-grove-cadet-satin", "peerbridge receive"),
        ("receive 9260 grove cadet satin", "peerbridge receive"),
        ("9260-grove-cadet-satin", "peerbridge receive"),
        (
            "send file 9260-grove-cadet-satin",
            "peerbridge send PATH --code",
        ),
    ] {
        let refused = scene.run(line).without("PEERBRIDGE_SECRET").ends();
        let hint = format!("run `{asking}`, and type the code when it asks");
        assert!(refused.exits(2).error().contains(&hint), "{line}");
    }
    // A folder may have such a name.
    scene.folder("9260-grove-cadet-satin");
    let line = "receive 9260-grove-cadet-satin --yes --port 0";
    let (received, sent) = scene.both(line, "send file --to @");
    received.exits(0);
    sent.exits(0);
}

#[test]
fn a_code_is_not_asked_for_without_a_terminal_nor_beside_a_secret() {
    let scene = Scene::new();
    scene.file("file", "1");
    let none = scene.run("send file --code").without("PEERBRIDGE_SECRET");
    none.ends().exits(2);
    Terminal::start(scene.run("send file --code")).exits(2);
    let wrong = scene.run("send file --port 0").without("PEERBRIDGE_SECRET");
    let mut wrong = Terminal::start(
        wrong
            .without("PEERBRIDGE_DISCOVERY")
            .env("PEERBRIDGE_DISCOVERY", "everywhere"),
    );
    wrong.shows("PEERBRIDGE_DISCOVERY cannot be everywhere");
    wrong.exits(2);
    let mut nothing = at_terminal(scene.run("receive in --port 0"));
    nothing.shows("Code (Enter makes one): ");
    nothing.presses(CTRL_D);
    nothing.shows("no code was typed");
    nothing.exits(2);
}
