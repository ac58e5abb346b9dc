//! Requests with a token: logged in when needed, again when the token is refused or about to end.
//!
//! Reads are sent again after a pause when the cloud was silent or broke; what changes something is sent once,
//! and once more only where the cloud said that it did nothing (no valid token, too many requests).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::connector::{Connector, Credential};
use super::error::{OpenstackError, Silence, refusal, unreadable, words};
use super::session::{HIGHEST, Service, Session};
use super::settings::Settings;
use crate::clock::Clock;
use crate::engine::port::VimError;
use crate::proto::nova::{self, Microversion, TokenDocument, Versions};
use crate::vim_http::{Attempts, Exchange, Http, Reply, Trust, nothing_done};

/// Longest pause a cloud may ask for in answer to too many requests.
const LONGEST_RETRY_AFTER: u64 = 10;

/// What a token is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// The connector's own project.
    Own,
    /// Another project, by id.
    Project(String),
}

/// A request behind a service's address.
#[derive(Clone, Debug)]
pub struct Ask {
    service: Service,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    media: &'static str,
    at_most: Option<Microversion>,
}

impl Ask {
    /// A request without a body.
    pub fn new(service: Service, method: Method, path: impl Into<String>) -> Self {
        Self {
            service,
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            media: "application/json",
            at_most: None,
        }
    }

    /// A read.
    pub fn get(service: Service, path: impl Into<String>) -> Self {
        Self::new(service, Method::GET, path)
    }

    /// Adds to the query.
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the document to send.
    ///
    /// # Errors
    /// When it cannot be written, which no document of ours has come to.
    pub fn document<T: Serialize>(mut self, document: &T) -> Result<Self, VimError> {
        let text = nova::encode(document).map_err(|error| VimError::Down(error.to_string()))?;
        self.body = Some(text);
        Ok(self)
    }

    /// Sets content that is no document.
    pub fn content(mut self, content: Vec<u8>) -> Self {
        self.body = Some(content);
        self.media = "application/octet-stream";
        self
    }

    /// Asks Nova by this microversion or a lower one.
    pub fn at_most(mut self, version: Microversion) -> Self {
        self.at_most = Some(version);
        self
    }
}

/// The client.
pub struct Api {
    /// What is configured.
    pub connector: Connector,
    /// Bounds.
    pub settings: Settings,
    /// Time.
    pub clock: Arc<dyn Clock>,
    http: Http,
    attempts: Attempts,
    /// One entry per scope, locked while it logs in, so that many requests cause one login.
    sessions: Mutex<BTreeMap<Scope, Slot>>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Arc<Session>>>>;

impl Api {
    /// Makes a client; nothing is asked yet.
    ///
    /// # Errors
    /// When certificates cannot be read.
    pub fn new(
        connector: Connector,
        settings: Settings,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, OpenstackError> {
        let trust = Trust {
            ca_file: connector.ca_file.clone(),
            verify: connector.verify,
        };
        Ok(Self {
            http: Http::new(&trust, &settings.limits(), clock.clone())?,
            attempts: settings.attempts(seed),
            connector,
            settings,
            clock,
            sessions: Mutex::default(),
        })
    }

    /// The session of a scope, logged in if need be.
    ///
    /// # Errors
    /// `Refused` when Keystone refuses, `Down` when it does not answer.
    pub async fn session(&self, scope: &Scope) -> Result<Arc<Session>, VimError> {
        let slot = self.slot(scope);
        let mut slot = slot.lock().await;
        if let Some(session) = slot
            .as_ref()
            .filter(|session| self.clock.mono() < session.until)
        {
            return Ok(session.clone());
        }
        let session = Arc::new(self.log_in(scope).await?);
        *slot = Some(session.clone());
        Ok(session)
    }

    fn slot(&self, scope: &Scope) -> Slot {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // Tokens of projects that are long gone are not kept for ever.
        if sessions.len() > self.settings.remembered && !sessions.contains_key(scope) {
            sessions.retain(|scope, _| *scope == Scope::Own);
        }
        sessions.entry(scope.clone()).or_default().clone()
    }

    /// Forgets a token that was refused, unless it was replaced already.
    async fn forget(&self, scope: &Scope, refused: &Session) {
        let slot = self.slot(scope);
        let mut slot = slot.lock().await;
        if slot
            .as_ref()
            .is_some_and(|session| session.token == refused.token)
        {
            *slot = None;
        }
    }

    async fn log_in(&self, scope: &Scope) -> Result<Session, VimError> {
        let project = match scope {
            Scope::Own => None,
            Scope::Project(id) => {
                if let Credential::Application { .. } = self.connector.credential {
                    let line = format!(
                        "Keystone: an application credential gives no access to another project [{id}]"
                    );
                    return Err(VimError::Refused(vec![line]));
                }
                Some(id.as_str())
            }
        };
        let login = self.connector.login(project);
        let login = login.map_err(|error| VimError::Refused(vec![error.to_string()]))?;
        let login = nova::encode(&login).map_err(|error| VimError::Down(error.to_string()))?;
        let url = format!("{}/auth/tokens", self.connector.url);
        let mut attempt = 0;
        let reply = loop {
            let exchange = Exchange {
                method: Method::POST,
                url: url.clone(),
                query: &[],
                headers: vec![("accept", "application/json".to_owned())],
                body: Some(login.clone()),
                media: "application/json",
            };
            // A login may be sent twice without harm.
            match self.http.send(exchange).await {
                Ok(reply) if reply.status < 500 && reply.status != 429 => break reply,
                Ok(reply) => {
                    attempt += 1;
                    if attempt >= self.attempts.most {
                        return Err(VimError::Down(words("Keystone", reply.status, &reply.body)));
                    }
                }
                Err(Silence::Down(line) | Silence::Lost(line)) => {
                    attempt += 1;
                    if attempt >= self.attempts.most {
                        return Err(VimError::Down(format!("Keystone: {line}")));
                    }
                }
            }
            self.attempts.pause(attempt).await;
        };
        if !reply.is_success() {
            return Err(VimError::Refused(vec![words(
                "Keystone",
                reply.status,
                &reply.body,
            )]));
        }
        let Some(id) = reply.header("x-subject-token").map(str::to_owned) else {
            return Err(VimError::Down(
                "Keystone: an answer without a token".to_owned(),
            ));
        };
        let document: TokenDocument = nova::decode(&reply.body)
            .map_err(|error| VimError::Down(format!("Keystone: {error}")))?;
        let now = self.clock.mono();
        let margin = self.settings.token_margin();
        let mut session = Session::new(&self.connector, id, document.token, now, margin);
        session.microversion = self.negotiate(&session).await?;
        Ok(session)
    }

    /// The highest microversion both sides know; none for a Nova that has none.
    async fn negotiate(&self, session: &Session) -> Result<Option<Microversion>, VimError> {
        let Some((url, true)) = session.compute_version_url() else {
            return Ok(None);
        };
        let exchange = Exchange {
            method: Method::GET,
            url,
            query: &[],
            headers: vec![
                ("accept", "application/json".to_owned()),
                ("x-auth-token", session.token.text()),
            ],
            body: None,
            media: "application/json",
        };
        let reply = self
            .http
            .send(exchange)
            .await
            .map_err(|silence| match silence {
                Silence::Down(line) | Silence::Lost(line) => {
                    VimError::Down(format!("Nova: {line}"))
                }
            })?;
        if reply.status >= 500 {
            return Err(VimError::Down(words("Nova", reply.status, &reply.body)));
        }
        let highest = Versions::decode(&reply.body)
            .ok()
            .and_then(|read| read.highest());
        Ok(highest.map(|highest| highest.min(HIGHEST)))
    }

    /// Reads; a cloud that is silent or breaks is asked again a few times.
    ///
    /// # Errors
    /// Why there is nothing to read.
    pub async fn read<T: DeserializeOwned>(&self, scope: &Scope, ask: Ask) -> Result<T, VimError> {
        match self.read_if_there(scope, ask).await? {
            Ok(document) => Ok(document),
            Err(line) => Err(VimError::Refused(vec![line])),
        }
    }

    /// The same; `Ok(Err(words))`: the service answers 404.
    ///
    /// # Errors
    /// Why there is nothing to read.
    pub async fn read_if_there<T: DeserializeOwned>(
        &self,
        scope: &Scope,
        ask: Ask,
    ) -> Result<Result<T, String>, VimError> {
        let name = ask.service.name();
        let read = || async {
            let reply = self.ask(scope, &ask).await.map_err(nothing_done)?;
            match reply.status {
                _ if reply.is_success() => Ok(nova::decode(&reply.body)
                    .map(Ok)
                    .map_err(|error| VimError::Unknown(format!("{name}: {error}")))),
                404 => Ok(Ok(Err(words(name, reply.status, &reply.body)))),
                status => Err(unreadable(name, status, &reply.body)),
            }
        };
        self.attempts.until(read).await
    }

    /// Changes something, once.
    ///
    /// # Errors
    /// `Down`: it did not reach the cloud; `Unknown`: it may have; `Refused`: the cloud said no.
    pub async fn change(&self, scope: &Scope, ask: Ask) -> Result<Reply, VimError> {
        let name = ask.service.name();
        let reply = self.ask(scope, &ask).await?;
        match reply.is_success() {
            true => Ok(reply),
            false => Err(refusal(name, reply.status, &reply.body)),
        }
    }

    /// One request with a valid token, whatever its answer; repeated only where the cloud did nothing.
    ///
    /// # Errors
    /// As [`Api::change`], but an error answer is an answer.
    pub async fn ask(&self, scope: &Scope, ask: &Ask) -> Result<Reply, VimError> {
        let mut renewed = false;
        let mut slowed = false;
        loop {
            let session = self.session(scope).await?;
            let reply = self.once(&session, ask).await?;
            match reply.status {
                401 if !renewed => {
                    renewed = true;
                    self.forget(scope, &session).await;
                }
                413 | 429 if !slowed && let Some(after) = retry_after(&reply) => {
                    slowed = true;
                    tokio::time::sleep(after).await;
                }
                _ => return Ok(reply),
            }
        }
    }

    async fn once(&self, session: &Session, ask: &Ask) -> Result<Reply, VimError> {
        let name = ask.service.name();
        let Some(base) = session.base(ask.service) else {
            let line = format!("Keystone: the catalog has no address of {name} for this connector");
            return Err(VimError::Refused(vec![line]));
        };
        let mut headers = vec![
            ("accept", "application/json".to_owned()),
            ("x-auth-token", session.token.text()),
        ];
        if ask.service == Service::Compute
            && let Some(version) = session.microversion
        {
            let version = ask.at_most.map_or(version, |most| most.min(version));
            headers.push(("openstack-api-version", format!("compute {version}")));
            headers.push(("x-openstack-nova-api-version", version.to_string()));
        }
        let exchange = Exchange {
            method: ask.method.clone(),
            url: format!("{base}{}", ask.path),
            query: &ask.query,
            headers,
            body: ask.body.clone(),
            media: ask.media,
        };
        let answer = self.http.send(exchange).await;
        answer.map_err(|silence| match silence {
            Silence::Down(line) => VimError::Down(format!("{name}: {line}")),
            Silence::Lost(line) => VimError::Unknown(format!("{name}: {line}")),
        })
    }

    /// Fetches an image from where it is.
    ///
    /// # Errors
    /// In words.
    pub async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        self.http.fetch(url, self.settings.image_bytes).await
    }
}

/// How long the cloud asks to wait: only where it does ask, so that it has not begun anything.
fn retry_after(reply: &Reply) -> Option<Duration> {
    let seconds: u64 = reply.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER)))
}

/// The id by which the cloud knows a request: Nova's own first.
pub fn request_id(reply: &Reply) -> String {
    ["x-compute-request-id", "x-openstack-request-id"]
        .iter()
        .find_map(|name| reply.header(name))
        .unwrap_or_default()
        .to_owned()
}

/// A part of a path, so that no id of anybody can lead elsewhere.
pub fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, SEGMENT).to_string()
}

const SEGMENT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
