//! The grammar's result.

use std::sync::Arc;

use super::functions::Function;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Expr {
    Or(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    Negate(Box<Expr>),
    Union(Box<Expr>, Box<Expr>),
    Path(Start, Vec<Step>),
    Filtered(Box<Expr>, Vec<Expr>),
    Literal(String),
    /// A literal that is compared for equality and may name an identity: its text, the namespace of its prefix
    /// where that is declared, its local name.
    Name(String, Option<String>, String),
    Number(f64),
    Call(Function, Vec<Expr>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// Where a path starts.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Start {
    Root,
    Context,
    Nodes(Box<Expr>),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Step {
    pub axis: Axis,
    pub test: NodeTest,
    pub predicates: Vec<Expr>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Namespace,
    Parent,
    Preceding,
    PrecedingSibling,
    SelfNode,
}

impl Axis {
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "ancestor" => Self::Ancestor,
            "ancestor-or-self" => Self::AncestorOrSelf,
            "attribute" => Self::Attribute,
            "child" => Self::Child,
            "descendant" => Self::Descendant,
            "descendant-or-self" => Self::DescendantOrSelf,
            "following" => Self::Following,
            "following-sibling" => Self::FollowingSibling,
            "namespace" => Self::Namespace,
            "parent" => Self::Parent,
            "preceding" => Self::Preceding,
            "preceding-sibling" => Self::PrecedingSibling,
            "self" => Self::SelfNode,
            _ => return None,
        })
    }

    /// Whether positions count against document order.
    pub fn is_reverse(self) -> bool {
        matches!(
            self,
            Self::Ancestor | Self::AncestorOrSelf | Self::Preceding | Self::PrecedingSibling
        )
    }
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum NodeTest {
    /// `*`
    AnyName,
    /// `p:*`
    InNamespace(Arc<str>),
    /// `p:name`
    Name(Arc<str>, Arc<str>),
    /// `name`
    Unprefixed(Arc<str>),
    /// `node()`
    Node,
    /// `text()`
    Text,
    /// `comment()`, `processing-instruction()`: we have none.
    Nothing,
}
