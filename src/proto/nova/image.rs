//! Glance v2: images.

use serde::{Deserialize, Serialize};

use super::or_default;

/// An image as shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Image {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// `queued`, `saving`, `importing`, `active`, `killed`, `deleted`, ...
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// `public`, `private`, `shared`, `community`.
    #[serde(default, deserialize_with = "or_default")]
    pub visibility: String,
    /// Whether it may not be deleted.
    #[serde(default)]
    pub protected: bool,
    /// `qcow2`, `raw`, ...; `null` before it is told.
    #[serde(default)]
    pub disk_format: Option<String>,
    /// `bare` and others.
    #[serde(default)]
    pub container_format: Option<String>,
    /// Bytes, once there.
    #[serde(default)]
    pub size: Option<u64>,
    /// Digest of the content, once there.
    #[serde(default)]
    pub checksum: Option<String>,
    /// Disk a VM needs, in GB.
    #[serde(default)]
    pub min_disk: u64,
    /// Memory a VM needs, in MB.
    #[serde(default)]
    pub min_ram: u64,
    /// Whose.
    #[serde(default)]
    pub owner: Option<String>,
    /// When made.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: String,
    /// When changed last.
    #[serde(default, deserialize_with = "or_default")]
    pub updated_at: String,
    /// Tags.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// Where an import of its content failed, empty when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_glance_failed_import: Option<String>,
    /// Where it is.
    #[serde(
        rename = "self",
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub own: String,
    /// Where its content is.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub file: String,
    /// Where its schema is.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub schema: String,
}

/// `GET /v2/images`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ImageList {
    /// The images.
    #[serde(default, deserialize_with = "or_default")]
    pub images: Vec<Image>,
    /// Path at which the list begins.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub first: String,
    /// Path at which the list goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Where its schema is.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub schema: String,
}

/// `POST /v2/images`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NewImage {
    /// Name.
    pub name: String,
    /// Format of the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_format: Option<String>,
    /// Format of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_format: Option<String>,
    /// Who sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// Tags.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tags: Vec<String>,
}

/// `POST /v2/images/{id}/import`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageImport {
    /// How.
    pub method: ImportMethod,
}

/// How an image's content is to be fetched.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ImportMethod {
    /// `web-download`, `glance-direct`, `copy-image`.
    pub name: String,
    /// From where, for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
}
