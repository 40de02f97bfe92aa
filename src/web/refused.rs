//! Why a request was refused.

use crate::cli::error::CliError;
use crate::cli::output::json::Object;
use crate::crypto::RandomError;
use crate::web::http::response::{self, Status};

/// A refused request, with a text if the person can do something about it.
pub(super) struct Refused {
    pub(super) status: Status,
    message: Option<String>,
    hint: Option<String>,
}

impl Refused {
    /// The person's input cannot be used.
    pub(super) fn says(message: impl Into<String>) -> Refused {
        Refused {
            status: Status::Unusable,
            message: Some(message.into()),
            hint: None,
        }
    }

    /// The body of the response, as the page reads it.
    pub(super) fn body(&self) -> String {
        let message = self
            .message
            .as_deref()
            .unwrap_or(response::reason(self.status));
        let body = Object::new().text("error", message);
        body.some_text("hint", self.hint.as_deref()).finish()
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Refused {
        Refused {
            status,
            message: None,
            hint: None,
        }
    }
}

impl From<CliError> for Refused {
    fn from(error: CliError) -> Refused {
        Refused {
            hint: error.hint(),
            ..Refused::says(error.to_string())
        }
    }
}

impl From<RandomError> for Refused {
    fn from(error: RandomError) -> Refused {
        CliError::from(error).into()
    }
}
