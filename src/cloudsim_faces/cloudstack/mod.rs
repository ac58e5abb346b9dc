//! CloudStack's face: `/client/api`, every request signed.
//!
//! A command that changes a VM is answered with a job; the cloud's own record of the operation is what the job
//! shows. An account is a tenant of the cloud, so the same VMs are seen through every face.

mod account;
mod command;
mod deploy;
mod directory;
mod job;
mod list;
mod settings;
mod state;
mod things;
mod vm;

pub use settings::{AccountSettings, Ids, Settings};
pub use state::State;

use super::http::{Reply, Request, parse_query};
use super::world::World;
use crate::proto::cloudstack::{self as wire, ApiError, Command, Secret};

/// What came of a command: its reply, or the error it is refused with.
type Done = Result<wire::Reply, Refusal>;

/// Why a command gets no reply.
#[derive(Debug)]
enum Refusal {
    /// It gets an error.
    Error(ApiError),
    /// The reply is lost.
    Lost,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

fn no(code: u16, words: impl Into<String>) -> Refusal {
    Refusal::Error(ApiError::new(code, words))
}

/// Answers a request.
pub fn answer(world: &mut World, request: &Request) -> Reply {
    let (method, path) = request.route();
    if !matches!(path.as_slice(), ["client", "api"]) {
        return Reply::text(404, "text/plain", "CloudStack is at /client/api");
    }
    let mut command = Command {
        params: request.query.clone(),
    };
    match method {
        "GET" => {}
        "POST" => {
            let form = String::from_utf8_lossy(&request.body);
            command.params.extend(parse_query(&form));
        }
        _ => return Reply::text(405, "text/plain", "GET or POST"),
    }
    let format = command.format();
    let version = world.settings.cloudstack.version.clone();
    let (status, reply) = match checked(world, &command) {
        Ok(reply) => (200, reply),
        Err(Refusal::Lost) => return Reply::lost(),
        Err(Refusal::Error(error)) => {
            let status = error.errorcode;
            match wire::Reply::new(command.reply_name(), &error) {
                Ok(reply) => (status, reply),
                Err(why) => return Reply::text(500, "text/plain", why.to_string()),
            }
        }
    };
    Reply::text(status, format.media_type(), reply.encode(format, &version))
}

fn checked(world: &mut World, command: &Command) -> Done {
    let unknown = || {
        no(
            401,
            "unable to verify user credentials and/or request signature",
        )
    };
    let now = world.at(world.cloud.now());
    let key = command.get("apikey").ok_or_else(unknown)?;
    let known = world.cloudstack.account_of_key(key).ok_or_else(unknown)?;
    Secret::new(&known.secret)
        .verify(command, now)
        .map_err(|_| unknown())?;
    let account = known.clone();
    command::carry_out(world, &account, command)
}
