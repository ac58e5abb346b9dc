//! Text to tokens, with XPath 1.0's rule (section 3.7) on what `*` and names like `and` mean.

use super::parser::refused;
use crate::datastore::error::Error;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token {
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    Dot,
    DotDot,
    At,
    Comma,
    ColonColon,
    Slash,
    SlashSlash,
    Pipe,
    Plus,
    Minus,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `*` as an operator.
    Multiply,
    /// `and`, `or`, `mod`, `div` as operators.
    Operator(Operator),
    /// `*` as a name test.
    Star,
    /// `p:*`
    PrefixStar(String),
    /// A name, its prefix empty for none.
    Name(String, String),
    Literal(String),
    Number(f64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    And,
    Or,
    Mod,
    Div,
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let operator_expected = tokens.last().is_some_and(ends_an_operand);
        let (token, length) = match first {
            '\'' | '"' => literal(rest, first)?,
            '0'..='9' => number(rest)?,
            '.' if rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit()) => number(rest)?,
            c if is_name_start(c) => name(rest, operator_expected)?,
            '*' if operator_expected => (Token::Multiply, 1),
            '*' => (Token::Star, 1),
            _ => symbol(rest)?,
        };
        tokens.push(token);
        rest = rest.get(length..).unwrap_or("").trim_start();
    }
    Ok(tokens)
}

/// Whether a token ends an operand, so that `*` or a name behind it is an operator.
fn ends_an_operand(token: &Token) -> bool {
    matches!(
        token,
        Token::RightParen
            | Token::RightBracket
            | Token::Dot
            | Token::DotDot
            | Token::Star
            | Token::PrefixStar(_)
            | Token::Name(..)
            | Token::Literal(_)
            | Token::Number(_)
    )
}

fn symbol(rest: &str) -> Result<(Token, usize), Error> {
    const SYMBOLS: &[(&str, Token)] = &[
        ("::", Token::ColonColon),
        ("//", Token::SlashSlash),
        ("..", Token::DotDot),
        ("!=", Token::NotEqual),
        ("<=", Token::LessOrEqual),
        (">=", Token::GreaterOrEqual),
        ("(", Token::LeftParen),
        (")", Token::RightParen),
        ("[", Token::LeftBracket),
        ("]", Token::RightBracket),
        (".", Token::Dot),
        ("@", Token::At),
        (",", Token::Comma),
        ("/", Token::Slash),
        ("|", Token::Pipe),
        ("+", Token::Plus),
        ("-", Token::Minus),
        ("=", Token::Equal),
        ("<", Token::Less),
        (">", Token::Greater),
    ];
    let found = SYMBOLS.iter().find(|(text, _)| rest.starts_with(text));
    match found {
        Some((text, token)) => Ok((token.clone(), text.len())),
        None => {
            let bad = rest.chars().next().unwrap_or(' ');
            Err(refused(format!("{bad:?} has no meaning in XPath")))
        }
    }
}

fn literal(rest: &str, quote: char) -> Result<(Token, usize), Error> {
    let inner = rest.get(1..).unwrap_or("");
    let Some((value, _)) = inner.split_once(quote) else {
        return Err(refused("a string is not closed"));
    };
    Ok((Token::Literal(value.to_owned()), value.len() + 2))
}

fn number(rest: &str) -> Result<(Token, usize), Error> {
    let mut dots = 0;
    let length = rest
        .find(|c: char| {
            dots += usize::from(c == '.');
            !(c.is_ascii_digit() || (c == '.' && dots == 1))
        })
        .unwrap_or(rest.len());
    let text = rest.get(..length).unwrap_or("");
    match text.parse() {
        Ok(value) => Ok((Token::Number(value), length)),
        Err(_) => Err(refused(format!("{text} is not a number"))),
    }
}

fn name(rest: &str, operator_expected: bool) -> Result<(Token, usize), Error> {
    let first = nc_name(rest);
    if operator_expected {
        let operator = match first {
            "and" => Operator::And,
            "or" => Operator::Or,
            "mod" => Operator::Mod,
            "div" => Operator::Div,
            _ => return Err(refused(format!("{first} is not an operator"))),
        };
        return Ok((Token::Operator(operator), first.len()));
    }
    let tail = rest.get(first.len()..).unwrap_or("");
    let Some(tail) = tail.strip_prefix(':').filter(|t| !t.starts_with(':')) else {
        return Ok((Token::Name(String::new(), first.to_owned()), first.len()));
    };
    if tail.starts_with('*') {
        return Ok((Token::PrefixStar(first.to_owned()), first.len() + 2));
    }
    if !tail.starts_with(is_name_start) {
        return Err(refused(format!("no name follows {first}:")));
    }
    let second = nc_name(tail);
    let length = first.len() + 1 + second.len();
    Ok((Token::Name(first.to_owned(), second.to_owned()), length))
}

fn nc_name(text: &str) -> &str {
    let end = text.find(|c| !is_name_char(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or("")
}

fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_name_char(c: char) -> bool {
    c == '_' || c == '-' || c == '.' || c.is_alphanumeric()
}
