//! [`Schema`]: the compiled schema, and how to find one's way in it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use yang5::ffi;

use super::error::SchemaError;
use super::node::{Module, ModuleId, NodeId, NodeKind, SchemaNode};
use super::source::{self, SourceModule};
use super::sys::Context;
use super::{compile, reach};

/// Which modules the product's schema has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LoadOptions {
    /// A simulated VIM is configured: serve its controls too.
    pub simulator: bool,
}

/// A node as libyang knows it.
#[derive(Clone, Copy)]
pub(super) struct RawNode(pub(super) *const ffi::lysc_node);

// SAFETY: points into the compiled schema of a context that is never changed nor freed.
unsafe impl Send for RawNode {}
// SAFETY: as above.
unsafe impl Sync for RawNode {}

/// The compiled schema of one set of modules. It lives as long as the process and may be used
/// from any number of threads.
pub struct Schema {
    pub(super) context: Context,
    pub(super) modules: Vec<Module>,
    pub(super) nodes: Vec<SchemaNode>,
    /// Parallel to `nodes`.
    pub(super) raw: Vec<RawNode>,
    pub(super) top: Vec<NodeId>,
    pub(super) top_data: Vec<NodeId>,
    /// Parallel to `nodes`: whether a secret is at or below the node.
    pub(super) secrets: Vec<bool>,
    /// The nodes marked as units.
    pub(super) units: Vec<RawNode>,
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schema")
            .field("modules", &self.modules.len())
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}

/// Contexts are made one at a time: libyang initialises shared state then.
static LOADING: Mutex<()> = Mutex::new(());

impl Schema {
    /// The schema of the product; loaded once per process and option.
    ///
    /// # Errors
    /// [`SchemaError`], only if the program's own modules are wrong.
    pub fn load(options: LoadOptions) -> Result<&'static Self, SchemaError> {
        static PLAIN: OnceLock<Result<&'static Schema, SchemaError>> = OnceLock::new();
        static SIMULATOR: OnceLock<Result<&'static Schema, SchemaError>> = OnceLock::new();
        let slot = if options.simulator {
            &SIMULATOR
        } else {
            &PLAIN
        };
        slot.get_or_init(|| Self::compile(&source::product(options.simulator)))
            .clone()
    }

    /// A schema of the standard modules and `modules`, for tests of rules that the product's own
    /// modules do not exercise. Each call makes a new one, which is never freed.
    ///
    /// # Errors
    /// [`SchemaError`] if a module is wrong, or a constraint in it reads outside its unit.
    pub fn load_with(modules: &[SourceModule]) -> Result<&'static Self, SchemaError> {
        let mut all = source::standard();
        all.extend_from_slice(modules);
        Self::compile(&all)
    }

    fn compile(modules: &[SourceModule]) -> Result<&'static Self, SchemaError> {
        let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        let context = Context::new(modules).map_err(|(module, message)| {
            if module.is_empty() {
                SchemaError::Setup(message)
            } else {
                SchemaError::Module { module, message }
            }
        })?;
        let schema = compile::compile(context, modules)?;
        reach::check(&schema)?;
        Ok(Box::leak(Box::new(schema)))
    }

    /// The node.
    ///
    /// # Panics
    /// Never for an id of this schema; one of another schema may give another node.
    pub fn node(&self, id: NodeId) -> &SchemaNode {
        #[expect(clippy::indexing_slicing, reason = "ids are made by this schema")]
        &self.nodes[id.0 as usize]
    }

    /// Every node, in the order of their ids: depth first, modules in the order they are listed.
    pub fn nodes(&self) -> &[SchemaNode] {
        &self.nodes
    }

    /// The module.
    ///
    /// # Panics
    /// Never for an id of this schema.
    pub fn module(&self, id: ModuleId) -> &Module {
        #[expect(clippy::indexing_slicing, reason = "ids are made by this schema")]
        &self.modules[usize::from(id.0)]
    }

    /// Every module we serve the text of, imported-only ones included.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The module of this name.
    pub fn module_by_name(&self, name: &str) -> Option<ModuleId> {
        self.find_module(|module| &*module.name == name)
    }

    /// The module of this XML namespace.
    pub fn module_by_namespace(&self, namespace: &str) -> Option<ModuleId> {
        self.find_module(|module| &*module.namespace == namespace)
    }

    pub(super) fn find_module(&self, is: impl Fn(&Module) -> bool) -> Option<ModuleId> {
        let index = self.modules.iter().position(is)?;
        u16::try_from(index).ok().map(ModuleId)
    }

    /// The top-level data node, rpc or notification of this name.
    pub fn top(&self, ns: &str, local: &str) -> Option<NodeId> {
        self.find_among(&self.top, ns, local)
    }

    /// The top-level data nodes, module by module.
    pub fn top_data(&self) -> &[NodeId] {
        &self.top_data
    }

    /// The data child of this name; choices and cases are looked through. Under an rpc or action
    /// it is the input.
    pub fn child(&self, parent: NodeId, ns: &str, local: &str) -> Option<NodeId> {
        self.find_among(&self.node(parent).data_children, ns, local)
    }

    pub(super) fn find_among(&self, among: &[NodeId], ns: &str, local: &str) -> Option<NodeId> {
        among.iter().copied().find(|id| {
            let node = self.node(*id);
            &*node.name == local && &*self.module(node.module).namespace == ns
        })
    }

    /// The XML namespace of a node.
    pub fn namespace(&self, id: NodeId) -> &Arc<str> {
        &self.module(self.node(id).module).namespace
    }

    /// The (choice, case) chain a data node sits in below its data parent, innermost first.
    pub fn cases_of(&self, data_node: NodeId) -> Vec<(NodeId, NodeId)> {
        let mut chain = Vec::new();
        let mut up = self.node(data_node).parent;
        while let Some(case) = up.map(|id| self.node(id)) {
            let Some(choice) = case.parent.filter(|_| case.kind == NodeKind::Case) else {
                break;
            };
            chain.push((choice, case.id));
            up = self.node(choice).parent;
        }
        chain
    }

    /// The schema path with prefixes, choices and cases included, such as
    /// `/esc:serviceAction/esc:input/esc:actionType`.
    pub fn path(&self, id: NodeId) -> String {
        self.steps_up(id, |node| node.parent)
    }

    /// The path of the data nodes alone, with prefixes and without keys.
    pub fn data_path(&self, id: NodeId) -> String {
        self.steps_up(id, |node| node.data_parent)
    }

    fn steps_up(&self, id: NodeId, next: impl Fn(&SchemaNode) -> Option<NodeId>) -> String {
        let mut steps = Vec::new();
        let mut up = Some(id);
        while let Some(node) = up.map(|id| self.node(id)) {
            let prefix = &self.module(node.module).prefix;
            steps.push(format!("/{prefix}:{}", node.name));
            up = next(node);
        }
        steps.reverse();
        steps.concat()
    }

    /// Whether the node is a secret, or one is below it.
    pub fn holds_secrets(&self, id: NodeId) -> bool {
        self.secrets.get(id.0 as usize) == Some(&true)
    }

    /// The unit a configuration node belongs to: the nearest node at or above it that is marked,
    /// or `None` for the root's.
    pub fn unit_of(&self, id: NodeId) -> Option<NodeId> {
        let mut up = Some(id);
        while let Some(node) = up.map(|id| self.node(id)) {
            if node.is_unit {
                return Some(node.id);
            }
            up = node.parent;
        }
        None
    }
}
