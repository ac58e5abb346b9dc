//! Where each failure of a request is mapped to what the engine hears.

use crate::engine::port::VimError;
use crate::proto::nova::Fault;
pub use crate::vim_http::ConnectorError as OpenstackError;
pub use crate::vim_http::{Silence, one_line};

/// The words of an error answer; a page that is no document is told by its status alone.
pub fn words(service: &str, status: u16, body: &[u8]) -> String {
    match Fault::decode(body).filter(|fault| !fault.message.is_empty()) {
        Some(fault) => format!("{service}: {} (HTTP {status})", one_line(&fault.message)),
        None => format!("{service}: HTTP {status}"),
    }
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
