//! The address of a broker, as functions write it: `mqtt://host[:port][?client_id=name]`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A broker's address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
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
const PORT: u16 = 1883;
/// Names this host's own broker wherever it listens, and also where it does not.
const INTERNAL: &str = "tidegate.internal";

impl Address {
    /// Whose broker it names, where the host's own one listens at `own`.
    pub(super) fn broker(&self, own: Option<SocketAddr>) -> Broker {
        if self.host == INTERNAL {
            return Broker::Own;
        }
        let named = |own: &SocketAddr| {
            let listens_here = own.ip().is_unspecified() || own.ip().is_loopback();
            let is_own = match self.host.parse::<IpAddr>() {
                Ok(ip) => ip == own.ip() || (listens_here && ip.is_loopback()),
                Err(_) => listens_here && self.host == "localhost",
            };
            is_own && self.port == own.port()
        };
        match own.as_ref().is_some_and(named) {
            true => Broker::Own,
            false => Broker::Other,
        }
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Address, InvalidAddress> {
        let uri: http::Uri = text.parse().map_err(|_| InvalidAddress)?;
        let authority = uri.authority().ok_or(InvalidAddress)?;
        let is_bare = matches!(uri.path(), "" | "/") && !authority.as_str().contains('@');
        if uri.scheme_str() != Some(SCHEME) || !is_bare || authority.host().is_empty() {
            return Err(InvalidAddress);
        }
        let written_port = authority.port();
        let port = match &written_port {
            Some(port) => port.as_str().parse().map_err(|_| InvalidAddress)?,
            None => PORT,
        };
        let pairs = uri.query().unwrap_or_default().split('&');
        let client_id = pairs
            .filter_map(|pair| pair.strip_prefix("client_id="))
            .find(|name| !name.is_empty());
        Ok(Address {
            host: authority
                .host()
                .trim_matches(['[', ']'])
                .to_ascii_lowercase(),
            port,
            client_id: client_id.map(str::to_owned),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (&self.host, self.port);
        match host.contains(':') {
            true => write!(f, "{SCHEME}://[{host}]:{port}"),
            false => write!(f, "{SCHEME}://{host}:{port}"),
        }
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
            (
                "mqtt://Broker.Plant.local:1884/",
                "broker.plant.local",
                1884,
                None,
            ),
            (
                "mqtt://10.0.0.7?client_id=gate",
                "10.0.0.7",
                1883,
                Some("gate"),
            ),
            ("mqtt://[::1]:9?a=b&client_id=x", "::1", 9, Some("x")),
        ] {
            let expected = Address {
                host: host.to_owned(),
                port,
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
