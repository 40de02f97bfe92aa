//! Blocks of addresses that count as one party.

use std::net::IpAddr;

/// A block of addresses that one party can have: an IPv4 address, or the /64 or /48 of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Network {
    bits: u128,
    prefix: u32,
}

impl Network {
    /// The smallest block that counts: an IPv6 user can use any address of a /64.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Network {
                bits: v4.to_ipv6_mapped().to_bits(),
                prefix: 128,
            },
            IpAddr::V6(v6) => Network::block(v6.to_bits(), 64),
        }
    }

    /// The site of a /64.
    pub(crate) fn site(self) -> Option<Self> {
        (self.prefix == 64).then(|| Network::block(self.bits, 48))
    }

    fn block(bits: u128, prefix: u32) -> Self {
        Network {
            bits: bits & (u128::MAX << (128 - prefix)),
            prefix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    #[test]
    fn the_addresses_of_one_network_count_together() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_ne!(of("192.0.2.8"), of("192.0.2.7"));
    }

    #[test]
    fn the_networks_of_one_site_have_it_in_common() {
        assert_eq!(of("2001:db8:7:1::1").site(), of("2001:db8:7:2::1").site());
        assert_ne!(of("2001:db8:7::1").site(), of("2001:db8:8::1").site());
        assert_ne!(of("2001:db8:7::1").site(), Some(of("2001:db8:7::1")));
        assert_eq!(of("192.0.2.7").site(), None);
    }
}
