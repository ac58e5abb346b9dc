//! How lines are bound: each holds the hash of the one before it and ends with its own.

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// What stands between the hashed part of a line and its hash.
const SEAM: &str = ",\"hash\":\"";

/// The newest record: what the next one is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Head {
    /// Its number; 0 before the first.
    pub seq: u64,
    /// Its hash; zeros before the first.
    pub hash: [u8; 32],
}

impl Head {
    /// The hash in hexadecimal.
    pub fn hash_text(&self) -> String {
        hex(&self.hash)
    }
}

/// Closes the JSON object of a body with its hash; returns the line, line end included.
pub(super) fn seal(seq: u64, mut body: String) -> (String, Head) {
    // The closing brace comes after the hash.
    body.pop();
    let hash = sha256(body.as_bytes());
    body.push_str(SEAM);
    body.push_str(&hex(&hash));
    body.push_str("\"}\n");
    (body, Head { seq, hash })
}

/// What a line says of itself, and whether that is true.
pub(super) struct Opened {
    /// Its number, when it can be read.
    pub seq: Option<u64>,
    /// The hash it names as that of the line before.
    pub prev: Option<String>,
    /// The hash of what is there.
    pub hash: [u8; 32],
    /// The line is a record and its own hash is right.
    pub sound: bool,
}

#[derive(Deserialize)]
struct Place {
    seq: u64,
    prev: String,
}

/// Reads one line, without its line end.
pub(super) fn open(line: &[u8]) -> Opened {
    let text = String::from_utf8_lossy(line);
    let (body, tail) = text.rsplit_once(SEAM).unwrap_or((&text, ""));
    let hash = sha256(body.as_bytes());
    let place: Option<Place> = serde_json::from_str(&text).ok();
    let sound = place.is_some() && tail == hex(&hash) + "\"}";
    let (seq, prev) = place.map_or((None, None), |place| (Some(place.seq), Some(place.prev)));
    Opened {
        seq,
        prev,
        hash,
        sound,
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
