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
        // Negative zero too.
        0.0 => "0".to_owned(),
        n => n.to_string(),
    }
}

/// `round()` (section 4.4): the nearest integer, of two the greater one; the sign of zero is kept.
pub(super) fn round(number: f64) -> f64 {
    let floor = number.floor();
    match number - floor >= 0.5 {
        true => number.ceil(),
        false if number.is_finite() => floor,
        false => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 4.2: no exponent, no minus before zero, as many digits as tell the number apart.
    #[test]
    fn numbers_as_text() {
        for (number, text) in [
            (f64::NAN, "NaN"),
            (0.0, "0"),
            (-0.0, "0"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (1.0, "1"),
            (-7.0, "-7"),
            (0.5, "0.5"),
            (-0.25, "-0.25"),
            (1e15, "1000000000000000"),
            (1e21, "1000000000000000000000"),
            (1e-7, "0.0000001"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] {
            assert_eq!(text_of(number), text);
        }
    }

    /// Section 4.4: white space, a minus, digits with at most one dot; nothing else is a number.
    #[test]
    fn text_as_number() {
        for (text, number) in [
            (" 12\n", 12.0),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("-0", -0.0),
            ("007", 7.0),
        ] {
            assert_eq!(number_of(text), number, "{text:?}");
        }
        for text in [
            "", " ", "+1", "1e3", "0x1", "--1", "- 1", "1 2", "1.2.3", ".", "-", "inf", "NaN",
            "\u{a0}1", "١",
        ] {
            assert!(number_of(text).is_nan(), "{text:?}");
        }
    }

    #[test]
    fn halves_go_up_and_zero_keeps_its_sign() {
        for (number, rounded) in [
            (2.5, 3.0),
            (-2.5, -2.0),
            (2.4, 2.0),
            (-2.6, -3.0),
            (0.499_999_999_999_999_94, 0.0),
            (4_503_599_627_370_497.0, 4_503_599_627_370_497.0),
        ] {
            assert_eq!(round(number), rounded);
        }
        for number in [-0.0, -0.2, -0.5] {
            assert!(round(number) == 0.0 && round(number).is_sign_negative());
        }
        assert!(round(f64::NAN).is_nan());
        assert_eq!(round(f64::INFINITY), f64::INFINITY);
        assert_eq!(round(f64::NEG_INFINITY), f64::NEG_INFINITY);
    }
}
