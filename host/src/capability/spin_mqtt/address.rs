//! The address of a broker, as functions write it: `mqtt://host[:port][?client_id=name]`.

use std::net::SocketAddr;
use std::str::FromStr;

use crate::model::outbound::{Destination, Host, OWN_BROKER};

/// A broker's address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) destination: Destination,
    pub(super) client_id: Option<String>,
}

/// Not an address of a broker.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidAddress;

/// Whose broker an address names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broker {
    /// This host's.
    Own,
    /// Anybody else's.
    Other,
}

const SCHEME: &str = "mqtt";

impl Address {
    /// Whose broker it names, where the host's own one listens at `own`.
    pub(super) fn broker(&self, own: Option<SocketAddr>) -> Broker {
        let host = self.destination.host();
        let named = |own: SocketAddr| {
            let listens_here = own.ip().is_unspecified() || own.ip().is_loopback();
            let is_own = match host {
                Host::Address(ip) => *ip == own.ip() || (listens_here && ip.is_loopback()),
                Host::Name(name) => listens_here && name == "localhost",
            };
            is_own && self.destination.port() == own.port()
        };
        let is_meant = matches!(host, Host::Name(name) if name == OWN_BROKER);
        match is_meant || own.is_some_and(named) {
            true => Broker::Own,
            false => Broker::Other,
        }
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Address, InvalidAddress> {
        let (url, query) = text.split_once('?').unwrap_or((text, ""));
        let destination: Destination = url.parse().map_err(|_| InvalidAddress)?;
        if destination.scheme() != SCHEME {
            return Err(InvalidAddress);
        }
        let client_id = query
            .split('&')
            .filter_map(|pair| pair.strip_prefix("client_id="))
            .find(|name| !name.is_empty());
        Ok(Address {
            destination,
            client_id: client_id.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn addresses_are_read() {
        for (text, host, port, client_id) in [
            ("mqtt://localhost", "localhost", 1883, None),
            ("mqtt://Plant.local:1884/", "plant.local", 1884, None),
            (
                "mqtt://10.0.0.7?client_id=gate",
                "10.0.0.7",
                1883,
                Some("gate"),
            ),
            ("mqtt://[::1]:9?a=b&client_id=x", "[::1]", 9, Some("x")),
        ] {
            let destination = Destination::new("mqtt", host, Some(port));
            let expected = Address {
                destination: destination.expect("a destination"),
                client_id: client_id.map(str::to_owned),
            };
            assert_eq!(address(text), expected, "{text}");
        }
        for text in [
            "",
            "localhost",
            "localhost:1883",
            "mqtt://",
            "mqtts://localhost",
            "http://localhost",
            "mqtt://localhost:0",
            "mqtt://localhost:99999",
            "mqtt://localhost:x",
            "mqtt://user:word@localhost",
            "mqtt://localhost/topic",
            "mqtt://a b",
        ] {
            assert_eq!(text.parse::<Address>(), Err(InvalidAddress), "{text}");
        }
    }

    #[test]
    fn the_own_broker_is_known_by_where_it_listens() {
        let cases = [
            ("mqtt://localhost:1883", "127.0.0.1:1883", Broker::Own),
            ("mqtt://127.0.0.1", "0.0.0.0:1883", Broker::Own),
            ("mqtt://[::1]", "127.0.0.1:1883", Broker::Own),
            ("mqtt://localhost:1884", "127.0.0.1:1883", Broker::Other),
            ("mqtt://10.0.0.7", "10.0.0.7:1883", Broker::Own),
            ("mqtt://localhost", "10.0.0.7:1883", Broker::Other),
            ("mqtt://10.0.0.8", "0.0.0.0:1883", Broker::Other),
            ("mqtt://tidegate.internal", "127.0.0.1:4711", Broker::Own),
        ];
        for (text, own, expected) in cases {
            let own = Some(own.parse().expect("an address"));
            assert_eq!(address(text).broker(own), expected, "{text}");
        }
        assert_eq!(address("mqtt://localhost").broker(None), Broker::Other);
        assert_eq!(
            address("mqtt://tidegate.internal").broker(None),
            Broker::Own
        );
    }
}
