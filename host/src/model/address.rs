//! What an IP address leads to: the public internet, or something that a guest must not reach by accident.
//!
//! The ranges are those of IANA's special-purpose registries (RFC 6890 and its updates), and the addresses at which
//! clouds serve a machine its own credentials.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The public internet.
    Public,
    /// This machine.
    Loopback,
    /// This machine, by an address that others reach it at. Only the machine knows that: [`Reach::of`] does not.
    Own,
    /// A service of a cloud that hands out the machine's credentials.
    Metadata,
    /// Anything else that is not public: which range it is in.
    Special(&'static str),
}

impl Reach {
    /// Where this address leads. An IPv4 address within an IPv6 one counts where something may unwrap it.
    pub fn of(address: IpAddr) -> Reach {
        match address.to_canonical() {
            IpAddr::V4(v4) => reach_v4(v4),
            IpAddr::V6(v6) => reach_v6(v6),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reach::Public => "a public address",
            Reach::Loopback | Reach::Own => "this machine itself",
            Reach::Metadata => "a cloud's metadata service",
            Reach::Special(range) => range,
        })
    }
}

/// Outside of the ranges below that are not public anyway, or in need of more than a range's grant.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];

const METADATA_V6: [Ipv6Addr; 4] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

const PRIVATE: Reach = Reach::Special("a private address");
const LINK_LOCAL: Reach = Reach::Special("a link-local address");
const MULTICAST: Reach = Reach::Special("a multicast address");
const RESERVED: Reach = Reach::Special("a reserved address");
const DOCUMENTATION: Reach = Reach::Special("an address for documentation");
const UNSPECIFIED: Reach = Reach::Special("an unspecified address, which leads to this machine");

fn reach_v4(address: Ipv4Addr) -> Reach {
    if METADATA_V4.contains(&address) {
        return Reach::Metadata;
    }
    match address.octets() {
        [0, ..] => UNSPECIFIED,
        [127, ..] => Reach::Loopback,
        [169, 254, 169 | 170, _] => Reach::Metadata,
        [169, 254, ..] => LINK_LOCAL,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => PRIVATE,
        [100, 64..=127, ..] => Reach::Special("an address of a carrier's network (RFC 6598)"),
        [192, 0, 0, _] | [192, 88, 99, _] => RESERVED,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => DOCUMENTATION,
        [198, 18 | 19, ..] => Reach::Special("an address for benchmarks"),
        [224..=239, ..] => MULTICAST,
        [240..=255, ..] => RESERVED,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    if METADATA_V6.contains(&address) {
        return Reach::Metadata;
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Loopback,
        [0, 0, 0, 0, 0, 0, 0, 0] => UNSPECIFIED,
        // A translator reaches IPv4 by these (RFC 6052): on networks without IPv4, all of its public part.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => reach_v4(v4_of(high, low)),
        [0xfe80..=0xfebf, ..] => LINK_LOCAL,
        [0xfec0..=0xfeff, ..] | [0xfc00..=0xfdff, ..] => PRIVATE,
        [0xff00..=0xffff, ..] => MULTICAST,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => DOCUMENTATION,
        [0x2001, 0..=0x01ff, ..] => RESERVED,
        [0x2002, ..] => Reach::Special("an address that wraps an IPv4 address (6to4)"),
        [_, _, _, _, 0 | 0x0200, 0x5efe, _, _] => {
            Reach::Special("an address that wraps an IPv4 address (ISATAP)")
        }
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => RESERVED,
    }
}

fn v4_of(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15 \
        172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 \
        2606:4700::1111 2001:4860:4860::8888 ::ffff:1.1.1.1 64:ff9b::101:101";
    const LOOPBACK: &str = "127.0.0.1 127.255.255.255 ::1 ::ffff:127.0.0.1 64:ff9b::7f00:1";
    const METADATA: &str = "169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 \
        ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe";
    const SPECIAL: &str = "0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 169.254.1.1 192.0.0.1 \
        192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: \
        ::7f00:1 fc00::1 fd12::1 fe80::1 fec0::1 ff02::1 2001:db8::1 2001::1 2001:10::1 2002:7f00:1:: \
        2002:808:808:: 3fff::1 100::1 64:ff9b:1::1 4000::1 64:ff9b::a00:1 2606:4700::5efe:a00:1";

    #[test]
    fn addresses_are_told_apart() {
        let check = |addresses: &str, expected: fn(Reach) -> bool| {
            for address in addresses.split_whitespace() {
                let reach = Reach::of(address.parse().expect("an address"));
                assert!(expected(reach), "{address}: {reach:?}");
            }
        };
        check(PUBLIC, |reach| reach == Reach::Public);
        check(LOOPBACK, |reach| reach == Reach::Loopback);
        check(METADATA, |reach| reach == Reach::Metadata);
        check(SPECIAL, |reach| matches!(reach, Reach::Special(_)));
    }
}
