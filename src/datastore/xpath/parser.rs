//! Tokens to an expression: the full grammar of XPath 1.0, recursive descent with a depth limit.

use std::sync::Arc;

use super::ast::{Arithmetic, Axis, Comparison, Expr, NodeTest, Start, Step};
use super::functions::Function;
use super::lexer::{Operator, Token, tokens};
use crate::datastore::error::{Error, ErrorKind};

/// Most operators in one expression: chains of them nest in the parsed form, and so on the stack.
const MAX_OPERATORS: usize = 256;
/// Whatever the settings say: the stack has an end.
const DEEPEST: usize = 256;

pub(super) type Resolve<'r> = &'r dyn Fn(&str) -> Option<String>;

/// How large an expression may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Octets of its text.
    pub bytes: usize,
    /// Nesting of parentheses, predicates and function calls.
    pub depth: usize,
}

pub(super) fn refused(message: impl Into<String>) -> Error {
    Error::invalid("", message)
}

fn denied(message: String) -> Error {
    Error::new(ErrorKind::ResourceDenied, "", message)
}

pub(super) fn parse(text: &str, resolve: Resolve<'_>, size: Size) -> Result<Expr, Error> {
    if text.len() > size.bytes {
        let message = format!("an XPath expression has at most {} octets", size.bytes);
        return Err(denied(message));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        deepest: size.depth.min(DEEPEST),
        operators: 0,
        resolve,
    };
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => Err(refused(format!("{token:?} is not expected here"))),
    }
}

struct Parser<'r> {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    deepest: usize,
    operators: usize,
    resolve: Resolve<'r>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn accept(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token) -> Result<(), Error> {
        match self.accept(token) {
            true => Ok(()),
            false => Err(refused(format!("{token:?} is missing"))),
        }
    }

    /// Counts an operator that was accepted.
    fn operator(&mut self) -> Result<(), Error> {
        self.operators += 1;
        match self.operators > MAX_OPERATORS {
            true => Err(denied(format!(
                "an XPath expression has at most {MAX_OPERATORS} operators"
            ))),
            false => Ok(()),
        }
    }

    fn or(&mut self) -> Result<Expr, Error> {
        self.depth += 1;
        if self.depth > self.deepest {
            let message = format!("an XPath expression nests at most {} deep", self.deepest);
            return Err(denied(message));
        }
        let mut left = self.and()?;
        while self.accept(&Token::Operator(Operator::Or)) {
            self.operator()?;
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, Error> {
        let mut left = self.equality()?;
        while self.accept(&Token::Operator(Operator::And)) {
            self.operator()?;
            left = Expr::And(Box::new(left), Box::new(self.equality()?));
        }
        Ok(left)
    }

    fn equality(&mut self) -> Result<Expr, Error> {
        let mut left = self.relational()?;
        loop {
            let comparison = match self.peek() {
                Some(Token::Equal) => Comparison::Equal,
                Some(Token::NotEqual) => Comparison::NotEqual,
                _ => return Ok(left),
            };
            self.at += 1;
            self.operator()?;
            let right = self.relational()?;
            let (a, b) = (self.may_name(left), self.may_name(right));
            left = Expr::Compare(comparison, Box::new(a), Box::new(b));
        }
    }

    /// A literal `prefix:name` may name an identity; its prefix is one of the expression's, as it is in
    /// an instance-identifier (RFC 7950 sections 9.10.3 and 9.13.2).
    fn may_name(&self, operand: Expr) -> Expr {
        let Expr::Literal(text) = operand else {
            return operand;
        };
        match text.split_once(':') {
            Some((prefix, local)) if !prefix.is_empty() && !local.contains(':') => {
                let (ns, local) = ((self.resolve)(prefix), local.to_owned());
                Expr::Name(text, ns, local)
            }
            _ => Expr::Literal(text),
        }
    }

    fn relational(&mut self) -> Result<Expr, Error> {
        let mut left = self.additive()?;
        loop {
            let comparison = match self.peek() {
                Some(Token::Less) => Comparison::Less,
                Some(Token::LessOrEqual) => Comparison::LessOrEqual,
                Some(Token::Greater) => Comparison::Greater,
                Some(Token::GreaterOrEqual) => Comparison::GreaterOrEqual,
                _ => return Ok(left),
            };
            self.at += 1;
            self.operator()?;
            left = Expr::Compare(comparison, Box::new(left), Box::new(self.additive()?));
        }
    }

    fn additive(&mut self) -> Result<Expr, Error> {
        let mut left = self.multiplicative()?;
        loop {
            let operation = match self.peek() {
                Some(Token::Plus) => Arithmetic::Add,
                Some(Token::Minus) => Arithmetic::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            self.operator()?;
            let right = self.multiplicative()?;
            left = Expr::Arithmetic(operation, Box::new(left), Box::new(right));
        }
    }

    fn multiplicative(&mut self) -> Result<Expr, Error> {
        let mut left = self.unary()?;
        loop {
            let operation = match self.peek() {
                Some(Token::Multiply) => Arithmetic::Multiply,
                Some(Token::Operator(Operator::Div)) => Arithmetic::Divide,
                Some(Token::Operator(Operator::Mod)) => Arithmetic::Modulo,
                _ => return Ok(left),
            };
            self.at += 1;
            self.operator()?;
            let right = self.unary()?;
            left = Expr::Arithmetic(operation, Box::new(left), Box::new(right));
        }
    }

    fn unary(&mut self) -> Result<Expr, Error> {
        let mut signs = 0;
        while self.accept(&Token::Minus) {
            signs += 1;
        }
        let mut expr = self.union()?;
        // Two signs are a conversion to a number, more of them nothing else.
        for _ in 0..(if signs > 1 { 2 - signs % 2 } else { signs }) {
            expr = Expr::Negate(Box::new(expr));
        }
        Ok(expr)
    }

    fn union(&mut self) -> Result<Expr, Error> {
        let mut left = self.path()?;
        while self.accept(&Token::Pipe) {
            self.operator()?;
            let right = self.path()?;
            node_set(&left, "before |")?;
            node_set(&right, "behind |")?;
            left = Expr::Union(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn path(&mut self) -> Result<Expr, Error> {
        if self.accept(&Token::Slash) {
            let steps = match self.starts_a_step() {
                true => self.steps()?,
                false => Vec::new(),
            };
            return Ok(Expr::Path(Start::Root, steps));
        }
        if self.accept(&Token::SlashSlash) {
            let mut steps = vec![any_below()];
            steps.extend(self.steps()?);
            return Ok(Expr::Path(Start::Root, steps));
        }
        if !self.starts_a_primary() {
            return Ok(Expr::Path(Start::Context, self.steps()?));
        }
        let mut expr = self.primary()?;
        let predicates = self.predicates()?;
        if !predicates.is_empty() {
            node_set(&expr, "before a predicate")?;
            expr = Expr::Filtered(Box::new(expr), predicates);
        }
        let mut steps = Vec::new();
        if self.accept(&Token::SlashSlash) {
            steps.push(any_below());
        } else if !self.accept(&Token::Slash) {
            return Ok(expr);
        }
        node_set(&expr, "before /")?;
        steps.extend(self.steps()?);
        Ok(Expr::Path(Start::Nodes(Box::new(expr)), steps))
    }

    fn starts_a_step(&self) -> bool {
        matches!(
            self.peek(),
            Some(
                Token::Dot
                    | Token::DotDot
                    | Token::At
                    | Token::Star
                    | Token::PrefixStar(_)
                    | Token::Name(..)
            )
        )
    }

    /// Whether a primary expression follows, rather than a step; `text(` and the like are steps.
    fn starts_a_primary(&self) -> bool {
        match self.peek() {
            Some(Token::LeftParen | Token::Literal(_) | Token::Number(_)) => true,
            Some(Token::Name(prefix, name)) => {
                let call = self.tokens.get(self.at + 1) == Some(&Token::LeftParen);
                call && !(prefix.is_empty() && is_node_type(name))
            }
            _ => false,
        }
    }

    fn primary(&mut self) -> Result<Expr, Error> {
        match self.next() {
            Some(Token::LeftParen) => {
                let expr = self.or()?;
                self.expect(&Token::RightParen)?;
                Ok(expr)
            }
            Some(Token::Literal(text)) => Ok(Expr::Literal(text)),
            Some(Token::Number(value)) => Ok(Expr::Number(value)),
            Some(Token::Name(prefix, name)) => self.call(&prefix, &name),
            _ => Err(refused("an expression is missing")),
        }
    }

    fn call(&mut self, prefix: &str, name: &str) -> Result<Expr, Error> {
        let function = match prefix.is_empty() {
            true => Function::from_name(name),
            false => None,
        };
        let Some(function) = function else {
            return Err(refused(match prefix.is_empty() && is_of_yang(name) {
                // RFC 6241 section 8.9.1: the core function library and what data models add.
                true => format!("{name} is a function of YANG modules, not of filters"),
                false => format!("there is no function {name}"),
            }));
        };
        self.expect(&Token::LeftParen)?;
        let mut arguments = Vec::new();
        if !self.accept(&Token::RightParen) {
            arguments.push(self.or()?);
            while self.accept(&Token::Comma) {
                arguments.push(self.or()?);
            }
            self.expect(&Token::RightParen)?;
        }
        if !function.takes(arguments.len()) {
            let count = arguments.len();
            return Err(refused(format!("{name} does not take {count} arguments")));
        }
        if function.takes_nodes() {
            for argument in &arguments {
                node_set(argument, "as an argument")?;
            }
        }
        Ok(Expr::Call(function, arguments))
    }

    fn steps(&mut self) -> Result<Vec<Step>, Error> {
        let mut steps = vec![self.step()?];
        loop {
            if self.accept(&Token::SlashSlash) {
                steps.push(any_below());
            } else if !self.accept(&Token::Slash) {
                return Ok(steps);
            }
            steps.push(self.step()?);
        }
    }

    fn step(&mut self) -> Result<Step, Error> {
        if self.accept(&Token::Dot) {
            return Ok(bare(Axis::SelfNode));
        }
        if self.accept(&Token::DotDot) {
            return Ok(bare(Axis::Parent));
        }
        let axis = self.axis()?;
        let test = self.node_test()?;
        let predicates = self.predicates()?;
        Ok(Step {
            axis,
            test,
            predicates,
        })
    }

    fn axis(&mut self) -> Result<Axis, Error> {
        if self.accept(&Token::At) {
            return Ok(Axis::Attribute);
        }
        if self.tokens.get(self.at + 1) != Some(&Token::ColonColon) {
            return Ok(Axis::Child);
        }
        let name = match self.next() {
            Some(Token::Name(prefix, name)) if prefix.is_empty() => name,
            _ => return Err(refused("an axis name is missing before ::")),
        };
        self.at += 1;
        Axis::from_name(&name).ok_or_else(|| refused(format!("there is no axis {name}")))
    }

    fn node_test(&mut self) -> Result<NodeTest, Error> {
        match self.next() {
            Some(Token::Star) => Ok(NodeTest::AnyName),
            Some(Token::PrefixStar(prefix)) => Ok(NodeTest::InNamespace(self.namespace(&prefix)?)),
            Some(Token::Name(prefix, name)) if !prefix.is_empty() => {
                Ok(NodeTest::Name(self.namespace(&prefix)?, name.into()))
            }
            Some(Token::Name(_, name)) => {
                if !self.accept(&Token::LeftParen) {
                    return Ok(NodeTest::Unprefixed(name.into()));
                }
                let test = match name.as_str() {
                    "node" => NodeTest::Node,
                    "text" => NodeTest::Text,
                    "comment" => NodeTest::Nothing,
                    "processing-instruction" => {
                        if matches!(self.peek(), Some(Token::Literal(_))) {
                            self.at += 1;
                        }
                        NodeTest::Nothing
                    }
                    _ => return Err(refused(format!("{name}() is no test of a node"))),
                };
                self.expect(&Token::RightParen)?;
                Ok(test)
            }
            _ => Err(refused("a step is missing")),
        }
    }

    fn namespace(&self, prefix: &str) -> Result<Arc<str>, Error> {
        match (self.resolve)(prefix) {
            Some(ns) => Ok(ns.into()),
            None => Err(refused(format!("the prefix {prefix} is not declared"))),
        }
    }

    fn predicates(&mut self) -> Result<Vec<Expr>, Error> {
        let mut predicates = Vec::new();
        while self.accept(&Token::LeftBracket) {
            predicates.push(self.or()?);
            self.expect(&Token::RightBracket)?;
        }
        Ok(predicates)
    }
}

/// Without variables the type of an expression is known before it is evaluated.
pub(super) fn is_node_set(expr: &Expr) -> bool {
    match expr {
        Expr::Path(..) | Expr::Filtered(..) | Expr::Union(..) => true,
        Expr::Call(function, _) => function.gives_nodes(),
        _ => false,
    }
}

fn node_set(expr: &Expr, place: &str) -> Result<(), Error> {
    match is_node_set(expr) {
        true => Ok(()),
        false => Err(refused(format!("a node-set is needed {place}"))),
    }
}

/// Functions that RFC 7950 section 10 adds for the statements of a module.
fn is_of_yang(name: &str) -> bool {
    matches!(
        name,
        "re-match"
            | "deref"
            | "derived-from"
            | "derived-from-or-self"
            | "enum-value"
            | "bit-is-set"
    )
}

fn is_node_type(name: &str) -> bool {
    matches!(name, "node" | "text" | "comment" | "processing-instruction")
}

fn any_below() -> Step {
    bare(Axis::DescendantOrSelf)
}

fn bare(axis: Axis) -> Step {
    Step {
        axis,
        test: NodeTest::Node,
        predicates: Vec::new(),
    }
}
