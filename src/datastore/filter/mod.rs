//! Filters of retrieval and subscription: subtree (RFC 6241 section 6) and XPath (section 8.9).
//!
//! On a tree a filter selects nodes; on the content of a notification it only says whether the
//! notification is wanted, which is then sent whole (RFC 5277 section 3.6).

mod budget;
mod element;
mod kinds;
mod subtree;

pub use budget::{Budget, FilterLimits};
pub use kinds::Filter;
pub use subtree::SubtreeFilter;
