//! Bytes to [`Element`], under limits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::element::{Attr, Child, Element, Scope};
use super::name::Name;
use super::{XML_NS, XMLNS_NS, declaration};

/// What a document may hold at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Nesting.
    pub depth: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Namespace bindings in scope.
    pub namespaces: usize,
    /// Octets of one name.
    pub name_len: usize,
    /// Elements, attributes, namespace declarations and texts in all: each costs memory that its octets on
    /// the wire do not show.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 128,
            attributes: 256,
            namespaces: 64,
            name_len: 1024,
            nodes: 500_000,
        }
    }
}

/// Why a document was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum XmlError {
    /// Not well-formed, or not namespace-well-formed.
    #[error("not well-formed XML: {0}")]
    Malformed(String),
    /// Has a document type declaration (RFC 6241 section 3.2 forbids it).
    #[error("a document type declaration is not allowed")]
    Doctype,
    /// Passes a limit.
    #[error("more than {limit} {what}")]
    TooBig {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
}

fn malformed(what: impl Into<String>) -> XmlError {
    XmlError::Malformed(what.into())
}

/// Parses text under the default limits.
pub fn parse_str(text: &str) -> Result<Element, XmlError> {
    parse(text.as_bytes(), &Limits::default())
}

/// Parses one document: an optional byte order mark, white space, an optional declaration,
/// and exactly one root element.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Element, XmlError> {
    let text = std::str::from_utf8(bytes).map_err(|e| malformed(format!("not UTF-8: {e}")))?;
    if let Some(bad) = text.chars().find(|c| !is_xml_char(*c)) {
        return Err(malformed(format!(
            "character U+{:04X} is not allowed",
            u32::from(bad)
        )));
    }
    let mut builder = Builder::new(limits);
    read(text, &mut builder, Until::End)?;
    builder.finish()
}

/// Reads the start tag of the root element, whatever follows it: of a message that cannot be read as a
/// whole, that much is known.
pub fn parse_root_tag(bytes: &[u8], limits: &Limits) -> Option<Element> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?,
    };
    let text = text.split(|c| !is_xml_char(c)).next()?;
    let mut builder = Builder::new(limits);
    read(text, &mut builder, Until::RootTag).ok()?;
    builder.stack.pop()
}

/// How far to read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    RootTag,
    End,
}

fn read(text: &str, builder: &mut Builder<'_>, until: Until) -> Result<(), XmlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.trim_start_matches([' ', '\t', '\r', '\n']);
    // quick-xml would skip a second one.
    if text.starts_with('\u{feff}') {
        return Err(malformed("text outside the root element"));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let mut first = true;
    loop {
        let event = reader.read_event().map_err(|e| malformed(e.to_string()))?;
        match event {
            Event::Start(tag) => {
                builder.open(&tag)?;
                if until == Until::RootTag {
                    return Ok(());
                }
            }
            Event::Empty(tag) => {
                builder.open(&tag)?;
                if until == Until::RootTag {
                    return Ok(());
                }
                builder.close()?;
            }
            Event::End(_) => builder.close()?,
            Event::Text(text) => {
                let text = text.xml10_content();
                if text.contains("]]>") {
                    return Err(malformed("']]>' in text"));
                }
                builder.text(&text)?;
            }
            Event::CData(data) => builder.character_data(&data.xml10_content())?,
            Event::GeneralRef(reference) => {
                let c = match reference.resolve_char_ref() {
                    Ok(Some(c)) => c,
                    Ok(None) => predefined(&reference.into_inner())?,
                    Err(e) => return Err(malformed(e.to_string())),
                };
                if !is_xml_char(c) {
                    return Err(malformed("reference to a character that is not allowed"));
                }
                builder.character_data(c.encode_utf8(&mut [0; 4]))?;
            }
            Event::Decl(decl) => {
                if !first {
                    return Err(malformed("XML declaration not at the start"));
                }
                let encoding = declaration::encoding(&decl)
                    .ok_or_else(|| malformed("the XML declaration is none"))?;
                if let Some(encoding) = encoding
                    && !declaration::is_utf8(encoding, text)
                {
                    return Err(malformed(format!("encoding '{encoding}' is not UTF-8")));
                }
            }
            Event::PI(pi) => {
                if pi.target().eq_ignore_ascii_case("xml") {
                    return Err(malformed("reserved processing instruction"));
                }
                if !is_ncname(pi.target()) {
                    return Err(malformed("a processing instruction without a name"));
                }
            }
            Event::Comment(_) => {}
            Event::DocType(_) => return Err(XmlError::Doctype),
            Event::Eof => break,
        }
        first = false;
    }
    Ok(())
}

fn predefined(name: &str) -> Result<char, XmlError> {
    Ok(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return Err(malformed(format!("undeclared entity '{name}'"))),
    })
}

struct Builder<'a> {
    limits: &'a Limits,
    stack: Vec<Element>,
    root: Option<Element>,
    nodes: usize,
    names: Names,
}

/// Names that were seen, so that each is in memory once.
#[derive(Default)]
struct Names {
    texts: HashSet<Arc<str>>,
    /// By the name as written: one for each namespace that its prefix stood for.
    whole: HashMap<Arc<str>, Vec<Arc<Name>>>,
}

impl Names {
    /// Enough for any model; a document made to hold more of them pays for itself.
    const KEPT: usize = 4096;
    /// Namespaces of one name that are kept: they are looked through one by one.
    const NAMESPACES: usize = 8;

    fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(seen) = self.texts.get(name) {
            return seen.clone();
        }
        let new: Arc<str> = Arc::from(name);
        if self.texts.len() < Self::KEPT {
            self.texts.insert(new.clone());
        }
        new
    }

    /// The name that is written as `qualified`, in its parts.
    fn whole(&mut self, qualified: &str, prefix: &str, local: &str, ns: Arc<str>) -> Arc<Name> {
        let seen = self.whole.get(qualified);
        if let Some(seen) = seen.and_then(|seen| seen.iter().find(|name| name.ns == ns)) {
            return seen.clone();
        }
        let new = Arc::new(Name {
            ns,
            local: self.get(local),
            prefix: self.get(prefix),
        });
        let room = self.whole.len() < Self::KEPT;
        match self.whole.get_mut(qualified) {
            Some(seen) if seen.len() < Self::NAMESPACES => seen.push(new.clone()),
            None if room => {
                self.whole.insert(Arc::from(qualified), vec![new.clone()]);
            }
            _ => {}
        }
        new
    }
}

impl<'a> Builder<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            stack: Vec::new(),
            root: None,
            nodes: 0,
            names: Names::default(),
        }
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), XmlError> {
        if self.stack.is_empty() && self.root.is_some() {
            return Err(malformed("a second root element"));
        }
        if self.stack.len() >= self.limits.depth {
            return Err(too_big("levels of elements", self.limits.depth));
        }
        self.drop_blank();
        self.count()?;
        let name = tag.name().into_inner();
        let (prefix, local) = self.split(name)?;
        if !attributes_stand_apart(tag.attributes_raw()) {
            return Err(malformed("no white space between attributes"));
        }
        let mut plain = Vec::new();
        let mut decls: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for (count, attribute) in tag.attributes().enumerate() {
            let attribute = attribute.map_err(|e| malformed(e.to_string()))?;
            if count >= self.limits.attributes {
                return Err(too_big("attributes", self.limits.attributes));
            }
            self.count()?;
            let key = attribute.key.into_inner();
            let (prefix, local) = self.split(key)?;
            let value = attribute_value(&attribute.value)?;
            match (prefix, local) {
                ("", "xmlns") if matches!(&*value, XML_NS | XMLNS_NS) => {
                    return Err(malformed("illegal default namespace"));
                }
                ("", "xmlns") => decls.push((self.names.get(""), self.names.get(&value))),
                ("xmlns", bound) => {
                    let reserved = bound == "xmlns" || (bound == "xml") != (value == XML_NS);
                    if value.is_empty() || reserved || value == XMLNS_NS {
                        return Err(malformed(format!("illegal binding of prefix '{bound}'")));
                    }
                    decls.push((self.names.get(bound), self.names.get(&value)));
                }
                (prefix, local) => plain.push((key, prefix, local, value)),
            }
        }
        let outer = self
            .stack
            .last()
            .map(|e| e.scope.clone())
            .unwrap_or_default();
        let scope = outer.with(&decls);
        if scope.len() > self.limits.namespaces {
            return Err(too_big("namespace declarations", self.limits.namespaces));
        }
        let mut attrs: Vec<Attr> = Vec::with_capacity(plain.len());
        for (key, prefix, local, value) in plain {
            let ns = match prefix {
                "" => self.names.get(""),
                prefix => resolve(&scope, prefix)?,
            };
            let name = self.names.whole(key, prefix, local, ns);
            attrs.push(Attr::named(name, value.into()));
        }
        if has_duplicate(&attrs) {
            return Err(malformed("an attribute occurs twice"));
        }
        let ns = match prefix {
            "" => match scope.get("") {
                Some(ns) => ns.clone(),
                None => self.names.get(""),
            },
            prefix => resolve(&scope, prefix)?,
        };
        let mut element = Element::named(self.names.whole(name, prefix, local, ns));
        element.attrs = attrs.into();
        element.decls = decls.into();
        element.scope = scope;
        self.stack.push(element);
        Ok(())
    }

    fn split<'n>(&self, name: &'n str) -> Result<(&'n str, &'n str), XmlError> {
        if name.len() > self.limits.name_len {
            return Err(too_big("octets in a name", self.limits.name_len));
        }
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let bad_prefix = name.contains(':') && !is_ncname(prefix);
        if bad_prefix || !is_ncname(local) {
            return Err(malformed(format!("'{name}' is not a name")));
        }
        Ok((prefix, local))
    }

    fn count(&mut self) -> Result<(), XmlError> {
        self.nodes += 1;
        match self.nodes > self.limits.nodes {
            true => Err(too_big("elements, attributes and texts", self.limits.nodes)),
            false => Ok(()),
        }
    }

    /// White space beside an element is layout; it is not kept.
    fn drop_blank(&mut self) {
        if let Some(parent) = self.stack.last_mut()
            && let Some(Child::Text(text)) = parent.children.last()
            && is_blank(text)
        {
            parent.children.pop();
            self.nodes -= 1;
        }
    }

    fn close(&mut self) -> Result<(), XmlError> {
        let holds_elements = self
            .stack
            .last()
            .is_some_and(|e| e.elements().next().is_some());
        if holds_elements {
            self.drop_blank();
        }
        let mut element = self
            .stack
            .pop()
            .ok_or_else(|| malformed("unexpected end tag"))?;
        // Room for more children would double what a document costs.
        element.children.shrink_to_fit();
        match self.stack.last_mut() {
            Some(parent) => parent.children.push(Child::Element(element)),
            None => self.root = Some(element),
        }
        Ok(())
    }

    /// Text between tags: outside the root only white space may stand.
    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        if self.stack.is_empty() && is_blank(text) {
            return Ok(());
        }
        self.character_data(text)
    }

    fn character_data(&mut self, text: &str) -> Result<(), XmlError> {
        let parent = self
            .stack
            .last_mut()
            .ok_or_else(|| malformed("text outside the root element"))?;
        if let Some(Child::Text(joined)) = parent.children.last_mut() {
            joined.push_str(text);
        } else if !text.is_empty() {
            if parent.children.is_empty() {
                parent.children.reserve_exact(1);
            }
            parent.children.push(Child::Text(text.to_owned()));
            self.count()?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, XmlError> {
        if let Some(open) = self.stack.last() {
            return Err(malformed(format!("element '{}' is not closed", open.local)));
        }
        self.root.ok_or_else(|| malformed("no root element"))
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes()
        .all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
}

fn too_big(what: &'static str, limit: usize) -> XmlError {
    XmlError::TooBig { what, limit }
}

fn resolve(scope: &Scope, prefix: &str) -> Result<Arc<str>, XmlError> {
    if prefix == "xml" {
        return Ok(Arc::from(XML_NS));
    }
    scope
        .get(prefix)
        .cloned()
        .ok_or_else(|| malformed(format!("prefix '{prefix}' is not bound to a namespace")))
}

fn has_duplicate(attrs: &[Attr]) -> bool {
    let mut names: Vec<(&str, &str)> = attrs.iter().map(|a| (&*a.ns, &*a.local)).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair.first() == pair.last())
}

/// Whether white space follows every attribute but the last (XML 1.0 productions 40 and 44).
fn attributes_stand_apart(raw: &str) -> bool {
    let mut open = None;
    let mut closed = false;
    for b in raw.bytes() {
        if closed && !matches!(b, b' ' | b'\t' | b'\r' | b'\n') {
            return false;
        }
        closed = open == Some(b);
        match open {
            Some(quote) if quote == b => open = None,
            None if matches!(b, b'"' | b'\'') => open = Some(b),
            _ => {}
        }
    }
    true
}

/// Attribute-value normalisation of XML 1.0 section 3.3.3.
fn attribute_value(raw: &str) -> Result<String, XmlError> {
    if raw.contains('<') {
        return Err(malformed("'<' in an attribute value"));
    }
    let spaced = raw.replace("\r\n", " ").replace(['\t', '\r', '\n'], " ");
    let value = quick_xml::escape::unescape(&spaced).map_err(|e| malformed(e.to_string()))?;
    match value.chars().find(|c| !is_xml_char(*c)) {
        Some(_) => Err(malformed("reference to a character that is not allowed")),
        None => Ok(value.into_owned()),
    }
}

/// `Char` of XML 1.0 section 2.2.
pub(super) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The first noncharacter of Unicode in a text: XML lets most of them through, a string of YANG holds none
/// (RFC 7950 sections 9.4 and 14).
pub fn noncharacter(text: &str) -> Option<char> {
    let is_none = |c: &char| {
        let code = u32::from(*c);
        (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
    };
    // Most texts are of ASCII, and large ones cost least so.
    match text.is_ascii() {
        true => None,
        false => text.chars().find(is_none),
    }
}

/// `NCName` of Namespaces in XML: a name without colon.
fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

fn is_name_start(c: char) -> bool {
    matches!(c, 'A'..='Z' | '_' | 'a'..='z'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}'
        | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_quick_xml_lets_through_is_refused() {
        for bad in [
            "",
            "   ",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>text",
            "text<a/>",
            "<p:a/>",
            "<a p:b='1'/>",
            "<1a/>",
            "<a b='<'/>",
            "<a b='1' b='2'/>",
            "<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>",
            "<a>\u{1}</a>",
            "<a>&#1;</a>",
            "<a>&#0;</a>",
            "<a b='&#1;'/>",
            "<a>&other;</a>",
            "<a>]]></a>",
            "<a xmlns:p=''/>",
            "<a xmlns:xml='urn:x'/>",
            "<?xml version='1.0' encoding='latin-1'?><a/>",
            "<a/><?xml version='1.0'?>",
            "<a b/>",
            "<a b=1/>",
            "<a:b:c xmlns:a='urn:a'/>",
            "<a b='1'c='2'/>",
            "<a b=\"1\"c='2'></a>",
            "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
            "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
            "<a><? x?></a>",
            "<a><??></a>",
            "<a><?1a x?></a>",
            "<a><?b:c x?></a>",
            "<?xml encoding='UTF-8'?><a/>",
            "<?xml version='1.0' standalone='maybe'?><a/>",
            "<?xml version='1.0' encoding='ASCII'?><a>\u{fc}</a>",
            "\u{feff}\u{feff}<a/>",
        ] {
            assert!(
                matches!(parse_str(bad), Err(XmlError::Malformed(_))),
                "{bad:?}"
            );
        }
        assert!(parse(b"<a>\xff</a>", &Limits::default()).is_err());
        assert_eq!(parse_str("<!DOCTYPE a><a/>"), Err(XmlError::Doctype));
    }

    #[test]
    fn what_xml_allows_is_read() {
        let e = parse_str(
            "\n<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- c --><p:a xmlns:p='urn:x' p:k='&lt; \n&#65;'>x<![CDATA[<y>]]>&amp;&#x42;<?pi z?></p:a>\n",
        )
        .unwrap();
        assert!(e.is("urn:x", "a"));
        assert_eq!(e.text(), "x<y>&B");
        assert_eq!(e.attr("urn:x", "k"), Some("<  A"));
        assert!(parse_str("\u{feff}<a/>").is_ok());
        assert!(parse_str("<a b = '\"' c=\"'\"\n d='' />").is_ok());
        assert!(parse_str("<?xml version='1.0' encoding='ASCII'?>\n<a>&#252;</a>").is_ok());
    }

    #[test]
    fn the_root_tag_is_read_whatever_follows() {
        let tag = |bytes: &[u8]| parse_root_tag(bytes, &Limits::default());
        for rest in [
            &b"<b></a>"[..],
            b"\xff</a>",
            b"\x01</a>",
            b"&x;</a>",
            b"",
            b"</a><a/>",
        ] {
            let root = tag(&[b"\n<?xml version='1.0'?><a k='v'>", rest].concat()).unwrap();
            assert!(root.is("", "a") && root.attr("", "k") == Some("v"));
        }
        for bad in [
            &b"<a k='v"[..],
            b"<a k='v' k='w'><b>",
            b"<!DOCTYPE a><a><b>",
            b"x<a><b>",
            b"\xff<a>",
            b"",
        ] {
            assert!(tag(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn layout_is_not_kept_and_values_are() {
        let e = parse_str("<a>\n  <b> </b>\n  <c> x </c>\n</a>").unwrap();
        assert_eq!(e.children.len(), 2);
        let texts: Vec<String> = e.elements().map(Element::text).collect();
        assert_eq!(texts, [" ", " x "]);
        assert_eq!(parse_str("<a>x<b/> y</a>").unwrap().text(), "x y");
    }

    #[test]
    fn limits_hold() {
        let deep = |n: usize| "<a>".repeat(n) + &"</a>".repeat(n);
        assert!(parse_str(&deep(128)).is_ok());
        assert!(matches!(
            parse_str(&deep(129)),
            Err(XmlError::TooBig { .. })
        ));
        assert!(matches!(
            parse_str(&deep(50_000)),
            Err(XmlError::TooBig { .. })
        ));
        let attrs = |n: usize| {
            let list: String = (0..n).map(|i| format!(" a{i}='1'")).collect();
            format!("<a{list}/>")
        };
        assert!(parse_str(&attrs(256)).is_ok());
        assert!(matches!(
            parse_str(&attrs(257)),
            Err(XmlError::TooBig { .. })
        ));
        let wide = |n: usize| format!("<a>{}</a>", "<b>1</b>\n".repeat(n));
        assert!(parse_str(&wide(249_999)).is_ok());
        assert!(matches!(
            parse_str(&wide(250_000)),
            Err(XmlError::TooBig { .. })
        ));
        let many: String = (0..65).map(|i| format!(" xmlns:a{i}='urn:{i}'")).collect();
        assert!(matches!(
            parse_str(&format!("<a{many}/>")),
            Err(XmlError::TooBig { .. })
        ));
    }

    #[test]
    fn noncharacters_are_those_of_each_plane_and_of_the_arabic_block() {
        for (text, found) in [
            ("", None),
            ("plain\u{7f}", None),
            ("\u{fdcf}\u{fdf0}\u{fffd}\u{10fffd}", None),
            ("a\u{fdd0}", Some('\u{fdd0}')),
            ("\u{fdef}b", Some('\u{fdef}')),
            ("\u{1fffe}", Some('\u{1fffe}')),
            ("\u{10ffff}", Some('\u{10ffff}')),
        ] {
            assert_eq!(noncharacter(text), found, "{text:?}");
        }
    }
}
