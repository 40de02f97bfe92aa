//! `peerbridge secret`.

use crate::cli::context::Context;
use crate::cli::error::Error;
use crate::cli::exit::Exit;
use crate::cli::output::console::Audience;
use crate::cli::output::json::Object;
use crate::crypto::Secret;
use zeroize::Zeroizing;

/// Prints the secret on standard output and its strength on standard error.
///
/// # Errors
/// The system has no random bytes.
pub(crate) fn run(context: &Context<'_>) -> Result<Exit, Error> {
    let secret = Secret::generate()?;
    let bits = secret.bits();
    match context.console.reader() {
        Audience::Person => {
            let line = Zeroizing::new(format!("{}\n", secret.text()));
            context.console.result(&line);
        }
        Audience::Program => context.console.event(|| {
            Object::event("secret")
                .text("secret", secret.text())
                .number("bits", bits.into())
        }),
    }
    context.console.say(&format!(
        "strength: {bits} bits; each connection allows one guess, and guessing offline is impossible"
    ));
    Ok(Exit::Done)
}
