//! Authorized public keys: OpenSSH text, of the kinds and sizes we accept.

use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, HashAlg, PublicKey};

use super::AuthError;

/// RSA keys below this are refused (NIST SP 800-131A).
const RSA_BITS: usize = 2048;

/// Keys as large as this are refused: checking a signature would take long.
const RSA_BITS_MOST: usize = 16_384;

/// Reads the keys of a `.pub` or `authorized_keys` text: one per line, empty lines and `#` comments skipped.
///
/// # Errors
/// `Key` when a line cannot be read, carries options (`from=`, `command=`: we do not honour them, so we do not
/// take them), is of a kind or size not accepted, or when there is no key at all.
pub fn authorized_keys(text: &str) -> Result<Vec<PublicKey>, AuthError> {
    let lines = text.lines().map(str::trim);
    let keys: Vec<_> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(parse)
        .collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err(AuthError::Key("there is none in the text".to_owned()));
    }
    Ok(keys)
}

/// The key's SHA-256 fingerprint as OpenSSH prints it.
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Reads one key.
pub(super) fn parse(line: &str) -> Result<PublicKey, AuthError> {
    let fail = |message: &str| AuthError::Key(format!("{message}: '{}'", shorten(line)));
    if line.contains("PRIVATE KEY") {
        return Err(AuthError::Key(
            "this is a private key; give the .pub file".to_owned(),
        ));
    }
    let key = PublicKey::from_openssh(line)
        .map_err(|_| fail("not '<kind> <base64> [comment]' of OpenSSH without options"))?;
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Ok(key),
        Algorithm::Rsa { .. } => {
            let bits = rsa_bits(key.key_data());
            match bits {
                RSA_BITS..=RSA_BITS_MOST => Ok(key),
                _ => Err(fail(&format!(
                    "RSA with {bits} bits, not {RSA_BITS} to {RSA_BITS_MOST}"
                ))),
            }
        }
        other => Err(fail(&format!(
            "keys of kind {other} are not accepted (ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa are)"
        ))),
    }
}

fn rsa_bits(key: &KeyData) -> usize {
    let bytes = key.rsa().and_then(|rsa| rsa.n().as_positive_bytes());
    let Some([first, rest @ ..]) = bytes else {
        return 0;
    };
    rest.len() * 8 + (8 - first.leading_zeros() as usize)
}

fn shorten(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use russh::keys::EcdsaCurve;
    use russh::keys::PrivateKey;

    use super::*;

    fn text(algorithm: Algorithm) -> String {
        let key = PrivateKey::random(&mut rand::rng(), algorithm).unwrap();
        key.public_key().to_openssh().unwrap()
    }

    #[test]
    fn several_keys_with_comments_are_read() {
        let one = text(Algorithm::Ed25519);
        let two = text(Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP384,
        });
        let keys = authorized_keys(&format!("# mine\n\n{one} alice@host\r\n  {two}\n")).unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0].comment().as_str_lossy(), "alice@host");
        assert!(fingerprint(&keys[0]).starts_with("SHA256:"));
    }

    #[test]
    fn options_private_keys_and_rubbish_are_refused() {
        let good = text(Algorithm::Ed25519);
        let bad = [
            String::new(),
            "# nothing".to_owned(),
            format!("from=\"10.0.0.1\" {good}"),
            format!("command=\"x\" {good}"),
            good.replace("ssh-ed25519", "ssh-rsa"),
            "ssh-ed25519 AAAA".to_owned(),
            "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(),
        ];
        for bad in bad {
            assert!(
                matches!(authorized_keys(&bad), Err(AuthError::Key(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn short_rsa_is_refused() {
        // ssh-keygen -t rsa -b 1024
        let short = include_str!("testdata/rsa1024.pub");
        let error = authorized_keys(short).unwrap_err().to_string();
        assert!(error.contains("RSA with 1024 bits"), "{error}");
        assert!(authorized_keys(include_str!("testdata/rsa2048.pub")).is_ok());
    }
}
