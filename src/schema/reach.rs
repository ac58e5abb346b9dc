//! Units: no constraint may read beyond its own unit and the keys of its ancestors.
//!
//! A unit is judged alone, in the skeleton of its ancestors' keys. That is right only if no must,
//! when, leafref, unique, min-elements or max-elements in it depends on anything else. libyang
//! tells which schema nodes an expression can visit; that is an approximation on the safe side:
//!
//! * nodes on the way from the constrained node to the root may be passed;
//! * nodes of the same unit, and keys of ancestor lists, may be read;
//! * nothing may come down again into the unit's own list, or a list above it: that would be
//!   another instance. An expression that names such a list is refused, and one with a wildcard
//!   that also passes above the unit.
//!
//! State data is in no unit and is not judged by units, so that only configuration is looked at.

use std::ptr;

use yang5::ffi;

use super::compile::leaf_type;
use super::error::SchemaError;
use super::lookup::Schema;
use super::node::{NodeId, NodeKind, SchemaNode};
use super::path;
use super::sys::{self, sized};

/// An expression of the schema, with what libyang needs to follow it.
struct Expression {
    keyword: &'static str,
    context: *const ffi::lysc_node,
    expression: *const ffi::lyxp_expr,
    prefixes: *const ffi::lysc_prefix,
}

/// Checks every configuration node of the schema.
pub(super) fn check(schema: &Schema) -> Result<(), SchemaError> {
    if !schema.nodes.iter().any(|node| node.is_unit) {
        return Ok(());
    }
    for (node, raw) in schema.nodes.iter().zip(&schema.raw) {
        if node.is_unit {
            check_unit(schema, node, raw.0)?;
        }
        if !node.config {
            continue;
        }
        for expression in expressions(node, raw.0) {
            let visited = visits(schema, raw.0, &expression);
            check_reach(schema, node, &expression, &visited)?;
        }
        if node.value_reads_anywhere(raw.0) {
            return Err(SchemaError::Reach {
                path: schema.path(node.id),
                statement: "require-instance of an instance-identifier".to_owned(),
                target: "any node".to_owned(),
            });
        }
    }
    Ok(())
}

fn check_unit(
    schema: &Schema,
    node: &SchemaNode,
    raw: *const ffi::lysc_node,
) -> Result<(), SchemaError> {
    let path = schema.path(node.id);
    if node.kind != NodeKind::List || !node.config || node.keys.is_empty() {
        return Err(SchemaError::NotAUnit(path));
    }
    // SAFETY: a list, by its kind.
    let uniques = unsafe { sized((*raw.cast::<ffi::lysc_node_list>()).uniques.cast_const()) };
    let statement = if !uniques.is_empty() {
        "unique"
    } else if node.min_elements > 0 {
        "min-elements"
    } else if node.max_elements > 0 {
        "max-elements"
    } else {
        return Ok(());
    };
    Err(SchemaError::Reach {
        target: path.clone(),
        path,
        statement: statement.to_owned(),
    })
}

fn check_reach(
    schema: &Schema,
    node: &SchemaNode,
    expression: &Expression,
    visited: &[NodeId],
) -> Result<(), SchemaError> {
    // SAFETY: an expression of the compiled schema; its text lives with the context.
    let text = unsafe { sys::text(ffi::lyxp_get_expr(expression.expression)) }.unwrap_or_default();
    let refused = |target: NodeId| {
        Err(SchemaError::Reach {
            path: schema.path(node.id),
            statement: format!("{} \"{text}\"", expression.keyword),
            target: schema.path(target),
        })
    };
    let unit = schema.unit_of(node.id);
    let mut list = unit;
    while let Some(above) = list.map(|id| schema.node(id)) {
        if above.kind == NodeKind::List && comes_down(&text, above) {
            return refused(above.id);
        }
        list = above.parent;
    }
    for target in visited.iter().copied() {
        let served = schema.node(target);
        let above = is_at_or_above(schema, target, node.id);
        let same = served.config && schema.unit_of(target) == unit;
        let key = served.is_key
            && (served.parent).is_some_and(|list| is_at_or_above(schema, list, node.id));
        if !(above || same || key) {
            return refused(target);
        }
        // Strictly above the unit: a wildcard could come down from there.
        let outside =
            unit.is_some_and(|unit| target != unit && is_at_or_above(schema, target, unit));
        if outside && has_wildcard(&text) {
            return refused(target);
        }
    }
    Ok(())
}

/// Whether an expression names the list, so that it could enter another of its entries.
fn comes_down(text: &str, list: &SchemaNode) -> bool {
    let mut named = false;
    let read = path::rewrite(text, |_, local| {
        named |= local == &*list.name;
        Some(String::new())
    });
    named || read.is_none()
}

/// Whether a step of an expression may match nodes that it does not name. Multiplication counts
/// too, as do the characters inside a literal: this is the safe side.
fn has_wildcard(text: &str) -> bool {
    ["*", "//", "::", "node(", "deref(", "id("]
        .iter()
        .any(|wildcard| text.contains(wildcard))
}

fn is_at_or_above(schema: &Schema, above: NodeId, below: NodeId) -> bool {
    let mut up = Some(below);
    while let Some(id) = up {
        if id == above {
            return true;
        }
        up = schema.node(id).parent;
    }
    false
}

/// The musts, whens and leafref paths of a node.
fn expressions(node: &SchemaNode, raw: *const ffi::lysc_node) -> Vec<Expression> {
    let mut all = Vec::new();
    // SAFETY: arrays of the compiled schema, or null; whens are pointers to live structures.
    unsafe {
        for must in sized(ffi::lysc_node_musts(raw).cast_const()) {
            all.push(Expression {
                keyword: "must",
                context: raw,
                expression: must.cond,
                prefixes: must.prefixes,
            });
        }
        for when in sized(ffi::lysc_node_when(raw).cast_const()) {
            let when = &**when;
            all.push(Expression {
                keyword: "when",
                context: when.context,
                expression: when.cond,
                prefixes: when.prefixes,
            });
        }
    }
    if let Some(of) = leaf_type(raw, node.kind) {
        leafrefs(raw, of, &mut all);
    }
    all
}

/// The leafrefs of a type, those in unions included. One that requires no instance reads nothing.
fn leafrefs(leaf: *const ffi::lysc_node, of: *const ffi::lysc_type, all: &mut Vec<Expression>) {
    // SAFETY: a compiled type; the casts follow its base type.
    unsafe {
        match (*of).basetype {
            ffi::LY_DATA_TYPE::LY_TYPE_LEAFREF => {
                let leafref = &*of.cast::<ffi::lysc_type_leafref>();
                if leafref.require_instance != 0 {
                    all.push(Expression {
                        keyword: "leafref",
                        context: leaf,
                        expression: leafref.path,
                        prefixes: leafref.prefixes,
                    });
                }
            }
            ffi::LY_DATA_TYPE::LY_TYPE_UNION => {
                let union = &*of.cast::<ffi::lysc_type_union>();
                for member in sized(union.types.cast_const()) {
                    leafrefs(leaf, *member, all);
                }
            }
            _ => {}
        }
    }
}

impl SchemaNode {
    /// Whether the value is an instance-identifier whose instance must exist, itself or as a
    /// member of a union.
    fn value_reads_anywhere(&self, raw: *const ffi::lysc_node) -> bool {
        leaf_type(raw, self.kind).is_some_and(requires_instance)
    }
}

fn requires_instance(of: *const ffi::lysc_type) -> bool {
    // SAFETY: a compiled type; the casts follow its base type.
    unsafe {
        match (*of).basetype {
            ffi::LY_DATA_TYPE::LY_TYPE_INST => {
                (*of.cast::<ffi::lysc_type_instanceid>()).require_instance != 0
            }
            ffi::LY_DATA_TYPE::LY_TYPE_UNION => {
                let union = &*of.cast::<ffi::lysc_type_union>();
                sized(union.types.cast_const())
                    .iter()
                    .any(|member| requires_instance(*member))
            }
            _ => false,
        }
    }
}

/// The nodes that an expression can visit. Nodes that are not served are left out.
fn visits(schema: &Schema, raw: *const ffi::lysc_node, expression: &Expression) -> Vec<NodeId> {
    let mut set = ptr::null_mut();
    // SAFETY: node, expression and prefixes belong to one complete context; the set is freed
    // after its pointers were copied.
    let nodes: Vec<*const ffi::lysc_node> = unsafe {
        let rc = ffi::lys_find_expr_atoms(
            expression.context,
            (*raw).module,
            expression.expression,
            expression.prefixes,
            0,
            &raw mut set,
        );
        let mut nodes = Vec::new();
        if rc == ffi::LY_ERR::LY_SUCCESS
            && let Some(found) = set.as_ref()
        {
            let objects = found.__bindgen_anon_1.objs;
            for index in 0..found.count as usize {
                nodes.push((*objects.add(index)).cast_const().cast());
            }
        }
        ffi::ly_set_free(set, None);
        nodes
    };
    // What it said about paths that lead nowhere was said at load already.
    let _ = schema.context.take_errors();
    nodes
        .into_iter()
        .filter_map(|node| {
            let index = schema.raw.iter().position(|raw| ptr::eq(raw.0, node))?;
            u32::try_from(index).ok().map(NodeId)
        })
        .collect()
}
