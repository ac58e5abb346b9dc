//! [`Nacm`]: one user's rules, compiled into a decision for each schema node and access operation.

use std::collections::HashMap;
use std::sync::Arc;

use super::access::Access;
use super::policy::{self, Policy, Rule, Subject};
use crate::datastore::node::Node;
use crate::datastore::path::data_children;
use crate::datastore::tree::Tree;
use crate::schema::{NodeId, NodeKind, Schema};

/// Whom rules are compiled for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The user.
    pub user: String,
    /// Groups that the transport knows of ("external groups").
    pub groups: Vec<String>,
    /// The group whose members may do everything unless a rule-list names it; they are known from
    /// `groups`, whatever enable-external-groups says.
    pub admins: &'static str,
}

/// What one user may do. Cheap to clone.
#[derive(Clone)]
pub struct Nacm {
    pub(super) schema: &'static Schema,
    /// `None`: everything.
    pub(super) rules: Option<Arc<Compiled>>,
    source: Option<Node>,
}

/// What a user who may not do everything may do.
pub(super) struct Compiled {
    pub policy: Policy,
    pub user: String,
    /// By schema node, then by access operation.
    nodes: Vec<[Decision; 5]>,
    /// By schema node, then by access operation: what holds for the whole subtree.
    below: Vec<[Extent; 5]>,
    /// What the decisions by instance rest on.
    instances: HashMap<(NodeId, Access), ByInstance>,
}

/// The answer for the instances of one schema node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Decision {
    Permit,
    Deny,
    /// See [`ByInstance`].
    ByInstance,
}

/// The first of these rules (by position) whose path covers the instance decides, or else the answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ByInstance {
    pub rules: Box<[usize]>,
    pub otherwise: bool,
}

/// The answer for a node and all below it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Extent {
    /// Everything.
    All,
    /// Nothing: the node itself is denied.
    None,
    /// It has to be looked at.
    Mixed,
}

impl Nacm {
    /// Everything is permitted: the recovery user (RFC 8341 section 3.3.3).
    pub fn everything(schema: &'static Schema) -> Self {
        Self {
            schema,
            rules: None,
            source: None,
        }
    }

    /// The rules of a configuration for one user.
    pub fn compile(config: &Tree, member: &Member) -> Self {
        let schema = config.schema();
        let source = policy::source(config);
        let policy = Policy::read(config, &member.user, &member.groups, member.admins);
        let admin = member.groups.iter().any(|group| group == member.admins);
        let all = !policy.enabled || (admin && !policy.provides_for_admins());
        let rules = (!all).then(|| Arc::new(Compiled::new(schema, policy, member.user.clone())));
        Self {
            schema,
            rules,
            source,
        }
    }

    /// Whether it was compiled from this configuration's `/nacm`.
    pub fn is_of(&self, config: &Tree) -> bool {
        match (&self.source, policy::source(config)) {
            (Some(mine), Some(theirs)) => mine.ptr_eq(&theirs),
            (None, None) => true,
            _ => false,
        }
    }

    /// Whether everything is permitted.
    pub fn permits_everything(&self) -> bool {
        self.rules.is_none()
    }
}

impl std::fmt::Debug for Nacm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nacm")
            .field("everything", &self.permits_everything())
            .finish_non_exhaustive()
    }
}

impl Compiled {
    fn new(schema: &'static Schema, policy: Policy, user: String) -> Self {
        let count = schema.nodes().len();
        let mut compiler = Compiler {
            schema,
            covering: vec![false; policy.rules.len()],
            policy: &policy,
            nodes: vec![[Decision::Deny; 5]; count],
            below: vec![[Extent::None; 5]; count],
            instances: HashMap::new(),
        };
        for top in schema.top_data() {
            compiler.node(*top, false, false);
        }
        let (nodes, below, instances) = (compiler.nodes, compiler.below, compiler.instances);
        Self {
            policy,
            user,
            nodes,
            below,
            instances,
        }
    }

    pub(super) fn decision(&self, node: NodeId, access: Access) -> Decision {
        let decisions = self.nodes.get(node.0 as usize);
        decisions
            .and_then(|decisions| decisions.get(access.index()))
            .copied()
            .unwrap_or(Decision::Deny)
    }

    pub(super) fn by_instance(&self, node: NodeId, access: Access) -> Option<&ByInstance> {
        self.instances.get(&(node, access))
    }

    pub(super) fn extent(&self, node: NodeId, access: Access) -> Extent {
        let extents = self.below.get(node.0 as usize);
        extents
            .and_then(|extents| extents.get(access.index()))
            .copied()
            .unwrap_or(Extent::None)
    }
}

struct Compiler<'p> {
    schema: &'static Schema,
    policy: &'p Policy,
    /// The rules whose path leads to the node at hand or to one above it.
    covering: Vec<bool>,
    nodes: Vec<[Decision; 5]>,
    below: Vec<[Extent; 5]>,
    instances: HashMap<(NodeId, Access), ByInstance>,
}

impl Compiler<'_> {
    /// Decides a node and all below; the marks are those of the nodes above.
    fn node(&mut self, id: NodeId, deny_all: bool, deny_write: bool) {
        let def = self.schema.node(id);
        let deny_all = deny_all || def.deny_all;
        let deny_write = deny_write || def.deny_write;
        let entered: Vec<usize> = (0..self.policy.rules.len())
            .filter(|at| self.starts_at(*at, id))
            .collect();
        for at in &entered {
            self.cover(*at, true);
        }
        let decisions = self.decide(id, deny_all, deny_write);
        let mut extents = decisions.map(|decision| match decision {
            Decision::Permit => Extent::All,
            Decision::Deny => Extent::None,
            Decision::ByInstance => Extent::Mixed,
        });
        let tied = def.children.iter().copied().filter(|child| {
            let kind = self.schema.node(*child).kind;
            matches!(kind, NodeKind::Action | NodeKind::Notification)
        });
        let below: Vec<NodeId> = match def.kind {
            NodeKind::Action | NodeKind::Notification => Vec::new(),
            _ => data_children(self.schema, id)
                .iter()
                .copied()
                .chain(tied)
                .collect(),
        };
        for child in below {
            self.node(child, deny_all, deny_write);
            let child = self.below.get(child.0 as usize).copied();
            for (mine, theirs) in extents.iter_mut().zip(child.into_iter().flatten()) {
                if *mine == Extent::All && theirs != Extent::All {
                    *mine = Extent::Mixed;
                }
            }
        }
        for at in &entered {
            self.cover(*at, false);
        }
        if let Some(slot) = self.nodes.get_mut(id.0 as usize) {
            *slot = decisions;
        }
        if let Some(slot) = self.below.get_mut(id.0 as usize) {
            *slot = extents;
        }
    }

    fn starts_at(&self, at: usize, id: NodeId) -> bool {
        match self.policy.rules.get(at).map(|rule| &rule.subject) {
            Some(Subject::Data(pattern)) => pattern.target() == Some(id),
            _ => false,
        }
    }

    fn cover(&mut self, at: usize, covered: bool) {
        if let Some(slot) = self.covering.get_mut(at) {
            *slot = covered;
        }
    }

    /// RFC 8341 section 3.4.5, steps 5 to 13, for every access operation.
    fn decide(&mut self, id: NodeId, deny_all: bool, deny_write: bool) -> [Decision; 5] {
        Access::ALL.map(|access| {
            let mut open = Vec::new();
            for (at, rule) in self.policy.rules.iter().enumerate() {
                if rule.operations & access.bit() == 0 || !self.of_module(rule, id) {
                    continue;
                }
                let by_instance = match &rule.subject {
                    Subject::Anything => false,
                    Subject::Operation(_) | Subject::Notification(_) => continue,
                    Subject::Data(pattern) if pattern.target().is_none() => false,
                    Subject::Data(_) if self.covering.get(at) != Some(&true) => continue,
                    Subject::Data(pattern) => pattern.by_instance(),
                };
                match by_instance {
                    true => open.push(at),
                    false => return self.settle((id, access), open, rule.permit),
                }
            }
            let marked = match access {
                Access::Read | Access::Exec => deny_all,
                Access::Create | Access::Update | Access::Delete => deny_all || deny_write,
            };
            self.settle((id, access), open, !marked && self.policy.default(access))
        })
    }

    fn of_module(&self, rule: &Rule, id: NodeId) -> bool {
        let module = &self.schema.module(self.schema.node(id).module).name;
        rule.module.as_deref().is_none_or(|name| name == &**module)
    }

    /// The answer, unless an earlier rule answers otherwise for some instances.
    fn settle(&mut self, of: (NodeId, Access), open: Vec<usize>, permit: bool) -> Decision {
        let same = |at: &usize| {
            self.policy
                .rules
                .get(*at)
                .is_some_and(|rule| rule.permit == permit)
        };
        match (open.iter().all(same), permit) {
            (false, _) => {
                let (rules, otherwise) = (open.into(), permit);
                self.instances.insert(of, ByInstance { rules, otherwise });
                Decision::ByInstance
            }
            (true, true) => Decision::Permit,
            (true, false) => Decision::Deny,
        }
    }
}
