//! The small things about a server that can be read or changed: name, metadata, tags, interfaces.

use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::nova;
use super::compute::{Ctx, body};
use super::server::{addresses, show, tags};
use super::volume;
use crate::cloudsim::{NewInterface, Power, VmView};

/// What is below a server beside its actions.
pub fn part(world: &mut World, ctx: &Ctx<'_>, vm: &VmView, path: &[&str]) -> Reply {
    match (ctx.request.method.as_str(), path) {
        ("PUT", []) => update(world, ctx, vm),
        (_, ["metadata", rest @ ..]) => metadata(world, ctx, vm, rest),
        (_, ["tags", rest @ ..]) if ctx.since(26) => tagging(world, ctx, vm, rest),
        ("GET", ["ips"]) => Reply::json(200, &json!({ "addresses": addresses(world, vm) })),
        ("GET", ["ips", network]) => match addresses(world, vm).remove(*network) {
            Some(found) => Reply::json(200, &json!({ *network: found })),
            None => nova(404, "Instance is not a member of specified network"),
        },
        (_, ["os-interface", rest @ ..]) => interfaces(world, ctx, vm, rest),
        (_, ["os-volume_attachments", rest @ ..]) => volume::answer(ctx, vm, rest),
        ("GET", ["os-security-groups"]) => {
            let project = super::server::project_of(world, vm);
            let groups: Vec<Value> = match vm.interfaces.is_empty() {
                true => Vec::new(),
                false => vec![super::secure::of_nova(&project)],
            };
            Reply::json(200, &json!({ "security_groups": groups }))
        }
        ("GET", ["migrations"]) => Reply::json(200, &json!({ "migrations": [] })),
        (
            _,
            [
                word @ ("diagnostics" | "topology" | "remote-consoles" | "os-server-password"
                | "shares"),
                ..,
            ],
        ) => nova(501, format!("'{word}' of a server is not simulated.")),
        _ => nova(404, "The resource could not be found."),
    }
}

fn update(world: &mut World, ctx: &Ctx<'_>, vm: &VmView) -> Reply {
    let document: Value = match body(ctx) {
        Ok(document) => document,
        Err(reply) => return reply,
    };
    let Some(wanted) = document.get("server").and_then(Value::as_object) else {
        return nova(400, "Invalid input: 'server' is a required property");
    };
    let mut name = None;
    let mut notes = Vec::new();
    for (key, value) in wanted {
        match (key.as_str(), value.as_str()) {
            ("name", Some(text)) if !text.trim().is_empty() => name = Some(text.to_owned()),
            ("accessIPv4" | "accessIPv6", Some(text)) => {
                notes.push((key.clone(), Some(text.to_owned())))
            }
            ("description", text) if ctx.since(19) => {
                notes.push((key.clone(), text.map(str::to_owned)))
            }
            ("OS-DCF:diskConfig", Some(text)) => {
                notes.push(("disk_config".to_owned(), Some(text.to_owned())))
            }
            _ => return nova(400, format!("Invalid input for field/attribute {key}.")),
        }
    }
    world.cloud.edit_vm(&vm.id, name.as_deref(), |extra| {
        for (key, value) in notes {
            match value {
                Some(value) => extra.notes.insert(key, value),
                None => extra.notes.remove(&key),
            };
        }
    });
    match ctx.server(world, vm.id.as_str()) {
        Ok(vm) => show(world, ctx, &vm),
        Err(reply) => reply,
    }
}

fn metadata(world: &mut World, ctx: &Ctx<'_>, vm: &VmView, path: &[&str]) -> Reply {
    type Pairs = std::collections::BTreeMap<String, String>;
    let read = |key: &str| -> Result<Pairs, Reply> {
        let document: Value = body(ctx)?;
        let pairs = document.get(key).cloned().unwrap_or_default();
        serde_json::from_value(pairs).map_err(|why| nova(400, format!("Invalid input: {why}")))
    };
    let missing = || nova(404, "Metadata item was not found");
    let mut all = vm.extra.metadata.clone();
    let (reply, changed) = match (ctx.request.method.as_str(), path) {
        ("GET", []) => (Reply::json(200, &json!({ "metadata": all })), false),
        ("GET", [key]) => match all.get(*key) {
            Some(value) => (Reply::json(200, &json!({ "meta": { *key: value } })), false),
            None => return missing(),
        },
        (method @ ("POST" | "PUT"), []) => match read("metadata") {
            Err(reply) => return reply,
            Ok(pairs) => {
                if method == "PUT" {
                    all.clear();
                }
                all.extend(pairs);
                (Reply::json(200, &json!({ "metadata": all })), true)
            }
        },
        ("PUT", [key]) => match read("meta") {
            Err(reply) => return reply,
            Ok(pairs) if pairs.len() == 1 && pairs.contains_key(*key) => {
                all.extend(pairs.clone());
                (Reply::json(200, &json!({ "meta": pairs })), true)
            }
            Ok(_) => return nova(400, "Request body and URI mismatch"),
        },
        ("DELETE", [key]) => match all.remove(*key) {
            Some(_) => (Reply::empty(204), true),
            None => return missing(),
        },
        _ => return nova(405, "The method is not allowed."),
    };
    if changed {
        if all.len() > 128 {
            return nova(403, "Maximum number of metadata items exceeds 128");
        }
        world
            .cloud
            .edit_vm(&vm.id, None, |extra| extra.metadata = all);
    }
    reply
}

fn tagging(world: &mut World, ctx: &Ctx<'_>, vm: &VmView, path: &[&str]) -> Reply {
    let mut all = tags(vm);
    let reply = match (ctx.request.method.as_str(), path) {
        ("GET", []) => return Reply::json(200, &json!({ "tags": all })),
        ("GET", [tag]) => {
            let there = all.iter().any(|known| known == tag);
            return if there {
                Reply::empty(204)
            } else {
                nova(404, format!("Instance has no tag '{tag}'"))
            };
        }
        ("PUT", []) => {
            let document: Value = match body(ctx) {
                Ok(document) => document,
                Err(reply) => return reply,
            };
            let wanted = document.get("tags").cloned().unwrap_or_default();
            let Ok(wanted) = serde_json::from_value::<Vec<String>>(wanted) else {
                return nova(400, "Invalid input: tags are a list of texts");
            };
            all = wanted;
            Reply::json(200, &json!({ "tags": all }))
        }
        ("PUT", [tag]) => {
            let new = !all.iter().any(|known| known == tag);
            if new {
                all.push((*tag).to_owned());
            }
            Reply::empty(if new { 201 } else { 204 })
        }
        ("DELETE", []) => {
            all.clear();
            Reply::empty(204)
        }
        ("DELETE", [tag]) => {
            let before = all.len();
            all.retain(|known| known != tag);
            if all.len() == before {
                return nova(404, format!("Instance has no tag '{tag}'"));
            }
            Reply::empty(204)
        }
        _ => return nova(405, "The method is not allowed."),
    };
    let words = all.join("\n");
    world.cloud.edit_vm(&vm.id, None, |extra| {
        extra.notes.insert("tags".to_owned(), words);
    });
    reply
}

fn interfaces(world: &mut World, ctx: &Ctx<'_>, vm: &VmView, path: &[&str]) -> Reply {
    let show = |nic: &crate::model::event::InterfaceInfo| {
        json!({
            "port_id": nic.port_id,
            "net_id": nic.network,
            "mac_addr": nic.mac_address,
            "port_state": if vm.actual == Power::Running { "ACTIVE" } else { "DOWN" },
            "fixed_ips": [{ "subnet_id": nic.subnet, "ip_address": nic.ip_address }],
        })
    };
    match (ctx.request.method.as_str(), path) {
        ("GET", []) => {
            let all: Vec<Value> = vm.interfaces.iter().map(show).collect();
            Reply::json(200, &json!({ "interfaceAttachments": all }))
        }
        ("GET", [port]) => match vm.interfaces.iter().find(|nic| nic.port_id == *port) {
            Some(nic) => Reply::json(200, &json!({ "interfaceAttachment": show(nic) })),
            None => nova(404, format!("Port id {port} could not be found.")),
        },
        ("POST", []) => {
            let document: Value = match body(ctx) {
                Ok(document) => document,
                Err(reply) => return reply,
            };
            let member = |path: &str| {
                let found = document.pointer(&format!("/interfaceAttachment/{path}"));
                found.and_then(Value::as_str).map(str::to_owned)
            };
            let position = vm.interfaces.iter().map(|nic| nic.nicid + 1).max();
            let wanted = NewInterface {
                nicid: position.unwrap_or(0),
                network: member("net_id").unwrap_or_default(),
                kind: "virtual".to_owned(),
                ip_address: member("fixed_ips/0/ip_address"),
                mac_address: None,
                port_id: member("port_id"),
            };
            match world.cloud.plug(&vm.id, &wanted) {
                Ok(nic) => Reply::json(200, &json!({ "interfaceAttachment": show(&nic) })),
                Err(why) => nova(400, why),
            }
        }
        ("DELETE", [port]) => match world.cloud.unplug(&vm.id, port) {
            true => Reply::empty(202),
            false => nova(404, format!("Port id {port} could not be found.")),
        },
        _ => nova(405, "The method is not allowed."),
    }
}
