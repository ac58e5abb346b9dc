//! What a job is about: a job that is no longer kept tells nothing, and then the VM has to. Kept beside the job's id,
//! so that it survives a restart.

use serde::{Deserialize, Serialize};

use crate::model::vim::VimOpRef;

/// What was asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A VM was to be made.
    Create,
    /// It was to be removed.
    Delete,
    /// It was to be started.
    Start,
    /// It was to be stopped.
    Stop,
    /// It was to be rebooted.
    Reboot,
    /// It was to get this service offering.
    Resize(String),
    /// A template was to be fetched by the cloud.
    Template,
    /// Something that is no VM was to be removed.
    Removal,
    /// The answer was the end of it.
    Done,
}

/// An errand under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Errand {
    /// What.
    pub what: What,
    /// Of which VM or template.
    #[serde(default)]
    pub of: String,
}

impl Errand {
    /// As a reference of the connector `vim`; `job`: the cloud's own id, empty where it gave none.
    pub fn reference(&self, vim: &str, job: String) -> VimOpRef {
        VimOpRef {
            vim: vim.to_owned(),
            id: job,
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
        for what in [What::Create, What::Resize("f".to_owned()), What::Done] {
            let errand = Errand {
                what,
                of: "450".to_owned(),
            };
            let reference = errand.reference("cloud", "17164".to_owned());
            assert_eq!((&*reference.vim, &*reference.id), ("cloud", "17164"));
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
