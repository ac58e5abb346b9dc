//! Zones, sizes, templates, networks.

use serde_json::json;

use super::super::world::World;
use super::job::{self, refused};
use super::list::{number, page, reply, required, wanted};
use super::state::Account;
use super::{Done, Refusal, no};
use crate::cloudsim::{Call, NetworkView};
use crate::ids::CreateToken;
use crate::model::deployment::{NetworkSpec, SubnetSpec};
use crate::model::resource::{FlavorSpec, ImageSpec};
use crate::proto::cloudstack::{
    Command, Network, ServiceOffering, Success, Template, Zone, time_text,
};

/// The one domain's id.
pub const DOMAIN: &str = "b9a1f2de-6d0c-4e5b-9f57-000000000001";
/// The one zone's id.
pub const ZONE: &str = "b9a1f2de-6d0c-4e5b-9f57-000000000002";
/// The one kind of network's id.
pub const NETWORK_OFFERING: &str = "b9a1f2de-6d0c-4e5b-9f57-000000000003";
/// The one kind of operating system's id.
pub const OS_TYPE: &str = "b9a1f2de-6d0c-4e5b-9f57-000000000004";

/// A list of which the cloud has nothing.
pub fn none(command: &Command, kind: &'static str) -> Done {
    page::<serde_json::Value>(command, kind, Vec::new())
}

fn admins(who: &Account, command: &Command) -> Result<(), Refusal> {
    match who.admin {
        true => Ok(()),
        false => Err(no(
            432,
            format!(
                "The given command '{}' does not exist or is not available for user",
                command.name()
            ),
        )),
    }
}

/// `listZones`.
pub fn zones(world: &mut World, command: &Command) -> Done {
    let zone = Zone {
        id: world.cloudstack.show(ZONE),
        name: world.settings.cloudstack.zone.clone(),
        networktype: Some("Advanced".to_owned()),
        allocationstate: Some("Enabled".to_owned()),
        dhcpprovider: Some("VirtualRouter".to_owned()),
        localstorageenabled: true,
        securitygroupsenabled: false,
    };
    let fits = wanted(command, zone.id.as_str(), &zone.name);
    page(command, "zone", if fits { vec![zone] } else { Vec::new() })
}

/// `listServiceOfferings`.
pub fn offerings(world: &mut World, command: &Command) -> Done {
    let flavors = world.cloud.flavors();
    let created = time_text(world.at(Default::default()));
    let all = flavors.into_iter().map(|flavor| ServiceOffering {
        id: world.cloudstack.show(&flavor.id),
        name: flavor.spec.name.clone(),
        displaytext: Some(flavor.spec.name),
        cpunumber: Some(flavor.spec.vcpus.into()),
        cpuspeed: Some(1000),
        memory: Some(flavor.spec.memory_mb),
        created: Some(created.clone()),
        storagetype: Some("shared".to_owned()),
        ..ServiceOffering::default()
    });
    let all = all.filter(|one| wanted(command, one.id.as_str(), &one.name));
    page(command, "serviceoffering", all.collect())
}

/// `createServiceOffering`.
pub fn make_offering(world: &mut World, who: &Account, command: &Command) -> Done {
    admins(who, command)?;
    let name = required(command, "name")?.to_owned();
    let disk = number(command, "rootdisksize")?.unwrap_or(10);
    let spec = FlavorSpec {
        name: name.clone(),
        vcpus: number(command, "cpunumber")?
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1),
        memory_mb: number(command, "memory")?.unwrap_or(512) as u64,
        root_disk_mb: (disk as u64).saturating_mul(1024),
        ..FlavorSpec::default()
    };
    let id = world.uuid();
    world
        .cloud
        .add_flavor(&id, spec.clone())
        .map_err(|_| no(431, format!("there is a service offering named {name}")))?;
    let made = ServiceOffering {
        id: world.cloudstack.show(&id),
        displaytext: command.get("displaytext").map(str::to_owned),
        cpunumber: Some(spec.vcpus.into()),
        memory: Some(spec.memory_mb),
        name,
        ..ServiceOffering::default()
    };
    reply(command, &json!({ "serviceoffering": made }))
}

/// `deleteServiceOffering`.
pub fn remove_offering(world: &mut World, who: &Account, command: &Command) -> Done {
    admins(who, command)?;
    let id = world.cloudstack.read(required(command, "id")?);
    if world.cloud.flavor(&id).is_none() {
        return Err(no(431, "Unable to find service offering"));
    }
    world.call(Call::DeleteFlavor { id }).map_err(refused)?;
    reply(command, &well())
}

/// That a command was carried out at once.
pub fn well() -> Success {
    Success {
        success: true,
        displaytext: None,
    }
}

fn shown_template(world: &mut World, image: crate::cloudsim::ImageView) -> Template {
    let format = image.spec.disk_format.map(|format| format.to_uppercase());
    Template {
        id: world.cloudstack.show(&image.id),
        name: image.spec.name.clone(),
        displaytext: Some(image.spec.name),
        ispublic: image.spec.public,
        isready: true,
        isfeatured: true,
        isextractable: true,
        passwordenabled: false,
        created: Some(time_text(world.at(Default::default()))),
        format,
        hypervisor: Some("Simulator".to_owned()),
        ostypeid: Some(world.cloudstack.show(OS_TYPE)),
        ostypename: Some("Other Linux (64-bit)".to_owned()),
        size: Some(16 * 1024 * 1024),
        status: Some("Download Complete".to_owned()),
        templatetype: Some("USER".to_owned()),
        account: Some("admin".to_owned()),
        zoneid: Some(world.cloudstack.show(ZONE)),
        zonename: Some(world.settings.cloudstack.zone.clone()),
    }
}

/// `listTemplates`.
pub fn templates(world: &mut World, command: &Command) -> Done {
    required(command, "templatefilter")?;
    let images = world.cloud.images();
    let all: Vec<Template> = images
        .into_iter()
        .map(|image| shown_template(world, image))
        .collect();
    let all = all
        .into_iter()
        .filter(|one| wanted(command, one.id.as_str(), &one.name));
    page(command, "template", all.collect())
}

/// `registerTemplate`.
pub fn register_template(world: &mut World, who: &Account, command: &Command) -> Done {
    admins(who, command)?;
    let name = required(command, "name")?.to_owned();
    if world.cloud.image(&name).is_some() {
        return Err(no(431, format!("there is a template named {name}")));
    }
    let spec = ImageSpec {
        name: name.clone(),
        src: command.get("url").map(str::to_owned),
        disk_format: command.get("format").map(str::to_lowercase),
        container_format: Some("bare".to_owned()),
        public: command.get("ispublic") == Some("true"),
    };
    world.call(Call::CreateImage(spec)).map_err(refused)?;
    let Some(image) = world.cloud.image(&name) else {
        return Err(no(530, "the template is not there"));
    };
    let made = shown_template(world, image);
    reply(command, &json!({ "count": 1, "template": [made] }))
}

/// `deleteTemplate`.
pub fn remove_template(world: &mut World, who: &Account, command: &Command) -> Done {
    admins(who, command)?;
    let id = world.cloudstack.read(required(command, "id")?);
    if world.cloud.image(&id).is_none() {
        return Err(no(431, format!("unable to find template with id {id}")));
    }
    world.call(Call::DeleteImage { id }).map_err(refused)?;
    job::done(world, who, command, job::success())
}

/// Networks that an account may use.
pub fn usable(world: &World, who: &Account) -> Vec<NetworkView> {
    let mut all = world.cloud.networks();
    all.retain(|network| {
        network.shared || who.admin || network.tenant.as_ref() == Some(&who.tenant)
    });
    all
}

fn shown_network(world: &mut World, network: &NetworkView) -> Network {
    let subnet = network.subnets.first();
    let owner = network.tenant.as_ref().and_then(|tenant| {
        let found = world.cloud.tenant(tenant.as_str())?;
        Some(found.name)
    });
    let shared = network.shared;
    let words = world.cloudstack.network_words.get(&network.id);
    let words = words.unwrap_or(&network.name).clone();
    Network {
        id: world.cloudstack.show(&network.id),
        name: network.name.clone(),
        displaytext: Some(words),
        state: Some("Implemented".to_owned()),
        kind: Some(if shared { "Shared" } else { "Isolated" }.to_owned()),
        traffictype: Some("Guest".to_owned()),
        cidr: subnet.map(|subnet| subnet.cidr.clone()),
        gateway: subnet.map(|subnet| subnet.gateway.clone()),
        netmask: None,
        zoneid: Some(world.cloudstack.show(ZONE)),
        zonename: Some(world.settings.cloudstack.zone.clone()),
        networkofferingid: Some(world.cloudstack.show(NETWORK_OFFERING)),
        networkofferingname: Some("DefaultIsolatedNetworkOffering".to_owned()),
        account: owner,
        acltype: Some(if shared { "Domain" } else { "Account" }.to_owned()),
        issystem: false,
        restartrequired: false,
    }
}

/// `listNetworks`.
pub fn networks(world: &mut World, who: &Account, command: &Command) -> Done {
    let all: Vec<Network> = usable(world, who)
        .iter()
        .map(|network| shown_network(world, network))
        .filter(|one| wanted(command, one.id.as_str(), &one.name))
        .collect();
    page(command, "network", all)
}

/// `listNetworkOfferings`.
pub fn network_offerings(command: &Command) -> Done {
    let offering = json!({
        "id": NETWORK_OFFERING, "name": "DefaultIsolatedNetworkOffering",
        "displaytext": "Isolated networks", "traffictype": "Guest", "guestiptype": "Isolated",
        "state": "Enabled", "isdefault": true, "specifyvlan": false, "supportsvm": true,
    });
    page(command, "networkoffering", vec![offering])
}

/// `createNetwork`, with the addresses of its gateway and netmask.
pub fn make_network(world: &mut World, who: &Account, command: &Command) -> Done {
    let name = required(command, "name")?.to_owned();
    let gateway = command.get("gateway").unwrap_or("10.1.1.1").to_owned();
    let netmask = command.get("netmask").unwrap_or("255.255.255.0").to_owned();
    let call = Call::CreateNetwork {
        tenant: Some(super::account::owner(world, who, command)?),
        token: Some(CreateToken::new(world.uuid())),
        spec: NetworkSpec {
            name: name.clone(),
            shared: false,
            admin_state: true,
            vlan_id: command.get("vlan").and_then(|text| text.parse().ok()),
            subnets: Vec::new(),
        },
    };
    let id = world.call(call).map_err(refused)?.id.unwrap_or_default();
    if let Some(words) = command.get("displaytext") {
        let words = words.to_owned();
        world.cloudstack.network_words.insert(id.clone(), words);
    }
    let subnet = Call::CreateSubnet {
        network: id.clone(),
        spec: SubnetSpec {
            name: format!("{name}-subnet"),
            ip_version: "ipv4".to_owned(),
            dhcp: true,
            address: gateway.clone(),
            netmask,
            gateway: Some(gateway),
        },
    };
    if let Err(error) = world.call(subnet) {
        // a network without its addresses is none
        world.cloudstack.network_words.remove(&id);
        let _ = world.call(Call::DeleteNetwork { id });
        return Err(refused(error));
    }
    let found = usable(world, who).into_iter().find(|known| known.id == id);
    let Some(found) = found else {
        return Err(no(530, "the network is not there"));
    };
    let made = shown_network(world, &found);
    reply(command, &json!({ "network": made }))
}

/// `deleteNetwork`.
pub fn remove_network(world: &mut World, who: &Account, command: &Command) -> Done {
    let id = world.cloudstack.read(required(command, "id")?);
    let found = usable(world, who).into_iter().find(|known| known.id == id);
    match found {
        Some(found) if who.admin || found.tenant.as_ref() == Some(&who.tenant) => {
            let about = Some(("Network", id.clone()));
            let call = Call::DeleteNetwork { id: id.clone() };
            let begun = job::start(world, who, command, call, None, about)?;
            world.cloudstack.network_words.remove(&id);
            Ok(begun)
        }
        _ => Err(no(431, format!("unable to find network with id {id}"))),
    }
}
