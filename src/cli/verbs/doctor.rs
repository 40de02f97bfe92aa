//! `peerbridge doctor`: checks what a transfer needs here, one line per check.

mod checks;
mod clean;
mod transfer;

use super::by_code;
use crate::cli::context::Context;
use crate::cli::environment;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::options::address;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::words;
use crate::cli::output::json::Object;
use crate::session::DEFAULT_PORT;
use std::path::PathBuf;

/// What a check found.
struct Finding {
    what: &'static str,
    result: CheckResult,
    said: String,
    /// What to do about it.
    advice: Option<String>,
}

/// How serious it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CheckResult {
    Pass,
    /// Transfers work, but something may be unexpected.
    Look,
    /// A transfer would end with this exit code.
    Fail(Exit),
}

impl Finding {
    fn pass(what: &'static str, said: impl Into<String>) -> Finding {
        Finding {
            what,
            result: CheckResult::Pass,
            said: said.into(),
            advice: None,
        }
    }

    fn look(what: &'static str, said: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding {
            what,
            result: CheckResult::Look,
            said: said.into(),
            advice: Some(advice.into()),
        }
    }

    fn fail(what: &'static str, error: &CliError) -> Finding {
        Finding {
            what,
            result: CheckResult::Fail(error.exit()),
            said: error.to_string(),
            advice: error.hint(),
        }
    }
}

impl CheckResult {
    fn word(self) -> &'static str {
        match self {
            CheckResult::Pass => "pass",
            CheckResult::Look => "look",
            CheckResult::Fail(_) => "fail",
        }
    }
}

/// Runs every check, since a later one may explain an earlier failure. Ends with the code of the worst finding.
///
/// # Errors
/// A usage error; with `--clean`, also if the folder cannot be listed. The failure of a check is a finding, not an
/// error.
pub(super) fn run(args: &ParsedArgs, context: &Context<'_>) -> Result<Exit, CliError> {
    let folder = words::folder(args, "doctor")?.unwrap_or_else(|| PathBuf::from("."));
    let port = match (
        args.value("port"),
        context.environment.get(environment::PORT),
    ) {
        (Some(text), _) => address::port(&text)?,
        (None, Some(text)) => address::port(&text.to_string_lossy())?,
        (None, None) => DEFAULT_PORT,
    };
    // `--clean` replaces all checks.
    if args.has("clean") {
        return clean::run(&folder, context);
    }
    let mut findings = checks::ports(port);
    findings.push(checks::loopback());
    let discovery = by_code::discovery_of(context.environment)?;
    findings.push(checks::discovery(discovery));
    findings.extend(checks::destination(&folder));
    findings.extend(checks::leftovers(&folder));
    findings.push(match args.path("secrets-file") {
        Some(file) => checks::secrets(&file),
        None => checks::secret(args.path("secret-file").as_deref(), context),
    });
    for finding in &findings {
        tell(finding, context);
    }
    Ok(worst(&findings))
}

fn tell(finding: &Finding, context: &Context<'_>) {
    let Finding {
        what,
        result,
        said,
        advice,
    } = finding;
    let mut lines = format!("{}  {what}: {said}\n", result.word());
    if let Some(advice) = advice {
        lines.push_str(&format!("      {advice}\n"));
    }
    context.console.lines(&lines);
    context.console.event(|| {
        Object::event("check")
            .text("what", what)
            .text("result", result.word())
            .text("said", said)
            .some_text("advice", advice.as_deref())
    });
}

/// The code to end with. Failures that keep a transfer from starting come first, then those that keep it from
/// writing, then the rest.
fn worst(findings: &[Finding]) -> Exit {
    const ORDER: [Exit; 3] = [Exit::Usage, Exit::NoWay, Exit::CannotWrite];
    let failed = |exit: &Exit| {
        findings
            .iter()
            .any(|f| f.result == CheckResult::Fail(*exit))
    };
    if let Some(first) = ORDER.into_iter().find(failed) {
        return first;
    }
    let mut others = findings.iter().filter_map(|finding| match finding.result {
        CheckResult::Fail(exit) => Some(exit),
        CheckResult::Pass | CheckResult::Look => None,
    });
    others.next().unwrap_or(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(result: CheckResult) -> Finding {
        Finding {
            result,
            ..Finding::pass("x", "y")
        }
    }

    #[test]
    fn the_worst_decides() {
        let all = |results: &[CheckResult]| {
            worst(&results.iter().copied().map(finding).collect::<Vec<_>>())
        };
        assert_eq!(all(&[CheckResult::Pass, CheckResult::Look]), Exit::Done);
        let (full, port) = (
            CheckResult::Fail(Exit::CannotWrite),
            CheckResult::Fail(Exit::NoWay),
        );
        assert_eq!(all(&[full, CheckResult::Pass, port]), Exit::NoWay);
        assert_eq!(
            all(&[CheckResult::Fail(Exit::NotVerified)]),
            Exit::NotVerified
        );
    }
}
