//! Secrets: values that are kept and used, and shown to nobody.
//!
//! A leaf marked `secret` in our YANG is read as a mask. The mask written back stands for the value that
//! is there, so that what was read can be edited and returned.

use super::error::Error;
use super::node::{Node, Value};
use super::ordered::Ordered;
use super::tree::Tree;
use crate::schema::{NodeId, Schema};

/// What stands in a reply where a secret is.
pub const MASK: &str = "********";

/// Whether a text is the mask.
pub(super) fn is_mask(text: &str) -> bool {
    text == MASK
}

/// The mask where no value is.
pub(super) fn nothing_behind(path: String) -> Error {
    let message = format!("{MASK} stands for a secret that is there, and none is");
    Error::invalid(path, message)
}

impl Tree {
    /// The tree with a mask for every secret. Costs what holds secrets, the rest is shared.
    pub fn masked(&self) -> Tree {
        match masked(self.schema(), self.root()) {
            Some(root) => Tree::with_root(self.schema(), root),
            None => self.clone(),
        }
    }
}

/// The node with masks; `None` when there is no secret in it.
fn masked(schema: &'static Schema, node: &Node) -> Option<Node> {
    let mut out: Option<Node> = None;
    for (id, value) in node.children() {
        if let Some(value) = masked_value(schema, id, value) {
            out.get_or_insert_with(|| node.clone()).set(id, value);
        }
    }
    out
}

fn masked_value(schema: &'static Schema, id: NodeId, value: &Value) -> Option<Value> {
    if !schema.holds_secrets(id) {
        return None;
    }
    match value {
        Value::Leaf(_) => Some(Value::Leaf(MASK.into())),
        Value::LeafList(_) | Value::Any(_) => None,
        Value::Container(node) => masked(schema, node).map(Value::Container),
        Value::List(entries) => {
            let mut out: Option<Ordered<Node>> = None;
            for (keys, node) in entries.iter() {
                if let Some(node) = masked(schema, node) {
                    let out = out.get_or_insert_with(|| entries.clone());
                    out.insert(keys.clone(), node);
                }
            }
            out.map(Value::List)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datastore::{DefaultOperation, EditTree, ErrorKind, ErrorOption, explicit_xml};
    use crate::schema::LoadOptions;
    use crate::xml;

    fn edit(base: &Tree, default: DefaultOperation, properties: &str) -> Result<Tree, Error> {
        let config = format!(
            "<config xmlns:nc='urn:ietf:params:xml:ns:netconf:base:1.0'><esc_datamodel xmlns='http://www.cisco.com/esc/esc'>\
             <vim_connectors><vim_connector><id>v</id><properties>{properties}</properties></vim_connector>\
             </vim_connectors></esc_datamodel></config>"
        );
        let config = xml::parse_str(&config).unwrap();
        let edit = EditTree::decode(base.schema(), &config).unwrap();
        base.edit(&edit, default, ErrorOption::Rollback)
    }

    fn property(value: &str) -> String {
        format!("<property><name>pw</name><value>{value}</value></property>")
    }

    #[test]
    fn a_mask_given_back_stands_for_the_secret_that_is_there() {
        let schema = Schema::load(LoadOptions { simulator: true }).unwrap();
        let merge = DefaultOperation::Merge;
        let tree = edit(&Tree::empty(schema), merge, &property("s3cret")).unwrap();
        let shown = explicit_xml(&tree.masked());
        assert!(!shown.contains("s3cret") && shown.contains(MASK), "{shown}");
        for default in [merge, DefaultOperation::Replace] {
            let again = edit(&tree, default, &property(MASK)).unwrap();
            assert!(explicit_xml(&again).contains("<value>s3cret</value>"));
        }
        let replaced =
            "<property nc:operation='replace'><name>pw</name><value>********</value></property>";
        let again = edit(&tree, merge, replaced).unwrap();
        assert!(explicit_xml(&again).contains("<value>s3cret</value>"));
        let other = edit(&tree, merge, &property("n3w")).unwrap();
        assert!(explicit_xml(&other).contains("<value>n3w</value>"));
    }

    #[test]
    fn a_mask_with_nothing_behind_it_is_refused() {
        let schema = Schema::load(LoadOptions { simulator: true }).unwrap();
        let empty = Tree::empty(schema);
        for default in [DefaultOperation::Merge, DefaultOperation::Replace] {
            let error = edit(&empty, default, &property(MASK)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidValue { app_tag: None });
            assert!(
                error
                    .path
                    .ends_with("esc:property[esc:name='pw']/esc:value"),
                "{error}"
            );
        }
    }

    #[test]
    fn secrets_are_guarded_leafs_of_text_without_defaults() {
        let schema = Schema::load(LoadOptions { simulator: true }).unwrap();
        let secrets: Vec<_> = schema.nodes().iter().filter(|node| node.secret).collect();
        assert!(!secrets.is_empty());
        for secret in secrets {
            assert_eq!(secret.kind, crate::schema::NodeKind::Leaf);
            assert_eq!(secret.value, crate::schema::ValueKind::Text);
            assert!(
                secret.deny_all && secret.config && !secret.is_key && secret.defaults.is_empty()
            );
        }
    }
}
