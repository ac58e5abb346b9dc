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

/// Whether a character is not seen but does something where a text is shown: controls of both kinds, marks that
/// turn the direction of what follows, separators of lines.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The same JSON, safe to look at: what is not seen is escaped. JSON itself escapes the controls of ASCII only, and a
/// stranger chooses the name that he is not let in by.
fn seen(body: String) -> String {
    if !body.contains(is_unseen) {
        return body;
    }
    let mut out = String::with_capacity(body.len() + 16);
    for c in body.chars() {
        match is_unseen(c) {
            true => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => out.push(c),
        }
    }
    out
}

/// Closes the JSON object of a body with its hash; returns the line, line end included.
pub(super) fn seal(seq: u64, body: String) -> (String, Head) {
    let mut body = seen(body);
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
    // What is no text was not written here; read as one, it might pass for what was.
    let Ok(text) = str::from_utf8(line) else {
        return Opened {
            seq: None,
            prev: None,
            hash: sha256(line),
            sound: false,
        };
    };
    let (body, tail) = text.rsplit_once(SEAM).unwrap_or((text, ""));
    let hash = sha256(body.as_bytes());
    let place: Option<Place> = serde_json::from_str(text).ok();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_nothing_that_is_not_seen_and_means_the_same() {
        let name = "a\u{9b}2Jb\u{202e}c\u{2028}d\u{7f}e\u{feff}f\n\u{1b}[0m g\u{e9}\u{1f600}";
        let body = serde_json::json!({"seq": 1, "who": name, "prev": Head::default().hash_text()});
        let (line, head) = seal(1, body.to_string());
        let (text, end) = line.split_at(line.len() - 1);
        assert_eq!(end, "\n");
        assert!(!text.contains(is_unseen), "{text:?}");
        assert!(text.contains('\u{e9}') && text.contains("\\u009b2J"));
        let read: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(read["who"], name);
        let opened = open(text.as_bytes());
        assert!(opened.sound && opened.hash == head.hash);
    }

    #[test]
    fn octets_that_are_no_text_do_not_pass_for_the_mark_that_stands_for_them() {
        let body = serde_json::json!({"seq": 1, "who": "\u{fffd}", "prev": ""});
        let (line, _) = seal(1, body.to_string());
        assert!(open(line.trim_end().as_bytes()).sound);
        let mark = "\u{fffd}".as_bytes();
        let at = line.find('\u{fffd}').unwrap();
        let forged = [
            &line.as_bytes()[..at],
            b"\xff",
            &line.trim_end().as_bytes()[at + mark.len()..],
        ];
        assert!(!open(&forged.concat()).sound);
    }
}
