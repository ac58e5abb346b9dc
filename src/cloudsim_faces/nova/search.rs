//! What servers can be searched and sorted by.

use super::super::http::Reply;
use super::super::world::World;
use super::access::nova;
use super::compute::Ctx;
use super::server::{hostname, note, project_of, tags};
use super::status::states;
use crate::clock::Timestamp;
use crate::cloudsim::VmView;
use crate::proto::nova::truth_of;

/// Parameters that are no filters, and filters that what is simulated has one value of.
const NO_FILTERS: [&str; 9] = [
    "limit",
    "marker",
    "sort_key",
    "sort_dir",
    "all_tenants",
    "tenant_id",
    "project_id",
    "soft_deleted",
    "fields",
];

/// Filters of Nova's that are not simulated.
const NOT_HERE: [&str; 22] = [
    "auto_disk_config",
    "block_device_mapping",
    "cell_name",
    "created_at",
    "disable_terminate",
    "ephemeral_gb",
    "id",
    "kernel_id",
    "launched_at",
    "launch_index",
    "locked_by",
    "memory_mb",
    "not-metadata",
    "ramdisk_id",
    "root_gb",
    "services",
    "shutdown_terminate",
    "system_metadata",
    "terminated_at",
    "vcpus",
    "instance_type_id",
    "updated_at",
];

fn bad(key: &str, value: &str) -> Reply {
    let why = format!("Invalid input for query parameters {key}. Value: {value}.");
    nova(400, why)
}

/// A moment as Nova reads it: without a zone it is of UTC, without a time the day's first.
pub fn moment(key: &str, value: &str) -> Result<Timestamp, Reply> {
    let day = value.len() == "2026-11-22".len();
    let forms = [
        value.to_owned(),
        format!("{value}Z"),
        format!("{value}T00:00:00Z"),
    ];
    let mut read = forms.iter().enumerate().filter(|(at, _)| day || *at < 2);
    read.find_map(|(_, text)| text.parse().ok())
        .ok_or_else(|| bad(key, value))
}

/// As Nova stores it: to the second, so that what it showed finds what it showed it of.
pub fn to_second(moment: Timestamp) -> String {
    moment.to_string().chars().take(19).collect()
}

fn flag(key: &str, value: &str) -> Result<bool, Reply> {
    truth_of(&value.into()).ok_or_else(|| bad(key, value))
}

/// Leaves those that a parameter of the query asks for.
pub fn filter(
    world: &World,
    ctx: &Ctx<'_>,
    all: &mut Vec<VmView>,
    key: &str,
    value: &str,
) -> Result<(), Reply> {
    let any = |vm: &VmView| {
        let own = tags(vm);
        value.split(',').any(|tag| own.iter().any(|own| own == tag))
    };
    let every = |vm: &VmView| {
        let own = tags(vm);
        value.split(',').all(|tag| own.iter().any(|own| own == tag))
    };
    let is = |text: Option<&str>| text.unwrap_or_default() == value;
    match key {
        "name" => all.retain(|vm| matches(vm.name.as_str(), value)),
        "status" => {
            // several: any of them
            let query = ctx.request.query.iter();
            let wanted: Vec<&String> = query
                .filter(|(key, _)| key == "status")
                .map(|(_, value)| value)
                .collect();
            all.retain(|vm| {
                let status = states(world, vm).status;
                wanted
                    .iter()
                    .any(|wanted| status.as_str().eq_ignore_ascii_case(wanted))
            });
        }
        "vm_state" => all.retain(|vm| states(world, vm).vm == value),
        "task_state" => all.retain(|vm| states(world, vm).task == Some(value)),
        "power_state" => {
            let wanted: i64 = value.parse().map_err(|_| bad(key, value))?;
            all.retain(|vm| states(world, vm).power.number() == wanted);
        }
        "uuid" => all.retain(|vm| vm.id.as_str() == value),
        "host" | "node" | "hypervisor_hostname" => all.retain(|vm| vm.host_name == value),
        "user_id" => all.retain(|vm| note(vm, "user") == Some(value)),
        "key_name" => all.retain(|vm| is(note(vm, "key_name"))),
        "reservation_id" => all.retain(|vm| is(note(vm, "reservation"))),
        "hostname" => all.retain(|vm| hostname(vm) == value),
        "description" | "display_description" => {
            all.retain(|vm| matches(note(vm, "description").unwrap_or_default(), value))
        }
        "access_ip_v4" => all.retain(|vm| is(note(vm, "accessIPv4"))),
        "access_ip_v6" => all.retain(|vm| is(note(vm, "accessIPv6"))),
        "root_device_name" => all.retain(|_| value == "/dev/vda"),
        "progress" => all.retain(|_| value == "0"),
        "availability_zone" => {
            all.retain(|vm| (if vm.host_name.is_empty() { "" } else { "nova" }) == value)
        }
        "config_drive" => {
            let wanted = !value.is_empty() && flag(key, value)?;
            all.retain(|vm| note(vm, "config_drive").is_some() == wanted);
        }
        "image" | "image_ref" => all.retain(|vm| {
            let found = world.cloud.image(&vm.image);
            found.is_some_and(|found| found.id == value)
        }),
        "flavor" => all.retain(|vm| {
            let found = world.cloud.flavor(&vm.flavor);
            found.is_some_and(|found| found.id == value)
        }),
        "ip" | "ip6" => all.retain(|vm| {
            let mut nics = vm.interfaces.iter();
            nics.any(|nic| matches(&nic.ip_address, value))
        }),
        "tags" if ctx.since(26) => all.retain(every),
        "tags-any" if ctx.since(26) => all.retain(any),
        "not-tags" if ctx.since(26) => all.retain(|vm| !every(vm)),
        "not-tags-any" if ctx.since(26) => all.retain(|vm| !any(vm)),
        "locked" if ctx.since(73) => {
            let wanted = flag(key, value)?;
            all.retain(|vm| note(vm, "locked").is_some() == wanted);
        }
        "metadata" => {
            let wanted: std::collections::BTreeMap<String, String> = serde_json::from_str(value)
                .map_err(|_| nova(400, "metadata is not a JSON object of texts"))?;
            all.retain(|vm| {
                let mut wanted = wanted.iter();
                wanted.all(|(key, value)| vm.extra.metadata.get(key) == Some(value))
            });
        }
        "changes-since" => {
            let since = to_second(moment(key, value)?);
            all.retain(|vm| to_second(world.at(vm.updated)) >= since);
        }
        "changes-before" if ctx.since(66) => {
            let before = to_second(moment(key, value)?);
            all.retain(|vm| to_second(world.at(vm.updated)) <= before);
        }
        // whoever is no administrator is not asked about it
        "deleted" if ctx.who.admin && flag(key, value)? => {
            return Err(nova(
                501,
                "Servers that are gone are not simulated in lists.",
            ));
        }
        "deleted" => {}
        known if NO_FILTERS.contains(&known) => {}
        known if NOT_HERE.contains(&known) => {
            return Err(nova(501, format!("The filter '{known}' is not simulated.")));
        }
        // from 2.75 on no others are taken; before, they are none
        strange if ctx.since(75) => {
            return Err(nova(
                400,
                format!(
                    "Invalid input for query parameters. Additional properties are not allowed ('{strange}' was unexpected)"
                ),
            ));
        }
        _ => {}
    }
    Ok(())
}

/// Nova's keys to sort by.
const KEYS: [&str; 29] = [
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
    "availability_zone",
    "config_drive",
    "created_at",
    "display_description",
    "display_name",
    "host",
    "hostname",
    "image_ref",
    "instance_type_id",
    "kernel_id",
    "key_name",
    "launch_index",
    "launched_at",
    "locked_by",
    "node",
    "power_state",
    "progress",
    "project_id",
    "ramdisk_id",
    "root_device_name",
    "task_state",
    "terminated_at",
    "updated_at",
    "user_id",
    "uuid",
    "vm_state",
];

/// What a server is sorted by; keys that are not told here have one value.
fn value_of(world: &World, vm: &VmView, key: &str) -> String {
    let moment = |at| format!("{}", world.at(at));
    let noted = |key: &str| note(vm, key).unwrap_or_default().to_owned();
    match key {
        "created_at" => moment(vm.created),
        "updated_at" => moment(vm.updated),
        "launched_at" => vm.launched.map(moment).unwrap_or_default(),
        "display_name" => vm.name.to_string(),
        "display_description" => noted("description"),
        "uuid" => vm.id.to_string(),
        "host" | "node" => vm.host_name.clone(),
        "hostname" => hostname(vm),
        "image_ref" => vm.image.clone(),
        "instance_type_id" => vm.flavor.clone(),
        "key_name" => noted("key_name"),
        "config_drive" => noted("config_drive"),
        "access_ip_v4" => noted("accessIPv4"),
        "access_ip_v6" => noted("accessIPv6"),
        "user_id" => noted("user"),
        "project_id" => project_of(world, vm),
        "vm_state" => states(world, vm).vm.to_owned(),
        "task_state" => states(world, vm).task.unwrap_or_default().to_owned(),
        "power_state" => states(world, vm).power.number().to_string(),
        _ => String::new(),
    }
}

/// By `sort_key` and `sort_dir`, which belong together by their order; else the newest first.
pub fn sort(world: &World, ctx: &Ctx<'_>, all: &mut [VmView]) -> Result<(), Reply> {
    let given = |wanted: &str| {
        let query = ctx.request.query.iter();
        let query = query.filter(move |(key, _)| key == wanted);
        query.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    let (keys, ways) = (given("sort_key"), given("sort_dir"));
    if let Some(way) = ways.iter().find(|way| !matches!(**way, "asc" | "desc")) {
        return Err(bad("sort_dir", way));
    }
    if let Some(key) = keys.iter().find(|key| !KEYS.contains(key)) {
        return Err(bad("sort_key", key));
    }
    all.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| b.id.cmp(&a.id)));
    // the last key first: what it leaves equal stays as it is
    for (at, key) in keys.iter().enumerate().rev() {
        let way = ways.get(at).or(ways.last()).copied().unwrap_or("desc");
        let mut values = std::collections::BTreeMap::new();
        for vm in all.iter() {
            values.insert(vm.id.clone(), value_of(world, vm, key));
        }
        all.sort_by(|a, b| match way {
            "asc" => values.get(&a.id).cmp(&values.get(&b.id)),
            _ => values.get(&b.id).cmp(&values.get(&a.id)),
        });
    }
    Ok(())
}

/// A filter is searched for in the text; `^` and `$` tie it to an end.
fn matches(text: &str, wanted: &str) -> bool {
    let (start, wanted) = wanted
        .strip_prefix('^')
        .map_or((false, wanted), |rest| (true, rest));
    let (end, wanted) = wanted
        .strip_suffix('$')
        .map_or((false, wanted), |rest| (true, rest));
    let wanted = wanted.replace("\\", "");
    match (start, end) {
        (true, true) => text == wanted,
        (true, false) => text.starts_with(&wanted),
        (false, true) => text.ends_with(&wanted),
        (false, false) => text.contains(&wanted),
    }
}
