//! Finding the peer: dialling and listening, names and addresses.

use crate::model::limits;
use crate::session::cancel::Cancel;
use crate::session::connection::clock::Deadline;
use crate::session::error::Error;
use crate::session::options::{ListenAddress, PeerAddress};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Pause between two tries to reach a peer that does not listen yet.
const DIAL_PAUSE: Duration = Duration::from_millis(200);

/// The least time for an attempt, even if the deadline is closer. A shorter attempt would fail without saying why.
const SHORTEST_TRY: Duration = Duration::from_secs(1);

/// Connects to the first of the peer's addresses that answers. Tries at least once, and repeatedly until
/// `deadline`.
///
/// # Errors
/// [`Error::NameNotFound`] or [`Error::NoConnection`] with the error of the last attempt, or [`Error::Cancelled`].
pub(crate) fn dial(
    peer: &PeerAddress,
    deadline: Deadline,
    cancel: &Cancel,
) -> Result<TcpStream, Error> {
    loop {
        cancel.check()?;
        let left = deadline.remaining().unwrap_or_default();
        let failure = match dial_once(peer, Deadline::after(left.max(SHORTEST_TRY))) {
            Ok(stream) => return Ok(stream),
            Err(failure) => failure,
        };
        match deadline.remaining() {
            Some(remaining) if remaining > DIAL_PAUSE => cancel.sleep(DIAL_PAUSE),
            _ => return Err(failure),
        }
    }
}

/// Tries all addresses of the name once.
fn dial_once(peer: &PeerAddress, deadline: Deadline) -> Result<TcpStream, Error> {
    let addresses = (peer.host.as_str(), peer.port)
        .to_socket_addrs()
        .map_err(|source| Error::NameNotFound {
            host: peer.host.clone(),
            source,
        })?;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match dial_address(address, deadline) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(Error::NoConnection {
        address: peer.to_string(),
        source: last,
    })
}

/// Tries one address once.
///
/// # Errors
/// The system's error.
pub(crate) fn dial_address(address: SocketAddr, deadline: Deadline) -> io::Result<TcpStream> {
    let left = deadline.remaining().ok_or(io::ErrorKind::TimedOut)?;
    let stream = TcpStream::connect_timeout(&address, left)?;
    // If nobody listens, the kernel may choose the dialled port as the source port and connect the socket to
    // itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

impl std::fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Listens on the one address given, or on every address of both families.
///
/// On Unix, std sets SO_REUSEADDR before it binds, so a new process can use the port at once while old connections
/// are in TIME_WAIT. On macOS this also lets another program of this machine listen on a single address with the
/// same port; it cannot do anything without the secret. On Windows std does not set it, which is right: the port
/// is free at once anyway, and the option would let another program take it over.
///
/// # Errors
/// [`Error::CannotListen`] when no address can be bound.
pub(crate) fn listen(address: &ListenAddress) -> Result<Vec<TcpListener>, Error> {
    if let Some(one) = address.address {
        return Ok(vec![bind(one, address.port)?]);
    }
    let everywhere_v4 = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let Ok(v6) = bind(IpAddr::V6(Ipv6Addr::UNSPECIFIED), address.port) else {
        return Ok(vec![bind(everywhere_v4, address.port)?]);
    };
    let port = v6.local_addr().map_or(address.port, |local| local.port());
    // If the IPv6 socket accepts IPv4, too, the port is already in use, and nothing is missing.
    match bind(everywhere_v4, port) {
        Ok(v4) => Ok(vec![v6, v4]),
        Err(Error::CannotListen { source, .. })
            if source.kind() == io::ErrorKind::AddrInUse && takes_both_families() =>
        {
            Ok(vec![v6])
        }
        Err(error) => Err(error),
    }
}

/// Whether an IPv6 socket also accepts IPv4, so that IPv4 cannot be bound to the same port. Never on Windows
/// (Microsoft, "IPPROTO_IPV6 Socket Options"). On Linux a setting says it, and elsewhere the answer is yes.
fn takes_both_families() -> bool {
    if cfg!(windows) {
        return false;
    }
    match std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only") {
        Ok(setting) => setting.trim() == "0",
        Err(_) => true,
    }
}

/// Checks that this machine can listen on `address` now.
///
/// # Errors
/// [`Error::CannotListen`].
pub fn can_listen(address: &ListenAddress) -> Result<(), Error> {
    listen(address).map(drop)
}

/// The limit of descriptors if the system doesn't report it: the lowest common default.
const USUAL_DESCRIPTORS: usize = 256;

/// How many descriptors this process may have. Read from Linux's `/proc`, because std has no call for it.
pub(crate) fn descriptor_limit() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let mut lines = limits.lines();
    let line = lines.find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next());
    match soft {
        Some("unlimited") => usize::MAX,
        _ => soft
            .and_then(|soft| soft.parse().ok())
            .unwrap_or(USUAL_DESCRIPTORS),
    }
}

/// Descriptors of a listener that belong to no connection: standard ones, sockets that listen, folders.
const OWN_DESCRIPTORS: usize = 32;

/// How many streams each of `sessions` may have. A stream needs a socket and a file, and a quarter of all
/// descriptors is reserved for peers that have not proven the secret.
pub(crate) fn streams_of_each(sessions: usize) -> u16 {
    streams_within(descriptor_limit(), sessions)
}

fn streams_within(descriptors: usize, sessions: usize) -> u16 {
    let unproven = (descriptors / 4).min(limits::UNPROVEN_CONNECTIONS);
    let left = descriptors.saturating_sub(unproven + OWN_DESCRIPTORS);
    let streams = left / sessions.max(1) / 2;
    u16::try_from(streams).map_or(limits::STREAMS, |streams| streams.clamp(1, limits::STREAMS))
}

fn bind(address: IpAddr, port: u16) -> Result<TcpListener, Error> {
    let address = SocketAddr::new(address, port);
    TcpListener::bind(address).map_err(|source| Error::CannotListen { address, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On no system may a listener silently miss one of the two families.
    #[test]
    fn a_port_that_another_has_in_one_family_is_in_use() {
        let other = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let everywhere = ListenAddress {
            address: None,
            port: other.local_addr().unwrap().port(),
        };
        let Err(Error::CannotListen { source, .. }) = listen(&everywhere) else {
            panic!("it listens on {everywhere:?}");
        };
        assert_eq!(source.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn the_streams_of_all_sessions_fit_into_the_descriptors() {
        assert_eq!(streams_within(1024, 16), 23);
        assert_eq!(streams_within(256, 16), 5);
        assert_eq!(streams_within(64, 16), 1);
        assert_eq!(streams_within(usize::MAX, 16), limits::STREAMS);
        assert!(16 * 2 * usize::from(streams_within(1024, 16)) + 256 + OWN_DESCRIPTORS <= 1024);
    }
}
