use super::*;
use crate::cli::output::console::tests::{Screen, console};
use crate::cli::output::console::{Audience, Verbosity};
use crate::session::FileResult;
use std::time::Duration;

fn style(perspective: Perspective, progress: ProgressStyle) -> ReportStyle {
    ReportStyle {
        perspective,
        progress,
        colour: Colour::Plain,
        guides: false,
    }
}

/// What events print on standard error and standard output.
fn printed(
    perspective: Perspective,
    verbosity: Verbosity,
    reader: Audience,
    events: &[Event<'_>],
) -> [String; 2] {
    let (console, error, output) = console(verbosity, reader);
    let ledger = Ledger::default();
    let style = style(perspective, ProgressStyle::Off);
    let reporter = Reporter::new(SideOutput::new(&console), &ledger, style);
    for event in events {
        reporter.event(event);
    }
    [error, output].map(|screen: Screen| screen.text())
}

fn lines(verbosity: Verbosity, events: &[Event<'_>]) -> String {
    let [error, output] = printed(Perspective::Receiver, verbosity, Audience::Person, events);
    assert_eq!(output, "", "standard output is for results");
    error
}

fn json(events: &[Event<'_>]) -> String {
    printed(
        Perspective::Receiver,
        Verbosity::Quiet,
        Audience::Program,
        events,
    )[1]
    .clone()
}

fn peer() -> std::net::SocketAddr {
    "192.0.2.7:5000".parse().unwrap()
}

fn offer() -> OfferSummary {
    OfferSummary {
        peer: Some(peer()),
        names: vec![b"photos".to_vec(), b"\x1b[2J".to_vec()],
        tops: 2,
        files: 12,
        folders: 1,
        links: 0,
        bytes: Some(1 << 20),
    }
}

#[test]
fn a_person_reads_what_matters() {
    let offer = offer();
    let addresses = ["[::]:8080".parse().unwrap()];
    let events = [
        Event::Listening {
            addresses: &addresses,
        },
        Event::Connected { peer: peer() },
        Event::ProofFailed {
            peer: peer(),
            count: 2,
        },
        Event::Authenticated { peer: peer() },
        Event::Offer(&offer),
        Event::File {
            path: b"a\n",
            bytes: 1,
            result: FileResult::Delivered,
            saved_as: None,
        },
        Event::File {
            path: b"b\x1b",
            bytes: 1,
            result: FileResult::Skipped,
            saved_as: None,
        },
    ];
    assert_eq!(
        lines(Verbosity::Normal, &events),
        "peerbridge: listening on [::]:8080\n\
         peerbridge: warning: wrong secret from 192.0.2.7 (attempt 2 of 5)\n\
         peerbridge: 192.0.2.7 offers photos and \\x1b[2J (12 files, 1 folder, 1.0 MiB)\n\
         peerbridge: skipped, kept as it was: b\\x1b\n"
    );
    assert!(lines(Verbosity::Verbose, &events).contains("delivered a\\n\n"));
}

#[test]
fn quiet_still_names_what_was_left_out() {
    let failed = FileResult::Failed {
        why: "it vanished".to_owned(),
    };
    let events = [
        Event::Warning { message: "x" },
        Event::File {
            path: b"a",
            bytes: 1,
            result: failed,
            saved_as: None,
        },
    ];
    assert_eq!(
        lines(Verbosity::Quiet, &events),
        "peerbridge: error: left out a: it vanished\n"
    );
}

#[test]
fn programs_read_events() {
    let offer = offer();
    let addresses = ["127.0.0.1:4711".parse().unwrap()];
    let failed = FileResult::Failed {
        why: "no \"room\"".to_owned(),
    };
    let events = [
        Event::Listening {
            addresses: &addresses,
        },
        Event::Connected { peer: peer() },
        Event::Authenticated { peer: peer() },
        Event::Offer(&offer),
        Event::Accepted {
            streams: 4,
            present_bytes: 0,
            claimed_bytes: 0,
        },
        Event::File {
            path: b"a\xff",
            bytes: 1,
            result: failed,
            saved_as: None,
        },
        Event::Reconnecting {
            attempt: 1,
            pause: Duration::from_secs(2),
        },
    ];
    let expected = [
        r#"{"event":"listening","v":1,"address":"127.0.0.1:4711","port":4711}"#,
        r#"{"event":"connected","v":1,"peer":"192.0.2.7:5000"}"#,
        r#"{"event":"authenticated","v":1,"streams":1}"#,
        r#"{"event":"offer","v":1,"files":12,"dirs":1,"links":0,"bytes":1048576,"name":"photos"}"#,
        r#"{"event":"authenticated","v":1,"streams":4}"#,
        "{\"event\":\"file\",\"v\":1,\"path\":\"a\u{fffd}\",\"path_bytes\":\"61ff\",\"bytes\":1,\
         \"result\":\"failed\",\"why\":\"no \\\"room\\\"\"}",
        "{\"event\":\"warning\",\"v\":1,\"message\":\"reconnecting in 2.00 s (attempt 1)\"}",
    ];
    assert_eq!(
        json(&events),
        expected.map(|line| format!("{line}\n")).concat()
    );
}

#[test]
fn a_short_transfer_draws_nothing() {
    let (console, error, _) = console(Verbosity::Normal, Audience::Person);
    let ledger = Ledger::default();
    let style = style(Perspective::Sender, ProgressStyle::Bar);
    let reporter = Reporter::new(SideOutput::new(&console), &ledger, style);
    for bytes in 0..100 {
        let total = Some(100);
        reporter.event(&Event::Progress(Progress {
            bytes,
            total,
            wire_bytes: 9,
        }));
    }
    assert_eq!(error.text(), "");
    assert_eq!(ledger.totals().wire_bytes, 9);
}

#[test]
fn both_sides_of_one_process_are_told_apart() {
    let (console, error, output) = console(Verbosity::Normal, Audience::Program);
    let ledger = Ledger::default();
    let side = SideOutput {
        label: |line| format!("sender: {line}"),
        tells_programs: false,
        ..SideOutput::new(&console)
    };
    let style = style(Perspective::Sender, ProgressStyle::Off);
    let reporter = Reporter::new(side, &ledger, style);
    reporter.event(&Event::Warning { message: "x" });
    assert_eq!(error.text(), "peerbridge: sender: warning: x\n");
    assert_eq!(output.text(), "");
}
