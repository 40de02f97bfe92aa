//! The questions in order, answered by a script.

use super::*;
use crate::cli::environment;
use crate::cli::input::terminal::tests::Script;
use crate::cli::output::console::tests::console;
use crate::cli::output::console::{Audience, Verbosity};
use crate::crypto::MeetingCode;
use std::path::Path;

fn wish(answers: &[&str]) -> Result<Wish, DialogueHalt> {
    wish_in(answers, &[])
}

fn wish_in(answers: &[&str], variables: &[(&'static str, &str)]) -> Result<Wish, DialogueHalt> {
    let script = Script::new(answers);
    let environment = Environment::of(variables);
    let (console, ..) = console(Verbosity::Normal, Audience::Person);
    let mut conversation = Conversation::new(&script, &console, &environment);
    conversation.resolve = |_| Ok(());
    let wish = conversation.wish();
    assert_eq!(script.left(), 0, "answers are left over");
    wish
}

/// The paths that are sent as files and folders.
fn sent(task: &DialogueTask) -> &[PathBuf] {
    match task {
        DialogueTask::Send(SendOptions {
            payload: Payload::Paths(paths),
            ..
        }) => paths,
        _ => panic!("it receives, or makes an archive"),
    }
}

const CODE: &str = "4271-salmon-anvil-tundra";

#[test]
fn sending_and_receiving_in_the_order_of_what_a_person_knows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let sending = wish(&["?", "s", path, "n", "4271-nosuchword", CODE]).unwrap();
    let channel = MeetingCode::from_input(CODE).ok().unwrap().channel();
    let is_found =
        |rendezvous| matches!(rendezvous, Rendezvous::Find(find) if find.channel == channel);
    assert!(is_found(sending.rendezvous));
    assert_eq!(sent(&sending.task), [folder.path()]);
    let receiving = wish(&["receive", path, "?", "4271 SALMON anvil tundra"]).unwrap();
    assert!(is_found(receiving.rendezvous));
    assert!(
        matches!(receiving.task, DialogueTask::Receive(options) if options.destination == folder.path())
    );
    let fresh = wish(&["r", "", ""]).unwrap();
    assert!(matches!(fresh.rendezvous, Rendezvous::Find(_)));
}

#[test]
fn where_nobody_can_be_found_the_address_comes_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for variable in [
        (environment::DISCOVERY, "off"),
        (environment::SECRET, "word"),
    ] {
        let is_secret = variable.0 == environment::SECRET;
        let given = |answers: &[&'static str]| -> Vec<&str> {
            let code = (!is_secret).then_some(CODE);
            code.into_iter().chain(answers.iter().copied()).collect()
        };
        let sending = [vec!["s", path, "n"], given(&["192.0.2.7:9000"])].concat();
        let sending = wish_in(&sending, &[variable]).unwrap();
        let expected = PeerAddress {
            host: "192.0.2.7".to_owned(),
            port: 9000,
        };
        assert_eq!(sending.rendezvous, Rendezvous::Dial(expected));
        let receiving = [vec!["r", path], given(&["?", ""])].concat();
        let receiving = wish_in(&receiving, &[variable]).unwrap();
        let expected = ListenAddress::default();
        assert_eq!(receiving.rendezvous, Rendezvous::Listen(expected));
    }
}

#[test]
fn an_address_may_be_typed_while_nobody_is_found() {
    let address = |answers: &[&str]| {
        let script = Script::new(answers);
        let environment = Environment::default();
        let (console, ..) = console(Verbosity::Normal, Audience::Person);
        let mut conversation = Conversation::new(&script, &console, &environment);
        conversation.resolve = |host| match host {
            "nowhere" => Err("No address is known for nowhere.".to_owned()),
            _ => Ok(()),
        };
        let address = conversation.address_while(&|| true);
        assert_eq!(script.left(), 0);
        address.map(|peer| (peer.host, peer.port))
    };
    let there = Some(("192.0.2.7".to_owned(), 8080));
    assert_eq!(address(&["?", "a b", "nowhere", "192.0.2.7"]), there);
    assert_eq!(address(&[""]), None);
    assert_eq!(address(&[]), None);
}

#[test]
fn only_what_failed_is_asked_again() {
    let (console, ..) = console(Verbosity::Normal, Audience::Person);
    let environment = Environment::default();
    let correct = |error: Error, rendezvous: &mut Rendezvous, answers: &[&str]| {
        let script = Script::new(answers);
        let mut conversation = Conversation::new(&script, &console, &environment);
        conversation.resolve = |_| Ok(());
        let mut secret = Arc::new(Secret::from_text("word").unwrap());
        conversation
            .correct(error.into(), rendezvous, &mut secret)
            .unwrap();
        assert_eq!(script.left(), 0);
    };
    let dial = |host: &str| {
        Rendezvous::Dial(PeerAddress {
            host: host.to_owned(),
            port: 9000,
        })
    };
    let refused = Error::NoConnection {
        address: "here".to_owned(),
        source: std::io::ErrorKind::ConnectionRefused.into(),
    };
    let mut rendezvous = dial("here");
    correct(refused, &mut rendezvous, &["there:9000"]);
    assert_eq!(rendezvous, dial("there"));
    let mut found = wish(&["r", "", CODE]).unwrap().rendezvous;
    let before = found.clone();
    let spent = Error::WrongSecret { attempts: 5 };
    correct(spent, &mut found, &[""]);
    assert_ne!(found, before, "a fresh code");
    let wrong = Error::WrongSecret { attempts: 1 };
    correct(wrong, &mut rendezvous, &["other word"]);
    assert_eq!(rendezvous, dial("there"), "the address is kept");
    let script = Script::new(&[]);
    let conversation = Conversation::new(&script, &console, &environment);
    let mut secret = Arc::new(Secret::from_text("word").unwrap());
    let halt = conversation.correct(Error::Busy.into(), &mut rendezvous, &mut secret);
    assert!(matches!(
        halt,
        Err(DialogueHalt::Failed(CliError::Session(Error::Busy)))
    ));
}

#[test]
fn initiating_and_sending() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let wish = wish(&["i", "", "192.0.2.7", "", "word", path, "n"]).unwrap();
    let expected = PeerAddress {
        host: "192.0.2.7".to_owned(),
        port: 8080,
    };
    assert_eq!(wish.rendezvous, Rendezvous::Dial(expected));
    assert_eq!(sent(&wish.task), [folder.path()]);
}

#[test]
fn waiting_and_receiving() {
    let wish = wish(&["w", "", "9000", "word", ""]).unwrap();
    let expected = ListenAddress {
        address: None,
        port: 9000,
    };
    assert_eq!(wish.rendezvous, Rendezvous::Listen(expected));
    assert!(
        matches!(wish.task, DialogueTask::Receive(options) if options.destination == Path::new("."))
    );
}

#[test]
fn wrong_answers_are_asked_again_and_never_fatal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let wish = wish(&[
        "what?",
        "dial",
        "x",
        "send",
        "",
        "a b",
        "host",
        "70000",
        "zero",
        "0",
        "8081",
        "",
        "word",
        "",
        "/no/such/file",
        path,
        "perhaps",
        "yes",
        "one",
        "two",
        "three",
        "three",
    ])
    .unwrap();
    let expected = PeerAddress {
        host: "host".to_owned(),
        port: 8081,
    };
    assert_eq!(wish.rendezvous, Rendezvous::Dial(expected));
}

#[test]
fn a_port_behind_the_address_is_not_asked_for() {
    let wish = wish(&["i", "r", "[::1]:9000", "word", ""]).unwrap();
    let expected = PeerAddress {
        host: "::1".to_owned(),
        port: 9000,
    };
    assert_eq!(wish.rendezvous, Rendezvous::Dial(expected));
}

#[test]
fn leaving_at_any_question_is_no_error() {
    let all = ["w", "r", "9000", "word", "."];
    for length in 0..all.len() {
        assert!(
            matches!(wish(&all[..length]), Err(DialogueHalt::EndOfInput)),
            "{length}"
        );
    }
}

#[test]
fn a_secret_in_the_environment_is_not_asked_for() {
    let script = Script::new(&["w", "r", "", ""]);
    let environment = Environment::of(&[(environment::SECRET, "word")]);
    let (console, ..) = console(Verbosity::Normal, Audience::Person);
    let conversation = Conversation::new(&script, &console, &environment);
    assert!(conversation.wish().is_ok());
    assert!(
        !script
            .questions()
            .iter()
            .any(|question| question.starts_with("Secret"))
    );
}

#[test]
fn one_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let environment = Environment::default();
    let (console, ..) = console(Verbosity::Normal, Audience::Person);
    let next = |answers: &[&str]| {
        let script = Script::new(answers);
        let secret = Secret::from_text("word").unwrap();
        let next = Conversation::new(&script, &console, &environment).one_more(&secret);
        assert_eq!(script.left(), 0);
        next.unwrap().map(|options| match options.payload {
            Payload::Paths(paths) => Some(paths),
            _ => None,
        })
    };
    assert_eq!(
        next(&["y", path, ""]),
        Some(Some(vec![folder.path().to_owned()]))
    );
    let zipped = next(&["y", path, "y", "word", "word", "other", "other"]);
    assert_eq!(zipped, Some(None), "an archive, not with the secret");
    assert_eq!(next(&["n"]), None);
    assert_eq!(next(&[]), None);
}
