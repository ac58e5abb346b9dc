//! Status messages, word for word what ESC clients expect.

use std::time::Duration;

use crate::ids::VmName;

pub(crate) const TENANT_CREATED: &str = "Tenant successfully created";
pub(crate) const TENANT_DELETED: &str = "Tenant successfully deleted";
pub(crate) const IMAGE_CREATED: &str = "Image creation completed successfully.";
pub(crate) const IMAGE_DELETED: &str = "Image deletion completed successfully.";
pub(crate) const FLAVOR_CREATED: &str = "Flavor creation completed successfully.";
pub(crate) const FLAVOR_DELETED: &str = "Flavor deletion completed successfully.";
pub(crate) const NETWORK_DELETED: &str = "Network deletion completed successfully.";
pub(crate) const SUBNET_DELETED: &str = "Subnet deletion completed successfully.";
pub(crate) const VM_DELETED: &str = "VIM Driver: VM successfully deleted";
pub(crate) const VM_REBOOTED: &str = "VIM Driver: VM successfully rebooted.";
pub(crate) const VM_STOPPED: &str = "VM successfully stopped";
pub(crate) const VM_STARTED: &str = "VM successfully started";
pub(crate) const MONITOR_UNSET: &str = "Unset Monitoring VM successfully.";
pub(crate) const MONITOR_SET: &str = "Set Monitoring VM successfully.";
pub(crate) const SERVICE_DEPLOYED: &str = "Service group deployment completed successfully!";
pub(crate) const SERVICE_UNDEPLOYED: &str = "Service group undeployment completed successfully";
pub(crate) const SERVICE_UPDATED: &str = "Service group update completed successfully";
pub(crate) const SERVICE_STOPPED: &str = "Service group suspension completed successfully";
pub(crate) const SERVICE_STARTED: &str = "Service group startup completed successfully";
pub(crate) const SERVICE_REBOOTED: &str = "Service group reboot completed successfully";
pub(crate) const SERVICE_MONITOR_UNSET: &str = "Service group monitoring unset successfully";
pub(crate) const SERVICE_MONITOR_SET: &str = "Service group monitoring set successfully";

pub(crate) fn network_created(id: &str) -> String {
    format!("Network creation completed successfully, network ID: [{id}]")
}

pub(crate) fn subnet_created(id: &str) -> String {
    format!("Subnet creation completed successfully, subnet ID: [{id}]")
}

pub(crate) fn vm_created(vm: &VmName) -> String {
    format!("VIM Driver: VM successfully created, VM Name: [{vm}]")
}

/// The id in the brackets is the VIM's.
pub(crate) fn vm_alive(vm_id: &str) -> String {
    format!("VM_Alive event received, VM ID: [{vm_id}]")
}

pub(crate) fn vm_updated(vm: &VmName) -> String {
    format!("VM [{vm}] has been updated.")
}

pub(crate) fn recovery_triggered(vm: &VmName) -> String {
    format!(
        "Recovery event for VM [{vm}] triggered. Processing Auto healing. Proceeding with Recovery."
    )
}

pub(crate) fn recovery_by_hand(vm: &VmName) -> String {
    format!(
        "Recovery event for VM [{vm}] triggered. Processing Manual recovery. Proceeding with Recovery."
    )
}

pub(crate) fn is_rebooted(vm: &VmName) -> String {
    format!("VM [{vm}] is rebooted.")
}

pub(crate) fn reboot_failed(vm: &VmName) -> String {
    format!("VM [{vm}] failed to be rebooted.")
}

pub(crate) fn undeployed(vm: &VmName) -> String {
    format!("VM [{vm}] has been undeployed.")
}

pub(crate) fn undeploy_failed(vm: &VmName) -> String {
    format!("VM [{vm}] failed to be undeployed.")
}

pub(crate) fn deploy_failed(vm: &VmName) -> String {
    format!("VM [{vm}] failed to be deployed.")
}

pub(crate) fn update_failed(vm: &VmName) -> String {
    format!("VM [{vm}] failed to be updated.")
}

pub(crate) fn stop_failed(vm: &VmName) -> String {
    format!("VM [{vm}] failed to be stopped.")
}

pub(crate) fn start_failed(vm: &VmName) -> String {
    format!("VM [{vm}] failed to be started.")
}

pub(crate) fn not_alive(vm: &VmName, within: Option<Duration>) -> String {
    let seconds = within.unwrap_or_default().as_secs();
    format!("VM [{vm}] is not alive within its bootup time of {seconds} seconds.")
}

pub(crate) fn recovered(vm: &VmName) -> String {
    format!("Recovery: Successfully recovered VM [{vm}].")
}

pub(crate) fn recovery_failed(vm: &VmName) -> String {
    format!("Recovery: Recovery of VM [{vm}] failed.")
}

pub(crate) fn recovery_interrupted(vm: &VmName) -> String {
    format!("Recovery: Recovery of VM [{vm}] was interrupted by an undeployment.")
}

pub(crate) fn recovery_cancelled(vm: &VmName) -> String {
    format!("Recovery event for VM [{vm}] cancelled.")
}

pub(crate) fn manual_needed(vm: &VmName) -> String {
    format!("Manual recovery of VM [{vm}] is needed.")
}

pub(crate) fn recovery_suppressed(vm: &VmName) -> String {
    format!("Recovery of VM [{vm}] is suppressed: the kill switch is on.")
}

pub(crate) fn service_failed(what: &str) -> String {
    format!("Error Messages: Service group {what} failed.")
}
