//! Between the engine's words and the simulated cloud's.

use crate::cloudsim::{
    Accepted as SimAccepted, Call, CallError, Extra, FoundResource, NewInterface, NewVm, Power,
    VmView,
};
use crate::engine::port::{Accepted, CreateVm, PowerState, VimCall, VimError, VimResource, VimVm};
use crate::ids::{CreateToken, VmName};
use crate::model::vim::VimOpRef;

/// A call.
pub fn call(call: VimCall) -> Call {
    match call {
        VimCall::CreateVm(new) => Call::CreateVm(Box::new(new_vm(new))),
        VimCall::DeleteVm(vm) => Call::DeleteVm(vm),
        VimCall::StartVm(vm) => Call::StartVm(vm),
        VimCall::StopVm(vm) | VimCall::PowerOffVm(vm) => Call::StopVm(vm),
        VimCall::RebootVm { vm, hard } => Call::RebootVm { vm, hard },
        VimCall::ResizeVm { vm, flavor } => Call::ResizeVm { vm, flavor },
        VimCall::CreateTenant { name } => Call::CreateTenant { name },
        VimCall::DeleteTenant { id } => Call::DeleteTenant { id },
        VimCall::CreateNetwork {
            tenant,
            token,
            spec,
        } => Call::CreateNetwork {
            tenant,
            token,
            spec,
        },
        VimCall::DeleteNetwork { id } => Call::DeleteNetwork { id },
        VimCall::CreateSubnet { network, spec } => Call::CreateSubnet { network, spec },
        VimCall::DeleteSubnet { id } => Call::DeleteSubnet { id },
        VimCall::CreateImage(spec) => Call::CreateImage(spec),
        VimCall::DeleteImage { id } => Call::DeleteImage { id },
        VimCall::CreateFlavor(spec) => Call::CreateFlavor(spec),
        VimCall::DeleteFlavor { id } => Call::DeleteFlavor { id },
    }
}

fn new_vm(new: CreateVm) -> NewVm {
    let interfaces = new.interfaces.into_iter().map(|wanted| NewInterface {
        nicid: wanted.nicid,
        network: wanted.network,
        kind: wanted.kind,
        ip_address: wanted.ip_address,
        mac_address: wanted.mac_address,
        port_id: wanted.port_id,
    });
    NewVm {
        logical: logical_name(&new.token, &new.name),
        name: new.name,
        token: new.token,
        tenant: new.tenant,
        image: new.image,
        flavor: new.flavor,
        interfaces: interfaces.collect(),
        volumes: new.volumes,
        config_data: new.config_data,
        extra: Extra::default(),
        stays_off: false,
        hosts: None,
    }
}

/// A create's token is `<logical name>.<generation>`; one of another form stands for the name in the VIM.
fn logical_name(token: &CreateToken, name: &VmName) -> VmName {
    match token.as_str().rsplit_once('.') {
        Some((logical, generation)) if generation.parse::<u32>().is_ok() => VmName::new(logical),
        _ => name.clone(),
    }
}

/// An accepted call.
pub fn accepted(vim: &str, accepted: SimAccepted) -> Accepted {
    Accepted {
        op: VimOpRef {
            vim: vim.to_owned(),
            id: accepted.op,
            about: String::new(),
        },
        id: accepted.id,
    }
}

/// A refusal, a lost reply, an API that is down.
pub fn error(error: CallError) -> VimError {
    match error {
        CallError::Refused(lines) => VimError::Refused(lines),
        CallError::Lost(text) => VimError::Unknown(text),
        CallError::Down(text) => VimError::Down(text),
    }
}

/// A VM as shown.
pub fn vm(view: VmView) -> VimVm {
    VimVm {
        id: view.id,
        name: view.name.as_str().to_owned(),
        token: Some(view.token),
        power: power(view.power),
        host_id: view.host_id,
        host_name: view.host_name,
        interfaces: view.interfaces,
        messages: view.messages,
    }
}

fn power(power: Power) -> PowerState {
    match power {
        Power::Building => PowerState::Building,
        Power::Running => PowerState::Running,
        Power::Stopped => PowerState::Stopped,
        Power::Error => PowerState::Error,
        Power::Deleting => PowerState::Deleting,
        Power::Unknown => PowerState::Unknown,
    }
}

/// A named thing.
pub fn resource(found: FoundResource) -> VimResource {
    VimResource {
        id: found.id,
        name: found.name,
        subnets: found.subnets,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logical_name_is_the_tokens() {
        let name = VmName::new("shown");
        let logical = |token: &str| logical_name(&CreateToken::new(token), &name).to_string();
        assert_eq!(logical("dep_g1_0_uuid.7"), "dep_g1_0_uuid");
        assert_eq!(logical("dep.x_g1_0_uuid.12"), "dep.x_g1_0_uuid");
        assert_eq!(logical("token"), "shown");
        assert_eq!(logical("token.x"), "shown");
    }
}
