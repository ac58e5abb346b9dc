//! Images (volumes of the pool), and what libvirt has no place for: flavors and tenants, records of ours.

use std::io::Read;
use std::sync::Arc;

use super::core::{Core, End};
use super::fetch::{self, Format};
use super::link::{Fault, FaultKind, Link};
use super::xml::{Volume, read_pool, read_volume, volume_xml};
use crate::engine::port::{Accepted, VimError, VimResource};
use crate::ids::TenantId;
use crate::model::resource::{FlavorSpec, ImageSpec};

/// Endings under which an image's name is looked for in the pool.
const ENDINGS: [&str; 4] = ["", ".qcow2", ".img", ".raw"];

fn named(id: &str, name: &str) -> VimResource {
    VimResource {
        id: id.to_owned(),
        name: name.to_owned(),
        subnets: Vec::new(),
    }
}

impl Core {
    /// The volume an image's name or id stands for.
    pub async fn image(&self, image: &str) -> Result<Volume, Fault> {
        let own = self.records.look(|book| book.images.get(image).cloned());
        let names: Vec<String> = match own {
            Some(volume) => vec![volume],
            None => ENDINGS
                .iter()
                .map(|ending| format!("{image}{ending}"))
                .collect(),
        };
        let pool = self.connector.pool.clone();
        let wanted = image.to_owned();
        self.session
            .look(move |link| {
                for name in &names {
                    match link.volume_xml(&pool, name) {
                        Ok(text) => return read_volume(&text),
                        Err(fault) if fault.kind == FaultKind::NotFound => {}
                        Err(fault) => return Err(fault),
                    }
                }
                let why = format!("image [{wanted}] not found in pool [{pool}]");
                Err(Fault::new(FaultKind::NotFound, why))
            })
            .await
    }

    /// Looks an image up.
    pub async fn find_image(&self, name: String) -> Result<Option<VimResource>, VimError> {
        match self.image(&name).await {
            Ok(volume) => Ok(Some(named(&volume.name, &name))),
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Registers an image: fetched, looked at, put into the pool.
    pub async fn create_image(
        self: &Arc<Self>,
        op: String,
        spec: ImageSpec,
    ) -> Result<Accepted, VimError> {
        let refuse = |why: &str| Fault::refused(format!("image [{}]: {why}", spec.name));
        let pool = self.connector.pool.clone();
        self.session.look(move |link| link.pool_xml(&pool)).await?;
        if self
            .records
            .look(|book| book.images.contains_key(&spec.name))
            && let Ok(volume) = self.image(&spec.name).await
        {
            return Ok(self.done(op, Some(volume.name)));
        }
        let format = match spec.disk_format.as_deref() {
            None => None,
            Some("raw") => Some(Format::Raw),
            Some("qcow2") => Some(Format::Qcow2),
            Some(other) => {
                return Err(
                    refuse(&format!("disk format {other} is not one of raw, qcow2")).into(),
                );
            }
        };
        let Some(address) = spec.src.clone() else {
            return Err(refuse("it has no src, and the pool has no volume of its name").into());
        };
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '_'
            }
        };
        let readable: String = spec.name.chars().map(plain).take(60).collect();
        let id = self.uuid(&format!("image {}", spec.name));
        let volume = format!("lifeline.image.{readable}.{}", id.get(..8).unwrap_or(&id));
        let core = self.clone();
        let (name, made) = (spec.name, volume.clone());
        let work = async move { core.make_image(name, volume, address, format).await };
        Ok(self.begin(op, Some(made), None, work))
    }

    async fn make_image(
        &self,
        name: String,
        volume: String,
        address: String,
        format: Option<Format>,
    ) -> Result<(), End> {
        let failed = |why: String| End::Failed(vec![format!("image [{name}]: {why}")]);
        let file = self.folder.join(format!("{volume}.part"));
        let fetched = self
            .fetch_to(&address, &file, self.settings.image_bytes)
            .await;
        if let Err(why) = fetched {
            fetch::remove(&file).await;
            return Err(failed(why));
        }
        let (pool, from, made) = (self.connector.pool.clone(), file.clone(), volume.clone());
        let put = self
            .session
            .ask(self.settings.transfer_timeout(), move |link| {
                put_image(link, &pool, &made, &from, format)
            })
            .await;
        fetch::remove(&file).await;
        match put {
            Ok(()) => {}
            Err(fault) if fault.is_silence() => return Err(End::Unknown),
            Err(fault) => return Err(failed(fault.text)),
        }
        self.record(move |book| {
            book.images.insert(name, volume);
        })
        .await?;
        Ok(())
    }

    /// Removes an image of ours.
    pub async fn delete_image(
        self: &Arc<Self>,
        op: String,
        id: String,
    ) -> Result<Accepted, VimError> {
        let name = self.records.look(|book| {
            let mut images = book.images.iter();
            images
                .find(|(_, volume)| **volume == id)
                .map(|(name, _)| name.clone())
        });
        let pool = self.connector.pool.clone();
        let volume = id.clone();
        let ours = name.is_some();
        self.session
            .ask(self.settings.transfer_timeout(), move |link| {
                let path = match link.volume_xml(&pool, &volume) {
                    Ok(text) => read_volume(&text)?.path,
                    Err(fault) if fault.kind == FaultKind::NotFound => return Ok(()),
                    Err(fault) => return Err(fault),
                };
                if !ours {
                    return Err(Fault::refused(format!(
                        "image [{volume}] was not made by us"
                    )));
                }
                // A disk that lies over it would be lost with it.
                for other in link.volumes(&pool)? {
                    let over = match link.volume_xml(&pool, &other) {
                        Ok(text) => read_volume(&text)?.backing,
                        Err(fault) if fault.kind == FaultKind::NotFound => None,
                        Err(fault) => return Err(fault),
                    };
                    if over.is_some_and(|(under, _)| under == path) {
                        let why = format!("image [{volume}] is in use by the disk [{other}]");
                        return Err(Fault::refused(why));
                    }
                }
                link.delete_volume(&pool, &volume)
            })
            .await?;
        if let Some(name) = name {
            self.record(move |book| {
                book.images.remove(&name);
            })
            .await?;
        }
        Ok(self.done(op, Some(id)))
    }

    /// A flavor by name.
    pub fn flavor(&self, name: &str) -> Result<FlavorSpec, Fault> {
        let found = self.records.look(|book| book.flavors.get(name).cloned());
        found.ok_or_else(|| Fault::refused(format!("flavor [{name}] not found")))
    }

    /// Looks a flavor up.
    pub fn find_flavor(&self, name: &str) -> Option<VimResource> {
        self.flavor(name)
            .ok()
            .map(|flavor| named(&flavor.name, &flavor.name))
    }

    /// Makes a flavor.
    pub async fn create_flavor(
        self: &Arc<Self>,
        op: String,
        spec: FlavorSpec,
    ) -> Result<Accepted, VimError> {
        if spec.vcpus == 0 || spec.memory_mb == 0 {
            let why = format!("flavor [{}]: a VM needs a CPU and memory", spec.name);
            return Err(Fault::refused(why).into());
        }
        let name = spec.name.clone();
        let entry = name.clone();
        self.record(move |book| {
            book.flavors.insert(entry, spec);
        })
        .await?;
        Ok(self.done(op, Some(name)))
    }

    /// Removes a flavor.
    pub async fn delete_flavor(
        self: &Arc<Self>,
        op: String,
        id: String,
    ) -> Result<Accepted, VimError> {
        let name = id.clone();
        self.record(move |book| {
            book.flavors.remove(&name);
        })
        .await?;
        Ok(self.done(op, Some(id)))
    }

    /// Looks a tenant up: one of ours, or a configured one.
    pub fn find_tenant(&self, name: &str) -> Option<VimResource> {
        let known = self.records.look(|book| book.tenants.contains(name))
            || self.connector.tenants.iter().any(|tenant| tenant == name);
        known.then(|| named(name, name))
    }

    /// Makes a tenant: a name on networks and domains, no more; libvirt parts nobody from anybody.
    pub async fn create_tenant(
        self: &Arc<Self>,
        op: String,
        name: String,
    ) -> Result<Accepted, VimError> {
        let entry = name.clone();
        self.record(move |book| {
            book.tenants.insert(entry);
        })
        .await?;
        Ok(self.done(op, Some(name)))
    }

    /// Removes a tenant.
    pub async fn delete_tenant(
        self: &Arc<Self>,
        op: String,
        id: TenantId,
    ) -> Result<Accepted, VimError> {
        let name = id.as_str().to_owned();
        self.record(move |book| {
            book.tenants.remove(&name);
        })
        .await?;
        Ok(self.done(op, Some(id.as_str().to_owned())))
    }
}

/// Puts a fetched image into the pool; one that lies there half written is replaced.
fn put_image(
    link: &dyn Link,
    pool: &str,
    volume: &str,
    file: &std::path::Path,
    wanted: Option<Format>,
) -> Result<(), Fault> {
    let told = |error: std::io::Error| Fault::refused(format!("{}: {error}", file.display()));
    let mut head = Vec::new();
    let from = std::fs::File::open(file).map_err(told)?;
    let length = from.metadata().map_err(told)?.len();
    from.take(512).read_to_end(&mut head).map_err(told)?;
    let format = fetch::format_of(&head).map_err(Fault::refused)?;
    // A qcow2 that is called raw would be read as one by nobody, and as a disk by the guest.
    if wanted.is_some_and(|wanted| wanted != format) {
        return Err(Fault::refused(match format {
            Format::Qcow2 => "it is called raw, but is qcow2",
            Format::Raw => "it is called qcow2, but is not",
        }));
    }
    if length == 0 {
        return Err(Fault::refused("it is empty"));
    }
    if format == Format::Qcow2 && !read_pool(&link.pool_xml(pool)?)?.has_files() {
        return Err(Fault::refused(
            "only a pool of files can hold qcow2: give it as raw",
        ));
    }
    match link.delete_volume(pool, volume) {
        Ok(()) => {}
        Err(fault) if fault.kind == FaultKind::NotFound => {}
        Err(fault) => return Err(fault),
    }
    // Room for its octets; what they are, libvirt sees when it looks again.
    let xml = volume_xml(&Volume {
        name: volume.to_owned(),
        format: "raw".to_owned(),
        capacity: length,
        ..Volume::default()
    });
    link.create_volume(pool, &xml)?;
    let filled = link
        .upload(pool, volume, file)
        .and_then(|()| link.refresh_pool(pool));
    if filled.is_err()
        && let Err(fault) = link.delete_volume(pool, volume)
    {
        tracing::warn!(%fault, volume, "libvirt: half an image stays behind");
    }
    filled
}
