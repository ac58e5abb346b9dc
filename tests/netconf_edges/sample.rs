//! Configuration to play with.

use crate::peer::ESC;

/// A tenant with its content; unmanaged, so that the engine has nothing to do for it.
pub fn tenant(name: &str, inner: &str) -> String {
    format!(
        "<esc_datamodel xmlns=\"{ESC}\"><tenants><tenant><name>{name}</name>{inner}</tenant></tenants></esc_datamodel>"
    )
}

/// A network of a tenant.
pub fn network(tenant_name: &str, inner: &str) -> String {
    tenant(
        tenant_name,
        &format!("<networks><network><name>n1</name>{inner}</network></networks>"),
    )
}

/// A deployment with one VM group, `inner` in it.
pub fn deployment(tenant_name: &str, name: &str, inner: &str) -> String {
    tenant(
        tenant_name,
        &format!(
            "<deployments><deployment><name>{name}</name><vm_group><name>g</name>{inner}</vm_group></deployment></deployments>"
        ),
    )
}

/// What a VM group cannot do without; it makes no VM.
pub const GROUP: &str = "<image>i</image><flavor>f</flavor><bootup_time>30</bootup_time><recovery_wait_time>0</recovery_wait_time>";

/// `min_active` 0: a deployment without VMs.
pub const NO_VMS: &str = "<scaling><min_active>0</min_active><max_active>1</max_active></scaling>";

/// edit-config with parameters before `<config>`.
pub fn edit(target: &str, parameters: &str, config: &str) -> String {
    format!(
        "<edit-config><target><{target}/></target>{parameters}<config xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">{config}</config></edit-config>"
    )
}

pub fn running(config: &str) -> String {
    edit("running", "", config)
}

pub fn candidate(config: &str) -> String {
    edit("candidate", "", config)
}

/// The whole configuration of a datastore.
pub fn all(datastore: &str) -> String {
    format!("<get-config><source><{datastore}/></source></get-config>")
}
