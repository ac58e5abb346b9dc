//! RFC 8341 as tables.
//!
//! `table`: generated rules and requests against an oracle that follows the text of sections 3.4.4 to 3.4.6
//! step by step on the XML; `golden`: a part of it that a person has checked; `trees`: what is seen of a
//! tree; `edits`: what may be changed.

use std::sync::OnceLock;

use super::{Access, Member, Nacm};
use crate::datastore::tree::Tree;
use crate::datastore::{DefaultOperation, EditTree, ErrorOption};
use crate::schema::{Schema, SourceModule};
use crate::xml;

mod edits;
mod golden;
mod oracle;
mod paths;
mod table;
mod trees;

pub(super) const G: &str = "urn:test:g";
pub(super) const H: &str = "urn:test:h";
pub(super) const P: &str = "urn:test:p";
pub(super) const NACM: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm";

const G_YANG: &str = r#"
module g {
  yang-version 1.1;
  namespace "urn:test:g";
  prefix g;
  import ietf-netconf-acm { prefix nacm; }
  revision 2026-11-22;
  container top {
    leaf plain { type string; }
    leaf size { type int32; default "7"; }
    leaf hidden { nacm:default-deny-all; type string; default "h"; }
    leaf fixed { nacm:default-deny-write; type string; }
    container vault { nacm:default-deny-all; leaf gold { type string; default "g"; } }
    container deep { leaf x { type string; default "dx"; } leaf y { type string; } }
    leaf-list tag { type string; ordered-by user; }
    choice way {
      default near;
      case near { leaf near { type string; default "n"; } }
      case far { leaf far { type string; } }
    }
    list item {
      key "name kind";
      leaf name { type string; }
      leaf kind { type int8; }
      leaf value { type string; }
      container sub { leaf note { type string; } }
      action reset;
      notification changed { leaf now { type string; } }
    }
  }
  container other { presence "yes"; leaf z { type string; } }
  rpc run;
  rpc danger { nacm:default-deny-all; }
  notification alarm { leaf text { type string; } }
  notification quiet { nacm:default-deny-all; }
}"#;

const H_YANG: &str = r#"
module h {
  yang-version 1.1;
  namespace "urn:test:h";
  prefix h;
  import g { prefix g; }
  revision 2026-11-22;
  augment "/g:top/g:item" { leaf extra { type string; } }
  rpc run;
  notification alarm { leaf text { type string; } }
}"#;

const P_YANG: &str = r#"
module p {
  yang-version 1.1;
  namespace "urn:test:p";
  prefix p;
  revision 2026-11-22;
  identity color;
  identity red { base color; }
  identity blue { base color; }
  container p {
    list trio {
      key "name kind color";
      leaf name { type string; }
      leaf kind { type int8; }
      leaf color { type identityref { base color; } }
      leaf value { type string; }
      container sub { leaf note { type string; } }
      leaf-list tag { type string; }
      choice way { case near { leaf near { type string; } } }
      action reset { input { leaf delay { type int8; } } output { leaf done { type string; } } }
      notification changed { leaf now { type string; } }
      list inner { key "id"; leaf id { type string; } leaf v { type string; } }
    }
    container state {
      config false;
      list log { leaf line { type string; } }
      leaf-list seen { type int8; }
    }
  }
  rpc call { input { leaf x { type string; } } }
  notification event { leaf y { type string; } }
}"#;

pub(super) fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<&'static Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let module = |name, text| SourceModule {
            name,
            text,
            implement: true,
            features: &[],
        };
        let all = [
            module("g", G_YANG),
            module("h", H_YANG),
            module("p", P_YANG),
        ];
        Schema::load_with(&all).unwrap()
    })
}

/// A tree of top-level elements.
pub(super) fn tree(content: &str) -> Tree {
    let config = xml::parse_str(&format!("<config>{content}</config>")).unwrap();
    let edit = EditTree::decode(schema(), &config).unwrap();
    let empty = Tree::empty(schema());
    empty
        .edit(&edit, DefaultOperation::Merge, ErrorOption::Rollback)
        .unwrap()
}

/// `/nacm` with this content.
pub(super) fn nacm(content: &str) -> String {
    format!("<nacm xmlns=\"{NACM}\">{content}</nacm>")
}

/// A rule-list for `group` of (content of the rule, action).
pub(super) fn rules(group: &str, rules: &[(&str, &str)]) -> String {
    let rules: String = rules
        .iter()
        .enumerate()
        .map(|(at, (content, action))| {
            format!("<rule><name>r{at}</name>{content}<action>{action}</action></rule>")
        })
        .collect();
    nacm(&format!(
        "<rule-list><name>l</name><group>{group}</group>{rules}</rule-list>"
    ))
}

/// `<path>` with both prefixes declared.
pub(super) fn path(text: &str) -> String {
    let text = text.replace('"', "&quot;");
    format!("<path xmlns:g=\"{G}\" xmlns:h=\"{H}\">{text}</path>")
}

pub(super) fn member(user: &str, groups: &[&str]) -> Member {
    Member {
        user: user.to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        admins: "admin",
    }
}

/// What user `u`, member of `ops`, may do under these rules.
pub(super) fn ops(config: &str) -> Nacm {
    Nacm::compile(&tree(config), &member("u", &["ops"]))
}
