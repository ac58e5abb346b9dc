//! Making a vApp: names to addresses, then one request, never sent twice; the rest is [`super::work`]'s.

use super::ask::{Ask, Body};
use super::client::{no_link, unread};
use super::day_zero;
use super::driver::VcloudVim;
use super::errand::What;
use super::error::{is_duplicate, refusal};
use super::judge;
use super::map::{self, id_of};
use super::session::instantiate;
use super::steps::{Plan, Work};
use crate::engine::port::{Accepted, CreateVm, VimError};
use crate::proto::vcloud::{Document, Instantiate, Reference, VApp};
use crate::vim_http::{nothing_done, place};

impl VcloudVim {
    pub(super) async fn create_vm(&self, new: CreateVm) -> Result<Accepted, VimError> {
        let (ask, plan) = self.prepare(&new).await.map_err(nothing_done)?;
        // The answer may be lost: whoever finds the vApp by its token then goes on with it.
        self.memory.plans.put(new.token.as_str(), plan.clone());
        let made = match self.api.change(&ask).await? {
            Ok(reply) => VApp::decode(&reply.body).map_err(unread)?,
            Err(error) if is_duplicate(&error) => match self.made_before(&new).await? {
                Some(made) => made,
                None => return Err(refusal(&error)),
            },
            Err(error) => return Err(refusal(&error)),
        };
        let id = id_of(&made.href);
        self.memory.hrefs.put(id, made.href.clone());
        self.memory.works.put(id, Work::new(plan.clone()));
        let task = judge::active(&made).or(made.tasks.first());
        let task = task.map_or_else(String::new, |task| task.href.clone());
        Ok(self.begun(What::Create(Box::new(plan)), id, task))
    }

    /// The vApp of this very token, which an earlier request made whose answer was lost.
    async fn made_before(&self, new: &CreateVm) -> Result<Option<VApp>, VimError> {
        let name = map::shown(&new.token);
        let all = self.vdc().await?.entities;
        let mut named = all
            .iter()
            .filter(|one| one.is("vApp") && one.name.as_deref() == Some(&*name));
        let Some(one) = named.next() else {
            return Ok(None);
        };
        let found: Option<VApp> = self.api.read_if_there(&one.href).await?;
        Ok(found.filter(|vapp| map::token(vapp) == new.token))
    }

    /// All that comes before the create itself.
    async fn prepare(&self, new: &CreateVm) -> Result<(Ask, Plan), VimError> {
        if !new.volumes.is_empty() {
            let line =
                "vCloud: a VM has the disks of its template: volumes are not made by this driver";
            return Err(VimError::Refused(vec![line.to_owned()]));
        }
        let told = day_zero::prepare(&new.config_data, place(&new.token))?;
        let size = self.size(&new.flavor)?;
        let session = self.api.session().await?;
        if let Some(tenant) = &new.tenant
            && tenant.as_str() != id_of(&session.org.href)
        {
            return Err(VimError::Refused(vec![format!(
                "vCloud: the connector's user is one of organisation {}, and makes nothing for {tenant}",
                session.org.name
            )]));
        }
        let template = self.template(&new.image).await?;
        let mut networks: Vec<Reference> = Vec::with_capacity(new.interfaces.len());
        for wanted in &new.interfaces {
            networks.push(self.network(&wanted.network).await?);
        }
        let names: Vec<String> = networks
            .iter()
            .map(|network| network.name.clone().unwrap_or_default())
            .collect();
        // A network is one of the vApp's once, however many interfaces it has there.
        let mut distinct: Vec<Reference> = Vec::new();
        for network in networks {
            if !distinct.iter().any(|known| known.href == network.href) {
                distinct.push(Reference {
                    kind: None,
                    ..network
                });
            }
        }
        let connector = &self.api.connector;
        let mut plan = map::plan(new, &names, size, connector.ip_mode);
        plan.properties = told.properties;
        plan.script = told.script;
        let body = Instantiate {
            name: map::shown(&new.token),
            description: Some(map::description(new)),
            deploy: Some(false),
            power_on: Some(false),
            template,
            networks: distinct,
            accepts_eulas: connector.accept_eulas.then_some(true),
            ..Instantiate::default()
        };
        let vdc = self.vdc().await?;
        let link = instantiate(&vdc);
        let link =
            link.ok_or_else(|| no_link("the data centre", "instantiateVAppTemplateParams"))?;
        Ok((Ask::post(link, Body::Instantiate(body)), plan))
    }
}

/// A refusal: there is none of that name or id.
pub fn unknown(kind: &str, text: &str) -> VimError {
    VimError::Refused(vec![format!("vCloud: there is no {kind} {text}")])
}
