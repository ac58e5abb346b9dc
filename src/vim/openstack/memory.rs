//! What the driver remembers of the latest calls and servers: bounded, and never needed to be right.

use super::client::Scope;
use super::errand::Sent;
use super::things::Upload;
use crate::engine::port::Accepted;
use crate::vim_http::Recent;

/// All of it.
pub struct Memory {
    /// Calls by the engine's key: a repeated one gets the same answer.
    pub accepted: Recent<Accepted>,
    /// Request ids of a server's reboots before the call of that key: a newer one is its own.
    pub reboots: Recent<Vec<String>>,
    /// Where a server was found, by its id.
    pub scopes: Recent<Scope>,
    /// What was seen when a server's removal was sent.
    pub sent: Recent<Sent>,
    /// Servers of which it is proven that they are gone.
    pub gone: Recent<()>,
    /// Names of servers by their tokens.
    pub names: Recent<String>,
    /// Ids by kind and name.
    pub ids: Recent<String>,
    /// Subnets as the engine wants them, by id.
    pub subnets: Recent<crate::proto::nova::Subnet>,
    /// Images that are being sent from here.
    pub uploads: Recent<Upload>,
}

impl Memory {
    /// Room for `limit` entries of each kind.
    pub fn new(limit: usize) -> Self {
        Self {
            accepted: Recent::new(limit),
            reboots: Recent::new(limit),
            scopes: Recent::new(limit),
            sent: Recent::new(limit),
            gone: Recent::new(limit),
            names: Recent::new(limit),
            ids: Recent::new(limit),
            subnets: Recent::new(limit),
            uploads: Recent::new(limit),
        }
    }
}
