//! State rows -> opdata, as XML of the ESC model (decoded into a tree by the caller, and cached).
//!
//! An undeployed deployment disappears (clients take absence as "undeployed"); a failed one stays.

use crate::model::event::InterfaceInfo;
use crate::model::inventory::{DeploymentRecord, VmInstance};
use crate::model::operation::LcmOpOcc;
use crate::model::resource::{ResourceKind, ResourceRecord, ResourceState};
use crate::model::vim::{FailureReason, VimOpRef};
use super::words;
use crate::xml::Writer;

/// The ESC namespace.
pub const ESC_NS: &str = "http://www.cisco.com/esc/esc";
/// Our own namespace, of everything that augments the ESC model.
pub const LIFELINE_NS: &str = "urn:lifeline:yang:lifeline";

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
    /// Time since boot, in words.
    pub uptime: String,
    /// Load averages.
    pub load: String,
    /// Number of processors.
    pub cpu: String,
    /// Total and free memory.
    pub memory: String,
}

/// `opdata` without tenants: status, stats and the resources of the root.
pub fn render_root<'a>(
    stats: &HostStats,
    resources: impl Iterator<Item = &'a ResourceRecord> + Clone,
) -> String {
    wrap(|out| {
        out.leaf("status", "OPER_UP");
        out.start("stats");
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
            if !value.is_empty() {
                out.leaf(name, value);
            }
        }
        out.end();
        let there = resources.filter(|record| record.vim_id.is_some() && record.key.tenant.is_none());
        group(out, "networks", there.clone(), ResourceKind::Network, network);
        group(out, "images", there.clone(), ResourceKind::Image, |out, record| {
            named(out, "image", "image_id", record);
        });
        group(out, "flavors", there, ResourceKind::Flavor, |out, record| {
            named(out, "flavor", "flavor_id", record);
        });
    })
}

/// One tenant that exists: its id and its networks, without deployments.
pub fn render_tenant<'a>(
    name: &str,
    tenant_id: Option<&str>,
    networks: impl Iterator<Item = &'a ResourceRecord>,
) -> String {
    wrap_tenant(name, |out| {
        if let Some(id) = tenant_id {
            out.leaf("tenant_id", id);
        }
        group(out, "networks", networks, ResourceKind::Network, network);
    })
}

/// One deployment inside its tenant.
pub fn render_deployment(record: &DeploymentRecord) -> String {
    wrap_tenant(&record.key.tenant, |out| {
        out.start("deployments");
        out.leaf("deployment_name", &record.key.name);
        out.leaf("service_name", "-");
        out.leaf("service_version", "-");
        out.leaf("deployment_id", record.deployment_id.as_str());
        out.leaf("service_id", "NULL");
        let mut groups: Vec<&str> = Vec::new();
        for vm in &record.vms {
            if !groups.contains(&vm.group.as_str()) {
                groups.push(&vm.group);
            }
        }
        for name in groups {
            out.start("vm_group");
            out.leaf("name", name);
            for vm in record.vms.iter().filter(|vm| vm.group == name) {
                vm_instance(out, vm);
            }
            out.end();
        }
        out.start("state_machine");
        out.leaf("state", words::service_state(record.service_state));
        if !record.vms.is_empty() {
            out.start("vm_state_machines");
            for vm in &record.vms {
                out.start("vm_state_machine");
                out.leaf("vm_name", vm.name.as_str());
                out.leaf("state", words::vm_state(vm.state));
                out.end();
            }
            out.end();
        }
        out.end();
        if let Some(operation) = &record.operation {
            self::operation(out, operation);
        }
        for leftover in &record.leftovers {
            out.open(LIFELINE_NS, "leftover");
            out.text(leftover);
            out.end();
        }
        out.end();
    })
}

fn wrap(content: impl FnOnce(&mut Writer)) -> String {
    let mut out = Writer::new();
    out.open(ESC_NS, "esc_datamodel");
    out.start("opdata");
    content(&mut out);
    out.finish()
}

fn wrap_tenant(name: &str, content: impl FnOnce(&mut Writer)) -> String {
    wrap(|out| {
        out.start("tenants");
        out.start("tenant");
        out.leaf("name", name);
        content(out);
    })
}

fn group<'a>(
    out: &mut Writer,
    container: &str,
    records: impl Iterator<Item = &'a ResourceRecord>,
    kind: ResourceKind,
    write: impl Fn(&mut Writer, &ResourceRecord),
) {
    let mut records = records.filter(|record| record.key.kind == kind).peekable();
    if records.peek().is_none() {
        return;
    }
    out.start(container);
    for record in records {
        write(out, record);
    }
    out.end();
}

fn named(out: &mut Writer, element: &str, id: &str, record: &ResourceRecord) {
    out.start(element);
    out.leaf("name", &record.key.name);
    if let Some(vim_id) = &record.vim_id {
        out.leaf(id, vim_id);
    }
    out.end();
}

fn network(out: &mut Writer, record: &ResourceRecord) {
    out.start("network");
    out.leaf("name", &record.key.name);
    if let Some(id) = &record.vim_id {
        out.leaf("netid", id);
    }
    if let Some(crate::model::resource::ResourceSpec::Network(spec)) = &record.spec {
        out.leaf("shared", if spec.shared { "true" } else { "false" });
    }
    let status = match record.state {
        ResourceState::Creating => "BUILD",
        ResourceState::Ready => "ACTIVE",
        ResourceState::Deleting => "DELETING",
        ResourceState::Failed => "ERROR",
    };
    out.leaf("status", status);
    if !record.subnets.is_empty() {
        out.start("subnets");
        for subnet in &record.subnets {
            out.start("subnet");
            out.leaf("name", &subnet.name);
            out.leaf("subnetid", &subnet.vim_id);
            filled(out, "cidr", &subnet.cidr);
            filled(out, "gateway", &subnet.gateway);
            out.leaf("dhcp", if subnet.dhcp { "true" } else { "false" });
            out.end();
        }
        out.end();
    }
    out.end();
}

fn vm_instance(out: &mut Writer, vm: &VmInstance) {
    // The list is keyed by the VIM's id: a VM that has none yet shows in the state machines only.
    let Some(vm_id) = &vm.vm_id else {
        return;
    };
    out.start("vm_instance");
    out.leaf("vm_id", vm_id.as_str());
    out.leaf("name", vm.name.as_str());
    filled(out, "host_id", &vm.host_id);
    filled(out, "hostname", &vm.host_name);
    if !vm.interfaces.is_empty() {
        out.start("interfaces");
        for interface in &vm.interfaces {
            self::interface(out, interface);
        }
        out.end();
    }
    if let Some(op) = &vm.vim_op {
        vim_operation(out, op);
    }
    out.end();
}

fn interface(out: &mut Writer, interface: &InterfaceInfo) {
    out.start("interface");
    out.leaf("nicid", &interface.nicid.to_string());
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
        filled(out, name, value);
    }
    out.end();
}

fn filled(out: &mut Writer, name: &str, value: &str) {
    if !value.is_empty() {
        out.leaf(name, value);
    }
}

fn operation(out: &mut Writer, operation: &LcmOpOcc) {
    out.open(LIFELINE_NS, "operation");
    out.leaf("id", operation.id.as_str());
    out.leaf("type", words::operation(operation.operation));
    out.leaf("state", words::operation_state(operation.state));
    out.leaf("start-time", &operation.start_time.to_string());
    out.leaf("state-entered-time", &operation.state_entered.to_string());
    out.leaf("automatic", if operation.automatic { "true" } else { "false" });
    if let Some(target) = operation.target {
        out.leaf("target-revision", &target.to_string());
    }
    if let Some(reason) = &operation.error {
        failure_reason(out, reason);
    }
    out.end();
}

/// `vim-operation` of our namespace.
pub(super) fn vim_operation(out: &mut Writer, op: &VimOpRef) {
    out.open(LIFELINE_NS, "vim-operation");
    out.leaf("vim", &op.vim);
    out.leaf("id", &op.id);
    out.end();
}

/// `failure-reason` of our namespace.
pub(super) fn failure_reason(out: &mut Writer, reason: &FailureReason) {
    out.open(LIFELINE_NS, "failure-reason");
    out.leaf("code", &reason.code);
    out.leaf("text", &reason.text);
    out.end();
}

/// One document per tenant that exists, or that has something that exists.
pub fn tenants(state: &super::published::State) -> Vec<String> {
    use std::collections::BTreeMap;
    let mut ids: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for record in state.resources.values() {
        match (record.key.kind, &record.key.tenant, &record.vim_id) {
            (ResourceKind::Tenant, _, Some(id)) => {
                ids.insert(&record.key.name, Some(id));
            }
            (ResourceKind::Network, Some(tenant), Some(_)) => {
                ids.entry(tenant).or_default();
            }
            _ => {}
        }
    }
    ids.into_iter()
        .map(|(name, id)| {
            let networks = state
                .resources
                .values()
                .map(|record| &**record)
                .filter(|record| record.key.tenant.as_deref() == Some(name) && record.vim_id.is_some());
            render_tenant(name, id, networks)
        })
        .collect()
}
