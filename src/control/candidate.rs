//! The candidate configuration (RFC 6241 section 8.3): shared, not durable, may be invalid.
//!
//! It follows running until it is first modified.

use crate::datastore::Tree;

/// The candidate: nothing while it follows running.
#[derive(Debug, Default)]
pub struct Candidate {
    modified: Option<Tree>,
}

impl Candidate {
    /// Its content.
    pub fn tree(&self, running: &Tree) -> Tree {
        self.modified.clone().unwrap_or_else(|| running.clone())
    }

    /// Sets its content; the same as running is no modification.
    pub fn set(&mut self, tree: Tree, running: &Tree) {
        self.modified = (!tree.ptr_eq(running)).then_some(tree);
    }

    /// Its content, if it was changed since the last commit or discard.
    pub fn modified(&self) -> Option<&Tree> {
        self.modified.as_ref()
    }

    /// Whether it was changed since the last commit or discard.
    pub fn is_modified(&self) -> bool {
        self.modified.is_some()
    }

    /// Makes it follow running again if it is still `judged`, which was found to have running's content.
    #[must_use]
    pub fn discard_same(&mut self, judged: &Tree) -> Option<Tree> {
        let same = (self.modified()).is_some_and(|tree| tree.ptr_eq(judged));
        if same { self.discard() } else { None }
    }

    /// Makes it follow running again; what it held is for the caller to free, not under a lock.
    #[must_use]
    pub fn discard(&mut self) -> Option<Tree> {
        self.modified.take()
    }
}
