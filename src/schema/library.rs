//! What the schema tells about itself: capabilities and the YANG library.

use super::lookup::Schema;
use super::node::ModuleId;

/// Revision of the YANG library that we serve.
const LIBRARY_REVISION: &str = "2019-01-04";

impl Schema {
    /// The capability of each implemented module (RFC 6020 section 5.6.4), in the order of
    /// [`modules`](Self::modules). Modules of YANG 1.1 are among them: RFC 7950 section 5.6.4 asks
    /// for the YANG library alone, but the clients of ESC look for its module here.
    pub fn module_capabilities(&self) -> Vec<String> {
        self.modules
            .iter()
            .filter(|module| module.implemented)
            .map(|module| {
                let mut text = format!("{}?module={}", module.namespace, module.name);
                if let Some(revision) = &module.revision {
                    text.push_str("&revision=");
                    text.push_str(revision);
                }
                if !module.features.is_empty() {
                    text.push_str("&features=");
                    text.push_str(&module.features.join(","));
                }
                text
            })
            .collect()
    }

    /// The capabilities that point to the YANG library: RFC 8526 section 2 and, for older clients,
    /// RFC 7950 section 5.6.4.
    pub fn library_capabilities(&self) -> [String; 2] {
        let base = "urn:ietf:params:netconf:capability:yang-library:";
        let id = self.content_id();
        [
            format!("{base}1.1?revision={LIBRARY_REVISION}&content-id={id}"),
            format!("{base}1.0?revision={LIBRARY_REVISION}&module-set-id={id}"),
        ]
    }

    /// Names the content of the YANG library (RFC 8525 section 3): the same for the same modules, implemented or for
    /// import only, with the same revisions and features.
    pub fn content_id(&self) -> String {
        let imported = self.modules.iter().filter(|module| !module.implemented);
        let imported = imported.map(|module| {
            let revision = module.revision.as_deref().unwrap_or_default();
            format!("{} {} {revision}", module.namespace, module.name)
        });
        content_id(self.module_capabilities().into_iter().chain(imported))
    }

    /// The module that a get-schema asks for (RFC 6022 section 3.1); without a revision the one we
    /// have.
    pub fn module_for(&self, name: &str, revision: Option<&str>) -> Option<ModuleId> {
        self.find_module(|module| {
            &*module.name == name
                && revision.is_none_or(|wanted| module.revision.as_deref().unwrap_or("") == wanted)
        })
    }
}

/// FNV-1a: any change shows, and no crate is needed.
fn content_id(lines: impl Iterator<Item = String>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for line in lines {
        for octet in line.bytes().chain(std::iter::once(0)) {
            hash = (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}
