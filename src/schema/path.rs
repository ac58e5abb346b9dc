//! Paths and other texts with qualified names: from module names to prefixes and back.

use std::borrow::Cow;

/// `text` as an XPath 1.0 string expression.
pub fn quoted(text: &str) -> String {
    match (text.contains('\''), text.contains('"')) {
        (false, _) => format!("'{text}'"),
        (true, false) => format!("\"{text}\""),
        (true, true) => {
            let parts: Vec<String> = text.split('\'').map(|part| format!("'{part}'")).collect();
            format!("concat({})", parts.join(",\"'\","))
        }
    }
}

/// An instance path as libyang writes it, as one that can be read: it puts a key that has both kinds of
/// quotes between quotes all the same. Where that key ends is then told by what can follow.
pub(super) fn readable(raw: &str) -> Cow<'_, str> {
    if !(raw.contains('"') && raw.contains('\'')) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len() + 16);
    let mut rest = raw;
    while let Some(at) = rest.find(['\'', '"']) {
        let (before, literal) = rest.split_at(at);
        out.push_str(before);
        let (value, after) = match literal_ends(literal) {
            Some(parts) => parts,
            None => return Cow::Borrowed(raw),
        };
        out.push_str(&quoted(value));
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The value and what is after it, of a text that begins with a quote.
fn literal_ends(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next()?;
    let inner = text.get(1..)?;
    let ends = inner.match_indices(quote).map(|(at, _)| at);
    let mut ends = ends.filter_map(|at| Some((inner.get(..at)?, inner.get(at + 1..)?)));
    ends.find(|(_, after)| after.strip_prefix(']').is_some_and(goes_on))
}

/// Whether this can follow a predicate of an instance path: nothing, a step, or another key.
fn goes_on(rest: &str) -> bool {
    match rest.split_at_checked(1) {
        None => true,
        Some(("/", step)) => {
            after_name(step).is_some_and(|after| after.is_empty() || after.starts_with(['/', '[']))
        }
        Some(("[", key)) => after_name(key)
            .and_then(|after| after.strip_prefix('='))
            .is_some_and(|literal| literal.starts_with(['\'', '"'])),
        Some(_) => false,
    }
}

/// What follows the qualified name that a text begins with.
fn after_name(text: &str) -> Option<&str> {
    let (_, after) = split_name(text).filter(|_| text.starts_with(is_name_start))?;
    match after.strip_prefix(':') {
        Some(local) if local.starts_with(is_name_start) => Some(split_name(local)?.1),
        _ => Some(after),
    }
}

/// Rewrites every qualified name of an XPath-like text, outside of literals, by `rename`.
///
/// `rename` gets the qualifier (empty for none) and gives the new one, which may be empty, or
/// `None` to give up. Names that XPath itself owns (axes, functions, node tests, operators) are
/// left alone.
pub(super) fn rewrite(
    text: &str,
    mut rename: impl FnMut(&str, &str) -> Option<String>,
) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '\'' || first == '"' {
            let end = rest.get(1..)?.find(first)? + 2;
            out.push_str(rest.get(..end)?);
            rest = rest.get(end..)?;
        } else if first == '$' {
            // A variable is no node: without a prefix it has none (XPath 1.0 section 3.1).
            let end = variable_end(rest);
            out.push_str(rest.get(..end)?);
            rest = rest.get(end..)?;
        } else if is_name_start(first) {
            let (name, after) = split_name(rest)?;
            rest = after;
            match after.strip_prefix(':') {
                // An axis, such as `child::`.
                Some(next) if next.starts_with(':') => {
                    out.push_str(name);
                    out.push_str("::");
                    rest = next.get(1..)?;
                }
                Some(next) if next.starts_with('*') => {
                    qualify(&mut out, &rename(name, "*")?, "*");
                    rest = next.get(1..)?;
                }
                Some(next) if next.starts_with(is_name_start) => {
                    let (local, next) = split_name(next)?;
                    qualify(&mut out, &rename(name, local)?, local);
                    rest = next;
                }
                _ if after.trim_start().starts_with('(') || is_operator(&out, name) => {
                    out.push_str(name);
                }
                _ => qualify(&mut out, &rename("", name)?, name),
            }
        } else if first.is_ascii_digit() {
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            out.push_str(rest.get(..end)?);
            rest = rest.get(end..)?;
        } else {
            out.push(first);
            rest = rest.get(first.len_utf8()..)?;
        }
    }
    Some(out)
}

/// An instance path as libyang writes it: a step without a module is in that of the step above
/// it. `prefix` gives what stands for a module.
pub(super) fn qualify_steps(text: &str, prefix: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut current = String::new();
    rewrite(text, |qualifier, _| {
        if !qualifier.is_empty() {
            current = prefix(qualifier)?;
        }
        Some(current.clone())
    })
}

/// The steps of an absolute path without predicates: (qualifier, name), the qualifier empty where
/// none is written.
pub(super) fn steps(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut quote = None;
    let mut step = String::new();
    for c in text.chars().chain(std::iter::once('/')) {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => depth = depth.saturating_sub(1),
            (None, '/') if depth == 0 => {
                if !step.is_empty() {
                    let (qualifier, name) = step.split_once(':').unwrap_or(("", &step));
                    found.push((qualifier.to_owned(), name.to_owned()));
                    step.clear();
                }
            }
            (None, _) if depth == 0 => step.push(c),
            (None, _) => {}
        }
    }
    found
}

/// The path without the predicates of its last step.
pub(super) fn without_last_predicate(text: &str) -> &str {
    let mut quote = None;
    let mut depth = 0_usize;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => {
                if depth == 0 && end == text.len() {
                    end = at;
                }
                depth += 1;
            }
            (None, ']') => depth = depth.saturating_sub(1),
            (None, '/') if depth == 0 => end = text.len(),
            _ => {}
        }
    }
    text.get(..end).unwrap_or(text)
}

fn qualify(out: &mut String, qualifier: &str, local: &str) {
    if !qualifier.is_empty() {
        out.push_str(qualifier);
        out.push(':');
    }
    out.push_str(local);
}

/// Whether a bare name is an operator: it follows an operand (XPath 1.0 section 3.7).
fn is_operator(before: &str, name: &str) -> bool {
    matches!(name, "and" | "or" | "div" | "mod")
        && before
            .trim_end()
            .chars()
            .next_back()
            .is_some_and(|last| last.is_alphanumeric() || "])'\".*_-".contains(last))
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// The end of `$name`, which stands at the start.
fn variable_end(text: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '$');
    text.find(|c| !is_part(c)).unwrap_or(text.len())
}

fn split_name(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
        .unwrap_or(text.len());
    Some((text.get(..end)?, text.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_without_module_takes_that_of_the_step_above() {
        let path = "/esc:esc_datamodel/tenants/tenant[name='a/b:c']/lifeline:operation/id";
        let prefix = |module: &str| Some(module.to_uppercase());
        assert_eq!(
            qualify_steps(path, prefix).as_deref(),
            Some(
                "/ESC:esc_datamodel/ESC:tenants/ESC:tenant[ESC:name='a/b:c']\
                 /LIFELINE:operation/LIFELINE:id"
            )
        );
    }

    #[test]
    fn literals_functions_axes_and_operators_are_left_alone() {
        let text = "child::a:x[count(b:y) > 1.5 and not(z = 'a:q') or text()]/a:*";
        let rename = |q: &str, _: &str| {
            Some(if q.is_empty() {
                String::new()
            } else {
                format!("{q}{q}")
            })
        };
        assert_eq!(
            rewrite(text, rename).as_deref(),
            Some("child::aa:x[count(bb:y) > 1.5 and not(z = 'a:q') or text()]/aa:*")
        );
    }

    #[test]
    fn variables_are_left_alone() {
        let qualified = rewrite("/a:b[a:c=$USER]/d", |_, _| Some("m".to_owned()));
        assert_eq!(qualified.as_deref(), Some("/m:b[m:c=$USER]/m:d"));
    }

    #[test]
    fn a_key_with_both_kinds_of_quotes_can_be_read() {
        let same = "/m:a[b='x\"]/c'][d=\"it's\"]/e";
        assert_eq!(readable(same), same);
        let name = |text: &str| format!("concat('{}')", text.replace('\'', "',\"'\",'"));
        for key in [
            "a'b\"c", "'\"", "\"'", "'\"][", "'\"]x", "'\"]/", "'\"][x=1",
        ] {
            assert_eq!(
                readable(&format!(
                    "/m:a[b=\"{key}\"][c=\"{key}\"]/d[e='1']/f[g=\"{key}\"]"
                )),
                format!("/m:a[b={0}][c={0}]/d[e='1']/f[g={0}]", name(key)),
                "{key}"
            );
        }
        assert_eq!(readable("/a[b='\"]"), "/a[b='\"]");
    }

    #[test]
    fn an_open_literal_is_refused() {
        assert_eq!(rewrite("/a[b='c]", |_, _| Some(String::new())), None);
    }

    #[test]
    fn only_the_last_steps_predicates_go() {
        assert_eq!(
            without_last_predicate("/a[b='/x[']/c[d='1'][e='2']"),
            "/a[b='/x[']/c"
        );
        assert_eq!(without_last_predicate("/a[b='1']/c"), "/a[b='1']/c");
    }

    #[test]
    fn steps_leave_predicates_out() {
        assert_eq!(
            steps("/m:a/b[c='/x/']/n:d"),
            [("m", "a"), ("", "b"), ("n", "d")].map(|(q, n)| (q.to_owned(), n.to_owned()))
        );
    }
}
