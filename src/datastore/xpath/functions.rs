//! The core function library (XPath 1.0 section 4) and YANG's `current()`: here the root, which is
//! where a filter starts.

use std::collections::HashMap;

use super::ast::Expr;
use super::doc::Doc;
use super::eval::{Context, Eval};
use super::value::{Value, round};
use crate::datastore::error::Error;

macro_rules! functions {
    ($($name:ident $text:literal $min:literal..$max:literal),* $(,)?) => {
        /// A function.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Function { $($name),* }

        impl Function {
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Whether it takes so many arguments.
            pub fn takes(self, count: usize) -> bool {
                match self {
                    $(Self::$name => ($min..=$max).contains(&count),)*
                }
            }
        }
    };
}

functions! {
    Last "last" 0..0,
    Position "position" 0..0,
    Count "count" 1..1,
    Id "id" 1..1,
    LocalName "local-name" 0..1,
    NamespaceUri "namespace-uri" 0..1,
    Name "name" 0..1,
    String "string" 0..1,
    Concat "concat" 2..255,
    StartsWith "starts-with" 2..2,
    Contains "contains" 2..2,
    SubstringBefore "substring-before" 2..2,
    SubstringAfter "substring-after" 2..2,
    Substring "substring" 2..3,
    StringLength "string-length" 0..1,
    NormalizeSpace "normalize-space" 0..1,
    Translate "translate" 3..3,
    Boolean "boolean" 1..1,
    Not "not" 1..1,
    True "true" 0..0,
    False "false" 0..0,
    Lang "lang" 1..1,
    Number "number" 0..1,
    Sum "sum" 1..1,
    Floor "floor" 1..1,
    Ceiling "ceiling" 1..1,
    Round "round" 1..1,
    Current "current" 0..0,
}

impl Function {
    /// Whether its arguments have to be node-sets.
    pub fn takes_nodes(self) -> bool {
        matches!(
            self,
            Self::Count | Self::LocalName | Self::NamespaceUri | Self::Name | Self::Sum
        )
    }

    /// Whether it gives a node-set.
    pub fn gives_nodes(self) -> bool {
        matches!(self, Self::Id | Self::Current)
    }
}

impl<'t, D: Doc<'t>> Eval<'_, 't, D> {
    pub(super) fn call(
        &mut self,
        function: Function,
        arguments: &[Expr],
        context: Context,
    ) -> Result<Value, Error> {
        Ok(match function {
            Function::Last => Value::Number(context.size as f64),
            Function::Position => Value::Number(context.position as f64),
            Function::Count => Value::Number(self.nodes_arg(arguments, context)?.len() as f64),
            // Without a DTD no element has an identifier.
            Function::Id => {
                self.text_expr(
                    arguments.first().unwrap_or(&Expr::Literal(String::new())),
                    context,
                )?;
                Value::Nodes(Vec::new())
            }
            Function::LocalName => Value::Text(self.name_arg(arguments, context)?.1.to_owned()),
            Function::NamespaceUri => Value::Text(self.name_arg(arguments, context)?.0.to_owned()),
            Function::Name => {
                let node = self.node_arg(arguments, context)?;
                let name = node.and_then(|id| self.doc.qualified(id));
                Value::Text(name.unwrap_or_default().into_owned())
            }
            Function::String => Value::Text(self.text_or_context(arguments, context)?),
            Function::Concat => {
                let mut all = String::new();
                for argument in arguments {
                    all.push_str(&self.text_expr(argument, context)?);
                }
                Value::Text(all)
            }
            Function::StartsWith => {
                let (a, b) = self.two_texts(arguments, context)?;
                Value::Bool(a.starts_with(&b))
            }
            Function::Contains => {
                let (a, b) = self.two_texts(arguments, context)?;
                Value::Bool(a.contains(&b))
            }
            Function::SubstringBefore => {
                let (a, b) = self.two_texts(arguments, context)?;
                Value::Text(a.split_once(&b).map_or("", |(before, _)| before).to_owned())
            }
            Function::SubstringAfter => {
                let (a, b) = self.two_texts(arguments, context)?;
                Value::Text(a.split_once(&b).map_or("", |(_, after)| after).to_owned())
            }
            Function::Substring => self.substring(arguments, context)?,
            Function::StringLength => {
                let text = self.text_or_context(arguments, context)?;
                Value::Number(text.chars().count() as f64)
            }
            Function::NormalizeSpace => {
                let text = self.text_or_context(arguments, context)?;
                let words: Vec<&str> = text
                    .split([' ', '\t', '\r', '\n'])
                    .filter(|word| !word.is_empty())
                    .collect();
                Value::Text(words.join(" "))
            }
            Function::Translate => self.translate(arguments, context)?,
            Function::Boolean => Value::Bool(self.bool_arg(arguments, context)?),
            Function::Not => Value::Bool(!self.bool_arg(arguments, context)?),
            Function::True => Value::Bool(true),
            Function::False => Value::Bool(false),
            Function::Lang => self.lang(arguments, context)?,
            Function::Number => match arguments.first() {
                Some(argument) => Value::Number(self.number_expr(argument, context)?),
                None => {
                    let text = self.string_value(context.node)?;
                    Value::Number(super::value::number_of(&text))
                }
            },
            Function::Sum => {
                let mut sum = 0.0;
                for node in self.nodes_arg(arguments, context)? {
                    sum += super::value::number_of(&self.string_value(node)?);
                }
                Value::Number(sum)
            }
            Function::Floor => Value::Number(self.number_arg(arguments, context)?.floor()),
            Function::Ceiling => Value::Number(self.number_arg(arguments, context)?.ceil()),
            Function::Round => Value::Number(round(self.number_arg(arguments, context)?)),
            Function::Current => Value::Nodes(vec![super::doc::ROOT]),
        })
    }

    fn substring(&mut self, arguments: &[Expr], context: Context) -> Result<Value, Error> {
        let [text, from, rest @ ..] = arguments else {
            return Ok(Value::Text(String::new()));
        };
        let text = self.text_expr(text, context)?;
        let from = round(self.number_expr(from, context)?);
        let end = match rest.first() {
            Some(length) => from + round(self.number_expr(length, context)?),
            None => f64::INFINITY,
        };
        // Section 4.2: a character is in when its position is at least `from` and less than `end`.
        let chars = text.chars().zip(1u32..);
        let chars = chars.filter(|(_, at)| f64::from(*at) >= from && f64::from(*at) < end);
        Ok(Value::Text(chars.map(|(c, _)| c).collect()))
    }

    fn translate(&mut self, arguments: &[Expr], context: Context) -> Result<Value, Error> {
        let [text, from, to] = arguments else {
            return Ok(Value::Text(String::new()));
        };
        let text = self.text_expr(text, context)?;
        let from: Vec<char> = self.text_expr(from, context)?.chars().collect();
        let to: Vec<char> = self.text_expr(to, context)?.chars().collect();
        let mut map: HashMap<char, Option<char>> = HashMap::with_capacity(from.len());
        for (at, c) in from.into_iter().enumerate() {
            map.entry(c).or_insert_with(|| to.get(at).copied());
        }
        let translated = text
            .chars()
            .filter_map(|c| map.get(&c).copied().unwrap_or(Some(c)));
        Ok(Value::Text(translated.collect()))
    }

    fn name_arg(
        &mut self,
        arguments: &[Expr],
        context: Context,
    ) -> Result<(&'t str, &'t str), Error> {
        let node = self.node_arg(arguments, context)?;
        Ok(node.and_then(|id| self.doc.name(id)).unwrap_or(("", "")))
    }

    /// The first node of an argument, the context node without one.
    fn node_arg(
        &mut self,
        arguments: &[Expr],
        context: Context,
    ) -> Result<Option<super::doc::Id>, Error> {
        match arguments.is_empty() {
            true => Ok(Some(context.node)),
            false => {
                let nodes = self.nodes_arg(arguments, context)?;
                self.first(&nodes)
            }
        }
    }

    fn lang(&mut self, arguments: &[Expr], context: Context) -> Result<Value, Error> {
        let wanted = match arguments.first() {
            Some(argument) => self.text_expr(argument, context)?,
            None => String::new(),
        };
        let language = self.doc.language(context.node).unwrap_or("");
        let (whole, sub) = (
            language.get(..wanted.len()).unwrap_or(""),
            language.get(wanted.len()..).unwrap_or(""),
        );
        // Section 4.3: the same, or a sub-language behind a hyphen.
        let holds = !wanted.is_empty()
            && whole.eq_ignore_ascii_case(&wanted)
            && (sub.is_empty() || sub.starts_with('-'));
        Ok(Value::Bool(holds))
    }

    fn two_texts(
        &mut self,
        arguments: &[Expr],
        context: Context,
    ) -> Result<(String, String), Error> {
        let [a, b] = arguments else {
            return Ok((String::new(), String::new()));
        };
        Ok((self.text_expr(a, context)?, self.text_expr(b, context)?))
    }

    fn text_or_context(&mut self, arguments: &[Expr], context: Context) -> Result<String, Error> {
        match arguments.first() {
            Some(argument) => self.text_expr(argument, context),
            None => self.string_value(context.node),
        }
    }

    fn bool_arg(&mut self, arguments: &[Expr], context: Context) -> Result<bool, Error> {
        match arguments.first() {
            Some(argument) => self.bool_expr(argument, context),
            None => Ok(false),
        }
    }

    fn number_arg(&mut self, arguments: &[Expr], context: Context) -> Result<f64, Error> {
        match arguments.first() {
            Some(argument) => self.number_expr(argument, context),
            None => Ok(f64::NAN),
        }
    }

    fn nodes_arg(
        &mut self,
        arguments: &[Expr],
        context: Context,
    ) -> Result<Vec<super::doc::Id>, Error> {
        match arguments.first() {
            Some(argument) => self.nodes_expr(argument, context),
            None => Ok(Vec::new()),
        }
    }
}
