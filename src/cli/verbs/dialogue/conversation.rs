//! The questions, in order.

use super::answers::{self, PeerPlace, Start, TransferDirection};
use super::paths;
use super::text::{
    ADDRESS, ADDRESS_OR_WAIT, ADDRESS_WHILE_LOOKING, AS_ARCHIVE, CODE, DIRECTION_OF_DIALLER,
    DIRECTION_OF_LISTENER, FOLDER, MORE, OWN_PORT, PEER_PORT, Question, SOURCE, START,
};
use crate::cli::environment::{self, Environment};
use crate::cli::error::CliError;
use crate::cli::input::completion::{self, Wanted};
use crate::cli::input::credentials;
use crate::cli::input::editor::Completer;
use crate::cli::input::terminal::{Answers, ask_until_good};
use crate::cli::options::address::WrittenAddress;
use crate::cli::output::console::Console;
use crate::cli::verbs::by_code;
use crate::cli::verbs::zipped::{archive_of, check_password};
use crate::crypto::Secret;
use crate::session::{
    DEFAULT_PORT, Discovery, Error, FindOptions, ListenAddress, Payload, PeerAddress,
    ReceiveOptions, Rendezvous, SendOptions,
};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

/// What a person wants to do.
pub(super) struct Wish {
    pub(super) rendezvous: Rendezvous,
    pub(super) secret: Secret,
    pub(super) task: DialogueTask,
}

/// What to do once the peer is there. The options are used for every attempt.
pub(super) enum DialogueTask {
    Send(SendOptions),
    Receive(ReceiveOptions),
}

/// What to send, before the password of an archive is known.
struct Errand {
    paths: Vec<PathBuf>,
    is_archive: bool,
}

/// Why a conversation ends early.
#[derive(Debug)]
pub(super) enum DialogueHalt {
    /// The person left.
    EndOfInput,
    /// Something failed.
    Failed(CliError),
}

impl From<CliError> for DialogueHalt {
    fn from(error: CliError) -> DialogueHalt {
        DialogueHalt::Failed(error)
    }
}

impl From<Error> for DialogueHalt {
    fn from(error: Error) -> DialogueHalt {
        DialogueHalt::Failed(error.into())
    }
}

/// Asks one question after the other.
pub(super) struct Conversation<'a> {
    answers: &'a dyn Answers,
    console: &'a Console,
    environment: &'a Environment,
    /// Checks that a host has an address, while it can still be corrected.
    resolve: fn(&str) -> Result<(), String>,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        answers: &'a dyn Answers,
        console: &'a Console,
        environment: &'a Environment,
    ) -> Self {
        Conversation {
            answers,
            console,
            environment,
            resolve: answers::resolve,
        }
    }

    /// Asks everything that must be known before the peer is met.
    pub(super) fn wish(&self) -> Result<Wish, DialogueHalt> {
        match self.ask(&START, answers::start)? {
            Start::Direction(direction) => self.by_direction(direction),
            Start::Place(place) => self.by_place(place),
        }
    }

    /// First asks what a person knows: the direction, and what to send or where to save. Then the code. Asks how
    /// to reach the peer only if a secret is given or the search is off.
    fn by_direction(&self, direction: TransferDirection) -> Result<Wish, DialogueHalt> {
        let what = match direction {
            TransferDirection::Sending => Ok(self.errand()?),
            TransferDirection::Receiving => Err(self.folder()?),
        };
        let (secret, rendezvous) = match credentials::given(None, self.environment)? {
            Some(secret) => (secret, None),
            None => self.code()?,
        };
        // The password of an archive is asked for later, because it must differ from the secret.
        let task = match what {
            Ok(errand) => DialogueTask::Send(self.to_send(errand, &secret)?),
            Err(folder) => DialogueTask::Receive(ReceiveOptions::new(folder)),
        };
        let rendezvous = match rendezvous {
            Some(find) => find,
            None => match self.ask(&ADDRESS_OR_WAIT, |answer| self.peer_or_nothing(answer))? {
                Some(peer) => self.dial(peer)?,
                None => self.listen(DEFAULT_PORT),
            },
        };
        Ok(Wish {
            rendezvous,
            secret,
            task,
        })
    }

    /// A code that is typed or made, and how to find the peer with it, unless the search is off.
    fn code(&self) -> Result<(Secret, Option<Rendezvous>), DialogueHalt> {
        let discovery = by_code::discovery_of(self.environment)?;
        let code = match self.ask_completed(&CODE, &completion::code, answers::code)? {
            Some(code) => code,
            None => by_code::make(self.console, "peerbridge")?,
        };
        if discovery == Discovery::Off {
            return Ok((code.to_secret(), None));
        }
        by_code::say_search(self.console, discovery);
        let find = FindOptions {
            discovery,
            ..FindOptions::new(&code)
        };
        Ok((code.to_secret(), Some(Rendezvous::Find(find))))
    }

    /// Asks in the order of the original PeerBridge.
    fn by_place(&self, place: PeerPlace) -> Result<Wish, DialogueHalt> {
        let (question, usual) = match place {
            PeerPlace::Dialling => (DIRECTION_OF_DIALLER, TransferDirection::Sending),
            PeerPlace::Listening => (DIRECTION_OF_LISTENER, TransferDirection::Receiving),
        };
        let direction = self.ask(&question, |answer| answers::direction(answer, usual))?;
        let rendezvous = match place {
            PeerPlace::Dialling => self.address()?,
            PeerPlace::Listening => self.own_port()?,
        };
        let secret = match credentials::given(None, self.environment)? {
            Some(secret) => secret,
            None => self.secret()?,
        };
        let task = match direction {
            TransferDirection::Sending => {
                DialogueTask::Send(self.to_send(self.errand()?, &secret)?)
            }
            TransferDirection::Receiving => {
                DialogueTask::Receive(ReceiveOptions::new(self.folder()?))
            }
        };
        Ok(Wish {
            rendezvous,
            secret,
            task,
        })
    }

    /// If another answer may help against `error`: says what went wrong, repeats the question that led to it, and
    /// keeps the other answers.
    pub(super) fn correct(
        &self,
        error: CliError,
        rendezvous: &mut Rendezvous,
        secret: &mut Arc<Secret>,
    ) -> Result<(), DialogueHalt> {
        let is_found = matches!(rendezvous, Rendezvous::Find(_));
        let can_help = match &error {
            CliError::Session(
                Error::NameNotFound { .. }
                | Error::NoConnection { .. }
                | Error::NotPeerbridge { .. }
                | Error::CannotListen { .. },
            ) => true,
            CliError::Session(Error::WrongSecret { .. }) => {
                is_found || matches!(rendezvous, Rendezvous::Dial(_))
            }
            _ => false,
        };
        if !can_help {
            return Err(error.into());
        }
        self.console.erase();
        self.console
            .error(&error.to_string(), error.hint().as_deref());
        match error {
            CliError::Session(Error::WrongSecret { .. }) if is_found => {
                let (code, find) = self.code()?;
                *secret = Arc::new(code);
                *rendezvous = find.unwrap_or_else(|| self.listen(DEFAULT_PORT));
            }
            CliError::Session(Error::WrongSecret { .. }) => *secret = Arc::new(self.secret()?),
            CliError::Session(Error::CannotListen { .. }) => *rendezvous = self.own_port()?,
            _ => *rendezvous = self.address()?,
        }
        Ok(())
    }

    /// What to send next; `None` if nothing more. Ending the input here means no.
    pub(super) fn one_more(&self, secret: &Secret) -> Result<Option<SendOptions>, DialogueHalt> {
        match self.ask(&MORE, answers::yes_or_no) {
            Ok(true) => Ok(Some(self.to_send(self.errand()?, secret)?)),
            Ok(false) | Err(DialogueHalt::EndOfInput) => Ok(None),
            Err(halt) => Err(halt),
        }
    }

    fn listen(&self, port: u16) -> Rendezvous {
        Rendezvous::Listen(ListenAddress {
            address: None,
            port,
        })
    }

    fn own_port(&self) -> Result<Rendezvous, DialogueHalt> {
        Ok(self.listen(self.ask(&OWN_PORT, answers::own_port)?))
    }

    fn address(&self) -> Result<Rendezvous, DialogueHalt> {
        self.dial(self.ask(&ADDRESS, |answer| self.peer(answer))?)
    }

    /// Asks for the port if it was not written.
    fn dial(&self, written: WrittenAddress) -> Result<Rendezvous, DialogueHalt> {
        let WrittenAddress { host, port } = written;
        let port = match port {
            Some(port) => port,
            None => self.ask(&PEER_PORT, answers::peer_port)?,
        };
        Ok(Rendezvous::Dial(PeerAddress { host, port }))
    }

    /// The written address, if the host has one.
    fn peer(&self, answer: &str) -> Result<WrittenAddress, String> {
        let written = answers::peer(answer)?;
        (self.resolve)(&written.host)?;
        Ok(written)
    }

    fn peer_or_nothing(&self, answer: &str) -> Result<Option<WrittenAddress>, String> {
        match answer {
            "" => Ok(None),
            _ => self.peer(answer).map(Some),
        }
    }

    /// Asks for an address while `is_wanted`; `None` if none is typed.
    pub(super) fn address_while(&self, is_wanted: &dyn Fn() -> bool) -> Option<PeerAddress> {
        let typed = ask_until_understood(
            &ADDRESS_WHILE_LOOKING,
            |text| self.answers.line_while(text, is_wanted),
            |answer| self.peer_or_nothing(answer),
        );
        // If the terminal fails, there is no address. The next question reports it.
        let written = typed.ok().flatten()?;
        Some(PeerAddress {
            host: written.host,
            port: written.port.unwrap_or(DEFAULT_PORT),
        })
    }

    fn secret(&self) -> Result<Secret, DialogueHalt> {
        credentials::ask(self.answers)?.ok_or(DialogueHalt::EndOfInput)
    }

    fn folder(&self) -> Result<PathBuf, DialogueHalt> {
        let complete = |text: &str| completion::path(text, self.home(), Wanted::Folders);
        self.ask_completed(&FOLDER, &complete, |answer| {
            answers::folder(answer, self.home())
        })
    }

    fn errand(&self) -> Result<Errand, DialogueHalt> {
        let complete = |text: &str| completion::path(text, self.home(), Wanted::Anything);
        let paths = self.ask_completed(&SOURCE, &complete, |answer| {
            paths::sources(answer, self.home())
        })?;
        let is_archive = self.ask(&AS_ARCHIVE, answers::yes_or_no)?;
        Ok(Errand { paths, is_archive })
    }

    /// Asks for the password of an archive until it differs from the secret.
    fn to_send(&self, errand: Errand, secret: &Secret) -> Result<SendOptions, DialogueHalt> {
        if !errand.is_archive {
            return Ok(SendOptions::new(errand.paths));
        }
        loop {
            let password = credentials::ask_new_password(self.answers)?;
            let password = password.ok_or(DialogueHalt::EndOfInput)?;
            match check_password(&password, secret) {
                Ok(()) => {
                    let archive = archive_of(errand.paths, password)?;
                    let archive = archive.in_zone(self.environment.time_zone());
                    return Ok(SendOptions::of(Payload::Archive(archive)));
                }
                Err(error) => self.console.show(&format!("  {error}\n")),
            }
        }
    }

    fn home(&self) -> Option<&OsStr> {
        self.environment.get(environment::HOME)
    }

    fn ask<T>(
        &self,
        question: &Question,
        understand: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, DialogueHalt> {
        ask_until_understood(question, |text| self.answers.line(text), understand)
    }

    /// The same, with completion by Tab.
    fn ask_completed<T>(
        &self,
        question: &Question,
        complete: Completer<'_>,
        understand: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, DialogueHalt> {
        let get = |text: &str| self.answers.completed(text, complete);
        ask_until_understood(question, get, understand)
    }
}

/// Asks until the answer can be used. What is wrong with it, or the explanation that `?` asks for, is
/// shown above the repeated question.
fn ask_until_understood<T>(
    question: &Question,
    get: impl Fn(&str) -> Result<Option<String>, CliError>,
    understand: impl Fn(&str) -> Result<T, String>,
) -> Result<T, DialogueHalt> {
    let answered = ask_until_good(get, question.text, |answer| {
        let understood = match answer.trim() {
            "?" => Err(question.help.to_owned()),
            answer => understand(answer),
        };
        understood.map_err(|note| format!("  {note}"))
    });
    answered?.ok_or(DialogueHalt::EndOfInput)
}

#[cfg(test)]
mod tests;
