//! Configuration tree -> what shall exist ([`Deployment`], [`ResourceSpec`]).
//!
//! The tree has been validated, so every mandatory node is there; a value this room cannot
//! read is a disagreement between the YANG and this file and is reported, never guessed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::error::EscModelError;
use crate::datastore::{Diff, NodeRef, Tree};
use crate::ids::DeploymentKey;
use crate::model::deployment::{
    ActionOnRecovery, DayZero, Deployment, InterfaceSpec, Kpi, MetricCondition, NetworkSpec,
    RecoveryPolicy, RecoveryType, Rule, RuleAction, RuleTrigger, SubnetSpec, VmGroup, VolumeSpec,
};
use crate::model::resource::{FlavorSpec, ImageSpec, ResourceKey, ResourceKind, ResourceSpec};

type Result<T> = std::result::Result<T, EscModelError>;

/// The deployment of that key, or `None` when it is not configured.
///
/// # Errors
/// When a value does not fit its type here.
pub fn deployment(tree: &Tree, key: &DeploymentKey) -> Result<Option<Deployment>> {
    let Some(tenant) = tenant_view(tree, &key.tenant) else {
        return Ok(None);
    };
    let found = tenant
        .container("deployments")
        .and_then(|list| list.entry("deployment", &[&key.name]));
    let mut found = found
        .map(|view| read_deployment(key, tenant, view))
        .transpose()?;
    if let Some(deployment) = &mut found
        && deployment.vim.is_none()
    {
        deployment.vim = configured_vim(tree);
    }
    Ok(found)
}

/// Whether automatic recovery is on: the kill switch's other side.
pub fn automatic_recovery(tree: &Tree) -> bool {
    let root = tree.view().container("esc_datamodel");
    root.and_then(|root| root.text("lifeline:automatic-recovery")) != Some("false")
}

/// Every deployment's key, in order of tenant and name.
pub fn deployment_keys(tree: &Tree) -> Vec<DeploymentKey> {
    let each = tenants(tree).into_iter();
    each.flat_map(|tenant| keys_of_tenant(tenant)).collect()
}

fn keys_of_tenant(tenant: NodeRef<'_>) -> Vec<DeploymentKey> {
    let name = text(tenant, "name");
    entries(tenant, "deployments", "deployment")
        .into_iter()
        .map(|deployment| DeploymentKey::new(name.clone(), text(deployment, "name")))
        .collect()
}

/// What differs between two configurations; costs what differs, not what is there (P1).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changed {
    /// Deployments made, changed or removed.
    pub deployments: BTreeSet<DeploymentKey>,
    /// Shared resources made, changed or removed.
    pub resources: BTreeSet<ResourceKey>,
}

/// Compares two configurations.
pub fn changed(old: &Tree, new: &Tree, default_vim: &str) -> Changed {
    let mut found = Changed::default();
    for change in &Diff::between(old, new).changes {
        let steps: Vec<(&str, &str)> = change
            .location
            .0
            .iter()
            .map(|step| {
                let name: &str = &new.schema().node(step.node).name;
                (name, step.keys.as_ref().map_or("", |keys| keys.first()))
            })
            .collect();
        for tree in [old, new] {
            touched(tree, &steps, default_vim, &mut found);
        }
    }
    found
}

/// Adds what stands at or below, or depends on, the node that `steps` name.
fn touched(tree: &Tree, steps: &[(&str, &str)], default_vim: &str, found: &mut Changed) {
    let Some((("esc_datamodel", _), below)) = steps.split_first() else {
        return;
    };
    let vim = vim_of(tree, default_vim);
    let root = |kind, name: &str| ResourceKey {
        vim: vim.clone(),
        kind,
        tenant: None,
        name: name.to_owned(),
    };
    match below {
        [("images", _), ("image", name), ..] => {
            found.resources.insert(root(ResourceKind::Image, name));
        }
        [("flavors", _), ("flavor", name), ..] => {
            found.resources.insert(root(ResourceKind::Flavor, name));
        }
        [("networks", _), ("network", name), ..] => {
            found.resources.insert(root(ResourceKind::Network, name));
        }
        [("tenants", _), ("tenant", tenant), rest @ ..] => match rest {
            [("deployments", _), ("deployment", name), ..] => {
                found.deployments.insert(DeploymentKey::new(*tenant, *name));
            }
            [("networks", _), ("network", name), ..] => {
                found.resources.insert(ResourceKey {
                    tenant: Some((*tenant).to_owned()),
                    ..root(ResourceKind::Network, name)
                });
            }
            [("extensions" | "volumes", _), ..] => {}
            _ => {
                found.resources.insert(root(ResourceKind::Tenant, tenant));
                if let Some(view) = tenant_view(tree, tenant) {
                    found.deployments.extend(keys_of_tenant(view));
                    found.resources.extend(networks_of_tenant(view, &vim));
                }
            }
        },
        [("automatic-recovery", _)] | [("vnf-templates" | "vim_connectors", _), ..] => {}
        // A whole container came or went, or the default VIM changed.
        _ => {
            found.deployments.extend(deployment_keys(tree));
            found.resources.extend(resource_keys(tree, default_vim));
        }
    }
}

fn vim_of(tree: &Tree, default_vim: &str) -> String {
    configured_vim(tree).unwrap_or_else(|| default_vim.to_owned())
}

/// The VIM of a deployment whose locator names none, if one is configured.
fn configured_vim(tree: &Tree) -> Option<String> {
    let root = tree.view().container("esc_datamodel")?;
    leaf(root, "default_vim_connector")
}

fn networks_of_tenant(tenant: NodeRef<'_>, vim: &str) -> Vec<ResourceKey> {
    entries(tenant, "networks", "network")
        .into_iter()
        .map(|network| ResourceKey {
            vim: vim.to_owned(),
            kind: ResourceKind::Network,
            tenant: Some(text(tenant, "name")),
            name: text(network, "name"),
        })
        .collect()
}

/// Every shared resource's key.
pub fn resource_keys(tree: &Tree, default_vim: &str) -> Vec<ResourceKey> {
    let vim = vim_of(tree, default_vim);
    let mut keys = Vec::new();
    let Some(root) = tree.view().container("esc_datamodel") else {
        return keys;
    };
    for (container, list, kind) in [
        ("images", "image", ResourceKind::Image),
        ("flavors", "flavor", ResourceKind::Flavor),
        ("networks", "network", ResourceKind::Network),
        ("tenants", "tenant", ResourceKind::Tenant),
    ] {
        keys.extend(
            entries(root, container, list)
                .iter()
                .map(|entry| ResourceKey {
                    vim: vim.clone(),
                    kind,
                    tenant: None,
                    name: text(*entry, "name"),
                }),
        );
    }
    for tenant in tenants(tree) {
        keys.extend(networks_of_tenant(tenant, &vim));
    }
    keys
}

/// The resource of that key, or `None` when it is not configured (in that VIM).
///
/// # Errors
/// When a value does not fit its type here.
pub fn resource(tree: &Tree, key: &ResourceKey, default_vim: &str) -> Result<Option<ResourceSpec>> {
    let root = tree.view().container("esc_datamodel");
    let Some(root) = root.filter(|_| vim_of(tree, default_vim) == key.vim) else {
        return Ok(None);
    };
    let parent = match &key.tenant {
        Some(tenant) => tenant_view(tree, tenant),
        None => Some(root),
    };
    let find =
        |container: &str, list: &str| parent?.container(container)?.entry(list, &[&key.name]);
    Ok(match key.kind {
        ResourceKind::Tenant => match find("tenants", "tenant") {
            Some(view) => Some(ResourceSpec::Tenant {
                managed: boolean(view, "managed_resource", true)?,
            }),
            None => None,
        },
        ResourceKind::Network => find("networks", "network")
            .map(|view| read_network(view).map(ResourceSpec::Network))
            .transpose()?,
        ResourceKind::Image => {
            find("images", "image").map(|view| ResourceSpec::Image(read_image(view)))
        }
        ResourceKind::Flavor => find("flavors", "flavor")
            .map(|view| read_flavor(view).map(ResourceSpec::Flavor))
            .transpose()?,
    })
}

fn tenants(tree: &Tree) -> Vec<NodeRef<'_>> {
    tree.view()
        .container("esc_datamodel")
        .map(|root| entries(root, "tenants", "tenant"))
        .unwrap_or_default()
}

fn tenant_view<'a>(tree: &'a Tree, name: &str) -> Option<NodeRef<'a>> {
    tree.view()
        .container("esc_datamodel")?
        .container("tenants")?
        .entry("tenant", &[name])
}

fn entries<'a>(view: NodeRef<'a>, container: &str, list: &str) -> Vec<NodeRef<'a>> {
    view.container(container)
        .map(|container| container.entries(list).collect())
        .unwrap_or_default()
}

fn read_deployment(
    key: &DeploymentKey,
    tenant: NodeRef<'_>,
    view: NodeRef<'_>,
) -> Result<Deployment> {
    let networks = entries(view, "networks", "network");
    Ok(Deployment {
        key: key.clone(),
        managed_tenant: boolean(tenant, "managed_resource", true)?,
        vim: view
            .container("locator")
            .and_then(|locator| leaf(locator, "vim_id")),
        networks: networks
            .into_iter()
            .map(read_network)
            .collect::<Result<_>>()?,
        vm_groups: view
            .entries("vm_group")
            .map(read_group)
            .collect::<Result<_>>()?,
    })
}

fn read_network(view: NodeRef<'_>) -> Result<NetworkSpec> {
    Ok(NetworkSpec {
        name: text(view, "name"),
        shared: boolean(view, "shared", true)?,
        admin_state: boolean(view, "admin_state", true)?,
        vlan_id: optional(view, "vlan_id")?,
        subnets: view
            .entries("subnet")
            .map(read_subnet)
            .collect::<Result<_>>()?,
    })
}

fn read_subnet(view: NodeRef<'_>) -> Result<SubnetSpec> {
    Ok(SubnetSpec {
        name: text(view, "name"),
        ip_version: leaf(view, "ipversion").unwrap_or_else(|| "ipv4".to_owned()),
        dhcp: boolean(view, "dhcp", true)?,
        address: text(view, "address"),
        netmask: text(view, "netmask"),
        gateway: leaf(view, "gateway"),
    })
}

fn read_image(view: NodeRef<'_>) -> ImageSpec {
    ImageSpec {
        name: text(view, "name"),
        src: leaf(view, "src"),
        disk_format: leaf(view, "disk_format"),
        container_format: leaf(view, "container_format"),
        public: leaf(view, "public").as_deref() == Some("true"),
    }
}

fn read_flavor(view: NodeRef<'_>) -> Result<FlavorSpec> {
    Ok(FlavorSpec {
        name: text(view, "name"),
        vcpus: optional(view, "vcpus")?.unwrap_or_default(),
        memory_mb: optional(view, "memory_mb")?.unwrap_or_default(),
        root_disk_mb: optional(view, "root_disk_mb")?.unwrap_or_default(),
        ephemeral_disk_mb: optional(view, "ephemeral_disk_mb")?.unwrap_or_default(),
        swap_disk_mb: optional(view, "swap_disk_mb")?.unwrap_or_default(),
    })
}

fn read_group(view: NodeRef<'_>) -> Result<VmGroup> {
    let bootup: i64 = number(view, "bootup_time")?;
    let wait: u64 = number(view, "recovery_wait_time")?;
    let scaling = view.container("scaling");
    let bound = |name: &str| -> Result<u32> {
        Ok(match &scaling {
            Some(scaling) => optional(*scaling, name)?.unwrap_or(1),
            None => 1,
        })
    };
    let kpi_data = view.container("kpi_data");
    let monitored = match &kpi_data {
        Some(kpi_data) => boolean(*kpi_data, "enabled", true)?,
        None => false,
    };
    let kpis = kpi_data
        .map(|data| data.entries("kpi").collect::<Vec<_>>())
        .unwrap_or_default();
    let rules = view
        .container("rules")
        .map(|rules| entries(rules, "admin_rules", "rule"))
        .unwrap_or_default();
    Ok(VmGroup {
        name: text(view, "name"),
        image: text(view, "image"),
        flavor: text(view, "flavor"),
        vim_vm_name: leaf(view, "vim_vm_name"),
        bootup_time: u64::try_from(bootup).ok().map(Duration::from_secs),
        recovery_wait: Duration::from_secs(wait),
        recovery: read_policy(view)?,
        interfaces: entries(view, "interfaces", "interface")
            .into_iter()
            .map(read_interface)
            .collect::<Result<_>>()?,
        volumes: entries(view, "volumes", "volume")
            .into_iter()
            .map(read_volume)
            .collect::<Result<_>>()?,
        kpis: kpis
            .into_iter()
            .map(|kpi| read_kpi(kpi, monitored))
            .collect::<Result<_>>()?,
        rules: rules.into_iter().map(read_rule).collect::<Result<_>>()?,
        config_data: entries(view, "config_data", "configuration")
            .into_iter()
            .map(read_day_zero)
            .collect(),
        min_active: bound("min_active")?,
        max_active: bound("max_active")?,
    })
}

fn read_policy(view: NodeRef<'_>) -> Result<RecoveryPolicy> {
    let policy = view.container("recovery_policy");
    let leaf = |name: &str| policy.and_then(|policy| leaf(policy, name));
    let recovery_type = match leaf("recovery_type").as_deref() {
        None | Some("AUTO") => RecoveryType::Auto,
        Some("MANUAL") => RecoveryType::Manual,
        Some(other) => return Err(EscModelError::value("recovery_type", other)),
    };
    let action = match leaf("action_on_recovery").as_deref() {
        None | Some("REBOOT_THEN_REDEPLOY") => ActionOnRecovery::RebootThenRedeploy,
        Some("REBOOT_ONLY") => ActionOnRecovery::RebootOnly,
        Some("REDEPLOY_ONLY") => ActionOnRecovery::RedeployOnly,
        Some(other) => return Err(EscModelError::value("action_on_recovery", other)),
    };
    let max_retries = match leaf("max_retries") {
        None => Some(3),
        Some(text) => {
            let retries: i64 = parse("max_retries", &text)?;
            u32::try_from(retries).ok()
        }
    };
    Ok(RecoveryPolicy {
        recovery_type,
        action,
        max_retries,
    })
}

fn read_interface(view: NodeRef<'_>) -> Result<InterfaceSpec> {
    Ok(InterfaceSpec {
        nicid: number(view, "nicid")?,
        network: text(view, "network"),
        kind: leaf(view, "type").unwrap_or_else(|| "virtual".to_owned()),
        model: leaf(view, "model").unwrap_or_else(|| "virtio".to_owned()),
        ip_address: leaf(view, "ip_address"),
        mac_address: leaf(view, "mac_address"),
    })
}

fn read_volume(view: NodeRef<'_>) -> Result<VolumeSpec> {
    Ok(VolumeSpec {
        name: text(view, "name"),
        volid: number(view, "volid")?,
        bus: text(view, "bus"),
        size: optional(view, "size")?,
        size_unit: leaf(view, "sizeunit"),
    })
}

fn read_kpi(view: NodeRef<'_>, monitored: bool) -> Result<Kpi> {
    let collector = view
        .container("metric_collector")
        .ok_or_else(|| EscModelError::value("metric_collector", ""))?;
    let frequency: u64 = number(collector, "poll_frequency")?;
    let unit = match text(collector, "polling_unit").as_str() {
        "seconds" => 1,
        "minutes" => 60,
        other => return Err(EscModelError::value("polling_unit", other)),
    };
    let condition = match text(view, "metric_cond").as_str() {
        "GT" => MetricCondition::Gt,
        "LT" => MetricCondition::Lt,
        "EQ" => MetricCondition::Eq,
        "GE" => MetricCondition::Ge,
        "LE" => MetricCondition::Le,
        other => return Err(EscModelError::value("metric_cond", other)),
    };
    Ok(Kpi {
        event_name: text(view, "event_name"),
        enabled: monitored,
        metric_value: text(view, "metric_value"),
        condition,
        metric_type: text(view, "metric_type"),
        occurrences_true: optional(view, "metric_occurrences_true")?.unwrap_or(1),
        occurrences_false: optional(view, "metric_occurrences_false")?.unwrap_or(1),
        collector: text(collector, "type"),
        nicid: number(collector, "nicid")?,
        poll: Duration::from_secs(frequency.saturating_mul(unit)),
        continuous_alarm: boolean(collector, "continuous_alarm", false)?,
    })
}

fn read_rule(view: NodeRef<'_>) -> Result<Rule> {
    let actions = view
        .values("action")
        .iter()
        .map(|text| rule_action(text))
        .collect::<Result<_>>()?;
    Ok(Rule {
        event_name: text(view, "event_name"),
        actions,
    })
}

/// `FALSE recover autohealing`, sometimes in quotes.
fn rule_action(written: &str) -> Result<RuleAction> {
    let inner = written.trim().trim_matches('"').trim();
    let (word, action) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    let trigger = match word.to_ascii_uppercase().as_str() {
        "TRUE" => RuleTrigger::True,
        "FALSE" => RuleTrigger::False,
        "ALWAYS" => RuleTrigger::Always,
        _ => return Err(EscModelError::value("action", written)),
    };
    Ok(RuleAction {
        trigger,
        action: action.trim().to_owned(),
    })
}

fn read_day_zero(view: NodeRef<'_>) -> DayZero {
    DayZero {
        dst: text(view, "dst"),
        file: leaf(view, "file"),
        data: leaf(view, "data"),
        variables: view
            .entries("variable")
            .map(|variable| {
                (
                    text(variable, "name"),
                    variable
                        .values("val")
                        .into_iter()
                        .map(str::to_owned)
                        .collect(),
                )
            })
            .collect(),
    }
}

fn leaf(view: NodeRef<'_>, name: &str) -> Option<String> {
    view.text(name).map(str::to_owned)
}

fn text(view: NodeRef<'_>, name: &str) -> String {
    leaf(view, name).unwrap_or_default()
}

fn parse<T: std::str::FromStr>(name: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| EscModelError::value(name, text))
}

fn optional<T: std::str::FromStr>(view: NodeRef<'_>, name: &str) -> Result<Option<T>> {
    leaf(view, name).map(|text| parse(name, &text)).transpose()
}

fn number<T: std::str::FromStr>(view: NodeRef<'_>, name: &str) -> Result<T> {
    optional(view, name)?.ok_or_else(|| EscModelError::value(name, ""))
}

fn boolean(view: NodeRef<'_>, name: &str, default: bool) -> Result<bool> {
    match leaf(view, name).as_deref() {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => Err(EscModelError::value(name, other)),
    }
}

/// Shares a deployment by pointer.
pub fn shared(deployment: Option<Deployment>) -> Option<Arc<Deployment>> {
    deployment.map(Arc::new)
}
