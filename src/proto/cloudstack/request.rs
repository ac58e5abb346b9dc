//! A command with its parameters.

use super::reply::Format;

/// A command, as a query or a form carries it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Command {
    /// Names and values, decoded, in the order they came.
    pub params: Vec<(String, String)>,
}

impl Command {
    /// A command without parameters.
    pub fn new(name: &str) -> Self {
        Self::default().with("command", name)
    }

    /// With a parameter more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.params.push((name.to_owned(), value.into()));
        self
    }

    /// A parameter's value; names differ in case from client to client.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The command's name, `listZones` and others.
    pub fn name(&self) -> &str {
        self.get("command").unwrap_or_default()
    }

    /// What the reply's one object is called.
    pub fn reply_name(&self) -> String {
        format!("{}response", self.name().to_lowercase())
    }

    /// How the reply shall be written.
    pub fn format(&self) -> Format {
        Format::of_param(self.get("response"))
    }

    /// The members of a list of maps, `details[0].key=...`, in the order of their numbers: names after the dot
    /// (empty where there is none) with values.
    pub fn maps(&self, name: &str) -> Vec<Vec<(String, String)>> {
        let mut found: Vec<(usize, Vec<(String, String)>)> = Vec::new();
        for (key, value) in &self.params {
            let Some((number, rest)) = indexed(key, name) else {
                continue;
            };
            let pair = (rest.to_owned(), value.clone());
            match found.iter_mut().find(|(known, _)| *known == number) {
                Some((_, members)) => members.push(pair),
                None => found.push((number, vec![pair])),
            }
        }
        found.sort_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, members)| members).collect()
    }
}

/// Takes `name[3].rest` apart.
fn indexed<'a>(key: &'a str, name: &str) -> Option<(usize, &'a str)> {
    let (head, tail) = key.split_once('[')?;
    head.eq_ignore_ascii_case(name).then_some(())?;
    let (number, rest) = tail.split_once(']')?;
    let number = number.parse().ok()?;
    Some((number, rest.strip_prefix('.').unwrap_or(rest)))
}
