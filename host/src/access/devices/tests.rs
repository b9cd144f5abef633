//! Who is let in as whom, and what changes reach.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::limits::{CONNECTS_BURST, WRONG_PASSWORDS_PER_MINUTE};

const HERE: &str = "127.0.0.1:5000";
const ELSEWHERE: &str = "192.168.0.7:5000";
const MINUTE: Duration = Duration::from_secs(60);

struct Host {
    directory: TempDir,
    devices: Devices,
}

async fn load(directory: &TempDir, anonymous: Anonymous) -> Devices {
    let database = Database::open(directory.path()).expect("a database");
    let devices = Devices::load(database, TokenKey::new(&[7; 32]), anonymous).await;
    devices.expect("loaded")
}

impl Host {
    async fn new(anonymous: Anonymous) -> Host {
        let directory = TempDir::new().expect("a directory");
        let devices = load(&directory, anonymous).await;
        Host { directory, devices }
    }

    async fn restarted(self) -> Host {
        let Host { directory, devices } = self;
        drop(devices);
        let devices = load(&directory, Anonymous::Local).await;
        Host { directory, devices }
    }

    /// Adds a device that may publish to this filter, and says its password.
    async fn add(&self, device: &str, publish: &str, certificates: &[&str]) -> String {
        let settings = settings(publish, certificates);
        let (_, password) = self
            .devices
            .put(name(device), settings, Put::Add)
            .await
            .expect("added");
        password.expect("a password").reveal().to_owned()
    }

    async fn set(
        &self,
        device: &str,
        publish: &str,
        certificates: &[&str],
    ) -> Result<(), DeviceError> {
        let settings = settings(publish, certificates);
        let (_, password) = self
            .devices
            .put(name(device), settings, Put::Change)
            .await?;
        assert!(password.is_none(), "it has one");
        Ok(())
    }

    fn connect(&self, credentials: &Credentials) -> Result<Identity, Refused> {
        let answer = self.devices.authenticate(credentials).now_or_never();
        answer.expect("nothing is waited for")
    }
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn settings(publish: &str, certificates: &[&str]) -> DeviceSettings {
    let certificates = certificates.iter().map(|name| (*name).to_owned()).collect();
    DeviceSettings::parse(&[publish.to_owned()], &[], certificates).expect("valid")
}

fn client(address: &str) -> Credentials {
    Credentials {
        address: address.parse().expect("an address"),
        client_id: "client".to_owned(),
        username: None,
        password: None,
        certificate_names: Vec::new(),
        is_page: false,
    }
}

fn with_password(address: &str, user: &str, password: &str) -> Credentials {
    Credentials {
        username: Some(user.to_owned()),
        password: Some(Bytes::from(password.to_owned())),
        ..client(address)
    }
}

fn with_certificate(names: &[&str]) -> Credentials {
    Credentials {
        certificate_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..client(ELSEWHERE)
    }
}

/// Whether a client may publish to a topic now.
fn may_publish(identity: &Identity, topic: &str) -> bool {
    let permissions = identity.permissions.load_full();
    let name = identity.name.as_deref();
    let topic = topic.parse().expect("a topic");
    permissions.is_some_and(|permissions| permissions.resolve("client", name).may_publish(&topic))
}

fn may_subscribe(identity: &Identity, filter: &str) -> bool {
    let permissions = identity.permissions.load_full().expect("some");
    let filter = filter.parse().expect("a filter");
    permissions.resolve("client", None).may_subscribe(&filter)
}

#[tokio::test]
async fn a_device_is_let_in_with_its_password_only() {
    let host = Host::new(Anonymous::Local).await;
    let password = host.add("one", "up/%u", &[]).await;
    let other = host.add("two", "up/%u", &[]).await;
    let identity = host
        .connect(&with_password(ELSEWHERE, "one", &password))
        .expect("let in");
    assert_eq!(identity.name.as_deref(), Some("one"));
    assert_eq!(identity.expires, None);
    assert!(may_publish(&identity, "up/one") && !may_publish(&identity, "up/two"));
    for (user, wrong) in [
        ("one", other.as_str()),
        ("one", ""),
        ("two", &password),
        ("three", &password),
        ("One", &password),
        ("", &password),
        ("one", &password[..31]),
    ] {
        let refused = host.connect(&with_password(ELSEWHERE, user, wrong)).err();
        assert_eq!(refused, Some(Refused::BadUserNameOrPassword), "{user}");
        let refused = host.connect(&with_password(HERE, user, wrong)).err();
        assert_eq!(
            refused,
            Some(Refused::BadUserNameOrPassword),
            "{user} from here"
        );
    }
    let no_text = Credentials {
        password: Some(Bytes::from_static(b"\xff.\xff")),
        ..with_password(ELSEWHERE, "one", "")
    };
    assert_eq!(
        host.connect(&no_text).err(),
        Some(Refused::BadUserNameOrPassword)
    );
    let nobody = Credentials {
        username: None,
        ..with_password(ELSEWHERE, "", &password)
    };
    assert_eq!(
        host.connect(&nobody).err(),
        Some(Refused::BadUserNameOrPassword)
    );
    let unproven = Credentials {
        password: None,
        ..with_password(HERE, "one", "")
    };
    assert_eq!(
        host.connect(&unproven).err(),
        Some(Refused::BadUserNameOrPassword)
    );
}

#[tokio::test]
async fn devices_are_there_after_a_restart() {
    let host = Host::new(Anonymous::Local).await;
    let password = host.add("one", "up/%u", &["certificate"]).await;
    let before = host.devices.list(None, 10);
    let host = host.restarted().await;
    assert_eq!(host.devices.list(None, 10), before);
    let identity = host
        .connect(&with_password(ELSEWHERE, "one", &password))
        .expect("let in");
    assert!(may_publish(&identity, "up/one"));
    host.connect(&with_certificate(&["certificate"]))
        .expect("let in");
}

#[tokio::test]
async fn a_token_is_a_password_for_as_long_as_it_is_valid() {
    let host = Host::new(Anonymous::Local).await;
    let key = TokenKey::new(&[7; 32]);
    let permissions = settings("up/%u", &[]).permissions;
    let token = key.sign_for_device(&name("sensor"), permissions.clone(), MINUTE);
    for user in ["sensor", "any", ""] {
        let identity = host
            .connect(&with_password(ELSEWHERE, user, &token))
            .expect("let in");
        assert_eq!(identity.name.as_deref(), Some("sensor"));
        assert!(may_publish(&identity, "up/sensor") && !may_publish(&identity, "up/any"));
        let left = identity
            .expires
            .expect("some time")
            .duration_since(SystemTime::now());
        assert!(left.expect("to come") <= MINUTE);
    }
    let nameless = Credentials {
        username: None,
        ..with_password(ELSEWHERE, "", &token)
    };
    host.connect(&nameless)
        .expect("MQTT 5 has passwords without user names");

    let grants = || json!({ "role": "device", "publish": ["#"] });
    let (last, cut) = token.split_at(token.len() - 1);
    let tampered = format!("{last}{}", if cut == "A" { "B" } else { "A" });
    for (what, token) in [
        (
            "another key",
            TokenKey::new(&[8; 32]).sign_for_device(&name("sensor"), permissions, MINUTE),
        ),
        (
            "of the admin API",
            key.sign(
                Audience::AdminApi,
                "sensor",
                json!({ "role": "admin" }),
                MINUTE,
            ),
        ),
        (
            "no name",
            key.sign(Audience::Mqtt, "No Name", grants(), MINUTE),
        ),
        (
            "too long",
            key.sign(
                Audience::Mqtt,
                "a",
                json!({ "role": "device", "publish": vec!["x".repeat(100); 90] }),
                MINUTE,
            ),
        ),
        ("tampered with", tampered),
    ] {
        let refused = host.connect(&with_password(ELSEWHERE, what, &token)).err();
        assert_eq!(refused, Some(Refused::BadUserNameOrPassword), "{what}");
    }
}

#[tokio::test]
async fn a_certificate_is_the_first_device_that_one_of_its_names_stands_for() {
    let host = Host::new(Anonymous::Everybody).await;
    let password = host.add("one", "a", &["CN one", "one.example"]).await;
    host.add("two", "a", &["two.example"]).await;
    let found = |names: &[&str]| {
        let identity = host.connect(&with_certificate(names));
        identity.map(|identity| identity.name.as_deref().map(str::to_owned))
    };
    for (names, expected) in [
        (&["CN one"][..], "one"),
        (&["?", "one.example"], "one"),
        (&["two.example", "one.example"], "two"),
        (&["?", "one.example", "two.example"], "one"),
    ] {
        assert_eq!(
            found(names).expect("let in").as_deref(),
            Some(expected),
            "{names:?}"
        );
    }
    // Neither a device's name, unless it says so, nor nobody at all.
    for names in [&["one"][..], &["?"], &["cn one"]] {
        assert_eq!(
            found(names).err(),
            Some(Refused::NotAuthorized),
            "{names:?}"
        );
    }
    let both = Credentials {
        certificate_names: vec!["two.example".to_owned()],
        ..with_password(ELSEWHERE, "one", &password)
    };
    assert_eq!(
        host.connect(&both).expect("let in").name.as_deref(),
        Some("one")
    );
    let wrong = Credentials {
        password: Some(Bytes::from_static(b"x")),
        ..both.clone()
    };
    assert_eq!(
        host.connect(&wrong).err(),
        Some(Refused::BadUserNameOrPassword)
    );
    // A user name alone says nothing that the certificate does not.
    let user_name = Credentials {
        password: None,
        ..both
    };
    assert_eq!(
        host.connect(&user_name).expect("let in").name.as_deref(),
        Some("two")
    );
}

#[tokio::test]
async fn anonymous_clients_are_trusted_on_this_machine() {
    let host = Host::new(Anonymous::Local).await;
    for address in [HERE, "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        let identity = host.connect(&client(address)).expect(address);
        assert_eq!(identity.name, None);
        assert!(may_publish(&identity, "a") && may_subscribe(&identity, "#"));
        assert!(may_subscribe(&identity, "$SYS/#"));
    }
    for address in [ELSEWHERE, "[2001:db8::1]:1", "[::ffff:10.0.0.1]:1"] {
        assert_eq!(
            host.connect(&client(address)).err(),
            Some(Refused::NotAuthorized),
            "{address}"
        );
    }
    let host = Host::new(Anonymous::Everybody).await;
    let identity = host.connect(&client(ELSEWHERE)).expect("let in");
    assert_eq!(identity.name, None);
    assert!(may_publish(&identity, "a") && may_subscribe(&identity, "#"));
    assert!(!may_subscribe(&identity, "$SYS/#") && !may_subscribe(&identity, "$SYS/x"));
}

#[tokio::test]
async fn changes_reach_clients_that_are_connected() {
    let host = Host::new(Anonymous::Local).await;
    let password = host.add("one", "old", &["old.example"]).await;
    let credentials = with_password(ELSEWHERE, "one", &password);
    let connected = host.connect(&credentials).expect("let in");
    assert!(may_publish(&connected, "old"));
    let more = ["old.example", "new.example"];
    host.set("one", "new", &more).await.expect("changed");
    assert!(may_publish(&connected, "new") && !may_publish(&connected, "old"));
    host.set("one", "new", &["new.example"])
        .await
        .expect("changed");
    assert!(
        connected.permissions.load().is_none(),
        "it may have shown the old certificate"
    );
    assert_eq!(
        host.connect(&with_certificate(&["old.example"])).err(),
        Some(Refused::NotAuthorized)
    );
    host.connect(&with_certificate(&["new.example"]))
        .expect("let in");

    let connected = host.connect(&credentials).expect("let in");
    let renewed = host
        .devices
        .renew_password(&name("one"))
        .await
        .expect("renewed");
    assert!(
        connected.permissions.load().is_none(),
        "who knew the old one is out"
    );
    assert_eq!(
        host.connect(&credentials).err(),
        Some(Refused::BadUserNameOrPassword)
    );
    let credentials = with_password(ELSEWHERE, "one", renewed.reveal());
    let connected = host.connect(&credentials).expect("let in");
    assert!(may_publish(&connected, "new"));
    let host = host.restarted().await;
    let connected = host.connect(&credentials).expect("let in");

    host.devices.delete(&name("one")).await.expect("deleted");
    assert!(connected.permissions.load().is_none());
    assert_eq!(
        host.connect(&credentials).err(),
        Some(Refused::BadUserNameOrPassword)
    );
    assert_eq!(
        host.connect(&with_certificate(&["new.example"])).err(),
        Some(Refused::NotAuthorized)
    );
    // A new device of that name is another one.
    host.add("one", "new", &[]).await;
    assert!(connected.permissions.load().is_none());
    assert!(host.connect(&credentials).is_err());
}

#[tokio::test]
async fn devices_do_not_come_or_go_by_mistake() {
    let host = Host::new(Anonymous::Local).await;
    host.add("one", "a", &["shared"]).await;
    let refused = host.set("two", "a", &[]).await;
    assert!(
        matches!(refused, Err(DeviceError::NoSuchDevice(_))),
        "{refused:?}"
    );
    let refused = host.devices.delete(&name("two")).await;
    assert!(
        matches!(refused, Err(DeviceError::NoSuchDevice(_))),
        "{refused:?}"
    );
    let refused = host.devices.renew_password(&name("two")).await;
    assert!(
        matches!(refused, Err(DeviceError::NoSuchDevice(_))),
        "{refused:?}"
    );
    let refused = host
        .devices
        .put(name("one"), settings("b", &[]), Put::Add)
        .await;
    assert!(
        matches!(refused, Err(DeviceError::Exists(_))),
        "{refused:?}"
    );
    let refused = host
        .devices
        .put(name("two"), settings("b", &["shared"]), Put::Either)
        .await;
    assert!(
        matches!(refused, Err(DeviceError::CertificateTaken(..))),
        "{refused:?}"
    );
    host.set("one", "b", &["shared"])
        .await
        .expect("it is its own");
    let put = host
        .devices
        .put(name("two"), settings("b", &[]), Put::Either)
        .await;
    assert!(put.expect("added").1.is_some());
    let put = host
        .devices
        .put(name("two"), settings("c", &[]), Put::Either)
        .await;
    assert!(put.expect("changed").1.is_none());
}

#[tokio::test]
async fn devices_are_listed_a_page_at_a_time() {
    let host = Host::new(Anonymous::Local).await;
    for device in ["b", "a", "d", "c"] {
        host.add(device, "a", &[]).await;
    }
    let page = |after: Option<&Name>| {
        let listed = host.devices.list(after, 3);
        listed
            .iter()
            .map(|device| device.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(page(None), ["a", "b", "c"]);
    assert_eq!(page(Some(&name("c"))), ["d"]);
    assert_eq!(page(Some(&name("bb"))), ["c", "d"]);
    assert_eq!(page(Some(&name("d"))), [""; 0]);
}

#[tokio::test]
async fn wrong_passwords_are_looked_at_for_so_long_only() {
    let host = Host::new(Anonymous::Local).await;
    let password = host.add("one", "a", &[]).await;
    let other = host.add("two", "a", &[]).await;
    let now = Instant::now();
    for address in [ELSEWHERE, HERE] {
        let right = with_password(address, "one", &password);
        for user in ["one", "unknown"] {
            let wrong = with_password(address, user, "wrong");
            for _ in 0..WRONG_PASSWORDS_PER_MINUTE {
                let refused = host.devices.identify(&wrong, now).err();
                assert_eq!(refused, Some(Refused::BadUserNameOrPassword), "{user}");
            }
            let refused = host.devices.identify(&wrong, now).err();
            assert_eq!(refused, Some(Refused::TooManyAttempts), "{user}");
        }
        let refused = host.devices.identify(&right, now).err();
        assert_eq!(
            refused,
            Some(Refused::TooManyAttempts),
            "not even the right one"
        );
        let neighbour = with_password(address, "two", &other);
        host.devices
            .identify(&neighbour, now)
            .expect("it has done nothing");
        host.devices
            .identify(&right, now + MINUTE)
            .expect("it is forgotten");
    }
    let elsewhere = with_password("10.0.0.9:1", "one", &password);
    host.devices
        .identify(&elsewhere, now)
        .expect("it has done nothing");
}

#[tokio::test]
async fn connections_from_elsewhere_come_at_a_rate() {
    let host = Host::new(Anonymous::Everybody).await;
    let now = Instant::now();
    for _ in 0..CONNECTS_BURST {
        host.devices
            .identify(&client(ELSEWHERE), now)
            .expect("let in");
    }
    let refused = host.devices.identify(&client(ELSEWHERE), now).err();
    assert_eq!(refused, Some(Refused::TooManyAttempts));
    host.devices
        .identify(&client("10.0.0.9:1"), now)
        .expect("let in");
    host.devices
        .identify(&client(ELSEWHERE), now + MINUTE)
        .expect("let in");
    for _ in 0..=CONNECTS_BURST {
        host.devices.identify(&client(HERE), now).expect("let in");
    }
}
