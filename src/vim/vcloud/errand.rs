//! What a task is about: one that is no longer kept tells nothing, and then the vApp has to; and what takes several
//! requests is not over with its first task. Kept beside the task's address, so that it survives a restart.

use serde::{Deserialize, Serialize};

use super::steps::Plan;
use crate::model::vim::VimOpRef;

/// What was asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A vApp was to be made, and to become this.
    Create(Box<Plan>),
    /// It was to be undeployed and removed.
    Delete,
    /// It was to be started.
    Start,
    /// It was to be stopped by its guest; by its power, where that fails.
    Stop,
    /// Its power was to be taken away.
    PowerOff,
    /// It was to be rebooted.
    Reboot,
    /// It was to get another size.
    Resize(Box<Plan>),
    /// The answer was the end of it.
    Done,
}

/// An errand under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Errand {
    /// What.
    pub what: What,
    /// Of which vApp.
    #[serde(default)]
    pub of: String,
}

impl Errand {
    /// As a reference of the connector `vim`; `task`: the task's address, empty where there is none.
    pub fn reference(&self, vim: &str, task: String) -> VimOpRef {
        VimOpRef {
            vim: vim.to_owned(),
            id: task,
            about: serde_json::to_string(self).unwrap_or_default(),
        }
    }

    /// From a reference; `None`: it is none of ours.
    pub fn of(reference: &VimOpRef) -> Option<Self> {
        serde_json::from_str(&reference.about).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errand_survives_its_reference() {
        let plan = Plan {
            script: Some("#!/bin/sh".to_owned()),
            starts: true,
            ..Plan::default()
        };
        for what in [
            What::Create(Box::new(plan.clone())),
            What::Resize(Box::new(plan)),
            What::Reboot,
            What::Done,
        ] {
            let errand = Errand {
                what,
                of: "vapp-7".to_owned(),
            };
            let reference = errand.reference("cloud", "http://c/task/1".to_owned());
            assert_eq!(
                (&*reference.vim, &*reference.id),
                ("cloud", "http://c/task/1")
            );
            assert_eq!(Errand::of(&reference), Some(errand));
        }
        let foreign = VimOpRef {
            vim: "cloud".to_owned(),
            id: "op".to_owned(),
            about: String::new(),
        };
        assert_eq!(Errand::of(&foreign), None);
    }
}
