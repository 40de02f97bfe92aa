//! `peerbridge demo`: both peers in one process, over loopback, through the same code as any transfer.

mod compare;
mod sample;

use super::send::check_source;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::questions::Questions;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::choices::ProgressChoice;
use crate::cli::options::numbers;
use crate::cli::output::format;
use crate::cli::output::ledger::Ledger;
use crate::cli::output::progress::ProgressStyle;
use crate::cli::output::report::{Guide, Programs, ReportStyle, Reporter};
use crate::cli::output::wording::Perspective;
use crate::cli::platform;
use crate::crypto::{Secret, random_bytes};
use crate::model::Existing;
use crate::session::{
    self, Acceptance, Conflicts, Connect, Error, Event, ListenAddress, OfferSummary, Operator,
    PeerAddress, ReceiveOptions, Rendezvous, SendOptions, Summary,
};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The arguments of `demo`, interpreted.
#[derive(Debug)]
pub(crate) struct Demo {
    paths: Vec<PathBuf>,
    streams: Option<u16>,
    progress: ProgressChoice,
}

/// Both sides run here, so anything longer means that they never meet.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

impl Demo {
    /// # Errors
    /// A usage error.
    pub(crate) fn understand(args: &ParsedArgs) -> Result<Demo, CliError> {
        let streams = args.value("streams").map(|text| numbers::streams(&text));
        Ok(Demo {
            paths: args.words.iter().map(PathBuf::from).collect(),
            streams: streams.transpose()?,
            progress: ProgressChoice::of(args),
        })
    }

    /// # Errors
    /// What stood in the way, or a result that differs.
    pub(crate) fn run(mut self, context: &Context<'_>) -> Result<Exit, CliError> {
        for path in &self.paths {
            check_source(path)?;
        }
        let folder = fresh_folder()?;
        if self.paths.is_empty() {
            let source = folder.join("sample");
            context.console.say("making some files to send");
            sample::make(&source)?;
            self.paths.push(source);
        }
        let received = folder.join("received");
        let outcome = self.transfer(&received, context);
        let outcome = outcome.and_then(|summaries| {
            let left_out = summaries.iter().map(|summary| summary.left_out).sum();
            let same = compare::all(&self.paths, &received, left_out)?;
            context.console.say(&format!(
                "verified: {}, {}, the same byte by byte",
                format::count(same.files, "file"),
                format::size(same.bytes)
            ));
            Ok(Exit::of_summaries(&summaries))
        });
        self.leave(&folder, context)?;
        outcome
    }

    /// Says where everything is. With `--quiet` nobody would find it, so it is removed.
    fn leave(&self, folder: &Path, context: &Context<'_>) -> Result<(), CliError> {
        if context.console.is_quiet() {
            return std::fs::remove_dir_all(folder).map_err(|source| cannot_write(folder, source));
        }
        context.console.say(&format!(
            "everything is in {}; delete it when you are done",
            folder.display()
        ));
        Ok(())
    }

    /// Runs both sides to their ends.
    fn transfer(&self, received: &Path, context: &Context<'_>) -> Result<Vec<Summary>, CliError> {
        let words = Secret::generate()?;
        let [ours, theirs] = [&words, &words].map(|words| secret(words.text()));
        let listen = Rendezvous::Listen(ListenAddress {
            address: Some(LOOPBACK),
            port: 0,
        });
        let mut listener = Connect::new(listen, theirs?);
        listener.wait = Some(PATIENCE);
        let mut options = ReceiveOptions::new(received.to_owned());
        options.streams = self.streams;
        let silent = Ledger::default();
        thread::scope(|scope| {
            let (port, ports) = mpsc::channel();
            let side = Receiver {
                reporter: self.reporter(Perspective::Receiver, context.ledger, context),
                port,
            };
            let thread = thread::Builder::new().name("demo receiver".to_owned());
            let receiver = thread
                .spawn_scoped(scope, move || {
                    // Moved in, so that the wait for its port ends with it.
                    let side = side;
                    session::receive(&listener, &options, &side)
                })
                .map_err(|source| Error::System { source })?;
            let sent = ports.recv().ok().map(|port| {
                let reporter = self.reporter(Perspective::Sender, &silent, context);
                self.send(port, ours?, &reporter)
            });
            let received = receiver.join().map_err(|_| CliError::Bug)?;
            first_cause(sent.transpose(), received.map_err(CliError::from))
        })
    }

    fn send(&self, port: u16, secret: Secret, operator: &dyn Operator) -> Result<(), CliError> {
        let dial = Rendezvous::Dial(PeerAddress {
            host: LOOPBACK.to_string(),
            port,
        });
        let mut options = SendOptions::new(self.paths.clone());
        options.streams = self.streams;
        session::send(&Connect::new(dial, secret), &options, operator)?;
        Ok(())
    }

    fn reporter<'a>(
        &self,
        perspective: Perspective,
        ledger: &'a Ledger,
        context: &'a Context<'_>,
    ) -> Reporter<'a> {
        let (label, progress, programs) = match perspective {
            Perspective::Sender | Perspective::Asker => (
                "sender:   ",
                context.progress_style(self.progress),
                Programs::Untold,
            ),
            Perspective::Receiver
            | Perspective::Maker
            | Perspective::Opener
            | Perspective::Tester => ("receiver: ", ProgressStyle::Off, Programs::Told),
        };
        let style = ReportStyle {
            perspective,
            progress,
            colour: context.colour(),
            guide: Guide::Nobody,
            programs,
            label,
        };
        Reporter::new(context.console, ledger, Questions::Unasked, style)
    }
}

/// The receiver's operator: passes on the port that the system chose.
struct Receiver<'a> {
    reporter: Reporter<'a>,
    port: mpsc::Sender<u16>,
}

impl Operator for Receiver<'_> {
    fn event(&self, event: &Event<'_>) {
        self.reporter.event(event);
        if let Event::Listening { addresses } = event
            && let Some(address) = addresses.first()
        {
            // Fails only if the sender's side is gone, and then nobody needs the port.
            let _ = self.port.send(address.port());
        }
    }

    fn accept(&self, offer: &OfferSummary) -> Acceptance {
        self.reporter.accept(offer)
    }

    fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        self.reporter.resolve(conflicts)
    }
}

/// The error that caused the other one: a side that lost its peer knows less than a side that gave up.
fn first_cause(
    sent: Result<Option<()>, CliError>,
    received: Result<Vec<Summary>, CliError>,
) -> Result<Vec<Summary>, CliError> {
    match (sent, received) {
        (Ok(_), received) => received,
        (Err(sent), Err(received)) => Err(match received {
            CliError::Session(
                Error::Lost { .. }
                | Error::PeerAborted { .. }
                | Error::NobodyCame { .. }
                | Error::Silent { .. },
            ) => sent,
            cause => cause,
        }),
        (Err(sent), Ok(_)) => Err(sent),
    }
}

/// A `Secret` cannot be cloned, so each side makes its own from the words.
fn secret(words: &str) -> Result<Secret, CliError> {
    Secret::from_text(words).map_err(|fault| CliError::Secret {
        origin: "the fresh secret".to_owned(),
        fault,
    })
}

/// A new private folder below the system's folder for temporary files.
fn fresh_folder() -> Result<PathBuf, CliError> {
    let number = u64::from_be_bytes(random_bytes()?);
    let path = std::env::temp_dir().join(format!("peerbridge-demo-{number:016x}"));
    match platform::create_private_folder(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(cannot_write(&path, source)),
    }
}

fn cannot_write(path: &Path, source: std::io::Error) -> CliError {
    CliError::CannotWrite {
        what: path.to_string_lossy().into_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> CliError {
        CliError::Session(Error::Lost {
            source: std::io::ErrorKind::ConnectionReset.into(),
        })
    }

    #[test]
    fn the_cause_is_told_and_not_what_followed_from_it() {
        let full = || CliError::CannotWrite {
            what: "x".to_owned(),
            source: std::io::ErrorKind::StorageFull.into(),
        };
        let exit = |sent, received| first_cause(sent, received).err().map(|error| error.exit());
        assert_eq!(exit(Err(lost()), Err(full())), Some(Exit::CannotWrite));
        assert_eq!(exit(Err(full()), Err(lost())), Some(Exit::CannotWrite));
        assert_eq!(exit(Err(full()), Ok(vec![])), Some(Exit::CannotWrite));
        assert_eq!(exit(Ok(None), Err(full())), Some(Exit::CannotWrite));
        assert_eq!(exit(Ok(Some(())), Ok(vec![])), None);
    }

    #[test]
    #[cfg(unix)]
    fn the_folder_is_private_and_new() {
        use std::os::unix::fs::MetadataExt;
        let [one, other] = [fresh_folder().unwrap(), fresh_folder().unwrap()];
        assert_ne!(one, other);
        assert_eq!(std::fs::metadata(&one).unwrap().mode() & 0o777, 0o700);
        for folder in [one, other] {
            std::fs::remove_dir(folder).unwrap();
        }
    }
}
