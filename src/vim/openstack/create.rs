//! Making a server: names to ids, ports where an address is to be kept, then one `POST`, never sent twice.

use reqwest::Method;

use super::client::{Ask, Scope, request_id, segment};
use super::day_zero;
use super::driver::OpenstackVim;
use super::errand::What;
use super::map::{self, Resolved};
use super::session::Service;
use crate::engine::port::{Accepted, CreateVm, Find, InterfaceRequest, VimError};
use crate::ids::{CreateToken, TenantId};
use crate::proto::nova::{
    self, CreatedServerDocument, FixedIp, Flavor, FlavorDocument, ImageList, Microversion, NewPort,
    NewPortDocument, NewServerDocument, Port, PortDocument, PortList,
};
use crate::vim_http::nothing_done;

/// Metadata of Nova and names of Neutron are at most this long.
const LONGEST_NAME: usize = 255;

impl OpenstackVim {
    pub(super) async fn create_vm(&self, new: CreateVm) -> Result<Accepted, VimError> {
        let (scope, document, at_most) = self.prepare(&new).await.map_err(nothing_done)?;
        self.memory
            .names
            .put(new.token.as_str(), new.name.as_str().to_owned());
        let mut ask = Ask::new(Service::Compute, Method::POST, "/servers")
            .document(&NewServerDocument { server: document })?;
        if let Some(at_most) = at_most {
            ask = ask.at_most(at_most);
        }
        let reply = match self.api.change(&scope, ask).await {
            Ok(reply) => reply,
            Err(error) => {
                let error = self.look_twice(&new.token, error).await;
                if matches!(error, VimError::Refused(_)) {
                    self.clear_ports(new.token.as_str()).await;
                }
                return Err(error);
            }
        };
        let created: CreatedServerDocument = nova::decode(&reply.body)
            .map_err(|error| VimError::Unknown(format!("Nova: {error}")))?;
        let id = created.server.id;
        self.memory.scopes.put(&id, scope);
        Ok(Accepted {
            op: self.reference(What::Create, &id, request_id(&reply)),
            id: Some(id),
        })
    }

    /// A conflict may be with the same request, sent again on the way to Nova: its port is in use by the server that the
    /// first one made. Then the answer says nothing of that server.
    async fn look_twice(&self, token: &CreateToken, error: VimError) -> VimError {
        let VimError::Refused(lines) = error else {
            return error;
        };
        if !lines.iter().any(|line| line.contains("HTTP 409")) {
            return VimError::Refused(lines);
        }
        match self.vms_by_token(token).await {
            Ok(none) if none.is_empty() => VimError::Refused(lines),
            _ => VimError::Unknown(lines.join("; ")),
        }
    }

    /// All that comes before the create itself.
    async fn prepare(
        &self,
        new: &CreateVm,
    ) -> Result<(Scope, nova::NewServer, Option<Microversion>), VimError> {
        for text in [new.token.as_str(), new.name.as_str()] {
            if text.len() > LONGEST_NAME {
                let line =
                    format!("Nova: a name or token of more than {LONGEST_NAME} characters: {text}");
                return Err(VimError::Refused(vec![line]));
            }
        }
        let scope = self.scope_of(new.tenant.as_ref()).await?;
        let day_zero = day_zero::prepare(&new.config_data, map::index(&new.token))?;
        let version = self.api.session(&scope).await?.microversion;
        let at_most = (!day_zero.files.is_empty()).then_some(Microversion::new(2, 56));
        let version = version.map(|version| at_most.map_or(version, |most| most.min(version)));
        let image = self.image(&scope, &new.image).await?;
        let (flavor, _) = self.flavor(&scope, &new.flavor).await?;
        let mut interfaces = Vec::with_capacity(new.interfaces.len());
        for wanted in &new.interfaces {
            let network = self
                .network(new.tenant.as_ref(), &scope, &wanted.network)
                .await?;
            interfaces.push((wanted.clone(), network));
        }
        let mut resolved = Vec::with_capacity(interfaces.len());
        for (wanted, network) in interfaces {
            let port = match self.port(&scope, &new.token, &wanted, &network).await {
                Ok(port) => port,
                Err(error) => {
                    self.clear_ports(new.token.as_str()).await;
                    return Err(error);
                }
            };
            resolved.push((wanted, network, port));
        }
        let resolved = Resolved {
            image,
            flavor,
            interfaces: resolved,
        };
        let word = version.is_some_and(|version| version >= Microversion::NETWORKS_WORD);
        let mut server = map::new_server(new, resolved, day_zero, word);
        server.config_drive = Some(self.api.connector.config_drive);
        server
            .availability_zone
            .clone_from(&self.api.connector.availability_zone);
        Ok((scope, server, at_most))
    }

    /// The port of an interface that has to keep its MAC address or was given one: Nova makes the others.
    async fn port(
        &self,
        scope: &Scope,
        token: &CreateToken,
        wanted: &InterfaceRequest,
        network: &str,
    ) -> Result<Option<String>, VimError> {
        if let Some(kept) = &wanted.port_id {
            let ask = Ask::get(Service::Network, format!("/ports/{}", segment(kept)));
            let kept = self.api.read_if_there::<PortDocument>(scope, ask).await?;
            if let Ok(document) = kept
                && document.port.device_id.is_empty()
            {
                return Ok(Some(document.port.id));
            }
        }
        let Some(mac_address) = &wanted.mac_address else {
            return Ok(None);
        };
        let name = map::port_name(token, wanted.nicid);
        for left in self.ports_named(scope, &name).await? {
            // Of an earlier generation, whose server is gone.
            if left.device_id.is_empty() && map::is_ours(&left.description) {
                self.remove_port(scope, &left.id).await?;
            }
        }
        let address = wanted.ip_address.iter().map(|address| FixedIp {
            subnet_id: None,
            ip_address: Some(address.clone()),
        });
        let mut port = NewPort {
            network_id: network.to_owned(),
            name: Some(name),
            mac_address: Some(mac_address.clone()),
            fixed_ips: Some(address.collect::<Vec<_>>()).filter(|all| !all.is_empty()),
            project_id: None,
            description: Some(map::made_for(token)),
        };
        let made = match self.make_port(scope, &port).await {
            // Not everybody may choose a MAC address: the rest is worth keeping.
            Err(VimError::Refused(lines)) if lines.iter().any(|line| line.contains("HTTP 403")) => {
                tracing::warn!(?lines, "a MAC address could not be kept");
                port.mac_address = None;
                self.make_port(scope, &port).await?
            }
            made => made?,
        };
        Ok(Some(made))
    }

    async fn make_port(&self, scope: &Scope, port: &NewPort) -> Result<String, VimError> {
        let ask = Ask::new(Service::Network, Method::POST, "/ports")
            .document(&NewPortDocument { port: port.clone() })?;
        let reply = self.api.change(scope, ask).await?;
        let made: PortDocument = nova::decode(&reply.body)
            .map_err(|error| VimError::Unknown(format!("Neutron: {error}")))?;
        Ok(made.port.id)
    }

    async fn ports_named(&self, scope: &Scope, name: &str) -> Result<Vec<Port>, VimError> {
        let ask = Ask::get(Service::Network, "/ports").query("name", name);
        let list: PortList = self.api.read(scope, ask).await?;
        Ok(list
            .ports
            .into_iter()
            .filter(|port| port.name == name)
            .collect())
    }

    pub(super) async fn remove_port(&self, scope: &Scope, id: &str) -> Result<(), VimError> {
        let ask = Ask::new(
            Service::Network,
            Method::DELETE,
            format!("/ports/{}", segment(id)),
        );
        let reply = self.api.ask(scope, &ask).await?;
        match reply.status {
            404 => Ok(()),
            _ if reply.is_success() => Ok(()),
            status => Err(super::error::refusal("Neutron", status, &reply.body)),
        }
    }

    /// Removes the ports made for a token whose server is gone or was never made. What stays is told, and removed
    /// with the next create of that VM.
    pub(super) async fn clear_ports(&self, token: &str) {
        let token = CreateToken::new(token);
        if let Err(error) = self.try_clear_ports(&token).await {
            tracing::warn!(%error, %token, "ports of a removed server are left");
        }
    }

    async fn try_clear_ports(&self, token: &CreateToken) -> Result<(), VimError> {
        let description = map::made_for(token);
        for scope in self.scopes().await? {
            let ask = Ask::get(Service::Network, "/ports").query("description", &description);
            let list: PortList = match self.api.read(&scope, ask).await {
                Ok(list) => list,
                // No Neutron, no ports.
                Err(VimError::Refused(_)) => continue,
                Err(error) => return Err(error),
            };
            for port in list.ports {
                if port.description == description && port.device_id.is_empty() {
                    self.remove_port(&scope, &port.id).await?;
                }
            }
        }
        Ok(())
    }

    /// An image's id, by its id or name.
    async fn image(&self, scope: &Scope, text: &str) -> Result<String, VimError> {
        let key = format!("image {text}");
        if let Some(known) = self.memory.ids.get(&key) {
            return Ok(known);
        }
        let ask = Ask::get(Service::Image, format!("/images/{}", segment(text)));
        let id = match self.api.read_if_there::<nova::Image>(scope, ask).await {
            Ok(Ok(image)) => image.id,
            Ok(Err(_)) | Err(VimError::Refused(_)) => {
                let ask = Ask::get(Service::Image, "/images").query("name", text);
                let list: ImageList = self.api.read(scope, ask).await?;
                let named = list.images.into_iter().find(|image| image.name == text);
                named.ok_or_else(|| unknown("image", text))?.id
            }
            Err(error) => return Err(error),
        };
        self.memory.ids.put(&key, id.clone());
        Ok(id)
    }

    /// A flavor's id and name, by its id or name.
    pub(super) async fn flavor(
        &self,
        scope: &Scope,
        text: &str,
    ) -> Result<(String, String), VimError> {
        let keys = [format!("flavor {text}"), format!("flavor name {text}")];
        if let [Some(id), Some(name)] = keys.each_ref().map(|key| self.memory.ids.get(key)) {
            return Ok((id, name));
        }
        let ask = Ask::get(Service::Compute, format!("/flavors/{}", segment(text)));
        let flavor: Flavor = match self.api.read_if_there::<FlavorDocument>(scope, ask).await {
            Ok(Ok(document)) => document.flavor,
            Ok(Err(_)) | Err(VimError::Refused(_)) => {
                let found = self.flavor_named(scope, text).await?;
                found.ok_or_else(|| unknown("flavor", text))?
            }
            Err(error) => return Err(error),
        };
        let id = flavor.id.unwrap_or_else(|| text.to_owned());
        let name = flavor.name.unwrap_or_else(|| text.to_owned());
        let [of_id, of_name] = &keys;
        self.memory.ids.put(of_id, id.clone());
        self.memory.ids.put(of_name, name.clone());
        Ok((id, name))
    }

    async fn network(
        &self,
        tenant: Option<&TenantId>,
        scope: &Scope,
        text: &str,
    ) -> Result<String, VimError> {
        let key = format!("network {text}");
        if let Some(known) = self.memory.ids.get(&key) {
            return Ok(known);
        }
        let ask = Ask::get(Service::Network, format!("/networks/{}", segment(text)));
        let read = self.api.read_if_there::<nova::NetworkDocument>(scope, ask);
        match read.await {
            Ok(Ok(document)) => {
                let id = document.network.id;
                self.memory.ids.put(&key, id.clone());
                Ok(id)
            }
            Ok(Err(_)) | Err(VimError::Refused(_)) => {
                let what = Find::Network {
                    tenant: tenant.cloned(),
                    token: None,
                    name: text.to_owned(),
                };
                // By name it may be another one tomorrow: it is not remembered.
                let found = self.find_thing(what).await?;
                Ok(found.ok_or_else(|| unknown("network", text))?.id)
            }
            Err(error) => Err(error),
        }
    }
}

fn unknown(kind: &str, text: &str) -> VimError {
    VimError::Refused(vec![format!("OpenStack: there is no {kind} {text}")])
}
