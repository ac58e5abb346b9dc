//! `POST /servers`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::{nova, refused};
use super::compute::{Ctx, add, body, with_request_id};
use super::network::usable;
use super::part::own_link;
use super::{flavor, image, place, schema, secure, server, volume};
use crate::cloudsim::{Call, Extra, NewInterface, NewVm};
use crate::ids::{CreateToken, VmName};
use crate::model::deployment::DayZero;
use crate::proto::nova::{CreatedServer, Name, NewServer, NewServerDocument, NewServerNetworks};

/// Makes a server, or several.
pub fn create(world: &mut World, ctx: &Ctx<'_>) -> Reply {
    match try_create(world, ctx) {
        Ok(reply) | Err(reply) => reply,
    }
}

fn try_create(world: &mut World, ctx: &Ctx<'_>) -> Result<Reply, Reply> {
    let document: Value = body(ctx)?;
    schema::closed(ctx, "the body", Some(&document), schema::NEW_SERVER)?;
    schema::closed(ctx, "server", document.get("server"), schema::SERVER)?;
    let mut wanted = body::<NewServerDocument>(ctx)?.server;
    if ctx.legacy {
        wanted.description = None;
        wanted.tags = Vec::new();
    }
    check(ctx, &wanted, &document)?;
    let wish = place::wish(world, ctx, &document)?;
    if let Some(key) = wanted
        .key_name
        .as_deref()
        .filter(|key| !knows_key(world, ctx, key))
    {
        return Err(nova(400, format!("Invalid key_name provided: {key}")));
    }
    let image = image_of(world, ctx, &wanted)?;
    // older clients send the address of a flavor instead of its id
    let flavor = wanted.flavor_ref.rsplit('/').next().unwrap_or_default();
    let Some(flavor) = flavor::find(world, &ctx.who, flavor) else {
        let id = &wanted.flavor_ref;
        return Err(nova(400, format!("Flavor {id} could not be found.")));
    };
    let interfaces = interfaces(world, ctx, wanted.networks.as_ref())?;
    let reservation = format!("r-{}", short(&world.uuid()));
    let mut notes = more_notes(ctx, &document)?;
    if let Some(group) = &wish.group {
        notes.insert("group".to_owned(), group.id.clone());
    }
    let password = match wanted.admin_pass.clone() {
        Some(password) => password,
        None => short(&world.uuid()),
    };
    let count = count(&wanted)?;
    let mut first = None;
    for number in 1..=count {
        let mut extra = extra(ctx, &wanted, &reservation);
        extra.notes.extend(notes.clone());
        if let Some(volumes) = volume::made(world, &wanted.block_device_mapping_v2) {
            extra.notes.insert("volumes".to_owned(), volumes);
        }
        let name = match count {
            1 => wanted.name.clone(),
            _ => format!("{}-{number}", wanted.name),
        };
        let new = NewVm {
            name: VmName::new(&name),
            logical: logical(&wanted, &name),
            token: CreateToken::new(world.uuid()),
            tenant: Some(ctx.who.tenant()),
            image: image.clone(),
            flavor: flavor.id.clone(),
            interfaces: interfaces.clone(),
            volumes: Vec::new(),
            config_data: day_zero(&wanted),
            extra,
            stays_off: false,
            hosts: place::hosts(world, &wish),
        };
        let accepted = world.call(Call::CreateVm(Box::new(new))).map_err(refused)?;
        let note = format!("{} {}", ctx.who.user, ctx.who.project);
        world.cloud.annotate(&accepted.op, note);
        first.get_or_insert(accepted);
    }
    let Some(first) = first else {
        return Err(nova(400, "max_count must be greater than zero"));
    };
    let id = first.id.unwrap_or_default();
    let link = |base: &str, rel: &str| own_link(rel, format!("{base}/servers/{id}"));
    let made = CreatedServer {
        links: vec![link(&ctx.root, "self"), link(&ctx.request.base, "bookmark")],
        admin_pass: Some(password),
        disk_config: Some(
            notes
                .get("disk_config")
                .map_or("MANUAL", String::as_str)
                .to_owned(),
        ),
        security_groups: vec![Name {
            name: "default".to_owned(),
        }],
        id: id.clone(),
    };
    let mut document = json!({ "server": made });
    if asks_reservation(ctx) {
        document = json!({ "reservation_id": reservation });
    }
    let reply = Reply::json(202, &document).with("location", format!("{}/servers/{id}", ctx.root));
    Ok(with_request_id(reply, &first.op))
}

/// The name that stays the same over redeploys: that of Lifeline's own token if the server carries one, else its own.
fn logical(wanted: &NewServer, name: &str) -> VmName {
    let token = wanted.metadata.get("lifeline.token");
    match token.and_then(|token| token.rsplit_once('.')) {
        Some((logical, generation)) if generation.parse::<u32>().is_ok() => VmName::new(logical),
        _ => VmName::new(name),
    }
}

fn asks_reservation(ctx: &Ctx<'_>) -> bool {
    let document = ctx.request.json::<Value>().unwrap_or_default();
    document.pointer("/server/return_reservation_id") == Some(&Value::Bool(true))
}

fn short(uuid: &str) -> String {
    uuid.chars()
        .filter(char::is_ascii_hexdigit)
        .take(12)
        .collect()
}

fn check(ctx: &Ctx<'_>, wanted: &NewServer, document: &Value) -> Result<(), Reply> {
    let bad = |why: String| Err(nova(400, why));
    let length = wanted.name.chars().count();
    if wanted.name.trim().is_empty() || length > 255 {
        return bad(format!(
            "Invalid input for field/attribute name. Value: {}. Its length must be from 1 to 255",
            wanted.name
        ));
    }
    if ctx.since(37) && wanted.networks.is_none() {
        return bad(
            "Invalid input for field/attribute server. 'networks' is a required property"
                .to_owned(),
        );
    }
    if !ctx.since(37) && matches!(wanted.networks, Some(NewServerNetworks::Word(_))) {
        return bad(
            "Invalid input for field/attribute networks. It is not of type 'array'".to_owned(),
        );
    }
    if let Some(name) = wanted
        .security_groups
        .iter()
        .map(|group| &group.name)
        .find(|name| !secure::knows(&ctx.who.project, name))
    {
        let project = &ctx.who.project;
        return bad(format!(
            "Security group {name} not found for project {project}."
        ));
    }
    if let Some(data) = &wanted.user_data
        && STANDARD.decode(data.as_bytes()).is_err()
    {
        return bad("Invalid input for field/attribute user_data. It is not a 'base64'".to_owned());
    }
    let given = |member: &str| {
        let found = document.pointer(&format!("/server/{member}"));
        found.is_some_and(|value| !value.is_null() && *value != json!([]))
    };
    if given("trusted_image_certificates") {
        return Err(nova(501, "Trusted image certificates are not simulated."));
    }
    if given("block_device_mapping") {
        return bad("Block Device Mapping is Invalid: volumes are not simulated.".to_owned());
    }
    if wanted.metadata.len() > 128 {
        return Err(nova(403, "Maximum number of metadata items exceeds 128"));
    }
    Ok(())
}

/// The image named, or the one that the first disk is made from.
fn image_of(world: &World, ctx: &Ctx<'_>, wanted: &NewServer) -> Result<String, Reply> {
    let named = wanted.image_ref.as_deref().filter(|id| !id.is_empty());
    let mut disks = wanted.block_device_mapping_v2.iter();
    let disk = disks.find(|disk| volume::boots(disk));
    let others = wanted.block_device_mapping_v2.iter();
    if others
        .into_iter()
        .any(|disk| matches!(disk.source_type.as_str(), "volume" | "snapshot"))
    {
        return Err(nova(
            400,
            "Block Device Mapping is Invalid: volumes are not simulated.",
        ));
    }
    let from_disk = disk
        .filter(|disk| disk.source_type == "image")
        .and_then(|disk| disk.uuid.as_deref());
    let Some(id) = named.or(from_disk) else {
        return Err(nova(
            400,
            "Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.",
        ));
    };
    let id = id.rsplit('/').next().unwrap_or(id);
    let Some(found) = image::find(world, &ctx.who, id) else {
        return Err(nova(400, format!("Image {id} could not be found.")));
    };
    match image::status(world, &found.id) {
        "active" => Ok(found.id),
        _ => Err(nova(400, format!("Image {id} is not active."))),
    }
}

fn interfaces(
    world: &World,
    ctx: &Ctx<'_>,
    wanted: Option<&NewServerNetworks>,
) -> Result<Vec<NewInterface>, Reply> {
    let plain = |network: String| NewInterface {
        nicid: 0,
        network,
        kind: "virtual".to_owned(),
        ip_address: None,
        mac_address: None,
        port_id: None,
    };
    let list = match wanted {
        Some(NewServerNetworks::List(list)) if !list.is_empty() => list,
        Some(NewServerNetworks::Word(word)) if word == "none" => return Ok(Vec::new()),
        Some(NewServerNetworks::Word(word)) if word != "auto" => {
            return Err(nova(
                400,
                format!("Invalid input for field/attribute networks. Value: {word}."),
            ));
        }
        // as Neutron would have it: the project's only network, if there is one
        _ => {
            let usable = usable(world, &ctx.who);
            return match usable.as_slice() {
                [] => Ok(Vec::new()),
                [only] => Ok(vec![plain(only.id.clone())]),
                _ => Err(nova(
                    409,
                    "Multiple possible networks found, use a Network ID to be more specific.",
                )),
            };
        }
    };
    let mut made = Vec::with_capacity(list.len());
    for (nicid, one) in list.iter().enumerate() {
        let nicid = u32::try_from(nicid).unwrap_or(u32::MAX);
        let interface = match (&one.port, &one.uuid) {
            (Some(port), _) => {
                let ports = world.cloud.ports();
                let found = ports.iter().find(|known| known.nic.port_id == *port);
                match found {
                    Some(found) if ctx.who.sees(found.tenant.as_ref()) => {
                        if found.vm.is_some() {
                            return Err(nova(409, format!("Port {port} is still in use.")));
                        }
                        NewInterface {
                            nicid,
                            port_id: Some(port.clone()),
                            ..plain(found.nic.network.clone())
                        }
                    }
                    _ => return Err(nova(400, format!("Port id {port} could not be found."))),
                }
            }
            (None, Some(network)) => {
                let known = usable(world, &ctx.who);
                if !known.iter().any(|known| known.id == *network) {
                    return Err(nova(400, format!("Network {network} could not be found.")));
                }
                NewInterface {
                    nicid,
                    ip_address: one.fixed_ip.clone(),
                    ..plain(network.clone())
                }
            }
            (None, None) => {
                return Err(nova(400, "Bad network format: missing 'uuid'"));
            }
        };
        made.push(interface);
    }
    Ok(made)
}

fn count(wanted: &NewServer) -> Result<u64, Reply> {
    let read = |value: &Option<Value>, name: &str| match value {
        None => Ok(1),
        Some(Value::Number(number)) => Ok(number.as_u64().unwrap_or(0)),
        Some(Value::String(text)) => text
            .parse()
            .map_err(|_| nova(400, format!("Invalid input for field/attribute {name}."))),
        Some(_) => Err(nova(
            400,
            format!("Invalid input for field/attribute {name}."),
        )),
    };
    let least = read(&wanted.min_count, "min_count")?;
    let most = match &wanted.max_count {
        None => least,
        most => read(most, "max_count")?,
    };
    match (1..=100).contains(&most) && least >= 1 && least <= most {
        true => Ok(most),
        false => Err(nova(
            400,
            "min_count must be <= max_count, and max_count at most 100",
        )),
    }
}

fn day_zero(wanted: &NewServer) -> Vec<DayZero> {
    let file = |dst: &str, data: &str| DayZero {
        dst: dst.to_owned(),
        file: None,
        data: Some(data.to_owned()),
        variables: Vec::new(),
    };
    let files = wanted.personality.iter();
    let mut all: Vec<DayZero> = files.map(|one| file(&one.path, &one.contents)).collect();
    if let Some(data) = &wanted.user_data {
        all.push(file("--user-data", data));
    }
    all
}

fn extra(ctx: &Ctx<'_>, wanted: &NewServer, reservation: &str) -> Extra {
    let mut notes = BTreeMap::new();
    let mut note = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            notes.insert(key.to_owned(), value);
        }
    };
    note("user", Some(ctx.who.user.clone()));
    note("reservation", Some(reservation.to_owned()));
    note("description", wanted.description.clone());
    note("key_name", wanted.key_name.clone());
    note("user_data", wanted.user_data.clone());
    note(
        "tags",
        Some(wanted.tags.join("\n")).filter(|tags| !tags.is_empty()),
    );
    note(
        "config_drive",
        wanted
            .config_drive
            .filter(|flag| *flag)
            .map(|_| "True".to_owned()),
    );
    Extra {
        metadata: wanted.metadata.clone(),
        notes,
    }
}

/// What is kept and shown again, and changes nothing.
fn more_notes(ctx: &Ctx<'_>, document: &Value) -> Result<BTreeMap<String, String>, Reply> {
    let mut notes = BTreeMap::new();
    let kept = [
        ("accessIPv4", "accessIPv4", 1),
        ("accessIPv6", "accessIPv6", 1),
        ("OS-DCF:diskConfig", "disk_config", 1),
        ("hostname", "hostname", 90),
    ];
    for (member, note, from) in kept {
        let value = document.pointer(&format!("/server/{member}"));
        let Some(value) = value.filter(|_| ctx.since(from)) else {
            continue;
        };
        let text = value.as_str();
        let fits = |text: &&str| match note {
            "accessIPv4" => text.is_empty() || text.parse::<std::net::Ipv4Addr>().is_ok(),
            "accessIPv6" => text.is_empty() || text.parse::<std::net::Ipv6Addr>().is_ok(),
            "disk_config" => matches!(*text, "AUTO" | "MANUAL"),
            _ => (1..=255).contains(&text.len()),
        };
        let Some(text) = text.filter(fits) else {
            let why = format!("Invalid input for field/attribute {member}. Value: {value}.");
            return Err(nova(400, why));
        };
        notes.insert(note.to_owned(), text.to_owned());
    }
    Ok(notes)
}

fn knows_key(world: &World, ctx: &Ctx<'_>, name: &str) -> bool {
    let key = (ctx.who.user.clone(), name.to_owned());
    world.nova.keypairs.contains_key(&key)
}

/// A server after an action that answers with it.
pub fn shown_again(world: &World, ctx: &Ctx<'_>, id: &str, status: u16) -> Reply {
    match ctx.server(world, id) {
        Ok(vm) => {
            let mut document = server::document(world, ctx, &vm);
            add(&mut document, &[("adminPass", json!(short(id)))]);
            Reply::json(status, &json!({ "server": document }))
        }
        Err(reply) => reply,
    }
}
