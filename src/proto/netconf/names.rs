//! Namespaces and capability URIs, spelled once.

/// Namespace of the base protocol (RFC 6241).
pub const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
/// Namespace of `notification` and `create-subscription` (RFC 5277).
pub const NOTIFICATION: &str = "urn:ietf:params:xml:ns:netconf:notification:1.0";
/// Namespace of `replayComplete` and `notificationComplete`, and of `netconf/streams` (RFC 5277).
pub const NOTIFICATION_CONTENT: &str = "urn:ietf:params:xml:ns:netmod:notification";
/// Namespace of ietf-netconf-monitoring (RFC 6022).
pub const MONITORING: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";
/// Namespace of ietf-netconf-notifications (RFC 6470).
pub const BASE_EVENTS: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications";
/// Namespace of the parameter `with-defaults` (RFC 6243).
pub const WITH_DEFAULTS: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults";
/// Namespace of `action` and of YANG's own error-info elements (RFC 7950).
pub const YANG: &str = "urn:ietf:params:xml:ns:yang:1";

/// Capability base:1.0 (RFC 4741).
pub const CAPABILITY_BASE_1_0: &str = "urn:ietf:params:netconf:base:1.0";
/// Capability base:1.1 (RFC 6241).
pub const CAPABILITY_BASE_1_1: &str = "urn:ietf:params:netconf:base:1.1";
/// Capability writable-running (RFC 6241 section 8.2).
pub const CAPABILITY_WRITABLE_RUNNING: &str =
    "urn:ietf:params:netconf:capability:writable-running:1.0";
/// Capability candidate (RFC 6241 section 8.3).
pub const CAPABILITY_CANDIDATE: &str = "urn:ietf:params:netconf:capability:candidate:1.0";
/// Capability confirmed-commit (RFC 6241 section 8.4).
pub const CAPABILITY_CONFIRMED_COMMIT: &str =
    "urn:ietf:params:netconf:capability:confirmed-commit:1.1";
/// Capability rollback-on-error (RFC 6241 section 8.5).
pub const CAPABILITY_ROLLBACK_ON_ERROR: &str =
    "urn:ietf:params:netconf:capability:rollback-on-error:1.0";
/// Capability validate (RFC 6241 section 8.6).
pub const CAPABILITY_VALIDATE: &str = "urn:ietf:params:netconf:capability:validate:1.1";
/// Capability xpath (RFC 6241 section 8.9).
pub const CAPABILITY_XPATH: &str = "urn:ietf:params:netconf:capability:xpath:1.0";
/// Capability notification (RFC 5277 section 3.1.1).
pub const CAPABILITY_NOTIFICATION: &str = "urn:ietf:params:netconf:capability:notification:1.0";
/// Capability interleave (RFC 5277 section 6).
pub const CAPABILITY_INTERLEAVE: &str = "urn:ietf:params:netconf:capability:interleave:1.0";
/// Capability with-defaults, to be followed by `?basic-mode=..` (RFC 6243 section 4.3).
pub const CAPABILITY_WITH_DEFAULTS: &str = "urn:ietf:params:netconf:capability:with-defaults:1.0";
/// Capability yang-library, to be followed by `?revision=..&module-set-id=..` (RFC 7950 section 5.6.4).
pub const CAPABILITY_YANG_LIBRARY_1_0: &str = "urn:ietf:params:netconf:capability:yang-library:1.0";
/// Capability yang-library, to be followed by `?revision=..&content-id=..` (RFC 8526 section 2).
pub const CAPABILITY_YANG_LIBRARY_1_1: &str = "urn:ietf:params:netconf:capability:yang-library:1.1";
