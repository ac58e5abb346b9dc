//! The path of an access rule: read, stored, read again, judged by libyang, and applied.

use lifeline::datastore::{
    DefaultOperation, EditTree, ErrorOption, Member, Nacm, Tree, explicit_xml,
};
use lifeline::xml::escape_text;

use super::sample::{BASE, ESC, parse, schema, tree};

const NACM: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm";
const NCM: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";

pub fn run(data: &[u8]) {
    let Ok(path) = std::str::from_utf8(data) else {
        return;
    };
    let path = escape_text(path);
    let config = format!(
        "<config xmlns=\"{BASE}\"><nacm xmlns=\"{NACM}\"><rule-list><name>l</name><group>g</group><rule><name>r</name>\
         <path xmlns:esc=\"{ESC}\" xmlns:e=\"{ESC}\" xmlns:m=\"{NCM}\">{path}</path><action>deny</action></rule></rule-list></nacm></config>"
    );
    // What is no XML, such as a control character, comes from no client.
    let Some(config) = parse(config.as_bytes()) else {
        return;
    };
    let Ok(edit) = EditTree::decode(schema(), &config) else {
        return;
    };
    let edited = tree().edit(&edit, DefaultOperation::Merge, ErrorOption::Rollback);
    let edited = edited.expect("a rule beside a deployment");
    let valid = edited
        .validate(Some(tree()))
        .expect("judged when it was read");
    assert_eq!(explicit_xml(&valid), explicit_xml(&edited));
    let rows = valid.changed_units(&Tree::empty(schema()));
    let rows = rows
        .into_iter()
        .filter_map(|unit| Some((unit.path, unit.bytes?)));
    let again = Tree::from_units(schema(), rows).expect("stored rows");
    assert_eq!(explicit_xml(&again), explicit_xml(&valid));
    let member = Member {
        user: "u".to_owned(),
        groups: vec!["g".to_owned()],
        admins: "admin",
    };
    let _ = Nacm::compile(&again, &member).visible(&again);
}
