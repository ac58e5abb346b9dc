//! Subtree filters on the content of a notification.
//!
//! Conditions below one filter element are and-ed, filter elements of one name are or-ed, as the
//! examples of RFC 5277 section 5 read them: `fault` and (`card` is `Ethernet0`).

use super::subtree::{FilterNode, Kind};
use super::{Budget, SubtreeFilter};
use crate::datastore::error::Error;
use crate::xml::Element;

impl SubtreeFilter {
    pub(super) fn wants(&self, content: &[&Element], budget: &mut Budget) -> Result<bool, Error> {
        // At the top every element is an alternative of its own.
        for filter in &self.nodes {
            if any(filter, content, budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether the filter holds for one of the elements at least.
fn any(filter: &FilterNode, elements: &[&Element], budget: &mut Budget) -> Result<bool, Error> {
    for element in elements {
        budget.take(1)?;
        if is(filter, element) && holds(filter, element, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn holds(filter: &FilterNode, element: &Element, budget: &mut Budget) -> Result<bool, Error> {
    let filters = match &filter.kind {
        Kind::Selection => return Ok(true),
        Kind::Content(text, _) => return Ok(element.text().trim() == text),
        Kind::Containment(filters) => filters,
    };
    let children: Vec<&Element> = element.elements().collect();
    let mut conditions = false;
    for (position, filter) in filters.iter().enumerate() {
        if !is_condition(filter) {
            continue;
        }
        conditions = true;
        let same = |other: &&FilterNode| {
            !matches!(other.kind, Kind::Content(..))
                && !matches!(filter.kind, Kind::Content(..))
                && other.local == filter.local
                && other.ns == filter.ns
        };
        if filters.iter().take(position).any(|other| same(&other)) {
            continue;
        }
        let mut held = any(filter, &children, budget)?;
        for alternative in filters.iter().skip(position + 1).filter(same) {
            held = held || any(alternative, &children, budget)?;
        }
        if !held {
            return Ok(false);
        }
    }
    if conditions {
        return Ok(true);
    }
    for filter in filters {
        if any(filter, &children, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a filter can fail on content, rather than merely select.
fn is_condition(filter: &FilterNode) -> bool {
    match &filter.kind {
        Kind::Content(..) => true,
        Kind::Selection => false,
        Kind::Containment(filters) => filters.iter().any(is_condition),
    }
}

fn is(filter: &FilterNode, element: &Element) -> bool {
    filter.local == element.local
        && filter.ns.as_ref().is_none_or(|ns| *ns == element.ns)
        && filter.attrs.iter().all(|(ns, local, value)| {
            let found = element.attr(ns, local);
            found.is_some_and(|found| found.trim() == value.trim())
        })
}
