//! The two kinds of filter behind one face.

use std::sync::Arc;

use super::budget::{Budget, FilterLimits};
use super::subtree::SubtreeFilter;
use crate::clock::Clock;
use crate::datastore::error::Error;
use crate::datastore::print::WithDefaults;
use crate::datastore::select::Selection;
use crate::datastore::tree::Tree;
use crate::datastore::xpath::XPath;
use crate::xml::Element;

/// A retrieval's or subscription's filter.
#[derive(Clone, Debug)]
pub enum Filter {
    /// `type="subtree"`.
    Subtree(SubtreeFilter),
    /// `type="xpath"`.
    XPath(XPath),
}

impl Filter {
    /// What it may cost from now on.
    pub fn budget(&self, limits: &FilterLimits, clock: &Arc<dyn Clock>) -> Budget {
        match self {
            Self::Subtree(_) => Budget::new(limits.subtree_visits),
            Self::XPath(_) => Budget::new(limits.xpath_visits).within(limits.xpath_time, clock),
        }
    }

    /// Whether it selects anything of a notification's content (the elements beside `eventTime`).
    ///
    /// # Errors
    /// `resource-denied` when the budget is used up.
    pub fn wants(&self, content: &[&Element], budget: &mut Budget) -> Result<bool, Error> {
        match self {
            Self::Subtree(filter) => filter.wants(content, budget),
            Self::XPath(xpath) => xpath.wants(content, budget),
        }
    }
}

impl Tree {
    /// What a filter selects, within the default budget.
    ///
    /// # Errors
    /// As [`Tree::select_within`].
    pub fn select(&self, filter: &Filter, shown: WithDefaults) -> Result<Selection, Error> {
        self.select_within(filter, shown, &mut Budget::default())
    }

    /// What a filter selects, within a budget. It is applied to the data as the reply shows them, with those
    /// defaults that are in it (RFC 6243 section 4.5.1).
    ///
    /// # Errors
    /// `resource-denied` when the budget is used up.
    pub fn select_within(
        &self,
        filter: &Filter,
        shown: WithDefaults,
        budget: &mut Budget,
    ) -> Result<Selection, Error> {
        match filter {
            Filter::Subtree(filter) => filter.select(self, shown, budget),
            Filter::XPath(xpath) => xpath.select(self, shown, budget),
        }
    }
}
