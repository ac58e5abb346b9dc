//! Times as CloudStack writes them: `2011-03-10T18:20:25-0800`.

use crate::clock::Timestamp;

/// Reads a time; the zone with or without a colon, or `Z`.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    // RFC 3339 has a colon in the zone
    let at = text.len().checked_sub(2)?;
    let (head, tail) = text.is_char_boundary(at).then(|| text.split_at(at))?;
    format!("{head}:{tail}").parse().ok()
}

/// Writes a time, to the second, in UTC.
pub fn time_text(time: Timestamp) -> String {
    let text: String = time.to_string().chars().take(19).collect();
    format!("{text}+0000")
}
