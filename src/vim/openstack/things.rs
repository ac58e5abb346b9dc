//! Tenants, images and flavors.

use std::sync::Arc;

use reqwest::Method;

use super::client::{Api, Ask, Scope, request_id, segment};
use super::driver::OpenstackVim;
use super::errand::What;
use super::map;
use super::session::Service;
use crate::engine::port::{Accepted, Find, VimError, VimResource};
use crate::ids::TenantId;
use crate::model::resource::{FlavorSpec, ImageSpec};
use crate::model::vim::VimOpStatus;
use crate::proto::nova::{
    self, Flavor, FlavorDocument, FlavorList, Image, ImageImport, ImageList, ImportMethod,
    NewFlavorDocument, NewImage, NewProject, NewProjectDocument, Project, ProjectDocument,
    ProjectList,
};

/// Flavors of one page.
const PAGE: usize = 500;
/// Pages at most.
const PAGES: usize = 40;

impl OpenstackVim {
    pub(super) async fn find_thing(&self, what: Find) -> Result<Option<VimResource>, VimError> {
        match what {
            Find::Tenant(name) => self.find_tenant(&name).await,
            Find::Network {
                tenant,
                token,
                name,
            } => {
                self.find_network(tenant.as_ref(), token.as_ref(), &name)
                    .await
            }
            Find::Image(name) => {
                let ask = Ask::get(Service::Image, "/images").query("name", &name);
                let list: ImageList = self.api.read(&Scope::Own, ask).await?;
                let mut named: Vec<Image> = list
                    .images
                    .into_iter()
                    .filter(|image| image.name == name && !is_lost(&image.status))
                    .collect();
                named.sort_by_key(|image| image.status != "active");
                Ok(named
                    .into_iter()
                    .next()
                    .map(|image| plain(image.id, image.name)))
            }
            Find::Flavor(name) => {
                let found = self.flavor_named(&Scope::Own, &name).await?;
                Ok(found.map(|flavor| plain(flavor.id.unwrap_or_default(), name)))
            }
        }
    }

    async fn find_tenant(&self, name: &str) -> Result<Option<VimResource>, VimError> {
        let own = self.api.session(&Scope::Own).await?;
        if own.project_name == name {
            return Ok(Some(plain(own.project.clone(), name.to_owned())));
        }
        let named = |list: ProjectList| {
            list.projects
                .into_iter()
                .find(|project| project.name == name)
        };
        let ask = Ask::get(Service::Identity, "/auth/projects");
        let list: ProjectList = self.api.read(&Scope::Own, ask).await?;
        let mut found: Option<Project> = named(list);
        if found.is_none() && own.admin {
            let ask = Ask::get(Service::Identity, "/projects").query("name", name);
            found = named(self.api.read(&Scope::Own, ask).await?);
        }
        Ok(found.map(|project| plain(project.id, project.name)))
    }

    /// Makes a project in which the connector's user has the roles it has in its own.
    pub(super) async fn create_tenant(&self, name: &str) -> Result<Accepted, VimError> {
        let own = self.api.session(&Scope::Own).await?;
        let project = NewProject {
            name: name.to_owned(),
            ..NewProject::default()
        };
        let ask = Ask::new(Service::Identity, Method::POST, "/projects")
            .document(&NewProjectDocument { project })?;
        let reply = self.api.ask(&Scope::Own, &ask).await?;
        if reply.status == 409
            && let Some(found) = self.find_tenant(name).await?
        {
            return Ok(self.done(request_id(&reply), Some(found.id)));
        }
        if !reply.is_success() {
            return Err(super::error::refusal("Keystone", reply.status, &reply.body));
        }
        let made: ProjectDocument = nova::decode(&reply.body)
            .map_err(|error| VimError::Unknown(format!("Keystone: {error}")))?;
        let id = made.project.id;
        for role in &own.roles {
            let path = format!(
                "/projects/{}/users/{}/roles/{}",
                segment(&id),
                segment(&own.user),
                segment(role)
            );
            let ask = Ask::new(Service::Identity, Method::PUT, path);
            if let Err(error) = self.api.change(&Scope::Own, ask).await {
                // A tenant that nobody can work in is not left behind.
                let path = format!("/projects/{}", segment(&id));
                if let Err(left) = self.remove(Service::Identity, path).await {
                    tracing::warn!(error = %left, tenant = name, "a project without roles is left");
                }
                return Err(error);
            }
        }
        Ok(self.done(request_id(&reply), Some(id)))
    }

    pub(super) async fn delete_tenant(&self, id: &TenantId) -> Result<Accepted, VimError> {
        self.remove(
            Service::Identity,
            format!("/projects/{}", segment(id.as_str())),
        )
        .await
    }

    pub(super) async fn flavor_named(
        &self,
        scope: &Scope,
        name: &str,
    ) -> Result<Option<Flavor>, VimError> {
        let mut marker: Option<String> = None;
        for _ in 0..PAGES {
            let mut ask =
                Ask::get(Service::Compute, "/flavors/detail").query("limit", PAGE.to_string());
            if let Some(marker) = &marker {
                ask = ask.query("marker", marker);
            }
            let list: FlavorList = self.api.read(scope, ask).await?;
            let more = list.flavors_links.iter().any(|link| link.rel == "next");
            let last = list.flavors.last().and_then(|flavor| flavor.id.clone());
            let named = list
                .flavors
                .into_iter()
                .find(|flavor| flavor.name.as_deref() == Some(name));
            if named.is_some() {
                return Ok(named);
            }
            match last.filter(|last| more && marker.as_ref() != Some(last)) {
                Some(last) => marker = Some(last),
                None => return Ok(None),
            }
        }
        Err(VimError::Unknown(
            "Nova: a list of flavors without an end".to_owned(),
        ))
    }

    pub(super) async fn create_flavor(&self, spec: FlavorSpec) -> Result<Accepted, VimError> {
        let name = spec.name.clone();
        let flavor = map::new_flavor(spec);
        let ask = Ask::new(Service::Compute, Method::POST, "/flavors")
            .document(&NewFlavorDocument { flavor })?;
        let reply = self.api.ask(&Scope::Own, &ask).await?;
        if reply.status == 409
            && let Some(found) = self.flavor_named(&Scope::Own, &name).await?
        {
            return Ok(self.done(request_id(&reply), found.id));
        }
        if !reply.is_success() {
            return Err(super::error::refusal("Nova", reply.status, &reply.body));
        }
        let made: FlavorDocument = nova::decode(&reply.body)
            .map_err(|error| VimError::Unknown(format!("Nova: {error}")))?;
        Ok(self.done(request_id(&reply), made.flavor.id))
    }

    pub(super) async fn delete_flavor(&self, id: &str) -> Result<Accepted, VimError> {
        self.remove(Service::Compute, format!("/flavors/{}", segment(id)))
            .await
    }

    /// Registers an image and lets Glance fetch it, or fetches it for a Glance that cannot.
    pub(super) async fn create_image(&self, spec: ImageSpec) -> Result<Accepted, VimError> {
        let refuse = |why: &str| VimError::Refused(vec![format!("image [{}]: {why}", spec.name)]);
        let source = spec
            .src
            .as_deref()
            .ok_or_else(|| refuse("it has no source"))?;
        if !["http://", "https://"]
            .iter()
            .any(|scheme| source.starts_with(scheme))
        {
            return Err(refuse("only http and https sources are fetched"));
        }
        let image = NewImage {
            name: spec.name.clone(),
            disk_format: Some(
                spec.disk_format
                    .clone()
                    .unwrap_or_else(|| "qcow2".to_owned()),
            ),
            container_format: Some(
                spec.container_format
                    .clone()
                    .unwrap_or_else(|| "bare".to_owned()),
            ),
            visibility: Some(if spec.public { "public" } else { "private" }.to_owned()),
            tags: Vec::new(),
        };
        let ask = Ask::new(Service::Image, Method::POST, "/images").document(&image)?;
        let reply = self.api.change(&Scope::Own, ask).await?;
        let made: Image = nova::decode(&reply.body)
            .map_err(|error| VimError::Unknown(format!("Glance: {error}")))?;
        let import = ImageImport {
            method: ImportMethod {
                name: "web-download".to_owned(),
                uri: Some(source.to_owned()),
            },
        };
        let path = format!("/images/{}/import", segment(&made.id));
        let ask = Ask::new(Service::Image, Method::POST, path).document(&import)?;
        let send = match self.api.change(&Scope::Own, ask).await {
            Ok(_) => None,
            // A Glance that does not fetch: it is sent from here.
            Err(VimError::Refused(lines)) => {
                tracing::info!(?lines, image = spec.name, "Glance does not fetch images");
                Some(source.to_owned())
            }
            // Whether it fetches shows in the image's status.
            Err(VimError::Unknown(_) | VimError::Down(_)) => Some(source.to_owned()),
        };
        Ok(Accepted {
            op: self.reference(What::Image(send), &made.id, request_id(&reply)),
            id: Some(made.id),
        })
    }

    /// How an image stands; one that is to be sent from here is sent, by one task at a time.
    pub(super) async fn image_status(
        &self,
        id: &str,
        source: Option<&str>,
    ) -> Result<VimOpStatus, VimError> {
        let ask = Ask::get(Service::Image, format!("/images/{}", segment(id)));
        let read = self.api.read_if_there::<Image>(&Scope::Own, ask).await?;
        let Ok(image) = read else {
            return Ok(VimOpStatus::Unknown);
        };
        let failed = image
            .os_glance_failed_import
            .filter(|stores| !stores.is_empty());
        Ok(match (image.status.as_str(), source) {
            ("active", _) => VimOpStatus::Succeeded,
            (status, _) if is_lost(status) => {
                VimOpStatus::Failed(vec![format!("Glance: the image's status is {status}")])
            }
            (_, None) if failed.is_some() => {
                VimOpStatus::Failed(vec!["Glance: the image could not be fetched".to_owned()])
            }
            ("queued", Some(source)) => match self.memory.uploads.get(id) {
                None => {
                    self.memory.uploads.put(id, Upload::UnderWay);
                    self.send_image(id.to_owned(), source.to_owned());
                    VimOpStatus::Running
                }
                Some(Upload::UnderWay) => VimOpStatus::Running,
                Some(Upload::Failed(line)) => VimOpStatus::Failed(vec![line]),
            },
            _ => VimOpStatus::Running,
        })
    }

    fn send_image(&self, id: String, source: String) {
        let (api, memory) = (self.api.clone(), self.memory.clone());
        tokio::spawn(async move {
            if let Err(line) = send(&api, &id, &source).await {
                tracing::warn!(image = id, line, "an image was not sent");
                memory.uploads.put(&id, Upload::Failed(line));
            }
        });
    }

    pub(super) async fn delete_image(&self, id: &str) -> Result<Accepted, VimError> {
        self.remove(Service::Image, format!("/images/{}", segment(id)))
            .await
    }
}

/// How the sending of an image stands.
#[derive(Clone, Debug)]
pub enum Upload {
    /// Its task runs, or ended well.
    UnderWay,
    /// It did not come through.
    Failed(String),
}

async fn send(api: &Arc<Api>, id: &str, source: &str) -> Result<(), String> {
    let content = api.fetch(source).await?;
    let path = format!("/images/{}/file", segment(id));
    let ask = Ask::new(Service::Image, Method::PUT, path).content(content);
    let sent = api.change(&Scope::Own, ask).await;
    sent.map(drop).map_err(|error| error.to_string())
}

fn is_lost(status: &str) -> bool {
    matches!(
        status,
        "killed" | "deleted" | "pending_delete" | "deactivated"
    )
}

fn plain(id: String, name: String) -> VimResource {
    VimResource {
        id,
        name,
        subnets: Vec::new(),
    }
}
