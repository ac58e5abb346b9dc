//! API versions (SOL 013 clause 9).

use serde::{Deserialize, Serialize};

/// A major version that is served.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Major {
    /// `/vnflcm/v1`.
    V1,
    /// `/vnflcm/v2`.
    V2,
}

impl Major {
    /// Those served, oldest first.
    pub const ALL: [Self; 2] = [Self::V1, Self::V2];

    /// The segment of the path.
    pub fn segment(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    /// The versions served, oldest first; the last one is answered where none was asked for.
    pub fn versions(self) -> &'static [&'static str] {
        match self {
            Self::V1 => &["1.3.0"],
            Self::V2 => &["2.0.0"],
        }
    }

    /// The newest version.
    pub fn newest(self) -> &'static str {
        self.versions().last().copied().unwrap_or_default()
    }

    /// The served version that a `Version` header asks for: the numbers must be equal, what is behind a
    /// `-impl` is not compared (SOL 013 clause 9.1).
    pub fn answer(self, asked: &str) -> Option<&'static str> {
        let core = asked.trim().split('-').next().unwrap_or_default();
        self.versions().iter().copied().find(|known| *known == core)
    }
}

/// One version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of SOL 013 clause 7.1.6, by their names"
)]
pub struct ApiVersion {
    pub version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_deprecated: Option<bool>,
}

/// `ApiVersionInformation`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the attributes of SOL 013 clause 7.1.6, by their names"
)]
pub struct ApiVersionInformation {
    pub uri_prefix: String,
    pub api_versions: Vec<ApiVersion>,
}

impl ApiVersionInformation {
    /// Of those major versions; the prefix is the path below the root of the API.
    pub fn of(majors: &[Major]) -> Self {
        let prefix = match majors {
            [one] => format!("/vnflcm/{}", one.segment()),
            _ => "/vnflcm".to_owned(),
        };
        let versions = majors.iter().flat_map(|major| major.versions());
        Self {
            uri_prefix: prefix,
            api_versions: versions
                .map(|version| ApiVersion {
                    version: (*version).to_owned(),
                    is_deprecated: Some(false),
                })
                .collect(),
        }
    }
}
