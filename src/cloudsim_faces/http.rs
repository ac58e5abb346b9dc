//! A request and a reply as values, so that a face is a function and needs no socket to be tested.

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A request, its body read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Request {
    /// `GET` and others.
    pub method: String,
    /// The path's segments, decoded; empty ones are left out.
    pub path: Vec<String>,
    /// The query's parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// How the client addressed us, `http://host:port`.
    pub base: String,
}

impl Request {
    /// Takes a request apart. `target` is path and query as on the request line.
    pub fn new(
        method: &str,
        target: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        local: &str,
    ) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.split('/').filter(|part| !part.is_empty());
        let mut request = Self {
            method: method.to_owned(),
            path: path.map(decode_path).collect(),
            query: parse_query(query),
            headers,
            body,
            base: String::new(),
        };
        let host = request.header("host").unwrap_or(local).to_owned();
        request.base = format!("http://{host}");
        request
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter of the query.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Method and path for a `match`.
    pub fn route(&self) -> (&str, Vec<&str>) {
        (&self.method, self.path.iter().map(String::as_str).collect())
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|error| error.to_string())
    }
}

fn decode_path(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// Reads `a=b&c=d`, with `+` for a space.
pub fn parse_query(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| decode_path(&part.replace('+', " "));
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// A reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// The client shall never see it: its connection is cut instead.
    pub lost: bool,
}

impl Reply {
    /// Without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            lost: false,
        }
    }

    /// One that gets lost.
    pub fn lost() -> Self {
        Self {
            lost: true,
            ..Self::empty(500)
        }
    }

    /// With a text of a media type.
    pub fn text(status: u16, kind: &str, text: impl Into<Vec<u8>>) -> Self {
        Self {
            body: text.into(),
            ..Self::empty(status)
        }
        .with("content-type", kind)
    }

    /// With a JSON document.
    pub fn json<T: Serialize>(status: u16, document: &T) -> Self {
        match serde_json::to_vec(document) {
            Ok(body) => Self {
                body,
                ..Self::empty(status)
            }
            .with("content-type", "application/json"),
            Err(error) => Self::text(500, "text/plain", error.to_string()),
        }
    }

    /// With a header more.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_taken_apart_and_decoded() {
        let request = Request::new(
            "GET",
            "/v2.1//servers/a%2Fb?name=x+y&limit=&all",
            vec![("host".into(), "cloud:1".into())],
            Vec::new(),
            "local:2",
        );
        assert_eq!(request.path, ["v2.1", "servers", "a/b"]);
        assert_eq!(request.param("name"), Some("x y"));
        assert_eq!(
            (request.param("limit"), request.param("all")),
            (Some(""), Some(""))
        );
        assert_eq!(request.base, "http://cloud:1");
    }
}
