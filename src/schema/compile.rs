//! libyang's compiled schema, read once into plain Rust data.

use std::sync::Arc;

use yang5::ffi;

use super::error::SchemaError;
use super::lookup::{RawNode, Schema};
use super::node::{Module, ModuleId, NodeId, NodeKind, SchemaNode, ValueKind};
use super::source::{self, SourceModule};
use super::sys::{self, Context, sized};

/// Name of the module of our extensions.
const UNIT_MODULE: &str = "lifeline-unit";

/// Name of the type whose values are XPath with prefixes (RFC 6991 section 3).
const XPATH_TYPE: &str = "xpath1.0";

/// Reads the whole context. Modules of libyang's own that we have no text of are left out: they
/// are not served.
pub(super) fn compile(context: Context, sources: &[SourceModule]) -> Result<Schema, SchemaError> {
    let mut builder = Builder {
        schema: Schema {
            context,
            modules: Vec::new(),
            nodes: Vec::new(),
            raw: Vec::new(),
            top: Vec::new(),
            top_data: Vec::new(),
            secrets: Vec::new(),
            units: Vec::new(),
        },
        known: Vec::new(),
    };
    // The order of the sources, not libyang's: it is stable and ours.
    let loaded = context.modules();
    for source in sources {
        let module = loaded.iter().copied().find(|module| {
            // SAFETY: modules of a complete context.
            unsafe { sys::text((**module).name) }.as_deref() == Some(source.name)
        });
        if let Some(module) = module {
            builder.module(module, source)?;
        }
    }
    for module in builder.known.clone() {
        builder.tops(module)?;
    }
    builder.values()?;
    builder.secrets();
    Ok(builder.schema)
}

struct Builder {
    schema: Schema,
    /// Parallel to the schema's modules.
    known: Vec<*const ffi::lys_module>,
}

impl Builder {
    fn module(
        &mut self,
        raw: *const ffi::lys_module,
        source: &SourceModule,
    ) -> Result<(), SchemaError> {
        // SAFETY: a module of a complete context; its strings live as long as the context.
        let module = unsafe {
            let module = &*raw;
            let own = |text| sys::text(text).map(Arc::from);
            Module {
                name: Arc::from(source.name),
                namespace: own(module.ns).unwrap_or_else(|| Arc::from("")),
                prefix: own(module.prefix).unwrap_or_else(|| Arc::from("")),
                revision: own(module.revision),
                features: Vec::new(),
                implemented: module.implemented != 0,
                source: source.text,
            }
        };
        let mut features = Vec::new();
        for feature in source.features {
            // Load asked for it; a name that the module does not have was an error there.
            features.push((*feature).to_owned());
        }
        if self.schema.modules.len() >= usize::from(u16::MAX) {
            return Err(SchemaError::Setup("too many modules".to_owned()));
        }
        self.schema.modules.push(Module { features, ..module });
        self.known.push(raw);
        Ok(())
    }

    fn tops(&mut self, module: *const ffi::lys_module) -> Result<(), SchemaError> {
        // SAFETY: a module of a complete context; `compiled` is null for imported-only ones.
        let Some(compiled) = (unsafe { (*module).compiled.as_ref() }) else {
            return Ok(());
        };
        for first in [
            compiled.data.cast_const(),
            compiled.rpcs.cast_const().cast(),
            compiled.notifs.cast_const().cast(),
        ] {
            for raw in siblings(first) {
                let id = self.node(raw, None, None)?;
                self.schema.top.push(id);
                if !matches!(
                    self.schema.node(id).kind,
                    NodeKind::Rpc | NodeKind::Notification
                ) {
                    self.flatten(id, None);
                }
            }
        }
        Ok(())
    }

    /// Adds `id`, or the data nodes in it if it is a choice or case, to the data children of
    /// `parent`.
    fn flatten(&mut self, id: NodeId, parent: Option<NodeId>) {
        let node = self.schema.node(id);
        if matches!(node.kind, NodeKind::Choice | NodeKind::Case) {
            for child in node.children.clone() {
                self.flatten(child, parent);
            }
            return;
        }
        match parent {
            None => self.schema.top_data.push(id),
            Some(parent) => self.edit(parent, |parent| parent.data_children.push(id)),
        }
    }

    fn edit(&mut self, id: NodeId, change: impl FnOnce(&mut SchemaNode)) {
        if let Some(node) = self.schema.nodes.get_mut(id.0 as usize) {
            change(node);
        }
    }

    fn node(
        &mut self,
        raw: *const ffi::lysc_node,
        parent: Option<NodeId>,
        data_parent: Option<NodeId>,
    ) -> Result<NodeId, SchemaError> {
        let id = u32::try_from(self.schema.nodes.len())
            .map(NodeId)
            .map_err(|_| SchemaError::Setup("too many nodes".to_owned()))?;
        let node = self.plain(id, raw, parent, data_parent)?;
        let kind = node.kind;
        if node.is_unit {
            self.schema.units.push(RawNode(raw));
        }
        self.schema.nodes.push(node);
        self.schema.raw.push(RawNode(raw));
        // What its children have for data parent: choices, cases, input and output are no data.
        let below = match kind {
            NodeKind::Choice | NodeKind::Case | NodeKind::Input | NodeKind::Output => data_parent,
            _ => Some(id),
        };
        for raw_child in children(raw, kind) {
            let child = self.node(raw_child, Some(id), below)?;
            self.edit(id, |node| node.children.push(child));
            let child_node = self.schema.node(child);
            let (child_kind, is_key) = (child_node.kind, child_node.is_key);
            if is_key && matches!(kind, NodeKind::List) {
                self.edit(id, |node| node.keys.push(child));
            }
            match child_kind {
                // The input stands for the rpc: its nodes are the rpc's on the wire.
                NodeKind::Input => {
                    let data = self.schema.node(child).data_children.clone();
                    self.edit(id, |node| node.data_children = data);
                }
                NodeKind::Output => {}
                _ if matches!(kind, NodeKind::Choice | NodeKind::Case) => {}
                _ => self.flatten(child, Some(id)),
            }
        }
        if kind == NodeKind::Choice {
            self.default_case(id, raw);
        }
        Ok(id)
    }

    fn default_case(&mut self, id: NodeId, raw: *const ffi::lysc_node) {
        // SAFETY: a choice of a complete context.
        let default = unsafe { (*raw.cast::<ffi::lysc_node_choice>()).dflt };
        let case = self.schema.node(id).children.iter().copied().find(|case| {
            let raw = self.schema.raw.get(case.0 as usize);
            raw.is_some_and(|raw| raw.0 == default.cast_const().cast())
        });
        self.edit(id, |node| node.default_case = case);
    }

    /// The node without its children and defaults.
    fn plain(
        &self,
        id: NodeId,
        raw: *const ffi::lysc_node,
        parent: Option<NodeId>,
        data_parent: Option<NodeId>,
    ) -> Result<SchemaNode, SchemaError> {
        // SAFETY: a node of a complete context; the casts below follow its nodetype.
        let node = unsafe { &*raw };
        let flag = |flag: u32| u32::from(node.flags) & flag != 0;
        let kind = kind_of(u32::from(node.nodetype), flag(ffi::LYS_PRESENCE))
            .ok_or_else(|| SchemaError::Setup("a node of an unknown kind".to_owned()))?;
        let module = self
            .known
            .iter()
            .position(|module| std::ptr::eq(*module, node.module))
            .and_then(|index| u16::try_from(index).ok())
            .map(ModuleId)
            .ok_or_else(|| SchemaError::Setup("a node of a module without text".to_owned()))?;
        // SAFETY: as above.
        let name = unsafe { sys::text(node.name) }.unwrap_or_default();
        let (min, max) = bounds(raw, kind);
        let above = parent.map(|parent| self.schema.node(parent));
        let has_when = own_when(raw)
            || above.is_some_and(|above| {
                above.has_when && matches!(above.kind, NodeKind::Choice | NodeKind::Case)
            });
        Ok(SchemaNode {
            id,
            parent,
            data_parent,
            kind,
            module,
            name: Arc::from(name),
            config: flag(ffi::LYS_CONFIG_W),
            mandatory: flag(ffi::LYS_MAND_TRUE)
                && matches!(kind, NodeKind::Leaf | NodeKind::Choice | NodeKind::Any),
            user_ordered: flag(ffi::LYS_ORDBY_USER)
                && matches!(kind, NodeKind::List | NodeKind::LeafList),
            keys: Vec::new(),
            is_key: kind == NodeKind::Leaf && flag(ffi::LYS_KEY),
            defaults: Vec::new(),
            default_case: None,
            min_elements: min,
            max_elements: max,
            has_when,
            is_unit: extension(node, UNIT_MODULE, "unit"),
            deny_all: extension(node, "ietf-netconf-acm", "default-deny-all"),
            deny_write: extension(node, "ietf-netconf-acm", "default-deny-write"),
            secret: extension(node, UNIT_MODULE, "secret"),
            value: leaf_type(raw, kind).map_or(ValueKind::None, value_kind),
            children: Vec::new(),
            data_children: Vec::new(),
        })
    }

    /// Marks every node that leads to a secret.
    fn secrets(&mut self) {
        let mut leads = vec![false; self.schema.nodes.len()];
        for secret in self.schema.nodes.iter().filter(|node| node.secret) {
            let mut up = Some(secret.id);
            while let Some(id) = up {
                if let Some(slot) = leads.get_mut(id.0 as usize) {
                    *slot = true;
                }
                up = self
                    .schema
                    .nodes
                    .get(id.0 as usize)
                    .and_then(|node| node.data_parent);
            }
        }
        self.schema.secrets = leads;
    }

    /// Fills in the canonical defaults; needs the whole schema, for names in values.
    fn values(&mut self) -> Result<(), SchemaError> {
        let mut found = Vec::new();
        for node in &self.schema.nodes {
            let Some(raw) = self.schema.raw.get(node.id.0 as usize) else {
                continue;
            };
            for (text, prefixes) in defaults(raw.0, node.kind) {
                let resolve = |prefix: &str| {
                    prefixes
                        .iter()
                        .find(|(known, _)| known == prefix)
                        .map(|(_, namespace)| namespace.clone())
                };
                let value = self
                    .schema
                    .canonical(node.id, &text, &resolve)
                    .map_err(|error| SchemaError::Module {
                        module: self.schema.module(node.module).name.to_string(),
                        message: format!("default of {}: {error}", self.schema.path(node.id)),
                    })?;
                found.push((node.id, Arc::from(value)));
            }
        }
        for (id, value) in found {
            self.edit(id, |node| node.defaults.push(value));
        }
        Ok(())
    }
}

/// `first` and its next siblings.
fn siblings(first: *const ffi::lysc_node) -> Vec<*const ffi::lysc_node> {
    let mut all = Vec::new();
    let mut next = first;
    // SAFETY: nodes of a complete context, linked by `next`, the last one's null.
    while let Some(node) = unsafe { next.as_ref() } {
        all.push(next);
        next = node.next;
    }
    all
}

/// Children of any kind, actions and notifications after data.
fn children(raw: *const ffi::lysc_node, kind: NodeKind) -> Vec<*const ffi::lysc_node> {
    if matches!(kind, NodeKind::Rpc | NodeKind::Action) {
        let action = raw.cast::<ffi::lysc_node_action>();
        // SAFETY: an rpc or action holds its input and output in itself. One with no nodes has a
        // nodetype all the same.
        return unsafe {
            vec![
                (&raw const (*action).input).cast(),
                (&raw const (*action).output).cast(),
            ]
        };
    }
    // SAFETY: libyang answers null for nodes that cannot have such children.
    unsafe {
        let mut all = siblings(ffi::lysc_node_child(raw));
        all.extend(siblings(ffi::lysc_node_actions(raw).cast()));
        all.extend(siblings(ffi::lysc_node_notifs(raw).cast()));
        all
    }
}

fn kind_of(nodetype: u32, presence: bool) -> Option<NodeKind> {
    Some(match nodetype {
        ffi::LYS_CONTAINER => NodeKind::Container { presence },
        ffi::LYS_LEAF => NodeKind::Leaf,
        ffi::LYS_LEAFLIST => NodeKind::LeafList,
        ffi::LYS_LIST => NodeKind::List,
        ffi::LYS_CHOICE => NodeKind::Choice,
        ffi::LYS_CASE => NodeKind::Case,
        ffi::LYS_ANYXML | ffi::LYS_ANYDATA => NodeKind::Any,
        ffi::LYS_RPC => NodeKind::Rpc,
        ffi::LYS_ACTION => NodeKind::Action,
        ffi::LYS_INPUT => NodeKind::Input,
        ffi::LYS_OUTPUT => NodeKind::Output,
        ffi::LYS_NOTIF => NodeKind::Notification,
        _ => return None,
    })
}

fn bounds(raw: *const ffi::lysc_node, kind: NodeKind) -> (u32, u32) {
    // SAFETY: the casts follow the kind, which comes from the nodetype.
    let (min, max) = unsafe {
        match kind {
            NodeKind::List => {
                let list = &*raw.cast::<ffi::lysc_node_list>();
                (list.min, list.max)
            }
            NodeKind::LeafList => {
                let list = &*raw.cast::<ffi::lysc_node_leaflist>();
                (list.min, list.max)
            }
            _ => (0, 0),
        }
    };
    // libyang writes "no bound" as the greatest number, we as 0.
    (min, if max == u32::MAX { 0 } else { max })
}

fn own_when(raw: *const ffi::lysc_node) -> bool {
    // SAFETY: the array of whens of a node of a complete context, or null.
    unsafe { !sized(ffi::lysc_node_when(raw).cast_const()).is_empty() }
}

fn extension(node: &ffi::lysc_node, module: &str, name: &str) -> bool {
    // SAFETY: extension instances of a complete context; their definition and its module are
    // there as long as they are.
    unsafe {
        sized(node.exts.cast_const()).iter().any(|instance| {
            instance.def.as_ref().is_some_and(|def| {
                sys::text(def.name).as_deref() == Some(name)
                    && def
                        .module
                        .as_ref()
                        .is_some_and(|of| sys::text(of.name).as_deref() == Some(module))
            })
        })
    }
}

/// The compiled type of a leaf or leaf-list.
pub(super) fn leaf_type(
    raw: *const ffi::lysc_node,
    kind: NodeKind,
) -> Option<*const ffi::lysc_type> {
    // SAFETY: the casts follow the kind, which comes from the nodetype.
    unsafe {
        match kind {
            NodeKind::Leaf => Some((*raw.cast::<ffi::lysc_node_leaf>()).type_.cast_const()),
            NodeKind::LeafList => Some((*raw.cast::<ffi::lysc_node_leaflist>()).type_.cast_const()),
            _ => None,
        }
    }
}

fn value_kind(raw: *const ffi::lysc_type) -> ValueKind {
    use ffi::LY_DATA_TYPE as base;
    // SAFETY: a compiled type; the cast to leafref follows its base type.
    unsafe {
        match sys::text((*raw).name).as_deref() {
            Some(XPATH_TYPE) => return ValueKind::InstanceId,
            Some(source::NODE_PATH_TYPE) => return ValueKind::NodePath,
            _ => {}
        }
        match (*raw).basetype {
            base::LY_TYPE_BINARY => ValueKind::Binary,
            base::LY_TYPE_UINT8
            | base::LY_TYPE_UINT16
            | base::LY_TYPE_UINT32
            | base::LY_TYPE_UINT64
            | base::LY_TYPE_INT8
            | base::LY_TYPE_INT16
            | base::LY_TYPE_INT32
            | base::LY_TYPE_INT64 => ValueKind::Integer,
            base::LY_TYPE_BITS => ValueKind::Bits,
            base::LY_TYPE_BOOL => ValueKind::Boolean,
            base::LY_TYPE_DEC64 => ValueKind::Decimal,
            base::LY_TYPE_EMPTY => ValueKind::Empty,
            base::LY_TYPE_ENUM => ValueKind::Enumeration,
            base::LY_TYPE_IDENT => ValueKind::Identity,
            base::LY_TYPE_INST => ValueKind::InstanceId,
            base::LY_TYPE_UNION => ValueKind::Union,
            base::LY_TYPE_LEAFREF => {
                let real = (*raw.cast::<ffi::lysc_type_leafref>()).realtype;
                ValueKind::LeafRef(Box::new(if real.is_null() {
                    ValueKind::Text
                } else {
                    value_kind(real)
                }))
            }
            _ => ValueKind::Text,
        }
    }
}

/// A default as written, with the prefixes that may stand in it (prefix, namespace).
type RawDefault = (String, Vec<(String, String)>);

fn defaults(raw: *const ffi::lysc_node, kind: NodeKind) -> Vec<RawDefault> {
    // SAFETY: the casts follow the kind; values and their prefixes live with the context.
    unsafe {
        let values = match kind {
            NodeKind::Leaf => std::slice::from_ref(&(*raw.cast::<ffi::lysc_node_leaf>()).dflt),
            NodeKind::LeafList => {
                sized((*raw.cast::<ffi::lysc_node_leaflist>()).dflts.cast_const())
            }
            _ => &[],
        };
        values
            .iter()
            .filter_map(|value| {
                let text = sys::text(value.str_)?;
                let prefixes = sized(value.prefixes.cast_const())
                    .iter()
                    .filter_map(|entry| {
                        let namespace = sys::text(entry.mod_.as_ref()?.ns)?;
                        Some((sys::text(entry.prefix).unwrap_or_default(), namespace))
                    })
                    .collect();
                Some((text, prefixes))
            })
            .collect()
    }
}
