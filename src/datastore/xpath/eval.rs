//! Evaluation of an expression on a document, every node visited taken from a budget.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::ast::{Arithmetic, Axis, Comparison, Expr, NodeTest, Start, Step};
use super::doc::{Doc, Id, KeyTest, KeyValue, Kind, ROOT, Route};
use super::parser::refused;
use super::value::{Value, number_of, text_of};
use crate::datastore::error::Error;
use crate::datastore::filter::Budget;

/// Octets of text that cost as much as a visit.
const OCTETS_PER_VISIT: usize = 256;

/// What an expression is evaluated for.
#[derive(Clone, Copy)]
pub(super) struct Context {
    pub node: Id,
    pub position: usize,
    pub size: usize,
}

pub(super) struct Eval<'e, 't, D: Doc<'t>> {
    pub doc: &'e D,
    pub budget: &'e mut Budget,
    /// For names without a prefix: whether the default namespace has such a name.
    known: HashMap<Arc<str>, bool>,
    default_ns: &'e str,
    lifetime: std::marker::PhantomData<&'t ()>,
}

impl<'e, 't, D: Doc<'t>> Eval<'e, 't, D> {
    pub fn new(doc: &'e D, budget: &'e mut Budget, default_ns: &'e str) -> Self {
        Self {
            doc,
            budget,
            known: HashMap::new(),
            default_ns,
            lifetime: std::marker::PhantomData,
        }
    }

    /// Evaluates with the root as context node, which also prepends a missing leading `/`.
    pub fn whole(&mut self, expr: &Expr) -> Result<Value, Error> {
        self.from(ROOT, expr)
    }

    /// Evaluates with this context node.
    pub fn from(&mut self, node: Id, expr: &Expr) -> Result<Value, Error> {
        let context = Context {
            node,
            position: 1,
            size: 1,
        };
        self.eval(expr, context)
    }

    /// Evaluates with this context.
    pub fn eval(&mut self, expr: &Expr, context: Context) -> Result<Value, Error> {
        self.budget.take(1)?;
        Ok(match expr {
            Expr::Or(a, b) => {
                Value::Bool(self.bool_expr(a, context)? || self.bool_expr(b, context)?)
            }
            Expr::And(a, b) => {
                Value::Bool(self.bool_expr(a, context)? && self.bool_expr(b, context)?)
            }
            Expr::Compare(comparison, other, name) | Expr::Compare(comparison, name, other)
                if matches!(**name, Expr::Name(..)) =>
            {
                Value::Bool(self.compare_name(*comparison, other, name, context)?)
            }
            Expr::Compare(comparison, a, b) => {
                let (a, b) = (self.eval(a, context)?, self.eval(b, context)?);
                Value::Bool(self.compare(*comparison, a, b)?)
            }
            Expr::Arithmetic(operation, a, b) => {
                let (a, b) = (self.number_expr(a, context)?, self.number_expr(b, context)?);
                Value::Number(match operation {
                    Arithmetic::Add => a + b,
                    Arithmetic::Subtract => a - b,
                    Arithmetic::Multiply => a * b,
                    Arithmetic::Divide => a / b,
                    Arithmetic::Modulo => a % b,
                })
            }
            Expr::Negate(a) => Value::Number(-self.number_expr(a, context)?),
            Expr::Union(a, b) => {
                let mut nodes = self.nodes_expr(a, context)?;
                nodes.extend(self.nodes_expr(b, context)?);
                Value::Nodes(unique(nodes))
            }
            Expr::Path(start, steps) => {
                let start = match start {
                    Start::Root => vec![ROOT],
                    Start::Context => vec![context.node],
                    Start::Nodes(expr) => self.nodes_expr(expr, context)?,
                };
                Value::Nodes(self.steps(start, steps)?)
            }
            Expr::Filtered(expr, predicates) => {
                let mut nodes = self.nodes_expr(expr, context)?;
                self.sort(&mut nodes)?;
                Value::Nodes(self.filtered(nodes, predicates)?)
            }
            Expr::Literal(text) | Expr::Name(text, ..) => Value::Text(text.clone()),
            Expr::Number(number) => Value::Number(*number),
            Expr::Call(function, arguments) => self.call(*function, arguments, context)?,
        })
    }

    fn steps(&mut self, start: Vec<Id>, steps: &[Step]) -> Result<Vec<Id>, Error> {
        let mut nodes = start;
        let mut steps = steps.iter().peekable();
        while let Some(step) = steps.next() {
            if nodes.is_empty() {
                break;
            }
            // `//name`: only what can have such a child is worth collecting on the way.
            let next = steps.peek().filter(|next| {
                let by_name = !matches!(next.test, NodeTest::Node | NodeTest::Text);
                is_any_below(step) && next.axis == Axis::Child && by_name
            });
            let leads_on = next.is_some();
            let route = next.and_then(|next| self.route(&next.test));
            let several = nodes.len() > 1;
            let mut found = Vec::new();
            for node in nodes {
                let on_axis = match leads_on {
                    true => self.interior_below(node, route.as_ref())?,
                    false => self.step(node, step)?,
                };
                found.extend(on_axis);
            }
            let disjoint = matches!(
                step.axis,
                Axis::Child | Axis::SelfNode | Axis::Attribute | Axis::Namespace
            );
            nodes = match several && !disjoint {
                true => unique(found),
                false => found,
            };
        }
        Ok(nodes)
    }

    fn step(&mut self, node: Id, step: &Step) -> Result<Vec<Id>, Error> {
        if step.axis == Axis::Child
            && let Some(found) = self.looked_up(node, step)
        {
            self.budget.take(1 + found.len())?;
            return self.filtered(found, &step.predicates);
        }
        let mut on_axis = self.axis(node, step.axis)?;
        on_axis.retain(|id| self.passes(*id, step));
        self.filtered(on_axis, &step.predicates)
    }

    /// The children that a step can be about: by key where the leading predicates name all keys, by
    /// name otherwise; `None` when all children must be looked at.
    fn looked_up(&mut self, node: Id, step: &Step) -> Option<Vec<Id>> {
        let mut keys = Vec::new();
        for predicate in &step.predicates {
            if !key_tests(predicate, &mut keys) {
                break;
            }
        }
        if matches!(
            step.test,
            NodeTest::Node | NodeTest::Text | NodeTest::Nothing
        ) {
            return None;
        }
        self.know(&step.test);
        for key in &keys {
            self.know(key.name);
        }
        let matches = |test: &NodeTest, ns: &str, local: &str| self.matches(test, ns, local);
        let by_key = match keys.is_empty() {
            true => None,
            false => self.doc.lookup(node, &step.test, &keys, &matches),
        };
        by_key.or_else(|| self.doc.named(node, &step.test, &matches))
    }

    fn filtered(&mut self, nodes: Vec<Id>, predicates: &[Expr]) -> Result<Vec<Id>, Error> {
        let mut nodes = nodes;
        for predicate in predicates {
            let size = nodes.len();
            let mut kept = Vec::with_capacity(size);
            for (index, node) in nodes.into_iter().enumerate() {
                let context = Context {
                    node,
                    position: index + 1,
                    size,
                };
                let keep = match self.eval(predicate, context)? {
                    Value::Number(number) => number == context.position as f64,
                    value => self.bool_of(&value),
                };
                if keep {
                    kept.push(node);
                }
            }
            nodes = kept;
        }
        Ok(nodes)
    }

    /// The nodes on an axis, nearest first for a reverse axis.
    fn axis(&mut self, node: Id, axis: Axis) -> Result<Vec<Id>, Error> {
        let mut found = Vec::new();
        match axis {
            Axis::Child => found.extend(self.children(node)?),
            Axis::SelfNode => found.push(node),
            Axis::Parent => found.extend(self.doc.parent(node)),
            Axis::Descendant => self.below(node, &mut found)?,
            Axis::DescendantOrSelf => {
                found.push(node);
                self.below(node, &mut found)?;
            }
            Axis::Ancestor | Axis::AncestorOrSelf => {
                let mut at = match axis {
                    Axis::Ancestor => self.doc.parent(node),
                    _ => Some(node),
                };
                while let Some(id) = at {
                    found.push(id);
                    at = self.doc.parent(id);
                }
            }
            Axis::FollowingSibling | Axis::PrecedingSibling => {
                let after = axis == Axis::FollowingSibling;
                found = self.siblings(node, after)?;
            }
            Axis::Following | Axis::Preceding => {
                let after = axis == Axis::Following;
                let mut at = Some(node);
                if self.doc.kind(node) != Kind::Other {
                    // What its element holds comes behind it (section 2.2).
                    at = self.doc.parent(node);
                    if after && let Some(element) = at {
                        self.below(element, &mut found)?;
                    }
                }
                while let Some(id) = at {
                    for sibling in self.siblings(id, after)? {
                        let mut subtree = vec![sibling];
                        self.below(sibling, &mut subtree)?;
                        if !after {
                            subtree.reverse();
                        }
                        found.extend(subtree);
                    }
                    at = self.doc.parent(id);
                }
            }
            Axis::Attribute => found.extend(self.doc.attributes(node).iter()),
            Axis::Namespace => found.extend(self.doc.namespaces(node).iter()),
        }
        self.budget.take(1 + found.len())?;
        debug_assert!(
            !axis.is_reverse() || found.len() < 2 || {
                let mut pairs = found.iter().zip(found.iter().skip(1));
                pairs.all(|(a, b)| self.doc.order(*a, *b).is_gt())
            }
        );
        Ok(found)
    }

    fn children(&mut self, node: Id) -> Result<Vec<Id>, Error> {
        let children = self.doc.children(node);
        self.budget.take(children.len())?;
        Ok(children.to_vec())
    }

    fn siblings(&mut self, node: Id, after: bool) -> Result<Vec<Id>, Error> {
        let parent = self.doc.parent(node);
        let Some(parent) = parent.filter(|_| self.doc.kind(node) == Kind::Other) else {
            return Ok(Vec::new());
        };
        let all = self.children(parent)?;
        let at = all.iter().position(|id| *id == node).unwrap_or(0);
        Ok(match after {
            true => all.into_iter().skip(at + 1).collect(),
            false => {
                let mut before: Vec<Id> = all.into_iter().take(at).collect();
                before.reverse();
                before
            }
        })
    }

    /// Everything below a node in document order.
    fn below(&mut self, node: Id, found: &mut Vec<Id>) -> Result<(), Error> {
        let mut stack: Vec<Id> = self.children(node)?;
        stack.reverse();
        while let Some(id) = stack.pop() {
            found.push(id);
            let from = stack.len();
            stack.extend(self.children(id)?);
            if let Some(new) = stack.get_mut(from..) {
                new.reverse();
            }
        }
        Ok(())
    }

    /// A node and everything below it that can have elements below and, with a route, that it can lead to.
    fn interior_below(&mut self, node: Id, route: Option<&Route>) -> Result<Vec<Id>, Error> {
        let mut found = Vec::new();
        let mut stack = vec![node];
        while let Some(id) = stack.pop() {
            if !self.doc.is_interior(id) || route.is_some_and(|r| !self.doc.may_lead_to(id, r)) {
                continue;
            }
            found.push(id);
            let from = stack.len();
            stack.extend(self.children(id)?);
            if let Some(new) = stack.get_mut(from..) {
                new.reverse();
            }
        }
        Ok(found)
    }

    fn route(&mut self, test: &NodeTest) -> Option<Route> {
        self.know(test);
        let matches = |test: &NodeTest, ns: &str, local: &str| self.matches(test, ns, local);
        self.doc.route(test, &matches)
    }

    fn passes(&mut self, id: Id, step: &Step) -> bool {
        match &step.test {
            NodeTest::Node => true,
            NodeTest::Text => self.doc.is_text(id),
            NodeTest::Nothing => false,
            test => {
                let Some((ns, local)) = self.doc.name(id) else {
                    return false;
                };
                // A name asks for the principal kind of the axis (section 2.3), and the default
                // namespace is that of elements only.
                let principal = match step.axis {
                    Axis::Attribute => Kind::Attribute,
                    Axis::Namespace => Kind::Namespace,
                    _ => Kind::Other,
                };
                match (principal, test) {
                    (principal, _) if principal != self.doc.kind(id) => false,
                    (Kind::Attribute | Kind::Namespace, NodeTest::Unprefixed(name)) => {
                        ns.is_empty() && **name == *local
                    }
                    _ => {
                        self.know(test);
                        self.matches(test, ns, local)
                    }
                }
            }
        }
    }

    /// Finds out, once, whether an unprefixed name is one of the default namespace.
    fn know(&mut self, test: &NodeTest) {
        if let NodeTest::Unprefixed(local) = test
            && !self.known.contains_key(local)
        {
            let known = self.doc.knows(self.default_ns, local);
            self.known.insert(local.clone(), known);
        }
    }

    fn matches(&self, test: &NodeTest, ns: &str, local: &str) -> bool {
        match test {
            NodeTest::AnyName => true,
            NodeTest::InNamespace(wanted) => **wanted == *ns,
            NodeTest::Name(wanted, name) => **wanted == *ns && **name == *local,
            NodeTest::Unprefixed(name) => {
                let in_default = self.known.get(name).copied().unwrap_or(false);
                **name == *local && (!in_default || ns == self.default_ns)
            }
            NodeTest::Node | NodeTest::Text | NodeTest::Nothing => false,
        }
    }

    pub fn nodes_expr(&mut self, expr: &Expr, context: Context) -> Result<Vec<Id>, Error> {
        match self.eval(expr, context)? {
            Value::Nodes(nodes) => Ok(nodes),
            _ => Err(refused("a node-set is needed here")),
        }
    }

    pub fn bool_expr(&mut self, expr: &Expr, context: Context) -> Result<bool, Error> {
        let value = self.eval(expr, context)?;
        Ok(self.bool_of(&value))
    }

    pub fn number_expr(&mut self, expr: &Expr, context: Context) -> Result<f64, Error> {
        let value = self.eval(expr, context)?;
        self.number_value(value)
    }

    pub fn text_expr(&mut self, expr: &Expr, context: Context) -> Result<String, Error> {
        let value = self.eval(expr, context)?;
        self.text_value(value)
    }

    pub fn bool_of(&self, value: &Value) -> bool {
        match value {
            Value::Nodes(nodes) => !nodes.is_empty(),
            Value::Bool(value) => *value,
            Value::Number(number) => *number != 0.0 && !number.is_nan(),
            Value::Text(text) => !text.is_empty(),
        }
    }

    pub fn number_value(&mut self, value: Value) -> Result<f64, Error> {
        Ok(match value {
            Value::Number(number) => number,
            Value::Bool(value) => f64::from(u8::from(value)),
            other => number_of(&self.text_value(other)?),
        })
    }

    fn text_value(&mut self, value: Value) -> Result<String, Error> {
        Ok(match value {
            Value::Nodes(nodes) => match self.first(&nodes)? {
                Some(node) => self.string_value(node)?,
                None => String::new(),
            },
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => text_of(number),
            Value::Text(text) => text,
        })
    }

    /// The first node in document order.
    pub fn first(&mut self, nodes: &[Id]) -> Result<Option<Id>, Error> {
        self.budget.take(nodes.len())?;
        let nodes = nodes.iter().copied();
        Ok(nodes.min_by(|a, b| self.doc.order(*a, *b)))
    }

    /// Puts nodes into document order, which most of them are in.
    fn sort(&mut self, nodes: &mut [Id]) -> Result<(), Error> {
        self.budget.take(nodes.len())?;
        let mut pairs = nodes.iter().zip(nodes.iter().skip(1));
        if !pairs.all(|(a, b)| self.doc.order(*a, *b).is_lt()) {
            self.budget.take(nodes.len())?;
            self.doc.sort(nodes);
        }
        Ok(())
    }

    /// The string-value of a node: all text in and below it.
    pub fn string_value(&mut self, node: Id) -> Result<String, Error> {
        if let Some(text) = self.doc.text(node) {
            // Texts are copied and searched: that costs what they are long.
            self.budget.take(text.len() / OCTETS_PER_VISIT)?;
            return Ok(text.into_owned());
        }
        let mut below = Vec::new();
        self.below(node, &mut below)?;
        let mut all = String::new();
        for id in below {
            if self.doc.is_text(id)
                && let Some(text) = self.doc.text(id)
            {
                all.push_str(&text);
            }
        }
        self.budget.take(all.len() / OCTETS_PER_VISIT)?;
        Ok(all)
    }
}

fn unique(nodes: Vec<Id>) -> Vec<Id> {
    let mut seen = HashSet::with_capacity(nodes.len());
    nodes.into_iter().filter(|id| seen.insert(*id)).collect()
}

fn is_any_below(step: &Step) -> bool {
    step.axis == Axis::DescendantOrSelf && step.test == NodeTest::Node && step.predicates.is_empty()
}

/// Collects `name = value` tests of a predicate that is one, or an `and` of them.
fn key_tests<'e>(predicate: &'e Expr, keys: &mut Vec<KeyTest<'e>>) -> bool {
    let (name, value) = match predicate {
        Expr::And(a, b) => return key_tests(a, keys) && key_tests(b, keys),
        Expr::Compare(Comparison::Equal, a, b) => match (child_name(a), child_name(b)) {
            (Some(name), None) => (name, b),
            (None, Some(name)) => (name, a),
            _ => return false,
        },
        _ => return false,
    };
    let value = match &**value {
        Expr::Literal(text) | Expr::Name(text, ..) => KeyValue::Text(text),
        Expr::Number(number) => KeyValue::Number(*number),
        _ => return false,
    };
    keys.push(KeyTest { name, value });
    true
}

fn child_name(expr: &Expr) -> Option<&NodeTest> {
    let Expr::Path(Start::Context, steps) = expr else {
        return None;
    };
    let [step] = steps.as_slice() else {
        return None;
    };
    let plain = step.axis == Axis::Child && step.predicates.is_empty();
    (plain && matches!(step.test, NodeTest::Name(..) | NodeTest::Unprefixed(_)))
        .then_some(&step.test)
}
