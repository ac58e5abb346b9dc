//! What a record belongs to: Nova finds one only below its server, and a request id alone tells neither which
//! server that is nor what was asked. Kept beside the request id, so that it survives a restart.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::model::vim::VimOpRef;

/// What was asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A server was to be made.
    Create,
    /// It was to be removed.
    Delete,
    /// It was to be started.
    Start,
    /// It was to be stopped.
    Stop,
    /// It was to be rebooted.
    Reboot,
    /// It was to get this flavor.
    Resize(String),
    /// An image was to be filled, by Glance itself or from here.
    Image(Option<String>),
    /// The answer was the end of it.
    Done,
}

/// An errand under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Errand {
    /// What.
    pub what: What,
    /// Of which server or image.
    #[serde(default)]
    pub of: String,
    /// When it was accepted.
    pub at: Timestamp,
    /// What was known of the host of a server when its removal was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sent>,
}

/// What was seen when a removal was sent: what a later 404 is worth.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sent {
    /// Its host, where the cloud tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether it was on a host at all.
    pub on_host: bool,
    /// Its status then.
    pub status: String,
    /// Whether the host's service answered before and after every removal that was sent; `None`: the cloud
    /// does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<bool>,
    /// Whether an operator had said that the host is fenced.
    #[serde(default)]
    pub fenced: bool,
    /// The token it was made with: its ports carry it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl Errand {
    /// As a reference of the connector `vim`; `request`: the cloud's own id.
    pub fn reference(&self, vim: &str, request: String) -> VimOpRef {
        VimOpRef {
            vim: vim.to_owned(),
            id: request,
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
        for what in [
            What::Create,
            What::Resize("f".to_owned()),
            What::Image(None),
            What::Done,
        ] {
            let errand = Errand {
                what,
                of: "s".to_owned(),
                at: Timestamp::from_micros(7),
                sent: Some(Sent {
                    host: Some("vm1".to_owned()),
                    on_host: true,
                    status: "ACTIVE".to_owned(),
                    served: Some(true),
                    fenced: false,
                    token: None,
                }),
            };
            let reference = errand.reference("cloud", "req-1".to_owned());
            assert_eq!((&*reference.vim, &*reference.id), ("cloud", "req-1"));
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
