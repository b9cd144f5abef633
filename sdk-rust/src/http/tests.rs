//! Requests, responses and bodies, without a host.

use std::io::{Read, Write};

use super::{BodyWriter, Error, IntoResponse, Response, percent};
use crate::{Request, http_handler, testing};

#[http_handler(route = "/hello/{name}", methods = ["GET"], bucket = "default", publish = "alerts/#")]
fn hello(request: Request) -> Result<String, String> {
    Ok(format!(
        "hello {}",
        request.param("name").ok_or("nobody to greet")?
    ))
}

#[test]
fn an_annotated_function_stays_a_function() {
    let greet = |request: testing::RequestBuilder| testing::respond(hello(request.build()));
    assert_eq!(
        greet(testing::request("GET", "/hello/ann").param("name", "ann")).text(),
        "hello ann"
    );
    let refused = greet(testing::request("GET", "/hello/"));
    assert_eq!(
        (refused.status, refused.text().as_str()),
        (500, "nobody to greet")
    );
}

#[test]
fn a_request_tells_what_was_asked() {
    let request = testing::request("PUT", "/doors/a%20b?open=yes+now&code=%31%3d&flag")
        .header("X-Token", "s3cret")
        .route("/doors/{Door}")
        .param("Door", "a b/ü")
        .client_address("[::1]:4711".parse().expect("an address"))
        .header("tidegate-invocation-id", "i-1")
        .build();
    assert_eq!((request.method(), request.path()), ("PUT", "/doors/a%20b"));
    assert_eq!(request.query(), Some("open=yes+now&code=%31%3d&flag"));
    assert_eq!(request.query_param("open").as_deref(), Some("yes now"));
    assert_eq!(request.query_param("code").as_deref(), Some("1="));
    assert_eq!(request.query_param("flag").as_deref(), Some(""));
    assert_eq!(request.query_param("other"), None);
    assert_eq!(request.header("x-TOKEN"), Some("s3cret"));
    assert_eq!(
        (request.route(), request.param("Door")),
        (Some("/doors/{Door}"), Some("a b/ü"))
    );
    assert_eq!(
        request.client_address().map(|address| address.port()),
        Some(4711)
    );
    assert_eq!(request.invocation_id(), Some("i-1"));
}

#[test]
fn a_request_without_the_hosts_headers_has_nothing_to_tell() {
    let request = testing::request("GET", "").header("blob", [0xff]).build();
    assert_eq!(
        (request.path(), request.query(), request.header("blob")),
        ("/", None, None)
    );
    assert_eq!(
        (
            request.param("name"),
            request.route(),
            request.client_address()
        ),
        (None, None, None)
    );
    assert_eq!(request.headers().next(), Some(("blob", [0xff].as_slice())));
}

#[test]
fn a_body_is_read_once_and_kept() {
    let request = testing::request("POST", "/")
        .body("one ")
        .body("")
        .body("two")
        .build();
    assert_eq!(request.text(), Ok("one two"));
    assert_eq!(request.body(), Ok(b"one two".as_slice()));
    let again: Vec<_> = request.body_stream().expect("kept").collect();
    assert_eq!(again, [Ok(b"one two".to_vec())]);
}

#[test]
fn a_body_taken_as_a_stream_arrives_in_chunks_and_is_gone() {
    let request = testing::request("POST", "/")
        .body("one")
        .body("two")
        .build();
    let chunks: Vec<_> = request.body_stream().expect("not taken yet").collect();
    assert_eq!(chunks, [Ok(b"one".to_vec()), Ok(b"two".to_vec())]);
    assert_eq!(request.body(), Err(Error::BodyTaken));
    assert!(matches!(request.body_stream(), Err(Error::BodyTaken)));
}

#[test]
fn a_body_stream_reads_in_any_portion() {
    let mut stream = testing::request("POST", "/")
        .body("abcd")
        .body("ef")
        .build()
        .body_stream()
        .expect("there");
    let mut three = [0; 3];
    stream.read_exact(&mut three).expect("enough");
    assert_eq!(&three, b"abc");
    assert_eq!(stream.next(), Some(Ok(b"d".to_vec())));
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "ef");
}

#[test]
fn text_that_is_none_is_an_error() {
    assert_eq!(
        testing::request("POST", "/").body([0xff]).build().text(),
        Err(Error::NotUtf8)
    );
}

#[test]
fn many_things_are_responses() {
    let check = |answer: Response, status, content_type, body: &str| {
        let received = testing::respond(answer);
        assert_eq!(
            (
                received.status,
                received.header("content-type"),
                received.text().as_str()
            ),
            (status, content_type, body)
        );
    };
    const TEXT: Option<&str> = Some("text/plain; charset=utf-8");
    check(().into_response(), 200, None, "");
    check("hi".into_response(), 200, TEXT, "hi");
    check(String::from("hi").into_response(), 200, TEXT, "hi");
    check(
        vec![b'x'].into_response(),
        200,
        Some("application/octet-stream"),
        "x",
    );
    check((201, "made").into_response(), 201, TEXT, "made");
    check(
        Ok::<_, String>((404, "none")).into_response(),
        404,
        TEXT,
        "none",
    );
    check(Err::<(), _>("broken").into_response(), 500, TEXT, "broken");
    check(Response::json("{}"), 200, Some("application/json"), "{}");
}

#[test]
fn headers_are_replaced_or_added() {
    let response = Response::text("")
        .with_header("Content-Type", "text/csv")
        .and_header("a", "1")
        .and_header("a", "2");
    let headers: Vec<_> = response.headers().collect();
    assert_eq!(
        headers,
        [
            ("content-type", b"text/csv".as_slice()),
            ("a", b"1"),
            ("a", b"2")
        ]
    );
}

#[test]
fn streams_are_written_chunk_by_chunk() {
    assert_eq!(testing::respond(Response::chunks(["a", "b"])).text(), "ab");
    let counted = Response::stream(|writer: &mut BodyWriter<'_>| {
        (1..=3).try_for_each(|number| Ok(writeln!(writer, "{number}")?))
    });
    assert_eq!(testing::respond(counted).text(), "1\n2\n3\n");
}

#[test]
fn a_stream_that_fails_breaks_off() {
    let response = Response::stream(|writer| {
        writer.send("first")?;
        Err(std::io::Error::from(Error::Closed).into())
    });
    let received = testing::respond(response);
    assert_eq!(
        (received.text().as_str(), received.broken),
        ("first", Some(Error::Closed))
    );
}

#[test]
fn percent_decoding_keeps_what_it_does_not_understand() {
    assert_eq!(percent::decode("a%20b+c%2Bd%C3%BC"), "a b+c+dü");
    assert_eq!(percent::decode("100%, %zz, %4"), "100%, %zz, %4");
    assert_eq!(percent::decode("%ff"), "\u{fffd}");
    assert_eq!(percent::decode_query("a+b%2B"), "a b+");
    assert_eq!(percent::decode(&percent::encode("a b/ü%")), "a b/ü%");
}
