//! A VM's history since its creation: what controller and driver said, newest first, bounded.

use super::settings::Settings;

const PREFIX: &str = "Error Messages: ";
const JOINT: &str = "; ";

/// Puts `line` in front and drops the oldest lines past the bounds. A line longer than the byte bound is cut at a
/// character boundary.
pub(crate) fn push(history: &mut Vec<String>, line: impl Into<String>, settings: &Settings) {
    let mut line = line.into();
    let room = settings.history_bytes.saturating_sub(PREFIX.len());
    if line.len() > room {
        let cut = (0..=room).rev().find(|at| line.is_char_boundary(*at));
        line.truncate(cut.unwrap_or(0));
    }
    history.insert(0, line);
    history.truncate(settings.history_lines.max(1));
    while history.len() > 1 && failure(history).len() > settings.history_bytes {
        history.pop();
    }
}

/// Puts the driver's lines, which are newest first, in front, in their order.
pub(crate) fn push_all(history: &mut Vec<String>, lines: &[String], settings: &Settings) {
    for line in lines.iter().rev() {
        push(history, line.clone(), settings);
    }
}

/// The status message of a failure.
pub(crate) fn failure(history: &[String]) -> String {
    format!("{PREFIX}{}", history.join(JOINT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_first_and_bounded_by_lines_and_bytes() {
        let settings = Settings::default();
        let mut history = Vec::new();
        for n in 0..30 {
            push(&mut history, format!("line {n}"), &settings);
        }
        assert_eq!(history.len(), 20);
        assert_eq!(history[0], "line 29");
        push_all(&mut history, &["new".into(), "older".into()], &settings);
        assert!(failure(&history).starts_with("Error Messages: new; older; line 29; "));
        for _ in 0..10 {
            push(&mut history, "ä".repeat(2000), &settings);
        }
        assert!(failure(&history).len() <= 8 * 1024);
        push(&mut history, "ä".repeat(9000), &settings);
        assert!(failure(&history).len() <= 8 * 1024 && history.len() == 1);
    }
}
