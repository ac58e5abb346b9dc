//! Filters of requests -> filters of the datastore room.

use std::sync::Arc;

use super::map;
use crate::clock::Clock;
use crate::datastore::{self, FilterLimits, Selection, SubtreeFilter, Tree, WithDefaults, XPath};
use crate::proto::esc::ESC;
use crate::proto::netconf::{Filter, RpcError};

/// What a filter selects of a tree as the reply shows it; everything when there is none.
pub fn select(
    tree: &Tree,
    filter: Option<&Filter>,
    shown: WithDefaults,
    limits: &FilterLimits,
    clock: &Arc<dyn Clock>,
) -> Result<Selection, RpcError> {
    match filter {
        None => Ok(Selection::all()),
        Some(filter) => {
            let filter = of_data(filter, limits)?;
            let mut budget = filter.budget(limits, clock);
            let selected = tree.select_within(&filter, shown, &mut budget);
            selected.map_err(|error| map::filter(&error))
        }
    }
}

/// Parses an XPath expression: what it may be depends on what it is for.
type Parse = fn(
    &str,
    &dyn Fn(&str) -> Option<String>,
    &str,
    &FilterLimits,
) -> Result<XPath, datastore::Error>;

/// A retrieval's filter, parsed: XPath has to give a node-set (RFC 6241 section 8.9.5.1).
fn of_data(filter: &Filter, limits: &FilterLimits) -> Result<datastore::Filter, RpcError> {
    decode(filter, limits, XPath::parse_within)
}

/// A subscription's filter, parsed: what XPath gives is taken as a boolean (RFC 5277 section 3.6).
pub fn of_events(filter: &Filter, limits: &FilterLimits) -> Result<datastore::Filter, RpcError> {
    decode(filter, limits, XPath::parse_condition)
}

/// Names without a prefix in an XPath expression are those of the ESC model.
fn decode(
    filter: &Filter,
    limits: &FilterLimits,
    parse: Parse,
) -> Result<datastore::Filter, RpcError> {
    Ok(match filter {
        Filter::Subtree(element) => datastore::Filter::Subtree(SubtreeFilter::decode(element)),
        Filter::XPath { select, scope } => {
            let resolve = |prefix: &str| scope.resolve(prefix).map(str::to_owned);
            let parsed = parse(select, &resolve, ESC, limits);
            datastore::Filter::XPath(parsed.map_err(|error| map::filter(&error))?)
        }
    })
}

/// Whether a filter could select anything of the top-level node of that name: what it surely does not
/// ask for need not be gathered. When in doubt, yes.
pub fn may_select(filter: Option<&Filter>, ns: &str, local: &str) -> bool {
    match filter {
        None => true,
        Some(Filter::Subtree(filter)) => filter.elements().any(|element| {
            &*element.local == local && (element.ns.is_empty() || &*element.ns == ns)
        }),
        Some(Filter::XPath { select, .. }) => first_step(select).is_none_or(|step| step == local),
    }
}

/// The local name of the first step of a plain location path, whose predicates look at nothing
/// outside the nodes they stand on; `None` for any other expression.
fn first_step(select: &str) -> Option<&str> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    let mut outside = String::with_capacity(select.len());
    let mut quote = None;
    let mut depth = 0_u32;
    for c in select.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => depth = depth.checked_sub(1)?,
            (None, '/' | '(' | ':') if depth > 0 => return None,
            (None, _) if depth > 0 => {}
            (None, c) => outside.push(c),
        }
    }
    let path = outside.trim();
    if !path.chars().all(plain) || ["//", "::", ".."].iter().any(|hard| path.contains(hard)) {
        return None;
    }
    let select = select.trim().trim_start_matches('/');
    let first = select.split(['/', '[']).next()?.trim();
    let local = first.split_once(':').map_or(first, |(_, local)| local);
    (!local.is_empty() && local != ".").then_some(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_path_names_its_first_step() {
        for (select, step) in [
            ("/esc_datamodel/opdata", Some("esc_datamodel")),
            ("esc_datamodel", Some("esc_datamodel")),
            (
                " /e:esc_datamodel/x[name='a/b(c)'][k = \"|\"]/y ",
                Some("esc_datamodel"),
            ),
            ("/netconf-state[x]", Some("netconf-state")),
            ("/", None),
            ("", None),
            (".", None),
            ("/*", None),
            ("//x", None),
            ("/a//b", None),
            ("/a | /b", None),
            ("/a/../b", None),
            ("/a/parent::b", None),
            ("/a[/b]", None),
            ("/a[../b]", None),
            ("/a[count(b)>0]", None),
            ("count(/a)", None),
            ("/a[parent::b]", None),
            ("/a + /b", None),
            ("/a]", None),
        ] {
            assert_eq!(first_step(select), step, "{select}");
        }
    }
}
