//! Namespaces and capability URIs, spelled once.

/// Namespace of the base protocol (RFC 6241).
pub const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
/// Namespace of `notification` and `create-subscription` (RFC 5277).
pub const NOTIFICATION: &str = "urn:ietf:params:xml:ns:netconf:notification:1.0";
/// Namespace of `replayComplete` and `notificationComplete`, and of `netconf/streams` (RFC 5277).
pub const NOTIFICATION_CONTENT: &str = "urn:ietf:params:xml:ns:netmod:notification";
/// Namespace of ietf-netconf-monitoring (RFC 6022).
pub const MONITORING: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";
/// Namespace of the parameter `with-defaults` (RFC 6243).
pub const WITH_DEFAULTS: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults";
/// Namespace of `action` and of YANG's own error-info elements (RFC 7950).
pub const YANG: &str = "urn:ietf:params:xml:ns:yang:1";

/// Capability base:1.0 (RFC 4741).
pub const CAPABILITY_BASE_1_0: &str = "urn:ietf:params:netconf:base:1.0";
/// Capability base:1.1 (RFC 6241).
pub const CAPABILITY_BASE_1_1: &str = "urn:ietf:params:netconf:base:1.1";
