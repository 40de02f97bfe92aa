//! `peerbridge ping`.

use super::by_code;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::credentials;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::connect::ConnectArgs;
use crate::cli::options::words;
use crate::cli::output::format;
use crate::cli::output::json::Object;
use crate::cli::output::progress::ProgressStyle;
use crate::cli::output::wording::{self, Perspective};
use crate::session::{self, Activity, Cancel, Discovery, PingReport};
use std::time::Duration;

/// How long to search: every peer sends at least two queries in this time.
const LOOK: Duration = Duration::from_millis(2500);

/// Measures the line to one peer, or shows the peers nearby.
///
/// # Errors
/// A usage error, or what stood in the way.
pub(super) fn run(args: &ParsedArgs, context: &Context<'_>) -> Result<Exit, CliError> {
    let Some(host) = words::one(args, "ping")? else {
        return look_around(by_code::discovery(args, context)?, context);
    };
    let connect = ConnectArgs::with_peer(args, context.environment, &host.to_string_lossy())?;
    let secret = credentials::get(connect.secret_file.as_deref(), context)?;
    let off = Some(ProgressStyle::Off);
    let reporter = context.reporter(Perspective::Sender, off);
    let report = session::ping(&connect.with(secret), &reporter)?;
    tell(&report, context);
    Ok(Exit::Done)
}

fn look_around(discovery: Discovery, context: &Context<'_>) -> Result<Exit, CliError> {
    if discovery == Discovery::Off {
        return Err(CliError::usage(
            "without discovery no peer can be found",
            "peerbridge ping HOST[:PORT] measures the line to a peer",
        ));
    }
    let neighbours = session::nearby(discovery, LOOK, &Cancel::new())?;
    if neighbours.is_empty() {
        context.console.say("no peer was found on this network");
    }
    for neighbour in neighbours {
        let address = wording::endpoint(neighbour.address);
        let (activity, text) = match neighbour.activity {
            Activity::Sends(channel) => ("send", format!("waits to send, number {channel}")),
            Activity::Receives(channel) => {
                ("receive", format!("waits to receive, number {channel}"))
            }
            Activity::Serves => ("serve", "serves a drop box".to_owned()),
        };
        context.console.say(&format!("{address} {text}"));
        context.console.event(|| {
            Object::event("neighbour")
                .text("address", &address)
                .text("activity", activity)
        });
    }
    Ok(Exit::Done)
}

fn tell(report: &PingReport, context: &Context<'_>) {
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
    let (round_trip, handshake) = (
        milliseconds(report.round_trip),
        milliseconds(report.handshake),
    );
    context.console.say("the secret is the same on both sides");
    context.console.say(&format!(
        "round trip {round_trip:.1} ms, handshake {handshake:.1} ms, {} to the peer, {} back",
        format::rate(report.up),
        format::rate(report.down)
    ));
    context.console.event(|| {
        Object::event("pong")
            .decimal("round_trip_ms", round_trip)
            .decimal("handshake_ms", handshake)
            .number("up", report.up)
            .number("down", report.down)
    });
}
