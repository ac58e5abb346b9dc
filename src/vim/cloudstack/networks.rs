//! Networks. One of CloudStack's has one subnet, which it gets when it is made.

use serde::Deserialize;

use super::create::unknown;
use super::driver::CloudstackVim;
use super::error::refusal;
use super::map;
use super::things::Named;
use crate::engine::port::{Accepted, VimError, VimResource};
use crate::ids::{CreateToken, TenantId};
use crate::model::deployment::{NetworkSpec, SubnetSpec};
use crate::proto::cloudstack::{Command, Id, Network};
use crate::vim_http::nothing_done;

/// A kind of network.
#[derive(Clone, Debug, Deserialize)]
struct Offering {
    id: Id,
    #[serde(default)]
    name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    guestiptype: String,
}

impl CloudstackVim {
    async fn networks(&self, member: &str, value: &str) -> Result<Vec<Network>, VimError> {
        let command = Command::new("listNetworks")
            .with(member, value)
            .with("listall", "true");
        self.api.list(command, "network").await
    }

    pub(super) async fn find_network(
        &self,
        tenant: Option<&TenantId>,
        token: Option<&CreateToken>,
        name: &str,
    ) -> Result<Option<VimResource>, VimError> {
        let owner = self.owner(tenant).await?;
        let account = owner.into_iter().find(|(name, _)| *name == "account");
        let account = account.map(|(_, name)| name);
        let account = account.or_else(|| self.api.connector.account.clone());
        let mut fitting = self.networks("keyword", name).await?;
        fitting.retain(|network| {
            let own = account.is_none() || network.account.is_none() || network.account == account;
            let shared = network.acltype.as_deref() == Some("Domain");
            network.name == name
                && match token {
                    Some(token) => map::is_made_for(network, token),
                    None => own || shared,
                }
        });
        // The tenant's own before one that is shared with it.
        fitting.sort_by_key(|network| network.account.is_none() || network.account != account);
        Ok(fitting.first().map(|network| {
            let mut found = map::network(network);
            match self.memory.subnets.get(&found.id) {
                Some(Some(name)) => {
                    for subnet in &mut found.subnets {
                        subnet.name.clone_from(&name);
                    }
                }
                Some(None) => found.subnets.clear(),
                None => {}
            }
            found
        }))
    }

    /// A network by its id, else by its name.
    pub(super) async fn network(
        &self,
        tenant: Option<&TenantId>,
        text: &str,
    ) -> Result<String, VimError> {
        let by_id = match self.networks("id", text).await {
            Ok(found) => found,
            // An id that is none.
            Err(VimError::Refused(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        if by_id.iter().any(|network| network.id.as_str() == text) {
            return Ok(text.to_owned());
        }
        let found = self.find_network(tenant, None, text).await?;
        Ok(found.ok_or_else(|| unknown("network", text))?.id)
    }

    pub(super) async fn create_network(
        &self,
        tenant: Option<TenantId>,
        token: Option<CreateToken>,
        spec: NetworkSpec,
    ) -> Result<Accepted, VimError> {
        let refuse = |why: &str| VimError::Refused(vec![format!("network [{}]: {why}", spec.name)]);
        if spec.shared {
            return Err(refuse(
                "a shared network is an administrator's to plan: make it in CloudStack",
            ));
        }
        if !spec.admin_state {
            return Err(refuse("CloudStack has no networks that are switched off"));
        }
        let subnet = match spec.subnets.as_slice() {
            [] => None,
            [subnet] => Some(map::addresses(subnet)?),
            _ => return Err(refuse("a network of CloudStack has one subnet")),
        };
        let known = self.find_network(tenant.as_ref(), token.as_ref(), &spec.name);
        if let Some(known) = known.await.map_err(nothing_done)? {
            return Ok(self.done(Some(known.id)));
        }
        let zone = self.zone().await.map_err(nothing_done)?;
        let offering = self.network_offering().await.map_err(nothing_done)?;
        let mut command = Command::new("createNetwork")
            .with("name", &spec.name)
            .with("displaytext", map::network_words(token.as_ref(), &spec))
            .with("zoneid", zone)
            .with("networkofferingid", offering);
        let subnet_wanted = subnet.is_some();
        if let Some((gateway, netmask)) = subnet {
            command = command.with("gateway", gateway).with("netmask", netmask);
        }
        if let Some(vlan) = spec.vlan_id {
            command = command.with("vlan", vlan.to_string());
        }
        let owner = self.owner(tenant.as_ref()).await;
        for (name, value) in owner.map_err(nothing_done)? {
            command = command.with(name, value);
        }
        let reply = self.api.change(command).await?;
        let reply = reply.map_err(|error| refusal(&error))?;
        let made: Vec<Named> = reply
            .list("network")
            .map_err(|error| VimError::Unknown(format!("CloudStack: {error}")))?;
        match made.first() {
            Some(made) => {
                if subnet_wanted {
                    // It is there, and told of when it is asked for, as anywhere.
                    self.memory.subnets.put(made.id.as_str(), None);
                }
                Ok(self.done(Some(made.id.to_string())))
            }
            None => Err(VimError::Unknown(
                "CloudStack: a network was made without an id".to_owned(),
            )),
        }
    }

    async fn network_offering(&self) -> Result<String, VimError> {
        let command = Command::new("listNetworkOfferings");
        let all: Vec<Offering> = self.api.list(command, "networkoffering").await?;
        let found = match &self.api.connector.network_offering {
            Some(wanted) => all
                .iter()
                .find(|one| one.id.as_str() == wanted || one.name == *wanted)
                .ok_or_else(|| unknown("network offering", wanted))?,
            None => all
                .iter()
                .find(|one| one.state == "Enabled" && one.guestiptype == "Isolated")
                .ok_or_else(|| unknown("network offering that is", "isolated and enabled"))?,
        };
        Ok(found.id.to_string())
    }

    pub(super) async fn delete_network(&self, id: &str) -> Result<Accepted, VimError> {
        self.remove(Command::new("deleteNetwork").with("id", id))
            .await
    }

    /// The network has it already, or cannot have it.
    pub(super) async fn create_subnet(
        &self,
        network: &str,
        spec: SubnetSpec,
    ) -> Result<Accepted, VimError> {
        let (gateway, _) = map::addresses(&spec)?;
        let found = self.networks("id", network).await.map_err(nothing_done)?;
        let found = found.iter().find(|one| one.id.as_str() == network);
        let found = found.ok_or_else(|| unknown("network", network))?;
        if found.gateway.as_deref() == Some(gateway.as_str()) {
            self.memory.subnets.put(network, Some(spec.name));
            return Ok(self.done(Some(network.to_owned())));
        }
        Err(VimError::Refused(vec![format!(
            "subnet [{}]: a network of CloudStack has one subnet, and {} has {} already",
            spec.name,
            found.name,
            found.cidr.as_deref().unwrap_or("its own")
        )]))
    }

    /// It goes with its network, whose id it has; until then it is not shown. A restart forgets that, and is asked again.
    pub(super) fn delete_subnet(&self, id: &str) -> Accepted {
        self.memory.subnets.put(id, None);
        self.done(None)
    }
}
