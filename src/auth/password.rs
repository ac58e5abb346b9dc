//! Passwords: argon2id, PHC strings, the same work for users who do not exist.

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use rand::Rng;

use super::AuthError;

/// Longest password in bytes.
const LONGEST: usize = 1024;

/// Hashes a new password with argon2id (19 MiB, 2 passes, 1 lane) and a fresh salt of 16 bytes.
///
/// # Errors
/// `Password` when it is empty, longer than 1024 bytes, or holds NUL.
pub(super) fn hash(password: &str) -> Result<String, AuthError> {
    check(password)?;
    let mut salt = [0; 16];
    rand::rng().fill_bytes(&mut salt);
    let fail = |error: argon2::password_hash::Error| AuthError::Crypto(error.to_string());
    let salt = SaltString::encode_b64(&salt).map_err(fail)?;
    let hash = Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .map_err(fail)?;
    Ok(hash.to_string())
}

/// Whether a stored hash can be read at all; asked at load, so that a login never finds out.
///
/// # Errors
/// The words of the parser.
pub(super) fn check_hash(hash: &str) -> Result<(), String> {
    let parsed = PasswordHash::new(hash).map_err(|error| error.to_string())?;
    match parsed.algorithm.as_str() {
        "argon2id" if parsed.hash.is_some() => Ok(()),
        other => Err(format!("'{other}' is not a complete argon2id hash")),
    }
}

/// Compares a password with a hash in a time that depends on the hash's parameters only.
/// A password that could not have been set is compared too, as the empty one, and refused.
pub(super) fn matches(password: &str, hash: &str) -> bool {
    let possible = check(password).is_ok();
    let tried = if possible { password } else { "" };
    let equal = PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(tried.as_bytes(), &hash)
            .is_ok()
    });
    possible && equal
}

fn check(password: &str) -> Result<(), AuthError> {
    if password.is_empty() {
        return Err(AuthError::Password("it is empty"));
    }
    if password.len() > LONGEST {
        return Err(AuthError::Password("it is longer than 1024 bytes"));
    }
    if password.contains('\0') {
        return Err(AuthError::Password("it holds a NUL character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_argon2id_salted_and_matches_its_password_alone() {
        let (one, two) = (hash("secret").unwrap(), hash("secret").unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        assert_eq!(check_hash(&one), Ok(()));
        assert!(matches("secret", &one) && matches("secret", &two));
        for wrong in ["Secret", "secret ", "", "secret\0", &"s".repeat(2000)] {
            assert!(!matches(wrong, &one), "{wrong}");
        }
    }

    #[test]
    fn empty_long_and_nul_passwords_are_refused() {
        for bad in ["", "a\0b", &"x".repeat(1025)] {
            assert!(matches!(hash(bad), Err(AuthError::Password(_))));
        }
        assert!(hash(&"x".repeat(1024)).is_ok());
    }

    #[test]
    fn a_hash_of_another_kind_is_refused_at_load() {
        for bad in [
            "",
            "plain",
            "$6$salt$hash",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ",
        ] {
            assert!(check_hash(bad).is_err(), "{bad}");
        }
    }
}
