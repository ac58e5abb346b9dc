//! A VIM as configured: a connector, before any driver has looked at it.

use std::collections::BTreeMap;
use std::fmt;

/// Where a connector's secret stands; the configuration never holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SecretRef {
    /// The first line of this file.
    File(String),
    /// This environment variable of the server.
    Environment(String),
}

/// One VIM.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ConnectorSpec {
    /// Its id: what a deployment's locator names.
    pub id: String,
    /// Kind of VIM: `OPENSTACK` and others.
    pub kind: String,
    /// Address of its API.
    pub url: Option<String>,
    /// User.
    pub user: Option<String>,
    /// Tenant the user logs in to.
    pub tenant: Option<String>,
    /// Where the secret stands.
    pub secret: Option<SecretRef>,
    /// What only its kind knows.
    pub properties: BTreeMap<String, String>,
}

/// Without the values of properties: somebody may have put a secret there.
impl fmt::Debug for ConnectorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectorSpec")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("url", &self.url)
            .field("user", &self.user)
            .field("tenant", &self.tenant)
            .field("secret", &self.secret)
            .field("properties", &self.properties.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_properties_are_not_printed() {
        let spec = ConnectorSpec {
            properties: BTreeMap::from([("os_password".to_owned(), "hidden-word".to_owned())]),
            ..ConnectorSpec::default()
        };
        assert!(!format!("{spec:?}").contains("hidden-word"));
    }
}
