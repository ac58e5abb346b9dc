//! Keystone v3: logging in, the token and its catalog, projects.

use serde::{Deserialize, Serialize};

use super::or_default;

/// `POST /v3/auth/tokens`. The token's id comes back in the header `X-Subject-Token`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthDocument {
    /// What is shown, and what is asked for.
    pub auth: Auth,
}

/// Who logs in, and for what.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// Who.
    pub identity: Identity,
    /// For what; an application credential has a scope of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// Who logs in. Members that the methods do not name are not sent.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// `password`, `application_credential`, `token`.
    pub methods: Vec<String>,
    /// Of the first method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordMethod>,
    /// Of the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_credential: Option<ApplicationCredential>,
    /// Of the third.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenMethod>,
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordMethod {
    /// Who, with the password.
    pub user: UserRef,
}

/// A user by id, or by name and domain.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UserRef {
    /// Id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of which domain, with a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainRef>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// An application credential by id, or by name and user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationCredential {
    /// Id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose, with a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserRef>,
    /// Its secret.
    pub secret: String,
}

/// A token that is shown to get another.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMethod {
    /// The token.
    pub id: String,
}

/// A domain by id or name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DomainRef {
    /// Id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a token is for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scope {
    /// `"unscoped"`: nothing but asking Keystone.
    Word(ScopeWord),
    /// A project.
    Project {
        /// Which.
        project: ProjectRef,
    },
    /// A domain.
    Domain {
        /// Which.
        domain: DomainRef,
    },
}

/// A scope that is a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeWord {
    /// For nothing.
    Unscoped,
}

/// A project by id, or by name and domain.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ProjectRef {
    /// Id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of which domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainRef>,
}

/// The answer to a login.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenDocument {
    /// What the token is good for.
    pub token: Token,
}

/// A token, without its id.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Token {
    /// By which methods.
    #[serde(default, deserialize_with = "or_default")]
    pub methods: Vec<String>,
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<NamedUser>,
    /// Until when, `2026-11-22T06:00:00.000000Z`.
    #[serde(default, deserialize_with = "or_default")]
    pub expires_at: String,
    /// Since when.
    #[serde(default, deserialize_with = "or_default")]
    pub issued_at: String,
    /// For which project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectRef>,
    /// Which roles that gives.
    #[serde(default, deserialize_with = "or_default")]
    pub roles: Vec<Role>,
    /// The services there are.
    #[serde(default, deserialize_with = "or_default")]
    pub catalog: Vec<CatalogEntry>,
    /// For audits.
    #[serde(default, deserialize_with = "or_default")]
    pub audit_ids: Vec<String>,
    /// Whether `project` is the administrators' project, where the cloud tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_domain: Option<bool>,
}

/// A user as a token shows it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NamedUser {
    /// Id.
    #[serde(default, deserialize_with = "or_default")]
    pub id: String,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Its domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainRef>,
    /// Until when the password is good; mostly `null`.
    #[serde(default)]
    pub password_expires_at: Option<String>,
}

/// A role.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Role {
    /// Id.
    #[serde(default, deserialize_with = "or_default")]
    pub id: String,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
}

/// `GET /v3/roles`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RoleList {
    /// The roles.
    #[serde(default, deserialize_with = "or_default")]
    pub roles: Vec<Role>,
}

/// One service of the catalog.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CatalogEntry {
    /// Id.
    #[serde(default, deserialize_with = "or_default")]
    pub id: String,
    /// `identity`, `compute`, `image`, `network`, ...
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub kind: String,
    /// `nova` and others.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Where it is.
    #[serde(default, deserialize_with = "or_default")]
    pub endpoints: Vec<Endpoint>,
}

/// Where a service is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Endpoint {
    /// Id.
    #[serde(default, deserialize_with = "or_default")]
    pub id: String,
    /// `public`, `internal`, `admin`.
    #[serde(default, deserialize_with = "or_default")]
    pub interface: String,
    /// Region's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Region's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_id: Option<String>,
    /// Its address.
    pub url: String,
}

/// A project as Keystone shows it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Project {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Its domain.
    #[serde(default, deserialize_with = "or_default")]
    pub domain_id: String,
    /// Its parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// Words about it.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
    /// Whether it can be used.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether it acts as a domain.
    #[serde(default)]
    pub is_domain: bool,
}

fn yes() -> bool {
    true
}

/// One project.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProjectDocument {
    /// It.
    pub project: Project,
}

/// `GET /v3/projects`, `GET /v3/auth/projects`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ProjectList {
    /// The projects.
    #[serde(default, deserialize_with = "or_default")]
    pub projects: Vec<Project>,
}

/// `POST /v3/projects`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewProjectDocument {
    /// What to make.
    pub project: NewProject,
}

/// A project to make.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NewProject {
    /// Name.
    pub name: String,
    /// Domain, by default that of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_id: Option<String>,
    /// Words about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}
