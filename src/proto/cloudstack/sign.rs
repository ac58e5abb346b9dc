//! Signatures: HMAC-SHA1 over the sorted, encoded, lower-cased parameters.
//!
//! Version 3 adds `signatureVersion=3` and `expires`, which are signed as any parameter. The encoding is that
//! of a URL with `%20` for a space; `*` stays. Java's encodes `~`, Python's does not: both are taken.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::expiry::parse_time;
use super::request::Command;
use crate::clock::Timestamp;

/// As Java's `URLEncoder` with `%20` for a space.
const JAVA: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');
/// As Python's `quote(safe="*")`.
const PYTHON: &AsciiSet = &JAVA.remove(b'~');

/// Why a signature is not good.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("the request is not signed")]
    Missing,
    /// It is another one.
    #[error("the signature does not match")]
    Wrong,
    /// Its time is over, or is none.
    #[error("the signature has expired")]
    Expired,
}

/// An account's secret key; never shown.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// From the text that the cloud gave out.
    pub fn new(text: &str) -> Self {
        let key = text.as_bytes();
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key))
    }

    /// The signature of a command, base64 and not yet encoded for a URL.
    pub fn sign(&self, command: &Command) -> String {
        let text = canonical(command, PYTHON);
        STANDARD.encode(hmac::sign(&self.0, text.as_bytes()))
    }

    /// Checks the signature that a command carries.
    ///
    /// # Errors
    /// It is missing, wrong, or its time is over at `now`.
    pub fn verify(&self, command: &Command, now: Timestamp) -> Result<(), SignatureError> {
        let shown = command.get("signature").ok_or(SignatureError::Missing)?;
        let shown = STANDARD.decode(shown).map_err(|_| SignatureError::Wrong)?;
        let good = [PYTHON, JAVA].into_iter().any(|set| {
            let text = canonical(command, set);
            hmac::verify(&self.0, text.as_bytes(), &shown).is_ok()
        });
        if !good {
            return Err(SignatureError::Wrong);
        }
        if command.get("signatureversion") == Some("3") {
            let expires = command.get("expires").and_then(parse_time);
            if expires.is_none_or(|expires| expires < now) {
                return Err(SignatureError::Expired);
            }
        }
        Ok(())
    }
}

/// What is signed.
fn canonical(command: &Command, set: &'static AsciiSet) -> String {
    let signed = command.params.iter();
    let signed = signed.filter(|(name, _)| !name.eq_ignore_ascii_case("signature"));
    let mut pairs: Vec<(String, String)> = signed
        .map(|(name, value)| {
            let value = utf8_percent_encode(value, set).to_string();
            (name.to_lowercase(), value)
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&").to_lowercase()
}

impl Command {
    /// The query of a signed request, for a URL or a form.
    pub fn query(&self, secret: &Secret) -> String {
        let signature = secret.sign(self);
        let all = self
            .params
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let all = all.chain([("signature", signature.as_str())]);
        let pairs: Vec<String> = all
            .map(|(name, value)| {
                let (name, value) = (
                    utf8_percent_encode(name, PYTHON),
                    utf8_percent_encode(value, PYTHON),
                );
                format!("{name}={value}")
            })
            .collect();
        pairs.join("&")
    }
}
