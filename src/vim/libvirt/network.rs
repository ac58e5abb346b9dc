//! Networks and subnets. Ours are told from others by their metadata; changes of one are made whole: defined
//! anew and started again, which needs nobody on it.

use std::sync::Arc;

use super::core::Core;
use super::link::{Fault, FaultKind, Link};
use super::xml::{
    Forward, NetworkCard, NetworkDoc, SubnetCard, network_xml, read_network, subnet_card,
};
use crate::engine::port::{Accepted, VimError, VimResource};
use crate::ids::{CreateToken, TenantId};
use crate::model::deployment::{NetworkSpec, SubnetSpec};
use crate::model::resource::SubnetRecord;

/// What the id of a bridge of the host begins with.
pub const BRIDGE: &str = "bridge:";

/// The id of a subnet.
pub fn subnet_id(network: &str, name: &str) -> String {
    format!("{network}/{name}")
}

impl Core {
    /// Looks a network up: one of the configured bridges, one of ours, one of libvirt's.
    pub async fn find_network(
        &self,
        tenant: Option<TenantId>,
        token: Option<CreateToken>,
        name: String,
    ) -> Result<Option<VimResource>, VimError> {
        if token.is_none()
            && let Some(bridge) = self.bridge(&name)
        {
            return Ok(Some(VimResource {
                id: format!("{BRIDGE}{bridge}"),
                name,
                subnets: Vec::new(),
            }));
        }
        let found = self
            .known_network(tenant.as_ref(), token.as_ref(), &name)
            .await?;
        Ok(found.map(|doc| resource(&doc, name)))
    }

    async fn known_network(
        &self,
        tenant: Option<&TenantId>,
        token: Option<&CreateToken>,
        name: &str,
    ) -> Result<Option<NetworkDoc>, Fault> {
        let all = self.all_networks().await?;
        Ok(select(all, tenant, token, name))
    }

    async fn all_networks(&self) -> Result<Vec<NetworkDoc>, Fault> {
        let texts = self.session.look(|link| link.networks()).await?;
        texts.iter().map(|text| read_network(text)).collect()
    }

    /// A network by UUID or by libvirt's name.
    pub async fn network_by(&self, network: &str) -> Result<Option<NetworkDoc>, Fault> {
        let named = network.to_owned();
        let by_uuid = uuid::Uuid::parse_str(network).is_ok();
        let found = self
            .session
            .look(move |link| match by_uuid {
                true => link.network_xml(&named),
                false => link.network_by_name(&named),
            })
            .await;
        match found {
            Ok(text) => read_network(&text).map(Some),
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Makes a network, without subnets.
    pub async fn create_network(
        self: &Arc<Self>,
        op: String,
        key: &str,
        tenant: Option<TenantId>,
        token: Option<CreateToken>,
        spec: NetworkSpec,
    ) -> Result<Accepted, VimError> {
        let _networks = self.networks.lock().await;
        let all = self.all_networks().await?;
        let taken = all.iter().any(|doc| doc.name == spec.name);
        if let Some(there) = select(all, tenant.as_ref(), token.as_ref(), &spec.name) {
            return Ok(self.done(op, Some(there.uuid)));
        }
        let uuid = self.uuid(key);
        let bad = |c: char| c == '/' || c.is_control();
        if spec.name.is_empty() || spec.name.contains(bad) {
            let why = format!("network [{}]: libvirt knows no such name", spec.name);
            return Err(Fault::refused(why).into());
        }
        // libvirt's names are unique among all tenants and deployments; the one asked for is in the metadata.
        let name = match taken || token.is_some() {
            true => format!("{}-{}", spec.name, uuid.get(..8).unwrap_or(&uuid)),
            false => spec.name.clone(),
        };
        let forward = self.forward(&spec)?;
        let card = NetworkCard {
            name: spec.name,
            tenant: tenant
                .as_ref()
                .map_or("", |tenant| tenant.as_str())
                .to_owned(),
            token: token.as_ref().map_or("", |token| token.as_str()).to_owned(),
            connector: self.connector.id.clone(),
            shared: spec.shared,
            subnets: Vec::new(),
        };
        let xml = network_xml(&uuid, &name, &card, &forward, None, &[]);
        let asked = uuid.clone();
        let limit = self.settings.call_timeout();
        self.session
            .ask(limit, move |link| {
                link.define_network(&xml)?;
                match spec.admin_state {
                    true => link
                        .start_network(&asked)
                        .inspect_err(|_| undefine(link, &asked)),
                    false => Ok(()),
                }
            })
            .await?;
        Ok(self.done(op, Some(uuid)))
    }

    fn forward(&self, spec: &NetworkSpec) -> Result<Forward, Fault> {
        match (spec.vlan_id, &self.connector.vlan_bridge) {
            (Some(id), Some(bridge)) => Ok(Forward::Vlan {
                bridge: bridge.clone(),
                id,
            }),
            (Some(_), None) => Err(Fault::refused(format!(
                "network [{}]: a VLAN needs the connector's property vlan_bridge",
                spec.name
            ))),
            (None, _) => Ok(match &*self.connector.forward {
                "isolated" => Forward::Isolated,
                mode => Forward::Host(mode.to_owned()),
            }),
        }
    }

    /// Removes a network of ours.
    pub async fn delete_network(
        self: &Arc<Self>,
        op: String,
        id: String,
    ) -> Result<Accepted, VimError> {
        let _networks = self.networks.lock().await;
        let Some(doc) = self.network_by(&id).await? else {
            return Ok(self.done(op, Some(id)));
        };
        if doc.card.is_none() {
            return Err(not_ours(&doc).into());
        }
        unused(&doc)?;
        let asked = doc.uuid.clone();
        let limit = self.settings.call_timeout();
        self.session
            .ask(limit, move |link| {
                if link.network_is_active(&asked)? {
                    link.stop_network(&asked)?;
                }
                link.undefine_network(&asked)
            })
            .await
            .or_else(|fault| match fault.kind {
                FaultKind::NotFound => Ok(()),
                _ => Err(fault),
            })?;
        Ok(self.done(op, Some(id)))
    }

    /// Adds a subnet to a network of ours.
    pub async fn create_subnet(
        self: &Arc<Self>,
        op: String,
        network: String,
        spec: SubnetSpec,
    ) -> Result<Accepted, VimError> {
        let wanted = subnet_card(&spec)?;
        let id = subnet_id(&network, &spec.name);
        self.change_subnets(&network, move |subnets| {
            match subnets.iter().find(|there| there.name == wanted.name) {
                Some(there) if *there == wanted => Ok(false),
                Some(there) => Err(Fault::refused(format!(
                    "subnet [{}] is there already, as {}",
                    there.name, there.cidr
                ))),
                None => {
                    subnets.push(wanted);
                    Ok(true)
                }
            }
        })
        .await?;
        Ok(self.done(op, Some(id)))
    }

    /// Takes a subnet out of a network of ours.
    pub async fn delete_subnet(
        self: &Arc<Self>,
        op: String,
        id: String,
    ) -> Result<Accepted, VimError> {
        let Some((network, name)) = id.split_once('/') else {
            return Ok(self.done(op, Some(id)));
        };
        let name = name.to_owned();
        let changed = self
            .change_subnets(network, move |subnets| {
                let before = subnets.len();
                subnets.retain(|subnet| subnet.name != name);
                Ok(subnets.len() != before)
            })
            .await;
        match changed {
            Ok(()) => Ok(self.done(op, Some(id))),
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(self.done(op, Some(id))),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Changes the subnets of a network: it is defined anew, and started again if it was active.
    async fn change_subnets(
        &self,
        network: &str,
        change: impl FnOnce(&mut Vec<SubnetCard>) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let _networks = self.networks.lock().await;
        let Some(doc) = self.network_by(network).await? else {
            let why = format!("network [{network}] not found");
            return Err(Fault::new(FaultKind::NotFound, why));
        };
        let Some(mut card) = doc.card.clone() else {
            return Err(not_ours(&doc));
        };
        if !change(&mut card.subnets)? {
            return Ok(());
        }
        unused(&doc)?;
        let hosts: Vec<_> = doc
            .blocks
            .iter()
            .flat_map(|block| block.hosts.clone())
            .collect();
        let forward = doc.forward.clone();
        let xml = network_xml(
            &doc.uuid,
            &doc.name,
            &card,
            &forward,
            doc.bridge.as_deref(),
            &hosts,
        );
        let uuid = doc.uuid.clone();
        let limit = self.settings.call_timeout();
        self.session
            .ask(limit, move |link| {
                let active = link.network_is_active(&uuid)?;
                if active {
                    link.stop_network(&uuid)?;
                }
                let defined = link.define_network(&xml);
                if active {
                    // as it was before, if it could not be changed
                    link.start_network(&uuid)?;
                }
                defined
            })
            .await
    }
}

/// The one that is meant: the one that carries the token; else one of ours of that name for this tenant, or for
/// all; else one of libvirt's own of that name.
fn select(
    all: Vec<NetworkDoc>,
    tenant: Option<&TenantId>,
    token: Option<&CreateToken>,
    name: &str,
) -> Option<NetworkDoc> {
    let tenant = tenant.map_or("", |tenant| tenant.as_str());
    let rank = |doc: &NetworkDoc| match (&doc.card, token) {
        (Some(card), Some(token)) => (card.token == token.as_str()).then_some(0),
        (None, Some(_)) => None,
        (Some(card), None) if card.name != name => None,
        // a deployment's own network is its own
        (Some(card), None) if !card.token.is_empty() => None,
        (Some(card), None) if card.tenant == tenant => Some(0),
        (Some(card), None) if card.shared || card.tenant.is_empty() => Some(1),
        (Some(_), None) => None,
        (None, None) => (doc.name == name).then_some(2),
    };
    let ranked = all.into_iter().filter_map(|doc| Some((rank(&doc)?, doc)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, doc)| doc)
}

fn resource(doc: &NetworkDoc, name: String) -> VimResource {
    let subnets = match &doc.card {
        Some(card) => card
            .subnets
            .iter()
            .map(|subnet| SubnetRecord {
                name: subnet.name.clone(),
                vim_id: subnet_id(&doc.uuid, &subnet.name),
                cidr: subnet.cidr.clone(),
                gateway: subnet.gateway.clone(),
                dhcp: subnet.dhcp,
            })
            .collect(),
        None => doc
            .blocks
            .iter()
            .map(|block| SubnetRecord {
                name: block.cidr(),
                vim_id: subnet_id(&doc.uuid, &block.cidr()),
                cidr: block.cidr(),
                gateway: block.address.to_string(),
                dhcp: !block.ranges.is_empty(),
            })
            .collect(),
    };
    VimResource {
        id: doc.uuid.clone(),
        name,
        subnets,
    }
}

fn not_ours(doc: &NetworkDoc) -> Fault {
    Fault::refused(format!("network [{}] was not made by us", doc.name))
}

fn unused(doc: &NetworkDoc) -> Result<(), Fault> {
    match doc.connections {
        0 => Ok(()),
        n => Err(Fault::refused(format!(
            "network [{}] is in use by {n} interfaces",
            doc.name
        ))),
    }
}

/// Takes back what could not be started; it would be found by its name.
fn undefine(link: &dyn Link, uuid: &str) {
    if let Err(fault) = link.undefine_network(uuid) {
        tracing::warn!(%fault, uuid, "libvirt: a network that does not start stays behind");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(uuid: &str, name: &str, card: Option<(&str, &str, &str, bool)>) -> NetworkDoc {
        let card = card.map(|(name, tenant, token, shared)| NetworkCard {
            name: name.into(),
            tenant: tenant.into(),
            token: token.into(),
            shared,
            ..NetworkCard::default()
        });
        NetworkDoc {
            uuid: uuid.into(),
            name: name.into(),
            bridge: None,
            forward: Forward::Isolated,
            connections: 0,
            blocks: Vec::new(),
            card,
        }
    }

    #[test]
    fn networks_of_one_name_are_told_apart() {
        let all = || {
            vec![
                doc("foreign", "lan", None),
                doc("other", "lan-1", Some(("lan", "other", "", false))),
                doc("shared", "lan-2", Some(("lan", "other", "", true))),
                doc("own", "lan-3", Some(("lan", "acme", "", false))),
                doc("ephemeral", "lan-4", Some(("lan", "acme", "dep.1", false))),
                doc("odd", "lan-5", Some(("wan", "acme", "", false))),
            ]
        };
        let find = |tenant: &str, token: Option<&str>, without: &[&str]| {
            let all = all()
                .into_iter()
                .filter(|doc| !without.contains(&&*doc.uuid))
                .collect();
            let token = token.map(CreateToken::new);
            let tenant = TenantId::new(tenant);
            select(all, Some(&tenant), token.as_ref(), "lan").map(|doc| doc.uuid)
        };
        assert_eq!(find("acme", None, &[]).as_deref(), Some("own"));
        assert_eq!(find("acme", None, &["own"]).as_deref(), Some("shared"));
        assert_eq!(
            find("acme", None, &["own", "shared"]).as_deref(),
            Some("foreign")
        );
        assert_eq!(
            find("acme", Some("dep.1"), &[]).as_deref(),
            Some("ephemeral")
        );
        assert_eq!(find("acme", Some("dep.2"), &[]), None);
        assert_eq!(find("acme", None, &["own", "shared", "foreign"]), None);
    }
}
