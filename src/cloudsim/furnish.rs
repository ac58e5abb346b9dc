//! What the settings say exists: hosts, images, flavors, tenants, networks.

use super::cloud::{Cloud, Host};
use super::error::SettingsError;
use super::network::{Block, Network, Subnet};
use super::settings::{BUILT_IN_FLAVORS, BUILT_IN_IMAGES, Settings, built_in_networks};

impl Cloud {
    /// Goes on under other settings, as after a restart with a changed configuration: what exists stays,
    /// what the new settings name besides is added, latencies and limits are the new ones. Hosts are
    /// matched by name; one that is no longer configured stays while it has VMs, without new ones.
    ///
    /// # Errors
    /// The settings contradict themselves; nothing is changed then.
    pub fn reconfigure(&mut self, settings: Settings) -> Result<(), SettingsError> {
        settings.check()?;
        if self.settings == settings {
            return Ok(());
        }
        let before = self.clone();
        // ids not given out yet are replaced; those given out stay given out
        let unused =
            |id: &String| !before.settings.vm_ids.contains(id) || before.vm_ids.contains(id);
        self.vm_ids = settings
            .vm_ids
            .iter()
            .filter(|id| unused(id))
            .cloned()
            .collect();
        let unused = |id: &String| {
            !before.settings.tenant_ids.contains(id) || before.tenant_ids.contains(id)
        };
        self.tenant_ids = settings
            .tenant_ids
            .iter()
            .filter(|id| unused(id))
            .cloned()
            .collect();
        self.settings = settings;
        self.furnish().inspect_err(|_| *self = before)
    }

    /// Makes what the settings name and does not exist.
    pub(super) fn furnish(&mut self) -> Result<(), SettingsError> {
        for host in self.settings.hosts.clone() {
            if self.hosts.iter().any(|known| known.name == host.name) {
                continue;
            }
            let id = host.id.unwrap_or_else(|| self.mint());
            self.hosts.push(Host {
                id,
                name: host.name,
                down: None,
                held: Vec::new(),
                vms: 0,
                agent_only: false,
                down_since: None,
            });
        }
        let own = self.settings.images.clone();
        for name in BUILT_IN_IMAGES.map(str::to_owned).into_iter().chain(own) {
            let id = self.mint();
            self.images.add(id, name);
        }
        let own = self.settings.flavors.clone();
        for name in BUILT_IN_FLAVORS.map(str::to_owned).into_iter().chain(own) {
            let id = self.mint();
            self.flavors.add(id, name);
        }
        for tenant in self.settings.tenants.clone() {
            let id = tenant.id.unwrap_or_else(|| self.mint().replace('-', ""));
            self.tenants.add(id, tenant.name);
        }
        let admin = self.mint().replace('-', "");
        self.tenants.add(admin, "admin".to_owned());
        let own = self.settings.networks.clone();
        let mut built_in = built_in_networks();
        built_in.retain(|network| own.iter().all(|mine| mine.name != network.name));
        for network in built_in.into_iter().chain(own) {
            if self.networks.of_tenant(None, &network.name).is_some() {
                continue;
            }
            let mut subnets = Vec::new();
            for subnet in network.subnets {
                let fail = |why| SettingsError::Subnet {
                    name: subnet.name.clone(),
                    why,
                };
                let block = Block::parse_cidr(&subnet.cidr).map_err(fail)?;
                let gateway = match &subnet.gateway {
                    None => Subnet::first(block),
                    Some(text) => text
                        .parse()
                        .map_err(|_| fail(format!("'{text}' is not an IP address")))?,
                };
                let id = self.mint();
                let made = Subnet::new(id, subnet.name.clone(), block, Some(gateway), true);
                subnets.push(made.map_err(fail)?);
            }
            let id = network.id.unwrap_or_else(|| self.mint());
            let made = Network {
                id,
                name: network.name,
                tenant: None,
                token: None,
                shared: true,
                subnets,
                ports: 0,
            };
            self.networks.insert(made);
        }
        Ok(())
    }
}
