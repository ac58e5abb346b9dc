//! What is configured of one vCloud.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::map::Size;
use crate::model::connector::{ConnectorSpec, SecretRef};
use crate::proto::vcloud::ApiVersion;
use crate::vim_http::{ConnectorError, Properties, Secret, plain_url};

/// Kind of connector.
const KIND: &str = "VCLOUD";
/// Where versions are told, below an address that names a host alone: the one address that is not a link's.
const PATH: &str = "/api/versions";
/// Properties whose value would be a secret.
const SECRETS: [&str; 2] = ["password", "secret"];

/// One cloud.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connector {
    /// Its id.
    pub id: String,
    /// Where the versions are told, `https://.../api/versions`.
    pub versions: String,
    /// The user, without the organisation.
    pub user: String,
    /// The organisation.
    pub org: String,
    /// Where the password stands.
    pub secret: SecretRef,
    /// The version to speak; the newest that both sides know.
    pub version: Option<ApiVersion>,
    /// Data centre of VMs, by name; the only one when there is one.
    pub vdc: Option<String>,
    /// Catalog of templates, by name; all of them when none is named.
    pub catalog: Option<String>,
    /// Sizes by the names of flavors.
    pub flavors: BTreeMap<String, Size>,
    /// How an interface that asks for no address gets one: `POOL` or `DHCP`.
    pub ip_mode: &'static str,
    /// Seconds a vApp may run; 0 for ever, the organisation's own when none are said.
    pub lease_seconds: Option<u64>,
    /// Whether the licences of templates are agreed to.
    pub accept_eulas: bool,
    /// Certificates to trust besides the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// False: any certificate is taken.
    pub verify: bool,
    /// How long a lost create may take to appear, in ms, instead of the driver's setting.
    pub landing_bound_ms: Option<u64>,
}

impl Connector {
    /// Reads what is configured.
    ///
    /// # Errors
    /// What is missing, wrong, or not known; a secret that cannot be read.
    pub fn new(configured: ConnectorSpec) -> Result<Self, ConnectorError> {
        let mut take = Properties::new(KIND, configured.properties);
        if let Some(name) = SECRETS.iter().find(|name| take.has(name)) {
            return Err(ConnectorError::PlainSecret((*name).to_owned()));
        }
        let secret = configured.secret.ok_or(ConnectorError::Missing(
            "the password (password-file or password-environment)",
        ))?;
        // One that cannot be read now is told now; it is read again for each login.
        Secret::read(&secret)?;
        let url = configured.url.ok_or(ConnectorError::Missing("url"))?;
        let user = configured.user.ok_or(ConnectorError::Missing("user"))?;
        let (user, org) = match (user.rsplit_once('@'), configured.tenant) {
            (Some((user, org)), None) => (user.to_owned(), org.to_owned()),
            (Some((plain, org)), Some(tenant)) if org == tenant => (plain.to_owned(), tenant),
            (_, Some(tenant)) => (user, tenant),
            (None, None) => return Err(ConnectorError::Missing("tenant (the organisation)")),
        };
        if user.contains(':') {
            return Err(bad("user", "a user's name holds no colon"));
        }
        let versions: Vec<&'static str> = ApiVersion::ALL.map(ApiVersion::as_str).into();
        let connector = Self {
            id: configured.id,
            versions: entry(&url)?,
            user,
            org,
            secret,
            version: take
                .one_of("api_version", &versions)?
                .and_then(ApiVersion::parse),
            vdc: take.text("vdc"),
            catalog: take.text("catalog"),
            flavors: flavors(take.text("flavors").as_deref())?,
            ip_mode: take.one_of("ip_mode", &["POOL", "DHCP"])?.unwrap_or("POOL"),
            lease_seconds: take.number("lease_seconds")?,
            accept_eulas: take.boolean("accept_eulas")?.unwrap_or(false),
            ca_file: take.text("ca_file").map(PathBuf::from),
            verify: take.boolean("verify")?.unwrap_or(true),
            landing_bound_ms: take.number("landing_bound_ms")?,
        };
        take.end()?;
        Ok(connector)
    }
}

fn bad(name: &str, why: impl Into<String>) -> ConnectorError {
    ConnectorError::Bad {
        name: name.to_owned(),
        why: why.into(),
    }
}

/// `m1.tiny=1x512 m1.small=1x2048`.
fn flavors(text: Option<&str>) -> Result<BTreeMap<String, Size>, ConnectorError> {
    let words = text.unwrap_or_default().split_whitespace();
    let one = |word: &str| {
        let (name, size) = word.split_once('=')?;
        Some((name.to_owned(), size.parse().ok()?))
    };
    words
        .map(|word| {
            let why = || format!("'{word}' is not name=CPUSxMEGABYTES");
            one(word).ok_or_else(|| bad("flavors", why()))
        })
        .collect()
}

/// Where the versions are told.
fn entry(url: &str) -> Result<String, ConnectorError> {
    let url = plain_url("url", url)?;
    let parsed = reqwest::Url::parse(&url).map_err(|error| bad("url", error.to_string()))?;
    if parsed.query().is_some() || parsed.fragment().is_some() {
        let why = "an address without query and fragment is wanted";
        return Err(bad("url", why));
    }
    Ok(match parsed.path() {
        "" | "/" => format!("{url}{PATH}"),
        path if path.ends_with("/api") => format!("{url}/versions"),
        _ => url,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(properties: &[(&str, &str)]) -> ConnectorSpec {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ConnectorSpec {
            id: "cloud".to_owned(),
            kind: KIND.to_owned(),
            url: Some("https://vcloud.example.com/".to_owned()),
            user: Some("maker".to_owned()),
            // one that every environment of a test has
            secret: Some(SecretRef::Environment("CARGO_PKG_NAME".to_owned())),
            tenant: Some("acme".to_owned()),
            properties: properties.iter().map(owned).collect(),
        }
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let connector = Connector::new(configured(&[])).unwrap();
        assert_eq!(
            connector.versions,
            "https://vcloud.example.com/api/versions"
        );
        assert_eq!((connector.version, connector.ip_mode), (None, "POOL"));
        assert!(connector.verify && !connector.accept_eulas && connector.lease_seconds.is_none());
        for (url, versions) in [
            ("https://c/api", "https://c/api/versions"),
            ("https://c/api/", "https://c/api/versions"),
            (
                "https://c/cloud/api/versions",
                "https://c/cloud/api/versions",
            ),
        ] {
            let elsewhere = ConnectorSpec {
                url: Some(url.to_owned()),
                ..configured(&[])
            };
            assert_eq!(Connector::new(elsewhere).unwrap().versions, versions);
        }
    }

    #[test]
    fn a_user_may_bring_the_organisation() {
        for (user, tenant, wanted) in [
            ("maker", Some("acme"), Some(("maker", "acme"))),
            ("maker@acme", None, Some(("maker", "acme"))),
            ("maker@acme", Some("acme"), Some(("maker", "acme"))),
            (
                "m@example.com",
                Some("acme"),
                Some(("m@example.com", "acme")),
            ),
            ("maker", None, None),
        ] {
            let spec = ConnectorSpec {
                user: Some(user.to_owned()),
                tenant: tenant.map(str::to_owned),
                ..configured(&[])
            };
            let read = Connector::new(spec).ok();
            let read = read.map(|read| (read.user, read.org));
            let wanted = wanted.map(|(user, org)| (user.to_owned(), org.to_owned()));
            assert_eq!(read, wanted, "{user} {tenant:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (name, value) in [
            ("api_version", "0.8"),
            ("flavors", "m1.tiny"),
            ("flavors", "m1.tiny=1"),
            ("flavors", "m1.tiny=0x512"),
            ("ip_mode", "MANUAL"),
            ("lease_seconds", "long"),
            ("verify", "yes"),
            ("password", "x"),
            ("color", "red"),
        ] {
            let read = Connector::new(configured(&[(name, value)]));
            let error = read.unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
            assert!(name != "password" || !error.contains('x'), "{error}");
        }
        let read = Connector::new(configured(&[("flavors", "a=1x512  b.c=16x65536")])).unwrap();
        let size = read.flavors.get("b.c").unwrap();
        assert_eq!((size.cpus, size.memory_mb), (16, 65_536));
        let colon = ConnectorSpec {
            user: Some("a:b".to_owned()),
            ..configured(&[])
        };
        assert!(Connector::new(colon).is_err());
    }
}
