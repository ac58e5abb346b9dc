//! Versions of the API.

use std::fmt;

/// A version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ApiVersion {
    /// 1.0: logged in by `.../login`, everything below `/api/v1.0`.
    V1_0,
    /// 1.5: sessions, everything below `/api`, the version in the media type that is accepted.
    V1_5,
    /// 5.1.
    V5_1,
    /// 5.5.
    V5_5,
}

impl ApiVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 4] = [Self::V1_0, Self::V1_5, Self::V5_1, Self::V5_5];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_5 => "1.5",
            Self::V5_1 => "5.1",
            Self::V5_5 => "5.5",
        }
    }

    /// The namespace of its documents; that of 1.5 stayed.
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::V1_0 => "http://www.vmware.com/vcloud/v1",
            _ => "http://www.vmware.com/vcloud/v1.5",
        }
    }

    /// By its text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|version| version.as_str() == text.trim())
    }

    /// The version that a client accepts, by its header; `None` when it names none.
    pub fn of_accept(accept: &str) -> Option<&str> {
        let mut parts = accept.split([';', ',']).map(str::trim);
        parts.find_map(|part| part.strip_prefix("version="))
    }

    /// What a client of the version accepts.
    pub fn accept(self) -> String {
        match self {
            Self::V1_0 => "application/*+xml".to_owned(),
            version => format!("application/*+xml;version={version}"),
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
