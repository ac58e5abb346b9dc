//! What the driver remembers of the latest calls and VMs: bounded, and never needed to be right.

use crate::engine::port::Accepted;
use crate::vim_http::Recent;

/// All of it.
pub struct Memory {
    /// Calls by the engine's key: a repeated one gets the same answer.
    pub accepted: Recent<Accepted>,
    /// Jobs that rebooted a VM before the call of that key: a newer one is its own.
    pub reboots: Recent<Vec<String>>,
    /// Jobs that remove a VM, by the VM's id.
    pub removals: Recent<String>,
    /// Names and domains of accounts, by id.
    pub accounts: Recent<(String, Option<String>)>,
    /// The name of each network's one subnet; `None`: it was not asked for yet, or was removed, and is not shown
    /// while the network has it.
    pub subnets: Recent<Option<String>>,
    /// Ids of things that keep theirs, by kind and name.
    pub ids: Recent<String>,
}

impl Memory {
    /// Room for `limit` entries of each kind.
    pub fn new(limit: usize) -> Self {
        Self {
            accepted: Recent::new(limit),
            reboots: Recent::new(limit),
            removals: Recent::new(limit),
            accounts: Recent::new(limit),
            subnets: Recent::new(limit),
            ids: Recent::new(limit),
        }
    }
}
