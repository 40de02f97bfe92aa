//! The single checks.

use super::{CheckResult, Finding, transfer};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::input::credentials;
use crate::cli::input::secrets_file::SecretsFile;
use crate::cli::output::{format, wording};
use crate::cli::surroundings;
use crate::crypto::Secret;
use crate::disk::{self, CaseRule, Destination, DiskError, Leftover, LeftoverKind, LeftoverState};
use crate::model::shell_word;
use crate::session::{self, Cancel, Discovery, Error, ListenAddress, NamedSecrets};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

/// Less free space than this deserves attention, in bytes.
const LITTLE_ROOM: u64 = 1 << 30;

/// A smaller difference between clocks does not matter.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// Whether the port is free, for each address family.
pub(super) fn ports(port: u16) -> Vec<Finding> {
    vec![
        family("IPv4", Ipv4Addr::UNSPECIFIED.into(), port),
        family("IPv6", Ipv6Addr::UNSPECIFIED.into(), port),
    ]
}

fn family(name: &'static str, address: IpAddr, port: u16) -> Finding {
    let address = ListenAddress {
        address: Some(address),
        port,
    };
    match session::can_listen(&address) {
        Ok(()) => Finding::pass(name, format!("port {port} is free")),
        // Machines without IPv6 are common, and those without IPv4 exist.
        Err(Error::CannotListen { source, .. }) if is_family_missing(source.kind()) => {
            let advice = "peers that only have this family cannot dial this machine";
            Finding::look(name, "this machine has none", advice)
        }
        Err(error) => Finding::fail(name, &error.into()),
    }
}

fn is_family_missing(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
}

/// A transfer from this machine to itself.
pub(super) fn loopback() -> Finding {
    match transfer::to_itself() {
        Ok(()) => Finding::pass("transfer", "a test over loopback arrived complete"),
        Err(error) => Finding::fail("transfer", &error),
    }
}

/// Whether a query of this machine comes back to it, and over which of its addresses.
pub(super) fn discovery(mode: Discovery) -> Finding {
    const WHAT: &str = "discovery";
    match session::returns(mode, &Cancel::new()) {
        Ok(_) if mode == Discovery::Off => Finding::look(
            WHAT,
            "it is switched off (PEERBRIDGE_DISCOVERY)",
            "peers are not found by a code; give their address with --to or --from",
        ),
        Ok(addresses) => of_returns(mode, &addresses, surroundings::hint()),
        Err(error) => Finding::fail(WHAT, &error.into()),
    }
}

fn of_returns(mode: Discovery, addresses: &[IpAddr], surroundings: Option<&str>) -> Finding {
    const WHAT: &str = "discovery";
    const BLOCKED: &str = "let UDP ports 8080 to 8089 and TCP port 8080 through the firewall of this machine; a VPN \
         or a guest network may also keep machines apart; --to and --from need no discovery";
    let beyond: Vec<String> = addresses
        .iter()
        .filter(|address| !address.is_loopback())
        .map(IpAddr::to_string)
        .collect();
    let blocked = surroundings.unwrap_or(BLOCKED);
    match (mode, beyond.as_slice()) {
        (_, []) if addresses.is_empty() => {
            Finding::look(WHAT, "a query of this machine does not come back", blocked)
        }
        (Discovery::On, []) => Finding::look(
            WHAT,
            "a query comes back within this machine, but over none of its networks",
            blocked,
        ),
        (_, []) => Finding::pass(WHAT, "a query comes back within this machine"),
        _ => {
            let said = format!("a query comes back over {}", beyond.join(", "));
            match surroundings {
                Some(hint) => Finding::look(WHAT, said, hint),
                None => Finding::pass(WHAT, said),
            }
        }
    }
}

/// What the destination supports and how much fits. If it does not exist, its parent is checked.
pub(super) fn destination(folder: &Path) -> Vec<Finding> {
    surveyed(folder).unwrap_or_else(|error| {
        let error = CliError::from(Error::Disk(error));
        vec![Finding::fail("destination", &error)]
    })
}

fn surveyed(folder: &Path) -> Result<Vec<Finding>, DiskError> {
    let destination = Destination::locate(folder)?;
    destination.check()?;
    let anchor = destination.anchor();
    let survey = disk::survey(anchor)?;
    let shown = format::path(folder);
    let place = match destination.path() == anchor {
        true => Finding::pass("destination", format!("{shown} is writable")),
        false => Finding::look(
            "destination",
            format!("{shown} does not exist yet, but can be created"),
            "receive and serve create it; if it should exist already, check the spelling",
        ),
    };
    let names = match survey.case {
        CaseRule::Distinguishes => Finding::pass("names", "a and A are different names there"),
        CaseRule::Ignores => Finding::look(
            "names",
            "a and A are the same name there",
            "offers that hold both are declined; ask the sender to rename one",
        ),
    };
    let links = match survey.links {
        true => Finding::pass("links", "symbolic links work there"),
        false => Finding::look(
            "links",
            "symbolic links do not work there",
            "ask the sender to use --follow-links, which sends what links point to",
        ),
    };
    let clock = clock(survey.clock_difference);
    Ok(vec![place, names, links, clock, room(anchor)])
}

fn clock(difference: Duration) -> Finding {
    match difference <= CLOCK_TOLERANCE {
        true => Finding::pass("clock", "this machine and the destination agree"),
        false => Finding::look(
            "clock",
            format!("the destination differs by {}", format::time(difference)),
            "set both clocks; otherwise --existing newer may pick the wrong file",
        ),
    }
}

/// Free space.
fn room(folder: &Path) -> Finding {
    match disk::free_bytes(folder) {
        Some(free) if free < LITTLE_ROOM => Finding::look(
            "space",
            format!("{} are free", format::size(free)),
            "make room before you receive something large",
        ),
        Some(free) => Finding::pass("space", format!("{} are free", format::size(free))),
        None => Finding::look(
            "space",
            "the free space is unknown",
            "if the disk fills up, the received data is kept and the transfer can be resumed",
        ),
    }
}

/// What interrupted transfers and archives left behind.
pub(super) fn leftovers(folder: &Path) -> Vec<Finding> {
    let Ok(mut found) = disk::leftovers(folder) else {
        // There is no folder yet, or the check of the destination reports what is wrong.
        return Vec::new();
    };
    if found.is_empty() {
        return vec![Finding::pass("leftovers", "no unfinished transfers")];
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.iter().map(|found| leftover(found, folder)).collect()
}

fn leftover(leftover: &Leftover, folder: &Path) -> Finding {
    let path = format::path(&leftover.path);
    let age = format::time(leftover.age);
    let (now, again) = match leftover.kind {
        LeftoverKind::Transfer => (
            "received into",
            "transfer again to resume it (`unzip` starts over)",
        ),
        LeftoverKind::Copy => ("received into", "transfer again to resume it"),
        LeftoverKind::Archive => ("made into an archive", "`zip` again to start over"),
    };
    let copies = match leftover.copies.as_slice() {
        [] => String::new(),
        copies => {
            let names = copies
                .iter()
                .map(|copy| copy.as_os_str().as_encoded_bytes().to_vec());
            let names = wording::names(&names.collect::<Vec<_>>(), copies.len());
            format!("; copies of its entries: {names}")
        }
    };
    match leftover.state {
        LeftoverState::InUse => Finding::pass("leftovers", format!("{path} is being {now} now")),
        LeftoverState::Abandoned => Finding::look(
            "leftovers",
            format!("{path}: unfinished since {age} ago{copies}"),
            format!(
                "run the same {again}, or discard all leftovers there: peerbridge doctor --clean {}",
                shell_word(folder.as_os_str().as_encoded_bytes())
            ),
        ),
    }
}

/// Whether the secret is usable and only its owner can read its file.
pub(super) fn secret(file: Option<&Path>, context: &Context<'_>) -> Finding {
    match credentials::given::<Secret>(file, context.environment) {
        Ok(Some(_)) if file.is_some() => usable_file("secret", "given and usable"),
        Ok(Some(_)) => Finding::pass("secret", "given and usable"),
        Ok(None) => Finding::pass("secret", "not given; you will be asked for it"),
        Err(error) => no_secret(&error),
    }
}

/// The same for a file of named secrets.
pub(super) fn secrets(file: &Path) -> Finding {
    match SecretsFile::open(file.to_owned()) {
        Ok(file) => {
            let names = format::count(file.current().len() as u64, "name");
            usable_file("secrets", format!("{names}, all usable"))
        }
        Err(error) => no_secret(&error),
    }
}

/// The finding for a file with secrets that could be read. On Windows, who else may read it was not checked.
fn usable_file(what: &'static str, said: impl Into<String>) -> Finding {
    match cfg!(windows) {
        false => Finding::pass(what, said),
        true => Finding::look(
            what,
            said,
            "who else may read the file is not checked on Windows; keep it in a folder of your own",
        ),
    }
}

fn no_secret(error: &CliError) -> Finding {
    Finding {
        result: CheckResult::Fail(Exit::Usage),
        ..Finding::fail("secret", error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discovery_is_judged_by_where_a_query_came_back() {
        let at = |texts: &[&str]| -> Vec<IpAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let loopback = at(&["127.0.0.1"]);
        let both = at(&["127.0.0.1", "192.0.2.7"]);
        for (mode, addresses, surroundings, word) in [
            (Discovery::On, &both, None, "pass"),
            (Discovery::On, &both, Some("in a box"), "look"),
            (Discovery::On, &loopback, None, "look"),
            (Discovery::Loopback, &loopback, None, "pass"),
            (Discovery::On, &Vec::new(), None, "look"),
        ] {
            let finding = of_returns(mode, addresses, surroundings);
            assert_eq!(finding.result.word(), word, "{}", finding.said);
        }
        let boxed = of_returns(Discovery::On, &loopback, Some("in a box"));
        assert_eq!(boxed.advice.as_deref(), Some("in a box"));
    }
}
