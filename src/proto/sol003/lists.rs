//! Which attributes a collection's entries have: what a selector may leave out and a filter may name.

/// Attributes of the entries of one collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Collection {
    /// Attributes that are always there (cardinality from 1), links among them.
    pub mandatory: &'static [&'static str],
    /// The others.
    pub optional: &'static [&'static str],
    /// Left out of lists unless asked for.
    pub excluded_by_default: &'static [&'static str],
}

impl Collection {
    /// Whether entries may have an attribute of that name.
    pub fn has(&self, attribute: &str) -> bool {
        self.mandatory.contains(&attribute) || self.optional.contains(&attribute)
    }
}

/// `vnf_lcm_op_occs` (clause 5.4.12.3.2).
pub const OCCURRENCES: Collection = Collection {
    mandatory: &[
        "id",
        "operationState",
        "stateEnteredTime",
        "startTime",
        "vnfInstanceId",
        "operation",
        "isAutomaticInvocation",
        "isCancelPending",
        "_links",
    ],
    optional: &[
        "grantId",
        "operationParams",
        "cancelMode",
        "error",
        "resourceChanges",
        "changedInfo",
        "affectedVipCps",
        "changedExtConnectivity",
        "modificationsTriggeredByVnfPkgChange",
        "vnfSnapshotInfoId",
        "lcmCoordinations",
        "rejectedLcmCoordinations",
        "warnings",
    ],
    excluded_by_default: &[
        "operationParams",
        "error",
        "resourceChanges",
        "changedInfo",
        "changedExtConnectivity",
    ],
};

/// `vnf_instances` (clause 5.4.2.3.2).
pub const INSTANCES: Collection = Collection {
    mandatory: &[
        "id",
        "vnfdId",
        "vnfProvider",
        "vnfProductName",
        "vnfSoftwareVersion",
        "vnfdVersion",
        "instantiationState",
        "_links",
    ],
    optional: &[
        "vnfInstanceName",
        "vnfInstanceDescription",
        "vnfConfigurableProperties",
        "vimConnectionInfo",
        "instantiatedVnfInfo",
        "metadata",
        "extensions",
    ],
    excluded_by_default: &[
        "vnfConfigurableProperties",
        "vimConnectionInfo",
        "instantiatedVnfInfo",
        "metadata",
        "extensions",
    ],
};

/// `subscriptions` (clause 5.4.18.3.2): filters, no selectors.
pub const SUBSCRIPTIONS: Collection = Collection {
    mandatory: &["id", "callbackUri", "verbosity", "_links"],
    optional: &["filter"],
    excluded_by_default: &[],
};
