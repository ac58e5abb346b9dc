//! Settings of the simulated cloud (table `[cloudsim]`).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::SettingsError;

/// Images every simulated cloud knows.
pub const BUILT_IN_IMAGES: [&str; 6] = [
    "cirros",
    "debian-12",
    "ubuntu-24.04",
    "csr1000v",
    "Automation-Cirros-Image",
    "Automation-CSR-Image-3_14",
];

/// Flavors every simulated cloud knows.
pub const BUILT_IN_FLAVORS: [&str; 7] = [
    "m1.tiny",
    "m1.small",
    "m1.medium",
    "m1.large",
    "m1.xlarge",
    "Automation-Cirros-Flavor",
    "Automation-CSR-Flavor-3_14",
];

/// Settings of one simulated cloud.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Seed of all ids and addresses made.
    pub seed: u64,
    /// Hosts, `sim-host-1` to `sim-host-4` when none are listed.
    pub hosts: Vec<HostSettings>,
    /// Images known besides the built-in ones (`cirros`, `debian-12`, ...).
    pub images: Vec<String>,
    /// Flavors known besides the built-in ones (`m1.tiny` to `m1.xlarge`, ...).
    pub flavors: Vec<String>,
    /// Networks known to every tenant besides the built-in `public`, `esc-net` and `my-network`.
    pub networks: Vec<NetworkSettings>,
    /// Tenants that exist from the start besides `admin`.
    pub tenants: Vec<TenantSettings>,
    /// Ids of the first VMs made, in order; later ones are made from the seed.
    pub vm_ids: Vec<String>,
    /// Ids of the first tenants made, in order.
    pub tenant_ids: Vec<String>,
    /// How long things take.
    pub latency: Latency,
    /// Factor by which the fault `slow` multiplies every latency.
    pub slow_factor: u32,
    /// Round-trip time an answering guest shows, in microseconds.
    pub rtt_us: u32,
    /// Whether a call repeated with the same key is recognised instead of done again.
    /// Nova does not recognise it: false makes the cloud as forgetful.
    pub idempotent: bool,
    /// Whether a create that failed leaves a VM in error to be deleted, as Nova does.
    pub failed_create_leaves_vm: bool,
    /// Whether a delete of a VM whose host is cut off succeeds at once and makes the API forget the VM,
    /// which runs on unseen until the host is back, as Nova does; without, the delete hangs.
    pub forgets_cut_off_vms: bool,
    /// Whether a start that failed leaves the VM stopped, as Nova does; without, in error.
    pub failed_start_leaves_stopped: bool,
    /// How long after a create whose reply was lost its VM appears, in ms.
    pub lost_landing_ms: u64,
    /// The bound the cloud declares for that, in ms. A smaller one than
    /// `lost-landing-ms` makes a cloud that breaks its word.
    pub landing_bound_ms: u64,
    /// Most VMs at one time.
    pub max_vms: usize,
    /// Most networks, tenants, images or flavors of each kind.
    pub max_resources: usize,
    /// Most faults armed at one time.
    pub max_faults: usize,
    /// Finished operation records kept, and names of removed VMs remembered.
    pub history: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            hosts: (1..=4)
                .map(|n| HostSettings {
                    id: None,
                    name: format!("sim-host-{n}"),
                })
                .collect(),
            images: Vec::new(),
            flavors: Vec::new(),
            networks: Vec::new(),
            tenants: Vec::new(),
            vm_ids: Vec::new(),
            tenant_ids: Vec::new(),
            latency: Latency::default(),
            slow_factor: 10,
            rtt_us: 400,
            idempotent: true,
            failed_create_leaves_vm: true,
            forgets_cut_off_vms: false,
            failed_start_leaves_stopped: false,
            lost_landing_ms: 0,
            landing_bound_ms: 5000,
            max_vms: 100_000,
            max_resources: 10_000,
            max_faults: 1000,
            history: 20_000,
        }
    }
}

impl Settings {
    /// How long after a create with lost reply a VM may appear, as declared.
    pub fn landing_bound(&self) -> Duration {
        Duration::from_millis(self.landing_bound_ms)
    }

    /// Checks what types cannot.
    ///
    /// # Errors
    /// No host, a name or id given twice.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.hosts.is_empty() {
            return Err(SettingsError::NoHost);
        }
        let hosts = self.hosts.iter().flat_map(|host| {
            host.id
                .iter()
                .filter(|id| **id != host.name)
                .chain([&host.name])
        });
        once("host", hosts)?;
        once("network", self.networks.iter().map(|network| &network.name))?;
        once("tenant", self.tenants.iter().map(|tenant| &tenant.name))?;
        once("VM id", &self.vm_ids)?;
        let tenant_ids = self.tenants.iter().filter_map(|tenant| tenant.id.as_ref());
        once("tenant id", tenant_ids.chain(&self.tenant_ids))
    }
}

fn once<'a>(
    kind: &'static str,
    names: impl IntoIterator<Item = &'a String>,
) -> Result<(), SettingsError> {
    let mut seen = BTreeSet::new();
    match names.into_iter().find(|name| !seen.insert(name.as_str())) {
        None => Ok(()),
        Some(name) => Err(SettingsError::Twice {
            kind,
            name: name.clone(),
        }),
    }
}

/// How long each kind of operation takes, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Latency {
    /// From the call to a running VM.
    pub create_ms: u64,
    /// From a running VM to a guest that answers.
    pub boot_ms: u64,
    /// Reboot, until the VM runs again (its guest then boots).
    pub reboot_ms: u64,
    /// Delete.
    pub delete_ms: u64,
    /// Start, until the VM runs (its guest then boots).
    pub start_ms: u64,
    /// Stop.
    pub stop_ms: u64,
    /// Resize.
    pub resize_ms: u64,
    /// Anything about tenants, networks, subnets, images and flavors.
    pub resource_ms: u64,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            create_ms: 200,
            boot_ms: 500,
            reboot_ms: 500,
            delete_ms: 200,
            start_ms: 200,
            stop_ms: 200,
            resize_ms: 200,
            resource_ms: 20,
        }
    }
}

/// A host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HostSettings {
    /// The VIM's id; made from the seed when absent.
    #[serde(default)]
    pub id: Option<String>,
    /// Name.
    pub name: String,
}

/// A tenant that exists from the start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TenantSettings {
    /// The VIM's id; made from the seed when absent.
    #[serde(default)]
    pub id: Option<String>,
    /// Name.
    pub name: String,
}

/// A network every tenant may use.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetworkSettings {
    /// The VIM's id; made from the seed when absent.
    #[serde(default)]
    pub id: Option<String>,
    /// Name.
    pub name: String,
    /// Subnets.
    #[serde(default)]
    pub subnets: Vec<SubnetSettings>,
}

/// A subnet of such a network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SubnetSettings {
    /// Name.
    pub name: String,
    /// Address and prefix length, e.g. `10.20.0.0/16`.
    pub cidr: String,
    /// Gateway; the first address when absent.
    #[serde(default)]
    pub gateway: Option<String>,
}

/// The networks every simulated cloud has.
pub fn built_in_networks() -> Vec<NetworkSettings> {
    [
        ("public", "172.24.0.0/16"),
        ("esc-net", "10.20.0.0/16"),
        ("my-network", "10.30.0.0/16"),
    ]
    .into_iter()
    .map(|(name, cidr)| NetworkSettings {
        id: None,
        name: name.to_owned(),
        subnets: vec![SubnetSettings {
            name: format!("{name}-subnet"),
            cidr: cidr.to_owned(),
            gateway: None,
        }],
    })
    .collect()
}
