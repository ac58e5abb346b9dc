//! Values: judged by their type, and made canonical.

use std::ffi::CString;

use super::error::ValueError;
use super::lookup::Schema;
use super::node::{NodeId, ValueKind};
use super::path;
use crate::xml::noncharacter;

/// A value as a document shows it, with the namespaces its prefixes need.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExternalValue {
    /// The text.
    pub text: String,
    /// (prefix, namespace) to be declared with it.
    pub namespaces: Vec<(String, String)>,
}

impl Schema {
    /// Judges `text` as a value of a leaf or leaf-list and returns its canonical form. Qualified
    /// names in it (identities, instance identifiers, XPath) come out with module names;
    /// `resolve` gives the namespace of a prefix of the document, and of `""`, the default one.
    /// Whether an instance that it names exists is not asked.
    ///
    /// # Errors
    /// [`ValueError`] if it is not of the type, or if `leaf` is no leaf.
    pub fn canonical(
        &self,
        leaf: NodeId,
        text: &str,
        resolve: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, ValueError> {
        if let Some(c) = noncharacter(text) {
            let code = u32::from(c);
            return Err(invalid(&format!(
                "no value has the noncharacter U+{code:04X}"
            )));
        }
        let node = self.node(leaf);
        let internal = match real_kind(&node.value) {
            ValueKind::None => return Err(invalid("this node has no value")),
            ValueKind::Identity => self.internal_identity(text, resolve),
            ValueKind::InstanceId => self.internal_path(text, resolve),
            ValueKind::NodePath => {
                let module = |prefix: &str| self.module_by_namespace(&resolve(prefix)?);
                Some(self.node_path(text, &module)?.canonical(self))
            }
            // A member may be an identity; if no prefix is known the text is taken as it is.
            ValueKind::Union => self
                .internal_identity(text, resolve)
                .filter(|_| text.contains(':'))
                .and_then(|name| self.judge_value(leaf, &name).ok())
                .or_else(|| Some(text.to_owned())),
            _ => Some(text.to_owned()),
        };
        let internal = internal.ok_or_else(|| invalid("a prefix in the value is not declared"))?;
        self.judge_value(leaf, &internal)
    }

    /// A canonical value as a document must show it: qualified names with prefixes, and the
    /// namespaces to be declared. Most values come out as they are.
    pub fn external(&self, leaf: NodeId, canonical: &str) -> ExternalValue {
        let mut namespaces = Vec::new();
        let mut prefix = |module: &str| {
            let id = self.module_by_name(module)?;
            let module = self.module(id);
            let entry = (module.prefix.to_string(), module.namespace.to_string());
            if !namespaces.contains(&entry) {
                namespaces.push(entry);
            }
            Some(module.prefix.to_string())
        };
        let text = match real_kind(&self.node(leaf).value) {
            ValueKind::Identity => canonical
                .split_once(':')
                .and_then(|(module, name)| Some(format!("{}:{name}", prefix(module)?))),
            ValueKind::InstanceId => {
                let mut current = String::new();
                path::rewrite(canonical, |qualifier, _| {
                    if !qualifier.is_empty() {
                        current = prefix(qualifier)?;
                    }
                    Some(current.clone())
                })
            }
            ValueKind::NodePath => {
                let path = self.stored_node_path(canonical);
                return path.map_or_else(|_| as_it_is(canonical), |path| path.external(self));
            }
            _ => None,
        };
        match text {
            Some(text) => ExternalValue { text, namespaces },
            None => as_it_is(canonical),
        }
    }

    fn internal_identity(
        &self,
        text: &str,
        resolve: &dyn Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let text = text.trim();
        let (prefix, name) = text.split_once(':').unwrap_or(("", text));
        let Some(namespace) = resolve(prefix) else {
            // No default namespace: the name is of the leaf's own module (RFC 7951 section 6.8
            // has the same rule).
            return prefix.is_empty().then(|| name.to_owned());
        };
        let module = self.module_by_namespace(&namespace)?;
        Some(format!("{}:{name}", self.module(module).name))
    }

    fn internal_path(
        &self,
        text: &str,
        resolve: &dyn Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let mut current = String::new();
        path::rewrite(text.trim(), |prefix, _| {
            if prefix.is_empty() {
                return Some(String::new());
            }
            let namespace = resolve(prefix)?;
            let module = self.module_by_namespace(&namespace)?;
            let name = self.module(module).name.to_string();
            // As RFC 7951 section 6.11 writes it: the module only where it changes.
            if name == current {
                return Some(String::new());
            }
            current.clone_from(&name);
            Some(name)
        })
    }

    fn judge_value(&self, leaf: NodeId, internal: &str) -> Result<String, ValueError> {
        let value = CString::new(internal).map_err(|_| invalid("a value has no NUL character"))?;
        let raw = self
            .raw
            .get(leaf.0 as usize)
            .filter(|_| self.node(leaf).value != ValueKind::None)
            .ok_or_else(|| invalid("this node has no value"))?;
        // SAFETY: `raw` belongs to this schema's context, and has a value, so that it is a leaf
        // or leaf-list.
        unsafe { self.context.canonical(raw.0, &value) }.map_err(|errors| {
            match errors.into_iter().find(|error| !error.warning) {
                Some(error) => ValueError {
                    message: sentence(error.message),
                    app_tag: error.app_tag,
                },
                None => invalid("the value is not of the leaf's type"),
            }
        })
    }
}

/// The first of the lines that libyang writes of a union; the others are of its insides.
pub(super) fn sentence(message: String) -> String {
    match message.split_once(" - no matching subtype found:\n") {
        Some((first, _)) => format!("{first}."),
        None => message,
    }
}

fn as_it_is(canonical: &str) -> ExternalValue {
    ExternalValue {
        text: canonical.to_owned(),
        namespaces: Vec::new(),
    }
}

/// The kind behind leafrefs.
fn real_kind(kind: &ValueKind) -> &ValueKind {
    match kind {
        ValueKind::LeafRef(target) => real_kind(target),
        other => other,
    }
}

pub(super) fn invalid(message: &str) -> ValueError {
    ValueError {
        message: message.to_owned(),
        app_tag: None,
    }
}
