//! What is configured of one OpenStack cloud, and its secret, which is read where the configuration points to.

use std::path::PathBuf;

use super::error::OpenstackError;
use crate::model::connector::{ConnectorSpec, SecretRef};
use crate::proto::nova::{
    ApplicationCredential, Auth, AuthDocument, DomainRef, Identity, PasswordMethod, ProjectRef,
    Scope, UserRef,
};
pub use crate::vim_http::Secret;
use crate::vim_http::{Properties, plain_url};

/// How the driver shows who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credential {
    /// A user's name and password.
    Password {
        /// Name.
        user: String,
        /// Where the password stands.
        password: SecretRef,
    },
    /// An application credential; its project is its own.
    Application {
        /// Id.
        id: String,
        /// Where its secret stands.
        secret: SecretRef,
    },
}

/// What a 404 after a delete is taken for when nothing proves that the guest is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UnprovenGone {
    /// Nobody knows: no replacement before there is proof; at the engine's limit a person decides.
    #[default]
    Wait,
    /// Gone. For clouds whose operators fence every host before its service is down.
    Trust,
}

/// One cloud.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connector {
    /// Its id.
    pub id: String,
    /// Keystone's address, `http://.../v3`.
    pub url: String,
    /// Who.
    pub credential: Credential,
    /// Domain of the user: its name, or its id with `id:` before it.
    pub user_domain: String,
    /// Project, by name.
    pub project: String,
    /// Domain of the project, as that of the user.
    pub project_domain: String,
    /// Region; any when empty.
    pub region: String,
    /// Which of a service's addresses: `public`, `internal`, `admin`.
    pub interface: String,
    /// Where Nova is, instead of where the catalog says.
    pub compute_url: Option<String>,
    /// Certificates to trust besides the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// False: any certificate is taken.
    pub verify: bool,
    /// What a bare 404 means.
    pub unproven_gone: UnprovenGone,
    /// Physical network for networks with a VLAN.
    pub physical_network: Option<String>,
    /// Zone of new servers.
    pub availability_zone: Option<String>,
    /// Whether new servers have a configuration drive.
    pub config_drive: bool,
    /// How long a lost create may take to appear, in ms, instead of the driver's setting.
    pub landing_bound_ms: Option<u64>,
}

/// Properties whose value would be a secret.
const SECRETS: [&str; 4] = [
    "os_password",
    "password",
    "secret",
    "os_application_credential_secret",
];

impl Connector {
    /// Reads what is configured.
    ///
    /// # Errors
    /// What is missing, wrong, or not known; a secret that cannot be read.
    pub fn new(configured: ConnectorSpec) -> Result<Self, OpenstackError> {
        let mut take = Properties::new("OPENSTACK", configured.properties);
        if let Some(name) = SECRETS.iter().find(|name| take.has(name)) {
            return Err(OpenstackError::PlainSecret((*name).to_owned()));
        }
        let url = configured.url.or_else(|| take.text("os_auth_url"));
        let user = configured.user.or_else(|| take.text("os_username"));
        let project = configured
            .tenant
            .or_else(|| take.text("os_project_name"))
            .or_else(|| take.text("os_tenant_name"));
        let secret = configured.secret.ok_or(OpenstackError::Missing(
            "the secret (password-file or password-environment)",
        ))?;
        // One that cannot be read now is told now; it is read again at each login.
        Secret::read(&secret)?;
        let application = take.text("application_credential_id");
        let (credential, project) = match application {
            Some(id) => (
                Credential::Application { id, secret },
                project.unwrap_or_default(),
            ),
            None => (
                Credential::Password {
                    user: user.ok_or(OpenstackError::Missing("user"))?,
                    password: secret,
                },
                project.ok_or(OpenstackError::Missing("tenant"))?,
            ),
        };
        let domain = |text: Option<String>| text.unwrap_or_else(|| "Default".to_owned());
        let connector = Self {
            id: configured.id,
            url: keystone(&url.ok_or(OpenstackError::Missing("url"))?)?,
            credential,
            user_domain: domain(take.text("os_user_domain_name")),
            project,
            project_domain: domain(take.text("os_project_domain_name")),
            region: take.text("os_region_name").unwrap_or_default(),
            interface: take
                .one_of("interface", &["public", "internal", "admin"])?
                .unwrap_or("public")
                .to_owned(),
            compute_url: take
                .text("compute_url")
                .map(|url| plain_url("compute_url", &url))
                .transpose()?,
            ca_file: take.text("ca_file").map(PathBuf::from),
            verify: take.boolean("verify")?.unwrap_or(true),
            unproven_gone: match take.one_of("unproven_gone", &["wait", "trust"])? {
                Some("trust") => UnprovenGone::Trust,
                _ => UnprovenGone::Wait,
            },
            physical_network: take.text("physical_network"),
            availability_zone: take.text("availability_zone"),
            config_drive: take.boolean("config_drive")?.unwrap_or(true),
            landing_bound_ms: take.number("landing_bound_ms")?,
        };
        // What clients of other controllers write beside it, and what follows from version 3.
        match take.text("os_identity_api_version").as_deref() {
            None | Some("3") => {}
            Some(_) => {
                return Err(OpenstackError::Bad {
                    name: "os_identity_api_version".to_owned(),
                    why: "only version 3 is spoken".to_owned(),
                });
            }
        }
        take.end()?;
        Ok(connector)
    }

    /// The login; `project`: by id, another than the connector's own.
    ///
    /// # Errors
    /// When the secret cannot be read.
    pub fn login(&self, project: Option<&str>) -> Result<AuthDocument, OpenstackError> {
        let (identity, scope) = match &self.credential {
            Credential::Password { user, password } => {
                let user = UserRef {
                    name: Some(user.clone()),
                    domain: Some(domain_ref(&self.user_domain)),
                    password: Some(Secret::read(password)?.text()),
                    ..UserRef::default()
                };
                let identity = Identity {
                    methods: vec!["password".to_owned()],
                    password: Some(PasswordMethod { user }),
                    ..Identity::default()
                };
                let project = match project {
                    Some(id) => ProjectRef {
                        id: Some(id.to_owned()),
                        ..ProjectRef::default()
                    },
                    None => ProjectRef {
                        id: None,
                        name: Some(self.project.clone()),
                        domain: Some(domain_ref(&self.project_domain)),
                    },
                };
                (identity, Some(Scope::Project { project }))
            }
            Credential::Application { id, secret } => {
                let credential = ApplicationCredential {
                    id: Some(id.clone()),
                    name: None,
                    user: None,
                    secret: Secret::read(secret)?.text(),
                };
                let identity = Identity {
                    methods: vec!["application_credential".to_owned()],
                    application_credential: Some(credential),
                    ..Identity::default()
                };
                (identity, None)
            }
        };
        Ok(AuthDocument {
            auth: Auth { identity, scope },
        })
    }
}

fn domain_ref(text: &str) -> DomainRef {
    match text.strip_prefix("id:") {
        Some(id) => DomainRef {
            id: Some(id.to_owned()),
            name: None,
        },
        None => DomainRef {
            id: None,
            name: Some(text.to_owned()),
        },
    }
}

/// Keystone's address with its version.
fn keystone(url: &str) -> Result<String, OpenstackError> {
    let url = plain_url("url", url)?;
    match url.rsplit('/').next() {
        Some("v3") => Ok(url),
        Some("v2.0") => Err(OpenstackError::Bad {
            name: "url".to_owned(),
            why: "only version 3 of the identity service is spoken".to_owned(),
        }),
        _ => Ok(format!("{url}/v3")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A secret that every environment of a test has.
    fn secret() -> Option<SecretRef> {
        Some(SecretRef::Environment("CARGO_PKG_NAME".to_owned()))
    }

    fn configured(properties: &[(&str, &str)]) -> ConnectorSpec {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ConnectorSpec {
            id: "cloud".to_owned(),
            kind: "OPENSTACK".to_owned(),
            url: Some("http://127.0.0.1:5000/".to_owned()),
            user: Some("admin".to_owned()),
            tenant: Some("admin".to_owned()),
            secret: secret(),
            properties: properties.iter().map(owned).collect(),
        }
    }

    #[test]
    fn a_connector_is_read_with_its_defaults() {
        let connector = Connector::new(configured(&[])).unwrap();
        assert_eq!(connector.url, "http://127.0.0.1:5000/v3");
        assert_eq!(connector.unproven_gone, UnprovenGone::Wait);
        assert!(connector.verify && connector.config_drive);
        let login = serde_json::to_value(connector.login(None).unwrap()).unwrap();
        assert_eq!(login["auth"]["scope"]["project"]["name"], "admin");
        assert_eq!(
            login["auth"]["identity"]["password"]["user"]["domain"]["name"],
            "Default"
        );
        let other = serde_json::to_value(connector.login(Some("p1")).unwrap()).unwrap();
        assert_eq!(
            other["auth"]["scope"]["project"],
            serde_json::json!({"id": "p1"})
        );
    }

    #[test]
    fn names_that_other_clients_use_are_taken() {
        let all = ConnectorSpec {
            url: None,
            user: None,
            tenant: None,
            ..configured(&[
                ("os_auth_url", "https://keystone/identity"),
                ("os_username", "u"),
                ("os_tenant_name", "t"),
                ("os_identity_api_version", "3"),
                ("os_user_domain_name", "id:default"),
                ("os_region_name", "RegionOne"),
                ("unproven_gone", "trust"),
                ("verify", "false"),
            ])
        };
        let connector = Connector::new(all).unwrap();
        assert_eq!(connector.url, "https://keystone/identity/v3");
        assert_eq!(
            (&*connector.project, &*connector.region),
            ("t", "RegionOne")
        );
        assert_eq!(connector.unproven_gone, UnprovenGone::Trust);
        let login = serde_json::to_value(connector.login(None).unwrap()).unwrap();
        assert_eq!(
            login["auth"]["identity"]["password"]["user"]["domain"]["id"],
            "default"
        );
    }

    #[test]
    fn an_application_credential_has_its_own_scope() {
        let connector = Connector::new(configured(&[("application_credential_id", "c")])).unwrap();
        let login = serde_json::to_value(connector.login(None).unwrap()).unwrap();
        assert_eq!(login["auth"].get("scope"), None);
        assert_eq!(
            login["auth"]["identity"]["application_credential"]["id"],
            "c"
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let why = |configured: ConnectorSpec| Connector::new(configured).unwrap_err().to_string();
        let none = configured(&[]);
        assert_eq!(
            why(ConnectorSpec {
                url: None,
                ..none.clone()
            }),
            "url is missing"
        );
        assert_eq!(
            why(ConnectorSpec {
                user: None,
                ..none.clone()
            }),
            "user is missing"
        );
        assert_eq!(
            why(ConnectorSpec {
                tenant: None,
                ..none.clone()
            }),
            "tenant is missing"
        );
        assert!(
            why(ConnectorSpec {
                secret: None,
                ..none
            })
            .contains("password-file")
        );
        assert!(why(configured(&[("os_password", "x")])).contains("is a secret"));
        assert!(why(configured(&[("colour", "x")])).contains("'colour'"));
        assert!(why(configured(&[("unproven_gone", "perhaps")])).contains("wait, trust"));
        assert!(why(configured(&[("landing_bound_ms", "soon")])).contains("not a number"));
        for url in ["ftp://x", "http://u:p@x", "x", "http://x/v2.0"] {
            let bad = ConnectorSpec {
                url: Some(url.to_owned()),
                ..configured(&[])
            };
            assert!(why(bad).starts_with("url: "), "{url}");
        }
    }

    #[test]
    fn a_secret_is_read_where_it_stands_and_shown_to_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let file = SecretRef::File(path.display().to_string());
        assert!(matches!(
            Secret::read(&file),
            Err(OpenstackError::File { .. })
        ));
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(
            Secret::read(&file),
            Err(OpenstackError::NoSecret(_))
        ));
        std::fs::write(&path, "hidden-word\nmore\n").unwrap();
        let spec = ConnectorSpec {
            secret: Some(file.clone()),
            ..configured(&[])
        };
        let connector = Connector::new(spec).unwrap();
        assert!(!format!("{connector:?}").contains("hidden-word"));
        assert!(!format!("{:?}", Secret::read(&file).unwrap()).contains("hidden-word"));
        let password = |connector: &Connector| {
            let login = serde_json::to_value(connector.login(None).unwrap()).unwrap();
            login["auth"]["identity"]["password"]["user"]["password"].clone()
        };
        assert_eq!(password(&connector), "hidden-word");
        // changed while the server runs: the next login has it
        std::fs::write(&path, "another-word\n").unwrap();
        assert_eq!(password(&connector), "another-word");
        let unset = SecretRef::Environment("LIFELINE_NO_SUCH_VARIABLE".to_owned());
        assert!(matches!(
            Secret::read(&unset),
            Err(OpenstackError::NoSecret(_))
        ));
    }
}
