//! The question of a job. Any page can answer it.

use crate::cli::options::choices::policy;
use crate::cli::output::format;
use crate::cli::output::json::Object;
use crate::cli::output::wording;
use crate::model::Existing;
use crate::session::second_factor::digits;
use crate::session::sync::Monitor;
use crate::session::{Acceptance, Cancel, Conflicts, Expansion, OfferSummary, Operator};
use crate::web::event_log::EventLog;
use crate::web::http::response::Status;
use crate::web::refused::Refused;
use std::sync::Arc;

/// The question that is open, if one is.
pub(super) struct OpenQuestion {
    log: Arc<EventLog>,
    open: Monitor<QuestionState>,
}

#[derive(Default)]
struct QuestionState {
    /// The number of the latest question.
    number: u64,
    understands: Option<fn(&str) -> bool>,
    answer: Option<String>,
}

impl OpenQuestion {
    pub(super) fn new(log: Arc<EventLog>) -> OpenQuestion {
        OpenQuestion {
            log,
            open: Monitor::default(),
        }
    }

    /// Takes an answer to the question of this number.
    ///
    /// # Errors
    /// This question is not open, or this is not one of its answers.
    pub(super) fn answer(&self, number: u64, answer: &str) -> Result<(), Refused> {
        self.open.change(|open| {
            let understands = open.understands.filter(|_| open.number == number);
            let understands = understands.ok_or(Status::Conflict)?;
            if !understands(answer) {
                return Err(Refused::says(format!(
                    "{answer:?} is not an answer to this question"
                )));
            }
            open.understands = None;
            open.answer = Some(answer.to_owned());
            Ok(())
        })
    }

    /// Makes a waiting question check its job's [`Cancel`] again.
    pub(super) fn wake(&self) {
        // Under the lock, so that a question that has just checked its job is woken, too.
        self.open.change(|_| ());
    }

    /// Asks, and waits for the answer; `None` if the job is cancelled.
    fn ask(
        &self,
        about: &str,
        cancel: &Cancel,
        understands: fn(&str) -> bool,
        describe: impl FnOnce(Object) -> Object,
    ) -> Option<String> {
        let number = self.open.change(|open| {
            open.number += 1;
            open.understands = Some(understands);
            open.answer = None;
            open.number
        });
        let question = Object::event("question").number("question", number);
        self.log.push(describe(question.text("about", about)));
        let waits = |open: &QuestionState| open.answer.is_none() && !cancel.is_cancelled();
        let mut open = self.open.wait_while(waits);
        open.understands = None;
        let answer = open.answer.take();
        drop(open);
        self.log
            .push(Object::event("answered").number("question", number));
        answer
    }
}

fn yes_or_no(answer: &str) -> bool {
    ["yes", "no"].contains(&answer)
}

/// The questions of a job about its transfer.
pub(super) struct PageOperator<'a> {
    pub(super) questions: &'a OpenQuestion,
    pub(super) cancel: &'a Cancel,
}

impl PageOperator<'_> {
    fn agrees(&self, about: &str, describe: impl FnOnce(Object) -> Object) -> Acceptance {
        let answer = self.questions.ask(about, self.cancel, yes_or_no, describe);
        match answer.as_deref() {
            Some("yes") => Acceptance::Accept,
            _ => Acceptance::Decline,
        }
    }
}

impl Operator for PageOperator<'_> {
    fn accept(&self, offer: &OfferSummary) -> Acceptance {
        self.agrees("accept", |question| {
            question
                .text("peer", &wording::peer(offer.peer))
                .text("names", &wording::names(&offer.names, offer.tops))
                .text("contents", &wording::contents(offer))
        })
    }

    fn resolve(&self, conflicts: &Conflicts) -> Option<Existing> {
        let understands = |answer: &str| policy(answer).is_some();
        let answer = self
            .questions
            .ask("existing", self.cancel, understands, |question| {
                question.text("names", &wording::names(&conflicts.names, conflicts.count))
            });
        policy(&answer?).filter(|policy| *policy != Existing::Fail)
    }

    fn accept_expansion(&self, growth: Expansion) -> Acceptance {
        self.agrees("expansion", |question| {
            question
                .text("archive", &format::size(growth.archive_bytes))
                .text("contents", &format::size(growth.bytes))
                .number("entries", growth.entries)
        })
    }

    fn compare(&self, phrase: &str) -> Acceptance {
        self.agrees("compare", |question| question.text("phrase", phrase))
    }

    fn one_time_code(&self) -> Option<String> {
        let understands = |answer: &str| digits(answer).is_some();
        self.questions
            .ask("one_time_code", self.cancel, understands, |question| {
                question
            })
    }
}
