//! What is asked of a server that exists, and how such an errand is followed.

use std::time::Duration;

use reqwest::Method;

use super::client::{Ask, Scope, request_id, segment};
use super::connector::UnprovenGone;
use super::driver::OpenstackVim;
use super::errand::{Errand, Sent, What};
use super::judge::{self, Verdict};
use super::look::HostSeen;
use super::map;
use super::session::Service;
use crate::engine::port::{Accepted, PowerState, VimError};
use crate::ids::VmId;
use crate::model::vim::VimOpStatus;
use crate::proto::nova::{FlavorRef, HostStatus, Server, ServerAction, ServerStatus};

impl OpenstackVim {
    /// Removes a server, if its host can be asked to: with the host's service down, Nova would drop its record and
    /// leave the guest running.
    pub(super) async fn delete_vm(&self, vm: &VmId) -> Result<Accepted, VimError> {
        let Some((scope, server)) = self.server(vm).await? else {
            // Gone already, or so Nova says: an observation will tell what that is worth.
            return Ok(self.accepted(What::Delete, vm, String::new()));
        };
        let before = self.served(&server).await?;
        let mut sent = Sent {
            host: server
                .host
                .clone()
                .flatten()
                .filter(|host| !host.is_empty()),
            on_host: judge::on_host(&server),
            status: server
                .status
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            served: before.map(|seen| seen.up),
            fenced: before.is_some_and(|seen| seen.fenced),
            token: map::token(&server).map(|token| token.as_str().to_owned()),
        };
        let cut_off = sent.on_host && sent.served == Some(false) && !sent.fenced;
        if cut_off && self.api.connector.unproven_gone == UnprovenGone::Wait {
            let host = sent.host.as_deref().unwrap_or("unknown");
            return Err(VimError::Refused(vec![format!(
                "Nova: the compute service of host {host} does not answer: \
                 to remove the server now would leave its guest running there"
            )]));
        }
        let answer = self.send_removal(&scope, &server).await;
        if let Err(error @ (VimError::Refused(_) | VimError::Down(_))) = answer {
            return Err(error);
        }
        // Up before and after: it was not dropped behind the host's back.
        let after = self.served(&server).await.ok().flatten();
        sent.served = match (sent.served, after) {
            (Some(before), Some(after)) => Some(before && after.up),
            _ => None,
        };
        self.memory.sent.put(vm.as_str(), sent.clone());
        let request = answer?;
        let errand = Errand {
            what: What::Delete,
            of: vm.as_str().to_owned(),
            at: self.api.clock.wall(),
            sent: Some(sent),
        };
        Ok(Accepted {
            op: errand.reference(&self.api.connector.id, request),
            id: Some(vm.as_str().to_owned()),
        })
    }

    async fn send_removal(&self, scope: &Scope, server: &Server) -> Result<String, VimError> {
        let path = format!("/servers/{}", segment(&server.id));
        let ask = match server.status {
            // Its time of grace is not waited for.
            Some(ServerStatus::SoftDeleted) => {
                Ask::new(Service::Compute, Method::POST, format!("{path}/action"))
                    .document(&ServerAction::ForceDelete)?
            }
            _ => Ask::new(Service::Compute, Method::DELETE, path),
        };
        let reply = self.api.ask(scope, &ask).await?;
        match reply.status {
            404 => Ok(request_id(&reply)),
            _ if reply.is_success() => Ok(request_id(&reply)),
            status => Err(super::error::refusal("Nova", status, &reply.body)),
        }
    }

    /// Whether a server's host can be asked; `None`: the cloud does not tell, or it is on no host.
    async fn served(&self, server: &Server) -> Result<Option<HostSeen>, VimError> {
        let host = server.host.iter().flatten().find(|host| !host.is_empty());
        if let Some(host) = host
            && let Some(seen) = self.host(host).await?
        {
            return Ok(Some(seen));
        }
        Ok(match server.host_status {
            Some(HostStatus::Up | HostStatus::Maintenance) => Some(HostSeen {
                up: true,
                fenced: false,
            }),
            Some(HostStatus::Down | HostStatus::Unknown) => Some(HostSeen {
                up: false,
                fenced: false,
            }),
            _ => None,
        })
    }

    pub(super) async fn start_vm(&self, vm: &VmId) -> Result<Accepted, VimError> {
        let there = |server: &Server| {
            judge::power(server) == PowerState::Running
                && server.status == Some(ServerStatus::Active)
        };
        self.act(vm, What::Start, ServerAction::Start, there).await
    }

    pub(super) async fn stop_vm(&self, vm: &VmId) -> Result<Accepted, VimError> {
        let there = |server: &Server| judge::power(server) == PowerState::Stopped;
        self.act(vm, What::Stop, ServerAction::Stop, there).await
    }

    /// Asks for an action; a server that is there already is success, one that is busy is asked again later.
    async fn act(
        &self,
        vm: &VmId,
        what: What,
        action: ServerAction,
        there: impl Fn(&Server) -> bool,
    ) -> Result<Accepted, VimError> {
        let (scope, server) = self.known(vm).await?;
        if there(&server) && judge::task(&server).is_none() {
            return Ok(self.done(String::new(), Some(vm.as_str().to_owned())));
        }
        // What stands stopped in Nova's eyes and not in the hypervisor's can only be power cycled.
        let action = match (&what, &server.status) {
            (What::Start, Some(ServerStatus::Active | ServerStatus::Error)) => {
                ServerAction::Reboot(crate::proto::nova::RebootType::Hard)
            }
            (What::Start, Some(ServerStatus::Shelved | ServerStatus::ShelvedOffloaded)) => {
                ServerAction::Unshelve
            }
            (What::Start, Some(ServerStatus::Paused)) => ServerAction::Unpause,
            (What::Start, Some(ServerStatus::Suspended)) => ServerAction::Resume,
            _ => action,
        };
        match self.send_action(&scope, vm, &action).await? {
            Ok(request) => Ok(self.accepted(what, vm, request)),
            Err(line) => self.in_the_way(vm, &action, what, line).await,
        }
    }

    /// A 409: the same action is under way, or another is, or it cannot be.
    async fn in_the_way(
        &self,
        vm: &VmId,
        action: &ServerAction,
        what: What,
        line: String,
    ) -> Result<Accepted, VimError> {
        let (scope, server) = self.known(vm).await?;
        let Some(task) = judge::task(&server) else {
            return Err(VimError::Refused(vec![line]));
        };
        let same = match action {
            ServerAction::Reboot(_) => task.starts_with("reboot"),
            ServerAction::Start => task == "powering-on",
            ServerAction::Stop => task == "powering-off",
            ServerAction::Resize { .. } => task.starts_with("resize"),
            _ => false,
        };
        let record = match same {
            true => self.latest(&scope, vm, action.recorded_as()).await?,
            false => None,
        };
        match record {
            Some(request) => Ok(self.accepted(what, vm, request)),
            // Busy with something else: the engine looks, and asks again.
            None => Err(VimError::Unknown(line)),
        }
    }

    /// Sends an action; the inner error is a conflict's words.
    async fn send_action(
        &self,
        scope: &Scope,
        vm: &VmId,
        action: &ServerAction,
    ) -> Result<Result<String, String>, VimError> {
        let path = format!("/servers/{}/action", segment(vm.as_str()));
        let ask = Ask::new(Service::Compute, Method::POST, path).document(action)?;
        let reply = self.api.ask(scope, &ask).await?;
        match reply.status {
            409 => Ok(Err(super::error::words("Nova", reply.status, &reply.body))),
            _ if reply.is_success() => Ok(Ok(request_id(&reply))),
            status => Err(super::error::refusal("Nova", status, &reply.body)),
        }
    }

    /// Reboots. Nova knows no keys: a call that is repeated because its answer was lost is told from a new one by
    /// the records that were there before it.
    pub(super) async fn reboot_vm(
        &self,
        vm: &VmId,
        hard: bool,
        key: &str,
    ) -> Result<Accepted, VimError> {
        let (scope, server) = self.known(vm).await?;
        let before = self.memory.reboots.get(key);
        let under_way = judge::task(&server).is_some_and(|task| task.starts_with("reboot"));
        if before.is_some() || under_way {
            let records = self.actions(&scope, vm.as_str()).await?.unwrap_or_default();
            let own = records.into_iter().find(|record| {
                record.action == "reboot"
                    && before
                        .as_ref()
                        .is_none_or(|before| !before.contains(&record.request_id))
            });
            if let Some(own) = own {
                return Ok(self.accepted(What::Reboot, vm, own.request_id));
            }
        } else {
            let records = self.actions(&scope, vm.as_str()).await?.unwrap_or_default();
            let reboots = records
                .into_iter()
                .filter(|record| record.action == "reboot");
            self.memory
                .reboots
                .put(key, reboots.map(|record| record.request_id).collect());
        }
        let action = ServerAction::Reboot(judge::reboot_type(&server, hard));
        match self.send_action(&scope, vm, &action).await? {
            Ok(request) => Ok(self.accepted(What::Reboot, vm, request)),
            Err(line) => self.in_the_way(vm, &action, What::Reboot, line).await,
        }
    }

    pub(super) async fn resize_vm(&self, vm: &VmId, flavor: &str) -> Result<Accepted, VimError> {
        let (scope, server) = self.known(vm).await?;
        let (id, name) = self.flavor(&scope, flavor).await?;
        let has = match &server.flavor {
            Some(FlavorRef::Reference { id: has, .. }) => *has == id,
            Some(FlavorRef::Shown(has)) => has.original_name == name,
            None => false,
        };
        let what = What::Resize(id.clone());
        if has && judge::task(&server).is_none() {
            if server.status == Some(ServerStatus::VerifyResize) {
                return Ok(self.accepted(what, vm, String::new()));
            }
            return Ok(self.done(String::new(), Some(vm.as_str().to_owned())));
        }
        let action = ServerAction::Resize { flavor: id };
        match self.send_action(&scope, vm, &action).await? {
            Ok(request) => Ok(self.accepted(what, vm, request)),
            Err(line) => self.in_the_way(vm, &action, what, line).await,
        }
    }

    /// Follows an errand until it changes, for a few seconds at most.
    pub(super) async fn server_status(
        &self,
        errand: &Errand,
        request: &str,
    ) -> Result<VimOpStatus, VimError> {
        let vm = VmId::new(&errand.of);
        if let Some(sent) = &errand.sent
            && self.memory.sent.get(&errand.of).is_none()
        {
            self.memory.sent.put(&errand.of, sent.clone());
        }
        let began = self.api.clock.mono();
        loop {
            let found = self.server(&vm).await?;
            let record = match &found {
                Some((scope, _)) => self.action(scope, &errand.of, request).await?,
                None => None,
            };
            let waited = self.api.clock.wall().since(errand.at);
            let verdict = judge::outcome(
                &errand.what,
                found.as_ref().map(|(_, server)| server),
                record.as_ref(),
                waited,
                self.api.settings.unserved(),
            );
            match (verdict, &found) {
                (Verdict::Is(VimOpStatus::Running | VimOpStatus::Pending), _) => {}
                (Verdict::Is(status), _) => {
                    return Ok(status);
                }
                (Verdict::Confirm, Some((scope, _))) => {
                    // A conflict: somebody confirmed it already, which the next look shows.
                    let answer = self
                        .send_action(scope, &vm, &ServerAction::ConfirmResize)
                        .await?;
                    if let Err(line) = answer {
                        tracing::debug!(%vm, line, "confirming a resize");
                    }
                }
                (Verdict::Confirm, None) => return Ok(VimOpStatus::Unknown),
            }
            let poll: Duration = self.api.settings.poll();
            if self.api.clock.mono().saturating_sub(began) + poll > self.api.settings.long_poll() {
                return Ok(VimOpStatus::Running);
            }
            tokio::time::sleep(poll).await;
        }
    }

    /// The server, or a refusal that says that there is none.
    async fn known(&self, vm: &VmId) -> Result<(Scope, Server), VimError> {
        let found = self.server(vm).await?;
        found.ok_or_else(|| VimError::Refused(vec![format!("Nova: there is no server {vm}")]))
    }

    async fn latest(
        &self,
        scope: &Scope,
        vm: &VmId,
        action: &str,
    ) -> Result<Option<String>, VimError> {
        let records = self.actions(scope, vm.as_str()).await?.unwrap_or_default();
        let latest = records.into_iter().find(|record| record.action == action);
        Ok(latest.map(|record| record.request_id))
    }

    fn accepted(&self, what: What, vm: &VmId, request: String) -> Accepted {
        Accepted {
            op: self.reference(what, vm.as_str(), request),
            id: Some(vm.as_str().to_owned()),
        }
    }
}
