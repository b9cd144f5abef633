//! The grammar of grants, and what they cover.

use super::*;

fn grants(texts: &[&str]) -> Vec<OutboundGrant> {
    let parse = |text: &&str| text.parse().unwrap_or_else(|error| panic!("{error}"));
    texts.iter().map(parse).collect()
}

fn destination(text: &str) -> Destination {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

type Texts = &'static [&'static str];

/// The own app by either of its names, schemes and any port: all of them, or none, are covered.
const OWN_APP: Texts = &[
    "http://self",
    "https://self",
    "http://self.alt",
    "https://self.alt:8443",
    "http://SELF:1",
];

/// The grant; destinations it covers; destinations it does not.
const COVERED: &[(&str, Texts, Texts)] = &[
    (
        "https://api.example.com",
        &["https://api.example.com", "HTTPS://API.example.COM:443"],
        &[
            "http://api.example.com",
            "https://api.example.com:8443",
            "https://example.com",
            "https://x.api.example.com",
            "https://api.example.com.evil.net",
            "https://api.example.com.",
        ],
    ),
    (
        "http://*.plant.local:8080",
        &[
            "http://pump.plant.local:8080",
            "http://a.b.plant.local:8080",
        ],
        &[
            "http://plant.local:8080",
            "http://pump.plant.local",
            "http://evilplant.local:8080",
        ],
    ),
    (
        "tcp://10.0.0.7:502",
        &["tcp://10.0.0.7:502", "tcp://[::ffff:10.0.0.7]:502"],
        &[
            "tcp://10.0.0.8:502",
            "tcp://10.0.0.7:503",
            "http://10.0.0.7:502",
        ],
    ),
    (
        "*://*:*",
        &[
            "http://a",
            "https://b:1",
            "tcp://1.2.3.4:65535",
            "redis://[::1]",
        ],
        &[],
    ),
    (
        "http://*",
        &["http://a", "http://1.2.3.4", "https://self:81"],
        &["http://a:81", "https://a"],
    ),
    (
        "*://10.1.2.3/8:1000..2000",
        &["tcp://10.255.0.1:1000", "http://10.0.0.1:1999"],
        &[
            "tcp://10.0.0.1:2000",
            "tcp://11.0.0.1:1000",
            "tcp://ten:1000",
        ],
    ),
    (
        "tcp://[fd00::]/8:502",
        &["tcp://[fd12::1]:502"],
        &["tcp://[fe80::1]:502"],
    ),
    (
        "tcp://[fd00::/8]:502",
        &["tcp://[fd12::1]:502"],
        &["tcp://[fd12::1]:503"],
    ),
    (
        "tcp://fd00::/8:502",
        &["tcp://[fd12::1]:502"],
        &["tcp://[fc00::1]:502"],
    ),
    (
        "http://[::1]/",
        &["http://[::1]"],
        &["http://[::2]", "http://127.0.0.1"],
    ),
    (
        "tcp://::ffff:10.0.0.0/104:1",
        &["tcp://10.9.9.9:1"],
        &["tcp://11.0.0.0:1"],
    ),
    (
        "http://self",
        OWN_APP,
        &["http://self.example.com", "tcp://self:80", "http://a"],
    ),
    ("https://self", OWN_APP, &["tcp://self:443", "https://a"]),
    (
        "*://self.alt:*",
        OWN_APP,
        &["http://selfish", "tcp://self:1"],
    ),
    ("http://self:8080", OWN_APP, &[]),
    ("tcp://self:80", &[], OWN_APP),
    ("http://*.alt", &["http://a.alt"], OWN_APP),
    (
        "http://thermostat.spin.internal",
        &["http://thermostat.spin.internal"],
        &["http://other.spin.internal"],
    ),
    (
        "http://*.spin.internal",
        &["http://other.spin.internal"],
        &["http://spin.internal"],
    ),
    (
        "mqtt://broker",
        &["mqtt://broker:1883"],
        &["mqtts://broker"],
    ),
    (
        "mqtts://broker",
        &["mqtts://broker:8883"],
        &["mqtt://broker"],
    ),
    ("postgres://db", &["postgres://db:5432"], &[]),
    ("mysql://db", &["mysql://db:3306"], &[]),
    ("redis://db", &["redis://db:6379"], &[]),
    ("HTTP://Example.COM:80", &["http://example.com"], &[]),
    (
        "http://a:*",
        &["http://a:1", "http://a:65535"],
        &["http://b:1"],
    ),
];

#[test]
fn grants_cover_what_they_say_and_no_more() {
    for (grant, covered, denied) in COVERED {
        let grant = &grants(&[grant])[0];
        for text in *covered {
            assert!(grant.permits(&destination(text)), "{grant} covers {text}");
        }
        for text in *denied {
            assert!(!grant.permits(&destination(text)), "{grant} denies {text}");
        }
    }
}

#[test]
fn what_is_no_grant_says_what_to_write() {
    let cases = [
        ("", "no scheme"),
        ("*", "no scheme"),
        ("example.com", "no scheme"),
        ("insecure:allow-all", "*://*:*"),
        ("{http,https}://a", "one grant for each"),
        ("http://{a,b}", "one grant for each"),
        ("http://a:{80,81}", "one grant for each"),
        ("h2c://a", "letters only"),
        ("://a", "letters only"),
        ("http://", "not a host name"),
        ("http://:80", "not a host name"),
        ("http://a b", "not a host name"),
        ("http://bücher.example", "not a host name"),
        ("http://a/path", "path"),
        ("http://a:80/path", "path"),
        ("http://a?x", "not a host name"),
        ("http://u:p@a", "password"),
        ("http://a*.example.com", "`*` stands"),
        ("http://*.*.example.com", "`*` stands"),
        ("http://*.10.0.0.1", "four numbers"),
        ("http://127.1", "four numbers"),
        ("http://2130706433", "four numbers"),
        ("http://0x7f000001", "four numbers"),
        ("http://10.0.0.0/33", "path"),
        ("http://[fe80::1%1]", "brackets"),
        ("http://[::1", "brackets"),
        ("http://fd00::/8", "brackets"),
        ("tcp://a", "write one"),
        ("*://a", "write one"),
        ("http://a:0", "no port is in"),
        ("http://a:65536", "not a port"),
        ("http://a:+80", "not a port"),
        ("http://a:", "not a port"),
        ("http://a:5..5", "no port is in"),
        ("http://a:9..5", "no port is in"),
        ("http://a:5..", "not a port"),
    ];
    for (text, expected) in cases {
        let error = text.parse::<OutboundGrant>().expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn what_is_no_destination_is_refused() {
    for text in [
        "a",
        "http://",
        "http://*",
        "http://u@a",
        "http://a/x",
        "http://a:0",
        "http://a:x",
        "tcp://a",
        "http://[a]",
        "http://[fe80::1%1]",
        "http://a%00",
        "http://a..b",
        "http://a\r\n",
        "http://127.0.0.1\\@a",
        "://a",
        "1://a",
    ] {
        assert!(text.parse::<Destination>().is_err(), "{text}");
    }
    for (text, shown) in [
        ("HTTPS://A:443", "https://a"),
        ("tcp://[::ffff:1.2.3.4]:5", "tcp://1.2.3.4:5"),
        ("http://[0:0::1]:81", "http://[::1]:81"),
    ] {
        assert_eq!(destination(text).to_string(), shown);
    }
}

/// The grants; the destination; addresses that it may be at; addresses that it may not.
const ADDRESSES: &[(Texts, &str, Texts, Texts)] = &[
    (
        &["*://*:*"],
        "http://a",
        &["1.1.1.1", "2606:4700::1"],
        &[
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "::1",
            "::ffff:127.0.0.1",
        ],
    ),
    (
        &["http://a"],
        "http://a",
        &["1.1.1.1"],
        &["127.0.0.1", "192.168.0.1"],
    ),
    (
        &["http://a", "http://10.0.0.0/8"],
        "http://a",
        &["10.1.2.3", "::ffff:10.1.2.3"],
        &["192.168.0.1", "64:ff9b::a01:203"],
    ),
    // The grant of the address is for another port, or another scheme.
    (
        &["http://a:81", "http://10.0.0.0/8"],
        "http://a:81",
        &[],
        &["10.1.2.3"],
    ),
    (
        &["http://a", "tcp://10.0.0.0/8:80"],
        "http://a",
        &[],
        &["10.1.2.3"],
    ),
    (
        &["http://localhost"],
        "http://localhost",
        &["127.0.0.1", "::1"],
        &["10.0.0.1", "0.0.0.0"],
    ),
    (
        &["http://localhost", "http://*"],
        "http://a",
        &[],
        &["127.0.0.1"],
    ),
    (
        &["http://*.localhost"],
        "http://a.localhost",
        &[],
        &["127.0.0.1"],
    ),
    (
        &["http://0.0.0.0/0", "http://::/0:80"],
        "http://a",
        &["127.0.0.1", "10.0.0.1", "::1"],
        &[
            "169.254.169.254",
            "168.63.129.16",
            "fd00:ec2::254",
            "100.100.100.200",
        ],
    ),
    (
        &["http://169.254.169.254"],
        "http://169.254.169.254",
        &["169.254.169.254"],
        &["169.254.170.2"],
    ),
    (&["http://[::1]"], "http://[::1]", &["::1"], &["127.0.0.1"]),
];

#[test]
fn an_address_that_is_not_public_needs_a_grant_of_its_own() {
    for (granted, asked, allowed, prohibited) in ADDRESSES {
        let (granted, asked) = (grants(granted), destination(asked));
        let check = |address: &str| {
            let address = address.parse().expect("an address");
            check_address(&granted, &asked, address, Reach::of(address))
        };
        for address in *allowed {
            assert_eq!(check(address), Ok(()), "{asked} at {address}");
        }
        for address in *prohibited {
            assert!(check(address).is_err(), "{asked} at {address}");
        }
    }
}
