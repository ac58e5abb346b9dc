//! Key pairs for SSH that are made here. They open nothing: there are no guests.

use russh::keys::ssh_key::{LineEnding, PrivateKey, private::Ed25519Keypair};
use sha2::{Digest, Sha256};

use super::world::World;

/// The halves of a pair, as OpenSSH writes them: the public one, and the private one.
///
/// # Errors
/// They cannot be written.
pub fn make(world: &mut World) -> Result<(String, String), String> {
    let words = format!("{}{}", world.uuid(), world.uuid());
    let seed: [u8; 32] = Sha256::digest(words.as_bytes()).into();
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    let public = key.public_key().to_openssh().map_err(|e| e.to_string())?;
    let private = key.to_openssh(LineEnding::LF).map_err(|e| e.to_string())?;
    Ok((public, private.to_string()))
}

/// A short digest of a public key, in the old form.
pub fn fingerprint(public_key: &str) -> String {
    let digest = Sha256::digest(public_key.as_bytes());
    let parts: Vec<String> = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    parts.join(":")
}
