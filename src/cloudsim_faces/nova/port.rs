//! Neutron v2.0: ports.

use serde_json::{Value, json};

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::{Caller, neutron};
use super::network::{gone, network, no_network, owner, refused, tenant_for, values};
use crate::cloudsim::{Call, PortView};
use crate::proto::nova::{FixedIp, NewPortDocument, Port};

/// There is none.
pub fn no_port(id: &str) -> Reply {
    neutron(
        404,
        "PortNotFound",
        format!("Port {id} could not be found."),
    )
}

/// A port that the caller may see.
pub fn find(world: &World, who: &Caller, id: &str) -> Option<PortView> {
    let mut all = world.cloud.ports().into_iter();
    all.find(|port| port.nic.port_id == id && who.sees(port.tenant.as_ref()))
}

/// All of them as shown.
pub fn all(world: &World, who: &Caller) -> Vec<Value> {
    let mut all = world.cloud.ports();
    all.retain(|port| who.sees(port.tenant.as_ref()));
    values(all.iter().map(|port| shown_port(world, port)))
}

/// A port as shown.
pub fn shown_port(world: &World, port: &PortView) -> Port {
    let project = owner(world, port.tenant.as_ref());
    let nic = &port.nic;
    Port {
        id: nic.port_id.clone(),
        name: port.name.clone(),
        network_id: nic.network.clone(),
        mac_address: nic.mac_address.clone(),
        fixed_ips: match nic.ip_address.is_empty() {
            true => Vec::new(),
            false => vec![FixedIp {
                subnet_id: Some(nic.subnet.clone()).filter(|id| !id.is_empty()),
                ip_address: Some(nic.ip_address.clone()),
            }],
        },
        device_id: port
            .vm
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        device_owner: port
            .vm
            .as_ref()
            .map_or_else(String::new, |_| "compute:nova".to_owned()),
        status: if port.vm.is_some() { "ACTIVE" } else { "DOWN" }.to_owned(),
        admin_state_up: true,
        tenant_id: project.clone(),
        project_id: project.clone(),
        security_groups: vec![super::secure::group_id(&project)],
        description: world
            .nova
            .words
            .get(&nic.port_id)
            .cloned()
            .unwrap_or_default(),
    }
}

/// `POST /ports`.
pub fn make_port(world: &mut World, request: &Request, who: &Caller) -> Reply {
    let wanted = match request.json::<NewPortDocument>() {
        Ok(document) => document.port,
        Err(why) => return neutron(400, "HTTPBadRequest", why),
    };
    let tenant = match tenant_for(who, wanted.project_id) {
        Ok(tenant) => tenant,
        Err(reply) => return reply,
    };
    if network(world, who, &wanted.network_id).is_none() {
        return no_network(&wanted.network_id);
    }
    let fixed = wanted.fixed_ips.unwrap_or_default();
    if fixed.len() > 1 {
        return neutron(
            501,
            "NotImplemented",
            "ports with several addresses are not simulated",
        );
    }
    let call = Call::CreatePort {
        tenant: Some(tenant),
        name: wanted.name.unwrap_or_default(),
        network: wanted.network_id,
        ip_address: fixed.into_iter().next().and_then(|fixed| fixed.ip_address),
        mac_address: wanted.mac_address,
    };
    match world.call(call) {
        Err(error) => refused(error),
        Ok(accepted) => {
            let id = accepted.id.unwrap_or_default();
            if let Some(words) = wanted.description {
                world.nova.words.insert(id.clone(), words);
            }
            match find(world, who, &id) {
                Some(made) => Reply::json(201, &json!({ "port": shown_port(world, &made) })),
                None => no_port(&id),
            }
        }
    }
}

/// `DELETE /ports/{id}`.
pub fn remove_port(world: &mut World, who: &Caller, id: &str) -> Reply {
    let Some(found) = find(world, who, id) else {
        return no_port(id);
    };
    // a port that came with its server goes with it, or alone
    if let Some(vm) = found.vm.filter(|_| found.name.is_empty()) {
        world.cloud.unplug(&vm, id);
    }
    let call = Call::DeletePort { id: id.to_owned() };
    gone(world, call, "PortInUse", || format!("Port {id} is in use."))
}
