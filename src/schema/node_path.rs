//! Values of the type `node-instance-identifier` (RFC 8341 section 3.5.2).
//!
//! An instance identifier (RFC 7950 section 9.13) of which any key may be left out, that may hold `$USER`,
//! and that may end at an action or a notification tied to data; `/` is everything. libyang's own reading of
//! the type takes all keys of an entry or none, so the type is hidden from it ([`super::source`]) and judged
//! here. Trees hold a path as RFC 7951 section 6.11 writes one: module names where the module changes.
//!
//! ```text
//! path      = "/" / 1*("/" [prefix ":"] name *predicate)
//! predicate = "[" key "=" value "]" / "[" "." "=" value "]" / "[" position "]"
//! value     = quoted / number / "$USER"
//! ```
//! White space may stand between any two of these, as in XPath.

use super::error::ValueError;
use super::lookup::Schema;
use super::node::{ModuleId, NodeId, NodeKind};
use super::value::{ExternalValue, invalid};

/// The only variable there is.
const USER: &str = "USER";

/// A path; without steps it is `/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodePath(pub Vec<NodePathStep>);

/// One step down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodePathStep {
    /// A data node, or the action or notification at the end.
    pub node: NodeId,
    /// Which of its instances are meant; all of these must hold.
    pub only: Vec<Predicate>,
}

/// What an instance must have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Predicate {
    /// This value of a key, by its position in the `key` statement; of a leaf-list its own value is the
    /// only key.
    Key(usize, Operand),
    /// This position, from 1 on, in a list without keys.
    Position(u64),
}

/// What a key is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A canonical value.
    Text(String),
    /// The name of the session's user.
    User,
}

impl Schema {
    /// Reads a path; `module` tells which one a prefix stands for.
    pub(super) fn node_path(
        &self,
        text: &str,
        module: &dyn Fn(&str) -> Option<ModuleId>,
    ) -> Result<NodePath, ValueError> {
        let mut reader = Reader {
            schema: self,
            module,
            rest: text,
        };
        reader.path()
    }

    /// Reads a path as trees hold it.
    ///
    /// # Errors
    /// [`ValueError`] if it is none, or names nothing that this schema has.
    pub fn stored_node_path(&self, text: &str) -> Result<NodePath, ValueError> {
        self.node_path(text, &|name| self.module_by_name(name))
    }
}

impl NodePath {
    /// As trees hold it.
    pub(super) fn canonical(&self, schema: &Schema) -> String {
        let mut current = None;
        self.print(
            schema,
            &mut |node| {
                let module = schema.node(node).module;
                let changes = current.replace(module) != Some(module);
                changes.then(|| schema.module(module).name.to_string())
            },
            &mut |_, value| value.to_owned(),
        )
    }

    /// As a document shows it.
    pub(super) fn external(&self, schema: &Schema) -> ExternalValue {
        let mut namespaces: Vec<(String, String)> = Vec::new();
        let mut declare = |entry: (String, String)| match namespaces.contains(&entry) {
            true => {}
            false => namespaces.push(entry),
        };
        let mut in_values = Vec::new();
        let text = self.print(
            schema,
            &mut |node| {
                let module = schema.module(schema.node(node).module);
                declare((module.prefix.to_string(), module.namespace.to_string()));
                Some(module.prefix.to_string())
            },
            &mut |leaf, value| {
                let value = schema.external(leaf, value);
                in_values.extend(value.namespaces);
                value.text
            },
        );
        in_values.into_iter().for_each(declare);
        ExternalValue { text, namespaces }
    }

    /// `qualifier` gives what stands before a name, if anything does; keys of a list are asked for after it.
    fn print(
        &self,
        schema: &Schema,
        qualifier: &mut dyn FnMut(NodeId) -> Option<String>,
        value: &mut dyn FnMut(NodeId, &str) -> String,
    ) -> String {
        if self.0.is_empty() {
            return "/".to_owned();
        }
        let mut out = String::new();
        let mut name = |out: &mut String, node: NodeId| {
            if let Some(qualifier) = qualifier(node) {
                out.push_str(&qualifier);
                out.push(':');
            }
            out.push_str(&schema.node(node).name);
        };
        for step in &self.0 {
            out.push('/');
            name(&mut out, step.node);
            for predicate in &step.only {
                out.push('[');
                match predicate {
                    Predicate::Position(position) => out.push_str(&position.to_string()),
                    Predicate::Key(at, operand) => {
                        let key = schema.node(step.node).keys.get(*at).copied();
                        match key {
                            Some(key) => name(&mut out, key),
                            None => out.push('.'),
                        }
                        out.push('=');
                        match operand {
                            Operand::User => out.push_str("$USER"),
                            Operand::Text(text) => {
                                let text = value(key.unwrap_or(step.node), text);
                                let quote = if text.contains('\'') { '"' } else { '\'' };
                                out.push(quote);
                                out.push_str(&text);
                                out.push(quote);
                            }
                        }
                    }
                }
                out.push(']');
            }
        }
        out
    }
}

struct Reader<'r> {
    schema: &'r Schema,
    module: &'r dyn Fn(&str) -> Option<ModuleId>,
    rest: &'r str,
}

impl<'r> Reader<'r> {
    fn path(&mut self) -> Result<NodePath, ValueError> {
        let mut steps: Vec<NodePathStep> = Vec::new();
        if !self.takes("/") {
            return Err(invalid("a path starts with a slash"));
        }
        if self.is_at_end() {
            return Ok(NodePath(steps));
        }
        loop {
            let node = self.node(steps.last().map(|step| step.node))?;
            let only = self.predicates(node)?;
            steps.push(NodePathStep { node, only });
            if self.is_at_end() {
                return Ok(NodePath(steps));
            }
            self.expect("/")?;
        }
    }

    /// A data node, or an action or notification tied to `parent`.
    fn node(&mut self, parent: Option<NodeId>) -> Result<NodeId, ValueError> {
        let (prefix, name) = self.name()?;
        let module = match (prefix, parent) {
            (Some(prefix), _) => self.module_of(prefix)?,
            (None, Some(parent)) => self.schema.node(parent).module,
            (None, None) => return Err(invalid("the first name of a path needs a prefix")),
        };
        let (data, tied) = match parent {
            None => (self.schema.top_data(), &[][..]),
            Some(parent) => {
                let parent = self.schema.node(parent);
                (&*parent.data_children, &*parent.children)
            }
        };
        let tied = tied.iter().filter(|id| {
            let kind = self.schema.node(**id).kind;
            matches!(kind, NodeKind::Action | NodeKind::Notification)
        });
        let found = data.iter().chain(tied).copied().find(|id| {
            let def = self.schema.node(*id);
            def.module == module && &*def.name == name
        });
        found.ok_or_else(|| {
            let place = parent.map_or("/".to_owned(), |parent| self.schema.data_path(parent));
            let what = "no data node, action or notification";
            invalid(&format!("{what} {name} is known in {place}"))
        })
    }

    fn predicates(&mut self, node: NodeId) -> Result<Vec<Predicate>, ValueError> {
        let mut found = Vec::new();
        while self.takes("[") {
            let predicate = self.predicate(node)?;
            self.expect("]")?;
            let twice = found.iter().any(|known| match (known, &predicate) {
                (Predicate::Key(known, _), Predicate::Key(new, _)) => known == new,
                _ => true,
            });
            if twice {
                return Err(invalid("two predicates are about the same"));
            }
            found.push(predicate);
        }
        Ok(found)
    }

    fn predicate(&mut self, node: NodeId) -> Result<Predicate, ValueError> {
        let def = self.schema.node(node);
        if let Some(number) = self.number() {
            let position = number.parse().ok().filter(|position| *position > 0);
            return match (def.kind, position) {
                (NodeKind::List, Some(position)) if def.keys.is_empty() => {
                    Ok(Predicate::Position(position))
                }
                (NodeKind::List, None) if def.keys.is_empty() => {
                    Err(invalid(&format!("{number} is no position")))
                }
                _ => Err(invalid("only a list without keys has positions")),
            };
        }
        let (position, leaf) = if self.takes(".") {
            match def.kind {
                NodeKind::LeafList => (0, node),
                _ => return Err(invalid(&format!("{} is no leaf-list", def.name))),
            }
        } else {
            let (prefix, name) = self.name()?;
            let module = prefix.map_or(Ok(def.module), |prefix| self.module_of(prefix))?;
            let is = |key: &NodeId| {
                let key = self.schema.node(*key);
                key.module == module && &*key.name == name
            };
            let at = def.keys.iter().position(is);
            at.and_then(|at| Some((at, *def.keys.get(at)?)))
                .ok_or_else(|| invalid(&format!("{name} is not a key of {}", def.name)))?
        };
        self.expect("=")?;
        Ok(Predicate::Key(position, self.operand(leaf)?))
    }

    fn operand(&mut self, leaf: NodeId) -> Result<Operand, ValueError> {
        if self.takes("$") {
            return match self.name_part() {
                Some(USER) => Ok(Operand::User),
                _ => Err(invalid("the only variable is $USER")),
            };
        }
        let text = match self.literal()? {
            Some(text) => text,
            None => self.number().ok_or_else(|| self.wrong())?,
        };
        // A name in a key's value has the same prefixes, and without one the key's own module.
        let resolve = |prefix: &str| {
            let module = (!prefix.is_empty()).then(|| (self.module)(prefix))??;
            Some(self.schema.module(module).namespace.to_string())
        };
        let value = self.schema.canonical(leaf, text, &resolve)?;
        if value.contains('\'') && value.contains('"') {
            return Err(invalid("a value has one kind of quotes at most"));
        }
        Ok(Operand::Text(value))
    }

    fn module_of(&self, prefix: &str) -> Result<ModuleId, ValueError> {
        (self.module)(prefix).ok_or_else(|| invalid("a prefix in the value is not declared"))
    }

    /// `prefix:name` or `name`; no white space within (Namespaces in XML section 4).
    fn name(&mut self) -> Result<(Option<&'r str>, &'r str), ValueError> {
        self.skip_space();
        let first = self.name_part().ok_or_else(|| self.wrong())?;
        let Some(after) = self.rest.strip_prefix(':') else {
            return Ok((None, first));
        };
        self.rest = after;
        let second = self.name_part().ok_or_else(|| self.wrong())?;
        Ok((Some(first), second))
    }

    /// An identifier, right here (RFC 7950 section 6.2).
    fn name_part(&mut self) -> Option<&'r str> {
        let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
        let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let end = self.rest.find(|c| !goes_on(c)).unwrap_or(self.rest.len());
        let (name, after) = self.rest.split_at_checked(end)?;
        name.starts_with(starts).then(|| {
            self.rest = after;
            name
        })
    }

    fn literal(&mut self) -> Result<Option<&'r str>, ValueError> {
        self.skip_space();
        let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
            return Ok(None);
        };
        let inner = self.rest.get(1..).unwrap_or_default();
        let (text, after) = inner
            .split_once(quote)
            .ok_or_else(|| invalid("a quotation is not closed"))?;
        self.rest = after;
        Ok(Some(text))
    }

    fn number(&mut self) -> Option<&'r str> {
        self.skip_space();
        let is_part = |c: char| c.is_ascii_digit() || c == '.';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (number, after) = self.rest.split_at_checked(end)?;
        number.starts_with(|c: char| c.is_ascii_digit()).then(|| {
            self.rest = after;
            number
        })
    }

    fn takes(&mut self, token: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), ValueError> {
        match self.takes(token) {
            true => Ok(()),
            false => Err(self.wrong()),
        }
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.rest.is_empty()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn wrong(&self) -> ValueError {
        const SHOWN: usize = 40;
        match self.rest.chars().take(SHOWN).collect::<String>() {
            rest if rest.is_empty() => invalid("the path ends too early"),
            rest => invalid(&format!("this is no instance path from here on: {rest}")),
        }
    }
}
