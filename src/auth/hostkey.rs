//! Our own host keys: made at the first start, kept in the data directory, different on every install.

use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use russh::keys::pkcs8::decode_pkcs8;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey};

use super::{AuthError, file};

/// A kind of host key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostKeyKind {
    /// `ssh-ed25519`.
    Ed25519,
    /// `ecdsa-sha2-nistp256`.
    EcdsaP256,
    /// `rsa-sha2-256` and `rsa-sha2-512`, 3072 bits.
    Rsa,
}

impl HostKeyKind {
    /// All kinds, the preferred first.
    pub const ALL: [HostKeyKind; 3] = [Self::Ed25519, Self::EcdsaP256, Self::Rsa];

    /// Name of its file in the data directory.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Ed25519 => "host_key_ed25519",
            Self::EcdsaP256 => "host_key_ecdsa",
            Self::Rsa => "host_key_rsa",
        }
    }

    fn is(self, algorithm: &Algorithm) -> bool {
        match self {
            Self::Ed25519 => *algorithm == Algorithm::Ed25519,
            Self::EcdsaP256 => {
                let curve = EcdsaCurve::NistP256;
                *algorithm == Algorithm::Ecdsa { curve }
            }
            Self::Rsa => matches!(algorithm, Algorithm::Rsa { .. }),
        }
    }

    fn make(self) -> Result<PrivateKey, AuthError> {
        let rng = &mut rand::rng();
        let curve = EcdsaCurve::NistP256;
        match self {
            Self::Ed25519 => PrivateKey::random(rng, Algorithm::Ed25519),
            Self::EcdsaP256 => PrivateKey::random(rng, Algorithm::Ecdsa { curve }),
            Self::Rsa => return make_rsa(),
        }
        .map_err(|error| AuthError::Crypto(error.to_string()))
    }
}

/// An RSA key by the library that does the SSH cryptography too: ten times faster than one in pure Rust.
fn make_rsa() -> Result<PrivateKey, AuthError> {
    let failed = |error: &dyn std::fmt::Display| AuthError::Crypto(format!("RSA key: {error}"));
    let pair = KeyPair::generate(KeySize::Rsa3072).map_err(|error| failed(&error))?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|error| failed(&error))?;
    decode_pkcs8(der.as_ref(), None).map_err(|error| failed(&error))
}

/// The host keys of these kinds; those missing are made and stored (0600). Blocks.
///
/// # Errors
/// `File` when a file cannot be read or written, may be read by others, is encrypted, or holds another kind of key:
/// a key is never replaced, for clients would take that for an attack.
pub fn load_or_make(data_dir: &Path, kinds: &[HostKeyKind]) -> Result<Vec<PrivateKey>, AuthError> {
    kinds.iter().map(|kind| one(data_dir, *kind)).collect()
}

fn one(data_dir: &Path, kind: HostKeyKind) -> Result<PrivateKey, AuthError> {
    let path = data_dir.join(kind.file_name());
    let Some(text) = file::read(&path)? else {
        let key = kind.make()?;
        let text = key
            .to_openssh(LineEnding::LF)
            .map_err(|error| AuthError::Crypto(error.to_string()))?;
        file::replace(&path, &text)?;
        return Ok(key);
    };
    let key = PrivateKey::from_openssh(&text)
        .map_err(|error| AuthError::file(&path, format!("not an OpenSSH private key: {error}")))?;
    if key.is_encrypted() {
        return Err(AuthError::file(
            &path,
            "the key has a passphrase; a host key must have none",
        ));
    }
    if !kind.is(&key.algorithm()) {
        let message = format!("holds a key of kind {}, not {kind:?}", key.algorithm());
        return Err(AuthError::file(&path, message));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use russh::keys::HashAlg;

    use super::*;

    const QUICK: [HostKeyKind; 2] = [HostKeyKind::Ed25519, HostKeyKind::EcdsaP256];

    fn prints(keys: &[PrivateKey]) -> Vec<String> {
        let print = |key: &PrivateKey| key.fingerprint(HashAlg::Sha256).to_string();
        keys.iter().map(print).collect()
    }

    #[test]
    fn keys_are_kept_and_two_installs_differ() {
        let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [one, again, other] = [&dirs[0], &dirs[0], &dirs[1]]
            .map(|dir| prints(&load_or_make(dir.path(), &QUICK).unwrap()));
        assert_eq!(one, again);
        assert!(one.iter().all(|print| !other.contains(print)));
        for kind in QUICK {
            let mode = fs::metadata(dirs[0].path().join(kind.file_name()))
                .unwrap()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn an_rsa_key_has_3072_bits() {
        let dir = tempfile::tempdir().unwrap();
        let keys = load_or_make(dir.path(), &[HostKeyKind::Rsa]).unwrap();
        let public = keys[0].public_key().to_openssh().unwrap();
        assert!(super::super::authorized_keys(&public).is_ok());
        assert_eq!(keys, load_or_make(dir.path(), &[HostKeyKind::Rsa]).unwrap());
    }

    #[test]
    fn a_broken_or_wrong_key_is_refused_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        load_or_make(dir.path(), &QUICK).unwrap();
        let [good, ecdsa] = QUICK.map(|kind| dir.path().join(kind.file_name()));
        fs::copy(&ecdsa, &good).unwrap();
        let error = || load_or_make(dir.path(), &QUICK).unwrap_err().to_string();
        assert!(
            error().ends_with("holds a key of kind ecdsa-sha2-nistp256, not Ed25519"),
            "{}",
            error()
        );
        fs::write(&good, "").unwrap();
        assert!(
            error().contains("host_key_ed25519: not an OpenSSH private key"),
            "{}",
            error()
        );
        assert_eq!(fs::read(&good).unwrap(), b"");
    }
}
