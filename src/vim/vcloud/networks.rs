//! Networks. An organisation's are made by its administrator, and cannot be marked as anybody's: a deployment's own
//! network is the one of its name, which has to be there and to have the addresses that are configured.

use super::client::unread;
use super::create::unknown;
use super::driver::VcloudVim;
use super::map::id_of;
use crate::engine::port::{Accepted, VimError, VimResource};
use crate::ids::CreateToken;
use crate::model::deployment::{NetworkSpec, SubnetSpec};
use crate::model::resource::SubnetRecord;
use crate::proto::vcloud::{Link, Org, OrgNetwork, Reference, VApp};
use crate::vim_http::{nothing_done, prefix_length};

impl VcloudVim {
    /// The networks that are there now.
    async fn networks(&self) -> Result<Vec<Reference>, VimError> {
        let session = self.api.session().await?;
        let org: Org = self.api.read(&session.org.href).await?;
        let mut all = self.vdc().await?.networks;
        // renamed with 1.5, and some clouds show both
        for kind in ["orgNetwork", "network"] {
            all.extend(Link::of_kind(&org.links, kind).map(|link| Reference {
                kind: link.kind.clone(),
                name: link.name.clone(),
                href: link.href.clone(),
            }));
        }
        let mut distinct: Vec<Reference> = Vec::new();
        for one in all {
            if !distinct
                .iter()
                .any(|known| id_of(&known.href) == id_of(&one.href))
            {
                distinct.push(one);
            }
        }
        Ok(distinct)
    }

    /// A network by its id, else by its name.
    pub(super) async fn network(&self, text: &str) -> Result<Reference, VimError> {
        let all = self.networks().await?;
        let by_id = all.iter().find(|one| id_of(&one.href) == text);
        let found = by_id.or_else(|| all.iter().find(|one| one.name.as_deref() == Some(text)));
        found.cloned().ok_or_else(|| unknown("network", text))
    }

    async fn shown(&self, href: &str) -> Result<OrgNetwork, VimError> {
        let found = self.api.fetch(href).await?;
        let found = found.ok_or_else(|| unknown("network", href))?;
        let read = OrgNetwork::decode_any(&found.body).map_err(unread)?;
        self.memory.shown.put(href, read.clone());
        Ok(read)
    }

    /// The networks that a vApp's interfaces are in; those that are its own alone are not among them.
    pub(super) async fn networks_of(&self, vapp: &VApp) -> Result<Vec<OrgNetwork>, VimError> {
        let connections = vapp.vms.iter().flat_map(|vm| &vm.connections);
        let mut names: Vec<&str> = connections.map(|one| one.network.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let href = match self.memory.hrefs.get(&format!("network {name}")) {
                Some(href) => href,
                None => {
                    for one in self.networks().await? {
                        let name = one.name.unwrap_or_default();
                        self.memory.hrefs.put(&format!("network {name}"), one.href);
                    }
                    match self.memory.hrefs.get(&format!("network {name}")) {
                        Some(href) => href,
                        None => continue,
                    }
                }
            };
            let known = self.memory.shown.get(&href);
            let shown = match known {
                Some(known) => Ok(known),
                None => self.shown(&href).await,
            };
            match shown {
                Ok(network) => found.push(network),
                // It may have gone since, or be another's.
                Err(VimError::Refused(lines)) => {
                    tracing::debug!(name, ?lines, "a network is not shown")
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    pub(super) async fn find_network(
        &self,
        token: Option<&CreateToken>,
        name: &str,
    ) -> Result<Option<VimResource>, VimError> {
        let taken = match token {
            Some(token) => match self.memory.networks.of(token) {
                Some(taken) => Some(taken),
                None => return Ok(None),
            },
            None => None,
        };
        let wanted = taken.as_ref().map_or(name, |taken| &taken.network);
        let found = match self.network(wanted).await {
            Ok(found) => found,
            Err(VimError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let network = self.shown(&found.href).await?;
        let id = id_of(&found.href).to_owned();
        let subnets = taken.map_or_else(Vec::new, |taken| taken.subnets);
        let subnets = subnets.into_iter().map(|name| SubnetRecord {
            vim_id: format!("{id}/{name}"),
            name,
            cidr: cidr(&network).unwrap_or_default(),
            gateway: network.gateway.clone().unwrap_or_default(),
            dhcp: true,
        });
        Ok(Some(VimResource {
            subnets: subnets.collect(),
            name: found.name.unwrap_or_default(),
            id,
        }))
    }

    /// One of its name has to be there.
    pub(super) async fn create_network(
        &self,
        token: Option<CreateToken>,
        spec: NetworkSpec,
    ) -> Result<Accepted, VimError> {
        let refuse = |why: &str| VimError::Refused(vec![format!("network [{}]: {why}", spec.name)]);
        if spec.vlan_id.is_some() {
            return Err(refuse(
                "vCloud does not show VLANs to those who rent its networks: leave it out",
            ));
        }
        if !spec.admin_state {
            return Err(refuse("vCloud has no networks that are switched off"));
        }
        let found = match self.network(&spec.name).await {
            Ok(found) => found,
            Err(VimError::Refused(_)) => {
                return Err(refuse(
                    "vCloud: an organisation's networks are made by its administrator: have one of that name made",
                ));
            }
            Err(error) => return Err(nothing_done(error)),
        };
        let id = id_of(&found.href).to_owned();
        if let Some(token) = &token {
            self.memory.networks.take(token, &id);
        }
        Ok(self.done(Some(id)))
    }

    /// The network has it already, or cannot have it.
    pub(super) async fn create_subnet(
        &self,
        network: &str,
        spec: SubnetSpec,
    ) -> Result<Accepted, VimError> {
        let found = self.network(network).await.map_err(nothing_done)?;
        let shown = self.shown(&found.href).await.map_err(nothing_done)?;
        if let Err(why) = has(&shown, &spec) {
            let line = format!(
                "subnet [{}]: vCloud: network {} {why}",
                spec.name, shown.name
            );
            return Err(VimError::Refused(vec![line]));
        }
        let id = id_of(&found.href);
        self.memory.networks.name(id, &spec.name);
        Ok(self.done(Some(format!("{id}/{}", spec.name))))
    }

    /// It stays what it is, and has the name no longer.
    pub(super) fn delete_subnet(&self, id: &str) -> Accepted {
        if let Some((network, name)) = id.split_once('/') {
            self.memory.networks.unname(network, name);
        }
        self.done(None)
    }
}

/// A network's block of addresses.
fn cidr(network: &OrgNetwork) -> Option<String> {
    let gateway: std::net::Ipv4Addr = network.gateway.as_ref()?.parse().ok()?;
    let length = prefix_length(network.netmask.as_ref()?)?;
    let mask = u32::MAX
        .checked_shl(32_u32.checked_sub(length)?)
        .unwrap_or(0);
    let base = std::net::Ipv4Addr::from(u32::from(gateway) & mask);
    Some(format!("{base}/{length}"))
}

/// Whether a network has these addresses.
fn has(network: &OrgNetwork, wanted: &SubnetSpec) -> Result<(), String> {
    let Some(block) = cidr(network) else {
        return Err("does not show its addresses".to_owned());
    };
    let length = prefix_length(&wanted.netmask);
    let asked = OrgNetwork {
        gateway: Some(wanted.address.clone()),
        netmask: Some(length.map_or_else(|| wanted.netmask.clone(), |length| length.to_string())),
        ..OrgNetwork::default()
    };
    if cidr(&asked).as_ref() != Some(&block) {
        return Err(format!("has the addresses {block}"));
    }
    match (&wanted.gateway, &network.gateway) {
        (Some(wanted), Some(has)) if wanted != has => Err(format!("has the gateway {has}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_is_one_that_the_network_has() {
        let network = OrgNetwork {
            name: "net".to_owned(),
            gateway: Some("192.0.2.1".to_owned()),
            netmask: Some("255.255.255.0".to_owned()),
            ..OrgNetwork::default()
        };
        let spec = |address: &str, netmask: &str, gateway: Option<&str>| SubnetSpec {
            name: "sub".to_owned(),
            ip_version: "ipv4".to_owned(),
            dhcp: true,
            address: address.to_owned(),
            netmask: netmask.to_owned(),
            gateway: gateway.map(str::to_owned),
        };
        for (wanted, fits) in [
            (spec("192.0.2.0", "255.255.255.0", None), true),
            (spec("192.0.2.0", "24", Some("192.0.2.1")), true),
            (spec("192.0.2.0", "24", Some("192.0.2.254")), false),
            (spec("192.0.2.0", "25", None), false),
            (spec("198.51.100.0", "24", None), false),
            (spec("2001:db8::", "64", None), false),
        ] {
            assert_eq!(has(&network, &wanted).is_ok(), fits, "{wanted:?}");
        }
        assert!(has(&OrgNetwork::default(), &spec("192.0.2.0", "24", None)).is_err());
    }
}
