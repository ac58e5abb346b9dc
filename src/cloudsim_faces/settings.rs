//! Settings of `lifeline sim` (a TOML file; every key has a default).

use serde::{Deserialize, Serialize};

use super::{cloudstack, nova, vcloud};
use crate::cloudsim;

/// How time passes in the cloud.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Time {
    /// By the machine's clock.
    #[default]
    Automatic,
    /// Only when the control endpoint is told so.
    Explicit,
}

/// All settings.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// How time passes: `automatic`, or `explicit` (only by the control endpoint).
    pub time: Time,
    /// Octets of a request's body at most.
    pub body_bytes: usize,
    /// The cloud itself.
    pub cloud: cloudsim::Settings,
    /// Keystone, Glance, Neutron and Nova.
    pub nova: nova::Settings,
    /// CloudStack.
    pub cloudstack: cloudstack::Settings,
    /// vCloud.
    pub vcloud: vcloud::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            time: Time::default(),
            body_bytes: 16 * 1024 * 1024,
            cloud: cloud(),
            nova: nova::Settings::default(),
            cloudstack: cloudstack::Settings::default(),
            vcloud: vcloud::Settings::default(),
        }
    }
}

/// A cloud that behaves as those whose faces it wears: it recognises no repeated create, a failed create leaves
/// a VM in error, a failed start leaves a VM stopped, and a delete makes it forget a VM on a host it cannot reach.
fn cloud() -> cloudsim::Settings {
    let plain = cloudsim::Settings::default();
    cloudsim::Settings {
        idempotent: false,
        failed_create_leaves_vm: true,
        failed_start_leaves_stopped: true,
        forgets_cut_off_vms: true,
        latency: cloudsim::Latency {
            resource_ms: 0,
            ..plain.latency
        },
        ..plain
    }
}

impl Settings {
    /// Reads a file of settings; what it leaves out is as by default.
    ///
    /// # Errors
    /// It is no TOML, or has a key that is not known.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let wanted: toml::Table = toml::from_str(text)?;
        let mut all = toml::Table::try_from(Self::default()).map_err(serde::de::Error::custom)?;
        merge(&mut all, wanted);
        all.try_into()
    }
}

/// Puts what is wanted over what is there, table by table.
fn merge(all: &mut toml::Table, wanted: toml::Table) {
    for (key, value) in wanted {
        match (all.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(more)) => merge(inner, more),
            (_, value) => {
                all.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let text = "time = \"explicit\"\n[cloud]\nseed = 9\n[cloud.latency]\nboot-ms = 3\n";
        let read = Settings::parse(text).unwrap();
        let mut wanted = Settings {
            time: Time::Explicit,
            ..Settings::default()
        };
        wanted.cloud.seed = 9;
        wanted.cloud.latency.boot_ms = 3;
        assert_eq!(read, wanted);
        assert!(!read.cloud.idempotent, "the faces' own default stays");
        for bad in ["tyme = 1", "[cloud]\nboots = 1", "[nova]\nx = 1", "x"] {
            assert!(Settings::parse(bad).is_err(), "{bad}");
        }
    }
}
