//! Writes the code: the user's function unchanged, an adapter that pins its types on every target, and, for
//! WebAssembly only, the export and the manifest's section.

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use syn::{Error, ItemFn, Result};

const HTTP_SHAPE: &str = "an HTTP handler takes a `Request`, or nothing";
const SCHEDULE_SHAPE: &str = "a schedule handler takes a `Tick`, or nothing";
const MQTT_SHAPE: &str = "an MQTT handler takes a `Message`, or a `Message` and a `Delivery`";

/// An `#[http_handler]` with its manifest.
pub(crate) fn http(function: &ItemFn, manifest: &str) -> Result<TokenStream> {
    check_plain(function)?;
    let name = &function.sig.ident;
    let call = match function.sig.inputs.len() {
        0 => quote!(#name()),
        1 => quote!(#name(request)),
        _ => return Err(Error::new_spanned(&function.sig.inputs, HTTP_SHAPE)),
    };
    let section = section(manifest);
    Ok(quote! {
        #function

        #[allow(unsafe_code, reason = "exports are unmangled symbols and the manifest is a custom section")]
        const _: () = {
            #[allow(dead_code, unused_variables, clippy::unit_arg, reason = "called by the host, not by the crate")]
            fn __tidegate_answer(request: ::tidegate_sdk::Request) -> ::tidegate_sdk::Response {
                ::tidegate_sdk::IntoResponse::into_response(#call)
            }

            #[cfg(target_arch = "wasm32")]
            struct TidegateHttp;

            #[cfg(target_arch = "wasm32")]
            impl ::tidegate_sdk::export::wasip2::exports::http::incoming_handler::Guest for TidegateHttp {
                fn handle(
                    request: ::tidegate_sdk::export::wasip2::http::types::IncomingRequest,
                    out: ::tidegate_sdk::export::wasip2::http::types::ResponseOutparam,
                ) {
                    ::tidegate_sdk::export::handle_http(request, out, __tidegate_answer);
                }
            }

            #[cfg(target_arch = "wasm32")]
            ::tidegate_sdk::export::wasip2::http::proxy::export!(
                TidegateHttp with_types_in ::tidegate_sdk::export::wasip2
            );

            #section
        };
    })
}

/// An `#[mqtt_handler]` with its manifest.
pub(crate) fn mqtt(function: &ItemFn, manifest: &str) -> Result<TokenStream> {
    check_plain(function)?;
    let name = &function.sig.ident;
    let call = match function.sig.inputs.len() {
        1 => quote!(#name(message)),
        2 => quote!(#name(message, delivery)),
        _ => return Err(Error::new_spanned(&function.sig, MQTT_SHAPE)),
    };
    let section = section(manifest);
    Ok(quote! {
        #function

        #[allow(unsafe_code, reason = "exports are unmangled symbols and the manifest is a custom section")]
        const _: () = {
            #[allow(dead_code, unused_variables, clippy::unit_arg, reason = "called by the host, not by the crate")]
            fn __tidegate_handle(
                message: ::tidegate_sdk::Message,
                delivery: ::tidegate_sdk::Delivery,
            ) -> ::core::result::Result<(), ::std::string::String> {
                ::tidegate_sdk::mqtt::IntoOutcome::into_outcome(#call)
            }

            #[cfg(target_arch = "wasm32")]
            struct TidegateMqtt;

            #[cfg(target_arch = "wasm32")]
            impl ::tidegate_sdk::export::mqtt::Guest for TidegateMqtt {
                fn handle(
                    message: ::tidegate_sdk::export::mqtt::Message,
                    delivery: ::tidegate_sdk::export::mqtt::Delivery,
                ) -> ::core::result::Result<(), ::std::string::String> {
                    __tidegate_handle(message.into(), delivery.into())
                }
            }

            #[cfg(target_arch = "wasm32")]
            ::tidegate_sdk::bindings::export_mqtt_handler!(
                TidegateMqtt with_types_in ::tidegate_sdk::bindings
            );

            #section
        };
    })
}

/// A `#[schedule_handler]` with its manifest.
pub(crate) fn schedule(function: &ItemFn, manifest: &str) -> Result<TokenStream> {
    check_plain(function)?;
    let name = &function.sig.ident;
    let call = match function.sig.inputs.len() {
        0 => quote!(#name()),
        1 => quote!(#name(tick)),
        _ => return Err(Error::new_spanned(&function.sig.inputs, SCHEDULE_SHAPE)),
    };
    let section = section(manifest);
    Ok(quote! {
        #function

        #[allow(unsafe_code, reason = "exports are unmangled symbols and the manifest is a custom section")]
        const _: () = {
            #[allow(dead_code, unused_variables, clippy::unit_arg, reason = "called by the host, not by the crate")]
            fn __tidegate_tick(tick: ::tidegate_sdk::Tick) -> ::core::result::Result<(), ::std::string::String> {
                ::tidegate_sdk::mqtt::IntoOutcome::into_outcome(#call)
            }

            #[cfg(target_arch = "wasm32")]
            struct TidegateSchedule;

            #[cfg(target_arch = "wasm32")]
            impl ::tidegate_sdk::export::schedule::Guest for TidegateSchedule {
                fn handle(
                    tick: ::tidegate_sdk::export::schedule::Tick,
                ) -> ::core::result::Result<(), ::std::string::String> {
                    __tidegate_tick(tick.into())
                }
            }

            #[cfg(target_arch = "wasm32")]
            ::tidegate_sdk::bindings::schedule::export_schedule_handler!(
                TidegateSchedule with_types_in ::tidegate_sdk::bindings::schedule
            );

            #section
        };
    })
}

/// A `manifest!`.
pub(crate) fn manifest(text: &str) -> TokenStream {
    let section = section(text);
    quote! {
        #[allow(unsafe_code, reason = "the manifest is a custom section")]
        const _: () = { #section };
    }
}

/// One document in the section `tidegate:manifest`, ended by NUL; nothing where there is no text.
fn section(text: &str) -> TokenStream {
    if text.is_empty() {
        return TokenStream::new();
    }
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    let length = bytes.len();
    let bytes = Literal::byte_string(&bytes);
    quote! {
        #[cfg(target_arch = "wasm32")]
        #[used]
        #[unsafe(link_section = "tidegate:manifest")]
        static MANIFEST: [u8; #length] = *#bytes;
    }
}

fn check_plain(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if let Some(keyword) = &signature.asyncness {
        return Err(Error::new_spanned(
            keyword,
            "a handler is not async: each invocation has an instance to itself",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            "a handler has no type parameters or lifetimes",
        ));
    }
    if let Some(receiver) = signature.receiver() {
        return Err(Error::new_spanned(
            receiver,
            "a handler is a function, not a method",
        ));
    }
    Ok(())
}
