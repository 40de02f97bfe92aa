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
    /// To here.
    Receiver,
    /// Into an archive that is here.
    Maker,
    /// Out of an archive that is here.
    Opener,
    /// Nowhere: an archive that is here is tested.
    Tester,
}

/// For fewer bytes the speed says only how long the handshake took.
const WORTH_A_SPEED: u64 = 1024 * 1024;

/// The most names that are shown of a list.
const NAMES_SHOWN: usize = 5;

/// `a, b and 3 more`, escaped; `count` is how many there are in all.
pub(crate) fn names(names: &[Vec<u8>], count: usize) -> String {
    listed(names, count, escaped)
}

/// `"a", "b" and 3 more`, for lines that nothing in a name may forge.
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

/// An address of the other side.
pub(crate) fn peer(address: Option<SocketAddr>) -> String {
    match address {
        Some(address) => plain(address.ip()).to_string(),
        None => "the peer".to_owned(),
    }
}

/// An address with its port.
pub(crate) fn endpoint(address: SocketAddr) -> String {
    SocketAddr::new(plain(address.ip()), address.port()).to_string()
}

/// `[::]:8080 and 0.0.0.0:8080`.
pub(crate) fn endpoints(addresses: &[SocketAddr]) -> String {
    let words: Vec<String> = addresses.iter().map(|address| endpoint(*address)).collect();
    words.join(" and ")
}

/// The command for the other side, once this one listens.
pub(crate) fn what_to_type(side: Perspective, address: SocketAddr) -> String {
    let verb = match side {
        Perspective::Sender => "receive --from",
        Perspective::Receiver | Perspective::Maker | Perspective::Opener | Perspective::Tester => {
            "send PATH... --to"
        }
    };
    let command = format!("on the other side: peerbridge {verb}");
    match (address.ip().is_unspecified(), address.port()) {
        (true, DEFAULT_PORT) => format!("{command} HOST (this machine's name or address)"),
        (true, port) => format!("{command} HOST:{port} (HOST: this machine's name or address)"),
        (false, DEFAULT_PORT) => format!("{command} {}", plain(address.ip())),
        (false, _) => format!("{command} {}", endpoint(address)),
    }
}

/// A wrong secret.
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
    if !matches!(side, Perspective::Maker | Perspective::Tester)
        && summary.files == 0
        && summary.bytes == 0
        && summary.left_out == 0
        && summary.skipped == 0
    {
        text.push_str("everything was there already");
        if summary.same > 0 {
            let files = format::count(summary.same, "file");
            text.push_str(&format!(", {files} with {}", what_is_same(summary)));
        }
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
        Perspective::Sender => {}
        Perspective::Tester => text.push_str(", verified; nothing was written"),
        Perspective::Maker => {
            text.push_str(&delivered(&summary.delivered));
            text.push_str(&format!(" ({})", format::size(summary.wire_bytes)));
        }
        Perspective::Receiver | Perspective::Opener => {
            text.push_str(&delivered(&summary.delivered))
        }
    }
    text
}

/// What shows that files that were there are the same.
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

fn delivered(paths: &[PathBuf]) -> String {
    let Some(first) = paths.first() else {
        return String::new();
    };
    let shown = escaped(first.as_os_str().as_encoded_bytes());
    match paths.len() {
        1 => format!(", now {shown}"),
        count => format!(", now {shown} and {} more", count - 1),
    }
}

/// IPv4 as IPv4, also where the socket speaks IPv6.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
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
    fn what_the_other_side_types() {
        let any = "[::]:8080".parse().unwrap();
        assert_eq!(
            what_to_type(Perspective::Receiver, any),
            "on the other side: peerbridge send PATH... --to HOST (this machine's name or address)"
        );
        let one = "[::1]:9000".parse().unwrap();
        assert_eq!(
            what_to_type(Perspective::Sender, one),
            "on the other side: peerbridge receive --from [::1]:9000"
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
            "done: 2 files, 4.0 MiB in 2.00 s (2.0 MiB/s), now /in/a and 1 more"
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
        let mut nothing = Summary::default();
        assert_eq!(
            done(Perspective::Receiver, &nothing),
            "done: everything was there already"
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
