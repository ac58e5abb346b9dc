//! Host keys: made at the first start, read at every later one.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use russh::keys::ssh_key::{EcdsaCurve, LineEnding};
use russh::keys::{Algorithm, PrivateKey};

use super::error::SshError;

/// The keys made at the first start. Clients without either are not known; an RSA key put there by
/// an administrator is served too (with SHA-2 signatures).
const MADE: [(&str, Algorithm); 2] = [
    ("ssh_host_ed25519_key", Algorithm::Ed25519),
    (
        "ssh_host_ecdsa_key",
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP256,
        },
    ),
];

/// Read when it is there.
const OPTIONAL: &str = "ssh_host_rsa_key";

/// Reads the host keys in `directory`, first making those that do not exist (mode 0600, synced).
///
/// # Errors
/// [`SshError::HostKey`] naming the file that cannot be read, made or understood, or that others may read.
pub fn load_or_create(directory: &Path) -> Result<Vec<PrivateKey>, SshError> {
    let mut keys = Vec::new();
    for (name, algorithm) in MADE {
        let path = directory.join(name);
        if !path.exists() {
            create(&path, algorithm)?;
        }
        keys.push(load(&path)?);
    }
    let rsa = directory.join(OPTIONAL);
    if rsa.exists() {
        keys.push(load(&rsa)?);
    }
    Ok(keys)
}

fn create(path: &Path, algorithm: Algorithm) -> Result<(), SshError> {
    let failed = |problem: String| SshError::HostKey {
        path: path.to_owned(),
        problem,
    };
    let key = PrivateKey::random(&mut rand::rng(), algorithm).map_err(|e| failed(e.to_string()))?;
    let text = key
        .to_openssh(LineEnding::LF)
        .map_err(|e| failed(e.to_string()))?;
    // Written aside and linked into place: a crash leaves no half key, and of two starters one wins.
    let aside = path.with_extension(format!("new.{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| match fs::hard_link(&aside, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
    let removed = fs::remove_file(&aside);
    written.and(removed).map_err(|e| failed(e.to_string()))
}

fn load(path: &Path) -> Result<PrivateKey, SshError> {
    let failed = |problem: String| SshError::HostKey {
        path: path.to_owned(),
        problem,
    };
    let mode = fs::metadata(path)
        .map_err(|e| failed(e.to_string()))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(failed(format!(
            "mode {:04o} lets others read it; set 0600",
            mode & 0o7777
        )));
    }
    let text = fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    russh::keys::decode_secret_key(&text, None).map_err(|e| failed(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_two_places_differ() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let first = load_or_create(dirs[0].path()).unwrap();
        let again = load_or_create(dirs[0].path()).unwrap();
        let other = load_or_create(dirs[1].path()).unwrap();
        assert_eq!(first.len(), 2);
        for ((a, b), c) in first.iter().zip(&again).zip(&other) {
            assert_eq!(a.public_key(), b.public_key());
            assert_ne!(a.public_key(), c.public_key());
        }
        assert_eq!(fs::read_dir(dirs[0].path()).unwrap().count(), 2);
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        load_or_create(dir.path()).unwrap();
        let path = dir.path().join("ssh_host_ed25519_key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = load_or_create(dir.path()).unwrap_err().to_string();
        assert!(error.contains("mode 0644"), "{error}");
    }
}
