//! `peerbridge ping`.

use crate::cli::context::Context;
use crate::cli::error::Error;
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
use crate::cli::output::wording::Perspective;
use crate::session::{self, PingReport};

/// The arguments of `ping`, interpreted.
#[derive(Debug)]
pub(crate) struct PingArgs {
    connect: ConnectArgs,
}

impl PingArgs {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(args: &ParsedArgs, context: &Context<'_>) -> Result<PingArgs, Error> {
        let host = match args.words.as_slice() {
            [] => {
                return Err(Error::usage(
                    "no peer given to ping",
                    "peerbridge ping HOST[:PORT]",
                ));
            }
            [host] => host.to_string_lossy(),
            [_, second, ..] => return Err(too_many("ping", second)),
        };
        Ok(PingArgs {
            connect: ConnectArgs::with_peer(args, context.environment, &host)?,
        })
    }

    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Exit, Error> {
        let secret = credentials::get(self.connect.secret_file.as_deref(), context)?;
        let style = context.report_style(
            Perspective::Sender,
            ProgressChoice::Always(ProgressStyle::Off),
        );
        let connect = self.connect.with(secret);
        let reporter = Reporter::new(context.console, context.ledger, Questions::Unasked, style)
            .with_codes(context.codes());
        let report = session::ping(&connect, &reporter)?;
        tell(&report, context);
        Ok(Exit::Done)
    }
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
