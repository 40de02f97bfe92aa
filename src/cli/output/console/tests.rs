//! What a console prints, on outputs that tests can read.

use super::*;
use std::sync::Arc;

/// An output that tests can read.
#[derive(Clone, Default)]
pub(in crate::cli) struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    pub(in crate::cli) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A console with its standard error and standard output.
pub(in crate::cli) fn console(verbosity: Verbosity, reader: Audience) -> (Console, Screen, Screen) {
    let (error, output) = (Screen::default(), Screen::default());
    let console = Console::new(
        Box::new(error.clone()),
        Box::new(output.clone()),
        verbosity,
        reader,
        LineStyle::Logged,
    );
    (console, error, output)
}

struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

fn broken(kind: io::ErrorKind) -> Console {
    let output = Box::new(Broken(kind));
    let error = Box::new(Broken(kind));
    Console::new(
        error,
        output,
        Verbosity::Normal,
        Audience::Person,
        LineStyle::Logged,
    )
}

#[test]
fn quiet_leaves_errors_only() {
    let (console, error, _) = console(Verbosity::Quiet, Audience::Person);
    console.say("a");
    console.line(Verbosity::Verbose, "b");
    console.error("c", Some("d"));
    assert_eq!(error.text(), "peerbridge: error: c\npeerbridge: hint: d\n");
}

#[test]
fn verbose_adds_steps() {
    let (normal, error, _) = console(Verbosity::Normal, Audience::Person);
    normal.line(Verbosity::Verbose, "step");
    assert_eq!(error.text(), "");
    let (verbose, error, _) = console(Verbosity::Verbose, Audience::Person);
    verbose.line(Verbosity::Verbose, "step");
    assert_eq!(error.text(), "peerbridge: step\n");
}

#[test]
fn no_text_becomes_a_second_line() {
    let (console, error, _) = console(Verbosity::Normal, Audience::Person);
    console.error("no\npeerbridge: done\x1b[A", None);
    assert_eq!(
        error.text(),
        "peerbridge: error: no\\npeerbridge: done\\x1b[A\n"
    );
}

#[test]
fn on_a_terminal_the_name_of_the_program_goes() {
    let said = |colour| {
        let screen = Screen::default();
        let console = Console::new(
            Box::new(screen.clone()),
            Box::new(io::sink()),
            Verbosity::Normal,
            Audience::Person,
            LineStyle::Terminal(colour),
        );
        console.error("no\x1b[2J", Some("yes"));
        console.say("x");
        screen.text()
    };
    assert_eq!(said(Colour::Plain), "error: no\\x1b[2J\nhint: yes\nx\n");
    assert_eq!(
        said(Colour::Allowed),
        "\x1b[1;31merror:\x1b[0m no\\x1b[2J\n\x1b[1;36mhint:\x1b[0m yes\nx\n"
    );
}

#[test]
fn the_bar_is_taken_away_before_a_line() {
    let (console, error, _) = console(Verbosity::Normal, Audience::Person);
    console.draw(&["[##..]".to_owned()]);
    console.say("x");
    console.say("y");
    assert_eq!(
        error.text(),
        "\r\x1b[K[##..]\r\x1b[Kpeerbridge: x\npeerbridge: y\n"
    );
}

#[test]
fn a_bar_of_several_lines_is_taken_away_as_a_whole() {
    let (console, error, _) = console(Verbosity::Normal, Audience::Person);
    console.draw(&["a".to_owned(), "b".to_owned()]);
    console.draw(&["c".to_owned()]);
    console.say("x");
    assert_eq!(
        error.text(),
        "\r\x1b[Ka\nb\r\x1b[K\x1b[A\x1b[Kc\r\x1b[Kpeerbridge: x\n"
    );
}

#[test]
fn results_give_way_to_programs() {
    let (console, error, output) = console(Verbosity::Normal, Audience::Program);
    console.result("help\n");
    console.event(|| Object::event("x"));
    assert_eq!(error.text(), "help\n");
    assert_eq!(output.text(), "{\"event\":\"x\",\"v\":1}\n");
}

#[test]
fn a_broken_pipe_is_no_error() {
    let console = broken(io::ErrorKind::BrokenPipe);
    console.result("x");
    console.say("x");
    assert!(console.output_failure().is_none());
}

#[test]
fn a_full_disk_behind_standard_output_is_told_once() {
    let console = broken(io::ErrorKind::StorageFull);
    console.result("x");
    assert!(console.output_failure().is_some());
    assert!(console.output_failure().is_none());
}
