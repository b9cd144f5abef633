//! What became of a connection or an exchange, in the words of `wasi:http`.

use std::error::Error as StdError;
use std::io;

use tokio::time::error::Elapsed;
use wasmtime_wasi_http::Error;

use super::guard::Denied;

/// The error of an exchange that failed, by the innermost reason that says something.
pub(super) fn of_exchange(failed: &(dyn StdError + 'static)) -> Error {
    if let Some(denied) = find::<Denied>(failed) {
        return of_denied(denied);
    }
    if let Some(error) = find::<rustls::Error>(failed) {
        return of_tls(error);
    }
    if find::<Elapsed>(failed).is_some() {
        return Error::ConnectionTimeout;
    }
    if let Some(error) = find::<io::Error>(failed) {
        return of_io(error);
    }
    match find::<hyper::Error>(failed) {
        Some(error) if error.is_parse_too_large() => Error::HttpResponseHeaderSectionSize(None),
        Some(error) if error.is_incomplete_message() => Error::HttpResponseIncomplete,
        Some(error) if error.is_canceled() || error.is_closed() => Error::ConnectionTerminated,
        _ => Error::HttpProtocolError,
    }
}

pub(super) fn of_denied(denied: &Denied) -> Error {
    match denied {
        Denied::NotGranted(_) | Denied::NameNotGranted(_) => Error::HttpRequestDenied,
        Denied::AddressNotGranted { .. } => Error::DestinationIpProhibited,
        Denied::Unresolvable(..) => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        Denied::Unreachable(_, error) => of_io(error),
        Denied::Timeout(_) => Error::ConnectionTimeout,
        Denied::TooMany(_) | Denied::TooManySockets => Error::ConnectionLimitReached,
    }
}

fn of_tls(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Error::TlsCertificateError
        }
        rustls::Error::AlertReceived(alert) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: alert.as_str().map(str::to_owned),
        },
        _ => Error::TlsProtocolError,
    }
}

fn of_io(error: &io::Error) -> Error {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionRefused => Error::ConnectionRefused,
        K::HostUnreachable | K::AddrNotAvailable => Error::DestinationUnavailable,
        K::NetworkUnreachable => Error::DestinationIpUnroutable,
        K::TimedOut => Error::ConnectionTimeout,
        _ => Error::ConnectionTerminated,
    }
}

/// An error of this type among the reasons of another, also where an [`io::Error`] wraps it.
pub(super) fn find<'a, T: StdError + 'static>(
    failed: &'a (dyn StdError + 'static),
) -> Option<&'a T> {
    let mut next = Some(failed);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found_however_deep_it_is_wrapped() {
        let of_tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, of_tls));
        assert!(matches!(of_exchange(&wrapped), Error::TlsCertificateError));
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let destination = "http://a".parse().expect("a destination");
        let denied = io::Error::other(Denied::Unreachable(destination, refused));
        assert!(matches!(of_exchange(&denied), Error::ConnectionRefused));
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(matches!(of_exchange(&broken), Error::ConnectionTerminated));
    }
}
