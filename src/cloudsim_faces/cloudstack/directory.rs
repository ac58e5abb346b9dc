//! Who and what there is: domains, users, regions, hypervisors, key pairs, limits, and the commands themselves.

use serde_json::{Value, json};

use super::super::ssh_pair;
use super::super::world::World;
use super::list::{page, reply, required, wanted};
use super::state::Account;
use super::things::{DOMAIN, OS_TYPE, well};
use super::{Done, account, no};
use crate::proto::cloudstack::Command;

/// Every command, whether it is answered with a job, and the parameters that it must have.
const COMMANDS: &[(&str, bool, &[&str])] = &[
    (
        "deployVirtualMachine",
        true,
        &["serviceofferingid", "templateid", "zoneid"],
    ),
    ("startVirtualMachine", true, &["id"]),
    ("stopVirtualMachine", true, &["id"]),
    ("rebootVirtualMachine", true, &["id"]),
    ("destroyVirtualMachine", true, &["id"]),
    ("expungeVirtualMachine", true, &["id"]),
    ("updateVirtualMachine", false, &["id"]),
    (
        "changeServiceForVirtualMachine",
        false,
        &["id", "serviceofferingid"],
    ),
    ("scaleVirtualMachine", true, &["id", "serviceofferingid"]),
    ("listVirtualMachines", false, &[]),
    ("queryAsyncJobResult", false, &["jobid"]),
    ("listAsyncJobs", false, &[]),
    ("listZones", false, &[]),
    ("listServiceOfferings", false, &[]),
    ("createServiceOffering", false, &["name"]),
    ("deleteServiceOffering", false, &["id"]),
    ("listTemplates", false, &["templatefilter"]),
    ("registerTemplate", false, &["name"]),
    ("deleteTemplate", true, &["id"]),
    ("listNetworks", false, &[]),
    ("createNetwork", false, &["name"]),
    ("deleteNetwork", true, &["id"]),
    ("listNetworkOfferings", false, &[]),
    ("createTags", true, &["resourceids", "resourcetype", "tags"]),
    ("deleteTags", true, &["resourceids", "resourcetype"]),
    ("listTags", false, &[]),
    ("listHosts", false, &[]),
    ("listAccounts", false, &[]),
    ("listCapabilities", false, &[]),
    ("listSSHKeyPairs", false, &[]),
    ("createSSHKeyPair", false, &["name"]),
    ("registerSSHKeyPair", false, &["name", "publickey"]),
    ("deleteSSHKeyPair", false, &["name"]),
    ("listDomains", false, &[]),
    ("listUsers", false, &[]),
    ("listRegions", false, &[]),
    ("listHypervisors", false, &[]),
    ("listOsTypes", false, &[]),
    ("listResourceLimits", false, &[]),
    ("listApis", false, &[]),
    ("listPublicIpAddresses", false, &[]),
    ("listPortForwardingRules", false, &[]),
    ("listIpForwardingRules", false, &[]),
    ("listFirewallRules", false, &[]),
    ("listEgressFirewallRules", false, &[]),
    ("listLoadBalancerRules", false, &[]),
    ("listVolumes", false, &[]),
    ("listSnapshots", false, &[]),
    ("listDiskOfferings", false, &[]),
    ("listIsos", false, &[]),
    ("listSecurityGroups", false, &[]),
    ("listAffinityGroups", false, &[]),
    ("listProjects", false, &[]),
    ("listVPCs", false, &[]),
    ("listRouters", false, &[]),
];

/// `listApis`.
pub fn apis(command: &Command) -> Done {
    let fits = |name: &str| {
        let asked = command.get("name");
        asked.is_none_or(|asked| asked.eq_ignore_ascii_case(name))
    };
    let all = COMMANDS.iter().filter(|(name, ..)| fits(name));
    let all: Vec<Value> = all
        .map(|(name, later, params)| {
            let params = params.iter();
            let params: Vec<Value> = params
                .map(|param| {
                    json!({ "name": param, "description": "", "type": "string", "length": 255,
                        "required": true, "related": "" })
                })
                .collect();
            json!({ "name": name, "description": "", "isasync": later, "related": "",
                "params": params, "response": [] })
        })
        .collect();
    match (all.is_empty(), command.get("name")) {
        (true, Some(name)) => Err(no(431, format!("The API name '{name}' does not exist"))),
        _ => reply(command, &json!({ "count": all.len(), "api": all })),
    }
}

fn named(command: &Command, one: &Value) -> bool {
    let text = |key: &str| match one.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    wanted(command, &text("id"), &text("name"))
}

/// `listDomains`.
pub fn domains(world: &mut World, command: &Command) -> Done {
    let domain = json!({
        "id": world.cloudstack.show(DOMAIN), "name": "ROOT", "level": 0, "path": "ROOT",
        "haschild": false, "state": "Active",
    });
    let all: Vec<Value> = [domain]
        .into_iter()
        .filter(|one| named(command, one))
        .collect();
    page(command, "domain", all)
}

/// `listUsers`: each account has one, of its name.
pub fn users(world: &mut World, who: &Account, command: &Command) -> Done {
    let seen = world.cloudstack.accounts.clone();
    let seen = seen.iter().filter(|one| who.admin || one.name == who.name);
    let seen = seen.filter(|one| {
        ["account", "username"].iter().all(|param| {
            let asked = command.get(param);
            asked.is_none_or(|asked| asked == one.name)
        })
    });
    let all: Vec<Value> = seen
        .map(|one| {
            json!({
                "id": world.cloudstack.show(one.tenant.as_str()), "username": one.name,
                "firstname": one.name, "lastname": "", "account": one.name,
                "accountid": world.cloudstack.show(one.tenant.as_str()),
                "accounttype": u64::from(one.admin), "domain": "ROOT",
                "domainid": world.cloudstack.show(DOMAIN), "state": "enabled", "apikey": one.key,
            })
        })
        .filter(|one| named(command, one))
        .collect();
    page(command, "user", all)
}

/// `listRegions`.
pub fn regions(command: &Command) -> Done {
    let region = json!({ "id": 1, "name": "Local", "endpoint": "", "gslbserviceenabled": false,
        "portableipserviceenabled": false });
    let all: Vec<Value> = [region]
        .into_iter()
        .filter(|one| named(command, one))
        .collect();
    page(command, "region", all)
}

/// `listHypervisors`.
pub fn hypervisors(command: &Command) -> Done {
    page(command, "hypervisor", vec![json!({ "name": "Simulator" })])
}

/// `listOsTypes`.
pub fn os_types(world: &mut World, command: &Command) -> Done {
    let kind = json!({
        "id": world.cloudstack.show(OS_TYPE), "name": "Other Linux (64-bit)",
        "description": "Other Linux (64-bit)", "isuserdefined": false,
    });
    let asked = command.get("description");
    let fits = asked.is_none_or(|asked| asked == "Other Linux (64-bit)");
    let all = [kind].into_iter().filter(|one| fits && named(command, one));
    page(command, "ostype", all.collect::<Vec<_>>())
}

/// `listResourceLimits`: nothing but the number of VMs is limited.
pub fn limits(world: &mut World, who: &Account, command: &Command) -> Done {
    let kinds = [
        "user_vm",
        "public_ip",
        "volume",
        "snapshot",
        "template",
        "project",
        "network",
        "vpc",
        "cpu",
        "memory",
        "primary_storage",
        "secondary_storage",
    ];
    let asked = command.get("resourcetype");
    let most = world.cloud.settings().max_vms;
    let all: Vec<Value> = kinds
        .iter()
        .enumerate()
        .filter(|(at, _)| asked.is_none_or(|asked| asked == at.to_string()))
        .map(|(at, kind)| {
            let max = if at == 0 { json!(most) } else { json!(-1) };
            json!({
                "account": who.name, "domain": "ROOT", "domainid": world.cloudstack.show(DOMAIN),
                "resourcetype": at.to_string(), "resourcetypename": kind, "max": max,
            })
        })
        .collect();
    page(command, "resourcelimit", all)
}

fn shown_pair(who: &Account, name: &str, public_key: &str) -> Value {
    json!({
        "name": name, "fingerprint": ssh_pair::fingerprint(public_key), "account": who.name,
        "domain": "ROOT",
    })
}

/// `listSSHKeyPairs`.
pub fn pairs(world: &mut World, who: &Account, command: &Command) -> Done {
    let mine = world.cloudstack.ssh_pairs.iter();
    let mine = mine.filter(|((tenant, _), _)| *tenant == who.tenant);
    let all = mine.map(|((_, name), public)| shown_pair(who, name, public));
    let fits = |one: &Value| {
        let asked = command.get("fingerprint");
        let own = one.get("fingerprint").and_then(Value::as_str);
        named(command, one) && asked.is_none_or(|asked| own == Some(asked))
    };
    let all: Vec<Value> = all.filter(fits).collect();
    page(command, "sshkeypair", all)
}

fn keep(
    world: &mut World,
    who: &Account,
    command: &Command,
    public: String,
) -> Result<Value, super::Refusal> {
    let name = required(command, "name")?.to_owned();
    let key = (account::owner(world, who, command)?, name.clone());
    if world.cloudstack.ssh_pairs.contains_key(&key) {
        let why = format!("A key pair with name '{name}' already exists.");
        return Err(no(431, why));
    }
    let shown = shown_pair(who, &name, &public);
    world.cloudstack.ssh_pairs.insert(key, public);
    Ok(shown)
}

/// `createSSHKeyPair`.
pub fn make_pair(world: &mut World, who: &Account, command: &Command) -> Done {
    let (public, private) = ssh_pair::make(world).map_err(|why| no(530, why))?;
    let mut shown = keep(world, who, command, public)?;
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("privatekey".to_owned(), json!(private));
    }
    reply(command, &json!({ "keypair": shown }))
}

/// `registerSSHKeyPair`.
pub fn register_pair(world: &mut World, who: &Account, command: &Command) -> Done {
    let public = required(command, "publickey")?.to_owned();
    if !public.trim().contains(' ') {
        return Err(no(431, "Public key is invalid"));
    }
    let shown = keep(world, who, command, public)?;
    reply(command, &json!({ "keypair": shown }))
}

/// `deleteSSHKeyPair`.
pub fn remove_pair(world: &mut World, who: &Account, command: &Command) -> Done {
    let name = required(command, "name")?.to_owned();
    let key = (account::owner(world, who, command)?, name.clone());
    match world.cloudstack.ssh_pairs.remove(&key) {
        Some(_) => reply(command, &well()),
        None => {
            let why = format!(
                "A key pair with name '{name}' does not exist for account {}",
                who.name
            );
            Err(no(431, why))
        }
    }
}
