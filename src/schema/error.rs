//! What can be wrong: with a schema, with a value, with a document.

use super::node::NodeId;

/// Why a schema could not be loaded. The product's own schema always loads; tests prove it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SchemaError {
    /// libyang could not be set up.
    #[error("libyang could not be set up: {0}")]
    Setup(String),
    /// A module is wrong, or a warning was raised about it.
    #[error("module {module}: {message}")]
    Module {
        /// Module name.
        module: String,
        /// What is wrong.
        message: String,
    },
    /// A constraint reads beyond its own unit and the keys of its ancestors.
    #[error("{statement} at {path} reads {target}, which is outside its unit")]
    Reach {
        /// Schema path of the constrained node.
        path: String,
        /// The statement, with its argument.
        statement: String,
        /// Schema path of the node it reads.
        target: String,
    },
    /// The unit extension stands where it may not.
    #[error("{0} is marked as a unit but is no list with keys of configuration")]
    NotAUnit(String),
}

/// Why a text is not a value of a leaf's type.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ValueError {
    /// A sentence, the module's own error-message where it has one.
    pub message: String,
    /// The module's own error-app-tag where it has one.
    pub app_tag: Option<String>,
}

/// What is wrong with a document; the NETCONF face makes its error-tag from this.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// An element the schema does not have there, or state data in configuration.
    UnknownElement,
    /// A value that is not of its type, or a node that stands there twice.
    InvalidValue,
    /// A list entry without a key.
    MissingKey {
        /// Name of the key.
        key: String,
    },
    /// A mandatory node is not there (RFC 7950 section 7.6.5).
    Mandatory {
        /// Its name.
        name: String,
    },
    /// No node of a mandatory choice is there (RFC 7950 section 15.6).
    MandatoryChoice {
        /// Name of the choice.
        choice: String,
    },
    /// A must is false (RFC 7950 section 15.4).
    Must,
    /// A node is there although its when is false.
    When,
    /// A leafref or instance-identifier names nothing (RFC 7950 section 15.5).
    LeafrefMissing,
    /// Two entries agree in the leafs of a unique (RFC 7950 section 15.1).
    DataNotUnique,
    /// Fewer entries than min-elements (RFC 7950 section 15.3).
    TooFew,
    /// More entries than max-elements (RFC 7950 section 15.2).
    TooMany,
    /// Nodes of two cases of one choice.
    MultipleCases,
    /// Not well-formed XML.
    Malformed,
    /// Anything else.
    Other,
}

/// One thing wrong with a document.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ValidationError {
    /// What kind of thing.
    pub kind: ErrorKind,
    /// Where: an absolute path with the modules' prefixes and with the keys of lists, such as
    /// `/esc:esc_datamodel/esc:tenants/esc:tenant[esc:name='t']`; `/` for the document.
    ///
    /// For a node that is missing or unknown it is the path of the parent, for too few or too many
    /// entries that of the list without keys. A key with both kinds of quotes has no XPath literal;
    /// the path is then as libyang writes it.
    pub path: String,
    /// The schema node of `path`, when there is one.
    pub schema_node: Option<NodeId>,
    /// A sentence, the module's own error-message where it has one.
    pub message: String,
    /// The error-app-tag of RFC 7950 section 15, or the module's own.
    pub app_tag: Option<String>,
    /// Local name of the element at fault where `path` is that of its parent: the one the schema
    /// does not know.
    pub element: Option<String>,
    /// For [`ErrorKind::DataNotUnique`], the leafs that agree, one path for each leaf and entry
    /// (the `non-unique` elements of RFC 7950 section 15.1).
    pub non_unique: Vec<String>,
}
