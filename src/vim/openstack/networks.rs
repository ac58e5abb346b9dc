//! Networks and subnets.

use reqwest::Method;

use super::client::{Ask, Scope, request_id, segment};
use super::driver::OpenstackVim;
use super::map;
use super::session::Service;
use crate::engine::port::{Accepted, VimError, VimResource};
use crate::ids::{CreateToken, TenantId};
use crate::model::deployment::{NetworkSpec, SubnetSpec};
use crate::proto::nova::{
    self, Network, NetworkDocument, NetworkList, NewNetwork, NewNetworkDocument, NewSubnet,
    NewSubnetDocument, PortList, SubnetDocument, SubnetList,
};

impl OpenstackVim {
    /// Where a tenant's networks are made: an administrator makes them for the tenant, others as the tenant.
    async fn network_scope(
        &self,
        tenant: Option<&TenantId>,
    ) -> Result<(Scope, Option<String>), VimError> {
        let scope = self.scope_of(tenant).await?;
        let admin = self.api.session(&Scope::Own).await?.admin;
        Ok(match (scope, admin) {
            (Scope::Project(id), true) => (Scope::Own, Some(id)),
            (scope, _) => (scope, None),
        })
    }

    pub(super) async fn find_network(
        &self,
        tenant: Option<&TenantId>,
        token: Option<&CreateToken>,
        name: &str,
    ) -> Result<Option<VimResource>, VimError> {
        let (scope, _) = self.network_scope(tenant).await?;
        let ask = Ask::get(Service::Network, "/networks").query("name", name);
        let list: NetworkList = self.api.read(&scope, ask).await?;
        let made_for = token.map(map::made_for);
        let own = self.api.session(&Scope::Own).await?.project.clone();
        let project = tenant.map_or(own, |tenant| tenant.as_str().to_owned());
        let mut fitting: Vec<Network> = list
            .networks
            .into_iter()
            .filter(|network| network.name == name)
            .filter(|network| match &made_for {
                Some(made_for) => network.description == *made_for,
                None => network.shared || network.external == Some(true) || of(network, &project),
            })
            .collect();
        // The tenant's own before one that is shared with it.
        fitting.sort_by_key(|network| !of(network, &project));
        let Some(network) = fitting.into_iter().next() else {
            return Ok(None);
        };
        let ask = Ask::get(Service::Network, "/subnets").query("network_id", &network.id);
        let list: SubnetList = self.api.read(&scope, ask).await?;
        let subnets = list
            .subnets
            .iter()
            .filter(|subnet| subnet.network_id == network.id);
        Ok(Some(VimResource {
            subnets: subnets.map(map::subnet).collect(),
            id: network.id,
            name: network.name,
        }))
    }

    pub(super) async fn create_network(
        &self,
        tenant: Option<TenantId>,
        token: Option<CreateToken>,
        spec: NetworkSpec,
    ) -> Result<Accepted, VimError> {
        let (scope, project_id) = self.network_scope(tenant.as_ref()).await?;
        let vlan = spec.vlan_id.is_some();
        let network = NewNetwork {
            name: spec.name,
            admin_state_up: Some(spec.admin_state),
            shared: spec.shared.then_some(true),
            project_id,
            description: token.as_ref().map(map::made_for),
            network_type: vlan.then(|| "vlan".to_owned()),
            physical_network: self.api.connector.physical_network.clone().filter(|_| vlan),
            segmentation_id: spec.vlan_id,
        };
        let ask = Ask::new(Service::Network, Method::POST, "/networks")
            .document(&NewNetworkDocument { network })?;
        let reply = self.api.change(&scope, ask).await?;
        let made: NetworkDocument = nova::decode(&reply.body)
            .map_err(|error| VimError::Unknown(format!("Neutron: {error}")))?;
        Ok(self.done(request_id(&reply), Some(made.network.id)))
    }

    pub(super) async fn delete_network(&self, id: &str) -> Result<Accepted, VimError> {
        self.clear_network(id).await?;
        self.remove(Service::Network, format!("/networks/{}", segment(id)))
            .await
    }

    /// Removes the ports that we made in a network and that no server has: a network with ports is not removed.
    async fn clear_network(&self, id: &str) -> Result<(), VimError> {
        for scope in self.scopes().await? {
            let ask = Ask::get(Service::Network, "/ports").query("network_id", id);
            let list: PortList = self.api.read(&scope, ask).await?;
            for port in list.ports {
                let unused = port.network_id == id && port.device_id.is_empty();
                if unused && map::is_ours(&port.description) {
                    self.remove_port(&scope, &port.id).await?;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn create_subnet(
        &self,
        network: &str,
        spec: SubnetSpec,
    ) -> Result<Accepted, VimError> {
        let Some(length) = map::prefix_length(&spec.netmask) else {
            let line = format!(
                "subnet [{}]: '{}' is not a netmask",
                spec.name, spec.netmask
            );
            return Err(VimError::Refused(vec![line]));
        };
        let (scope, project_id) = self.scope_of_network(network).await?;
        let subnet = NewSubnet {
            network_id: network.to_owned(),
            ip_version: if spec.ip_version == "ipv6" { 6 } else { 4 },
            cidr: format!("{}/{length}", spec.address),
            name: spec.name,
            gateway_ip: spec.gateway,
            enable_dhcp: Some(spec.dhcp),
            project_id,
        };
        let ask = Ask::new(Service::Network, Method::POST, "/subnets")
            .document(&NewSubnetDocument { subnet })?;
        let reply = self.api.change(&scope, ask).await?;
        let made: SubnetDocument = nova::decode(&reply.body)
            .map_err(|error| VimError::Unknown(format!("Neutron: {error}")))?;
        Ok(self.done(request_id(&reply), Some(made.subnet.id)))
    }

    /// A subnet belongs to whom its network belongs.
    async fn scope_of_network(&self, network: &str) -> Result<(Scope, Option<String>), VimError> {
        let path = format!("/networks/{}", segment(network));
        for scope in self.scopes().await? {
            let ask = Ask::get(Service::Network, &path);
            let read = self
                .api
                .read_if_there::<NetworkDocument>(&scope, ask)
                .await?;
            let Ok(document) = read else { continue };
            let session = self.api.session(&scope).await?;
            let other = !of(&document.network, &session.project);
            let owner = Some(document.network.project_id).filter(|id| !id.is_empty());
            return Ok((scope, owner.filter(|_| other && session.admin)));
        }
        Ok((Scope::Own, None))
    }

    pub(super) async fn delete_subnet(&self, id: &str) -> Result<Accepted, VimError> {
        let path = format!("/subnets/{}", segment(id));
        for scope in self.scopes().await? {
            let ask = Ask::get(Service::Network, &path);
            if let Ok(found) = self
                .api
                .read_if_there::<SubnetDocument>(&scope, ask)
                .await?
            {
                self.clear_network(&found.subnet.network_id).await?;
                break;
            }
        }
        self.remove(Service::Network, path).await
    }

    /// Removes a thing in whatever scope it is found; what is gone already is success.
    pub(super) async fn remove(
        &self,
        service: Service,
        path: String,
    ) -> Result<Accepted, VimError> {
        let mut request = String::new();
        for scope in self.scopes().await? {
            let reply = self
                .api
                .ask(&scope, &Ask::new(service, Method::DELETE, &path))
                .await?;
            request = request_id(&reply);
            match reply.status {
                404 => {}
                _ if reply.is_success() => break,
                status => return Err(super::error::refusal(service.name(), status, &reply.body)),
            }
        }
        Ok(self.done(request, None))
    }
}

fn of(network: &Network, project: &str) -> bool {
    [&network.project_id, &network.tenant_id]
        .into_iter()
        .any(|owner| owner == project)
}
