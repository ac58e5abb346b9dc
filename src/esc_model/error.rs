//! Why a tree or a row could not be converted.

/// A value does not fit: YANG and code disagree, or a stored row is damaged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EscModelError {
    /// A configured value.
    #[error("value '{value}' of '{name}' cannot be used")]
    Value {
        /// Name of the node.
        name: String,
        /// What it holds.
        value: String,
    },
}

impl EscModelError {
    pub(super) fn value(name: &str, value: &str) -> Self {
        Self::Value {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }
}
