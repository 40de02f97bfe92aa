//! `peerbridge secret`.

mod qr_code;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::secrets_file::name_of;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::words::no_words;
use crate::cli::output::json::Object;
use crate::crypto::{Secret, TotpKey};
use zeroize::Zeroizing;

/// The issuer that authenticator apps show for a code.
const ISSUER: &str = "peerbridge";

/// # Errors
/// A usage error, or the system has no random bytes.
pub(super) fn run(args: &ParsedArgs, context: &Context<'_>) -> Result<Exit, CliError> {
    no_words(args, "secret")?;
    let name = args.read("totp", |_, name| match name_of(name.as_bytes()) {
        Ok(name) => Ok(name),
        Err(_) => Err(CliError::usage(
            format!("{name:?} can be no name of a secrets file"),
            "a name has letters, digits, - _ and .; at most 64 of them",
        )),
    })?;
    context.terminal.check_output()?;
    match name {
        None => print_secret(context),
        Some(name) => print_totp(&name, context),
    }
}

/// Prints the words on standard output, to be piped or read, and their strength on standard error.
fn print_secret(context: &Context<'_>) -> Result<Exit, CliError> {
    let secret = Secret::generate()?;
    let bits = secret.bits();
    let line = Zeroizing::new(format!("{}\n", secret.text()));
    context.console.lines(&line);
    context.console.event(|| {
        Object::event("secret")
            .text("secret", secret.text())
            .number("bits", bits.into())
    });
    context.console.say(&format!(
        "strength: {bits} bits; each connection allows one guess, and guessing offline is impossible"
    ));
    Ok(Exit::Done)
}

/// Prints a fresh key: the line for the secrets file, and the URI that an app reads, on a terminal also as a
/// picture.
fn print_totp(name: &str, context: &Context<'_>) -> Result<Exit, CliError> {
    let key = TotpKey::generate()?;
    let (base32, uri) = (key.to_base32(), key.uri(ISSUER, name));
    let lines = Zeroizing::new(format!("{name} --totp {}\n{}\n", *base32, *uri));
    context.console.lines(&lines);
    context.console.event(|| {
        Object::event("totp")
            .text("name", name)
            .text("key", &base32)
            .text("uri", &uri)
    });
    if context.terminal.output {
        match qr_code::picture(&uri, context.colour()) {
            Some(picture) => context.console.lines(&picture),
            None => context.console.say("the URI is too long for a QR code"),
        }
    }
    context.console.say(&format!(
        "put the first line into the secrets file, below the secret of {name}, and the URI into an \
         authenticator app; the key stands in both"
    ));
    Ok(Exit::Done)
}
