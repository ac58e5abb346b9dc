//! Keystone v3: logging in, and what a token is good for.

use std::time::Duration;

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::{keystone, unauthorized};
use super::state::Token;
use crate::proto::nova::{
    Auth, AuthDocument, CatalogEntry, DomainRef, Endpoint, NamedUser, ProjectRef, Role, Scope,
    Token as Shown, TokenDocument, UserRef,
};

/// The only domain.
pub const DOMAIN: (&str, &str) = ("default", "Default");

/// The roles there are.
pub const ROLES: [&str; 3] = ["admin", "member", "reader"];

/// `POST /v3/auth/tokens`.
pub fn log_in(world: &mut World, request: &Request) -> Reply {
    let auth = match request.json::<AuthDocument>() {
        Ok(document) => document.auth,
        Err(why) => return keystone(400, format!("Invalid input: {why}")),
    };
    let Some((user, methods, own)) = who(world, &auth) else {
        return unauthorized(request);
    };
    let project = match (&own, &auth.scope) {
        (Some(project), _) => project.clone(),
        (None, Some(Scope::Project { project })) => match find_project(world, project) {
            Some(id) => id,
            None => return unauthorized(request),
        },
        (None, Some(Scope::Domain { .. })) => {
            return keystone(501, "tokens for a domain are not simulated");
        }
        (None, Some(Scope::Word(_))) => String::new(),
        (None, None) => {
            let known = world.nova.user(&user);
            known.map_or_else(String::new, |user| user.default_project.clone())
        }
    };
    if !project.is_empty() && world.nova.roles(&user, &project).is_empty() {
        return unauthorized(request);
    }
    let now = world.cloud.now();
    let token = Token {
        user,
        project,
        methods,
        issued: now,
        expires: now + Duration::from_secs(world.settings.nova.token_seconds),
        audit: world.uuid().replace('-', ""),
    };
    let id = format!(
        "gAAAAA{}{}",
        world.uuid().replace('-', ""),
        world.uuid().replace('-', "")
    );
    let catalog = request.param("nocatalog").is_none();
    let document = show(world, request, &token, catalog);
    let keep = world.settings.nova.tokens;
    world.nova.add_token(id.clone(), token, keep);
    Reply::json(201, &document)
        .with("x-subject-token", id)
        .with("vary", "X-Auth-Token")
}

/// The user, the methods, and the project that the method itself is bound to.
fn who(world: &World, auth: &Auth) -> Option<(String, Vec<String>, Option<String>)> {
    let identity = &auth.identity;
    let methods = identity.methods.clone();
    match methods.first()?.as_str() {
        "password" => {
            let user = &identity.password.as_ref()?.user;
            let known = find_user(world, user)?;
            let good = user.password.as_deref() == Some(known.password.as_str());
            good.then(|| (known.id.clone(), methods, None))
        }
        "token" => {
            let id = &identity.token.as_ref()?.id;
            let token = world.nova.token(id, world.cloud.now())?;
            Some((token.user.clone(), methods, None))
        }
        "application_credential" => {
            let shown = identity.application_credential.as_ref()?;
            let owner = shown.user.as_ref().and_then(|user| find_user(world, user));
            let known = world.nova.credentials.iter().find(|known| {
                match (&shown.id, &shown.name, owner) {
                    (Some(id), _, _) => *id == known.id,
                    (None, Some(name), Some(owner)) => {
                        *name == known.name && owner.id == known.user
                    }
                    _ => false,
                }
            })?;
            let good = known.secret == shown.secret;
            good.then(|| (known.user.clone(), methods, Some(known.project.clone())))
        }
        _ => None,
    }
}

fn find_user<'a>(world: &'a World, user: &UserRef) -> Option<&'a super::state::User> {
    match (&user.id, &user.name) {
        (Some(id), _) => world.nova.user(id),
        (None, Some(name)) => {
            is_our_domain(user.domain.as_ref()).then_some(())?;
            world.nova.users.iter().find(|known| known.name == *name)
        }
        (None, None) => None,
    }
}

fn find_project(world: &World, project: &ProjectRef) -> Option<String> {
    let found = match (&project.id, &project.name) {
        (Some(id), _) => world
            .cloud
            .tenant(id)
            .filter(|found| found.id.as_str() == id),
        (None, Some(name)) => {
            is_our_domain(project.domain.as_ref()).then_some(())?;
            world.cloud.tenant(name).filter(|found| found.name == *name)
        }
        (None, None) => None,
    };
    found.map(|found| found.id.to_string())
}

fn is_our_domain(domain: Option<&DomainRef>) -> bool {
    let Some(domain) = domain else {
        return false;
    };
    match (&domain.id, &domain.name) {
        (Some(id), _) => id == DOMAIN.0,
        (None, Some(name)) => name.eq_ignore_ascii_case(DOMAIN.1),
        (None, None) => false,
    }
}

fn domain() -> DomainRef {
    DomainRef {
        id: Some(DOMAIN.0.to_owned()),
        name: Some(DOMAIN.1.to_owned()),
    }
}

/// `GET` and `DELETE /v3/auth/tokens`: about the token in `X-Subject-Token`.
pub fn examine(world: &mut World, request: &Request) -> Reply {
    let id = request.header("x-subject-token").unwrap_or_default();
    let Some(token) = world.nova.token(id, world.cloud.now()).cloned() else {
        return keystone(404, "Could not find token.");
    };
    if request.method == "DELETE" {
        world.nova.revoke(id);
        return Reply::empty(204);
    }
    let catalog = request.param("nocatalog").is_none();
    let document = show(world, request, &token, catalog);
    Reply::json(200, &document)
        .with("x-subject-token", id)
        .with("vary", "X-Auth-Token")
}

/// A token as shown.
fn show(world: &World, request: &Request, token: &Token, catalog: bool) -> TokenDocument {
    let user = world.nova.user(&token.user);
    let project = world.cloud.tenant(&token.project).map(|found| ProjectRef {
        id: Some(found.id.to_string()),
        name: Some(found.name),
        domain: Some(domain()),
    });
    let roles = world.nova.roles(&token.user, &token.project);
    let scoped = project.is_some();
    TokenDocument {
        token: Shown {
            methods: token.methods.clone(),
            user: user.map(|user| NamedUser {
                id: user.id.clone(),
                name: user.name.clone(),
                domain: Some(domain()),
                password_expires_at: None,
            }),
            expires_at: format!("{}.000000Z", world.text(token.expires)),
            issued_at: format!("{}.000000Z", world.text(token.issued)),
            project,
            roles: roles.iter().map(|role| role_of(role)).collect(),
            catalog: match scoped && catalog {
                true => services(world, request),
                false => Vec::new(),
            },
            audit_ids: vec![token.audit.clone()],
            is_domain: Some(false),
        },
    }
}

/// A role; its id is made of its name.
pub fn role_of(name: &str) -> Role {
    Role {
        id: format!("role-{name}"),
        name: name.to_owned(),
    }
}

/// The catalog: where each service is, by the address the client used.
pub fn services(world: &World, request: &Request) -> Vec<CatalogEntry> {
    let region = &world.settings.nova.region;
    [
        ("identity", "keystone", "/identity"),
        ("compute", "nova", "/compute/v2.1"),
        ("image", "glance", "/image"),
        ("network", "neutron", "/networking"),
    ]
    .into_iter()
    .map(|(kind, name, path)| CatalogEntry {
        id: format!("{name}-service"),
        kind: kind.to_owned(),
        name: name.to_owned(),
        endpoints: ["public", "internal", "admin"]
            .into_iter()
            .map(|interface| Endpoint {
                id: format!("{name}-{interface}"),
                interface: interface.to_owned(),
                region: Some(region.clone()),
                region_id: Some(region.clone()),
                url: format!("{}{path}", request.base),
            })
            .collect(),
    })
    .collect()
}
