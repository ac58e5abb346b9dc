//! The rule for names of users and groups.

use super::AuthError;

/// 1 to 64 of `[A-Za-z0-9._-]`, not starting with `-` (a name must not look like an option).
///
/// # Errors
/// `Name` when the rule is broken.
pub(super) fn check(what: &'static str, name: &str) -> Result<(), AuthError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=64).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(allowed) {
        return Ok(());
    }
    // Control characters would garble the line that reports it.
    let name = name.chars().filter(|c| !c.is_control()).take(100).collect();
    Err(AuthError::Name { what, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_plain_words() {
        let long = "x".repeat(64);
        for good in ["a", "admin", "A.b_c-9", ".x", long.as_str()] {
            assert_eq!(check("user", good), Ok(()), "{good}");
        }
        let longer = "x".repeat(65);
        for bad in ["", "-a", "a b", "a/b", "é", "a\0", "a\n", longer.as_str()] {
            assert!(check("user", bad).is_err(), "{bad}");
        }
        let error = check("group", "a\u{1b}[2J").unwrap_err().to_string();
        assert!(
            error.starts_with("'a[2J' is not a valid group name"),
            "{error}"
        );
    }
}
