//! Media types.

/// The media type of a kind of document, `vApp` and others.
pub fn media_type(kind: &str) -> String {
    format!("application/vnd.vmware.vcloud.{kind}+xml")
}
