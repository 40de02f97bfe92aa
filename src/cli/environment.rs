//! The environment variables in use, read once.

use crate::cli::platform;
use crate::disk::TimeZone;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;

/// The secret itself.
pub(crate) const SECRET: &str = "PEERBRIDGE_SECRET";
/// A file whose first line is the secret.
pub(crate) const SECRET_FILE: &str = "PEERBRIDGE_SECRET_FILE";
/// An archive's password.
pub(crate) const ZIP_PASSWORD: &str = "PEERBRIDGE_ZIP_PASSWORD";
/// A one-time code.
pub(crate) const OTP: &str = "PEERBRIDGE_OTP";
/// The port if no option gives one.
pub(crate) const PORT: &str = "PEERBRIDGE_PORT";
/// How far to look for peers: `on`, `loopback` or `off`.
pub(crate) const DISCOVERY: &str = "PEERBRIDGE_DISCOVERY";
/// No colours, if it is set and not empty (no-color.org).
pub(crate) const NO_COLOR: &str = "NO_COLOR";
/// The kind of terminal; `dumb` cannot draw a bar.
const TERM: &str = "TERM";
/// The folder that `~` stands for.
pub(crate) const HOME: &str = "HOME";

/// The time zone, as for every program.
const TZ: &str = "TZ";

/// Removes the variables with secrets from the environment of another program.
pub(crate) fn hide_secrets(program: &mut Command) {
    for secret in [SECRET, SECRET_FILE, ZIP_PASSWORD, OTP] {
        program.env_remove(secret);
    }
}

/// Where systemd puts the credentials of a service, if it gave this process any.
pub(crate) fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// A snapshot of these variables.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<&'static str, OsString>);

impl Environment {
    /// Reads the process's own.
    pub(crate) fn of_process() -> Environment {
        let names = [
            SECRET,
            SECRET_FILE,
            ZIP_PASSWORD,
            OTP,
            PORT,
            DISCOVERY,
            NO_COLOR,
            TERM,
            HOME,
            TZ,
        ];
        let values = names.map(|name| Some((name, std::env::var_os(name)?)));
        let mut values: BTreeMap<_, _> = values.into_iter().flatten().collect();
        if !platform::takes_sequences() {
            values.insert(TERM, "dumb".into());
        }
        Environment(values)
    }

    /// The value of a variable, if it is set at all.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// The same, with another value for one variable.
    #[cfg(feature = "web")]
    pub(crate) fn with(mut self, name: &'static str, value: OsString) -> Environment {
        self.0.insert(name, value);
        self
    }

    /// Whether a person does not want colours.
    pub(crate) fn no_color(&self) -> bool {
        self.get(NO_COLOR).is_some_and(|value| !value.is_empty())
    }

    /// Whether the terminal can only print line after line.
    pub(crate) fn is_dumb_terminal(&self) -> bool {
        self.get(TERM).is_some_and(|value| value == "dumb")
    }

    /// The time zone of the person at this machine.
    pub(crate) fn time_zone(&self) -> TimeZone {
        TimeZone::local(self.get(TZ))
    }

    #[cfg(test)]
    pub(crate) fn of(values: &[(&'static str, &str)]) -> Environment {
        let values = values.iter();
        Environment(values.map(|(name, value)| (*name, value.into())).collect())
    }
}
