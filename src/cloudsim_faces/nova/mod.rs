//! Nova's face, with the Keystone, Glance and Neutron that its clients need, all on one address:
//!
//! ```text
//! /identity/v3/...    Keystone (also /v3/...)
//! /image/v2/...       Glance
//! /networking/v2.0/.. Neutron
//! /v2.1/... /v2/{project}/...   Nova (also below /compute)
//! ```
//!
//! Names, states and records are those of Nova Zed (microversions 2.1 to 2.93); what a real one was seen to do
//! when its driver fails is what this one does when a fault is injected.

mod access;
mod action;
mod admin;
mod attached;
mod change;
mod compute;
mod create;
mod flavor;
mod group;
mod history;
mod hypervisor;
mod identity;
mod image;
mod image_change;
mod image_schema;
mod keypair;
mod listing;
mod login;
mod network;
mod part;
mod place;
mod port;
mod quota;
mod schema;
mod search;
mod secure;
mod server;
mod settings;
mod state;
mod status;
mod subnet;
mod usage;
mod version;
mod volume;

pub use settings::{Settings, UserSettings};
pub use state::State;

use super::http::{Reply, Request};
use super::world::World;

/// Answers a request.
pub fn answer(world: &mut World, request: &Request) -> Reply {
    let segments: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["identity"] => identity::versions(request),
        ["identity", rest @ ..] | rest @ ["v3", ..] => identity::answer(world, request, rest),
        ["image", rest @ ..] => image::answer(world, request, rest),
        ["networking", rest @ ..] => network::answer(world, request, rest),
        ["compute", rest @ ..] => compute::answer(world, request, rest, "/compute"),
        rest => compute::answer(world, request, rest, ""),
    }
}
