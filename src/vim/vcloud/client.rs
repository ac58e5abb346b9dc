//! Requests with a session: to the connector's own origin and nowhere else, logged in again when the session ended.
//!
//! Reads are sent again after a pause when the cloud was silent or broke; what changes something is sent once.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Url};

use super::ask::Ask;
use super::connector::Connector;
use super::error::{is_missing, of_reply, unreadable, words};
use super::session::{Pass, Session, data_centre};
use super::settings::Settings;
use crate::clock::Clock;
use crate::engine::port::VimError;
use crate::proto::vcloud::{
    ApiVersion, DecodeError, Document, Link, Org, OrgList, Session as LoggedIn, SupportedVersions,
    VcloudError,
};
use crate::vim_http::{
    Attempts, ConnectorError, Exchange, Http, Reply, Secret, Trust, nothing_done,
};

/// The header that carries a session.
const HEADER: &str = "x-vcloud-authorization";

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
    /// Locked while it logs in, so that many requests cause one login.
    session: tokio::sync::Mutex<Option<Arc<Session>>>,
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
            session: tokio::sync::Mutex::default(),
        })
    }

    /// The session, logged in if need be.
    ///
    /// # Errors
    /// `Refused` when the cloud refuses, `Down` when it does not answer.
    pub async fn session(&self) -> Result<Arc<Session>, VimError> {
        let mut slot = self.session.lock().await;
        if let Some(session) = slot.as_ref() {
            return Ok(session.clone());
        }
        let session = Arc::new(self.open().await.map_err(nothing_done)?);
        *slot = Some(session.clone());
        Ok(session)
    }

    /// Forgets a session that was refused, unless it was replaced already.
    async fn forget(&self, refused: &Session) {
        let mut slot = self.session.lock().await;
        let same = |session: &Arc<Session>| session.token == refused.token;
        if slot.as_ref().is_some_and(same) {
            *slot = None;
        }
    }

    /// Agrees on a version, logs in, and finds the organisation and its data centre.
    async fn open(&self) -> Result<Session, VimError> {
        let versions: SupportedVersions = self.read_as(&self.connector.versions, None).await?;
        let (version, login) = self.agree(&versions)?;
        let reply = self.log_in(version, &login).await?;
        let Some(token) = reply.header(HEADER).map(str::to_owned) else {
            let line = "vCloud: a login was answered without a session".to_owned();
            return Err(VimError::Down(line));
        };
        let pass = Pass {
            token: Secret::new(token),
            version,
        };
        let org = self.organisation(&reply, &pass).await?;
        Ok(Session {
            vdc: data_centre(&org, self.connector.vdc.as_deref())?,
            token: pass.token,
            version,
            org,
        })
    }

    /// The newest version that both sides know, or the one that is configured, and where to log in.
    fn agree(&self, offered: &SupportedVersions) -> Result<(ApiVersion, String), VimError> {
        let wanted = self.connector.version;
        let known = offered.versions.iter();
        let known = known.filter_map(|(text, url)| Some((ApiVersion::parse(text)?, url)));
        let usable = known.filter(|(version, _)| wanted.is_none_or(|wanted| wanted == *version));
        match usable.max_by_key(|(version, _)| *version) {
            Some((version, url)) => Ok((version, url.clone())),
            None => {
                let texts: Vec<&str> = offered.versions.iter().map(|(text, _)| &**text).collect();
                let ours: Vec<&str> = match wanted {
                    Some(wanted) => vec![wanted.as_str()],
                    None => ApiVersion::ALL.map(ApiVersion::as_str).to_vec(),
                };
                Err(VimError::Refused(vec![format!(
                    "vCloud: it speaks versions {}, and none of {}",
                    texts.join(", "),
                    ours.join(", ")
                )]))
            }
        }
    }

    async fn log_in(&self, version: ApiVersion, url: &str) -> Result<Reply, VimError> {
        let url = self.own(url)?;
        let secret = Secret::read(&self.connector.secret)
            .map_err(|error| VimError::Refused(vec![error.to_string()]))?;
        let (user, org) = (&self.connector.user, &self.connector.org);
        let basic = STANDARD.encode(format!("{user}@{org}:{}", secret.text()));
        // A login may be sent twice without harm.
        let ask = || async {
            let exchange = Exchange {
                method: Method::POST,
                url: url.clone(),
                query: &[],
                headers: vec![
                    ("accept", version.accept()),
                    ("authorization", format!("Basic {basic}")),
                ],
                body: None,
                media: "application/xml",
            };
            match self.http.send(exchange).await {
                Ok(reply) if reply.is_success() => Ok(Ok(reply)),
                Ok(reply) => Err(unreadable(&of_reply(&reply))),
                Err(silence) => Err(silence.into()),
            }
        };
        self.attempts.until(ask).await
    }

    /// The organisation of whoever logged in.
    async fn organisation(&self, login: &Reply, pass: &Pass) -> Result<Org, VimError> {
        let name = &self.connector.org;
        let direct = match pass.version {
            ApiVersion::V1_0 => None,
            _ => {
                let session = LoggedIn::decode(&login.body).map_err(unread)?;
                let mut own = Link::of_kind(&session.links, "org");
                let own = own.find(|link| link.name.as_deref() == Some(name));
                match own {
                    Some(own) => Some(own.href.clone()),
                    None => {
                        let list = Link::of_kind(&session.links, "orgList").next();
                        let list = list.ok_or_else(|| no_link("a session", "orgList"))?;
                        let list: OrgList = self.read_as(&list.href, Some(pass)).await?;
                        Some(named(&list, name)?)
                    }
                }
            }
        };
        let href = match direct {
            Some(href) => href,
            None => named(&OrgList::decode(&login.body).map_err(unread)?, name)?,
        };
        self.read_as(&href, Some(pass)).await
    }

    /// An address of the cloud's, if it leads to where the connector points: the session goes with each request.
    fn own(&self, href: &str) -> Result<String, VimError> {
        let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
        let here = origin(&self.connector.versions);
        match origin(href) {
            Some(there) if Some(&there) == here.as_ref() => Ok(href.to_owned()),
            _ => Err(VimError::Refused(vec![format!(
                "vCloud: the address {href} leads elsewhere than the connector's url"
            )])),
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Why there is nothing to read.
    pub async fn read<D: Document>(&self, href: &str) -> Result<D, VimError> {
        let found = self.read_if_there(href).await?;
        found.ok_or_else(|| VimError::Refused(vec![format!("vCloud: there is nothing at {href}")]))
    }

    /// The same; `None`: the cloud says that it is not there, or is another's.
    ///
    /// # Errors
    /// Why there is nothing to read.
    pub async fn read_if_there<D: Document>(&self, href: &str) -> Result<Option<D>, VimError> {
        match self.fetch(href).await? {
            Some(reply) => D::decode(&reply.body).map(Some).map_err(unread),
            None => Ok(None),
        }
    }

    /// The same, as it comes.
    ///
    /// # Errors
    /// Why there is nothing to read.
    pub async fn fetch(&self, href: &str) -> Result<Option<Reply>, VimError> {
        let ask = Ask::get(href);
        let read = || async {
            let reply = self.ask(&ask).await.map_err(nothing_done)?;
            if reply.is_success() {
                return Ok(Ok(Some(reply)));
            }
            let told = of_reply(&reply);
            match is_missing(&told) {
                true => Ok(Ok(None)),
                false => Err(unreadable(&told)),
            }
        };
        self.attempts.until(read).await
    }

    /// Changes something, once; the inner error is the cloud's own.
    ///
    /// # Errors
    /// `Down`: it did not reach the cloud; `Unknown`: it may have.
    pub async fn change(&self, ask: &Ask) -> Result<Result<Reply, VcloudError>, VimError> {
        let reply = self.ask(ask).await?;
        Ok(match reply.is_success() {
            true => Ok(reply),
            false => Err(of_reply(&reply)),
        })
    }

    /// One request with a session, whatever its answer; repeated only where the session had ended, so that the cloud
    /// did nothing.
    async fn ask(&self, ask: &Ask) -> Result<Reply, VimError> {
        let mut renewed = false;
        loop {
            let session = self.session().await?;
            let reply = self.once(ask, Some(&session.pass())).await?;
            let ended = match reply.status {
                401 => true,
                // Some say so of a session that ended, and of what is not there or another's: then it is no use.
                403 => !is_missing(&of_reply(&reply)),
                _ => false,
            };
            if !ended || renewed {
                return Ok(reply);
            }
            renewed = true;
            self.forget(&session).await;
        }
    }

    /// Reads while there is no session yet, once or with a pass.
    async fn read_as<D: Document>(&self, href: &str, pass: Option<&Pass>) -> Result<D, VimError> {
        let ask = Ask::get(href);
        let read = || async {
            let reply = self.once(&ask, pass).await?;
            if reply.is_success() {
                return Ok(D::decode(&reply.body).map_err(unread));
            }
            Err(match unreadable(&of_reply(&reply)) {
                VimError::Refused(_) => {
                    let line = format!("{}: {href}", words(&of_reply(&reply)));
                    VimError::Refused(vec![line])
                }
                broken => broken,
            })
        };
        self.attempts.until(read).await
    }

    async fn once(&self, ask: &Ask, pass: Option<&Pass>) -> Result<Reply, VimError> {
        let version = pass.map_or(ApiVersion::V1_0, |pass| pass.version);
        let accept = match pass {
            Some(_) => version.accept(),
            None => "*/*".to_owned(),
        };
        let mut headers = vec![("accept", accept)];
        headers.extend(pass.map(|pass| (HEADER, pass.token.text())));
        let exchange = Exchange {
            method: ask.method.clone(),
            url: self.own(&ask.href)?,
            query: &[],
            headers,
            body: ask.body.encode(version),
            media: ask.body.media(),
        };
        Ok(self.http.send(exchange).await?)
    }
}

/// The organisation of a name.
fn named(list: &OrgList, name: &str) -> Result<String, VimError> {
    let mut orgs = list.orgs.iter();
    let found = orgs.find(|org| org.name.as_deref() == Some(name));
    let found = found.ok_or_else(|| {
        VimError::Refused(vec![format!(
            "vCloud: whoever logged in sees no organisation {name}"
        )])
    })?;
    Ok(found.href.clone())
}

/// A document without a link that it should have.
pub fn no_link(of: &str, link: &str) -> VimError {
    VimError::Refused(vec![format!("vCloud: {of} without a link to {link}")])
}

/// An answer that is not the document expected.
pub fn unread(error: DecodeError) -> VimError {
    VimError::Unknown(format!("vCloud: {error}"))
}
