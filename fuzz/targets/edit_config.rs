//! An edit of a configuration: decoded, applied, judged by libyang, stored, read back.

use lifeline::datastore::{DefaultOperation, EditTree, ErrorOption, Tree, explicit_xml};

use super::sample::{parse, schema, tree};

pub fn run(data: &[u8]) {
    let Some(config) = parse(data) else {
        return;
    };
    let Ok(edit) = EditTree::decode(schema(), &config) else {
        return;
    };
    let default = match data.len() % 3 {
        0 => DefaultOperation::Merge,
        1 => DefaultOperation::Replace,
        _ => DefaultOperation::None,
    };
    let Ok(edited) = tree().edit(&edit, default, ErrorOption::Rollback) else {
        return;
    };
    let Ok(valid) = edited.validate_after(Some(tree()), Some(&edit)) else {
        return;
    };
    // What was found valid stays so, and comes back from the store as it was.
    let empty = Tree::empty(schema());
    let again = valid.validate(Some(&empty));
    assert!(again.is_ok(), "{again:?}");
    let rows = valid.changed_units(&empty);
    let rows = rows
        .into_iter()
        .filter_map(|unit| Some((unit.path, unit.bytes?)));
    let read = Tree::from_units(schema(), rows).expect("rows of our own");
    assert_eq!(explicit_xml(&read), explicit_xml(&valid));
}
