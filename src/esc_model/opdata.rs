//! State rows -> opdata, as parts of a tree that are laid over each other.
//!
//! An undeployed deployment disappears (clients take absence as "undeployed"); a failed one stays.

use std::collections::BTreeMap;

use super::published::State;
use super::words;
use crate::datastore::{Builder, Error, Keys, Location, Tree};
use crate::ids::DeploymentKey;
use crate::model::event::InterfaceInfo;
use crate::model::inventory::{DeploymentRecord, VmInstance};
use crate::model::operation::LcmOpOcc;
use crate::model::resource::{ResourceKind, ResourceRecord, ResourceSpec, ResourceState};
use crate::model::vim::{FailureReason, VimOpRef};
use crate::proto::esc::ESC;
use crate::schema::{NodeId, Schema};

/// What the machine itself reports.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HostStats {
    /// Host name.
    pub hostname: String,
    /// Kernel name.
    pub os_name: String,
    /// Kernel release.
    pub os_release: String,
    /// Machine architecture.
    pub arch: String,
    /// Seconds since boot, as the kernel tells.
    pub uptime: String,
    /// Load averages.
    pub load: String,
    /// Number of processors.
    pub cpu: String,
    /// Total memory.
    pub memory: String,
}

/// Everything but deployments: status, stats, shared resources, tenants that exist.
///
/// # Errors
/// When a record does not fit the schema.
pub fn shared(schema: &'static Schema, stats: &HostStats, state: &State) -> Result<Tree, Error> {
    let there: Vec<&ResourceRecord> = state
        .resources
        .values()
        .map(|record| &**record)
        .filter(|record| record.vim_id.is_some())
        .collect();
    build(schema, |out| {
        out.leaf("status", "OPER_UP");
        out.container("stats", |out| self::stats(out, stats));
        let root = there.iter().filter(|record| record.key.tenant.is_none());
        for record in root {
            match record.key.kind {
                ResourceKind::Network => {
                    out.container("networks", |out| network(out, record));
                }
                ResourceKind::Image => {
                    out.container("images", |out| named(out, "image", "image_id", record));
                }
                ResourceKind::Flavor => {
                    out.container("flavors", |out| named(out, "flavor", "flavor_id", record));
                }
                ResourceKind::Tenant => {}
            }
        }
        out.container("tenants", |out| {
            for (name, tenant) in tenants(&there) {
                out.entry("tenant", &[name], |out| {
                    out.leaf_opt("tenant_id", tenant.id);
                    out.container("networks", |out| {
                        for record in tenant.networks {
                            network(out, record);
                        }
                    });
                });
            }
        });
    })
}

/// What is there of one tenant.
#[derive(Default)]
struct Tenant<'a> {
    id: Option<&'a str>,
    networks: Vec<&'a ResourceRecord>,
}

fn tenants<'a>(there: &[&'a ResourceRecord]) -> BTreeMap<&'a str, Tenant<'a>> {
    let mut found: BTreeMap<&str, Tenant<'_>> = BTreeMap::new();
    for record in there {
        match (record.key.kind, &record.key.tenant) {
            (ResourceKind::Tenant, _) => {
                found.entry(&record.key.name).or_default().id = record.vim_id.as_deref();
            }
            (ResourceKind::Network, Some(tenant)) => {
                found.entry(tenant).or_default().networks.push(record);
            }
            _ => {}
        }
    }
    found
}

/// Where a deployment stands in opdata, and its tenant; `None` when the schema does not know the place.
pub fn place(schema: &Schema, key: &DeploymentKey) -> Option<(Location, Location)> {
    let step = |parent: NodeId, name: &str| schema.child(parent, ESC, name);
    let root = schema.top(ESC, "esc_datamodel")?;
    let opdata = step(root, "opdata")?;
    let tenants = step(opdata, "tenants")?;
    let tenant = step(tenants, "tenant")?;
    let deployments = step(tenant, "deployments")?;
    let keys = |values: &[&str]| Some(Keys::new(values.iter().copied()));
    let tenant = Location::default()
        .child(root, None)
        .child(opdata, None)
        .child(tenants, None)
        .child(tenant, keys(&[&key.tenant]));
    let deployment = tenant.child(deployments, keys(&[key.name.as_str(), "-", "-"]));
    Some((deployment, tenant))
}

/// One deployment inside its tenant.
///
/// # Errors
/// When the record does not fit the schema.
pub fn deployment(schema: &'static Schema, record: &DeploymentRecord) -> Result<Tree, Error> {
    build(schema, |out| {
        out.container("tenants", |out| {
            out.entry("tenant", &[&record.key.tenant], |out| {
                let keys = [record.key.name.as_str(), "-", "-"];
                out.leaf_opt("tenant_id", record.tenant_id.as_ref().map(|id| id.as_str()));
                out.entry("deployments", &keys, |out| inside(out, record));
            });
        });
    })
}

fn build(schema: &'static Schema, content: impl FnOnce(&mut Builder)) -> Result<Tree, Error> {
    let mut root = Builder::root(schema);
    root.container("esc_datamodel", |out| {
        out.container("opdata", content);
    });
    root.tree()
}

fn stats(out: &mut Builder, stats: &HostStats) {
    for (name, value) in [
        ("hostname", &stats.hostname),
        ("os_name", &stats.os_name),
        ("os_release", &stats.os_release),
        ("arch", &stats.arch),
        ("uptime", &stats.uptime),
        ("load", &stats.load),
        ("cpu", &stats.cpu),
        ("memory", &stats.memory),
    ] {
        out.leaf_opt(name, filled(value));
    }
}

fn inside(out: &mut Builder, record: &DeploymentRecord) {
    out.leaf("deployment_id", record.deployment_id.as_str());
    out.leaf("service_id", "NULL");
    for vm in &record.vms {
        out.entry("vm_group", &[&vm.group], |out| vm_instance(out, vm));
    }
    out.container("state_machine", |out| {
        out.leaf("state", words::service_state(record.service_state));
        out.container("vm_state_machines", |out| {
            for vm in &record.vms {
                out.entry("vm_state_machine", &[vm.name.as_str()], |out| {
                    out.leaf("state", words::vm_state(vm.state));
                });
            }
        });
    });
    if let Some(operation) = &record.operation {
        out.container("lifeline:operation", |out| self::operation(out, operation));
    }
    out.leaf_list("lifeline:leftover", &record.leftovers);
}

fn named(out: &mut Builder, list: &str, id: &str, record: &ResourceRecord) {
    out.entry(list, &[&record.key.name], |out| {
        out.leaf_opt(id, record.vim_id.as_ref());
    });
}

fn network(out: &mut Builder, record: &ResourceRecord) {
    out.entry("network", &[&record.key.name], |out| {
        out.leaf_opt("netid", record.vim_id.as_ref());
        if let Some(ResourceSpec::Network(spec)) = &record.spec {
            out.leaf("shared", if spec.shared { "true" } else { "false" });
        }
        let status = match record.state {
            ResourceState::Creating => "BUILD",
            ResourceState::Ready => "ACTIVE",
            ResourceState::Deleting => "DELETING",
            ResourceState::Failed => "ERROR",
        };
        out.leaf("status", status);
        out.container("subnets", |out| {
            for subnet in &record.subnets {
                out.entry("subnet", &[&subnet.name], |out| {
                    out.leaf("subnetid", &subnet.vim_id);
                    out.leaf_opt("cidr", filled(&subnet.cidr));
                    out.leaf_opt("gateway", filled(&subnet.gateway));
                    out.leaf("dhcp", if subnet.dhcp { "true" } else { "false" });
                });
            }
        });
    });
}

fn vm_instance(out: &mut Builder, vm: &VmInstance) {
    // The list is keyed by the VIM's id: a VM that has none yet shows in the state machines only.
    let Some(vm_id) = &vm.vm_id else {
        return;
    };
    out.entry("vm_instance", &[vm_id.as_str()], |out| {
        out.leaf("name", vm.name.as_str());
        out.leaf_opt("host_id", filled(&vm.host_id));
        out.leaf_opt("hostname", filled(&vm.host_name));
        out.container("interfaces", |out| {
            for one in &vm.interfaces {
                out.entry("interface", &[&one.nicid.to_string()], |out| {
                    interface(out, one)
                });
            }
        });
        if let Some(op) = &vm.vim_op {
            out.container("lifeline:vim-operation", |out| vim_operation(out, op));
        }
    });
}

fn interface(out: &mut Builder, interface: &InterfaceInfo) {
    for (name, value) in [
        ("type", &interface.kind),
        ("port_id", &interface.port_id),
        ("network", &interface.network),
        ("subnet", &interface.subnet),
        ("ip_address", &interface.ip_address),
        ("mac_address", &interface.mac_address),
        ("netmask", &interface.netmask),
        ("gateway", &interface.gateway),
    ] {
        out.leaf_opt(name, filled(value));
    }
}

fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn operation(out: &mut Builder, operation: &LcmOpOcc) {
    out.leaf("id", operation.id.as_str());
    out.leaf("type", words::operation(operation.operation));
    out.leaf("state", words::operation_state(operation.state));
    out.leaf("start-time", operation.start_time.to_string());
    out.leaf("state-entered-time", operation.state_entered.to_string());
    out.leaf(
        "automatic",
        if operation.automatic { "true" } else { "false" },
    );
    out.leaf_opt(
        "target-revision",
        operation.target.map(|target| target.to_string()),
    );
    if let Some(reason) = &operation.error {
        out.container("failure-reason", |out| failure_reason(out, reason));
    }
}

fn vim_operation(out: &mut Builder, op: &VimOpRef) {
    out.leaf("vim", &op.vim);
    out.leaf("id", &op.id);
}

fn failure_reason(out: &mut Builder, reason: &FailureReason) {
    out.leaf("code", &reason.code);
    out.leaf("text", &reason.text);
}
