//! The requests of a plan, one after the other.

use super::ask::{Ask, Body};
use super::client::{no_link, unread};
use super::driver::VcloudVim;
use super::error::{is_busy, refusal, words};
use super::judge;
use super::steps::{End, Next, Plan, Stage, Work};
use crate::engine::port::VimError;
use crate::model::vim::VimOpStatus;
use crate::proto::vcloud::{
    Deploy, Document, Link, ProductSections, Task, VApp, Vm, customization_request,
    hardware_request,
};
use crate::vim_http::Reply;

/// Requests of one plan at most: one that needs more goes in circles.
const STEPS: usize = 32;

impl VcloudVim {
    /// Goes on with what is done to a vApp as far as that is possible now.
    pub(super) async fn go_on(&self, id: &str) -> Result<VimOpStatus, VimError> {
        let Some(mut work) = self.memory.works.get(id) else {
            return Ok(VimOpStatus::Unknown);
        };
        for _ in 0..STEPS {
            if let Some((stage, href)) = work.sent.clone() {
                match judge::of_task(self.task(&href).await?.as_ref()) {
                    Some(status @ (VimOpStatus::Pending | VimOpStatus::Running)) => {
                        return Ok(status);
                    }
                    Some(VimOpStatus::Failed(lines)) => work.fail(stage, lines),
                    // One that is not kept is over; what came of it is seen in the vApp.
                    _ => work.done.push(stage),
                }
                work.sent = None;
                self.memory.works.put(id, work.clone());
            }
            let Some(vapp) = self.vapp(id).await? else {
                return Ok(VimOpStatus::Unknown);
            };
            match work.next(&vapp) {
                Next::Wait => return Ok(VimOpStatus::Running),
                Next::End(end) => {
                    work.end = Some(end.clone());
                    self.memory.works.put(id, work);
                    return Ok(match end {
                        End::Made => VimOpStatus::Succeeded,
                        End::Failed(lines) => VimOpStatus::Failed(lines),
                    });
                }
                Next::Do(stage) => match self.send(&work.plan, stage, &vapp).await {
                    Ok(Some(task)) => {
                        work.sent = Some((stage, task));
                        self.memory.works.put(id, work.clone());
                    }
                    // Busy after all.
                    Ok(None) => return Ok(VimOpStatus::Running),
                    Err(VimError::Refused(lines)) => {
                        work.fail(stage, lines);
                        self.memory.works.put(id, work.clone());
                    }
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(VimOpStatus::Running)
    }

    /// Begins with a plan, unless it is under way already.
    pub(super) fn take_up(&self, id: &str, plan: &Plan) {
        let known = self.memory.works.get(id);
        if known.is_none_or(|work| work.plan != *plan) {
            self.memory.works.put(id, Work::new(plan.clone()));
        }
    }

    /// Nothing more is done to a vApp: it is removed.
    pub(super) fn give_up(&self, id: &str) {
        if let Some(mut work) = self.memory.works.get(id) {
            work.end = Some(End::Made);
            self.memory.works.put(id, work);
        }
    }

    /// Sends a step's request; the address of its task, `None` when the vApp is busy.
    async fn send(
        &self,
        plan: &Plan,
        stage: Stage,
        vapp: &VApp,
    ) -> Result<Option<String>, VimError> {
        let Some(ask) = self.request(plan, stage, vapp).await? else {
            return Ok(None);
        };
        match self.api.change(&ask).await? {
            Ok(reply) => task_of(&reply).map(|task| Some(task.href)),
            Err(error) if is_busy(&error) => {
                tracing::debug!(vapp = vapp.name, line = words(&error), "asked again later");
                Ok(None)
            }
            Err(error) => Err(refusal(&error)),
        }
    }

    async fn request(
        &self,
        plan: &Plan,
        stage: Stage,
        vapp: &VApp,
    ) -> Result<Option<Ask>, VimError> {
        if let Stage::Stop | Stage::Start = stage {
            return match stage {
                Stage::Stop => self.stopping(vapp),
                _ => self.starting(vapp),
            }
            .map(Some);
        }
        // The plan has seen that there is one.
        let Some(vm) = vapp.vms.first() else {
            return Ok(None);
        };
        let edits = &vm.edits;
        let put = |href: &Option<String>, what: &str, body: Body| match href {
            Some(href) => Ok(Some(Ask::put(href, body))),
            None => Err(no_link("the VM", what)),
        };
        match stage {
            Stage::Stop | Stage::Start => Ok(None),
            Stage::Connections => {
                let wires = plan.interfaces.iter().flatten();
                let all = wires.map(super::steps::Wire::connection).collect();
                put(
                    &edits.connections,
                    "edit its interfaces",
                    Body::Connections(all),
                )
            }
            Stage::Cpus => {
                let amount = plan.size.map(|size| size.cpus.into());
                self.hardware(edits.cpus.as_deref(), amount).await
            }
            Stage::Memory => {
                let amount = plan.size.map(|size| size.memory_mb);
                self.hardware(edits.memory.as_deref(), amount).await
            }
            Stage::Properties => {
                let body = ProductSections {
                    properties: plan.properties.clone(),
                };
                let href = properties_of(vm).map(|link| link.href.clone());
                put(&href, "its properties", Body::Properties(body))
            }
            Stage::Customization => {
                let href = edits.customization.as_deref();
                let href = href.ok_or_else(|| no_link("the VM", "edit its customization"))?;
                let script = plan.script.as_deref().unwrap_or_default();
                let shown = self.shown_part(href).await?;
                let text = customization_request(&shown, script, &plan.host).map_err(unread)?;
                Ok(Some(Ask::put(href, Body::Customization(text))))
            }
        }
    }

    /// An item of hardware is sent back as it is shown, but for its amount.
    async fn hardware(
        &self,
        href: Option<&str>,
        amount: Option<u64>,
    ) -> Result<Option<Ask>, VimError> {
        let href = href.ok_or_else(|| no_link("the VM", "edit its hardware"))?;
        let shown = self.shown_part(href).await?;
        let text = hardware_request(&shown, amount.unwrap_or_default()).map_err(unread)?;
        Ok(Some(Ask::put(href, Body::Hardware(text))))
    }

    /// A part of a VM as it is shown where it is changed.
    async fn shown_part(&self, href: &str) -> Result<Vec<u8>, VimError> {
        let shown = self.api.fetch(href).await?;
        let shown = shown.ok_or_else(|| no_link("the VM", "read what it changes"))?;
        Ok(shown.body)
    }

    /// What starts a vApp: a deployment with power, or the power alone where it is deployed.
    pub(super) fn starting(&self, vapp: &VApp) -> Result<Ask, VimError> {
        let deploy = Link::rel(&vapp.links, "deploy");
        let power = Link::rel(&vapp.links, "power:powerOn");
        match (deploy, power) {
            (Some(link), None) => Ok(Ask::post(link, self.deployment())),
            // Some clouds show both, whatever it is.
            (Some(link), Some(_)) if !vapp.deployed => Ok(Ask::post(link, self.deployment())),
            (_, Some(link)) => Ok(Ask::post(link, Body::Empty)),
            (None, None) => Err(missing(vapp, "power:powerOn")),
        }
    }

    fn deployment(&self) -> Body {
        Body::Deploy(Deploy {
            power_on: Some(true),
            lease_seconds: self.api.connector.lease_seconds,
        })
    }

    /// What stops it.
    pub(super) fn stopping(&self, vapp: &VApp) -> Result<Ask, VimError> {
        match Link::rel(&vapp.links, "power:powerOff") {
            Some(link) => Ok(Ask::post(link, Body::Empty)),
            None => Err(missing(vapp, "power:powerOff")),
        }
    }
}

/// Links are there only when what they are for can be done.
pub fn missing(vapp: &VApp, rel: &str) -> VimError {
    match judge::active(vapp) {
        Some(task) => VimError::Unknown(format!("vCloud: the vApp is busy: {}", task.operation)),
        None => no_link(&format!("the vApp (status {})", vapp.status.number()), rel),
    }
}

fn properties_of(vm: &Vm) -> Option<&Link> {
    Link::of_kind(&vm.links, "productSections").next()
}

/// The task that a request was answered with.
///
/// # Errors
/// The answer has none: nobody knows what was done.
pub fn task_of(reply: &Reply) -> Result<Task, VimError> {
    Task::decode(&reply.body).map_err(unread)
}
