//! Filters of requests -> filters of the datastore room.

use super::map;
use crate::datastore::{self, Selection, SubtreeFilter, Tree, XPath};
use crate::proto::esc::ESC;
use crate::proto::netconf::{Filter, RpcError};

/// What a filter selects of a tree; everything when there is none.
pub fn select(tree: &Tree, filter: Option<&Filter>) -> Result<Selection, RpcError> {
    match filter {
        None => Ok(Selection::all()),
        Some(filter) => {
            let filter = decode(filter)?;
            tree.select(&filter).map_err(|error| map::filter(&error))
        }
    }
}

/// A request's filter, parsed. Names without a prefix in an XPath expression are those of the ESC model.
pub fn decode(filter: &Filter) -> Result<datastore::Filter, RpcError> {
    Ok(match filter {
        Filter::Subtree(element) => datastore::Filter::Subtree(SubtreeFilter::decode(element)),
        Filter::XPath { select, scope } => {
            let resolve = |prefix: &str| scope.resolve(prefix).map(str::to_owned);
            let parsed = XPath::parse(select, &resolve, ESC);
            datastore::Filter::XPath(parsed.map_err(|error| map::filter(&error))?)
        }
    })
}
