//! Looking at domains.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::core::Core;
use super::link::{AddressSource, Fault, FaultKind, GuestAddress, Link};
use super::state;
use super::xml::{Build, Card, Domain, NetworkDoc, Nic, document, read_domain, read_network};
use crate::engine::port::{PowerState, VimError, VimVm};
use crate::ids::{CreateToken, VmId};
use crate::model::event::InterfaceInfo;

/// All that one look shows.
struct Looked {
    domain: Domain,
    state: (i32, i32),
    networks: BTreeMap<String, NetworkDoc>,
    addresses: Vec<GuestAddress>,
}

impl Core {
    /// Looks at one domain.
    pub async fn describe(self: &Arc<Self>, uuid: &str) -> Result<Option<VimVm>, VimError> {
        if uuid::Uuid::parse_str(uuid).is_err() {
            return Ok(None);
        }
        let asked = uuid.to_owned();
        let looked = match self.session.look(move |link| look(link, &asked)).await {
            Ok(looked) => looked,
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(None),
            Err(fault) => return Err(fault.into()),
        };
        Ok(Some(self.shown(looked).await?))
    }

    /// All domains that carry the token.
    pub async fn find_by_token(self: &Arc<Self>, token: &str) -> Result<Vec<VimVm>, VimError> {
        let listed = self.session.look(|link| link.domains()).await?;
        let carries = |card: &str| {
            let element = document(card).ok()?;
            Card::read(&element).filter(|card| card.token == token)
        };
        let mut found = Vec::new();
        for domain in listed {
            if domain.card.as_deref().and_then(carries).is_some()
                && let Some(vm) = self.describe(&domain.uuid).await?
            {
                found.push(vm);
            }
        }
        Ok(found)
    }

    async fn shown(self: &Arc<Self>, mut looked: Looked) -> Result<VimVm, VimError> {
        let (host, name) = self.host().await?.clone();
        let (state, reason) = looked.state;
        let uuid = looked.domain.uuid.clone();
        let mut power = state::power(state, reason);
        let mut messages = vec![format!("libvirt: {}", state::words(state, reason))];
        let nics = looked.domain.card.as_ref().map(|card| card.nics.clone());
        let nics = nics.unwrap_or_default();
        if let Some(card) = looked
            .domain
            .card
            .as_ref()
            .filter(|card| card.build == Build::Begun)
        {
            if self.table().is_making(&uuid) {
                power = PowerState::Building;
            } else if state::is_active(state) {
                // It was started, and the process that made it did not live to write so.
                self.mark_done(&uuid, card.clone()).await;
            } else {
                messages.insert(0, "libvirt: its making was not finished".to_owned());
                let failed_here = self.table().has_made(&uuid);
                power = match failed_here {
                    true => PowerState::Error,
                    false => {
                        self.clear(&uuid);
                        PowerState::Deleting
                    }
                };
            }
        }
        let lacks =
            |nic: &Nic| nic.ip.is_empty() && !looked.addresses.iter().any(|at| at.mac == nic.mac);
        if looked.domain.agent == Some(true) && nics.iter().any(lacks) {
            looked.addresses.extend(self.agent_addresses(&uuid).await);
        }
        let interfaces = nics.iter().map(|nic| interface(nic, &looked)).collect();
        let token = looked.domain.card.map(|card| CreateToken::new(card.token));
        Ok(VimVm {
            id: VmId::new(uuid),
            name: looked.domain.name,
            token,
            power,
            host_id: host.uuid,
            host_name: name,
            interfaces,
            messages,
        })
    }

    /// What the guest says itself; one that does not answer says nothing.
    async fn agent_addresses(&self, uuid: &str) -> Vec<GuestAddress> {
        let uuid = uuid.to_owned();
        let limit = self.settings.agent_timeout();
        let asked = self
            .session
            .ask(limit, move |link| {
                link.addresses(&uuid, AddressSource::Agent)
            })
            .await;
        asked.unwrap_or_else(|fault| {
            tracing::debug!(%fault, "libvirt: the agent tells no addresses");
            Vec::new()
        })
    }

    /// Writes that a domain was started once.
    pub async fn mark_done(&self, uuid: &str, card: Card) {
        let card = Card {
            build: Build::Done,
            ..card
        };
        let named = uuid.to_owned();
        let limit = self.settings.call_timeout();
        let written = self
            .session
            .ask(limit, move |link| link.set_card(&named, &card.to_xml()))
            .await;
        if let Err(fault) = written {
            // It stays begun: a look at it while it runs tries again.
            tracing::warn!(%fault, uuid, "libvirt: metadata not written");
        }
    }
}

fn look(link: &dyn Link, uuid: &str) -> Result<Looked, Fault> {
    let domain = read_domain(&link.domain_xml(uuid, false)?)?;
    let state = link.domain_state(uuid)?;
    let mut networks = BTreeMap::new();
    let nics = domain.card.as_ref().map(|card| card.nics.as_slice());
    for nic in nics.unwrap_or_default() {
        if nic.network.starts_with(super::network::BRIDGE) || networks.contains_key(&nic.network) {
            continue;
        }
        match link.network_xml(&nic.network) {
            Ok(text) => drop(networks.insert(nic.network.clone(), read_network(&text)?)),
            // Taken away under it: then nothing is said of it.
            Err(fault) if fault.kind == FaultKind::NotFound => {}
            Err(fault) => return Err(fault),
        }
    }
    let mut addresses = Vec::new();
    let lacks = |nic: &Nic| nic.ip.is_empty();
    if state::is_active(state.0) && nics.unwrap_or_default().iter().any(lacks) {
        for source in [AddressSource::Leases, AddressSource::Arp] {
            match link.addresses(uuid, source) {
                Ok(found) => addresses.extend(found),
                Err(fault) if fault.is_silence() => return Err(fault),
                // It went down meanwhile, or there is no such source here.
                Err(_) => {}
            }
        }
    }
    Ok(Looked {
        domain,
        state,
        networks,
        addresses,
    })
}

fn interface(nic: &Nic, looked: &Looked) -> InterfaceInfo {
    let told = looked.addresses.iter().find(|at| at.mac == nic.mac);
    let ip = match nic.ip.is_empty() {
        true => told.map(|at| at.ip.clone()).unwrap_or_default(),
        false => nic.ip.clone(),
    };
    let network = looked.networks.get(&nic.network);
    let address: Option<IpAddr> = ip.parse().ok();
    let block = address.and_then(|ip| network?.block_of(ip));
    let prefix = block
        .map(|block| u32::from(block.prefix))
        .or(told.map(|at| at.prefix));
    let subnet = network
        .and_then(|network| network.card.as_ref())
        .and_then(|card| {
            card.subnets
                .iter()
                .find(|subnet| inside(&subnet.cidr, address))
        });
    let port = looked.domain.ports.iter().find(|(mac, _)| *mac == nic.mac);
    InterfaceInfo {
        nicid: nic.nicid,
        kind: nic.kind.clone(),
        port_id: port.map(|(_, id)| id.clone()).unwrap_or_default(),
        network: nic.network.clone(),
        subnet: subnet
            .map(|subnet| super::network::subnet_id(&nic.network, &subnet.name))
            .unwrap_or_default(),
        netmask: match (address, prefix) {
            (Some(IpAddr::V4(_)), Some(prefix)) => netmask(prefix),
            (Some(IpAddr::V6(_)), Some(prefix)) => prefix.to_string(),
            _ => String::new(),
        },
        gateway: match (subnet, block) {
            (Some(subnet), _) => subnet.gateway.clone(),
            (None, Some(block)) => block.address.to_string(),
            (None, None) => String::new(),
        },
        mac_address: nic.mac.clone(),
        ip_address: ip,
    }
}

fn inside(cidr: &str, address: Option<IpAddr>) -> bool {
    let Some((network, prefix)) = cidr.split_once('/') else {
        return false;
    };
    match (address, network.parse(), prefix.parse::<u32>()) {
        (Some(IpAddr::V4(address)), Ok(IpAddr::V4(network)), Ok(prefix)) => {
            let mask = u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (Some(IpAddr::V6(address)), Ok(IpAddr::V6(network)), Ok(prefix)) => {
            let mask = u128::MAX.checked_shl(128 - prefix.min(128)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

fn netmask(prefix: u32) -> String {
    let mask = u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0);
    std::net::Ipv4Addr::from_bits(mask).to_string()
}
