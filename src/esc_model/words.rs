//! Domain enums -> the words of the ESC model and of ours, one table each.

use crate::model::event::EventKind;
use crate::model::operation::{LcmOperation, LcmOperationState};
use crate::model::state::{ServiceState, VmState};

/// `SERVICE_..._STATE`.
pub fn service_state(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Undef => "SERVICE_UNDEF_STATE",
        ServiceState::Deploying => "SERVICE_DEPLOYING_STATE",
        ServiceState::Inert => "SERVICE_INERT_STATE",
        ServiceState::Active => "SERVICE_ACTIVE_STATE",
        ServiceState::Undeploying => "SERVICE_UNDEPLOYING_STATE",
        ServiceState::Stopping => "SERVICE_STOPPING_STATE",
        ServiceState::Stopped => "SERVICE_STOPPED_STATE",
        ServiceState::Starting => "SERVICE_STARTING_STATE",
        ServiceState::Rebooting => "SERVICE_REBOOTING_STATE",
        ServiceState::Error => "SERVICE_ERROR_STATE",
    }
}

/// `VM_..._STATE`.
pub fn vm_state(state: VmState) -> &'static str {
    match state {
        VmState::Undef => "VM_UNDEF_STATE",
        VmState::Deploying => "VM_DEPLOYING_STATE",
        VmState::MonitorUnset => "VM_MONITOR_UNSET_STATE",
        VmState::MonitorDisabled => "VM_MONITOR_DISABLED_STATE",
        VmState::Stopping => "VM_STOPPING_STATE",
        VmState::Shutoff => "VM_SHUTOFF_STATE",
        VmState::Starting => "VM_STARTING_STATE",
        VmState::Rebooting => "VM_REBOOTING_STATE",
        VmState::Inert => "VM_INERT_STATE",
        VmState::Alive => "VM_ALIVE_STATE",
        VmState::Undeploying => "VM_UNDEPLOYING_STATE",
        VmState::Error => "VM_ERROR_STATE",
    }
}

/// SOL003 `LcmOperationType` as far as we have it, and MODIFY.
pub fn operation(operation: LcmOperation) -> &'static str {
    match operation {
        LcmOperation::Instantiate => "INSTANTIATE",
        LcmOperation::Modify
        | LcmOperation::Scale
        | LcmOperation::ScaleToLevel
        | LcmOperation::ModifyInfo => "MODIFY",
        LcmOperation::Terminate => "TERMINATE",
        LcmOperation::Heal => "HEAL",
        LcmOperation::Operate => "OPERATE",
    }
}

/// SOL003 `LcmOperationStateType`.
pub fn operation_state(state: LcmOperationState) -> &'static str {
    match state {
        LcmOperationState::Starting => "STARTING",
        LcmOperationState::Processing => "PROCESSING",
        LcmOperationState::Completed => "COMPLETED",
        LcmOperationState::FailedTemp => "FAILED_TEMP",
        LcmOperationState::Failed => "FAILED",
        LcmOperationState::RollingBack => "ROLLING_BACK",
        LcmOperationState::RolledBack => "ROLLED_BACK",
    }
}

/// The event's type.
pub fn event_type(kind: EventKind) -> &'static str {
    match kind {
        EventKind::CreateTenant => "CREATE_TENANT",
        EventKind::DeleteTenant => "DELETE_TENANT",
        EventKind::CreateNetwork => "CREATE_NETWORK",
        EventKind::DeleteNetwork => "DELETE_NETWORK",
        EventKind::CreateSubnet => "CREATE_SUBNET",
        EventKind::DeleteSubnet => "DELETE_SUBNET",
        EventKind::CreateImage => "CREATE_IMAGE",
        EventKind::DeleteImage => "DELETE_IMAGE",
        EventKind::CreateFlavor => "CREATE_FLAVOR",
        EventKind::DeleteFlavor => "DELETE_FLAVOR",
        EventKind::VmDeployed => "VM_DEPLOYED",
        EventKind::VmAlive => "VM_ALIVE",
        EventKind::ServiceAlive => "SERVICE_ALIVE",
        EventKind::VmUndeployed => "VM_UNDEPLOYED",
        EventKind::ServiceUndeployed => "SERVICE_UNDEPLOYED",
        EventKind::VmUpdated => "VM_UPDATED",
        EventKind::ServiceUpdated => "SERVICE_UPDATED",
        EventKind::VmStopped => "VM_STOPPED",
        EventKind::ServiceStopped => "SERVICE_STOPPED",
        EventKind::VmStarted => "VM_STARTED",
        EventKind::VmRebooted => "VM_REBOOTED",
        EventKind::VmMonitorSet => "VM_MONITOR_SET",
        EventKind::VmMonitorUnset => "VM_MONITOR_UNSET",
        EventKind::ServiceMonitorUnset => "SERVICE_MONITOR_UNSET",
        EventKind::VmRecoveryInit => "VM_RECOVERY_INIT",
        EventKind::VmRecoveryReboot => "VM_RECOVERY_REBOOT",
        EventKind::VmRecoveryUndeployed => "VM_RECOVERY_UNDEPLOYED",
        EventKind::VmRecoveryDeployed => "VM_RECOVERY_DEPLOYED",
        EventKind::VmRecoveryComplete => "VM_RECOVERY_COMPLETE",
        EventKind::VmRecoveryCancelled => "VM_RECOVERY_CANCELLED",
        EventKind::VmManualRecoveryNeeded => "VM_MANUAL_RECOVERY_NEEDED",
        EventKind::VmScaleOutInit => "VM_SCALE_OUT_INIT",
        EventKind::VmScaleOutDeployed => "VM_SCALE_OUT_DEPLOYED",
        EventKind::VmScaleOutComplete => "VM_SCALE_OUT_COMPLETE",
        EventKind::VmScaleInInit => "VM_SCALE_IN_INIT",
        EventKind::VmScaleInComplete => "VM_SCALE_IN_COMPLETE",
    }
}
