//! Attribute-based filters (SOL 013 clause 5.2).
//!
//! ```text
//! filter := simple *(";" simple)
//! simple := "(" op "," attribute *("/" attribute) "," value *("," value) ")"
//! ```
//! A value with `,`, `)` or `'` in it stands in single quotes, a quote in it twice. In attribute names `~0` is `~`,
//! `~1` is `/`, `~a` is `,` and `~b` is `@`; `@key` is the key of a map's entry.

use serde_json::Value;

use super::lists::Collection;

/// Why a filter cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FilterError {
    /// Not of the grammar.
    #[error("the filter cannot be read at character {at}: {why}")]
    Syntax {
        /// Where, in characters from 0.
        at: usize,
        /// What was expected.
        why: &'static str,
    },
    /// An operator that there is not.
    #[error("[{0}] is not an operator: eq, neq, in, nin, gt, gte, lt, lte, cont, ncont")]
    Operator(String),
    /// Several values for an operator that takes one.
    #[error("the operator [{0}] takes one value")]
    Values(String),
    /// An attribute that the entries never have.
    #[error("[{0}] is not an attribute of these resources")]
    Attribute(String),
    /// Too many expressions.
    #[error("a filter has at most {0} expressions")]
    TooMany(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    Eq,
    Neq,
    In,
    Nin,
    Gt,
    Gte,
    Lt,
    Lte,
    Cont,
    Ncont,
}

impl Op {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Eq,
            "neq" => Self::Neq,
            "in" => Self::In,
            "nin" => Self::Nin,
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "cont" => Self::Cont,
            "ncont" => Self::Ncont,
            _ => return None,
        })
    }

    fn takes_many(self) -> bool {
        matches!(self, Self::In | Self::Nin | Self::Cont | Self::Ncont)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Simple {
    op: Op,
    path: Vec<String>,
    values: Vec<String>,
}

/// A filter: every expression must match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter(Vec<Simple>);

/// Expressions of one filter.
const MOST: usize = 64;

impl Filter {
    /// Reads a filter on the entries of `collection`.
    ///
    /// # Errors
    /// Where it is not of the grammar, or names an attribute the entries never have.
    pub fn parse(text: &str, collection: &Collection) -> Result<Self, FilterError> {
        let mut reader = Reader {
            text: text.chars().collect(),
            at: 0,
        };
        let mut simples = Vec::new();
        loop {
            let simple = reader.simple()?;
            let first = simple.path.first().map(String::as_str).unwrap_or_default();
            if !collection.has(first) {
                return Err(FilterError::Attribute(first.to_owned()));
            }
            simples.push(simple);
            if simples.len() > MOST {
                return Err(FilterError::TooMany(MOST));
            }
            match reader.next() {
                None => return Ok(Self(simples)),
                Some(';') => {}
                Some(_) => return Err(reader.expected("';' or the end")),
            }
        }
    }

    /// Whether a resource matches.
    pub fn matches(&self, resource: &Value) -> bool {
        self.0.iter().all(|simple| {
            let mut found = Vec::new();
            collect(resource, &simple.path, &mut found);
            found.iter().any(|leaf| simple.holds(leaf))
        })
    }
}

impl Simple {
    fn holds(&self, leaf: &str) -> bool {
        let any = |test: &dyn Fn(&str) -> bool| self.values.iter().any(|value| test(value));
        let order = |value: &str| compare(leaf, value);
        match self.op {
            Op::Eq | Op::In => any(&|value| order(value).is_eq()),
            Op::Neq | Op::Nin => !any(&|value| order(value).is_eq()),
            Op::Gt => any(&|value| order(value).is_gt()),
            Op::Gte => any(&|value| order(value).is_ge()),
            Op::Lt => any(&|value| order(value).is_lt()),
            Op::Lte => any(&|value| order(value).is_le()),
            Op::Cont => any(&|value| leaf.contains(value)),
            Op::Ncont => !any(&|value| leaf.contains(value)),
        }
    }
}

/// Numbers by value, all else by text (times of one zone and precision among it).
fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

/// The leaves at a path; every element of an array is looked at.
fn collect(value: &Value, path: &[String], found: &mut Vec<String>) {
    let Some((name, rest)) = path.split_first() else {
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, path, found)),
            Value::String(text) => found.push(text.clone()),
            Value::Bool(_) | Value::Number(_) => found.push(value.to_string()),
            Value::Null | Value::Object(_) => {}
        }
        return;
    };
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, found)),
        Value::Object(map) if name == "@key" => {
            for (key, below) in map {
                match rest {
                    [] => found.push(key.clone()),
                    _ => collect(below, rest, found),
                }
            }
        }
        Value::Object(map) => {
            if let Some(below) = map.get(name) {
                collect(below, rest, found);
            }
        }
        _ => {}
    }
}

struct Reader {
    text: Vec<char>,
    at: usize,
}

impl Reader {
    fn next(&mut self) -> Option<char> {
        let next = self.text.get(self.at).copied();
        self.at += usize::from(next.is_some());
        next
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn expected(&self, why: &'static str) -> FilterError {
        FilterError::Syntax { at: self.at, why }
    }

    fn simple(&mut self) -> Result<Simple, FilterError> {
        if self.next() != Some('(') {
            return Err(self.expected("'('"));
        }
        let word = self.until_comma("an operator and ','")?;
        let op = Op::named(&word).ok_or_else(|| FilterError::Operator(word.clone()))?;
        let attribute = self.until_comma("an attribute and ','")?;
        let path: Vec<String> = attribute.split('/').map(unescape).collect();
        if path.iter().any(String::is_empty) {
            return Err(self.expected("an attribute name"));
        }
        let mut values = vec![self.value()?];
        loop {
            match self.next() {
                Some(')') => break,
                Some(',') => values.push(self.value()?),
                _ => return Err(self.expected("',' or ')'")),
            }
        }
        if values.len() > 1 && !op.takes_many() {
            return Err(FilterError::Values(word));
        }
        Ok(Simple { op, path, values })
    }

    fn until_comma(&mut self, why: &'static str) -> Result<String, FilterError> {
        let mut word = String::new();
        loop {
            match self.next() {
                Some(',') if !word.is_empty() => return Ok(word),
                Some(c) if !matches!(c, '(' | ')' | ',' | ';' | '\'') => word.push(c),
                _ => return Err(self.expected(why)),
            }
        }
    }

    fn value(&mut self) -> Result<String, FilterError> {
        let mut value = String::new();
        if self.peek() == Some('\'') {
            self.at += 1;
            loop {
                match self.next() {
                    None => return Err(self.expected("the closing quote")),
                    Some('\'') if self.peek() == Some('\'') => {
                        self.at += 1;
                        value.push('\'');
                    }
                    Some('\'') => return Ok(value),
                    Some(c) => value.push(c),
                }
            }
        }
        while let Some(c) = self.peek() {
            match c {
                ',' | ')' => return Ok(value),
                '\'' => return Err(self.expected("no quote in a value that is not quoted")),
                _ => value.push(c),
            }
            self.at += 1;
        }
        Err(self.expected("',' or ')'"))
    }
}

/// `~0`, `~1`, `~a`, `~b`; the last replacement must not make a new escape.
pub(super) fn unescape(name: &str) -> String {
    name.replace("~1", "/")
        .replace("~a", ",")
        .replace("~b", "@")
        .replace("~0", "~")
}
