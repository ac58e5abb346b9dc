//! What shall exist: a deployment as configured, already typed and defaulted.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::DeploymentKey;

/// A deployment as the running configuration asks for it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Deployment {
    /// Tenant and deployment name.
    pub key: DeploymentKey,
    /// False: the VIM's tenant is used, never created or deleted.
    pub managed_tenant: bool,
    /// Which VIM, when more than one is configured; `None` is the default VIM.
    pub vim: Option<String>,
    /// Ephemeral networks: made at deploy, removed at undeploy.
    pub networks: Vec<NetworkSpec>,
    /// Groups of identical VMs, in configuration order.
    pub vm_groups: Vec<VmGroup>,
}

/// A network as configured, at the root, in a tenant or in a deployment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Name, unique among its siblings.
    pub name: String,
    /// Whether other tenants may use it.
    pub shared: bool,
    /// Administrative state.
    pub admin_state: bool,
    /// VLAN, 1..=4094.
    pub vlan_id: Option<u16>,
    /// Subnets in configuration order.
    pub subnets: Vec<SubnetSpec>,
}

/// A subnet as configured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubnetSpec {
    /// Name, unique in its network.
    pub name: String,
    /// `ipv4` or `ipv6`.
    pub ip_version: String,
    /// Whether the VIM hands out addresses.
    pub dhcp: bool,
    /// Network address.
    pub address: String,
    /// Netmask in dotted form, or a prefix length.
    pub netmask: String,
    /// Gateway address.
    pub gateway: Option<String>,
}

/// One group of identical VMs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VmGroup {
    /// Group name, unique in its deployment.
    pub name: String,
    /// Image name: a configured one first, then the VIM's.
    pub image: String,
    /// Flavor name: a configured one first, then the VIM's.
    pub flavor: String,
    /// Name the VM shall have in the VIM instead of our own.
    pub vim_vm_name: Option<String>,
    /// Time a VM may take to answer after a start; `None` (-1) means not monitored.
    pub bootup_time: Option<Duration>,
    /// Time a failed VM is given to come back by itself; zero recovers at once.
    pub recovery_wait: Duration,
    /// How a failed VM is recovered.
    pub recovery: RecoveryPolicy,
    /// Interfaces, `nicid` 0..n.
    pub interfaces: Vec<InterfaceSpec>,
    /// Volumes to attach.
    pub volumes: Vec<VolumeSpec>,
    /// Monitors.
    pub kpis: Vec<Kpi>,
    /// What a KPI's verdict triggers.
    pub rules: Vec<Rule>,
    /// Day-0 configuration.
    pub config_data: Vec<DayZero>,
    /// VMs a deploy makes, at least 1 unless configured 0.
    pub min_active: u32,
    /// Upper bound for scaling.
    pub max_active: u32,
}

impl VmGroup {
    /// Whether its VMs are watched at all.
    pub fn is_monitored(&self) -> bool {
        self.bootup_time.is_some() && self.kpis.iter().any(|kpi| kpi.enabled)
    }

    /// Whether a `recover` rule asks for automatic recovery.
    pub fn recovers(&self) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.actions.iter().any(RuleAction::is_recover))
    }
}

/// Who starts a recovery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RecoveryType {
    /// The engine itself.
    Auto,
    /// A person, by `recoveryVmAction`.
    Manual,
}

/// Which steps a recovery takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ActionOnRecovery {
    /// One reboot, then redeploys.
    RebootThenRedeploy,
    /// One reboot.
    RebootOnly,
    /// Redeploys.
    RedeployOnly,
}

/// How a failed VM is recovered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecoveryPolicy {
    /// Who starts it.
    pub recovery_type: RecoveryType,
    /// Which steps.
    pub action: ActionOnRecovery,
    /// Redeploy attempts; `None` (-1) means until stopped.
    pub max_retries: Option<u32>,
}

/// An interface as configured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InterfaceSpec {
    /// Position, 0 first.
    pub nicid: u32,
    /// Network name.
    pub network: String,
    /// `virtual` and others, as configured.
    pub kind: String,
    /// Device model.
    pub model: String,
    /// Static address.
    pub ip_address: Option<String>,
    /// Static MAC address.
    pub mac_address: Option<String>,
}

/// A volume of a group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// Name.
    pub name: String,
    /// Position.
    pub volid: u32,
    /// Bus.
    pub bus: String,
    /// Size in `size_unit`.
    pub size: Option<u64>,
    /// `GiB` and others, as configured.
    pub size_unit: Option<String>,
}

/// How a measured value is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MetricCondition {
    /// Greater than.
    Gt,
    /// Less than.
    Lt,
    /// Equal.
    Eq,
    /// Greater or equal.
    Ge,
    /// Less or equal.
    Le,
}

/// A monitor: what is measured, how often, and when it counts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Kpi {
    /// Name, e.g. `VM_ALIVE`.
    pub event_name: String,
    /// Whether it is polled.
    pub enabled: bool,
    /// Threshold.
    pub metric_value: String,
    /// Comparison.
    pub condition: MetricCondition,
    /// `UINT32` and others.
    pub metric_type: String,
    /// Consecutive polls above before TRUE.
    pub occurrences_true: u32,
    /// Consecutive polls below before FALSE.
    pub occurrences_false: u32,
    /// `ICMPPing`, `TCPConnect`, ...
    pub collector: String,
    /// Interface whose address is probed.
    pub nicid: u32,
    /// Time between polls.
    pub poll: Duration,
    /// True: every poll reports; false: changes only.
    pub continuous_alarm: bool,
}

/// When a rule's action runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RuleTrigger {
    /// The KPI became (or is) TRUE.
    True,
    /// The KPI became (or is) FALSE.
    False,
    /// Either.
    Always,
}

/// One action of a rule, e.g. `FALSE recover autohealing`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RuleAction {
    /// When.
    pub trigger: RuleTrigger,
    /// The rest of the text.
    pub action: String,
}

impl RuleAction {
    /// Whether this asks for recovery when the KPI turns FALSE.
    pub fn is_recover(&self) -> bool {
        self.trigger != RuleTrigger::True
            && self.action.split_whitespace().next() == Some("recover")
    }
}

/// Rules of one KPI.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// The KPI's name.
    pub event_name: String,
    /// Actions in order.
    pub actions: Vec<RuleAction>,
}

/// A day-0 file: destination in the guest, its source, its variables.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DayZero {
    /// Destination.
    pub dst: String,
    /// URL of the content.
    pub file: Option<String>,
    /// The content itself.
    pub data: Option<String>,
    /// Variables and their values.
    pub variables: Vec<(String, Vec<String>)>,
}
