//! The sockets of discovery.
//!
//! One or two are bound to a discovery port. They receive queries, and ask single hosts. The standard library
//! cannot choose the interface of a multicast or broadcast, but the system uses that of the source address. So
//! each IPv4 address of this machine has a *sender*, a socket bound to it. Answers come back to the socket that
//! asked.

use super::own_addresses::OwnAddresses;
use super::schedule::{GROUP_V4, GROUP_V6, PORTS, Round};
use crate::session::options::Discovery;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

/// How long a read may block. Ending takes this long if the wake-up is lost.
const READ_WAIT: Duration = Duration::from_millis(500);

/// How long a write may block. It blocks while the system resolves hosts that do not exist.
const WRITE_WAIT: Duration = Duration::from_millis(2);

/// The sockets on the discovery port.
#[derive(Debug)]
pub(super) struct PortSockets {
    mode: Discovery,
    /// Also receives IPv4 if there is no IPv4 socket.
    v6: Option<Arc<UdpSocket>>,
    v4: Option<Arc<UdpSocket>>,
}

impl PortSockets {
    /// Binds the first free discovery port, or any port if all are taken. In that case it receives no queries, but
    /// can still ask and be answered.
    ///
    /// # Errors
    /// The system's error if it gives no port at all.
    pub(super) fn bind(mode: Discovery) -> io::Result<Self> {
        let mut ports = PORTS.chain([0]);
        loop {
            let port = ports.next().ok_or(ErrorKind::AddrInUse)?;
            match PortSockets::bind_port(mode, port) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                bound => return bound,
            }
        }
    }

    /// Binds `port` for both families, or for the only one that the system has.
    fn bind_port(mode: Discovery, port: u16) -> io::Result<Self> {
        let (any_v6, any_v4) = match mode {
            Discovery::Loopback => (Ipv6Addr::LOCALHOST, Ipv4Addr::LOCALHOST),
            Discovery::On | Discovery::Off => (Ipv6Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED),
        };
        let is_taken = |error: &io::Error| error.kind() == ErrorKind::AddrInUse;
        let v6 = match open((any_v6, port).into()) {
            Ok(socket) => Some(socket),
            Err(error) if is_taken(&error) => return Err(error),
            Err(_) => None,
        };
        let port = match &v6 {
            Some(v6) => v6.local_addr()?.port(),
            None => port,
        };
        let v4 = match open((any_v4, port).into()) {
            Ok(socket) => Some(socket),
            // The IPv6 socket also receives IPv4, so it has the port already. Never so on Windows.
            Err(error)
                if is_taken(&error) && mode == Discovery::On && !cfg!(windows) && v6.is_some() =>
            {
                None
            }
            Err(error) if is_taken(&error) || v6.is_none() => return Err(error),
            Err(_) => None,
        };
        Ok(PortSockets { mode, v6, v4 })
    }

    /// All sockets, to read from.
    pub(super) fn each(&self) -> impl Iterator<Item = &Arc<UdpSocket>> {
        self.v6.iter().chain(&self.v4)
    }

    /// The discovery port that was bound.
    pub(super) fn port(&self) -> Option<u16> {
        let address = self.each().next()?.local_addr().ok()?;
        Some(address.port())
    }

    /// Joins the groups on all interfaces. Errors are ignored: a group may be joined already, and an interface may
    /// come up later.
    pub(super) fn join(&self, own: &OwnAddresses) {
        if self.mode != Discovery::On {
            return;
        }
        if let Some(socket) = self.v4.as_ref().or(self.v6.as_ref()) {
            for address in &own.v4 {
                let _ = socket.join_multicast_v4(&GROUP_V4, address);
            }
        }
        if let Some(socket) = &self.v6 {
            for index in &own.interfaces {
                let _ = socket.join_multicast_v6(&GROUP_V6, *index);
            }
        }
    }

    /// Sends to one address, of either family.
    pub(super) fn send(&self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        let unsupported = || io::Error::from(ErrorKind::Unsupported);
        let sent = match (to.ip(), &self.v4, &self.v6) {
            (IpAddr::V4(_), Some(v4), _) => v4.send_to(bytes, to),
            (IpAddr::V4(ip), None, Some(v6)) => v6.send_to(bytes, (ip.to_ipv6_mapped(), to.port())),
            (IpAddr::V6(_), _, Some(v6)) => v6.send_to(bytes, to),
            (IpAddr::V4(_) | IpAddr::V6(_), _, None) => return Err(unsupported()),
        };
        sent.map(drop)
    }

    /// Asks this machine on all ports, since that loads no network.
    pub(super) fn ask_loopback(&self, query: &[u8]) {
        for port in PORTS {
            // A machine may lack one of the two families.
            let _ = self.send(query, (Ipv4Addr::LOCALHOST, port).into());
            let _ = self.send(query, (Ipv6Addr::LOCALHOST, port).into());
        }
    }

    /// Asks the IPv6 group on each interface.
    pub(super) fn ask_interfaces(
        &self,
        query: &[u8],
        round: Round,
        own: &OwnAddresses,
        sent: &mut Sent,
    ) {
        if self.v6.is_none() {
            return;
        }
        for to in own
            .interfaces
            .iter()
            .map(|index| round.at_interface(*index))
        {
            sent.count(self.send(query, to.into()));
        }
    }

    /// Wakes the thread that reads from them, with an empty datagram over loopback.
    pub(super) fn wake(&self) {
        for socket in self.each() {
            let Ok(address) = socket.local_addr() else {
                continue;
            };
            let to: IpAddr = match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            };
            // If the datagram is lost, the read wakes by its own time limit.
            let _ = socket.send_to(&[], (to, address.port()));
        }
    }
}

/// The senders, each bound to an IPv4 address of this machine.
#[derive(Debug, Default)]
pub(super) struct Senders(BTreeMap<Ipv4Addr, UdpSocket>);

impl Senders {
    /// Keeps one sender for each current address. Closes those of addresses that are gone, and tries again to bind
    /// those that failed.
    pub(super) fn renew(&mut self, own: &OwnAddresses) {
        self.0.retain(|address, _| own.v4.contains(address));
        for address in &own.v4 {
            if !self.0.contains_key(address)
                && let Ok(socket) = sender(*address)
            {
                self.0.insert(*address, socket);
            }
        }
    }

    /// Asks group and broadcast addresses from each sender. A sender that fails is bound again for the next round.
    pub(super) fn ask(&mut self, query: &[u8], round: Round, sent: &mut Sent) {
        self.0.retain(|address, socket| {
            let mut is_sound = true;
            for to in round.at_address(*address) {
                let result = socket.send_to(query, to).map(drop);
                is_sound &= result.is_ok();
                sent.count(result);
            }
            is_sound
        });
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &UdpSocket> {
        self.0.values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Counts of queries to networks.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Queries that the system accepted.
    pub(super) taken: u64,
    /// Queries that the system refused.
    pub(super) refused: u64,
}

impl Sent {
    pub(super) fn count(&mut self, result: io::Result<()>) {
        match result {
            Ok(()) => self.taken += 1,
            Err(_) => self.refused += 1,
        }
    }
}

impl AddAssign for Sent {
    fn add_assign(&mut self, more: Sent) {
        self.taken += more.taken;
        self.refused += more.refused;
    }
}

fn open(address: SocketAddr) -> io::Result<Arc<UdpSocket>> {
    let socket = UdpSocket::bind(address)?;
    socket.set_read_timeout(Some(READ_WAIT))?;
    socket.set_write_timeout(Some(WRITE_WAIT))?;
    Ok(Arc::new(socket))
}

fn sender(address: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((address, 0))?;
    socket.set_broadcast(true)?;
    // Queries stay on the link, as broadcasts do.
    socket.set_multicast_ttl_v4(1)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
