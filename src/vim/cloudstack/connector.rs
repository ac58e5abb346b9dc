//! What is configured of one CloudStack.

use std::path::PathBuf;

use crate::model::connector::{ConnectorSpec, SecretRef};
use crate::proto::cloudstack::Format;
use crate::vim_http::{ConnectorError, Properties, Secret, plain_url};

/// Kind of connector.
const KIND: &str = "CLOUDSTACK";
/// Where the API is, below an address that names a host alone.
const PATH: &str = "/client/api";
/// Properties whose value would be a secret.
const SECRETS: [&str; 4] = ["secret", "secret_key", "secretkey", "password"];

/// How commands are signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SignatureVersion {
    /// For ever.
    One,
    /// With a time at which they expire.
    #[default]
    Three,
}

/// How commands are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Method {
    /// What changes something by POST, the rest by GET.
    #[default]
    Auto,
    /// All by GET.
    Get,
    /// All by POST.
    Post,
}

/// One cloud.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connector {
    /// Its id.
    pub id: String,
    /// The API's address, `http://.../client/api`.
    pub url: String,
    /// The API key of the user.
    pub api_key: String,
    /// Where its secret key stands.
    pub secret: SecretRef,
    /// The user's account: VMs of this tenant are its own.
    pub account: Option<String>,
    /// Zone of VMs, templates and networks, by name or id; the only one when there is one.
    pub zone: Option<String>,
    /// How the cloud shall answer.
    pub format: Format,
    /// How commands are signed.
    pub signature: SignatureVersion,
    /// How they are sent.
    pub method: Method,
    /// Certificates to trust besides the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// False: any certificate is taken.
    pub verify: bool,
    /// Whether a VM that is removed is expunged at once.
    pub expunge: bool,
    /// Kind of network to make, by name or id; the first isolated one that is enabled.
    pub network_offering: Option<String>,
    /// Offering of the one volume that a VM may have, by name or id.
    pub disk_offering: Option<String>,
    /// Hypervisor of templates that are registered.
    pub hypervisor: String,
    /// Kind of operating system of templates that are registered, by id.
    pub os_type: Option<String>,
    /// MHz of each processor of service offerings that are made.
    pub cpu_speed: u64,
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
            "the secret key (password-file or password-environment)",
        ))?;
        // One that cannot be read now is told now; it is read again for each command.
        Secret::read(&secret)?;
        let url = configured.url.ok_or(ConnectorError::Missing("url"))?;
        let connector = Self {
            id: configured.id,
            url: api(&url)?,
            api_key: configured
                .user
                .ok_or(ConnectorError::Missing("user (the API key)"))?,
            secret,
            account: configured.tenant,
            zone: take.text("zone"),
            format: match take.one_of("response", &["json", "xml"])? {
                Some("xml") => Format::Xml,
                _ => Format::Json,
            },
            signature: match take.one_of("signature_version", &["1", "3"])? {
                Some("1") => SignatureVersion::One,
                _ => SignatureVersion::Three,
            },
            method: match take.one_of("http_method", &["auto", "get", "post"])? {
                Some("get") => Method::Get,
                Some("post") => Method::Post,
                _ => Method::Auto,
            },
            ca_file: take.text("ca_file").map(PathBuf::from),
            verify: take.boolean("verify")?.unwrap_or(true),
            expunge: take.boolean("expunge")?.unwrap_or(true),
            network_offering: take.text("network_offering"),
            disk_offering: take.text("disk_offering"),
            hypervisor: take.text("hypervisor").unwrap_or_else(|| "KVM".to_owned()),
            os_type: take.text("os_type_id"),
            cpu_speed: take.number("cpu_speed")?.unwrap_or(1_000),
            landing_bound_ms: take.number("landing_bound_ms")?,
        };
        take.end()?;
        Ok(connector)
    }
}

/// The API's address; one that names a host alone gets the usual path.
fn api(url: &str) -> Result<String, ConnectorError> {
    let url = plain_url("url", url)?;
    let bad = |why: &str| ConnectorError::Bad {
        name: "url".to_owned(),
        why: why.to_owned(),
    };
    let parsed = reqwest::Url::parse(&url).map_err(|error| bad(&error.to_string()))?;
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(bad("an address without query and fragment is wanted"));
    }
    Ok(match parsed.path() {
        "" | "/" => format!("{url}{PATH}"),
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
            url: Some("http://127.0.0.1:8080/".to_owned()),
            user: Some("key".to_owned()),
            // one that every environment of a test has
            secret: Some(SecretRef::Environment("CARGO_PKG_NAME".to_owned())),
            tenant: None,
            properties: properties.iter().map(owned).collect(),
        }
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let connector = Connector::new(configured(&[])).unwrap();
        assert_eq!(connector.url, "http://127.0.0.1:8080/client/api");
        assert_eq!(connector.format, Format::Json);
        assert_eq!(connector.signature, SignatureVersion::Three);
        assert!(connector.verify && connector.expunge);
        let elsewhere = ConnectorSpec {
            url: Some("https://cloud/compute/api".to_owned()),
            ..configured(&[("response", "xml"), ("signature_version", "1")])
        };
        let connector = Connector::new(elsewhere).unwrap();
        assert_eq!(connector.url, "https://cloud/compute/api");
        assert_eq!(connector.format, Format::Xml);
        assert_eq!(connector.signature, SignatureVersion::One);
    }

    #[test]
    fn what_cannot_be_is_told_and_no_secret_stands_in_the_configuration() {
        let no = |spec: ConnectorSpec| Connector::new(spec).unwrap_err().to_string();
        assert_eq!(
            no(configured(&[("zonne", "z")])),
            "'zonne' is not a property of a CLOUDSTACK connector"
        );
        let shown = no(configured(&[("secret_key", "hidden-word")]));
        assert!(shown.contains("secret_key") && !shown.contains("hidden-word"));
        assert!(no(configured(&[("signature_version", "2")])).contains("none of 1, 3"));
        let unsigned = ConnectorSpec {
            secret: None,
            ..configured(&[])
        };
        assert!(no(unsigned).starts_with("the secret key"));
        let keyless = ConnectorSpec {
            user: None,
            ..configured(&[])
        };
        assert_eq!(no(keyless), "user (the API key) is missing");
        let query = ConnectorSpec {
            url: Some("http://cloud/client/api?command=x".to_owned()),
            ..configured(&[])
        };
        assert!(no(query).contains("without query"));
    }
}
