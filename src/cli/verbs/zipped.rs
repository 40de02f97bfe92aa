//! `send --zip`: one encrypted archive in place of the files.

use super::piped;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::input::credentials;
use crate::cli::options::args::ParsedArgs;
use crate::cli::output::console::Console;
use crate::crypto::{ArchivePassword, Secret};
use crate::session::{ArchivePayload, Error, Names};
use std::path::PathBuf;

/// The name of an archive if its contents suggest none.
const NAME: &str = "archive.zip";

/// How to make it. Only the password is missing.
pub(super) struct Zipped {
    name: String,
    names: Names,
    password_file: Option<PathBuf>,
}

impl Zipped {
    /// An archive of `paths`, if `--zip` is given.
    ///
    /// # Errors
    /// A usage error for options that cannot be combined with `--zip`, or need it.
    pub(super) fn understand(
        args: &ParsedArgs,
        paths: &[PathBuf],
    ) -> Result<Option<Zipped>, CliError> {
        if !args.has("zip") {
            let stray = ["zip-password-file", "hide-names"];
            return match stray.into_iter().find(|long| args.has(long)) {
                None => Ok(None),
                Some(long) => Err(CliError::usage(
                    format!("--{long} is about an archive, and none is made"),
                    "add --zip",
                )),
            };
        }
        let why = "an archive is made in order, while it is sent";
        piped::at_most(args, "retry", 0, "--zip", why)?;
        piped::at_most(args, "streams", 1, "--zip", why)?;
        Ok(Some(Zipped {
            name: args.value("name").unwrap_or_else(|| name(paths)),
            names: names(args),
            password_file: args.path("zip-password-file"),
        }))
    }

    /// Asks for the password, unless it is given. It must differ from the secret.
    ///
    /// # Errors
    /// No password, or one that cannot be used.
    pub(super) fn archive(
        self,
        paths: Vec<PathBuf>,
        secret: &Secret,
        context: &Context<'_>,
    ) -> Result<ArchivePayload, CliError> {
        let password = credentials::new_password(self.password_file.as_deref(), context)?;
        check_password(&password, secret)?;
        warn_of_password(&password, context.console);
        let archive = make(self.name, paths, password, self.names)?;
        Ok(archive.in_zone(context.environment.time_zone()))
    }
}

/// Whether `--hide-names` is given.
pub(super) fn names(args: &ParsedArgs) -> Names {
    match args.has("hide-names") {
        true => Names::Hidden,
        false => Names::Shown,
    }
}

/// Warns about a password beyond ASCII, because programs encode it differently.
pub(crate) fn warn_of_password(password: &ArchivePassword, console: &Console) {
    if !password.as_bytes().is_ascii() {
        console.warn(
            "the password is not ASCII: other programs may take other bytes for it, and not open the \
             archive",
        );
    }
}

/// An archive of one path, under the name that fits it, as the dialogue makes it.
///
/// # Errors
/// A usage error if that name is not possible.
pub(crate) fn archive_of(
    paths: Vec<PathBuf>,
    password: ArchivePassword,
) -> Result<ArchivePayload, CliError> {
    make(name(&paths), paths, password, Names::Shown)
}

/// An archive of several paths for a peer that knows `secret`, as the page makes it.
///
/// # Errors
/// A usage error if that name is not possible, or the password is the secret.
#[cfg(feature = "web")]
pub(crate) fn archive_for(
    paths: Vec<PathBuf>,
    password: ArchivePassword,
    names: Names,
    secret: &Secret,
) -> Result<ArchivePayload, CliError> {
    check_password(&password, secret)?;
    make(name(&paths), paths, password, names)
}

/// Checks that the password differs from the secret: anyone who has the archive can guess passwords offline, and
/// must not find the secret that way.
///
/// # Errors
/// A usage error if they are the same.
pub(crate) fn check_password(password: &ArchivePassword, secret: &Secret) -> Result<(), CliError> {
    match password.is_same_as(secret) {
        false => Ok(()),
        true => Err(CliError::usage(
            "the archive's password is the connection's secret",
            "take another one: whoever gets the archive can try words on it at home, as many as \
             they like",
        )),
    }
}

fn make(
    name: String,
    paths: Vec<PathBuf>,
    password: ArchivePassword,
    names: Names,
) -> Result<ArchivePayload, CliError> {
    ArchivePayload::new(name, paths, password, names).map_err(|error| {
        CliError::usage(
            Error::from(error).to_string(),
            "--name takes a plain file name, without folders",
        )
    })
}

/// `photos.zip` for `photos`, and `archive.zip` for several things and for what has no name.
fn name(paths: &[PathBuf]) -> String {
    let name = match paths {
        [only] => only.file_name().and_then(|name| name.to_str()),
        _ => None,
    };
    name.map_or_else(|| NAME.to_owned(), |name| format!("{name}.zip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_called_after_what_is_in_it() {
        let of = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            name(&paths)
        };
        assert_eq!(of(&["a/photos"]), "photos.zip");
        assert_eq!(of(&["photos/"]), "photos.zip");
        assert_eq!(of(&["photos/."]), "photos.zip");
        assert_eq!(of(&["notes.txt"]), "notes.txt.zip");
        for paths in [&["."][..], &[".."], &["/"], &["a", "b"]] {
            assert_eq!(of(paths), "archive.zip", "{paths:?}");
        }
    }

    #[test]
    fn the_secret_is_no_password() {
        let secret = Secret::from_text("word").unwrap();
        let password = |text: &str| ArchivePassword::from_text(text).unwrap();
        assert!(check_password(&password("words"), &secret).is_ok());
        let refused = check_password(&password("word\n"), &secret).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        assert!(refused.hint().is_some());
    }
}
