//! The path of a rule (RFC 8341 section 3.5.2, `node-instance-identifier`): which data it is about.

use crate::datastore::keys::Keys;
use crate::schema::{NodeId, NodePath, Operand, Predicate, Schema};

/// Which data nodes a rule is about: the one it names, every instance of it where a key is left out, and
/// all below.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pattern(NodePath);

impl Pattern {
    /// Reads a path as trees hold it; `None` when it names nothing that this schema has.
    pub fn parse(schema: &Schema, text: &str) -> Option<Self> {
        schema.stored_node_path(text).ok().map(Self)
    }

    /// The schema node it names; `None` for `/`.
    pub fn target(&self) -> Option<NodeId> {
        self.0.0.last().map(|step| step.node)
    }

    /// Whether some instances of its node are meant and others are not.
    pub fn by_instance(&self) -> bool {
        self.0.0.iter().any(|step| !step.only.is_empty())
    }

    /// Whether a node at or below its schema node is meant.
    pub fn covers(&self, location: &[(NodeId, Option<&Keys>)], user: &str) -> bool {
        let steps = &self.0.0;
        steps.len() <= location.len()
            && steps.iter().zip(location).all(|(step, (node, keys))| {
                step.node == *node && step.only.iter().all(|only| holds(only, *keys, user))
            })
    }
}

fn holds(predicate: &Predicate, keys: Option<&Keys>, user: &str) -> bool {
    let Some(keys) = keys else { return false };
    match predicate {
        Predicate::Key(at, wanted) => keys.get(*at).is_some_and(|found| match wanted {
            Operand::Text(text) => **found == **text,
            Operand::User => **found == *user,
        }),
        // Entries of a list without keys are numbered from 0 on.
        Predicate::Position(position) => {
            let found = keys.first().parse::<u64>().ok();
            found.and_then(|found| found.checked_add(1)) == Some(*position)
        }
    }
}
