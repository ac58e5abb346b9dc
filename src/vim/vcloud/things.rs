//! The organisation, templates, and sizes by the names of flavors.

use super::create::unknown;
use super::driver::VcloudVim;
use super::map::{Size, id_of};
use crate::engine::port::{Accepted, Find, VimError, VimResource};
use crate::model::resource::{FlavorSpec, ImageSpec};
use crate::proto::vcloud::{Catalog, CatalogItem, Reference, VAppTemplate};

/// The flavor that leaves a VM as its template is.
const AS_IT_IS: &str = "template";

impl VcloudVim {
    pub(super) async fn find_thing(&self, what: Find) -> Result<Option<VimResource>, VimError> {
        match what {
            Find::Tenant(name) => {
                let session = self.api.session().await?;
                let own = session.org.name == name;
                Ok(own.then(|| plain(id_of(&session.org.href).to_owned(), name)))
            }
            Find::Network { token, name, .. } => self.find_network(token.as_ref(), &name).await,
            Find::Image(name) => {
                let found = self.item(&name).await?;
                Ok(found.map(|item| plain(id_of(&item.href).to_owned(), name)))
            }
            Find::Flavor(name) => Ok(self.size(&name).ok().map(|size| {
                let id = size.map_or_else(|| AS_IT_IS.to_owned(), |size| size.to_string());
                plain(id, name)
            })),
        }
    }

    /// An item of a catalog, by its id, else by its name.
    async fn item(&self, text: &str) -> Result<Option<Reference>, VimError> {
        let session = self.api.session().await?;
        let wanted = self.api.connector.catalog.as_deref();
        let mut named = None;
        for link in session.down("catalog") {
            if wanted.is_some() && link.name.as_deref() != wanted {
                continue;
            }
            // One that is not shared any more is skipped.
            let Some(catalog) = self.api.read_if_there::<Catalog>(&link.href).await? else {
                continue;
            };
            for item in catalog.items {
                if id_of(&item.href) == text {
                    return Ok(Some(item));
                }
                if named.is_none() && item.name.as_deref() == Some(text) {
                    named = Some(item);
                }
            }
        }
        Ok(named)
    }

    /// The address of a template of one VM, by its item's id or name.
    pub(super) async fn template(&self, text: &str) -> Result<String, VimError> {
        let item = self.item(text).await?;
        let item = item.ok_or_else(|| unknown("template", text))?;
        let item: CatalogItem = self.api.read(&item.href).await?;
        if !item.entity.is("vAppTemplate") {
            let line = format!("vCloud: the catalog's {text} is no template");
            return Err(VimError::Refused(vec![line]));
        }
        let template: VAppTemplate = self.api.read(&item.entity.href).await?;
        match template.vms.len() {
            0 | 1 => Ok(template.href),
            several => Err(VimError::Refused(vec![format!(
                "vCloud: the template {text} holds {several} VMs: one of a single VM is wanted"
            )])),
        }
    }

    /// The size that a flavor's name stands for; `None`: the template's own.
    ///
    /// # Errors
    /// It stands for none.
    pub(super) fn size(&self, name: &str) -> Result<Option<Size>, VimError> {
        if name == AS_IT_IS {
            return Ok(None);
        }
        if let Some(size) = self.api.connector.flavors.get(name) {
            return Ok(Some(*size));
        }
        if let Some(size) = self.memory.sizes.get(name) {
            return Ok(Some(size));
        }
        name.parse().map(Some).map_err(|_| {
            VimError::Refused(vec![format!(
                "vCloud: there is no flavor {name}: say what it is in the connector's property flavors, \
                 or name it by its size, as 2x1024"
            )])
        })
    }

    /// vCloud has no flavors: a VM has a size. Its id says which, so that nothing has to be kept.
    pub(super) fn create_flavor(&self, spec: FlavorSpec) -> Result<Accepted, VimError> {
        let size = Size {
            cpus: spec.vcpus.max(1),
            memory_mb: spec.memory_mb.max(1),
        };
        self.memory.sizes.put(&spec.name, size);
        Ok(self.done(Some(size.to_string())))
    }

    /// Forgets the names of a size that was made.
    pub(super) fn delete_flavor(&self, id: &str) -> Accepted {
        if let Ok(size) = id.parse() {
            self.memory.sizes.forget(size);
        }
        self.done(None)
    }

    /// One of its name has to be there.
    pub(super) async fn create_image(&self, spec: ImageSpec) -> Result<Accepted, VimError> {
        match self
            .item(&spec.name)
            .await
            .map_err(crate::vim_http::nothing_done)?
        {
            Some(item) => Ok(self.done(Some(id_of(&item.href).to_owned()))),
            None => Err(VimError::Refused(vec![format!(
                "image [{}]: vCloud: templates are put into a catalog by whoever keeps it: have one of that name put there",
                spec.name
            )])),
        }
    }
}

fn plain(id: String, name: String) -> VimResource {
    VimResource {
        id,
        name,
        subnets: Vec::new(),
    }
}
