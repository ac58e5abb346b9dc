//! Keystone v3 beyond logging in: versions, projects, users, roles, application credentials.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::access::{Caller, caller, keystone, unauthorized};
use super::login::{self, DOMAIN, ROLES, role_of};
use super::part::filtered;
use super::state::{Credential, User};
use crate::cloudsim::{Call, CallError, TenantView};
use crate::ids::TenantId;
use crate::proto::nova::{NewProjectDocument, Project, ProjectDocument, RoleList};

/// Application credentials in all.
const CREDENTIALS: usize = 1000;

fn version(request: &Request) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{ "rel": "self", "href": format!("{}/identity/v3/", request.base) }],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.identity-v3+json",
        }],
    })
}

/// `GET /identity`.
pub fn versions(request: &Request) -> Reply {
    let document = json!({ "versions": { "values": [version(request)] } });
    Reply::json(300, &document)
}

/// Answers below `/v3`.
pub fn answer(world: &mut World, request: &Request, path: &[&str]) -> Reply {
    let method = request.method.as_str();
    match (method, path) {
        ("GET", ["v3"]) => return Reply::json(200, &json!({ "version": version(request) })),
        ("POST", ["v3", "auth", "tokens"]) => return login::log_in(world, request),
        _ => {}
    }
    let who = match caller(world, request) {
        Ok(who) => who,
        Err(reply) => return reply,
    };
    let ["v3", path @ ..] = path else {
        return keystone(404, "Could not find resource.");
    };
    match (method, path) {
        ("GET" | "HEAD" | "DELETE", ["auth", "tokens"]) => login::examine(world, request),
        ("GET", ["auth", "catalog"]) => {
            let document = json!({ "catalog": login::services(world, request), "links": {} });
            Reply::json(200, &document)
        }
        ("GET", ["auth", "projects"]) => projects_of(world, request, &who.user),
        ("GET", ["users", user, "projects"]) if who.admin || *user == who.user => {
            projects_of(world, request, user)
        }
        ("GET", ["users", user]) => match world.nova.user(user) {
            Some(user) if who.admin || user.id == who.user => {
                Reply::json(200, &json!({ "user": show_user(request, user) }))
            }
            _ => keystone(404, format!("Could not find user: {user}.")),
        },
        (_, ["users", user, "application_credentials", rest @ ..]) => {
            credentials(world, request, &who, user, rest)
        }
        ("GET", ["projects", id]) => match project(world, id) {
            Some(found) if who.admin || who.project == *id => show(world, 200, found),
            _ => keystone(404, format!("Could not find project: {id}.")),
        },
        ("GET", ["domains", id]) if *id == DOMAIN.0 => {
            Reply::json(200, &json!({ "domain": domain() }))
        }
        ("GET", ["domains"]) => list(request, "domains", vec![domain()]),
        ("GET", ["regions"]) => list(request, "regions", vec![region(world)]),
        _ if who.admin => by_admin(world, request, path),
        _ => keystone(
            403,
            "You are not authorized to perform the requested action.",
        ),
    }
}

fn by_admin(world: &mut World, request: &Request, path: &[&str]) -> Reply {
    match (request.method.as_str(), path) {
        ("GET", ["projects"]) => {
            let all = world.cloud.tenants();
            projects(world, request, all)
        }
        ("POST", ["projects"]) => make_project(world, request),
        ("DELETE", ["projects", id]) => match project(world, id) {
            None => keystone(404, format!("Could not find project: {id}.")),
            Some(_) => {
                let id = TenantId::new(id);
                match world.call(Call::DeleteTenant { id: id.clone() }) {
                    Ok(_) => {
                        world.nova.grants.retain(|(_, p, _)| p != id.as_str());
                        Reply::empty(204)
                    }
                    Err(error) => refused(error),
                }
            }
        },
        ("GET", ["users"]) => {
            let users = world.nova.users.iter();
            let users = users.map(|user| show_user(request, user)).collect();
            list(request, "users", users)
        }
        ("GET", ["roles"]) => {
            let wanted = |role: &&&str| request.param("name").is_none_or(|name| name == **role);
            let roles = ROLES.iter().filter(wanted);
            let roles = roles.map(|role| role_of(role)).collect();
            Reply::json(200, &RoleList { roles })
        }
        ("GET", ["roles", id]) => match ROLES.iter().find(|role| role_of(role).id == *id) {
            Some(role) => Reply::json(200, &json!({ "role": role_of(role) })),
            None => keystone(404, format!("Could not find role: {id}.")),
        },
        (
            "PUT" | "DELETE" | "HEAD" | "GET",
            ["projects", project_id, "users", user, "roles", role],
        ) => grant(world, request, project_id, user, role),
        ("GET", ["projects", project_id, "users", user, "roles"]) => {
            let roles = world.nova.roles(user, project_id);
            let roles = roles.iter().map(|role| role_of(role)).collect();
            Reply::json(200, &RoleList { roles })
        }
        ("GET", ["services"]) => list(request, "services", services(world, request)),
        ("GET", ["endpoints"]) => list(request, "endpoints", endpoints(world, request)),
        ("GET", [kind @ ("services" | "endpoints" | "regions"), id]) => {
            let all = match *kind {
                "services" => services(world, request),
                "endpoints" => endpoints(world, request),
                _ => vec![region(world)],
            };
            let key = kind.trim_end_matches('s');
            match all
                .into_iter()
                .find(|one| one.get("id") == Some(&json!(id)))
            {
                Some(found) => Reply::json(200, &json!({ key: found })),
                None => keystone(404, format!("Could not find {key}: {id}.")),
            }
        }
        ("GET", ["role_assignments"]) => assignments(world, request),
        _ => keystone(501, "This part of Keystone is not simulated."),
    }
}

fn region(world: &World) -> Value {
    json!({ "id": world.settings.nova.region, "description": "", "parent_region_id": null })
}

fn services(world: &World, request: &Request) -> Vec<Value> {
    let all = login::services(world, request).into_iter();
    all.map(
        |entry| json!({ "id": entry.id, "type": entry.kind, "name": entry.name, "enabled": true }),
    )
    .collect()
}

fn endpoints(world: &World, request: &Request) -> Vec<Value> {
    let all = login::services(world, request).into_iter();
    let all = all.flat_map(|entry| {
        let service = entry.id;
        entry.endpoints.into_iter().map(move |endpoint| {
            json!({
                "id": endpoint.id, "service_id": service, "interface": endpoint.interface,
                "region": endpoint.region, "region_id": endpoint.region_id,
                "url": endpoint.url, "enabled": true,
            })
        })
    });
    all.collect()
}

/// Who has which role in which project.
fn assignments(world: &World, request: &Request) -> Reply {
    let names = request
        .param("include_names")
        .is_some_and(|word| !matches!(word, "0" | "false" | "False"));
    let wanted = |key: &str, value: &str| request.param(key).is_none_or(|wanted| wanted == value);
    let all = world.nova.grants.iter().filter(|(user, on, role)| {
        wanted("user.id", user)
            && wanted("scope.project.id", on)
            && wanted("role.id", &role_of(role).id)
    });
    let domain = json!({ "id": DOMAIN.0, "name": DOMAIN.1 });
    let all: Vec<Value> = all
        .map(|(user, on, role)| {
            let mut of_role = json!({ "id": role_of(role).id });
            let mut of_user = json!({ "id": user });
            let mut of_project = json!({ "id": on });
            if names {
                of_role = json!({ "id": role_of(role).id, "name": role });
                let name = world.nova.user(user).map(|user| user.name.clone());
                of_user = json!({ "id": user, "name": name, "domain": domain });
                let name = project(world, on).map(|found| found.name);
                of_project = json!({ "id": on, "name": name, "domain": domain });
            }
            json!({ "role": of_role, "user": of_user, "scope": { "project": of_project },
                "links": { "assignment": format!(
                    "{}/identity/v3/projects/{on}/users/{user}/roles/{}",
                    request.base, role_of(role).id,
                ) } })
        })
        .collect();
    let own = format!("{}/identity/v3/role_assignments", request.base);
    let links = json!({ "next": null, "self": own, "previous": null });
    Reply::json(200, &json!({ "role_assignments": all, "links": links }))
}

fn domain() -> Value {
    json!({ "id": DOMAIN.0, "name": DOMAIN.1, "enabled": true, "description": "" })
}

fn list(request: &Request, name: &str, all: Vec<Value>) -> Reply {
    let own = format!("{}/identity/v3/{name}", request.base);
    let links = json!({ "next": null, "self": own, "previous": null });
    Reply::json(
        200,
        &json!({ name: filtered(request, all), "links": links }),
    )
}

fn show_user(request: &Request, user: &User) -> Value {
    json!({
        "id": user.id,
        "name": user.name,
        "domain_id": DOMAIN.0,
        "enabled": true,
        "default_project_id": user.default_project,
        "password_expires_at": null,
        "options": {},
        "links": { "self": format!("{}/identity/v3/users/{}", request.base, user.id) },
    })
}

/// By id alone.
fn project(world: &World, id: &str) -> Option<TenantView> {
    world
        .cloud
        .tenant(id)
        .filter(|found| found.id.as_str() == id)
}

fn shown(world: &World, found: TenantView) -> Project {
    let words = world.nova.words.get(found.id.as_str());
    Project {
        id: found.id.to_string(),
        name: found.name,
        domain_id: DOMAIN.0.to_owned(),
        parent_id: Some(DOMAIN.0.to_owned()),
        description: words.cloned().unwrap_or_default(),
        enabled: true,
        is_domain: false,
    }
}

fn show(world: &World, status: u16, found: TenantView) -> Reply {
    let project = shown(world, found);
    Reply::json(status, &ProjectDocument { project })
}

fn projects(world: &World, request: &Request, all: Vec<TenantView>) -> Reply {
    let all = all.into_iter().map(|found| shown(world, found));
    let all = all.filter_map(|project| serde_json::to_value(project).ok());
    list(request, "projects", all.collect())
}

fn projects_of(world: &World, request: &Request, user: &str) -> Reply {
    let mut all = world.cloud.tenants();
    all.retain(|tenant| !world.nova.roles(user, tenant.id.as_str()).is_empty());
    projects(world, request, all)
}

fn make_project(world: &mut World, request: &Request) -> Reply {
    let wanted = match request.json::<NewProjectDocument>() {
        Ok(document) => document.project,
        Err(why) => return keystone(400, why),
    };
    let name = wanted.name;
    let named = |known: &TenantView| known.name == name;
    if world.cloud.tenants().iter().any(named) {
        return keystone(
            409,
            format!(
                "Conflict occurred attempting to store project - it is not permitted to have two projects with the same name in the same domain : {name}."
            ),
        );
    }
    match world.call(Call::CreateTenant { name: name.clone() }) {
        Ok(accepted) => {
            let id = accepted.id.unwrap_or_default();
            if let Some(words) = wanted.description {
                world.nova.words.insert(id.clone(), words);
            }
            match project(world, &id) {
                Some(found) => show(world, 201, found),
                None => keystone(500, "The project is not there."),
            }
        }
        Err(error) => refused(error),
    }
}

fn grant(world: &mut World, request: &Request, on: &str, user: &str, role: &str) -> Reply {
    if project(world, on).is_none() {
        return keystone(404, format!("Could not find project: {on}."));
    }
    if world.nova.user(user).is_none() {
        return keystone(404, format!("Could not find user: {user}."));
    }
    let Some(name) = ROLES.iter().find(|name| role_of(name).id == role) else {
        return keystone(404, format!("Could not find role: {role}."));
    };
    let grant = (user.to_owned(), on.to_owned(), (*name).to_owned());
    let done = match request.method.as_str() {
        "PUT" => {
            world.nova.grants.insert(grant);
            true
        }
        "DELETE" => world.nova.grants.remove(&grant),
        _ => world.nova.grants.contains(&grant),
    };
    match done {
        true => Reply::empty(204),
        false => keystone(404, "Could not find role assignment."),
    }
}

fn credentials(
    world: &mut World,
    request: &Request,
    who: &Caller,
    user: &str,
    path: &[&str],
) -> Reply {
    #[derive(Deserialize)]
    struct Wanted {
        application_credential: WantedCredential,
    }
    #[derive(Deserialize)]
    struct WantedCredential {
        name: String,
        #[serde(default)]
        secret: Option<String>,
        #[serde(default)]
        description: Option<String>,
    }
    if user != who.user {
        return keystone(
            403,
            "You are not authorized to perform the requested action.",
        );
    }
    let show = |credential: &Credential, secret: bool| {
        let mut shown = json!({
            "id": credential.id,
            "name": credential.name,
            "project_id": credential.project,
            "description": credential.description,
            "unrestricted": false,
            "expires_at": null,
            "roles": world.nova.roles(&credential.user, &credential.project)
                .iter().map(|role| role_of(role)).collect::<Vec<_>>(),
        });
        if let (true, Some(shown)) = (secret, shown.as_object_mut()) {
            shown.insert("secret".to_owned(), json!(credential.secret));
        }
        shown
    };
    match (request.method.as_str(), path) {
        ("GET", []) => {
            let mine = world.nova.credentials.iter();
            let mine = mine.filter(|known| known.user == user);
            let mine = mine.map(|known| show(known, false)).collect();
            list(request, "application_credentials", mine)
        }
        ("GET", [id]) => {
            let mine = world.nova.credentials.iter();
            match mine.into_iter().find(|known| known.id == *id) {
                Some(known) if known.user == user => Reply::json(
                    200,
                    &json!({ "application_credential": show(known, false) }),
                ),
                _ => keystone(404, format!("Could not find Application Credential: {id}.")),
            }
        }
        ("POST", []) => {
            let wanted = match request.json::<Wanted>() {
                Ok(wanted) => wanted.application_credential,
                Err(why) => return keystone(400, why),
            };
            if who.project.is_empty() {
                return unauthorized(request);
            }
            if world.nova.credentials.len() >= CREDENTIALS {
                return keystone(403, "Unable to create additional application credentials.");
            }
            let made = Credential {
                id: world.uuid().replace('-', ""),
                name: wanted.name,
                secret: wanted.secret.unwrap_or_else(|| world.uuid()),
                user: user.to_owned(),
                project: who.project.clone(),
                description: wanted.description.unwrap_or_default(),
            };
            let document = json!({ "application_credential": {
                "id": made.id, "name": made.name, "project_id": made.project,
                "description": made.description, "secret": made.secret,
                "unrestricted": false, "expires_at": null,
                "roles": world.nova.roles(user, &made.project)
                    .iter().map(|role| role_of(role)).collect::<Vec<_>>(),
            }});
            world.nova.credentials.push(made);
            Reply::json(201, &document)
        }
        ("DELETE", [id]) => {
            let before = world.nova.credentials.len();
            world
                .nova
                .credentials
                .retain(|known| known.id != *id || known.user != user);
            match world.nova.credentials.len() < before {
                true => Reply::empty(204),
                false => keystone(404, format!("Could not find Application Credential: {id}.")),
            }
        }
        _ => keystone(405, "The method is not allowed."),
    }
}

fn refused(error: CallError) -> Reply {
    match error {
        CallError::Refused(lines) => keystone(409, lines.join("; ")),
        CallError::Lost(_) | CallError::Down(_) => Reply::lost(),
    }
}
