//! Accounts, hosts, and what the cloud can do.

use serde_json::json;

use super::super::world::World;
use super::list::{page, reply, wanted};
use super::state::Account as Own;
use super::things::DOMAIN;
use super::{Done, Refusal, no};
use crate::ids::TenantId;
use crate::proto::cloudstack::{Account, Command};

/// `listAccounts`.
pub fn accounts(world: &mut World, who: &Own, command: &Command) -> Done {
    let seen = world.cloudstack.accounts.clone();
    let seen = seen.iter().filter(|one| who.admin || one.name == who.name);
    let all: Vec<Account> = seen
        .map(|one| Account {
            id: world.cloudstack.show(one.tenant.as_str()),
            name: one.name.clone(),
            accounttype: Some(u64::from(one.admin)),
            domainid: Some(world.cloudstack.show(DOMAIN)),
            domain: Some("ROOT".to_owned()),
            state: Some("enabled".to_owned()),
        })
        .collect();
    let all = all
        .into_iter()
        .filter(|one| wanted(command, one.id.as_str(), &one.name));
    page(command, "account", all.collect())
}

/// Whose a thing shall be that a command makes: only administrators make things for others.
pub fn owner(world: &World, who: &Own, command: &Command) -> Result<TenantId, Refusal> {
    let Some(name) = command.get("account").filter(|name| **name != who.name) else {
        return Ok(who.tenant.clone());
    };
    let found = world
        .cloudstack
        .accounts
        .iter()
        .find(|one| one.name == name);
    match found {
        Some(found) if who.admin => Ok(found.tenant.clone()),
        _ => {
            let words = format!("Unable to find account {name} in domain ROOT, or it is not yours");
            Err(no(531, words))
        }
    }
}

/// `listHosts`.
pub fn hosts(world: &mut World, who: &Own, command: &Command) -> Done {
    if !who.admin {
        let words = "The given command 'listHosts' does not exist or is not available for user";
        return Err(no(432, words));
    }
    let zone = world.settings.cloudstack.zone.clone();
    let hosts = world.cloud.hosts();
    let all: Vec<_> = hosts
        .into_iter()
        .map(|host| {
            let id = world.cloudstack.show(&host.id);
            json!({
                "id": id, "name": host.name, "state": if host.up { "Up" } else { "Down" },
                "type": "Routing", "zonename": zone, "hypervisor": "Simulator",
                "resourcestate": "Enabled",
            })
        })
        .filter(|host| {
            let text = |key: &str| {
                host.get(key).map_or_else(String::new, |value| match value {
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
            };
            wanted(command, &text("id"), &text("name"))
        })
        .collect();
    page(command, "host", all)
}

/// `listCapabilities`.
pub fn capabilities(world: &World, command: &Command) -> Done {
    let version = &world.settings.cloudstack.version;
    let can = json!({ "capability": {
        "cloudstackversion": version,
        "securitygroupsenabled": false,
        "userpublictemplateenabled": true,
        "projectinviterequired": false,
        "allowusercreateprojects": false,
        "customdiskofferingmaxsize": 1024,
        "kvmsnapshotenabled": false,
        "supportELB": "false",
    }});
    reply(command, &can)
}
