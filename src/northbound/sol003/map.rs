//! State rows -> the types of SOL003. `docs/sol003.md` says the same attribute by attribute.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::resource::{OccurrenceTask, Task};
use super::target::Places;
use crate::model::deployment::{Deployment, VmGroup};
use crate::model::event::InterfaceInfo;
use crate::model::instance::InstanceRecord;
use crate::model::inventory::{DeploymentRecord, VmInstance};
use crate::model::operation::{
    self as op, AffectedNetwork, AffectedVm, ChangeKind, LcmOperation, LcmOperationState, OpRecord,
};
use crate::model::state::{ServiceState, VmState};
use crate::proto::sol003::*;

/// The operation's word.
pub(super) fn operation(operation: LcmOperation) -> OperationType {
    match operation {
        LcmOperation::Instantiate => OperationType::Instantiate,
        LcmOperation::Terminate => OperationType::Terminate,
        LcmOperation::Heal => OperationType::Heal,
        LcmOperation::Operate => OperationType::Operate,
        LcmOperation::Scale => OperationType::Scale,
        LcmOperation::ScaleToLevel => OperationType::ScaleToLevel,
        LcmOperation::Modify | LcmOperation::ModifyInfo => OperationType::ModifyInfo,
    }
}

/// The state's word.
pub(super) fn state(state: LcmOperationState) -> OperationStateType {
    match state {
        LcmOperationState::Starting => OperationStateType::Starting,
        LcmOperationState::Processing => OperationStateType::Processing,
        LcmOperationState::Completed => OperationStateType::Completed,
        LcmOperationState::FailedTemp => OperationStateType::FailedTemp,
        LcmOperationState::Failed => OperationStateType::Failed,
        LcmOperationState::RollingBack => OperationStateType::RollingBack,
        LcmOperationState::RolledBack => OperationStateType::RolledBack,
    }
}

/// Whether an operation of this kind can be rolled back.
pub(super) fn rolls_back(operation: LcmOperation) -> bool {
    matches!(
        operation,
        LcmOperation::Instantiate
            | LcmOperation::Scale
            | LcmOperation::ScaleToLevel
            | LcmOperation::Operate
    )
}

fn change(kind: ChangeKind) -> String {
    match kind {
        ChangeKind::Added => "ADDED",
        ChangeKind::Removed => "REMOVED",
        ChangeKind::Modified => "MODIFIED",
    }
    .to_owned()
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn port(vm: &str, nicid: u32) -> String {
    format!("{vm}/{nicid}")
}

fn compute(vim: &str, vm_id: &str, host: &str) -> ResourceHandle {
    ResourceHandle {
        vim_connection_id: filled(vim),
        resource_id: vm_id.to_owned(),
        vim_level_resource_type: Some("vm".to_owned()),
        vim_level_additional_resource_info: filled(host).map(|host| {
            VimLevelAdditionalResourceInfo {
                host_name: Some(host),
                persistent_volume: None,
            }
        }),
        ..ResourceHandle::default()
    }
}

fn affected_vnfc(record: &OpRecord, vm: &AffectedVm) -> AffectedVnfc {
    let ports = vm.interfaces.iter();
    AffectedVnfc {
        id: vm.name.to_string(),
        vdu_id: vm.group.clone(),
        change_type: change(vm.change),
        compute_resource: compute(&record.vim, vm.vm_id.as_str(), &vm.host),
        affected_vnfc_cp_ids: ports.map(|nic| port(vm.name.as_str(), *nic)).collect(),
        ..AffectedVnfc::default()
    }
}

fn affected_link(record: &OpRecord, network: &AffectedNetwork) -> AffectedVirtualLink {
    AffectedVirtualLink {
        id: network.name.clone(),
        vnf_virtual_link_desc_id: network.name.clone(),
        change_type: change(network.change),
        network_resource: ResourceHandle {
            vim_connection_id: filled(&record.vim),
            resource_id: network.vim_id.clone(),
            vim_level_resource_type: Some("network".to_owned()),
            ..ResourceHandle::default()
        },
        ..AffectedVirtualLink::default()
    }
}

/// What an operation changed so far.
pub(super) fn changes(record: &OpRecord) -> ResourceChanges {
    ResourceChanges {
        affected_vnfcs: record
            .vms
            .iter()
            .map(|vm| affected_vnfc(record, vm))
            .collect(),
        affected_virtual_links: record
            .networks
            .iter()
            .map(|network| affected_link(record, network))
            .collect(),
        ..ResourceChanges::default()
    }
}

/// Why an operation failed: the reason, the VIM's own words, the VIM's own record.
pub(super) fn error(record: &OpRecord) -> Option<ProblemDetails> {
    let reason = record.occ.error.as_ref()?;
    let words = record.words.as_ref();
    let mut detail = reason.text.clone();
    if let Some(words) = words.filter(|words| !words.message.is_empty()) {
        detail = format!("{detail}; {}", words.message);
    }
    let vim_op = words.and_then(|words| words.vim_op.as_ref());
    if let Some(vim_op) = vim_op {
        detail = format!("{detail}; VIM {}, operation {}", vim_op.vim, vim_op.id);
    }
    Some(ProblemDetails {
        kind: Some(format!("urn:lifeline:failure:{}", reason.code)),
        title: Some(reason.code.clone()),
        status: 500,
        detail,
        instance: None,
    })
}

/// What was changed of the instance's information.
pub(super) fn changed_info(record: &OpRecord) -> Option<VnfInfoModifications> {
    let changed = record.changed_info.as_ref()?;
    let text = |name: &str| changed.get(name).and_then(Value::as_str).map(str::to_owned);
    let pairs = |name: &str| changed.get(name).and_then(Value::as_object).cloned();
    Some(VnfInfoModifications {
        vnf_instance_name: text("vnfInstanceName"),
        vnf_instance_description: text("vnfInstanceDescription"),
        vnf_configurable_properties: pairs("vnfConfigurableProperties"),
        metadata: pairs("metadata"),
        extensions: pairs("extensions"),
        ..VnfInfoModifications::default()
    })
}

/// An occurrence.
pub(super) fn occurrence(record: &OpRecord, places: &Places) -> VnfLcmOpOcc {
    use LcmOperationState as S;
    let occ = &record.occ;
    let id = occ.id.as_str();
    let task = |wanted: bool, task| wanted.then(|| places.occurrence_task(id, task));
    let asked = record.asked.is_some();
    let rests = occ.state == S::FailedTemp;
    let under_way = matches!(occ.state, S::Starting | S::Processing | S::RollingBack);
    let resource_changes = Some(changes(record)).filter(|changes| !changes.is_empty());
    VnfLcmOpOcc {
        id: id.to_owned(),
        operation_state: state(occ.state),
        state_entered_time: occ.state_entered.to_string(),
        start_time: occ.start_time.to_string(),
        vnf_instance_id: record.instance.to_string(),
        grant_id: None,
        operation: operation(occ.operation),
        is_automatic_invocation: occ.automatic,
        operation_params: record.asked.as_ref().map(|asked| asked.params.clone()),
        is_cancel_pending: record.cancel.is_some(),
        cancel_mode: record.cancel.map(|mode| match mode {
            op::CancelMode::Graceful => CancelMode::Graceful,
            op::CancelMode::Forceful => CancelMode::Forceful,
        }),
        error: error(record),
        resource_changes,
        changed_info: changed_info(record),
        affected_vip_cps: Vec::new(),
        changed_ext_connectivity: Vec::new(),
        modifications_triggered_by_vnf_pkg_change: None,
        vnf_snapshot_info_id: None,
        lcm_coordinations: Vec::new(),
        rejected_lcm_coordinations: Vec::new(),
        warnings: Vec::new(),
        links: Some(OpOccLinks {
            this: Link::to(places.occurrence(id)),
            vnf_instance: Link::to(places.instance(record.instance.as_str())),
            grant: None,
            cancel: task(asked && under_way, OccurrenceTask::Cancel),
            retry: task(rests && !record.back, OccurrenceTask::Retry),
            rollback: task(rests && rolls_back(occ.operation), OccurrenceTask::Rollback),
            fail: task(rests, OccurrenceTask::Fail),
            vnf_snapshot: None,
        }),
    }
}

/// What is known of one instance.
pub(super) struct Known<'a> {
    /// As kept, or projected from its deployment.
    pub record: &'a InstanceRecord,
    /// What exists of it.
    pub deployment: Option<&'a DeploymentRecord>,
    /// What its configuration asks for.
    pub wanted: Option<&'a Deployment>,
    /// Whether an instantiation is not through, or what it left is being removed.
    pub unfinished: bool,
}

/// Whether a group of it may have more than one VM.
pub(super) fn scales(wanted: &Deployment) -> bool {
    let most = |group: &VmGroup| group.max_active.max(group.min_active);
    wanted.vm_groups.iter().any(|group| most(group) > 1)
}

/// An instance.
pub(super) fn instance(known: &Known<'_>, places: &Places) -> VnfInstance {
    let record = known.record;
    let id = record.id.as_str();
    let deployment = known.deployment.filter(|_| !known.unfinished);
    let state = match deployment {
        Some(_) => InstantiationState::Instantiated,
        None => InstantiationState::NotInstantiated,
    };
    let pairs = |map: &Map<String, Value>| (!map.is_empty()).then(|| map.clone());
    let task = |wanted: bool, task: Task| wanted.then(|| places.task(id, task));
    let there = deployment.is_some();
    let scales = known.wanted.is_some_and(scales);
    let connections: BTreeMap<String, VimConnectionInfo> = known
        .deployment
        .map(|deployment| {
            let info = VimConnectionInfo {
                vim_id: Some(deployment.vim.clone()),
                vim_type: deployment.vim.clone(),
                ..VimConnectionInfo::default()
            };
            (deployment.vim.clone(), info)
        })
        .into_iter()
        .collect();
    VnfInstance {
        id: id.to_owned(),
        vnf_instance_name: record.name.clone(),
        vnf_instance_description: record.description.clone(),
        vnfd_id: record.vnfd_id.clone(),
        vnf_provider: record.provider.clone(),
        vnf_product_name: record.product.clone(),
        vnf_software_version: record.software_version.clone(),
        vnfd_version: record.vnfd_version.clone(),
        vnf_configurable_properties: pairs(&record.properties),
        vim_connection_info: VimConnectionInfo::attribute(&connections, places.major),
        instantiation_state: state,
        instantiated_vnf_info: deployment
            .map(|deployment| instantiated(record, deployment, known.wanted)),
        metadata: pairs(&record.metadata),
        extensions: pairs(&record.extensions),
        links: VnfInstanceLinks {
            this: Link::to(places.instance(id)),
            instantiate: task(
                known.deployment.is_none() && !known.unfinished,
                Task::Instantiate,
            ),
            terminate: task(there, Task::Terminate),
            scale: task(there && scales, Task::Scale),
            scale_to_level: task(there && scales, Task::ScaleToLevel),
            heal: task(there, Task::Heal),
            operate: task(there, Task::Operate),
            change_current_vnf_pkg: None,
        },
    }
}

fn instantiated(
    record: &InstanceRecord,
    deployment: &DeploymentRecord,
    wanted: Option<&Deployment>,
) -> InstantiatedVnfInfo {
    let own: BTreeSet<&str> = deployment
        .networks
        .iter()
        .filter_map(|network| network.vim_id.as_deref())
        .collect();
    let groups = wanted.map_or(&[][..], |wanted| &wanted.vm_groups);
    let level = |group: &str, count: u32| ScaleInfo {
        aspect_id: group.to_owned(),
        vnfd_id: None,
        scale_level: count,
    };
    let mut external = Vec::new();
    for vm in &deployment.vms {
        for nic in vm
            .interfaces
            .iter()
            .filter(|nic| !own.contains(&*nic.network))
        {
            external.push(ExtCpInfo {
                id: format!("ext-{}", port(vm.name.as_str(), nic.nicid)),
                cpd_id: nic.nicid.to_string(),
                cp_config_id: nic.nicid.to_string(),
                vnfd_id: None,
                cp_protocol_info: vec![protocol(nic, fixed(groups, vm, nic.nicid))],
                associated_vnfc_cp_id: Some(port(vm.name.as_str(), nic.nicid)),
            });
        }
    }
    InstantiatedVnfInfo {
        flavour_id: record
            .flavour
            .clone()
            .unwrap_or_else(|| "default".to_owned()),
        vnf_state: match deployment.service_state {
            ServiceState::Stopped => TargetState::Stopped,
            _ => TargetState::Started,
        },
        scale_status: groups
            .iter()
            .map(|group| level(&group.name, group.min_active))
            .collect(),
        max_scale_levels: groups
            .iter()
            .map(|group| level(&group.name, group.max_active.max(group.min_active)))
            .collect(),
        ext_cp_info: external,
        ext_virtual_link_info: Vec::new(),
        vnfc_resource_info: deployment
            .vms
            .iter()
            .map(|vm| vnfc(vm, &deployment.vim, &own, groups))
            .collect(),
        vnf_virtual_link_resource_info: deployment
            .networks
            .iter()
            .map(|network| VnfVirtualLinkResourceInfo {
                id: network.key.name.clone(),
                vnf_virtual_link_desc_id: network.key.name.clone(),
                network_resource: ResourceHandle {
                    vim_connection_id: Some(deployment.vim.clone()),
                    resource_id: network.vim_id.clone().unwrap_or_default(),
                    vim_level_resource_type: Some("network".to_owned()),
                    ..ResourceHandle::default()
                },
            })
            .collect(),
        vnfc_info: deployment
            .vms
            .iter()
            .map(|vm| VnfcInfo {
                id: vm.name.to_string(),
                vdu_id: vm.group.clone(),
                vnfc_resource_info_id: Some(vm.name.to_string()),
                vnfc_state: match vm.state {
                    VmState::Shutoff => TargetState::Stopped,
                    _ => TargetState::Started,
                },
            })
            .collect(),
    }
}

/// Whether an interface's address was given by whoever configured it.
fn fixed(groups: &[VmGroup], vm: &VmInstance, nicid: u32) -> bool {
    let group = groups.iter().find(|group| group.name == vm.group);
    let mut interfaces = group.into_iter().flat_map(|group| &group.interfaces);
    interfaces.any(|nic| nic.nicid == nicid && nic.ip_address.is_some())
}

fn vnfc(vm: &VmInstance, vim: &str, own: &BTreeSet<&str>, groups: &[VmGroup]) -> VnfcResourceInfo {
    let vm_id = vm.vm_id.as_ref().map_or("", |id| id.as_str());
    let state = serde_json::json!({ "state": crate::esc_model::vm_state(vm.state) });
    VnfcResourceInfo {
        id: vm.name.to_string(),
        vdu_id: vm.group.clone(),
        vnfd_id: None,
        compute_resource: compute(vim, vm_id, &vm.host_name),
        vnfc_cp_info: vm
            .interfaces
            .iter()
            .map(|nic| {
                let id = port(vm.name.as_str(), nic.nicid);
                VnfcCpInfo {
                    cpd_id: nic.nicid.to_string(),
                    vnf_ext_cp_id: (!own.contains(&*nic.network)).then(|| format!("ext-{id}")),
                    cp_protocol_info: vec![protocol(nic, fixed(groups, vm, nic.nicid))],
                    id,
                }
            })
            .collect(),
        metadata: state.as_object().cloned(),
    }
}

fn protocol(nic: &InterfaceInfo, fixed: bool) -> CpProtocolInfo {
    let kind = match nic.ip_address.contains(':') {
        true => "IPV6",
        false => "IPV4",
    };
    CpProtocolInfo {
        layer_protocol: "IP_OVER_ETHERNET".to_owned(),
        ip_over_ethernet: Some(IpOverEthernet {
            mac_address: filled(&nic.mac_address),
            ip_addresses: filled(&nic.ip_address)
                .map(|address| IpAddresses {
                    kind: kind.to_owned(),
                    addresses: vec![address],
                    is_dynamic: Some(!fixed),
                    subnet_id: filled(&nic.subnet),
                })
                .into_iter()
                .collect(),
        }),
    }
}
