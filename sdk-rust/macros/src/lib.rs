//! The attribute macros of `tidegate-sdk`.
//!
//! `attribute` reads `key = value` lists, `manifest` checks them and writes the manifest's text, `expand` writes the
//! code: the export and the custom section that carries the manifest.
//!
//! The section is called `tidegate:manifest`. Each macro adds a TOML document of its own, ended by one NUL byte; the
//! linker puts them one after the other, and the host splits and merges them.

use proc_macro::TokenStream;
use syn::{ItemFn, LitStr, parse_macro_input};

mod attribute;
mod expand;
mod manifest;

/// Makes a function answer HTTP requests.
///
/// The function takes a `Request` (or nothing) and returns anything that is `IntoResponse`. It stays an ordinary
/// function, so that tests can call it. All keys may be left out; each may be given a string or a list of strings:
///
/// - `route = "/doors/{id}"`: what it answers; segments in braces are parameters, a last `{*rest}` takes what is left
/// - `methods = ["GET", "POST"]`: on these routes; all, where it is left out
/// - `bucket = "default"`, `bucket = "readings:ro"`: key-value buckets it may open
/// - `database = "default"`, `database = "readings:ro"`: SQL databases it may open
/// - `publish = "alerts/#"`: topics it may publish to
///
/// A component may have one of these; a second does not compile for WebAssembly: its symbol is already defined.
#[proc_macro_attribute]
pub fn http_handler(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let keys = parse_macro_input!(attribute as attribute::Keys);
    let function = parse_macro_input!(item as ItemFn);
    let expanded = manifest::of_http(keys).and_then(|text| expand::http(&function, &text));
    expanded
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a function handle MQTT messages.
///
/// The function takes a `Message`, and a `Delivery` if it wants one, and returns nothing or a `Result<(), E>`; an error
/// means that the message is delivered again. It stays an ordinary function, so that tests can call it. All keys may
/// be left out; those with names may be given a string or a list of strings:
///
/// - `topic = "sensors/+/temperature"`: the topic filter of the messages it handles
/// - `qos = 1`: the highest QoS at which it receives them
/// - `order = "per-topic"` or `"none"`: whether messages of one topic wait for each other
/// - `bucket`, `database`, `publish`: as for `http_handler`
///
/// A component may have one of these; a second does not compile for WebAssembly: its symbol is already defined.
#[proc_macro_attribute]
pub fn mqtt_handler(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let keys = parse_macro_input!(attribute as attribute::Keys);
    let function = parse_macro_input!(item as ItemFn);
    let expanded = manifest::of_mqtt(keys).and_then(|text| expand::mqtt(&function, &text));
    expanded
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Runs a function on schedules.
///
/// The function takes a `Tick`, or nothing, and returns nothing or a `Result<(), E>`; an error means that the tick is
/// tried again. It stays an ordinary function, so that tests can call it. All keys may be left out; those with names may
/// be given a string or a list of strings:
///
/// - `cron = "*/5 * * * *"`: when it runs; five fields, or six with seconds first
/// - `timezone = "Europe/Berlin"`: whose clock these times are read from; UTC, where it is left out
/// - `bucket`, `publish`: as for `http_handler`
///
/// A component may have one of these; a second does not compile for WebAssembly: its symbol is already defined.
#[proc_macro_attribute]
pub fn schedule_handler(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let keys = parse_macro_input!(attribute as attribute::Keys);
    let function = parse_macro_input!(item as ItemFn);
    let expanded = manifest::of_schedule(keys).and_then(|text| expand::schedule(&function, &text));
    expanded
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Adds TOML to the manifest that the component carries, for what the attributes have no key for:
/// `manifest!("[limits]\ntimeout = \"2s\"")`.
///
/// It is a document of its own, merged with the others: triggers and grants add up, other keys override.
#[proc_macro]
pub fn manifest(input: TokenStream) -> TokenStream {
    let text = parse_macro_input!(input as LitStr);
    let expanded = manifest::of_text(&text).map(|text| expand::manifest(&text));
    expanded
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
