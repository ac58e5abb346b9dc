//! Rules that reach across units, which libyang cannot judge (it sees one unit at a time).

use super::error::{Error, ErrorKind};
use super::keys::Keys;
use super::node::Node;
use super::ordered::{EntryDiff, Ordered};
use super::path::Location;
use super::tree::Tree;
use super::view::NodeRef;
use crate::schema::{NodeId, Schema, quoted};

const ESC_NS: &str = "http://www.cisco.com/esc/esc";

type Rule = fn(&Tree, &Tree) -> Vec<Error>;

/// One line per rule: what it says, and the function that judges a change from the old tree to the new.
const RULES: &[(&str, Rule)] = &[
    ("an image in use cannot be deleted", |old, new| {
        shared_in_use(old, new, "images", "image")
    }),
    ("a flavor in use cannot be deleted", |old, new| {
        shared_in_use(old, new, "flavors", "flavor")
    }),
    ("a shared network in use cannot be deleted", |old, new| {
        shared_in_use(old, new, "networks", "network")
    }),
    (
        "a tenant's network in use cannot be deleted",
        tenant_network_in_use,
    ),
    ("a VIM connector in use cannot be deleted", |old, new| {
        shared_in_use(old, new, "vim_connectors", "vim_connector")
    }),
];

/// Judges a change. A tree without a predecessor has deleted nothing.
pub(super) fn check(old: Option<&Tree>, new: &Tree) -> Vec<Error> {
    let Some(old) = old.filter(|old| !old.ptr_eq(new)) else {
        return Vec::new();
    };
    RULES.iter().flat_map(|(_, rule)| rule(old, new)).collect()
}

/// The names the rules have, for documentation and tests.
pub fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(name, _)| *name)
}

/// Entries that are gone from `list`; costs what changed, not what is there.
fn gone(old: Option<&Ordered<Node>>, new: Option<&Ordered<Node>>) -> Vec<Keys> {
    let Some(old) = old else { return Vec::new() };
    let empty = Ordered::new(old.is_user_ordered());
    let new = new.unwrap_or(&empty);
    new.changes_since(old)
        .filter_map(|change| match change {
            EntryDiff::Removed(keys, _) => Some(keys.clone()),
            _ => None,
        })
        .collect()
}

fn shared_in_use(old: &Tree, new: &Tree, container: &str, list: &str) -> Vec<Error> {
    let schema = new.schema();
    let Some(ids) = Ids::find(schema, container, list) else {
        return Vec::new();
    };
    let entries = |tree: &Tree| -> Option<Ordered<Node>> {
        let model = tree.root().container(ids.model)?;
        model.container(ids.container)?.list(ids.list).cloned()
    };
    let gone = gone(entries(old).as_ref(), entries(new).as_ref());
    if gone.is_empty() {
        return Vec::new();
    }
    let deployments = deployments(new);
    gone.into_iter()
        .filter_map(|keys| {
            let name = keys.first();
            let user = deployments.iter().find(|d| match list {
                "network" => {
                    d.uses_network(name) && !d.has_own_network(name) && !d.tenant_has_network(name)
                }
                "vim_connector" => d.uses_vim(name),
                leaf => d.uses(leaf, name),
            })?;
            let mut at = Location::default();
            at = at.child(ids.model, None).child(ids.container, None);
            at = at.child(ids.list, Some(keys.clone()));
            Some(user.refusal(list, name, at.display(schema)))
        })
        .collect()
}

fn tenant_network_in_use(old: &Tree, new: &Tree) -> Vec<Error> {
    let schema = new.schema();
    let Some(ids) = Ids::find(schema, "tenants", "tenant") else {
        return Vec::new();
    };
    let tenants = |tree: &Tree| -> Option<Ordered<Node>> {
        let model = tree.root().container(ids.model)?;
        model.container(ids.container)?.list(ids.list).cloned()
    };
    let (Some(before), Some(after)) = (tenants(old), tenants(new)) else {
        return Vec::new();
    };
    let networks = |tenant: &Node| -> Option<Ordered<Node>> {
        let container = schema.child(ids.list, ESC_NS, "networks")?;
        let list = schema.child(container, ESC_NS, "network")?;
        tenant.container(container)?.list(list).cloned()
    };
    let mut errors = Vec::new();
    for change in after.changes_since(&before) {
        let EntryDiff::Changed(keys, old_tenant, new_tenant) = change else {
            continue;
        };
        let gone = gone(networks(old_tenant).as_ref(), networks(new_tenant).as_ref());
        let tenant = NodeRef::new(schema, new_tenant);
        for network in &gone {
            let name = network.first();
            let mut users = Deployment::of_tenant(tenant);
            let Some(user) = users.find(|d| d.uses_network(name) && !d.has_own_network(name))
            else {
                continue;
            };
            let at = Location::default()
                .child(ids.model, None)
                .child(ids.container, None)
                .child(ids.list, Some(keys.clone()));
            let path = format!(
                "{}/esc:networks/esc:network[esc:name={}]",
                at.display(schema),
                quoted(name)
            );
            errors.push(user.refusal("network", name, path));
        }
    }
    errors
}

struct Ids {
    model: NodeId,
    container: NodeId,
    list: NodeId,
}

impl Ids {
    fn find(schema: &Schema, container: &str, list: &str) -> Option<Self> {
        let model = schema.top(ESC_NS, "esc_datamodel")?;
        let container = schema.child(model, ESC_NS, container)?;
        let list = schema.child(container, ESC_NS, list)?;
        Some(Self {
            model,
            container,
            list,
        })
    }
}

#[derive(Clone, Copy)]
struct Deployment<'t> {
    tenant: NodeRef<'t>,
    node: NodeRef<'t>,
}

fn deployments(tree: &Tree) -> Vec<Deployment<'_>> {
    let model = tree.view().container("esc_datamodel");
    let tenants = model.and_then(|model| model.container("tenants"));
    tenants
        .into_iter()
        .flat_map(|tenants| tenants.entries("tenant"))
        .flat_map(Deployment::of_tenant)
        .collect()
}

impl<'t> Deployment<'t> {
    fn of_tenant(tenant: NodeRef<'t>) -> impl Iterator<Item = Deployment<'t>> {
        tenant
            .container("deployments")
            .into_iter()
            .flat_map(|deployments| deployments.entries("deployment"))
            .map(move |node| Self { tenant, node })
    }

    fn uses(&self, leaf: &str, name: &str) -> bool {
        self.node
            .entries("vm_group")
            .any(|group| group.explicit(leaf) == Some(name))
    }

    fn uses_network(&self, name: &str) -> bool {
        self.node.entries("vm_group").any(|group| {
            let interfaces = group.container("interfaces");
            interfaces.is_some_and(|interfaces| {
                interfaces
                    .entries("interface")
                    .any(|interface| interface.explicit("network") == Some(name))
            })
        })
    }

    fn uses_vim(&self, name: &str) -> bool {
        let locator = self.node.container("locator");
        locator.is_some_and(|locator| locator.explicit("vim_id") == Some(name))
    }

    fn has_own_network(&self, name: &str) -> bool {
        has_network(self.node, name)
    }

    fn tenant_has_network(&self, name: &str) -> bool {
        has_network(self.tenant, name)
    }

    fn refusal(&self, kind: &str, name: &str, path: String) -> Error {
        let tenant = self.tenant.text("name").unwrap_or("");
        let deployment = self.node.text("name").unwrap_or("");
        let at = [
            ("tenant", tenant),
            ("deployments/esc:deployment", deployment),
        ];
        let steps = at.map(|(list, name)| format!("/esc:{list}[esc:name={}]", quoted(name)));
        let by = format!("/esc:esc_datamodel/esc:tenants{}", steps.concat());
        let user = format!(" by deployment {deployment} of tenant {tenant}");
        Error::new(
            ErrorKind::InUse { by, user },
            path,
            format!("{kind} {name} is in use"),
        )
    }
}

fn has_network(node: NodeRef<'_>, name: &str) -> bool {
    let networks = node.container("networks");
    networks.is_some_and(|networks| networks.entry("network", &[name]).is_some())
}
