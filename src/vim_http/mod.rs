//! What the drivers of clouds behind HTTP share: limits, back-off, one request a second to a cloud that is down, and
//! the reading of connectors.
//!
//! ```text
//! driver: Cloud (manners of the port) --> Http (limits, what silence means) --> Gate (places, one request a second when down) --> cloud
//! ```
//!
//! Nothing here knows any cloud's words.

mod cloud;
mod day_zero;
mod error;
mod gate;
mod http;
mod pace;
mod properties;
mod recent;
#[cfg(test)]
pub(crate) mod scripted;
mod secret;
mod silence;
mod words;

pub use cloud::Cloud;
pub use day_zero::{USER_DATA, content, fill, refusal};
pub use error::ConnectorError;
pub use gate::Gate;
pub use http::{Exchange, Http, Limits, Reply, Trust};
pub use pace::Attempts;
pub use properties::{Properties, plain_url};
pub use recent::Recent;
pub use secret::Secret;
pub use silence::{Silence, nothing_done, one_line};
pub use words::{gibibytes, host_name, is_ours, logical, made_for, netmask, place, prefix_length};
