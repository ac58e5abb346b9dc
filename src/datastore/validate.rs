//! Validation of what changed: each changed unit through libyang, then the rules across units.
//!
//! libyang's printed form (canonical) takes the place of the unit. A node that a false `when` hides
//! is removed when the edit did not name it (RFC 7950 section 8.2), until nothing more is hidden.

use super::apply::merge_into;
use super::edit_tree::EditTree;
use super::error::{Error, ErrorKind};
use super::node::{Node, ROOT};
use super::path::{self, Location};
use super::print::{Reader, unit_xml};
use super::rules;
use super::tree::Tree;
use super::units::{changed_locations, decode_printed, graft, replace_at};
use crate::schema::{self, Schema};

/// Each pass removes a node at least, so this many passes mean a schema that argues in a circle.
const MAX_WHEN_PASSES: usize = 64;

impl Tree {
    /// Validates every unit that is not the same in `validated` (all, when there is none), and the
    /// rules across units. The result holds libyang's canonical form.
    ///
    /// # Errors
    /// Everything that is wrong, unit by unit.
    pub fn validate(&self, validated: Option<&Tree>) -> Result<Tree, Vec<Error>> {
        self.validate_after(validated, None)
    }

    /// As [`Tree::validate`], after an edit: a node that it names and a `when` hides is an error
    /// (`unknown-element`). Without an edit, a node counts as named when `validated` does not have it.
    ///
    /// # Errors
    /// Everything that is wrong, unit by unit.
    pub fn validate_after(
        &self,
        validated: Option<&Tree>,
        edit: Option<&EditTree>,
    ) -> Result<Tree, Vec<Error>> {
        let mut tree = self.clone();
        let mut errors = Vec::new();
        let base = validated.map(Tree::root);
        for change in changed_locations(self.schema(), base, self.root()) {
            if change.node.is_none() {
                continue;
            }
            let judge = Judge {
                schema: self.schema(),
                validated,
                edit,
            };
            match judge.unit(&tree, &change.location) {
                Ok(judged) => tree = judged,
                Err(found) => errors.extend(found),
            }
        }
        errors.extend(rules::check(validated, &tree));
        match errors.is_empty() {
            true => Ok(tree),
            false => Err(errors),
        }
    }
}

struct Judge<'a> {
    schema: &'static Schema,
    validated: Option<&'a Tree>,
    edit: Option<&'a EditTree>,
}

impl Judge<'_> {
    fn unit(&self, tree: &Tree, at: &Location) -> Result<Tree, Vec<Error>> {
        let mut tree = tree.clone();
        for _ in 0..MAX_WHEN_PASSES {
            let Some(node) = path::find(tree.root(), at).cloned() else {
                return Ok(tree);
            };
            let xml = unit_xml(&tree, &at.0, &node, Reader::Libyang);
            if xml.is_empty() {
                return Ok(tree);
            }
            match self.schema.validate_unit(&xml) {
                Ok(printed) if printed == xml => return Ok(tree),
                Ok(printed) => return self.canonical(tree, at, &node, &printed),
                Err(found) => tree = self.without_hidden(&tree, found)?,
            }
        }
        let message = "when statements exclude each other without end";
        Err(vec![Error::new(
            ErrorKind::Failed,
            at.display(self.schema),
            message,
        )])
    }

    /// Takes libyang's canonical form of a unit over, if it says anything else than ours.
    fn canonical(
        &self,
        tree: Tree,
        at: &Location,
        node: &Node,
        printed: &str,
    ) -> Result<Tree, Vec<Error>> {
        let mut fresh = Node::new(ROOT);
        let edit = decode_printed(self.schema, printed).map_err(|e| vec![e])?;
        merge_into(self.schema, &mut fresh, &edit).map_err(|e| vec![e])?;
        let Some(unit) = path::find(&fresh, at) else {
            return Ok(tree);
        };
        let mut unit = unit.clone();
        graft(self.schema, &mut unit, node);
        let unit = unit.reshare(node);
        if unit.ptr_eq(node) {
            return Ok(tree);
        }
        let mut root = tree.root().clone();
        replace_at(self.schema, &mut root, at, unit);
        Ok(Tree::with_root(self.schema, root))
    }

    /// The tree without the nodes that a false `when` hides; an error when anything else is wrong, or
    /// when a hidden node was named by the edit.
    fn without_hidden(
        &self,
        tree: &Tree,
        found: Vec<schema::ValidationError>,
    ) -> Result<Tree, Vec<Error>> {
        let mut root = tree.root().clone();
        let mut wrong = Vec::new();
        for error in found {
            let hidden = (error.kind == schema::ErrorKind::When)
                .then(|| Location::parse(self.schema, &error.path))
                .flatten()
                .filter(|location| !self.named(location));
            let removed =
                hidden.is_some_and(|location| path::remove(self.schema, &mut root, &location.0));
            if !removed {
                wrong.push(self.error(error));
            }
        }
        match wrong.is_empty() {
            true => Ok(Tree::with_root(self.schema, root)),
            false => Err(wrong),
        }
    }

    fn named(&self, location: &Location) -> bool {
        if let Some(edit) = self.edit {
            return edit.names(location);
        }
        let Some((last, parents)) = location.0.split_last() else {
            return true;
        };
        let Some(base) = self.validated else {
            return true;
        };
        let parent = path::find(base.root(), &Location(parents.to_vec()));
        parent.is_none_or(|node| node.child(last.node).is_none())
    }

    fn error(&self, error: schema::ValidationError) -> Error {
        use schema::ErrorKind as Theirs;
        let name = || match error.schema_node {
            Some(id) => self.schema.node(id).name.to_string(),
            None => last_name(&error.path),
        };
        let kind = match &error.kind {
            Theirs::UnknownElement | Theirs::When => ErrorKind::UnknownElement {
                name: error.element.clone().unwrap_or_else(name),
            },
            Theirs::InvalidValue => ErrorKind::InvalidValue {
                app_tag: error.app_tag.clone(),
            },
            Theirs::MissingKey { key } => ErrorKind::MissingKey { key: key.clone() },
            Theirs::Mandatory { name } => ErrorKind::Mandatory { name: name.clone() },
            Theirs::MandatoryChoice { choice } => ErrorKind::MissingChoice {
                choice: choice.clone(),
            },
            Theirs::Must => ErrorKind::Must {
                app_tag: (error.app_tag.clone()).unwrap_or_else(|| "must-violation".to_owned()),
            },
            Theirs::LeafrefMissing => ErrorKind::InstanceRequired,
            Theirs::DataNotUnique => ErrorKind::DataNotUnique {
                leafs: error.non_unique.clone(),
            },
            Theirs::TooFew => ErrorKind::TooFew,
            Theirs::TooMany => ErrorKind::TooMany,
            Theirs::MultipleCases => ErrorKind::BadElement { name: name() },
            Theirs::Malformed | Theirs::Other => ErrorKind::Failed,
        };
        let path = match error.path.as_str() {
            "/" => String::new(),
            path => path.to_owned(),
        };
        Error::new(kind, path, error.message)
    }
}

fn last_name(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or("");
    let last = last.split('[').next().unwrap_or("");
    last.rsplit(':').next().unwrap_or("").to_owned()
}
