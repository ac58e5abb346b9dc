//! Attribute selectors (SOL 013 clause 5.3).

use serde_json::{Map, Value};

use super::filter::unescape;
use super::lists::Collection;

/// Why selectors were not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SelectorError {
    /// They do not go together.
    #[error("the attribute selectors {0} cannot be combined")]
    Combination(String),
    /// A selector that takes a list has none.
    #[error("the attribute selector {0} needs a list of attributes")]
    Empty(&'static str),
    /// A selector that takes no value has one.
    #[error("the attribute selector {0} takes no value")]
    Value(&'static str),
    /// An attribute that the entries never have.
    #[error("[{0}] is not an attribute of these resources")]
    Attribute(String),
    /// An attribute that is always given.
    #[error("[{0}] is always given and cannot be left out")]
    Mandatory(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    All,
    /// Mandatory ones, these, and (`true`) what is not left out by default.
    Fields(Vec<Vec<String>>, bool),
    Exclude(Vec<Vec<String>>),
    Default,
}

/// Which attributes of a resource are shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selector {
    what: What,
    collection: Collection,
}

impl Selector {
    /// Everything: for a single resource.
    pub fn all(collection: Collection) -> Self {
        Self {
            what: What::All,
            collection,
        }
    }

    /// From the parameters of a query; others than selectors are not looked at. None at all is `exclude_default`.
    ///
    /// # Errors
    /// When they do not go together, or name what there is not.
    pub fn parse<'a>(
        query: impl IntoIterator<Item = (&'a str, &'a str)>,
        collection: Collection,
    ) -> Result<Self, SelectorError> {
        let (mut all, mut default, mut fields, mut exclude) = (false, false, None, None);
        let mut names = Vec::new();
        for (name, value) in query {
            match name {
                "all_fields" => all = flag("all_fields", value)?,
                "exclude_default" => default = flag("exclude_default", value)?,
                "fields" => fields = Some(list("fields", value, &collection)?),
                "exclude_fields" => exclude = Some(list("exclude_fields", value, &collection)?),
                _ => continue,
            }
            names.push(name);
        }
        let what = match (all, default, fields, exclude) {
            (true, false, None, None) => What::All,
            (false, default, Some(fields), None) => What::Fields(fields, default),
            (false, false, None, Some(paths)) => {
                for path in &paths {
                    if let [name] = path.as_slice()
                        && collection.mandatory.contains(&name.as_str())
                    {
                        return Err(SelectorError::Mandatory(name.clone()));
                    }
                }
                What::Exclude(paths)
            }
            (false, _, None, None) => What::Default,
            _ => return Err(SelectorError::Combination(names.join(", "))),
        };
        Ok(Self { what, collection })
    }

    /// What is shown of a resource.
    pub fn apply(&self, resource: Value) -> Value {
        let Value::Object(map) = resource else {
            return resource;
        };
        let hidden = |name: &String| self.collection.excluded_by_default.contains(&name.as_str());
        let shown = match &self.what {
            What::All => map,
            What::Default => map.into_iter().filter(|(name, _)| !hidden(name)).collect(),
            What::Exclude(paths) => {
                let mut value = Value::Object(map);
                for path in paths {
                    remove(&mut value, path);
                }
                return value;
            }
            What::Fields(paths, default) => {
                let mut out = Map::new();
                for (name, value) in map {
                    let mandatory = self.collection.mandatory.contains(&name.as_str());
                    if mandatory || (*default && !hidden(&name)) {
                        out.insert(name, value);
                        continue;
                    }
                    let below: Vec<&[String]> = paths
                        .iter()
                        .filter(|path| path.first() == Some(&name))
                        .filter_map(|path| path.get(1..))
                        .collect();
                    if !below.is_empty()
                        && let Some(kept) = keep(value, &below)
                    {
                        out.insert(name, kept);
                    }
                }
                out
            }
        };
        Value::Object(shown)
    }
}

/// These take no value, though `=` or `=true` is let through.
fn flag(name: &'static str, value: &str) -> Result<bool, SelectorError> {
    match value {
        "" | "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(SelectorError::Value(name)),
    }
}

fn list(
    name: &'static str,
    value: &str,
    collection: &Collection,
) -> Result<Vec<Vec<String>>, SelectorError> {
    let mut paths = Vec::new();
    for attribute in value.split(',') {
        let path: Vec<String> = attribute.split('/').map(unescape).collect();
        let first = path.first().map(String::as_str).unwrap_or_default();
        if first.is_empty() {
            return Err(SelectorError::Empty(name));
        }
        if !collection.has(first) {
            return Err(SelectorError::Attribute(first.to_owned()));
        }
        paths.push(path);
    }
    Ok(paths)
}

fn remove(value: &mut Value, path: &[String]) {
    match (value, path) {
        (Value::Array(items), path) => items.iter_mut().for_each(|item| remove(item, path)),
        (Value::Object(map), [last]) => drop(map.remove(last)),
        (Value::Object(map), [first, rest @ ..]) => {
            if let Some(below) = map.get_mut(first) {
                remove(below, rest);
            }
        }
        _ => {}
    }
}

fn keep(value: Value, paths: &[&[String]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value);
    }
    match value {
        Value::Array(items) => {
            let kept: Vec<_> = items
                .into_iter()
                .filter_map(|item| keep(item, paths))
                .collect();
            Some(Value::Array(kept))
        }
        Value::Object(map) => {
            let mut out = Map::new();
            for (name, below) in map {
                let rest: Vec<&[String]> = paths
                    .iter()
                    .filter(|path| path.first() == Some(&name))
                    .filter_map(|path| path.get(1..))
                    .collect();
                if !rest.is_empty()
                    && let Some(kept) = keep(below, &rest)
                {
                    out.insert(name, kept);
                }
            }
            Some(Value::Object(out))
        }
        _ => None,
    }
}
