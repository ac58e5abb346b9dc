//! Lists and their pages.

use serde::Serialize;

use super::{Done, Refusal, no};
use crate::proto::cloudstack::{Command, Listed, Reply};

/// A parameter that must be there.
pub fn required<'a>(command: &'a Command, name: &str) -> Result<&'a str, Refusal> {
    match command.get(name) {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err(no(
            431,
            format!(
                "Unable to execute API command {} due to missing parameter {name}",
                command.name().to_lowercase()
            ),
        )),
    }
}

/// A parameter that is a number.
pub fn number(command: &Command, name: &str) -> Result<Option<usize>, Refusal> {
    match command.get(name) {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            no(
                431,
                format!(
                    "Unable to execute API command due to invalid value {text} for parameter {name}"
                ),
            )
        }),
    }
}

/// A reply to a command.
pub fn reply<T: Serialize>(command: &Command, body: &T) -> Done {
    Reply::new(command.reply_name(), body).map_err(|error| no(530, error.to_string()))
}

/// The page of a list that the command asks for.
pub fn page<T: Serialize + Clone>(command: &Command, kind: &'static str, all: Vec<T>) -> Done {
    let size = number(command, "pagesize")?.unwrap_or(500).clamp(1, 500);
    let page = number(command, "page")?.unwrap_or(1).max(1);
    let listed = Listed {
        kind,
        count: all.len(),
        page: all
            .iter()
            .skip((page - 1).saturating_mul(size))
            .take(size)
            .cloned()
            .collect(),
    };
    reply(command, &listed)
}

/// Whether a thing has the name, the id and the keyword that the command asks for.
pub fn wanted(command: &Command, id: &str, name: &str) -> bool {
    command.get("id").is_none_or(|wanted| wanted == id)
        && command
            .get("name")
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(name))
        && command
            .get("keyword")
            .is_none_or(|wanted| name.to_lowercase().contains(&wanted.to_lowercase()))
}
