//! Neutron v2.0: quotas. Nothing is limited.

use serde_json::{Map, Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::{Caller, neutron};
use super::secure;

/// `GET /v2.0/quotas[/{project}[/details|/default]]`.
pub fn answer(world: &World, who: &Caller, path: &[&str]) -> Reply {
    let (project, form) = match path {
        [] => return Reply::json(200, &json!({ "quotas": [] })),
        [project] => (*project, ""),
        // as some clients write it
        [project, form @ ("details" | "details.json" | "default")] => (*project, *form),
        _ => return neutron(404, "HTTPNotFound", "The resource could not be found."),
    };
    if !who.admin && project != who.project {
        let why = "rule:get_quota is disallowed by policy";
        return neutron(403, "PolicyNotAuthorized", why);
    }
    let of = |tenant: Option<&crate::ids::TenantId>| {
        tenant.is_some_and(|tenant| tenant.as_str() == project)
    };
    let networks = world.cloud.networks();
    let mine = || {
        networks
            .iter()
            .filter(|network| of(network.tenant.as_ref()))
    };
    let ports = world.cloud.ports();
    let asker = Caller {
        project: project.to_owned(),
        admin: false,
        ..who.clone()
    };
    let used = [
        ("network", mine().count()),
        ("subnet", mine().map(|network| network.subnets.len()).sum()),
        (
            "port",
            ports.iter().filter(|port| of(port.tenant.as_ref())).count(),
        ),
        ("security_group", secure::groups(world, &asker).len()),
        (
            "security_group_rule",
            secure::all_rules(world, &asker).len(),
        ),
        ("router", 0),
        ("floatingip", 0),
        ("rbac_policy", 0),
        ("subnetpool", 0),
    ];
    let quota: Map<String, Value> = used
        .into_iter()
        .map(|(name, used)| {
            let shown = match form.starts_with("details") {
                true => json!({ "limit": -1, "used": used, "reserved": 0 }),
                false => json!(-1),
            };
            (name.to_owned(), shown)
        })
        .collect();
    Reply::json(200, &json!({ "quota": quota }))
}
