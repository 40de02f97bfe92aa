//! Runs one job at a time, in a thread of its own, even while no page is open.

use crate::cli::bug;
use crate::cli::context::Context;
use crate::cli::ending::close;
use crate::cli::environment::{Environment, ZIP_PASSWORD};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::questions::Questions;
use crate::cli::input::terminal::{Person, Terminal};
use crate::cli::options::web::WebOptions;
use crate::cli::output::console::{Audience, Console, LineStyle, Verbosity};
use crate::cli::output::json::Object;
use crate::cli::output::ledger::Ledger;
use crate::cli::output::progress::ProgressStyle;
use crate::cli::output::report::Reporter;
use crate::cli::output::wording::{self, Perspective};
use crate::crypto::{ArchivePassword, CredentialError};
use crate::session::sync::Monitor;
use crate::session::{self, Cancel, Payload, SendOptions};
use crate::web::commands::Commands;
use crate::web::event_log::{EventLines, EventLog, SaidLines};
use crate::web::http::response::Status;
use crate::web::job::{CommandJob, Job, ReceiveJob, SendJob, SharedWords};
use crate::web::questions::{OpenQuestion, PageOperator};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

/// The running job, the latest job, and its events.
pub(super) struct Jobs {
    pub(super) options: WebOptions,
    commands: Commands,
    pub(super) log: Arc<EventLog>,
    pub(super) questions: OpenQuestion,
    environment: Environment,
    state: Monitor<JobsState>,
}

#[derive(Default)]
struct JobsState {
    running: Option<Cancel>,
    /// The latest job, as long as it can be repeated.
    last: Option<Job>,
    /// The folder with the results of the latest job.
    folder: Option<PathBuf>,
}

impl Jobs {
    pub(super) fn new(options: WebOptions, commands: Commands, environment: Environment) -> Jobs {
        let log = EventLog::new();
        Jobs {
            options,
            commands,
            questions: OpenQuestion::new(Arc::clone(&log)),
            log,
            environment,
            state: Monitor::default(),
        }
    }

    /// Starts a job.
    ///
    /// # Errors
    /// Another one is running, or the system has no thread.
    pub(super) fn start(self: &Arc<Self>, job: Job) -> Result<(), Status> {
        let cancel = Cancel::new();
        let before = self.state.change(|state| {
            if state.running.is_some() {
                return Err(Status::Conflict);
            }
            self.log.clear();
            self.log.push(started(&job));
            let jobs = Arc::clone(self);
            let (copy, own_cancel) = (job.clone(), cancel.clone());
            let thread = thread::Builder::new().name("job".to_owned());
            let spawned = thread.spawn(move || jobs.run(copy, &own_cancel));
            if spawned.is_err() {
                self.log.clear();
                self.log.push(Object::event("left"));
                return Err(Status::TooMany);
            }
            state.running = Some(cancel);
            state.folder = None;
            Ok(state.last.replace(job))
        })?;
        // Files that were dropped on the page go with their job.
        drop(before);
        Ok(())
    }

    /// Repeats the latest job, which resumes an interrupted transfer.
    ///
    /// # Errors
    /// There was none, or one is running.
    pub(super) fn again(self: &Arc<Self>) -> Result<(), Status> {
        let last = self.state.lock().last.clone();
        self.start(last.ok_or(Status::Conflict)?)
    }

    /// Forgets the latest job, on every page.
    ///
    /// # Errors
    /// It is still running.
    pub(super) fn leave(&self) -> Result<(), Status> {
        let last = self.state.change(|state| {
            if state.running.is_some() {
                return Err(Status::Conflict);
            }
            self.log.clear();
            self.log.push(Object::event("left"));
            state.folder = None;
            Ok(state.last.take())
        })?;
        // Files that were dropped on the page go with their job.
        drop(last);
        Ok(())
    }

    /// Cancels the running job. The received data is kept.
    pub(super) fn cancel(&self) {
        if let Some(cancel) = &self.state.lock().running {
            cancel.cancel();
        }
        self.questions.wake();
    }

    pub(super) fn is_running(&self) -> bool {
        self.state.lock().running.is_some()
    }

    /// Cancels the job and waits until it has cleaned up.
    pub(super) fn end(&self) {
        self.cancel();
        let mut state = self.state.wait_while(|state| state.running.is_some());
        // Files that were dropped on the page go with the job.
        state.last = None;
        drop(state);
        self.log.close();
    }

    /// The folder with the results of the latest job.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.state.lock().folder.clone()
    }

    fn run(&self, job: Job, cancel: &Cancel) {
        let console = Console::new(
            Box::new(SaidLines(Arc::clone(&self.log))),
            Box::new(EventLines(Arc::clone(&self.log))),
            Verbosity::Normal,
            Audience::Program,
            LineStyle::Logged,
        );
        let ledger = Ledger::default();
        let environment = match &job {
            Job::Command(CommandJob {
                password: Some(password),
                ..
            }) => self.environment.clone().with(ZIP_PASSWORD, password.into()),
            _ => self.environment.clone(),
        };
        let context = Context {
            console: &console,
            environment: &environment,
            terminal: Terminal::default(),
            answers: &Person {
                console: &console,
                can_edit: false,
            },
            ledger: &ledger,
        };
        let outcome = bug::caught(|| match job {
            Job::Send(job) => self.send(job, cancel, &context),
            Job::Receive(job) => self.receive(&job, cancel, &context),
            Job::Command(job) => {
                let exit = (self.commands.run)(&job.words, &context)?;
                self.state.lock().folder = job.folder;
                Ok(exit)
            }
        });
        // When a page learns that this job is done, another one must be able to start.
        let finished = self.state.change(|state| {
            let exit = close(outcome, &console, &ledger, None);
            state.running = None;
            let is_complete = [Exit::Done, Exit::LeftOut].contains(&exit);
            state.last.take_if(|_| is_complete)
        });
        // Files that were dropped on the page go with their job.
        drop(finished);
    }

    fn send(&self, job: SendJob, cancel: &Cancel, context: &Context<'_>) -> Result<Exit, CliError> {
        let mut connect = job.meeting.connect(&self.options, cancel);
        let payload = match job.archive {
            Some((password, names)) => {
                let password = copy(&password).map_err(|_| CliError::Bug)?;
                connect.retries = 0;
                let make = self.commands.make_archive;
                let archive = make(job.paths, password, names, &connect.secret)?;
                Payload::Archive(archive.in_zone(context.environment.time_zone()))
            }
            None => Payload::Paths(job.paths),
        };
        let mut options = SendOptions::of(payload);
        options.exclude = job.exclude;
        options.rate_limit = job.rate_limit;
        options.verify = job.verify;
        let operator = self.operator(cancel);
        let reporter = reporter(Perspective::Sender, &operator, context);
        let summary = session::send(&connect, &options, &reporter)?;
        Ok(Exit::of_summary(&summary))
    }

    fn receive(
        &self,
        job: &ReceiveJob,
        cancel: &Cancel,
        context: &Context<'_>,
    ) -> Result<Exit, CliError> {
        let connect = job.meeting.connect(&self.options, cancel);
        let operator = self.operator(cancel);
        let reporter = reporter(Perspective::Receiver, &operator, context);
        let summaries = session::receive(&connect, &job.options, &reporter)?;
        let mut delivered = summaries.iter().flat_map(|summary| &summary.delivered);
        let folder = delivered.next().and_then(|path| path.parent());
        self.state.lock().folder = folder.map(PathBuf::from);
        Ok(Exit::of_summaries(&summaries))
    }

    fn operator<'a>(&'a self, cancel: &'a Cancel) -> PageOperator<'a> {
        PageOperator {
            questions: &self.questions,
            cancel,
        }
    }
}

/// The reporter of the command line, whose questions go to the page.
fn reporter<'a>(
    perspective: Perspective,
    operator: &'a PageOperator<'a>,
    context: &'a Context<'_>,
) -> Reporter<'a> {
    let progress = Some(ProgressStyle::Off);
    let mut reporter = context.reporter(perspective, progress);
    reporter.questions = Questions::Delegated(operator);
    reporter
}

/// Passwords cannot be cloned, so that this does not happen by accident.
fn copy(password: &ArchivePassword) -> Result<ArchivePassword, CredentialError> {
    ArchivePassword::from_text(password.as_bytes())
}

/// The first event of a job: its kind, and the code for the other side.
fn started(job: &Job) -> Object {
    let event = Object::event("started");
    let (event, words) = match job {
        Job::Send(job) => {
            let names: Vec<Vec<u8>> = job
                .paths
                .iter()
                .map(|path| path.file_name().unwrap_or(path.as_os_str()))
                .map(|name| name.as_encoded_bytes().to_vec())
                .collect();
            let names = wording::names(&names, names.len());
            let event = event.text("task", "send").text("names", &names);
            (event, &job.meeting.words)
        }
        Job::Receive(job) => {
            let folder = job.options.destination.as_os_str();
            let event = event
                .text("task", "receive")
                .name("folder", folder.as_encoded_bytes());
            (event, &job.meeting.words)
        }
        Job::Command(job) => {
            let verb = job.words.first().map(|verb| verb.to_string_lossy());
            return event.text("task", &verb.unwrap_or_default());
        }
    };
    match words {
        SharedWords::Code(code) => event.text("code", code.text()),
        SharedWords::Own(_) => event,
    }
}
