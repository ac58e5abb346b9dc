//! The XML declaration, which quick-xml does not check.

/// White space (XML 1.0 production 3).
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// The encoding that a declaration names, if it names one; `None` for one that is none (XML 1.0
/// productions 23 to 26, 32 and 80). `text` is what stands between `<?` and `?>`.
pub(super) fn encoding(text: &str) -> Option<Option<&str>> {
    let rest = text.strip_prefix("xml")?;
    let (version, mut rest) = pair(rest, "version")?;
    let minor = version.strip_prefix("1.")?;
    if minor.is_empty() || !minor.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut encoding = None;
    if let Some((name, after)) = pair(rest, "encoding") {
        (encoding, rest) = (Some(name), after);
    }
    if let Some((value, after)) = pair(rest, "standalone") {
        if !matches!(value, "yes" | "no") {
            return None;
        }
        rest = after;
    }
    rest.trim_matches(BLANKS).is_empty().then_some(encoding)
}

/// Whether a document of that declared encoding is UTF-8, which every message is (RFC 6241 section 3): scripts
/// that have lxml write the declaration name ASCII, and write ASCII.
pub(super) fn is_utf8(encoding: &str, text: &str) -> bool {
    let is = |name: &str| encoding.eq_ignore_ascii_case(name);
    is("utf-8") || is("utf8") || ((is("ascii") || is("us-ascii")) && text.is_ascii())
}

/// White space, `name`, `=` and a value in quotes; the value and what follows.
fn pair<'t>(text: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let rest = text.strip_prefix(BLANKS)?.trim_start_matches(BLANKS);
    let rest = rest.strip_prefix(name)?.trim_start_matches(BLANKS);
    let rest = rest.strip_prefix('=')?.trim_start_matches(BLANKS);
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest.strip_prefix(quote)?.split_once(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_whole_and_in_order() {
        for (text, wanted) in [
            ("xml version=\"1.0\"", Some(None)),
            ("xml version='1.1' ", Some(None)),
            (
                "xml\tversion = '1.0'\nencoding='x' standalone=\"no\"",
                Some(Some("x")),
            ),
            ("xml version='1.0' standalone='yes'", Some(None)),
            ("xml ", None),
            ("xml encoding='UTF-8'", None),
            ("xml encoding='UTF-8' version='1.0'", None),
            ("xml version='2.0'", None),
            ("xml version='1.'", None),
            ("xml version='1.0'encoding='UTF-8'", None),
            ("xml version='1.0' standalone='maybe'", None),
            ("xml version='1.0' foo='bar'", None),
            ("xml version=1.0", None),
            ("xmlversion='1.0'", None),
        ] {
            assert_eq!(encoding(text), wanted, "{text}");
        }
    }

    #[test]
    fn ascii_is_utf8_when_it_is_ascii() {
        assert!(is_utf8("UTF-8", "ü") && is_utf8("utf8", "ü"));
        assert!(is_utf8("ASCII", "<a/>") && is_utf8("us-ascii", "<a/>"));
        assert!(!is_utf8("ASCII", "ü") && !is_utf8("ISO-8859-1", "<a/>"));
    }
}
