//! Making a VM: names to ids, then one command, never sent twice.

use super::day_zero;
use super::driver::CloudstackVim;
use super::errand::What;
use super::error::refusal;
use super::map::{self, Resolved};
use super::servers::started;
use crate::engine::port::{Accepted, CreateVm, VimError};
use crate::model::deployment::VolumeSpec;
use crate::proto::cloudstack::{Command, Id};
use crate::vim_http::{gibibytes, nothing_done, place};

/// Names shown are at most this long.
const LONGEST: usize = 255;

impl CloudstackVim {
    pub(super) async fn create_vm(&self, new: CreateVm) -> Result<Accepted, VimError> {
        let command = self.prepare(&new).await.map_err(nothing_done)?;
        let reply = match self.api.change(command).await? {
            Ok(reply) => reply,
            Err(error) => return Err(refusal(&error)),
        };
        let started = started(&reply)?;
        let id = started.id.as_ref().map(Id::to_string);
        Ok(Accepted {
            op: self.reference(
                What::Create,
                id.as_deref().unwrap_or_default(),
                started.jobid.to_string(),
            ),
            id,
        })
    }

    /// All that comes before the create itself.
    async fn prepare(&self, new: &CreateVm) -> Result<Command, VimError> {
        if new.token.as_str().len() > LONGEST {
            let line = format!(
                "CloudStack: a token of more than {LONGEST} characters: {}",
                new.token
            );
            return Err(VimError::Refused(vec![line]));
        }
        let user_data = day_zero::prepare(&new.config_data, place(&new.token))?;
        let zone = self.zone().await?;
        let template = self.template(&zone, &new.image).await?;
        let offering = self.offering(&new.flavor).await?;
        let owner = self.owner(new.tenant.as_ref()).await?;
        let mut interfaces = Vec::with_capacity(new.interfaces.len());
        for wanted in &new.interfaces {
            let network = self.network(new.tenant.as_ref(), &wanted.network).await?;
            interfaces.push((wanted.clone(), network));
        }
        let mut command = map::deploy(
            new,
            Resolved {
                zone,
                template,
                offering,
                interfaces,
                user_data,
            },
        );
        for (name, value) in owner {
            command = command.with(name, value);
        }
        match new.volumes.as_slice() {
            [] => Ok(command),
            [volume] => self.with_volume(command, volume).await,
            _ => Err(VimError::Refused(vec![
                "CloudStack: a VM is made with one volume beside its own disk at most".to_owned(),
            ])),
        }
    }

    async fn with_volume(
        &self,
        command: Command,
        volume: &VolumeSpec,
    ) -> Result<Command, VimError> {
        let Some(wanted) = &self.api.connector.disk_offering else {
            return Err(VimError::Refused(vec![format!(
                "volume [{}]: name the disk offering that volumes are made of in the connector's property disk_offering",
                volume.name
            )]));
        };
        let offering = self
            .named("listDiskOfferings", "diskoffering", wanted, &[])
            .await?
            .ok_or_else(|| unknown("disk offering", wanted))?;
        Ok(command
            .with("diskofferingid", offering.id.as_str())
            .with("size", gibibytes(volume).to_string()))
    }
}

/// A refusal: there is none of that name or id.
pub fn unknown(kind: &str, text: &str) -> VimError {
    VimError::Refused(vec![format!("CloudStack: there is no {kind} {text}")])
}
