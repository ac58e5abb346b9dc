//! The two kinds of filter behind one face.

use super::SubtreeFilter;
use crate::datastore::error::{Error, ErrorKind};
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

/// How many nodes a filter may look at before it is refused (`resource-denied`).
#[derive(Clone, Debug)]
pub struct Budget(u64);

impl Budget {
    /// Enough for a few full walks over a large configuration.
    pub const DEFAULT_VISITS: u64 = 2_000_000;

    /// A budget of so many visits.
    pub fn new(visits: u64) -> Self {
        Self(visits)
    }

    /// Takes visits off.
    ///
    /// # Errors
    /// [`ErrorKind::ResourceDenied`] when there are not as many left.
    pub fn take(&mut self, visits: usize) -> Result<(), Error> {
        match self.0.checked_sub(visits as u64) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => {
                self.0 = 0;
                let message = "the filter looks at more nodes than a request may";
                Err(Error::new(ErrorKind::ResourceDenied, "", message))
            }
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::DEFAULT_VISITS)
    }
}

impl Filter {
    /// Whether it selects anything of a notification's content (the elements beside `eventTime`).
    ///
    /// # Errors
    /// `resource-denied` when the budget is used up, `invalid-value` when an XPath expression gives
    /// no node-set.
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
    pub fn select(&self, filter: &Filter) -> Result<Selection, Error> {
        self.select_within(filter, &mut Budget::default())
    }

    /// What a filter selects, within a budget.
    ///
    /// # Errors
    /// `resource-denied` when the budget is used up, `invalid-value` when an XPath expression gives
    /// no node-set (RFC 6241 section 8.9.5.1).
    pub fn select_within(&self, filter: &Filter, budget: &mut Budget) -> Result<Selection, Error> {
        match filter {
            Filter::Subtree(filter) => filter.select(self, budget),
            Filter::XPath(xpath) => xpath.select(self, budget),
        }
    }
}
