//! Filters of requests -> filters of the datastore room.

use super::map;
use crate::datastore::{ElementFilter, Selection, SubtreeFilter, Tree, XPath};
use crate::proto::netconf::{Filter, RpcError};
use crate::xml::Scope;

/// What a filter selects of a tree; everything when there is none.
pub fn select(tree: &Tree, filter: Option<&Filter>) -> Result<Selection, RpcError> {
    match filter {
        None => Ok(Selection::all()),
        Some(Filter::Subtree(element)) => {
            Ok(SubtreeFilter::decode(tree.schema(), element).select(tree))
        }
        Some(Filter::XPath { select, scope }) => {
            let xpath = xpath(select, scope)?;
            xpath.select(tree).map_err(|error| map::filter(&error))
        }
    }
}

/// The filter of a subscription.
pub fn of_events(filter: Option<&Filter>) -> Result<Option<ElementFilter>, RpcError> {
    Ok(match filter {
        None => None,
        Some(Filter::Subtree(element)) => Some(ElementFilter::subtree(element.clone())),
        Some(Filter::XPath { select, scope }) => Some(ElementFilter::xpath(xpath(select, scope)?)),
    })
}

fn xpath(select: &str, scope: &Scope) -> Result<XPath, RpcError> {
    let resolve = |prefix: &str| scope.resolve(prefix).map(str::to_owned);
    XPath::parse(select, &resolve).map_err(|error| map::filter(&error))
}
