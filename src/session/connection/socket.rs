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

/// What a try gets even where less is left: cut short, it would only say that it was.
const SHORTEST_TRY: Duration = Duration::from_secs(1);

/// Connects to the first of the peer's addresses that answers; tries once, and again until `deadline`.
///
/// # Errors
/// [`Error::NameNotFound`] or [`Error::NoConnection`] with what the last try said, or
/// [`Error::Cancelled`].
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

/// One try of all addresses that the name has.
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

/// One try of one address.
///
/// # Errors
/// What the system says.
pub(crate) fn dial_address(address: SocketAddr, deadline: Deadline) -> io::Result<TcpStream> {
    let left = deadline.remaining().ok_or(io::ErrorKind::TimedOut)?;
    let stream = TcpStream::connect_timeout(&address, left)?;
    // The kernel may pick the port that is dialled as the source of the dial, and so connect a socket
    // to itself while nobody listens there.
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
/// On Unix std sets SO_REUSEADDR before it binds, so the port can be used again at once after an end,
/// while connections of before linger in TIME_WAIT. On macOS it also lets another program of this machine
/// listen on a single address with the same port: without the secret it gets nothing. On Windows std sets nothing,
/// and rightly: there the port is free at once anyway, and the option would let another program take it over.
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
    // Where an IPv6 socket takes IPv4 as well, this port is in use already, which is as good.
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

/// Whether the IPv6 socket on this port is what keeps IPv4 from being bound. On Windows it never is (Microsoft,
/// "IPPROTO_IPV6 Socket Options"), Linux says so in its settings, and elsewhere it is taken as true.
fn takes_both_families() -> bool {
    if cfg!(windows) {
        return false;
    }
    match std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only") {
        Ok(setting) => setting.trim() == "0",
        Err(_) => true,
    }
}

/// Whether `address` can be listened on at this moment.
///
/// # Errors
/// [`Error::CannotListen`].
pub fn can_listen(address: &ListenAddress) -> Result<(), Error> {
    listen(address).map(drop)
}

/// Descriptors of a process where the system doesn't say: the least that is usual.
const USUAL_DESCRIPTORS: usize = 256;

/// How many descriptors this process may have. Linux tells; std has no call for it.
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

/// How many streams each of that many sessions may have: a stream needs a socket and a file, and a quarter
/// of all descriptors is for peers that have not proven themselves.
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

    /// On no system a listener without one of both families comes about in silence.
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
