//! The end of a run, in words for people and as the event `done`.

use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::given::Given;
use crate::cli::output::console::Console;
use crate::cli::output::json::Object;
use crate::cli::output::ledger::Ledger;

/// The one place where a run ends: prints the error and its hint for people, `done` for programs. `given` is the
/// command line that was typed, if there was one.
pub(crate) fn close(
    outcome: Result<Exit, CliError>,
    console: &Console,
    ledger: &Ledger,
    given: Option<&Given>,
) -> Exit {
    let (exit, message, hint) = match outcome {
        Ok(exit) => (exit, None, None),
        Err(error) => {
            let hint = error.hint_with(ledger.kept(), given.unwrap_or(&Given::default()));
            (error.exit(), Some(error.to_string()), hint)
        }
    };
    console.erase();
    if let Some(message) = &message {
        console.error(message, hint.as_deref());
    }
    console.event(|| {
        let totals = ledger.totals();
        let event = Object::event("done")
            .number("exit", exit.code().into())
            .number("files", totals.files)
            .number("bytes", totals.bytes)
            .number("wire_bytes", totals.wire_bytes)
            .number("resumed_bytes", totals.resumed_bytes)
            .number("same", totals.same)
            .number("skipped", totals.skipped)
            .number("foreign_owners", totals.foreign_owners)
            .number("hard_links", totals.hard_links)
            .number("attributes", totals.attributes)
            .number("acls", totals.acls)
            .seconds("seconds", totals.elapsed);
        let event = ledger.delivered().tell(event);
        event
            .some_text("error", message.as_deref())
            .some_text("hint", hint.as_deref())
    });
    exit
}
