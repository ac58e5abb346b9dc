//! One HTTP exchange: limits, and what its failure says about whether the request reached the cloud.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method};

use super::error::ConnectorError;
use super::gate::Gate;
use super::silence::Silence;
use crate::clock::Clock;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it is a success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A request, ready to be sent.
pub struct Exchange<'a> {
    /// Method.
    pub method: Method,
    /// Whole address.
    pub url: String,
    /// Query.
    pub query: &'a [(String, String)],
    /// Headers; values that cannot be are left out by [`Http::send`], which says so.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Option<Vec<u8>>,
    /// Media type of the body.
    pub media: &'static str,
}

/// Bounds of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Requests under way at once.
    pub requests: usize,
    /// How long a connection may take to open.
    pub connect: Duration,
    /// How long one request may take.
    pub request: Duration,
    /// Pause between two requests to a cloud that is down.
    pub down_pause: Duration,
    /// Largest answer that is read, in bytes.
    pub answer_bytes: usize,
}

/// Whose certificates are taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trust {
    /// Certificates to trust besides the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// False: any certificate is taken.
    pub verify: bool,
}

/// The client of one connector.
pub struct Http {
    client: Client,
    gate: Gate,
    limit: usize,
}

impl Http {
    /// Makes the client.
    ///
    /// # Errors
    /// When certificates cannot be read.
    pub fn new(
        trust: &Trust,
        limits: &Limits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectorError> {
        let client = |error: reqwest::Error| ConnectorError::Client(chain(&error));
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(concat!("lifeline/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect)
            .timeout(limits.request)
            .pool_max_idle_per_host(limits.requests);
        if let Some(path) = &trust.ca_file {
            let pem = std::fs::read(path).map_err(|source| ConnectorError::File {
                path: path.clone(),
                source,
            })?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(client)?;
            builder = builder.tls_certs_merge(certificates);
        }
        if !trust.verify {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        let gate = Gate::new(clock, limits.requests, limits.request, limits.down_pause);
        Ok(Self {
            client: builder.build().map_err(client)?,
            gate,
            limit: limits.answer_bytes,
        })
    }

    /// Sends it once.
    ///
    /// # Errors
    /// When there is no answer, or none that can be read to its end.
    pub async fn send(&self, exchange: Exchange<'_>) -> Result<Reply, Silence> {
        let mut url = reqwest::Url::parse(&exchange.url)
            .map_err(|error| Silence::Down(format!("{}: {error}", exchange.url)))?;
        if !exchange.query.is_empty() {
            url.query_pairs_mut().extend_pairs(exchange.query);
        }
        let mut headers = HeaderMap::new();
        for (name, text) in exchange.headers {
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| Silence::Down(format!("the header {name} cannot hold its value")))?;
            value.set_sensitive(name.ends_with("token") || name.ends_with("authorization"));
            headers.insert(HeaderName::from_static(name), value);
        }
        let place = self.gate.enter().await?;
        let mut request = self.client.request(exchange.method, url).headers(headers);
        if let Some(body) = exchange.body {
            request = request.header("content-type", exchange.media).body(body);
        }
        let answer = self.carry(request).await;
        drop(place);
        match &answer {
            // A gateway that speaks for a service which is down does not count as its answer.
            Ok(reply) if matches!(reply.status, 502..=504) => {
                self.gate
                    .silent(&format!("{}: HTTP {}", exchange.url, reply.status));
            }
            Ok(_) => self.gate.answered(),
            Err(Silence::Down(why) | Silence::Lost(why)) => self.gate.silent(why),
        }
        answer
    }

    /// Fetches what stands at an address that is none of the cloud's.
    ///
    /// # Errors
    /// In words.
    pub async fn fetch(&self, url: &str, limit: usize) -> Result<Vec<u8>, String> {
        let answer = self.client.get(url).send().await;
        let mut response = answer.map_err(|error| chain(&error))?;
        if !response.status().is_success() {
            return Err(format!("{url}: HTTP {}", response.status().as_u16()));
        }
        let mut content = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error))? {
            if content.len() + chunk.len() > limit {
                return Err(format!("{url}: more than {limit} bytes"));
            }
            content.extend_from_slice(&chunk);
        }
        Ok(content)
    }

    async fn carry(&self, request: reqwest::RequestBuilder) -> Result<Reply, Silence> {
        let mut response = request.send().await.map_err(|error| {
            let line = format!("no answer from {}", chain(&error));
            match error.is_connect() {
                true => Silence::Down(line),
                false => Silence::Lost(line),
            }
        })?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        loop {
            let chunk = response
                .chunk()
                .await
                .map_err(|error| Silence::Lost(format!("answer cut: {}", chain(&error))))?;
            let Some(chunk) = chunk else { break };
            if body.len() + chunk.len() > self.limit {
                let line = format!("an answer of more than {} bytes", self.limit);
                return Err(Silence::Lost(line));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status,
            headers,
            body,
        })
    }
}

/// An error with its causes, in one line.
fn chain(error: &reqwest::Error) -> String {
    let mut line = match error.url() {
        Some(url) => {
            let mut url = url.clone();
            url.set_query(None);
            url.to_string()
        }
        None => error.to_string(),
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    if error.is_timeout() && !line.contains("timed out") {
        line.push_str(": timed out");
    }
    line
}
