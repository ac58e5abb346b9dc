//! What each error means to the engine.

use crate::engine::port::VimError;
use crate::proto::vcloud::{Document, VcloudError};
use crate::vim_http::{Reply, one_line};

/// Something is under way with what was asked about.
const BUSY: &str = "BUSY_ENTITY";
/// There is one of that name.
const DUPLICATE: &str = "DUPLICATE_NAME";

/// The words of an error, with its codes.
pub fn words(error: &VcloudError) -> String {
    let minor = match &*error.minor {
        "" => String::new(),
        minor => format!(" {}", one_line(minor)),
    };
    match one_line(&error.message) {
        text if text.is_empty() => format!("vCloud: code {}{minor}", error.major),
        text => format!("vCloud: {text} (code {}{minor})", error.major),
    }
}

/// The error that an answer holds; by its status where it is none of the API's.
pub fn of_reply(reply: &Reply) -> VcloudError {
    let told = VcloudError::decode(&reply.body).ok();
    let mut error = told.unwrap_or_else(|| VcloudError::new(reply.status, "", ""));
    if error.message.is_empty() {
        error.message = format!("HTTP {}", reply.status);
    }
    if error.major == 0 {
        error.major = reply.status;
    }
    error
}

/// Whether the cloud says that what was named is not there: it has the same words for what is another's.
pub fn is_missing(error: &VcloudError) -> bool {
    let text = error.message.to_lowercase();
    error.major == 404
        || error.major == 403
            && (text.contains("no access to entity") || text.contains("does not exist"))
}

/// Whether what was refused can be asked again when something else is over.
pub fn is_busy(error: &VcloudError) -> bool {
    error.minor == BUSY || error.message.to_lowercase().contains("is busy")
}

/// Whether there is something of that name already.
pub fn is_duplicate(error: &VcloudError) -> bool {
    error.minor == DUPLICATE
}

/// An error answer to what changes something.
pub fn refusal(error: &VcloudError) -> VimError {
    let line = words(error);
    match error.major {
        // Too many requests: it did not take this one up.
        429 => VimError::Down(line),
        // It broke on the way, perhaps behind the point of no return.
        408 | 500.. => VimError::Unknown(line),
        // It did nothing, and can be asked again.
        _ if is_busy(error) => VimError::Unknown(line),
        _ => VimError::Refused(vec![line]),
    }
}

/// The same for what only reads: a cloud that breaks over it is as good as down.
pub fn unreadable(error: &VcloudError) -> VimError {
    let line = words(error);
    match error.major {
        429 | 502..=504 => VimError::Down(line),
        408 | 500.. => VimError::Unknown(line),
        _ => VimError::Refused(vec![line]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clouds_words_come_with_their_codes() {
        let no = VcloudError::new(400, "BAD_REQUEST", "The requested\n memory is  not there");
        let line = "vCloud: The requested memory is not there (code 400 BAD_REQUEST)";
        assert_eq!(refusal(&no), VimError::Refused(vec![line.to_owned()]));
        for (major, minor, change, read) in [
            (400, "BAD_REQUEST", "refused", "refused"),
            (400, "BUSY_ENTITY", "unknown", "refused"),
            (401, "", "refused", "refused"),
            (403, "", "refused", "refused"),
            (429, "", "down", "down"),
            (500, "INTERNAL_SERVER_ERROR", "unknown", "unknown"),
            (503, "", "unknown", "down"),
        ] {
            let kind = |error| match error {
                VimError::Refused(_) => "refused",
                VimError::Unknown(_) => "unknown",
                VimError::Down(_) => "down",
            };
            let seen = VcloudError::new(major, minor, "x");
            let kinds = (kind(refusal(&seen)), kind(unreadable(&seen)));
            assert_eq!(kinds, (change, read), "{major} {minor}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_from_what_is_forbidden() {
        let code = "ACCESS_TO_RESOURCE_IS_FORBIDDEN";
        let gone = "No access to entity \"com.vmware.vcloud.entity.vapp:7\".";
        assert!(is_missing(&VcloudError::new(403, code, gone)));
        assert!(is_missing(&VcloudError::new(404, "", "HTTP 404")));
        let denied = VcloudError::new(403, code, "This operation is denied.");
        assert!(!is_missing(&denied));
        assert!(!is_missing(&VcloudError::new(
            400,
            "",
            "No access to entity"
        )));
        assert!(is_duplicate(&VcloudError::new(400, "DUPLICATE_NAME", "x")));
    }
}
