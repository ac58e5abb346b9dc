//! Removing a VM: power off, its volumes, its addresses, and last the domain, whose absence is the proof.

use std::sync::Arc;

use super::core::{Core, End};
use super::link::{Fault, FaultKind};
use super::xml::read_domain;
use crate::engine::port::{Accepted, VimError};
use crate::ids::VmId;
use crate::model::vim::VimOpStatus;

impl Core {
    /// Accepts a removal; one that is gone already is.
    pub async fn remove(self: &Arc<Self>, op: String, vm: VmId) -> Result<Accepted, VimError> {
        let uuid = vm.as_str().to_owned();
        if uuid::Uuid::parse_str(&uuid).is_err() {
            return Ok(self.done(op, None));
        }
        let asked = uuid.clone();
        match self
            .session
            .look(move |link| link.domain_state(&asked))
            .await
        {
            Ok(_) => {}
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(self.done(op, Some(uuid))),
            Err(fault) => return Err(fault.into()),
        }
        let core = self.clone();
        let id = uuid.clone();
        let work = async move { core.removed(&uuid).await };
        Ok(self.begin(op, Some(id), None, work))
    }

    /// Removes what there is of a VM that another process, or a call without an answer, began to make: nobody goes on
    /// with it, and once it is gone it can be made anew.
    pub fn clear(self: &Arc<Self>, uuid: &str) {
        let op = format!("clear {uuid}");
        if self.read(&op) == VimOpStatus::Running {
            return;
        }
        tracing::info!(uuid, "libvirt: a VM that nobody finishes is removed");
        let (core, uuid) = (self.clone(), uuid.to_owned());
        self.begin(op, None, None, async move { core.removed(&uuid).await });
    }

    async fn removed(&self, uuid: &str) -> Result<(), End> {
        let asked = uuid.to_owned();
        let text = match self
            .session
            .look(move |link| link.domain_xml(&asked, true))
            .await
        {
            Ok(text) => text,
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(()),
            Err(fault) => return Err(fault.into()),
        };
        let domain = read_domain(&text)?;
        match self.power_off(uuid).await {
            Ok(()) => {}
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(()),
            Err(fault) => return Err(fault.into()),
        }
        // Those made for this VM, not what somebody attached to it.
        let ours = format!("lifeline.{uuid}.");
        let volumes = domain.volumes.into_iter();
        let mut volumes: Vec<String> = volumes
            .filter(|(pool, name)| *pool == self.connector.pool && name.starts_with(&ours))
            .map(|(_, name)| name)
            .collect();
        volumes.extend(
            self.records
                .look(|book| book.leftovers.iter().cloned().collect::<Vec<_>>()),
        );
        for name in volumes {
            self.remove_volume(name).await?;
        }
        if let Some(card) = &domain.card {
            let _networks = self.networks.lock().await;
            match self.reserve_all(card, false).await {
                Ok(()) => {}
                Err(fault) if fault.is_silence() => return Err(End::Unknown),
                // The network, or the reservation, went before.
                Err(fault) => tracing::debug!(%fault, "libvirt: no reservation to take away"),
            }
        }
        let asked = uuid.to_owned();
        let limit = self.settings.call_timeout();
        match self
            .session
            .ask(limit, move |link| link.undefine(&asked))
            .await
        {
            Ok(()) => Ok(()),
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(()),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Removes a volume. One that cannot be removed does not keep its VM: it is remembered and tried again.
    async fn remove_volume(&self, name: String) -> Result<(), Fault> {
        let (pool, volume) = (self.connector.pool.clone(), name.clone());
        let limit = self.settings.transfer_timeout();
        let removed = self
            .session
            .ask(limit, move |link| link.delete_volume(&pool, &volume))
            .await;
        match removed {
            Ok(()) => {
                self.record(move |book| {
                    book.leftovers.remove(&name);
                })
                .await
            }
            Err(fault) if fault.kind == FaultKind::NotFound => {
                self.record(move |book| {
                    book.leftovers.remove(&name);
                })
                .await
            }
            Err(fault) if fault.is_silence() => Err(fault),
            Err(fault) => {
                tracing::warn!(%fault, volume = name, "libvirt: a volume stays behind for now");
                self.record(move |book| {
                    book.leftovers.insert(name);
                })
                .await
            }
        }
    }
}
