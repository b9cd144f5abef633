//! The names that a client's certificate says it has.

use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// Common names of the subject, then alternative names that are a domain, a URI or an e-mail address; each once.
///
/// The certificate was verified before, so it can be read. A name that is empty or has control characters in it is left
/// out: it could be taken for another one.
pub(super) fn names(der: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Vec::new();
    };
    let common_names = certificate.subject().iter_common_name();
    let common_names = common_names.filter_map(|name| name.as_str().ok());
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let alternatives = alternatives
        .iter()
        .flat_map(|names| &names.value.general_names);
    let alternatives = alternatives.filter_map(|name| match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) | GeneralName::RFC822Name(name) => {
            Some(*name)
        }
        _ => None,
    });
    let mut names: Vec<String> = Vec::new();
    for name in common_names.chain(alternatives) {
        let is_clear = !name.is_empty() && !name.chars().any(char::is_control);
        if is_clear && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
