//! Making a VM.
//!
//! ```text
//! call:  all that can be refused is looked at -> domain defined (with token) -> addresses reserved -> accepted
//! work:  root disk -> volumes -> configuration drive -> started -> metadata says so
//! ```
//!
//! The domain comes first: whatever a crash leaves behind is found by its token and removed with its domain.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use super::core::{Core, End};
use super::day_zero::{self, Content};
use super::link::Fault;
use super::xml::{
    Build, Card, Disk, DiskKind, NewDomain, Volume, bytes_of, new_domain, read_pool, volume_xml,
};
use crate::engine::port::{Accepted, CreateVm, VimError};
use crate::model::resource::FlavorSpec;
use crate::vim_http::{fill, place};

/// How often addresses are chosen for one create.
const ATTEMPTS: u32 = 5;
/// What libvirt says of an address, or a MAC, that somebody else reserved.
const TAKEN: &str = "there is an existing dhcp host entry";

/// Name of a volume of a domain.
pub fn volume_name(uuid: &str, what: &str) -> String {
    format!("lifeline.{uuid}.{what}")
}

/// A VM's name as that of a file: an operator may have chosen it, and libvirt writes there as root.
fn file_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(plain).take(200).collect();
    match name.starts_with('.') {
        true => format!("_{name}"),
        false => name,
    }
}

/// A volume to make.
struct Wanted {
    volume: Volume,
    /// Volume whose content it begins with, when it does not lie over it.
    copy_of: Option<String>,
}

/// All that the work needs.
struct Plan {
    uuid: String,
    card: Card,
    volumes: Vec<Wanted>,
    drive: Option<Vec<u8>>,
}

impl Core {
    /// Accepts a create.
    pub async fn create(
        self: &Arc<Self>,
        op: String,
        key: &str,
        new: CreateVm,
    ) -> Result<Accepted, VimError> {
        let uuid = self.uuid(key);
        let flavor = self.flavor(&new.flavor)?;
        let contents = self.contents(&new).await?;
        let limit = self.settings.day_zero_bytes;
        let drive = day_zero::drive(&uuid, new.name.as_str(), &contents, limit)?;
        let image = self.image(&new.image).await?;
        let volumes = self.volumes(&uuid, &new, &image, &flavor).await?;
        let arch = self.host().await?.0.arch.clone();
        let disks = self.disks(&uuid, &arch, &volumes, drive.is_some());
        let card = self.define(&uuid, &new, &image, &flavor, &disks).await?;
        let plan = Plan {
            uuid: uuid.clone(),
            card,
            volumes,
            drive,
        };
        let core = self.clone();
        let work = async move { core.make(plan).await };
        Ok(self.begin(op, Some(uuid.clone()), Some(uuid), work))
    }

    /// Day-0 data with its variables filled in.
    async fn contents(&self, new: &CreateVm) -> Result<Vec<Content>, Fault> {
        let index = place(&new.token);
        let mut contents = Vec::new();
        for wanted in &new.config_data {
            let refuse = |why: &str| Fault::refused(format!("config_data [{}]: {why}", wanted.dst));
            let data = match (&wanted.data, &wanted.file) {
                (Some(text), _) => text.clone().into_bytes(),
                (None, Some(address)) => self
                    .fetch(address, self.settings.day_zero_bytes as u64)
                    .await
                    .map_err(|why| refuse(&why))?,
                (None, None) => return Err(refuse("it has no content")),
            };
            // What is no text has no variables.
            let data = match String::from_utf8(data) {
                Ok(text) => fill(&text, &wanted.variables, index).into_bytes(),
                Err(bytes) => bytes.into_bytes(),
            };
            contents.push(Content {
                dst: wanted.dst.clone(),
                data,
            });
        }
        Ok(contents)
    }

    async fn volumes(
        &self,
        uuid: &str,
        new: &CreateVm,
        image: &Volume,
        flavor: &FlavorSpec,
    ) -> Result<Vec<Wanted>, Fault> {
        let pool = self.connector.pool.clone();
        let pool = self
            .session
            .look(move |link| read_pool(&link.pool_xml(&pool)?))
            .await?;
        let capacity = image.capacity.max(flavor.root_disk_mb << 20);
        let over = pool.has_files() && !self.connector.copy_images;
        let root = Volume {
            name: volume_name(uuid, "root"),
            path: String::new(),
            format: if over {
                "qcow2".to_owned()
            } else {
                image.format.clone()
            },
            capacity,
            backing: over.then(|| (image.path.clone(), image.format.clone())),
        };
        let format = if pool.has_files() { "qcow2" } else { "raw" };
        let mut volumes = vec![Wanted {
            volume: root,
            copy_of: (!over).then(|| image.name.clone()),
        }];
        let mut disk = |what: String, capacity: u64| {
            volumes.push(Wanted {
                volume: Volume {
                    name: volume_name(uuid, &what),
                    path: String::new(),
                    format: format.to_owned(),
                    capacity,
                    backing: None,
                },
                copy_of: None,
            });
        };
        for (what, megabytes) in [
            ("ephemeral", flavor.ephemeral_disk_mb),
            ("swap", flavor.swap_disk_mb),
        ] {
            if megabytes > 0 {
                disk(what.to_owned(), megabytes << 20);
            }
        }
        let mut wanted: Vec<_> = new.volumes.iter().collect();
        wanted.sort_by_key(|volume| volume.volid);
        for volume in wanted {
            let refuse = |why: &str| Fault::refused(format!("volume [{}]: {why}", volume.name));
            let size = volume
                .size
                .ok_or_else(|| refuse("volumes that exist already cannot be attached"))?;
            let size = bytes_of(size, volume.size_unit.as_deref().or(Some("GiB")))
                .filter(|size| *size > 0)
                .ok_or_else(|| refuse("its size is none"))?;
            disk(format!("volume{}", volume.volid), size);
        }
        Ok(volumes)
    }

    /// Defines the domain and reserves its addresses; anew when somebody else took one of them meanwhile.
    async fn define(
        &self,
        uuid: &str,
        new: &CreateVm,
        image: &Volume,
        flavor: &FlavorSpec,
        disks: &[Disk],
    ) -> Result<Card, VimError> {
        let mut attempts = 1;
        loop {
            match self.define_once(uuid, new, image, flavor, disks).await {
                Err(VimError::Refused(lines))
                    if attempts < ATTEMPTS && lines.iter().any(|line| line.contains(TAKEN)) =>
                {
                    attempts += 1;
                }
                result => return result,
            }
        }
    }

    async fn define_once(
        &self,
        uuid: &str,
        new: &CreateVm,
        image: &Volume,
        flavor: &FlavorSpec,
        disks: &[Disk],
    ) -> Result<Card, VimError> {
        let (host, _) = self.host().await?.clone();
        // Nobody else gives addresses out meanwhile.
        let _networks = self.networks.lock().await;
        let (nics, attached) = self.nics(uuid, &new.interfaces).await?;
        let card = Card {
            token: new.token.as_str().to_owned(),
            connector: self.connector.id.clone(),
            tenant: new
                .tenant
                .as_ref()
                .map_or("", |tenant| tenant.as_str())
                .to_owned(),
            image: image.name.clone(),
            flavor: flavor.name.clone(),
            build: Build::Begun,
            nics,
        };
        let console = self.connector.console_dir.as_deref();
        let console =
            console.map(|folder| format!("{folder}/{}.log", file_name(new.name.as_str())));
        let xml = new_domain(&NewDomain {
            domain_type: &host.domain_type,
            arch: &host.arch,
            machine: self.connector.machine.as_deref(),
            name: new.name.as_str(),
            uuid,
            vcpus: flavor.vcpus,
            memory_mb: flavor.memory_mb,
            disks,
            nics: &attached,
            nic_model: &self.connector.nic_model,
            console_log: console.as_deref(),
            card: &card,
        });
        let limit = self.settings.call_timeout();
        self.session
            .ask(limit, move |link| link.define_domain(&xml))
            .await?;
        if let Err(fault) = self.reserve_all(&card, true).await {
            if fault.is_silence() {
                return Err(VimError::Unknown(fault.line()));
            }
            return Err(self.take_back(uuid, &card, fault).await);
        }
        Ok(card)
    }

    /// The disks of a VM, the one to boot from first.
    fn disks(&self, uuid: &str, arch: &str, volumes: &[Wanted], drive: bool) -> Vec<Disk> {
        let disk = |kind, volume: &str, format: &str, bus: &str| Disk {
            kind,
            pool: self.connector.pool.clone(),
            volume: volume.to_owned(),
            format: format.to_owned(),
            bus: bus.to_owned(),
        };
        let mut disks: Vec<Disk> = volumes
            .iter()
            .map(|wanted| {
                let volume = &wanted.volume;
                disk(
                    DiskKind::Disk,
                    &volume.name,
                    &volume.format,
                    &self.connector.disk_bus,
                )
            })
            .collect();
        if drive {
            let bus = match self.connector.machine.as_deref() {
                Some(machine) if machine.contains("q35") => "sata",
                _ if matches!(arch, "i686" | "x86_64") => "ide",
                _ => "scsi",
            };
            disks.push(disk(
                DiskKind::Cdrom,
                &volume_name(uuid, "config"),
                "raw",
                bus,
            ));
        }
        disks
    }

    /// Removes what a refused create has defined; only then it is refused.
    async fn take_back(&self, uuid: &str, card: &Card, fault: Fault) -> VimError {
        let uuid = uuid.to_owned();
        let limit = self.settings.call_timeout();
        let gone = self
            .session
            .ask(limit, move |link| link.undefine(&uuid))
            .await;
        match gone {
            Ok(()) => {
                if let Err(error) = self.reserve_all(card, false).await {
                    tracing::warn!(%error, "libvirt: a reservation stays behind");
                }
                fault.into()
            }
            Err(error) => VimError::Unknown(format!("{}; {}", fault.line(), error.line())),
        }
    }
    /// Makes and starts what was defined.
    async fn make(&self, plan: Plan) -> Result<(), End> {
        let transfer = self.settings.transfer_timeout();
        for wanted in plan.volumes {
            let pool = self.connector.pool.clone();
            self.session
                .ask(transfer, move |link| {
                    let xml = volume_xml(&wanted.volume);
                    match wanted.copy_of {
                        None => link.create_volume(&pool, &xml),
                        Some(source) => {
                            link.clone_volume(&pool, &xml, &source)?;
                            let made = link.volume_xml(&pool, &wanted.volume.name)?;
                            let made = super::xml::read_volume(&made)?.capacity;
                            match made < wanted.volume.capacity {
                                true => {
                                    let (name, size) =
                                        (&wanted.volume.name, wanted.volume.capacity);
                                    link.resize_volume(&pool, name, size)
                                }
                                false => Ok(()),
                            }
                        }
                    }
                })
                .await?;
        }
        if let Some(drive) = plan.drive {
            self.write_drive(&plan.uuid, drive).await?;
        }
        let uuid = plan.uuid.clone();
        let limit = self.settings.call_timeout();
        self.session
            .ask(limit, move |link| link.start(&uuid))
            .await?;
        self.mark_done(&plan.uuid, plan.card).await;
        Ok(())
    }

    /// The configuration drive as a volume. It may hold secrets: on the way it is a file for us alone.
    async fn write_drive(&self, uuid: &str, drive: Vec<u8>) -> Result<(), Fault> {
        let pool = self.connector.pool.clone();
        let file = self.folder.join(format!("drive-{uuid}.iso"));
        let name = volume_name(uuid, "config");
        self.session
            .ask(self.settings.transfer_timeout(), move |link| {
                let volume = Volume {
                    name: name.clone(),
                    format: "raw".to_owned(),
                    capacity: drive.len() as u64,
                    ..Volume::default()
                };
                link.create_volume(&pool, &volume_xml(&volume))?;
                let mut how = OpenOptions::new();
                how.write(true).create(true).truncate(true).mode(0o600);
                let written = how.open(&file).and_then(|mut out| out.write_all(&drive));
                let uploaded = match written {
                    Ok(()) => link.upload(&pool, &name, &file),
                    Err(error) => Err(Fault::refused(format!("{}: {error}", file.display()))),
                };
                if let Err(error) = std::fs::remove_file(&file) {
                    tracing::warn!(%error, file = %file.display(), "libvirt: left behind");
                }
                uploaded
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_vms_name_leads_nowhere() {
        for (name, file) in [
            ("dep_g1_0_5f0c-1", "dep_g1_0_5f0c-1"),
            ("../../etc/passwd", "_.._.._etc_passwd"),
            ("a b\u{fc}", "a_b_"),
        ] {
            assert_eq!(file_name(name), file);
        }
    }
}
