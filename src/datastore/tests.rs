//! Tests of the room as a whole, on the product's own schema and on a small one made for them.

use std::sync::OnceLock;

use super::*;
use crate::schema::{LoadOptions, Schema, SourceModule};
use crate::xml;

mod edits;
mod filters;
mod properties;
mod rfc6241;
mod stored;

/// The product's schema.
pub(super) fn esc() -> &'static Schema {
    Schema::load(LoadOptions { simulator: true }).unwrap()
}

/// A small schema with everything an edit can meet.
pub(super) fn small() -> &'static Schema {
    static SMALL: OnceLock<&'static Schema> = OnceLock::new();
    SMALL.get_or_init(|| {
        Schema::load_with(&[
            SourceModule {
                name: "lifeline-unit",
                text: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/yang/lifeline/lifeline-unit.yang"
                )),
                implement: true,
                features: &[],
            },
            SourceModule {
                name: "small",
                text: SMALL_YANG,
                implement: true,
                features: &[],
            },
        ])
        .unwrap()
    })
}

const SMALL_YANG: &str = r#"
module small {
  yang-version 1.1;
  namespace "urn:small";
  prefix s;
  import lifeline-unit { prefix lu; }
  revision 2026-11-22;
  identity base; identity one { base base; }
  container top {
    leaf name { type string; }
    leaf count { type int32; default "7"; }
    leaf kind { type identityref { base base; } }
    container deep { leaf a { type string; default "x"; } leaf b { type string; } }
    container there { presence "yes"; leaf c { type string; } }
    leaf-list tag { type string; }
    leaf-list step { type string; ordered-by user; }
    choice way {
      default near;
      case near { leaf n1 { type string; default "d"; } leaf n2 { type string; } }
      case far { leaf f1 { type string; } container f2 { leaf x { type string; } } }
    }
    list item { key "id"; leaf id { type int32; } leaf v { type string; } leaf w { type string; } }
    list queue { key "id"; ordered-by user; leaf id { type string; } leaf v { type string; } }
    list pair { key "a b"; leaf a { type string; } leaf b { type string; } leaf v { type string; } }
    list group {
      key "name"; lu:unit;
      leaf name { type string; }
      leaf limit { type int8; }
      container members {
        list member {
          key "name"; lu:unit;
          leaf name { type string; }
          leaf mode { type enumeration { enum auto; enum manual; } default auto; }
          leaf level { when "../mode = 'manual'"; type int32; }
          leaf extra { when "../level"; type string; }
          leaf must-be { type int32; must ". > 3" { error-app-tag "too-low"; } }
        }
      }
    }
    container state { config false; leaf up { type boolean; } list row { leaf v { type int32; } } }
  }
}
"#;

/// Parses a `<config>` whose content is in the small schema's namespace.
pub(super) fn config(content: &str) -> xml::Element {
    let text = format!(
        "<config xmlns='{NETCONF_NS}' xmlns:nc='{NETCONF_NS}' xmlns:yang='{YANG_NS}' \
         xmlns:wd='{DEFAULT_NS}'>{content}</config>"
    );
    xml::parse_str(&text).unwrap()
}

pub(super) fn top(content: &str) -> xml::Element {
    config(&format!(
        "<top xmlns='urn:small' xmlns:s='urn:small'>{content}</top>"
    ))
}

pub(super) fn decode(content: &str) -> Result<EditTree, Error> {
    EditTree::decode(small(), &top(content))
}

/// Merges content into a tree.
pub(super) fn merged(tree: &Tree, content: &str) -> Tree {
    let edit = decode(content).unwrap();
    tree.edit(&edit, DefaultOperation::Merge, ErrorOption::Stop)
        .unwrap()
}

pub(super) fn tree(content: &str) -> Tree {
    merged(&Tree::empty(small()), content)
}

/// The content of `<top>`.
pub(super) fn shown(tree: &Tree) -> String {
    let xml = explicit_xml(tree);
    let inner = xml.strip_prefix("<top xmlns=\"urn:small\">");
    inner
        .and_then(|x| x.strip_suffix("</top>"))
        .unwrap_or(&xml)
        .to_owned()
}
