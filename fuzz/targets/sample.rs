//! The schema of the product, a configuration to work on, and how both are read.

use std::sync::OnceLock;

use lifeline::datastore::{
    DefaultOperation, EditTree, ErrorOption, PrintOptions, Selection, Tree, WithDefaults, write_xml,
};
use lifeline::schema::{LoadOptions, Schema};
use lifeline::xml::{self, Element, Limits};

pub const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
pub const ESC: &str = "http://www.cisco.com/esc/esc";

pub fn schema() -> &'static Schema {
    Schema::load(LoadOptions { simulator: true }).expect("the schema")
}

pub fn parse(data: &[u8]) -> Option<Element> {
    xml::parse(data, &Limits::default()).ok()
}

/// A configuration with a deployment in it.
pub fn tree() -> &'static Tree {
    static TREE: OnceLock<Tree> = OnceLock::new();
    TREE.get_or_init(|| {
        let content = include_str!("../../tests/fixtures/depzz.xml");
        let config = format!("<config xmlns=\"{BASE}\">{content}</config>");
        let config = xml::parse_str(&config).expect("XML");
        let edit = EditTree::decode(schema(), &config).expect("an edit");
        let empty = Tree::empty(schema());
        let tree = empty
            .edit(&edit, DefaultOperation::Merge, ErrorOption::Rollback)
            .expect("applied");
        tree.validate(Some(&empty)).expect("valid")
    })
}

/// Prints a part of the tree; what is printed has to be XML.
pub fn print(selection: &Selection) -> String {
    let mut out = xml::Writer::new();
    out.start("data");
    for with_defaults in [WithDefaults::Explicit, WithDefaults::ReportAllTagged] {
        let options = PrintOptions {
            with_defaults,
            state: true,
        };
        write_xml(tree(), selection, options, &mut out);
    }
    out.end();
    let text = out.finish();
    xml::parse_str(&text).expect("a reply is XML");
    text
}
