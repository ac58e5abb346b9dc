//! XML for people: indented, one element per line, namespaces declared where they change.

use std::fmt::Write;

use crate::xml::{Child, Element, escape_attr, escape_text};

/// Writes an element indented by two spaces per level.
///
/// Elements are written in default namespaces. Prefixes that were declared stay declared, since
/// values may use them. Mixed content is kept as it is.
pub fn pretty(element: &Element) -> String {
    let mut out = String::new();
    write(element, "", &mut Vec::new(), 0, &mut out);
    out
}

fn write(
    element: &Element,
    default: &str,
    bound: &mut Vec<(String, String)>,
    depth: usize,
    out: &mut String,
) {
    let mark = bound.len();
    let indent = "  ".repeat(depth);
    let _ = write!(out, "{indent}<{}", element.local);
    if &*element.ns != default {
        let _ = write!(out, " xmlns=\"{}\"", escape_attr(&element.ns));
    }
    let declared = element.decls.iter().map(|(p, u)| (&**p, &**u));
    let used = element.attrs.iter().map(|a| (&*a.prefix, &*a.ns));
    for (prefix, uri) in declared.chain(used) {
        let known = bound.iter().rev().find(|(p, _)| p == prefix);
        if prefix.is_empty() || prefix == "xml" || known.is_some_and(|(_, u)| u == uri) {
            continue;
        }
        let _ = write!(out, " xmlns:{prefix}=\"{}\"", escape_attr(uri));
        bound.push((prefix.to_owned(), uri.to_owned()));
    }
    for attr in &element.attrs {
        let colon = if attr.prefix.is_empty() { "" } else { ":" };
        let value = escape_attr(&attr.value);
        let _ = write!(out, " {}{colon}{}=\"{value}\"", attr.prefix, attr.local);
    }
    let has_elements = element.elements().next().is_some();
    if !has_elements {
        let text = element.text();
        if text.is_empty() {
            out.push_str("/>\n");
        } else {
            let _ = writeln!(out, ">{}</{}>", escape_text(&text), element.local);
        }
    } else {
        out.push_str(">\n");
        for child in &element.children {
            match child {
                Child::Element(child) => write(child, &element.ns, bound, depth + 1, out),
                Child::Text(text) if text.trim().is_empty() => {}
                Child::Text(text) => {
                    let _ = writeln!(out, "{indent}  {}", escape_text(text.trim()));
                }
            }
        }
        let _ = writeln!(out, "{indent}</{}>", element.local);
    }
    bound.truncate(mark);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indents_and_declares_namespaces_where_they_change() {
        let xml = "<a xmlns='urn:a' xmlns:p='urn:p'><p:b p:k='1&amp;'>x</p:b><c><d/>\n<e>p:v &lt;</e></c></a>";
        let element = crate::xml::parse_str(xml).unwrap();
        let expected = "\
<a xmlns=\"urn:a\" xmlns:p=\"urn:p\">
  <b xmlns=\"urn:p\" p:k=\"1&amp;\">x</b>
  <c>
    <d/>
    <e>p:v &lt;</e>
  </c>
</a>
";
        let printed = pretty(&element);
        assert_eq!(printed.replace("&gt;", ">"), expected);
        let again = crate::xml::parse_str(&printed).unwrap();
        assert_eq!(pretty(&again), printed);
    }
}
