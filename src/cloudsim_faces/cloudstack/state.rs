//! What the face remembers beside the cloud: accounts, jobs, tags, and numbers for ids.

use std::collections::{BTreeMap, VecDeque};

use super::settings::{Ids, Settings};
use crate::clock::Mono;
use crate::cloudsim::{Call, Cloud};
use crate::ids::TenantId;
use crate::proto::cloudstack::{Id, JobResult, VirtualMachine};

/// An account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    pub name: String,
    pub tenant: TenantId,
    pub key: String,
    pub secret: String,
    pub admin: bool,
}

/// A job: an operation of the cloud, or something that was done at once.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    pub account: String,
    pub command: String,
    pub created: Mono,
    /// Kind and id of what it is about.
    pub about: Option<(&'static str, String)>,
    /// The VM when the job was taken, for what is shown of it once it is gone.
    pub vm: Option<VirtualMachine>,
    /// What came of it, when it was done at once.
    pub done: Option<JobResult>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub accounts: Vec<Account>,
    pub jobs: BTreeMap<String, Job>,
    /// Public keys by tenant and name.
    pub ssh_pairs: BTreeMap<(TenantId, String), String>,
    /// Words that networks show, by id.
    pub network_words: BTreeMap<String, String>,
    order: VecDeque<String>,
    numbers: BTreeMap<String, u64>,
    by_number: BTreeMap<u64, String>,
    /// The last number given out.
    next: u64,
    ids: Ids,
}

impl State {
    /// The accounts of the settings and their tenants.
    pub fn new(settings: &Settings, cloud: &mut Cloud) -> Self {
        let mut state = Self {
            ids: settings.ids,
            ..Self::default()
        };
        for account in &settings.accounts {
            if cloud.tenant(&account.name).is_none() {
                let name = account.name.clone();
                // looked up right below
                let _ = cloud.call(Call::CreateTenant { name }, &account.name);
            }
            let Some(tenant) = cloud.tenant(&account.name) else {
                continue;
            };
            state.accounts.push(Account {
                name: account.name.clone(),
                tenant: tenant.id,
                key: account.api_key.clone(),
                secret: account.secret_key.clone(),
                admin: account.admin,
            });
        }
        state
    }

    /// Whose key it is.
    pub fn account_of_key(&self, key: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.key == key)
    }

    /// An id as shown.
    pub fn show(&mut self, id: &str) -> Id {
        match self.ids {
            Ids::Uuid => Id::new(id),
            Ids::Integer => {
                let number = match self.numbers.get(id) {
                    Some(number) => *number,
                    None => {
                        self.next += 1;
                        self.numbers.insert(id.to_owned(), self.next);
                        self.by_number.insert(self.next, id.to_owned());
                        self.next
                    }
                };
                Id::new(number.to_string())
            }
        }
    }

    /// The cloud's id of one that a client sent.
    pub fn read(&self, shown: &str) -> String {
        let number = match self.ids {
            Ids::Uuid => None,
            Ids::Integer => shown.parse::<u64>().ok(),
        };
        let known = number.and_then(|number| self.by_number.get(&number));
        known.map_or_else(|| shown.to_owned(), Clone::clone)
    }

    /// Whether a failed job's result is a text.
    pub fn is_old(&self) -> bool {
        self.ids == Ids::Integer
    }

    /// Remembers a job; the oldest beyond `keep` is forgotten.
    pub fn add_job(&mut self, id: String, job: Job, keep: usize) {
        self.jobs.insert(id.clone(), job);
        self.order.push_back(id);
        while self.order.len() > keep.max(1) {
            if let Some(old) = self.order.pop_front() {
                self.jobs.remove(&old);
                if let Some(number) = self.numbers.remove(&old) {
                    self.by_number.remove(&number);
                }
            }
        }
    }
}
