//! The decoded form of an edit's `<config>`: schema nodes, canonical values, operations.

use std::sync::Arc;

use super::decode::{self, Form};
use super::error::Error;
use super::keys::Keys;
use super::ordered::Place;
use super::path::{Location, Step};
use crate::schema::{NodeId, NodeKind, Schema};
use crate::xml::Element;

/// The `operation` attribute (RFC 6241 section 7.2) and what is inherited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Joins with what is there.
    Merge,
    /// Takes the place of what is there.
    Replace,
    /// Must not be there yet.
    Create,
    /// Must be there.
    Delete,
    /// May be there.
    Remove,
    /// Only leads to nodes below; must be there. Comes from `default-operation` alone.
    None,
}

impl Operation {
    /// The operation an attribute value names.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "merge" => Self::Merge,
            "replace" => Self::Replace,
            "create" => Self::Create,
            "delete" => Self::Delete,
            "remove" => Self::Remove,
            _ => return None,
        })
    }

    /// Whether it takes data away, so that values are ignored.
    pub fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::Remove)
    }

    /// Whether it puts an entry where `insert` says (RFC 7950 section 7.8.6).
    pub fn inserts(self) -> bool {
        matches!(self, Self::Merge | Self::Replace | Self::Create)
    }
}

/// The `default-operation` parameter; merge when absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DefaultOperation {
    /// Joins with the target.
    #[default]
    Merge,
    /// Takes the place of the whole target.
    Replace,
    /// Nothing, unless an `operation` attribute says so.
    None,
}

impl DefaultOperation {
    /// The operation that the top-level nodes inherit.
    pub fn operation(self) -> Operation {
        match self {
            Self::Merge => Operation::Merge,
            Self::Replace => Operation::Replace,
            Self::None => Operation::None,
        }
    }
}

/// The `error-option` parameter. An edit is always applied as a whole, so stop-on-error leaves the
/// target as it was, like rollback-on-error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ErrorOption {
    /// `stop-on-error`.
    #[default]
    Stop,
    /// `continue-on-error`.
    Continue,
    /// `rollback-on-error`.
    Rollback,
}

/// A decoded edit: nothing in it is unknown, ill-typed or without its keys.
#[derive(Clone, Debug)]
pub struct EditTree {
    pub(super) children: Vec<EditNode>,
}

/// One node an edit names. There may be hundreds of thousands, so it is kept small.
#[derive(Clone, Debug)]
pub(super) struct EditNode {
    pub node: NodeId,
    pub op: Option<Operation>,
    pub insert: Option<Box<Place>>,
    pub content: Content,
    pub children: Box<[EditNode]>,
}

/// What an edit node holds beside its children.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Container,
    Entry(Keys),
    Leaf(Arc<str>),
    LeafList(Keys),
    Any(Arc<Element>),
    /// A leaf marked as default (RFC 6243 section 4.5.2).
    Default,
    /// Under delete or remove: no value is needed.
    Nothing,
}

impl EditNode {
    /// What is to be done here. A leaf marked as default is one that nobody sets: putting it is removing what
    /// somebody has set, `create` asks that nobody has (erratum 4688), and `none` is refused.
    pub fn operation(&self, inherited: Operation) -> Operation {
        match (self.op.unwrap_or(inherited), &self.content) {
            (Operation::Merge | Operation::Replace, Content::Default) => Operation::Remove,
            (operation, _) => operation,
        }
    }

    /// Whether there is nothing here afterwards, for all that can be told from the edit alone.
    pub fn leaves_nothing(&self) -> bool {
        matches!(self.content, Content::Default) || self.op.is_some_and(Operation::deletes)
    }
}

impl EditTree {
    /// Decodes the children of a `<config>` element.
    ///
    /// # Errors
    /// Unknown names and namespaces, state data, missing keys, bad attributes, invalid values
    /// (RFC 6241 appendix A, RFC 7950 section 8.3.1).
    pub fn decode(schema: &'static Schema, config: &Element) -> Result<Self, Error> {
        no_text(config)?;
        Self::decode_elements(schema, config.elements())
    }

    /// Decodes the children of a `<config>` element that is a configuration, not an edit (copy-config,
    /// validate): it has no `operation` (RFC 6241 section 7.2), and each entry of a list or leaf-list
    /// stands in it once (RFC 7950 sections 7.7 and 7.8.2).
    ///
    /// # Errors
    /// As [`EditTree::decode`].
    pub fn decode_whole(schema: &'static Schema, config: &Element) -> Result<Self, Error> {
        no_text(config)?;
        let children = decode::top(schema, config.elements(), Form::Whole)?;
        Ok(Self { children })
    }

    /// Decodes top-level data elements, as [`split_rpcs`] leaves them.
    ///
    /// # Errors
    /// As [`EditTree::decode`].
    pub fn decode_elements<'e>(
        schema: &'static Schema,
        elements: impl IntoIterator<Item = &'e Element>,
    ) -> Result<Self, Error> {
        let children = decode::top(schema, elements, Form::Edit)?;
        Ok(Self { children })
    }

    /// Whether it names more nodes than that; looks at no more.
    pub fn is_larger_than(&self, nodes: usize) -> bool {
        fn left(children: &[EditNode], mut room: Option<usize>) -> Option<usize> {
            for child in children {
                room = left(&child.children, room?.checked_sub(1));
            }
            room
        }
        left(&self.children, Some(nodes)).is_none()
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// Whether the edit itself names the node at a location.
    pub fn names(&self, location: &Location) -> bool {
        fn named(nodes: &[EditNode], steps: &[Step]) -> bool {
            let Some((step, below)) = steps.split_first() else {
                return true;
            };
            nodes.iter().any(|edit| {
                let keys = match &edit.content {
                    Content::Entry(keys) | Content::LeafList(keys) => Some(keys),
                    _ => None,
                };
                edit.node == step.node && keys == step.keys.as_ref() && named(&edit.children, below)
            })
        }
        !location.0.is_empty() && named(&self.children, &location.0)
    }
}

fn no_text(config: &Element) -> Result<(), Error> {
    match config.has_only_whitespace_text() {
        true => Ok(()),
        false => Err(Error::invalid("", "text is not allowed in <config>")),
    }
}

/// Splits the children of `<config>` into those that are RPCs (an ESC action wrapped in an edit) and
/// those that are data or unknown.
pub fn split_rpcs<'e>(
    schema: &Schema,
    config: &'e Element,
) -> (Vec<&'e Element>, Vec<&'e Element>) {
    config.elements().partition(|element| {
        let top = schema.top(&element.ns, &element.local);
        top.is_some_and(|id| schema.node(id).kind == NodeKind::Rpc)
    })
}
