//! A small writer: start, attributes, text, end; closes what it opened.

use std::borrow::Cow;
use std::sync::Arc;

use super::reader::is_xml_char;

/// Appends XML to a string. Element names are given as they shall stand.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    open: Vec<Frame>,
    pending: bool,
}

#[derive(Debug)]
struct Frame {
    name: Box<str>,
    default_ns: Option<Arc<str>>,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts an element by its (qualified) name; attributes may follow. No namespace is declared.
    pub fn start(&mut self, name: &str) {
        self.close_tag();
        self.out.push('<');
        self.out.push_str(name);
        self.open.push(Frame {
            name: name.into(),
            default_ns: None,
        });
        self.pending = true;
    }

    /// Starts an unprefixed element in `ns`, declaring the default namespace only where it changes.
    pub fn open(&mut self, ns: &str, local: &str) {
        let current = self
            .open
            .iter()
            .rev()
            .find_map(|frame| frame.default_ns.clone());
        self.start(local);
        if current.as_deref().unwrap_or("") != ns {
            self.attr("xmlns", ns);
            if let Some(frame) = self.open.last_mut() {
                frame.default_ns = Some(Arc::from(ns));
            }
        }
    }

    /// Adds an attribute to the element just started.
    pub fn attr(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        self.out.push_str(&escape_attr(value));
        self.out.push('"');
    }

    /// Adds text, escaped.
    pub fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.close_tag();
            self.out.push_str(&escape_text(text));
        }
    }

    /// Adds well-formed XML as it is.
    pub fn raw(&mut self, xml: &str) {
        if !xml.is_empty() {
            self.close_tag();
            self.out.push_str(xml);
        }
    }

    /// Ends the innermost open element; `<name/>` when it has no content.
    pub fn end(&mut self) {
        let Some(frame) = self.open.pop() else {
            return;
        };
        if self.pending {
            self.out.push_str("/>");
            self.pending = false;
        } else {
            self.out.push_str("</");
            self.out.push_str(&frame.name);
            self.out.push('>');
        }
    }

    /// `<local>text</local>` in the namespace of the element around it.
    pub fn leaf(&mut self, name: &str, text: &str) {
        self.start(name);
        self.text(text);
        self.end();
    }

    /// `<local/>` in the namespace of the element around it.
    pub fn empty(&mut self, name: &str) {
        self.start(name);
        self.end();
    }

    /// What has been written so far, without the part still open at the end.
    pub fn as_str(&self) -> &str {
        &self.out
    }

    /// Octets written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Takes what was written so far (complete tags only), for streaming.
    pub fn take(&mut self) -> String {
        self.close_tag();
        std::mem::take(&mut self.out)
    }

    /// Closes what is open and returns the text.
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.out
    }

    fn close_tag(&mut self) {
        if self.pending {
            self.out.push('>');
            self.pending = false;
        }
    }
}

/// Escapes `&`, `<`, `>` and carriage return for element content.
///
/// A line of two hash signs alone is where some clients see the end of a chunked message (scrapli):
/// it is written with a reference.
pub fn escape_text(text: &str) -> Cow<'_, str> {
    let escaped = escape(text, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\r' => Some("&#13;"),
        _ => None,
    });
    if !escaped.contains("\n##\n") {
        return escaped;
    }
    let lines = escaped.split('\n').map(|line| match line {
        "##" => "#&#35;",
        line => line,
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

/// Escapes for an attribute value in double quotes, white space kept by references.
pub fn escape_attr(text: &str) -> Cow<'_, str> {
    escape(text, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\t' => Some("&#9;"),
        '\n' => Some("&#10;"),
        '\r' => Some("&#13;"),
        _ => None,
    })
}

/// A character that XML forbids comes out as U+FFFD, wherever it came from: it can neither be
/// written nor referred to, and one would make the whole message unreadable.
fn escape(text: &str, reference: impl Fn(char) -> Option<&'static str>) -> Cow<'_, str> {
    let reference = |c| match is_xml_char(c) {
        true => reference(c),
        false => Some("\u{fffd}"),
    };
    if !text.chars().any(|c| reference(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match reference(c) {
            Some(reference) => out.push_str(reference),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scrapli takes such a line for the end of a chunked message.
    #[test]
    fn a_line_of_two_hash_signs_alone_is_written_with_a_reference() {
        for (text, written) in [
            ("a\n##\n##\nb", "a\n#&#35;\n#&#35;\nb"),
            ("## a\n##", "## a\n##"),
            ("a\n###\n ##\n", "a\n###\n ##\n"),
        ] {
            let escaped = escape_text(text);
            assert_eq!(escaped, written);
            let read = crate::xml::parse_str(&format!("<x>{escaped}</x>")).unwrap();
            assert_eq!(read.text(), text);
        }
    }

    #[test]
    fn characters_that_xml_forbids_never_leave() {
        let text = "a\0b\u{1}\u{b}\u{1f}\u{fffe}\u{ffff}c\u{7f}\u{85}\u{10ffff}\t\n\r";
        assert_eq!(
            escape_text(text),
            "a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}c\u{7f}\u{85}\u{10ffff}\t\n&#13;"
        );
        assert!(
            !escape_attr(text).contains(['\0', '\u{1}', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}'])
        );
        let mut out = Writer::new();
        out.start("x");
        out.attr("a", text);
        out.text(text);
        assert!(crate::xml::parse_str(&out.finish()).is_ok());
    }

    #[test]
    fn the_default_namespace_is_declared_only_where_it_changes() {
        let mut out = Writer::new();
        out.open("urn:a", "a");
        out.open("urn:a", "b");
        out.open("urn:c", "c");
        out.leaf("d", "x<y");
        out.end();
        out.open("urn:a", "e");
        assert_eq!(
            out.finish(),
            "<a xmlns=\"urn:a\"><b><c xmlns=\"urn:c\"><d>x&lt;y</d></c><e/></b></a>"
        );
    }
}
