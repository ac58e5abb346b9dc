//! The four types of XPath 1.0 and the conversions that need no document.

use super::doc::Id;

/// The value of an expression.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    /// A node-set: no duplicates, in no particular order.
    Nodes(Vec<Id>),
    Bool(bool),
    Number(f64),
    Text(String),
}

/// `number()` of a string (section 4.4).
pub(super) fn number_of(text: &str) -> f64 {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match plain && digits.bytes().any(|b| b.is_ascii_digit()) {
        true => text.parse().unwrap_or(f64::NAN),
        false => f64::NAN,
    }
}

/// `string()` of a number (section 4.2).
pub(super) fn text_of(number: f64) -> String {
    match number {
        n if n.is_nan() => "NaN".to_owned(),
        n if n == f64::INFINITY => "Infinity".to_owned(),
        n if n == f64::NEG_INFINITY => "-Infinity".to_owned(),
        0.0 => "0".to_owned(),
        n => n.to_string(),
    }
}
