//! The guard with a resolver of the tests' own, and listeners that count who comes.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;

use super::*;
use crate::model::outbound::OutboundGrant;

/// A guard with these grants, whose resolver gives these answers, one for each lookup; and how many there were.
fn guard(
    grants: &[String],
    answers: &'static [&'static [&'static str]],
) -> (Guard, Arc<AtomicUsize>) {
    let parse = |text: &String| text.parse::<OutboundGrant>().expect("a grant");
    let grants = Grants {
        outbound: grants.iter().map(parse).collect(),
        ..Grants::default()
    };
    let lookups = Arc::new(AtomicUsize::new(0));
    let counted = lookups.clone();
    let resolver: Resolver = Arc::new(move |_name, _turn| {
        let answer = answers[counted
            .fetch_add(1, Ordering::SeqCst)
            .min(answers.len() - 1)];
        let addresses = answer.iter().map(|text| text.parse().expect("an address"));
        let addresses: Vec<IpAddr> = addresses.collect();
        Box::pin(async move { Ok(addresses) })
    });
    let permits = [1, 1].map(|count| Arc::new(Semaphore::new(count)));
    (Guard::new(Arc::new(grants), resolver, permits), lookups)
}

/// A listener at this address, and how many have come.
async fn canary(address: &str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(address).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = visits.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, visits)
}

fn destination(text: &str) -> Destination {
    text.parse().expect("a destination")
}

const WITHIN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_dialled() {
    let (port, granted_visits) = canary("127.0.0.2:0").await;
    let (_, other_visits) = canary(&format!("127.0.0.1:{port}")).await;
    let grants = [
        format!("http://rebinds.test:{port}"),
        format!("http://127.0.0.2:{port}"),
    ];
    // What is right when it is checked, and wrong for whoever asks again.
    let (guard, lookups) = guard(&grants, &[&["127.0.0.2"], &["127.0.0.1"]]);
    let asked = destination(&format!("http://rebinds.test:{port}"));
    let connection = guard.connect(&asked, WITHIN).await.expect("it is granted");
    assert_eq!(lookups.load(Ordering::SeqCst), 1);
    drop(connection);
    let denied = guard.connect(&asked, WITHIN).await.err();
    assert!(
        matches!(denied, Some(Denied::AddressNotGranted { .. })),
        "{denied:?}"
    );
    assert_eq!(lookups.load(Ordering::SeqCst), 2);
    while granted_visits.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(granted_visits.load(Ordering::SeqCst), 1);
    assert_eq!(other_visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_several_addresses_only_those_that_are_allowed_are_dialled() {
    let answer: &[&str] = &[
        "127.0.0.1",
        "10.0.0.1",
        "::1",
        "1.1.1.1",
        "169.254.169.254",
        "::ffff:1.0.0.1",
    ];
    let (guard, _) = guard(
        &["https://mixed.test".to_owned()],
        Box::leak(Box::new([answer])),
    );
    let addresses = guard
        .addresses(&destination("https://mixed.test"))
        .await
        .expect("two are public");
    assert_eq!(
        addresses,
        ["1.1.1.1:443", "1.0.0.1:443"].map(|text| text.parse().expect("an address"))
    );
}

#[tokio::test]
async fn what_is_not_granted_is_not_even_looked_up() {
    let (guard, lookups) = guard(&["http://10.0.0.0/8".to_owned()], &[&["10.0.0.1"]]);
    let denied = guard
        .addresses(&destination("http://leaks-by-dns.test"))
        .await
        .err();
    assert!(matches!(denied, Some(Denied::NotGranted(_))), "{denied:?}");
    assert_eq!(lookups.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_address_that_is_denied_says_what_to_grant() {
    let (guard, _) = guard(&["http://*.plant.local:8080".to_owned()], &[&["10.1.2.3"]]);
    let denied = guard
        .addresses(&destination("http://pump.plant.local:8080"))
        .await;
    let text = denied.expect_err("a private address").to_string();
    assert!(
        text.contains("10.1.2.3, a private address") && text.contains("add `http://10.1.2.3:8080`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_thousand_addresses_become_a_few_and_none_is_an_error() {
    let many: Vec<&str> = ["1.1.1.1", "1.1.1.2"].repeat(500);
    let answers: &[&[&str]] = Box::leak(Box::new([&*Vec::leak(many), &[]]));
    let (guard, _) = guard(&["http://*".to_owned()], answers);
    let asked = destination("http://many.test");
    assert_eq!(
        guard.addresses(&asked).await.expect("public").len(),
        OUTBOUND_ADDRESSES_MAX
    );
    let none = guard.addresses(&asked).await.err();
    assert!(matches!(none, Some(Denied::Unresolvable(..))), "{none:?}");
}

#[tokio::test]
async fn connections_are_counted_and_a_zero_timeout_is_none() {
    let (port, _) = canary("127.0.0.1:0").await;
    let (guard, _) = guard(&[format!("tcp://127.0.0.1:{port}")], &[&[]]);
    let asked = destination(&format!("tcp://127.0.0.1:{port}"));
    let first = guard.connect(&asked, WITHIN).await.expect("the first one");
    let second = guard.connect(&asked, Duration::from_millis(20)).await.err();
    assert!(matches!(second, Some(Denied::TooMany(_))), "{second:?}");
    drop(first);
    guard
        .connect(&asked, WITHIN)
        .await
        .expect("there is room again");
    // May succeed where it needs no waiting; it is not to panic.
    drop(guard.connect(&asked, Duration::ZERO).await);
}

#[tokio::test]
async fn a_function_whose_lookups_hang_holds_up_nobody_else() {
    let hanging = Arc::new(AtomicUsize::new(0));
    let (counted, all) = (
        hanging.clone(),
        Arc::new(Semaphore::new(2 * OUTBOUND_FUNCTION_LOOKUPS_MAX)),
    );
    let resolver: Resolver = Arc::new(move |name, turn| {
        let (counted, all) = (counted.clone(), all.clone());
        Box::pin(async move {
            let _permit = all.acquire_owned().await.expect("never closed");
            if name == "hangs.test" {
                counted.fetch_add(1, Ordering::SeqCst);
                // As a thread that nobody waits for any longer: it keeps its turn.
                std::mem::forget(turn);
                std::future::pending::<()>().await;
            }
            Ok(vec![IpAddr::from([1, 1, 1, 1])])
        })
    });
    let of_function = || {
        let grants = Grants {
            outbound: vec!["http://*".parse().expect("a grant")],
            ..Grants::default()
        };
        let permits = [1, 1].map(|count| Arc::new(Semaphore::new(count)));
        Arc::new(Guard::new(Arc::new(grants), resolver.clone(), permits))
    };
    let (greedy, other) = (of_function(), of_function());
    let asked = destination("http://hangs.test");
    for _ in 0..3 * OUTBOUND_FUNCTION_LOOKUPS_MAX {
        let given_up = timeout(Duration::from_millis(5), greedy.addresses(&asked)).await;
        assert!(given_up.is_err());
    }
    assert_eq!(
        hanging.load(Ordering::SeqCst),
        OUTBOUND_FUNCTION_LOOKUPS_MAX
    );
    let found = timeout(WITHIN, other.addresses(&destination("http://works.test"))).await;
    found.expect("at once").expect("public");
}

#[test]
fn the_machines_own_addresses_are_told_from_others() {
    assert!(is_own(IpAddr::from([127, 0, 0, 1])));
    for other in ["192.0.2.1", "1.1.1.1", "2606:4700::1111"] {
        assert!(!is_own(other.parse().expect("an address")), "{other}");
    }
}
