//! Whole runs up to where a session begins, with injected streams, environment and terminal.

use crate::cli::error::CliError;
use crate::cli::input::terminal::tests::Script;
use crate::cli::output::console::Audience;
use crate::cli::output::console::tests::console;
use crate::cli::*;

struct Ran {
    exit: u8,
    error: String,
    output: String,
}

fn ran(line: &str, terminal: Terminal) -> Ran {
    let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    let args = ParsedArgs::parse(&words);
    let verbosity = args
        .as_ref()
        .map_or(Verbosity::Normal, ParsedArgs::verbosity);
    let (console, error, output) = console(verbosity, args::reader(&words));
    let exit = perform(
        args,
        &Context {
            console: &console,
            // Tests send nothing to a network.
            environment: &Environment::of(&[(environment::DISCOVERY, "off")]),
            terminal,
            answers: &Script::new(&[]),
            ledger: &Ledger::default(),
        },
    );
    Ran {
        exit: exit.code(),
        error: error.text(),
        output: output.text(),
    }
}

fn script(line: &str) -> Ran {
    ran(line, Terminal::default())
}

const PERSON: Terminal = Terminal {
    input: true,
    output: true,
    error: true,
    input_is_closed: false,
    output_is_closed: false,
};

#[test]
fn an_error_is_a_line_and_a_hint() {
    let ran = script("send");
    assert_eq!(ran.exit, 2);
    assert_eq!(
        ran.error,
        "peerbridge: error: nothing to send: name a file or folder\n\
         peerbridge: hint: peerbridge send PATH... --to HOST\n"
    );
    assert_eq!(ran.output, "");
}

#[test]
fn with_json_exactly_one_done_ends_every_run() {
    for (line, exit) in [
        ("--json", 2),
        ("send --bogus --json", 2),
        ("--json nonsense", 2),
        ("receive --json", 2),
        ("send /no/such/file --to localhost --json", 8),
        ("send . --listen --json", 2),
        ("help --json", 0),
        ("--version --json", 0),
        ("secret --json", 0),
    ] {
        let ran = script(line);
        assert_eq!(ran.exit, exit, "{line}");
        let last = ran.output.lines().last().unwrap_or_default();
        assert!(
            last.starts_with(&format!("{{\"event\":\"done\",\"v\":1,\"exit\":{exit},")),
            "{line}"
        );
        assert_eq!(ran.output.matches("\"done\"").count(), 1, "{line}");
        assert!(
            ran.output.lines().all(|line| line.starts_with('{')),
            "{line}"
        );
        assert_eq!(last.contains("\"error\":"), exit != 0, "{line}");
    }
}

#[test]
fn without_json_nothing_of_it_shows() {
    assert_eq!(script("receive").output, "");
    assert!(!script("help").output.contains('{'));
}

#[test]
fn receive_without_a_terminal_and_without_yes_stops_at_once() {
    let ran = script("receive --secret-file /no/such/file");
    assert_eq!(ran.exit, 2);
    assert!(ran.error.contains("whether to accept"), "{}", ran.error);
    assert!(ran.error.contains("--yes"), "{}", ran.error);
}

#[cfg(not(feature = "web"))]
#[test]
fn without_the_page_the_command_says_so() {
    let ran = script("web");
    assert_eq!(ran.exit, 2);
    assert!(
        ran.error.contains("built without its page"),
        "{}",
        ran.error
    );
    assert!(ran.error.contains("the feature web"), "{}", ran.error);
}

#[test]
fn a_missing_source_is_told_before_the_secret_is_asked_for() {
    let ran = script("send /no/such/file --to localhost");
    assert_eq!(ran.exit, 8);
    assert!(ran.error.contains("/no/such/file"));
}

#[test]
fn impossible_words_are_usage_errors() {
    for line in [
        "send . --to h --listen",
        "send .",
        "send - --listen",
        "send . --to h --port 0",
        "send . -l --streams 65",
        "send . -l --level 10",
        "send . -l --progress dots",
        "receive a b --yes",
        "receive --yes --existing maybe",
        "receive --yes --max-size lots",
        "receive --yes --max-files -1",
        "demo --streams 0",
        "secret please",
        "serve",
        "serve a b",
        "serve . --max-peers 0",
        "serve . --secrets-file a --secret-file b",
        "ping --no-discovery",
        "ping a b",
        "ping host:0",
        "completions",
        "completions tcsh",
        "doctor a b",
        "send . --to h --count 2",
        "send . --listen --count 0",
        "send . --listen --as me",
        "send . --to h --limit-rate 0",
        "send . --to h --verify",
        "send . --listen --count 2 --verify",
        "send . --listen --count 2 --dry-run",
        "receive --yes --verify",
        "help steal",
        "help send now",
        "--to host",
        "",
    ] {
        let ran = script(line);
        assert_eq!(ran.exit, 2, "{line}");
        assert!(ran.error.contains("peerbridge: error: "), "{line}");
        assert!(ran.error.contains("peerbridge: hint: "), "{line}");
    }
}

#[test]
fn results_go_to_standard_output() {
    let secret = script("secret");
    assert_eq!(secret.output.trim_end().split('-').count(), 5);
    assert!(secret.error.contains("45 bits"));
    assert_eq!(script("secret --quiet").error, "");
    assert_eq!(
        script("--version").output,
        concat!("peerbridge ", env!("CARGO_PKG_VERSION"), "\n")
    );
    assert!(script("send --help").output.contains("--to HOST[:PORT]"));
    assert_eq!(script("help tx").output, script("send --help").output);
    assert!(script("send -h").output.lines().count() <= 24);
    assert!(script("-h").output.contains("  demo "));
}

#[test]
fn without_arguments_a_person_is_greeted_and_may_leave() {
    let greeted = ran("", PERSON);
    assert_eq!(greeted.exit, 0);
    assert!(greeted.error.ends_with("Goodbye.\n"));
    let told = script("");
    assert!(
        told.error.contains("peerbridge send PATH..."),
        "usage is shown"
    );
}

#[test]
fn a_bug_ends_with_1_and_one_done() {
    let (console, error, output) = console(Verbosity::Normal, Audience::Program);
    let context = Context {
        console: &console,
        environment: &Environment::default(),
        terminal: Terminal::default(),
        answers: &Script::new(&[]),
        ledger: &Ledger::default(),
    };
    assert_eq!(
        close(Err(CliError::Bug), context.console, context.ledger, None).code(),
        1
    );
    assert!(error.text().contains("report"));
    assert!(
        output
            .text()
            .starts_with("{\"event\":\"done\",\"v\":1,\"exit\":1,")
    );
}
