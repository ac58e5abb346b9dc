//! A tree, or what was selected of it, as XML (with-defaults modes: RFC 6243).
//!
//! The default namespace is declared where it changes; nothing has a prefix but qualified names
//! inside values, whose module names are declared as prefixes on the leaf. Elements are opened only
//! when something below them is written, so a partial selection leaves no empty shells.

use super::decode::DEFAULT_NS;
use super::defaults;
use super::keys::Keys;
use super::node::{Node, ROOT, Value};
use super::ordered::Ordered;
use super::path::data_children;
use super::select::{Below, Mask, Part, Selection};
use super::tree::Tree;
use crate::schema::{NodeId, NodeKind, Schema, SchemaNode, ValueKind};
use crate::xml::Writer;

/// Which default values a reply shows (RFC 6243 section 3); the basic mode is explicit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WithDefaults {
    /// Only what was set, whatever its value.
    #[default]
    Explicit,
    /// Everything, defaults in use included.
    ReportAll,
    /// Only what differs from the default.
    Trim,
    /// As report-all; what nobody set is marked.
    ReportAllTagged,
}

impl WithDefaults {
    /// The mode a `with-defaults` parameter names.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "explicit" => Self::Explicit,
            "report-all" => Self::ReportAll,
            "trim" => Self::Trim,
            "report-all-tagged" => Self::ReportAllTagged,
            _ => return None,
        })
    }

    pub(super) fn fills_in(self) -> bool {
        matches!(self, Self::ReportAll | Self::ReportAllTagged)
    }

    /// Whether a leaf is left out for holding its default (section 3.2); a key names its entry and never is.
    pub(super) fn trims(self, def: &SchemaNode, text: &str) -> bool {
        let default = || def.defaults.first().is_some_and(|given| **given == *text);
        self == Self::Trim && !def.is_key && default()
    }

    /// As [`WithDefaults::trims`], of all the entries of a leaf-list.
    pub(super) fn trims_all(self, def: &SchemaNode, values: &Ordered<()>) -> bool {
        self == Self::Trim && !def.defaults.is_empty() && {
            let held = values.iter().map(|(keys, ())| keys.first());
            held.eq(def.defaults.iter().map(|default| &**default))
        }
    }
}

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrintOptions {
    /// Defaults mode.
    pub with_defaults: WithDefaults,
    /// Print state data too (`<get>`); false: configuration only (`<get-config>`).
    pub state: bool,
}

/// Writes what is selected of a tree.
pub fn write_xml(tree: &Tree, selection: &Selection, options: PrintOptions, out: &mut Writer) {
    let mut printer = Printer::new(tree.schema(), options, out);
    printer.children(tree.root(), &selection.0);
}

/// Writes what is selected of a tree in pieces: whenever more than `piece` bytes are waiting behind a
/// list entry, they are handed to `sink`. What is left stays in `out`.
pub fn write_xml_pieces(
    tree: &Tree,
    selection: &Selection,
    options: PrintOptions,
    out: &mut Writer,
    piece: usize,
    sink: &mut dyn FnMut(String),
) {
    let mut printer = Printer::new(tree.schema(), options, out);
    printer.sink = Some((piece, sink));
    printer.children(tree.root(), &selection.0);
}

/// The whole tree in explicit mode.
pub fn explicit_xml(tree: &Tree) -> String {
    let mut out = Writer::new();
    let options = PrintOptions {
        with_defaults: WithDefaults::Explicit,
        state: true,
    };
    write_xml(tree, &Selection::all(), options, &mut out);
    out.finish()
}

type Sink<'o> = (usize, &'o mut dyn FnMut(String));

pub(super) struct Printer<'o> {
    schema: &'static Schema,
    options: PrintOptions,
    out: &'o mut Writer,
    /// Elements that will be opened as soon as something below them is written.
    pending: Vec<(NodeId, Option<Keys>)>,
    /// Leave out list entries that are units of their own.
    pub without_units: bool,
    /// Whom it is for.
    reader: Reader,
    sink: Option<Sink<'o>>,
}

impl<'o> Printer<'o> {
    pub fn new(schema: &'static Schema, options: PrintOptions, out: &'o mut Writer) -> Self {
        Self {
            schema,
            options,
            out,
            pending: Vec::new(),
            without_units: false,
            reader: Reader::Anybody,
            sink: None,
        }
    }

    /// Opens an element (with its keys) at once; [`Printer::close`] ends it.
    pub fn open(&mut self, id: NodeId, keys: Option<&Keys>) {
        self.pending.push((id, keys.cloned()));
        self.flush();
    }

    /// Ends an element that was opened.
    pub fn close(&mut self) {
        self.out.end();
    }

    /// Writes the children of an interior node, list keys apart.
    pub fn children(&mut self, node: &Node, mask: &Mask) {
        let part = match mask {
            Mask::All => None,
            Mask::Part(part) => Some(part),
        };
        if self.options.with_defaults.fills_in() {
            for id in data_children(self.schema, node.schema()) {
                if selects(part, *id) {
                    match node.child(*id) {
                        Some(value) => self.value(*id, value, part),
                        None => self.defaults(Some(node), *id, part),
                    }
                }
            }
            return;
        }
        match part {
            Some(part) if part.children.len() < 8 => {
                for id in part.children.keys() {
                    if let Some(value) = node.child(*id) {
                        self.value(*id, value, Some(part));
                    }
                }
            }
            _ => {
                for (id, value) in node.children() {
                    if selects(part, id) {
                        self.value(id, value, part);
                    }
                }
            }
        }
    }

    fn value(&mut self, id: NodeId, value: &Value, part: Option<&Part>) {
        let def = self.schema.node(id);
        if def.is_key || !(def.config || self.options.state) {
            return;
        }
        let below = part.and_then(|part| part.children.get(&id));
        match value {
            Value::Leaf(text) => {
                if !self.options.with_defaults.trims(def, text) {
                    self.leaf(def, text, false);
                }
            }
            Value::LeafList(values) => self.leaf_list(def, values, below),
            Value::Any(element) => {
                self.flush();
                element.write(self.out);
            }
            Value::Container(node) => {
                let mask = match below {
                    Some(Below::Node(mask)) => mask,
                    _ => &Mask::All,
                };
                let presence = def.kind == NodeKind::Container { presence: true };
                self.interior(node, mask, presence && keeps(mask));
            }
            Value::List(entries) => self.list(def, entries, below),
        }
    }

    fn interior(&mut self, node: &Node, mask: &Mask, keep: bool) {
        self.pending.push((node.schema(), node.keys().cloned()));
        if keep {
            self.flush();
        }
        self.children(node, mask);
        if self.pending.pop().is_none() {
            self.out.end();
        }
    }

    fn list(&mut self, def: &SchemaNode, entries: &Ordered<Node>, below: Option<&Below>) {
        if self.without_units && def.is_unit {
            return;
        }
        match below {
            Some(Below::Entries(masks)) if !entries.is_user_ordered() => {
                for (keys, mask) in masks {
                    if let Some(node) = entries.get(keys) {
                        self.entry(node, mask);
                    }
                }
            }
            Some(Below::Entries(masks)) => {
                for (keys, node) in entries.iter() {
                    if let Some(mask) = masks.get(keys) {
                        self.entry(node, mask);
                    }
                }
            }
            _ => entries
                .iter()
                .for_each(|(_, node)| self.entry(node, &Mask::All)),
        }
    }

    fn entry(&mut self, node: &Node, mask: &Mask) {
        self.interior(node, mask, keeps(mask));
        if let Some((piece, sink)) = &mut self.sink
            && self.out.len() > *piece
        {
            sink(self.out.take());
        }
    }

    fn leaf_list(&mut self, def: &SchemaNode, values: &Ordered<()>, below: Option<&Below>) {
        if self.options.with_defaults.trims_all(def, values) {
            return;
        }
        for (keys, ()) in values.iter() {
            let selected = match below {
                Some(Below::Values(some)) => some.contains(keys),
                _ => true,
            };
            if selected {
                self.leaf(def, keys.first(), false);
            }
        }
    }

    /// Writes the defaults in use of an absent child and, for a container, below it.
    fn defaults(&mut self, parent: Option<&Node>, id: NodeId, part: Option<&Part>) {
        let def = self.schema.node(id);
        if !(def.config || self.options.state) || defaults::unknown(self.schema, id) {
            return;
        }
        match def.kind {
            NodeKind::Leaf | NodeKind::LeafList => {
                let tagged = self.options.with_defaults == WithDefaults::ReportAllTagged;
                for text in defaults::in_use(self.schema, parent, id) {
                    self.leaf(def, text, tagged);
                }
            }
            // An absent state container says that there is nothing to tell.
            NodeKind::Container { presence: false }
                if def.config && defaults::case_in_use(self.schema, parent, id) =>
            {
                let mask = match part.and_then(|part| part.children.get(&id)) {
                    Some(Below::Node(mask)) => mask,
                    _ => &Mask::All,
                };
                self.interior(&Node::new(id), mask, false);
            }
            _ => {}
        }
    }

    fn leaf(&mut self, def: &SchemaNode, text: &str, is_default: bool) {
        self.flush();
        self.out
            .open(&self.schema.module(def.module).namespace, &def.name);
        if is_default {
            self.out.attr("xmlns:wd", DEFAULT_NS);
            self.out.attr("wd:default", "true");
        }
        let as_it_is = self.reader == Reader::Libyang && def.value == ValueKind::NodePath;
        match may_hold_names(&def.value) && !as_it_is {
            true => {
                let external = self.schema.external(def.id, text);
                for (prefix, ns) in &external.namespaces {
                    self.out.attr(&format!("xmlns:{prefix}"), ns);
                }
                self.out.text(&external.text);
            }
            false => self.out.text(text),
        }
        self.out.end();
    }

    fn flush(&mut self) {
        for (id, keys) in std::mem::take(&mut self.pending) {
            let def = self.schema.node(id);
            self.out
                .open(&self.schema.module(def.module).namespace, &def.name);
            for (key, value) in def.keys.iter().zip(keys.iter().flat_map(Keys::iter)) {
                self.leaf(self.schema.node(*key), value, false);
            }
        }
    }
}

/// Who reads what is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reader {
    /// Clients, the store.
    Anybody,
    /// libyang, to which a [`ValueKind::NodePath`] is any text: it keeps the declarations of no prefixes in it.
    Libyang,
}

/// Writes a unit's subtree inside the skeleton of its ancestors' keys; empty when there is nothing.
pub(super) fn unit_xml(
    tree: &Tree,
    steps: &[super::path::Step],
    node: &Node,
    reader: Reader,
) -> String {
    let mut out = Writer::new();
    let options = PrintOptions {
        with_defaults: WithDefaults::Explicit,
        state: false,
    };
    let mut printer = Printer::new(tree.schema(), options, &mut out);
    printer.without_units = true;
    printer.reader = reader;
    for step in steps {
        printer.open(step.node, step.keys.as_ref());
    }
    printer.children(node, &Mask::All);
    for _ in steps {
        printer.close();
    }
    debug_assert!(!steps.is_empty() || node.schema() == ROOT);
    out.finish()
}

fn selects(part: Option<&Part>, id: NodeId) -> bool {
    part.is_none_or(|part| part.children.contains_key(&id))
}

fn keeps(mask: &Mask) -> bool {
    match mask {
        Mask::All => true,
        Mask::Part(part) => part.keep,
    }
}

/// Whether a value's text may hold module names, which a document shows as prefixes.
fn may_hold_names(kind: &ValueKind) -> bool {
    match kind {
        ValueKind::Identity | ValueKind::InstanceId | ValueKind::NodePath => true,
        ValueKind::LeafRef(target) => may_hold_names(target),
        _ => false,
    }
}
