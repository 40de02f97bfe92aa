//! The questions in their order.

use super::answers::{self, PeerPlace, TransferDirection};
use crate::cli::environment::Environment;
use crate::cli::error::Error;
use crate::cli::input::credentials;
use crate::cli::input::terminal::Answers;
use crate::cli::output::console::Console;
use crate::cli::verbs::zipped::check_password;
use crate::crypto::{ArchivePassword, Secret};
use crate::session::{ListenAddress, PeerAddress, Rendezvous};
use std::path::PathBuf;

pub(super) const GREETING: &str = "\
peerbridge moves files straight to another machine, encrypted all the way.
Run it on both, and type the same secret. Ctrl-D leaves.

";
pub(super) const FAREWELL: &str = "Goodbye.\n";

/// What a person wants.
pub(super) struct Wish {
    pub(super) rendezvous: Rendezvous,
    pub(super) secret: Secret,
    pub(super) task: DialogueTask,
}

/// What to do once the peer is there.
pub(super) enum DialogueTask {
    /// Give this.
    Send(Errand),
    /// Put what comes there.
    Receive(PathBuf),
}

/// What to give.
pub(super) struct Errand {
    pub(super) path: PathBuf,
    /// That of the archive, where it is to be one.
    pub(super) password: Option<ArchivePassword>,
}

/// Why a conversation ends early.
#[derive(Debug)]
pub(super) enum DialogueHalt {
    /// The person left.
    EndOfInput,
    /// Something stood in the way.
    Error(Error),
}

impl From<Error> for DialogueHalt {
    fn from(error: Error) -> DialogueHalt {
        DialogueHalt::Error(error)
    }
}

/// Asks one question after the other.
pub(super) struct Conversation<'a> {
    answers: &'a dyn Answers,
    console: &'a Console,
    environment: &'a Environment,
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
        }
    }

    /// Asks everything that must be known before the peer is met.
    pub(super) fn wish(&self) -> Result<Wish, DialogueHalt> {
        let place = self.ask(
            "Do you (i)nitiate the connection, or (w)ait for the other side to? [i/w] ",
            answers::place,
        )?;
        let direction = match place {
            PeerPlace::Dialling => self.ask("Do you (s)end or (r)eceive? [s] ", |answer| {
                answers::direction(answer, TransferDirection::Sending)
            })?,
            PeerPlace::Listening => self.ask("Do you (s)end or (r)eceive? [r] ", |answer| {
                answers::direction(answer, TransferDirection::Receiving)
            })?,
        };
        let rendezvous = match place {
            PeerPlace::Dialling => Rendezvous::Dial(self.peer()?),
            PeerPlace::Listening => Rendezvous::Listen(ListenAddress {
                address: None,
                port: self.ask(
                    "Port to wait on (0: any free one) [8080]: ",
                    answers::own_port,
                )?,
            }),
        };
        let secret = self.secret()?;
        let task = match direction {
            TransferDirection::Sending => DialogueTask::Send(self.errand(&secret)?),
            TransferDirection::Receiving => {
                let question = "Folder to put it into [the current one]: ";
                DialogueTask::Receive(self.ask(question, |answer| self.folder(answer))?)
            }
        };
        Ok(Wish {
            rendezvous,
            secret,
            task,
        })
    }

    /// What to send next; `None` when that was all. Leaving here is a no.
    pub(super) fn one_more(&self, secret: &Secret) -> Result<Option<Errand>, DialogueHalt> {
        match self.ask("Send one more? [y/N] ", answers::yes_or_no) {
            Ok(true) => self.errand(secret).map(Some),
            Ok(false) => Ok(None),
            Err(DialogueHalt::EndOfInput) => Ok(None),
            Err(halt) => Err(halt),
        }
    }

    fn peer(&self) -> Result<PeerAddress, DialogueHalt> {
        let question = "Address of the other side (a name or an IP address): ";
        let written = self.ask(question, answers::peer)?;
        let port = match written.port {
            Some(port) => port,
            None => self.ask("Its port [8080]: ", answers::peer_port)?,
        };
        let host = written.host;
        Ok(PeerAddress { host, port })
    }

    fn secret(&self) -> Result<Secret, DialogueHalt> {
        if let Some(secret) = credentials::given(None, self.environment)? {
            return Ok(secret);
        }
        credentials::ask(self.answers)?.ok_or(DialogueHalt::EndOfInput)
    }

    fn errand(&self, secret: &Secret) -> Result<Errand, DialogueHalt> {
        let question = "What to send (a file or a folder): ";
        let path = self.ask(question, |answer| self.existing(answer))?;
        let is_archive = self.ask("As one encrypted archive? [y/N] ", answers::yes_or_no)?;
        let password = is_archive.then(|| self.password(secret)).transpose()?;
        Ok(Errand { path, password })
    }

    /// Asks until it is another than the secret.
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

    fn existing(&self, answer: &str) -> Result<PathBuf, String> {
        answers::source(answer, self.home())
    }

    fn folder(&self, answer: &str) -> Result<PathBuf, String> {
        answers::folder(answer, self.home())
    }

    fn home(&self) -> Option<&std::ffi::OsStr> {
        self.environment.get(crate::cli::environment::HOME)
    }

    /// Asks until the answer can be used; what is wrong with it stands above the next question.
    fn ask<T>(
        &self,
        question: &str,
        understand: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, DialogueHalt> {
        let mut text = question.to_owned();
        while let Some(answer) = self.answers.line(&text)? {
            match understand(answer.trim()) {
                Ok(meaning) => return Ok(meaning),
                Err(why) => text = format!("  {why}\n{question}"),
            }
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
        let wish = Conversation::new(&script, &console, &environment).wish();
        assert_eq!(script.left(), 0, "answers are left over");
        wish
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
