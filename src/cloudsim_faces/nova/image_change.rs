//! Glance v2: what changes of an image that is there: members, properties, tags, content, state.

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha512};

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::glance;
use super::image::{more, no_image, status, value};
use super::state::ImageMore;
use crate::cloudsim::ImageView;
use crate::proto::nova::{ImageImport, truth_of};

/// Octets of content that are kept, to be read again.
const KEPT: usize = 1024 * 1024;

/// Answers below `/v2/images/{id}`.
pub fn answer(world: &mut World, request: &Request, image: &ImageView, path: &[&str]) -> Reply {
    let id = &image.id;
    match (request.method.as_str(), path) {
        ("PATCH", []) => match change(world, request, image) {
            Ok(reply) | Err(reply) => reply,
        },
        ("PUT", ["file"]) => upload(world, request, image),
        ("GET", ["file"]) => match (more(world, id).content, status(world, id)) {
            (Some(content), "active") => {
                Reply::text(200, "application/octet-stream", content.as_slice())
            }
            (_, "queued") => Reply::empty(204),
            (_, "deactivated") => glance(
                403,
                format!("The requested image {id} has been deactivated."),
            ),
            _ => glance(501, "The content of this image was not kept."),
        },
        ("POST", ["import"]) => import(world, request, image),
        ("POST", ["actions", word @ ("deactivate" | "reactivate")]) => {
            match (*word, status(world, id)) {
                ("deactivate", "active" | "deactivated") => {
                    let state = "deactivated".to_owned();
                    world.nova.image_status.insert(id.clone(), state);
                    Reply::empty(204)
                }
                ("reactivate", "active" | "deactivated") => {
                    world.nova.image_status.remove(id);
                    Reply::empty(204)
                }
                (_, state) => glance(
                    403,
                    format!("Not allowed to {word} image in status '{state}'"),
                ),
            }
        }
        (method @ ("PUT" | "DELETE"), ["tags", tag]) => {
            let tags = world.nova.image_tags.entry(id.clone()).or_default();
            let there = tags.iter().position(|known| known == tag);
            match (method, there) {
                ("DELETE", None) => return glance(404, format!("Tag {tag} could not be found.")),
                ("DELETE", Some(at)) => {
                    tags.remove(at);
                }
                (_, None) => tags.push((*tag).to_owned()),
                _ => {}
            }
            Reply::empty(204)
        }
        (_, ["members", ..]) => glance(501, "Sharing an image is not simulated."),
        _ => glance(404, "The resource could not be found."),
    }
}

fn upload(world: &mut World, request: &Request, image: &ImageView) -> Reply {
    let kind = request
        .header("content-type")
        .unwrap_or("application/octet-stream");
    if kind != "application/octet-stream" {
        return glance(415, "The content of an image is application/octet-stream.");
    }
    let id = &image.id;
    let state = status(world, id);
    if state != "queued" {
        let why = format!("Image status transition from {state} to saving is not allowed");
        return glance(409, why);
    }
    let size = u64::try_from(request.body.len()).unwrap_or(u64::MAX);
    let digest = Sha512::digest(&request.body);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let now = world.cloud.now();
    world.nova.image_size.insert(id.clone(), size);
    world.nova.image_status.remove(id);
    let more = world.nova.images.entry(id.clone()).or_default();
    more.sha512 = Some(digest);
    more.updated = Some(now);
    more.content = (request.body.len() <= KEPT).then(|| Arc::new(request.body.clone()));
    Reply::empty(204)
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

fn number(name: &str, value: &Value) -> Result<u64, Reply> {
    let why = || {
        glance(
            400,
            format!("Provided object does not match schema 'image': {name} {value}"),
        )
    };
    value.as_u64().ok_or_else(why)
}

/// Sets a member that the face keeps; those of `others` are somebody else's.
pub fn set(more: &mut ImageMore, name: &str, value: &Value, others: &[&str]) -> Result<(), Reply> {
    let bad = || {
        let why = format!("Provided object does not match schema 'image': {name} {value}");
        glance(400, why)
    };
    match name {
        "protected" => more.protected = value.as_bool().ok_or_else(bad)?,
        "min_disk" => more.min_disk = number(name, value)?,
        "min_ram" => more.min_ram = number(name, value)?,
        "visibility" => match value.as_str() {
            Some("public" | "private") => more.visibility = None,
            Some("shared") => more.visibility = Some("shared".to_owned()),
            Some("community") => return Err(glance(501, "Community images are not simulated.")),
            _ => return Err(bad()),
        },
        "os_hidden" if truth_of(value) == Some(false) => {}
        "os_hidden" => return Err(glance(501, "Hidden images are not simulated.")),
        "checksum" | "status" | "owner" | "created_at" | "updated_at" | "self" | "file"
        | "schema" | "id" | "direct_url" | "os_hash_algo" | "os_hash_value" | "virtual_size" => {
            return Err(glance(403, format!("Attribute '{name}' is read-only.")));
        }
        name if others.contains(&name) => {}
        name => {
            let text = value.as_str().ok_or_else(bad)?.to_owned();
            more.properties.insert(name.to_owned(), text);
        }
    }
    Ok(())
}

/// `PATCH`: all of its operations, or none.
fn change(world: &mut World, request: &Request, image: &ImageView) -> Result<Reply, Reply> {
    let kind = request.header("content-type").unwrap_or_default();
    if !kind.is_empty() && !kind.starts_with("application/openstack-images-v2") {
        return Err(glance(415, format!("Unsupported Media Type: {kind}")));
    }
    let changes = request
        .json::<Vec<Value>>()
        .map_err(|why| glance(400, why))?;
    let id = &image.id;
    let mut spec = image.spec.clone();
    let mut more = more(world, id);
    let mut tags = world.nova.image_tags.get(id).cloned().unwrap_or_default();
    for change in &changes {
        let text = |key: &str| change.get(key).and_then(Value::as_str).unwrap_or_default();
        let path = text("path")
            .trim_start_matches('/')
            .replace("~1", "/")
            .replace("~0", "~");
        let value = change.get("value");
        let word = value.and_then(Value::as_str).map(str::to_owned);
        match (text("op"), path.as_str(), value) {
            ("remove", name, _) => {
                if more.properties.remove(name).is_none() {
                    return Err(glance(409, format!("Property {name} does not exist.")));
                }
            }
            ("add" | "replace", "name", _) => {
                spec.name = word.ok_or_else(|| glance(400, "The name of an image is a text."))?;
            }
            ("add" | "replace", "disk_format", _) => spec.disk_format = word,
            ("add" | "replace", "container_format", _) => spec.container_format = word,
            ("add" | "replace", "tags", Some(list)) => {
                let read = serde_json::from_value::<Vec<String>>(list.clone());
                tags = read.map_err(|_| glance(400, "Tags are a list of texts."))?;
            }
            ("add" | "replace", "size", _) => {
                return Err(glance(403, "Attribute 'size' is read-only."));
            }
            ("add" | "replace", name, Some(value)) if !name.is_empty() => {
                set(&mut more, name, value, &[])?;
                if name == "visibility" {
                    spec.public = word.as_deref() == Some("public");
                }
            }
            (op, path, _) => return Err(glance(400, format!("Invalid operation: {op} {path}"))),
        }
    }
    if spec.name != image.spec.name && !world.cloud.rename_image(id, &spec.name) {
        let why = "An image of the simulated cloud needs a name that no other has.";
        return Err(glance(409, why));
    }
    more.updated = Some(world.cloud.now());
    world.cloud.edit_image(id, |known| *known = spec);
    world.nova.images.insert(id.clone(), more);
    world.nova.image_tags.insert(id.clone(), tags);
    match world.cloud.image(id) {
        Some(found) => Ok(Reply::json(200, &value_of(world, &found))),
        None => Err(no_image(id)),
    }
}

fn value_of(world: &World, image: &ImageView) -> Value {
    value(world, image)
}
