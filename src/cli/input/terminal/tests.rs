//! Scripted answers for tests.

use super::*;
use std::collections::VecDeque;
use std::sync::Mutex;

/// Scripted answers, and the end of input after the last one.
pub(in crate::cli) struct Script {
    answers: Mutex<VecDeque<String>>,
    questions: Mutex<Vec<String>>,
}

impl Script {
    pub(in crate::cli) fn new(answers: &[&str]) -> Script {
        Script {
            answers: Mutex::new(answers.iter().map(|answer| (*answer).to_owned()).collect()),
            questions: Mutex::default(),
        }
    }

    pub(in crate::cli) fn questions(&self) -> Vec<String> {
        self.questions.lock().unwrap().clone()
    }

    pub(in crate::cli) fn left(&self) -> usize {
        self.answers.lock().unwrap().len()
    }
}

impl Answers for Script {
    fn line(&self, question: &str) -> Result<Option<String>, CliError> {
        self.questions.lock().unwrap().push(question.to_owned());
        Ok(self.answers.lock().unwrap().pop_front())
    }

    fn hidden(&self, question: &str) -> Result<Option<Zeroizing<String>>, CliError> {
        Ok(self.line(question)?.map(Zeroizing::new))
    }
}
