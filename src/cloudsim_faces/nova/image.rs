//! Glance v2: images. Their content is kept if it is small, and counted else.

use serde_json::{Value, json};

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::{Caller, caller, glance};
use super::part::{filtered, next_link, page, sorted};
use super::state::ImageMore;
use super::{image_change, image_schema};
use crate::cloudsim::{Call, CallError, ImageView};
use crate::model::resource::ImageSpec;
use crate::proto::nova::{Image, NewImage};

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
        ("GET", ["v2", "schemas", name]) => image_schema::answer(name),
        ("GET", ["v2", "tasks"]) => Reply::json(
            200,
            &json!({ "tasks": [], "first": "/v2/tasks", "schema": "/v2/schemas/tasks" }),
        ),
        ("GET", ["v2", "images", id]) => match find(world, &who, id) {
            Some(found) => Reply::json(200, &value(world, &found)),
            None => no_image(id),
        },
        ("DELETE", ["v2", "images", id]) => match find(world, &who, id) {
            None => no_image(id),
            Some(found) if !owns(world, &who, &found) => {
                glance(403, "You are not permitted to delete this image.")
            }
            Some(found) if more(world, &found.id).protected => glance(
                403,
                format!("Image {id} is protected and cannot be deleted."),
            ),
            Some(found) => match world.call(Call::DeleteImage {
                id: found.id.clone(),
            }) {
                Ok(_) => {
                    world.nova.image_status.remove(&found.id);
                    world.nova.images.remove(&found.id);
                    Reply::empty(204)
                }
                Err(error) => refused(error),
            },
        },
        (_, ["v2", "images", id, rest @ ..]) if !(*rest == ["members"] && reads(request)) => {
            match find(world, &who, id) {
                Some(found) if owns(world, &who, &found) || reads(request) => {
                    image_change::answer(world, request, &found, rest)
                }
                Some(_) => glance(403, "You are not permitted to modify this image."),
                None => no_image(id),
            }
        }
        ("GET", ["v2", "images", id, "members"]) if find(world, &who, id).is_some() => Reply::json(
            200,
            &json!({ "members": [], "schema": "/v2/schemas/members" }),
        ),
        _ => glance(404, "The resource could not be found."),
    }
}

fn reads(request: &Request) -> bool {
    request.method == "GET"
}

/// There is none.
pub fn no_image(id: &str) -> Reply {
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

/// What an image has beside its formats.
pub fn more(world: &World, id: &str) -> ImageMore {
    world.nova.images.get(id).cloned().unwrap_or_default()
}

/// An image as shown, with its properties.
pub fn value(world: &World, image: &ImageView) -> Value {
    let more = more(world, &image.id);
    let mut shown = serde_json::to_value(show(world, image)).unwrap_or_default();
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("os_hidden".to_owned(), json!(false));
        shown.insert("virtual_size".to_owned(), Value::Null);
        let algorithm = more.sha512.as_ref().map(|_| "sha512");
        shown.insert("os_hash_algo".to_owned(), json!(algorithm));
        shown.insert("os_hash_value".to_owned(), json!(more.sha512));
        for (name, text) in more.properties {
            shown.entry(name).or_insert(Value::String(text));
        }
    }
    shown
}

fn show(world: &World, image: &ImageView) -> Image {
    let more = more(world, &image.id);
    let id = &image.id;
    let status = status(world, id).to_owned();
    let active = status == "active";
    let made = world.nova.made.get(id).copied().unwrap_or_default();
    let updated = format!("{}Z", world.text(more.updated.unwrap_or(made)));
    let made = format!("{}Z", world.text(made));
    let size = world.nova.image_size.get(id).copied().unwrap_or(SIZE);
    Image {
        id: id.clone(),
        name: image.spec.name.clone(),
        visibility: match (image.spec.public, &more.visibility) {
            (true, _) => "public".to_owned(),
            (false, Some(word)) => word.clone(),
            (false, None) => "private".to_owned(),
        },
        protected: more.protected,
        disk_format: image.spec.disk_format.clone(),
        container_format: image.spec.container_format.clone(),
        size: active.then_some(size),
        checksum: None,
        min_disk: more.min_disk,
        min_ram: more.min_ram,
        owner: Some(owner(world, id)),
        created_at: made,
        updated_at: updated,
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
    let mut all: Vec<Value> = all.iter().map(|image| value(world, image)).collect();
    // of several tags an image has all
    let tags = request.query.iter().filter(|(key, _)| key == "tag");
    for (_, tag) in tags {
        let tagged = |one: &Value| {
            let own = one.get("tags").and_then(Value::as_array);
            own.is_some_and(|own| own.contains(&json!(tag)))
        };
        all.retain(tagged);
    }
    for (key, least) in [("size_min", true), ("size_max", false)] {
        let Some(text) = request.param(key) else {
            continue;
        };
        let Ok(bound) = text.parse::<u64>() else {
            return glance(400, format!("Unable to filter by size: {key}={text}"));
        };
        all.retain(|one| {
            let size = one.get("size").and_then(Value::as_u64).unwrap_or(0);
            if least { size >= bound } else { size <= bound }
        });
    }
    let mut plain = request.clone();
    plain.query.retain(|(key, _)| {
        !matches!(
            key.as_str(),
            "tag" | "size_min" | "size_max" | "member_status"
        )
    });
    let mark = |one: &Value| {
        one.get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    match page(request, sorted(request, filtered(&plain, all)), mark, 1000) {
        Err(why) => glance(400, why),
        Ok((part, next)) => {
            let mut document = json!({
                "images": part, "first": "/v2/images", "schema": "/v2/schemas/images",
            });
            if let (Some(marker), Some(document)) = (next, document.as_object_mut()) {
                let link = next_link(request, "/v2/images", &marker).href;
                let path = link.strip_prefix(&request.base).unwrap_or(&link);
                document.insert("next".to_owned(), json!(path));
            }
            Reply::json(200, &document)
        }
    }
}

/// Members of a new image that are no properties of its own.
const MEMBERS: [&str; 10] = [
    "name",
    "visibility",
    "protected",
    "disk_format",
    "container_format",
    "min_disk",
    "min_ram",
    "tags",
    "os_hidden",
    "size",
];

fn told(request: &Request) -> Result<ImageMore, Reply> {
    let document = request.json::<Value>().map_err(|why| glance(400, why))?;
    let Some(document) = document.as_object() else {
        return Err(glance(400, "Expected an object."));
    };
    if document.contains_key("id") {
        return Err(glance(501, "Choosing the id of an image is not simulated."));
    }
    let mut more = ImageMore::default();
    for (name, value) in document {
        image_change::set(&mut more, name, value, &MEMBERS)?;
    }
    Ok(more)
}

fn make(world: &mut World, request: &Request, who: &Caller) -> Reply {
    let wanted = match request.json::<NewImage>() {
        Ok(wanted) => wanted,
        Err(why) => return glance(400, why),
    };
    let more = match told(request) {
        Ok(more) => more,
        Err(reply) => return reply,
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
            state.images.insert(id.clone(), more);
            match find(world, who, &id) {
                Some(made) => Reply::json(201, &value(world, &made))
                    .with("location", format!("{}/image/v2/images/{id}", request.base))
                    .with("openstack-image-import-methods", "web-download"),
                None => no_image(&id),
            }
        }
    }
}
