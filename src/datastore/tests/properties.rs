//! Property tests: edits against a naive model, round trips, sharing, unit verdicts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    Name,
    Near,
    Far,
    Tag(u8),
    Item(u8),
    ItemLeaf(u8),
    Queue(u8),
}

type Op = (Target, &'static str, u8);

#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    leafs: BTreeMap<&'static str, u8>,
    tags: BTreeSet<u8>,
    items: BTreeMap<u8, Option<u8>>,
    queue: Vec<(u8, u8)>,
}

#[derive(Debug, PartialEq)]
enum Refused {
    Exists,
    Missing,
}

impl Model {
    /// `Ok(true)`: set it; `Ok(false)`: take it away or nothing to do.
    fn verdict(op: &str, exists: bool) -> Result<bool, Refused> {
        match (op, exists) {
            ("create", true) => Err(Refused::Exists),
            ("delete", false) => Err(Refused::Missing),
            ("delete" | "remove", _) => Ok(false),
            _ => Ok(true),
        }
    }

    fn leaf(&mut self, name: &'static str, op: &str, value: u8) -> Result<bool, Refused> {
        let sets = Self::verdict(op, self.leafs.contains_key(name))?;
        match sets {
            true => self.leafs.insert(name, value),
            false => self.leafs.remove(name),
        };
        Ok(sets)
    }

    fn apply(&mut self, (target, op, value): Op) -> Result<(), Refused> {
        match target {
            Target::Name => drop(self.leaf("name", op, value)?),
            Target::Near => {
                if self.leaf("n2", op, value)? {
                    self.leafs.remove("f1");
                }
            }
            Target::Far => {
                if self.leaf("f1", op, value)? {
                    self.leafs.remove("n2");
                }
            }
            Target::Tag(tag) => match Self::verdict(op, self.tags.contains(&tag))? {
                true => drop(self.tags.insert(tag)),
                false => drop(self.tags.remove(&tag)),
            },
            Target::Item(id) => match Self::verdict(op, self.items.contains_key(&id))? {
                true => drop(self.items.insert(id, Some(value))),
                false => drop(self.items.remove(&id)),
            },
            Target::ItemLeaf(id) => {
                let leaf = self.items.entry(id).or_default();
                match Self::verdict(op, leaf.is_some())? {
                    true => *leaf = Some(value),
                    false => *leaf = None,
                }
            }
            Target::Queue(id) => {
                let at = self.queue.iter().position(|(k, _)| *k == id);
                match (Self::verdict(op, at.is_some())?, at) {
                    (true, Some(at)) => self.queue[at].1 = value,
                    (true, None) => self.queue.push((id, value)),
                    (false, Some(at)) => drop(self.queue.remove(at)),
                    (false, None) => {}
                }
            }
        }
        Ok(())
    }

    fn xml(&self) -> String {
        let mut out = String::new();
        let leaf = |out: &mut String, name: &str| {
            if let Some(value) = self.leafs.get(name) {
                out.push_str(&format!("<{name}>{value}</{name}>"));
            }
        };
        leaf(&mut out, "name");
        for tag in &self.tags {
            out.push_str(&format!("<tag>{tag}</tag>"));
        }
        leaf(&mut out, "n2");
        leaf(&mut out, "f1");
        for (id, v) in &self.items {
            let v = v.map(|v| format!("<v>{v}</v>")).unwrap_or_default();
            out.push_str(&format!("<item><id>{id}</id>{v}</item>"));
        }
        for (id, v) in &self.queue {
            out.push_str(&format!("<queue><id>{id}</id><v>{v}</v></queue>"));
        }
        out
    }
}

fn op_xml((target, op, value): Op) -> String {
    let op = format!(" nc:operation='{op}'");
    match target {
        Target::Name => format!("<name{op}>{value}</name>"),
        Target::Near => format!("<n2{op}>{value}</n2>"),
        Target::Far => format!("<f1{op}>{value}</f1>"),
        Target::Tag(tag) => format!("<tag{op}>{tag}</tag>"),
        Target::Item(id) => format!("<item{op}><id>{id}</id><v>{value}</v></item>"),
        Target::ItemLeaf(id) => format!("<item><id>{id}</id><v{op}>{value}</v></item>"),
        Target::Queue(id) => format!("<queue{op}><id>{id}</id><v>{value}</v></queue>"),
    }
}

fn op() -> impl Strategy<Value = Op> {
    let target = prop_oneof![
        Just(Target::Name),
        Just(Target::Near),
        Just(Target::Far),
        (0u8..4).prop_map(Target::Tag),
        (0u8..12).prop_map(Target::Item),
        (0u8..12).prop_map(Target::ItemLeaf),
        (0u8..4).prop_map(Target::Queue),
    ];
    let names = prop_oneof![
        3 => Just("merge"), 2 => Just("create"), 2 => Just("remove"), 1 => Just("replace"), 1 => Just("delete")
    ];
    (target, names, 0u8..3)
}

/// Edits whose nodes do not contradict each other.
fn edit() -> impl Strategy<Value = Vec<Op>> {
    proptest::collection::vec(op(), 1..5).prop_map(|ops| {
        let single = |t: &Target| match t {
            Target::Name => 1,
            Target::Near | Target::Far => 2,
            _ => 0,
        };
        let mut seen = BTreeSet::new();
        let keep = |op: &Op| single(&op.0) == 0 || seen.insert(single(&op.0));
        ops.into_iter().filter(keep).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_follow_a_naive_model(edits in proptest::collection::vec(edit(), 1..12)) {
        let mut model = Model::default();
        let mut tree = Tree::empty(small());
        for ops in edits {
            let content: String = ops.iter().map(|op| op_xml(*op)).collect();
            let edit = decode(&content).unwrap();
            let edited = tree.edit(&edit, DefaultOperation::Merge, ErrorOption::Rollback);
            let mut next = model.clone();
            let expected = ops.iter().try_for_each(|op| next.apply(*op));
            match (edited, expected) {
                (Ok(new), Ok(())) => {
                    let diff = Diff::between(&tree, &new);
                    prop_assert_eq!(&diff.apply(&tree), &new);
                    prop_assert_eq!(diff.is_empty(), tree == new);
                    prop_assert_eq!(&Diff::between(&new, &tree).apply(&new), &tree);
                    prop_assert_eq!(shown(&new), next.xml());
                    (tree, model) = (new, next);
                }
                (Err(error), Err(refused)) => {
                    let kind = match refused {
                        Refused::Exists => ErrorKind::DataExists,
                        Refused::Missing => ErrorKind::DataMissing,
                    };
                    prop_assert_eq!(error.kind, kind);
                }
                (got, expected) => prop_assert!(false, "{got:?} but {expected:?}"),
            }
        }
        if !tree.is_empty() {
            let again = xml::parse_str(&format!("<c>{}</c>", explicit_xml(&tree))).unwrap();
            let edit = EditTree::decode(small(), &again).unwrap();
            let read = tree.edit(&edit, DefaultOperation::Replace, ErrorOption::Stop).unwrap();
            // What is printed and read back is the same, shared down to the last node.
            prop_assert!(read.ptr_eq(&tree));
        }
    }

    #[test]
    fn units_follow_the_tree(
        before in proptest::collection::vec((0u8..6, 0u8..4, 0u8..3), 0..25),
        after in proptest::collection::vec((0u8..6, 0u8..4, 0u8..3, 0u8..4), 1..12),
    ) {
        let content: String = before.iter().map(|m| member(*m, "")).collect();
        let old = tree(&format!("<name>n</name>{content}"));
        let ops = ["", "nc:operation='remove'", "nc:operation='replace'", "group"];
        let mut new = old.clone();
        for (g, m, v, op) in after {
            let edit = match ops[op as usize] {
                "group" => format!("<group nc:operation='remove'><name>g{g}</name></group>"),
                op => member((g, m, v), op),
            };
            new = merged(&new, &edit);
        }
        // Rows of the old tree plus the changes give the new tree.
        let mut rows: BTreeMap<UnitPath, Vec<u8>> = BTreeMap::new();
        for change in old.changed_units(&Tree::empty(small())) {
            rows.insert(change.path, change.bytes.unwrap());
        }
        for change in new.changed_units(&old) {
            match change.bytes {
                Some(bytes) => drop(rows.insert(change.path, bytes)),
                None => drop(rows.remove(&change.path)),
            }
        }
        prop_assert_eq!(&Tree::from_units(small(), rows).unwrap(), &new);
        let diff = Diff::between(&old, &new);
        prop_assert_eq!(diff.is_empty(), new.changed_units(&old).is_empty());
        prop_assert_eq!(&diff.apply(&old), &new);
        // The union of the units' verdicts is libyang's verdict on the whole tree.
        let units = new.validate(None).is_ok();
        prop_assert_eq!(units, small().validate_data(&explicit_xml(&new)).is_ok());
if old.validate(None).is_ok() {
            prop_assert_eq!(new.validate(Some(&old)).is_ok(), units);
        }
    }

    #[test]
    fn parsers_never_panic(text in "[a-z/\\[\\]()='\"@:*.|0-9<>!, -]{0,60}", junk in "\\PC{0,40}") {
        for text in [text, junk] {
            if let Ok(xpath) = XPath::parse(&text, &|_| Some("urn:small".into()), "urn:small") {
                let filter = Filter::XPath(xpath);
                let _ = tree("<item><id>1</id></item>").select_within(&filter, WithDefaults::ReportAll, &mut Budget::new(5_000));
            }
            let _ = Location::parse(small(), &text);
        }
    }
}

/// One member of one group; `must-be` 0 to 2 is too low, left out for 0.
fn member((g, m, v): (u8, u8, u8), op: &str) -> String {
    let value = match (v, op) {
        (0, _) => String::new(),
        (1, _) => "<mode>manual</mode><level>1</level>".to_owned(),
        _ => "<must-be>2</must-be>".to_owned(),
    };
    format!(
        "<group><name>g{g}</name><members><member {op}><name>m{m}</name>{value}</member></members></group>"
    )
}
