//! The questions in their order.

use super::answers::{self, PeerPlace, Start, TransferDirection};
use super::text::{
    ADDRESS, ADDRESS_OR_WAIT, AS_ARCHIVE, DIRECTION_OF_DIALLER, DIRECTION_OF_LISTENER, FOLDER,
    MORE, OWN_PORT, PEER_PORT, Question, SOURCE, START,
};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::input::credentials;
use crate::cli::input::terminal::Answers;
use crate::cli::options::address::WrittenAddress;
use crate::cli::output::console::Console;
use crate::cli::verbs::zipped::check_password;
use crate::crypto::{ArchivePassword, Secret};
use crate::session::{DEFAULT_PORT, Error, ListenAddress, PeerAddress, Rendezvous};
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
    pub(super) path: PathBuf,
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

    /// First what a person knows: which way, and what. Then the secret, and last the way to the peer.
    fn by_direction(&self, direction: TransferDirection) -> Result<Wish, DialogueHalt> {
        // The password of an archive is asked for once the secret is known, from which it must differ.
        let source = match direction {
            TransferDirection::Sending => Some(self.source()?),
            TransferDirection::Receiving => None,
        };
        let folder = match direction {
            TransferDirection::Sending => None,
            TransferDirection::Receiving => Some(self.folder()?),
        };
        let secret = self.secret()?;
        let task = match (source, folder) {
            (Some(path), _) => DialogueTask::Send(self.errand(path, &secret)?),
            (None, folder) => DialogueTask::Receive(folder.unwrap_or_else(|| PathBuf::from("."))),
        };
        let rendezvous = match self.peer(&ADDRESS_OR_WAIT, answers::peer_or_wait)? {
            Some(peer) => Rendezvous::Dial(peer),
            None => self.listen(DEFAULT_PORT),
        };
        Ok(Wish {
            rendezvous,
            secret,
            task,
        })
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
            TransferDirection::Sending => DialogueTask::Send(self.errand(self.source()?, &secret)?),
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
            | Error::NotPeerbridge
            | Error::CannotListen { .. } => true,
            Error::WrongSecret { .. } => matches!(rendezvous, Rendezvous::Dial(_)),
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
            Ok(true) => self.errand(self.source()?, secret).map(Some),
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
        let written = self.ask(question, |answer| {
            let written = understand(answer)?;
            if let Some(written) = &written {
                let host = written.host.clone();
                let port = written.port.unwrap_or(DEFAULT_PORT);
                (self.resolve)(&PeerAddress { host, port })?;
            }
            Ok(written)
        })?;
        let Some(WrittenAddress { host, port }) = written else {
            return Ok(None);
        };
        let port = match port {
            Some(port) => port,
            None => self.ask(&PEER_PORT, answers::peer_port)?,
        };
        Ok(Some(PeerAddress { host, port }))
    }

    fn secret(&self) -> Result<Secret, DialogueHalt> {
        if let Some(secret) = credentials::given(None, self.environment)? {
            return Ok(secret);
        }
        credentials::ask(self.answers)?.ok_or(DialogueHalt::EndOfInput)
    }

    fn source(&self) -> Result<PathBuf, DialogueHalt> {
        self.ask(&SOURCE, |answer| answers::source(answer, self.home()))
    }

    fn folder(&self) -> Result<PathBuf, DialogueHalt> {
        self.ask(&FOLDER, |answer| answers::folder(answer, self.home()))
    }

    fn errand(&self, path: PathBuf, secret: &Secret) -> Result<Errand, DialogueHalt> {
        let is_archive = self.ask(&AS_ARCHIVE, answers::yes_or_no)?;
        let password = is_archive.then(|| self.password(secret)).transpose()?;
        Ok(Errand { path, password })
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

    /// Asks until the answer can be used. What is wrong with it, or the explanation that `?` asks for, is
    /// shown above the repeated question.
    fn ask<T>(
        &self,
        question: &Question,
        understand: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, DialogueHalt> {
        let mut text = question.text.to_owned();
        while let Some(answer) = self.answers.line(&text)? {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::environment;
    use crate::cli::input::terminal::tests::Script;
    use crate::cli::output::console::tests::console;
    use crate::cli::output::console::{Audience, Verbosity};
    use std::path::Path;

    fn wish(answers: &[&str]) -> Result<Wish, DialogueHalt> {
        let script = Script::new(answers);
        let environment = Environment::default();
        let (console, ..) = console(Verbosity::Normal, Audience::Person);
        let mut conversation = Conversation::new(&script, &console, &environment);
        conversation.resolve = |_| Ok(());
        let wish = conversation.wish();
        assert_eq!(script.left(), 0, "answers are left over");
        wish
    }

    #[test]
    fn sending_and_receiving_in_the_order_of_what_a_person_knows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let sending = wish(&["?", "s", path, "word", "n", "192.0.2.7:9000"]).unwrap();
        let expected = PeerAddress {
            host: "192.0.2.7".to_owned(),
            port: 9000,
        };
        assert_eq!(sending.rendezvous, Rendezvous::Dial(expected));
        assert!(matches!(sending.task, DialogueTask::Send(errand) if errand.path == folder.path()));
        let receiving = wish(&["receive", path, "word", "?", ""]).unwrap();
        let expected = ListenAddress {
            address: None,
            port: 8080,
        };
        assert_eq!(receiving.rendezvous, Rendezvous::Listen(expected));
        assert!(matches!(receiving.task, DialogueTask::Receive(at) if at == folder.path()));
    }

    #[test]
    fn only_what_failed_is_asked_again() {
        let (console, ..) = console(Verbosity::Normal, Audience::Person);
        let environment = Environment::default();
        let correct = |error: &Error, rendezvous: &mut Rendezvous, answers: &[&str]| {
            let script = Script::new(answers);
            let mut conversation = Conversation::new(&script, &console, &environment);
            conversation.resolve = |_| Ok(());
            let mut secret = Arc::new(Secret::from_text("word").unwrap());
            assert!(conversation.can_correct(error, rendezvous));
            conversation
                .correct(error, rendezvous, &mut secret)
                .unwrap();
            assert_eq!(script.left(), 0);
        };
        let dial = |host: &str| {
            Rendezvous::Dial(PeerAddress {
                host: host.to_owned(),
                port: 9000,
            })
        };
        let refused = Error::NoConnection {
            address: "here".to_owned(),
            source: std::io::ErrorKind::ConnectionRefused.into(),
        };
        let mut rendezvous = dial("here");
        correct(&refused, &mut rendezvous, &["there:9000"]);
        assert_eq!(rendezvous, dial("there"));
        let wrong = Error::WrongSecret { attempts: 1 };
        correct(&wrong, &mut rendezvous, &["other word"]);
        assert_eq!(rendezvous, dial("there"), "the address is kept");
        let script = Script::new(&[]);
        let conversation = Conversation::new(&script, &console, &environment);
        assert!(!conversation.can_correct(&Error::Busy, &rendezvous));
    }

    #[test]
    fn initiating_and_sending() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let wish = wish(&["i", "", "192.0.2.7", "", "word", path, "n"]).unwrap();
        let expected = PeerAddress {
            host: "192.0.2.7".to_owned(),
            port: 8080,
        };
        assert_eq!(wish.rendezvous, Rendezvous::Dial(expected));
        let DialogueTask::Send(errand) = wish.task else {
            panic!("it receives");
        };
        assert_eq!(errand.path, folder.path());
        assert!(errand.password.is_none());
    }

    #[test]
    fn waiting_and_receiving() {
        let wish = wish(&["w", "", "9000", "word", ""]).unwrap();
        let expected = ListenAddress {
            address: None,
            port: 9000,
        };
        assert_eq!(wish.rendezvous, Rendezvous::Listen(expected));
        assert!(matches!(wish.task, DialogueTask::Receive(folder) if folder == Path::new(".")));
    }

    #[test]
    fn wrong_answers_are_asked_again_and_never_fatal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let wish = wish(&[
            "what?",
            "dial",
            "x",
            "send",
            "",
            "a b",
            "host",
            "70000",
            "zero",
            "0",
            "8081",
            "",
            "word",
            "",
            "/no/such/file",
            path,
            "perhaps",
            "yes",
            "one",
            "two",
            "three",
            "three",
        ])
        .unwrap();
        let expected = PeerAddress {
            host: "host".to_owned(),
            port: 8081,
        };
        assert_eq!(wish.rendezvous, Rendezvous::Dial(expected));
    }

    #[test]
    fn a_port_behind_the_address_is_not_asked_for() {
        let wish = wish(&["i", "r", "[::1]:9000", "word", ""]).unwrap();
        let expected = PeerAddress {
            host: "::1".to_owned(),
            port: 9000,
        };
        assert_eq!(wish.rendezvous, Rendezvous::Dial(expected));
    }

    #[test]
    fn leaving_at_any_question_is_no_error() {
        let all = ["w", "r", "9000", "word", "."];
        for length in 0..all.len() {
            assert!(
                matches!(wish(&all[..length]), Err(DialogueHalt::EndOfInput)),
                "{length}"
            );
        }
    }

    #[test]
    fn a_secret_in_the_environment_is_not_asked_for() {
        let script = Script::new(&["w", "r", "", ""]);
        let environment = Environment::of(&[(environment::SECRET, "word")]);
        let (console, ..) = console(Verbosity::Normal, Audience::Person);
        let conversation = Conversation::new(&script, &console, &environment);
        assert!(conversation.wish().is_ok());
        assert!(
            !script
                .questions()
                .iter()
                .any(|question| question.starts_with("Secret"))
        );
    }

    #[test]
    fn one_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let environment = Environment::default();
        let (console, ..) = console(Verbosity::Normal, Audience::Person);
        let next = |answers: &[&str]| {
            let script = Script::new(answers);
            let secret = Secret::from_text("word").unwrap();
            let errand = Conversation::new(&script, &console, &environment).one_more(&secret);
            errand
                .unwrap()
                .map(|errand| (errand.path, errand.password.is_some()))
        };
        let there = folder.path().to_owned();
        assert_eq!(next(&["y", path, ""]), Some((there.clone(), false)));
        let zipped = next(&["y", path, "y", "word", "word", "other", "other"]);
        assert_eq!(zipped, Some((there, true)), "not with the secret");
        assert_eq!(next(&["n"]), None);
        assert_eq!(next(&[]), None);
    }
}
