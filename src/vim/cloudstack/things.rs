//! Zones, accounts, templates and service offerings.

use serde::Deserialize;

use super::create::unknown;
use super::driver::CloudstackVim;
use super::errand::What;
use super::error::{is_missing, refusal};
use super::map;
use super::servers::started;
use crate::engine::port::{Accepted, Find, VimError, VimResource};
use crate::ids::TenantId;
use crate::model::resource::{FlavorSpec, ImageSpec};
use crate::model::vim::VimOpStatus;
use crate::proto::cloudstack::{Account, Command, Id, Template, Zone};
use crate::vim_http::nothing_done;

/// A thing with an id and a name, whatever else it has.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Named {
    /// Id.
    pub id: Id,
    /// Name.
    #[serde(default)]
    pub name: String,
}

/// Templates that VMs can be made of.
const USABLE: (&str, &str) = ("templatefilter", "executable");

impl CloudstackVim {
    pub(super) async fn find_thing(&self, what: Find) -> Result<Option<VimResource>, VimError> {
        match what {
            Find::Tenant(name) => {
                let command = Command::new("listAccounts")
                    .with("name", &name)
                    .with("listall", "true");
                let found: Vec<Account> = self.api.list(command, "account").await?;
                let found = found.into_iter().find(|account| account.name == name);
                Ok(found.map(|account| {
                    let id = account.id.to_string();
                    self.memory.accounts.put(&id, place_of(&account));
                    plain(id, account.name)
                }))
            }
            Find::Network {
                tenant,
                token,
                name,
            } => {
                self.find_network(tenant.as_ref(), token.as_ref(), &name)
                    .await
            }
            Find::Image(name) => {
                let found = self.by_name("listTemplates", "template", &name, &[USABLE]);
                Ok(found.await?.map(|found| plain(found.id.to_string(), name)))
            }
            Find::Flavor(name) => {
                let found = self.by_name("listServiceOfferings", "serviceoffering", &name, &[]);
                Ok(found.await?.map(|found| plain(found.id.to_string(), name)))
            }
        }
    }

    /// A thing by its id, else by its name.
    pub(super) async fn named(
        &self,
        command: &str,
        kind: &str,
        text: &str,
        beside: &[(&str, &str)],
    ) -> Result<Option<Named>, VimError> {
        let mut ask = Command::new(command).with("id", text);
        for (name, value) in beside {
            ask = ask.with(name, *value);
        }
        let found: Vec<Named> = match self.api.list(ask, kind).await {
            Ok(found) => found,
            // An id that is none.
            Err(VimError::Refused(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        match found.into_iter().find(|one| one.id.as_str() == text) {
            Some(found) => Ok(Some(found)),
            None => self.by_name(command, kind, text, beside).await,
        }
    }

    async fn by_name(
        &self,
        command: &str,
        kind: &str,
        name: &str,
        beside: &[(&str, &str)],
    ) -> Result<Option<Named>, VimError> {
        let mut ask = Command::new(command).with("name", name);
        for (name, value) in beside {
            ask = ask.with(name, *value);
        }
        let found: Vec<Named> = self.api.list(ask, kind).await?;
        Ok(found.into_iter().find(|one| one.name == name))
    }

    /// The connector's zone, or the only one.
    pub(super) async fn zone(&self) -> Result<String, VimError> {
        const KEY: &str = "zone";
        if let Some(known) = self.memory.ids.get(KEY) {
            return Ok(known);
        }
        let zones: Vec<Zone> = self.api.list(Command::new("listZones"), "zone").await?;
        let id = match &self.api.connector.zone {
            Some(wanted) => zones
                .iter()
                .find(|zone| zone.id.as_str() == wanted)
                .or(zones.iter().find(|zone| zone.name == *wanted))
                .map(|zone| zone.id.to_string())
                .ok_or_else(|| unknown("zone", wanted))?,
            None => match zones.as_slice() {
                [only] => only.id.to_string(),
                [] => {
                    let line = "CloudStack: this user sees no zone".to_owned();
                    return Err(VimError::Refused(vec![line]));
                }
                _ => {
                    let names: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
                    return Err(VimError::Refused(vec![format!(
                        "CloudStack: there are zones {}: name one in the connector's property zone",
                        names.join(", ")
                    )]));
                }
            },
        };
        self.memory.ids.put(KEY, id.clone());
        Ok(id)
    }

    pub(super) async fn template(&self, zone: &str, text: &str) -> Result<String, VimError> {
        let beside = [USABLE, ("zoneid", zone)];
        let found = self
            .named("listTemplates", "template", text, &beside)
            .await?;
        Ok(found
            .ok_or_else(|| unknown("template", text))?
            .id
            .to_string())
    }

    pub(super) async fn offering(&self, text: &str) -> Result<String, VimError> {
        let found = self
            .named("listServiceOfferings", "serviceoffering", text, &[])
            .await?;
        Ok(found
            .ok_or_else(|| unknown("service offering", text))?
            .id
            .to_string())
    }

    /// Parameters that say whose a thing shall be; none for the user's own.
    pub(super) async fn owner(
        &self,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<(&'static str, String)>, VimError> {
        let Some(tenant) = tenant else {
            return Ok(Vec::new());
        };
        let (name, domain) = match self.memory.accounts.get(tenant.as_str()) {
            Some(known) => known,
            None => {
                let command = Command::new("listAccounts")
                    .with("id", tenant.as_str())
                    .with("listall", "true");
                let found: Vec<Account> = self.api.list(command, "account").await?;
                let found = found
                    .iter()
                    .find(|account| account.id.as_str() == tenant.as_str())
                    .ok_or_else(|| unknown("account", tenant.as_str()))?;
                let known = place_of(found);
                self.memory.accounts.put(tenant.as_str(), known.clone());
                known
            }
        };
        if self.api.connector.account.as_deref() == Some(name.as_str()) {
            return Ok(Vec::new());
        }
        let mut owner = vec![("account", name)];
        owner.extend(domain.map(|id| ("domainid", id)));
        Ok(owner)
    }

    pub(super) async fn create_flavor(&self, spec: FlavorSpec) -> Result<Accepted, VimError> {
        // Two may have one name: a call that is repeated must not make a second.
        let known = self.find_thing(Find::Flavor(spec.name.clone())).await;
        if let Some(known) = known.map_err(nothing_done)? {
            return Ok(self.done(Some(known.id)));
        }
        let command = map::offering(&spec, self.api.connector.cpu_speed);
        let reply = self.api.change(command).await?;
        let reply = reply.map_err(|error| refusal(&error))?;
        let made: Vec<Named> = reply
            .list("serviceoffering")
            .map_err(|error| VimError::Unknown(format!("CloudStack: {error}")))?;
        Ok(self.done(made.first().map(|made| made.id.to_string())))
    }

    pub(super) async fn delete_flavor(&self, id: &str) -> Result<Accepted, VimError> {
        self.remove(Command::new("deleteServiceOffering").with("id", id))
            .await
    }

    /// Registers a template, which the cloud then fetches.
    pub(super) async fn create_image(&self, spec: ImageSpec) -> Result<Accepted, VimError> {
        let zone = self.zone().await.map_err(nothing_done)?;
        let known = self.templates("name", &spec.name).await;
        let known = known.map_err(nothing_done)?;
        let known = known.into_iter().find(|one| one.name == spec.name);
        let id = match known {
            Some(known) => known.id.to_string(),
            None => {
                let connector = &self.api.connector;
                let command = map::template(
                    &spec,
                    &zone,
                    &connector.hypervisor,
                    connector.os_type.as_deref(),
                )?;
                let reply = self.api.change(command).await?;
                let reply = reply.map_err(|error| refusal(&error))?;
                let made: Vec<Named> = reply
                    .list("template")
                    .map_err(|error| VimError::Unknown(format!("CloudStack: {error}")))?;
                match made.first() {
                    Some(made) => made.id.to_string(),
                    None => {
                        let line = "CloudStack: a template was registered without an id";
                        return Err(VimError::Unknown(line.to_owned()));
                    }
                }
            }
        };
        Ok(Accepted {
            op: self.reference(What::Template, &id, String::new()),
            id: Some(id),
        })
    }

    /// Templates of this account, fetched or not.
    async fn templates(&self, member: &str, value: &str) -> Result<Vec<Template>, VimError> {
        let command = Command::new("listTemplates")
            .with("templatefilter", "self")
            .with(member, value);
        self.api.list(command, "template").await
    }

    /// How the fetching of a template stands.
    pub(super) async fn template_status(&self, id: &str) -> Result<VimOpStatus, VimError> {
        let found = self.templates("id", id).await?;
        let Some(template) = found.into_iter().find(|one| one.id.as_str() == id) else {
            return Ok(VimOpStatus::Unknown);
        };
        let status = template.status.unwrap_or_default();
        let words = status.to_lowercase();
        // The cloud tells a failure in words alone: `Failed post download script: ...`, `Connection refused`
        let failed = [
            "fail",
            "error",
            "refused",
            "unable",
            "not found",
            "abandoned",
        ];
        Ok(match template.isready {
            true => VimOpStatus::Succeeded,
            false if failed.iter().any(|word| words.contains(word)) => {
                VimOpStatus::Failed(vec![format!(
                    "CloudStack: {}",
                    crate::vim_http::one_line(&status)
                )])
            }
            false => VimOpStatus::Running,
        })
    }

    pub(super) async fn delete_image(&self, id: &str) -> Result<Accepted, VimError> {
        self.remove(Command::new("deleteTemplate").with("id", id))
            .await
    }

    /// Removes a thing that is no VM; what is gone already is success.
    pub(super) async fn remove(&self, command: Command) -> Result<Accepted, VimError> {
        match self.api.change(command).await? {
            Ok(reply) if reply.body.contains_key("jobid") => {
                let job = started(&reply)?.jobid.to_string();
                Ok(Accepted {
                    op: self.reference(What::Removal, "", job),
                    id: None,
                })
            }
            Ok(_) => Ok(self.done(None)),
            Err(error) if is_missing(&error) => Ok(self.done(None)),
            Err(error) => Err(refusal(&error)),
        }
    }
}

fn place_of(account: &Account) -> (String, Option<String>) {
    let domain = account.domainid.as_ref().map(Id::to_string);
    (account.name.clone(), domain)
}

fn plain(id: String, name: String) -> VimResource {
    VimResource {
        id,
        name,
        subnets: Vec::new(),
    }
}
