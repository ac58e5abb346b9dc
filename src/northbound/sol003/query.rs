//! Queries on collections: filter, selectors, page.

use axum::http::header;
use serde_json::Value;

use super::reply::{Problem, Reply, json, put};
use crate::proto::sol003::{Collection, Filter, MARKER, Selector, key_of, page_of};

/// Parameters of a list (SOL 013 clauses 5.2 to 5.4).
pub const LISTED: [&str; 6] = [
    "filter",
    MARKER,
    "all_fields",
    "fields",
    "exclude_fields",
    "exclude_default",
];

/// The parameters of a query, decoded.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them; `+` is a plus sign, as in a URI.
    pub fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let decode = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| Problem::bad("the query is not UTF-8"))
        };
        let mut pairs = Vec::new();
        for pair in query
            .unwrap_or_default()
            .split('&')
            .filter(|it| !it.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(Problem::bad(format!("[{name}] is given twice")));
            }
            pairs.push((name, decode(value)?));
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Refuses parameters that mean nothing here.
    pub fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self
            .0
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            Some((name, _)) => Err(Problem::bad(format!(
                "[{name}] is not a query parameter here"
            ))),
            None => Ok(()),
        }
    }

    /// A page of the entries that match, with what is shown of them. Keys are in order; no more is rendered than
    /// the page needs.
    pub fn page<T>(
        &self,
        entries: impl IntoIterator<Item = (String, T)>,
        render: impl Fn(T) -> Result<Value, Problem>,
        collection: Collection,
        size: usize,
        here: &str,
    ) -> Result<Reply, Problem> {
        self.only(&LISTED)?;
        let filter = self.get("filter");
        let filter = filter.map(|text| Filter::parse(text, &collection));
        let filter = filter
            .transpose()
            .map_err(|error| Problem::bad(error.to_string()))?;
        let pairs = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let selector =
            Selector::parse(pairs, collection).map_err(|error| Problem::bad(error.to_string()))?;
        let foreign = || Problem::bad(format!("[{MARKER}] is none of ours"));
        let after = self
            .get(MARKER)
            .map(|marker| key_of(marker).ok_or_else(foreign));
        let after = after.transpose()?;
        let mut failed = None;
        let matching = entries
            .into_iter()
            .skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after))
            .filter_map(|(key, entry)| match render(entry) {
                Ok(value) => Some((key, value)),
                Err(problem) => {
                    failed = Some(problem);
                    None
                }
            })
            .filter(|(_, value)| filter.as_ref().is_none_or(|filter| filter.matches(value)));
        let page = page_of(matching, None, size).ok_or_else(foreign)?;
        if let Some(problem) = failed {
            return Err(problem);
        }
        let shown: Vec<Value> = page
            .items
            .into_iter()
            .map(|it| selector.apply(it))
            .collect();
        let mut reply = json(axum::http::StatusCode::OK, &shown);
        if let Some(next) = page.next {
            let mut link = format!("<{here}?");
            for (name, value) in self.0.iter().filter(|(name, _)| name != MARKER) {
                link.push_str(&format!("{}={}&", encoded(name), encoded(value)));
            }
            link.push_str(&format!("{MARKER}={next}>; rel=\"next\""));
            put(&mut reply, header::LINK, &link);
        }
        Ok(reply)
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
