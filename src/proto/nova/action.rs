//! `POST /servers/{id}/action`: one key that names the action, and its parameters.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// How to reboot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RebootType {
    /// The guest is asked.
    #[serde(rename = "SOFT")]
    Soft,
    /// Power cycle.
    #[serde(rename = "HARD")]
    Hard,
}

/// What a server is rebuilt to.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Rebuild {
    /// Image's id.
    #[serde(rename = "imageRef")]
    pub image_ref: String,
    /// New name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
}

/// An action on a server.
#[derive(Clone, PartialEq, Debug)]
pub enum ServerAction {
    /// `reboot`.
    Reboot(RebootType),
    /// `rebuild`.
    Rebuild(Rebuild),
    /// `resize` to a flavor's id; confirmed or reverted afterwards.
    Resize {
        /// Flavor's id.
        flavor: String,
    },
    /// `confirmResize`.
    ConfirmResize,
    /// `revertResize`.
    RevertResize,
    /// `shelve`.
    Shelve,
    /// `shelveOffload`.
    ShelveOffload,
    /// `unshelve`; parameters exist from microversion 2.77.
    Unshelve,
    /// `os-start`.
    Start,
    /// `os-stop`.
    Stop,
    /// `os-resetState` to `active` or `error`; for administrators.
    ResetState {
        /// The state.
        state: String,
    },
    /// `pause`.
    Pause,
    /// `unpause`.
    Unpause,
    /// `suspend`.
    Suspend,
    /// `resume`.
    Resume,
    /// `forceDelete`.
    ForceDelete,
    /// An action not known here, with its parameters.
    Other(String, Value),
}

impl ServerAction {
    /// The key on the wire.
    pub fn key(&self) -> &str {
        match self {
            Self::Reboot(_) => "reboot",
            Self::Rebuild(_) => "rebuild",
            Self::Resize { .. } => "resize",
            Self::ConfirmResize => "confirmResize",
            Self::RevertResize => "revertResize",
            Self::Shelve => "shelve",
            Self::ShelveOffload => "shelveOffload",
            Self::Unshelve => "unshelve",
            Self::Start => "os-start",
            Self::Stop => "os-stop",
            Self::ResetState { .. } => "os-resetState",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::ForceDelete => "forceDelete",
            Self::Other(key, _) => key,
        }
    }

    /// The action's name in `os-instance-actions`: `os-start` is recorded as `start`.
    pub fn recorded_as(&self) -> &str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::ResetState { .. } => "resetState",
            other => other.key(),
        }
    }

    fn read(key: &str, parameters: Value) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Reboot {
            #[serde(rename = "type")]
            kind: RebootType,
        }
        #[derive(Deserialize)]
        struct Resize {
            #[serde(rename = "flavorRef")]
            flavor: String,
        }
        #[derive(Deserialize)]
        struct Reset {
            state: String,
        }
        Ok(match key {
            "reboot" => Self::Reboot(serde_json::from_value::<Reboot>(parameters)?.kind),
            "rebuild" => Self::Rebuild(serde_json::from_value(parameters)?),
            "resize" => Self::Resize {
                flavor: serde_json::from_value::<Resize>(parameters)?.flavor,
            },
            "confirmResize" => Self::ConfirmResize,
            "revertResize" => Self::RevertResize,
            "shelve" => Self::Shelve,
            "shelveOffload" => Self::ShelveOffload,
            "unshelve" => Self::Unshelve,
            "os-start" => Self::Start,
            "os-stop" => Self::Stop,
            "os-resetState" => Self::ResetState {
                state: serde_json::from_value::<Reset>(parameters)?.state,
            },
            "pause" => Self::Pause,
            "unpause" => Self::Unpause,
            "suspend" => Self::Suspend,
            "resume" => Self::Resume,
            "forceDelete" => Self::ForceDelete,
            other => Self::Other(other.to_owned(), parameters),
        })
    }

    fn parameters(&self) -> serde_json::Result<Value> {
        Ok(match self {
            Self::Reboot(kind) => serde_json::json!({ "type": kind }),
            Self::Rebuild(rebuild) => serde_json::to_value(rebuild)?,
            Self::Resize { flavor } => serde_json::json!({ "flavorRef": flavor }),
            Self::ResetState { state } => serde_json::json!({ "state": state }),
            Self::Other(_, parameters) => parameters.clone(),
            _ => Value::Null,
        })
    }
}

impl Serialize for ServerAction {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        let parameters = self.parameters().map_err(serde::ser::Error::custom)?;
        let document = Map::from_iter([(self.key().to_owned(), parameters)]);
        document.serialize(writer)
    }
}

impl<'de> Deserialize<'de> for ServerAction {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let document = Map::deserialize(reader)?;
        let mut members = document.into_iter();
        let (Some((key, parameters)), None) = (members.next(), members.next()) else {
            return Err(D::Error::custom("an action is one key with its parameters"));
        };
        Self::read(&key, parameters).map_err(D::Error::custom)
    }
}
