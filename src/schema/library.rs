//! What the schema tells about itself: capabilities and the YANG library.

use super::lookup::Schema;
use super::node::{Module, ModuleId};
use crate::xml::Writer;

/// Namespace of the YANG library.
const LIBRARY: &str = "urn:ietf:params:xml:ns:yang:ietf-yang-library";
/// Namespace of the names of datastores.
const DATASTORES: &str = "urn:ietf:params:xml:ns:yang:ietf-datastores";
/// Revision of the YANG library that we serve.
const LIBRARY_REVISION: &str = "2019-01-04";
/// The datastores that have the schema.
const SERVED: [&str; 2] = ["running", "candidate"];

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

    /// Names the set of modules: the same for the same names, revisions and features.
    pub fn content_id(&self) -> String {
        // FNV-1a: any change shows, and no crate is needed.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for capability in self.module_capabilities() {
            for octet in capability.bytes().chain(std::iter::once(0)) {
                hash = (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        format!("{hash:016x}")
    }

    /// The module that a get-schema asks for (RFC 6022 section 3.1); without a revision the one we
    /// have.
    pub fn module_for(&self, name: &str, revision: Option<&str>) -> Option<ModuleId> {
        self.find_module(|module| {
            &*module.name == name
                && revision.is_none_or(|wanted| module.revision.as_deref().unwrap_or("") == wanted)
        })
    }

    /// `/yang-library` and the older `/modules-state` as one piece of XML (RFC 8525).
    pub fn yang_library(&self) -> String {
        let mut out = Writer::new();
        self.write_library(&mut out);
        self.write_modules_state(&mut out);
        out.finish()
    }

    fn write_library(&self, out: &mut Writer) {
        out.open(LIBRARY, "yang-library");
        out.start("module-set");
        out.leaf("name", "complete");
        for module in self.modules.iter().filter(|module| module.implemented) {
            out.start("module");
            write_names(out, module);
            for feature in &module.features {
                out.leaf("feature", feature);
            }
            out.end();
        }
        for module in self.modules.iter().filter(|module| !module.implemented) {
            out.start("import-only-module");
            write_names(out, module);
            out.end();
        }
        out.end();
        out.start("schema");
        out.leaf("name", "complete");
        out.leaf("module-set", "complete");
        out.end();
        for datastore in SERVED {
            out.start("datastore");
            out.start("name");
            out.attr("xmlns:ds", DATASTORES);
            out.text(&format!("ds:{datastore}"));
            out.end();
            out.leaf("schema", "complete");
            out.end();
        }
        out.leaf("content-id", &self.content_id());
        out.end();
    }

    fn write_modules_state(&self, out: &mut Writer) {
        out.open(LIBRARY, "modules-state");
        out.leaf("module-set-id", &self.content_id());
        for module in &self.modules {
            out.start("module");
            write_names(out, module);
            for feature in &module.features {
                out.leaf("feature", feature);
            }
            let conformance = if module.implemented {
                "implement"
            } else {
                "import"
            };
            out.leaf("conformance-type", conformance);
            out.end();
        }
        out.end();
    }
}

fn write_names(out: &mut Writer, module: &Module) {
    out.leaf("name", &module.name);
    // Every module we ship has one; a test sees to it.
    out.leaf("revision", module.revision.as_deref().unwrap_or(""));
    out.leaf("namespace", &module.namespace);
}
