//! `peerbridge ping`.

use super::by_code;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::credentials;
use crate::cli::input::questions::Questions;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::ProgressChoice;
use crate::cli::options::connect::ConnectArgs;
use crate::cli::options::words::too_many;
use crate::cli::output::format;
use crate::cli::output::json::Object;
use crate::cli::output::progress::ProgressStyle;
use crate::cli::output::report::Reporter;
use crate::cli::output::wording::{self, Perspective};
use crate::session::{self, Activity, Cancel, Discovery, PingReport};
use std::time::Duration;

/// The arguments of `ping`, interpreted.
#[derive(Debug)]
pub(crate) enum PingArgs {
    /// Of the line to one peer.
    Peer(ConnectArgs),
    /// Shows the peers nearby; how far to look.
    Nearby(Discovery),
}

/// How long it looks around: two queries of everybody.
const LOOK: Duration = Duration::from_millis(2500);

impl PingArgs {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(
        args: &ParsedArgs,
        context: &Context<'_>,
    ) -> Result<PingArgs, CliError> {
        let host = match args.words.as_slice() {
            [] => return by_code::discovery(args, context).map(PingArgs::Nearby),
            [host] => host.to_string_lossy(),
            [_, second, ..] => return Err(too_many("ping", second)),
        };
        ConnectArgs::with_peer(args, context.environment, &host).map(PingArgs::Peer)
    }

    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, CliError> {
        let connect = match self {
            PingArgs::Peer(connect) => connect,
            PingArgs::Nearby(discovery) => return look_around(discovery, context),
        };
        let secret = credentials::get(connect.secret_file.as_deref(), context)?;
        let style = context.report_style(
            Perspective::Sender,
            ProgressChoice::Always(ProgressStyle::Off),
        );
        let connect = connect.with(secret);
        let reporter = Reporter::new(context.console, context.ledger, Questions::Unasked, style)
            .with_codes(context.codes());
        let report = session::ping(&connect, &reporter)?;
        tell(&report, context);
        Ok(Exit::Done)
    }
}

fn look_around(discovery: Discovery, context: &Context<'_>) -> Result<Exit, CliError> {
    if discovery == Discovery::Off {
        return Err(CliError::usage(
            "without discovery nobody can be seen",
            "peerbridge ping HOST[:PORT] measures the line to a peer",
        ));
    }
    let neighbours = session::nearby(discovery, LOOK, &Cancel::new())?;
    if neighbours.is_empty() {
        context.console.say("nobody was seen on this network");
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
