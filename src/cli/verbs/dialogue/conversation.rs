//! The questions in their order.

use super::answers::{self, PeerPlace, Start, TransferDirection};
use super::paths;
use super::text::{
    ADDRESS, ADDRESS_OR_WAIT, ADDRESS_WHILE_LOOKING, AS_ARCHIVE, CODE, DIRECTION_OF_DIALLER,
    DIRECTION_OF_LISTENER, FOLDER, MORE, OWN_PORT, PEER_PORT, Question, SOURCE, START,
};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::input::completion::{self, Wanted};
use crate::cli::input::credentials;
use crate::cli::input::editor::Completer;
use crate::cli::input::terminal::Answers;
use crate::cli::options::address::WrittenAddress;
use crate::cli::output::console::Console;
use crate::cli::verbs::by_code;
use crate::cli::verbs::zipped::check_password;
use crate::crypto::{ArchivePassword, Secret};

use crate::session::{
    DEFAULT_PORT, Discovery, Error, FindOptions, ListenAddress, PeerAddress, Rendezvous,
};
use std::path::PathBuf;
use std::sync::Arc;

/// What a person wants.
pub(super) struct Wish {
    pub(super) rendezvous: Rendezvous,
    pub(super) secret: Secret,
    pub(super) task: DialogueTask,
}

/// What to do once the peer is there.
pub(super) enum DialogueTask {
    /// Send this.
    Send(Errand),
    /// Save what arrives there.
    Receive(PathBuf),
}

/// What to send.
pub(super) struct Errand {
    pub(super) paths: Vec<PathBuf>,
    /// The archive's password, if it is sent as one.
    pub(super) password: Option<ArchivePassword>,
}

/// Why a conversation ends early.
#[derive(Debug)]
pub(super) enum DialogueHalt {
    /// The person left.
    EndOfInput,
    /// Something stood in the way.
    Failed(CliError),
    /// The peer is at this address.
    Elsewhere(PeerAddress),
}

impl From<CliError> for DialogueHalt {
    fn from(error: CliError) -> DialogueHalt {
        DialogueHalt::Failed(error)
    }
}

/// Asks one question after the other.
pub(super) struct Conversation<'a> {
    answers: &'a dyn Answers,
    console: &'a Console,
    environment: &'a Environment,
    /// Checks that a host has an address, while it can still be corrected.
    resolve: fn(&PeerAddress) -> Result<(), String>,
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

    /// First what a person knows: which way, and what. Then the code. Only where a secret is given or nobody can
    /// be found, the way to the peer.
    fn by_direction(&self, direction: TransferDirection) -> Result<Wish, DialogueHalt> {
        let what = match direction {
            TransferDirection::Sending => Err((self.sources()?, self.is_archive()?)),
            TransferDirection::Receiving => Ok(self.folder()?),
        };
        let (secret, rendezvous) = match credentials::given(None, self.environment)? {
            Some(secret) => (secret, None),
            None => self.code()?,
        };
        // The password of an archive is asked for once the secret is known, from which it must differ.
        let task = match what {
            Err((paths, is_archive)) => {
                let password = is_archive.then(|| self.password(&secret)).transpose()?;
                DialogueTask::Send(Errand { paths, password })
            }
            Ok(folder) => DialogueTask::Receive(folder),
        };
        let rendezvous = match rendezvous {
            Some(find) => find,
            None => match self.peer(&ADDRESS_OR_WAIT, answers::peer_or_wait)? {
                Some(peer) => Rendezvous::Dial(peer),
                None => self.listen(DEFAULT_PORT),
            },
        };
        Ok(Wish {
            rendezvous,
            secret,
            task,
        })
    }

    /// A code that is typed or made, and how to find the peer by it, where anybody can be found.
    fn code(&self) -> Result<(Secret, Option<Rendezvous>), DialogueHalt> {
        let discovery = by_code::discovery_of(self.environment)?;
        let typed = self.ask_completed(&CODE, &completion::code, answers::code)?;
        let code = match typed {
            Some(code) => code,
            None => by_code::make(self.console, "peerbridge")?,
        };
        let find = FindOptions {
            channel: code.channel(),
            listen: ListenAddress::default(),
            discovery,
        };
        let rendezvous = match discovery {
            Discovery::Off => None,
            Discovery::On | Discovery::Loopback => {
                by_code::say_search(self.console, discovery);
                Some(Rendezvous::Find(find))
            }
        };
        Ok((code.to_secret(), rendezvous))
    }

    /// The order of the first PeerBridge.
    fn by_place(&self, place: PeerPlace) -> Result<Wish, DialogueHalt> {
        let direction = match place {
            PeerPlace::Dialling => self.ask(&DIRECTION_OF_DIALLER, |answer| {
                answers::direction(answer, TransferDirection::Sending)
            })?,
            PeerPlace::Listening => self.ask(&DIRECTION_OF_LISTENER, |answer| {
                answers::direction(answer, TransferDirection::Receiving)
            })?,
        };
        let rendezvous = match place {
            PeerPlace::Dialling => Rendezvous::Dial(self.address()?),
            PeerPlace::Listening => self.listen(self.ask(&OWN_PORT, answers::own_port)?),
        };
        let secret = self.secret()?;
        let task = match direction {
            TransferDirection::Sending => DialogueTask::Send(self.errand(&secret)?),
            TransferDirection::Receiving => DialogueTask::Receive(self.folder()?),
        };
        Ok(Wish {
            rendezvous,
            secret,
            task,
        })
    }

    /// Whether another answer may help against `error`.
    pub(super) fn can_correct(&self, error: &Error, rendezvous: &Rendezvous) -> bool {
        match error {
            Error::NameNotFound { .. }
            | Error::NoConnection { .. }
            | Error::NotPeerbridge { .. }
            | Error::CannotListen { .. } => true,
            Error::WrongSecret { .. } => {
                matches!(rendezvous, Rendezvous::Dial(_) | Rendezvous::Find(_))
            }
            _ => false,
        }
    }

    /// Asks again for the answer that led to `error`, and keeps the others.
    pub(super) fn correct(
        &self,
        error: &Error,
        rendezvous: &mut Rendezvous,
        secret: &mut Arc<Secret>,
    ) -> Result<(), DialogueHalt> {
        match error {
            Error::WrongSecret { .. } if matches!(rendezvous, Rendezvous::Find(_)) => {
                let (code, find) = self.code()?;
                *secret = Arc::new(code);
                *rendezvous = find.unwrap_or_else(|| self.listen(DEFAULT_PORT));
            }
            Error::WrongSecret { .. } => {
                let typed = credentials::ask(self.answers)?;
                *secret = Arc::new(typed.ok_or(DialogueHalt::EndOfInput)?);
            }
            Error::CannotListen { .. } => {
                *rendezvous = self.listen(self.ask(&OWN_PORT, answers::own_port)?);
            }
            _ => *rendezvous = Rendezvous::Dial(self.address()?),
        }
        Ok(())
    }

    /// Says what went wrong, before it is asked for again.
    pub(super) fn explain(&self, error: &CliError) {
        self.console
            .error(&error.to_string(), error.hint().as_deref());
    }

    /// What to send next; `None` when that was all. Leaving here means no.
    pub(super) fn one_more(&self, secret: &Secret) -> Result<Option<Errand>, DialogueHalt> {
        match self.ask(&MORE, answers::yes_or_no) {
            Ok(true) => self.errand(secret).map(Some),
            Ok(false) => Ok(None),
            Err(DialogueHalt::EndOfInput) => Ok(None),
            Err(halt) => Err(halt),
        }
    }

    fn listen(&self, port: u16) -> Rendezvous {
        Rendezvous::Listen(ListenAddress {
            address: None,
            port,
        })
    }

    fn address(&self) -> Result<PeerAddress, DialogueHalt> {
        let peer = self.peer(&ADDRESS, |answer| answers::peer(answer).map(Some))?;
        peer.ok_or(DialogueHalt::EndOfInput)
    }

    /// Asks for an address until it can be used, and for its port if it has none.
    fn peer(
        &self,
        question: &Question,
        understand: fn(&str) -> Result<Option<WrittenAddress>, String>,
    ) -> Result<Option<PeerAddress>, DialogueHalt> {
        let written = self.ask(question, |answer| self.usable_peer(understand(answer)))?;
        let Some(WrittenAddress { host, port }) = written else {
            return Ok(None);
        };
        let port = match port {
            Some(port) => port,
            None => self.ask(&PEER_PORT, answers::peer_port)?,
        };
        Ok(Some(PeerAddress { host, port }))
    }

    /// Checks that what was written has an address.
    fn usable_peer(
        &self,
        written: Result<Option<WrittenAddress>, String>,
    ) -> Result<Option<WrittenAddress>, String> {
        let written = written?;
        if let Some(WrittenAddress { host, port }) = &written {
            (self.resolve)(&PeerAddress {
                host: host.clone(),
                port: port.unwrap_or(DEFAULT_PORT),
            })?;
        }
        Ok(written)
    }

    fn secret(&self) -> Result<Secret, DialogueHalt> {
        if let Some(secret) = credentials::given(None, self.environment)? {
            return Ok(secret);
        }
        credentials::ask(self.answers)?.ok_or(DialogueHalt::EndOfInput)
    }

    /// An address, for as long as `is_wanted`; `None` where none is typed.
    pub(super) fn address_while(&self, is_wanted: &dyn Fn() -> bool) -> Option<PeerAddress> {
        let Question { text, help } = ADDRESS_WHILE_LOOKING;
        let mut asked = text.to_owned();
        // A terminal that fails gives no address; whatever asks next says so.
        while let Ok(Some(answer)) = self.answers.line_while(&asked, is_wanted) {
            let note = match answer.trim() {
                "?" => help.to_owned(),
                answer => match self.usable_peer(answers::peer_or_wait(answer)) {
                    Ok(written) => return written.map(peer_address),
                    Err(why) => why,
                },
            };
            asked = format!("  {note}\n{text}");
        }
        None
    }

    fn sources(&self) -> Result<Vec<PathBuf>, DialogueHalt> {
        let complete = |text: &str| completion::path(text, self.home(), Wanted::Anything);
        self.ask_completed(&SOURCE, &complete, |answer| {
            paths::sources(answer, self.home())
        })
    }

    fn folder(&self) -> Result<PathBuf, DialogueHalt> {
        let complete = |text: &str| completion::path(text, self.home(), Wanted::Folders);
        self.ask_completed(&FOLDER, &complete, |answer| {
            answers::folder(answer, self.home())
        })
    }

    fn is_archive(&self) -> Result<bool, DialogueHalt> {
        self.ask(&AS_ARCHIVE, answers::yes_or_no)
    }

    fn errand(&self, secret: &Secret) -> Result<Errand, DialogueHalt> {
        let paths = self.sources()?;
        let password = self.is_archive()?.then(|| self.password(secret));
        Ok(Errand {
            paths,
            password: password.transpose()?,
        })
    }

    /// Asks until it differs from the secret.
    fn password(&self, secret: &Secret) -> Result<ArchivePassword, DialogueHalt> {
        loop {
            let password =
                credentials::ask_new_password(self.answers)?.ok_or(DialogueHalt::EndOfInput)?;
            match check_password(&password, secret) {
                Ok(()) => return Ok(password),
                Err(error) => self.console.show(&format!("  {error}\n")),
            }
        }
    }

    fn home(&self) -> Option<&std::ffi::OsStr> {
        self.environment.get(crate::cli::environment::HOME)
    }

    fn ask<T>(
        &self,
        question: &Question,
        understand: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, DialogueHalt> {
        self.ask_until_understood(question, |text| self.answers.line(text), understand)
    }

    /// The same, with Tab.
    fn ask_completed<T>(
        &self,
        question: &Question,
        complete: Completer<'_>,
        understand: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, DialogueHalt> {
        let get = |text: &str| self.answers.completed(text, complete);
        self.ask_until_understood(question, get, understand)
    }

    /// Asks until the answer can be used. What is wrong with it, or the explanation that `?` asks for, is
    /// shown above the repeated question.
    fn ask_until_understood<T>(
        &self,
        question: &Question,
        get: impl Fn(&str) -> Result<Option<String>, CliError>,
        understand: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, DialogueHalt> {
        let mut text = question.text.to_owned();
        while let Some(answer) = get(&text)? {
            let note = match answer.trim() {
                "?" => question.help.to_owned(),
                answer => match understand(answer) {
                    Ok(meaning) => return Ok(meaning),
                    Err(why) => why,
                },
            };
            text = format!("  {note}\n{}", question.text);
        }
        Err(DialogueHalt::EndOfInput)
    }
}

fn peer_address(written: WrittenAddress) -> PeerAddress {
    PeerAddress {
        host: written.host,
        port: written.port.unwrap_or(DEFAULT_PORT),
    }
}

#[cfg(test)]
mod tests;
