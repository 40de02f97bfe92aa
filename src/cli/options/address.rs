//! Addresses and ports as people write them.

use crate::cli::error::CliError;
use std::net::{IpAddr, Ipv6Addr};

/// The longest host name (RFC 1035, section 2.3.4), with room for an IPv6 zone.
const LONGEST_HOST: usize = 255;

/// A host and, if it was written, its port.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WrittenAddress {
    /// Name or address, without brackets.
    pub(crate) host: String,
    /// TCP port, never 0.
    pub(crate) port: Option<u16>,
}

/// Reads `HOST`, `HOST:PORT`, `[v6]`, `[v6]:PORT` or a bare IPv6 address.
///
/// # Errors
/// A usage error that says how to write it.
pub(crate) fn peer(text: &str) -> Result<WrittenAddress, CliError> {
    let (host, port) = split(text).ok_or_else(|| unclear(text))?;
    if host.is_empty() || host.len() > LONGEST_HOST || host.contains(|c| !may_be_in_host(c)) {
        return Err(unclear(text));
    }
    Ok(WrittenAddress {
        host: host.to_owned(),
        port: port.map(dialled_port).transpose()?,
    })
}

/// Whether a text is an address of a peer.
pub fn is_address(text: &str) -> bool {
    peer(text).is_ok()
}

/// Reads a port to dial.
///
/// # Errors
/// A usage error if it is not a port, or 0.
pub(crate) fn dialled_port(text: &str) -> Result<u16, CliError> {
    match port(text)? {
        0 => Err(CliError::usage(
            "port 0 cannot be dialled",
            "use the port that the listening side shows",
        )),
        port => Ok(port),
    }
}

/// Reads a port.
///
/// # Errors
/// A usage error if it is not a port.
pub(crate) fn port(text: &str) -> Result<u16, CliError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits => Ok(port),
        _ => Err(CliError::usage(
            format!("{text:?} is not a port"),
            "a port is a number from 1 to 65535",
        )),
    }
}

/// Reads an address of this machine, IPv6 with or without brackets.
///
/// # Errors
/// A usage error if it is not an IP address.
pub(crate) fn own(text: &str) -> Result<IpAddr, CliError> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text).parse().map_err(|_| {
        CliError::usage(
            format!("{text:?} is not an IP address"),
            "--bind takes an address of this machine, such as 127.0.0.1 or ::1; \
             --port sets the port",
        )
    })
}

fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            _ if !is_ipv6(host) => None,
            Some(port) => Some((host, Some(port))),
            None if after.is_empty() => Some((host, None)),
            None => None,
        };
    }
    if is_ipv6(text) {
        return Some((text, None));
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

/// Whether it is an IPv6 address, with or without a zone: `fe80::1%eth0`.
fn is_ipv6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

/// Letters of every language, because resolvers know names beyond ASCII. Obvious mistakes, such as the
/// slashes of a URL or the `@` of a login, are refused.
fn may_be_in_host(character: char) -> bool {
    character.is_alphanumeric() || "-_.:%".contains(character)
}

fn unclear(text: &str) -> CliError {
    CliError::usage(
        format!("{text:?} is not an address"),
        "write HOST, HOST:PORT or, for IPv6 with a port, [ADDRESS]:PORT",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<u16>) {
        let written = peer(text).unwrap();
        (written.host, written.port)
    }

    #[test]
    fn names_and_addresses_with_and_without_ports() {
        let cases = [
            ("host", "host", None),
            ("host.example.org:9000", "host.example.org", Some(9000)),
            ("192.0.2.7", "192.0.2.7", None),
            ("192.0.2.7:1", "192.0.2.7", Some(1)),
            ("[2001:db8::1]:65535", "2001:db8::1", Some(65535)),
            ("[::1]", "::1", None),
            ("::1", "::1", None),
            ("2001:db8::1", "2001:db8::1", None),
            ("fe80::1%eth0", "fe80::1%eth0", None),
            ("[fe80::1%eth0]:80", "fe80::1%eth0", Some(80)),
        ];
        for (text, host, port) in cases {
            assert_eq!(read(text), (host.to_owned(), port), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_a_usage_error() {
        let wrong = [
            "",
            ":",
            ":80",
            "host:",
            "host:x",
            "host:0",
            "host:65536",
            "host:-1",
            "host:+80",
            "host: 80",
            "[::1",
            "[::1]80",
            "[::1]:",
            "[host]:80",
            "a:b:c",
            "http://host",
            "me@host",
            "a b",
            "host\n",
            "[]",
            "[]:80",
            "::1:2:3:4:5:6:7:8:9",
        ];
        for text in wrong {
            let error = peer(text)
                .err()
                .unwrap_or_else(|| panic!("{text:?} passed"));
            assert_eq!(error.exit_code(), 2);
            assert!(error.hint().is_some());
        }
        assert!(peer(&"x".repeat(256)).is_err());
    }

    #[test]
    fn an_error_shows_what_was_typed_escaped() {
        let shown = peer("h\x1b[2J").err().unwrap().to_string();
        assert!(!shown.contains('\x1b'), "{shown}");
    }

    #[test]
    fn own_addresses() {
        assert_eq!(own("[::1]").unwrap(), own("::1").unwrap());
        assert!(own("127.0.0.1").is_ok());
        for text in ["localhost", "127.0.0.1:80", "", "[::1"] {
            assert!(own(text).is_err(), "{text}");
        }
    }
}
