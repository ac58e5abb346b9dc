//! What each error means to the engine.

use crate::engine::port::VimError;
use crate::proto::cloudstack::ApiError;
use crate::vim_http::one_line;

/// The cloud broke over a command.
pub const INTERNAL: u16 = 530;

/// The words of an error, with its code.
pub fn words(error: &ApiError) -> String {
    match one_line(&error.errortext) {
        text if text.is_empty() => format!("CloudStack: code {}", error.errorcode),
        text => format!("CloudStack: {text} (code {})", error.errorcode),
    }
}

/// Whether the cloud says that what was named is not there (for this user).
pub fn is_missing(error: &ApiError) -> bool {
    const WORDS: [&str; 4] = [
        "unable to find",
        "does not exist",
        "couldn't find",
        "not found",
    ];
    let text = error.errortext.to_lowercase();
    matches!(error.errorcode, 404 | 430 | 431)
        && !text.starts_with("the given command")
        && WORDS.iter().any(|words| text.contains(words))
}

/// An error answer to a command that changes something.
pub fn refusal(error: &ApiError) -> VimError {
    let line = words(error);
    match error.errorcode {
        // Too many requests: it did not take this one up.
        429 => VimError::Down(line),
        // It broke on the way, perhaps behind the point of no return.
        408 | 500..=INTERNAL => VimError::Unknown(line),
        // 401, 431, 432, and 531 on: account, limit, capacity, a resource that cannot be had, in use.
        _ => VimError::Refused(vec![line]),
    }
}

/// The same for a command that only reads: a cloud that breaks over it is as good as down.
pub fn unreadable(error: &ApiError) -> VimError {
    let line = words(error);
    match error.errorcode {
        429 | 502..=504 => VimError::Down(line),
        408 | 500..=INTERNAL => VimError::Unknown(line),
        _ => VimError::Refused(vec![line]),
    }
}

/// A page that is none of the API's, by its HTTP status.
pub fn page(status: u16) -> ApiError {
    ApiError {
        errorcode: status,
        cserrorcode: None,
        errortext: format!("HTTP {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: u16, text: &str) -> ApiError {
        ApiError::new(code, text)
    }

    #[test]
    fn the_clouds_words_come_with_their_code() {
        let capacity = error(533, "Unable to create a deployment for VM[User|x]");
        let line = "CloudStack: Unable to create a deployment for VM[User|x] (code 533)";
        assert_eq!(refusal(&capacity), VimError::Refused(vec![line.to_owned()]));
        for (code, change, read) in [
            (401, "refused", "refused"),
            (429, "down", "down"),
            (431, "refused", "refused"),
            (432, "refused", "refused"),
            (500, "unknown", "unknown"),
            (503, "unknown", "down"),
            (530, "unknown", "unknown"),
            (534, "refused", "refused"),
        ] {
            let kind = |error| match error {
                VimError::Refused(_) => "refused",
                VimError::Unknown(_) => "unknown",
                VimError::Down(_) => "down",
            };
            let seen = ApiError::new(code, "x");
            assert_eq!(
                (kind(refusal(&seen)), kind(unreadable(&seen))),
                (change, read),
                "{code}"
            );
        }
    }

    #[test]
    fn what_is_not_there_is_told_from_what_is_wrong() {
        for text in [
            "Unable to find async job by id 7",
            "Unable to execute API command listvirtualmachines due to invalid value. Invalid parameter id value=x due to incorrect long value format, or entity does not exist or due to incorrect parameter annotation for the field in api cmd class.",
            "Unable to find a virtual machine with id 7",
        ] {
            assert!(is_missing(&error(431, text)), "{text}");
        }
        for (code, text) in [
            (
                432,
                "The given command 'x' does not exist or it is not available for user",
            ),
            (431, "The given command 'x' does not exist"),
            (431, "Invalid name"),
            (530, "Unable to find storage"),
        ] {
            assert!(!is_missing(&error(code, text)), "{text}");
        }
    }
}
