//! Help for a person while no peer with the same code was met.

use crate::cli::output::wording::endpoint;
use crate::session::StillLooking;
use std::net::{IpAddr, SocketAddr};

/// The most addresses to show. A machine with containers has dozens.
const SHOWN: usize = 4;

/// What is known and what may help, one line each. `surroundings` is a hint about this machine.
pub(crate) fn lines(looking: &StillLooking, surroundings: Option<&str>) -> Vec<String> {
    let mut lines = vec![match (looking.unreachable.as_slice(), looking.heard) {
        ([], 0) => "nobody was found on this network yet".to_owned(),
        ([], _) if !looking.same_role.is_empty() => {
            "somebody else with the same number found, but both sides do the same: one must send \
             and the other receive"
                .to_owned()
        }
        ([], _) => "peerbridge runs elsewhere on this network, but with another code: \
                    compare the code on both sides"
            .to_owned(),
        (unreachable, _) => {
            let peers: Vec<String> = unreachable.iter().copied().map(endpoint).collect();
            format!(
                "found {}, but cannot connect: a firewall may block it",
                peers.join(", ")
            )
        }
    }];
    if looking.unreachable.is_empty() && looking.heard == 0 {
        lines.extend(surroundings.map(str::to_owned));
    }
    if looking.sent == 0 && looking.refused > 0 {
        lines.push("this machine refuses to send to its networks".to_owned());
    }
    if looking.port.is_none() {
        lines.push(
            "the UDP ports 8080 to 8089 are taken here, so only the other side can be found"
                .to_owned(),
        );
    }
    if let Some(port) = looking.listening.first().map(SocketAddr::port) {
        lines.push(format!(
            "a firewall must admit TCP port {port} on this machine, or the other machine's port there"
        ));
        lines.extend(by_address(&looking.addresses, port));
    }
    lines
}

/// How to connect without a search.
fn by_address(addresses: &[IpAddr], port: u16) -> Option<String> {
    let shown: Vec<String> = addresses
        .iter()
        .take(SHOWN)
        .map(|address| endpoint(SocketAddr::new(*address, port)))
        .collect();
    let (first, _) = shown.split_first()?;
    Some(format!(
        "this machine is {}; the other one can dial it with --to or --from {first}",
        shown.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looking() -> StillLooking {
        StillLooking {
            port: Some(8080),
            addresses: vec!["192.0.2.7".parse().unwrap()],
            sent: 9,
            refused: 0,
            heard: 0,
            listening: vec!["[::]:8080".parse().unwrap()],
            unreachable: Vec::new(),
            same_role: Vec::new(),
        }
    }

    #[test]
    fn the_address_and_the_port_to_open_are_named() {
        let text = lines(&looking(), None).join("\n");
        assert!(text.starts_with("nobody was found"), "{text}");
        assert!(text.contains("192.0.2.7:8080"), "{text}");
        assert!(text.contains("TCP port 8080"), "{text}");
    }

    #[test]
    fn surroundings_are_named_where_nobody_was_heard() {
        let text = lines(&looking(), Some("in a box")).join("\n");
        assert!(text.contains("in a box"), "{text}");
        let mut heard = looking();
        heard.heard = 1;
        let text = lines(&heard, Some("in a box")).join("\n");
        assert!(!text.contains("in a box"), "{text}");
    }

    #[test]
    fn what_was_seen_decides_what_is_said() {
        let mut other_code = looking();
        other_code.heard = 3;
        assert!(lines(&other_code, None)[0].contains("another code"));
        other_code.same_role = vec!["192.0.2.9:8080".parse().unwrap()];
        assert!(lines(&other_code, None)[0].contains("one must send"));
        let mut blocked = looking();
        blocked.unreachable = vec!["192.0.2.9:8080".parse().unwrap()];
        assert!(lines(&blocked, None)[0].starts_with("found 192.0.2.9:8080, but"));
        let mut mute = looking();
        mute.sent = 0;
        mute.refused = 9;
        mute.port = None;
        let text = lines(&mute, None).join("\n");
        assert!(
            text.contains("refuses to send") && text.contains("8089"),
            "{text}"
        );
    }
}
