//! A request without an answer, and words of one.

use crate::engine::port::VimError;

/// A request that got no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Silence {
    /// It did not reach the cloud.
    Down(String),
    /// It may have.
    Lost(String),
}

impl From<Silence> for VimError {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Down(line) => Self::Down(line),
            Silence::Lost(line) => Self::Unknown(line),
        }
    }
}

/// What a question that got no answer comes to: nothing was changed by it.
pub fn nothing_done(error: VimError) -> VimError {
    match error {
        VimError::Unknown(line) => VimError::Down(line),
        other => other,
    }
}

/// A text in one line, without the markup some services put into theirs.
pub fn one_line(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut in_tag = false;
    for letter in text.chars() {
        match letter {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                plain.push(' ');
            }
            _ if in_tag => {}
            letter if letter.is_control() => plain.push(' '),
            letter => plain.push(letter),
        }
    }
    // An angle bracket that opened nothing belongs to the text.
    let plain = if in_tag {
        text.replace(['\n', '\r', '\t'], " ")
    } else {
        plain
    };
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_line_ends_go_and_angle_brackets_stay() {
        assert_eq!(one_line("No image found<br /><br />\n"), "No image found");
        assert_eq!(one_line("a < b\nc"), "a < b c");
    }
}
