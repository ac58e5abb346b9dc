//! Looking at servers: one by its id, all of a token, and what is left of one that is gone.

use std::collections::BTreeMap;

use super::client::{Ask, Scope, segment};
use super::connector::Credential;
use super::driver::OpenstackVim;
use super::judge::{self, Gone, Remains};
use super::map;
use super::session::Service;
use crate::engine::port::{VimError, VimVm};
use crate::ids::{CreateToken, VmId};
use crate::model::event::InterfaceInfo;
use crate::proto::nova::{
    ComputeServiceList, InstanceAction, InstanceActionDocument, InstanceActionList, Microversion,
    Port, PortList, ProjectList, Server, ServerDocument, ServerList, Subnet, SubnetDocument,
};

/// Servers of one page of a list.
const PAGE: usize = 500;
/// Pages of one list at most: a list that never ends is a fault of the cloud's.
const PAGES: usize = 400;

/// What `os-services` says of a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostSeen {
    /// Whether its compute service answers.
    pub up: bool,
    /// Whether an operator said that it is fenced.
    pub fenced: bool,
}

impl OpenstackVim {
    pub(super) async fn describe_vm(&self, vm: &VmId) -> Result<Option<VimVm>, VimError> {
        if let Some((scope, server)) = self.server(vm).await? {
            return Ok(Some(self.seen(&scope, &server).await?));
        }
        match self.is_gone(vm).await? {
            Gone::Proven(why) => {
                tracing::debug!(%vm, why, "a server is gone");
                if let Some(token) = self
                    .memory
                    .sent
                    .get(vm.as_str())
                    .and_then(|sent| sent.token)
                {
                    self.clear_ports(&token).await;
                }
                Ok(None)
            }
            Gone::Unproven(why) => Err(VimError::Unknown(why)),
        }
    }

    /// A server and the scope in which it was found; `None`: Nova answers that there is none.
    pub(super) async fn server(&self, vm: &VmId) -> Result<Option<(Scope, Server)>, VimError> {
        let known = self.memory.scopes.get(vm.as_str());
        let mut tried = Vec::new();
        if let Some(scope) = known {
            if let Some(server) = self.server_in(&scope, vm).await? {
                return Ok(Some((scope, server)));
            }
            tried.push(scope);
        }
        for scope in self.scopes().await? {
            if tried.contains(&scope) {
                continue;
            }
            if let Some(server) = self.server_in(&scope, vm).await? {
                self.memory.scopes.put(vm.as_str(), scope.clone());
                return Ok(Some((scope, server)));
            }
        }
        Ok(None)
    }

    async fn server_in(&self, scope: &Scope, vm: &VmId) -> Result<Option<Server>, VimError> {
        let path = format!("/servers/{}", segment(vm.as_str()));
        let read = self
            .api
            .read_if_there::<ServerDocument>(scope, Ask::get(Service::Compute, path));
        Ok(read.await?.ok().map(|document| document.server))
    }

    /// Every scope in which servers of ours may live: an administrator sees all from its own.
    pub(super) async fn scopes(&self) -> Result<Vec<Scope>, VimError> {
        let own = self.api.session(&Scope::Own).await?;
        let alone = own.admin
            || matches!(
                self.api.connector.credential,
                Credential::Application { .. }
            );
        if alone {
            return Ok(vec![Scope::Own]);
        }
        let ask = Ask::get(Service::Identity, "/auth/projects");
        let list: ProjectList = self.api.read(&Scope::Own, ask).await?;
        let others = list
            .projects
            .into_iter()
            .filter(|project| project.enabled && project.id != own.project)
            .map(|project| Scope::Project(project.id));
        Ok(std::iter::once(Scope::Own).chain(others).collect())
    }

    /// A server with its interfaces.
    async fn seen(&self, scope: &Scope, server: &Server) -> Result<VimVm, VimError> {
        let interfaces = self.interfaces(scope, server).await?;
        Ok(map::vm(server, interfaces))
    }

    async fn interfaces(
        &self,
        scope: &Scope,
        server: &Server,
    ) -> Result<Vec<InterfaceInfo>, VimError> {
        if map::nics(server).is_empty() {
            return Ok(Vec::new());
        }
        let ask = Ask::get(Service::Network, "/ports").query("device_id", &server.id);
        let list: PortList = self.api.read(scope, ask).await?;
        let ports: Vec<Port> = list
            .ports
            .into_iter()
            .filter(|port| port.device_id == server.id)
            .collect();
        let mut subnets = BTreeMap::new();
        for id in ports
            .iter()
            .flat_map(|port| &port.fixed_ips)
            .filter_map(|ip| ip.subnet_id.as_ref())
        {
            if let Some(subnet) = self.subnet_by_id(scope, id).await? {
                subnets.insert(id.clone(), subnet);
            }
        }
        Ok(map::interfaces(server, &ports, &subnets))
    }

    async fn subnet_by_id(&self, scope: &Scope, id: &str) -> Result<Option<Subnet>, VimError> {
        if let Some(known) = self.memory.subnets.get(id) {
            return Ok(Some(known));
        }
        let ask = Ask::get(Service::Network, format!("/subnets/{}", segment(id)));
        let read = self.api.read_if_there::<SubnetDocument>(scope, ask).await?;
        let subnet = read.ok().map(|document| document.subnet);
        if let Some(subnet) = &subnet {
            self.memory.subnets.put(id, subnet.clone());
        }
        Ok(subnet)
    }

    pub(super) async fn vms_by_token(&self, token: &CreateToken) -> Result<Vec<VimVm>, VimError> {
        // The name is known while the process lives; the list is then short. Its absence proves nothing.
        if let Some(name) = self.memory.names.get(token.as_str()) {
            let found = self.list_by_token(token, Some(&name)).await?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        self.list_by_token(token, None).await
    }

    async fn list_by_token(
        &self,
        token: &CreateToken,
        name: Option<&str>,
    ) -> Result<Vec<VimVm>, VimError> {
        let mut found = Vec::new();
        for scope in self.scopes().await? {
            let admin = self.api.session(&scope).await?.admin;
            let mut marker: Option<String> = None;
            for page in 0.. {
                if page >= PAGES {
                    return Err(VimError::Unknown(
                        "Nova: a list of servers without an end".to_owned(),
                    ));
                }
                let mut ask =
                    Ask::get(Service::Compute, "/servers/detail").query("limit", PAGE.to_string());
                if admin {
                    ask = ask.query("all_tenants", "1");
                }
                if let Some(name) = name {
                    ask = ask.query("name", format!("^{}$", escaped(name)));
                }
                if let Some(marker) = &marker {
                    ask = ask.query("marker", marker);
                }
                let list: ServerList = self.api.read(&scope, ask).await?;
                let more = list.servers_links.iter().any(|link| link.rel == "next");
                let last = list.servers.last().map(|server| server.id.clone());
                for server in &list.servers {
                    if map::token(server).as_ref() == Some(token) {
                        self.memory.scopes.put(&server.id, scope.clone());
                        found.push(self.seen(&scope, server).await?);
                    }
                }
                match last.filter(|last| more && marker.as_ref() != Some(last)) {
                    Some(last) => marker = Some(last),
                    None => break,
                }
            }
        }
        found.dedup_by(|a, b| a.id == b.id);
        Ok(found)
    }

    /// What a 404 is worth.
    async fn is_gone(&self, vm: &VmId) -> Result<Gone, VimError> {
        if self.memory.gone.get(vm.as_str()).is_some() {
            return Ok(Gone::Proven("it was proven before"));
        }
        let sent = self.memory.sent.get(vm.as_str());
        let mut remains = self.remains(vm).await?;
        if let Some(host) = sent.as_ref().and_then(|sent| sent.host.as_ref()) {
            remains.fenced = self.host(host).await?.is_some_and(|seen| seen.fenced);
        }
        let gone = judge::gone(sent.as_ref(), &remains, self.api.connector.unproven_gone);
        if let Gone::Proven(_) = gone {
            self.memory.gone.put(vm.as_str(), ());
        }
        Ok(gone)
    }

    /// The records of a removed server, where the cloud shows them.
    async fn remains(&self, vm: &VmId) -> Result<Remains, VimError> {
        let version = self.api.session(&Scope::Own).await?.microversion;
        if version.is_none_or(|version| version < Microversion::DELETED_ACTIONS) {
            return Ok(Remains::default());
        }
        let mut no_records = true;
        for scope in self.scopes().await? {
            let list = match self.actions(&scope, vm.as_str()).await {
                Ok(Some(list)) => list,
                Ok(None) => continue,
                // Who may not read them does not know whether there are any.
                Err(VimError::Refused(_)) => {
                    no_records = false;
                    continue;
                }
                Err(error) => return Err(error),
            };
            no_records = false;
            let removal = list
                .into_iter()
                .find(|record| matches!(&*record.action, "delete" | "forceDelete"));
            if let Some(removal) = removal {
                let whole = self
                    .action(&scope, vm.as_str(), &removal.request_id)
                    .await?;
                return Ok(Remains {
                    removal: whole.or(Some(removal)),
                    no_records: false,
                    fenced: false,
                });
            }
        }
        Ok(Remains {
            no_records,
            ..Remains::default()
        })
    }

    /// A server's records, newest first; `None`: there is no such server.
    pub(super) async fn actions(
        &self,
        scope: &Scope,
        server: &str,
    ) -> Result<Option<Vec<InstanceAction>>, VimError> {
        let path = format!("/servers/{}/os-instance-actions", segment(server));
        let read = self
            .api
            .read_if_there::<InstanceActionList>(scope, Ask::get(Service::Compute, path));
        Ok(read.await?.ok().map(|list| list.instance_actions))
    }

    /// One record with its events; `None` when there is none or it may not be read.
    pub(super) async fn action(
        &self,
        scope: &Scope,
        server: &str,
        request: &str,
    ) -> Result<Option<InstanceAction>, VimError> {
        if request.is_empty() {
            return Ok(None);
        }
        let path = format!(
            "/servers/{}/os-instance-actions/{}",
            segment(server),
            segment(request)
        );
        let read = self
            .api
            .read_if_there::<InstanceActionDocument>(scope, Ask::get(Service::Compute, path));
        match read.await {
            Ok(read) => Ok(read.ok().map(|document| document.instance_action)),
            Err(VimError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is known of a host's compute service; `None` for those who may not see it.
    pub(super) async fn host(&self, host: &str) -> Result<Option<HostSeen>, VimError> {
        let ask = Ask::get(Service::Compute, "/os-services")
            .query("binary", "nova-compute")
            .query("host", host);
        let list = match self.api.read::<ComputeServiceList>(&Scope::Own, ask).await {
            Ok(list) => list,
            Err(VimError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let service = list
            .services
            .into_iter()
            .find(|service| service.host == host && service.binary == "nova-compute");
        Ok(service.map(|service| HostSeen {
            up: service.state == "up",
            fenced: service.forced_down == Some(true),
        }))
    }
}

/// A name in a regular expression, which is what Nova takes a name for.
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for letter in name.chars() {
        if !letter.is_alphanumeric() && !matches!(letter, '_' | '-' | ' ') {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_pattern() {
        assert_eq!(escaped("dep.x_g-0"), "dep\\.x_g-0");
        assert_eq!(escaped("a+(b)"), "a\\+\\(b\\)");
    }
}
