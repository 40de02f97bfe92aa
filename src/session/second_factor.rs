//! One-time codes: a second proof in addition to the secret of a name.
//!
//! A peer that knows the secret learns that a code is wanted, and thus that the secret is right. Messages that
//! came along with its proof stay unread until the code is right.

use crate::crypto::{CODE_DIGITS, TotpKey, TotpStep};
use crate::model::limits;
use crate::protocol::Message;
use crate::session::connection::channel::unexpected;
use crate::session::connection::clock::Deadline;
use crate::session::connection::handshake::Authenticated;
use crate::session::connection::patience::Patience;
use crate::session::error::Error;
use crate::session::events::Operator;
use crate::session::sync::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Which codes a listener has accepted. Each works once.
pub(crate) struct UsedCodes {
    /// Codes up to this step are refused, because it is not known which of them an earlier run has accepted.
    start: TotpStep,
    latest: Mutex<HashMap<String, TotpStep>>,
}

impl UsedCodes {
    /// Starts without used codes, in the step `start`.
    fn since(start: TotpStep) -> Self {
        UsedCodes {
            start,
            latest: Mutex::default(),
        }
    }

    /// Starts without used codes. The codes of the current step are refused.
    pub(crate) fn none_yet() -> Self {
        UsedCodes::since(now())
    }

    /// Whether the code is right for this name and was not used before. Marks it as used.
    fn take(&self, name: &str, key: &TotpKey, code: &[u8], now: TotpStep) -> bool {
        let mut latest = lock(&self.latest);
        let used = latest.get(name).copied().unwrap_or(self.start);
        let step = key.step_of(code, now, Some(used));
        if let Some(step) = step {
            latest.insert(name.to_owned(), step);
        }
        step.is_some()
    }

    /// Waits for the code from a dialler that was asked for one.
    ///
    /// # Errors
    /// [`Error::WrongCode`], or an error if none came.
    pub(crate) fn expect(
        &self,
        session: &mut Authenticated,
        name: &str,
        key: &TotpKey,
    ) -> Result<(), Error> {
        let time = Deadline::after(Duration::from_secs(limits::CODE_SECONDS));
        let connection = session.reader.connection();
        connection.set_patience(Patience::Until(time));
        let code = match session.reader.read_behind_the_first_flight()? {
            Message::Code { code } => code,
            Message::Abort { .. } => return Err(Error::WrongCode),
            _ => return Err(unexpected("something other than a one-time code")),
        };
        if !self.take(name, key, &code, now()) {
            return Err(Error::WrongCode);
        }
        let liveness = Arc::clone(&session.shared.liveness);
        liveness.heard();
        let connection = session.reader.connection();
        connection.set_patience(Patience::WhileAlive(liveness));
        Ok(())
    }
}

/// Sends the listener the code that it wants.
///
/// # Errors
/// [`Error::CodeNeeded`] if the operator has none, or an error if the connection is gone.
pub(crate) fn give(session: &mut Authenticated, operator: &dyn Operator) -> Result<(), Error> {
    let code = operator.one_time_code().and_then(|text| digits(&text));
    let Some(code) = code else {
        let error = Error::CodeNeeded;
        session.writer.abort(&error);
        return Err(error);
    };
    session.writer.send(&Message::Code { code })
}

/// The digits of a code as people type it; `None` if it has too many or too few.
pub(crate) fn digits(text: &str) -> Option<[u8; CODE_DIGITS]> {
    let typed = text.bytes().filter(|byte| !b" -".contains(byte));
    let digits: [u8; CODE_DIGITS] = typed.collect::<Vec<_>>().try_into().ok()?;
    digits.iter().all(u8::is_ascii_digit).then_some(digits)
}

fn now() -> TotpStep {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH);
    TotpStep::at(seconds.unwrap_or_default().as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: its codes at 59 and 1,111,111,109 seconds.
    fn key() -> TotpKey {
        TotpKey::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap()
    }

    #[test]
    fn a_code_counts_once_and_for_its_name() {
        let codes = UsedCodes::since(TotpStep::at(0));
        let at = TotpStep::at(59);
        assert!(!codes.take("alice", &key(), b"287083", at));
        assert!(codes.take("alice", &key(), b"287082", at));
        assert!(!codes.take("alice", &key(), b"287082", at));
        assert!(codes.take("bob", &key(), b"287082", at));
    }

    #[test]
    fn what_an_earlier_run_may_have_taken_does_not_count() {
        let codes = UsedCodes::since(TotpStep::at(59));
        assert!(!codes.take("alice", &key(), b"287082", TotpStep::at(61)));
        assert!(codes.take("alice", &key(), b"081804", TotpStep::at(1_111_111_109)));
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(digits("287 082"), Some(*b"287082"));
        for wrong in ["", "28708", "2870822", "28708x", "٢٨٧٠٨٢"] {
            assert_eq!(digits(wrong), None, "{wrong}");
        }
    }
}
