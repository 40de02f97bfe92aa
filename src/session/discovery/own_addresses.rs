//! The addresses and interfaces of this machine, and which senders are near.
//!
//! The standard library has no call for them. Linux lists them in `/proc/net`, and Windows resolves a reserved
//! name to them. Elsewhere, UDP sockets are connected to an address in every common network: this sends nothing
//! and shows which source addresses the system would use.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

/// Interface indices to try if the system does not list them. Interfaces are numbered from 1.
const GUESSED_INTERFACES: std::ops::RangeInclusive<u32> = 1..=64;

/// The addresses and interfaces of this machine at one moment, without loopback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnAddresses {
    pub(super) v4: BTreeSet<Ipv4Addr>,
    pub(super) v6: BTreeSet<Ipv6Addr>,
    /// Indices of the interfaces that may have IPv6.
    pub(super) interfaces: BTreeSet<u32>,
}

impl OwnAddresses {
    /// Reads the current ones. Leaves out what it cannot find out: discovery is a convenience, and a person can
    /// always type an address.
    pub(super) fn read() -> Self {
        let resolved = resolved();
        let v4 = match std::fs::read_to_string("/proc/net/fib_trie") {
            Ok(text) => addresses_in_fib_trie(&text),
            Err(_) if resolved.is_empty() => probed(probe_destinations()),
            Err(_) => resolved.iter().copied().filter_map(v4_of).collect(),
        };
        let (v6, interfaces) = match std::fs::read_to_string("/proc/net/if_inet6") {
            Ok(text) => addresses_in_if_inet6(&text),
            // Linux without IPv6 does not have this file.
            Err(_) if cfg!(target_os = "linux") => Default::default(),
            Err(_) => {
                let addresses = resolved.into_iter().filter_map(v6_of).collect();
                (addresses, GUESSED_INTERFACES.collect())
            }
        };
        OwnAddresses { v4, v6, interfaces }
    }

    /// The addresses by which others may reach this machine, IPv4 first, without those that need a zone.
    pub(super) fn reachable(&self) -> Vec<IpAddr> {
        let v6 = self.v6.iter().filter(|ip| !ip.is_unicast_link_local());
        let v4 = self.v4.iter().copied().map(IpAddr::V4);
        v4.chain(v6.copied().map(IpAddr::V6)).collect()
    }

    /// Whether `source` is on this machine or on a network of it: loopback, link-local, the same 16 bits
    /// of a private and 24 of a public IPv4 address, the same 64 of an IPv6 address.
    ///
    /// This is an approximation, because the system does not report the size of every network. It only decides
    /// from whom hints are accepted.
    pub(super) fn is_near(&self, source: IpAddr) -> bool {
        match source.to_canonical() {
            IpAddr::V4(source) => {
                let shift = if is_private(source) { 16 } else { 8 };
                let network = |address: Ipv4Addr| address.to_bits() >> shift;
                source.is_loopback()
                    || source.is_link_local()
                    || self.v4.iter().any(|own| network(*own) == network(source))
            }
            IpAddr::V6(source) => {
                let network = |address: Ipv6Addr| address.to_bits() >> 64;
                source.is_loopback()
                    || source.is_unicast_link_local()
                    || self.v6.iter().any(|own| network(*own) == network(source))
            }
        }
    }
}

/// Private addresses, and the shared addresses that providers use behind their own NAT.
pub(super) fn is_private(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_private() || (first == 100 && (64..128).contains(&second))
}

/// The addresses that the kernel's routing table marks as local: `32 host LOCAL` below the address.
fn addresses_in_fib_trie(text: &str) -> BTreeSet<Ipv4Addr> {
    let mut addresses = BTreeSet::new();
    let mut latest = None;
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            latest = address.parse().ok();
        } else if line.starts_with("/32 host LOCAL") {
            addresses.extend(latest.filter(|address: &Ipv4Addr| !address.is_loopback()));
        }
    }
    addresses
}

/// Lines of address, interface index, prefix length, scope and flags in hexadecimal, and a name.
fn addresses_in_if_inet6(text: &str) -> (BTreeSet<Ipv6Addr>, BTreeSet<u32>) {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let address = u128::from_str_radix(fields.next()?, 16).ok()?;
            let interface = u32::from_str_radix(fields.next()?, 16).ok()?;
            Some((Ipv6Addr::from_bits(address), interface))
        })
        .filter(|(address, _)| !address.is_loopback())
        .unzip()
}

/// What the resolver of Windows returns for the name that is reserved for this.
fn resolved() -> Vec<IpAddr> {
    if !cfg!(windows) {
        return Vec::new();
    }
    let addresses = ("..localmachine", 0).to_socket_addrs();
    let addresses = addresses.into_iter().flatten();
    let addresses = addresses.map(|address| address.ip());
    addresses.filter(|ip| !ip.is_loopback()).collect()
}

fn v4_of(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

fn v6_of(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some(v6),
    }
}

/// An address in every common private network, and one on the internet for the default route.
fn probe_destinations() -> impl Iterator<Item = Ipv4Addr> {
    let home = (0..=255).map(|third| Ipv4Addr::new(192, 168, third, 1));
    let office = (0..=255).map(|second| Ipv4Addr::new(10, second, 0, 1));
    let middle = (16..32).map(|second| Ipv4Addr::new(172, second, 0, 1));
    let others = [
        Ipv4Addr::new(169, 254, 1, 1),
        Ipv4Addr::new(100, 64, 0, 1),
        Ipv4Addr::new(192, 0, 2, 1),
    ];
    home.chain(office).chain(middle).chain(others)
}

/// The source addresses that the system uses for these destinations. Each needs a new socket, because a connected
/// socket keeps its source.
fn probed(destinations: impl Iterator<Item = Ipv4Addr>) -> BTreeSet<Ipv4Addr> {
    let source = |destination: Ipv4Addr| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        socket.connect(SocketAddr::from((destination, 9))).ok()?;
        v4_of(socket.local_addr().ok()?.ip())
    };
    destinations
        .filter_map(source)
        .filter(|address| !address.is_loopback() && !address.is_unspecified())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with a home network, a point-to-point VPN, Docker, and a default route.
    const FIB_TRIE: &str = "\
Main:
  +-- 0.0.0.0/0 3 0 4
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 10.8.0.1
        /32 link UNICAST
     |-- 172.17.0.0
        /16 link UNICAST
     |-- 192.168.1.0
        /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 4
     |-- 10.8.0.2
        /32 host LOCAL
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     +-- 172.17.0.0/16 2 0 2
        +-- 172.17.0.0/31 1 0 0
           |-- 172.17.0.0
              /16 link UNICAST
           |-- 172.17.0.1
              /32 host LOCAL
        |-- 172.17.255.255
           /32 link BROADCAST
     +-- 192.168.1.0/24 2 0 2
        |-- 192.168.1.23
           /32 host LOCAL
        |-- 192.168.1.255
           /32 link BROADCAST
";

    const IF_INET6: &str = "\
fe8000000000000000fc00fffe000001 04 40 20 80     eth0
fd000000000000000000000000000002 04 40 00 82     eth0
00000000000000000000000000000001 01 80 10 80       lo
fe800000000000000042aafffe000001 12c 40 20 80   far300
";

    fn v4(texts: &[&str]) -> BTreeSet<Ipv4Addr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn v6(texts: &[&str]) -> BTreeSet<Ipv6Addr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn own_ipv4_addresses_are_found_in_the_routing_table() {
        let own = v4(&["10.8.0.2", "172.17.0.1", "192.168.1.23"]);
        assert_eq!(addresses_in_fib_trie(FIB_TRIE), own);
        assert!(addresses_in_fib_trie("").is_empty());
        assert!(addresses_in_fib_trie("/32 host LOCAL\n|-- x\n/32 host LOCAL").is_empty());
    }

    #[test]
    fn own_ipv6_addresses_come_with_interfaces_however_large_their_number() {
        let (addresses, interfaces) = addresses_in_if_inet6(IF_INET6);
        let own = v6(&["fe80::fc:ff:fe00:1", "fd00::2", "fe80::42:aaff:fe00:1"]);
        assert_eq!(addresses, own);
        assert_eq!(interfaces, BTreeSet::from([4, 300]));
        let nothing = addresses_in_if_inet6("x\n\nfe80 4\nfe80 y 40\n");
        assert_eq!(nothing.1, BTreeSet::from([4]));
    }

    #[test]
    fn near_is_what_shares_a_network() {
        let own = OwnAddresses {
            v4: v4(&["192.168.1.23", "198.51.100.7"]),
            v6: v6(&["2001:db8:0:1::2"]),
            interfaces: BTreeSet::new(),
        };
        for (source, is_near) in [
            ("192.168.1.99", true),
            ("192.168.200.1", true),
            ("192.169.1.23", false),
            ("10.0.0.1", false),
            ("198.51.100.200", true),
            ("198.51.101.7", false),
            ("127.0.0.1", true),
            ("169.254.7.7", true),
            ("::ffff:192.168.1.99", true),
            ("::ffff:10.0.0.1", false),
            ("::1", true),
            ("fe80::1", true),
            ("2001:db8:0:1:ffff::9", true),
            ("2001:db8:0:2::2", false),
        ] {
            assert_eq!(own.is_near(source.parse().unwrap()), is_near, "{source}");
        }
    }

    #[test]
    fn probes_cover_every_private_network_and_send_nothing() {
        let destinations: Vec<_> = probe_destinations().collect();
        assert!((500..600).contains(&destinations.len()));
        assert_eq!(
            destinations
                .iter()
                .filter(|address| is_private(**address))
                .count(),
            destinations.len() - 2
        );
        // Only loopback lets a probe work on every machine.
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        port.set_nonblocking(true).unwrap();
        assert!(probed([Ipv4Addr::LOCALHOST].into_iter()).is_empty());
        assert!(port.recv(&mut [0; 8]).is_err());
    }
}
