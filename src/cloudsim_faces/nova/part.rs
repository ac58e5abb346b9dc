//! Lists: filters by a member's value, pages, links.

use serde_json::Value;

use super::super::http::Request;
use crate::proto::nova::Link;

/// Parameters of a query that are no member's name.
const NO_FILTERS: [&str; 10] = [
    "limit",
    "marker",
    "sort_key",
    "sort_dir",
    "sort",
    "fields",
    "page_reverse",
    "enabled",
    "domain_id",
    "is_domain",
];

/// Those whose members have the values that the query asks for; a member that they do not have excludes them.
pub fn filtered(request: &Request, all: Vec<Value>) -> Vec<Value> {
    let filters: Vec<(&str, &str)> = request
        .query
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .filter(|(key, _)| !NO_FILTERS.contains(key))
        .collect();
    let mut keys: Vec<&str> = filters.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys.dedup();
    all.into_iter()
        .filter(|one| {
            // several values of one key: any of them
            keys.iter().all(|key| {
                let mut wanted = filters.iter().filter(|(known, _)| known == key);
                wanted.any(|(_, value)| has(one, key, value))
            })
        })
        .collect()
}

/// In the order asked for by `sort_key` and `sort_dir`, or by `sort=name:asc,size:desc`.
pub fn sorted(request: &Request, mut all: Vec<Value>) -> Vec<Value> {
    let given = |wanted: &str| {
        let query = request.query.iter();
        let query = query.filter(move |(key, _)| key == wanted);
        query.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    let (keys, ways) = (given("sort_key"), given("sort_dir"));
    let mut orders: Vec<(&str, &str)> = keys
        .iter()
        .enumerate()
        .map(|(at, key)| (*key, ways.get(at).copied().unwrap_or("asc")))
        .collect();
    for part in given("sort").iter().flat_map(|text| text.split(',')) {
        orders.push(part.split_once(':').unwrap_or((part, "asc")));
    }
    let text = |one: &Value, key: &str| match one.get(key) {
        Some(Value::String(text)) => (0, text.clone()),
        Some(Value::Number(number)) => (number.as_u64().unwrap_or(0), String::new()),
        Some(other) => (0, other.to_string()),
        None => (0, String::new()),
    };
    // the last key first: what it leaves equal stays as it is
    for (key, way) in orders.into_iter().rev() {
        all.sort_by(|a, b| match way {
            "desc" => text(b, key).cmp(&text(a, key)),
            _ => text(a, key).cmp(&text(b, key)),
        });
    }
    all
}

fn has(one: &Value, key: &str, wanted: &str) -> bool {
    match one.get(key) {
        Some(Value::String(text)) => {
            text == wanted
                || wanted
                    .strip_prefix("in:")
                    .is_some_and(|list| list.split(',').any(|part| part == text))
        }
        Some(Value::Bool(flag)) => wanted.eq_ignore_ascii_case(&flag.to_string()),
        Some(Value::Number(number)) => number.to_string() == wanted,
        Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(wanted)),
        _ => false,
    }
}

/// One page after the marker; `Err` when nothing has that mark. The second is the marker of the next page.
pub fn page<T: Clone>(
    request: &Request,
    all: Vec<T>,
    mark: impl Fn(&T) -> String,
    most: usize,
) -> Result<(Vec<T>, Option<String>), String> {
    let limit = match request.param("limit") {
        None | Some("") => most,
        Some(text) => match text.parse::<usize>() {
            Ok(limit) => limit.min(most),
            Err(_) => return Err(format!("limit '{text}' is not a number")),
        },
    };
    let from = match request.param("marker").filter(|marker| !marker.is_empty()) {
        None => 0,
        Some(marker) => match all.iter().position(|one| mark(one) == marker) {
            Some(at) => at + 1,
            None => return Err(format!("marker [{marker}] not found")),
        },
    };
    let part: Vec<T> = all.iter().skip(from).take(limit).cloned().collect();
    let more = limit > 0 && all.len() > from + part.len();
    let next = part.last().filter(|_| more).map(&mark);
    Ok((part, next))
}

/// The link to the next page.
pub fn next_link(request: &Request, path: &str, marker: &str) -> Link {
    let kept = request.query.iter().filter(|(key, _)| key != "marker");
    let kept = kept.map(|(key, value)| format!("{}={}&", encode(key), encode(value)));
    let query: String = kept.collect();
    Link {
        rel: "next".to_owned(),
        href: format!("{}{path}?{query}marker={}", request.base, encode(marker)),
        kind: None,
    }
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A link to a thing itself.
pub fn own_link(rel: &str, href: String) -> Link {
    Link {
        rel: rel.to_owned(),
        href,
        kind: None,
    }
}
