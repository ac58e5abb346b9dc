//! An element with its namespaces resolved, owned.

use std::ops::Deref;
use std::sync::Arc;

use super::name::{Few, Name};
use super::{Writer, XML_NS};

/// One attribute: a [`Name`] and a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attr {
    name: Arc<Name>,
    /// Value, references resolved, white space normalised.
    pub value: Box<str>,
}

impl Attr {
    /// An attribute; `prefix` and `ns` are empty for an unprefixed one.
    pub fn new(prefix: &str, ns: &str, local: &str, value: impl Into<Box<str>>) -> Self {
        let name = Arc::new(Name {
            ns: Arc::from(ns),
            local: Arc::from(local),
            prefix: Arc::from(prefix),
        });
        Self::named(name, value.into())
    }

    pub(super) fn named(name: Arc<Name>, value: Box<str>) -> Self {
        Self { name, value }
    }
}

impl Deref for Attr {
    type Target = Name;

    fn deref(&self) -> &Name {
        &self.name
    }
}

/// A child of an element: another element, or text (CDATA and references joined).
#[derive(Clone, PartialEq, Debug)]
pub enum Child {
    /// An element.
    Element(Element),
    /// Text.
    Text(String),
}

/// All namespace bindings in scope at an element: a chain to the outermost one, of which inner elements
/// share the tail. A copy for each element would cost as much as all bindings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scope(Option<Arc<Binding>>);

#[derive(PartialEq, Eq, Debug)]
struct Binding {
    prefix: Arc<str>,
    uri: Arc<str>,
    outer: Scope,
    /// How many, this one counted.
    len: usize,
}

impl Scope {
    /// The namespace bound to `prefix` (empty: the default namespace); `None` when there is none.
    pub fn resolve(&self, prefix: &str) -> Option<&str> {
        self.get(prefix).map(|uri| &**uri)
    }

    pub(super) fn get(&self, prefix: &str) -> Option<&Arc<str>> {
        self.chain()
            .find(|binding| &*binding.prefix == prefix)
            .map(|binding| &binding.uri)
            .filter(|uri| !uri.is_empty())
    }

    /// Innermost first.
    fn chain(&self) -> impl Iterator<Item = &Binding> {
        std::iter::successors(self.0.as_deref(), |binding| binding.outer.0.as_deref())
    }

    /// The bindings, innermost last; an empty URI undoes the default namespace.
    pub fn bindings(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut all: Vec<_> = self
            .chain()
            .map(|binding| (&*binding.prefix, &*binding.uri))
            .collect();
        all.reverse();
        all.into_iter()
    }

    /// How many bindings are in scope, shadowed ones counted.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |binding| binding.len)
    }

    /// Whether no binding is in scope.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// This scope with further bindings.
    pub fn with(&self, decls: &[(Arc<str>, Arc<str>)]) -> Self {
        decls.iter().fold(self.clone(), |outer, (prefix, uri)| {
            let len = outer.len() + 1;
            Self(Some(Arc::new(Binding {
                prefix: prefix.clone(),
                uri: uri.clone(),
                outer,
                len,
            })))
        })
    }
}

/// An element: its [`Name`], its attributes, children and the namespaces in scope.
#[derive(Clone, PartialEq, Debug)]
pub struct Element {
    name: Arc<Name>,
    /// Attributes in order, namespace declarations apart.
    pub attrs: Few<Attr>,
    /// Namespace declarations on this element: (prefix, URI).
    pub decls: Few<(Arc<str>, Arc<str>)>,
    /// Children in order.
    pub children: Vec<Child>,
    /// Namespaces in scope, for qualified names in values.
    pub scope: Scope,
}

impl Element {
    /// An empty element in `ns`, unprefixed.
    pub fn new(ns: impl AsRef<str>, local: impl AsRef<str>) -> Self {
        Self::named(Arc::new(Name {
            ns: Arc::from(ns.as_ref()),
            local: Arc::from(local.as_ref()),
            prefix: Arc::from(""),
        }))
    }

    pub(super) fn named(name: Arc<Name>) -> Self {
        Self {
            name,
            attrs: Few::default(),
            decls: Few::default(),
            children: Vec::new(),
            scope: Scope::default(),
        }
    }

    /// The same with a prefix.
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        Arc::make_mut(&mut self.name).prefix = Arc::from(prefix);
        self
    }

    /// Puts it, not what is in it, into another namespace.
    pub fn set_ns(&mut self, ns: &str) {
        Arc::make_mut(&mut self.name).ns = Arc::from(ns);
    }

    /// Whether it has this namespace and local name.
    pub fn is(&self, ns: &str, local: &str) -> bool {
        &*self.local == local && &*self.ns == ns
    }

    /// The value of an attribute; `ns` empty for an unprefixed one.
    pub fn attr(&self, ns: &str, local: &str) -> Option<&str> {
        self.attrs
            .iter()
            .find(|attr| &*attr.local == local && &*attr.ns == ns)
            .map(|attr| &*attr.value)
    }

    /// Child elements in order.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|child| match child {
            Child::Element(element) => Some(element),
            Child::Text(_) => None,
        })
    }

    /// The first child element with this name.
    pub fn child(&self, ns: &str, local: &str) -> Option<&Element> {
        self.elements().find(|element| element.is(ns, local))
    }

    /// Child elements in order, to be changed.
    pub fn elements_mut(&mut self) -> impl Iterator<Item = &mut Element> {
        self.children.iter_mut().filter_map(|child| match child {
            Child::Element(element) => Some(element),
            Child::Text(_) => None,
        })
    }

    /// The first child element with this name, to be changed.
    pub fn child_mut(&mut self, ns: &str, local: &str) -> Option<&mut Element> {
        self.elements_mut().find(|element| element.is(ns, local))
    }

    /// Its direct text, untrimmed.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for child in &self.children {
            if let Child::Text(part) = child {
                text.push_str(part);
            }
        }
        text
    }

    /// Whether its direct text is white space only (XML's four characters).
    pub fn has_only_whitespace_text(&self) -> bool {
        self.children.iter().all(|child| match child {
            Child::Text(text) => text
                .bytes()
                .all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')),
            Child::Element(_) => true,
        })
    }

    /// Adds text; returns itself.
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Child::Text(text.into()));
        self
    }

    /// Adds a child element; returns itself.
    pub fn with_child(mut self, child: Element) -> Self {
        self.children.push(Child::Element(child));
        self
    }

    /// Adds a child element.
    pub fn push(&mut self, child: Element) {
        self.children.push(Child::Element(child));
    }

    /// Self-contained XML: every namespace it uses, in names or in scope of its values, is declared.
    pub fn to_xml(&self) -> String {
        let mut out = Writer::new();
        self.write(&mut out);
        out.finish()
    }

    /// Appends itself to `out` as [`Element::to_xml`] gives it.
    pub fn write(&self, out: &mut Writer) {
        write_element(self, &mut Vec::new(), true, out);
    }
}

impl Deref for Element {
    type Target = Name;

    fn deref(&self) -> &Name {
        &self.name
    }
}

type Bindings = Vec<(Arc<str>, Arc<str>)>;

fn bound<'a>(bindings: &'a Bindings, prefix: &str) -> &'a str {
    bindings
        .iter()
        .rev()
        .find(|(p, _)| &**p == prefix)
        .map_or("", |(_, uri)| uri)
}

/// Writes prefixes as they were read; declares what the output does not have in scope yet.
fn write_element(element: &Element, bindings: &mut Bindings, root: bool, out: &mut Writer) {
    let mark = bindings.len();
    let mut decls: Bindings = Vec::new();
    let mut declare = |bindings: &mut Bindings, prefix: &Arc<str>, uri: &Arc<str>| {
        if &**prefix != "xml" && bound(bindings, prefix) != &**uri {
            decls.retain(|(p, _)| p != prefix);
            decls.push((prefix.clone(), uri.clone()));
            bindings.push((prefix.clone(), uri.clone()));
        }
    };
    if root {
        // Values may hold qualified names, so the whole scope travels with the root.
        for (prefix, uri) in element.scope.bindings() {
            if !prefix.is_empty() {
                declare(bindings, &Arc::from(prefix), &Arc::from(uri));
            }
        }
    }
    for (prefix, uri) in &element.decls {
        declare(bindings, prefix, uri);
    }
    declare(bindings, &element.prefix, &element.ns);
    for attr in &element.attrs {
        if !attr.prefix.is_empty() && &*attr.ns != XML_NS {
            declare(bindings, &attr.prefix, &attr.ns);
        }
    }
    let name = qualified(&element.prefix, &element.local);
    out.start(&name);
    for (prefix, uri) in &decls {
        match prefix.is_empty() {
            true => out.attr("xmlns", uri),
            false => out.attr(&format!("xmlns:{prefix}"), uri),
        }
    }
    for attr in &element.attrs {
        out.attr(&qualified(&attr.prefix, &attr.local), &attr.value);
    }
    for child in &element.children {
        match child {
            Child::Element(child) => write_element(child, bindings, false, out),
            Child::Text(text) => out.text(text),
        }
    }
    out.end();
    bindings.truncate(mark);
}

fn qualified(prefix: &str, local: &str) -> String {
    match prefix.is_empty() {
        true => local.to_owned(),
        false => format!("{prefix}:{local}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_str;

    #[test]
    fn a_part_of_a_document_is_written_self_contained() {
        let root = parse_str(
            "<a xmlns='urn:a' xmlns:q='urn:q'><q:b k='v' q:m=\"1\"><c>q:x &amp; &lt;</c></q:b></a>",
        )
        .unwrap();
        let part = root.elements().next().unwrap();
        let text = part.to_xml();
        let again = parse_str(&text).unwrap();
        assert!(again.is("urn:q", "b"));
        let c = again.child("urn:a", "c").unwrap();
        assert_eq!(c.text(), "q:x & <");
        assert_eq!(c.scope.resolve("q"), Some("urn:q"));
    }

    #[test]
    fn an_undone_default_namespace_stays_undone() {
        let root = parse_str("<a xmlns='urn:a'><b xmlns=''><c/></b></a>").unwrap();
        let again = parse_str(&root.to_xml()).unwrap();
        let b = again.child("", "b").unwrap();
        assert!(b.child("", "c").is_some());
    }
}
