//! `peerbridge doctor --clean`: removes what unfinished transfers and archives left behind.

use super::{Finding, tell, worst};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::questions::yes_or_no;
use crate::cli::output::format;
use crate::disk::{self, Leftover, LeftoverState};
use crate::session::Error;
use std::path::Path;

const WHAT: &str = "leftovers";

/// Shows what is left in the folder, asks if there is a terminal, and removes it.
///
/// # Errors
/// The folder cannot be listed, or the terminal fails.
pub(super) fn run(folder: &Path, context: &Context<'_>) -> Result<Exit, CliError> {
    let mut found = disk::leftovers(folder).map_err(Error::Disk)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let (in_use, left): (Vec<Leftover>, Vec<Leftover>) = found
        .into_iter()
        .partition(|leftover| leftover.state == LeftoverState::InUse);
    for leftover in &in_use {
        let said = format!("{} is in use and stays", format::path(&leftover.path));
        tell(&Finding::pass(WHAT, said), context);
    }
    if left.is_empty() {
        tell(&Finding::pass(WHAT, "nothing to remove"), context);
        return Ok(Exit::Done);
    }
    if context.terminal.can_ask() && !is_confirmed(&left, context)? {
        context.console.say("nothing was removed");
        return Ok(Exit::Done);
    }
    let findings: Vec<Finding> = left.iter().flat_map(remove).collect();
    for finding in &findings {
        tell(finding, context);
    }
    Ok(worst(&findings))
}

fn is_confirmed(left: &[Leftover], context: &Context<'_>) -> Result<bool, CliError> {
    for leftover in left {
        let age = format::time(leftover.age);
        let line = format!(
            "{}: unfinished since {age} ago",
            format::path(&leftover.path)
        );
        context.console.say(&line);
        for copy in &leftover.copies {
            context.console.say(&format!(
                "{}: a copy of one of its entries",
                format::path(copy)
            ));
        }
    }
    let mut answer = context.answers.line("Remove this? [y/N] ")?;
    while let Some(text) = answer {
        match yes_or_no(text.trim()) {
            Some(meaning) => return Ok(meaning),
            None => answer = context.answers.line("y removes it, n keeps it [y/N] ")?,
        }
    }
    Ok(false)
}

fn remove(leftover: &Leftover) -> Vec<Finding> {
    let (path, age) = (format::path(&leftover.path), format::time(leftover.age));
    let removed = match disk::remove_leftover(leftover) {
        Ok(true) => format!("removed {path}, unfinished since {age} ago"),
        Ok(false) => return vec![Finding::pass(WHAT, format!("{path} is in use and stays"))],
        Err(error) => return vec![Finding::fail(WHAT, &CliError::from(Error::Disk(error)))],
    };
    let copies = leftover.copies.iter();
    let copies = copies.map(|copy| {
        format!(
            "removed {}, a copy of one of its entries",
            format::path(copy)
        )
    });
    let removed = std::iter::once(removed).chain(copies);
    removed.map(|said| Finding::pass(WHAT, said)).collect()
}
