//! Buckets on the fake host.

use crate::key_value::{self, Bucket, Error, Swap};
use crate::testing;

fn bucket() -> Bucket {
    key_value::open("default").expect("a bucket")
}

#[test]
fn values_are_set_read_and_deleted() {
    let bucket = bucket();
    assert_eq!((bucket.get("a"), bucket.exists("a")), (Ok(None), Ok(false)));
    bucket.set("a", "1").expect("set");
    assert_eq!(
        (bucket.get_text("a"), bucket.exists("a")),
        (Ok(Some("1".to_owned())), Ok(true))
    );
    assert_eq!(testing::value("default", "a"), Some(b"1".to_vec()));
    bucket.delete("a").expect("deleted");
    bucket.delete("a").expect("deleted again");
    assert_eq!(bucket.get("a"), Ok(None));
}

#[test]
fn buckets_are_apart_and_may_be_denied() {
    testing::set_value("other", "a", "theirs");
    assert_eq!(bucket().get("a"), Ok(None));
    testing::deny_bucket("other");
    assert_eq!(
        key_value::open("other").err(),
        Some(Error::AccessDenied("other".to_owned()))
    );
    assert_eq!(
        key_value::open("").err(),
        Some(Error::NoSuchBucket(String::new()))
    );
}

#[test]
fn keys_come_in_byte_order_over_several_pages() {
    let bucket = bucket();
    let expected: Vec<String> = (100..125).map(|number| number.to_string()).collect();
    for key in expected.iter().rev() {
        bucket.set(key, "").expect("set");
    }
    assert_eq!(bucket.keys(), Ok(expected));
}

#[test]
fn several_keys_at_once() {
    let bucket = bucket();
    bucket.set_many(&[("a", b"1"), ("b", b"2")]).expect("set");
    let values = bucket.get_many(&["b", "c", "a"]).expect("read");
    assert_eq!(values, [Some(b"2".to_vec()), None, Some(b"1".to_vec())]);
    bucket.delete_many(&["a", "b"]).expect("deleted");
    assert_eq!(bucket.keys(), Ok(Vec::new()));
}

#[test]
fn numbers_are_added_to() {
    let bucket = bucket();
    assert_eq!(
        (bucket.increment("n", 3), bucket.increment("n", -5)),
        (Ok(3), Ok(-2))
    );
    bucket.set("n", "many").expect("set");
    assert!(matches!(bucket.increment("n", 1), Err(Error::Host(_))));
}

#[test]
fn an_update_that_somebody_else_overtakes_is_made_again() {
    let append = |old: Option<&[u8]>| [old.unwrap_or_default(), b"x"].concat();
    testing::before_next_swap(|| testing::set_value("default", "a", "theirs"));
    assert_eq!(bucket().update("a", append), Ok(b"theirsx".to_vec()));
    assert_eq!(testing::value("default", "a"), Some(b"theirsx".to_vec()));
}

#[test]
fn the_second_of_two_swaps_finds_the_value_changed() {
    let bucket = bucket();
    let (first, second) = (bucket.compare_and_swap("a"), bucket.compare_and_swap("a"));
    assert!(matches!(first.expect("read").swap("1"), Ok(Swap::Done)));
    match second.expect("read").swap("2") {
        Ok(Swap::Changed(now)) => assert_eq!(now.current(), Ok(Some(b"1".to_vec()))),
        _ => panic!("the second swap must not succeed"),
    }
}
