//! A token, where its catalog says the services are, and the microversion agreed with Nova.

use std::time::Duration;

use super::connector::Connector;
use crate::clock::{Mono, Timestamp};
use crate::proto::nova::{Microversion, Token};

/// Highest microversion the driver is written for.
pub const HIGHEST: Microversion = Microversion::new(2, 93);

/// A service of the catalog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// Keystone.
    Identity,
    /// Nova.
    Compute,
    /// Glance.
    Image,
    /// Neutron.
    Network,
}

impl Service {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "Keystone",
            Self::Compute => "Nova",
            Self::Image => "Glance",
            Self::Network => "Neutron",
        }
    }

    fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Identity => &["identity"],
            Self::Compute => &["compute", "compute_legacy"],
            Self::Image => &["image"],
            Self::Network => &["network"],
        }
    }

    /// The version that paths stand behind; Nova's address has it already.
    fn version(self) -> &'static str {
        match self {
            Self::Identity => "v3",
            Self::Compute => "",
            Self::Image => "v2",
            Self::Network => "v2.0",
        }
    }
}

/// A token and what comes with it.
#[derive(Clone, Debug)]
pub struct Session {
    /// The token's id: a secret.
    pub token: super::connector::Secret,
    /// When it is to be replaced.
    pub until: Mono,
    /// Project it is for.
    pub project: String,
    /// That project's name.
    pub project_name: String,
    /// Whose it is.
    pub user: String,
    /// Ids of its roles.
    pub roles: Vec<String>,
    /// Whether it is an administrator's.
    pub admin: bool,
    /// Agreed with Nova; `None` for a Nova without microversions.
    pub microversion: Option<Microversion>,
    identity: String,
    compute: Option<String>,
    image: Option<String>,
    network: Option<String>,
}

impl Session {
    /// From the answer to a login at `now`.
    pub fn new(
        connector: &Connector,
        id: String,
        token: Token,
        now: Mono,
        margin: Duration,
    ) -> Self {
        let address = |service| address(connector, &token, service);
        let compute = connector
            .compute_url
            .clone()
            .or_else(|| address(Service::Compute));
        Self {
            identity: connector.url.clone(),
            compute,
            image: address(Service::Image),
            network: address(Service::Network),
            until: now + lifetime(&token).saturating_sub(margin),
            project_name: token
                .project
                .as_ref()
                .and_then(|project| project.name.clone())
                .unwrap_or_default(),
            project: token
                .project
                .and_then(|project| project.id)
                .unwrap_or_default(),
            user: token.user.map(|user| user.id).unwrap_or_default(),
            admin: token.roles.iter().any(|role| role.name == "admin"),
            roles: token.roles.into_iter().map(|role| role.id).collect(),
            microversion: None,
            token: super::connector::Secret::new(id),
        }
    }

    /// Where a service is, with its version.
    pub fn base(&self, service: Service) -> Option<&str> {
        match service {
            Service::Identity => Some(&self.identity),
            Service::Compute => self.compute.as_deref(),
            Service::Image => self.image.as_deref(),
            Service::Network => self.network.as_deref(),
        }
    }

    /// Where Nova tells its versions, and whether it is of the kind that has microversions.
    pub fn compute_version_url(&self) -> Option<(String, bool)> {
        let base = self.compute.as_deref()?;
        let at = |version: &str| {
            let end = base.find(version)? + version.len();
            let whole = matches!(base.as_bytes().get(end), None | Some(b'/'));
            base.get(..end)
                .filter(|_| whole)
                .map(|root| format!("{root}/"))
        };
        match (at("/v2.1"), at("/v2")) {
            (Some(root), _) => Some((root, true)),
            (None, Some(root)) => Some((root, false)),
            (None, None) => Some((format!("{base}/"), true)),
        }
    }
}

/// How long a token lives, by the clock that made it: ours may go wrong without harm.
fn lifetime(token: &Token) -> Duration {
    let read = |text: &str| text.parse::<Timestamp>().ok();
    match (read(&token.issued_at), read(&token.expires_at)) {
        (Some(issued), Some(expires)) => expires.since(issued),
        _ => Duration::from_secs(300),
    }
}

fn address(connector: &Connector, token: &Token, service: Service) -> Option<String> {
    let endpoints = token
        .catalog
        .iter()
        .filter(|entry| service.kinds().contains(&entry.kind.as_str()))
        .flat_map(|entry| &entry.endpoints);
    let here = |region: &Option<String>| region.as_deref() == Some(&connector.region);
    let endpoint = endpoints
        .filter(|endpoint| endpoint.interface == connector.interface)
        .find(|endpoint| {
            connector.region.is_empty() || here(&endpoint.region) || here(&endpoint.region_id)
        })?;
    let url = endpoint.url.trim_end_matches('/');
    let version = service.version();
    let last = url.rsplit('/').next().unwrap_or_default();
    let versioned = version.is_empty() || last.starts_with('v') && last.len() <= 5;
    Some(match versioned {
        true => url.to_owned(),
        false => format!("{url}/{version}"),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::connector::{ConnectorSpec, SecretRef};
    use crate::proto::nova::{CatalogEntry, Endpoint};

    fn connector(region: &str) -> Connector {
        Connector::new(ConnectorSpec {
            id: "c".to_owned(),
            kind: "OPENSTACK".to_owned(),
            url: Some("http://k:5000".to_owned()),
            user: Some("u".to_owned()),
            tenant: Some("t".to_owned()),
            secret: Some(SecretRef::Environment("CARGO_PKG_NAME".to_owned())),
            properties: BTreeMap::from([("os_region_name".to_owned(), region.to_owned())]),
        })
        .unwrap()
    }

    fn token(entries: &[(&str, &str, &str, &str)]) -> Token {
        let entry = |(kind, interface, region, url): &(&str, &str, &str, &str)| CatalogEntry {
            kind: (*kind).to_owned(),
            endpoints: vec![Endpoint {
                interface: (*interface).to_owned(),
                region: Some((*region).to_owned()),
                url: (*url).to_owned(),
                ..Endpoint::default()
            }],
            ..CatalogEntry::default()
        };
        Token {
            issued_at: "2026-11-22T05:00:00.000000Z".to_owned(),
            expires_at: "2026-11-22T06:00:00.000000Z".to_owned(),
            catalog: entries.iter().map(entry).collect(),
            ..Token::default()
        }
    }

    fn session(region: &str, token: Token) -> Session {
        let margin = Duration::from_secs(60);
        Session::new(
            &connector(region),
            "id".to_owned(),
            token,
            Duration::from_secs(7),
            margin,
        )
    }

    #[test]
    fn services_are_where_the_catalog_says() {
        let session = session(
            "two",
            token(&[
                ("compute", "public", "one", "http://one:8774/v2.1"),
                ("compute", "internal", "two", "http://inside:8774/v2.1"),
                ("compute", "public", "two", "http://two:8774/v2.1/"),
                ("image", "public", "two", "http://two:9292"),
                ("network", "public", "two", "http://two:9696/v2.0"),
            ]),
        );
        assert_eq!(session.base(Service::Compute), Some("http://two:8774/v2.1"));
        assert_eq!(session.base(Service::Image), Some("http://two:9292/v2"));
        assert_eq!(session.base(Service::Network), Some("http://two:9696/v2.0"));
        assert_eq!(session.base(Service::Identity), Some("http://k:5000/v3"));
        assert_eq!(session.until, Duration::from_secs(7 + 3540));
    }

    #[test]
    fn the_legacy_form_has_no_microversions() {
        for (url, root, micro) in [
            ("http://n:8774/v2.1", "http://n:8774/v2.1/", true),
            ("http://n:8774/v2.1/bb46ff", "http://n:8774/v2.1/", true),
            ("http://n:8774/v2/bb46ff", "http://n:8774/v2/", false),
            ("http://n/compute", "http://n/compute/", true),
        ] {
            let session = session("", token(&[("compute", "public", "r", url)]));
            assert_eq!(
                session.compute_version_url(),
                Some((root.to_owned(), micro)),
                "{url}"
            );
        }
        assert_eq!(session("", token(&[])).compute_version_url(), None);
    }
}
