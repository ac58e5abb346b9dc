//! Words with a fixed list, and room for those a newer cloud adds.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A word of a newer cloud, as it came.
            Other(String),
        }

        impl $name {
            /// Every word known here.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The wire word.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    _ => Self::Other(text.to_owned()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
                writer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                Ok(Self::from(&*String::deserialize(reader)?))
            }
        }
    };
}

words! {
    /// `status` of a server.
    ServerStatus {
        /// Runs, or did when Nova last looked: see the power state.
        Active = "ACTIVE",
        /// Being made.
        Build = "BUILD",
        /// Deleted, shown to administrators who ask for it.
        Deleted = "DELETED",
        /// In error.
        Error = "ERROR",
        /// Being power cycled.
        HardReboot = "HARD_REBOOT",
        /// Being moved alive.
        Migrating = "MIGRATING",
        /// Its password is being changed.
        Password = "PASSWORD",
        /// Paused.
        Paused = "PAUSED",
        /// Being rebooted softly.
        Reboot = "REBOOT",
        /// Being rebuilt.
        Rebuild = "REBUILD",
        /// In rescue mode.
        Rescue = "RESCUE",
        /// Being resized.
        Resize = "RESIZE",
        /// A resize is being reverted.
        RevertResize = "REVERT_RESIZE",
        /// Shelved, still on its host.
        Shelved = "SHELVED",
        /// Shelved, on no host.
        ShelvedOffloaded = "SHELVED_OFFLOADED",
        /// Stopped.
        Shutoff = "SHUTOFF",
        /// Deleted, and may be restored.
        SoftDeleted = "SOFT_DELETED",
        /// Suspended to disk.
        Suspended = "SUSPENDED",
        /// Nova does not know.
        Unknown = "UNKNOWN",
        /// Resized; waits for a confirmation.
        VerifyResize = "VERIFY_RESIZE",
    }
}

words! {
    /// `host_status` of a server (microversion 2.16).
    HostStatus {
        /// The compute service of its host answers.
        Up = "UP",
        /// The service was forced down or its state is not known.
        Unknown = "UNKNOWN",
        /// The service does not answer.
        Down = "DOWN",
        /// The service is disabled.
        Maintenance = "MAINTENANCE",
        /// It is on no host.
        None = "",
    }
}

/// `OS-EXT-STS:power_state`: what the hypervisor said when Nova last asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PowerState {
    /// 0, no state: not built, or the hypervisor does not know it.
    NoState,
    /// 1, running.
    Running,
    /// 3, paused.
    Paused,
    /// 4, shut down.
    Shutdown,
    /// 6, crashed.
    Crashed,
    /// 7, suspended.
    Suspended,
    /// Another number.
    Other(i64),
}

impl PowerState {
    /// The number on the wire.
    pub fn number(self) -> i64 {
        match self {
            Self::NoState => 0,
            Self::Running => 1,
            Self::Paused => 3,
            Self::Shutdown => 4,
            Self::Crashed => 6,
            Self::Suspended => 7,
            Self::Other(number) => number,
        }
    }
}

impl From<i64> for PowerState {
    fn from(number: i64) -> Self {
        match number {
            0 => Self::NoState,
            1 => Self::Running,
            3 => Self::Paused,
            4 => Self::Shutdown,
            6 => Self::Crashed,
            7 => Self::Suspended,
            other => Self::Other(other),
        }
    }
}

impl Serialize for PowerState {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_i64(self.number())
    }
}

impl<'de> Deserialize<'de> for PowerState {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Ok(Self::from(i64::deserialize(reader)?))
    }
}
