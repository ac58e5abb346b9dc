//! Security groups: each project has its `default`, with the rules that Neutron gives it, and no other.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::{Caller, neutron};

const NAME: &str = "default";
const WORDS: &str = "Default security group";

/// A UUID made of words, always the same.
fn id_of(words: &str) -> String {
    let digest = Sha256::digest(words.as_bytes());
    let hex: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let cuts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    let parts = cuts.iter().filter_map(|(from, to)| hex.get(*from..*to));
    parts.collect::<Vec<_>>().join("-")
}

/// The id of a project's group.
pub fn group_id(project: &str) -> String {
    id_of(&format!("security group of {project}"))
}

/// Whether a server's project has a group of that name or id.
pub fn knows(project: &str, name_or_id: &str) -> bool {
    name_or_id == NAME || name_or_id == group_id(project)
}

fn rules(project: &str) -> Vec<Value> {
    let group = group_id(project);
    let ways = [
        ("egress", "IPv4"),
        ("egress", "IPv6"),
        ("ingress", "IPv4"),
        ("ingress", "IPv6"),
    ];
    let rules = ways.iter().map(|(direction, kind)| {
        let from = (*direction == "ingress").then_some(&group);
        json!({
            "id": id_of(&format!("{direction} {kind} {group}")),
            "security_group_id": group, "direction": direction, "ethertype": kind,
            "remote_group_id": from, "remote_ip_prefix": null, "remote_address_group_id": null,
            "protocol": null, "port_range_min": null, "port_range_max": null, "description": null,
            "tenant_id": project, "project_id": project, "revision_number": 0,
            "tags": [], "standard_attr_id": 1,
        })
    });
    rules.collect()
}

fn shown(project: &str) -> Value {
    json!({
        "id": group_id(project), "name": NAME, "description": WORDS, "stateful": true, "shared": false,
        "tenant_id": project, "project_id": project, "security_group_rules": rules(project),
        "tags": [], "revision_number": 1,
    })
}

/// As Nova shows it.
pub fn of_nova(project: &str) -> Value {
    json!({
        "id": group_id(project), "name": NAME, "description": WORDS, "tenant_id": project, "rules": [],
    })
}

fn projects(world: &World, who: &Caller) -> Vec<String> {
    let all = world.cloud.tenants().into_iter();
    let all = all.map(|tenant| tenant.id.to_string());
    all.filter(|id| who.admin || *id == who.project).collect()
}

/// The groups that the caller may see.
pub fn groups(world: &World, who: &Caller) -> Vec<Value> {
    projects(world, who).iter().map(|id| shown(id)).collect()
}

/// Their rules.
pub fn all_rules(world: &World, who: &Caller) -> Vec<Value> {
    projects(world, who)
        .iter()
        .flat_map(|id| rules(id))
        .collect()
}

/// `GET /v2.0/security-groups/{id}` and `/security-group-rules/{id}`; others are not simulated.
pub fn one(world: &World, request: &Request, who: &Caller, kind: &str, id: &str) -> Reply {
    let (key, all, missing) = match kind {
        "security-groups" => (
            "security_group",
            groups(world, who),
            "SecurityGroupNotFound",
        ),
        _ => (
            "security_group_rule",
            all_rules(world, who),
            "SecurityGroupRuleNotFound",
        ),
    };
    let found = all
        .into_iter()
        .find(|one| one.get("id") == Some(&json!(id)));
    match (request.method.as_str(), found) {
        ("GET", Some(found)) => Reply::json(200, &json!({ key: found })),
        (_, None) => neutron(404, missing, format!("{key} {id} does not exist")),
        _ => neutron(
            501,
            "NotImplemented",
            "Changing security groups is not simulated.",
        ),
    }
}
