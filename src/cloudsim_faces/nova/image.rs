//! Glance v2: images. Their content is counted and dropped.

use serde_json::{Value, json};

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::{Caller, caller, glance};
use super::part::{filtered, page};
use crate::cloudsim::{Call, CallError, ImageView};
use crate::model::resource::ImageSpec;
use crate::proto::nova::{Image, ImageImport, ImageList, NewImage};

/// Octets that an image from the settings is said to have.
const SIZE: u64 = 16 * 1024 * 1024;

/// Answers below `/image`.
pub fn answer(world: &mut World, request: &Request, path: &[&str]) -> Reply {
    if let ("GET", [] | ["versions"]) = (request.method.as_str(), path) {
        let versions = ["v2.9", "v2.2", "v2.0"].into_iter().enumerate();
        let versions = versions.map(|(at, id)| {
            json!({
                "id": id,
                "status": if at == 0 { "CURRENT" } else { "SUPPORTED" },
                "links": [{ "rel": "self", "href": format!("{}/image/v2/", request.base) }],
            })
        });
        let document = json!({ "versions": versions.collect::<Vec<_>>() });
        // its root answers with a choice, /versions with a list
        return Reply::json(if path.is_empty() { 300 } else { 200 }, &document);
    }
    let who = match caller(world, request) {
        Ok(who) => who,
        Err(reply) => return reply,
    };
    match (request.method.as_str(), path) {
        ("GET", ["v2", "images"]) => list(world, request, &who),
        ("POST", ["v2", "images"]) => make(world, request, &who),
        ("GET", ["v2", "info", "import"]) => Reply::json(
            200,
            &json!({ "import-methods": {
                "description": "Import methods available.",
                "type": "array",
                "value": ["web-download"],
            }}),
        ),
        ("GET", ["v2", "schemas", name]) => Reply::json(
            200,
            &json!({ "name": name, "properties": {}, "additionalProperties": { "type": "string" } }),
        ),
        ("GET", ["v2", "images", id]) => match find(world, &who, id) {
            Some(found) => Reply::json(200, &show(world, &found)),
            None => no_image(id),
        },
        ("DELETE", ["v2", "images", id]) => match find(world, &who, id) {
            None => no_image(id),
            Some(found) if !owns(world, &who, &found) => {
                glance(403, "You are not permitted to delete this image.")
            }
            Some(found) => match world.call(Call::DeleteImage {
                id: found.id.clone(),
            }) {
                Ok(_) => {
                    world.nova.image_status.remove(&found.id);
                    Reply::empty(204)
                }
                Err(error) => refused(error),
            },
        },
        ("PATCH", ["v2", "images", id]) => match find(world, &who, id) {
            Some(found) if owns(world, &who, &found) => change(world, request, &found),
            Some(_) => glance(403, "You are not permitted to modify this image."),
            None => no_image(id),
        },
        ("PUT", ["v2", "images", id, "file"]) => match find(world, &who, id) {
            Some(found) if owns(world, &who, &found) => {
                let size = u64::try_from(request.body.len()).unwrap_or(u64::MAX);
                world.nova.image_size.insert(found.id.clone(), size);
                world.nova.image_status.remove(&found.id);
                Reply::empty(204)
            }
            _ => no_image(id),
        },
        ("POST", ["v2", "images", id, "import"]) => match find(world, &who, id) {
            Some(found) if owns(world, &who, &found) => import(world, request, &found),
            _ => no_image(id),
        },
        ("GET", ["v2", "images", id, "members"]) if find(world, &who, id).is_some() => Reply::json(
            200,
            &json!({ "members": [], "schema": "/v2/schemas/members" }),
        ),
        _ => glance(404, "The resource could not be found."),
    }
}

fn no_image(id: &str) -> Reply {
    glance(404, format!("No image found with ID {id}"))
}

fn refused(error: CallError) -> Reply {
    match error {
        CallError::Refused(lines) => glance(409, lines.join("; ")),
        CallError::Lost(_) | CallError::Down(_) => Reply::lost(),
    }
}

fn owner(world: &World, id: &str) -> String {
    let admin = || {
        world
            .cloud
            .tenant("admin")
            .map(|admin| admin.id.to_string())
    };
    let owner = world.nova.image_owner.get(id).cloned();
    owner.or_else(admin).unwrap_or_default()
}

fn owns(world: &World, who: &Caller, image: &ImageView) -> bool {
    who.admin || owner(world, &image.id) == who.project
}

/// By id alone, if the caller may see it.
pub fn find(world: &World, who: &Caller, id: &str) -> Option<ImageView> {
    let found = world.cloud.image(id).filter(|found| found.id == id)?;
    (found.spec.public || owns(world, who, &found)).then_some(found)
}

/// `active` and others.
pub fn status<'a>(world: &'a World, id: &str) -> &'a str {
    let known = world.nova.image_status.get(id);
    known.map_or("active", String::as_str)
}

fn show(world: &World, image: &ImageView) -> Image {
    let id = &image.id;
    let status = status(world, id).to_owned();
    let active = status == "active";
    let made = world.nova.made.get(id).copied().unwrap_or_default();
    let made = format!("{}Z", world.text(made));
    let size = world.nova.image_size.get(id).copied().unwrap_or(SIZE);
    Image {
        id: id.clone(),
        name: image.spec.name.clone(),
        visibility: if image.spec.public {
            "public"
        } else {
            "private"
        }
        .to_owned(),
        protected: false,
        disk_format: image.spec.disk_format.clone(),
        container_format: image.spec.container_format.clone(),
        size: active.then_some(size),
        checksum: None,
        min_disk: 0,
        min_ram: 0,
        owner: Some(owner(world, id)),
        created_at: made.clone(),
        updated_at: made,
        tags: world.nova.image_tags.get(id).cloned().unwrap_or_default(),
        own: format!("/v2/images/{id}"),
        file: format!("/v2/images/{id}/file"),
        schema: "/v2/schemas/image".to_owned(),
        status,
        ..Image::default()
    }
}

fn list(world: &World, request: &Request, who: &Caller) -> Reply {
    let mut all = world.cloud.images();
    all.retain(|image| image.spec.public || owns(world, who, image));
    let all = all.iter().map(|image| show(world, image));
    let all: Vec<Value> = all
        .filter_map(|image| serde_json::to_value(image).ok())
        .collect();
    let mark = |one: &Value| {
        one.get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    match page(request, filtered(request, all), mark, 1000) {
        Err(why) => glance(400, why),
        Ok((part, next)) => {
            let images = part
                .into_iter()
                .filter_map(|one| serde_json::from_value(one).ok());
            let list = ImageList {
                images: images.collect(),
                first: "/v2/images".to_owned(),
                next: next.map(|marker| format!("/v2/images?marker={marker}")),
                schema: "/v2/schemas/images".to_owned(),
            };
            Reply::json(200, &list)
        }
    }
}

fn make(world: &mut World, request: &Request, who: &Caller) -> Reply {
    let wanted = match request.json::<NewImage>() {
        Ok(wanted) => wanted,
        Err(why) => return glance(400, why),
    };
    if wanted.name.is_empty() || world.cloud.image(&wanted.name).is_some() {
        // the cloud finds an image by its name too
        let why = "An image of the simulated cloud needs a name that no other has.";
        return glance(409, why);
    }
    let call = Call::CreateImage(ImageSpec {
        name: wanted.name,
        src: None,
        disk_format: wanted.disk_format,
        container_format: wanted.container_format,
        public: wanted.visibility.as_deref() == Some("public"),
    });
    match world.call(call) {
        Err(error) => refused(error),
        Ok(accepted) => {
            let id = accepted.id.unwrap_or_default();
            let now = world.cloud.now();
            let state = &mut world.nova;
            state.image_status.insert(id.clone(), "queued".to_owned());
            state.image_owner.insert(id.clone(), who.project.clone());
            state.image_tags.insert(id.clone(), wanted.tags);
            state.made.insert(id.clone(), now);
            match find(world, who, &id) {
                Some(made) => Reply::json(201, &show(world, &made))
                    .with("location", format!("{}/image/v2/images/{id}", request.base))
                    .with("openstack-image-import-methods", "web-download"),
                None => no_image(&id),
            }
        }
    }
}

fn import(world: &mut World, request: &Request, image: &ImageView) -> Reply {
    let wanted = match request.json::<ImageImport>() {
        Ok(wanted) => wanted,
        Err(why) => return glance(400, why),
    };
    if status(world, &image.id) != "queued" {
        return glance(409, format!("Image {} is not queued.", image.id));
    }
    match (wanted.method.name.as_str(), wanted.method.uri) {
        ("web-download", Some(uri)) => {
            world
                .cloud
                .edit_image(&image.id, |spec| spec.src = Some(uri));
            world.nova.image_status.remove(&image.id);
            Reply::empty(202)
        }
        ("web-download", None) => glance(400, "web-download needs a uri"),
        (other, _) => glance(400, format!("Import method '{other}' is not simulated.")),
    }
}

/// `PATCH` by the members `name`, `visibility`, `disk_format` and `container_format`.
fn change(world: &mut World, request: &Request, image: &ImageView) -> Reply {
    let changes = match request.json::<Vec<Value>>() {
        Ok(changes) => changes,
        Err(why) => return glance(400, why),
    };
    let mut spec = image.spec.clone();
    for change in changes {
        let path = change
            .get("path")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let value = change
            .get("value")
            .and_then(Value::as_str)
            .map(str::to_owned);
        match (path, value) {
            ("/name", Some(name)) if name == spec.name => {}
            ("/visibility", Some(word)) => spec.public = word == "public",
            ("/disk_format", Some(word)) => spec.disk_format = Some(word),
            ("/container_format", Some(word)) => spec.container_format = Some(word),
            _ => return glance(501, format!("Changing '{path}' is not simulated.")),
        }
    }
    world.cloud.edit_image(&image.id, |known| *known = spec);
    match world.cloud.image(&image.id) {
        Some(found) => Reply::json(200, &show(world, &found)),
        None => no_image(&image.id),
    }
}
