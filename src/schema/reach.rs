//! Units: no constraint may read beyond its own unit and the keys of its ancestors.

use super::error::SchemaError;
use super::lookup::Schema;

pub(super) fn check(_schema: &Schema) -> Result<(), SchemaError> {
    Ok(())
}
