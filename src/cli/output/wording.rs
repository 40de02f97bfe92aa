//! The events of a session in words for people.

use crate::cli::output::format;
use crate::model::limits;
use crate::model::{escaped, quoted};
use crate::session::{DEFAULT_PORT, OfferSummary, Summary};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Which way the files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Perspective {
    /// From here.
    Sender,
    /// Nowhere: a dry run asks the receiver what it lacks.
    Asker,
    /// To here.
    Receiver,
    /// Into an archive on this machine.
    Maker,
    /// Out of an archive on this machine.
    Opener,
    /// Nowhere: an archive on this machine is tested.
    Tester,
}

impl Perspective {
    /// The side that a stalled transfer waits for.
    pub(crate) fn other(self) -> &'static str {
        match self {
            Perspective::Sender | Perspective::Asker => "the receiver",
            Perspective::Receiver => "the sender",
            Perspective::Maker | Perspective::Opener | Perspective::Tester => "the disk",
        }
    }
}

/// For fewer bytes, the speed would only show how long the handshake took.
const WORTH_A_SPEED: u64 = 1024 * 1024;

/// The most names of a list to show.
const NAMES_SHOWN: usize = 5;

/// `a, b and 3 more`, escaped; `count` is how many there are in all.
pub(crate) fn names(names: &[Vec<u8>], count: usize) -> String {
    listed(names, count, escaped)
}

/// `"a", "b" and 3 more`, quoted so that a name cannot forge a part of the line.
pub(crate) fn quoted_names(names: &[Vec<u8>], count: usize) -> String {
    listed(names, count, quoted)
}

fn listed(names: &[Vec<u8>], count: usize, show: fn(&[u8]) -> String) -> String {
    if count == 0 {
        return "nothing".to_owned();
    }
    let shown = names.len().min(NAMES_SHOWN);
    let mut text: Vec<String> = names[..shown].iter().map(|name| show(name)).collect();
    let rest = count.saturating_sub(shown);
    let last = match rest {
        0 => text.pop().unwrap_or_default(),
        _ if shown == 0 => format::count(rest as u64, "name"),
        _ => format!("{rest} more"),
    };
    match text.is_empty() {
        true => last,
        false => format!("{} and {last}", text.join(", ")),
    }
}

/// `12 files, 3 folders, 1.5 MiB`.
pub(crate) fn contents(offer: &OfferSummary) -> String {
    let counts = [
        (offer.files, "file"),
        (offer.folders, "folder"),
        (offer.links, "link"),
    ];
    let mut words: Vec<String> = counts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| format::count(number, noun))
        .collect();
    words.push(match offer.bytes {
        Some(bytes) => format::size(bytes),
        None => "of unknown size".to_owned(),
    });
    words.join(", ")
}

/// What is offered, from which side and to whom.
pub(crate) fn offered(side: Perspective, names: &str, peer: &str, contents: &str) -> String {
    match side {
        Perspective::Sender => {
            format!("offering {names} to {peer} ({contents}): waiting for them to accept")
        }
        Perspective::Asker => format!("asking {peer} what it lacks of {names} ({contents})"),
        Perspective::Maker => format!("packing {names} ({contents})"),
        Perspective::Opener | Perspective::Tester => format!("contains {names} ({contents})"),
        Perspective::Receiver => format!("{peer} offers {names} ({contents})"),
    }
}

/// The address of the other side. IPv4 is shown as IPv4, even if the socket is IPv6. A peer on a line has no
/// address.
pub(crate) fn peer(address: Option<SocketAddr>) -> String {
    match address {
        Some(address) if address.port() != 0 => address.ip().to_canonical().to_string(),
        _ => "the peer".to_owned(),
    }
}

/// A peer by the name of its secret, if that has one, and its address.
pub(crate) fn named_peer(address: SocketAddr, name: &str) -> String {
    let address = peer(Some(address));
    match name {
        "" => address,
        name => format!("{} at {address}", quoted(name.as_bytes())),
    }
}

/// An address with its port.
pub(crate) fn endpoint(address: SocketAddr) -> String {
    match address.port() {
        0 => peer(None),
        port => SocketAddr::new(address.ip().to_canonical(), port).to_string(),
    }
}

/// `[::]:8080 and 0.0.0.0:8080`.
pub(crate) fn endpoints(addresses: &[SocketAddr]) -> String {
    let words: Vec<String> = addresses.iter().map(|address| endpoint(*address)).collect();
    words.join(" and ")
}

/// Where peers can reach a listener: its addresses, or those of this machine if it listens on all.
pub(crate) fn reachable(listening: &[SocketAddr], own: &[IpAddr]) -> Vec<SocketAddr> {
    let mut reachable = Vec::new();
    for address in listening {
        let family = |ip: &&IpAddr| address.is_ipv6() || ip.is_ipv4();
        match address.ip().is_unspecified() {
            true => reachable.extend(
                own.iter()
                    .filter(family)
                    .map(|ip| SocketAddr::new(*ip, address.port())),
            ),
            false => reachable.push(*address),
        }
    }
    reachable.sort_by_key(SocketAddr::is_ipv6);
    reachable.dedup();
    match reachable.is_empty() {
        true => listening.to_owned(),
        false => reachable,
    }
}

/// The most commands to show for the other side.
const COMMANDS_SHOWN: usize = 4;

/// The command for the other side, for each address of this listener, ready to paste.
pub(crate) fn invitation(perspective: Perspective, reachable: &[SocketAddr]) -> Vec<String> {
    let verb = match perspective {
        Perspective::Sender | Perspective::Asker => "receive --from",
        _ => "send PATH --to",
    };
    let commands = reachable.iter().take(COMMANDS_SHOWN).map(|address| {
        let host = match (address.ip().is_unspecified(), address.port()) {
            (true, DEFAULT_PORT) => "HOST".to_owned(),
            (true, port) => format!("HOST:{port}"),
            (false, DEFAULT_PORT) => address.ip().to_canonical().to_string(),
            (false, _) => endpoint(*address),
        };
        format!("peerbridge {verb} {host}")
    });
    let mut commands: Vec<String> = commands.collect();
    commands.dedup();
    match commands.as_slice() {
        [only] => vec![format!("on the other machine: {only}")],
        several => {
            let mut lines = vec!["on the other machine, one of:".to_owned()];
            lines.extend(several.iter().map(|command| format!("  {command}")));
            lines
        }
    }
}

/// The warning about a wrong secret.
pub(crate) fn wrong_secret(address: SocketAddr, count: u32) -> String {
    format!(
        "wrong secret from {} (attempt {count} of {})",
        peer(Some(address)),
        limits::FAILED_PROOFS
    )
}

/// The last line of a transfer.
pub(crate) fn done(side: Perspective, summary: &Summary) -> String {
    if side == Perspective::Maker && summary.delivered.is_empty() {
        return match summary.skipped {
            0 => "no archive was made: nothing was left to pack".to_owned(),
            _ => "no archive was made: the existing one is kept".to_owned(),
        };
    }
    let mut text = match summary.left_out {
        0 => "done: ".to_owned(),
        1 => "done, but 1 entry was left out: ".to_owned(),
        many => format!("done, but {many} entries were left out: "),
    };
    let is_transfer = !matches!(side, Perspective::Maker | Perspective::Tester);
    let is_nothing =
        is_transfer && summary.files == 0 && summary.bytes == 0 && summary.left_out == 0;
    if is_nothing && summary.skipped == 0 && summary.same > 0 {
        let files = format::count(summary.same, "file");
        text.push_str(&format!(
            "everything was there already, {files} with {}",
            what_is_same(summary)
        ));
    } else if is_nothing && summary.skipped > 0 {
        text.push_str("nothing was replaced");
    } else {
        text.push_str(&moved(summary));
        if summary.same > 0 {
            let same = summary.same;
            text.push_str(&format!(
                ", {same} more there with {}",
                what_is_same(summary)
            ));
        }
    }
    if summary.skipped > 0 {
        text.push_str(&format!(
            ", {} kept as it was",
            format::count(summary.skipped, "file")
        ));
    }
    match side {
        Perspective::Sender if summary.files > 0 => text.push_str(", verified by the receiver"),
        Perspective::Sender | Perspective::Asker => {}
        Perspective::Tester => text.push_str(", verified; nothing was written"),
        Perspective::Maker => {
            let size = format::size(summary.wire_bytes);
            text.push_str(&format!(", archive of {size}"));
        }
        Perspective::Receiver | Perspective::Opener => {}
    }
    text
}

/// By what the files that existed already are the same.
fn what_is_same(summary: &Summary) -> &'static str {
    match summary.compared {
        true => "the same contents",
        false => "the same size and time",
    }
}

fn moved(summary: &Summary) -> String {
    let fresh = summary.bytes.saturating_sub(summary.resumed_bytes);
    let speed = format::bytes_per_second(fresh, summary.elapsed);
    let mut text = format!(
        "{}, {} in {}",
        format::count(summary.files, "file"),
        format::size(summary.bytes),
        format::time(summary.elapsed),
    );
    if fresh >= WORTH_A_SPEED {
        text.push_str(&format!(" ({})", format::rate(speed)));
    }
    if summary.resumed_bytes > 0 {
        let before = format::size(summary.resumed_bytes);
        text.push_str(&format!(", {before} of it resumed"));
    }
    text
}

/// Metadata of the source that no transfer carries, in one line; `None` if there is none.
pub(crate) fn not_carried(summary: &Summary) -> Option<String> {
    let lost = [
        ("owners", summary.foreign_owners),
        ("hard links", summary.hard_links),
        ("extended attributes", summary.attributes),
        ("ACLs", summary.acls),
    ];
    let lost = lost.into_iter().filter(|(_, count)| *count > 0);
    let lost: Vec<String> = lost
        .map(|(what, count)| format!("{what} of {}", format::entries(count)))
        .collect();
    (!lost.is_empty()).then(|| format!("not carried: {}", lost.join(", ")))
}

/// Where everything is now; `None` on the sender, and if nothing new was saved.
pub(crate) fn saved(perspective: Perspective, delivered: &[PathBuf]) -> Option<String> {
    let first = delivered.first()?;
    let folder = first.parent().filter(|_| perspective != Perspective::Maker);
    let Some(folder) = folder else {
        return Some(format!("saved as {}", format::path(first)));
    };
    let is_here = |path: &&PathBuf| path.parent() == Some(folder);
    if !delivered.iter().all(|path| is_here(&path)) {
        return Some(format!("saved {} and others", format::path(first)));
    }
    let names: Vec<Vec<u8>> = delivered
        .iter()
        .take(NAMES_SHOWN)
        .filter_map(|path| Some(path.file_name()?.as_encoded_bytes().to_vec()))
        .collect();
    let names = self::names(&names, delivered.len());
    Some(format!("saved to {}: {names}", format::path(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn list(names: &[&str]) -> Vec<Vec<u8>> {
        names.iter().map(|name| name.as_bytes().to_vec()).collect()
    }

    #[test]
    fn lists_of_names() {
        assert_eq!(names(&list(&["a"]), 1), "a");
        assert_eq!(names(&list(&["a", "b"]), 2), "a and b");
        assert_eq!(names(&list(&["a", "b"]), 9), "a, b and 7 more");
        assert_eq!(names(&[], 3), "3 names");
        assert_eq!(names(&[], 0), "nothing");
        let many = list(&["a", "b", "c", "d", "e", "f"]);
        assert_eq!(names(&many, 6), "a, b, c, d, e and 1 more");
        assert_eq!(names(&[b"a\x1b".to_vec()], 1), "a\\x1b");
    }

    #[test]
    fn what_is_offered() {
        let offer = OfferSummary {
            files: 1,
            links: 2,
            bytes: Some(3 << 20),
            ..OfferSummary::default()
        };
        assert_eq!(contents(&offer), "1 file, 2 links, 3.0 MiB");
        assert_eq!(contents(&OfferSummary::default()), "of unknown size");
    }

    #[test]
    fn a_listener_says_how_to_reach_it() {
        let parse = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let own = ["192.0.2.7", "2001:db8::7"].map(|ip| ip.parse::<IpAddr>().unwrap());
        let everywhere = [parse("[::]:8080"), parse("0.0.0.0:8080")];
        let found = reachable(&everywhere, &own);
        assert_eq!(endpoints(&found), "192.0.2.7:8080 and [2001:db8::7]:8080");
        assert_eq!(
            invitation(Perspective::Sender, &found),
            [
                "on the other machine, one of:",
                "  peerbridge receive --from 192.0.2.7",
                "  peerbridge receive --from 2001:db8::7",
            ]
        );
        let one = [parse("[::1]:9000")];
        assert_eq!(reachable(&one, &own), one);
        assert_eq!(
            invitation(Perspective::Receiver, &one),
            ["on the other machine: peerbridge send PATH --to [::1]:9000"]
        );
        assert_eq!(
            invitation(Perspective::Receiver, &reachable(&everywhere, &[])),
            ["on the other machine: peerbridge send PATH --to HOST"]
        );
    }

    #[test]
    fn where_everything_is_now() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let saved = |paths: &[PathBuf]| saved(Perspective::Receiver, paths);
        assert_eq!(
            saved(&paths(&["/in/photos", "/in/notes (1).txt"])).unwrap(),
            "saved to /in: photos and notes (1).txt"
        );
        assert_eq!(saved(&[]), None);
        let archive = paths(&["/in/a.zip"]);
        assert_eq!(
            super::saved(Perspective::Maker, &archive).unwrap(),
            "saved as /in/a.zip"
        );
    }

    #[test]
    fn ipv4_peers_look_like_ipv4() {
        let mapped = "[::ffff:192.0.2.7]:9".parse().unwrap();
        assert_eq!(endpoint(mapped), "192.0.2.7:9");
        assert_eq!(peer(Some(mapped)), "192.0.2.7");
        assert_eq!(peer(None), "the peer");
    }

    #[test]
    fn how_a_transfer_ended() {
        let mut summary = Summary {
            files: 2,
            bytes: 4 << 20,
            elapsed: Duration::from_secs(2),
            delivered: vec!["/in/a".into(), "/in/b".into()],
            ..Summary::default()
        };
        assert_eq!(
            done(Perspective::Receiver, &summary),
            "done: 2 files, 4.0 MiB in 2.00 s (2.0 MiB/s)"
        );
        summary.resumed_bytes = 2 << 20;
        assert_eq!(
            done(Perspective::Sender, &summary),
            "done: 2 files, 4.0 MiB in 2.00 s (1.0 MiB/s), 2.0 MiB of it resumed, \
             verified by the receiver"
        );
        summary.left_out = 1;
        assert!(
            done(Perspective::Sender, &summary)
                .starts_with("done, but 1 entry was left out: 2 files")
        );
        // Folders and links, which may be new.
        let mut nothing = Summary::default();
        assert_eq!(
            done(Perspective::Receiver, &nothing),
            "done: 0 files, 0 B in 0.00 s"
        );
        nothing.same = 3;
        assert_eq!(
            done(Perspective::Sender, &nothing),
            "done: everything was there already, 3 files with the same size and time"
        );
        nothing.compared = true;
        assert_eq!(
            done(Perspective::Receiver, &nothing),
            "done: everything was there already, 3 files with the same contents"
        );
    }
}
