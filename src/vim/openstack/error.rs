//! Why a connector cannot be used, and where each failure of a request is mapped to what the engine hears.

use std::path::PathBuf;

use crate::engine::port::VimError;
use crate::proto::nova::Fault;

/// What is wrong with a connector.
#[derive(Debug, thiserror::Error)]
pub enum OpenstackError {
    /// A setting is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A setting has a value that is none.
    #[error("{name}: {why}")]
    Bad {
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// A setting is not one of this driver.
    #[error("'{0}' is not a property of an OPENSTACK connector")]
    Unknown(String),
    /// A secret stands in the configuration itself.
    #[error("'{0}' is a secret: name a file or an environment variable that holds it")]
    PlainSecret(String),
    /// A secret is not where it is said to be.
    #[error("{0} holds no secret")]
    NoSecret(String),
    /// A file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The HTTP client cannot be made.
    #[error("HTTP client: {0}")]
    Client(String),
}

/// A request that got no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Silence {
    /// It did not reach the cloud.
    Down(String),
    /// It may have.
    Lost(String),
}

impl From<Silence> for VimError {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Down(line) => Self::Down(line),
            Silence::Lost(line) => Self::Unknown(line),
        }
    }
}

/// The words of an error answer; a page that is no document is told by its status alone.
pub fn words(service: &str, status: u16, body: &[u8]) -> String {
    match Fault::decode(body).filter(|fault| !fault.message.is_empty()) {
        Some(fault) => format!("{service}: {} (HTTP {status})", one_line(&fault.message)),
        None => format!("{service}: HTTP {status}"),
    }
}

/// The same in one line, without the markup some services put into theirs.
pub fn one_line(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut in_tag = false;
    for letter in text.chars() {
        match letter {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                plain.push(' ');
            }
            _ if in_tag => {}
            letter if letter.is_control() => plain.push(' '),
            letter => plain.push(letter),
        }
    }
    // An angle bracket that opened nothing belongs to the text.
    let plain = if in_tag {
        text.replace(['\n', '\r', '\t'], " ")
    } else {
        plain
    };
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ")
}

/// What an error answer to a request that changes something means to the engine.
pub fn refusal(service: &str, status: u16, body: &[u8]) -> VimError {
    let line = words(service, status, body);
    match status {
        // The cloud did not take it up: it may be asked again.
        429 => VimError::Down(line),
        // It broke on the way, perhaps behind the point of no return.
        408 | 500..=599 => VimError::Unknown(line),
        _ => VimError::Refused(vec![line]),
    }
}

/// The same for a request that only reads: a cloud that breaks over it is as good as down.
pub fn unreadable(service: &str, status: u16, body: &[u8]) -> VimError {
    let line = words(service, status, body);
    match status {
        429 | 502..=504 => VimError::Down(line),
        408 | 500..=599 => VimError::Unknown(line),
        _ => VimError::Refused(vec![line]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clouds_words_come_through() {
        let fault = br#"{"conflictingRequest":{"code":409,"message":"Cannot 'reboot' instance x while it is in task_state reboot_started"}}"#;
        assert_eq!(
            refusal("Nova", 409, fault),
            VimError::Refused(vec![
                "Nova: Cannot 'reboot' instance x while it is in task_state reboot_started (HTTP 409)".to_owned()
            ])
        );
        let page = b"<html><body>Service Unavailable</body></html>";
        assert_eq!(
            refusal("Nova", 503, page),
            VimError::Unknown("Nova: HTTP 503".to_owned())
        );
        assert_eq!(
            unreadable("Nova", 503, page),
            VimError::Down("Nova: HTTP 503".to_owned())
        );
        let glance = br#"{"message":"No image found<br /><br />\n","code":"404 Not Found","title":"Not Found"}"#;
        assert_eq!(
            words("Glance", 404, glance),
            "Glance: No image found (HTTP 404)"
        );
        assert_eq!(one_line("a < b\nc"), "a < b c");
    }
}
