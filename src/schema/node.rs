//! The compiled schema as plain Rust data: what datastore, filters and XPath walk.

use std::sync::Arc;

/// Index into [`super::Schema::nodes`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u32);

/// Index into [`super::Schema::modules`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ModuleId(pub u16);

/// One implemented (or imported) module or submodule.
#[derive(Clone, Debug)]
pub struct Module {
    /// Module name.
    pub name: Arc<str>,
    /// XML namespace.
    pub namespace: Arc<str>,
    /// Its own prefix.
    pub prefix: Arc<str>,
    /// Latest revision, when it has one.
    pub revision: Option<Arc<str>>,
    /// Enabled features.
    pub features: Vec<String>,
    /// False: imported only (typedefs, groupings).
    pub implemented: bool,
    /// Source text, for `<get-schema>`.
    pub source: &'static str,
}

/// Kind of a schema node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeKind {
    /// `container`; presence or not.
    Container {
        /// Has a presence statement.
        presence: bool,
    },
    /// `leaf`.
    Leaf,
    /// `leaf-list`.
    LeafList,
    /// `list`; its keys are its first children, in key order.
    List,
    /// `choice`.
    Choice,
    /// `case`.
    Case,
    /// `anyxml` or `anydata`.
    Any,
    /// `rpc`.
    Rpc,
    /// `action`.
    Action,
    /// `input` of an rpc or action.
    Input,
    /// `output` of an rpc or action.
    Output,
    /// `notification`.
    Notification,
}

/// One schema node.
#[derive(Clone, Debug)]
pub struct SchemaNode {
    /// Itself.
    pub id: NodeId,
    /// Parent in the schema tree (choices and cases included); `None` at the top.
    pub parent: Option<NodeId>,
    /// Parent in the data tree (choices and cases skipped; input and output too: the parent of
    /// what is in them is the rpc or action); `None` at the top.
    pub data_parent: Option<NodeId>,
    /// Kind.
    pub kind: NodeKind,
    /// Module whose namespace the node has.
    pub module: ModuleId,
    /// Local name.
    pub name: Arc<str>,
    /// `config true`.
    pub config: bool,
    /// `mandatory true`.
    pub mandatory: bool,
    /// `ordered-by user`.
    pub user_ordered: bool,
    /// Keys of a list, in order.
    pub keys: Vec<NodeId>,
    /// Whether this leaf is a key of its list.
    pub is_key: bool,
    /// Canonical default(s) of a leaf or leaf-list.
    pub defaults: Vec<Arc<str>>,
    /// Default case of a choice.
    pub default_case: Option<NodeId>,
    /// `min-elements`.
    pub min_elements: u32,
    /// `max-elements`, 0 for no bound.
    pub max_elements: u32,
    /// Has its own `when` (or inherits one from uses, augment, choice or case).
    pub has_when: bool,
    /// Marked by our `unit` extension: a unit of storage and validation.
    pub is_unit: bool,
    /// `nacm:default-deny-all`.
    pub deny_all: bool,
    /// `nacm:default-deny-write`.
    pub deny_write: bool,
    /// Marked by our `secret` extension: its value is shown to nobody.
    pub secret: bool,
    /// Type of a leaf or leaf-list.
    pub value: ValueKind,
    /// Schema children (choices and cases included), in schema order.
    pub children: Vec<NodeId>,
    /// Data children (choices and cases flattened away), in schema order; keys first in a list.
    /// Those of an rpc or action are those of its input.
    pub data_children: Vec<NodeId>,
}

/// Base type of a value, as far as Rust code cares; libyang knows the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ValueKind {
    /// Not a leaf.
    None,
    /// Strings and everything whose canonical form is plain text.
    Text,
    /// Integers.
    Integer,
    /// decimal64.
    Decimal,
    /// boolean.
    Boolean,
    /// empty.
    Empty,
    /// enumeration.
    Enumeration,
    /// bits.
    Bits,
    /// binary.
    Binary,
    /// identityref: text is a qualified name.
    Identity,
    /// instance-identifier: text is a path with prefixes.
    InstanceId,
    /// node-instance-identifier: a [`super::NodePath`].
    NodePath,
    /// leafref; the target's kind is in the box.
    LeafRef(Box<ValueKind>),
    /// union.
    Union,
}
