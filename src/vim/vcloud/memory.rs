//! What the driver remembers of the latest calls and VMs: bounded, and needed for no more than speed, but for what a
//! network is called by whom.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::map::Size;
use super::steps::{Plan, Work};
use crate::engine::port::Accepted;
use crate::ids::CreateToken;
use crate::proto::vcloud::OrgNetwork;
use crate::vim_http::Recent;

/// All of it.
pub struct Memory {
    /// Calls by the engine's key: a repeated one gets the same answer.
    pub accepted: Recent<Accepted>,
    /// Tasks of a vApp before the call of that key: a newer one is its own.
    pub reboots: Recent<Vec<String>>,
    /// The task that removes a vApp, by the vApp's id.
    pub removals: Recent<String>,
    /// The task that takes a vApp's power away after its guest did not end, by the task that asked the guest.
    pub forced: Recent<String>,
    /// What a vApp is to become, by its token: a create whose answer was lost is gone on with.
    pub plans: Recent<Plan>,
    /// What is done to a vApp step by step, by its id.
    pub works: Recent<Work>,
    /// Addresses of things by kind and id, as the cloud gave them.
    pub hrefs: Recent<String>,
    /// Networks as they were shown last, by address.
    pub shown: Recent<OrgNetwork>,
    /// Sizes of flavors that were made, by name.
    pub sizes: Sizes,
    /// Networks of deployments.
    pub networks: Uses,
}

impl Memory {
    /// Room for `limit` entries of each kind.
    pub fn new(limit: usize) -> Self {
        Self {
            accepted: Recent::new(limit),
            reboots: Recent::new(limit),
            removals: Recent::new(limit),
            forced: Recent::new(limit),
            plans: Recent::new(limit),
            works: Recent::new(limit),
            hrefs: Recent::new(limit),
            shown: Recent::new(limit),
            sizes: Sizes::default(),
            networks: Uses::default(),
        }
    }
}

/// Sizes by the names of flavors, which vCloud does not have. Lost with the process, and then made again by the engine.
#[derive(Default)]
pub struct Sizes(Mutex<BTreeMap<String, Size>>);

impl Sizes {
    /// Names one.
    pub fn put(&self, name: &str, size: Size) {
        self.with(|sizes| sizes.insert(name.to_owned(), size));
    }

    /// That of a name.
    pub fn get(&self, name: &str) -> Option<Size> {
        self.with(|sizes| sizes.get(name).copied())
    }

    /// Forgets all names of one.
    pub fn forget(&self, size: Size) {
        self.with(|sizes| sizes.retain(|_, known| *known != size));
    }

    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<String, Size>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The networks that deployments took for theirs: an organisation's networks are made by its administrator, and
/// cannot be marked. Lost with the process, and then asked for again by the engine.
#[derive(Default)]
pub struct Uses(Mutex<BTreeMap<String, Use>>);

/// What a deployment calls its network.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Use {
    /// The network's id.
    pub network: String,
    /// Names of its subnets.
    pub subnets: Vec<String>,
}

impl Uses {
    /// A deployment takes a network, by its token.
    pub fn take(&self, token: &CreateToken, network: &str) {
        let taken = Use {
            network: network.to_owned(),
            subnets: Vec::new(),
        };
        self.with(|uses| {
            uses.entry(token.as_str().to_owned()).or_insert(taken);
        });
    }

    /// What it took.
    pub fn of(&self, token: &CreateToken) -> Option<Use> {
        self.with(|uses| uses.get(token.as_str()).cloned())
    }

    /// Names a subnet of a network, for all that use it.
    pub fn name(&self, network: &str, subnet: &str) {
        self.with(|uses| {
            for one in uses.values_mut().filter(|one| one.network == network) {
                if !one.subnets.iter().any(|known| known == subnet) {
                    one.subnets.push(subnet.to_owned());
                }
            }
        });
    }

    /// The same, taken back.
    pub fn unname(&self, network: &str, subnet: &str) {
        self.with(|uses| {
            for one in uses.values_mut().filter(|one| one.network == network) {
                one.subnets.retain(|known| known != subnet);
            }
        });
    }

    /// A network is let go. Whoever else uses it takes it again when it is asked for.
    pub fn drop(&self, network: &str) {
        self.with(|uses| uses.retain(|_, one| one.network != network));
    }

    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<String, Use>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_each_deployments_own_until_it_is_let_go() {
        let uses = Uses::default();
        let [one, two] = ["a/net", "b/net"].map(CreateToken::new);
        uses.take(&one, "7");
        assert_eq!(
            (uses.of(&one).unwrap().network, uses.of(&two)),
            ("7".to_owned(), None)
        );
        uses.name("7", "sub");
        uses.name("7", "sub");
        uses.take(&one, "7");
        assert_eq!(
            uses.of(&one).unwrap().subnets,
            ["sub"],
            "taken again, it keeps its names"
        );
        uses.unname("7", "sub");
        assert!(uses.of(&one).unwrap().subnets.is_empty());
        uses.drop("7");
        assert_eq!(uses.of(&one), None);
    }
}
