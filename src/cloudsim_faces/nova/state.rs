//! What the face remembers beside the cloud: people, tokens, key pairs, words about things.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::settings::Settings;
use crate::clock::Mono;
use crate::cloudsim::{Call, Cloud};
use crate::ids::Minter;

/// Someone who may log in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    pub id: String,
    pub name: String,
    pub password: String,
    pub default_project: String,
}

/// An application credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    pub id: String,
    pub name: String,
    pub secret: String,
    pub user: String,
    pub project: String,
    pub description: String,
}

/// A token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    pub user: String,
    /// Empty: unscoped.
    pub project: String,
    pub methods: Vec<String>,
    pub issued: Mono,
    pub expires: Mono,
    pub audit: String,
}

/// A key pair.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keypair {
    pub name: String,
    pub public_key: String,
    pub fingerprint: String,
    pub kind: String,
    pub created: Mono,
}

/// What a flavor has beside its sizes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FlavorMore {
    pub specs: BTreeMap<String, String>,
    pub description: Option<String>,
    /// Seen by administrators, and by the projects that were given access.
    pub private: bool,
    pub access: BTreeSet<String>,
}

/// What an image has beside its formats.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImageMore {
    pub properties: BTreeMap<String, String>,
    pub protected: bool,
    /// `shared`, where it is no plain `private`.
    pub visibility: Option<String>,
    pub min_disk: u64,
    pub min_ram: u64,
    /// Digest of what was uploaded.
    pub sha512: Option<String>,
    /// What was uploaded, if it is small enough to be kept.
    pub content: Option<std::sync::Arc<Vec<u8>>>,
    pub updated: Option<Mono>,
}

/// A server group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    pub id: String,
    pub name: String,
    pub policy: String,
    /// Servers of it on one host at most, with `anti-affinity`.
    pub most: u64,
    /// Whether that was said.
    pub most_given: bool,
    pub project: String,
    pub user: String,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub users: Vec<User>,
    /// User, project, role.
    pub grants: BTreeSet<(String, String, String)>,
    pub credentials: Vec<Credential>,
    tokens: BTreeMap<String, Token>,
    token_order: VecDeque<String>,
    /// By user and name.
    pub keypairs: BTreeMap<(String, String), Keypair>,
    pub groups: Vec<Group>,
    /// What is more about flavors, by id.
    pub flavors: BTreeMap<String, FlavorMore>,
    /// What is more about images, by id.
    pub images: BTreeMap<String, ImageMore>,
    /// Members of networks and subnets that are kept and shown, by id.
    pub members: BTreeMap<String, Map<String, Value>>,
    /// Descriptions of networks, ports and projects by id.
    pub words: BTreeMap<String, String>,
    /// Images that are not active: their status by id.
    pub image_status: BTreeMap<String, String>,
    /// Octets of images that were uploaded.
    pub image_size: BTreeMap<String, u64>,
    /// Tags of images.
    pub image_tags: BTreeMap<String, Vec<String>>,
    /// Owners of images.
    pub image_owner: BTreeMap<String, String>,
    /// Hosts whose service a person disabled, with the reason.
    pub disabled: BTreeMap<String, String>,
    /// Hosts that a person said are down for good.
    pub forced_down: BTreeSet<String>,
    /// When a thing was made, by id.
    pub made: BTreeMap<String, Mono>,
}

impl State {
    /// The people of the settings and their projects.
    pub fn new(settings: &Settings, cloud: &mut Cloud, minter: &mut Minter) -> Self {
        let mut state = Self::default();
        for user in &settings.users {
            if cloud.tenant(&user.project).is_none() {
                let name = user.project.clone();
                // an id of its own is all that is wanted of the answer
                let _ = cloud.call(Call::CreateTenant { name }, &user.project);
            }
            let project = cloud.tenant(&user.project);
            let project = project.map_or_else(String::new, |found| found.id.to_string());
            let known = state.users.iter().find(|known| known.name == user.name);
            let id = match known {
                Some(known) => known.id.clone(),
                None => {
                    let id = minter.uuid().replace('-', "");
                    state.users.push(User {
                        id: id.clone(),
                        name: user.name.clone(),
                        password: user.password.clone(),
                        default_project: project.clone(),
                    });
                    id
                }
            };
            for role in &user.roles {
                state
                    .grants
                    .insert((id.clone(), project.clone(), role.clone()));
            }
        }
        state
    }

    /// A user by id.
    pub fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    /// Roles of a user in a project.
    pub fn roles(&self, user: &str, project: &str) -> Vec<String> {
        let mine = |(u, p, _): &&(String, String, String)| u == user && p == project;
        let roles = self.grants.iter().filter(mine);
        roles.map(|(_, _, role)| role.clone()).collect()
    }

    /// Whether a user has the role `admin` in a project.
    pub fn is_admin(&self, user: &str, project: &str) -> bool {
        self.grants
            .contains(&(user.to_owned(), project.to_owned(), "admin".to_owned()))
    }

    /// Hands out a token; the oldest beyond `keep` is forgotten.
    pub fn add_token(&mut self, id: String, token: Token, keep: usize) {
        self.tokens.insert(id.clone(), token);
        self.token_order.push_back(id);
        while self.token_order.len() > keep.max(1) {
            if let Some(old) = self.token_order.pop_front() {
                self.tokens.remove(&old);
            }
        }
    }

    /// A token that is good.
    pub fn token(&self, id: &str, now: Mono) -> Option<&Token> {
        self.tokens.get(id).filter(|token| token.expires > now)
    }

    /// Takes a token back; whether there was one.
    pub fn revoke(&mut self, id: &str) -> bool {
        self.token_order.retain(|known| known != id);
        self.tokens.remove(id).is_some()
    }

    /// No token is good any more.
    pub fn expire_tokens(&mut self) {
        self.tokens.clear();
        self.token_order.clear();
    }
}
