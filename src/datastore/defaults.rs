//! Default values in use (RFC 7950 sections 7.6.1 and 7.7.2).

use std::sync::Arc;

use super::node::Node;
use crate::schema::{NodeId, Schema};

/// Whether a `when` hides a leaf's default from us: libyang alone evaluates it, so no default is shown.
pub(super) fn unknown(schema: &Schema, leaf: NodeId) -> bool {
    schema.node(leaf).has_when
}

/// The defaults in use of an absent leaf or leaf-list below `parent`; empty when none are.
/// A default inside a choice counts only when its case is there, or is the default case of a choice
/// of which no case is there.
pub(super) fn in_use<'s>(
    schema: &'s Schema,
    parent: Option<&Node>,
    leaf: NodeId,
) -> &'s [Arc<str>] {
    let def = schema.node(leaf);
    if def.defaults.is_empty() || !case_in_use(schema, parent, leaf) {
        return &[];
    }
    &def.defaults
}

/// Whether every case that a data node sits in is the one in use, and the tree's reader may know of it.
pub(super) fn case_in_use(schema: &Schema, parent: Option<&Node>, node: NodeId) -> bool {
    if parent.is_some_and(|parent| parent.veils(node)) {
        return false;
    }
    schema.cases_of(node).iter().all(|(choice, case)| {
        let mut any_case = false;
        for (sibling, _) in parent.iter().flat_map(|parent| parent.children()) {
            for (its_choice, its_case) in schema.cases_of(sibling).iter() {
                if its_choice == choice {
                    if its_case == case {
                        return true;
                    }
                    any_case = true;
                }
            }
        }
        !any_case && schema.node(*choice).default_case == Some(*case)
    })
}
