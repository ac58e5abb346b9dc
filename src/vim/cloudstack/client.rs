//! Commands, signed, in either format.
//!
//! Reads are sent again after a pause when the cloud was silent or broke; what changes something is sent once.

use std::sync::Arc;

use reqwest::Method as HttpMethod;
use serde::de::DeserializeOwned;

use super::connector::{Connector, Method, SignatureVersion};
use super::error::{is_missing, page, unreadable};
use super::settings::Settings;
use crate::clock::Clock;
use crate::engine::port::VimError;
use crate::proto::cloudstack::{self as wire, ApiError, Command, Format, Reply};
use crate::vim_http::{Attempts, ConnectorError, Exchange, Http, Secret, Trust, nothing_done};

/// Things of one page of a list: what clouds give at most unless they are told otherwise.
const PAGE: usize = 500;
/// Pages of one list at most: a list that never ends is a fault of the cloud's.
const PAGES: usize = 400;

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
}

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
    ) -> Result<Self, ConnectorError> {
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
        })
    }

    /// Reads; a cloud that is silent or breaks is asked again a few times. `None`: the cloud says that what was named
    /// is not there.
    ///
    /// # Errors
    /// Why there is nothing to read.
    pub async fn read_if_there(&self, command: Command) -> Result<Option<Reply>, VimError> {
        match self.read_or_no(command).await? {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(unreadable(&error)),
        }
    }

    async fn read_or_no(&self, command: Command) -> Result<Result<Reply, ApiError>, VimError> {
        let ask = || async {
            match self.once(&command, false).await {
                Ok(Ok(reply)) => Ok(Ok(Ok(reply))),
                Ok(Err(error)) => match unreadable(&error) {
                    VimError::Refused(_) => Ok(Ok(Err(error))),
                    broken => Err(broken),
                },
                Err(error) => Err(nothing_done(error)),
            }
        };
        self.attempts.until(ask).await
    }

    /// Reads a whole list, page by page; empty where what the command names is not there.
    ///
    /// # Errors
    /// Why there is nothing to read.
    pub async fn list<T: DeserializeOwned>(
        &self,
        command: Command,
        kind: &str,
    ) -> Result<Vec<T>, VimError> {
        let mut all: Vec<T> = Vec::new();
        for page in 1..=PAGES {
            let ask = command.clone().with("page", page.to_string());
            let ask = ask.with("pagesize", PAGE.to_string());
            let Some(reply) = self.read_if_there(ask).await? else {
                return Ok(all);
            };
            let part: Vec<T> = reply
                .list(kind)
                .map_err(|error| VimError::Unknown(format!("CloudStack: {error}")))?;
            let last = part.len() < PAGE;
            all.extend(part);
            if last {
                return Ok(all);
            }
        }
        Err(VimError::Unknown(format!(
            "CloudStack: a list of {kind} without an end"
        )))
    }

    /// Changes something, once; the inner error is the cloud's own.
    ///
    /// # Errors
    /// `Down`: it did not reach the cloud; `Unknown`: it may have.
    pub async fn change(&self, command: Command) -> Result<Result<Reply, ApiError>, VimError> {
        self.once(&command, true).await
    }

    async fn once(
        &self,
        command: &Command,
        changes: bool,
    ) -> Result<Result<Reply, ApiError>, VimError> {
        let secret = Secret::read(&self.connector.secret)
            .map_err(|error| VimError::Refused(vec![error.to_string()]))?;
        let secret = wire::Secret::new(&secret.text());
        let command = self.dressed(command);
        let post = match self.connector.method {
            Method::Auto => changes,
            Method::Get => false,
            Method::Post => true,
        };
        let (method, query, body) = match post {
            true => {
                let form = command.query(&secret).into_bytes();
                (HttpMethod::POST, Vec::new(), Some(form))
            }
            false => {
                let signature = secret.sign(&command);
                let signed = command.with("signature", signature);
                (HttpMethod::GET, signed.params, None)
            }
        };
        let exchange = Exchange {
            method,
            url: self.connector.url.clone(),
            query: &query,
            headers: Vec::new(),
            body,
            media: "application/x-www-form-urlencoded",
        };
        let reply = self.http.send(exchange).await?;
        let decoded = Reply::decode(&reply.body);
        match (reply.is_success(), decoded) {
            (_, Ok(decoded)) if decoded.body.contains_key("errorcode") => {
                let error = decoded.read::<ApiError>();
                Ok(Err(error.unwrap_or_else(|_| page(reply.status))))
            }
            (true, Ok(decoded)) => Ok(Ok(decoded)),
            (true, Err(error)) => Err(VimError::Unknown(format!("CloudStack: {error}"))),
            (false, _) => Ok(Err(page(reply.status))),
        }
    }

    /// A command with all that every command has.
    fn dressed(&self, command: &Command) -> Command {
        let format = match self.connector.format {
            Format::Json => "json",
            Format::Xml => "xml",
        };
        let command = command
            .clone()
            .with("response", format)
            .with("apiKey", &self.connector.api_key);
        match self.connector.signature {
            SignatureVersion::One => command,
            SignatureVersion::Three => {
                let expires = self.clock.wall() + self.settings.signature();
                command
                    .with("signatureVersion", "3")
                    .with("expires", wire::time_text(expires))
            }
        }
    }
}
