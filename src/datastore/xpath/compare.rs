//! Comparisons of values (XPath 1.0 section 3.4).

use std::collections::HashSet;

use super::ast::{Comparison, Expr};
use super::doc::{Doc, Id};
use super::eval::{Context, Eval};
use super::value::{Value, number_of};
use crate::datastore::error::Error;

impl<'t, D: Doc<'t>> Eval<'_, 't, D> {
    /// Whether a comparison of two values holds.
    pub fn compare(&mut self, comparison: Comparison, a: Value, b: Value) -> Result<bool, Error> {
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        match (a, b) {
            (Value::Nodes(a), Value::Nodes(b)) => self.compare_sets(comparison, &a, &b),
            (Value::Nodes(nodes), Value::Bool(value)) => {
                let set = f64::from(u8::from(!nodes.is_empty()));
                Ok(compare_numbers(comparison, set, f64::from(u8::from(value))))
            }
            (Value::Bool(value), Value::Nodes(nodes)) => {
                let set = f64::from(u8::from(!nodes.is_empty()));
                Ok(compare_numbers(comparison, f64::from(u8::from(value)), set))
            }
            (Value::Nodes(nodes), other) => {
                for node in nodes {
                    let text = Value::Text(self.string_value(node)?);
                    if self.compare(comparison, text, other.clone())? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (other, Value::Nodes(nodes)) => {
                for node in nodes {
                    let text = Value::Text(self.string_value(node)?);
                    if self.compare(comparison, other.clone(), text)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (a @ Value::Bool(_), b) | (a, b @ Value::Bool(_)) if equality => {
                let same = self.bool_of(&a) == self.bool_of(&b);
                Ok(same == (comparison == Comparison::Equal))
            }
            (Value::Text(a), Value::Text(b)) if equality => {
                Ok((a == b) == (comparison == Comparison::Equal))
            }
            (a, b) => {
                let (a, b) = (self.number_value(a)?, self.number_value(b)?);
                Ok(compare_numbers(comparison, a, b))
            }
        }
    }

    /// Equality with a literal that may name an identity.
    pub fn compare_name(
        &mut self,
        comparison: Comparison,
        other: &Expr,
        name: &Expr,
        context: Context,
    ) -> Result<bool, Error> {
        let (other, literal) = (self.eval(other, context)?, self.eval(name, context)?);
        let (Value::Nodes(nodes), Expr::Name(text, ns, local)) = (&other, name) else {
            return self.compare(comparison, other, literal);
        };
        for node in nodes {
            let same = self.doc.is_identity(*node, text, ns.as_deref(), local)
                || self.string_value(*node)? == *text;
            if same == (comparison == Comparison::Equal) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn compare_sets(&mut self, comparison: Comparison, a: &[Id], b: &[Id]) -> Result<bool, Error> {
        let (a, b) = (self.texts(a)?, self.texts(b)?);
        Ok(match comparison {
            Comparison::Equal => {
                let known: HashSet<&String> = a.iter().collect();
                b.iter().any(|text| known.contains(text))
            }
            // Two sets differ somewhere unless all texts of both are one and the same.
            Comparison::NotEqual => match (a.first(), b.first()) {
                (Some(one), Some(_)) => a.iter().chain(&b).any(|text| text != one),
                _ => false,
            },
            _ => {
                let range = |texts: &[String]| {
                    let numbers = texts.iter().map(|text| number_of(text));
                    let numbers: Vec<f64> = numbers.filter(|n| !n.is_nan()).collect();
                    let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
                    let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    (!numbers.is_empty()).then_some((low, high))
                };
                match (range(&a), range(&b)) {
                    (Some((a_low, a_high)), Some((b_low, b_high))) => match comparison {
                        Comparison::Less | Comparison::LessOrEqual => {
                            compare_numbers(comparison, a_low, b_high)
                        }
                        _ => compare_numbers(comparison, a_high, b_low),
                    },
                    _ => false,
                }
            }
        })
    }

    fn texts(&mut self, nodes: &[Id]) -> Result<Vec<String>, Error> {
        nodes.iter().map(|id| self.string_value(*id)).collect()
    }
}

fn compare_numbers(comparison: Comparison, a: f64, b: f64) -> bool {
    match comparison {
        Comparison::Equal => a == b,
        Comparison::NotEqual => a != b,
        Comparison::Less => a < b,
        Comparison::LessOrEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
    }
}
